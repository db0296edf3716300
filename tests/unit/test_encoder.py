"""The encoder: loaded by the contract from whatever a checkpoint may be, and equal to two independent references."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

import reference
from megastyle.encoder import Encoder, EncoderError, load_encoder, read_backbone, verify
from pixels import pixels_of
from reference import PREPROCESSOR, RECIPE, bare, drawn_pictures, drawn_state

State = dict[str, torch.Tensor]

SIZES = "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size"
SMALL = dict(zip(SIZES, (16, 24, 1, 2, 28, 14), strict=True))
FULL = dict(zip(SIZES, (1152, 4304, 27, 16, 384, 14), strict=True))
FULL_TENSORS, FULL_PARAMETERS = 448, 428_225_600
SAME = 1e-5  # the largest difference of a cosine that another batch or machine may make
FC1 = "encoder.layers.0.mlp.fc1.weight"


def prefixed(state: State) -> State:
    """The state by transformers 4's names."""
    return {f"vision_model.{name}": value for name, value in state.items()}


def write_backbone(folder: Path, config: dict[str, int], *, weights: State | None = None) -> Path:
    """A backbone folder; its config.json as the Hub's, where the vision tower's is one part of several."""
    folder.mkdir(exist_ok=True)
    vision = {**config, "model_type": "siglip_vision_model"}
    (folder / "config.json").write_text(json.dumps({"model_type": "siglip", "vision_config": vision}))
    size = {"height": config["image_size"], "width": config["image_size"]}
    (folder / "preprocessor_config.json").write_text(json.dumps({**PREPROCESSOR, "size": size}))
    if weights:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


Load = Callable[..., Encoder]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads what is saved as given.pth, or these bytes, on the small backbone, as the app does."""

    def loading(content: object, *, weights: State | None = None, **options: bool) -> Encoder:
        path, backbone = tmp_path / "given.pth", write_backbone(tmp_path / "small-backbone", SMALL, weights=weights)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path, **options)
        return load_encoder({"MEGASTYLE_BACKBONE": str(backbone), "MEGASTYLE_CHECKPOINT": str(path)})

    return loading


@pytest.fixture
def state() -> State:
    """Weights of a small vision tower, 16 bits, by their bare names."""
    return drawn_state(SMALL)


def assert_holds(model: SiglipVisionModel, state: State) -> None:
    """Every tensor of the model equals the state's, cast up to float32 without a loss."""
    found = {bare(name): value for name, value in model.state_dict().items()}
    expected = {bare(name): value.float() for name, value in state.items()}
    assert found.keys() == expected.keys()
    assert [name for name, value in found.items() if not torch.equal(value, expected[name])] == []


# --------------------------------------------------------------------------------------------- what a checkpoint may be

CHECKPOINTS: dict[str, Callable[[State], object]] = {
    "raw": dict,
    "in model": lambda state: {"model": state},
    "in model, by transformers 4's names": lambda state: {"model": prefixed(state)},
    "32 bits": lambda state: {name: value.float() for name, value in state.items()},
    "bfloat16": lambda state: {name: value.bfloat16().float().bfloat16() for name, value in state.items()},
    "parameters": lambda state: {name: torch.nn.Parameter(value) for name, value in state.items()},
    "with transformers 4's position ids": lambda state: prefixed({**state, "embeddings.position_ids": torch.arange(4)}),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_every_tensor_arrives_on_the_cpu_in_float32(load: Load, state: State, kind: str, *, zipped: bool) -> None:
    """Nothing is left on the meta device either, not even the position ids, which no checkpoint need hold."""
    if kind == "bfloat16":
        state = {name: value.bfloat16() for name, value in state.items()}
    model = load(CHECKPOINTS[kind](state), _use_new_zipfile_serialization=zipped).model
    assert_holds(model, state)
    assert {(value.dtype, value.device.type) for value in model.parameters()} == {(torch.float32, "cpu")}
    assert [value.tolist() for value in model.buffers()] == [[[0, 1, 2, 3]]]  # (28 / 14) squared
    assert not any(module.training for module in model.modules())


def test_the_source_and_the_log_say_what_was_loaded(
    load: Load, state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names without their folders, the file's digest, no commit; it is not the published encoder."""
    others = {"text_model.final_layer_norm.weight": torch.ones(8), "logit_scale": torch.ones(1)}
    with caplog.at_level(logging.INFO, "megastyle"):
        encoder = load({**prefixed(state), **others})
    assert_holds(encoder.model, state)
    digest = hashlib.sha256((tmp_path / "given.pth").read_bytes()).hexdigest()
    assert encoder.source == type(encoder.source)("small-backbone", "given.pth", None, digest, official=False)
    *_, left_out, loaded = caplog.messages
    names = "logit_scale, text_model.final_layer_norm.weight"
    assert left_out == f"given.pth: 2 keys are not the vision tower's and are left out: {names}"
    assert re.fullmatch(r"Encoder loaded: given\.pth, commit None, 32 keys, \d+\.\d\d s", loaded)


LACKED = (FC1, "head.probe", "post_layernorm.bias", "post_layernorm.weight")


@pytest.mark.parametrize("naming", [dict, prefixed], ids=["bare", "vision_model"])
def test_a_partial_checkpoint_is_completed_from_the_backbone(
    load: Load, state: State, caplog: pytest.LogCaptureFixture, naming: Callable[[State], State]
) -> None:
    """Exactly the lacking tensors are the backbone's; the log says how many and names the first."""
    donor = {name: value.float() + 7 for name, value in state.items()}
    partial = {name: value for name, value in state.items() if name not in LACKED}
    assert_holds(
        load(naming(partial), weights=prefixed(donor)).model, {**partial, **{name: donor[name] for name in LACKED}}
    )
    text = r"given\.pth lacks 4 of 32 keys, completed from \S*small-backbone: (vision_model\.)?encoder\.layers\.0\.mlp"
    assert re.match(text, caplog.messages[-1])


# --------------------------------------------------------------------------------------------------- what it may not be


class Bait:
    """Leaves a folder behind where a pickle that holds it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False, None], ids=["zip", "old format", "plain pickle"])
def test_code_in_a_checkpoint_never_runs(load: Load, tmp_path: Path, *, zipped: bool | None) -> None:
    """The bait works where weights_only is off; the app refuses the file, and nothing is left behind."""
    trace = tmp_path / "trace"
    baited: Any = {"model": {"head.probe": Bait(trace)}}
    if zipped is None:
        pickle.loads(baited := pickle.dumps(baited, protocol=2))  # noqa: S301 - to show that it works
    else:
        torch.save(baited, tmp_path / "bait.pth", _use_new_zipfile_serialization=zipped)
        torch.load(tmp_path / "bait.pth", weights_only=False)
    trace.rmdir()
    with pytest.raises(EncoderError, match=r"given\.pth is no checkpoint that can be read safely"):
        load(baited, **({} if zipped is None else {"_use_new_zipfile_serialization": zipped}))
    assert not trace.exists()


UNREADABLE = r"given\.pth is no checkpoint that can be read safely \(\w+\)\. Delete the file and start again, or name"
NO_STATE = r'given\.pth holds neither a state_dict nor \{"model": state_dict\}\. Name a checkpoint of MegaStyle'
NOT_PLAIN = rf"given\.pth: {FC1} is .+, not dense float16, bfloat16, float32 or float64 on the CPU\. Name a checkpoint"
ANOTHER = r"given\.pth is for another model: (vision_model\.)?\S+ has shape \(\S.*\), not \(\S.*\)\. Name a checkpoint"
STRANGE_KEYS = (
    r"given\.pth: none of its keys matches\. It has module\.embed\S+, .*; expected are (vision_model\.)?embeddings\."
)
REFUSED: dict[str, tuple[Callable[[State], object], str]] = {
    "empty file": (lambda _: b"", UNREADABLE),
    "pointer of a large file": (lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", UNREADABLE),
    "half of a file": (lambda _: pickle.dumps(list(range(999)))[:500], UNREADABLE),
    "zip of something else": (lambda _: bytes.fromhex("504b0506") + bytes(18), UNREADABLE),
    "safetensors": (save, UNREADABLE),
    "a whole pickled model": (lambda _: SiglipVisionModel(SiglipVisionConfig(**SMALL)), UNREADABLE),
    "list": (list, NO_STATE),
    "nothing": (lambda _: {"model": {}}, NO_STATE),
    "numbers": (lambda _: {"model": {"head.probe": 1}}, NO_STATE),
    "keys that are no strings": (lambda state: {**state, 3: torch.ones(1)}, NO_STATE),
    "sparse": (lambda state: {**state, FC1: state[FC1].float().to_sparse()}, NOT_PLAIN),
    "sparse by rows": (lambda state: {**state, FC1: state[FC1].float().to_sparse_csr()}, NOT_PLAIN),
    "quantised": (
        lambda state: {**state, FC1: torch.quantize_per_tensor(state[FC1].float(), 0.1, 0, torch.qint8)},
        NOT_PLAIN,
    ),
    "whole numbers": (lambda state: {**state, FC1: state[FC1].char()}, NOT_PLAIN),
    "8 bits": (lambda state: {**state, FC1: state[FC1].to(torch.float8_e4m3fn)}, NOT_PLAIN),
    "no content": (lambda state: {**state, FC1: state[FC1].to("meta")}, NOT_PLAIN),
    "nested": (lambda state: {**state, FC1: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])}, NOT_PLAIN),
    "not a number": (lambda state: {**state, FC1: state[FC1] * torch.nan}, rf"given\.pth: \S*{FC1} is not finite\."),
    "too large": (lambda state: {**state, FC1: state[FC1].double() * 1e300}, rf"\S*{FC1} is not finite\. Name a"),
    "no key matches": (lambda state: {f"module.{name}": value for name, value in state.items()}, STRANGE_KEYS),
    "another shape": (lambda state: prefixed({**state, "head.probe": torch.zeros(1, 1, 17)}), ANOTHER),
    "another size": (lambda _: drawn_state({**SMALL, "hidden_size": 32}), ANOTHER),
    "partial, and no weights beside it": (
        lambda state: {name: state[name] for name in state if name not in LACKED},
        r"MEGASTYLE_BACKBONE=\S+small-backbone holds no model\.safetensors\. Put",
    ),
}


@pytest.mark.filterwarnings("ignore:.*(beta state|prototype stage|deprecated)")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_checkpoint_of_the_contract_ends_in_one_message(load: Load, state: State, case: str) -> None:
    content, message = REFUSED[case]
    with pytest.raises(EncoderError, match=message):
        load(content(state))


def test_a_key_that_neither_checkpoint_nor_backbone_has_is_named(load: Load, state: State) -> None:
    """What nobody has cannot be completed; random numbers in its place would be wrong scores."""
    del state["head.probe"]
    donor = {name: value.float() for name, value in state.items()}
    with pytest.raises(EncoderError, match=r"model\.safetensors lacks (vision_model\.)?head\.probe too\. Name a comp"):
        load(state, weights=prefixed(donor))


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_backbone_that_lacks_a_file_or_holds_a_damaged_one_is_refused(tmp_path: Path, name: str) -> None:
    """Neither can be guessed, and nobody reads the stack trace of a JSON parser."""
    backbone = write_backbone(tmp_path / "small-backbone", SMALL)
    for content in (b"", b"{", b"[]", b"\xff\xfe", b"null"):
        (backbone / name).write_bytes(content)
        with pytest.raises(EncoderError, match=r"small-backbone is no SigLIP backbone: (?s:.+)\nUse google/siglip-so4"):
            load_encoder({"MEGASTYLE_BACKBONE": str(backbone)})
    (backbone / name).unlink()
    with pytest.raises(EncoderError, match=rf"MEGASTYLE_BACKBONE=\S+small-backbone holds no {re.escape(name)}\. Put"):
        load_encoder({"MEGASTYLE_BACKBONE": str(backbone)})


def test_a_file_of_the_cache_is_held_against_the_digest_in_its_name(tmp_path: Path) -> None:
    """Of the first link: a storage of its own may keep the content under another name. A local file has no such name.

    Git names "hello" and a line feed ce013625...; SHA-256 of it is 5891b5b5...
    """
    content, git_name = b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"
    sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    (tmp_path / "blobs").mkdir()
    (tmp_path / "stored").write_bytes(content)
    assert verify(tmp_path / "stored") == sha256
    for number, name in enumerate((git_name, sha256)):
        (blob := tmp_path / "blobs" / name).symlink_to(tmp_path / "stored")
        (snapshot := tmp_path / f"file-{number}").symlink_to(blob)
        assert verify(snapshot) == sha256
    (tmp_path / "stored").write_bytes(b"hullo\n")
    for number in range(2):
        with pytest.raises(EncoderError, match=rf"file-{number} is damaged: .* Delete {tmp_path / 'stored'} and start"):
            verify(tmp_path / f"file-{number}")


# --------------------------------------------------------------------------------------------- what may change under us


def test_the_full_vision_tower_has_the_contracts_tensors(tmp_path: Path) -> None:
    """The Hub's config.json gives the so400m: a transformers that renames or reshapes a tensor is caught here."""
    config, processor = read_backbone(str(write_backbone(tmp_path / "backbone", FULL)))
    with torch.device("meta"):
        model = SiglipVisionModel(config)
    names = {re.sub(r"layers\.\d+", "layers.*", bare(name)) for name in model.state_dict()}
    assert sum(parameter.numel() for parameter in model.parameters()) == FULL_PARAMETERS
    assert len(model.state_dict()) == FULL_TENSORS
    assert {"embeddings.position_embedding.weight", "head.probe", "encoder.layers.*.self_attn.q_proj.weight"} < names
    assert (config.hidden_act, config.layer_norm_eps) == ("gelu_pytorch_tanh", 1e-6)
    assert type(processor) is SiglipImageProcessorPil
    assert (processor.do_resize, processor.do_rescale, processor.do_normalize) == (True, True, True)
    assert (processor.resample, processor.rescale_factor) == (Image.Resampling.BICUBIC, 1 / 255)
    assert (*processor.image_mean, *processor.image_std) == (0.5,) * 6
    assert dict(processor.size) == {"height": 384, "width": 384}


def test_a_gpu_computes_in_full_float32() -> None:
    """TF32, cuDNN's default for convolutions, would drop 13 bits of the patch embedding."""
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"  # type: ignore[attr-defined]
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"


# ----------------------------------------------------------------------------------------------- equal to the reference


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """What transformers 4.57.6 made of the recipe."""
    return json.loads(reference.DATA.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recipe_encoder(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> Encoder:
    """The recipe's vision tower, saved under the names of transformers 4.57.6, loaded by the app's code."""
    folder, state = tmp_path_factory.mktemp("recipe"), drawn_state(RECIPE)
    torch.save({"model": {name: state[bare(name)] for name in data["keys"]}}, folder / "recipe.pth")
    backbone = write_backbone(folder / "backbone", RECIPE)
    return load_encoder({"MEGASTYLE_BACKBONE": str(backbone), "MEGASTYLE_CHECKPOINT": str(folder / "recipe.pth")})


@pytest.fixture(scope="module")
def recipe_pixels(recipe_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Pixel values of the recipe's pictures, from files, by the app's code."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, image in drawn_pictures().items():
        image.save(folder / f"{name}.png")
    return {name: pixels_of(folder / f"{name}.png", recipe_encoder.processor) for name in drawn_pictures()}


def test_the_pixels_are_those_of_transformers_4_and_of_the_reference(
    recipe_pixels: dict[str, Any], data: dict[str, Any]
) -> None:
    """To the bit, for every size and mode; the reference is plain Pillow and numpy."""
    assert {name: reference.digest(values) for name, values in recipe_pixels.items()} == data["pixel_values_sha256"]
    for name, image in drawn_pictures().items():
        assert np.array_equal(recipe_pixels[name], reference.pixel_values(image)), name


def test_the_scores_are_those_of_transformers_4(
    app: ModuleType,
    recipe_encoder: Encoder,
    recipe_pixels: dict[str, Any],
    data: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Embeddings and cosines of eight pictures, by the app's own embed; the cosines span more than a band."""
    monkeypatch.setattr(app, "ENCODER", recipe_encoder)
    embeddings = app.embed(np.stack(list(recipe_pixels.values())))
    starts = np.array(list(data["embedding_start"].values()))
    assert np.abs(embeddings[:, : starts.shape[1]] - starts).max() < SAME
    assert np.abs(embeddings @ embeddings.T - np.array(data["cosines"])).max() < SAME
    assert np.ptp(data["cosines"]) > 0.3


def test_the_scores_are_those_of_the_reference(
    app: ModuleType, tiny_encoder: tuple[Path, Path], tmp_path: Path
) -> None:
    """From files to cosines, twice, with nothing in common but transformers' model."""
    backbone, checkpoint = tiny_encoder
    config = json.loads((backbone / "config.json").read_text())
    weights = torch.load(checkpoint, weights_only=True)["model"]
    tower = reference.vision_tower({key: config[key] for key in SIZES}, weights)
    for name, image in drawn_pictures().items():
        image.save(tmp_path / f"{name}.png")
    files = [tmp_path / f"{name}.png" for name in drawn_pictures()]
    embeddings = app.embed(np.stack([pixels_of(file, app.ENCODER.processor) for file in files]))
    pixels = [reference.pixel_values(image, config["image_size"]) for image in drawn_pictures().values()]
    assert np.abs(embeddings - np.stack([reference.embedding(tower, values) for values in pixels])).max() < SAME
