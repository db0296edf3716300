"""The measurement: its samples, its figures against plain loops and scikit-learn, and sets known by arithmetic."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from statistics import fmean, median

import numpy as np
import pytest

from labelled_sets import circle_set, clustered, some_calibration, some_set
from megastyle import measuring
from megastyle.calibration import LEVELS, calibration_text
from megastyle.comparison import POSITIONS, compare
from megastyle.measuring import Labelled, Trials, aucs, discrimination_gaps, draw_different, draw_same, labelled

SETS = [
    some_set(seed, sizes) for seed, sizes in enumerate([(5, 3, 6, 4), (2, 2), (1, 7, 2, 13, 3), (4, 4, 4, 4, 4, 4)])
]
UNEVEN = some_set(sizes=(5, 3, 1, 4))
Weights = dict[tuple[int, frozenset[int]], float]
every_set = pytest.mark.parametrize("pictures", SETS)


def spans(pictures: Labelled) -> list[range]:
    """The pictures of each style."""
    ends = list(itertools.accumulate(pictures.sizes.tolist()))
    return [range(end - size, end) for end, size in zip(ends, pictures.sizes.tolist(), strict=True)]


def style_of(pictures: Labelled) -> list[int]:
    """The style of each picture."""
    return [style for style, span in enumerate(spans(pictures)) for _ in span]


def all_trials(pictures: Labelled, n: int, *, same: bool) -> Weights:
    """Every trial with its weight: a style's share, divided among the other styles, divided among its trials."""
    found: dict[int, dict[int, list[tuple[int, frozenset[int]]]]] = defaultdict(lambda: defaultdict(list))
    for picture, own in enumerate(style_of(pictures)):
        for other, span in enumerate(spans(pictures)):
            if (own == other) == same:
                for chosen in itertools.combinations([x for x in span if x != picture], n):
                    found[own][other].append((picture, frozenset(chosen)))
    return {
        trial: 1 / len(found) / len(others) / len(trials)
        for others in found.values()
        for trials in others.values()
        for trial in trials
    }


def drawn(pictures: Labelled, n: int, count: int, *, same: bool, seed: int = 7) -> Trials:
    """A sample."""
    draw = draw_same if same else draw_different
    return draw(np.random.default_rng(seed), pictures, n, count)


# ------------------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize(("n", "same"), [(1, True), (2, True), (3, True), (1, False), (2, False), (4, False)])
def test_trials_are_drawn_as_often_as_plain_loops_weigh_them(n: int, *, same: bool) -> None:
    """Within five standard errors; a style with too few pictures is in no S_n and no reference of D_n."""
    pictures, count = (SETS[0] if n == 4 else UNEVEN), 100_000
    trials, expected = drawn(pictures, n, count, same=same), all_trials(pictures, n, same=same)
    often = Counter(
        (int(picture), frozenset(chosen.tolist()))
        for picture, chosen in zip(trials.picture, trials.references, strict=True)
    )
    assert set(often) == set(expected)
    for trial, weight in expected.items():
        assert often[trial] / count == pytest.approx(weight, abs=5 * (weight / count) ** 0.5)
    style = np.array(style_of(pictures))
    assert (style[trials.picture] == trials.own).all()
    assert (style[trials.references] == trials.other[:, None]).all()
    assert np.ptp([share for share in np.bincount(trials.own) if share]) <= 1


def test_the_same_set_and_seed_give_the_same_text_but_for_the_date() -> None:
    first, second = (some_calibration(some_set(4, (40, 50, 12)), trials=1000) for _ in range(2))
    assert calibration_text(first) == calibration_text(second.model_copy(update={"made": first.made}))


# ----------------------------------------------------------------------------------------- against an independent count


def with_outliers() -> Labelled:
    """Three styles; in each, one picture is of another kind, so that many references have an odd one out."""
    rows = clustered(3, (6, 7, 8), spread=0.7)
    strange = clustered(4, (1, 1, 1), spread=3)
    return labelled({style: [*rows[style], *strange[style]] for style in rows})


@pytest.mark.parametrize("pictures", [with_outliers(), some_set(5, (7, 6, 9), spread=0.8)])
def test_shares_and_error_rates_are_those_of_all_trials(pictures: Labelled) -> None:
    calibration, cosines, told = some_calibration(pictures, trials=20_000), pictures.cosines(), set()
    for n, same in itertools.product((1, 3, 5), (True, False)):
        trials = all_trials(pictures, n, same=same)
        scores = {trial: fmean(float(cosines[trial[0], x]) for x in trial[1]) for trial in trials}
        for value in np.linspace(-0.2, 0.95, 12):
            standing = calibration.standing(value, n)
            assert standing
            found = standing.same_at_or_below if same else standing.different_at_or_above
            counted = [w for trial, w in trials.items() if (scores[trial] <= value if same else scores[trial] >= value)]
            assert found == pytest.approx(sum(counted), abs=0.02)
        if n >= 3:
            rates: Counter[str] = Counter()
            for trial, weight in trials.items():
                rows = pictures.embeddings[[trial[0], *trial[1]]]
                rates[str(compare(rows, [""] * (n + 1)).position)] += weight
            positions = calibration.rows[n].positions
            assert positions
            assert positions["same" if same else "different"] == pytest.approx(
                {position: rates[position] for position in POSITIONS}, abs=0.02
            )
            told |= {position for position, rate in rates.items() if rate > 0.05}
    assert told == set(POSITIONS)


def test_only_styles_with_pictures_enough_are_counted() -> None:
    """Sizes 5, 3, 6 and 4: a relative of n references needs n + 1 pictures, a reference set of strangers n."""
    rows = some_calibration(SETS[0], trials=100).rows
    assert [(row.styles, row.style_pairs) for row in rows.values()] == [(4, 12), (4, 12), (3, 12), (2, 6)]


def test_a_set_at_right_angles() -> None:
    """Three pictures at 0 degrees and four at 90: relatives score 1 and fit, strangers score 0 and lie apart."""
    found = some_calibration(circle_set([0, 0, 0, 0], [90] * 5))
    assert (found.styles, found.pictures, set(found.rows)) == (2, 9, {1, 2, 3})
    for row in found.rows.values():
        assert row.same == pytest.approx([1] * len(LEVELS), abs=1e-6)
        assert row.different == pytest.approx([0] * len(LEVELS), abs=1e-6)
        assert (row.auc, *row.auc_interval) == (1, 1, 1)
    assert found.rows[3].positions == {
        "same": {"fits": 1, "edge": 0, "apart": 0},
        "different": {"fits": 0, "edge": 0, "apart": 1},
    }
    assert [gap.gap for gap in found.gaps.values()] == [1, 1]
    assert found.retrieval == {"recall@1": 1, "map@10": 1}


def test_every_style_has_half_however_many_pictures_it_holds() -> None:
    """Four pictures at 0 degrees and 60 at -60 and 60 by turns.

    Relatives: half of S_1 are the first style's 1. Of the other half, a picture has 29 relatives at cosine 1 and 30
    at cos 120 = -0.5, so 0.5 * 30 / 59 of S_1 lie at -0.5. Strangers: all at 0.5.
    """
    found = some_calibration(circle_set([0] * 4, [-60, 60] * 30), trials=20_000)
    low = found.standing(-0.4, 1)
    assert low
    assert low.same_at_or_below == pytest.approx(0.5 * 30 / 59, abs=0.01)
    assert found.rows[1].different == pytest.approx([0.5] * len(LEVELS), abs=1e-6)


def test_cosines_are_clamped() -> None:
    """Of 200 pictures that stand there twice, rounding takes some above 1 with their copies."""
    pictures = labelled({style: found * 2 for style, found in clustered(2, (100, 100)).items()})
    assert (pictures.embeddings @ pictures.embeddings.T).max() > 1
    assert np.abs(pictures.cosines()).max() <= 1


@pytest.mark.parametrize("sizes", [(3,), (0, 3, 3), (1, 1, 1), (1, 2)])
def test_too_few_styles_or_pictures_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected two styles or more with two pictures or more"):
        labelled(clustered(0, sizes))


def test_styles_are_ordered_and_what_is_no_unit_vector_is_refused_by_its_styles_name() -> None:
    rows = clustered(0, (2, 3))
    assert labelled(dict(reversed(rows.items()))).styles == ("style 00", "style 01")
    rows["style 01"][1] *= np.float32(np.nan)
    with pytest.raises(ValueError, match="style 01: the embedding is not finite"):
        labelled(rows)


# ------------------------------------------------------------------------------------------------------------------ AUC


def by_pairs(pictures: Labelled, same: Trials, different: Trials, times: np.ndarray) -> float:
    """AUC by holding every relative against every stranger; a style counts `times` as often."""
    cosines = pictures.cosines()
    weights = np.outer(times[same.own], times[different.own] * times[different.other])
    gaps = np.subtract.outer(same.scores(cosines), different.scores(cosines))
    return float((weights * (np.sign(gaps) + 1) / 2).sum() / weights.sum())


@pytest.mark.parametrize("times", [[1, 1, 1, 1], [2, 0, 1, 1], [0, 3, 1, 0], [1, 0, 0, 3]])
def test_auc_is_that_of_all_pairs_however_often_a_style_counts(times: list[int]) -> None:
    same, different = (drawn(SETS[0], 2, 3000, same=same) for same in (True, False))
    weights = np.array([times], float)
    found = aucs(same, different, SETS[0].cosines(), weights)
    assert found == pytest.approx([by_pairs(SETS[0], same, different, weights[0])], abs=1e-9)


def test_ties_count_half() -> None:
    """All cosines are 1, so every relative ties with every stranger."""
    pictures = circle_set([0, 0, 0], [0, 0])
    same, different = (drawn(pictures, 1, 100, same=same) for same in (True, False))
    assert aucs(same, different, pictures.cosines(), np.ones((1, 2)))[0] == pytest.approx(0.5)


def test_the_interval_is_that_of_a_bootstrap_in_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same draws of styles, each AUC by all pairs; the 2.5 % lowest and highest are cut off."""
    monkeypatch.setattr(measuring, "RESAMPLES", 200)
    pictures = some_set(9, (3, 4, 5, 4), spread=6)
    same, different = (drawn(pictures, 1, 600, same=same) for same in (True, False))
    found = measuring.auc_interval(np.random.default_rng(3), same, different, pictures.cosines(), 4)
    few = [Trials(*(part[::5] for part in trials)) for trials in (same, different)]
    draws = np.random.default_rng(3).multinomial(4, [1 / 4] * 4, 200)
    expected = [by_pairs(pictures, *few, times) for times in draws if np.count_nonzero(times) > 1]
    assert len(expected) < 200  # some hold one style alone
    assert found == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])), abs=1e-6)


# ------------------------------------------------------------------------------------------------- discrimination gap


@every_set
def test_gaps_are_those_of_plain_loops(pictures: Labelled) -> None:
    cosines, styles = pictures.cosines().astype(float), spans(pictures)
    expected = {}
    for own, span in enumerate(styles):
        if len(span) > 1:
            inside = median(cosines[x, y] for x, y in itertools.combinations(span, 2))
            between = {
                k: median(cosines[x, y] for x in span for y in styles[k]) for k in range(len(styles)) if k != own
            }
            closest = max(between, key=lambda k: between[k])
            expected[pictures.styles[own]] = (
                pytest.approx(inside - between[closest], abs=1e-5),
                pictures.styles[closest],
            )
    found = discrimination_gaps(pictures, pictures.cosines())
    assert {style: (gap.gap, gap.confused_with) for style, gap in found.items()} == expected


# ------------------------------------------------------------------------------------------------------------ retrieval


def by_sorting(pictures: Labelled) -> tuple[float, float]:
    """Recall@1 and mAP@10 in plain loops."""
    cosines, style = pictures.cosines(), style_of(pictures)
    first, precisions = [], []
    for query, own in enumerate(style):
        near = sorted((x for x in range(len(style)) if x != query), key=lambda x: -cosines[query, x])[:10]
        if findable := style.count(own) - 1:
            ranks = [rank for rank, other in enumerate(near, start=1) if style[other] == own]
            precisions.append(sum(hits / rank for hits, rank in enumerate(ranks, start=1)) / min(10, findable))
            first.append(style[near[0]] == own)
    return fmean(first), fmean(precisions)


@every_set
def test_retrieval_is_that_of_plain_loops(pictures: Labelled) -> None:
    found = measuring.retrieval(pictures, pictures.cosines())
    assert (found["recall@1"], found["map@10"]) == pytest.approx(by_sorting(pictures), abs=1e-6)
