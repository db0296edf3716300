"""The picture to post: as large as chats want it, drawn from the result, whatever the files are called."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageColor, ImageDraw

from megastyle.comparison import BANDS, Comparison
from megastyle.page.outcome import Outcome
from megastyle.page.picture import INK, PAPER, SIZE, WARNING_PAPER, drawable, font, png
from megastyle.page.result import pictures_of
from outcomes import UNOFFICIAL, outcome, thumbnail_of
from sets import HOSTILE, SETS, described, evenly, every_set, with_test

COLOURS = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ff00ff", "#00ffff", "#ff8000", "#8000ff", "#008040"]


def pictured(comparison: Comparison) -> Outcome:
    """An outcome whose pictures are each of one colour."""
    count = len(comparison.names)
    return replace(
        outcome(comparison), thumbnails=tuple(thumbnail_of(Image.new("RGB", (400, 300), c)) for c in COLOURS[:count])
    )


def pixels(one: Outcome) -> npt.NDArray[np.int16]:
    """(630, 1200, 3) of the PNG, read back."""
    with Image.open(io.BytesIO(png(one)), formats=["PNG"]) as image:
        assert image.size == SIZE == (1200, 630)
        return np.asarray(image.convert("RGB"), np.int16)


def share_of(found: npt.NDArray[np.int16], colour: str) -> float:
    """Share of the picture that has nearly this colour."""
    return float((np.abs(found - ImageColor.getrgb(colour)).max(axis=2) < 12).mean())


@every_set
def test_every_picture_of_the_comparison_is_in_it(comparison: Comparison) -> None:
    """The test image larger than any reference; bands all along the ruler."""
    one = pictured(comparison)
    found = pixels(one)
    areas = [share_of(found, colour) for colour in COLOURS[: len(pictures_of(one))]]
    assert min(areas) > 0.002
    assert not comparison.has_test or areas[0] > 2 * max(areas[1:])
    assert share_of(found[48:310, SIZE[0] - 24 :], PAPER) > 0.99, "no line runs out of the picture"
    assert all(share_of(found[500:560], band.colour) > 0.005 for band in BANDS[:-1])
    assert share_of(found[518:544], INK) > 0.001  # the marks, below the triangle of their mean


@pytest.mark.parametrize(("mean", "band"), [(0.9, BANDS[0]), (0.2, BANDS[-1])])
def test_the_label_has_a_disc_of_its_colour(mean: float, band: object) -> None:
    """Emoji cannot be drawn."""
    found = pixels(pictured(with_test([mean] * 3, evenly(3, 0.8))))[:200]
    assert {one for one in BANDS if share_of(found, one.colour) > 0.002} == {band}


def test_what_is_none_of_megastyles_says_so() -> None:
    one = pictured(SETS["1 to 3"])
    assert share_of(pixels(one)[:40], WARNING_PAPER) < 0.01
    assert share_of(pixels(replace(one, provenance=UNOFFICIAL))[:40], WARNING_PAPER) > 0.7


def test_the_reference_that_agrees_least_is_marked() -> None:
    shares = [
        share_of(pixels(pictured(comparison))[400:470], WARNING_PAPER)
        for comparison in (with_test([0.8] * 4, evenly(4, 0.8)), SETS["an odd one"])
    ]
    assert shares[0] < 0.001 < shares[1]


def test_it_is_drawn_whatever_the_test_image_is_called_and_what_the_font_lacks_is_left_out() -> None:
    """Rather than drawn as boxes."""
    for name in HOSTILE:
        ImageDraw.Draw(Image.new("RGB", SIZE)).text((0, 0), drawable(name), font=font(18))
    pixels(pictured(described([HOSTILE[0], "b.png"])))
    assert [drawable(name) for name in ("boat (v2).png", "水彩.png", "🟢.png", "a\u202eb", "a\nb")] == [
        "boat (v2).png",
        *[""] * 4,
    ]
    boat, unnamed, chinese = (pixels(pictured(described([name, "b.png"]))) for name in ("boat", "Test image", "水彩"))
    assert np.array_equal(chinese, unnamed)
    assert not np.array_equal(boat, unnamed)
