"""app.py without a server: the GPU function, one more try when a worker dies, and the handler around them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import runpy
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
import numpy.typing as npt
import PIL
import pytest
import transformers
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import ImageData

import corpus
from megastyle.embedding import Cache
from megastyle.page.exports import EXPORTS
from pixels import pixels_of

Pixels = npt.NDArray[np.float32]

SAME = 1e-5  # the largest difference that another batch may make


@pytest.fixture
def fresh(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The app with nothing in its cache, at a moment that does not pass."""
    monkeypatch.setattr(app, "EMBEDDER", replace(app.EMBEDDER, cache=Cache(app.CACHED_PICTURES, app.CACHED_BYTES)))
    monkeypatch.setattr(app, "now", lambda: "2026-01-02T03:04:05Z")
    return app


@pytest.fixture
def upload(app: ModuleType, tmp_path: Path) -> Callable[..., Any]:
    """Writes a picture that its seed alone decides, and gives it as an upload."""
    number = itertools.count()

    def writing(seed: int, name: str | None = None) -> Any:
        path = tmp_path / f"{next(number)}.png"
        path.write_bytes(corpus.noise(seed))
        return app.Upload(str(path), name or f"{seed}.png")

    return writing


def silent(*_: object, **__: object) -> None:
    """Hears of the progress and says nothing."""


class Result(NamedTuple):
    """What Compare and a reopened result show, and the pictures that they are of."""

    verdict: str
    overview: str
    tried: str
    details: str
    asked: tuple[list[Any], list[Any], list[Any]]

    def take(self, app: ModuleType, ending: str = ".json") -> bytes:
        """The content of the file with this ending."""
        (export,) = (export for export in EXPORTS if export.ending == ending)
        return base64.b64decode(app.take(export, *self.asked)["base64"])

    def report(self, app: ModuleType) -> Any:
        """The JSON report."""
        return json.loads(self.take(app))


def compared(
    app: ModuleType, test: list[Any], references: list[Any], tried: Sequence[Any] = (), *, again: bool = False
) -> Result:
    """Press Compare in a visit that has tried so much before; or ask `again`, for a result that was made."""
    asked = (test, references, list(tried))
    return Result(*(app.reopen(*asked) if again else app.compare_uploads(*asked, silent)), asked=asked)


def test_a_start_without_an_encoder_ends_in_words_and_with_1(
    app: ModuleType, tiny_encoder: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sys.exit` of a text prints it, and no traceback."""
    monkeypatch.setenv("MEGASTYLE_BACKBONE", str(tiny_encoder[0]))
    monkeypatch.setenv("MEGASTYLE_CHECKPOINT", "nowhere.pth")
    with pytest.raises(SystemExit, match=r"MEGASTYLE_CHECKPOINT=nowhere\.pth is no file\. Correct the path"):
        runpy.run_path(str(app.HERE / "app.py"), run_name="again")


# ---------------------------------------------------------------------------------------------------------------- embed


def pixels(app: ModuleType, uploads: list[Any]) -> Pixels:
    """(k, 3, S, S) pixel values of uploads."""
    return np.stack([pixels_of(upload.path, app.ENCODER.processor) for upload in uploads])


def test_a_batch_scores_as_one_at_a_time(app: ModuleType, upload: Callable[..., Any]) -> None:
    """No picture's embedding depends on its neighbours or on its place; each is a float32 unit row, in plain numpy."""
    values = pixels(app, [upload(seed) for seed in range(9)])
    batch = app.embed(values)
    assert (type(batch), batch.dtype) == (np.ndarray, np.float32)
    assert np.abs(np.linalg.norm(batch.astype(np.float64), axis=1) - 1).max() < 1e-6
    single = np.concatenate([app.embed(value[np.newaxis]) for value in values])
    assert np.abs(batch - single).max() < SAME
    assert np.abs(app.embed(values[::-1].copy())[::-1] - batch).max() < SAME
    assert np.abs(batch @ batch.T - single @ single.T).max() < SAME


# -------------------------------------------------------------------------------------------------------------- handler


def test_too_few_pictures_are_refused_before_anything_is_read(fresh: ModuleType) -> None:
    """Which of them are too few is the page's to say; that the file is not there is never noticed."""
    with pytest.raises(gr.Error, match="One picture alone cannot be compared"):
        fresh.compare_uploads([], [fresh.Upload("/nowhere/x.png", "x.png")], [], silent)


def test_nine_references_are_clipped_to_eight_and_the_ninth_is_named(
    fresh: ModuleType, upload: Callable[..., Any]
) -> None:
    """It is not even read: it may be broken."""
    broken = fresh.Upload("/nowhere/ninth.png", "ninth.png")
    result = compared(fresh, [upload(0)], [*(upload(seed) for seed in range(1, 9)), broken])
    report = result.report(fresh)
    assert report["ignored"] == ["ninth.png"]
    assert report["names"] == [f"{seed}.png" for seed in range(9)]
    assert "ninth.png" in result.overview
    assert "8 references" in result.verdict


def test_the_handlers_numbers_are_those_of_the_embeddings(fresh: ModuleType, upload: Callable[..., Any]) -> None:
    """Verdict, report and CSV of one comparison, against numpy on the embeddings of the same files."""
    uploads = [upload(seed) for seed in (3, 14, 15, 92)]
    rows = fresh.embed(pixels(fresh, uploads)).astype(np.float64)
    result = compared(fresh, uploads[:1], uploads[1:])
    report = result.report(fresh)
    assert np.abs(np.array(report["matrix"]) - rows @ rows.T).max() < SAME
    assert report["mean_cosine"] == pytest.approx((rows[0] @ rows[1:].T).mean(), abs=SAME)
    assert f"**{report['mean_cosine']:.3f}**" in result.verdict
    _, *lines = csv.reader(io.StringIO(result.take(fresh, ".csv").decode("utf-8-sig"), newline=""))
    assert np.abs(np.array([line[1:] for line in lines[: len(uploads)]], float) - rows @ rows.T).max() < SAME
    digests = [hashlib.sha256(Path(given.path).read_bytes()).hexdigest() for given in uploads]
    assert [report["test"]["sha256"], *(reference["sha256"] for reference in report["references"])] == digests


def test_every_refused_file_is_named_in_one_message(
    fresh: ModuleType, upload: Callable[..., Any], tmp_path: Path
) -> None:
    """A text and a file that is gone. The names stand in it as text, since the message is rendered as HTML."""
    (tmp_path / "notes.png").write_text("no picture")
    text = fresh.Upload(str(tmp_path / "notes.png"), "<b>notes</b>.png")
    gone = fresh.Upload(str(tmp_path / "none.png"), "gone.png")
    with pytest.raises(gr.Error) as refused:
        compared(fresh, [upload(1)], [text, upload(2), gone])
    title, first, second, offer = refused.value.message.split("<br>")
    assert title == "<b>Not compared</b>"
    assert first.startswith(
        "Reference 1: <b>&lt;b&gt;notes&lt;/b&gt;.png</b> is not a picture that can be read. Use JPEG"
    )
    assert second == "Reference 3: <b>gone.png</b> is no longer on the server. Choose it again."
    assert offer == '<button class="without 0 2">Compare without these references</button>'
    assert refused.value.title == "Not compared"


def test_a_turned_picture_scores_1_000_in_both_slots_and_so_does_its_upright_copy(
    fresh: ModuleType, tmp_path: Path
) -> None:
    """Gradio's gallery would not turn it, its image would; both hand over the file as it is."""
    turned, upright = tmp_path / "turned.png", tmp_path / "upright.png"
    turned.write_bytes(corpus.saved(corpus.lying(corpus.RGB, 6), "PNG", exif=corpus.exif(6)))
    upright.write_bytes(corpus.png(corpus.RGB, 8, 2))
    for reference in (turned, upright):
        test = fresh.uploads_of(ImageData(path=str(turned)))
        references = fresh.uploads_of(GalleryData(root=[GalleryImage(image=ImageData(path=str(reference)))]))
        result = compared(fresh, test, references)
        assert "**1.000**" in result.verdict
        assert ("Same file twice" in result.overview) is (reference is turned)


def test_an_embedding_that_is_not_finite_is_refused_by_name(
    fresh: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is escaped, for the message is rendered as HTML."""
    monkeypatch.setattr(fresh, "embed", lambda pixel_values, _: np.full((len(pixel_values), 4), np.nan, np.float32))
    with pytest.raises(gr.Error, match=r"<br>&lt;i&gt;\.png: the embedding is not finite'$"):
        fresh.compare_uploads([upload(1, "<i>.png")], [upload(2)], [], silent)


def test_the_report_names_the_encoder_and_the_libraries(fresh: ModuleType, upload: Callable[..., Any]) -> None:
    """Those that made the numbers."""
    report = compared(fresh, [upload(1)], [upload(2)]).report(fresh)
    assert report["encoder"] == {
        "backbone": "backbone",
        "checkpoint": "megastyle_encoder.pth",
        "revision": None,
        "sha256": fresh.ENCODER.source.sha256,
        "official": False,
    }
    assert report["versions"] == {
        "torch": version("torch"),  # a CUDA build's `__version__` has a suffix that the package's has not
        "transformers": transformers.__version__,
        "pillow": PIL.__version__,
    }


@pytest.mark.parametrize("official", [True, False])
def test_the_page_says_so_if_its_scores_are_not_megastyles(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch, *, official: bool
) -> None:
    """And names the checkpoint that made them; a page on the published encoder says nothing of the kind."""
    source = replace(app.ENCODER.source, checkpoint="tiny.pth", official=official)
    monkeypatch.setattr(app, "ENCODER", app.ENCODER._replace(source=source))
    words = [block.value or "" for block in app.build_page().blocks.values() if isinstance(block, gr.Markdown)]
    found = [text for text in words if "These are not MegaStyle scores" in text]
    assert ["`tiny.pth`" in text for text in found] == ([] if official else [True])


def test_the_inputs_hand_over_paths_and_the_visitors_own_names(app: ModuleType) -> None:
    """From both inputs, in order; without a name of its own a file has that of its path.

    An empty input gives nothing.
    """
    gallery = GalleryData(
        [
            GalleryImage(image=ImageData(path="/u/1/a.png", orig_name="a b.png")),
            GalleryImage(image=ImageData(path="/u/2/c.png")),
        ]
    )
    assert app.uploads_of(gallery) == [app.Upload("/u/1/a.png", "a b.png"), app.Upload("/u/2/c.png", "c.png")]
    assert app.uploads_of(ImageData(path="/u/3/d.png", orig_name="d.png")) == [app.Upload("/u/3/d.png", "d.png")]
    assert app.uploads_of(None) == []


def test_a_name_that_utf8_cannot_hold_breaks_nothing(fresh: ModuleType, upload: Callable[..., Any]) -> None:
    """JSON from a hostile client can carry half a surrogate pair; neither the files nor the replies could."""
    payload = ImageData(path=upload(1).path)
    payload.orig_name = "lone\ud800.png"
    (test,) = fresh.uploads_of(payload)
    result = compared(fresh, [test], [upload(2, "\0nul.png")])
    assert all(text.encode() for text in (result.verdict, result.overview, result.details))
    assert all(result.take(fresh, export.ending) for export in EXPORTS)
    assert result.report(fresh)["names"] == ["lone?.png", "\0nul.png"]


# ------------------------------------------------------------------------------------------- a server without memory


def tried_of(app: ModuleType, result: Result) -> list[str]:
    """The names in the list, as every file has it, best first."""
    return [attempt["name"] for attempt in result.report(app)["tried"]]


def test_test_images_that_the_tab_remembers_are_listed_best_first(
    fresh: ModuleType, upload: Callable[..., Any]
) -> None:
    """Against whatever references there are now, as if each were compared with them; one that is gone is left out."""
    tests, references = [upload(seed) for seed in (1, 2, 3)], [upload(seed) for seed in (10, 11, 12)]
    for count in (2, 3, 1):
        means = {test.name: compared(fresh, [test], references[:count]).report(fresh)["mean_cosine"] for test in tests}
        result = compared(fresh, tests[2:], references[:count], [*tests, fresh.Upload("/nowhere/x.png", "gone.png")])
        assert tried_of(fresh, result) == sorted(means, key=lambda name: -means[name])
        assert [one["mean_cosine"] for one in result.report(fresh)["tried"]] == sorted(means.values(), reverse=True)
        assert all(name in result.tried for name in means)


def test_a_result_is_made_again_without_a_computation(
    fresh: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, the files too: nothing but its pictures was asked for."""
    tests, references = [upload(1), upload(2)], [upload(seed) for seed in (10, 11)]
    first = compared(fresh, tests[:1], references)
    second = compared(fresh, tests[1:], references, tests[:1])
    monkeypatch.setattr(fresh, "embed", None)
    for earlier, test in ((first, tests[:1]), (second, tests[1:])):
        again = compared(fresh, test, references, tests, again=True)
        assert again[:3] == (earlier.verdict, *again[1:3])
        assert again.details == earlier.details
        assert again.report(fresh) == {**earlier.report(fresh), "tried": second.report(fresh)["tried"]}


@pytest.mark.parametrize("lost", ["embedding", "file"])
def test_what_is_not_known_any_more_is_said_and_costs_nothing(
    fresh: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """After a restart, or while a comparison is under way: how much is there. No file can be made of it."""
    test, *references = [upload(seed) for seed in (1, 10, 11)]
    compared(fresh, [test], references[:1])
    if lost == "file":
        compared(fresh, [test], references)
        Path(references[1].path).unlink()
    monkeypatch.setattr(fresh, "embed", None)
    result = compared(fresh, [test], references, again=True)
    assert "2 of 3 pictures are measured" in result.verdict
    assert result[1:4] == (None, None, None)
    with pytest.raises(gr.Error, match="could not be made") as refused:
        result.report(fresh)
    assert refused.value.title == "Not saved"


def test_a_comparison_is_waited_for_while_a_reloaded_tab_asks_for_it(
    fresh: ModuleType, upload: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tab that began it has gone."""
    monkeypatch.setattr(fresh, "ASKED_AGAIN", {})
    monkeypatch.setattr(fresh, "GONE_SECONDS", 1e9)
    monkeypatch.setattr(fresh.DOOR, "is_gone", lambda *_: True)
    asked = [upload(1)], [upload(2)]
    with pytest.raises(gr.Error, match="Nobody waited"):
        compared(fresh, *asked)
    compared(fresh, *asked, again=True)
    compared(fresh, *asked)
    monkeypatch.setattr(fresh, "GONE_SECONDS", -1)
    with pytest.raises(gr.Error, match="Nobody waited"):
        compared(fresh, *asked)
