"""From a file to pixel values, by the steps that the app takes one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from transformers import SiglipImageProcessorPil

from megastyle.embedding import pixel_values, size_of
from megastyle.reading import READER


def pixels_of(path: str | Path | bytes, processor: SiglipImageProcessorPil) -> npt.NDArray[np.float32]:
    """(3, S, S) float32 pixel values of a file."""
    picture = READER.read(path, size_of(processor), processor.resample)
    return pixel_values([picture.square], processor)[0]
