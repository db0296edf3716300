"""Sets of embeddings with known styles, made for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from megastyle.calibration import Calibration
from megastyle.encoder import Source
from megastyle.measuring import Labelled, labelled, measure

Rows = npt.NDArray[np.float32]

ENCODER_SHA256 = "e" * 64


def clustered(seed: int, sizes: Sequence[int], spread: float = 1.2, size: int = 24) -> dict[str, list[Rows]]:
    """Unit rows around a direction of their style, which is near a direction of all: cosines of every height."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(size)
    found = {}
    for style, count in enumerate(sizes):
        centre = common + rng.standard_normal(size)
        rows = centre + spread * rng.standard_normal((count, size))
        found[f"style {style:02}"] = list((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
    return found


def some_set(seed: int = 0, sizes: Sequence[int] = (5, 3, 6, 4), spread: float = 1.2) -> Labelled:
    """A set of small styles of different sizes."""
    return labelled(clustered(seed, sizes, spread))


def circle_set(*degrees: Sequence[float]) -> Labelled:
    """Styles of vectors in the plane at these angles: the cosine of two is that of the angle between them."""
    rows = [np.radians(angles) for angles in degrees]
    return labelled(
        {
            f"style {style}": list(np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))
            for style, angles in enumerate(rows)
        }
    )


def some_calibration(pictures: Labelled | None = None, name: str = "A test set", trials: int = 20_000) -> Calibration:
    """A calibration of an encoder with ENCODER_SHA256, by fewer trials than the product draws."""
    source = Source("tiny", "tiny.pth", None, ENCODER_SHA256, official=False)
    return measure(pictures or some_set(), name, "d" * 64, source, trials=trials)
