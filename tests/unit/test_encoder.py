"""The encoder: loaded by the contract from whatever a checkpoint may be, and equal to two independent references."""

from __future__ import annotations

import hashlib
import io
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
from safetensors.torch import save
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

import reference
from megastyle.checkpoint import EncoderError
from megastyle.drawings import examples
from megastyle.encoder import Encoder, load_encoder, read_backbone
from pixels import pixels_of
from reference import PREPROCESSOR, RECIPE, bare, drawn_pictures, drawn_state

State = dict[str, torch.Tensor]

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
FULL: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
FULL_TENSORS, FULL_PARAMETERS = 448, 428_225_600
SAME = 1e-5  # the largest difference of a cosine that another batch or machine may make


def tower_names(layers: int) -> set[str]:
    """The names of the vision tower's tensors by the contract, without transformers 4's `vision_model.`."""
    pair = ("weight", "bias")
    blocks = (
        "layer_norm1",
        "layer_norm2",
        "mlp.fc1",
        "mlp.fc2",
        *(f"self_attn.{name}_proj" for name in ("q", "k", "v", "out")),
    )
    layered = {f"encoder.layers.{layer}.{block}.{part}" for layer in range(layers) for block in blocks for part in pair}
    head = {
        f"head.{block}.{part}" for block in ("attention.out_proj", "layernorm", "mlp.fc1", "mlp.fc2") for part in pair
    }
    edges = {f"{block}.{part}" for block in ("embeddings.patch_embedding", "post_layernorm") for part in pair}
    return (
        layered
        | head
        | edges
        | {
            "embeddings.position_embedding.weight",
            "head.probe",
            "head.attention.in_proj_weight",
            "head.attention.in_proj_bias",
        }
    )


def prefixed(state: State) -> State:
    """The state by transformers 4's names."""
    return {f"vision_model.{name}": value for name, value in state.items()}


def write_backbone(folder: Path, config: dict[str, Any], *, nested: bool = True, weights: State | bytes = b"") -> Path:
    """A backbone folder; config.json as the Hub's, where the vision tower's is one part of three."""
    folder.mkdir()
    text = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "model_type": "siglip_text_model",
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
    }
    vision = {**config, "model_type": "siglip_vision_model"}
    whole = {
        "architectures": ["SiglipModel"],
        "initializer_factor": 1.0,
        "model_type": "siglip",
        "text_config": text,
        "vision_config": vision,
    }
    (folder / "config.json").write_text(json.dumps(whole if nested else vision))
    size = {"height": config["image_size"], "width": config["image_size"]}
    (folder / "preprocessor_config.json").write_text(json.dumps({**PREPROCESSOR, "size": size}))
    if weights:
        (folder / "model.safetensors").write_bytes(weights if isinstance(weights, bytes) else save(weights))
    return folder


Load = Callable[..., Encoder]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads what is saved as a checkpoint, or the file itself, on a small backbone, as the app does."""

    def loading(content: object, *, config: dict[str, Any] = SMALL, legacy: bool = False, **backbone: Any) -> Encoder:
        checkpoint = content if isinstance(content, Path) else tmp_path / "given.pth"
        if checkpoint is not content:
            torch.save(content, checkpoint, _use_new_zipfile_serialization=not legacy)
        monkeypatch.setenv("MEGASTYLE_BACKBONE", str(write_backbone(tmp_path / "small-backbone", config, **backbone)))
        monkeypatch.setenv("MEGASTYLE_CHECKPOINT", str(checkpoint))
        return load_encoder()

    return loading


@pytest.fixture
def state() -> State:
    """Weights of a small vision tower, 16 bits, by their bare names."""
    return drawn_state(SMALL)


def assert_holds(model: SiglipVisionModel, state: State) -> None:
    """Every tensor of the model equals the state's, cast up to float32 without a loss."""
    found = {bare(name): value for name, value in model.state_dict().items()}
    expected = {bare(name): value for name, value in state.items()}
    assert found.keys() == expected.keys()
    different = [name for name, value in found.items() if not torch.equal(value, expected[name].float())]
    assert different == []


# --------------------------------------------------------------------------------------------- what a checkpoint may be


CONTAINERS: dict[str, Callable[[State], object]] = {
    "raw": dict,
    "raw, transformers 4": prefixed,
    "model": lambda state: {"model": state},
    "model, transformers 4": lambda state: {"model": prefixed(state)},
}


@pytest.mark.parametrize("nested", [True, False], ids=["hub-config", "tower-config"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_tensor_arrives_in_float32(
    load: Load, state: State, container: str, dtype: torch.dtype, *, nested: bool
) -> None:
    """Both namings, both containers, 16 and 32 bits, and both layouts of config.json."""
    state = {name: value.to(dtype) for name, value in state.items()}
    encoder = load(CONTAINERS[container](state), nested=nested)
    assert_holds(encoder.model, state)
    assert {parameter.dtype for parameter in encoder.model.parameters()} == {torch.float32}


def test_the_model_is_ready_on_the_cpu(load: Load, state: State) -> None:
    """It is in evaluation mode, and nothing is left on the meta device.

    Neither a parameter nor the buffer of position ids, which no checkpoint holds.
    """
    model = load(state).model
    buffers = dict(model.named_buffers())
    assert {tensor.device.type for tensor in (*model.parameters(), *buffers.values())} == {"cpu"}
    assert [value.tolist() for name, value in buffers.items() if name.endswith("position_ids")] == [
        [[0, 1, 2, 3]]
    ]  # (28 / 14) squared
    assert not any(module.training for module in model.modules())


def test_the_old_format_of_torch_save_loads_too(load: Load, state: State) -> None:
    """It is no zip file, so it cannot be memory-mapped."""
    assert_holds(load({"model": state}, legacy=True).model, state)


def test_parameters_that_were_saved_as_such_load_too(load: Load, state: State) -> None:
    """A state of nn.Parameter, as `dict(model.named_parameters())` gives it."""
    assert_holds(load({name: torch.nn.Parameter(value) for name, value in state.items()}).model, state)


def test_keys_of_another_tower_are_left_out_and_logged(
    load: Load, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole SigLIP holds a text tower and a scale besides."""
    others = {"text_model.final_layer_norm.weight": torch.ones(8), "logit_scale": torch.ones(1)}
    assert_holds(load({**prefixed(state), **others}).model, state)
    assert (
        "given.pth: 2 keys are not the vision tower's and are left out: logit_scale, text_model.final_layer_norm.weight"
        in caplog.messages
    )


LACKED = ("encoder.layers.0.mlp.fc1.bias", "head.probe", "post_layernorm.bias", "post_layernorm.weight")


@pytest.mark.parametrize("naming", [lambda state: state, prefixed], ids=["bare", "vision_model"])
@pytest.mark.parametrize("donor_naming", [lambda state: state, prefixed], ids=["bare-backbone", "hub-backbone"])
def test_a_partial_checkpoint_is_completed_from_the_backbone(
    load: Load,
    state: State,
    caplog: pytest.LogCaptureFixture,
    naming: Callable[[State], State],
    donor_naming: Callable[[State], State],
) -> None:
    """Exactly the lacking tensors are the backbone's, all others the checkpoint's.

    The log says how many and names the first.
    """
    donor = {name: (value.float() + 7).contiguous() for name, value in state.items()}
    partial = {name: value for name, value in state.items() if name not in LACKED}
    weights = {**donor_naming(donor), "text_model.final_layer_norm.weight": torch.ones(8)}
    encoder = load({"model": naming(partial)}, weights=weights)
    assert_holds(encoder.model, {**partial, **{name: donor[name] for name in LACKED}})
    (line,) = [message for message in caplog.messages if "completed" in message]
    assert re.fullmatch(
        r"given\.pth lacks 4 of 32 keys, completed from \S*small-backbone: .*encoder\.layers\.0\.mlp\.fc1\.bias.*", line
    )


def test_a_complete_checkpoint_never_reads_the_backbones_weights(load: Load, state: State) -> None:
    """A damaged model.safetensors would stop the start if it were opened."""
    assert_holds(load(state, weights=b"no weights at all").model, state)


def test_a_partial_checkpoint_without_the_backbones_weights_is_refused(load: Load, state: State) -> None:
    """The message names the file that is wanted."""
    del state["head.probe"]
    with pytest.raises(EncoderError, match=r"MEGASTYLE_BACKBONE=\S+small-backbone holds no model\.safetensors\. Put"):
        load(state)


def test_a_key_that_neither_file_has_is_named(load: Load, state: State) -> None:
    """What nobody has cannot be completed; random numbers in its place would be wrong scores."""
    probe = state.pop("head.probe")
    donor = {name: value.float() for name, value in state.items()}
    with pytest.raises(
        EncoderError, match=r"model\.safetensors lacks (vision_model\.)?head\.probe too\. Name a complete checkpoint"
    ):
        load(state, weights=prefixed(donor))
    assert probe.numel() > 0


# --------------------------------------------------------------------------------------------------- what it may not be


def test_a_checkpoint_of_which_nothing_matches_is_refused_with_the_first_keys(load: Load, state: State) -> None:
    """It names what the file has and what is expected."""
    message = (
        r"given\.pth: none of its keys matches\. It has module\.visual\.\S+, .*; "
        r"expected are (vision_model\.)?embeddings\.patch_embedding\.bias, "
    )
    with pytest.raises(EncoderError, match=message):
        load({f"module.visual.{name}": value for name, value in state.items()})


@pytest.mark.parametrize("naming", [lambda state: state, prefixed], ids=["bare", "vision_model"])
def test_a_tensor_of_another_shape_is_refused_by_name(
    load: Load, state: State, naming: Callable[[State], State]
) -> None:
    """Found and expected shape are both in the message."""
    state["head.probe"] = torch.zeros(1, 1, 17)
    with pytest.raises(
        EncoderError,
        match=r"is for another model: (vision_model\.)?head\.probe has shape \(1, 1, 17\), not \(1, 1, 16\)\. Name",
    ):
        load({"model": naming(state)})


def test_the_checkpoint_of_another_size_is_refused(load: Load) -> None:
    """Every shape differs."""
    with pytest.raises(
        EncoderError, match=r"is for another model: \S+ has shape \(\d.*\), not \(\d.*\)\. Name a checkpoint for "
    ):
        load(drawn_state({**SMALL, "hidden_size": 32}))


def truncated_checkpoint(share: float) -> bytes:
    """The first part of a checkpoint, as a broken download leaves it."""
    file = io.BytesIO()
    torch.save({"model": drawn_state(SMALL)}, file)
    return file.getvalue()[: int(share * file.tell())]


def numpy_file() -> bytes:
    """An array as numpy saves it."""
    file = io.BytesIO()
    np.save(file, np.zeros((4, 4)))
    return file.getvalue()


def safetensors_file() -> bytes:
    """A safetensors file; its name is what makes people take it for a checkpoint."""
    return save(drawn_state(SMALL))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 857000000\n"
NO_CHECKPOINTS = {
    "empty": b"",
    "text": b"These are not the weights that you are looking for.\n",
    "a large file's pointer": POINTER,
    "a web page": b"<!doctype html><title>404</title>",
    "a tenth": truncated_checkpoint(0.1),
    "a half": truncated_checkpoint(0.5),
    "nearly all": truncated_checkpoint(0.99),
    "a numpy array": numpy_file(),
    "safetensors": safetensors_file(),
    "a pickled dict": pickle.dumps({"model": {"head.probe": [1.0, 2.0]}}, protocol=2),
    "a zip of something else": bytes.fromhex("504b0506") + bytes(18),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("name", NO_CHECKPOINTS)
def test_a_file_that_is_no_checkpoint_is_refused(load: Load, tmp_path: Path, name: str) -> None:
    """The message names the file and the remedy."""
    path = tmp_path / "wrong.pth"
    path.write_bytes(NO_CHECKPOINTS[name])
    with pytest.raises(
        EncoderError,
        match=r"(?s)wrong\.pth (is no checkpoint that can be read safely: |holds neither a state_dict nor )"
        r".*(start again|Name a)",
    ):
        load(path)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        [torch.zeros(2)],
        {"model": {}},
        {"model": [torch.zeros(2)]},
        {"model": {"head.probe": 1}},
        {"epoch": 3, "head.probe": torch.zeros(2)},
        7,
        torch.zeros(3),
    ],
    ids=["list", "empty", "tensors", "empty-model", "model-list", "numbers", "more-than-tensors", "number", "tensor"],
)
def test_a_file_that_holds_something_else_is_refused(load: Load, content: object) -> None:
    """It is read without harm, and is no state_dict."""
    with pytest.raises(
        EncoderError, match=r'given\.pth holds neither a state_dict nor \{"model": state_dict\}\. Name a checkpoint'
    ):
        load(content)


class Bait:
    """Leaves a file behind where a pickle that holds it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "wrap", [lambda bait: bait, lambda bait: {"model": bait}, lambda bait: {"model": {"head.probe": bait}}]
)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_checkpoint_never_runs(
    load: Load, tmp_path: Path, wrap: Callable[[Bait], object], *, legacy: bool
) -> None:
    """The bait works where weights_only is off; the app refuses the file, and nothing is left behind."""
    trace = tmp_path / "trace"
    torch.save(wrap(Bait(trace)), tmp_path / "bait.pth", _use_new_zipfile_serialization=not legacy)
    torch.load(tmp_path / "bait.pth", weights_only=False)
    assert trace.is_dir()
    trace.rmdir()
    with pytest.raises(EncoderError, match=r"bait\.pth is no checkpoint that can be read safely"):
        load(tmp_path / "bait.pth")
    assert not trace.exists()


def test_code_in_a_plain_pickle_never_runs(load: Load, tmp_path: Path) -> None:
    """Not every .pth was written by torch."""
    trace = tmp_path / "trace"
    (tmp_path / "bait.pth").write_bytes(pickle.dumps({"model": Bait(trace)}, protocol=2))
    with pytest.raises(EncoderError, match=r"bait\.pth is no checkpoint that can be read safely"):
        load(tmp_path / "bait.pth")
    assert not trace.exists()


def test_a_whole_pickled_model_is_refused(load: Load) -> None:
    """torch.save(model) holds classes; loading it would run their code."""
    with pytest.raises(EncoderError, match="is no checkpoint that can be read safely"):
        load(SiglipVisionModel(SiglipVisionConfig(**SMALL)))


# ---------------------------------------------------------------------------------------------------- the two variables


def test_a_variable_that_names_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and what it holds."""
    monkeypatch.setenv("MEGASTYLE_BACKBONE", str(write_backbone(tmp_path / "backbone", SMALL)))
    monkeypatch.setenv("MEGASTYLE_CHECKPOINT", str(tmp_path / "nowhere.pth"))
    with pytest.raises(
        EncoderError, match=r"MEGASTYLE_CHECKPOINT=\S+nowhere\.pth is no file\. Correct the path, or unset"
    ):
        load_encoder()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_backbone_without_one_of_its_files_is_refused(
    load: Load, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither can be guessed."""
    load(state)
    (tmp_path / "small-backbone" / name).unlink()
    with pytest.raises(EncoderError, match=rf"MEGASTYLE_BACKBONE=\S+small-backbone holds no {re.escape(name)}\. Put"):
        load_encoder()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_backbone_with_a_damaged_file_is_refused(
    load: Load, state: State, tmp_path: Path, name: str, content: bytes
) -> None:
    """No stack trace of a JSON parser."""
    load(state)
    (tmp_path / "small-backbone" / name).write_bytes(content)
    with pytest.raises(
        EncoderError,
        match=r"small-backbone is no SigLIP backbone: (?s:.+)\nUse google/siglip-so400m-patch14-384, or correct",
    ):
        load_encoder()


def test_the_source_says_what_was_loaded_and_no_folder(load: Load, state: State, tmp_path: Path) -> None:
    """Names without their folders, the digest of the file, no commit; and it is not the published encoder."""
    source = load(state).source
    digest = hashlib.sha256((tmp_path / "given.pth").read_bytes()).hexdigest()
    assert (source.backbone, source.checkpoint, source.revision, source.sha256, source.official) == (
        "small-backbone",
        "given.pth",
        None,
        digest,
        False,
    )


def test_the_log_says_what_was_loaded(load: Load, state: State, caplog: pytest.LogCaptureFixture) -> None:
    """File, commit, number of keys, seconds."""
    with caplog.at_level(logging.INFO, "megastyle"):
        load(state)
    assert re.fullmatch(r"Encoder loaded: given\.pth, commit None, 32 keys, \d+\.\d\d s", caplog.messages[-1])


# --------------------------------------------------------------------------------------------- what may change under us


def test_the_full_vision_tower_has_the_contracts_tensors() -> None:
    """448 tensors, 428,225,600 parameters, and their names.

    A transformers that renames or reshapes one is caught here.
    """
    with torch.device("meta"):
        model = SiglipVisionModel(SiglipVisionConfig(**FULL))
    assert sum(parameter.numel() for parameter in model.parameters()) == FULL_PARAMETERS
    assert {bare(name) for name in model.state_dict()} == tower_names(FULL["num_hidden_layers"])
    assert len(model.state_dict()) == FULL_TENSORS


def test_the_published_configuration_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's config.json, where it is one part of three, gives the numbers of the so400m.

    The processor is the one that resizes with Pillow.
    """
    config, processor = read_backbone(str(write_backbone(tmp_path / "backbone", FULL)))
    assert {key: getattr(config, key) for key in FULL} == FULL
    assert (config.hidden_act, config.layer_norm_eps) == ("gelu_pytorch_tanh", 1e-6)
    assert type(processor) is SiglipImageProcessorPil
    assert {key: getattr(processor, key) for key in ("do_resize", "do_rescale", "do_normalize", "resample")} == {
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "resample": Image.Resampling.BICUBIC,
    }
    assert (tuple(processor.image_mean), tuple(processor.image_std), processor.rescale_factor) == (
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
        1 / 255,
    )
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
    folder = tmp_path_factory.mktemp("recipe")
    state = drawn_state(RECIPE)
    torch.save({"model": {name: state[bare(name)] for name in data["keys"]}}, folder / "recipe.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEGASTYLE_BACKBONE", str(write_backbone(folder / "backbone", RECIPE)))
        patch.setenv("MEGASTYLE_CHECKPOINT", str(folder / "recipe.pth"))
        return load_encoder()


@pytest.fixture(scope="module")
def recipe_pixels(recipe_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Pixel values of the recipe's pictures, from files, by the app's code."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, image in drawn_pictures().items():
        image.save(folder / f"{name}.png")
    return {name: pixels_of(folder / f"{name}.png", recipe_encoder.processor) for name in drawn_pictures()}


def test_the_pixels_are_those_of_transformers_4(recipe_pixels: dict[str, Any], data: dict[str, Any]) -> None:
    """To the bit, for every size and mode; the samples say what differs, should it ever."""
    samples = {
        name: [round(float(values.flat[index]), 8) for index in reference.SAMPLED]
        for name, values in recipe_pixels.items()
    }
    assert samples == data["pixel_values_sample"]
    assert {name: reference.digest(values) for name, values in recipe_pixels.items()} == data["pixel_values_sha256"]


def test_the_pixels_are_those_of_the_reference(recipe_pixels: dict[str, Any]) -> None:
    """Plain Pillow and numpy, to the bit."""
    for name, image in drawn_pictures().items():
        assert np.array_equal(recipe_pixels[name], reference.pixel_values(image)), name


def test_the_scores_are_those_of_transformers_4(
    app: ModuleType,
    recipe_encoder: Encoder,
    recipe_pixels: dict[str, Any],
    data: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Embeddings and cosines of eight pictures, by the app's own embed, against the kept numbers.

    The cosines span more than a band.
    """
    monkeypatch.setattr(app, "ENCODER", recipe_encoder)
    embeddings = app.embed(np.stack(list(recipe_pixels.values())))
    starts = np.array(list(data["embedding_start"].values()))
    assert np.abs(embeddings[:, : starts.shape[1]] - starts).max() < SAME
    assert np.abs(embeddings @ embeddings.T - np.array(data["cosines"])).max() < SAME
    assert np.ptp(data["cosines"]) > 0.3


def test_the_scores_are_those_of_the_reference(
    app: ModuleType, tiny_encoder: tuple[Path, Path], tmp_path: Path
) -> None:
    """The tiny encoder on drawn pictures of four sizes.

    From files to cosines, twice, with nothing in common but transformers' model.
    """
    backbone, checkpoint = tiny_encoder
    config = json.loads((backbone / "config.json").read_text())
    tower = reference.vision_tower(
        {key: config[key] for key in SMALL}, torch.load(checkpoint, weights_only=True)["model"]
    )
    names = ("watercolour-boat", "watercolour-vase", "engraving-tree", "neon-hills", "woodblock-boat", "oil-skyline")
    images = [
        examples.draw(*name.rsplit("-", 1), seed=11, size=160).crop((0, 0, 160 - 20 * (n % 4), 160 - 7 * n))
        for n, name in enumerate(names)
    ]
    for name, image in zip(names, images, strict=True):
        image.save(tmp_path / f"{name}.png")
    embeddings = app.embed(np.stack([pixels_of(tmp_path / f"{name}.png", app.ENCODER.processor) for name in names]))
    expected = [reference.embedding(tower, reference.pixel_values(image, config["image_size"])) for image in images]
    assert np.abs(embeddings @ embeddings.T - np.array(reference.cosines(expected))).max() < SAME
    assert np.abs(embeddings - np.stack(expected)).max() < SAME
