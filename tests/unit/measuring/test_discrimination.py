"""AUC, gaps and retrieval against plain loops, scikit-learn, and sets whose figures are known by arithmetic."""

from __future__ import annotations

import itertools
from statistics import fmean, median

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from labelled_sets import circle_set, some_set
from megastyle.measuring.discrimination import (
    RESAMPLES,
    auc_with_interval,
    aucs,
    pair_gaps,
    pool_gaps,
    retrieval,
)
from megastyle.measuring.measurement import Labelled
from megastyle.measuring.trials import Trials, different_trials, same_trials

SETS = [some_set(seed, sizes) for seed, sizes in enumerate([(5, 3, 6, 4), (2, 2), (1, 7, 2, 9, 3), (4, 4, 4, 4, 4, 4)])]
RIGHT_ANGLE = circle_set([0, 0, 0], [90, 90])  # 1 inside of each style, 0 between them


def trials_of(pictures: Labelled, n: int) -> tuple[Trials, Trials]:
    """S_n and D_n of a small set."""
    rng = np.random.default_rng(0)
    same, different = same_trials(rng, pictures.sizes, n), different_trials(rng, pictures.sizes, n)
    assert same
    assert different
    return same, different


def by_sklearn(pictures: Labelled, n: int, times: np.ndarray) -> float:
    """AUC by scikit-learn with the trials as weighted samples; a style counts `times` as often."""
    cosines = pictures.cosines()
    same, different = trials_of(pictures, n)
    weights = [same.weight * times[same.own], different.weight * times[different.own] * times[different.other]]
    labels = np.repeat([1, 0], [len(same.weight), len(different.weight)])
    scores = np.concatenate([same.scores(cosines), different.scores(cosines)])
    return float(roc_auc_score(labels, scores, sample_weight=np.concatenate(weights)))


@pytest.mark.parametrize(
    ("pictures", "n"), [(pictures, n) for pictures in SETS for n in (1, 2) if pictures.sizes.max() > n]
)
def test_auc_is_scikit_learns(pictures: Labelled, n: int) -> None:
    same, different = trials_of(pictures, n)
    ones = np.ones((len(pictures.sizes), 1))
    assert aucs(same, different, pictures.cosines(), ones)[0] == pytest.approx(
        by_sklearn(pictures, n, ones[:, 0]), abs=1e-9
    )


def test_auc_of_a_resample_is_that_of_the_set_with_its_styles_so_often() -> None:
    pictures = SETS[0]
    same, different = trials_of(pictures, 2)
    times = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 3, 1, 0], [1, 0, 0, 3]]).T.astype(float)
    expected = [by_sklearn(pictures, 2, column) for column in times.T]
    assert aucs(same, different, pictures.cosines(), times) == pytest.approx(expected, abs=1e-9)
    assert len(set(expected)) > 1


def test_auc_of_one_style_alone_is_no_number() -> None:
    same, different = trials_of(SETS[0], 1)
    assert np.isnan(aucs(same, different, SETS[0].cosines(), np.array([[4.0], [0], [0], [0]]))).all()


def test_ties_count_half() -> None:
    """All cosines are 1, so every relative ties with every stranger."""
    pictures = circle_set([0, 0, 0], [0, 0])
    same, different = trials_of(pictures, 1)
    assert aucs(same, different, pictures.cosines(), np.ones((2, 1)))[0] == pytest.approx(0.5)


def test_strangers_at_right_angles_never_win() -> None:
    same, different = trials_of(RIGHT_ANGLE, 1)
    found = auc_with_interval(np.random.default_rng(0), same, different, RIGHT_ANGLE.cosines(), 2)
    assert (found[0], *found[1]) == pytest.approx((1, 1, 1))


def test_the_interval_is_that_of_a_bootstrap_in_plain_loops() -> None:
    """The same draws of styles, each AUC by scikit-learn; of the 1,000 the 2.5 % lowest and highest are cut off."""
    pictures, n, seed = some_set(9, (3, 4, 2), spread=2), 1, 3
    same, different = trials_of(pictures, n)
    found = auc_with_interval(np.random.default_rng(seed), same, different, pictures.cosines(), 3)
    draws = np.random.default_rng(seed).multinomial(3, [1 / 3] * 3, RESAMPLES)
    usable = [times for times in draws if np.count_nonzero(times) > 1]
    expected = [by_sklearn(pictures, n, times) for times in usable]
    assert len(expected) < RESAMPLES  # some hold one style alone
    assert found[0] == pytest.approx(by_sklearn(pictures, n, np.ones(3)), abs=1e-9)
    assert found[1] == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])), abs=1e-9)


# ------------------------------------------------------------------------------------------------- discrimination gap


def spans(pictures: Labelled) -> list[range]:
    """The pictures of each style."""
    ends = list(itertools.accumulate(pictures.sizes.tolist()))
    return [range(end - size, end) for end, size in zip(ends, pictures.sizes.tolist(), strict=True)]


@pytest.mark.parametrize("pictures", SETS)
def test_gaps_by_pairs_are_those_of_plain_loops(pictures: Labelled) -> None:
    cosines, styles = pictures.cosines().astype(float), spans(pictures)
    found = pair_gaps(pictures.cosines(), pictures.sizes, pictures.styles)
    assert set(found) == {name for name, span in zip(pictures.styles, styles, strict=True) if len(span) > 1}
    for name, own in zip(pictures.styles, styles, strict=True):
        if len(own) == 1:
            continue
        inside = median(cosines[x, y] for x, y in itertools.combinations(own, 2))
        between = {
            other: median(cosines[x, y] for x in own for y in span)
            for other, span in zip(pictures.styles, styles, strict=True)
            if other != name
        }
        closest = max(between, key=lambda other: between[other])
        assert found[name].gap == pytest.approx(inside - between[closest], abs=1e-6)
        assert found[name].confused_with == closest


@pytest.mark.parametrize("pictures", SETS)
def test_aggregated_gaps_are_those_of_plain_loops(pictures: Labelled) -> None:
    cosines, styles = pictures.cosines().astype(float), spans(pictures)
    found = pool_gaps(pictures.cosines(), pictures.sizes, pictures.styles)
    for name, own in zip(pictures.styles, styles, strict=True):
        if len(own) == 1:
            assert name not in found
            continue
        inside = median(fmean(cosines[x, y] for y in own if y != x) for x in own)
        between = {
            other: median(fmean(cosines[x, y] for y in own) for x in span)
            for other, span in zip(pictures.styles, styles, strict=True)
            if other != name
        }
        closest = max(between, key=lambda other: between[other])
        assert found[name].gap == pytest.approx(inside - between[closest], abs=1e-6)
        assert found[name].confused_with == closest


def test_gaps_at_known_angles() -> None:
    """Style 0 at 0 and 60 degrees: 0.5 inside. Style 1 at 0 and 0 degrees: medians of 1, 1, 0.5, 0.5 are 0.75 between.

    By pairs: 0.5 - 0.75 and 1 - 0.75. Aggregated over A_0 both pictures of style 1 have (1 + 0.5) / 2; over A_1 those
    of style 0 have 1 and 0.5, the median of which is 0.75.
    """
    pictures = circle_set([0, 60], [0, 0])
    for gaps in (pair_gaps, pool_gaps):
        found = gaps(pictures.cosines(), pictures.sizes, pictures.styles)
        assert found["style 0"].gap == pytest.approx(-0.25, abs=1e-6)
        assert found["style 1"].gap == pytest.approx(0.25, abs=1e-6)
        assert found["style 0"].confused_with == "style 1"


# ------------------------------------------------------------------------------------------------------------ retrieval


def by_sorting(pictures: Labelled, k: int) -> tuple[float, float]:
    """mAP@k and Recall@k in plain loops."""
    cosines = pictures.cosines()
    style = [number for number, span in enumerate(spans(pictures)) for _ in span]
    precisions, recalls = [], []
    for query, own in enumerate(style):
        others = sorted((x for x in range(len(style)) if x != query), key=lambda x: -cosines[query, x])[:k]
        findable = style.count(own) - 1
        if not findable:
            continue
        hits, total = 0, 0.0
        for rank, other in enumerate(others, start=1):
            if style[other] == own:
                hits += 1
                total += hits / rank
        precisions.append(total / min(k, findable))
        recalls.append(bool(hits))
    return fmean(precisions), fmean(recalls)


@pytest.mark.parametrize("pictures", SETS)
@pytest.mark.parametrize("k", [1, 10])
def test_retrieval_is_that_of_plain_loops(pictures: Labelled, k: int) -> None:
    found = retrieval(pictures.cosines(), pictures.sizes)
    assert (found[f"map@{k}"], found[f"recall@{k}"]) == pytest.approx(by_sorting(pictures, k))


def test_retrieval_at_known_angles() -> None:
    """Style 0 at 0 and 20 degrees, style 1 at 5 and 90.

    The neighbours of 0 are 5, 20, 90: average precision 1/2 at rank 2. Of 20: 5, 0, 90: 1/2. Of 5: 0, 20, 90: 1/3 at
    rank 3. Of 90: 20, 5, 0: 1/2. None is found first; all are found among three.
    """
    pictures = circle_set([0, 20], [5, 90])
    found = retrieval(pictures.cosines(), pictures.sizes)
    expected = {"map@1": 0, "map@10": (1 / 2 + 1 / 2 + 1 / 3 + 1 / 2) / 4, "recall@1": 0, "recall@10": 1}
    assert found == pytest.approx(expected)


def test_retrieval_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = some_set(5, (9, 8, 7))
    whole = retrieval(pictures.cosines(), pictures.sizes)
    monkeypatch.setattr("megastyle.measuring.discrimination.QUERIES_AT_ONCE", 5)
    assert retrieval(pictures.cosines(), pictures.sizes) == whole


def test_auc_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = some_set(5, (9, 8, 7), spread=2)
    same, different = trials_of(pictures, 2)
    times = np.array([[1.0, 2], [1, 0], [1, 1]])
    whole = aucs(same, different, pictures.cosines(), times)
    monkeypatch.setattr("megastyle.measuring.discrimination.STRANGERS_AT_ONCE", 100)
    assert len(different.weight) > 1000
    assert aucs(same, different, pictures.cosines(), times) == pytest.approx(whole, abs=1e-12)
