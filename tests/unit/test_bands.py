"""The bands: a cosine is shown with three decimals, and its label is that of the number that is shown."""

from __future__ import annotations

import math

import pytest

from megastyle.comparison import BANDS, band_of, rounded, shown

STRONG, GOOD, MODERATE, WEAK, MINIMAL = (band.label for band in BANDS)


@pytest.mark.parametrize(
    ("cosine", "text", "label"),
    [
        (1.0, "1.000", STRONG),
        (0.751, "0.751", STRONG),
        (0.75, "0.750", STRONG),
        (0.7496, "0.750", STRONG),
        (0.7494, "0.749", GOOD),
        (0.65, "0.650", GOOD),
        (0.6496, "0.650", GOOD),
        (0.6494, "0.649", MODERATE),
        (0.55, "0.550", MODERATE),
        (0.5496, "0.550", MODERATE),
        (0.5494, "0.549", WEAK),
        (0.45, "0.450", WEAK),
        (0.4496, "0.450", WEAK),
        (0.4494, "0.449", MINIMAL),
        (0.0, "0.000", MINIMAL),
        (-0.0001, "0.000", MINIMAL),  # never minus zero
        (-0.0, "0.000", MINIMAL),
        (-0.75, "-0.750", MINIMAL),
        (-1.0, "-1.000", MINIMAL),
    ],
)
def test_each_band_begins_at_the_shown_number_of_its_floor(cosine: float, text: str, label: str) -> None:
    """0.7496 is shown as 0.750, so it is a strong match; 0.7494 is shown as 0.749, so it is a good one."""
    assert (shown(cosine), band_of(cosine).label) == (text, label)
    assert math.copysign(1, rounded(cosine)) == (1 if text == "0.000" else math.copysign(1, cosine))


def test_the_bands_are_those_of_the_contract() -> None:
    """Floors, labels and emoji as the specification lists them, best first; the last one reaches down to -1."""
    assert [(band.floor, band.label, band.emoji) for band in BANDS] == [
        (0.75, "Strong style match", "🟢"),
        (0.65, "Good style match", "🟢"),
        (0.55, "Moderate style match", "🟡"),
        (0.45, "Weak style match", "🟠"),
        (-1.0, "Minimal style match", "🔴"),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0000001, -1.0000001])
def test_what_is_no_cosine_has_no_band(value: float) -> None:
    """NaN would otherwise fall through every >= into the last band."""
    with pytest.raises(ValueError, match=r"expected a cosine in \[-1, 1\], got "):
        band_of(value)
