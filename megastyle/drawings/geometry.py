"""Outlines: polygons in unit coordinates, x to the right and y down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Rng: TypeAlias = np.random.Generator


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
