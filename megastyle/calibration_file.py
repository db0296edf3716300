"""The calibration file as the page reads it: with distrust.

Whatever a file holds, reading it gives a calibration that can be used or a CalibrationError, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from megastyle.calibration import Calibration, CalibrationError, Floats, Gap, Row
from megastyle.calibration_text import FORMAT
from megastyle.comparison import MAX_REFERENCES

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 4 * 2**20  # a file of 5,000 styles has about 1 MB
MAX_LEVELS = 5000
MAX_NAME_LENGTH = 80  # characters of the set's name
NAME_MARKS = " -_.,:+/()'"  # what a name may hold beside letters and digits: no markup of HTML or Markdown
MAX_TEXT_LENGTH = 300  # characters of any other text
GAP_KINDS = ("pairs", "aggregated")
RETRIEVAL_KEYS = ("map@1", "map@10", "recall@1", "recall@10")


def require_name(name: str) -> str:
    """The name of a set, if a page may show it.

    Raises:
        CalibrationError: it is empty or too long, or has other characters than letters, digits and NAME_MARKS.
    """
    if not 0 < len(name.strip()) <= len(name) <= MAX_NAME_LENGTH:
        raise CalibrationError(f"expected a name of 1 to {MAX_NAME_LENGTH} characters, got {len(name)}")
    if odd := next((mark for mark in name if not (mark.isalnum() or mark in NAME_MARKS)), None):
        raise CalibrationError(f"expected a name of letters, digits and any of {NAME_MARKS!r}, got {odd!a} in it")
    return name


def require(fits: object, expected: str) -> None:
    """Refuse the file unless `fits`.

    Raises:
        CalibrationError: it does not.
    """
    if not fits:
        raise CalibrationError(f"expected {expected}")


def mapping_of(value: Any, what: str) -> dict[str, Any]:
    """A JSON object."""
    require(isinstance(value, dict), f"an object as {what}")
    return value


def text_of(value: Any, what: str) -> str:
    """A text of one line that UTF-8 can carry."""
    fits = isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH and value.isprintable()
    require(fits, f"a text of one line and at most {MAX_TEXT_LENGTH} characters as {what}")
    return value


def whole_of(value: Any, low: int, what: str) -> int:
    """A whole number of at least `low`; true is none."""
    require(type(value) is int and low <= value < 2**53, f"a whole number of at least {low} as {what}")
    return value


def number_of(value: Any, low: float, high: float, what: str) -> float:
    """A number in [low, high]; true is none, and neither is NaN."""
    require(type(value) in (int, float) and low <= value <= high, f"a number from {low:g} to {high:g} as {what}")
    return float(value)


def array_of(value: Any, low: float, high: float, length: int | None, what: str) -> Floats:
    """A non-decreasing array of numbers in [low, high], read-only; `length` None for any up to MAX_LEVELS."""
    require(isinstance(value, list) and 2 <= len(value) <= MAX_LEVELS, f"an array of 2 to {MAX_LEVELS} as {what}")
    require(length in (None, len(value)), f"{length} numbers as {what}, got {len(value)}")
    array = np.array([number_of(number, low, high, f"each of {what}") for number in value])
    require((np.diff(array) >= 0).all(), f"{what} to be in ascending order")
    array.flags.writeable = False
    return array


def row_of(value: Any, length: int, what: str) -> Row:
    """The distributions for one number of references."""
    members = mapping_of(value, what)
    low, high = array_of(members.get("auc_interval"), 0, 1, 2, f"{what}, auc_interval")
    return Row(
        array_of(members.get("same"), -1, 1, length, f"{what}, same"),
        array_of(members.get("different"), -1, 1, length, f"{what}, different"),
        whole_of(members.get("same_count"), 1, f"{what}, same_count"),
        whole_of(members.get("different_count"), 1, f"{what}, different_count"),
        number_of(members.get("auc"), 0, 1, f"{what}, auc"),
        (float(low), float(high)),
    )


def rows_of(value: Any, length: int) -> dict[int, Row]:
    """The distributions by number of references."""
    rows, numbers = mapping_of(value, "references"), [str(n) for n in range(1, MAX_REFERENCES + 1)]
    require(rows and set(rows) <= set(numbers), f"references for some of 1 to {MAX_REFERENCES}")
    return {int(n): row_of(rows[n], length, f"references {n}") for n in numbers if n in rows}


def gaps_of(value: Any) -> dict[str, dict[str, Gap]]:
    """The discrimination gaps by kind and style."""
    kinds = mapping_of(value, "gaps")
    require(set(kinds) == set(GAP_KINDS), f"gaps for {' and '.join(GAP_KINDS)}")
    return {
        kind: {text_of(style, "a style"): gap_of(gap) for style, gap in mapping_of(kinds[kind], f"gaps {kind}").items()}
        for kind in GAP_KINDS
    }


def gap_of(value: Any) -> Gap:
    """One style's discrimination gap."""
    members = mapping_of(value, "a gap")
    return Gap(number_of(members.get("gap"), -2, 2, "a gap"), text_of(members.get("confused_with"), "confused_with"))


def texts_of(value: Any, what: str) -> dict[str, str]:
    """An object of texts."""
    return {text_of(key, what): text_of(text, what) for key, text in mapping_of(value, what).items()}


def levels_of(value: Any) -> Floats:
    """The shares at which the quantiles stand."""
    levels = array_of(value, 0, 1, None, "levels")
    require(levels[0] == 0 and levels[-1] == 1 and (np.diff(levels) > 0).all(), "levels to rise from 0 to 1")
    return levels


def calibration_of(members: dict[str, Any], sha256: str) -> Calibration:
    """The calibration in a file's JSON; `sha256` is the file's.

    Raises:
        CalibrationError: it is not what `calibration_text` writes.
    """
    require(members.get("format") == FORMAT, f"format {FORMAT}; the file is of another version or no calibration")
    levels = levels_of(members.get("levels"))
    retrieval = mapping_of(members.get("retrieval"), "retrieval")
    return Calibration(
        name=require_name(text_of(members.get("name"), "the name")),
        styles=whole_of(members.get("styles"), 2, "styles"),
        pictures=whole_of(members.get("pictures"), 2, "pictures"),
        digest=text_of(members.get("digest"), "digest"),
        seed=whole_of(members.get("seed"), 0, "seed"),
        made=text_of(members.get("made"), "made"),
        encoder=texts_of(members.get("encoder"), "encoder"),
        versions=texts_of(members.get("versions"), "versions"),
        levels=levels,
        rows=rows_of(members.get("references"), len(levels)),
        gaps=gaps_of(members.get("gaps")),
        retrieval={key: number_of(retrieval.get(key), 0, 1, key) for key in RETRIEVAL_KEYS},
        sha256=sha256,
    )


def not_a_number(constant: str) -> float:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise CalibrationError(f"expected finite numbers, got {constant}")


def parse_json(content: bytes) -> dict[str, Any]:
    """The JSON object in a file's content.

    Raises:
        CalibrationError: it is none.
    """
    try:
        return mapping_of(json.loads(content.decode(), parse_constant=not_a_number), "the file")
    except CalibrationError:
        raise
    except (ValueError, RecursionError) as error:
        raise CalibrationError(f"is not JSON: {' '.join(str(error).split())[:MAX_TEXT_LENGTH]}") from error


def read_content(path: Path) -> bytes | None:
    """A file's content, of which no more than MAX_FILE_BYTES is ever read; None if there is no file.

    Raises:
        CalibrationError: it cannot be read, or is larger.
    """
    try:
        if not path.exists():
            return None
        require(path.is_file(), "a file")  # a named pipe would block the start for ever
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CalibrationError(f"cannot be read: {error.strerror}") from error
    require(len(content) <= MAX_FILE_BYTES, f"at most {MAX_FILE_BYTES // 2**20} MB")
    return content


def read_calibration(path: Path, encoder_sha256: str) -> Calibration | None:
    """The calibration in a file, measured with the encoder whose checkpoint has this SHA-256; None if there is no file.

    Raises:
        CalibrationError: it is damaged, not a calibration, or of another encoder.
    """
    if (content := read_content(path)) is None:
        return None
    calibration = calibration_of(parse_json(content), hashlib.sha256(content).hexdigest())
    measured = calibration.encoder.get("sha256", "")
    if measured != encoder_sha256:
        raise CalibrationError(f"expected a calibration of encoder {encoder_sha256[:16]}, got one of {measured[:16]!r}")
    return calibration


def find_calibration(beside: Path, encoder_sha256: str) -> Calibration | None:
    """The calibration that MEGASTYLE_CALIBRATION names, or by default the file `beside` the app, if it can be used.

    Without a file there is none. A damaged file, or another encoder's, never stops the start: the log says in one line
    what is wrong with it.
    """
    path = Path(os.environ.get("MEGASTYLE_CALIBRATION") or beside).expanduser()
    try:
        calibration = read_calibration(path, encoder_sha256)
    except CalibrationError as error:
        log.warning("Not calibrated: %s %s", path.name, error)
        return None
    log.info("Calibration: %s", ascii(calibration.name) if calibration else "none")
    return calibration
