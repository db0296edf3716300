"""Short, cut and contradictory pictures in each format, through the reading process: read or refused, and never a leak.

Two processes read each file, whose allocator fills fresh memory with two different bytes. A byte of a picture that does
not come from the file is another one in each. FUZZ_EXAMPLES asks for a longer run of so many files in each format, with
other seeds each time; a failure then prints how to repeat it.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import corpus
from megastyle import reading
from megastyle.pictures import LIMITS
from megastyle.reading import Picture, PictureError, Reader

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))  # of each format; 0 for the short run with the fixed seed
FORMATS = ("jpg", "png", "webp", "gif", "bmp", "avif")
ODD_NUMBERS = (0, 1, 2, 3, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
LEAK = """
import io, sys; sys.path += sys.argv[1:3]
from megastyle import pictures as p
def read(content, size, resample):
    image = p.Image.open(io.BytesIO(content), formats=("TIFF",))
    return [b"", image.convert("RGB").resize(size).tobytes(), b"RIFF", b"", b""]
p.read = read
p.main()
"""


def seeds(suffix: str) -> list[bytes]:
    """Small good files of a format."""
    files = corpus.good() | corpus.turned()
    return [data for name, (data, _) in files.items() if name.endswith(suffix) and len(data) < 2**14]


def damaged(data: bytes, damages: list[tuple[str, float, int]], other: bytes) -> bytes:
    """The file after each damage, which says what happens, at which share of the file, and a number."""
    content = bytearray(data)
    for kind, share, number in damages:
        place, few = int(share * len(content)), number % 64
        width, order = ((1, "big"), (2, "big"), (4, "big"), (2, "little"), (4, "little"))[number % 5]
        odd = (ODD_NUMBERS[number % len(ODD_NUMBERS)] % 256**width).to_bytes(width, order)
        start, end, new = {
            "cut": (place, len(content), b""),
            "drop": (place, place + few, b""),
            "double": (place, place, content[place : place + few] * 3),
            "splice": (place, len(content), other[int(share * len(other)) :]),
            "number": (place, place + width, odd),
            "flip": (place, place + 1, bytes(byte ^ 1 << number % 8 for byte in content[place : place + 1])),
        }[kind]
        content[start:end] = new
    return mended(bytes(content))


def mended(data: bytes) -> bytes:
    """The same with right checksums, if it is a PNG, so that its decoder gets to see the damage."""
    content, place = bytearray(data), 8
    while data[:4] == b"\x89PNG" and place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        content[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))[: max(0, len(data) - end)]
        place = end + 4
    return bytes(content)


PLACES = st.one_of(st.floats(0, 0.999), st.floats(0, 0.1))  # headers twice as often
KINDS = st.sampled_from(["cut", "drop", "double", "splice", "number", "number", "number", "flip"])
DAMAGES = st.lists(st.tuples(KINDS, PLACES, st.integers(0, 2**16)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def readers() -> Iterator[list[Reader]]:
    """Two readers, whose processes find other bytes in fresh memory (mallopt(3), M_PERTURB)."""
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for byte in ("85", "170"):
            patch.setattr(reading, "ENVIRONMENT", {"MALLOC_PERTURB_": byte})
            found.append(Reader(limits=LIMITS._replace(cpu_seconds=2)))
            outcome(found[-1], b"")  # it has its process now
    yield found
    for reader in found:
        reader.close()


def outcome(reader: Reader, data: bytes) -> Picture | str:
    """The picture, or why it is refused."""
    try:
        return reader.read(data, (32, 32), 3)
    except PictureError as error:
        return str(error)


def same(one: Picture | str, other: Picture | str) -> bool:
    """Whether both are the same to the bit."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return np.array_equal(one.square, other.square) and one.thumbnail == other.thumbnail


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_damaged_file_is_read_or_refused_and_shows_nothing_but_itself(
    suffix: str, readers: list[Reader], caplog: pytest.LogCaptureFixture
) -> None:
    files, read = seeds(suffix), []

    @settings(
        max_examples=EXAMPLES or 20,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.sampled_from(files), DAMAGES, st.sampled_from(files))
    def fuzz(data: bytes, damages: list[tuple[str, float, int]], other: bytes) -> None:
        one, two = (outcome(reader, damaged(data, damages, other)) for reader in readers)
        assert same(one, two)
        assert isinstance(one, Picture) or re.fullmatch(r"(is|has|takes) [^\n]+\. [A-Z][^\n]+\.", one)
        read.append(isinstance(one, Picture))

    fuzz()
    assert caplog.records == [], "a fault that is not the picture's"
    assert 0.01 < np.mean(read) < 0.99, "damage that leaves everything readable, or nothing, tries nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is glibc's")
def test_the_two_readers_would_see_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Pillow 12.3 has one in TIFF: a strip in JPEG, which is shorter than it says, shows what was in memory."""
    monkeypatch.setattr(reading, "PROGRAM", LEAK)
    strip, found = corpus.saved(np.zeros((8, 384), np.uint8), "JPEG"), list[Picture | str]()
    tags = {256: 384, 257: 384, 258: 8, 259: 7, 262: 1, 273: 8, 277: 1, 278: 384, 279: len(strip)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    tiff = b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)
    for byte in ("85", "170"):
        monkeypatch.setattr(reading, "ENVIRONMENT", {"MALLOC_PERTURB_": byte})
        reader = Reader()
        found.append(outcome(reader, tiff))
        reader.close()
    assert isinstance(found[0], Picture)
    assert not same(*found)
