"""The encoder, exactly as its contract has it: a SigLIP vision tower that carries the MegaStyle-Encoder checkpoint.

The contract is that of `style_score.py` of Tencent/MegaStyle (Gao et al., arXiv 2604.08364): the vision tower's
`pooler_output` in float32, divided by its L2 norm. The file is read in the order of a start: find the files (the Hub's
cache before the network), see that they are whole, read the checkpoint, put its weights into the tower.
"""

from __future__ import annotations

import errno
import logging
import os
import time
import zipfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

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
from huggingface_hub.utils.sha import git_hash, sha_fileobj
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel
from transformers.utils.logging import disable_progress_bar

log = logging.getLogger(__name__)
disable_progress_bar()  # of loading tensors; the log has the seconds

# cuDNN's default for convolutions is TF32: on a GPU the patch embedding would lose 13 bits
torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
torch.backends.cuda.matmul.fp32_precision = "ieee"

BACKBONE_REPO = "google/siglip-so400m-patch14-384"
BACKBONE_FILES = ("config.json", "preprocessor_config.json")  # all that a complete checkpoint leaves for the backbone
BACKBONE_WEIGHTS = "model.safetensors"  # 3.5 GB, read only to complete a partial checkpoint
CHECKPOINT_REPO = "Gaojunyao/MegaStyle"
CHECKPOINT_FILE = "megastyle_encoder.pth"  # 857 MB: the whole vision tower in 16 bits
WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # smaller ones are quantised
NO_WEIGHT = "position_ids"  # how the name of the only whole numbers that a SigLIP checkpoint may hold ends
KEYS_SHOWN = 3  # how many tensor names a message quotes
SHA256_DIGITS = 64  # hexadecimal; git's SHA-1 has 40
REMEDY = (
    "Check the network and start again (finished files are kept), run `make demo`, which needs no weights, or point "
    f"MEGASTYLE_CHECKPOINT to a local {CHECKPOINT_FILE} and MEGASTYLE_BACKBONE to a folder with "
    f"{' and '.join(BACKBONE_FILES)}."
)


class EncoderError(RuntimeError):
    """The encoder cannot be loaded; the message says what, why and what to do; it ends the start."""


@dataclass(frozen=True)
class Source:
    """Where an encoder's weights come from, for the report.

    `checkpoint` is the Hub's `repo/file`, or a local file's name; `revision` the Hub's commit, None for a local file;
    `sha256` that of the checkpoint file. `official` is True for the published checkpoint on the published backbone as
    the Hub gave them.
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


def unit_rows(model: SiglipVisionModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """The embeddings of a batch: (k, 3, S, S) float32 in [-1, 1] -> (k, d) float32 rows of length 1.

    The pixel values lie on the model's device, and so do the rows. Dividing by the L2 norm is part of the contract: the
    dot product of two rows is their cosine similarity.
    """
    with torch.inference_mode():
        features = model(pixel_values=pixel_values).pooler_output  # (k, d)
        return features / features.norm(dim=-1, keepdim=True)


# --------------------------------------------------------------------------------------------------------------- files


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
        case HfHubHTTPError():
            answer = f"the Hub answered {cause.response.status_code} {cause.response.reason_phrase}."
            reason = f"{answer} Check HF_TOKEN." if cause.response.status_code in (401, 403) else answer
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            reason = f"no space left in {constants.HF_HUB_CACHE}. Free some, or point HF_HOME to a larger disk."
        case OSError(errno=errno.EROFS | errno.EACCES | errno.EPERM):
            place = cause.filename or constants.HF_HUB_CACHE
            reason = f"{place} cannot be written. Point HF_HOME to a folder that can."
        case _:
            reason = " ".join(str(cause).split()) or type(cause).__name__
    return reason


def find_in_hub(repo: str, name: str) -> Path:
    """Path of a file of the Hub; one that the cache holds is used without asking the network.

    Raises:
        EncoderError: it cannot be had.
    """
    try:
        if isinstance(cached := try_to_load_from_cache(repo, name), str):
            return Path(cached)
        log.info("Not in the cache, asking the Hub: %s of %s", name, repo)
        return Path(hf_hub_download(repo, name))
    except Exception as error:  # OSError, ValueError, RuntimeError, the HTTP library's own: they share no base
        reason = f"Cannot get {name} of {repo} from {constants.ENDPOINT}: {explain(error)}"
        raise EncoderError(f"{reason}\n{REMEDY}") from error


def find_in_backbone(backbone: str, name: str) -> Path:
    """Path of a file of `backbone`, a local folder or a Hub id.

    Raises:
        EncoderError: it is not there.
    """
    if not (folder := Path(backbone).expanduser()).is_dir():
        return find_in_hub(backbone, name)
    if not (path := folder / name).is_file():
        remedy = f"Put the file of {BACKBONE_REPO} there, or unset the variable."
        raise EncoderError(f"MEGASTYLE_BACKBONE={backbone} holds no {name}. {remedy}")
    return path


def find_checkpoint(environment: Mapping[str, str] = os.environ) -> tuple[Path, bool]:
    """Path of the checkpoint, and whether it is the published one rather than what MEGASTYLE_CHECKPOINT names.

    Raises:
        EncoderError: it is not there.
    """
    if not (local := environment.get("MEGASTYLE_CHECKPOINT")):
        return find_in_hub(CHECKPOINT_REPO, CHECKPOINT_FILE), True
    if not (path := Path(local).expanduser()).is_file():
        remedy = f"Correct the path, or unset the variable to use {CHECKPOINT_REPO}'s."
        raise EncoderError(f"MEGASTYLE_CHECKPOINT={local} is no file. {remedy}")
    return path, False


def verify(path: Path) -> str:
    """SHA-256 of a file in hex, once a file of the Hub's cache is known to hold what the Hub published.

    The cache names a file by its ETag, the SHA-256 of a large file and git's SHA-1 of a small one. Only the first link
    is followed, because the file that it names may itself be a link to a store that names its files differently. The
    checkpoint of 857 MB takes half a second. A local file has nothing to be compared with.

    Raises:
        EncoderError: the content is not what the Hub published.
    """
    with path.open("rb") as file:
        digest = sha_fileobj(file).hex()
    blob = path.readlink() if path.is_symlink() else path
    published = blob.name if blob.parent.name == "blobs" else None
    found = git_hash(path.read_bytes()) if published and len(published) < SHA256_DIGITS else digest
    if published not in (None, found):
        remedy = f"It is not used. Delete {path.resolve()} and start again."
        raise EncoderError(f"{path.name} is damaged: its digest is {found}, the Hub's is {published}. {remedy}")
    return digest


# ------------------------------------------------------------------------------------------------------------- weights


def require_plain(path: Path, name: str, value: torch.Tensor) -> None:
    """See that a tensor of a checkpoint is what weights are: dense numbers of 16 bits or more, in memory.

    Raises:
        EncoderError: it is sparse, nested, quantised, or on the meta device, where tensors have no content.
    """
    is_plain = value.layout is torch.strided and not value.is_nested and value.device.type == "cpu"
    if not is_plain or (value.dtype not in WEIGHT_TYPES and not name.endswith(NO_WEIGHT)):
        kind = "nested" if value.is_nested else f"{value.dtype}, {value.layout}, on {value.device}"
        expected = "dense float16, bfloat16, float32 or float64 on the CPU. Name a checkpoint that is not quantised."
        raise EncoderError(f"{path}: {name} is {kind}, not {expected}")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint file, memory-mapped where its format allows; raw or in `{"model": ...}`.

    Raises:
        EncoderError: the file is no checkpoint, or holds more than plain tensors (`weights_only`: no code of it runs).
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch raises what its readers meet; its words advise to load the file unsafely
        reason = f"is no checkpoint that can be read safely ({type(error).__name__})"
        raise EncoderError(f"{path} {reason}. Delete the file and start again, or name another.") from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    is_state = isinstance(state, Mapping) and all(isinstance(value, torch.Tensor) for value in state.values())
    if not state or not is_state or not all(isinstance(name, str) for name in state):
        expected = 'neither a state_dict nor {"model": state_dict}'
        raise EncoderError(f"{path} holds {expected}. Name a checkpoint of MegaStyle-Encoder.")
    for name, value in state.items():
        require_plain(path, name, value)
    return dict(state)


def first(keys: Iterable[str]) -> str:
    """The first few of `keys`, sorted, for a message."""
    return ", ".join(sorted(keys)[:KEYS_SHOWN])


def load_model(config: SiglipVisionConfig, path: Path, backbone: str) -> SiglipVisionModel:
    """The vision tower with the weights of the checkpoint at `path`, float32, on the CPU, in evaluation mode.

    `from_pretrained` maps the tensor names of transformers 4 and 5, casts 16-bit weights and builds no second copy.
    Keys that the checkpoint lacks are taken from the backbone, which is what upstream's `strict=False` amounts to.

    Raises:
        EncoderError: no key matches, a shape differs, a weight is not finite, or missing keys cannot be had.
    """
    state = read_state(path)
    options: dict[str, Any] = {"config": config, "dtype": torch.float32, "output_loading_info": True}
    model, report = SiglipVisionModel.from_pretrained(None, state_dict=state, ignore_mismatched_sizes=True, **options)
    expected, missing, unexpected = set(model.state_dict()), report["missing_keys"], report["unexpected_keys"]
    if mismatched := report["mismatched_keys"]:
        key, found, wanted = min(mismatched)
        shapes = f"{key} has shape {tuple(found)}, not {tuple(wanted)}"
        raise EncoderError(f"{path} is for another model: {shapes}. Name a checkpoint for {backbone}.")
    if len(missing) == len(expected):
        keys = f"It has {first(state)}; expected are {first(expected)}"
        raise EncoderError(f"{path}: none of its keys matches. {keys}. Name another checkpoint.")
    if unexpected:
        keys = first(unexpected)
        log.warning("%s: %d keys are not the vision tower's and are left out: %s", path.name, len(unexpected), keys)
    if missing:
        complete(model, missing, find_in_backbone(backbone, BACKBONE_WEIGHTS))
        text = "%s lacks %d of %d keys, completed from %s: %s"
        log.warning(text, path.name, len(missing), len(expected), backbone, first(missing))
    # a sum is finite only if all that is summed is, and takes a tenth of the time of asking each number
    if broken := [name for name, value in model.state_dict().items() if not value.sum().isfinite()]:
        raise EncoderError(f"{path}: {first(broken)} is not finite. Name a checkpoint that is whole.")
    return model.eval()


def complete(model: SiglipVisionModel, missing: Iterable[str], weights: Path) -> None:
    """Copy the tensors named `missing` from the backbone's own weights into `model`, in place.

    Raises:
        EncoderError: the backbone's weights are damaged, or lack one of them too.
    """
    verify(weights)
    donor, report = SiglipVisionModel.from_pretrained(
        weights.parent, config=model.config, dtype=torch.float32, output_loading_info=True, local_files_only=True
    )
    if lacking := set(missing) & set(report["missing_keys"]):
        remedy = "Name a complete checkpoint, or the backbone that it was trained on."
        raise EncoderError(f"{weights} lacks {first(lacking)} too. {remedy}")
    parameters = donor.state_dict()
    model.load_state_dict({key: parameters[key] for key in missing}, strict=False)


# ------------------------------------------------------------------------------------------------------------- encoder


def read_backbone(backbone: str) -> tuple[SiglipVisionConfig, SiglipImageProcessorPil]:
    """Architecture and image processor of `backbone`; the processor is the one that resizes with Pillow.

    Raises:
        EncoderError: a file is not there, is damaged, or is not SigLIP's.
    """
    config_file, processor_file = (find_in_backbone(backbone, name) for name in BACKBONE_FILES)
    for path in (config_file, processor_file):
        verify(path)
    try:
        config = SiglipVisionConfig.from_pretrained(config_file)
        return config, SiglipImageProcessorPil.from_json_file(processor_file)
    except (OSError, ValueError, TypeError, KeyError) as error:
        remedy = f"Use {BACKBONE_REPO}, or correct MEGASTYLE_BACKBONE."
        raise EncoderError(f"{backbone} is no SigLIP backbone: {error}\n{remedy}") from error


def load_encoder(environment: Mapping[str, str] = os.environ) -> Encoder:
    """Load what the two variables name, by default the published encoder, on the CPU in float32.

    Raises:
        EncoderError: a file cannot be had, is damaged, or is not the contract's.
    """
    began = time.perf_counter()
    backbone = environment.get("MEGASTYLE_BACKBONE") or BACKBONE_REPO
    config, processor = read_backbone(backbone)
    path, published = find_checkpoint(environment)
    with ThreadPoolExecutor(1) as pool:  # hashlib gives up the GIL, so the digest costs almost nothing beside the load
        digest = pool.submit(verify, path)
        try:
            model = load_model(config, path, backbone)
        finally:
            sha256 = digest.result()  # damage explains whatever else went wrong, so its error comes first
    source = Source(
        backbone=Path(backbone).name if Path(backbone).is_dir() else backbone,
        checkpoint=f"{CHECKPOINT_REPO}/{CHECKPOINT_FILE}" if published else path.name,
        revision=path.parent.name if published else None,
        sha256=sha256,
        official=published and backbone == BACKBONE_REPO,
    )
    seconds = time.perf_counter() - began
    text = "Encoder loaded: %s, commit %s, %d keys, %.2f s"
    log.info(text, source.checkpoint, source.revision, len(model.state_dict()), seconds)
    return Encoder(model, processor, source)
