"""Endless styles, their material, and the lessons made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from megastyle.drawings import endless, lessons, studio
from megastyle.drawings.scenes import SCENES


@pytest.fixture(scope="module")
def material() -> studio.Studio:
    return studio.new_studio(np.random.default_rng(4), [SCENES["shapes"], SCENES["hills"]], cloud_grounds=4)


def painted(technique: endless.Technique, material: studio.Studio, seed: int = 0) -> np.ndarray:
    """A picture of the whole of the first ground."""
    return endless.paint(technique, material.grounds[0], material, np.random.default_rng(seed), studio.GROUND_SIZE)


def test_a_technique_makes_pictures_of_any_ground_at_the_size_asked_for(material: studio.Studio) -> None:
    rng = np.random.default_rng(1)
    for ground in material.grounds[::6]:
        picture = endless.paint(endless.new_technique(rng), ground, material, rng, 72)
        assert (picture.shape, picture.dtype) == ((72, 72, 3), np.uint8)


def test_the_same_seed_gives_the_same_technique_and_pixels(material: studio.Studio) -> None:
    one, again, other = (endless.new_technique(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(painted(one, material), painted(again, material))
    assert not np.array_equal(painted(one, material), painted(other, material))


PLAIN = endless.Handling(
    modelling=0.5,
    mottle=0,
    cloud=0,
    stroke=0,
    push=0,
    relief=0,
    grain=0,
    chroma=0,
    outline=0,
    hatching=0,
    hatches=(20.0, 5.0),
    translucency=0,
    blur=0,
    steps=0,
)


@pytest.mark.parametrize(
    "change",
    [
        {"mottle": 0.4},
        {"push": 4.0},
        {"relief": 0.2},
        {"grain": 0.1},
        {"outline": 0.9},
        {"hatching": 0.6},
        {"translucency": 0.6},
        {"blur": 2.0},
        {"steps": 3},
        {"modelling": 0.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_the_handling_shows(material: studio.Studio, change: dict[str, float]) -> None:
    technique = endless.Technique(endless.new_colours(np.random.default_rng(8)), PLAIN)
    changed = replace(technique, handling=replace(PLAIN, **change))
    assert np.abs(painted(technique, material).astype(int) - painted(changed, material)).mean() > 0.5


def test_siblings_share_their_colours_and_nothing_else(
    material: studio.Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[endless.Technique] = []

    def record(technique: endless.Technique, *_: object) -> np.ndarray:
        seen.append(technique)
        return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr(endless, "paint", record)
    pictures = endless.siblings(material, np.random.default_rng(2), 3, 8)
    assert pictures.shape == (2, 3, 8, 8, 3)
    assert seen[0] is seen[1] is seen[2]
    assert seen[3] is seen[4] is seen[5]
    assert seen[0].colours is seen[3].colours
    assert seen[0].handling != seen[3].handling


def test_textures_have_no_mean_and_one_spread(material: studio.Studio) -> None:
    for texture in (*material.clouds, *material.strokes):
        assert texture.shape == (studio.GROUND_SIZE, studio.GROUND_SIZE)
        assert (texture.mean(), texture.std()) == pytest.approx((0, 1), abs=1e-3)


def test_a_part_is_cut_alike_from_role_tone_and_lines(material: studio.Studio) -> None:
    places = np.arange(studio.GROUND_SIZE**2).reshape(studio.GROUND_SIZE, -1)
    ground = studio.Ground(places, places.astype(np.float32), places.astype(np.float32))
    for seed in range(6):
        cut = studio.part(np.random.default_rng(seed), ground, 9)
        assert cut.role.shape == (9, 9)
        assert np.array_equal(cut.role, cut.tone)
        assert np.array_equal(cut.role, cut.lines)
        assert set(np.abs(np.diff(cut.role, axis=1)).ravel()) == {1}


def test_the_lessons_are_drawn_in_turn_and_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "LESSONS", 3)
    monkeypatch.setattr(lessons, "COMPOSITIONS", {"shapes": 4})
    with lessons.course() as course:
        drawn = [future.result() for future in course.lessons]
        hand_made = [future.result() for future in course.hand_made]
    assert {pictures.shape for pictures in hand_made} == {(4, lessons.SIZE, lessons.SIZE, 3)}
    assert len(hand_made) == len(lessons.TRAINING_STYLES)
    assert {pictures.shape for pictures in drawn} == {(2, lessons.PICTURES, lessons.SIZE, lessons.SIZE, 3)}
    assert np.array_equal(lessons.lesson(lessons.training_studio(), 2), drawn[2])
    assert not np.array_equal(drawn[1], drawn[2])


def test_a_training_that_breaks_off_draws_no_further() -> None:
    with pytest.raises(KeyboardInterrupt), lessons.course() as course:  # noqa: PT012 - the course is begun within
        course.hand_made[0].result()
        raise KeyboardInterrupt
    assert sum(future.cancelled() for future in course.lessons) == lessons.LESSONS


def test_held_out_pictures_show_neither_styles_nor_scenes_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: set[str] = set()
    for name in lessons.SCENES:
        monkeypatch.setitem(lessons.SCENES, name, lambda rng, n=name, make=SCENES[name]: (shown.add(n), make(rng))[1])
    pictures = lessons.held_out_pictures()
    assert shown == set(lessons.HELD_OUT_SCENES)
    assert shown.isdisjoint(lessons.TRAINING_SCENES)
    assert len(pictures) == 40
    assert pictures.keys().isdisjoint(lessons.TRAINING_STYLES)
    assert {len(own) for own in pictures.values()} == {12}
    assert {(one.mode, one.size) for own in pictures.values() for one in own} == {("RGB", (168, 168))}
    assert len({one.tobytes() for own in pictures.values() for one in own}) == 480
