"""The files to take away: the comparison's numbers, the visitor's own names, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import doctest
import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from markup import WORDS, in_xml, parsed, text, texts
from megastyle.comparison import BANDS, Comparison, shown
from megastyle.page import exports as module
from megastyle.page.exports import (
    EXPORTS,
    csv_matrix,
    file_name,
    file_stem,
    html_report,
    json_record,
    plain_text,
)
from megastyle.page.outcome import Outcome
from megastyle.page.result import SPACE
from megastyle.page.words import NAME_LENGTH, notes, plain, verdict
from megastyle.pictures import Thumbnail
from outcomes import ENCODER, MADE, UNOFFICIAL, VERSIONS, epochs, known, outcome, thumbnail_of, tried
from sets import (
    HOSTILE,
    SETS,
    compared,
    described,
    every_set,
    hostile_names,
    random_rows,
    symmetric,
    thumbnails,
    with_test,
)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, CSV injection
FINEST = 5.1e-9  # half of the files' eighth decimal
SCORE_KEYS = ["mean_cosine", "label", "core_mean", "gap", "position"]
SHARE_KEYS = ["same_at_or_below", "different_at_or_above"]
REPORT_KEYS = [
    *SCORE_KEYS,
    "warning",
    "test",
    "references",
    "reference_agreement",
    "odd_one_out",
    "loose",
    "ignored",
    "names",
    "matrix",
    "calibration",
    "tried",
    "encoder",
    "versions",
    "method",
    "page",
    "made",
]


def report_of(comparison: Comparison) -> dict[str, Any]:
    """The JSON report, read back."""
    return json.loads(json_record(outcome(comparison)))


def csv_of(one: Outcome) -> list[list[str]]:
    """The whole CSV, read back without the mark by which Excel knows UTF-8."""
    content = csv_matrix(one).encode()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def rows_of(comparison: Comparison) -> list[list[str]]:
    """The CSV's matrix, read back: as many rows as there are pictures, after the head."""
    return csv_of(outcome(comparison))[: len(comparison.names) + 1]


def close(found: Any, expected: Any) -> bool:
    """Equal up to the files' last decimal."""
    return np.abs(np.array(found, np.float64) - np.array(expected, np.float64)).max() <= FINEST


# ----------------------------------------------------------------------------------------------------------------- JSON


@every_set
def test_the_report_holds_the_comparison_under_the_keys_that_others_rely_on(comparison: Comparison) -> None:
    """Read back, to eight decimals; the same keys for one reference and for eight; what cannot be had is null."""
    report, scored, agreement = report_of(comparison), comparison.has_test, comparison.agreement
    nothing = [None] * len(comparison.reference_names)
    labels = [next(band.label for band in BANDS if float(shown(one)) >= band.floor) for one in comparison.cosines]
    columns: dict[str, Any] = {
        "name": comparison.reference_names,
        "sha256": comparison.digests[comparison.offset :],
        "cosine": comparison.cosines if scored else nothing,
        "label": labels if scored else nothing,
        "rank": [comparison.ranking.index(index) + 1 for index in range(len(nothing))],
        "mean_without": comparison.means_without or nothing,
        "leave_one_out": comparison.leave_one_out or nothing,
    }
    assert list(report) == REPORT_KEYS
    assert [list(reference) for reference in report["references"]] == [list(columns)] * len(nothing)
    for index, reference in enumerate(report["references"]):
        assert reference == pytest.approx({key: values[index] for key, values in columns.items()}, abs=FINEST)
    expected = {
        "mean_cosine": comparison.mean_cosine if scored else None,
        "label": comparison.band.label if scored else None,
        "core_mean": comparison.core_mean if scored else None,
        "gap": comparison.gap,
        "position": comparison.position,
        "odd_one_out": comparison.odd_one_out,
        "loose": comparison.is_loose,
        "page": "f" * 40,
        "made": MADE,
        **dict.fromkeys(("warning", "calibration")),
    }
    assert {key: report[key] for key in expected} == pytest.approx(expected, abs=FINEST)
    assert report["test"] == ({"name": comparison.names[0], "sha256": comparison.digests[0]} if scored else None)
    assert report["reference_agreement"] == (agreement and pytest.approx(agreement._asdict(), abs=FINEST))
    assert close(report["matrix"], comparison.matrix)
    assert (report["names"], report["tried"]) == (list(comparison.names), [])
    assert (report["encoder"], report["versions"]) == (ENCODER, VERSIONS)
    assert "384 x 384 pixels by Pillow (bicubic" in report["method"]
    assert not re.search(r"NaN|Infinity|%", json_record(outcome(comparison)) + csv_matrix(outcome(comparison)))


def test_the_report_measures_by_the_set_without_the_odd_one_out() -> None:
    """Leave-one-out 0.75, 0.775, 0.725 without the fourth, whose index it gives; the mean is over all four: 0.67."""
    report = report_of(with_test([0.76, 0.76, 0.76, 0.4], symmetric(4, [0.8, 0.7, 0.1, 0.75, 0.1, 0.1])))
    assert report["odd_one_out"] == 3
    assert (report["position"], report["gap"], report["core_mean"]) == ("fits", 0.01, pytest.approx(0.76, abs=1e-6))
    assert list(report["reference_agreement"].values()) == pytest.approx([0.75, 0.725, 0.775], abs=1e-6)
    assert report["mean_cosine"] == pytest.approx(0.67, abs=1e-6)
    assert report["references"][3]["leave_one_out"] == pytest.approx(0.1, abs=1e-6)


def test_the_report_says_what_the_score_is_worth() -> None:
    """The calibration by name, size and checksum, and both tails for the mean to the core, 0.9 to three of four."""
    among = symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])
    report = json.loads(json_record(outcome(with_test([0.9, 0.9, 0.9, 0.1], among), known([3]))))
    shares = {key: report["calibration"].pop(key) for key in SHARE_KEYS}
    assert report["calibration"] == {"name": "our set", "styles": 120, "pictures": 1000, "sha256": "9" * 64}
    assert shares == pytest.approx({"same_at_or_below": 0.75, "different_at_or_above": 0}, abs=1e-6)
    for one in (outcome(SETS["1 to 3"], known([1])), outcome(SETS["3 alone"], known())):
        unknown = json.loads(json_record(one))["calibration"]
        assert [unknown[key] for key in SHARE_KEYS] == [None, None]


def test_every_file_names_what_was_tried() -> None:
    """Best first by the mean to the core, each with its numbers, label and checksum."""
    one = tried(*epochs(0.4, 0.8, 0.6), calibration=known())
    entries = json.loads(json_record(one))["tried"]
    assert {tuple(entry) for entry in entries} == {("name", "sha256", *SCORE_KEYS, *SHARE_KEYS)}
    assert [(entry["name"], entry["sha256"], entry["label"], entry["position"]) for entry in entries] == [
        ("epoch-2.png", "t2", "Strong style match", "fits"),
        ("epoch-3.png", "t3", "Moderate style match", "edge"),
        ("epoch-1.png", "t1", "Minimal style match", "apart"),
    ]
    assert [entry["core_mean"] for entry in entries] == pytest.approx([0.8, 0.6, 0.4], abs=1e-6)
    assert [entry["gap"] for entry in entries] == [0.1, -0.1, -0.3]
    assert [entry["different_at_or_above"] for entry in entries] == pytest.approx([0, 0, 0.2], abs=1e-6)
    rows = [row for row in csv_of(one) if row[0] == "# tried"]
    assert [row[2] for row in rows] == ["epoch-2.png", "epoch-3.png", "epoch-1.png"]
    assert [float(row[1]) for row in rows] == pytest.approx([0.8, 0.6, 0.4], abs=1e-6)
    for write in (html_report, json_record, csv_matrix, plain_text):
        assert all(f"epoch-{number}.png" in write(one) for number in (1, 2, 3))


# ------------------------------------------------------------------------------------------------------------------ CSV


@hostile_names
def test_hostile_names_survive_the_files(names: list[str]) -> None:
    """Read back, they are the visitor's own in the JSON; in the CSV those that a spreadsheet would run are quoted.

    A NUL, which Python 3.10 can neither write into a CSV nor read from one, is U+FFFD there.
    """
    comparison = described(names, ignored=HOSTILE)
    report = report_of(comparison)
    assert report["names"] == names
    assert report["ignored"] == HOSTILE
    head, *rows = rows_of(comparison)
    inert = [f"'{name}" if name.startswith(FORMULA_STARTS) else name.replace("\0", "\ufffd") for name in names]
    assert head[1:] == [row[0] for row in rows] == inert
    assert {len(row) for row in (head, *rows)} == {len(names) + 1}
    assert close([[float(cell) for cell in row[1:]] for row in rows], comparison.matrix)


def test_the_csv_says_what_it_is() -> None:
    """In rows of the matrix's width below it, whose first cell begins with #: mean, warning, numbers, encoder, when."""
    one = outcome(SETS["1 to 2"], provenance=UNOFFICIAL)
    table = csv_of(one)
    notes = {row[0]: row[1:] for row in table[4:]}
    cosines = ["# cosine to reference 1", "# cosine to reference 2"]
    source = ["# encoder", "# encoder sha256", "# made"]
    assert list(notes) == ["# mean cosine", "# warning", "# agreement", *cosines, *source]
    assert {len(row) for row in table} == {4}
    assert float(notes["# mean cosine"][0]) == pytest.approx(one.comparison.mean_cosine, abs=FINEST)
    assert notes["# mean cosine"][1] == one.comparison.band.label
    assert notes["# warning"][0].startswith("These are not MegaStyle scores")
    assert (notes["# encoder"][0], notes["# encoder sha256"][0], notes["# made"][0]) == ("c.pth", "d" * 64, MADE)
    assert [notes[row][1] for row in cosines] == list(one.comparison.reference_names)
    assert [float(notes[row][0]) for row in cosines] == pytest.approx(list(one.comparison.cosines), abs=FINEST)
    assert json.loads(json_record(one))["warning"] == notes["# warning"][0]
    content = csv_matrix(one)  # RFC 4180: carriage return and line feed, whatever the system's own line end is
    assert content.count("\r\n") == content.count("\n") == len(table)
    alone = csv_of(outcome(SETS["3 alone"]))
    agreements = [f"# agreement of reference {number}" for number in (1, 2, 3)]
    assert [row[0] for row in alone[4:]] == ["# agreement", "# agreement from and to", *agreements, *source]


def test_the_csv_says_by_what_the_test_image_was_measured_and_what_to_know() -> None:
    """The agreement without the odd one out, where the test image lies in it, and the notes of the page as text."""
    among = [[1, 0.8, 0.8, 0.1], [0.8, 1, 0.8, 0.1], [0.8, 0.8, 1, 0.1], [0.1, 0.1, 0.1, 1]]
    one = outcome(
        replace(with_test([0.8, 0.8, 0.8, 0.1], among), names=("t", "a", "b", "c", "x<y>.png"), ignored=("i",))
    )
    notes = [row for row in csv_of(one) if row[0].startswith("# ")]
    found = {row[0]: row[1:3] for row in notes}
    odd = "Agrees least: reference 4, x<y>.png, is at 0.100 to the other three, which are at 0.800 to one another."
    assert [float(cell) for cell in (found["# agreement"][0], *found["# agreement from and to"])] == pytest.approx(
        [0.8] * 3
    )
    assert found["# position"] == ["fits", "0.0"]
    assert [row[1] for row in notes if row[0] == "# note"] == [
        (
            f"{odd} The label and the mean cosine at the top count it, nothing else does. "
            "Keep it if you know that it belongs; else compare without it."
        ),
        "Left out: at most 8 references are compared; not used: i.",
    ]


def in_pandas(one: Outcome) -> pd.DataFrame:
    """The CSV as its reader is told to read it."""
    file = io.BytesIO(csv_matrix(one).encode())
    return pd.read_csv(file, index_col=0, comment="#", keep_default_na=False)


@pytest.mark.parametrize(
    "name", [*HOSTILE, "#1.png", "a#b.png", "a,b.png", 'say "hi", # so.png', "# tried", "carriage\rreturn.png"]
)
def test_pandas_reads_the_matrix_whatever_the_pictures_are_called(name: str) -> None:
    """As test image, as reference and in the list of what was tried; a name that begins with # is quoted as well."""
    comparison = replace(SETS["1 to 2"], names=(name, "a.png", f"b{name}"))
    other = replace(comparison, digests=("t2", *comparison.digests[1:]))
    frame = in_pandas(tried(comparison, other))
    assert frame.shape == (3, 3)
    assert close(frame.to_numpy(np.float64), comparison.matrix)
    inert = f"'{name}" if name.startswith((*FORMULA_STARTS, "#")) else name
    assert frame.index.tolist() == [one.replace("\0", "\ufffd") for one in (inert, "a.png", f"b{name}")]


# --------------------------------------------------------------------------------------------------------------- report

MOST_BYTES = 500_000  # of a report on nine pictures
BREAKERS = [  # each would end or begin something in another language than a file name's
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "-->",
    "]]>",
    "<![CDATA[",
    "</style><style>*{display:none}",
    "</title><title>x",
    "\u2028alert(1)\u2029",
    "&lt;/script&gt;",
]


def root_of(one: Outcome) -> Element:
    """The whole document; that it is well-formed is what the parser demands."""
    doctype, _, document = html_report(one).strip().partition("\n")
    assert doctype == "<!DOCTYPE html>"
    return parsed(document)


class Reader(HTMLParser):
    """The elements of a document as a browser sees them, and the text in its scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, {key: "" if key in WORDS else value for key, value in attrs}))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Keep a script's text."""
        if self.elements and self.elements[-1][0] == "script":
            self.scripts[-1] += data

    def handle_comment(self, data: str) -> None:
        """A report has none."""
        pytest.fail(data)


@every_set
def test_the_report_page_says_what_the_page_says(comparison: Comparison) -> None:
    """Verdict, list, matrix, pictures, and what pictures of known styles score."""
    one = outcome(comparison, known())
    root, count, offset = root_of(one), len(comparison.names), comparison.offset
    head, *sentences = plain(verdict(one)).split("\n\n")
    assert texts(root.findall(".//h1")) == [head]
    assert texts(root.findall(".//div[@class='verdict']/p")) == sentences
    rows = root.findall(".//table[@class='references']/tbody/tr")
    assert [row.get("data-picture") for row in rows] == [str(index + 1) for index in comparison.ranking]
    cells = [texts(row.findall("td")) for row in root.findall(".//table[@class='matrix']/tbody/tr")]
    matrix = [[shown(cosine) for cosine in row] for row in comparison.matrix]
    assert cells == (matrix if count > 2 else [])
    assert len(root.findall(".//svg[@class='ruler']")) == 1
    assert len(root.findall(".//table[@class='known']")) == offset
    pictures = thumbnails(count)
    edges = [picture.small for picture in pictures] * 2 if count > 2 else []
    listed = [pictures[index + offset].medium for index in comparison.ranking]
    sources = [image.get("src") for image in root.iter("img")]
    assert sources == [*([pictures[0].large] if offset else []), *listed, *edges]
    (script,) = Reader(html_report(one)).scripts
    assert json.loads(script) == json.loads(json_record(one))


def test_the_report_has_the_appendix_and_what_was_tried() -> None:
    """Nothing in a file can be pressed."""
    root = root_of(tried(*epochs(0.6, 0.8)))
    assert texts(root.findall(".//dl")[0].findall("dt"))[:2] == ["Encoder", "Method"]
    rows = root.findall(".//table[@class='tried']/tbody/tr")
    assert [texts(row.findall("td[@class='number']")) for row in rows] == [["0.800"], ["0.600"]]
    assert list(root.iter("button")) == []
    alone = root_of(outcome(SETS["1 to 3"]))
    assert alone.findall(".//table[@class='tried']") == alone.findall(".//p[@class='warning']") == []


@every_set
def test_the_report_asks_no_host_and_runs_no_script(comparison: Comparison) -> None:
    """No address of anything but data, no link, no form, no frame, no handler; the policy forbids them as well."""
    root = root_of(outcome(comparison, known(), UNOFFICIAL))
    assert text(root.findall(".//main")[0][0]).startswith("These are not MegaStyle scores")
    attributes = [(name, value) for element in root.iter() for name, value in element.items()]
    addresses = [value for name, value in attributes if name in ("src", "href", "srcset", "poster", "action", "data")]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not any("://" in value or name.startswith("on") for name, value in attributes)
    css = " ".join(element.text or "" for element in root.iter("style"))
    css += " ".join(value for name, value in attributes if name == "style")
    assert not re.search(r"url\(|@import|expression\(", css)
    assert not {element.tag for element in root.iter()} & {"a", "link", "base", "form", "iframe", "object", "embed"}
    assert [script.get("type") for script in root.iter("script")] == ["application/json"]
    first, second = root.findall(".//head")[0][:2]
    assert (first.get("charset"), second.get("http-equiv")) == ("utf-8", "Content-Security-Policy")
    rules = [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert str(second.get("content")).split("; ") == rules


@pytest.mark.parametrize("name", [*HOSTILE, *BREAKERS])
def test_a_hostile_name_changes_nothing_but_texts(name: str) -> None:
    """As a browser reads it: the elements of a report on harmless names, one script, no comment; the JSON is whole."""
    documents = []
    for names in ([name, name, f"a{name}.png"], ["p0", "p1", "p2"]):
        one, other = (replace(described(names, ignored=[name]), digests=(digest, "r1", "r2")) for digest in ("a", "b"))
        found = tried(one, other)
        documents.append(Reader(html_report(found)))
        assert json.loads(documents[-1].scripts[0]) == json.loads(json_record(found))
        root = root_of(found)
        titles = [element.get("title") for element in root.iter()]
        assert [one for one in names if in_xml(one) not in titles] == []
    assert documents[0].elements == documents[1].elements
    assert len(documents[0].scripts) == 1
    assert not re.search(r"[<>&\u2028\u2029]", documents[0].scripts[0])


def test_a_report_on_nine_detailed_pictures_can_be_mailed() -> None:
    """Of noise, which no format makes small."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 500, 500, 3), np.uint8)
    pictures: tuple[Thumbnail, ...] = tuple(thumbnail_of(Image.fromarray(one)) for one in pixels)
    one = replace(outcome(compared(random_rows(1, 9)), known()), thumbnails=pictures)
    assert len(html_report(one).encode()) <= MOST_BYTES


# ------------------------------------------------------------------------------------------------------- text to copy

FENCE = "```"
BREAKS = ["```", "a\n```\n# heading", "~~~", "a\u2028b\u2029c\x85d\x0be\x0cf", "\u202e", "\ufeff"]


def lines_of(text: str) -> list[str]:
    """The lines within the code block."""
    first, *lines, last = text.split("\n")
    assert (first, last) == (FENCE, FENCE)
    return lines


def rows_below(lines: list[str], first: int) -> list[str]:
    """The lines from there to the next empty one."""
    return lines[first : lines.index("", first)]


def test_the_text_is_what_a_reader_needs() -> None:
    """Every line of it: verdict, test image, what to know, references, encoder, when."""
    comparison = with_test([0.8, 0.8, 0.8, 0.3], symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1]))
    named = replace(comparison, names=("boat.png", "vase.png", "a longer name.jpeg", "x.png", "y.png"))
    assert plain_text(outcome(named, provenance=UNOFFICIAL)).split("\n") == [
        "```",
        "These are not MegaStyle scores.",
        "",
        "🟢 Good style match",
        "Test image: boat.png",
        (
            "Mean cosine 0.675 to 4 references. "
            "Without reference 4, which agrees least with the others, it is 0.800, a strong style match."
        ),
        "Fits: as close to the other three as they are to one another (0.800 against 0.800, without reference 4).",
        (
            "Agrees least: reference 4, y.png, is at 0.100 to the other three, which are at 0.800 to one another. "
            "The label and the mean cosine at the top count it, nothing else does. "
            "Keep it if you know that it belongs; else compare without it."
        ),
        "",
        "1  vase.png            0.800  Strong",
        "2  a longer name.jpeg  0.800  Strong",
        "3  x.png               0.800  Strong",
        "4  y.png               0.300  Minimal, agrees least",
        "",
        "Encoder: c.pth, SHA-256 dddddddddddddddd",
        MADE,
        "```",
    ]


@every_set
def test_the_text_says_what_the_verdict_says(comparison: Comparison) -> None:
    """Sentence by sentence, calibration included; then each reference with its number, best first."""
    one = outcome(comparison, known())
    lines = lines_of(plain_text(one))
    assert [part for part in plain(verdict(one)).split("\n\n") if part not in lines] == []
    rows = rows_below(lines, lines.index("") + 1)
    assert [row.split()[:3] for row in rows] == [
        [str(index + 1), comparison.reference_names[index], shown(comparison.scores[index])]
        for index in comparison.ranking
    ]
    about = "our set: 1,000 pictures of 120 known styles, measured 2026-01-01, SHA-256 of the file"
    assert f"Calibration: {about} {'9' * 64}." in lines
    assert [note.striptags() for note in notes(comparison) if note.striptags() not in lines] == []
    assert lines[-1] == f"{MADE}  {SPACE}"


def test_the_text_lists_what_was_tried_in_aligned_columns() -> None:
    """Best first, with mean, position and both tails; a single one is no list."""
    lines = lines_of(plain_text(tried(*epochs(0.4, 0.9), calibration=known())))
    title = "Tried, by the mean to the three (of 1,000 pictures):"
    assert rows_below(lines, lines.index(title) + 1) == [
        "epoch-2.png  0.900  fits, +0.200        same style this low: 750, another this high: fewer than 1",
        "epoch-1.png  0.400  lies apart, -0.300  same style this low: fewer than 9, another this high: 200",
    ]
    assert "Tried" not in plain_text(tried(*epochs(0.5)))


@pytest.mark.parametrize("name", [*HOSTILE, *BREAKS])
def test_a_name_does_no_harm_in_any_place(name: str) -> None:
    """As the test image, as a reference and among what was tried: the lines are those of harmless names, and aligned.

    Nothing ends the block, turns a line round or hides.
    """
    found = []
    for names in ([name, name, "b"], ["a", "a", "b"]):
        one, other = (replace(described(names), digests=(digest, "r1", "r2")) for digest in ("t1", "t2"))
        found.append(plain_text(tried(one, other)))
    assert found[0].count(FENCE) == 2
    lines = lines_of(found[0])
    assert len(lines) == len(lines_of(found[1])) == len(found[0].splitlines()) - 2
    assert not {unicodedata.category(letter) for letter in "".join(lines)} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    rows = rows_below(lines, lines.index("") + 1)
    assert max(map(len, rows)) < NAME_LENGTH + 40
    assert len({re.search(r" -?[01]\.\d{3}  ", row).start() for row in rows}) == 1  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------------------ the files


def test_an_export_has_all_that_a_download_needs() -> None:
    """A button, a name after the test image, a media type, and content; references alone have no name of theirs."""
    one = outcome(described(["../../etc/passwd", "b"]))
    assert [export.button for export in EXPORTS[1:]] == ["Download report", "Download JSON", "Download CSV"]
    endings = [file_name(one, export).removeprefix("passwd-megastyle") for export in EXPORTS]
    assert endings == [".png", ".html", ".json", ".csv"]
    assert [export.mime for export in EXPORTS] == ["image/png", "text/html", "application/json", "text/csv"]
    assert file_name(outcome(SETS["3 alone"]), EXPORTS[3]) == "references-megastyle.csv"
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("my_lora-000004.png", "my_lora-000004"),
        ("epoch 4 (best).final.png", "epoch-4-best-.final"),
        ("..\\..\\boot.ini", "boot"),
        ("..", "comparison"),
        ("***.png", "comparison"),
        ("-rf.png", "rf"),
        (".htaccess", "htaccess"),
        ("🟢 style.png", "style"),
        ("photo\u202egnp.exe", "photo-gnp"),
        ("水彩.png", "水彩"),
        ("nul\0name.png", "nul-name"),
        ('a"b;c=d.png', "a-b-c-d"),
        ("𠀀" * 300 + ".png", "𠀀" * 60),
    ],
)
def test_a_download_is_named_after_the_test_image(name: str, stem: str) -> None:
    """Letters, digits and `-_.` of the name itself, never a folder; a name that leaves nothing gets a plain one."""
    assert file_stem(name) == stem
    assert len(f"{stem}-megastyle.html".encode()) <= 255
