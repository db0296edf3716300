"""Full-size random weights, made once and kept outside the repository.

The benchmark loads them in place of the published files.

    <folder>/hub/hub/models--.../   a Hub cache as the official client leaves it:
                                    the checkpoint in 16 bits, the backbone's two JSON files
    <folder>/backbone/              the backbone as a person downloads it:
                                    the two JSON files and the whole SigLIP, 3.5 GB

Sizes, shapes, names and number formats are the published files'; only the numbers are random.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils.sha import git_hash
from safetensors.torch import save_file
from transformers import SiglipConfig, SiglipModel

from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, BACKBONE_WEIGHTS, CHECKPOINT_FILE, CHECKPOINT_REPO, verify

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # any: the made-up commit of the cache
SEED = 0
VERSION = 1  # of what is written here; with another number everything is made anew
MAKING_BYTES = 5_300_000_000  # of disk while they are made: the two files, and the checkpoint twice
SPREAD = 0.02  # standard deviation of the random weights, as SigLIP's own initialisation has it
PARAMETERS, TENSORS = 428_225_600, 448  # of the vision tower
TOWER = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
VISION: dict[str, Any] = {**TOWER, "image_size": 384, "patch_size": 14, "model_type": "siglip_vision_model"}
TEXT: dict[str, Any] = {
    **TOWER,
    "vocab_size": 32000,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "model_type": "siglip_text_model",
}
CONFIG = {
    "architectures": ["SiglipModel"],
    "initializer_factor": 1.0,
    "model_type": "siglip",
    "text_config": TEXT,
    "vision_config": VISION,
}
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "SiglipProcessor",
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"height": 384, "width": 384},
}


def hub_home(folder: Path) -> Path:
    """What HF_HOME must be for the app to find the files under their published names."""
    return folder / "hub"


def backbone_folder(folder: Path) -> Path:
    """The backbone with its own weights, for the plain recipe."""
    return folder / "backbone"


def checkpoint_path(folder: Path) -> Path:
    """The checkpoint in the cache."""
    return snapshot(folder, CHECKPOINT_REPO) / CHECKPOINT_FILE


def repository(folder: Path, repo: str) -> Path:
    """A repository's folder in the cache."""
    return hub_home(folder) / "hub" / f"models--{repo.replace('/', '--')}"


def snapshot(folder: Path, repo: str) -> Path:
    """The one snapshot of a repository in the cache."""
    return repository(folder, repo) / "snapshots" / COMMIT


def make(folder: Path) -> None:
    """Make the weights beside their place and put them there by one rename, so that nobody ever reads half of them."""
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        write_backbone(unfinished)
        write_checkpoint(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_backbone(folder: Path) -> None:
    """The whole SigLIP, float32, as a folder; its two JSON files in the cache as well."""
    target = backbone_folder(folder)
    target.mkdir()
    for name, content in zip(BACKBONE_FILES, (CONFIG, PROCESSOR), strict=True):
        (target / name).write_text(json.dumps(content, indent=2))
        put_into_cache(folder, BACKBONE_REPO, target / name, hashed_as_git=True)
    save_file(random_state(SEED), target / BACKBONE_WEIGHTS, metadata={"format": "pt"})


def write_checkpoint(folder: Path) -> None:
    """Another vision tower in 16 bits under `{"model": ...}`, with transformers 4's names, in the cache."""
    state = {name: value.half() for name, value in random_state(SEED + 1, "vision_model.").items()}
    assert (len(state), sum(map(torch.numel, state.values()))) == (TENSORS, PARAMETERS)  # noqa: S101 - the size is what is measured
    path = folder / CHECKPOINT_FILE
    torch.save({"model": state}, path)
    put_into_cache(folder, CHECKPOINT_REPO, path)
    path.unlink()


def random_state(seed: int, prefix: str = "") -> dict[str, torch.Tensor]:
    """The tensors of a SigLIP whose names begin with `prefix`, float32: norms of one, everything else random."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        model = SiglipModel(SiglipConfig(text_config=TEXT, vision_config=VISION))
    return {
        name: random_tensor(name, value.shape, generator)
        for name, value in model.state_dict().items()
        if name.startswith(prefix)
    }


def random_tensor(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """One tensor."""
    if "norm" in name:
        return torch.full(shape, float(name.endswith("weight")))
    return torch.empty(shape).normal_(0, SPREAD, generator=generator)


def put_into_cache(folder: Path, repo: str, path: Path, *, hashed_as_git: bool = False) -> None:
    """Put a copy of a file into the cache as the official client does.

    That makes a blob by its ETag, a link in the snapshot and the branch's commit.
    """
    blobs, refs = repository(folder, repo) / "blobs", repository(folder, repo) / "refs"
    for place in (blobs, refs, snapshot(folder, repo)):
        place.mkdir(parents=True, exist_ok=True)
    blob = blobs / (git_hash(path.read_bytes()) if hashed_as_git else verify(path))
    shutil.copyfile(path, blob)
    (snapshot(folder, repo) / path.name).symlink_to(os.path.relpath(blob, snapshot(folder, repo)))
    (refs / "main").write_text(COMMIT)
