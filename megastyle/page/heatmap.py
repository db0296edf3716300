"""The colours of the matrix: a fixed scale from light to dark, so that two results can be compared by eye."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STOPS = (0.0, 0.5, 1.0)  # cosines at which the scale has these colours (sRGB); in between it is linear, below 0 as at 0
COLOURS = ((247, 244, 238), (158, 185, 205), (18, 52, 92))
WHITE_INK_FROM = 0.743  # cosine from which white is read more easily than black on the scale's colour (WCAG 2.2)


class Paint(NamedTuple):
    """A cell's colours, for a stylesheet."""

    background: str
    ink: str


def paint(cosine: float) -> Paint:
    """The colours of a cosine's cell."""
    parts = [round(float(np.interp(cosine, STOPS, channel))) for channel in zip(*COLOURS, strict=True)]
    return Paint("#{:02x}{:02x}{:02x}".format(*parts), "#ffffff" if cosine >= WHITE_INK_FROM else "#000000")
