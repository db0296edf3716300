"""A drawing: one of SCENES in one of STYLES.

What a picture shows and how it is made are independent, and the same names and seed give the same pixels.

    draw("watercolour", "boat", seed=1, size=512)
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from PIL import Image

from megastyle.drawings.geometry import Rng
from megastyle.drawings.pixels import to_image
from megastyle.drawings.scenes import SCENES
from megastyle.drawings.styles import STYLES

PAGE_SIZE = 512  # pixels a side of the files of the example sets


def seeded(seed: int, *names: str) -> Rng:
    """A generator that depends on the seed and the names alone."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])


def draw(style: str, scene: str, seed: int, size: int = PAGE_SIZE) -> Image.Image:
    """Draw a scene in a style, `size` pixels a side; one seed composes a scene alike in every style.

    Raises:
        KeyError: style is none of STYLES or scene none of SCENES.
    """
    chosen = STYLES[style]
    composition = SCENES[scene](seeded(seed, scene))
    return to_image(chosen.paint(composition, chosen.palette, size, seeded(seed, style, scene)))
