"""The check of a deployment reads the JSON report: what is wrong is seen, and said for itself alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verify import report, saved

PINNED = {"torch": "2.13.0", "transformers": "5.20.2", "pillow": "12.3.0"}
COMMIT, OTHER = "a" * 40, "b" * 40
Wrong = Callable[[dict[str, Any]], object]


def right() -> dict[str, Any]:
    """A report with nothing wrong: the mean of 0.8 and 0.6 is 0.7."""
    return {
        "mean_cosine": 0.7,
        "test": {"name": "test.png", "sha256": "0"},
        "references": [{"name": "a.png", "sha256": "1"}, {"name": "b.png", "sha256": "2"}],
        "names": ["test.png", "a.png", "b.png"],
        "matrix": [[1.0, 0.8, 0.6], [0.8, 1.0, 0.5], [0.6, 0.5, 1.0]],
        "encoder": {"checkpoint": "them/it", "revision": "main", "sha256": "f" * 64, "official": True},
        "versions": {"torch": "2.13.0+cpu", "transformers": "5.20.2", "pillow": "12.3.0"},
        "page": COMMIT,
    }


def set_cosine(row: int, column: int, cosine: float | None) -> Wrong:
    """Change one number of the matrix."""
    return lambda made: made["matrix"][row].__setitem__(column, cosine)


def test_a_right_report_passes() -> None:
    assert [line.ok for line in report.lines(right(), PINNED, COMMIT)] == [True] * 5


def test_a_report_that_knows_no_commit_is_not_asked_for_one() -> None:
    unknown = right() | {"page": None}
    assert [line.what for line in report.lines(unknown, PINNED, COMMIT)] == ["encoder", "versions", "matrix", "mean"]


WRONG: dict[str, tuple[Wrong, str, str]] = {
    "other weights": (lambda made: made["encoder"].update(official=False), "encoder", "not official: them/it"),
    "a word for yes": (lambda made: made["encoder"].update(official="yes"), "encoder", "not official: them/it"),
    "skewed": (set_cosine(2, 1, 0.4), "matrix", "3 x 3, finite, off symmetry by 1e-01, diagonal off 1 by 0e+00"),
    "unlike itself": (set_cosine(1, 1, 0.9), "matrix", "3 x 3, finite, off symmetry by 0e+00, diagonal off 1 by 1e-01"),
    "a hole": (set_cosine(2, 1, float("nan")), "matrix", "1 of 9 cosines are not finite"),
    "a null": (set_cosine(2, 1, None), "matrix", "1 of 9 cosines are not finite"),
    "a word": (lambda made: made.update(matrix="none"), "matrix", "the report cannot be understood: "),
    "a missing row": (
        lambda made: made["matrix"].pop(),
        "matrix",
        "the report cannot be understood: it has the shape (2, 3)",
    ),
    "another mean": (lambda made: made.update(mean_cosine=0.75), "mean", "0.750000, from the matrix 0.700000"),
    "no mean": (lambda made: made.update(mean_cosine=None), "mean", "the report cannot be understood: "),
    "old torch": (lambda made: made["versions"].update(torch="2.8.0"), "versions", "torch 2.8.0, pinned is 2.13.0"),
    "no versions": (lambda made: made.pop("versions"), "versions", "the report has no 'versions'"),
    "nothing in versions": (lambda made: made["versions"].clear(), "versions", ""),
    "another commit": (
        lambda made: made.update(page=OTHER),
        "commit in the report",
        f"{OTHER}, checked out here is {COMMIT}",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_fails(wrong: str) -> None:
    change, what, seen = WRONG[wrong]
    change(made := right())
    failed = {line.what: line.seen for line in report.lines(made, PINNED, COMMIT) if not line.ok}
    assert what in failed
    assert set(failed) <= {what, "mean"}, "the mean is computed from the matrix"
    assert failed[what].startswith(seen)


def test_the_pins_are_those_of_the_requirements(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# note==1\nspaces\ntorch==2.13.0\nPillow==12.3.0\n")
    assert report.pins(tmp_path / "requirements.txt") == {"torch": "2.13.0", "pillow": "12.3.0"}


def test_a_saved_matrix_is_text_and_comes_back(tmp_path: Path) -> None:
    assert saved.save(right(), tmp_path).ok
    assert saved.path_of(right(), tmp_path).read_text().splitlines()[-5:] == [
        "  [1.0, 0.8, 0.6],",
        "  [0.8, 1.0, 0.5],",
        "  [0.6, 0.5, 1.0]",
        " ]",
        "}",
    ]
    assert saved.compare(right(), tmp_path).ok


def test_a_saved_matrix_is_only_held_against_the_same_pictures_and_encoder(tmp_path: Path) -> None:
    saved.save(right(), tmp_path)
    set_cosine(0, 1, 0.8002)(made := right())
    assert saved.compare(made, tmp_path).ok is False
    assert saved.compare(made | {"test": {"name": "test.png", "sha256": "3"}}, tmp_path).ok is None
    assert saved.compare(made | {"encoder": made["encoder"] | {"sha256": "e" * 64}}, tmp_path).ok is None
