"""The ruler under the verdict: where each cosine stands on the scale of the bands, and what decides the position."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from megastyle.comparison import BANDS, FAR_MARGIN, Band, Comparison, shown
from megastyle.page.outcome import Outcome
from megastyle.page.words import listed, without_odd

START, END = 0.30, 1.0  # cosines; the least that the ruler shows. It begins lower where something lies lower
STEP = 0.1  # the ruler begins at a multiple of it
NARROWEST = 300  # px: the ruler's width at which its words must fit, a phone's
LETTER = 6.4  # px: width of a character of the ruler's small print, generously
BAND_HEIGHTS = (8, 18)  # px of the lowest and of the highest band: steps can be told apart without colour
CURVE_POINTS = 101  # of a curve, from one end of the ruler to the other
CURVE_HEIGHT = 100  # units of the curves' own picture
TAIL = 0.1  # share of strangers below which their curve does not stretch the ruler


class Scale(NamedTuple):
    """The ruler from its first to its last cosine."""

    start: float
    end: float = END

    def place(self, cosine: float) -> float:
        """Where a cosine stands, in hundredths of the ruler's width."""
        return 100 * min(max((cosine - self.start) / (self.end - self.start), 0), 1)


class Label(NamedTuple):
    """A text at a cosine: its place in hundredths of the width, and which end of the text stands there."""

    text: str
    x: float
    anchor: str


class Stretch(NamedTuple):
    """A band on the ruler, from `left` to `right` in hundredths of the width.

    `row` is that of its name below the ruler, 0 or 1: neighbours stand in different rows, so that both have room on a
    phone.
    """

    band: Band
    left: float
    right: float
    floor: float
    height: float
    row: int

    @property
    def tick_row(self) -> int:
        """That of the number at its left edge: the first one, unless neighbours would touch."""
        return self.row if (self.right - self.left) / 100 * NARROWEST < len("0.00") * LETTER else 0


def counts_test(comparison: Comparison) -> bool:
    """Whether the references' means include the test image: where these decide between fit and edge."""
    return comparison.position in ("fits", "edge")


def dots_of(comparison: Comparison) -> tuple[float, ...]:
    """Each reference's mean cosine to the other pictures that count."""
    return comparison.typicality if counts_test(comparison) else comparison.core_agreement


def border_of(comparison: Comparison) -> float | None:
    """The mean cosine at which a test image begins to lie apart; None where nothing is said of that."""
    is_said = comparison.position and (not comparison.is_loose or comparison.position == "apart")
    return comparison.agreement.mean - FAR_MARGIN if is_said and comparison.agreement else None


def scale_of(outcome: Outcome) -> Scale:
    """The scale that holds every mark, and all but the tail of the calibration's curves."""
    comparison = outcome.comparison
    values = [*comparison.cosines, *dots_of(comparison), border_of(comparison) or START, START]
    if outcome.standing and outcome.calibration:
        grid = np.linspace(-1, END, 201)
        below = np.cumsum(outcome.calibration.density(len(comparison.core), grid)[1])
        values.append(float(grid[np.searchsorted(below / below[-1], TAIL)]))
    return Scale(max(math.floor(min(values) / STEP + 1e-6) * STEP, -1.0))


def label(scale: Scale, cosine: float, text: str) -> Label:
    """A label that stays on the ruler at any width: near an edge, its end stands at the mark instead of its middle."""
    x = scale.place(cosine)
    half = min(100 * len(text) * LETTER / 2 / NARROWEST, 50)
    return Label(text, x, "start" if x < half else "end" if x > 100 - half else "middle")


def stretches(scale: Scale) -> list[Stretch]:
    """The bands from left to right."""
    edges = [scale.end, *(max(band.floor, scale.start) for band in BANDS)]  # right to left
    heights = np.linspace(*BAND_HEIGHTS[::-1], len(BANDS))
    return [
        Stretch(band, scale.place(low), scale.place(high), low, float(height), number % 2)
        for number, (band, low, high, height) in enumerate(zip(BANDS, edges[1:], edges, heights, strict=False))
    ][::-1]


def curves(outcome: Outcome, scale: Scale) -> dict[str, str] | None:
    """The calibration's two distributions as SVG paths in a picture of 100 x CURVE_HEIGHT; None without one."""
    if not (outcome.standing and outcome.calibration):
        return None
    points = np.linspace(scale.start, scale.end, CURVE_POINTS)
    densities = outcome.calibration.density(len(outcome.comparison.core), points)
    paths = {}
    for name, density in zip(("same", "different"), densities, strict=True):
        heights = CURVE_HEIGHT * (1 - 0.94 * density / density.max())
        steps = zip(np.linspace(0, 100, CURVE_POINTS), heights, strict=True)
        paths[name] = "M" + " L".join(f"{x:.0f},{y:.0f}" for x, y in steps)
    return paths


def spoken(comparison: Comparison) -> str:
    """The ruler for those who cannot see it; what the verdict says is not said again."""
    words = [f"Scale of cosines with {len(BANDS)} bands."]
    if comparison.has_test:
        marks = listed([f"{shown(comparison.cosines[index])} (number {index + 1})" for index in comparison.ranking])
        words.append(f"Mean {shown(comparison.mean_cosine)}, {comparison.band.label.lower()}. References at {marks}.")
    if dots := dots_of(comparison):
        what = "all other pictures, the test image among them" if counts_test(comparison) else "the others"
        means = zip(comparison.core, dots, strict=True)
        each = listed([f"{shown(mean)} (number {index + 1})" for index, mean in means])
        words.append(f"Mean cosine of each reference to {what}{without_odd(comparison)}: {each}.")
    if (border := border_of(comparison)) is not None:
        words.append(f"The test image's is {shown(comparison.core_mean)}; below {shown(border)} it would lie apart.")
    return " ".join(words)


def key(comparison: Comparison) -> list[str]:
    """What the ruler's signs mean, for those who see it; only the signs that it has."""
    signs = ["further right is closer", *(["| one reference", "▼ their mean"] if comparison.has_test else [])]
    without = without_odd(comparison)
    if counts_test(comparison):
        return [*signs, f"○ a reference, ◆ the test image: the mean of each to all other pictures{without}"]
    if dots_of(comparison):
        test = ", ◆ the test image's mean to them" if comparison.position else ""
        signs.append(f"○ a reference's mean to the others{test}{without}")
    return signs


def ruler(outcome: Outcome) -> dict[str, Any]:
    """What `ruler.html` draws, in hundredths of the width.

    Above: bands, a mark for each reference, their mean. Below: what decides the position. Then the curves.
    """
    comparison = outcome.comparison
    scale, border = scale_of(outcome), border_of(comparison)
    mean = comparison.mean_cosine
    return {
        "words": spoken(comparison),
        "key": key(comparison),
        "stretches": stretches(scale),
        "end": scale.end,
        "marks": [scale.place(cosine) for cosine in comparison.cosines],
        "mean": label(scale, mean, f"mean {shown(mean)}") if comparison.has_test else None,
        "dots": [scale.place(mean) for mean in dots_of(comparison)],
        "test": scale.place(comparison.core_mean) if comparison.position else None,
        "border": label(scale, border, f"lies apart below {shown(border)}") if border is not None else None,
        "curves": curves(outcome, scale),
    }
