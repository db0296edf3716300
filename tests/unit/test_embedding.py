"""From files to embeddings: each content is embedded once, in order, in batches.

A refused file is named by its place.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from transformers import SiglipImageProcessorPil

import corpus
from megastyle.embedding import Cache, Embedded, Embedder, VisitorGoneError, pixel_values, square_of
from megastyle.pictures import THUMBNAIL_SIDES, Thumbnail
from pixels import pixels_of

Floats = npt.NDArray[np.float32]
Write = Callable[[int], str]

SIDE = 8  # pixels
PROCESSOR = SiglipImageProcessorPil(
    size={"height": SIDE, "width": SIDE}, resample=3, image_mean=[0.5] * 3, image_std=[0.5] * 3
)
PATIENCE = 30  # seconds, after which threads that wait for each other are taken to hang
ROOMY = 10**9  # bytes


def first_four(pixel_values: Floats) -> Floats:
    """(k, 4) unit rows that tell pictures apart: the first pixel values of each, in place of a model."""
    rows = pixel_values.reshape(len(pixel_values), -1)[:, :4] + np.float32(2)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Counting:
    """An embedding function that remembers how many pictures each call was given."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, pixel_values: Floats) -> Floats:
        """Embed them."""
        self.counts.append(len(pixel_values))
        return first_four(pixel_values)


@pytest.fixture
def asked() -> Counting:
    return Counting()


@pytest.fixture
def embedder(asked: Counting) -> Embedder:
    """One picture at a time, nothing kept yet."""
    return Embedder(PROCESSOR, asked, 1, Cache(100, ROOMY))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a picture that its seed alone decides into a new file; gives the file's path."""
    number = itertools.count()

    def writing(seed: int) -> str:
        path = tmp_path / f"{next(number)}.png"
        path.write_bytes(corpus.noise(seed))
        return str(path)

    return writing


def embed(embedder: Embedder, paths: Sequence[str], **other: Any) -> list[Embedded]:
    """As one visitor who stays and looks at no progress, unless told otherwise."""
    return embedder.embed_files(paths, **{"visitor": "one", "report": lambda *_: None, "gone": lambda: False, **other})


def rows_of(found: Sequence[Embedded]) -> Floats:
    """The embeddings, stacked."""
    return np.stack([picture.embedding for picture in found])


def expected(paths: Sequence[str]) -> Floats:
    """The embeddings of the files, each computed alone."""
    return np.concatenate([first_four(pixels_of(path, PROCESSOR)[np.newaxis]) for path in paths])


# --------------------------------------------------------------------------------------------------------- pixel values


@pytest.mark.parametrize("size", [(900, 700), (3, 5), (384, 384)])
def test_pixel_values_are_the_processors_own_to_the_bit(size: tuple[int, int]) -> None:
    """The processor resizes and computes by itself, with an odd mean and deviation, on noise that holds every level."""
    processor = SiglipImageProcessorPil(
        size={"height": 384, "width": 384}, resample=3, image_mean=[0.48, 0.5, 0.41], image_std=[0.27, 0.5, 0.261]
    )
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8))
    own = processor(images=[image], return_tensors="np")["pixel_values"]
    ours = pixel_values([square_of(image, processor)], processor)
    assert ours.dtype == own.dtype == np.float32
    assert np.array_equal(ours, own)


# ---------------------------------------------------------------------------------------------------------- embed_files


def test_each_file_gets_its_own_digest_and_embedding(embedder: Embedder, write: Write) -> None:
    """In the order of the files; the digest is the SHA-256 of a file's bytes."""
    paths = [write(seed) for seed in (4, 2, 9, 7)]
    found = embed(embedder, paths)
    assert [picture.digest for picture in found] == [
        hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths
    ]
    assert np.array_equal(rows_of(found), expected(paths))
    assert [picture.remarks for picture in found] == [("tiny",)] * 4


def test_each_content_is_embedded_once_and_the_progress_counts_the_new_ones(
    embedder: Embedder, asked: Counting, write: Write
) -> None:
    """Three pictures, one of them in two files; the same in another order; then a new one among known ones."""
    told: list[tuple[int, int]] = []
    paths = [write(seed) for seed in (0, 1, 2, 1)]
    first = embed(embedder, paths, report=lambda done, new: told.append((done, new)))
    assert first[1] is first[3]
    assert not np.array_equal(first[1].embedding, first[2].embedding)
    assert embed(embedder, paths[::-1], report=lambda *_: pytest.fail("nothing is new"))[::-1] == first
    assert asked.counts == [1, 1, 1]
    assert told == [(0, 3), (1, 3), (2, 3)]
    embed(embedder, [write(100), *paths])
    assert asked.counts == [1] * 4


@pytest.mark.parametrize(("size", "counts"), [(9, [4]), (3, [3, 1]), (1, [1] * 4)])
def test_new_pictures_go_in_batches_of_the_size_that_was_asked_for(
    embedder: Embedder, asked: Counting, write: Write, size: int, counts: list[int]
) -> None:
    """A known picture stands among the four new ones; each answer is still its own picture's."""
    known, *new = (write(seed) for seed in range(5))
    embed(embedder, [known])
    del asked.counts[:]
    paths = [new[0], known, *new[1:]]
    assert np.array_equal(rows_of(embed(replace(embedder, batch_size=size), paths)), expected(paths))
    assert asked.counts == counts


def test_two_visitors_with_the_same_new_picture_get_the_same_right_answer(embedder: Embedder, write: Write) -> None:
    """Both are inside `embed` at once; neither waits for the other, each has another picture beside the shared one."""
    meeting = threading.Barrier(2, timeout=PATIENCE)

    def meeting_others(pixel_values: Floats) -> Floats:
        meeting.wait()
        return first_four(pixel_values)

    together = replace(embedder, embed=meeting_others)
    visits = [[write(1), write(2)], [write(3), write(1)]]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda paths: embed(together, paths, visitor=paths[0]), visits)
    assert one[0].digest == other[1].digest
    assert np.array_equal(rows_of([*one, *other]), expected([*visits[0], *visits[1]]))


def test_what_is_done_stays_done_if_a_later_batch_fails(embedder: Embedder, asked: Counting, write: Write) -> None:
    """Two of three new pictures are embedded, then the third fails for good: those two need no further call."""

    def failing(pixel_values: Floats) -> Floats:
        if len(asked.counts) == 2:
            raise RuntimeError("no GPU")
        return asked(pixel_values)

    paths = [write(seed) for seed in range(3)]
    with pytest.raises(RuntimeError, match="no GPU"):
        embed(replace(embedder, embed=failing), paths)
    assert np.array_equal(rows_of(embed(embedder, paths[:2])), expected(paths[:2]))
    assert asked.counts == [1, 1]


def test_a_visitor_who_leaves_between_two_pictures_costs_no_further_one(
    embedder: Embedder, asked: Counting, write: Write
) -> None:
    with pytest.raises(VisitorGoneError):
        embed(embedder, [write(seed) for seed in range(3)], gone=lambda: len(asked.counts) == 2)
    assert asked.counts == [1, 1]


def test_thumbnails_are_small_copies_of_their_own_picture(embedder: Embedder, write: Write) -> None:
    """Each size, aspect ratio kept, as data URIs; the second picture is red and the first is not."""
    red = write(1)
    Image.new("RGB", (900, 300), (250, 10, 20)).save(red)
    noise, painted = embed(embedder, [write(2), red])
    for uri, longest in zip(painted.thumbnail, THUMBNAIL_SIDES, strict=True):
        kind, data = uri.split(",")
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, image.size) == ("data:image/webp;base64", (longest, round(longest / 3)))
        assert np.abs(np.asarray(image, np.int16) - (250, 10, 20)).max() < 12
    assert noise.thumbnail != painted.thumbnail


def test_recalling_asks_the_cache_alone(embedder: Embedder, asked: Counting, write: Write, tmp_path: Path) -> None:
    """A known content under another name, an unknown one, one that is gone, a folder."""
    (known,) = embed(embedder, [write(1)])
    found = embedder.recall([write(1), write(2), str(tmp_path / "none.png"), str(tmp_path)])
    assert found == [known, None, None, None]
    assert asked.counts == [1]


# ---------------------------------------------------------------------------------------------------------------- cache


def entry(key: str, value: float = 0, letters: int = 0) -> Embedded:
    """A cache entry of four bytes and so many letters."""
    return Embedded(key, np.full(1, value, np.float32), Thumbnail("a" * letters, "", ""))


def kept(cache: Cache, keys: str) -> str:
    """Which of the keys are in the cache, without using any."""
    return "".join(key for key in keys if key in cache._entries)


def test_the_least_recently_used_picture_makes_room() -> None:
    """Room for three: a, b, c; a is used; d comes, so b goes; c is put again; e comes, so a goes."""
    cache, newer = Cache(3, ROOMY), entry("c", 1)
    for key in "abc":
        cache.put(entry(key))
    assert cache.get("a") is not None
    cache.put(entry("d"))
    assert kept(cache, "abcde") == "acd"
    cache.put(newer)
    cache.put(entry("e"))
    assert kept(cache, "abcde") == "cde"
    assert cache.get("c") is newer
    assert cache.get("b") is None


def test_large_thumbnails_make_room_too() -> None:
    """Room for 100 bytes: a takes 44, b 44, c 54; then a in 4 bytes beside c; what is larger than all is not kept."""
    cache = Cache(9, 100)
    cache.put(entry("a", letters=40))
    cache.put(entry("b", letters=40))
    cache.put(entry("c", letters=50))
    assert kept(cache, "abc") == "bc"
    cache.put(entry("a", letters=90))
    assert kept(cache, "abc") == "a"
    cache.put(entry("a"))
    cache.put(entry("b", letters=80))
    assert kept(cache, "abc") == "ab"
    cache.put(entry("d", letters=100))
    assert kept(cache, "abcd") == ""


def test_an_embedding_that_is_not_finite_is_not_kept() -> None:
    """A GPU's fault must not be remembered."""
    cache = Cache(3, ROOMY)
    for value in (np.nan, np.inf):
        cache.put(entry("a", value))
        assert cache.get("a") is None
