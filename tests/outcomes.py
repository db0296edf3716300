"""Outcomes made for tests: a comparison by an encoder that nobody has, with a calibration that can be read off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from megastyle.calibration import Calibration, Row
from megastyle.comparison import Comparison
from megastyle.page.outcome import METHOD, Outcome, Provenance
from megastyle.page.tried import among, with_outcome
from sets import thumbnails

ENCODER = {"backbone": "b", "checkpoint": "c.pth", "revision": "abc", "sha256": "d" * 64, "official": True}
VERSIONS = {"torch": "1", "transformers": "2", "pillow": "3"}
PROVENANCE = Provenance(ENCODER, VERSIONS, "f" * 40, METHOD.format(side=384))
UNOFFICIAL = replace(PROVENANCE, encoder={**ENCODER, "official": False})
MADE = "2026-01-02T03:04:05Z"


def outcome(
    comparison: Comparison, calibration: Calibration | None = None, provenance: Provenance = PROVENANCE
) -> Outcome:
    """A comparison with pictures that can be told apart."""
    pictures = tuple(thumbnails(len(comparison.names)))
    return Outcome(comparison, pictures, provenance, calibration, MADE, comparison.digests)


def tried(*comparisons: Comparison, calibration: Calibration | None = None) -> Outcome:
    """The last of several comparisons with the same references, with all of them beside it."""
    attempts: tuple[Outcome, ...] = ()
    for comparison in comparisons:
        attempts = with_outcome(attempts, outcome(comparison, calibration))
    return among(outcome(comparisons[-1], calibration), attempts)


def row(same: tuple[float, float, float], different: tuple[float, float, float], count: int = 1000) -> Row:
    """Two distributions by their lowest, middle and highest scores, in between evenly spread."""
    return Row(np.array(same), np.array(different), count, count, 0.9, (0.8, 1.0))


ROWS = dict.fromkeys(range(1, 9), row((0.6, 0.8, 1.0), (0.0, 0.2, 0.7)))  # in halves: below the middle, and above it


def calibrated(rows: Mapping[int, Row] | None = None, *, styles: int = 11, pictures: int = 1000) -> Calibration:
    """What the encoder's scores are worth, by a set of so many styles and pictures."""
    return Calibration(
        name="our set",
        styles=styles,
        pictures=pictures,
        digest="e" * 64,
        seed=0,
        made="2026-01-01T00:00:00Z",
        encoder={"checkpoint": "c.pth", "sha256": "d" * 64},
        versions=VERSIONS,
        levels=np.array([0, 0.5, 1]),
        rows=ROWS if rows is None else rows,
        gaps={},
        retrieval={},
        sha256="9" * 64,
    )
