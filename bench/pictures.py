"""The pictures that the benchmark compares, drawn once and kept outside the repository."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from PIL import Image

from megastyle.drawings import examples

SIZES = (  # pixels, as people's references come: small copies, screenshots, now and then a scan
    (333, 333),
    (500, 499),
    (436, 576),
    (442, 600),
    (517, 878),
    (512, 512),
    (629, 1000),
    (736, 1295),
    (884, 1181),
    (1023, 1023),
    (1628, 1285),
    (3603, 2574),
)
PHOTOGRAPHS = 9
PHOTOGRAPH_SIZE = (4000, 3000)  # pixels: 12 megapixels, a telephone's
QUALITY = 90  # of JPEG; gives the photographs 3 to 4 MB
VERSION = 1  # of what is drawn here; with another number everything is drawn anew


def write_drawings(folder: Path) -> list[Path]:
    """One picture of each of SIZES, in changing styles."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = itertools.cycle(zip(itertools.cycle(examples.STYLES), examples.SCENES, strict=False))
    return [
        write_drawing(folder / f"{number:02}.jpg", *pair, size)
        for number, (pair, size) in enumerate(zip(pairs, SIZES, strict=False))
    ]


def write_drawing(path: Path, style: str, scene: str, size: tuple[int, int]) -> Path:
    """A drawn picture, enlarged or reduced to `size`."""
    if not path.is_file():
        examples.draw(style, scene, seed=0).resize(size, Image.Resampling.LANCZOS).save(path, "JPEG", quality=QUALITY)
    return path


def write_photographs(folder: Path) -> list[Path]:
    """PHOTOGRAPHS pictures of 12 megapixels."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_photograph(folder / f"photograph-{seed}.jpg", seed) for seed in range(PHOTOGRAPHS)]


def write_photograph(path: Path, seed: int) -> Path:
    """A picture with the detail of a photograph.

    It is noise in every size, from the whole picture down to a sensor's grain.
    """
    if not path.is_file():
        rng = np.random.default_rng(seed)
        width, height = PHOTOGRAPH_SIZE
        values = rng.normal(128, 7, (height, width, 3)).astype(np.float32)
        for cells in (3, 9, 27, 81, 243):
            coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            values += (np.asarray(coarse.resize(PHOTOGRAPH_SIZE, Image.Resampling.BICUBIC), np.float32) - 128) * (
                0.8 / cells**0.3
            )
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=QUALITY)
    return path


def variant(path: Path, number: int) -> tuple[str, bytes]:
    """Name and content of a picture that no cache knows.

    It is the same file with a number behind its end, which no decoder reads.
    """
    return path.name, path.read_bytes() + number.to_bytes(8, "big")
