"""Scenes: what a picture shows, as filled polygons from back to front.

A scene knows nothing of colours or of strokes: a shape has a role, and a style's palette gives each role its colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from megastyle.drawings.geometry import Floats, Rng, box, lumpy, oval, points, ridge, turned

# Roles: what a shape is to the picture. A palette names one colour for each, in this order.
SKY, GLOW, FAR, MID, NEAR, WATER, SUBJECT, ACCENT, DARK, LIGHT = range(10)


@dataclass(frozen=True)
class Shape:
    """One filled polygon of a scene; tones run from -1 (shadow) to 1 (light).

    points: (n, 2) in unit coordinates, x to the right and y down. tone: of the whole shape. fall: gained from its top
    to its bottom. side: gained from its right to its left, where the light comes from. ball: how round it is shaded.
    """

    role: int
    points: Floats
    tone: float = 0.0
    fall: float = 0.0
    side: float = 0.0
    ball: float = 0.0


Scene: TypeAlias = "list[Shape]"


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
    "cottage": cottage,
    "balloons": balloons,
    "shapes": shapes,
}
