"""The ruler under the verdict: where each cosine stands on the scale of the bands."""

from __future__ import annotations

from typing import Any, NamedTuple

from megastyle.bands import BANDS, Band, shown
from megastyle.comparison import Comparison
from megastyle.page.words import listed

START, END = 0.30, 1.0  # cosines at the ruler's edges; lower ones are pinned to the left edge with an arrow
NEAR_EDGE = 15  # hundredths of the width: a label closer to an edge starts or ends at its mark


def place(cosine: float) -> float:
    """Where a cosine stands on the ruler, in hundredths of its width, clamped to its edges."""
    return 100 * min(max((cosine - START) / (END - START), 0), 1)


class Label(NamedTuple):
    """A text at a cosine: its place in hundredths of the width, and which end of the text stands there."""

    text: str
    x: float
    anchor: str


def label(cosine: float, text: str) -> Label:
    """A label that stays inside the ruler; an arrow says that the cosine lies beyond the left edge."""
    x = place(cosine)
    anchor = "start" if x < NEAR_EDGE else "end" if x > 100 - NEAR_EDGE else "middle"
    return Label(f"◂ {text}" if cosine < START else text, x, anchor)


class Stretch(NamedTuple):
    """A band on the ruler, from `left` to `right` in hundredths of the width, and the cosine at its left edge."""

    band: Band
    left: float
    right: float
    floor: float


def stretches() -> list[Stretch]:
    """The bands from left to right."""
    edges = [END, *(max(band.floor, START) for band in BANDS)]  # right to left
    spans = zip(BANDS, edges[1:], edges, strict=False)
    return [Stretch(band, place(low), place(high), low) for band, low, high in spans][::-1]


def spoken(comparison: Comparison) -> str:
    """The ruler for those who cannot see it."""
    words = [f"Scale of cosines with {len(BANDS)} bands."]
    if comparison.has_test:
        marks = listed([shown(comparison.cosines[index]) for index in comparison.ranking])
        label = comparison.band.label.lower()
        words.append(f"Mean {shown(comparison.mean_cosine)}, {label}. References at {marks}.")
    if agreement := comparison.agreement:
        spread = f", from {shown(agreement.min)} to {shown(agreement.max)}" if comparison.has_range else ""
        words.append(f"The references agree with each other at {shown(agreement.mean)}{spread}.")
    return " ".join(words)


def key(comparison: Comparison) -> list[str]:
    """What the ruler's signs mean, for those who see it; only the signs that it has."""
    signs = ["| one reference", "▼ their mean"] if comparison.has_test else []
    signs += ["● the references to each other"] if comparison.agreement else []
    values = [*comparison.cosines, *(comparison.agreement or ())]
    return signs + ([f"◂ below {START:.2f}"] if min(values) < START else [])


def ruler(comparison: Comparison) -> dict[str, Any]:
    """What `ruler.html` draws: bands, a mark for each reference, their mean, and their own agreement."""
    mean, agreement = None, None
    if comparison.has_test:
        mean = label(comparison.mean_cosine, f"mean {shown(comparison.mean_cosine)}")
    if found := comparison.agreement:
        agreement = {
            "dot": place(found.mean),
            "range": (place(found.min), place(found.max)) if comparison.has_range else None,
            "label": label(found.mean, f"references to each other {shown(found.mean)}"),
        }
    return {
        "words": spoken(comparison),
        "key": key(comparison),
        "stretches": stretches(),
        "end": END,
        "marks": [place(cosine) for cosine in comparison.cosines],
        "beyond": comparison.has_test and comparison.cosines.min() < START,
        "mean": mean,
        "agreement": agreement,
    }
