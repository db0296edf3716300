"""The files that a visitor takes away: each is one entry of EXPORTS."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megastyle.bands import band_of
from megastyle.comparison import Comparison

JSON_DECIMALS = 8  # a float32 has about seven significant digits
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet runs them (OWASP)
FILE_STEM = "megastyle-comparison"


@dataclass(frozen=True)
class Outcome:
    """A comparison with what a report says beside it: the encoder's source, and the libraries' versions by name."""

    comparison: Comparison
    encoder: Mapping[str, Any]
    versions: Mapping[str, str]


def precise(value: float) -> float:
    """A number for the files."""
    return round(float(value), JSON_DECIMALS)


def reference_report(comparison: Comparison, index: int) -> dict[str, Any]:
    """One reference of the JSON report; what cannot be had for so few pictures is null."""
    scored = comparison.has_test
    return {
        "name": comparison.reference_names[index],
        "sha256": comparison.digests[index + comparison.offset],
        "cosine": precise(comparison.cosines[index]) if scored else None,
        "label": band_of(comparison.cosines[index]).label if scored else None,
        "rank": comparison.ranking.index(index) + 1,
        "mean_without": precise(comparison.means_without[index]) if comparison.means_without else None,
        "leave_one_out": precise(comparison.leave_one_out[index]) if comparison.leave_one_out else None,
    }


def json_report(outcome: Outcome) -> str:
    """The whole result as JSON, for people and programs."""
    comparison = outcome.comparison
    scored, agreement = comparison.has_test, comparison.agreement
    report = {
        "mean_cosine": precise(comparison.mean_cosine) if scored else None,
        "label": comparison.band.label if scored else None,
        "test": {"name": comparison.names[0], "sha256": comparison.digests[0]} if scored else None,
        "references": [reference_report(comparison, index) for index in range(len(comparison.reference_names))],
        "reference_agreement": {key: precise(value) for key, value in agreement._asdict().items()}
        if agreement
        else None,
        "ignored": list(comparison.ignored),
        "names": list(comparison.names),
        "matrix": [[precise(cosine) for cosine in row] for row in comparison.matrix],
        "encoder": dict(outcome.encoder),
        "versions": dict(outcome.versions),
    }
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and that every CSV reader can read: some end at NUL."""
    name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{name}" if name.startswith(FORMULA_STARTS) else name


def csv_matrix(outcome: Outcome) -> str:
    """The matrix as CSV (RFC 4180), names in the first row and column, in the matrix's order."""
    comparison, text = outcome.comparison, io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *map(inert, comparison.names)])
    writer.writerows(
        [inert(name), *(f"{precise(cosine):.{JSON_DECIMALS}f}" for cosine in row)]
        for name, row in zip(comparison.names, comparison.matrix, strict=True)
    )
    return text.getvalue()


@dataclass(frozen=True)
class Export:
    """A file that the page offers: its button's text, the file's ending, and the function that writes its content."""

    button: str
    ending: str
    write: Callable[[Outcome], str]


EXPORTS = (  # in the order of the buttons
    Export("Download JSON", ".json", json_report),
    Export("Download CSV", ".csv", csv_matrix),
)


def write_exports(outcome: Outcome, folder: Path) -> list[str]:
    """Write every export into the new folder `folder`; their paths, in the order of EXPORTS."""
    folder.mkdir(parents=True)
    paths = []
    for export in EXPORTS:
        path = folder / f"{FILE_STEM}{export.ending}"
        path.write_bytes(export.write(outcome).encode())
        paths.append(str(path))
    return paths
