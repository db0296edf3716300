"""The command that measures what a score is worth: a folder of pictures becomes a calibration file and a report.

    python -m megastyle.calibrate FOLDER [--out FILE] [--name NAME]

FOLDER holds one subfolder a style. Embeddings are kept in ~/.cache/megastyle, so a run that was stopped goes on where
it was, and another run with one more style embeds only that.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from megastyle import folders
from megastyle.calibration import calibration_text, require_name
from megastyle.encoder import load_encoder
from megastyle.folders import FolderError, Picture, Remarks, listed, place_of, printable
from megastyle.measuring import labelled, measure
from megastyle.page.calibration_report import report, summary

OUT = Path(__file__).resolve().parent.parent / "calibration.json"  # where app.py looks for it
MAX_PICTURES = 30_000  # the cosines of all with all take 3.6 GB

Styles = Mapping[str, Sequence[Picture]]


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m megastyle.calibrate", description="Measure what a score is worth.")
    parser.add_argument("folder", type=Path, help="holds one subfolder a style, with that style's pictures in it")
    parser.add_argument("--out", type=Path, default=OUT, help="the calibration file; the report lies beside it (.html)")
    parser.add_argument("--name", help="what the page calls the set; by default the folder's name")
    return parser.parse_args(words)


def files_by_style(folder: Path, remarks: Remarks) -> dict[str, list[Path]]:
    """The files of each subfolder, by its name.

    Raises:
        FolderError: there is no folder, or two styles cannot be told apart.
    """
    loose, subfolders = folders.inside(folder, remarks)
    if loose:
        names = listed([printable(path.name) for path in loose])
        remarks.notes.append(f"Not looked at ({len(loose)}): {names} in {printable(folder.name)} itself, in no style.")
    styles = {printable(subfolder.name): folders.files_in(subfolder, remarks) for subfolder in subfolders}
    if len(styles) < len(subfolders):
        raise FolderError("two styles have names that can only be told apart by characters that cannot be printed")
    return styles


def distinct(styles: Styles, remarks: Remarks) -> Styles:
    """Every content once: a copy in the same style is left out, and what is in two styles has no style."""
    owners: dict[str, set[str]] = defaultdict(set)
    for style, pictures in styles.items():
        for picture in pictures:
            owners[picture.sha256].add(style)
    kept: dict[str, dict[str, Picture]] = {style: {} for style in styles}
    for style, pictures in styles.items():
        for picture in pictures:
            if len(owners[picture.sha256]) > 1:
                remarks.left_out["is in two styles."].append(place_of(picture.path))
            elif kept[style].setdefault(picture.sha256, picture) is not picture:
                remarks.left_out["is a copy of another one in its style."].append(place_of(picture.path))
    return {style: list(pictures.values()) for style, pictures in kept.items()}


def require_set(styles: Styles, remarks: Remarks) -> None:
    """Refuse what is too little or too much to be measured.

    Raises:
        FolderError: fewer than two styles with two pictures, or too many pictures.
    """
    sizes = [len(pictures) for pictures in styles.values()]
    if (usable := sum(size > 1 for size in sizes)) < 2:
        because = f" ({' '.join(lines)})" if (lines := remarks.lines()) else ""
        wanted = "two subfolders or more, one a style, with two pictures or more that can be read"
        raise FolderError(f"expected {wanted}, found {usable}{because}")
    if sum(sizes) > MAX_PICTURES:
        raise FolderError(f"expected at most {MAX_PICTURES:,} pictures, found {sum(sizes):,}; take a sample")


def digest_of(styles: Styles) -> str:
    """SHA-256 over style and content of every picture; the order and the names of the files do not matter."""
    lines = sorted(f"{style}\0{picture.sha256}\n" for style, pictures in styles.items() for picture in pictures)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def run(asked: argparse.Namespace) -> int:
    """Look, embed, measure, write; gives the exit code.

    Raises:
        ValueError, EncoderError: it cannot be done.
    """
    name = require_name(asked.name if asked.name is not None else asked.folder.resolve().name)
    out, page = asked.out, asked.out.with_suffix(".html")
    if out == page:
        raise FolderError(f"{printable(str(out))} would be overwritten by the report; --out names a .json file")
    folders.require_places([out, page])
    remarks = Remarks()
    styles = distinct(folders.look(files_by_style(asked.folder, remarks), remarks), remarks)
    require_set(styles, remarks)
    encoder = load_encoder()
    with closing(folders.Store(folders.cache_folder(), folders.made_with(encoder))) as store:
        everything = [picture for pictures in styles.values() for picture in pictures]
        embedded = folders.embed_all(everything, encoder, store, remarks)
    styles = {style: [one for one in pictures if one.sha256 in embedded] for style, pictures in styles.items()}
    require_set(styles, remarks)
    rows = {style: [embedded[one.sha256] for one in pictures] for style, pictures in styles.items() if pictures}
    for what, count in (("without a picture, left out", 0), ("of one picture, which has no relatives", 1)):
        if few := [style for style, pictures in styles.items() if len(pictures) == count]:
            remarks.notes.append(f"Styles {what} ({len(few)}): {listed(few)}.")
    calibration = measure(labelled(rows), name, digest_of(styles), encoder.source)
    folders.write_together({out: calibration_text(calibration), page: report(calibration, remarks.lines())})
    print(*remarks.lines(), summary(calibration), f"\nWritten: {out} and, for people, {page}", sep="\n")
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """The command; gives the exit code."""
    asked = arguments(words)
    return folders.command(lambda: run(asked), "Not calibrated")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
