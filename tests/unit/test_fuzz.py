"""Whatever bytes are uploaded and however the inputs are filled: a right kind of answer, or a refusal in words.

The seed is fixed. FUZZ_EXAMPLES asks for a longer run, with another seed each time; a failure then prints how to repeat
it.
"""

from __future__ import annotations

import os
import re
import resource
import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from gradio.components.gallery import GalleryData, GalleryImage, GalleryVideo
from gradio.data_classes import FileData, ImageData
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from transformers import SiglipImageProcessorPil

import corpus
from megastyle.pictures import PictureError
from pixels import pixels_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

LONG = int(os.environ.get("FUZZ_EXAMPLES", "0"))  # pictures; 0 for the short run with the fixed seed
PICTURES = LONG or 400
COMPARISONS = max(PICTURES // 10, 1)
MEMORY = 1200  # MB, as for the costliest picture within the limits
FUZZING = settings(
    deadline=None,
    derandomize=not LONG,
    database=None,
    print_blob=True,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # to shrink a find of many files would take minutes; it is repeated by its blob
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
SIDE = 32  # pixels
PROCESSOR = SiglipImageProcessorPil(
    size={"height": SIDE, "width": SIDE}, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3
)
SEEDS = [
    case.data
    for case in corpus.corpus()
    if len(case.data) < 2**15 and (case.picture is not None or case.refusal != corpus.CUT)
]
ODD_NUMBERS = (
    0,
    1,
    2,
    3,
    5,
    6,
    8,
    16,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)

# ----------------------------------------------------------------------------------------------------------- the reader


def flip(data: bytearray, where: float, what: int) -> None:
    """Invert one bit."""
    if data:
        data[int(where * len(data))] ^= 1 << what % 8


def number(data: bytearray, where: float, what: int) -> None:
    """Put an odd number over one, two or four bytes, in either order."""
    width, order = ((1, ">"), (2, ">"), (4, ">"), (2, "<"), (4, "<"))[what % 5]
    value = ODD_NUMBERS[what % len(ODD_NUMBERS)] % 256**width
    start = int(where * len(data))
    data[start : start + width] = struct.pack(order + {1: "B", 2: "H", 4: "I"}[width], value)


def cut(data: bytearray, where: float, _: int) -> None:
    """Drop everything from there on."""
    del data[int(where * len(data)) :]


def drop(data: bytearray, where: float, what: int) -> None:
    """Drop a few bytes."""
    start = int(where * len(data))
    del data[start : start + what % 64]


def double(data: bytearray, where: float, what: int) -> None:
    """Repeat a few bytes."""
    start = int(where * len(data))
    data[start:start] = data[start : start + what % 64] * (what % 5)


def splice(data: bytearray, where: float, what: int) -> None:
    """Go on with the rest of another file."""
    other = SEEDS[what % len(SEEDS)]
    data[int(where * len(data)) :] = other[int(where * len(other)) :]


def mend(data: bytearray, _where: float, _what: int) -> None:
    """Correct the checksums of a PNG, so that its decoder gets to see the damage."""
    place = 8
    while data[:4] == b"\x89PNG" and place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if end + 4 <= len(data):
            data[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4


PLACES = st.one_of(st.floats(0, 0.999), st.floats(0, 0.05))  # the headers twice as often
DAMAGES = st.tuples(st.sampled_from([flip, number, number, cut, drop, double, splice]), PLACES, st.integers(0, 2**16))


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A file of the corpus, damaged in one to four places."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for damage, where, what in draw(st.lists(DAMAGES, min_size=1, max_size=4)):
        damage(data, where, what)
    if draw(st.booleans()):
        mend(data, 0, 0)
    return bytes(data)


def peak() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def read(path: Path, data: bytes) -> npt.NDArray[np.float32] | PictureError:
    """Read `data` as a file: pixel values or refusal, and any other error raised."""
    path.write_bytes(data)
    try:
        return pixels_of(path, PROCESSOR)
    except PictureError as refusal:
        return refusal


def is_scored(path: Path, data: bytes) -> bool:
    """Whether `data` is scored, or else refused, each as it should be."""
    found = read(path, data)
    if isinstance(found, PictureError):
        assert re.fullmatch(r"(is|has|stores) [^\n]+\. [A-Z][^\n]+\.", str(found))
        assert str(path) not in str(found)
        return False
    assert found.shape == (3, SIDE, SIDE)
    assert found.dtype == np.float32
    assert (np.abs(found) <= 1).all(), "also false for what is not finite"
    return True


@pytest.fixture(scope="module")
def tally(pytestconfig: pytest.Config) -> list[bool]:
    """Whether each damaged file was scored; the run's last lines say how many."""
    scored: list[bool] = []

    class Summary:
        def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
            refused = len(scored) - sum(scored)
            terminalreporter.write_line(f"Damaged files: {len(scored)} tried, {sum(scored)} scored, {refused} refused")

    pytestconfig.pluginmanager.register(Summary())
    return scored


@pytest.mark.filterwarnings(r"ignore:::PIL\.", "error:::megastyle", "error:::transformers", "error:::numpy")
def test_a_damaged_file_is_scored_or_refused_and_nothing_else(tmp_path: Path, tally: list[bool]) -> None:
    before = peak()

    @settings(FUZZING, max_examples=PICTURES)
    @given(damaged_files())
    @example(b"")
    def fuzz(data: bytes) -> None:
        tally.append(is_scored(tmp_path / "picture", data))

    fuzz()
    assert peak() - before < MEMORY
    assert len(tally) >= PICTURES // 2
    assert 0.05 < np.mean(tally) < 0.95, "damage that leaves everything readable, or nothing, tries nothing"


# ---------------------------------------------------------------------------------------------------------- the handler

MANY = 200  # files in one gallery
MARKUP = "<script>alert(1)</script>"
NAMES = st.one_of(st.none(), st.just(MARKUP), st.just("=1+1"), st.text(max_size=300))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """Files that are scored, and many ways of being none."""
    folder = tmp_path_factory.mktemp("handler")
    shades = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    good = {f"{i}.png": corpus.png(shade, 8, 2) for i, shade in enumerate(shades)}
    bad = {"empty": b"", "text.png": b"text", "cut.png": good["0.png"][:60]}
    for name, data in (good | bad).items():
        (folder / name).write_bytes(data)
    no_pictures = [*(str(folder / name) for name in bad), str(folder), str(folder / "missing"), "", "a\0b", "n" * 5000]
    return [str(folder / name) for name in good], no_pictures


@pytest.fixture(scope="module")
def handler(app: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The app, with its files in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        yield app


def payloads(paths: list[Any]) -> st.SearchStrategy[tuple[ImageData | None, GalleryData | None]]:
    """What the test image's and the references' input may send, once Gradio has parsed it."""
    image = st.builds(ImageData, path=st.sampled_from(paths), orig_name=NAMES)
    named = [path for path in paths if path is not None]
    video = st.builds(GalleryVideo, video=st.builds(FileData, path=st.sampled_from(named), orig_name=NAMES))
    captioned = st.builds(GalleryImage, image=image, caption=NAMES)
    few = st.lists(st.one_of(captioned, captioned, captioned, video), max_size=9)
    many = st.builds(lambda some, times: (some * times)[:MANY], few, st.integers(2, MANY))
    return st.tuples(
        st.one_of(st.none(), image, image), st.one_of(st.none(), st.builds(GalleryData, root=st.one_of(few, few, many)))
    )


def compare(app: ModuleType, test: Any, references: Any) -> Any:
    """Compare what the inputs send: the result or the handler's own error, and any other error raised."""
    try:
        return app.compare_uploads(app.uploads_of(test), app.uploads_of(references), ())
    except app.gr.Error as refusal:
        return refusal


def is_compared(app: ModuleType, test: Any, references: Any) -> bool:
    """Whether the inputs give a result, or else an error, each in words and without foreign markup."""
    answer = compare(app, test, references)
    refused = isinstance(answer, app.gr.Error)
    texts = [answer.message] if refused else answer[:3]
    assert all(isinstance(text, str) and text for text in texts)
    assert not any(MARKUP in text or re.search(r"\bnan\b", text) for text in texts)
    return not refused


def test_inputs_filled_in_any_way_give_a_result_or_an_error_in_words(
    handler: ModuleType, paths: tuple[list[str], list[str]]
) -> None:
    good, bad = paths
    results: list[bool] = []

    @settings(FUZZING, max_examples=COMPARISONS)
    @given(st.one_of(payloads(good), payloads([*good * 3, *bad, None])))
    @example((None, None))
    def fuzz(inputs: tuple[Any, Any]) -> None:
        results.append(is_compared(handler, *inputs))

    fuzz()
    assert 0.1 < np.mean(results) < 0.9, "always a result, or never one, tries nothing"
