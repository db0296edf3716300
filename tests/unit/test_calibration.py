"""The calibration: its file, which is read with distrust, and what it says of a score."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_sets import ENCODER_SHA256, clustered, some_calibration
from megastyle.calibration import (
    MAX_FILE_BYTES,
    CalibrationError,
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
    assert {0, 0.001, 0.002, 0.01, 0.99, 0.998, 0.999, 1} <= set(members["levels"])  # 1 in 1,000 is told from 2
    assert set(members) == {
        *("format", "name", "styles", "pictures", "digest", "seed", "made", "encoder", "versions"),
        *("levels", "references", "gaps", "retrieval"),
    }
    assert members["format"] == 2
    assert set(members["encoder"]) == {"checkpoint", "sha256"}
    figures = {"same", "different", "same_count", "different_count", "auc", "auc_interval", "styles", "style_pairs"}
    assert set(members["references"]["2"]) == figures
    assert set(members["references"]["3"]) == figures | {"positions"}
    assert set(members["references"]["3"]["positions"]["same"]) == {"fits", "edge", "apart"}
    assert set(members["gaps"]) == {"pairs", "aggregated"}
    assert set(members["gaps"]["pairs"]["style 00"]) == {"gap", "confused_with"}
    assert set(members["retrieval"]) == {"map@1", "map@10", "recall@1", "recall@10"}


def test_names_of_styles_survive_whatever_they_hold(tmp_path: Path) -> None:
    names = ['"quoted"', "back\\slash", "<script>alert(1)</script>", "名前 🎨", "0", "__proto__"]
    rows = dict(zip(names, clustered(0, (2, 3, 2, 4, 2, 2)).values(), strict=True))
    found = read_calibration(written(tmp_path, calibration_text(some_calibration(labelled(rows), trials=100))))
    assert set(found.gaps.pairs) == set(names)


def put(*path: str | int, value: object) -> Change:
    """A change that puts a value at a place."""

    def change(members: Members) -> None:
        place: Any = members
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def without(*path: str) -> Change:
    """A change that takes a key away."""

    def change(members: Members) -> None:
        place = members
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def changed(change: Change) -> str:
    """The text with a change in its members."""
    members = json.loads(TEXT)
    change(members)
    return json.dumps(members)


def give_positions(members: Members) -> None:
    """Give two references the positions of three."""
    members["references"]["2"]["positions"] = members["references"]["3"]["positions"]


SAME = ("references", "1", "same")
HOSTILE = {
    "the former format": (put("format", value=1), "expected format 2, got 1; measure again"),
    "another format": (put("format", value=3), "expected format 2, got 3"),
    "no format": (without("format"), "format: Field required"),
    "a key that nobody knows": (put("referenzes", value={}), "referenzes: Extra"),
    "no encoder": (without("encoder"), "encoder: Field required"),
    "no SHA-256": (without("encoder", "sha256"), "encoder.sha256: Field required"),
    "markup in the name": (put("name", value="<b>x</b>"), "name: expected a name of letters, digits"),
    "a long name": (put("name", value="x" * 81), "name: expected a name of 1 to 80"),
    "a style's name of two lines": (put("gaps", "pairs", "a\nb", value={}), "one line"),
    "a number as name": (put("name", value=3), "name: Input should be a valid string"),
    "one style": (put("styles", value=1), "styles: Input should be greater than or equal to 2"),
    "styles as text": (put("styles", value="4"), "styles: Input should be a valid integer"),
    "true as pictures": (put("pictures", value=True), "pictures: Input should be a valid integer"),
    "half a picture": (put("pictures", value=4.5), "pictures: Input should be a valid integer"),
    "quantiles not in order": (put(*SAME, 3, value=-0.9), "references.1.same: expected numbers in ascending order"),
    "a quantile beyond 1": (put(*SAME, -1, value=1.5), "less than or equal to 1"),
    "text as quantile": (put(*SAME, 0, value="0.1"), "valid number"),
    "null as quantile": (put(*SAME, 0, value=None), "valid number"),
    "too few quantiles": (lambda members: members["references"]["1"]["same"].pop(), "quantiles in each row"),
    "levels that stay": (put("levels", 2, value=0.0001), "levels that rise from 0 to 1"),
    "levels that end early": (put("levels", -1, value=0.99995), "levels that rise from 0 to 1"),
    "one level": (put("levels", value=[1]), "levels: Tuple should have at least 2 items"),
    "too many levels": (put("levels", value=[index / 6000 for index in range(6001)]), "at most 5000 items"),
    "no rows": (put("references", value={}), "references: Dictionary should have at least 1 item"),
    "a row for nine": (lambda members: members["references"].update({"9": members["references"]["1"]}), "less than"),
    "rows as a list": (put("references", value=[]), "references: Input should be an object"),
    "no pair of styles": (put("references", "1", "style_pairs", value=0), "style_pairs: Input should be greater"),
    "an AUC beyond 1": (put("references", "1", "auc", value=1.01), "auc: Input should be less"),
    "an interval upside down": (put("references", "1", "auc_interval", value=[0.9, 0.8]), "ascending"),
    "an interval of three": (put("references", "1", "auc_interval", value=[0.1, 0.2, 0.3]), "auc_interval"),
    "three references without positions": (without("references", "3", "positions"), "positions from 3"),
    "two references with positions": (give_positions, "positions from 3"),
    "half of the positions": (without("references", "3", "positions", "different"), "different: Field required"),
    "no word for apart": (without("references", "3", "positions", "same", "apart"), "apart: Field required"),
    "a gap as text": (put("gaps", "pairs", "style 00", value="wide"), "style 00: "),
    "no aggregated gaps": (without("gaps", "aggregated"), "gaps.aggregated: Field required"),
    "no retrieval": (without("retrieval", "map@10"), "retrieval.map@10: Field required"),
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
    "not JSON": b"What a lovely day",
    "binary": bytes(range(256)),
    "not UTF-8": TEXT.replace("A test set", "caf\xe9").encode("latin-1"),
    "a byte order mark": "\ufeff".encode() + TEXT.encode(),
    "NaN": TEXT.replace('"auc":', '"auc":NaN,"was":').encode(),
    "infinity": TEXT.replace('"seed":0', '"seed":1e999').encode(),
    "a number of 10,000 digits": TEXT.replace('"seed":0', '"seed":' + "9" * 10_000).encode(),
    "deeply nested": b"[" * 200_000,
    "a list": b"[1, 2]",
    "half a surrogate pair": TEXT.replace("A test set", "\\ud800").encode(),
    "a million wrong numbers": b'{"format":2,"levels":[' + b"9," * 1_000_000 + b"9]}",
    "many wrong keys": b'{"format":2,' + b",".join(b'"%d":0' % key for key in range(30_000)) + b"}",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    assert DAMAGED[case] != TEXT.encode()
    with pytest.raises(CalibrationError) as refusal:
        read_calibration(written(tmp_path, DAMAGED[case]))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) <= 300


@steady(max_examples=80)
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
        standing = found.standing(0.5, n)
        assert standing
        assert all(0 <= share <= 1 for share in standing)


def test_a_large_file_is_refused_and_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(CalibrationError, match="has more than 4 MB"):
            read_calibration(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_FILE_BYTES
    finally:
        tracemalloc.stop()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in {"": "is no file", "pipe": "is no file", "none": "is not there", "n" * 999: "too long"}.items():
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


LEVELS = tuple(np.linspace(0, 1, 11).tolist())  # steps of a tenth
SPREAD = tuple(np.linspace(0.4, 0.9, 11).tolist())  # a twentieth between two levels
LOW = tuple(np.linspace(0, 0.5, 11).tolist())


def made(same: tuple[float, ...] = SPREAD, different: tuple[float, ...] = LOW, *, n: int = 3, styles: int = 100) -> Any:
    """A calibration with these quantiles for n references."""
    found = row(n=n, styles=styles).model_copy(update={"same": same, "different": different})
    return calibrated().model_copy(update={"levels": LEVELS, "rows": {n: found}})


@pytest.mark.parametrize(("mean", "share"), [(0.3, 0), (0.4, 0), (0.45, 0.1), (0.475, 0.15), (0.9, 1), (0.95, 1)])
def test_the_share_of_relatives_at_or_below_is_read_between_the_quantiles(mean: float, share: float) -> None:
    """A tenth of the relatives lies in each twentieth from 0.4 to 0.9."""
    assert made().standing(mean, 3).same_at_or_below == pytest.approx(share)


@pytest.mark.parametrize(("mean", "share"), [(-1, 1), (0, 1), (0.05, 0.9), (0.125, 0.75), (0.5, 0), (1, 0)])
def test_the_share_of_strangers_at_or_above_is_read_between_the_quantiles(mean: float, share: float) -> None:
    """A tenth of the strangers lies in each twentieth from 0 to 0.5."""
    assert made().standing(mean, 3).different_at_or_above == pytest.approx(share)


def test_a_value_that_occurs_often_is_counted_whole_in_both_tails() -> None:
    """From the third to the seventh tenth all scores are 0.5: 0.6 are at or below it, 0.8 at or above it."""
    often = (0.1, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9)
    at = made(often, often).standing(0.5, 3)
    below, above = (made(often, often).standing(mean, 3) for mean in (0.499999, 0.500001))
    assert (at.same_at_or_below, at.different_at_or_above) == pytest.approx((0.6, 0.8))
    assert (below.same_at_or_below, above.different_at_or_above) == pytest.approx((0.2, 0.4), abs=1e-4)


def test_without_a_row_for_that_many_references_there_is_nothing() -> None:
    assert made().standing(0.5, 2) is None
    assert made().density(2, np.array(LEVELS)) is None
    assert made().band_shares(2) == []


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
    standing = made(n=n, styles=styles).standing(0.5, n)
    assert (standing.same_smallest, standing.different_smallest) == pytest.approx((same, different))


def test_bands_begin_half_a_unit_below_their_floor() -> None:
    """Relatives lie evenly from 0.4 to 0.9: (0.9 - 0.7495) / 0.5 are Strong, each further band takes 0.1 / 0.5.

    Strangers lie evenly from 0 to 0.5: (0.5 - 0.4495) / 0.5 of them are Weak and the rest Minimal.
    """
    found = made().band_shares(3)
    assert [shares.band for shares in found] == list(BANDS)
    assert [shares.same for shares in found] == pytest.approx([0.301, 0.2, 0.2, 0.2, 0.099])
    assert [shares.different for shares in found] == pytest.approx([0, 0, 0, 0.101, 0.899])


def test_suggested_floors_are_the_strangers_quantiles() -> None:
    """Strangers lie evenly from 0 to 0.5: 1 in 20 reaches 0.475 and 1 in 5 reaches 0.4."""
    assert made().suggested_floors(3) == pytest.approx([0.4995, 0.495, 0.475, 0.4])


def test_a_small_set_suggests_nothing_that_it_cannot_tell() -> None:
    floors = made(styles=6).suggested_floors(3)  # 30 pairs of styles
    assert floors[:2] == [None, None]
    assert floors[2:] == pytest.approx([0.475, 0.4])


@pytest.mark.parametrize("same", [SPREAD, (0.8,) * 11, (1.0,) * 11, tuple(np.linspace(-1, 1, 11).tolist())])
def test_a_density_is_a_density(same: tuple[float, ...]) -> None:
    """It is finite, nowhere negative, and its area from -1 to 1 is 1, even where all scores are the same."""
    points = np.linspace(-1, 1, 20_001)
    for curve in made(same).density(3, points):
        assert np.isfinite(curve).all()
        assert (curve >= 0).all()
        assert np.trapezoid(curve, points) == pytest.approx(1, abs=1e-3)


def test_a_density_is_that_of_its_kernels() -> None:
    """Steps of a tenth, worked by hand: a Gaussian 0.02 wide on each middle, 0.425, 0.475, ... 0.875."""
    middles = np.arange(0.425, 0.9, 0.05)
    expected = np.mean(np.exp(-0.5 * ((0.5 - middles) / 0.02) ** 2) / (0.02 * np.sqrt(2 * np.pi)))
    assert made().density(3, np.array([0.5]))[0] == pytest.approx([expected])
