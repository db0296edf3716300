"""The calibration: its file, which is read with distrust, and what it says of a score."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_sets import ENCODER_SHA256, clustered, some_calibration
from megastyle.calibration import (
    LEVELS,
    MAX_FILE_BYTES,
    Calibration,
    CalibrationError,
    Standing,
    calibration_text,
    find_calibration,
    read_calibration,
    require_name,
)
from megastyle.comparison import BANDS
from megastyle.measuring import labelled
from outcomes import calibrated, row
from sets import steady

MADE = some_calibration()
TEXT = calibration_text(MADE)
Members = dict[str, Any]
Change = Callable[[Members], object]


def written(folder: Path, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / "calibration.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# ------------------------------------------------------------------------------------------------------------ the file


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = read_calibration(written(tmp_path, TEXT))
    assert set(found.rows) == {1, 2, 3, 4}
    assert found.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert found == MADE.model_copy(update={"sha256": found.sha256})
    assert calibration_text(found) == TEXT


def test_the_file_has_the_keys_that_others_rely_on() -> None:
    members = json.loads(TEXT)
    assert set(members) == {
        *("format", "name", "styles", "pictures", "digest", "seed", "made", "encoder", "versions"),
        *("references", "gaps", "retrieval"),
    }
    assert members["format"] == 2
    assert set(members["encoder"]) == {"checkpoint", "sha256"}
    figures = {"same", "different", "auc", "auc_interval", "styles", "style_pairs"}
    assert set(members["references"]["2"]) == figures
    assert set(members["references"]["3"]) == figures | {"positions"}
    assert set(members["references"]["3"]["positions"]["same"]) == {"fits", "edge", "apart"}
    assert set(members["gaps"]["style 00"]) == {"gap", "confused_with"}
    assert set(members["retrieval"]) == {"recall@1", "map@10"}


def test_names_of_styles_survive_whatever_they_hold(tmp_path: Path) -> None:
    names = ['"quoted"', "back\\slash", "<script>alert(1)</script>", "名前 🎨", "0", "__proto__"]
    rows = dict(zip(names, clustered(0, (2, 3, 2, 4, 2, 2)).values(), strict=True))
    found = read_calibration(written(tmp_path, calibration_text(some_calibration(labelled(rows), trials=100))))
    assert set(found.gaps) == set(names)


def put(*path: str | int, value: object = None) -> Change:
    """A change that puts a value at a place, or takes it away."""

    def change(members: Members) -> None:
        place: Any = members
        for step in path[:-1]:
            place = place[step]
        if value is None:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return change


def changed(change: Change) -> str:
    """The text with a change in its members."""
    members = json.loads(TEXT)
    change(members)
    return json.dumps(members)


SAME = ("references", "1", "same")
HOSTILE = {
    "the former format": (put("format", value=1), "expected format 2, got 1; measure again"),
    "no format": (put("format"), "format: Field required"),
    "a key that nobody knows": (put("referenzes", value={}), "referenzes: Extra"),
    "no SHA-256": (put("encoder", "sha256"), "encoder.sha256: Field required"),
    "markup in the name": (put("name", value="<b>x</b>"), "name: expected a name of letters, digits"),
    "a style's name of two lines": (put("gaps", "a\nb", value={}), "one line"),
    "one style": (put("styles", value=1), "styles: Input should be greater than or equal to 2"),
    "styles as text": (put("styles", value="4"), "styles: Input should be a valid integer"),
    "true as pictures": (put("pictures", value=True), "pictures: Input should be a valid integer"),
    "quantiles not in order": (put(*SAME, 3, value=-0.9), "references.1.same: expected numbers in ascending order"),
    "a quantile beyond 1": (put(*SAME, -1, value=1.5), "less than or equal to 1"),
    "text as quantile": (put(*SAME, 0, value="0.1"), "valid number"),
    "too few quantiles": (put(*SAME, 0), "should have at least"),
    "too many quantiles": (put(*SAME, value=[0.5] * 1000), "should have at most"),
    "no rows": (put("references", value={}), "references: Dictionary should have at least 1 item"),
    "a row for nine": (put("references", "9", value={}), "less than"),
    "an AUC beyond 1": (put("references", "1", "auc", value=1.01), "auc: Input should be less"),
    "an interval upside down": (put("references", "1", "auc_interval", value=[0.9, 0.8]), "ascending"),
    "no word for apart": (put("references", "3", "positions", "same", "apart"), "apart: Field required"),
    "no retrieval": (put("retrieval", "map@10"), "retrieval.map@10: Field required"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_says_something_else_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    change, words = HOSTILE[case]
    with pytest.raises(CalibrationError, match=words) as refusal:
        read_calibration(written(tmp_path, changed(change)))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) <= 300


DAMAGED = {
    "empty": b"",
    "cut short": TEXT[: len(TEXT) // 2].encode(),
    "binary": bytes(range(256)),
    "not UTF-8": TEXT.replace("A test set", "caf\xe9").encode("latin-1"),
    "NaN": TEXT.replace('"auc":', '"auc":NaN,"was":').encode(),
    "a number of 10,000 digits": TEXT.replace('"seed":0', '"seed":' + "9" * 10_000).encode(),
    "deeply nested": b"[" * 200_000,
    "half a surrogate pair": TEXT.replace("A test set", "\\ud800").encode(),
    "many wrong keys": b'{"format":2,' + b",".join(b'"%d":0' % key for key in range(30_000)) + b"}",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    with pytest.raises(CalibrationError) as refusal:
        read_calibration(written(tmp_path, DAMAGED[case]))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) <= 300


@steady(max_examples=40)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), st.data())
def test_any_value_in_any_place_is_refused_or_used(
    tmp_path_factory: pytest.TempPathFactory, value: object, data: st.DataObject
) -> None:
    members = json.loads(TEXT)
    place: Any = members
    while True:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        step = data.draw(st.sampled_from(keys))
        if not (isinstance(place[step], (dict, list)) and place[step] and data.draw(st.booleans())):
            break
        place = place[step]
    place[step] = value
    try:
        found = read_calibration(written(tmp_path_factory.getbasetemp(), json.dumps(members)))
    except CalibrationError:
        return
    for n in found.rows:
        assert all(0 <= share <= 1 for share in found.standing(0.5, n) or ())


def test_what_is_no_file_or_a_large_one_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(TEXT.encode().ljust(MAX_FILE_BYTES + 1))
    for name, words in {
        "large": "has more than 4 MB",
        "": "is no file",
        "pipe": "is no file",
        "none": "is not there",
        "n" * 999: "too long",
    }.items():
        with pytest.raises(CalibrationError, match=words):
            read_calibration(tmp_path / name)


@pytest.mark.parametrize("name", ["StyleBench", "Werke, 1900-1910 (Öl)", "名前", "don't", "a_b.c:d/e+f"])
def test_plain_names_are_taken(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "  ", "a<b", "a&b", "`x`", "*x*", "[x]", "x\u202ey", "x\0", "🎨", 'say "x"', "x|y"]
)
def test_names_that_could_be_markup_are_refused(name: str) -> None:
    with pytest.raises(CalibrationError, match="expected a name of"):
        require_name(name)


@pytest.mark.parametrize(
    ("named", "content", "said"),
    [
        ("", TEXT, "Calibration: 'A test set'"),
        ("", None, "Calibration: none"),
        ("", "{", "Not calibrated: 'calibration.json': Invalid JSON"),
        ("", TEXT.replace(ENCODER_SHA256, "f" * 64), "is of encoder 'ffffffffffffffff', and this one"),
        ("nowhere/none.json", TEXT, "Not calibrated: 'none.json': is not there"),
        ("~nobody-has-this-name/c.json", TEXT, "Not calibrated: 'c.json': is not there"),
    ],
)
def test_the_log_says_in_one_line_which_calibration_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, named: str, content: str | None, said: str
) -> None:
    caplog.set_level(logging.INFO)
    path = written(tmp_path, content) if content is not None else tmp_path / "calibration.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEGASTYLE_CALIBRATION", named)
        found = find_calibration(path, ENCODER_SHA256)
    assert (found is not None) == said.endswith("'A test set'")
    (record,) = caplog.records
    assert record.levelno == (logging.INFO if said.startswith("Calibration: ") else logging.WARNING)
    assert said in record.getMessage()


# ------------------------------------------------------------------------------------------------------- what it says


def made(lowest: float = 0.4, highest: float = 0.9, *, n: int = 3, styles: int = 100) -> Calibration:
    """A calibration for n references: relatives lie evenly between the two, strangers from 0 to 0.5."""
    found = row((lowest, (lowest + highest) / 2, highest), (0, 0.25, 0.5), n=n, styles=styles)
    return calibrated({n: found}, styles=styles)


def standing(calibration: Calibration, mean: float) -> Standing:
    """Where a mean to three references stands."""
    found = calibration.standing(mean, 3)
    assert found
    return found


@pytest.mark.parametrize(
    ("mean", "below", "above"),
    [
        (-1, 0, 1),
        (0, 0, 1),
        (0.05, 0, 0.9),
        (0.125, 0, 0.75),
        (0.45, 0.1, 0.1),
        (0.475, 0.15, 0.05),
        (0.9, 1, 0),
        (1, 1, 0),
    ],
)
def test_shares_are_read_between_the_quantiles(mean: float, below: float, above: float) -> None:
    """A tenth of the relatives lies in each twentieth from 0.4 to 0.9, a tenth of the strangers from 0 to 0.5."""
    assert standing(made(), mean)[:2] == pytest.approx((below, above), abs=1e-9)


def test_a_value_that_occurs_often_is_counted_whole_in_both_tails() -> None:
    """From the second to the sixth tenth all scores are 0.5: 0.6 are at or below it, 0.8 at or above it."""
    often = tuple(np.interp(LEVELS, [0, 0.2, 0.6, 1], [0.1, 0.5, 0.5, 0.9]).tolist())
    rows = {3: made().rows[3].model_copy(update={"same": often, "different": often})}
    assert standing(calibrated(rows), 0.5)[:2] == pytest.approx((0.6, 0.8))


def test_without_a_row_for_that_many_references_there_is_nothing() -> None:
    assert made().standing(0.5, 2) is None


@pytest.mark.parametrize(
    ("n", "styles", "same", "different"),
    [
        (3, 10, 1 / 10, 1 / 90),
        (1, 10, 1 / 10, 2 / 90),  # a pair and its reverse give the same scores
        (8, 2, 1 / 2, 1 / 2),
        (3, 1001, 1 / 1000, 1 / 1000),  # never finer than the page counts
    ],
)
def test_a_set_tells_no_more_than_its_styles_and_pairs_of_styles(
    n: int, styles: int, same: float, different: float
) -> None:
    assert made(n=n, styles=styles).smallest_shares(n) == pytest.approx((same, different))


def test_bands_begin_half_a_unit_below_their_floor() -> None:
    """Relatives lie evenly from 0.4 to 0.9: (0.9 - 0.7495) / 0.5 are Strong, each further band takes 0.1 / 0.5.

    Strangers lie evenly from 0 to 0.5: (0.5 - 0.4495) / 0.5 of them are Weak and the rest Minimal.
    """
    bands, same, different = zip(*made().band_shares(3), strict=True)
    assert bands == BANDS
    assert same == pytest.approx([0.301, 0.2, 0.2, 0.2, 0.099])
    assert different == pytest.approx([0, 0, 0, 0.101, 0.899])


def test_suggested_floors_are_the_strangers_quantiles() -> None:
    """Strangers lie evenly from 0 to 0.5: 1 in 20 reaches 0.475 and 1 in 5 reaches 0.4."""
    assert made().suggested_floors(3) == pytest.approx([0.4995, 0.495, 0.475, 0.4])
    few, fewer, *floors = made(styles=6).suggested_floors(3)  # 30 pairs of styles cannot tell 1 in 100
    assert (few, fewer) == (None, None)
    assert floors == pytest.approx([0.475, 0.4])


@pytest.mark.parametrize("ends", [(0.4, 0.9), (0.8, 0.8), (1.0, 1.0), (-1.0, 1.0)])
def test_a_density_is_a_density(ends: tuple[float, float]) -> None:
    """It is nowhere negative, and its area from -1 to 1 is 1, even where all scores are the same."""
    points = np.linspace(-1, 1, 4001)
    for curve in made(*ends).density(3, points):
        assert (curve >= 0).all()
        assert np.trapezoid(curve, points) == pytest.approx(1, abs=1e-3)


def test_a_density_is_as_high_as_its_scores_are_frequent() -> None:
    """Relatives lie evenly over 0.5 of cosine, so 2 per unit of it, but for the edges, which are smoothed to half."""
    assert made().density(3, np.array([0.2, 0.4, 0.6, 0.9]))[0] == pytest.approx([0, 1, 2, 1], abs=0.05)
