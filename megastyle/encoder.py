"""MegaStyle-Encoder: the model contract and nothing else.

A SigLIP so400m vision tower carries the MegaStyle-Encoder checkpoint (Gao et al., arXiv 2604.08364). This module loads it
and turns picture files into the pixel values that it expects, exactly as `style_score.py` of Tencent/MegaStyle does, with
one deliberate difference: the EXIF orientation is applied, so that what is scored is what the visitor sees upright.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import pickle
import time
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.sha import git_hash
from PIL import Image, ImageOps
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel
from transformers.utils.logging import disable_progress_bar

log = logging.getLogger(__name__)
disable_progress_bar()  # of loading tensors; the log has the seconds

torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]  # cuDNN's default is TF32: the patch embedding would lose 13 bits on a GPU
torch.backends.cuda.matmul.fp32_precision = "ieee"

# --------------------------------------------------------------------------------------------------------------- settings

BACKBONE_REPO = "google/siglip-so400m-patch14-384"
BACKBONE_FILES = ("config.json", "preprocessor_config.json")  # all that a complete checkpoint leaves for the backbone
BACKBONE_WEIGHTS = "model.safetensors"  # 3.5 GB, read only to complete a partial checkpoint
CHECKPOINT_REPO = "Gaojunyao/MegaStyle"
CHECKPOINT_FILE = "megastyle_encoder.pth"  # 857 MB: the whole vision tower in 16 bits

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")  # decoded in this process; a phone's MPO opens as JPEG
FORMATS_IN_WORDS = "JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF"
MAX_FILE_BYTES = 32 * 2**20  # a high-quality JPEG of MAX_PIXELS has about 30 MB
MAX_PIXELS = 8192 * 8192  # width x height, 67 megapixels: as large phones make them. Decoding takes at most 1 GB (WebP, measured)
MAX_SIDE = 65_535  # pixels, JPEG's own maximum: each row costs memory, however short it is
RLE_COMPRESSIONS = (1, 2)  # of BMP: Pillow decodes them in Python, 10 s for a file of 33 KB (measured)
TIFF_BITS, TIFF_PHOTOMETRIC, TIFF_PLANAR = 258, 262, 284  # tag numbers, TIFF 6.0
WHITE_IS_ZERO, SEPARATE_PLANES = 0, 2  # values of the latter two
DOWNLOAD_PAUSES = (1, 4)  # s before asking again: the client itself gives up on a 5xx or a reset in the middle of a file
KEYS_SHOWN = 3  # how many tensor names an error message quotes


class EncoderError(RuntimeError):
    """The encoder cannot be loaded; the message says what, why and what to do, for the log of a start that ends here."""


class PictureError(ValueError):
    """A picture is refused; the message says why and what to do, in words for the visitor, without the file's name."""


@dataclass(frozen=True)
class Source:
    """Where an encoder's weights come from, for the report.

    `checkpoint` is the Hub's `repo/file`, or a local file's name; `revision` the Hub's commit, None for a local file; `sha256` that of the
    checkpoint file. `official` is True for the published checkpoint on the published backbone as the Hub gave them.
    """

    backbone: str
    checkpoint: str
    revision: str | None
    sha256: str
    official: bool


class Encoder(NamedTuple):
    """A model with the image processor that belongs to it, so that nobody pairs the wrong ones."""

    model: SiglipVisionModel
    processor: SiglipImageProcessorPil
    source: Source


# ---------------------------------------------------------------------------------------------------------------- encoder


def hub_remedy() -> str:
    """The ways on when the Hub does not give a file."""
    return (
        "Check the network and start again (finished files are kept), run `make demo`, which needs no weights, or point "
        f"MEGASTYLE_CHECKPOINT to a local {CHECKPOINT_FILE} and MEGASTYLE_BACKBONE to a folder with {' and '.join(BACKBONE_FILES)}."
    )


def explain(error: Exception) -> str:
    """Why the Hub's client gave up, in one line, with the remedy where there is a special one."""
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error
    match cause:
        case OfflineModeIsEnabled():
            reason = "HF_HUB_OFFLINE is set and the file is not in the cache. Unset it to download the file once."
        case GatedRepoError():
            reason = "the repository is gated. Accept its terms on the Hub and set HF_TOKEN."
        case RepositoryNotFoundError():
            reason = "no such repository, or a private one. Check the name; for a private one set HF_TOKEN."
        case RemoteEntryNotFoundError():
            reason = "the repository holds no such file."
        case HfHubHTTPError() if cause.response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            reason = f"the Hub answered {cause.response.status_code} {cause.response.reason_phrase}. Check HF_TOKEN."
        case HfHubHTTPError():
            reason = f"the Hub answered {cause.response.status_code} {cause.response.reason_phrase}."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            reason = f"no space left in {constants.HF_HUB_CACHE}. Free some, or point HF_HOME to a larger disk."
        case OSError(errno=errno.EROFS | errno.EACCES | errno.EPERM):
            reason = f"{cause.filename or constants.HF_HUB_CACHE} cannot be written. Point HF_HOME to a folder that can."
        case _:
            reason = " ".join(str(cause).split()) or type(cause).__name__
    return reason


def is_passing(error: Exception) -> bool:
    """Whether a transfer broke in a way that the client does not repeat by itself: a 5xx for the content, or a reset in the middle of it."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    cause: BaseException = error
    while cause.__cause__:
        cause = cause.__cause__
    return isinstance(cause, ConnectionResetError)


def cached_or_downloaded(repo: str, name: str) -> str:
    """Path of a Hub file; what the cache holds is used without a question to the network, so that a start needs none."""
    if isinstance(cached := try_to_load_from_cache(repo, name), str):
        return cached
    log.info("Not in the cache, asking the Hub: %s of %s", name, repo)
    for pause in DOWNLOAD_PAUSES:
        try:
            return hf_hub_download(repo, name)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("%s of %s: %s Trying again in %d s.", name, repo, explain(error), pause)
            time.sleep(pause)
    return hf_hub_download(repo, name)


def find_in_hub(repo: str, name: str) -> Path:
    """Path of a Hub file: from the cache if it is there, else downloaded.

    Raises:
        EncoderError: neither has it.
    """
    try:
        return Path(cached_or_downloaded(repo, name))
    except Exception as error:  # OSError, ValueError, RuntimeError, the HTTP library's own: they share no base
        raise EncoderError(f"Cannot get {name} of {repo} from {constants.ENDPOINT}: {explain(error)}\n{hub_remedy()}") from error


def find_in_backbone(backbone: str, name: str) -> Path:
    """Path of a file of `backbone`, a local folder or a Hub id.

    Raises:
        EncoderError: it is not there.
    """
    if not (folder := Path(backbone).expanduser()).is_dir():
        return find_in_hub(backbone, name)
    if not (path := folder / name).is_file():
        raise EncoderError(f"MEGASTYLE_BACKBONE={backbone} holds no {name}. Put the file of {BACKBONE_REPO} there, or unset the variable.")
    return path


def find_checkpoint() -> Path:
    """Path of the checkpoint: what MEGASTYLE_CHECKPOINT names, else the published one.

    Raises:
        EncoderError: it is not there.
    """
    if not (local := os.environ.get("MEGASTYLE_CHECKPOINT")):
        return find_in_hub(CHECKPOINT_REPO, CHECKPOINT_FILE)
    if not (path := Path(local).expanduser()).is_file():
        raise EncoderError(f"MEGASTYLE_CHECKPOINT={local} is no file. Correct the path, or unset the variable to use {CHECKPOINT_REPO}'s.")
    return path


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's content, in hex; a checkpoint of 857 MB takes half a second."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def published_digest(path: Path) -> str | None:
    """The digest under which the Hub's cache keeps a file (its ETag): SHA-256 of a large file, git's SHA-1 of a small one; None elsewhere.

    One link is read, no more: behind it the cache may keep the content under another name.
    """
    blob = path.readlink() if path.is_symlink() else path
    return blob.name if blob.parent.name == "blobs" else None


def verify(path: Path) -> str:
    """SHA-256 of a file, once its content is known to be what the Hub published; a local file has nothing to be compared with.

    Raises:
        EncoderError: the content is another.
    """
    digest, wanted = sha256_of(path), published_digest(path)
    found = git_hash(path.read_bytes()) if wanted and len(wanted) < len(digest) else digest
    if wanted not in (None, found):
        remedy = f"It is not used. Delete {path.resolve()} and start again."
        raise EncoderError(f"{path.name} is damaged: its digest is {found}, the Hub's is {wanted}. {remedy}")
    return digest


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint file, memory-mapped where its format allows; raw or in `{"model": ...}`.

    Raises:
        EncoderError: the file is no checkpoint, or holds more than tensors (`weights_only`: no code of it ever runs).
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        raise EncoderError(f"{path} is no checkpoint that can be read safely: {error}\nDelete the file and start again, or name another.") from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise EncoderError(f'{path} holds neither a state_dict nor {{"model": state_dict}}. Name a checkpoint of MegaStyle-Encoder.')
    return dict(state)


def first(keys: Iterable[str]) -> str:
    """The first few of `keys`, sorted, for a message."""
    return ", ".join(sorted(keys)[:KEYS_SHOWN])


def load_model(config: SiglipVisionConfig, path: Path, backbone: str) -> SiglipVisionModel:
    """The vision tower with the weights of the checkpoint at `path`, float32, on the CPU, in evaluation mode.

    `from_pretrained` maps the tensor names of transformers 4 and 5, casts 16-bit weights and builds no second copy. Keys that the checkpoint
    lacks are taken from the backbone, which is what upstream's `strict=False` amounts to.

    Raises:
        EncoderError: no key matches, a shape differs, or the missing keys cannot be had.
    """
    state = read_state(path)
    model, report = SiglipVisionModel.from_pretrained(
        None, config=config, state_dict=state, dtype=torch.float32, output_loading_info=True, ignore_mismatched_sizes=True
    )
    expected = set(model.state_dict())
    missing, unexpected, mismatched = report["missing_keys"], report["unexpected_keys"], report["mismatched_keys"]
    if mismatched:
        key, found, wanted = min(mismatched)
        raise EncoderError(f"{path} is for another model: {key} has shape {tuple(found)}, not {tuple(wanted)}. Name a checkpoint for {backbone}.")
    if len(missing) == len(expected):
        raise EncoderError(f"{path}: none of its keys matches. It has {first(state)}; expected are {first(expected)}. Name another checkpoint.")
    if unexpected:
        log.warning("%s: %d keys are not the vision tower's and are left out: %s", path.name, len(unexpected), first(unexpected))
    if missing:
        complete(model, missing, backbone)
        log.warning("%s lacks %d of %d keys, completed from %s: %s", path.name, len(missing), len(expected), backbone, first(missing))
    return model.eval()


def complete(model: SiglipVisionModel, missing: Iterable[str], backbone: str) -> None:
    """Copy the tensors named `missing` from the backbone's own weights into `model`, in place.

    Raises:
        EncoderError: the backbone's weights cannot be had, or lack one of them too.
    """
    weights = find_in_backbone(backbone, BACKBONE_WEIGHTS)
    verify(weights)
    donor, report = SiglipVisionModel.from_pretrained(
        weights.parent, config=model.config, dtype=torch.float32, output_loading_info=True, local_files_only=True
    )
    if lacking := set(missing) & set(report["missing_keys"]):
        raise EncoderError(f"{weights} lacks {first(lacking)} too. Name a complete checkpoint, or the backbone that it was trained on.")
    parameters = donor.state_dict()
    model.load_state_dict({key: parameters[key] for key in missing}, strict=False)


def read_backbone(backbone: str) -> tuple[SiglipVisionConfig, SiglipImageProcessorPil]:
    """The backbone's architecture and its image processor, the one that resizes with Pillow.

    Raises:
        EncoderError: the two files cannot be had or are not a SigLIP's.
    """
    config_file, processor_file = (find_in_backbone(backbone, name) for name in BACKBONE_FILES)
    for path in (config_file, processor_file):
        verify(path)
    try:
        return SiglipVisionConfig.from_pretrained(config_file), SiglipImageProcessorPil.from_json_file(processor_file)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EncoderError(f"{backbone} is no SigLIP backbone: {error}\nUse {BACKBONE_REPO}, or correct MEGASTYLE_BACKBONE.") from error


def load_encoder() -> Encoder:
    """Load what MEGASTYLE_BACKBONE and MEGASTYLE_CHECKPOINT name, by default the published encoder, on the CPU in float32.

    Raises:
        EncoderError: a file cannot be had, is damaged, or is not the contract's.
    """
    began = time.perf_counter()
    backbone = os.environ.get("MEGASTYLE_BACKBONE") or BACKBONE_REPO
    config, processor = read_backbone(backbone)
    path = find_checkpoint()
    with ThreadPoolExecutor(1) as pool:  # beside the load, for hashlib gives up the GIL; after it the digest would cost more
        verified = pool.submit(verify, path)
        try:
            model = load_model(config, path, backbone)
        finally:
            sha256 = verified.result()  # damage explains whatever else went wrong, so its error comes first
    published = not os.environ.get("MEGASTYLE_CHECKPOINT")
    source = Source(
        backbone=Path(backbone).name if Path(backbone).is_dir() else backbone,
        checkpoint=f"{CHECKPOINT_REPO}/{CHECKPOINT_FILE}" if published else path.name,
        revision=path.parent.name if published else None,
        sha256=sha256,
        official=published and backbone == BACKBONE_REPO,
    )
    seconds = time.perf_counter() - began
    log.info("Encoder loaded: %s, commit %s, %d keys, %.2f s", source.checkpoint, source.revision, len(model.state_dict()), seconds)
    return Encoder(model, processor, source)


# --------------------------------------------------------------------------------------------------------------- pictures

warnings.filterwarnings("ignore", module=r"PIL\.")  # for good: `catch_warnings` is not safe in the threads that read pictures
GONE = "is no longer on the server. Choose it again."
TOO_MANY_PIXELS = f"has too many pixels; at most {MAX_PIXELS // 10**6} megapixels are read, and {MAX_SIDE} on a side. Save a smaller copy."
GRAY_LEVELS = np.round(np.arange(2**16) / 257).astype(np.uint8)  # (65536,) 16-bit gray to the nearest of 8 bits


@contextmanager
def refusing(reason: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a PictureError: on hostile files decoders raise anything."""
    try:
        yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(TOO_MANY_PIXELS) from error
    except Exception as error:
        raise PictureError(reason) from error


def open_picture(file: BytesIO) -> Image.Image:
    """The picture's header; nothing is decoded yet. From a file object, so that no name decides which decoder is asked.

    Raises:
        PictureError: it is no picture of PICTURE_FORMATS.
    """
    with refusing(f"is not a picture that can be read. Use {FORMATS_IN_WORDS}."):
        return Image.open(file, formats=PICTURE_FORMATS)


def require_readable(image: Image.Image) -> None:
    """Refuse, before any pixel is decoded, what is too large and what Pillow would read wrongly or very slowly.

    Raises:
        PictureError: the picture is refused.
    """
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise PictureError(TOO_MANY_PIXELS)
    if image.mode in ("I", "F"):
        raise PictureError("has 32-bit pixels, whose white no file states. Save it as an 8-bit PNG or JPEG.")
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    bits = tags.get(TIFF_BITS, (8,))
    gray16 = bool(tags) and image.mode.startswith("I;16")
    odd_gray = gray16 and (bits != (16,) or tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO)
    if odd_gray or (max(bits) > 8 and tags.get(TIFF_PLANAR) == SEPARATE_PLANES):
        raise PictureError("is a kind of TIFF that would be read wrongly. Save it as an 8-bit PNG or JPEG.")
    if image.format == "BMP" and image.info.get("compression") in RLE_COMPRESSIONS:
        raise PictureError("is a run-length encoded BMP. Save it as PNG.")


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB as upstream's `convert("RGB")` gives it; 16-bit gray is scaled where that would clip it to white."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray(GRAY_LEVELS[np.asarray(image)])
    return image if image.mode == "RGB" else image.convert("RGB")


def read_file(path: str | Path) -> bytes:
    """A file's content.

    Raises:
        PictureError: it is gone, empty or too large.
    """
    with refusing(GONE):
        if not Path(path).is_file():  # a pipe would wait for ever
            raise FileNotFoundError(path)
        size = Path(path).stat().st_size
        if not size:
            raise PictureError("is empty. Choose it again.")
        if size > MAX_FILE_BYTES:
            raise PictureError(f"is larger than {MAX_FILE_BYTES // 2**20} MB. Save a smaller copy.")
        return Path(path).read_bytes()


def decode(content: bytes) -> Image.Image:
    """The picture in a file's content, upright, in 8-bit RGB; of an animation the first frame.

    Raises:
        PictureError: it is no picture of PICTURE_FORMATS, too large, damaged, or of a kind that would be read wrongly.
    """
    file = BytesIO(content)
    image = open_picture(file)
    require_readable(image)
    with refusing("is damaged or cut short. Save or download it again."):
        if image.format == "PNG":  # its decoder checks neither all checksums nor the end
            image.verify()
            file.seek(0)
            image = open_picture(file)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image)


def pixel_values(image: Image.Image, processor: SiglipImageProcessorPil) -> npt.NDArray[np.float32]:
    """(3, height, width) of `processor.size`, float32 in [-1, 1], of an RGB picture; its aspect ratio is not kept (contract).

    Resized by Pillow before the processor sees it, whose own resize then has nothing to do: the same pixels to the bit, without its
    copies of the full picture.
    """
    size: Any = processor.size
    square = image.resize((size["width"], size["height"]), resample=processor.resample)
    return processor(images=square, return_tensors="np")["pixel_values"][0]


def read_image(path: str | Path, processor: SiglipImageProcessorPil) -> npt.NDArray[np.float32]:
    """Pixel values of one picture file, see `read_file`, `decode` and `pixel_values`.

    Raises:
        PictureError: the file is refused.
    """
    return pixel_values(decode(read_file(path)), processor)
