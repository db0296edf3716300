"""Measures the app side by side with what a user would have instead, and prints the table.

python bench/run.py [--pictures FOLDER] [MEASUREMENT ...]

Everything is taken in one run on this machine; without names, all of it.
What it makes (random weights of full size, pictures) stays in MEGASTYLE_BENCH_DIR, ~/.cache/megastyle-bench by default.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import pictures  # noqa: E402 - the path comes first
import weights  # noqa: E402
from machine import RoomError, describe, require_room  # noqa: E402
from measures import MEASUREMENTS, Bench, Row  # noqa: E402

MEMORY_BYTES = 8_000_000_000  # the plain recipe's 2.8 GB with its files kept warm beside it, 4.4 GB
SCRATCH_BYTES = 1_200_000_000  # of disk while it runs: a cold start's own copy of the checkpoint, uploads


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the app side by side with what a user would have instead.")
    parser.add_argument(
        "--pictures", type=Path, help="folder of the pictures to compare; drawn ones of usual sizes by default"
    )
    parser.add_argument(
        "measurement", nargs="*", choices=[[], *MEASUREMENTS], help=", ".join(MEASUREMENTS) + "; all by default"
    )
    return parser.parse_args()


def home() -> Path:
    """The folder of everything that is made."""
    return Path(os.environ.get("MEGASTYLE_BENCH_DIR") or "~/.cache/megastyle-bench").expanduser()


def prepare_weights(folder: Path) -> Path:
    """Make the weights if they are not there yet, once there is room for them and for what is done with them."""
    place = folder / f"weights-{weights.VERSION}"
    made = place.is_dir()
    try:
        require_room(folder, SCRATCH_BYTES + (0 if made else weights.MAKING_BYTES), MEMORY_BYTES)
    except RoomError as error:
        sys.exit(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    if not made:
        print("Making random weights of full size, once (4.4 GB) ...", flush=True)
        weights.make(place)
    return place


def prepare(folder: Path, chosen: Path | None) -> Bench:
    """Everything that the measurements need; what is missing is made."""
    made = prepare_weights(folder)
    drawn, scratch = folder / f"pictures-{pictures.VERSION}", folder / "scratch"
    shutil.rmtree(
        scratch / "gradio", ignore_errors=True
    )  # the last run's uploads; the app's example pictures stay cached beside them
    scratch.mkdir(exist_ok=True)
    paths = (
        sorted(path for path in chosen.iterdir() if path.suffix != ".md") if chosen else pictures.write_drawings(drawn)
    )
    return Bench(made, scratch, paths, pictures.write_photographs(drawn))


def line(row: Row) -> str:
    """A row of the Markdown table."""
    goal = f"{'≥' if row.at_least else '≤'} {row.goal:.2f}"
    return (
        f"| {row.what} | {row.ours} | {row.against} | {row.ratio:#.3g} | {goal} "
        f"| {'yes' if row.reached else '**no**'} |"
    )


def measure(bench: Bench, names: Sequence[str]) -> None:
    """Measure and print, row by row."""
    print("\n| what | the app | against | ratio | goal | met |\n|---|---|---|---|---|---|", flush=True)
    for name in names:
        for row in MEASUREMENTS[name](bench):
            print(line(row), flush=True)
    print("", *bench.remarks, sep="\n")


def main() -> None:
    """Prepare, measure, and say where and how long."""
    asked, began = arguments(), time.perf_counter()
    bench = prepare(home(), asked.pictures)
    print(f"{describe()}; load average {os.getloadavg()[0]:.1f}", flush=True)
    measure(bench, asked.measurement or list(MEASUREMENTS))
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes; load average at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
