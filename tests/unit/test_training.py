"""The training of the tiny encoder: its first weights, its batches and its loss."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing

import numpy as np
import pytest
import torch

from megastyle import training
from megastyle.drawings.lessons import Course


def test_the_loss_is_the_published_formula() -> None:
    # two classes, equal within and orthogonal across: a picture's share of its partner is x / (x + 2), x = e^(1/T)
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    expected = np.log(1 + 2 * np.exp(-1 / training.TEMPERATURE))
    assert training.contrastive_loss(rows, torch.tensor([4, 4, 9, 9])).item() == pytest.approx(
        expected, rel=0.1
    )  # float32 near 12
    # paired with what is orthogonal: the share is 1 / (x + 2)
    assert training.contrastive_loss(rows, torch.tensor([4, 9, 4, 9])).item() == pytest.approx(
        np.log(np.exp(1 / training.TEMPERATURE) + 2), rel=1e-5
    )


def numbered(count: int, size: int = 4) -> np.ndarray:
    """Pictures (count, size, size, 3): each pixel holds 16 times the picture's number plus its place."""
    place = np.arange(size * size).reshape(size, size)
    return (np.arange(count)[:, None, None] * 16 + place)[..., None].repeat(3, -1).astype(np.uint8)


def test_shuffled_quarters_are_quarters_of_the_style_each_in_its_place() -> None:
    mixed = training.shuffled_quarters(np.random.default_rng(3), numbered(6))
    assert mixed.shape == (training.PICTURES, 4, 4, 3)
    origin, place = mixed[..., 0] // 16, mixed[..., 0] % 16
    assert np.array_equal(place, np.broadcast_to(np.arange(16).reshape(4, 4), place.shape))
    blocks = origin.reshape(-1, 2, 2, 2, 2).swapaxes(2, 3).reshape(-1, 4, 4)  # picture, quarter, pixel
    assert (np.ptp(blocks, axis=2) == 0).all()
    assert (np.ptp(blocks[..., 0], axis=1) > 0).any()  # a picture has quarters of several


def test_a_mirrored_picture_keeps_its_pixels() -> None:
    pictures, seen = numbered(2), set()
    for seed in range(20):
        mirrored = training.mirrored(np.random.default_rng(seed), pictures)
        assert np.array_equal(np.sort(mirrored.reshape(2, -1)), np.sort(pictures.reshape(2, -1)))
        seen.add(mirrored.tobytes())
    assert len(seen) == 4


def test_colours_that_are_not_changed_are_siglips_pixel_values() -> None:
    order, table = training.colour_table(np.random.default_rng(0), change=False)
    assert order == [0, 1, 2]
    assert table == pytest.approx((np.arange(256) / 255 - 0.5) / 0.5, abs=1e-6)


def test_changed_colours_keep_their_range_and_their_order_or_its_opposite() -> None:
    orders, rising = set(), set()
    for seed in range(40):
        order, table = training.colour_table(np.random.default_rng(seed), change=True)
        assert sorted(order) == [0, 1, 2]
        assert (table.min(), table.max()) == (-1, 1)
        assert len(set(np.sign(np.diff(table)))) == 1
        orders.add(tuple(order))
        rising.add(table[0] < table[-1])
    assert len(orders) == 6
    assert rising == {True, False}


def test_light_differs_between_pictures_and_leaves_the_range() -> None:
    lit = training.lit(np.random.default_rng(0), np.zeros((2, 8, 8, 3), np.float32))
    assert lit.dtype == np.float32
    assert np.ptp(lit, axis=3).max() == 0  # it has no colour
    assert not np.allclose(lit[0], lit[1])
    assert np.abs(training.lit(np.random.default_rng(0), np.ones((2, 8, 8, 3), np.float32))).max() <= 1


def ready(value: np.ndarray) -> Future:
    future: Future = Future()
    future.set_result(value)
    return future


def test_a_batch_holds_hand_made_and_endless_styles_with_their_numbers() -> None:
    size = training.SIZE
    flat = np.ones((6, size, size, 3), np.uint8)
    hand_made = [ready(flat * (10 + style)) for style in range(training.HAND_MADE)]
    course = Course(hand_made, [ready(np.stack([flat[:4] * 100, flat[:4] * 200]))] * 3)
    values, numbers = next(training.batches(course, np.random.default_rng(1)))
    techniques = len(numbers) // training.PICTURES
    assert training.HAND_MADE + training.ENDLESS <= techniques <= training.HAND_MADE + training.ENDLESS + 1
    assert values.shape == (len(numbers), 3, size, size)
    assert values.dtype == torch.float32
    assert numbers.tolist() == [number for number in range(techniques) for _ in range(training.PICTURES)]
    darkest = values.reshape(techniques, -1).mean(1)
    assert (darkest[: training.HAND_MADE] < darkest[training.HAND_MADE :].min()).sum() >= training.HAND_MADE - 2


def test_every_lesson_is_used_before_any_is_used_again() -> None:
    drawn = [ready(np.full((2, 4, 2, 2, 3), number, np.uint8)) for number in range(9)]
    groups = training.endless_groups(Course([], drawn), np.random.default_rng(2))
    used = [int(next(groups)[0].max()) for _ in range(27)]
    assert used[:9] == list(range(9))
    assert sorted(used[9:18]) == sorted(used[18:]) == list(range(9))
    assert used[9:18] != used[18:]


def test_the_first_filters_see_colours_then_waves() -> None:
    filters = training.first_filters(np.random.default_rng(0))
    assert filters.shape == (training.HIDDEN_SIZE, 3, training.PATCH_SIZE, training.PATCH_SIZE)
    colours, waves = filters[: training.COLOUR_FILTERS], filters[training.COLOUR_FILTERS :]
    assert np.ptp(colours, axis=(2, 3)).max() == pytest.approx(0, abs=1e-6)
    assert np.abs(waves.sum((2, 3))).max() == pytest.approx(0, abs=1e-4)  # a wave does not see the mean
    assert np.linalg.norm(colours.reshape(len(colours), -1), axis=1) == pytest.approx(1 / training.PATCH_SIZE, rel=1e-4)
    assert np.linalg.norm(waves.reshape(len(waves), -1), axis=1) == pytest.approx(4 / training.PATCH_SIZE, rel=1e-4)


def test_an_untrained_model_sees_all_places_alike() -> None:
    model = training.new_model()
    picture = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 3, training.SIZE, training.SIZE))).float()
    moved = picture.roll((training.PATCH_SIZE, 3 * training.PATCH_SIZE), (2, 3))
    with torch.inference_mode():
        assert torch.allclose(
            model(pixel_values=picture).pooler_output, model(pixel_values=moved).pooler_output, atol=1e-5
        )


def test_batches_made_ahead_are_the_same_in_the_same_order_and_end_with_their_user() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    with closing(training.ahead(numbers())) as supply:
        assert [next(supply) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert made == [0, 1, 2, 3, 4, 5]  # one is made ahead, and none after the end
