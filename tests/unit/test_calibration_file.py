"""The calibration file: what is written is read again, and whatever else a file holds is refused in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_sets import ENCODER_SHA256, clustered, some_calibration
from megastyle.calibration import CalibrationError
from megastyle.calibration_file import (
    MAX_FILE_BYTES,
    RETRIEVAL_KEYS,
    calibration_of,
    read_calibration,
    require_name,
)
from megastyle.calibration_text import calibration_text
from megastyle.measuring.measurement import labelled
from sets import steady

MADE = some_calibration()
TEXT = calibration_text(MADE)
Members = dict[str, Any]


def read(folder: Path, content: str | bytes) -> Any:
    """What a file with this content is read as."""
    path = folder / "calibration.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_calibration(path, ENCODER_SHA256)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = read(tmp_path, TEXT)
    for name in ("name", "styles", "pictures", "digest", "seed", "made", "encoder", "versions"):
        assert getattr(found, name) == getattr(MADE, name)
    assert found.levels == pytest.approx(MADE.levels)
    assert set(found.rows) == set(MADE.rows) == {1, 2, 3, 4, 5}
    for n, row in MADE.rows.items():
        assert found.rows[n].same == pytest.approx(row.same, abs=5.1e-7)
        assert found.rows[n].different == pytest.approx(row.different, abs=5.1e-7)
        assert (found.rows[n].same_count, found.rows[n].different_count) == (row.same_count, row.different_count)
        assert (found.rows[n].auc, *found.rows[n].auc_interval) == pytest.approx((row.auc, *row.auc_interval), abs=1e-6)
    for kind, gaps in MADE.gaps.items():
        for style, gap in gaps.items():
            assert found.gaps[kind][style].gap == pytest.approx(gap.gap, abs=1e-6)
            assert found.gaps[kind][style].confused_with == gap.confused_with
    assert found.retrieval == pytest.approx(MADE.retrieval, abs=1e-6)
    assert set(found.retrieval) == set(RETRIEVAL_KEYS)


def test_the_sha256_of_the_file_is_kept(tmp_path: Path) -> None:
    import hashlib

    assert read(tmp_path, TEXT).sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


def test_each_array_has_a_line_and_the_file_is_small() -> None:
    lines = TEXT.splitlines()
    assert sum('"same": [' in line for line in lines) == 5
    assert all(line.count("[") <= 1 for line in lines)
    assert len(TEXT) < 100_000
    assert json.loads(TEXT)["levels"] == pytest.approx(MADE.levels)


def test_names_of_styles_survive_whatever_they_hold(tmp_path: Path) -> None:
    names = ['"quoted"', "back\\slash", "<script>alert(1)</script>", "名前 🎨", "0", "__proto__"]
    rows = dict(zip(names, clustered(0, (2, 3, 2, 4, 2, 2)).values(), strict=True))
    found = read(tmp_path, calibration_text(some_calibration(labelled(rows))))
    assert set(found.gaps["pairs"]) == set(names)


def test_without_a_file_there_is_no_calibration(tmp_path: Path) -> None:
    assert read_calibration(tmp_path / "none.json", ENCODER_SHA256) is None


def changed(change: Callable[[Members], object]) -> str:
    """The text with a change in its members."""
    members = json.loads(TEXT)
    change(members)
    return json.dumps(members)


def put(*path: str | int, value: object) -> Callable[[Members], object]:
    """A change that puts a value at a place."""

    def change(members: Members) -> None:
        place: Any = members
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


SAME = ("references", "1", "same")
HOSTILE = {
    "another format": (put("format", value=2), "expected format 1"),
    "no format": (lambda members: members.pop("format"), "expected format 1"),
    "another encoder": (put("encoder", "sha256", value="f" * 64), "expected a calibration of encoder eeeeeeee"),
    "no encoder": (lambda members: members.pop("encoder"), "expected an object as encoder"),
    "markup in the name": (put("name", value="<b>x</b>"), "letters, digits"),
    "Markdown in the name": (put("name", value="[x](http://a.b)"), "letters, digits"),
    "an empty name": (put("name", value=" "), "a name of 1 to 80"),
    "a long name": (put("name", value="x" * 81), "a name of 1 to 80"),
    "a name of two lines": (put("name", value="a\nb"), "one line"),
    "a number as name": (put("name", value=3), "one line"),
    "one style": (put("styles", value=1), "at least 2 as styles"),
    "styles as text": (put("styles", value="4"), "whole number"),
    "true as pictures": (put("pictures", value=True), "whole number"),
    "half a picture": (put("pictures", value=4.5), "whole number"),
    "quantiles not in order": (put(*SAME, 3, value=-0.9), "in ascending order"),
    "a quantile beyond 1": (put(*SAME, -1, value=1.5), "from -1 to 1"),
    "text as quantile": (put(*SAME, 0, value="0.1"), "from -1 to 1"),
    "null as quantile": (put(*SAME, 0, value=None), "from -1 to 1"),
    "a list in the quantiles": (put(*SAME, 0, value=[0.1]), "from -1 to 1"),
    "too few quantiles": (lambda members: members["references"]["1"]["same"].pop(), "numbers as references 1, same"),
    "levels that fall": (put("levels", 2, value=0.00001), "ascending order"),
    "levels that stay": (put("levels", 2, value=0.0001), "levels to rise"),
    "levels that end early": (put("levels", -1, value=0.99995), "levels to rise"),
    "one level": (put("levels", value=[1]), "an array of 2"),
    "too many levels": (put("levels", value=list(range(6000))), "an array of 2 to 5000"),
    "no rows": (put("references", value={}), "references for some of 1 to 8"),
    "rows for nine": (lambda members: members["references"].update({"9": {}}), "references for some of 1 to 8"),
    "rows as a list": (put("references", value=[]), "an object as references"),
    "no strangers": (put("references", "1", "different_count", value=0), "at least 1"),
    "an AUC beyond 1": (put("references", "1", "auc", value=1.01), "from 0 to 1"),
    "an interval upside down": (put("references", "1", "auc_interval", value=[0.9, 0.8]), "ascending"),
    "an interval of three": (put("references", "1", "auc_interval", value=[0.1, 0.2, 0.3]), "2 numbers"),
    "no gaps": (lambda members: members.pop("gaps"), "an object as gaps"),
    "gaps of another kind": (put("gaps", "triples", value={}), "gaps for pairs and aggregated"),
    "a gap as text": (put("gaps", "pairs", "style 00", value="wide"), "an object as a gap"),
    "no retrieval": (lambda members: members["retrieval"].pop("map@10"), "as map@10"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, case: str) -> None:
    change, words = HOSTILE[case]
    assert read(tmp_path, changed(lambda _: None))
    with pytest.raises(CalibrationError, match=words) as refusal:
        read(tmp_path, changed(change))
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


DAMAGED = {
    "empty": b"",
    "cut short": TEXT[: len(TEXT) // 2].encode(),
    "not JSON": b"What a lovely day",
    "binary": bytes(range(256)),
    "not UTF-8": TEXT.replace("A test set", "caf\xe9").encode("latin-1"),
    "a byte order mark": "\ufeff".encode() + TEXT.encode(),
    "NaN": TEXT.replace('"seed": 0', '"seed": NaN').encode(),
    "infinity": TEXT.replace('"seed": 0', '"seed": 1e999').encode(),
    "minus infinity": TEXT.replace('"seed": 0', '"seed": -Infinity').encode(),
    "a number of 10,000 digits": TEXT.replace('"seed": 0', '"seed": ' + "9" * 10_000).encode(),
    "deeply nested": b"[" * 200_000,
    "a list": b"[1, 2]",
    "a number": b"3",
    "half a surrogate pair": TEXT.replace("A test set", "\\ud800").encode(),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused(tmp_path: Path, case: str) -> None:
    with pytest.raises(CalibrationError) as refusal:
        read(tmp_path, DAMAGED[case])
    assert "\n" not in str(refusal.value)


def test_a_large_file_is_refused_and_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(CalibrationError, match=f"at most {MAX_FILE_BYTES // 2**20} MB"):
        read_calibration(path, ENCODER_SHA256)


def test_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(CalibrationError, match="expected a file"):
            read_calibration(path, ENCODER_SHA256)


@steady(max_examples=500)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists), st.data())
def test_any_value_in_any_place_is_refused_or_used(value: object, data: st.DataObject) -> None:
    members = json.loads(TEXT)
    place: Any = members
    while True:
        step = data.draw(
            st.sampled_from(sorted(place)) if isinstance(place, dict) else st.sampled_from(range(len(place)))
        )
        if not (isinstance(place[step], (dict, list)) and place[step] and data.draw(st.booleans())):
            break
        place = place[step]
    place[step] = value
    try:
        found = calibration_of(members, "")
    except CalibrationError:
        return
    for n, row in found.rows.items():
        assert (np.diff(row.same) >= 0).all()
        standing = found.standing(0.5, n)
        assert standing
        assert 0 <= standing.same_at_or_above <= 1


@pytest.mark.parametrize("name", ["StyleBench", "Werke, 1900-1910 (Öl)", "名前", "don't", "a_b.c:d/e+f"])
def test_plain_names_are_taken(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "  ", "a<b", "a&b", "`x`", "*x*", "[x]", "x\u202ey", "x\0", "🎨", 'say "x"', "x|y"]
)
def test_names_that_could_be_markup_are_refused(name: str) -> None:
    with pytest.raises(CalibrationError, match="expected a name of"):
        require_name(name)
