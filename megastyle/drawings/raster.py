"""The raster of a scene: its colours, shading and outlines in pixels, before any style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from megastyle.drawings.geometry import Floats
from megastyle.drawings.pixels import Integers, from_image, shaded
from megastyle.drawings.scenes import Scene

SUPERSAMPLING = 2  # shapes are rasterised this many times larger, for smooth edges


@dataclass(frozen=True)
class Raster:
    """A scene in pixels, before any style: colours (s, s, 3) and tone (s, s) float32, index (s, s) int, lines (s, s).

    flat has one colour for each shape; lit adds the shading within it; index numbers the topmost shape, back to front;
    lines is 1 on the outlines and 0 elsewhere, about one pixel wide at 256 pixels a side.
    """

    flat: Floats
    lit: Floats
    index: Integers
    lines: Floats


def relief(scene: Scene, index: Integers) -> Floats:
    """The shading within the shapes, (s, s) float32 in tones."""
    size = index.shape[0]
    lows, highs = (np.array([edge(s.points, axis=0) for s in scene], np.float32) for edge in (np.min, np.max))
    scale = 2 / (highs - lows)
    start = -1 - lows * scale
    unit = (np.arange(size, dtype=np.float32) + 0.5) / size
    across = unit[None, :] * scale[index, 0] + start[index, 0]
    down = unit[:, None] * scale[index, 1] + start[index, 1]
    fall, side, round_ = (
        np.array([getattr(s, name) for s in scene], np.float32)[index] for name in ("fall", "side", "ball")
    )
    bulge = 0.55 - (across + 0.45) ** 2 * 0.5 - (down + 0.45) ** 2 * 0.5
    return 0.5 * fall * down - 0.5 * side * across + round_ * bulge


def outlines(index: Image.Image, size: int, width: float) -> Floats:
    """Where the shapes meet, (size, size) in 0 to 1; width in pixels of a picture with 256 a side."""
    numbers = np.asarray(index)
    edge = np.zeros(numbers.shape, np.uint8)
    edge[:, 1:] |= numbers[:, 1:] != numbers[:, :-1]
    edge[1:] |= numbers[1:] != numbers[:-1]
    for _ in range(round(width * numbers.shape[0] / 512)):
        edge[:, 1:] |= edge[:, :-1]
        edge[:, :-1] |= edge[:, 1:]
        edge[1:] |= edge[:-1]
        edge[:-1] |= edge[1:]
    return from_image(Image.fromarray(edge * 255).resize((size, size), Image.Resampling.BOX))


def raster(scene: Scene, palette: Floats, size: int, width: float = 1.0) -> Raster:
    """Rasterise a scene in the colours of a (10, 3) palette, `size` pixels a side, with outlines of that width."""
    large = size * SUPERSAMPLING
    image = Image.new("L", (large, large))
    pen = ImageDraw.Draw(image)
    for number, shape in enumerate(scene):
        pen.polygon((shape.points * large).ravel().tolist(), fill=number)
    colours = shaded(palette[[s.role for s in scene]], np.array([s.tone for s in scene], np.float32))
    index = np.asarray(image.resize((size, size), Image.Resampling.NEAREST)).astype(np.intp)
    lines = outlines(image, size, width)
    image.putpalette((np.clip(colours, 0, 1) * 255).astype(np.uint8).tobytes())
    flat = from_image(image.convert("RGB").reduce(SUPERSAMPLING))
    return Raster(flat, np.clip(shaded(flat, relief(scene, index)), 0, 1), index, lines)
