"""Outcomes made for tests: a comparison by an encoder that nobody has, with a calibration that can be read off."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from PIL import Image

from megastyle.calibration import FORMAT, LEVELS, Calibration, Positions, Row
from megastyle.comparison import Comparison
from megastyle.page.outcome import METHOD, Outcome, Provenance
from megastyle.pictures import Thumbnail, read
from sets import evenly, thumbnails, with_test

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


def thumbnail_of(image: Image.Image) -> Thumbnail:
    """A picture's thumbnails, as the reading process makes them."""
    file = io.BytesIO()
    image.save(file, "PNG")
    _, *webps = read(file.getvalue(), (8, 8), Image.Resampling.BICUBIC)[-1 - len(Thumbnail._fields) :]
    return Thumbnail(*("data:image/webp;base64," + base64.b64encode(webp).decode() for webp in webps))


def epochs(*means: float) -> list[Comparison]:
    """Test images at these means to the same three references, which are at 0.7 to one another; each another file."""
    found = [with_test([mean] * 3, evenly(3, 0.7)) for mean in means]
    return [
        replace(one, names=(f"epoch-{number}.png", *one.names[1:]), digests=(f"t{number}", *one.digests[1:]))
        for number, one in enumerate(found, start=1)
    ]


def tried(*comparisons: Comparison, calibration: Calibration | None = None) -> Outcome:
    """The last of several comparisons with the same references, with all of them beside it."""
    outcomes = [outcome(comparison, calibration) for comparison in comparisons]
    return outcomes[-1].with_tried(outcomes)


POSITIONS = Positions(  # shares of 1,000 that fit, lie at the edge, lie apart
    same={"fits": 0.9, "edge": 0.097, "apart": 0.003}, different={"fits": 0.01, "edge": 0.078, "apart": 0.912}
)


def row(
    same: tuple[float, float, float] = (0.6, 0.8, 1.0),
    different: tuple[float, float, float] = (0.0, 0.2, 0.7),
    *,
    n: int = 1,
    styles: int = 100,
) -> Row:
    """Two distributions for n references by their lowest, middle and highest scores, in between evenly spread."""
    return Row(
        same=tuple(np.interp(LEVELS, (0, 0.5, 1), same).tolist()),
        different=tuple(np.interp(LEVELS, (0, 0.5, 1), different).tolist()),
        auc=0.9,
        auc_interval=(0.8, 1.0),
        styles=styles,
        style_pairs=styles * (styles - 1),
        positions=POSITIONS if n > 2 else None,
    )


def calibrated(rows: Mapping[int, Row] | None = None, *, styles: int = 100, pictures: int = 1000) -> Calibration:
    """What the encoder's scores are worth, by a set of so many styles and pictures."""
    return Calibration(
        format=FORMAT,
        name="our set",
        styles=styles,
        pictures=pictures,
        digest="e" * 64,
        seed=0,
        made="2026-01-01T00:00:00Z",
        encoder={"checkpoint": "c.pth", "sha256": "d" * 64},
        versions=VERSIONS,
        references=rows or {n: row(n=n, styles=styles) for n in range(1, 9)},
        gaps={},
        retrieval={"recall@1": 0.7, "map@10": 0.6},
        sha256="9" * 64,
    )


def known(counts: Iterable[int] = range(1, 9)) -> Calibration:
    """120 styles, against so many references: of the same style evenly from 0.6 to 1, of another from 0 to 0.5."""
    rows = {n: row((0.6, 0.8, 1.0), (0.0, 0.25, 0.5), n=n, styles=120) for n in counts}
    return calibrated(rows, styles=120)
