"""A set of pictures with known styles: a folder with one subfolder a style, as torchvision's ImageFolder has it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from megastyle.reading import READER, PictureError

READERS = 2  # threads that read files
MOST_NAMED = 5  # pictures that a remark names; the others are counted
MAX_PICTURES = 30_000  # the cosines of all with all take 3.6 GB
MAX_NAME_LENGTH = 255  # characters of a style's name; a file system's own limit is 255 bytes


class SetError(ValueError):
    """A folder is no set that can be measured; the message says why, in one line."""


class Picture(NamedTuple):
    """A picture file and the SHA-256 of its content."""

    path: Path
    sha256: str


def printable(name: str) -> str:
    """A file's name as one line of text that UTF-8 can carry: every other character is written as its number."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return text[:MAX_NAME_LENGTH]


def place_of(path: Path) -> str:
    """A picture's style and name."""
    return f"{printable(path.parent.name)}/{printable(path.name)}"


def listed(places: Sequence[str]) -> str:
    """Some places by name, and how many more there are."""
    more = len(places) - MOST_NAMED
    return ", ".join(places[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class PictureSet:
    """The pictures by style, both in the order of their names, and what its owner should know of it, one line each."""

    styles: Mapping[str, tuple[Picture, ...]]
    remarks: tuple[str, ...]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures."""
        return [picture for pictures in self.styles.values() for picture in pictures]

    @property
    def digest(self) -> str:
        """SHA-256 over style and content of every picture; the order and the names of the files do not matter."""
        lines = sorted(f"{style}\0{p.sha256}\n" for style, pictures in self.styles.items() for p in pictures)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def with_remark(self, *remarks: str) -> PictureSet:
        """The same with further remarks."""
        return replace(self, remarks=self.remarks + remarks)

    def without(self, refused: Mapping[Path, str]) -> PictureSet:
        """The set without pictures that cannot be read, which are named with the reason.

        Raises:
            SetError: what remains is too little.
        """
        if not refused:
            return self
        styles = {
            style: tuple(picture for picture in pictures if picture.path not in refused)
            for style, pictures in self.styles.items()
        }
        return checked(PictureSet(styles, self.remarks + refusals(refused)))


def refusals(refused: Mapping[Path, str]) -> tuple[str, ...]:
    """What is said of pictures that cannot be read: a line for each reason."""
    reasons = defaultdict(list)
    for path, reason in refused.items():
        reasons[reason].append(place_of(path))
    return tuple(f"Left out ({len(places)}): {listed(places)} {reason}" for reason, places in reasons.items())


# ------------------------------------------------------------------------------------------------------------- folders


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name, hidden files left out.

    Raises:
        SetError: it cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SetError(f"{printable(str(folder))} cannot be read: {error.strerror}") from error


def files_by_style(folder: Path) -> dict[Path, list[Path]]:
    """The files of each subfolder.

    Raises:
        SetError: there is no folder, it has no subfolder, or the files lie in subfolders of these.
    """
    name = printable(str(folder))
    if not folder.is_dir():
        raise SetError(f"{name} is no folder")
    if not (subfolders := [path for path in entries(folder) if path.is_dir()]):
        raise SetError(f"{name} holds no folder; expected one subfolder a style")
    files = {subfolder: [path for path in entries(subfolder) if path.is_file()] for subfolder in subfolders}
    if not any(files.values()):
        deeper = next((subfolder for subfolder in subfolders if entries(subfolder)), None)
        if deeper is None:
            raise SetError(f"{name} holds only empty folders")
        inside = f"the folders in {name} hold folders again; expected one subfolder a style with pictures in it"
        raise SetError(f"{inside}, as in {printable(str(deeper))}")
    return files


def folder_remarks(folder: Path, files: Mapping[Path, Sequence[Path]]) -> Iterator[str]:
    """What is passed over."""
    if loose := [printable(path.name) for path in entries(folder) if not path.is_dir()]:
        yield f"Not looked at ({len(loose)}): {listed(loose)} in {printable(folder.name)} itself, in no style"
    if deep := [printable(path.name) for path in files if any(inner.is_dir() for inner in entries(path))]:
        yield f"Folders inside of styles are not looked into: those of {listed(deep)}"


# ------------------------------------------------------------------------------------------------------------ pictures


def look_at(path: Path) -> Picture | PictureError:
    """The picture, or why it is refused. It is read in full, as it will be again."""
    try:
        return Picture(path, READER.read(path, (1, 1), 0).digest)
    except PictureError as error:
        return error


def distinct(styles: Mapping[str, Sequence[Picture]]) -> PictureSet:
    """The set with every content once: a copy in the same style is passed over, one in two styles has no style."""
    owners: dict[str, set[str]] = defaultdict(set)
    for style, pictures in styles.items():
        for picture in pictures:
            owners[picture.sha256].add(style)
    kept: dict[str, tuple[Picture, ...]] = {}
    copies, torn = [], []
    for style, pictures in styles.items():
        seen: dict[str, Picture] = {}
        for picture in pictures:
            if len(owners[picture.sha256]) > 1:
                torn.append(place_of(picture.path))
            elif picture.sha256 in seen:
                copies.append(place_of(picture.path))
            else:
                seen[picture.sha256] = picture
        kept[style] = tuple(seen.values())
    remarks = [f"Counted once ({len(copies)} copies): {listed(copies)}"] if copies else []
    remarks += [f"Left out ({len(torn)}): the same picture is in two styles: {listed(torn)}"] if torn else []
    return PictureSet(kept, tuple(remarks))


def checked(found: PictureSet) -> PictureSet:
    """The set without empty styles, if enough remains; lonely pictures are named.

    Raises:
        SetError: fewer than two styles, no style with two pictures, or too many pictures.
    """
    styles = {style: pictures for style, pictures in found.styles.items() if pictures}
    total, reasons = sum(map(len, styles.values())), "; ".join(found.remarks)
    because = f" ({reasons})" if reasons else ""
    if len(styles) < 2:
        raise SetError(f"expected two styles or more with pictures that can be read, found {len(styles)}{because}")
    if total > MAX_PICTURES:
        raise SetError(f"expected at most {MAX_PICTURES:,} pictures, found {total:,}; take a sample")
    alone = [style for style, pictures in styles.items() if len(pictures) == 1]
    if len(alone) == len(styles):
        raise SetError(f"expected a style with two pictures or more; each of the {len(styles)} has one{because}")
    empty = [style for style in found.styles if style not in styles]
    remarks = [f"Styles without a picture, left out ({len(empty)}): {listed(empty)}"] if empty else []
    remarks += [f"Styles of one picture, which has no relatives ({len(alone)}): {listed(alone)}"] if alone else []
    return PictureSet(styles, found.remarks).with_remark(*remarks)


def named(files: Mapping[Path, Sequence[Path]]) -> dict[str, Sequence[Path]]:
    """The files by the style's name.

    Raises:
        SetError: two names are the same once they are printable.
    """
    styles = {printable(folder.name): found for folder, found in files.items()}
    if len(styles) < len(files):
        raise SetError("two styles have names that can only be told apart by characters that cannot be printed")
    return styles


def find_pictures(folder: Path, files: Mapping[Path, Sequence[Path]], advance: Callable[[int], object]) -> PictureSet:
    """The pictures among the `files_by_style` of a folder; every file is read, and of a picture its header decoded.

    `advance` is called with the number of files that were looked at since the last call.

    Raises:
        SetError: the folder is no set that can be measured.
    """
    paths = [path for found in files.values() for path in found]
    results: dict[Path, Picture | PictureError] = {}
    with ThreadPoolExecutor(READERS) as pool:
        for path, result in zip(paths, pool.map(look_at, paths), strict=True):
            results[path] = result
            advance(1)
    refused = {path: str(result) for path, result in results.items() if isinstance(result, PictureError)}
    found = distinct(
        {
            style: [picture for path in inside if isinstance(picture := results[path], Picture)]
            for style, inside in named(files).items()
        }
    )
    return checked(replace(found, remarks=(*folder_remarks(folder, files), *refusals(refused), *found.remarks)))
