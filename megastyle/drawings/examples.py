"""Draws the example pictures: thirteen scenes, each of which can be painted in any of thirteen styles.

A scene is pure geometry (`Shape`s in unit coordinates, back to front) and a style is a painter with a palette, so that
what a picture shows and how it is made are independent. The same name, scene and seed give the same pixels.

    draw("watercolour", "boat", seed=1, size=512)    one picture
    write_examples(folder)                           the page's example sets, as files
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats: TypeAlias = npt.NDArray[np.float32]
Integers: TypeAlias = npt.NDArray[np.intp]
Rng: TypeAlias = np.random.Generator

PAGE_SIZE = 512  # pixels a side of the files of the example sets
JPEG_QUALITY = 72  # the densest example stays below 100 KB
GRAIN = 160  # bumps of a paper's grain from top to bottom, whatever the size
SUPERSAMPLING = 2  # shapes are rasterised this many times larger, for smooth edges

# Roles: what a shape is to the picture. A palette names one colour for each, in this order.
SKY, GLOW, FAR, MID, NEAR, WATER, SUBJECT, ACCENT, DARK, LIGHT = range(10)


@dataclass(frozen=True)
class Shape:
    """One filled polygon of a scene; tones run from -1 (shadow) to 1 (light).

    points: (n, 2) in unit coordinates, x to the right and y down. tone: of the whole shape. fall: gained from its top to
    its bottom. side: gained from its right to its left, where the light comes from. ball: how round it is shaded.
    """

    role: int
    points: Floats
    tone: float = 0.0
    fall: float = 0.0
    side: float = 0.0
    ball: float = 0.0


Scene: TypeAlias = "list[Shape]"


# --- Geometry ---------------------------------------------------------------------------------------------------------


def points(*pairs: tuple[float, float]) -> Floats:
    """A polygon from its corners."""
    return np.array(pairs, np.float32)


def box(left: float, top: float, right: float, bottom: float) -> Floats:
    """A rectangle."""
    return points((left, top), (right, top), (right, bottom), (left, bottom))


def oval(x: float, y: float, width: float, height: float | None = None, turn: float = 0.0) -> Floats:
    """An ellipse of these half axes around (x, y), turned by `turn` radians; a circle without a height."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across, down = width * np.cos(angles), (height or width) * np.sin(angles)
    turned = (x + across * np.cos(turn) - down * np.sin(turn), y + across * np.sin(turn) + down * np.cos(turn))
    return np.stack(turned, 1).astype(np.float32)


def lumpy(x: float, y: float, radius: float, rng: Rng, lumps: int = 7) -> Floats:
    """A treetop, a cloud or a flower: a circle with round lumps, the flatter the more there are."""
    angles, depth = np.linspace(0, 2 * np.pi, 72, endpoint=False), 1.15 / lumps
    reach = radius * (1 - depth + 2 * depth * np.abs(np.sin(angles * lumps / 2 + rng.uniform(0, 3))))
    return np.stack((x + reach * np.cos(angles), y + reach * np.sin(angles)), 1).astype(np.float32)


def ridge(rng: Rng, top: float, height: float, waves: float = 2.0, roughness: float = 0.0) -> Floats:
    """A range of hills over the whole width, down to the lower edge; its crest lies around `top`."""
    x = np.linspace(-0.02, 1.02, 60)
    crest = sum(np.sin(2 * np.pi * waves * k * x + rng.uniform(0, 6.3)) / k**1.6 for k in (1, 2, 3))
    crest = top + height * 0.5 * crest + roughness * rng.uniform(-1, 1, x.size)
    return np.stack((np.append(x, (1.02, -0.02)), np.append(crest, (1.02, 1.02))), 1).astype(np.float32)


def turned(profile: Sequence[tuple[float, float]], x: float) -> Floats:
    """A vessel turned around the vertical line at `x`, smooth through (half width, y) pairs from top to bottom."""
    widths, heights = np.array(profile).T
    y = np.linspace(heights[0], heights[-1], 40)
    half = np.interp(y, heights, widths)
    half = np.convolve(np.pad(half, 3, mode="edge"), np.full(7, 1 / 7), mode="valid")
    return np.concatenate((np.stack((x - half, y), 1), np.stack((x + half, y), 1)[::-1])).astype(np.float32)


# --- Scenes -----------------------------------------------------------------------------------------------------------


def sky(rng: Rng, clouds: int = 0) -> Scene:
    """The backdrop, lighter towards the horizon, with some clouds."""
    backdrop = [Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), 0.0, fall=0.5)]
    for _ in range(clouds):
        x, y, radius = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.3), rng.uniform(0.06, 0.11)
        backdrop.append(Shape(LIGHT, lumpy(x, y / 0.36, radius, rng, 8) * points((1, 0.36)), 0.0, fall=-0.3))
    return backdrop


def pine(x: float, foot: float, height: float, tone: float = 0.0) -> Scene:
    """A fir in three tiers on a short trunk."""
    tree = [Shape(DARK, box(x - 0.02 * height, foot - 0.15 * height, x + 0.02 * height, foot))]
    for tier in range(3):
        low, high, half = foot - (0.12 + 0.24 * tier) * height, foot - (0.56 + 0.22 * tier) * height, 0.27 - 0.06 * tier
        outline = points((x - half * height, low), (x, high), (x + half * height, low))
        tree.append(Shape(MID, outline, tone + 0.12 * tier - 0.2, side=0.3))
    return tree


def round_tree(x: float, foot: float, height: float, rng: Rng, role: int = MID) -> Scene:
    """A trunk with a lumpy top."""
    trunk = points(
        (x - 0.05 * height, foot),
        (x - 0.025 * height, foot - 0.5 * height),
        (x + 0.025 * height, foot - 0.5 * height),
        (x + 0.05 * height, foot),
    )
    top = lumpy(x, foot - 0.68 * height, 0.3 * height, rng)
    return [Shape(DARK, trunk, 0.1), Shape(role, top, -0.05, ball=0.5)]


def waves(rng: Rng, top: float, count: int) -> Scene:
    """Thin bright strips on the water, longer and wider apart towards the viewer."""
    strips = []
    for depth in np.sort(rng.uniform(0.03, 1, count)):
        x, y, half = rng.uniform(0, 1), top + (1 - top) * float(depth), 0.03 + 0.12 * float(depth)
        strips.append(Shape(WATER, oval(x, y, half, 0.004 + 0.007 * float(depth)), rng.choice((0.5, -0.35))))
    return strips


def hills(rng: Rng) -> Scene:
    """Rolling hills under a low sun."""
    sun, level = rng.uniform(0.25, 0.75), rng.uniform(0.42, 0.5)
    scene = [*sky(rng, 2), Shape(GLOW, oval(sun, level - 0.17, rng.uniform(0.09, 0.12)), 0.15)]
    scene.append(Shape(FAR, ridge(rng, level, 0.08, 1.6), 0.15, fall=0.2))
    scene.append(Shape(MID, ridge(rng, level + 0.14, 0.09, 1.1), 0.1, fall=-0.3))
    scene += [s for x in rng.uniform(0.08, 0.92, 4) for s in round_tree(x, level + 0.24, rng.uniform(0.1, 0.16), rng)]
    scene.append(Shape(NEAR, ridge(rng, level + 0.3, 0.1, 0.8), 0.05, fall=-0.5))
    firs = rng.uniform((0.05, 0.9), (0.95, 1.0), (3, 2))
    return [*scene, *(s for x, foot in firs for s in pine(x, foot, rng.uniform(0.2, 0.28)))]


def boat(rng: Rng) -> Scene:
    """A sailing boat on the sea."""
    x, level, s = rng.uniform(0.42, 0.58), rng.uniform(0.52, 0.6), rng.uniform(0.9, 1.1)
    scene = [*sky(rng, 2), Shape(GLOW, oval(rng.choice((0.2, 0.8)), level - rng.uniform(0.14, 0.3), 0.085), 0.15)]
    scene.append(Shape(FAR, ridge(rng, level - 0.03, 0.05, 1.4), 0.1, side=0.2))
    scene.append(Shape(WATER, box(-0.1, level, 1.1, 1.1), 0.1, fall=-0.5))
    scene += waves(rng, level, 14)
    foot = level + 0.2
    scene.append(Shape(DARK, oval(x, foot + 0.035, 0.22 * s, 0.02), -0.1))
    scene.append(Shape(DARK, box(x - 0.006, foot - 0.47 * s, x + 0.006, foot)))
    scene.append(
        Shape(
            LIGHT, points((x + 0.015, foot - 0.45 * s), (x + 0.2 * s, foot - 0.08), (x + 0.015, foot - 0.06)), side=0.3
        )
    )
    scene.append(
        Shape(
            ACCENT, points((x - 0.015, foot - 0.4 * s), (x - 0.015, foot - 0.06), (x - 0.16 * s, foot - 0.07)), side=0.3
        )
    )
    hull = points(
        (x - 0.2 * s, foot - 0.04),
        (x + 0.23 * s, foot - 0.05),
        (x + 0.15 * s, foot + 0.04),
        (x - 0.14 * s, foot + 0.04),
    )
    scene.append(Shape(SUBJECT, hull, fall=-0.5))
    return [*scene, *(Shape(LIGHT, oval(x + o, foot + 0.055, 0.06, 0.006)) for o in (-0.12, 0.02, 0.14))]


def tower(rng: Rng, role: int, x: float, width: float, foot: float) -> Scene:
    """A block of flats with some windows lit."""
    top = rng.uniform(0.36, 0.62)
    block = [Shape(role, box(x, top, x + width, foot), rng.uniform(-0.25, 0.2), side=0.25, fall=-0.3)]
    if rng.random() < 0.4:
        block.append(Shape(role, points((x, top), (x + width / 2, top - 0.06), (x + width, top)), 0.1))
    columns = max(2, round(width / 0.045))
    lefts, rows = x + width * (np.arange(columns) + 0.28) / columns, np.arange(top + 0.035, foot - 0.06, 0.062)
    spots = [(left, row) for left in lefts for row in rows if rng.random() < 0.55]
    return [*block, *(Shape(GLOW, box(x, y, x + 0.45 * width / columns, y + 0.03), 0.2) for x, y in spots)]


def skyline(rng: Rng) -> Scene:
    """Towers by the water at dusk."""
    scene = [*sky(rng, 1), Shape(GLOW, oval(rng.uniform(0.2, 0.8), 0.2, 0.075), 0.3)]
    foot, edge = 0.8, -0.03
    scene += [Shape(FAR, box(x, rng.uniform(0.3, 0.5), x + 0.1, foot), 0.1, fall=0.3) for x in np.linspace(0, 0.92, 8)]
    while edge < 1:
        width = rng.uniform(0.12, 0.19)
        role = int(rng.choice((MID, SUBJECT, NEAR)))
        scene += tower(rng, role, edge, width, foot)
        edge += width + 0.012
    scene.append(Shape(WATER, box(-0.1, foot, 1.1, 1.1), fall=-0.4))
    glints = [Shape(GLOW, oval(x, y, 0.03, 0.006)) for x, y in rng.uniform((0, 0.83), (1, 0.98), (10, 2))]
    return [*scene, Shape(DARK, box(-0.1, foot - 0.012, 1.1, foot + 0.012)), *glints]


def ball(role: int, x: float, y: float, radius: float) -> Scene:
    """A fruit with its cast shadow and its highlight."""
    shadow = Shape(DARK, oval(x + 0.5 * radius, y + 0.86 * radius, 1.15 * radius, 0.24 * radius), 0.15)
    shine = Shape(LIGHT, oval(x - 0.36 * radius, y - 0.4 * radius, 0.16 * radius), 0.2)
    return [shadow, Shape(role, oval(x, y, radius), 0.1, ball=0.8), shine]


def table(rng: Rng, level: float) -> Scene:
    """A wall with a window, and a table top."""
    left, right, top, sill = (x := rng.uniform(0.52, 0.6)), x + 0.34, 0.07, level - 0.2
    wall = [Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), -0.15, side=0.3), Shape(LIGHT, box(left, top, right, sill), -0.1)]
    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
        wide, high = (right - left - 0.06) / 2, (sill - top - 0.06) / 2
        x, y = left + 0.02 + column * (wide + 0.02), top + 0.02 + row * (high + 0.02)
        wall.append(Shape(WATER, box(x, y, x + wide, y + high), 0.35, fall=0.2))
    wall.append(Shape(LIGHT, box(left - 0.03, sill, right + 0.03, sill + 0.025), -0.25))
    desk = [Shape(NEAR, box(-0.1, level, 1.1, 1.1), 0.1, fall=-0.35, side=0.2)]
    return [*wall, *desk, Shape(DARK, box(-0.1, 0.93, 1.1, 1.1), 0.2)]


def vase(rng: Rng) -> Scene:
    """A vase of flowers and some fruit on a table."""
    x, level = rng.uniform(0.33, 0.44), rng.uniform(0.62, 0.68)
    scene = [*table(rng, level), Shape(DARK, oval(x + 0.12, level + 0.17, 0.2, 0.035), 0.15)]
    for angle in np.linspace(-1.05, 1.05, 7) + rng.uniform(-0.1, 0.1, 7):
        reach = rng.uniform(0.22, 0.34)
        end = (x + reach * np.sin(angle), level - 0.17 - reach * np.cos(angle))
        stem = points(
            (x - 0.008, level - 0.16), (end[0] - 0.006, end[1]), (end[0] + 0.006, end[1]), (x + 0.008, level - 0.16)
        )
        leaf = oval((x + end[0]) / 2 + 0.03, (level - 0.17 + end[1]) / 2, 0.055, 0.02, turn=angle + 0.6)
        scene += [Shape(MID, stem, -0.2), Shape(MID, leaf, 0.05, side=0.3)]
        role = int(rng.choice((ACCENT, GLOW, LIGHT)))
        scene += [
            Shape(role, lumpy(*end, rng.uniform(0.055, 0.08), rng, 6), ball=0.35),
            Shape(DARK, oval(*end, 0.018), 0.2),
        ]
    profile = (
        (0.07, level - 0.2),
        (0.055, level - 0.15),
        (0.13, level - 0.02),
        (0.12, level + 0.07),
        (0.07, level + 0.17),
    )
    scene.append(Shape(SUBJECT, turned(profile, x), 0.05, side=0.6))
    scene.append(Shape(LIGHT, oval(x - 0.06, level - 0.01, 0.012, 0.05, 0.15), 0.1))
    fruits = zip((ACCENT, GLOW, ACCENT), (0.24, 0.4, 0.33), (0.15, 0.13, 0.22), strict=True)
    return [*scene, *(s for role, dx, dy in fruits for s in ball(role, x + dx, level + dy, rng.uniform(0.06, 0.08)))]


def portrait(rng: Rng) -> Scene:
    """Head and shoulders before a round light."""
    x, tilt = rng.uniform(0.47, 0.53), rng.uniform(-0.08, 0.08)
    scene = [Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), fall=-0.2), Shape(GLOW, oval(x + 0.03, 0.4, 0.33), 0.1, fall=-0.2)]
    scene.append(Shape(DARK, oval(x, 0.43, 0.2, 0.26, tilt), 0.05))
    scene.append(Shape(DARK, turned(((0.15, 0.4), (0.2, 0.62), (0.17, 0.76)), x), 0.0))
    coat = turned(((0.05, 0.68), (0.16, 0.73), (0.33, 0.81), (0.38, 0.92), (0.4, 1.05)), x)
    scene.append(Shape(SUBJECT, coat, side=0.4, fall=-0.3))
    scene.append(Shape(LIGHT, turned(((0.06, 0.56), (0.055, 0.68), (0.1, 0.74), (0.004, 0.85)), x), -0.3, side=0.3))
    scene.append(Shape(ACCENT, points((x - 0.15, 0.73), (x - 0.07, 0.7), (x, 0.86), (x - 0.05, 0.92)), 0.1))
    scene.append(Shape(ACCENT, points((x + 0.15, 0.73), (x + 0.07, 0.7), (x, 0.86), (x + 0.05, 0.92)), -0.15))
    scene.append(Shape(LIGHT, oval(x, 0.46, 0.135, 0.18, tilt), -0.12, side=0.35, fall=-0.1))
    fringe = points(
        (x - 0.16, 0.42),
        (x - 0.12, 0.28),
        (x + 0.02, 0.24),
        (x + 0.15, 0.31),
        (x + 0.16, 0.44),
        (x + 0.07, 0.34),
        (x - 0.07, 0.36),
    )
    scene.append(Shape(DARK, fringe, 0.12))
    for eye in (x - 0.06, x + 0.055):
        scene.append(Shape(DARK, oval(eye, 0.445, 0.022, 0.009), -0.1))
        scene.append(Shape(DARK, oval(eye, 0.405, 0.03, 0.005, tilt), 0.1))
    scene.append(Shape(LIGHT, points((x, 0.45), (x + 0.025, 0.535), (x - 0.01, 0.54)), -0.4))
    scene.append(
        Shape(
            ACCENT,
            points((x - 0.05, 0.565), (x, 0.575), (x + 0.05, 0.565), (x + 0.025, 0.592), (x - 0.025, 0.592)),
            -0.1,
        )
    )
    return scene if rng.random() < 0.4 else [*scene, *hat(x, rng)]


def hat(x: float, rng: Rng) -> Scene:
    """A hat with a band."""
    lean, brim = rng.uniform(-0.12, 0.12), 0.3
    crown = points((x - 0.15, brim), (x - 0.12, 0.15), (x + 0.12, 0.15), (x + 0.15, brim))
    band = points((x - 0.15, brim), (x - 0.142, brim - 0.045), (x + 0.142, brim - 0.045), (x + 0.15, brim))
    return [
        Shape(SUBJECT, crown, 0.1, side=0.4),
        Shape(ACCENT, band),
        Shape(SUBJECT, oval(x, brim, 0.25, 0.032, lean), 0.0, side=0.3),
    ]


def tree(rng: Rng) -> Scene:
    """One old tree on a hill."""
    x = rng.uniform(0.42, 0.58)
    scene = [*sky(rng, 2), Shape(GLOW, oval(rng.choice((0.18, 0.82)), rng.uniform(0.14, 0.24), 0.075), 0.2)]
    scene += [Shape(FAR, ridge(rng, 0.62, 0.07, 1.3), 0.15), Shape(MID, ridge(rng, 0.7, 0.06, 0.9), fall=-0.2)]
    scene.append(Shape(NEAR, oval(x, 1.05, 0.85, 0.27), 0.05, fall=-0.4))
    scene.append(Shape(DARK, oval(x + 0.12, 0.83, 0.26, 0.03), 0.2))
    for dx, dy in ((-0.2, 0.36), (0.2, 0.34), (-0.06, 0.25), (0.1, 0.26)):
        scene.append(Shape(DARK, points((x - 0.025, 0.6), (x + dx, dy), (x + dx + 0.012, dy), (x + 0.03, 0.62)), 0.1))
    trunk = points(
        (x - 0.09, 0.84), (x - 0.04, 0.76), (x - 0.035, 0.5), (x + 0.035, 0.5), (x + 0.05, 0.76), (x + 0.11, 0.84)
    )
    scene.append(Shape(DARK, trunk, 0.15, side=0.5))
    crown = [(-0.21, 0.37, 0.14), (0.21, 0.36, 0.14), (-0.09, 0.25, 0.15), (0.11, 0.24, 0.15), (0.0, 0.4, 0.13)]
    for dx, y, radius in crown:
        scene.append(
            Shape(
                ACCENT,
                lumpy(x + dx, y, radius * rng.uniform(0.9, 1.1), rng, 9),
                rng.uniform(-0.15, 0.15),
                ball=0.5,
            )
        )
    leaves = rng.uniform((x - 0.3, 0.82), (x + 0.32, 0.96), (12, 2))
    return [*scene, *(Shape(ACCENT, oval(lx, ly, 0.014, 0.007, 0.4), 0.15) for lx, ly in leaves)]


def lighthouse(rng: Rng) -> Scene:
    """A striped lighthouse on a cliff above the sea."""
    x, level = rng.uniform(0.3, 0.42), 0.66
    scene = [*sky(rng, 2), Shape(WATER, box(-0.1, level, 1.1, 1.1), 0.1, fall=-0.5), *waves(rng, level, 12)]
    beam = points((x, 0.23), (1.1, 0.13), (1.1, 0.31))
    scene.insert(1, Shape(LIGHT, beam, 0.1, side=0.3))
    cliff = points(
        (-0.1, 0.7),
        (0.08, 0.68),
        (x + 0.16, 0.7),
        (x + 0.24, 0.78),
        (x + 0.22, 0.86),
        (x + 0.34, 0.96),
        (x + 0.36, 1.1),
        (-0.1, 1.1),
    )
    scene += [Shape(FAR, cliff + points((0.05, 0.03)), -0.3), Shape(NEAR, cliff, side=0.3, fall=-0.4)]
    scene.append(Shape(MID, points((-0.1, 0.66), (0.08, 0.67), (x + 0.17, 0.7), (x + 0.1, 0.745), (-0.1, 0.75)), 0.1))
    for band in range(5):
        top, foot, wide, broad = 0.29 + 0.084 * band, 0.374 + 0.084 * band, 0.055 + 0.006 * band, 0.061 + 0.006 * band
        stripe = points((x - wide, top), (x + wide, top), (x + broad, foot), (x - broad, foot))
        scene.append(Shape(ACCENT if band % 2 == 0 else LIGHT, stripe, 0.05, side=0.5))
    lamp = [Shape(GLOW, box(x - 0.035, 0.2, x + 0.035, 0.27), 0.3), Shape(DARK, box(x - 0.075, 0.265, x + 0.075, 0.29))]
    roof = Shape(SUBJECT, points((x - 0.055, 0.2), (x, 0.135), (x + 0.055, 0.2)), side=0.3)
    house = [
        Shape(LIGHT, box(x - 0.25, 0.61, x - 0.1, 0.71), -0.1),
        Shape(SUBJECT, points((x - 0.27, 0.61), (x - 0.175, 0.54), (x - 0.08, 0.61))),
    ]
    return [*scene, *lamp, roof, *house, Shape(DARK, box(x - 0.19, 0.65, x - 0.155, 0.71))]


def mountains(rng: Rng) -> Scene:
    """Snowy peaks over a lake with firs."""
    level = rng.uniform(0.6, 0.68)
    scene = [*sky(rng, 1), Shape(GLOW, oval(rng.uniform(0.15, 0.85), 0.16, 0.07), 0.2)]
    for x, role in zip(rng.permutation((0.2, 0.5, 0.82)).tolist(), (FAR, FAR, SUBJECT), strict=True):
        top, half = rng.uniform(0.2, 0.34), rng.uniform(0.3, 0.4)
        scene.append(
            Shape(role, points((x - half, level), (x, top), (x + half, level)), rng.uniform(-0.1, 0.1), side=0.3)
        )
        cap = points(
            (x, top),
            (x + 0.3 * half, top + 0.3 * (level - top)),
            (x + 0.08, top + 0.2 * (level - top)),
            (x - 0.03, top + 0.34 * (level - top)),
            (x - 0.24 * half, top + 0.24 * (level - top)),
        )
        scene.append(Shape(LIGHT, cap, side=0.4))
    scene += [
        Shape(MID, ridge(rng, level - 0.03, 0.04, 2), -0.1),
        Shape(WATER, box(-0.1, level, 1.1, 1.1), 0.1, fall=-0.3),
    ]
    scene += [*waves(rng, level, 9), Shape(NEAR, ridge(rng, 0.9, 0.08, 0.7), fall=-0.3)]
    return [*scene, *(s for x in rng.uniform(0.05, 0.95, 5) for s in pine(x, 0.95, rng.uniform(0.2, 0.34)))]


def desert(rng: Rng) -> Scene:
    """Dunes, cacti and a large sun."""
    scene = [
        *sky(rng),
        Shape(GLOW, oval(rng.uniform(0.25, 0.75), rng.uniform(0.25, 0.35), rng.uniform(0.12, 0.17)), 0.1, fall=-0.2),
    ]
    for step, role in enumerate((FAR, SUBJECT, NEAR)):
        scene.append(Shape(role, ridge(rng, 0.5 + 0.14 * step, 0.08, 1.2 - 0.2 * step), 0.1, fall=-0.4, side=0.2))
    for x in rng.uniform(0.12, 0.88, 3):
        foot, height = rng.uniform(0.78, 0.95), rng.uniform(0.2, 0.34)
        for dx, low, high, wide in ((0, 0, 1, 0.09), (-0.2, 0.35, 0.75, 0.06), (0.2, 0.25, 0.65, 0.06)):
            middle, half = foot - height * (low + high) / 2, height * (high - low) / 2
            scene.append(Shape(MID, oval(x + dx * height, middle, wide * height, half), -0.05, side=0.5))
        scene.append(
            Shape(MID, box(x - 0.2 * height, foot - 0.42 * height, x + 0.2 * height, foot - 0.33 * height), -0.1)
        )
        scene.append(Shape(ACCENT, oval(x, foot - height, 0.025), 0.1))
    return scene


def cottage(rng: Rng) -> Scene:
    """A house with a garden."""
    x, foot = rng.uniform(0.36, 0.6), rng.uniform(0.74, 0.8)
    scene = [
        *sky(rng, 3),
        Shape(FAR, ridge(rng, 0.55, 0.08, 1.5), 0.1),
        Shape(NEAR, ridge(rng, foot - 0.05, 0.03, 1), fall=-0.4),
    ]
    scene += round_tree(x - 0.3, foot + 0.02, rng.uniform(0.36, 0.46), rng)
    scene.append(Shape(DARK, box(x + 0.1, foot - 0.48, x + 0.16, foot - 0.3), 0.2))
    scene.append(Shape(LIGHT, box(x - 0.2, foot - 0.25, x + 0.2, foot), -0.05, side=0.25))
    scene.append(
        Shape(
            SUBJECT,
            points((x - 0.25, foot - 0.24), (x - 0.14, foot - 0.44), (x + 0.14, foot - 0.44), (x + 0.25, foot - 0.24)),
            fall=-0.3,
        )
    )
    scene.append(Shape(ACCENT, box(x - 0.04, foot - 0.15, x + 0.04, foot), -0.1))
    scene += [Shape(GLOW, box(x + dx, foot - 0.19, x + dx + 0.08, foot - 0.09), 0.2) for dx in (-0.16, 0.09)]
    path = points((x - 0.04, foot), (x + 0.04, foot), (x + rng.uniform(-0.1, 0.3), 1.02), (x - 0.2, 1.02))
    scene.append(Shape(LIGHT, path, -0.2))
    flowers = rng.uniform((0, foot + 0.04), (1, 0.98), (16, 2))
    return [*scene, *(Shape(int(rng.choice((ACCENT, GLOW))), oval(fx, fy, 0.016), 0.1) for fx, fy in flowers)]


def balloon(role: int, x: float, y: float, r: float) -> Scene:
    """A hot-air balloon of two colours, its gores seen from the side, with its basket."""
    skirt = points(
        (x - 0.75 * r, y + 0.62 * r),
        (x + 0.75 * r, y + 0.62 * r),
        (x + 0.16 * r, y + 1.45 * r),
        (x - 0.16 * r, y + 1.45 * r),
    )
    gores = ((role, 1, 0.05, 0.5), (LIGHT, 0.62, -0.1, 0.3), (role, 0.28, 0.1, 0.3))
    envelope = [
        Shape(colour, oval(x, y, share * r, 1.05 * r), tone, ball=shade) for colour, share, tone, shade in gores
    ]
    basket = Shape(DARK, box(x - 0.17 * r, y + 1.62 * r, x + 0.17 * r, y + 1.88 * r), 0.2)
    return [Shape(role, skirt, -0.15, side=0.4), *envelope, basket]


def balloons(rng: Rng) -> Scene:
    """Hot-air balloons over the hills."""
    scene = [
        *sky(rng, 3),
        Shape(FAR, ridge(rng, 0.8, 0.08, 1.3), 0.1),
        Shape(MID, ridge(rng, 0.88, 0.07, 0.9), fall=-0.3),
    ]
    spots = np.array(((0.28, 0.36), (0.7, 0.27), (0.66, 0.64))) + rng.uniform(-0.06, 0.06, (3, 2))
    for (x, y), r, role in zip(
        spots.tolist(), (0.17, 0.13, 0.09), rng.permutation((SUBJECT, ACCENT, GLOW)).tolist(), strict=True
    ):
        scene += balloon(role, x, y, r)
    return scene


def reef(rng: Rng) -> Scene:
    """Fish among the weeds of a sea floor."""
    scene = [Shape(WATER, box(-0.1, -0.1, 1.1, 1.1), 0.35, fall=-0.6), Shape(FAR, ridge(rng, 0.72, 0.1, 1.5), -0.1)]
    scene.append(Shape(NEAR, ridge(rng, 0.87, 0.05, 1.1), fall=-0.2))
    for x in rng.uniform(0.03, 0.97, 7):
        height, lean = rng.uniform(0.2, 0.5), rng.uniform(-0.08, 0.08)
        weed = points(
            (x - 0.025, 0.97),
            (x - 0.03 + lean, 0.97 - height / 2),
            (x - lean, 0.97 - height),
            (x + 0.02 + lean, 0.97 - height / 2),
            (x + 0.025, 0.97),
        )
        scene.append(Shape(MID, weed, rng.uniform(-0.2, 0.2), side=0.3))
    for y in np.linspace(0.15, 0.7, 5):
        x, s, way = rng.uniform(0.2, 0.8), rng.uniform(0.07, 0.13), rng.choice((-1, 1))
        role = int(rng.choice((ACCENT, GLOW, SUBJECT, LIGHT)))
        scene.append(
            Shape(
                role,
                points((x - 0.8 * s * way, y), (x - 1.6 * s * way, y - 0.5 * s), (x - 1.6 * s * way, y + 0.5 * s)),
                -0.2,
            )
        )
        scene += [
            Shape(role, oval(x, y, s, 0.55 * s), ball=0.5),
            Shape(DARK, oval(x + 0.6 * s * way, y - 0.1 * s, 0.09 * s)),
        ]
    return [*scene, *(Shape(LIGHT, oval(bx, by, 0.012), 0.1) for bx, by in rng.uniform(0.05, 0.7, (9, 2)))]


def shapes(rng: Rng) -> Scene:
    """An abstract composition: no two alike, so that content teaches nothing about style."""
    scene = [Shape(int(rng.choice((SKY, WATER, LIGHT))), box(-0.1, -0.1, 1.1, 1.1), fall=rng.uniform(-0.5, 0.5))]
    for _ in range(rng.integers(9, 16)):
        (x, y), size = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.65) ** 2 + 0.03
        outline = (
            oval(x, y, size, size * rng.uniform(0.4, 1), rng.uniform(0, 3)),
            lumpy(x, y, size, rng),
            box(x - size, y - size * rng.uniform(0.3, 1), x + size, y + size * rng.uniform(0.3, 1)),
            points(*rng.uniform((x - size, y - size), (x + size, y + size), (3, 2))),
        )[rng.integers(4)]
        tone, fall, side, round_ = rng.uniform((-0.25, -0.4, -0.3, 0), (0.25, 0.3, 0.5, 0.6))
        scene.append(Shape(int(rng.integers(10)), outline, tone, fall, side, round_))
    return scene


SCENES: dict[str, Callable[[Rng], Scene]] = {
    "hills": hills,
    "boat": boat,
    "skyline": skyline,
    "vase": vase,
    "portrait": portrait,
    "tree": tree,
    "lighthouse": lighthouse,
    "mountains": mountains,
    "desert": desert,
    "cottage": cottage,
    "balloons": balloons,
    "reef": reef,
    "shapes": shapes,
}


# --- Rasters ----------------------------------------------------------------------------------------------------------


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
    """Colours (..., 3) moved towards white where tone (...) is positive and towards a deep shade where it is negative."""
    light, dark = np.clip(tone, 0, 1)[..., None], np.clip(-tone, 0, 1)[..., None]
    return colours + (1 - colours) * light * np.float32(0.75) - colours * dark * np.float32(0.8)


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


Values = TypeVar("Values", Floats, Integers)


def moved(values: Values, down: Floats, across: Floats) -> Values:
    """Values (s, s, ...) fetched from so many pixels further down and across, (s, s) each; the border is repeated."""
    size = values.shape[0]
    rows = np.clip(np.arange(size)[:, None] + np.rint(down), 0, size - 1).astype(np.intp)
    columns = np.clip(np.arange(size)[None, :] + np.rint(across), 0, size - 1).astype(np.intp)
    return values[rows, columns]


def discs(rng: Rng, size: int, cells: int, radius: float, jitter: float = 0.9) -> tuple[Integers, Floats, Integers]:
    """Scatter discs on a jittered grid: number of the nearest (-1: none) and distance, both (s, s), and centres (n, 2).

    radius and distance are in grid steps. With a radius of 1.5 every pixel is reached and the numbers are Voronoi cells.
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


# --- Styles -----------------------------------------------------------------------------------------------------------


def cut_paper(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Sheets of coloured paper, each with its shadow on the ones below."""
    picture, grain = raster(scene, palette, size), noise(rng, size, GRAIN)
    shadow = np.zeros((size, size), np.float32)
    for reach, weight in ((0.008, 0.6), (0.018, 0.4)):
        above = moved(picture.index, np.full((1, 1), -reach * size), np.full((1, 1), -reach * size))
        shadow += weight * blurred((above > picture.index).astype(np.float32), reach * size * 0.6)
    below = moved(picture.index, np.full((1, 1), -0.004 * size), np.full((1, 1), -0.004 * size))
    rim = (below < picture.index).astype(np.float32)
    sheets = picture.flat * (1 - 0.55 * shadow[..., None]) + 0.1 * rim[..., None]
    return sheets * (1 + 0.045 * grain + 0.03 * noise(rng, size, 14))[..., None]


def watercolour(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Washes that run, dry darker at their edges and leave the paper white around them."""
    picture = raster(scene, palette, size)
    sway = [size * (0.012 * noise(rng, size, 9) + 0.004 * noise(rng, size, 40)) for _ in range(2)]
    wash = blurred(moved(picture.lit, *sway), size * 0.004)
    edge = np.abs(wash - blurred(wash, size * 0.02)).sum(-1)
    pigment = 0.8 + 0.22 * noise(rng, size, 5) + 0.14 * noise(rng, size, 16) + 0.9 * np.clip(edge, 0, 0.4)
    grain = noise(rng, size, GRAIN)
    pigment = pigment + 0.07 * grain
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    border = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + 0.02 * noise(rng, size, 12)
    pigment = pigment * smooth(0.035, 0.055, border)
    paper = np.array((0.985, 0.97, 0.94), np.float32)
    return paper * (1 - (1 - wash) * np.clip(pigment, 0, 1.25)[..., None]) * (1 - 0.025 * grain[..., None])


def pointillism(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Dots of pure colour side by side on a pale ground."""
    picture = raster(scene, palette, size)
    canvas = np.broadcast_to(np.array((0.95, 0.92, 0.84), np.float32), (size, size, 3))
    for cells, radius in ((46, 0.75), (58, 0.5)):
        number, distance, centres = discs(rng, size, cells, radius)
        pure = rng.uniform(-0.17, 0.17, (len(centres), 3)) + rng.uniform(-0.08, 0.08, (len(centres), 1))
        dots = picture.lit[centres[:, 0], centres[:, 1]] + pure.astype(np.float32)
        canvas = blend(canvas, dots[number], (number >= 0) * smooth(radius, radius - 0.12, distance))
    return canvas


def engraving(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Lines of ink whose width gives the tone, crossed in the shadows, on cream paper."""
    picture = raster(scene, palette, size, 0.8)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    darkness = 1 - luminance(picture.lit)
    bend = 0.012 * noise(rng, size, 5) + 0.03 * luminance(picture.lit)
    ink = np.zeros((size, size), np.float32)
    for angle, start in ((0.35, 0.12), (-0.75, 0.5)):
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * 44 * (y * np.cos(angle) + x * np.sin(angle) + bend))
        share = np.clip((darkness - start) * 1.15, 0, 0.85)
        ink = np.maximum(ink, smooth(-0.12, 0.12, share - wave) * (share > 0.03))
    ink = np.maximum(ink, picture.lines * (0.75 + 0.25 * noise(rng, size, 60)))
    paper = palette[LIGHT] * (1 + 0.03 * noise(rng, size, GRAIN) + 0.02 * noise(rng, size, 6))[..., None]
    return blend(paper, palette[DARK], np.clip(ink, 0, 1))


def pixel_art(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Large square pixels in few colours, dithered, with darker contours."""
    cells, levels = 48, 5
    picture = raster(scene, palette, cells, 0)
    bayer = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.float32) / 16 - 0.47
    threshold = np.roll(np.tile(bayer, (cells // 4, cells // 4)), rng.integers(4), axis=1)
    dithered = np.rint(picture.lit * levels + 0.7 * threshold[..., None]) / levels
    contoured = dithered * (1 - 0.4 * (picture.lines > 0.4))[..., None]
    return from_image(to_image(contoured).resize((size, size), Image.Resampling.NEAREST))


def halftone(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Three screens of ink dots, slightly out of register, as in cheap colour print."""
    picture = raster(scene, palette, size)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    inks = np.array(((0.0, 0.6, 0.85), (0.93, 0.12, 0.5), (1.0, 0.87, 0.05)), np.float32)
    sheet = np.ones((size, size, 3), np.float32) * np.array((0.97, 0.95, 0.9), np.float32)
    for channel, angle in enumerate((0.26, 1.31, 0.0)):
        slip = rng.uniform(-0.006, 0.006, 2) * size
        amount = moved(1 - picture.lit[..., channel], np.full((1, 1), slip[0]), np.full((1, 1), slip[1]))
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        screen = 0.5 + 0.25 * (np.cos(2 * np.pi * 38 * u) + np.cos(2 * np.pi * 38 * v))
        dots = smooth(-0.08, 0.08, np.clip(amount * 1.1, 0, 0.97) - screen)
        sheet *= 1 - (1 - inks[channel]) * (0.95 * dots)[..., None]
    return sheet * (1 - 0.75 * picture.lines[..., None])


def oil(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Thick strokes that follow swirls, lit from the side."""
    picture = raster(scene, palette, size)
    field = noise(rng, size, 4) + 0.5 * noise(rng, size, 8) + 1.2 * blurred(luminance(picture.lit), size * 0.02)
    slope_y, slope_x = np.gradient(field)
    length = np.hypot(slope_y, slope_x) + 1e-6
    flow_y, flow_x = slope_x / length, -slope_y / length
    bristles = noise(rng, size, GRAIN)
    colour = np.clip(picture.lit * 1.05 + 0.2 * noise(rng, size, 40)[..., None] * rng.uniform(0.5, 1, 3), 0, 1).astype(
        np.float32
    )
    strokes, paint, steps = np.zeros_like(bristles), np.zeros_like(colour), np.linspace(-1, 1, 7)
    for step in steps * size * 0.022:
        strokes += moved(bristles, flow_y * step, flow_x * step) / len(steps)
        paint += moved(colour, flow_y * step, flow_x * step) / len(steps)
    height_y, height_x = np.gradient(strokes)
    lit = np.clip((height_x + height_y) * size / 100, -0.35, 0.35)
    return paint * (1 + 0.5 * strokes)[..., None] + 0.45 * lit[..., None]


def blueprint(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """White lines on blue paper with a grid."""
    picture = raster(scene, palette, size, 1.0)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    paper = palette[SKY] * (1 + 0.1 * noise(rng, size, 4) + 0.05 * noise(rng, size, GRAIN))[..., None]
    grid = np.maximum(*(smooth(0.97, 0.995, np.cos(2 * np.pi * 16 * axis)) for axis in (x, y)))
    hatch = smooth(0.55, 0.8, np.cos(2 * np.pi * 40 * (x + y))) * (luminance(picture.flat) < 0.28)
    sheet = blend(paper, palette[LIGHT], 0.22 * grid + 0.3 * hatch)
    return blend(sheet, palette[LIGHT], picture.lines * 0.95)


def stained_glass(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Pieces of bright glass held by dark lead."""
    half = size // 2
    picture = raster(scene, palette, size, 2.2)
    number, _, _ = discs(rng, half, 9, 1.5)
    cells = Image.fromarray((number % 251).astype(np.uint8))
    lead = np.maximum(outlines(cells, size, 1.6), picture.lines)
    tint = rng.uniform(-0.22, 0.22, number.max() + 1).astype(np.float32)[number]
    tint = (
        from_image(
            Image.fromarray(((tint + 0.5) * 255).astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
        )
        - 0.5
    )
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    shine = 1.2 - 0.5 * np.hypot(x - 0.5, y - 0.4) + 0.12 * noise(rng, size, 30)
    vivid = picture.flat + 0.45 * (picture.flat - luminance(picture.flat)[..., None])
    glass = shaded(np.clip(vivid, 0, 1), tint) * shine[..., None]
    return blend(glass, np.array((0.07, 0.07, 0.09), np.float32), smooth(0.15, 0.6, blurred(lead, size * 0.003)))


def low_poly(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat triangles, each in one colour."""
    cells, large = 26, size * SUPERSAMPLING
    picture = raster(scene, palette, max(size // 2, 96))
    grid = np.stack(np.meshgrid(np.arange(cells + 1), np.arange(cells + 1), indexing="ij"), -1) / cells
    grid = np.where((grid > 0) & (grid < 1), grid + rng.uniform(-0.42, 0.42, grid.shape) / cells, grid)
    corners = [grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]]
    triangles = np.concatenate(
        [np.stack([corners[k] for k in pick], 2).reshape(-1, 3, 2) for pick in ((0, 1, 2), (0, 2, 3))]
    )
    at = (triangles.mean(1) * (picture.lit.shape[0] - 1)).astype(np.intp)
    colours = shaded(picture.lit[at[:, 0], at[:, 1]], rng.uniform(-0.14, 0.14, len(at)).astype(np.float32))
    image = Image.new("RGB", (large, large))
    pen = ImageDraw.Draw(image)
    for triangle, colour in zip(
        (triangles[..., ::-1] * large).reshape(-1, 6).tolist(), (np.clip(colours, 0, 1) * 255).astype(int), strict=True
    ):
        pen.polygon(triangle, fill=tuple(colour))
    return from_image(image.reduce(SUPERSAMPLING))


def woodblock(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat printed colour with graded skies, fine dark contours and the grain of the block."""
    picture = raster(scene, palette, size, 1.0)
    sway = [size * 0.006 * noise(rng, size, 8) for _ in range(2)]
    colour, lines = moved(0.45 * picture.flat + 0.55 * picture.lit, *sway), moved(picture.lines, *sway)
    grain = np.sin(2 * np.pi * (9 * noise(rng, size, 7, 3.5) + 1.5 * noise(rng, size, 30, 12)))
    paper = np.array((0.94, 0.89, 0.77), np.float32)
    printed = blend(colour, paper, 0.1 + 0.09 * smooth(0.2, 1, grain) + 0.05 * noise(rng, size, GRAIN))
    return blend(printed, palette[DARK] * 0.7, lines * 0.9)


def neon(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Glowing tubes in the dark."""
    picture = raster(scene, palette, size, 1.0)
    wall = 0.1 * picture.lit * (1 + 0.2 * noise(rng, size, GRAIN))[..., None] + palette[DARK] * 0.5
    vivid = picture.flat / np.maximum(picture.flat.max(-1, keepdims=True), 0.2)
    tubes = vivid * picture.lines[..., None]
    halo = 1.5 * blurred(tubes, size * 0.012) + 1.6 * blurred(tubes, size * 0.04)
    core = picture.lines[..., None] * (0.25 + 0.75 * vivid)
    return wall + halo + core


def pastel(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Chalky slanted strokes that catch on the grain of toned paper."""
    picture = raster(scene, palette, size)
    y, x = np.mgrid[:size, :size]
    strokes = [noise(rng, size, cells, 7)[(y + (0.9 * x).astype(np.intp)) % size, x] for cells in (50, 90)]
    sway = size * 0.01 * strokes[0]
    chalk = moved(picture.lit, sway, -sway) * (1 + 0.16 * strokes[0] + 0.12 * strokes[1])[..., None] + 0.04
    cover = smooth(-1.1, -0.1, 0.6 * strokes[1] + 0.8 * noise(rng, size, GRAIN) + 0.7 * luminance(chalk) - 0.3)
    paper = (0.6 * palette[DARK] + 0.4 * palette[NEAR]) * (1 + 0.1 * noise(rng, size, GRAIN))[..., None]
    return blend(paper, chalk, 0.95 * cover)


@dataclass(frozen=True)
class Style:
    """A painter and the ten colours it paints with, as (10, 3) float32 in 0 to 1, in the order of the roles."""

    paint: Callable[[Scene, Floats, int, Rng], Floats]
    palette: Floats


def colours(names: str) -> Floats:
    """A palette from ten six-digit hexadecimal colours."""
    return np.array([tuple(bytes.fromhex(name)) for name in names.split()], np.float32) / np.float32(255)


#                                    SKY    GLOW   FAR    MID    NEAR   WATER  SUBJECT ACCENT DARK  LIGHT
STYLES: dict[str, Style] = {
    "cut-paper": Style(cut_paper, colours("f2d7b6 f2a541 a9c5a0 5b8e7d 2f5d62 7fb7be c8553d e2725b 2b2d42 fff4e0")),
    "watercolour": Style(watercolour, colours("9cc4dc f5c75f a5b4cf 7fa66a a7b56b 5d9bbd c77b58 d65a66 4a4a5e f7efdf")),
    "pointillism": Style(pointillism, colours("8fbce6 ffd23f 9a8fc7 5fa55a b4b540 3f86c4 d9663b e6435f 34365e fdf3c8")),
    "engraving": Style(engraving, colours("e4e4e4 f8f8f8 b8b8b8 7d7d7d 8f8f8f a0a0a0 6a6a6a 555555 2a211b f1e7d0")),
    "pixel-art": Style(pixel_art, colours("41a6f6 ffcd75 566c86 38b764 257179 3b5dc9 b13e53 ef7d57 1a1c2c f4f4f4")),
    "halftone": Style(halftone, colours("7fd0e8 ffe14d c79fd0 66c28a f4b85e 48a9dc f0605a f0468c 3a3158 fffdf0")),
    "oil": Style(oil, colours("2f5ea8 f6c431 4a78b5 3f7d54 b08d2f 24538f c2622d d98a2b 17203f f3e6b0")),
    "blueprint": Style(blueprint, colours("1f4e9c d6e4f7 7fa3d8 5a82c0 4a72b4 3c66ac 203f80 86a8dc 16305f eef4ff")),
    "stained-glass": Style(
        stained_glass, colours("2f7fd0 ffcf3a 7a4fb0 2f9e5a 8fbf3a 1f5fb8 d0402f e0563a 4a2f63 f6ecc9")
    ),
    "low-poly": Style(low_poly, colours("a7d3e8 ffb36b 8fa9c4 4f9d8c 3d7a6b 5fb0c9 e0705a f2916b 35435e fbeee0")),
    "woodblock": Style(woodblock, colours("b9cfc6 d9573a 8aa6a8 6f8f72 a59a6a 335f85 9c5b43 c9573d 22314a f1e6cb")),
    "neon": Style(neon, colours("3a2f8f ffe45c 5a4fe0 2ff0b0 b04fff 2fb8ff ff4fa0 ff6a3a 0d0a26 d8f6ff")),
    "pastel": Style(pastel, colours("7d8fb5 f3c987 8a7fa8 7f9f7a b59a72 5f8fa8 c9736a d98a94 2e2a38 f3e4d6")),
}


def seeded(seed: int, *names: str) -> Rng:
    """A generator that depends on the seed and the names alone."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])


def draw(style: str, scene: str, seed: int, size: int = PAGE_SIZE) -> Image.Image:
    """Draw a scene in a style, `size` pixels a side; one seed composes a scene alike in every style.

    Raises:
        KeyError: style is none of STYLES or scene none of SCENES.
    """
    chosen = STYLES[style]
    composition = SCENES[scene](seeded(seed, scene))
    return to_image(chosen.paint(composition, chosen.palette, size, seeded(seed, style, scene)))


# --- Example sets -----------------------------------------------------------------------------------------------------


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
        "One reference makes a pair: the same boat in flat triangles and in watercolour, in kindred colours. Expect something in between.",
        "low-poly-boat",
        ("watercolour-boat",),
    ),
)
EXAMPLE_SEED = 1003


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
    """Write the example sets' pictures into `folder` (those of another version of this file do not count) and list the sets."""
    home = Path(folder) / f"{crc32(Path(__file__).read_bytes()):08x}"
    home.mkdir(parents=True, exist_ok=True)
    names = sorted({name for *_, test, references in EXAMPLE_SETS for name in (test, *references)})
    with ThreadPoolExecutor(2) as pool:  # numpy and Pillow give up the GIL for most of the work
        paths = dict(zip(names, pool.map(lambda name: write_picture(home, name), names), strict=True))
    return [
        ExampleSet(title, hint, paths[test], tuple(paths[r] for r in refs)) for title, hint, test, refs in EXAMPLE_SETS
    ]
