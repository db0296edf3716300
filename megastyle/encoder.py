"""The encoder, exactly as its contract has it: a SigLIP vision tower that carries the MegaStyle-Encoder checkpoint.

The contract is that of `style_score.py` of Tencent/MegaStyle (Gao et al., arXiv 2604.08364): the vision tower's
`pooler_output` in float32, divided by its L2 norm.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel
from transformers.utils.logging import disable_progress_bar

from megastyle.checkpoint import EncoderError, load_model
from megastyle.hub import HubError, find_in_hub, verify

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
REMEDY = (
    "Check the network and start again (finished files are kept), run `make demo`, which needs no weights, or point "
    f"MEGASTYLE_CHECKPOINT to a local {CHECKPOINT_FILE} and MEGASTYLE_BACKBONE to a folder with "
    f"{' and '.join(BACKBONE_FILES)}."
)


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


def find_published(repo: str, name: str) -> Path:
    """Path of a file that the Hub publishes.

    Raises:
        EncoderError: it cannot be had.
    """
    try:
        return find_in_hub(repo, name)
    except HubError as error:
        raise EncoderError(f"{error}\n{REMEDY}") from error


def find_in_backbone(backbone: str, name: str) -> Path:
    """Path of a file of `backbone`, a local folder or a Hub id.

    Raises:
        EncoderError: it is not there.
    """
    if not (folder := Path(backbone).expanduser()).is_dir():
        return find_published(backbone, name)
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
        return find_published(CHECKPOINT_REPO, CHECKPOINT_FILE), True
    if not (path := Path(local).expanduser()).is_file():
        remedy = f"Correct the path, or unset the variable to use {CHECKPOINT_REPO}'s."
        raise EncoderError(f"MEGASTYLE_CHECKPOINT={local} is no file. {remedy}")
    return path, False


def digest_of(path: Path) -> str:
    """SHA-256 of a file that is not damaged.

    Raises:
        EncoderError: it is damaged.
    """
    try:
        return verify(path)
    except HubError as error:
        raise EncoderError(str(error)) from error


def read_backbone(backbone: str) -> tuple[SiglipVisionConfig, SiglipImageProcessorPil]:
    """The backbone's architecture and its image processor, the one that resizes with Pillow.

    Raises:
        EncoderError: the two files cannot be had or are not a SigLIP's.
    """
    config_file, processor_file = (find_in_backbone(backbone, name) for name in BACKBONE_FILES)
    for path in (config_file, processor_file):
        digest_of(path)
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

    def find_weights() -> Path:
        weights = find_in_backbone(backbone, BACKBONE_WEIGHTS)
        digest_of(weights)
        return weights

    with ThreadPoolExecutor(1) as pool:  # hashlib gives up the GIL, so the digest costs almost nothing beside the load
        digest = pool.submit(digest_of, path)
        try:
            model = load_model(config, path, backbone, find_weights)
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
