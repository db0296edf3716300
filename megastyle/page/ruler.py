"""The ruler under the verdict: where each cosine stands on the scale of the bands."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from megastyle.comparison import BANDS, Band, Comparison, shown
from megastyle.page.names import listed
from megastyle.page.outcome import Outcome

START, END = 0.30, 1.0  # cosines; the least that the ruler shows. It begins lower where something lies lower
STEP = 0.1  # the ruler begins at a multiple of it
PHONE, DESKTOP = 300, 560  # px: the ruler's width at which words must fit; on a desktop the test image stands beside it
TICK = "0.00"  # the width of a number at a band's edge
LETTER = 6.4  # px: width of a character of the ruler's small print, generously
CURVE_POINTS = 101  # of a curve, from one end of the ruler to the other
CURVE_HEIGHT = 100  # units of the curves' own picture
TAIL = 0.01  # share of strangers below which their curve does not stretch the ruler


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

    Attributes:
        band: the band.
        left: its left edge.
        right: its right edge.
        floor: the cosine at its left edge.
        fits: "phone", "desktop" or "": the narrowest ruler on which the band's name has room under it.
        tick: the same of the number at its left edge; where they crowd, every second one waits for a wider ruler.
    """

    band: Band
    left: float
    right: float
    floor: float
    fits: str
    tick: str


def scale_of(outcome: Outcome) -> Scale:
    """The scale that holds every mark, the agreement, and all but the tail of the calibration's curves."""
    comparison = outcome.comparison
    values = [*comparison.cosines, *(comparison.agreement or ()), START]
    if outcome.standing and outcome.calibration:
        row = outcome.calibration.rows[len(comparison.reference_names)]
        values.append(float(np.interp(TAIL, outcome.calibration.levels, row.different)))
    return Scale(max(math.floor(min(values) / STEP + 1e-6) * STEP, -1.0))


def label(scale: Scale, cosine: float, text: str) -> Label:
    """A label that stays on the ruler at any width: near an edge, its end stands at the mark instead of its middle."""
    x = scale.place(cosine)
    half = min(100 * len(text) * LETTER / 2 / PHONE, 50)
    return Label(text, x, "start" if x < half else "end" if x > 100 - half else "middle")


def fits(share: float, text: str) -> str:
    """The narrowest ruler on which a text has room in so many hundredths of its width."""
    room = {"phone": PHONE, "desktop": DESKTOP}
    return next((name for name, width in room.items() if share / 100 * width >= len(text) * LETTER), "")


def stretches(scale: Scale) -> list[Stretch]:
    """The bands from left to right."""
    edges = [scale.end, *(max(band.floor, scale.start) for band in BANDS)]  # right to left
    found = []
    for number, (band, low, high) in enumerate(zip(BANDS, edges[1:], edges, strict=False)):
        left, right = scale.place(low), scale.place(high)
        tick = "phone" if number % 2 == 0 or fits(right - left, TICK) == "phone" else "desktop"
        found.append(Stretch(band, left, right, low, fits(right - left, band.name), tick))
    return found[::-1]


def curves(outcome: Outcome, scale: Scale) -> dict[str, str] | None:
    """The calibration's two distributions as SVG paths in a picture of 100 x CURVE_HEIGHT; None without one."""
    comparison = outcome.comparison
    if not (outcome.standing and outcome.calibration):
        return None
    points = np.linspace(scale.start, scale.end, CURVE_POINTS)
    densities = outcome.calibration.density(len(comparison.reference_names), points)
    if densities is None:
        return None
    paths = {}
    for name, density in zip(("same", "different"), densities, strict=True):
        heights = CURVE_HEIGHT * (1 - 0.94 * density / density.max())
        steps = zip(np.linspace(0, 100, CURVE_POINTS), heights, strict=True)
        paths[name] = "M" + " L".join(f"{x:.0f},{y:.0f}" for x, y in steps)
    return paths


def spoken(outcome: Outcome) -> str:
    """The ruler for those who cannot see it."""
    comparison = outcome.comparison
    words = [f"Scale of cosines with {len(BANDS)} bands."]
    if comparison.has_test:
        marks = listed([f"{shown(comparison.cosines[index])} (number {index + 1})" for index in comparison.ranking])
        name = comparison.band.label.lower()
        words.append(f"Mean {shown(comparison.mean_cosine)}, {name}. References at {marks}.")
    if agreement := comparison.agreement:
        without = "Without the odd one out, the" if comparison.odd_one_out is not None else "The"
        spread = f", from {shown(agreement.min)} to {shown(agreement.max)}" if comparison.has_range else ""
        words.append(f"{without} references agree with each other at {shown(agreement.mean)}{spread}.")
    if outcome.standing and outcome.calibration:
        row = outcome.calibration.rows[len(comparison.reference_names)]
        same, different = (
            [shown(value) for value in np.interp((0.1, 0.9), outcome.calibration.levels, quantiles)]
            for quantiles in (row.same, row.different)
        )
        words.append(
            f"In the calibration set most pictures of the same style score {same[0]} to {same[1]}, "
            f"most of another style {different[0]} to {different[1]}."
        )
    return " ".join(words)


def key(comparison: Comparison) -> list[str]:
    """What the ruler's signs mean, for those who see it; only the signs that it has."""
    signs = ["| one reference", "▼ their mean"] if comparison.has_test else []
    return signs + (["● the references to each other"] if comparison.agreement else [])


def ruler(outcome: Outcome) -> dict[str, Any]:
    """What `ruler.html` draws: bands, a mark for each reference, their mean, their own agreement, and the curves."""
    comparison = outcome.comparison
    scale = scale_of(outcome)
    mean, agreement = None, None
    if comparison.has_test:
        mean = label(scale, comparison.mean_cosine, f"mean {shown(comparison.mean_cosine)}")
    if found := comparison.agreement:
        agreement = {
            "dot": scale.place(found.mean),
            "range": (scale.place(found.min), scale.place(found.max)) if comparison.has_range else None,
            "label": label(scale, found.mean, f"references to each other {shown(found.mean)}"),
        }
    return {
        "words": spoken(outcome),
        "key": key(comparison),
        "stretches": stretches(scale),
        "end": scale.end,
        "marks": [scale.place(cosine) for cosine in comparison.cosines],
        "mean": mean,
        "agreement": agreement,
        "curves": curves(outcome, scale),
    }
