"""The files to take away: the comparison's numbers, the visitor's own names, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from megastyle.bands import BANDS, shown
from megastyle.comparison import Comparison
from megastyle.page.exports import EXPORTS, Outcome, csv_matrix, json_report, write_exports
from sets import HOSTILE, SETS, comparisons, described, every_set, hostile_names, steady

ENCODER = {"backbone": "b", "checkpoint": "c.pth", "revision": "abc", "sha256": "d", "official": True}
VERSIONS = {"torch": "1", "transformers": "2", "pillow": "3"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, CSV injection
FINEST = 5.1e-9  # half of the files' eighth decimal
REPORT_KEYS = [
    "mean_cosine",
    "label",
    "test",
    "references",
    "reference_agreement",
    "ignored",
    "names",
    "matrix",
    "encoder",
    "versions",
]
REFERENCE_KEYS = ["name", "sha256", "cosine", "label", "rank", "mean_without", "leave_one_out"]


def outcome(comparison: Comparison) -> Outcome:
    """A comparison by an encoder that nobody has."""
    return Outcome(comparison, ENCODER, VERSIONS)


def report_of(comparison: Comparison) -> dict[str, Any]:
    """The JSON report, read back."""
    return json.loads(json_report(outcome(comparison)))


def rows_of(comparison: Comparison) -> list[list[str]]:
    """The CSV, read back."""
    return list(csv.reader(io.StringIO(csv_matrix(outcome(comparison)), newline="")))


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


@steady(max_examples=40)
@given(comparisons())
def test_the_files_hold_numbers_alone(comparison: Comparison) -> None:
    """No NaN and no infinity, which JSON does not know, and no percentage."""
    text = json_report(outcome(comparison))
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


# ------------------------------------------------------------------------------------------------------------ the files


def test_the_files_are_those_of_the_exports_in_a_new_folder(tmp_path: Path) -> None:
    """In their order, under names that hold nothing of the visitor's; a folder that is there is somebody else's."""
    comparison = described(["../../etc/passwd", "b"])
    paths = write_exports(outcome(comparison), tmp_path / "uploads" / "new")
    assert [Path(path).name for path in paths] == ["megastyle-comparison.json", "megastyle-comparison.csv"]
    texts = [Path(path).read_bytes().decode() for path in paths]
    assert texts == [export.write(outcome(comparison)) for export in EXPORTS]
    with pytest.raises(FileExistsError):
        write_exports(outcome(comparison), tmp_path / "uploads" / "new")


def test_a_line_of_the_csv_ends_as_its_standard_says(tmp_path: Path) -> None:
    """RFC 4180: carriage return and line feed, whatever the system's own line end is."""
    exported = write_exports(outcome(SETS["1 to 2"]), tmp_path / "new")
    content = next(Path(path) for path in exported if path.endswith(".csv")).read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 4
