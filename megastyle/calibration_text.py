"""The text of a calibration file, with one array a line so that a diff can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from megastyle.calibration import Calibration, Floats, Gap, Row

FORMAT = 1  # of the file; a reader refuses any other
QUANTILE_DECIMALS = 6  # of a cosine: float32 has about seven significant digits


def number_text(value: float) -> str:
    """A number as the file has it, never -0."""
    return json.dumps(round(float(value), QUANTILE_DECIMALS) + 0.0, allow_nan=False)


def array_text(values: Floats) -> str:
    """An array in one line."""
    return f"[{', '.join(map(number_text, values))}]"


def json_text(value: Any) -> str:
    """A value in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def row_lines(row: Row) -> Iterator[str]:
    """A row's members."""
    yield f'"same": {array_text(row.same)}'
    yield f'"different": {array_text(row.different)}'
    yield f'"same_count": {row.same_count}, "different_count": {row.different_count}'
    yield f'"auc": {number_text(row.auc)}, "auc_interval": {array_text(np.array(row.auc_interval))}'


def block(members: Mapping[str, str], indent: str) -> str:
    """A JSON object with one member a line."""
    lines = [f"{indent}{json_text(key)}: {text}" for key, text in members.items()]
    return "{\n" + ",\n".join(lines) + "\n" + indent[1:] + "}" if lines else "{}"


def gaps_text(gaps: Mapping[str, Gap]) -> str:
    """The gaps of one kind, one style a line."""
    texts = {
        style: f'{{"gap": {number_text(gap)}, "confused_with": {json_text(other)}}}'
        for style, (gap, other) in gaps.items()
    }
    return block(texts, "   ")


def calibration_text(calibration: Calibration) -> str:
    """The file's text; the same calibration gives the same bytes."""
    rows = {str(n): "{" + ",\n   ".join(row_lines(row)) + "}" for n, row in calibration.rows.items()}
    members = {
        "format": json_text(FORMAT),
        "name": json_text(calibration.name),
        "styles": json_text(calibration.styles),
        "pictures": json_text(calibration.pictures),
        "digest": json_text(calibration.digest),
        "seed": json_text(calibration.seed),
        "made": json_text(calibration.made),
        "encoder": json_text(dict(calibration.encoder)),
        "versions": json_text(dict(calibration.versions)),
        "levels": array_text(calibration.levels),
        "references": block(rows, "  "),
        "gaps": block({kind: gaps_text(gaps) for kind, gaps in calibration.gaps.items()}, "  "),
        "retrieval": "{" + ", ".join(f'"{key}": {number_text(v)}' for key, v in calibration.retrieval.items()) + "}",
    }
    return block(members, " ") + "\n"
