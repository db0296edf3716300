"""The result as data: the JSON report, for people and programs."""

from __future__ import annotations

import json
from typing import Any

from megastyle.comparison import Comparison, band_of
from megastyle.page.outcome import Outcome
from megastyle.page.words import NOT_MEGASTYLE

DECIMALS = 8  # of every number in a file; a float32 has about seven significant digits


def precise(value: float) -> float:
    """A number for the files."""
    return round(float(value), DECIMALS)


def warning_of(outcome: Outcome) -> str:
    """What a reader must not overlook; empty for the published encoder."""
    return "" if outcome.provenance.is_official else f"{NOT_MEGASTYLE}: the encoder is not the published one."


def reference_record(comparison: Comparison, index: int) -> dict[str, Any]:
    """One reference; what cannot be had for so few pictures is null."""
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


def calibration_record(outcome: Outcome) -> dict[str, Any] | None:
    """The calibration and where the mean stands in it; the shares are null where they cannot be told."""
    calibration, standing = outcome.calibration, outcome.standing
    if calibration is None:
        return None
    return {
        "name": calibration.name,
        "styles": calibration.styles,
        "pictures": calibration.pictures,
        "sha256": calibration.sha256,
        "same_at_or_above": precise(standing.same_at_or_above) if standing else None,
        "different_at_or_above": precise(standing.different_at_or_above) if standing else None,
    }


def attempt_record(outcome: Outcome) -> dict[str, Any]:
    """A test image that was tried against the same references."""
    comparison, standing = outcome.comparison, outcome.standing
    return {
        "name": outcome.name,
        "sha256": comparison.digests[0],
        "mean_cosine": precise(comparison.mean_cosine),
        "label": comparison.band.label,
        "position": comparison.position,
        "different_at_or_above": precise(standing.different_at_or_above) if standing else None,
        "made": outcome.made,
    }


def record(outcome: Outcome) -> dict[str, Any]:
    """The whole result; `reference_agreement` is that of the references without the odd one out, as on the page."""
    comparison, provenance = outcome.comparison, outcome.provenance
    scored, agreement = comparison.has_test, comparison.agreement
    spread = {key: precise(value) for key, value in agreement._asdict().items()} if agreement else None
    return {
        "mean_cosine": precise(comparison.mean_cosine) if scored else None,
        "label": comparison.band.label if scored else None,
        "warning": warning_of(outcome) or None,
        "test": {"name": comparison.names[0], "sha256": comparison.digests[0]} if scored else None,
        "references": [reference_record(comparison, index) for index in range(len(comparison.reference_names))],
        "reference_agreement": spread,
        "position": comparison.position,
        "odd_one_out": comparison.odd_one_out,
        "ignored": list(comparison.ignored),
        "names": list(comparison.names),
        "matrix": [[precise(cosine) for cosine in row] for row in comparison.matrix],
        "calibration": calibration_record(outcome),
        "tried": [attempt_record(one) for one in outcome.tried],
        "encoder": dict(provenance.encoder),
        "versions": dict(provenance.versions),
        "method": provenance.method,
        "page": provenance.page,
        "made": outcome.made,
    }


def json_record(outcome: Outcome) -> str:
    """The result as JSON text."""
    return json.dumps(record(outcome), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
