"""MegaStyle Comparison, a Hugging Face Space: how close is the style of one test image to that of up to 8 references?

Data goes one way: files -> pixel values -> embeddings -> Comparison -> views -> page. This file holds what needs the GPU, the cache or Gradio.
"""

from __future__ import annotations

import spaces  # first: on ZeroGPU it replaces parts of torch before anything uses them  # isort: skip

import base64
import hashlib
import io
import logging
import math
import os
import secrets
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import gradio as gr
import numpy as np
import numpy.typing as npt
import PIL
import torch
import transformers
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import FileData, ImageData
from gradio.utils import get_upload_folder
from PIL import Image
from spaces.config import Config
from starlette.middleware import Middleware

from megastyle.comparison import MAX_REFERENCES, Comparison, compare
from megastyle.drawings import examples
from megastyle.encoder import (
    FORMATS_IN_WORDS,
    MAX_FILE_BYTES,
    MAX_PIXELS,
    EncoderError,
    PictureError,
    decode,
    load_encoder,
    pixel_values,
    read_file,
    refusing,
)
from megastyle.guard import Guard, Limits, sweeping
from megastyle.page import theme as looks
from megastyle.page import views

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold addresses
log = logging.getLogger("megastyle.app")

# --------------------------------------------------------------------------------------------------------------- settings

ON_ZEROGPU: bool = Config.zero_gpu  # the platform's client knows; the GPU itself is only seen inside the worker
READERS = 2  # threads that decode pictures, for all visitors together: each may take 1 GB for a picture at the limits
CACHED_PICTURES = 4096  # embeddings with thumbnails, about 12 KB each
CACHED_BYTES = 64 * 2**20  # a small part of a Space's 16 GB
GPU_SECONDS_BASE = 5.5  # a cold worker: fork, CUDA, moving 1.7 GB. Quota is checked against the request, 1.5 times it on Blackwell
GPU_SECONDS_PICTURE = 0.5  # one forward pass is 0.667 TFLOP; the rest is margin
GPU_PATIENCE = 2  # times the duration for the one more try after a worker died
COMPARISONS_AT_ONCE = 8 if ON_ZEROGPU else 1  # a GPU each on ZeroGPU; on a CPU two would only share its cores
QUEUE_LENGTH = 40  # visitors waiting; the last one waits a minute on ZeroGPU (8 at once, 10 s each), half an hour on a CPU (40 s each)
THUMBNAIL_PIXELS = (160, 48)  # longer side, of the grid and of table and matrix: small enough that a result is below 300 KB
THUMBNAIL_QUALITY = 70  # of JPEG
FILES_KEPT_SECONDS = 3600  # uploads and downloads; the page says so
SWEEP_SECONDS = 600  # how often old files are looked for
UPLOADS = Path(get_upload_folder()).absolute()  # not resolved: Gradio builds its paths from this one
UPLOAD_BYTES = (MAX_REFERENCES + 1) * MAX_FILE_BYTES  # of one upload request: a whole comparison at the limits
UPLOAD_FILES = 64  # of one upload request; more than eight references are said to be left out, a folder of thousands is refused
EVENT_BYTES = 2**20  # of one event: 64 references take 40 KB
INPUT_OPTIONS: dict[str, Any] = {"sources": ["upload", "clipboard"], "buttons": [], "height": 280, "min_width": 320}  # 320: stacked on a phone

try:
    ENCODER = load_encoder()
except EncoderError as error:
    sys.exit(str(error))

# -------------------------------------------------------------------------------------------------------------- embedding


class Upload(NamedTuple):
    """A file on the server and the name that its visitor gave it (untrusted text)."""

    path: str
    name: str


@dataclass(frozen=True)
class Embedded:
    """What is kept of a picture: a (d,) float32 unit row and its thumbnail."""

    embedding: npt.NDArray[np.float32]
    thumbnail: views.Thumbnail

    @property
    def size(self) -> int:
        """Bytes."""
        return self.embedding.nbytes + sum(map(len, self.thumbnail))


class Cache:
    """Pictures by the SHA-256 of their file, least recently used out, safe for parallel visitors; lives in the main process.

    Its lock is never held while anything is computed.
    """

    def __init__(self, pictures: int, size: int) -> None:
        """Keep at most `pictures` entries and `size` bytes."""
        self._pictures, self._size = pictures, size
        self._entries: OrderedDict[str, Embedded] = OrderedDict()
        self._held = 0  # bytes
        self._lock = threading.Lock()

    def get(self, digest: str) -> Embedded | None:
        """The picture, now the most recently used one; None if it is not kept."""
        with self._lock:
            if digest in self._entries:
                self._entries.move_to_end(digest)
            return self._entries.get(digest)

    def put(self, digest: str, entry: Embedded) -> None:
        """Keep a picture; the least recently used ones make room. What is not finite is a fault that may pass, and not kept."""
        if not np.isfinite(entry.embedding).all():
            return
        with self._lock:
            if replaced := self._entries.pop(digest, None):
                self._held -= replaced.size
            self._entries[digest] = entry
            self._held += entry.size
            while len(self._entries) > self._pictures or self._held > self._size:
                self._held -= self._entries.popitem(last=False)[1].size


READER_POOL = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
CACHE = Cache(CACHED_PICTURES, CACHED_BYTES)


def not_compared(message: str) -> gr.Error:
    """An error that stays until the visitor closes it or presses Compare or Clear again; `message` is HTML."""
    return gr.Error(message, title="Not compared", duration=None, print_exception=False)


def gpu_seconds(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> int:
    """Seconds of GPU to ask for; takes the arguments of `embed`."""
    return patience * math.ceil(GPU_SECONDS_BASE + GPU_SECONDS_PICTURE * len(pixel_values))


@spaces.GPU(duration=gpu_seconds)
def embed(pixel_values: npt.NDArray[np.float32], patience: int = 1) -> npt.NDArray[np.float32]:  # noqa: ARG001 - read by gpu_seconds
    """Embed a batch: (k, 3, S, S) float32 in [-1, 1] -> (k, d) float32 unit rows.

    On ZeroGPU it runs in a forked worker: ready arrays in, small arrays out. A worker that is used again has the model on the GPU already.
    """
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    if next(ENCODER.model.parameters()).device.type != device.type:
        ENCODER.model.to(device)
    with torch.inference_mode():
        features = ENCODER.model(pixel_values=torch.from_numpy(pixel_values).to(device)).pooler_output  # (k, d)
        return (features / features.norm(dim=-1, keepdim=True)).cpu().numpy()


def embed_patiently(pixel_values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`embed`, once more with twice the time if the GPU worker died or overran.

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
        "The computation stopped before it was done. Nothing is lost: your pictures are still here, and those that were compared before "
        "cost no time again. Press Compare once more, or try with fewer references."
    )


def thumbnail_of(image: Image.Image) -> views.Thumbnail:
    """An RGB picture as small JPEGs in data URIs; it is shrunk in place, for a second copy of a large one would cost 256 MB."""
    uris = []
    for pixels in THUMBNAIL_PIXELS:
        image.thumbnail((pixels, pixels), reducing_gap=2.0)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=THUMBNAIL_QUALITY)
        uris.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    return views.Thumbnail(*uris)


class Fresh(NamedTuple):
    """A picture that the cache does not hold: (3, S, S) float32 pixel values and its thumbnail."""

    pixel_values: npt.NDArray[np.float32]
    thumbnail: views.Thumbnail


class Reading(NamedTuple):
    """An upload that was read: the SHA-256 of its bytes, and what the cache holds of it or else its pixels."""

    digest: str
    content: Embedded | Fresh


def read(upload: Upload) -> Reading | PictureError:
    """Read an upload, decoding it only if it is new; or why it is refused."""
    try:
        content = read_file(upload.path)
        digest = hashlib.sha256(content).hexdigest()
        if kept := CACHE.get(digest):
            return Reading(digest, kept)
        image = decode(content)
        with refusing("takes more memory than there is. Save a smaller copy."):
            return Reading(digest, Fresh(pixel_values(image, ENCODER.processor), thumbnail_of(image)))
    except PictureError as error:
        return error


def refusal(refused: Sequence[tuple[Upload, PictureError]]) -> gr.Error:
    """The message that names each refused file with its reason; it is rendered as HTML, so the names are escaped."""
    for _, error in refused:
        log.info("Refused a picture, which %s", error)
    lines = [f"<b>{escape(views.short(upload.name))}</b> {escape(str(error))}" for upload, error in refused]
    return not_compared("<br>".join(lines))


def read_all(uploads: Sequence[Upload]) -> list[Reading]:
    """Read the uploads in a few threads.

    Raises:
        gr.Error: one or more are refused.
    """
    readings = list(READER_POOL.map(read, uploads))
    if refused := [(upload, reading) for upload, reading in zip(uploads, readings, strict=True) if isinstance(reading, PictureError)]:
        raise refusal(refused)
    return [reading for reading in readings if isinstance(reading, Reading)]


def batches(pictures: Sequence[npt.NDArray[np.float32]]) -> list[npt.NDArray[np.float32]]:
    """All pictures at once for an accelerator; one at a time for a CPU, which is faster there and shows how far it is."""
    if not pictures:
        return []
    if ON_ZEROGPU or torch.accelerator.is_available():
        return [np.stack(pictures)]
    return [picture[np.newaxis] for picture in pictures]


def embed_files(uploads: Sequence[Upload], report: Callable[[int, int], object]) -> list[tuple[str, Embedded]]:
    """SHA-256 and embedding of each upload, in order; `embed` is called for what is new, or not at all.

    Args:
        uploads: the files; the same content any number of times.
        report: told how many of how many new pictures are embedded.

    Raises:
        gr.Error: a file is refused, or the computation fails.
    """
    readings = read_all(uploads)
    fresh = {digest: content for digest, content in readings if isinstance(content, Fresh)}
    entries = {digest: content for digest, content in readings if isinstance(content, Embedded)}
    waiting = iter(fresh.items())
    for batch in batches([picture.pixel_values for picture in fresh.values()]):
        report(sum(digest in entries for digest in fresh), len(fresh))
        for row in embed_patiently(batch):
            digest, picture = next(waiting)
            entries[digest] = Embedded(row, picture.thumbnail)
            CACHE.put(digest, entries[digest])  # at once: what is done stays done if a later picture fails
    return [(digest, entries[digest]) for digest, _ in readings]


# ------------------------------------------------------------------------------------------------------------------- page

Input = TypeVar("Input", gr.Image, gr.Gallery)


class Result(NamedTuple):
    """Values of the result's components, in their order on the page; the last two are paths."""

    verdict: str
    overview: str
    details: str
    report: str
    matrix: str


def sendable(name: str) -> str:
    """A name that UTF-8 can carry: half a surrogate pair, which only JSON's escapes can hold, becomes a question mark."""
    return name.encode(errors="replace").decode()


def uploads_of(payload: ImageData | GalleryData | None) -> list[Upload]:
    """The files of an input, as they were uploaded; the guard lets no payload name any other file."""
    if payload is None:
        return []
    if isinstance(payload, ImageData):
        files: list[FileData | ImageData] = [payload]
    else:
        files = [item.image if isinstance(item, GalleryImage) else item.video for item in payload.root]
    return [Upload(file.path or "", sendable(file.orig_name or Path(file.path or "").name)) for file in files]


def keep_upload(component: Input) -> Input:
    """Let an input hand over the uploaded files as they are, with the visitor's own names.

    Gradio's preprocessing would open a file with any decoder, fail without naming it, and knows only a name made safe for the disk. A
    subclass would do the same, but Gradio writes a `.pyi` beside each file that holds one.
    """
    component.preprocess = uploads_of
    return component


def require_pictures(test: Sequence[Upload], references: Sequence[Upload]) -> None:
    """Refuse what cannot be compared.

    Raises:
        gr.Error: too few pictures.
    """
    if not test and not references:
        raise not_compared(f"Choose a test image and 1 to {MAX_REFERENCES} references, or try an example.")
    if not references:
        raise not_compared("No reference yet. Add at least one picture to compare the test image with.")
    if not test and len(references) == 1:
        raise not_compared("One picture alone cannot be compared. Choose a test image, or add a second reference.")


def write_files(comparison: Comparison) -> tuple[str, str]:
    """Paths of the JSON report and the CSV matrix, in a folder of their own whose name nobody can guess, swept with the uploads."""
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "pillow": PIL.__version__}
    folder = UPLOADS / secrets.token_hex(32)
    folder.mkdir(parents=True)
    report, matrix = folder / "megastyle-comparison.json", folder / "megastyle-comparison.csv"
    report.write_bytes(views.json_report(comparison, asdict(ENCODER.source), versions).encode())
    matrix.write_bytes(views.csv_matrix(comparison).encode())
    return str(report), str(matrix)


def compare_uploads(test: list[Upload], references: list[Upload], progress: gr.Progress = gr.Progress()) -> Result:  # noqa: B008 - Gradio's way
    """The handler of Compare.

    Raises:
        gr.Error: the pictures cannot be compared; the message says which, why and what to do.
    """
    began = time.perf_counter()
    require_pictures(test, references)
    used, ignored = references[:MAX_REFERENCES], references[MAX_REFERENCES:]
    uploads = [*test, *used]
    progress(0, desc=f"Reading {views.counted(len(uploads), 'picture')}")
    pictures = embed_files(uploads, lambda done, new: progress((done, new), desc=f"Picture {done + 1} of {new}"))
    try:
        comparison = compare(
            np.stack([picture.embedding for _, picture in pictures]),
            [upload.name for upload in uploads],
            digests=[digest for digest, _ in pictures],
            has_test=bool(test),
            ignored=[upload.name for upload in ignored],
        )
    except ValueError as error:
        raise not_compared(escape(str(error))) from error
    log.info("Compared %d pictures in %.2f s", len(uploads), time.perf_counter() - began)
    report, matrix = write_files(comparison)
    key = [upload.path for upload in (*test, *references)]
    thumbnails = [picture.thumbnail for _, picture in pictures]
    return Result(views.verdict(comparison), views.overview(comparison, key), views.details(comparison, thumbnails), report, matrix)


def fill(example: examples.ExampleSet) -> tuple[str, list[str], str]:
    """The values of the two inputs for an example, and what it shows."""
    return str(example.test), [str(path) for path in example.references], example.hint


def build_page() -> gr.Blocks:
    """The page: inputs, examples, result, and what the number means."""
    example_sets = examples.write_examples(Path(tempfile.gettempdir()) / f"megastyle-examples-{os.getuid()}")
    with gr.Blocks(title="MegaStyle Comparison", analytics_enabled=False) as page:
        gr.Markdown(views.intro(), elem_id="intro")
        if not ENCODER.source.official:
            gr.Markdown(views.not_megastyle(ENCODER.source.checkpoint), elem_id="not-megastyle")
        with gr.Row(elem_id="inputs"):
            test = keep_upload(gr.Image(label="Test image", type="filepath", image_mode=None, **INPUT_OPTIONS, elem_id="test"))
            references = keep_upload(
                gr.Gallery(label="References", file_types=["image"], columns=4, object_fit="contain", **INPUT_OPTIONS, elem_id="references")
            )
        with gr.Row(elem_id="actions"):
            compare_button = gr.Button("Compare", variant="primary", scale=3, min_width=120)
            clear_button = gr.Button("Clear", scale=1, min_width=90)
        with gr.Row(elem_id="examples"):
            gr.HTML(views.EXAMPLES_LABEL)
            example_buttons = [gr.Button(example.title, size="sm", min_width=80) for example in example_sets]
        hint = gr.Markdown(views.EXAMPLES_HINT, elem_id="hint")
        with gr.Column(elem_id="result"):
            stale = gr.HTML(elem_id="stale")
            verdict = gr.Markdown(views.WAITING, elem_id="verdict")
            overview, details = gr.HTML(elem_id="overview"), gr.HTML(elem_id="details")
            with gr.Row(elem_id="downloads"):
                report, matrix = (gr.DownloadButton(f"Download {kind}", size="sm", min_width=120) for kind in ("JSON", "CSV"))
        with gr.Column(elem_id="about"):
            gr.Markdown(views.meaning())
            gr.Markdown(views.limits(FORMATS_IN_WORDS, MAX_FILE_BYTES // 2**20, MAX_PIXELS // 10**6, (FILES_KEPT_SECONDS + SWEEP_SECONDS) // 60))
            gr.Markdown(views.SOURCES)

        inputs, outputs = [test, references], [verdict, overview, details, report, matrix]
        comparing = compare_button.click(
            compare_uploads,
            inputs,
            outputs,
            js=views.PATHS_ONLY,
            api_visibility="private",
            concurrency_limit=COMPARISONS_AT_ONCE,
            show_progress_on=verdict,
        )
        comparing.success(None, js=views.SCROLL_TO_RESULT)
        for event in (test.change, references.change, comparing.then):  # an input may change while it runs
            event(None, [*inputs, overview], stale, js=views.MARK_STALE)
        for event in (test.upload, test.clear, references.upload, references.delete):
            event(None, None, hint, js=views.OWN_PICTURES)
        page.load(None, js=views.KEEP_PAGE)
        clear_button.click(None, None, [*inputs, hint, stale, *outputs], js=views.CLEAR, cancels=comparing)
        for button, example in zip(example_buttons, example_sets, strict=True):
            button.click(partial(fill, example), None, [*inputs, hint], api_visibility="private", concurrency_limit=None, show_progress="hidden")
    return page


def main() -> None:
    """Serve the page on GRADIO_SERVER_PORT."""
    page = build_page()
    page.queue(api_open=False, max_size=QUEUE_LENGTH)
    page.launch(
        theme=looks.theme(),
        css=looks.CSS,
        footer_links=["gradio", "settings"],
        run_history=False,
        max_file_size=MAX_FILE_BYTES,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        app_kwargs={
            "middleware": [Middleware(Guard, folder=UPLOADS, limits=Limits(UPLOAD_BYTES, UPLOAD_FILES, EVENT_BYTES))],
            "lifespan": sweeping(UPLOADS, FILES_KEPT_SECONDS, SWEEP_SECONDS),
        },
    )


if __name__ == "__main__":
    main()
