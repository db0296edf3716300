"""MegaStyle Comparison, a Hugging Face Space: how close is the style of one test image to that of up to 8 references?

Data goes one way: files -> pixel values -> embeddings -> Comparison -> page. The steps stand in the package
`megastyle`; here they are put together, and nothing but this file knows ZeroGPU.
"""

from __future__ import annotations

import spaces  # first: on ZeroGPU it replaces parts of torch before anything uses them  # isort: skip

import logging
import math
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import gradio as gr
import numpy as np
import numpy.typing as npt
import torch
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import FileData, ImageData
from gradio.utils import get_upload_folder
from spaces.config import Config
from starlette.middleware import Middleware

from megastyle.calibration import find_calibration
from megastyle.checkpoint import EncoderError
from megastyle.comparison import MAX_REFERENCES, compare
from megastyle.cost import Meter
from megastyle.drawings import examples
from megastyle.embedding import Cache, Embedder, RefusedError
from megastyle.encoder import load_encoder, unit_rows
from megastyle.form import Limits
from megastyle.guard import Guard
from megastyle.page import result, words
from megastyle.page.exports import EXPORTS, file_name, plain_text
from megastyle.page.outcome import Outcome, now, provenance_of
from megastyle.page.result import PRESS_ATTEMPT, STYLESHEETS, script
from megastyle.page.theme import theme
from megastyle.pictures import MAX_FILE_BYTES
from megastyle.sweep import sweeping

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs request URLs, which hold visitors' file names
log = logging.getLogger("megastyle.app")

# ------------------------------------------------------------------------------------------------------------ settings

HERE = Path(__file__).resolve().parent
ON_ZEROGPU: bool = Config.zero_gpu  # told by the platform's client; the GPU itself is only seen inside the worker
CACHED_PICTURES, CACHED_BYTES = 2048, 128 * 2**20  # embeddings with thumbnails, about 35 KB each
GPU_SECONDS_BASE = 5.5  # a cold worker: fork, CUDA, moving 1.7 GB. On Blackwell the platform asks for 1.5 times as much
GPU_SECONDS_PICTURE = 0.5  # one forward pass is 0.667 TFLOP; the rest is margin
GPU_PATIENCE = 2  # times the duration for the one more try after a worker died
COMPARISONS_AT_ONCE = 8 if ON_ZEROGPU else 1  # each has a GPU of its own there; on a CPU two would share the cores
QUEUE_LENGTH = 40  # visitors waiting; the last one waits a minute on ZeroGPU (10 s each), half an hour on a CPU
FILES_KEPT_SECONDS = 3600  # uploads and downloads; the page says so
SWEEP_SECONDS = 600  # how often old files are looked for
UPLOADS = Path(get_upload_folder()).absolute()  # not resolved: Gradio builds its paths from this one
LIMITS = Limits(
    upload_bytes=(MAX_REFERENCES + 1) * MAX_FILE_BYTES,  # a whole comparison at the limits
    upload_files=64,  # of more than eight references the rest is named; a folder of thousands is refused
    event_bytes=2**20,  # 64 references take 40 KB
)
INPUT_OPTIONS: dict[str, Any] = {
    "sources": ["upload", "clipboard"],
    "buttons": [],
    "height": 280,
    "min_width": 280,  # pixels: the inputs stand below each other on a phone
}

try:
    ENCODER = load_encoder()
except EncoderError as error:
    sys.exit(str(error))
CALIBRATION = find_calibration(HERE / "calibration.json", ENCODER.source.sha256)
PROVENANCE = provenance_of(asdict(ENCODER.source), ENCODER.processor.size["height"], HERE)
METER = Meter()

# ----------------------------------------------------------------------------------------------------------- embedding


def gpu_seconds(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> int:
    """Seconds of GPU to ask for; takes the arguments of `embed`."""
    return patience * math.ceil(GPU_SECONDS_BASE + GPU_SECONDS_PICTURE * len(pixel_values))


@spaces.GPU(duration=gpu_seconds)
def embed(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> npt.NDArray[np.float32]:
    """Embed a batch: (k, 3, S, S) float32 in [-1, 1] -> (k, d) float32 unit rows.

    On ZeroGPU it runs in a forked worker: ready arrays in, small arrays out. The owner's contract wants the model moved
    here, and not again in a worker that is used twice. The log gets what the call cost.
    """
    asked = gpu_seconds(pixel_values, patience) if ON_ZEROGPU else None
    with METER.call(len(pixel_values), asked) as call:
        device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        if next(ENCODER.model.parameters()).device.type != device.type:
            ENCODER.model.to(device)
        call.moved(device)
        return unit_rows(ENCODER.model, torch.from_numpy(pixel_values).to(device)).cpu().numpy()


def not_compared(message: str) -> gr.Error:
    """An error that stays until the visitor closes it or presses Compare or Clear again; `message` is HTML."""
    return gr.Error(message, title="Not compared", duration=None, print_exception=False)


def embed_patiently(pixel_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`embed`, tried once more with twice the time if the GPU worker died or overran.

    Raises:
        gr.Error: it died again, or failed; the platform's own messages (quota, no GPU free) go through unchanged.
    """
    for patience in (1, GPU_PATIENCE):
        try:
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
    raise not_compared(
        "The computation stopped before it was done. Nothing is lost: your pictures are still here, and those that "
        "were compared before cost no time again. Press Compare once more, or try with fewer references."
    )


HAS_ACCELERATOR = ON_ZEROGPU or torch.accelerator.is_available()
BATCH_SIZE = MAX_REFERENCES + 1 if HAS_ACCELERATOR else 1  # a CPU is faster one at a time, and shows how far it is
EMBEDDER = Embedder(ENCODER.processor, embed_patiently, BATCH_SIZE, Cache(CACHED_PICTURES, CACHED_BYTES))

# ------------------------------------------------------------------------------------------------------------- handler

Input = TypeVar("Input", gr.Image, gr.Gallery)


class Upload(NamedTuple):
    """A file on the server and the name that its visitor gave it (untrusted text)."""

    path: str
    name: str


def uploads_of(payload: ImageData | GalleryData | None) -> list[Upload]:
    """The files of an input, as they were uploaded; the guard lets no payload name any other file."""
    if payload is None:
        return []
    if isinstance(payload, ImageData):
        files: list[FileData | ImageData] = [payload]
    else:
        files = [item.image if isinstance(item, GalleryImage) else item.video for item in payload.root]
    return [Upload(file.path or "", words.sendable(file.orig_name or Path(file.path or "").name)) for file in files]


def keep_upload(component: Input) -> Input:
    """Let an input hand over the uploaded files as they are, with the visitor's own names.

    Gradio's preprocessing would open a file with any decoder, fail without naming it, and knows only a name made safe
    for the disk. A subclass would do the same, but Gradio writes a `.pyi` beside each file that holds one.
    """
    component.preprocess = uploads_of
    return component


def refusal(uploads: Sequence[Upload], error: RefusedError, *, has_test: bool) -> gr.Error:
    """The message that names each refused file with its reason."""
    for reason in error.reasons.values():
        log.info("Refused a picture, which %s", reason)
    reasons = {index: (uploads[index].name, str(reason)) for index, reason in error.reasons.items()}
    return not_compared(words.refusal(reasons, len(uploads), has_test=has_test))


def shown(outcome: Outcome, attempts: tuple[Outcome, ...], *, recalled: bool = False) -> list[Any]:
    """The values of the result's components: verdict, overview, details, what was tried, its state, and the exports."""
    outcome = outcome.with_tried(attempts)
    folder = UPLOADS / secrets.token_hex(32)  # a name that nobody can guess, swept with the uploads
    folder.mkdir(parents=True)
    paths = [folder / file_name(outcome, export) for export in EXPORTS]
    for path, export in zip(paths, EXPORTS, strict=True):
        content = export.write(outcome)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [
        words.verdict(outcome),
        result.overview(outcome, plain_text(outcome), recalled=recalled),
        result.details(outcome),
        result.tried(outcome),
        attempts,
        *map(str, paths),
    ]


def compare_uploads(
    test: list[Upload],
    references: list[Upload],
    attempts: tuple[Outcome, ...],
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
) -> list[Any]:
    """The handler of Compare; gives the values of the result's components.

    Raises:
        gr.Error: the pictures cannot be compared; the message says which, why and what to do.
    """
    began = time.perf_counter()
    if advice := words.too_few(len(test), len(references)):
        raise not_compared(advice)
    uploads, ignored = [*test, *references[:MAX_REFERENCES]], references[MAX_REFERENCES:]
    progress(0, desc=f"Reading {words.counted(len(uploads), 'picture')}")
    try:
        pictures = EMBEDDER.embed_files(
            [upload.path for upload in uploads],
            visitor="everybody",
            report=lambda done, new: progress((done, new), desc=f"Picture {done + 1} of {new}"),
            gone=lambda: False,
        )
    except RefusedError as error:
        raise refusal(uploads, error, has_test=bool(test)) from error
    try:
        comparison = compare(
            np.stack([picture.embedding for picture in pictures]),
            [upload.name for upload in uploads],
            digests=[picture.digest for picture in pictures],
            has_test=bool(test),
            ignored=[upload.name for upload in ignored],
        )
    except ValueError as error:  # not around `embed_files`: gr.Error is a ValueError too, and goes through as it is
        raise not_compared(escape(str(error))) from error
    log.info("Compared %d pictures in %.2f s", len(uploads), time.perf_counter() - began)
    thumbnails = tuple(picture.thumbnail for picture in pictures)
    made_from = tuple(Path(upload.path).parent.name for upload in (*test, *references))
    remarks = tuple(picture.remarks for picture in pictures)
    outcome = Outcome(comparison, thumbnails, PROVENANCE, CALIBRATION, now(), made_from, remarks)
    same = [
        one for one in attempts if one.comparison.digests[1:] == outcome.comparison.digests[outcome.comparison.offset :]
    ]
    return shown(outcome, tuple(outcome.with_tried(same).tried))


def recall(attempts: tuple[Outcome, ...], event: gr.EventData) -> list[Any]:
    """The result of a test image that was tried before, without a computation.

    Raises:
        gr.Error: the list has ended since.
    """
    if not 0 <= event.index < len(attempts):
        raise not_compared("That result is gone: the list of what was tried has ended. Press Compare for a new one.")
    return shown(attempts[event.index], attempts, recalled=True)


# ---------------------------------------------------------------------------------------------------------------- page


def fill(example: examples.ExampleSet) -> tuple[str, list[str], str]:
    """The values of the two inputs for an example, and what it shows."""
    return str(example.test), [str(path) for path in example.references], example.hint


def picture_inputs() -> tuple[gr.Image, gr.Gallery]:
    """The slots for the test image and for the references, side by side."""
    with gr.Row(elem_id="inputs"):
        test = gr.Image(label="Test image", type="filepath", image_mode=None, **INPUT_OPTIONS, elem_id="test")
        references = gr.Gallery(
            label="References",
            file_types=["image"],
            columns=4,
            object_fit="contain",
            allow_preview=False,
            **INPUT_OPTIONS,
            elem_id="references",
        )
    return keep_upload(test), keep_upload(references)


def build_page() -> gr.Blocks:
    """The page: inputs, examples, result, and what the number means."""
    example_sets = examples.write_examples(Path(tempfile.gettempdir()) / f"megastyle-examples-{os.getuid()}")
    with gr.Blocks(title="MegaStyle Comparison", analytics_enabled=False) as page:
        gr.Markdown(result.intro(), elem_id="intro")
        if not ENCODER.source.official:
            gr.Markdown(words.not_megastyle(ENCODER.source.checkpoint), elem_id="not-megastyle")
        test, references = picture_inputs()
        chosen = gr.Markdown(elem_id="chosen")
        with gr.Row(elem_id="actions"):
            compare_button = gr.Button("Compare", variant="primary", scale=3, min_width=120, elem_id="compare")
            clear_button = gr.Button("Clear all", scale=1, min_width=90)
            without_button = gr.Button("Compare without them", visible="hidden", elem_id="without")
        with gr.Row(elem_id="examples"):
            gr.HTML(words.EXAMPLES_LABEL)
            example_buttons = [gr.Button(example.title, size="sm", min_width=80) for example in example_sets]
        hint = gr.Markdown(words.EXAMPLES_HINT, elem_id="hint")
        with gr.Column(elem_id="result"):
            stale = gr.HTML(elem_id="stale")
            verdict = gr.Markdown(words.WAITING, elem_id="verdict")
            overview, details = gr.HTML(elem_id="overview"), gr.HTML(elem_id="details")
            tried_list = gr.HTML(elem_id="tried", js_on_load=PRESS_ATTEMPT)
            attempts = gr.State((), time_to_live=FILES_KEPT_SECONDS)
            with gr.Row(elem_id="downloads"):
                copy_button = gr.Button("Copy as text", size="sm", min_width=120, elem_id="copy")
                downloads = [gr.DownloadButton(export.button, size="sm", min_width=120) for export in EXPORTS]
        gr.HTML(result.about(PROVENANCE, CALIBRATION, (FILES_KEPT_SECONDS + SWEEP_SECONDS) // 60), elem_id="about")

        inputs = [test, references]
        outputs = [verdict, overview, details, tried_list, attempts, *downloads]
        private: dict[str, Any] = {"api_visibility": "private"}
        at_once: dict[str, Any] = {**private, "concurrency_limit": None, "show_progress": "hidden"}
        comparing = compare_button.click(
            compare_uploads,
            [*inputs, attempts],
            outputs,
            js="(...inputs) => megastyle.inputs(...inputs)",
            concurrency_limit=COMPARISONS_AT_ONCE,
            show_progress_on=verdict,
            **private,
        )
        recalling = tried_list.select(recall, attempts, outputs, **at_once)
        filling = [
            button.click(partial(fill, example), None, [*inputs, hint], **at_once)
            for button, example in zip(example_buttons, example_sets, strict=True)
        ]
        dropping = without_button.click(None, references, references, js="refs => [megastyle.remaining(refs)]")
        dropping.then(None, js="() => megastyle.press('compare')")
        for event in (comparing.success, recalling.success):
            event(None, js="() => megastyle.showResult()")
        for event in (test.change, references.change, comparing.then, recalling.then):  # inputs may change meanwhile
            event(None, inputs, stale, js="(...inputs) => megastyle.stale(...inputs)")
        # Gradio internal: a gallery that an event has filled tells nobody of its change; look at `Gallery.change`
        for event in (references.change, dropping.then, *(filled.then for filled in filling)):
            event(None, references, chosen, js="references => megastyle.chosen(references)")
        for event in (test.upload, test.clear, references.upload, references.delete):  # an example's hint is over
            event(None, None, hint, js=f"() => {words.EXAMPLES_HINT!r}")
        copy_button.click(None, js="() => megastyle.copy()")
        emptied = [output for output in outputs if output is not attempts]  # a script cannot empty a state
        clear_button.click(
            None,
            None,
            [*inputs, hint, chosen, stale, *emptied],
            js=f"() => megastyle.clear({len(emptied) - 1})",
            cancels=[comparing, recalling],
        )
        clear_button.click(tuple, None, attempts, **at_once)
    return page


def main() -> None:
    """Serve the page on GRADIO_SERVER_PORT."""
    page = build_page()
    page.queue(api_open=False, max_size=QUEUE_LENGTH)
    page.launch(
        theme=theme(),
        css_paths=STYLESHEETS,
        js=script(hint=words.EXAMPLES_HINT, waiting=words.WAITING, most=MAX_REFERENCES),
        footer_links=["gradio", "settings"],
        run_history=False,
        max_file_size=MAX_FILE_BYTES,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={
            "middleware": [Middleware(Guard, folder=UPLOADS, limits=LIMITS)],
            "lifespan": sweeping(UPLOADS, FILES_KEPT_SECONDS, SWEEP_SECONDS),
        },
    )


if __name__ == "__main__":
    main()
