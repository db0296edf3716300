"""A picture's transparency ends where the picture is decoded, so that no image processor can act on it."""

from __future__ import annotations

import numpy as np
import pytest

import corpus
from megastyle.pictures import decode

KEYED = ("gray with a transparent level.png", "RGB with a transparent colour.png")  # one colour of them is transparent


@pytest.mark.parametrize("name", KEYED)
def test_a_transparent_colour_is_read_as_it_is_and_told_to_nobody(name: str) -> None:
    (case,) = (case for case in corpus.corpus() if case.name == name)
    image = decode(case.data)
    assert case.picture is not None
    assert np.array_equal(np.asarray(image), case.picture)
    assert "transparency" not in image.info, "transformers 5.24's processor would paint it white"
