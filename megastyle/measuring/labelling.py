"""Labelled pictures in memory become a Calibration."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from PIL.Image import Image

from megastyle.calibration import calibration_text, require_name
from megastyle.embedding import pixel_values, square_of
from megastyle.encoder import Encoder
from megastyle.folders import embed
from megastyle.measuring import Provenance, labelled, measure, versions


def provenance(name: str, digest: str, encoder: Encoder) -> Provenance:
    """What the calibration says of its origin."""
    source = encoder.source
    return Provenance(name, digest, {"checkpoint": source.checkpoint, "sha256": source.sha256}, versions())


def digest_of_drawings(pictures: Mapping[str, Sequence[Image]]) -> str:
    """SHA-256 over style, size and pixels of every picture."""
    digest = hashlib.sha256()
    for style in sorted(pictures):
        for image in pictures[style]:
            digest.update(f"{style}\0{image.size}\n".encode() + image.tobytes())
    return digest.hexdigest()


def calibrate_pictures(pictures: Mapping[str, Sequence[Image]], encoder: Encoder, name: str) -> str:
    """The calibration file's text for RGB pictures in memory, by style; nothing is kept.

    Raises:
        ValueError: fewer than two styles, none with two pictures, or a name that a page may not show.
    """
    rows = {
        style: [
            embed(encoder, pixel_values([square_of(image, encoder.processor)], encoder.processor))[0]
            for image in images
        ]
        for style, images in pictures.items()
    }
    about = provenance(require_name(name), digest_of_drawings(pictures), encoder)
    return calibration_text(measure(labelled(rows), about))
