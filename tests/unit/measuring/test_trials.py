"""S_n and D_n: every trial there is, or as many as are drawn, with each style weighing the same."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from labelled_sets import some_set
from megastyle.measuring.trials import (
    MOST_TRIALS,
    Trials,
    different_trials,
    same_trials,
    subsets,
    weighted_quantiles,
)

SIZES = np.array([5, 3, 1, 4])
STYLE = [0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 3]  # of each picture of SIZES
Weights = dict[tuple[int, frozenset[int]], float]


def rng() -> np.random.Generator:
    """Random numbers, the same each time."""
    return np.random.default_rng(7)


def by_loops(n: int, *, same: bool) -> Weights:
    """Every trial with its weight: a style's share, divided among the other styles, divided among its trials."""
    trials: dict[int, dict[int, list[tuple[int, frozenset[int]]]]] = defaultdict(lambda: defaultdict(list))
    for picture, own in enumerate(STYLE):
        for other in range(len(SIZES)):
            pool = [p for p, style in enumerate(STYLE) if style == other and p != picture]
            if (own == other) == same:
                for chosen in itertools.combinations(pool, n):
                    trials[own][other].append((picture, frozenset(chosen)))
    found: Weights = {}
    styles = [own for own in trials if any(trials[own].values())]
    for own in styles:
        others = [other for other in trials[own] if trials[own][other]]
        for other in others:
            for trial in trials[own][other]:
                found[trial] = 1 / len(styles) / len(others) / len(trials[own][other])
    return found


def as_weights(trials: Trials | None) -> Weights:
    """The trials in the oracle's form; none stands there twice."""
    assert trials
    keys = [(int(p), frozenset(refs.tolist())) for p, refs in zip(trials.picture, trials.references, strict=True)]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, trials.weight.tolist(), strict=True))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_trials_are_all_there_with_the_weights_of_plain_loops(n: int) -> None:
    for found, same in ((same_trials(rng(), SIZES, n), True), (different_trials(rng(), SIZES, n), False)):
        expected = by_loops(n, same=same)
        assert expected
        assert as_weights(found) == pytest.approx(expected)
        assert sum(expected.values()) == pytest.approx(1)


def test_a_style_with_too_few_pictures_is_in_no_sample() -> None:
    """S_4 needs five pictures of a style, D_4 four in another style; with more references there is nothing."""
    same, different = same_trials(rng(), SIZES, 4), different_trials(rng(), SIZES, 4)
    assert same
    assert different
    assert set(same.own) == {0}
    assert set(different.other) == {0, 3}
    assert set(different.own) == {0, 1, 2, 3}
    assert same_trials(rng(), SIZES, 5) is None
    assert set(different_trials(rng(), SIZES, 5).own) == {1, 2, 3}  # type: ignore[union-attr] - style 0 has no other
    assert different_trials(rng(), SIZES, 6) is None


@pytest.mark.parametrize("n", [1, 2, 3])
def test_drawn_trials_are_trials_and_every_style_has_its_share(n: int) -> None:
    count = 30_000
    for trials, same in (
        (same_trials(rng(), SIZES, n, most=10), True),
        (different_trials(rng(), SIZES, n, most=10), False),
    ):
        assert trials
        assert len(trials.weight) == 10
        assert set(as_keys(trials)) <= set(by_loops(n, same=same))
    sizes = SIZES * 40  # too many to be all taken
    for trials in (same_trials(rng(), sizes, n, most=count), different_trials(rng(), sizes, n, most=count)):
        assert trials
        assert (trials.weight == 1 / count).all()
        shares = np.bincount(trials.own, minlength=4) / count
        assert shares == pytest.approx([0.25] * 4, abs=2 / count)
        assert np.bincount(trials.other, minlength=4) / count == pytest.approx([0.25] * 4, abs=2e-3)


def as_keys(trials: Trials) -> list[tuple[int, frozenset[int]]]:
    """Picture and references of each trial."""
    return [(int(p), frozenset(refs.tolist())) for p, refs in zip(trials.picture, trials.references, strict=True)]


@pytest.mark.parametrize("same", [True, False])
def test_drawn_trials_have_the_weights_of_all_of_them(*, same: bool) -> None:
    """Each of the few trials of n = 2 is drawn about as often as its weight says: within five standard errors."""
    count, n = 200_000, 2
    from megastyle.measuring import trials as module

    draw = module.drawn_same if same else module.drawn_different
    often = Counter(as_keys(draw(rng(), SIZES, n, count)))
    expected = by_loops(n, same=same)
    assert set(often) == set(expected)
    for trial, weight in expected.items():
        assert often[trial] / count == pytest.approx(weight, abs=5 * (weight / count) ** 0.5)


def test_more_other_styles_than_trials_have_their_turn() -> None:
    """40 styles, 10 draws of each: every other style comes up about as often as any other."""
    sizes = np.full(40, 3)
    often = np.zeros(40)
    for seed in range(200):
        trials = different_trials(np.random.default_rng(seed), sizes, 1, most=400)
        assert trials
        assert (trials.own != trials.other).all()
        assert (np.bincount(trials.own) == 10).all()
        often += np.bincount(trials.other, minlength=40)
    assert often == pytest.approx(np.full(40, 2000), rel=0.1)


def test_a_subset_is_as_likely_as_any_other() -> None:
    drawn = Counter(frozenset(row) for row in subsets(rng(), np.full(60_000, 5), 3).tolist())
    assert len(drawn) == 10
    assert all(len(chosen) == 3 for chosen in drawn)
    assert list(drawn.values()) == pytest.approx([6000] * 10, rel=0.05)


def test_a_score_is_the_mean_cosine_to_the_references() -> None:
    cosines = some_set(sizes=SIZES.tolist()).cosines()
    trials = different_trials(rng(), SIZES, 2)
    assert trials
    expected = [
        sum(float(cosines[p, r]) for r in refs) / 2 for p, refs in zip(trials.picture, trials.references, strict=True)
    ]
    assert trials.scores(cosines) == pytest.approx(expected, abs=1e-12)


def test_a_style_with_a_thousand_pictures_weighs_as_one_with_ten() -> None:
    """Ten pictures with cosine 1 to each other, a thousand with 0: half of S_n is 1 and half is 0."""
    for n in (1, 8):
        trials = same_trials(rng(), np.array([10, 1000]), n)
        assert trials
        assert trials.weight[trials.own == 0].sum() == pytest.approx(0.5)
        assert len(trials.weight) == MOST_TRIALS
        strangers = different_trials(rng(), np.array([10, 1000]), n)
        assert strangers
        assert strangers.weight[strangers.own == 0].sum() == pytest.approx(0.5)


def test_the_same_seed_draws_the_same() -> None:
    sizes = np.array([40, 50, 60])
    first, second, other = (different_trials(np.random.default_rng(seed), sizes, 3) for seed in (1, 1, 2))
    assert first
    assert second
    assert other
    assert (first.references == second.references).all()
    assert (first.references != other.references).any()


def test_a_quantile_is_the_smallest_value_that_its_share_does_not_exceed() -> None:
    """Weights 0.5, 0.25, 0.25 on 1, 2, 3: half lies at 1, three quarters at 2 or below."""
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    levels = np.array([0, 0.5, 0.51, 0.75, 0.76, 1])
    assert weighted_quantiles(values, weights, levels).tolist() == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_numpys(seed: int) -> None:
    generator = np.random.default_rng(seed)
    values, weights = generator.standard_normal(83), generator.random(83)
    levels = np.linspace(0, 1, 41)
    expected = np.quantile(values, levels, weights=weights, method="inverted_cdf")
    assert weighted_quantiles(values, weights, levels) == pytest.approx(expected)
