"""The embedding: unit rows, nothing computed twice, one more try when a worker dies; and the handler around it, without a browser."""

from __future__ import annotations

import base64
import csv
import hashlib
import inspect
import io
import itertools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr
import numpy as np
import numpy.typing as npt
import pytest
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import ImageData
from PIL import Image

from megastyle.comparison import MAX_REFERENCES, compare
from megastyle.encoder import read_image

Pixels = npt.NDArray[np.float32]

SAME = 1e-5  # the largest difference that another batch may make
THREADS = 8
PATIENCE = 30  # seconds, after which threads that wait for each other are taken to hang


@pytest.fixture
def embedding(app: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The app with an empty cache of its own, one picture at a time, its files below tmp_path."""
    monkeypatch.setattr(app, "CACHE", app.Cache(app.CACHED_PICTURES, app.CACHED_BYTES))
    monkeypatch.setattr(app, "UPLOADS", tmp_path / "uploads")
    monkeypatch.setattr(app, "batches", lambda pictures: [picture[np.newaxis] for picture in pictures])
    return app


@pytest.fixture
def asked(embedding: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each call of the GPU function was given."""
    counts: list[int] = []
    real = embedding.embed

    def counting(pixel_values: Pixels, patience: int = 1) -> Pixels:
        counts.append(len(pixel_values))
        return real(pixel_values, patience)

    monkeypatch.setattr(embedding, "embed", counting)
    return counts


@pytest.fixture
def upload(app: ModuleType, tmp_path: Path) -> Callable[..., Any]:
    """Writes a picture that its seed alone decides, and gives it as an upload."""
    number = itertools.count()

    def writing(seed: int, name: str | None = None) -> Any:
        path = tmp_path / f"{next(number)}.png"
        generator = np.random.default_rng(seed)
        Image.fromarray(generator.integers(0, 256, (1 + seed % 5, 4, 3), np.uint8)).resize((90, 60), Image.Resampling.NEAREST).save(path)
        return app.Upload(str(path), name if name is not None else f"{seed}.png")

    return writing


def silent(*_: object, **__: object) -> None:
    """Hears of the progress and says nothing."""


# ------------------------------------------------------------------------------------------------------------------ embed


def pixels(app: ModuleType, uploads: list[Any]) -> Pixels:
    """(k, 3, S, S) pixel values of uploads."""
    return np.stack([read_image(upload.path, app.ENCODER.processor) for upload in uploads])


def test_embed_gives_float32_unit_rows(app: ModuleType, upload: Callable[..., Any]) -> None:
    """One row for each picture, of length 1 up to float32's rounding; plain numpy, which a worker process can send."""
    rows = app.embed(pixels(app, [upload(seed) for seed in range(5)]))
    assert type(rows) is np.ndarray
    assert (rows.dtype, rows.shape) == (np.float32, (5, app.ENCODER.model.config.hidden_size))
    assert np.abs(np.linalg.norm(rows.astype(np.float64), axis=1) - 1).max() < 1e-6


def test_a_batch_scores_as_one_at_a_time(app: ModuleType, upload: Callable[..., Any]) -> None:
    """No picture's embedding depends on its neighbours or on its place."""
    values = pixels(app, [upload(seed) for seed in range(9)])
    batch = app.embed(values)
    single = np.concatenate([app.embed(value[np.newaxis]) for value in values])
    assert np.abs(batch - single).max() < SAME
    assert np.abs(app.embed(values[::-1].copy())[::-1] - batch).max() < SAME
    assert np.abs(batch @ batch.T - single @ single.T).max() < SAME


def test_pictures_go_to_an_accelerator_at_once_and_to_a_cpu_one_by_one(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is kept, and nothing gives no batch."""
    pictures = [np.full((3, 2, 2), value, np.float32) for value in range(3)]
    for on_zerogpu, shapes in ((True, [(3, 3, 2, 2)]), (False, [(1, 3, 2, 2)] * 3)):
        monkeypatch.setattr(app, "ON_ZEROGPU", on_zerogpu)
        monkeypatch.setattr(app.torch.accelerator, "is_available", lambda: False)
        made = app.batches(pictures)
        assert [batch.shape for batch in made] == shapes
        assert np.array_equal(np.concatenate(made), np.stack(pictures))
        assert app.batches([]) == []
    monkeypatch.setattr(app.torch.accelerator, "is_available", lambda: True)
    assert len(app.batches(pictures)) == 1


# ---------------------------------------------------------------------------------------------------------------- seconds


def seconds(app: ModuleType, count: int, *patience: int) -> Any:
    """What is asked for that many pictures."""
    return app.gpu_seconds(np.zeros((count, 3, 2, 2), np.float32), *patience)


def test_the_seconds_asked_for_are_few(app: ModuleType) -> None:
    """The quota is checked against them: at most 15 for nine pictures and 10 for one; whole numbers, which the client needs."""
    asked = [seconds(app, count) for count in range(1, 10)]
    assert {type(value) for value in asked} == {int}
    assert asked == sorted(asked)
    assert asked[0] > 0
    assert asked[0] <= 10
    assert asked[-1] <= 15


def test_the_second_try_asks_for_twice_the_seconds(app: ModuleType) -> None:
    """A worker that overran needs longer."""
    assert [seconds(app, count, app.GPU_PATIENCE) for count in (1, 9)] == [2 * seconds(app, count) for count in (1, 9)]


def test_the_seconds_are_asked_with_the_arguments_of_embed(app: ModuleType) -> None:
    """The platform's client calls one with what the other is given."""
    assert list(inspect.signature(app.gpu_seconds).parameters) == list(inspect.signature(inspect.unwrap(app.embed)).parameters)


# ------------------------------------------------------------------------------------------------------------ embed_files


def test_each_upload_gets_its_own_digest_and_embedding(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """In the order of the uploads, equal to embedding each alone; the digest is the SHA-256 of its bytes."""
    uploads = [upload(seed) for seed in (4, 2, 9, 7)]
    found = embedding.embed_files(uploads, silent)
    assert [digest for digest, _ in found] == [hashlib.sha256(Path(given.path).read_bytes()).hexdigest() for given in uploads]
    expected = embedding.embed(pixels(embedding, uploads))
    assert np.abs(np.stack([picture.embedding for _, picture in found]) - expected).max() < SAME


def test_the_same_again_needs_no_gpu(embedding: ModuleType, asked: list[int], upload: Callable[..., Any]) -> None:
    """Nine new pictures, then none, in any order; the answers are the same to the bit."""
    uploads = [upload(seed) for seed in range(9)]
    first = embedding.embed_files(uploads, silent)
    assert asked == [1] * 9
    again = embedding.embed_files(uploads[::-1], silent)[::-1]
    assert asked == [1] * 9
    assert [digest for digest, _ in first] == [digest for digest, _ in again]
    assert all(np.array_equal(one.embedding, other.embedding) for (_, one), (_, other) in zip(first, again, strict=True))


def test_a_new_test_image_costs_one_picture(embedding: ModuleType, asked: list[int], upload: Callable[..., Any]) -> None:
    """Its references are known."""
    references = [upload(seed) for seed in range(1, 9)]
    embedding.embed_files([upload(0), *references], silent)
    del asked[:]
    embedding.embed_files([upload(100), *references], silent)
    assert asked == [1]


def test_the_same_content_under_other_names_is_embedded_once(embedding: ModuleType, asked: list[int], upload: Callable[..., Any]) -> None:
    """Three files, two of them with the same bytes: two pictures are embedded, three answers given."""
    (first, one), (second, other), (third, last) = embedding.embed_files([upload(1, "a.png"), upload(1, "b.png"), upload(2, "a.png")], silent)
    assert asked == [1, 1]
    assert first == second != third
    assert np.array_equal(one.embedding, other.embedding)
    assert not np.array_equal(one.embedding, last.embedding)


def test_on_an_accelerator_all_new_pictures_are_one_call(
    embedding: ModuleType, asked: list[int], upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request of the quota, for the new ones alone; each answer is still its own picture's."""
    monkeypatch.setattr(embedding, "batches", lambda pictures: [np.stack(pictures)] if pictures else [])
    known, *new = (upload(seed) for seed in range(5))
    embedding.embed_files([known], silent)
    found = embedding.embed_files([new[0], known, *new[1:]], silent)
    assert asked == [1, 4]
    expected = embedding.embed(pixels(embedding, [new[0], known, *new[1:]]))
    assert np.abs(np.stack([picture.embedding for _, picture in found]) - expected).max() < SAME


def test_the_progress_counts_the_new_pictures(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """Told before each: none of three, one of three, two of three; nothing where nothing is new."""
    told: list[tuple[int, int]] = []
    uploads = [upload(seed) for seed in range(3)]
    for _ in range(2):
        embedding.embed_files(uploads, lambda done, new: told.append((done, new)))
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_two_visitors_with_the_same_new_picture_get_the_same_right_answer(
    embedding: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are inside the GPU function at once; neither waits for the other, each has its own other picture beside the shared one."""
    real, meeting = embedding.embed, threading.Barrier(2, timeout=PATIENCE)

    def meeting_others(pixel_values: Pixels, patience: int = 1) -> Pixels:
        meeting.wait()
        return real(pixel_values, patience)

    monkeypatch.setattr(embedding, "embed", meeting_others)
    visits = [[upload(1), upload(2)], [upload(3), upload(1)]]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda uploads: embedding.embed_files(uploads, silent), visits)
    assert one[0][0] == other[1][0]
    expected = real(pixels(embedding, [*visits[0], *visits[1]]))
    assert np.abs(np.stack([picture.embedding for _, picture in (*one, *other)]) - expected).max() < SAME


def test_thumbnails_are_small_jpegs_of_their_own_picture(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """Two sizes, aspect ratio kept, as data URIs; the second picture is red and the first is not."""
    red = upload(1)
    Image.new("RGB", (900, 300), (250, 10, 20)).save(red.path)
    (_, noise), (_, painted) = embedding.embed_files([upload(2), red], silent)
    images = []
    for uri, longest in zip(painted.thumbnail, embedding.THUMBNAIL_PIXELS, strict=True):
        kind, data = uri.split(",")
        assert kind == "data:image/jpeg;base64"
        images.append(Image.open(io.BytesIO(base64.b64decode(data))))
        assert images[-1].size == (longest, round(longest / 3))
        assert np.abs(np.asarray(images[-1], np.int16) - (250, 10, 20)).max() < 12
    assert noise.thumbnail != painted.thumbnail


# ------------------------------------------------------------------------------------------------------------- refusals


def test_each_refused_file_is_named_and_nothing_is_computed(
    embedding: ModuleType, asked: list[int], upload: Callable[..., Any], tmp_path: Path
) -> None:
    """Two of four: a text and a file that is gone. Both are in one message, names as text, since it is rendered as HTML."""
    (tmp_path / "notes.png").write_text("no picture")
    text, gone = embedding.Upload(str(tmp_path / "notes.png"), "<b>notes</b>.png"), embedding.Upload(str(tmp_path / "none.png"), "gone.png")
    with pytest.raises(gr.Error) as refused:
        embedding.embed_files([upload(1), text, upload(2), gone], silent)
    first, second = refused.value.message.split("<br>")
    assert first.startswith("<b>&lt;b&gt;notes&lt;/b&gt;.png</b> is not a picture that can be read. Use JPEG")
    assert second == "<b>gone.png</b> is no longer on the server. Choose it again."
    assert refused.value.title == "Not compared"
    assert asked == []


def test_a_refused_file_takes_nothing_from_the_cache(embedding: ModuleType, asked: list[int], upload: Callable[..., Any], tmp_path: Path) -> None:
    """What was known stays known."""
    known, bad = upload(1), embedding.Upload(str(tmp_path), "folder.png")
    embedding.embed_files([known], silent)
    with pytest.raises(gr.Error, match="no longer on the server"):
        embedding.embed_files([known, bad], silent)
    embedding.embed_files([known], silent)
    assert asked == [1]


# ------------------------------------------------------------------------------------------------------------------ cache


def entry(app: ModuleType, value: float, size: int = 100) -> Any:
    """A cache entry of exactly `size` bytes that can be told apart."""
    return app.Embedded(np.full(1, value, np.float32), app.views.Thumbnail("x" * (size - 4), ""))


def kept(cache: Any, keys: str) -> str:
    """Which of the keys are in the cache, without using any."""
    return "".join(key for key in keys if key in cache._entries)


def test_an_entrys_size_is_that_of_its_numbers_and_thumbnails(app: ModuleType) -> None:
    """5 float32 numbers, 20 bytes, and 3 + 4 characters."""
    assert app.Embedded(np.zeros(5, np.float32), app.views.Thumbnail("abc", "defg")).size == 27


def test_the_least_recently_used_picture_makes_room(app: ModuleType) -> None:
    """Room for three: a, b, c; a is used; d comes, so b goes; e comes, so c goes."""
    cache = app.Cache(3, 10**6)
    for value, key in enumerate("abc"):
        cache.put(key, entry(app, value))
    assert cache.get("a").embedding[0] == 0
    cache.put("d", entry(app, 3))
    assert kept(cache, "abcde") == "acd"
    cache.put("e", entry(app, 4))
    assert kept(cache, "abcde") == "ade"
    assert cache.get("b") is None


def test_a_picture_that_is_kept_again_counts_as_used_and_once(app: ModuleType) -> None:
    """a, b, c, then a again with another size: b is the oldest now, and the bytes are those of the new entry."""
    cache = app.Cache(3, 1000)
    for key in "abc":
        cache.put(key, entry(app, 0))
    cache.put("a", entry(app, 1, size=300))
    assert cache._held == 500
    cache.put("d", entry(app, 0))
    assert kept(cache, "abcd") == "acd"
    assert cache.get("a").embedding[0] == 1


def test_the_cache_is_bounded_in_bytes(app: ModuleType) -> None:
    """Room for 350 bytes: three of 100; one of 250 sends the two oldest away; one of 400 leaves nothing, itself included."""
    cache = app.Cache(100, 350)
    for key in "abcd":
        cache.put(key, entry(app, 0))
    assert (kept(cache, "abcd"), cache._held) == ("bcd", 300)
    cache.put("e", entry(app, 0, size=250))
    assert (kept(cache, "abcde"), cache._held) == ("de", 350)
    cache.put("f", entry(app, 0, size=400))
    assert (kept(cache, "abcdef"), cache._held) == ("", 0)


def test_the_apps_own_cache_holds_a_days_pictures_within_its_bytes(app: ModuleType) -> None:
    """Its two bounds fit each other: as many pictures as it may keep, at 12 KB each, fill no more than its bytes."""
    assert app.CACHED_BYTES <= 2**27
    assert 12_000 * app.CACHED_PICTURES <= app.CACHED_BYTES


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Threads take turns as often as Python can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("frequent_switches")
def test_eight_threads_at_once_break_no_bound_and_mix_nothing_up(app: ModuleType) -> None:
    """4,000 random gets and puts in each of eight threads over 40 keys, with room for 16 and for 1,500 bytes.

    Every get gives that key's entry or nothing; at the end both bounds hold and the bytes are those of what is kept.
    """
    cache = app.Cache(16, 1500)
    entries = {str(key): entry(app, key, size=60 + 7 * key) for key in range(40)}
    start = threading.Barrier(THREADS, timeout=PATIENCE)

    def work(seed: int) -> int:
        generator = np.random.default_rng(seed)
        start.wait()
        wrong = 0
        for key, puts in zip(map(str, generator.integers(0, 40, 4000)), generator.random(4000) < 0.5, strict=True):
            if puts:
                cache.put(key, entries[key])
            elif (found := cache.get(key)) is not None:
                wrong += found is not entries[key]
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(work, range(THREADS))) == 0
    assert 0 < len(cache._entries) <= 16
    assert cache._held == sum(found.size for found in cache._entries.values()) <= 1500


# --------------------------------------------------------------------------------------------------------- one more try


def aborted() -> gr.Error:
    """As the platform's client raises it when a worker died or overran."""
    return gr.Error("GPU task aborted", title="ZeroGPU worker error")


QUOTA = "You have exceeded your free ZeroGPU quota (15s requested vs. 3s left). Try again in 0:20:00. "
ROWS = np.ones((1, 1), np.float32)


@pytest.fixture
def platform(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Puts a platform in embed's place that answers each call as told; gives the patience of each call."""

    def answering(*answers: Exception | Pixels) -> list[int]:
        left, patience_of_calls = list(answers), []

        def embed(pixel_values: Pixels, patience: int = 1) -> Pixels:
            patience_of_calls.append(patience)
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(app, "embed", embed)
        return patience_of_calls

    return answering


def test_a_worker_that_died_gets_one_more_try_with_twice_the_time(app: ModuleType, platform: Callable[..., list[int]]) -> None:
    """And the visitor never learns of it."""
    calls = platform(aborted(), ROWS)
    assert app.embed_patiently(ROWS) is ROWS
    assert calls == [1, 2]


def test_a_worker_that_lives_is_asked_once(app: ModuleType, platform: Callable[..., list[int]]) -> None:
    """Quota is spent on nothing else."""
    calls = platform(ROWS)
    assert app.embed_patiently(ROWS) is ROWS
    assert calls == [1]


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([aborted(), aborted()], [1, 2]),
        ([gr.Error("OutOfMemoryError", title="ZeroGPU worker error")], [1]),
        ([aborted(), gr.Error("RuntimeError", title="ZeroGPU worker error")], [1, 2]),
        ([RuntimeError("ZeroGPU API /schedule error: 500")], [1]),
        ([aborted(), ConnectionError("refused")], [1, 2]),
    ],
    ids=["died twice", "failed inside", "died, then failed", "platform broken", "died, then platform broken"],
)
def test_what_cannot_be_helped_ends_in_words_for_the_visitor(
    app: ModuleType, platform: Callable[..., list[int]], answers: list[Exception], calls: list[int]
) -> None:
    """Nothing lost, what to do; never a class name."""
    asked = platform(*answers)
    with pytest.raises(gr.Error, match=r"The computation stopped .* Nothing is lost: .* Press Compare once more") as failed:
        app.embed_patiently(ROWS)
    assert failed.value.title == "Not compared"
    assert failed.value.duration is None
    assert asked == calls


@pytest.mark.parametrize("before", [[], [aborted()]], ids=["at first", "at the second try"])
@pytest.mark.parametrize("title", ["ZeroGPU quota exceeded", "ZeroGPU client error", "ZeroGPU queue timeout", "ZeroGPU illegal duration"])
def test_the_platforms_own_messages_go_through_unchanged(
    app: ModuleType, platform: Callable[..., list[int]], before: list[Exception], title: str
) -> None:
    """The very object, with its title, its links and its duration; no further try."""
    own = gr.Error(QUOTA, title=title, duration=33)
    calls = platform(*before, own)
    with pytest.raises(gr.Error) as refused:
        app.embed_patiently(ROWS)
    assert refused.value is own
    assert calls == [1, 2][: len(before) + 1]


def test_a_failed_computation_keeps_what_was_done(embedding: ModuleType, upload: Callable[..., Any], platform: Callable[..., list[int]]) -> None:
    """The platform answers for two of three new pictures and then fails for good: those two need no further call, nor do known ones."""
    rows = [np.full((1, 1), value, np.float32) for value in (1, 2)]
    calls = platform(*rows, aborted(), aborted())
    uploads = [upload(seed) for seed in range(3)]
    with pytest.raises(gr.Error, match="Nothing is lost"):
        embedding.embed_files(uploads, silent)
    assert [picture.embedding for _, picture in embedding.embed_files(uploads[:2], silent)] == [row[0] for row in rows]
    assert calls == [1, 1, 1, 2]


# ---------------------------------------------------------------------------------------------------------------- handler


@pytest.mark.parametrize(
    ("tests", "references", "message"),
    [
        (0, 0, f"Choose a test image and 1 to {MAX_REFERENCES} references, or try an example"),
        (1, 0, "No reference yet. Add at least one picture"),
        (0, 1, "One picture alone cannot be compared. Choose a test image, or add a second reference"),
    ],
)
def test_too_few_pictures_are_refused_with_the_way_on(embedding: ModuleType, tests: int, references: int, message: str) -> None:
    """Before anything is read: that the file is not there is never noticed."""
    nothing = embedding.Upload("/nowhere/x.png", "x.png")
    with pytest.raises(gr.Error, match=message):
        embedding.compare_uploads([nothing] * tests, [nothing] * references, silent)


def test_nine_references_are_clipped_to_eight_and_the_ninth_is_named(embedding: ModuleType, asked: list[int], upload: Callable[..., Any]) -> None:
    """It is not even read: it may be broken."""
    broken = embedding.Upload("/nowhere/ninth.png", "ninth.png")
    result = embedding.compare_uploads([upload(0)], [*(upload(seed) for seed in range(1, 9)), broken], silent)
    report = json.loads(Path(result.report).read_text(encoding="utf-8"))
    assert report["ignored"] == ["ninth.png"]
    assert report["names"] == [f"{seed}.png" for seed in range(9)]
    assert "ninth.png" in result.overview
    assert "8 references" in result.verdict
    assert asked == [1] * 9


def test_the_handlers_numbers_are_those_of_the_embeddings(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """Verdict, report and CSV of one comparison, against numpy on the embeddings of the same files."""
    uploads = [upload(seed) for seed in (3, 14, 15, 92)]
    rows = embedding.embed(pixels(embedding, uploads)).astype(np.float64)
    result = embedding.compare_uploads(uploads[:1], uploads[1:], silent)
    report = json.loads(Path(result.report).read_text(encoding="utf-8"))
    assert np.abs(np.array(report["matrix"]) - rows @ rows.T).max() < SAME
    assert report["mean_cosine"] == pytest.approx((rows[0] @ rows[1:].T).mean(), abs=SAME)
    assert f"**{report['mean_cosine']:.3f}**" in result.verdict
    _, *lines = csv.reader(io.StringIO(Path(result.matrix).read_bytes().decode(), newline=""))
    assert np.abs(np.array([line[1:] for line in lines], float) - rows @ rows.T).max() < SAME
    digests = [hashlib.sha256(Path(given.path).read_bytes()).hexdigest() for given in uploads]
    assert [report["test"]["sha256"], *(reference["sha256"] for reference in report["references"])] == digests


def test_a_pictures_own_cosine_is_one(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """The same file as test image and as reference: 1.000, and the page says that it is the same file."""
    result = embedding.compare_uploads([upload(5, "one.png")], [upload(5, "other.png")], silent)
    assert "**1.000**" in result.verdict
    assert "Same file twice" in result.overview


def test_an_embedding_that_is_not_finite_is_refused_by_name(
    embedding: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is escaped, for the message is rendered as HTML."""
    monkeypatch.setattr(embedding, "embed", lambda pixel_values, _: np.full((len(pixel_values), 4), np.nan, np.float32))
    with pytest.raises(gr.Error, match=r"^'&lt;i&gt;\.png: the embedding is not finite'$"):
        embedding.compare_uploads([upload(1, "<i>.png")], [upload(2)], silent)


def test_each_comparison_has_files_of_its_own_with_clean_names(embedding: ModuleType) -> None:
    """Two requests, two folders below the uploads whose names cannot be guessed; the report names encoder and versions."""
    comparison = compare(np.array([[1, 0], [0, 1]], np.float32), ["t.png", "../../etc/passwd"])
    written = [list(map(Path, embedding.write_files(comparison))) for _ in range(2)]
    folders = {path.parent for paths in written for path in paths}
    assert len(folders) == 2
    assert all(folder.parent == embedding.UPLOADS and len(folder.name) >= 32 for folder in folders)
    assert [[path.name for path in paths] for paths in written] == [["megastyle-comparison.json", "megastyle-comparison.csv"]] * 2
    report = json.loads(written[0][0].read_text(encoding="utf-8"))
    assert report["encoder"] == {
        "backbone": "backbone",
        "checkpoint": "megastyle_encoder.pth",
        "revision": None,
        "sha256": embedding.ENCODER.source.sha256,
        "official": False,
    }
    assert report["versions"] == {
        "torch": embedding.torch.__version__,
        "transformers": embedding.transformers.__version__,
        "pillow": Image.__version__,
    }


def test_the_inputs_hand_over_paths_and_the_visitors_own_names(app: ModuleType) -> None:
    """From both inputs, in order; without a name of its own a file has that of its path; an empty input gives nothing."""
    gallery = GalleryData([GalleryImage(image=ImageData(path="/u/1/a.png", orig_name="a b.png")), GalleryImage(image=ImageData(path="/u/2/c.png"))])
    assert app.uploads_of(gallery) == [app.Upload("/u/1/a.png", "a b.png"), app.Upload("/u/2/c.png", "c.png")]
    assert app.uploads_of(ImageData(path="/u/3/d.png", orig_name="d.png")) == [app.Upload("/u/3/d.png", "d.png")]
    assert app.uploads_of(None) == []


def test_a_name_that_utf8_cannot_hold_breaks_nothing(embedding: ModuleType, upload: Callable[..., Any]) -> None:
    """JSON from a hostile client can carry half a surrogate pair; neither the files nor the replies could."""
    payload = ImageData(path=upload(1).path)
    payload.orig_name = "lone\ud800.png"
    (test,) = embedding.uploads_of(payload)
    result = embedding.compare_uploads([test], [upload(2, "\0nul.png")], silent)
    assert all(text.encode() for text in (result.verdict, result.overview, result.details))
    names = json.loads(Path(result.report).read_text(encoding="utf-8"))["names"]
    assert names == ["lone?.png", "\0nul.png"]
