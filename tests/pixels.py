"""From a file to pixel values, by the steps that the app takes one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from transformers import SiglipImageProcessorPil

from megastyle.pictures import decode, pixel_values, read_file


def pixels_of(path: str | Path, processor: SiglipImageProcessorPil) -> npt.NDArray[np.float32]:
    """(3, S, S) float32 pixel values of a file."""
    return pixel_values(decode(read_file(path)), processor)
