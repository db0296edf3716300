"""The ruler: it holds what it shows, each mark stands at its cosine, and is said to those who cannot see it."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markup import parsed, text, texts
from megastyle.calibration import Calibration
from megastyle.comparison import BANDS, Comparison, shown
from megastyle.page.result import overview
from megastyle.page.ruler import (
    LETTER,
    NARROWEST,
    START,
    Label,
    Scale,
    border_of,
    dots_of,
    label,
    ruler,
    scale_of,
    stretches,
)
from outcomes import known, outcome
from sets import SETS, comparisons, evenly, every_set, of_matrix, steady, symmetric, with_test


def drawn(comparison: Comparison, calibration: Calibration | None = None) -> Element:
    """The ruler as the page has it."""
    (svg,) = parsed(overview(outcome(comparison, calibration), None)).findall(".//svg[@class='ruler']")
    return svg


def all_of(svg: Element, tag: str, kind: str) -> list[Element]:
    """The elements with this tag that have the class."""
    return [node for node in svg.iter(tag) if kind in node.get("class", "").split()]


def x_of(node: Element, name: str = "x") -> float:
    """A horizontal place in hundredths of the ruler's width."""
    return float(node.attrib[name].removesuffix("%"))


def place_on(svg: Element, cosine: float) -> float:
    """Where a cosine belongs on a ruler, by the places and the texts of its outermost ticks."""
    ticks = {float(text(node)): x_of(node) for node in all_of(svg, "text", "tick")}
    low, high = min(ticks), max(ticks)
    return ticks[low] + (cosine - low) * (ticks[high] - ticks[low]) / (high - low)


def start_of(svg: Element) -> float:
    """The cosine at the left edge, by its tick."""
    return float(text(all_of(svg, "text", "tick")[0]))


# ------------------------------------------------------------------------------------------------------ bands and marks


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
    heights = [float(node.attrib["height"]) for node in all_of(svg, "rect", "band")]
    assert heights == sorted(set(heights))  # told apart without colour


def test_a_mark_stands_at_its_cosine() -> None:
    """One upright line where the ticks say that it belongs, and the mean's triangle above it: it is the only one."""
    for cosine in (-1.0, 0.2, 0.31, 0.6, 1.0):
        svg = drawn(with_test([cosine], evenly(1, 1)))
        (mark,), (name,) = all_of(svg, "line", "mark"), all_of(svg, "text", "mean-label")
        (triangle,) = [node for node in svg.iter("svg") if node.find("path[@class='mean']") is not None]
        places = [x_of(mark, "x1"), x_of(mark, "x2"), x_of(triangle)]
        assert places == pytest.approx([place_on(svg, cosine)] * 3, abs=0.02)
        assert text(name) == f"mean {cosine:.3f}"


@pytest.mark.parametrize(
    ("test", "mean", "dots"),
    [
        ([0.7, 0.7, 0.5], 1.9 / 3, [2.1 / 3, 2.3 / 3, 2.3 / 3]),  # at the edge: (1.6 + 0.7) / 3 twice, (1.6 + 0.5) / 3
        ([0.7, 0.7, 0.4], 0.6, [0.8] * 3),  # apart: by the means of the references to one another
    ],
)
def test_what_decides_the_position_is_drawn(test: list[float], mean: float, dots: list[float]) -> None:
    """Three references at 0.8 from one another; a test image would lie apart at 0.8 - 0.2 = 0.6."""
    svg = drawn(with_test(test, evenly(3, 0.8)))
    found = sorted(x_of(dot, "cx") for dot in all_of(svg, "circle", "dot"))
    assert found == pytest.approx([place_on(svg, dot) for dot in dots], abs=0.02)
    (diamond,) = [node for node in svg.iter("svg") if node.find("path[@class='test']") is not None]
    (border,), (zone,) = all_of(svg, "line", "border"), all_of(svg, "rect", "zone")
    assert x_of(diamond) == pytest.approx(place_on(svg, mean), abs=0.02)
    assert x_of(border, "x1") == x_of(zone, "width") == pytest.approx(place_on(svg, 0.6), abs=0.02)
    assert texts(all_of(svg, "text", "border-label")) == ["lies apart below 0.600"]


@pytest.mark.parametrize(
    ("comparison", "dots"),
    [
        (with_test([0.9, 0.8], evenly(2, 0.6)), [0.6, 0.6]),
        (of_matrix(symmetric(3, [0.6, 0.7, 0.8]), has_test=False), [0.65, 0.7, 0.75]),
        (with_test([0.9], evenly(1, 1)), []),
    ],
)
def test_without_a_position_there_are_the_references_means_to_one_another(
    comparison: Comparison, dots: list[float]
) -> None:
    svg = drawn(comparison)
    found = [x_of(dot, "cx") for dot in all_of(svg, "circle", "dot")]
    assert found == pytest.approx([place_on(svg, mean) for mean in dots], abs=0.02)
    assert all_of(svg, "rect", "zone") == all_of(svg, "path", "test") == []


@every_set
def test_the_ruler_says_all_its_numbers_to_a_screen_reader(comparison: Comparison) -> None:
    """It is one picture with words: mean, label, each reference's cosine and number, and what decides."""
    svg = drawn(comparison)
    expected = [f"{shown(cosine)} (number {index})" for index, cosine in enumerate(comparison.cosines, start=1)]
    expected += [shown(comparison.mean_cosine), comparison.band.label.lower()] if comparison.has_test else []
    means = dots_of(comparison)
    expected += [f"{shown(mean)} (number {index + 1})" for index, mean in zip(comparison.core, means, strict=False)]
    assert svg.attrib["role"] == "img"
    assert [number for number in expected if number not in svg.attrib["aria-label"].lower()] == []
    assert ("without reference" in svg.attrib["aria-label"]) == (comparison.odd_one_out is not None)
    assert ("would lie apart" in svg.attrib["aria-label"]) == (border_of(comparison) is not None)


def test_the_key_explains_the_signs_that_are_there_and_no_other() -> None:
    """What is drawn for each: a line a reference, a triangle, dots, a diamond, two curves."""
    (key,) = parsed(overview(outcome(SETS["1 to 1"]), None)).findall(".//p[@class='key']")
    assert text(key) == "further right is closer · | one reference · ▼ their mean"
    for name, signs in (("1 to 2", "|▼○"), ("1 to 3", "|▼○◆"), ("3 alone", "○"), ("an odd one", "|▼○◆")):
        (key,) = parsed(overview(outcome(SETS[name]), None)).findall(".//p[@class='key']")
        assert "".join(sign for sign in "|▼○◆" if sign in text(key)) == signs
        assert ("without reference 4" in text(key)) == (name == "an odd one")
    (key,) = parsed(overview(outcome(SETS["1 to 3"], known()), None)).findall(".//p[@class='key']")
    assert text(key).endswith("same style · another style, in the calibration set")


# ---------------------------------------------------------------------------------------------------------------- scale


def test_the_ruler_begins_at_a_tenth_below_the_lowest_mark_what_decides_and_the_curves() -> None:
    """References at 0.1 to 0.3; one that lies apart below 0.22; strangers from 0 to 0.5, but a tail."""
    among = symmetric(3, [0.1, 0.15, 0.3])  # leave-one-out 0.125, 0.2, 0.225
    assert start_of(drawn(of_matrix(among, has_test=False))) == pytest.approx(0.1)
    assert start_of(drawn(with_test([0.9, 0.3, -0.6], evenly(3, 0.42)))) == pytest.approx(-0.6)
    assert border_of(with_test([0.9] * 3, evenly(3, 0.42))) is None, "of a loose set, unless the picture lies apart"
    assert border_of(with_test([0.2] * 3, evenly(3, 0.42))) == pytest.approx(0.22)
    comparison = with_test([0.9] * 3, evenly(3, 0.8))
    assert scale_of(outcome(comparison, known())).start == pytest.approx(0)
    assert scale_of(outcome(comparison)).start == pytest.approx(START)
    for lowest, start in ((0.3, 0.3), (0.29, 0.2), (0.2, 0.2), (0.1999, 0.1), (-0.01, -0.1), (-1.0, -1.0)):
        assert scale_of(outcome(with_test([lowest, 0.9], evenly(2, 0.8)))) == pytest.approx((start, 1.0))


@steady(max_examples=100)
@given(comparisons(), st.booleans())
def test_every_mark_lies_on_the_ruler_at_its_cosine(comparison: Comparison, with_curves: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    """Whatever the cosines are: none is pinned to an edge, and nothing lies outside."""
    one = outcome(comparison, known() if with_curves else None)
    scale = scale_of(one)
    assert scale.start <= START + 1e-9
    assert round(scale.start * 10) == pytest.approx(scale.start * 10)
    for value in [*comparison.cosines, *dots_of(comparison)]:
        assert scale.place(value) == pytest.approx(100 * (value - scale.start) / (1 - scale.start), abs=1e-3)
    svg = drawn(comparison, one.calibration)
    assert len(all_of(svg, "line", "mark")) == len(comparison.cosines)
    places = [
        x_of(node, name) for node in svg.iter() for name in ("x", "x1", "x2", "cx") if node.get(name, "").endswith("%")
    ]
    assert 0 <= min(places) <= max(places) <= 100


# --------------------------------------------------------------------------------------------------------------- labels


def extent(found: Label, width: float) -> tuple[float, float]:
    """Left and right edge of a label on a ruler of `width` pixels, each letter counted generously."""
    size, middle = len(found.text) * LETTER, found.x / 100 * width
    left = {"start": middle, "middle": middle - size / 2, "end": middle - size}[found.anchor]
    return left, left + size


@pytest.mark.parametrize("width", [300, 560, 1000])
@pytest.mark.parametrize("words", ["mean -0.123", "lies apart below -0.123"])
def test_a_label_stays_on_the_ruler(words: str, width: int) -> None:
    """At every cosine, at the width of a phone and at any larger one."""
    for start in (0.3, 0.0, -1.0):
        scale = Scale(start)
        for cosine in np.linspace(start, 1, 200):
            left, right = extent(label(scale, float(cosine), words), width)
            assert left >= -0.01, cosine
            assert right <= width + 0.01, cosine


@pytest.mark.parametrize("start", [step / 10 for step in range(-8, 4)])
def test_the_words_under_the_ruler_have_room_on_a_phone(start: float) -> None:
    """Every band's name and every floor is there; of those in one row none touches the next, at 5.6 pixels a letter."""
    found = stretches(Scale(start))
    assert [stretch.band for stretch in found] == list(BANDS[::-1])
    for row in (0, 1):
        names = [stretch for stretch in found if stretch.row == row]
        spans = [((one.left + one.right) / 2 * NARROWEST / 100, len(one.band.name) * 5.6 / 2) for one in names]
        assert all(x - half >= other + its for (other, its), (x, half) in pairwise(spans))
        ticks = [stretch.left * NARROWEST / 100 for stretch in found if stretch.tick_row == row]
        assert min(np.diff(ticks), default=99) >= 4 * 5.6


# --------------------------------------------------------------------------------------------------------------- curves


def test_the_curves_of_the_calibration_stand_where_its_scores_are() -> None:
    """Relatives lie between 0.6 and 1, strangers between 0 and 0.5; each as high as there is room."""
    svg = drawn(with_test([0.9] * 3, evenly(3, 0.8)), known())
    for kind, low, high in (("same", 59, 100), ("different", 0, 51)):
        (curve,) = all_of(svg, "path", kind)
        assert re.fullmatch(r"M-?\d+,-?\d+( L-?\d+,-?\d+)+", curve.attrib["d"])
        points = [(float(x), float(y)) for x, y in re.findall(r"(-?\d+),(-?\d+)", curve.attrib["d"])]
        assert [x for x, _ in points] == list(range(101))
        assert (min(y for _, y in points), max(y for _, y in points) <= 100) == (6, True)
        assert all(low <= x <= high for x, y in points if y == 6)


def test_there_are_no_curves_where_the_calibration_has_nothing_for_so_many_references() -> None:
    """Or without a test image. The number is that of the core."""
    for name, counts in (("1 to 3", [1]), ("3 alone", [1, 2, 3]), ("an odd one", [4])):
        assert ruler(outcome(SETS[name], known(counts)))["curves"] is None
    assert ruler(outcome(SETS["an odd one"], known([3])))["curves"]
