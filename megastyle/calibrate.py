"""The command that measures what a score is worth: a folder of pictures becomes a calibration file and a report.

    python -m megastyle.calibrate FOLDER [--out FILE] [--name NAME]

FOLDER holds one subfolder a style. Embeddings are kept in ~/.cache/megastyle, so a run that was stopped goes on where
it was, and another run with one more style embeds only that.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from megastyle.calibration import CalibrationError, calibration_text, require_name
from megastyle.encoder import Encoder, EncoderError, load_encoder
from megastyle.measuring import versions
from megastyle.measuring.bulk import embed_into
from megastyle.measuring.labelling import measure_set
from megastyle.measuring.picture_set import PictureSet, SetError, files_by_style, find_pictures
from megastyle.measuring.progress import Progress
from megastyle.measuring.store import Store, StoreError, cache_folder
from megastyle.page.calibration_report import report, summary

OUT = Path(__file__).resolve().parent.parent / "calibration.json"  # where app.py looks for it
BAD_INPUT, INTERRUPTED = 2, 130  # exit codes: argparse's, and the shell's for Ctrl+C


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m megastyle.calibrate", description="Measure what a score is worth.")
    parser.add_argument("folder", type=Path, help="holds one subfolder a style, with that style's pictures in it")
    parser.add_argument("--out", type=Path, default=OUT, help="the calibration file; the report lies beside it (.html)")
    parser.add_argument("--name", help="what the page calls the set; by default the folder's name")
    return parser.parse_args(words)


def require_place(path: Path) -> None:
    """Refuse a file that could not be written.

    Raises:
        SetError: its folder is not there or cannot be written, or it is a folder itself.
    """
    if path.is_dir():
        raise SetError(f"{path} is a folder; --out names a file")
    if path.suffix == ".html":
        raise SetError(f"{path} would be overwritten by the report; --out names a .json file")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise SetError(f"{path} cannot be written: {error.strerror}") from error


def write(path: Path, text: str) -> None:
    """Write a file beside its place and rename it, so that nobody ever reads half of it."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".unfinished-", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise


def look(folder: Path) -> PictureSet:
    """The set in a folder.

    Raises:
        SetError: it is none.
    """
    files = files_by_style(folder)
    with Progress("Looked at", sum(map(len, files.values()))) as progress:
        return find_pictures(folder, files, progress.advance)


def say(remarks: Sequence[str]) -> None:
    """Print what the set's owner should know, one line each."""
    for remark in remarks:
        print(remark)


def made_with(encoder: Encoder) -> dict[str, object]:
    """All that an embedding depends on beside the picture."""
    config, processor = encoder.model.config.to_json_string(), encoder.processor.to_json_string()
    return {"checkpoint": encoder.source.sha256, "config": config, "processor": processor, "versions": versions()}


def run(asked: argparse.Namespace) -> None:
    """Look, embed, measure, write.

    Raises:
        SetError, CalibrationError, StoreError, EncoderError: it cannot be done.
    """
    name = require_name(asked.name if asked.name is not None else asked.folder.resolve().name)
    require_place(asked.out)
    found = look(asked.folder)
    say(found.remarks)
    encoder = load_encoder()
    with Store(cache_folder(), made_with(encoder), encoder.model.config.hidden_size) as store:
        new = [picture for picture in found.pictures if picture.sha256 not in store]
        total = len(found.pictures)
        print(f"{total} pictures in {len(found.styles)} styles; {total - len(new)} are embedded already.", flush=True)
        with Progress("Embedded", total, total - len(new)) as progress:
            refused = embed_into(store, new, encoder, progress.advance)
        usable = found.without(refused)
        say(usable.remarks[len(found.remarks) :])
        calibration = measure_set(usable, store, encoder, name)
    write(asked.out, calibration_text(calibration))
    write(asked.out.with_suffix(".html"), report(calibration, usable.remarks))
    print(summary(calibration), f"\nWritten: {asked.out} and, for people, {asked.out.with_suffix('.html')}", sep="\n")


def main(words: Sequence[str] | None = None) -> int:
    """The command; gives the exit code."""
    asked = arguments(words)
    try:
        run(asked)
    except (SetError, CalibrationError, StoreError) as error:
        print(f"Not calibrated: {error}", file=sys.stderr)
        return BAD_INPUT
    except (EncoderError, ValueError) as error:
        print(f"Not calibrated: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was embedded is kept: the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
