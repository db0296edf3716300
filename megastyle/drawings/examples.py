"""The page's example sets, as files.

write_examples(folder)
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from megastyle.drawings.drawing import PAGE_SIZE, draw
from megastyle.drawings.scenes import SCENES
from megastyle.drawings.styles import STYLES

__all__ = [
    "EXAMPLE_SEED",
    "EXAMPLE_SETS",
    "PAGE_SIZE",
    "SCENES",
    "STYLES",
    "ExampleSet",
    "draw",
    "source_code",
    "write_examples",
]

JPEG_QUALITY = 72  # the densest example stays below 100 KB
SOURCES = sorted(Path(__file__).parent.glob("*.py"))  # what a drawn picture depends on


@dataclass(frozen=True)
class ExampleSet:
    """One click's worth of input: a title, a line on what to expect, and the files of test image and references."""

    title: str
    hint: str
    test: Path
    references: tuple[Path, ...]


# title, hint, test image, references; a picture is "style-scene", both as in STYLES and SCENES
EXAMPLE_SETS = (
    (
        "One hand",
        "A watercolour against five watercolours of other things: expect a strong match.",
        "watercolour-lighthouse",
        ("watercolour-boat", "watercolour-vase", "watercolour-tree", "watercolour-portrait", "watercolour-skyline"),
    ),
    (
        "Same motif, other technique",
        "A neon boat against engravings, one of them of the same boat: expect a minimal match.",
        "neon-boat",
        ("engraving-boat", "engraving-lighthouse", "engraving-tree", "engraving-vase"),
    ),
    (
        "The odd one out",
        "Woodblock prints with one stranger among the references: see which one drags the mean down.",
        "woodblock-boat",
        ("woodblock-lighthouse", "woodblock-skyline", "pixel-art-vase", "woodblock-portrait", "woodblock-tree"),
    ),
    (
        "Just two pictures",
        (
            "One reference makes a pair: the same boat in flat triangles and in watercolour, in kindred colours. "
            "Expect something in between."
        ),
        "low-poly-boat",
        ("watercolour-boat",),
    ),
)
EXAMPLE_SEED = 1003


def source_code() -> bytes:
    """The source of every file of the package: where it changes, the pictures may change."""
    return b"".join(source.read_bytes() for source in SOURCES)


def write_picture(folder: Path, name: str) -> Path:
    """Write the picture "style-scene" into `folder` unless it is there; nobody ever reads half of it."""
    path = folder / f"{name}.jpg"
    if not path.is_file():
        style, scene = name.rsplit("-", 1)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder, ignore_cleanup_errors=True) as unfinished:
            draw(style, scene, EXAMPLE_SEED).save(finished := Path(unfinished) / path.name, quality=JPEG_QUALITY)
            finished.replace(path)
    return path


def write_examples(folder: str | Path) -> list[ExampleSet]:
    """Write the example sets' pictures into `folder` and list the sets.

    Pictures that another version of the package has written stay in a folder of their own and are not used.
    """
    home = Path(folder) / f"{crc32(source_code()):08x}"
    home.mkdir(parents=True, exist_ok=True)
    names = sorted({name for *_, test, references in EXAMPLE_SETS for name in (test, *references)})
    with ThreadPoolExecutor(2) as pool:  # numpy and Pillow give up the GIL for most of the work
        paths = dict(zip(names, pool.map(lambda name: write_picture(home, name), names), strict=True))
    return [
        ExampleSet(title, hint, paths[test], tuple(paths[r] for r in refs)) for title, hint, test, refs in EXAMPLE_SETS
    ]
