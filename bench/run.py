"""Measures the app side by side with what a user would have instead, and prints a table of ratios.

    python bench/run.py [bytes loading start comparisons reading]

What is compared takes turns in one run, so that whatever else the machine does meets both; what is taken more than once
is the best. The random weights of full size stay in MEGASTYLE_BENCH_DIR, ~/.cache/megastyle-bench by default.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import httpx  # noqa: E402 - the path comes first

import reading  # noqa: E402
import weights  # noqa: E402
from hub import Hub  # noqa: E402
from loopback import serving  # noqa: E402
from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, CHECKPOINT_FILE, CHECKPOINT_REPO  # noqa: E402
from probes import timed  # noqa: E402
from visitor import COMPARE, Visitor  # noqa: E402

ROUNDS = 3  # of what takes some seconds
PICTURE_TERAFLOP = 0.667  # one picture's forward pass
REFERENCES = 8
SENT_BYTES = 300_000  # what a comparison may send to the browser
MEMORY_BYTES, SCRATCH_BYTES = 8_000_000_000, 1_200_000_000  # free memory and disk that a run needs
SAMPLING_SECONDS = 0.005
PATIENCE_SECONDS = 3600.0  # for one answer, on a slow machine


class Row(NamedTuple):
    """One line of the table; `goal` bounds the ratio, from above unless `at_least`."""

    what: str
    ours: str
    against: str
    ratio: float
    goal: float
    at_least: bool = False

    def __str__(self) -> str:
        met = self.ratio >= self.goal if self.at_least else self.ratio <= self.goal
        goal = f"{'≥' if self.at_least else '≤'} {self.goal:.2f}"
        cells = self.what, self.ours, self.against, f"{self.ratio:#.3g}", goal, "yes" if met else "**no**"
        return f"| {' | '.join(cells)} |"


# ---------------------------------------------------------------------------------------------------------- the machine


def kilobytes(path: Path, field: str) -> int:
    """Bytes of a field that a file of /proc gives in kB; 0 where the process has gone."""
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith(f"{field}:")]
    return int(lines[0][1]) * 1024 if lines else 0


class Probed(NamedTuple):
    """What a probe found, how long its whole process took (s), and its peak of anonymous memory (RssAnon, bytes)."""

    found: Any
    seconds: float
    memory: int


def probe(environment: dict[str, str], name: str, *arguments: str) -> Probed:
    """Run a probe in a process of its own, whose memory is looked at from outside every 5 ms.

    Pages of mapped files do not count: the kernel can drop them, and processes share them.

    Raises:
        RuntimeError: it failed.
    """
    began, peak, over = time.perf_counter(), [0], threading.Event()
    command = [sys.executable, str(HERE / "probes.py"), name, *arguments]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as process:

        def watch() -> None:
            while not over.wait(SAMPLING_SECONDS):
                with suppress(OSError):
                    peak[0] = max(peak[0], kilobytes(Path(f"/proc/{process.pid}/status"), "RssAnon"))

        watching = threading.Thread(target=watch)
        watching.start()
        output, _ = process.communicate()
        over.set()
        watching.join()
    if process.returncode:
        raise RuntimeError(f"the probe {name} ended with {process.returncode}")
    return Probed(json.loads(output.splitlines()[-1]), time.perf_counter() - began, peak[0])


@contextmanager
def multiplier() -> Iterator[Callable[[], float]]:
    """Gives a function that measures the machine's matrix-multiply rate, in floating-point operations a second."""
    command = [sys.executable, str(HERE / "probes.py"), "multiply"]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        ask, told = process.stdin, process.stdout
        assert ask, told  # noqa: S101 - for the type checker

        def rate() -> float:
            print(file=ask, flush=True)
            return float(told.readline())  # type: ignore[union-attr]

        yield rate
        process.communicate()


# -------------------------------------------------------------------------------------------------------- measurements


class Bench(NamedTuple):
    """Where the weights lie, and a folder for what a run leaves."""

    weights: Path
    scratch: Path

    @property
    def environment(self) -> dict[str, str]:
        """In which the app finds the weights under their published names, without the network."""
        cleared = ("MEGASTYLE_", "GRADIO_", "HF_", "SPACES_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(cleared)}
        return {
            **kept,
            "HF_HOME": str(self.weights / "hub"),
            "HF_HUB_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
        }

    @property
    def plain(self) -> tuple[str, str]:
        """Backbone folder and checkpoint, the plain recipe's arguments."""
        return str(self.weights / "backbone"), str(weights.checkpoint_path(self.weights))


def cold_start(bench: Bench) -> Iterator[Row]:
    """Load by the app's own code from an empty cache and a Hub on loopback, and weigh the cache."""
    backbone, checkpoint = map(Path, bench.plain)
    with Hub() as hub, tempfile.TemporaryDirectory(dir=bench.scratch) as home:
        hub.repositories[CHECKPOINT_REPO] = {CHECKPOINT_FILE: checkpoint.read_bytes()}
        hub.repositories[BACKBONE_REPO] = {name: (backbone / name).read_bytes() for name in BACKBONE_FILES}
        environment = {name: value for name, value in bench.environment.items() if name != "HF_HUB_OFFLINE"}
        probe({**environment, "HF_HOME": home, "HF_ENDPOINT": hub.url}, "load-app")
        fetched = sum(blob.stat().st_size for blob in Path(home).glob("hub/models--*/blobs/*"))
    plain = sum(path.stat().st_size for path in backbone.iterdir()) + checkpoint.stat().st_size
    against = f"the plain recipe: {gigabytes(plain)}"
    yield Row("bytes a cold start needs from the Hub", gigabytes(fetched), against, fetched / plain, 0.20)


def loading(bench: Bench) -> Iterator[Row]:
    """Load by the app's code and by the plain recipe, and do the two parts that no loading can do without, in turns."""
    ours, plain, parts = [], [], []
    for _ in range(ROUNDS):
        ours.append(probe(bench.environment, "load-app"))
        plain.append(probe(bench.environment, "load-plain", *bench.plain))
        parts.append(probe(bench.environment, "load-parts").found)
    seconds, (digest, cast) = min(run.found for run in ours), map(min, zip(*parts, strict=True))
    floor = cast + digest / len(os.sched_getaffinity(0))  # the digest needs one core, the cast takes all
    against = f"its floor, SHA-256 and float32 shared among the cores: {floor:.2f} s"
    yield Row("loading the encoder, files warm", f"{seconds:.2f} s", against, seconds / floor, 1.35)
    memory, theirs = (max(run.memory for run in side) for side in (ours, plain))
    what, against = "peak anonymous memory while loading (`RssAnon`)", f"the plain recipe: {gigabytes(theirs)}"
    yield Row(what, gigabytes(memory), against, memory / theirs, 0.80)


def starting(bench: Bench) -> Iterator[Row]:
    """Start the app, and do in a bare process what no start can do without, in turns."""
    started, floors = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=bench.scratch) as temp:
            began = time.perf_counter()
            with serving(bench.environment, Path(temp)):
                started.append(time.perf_counter() - began)
        floors.append(probe(bench.environment, "start").seconds)
    what, against = "start to the first answer, all cached", f"its imports and the loading alone: {min(floors):.1f} s"
    yield Row(what, f"{min(started):.1f} s", against, min(started) / min(floors), 1.15)


def comparisons(bench: Bench) -> Iterator[Row]:
    """A first comparison of 1 with 8 between two measurements of the machine, another test image, the same again."""
    files = [(f"{number}.jpg", content) for number, content in enumerate(reading.photographs())]
    new = ("new.jpg", files[0][1] + b"another file to the cache, the same picture to a decoder")
    answers: list[httpx.Response] = []
    with (
        tempfile.TemporaryDirectory(dir=bench.scratch) as temp,
        multiplier() as rate,
        serving(bench.environment, Path(temp)) as url,
        Visitor(url, patience=PATIENCE_SECONDS) as visitor,
    ):
        visitor.put(files[0], files[1:])
        before = rate()
        visitor.http.event_hooks = {"response": [answers.append]}
        first = timed(lambda: visitor.click(COMPARE))
        visitor.http.event_hooks = {}
        machine = (before + rate()) / 2
        visitor.put(new, files[1:])
        another = timed(lambda: visitor.click(COMPARE))
        again = min(timed(lambda: visitor.click(COMPARE)) for _ in range(ROUNDS))
    floor = PICTURE_TERAFLOP * 1e12 / machine
    per_picture, whole = first / len(files), f"first comparison: {first:.1f} s"
    against = f"the matrix-multiply rate, {machine / 1e9:.0f} GFLOP/s: {floor:.1f} s a picture"
    yield Row(
        "first comparison of 1 with 8, CPU",
        f"{per_picture:.1f} s a picture",
        against,
        floor / per_picture,
        0.90,
        at_least=True,
    )
    yield Row("new test image, same references", f"{another:.2f} s", whole, another / first, 0.15)
    yield Row("same comparison again", f"{again:.3f} s", whole, again / first, 0.01)
    what, size = "what a comparison sends to the browser", sum(answer.num_bytes_downloaded for answer in answers)
    yield Row(what, f"{size / 1000:.0f} KB", f"{SENT_BYTES / 1000:.0f} KB", size / SENT_BYTES, 1.0)


def reading_pictures(_: Bench) -> Iterator[Row]:
    """Read nine photographs in processes of their own and in threads of the app."""
    found = reading.read_in_processes_and_threads()
    what = "reading nine JPEGs of 2 megapixels, two at a time, in processes"
    ratio = found.processes / found.threads
    yield Row(what, f"{found.processes:.2f} s", f"in threads of the app: {found.threads:.2f} s", ratio, 1.50)


def gigabytes(size: float) -> str:
    """A size in words."""
    return f"{size / 1e9:.2f} GB"


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "bytes": cold_start,
    "loading": loading,
    "start": starting,
    "comparisons": comparisons,
    "reading": reading_pictures,
}


def prepared() -> Path:
    """The weights, made if they are not there yet; without room for a run it ends in one line and writes nothing."""
    folder = Path(os.environ.get("MEGASTYLE_BENCH_DIR") or "~/.cache/megastyle-bench").expanduser()
    place = folder / f"weights-{weights.VERSION}"
    disk = SCRATCH_BYTES + (0 if place.is_dir() else weights.MAKING_BYTES)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if shutil.disk_usage(there).free < disk or kilobytes(Path("/proc/meminfo"), "MemAvailable") < MEMORY_BYTES:
        needs = f"{gigabytes(disk)} of disk in {folder} and {gigabytes(MEMORY_BYTES)} of memory"
        sys.exit(f"The benchmark needs {needs}. Nothing was written. MEGASTYLE_BENCH_DIR names another folder.")
    if not place.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        print("Making random weights of full size, once (4.4 GB) ...", flush=True)
        weights.make(place)
    return place


def main() -> None:
    """Measure what is named, all by default, and say where and how long."""
    names, began = sys.argv[1:] or list(MEASUREMENTS), time.perf_counter()
    if unknown := set(names) - MEASUREMENTS.keys():
        sys.exit(f"There is no measurement {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}.")
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "gradio"))
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{cores} cores of {platform.machine()}, Python {platform.python_version()}, {libraries}; load {load:.1f}")
    print("\n| what | the app | against | ratio | goal | met |\n|---|---|---|---|---|---|", flush=True)
    place = prepared() if set(names) - {"reading"} else Path()
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            for row in MEASUREMENTS[name](Bench(place, Path(scratch))):
                print(row, flush=True)
    print(f"\n{(time.perf_counter() - began) / 60:.0f} minutes; load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
