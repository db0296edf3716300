"""The result's HTML: the right numbers and pictures in the right places, and names as text wherever they stand."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given

from colours import READABLE, contrast, rgb
from markup import in_xml, parsed, skeleton, text, texts, visible
from megastyle.bands import BANDS, shown
from megastyle.comparison import MAX_REFERENCES, Comparison
from megastyle.page import result
from megastyle.page.words import verdict
from sets import (
    HOSTILE,
    SETS,
    comparisons,
    described,
    evenly,
    every_set,
    hostile_names,
    numbered,
    scored_set,
    steady,
    thumbnails,
    with_test,
)


def details(comparison: Comparison) -> str:
    """Grid, table and matrix."""
    return result.details(comparison, thumbnails(len(comparison.names)))


def result_html(comparison: Comparison) -> str:
    """Everything of the result that is HTML."""
    return result.overview(comparison, []) + details(comparison)


def table_rows(comparison: Comparison, kind: str) -> list[Element]:
    """The rows of the table of this class, its head first."""
    return parsed(details(comparison)).findall(f".//table[@class='{kind}']//tr")


def sources(element: Element) -> list[tuple[str, int]]:
    """Which thumbnails the images in an element show: size and index."""
    pairs = [image.attrib["src"].removeprefix("data:").split("-") for image in element.iter("img")]
    return [(size, int(index)) for size, index in pairs]


# -------------------------------------------------------------------------------------------------------------- numbers


@every_set
def test_every_cosine_in_words_has_three_decimals(comparison: Comparison) -> None:
    """In the verdict and in the result; the floors of the bands have two, as the contract has them."""
    scale = {"0.30", "1.00", "0.00", "0.25", "0.50", "0.75"}  # the ruler's ends, the legend of the matrix
    floors = {f"{band.floor:.2f}" for band in BANDS}
    numbers = re.findall(r"-?\d+\.\d+", verdict(comparison) + " " + visible(result_html(comparison)))
    assert len(numbers) > comparison.matrix.size
    assert [number for number in numbers if len(number.split(".")[1]) != 3 and number not in scale | floors] == []
    assert "-0.000" not in numbers


@steady(max_examples=60)
@given(comparisons())
def test_no_result_has_a_percentage(comparison: Comparison) -> None:
    """Neither the sign, in any script, nor the word: a cosine is no share of anything."""
    words = verdict(comparison) + visible(result_html(comparison))
    assert not re.search(r"[%‰٪﹪％]|per ?cent", words, re.IGNORECASE)


# ----------------------------------------------------------------------------------------------- table, grid and matrix


@scored_set
def test_the_table_has_a_row_for_each_reference_best_first(comparison: Comparison) -> None:
    """Rank, its own picture, its name, cosine, label, and from two references on the mean without it."""
    head, *rows = table_rows(comparison, "references")
    columns = ["Rank", "Picture", "Reference", "Cosine", "Label", "Mean without it"]
    assert texts(head.findall("th")) == columns[: 5 + bool(comparison.means_without)]
    assert len(rows) == len(comparison.reference_names)
    for rank, (row, index) in enumerate(zip(rows, comparison.ranking, strict=True), start=1):
        cells = texts(row.findall("td"))
        assert sources(row) == [("small", index + 1)]
        assert text(row.findall(".//bdi")[0]) == comparison.reference_names[index]
        assert (cells[0], cells[2]) == (str(rank), shown(comparison.cosines[index]))
        band = next(band for band in BANDS if float(cells[2]) >= band.floor)
        assert cells[3] == f"{band.emoji} {band.label}"
        assert cells[4:] == ([shown(comparison.means_without[index])] if comparison.means_without else [])


def test_the_odd_one_out_is_marked_in_the_table() -> None:
    rows = table_rows(SETS["an odd one"], "references")
    assert [text(row.findall("th")[0]) for row in rows if "odd" in text(row)] == ["p3 odd one out"]


def test_there_is_no_table_without_a_test_image() -> None:
    """Its columns are all about the test image."""
    assert table_rows(SETS["3 alone"], "references") == []


@every_set
def test_tables_are_tables_for_a_screen_reader(comparison: Comparison) -> None:
    """Headings with a scope, as many cells in each row as columns, and a scrolling region that takes the focus."""
    root = parsed(details(comparison))
    tables = root.findall(".//table")
    assert len(tables) == 1 + comparison.has_test
    for table in tables:
        assert len({len(row) for row in table.iter("tr")}) == 1
        assert {head.get("scope") for head in table.findall("thead//th")} == {"col"}
        assert {head.get("scope") for head in table.findall("tbody//th")} == {"row"}
    regions = root.findall(".//*[@role='region']")
    assert [len(region.findall("table")) for region in regions] == [1] * len(tables)
    assert all(region.get("aria-label") and region.get("tabindex") == "0" for region in regions)


@every_set
def test_the_grid_shows_each_reference_best_first(comparison: Comparison) -> None:
    """Its large picture with its name as alternative text, captioned with rank, cosine and band.

    Without a test image the cosine is its mean to the others.
    """
    items = parsed(details(comparison)).findall(".//ol[@class='grid']/li")
    scores = comparison.cosines if comparison.has_test else comparison.leave_one_out
    assert len(items) == len(comparison.reference_names)
    for rank, (item, index) in enumerate(zip(items, comparison.ranking, strict=True), start=1):
        band = next(band for band in BANDS if float(shown(scores[index])) >= band.floor)
        name = comparison.reference_names[index]
        assert sources(item) == [("large", index + comparison.offset)]
        assert [image.get("alt") for image in item.iter("img")] == [name]
        (caption,) = item.iter("figcaption")
        assert texts(list(caption)) == [f"{rank}. {shown(scores[index])}", f"{band.emoji} {band.name}", name]


@every_set
def test_the_matrix_has_every_cosine_in_its_place(comparison: Comparison) -> None:
    """Row i, column j: the cosine of i and j, on both axes under the picture that it is of; the diagonal is marked."""
    count = len(comparison.names)
    head, *rows = table_rows(comparison, "matrix")
    in_order = [("small", index) for index in range(count)]
    assert sources(head) == [source for row in rows for source in sources(row)] == in_order
    cells = [row.findall("td") for row in rows]
    assert [texts(row) for row in cells] == [[shown(cosine) for cosine in row] for row in comparison.matrix]
    selves = [[cell.get("class") == "self" for cell in row] for row in cells]
    assert selves == [[i == j for j in range(count)] for i in range(count)]
    headings = [*head.findall("th"), *(row.findall("th")[0] for row in rows)]
    assert all(name in text(heading) for heading, name in zip(headings, comparison.names * 2, strict=True))


@pytest.mark.parametrize(("name", "marks"), [("1 to 3", ["T", "1", "2", "3"]), ("3 alone", ["1", "2", "3"])])
def test_the_matrix_tells_the_test_image_from_the_references(name: str, marks: list[str]) -> None:
    """T, then the numbers of upload, along both edges."""
    rows = table_rows(SETS[name], "matrix")
    assert [text(mark) for row in rows for mark in row.findall("th/span[@aria-hidden='true']")] == marks * 2


def painted(root: Element) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Background and ink of every element that sets both."""
    pattern = re.compile(r"background: ?(#\w{6}); ?color: ?(#\w{6})")
    found = [pattern.search(element.get("style", "")) for element in root.iter()]
    return [(rgb(match[1]), rgb(match[2])) for match in found if match]


@every_set
def test_every_cell_of_the_matrix_has_readable_colours(comparison: Comparison) -> None:
    """As they stand in the HTML, the legend's included."""
    pairs = painted(parsed(details(comparison)))
    assert len(pairs) > comparison.matrix.size
    assert min(contrast(*pair) for pair in pairs) >= READABLE


def test_the_colour_of_a_cosine_does_not_depend_on_the_set() -> None:
    """0.6 beside 0.1 and 0.6 beside 0.9 look the same, so that two results compare."""
    styles = set()
    for other in (0.1, 0.9):
        cells = parsed(details(with_test([0.6, other], evenly(2, other)))).findall(".//td[@style]")
        styles |= {cell.attrib["style"] for cell in cells if text(cell) == "0.600"}
    assert len(styles) == 1


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("has_test", [True, False])
@hostile_names
def test_hostile_names_change_no_markup(names: list[str], has_test: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Element for element and attribute for attribute the result is that of harmless names; only texts differ."""
    names = names if has_test else names[:MAX_REFERENCES]
    hostile = described(names, has_test=has_test, ignored=HOSTILE)
    harmless = described(numbered(len(names)), has_test=has_test, ignored=numbered(len(HOSTILE)))
    assert skeleton(result_html(hostile)) == skeleton(result_html(harmless))


@hostile_names
def test_every_name_is_at_hand_in_full(names: list[str]) -> None:
    """As the title of its shortened form: in the grid and the table, in the matrix, and below the ruler."""
    comparison = described(names, ignored=HOSTILE)
    root = parsed(details(comparison))
    for wanted, element in (
        (comparison.reference_names, root.findall(".//ol[@class='grid']")[0]),
        (comparison.reference_names, root.findall(".//table[@class='references']")[0]),
        (comparison.names, root.findall(".//table[@class='matrix']")[0]),
        (HOSTILE, parsed(result.overview(comparison, [])).findall(".//ul[@class='notes']")[0]),
    ):
        titles = [node.get("title") for node in element.iter()]
        assert [name for name in wanted if in_xml(name) not in titles] == []


def test_no_note_gives_no_list() -> None:
    assert "<ul" not in result.overview(with_test([0.8, 0.8], evenly(2, 0.8)), [])


def test_the_folders_of_the_files_are_escaped() -> None:
    """They tell whether the result is an old one."""
    root = parsed(result.overview(SETS["1 to 2"], ["/uploads/aa11/x.png", '/uploads/"><b>/y.png']))
    assert [element.get("data-made-from") for element in root] == ['aa11 "><b>']
