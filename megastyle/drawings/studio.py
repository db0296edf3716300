"""A studio: grounds and textures that are drawn once, so that a picture of a random part of them is cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

from megastyle.drawings.geometry import Floats, Rng
from megastyle.drawings.pixels import Integers
from megastyle.drawings.raster import outlines, relief
from megastyle.drawings.scenes import Scene

GROUND_SIZE = 256  # pixels a side of the grounds and textures
ROLES = 10  # that a shape can have, and so the colours of a palette
SCENE_GROUNDS, CLOUD_GROUNDS, CLOUDS, STROKES = 48, 32, 24, 48  # of a studio

Tile = TypeVar("Tile", Floats, Integers)


@dataclass(frozen=True)
class Ground:
    """What is where in a picture: role (s, s) int, tone (s, s) float32 in -1 to 1, lines (s, s) float32 in 0 to 1."""

    role: Integers
    tone: Floats
    lines: Floats


@dataclass(frozen=True)
class Studio:
    """Material for pictures: grounds, and (s, s) float32 textures of mean 0 and standard deviation 1 that tile."""

    grounds: Sequence[Ground]
    clouds: Sequence[Floats]
    strokes: Sequence[Floats]
    grain: Floats  # (s, s, 3)


def shaped_noise(rng: Rng, gain: Floats) -> Floats:
    """Noise whose spectrum has this gain (s, s // 2 + 1); it tiles."""
    size = len(gain)
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * gain, (size, size))
    return ((field - field.mean()) / field.std()).astype(np.float32)


def frequencies() -> tuple[Floats, Floats]:
    """Periods over a ground, down as (s, 1) and across as (1, s // 2 + 1)."""
    down, across = np.fft.fftfreq(GROUND_SIZE) * GROUND_SIZE, np.fft.rfftfreq(GROUND_SIZE) * GROUND_SIZE
    return down[:, None].astype(np.float32), across[None].astype(np.float32)


def cloud(rng: Rng, fall: float) -> Floats:
    """Noise of all scales: its amplitude falls with the frequency to the power `fall`, about 1 in natural pictures."""
    gain = 1 / np.maximum(np.hypot(*frequencies()), np.float32(0.7)) ** fall
    gain[0, 0] = 0
    return shaped_noise(rng, gain)


def strokes(rng: Rng) -> Floats:
    """Noise of one scale and one direction, as brushes, threads and chisels leave it."""
    down, across = frequencies()
    angle, fineness, length = (
        rng.uniform(0, np.pi),
        np.exp(rng.uniform(*np.log((6, 70)))),
        np.exp(rng.uniform(0, np.log(8))),
    )
    along = across * np.cos(angle) + down * np.sin(angle)
    aside = down * np.cos(angle) - across * np.sin(angle)
    ring = (np.hypot(aside, along * length) / fineness - 1) / rng.uniform(0.15, 0.7)
    gain = np.exp(-(ring**2) / 2) / np.sqrt(np.maximum(np.hypot(across, down), 1))
    gain[0, 0] = 0
    return shaped_noise(rng, gain)


def scene_ground(scene: Scene) -> Ground:
    """The ground of a drawn scene."""
    image = Image.new("L", (GROUND_SIZE, GROUND_SIZE))
    pen = ImageDraw.Draw(image)
    for number, shape in enumerate(scene):
        pen.polygon((shape.points * GROUND_SIZE).ravel().tolist(), fill=number)
    index = np.asarray(image).astype(np.intp)
    role, tone = (
        np.array([shape.role for shape in scene], np.intp),
        np.array([shape.tone for shape in scene], np.float32),
    )
    return Ground(role[index], np.clip(tone[index] + relief(scene, index), -1, 1), outlines(image, GROUND_SIZE, 1.0))


def cloud_ground(rng: Rng) -> Ground:
    """A ground without things: the levels of one cloud, or wherever one of several clouds is the highest."""
    if rng.random() < 0.5:
        field, count = cloud(rng, rng.uniform(1.2, 2.2)), int(rng.integers(4, 11))
        order = rng.permutation(ROLES)[:count]
        order = np.sort(order) if rng.random() < 0.5 else order
        region = np.digitize(field, np.quantile(field, np.sort(rng.uniform(0, 1, count - 1))))
    else:
        order = rng.permutation(ROLES)[: int(rng.integers(3, 8))]
        region = np.argmax([cloud(rng, rng.uniform(1.4, 2.4)) + rng.uniform(-1, 1) for _ in order], axis=0)
    role = order[region].astype(np.intp)
    image = Image.fromarray(role.astype(np.uint8))
    tone = np.clip(np.float32(0.3) * cloud(rng, rng.uniform(1, 2)), -1, 1)
    return Ground(role, tone, outlines(image, GROUND_SIZE, 1.0))


def new_studio(rng: Rng, scenes: Sequence[Callable[[Rng], Scene]], cloud_grounds: int = CLOUD_GROUNDS) -> Studio:
    """Draw the material: grounds of `scenes` in turn, grounds of clouds, and textures."""
    grounds = [scene_ground(scenes[number % len(scenes)](rng)) for number in range(SCENE_GROUNDS)]
    return Studio(
        [*grounds, *(cloud_ground(rng) for _ in range(cloud_grounds))],
        [cloud(rng, rng.uniform(0.3, 2.2)) for _ in range(CLOUDS)],
        [strokes(rng) for _ in range(STROKES)],
        rng.standard_normal((GROUND_SIZE, GROUND_SIZE, 3), dtype=np.float32),
    )


def crop(rng: Rng, tile: Tile, size: int) -> Tile:
    """A random part of a ground or texture, `size` pixels a side."""
    top, left = rng.integers(0, GROUND_SIZE - size + 1, 2)
    return tile[top : top + size, left : left + size]


def part(rng: Rng, ground: Ground, size: int) -> Ground:
    """A random part of a ground, mirrored or not."""
    top, left = rng.integers(0, GROUND_SIZE - size + 1, 2)
    rows, columns = slice(top, top + size), slice(left, left + size)
    way = slice(None, None, -1 if rng.random() < 0.5 else 1)
    return Ground(*(getattr(ground, field.name)[rows, columns][:, way] for field in fields(ground)))
