"""What becomes of every file of the corpus in the reading process: it is read as it is seen, or refused in words.

The oracle, `reference.py`, shares no code with the reader: Pillow's resize, and the contract's arithmetic in numpy.
"""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from PIL import Image
from transformers import SiglipImageProcessorPil

import corpus
import reference
from corpus import chunk
from megastyle.embedding import pixel_values, size_of
from megastyle.pictures import MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, SQUASHED_ABOVE, TINY_BELOW
from megastyle.reading import READER, Picture, PictureError

PROCESSOR = SiglipImageProcessorPil(
    size={"height": 384, "width": 384}, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3
)


def read(data: bytes) -> Picture:
    """The picture, in the contract's size."""
    return READER.read(data, size_of(PROCESSOR), PROCESSOR.resample)


@pytest.mark.parametrize("name", corpus.good())
def test_a_good_file_is_scored_as_the_picture_that_it_shows(name: str) -> None:
    data, shown = corpus.good()[name]
    found = pixel_values([read(data).square], PROCESSOR)[0]
    np.testing.assert_array_equal(found, reference.pixel_values(Image.fromarray(shown)))


@pytest.mark.parametrize("name", corpus.bad())
def test_a_bad_file_is_refused_with_reason_and_remedy(name: str) -> None:
    data, reason = corpus.bad()[name]
    with pytest.raises(PictureError, match=reason) as refusal:
        read(data)
    assert re.fullmatch(r"(is|has|takes) [^\n]+\. [A-Z][^\n]+\.", str(refusal.value)), "what is wrong, then what to do"


@pytest.mark.parametrize("name", corpus.turned())
def test_a_picture_is_turned_as_chromium_turns_it(name: str) -> None:
    """By the colours at the corners; the browser's own answer is asked for in `tests/browser/test_orientation.py`."""
    data, orientation = corpus.turned()[name]
    corners = read(data).square[48::288, 48::288]
    expected = corpus.upright(corpus.quarters(), orientation)[:: corpus.HEIGHT - 1, :: corpus.WIDTH - 1]
    if orientation >= 5:
        expected = corpus.upright(corpus.quarters(), orientation)[:: corpus.WIDTH - 1, :: corpus.HEIGHT - 1]
    np.testing.assert_allclose(corners.astype(int), expected.astype(int), atol=9)


def test_a_16_bit_gray_ramp_stays_a_ramp_where_the_plain_conversion_makes_it_white() -> None:
    ramp = np.tile(np.linspace(0, 2**16 - 1, 384).astype(np.uint16), (384, 1))
    square = read(corpus.png(ramp, 16, 0)).square
    assert (corpus.decoded(corpus.png(ramp, 16, 0)) == 255).mean() > 0.9, "the trap: clipped at 255 of 65535"
    np.testing.assert_allclose(square[0, :, 0], np.linspace(0, 255, 384), atol=0.51)


# --------------------------------------------------------------------------------------------------------------- limits


def test_a_file_of_the_most_bytes_is_read_and_one_byte_more_is_refused(tmp_path: str) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(corpus.png(corpus.RGB, 8, 2).ljust(MAX_FILE_BYTES, b"\0"))
    assert READER.read(path, (1, 1), 0).digest
    path.write_bytes(corpus.png(corpus.RGB, 8, 2).ljust(MAX_FILE_BYTES + 1, b"\0"))
    with pytest.raises(PictureError, match=f"is larger than {MAX_FILE_BYTES // 2**20} MB"):
        READER.read(path, (1, 1), 0)


@pytest.mark.parametrize(
    ("largest", "larger", "reason"),
    [
        ((MAX_SIDE, 1), (MAX_SIDE + 1, 1), f"{MAX_SIDE} on a side"),
        ((1, MAX_SIDE), (1, MAX_SIDE + 1), f"{MAX_SIDE} on a side"),
        ((8192, MAX_PIXELS // 8192), (8192, MAX_PIXELS // 8192 + 1), f"at most {MAX_PIXELS // 10**6} megapixels"),
    ],
)
def test_the_largest_picture_is_read_and_a_larger_one_is_refused(
    largest: tuple[int, int], larger: tuple[int, int], reason: str
) -> None:
    """White pictures of one bit a pixel."""

    def white(width: int, height: int) -> bytes:
        return corpus.png_of((width, height, 1, 0), (b"\0" + b"\xff" * -(-width // 8)) * height)

    assert (read(white(*largest)).square == 255).all()
    with pytest.raises(PictureError, match=reason):
        read(white(*larger))


# -------------------------------------------------------------------------------------------------------------- remarks


def remarked(rows: np.ndarray, colour: int = 2, before: bytes = b"") -> tuple[str, ...]:
    """What is remarked of a PNG."""
    return read(corpus.png(rows, 8, colour, before)).remarks


def test_the_sides_of_a_picture_are_remarked() -> None:
    square, long = np.zeros((TINY_BELOW, TINY_BELOW, 3), np.uint8), int(TINY_BELOW * SQUASHED_ABOVE)
    assert remarked(square) == ()
    assert remarked(square[:-1]) == ("tiny",)
    for wide in (np.resize(square, (TINY_BELOW, long, 3)), np.resize(square, (long, TINY_BELOW, 3))):
        assert remarked(wide) == ()
    for wide in (np.resize(square, (TINY_BELOW, long + 1, 3)), np.resize(square, (long + 1, TINY_BELOW, 3))):
        assert remarked(wide) == ("squashed",)


def test_what_is_not_opaque_is_remarked() -> None:
    """A channel of alpha, or a transparent colour, is none where every pixel is opaque."""
    red = np.full((200, 200, 3), (255, 0, 0), np.uint8)
    alpha = np.full((200, 200, 1), 255, np.uint8)
    assert remarked(np.dstack([red, alpha]), 6) == ()
    alpha[7, 7] = 254
    assert remarked(np.dstack([red, alpha]), 6) == ("transparent",)
    assert remarked(red, before=chunk(b"tRNS", struct.pack(">3H", 255, 0, 0))) == ("transparent",)
    assert remarked(red, before=chunk(b"tRNS", struct.pack(">3H", 0, 255, 0))) == ()
    names = ["gray of 16 bits, one transparent.png", "palette with 3 alphas.png", "transparent.gif", "with alpha.webp"]
    for name in [*names, "with alpha.avif", "gray with alpha.png"]:
        assert "transparent" in read(corpus.good()[name][0]).remarks, name


@pytest.mark.parametrize("name", corpus.colour_chunks())
def test_colours_that_are_not_srgb_are_remarked_and_the_numbers_are_scored_as_they_are(name: str) -> None:
    before, otherwise = corpus.colour_chunks()[name]
    picture = read(corpus.png(np.full((200, 200, 3), corpus.COLOUR, np.uint8), 8, 2, before))
    assert picture.remarks == (("wide-gamut",) if otherwise else ())
    assert (picture.square == corpus.COLOUR).all()


def test_colours_that_are_not_srgb_are_remarked_in_every_format_that_can_say_so() -> None:
    rows, srgb, p3 = (
        np.full((200, 200, 3), corpus.COLOUR, np.uint8),
        corpus.profile(wide=False),
        corpus.profile(wide=True),
    )
    for kind in ("JPEG", "WEBP", "AVIF"):
        assert read(corpus.saved(rows, kind, icc_profile=srgb)).remarks == ()
        assert read(corpus.saved(rows, kind, icc_profile=p3)).remarks == ("wide-gamut",), kind
    avif = corpus.saved(rows, "AVIF")
    assert read(avif.replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\x0c\0\x0d")).remarks == ("wide-gamut",)
