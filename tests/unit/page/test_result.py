"""The result's HTML: the right numbers and pictures in the right places, and names as text wherever they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given

from colours import READABLE, contrast, luminance, rgb
from loopback import ROOT
from markup import parsed, skeleton, text, texts, visible
from megastyle.comparison import BANDS, MAX_REFERENCES, Comparison, shown
from megastyle.page import result
from megastyle.page.exports import plain_text
from megastyle.page.result import paint
from megastyle.page.words import NOT_MEGASTYLE, REMARKS, verdict
from outcomes import PROVENANCE, UNOFFICIAL, epochs, known, outcome, tried
from sets import (
    HOSTILE,
    SETS,
    comparisons,
    described,
    evenly,
    every_set,
    hostile_names,
    numbered,
    of_matrix,
    scored_set,
    steady,
    symmetric,
    with_test,
)


def overview(comparison: Comparison) -> str:
    """What is read at a glance, with the text to copy."""
    return result.overview(outcome(comparison), plain_text(outcome(comparison)))


def details(comparison: Comparison) -> str:
    """List and matrix."""
    return result.details(outcome(comparison))


def result_html(comparison: Comparison) -> str:
    """Everything of the result that is HTML; the test image was tried twice."""
    return overview(comparison) + details(comparison) + result.tried(tried(comparison, again(comparison)))


def again(comparison: Comparison) -> Comparison:
    """The same references, with a copy of the test image that differs."""
    return replace(comparison, digests=("another", *comparison.digests[1:])) if comparison.has_test else comparison


def table_rows(comparison: Comparison, kind: str) -> list[Element]:
    """The rows of the table of this class, its head first."""
    return parsed(details(comparison)).findall(f".//table[@class='{kind}']//tr")


def numbers_of(row: Element) -> list[str]:
    """The numbers in a row of the list."""
    return texts(row.findall("td[@class='number']"))


def sources(element: Element) -> list[tuple[str, int]]:
    """Which thumbnails the images in an element show: size and index."""
    pairs = [image.attrib["src"].removeprefix("data:").split("-") for image in element.iter("img")]
    return [(size, int(index)) for size, index in pairs]


# -------------------------------------------------------------------------------------------------------------- numbers


@every_set
def test_every_cosine_in_words_has_three_decimals(comparison: Comparison) -> None:
    """In the verdict and in the result; the floors of the bands and the ruler's ends have two."""
    scale = {f"{step / 10:.2f}" for step in range(-10, 11)} | {"0.00", "0.25", "0.50", "0.75"}
    floors = {f"{band.floor:.2f}" for band in BANDS}
    numbers = re.findall(r"-?\d+\.\d+", verdict(outcome(comparison)) + " " + visible(result_html(comparison)))
    assert len(numbers) > len(comparison.cosines)
    assert [number for number in numbers if len(number.split(".")[1]) != 3 and number not in scale | floors] == []
    assert "-0.000" not in numbers


@steady(max_examples=60)
@given(comparisons())
def test_no_result_has_a_percentage(comparison: Comparison) -> None:
    """Neither the sign, in any script, nor the word: a cosine is no share of anything."""
    words = verdict(outcome(comparison)) + visible(result_html(comparison))
    assert not re.search(r"[%‰٪﹪％]|per ?cent", words, re.IGNORECASE)


# --------------------------------------------------------------------------------------------------- list of references

COSINE, WITHOUT, OTHERS = "Cosine to the test image", "Headline without it", "Mean to the other references"
ODD = symmetric(4, [0.8, 0.7, 0.1, 0.75, 0.1, 0.1])  # the fourth is at 0.1 from all


@scored_set
def test_the_list_has_a_row_for_each_reference_best_first(comparison: Comparison) -> None:
    """Its own picture, number, name, label and cosine; from two references on its place among them as well."""
    head, *rows = table_rows(comparison, "references")
    columns = [COSINE, WITHOUT, OTHERS] if len(comparison.reference_names) > 1 else [COSINE]
    assert texts(head.findall("th")) == ["Picture", "Reference", *columns]
    assert len(rows) == len(comparison.reference_names)
    for row, index in zip(rows, comparison.ranking, strict=True):
        name = comparison.reference_names[index]
        assert sources(row) == [("medium", index + 1)]
        assert row.get("data-picture") == str(index + 1)
        assert texts(row.findall("th//b[@class='mark']")) == [f"Reference {index + 1}"]
        assert texts(row.findall(".//bdi")) == [name]
        band = next(band for band in BANDS if float(shown(comparison.cosines[index])) >= band.floor)
        assert texts(row.findall(".//span[@class='badge']")) == [f"{band.emoji} {band.label}"]
        expected = [shown(comparison.cosines[index])]
        if comparison.means_without:
            core = [other for other in comparison.core if other != index]
            to_others = float(comparison.among_references[index, core].mean())
            expected += [shown(comparison.means_without[index]), shown(to_others)]
        assert numbers_of(row) == expected


@pytest.mark.parametrize("name", ["2 alone", "3 alone", "8 alone"])
def test_references_alone_are_listed_by_their_agreement(name: str) -> None:
    """The one number that they have, once; the label is that of this number."""
    comparison = SETS[name]
    head, *rows = table_rows(comparison, "references")
    assert texts(head.findall("th")) == ["Picture", "Reference", OTHERS]
    assert [sources(row) for row in rows] == [[("medium", index)] for index in comparison.ranking]
    assert [row.get("data-picture") for row in rows] == [str(index + 1) for index in comparison.ranking]
    scores = [comparison.leave_one_out[index] for index in comparison.ranking]
    assert [numbers_of(row) for row in rows] == [[shown(score)] for score in scores]
    for row, score in zip(rows, scores, strict=True):
        band = next(band for band in BANDS if float(shown(score)) >= band.floor)
        assert text(row.findall(".//span[@class='badge']")[0]) == f"{band.emoji} {band.label}"


def marks(comparison: Comparison) -> dict[str, list[str]]:
    """What stands beside the name of each reference that is marked, by its number."""
    rows = table_rows(comparison, "references")[1:]
    found = {row.attrib["data-picture"]: texts(row.findall(".//span[@class='odd']")) for row in rows}
    return {number: words for number, words in found.items() if words}


def test_the_reference_that_agrees_least_is_marked_in_the_list() -> None:
    """With a test image and without one; the others' means leave it out: a (0.8 + 0.7) / 2, its own is to all."""
    for comparison in (with_test([0.8] * 4, ODD), of_matrix(ODD, has_test=False)):
        assert marks(comparison) == {"4": ["agrees least"]}
        rows = {row.attrib["data-picture"]: numbers_of(row)[-1] for row in table_rows(comparison, "references")[1:]}
        assert rows == {"1": "0.750", "2": "0.775", "3": "0.725", "4": "0.100"}
        assert "are counted without reference 4;" in text(parsed(details(comparison)))
    assert marks(with_test([0.8] * 4, evenly(4, 0.8))) == {}


def test_what_to_know_of_a_picture_stands_beside_it() -> None:
    """Below the test image, and in the reference's row; nowhere else."""
    one = replace(outcome(SETS["1 to 2"]), remarks=(("tiny",), (), ("squashed", "transparent")))
    assert text(parsed(result.overview(one, None)).findall(".//figcaption")[0]) == f"p0{REMARKS['tiny']}"
    rows = parsed(result.details(one)).findall(".//table[@class='references']/tbody/tr")
    found = {row.attrib["data-picture"]: texts(row.findall(".//span[@class='remark']")) for row in rows}
    assert found == {"1": [], "2": [REMARKS["squashed"], REMARKS["transparent"]]}


@every_set
def test_tables_are_tables_for_a_screen_reader(comparison: Comparison) -> None:
    """Headings with a scope, as many cells in each row as columns, a caption; what the mouse can do, the focus can."""
    root = parsed(result_html(comparison))
    tables = root.findall(".//table")
    has_matrix, is_tried = len(comparison.names) > 2, comparison.has_test
    assert [table.get("class") for table in tables] == (["references"] + ["matrix"] * has_matrix + ["tried"] * is_tried)
    for table in tables:
        assert len({len(row) for row in table.iter("tr")}) == 1
        assert {head.get("scope") for head in table.findall("thead//th")} == {"col"}
        assert {head.get("scope") for head in table.findall("tbody//th")} == {"row"}
        assert [bool(text(caption)) for caption in table.findall("caption")] == [True]
    regions = root.findall(".//*[@role='region']")
    assert [[table.get("class") for table in region.findall("table")] for region in regions] == [
        ["matrix"]
    ] * has_matrix
    assert all(region.get("aria-label") and region.get("tabindex") == "0" for region in regions)
    for row in table_rows(comparison, "references")[1:]:
        (frame,) = row.findall("td/span[@class='frame']")
        assert (frame.get("tabindex"), frame.get("role")) == ("0", "img")
        assert frame.attrib["aria-label"].startswith(f"Reference {row.attrib['data-picture']}, p")
        assert [image.get("alt") for image in frame.iter("img")] == [""]


def test_the_test_image_is_in_the_result_with_its_name() -> None:
    """Large; without one there is no figure."""
    (figure,) = parsed(overview(SETS["1 to 3"])).findall(".//figure")
    assert sources(figure) == [("large", 0)]
    assert texts(figure.findall("figcaption/bdi")) == ["p0"]
    assert [image.get("alt") for image in figure.iter("img")] == ["The test image"]
    assert parsed(overview(SETS["3 alone"])).findall(".//figure") == []


def test_the_result_says_when_and_with_what_it_was_made() -> None:
    """For a print; an encoder of one's own is said."""
    (line,) = parsed(details(SETS["1 to 3"])).findall("p[@class='provenance']")
    assert text(line) == "Compared with c.pth, SHA-256 dddddddddddddddd…"
    (line,) = parsed(result.details(outcome(SETS["1 to 3"], provenance=UNOFFICIAL))).findall("p[@class='provenance']")
    assert text(line).startswith("These are not MegaStyle scores. Compared ")


# ------------------------------------------------------------------------------------------------------- what was tried


def test_what_was_tried_is_ranked_by_the_mean_that_it_shows() -> None:
    """Name, position and gap, mean, both tails; the last one that was tried is the one that is shown."""
    root = parsed(result.tried(tried(*epochs(0.4, 0.8, 0.66), calibration=known())))
    head, *rows = root.findall(".//tr")
    columns = ["Mean to the three", "Same style, this low", "Another style, this high"]
    assert texts(head.findall("th")) == ["Picture", "Test image", *columns]
    assert [texts([*row[1].findall(".//bdi"), *row[1].findall("span"), *row[2:]]) for row in rows] == [
        ["epoch-2.png", "fits, +0.100", "0.800", "500", "< 1"],
        ["epoch-3.png", "at the edge, -0.040", "0.660", "150", "< 1"],
        ["epoch-1.png", "lies apart, -0.300", "0.400", "< 9", "200"],
    ]
    assert [button.get("data-attempt") for button in root.iter("button")] == ["0", "1", "2"]
    assert [button.get("data-file") for button in root.iter("button")] == ["t2", "t3", "t1"]
    assert [row.get("aria-current") for row in rows] == [None, "true", None]
    uncalibrated = parsed(result.tried(tried(*epochs(0.6, 0.8))))
    assert texts(uncalibrated.findall(".//thead//th")) == ["Picture", "Test image", "Mean to the three"]
    assert result.tried(tried(*epochs(0.6))).strip() == "", "one attempt is no list"


def test_the_mean_in_the_list_is_that_to_the_core() -> None:
    """At 0.8 from three that agree and 0 from the fourth: 0.6 in all. At 0.7 and 0.9: 0.75 in all, and yet second."""
    near, swayed = with_test([0.8, 0.8, 0.8, 0.0], ODD), with_test([0.7, 0.7, 0.7, 0.9], ODD)
    near, swayed = (replace(one, digests=(name, *one.digests[1:])) for name, one in (("n", near), ("s", swayed)))
    root = parsed(result.tried(tried(swayed, near)))
    assert texts(root.findall(".//thead//th"))[2] == "Mean to the other three"
    assert [text(row[2]) for row in root.findall(".//tbody/tr")] == ["0.800", "0.700"]


# --------------------------------------------------------------------------------------------------------------- matrix


@every_set
def test_the_matrix_has_every_cosine_in_its_place(comparison: Comparison) -> None:
    """Row i, column j: the cosine of i and j, on both axes under the picture that it is of; the diagonal is marked."""
    count = len(comparison.names)
    if count == 2:
        assert table_rows(comparison, "matrix") == [], "a single pair has none"
        return
    head, *rows = table_rows(comparison, "matrix")
    in_order = [("small", index) for index in range(count)]
    assert sources(head) == [source for row in rows for source in sources(row)] == in_order
    cells = [row.findall("td") for row in rows]
    marks = [heading.attrib["data-picture"] for heading in head.findall("th")]
    assert [[(cell.get("data-row"), cell.get("data-column")) for cell in row] for row in cells] == [
        [(one, other) for other in marks] for one in marks
    ]
    assert [texts(row) for row in cells] == [[shown(cosine) for cosine in row] for row in comparison.matrix]
    selves = [[cell.get("class") == "self" for cell in row] for row in cells]
    assert selves == [[i == j for j in range(count)] for i in range(count)]
    headings = [*head.findall("th"), *(row.findall("th")[0] for row in rows)]
    assert all(name in text(heading) for heading, name in zip(headings, comparison.names * 2, strict=True))


def painted(root: Element) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Background and ink of every element that sets both."""
    pattern = re.compile(r"background: ?(#\w{6}); ?color: ?(#\w{6})")
    found = [pattern.search(element.get("style", "")) for element in root.iter()]
    return [(rgb(match[1]), rgb(match[2])) for match in found if match]


def test_every_cell_of_the_matrix_has_readable_colours() -> None:
    """At every cosine that can be shown: darker with each step, whatever the hue. The legend's are among them."""
    paints = [paint(step / 1000) for step in range(-1000, 1001)]
    assert min(contrast(rgb(background), rgb(ink)) for background, ink in paints) >= READABLE
    colours = [luminance(rgb(background)) for background, _ in paints]
    assert colours == sorted(colours, reverse=True)
    assert len(set(colours[:1001])) == 1, "up to 0"
    pairs = painted(parsed(details(SETS["1 to 3"])))
    assert len(pairs) == 16 + 5
    assert min(contrast(*pair) for pair in pairs) >= READABLE


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
def test_the_text_to_copy_is_the_result_as_text(names: list[str]) -> None:
    """Line for line, in an element that holds nothing but text; hidden until it is needed."""
    comparison = described(names)
    (area,) = parsed(overview(comparison)).findall(".//textarea")
    assert "".join(area.itertext()).removeprefix("\n") == plain_text(outcome(comparison))
    assert "hidden" in area.attrib
    assert "readonly" in area.attrib
    assert area.get("aria-label")


# ------------------------------------------------------------------------------------------------------- known styles


def test_pictures_of_known_styles_are_counted_for_as_many_references_as_the_result_has() -> None:
    """A row for each label and each position, folded; without a calibration, or a row of it, nothing."""
    one = outcome(with_test([0.8] * 4, ODD), known([3]))
    (part,) = parsed(result.details(one)).findall("details[@class='known']")
    assert text(part.findall("summary")[0]) == "How pictures of known styles score against 3 references"
    rows = [texts(list(row)) for row in part.findall(".//tbody/tr")]
    assert len(rows) == len(BANDS) + 3
    assert rows[-1] == ["Lies apart", "< 9", "912"]
    assert "none is counted in two lines" in text(part)
    assert "counts in the set “our set” of 120 styles" in text(part)
    for other in (
        outcome(one.comparison),
        outcome(one.comparison, known([4])),
        outcome(SETS["3 alone"], known()),
    ):
        assert parsed(result.details(other)).findall("details[@class='known']") == []


# --------------------------------------------------------------------------------------------------------------- about

ABOUT = result.about(PROVENANCE, None, 70)
SPANS = ["0.75 and above", "0.65 to 0.75", "0.55 to 0.65", "0.45 to 0.55", "below 0.45"]


def test_the_page_shows_the_bands() -> None:
    """A table, best first: each floor with the label and emoji of its band."""
    rows = [texts(list(row)) for row in parsed(ABOUT).findall(".//table[@class='bands']//tr")]
    labels = [f"{band.emoji} {band.label}" for band in BANDS]
    assert rows == [["Cosine", "Label"], *map(list, zip(SPANS, labels, strict=True))]
    assert "This encoder is not calibrated" in text(parsed(ABOUT))
    assert "not calibrated" not in text(parsed(result.about(PROVENANCE, known(), 70)))


def test_the_pages_appendix_is_what_a_paper_needs() -> None:
    """Checkpoint, commit, SHA-256, size, interpolation, normalisation, precision, formula, versions, citation."""
    facts = parsed(result.about(PROVENANCE, known(), 70)).findall(".//dl")[0]
    assert texts(facts.findall("dt")) == ["Encoder", "Method", "Versions", "Calibration", "Labels", "Cite"]
    wanted = ["weights c.pth (commit abc)", "d" * 64, "built as b", "384 x 384", "bicubic", "standard deviation 0.5"]
    wanted += ["float32", "L2 norm", "dot product", "arithmetic mean", "torch 1, transformers 2, pillow 3", "f" * 40]
    wanted += ["our set: 1,000 pictures of 120 known styles, measured 2026-01-01", "9" * 64, "heuristic", "2604.08364"]
    assert [part for part in wanted if part not in text(facts)] == []
    assert (NOT_MEGASTYLE in text(facts), NOT_MEGASTYLE in result.about(UNOFFICIAL, None, 70)) == (False, True)


def test_a_fork_names_its_own_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that the platform sets; elsewhere it is the owner's."""
    program = "from megastyle.page import exports, result; print(result.SPACE, exports.SPACE)"
    for name, expected in ((None, "olfronar/megastyle-comparison"), ("someone/fork", "someone/fork")):
        monkeypatch.delenv("SPACE_ID", raising=False)
        if name:
            monkeypatch.setenv("SPACE_ID", name)
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [f"https://huggingface.co/spaces/{expected}"] * 2
