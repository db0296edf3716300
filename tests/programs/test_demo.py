"""The tiny encoder of the offline demo: what it learns, its files, and when it is trained."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import SiglipVisionModel

from labelled_sets import some_calibration
from loopback import ROOT
from megastyle.calibration import LEVELS, read_calibration
from megastyle.comparison import BANDS, compare
from megastyle.demo import __main__ as demo
from megastyle.demo import examples, training
from megastyle.demo.drawings import STYLES, draw
from megastyle.embedding import pixel_values, square_of
from megastyle.encoder import load_encoder, unit_rows
from megastyle.measuring import labelled

Embed = Callable[[Iterable[Image.Image]], np.ndarray]

STRONG, MINIMAL = BANDS[0].floor, BANDS[-2].floor


def state_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    content = torch.load(checkpoint, weights_only=True)
    assert list(content) == ["model"]
    return content["model"]


@pytest.fixture(scope="module")
def embed(tiny_encoder: tuple[Path, Path]) -> Embed:
    """Pictures become (n, 64) unit rows."""
    model, processor, _ = load_encoder(demo.variables(tiny_encoder[1].parent))

    def embedded(pictures: Iterable[Image.Image]) -> np.ndarray:
        squares = [square_of(picture, processor) for picture in pictures]
        return unit_rows(model, torch.from_numpy(pixel_values(squares, processor))).numpy()

    return embedded


# ------------------------------------------------------------------------------------------------- what it has learned


def test_scenes_that_it_never_saw_are_told_apart_by_style_with_cosines_in_all_bands(embed: Embed) -> None:
    scenes = [(scene, seed) for scene in training.HELD_OUT_SCENES for seed in (601, 602)]
    rows = {s: list(embed(draw(s, *scene, training.DRAWN_SIZE) for scene in scenes)) for s in STYLES}
    found = some_calibration(labelled(rows), trials=5000)
    assert found.rows[1].auc >= 0.95
    assert np.interp(0.5, LEVELS, found.rows[1].same) > STRONG
    assert np.interp(0.5, LEVELS, found.rows[1].different) < MINIMAL
    assert all(same + different > 0.01 for _, same, different in found.band_shares(1))


def test_the_examples_show_a_match_none_a_stranger_and_something_in_between(embed: Embed, tmp_path: Path) -> None:
    compared = []
    for one in examples.write_examples(tmp_path):
        paths = (one.test, *one.references)
        compared.append(compare(embed(map(Image.open, paths)), [path.stem for path in paths]))
    alike, unlike, odd, pair = compared
    assert alike.mean_cosine >= STRONG
    assert alike.position != "apart"
    assert (unlike.mean_cosine < MINIMAL, unlike.position) == (True, "apart")
    assert odd.odd_one_out is not None
    assert odd.reference_names[odd.odd_one_out] == "pixel-art-vase"
    assert odd.position != "apart"
    assert unlike.mean_cosine + 0.2 < pair.mean_cosine < alike.mean_cosine - 0.1


def test_the_loss_is_the_published_formula() -> None:
    # two classes, equal within and orthogonal across: a picture's share of its partner is x / (x + 2), x = e^(1/T)
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    x = np.exp(1 / training.TEMPERATURE)
    alike, unlike = (training.contrastive_loss(rows, torch.tensor(of)).item() for of in ([4, 4, 9, 9], [4, 9, 4, 9]))
    assert alike == pytest.approx(np.log(1 + 2 / x), rel=0.1)  # float32 near 12
    assert unlike == pytest.approx(np.log(x + 2), rel=1e-5)  # paired with what is orthogonal: the share is 1 / (x + 2)


# ----------------------------------------------------------------------------------------------------------- its files


def test_the_checkpoint_is_made_like_the_published_one(tiny_encoder: tuple[Path, Path]) -> None:
    state = state_of(tiny_encoder[1])
    assert tiny_encoder[1].name == "megastyle_encoder.pth"
    assert all(name.startswith("vision_model.") for name in state)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert 130_000 < sum(value.numel() for value in state.values()) < 150_000
    model, report = SiglipVisionModel.from_pretrained(tiny_encoder[0], output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    kept = {name.removeprefix("vision_model."): value.half() for name, value in model.state_dict().items()}
    assert all(torch.equal(kept[name.removeprefix("vision_model.")], value) for name, value in state.items())


def test_the_calibration_fits_the_encoder_and_says_what_it_was_measured_on(tiny_encoder: tuple[Path, Path]) -> None:
    calibration = read_calibration(Path(demo.variables(tiny_encoder[1].parent)["MEGASTYLE_CALIBRATION"]))
    assert calibration.encoder["sha256"] == hashlib.sha256(tiny_encoder[1].read_bytes()).hexdigest()
    assert "never saw" in calibration.name
    assert (calibration.styles, calibration.pictures) == (40, 480)
    assert sorted(calibration.rows) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert calibration.rows[1].auc >= 0.98
    positions = calibration.rows[8].positions
    assert positions
    assert positions["same"]["apart"] <= 0.02
    assert positions["different"]["fits"] <= 0.05


def test_training_needs_no_network_and_gives_the_same_weights_on_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in {"STEPS": 2, "LEARNED_STYLES": 12, "HELD_OUT_STYLES": 3}.items():
        monkeypatch.setattr(training, name, number)
    for act in (socket.socket, "connect"), (socket, "getaddrinfo"):
        monkeypatch.setattr(*act, lambda *_: pytest.fail("the demo asked the network"))
    states, before = [], torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        training.build(made := demo.variables(tmp_path / str(threads)))
        states.append(state_of(Path(made["MEGASTYLE_CHECKPOINT"])))
    torch.set_num_threads(before)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


# ------------------------------------------------------------------------------------------------ when it is trained


def test_a_folder_is_made_once_whole_and_of_two_at_once_the_first_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "kept"

    def made(folder: Path) -> None:
        folder.mkdir()
        (folder / "by").write_text(folder.parent.name)

    def break_off(folder: Path) -> None:
        made(folder)
        raise KeyboardInterrupt

    def overtaken(folder: Path) -> None:
        made(folder)
        made(place)

    with pytest.raises(KeyboardInterrupt):
        examples.kept(place, break_off)
    assert list(tmp_path.iterdir()) == []
    assert examples.kept(place, overtaken) == place
    assert examples.kept(place, lambda _: pytest.fail("made again")) == place
    assert (place / "by").read_text() == tmp_path.name
    assert list(tmp_path.iterdir()) == [place]


def test_the_recipe_changes_with_what_the_kept_files_depend_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, megastyle.demo.training; print(*(m.__file__ for n, m in sys.modules.items() if 'megastyle' in n))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {demo.__file__, *done.stdout.split()} <= set(map(str, demo.SOURCES))
    recipes = {demo.recipe()}
    edited = tmp_path / "edited.py"
    edited.write_text("another")
    monkeypatch.setattr(demo, "SOURCES", [*demo.SOURCES[:-1], edited])
    recipes.add(demo.recipe())
    monkeypatch.setattr(examples, "version", lambda name: "0" if name == "Pillow" else "1")
    recipes.add(demo.recipe())
    assert len(recipes) == 3


# --------------------------------------------------------------------------------------------------------- the command


def test_the_demo_says_what_it_is_not_and_becomes_the_app(
    tiny_encoder: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    started: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    demo.main([])
    output = capfd.readouterr().out
    assert "NOT MegaStyle scores" in output
    assert "http://127.0.0.1:7999" in output
    [(program, arguments, environment)] = started
    assert [program, *arguments] == [sys.executable, sys.executable, str(ROOT / "app.py")]
    assert environment == {**os.environ, **demo.variables(tiny_encoder[1].parent)}


def test_only_preparing_starts_nothing_says_where_the_encoder_is_and_does_not_wait_for_torch(
    tiny_encoder: tuple[Path, Path],
) -> None:
    code = "import sys; from megastyle.demo.__main__ import main; main(['--prepare']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(tiny_encoder[1].parent) in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
