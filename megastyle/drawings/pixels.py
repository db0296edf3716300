"""Pixels as arrays: conversions, noise and the operations that painters share.

Pictures are (s, s, 3) float32 in 0 to 1, red, green and blue; masks and tones are (s, s) float32.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from megastyle.drawings.geometry import Floats, Rng

Integers: TypeAlias = npt.NDArray[np.intp]
Values = TypeVar("Values", Floats, Integers)


def from_image(image: Image.Image) -> Floats:
    """Values 0 to 1 of an 8-bit image."""
    return np.asarray(image, np.float32) / np.float32(255)


def to_image(values: Floats) -> Image.Image:
    """An 8-bit image of values 0 to 1; what lies outside is clipped."""
    return Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))


def blurred(values: Floats, radius: float) -> Floats:
    """Gaussian blur of (s, s) or (s, s, 3) values in 0 to 1; the radius is in pixels."""
    return from_image(to_image(values).filter(ImageFilter.GaussianBlur(radius)))


def noise(rng: Rng, size: int, cells: float, stretch: float = 1.0) -> Floats:
    """Smooth noise, (size, size) in about -1 to 1, with `cells` bumps from top to bottom, fewer across if stretched."""
    rows, columns = max(2, round(cells)), max(2, round(cells / stretch))
    coarse = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), np.float32)


def shaded(colours: Floats, tone: Floats) -> Floats:
    """Colours (..., 3) moved towards white where tone (...) is positive, towards a deep shade where it is negative."""
    light, dark = np.clip(tone, 0, 1)[..., None], np.clip(-tone, 0, 1)[..., None]
    return colours + (1 - colours) * light * np.float32(0.75) - colours * dark * np.float32(0.8)


def moved(values: Values, down: Floats, across: Floats) -> Values:
    """Values (s, s, ...) fetched from so many pixels further down and across, (s, s) each; the border is repeated."""
    size = values.shape[0]
    rows = np.clip(np.arange(size)[:, None] + np.rint(down), 0, size - 1).astype(np.intp)
    columns = np.clip(np.arange(size)[None, :] + np.rint(across), 0, size - 1).astype(np.intp)
    return values[rows, columns]


def discs(rng: Rng, size: int, cells: int, radius: float, jitter: float = 0.9) -> tuple[Integers, Floats, Integers]:
    """Scatter discs on a jittered grid: number of the nearest (-1: none) and distance, both (s, s), and centres (n, 2).

    radius and distance are in grid steps. With a radius of 1.5 every pixel is reached: the numbers are Voronoi cells.
    """
    step = size / cells
    grid = np.stack(np.meshgrid(np.arange(-1, cells + 1), np.arange(-1, cells + 1), indexing="ij"), -1).reshape(-1, 2)
    centres = np.rint((grid + 0.5 + jitter * rng.uniform(-0.5, 0.5, grid.shape)) * step).astype(np.intp)
    reach = int(np.ceil(radius * step))
    offsets = np.stack(np.meshgrid(*(np.arange(-reach, reach + 1),) * 2, indexing="ij"), -1).reshape(-1, 2)
    lengths = np.hypot(*offsets.T) / step
    number, distance = np.full((size, size), -1, np.intp), np.full((size, size), radius, np.float32)
    for at in np.argsort(-lengths)[np.count_nonzero(lengths > radius) :]:  # far to near, so that the nearest stays
        spots = centres + offsets[at]
        inside = np.flatnonzero(((spots >= 0) & (spots < size)).all(1))
        rows, columns = spots[inside].T
        number[rows, columns], distance[rows, columns] = inside, lengths[at]
    return number, distance, np.clip(centres, 0, size - 1)


def smooth(low: float, high: float, values: Floats) -> Floats:
    """0 below low, 1 above high, an S in between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blend(below: Floats, above: Floats, share: Floats) -> Floats:
    """`above` laid over `below` where share (s, s) is 1."""
    return below + (above - below) * share[..., None]


def luminance(colours: Floats) -> Floats:
    """Perceived brightness (s, s) of colours (s, s, 3); weights of Rec. 601."""
    return colours @ np.array((0.299, 0.587, 0.114), np.float32)
