"""A checkpoint file becomes a vision tower that carries its weights, or an error that says why not."""

from __future__ import annotations

import logging
import pickle
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from transformers import SiglipVisionConfig, SiglipVisionModel

log = logging.getLogger(__name__)

KEYS_SHOWN = 3  # how many tensor names an error message quotes


class EncoderError(RuntimeError):
    """The encoder cannot be loaded; the message says what, why and what to do; it ends the start."""


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint file, memory-mapped where its format allows; raw or in `{"model": ...}`.

    Raises:
        EncoderError: the file is no checkpoint, or holds more than tensors (`weights_only`: no code of it ever runs).
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        remedy = "Delete the file and start again, or name another."
        raise EncoderError(f"{path} is no checkpoint that can be read safely: {error}\n{remedy}") from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(value, torch.Tensor) for value in state.values())
    ):
        expected = 'neither a state_dict nor {"model": state_dict}'
        raise EncoderError(f"{path} holds {expected}. Name a checkpoint of MegaStyle-Encoder.")
    return dict(state)


def first(keys: Iterable[str]) -> str:
    """The first few of `keys`, sorted, for a message."""
    return ", ".join(sorted(keys)[:KEYS_SHOWN])


def load_model(
    config: SiglipVisionConfig, path: Path, backbone: str, find_weights: Callable[[], Path]
) -> SiglipVisionModel:
    """The vision tower with the weights of the checkpoint at `path`, float32, on the CPU, in evaluation mode.

    `from_pretrained` maps the tensor names of transformers 4 and 5, casts 16-bit weights and builds no second copy.
    Keys that the checkpoint lacks are taken from the backbone, which is what upstream's `strict=False` amounts to.

    Args:
        config: the architecture.
        path: the checkpoint.
        backbone: the backbone's name, for messages.
        find_weights: gives the path of the backbone's own weights; called only if the checkpoint lacks keys.

    Raises:
        EncoderError: no key matches, a shape differs, or the missing keys cannot be had.
    """
    state = read_state(path)
    model, report = SiglipVisionModel.from_pretrained(
        None,
        config=config,
        state_dict=state,
        dtype=torch.float32,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    expected = set(model.state_dict())
    missing, unexpected, mismatched = report["missing_keys"], report["unexpected_keys"], report["mismatched_keys"]
    if mismatched:
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
        complete(model, missing, find_weights())
        text = "%s lacks %d of %d keys, completed from %s: %s"
        log.warning(text, path.name, len(missing), len(expected), backbone, first(missing))
    return model.eval()


def complete(model: SiglipVisionModel, missing: Iterable[str], weights: Path) -> None:
    """Copy the tensors named `missing` from the backbone's own weights into `model`, in place.

    Raises:
        EncoderError: the backbone's weights lack one of them too.
    """
    donor, report = SiglipVisionModel.from_pretrained(
        weights.parent, config=model.config, dtype=torch.float32, output_loading_info=True, local_files_only=True
    )
    if lacking := set(missing) & set(report["missing_keys"]):
        remedy = "Name a complete checkpoint, or the backbone that it was trained on."
        raise EncoderError(f"{weights} lacks {first(lacking)} too. {remedy}")
    parameters = donor.state_dict()
    model.load_state_dict({key: parameters[key] for key in missing}, strict=False)
