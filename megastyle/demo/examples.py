"""The page's example sets, as files."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from megastyle.demo.drawings import PAGE_SIZE, STYLES, draw
from megastyle.demo.scenes import SCENES

__all__ = ["EXAMPLE_SEED", "EXAMPLE_SETS", "PAGE_SIZE", "SCENES", "STYLES", "ExampleSet", "draw", "write_examples"]

EXAMPLE_SEED = 1003
JPEG_QUALITY = 72  # the densest example stays below 100 KB
SOURCES = [Path(__file__).with_name(f"{name}.py") for name in ("examples", "drawings", "scenes")]


@dataclass(frozen=True)
class ExampleSet:
    """One click's worth of input: a title, a line on what to look for, and the files of test image and references."""

    title: str
    hint: str
    test: Path
    references: tuple[Path, ...]


# title, hint, test image, references; a picture is "style-scene", both as in STYLES and SCENES
# The hints promise no score: which encoder runs is not known here.
EXAMPLE_SETS = (
    (
        "Same style, other motif",
        "A watercolour against four watercolours of other things. To your eye, does it belong? Compare, and see.",
        "watercolour-lighthouse",
        ("watercolour-boat", "watercolour-vase", "watercolour-tree", "watercolour-portrait"),
    ),
    (
        "Same motif, other style",
        "A neon boat against four engravings, one of them of the same boat. Does the number follow motif or style?",
        "neon-boat",
        ("engraving-boat", "engraving-lighthouse", "engraving-tree", "engraving-vase"),
    ),
    (
        "The odd one out",
        "A woodblock print against three others and a picture made of squares. See which reference agrees least.",
        "woodblock-boat",
        ("woodblock-lighthouse", "pixel-art-vase", "woodblock-portrait", "woodblock-tree"),
    ),
    (
        "Just two pictures",
        "The same boat in flat triangles and as a woodblock print, in kindred colours. How alike? Judge first.",
        "low-poly-boat",
        ("woodblock-boat",),
    ),
)


def digest_of(sources: Iterable[Path], libraries: Iterable[str]) -> str:
    """16 hexadecimal digits that change with the text of any of the files and with the version of any library."""
    versions = " ".join(map(version, libraries)).encode()
    return hashlib.sha256(versions + b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """`path`, a file or a folder, which `make` makes if it is not there.

    It is made beside its place and renamed, so that nobody ever reads half of it, and nothing stays of what broke off.
    Of several that make it at once the first wins: all make the same.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory("-unfinished", dir=path.parent, ignore_cleanup_errors=True) as unfinished:
            make(made := Path(unfinished) / path.name)
            try:
                made.rename(path)
            except OSError:
                if not path.exists():
                    raise
    return path


def write_examples(folder: str | Path) -> list[ExampleSet]:
    """Write the example sets' pictures into `folder`, where they are not there yet, and list the sets.

    Pictures that another version of the code has written stay in a folder of their own and are not used.
    """
    home = Path(folder) / digest_of(SOURCES, ("numpy", "Pillow"))

    def written(name: str) -> Path:
        style, scene = name.rsplit("-", 1)
        return kept(
            home / f"{name}.jpg", lambda path: draw(style, scene, EXAMPLE_SEED).save(path, quality=JPEG_QUALITY)
        )

    names = sorted({name for *_, test, references in EXAMPLE_SETS for name in (test, *references)})
    with ThreadPoolExecutor(2) as pool:  # numpy and Pillow give up the GIL for most of the work
        paths = dict(zip(names, pool.map(written, names), strict=True))
    return [
        ExampleSet(title, hint, paths[test], tuple(paths[r] for r in refs)) for title, hint, test, refs in EXAMPLE_SETS
    ]
