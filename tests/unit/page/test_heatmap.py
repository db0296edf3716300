"""The matrix's colours: readable at every cosine, darker with each step, and the same in every result."""

from __future__ import annotations

from itertools import pairwise

from colours import READABLE, contrast, luminance, rgb
from megastyle.page.heatmap import paint

THOUSANDTHS = [step / 1000 for step in range(-1000, 1001)]


def test_every_cosine_can_be_read_on_its_colour() -> None:
    """Each number that can be shown."""
    ratios = {cosine: contrast(*map(rgb, paint(cosine))) for cosine in THOUSANDTHS}
    assert {cosine: ratio for cosine, ratio in ratios.items() if ratio < READABLE} == {}


def test_the_ink_is_the_one_of_black_and_white_that_is_read_more_easily() -> None:
    for cosine in THOUSANDTHS:
        background, ink = paint(cosine)
        other = "#000000" if ink == "#ffffff" else "#ffffff"
        assert contrast(rgb(background), rgb(ink)) >= contrast(rgb(background), rgb(other)), cosine


def test_the_colours_get_darker_with_the_cosine() -> None:
    """Monotone in luminance from 0 to 1, so that nobody needs to see hues; below 0 it stays; the ends are far apart."""
    colours = [rgb(paint(cosine).background) for cosine in THOUSANDTHS]
    assert all(luminance(later) <= luminance(earlier) for earlier, later in pairwise(colours))
    assert len(set(colours[:1001])) == 1, "up to 0"
    assert contrast(colours[0], colours[-1]) > 7
    assert all(luminance(later) < luminance(earlier) for earlier, later in pairwise(colours[1000::50]))
