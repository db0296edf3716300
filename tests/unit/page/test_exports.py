"""The files to take away: the comparison's numbers, the visitor's own names, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from megastyle.comparison import BANDS, Comparison, shown
from megastyle.page.exports import EXPORTS, csv_matrix, write_exports
from megastyle.page.outcome import Outcome
from megastyle.page.record import json_record
from outcomes import ENCODER, MADE, UNOFFICIAL, VERSIONS, calibrated, outcome, row, tried
from sets import HOSTILE, SETS, comparisons, described, evenly, every_set, hostile_names, steady, symmetric, with_test

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, CSV injection
FINEST = 5.1e-9  # half of the files' eighth decimal
REPORT_KEYS = [
    "mean_cosine",
    "label",
    "warning",
    "test",
    "references",
    "reference_agreement",
    "position",
    "odd_one_out",
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
REFERENCE_KEYS = ["name", "sha256", "cosine", "label", "rank", "mean_without", "leave_one_out"]


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
def test_the_report_has_the_structure_that_others_rely_on(comparison: Comparison) -> None:
    """The same keys for one reference and for eight, with a test image and without; what cannot be had is null."""
    report, count = report_of(comparison), len(comparison.reference_names)
    scored = comparison.has_test
    assert list(report) == REPORT_KEYS
    assert [list(reference) for reference in report["references"]] == [REFERENCE_KEYS] * count
    assert {report[key] is None for key in ("test", "mean_cosine", "label")} == {not scored}
    assert (report["reference_agreement"] is None) == (count == 1)
    for reference in report["references"]:
        assert (reference["cosine"] is None) == (reference["label"] is None) == (not scored)
        assert (reference["mean_without"] is None) == (count == 1 or not scored)
        assert (reference["leave_one_out"] is None) == (count == 1)
    assert (report["encoder"], report["versions"]) == (ENCODER, VERSIONS)
    assert (report["warning"], report["calibration"], report["tried"]) == (None, None, [])
    assert report["page"] == "f" * 40
    assert report["made"] == MADE
    assert "384 x 384 pixels by Pillow (bicubic" in report["method"]


@every_set
def test_the_report_holds_the_numbers_of_the_comparison(comparison: Comparison) -> None:
    """Read back, to eight decimals: matrix, cosines, means, agreement, ranks; references in the order of upload."""
    report = report_of(comparison)
    references = report["references"]
    assert close(report["matrix"], comparison.matrix)
    assert report["names"] == list(comparison.names)
    assert [reference["name"] for reference in references] == list(comparison.reference_names)
    assert [reference["sha256"] for reference in references] == list(comparison.digests[comparison.offset :])
    assert sorted(range(len(references)), key=lambda i: references[i]["rank"]) == list(comparison.ranking)
    if comparison.has_test:
        assert close(report["mean_cosine"], comparison.mean_cosine)
        assert report["label"] == comparison.band.label
        assert report["test"] == {"name": comparison.names[0], "sha256": comparison.digests[0]}
        assert close([reference["cosine"] for reference in references], comparison.cosines)
        labels = [next(band.label for band in BANDS if float(shown(one["cosine"])) >= band.floor) for one in references]
        assert [reference["label"] for reference in references] == labels
    if comparison.means_without:
        assert close([reference["mean_without"] for reference in references], comparison.means_without)
    if comparison.agreement:
        assert close([reference["leave_one_out"] for reference in references], comparison.leave_one_out)
        assert list(report["reference_agreement"]) == ["mean", "min", "max"]
        assert close(list(report["reference_agreement"].values()), list(comparison.agreement))
    assert (report["position"], report["odd_one_out"]) == (comparison.position, comparison.odd_one_out)


def test_the_report_measures_by_the_set_without_the_odd_one_out() -> None:
    """Leave-one-out 0.75, 0.775, 0.725 without the fourth, whose index it gives; the mean is over all four: 0.67."""
    report = report_of(with_test([0.76, 0.76, 0.76, 0.4], symmetric(4, [0.8, 0.7, 0.1, 0.75, 0.1, 0.1])))
    assert report["odd_one_out"] == 3
    assert report["position"] == "inside"
    assert list(report["reference_agreement"].values()) == pytest.approx([0.75, 0.725, 0.775], abs=1e-6)
    assert report["mean_cosine"] == pytest.approx(0.67, abs=1e-6)
    assert report["references"][3]["leave_one_out"] == pytest.approx(0.1, abs=1e-6)


def test_the_report_says_what_the_score_is_worth() -> None:
    """The calibration by name, size and checksum, and the shares for this mean and this number of references."""
    comparison = with_test([0.9, 0.9], evenly(2, 0.6))
    report = json.loads(json_record(outcome(comparison, calibrated())))
    shares = {key: report["calibration"].pop(key) for key in ("same_at_or_above", "different_at_or_above")}
    assert report["calibration"] == {"name": "our set", "styles": 11, "pictures": 1000, "sha256": "9" * 64}
    assert shares == pytest.approx({"same_at_or_above": 0.25, "different_at_or_above": 0}, abs=1e-6)
    for one in (
        outcome(comparison, calibrated({1: row((0.6, 0.8, 1.0), (0.0, 0.2, 0.7))})),
        outcome(SETS["3 alone"], calibrated()),
    ):
        unknown = json.loads(json_record(one))["calibration"]
        assert unknown["same_at_or_above"] is unknown["different_at_or_above"] is None


def test_the_report_of_another_encoder_warns() -> None:
    report = json.loads(json_record(outcome(SETS["1 to 2"], provenance=UNOFFICIAL)))
    assert report["warning"] == "These are not MegaStyle scores: the encoder is not the published one."


def attempts(*means: float) -> list[Comparison]:
    """Test images at these means to the same two references, each another file."""
    found = [with_test([mean, mean], evenly(2, 0.7)) for mean in means]
    return [
        replace(one, names=(f"epoch-{number}.png", *one.names[1:]), digests=(f"t{number}", *one.digests[1:]))
        for number, one in enumerate(found, start=1)
    ]


def test_every_file_names_what_was_tried() -> None:
    """Best first, each with its mean, label and checksum; the report's page shows them as well."""
    one = tried(*attempts(0.5, 0.8, 0.6), calibration=calibrated())
    entries = json.loads(json_record(one))["tried"]
    assert [(entry["name"], entry["sha256"], entry["label"]) for entry in entries] == [
        ("epoch-2.png", "t2", "Strong style match"),
        ("epoch-3.png", "t3", "Moderate style match"),
        ("epoch-1.png", "t1", "Weak style match"),
    ]
    assert [entry["mean_cosine"] for entry in entries] == pytest.approx([0.8, 0.6, 0.5], abs=1e-6)
    assert [entry["different_at_or_above"] for entry in entries] == pytest.approx([0, 0.1, 0.2], abs=1e-6)
    assert {(entry["position"], entry["made"]) for entry in entries} == {(None, MADE)}
    rows = [row for row in csv_of(one) if row[0] == "# tried"]
    assert [row[2] for row in rows] == ["epoch-2.png", "epoch-3.png", "epoch-1.png"]
    assert [float(row[1]) for row in rows] == pytest.approx([0.8, 0.6, 0.5], abs=1e-6)
    for export in EXPORTS:
        assert all(f"epoch-{number}.png" in export.write(one) for number in (1, 2, 3))


@steady(max_examples=40)
@given(comparisons())
def test_the_files_hold_numbers_alone(comparison: Comparison) -> None:
    """No NaN and no infinity, which JSON does not know, and no percentage."""
    text = json_record(outcome(comparison))
    assert not re.search(r"NaN|Infinity|%", text + csv_matrix(outcome(comparison)))
    assert close(json.loads(text)["matrix"], comparison.matrix)


# ------------------------------------------------------------------------------------------------------------------ CSV


@every_set
def test_the_csv_holds_the_matrix_with_its_names(comparison: Comparison) -> None:
    """Read back: names in the first row and column, numbers to eight decimals, in the matrix's order."""
    head, *rows = rows_of(comparison)
    assert head == ["", *comparison.names]
    assert [row[0] for row in rows] == list(comparison.names)
    assert close([[float(cell) for cell in row[1:]] for row in rows], comparison.matrix)


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
    odd = "Odd one out: reference 4, x<y>.png, agrees least with the others, at 0.100"
    assert [float(cell) for cell in (found["# agreement"][0], *found["# agreement from and to"])] == pytest.approx(
        [0.8] * 3
    )
    assert found["# position"][0] == "inside"
    assert [row[1] for row in notes if row[0] == "# note"] == [
        f"{odd}; without it the mean would be 0.800 instead of 0.625.",
        "Left out: at most 8 references are compared; not used: i.",
    ]


def in_pandas(one: Outcome) -> pd.DataFrame:
    """The CSV as its reader is told to read it."""
    file = io.BytesIO(csv_matrix(one).encode())
    return pd.read_csv(file, index_col=0, comment="#", keep_default_na=False)


@every_set
def test_pandas_reads_the_matrix_and_nothing_else(comparison: Comparison) -> None:
    frame = in_pandas(outcome(comparison, provenance=UNOFFICIAL))
    assert list(frame.columns) == list(frame.index) == list(comparison.names)
    assert close(frame.to_numpy(), comparison.matrix)


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


# ------------------------------------------------------------------------------------------------------------ the files


def test_the_files_are_those_of_the_exports_in_a_new_folder(tmp_path: Path) -> None:
    """In their order, named after the test image without its folders; a folder that is there is somebody else's."""
    comparison = described(["../../etc/passwd", "b"])
    paths = [Path(path) for path in write_exports(outcome(comparison), tmp_path / "uploads" / "new")]
    names = ["passwd-megastyle.html", "passwd-megastyle.json", "passwd-megastyle.csv"]
    assert [path.name for path in paths] == names
    assert {path.parent for path in paths} == {tmp_path / "uploads" / "new"}
    texts = [path.read_bytes().decode() for path in paths]
    assert texts == [export.write(outcome(comparison)) for export in EXPORTS]
    with pytest.raises(FileExistsError):
        write_exports(outcome(comparison), tmp_path / "uploads" / "new")


def test_files_of_references_alone_have_no_name_of_theirs(tmp_path: Path) -> None:
    """No one of them is what it is about."""
    paths = write_exports(outcome(SETS["3 alone"]), tmp_path / "new")
    assert [Path(path).name for path in paths] == [f"references-megastyle{export.ending}" for export in EXPORTS]


@pytest.mark.parametrize("name", HOSTILE)
def test_files_can_be_written_whatever_the_test_image_is_called(name: str, tmp_path: Path) -> None:
    """Into the folder that was asked for, and nowhere else."""
    paths = write_exports(outcome(described([name, "b"])), tmp_path / "new")
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "new", *map(Path, paths)])


def test_a_line_of_the_csv_ends_as_its_standard_says(tmp_path: Path) -> None:
    """RFC 4180: carriage return and line feed, whatever the system's own line end is."""
    exported = write_exports(outcome(SETS["1 to 2"]), tmp_path / "new")
    content = next(Path(path) for path in exported if path.endswith(".csv")).read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 1 + 3 + 7
