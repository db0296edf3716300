"""The ruler: it holds what it shows, each mark stands at its cosine, and is said to those who cannot see it."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markup import parsed, text, texts
from megastyle.calibration import Calibration
from megastyle.comparison import BANDS, Comparison, shown
from megastyle.page.result import overview
from megastyle.page.ruler import DESKTOP, LETTER, PHONE, START, Label, Scale, fits, label, ruler, scale_of, stretches
from outcomes import calibrated, outcome, row
from sets import SETS, comparisons, evenly, every_set, of_matrix, steady, symmetric, with_test

WIDTHS = {"phone": PHONE, "desktop": DESKTOP}


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


@pytest.mark.parametrize("cosine", [-1.0, -0.42, 0.0, 0.2, 0.29, 0.31, 0.45, 0.6, 0.75, 0.9, 1.0])
def test_a_mark_stands_at_its_cosine(cosine: float) -> None:
    """One upright line where the ticks say that it belongs, and the mean's triangle above it: it is the only one."""
    svg = drawn(with_test([cosine], evenly(1, 1)))
    (mark,), (name,) = all_of(svg, "line", "mark"), all_of(svg, "text", "mean-label")
    assert x_of(mark, "x1") == x_of(mark, "x2") == pytest.approx(place_on(svg, cosine), abs=0.02)
    (triangle,) = [node for node in svg.iter("svg") if node.find("path[@class='mean']") is not None]
    assert x_of(triangle) == pytest.approx(place_on(svg, cosine), abs=0.02)
    assert text(name) == f"mean {cosine:.3f}"


def test_the_bracket_spans_the_agreement() -> None:
    """Leave-one-out 0.65, 0.7, 0.75: two upright ends and a line between them, a dot at 0.7."""
    svg = drawn(with_test([0.8] * 3, symmetric(3, [0.6, 0.7, 0.8])))
    spans = sorted((x_of(node, "x1"), x_of(node, "x2")) for node in all_of(svg, "line", "bracket"))
    low, high = place_on(svg, 0.65), place_on(svg, 0.75)
    assert np.allclose(spans, [(low, low), (low, high), (high, high)], atol=0.02)
    (dot,) = all_of(svg, "circle", "bracket-dot")
    assert x_of(dot, "cx") == pytest.approx(place_on(svg, 0.7), abs=0.02)
    assert texts(all_of(svg, "text", "bracket-label")) == ["references to each other 0.700"]


def test_the_bracket_is_that_of_the_set_without_the_odd_one_out() -> None:
    """Leave-one-out 0.75, 0.775, 0.725 without the fourth, which is at 0.1 from all."""
    svg = drawn(with_test([0.76, 0.76, 0.76, 0.4], symmetric(4, [0.8, 0.7, 0.1, 0.75, 0.1, 0.1])))
    ends = {x_of(node, "x1") for node in all_of(svg, "line", "bracket")}
    assert sorted(ends) == pytest.approx([place_on(svg, 0.725), place_on(svg, 0.775)], abs=0.02)


def test_two_references_have_a_dot_and_no_bracket() -> None:
    """One number has no ends."""
    svg = drawn(with_test([0.9, 0.8], evenly(2, 0.6)))
    assert (len(all_of(svg, "line", "bracket")), len(all_of(svg, "circle", "bracket-dot"))) == (0, 1)


@every_set
def test_the_ruler_says_all_its_numbers_to_a_screen_reader(comparison: Comparison) -> None:
    """It is one picture with words: mean, label, each reference's cosine and number, the agreement and its range."""
    svg, agreement = drawn(comparison), comparison.agreement
    expected = [f"{shown(cosine)} (number {index})" for index, cosine in enumerate(comparison.cosines, start=1)]
    expected += [shown(comparison.mean_cosine), comparison.band.label.lower()] if comparison.has_test else []
    expected += [shown(agreement.mean)] if agreement else []
    expected += [shown(agreement.min), shown(agreement.max)] if agreement and comparison.has_range else []
    assert svg.attrib["role"] == "img"
    assert [number for number in expected if number not in svg.attrib["aria-label"].lower()] == []
    assert ("odd one out" in svg.attrib["aria-label"]) == (comparison.odd_one_out is not None)


def test_the_key_explains_the_signs_that_are_there_and_no_other() -> None:
    """What is drawn for each: a line a reference, a triangle, a dot, two curves."""
    cases = {
        ("| one reference", "▼ their mean"): (SETS["1 to 1"], None),
        ("| one reference", "▼ their mean", "● the references to each other"): (SETS["1 to 3"], None),
        ("● the references to each other",): (SETS["3 alone"], None),
    }
    for signs, (comparison, calibration) in cases.items():
        (key,) = parsed(overview(outcome(comparison, calibration), None)).findall(".//p[@class='key']")
        assert text(key) == " · ".join(signs)
    (key,) = parsed(overview(outcome(SETS["1 to 3"], calibrated()), None)).findall(".//p[@class='key']")
    assert text(key).endswith("same style · another style, in the calibration set")


# ---------------------------------------------------------------------------------------------------------------- scale


@pytest.mark.parametrize(
    ("lowest", "start"),
    [
        (0.9, 0.3),
        (0.31, 0.3),
        (0.3, 0.3),
        (0.29, 0.2),
        (0.2, 0.2),
        (0.1999, 0.1),
        (0.0, 0.0),
        (-0.01, -0.1),
        (-1.0, -1.0),
    ],
)
def test_the_ruler_begins_where_it_shows_the_lowest_mark(lowest: float, start: float) -> None:
    """At a tenth, and never above 0.30."""
    assert scale_of(outcome(with_test([lowest, 0.9], evenly(2, 0.8)))) == pytest.approx((start, 1.0))
    assert start_of(drawn(with_test([lowest, 0.9], evenly(2, 0.8)))) == pytest.approx(start)


def test_the_ruler_reaches_down_to_the_agreement() -> None:
    """The references' own is far below the test image's cosines; without a test image it is all there is."""
    among = symmetric(3, [0.1, 0.15, 0.3])  # leave-one-out 0.125, 0.2, 0.225
    for comparison in (with_test([0.9] * 3, among), of_matrix(among, has_test=False)):
        svg = drawn(comparison)
        assert start_of(svg) == pytest.approx(0.1)
        assert min(x_of(node, "x1") for node in all_of(svg, "line", "bracket")) == pytest.approx(
            place_on(svg, 0.125), abs=0.02
        )


def test_the_ruler_reaches_down_to_the_curves_but_for_their_tail() -> None:
    """Strangers from -0.5, of which half lie below 0.2: a hundredth lies below -0.5 + 0.7 / 50 = -0.486."""
    comparison = with_test([0.9] * 3, evenly(3, 0.8))
    low = calibrated({n: row(different=(-0.5, 0.2, 0.7), n=n) for n in range(1, 9)})
    assert scale_of(outcome(comparison, low)).start == pytest.approx(-0.5)
    assert scale_of(outcome(comparison, calibrated())).start == pytest.approx(0.0)
    assert scale_of(outcome(comparison)).start == pytest.approx(START)


@steady(max_examples=100)
@given(comparisons(), st.booleans())
def test_every_mark_lies_on_the_ruler_at_its_cosine(comparison: Comparison, with_curves: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    """Whatever the cosines are: none is pinned to an edge, and nothing lies outside."""
    one = outcome(comparison, calibrated() if with_curves else None)
    scale = scale_of(one)
    assert scale.start <= START + 1e-9
    assert round(scale.start * 10) == pytest.approx(scale.start * 10)
    values = [*comparison.cosines, *(comparison.agreement or ())]
    for value in values:
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
@pytest.mark.parametrize("words", ["mean -0.123", "references to each other -0.123"])
def test_a_label_stays_on_the_ruler(words: str, width: int) -> None:
    """At every cosine, at the width of a phone and at any larger one."""
    for start in (0.3, 0.0, -1.0):
        scale = Scale(start)
        for cosine in np.linspace(start, 1, 200):
            left, right = extent(label(scale, float(cosine), words), width)
            assert left >= -0.01, cosine
            assert right <= width + 0.01, cosine


@pytest.mark.parametrize("start", [step / 10 for step in range(-10, 4)])
@pytest.mark.parametrize("shown_at", ["phone", "desktop"])
def test_the_words_under_the_ruler_have_room(start: float, shown_at: str) -> None:
    """At the narrowest width at which they are shown: a band's name within its band, ticks that do not touch."""
    width = WIDTHS[shown_at]
    visible = {"phone": ("phone",), "desktop": ("phone", "desktop")}[shown_at]
    found = stretches(Scale(start))
    for stretch in found:
        if stretch.fits in visible:
            assert len(stretch.band.name) * LETTER <= (stretch.right - stretch.left) / 100 * width + 0.01
    ticks = [stretch.left / 100 * width for stretch in found if stretch.tick in visible]
    assert np.diff(ticks).min() >= 4 * 5.5, "four small characters of 5.5 pixels"


def test_every_band_is_named_on_a_wide_ruler_of_the_usual_span() -> None:
    assert [stretch.fits for stretch in stretches(Scale(START))] == ["phone", "phone", "desktop", "phone", "phone"]
    assert [stretch.band for stretch in stretches(Scale(START))] == list(BANDS[::-1])


def test_what_fits_is_told_by_the_narrowest_width() -> None:
    """Eight letters take 51.2 pixels: a sixth of 300, a tenth of 560."""
    assert [fits(share, "Moderate") for share in (100, 17.1, 17.0, 9.2, 9.1)] == [
        "phone",
        "phone",
        "desktop",
        "desktop",
        "",
    ]


# --------------------------------------------------------------------------------------------------------------- curves


def points(path: str) -> list[tuple[float, float]]:
    """The points of a path."""
    assert re.fullmatch(r"M-?\d+,-?\d+( L-?\d+,-?\d+)+", path)
    return [(float(x), float(y)) for x, y in re.findall(r"(-?\d+),(-?\d+)", path)]


def test_the_curves_of_the_calibration_stand_where_its_scores_are() -> None:
    """Relatives are densest between 0.6 and 1, strangers between 0 and 0.2; each as high as there is room."""
    comparison = with_test([0.9] * 3, evenly(3, 0.8))
    svg = drawn(comparison, calibrated())
    curves = {kind: points(all_of(svg, "path", kind)[0].attrib["d"]) for kind in ("same", "different")}
    peaks = {kind: min(path, key=lambda point: point[1]) for kind, path in curves.items()}
    assert 60 < peaks["same"][0] < 100
    assert 0 < peaks["different"][0] < 20
    assert {peak[1] for peak in peaks.values()} == {6}
    assert all(0 <= y <= 100 for path in curves.values() for _, y in path)
    assert all([x for x, _ in path] == list(range(101)) for path in curves.values())
    assert "In the calibration set most pictures of the same style score" in svg.attrib["aria-label"]


def test_there_are_no_curves_where_the_calibration_has_nothing_for_so_many_references() -> None:
    calibration = calibrated({1: row((0.6, 0.8, 1.0), (0.0, 0.2, 0.7))})
    for comparison, given_calibration in ((SETS["1 to 3"], calibration), (SETS["3 alone"], calibrated())):
        one = outcome(comparison, given_calibration)
        assert ruler(one)["curves"] is None
        assert "calibration" not in ruler(one)["words"]
