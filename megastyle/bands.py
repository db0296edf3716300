"""The bands: which label a cosine gets, and how a cosine is shown."""

from __future__ import annotations

from typing import NamedTuple

DECIMALS = 3  # of every cosine on the page; the report gives more


class Band(NamedTuple):
    """A label for the cosines from `floor` up to the next band's floor: a rule of thumb, not part of the model.

    Attributes:
        floor: the lowest cosine of the band, compared with the three decimals that are shown.
        name: the label's first word, where there is room for one word only.
        emoji: stands before the label.
        colour: of the band on the ruler, sRGB.
    """

    floor: float
    name: str
    emoji: str
    colour: str

    @property
    def label(self) -> str:
        """The band in words."""
        return f"{self.name} style match"


BANDS = (  # best first; the last one takes everything down to -1
    Band(0.75, "Strong", "🟢", "#4c8f62"),
    Band(0.65, "Good", "🟢", "#93b873"),
    Band(0.55, "Moderate", "🟡", "#dfba56"),
    Band(0.45, "Weak", "🟠", "#dc9150"),
    Band(-1.0, "Minimal", "🔴", "#c4614c"),
)
LOOSE_BELOW = 0.55  # references that agree less than this share little style; the floor of the moderate band


def rounded(cosine: float) -> float:
    """The cosine as it is shown, to three decimals, never -0.0."""
    return round(float(cosine), DECIMALS) + 0.0


def shown(cosine: float) -> str:
    """The cosine's text on the page: three decimals, never a percentage.

    >>> shown(0.74951), shown(-0.0001)
    ('0.750', '0.000')
    """
    return f"{rounded(cosine):.{DECIMALS}f}"


def band_of(cosine: float) -> Band:
    """The band of the number that is shown, so that number and label can never disagree.

    >>> band_of(0.7496).label, band_of(0.7494).label
    ('Strong style match', 'Good style match')

    Raises:
        ValueError: the cosine is not a finite number in [-1, 1].
    """
    if not -1 <= cosine <= 1:
        raise ValueError(f"expected a cosine in [-1, 1], got {cosine}")
    return next(band for band in BANDS if rounded(cosine) >= band.floor)
