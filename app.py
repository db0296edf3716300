"""MegaStyle Comparison, a Hugging Face Space: how close is the style of one test image to that of up to 8 references?

Data goes one way: files -> pixel values -> embeddings -> Comparison -> page. The steps stand in the package
`megastyle`; here they are put together, and nothing but this file knows ZeroGPU.
"""

from __future__ import annotations

import spaces  # first: on ZeroGPU it replaces parts of torch before anything uses them  # isort: skip

import base64
import logging
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
import numpy.typing as npt
import torch
from gradio.components.gallery import GalleryData
from gradio.context import LocalContext  # Gradio internal: it names the event that a handler's thread works for
from gradio.data_classes import FileData, ImageData
from gradio.utils import get_upload_folder
from spaces.config import Config

from megastyle.calibration import find_calibration
from megastyle.comparison import MAX_REFERENCES, compare
from megastyle.demo import examples
from megastyle.embedding import Cache, Embedded, Embedder, RefusedError, VisitorGoneError
from megastyle.encoder import EncoderError, load_encoder, unit_rows
from megastyle.guard import Door, Limits, Store
from megastyle.page import result, words
from megastyle.page.exports import EXPORTS, Export, file_name, plain_text
from megastyle.page.outcome import Outcome, now, provenance_of
from megastyle.page.result import STYLESHEETS, script
from megastyle.page.theme import theme
from megastyle.pictures import DAMAGED, EMPTY, KINDS, MAX_FILE_BYTES, NO_PICTURE, TOO_LARGE

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs request URLs, which hold visitors' file names
log = logging.getLogger("megastyle.app")

# ------------------------------------------------------------------------------------------------------------ settings

HERE = Path(__file__).resolve().parent
ON_ZEROGPU: bool = Config.zero_gpu  # told by the platform's client; the GPU itself is only seen inside the worker
CACHED_PICTURES, CACHED_BYTES = 2048, 128 * 2**20  # embeddings with thumbnails, about 35 KB each
GPU_SECONDS_BASE = 5.5  # a cold worker: fork, CUDA, moving 1.7 GB.
GPU_SECONDS_PICTURE = 0.5  # one forward pass is 0.667 TFLOP; the rest is margin
GPU_FACTOR = 1.5  # by which the platform counts a second of its default GPU
DAILY_SECONDS = 120, 300  # of a visitor without an account, and with a free one
GPU_PATIENCE = 2  # times the duration for the one more try after a worker died
COMPARISONS_AT_ONCE = 16  # so that pictures which are slow to read keep nobody else waiting
QUEUE_LENGTH = 40  # visitors waiting; the last one waits a minute on ZeroGPU (10 s each), half an hour on a CPU
FILES_KEPT_SECONDS = 3600  # uploads; the page says so
TRIED_KEPT = 50  # test images that a tab remembers; page.js lets the oldest one go
SWEEP_SECONDS = 600  # how often old files are looked for
MINUTES_KEPT = (FILES_KEPT_SECONDS + SWEEP_SECONDS) // 60  # at most, after their last use
UPLOADS = Path(get_upload_folder()).absolute()  # not resolved: Gradio builds its paths from this one
LIMITS = Limits(
    upload_bytes=(MAX_REFERENCES + 1) * MAX_FILE_BYTES,  # a whole comparison at the limits
    upload_files=64,  # of more than eight references the rest is named; a folder of thousands is refused
    tried=TRIED_KEPT,
    stored_bytes=8 * 2**30,  # the files unused for longest go first
    waiting=QUEUE_LENGTH,
)
GONE_SECONDS = 30  # after which a comparison that nobody asked about again may stop
DOOR = Door(behind_proxy="SPACE_ID" in os.environ)  # a Space's visitors come through the platform's proxy
DESCRIPTION = "How close is the style of one picture to up to eight references, and does it fit them?"
try:
    ENCODER = load_encoder()
except EncoderError as error:
    sys.exit(str(error))
CALIBRATION = find_calibration(HERE / "calibration.json", ENCODER.source.sha256)
PROVENANCE = provenance_of(asdict(ENCODER.source), ENCODER.processor.size["height"], HERE)

# ----------------------------------------------------------------------------------------------------------- embedding


def gpu_seconds(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> int:
    """Seconds of GPU to ask for; takes the arguments of `embed`."""
    return patience * math.ceil(GPU_SECONDS_BASE + GPU_SECONDS_PICTURE * len(pixel_values))


WORKER = {"forked": 0.0, "calls": 0}  # of this process: when it was forked, by `time.monotonic`, and its calls since
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=lambda: WORKER.update(forked=time.monotonic(), calls=0))


def worker_in_words(began: float) -> str:
    """Where a call runs that began at `began`; a cold worker has spent time since it was forked."""
    WORKER["calls"] += 1
    if not WORKER["forked"]:
        return "no worker"
    return "warm worker" if WORKER["calls"] > 1 else f"cold worker, fork to call {began - WORKER['forked']:.2f} s"


@spaces.GPU(duration=gpu_seconds)
def embed(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> npt.NDArray[np.float32]:
    """Embed a batch: (k, 3, S, S) float32 in [-1, 1] -> (k, d) float32 unit rows.

    On ZeroGPU it runs in a forked worker: ready arrays in, small arrays out. The owner's contract wants the model moved
    here, and not again in a worker that is used twice. What the call cost stands in the log, which is the app's own.
    """
    began = time.monotonic()
    worker = worker_in_words(began)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    if next(ENCODER.model.parameters()).device.type != device.type:
        ENCODER.model.to(device)
    moved = time.monotonic()
    rows = unit_rows(ENCODER.model, torch.from_numpy(pixel_values).to(device)).cpu().numpy()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    asked = f"{gpu_seconds(pixel_values, patience)} s" if ON_ZEROGPU else "for no GPU"
    spent = f"moving {moved - began:.2f} s, forward {time.monotonic() - moved:.2f} s"
    log.info("embed: pictures %d, device %s, asked %s, %s, %s", len(pixel_values), name, asked, worker, spent)
    return rows


def failure(message: str, title: str = "Not compared") -> gr.Error:
    """An error that stays until the visitor closes it or presses Compare or Clear again; `message` is HTML.

    Gradio shows no title, whatever it is given; so the message begins with it.
    """
    return gr.Error(f"<b>{title}</b><br>{message}", title=title, duration=None, print_exception=False)


# on ZeroGPU each comparison has a GPU of its own; elsewhere two forward passes would share the cores
PASSES = threading.Semaphore(COMPARISONS_AT_ONCE if ON_ZEROGPU else 1)


def embed_patiently(pixel_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`embed`, tried once more with twice the time if the GPU worker died or overran.

    Raises:
        gr.Error: it died again, or failed; the platform's own messages (quota, no GPU free) go through unchanged.
    """
    for patience in (1, GPU_PATIENCE):
        try:
            with PASSES:
                return embed(pixel_values, patience)
        except gr.Error as error:
            if error.title != "ZeroGPU worker error":
                raise
            log.warning("GPU worker: %s, patience %d", error.message, patience)
            if error.message != "GPU task aborted":
                break
        except Exception:
            log.exception("The embedding failed")
            break
    raise failure(
        "The computation stopped before it was done. Nothing is lost: your pictures are still here, and those that "
        "were compared before cost no time again. Press Compare once more, or try with fewer references."
    )


HAS_ACCELERATOR = ON_ZEROGPU or torch.accelerator.is_available()
BATCH_SIZE = MAX_REFERENCES + 1 if HAS_ACCELERATOR else 1  # a CPU is faster one at a time, and shows how far it is
EMBEDDER = Embedder(ENCODER.processor, embed_patiently, BATCH_SIZE, Cache(CACHED_PICTURES, CACHED_BYTES))

# ------------------------------------------------------------------------------------------------------------ handlers

ASKED_AGAIN: dict[tuple[str, ...], float] = {}  # files whose comparison a reloaded tab waits for; when it last asked


class Upload(NamedTuple):
    """A file on the server and the name that its visitor gave it (untrusted text)."""

    path: str
    name: str


def uploads_of(payload: ImageData | GalleryData | list[dict[str, Any]] | None) -> list[Upload]:
    """The files of an input, as they were uploaded; the door lets no payload name any other file.

    Gradio's own preprocessing would open a file with any decoder, and fail without naming it.
    """
    if isinstance(payload, GalleryData):
        files: list[Any] = [item.image for item in payload.root]
    else:
        files = [payload] if isinstance(payload, ImageData) else [FileData(**file) for file in payload or []]
    return [Upload(file.path, words.sendable(file.orig_name or Path(file.path).name)) for file in files]


def chosen(test: list[Upload], references: list[Upload]) -> tuple[list[Upload], tuple[str, ...]]:
    """The pictures that are compared, and where they lie.

    Raises:
        gr.Error: there are too few; the page says the same before it asks.
    """
    if advice := words.too_few(len(test), len(references)):
        raise failure(advice)
    uploads = [*test, *references[:MAX_REFERENCES]]
    return uploads, tuple(upload.path for upload in uploads)


def outcome_of(
    test: list[Upload], references: list[Upload], tried: list[Upload], pictures: Sequence[Embedded]
) -> Outcome:
    """The comparison of `pictures`, beside it those of all test images that were tried and are still known.

    Raises:
        ValueError: an embedding is not finite.
    """

    def compared(tests: list[Upload], embedded: Sequence[Embedded]) -> Outcome:
        names, folders = zip(*((one.name, Path(one.path).parent.name) for one in (*tests, *references)), strict=True)
        rows, digests = np.stack([one.embedding for one in embedded]), [one.digest for one in embedded]
        counted, ignored = names[: len(embedded)], names[len(embedded) :]
        comparison = compare(rows, counted, digests=digests, has_test=bool(tests), ignored=ignored)
        thumbnails, remarks = zip(*((one.thumbnail, one.remarks) for one in embedded), strict=True)
        return Outcome(comparison, thumbnails, PROVENANCE, CALIBRATION, now(), folders, remarks)

    known = zip(tried, EMBEDDER.recall([upload.path for upload in tried]), strict=True)
    others = [compared([upload], [picture, *pictures[len(test) :]]) for upload, picture in known if picture]
    return compared(test, pictures).with_tried(others)


def shown(outcome: Outcome) -> list[Any]:
    """The values of the result's components: verdict, overview, the list of what was tried, and details."""
    overview = result.overview(outcome, plain_text(outcome))
    return [words.verdict(outcome), overview, result.tried(outcome), result.details(outcome)]


def compare_uploads(
    test: list[Upload],
    references: list[Upload],
    tried: list[Upload],
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
    request: gr.Request | None = None,
) -> list[Any]:
    """Compare: the values of the result's components.

    Raises:
        gr.Error: the pictures cannot be compared; the message says which, why and what to do.
    """
    began = time.perf_counter()
    uploads, paths = chosen(test, references)
    progress(0, desc=f"Reading {words.counted(len(uploads), 'picture')}")
    is_gone = partial(DOOR.is_gone, request and request.session_hash, LocalContext.event_id.get(None))
    try:
        pictures = EMBEDDER.embed_files(
            paths,
            visitor=DOOR.visitor_of(request) if request else "",
            report=lambda done, new: progress((done, new), desc=f"Picture {done + 1} of {new}"),
            gone=lambda: is_gone() and time.monotonic() - ASKED_AGAIN.get(paths, -math.inf) > GONE_SECONDS,
        )
        outcome = outcome_of(test, references, tried, pictures)
    except RefusedError as error:
        reasons = {index: (uploads[index].name, str(reason)) for index, reason in error.reasons.items()}
        log.info("Refused pictures: %s", "; ".join(reason for _, reason in reasons.values()))
        raise failure(words.refusal(reasons, len(uploads), has_test=bool(test))) from error
    except VisitorGoneError as error:
        log.info("A visitor left in the middle of a comparison")
        raise failure("Nobody waited for it any more.") from error
    except gr.Error:  # a ValueError too
        raise
    except ValueError as error:
        raise failure(escape(str(error))) from error
    log.info("Compared %d pictures in %.2f s", len(uploads), time.perf_counter() - began)
    return shown(outcome)


def reopen(test: list[Upload], references: list[Upload], tried: list[Upload]) -> list[Any]:
    """A result that was made before, from the cache alone; or how many of its pictures are measured."""
    _, paths = chosen(test, references)
    pictures = EMBEDDER.recall(paths)
    known = [picture for picture in pictures if picture]
    if len(known) == len(pictures):
        return shown(outcome_of(test, references, tried, known))
    for old in [old for old, moment in list(ASKED_AGAIN.items()) if time.monotonic() - moment > GONE_SECONDS]:
        ASKED_AGAIN.pop(old, None)
    ASKED_AGAIN[paths] = time.monotonic()
    return [words.not_all_measured(len(known), len(pictures)), None, None, None]


def take(export: Export, test: list[Upload], references: list[Upload], tried: list[Upload]) -> dict[str, str]:
    """A file of the shown result, for the page's script to hand over: its name, its type, its content in base64.

    Raises:
        gr.Error: the result is not known any more.
    """
    _, paths = chosen(test, references)
    known = [picture for picture in EMBEDDER.recall(paths) if picture]
    if len(known) < len(paths):
        raise failure(words.NOT_SAVED, "Not saved")
    outcome = outcome_of(test, references, tried, known)
    content = export.write(outcome)
    coded = base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
    return {"name": file_name(outcome, export), "mime": export.mime, "base64": coded}


# ---------------------------------------------------------------------------------------------------------------- page


def pictures_a_day() -> tuple[int, int] | None:
    """How many test images a visitor's daily quota is enough for, one after the other with the same references."""
    if not ON_ZEROGPU:
        return None
    one = GPU_FACTOR * math.ceil(GPU_SECONDS_BASE + GPU_SECONDS_PICTURE)
    without, free = (int(seconds / one) for seconds in DAILY_SECONDS)
    return without, free


def fill(example: examples.ExampleSet) -> tuple[str, list[str]]:
    """The values of the two inputs for an example."""
    return str(example.test), [str(path) for path in example.references]


def script_of(name: str) -> str:
    """What an event runs in the page: a function of page.js, with the values of the event's inputs."""
    return f"(...inputs) => megastyle.{name}(...inputs)"


def build_page() -> gr.Blocks:
    """The page: inputs, examples, result, and what the number means. `#fill` and `#reopen` are pressed by page.js."""
    folder = f"megastyle-examples-{getattr(os, 'getuid', str)()}"  # of one user; Windows has such a folder itself
    slot: dict[str, Any] = {"sources": ["upload", "clipboard"], "buttons": [], "height": 280, "min_width": 280}
    tiles: dict[str, Any] = {"columns": 4, "object_fit": "contain", "file_types": ["image"], "allow_preview": False}
    small: dict[str, Any] = {"size": "sm", "min_width": 120}
    private: dict[str, Any] = {"api_visibility": "private"}
    at_once: dict[str, Any] = {**private, "concurrency_limit": None, "show_progress": "hidden"}
    with gr.Blocks(title="MegaStyle Comparison", analytics_enabled=False) as page:
        gr.Markdown(result.intro(), elem_id="intro")
        if not ENCODER.source.official:
            gr.Markdown(words.not_megastyle(ENCODER.source.checkpoint), elem_id="not-megastyle")
        tried, taken = gr.JSON(visible=False), gr.JSON(visible=False)
        with gr.Row(elem_id="inputs"):  # below each other on a phone
            test = gr.Image(label="Test image", image_mode=None, elem_id="test", **slot)
            references = gr.Gallery(label="References", elem_id="references", **tiles, **slot)
        inputs, asked = [test, references], [test, references, tried]
        for part in asked:
            part.preprocess = uploads_of
        gr.HTML(words.LINE, elem_id="chosen")
        gr.HTML(words.LINE, elem_id="note")
        with gr.Row(elem_id="actions"):
            compare_button = gr.Button("Compare", variant="primary", scale=3, min_width=120, elem_id="compare")
            clear_button = gr.Button("Clear all", scale=1, min_width=90)
            fill_button, reopen_button = (gr.Button(visible="hidden", elem_id=name) for name in ("fill", "reopen"))
        with gr.Row(elem_id="examples"):
            gr.HTML(words.EXAMPLES_LABEL)
            filling = [
                gr.Button(example.title, size="sm", min_width=80).click(
                    partial(fill, example), None, inputs, js=f"() => megastyle.example({example.hint!r})", **at_once
                )
                for example in examples.write_examples(Path(tempfile.gettempdir()) / folder)
            ]
        gr.HTML(words.LINE, elem_id="hint")
        with gr.Column(elem_id="result"):
            gr.HTML(words.LINE, elem_id="stale")
            verdict = gr.Markdown(words.WAITING, elem_id="verdict")
            outputs = [verdict, *(gr.HTML(elem_id=name) for name in ("overview", "tried", "details"))]
            gr.HTML(words.FORMER, elem_id="former")
            with gr.Row(elem_id="downloads"):
                gr.Button("Copy as text", elem_id="copy", **small)
                for export in EXPORTS:
                    button = gr.Button(export.button, elem_id=f"take-{export.ending[1:]}", **small)
                    taking = button.click(partial(take, export), asked, taken, js=script_of("taking"), **at_once)
                    taking.success(None, taken, js=script_of("save"))
        gr.Markdown(words.larger_jobs(result.SPACE, pictures_a_day()), elem_id="larger")
        gr.HTML(result.about(PROVENANCE, CALIBRATION, MINUTES_KEPT), elem_id="about")

        comparing = compare_button.click(
            compare_uploads,
            asked,
            outputs,
            js=script_of("comparing"),
            concurrency_limit=COMPARISONS_AT_ONCE,
            show_progress_on=verdict,
            **private,
        )
        comparing.success(None, js=script_of("compared"))
        comparing.failure(None, js=script_of("failed"))
        reopening = reopen_button.click(reopen, asked, outputs, js=script_of("reopening"), **at_once)
        reopening.success(None, js=script_of("reopened"))
        reopening.failure(None, js=script_of("missed"))
        running = [comparing, reopening, *filling]
        cleared = clear_button.click(None, None, [*inputs, *outputs], js=script_of("clear"), cancels=running)
        fill_button.click(None, None, inputs, js=script_of("fill")).then(None, inputs, js=script_of("refilled"))
        page.load(None, inputs, inputs, js=script_of("restore")).then(None, inputs, js=script_of("restored"))
        # Gradio internal: a gallery that an event has filled tells nobody of its change; look at `Gallery.change`
        for event in (test.change, references.change, cleared.then, *(filled.then for filled in filling)):
            event(None, inputs, js=script_of("changed"))
    return page


def main() -> None:
    """Serve the page on GRADIO_SERVER_PORT."""
    page = build_page()
    page.queue(api_open=False, max_size=QUEUE_LENGTH)
    store = Store(UPLOADS, LIMITS, FILES_KEPT_SECONDS)
    DOOR.guard(page, store, description=DESCRIPTION, sweep_every=SWEEP_SECONDS)
    page.launch(
        theme=theme(),
        css_paths=STYLESHEETS,
        js=script(
            hint=words.EXAMPLES_HINT,
            waiting=words.WAITING,
            advice={"nothing": words.too_few(0, 0), "test": words.too_few(1, 0), "reference": words.too_few(0, 1)},
            most=MAX_REFERENCES,
            tried=TRIED_KEPT,
            fileBytes=MAX_FILE_BYTES,
            kinds=[(start.decode(), "" if reason == DAMAGED else reason) for start, reason in KINDS],
            empty=EMPTY,
            tooLarge=TOO_LARGE,
            noPicture=NO_PICTURE,
            files=LIMITS.upload_files,
            minutes=MINUTES_KEPT,
        ),
        i18n=gr.I18n(en={"upload_text.drop_gallery": "Drop Pictures Here"}),  # Gradio internal: its own says "Media"
        footer_links=["gradio", "settings"],
        run_history=False,
        max_file_size=MAX_FILE_BYTES,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={"lifespan": DOOR.lifespan},
    )


if __name__ == "__main__":
    main()
