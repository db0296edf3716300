"""The drawn pictures and the page's example sets."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from megastyle.drawings import drawing, examples
from megastyle.drawings.scenes import Shape
from megastyle.drawings.styles import Style

MAX_BYTES = 100_000  # of one example file
MAX_REFERENCES = 8  # that a comparison takes


def pixels(image: Image.Image) -> np.ndarray:
    """(height, width, 3) in 0 to 255."""
    return np.asarray(image, np.float64)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[examples.ExampleSet]:
    """The example sets, written once."""
    return examples.write_examples(tmp_path_factory.mktemp("examples"))


def files(sets: list[examples.ExampleSet]) -> list[Path]:
    return sorted({path for one in sets for path in (one.test, *one.references)})


@pytest.mark.parametrize("style", examples.STYLES)
def test_a_style_paints_every_scene_at_the_size_asked_for_and_never_blank(style: str) -> None:
    for scene in examples.SCENES:
        picture = examples.draw(style, scene, seed=5, size=72)
        assert (picture.mode, picture.size) == ("RGB", (72, 72)), scene
        assert pixels(picture).std(axis=(0, 1)).max() > 8, scene


@pytest.mark.parametrize("style", examples.STYLES)
def test_the_same_seed_gives_the_same_pixels_and_another_seed_another_picture(style: str) -> None:
    first, again, other = (pixels(examples.draw(style, "boat", seed, size=72)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 2


def test_any_two_styles_and_any_two_scenes_look_different() -> None:
    styles = {style: pixels(examples.draw(style, "vase", seed=3, size=96)) for style in examples.STYLES}
    scenes = {scene: pixels(examples.draw("cut-paper", scene, seed=3, size=96)) for scene in examples.SCENES}
    for drawn in (styles, scenes):
        for one, other in combinations(drawn, 2):
            assert np.abs(drawn[one] - drawn[other]).mean() > 8, (one, other)


def test_one_seed_composes_a_scene_alike_in_every_style(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[list[Shape]] = []

    def record(scene: list[Shape], _palette: object, size: int, _rng: object) -> np.ndarray:
        painted.append(scene)
        return np.zeros((size, size, 3), np.float32)

    recording = {name: Style(record, style.palette) for name, style in examples.STYLES.items()}
    monkeypatch.setattr(drawing, "STYLES", recording)
    for style in examples.STYLES:
        examples.draw(style, "portrait", seed=7, size=8)
    assert len(painted) == len(examples.STYLES)
    for scene in painted[1:]:
        assert len(scene) == len(painted[0])
        assert all(
            np.array_equal(a.points, b.points) and a.role == b.role for a, b in zip(scene, painted[0], strict=True)
        )


@pytest.mark.parametrize(("style", "scene"), [("fresco", "boat"), ("oil", "submarine")])
def test_an_unknown_name_is_refused(style: str, scene: str) -> None:
    with pytest.raises(KeyError, match=r"^'(fresco|submarine)'$"):
        examples.draw(style, scene, seed=1)


def test_every_set_has_a_test_image_and_one_to_eight_other_references(sets: list[examples.ExampleSet]) -> None:
    assert 3 <= len(sets) <= 5
    for one in sets:
        assert 1 <= len(one.references) <= MAX_REFERENCES
        assert len({one.test, *one.references}) == 1 + len(one.references)
    assert any(len(one.references) == 1 for one in sets)


def test_every_set_says_in_a_line_what_to_expect(sets: list[examples.ExampleSet]) -> None:
    assert len({one.title for one in sets}) == len(sets)
    for one in sets:
        assert 0 < len(one.title) <= 32
        assert one.hint.endswith(".")
        assert len(one.hint) <= 160
        assert "\n" not in one.hint
        assert "%" not in one.title + one.hint


def test_every_file_is_a_small_picture_named_by_style_and_scene(sets: list[examples.ExampleSet]) -> None:
    for path in files(sets):
        style, scene = path.stem.rsplit("-", 1)
        assert style in examples.STYLES
        assert scene in examples.SCENES
        assert path.stat().st_size < MAX_BYTES, path.name
        with Image.open(path) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (examples.PAGE_SIZE, examples.PAGE_SIZE))


def test_a_file_shows_what_its_name_says(sets: list[examples.ExampleSet]) -> None:
    path = sets[0].test
    drawn = pixels(examples.draw(*path.stem.rsplit("-", 1), seed=examples.EXAMPLE_SEED))
    with Image.open(path) as image:
        assert np.abs(pixels(image) - drawn).mean() < 4  # what JPEG loses


def test_writing_again_leaves_the_files_alone_and_redraws_a_lost_one(tmp_path: Path) -> None:
    before = files(examples.write_examples(tmp_path))
    written = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in before}
    content = before[0].read_bytes()
    before[0].unlink()
    after = files(examples.write_examples(tmp_path))
    assert after == before
    assert after[0].read_bytes() == content
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in after[1:]} == {
        path: written[path] for path in after[1:]
    }


def test_a_write_that_breaks_off_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_image: Image.Image, path: Path, **_options: object) -> None:
        Path(path).write_bytes(b"\xff\xd8half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", break_off)
    with pytest.raises(OSError, match="No space left"):
        examples.write_examples(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("changed", [source.name for source in examples.SOURCES])
def test_a_change_in_any_file_of_the_package_draws_the_pictures_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(examples, "write_picture", lambda folder, name: folder / name)
    before = examples.write_examples(tmp_path)
    assert examples.write_examples(tmp_path) == before
    edited = tmp_path / changed
    edited.write_text(Path(examples.__file__).with_name(changed).read_text() + "\n")
    sources = [edited if source.name == changed else source for source in examples.SOURCES]
    monkeypatch.setattr(examples, "SOURCES", sources)
    assert set(files(examples.write_examples(tmp_path))).isdisjoint(files(before))


def test_every_file_of_the_package_counts_as_a_source() -> None:
    assert {source.name for source in examples.SOURCES} >= {"scenes.py", "styles.py", "raster.py", "geometry.py"}
