"""The picture reader, by the corpus: every file is scored as the picture that it shows, or refused in words.

The oracle, `reference.py`, shares no code with the reader: Pillow's resize, and the contract's arithmetic in numpy.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps
from transformers import SiglipImageProcessorPil

import corpus
import reference
from corpus import Case, Pixels
from megastyle.pictures import FORMATS, MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, PictureError, thumbnail_of
from pixels import pixels_of

SIDE = 384  # pixels, the contract's
PROCESSOR = SiglipImageProcessorPil(
    size={"height": SIDE, "width": SIDE}, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3
)
CASES = corpus.corpus()
SCORED = [case for case in CASES if case.picture is not None]
REFUSED = [case for case in CASES if case.picture is None]
READING_THREADS = 8
PATIENCE = 20  # seconds, after which a read that should have been refused at once is taken to hang

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")  # as megastyle asks of its process; pytest puts that aside


def contract(picture: Pixels) -> npt.NDArray[np.float32]:
    """Pixel values of an upright (height, width, 3) picture, by the contract's second implementation."""
    return reference.pixel_values(Image.fromarray(picture))


def write(folder: Path, case: Case) -> Path:
    """The case as a file of its name."""
    path = folder / case.name
    path.write_bytes(case.data)
    return path


class Tally:
    """Counts what became of the corpus and says so at the end of the run."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A pytest hook."""
        tried, counts = self.outcomes.total(), self.outcomes
        terminalreporter.write_line(
            f"Pictures: {tried} of {len(CASES)} cases tried, {counts['scored']} scored, {counts['refused']} refused"
        )


@pytest.fixture(scope="module")
def tally(pytestconfig: pytest.Config) -> Tally:
    """The run's tally, a plugin of its own."""
    plugin = Tally()
    pytestconfig.pluginmanager.register(plugin)
    return plugin


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files of the corpus."""
    folder = tmp_path_factory.mktemp("corpus")
    for case in CASES:
        write(folder, case)
    return folder


# ----------------------------------------------------------------------------------------------------------- the corpus


def test_every_format_that_the_page_reads_is_in_the_corpus_whole_and_cut_short() -> None:
    """By what the listed decoders take a file for, not by its name."""
    kinds = {case.name: Image.open(BytesIO(case.data), formats=list(FORMATS)).format for case in SCORED}
    assert set(kinds.values()) == {*FORMATS, "MPO"}, "a phone's MPO opens as JPEG"
    endings = {Path(name).suffix for name in kinds}
    assert endings <= {Path(case.name).suffix for case in REFUSED if case.refusal == corpus.CUT}


@pytest.mark.parametrize("case", SCORED, ids=lambda case: case.name)
def test_a_good_file_is_scored_as_the_picture_that_it_shows(case: Case, tmp_path: Path, tally: Tally) -> None:
    plain = tmp_path / "plain"
    assert case.picture is not None
    plain.write_bytes(corpus.png(case.picture, 8, 2))

    found = pixels_of(write(tmp_path, case), PROCESSOR)

    assert found.shape == (3, SIDE, SIDE)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, contract(case.picture))
    np.testing.assert_array_equal(found, pixels_of(plain, PROCESSOR))
    tally.outcomes["scored"] += 1


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_bad_file_is_refused_with_reason_and_remedy(case: Case, tmp_path: Path, tally: Tally) -> None:
    assert case.refusal is not None
    with pytest.raises(PictureError, match=case.refusal) as refusal:
        pixels_of(write(tmp_path, case), PROCESSOR)

    message = str(refusal.value)
    assert re.fullmatch(r"(is|has|stores) [^\n]+\. [A-Z][^\n]+\.", message), "what is wrong, then what to do"
    assert str(tmp_path) not in message
    assert case.name not in message
    tally.outcomes["refused"] += 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_turned_picture_equals_the_upright_one_in_every_orientation(
    kind: str, orientation: int, tmp_path: Path
) -> None:
    lying = corpus.lying(corpus.RGB, orientation)
    if kind == "TIFF":
        turned = corpus.samples_tiff(lying, 2, orientation=orientation)
    else:
        turned = corpus.saved(
            lying, kind, exif=corpus.exif(orientation), **({"lossless": True} if kind == "WEBP" else {})
        )
    (tmp_path / "turned").write_bytes(turned)
    (tmp_path / "upright").write_bytes(corpus.png(corpus.RGB, 8, 2))

    np.testing.assert_array_equal(pixels_of(tmp_path / "turned", PROCESSOR), pixels_of(tmp_path / "upright", PROCESSOR))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_corpus_turns_pictures_as_pillow_does(orientation: int) -> None:
    image = Image.open(BytesIO(corpus.saved(corpus.RGB, "PNG", exif=corpus.exif(orientation))))
    np.testing.assert_array_equal(corpus.upright(corpus.RGB, orientation), np.asarray(ImageOps.exif_transpose(image)))
    np.testing.assert_array_equal(corpus.upright(corpus.lying(corpus.RGB, orientation), orientation), corpus.RGB)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_16_bit_gray_ramp_stays_a_ramp_where_the_plain_conversion_makes_it_white(kind: str, tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 2**16 - 1, SIDE).astype(np.uint16), (SIDE, 1))
    path = tmp_path / "ramp"
    path.write_bytes(corpus.png(ramp, 16, 0) if kind == "PNG" else corpus.samples_tiff(ramp, 1))
    with Image.open(path) as image:
        assert np.asarray(image.convert("RGB")).mean() > 250, "the trap: clipped at 255 of 65535"

    found = pixels_of(path, PROCESSOR)

    np.testing.assert_allclose(found[0, 0], np.linspace(-1, 1, SIDE), atol=1.5 / 255)
    assert (found == 1).mean() < 0.01


def test_resizing_first_gives_the_processor_s_own_pixels(tmp_path: Path) -> None:
    for name, picture in (("large", np.resize(corpus.RGB, (700, 900, 3))), ("small", corpus.RGB[:3, :5])):
        (tmp_path / name).write_bytes(corpus.png(picture, 8, 2))
        whole = PROCESSOR(images=Image.fromarray(picture), return_tensors="np")["pixel_values"][0]
        np.testing.assert_array_equal(pixels_of(tmp_path / name, PROCESSOR), whole)


def test_the_picture_s_name_does_not_matter(tmp_path: Path) -> None:
    expected = contract(corpus.RGB)
    for name in ("a", "a.eps", "a.jpg", "a.svg", "ä b\u202egpj.", "-", "%s{0}", "#" * 200):
        path = tmp_path / name
        path.write_bytes(corpus.png(corpus.RGB, 8, 2))
        np.testing.assert_array_equal(pixels_of(path, PROCESSOR), expected)
        np.testing.assert_array_equal(pixels_of(str(path), PROCESSOR), expected)


# --------------------------------------------------------------------------------------------------------------- limits


def test_a_file_of_the_most_bytes_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(corpus.png(corpus.RGB, 8, 2))
    os.truncate(path, MAX_FILE_BYTES)
    np.testing.assert_array_equal(pixels_of(path, PROCESSOR), contract(corpus.RGB))

    os.truncate(path, MAX_FILE_BYTES + 1)
    with pytest.raises(PictureError, match=f"is larger than {MAX_FILE_BYTES // 2**20} MB"):
        pixels_of(path, PROCESSOR)


@pytest.mark.parametrize("shape", ["wide", "tall"])
def test_the_longest_side_is_read_and_one_pixel_more_is_refused(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    line = np.resize(corpus.GRAY, (1, MAX_SIDE + 1) if shape == "wide" else (MAX_SIDE + 1, 1))
    longest = line[:MAX_SIDE, :MAX_SIDE]
    path.write_bytes(corpus.png(longest, 8, 0))
    np.testing.assert_array_equal(pixels_of(path, PROCESSOR), contract(np.stack([longest] * 3, -1)))

    path.write_bytes(corpus.png(line, 8, 0))
    with pytest.raises(PictureError, match=f"{MAX_SIDE} on a side"):
        pixels_of(path, PROCESSOR)


def test_a_picture_of_the_most_pixels_is_read_and_one_row_more_is_refused(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5)
    assert side * side == MAX_PIXELS
    path = tmp_path / "many.png"
    path.write_bytes(corpus.png_of((side, side, 1, 0), bytes(side * (1 + side // 8))))
    assert (pixels_of(path, PROCESSOR) == -1).all()

    path.write_bytes(corpus.png_of((side, side + 1, 1, 0), bytes((side + 1) * (1 + side // 8))))
    with pytest.raises(PictureError, match=f"at most {MAX_PIXELS // 10**6} megapixels"):
        pixels_of(path, PROCESSOR)


def test_too_many_pixels_are_refused_before_any_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", decode)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    for case in CASES:
        if case.refusal == corpus.TOO_LARGE:
            with pytest.raises(PictureError, match=corpus.TOO_LARGE):
                pixels_of(write(tmp_path, case), PROCESSOR)


# ------------------------------------------------------------------------------------ faults that are not the picture's


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A picture with nothing wrong in it."""
    path = tmp_path / "holiday.png"
    path.write_bytes(corpus.png(corpus.RGB, 8, 2))
    return path


def fail(error: Exception) -> Callable[..., Any]:
    """A function that fails with this, whatever it is given."""

    def failing(*_: object, **__: object) -> None:
        raise error

    return failing


PILLOW = ["PIL.Image.open", "PIL.ImageFile.ImageFile.load", "PIL.ImageOps.exif_transpose", "PIL.Image.Image.resize"]


@pytest.mark.parametrize("broken", PILLOW)
def test_an_unexpected_fault_is_told_as_the_pages_own_and_logged_with_its_traceback(
    broken: str, good: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an upgrade of Pillow that took something away: else every picture would read as damaged."""
    monkeypatch.setattr(broken, fail(AttributeError("module 'PIL' has no attribute 'gone'")))
    with pytest.raises(PictureError) as refusal:
        pixels_of(good, PROCESSOR)
    assert "a fault of this page and not of the picture" in str(refusal.value)
    assert "damaged" not in str(refusal.value)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "module 'PIL' has no attribute 'gone'" in caplog.text
    assert "Traceback" in caplog.text
    assert good.name not in caplog.text
    assert str(good.parent) not in caplog.text


@pytest.mark.parametrize("step", PILLOW)
def test_too_little_memory_is_told_as_what_it_is(
    step: str, good: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it runs out; nobody's fault, so nothing is logged."""
    monkeypatch.setattr(step, fail(MemoryError()))
    with pytest.raises(PictureError, match=r"takes more memory than there is\. Save a smaller copy\."):
        pixels_of(good, PROCESSOR)
    assert caplog.records == []


@pytest.mark.parametrize("error", [AttributeError("gone"), MemoryError()])
def test_a_thumbnail_that_cannot_be_made_is_no_damage_either(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.Image.Image.thumbnail", fail(error))
    with pytest.raises(PictureError, match=r"fault of this page|more memory than there is"):
        thumbnail_of(Image.fromarray(corpus.RGB))


# ------------------------------------------------------------------------------------------------------------ bad paths


def in_time(path: Any) -> BaseException | None:
    """What reading `path` raises, waited for no longer than PATIENCE."""
    raised: list[BaseException] = []

    def read() -> None:
        try:
            pixels_of(path, PROCESSOR)
        except BaseException as error:  # noqa: BLE001 - the test judges what it is
            raised.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the read hangs"
    return raised[0] if raised else None


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (
        tmp_path,
        tmp_path / "pipe",
        tmp_path / "loop",
        tmp_path / "missing",
        tmp_path / "a\0b",
        tmp_path / ("n" * 5000),
        "",
        "/dev/zero",
    ):
        error = in_time(path)
        assert isinstance(error, PictureError), path
        assert str(error).startswith("is no longer on the server."), path


# ---------------------------------------------------------------------------------------- many at once, and no one else


def outcome(path: Path) -> npt.NDArray[np.float32] | str:
    """The pixel values, or the message of the refusal."""
    try:
        return pixels_of(path, PROCESSOR)
    except PictureError as error:
        return str(error)


def test_eight_threads_read_what_one_reads(files: Path) -> None:
    names = [case.name for case in CASES]
    np.random.default_rng(0).shuffle(names)
    with ThreadPoolExecutor(READING_THREADS) as pool:
        together = list(pool.map(lambda name: outcome(files / name), names))

    alone = {
        case.name: contract(case.picture) if case.picture is not None else outcome(files / case.name) for case in CASES
    }
    for name, found in zip(names, together, strict=True):
        np.testing.assert_array_equal(found, alone[name], err_msg=name)


def test_no_opener_but_the_listed_ones_is_ever_asked(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    asked: list[str] = []
    for kind in set(Image.OPEN) - set(FORMATS):
        factory, _ = Image.OPEN[kind]
        monkeypatch.setitem(Image.OPEN, kind, (factory, lambda _, kind=kind: asked.append(kind)))
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(files / "text.png")
    assert {"EPS", "PSD", "WMF"} <= set(asked), "plain Pillow asks them all"

    asked.clear()
    for case in CASES:
        outcome(files / case.name)
    assert asked == []


def test_overlapping_reads_leave_the_process_s_warning_filters_alone(files: Path) -> None:
    before = list(warnings.filters)
    with ThreadPoolExecutor(READING_THREADS) as pool:
        list(pool.map(outcome, [files / "index of two pictures damaged.jpg"] * 100))
    assert list(warnings.filters) == before
