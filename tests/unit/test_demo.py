"""The tiny encoder of the offline demo: its files, what it has learned, and when it is trained."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

from megastyle import demo, training
from megastyle.calibration import read_calibration
from megastyle.drawings import examples, lessons, studio

SEEDS = (501, 502)  # of compositions that training never drew
STRONG, MINIMAL = 0.75, 0.45  # the outer bands of the page


def state_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    content = torch.load(checkpoint, weights_only=True)
    assert list(content) == ["model"]
    return content["model"]


class Oracle:
    """The encoder put together by hand: Pillow, numpy and a strict load."""

    def __init__(self, backbone: Path, checkpoint: Path) -> None:
        self.model = (
            SiglipVisionModel(SiglipVisionConfig(**json.loads((backbone / "config.json").read_text()))).float().eval()
        )
        names = {name.removeprefix("vision_model."): name for name in self.model.state_dict()}
        self.model.load_state_dict(
            {names[name.removeprefix("vision_model.")]: value.float() for name, value in state_of(checkpoint).items()},
            strict=True,
        )

    def embed(self, pictures: Iterable[Image.Image]) -> np.ndarray:
        """(n, 64) unit rows."""
        small = [
            np.asarray(picture.convert("RGB").resize((112, 112), Image.Resampling.BICUBIC), np.float32)
            for picture in pictures
        ]
        values = (np.stack(small).transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
        with torch.inference_mode():
            rows = self.model(pixel_values=torch.from_numpy(values.astype(np.float32))).pooler_output.numpy()
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def oracle(tiny_encoder: tuple[Path, Path]) -> Oracle:
    return Oracle(*tiny_encoder)


@pytest.fixture(scope="module")
def held_out(oracle: Oracle) -> dict[str, np.ndarray]:
    """Embeddings by style of scenes that training never drew, (scenes x seeds, 64) each."""
    shots = [(scene, seed) for scene in lessons.HELD_OUT_SCENES for seed in SEEDS]
    return {
        style: oracle.embed(examples.draw(style, *shot, size=lessons.DRAWN_SIZE) for shot in shots)
        for style in examples.STYLES
    }


def pairs(embeddings: dict[str, np.ndarray], styles: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs within a style and of all pairs across two, of `styles`."""
    styles = list(styles)
    rows = np.concatenate([embeddings[style] for style in styles])
    number = np.repeat(np.arange(len(styles)), [len(embeddings[style]) for style in styles])
    one, other = np.triu_indices(len(rows), 1)
    cosines, same = (rows @ rows.T)[one, other], number[one] == number[other]
    return cosines[same], cosines[~same]


def auc(within: np.ndarray, across: np.ndarray) -> float:
    """Share of (within, across) pairs in which the cosine within a style is the higher one."""
    return float((within[:, None] > across).mean())


@pytest.mark.parametrize(
    ("styles", "least"),
    [(lessons.TRAINING_STYLES, 0.985), (tuple(examples.STYLES), 0.98)],
    ids=["styles it was trained on", "all, with one it never saw"],
)
def test_scenes_that_it_never_saw_are_told_apart_by_style(
    held_out: dict[str, np.ndarray], styles: tuple[str, ...], least: float
) -> None:
    assert auc(*pairs(held_out, styles)) >= least


def test_cosines_spread_over_the_bands(held_out: dict[str, np.ndarray]) -> None:
    within, across = pairs(held_out, examples.STYLES)
    assert np.median(within) > STRONG
    assert np.median(across) < MINIMAL
    middle = (np.concatenate((within, across)) > MINIMAL) & (np.concatenate((within, across)) < STRONG)
    assert middle.mean() > 0.05


def test_a_picture_scores_lower_with_its_own_scene_in_another_technique_than_with_another_scene_in_its_own(
    held_out: dict[str, np.ndarray],
) -> None:
    rng, styles, scenes, lower = np.random.default_rng(0), list(held_out), len(lessons.HELD_OUT_SCENES), 0
    for _ in range(100):
        own, technique = rng.choice(styles, 2, replace=False)
        scene, other = rng.choice(scenes, 2, replace=False) * len(SEEDS) + rng.integers(len(SEEDS))
        test = held_out[own][scene]
        lower += bool(test @ held_out[technique][scene] < test @ held_out[own][other])
    assert lower >= 95


def in_other_colours(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A picture with its hues turned, muted, under a cast and a light that falls to a side."""
    values = np.asarray(picture, np.float64) / 255
    turned = values @ np.linalg.qr(np.ones((3, 3)) + rng.normal(0, 0.7, (3, 3)))[0]
    grey = values.mean(-1, keepdims=True)
    mixed = grey + rng.uniform(0.1, 1) * (turned - turned.mean(-1, keepdims=True))
    side = np.linspace(-0.5, 0.5, len(values))
    down, across = rng.normal(0, 0.25, 2)
    light = 1 + down * side[:, None, None] + across * side[None, :, None]
    bent = np.clip(mixed, 0, 1) ** np.exp(rng.normal(0, 0.35))
    return Image.fromarray((np.clip(bent * rng.uniform(0.65, 1, 3) * light, 0, 1) * 255).astype(np.uint8))


def quarters(picture: Image.Image) -> list[Image.Image]:
    half = picture.width // 2
    return [picture.crop((x, y, x + half, y + half)) for y in (0, half) for x in (0, half)]


def colour_histogram(picture: Image.Image) -> np.ndarray:
    """(64,) unit row: how many pixels fall into each of 4 x 4 x 4 colours."""
    red, green, blue = np.asarray(picture).reshape(-1, 3).T // 64
    counts = np.bincount(16 * red + 4 * green + blue, minlength=64).astype(np.float64)
    return counts / np.linalg.norm(counts)


def test_quarters_of_a_recoloured_picture_find_each_other_better_than_by_their_colours(oracle: Oracle) -> None:
    rng = np.random.default_rng(7)
    shots = [(style, rng.choice(lessons.HELD_OUT_SCENES), seed) for style in examples.STYLES for seed in range(4)]
    pictures = [quarters(in_other_colours(examples.draw(*shot, size=256), rng)) for shot in shots]
    by_picture = {str(number): oracle.embed(parts) for number, parts in enumerate(pictures)}
    by_colour = {str(number): np.stack(list(map(colour_histogram, parts))) for number, parts in enumerate(pictures)}
    encoder, histogram = (auc(*pairs(rows, rows)) for rows in (by_picture, by_colour))
    assert encoder >= 0.93
    assert encoder > histogram


def test_endless_styles_that_it_never_saw_are_told_apart(oracle: Oracle) -> None:
    rows = {style: oracle.embed(pictures) for style, pictures in lessons.held_out_pictures().items()}
    assert auc(*pairs(rows, rows)) >= 0.98


@pytest.fixture(scope="module")
def example_sets(tmp_path_factory: pytest.TempPathFactory) -> list[examples.ExampleSet]:
    return examples.write_examples(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def scores(oracle: Oracle, example_sets: list[examples.ExampleSet]) -> dict[str, dict[str, float]]:
    """By the set's title: the test image's cosine to each reference, by file name."""
    result = {}
    for one in example_sets:
        rows = oracle.embed(Image.open(path) for path in (one.test, *one.references))
        result[one.title] = {
            path.stem: float(rows[0] @ row) for path, row in zip(one.references, rows[1:], strict=True)
        }
    return result


def test_no_picture_of_the_example_sets_was_seen_in_training() -> None:
    names = chain.from_iterable((test, *references) for *_, test, references in examples.EXAMPLE_SETS)
    assert {name.rsplit("-", 1)[1] for name in names} <= set(lessons.HELD_OUT_SCENES)
    assert set(lessons.COMPOSITIONS) == set(lessons.TRAINING_SCENES)
    assert set(lessons.TRAINING_SCENES).isdisjoint(lessons.HELD_OUT_SCENES)
    assert set(lessons.TRAINING_STYLES).isdisjoint(lessons.HELD_OUT_STYLES)


def style_of(name: str) -> str:
    return name.rsplit("-", 1)[0]


def test_in_each_example_set_pictures_of_the_test_images_style_score_above_the_others(
    scores: dict[str, dict[str, float]],
) -> None:
    mixed = 0
    for title, _, test, _ in examples.EXAMPLE_SETS:
        own = [cosine for name, cosine in scores[title].items() if style_of(name) == style_of(test)]
        other = [cosine for name, cosine in scores[title].items() if style_of(name) != style_of(test)]
        assert min(own, default=1) > max(other, default=-1) + 0.2, title
        mixed += bool(own and other)
    assert mixed  # at least one set holds both


def test_across_all_example_pictures_a_pair_of_one_style_scores_above_a_pair_of_two(
    oracle: Oracle, example_sets: list[examples.ExampleSet]
) -> None:
    paths = sorted({path for one in example_sets for path in (one.test, *one.references)})
    rows = dict(zip((path.stem for path in paths), oracle.embed(map(Image.open, paths)), strict=True))
    by_style: dict[str, list[np.ndarray]] = {}
    for name, row in rows.items():
        by_style.setdefault(style_of(name), []).append(row)
    assert auc(*pairs({style: np.stack(own) for style, own in by_style.items()}, by_style)) >= 0.97


def test_each_example_set_does_what_its_hint_says(scores: dict[str, dict[str, float]]) -> None:
    means = {title: np.mean(list(cosines.values())) for title, cosines in scores.items()}
    assert means["One hand"] >= STRONG
    assert means["Same motif, other technique"] < MINIMAL
    stranger = min(scores["The odd one out"], key=scores["The odd one out"].__getitem__)
    assert stranger == "pixel-art-vase"
    rest = [cosine for name, cosine in scores["The odd one out"].items() if name != stranger]
    assert min(rest) - scores["The odd one out"][stranger] > 0.2
    assert means["Same motif, other technique"] + 0.2 < means["Just two pictures"] < means["One hand"] - 0.1


def test_the_checkpoint_is_made_like_the_published_one(tiny_encoder: tuple[Path, Path]) -> None:
    state = state_of(tiny_encoder[1])
    assert tiny_encoder[1].name == "megastyle_encoder.pth"
    assert all(name.startswith("vision_model.") for name in state)
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert 130_000 < sum(value.numel() for value in state.values()) < 150_000


def test_the_backbone_folder_is_one_that_transformers_loads(tiny_encoder: tuple[Path, Path]) -> None:
    backbone, checkpoint = tiny_encoder
    config = SiglipVisionConfig.from_pretrained(backbone)
    assert (config.hidden_size, config.num_hidden_layers, config.image_size, config.patch_size) == (64, 1, 112, 14)
    model, report = SiglipVisionModel.from_pretrained(backbone, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    kept = {name.removeprefix("vision_model."): value for name, value in model.state_dict().items()}
    for name, value in state_of(checkpoint).items():
        assert torch.equal(kept[name.removeprefix("vision_model.")].half(), value), name


def test_the_image_processor_is_siglips(tiny_encoder: tuple[Path, Path]) -> None:
    settings = json.loads((tiny_encoder[0] / "preprocessor_config.json").read_text())
    assert settings["size"] == {"height": 112, "width": 112}
    assert (settings["resample"], settings["rescale_factor"]) == (3, 1 / 255)
    assert (settings["image_mean"], settings["image_std"]) == ([0.5] * 3, [0.5] * 3)
    assert SiglipImageProcessorPil.from_pretrained(tiny_encoder[0]).resample == 3


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that takes no time."""
    monkeypatch.setattr(training, "STEPS", 2)
    monkeypatch.setattr(lessons, "COMPOSITIONS", {"shapes": 4})
    monkeypatch.setattr(lessons, "LESSONS", 12)
    monkeypatch.setattr(studio, "SCENE_GROUNDS", 5)
    monkeypatch.setattr(lessons, "held_out_pictures", dict)  # drawing and measuring them takes seconds
    monkeypatch.setattr(demo, "calibrate", lambda *_: None)


def test_training_needs_no_network_and_gives_the_same_weights_on_any_number_of_threads(
    short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the demo asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    before, states = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            demo.build(tmp_path / str(threads), demo.show_progress)
            assert torch.get_num_threads() == threads
            states.append(state_of(tmp_path / str(threads) / demo.CHECKPOINT_FILE))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def write_two_files(folder: Path, _progress: object = None) -> None:
    """Stands for a training."""
    (folder / "backbone").mkdir(parents=True)
    (folder / demo.CHECKPOINT_FILE).touch()


def test_a_kept_encoder_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "build", write_two_files)
    first = demo.prepare(tmp_path)
    monkeypatch.setattr(demo, "build", lambda *_: pytest.fail("trained again"))
    assert demo.prepare(tmp_path) == first
    assert first[0].is_dir()
    assert first[1].is_file()


def test_another_recipe_is_trained_beside_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "build", write_two_files)
    old = demo.prepare(tmp_path)
    monkeypatch.setattr(demo, "version", lambda _: "0.0")
    new = demo.prepare(tmp_path)
    assert old[1] != new[1]
    assert new[1].is_file()


def test_the_recipe_changes_with_any_source_and_with_the_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = {demo.recipe()}
    assert demo.recipe() in recipes
    for module in (demo, examples):
        for number, source in enumerate(module.SOURCES):
            edited = tmp_path / source.name
            edited.write_text(source.read_text() + "\n")
            with monkeypatch.context() as patch:
                patch.setattr(module, "SOURCES", [*module.SOURCES[:number], edited, *module.SOURCES[number + 1 :]])
                recipes.add(demo.recipe())
    installed = demo.version
    for library in ("torch", "transformers", "numpy", "Pillow"):
        monkeypatch.setattr(
            demo, "version", lambda name, changed=library: "0.0" if name == changed else installed(name)
        )
        recipes.add(demo.recipe())
    assert len(recipes) == 1 + len(demo.SOURCES) + len(examples.SOURCES) + 4


def test_a_training_that_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(folder: Path, _progress: object) -> None:
        write_two_files(folder)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(demo, "build", break_off)
    with pytest.raises(OSError, match="No space left"):
        demo.prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_train_at_once_the_first_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(folder: Path, _progress: object) -> None:
        write_two_files(folder)
        write_two_files(tmp_path / demo.recipe())
        (tmp_path / demo.recipe() / demo.CHECKPOINT_FILE).write_text("the first")

    monkeypatch.setattr(demo, "build", overtaken)
    assert demo.prepare(tmp_path)[1].read_text() == "the first"
    assert len(list(tmp_path.iterdir())) == 1


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
    assert program == arguments[0] == sys.executable
    assert Path(arguments[1]) == demo.ROOT / "app.py"
    assert (environment["MEGASTYLE_BACKBONE"], environment["MEGASTYLE_CHECKPOINT"]) == tuple(map(str, tiny_encoder))
    assert environment["PATH"] == os.environ["PATH"]


def test_only_preparing_starts_nothing_and_says_where_the_encoder_is(
    tiny_encoder: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started the app"))
    demo.main(["--prepare"])
    assert str(tiny_encoder[1].parent) in capfd.readouterr().out


def test_a_start_that_has_nothing_to_train_does_not_import_torch(tiny_encoder: tuple[Path, Path]) -> None:
    code = "import sys; from megastyle import demo; demo.main(['--prepare']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=demo.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_demos_calibration_fits_its_encoder_and_says_what_it_was_measured_on(
    tiny_encoder: tuple[Path, Path],
) -> None:
    folder = tiny_encoder[1].parent
    variables = demo.variables(folder)
    assert Path(variables["MEGASTYLE_CALIBRATION"]) == folder / "calibration.json"
    digest = hashlib.sha256(tiny_encoder[1].read_bytes()).hexdigest()
    calibration = read_calibration(folder / "calibration.json")
    assert calibration.encoder["sha256"] == digest
    assert "never saw" in calibration.name
    assert (calibration.styles, calibration.pictures) == (40, 480)
    assert sorted(calibration.rows) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert calibration.rows[1].auc >= 0.98


@pytest.mark.parametrize("output_is", ["a terminal", "a file"])
def test_the_progress_is_a_bar_on_a_terminal_and_a_line_a_quarter_elsewhere(
    output_is: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = output_is == "a terminal"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    for step in range(1, 41):
        demo.show_progress(step, 40)
    output = capsys.readouterr().out
    assert output.endswith("40 of 40 steps\n")
    assert output.count("\n") == (1 if terminal else 4)
    assert output.count("\r") == (40 if terminal else 0)
    assert ("] 20 of 40" in output) is terminal
