"""The ruler: each mark stands at its cosine, and is said to those who cannot see it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
import pytest

from markup import parsed, text, texts
from megastyle.bands import shown
from megastyle.comparison import Comparison
from megastyle.page.result import overview
from sets import SETS, evenly, every_set, symmetric, with_test


def drawn(comparison: Comparison) -> Element:
    """The ruler as the page has it."""
    (svg,) = parsed(overview(comparison, [])).findall(".//svg[@class='ruler']")
    return svg


def all_of(svg: Element, tag: str, kind: str) -> list[Element]:
    """The elements with this tag and class."""
    return svg.findall(f".//{tag}[@class='{kind}']")


def x_of(node: Element, name: str = "x") -> float:
    """A horizontal place in hundredths of the ruler's width."""
    return float(node.attrib[name].removesuffix("%"))


def place_on(svg: Element, cosine: float) -> float:
    """Where a cosine belongs on a ruler, by the places and the texts of its outermost ticks."""
    ticks = {float(text(node)): x_of(node) for node in all_of(svg, "text", "tick")}
    low, high = min(ticks), max(ticks)
    return ticks[low] + (cosine - low) * (ticks[high] - ticks[low]) / (high - low)


def test_the_ruler_shows_the_bands_of_the_contract() -> None:
    """A tick for each floor, spaced as the cosines are, one at either end, and five bands that meet at them."""
    svg = drawn(SETS["1 to 3"])
    ticks = all_of(svg, "text", "tick")
    assert texts(ticks) == ["0.30", "0.45", "0.55", "0.65", "0.75", "1.00"]
    first, *inner, last = map(x_of, ticks)
    assert (first, last) == (0, 100)
    assert np.allclose(np.diff(inner), inner[1] - inner[0], atol=0.02)
    bands = [(x_of(node), x_of(node, "width")) for node in all_of(svg, "rect", "band")]
    assert [start for start, _ in bands] == [first, *inner]
    assert np.allclose([start + width for start, width in bands], [*inner, last], atol=0.02)
    assert texts(all_of(svg, "text", "band-label")) == ["Minimal", "Weak", "Moderate", "Good", "Strong"]


@pytest.mark.parametrize("cosine", [0.31, 0.45, 0.6, 0.75, 0.9, 1.0])
def test_a_mark_stands_at_its_cosine(cosine: float) -> None:
    """One upright line where the ticks say that it belongs, and the mean's triangle above it: it is the only one."""
    svg = drawn(with_test([cosine], evenly(1, 1)))
    (mark,), (label,) = all_of(svg, "line", "mark"), all_of(svg, "text", "mean-label")
    assert x_of(mark, "x1") == x_of(mark, "x2") == pytest.approx(place_on(svg, cosine), abs=0.02)
    (triangle,) = [node for node in svg.iter("svg") if node.find("path[@class='mean']") is not None]
    assert x_of(triangle) == pytest.approx(place_on(svg, cosine), abs=0.02)
    assert text(label) == f"mean {cosine:.3f}"


@pytest.mark.parametrize(("cosines", "pinned"), [([0.9, 0.2], True), ([0.9, 0.31], False)])
def test_a_reference_below_the_ruler_has_an_arrow(cosines: list[float], pinned: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The mean, 0.55, lies on it; without an arrow the second mark would read as 0.30."""
    assert ("◂" in text(drawn(with_test(cosines, evenly(2, 0.8))))) is pinned


@pytest.mark.parametrize("cosine", [0.29, 0.0, -1.0])
def test_a_cosine_below_the_ruler_is_pinned_to_its_edge_with_an_arrow(cosine: float) -> None:
    """The number is the true one."""
    svg = drawn(with_test([cosine], evenly(1, 1)))
    (mark,), (label,) = all_of(svg, "line", "mark"), all_of(svg, "text", "mean-label")
    assert x_of(mark, "x1") == x_of(mark, "x2") == 0
    assert text(label) == f"◂ mean {cosine:.3f}"


def test_the_bracket_spans_the_agreement() -> None:
    """Leave-one-out 0.65, 0.7, 0.75: two upright ends and a line between them, a dot at 0.7."""
    svg = drawn(with_test([0.8] * 3, symmetric(3, [0.6, 0.7, 0.8])))
    spans = sorted((x_of(node, "x1"), x_of(node, "x2")) for node in all_of(svg, "line", "bracket"))
    low, high = place_on(svg, 0.65), place_on(svg, 0.75)
    assert np.allclose(spans, [(low, low), (low, high), (high, high)], atol=0.02)
    (dot,) = all_of(svg, "circle", "bracket-dot")
    assert x_of(dot, "cx") == pytest.approx(place_on(svg, 0.7), abs=0.02)


def test_two_references_have_a_dot_and_no_bracket() -> None:
    """One number has no ends."""
    svg = drawn(with_test([0.9, 0.8], evenly(2, 0.6)))
    assert (len(all_of(svg, "line", "bracket")), len(all_of(svg, "circle", "bracket-dot"))) == (0, 1)


@every_set
def test_the_ruler_says_all_its_numbers_to_a_screen_reader(comparison: Comparison) -> None:
    """It is one picture with words: mean, label, each reference's cosine, the agreement and its range."""
    svg, agreement = drawn(comparison), comparison.agreement
    expected = [shown(cosine) for cosine in comparison.cosines]
    expected += [shown(comparison.mean_cosine), comparison.band.label.lower()] if comparison.has_test else []
    expected += [shown(agreement.mean)] if agreement else []
    expected += [shown(agreement.min), shown(agreement.max)] if agreement and comparison.has_range else []
    assert svg.attrib["role"] == "img"
    assert [number for number in expected if number not in svg.attrib["aria-label"].lower()] == []


@every_set
def test_every_mark_lies_on_the_ruler(comparison: Comparison) -> None:
    """One for each reference, all between its edges."""
    svg = drawn(comparison)
    assert len(all_of(svg, "line", "mark")) == len(comparison.cosines)
    places = [
        x_of(node, name) for node in svg.iter() for name in ("x", "x1", "x2", "cx") if node.get(name, "").endswith("%")
    ]
    assert 0 <= min(places) <= max(places) <= 100
