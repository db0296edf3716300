"""The views: the right numbers and names in the right places, names always as text, and nothing that invites a misreading."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from megastyle.comparison import BANDS, FAR_MARGIN, MAX_REFERENCES, MODERATE, Comparison, compare, shown
from megastyle.page import views
from megastyle.page.views import Thumbnail, csv_matrix, details, heat_colour, ink_on, json_report, matrix, notes, overview, ruler, table, verdict
from sets import circle, compared, comparisons, evenly, numbered, of_matrix, random_rows, steady, symmetric, with_test

ROOT = Path(__file__).resolve().parent.parent
VOID = {"img", "br", "hr"}
ENCODER = {"backbone": "b", "checkpoint": "c.pth", "revision": "abc", "sha256": "d", "official": True}
VERSIONS = {"torch": "1", "transformers": "2", "pillow": "3"}
READABLE = 4.5  # contrast ratio, WCAG 2.2 AA
FINEST = 5.1e-9  # half of the files' eighth decimal
NAME_ATTRIBUTES = ("title", "alt", "aria-label")  # where a name, or the words of a picture, may stand beside the text


class Node:
    """An element: its tag, its attributes, and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.children: list[Node | str] = []

    def walk(self) -> Iterator[Node]:
        """This element and all below it, in the order of the text."""
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, tag: str, kind: str = "") -> list[Node]:
        """The elements with this tag and, if given, this class."""
        return [node for node in self.walk() if node.tag == tag and (not kind or kind in node.attributes.get("class", "").split())]

    @property
    def raw(self) -> str:
        """All text below; a cell or a list's item is a word of its own."""
        text = "".join(child if isinstance(child, str) else child.raw for child in self.children)
        return f" {text} " if self.tag in {"td", "th", "li"} else text

    @property
    def text(self) -> str:
        """All text below, with single spaces."""
        return " ".join(self.raw.split())


class Page(HTMLParser):
    """Reads HTML as strictly as it was meant: every element is closed, in order, and no attribute stands twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]
        self.feed(html)
        self.close()
        assert self._open == [self.root], f"not closed: {[node.tag for node in self._open[1:]]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice: {attrs}"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself, of the SVG."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self._open[-1].children.append(data)


def read(html: str) -> Node:
    """The parsed HTML."""
    return Page(html).root


def thumbnails(count: int) -> list[Thumbnail]:
    """Pictures that can be told apart."""
    return [Thumbnail(f"data:large-{index}", f"data:small-{index}") for index in range(count)]


def named(names: Sequence[str], *, has_test: bool = True, ignored: Sequence[str] = ()) -> Comparison:
    """Pictures by these names at 0, 4, 9, ... degrees, the last two of which hold the same file."""
    angles = [index * (index + 7) / 2 for index in range(len(names))]
    digests = [f"{min(index, len(names) - 2):064x}" for index in range(len(names))]
    return compare(circle(*angles), names, digests=digests, has_test=has_test, ignored=ignored)


def result_html(comparison: Comparison) -> str:
    """Everything of the result that is HTML."""
    return overview(comparison, []) + details(comparison, thumbnails(len(comparison.names)))


def report_of(comparison: Comparison) -> dict[str, Any]:
    """The JSON report, read back."""
    return json.loads(json_report(comparison, ENCODER, VERSIONS))


SETS = {
    **{f"1 to {count}": compared(random_rows(count, count + 1)) for count in (1, 2, 3, 8)},
    **{f"{count} alone": compared(random_rows(30 + count, count), has_test=False) for count in (2, 3, 8)},
    "opposites": with_test([-1, 1, 0], symmetric(3, [-1, 0, 0.5])),
    "an odd one": with_test([0.8, 0.8, 0.3], symmetric(3, [0.8, 0.2, 0.2])),
}
every_set = pytest.mark.parametrize("comparison", SETS.values(), ids=SETS)
scored_set = pytest.mark.parametrize(
    "comparison", [made for made in SETS.values() if made.has_test], ids=[name for name in SETS if "alone" not in name]
)


# ------------------------------------------------------------------------------------------------------------------ words


@scored_set
def test_the_verdict_begins_with_emoji_and_label_and_has_the_number_in_bold(comparison: Comparison) -> None:
    """A second-level heading, then the mean with three decimals, then how many references."""
    heading, headline, *_ = verdict(comparison).split("\n\n")
    count = len(comparison.reference_names)
    assert heading == f"## {comparison.band.emoji} {comparison.band.label}"
    assert f"**{comparison.mean_cosine:.3f}**".replace("-0.000", "0.000") in headline
    assert re.search(r"\b1 reference\b" if count == 1 else rf"\b{count} references\b", headline)


@every_set
def test_the_verdict_is_markdown_alone(comparison: Comparison) -> None:
    """No inline HTML and no file name, which could be taken for markup."""
    text = verdict(comparison)
    assert not re.search(r"[<>]|&\w+;", text)
    assert not any(name in text for name in comparison.names)


@every_set
def test_every_cosine_in_words_has_three_decimals(comparison: Comparison) -> None:
    """In the verdict, the notes, the table, the matrix and the ruler's words; the floors of the bands have two, as the contract has them."""
    words = [verdict(comparison), read(notes(comparison)).text, read(ruler(comparison)).all("svg")[0].attributes["aria-label"]]
    words += [cell.text for cell in read(details(comparison, thumbnails(len(comparison.names)))).all("td")]
    floors = {f"{band.floor:.2f}" for band in BANDS}
    numbers = {number for text in words for number in re.findall(r"-?\d+\.\d+", text)}
    assert numbers
    assert [number for number in numbers if len(number.split(".")[1]) != 3 and number not in floors] == []
    assert "-0.000" not in numbers


def visible(html: str) -> str:
    """Whatever of the HTML a person sees, hears or can call up."""
    root = read(html)
    return " ".join([root.text, *(node.attributes.get(name, "") for node in root.walk() for name in NAME_ATTRIBUTES)])


def assert_no_percentage(text: str) -> None:
    """Neither the sign, in any script, nor the word."""
    assert not re.search(r"[%‰٪﹪％]|per ?cent", text, re.IGNORECASE)


@steady(max_examples=60)
@given(comparisons())
def test_no_result_has_a_percentage(comparison: Comparison) -> None:
    """A cosine is no share of anything."""
    assert_no_percentage(verdict(comparison) + visible(result_html(comparison)))
    assert "%" not in json_report(comparison, ENCODER, VERSIONS) + csv_matrix(comparison)


def page_texts() -> list[str]:
    """The page's fixed words, addresses left out."""
    texts = [
        views.intro(),
        views.WAITING,
        views.STALE,
        views.meaning(),
        views.limits("JPEG", 32, 67, 70),
        views.SOURCES,
        views.not_megastyle("x.pth"),
    ]
    return [re.sub(r"https?://\S+", "", text) for text in texts]


def test_the_page_has_no_percentage() -> None:
    """None of its words either."""
    for text in page_texts():
        assert_no_percentage(text)


@pytest.mark.parametrize(("mean", "place"), [(0.7, "inside"), (0.9, "above"), (0.2, "below")])
def test_the_verdict_says_where_the_test_image_lies(mean: float, place: str) -> None:
    """Three references with leave-one-out 0.65, 0.7 and 0.75; exactly one of the three places is named."""
    text = verdict(with_test([mean] * 3, symmetric(3, [0.6, 0.7, 0.8])))
    assert "0.700" in text
    assert "0.650 to 0.750" in text
    assert [word for word in ("inside", "above", "below") if f"**{word}**" in text] == [place]


def test_two_references_have_one_number_and_no_range() -> None:
    """They agree at 0.4, shown once; a range of one number would mislead."""
    text = verdict(with_test([0.9, 0.9], evenly(2, 0.6)))
    assert text.count("0.600") == 1
    assert " to 0.600" not in text
    assert not any(f"**{word}**" in text for word in ("inside", "above", "below"))


def test_one_reference_has_no_yardstick() -> None:
    """A pair has one cosine, and it is the only number."""
    assert re.findall(r"\d\.\d+", verdict(with_test([0.9], evenly(1, 1)))) == ["0.900"]


def test_without_a_test_image_there_is_no_label() -> None:
    """Agreement and a hint, no verdict."""
    text = verdict(of_matrix(symmetric(3, [0.6, 0.7, 0.8]), has_test=False))
    assert text.startswith("## ")
    assert "0.700" in text
    assert not any(band.label in text for band in BANDS)
    assert "nan" not in text.lower()


@pytest.mark.parametrize(("among", "loose"), [(0.5494, True), (0.5496, False), (0.8, False)])
def test_a_loose_set_is_called_loose(among: float, loose: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """With and without a test image; the floor that it fails is named."""
    for comparison in (with_test([0.9] * 3, evenly(3, among)), of_matrix(evenly(3, among), has_test=False)):
        assert ("loose" in verdict(comparison).lower()) is loose
        assert bool(re.search(rf"\b{MODERATE.floor:.2f}\b", verdict(comparison))) is loose


def test_a_set_that_one_reference_makes_loose_is_told_so() -> None:
    """The odd one lies at 0.2 from the others, which are at 0.8 from each other: that is the number that counts."""
    for comparison in (SETS["an odd one"], of_matrix(symmetric(3, [0.8, 0.2, 0.2]), has_test=False)):
        assert comparison.is_loose
        (sentence,) = [part for part in verdict(comparison).split("\n\n") if "loose" in part]
        assert "because of one reference" in sentence
        assert "0.800" in sentence
    assert "because of one" not in verdict(with_test([0.9] * 3, evenly(3, 0.3)))


# ------------------------------------------------------------------------------------------------------------------ notes


def test_notes_say_nothing_where_there_is_nothing_to_say() -> None:
    """No empty list."""
    assert notes(with_test([0.8, 0.8], evenly(2, 0.8))) == ""


def test_the_odd_one_out_is_named_with_the_mean_without_it() -> None:
    """Cosines 0.8, 0.8, 0.3: mean 0.633, without the third 0.800."""
    (item,) = read(notes(SETS["an odd one"])).all("li")
    assert [node.text for node in item.all("bdi")] == ["p3"]
    assert "0.800" in item.text
    assert "0.633" in item.text
    assert [row.text for row in read(table(SETS["an odd one"], thumbnails(4))).all("tr") if "odd" in row.text] == [
        "3 p3 odd one out 0.300 🔴 Minimal style match 0.800"
    ]


def test_the_same_file_twice_is_said_with_its_names_and_effect() -> None:
    """References 1 and 3 are one file, which inflates the agreement; test image and reference 2 are one, which inflates the mean."""
    items = read(notes(compare(circle(0, 5, 9, 5), ["t.png", "a.png", "b.png", "c.png"], digests=["x", "y", "x", "y"]))).all("li")
    assert [[node.text for node in item.all("bdi")] for item in items] == [["t.png", "b.png"], ["a.png", "c.png"]]
    assert "mean" in items[0].text
    assert "agreement" in items[1].text
    assert "mean" not in items[1].text


def test_the_references_that_were_left_out_are_named() -> None:
    """And how many are compared at most."""
    (item,) = read(notes(compare(circle(0, 5), ["t", "a"], ignored=["ninth.png", "tenth.png"]))).all("li")
    assert [node.text for node in item.all("bdi")] == ["ninth.png", "tenth.png"]
    assert "not used: ninth.png and tenth.png." in item.text
    assert str(MAX_REFERENCES) in item.text


# ------------------------------------------------------------------------------------------------------------------ ruler


def x_of(node: Node, name: str = "x") -> float:
    """A horizontal place in hundredths of the ruler's width."""
    return float(node.attributes[name].removesuffix("%"))


def place_on(svg: Node, cosine: float) -> float:
    """Where a cosine belongs on a ruler, by the places and the texts of the ticks of its own first and last inner floor."""
    ticks = {float(node.text): x_of(node) for node in svg.all("text", "tick")}
    low, high = min(ticks), max(ticks)
    return ticks[low] + (cosine - low) * (ticks[high] - ticks[low]) / (high - low)


def test_the_ruler_shows_the_bands_of_the_contract() -> None:
    """A tick for each inner floor, evenly spaced as the cosines are, five rectangles that meet at them, and a tick at either end."""
    svg = read(ruler(SETS["1 to 3"]))
    ticks = svg.all("text", "tick")
    assert [node.text for node in ticks] == ["0.30", "0.45", "0.55", "0.65", "0.75", "1.00"]
    first, *inner, last = [x_of(node) for node in ticks]
    assert (first, last) == (0, 100)
    assert np.allclose(np.diff(inner), inner[1] - inner[0], atol=0.02)
    rectangles = sorted((x_of(node), x_of(node, "width")) for node in svg.all("rect", "band"))
    assert [start for start, _ in rectangles[1:]] == inner
    assert np.allclose([start + width for start, width in rectangles], [*(start for start, _ in rectangles[1:]), 100], atol=0.02)
    assert [node.text for node in svg.all("text", "band-label")] == ["Minimal", "Weak", "Moderate", "Good", "Strong"]


@pytest.mark.parametrize("cosine", [0.31, 0.45, 0.6, 0.75, 0.9, 1.0])
def test_a_mark_stands_at_its_cosine(cosine: float) -> None:
    """One upright line, where the ticks say that it belongs; the mean's triangle at the same place, for it is the only one."""
    svg = read(ruler(with_test([cosine], evenly(1, 1))))
    (mark,) = svg.all("line", "mark")
    assert x_of(mark, "x1") == x_of(mark, "x2") == pytest.approx(place_on(svg, cosine), abs=0.02)
    (triangle,) = [node for node in svg.all("svg") if node.all("path", "mean") and "x" in node.attributes]
    assert x_of(triangle) == pytest.approx(place_on(svg, cosine), abs=0.02)
    (label,) = svg.all("text", "mean-label")
    assert label.text == f"mean {cosine:.3f}"


@pytest.mark.parametrize(("cosines", "pinned"), [([0.9, 0.2], True), ([0.9, 0.31], False)])
def test_a_reference_below_the_ruler_has_an_arrow(cosines: list[float], pinned: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The mean, 0.55, lies on it; without an arrow the second mark would read as 0.30."""
    svg = read(ruler(with_test(cosines, evenly(2, 0.8))))
    assert ("◂" in svg.text) is pinned


@pytest.mark.parametrize("cosine", [0.29, 0.0, -1.0])
def test_a_cosine_below_the_ruler_is_pinned_to_its_edge_with_an_arrow(cosine: float) -> None:
    """The number is the true one."""
    svg = read(ruler(with_test([cosine], evenly(1, 1))))
    (mark,), (label,) = svg.all("line", "mark"), svg.all("text", "mean-label")
    assert x_of(mark, "x1") == x_of(mark, "x2") == 0
    assert label.text == f"◂ mean {cosine:.3f}"


def test_the_bracket_spans_the_agreement() -> None:
    """Leave-one-out 0.65, 0.7, 0.75: two upright ends and a line between them, a dot at 0.7."""
    svg = read(ruler(with_test([0.8] * 3, symmetric(3, [0.6, 0.7, 0.8]))))
    spans = sorted((x_of(node, "x1"), x_of(node, "x2")) for node in svg.all("line", "bracket"))
    low, high = place_on(svg, 0.65), place_on(svg, 0.75)
    assert np.allclose(spans, [(low, low), (low, high), (high, high)], atol=0.02)
    (dot,) = svg.all("circle", "bracket-dot")
    assert x_of(dot, "cx") == pytest.approx(place_on(svg, 0.7), abs=0.02)


def test_two_references_have_a_dot_and_no_bracket() -> None:
    """One number has no ends."""
    svg = read(ruler(with_test([0.9, 0.8], evenly(2, 0.6))))
    assert (len(svg.all("line", "bracket")), len(svg.all("circle", "bracket-dot"))) == (0, 1)


@every_set
def test_the_ruler_says_all_its_numbers_to_a_screen_reader(comparison: Comparison) -> None:
    """It is one picture with words: mean, label, each reference's cosine, the agreement and its range."""
    (svg,) = [node for node in read(ruler(comparison)).all("svg") if node.attributes.get("role") == "img"]
    words, agreement = svg.attributes["aria-label"], comparison.agreement
    expected = [shown(cosine) for cosine in comparison.cosines]
    expected += [shown(comparison.mean_cosine), comparison.band.label.lower()] if comparison.has_test else []
    expected += [shown(agreement.mean)] if agreement else []
    expected += [shown(agreement.min), shown(agreement.max)] if agreement and comparison.has_range else []
    assert [number for number in expected if number not in words.lower()] == []


@every_set
def test_every_mark_lies_on_the_ruler(comparison: Comparison) -> None:
    """One for each reference, all between its edges."""
    svg = read(ruler(comparison))
    assert len(svg.all("line", "mark")) == len(comparison.cosines)
    places = [x_of(node, name) for node in svg.walk() for name in ("x", "x1", "x2", "cx") if node.attributes.get(name, "").endswith("%")]
    assert 0 <= min(places) <= max(places) <= 100


# -------------------------------------------------------------------------------------------------- table, grid and matrix


def index_of(source: str) -> tuple[str, int]:
    """Which thumbnail an image shows: its size and its index."""
    size, index = source.removeprefix("data:").split("-")
    return size, int(index)


@scored_set
def test_the_table_has_a_row_for_each_reference_best_first(comparison: Comparison) -> None:
    """Rank, its own picture, its name, cosine, label, and from two references on the mean without it."""
    rows = read(table(comparison, thumbnails(len(comparison.names)))).all("tr")
    heads = [node.text for node in rows[0].all("th")]
    assert heads == ["Rank", "Picture", "Reference", "Cosine", "Label", "Mean without it"][: 5 + bool(comparison.means_without)]
    assert len(rows) == 1 + len(comparison.reference_names)
    for rank, (row, index) in enumerate(zip(rows[1:], comparison.ranking, strict=True), start=1):
        assert [index_of(node.attributes["src"]) for node in row.all("img")] == [("small", index + 1)]
        assert row.all("bdi")[0].text == comparison.reference_names[index]
        cells = [cell.text for cell in row.all("td")]
        assert (cells[0], cells[2]) == (str(rank), shown(comparison.cosines[index]))
        assert [band.label for band in BANDS if band.label in cells[3]] == [next(b.label for b in BANDS if float(cells[2]) >= b.floor)]
        assert cells[4:] == [shown(comparison.means_without[index])] if comparison.means_without else not cells[4:]


def test_there_is_no_table_without_a_test_image() -> None:
    """Its columns are all about the test image."""
    assert table(SETS["3 alone"], thumbnails(3)) == ""


@every_set
def test_tables_are_tables_for_a_screen_reader(comparison: Comparison) -> None:
    """Headings with a scope, as many cells in each row as there are columns, and a scrolling region that has a name and takes the focus."""
    root = read(details(comparison, thumbnails(len(comparison.names))))
    assert len(root.all("table")) == 1 + comparison.has_test
    for node in root.all("table"):
        assert len({len(row.all("td")) + len(row.all("th")) for row in node.all("tr")}) == 1
        assert {head.attributes.get("scope") for head in node.all("thead")[0].all("th")} == {"col"}
        assert {head.attributes.get("scope") for head in node.all("tbody")[0].all("th")} == {"row"}
    regions = [node for node in root.walk() if node.attributes.get("role") == "region"]
    assert [len(node.all("table")) for node in regions] == [1] * len(root.all("table"))
    assert all(node.attributes["aria-label"] and node.attributes["tabindex"] == "0" for node in regions)


@every_set
def test_the_grid_shows_each_reference_best_first(comparison: Comparison) -> None:
    """Its large picture with its name as alternative text, captioned with rank, cosine and band.

    Without a test image the cosine is its mean to the others.
    """
    items = read(views.grid(comparison, thumbnails(len(comparison.names)))).all("li")
    scores = comparison.cosines if comparison.has_test else comparison.leave_one_out
    assert len(items) == len(comparison.reference_names)
    for rank, (item, index) in enumerate(zip(items, comparison.ranking, strict=True), start=1):
        (image,) = item.all("img")
        assert index_of(image.attributes["src"]) == ("large", index + comparison.offset)
        assert image.attributes["alt"] == comparison.reference_names[index]
        caption = item.all("figcaption")[0].text
        band = next(band for band in BANDS if float(shown(scores[index])) >= band.floor)
        assert f"{rank}. {shown(scores[index])}" in caption
        assert band.emoji in caption
        assert band.label.split()[0] in caption
        assert comparison.reference_names[index] in caption


@every_set
def test_the_matrix_has_every_cosine_in_its_place(comparison: Comparison) -> None:
    """Row i, column j holds the cosine of i and j, on both axes under the picture that it is of; the diagonal is marked."""
    count = len(comparison.names)
    root = read(matrix(comparison, thumbnails(count)))
    head, *rows = root.all("tr")
    assert [index_of(node.attributes["src"]) for node in head.all("img")] == [("small", index) for index in range(count)]
    assert [index_of(row.all("th")[0].all("img")[0].attributes["src"])[1] for row in rows] == list(range(count))
    found = [[cell.text for cell in row.all("td")] for row in rows]
    assert found == [[shown(cosine) for cosine in row] for row in comparison.matrix]
    assert all([node.attributes.get("class") == "self" for node in row.all("td")] == [i == j for j in range(count)] for i, row in enumerate(rows))
    for heading, name in zip([*head.all("th"), *(row.all("th")[0] for row in rows)], comparison.names * 2, strict=True):
        assert name in heading.text


def test_the_matrix_tells_the_test_image_from_the_references() -> None:
    """T, then the numbers of upload."""
    marks = [node.text for node in read(matrix(SETS["1 to 3"], thumbnails(4))).all("span") if node.attributes.get("aria-hidden") == "true"]
    assert [mark for mark in marks if re.fullmatch(r"T|\d", mark)] == ["T", "1", "2", "3"] * 2
    alone = [node.text for node in read(matrix(SETS["3 alone"], thumbnails(3))).all("span") if node.attributes.get("aria-hidden") == "true"]
    assert [mark for mark in alone if re.fullmatch(r"T|\d", mark)] == ["1", "2", "3"] * 2


# ---------------------------------------------------------------------------------------------------------------- colours


def luminance(colour: Sequence[int]) -> float:
    """Relative luminance of an 8-bit sRGB colour, from the definition of WCAG 2.2."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Contrast ratio, WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


THOUSANDTHS = [step / 1000 for step in range(-1000, 1001)]


def test_every_cosine_can_be_read_on_its_colour() -> None:
    """4.5 to 1 or better for each number that can be shown."""
    unreadable = {cosine: contrast(heat_colour(cosine), ink_on(heat_colour(cosine))) for cosine in THOUSANDTHS}
    assert {cosine: ratio for cosine, ratio in unreadable.items() if ratio < READABLE} == {}


def test_the_colours_get_darker_with_the_cosine() -> None:
    """Monotone in luminance from 0 to 1, so that nobody needs to see hues; below 0 it stays; the ends are far apart."""
    luminances = [luminance(heat_colour(cosine)) for cosine in THOUSANDTHS]
    assert all(later <= earlier for earlier, later in pairwise(luminances))
    assert len({heat_colour(cosine) for cosine in THOUSANDTHS if cosine <= 0}) == 1
    assert contrast(heat_colour(0), heat_colour(1)) > 7
    assert all(luminance(heat_colour(step / 20)) > luminance(heat_colour((step + 1) / 20)) for step in range(20))


def colour_pairs(node: Node) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Background and ink of every element that sets both."""
    pattern = re.compile(r"background: ?#(\w{6}); ?color: ?#(\w{6})")
    found = [pattern.search(element.attributes.get("style", "")) for element in node.walk()]
    return [(tuple(bytes.fromhex(match[1])), tuple(bytes.fromhex(match[2]))) for match in found if match]


@every_set
def test_every_cell_of_the_matrix_has_readable_colours(comparison: Comparison) -> None:
    """As they stand in the HTML, the legend's included."""
    pairs = colour_pairs(read(matrix(comparison, thumbnails(len(comparison.names)))))
    assert len(pairs) >= comparison.matrix.size
    assert min(contrast(*pair) for pair in pairs) >= READABLE


def test_the_colour_of_a_cosine_does_not_depend_on_the_set() -> None:
    """0.6 beside 0.1 and 0.6 beside 0.9 look the same, so that two results compare."""
    styles = []
    for other in (0.1, 0.9):
        root = read(matrix(with_test([0.6, other], evenly(2, other)), thumbnails(3)))
        styles.append({cell.attributes["style"] for cell in root.all("td") if cell.text == "0.600"})
    assert styles[0] == styles[1]
    assert len(styles[0]) == 1


# ---------------------------------------------------------------------------------------------------------- hostile names

HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "' onmouseover='alert(1)' x='.jpg",
    "a|b|c.png",
    "**bold** [link](javascript:alert(1)) `code`.png",
    "</bdi></td></table></svg></div>.png",
    "&lt;b&gt;&amp;amp;.png",
    "photo\u202egnp.exe",
    "\u200f\u2067abc\u2066.png",
    "n" * 296 + ".png",
    "<" * 300,
    "no extension",
    "new\nline\r\n.png",
    "tab\tname.png",
    "nul\0name.png",
    "-->]]><!--.png",
    "%3Cscript%3E.png",
    "{{7*7}}${7*7}#{7*7}.png",
    "=cmd|' /C calc'!A0",
    "+1.png",
    "-1.png",
    "@x.png",
    "\t=1+1.png",
    "\n=1+1.png",
    "＝1+1.png",
    "",
    "🟢 Strong style match.png",
    "lone\ud800surrogate.png",
]


def groups_of_eight(names: Sequence[str]) -> list[list[str]]:
    """The names nine at a time, the first as test image, one of them twice."""
    chunks = [list(names[start : start + 8]) for start in range(0, len(names), 8)]
    return [[*chunk, chunk[0]] for chunk in chunks]


def skeleton(html: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every element with its attributes, the values of those that hold words left out."""
    return [(node.tag, tuple((key, "" if key in NAME_ATTRIBUTES else value) for key, value in node.attributes.items())) for node in read(html).walk()]


@pytest.mark.parametrize("has_test", [True, False])
@pytest.mark.parametrize("names", groups_of_eight(HOSTILE))
def test_hostile_names_change_no_markup(names: list[str], has_test: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Element for element and attribute for attribute the result is that of harmless names; only texts differ."""
    names = names if has_test else names[:MAX_REFERENCES]
    hostile = named(names, has_test=has_test, ignored=HOSTILE)
    harmless = named(numbered(len(names)), has_test=has_test, ignored=numbered(len(HOSTILE)))
    assert skeleton(result_html(hostile)) == skeleton(result_html(harmless))
    assert verdict(hostile) == verdict(harmless)


@pytest.mark.parametrize("names", groups_of_eight(HOSTILE))
def test_every_name_is_at_hand_in_full(names: list[str]) -> None:
    """As the title of its shortened form, in the table, the grid, the matrix and the notes."""
    comparison = named(names, ignored=HOSTILE)
    for html in (table(comparison, thumbnails(9)), views.grid(comparison, thumbnails(9)), matrix(comparison, thumbnails(9)), notes(comparison)):
        titles = [node.attributes["title"] for node in read(html).walk() if "title" in node.attributes]
        wanted = HOSTILE if html == notes(comparison) else comparison.reference_names
        assert [name for name in wanted if name not in titles] == []


def test_names_are_shortened_in_the_middle() -> None:
    """At most forty characters, the extension among them; a short one is left as it is; so is its direction, kept to itself."""
    name = "a" * 100 + "b" * 100 + ".jpeg"
    (node,) = read(views.named(name)).all("bdi")
    assert len(node.text) <= views.NAME_LENGTH == 40
    assert node.text.startswith("aaaaaaaaaa")
    assert node.text.endswith("bbbbb.jpeg")
    assert views.short("x" * 40) == "x" * 40
    assert len(views.short("x" * 41)) == 40


def test_the_folders_of_the_files_are_escaped() -> None:
    """They tell whether the result is an old one."""
    (outer,) = [
        node for node in read(overview(SETS["1 to 2"], ["/uploads/aa11/x.png", '/uploads/"><b>/y.png'])).walk() if "data-made-from" in node.attributes
    ]
    assert outer.attributes["data-made-from"] == 'aa11 "><b>'


# ------------------------------------------------------------------------------------------------------------------ files

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, CSV injection
REPORT_KEYS = ["mean_cosine", "label", "test", "references", "reference_agreement", "ignored", "names", "matrix", "encoder", "versions"]
REFERENCE_KEYS = ["name", "sha256", "cosine", "label", "rank", "mean_without", "leave_one_out"]


def close(found: Any, expected: Any) -> bool:
    """Equal up to the files' last decimal."""
    return np.abs(np.array(found, np.float64) - np.array(expected, np.float64)).max() <= FINEST


@every_set
def test_the_report_has_the_structure_that_others_rely_on(comparison: Comparison) -> None:
    """The same keys for one reference and for eight, with a test image and without; what cannot be had is null."""
    report, count = report_of(comparison), len(comparison.reference_names)
    assert list(report) == REPORT_KEYS
    assert [list(reference) for reference in report["references"]] == [REFERENCE_KEYS] * count
    assert (report["test"] is None) == (report["mean_cosine"] is None) == (report["label"] is None) == (not comparison.has_test)
    assert (report["reference_agreement"] is None) == (count == 1)
    for reference in report["references"]:
        assert (reference["cosine"] is None) == (reference["label"] is None) == (not comparison.has_test)
        assert (reference["mean_without"] is None) == (count == 1 or not comparison.has_test)
        assert (reference["leave_one_out"] is None) == (count == 1)
    assert (report["encoder"], report["versions"]) == (ENCODER, VERSIONS)


@every_set
def test_the_report_holds_the_numbers_of_the_comparison(comparison: Comparison) -> None:
    """Read back, to eight decimals: matrix, cosines, means, agreement, ranks; references in the order of upload."""
    report = report_of(comparison)
    assert close(report["matrix"], comparison.matrix)
    assert report["names"] == list(comparison.names)
    assert [reference["name"] for reference in report["references"]] == list(comparison.reference_names)
    assert [reference["sha256"] for reference in report["references"]] == list(comparison.digests[comparison.offset :])
    assert sorted(range(len(report["references"])), key=lambda index: report["references"][index]["rank"]) == list(comparison.ranking)
    if comparison.has_test:
        assert close(report["mean_cosine"], comparison.mean_cosine)
        assert report["label"] == comparison.band.label
        assert report["test"] == {"name": comparison.names[0], "sha256": comparison.digests[0]}
        assert close([reference["cosine"] for reference in report["references"]], comparison.cosines)
        labels = [next(band.label for band in BANDS if float(shown(reference["cosine"])) >= band.floor) for reference in report["references"]]
        assert [reference["label"] for reference in report["references"]] == labels
    if comparison.means_without:
        assert close([reference["mean_without"] for reference in report["references"]], comparison.means_without)
    if comparison.agreement:
        assert close([reference["leave_one_out"] for reference in report["references"]], comparison.leave_one_out)
        assert list(report["reference_agreement"]) == ["mean", "min", "max"]
        assert close(list(report["reference_agreement"].values()), list(comparison.agreement))


@scored_set
def test_the_report_and_the_page_show_the_same_numbers(comparison: Comparison) -> None:
    """The report's numbers, rounded to three decimals, are the table's, and its mean is the verdict's."""
    report = report_of(comparison)
    by_rank = sorted(report["references"], key=lambda reference: reference["rank"])
    rows = read(table(comparison, thumbnails(len(comparison.names)))).all("tr")[1:]
    for row, reference in zip(rows, by_rank, strict=True):
        cells = [cell.text for cell in row.all("td")]
        assert cells[2] == shown(reference["cosine"])
        assert cells[3].endswith(reference["label"])
        assert cells[4:] == ([] if reference["mean_without"] is None else [shown(reference["mean_without"])])
    assert f"**{shown(report['mean_cosine'])}**" in verdict(comparison)


@every_set
def test_the_csv_holds_the_matrix_with_its_names(comparison: Comparison) -> None:
    """Read back: names in the first row and column, numbers to eight decimals, in the matrix's order."""
    head, *rows = csv.reader(io.StringIO(csv_matrix(comparison), newline=""))
    assert head == ["", *comparison.names]
    assert [row[0] for row in rows] == list(comparison.names)
    assert close([[float(cell) for cell in row[1:]] for row in rows], comparison.matrix)


@pytest.mark.parametrize("names", groups_of_eight(HOSTILE))
def test_hostile_names_survive_the_files(names: list[str]) -> None:
    """Read back, they are the visitor's own in the JSON; in the CSV those that a spreadsheet would run have a quote before them.

    A NUL, which Python 3.10 can neither write into a CSV nor read from one, is U+FFFD there.
    """
    comparison = named(names, ignored=HOSTILE)
    report = report_of(comparison)
    assert report["names"] == names
    assert report["ignored"] == HOSTILE
    head, *rows = csv.reader(io.StringIO(csv_matrix(comparison), newline=""))
    for cells in (head[1:], [row[0] for row in rows]):
        assert [cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell for cell in cells] == [
            name.replace("\0", "\ufffd") for name in names
        ]
        assert [cell for cell in cells if cell.startswith(FORMULA_STARTS)] == []
    assert {len(row) for row in (head, *rows)} == {len(names) + 1}


@steady(max_examples=40)
@given(comparisons())
def test_the_files_hold_numbers_alone(comparison: Comparison) -> None:
    """No NaN and no infinity, which JSON does not know; never a number in letters."""
    text = json_report(comparison, ENCODER, VERSIONS)
    assert not re.search(r"NaN|Infinity", text)
    assert close(json.loads(text)["matrix"], comparison.matrix)


# -------------------------------------------------------------------------------------------------------------- constants


def test_the_page_shows_the_bands_from_the_constants() -> None:
    """A table in Markdown, best first: each floor with the label and emoji of its band."""
    found = re.findall(r"^\| (\S.*?) \| (\S+) (.*?) \|$", views.meaning(), re.MULTILINE)
    assert [(emoji, label) for _, emoji, label in found] == [(band.emoji, band.label) for band in BANDS]
    assert [span for span, *_ in found] == ["0.75 and above", "0.65 to 0.75", "0.55 to 0.65", "0.45 to 0.55", "below 0.45"]


def test_the_pages_limits_follow_the_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other constants, other words: nothing is written twice."""
    assert f"{FAR_MARGIN:.2f}" in views.meaning()
    monkeypatch.setattr(views, "FAR_MARGIN", 0.37)
    monkeypatch.setattr(views, "MAX_REFERENCES", 23)
    monkeypatch.setattr(views, "BANDS", tuple(band._replace(floor=band.floor + 0.01, label=f"X{band.label}") for band in BANDS))
    monkeypatch.setattr(views, "MODERATE", views.BANDS[2])
    for wanted in ("0.37", "0.76 and above", "0.66 to 0.76", "below 0.46", "XStrong style match", "0.56 or better"):
        assert wanted in views.meaning()
    limits = views.limits("Xpeg", 123, 456, 789)
    for wanted in ("Xpeg", "123 MB", "456 megapixels", "789 minutes", "23 references"):
        assert wanted in limits
    assert "23 references" in views.intro()
    assert "at most 23 references" in notes(compare(circle(0, 5), ["t", "a"], ignored=["ninth.png"]))


def test_a_page_on_another_encoder_says_so() -> None:
    """In plain words, with the name of the checkpoint."""
    assert "not MegaStyle scores" in views.not_megastyle("tiny.pth")
    assert "tiny.pth" in views.not_megastyle("tiny.pth")


def test_the_page_says_what_the_score_is_not() -> None:
    """Direction and limits of the number, as the specification wants them said."""
    text = " ".join(page_texts())
    for wanted in (
        "Higher is closer",
        "no absolute meaning",
        "rules of thumb",
        "authorship",
        "copying",
        "squashed to a square",
        "Apache-2.0",
        "MIT",
        "2604.08364",
    ):
        assert wanted in text


def test_views_and_comparison_need_neither_torch_nor_gradio() -> None:
    """They are pure: imported alone, they bring none of the heavy ones."""
    program = "import sys, megastyle.page.views; print(sorted({'torch', 'gradio', 'transformers', 'PIL', 'spaces'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
