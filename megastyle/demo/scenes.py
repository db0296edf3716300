"""Scenes: what a drawn picture shows, as filled polygons from back to front.

A scene knows nothing of colours or of strokes: a shape has a role, and a style's palette gives each role its colour.
Coordinates run from 0 to 1, x to the right and y down; a polygon is (n, 2) float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Rng: TypeAlias = np.random.Generator

# Roles: what a shape is to the picture. A palette names one colour for each, in this order.
SKY, GLOW, FAR, MID, NEAR, WATER, SUBJECT, ACCENT, DARK, LIGHT = range(10)


@dataclass(frozen=True)
class Shape:
    """One filled polygon of a scene; tones run from -1 (shadow) to 1 (light).

    tone: of the whole shape. fall: gained from its top to its bottom. side: gained from its right to its left, where
    the light comes from. ball: how round it is shaded.
    """

    role: int
    points: Floats
    tone: float = 0.0
    fall: float = 0.0
    side: float = 0.0
    ball: float = 0.0


Scene: TypeAlias = "list[Shape]"

# ------------------------------------------------------------------------------------------------------------ polygons


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


def ridge(rng: Rng, top: float, height: float, waves: float) -> Floats:
    """A range of hills over the whole width, down to the lower edge; its crest lies around `top`."""
    x = np.linspace(-0.02, 1.02, 60)
    crest = top + height * 0.5 * sum(
        np.sin(2 * np.pi * waves * k * x + rng.uniform(0, 6.3)) / k**1.6 for k in (1, 2, 3)
    )
    return np.stack((np.append(x, (1.02, -0.02)), np.append(crest, (1.02, 1.02))), 1).astype(np.float32)


def turned(x: float, *profile: tuple[float, float]) -> Floats:
    """A vessel turned around the vertical line at `x`, smooth through (half width, y) pairs from top to bottom."""
    widths, heights = np.array(profile).T
    y = np.linspace(heights[0], heights[-1], 40)
    half = np.convolve(np.pad(np.interp(y, heights, widths), 3, mode="edge"), np.full(7, 1 / 7), mode="valid")
    return np.concatenate((np.stack((x - half, y), 1), np.stack((x + half, y), 1)[::-1])).astype(np.float32)


# --------------------------------------------------------------------------------------------------------------- parts


def cloud(rng: Rng) -> Shape:
    """A flat cloud in the sky."""
    x, y, radius = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.3), rng.uniform(0.06, 0.11)
    return Shape(LIGHT, lumpy(x, y / 0.36, radius, rng, 8) * points((1, 0.36)), fall=-0.3)


def sky(rng: Rng, clouds: int) -> Scene:
    """The backdrop, lighter towards the horizon, with some clouds."""
    return [Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), fall=0.5), *(cloud(rng) for _ in range(clouds))]


def sea(rng: Rng, top: float, waves: int) -> Scene:
    """Water with thin bright and dark strips on it, longer and wider apart towards the viewer."""
    scene = [Shape(WATER, box(-0.1, top, 1.1, 1.1), 0.1, fall=-0.5)]
    for depth in np.sort(rng.uniform(0.03, 1, waves)).tolist():
        strip = oval(rng.uniform(0, 1), top + (1 - top) * depth, 0.03 + 0.12 * depth, 0.004 + 0.007 * depth)
        scene.append(Shape(WATER, strip, rng.choice((0.5, -0.35))))
    return scene


def fruit(role: int, x: float, y: float, radius: float) -> Scene:
    """A fruit with its cast shadow and its highlight."""
    return [
        Shape(DARK, oval(x + 0.5 * radius, y + 0.86 * radius, 1.15 * radius, 0.24 * radius), 0.15),
        Shape(role, oval(x, y, radius), 0.1, ball=0.8),
        Shape(LIGHT, oval(x - 0.36 * radius, y - 0.4 * radius, 0.16 * radius), 0.2),
    ]


def table(rng: Rng, level: float) -> Scene:
    """A wall with a window of four panes, and a table top."""
    left, top, sill = rng.uniform(0.52, 0.6), 0.07, level - 0.2
    right = left + 0.34
    wide, high = (right - left - 0.06) / 2, (sill - top - 0.06) / 2
    corners = [(x, y) for y in (top + 0.02, top + 0.04 + high) for x in (left + 0.02, left + 0.04 + wide)]
    return [
        Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), -0.15, side=0.3),
        Shape(LIGHT, box(left, top, right, sill), -0.1),
        *(Shape(WATER, box(x, y, x + wide, y + high), 0.35, fall=0.2) for x, y in corners),
        Shape(LIGHT, box(left - 0.03, sill, right + 0.03, sill + 0.025), -0.25),
        Shape(NEAR, box(-0.1, level, 1.1, 1.1), 0.1, fall=-0.35, side=0.2),
        Shape(DARK, box(-0.1, 0.93, 1.1, 1.1), 0.2),
    ]


def flower(rng: Rng, angle: float, x: float, foot: float) -> Scene:
    """A flower whose stem leaves (x, foot) at an angle from the vertical."""
    reach = rng.uniform(0.22, 0.34)
    top, height = x + reach * np.sin(angle), foot - reach * np.cos(angle)
    petals = int(rng.choice((ACCENT, GLOW, LIGHT)))
    return [
        Shape(MID, points((x - 0.008, foot), (top - 0.006, height), (top + 0.006, height), (x + 0.008, foot)), -0.2),
        Shape(MID, oval((x + top) / 2 + 0.03, (foot + height) / 2, 0.055, 0.02, angle + 0.6), 0.05, side=0.3),
        Shape(petals, lumpy(top, height, rng.uniform(0.055, 0.08), rng, 6), ball=0.35),
        Shape(DARK, oval(top, height, 0.018), 0.2),
    ]


# -------------------------------------------------------------------------------------------------------------- scenes


def boat(rng: Rng) -> Scene:
    """A sailing boat on the sea."""
    x, level, s = rng.uniform(0.42, 0.58), rng.uniform(0.52, 0.6), rng.uniform(0.9, 1.1)
    foot = level + 0.2
    left, right, keel = x - 0.2 * s, x + 0.23 * s, foot + 0.04
    return [
        *sky(rng, 2),
        Shape(GLOW, oval(rng.choice((0.2, 0.8)), level - rng.uniform(0.14, 0.3), 0.085), 0.15),
        Shape(FAR, ridge(rng, level - 0.03, 0.05, 1.4), 0.1, side=0.2),
        *sea(rng, level, 14),
        Shape(DARK, oval(x, foot + 0.035, 0.22 * s, 0.02), -0.1),
        Shape(DARK, box(x - 0.006, foot - 0.47 * s, x + 0.006, foot)),
        Shape(
            LIGHT, points((x + 0.015, foot - 0.45 * s), (x + 0.2 * s, foot - 0.08), (x + 0.015, foot - 0.06)), side=0.3
        ),
        Shape(
            ACCENT, points((x - 0.015, foot - 0.4 * s), (x - 0.015, foot - 0.06), (x - 0.16 * s, foot - 0.07)), side=0.3
        ),
        Shape(
            SUBJECT,
            points((left, foot - 0.04), (right, foot - 0.05), (x + 0.15 * s, keel), (x - 0.14 * s, keel)),
            fall=-0.5,
        ),
        *(Shape(LIGHT, oval(x + offset, foot + 0.055, 0.06, 0.006)) for offset in (-0.12, 0.02, 0.14)),
    ]


def vase(rng: Rng) -> Scene:
    """A vase of flowers and some fruit on a table."""
    x, level = rng.uniform(0.33, 0.44), rng.uniform(0.62, 0.68)
    profile = ((0.07, -0.2), (0.055, -0.15), (0.13, -0.02), (0.12, 0.07), (0.07, 0.17))
    fruits = ((ACCENT, 0.24, 0.15), (GLOW, 0.4, 0.13), (ACCENT, 0.33, 0.22))
    return [
        *table(rng, level),
        Shape(DARK, oval(x + 0.12, level + 0.17, 0.2, 0.035), 0.15),
        *(
            shape
            for angle in np.linspace(-1.05, 1.05, 7) + rng.uniform(-0.1, 0.1, 7)
            for shape in flower(rng, angle, x, level - 0.17)
        ),
        Shape(SUBJECT, turned(x, *((half, level + down) for half, down in profile)), 0.05, side=0.6),
        Shape(LIGHT, oval(x - 0.06, level - 0.01, 0.012, 0.05, 0.15), 0.1),
        *(s for role, dx, dy in fruits for s in fruit(role, x + dx, level + dy, rng.uniform(0.06, 0.08))),
    ]


def portrait(rng: Rng) -> Scene:
    """Head and shoulders with a hat before a round light."""
    x, tilt, lean = rng.uniform(0.47, 0.53), rng.uniform(-0.08, 0.08), rng.uniform(-0.12, 0.12)
    fringe = ((-0.16, 0.42), (-0.12, 0.28), (0.02, 0.24), (0.15, 0.31), (0.16, 0.44), (0.07, 0.34), (-0.07, 0.36))
    mouth = ((-0.05, 0.565), (0, 0.575), (0.05, 0.565), (0.025, 0.592), (-0.025, 0.592))
    coat = ((0.05, 0.68), (0.16, 0.73), (0.33, 0.81), (0.38, 0.92), (0.4, 1.05))
    return [
        Shape(SKY, box(-0.1, -0.1, 1.1, 1.1), fall=-0.2),
        Shape(GLOW, oval(x + 0.03, 0.4, 0.33), 0.1, fall=-0.2),
        Shape(DARK, oval(x, 0.43, 0.2, 0.26, tilt), 0.05),
        Shape(DARK, turned(x, (0.15, 0.4), (0.2, 0.62), (0.17, 0.76))),
        Shape(SUBJECT, turned(x, *coat), side=0.4, fall=-0.3),
        Shape(LIGHT, turned(x, (0.06, 0.56), (0.055, 0.68), (0.1, 0.74), (0.004, 0.85)), -0.3, side=0.3),
        Shape(ACCENT, points((x - 0.15, 0.73), (x - 0.07, 0.7), (x, 0.86), (x - 0.05, 0.92)), 0.1),
        Shape(ACCENT, points((x + 0.15, 0.73), (x + 0.07, 0.7), (x, 0.86), (x + 0.05, 0.92)), -0.15),
        Shape(LIGHT, oval(x, 0.46, 0.135, 0.18, tilt), -0.12, side=0.35, fall=-0.1),
        Shape(DARK, points(*((x + dx, y) for dx, y in fringe)), 0.12),
        *(Shape(DARK, oval(eye, 0.445, 0.022, 0.009), -0.1) for eye in (x - 0.06, x + 0.055)),
        *(Shape(DARK, oval(brow, 0.405, 0.03, 0.005, tilt), 0.1) for brow in (x - 0.06, x + 0.055)),
        Shape(LIGHT, points((x, 0.45), (x + 0.025, 0.535), (x - 0.01, 0.54)), -0.4),
        Shape(ACCENT, points(*((x + dx, y) for dx, y in mouth)), -0.1),
        Shape(SUBJECT, points((x - 0.15, 0.3), (x - 0.12, 0.15), (x + 0.12, 0.15), (x + 0.15, 0.3)), 0.1, side=0.4),
        Shape(ACCENT, points((x - 0.15, 0.3), (x - 0.142, 0.255), (x + 0.142, 0.255), (x + 0.15, 0.3))),
        Shape(SUBJECT, oval(x, 0.3, 0.25, 0.032, lean), side=0.3),
    ]


def tree(rng: Rng) -> Scene:
    """One old tree on a hill."""
    x = rng.uniform(0.42, 0.58)
    branches = ((-0.2, 0.36), (0.2, 0.34), (-0.06, 0.25), (0.1, 0.26))
    trunk = ((-0.09, 0.84), (-0.04, 0.76), (-0.035, 0.5), (0.035, 0.5), (0.05, 0.76), (0.11, 0.84))
    crown = ((-0.21, 0.37, 0.14), (0.21, 0.36, 0.14), (-0.09, 0.25, 0.15), (0.11, 0.24, 0.15), (0.0, 0.4, 0.13))
    return [
        *sky(rng, 2),
        Shape(GLOW, oval(rng.choice((0.18, 0.82)), rng.uniform(0.14, 0.24), 0.075), 0.2),
        Shape(FAR, ridge(rng, 0.62, 0.07, 1.3), 0.15),
        Shape(MID, ridge(rng, 0.7, 0.06, 0.9), fall=-0.2),
        Shape(NEAR, oval(x, 1.05, 0.85, 0.27), 0.05, fall=-0.4),
        Shape(DARK, oval(x + 0.12, 0.83, 0.26, 0.03), 0.2),
        *(
            Shape(DARK, points((x - 0.025, 0.6), (x + dx, y), (x + dx + 0.012, y), (x + 0.03, 0.62)), 0.1)
            for dx, y in branches
        ),
        Shape(DARK, points(*((x + dx, y) for dx, y in trunk)), 0.15, side=0.5),
        *(
            Shape(ACCENT, lumpy(x + dx, y, r * rng.uniform(0.9, 1.1), rng, 9), rng.uniform(-0.15, 0.15), ball=0.5)
            for dx, y, r in crown
        ),
        *(
            Shape(ACCENT, oval(leaf_x, leaf_y, 0.014, 0.007, 0.4), 0.15)
            for leaf_x, leaf_y in rng.uniform((x - 0.3, 0.82), (x + 0.32, 0.96), (12, 2))
        ),
    ]


def lighthouse(rng: Rng) -> Scene:
    """A striped lighthouse on a cliff above the sea."""
    x, level = rng.uniform(0.3, 0.42), 0.66
    backdrop, *clouds = sky(rng, 2)
    edge = ((x + 0.16, 0.7), (x + 0.24, 0.78), (x + 0.22, 0.86), (x + 0.34, 0.96), (x + 0.36, 1.1))
    cliff = points((-0.1, 1.1), (-0.1, 0.7), (0.08, 0.68), *edge)
    stripes = [(0.29 + 0.084 * k, 0.055 + 0.006 * k, LIGHT if k % 2 else ACCENT) for k in range(5)]
    return [
        backdrop,
        Shape(LIGHT, points((x, 0.23), (1.1, 0.13), (1.1, 0.31)), 0.1, side=0.3),
        *clouds,
        *sea(rng, level, 12),
        Shape(FAR, cliff + points((0.05, 0.03)), -0.3),
        Shape(NEAR, cliff, side=0.3, fall=-0.4),
        Shape(MID, points((-0.1, 0.66), (0.08, 0.67), (x + 0.17, 0.7), (x + 0.1, 0.745), (-0.1, 0.75)), 0.1),
        *(
            Shape(
                role,
                points((x - w, y), (x + w, y), (x + w + 0.006, y + 0.084), (x - w - 0.006, y + 0.084)),
                0.05,
                side=0.5,
            )
            for y, w, role in stripes
        ),
        Shape(GLOW, box(x - 0.035, 0.2, x + 0.035, 0.27), 0.3),
        Shape(DARK, box(x - 0.075, 0.265, x + 0.075, 0.29)),
        Shape(SUBJECT, points((x - 0.055, 0.2), (x, 0.135), (x + 0.055, 0.2)), side=0.3),
        Shape(LIGHT, box(x - 0.25, 0.61, x - 0.1, 0.71), -0.1),
        Shape(SUBJECT, points((x - 0.27, 0.61), (x - 0.175, 0.54), (x - 0.08, 0.61))),
        Shape(DARK, box(x - 0.19, 0.65, x - 0.155, 0.71)),
    ]


def abstract(rng: Rng) -> Scene:
    """An abstract composition, no two alike: an encoder that learns from them learns nothing of what is shown."""
    scene = [Shape(int(rng.choice((SKY, WATER, LIGHT))), box(-0.1, -0.1, 1.1, 1.1), fall=rng.uniform(-0.5, 0.5))]
    for _ in range(rng.integers(9, 16)):
        (x, y), size = rng.uniform(0, 1, 2), rng.uniform(0.05, 0.65) ** 2 + 0.03
        outline = (
            oval(x, y, size, size * rng.uniform(0.4, 1), rng.uniform(0, 3)),
            lumpy(x, y, size, rng),
            box(x - size, y - size * rng.uniform(0.3, 1), x + size, y + size * rng.uniform(0.3, 1)),
            points(*rng.uniform((x - size, y - size), (x + size, y + size), (3, 2))),
        )[rng.integers(4)]
        tone, fall, side, ball = rng.uniform((-0.25, -0.4, -0.3, 0), (0.25, 0.3, 0.5, 0.6))
        scene.append(Shape(int(rng.integers(10)), outline, tone, fall, side, ball))
    return scene


SCENES: dict[str, Callable[[Rng], Scene]] = {
    "abstract": abstract,
    "boat": boat,
    "vase": vase,
    "portrait": portrait,
    "tree": tree,
    "lighthouse": lighthouse,
}
