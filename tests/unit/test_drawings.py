"""Drawn pictures, and the example sets made of them."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from megastyle.comparison import BANDS, MAX_REFERENCES
from megastyle.demo import drawings, examples
from megastyle.demo.drawings import STYLES, draw
from megastyle.demo.scenes import SCENES

MAX_BYTES = 100_000  # of one example file


def pixels(image: Image.Image) -> np.ndarray:
    """(height, width, 3) in 0 to 255."""
    return np.asarray(image, np.float64)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[examples.ExampleSet]:
    """The example sets, written once."""
    return examples.write_examples(tmp_path_factory.mktemp("examples"))


def files(sets: list[examples.ExampleSet]) -> list[Path]:
    return sorted({path for one in sets for path in (one.test, *one.references)})


@pytest.mark.parametrize("style", STYLES)
def test_a_style_paints_every_scene_at_the_size_asked_for_and_the_seed_decides_how(style: str) -> None:
    for scene in SCENES:
        first, again, other = (draw(style, scene, seed, size=72) for seed in (1, 1, 2))
        assert (first.mode, first.size) == ("RGB", (72, 72)), scene
        assert pixels(first).std(axis=(0, 1)).max() > 8, scene
        assert np.array_equal(pixels(first), pixels(again)), scene
        assert np.abs(pixels(first) - pixels(other)).mean() > 2, scene


def test_one_seed_composes_a_scene_alike_in_every_style(monkeypatch: pytest.MonkeyPatch) -> None:
    paint = Mock(return_value=np.zeros((8, 8, 3), np.float32))
    monkeypatch.setattr(drawings, "STYLES", {style: (paint, palette) for style, (_, palette) in STYLES.items()})
    for style in STYLES:
        draw(style, "portrait", seed=7, size=8)
    first, *others = ([shape.points for shape in call.args[0]] for call in paint.call_args_list)
    assert len(others) == len(STYLES) - 1
    assert all(np.array_equal(a, b) for other in others for a, b in zip(first, other, strict=True))


def test_a_set_has_one_to_eight_references_and_a_line_that_promises_no_score(sets: list[examples.ExampleSet]) -> None:
    """Which encoder the visitor's page runs on is not known when the line is written."""
    assert len({one.title for one in sets}) == len(sets) == 4
    assert any(len(one.references) == 1 for one in sets)
    for one in sets:
        assert 1 <= len(one.references) <= MAX_REFERENCES
        assert len({one.test, *one.references}) == 1 + len(one.references)
        assert 0 < len(one.title) <= 32
        assert re.fullmatch(r"[^\n%\d]{1,159}[.?]", one.hint)
        assert not {band.name.lower() for band in BANDS} & set(re.findall(r"\w+", one.hint.lower()))


def test_a_file_is_a_small_picture_that_shows_what_its_name_says(sets: list[examples.ExampleSet]) -> None:
    for path in files(sets)[::3]:
        drawn = pixels(draw(*path.stem.rsplit("-", 1), seed=examples.EXAMPLE_SEED))  # type: ignore[misc]
        assert path.stat().st_size < MAX_BYTES, path.name
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (examples.PAGE_SIZE, examples.PAGE_SIZE))
            assert np.abs(pixels(image) - drawn).mean() < 8, path.name  # what JPEG loses


def test_writing_again_leaves_the_files_alone_redraws_a_lost_one_and_all_after_a_change_of_what_draws_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "EXAMPLE_SETS", examples.EXAMPLE_SETS[-2:])
    lost, *others = files(examples.write_examples(tmp_path))
    written, content = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in others], lost.read_bytes()
    lost.unlink()
    assert files(examples.write_examples(tmp_path)) == [lost, *others]
    assert lost.read_bytes() == content
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in others] == written
    assert {source.name for source in examples.SOURCES} == {"examples.py", "drawings.py", "scenes.py"}
    (tmp_path / "drawings.py").write_text("another")
    monkeypatch.setattr(examples, "EXAMPLE_SETS", examples.EXAMPLE_SETS[-1:])
    monkeypatch.setattr(examples, "SOURCES", [tmp_path / "drawings.py", *examples.SOURCES[1:]])
    assert set(files(examples.write_examples(tmp_path))).isdisjoint([lost, *others])
