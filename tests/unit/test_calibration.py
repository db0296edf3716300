"""What a calibration says of a score, by hand and against counts of the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest

from labelled_sets import some_calibration, some_set
from megastyle.calibration import Calibration, Row, kernel_density
from megastyle.comparison import BANDS, rounded
from megastyle.measuring.measurement import SEED
from megastyle.measuring.trials import different_trials, same_trials

LEVELS = np.linspace(0, 1, 11)  # steps of a tenth
SPREAD = np.linspace(0.4, 0.9, 11)  # a twentieth between two levels


def made(same: np.ndarray = SPREAD, different: np.ndarray = SPREAD - 0.4, **about: int) -> Calibration:
    """A calibration with these quantiles for three references."""
    sizes = {"styles": 100, "pictures": 5000} | about
    row = Row(same, different, sizes.pop("same_count", 10_000), sizes.pop("different_count", 10_000), 1.0, (1.0, 1.0))
    return Calibration("ours", sizes["styles"], sizes["pictures"], "", 0, "", {}, {}, LEVELS, {3: row}, {}, {})


@pytest.mark.parametrize(
    ("mean", "share"), [(0.3, 1), (0.4, 1), (0.45, 0.9), (0.475, 0.85), (0.9, 0), (0.95, 0), (-1, 1), (1, 0)]
)
def test_the_share_at_or_above_is_read_between_the_quantiles(mean: float, share: float) -> None:
    """A tenth of the relatives lies in each twentieth from 0.4 to 0.9."""
    standing = made().standing(mean, 3)
    assert standing
    assert standing.same_at_or_above == pytest.approx(share)


def test_a_value_that_occurs_often_is_counted_whole() -> None:
    """From the third to the seventh tenth all scores are 0.5: at 0.5 or above are 0.8, above it 0.4 and fewer."""
    same = np.array([0.1, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    at, above = (made(same).standing(mean, 3) for mean in (0.5, 0.500001))
    assert at
    assert above
    assert at.same_at_or_above == pytest.approx(0.8)
    assert above.same_at_or_above == pytest.approx(0.4, abs=1e-4)


def test_without_a_row_for_that_many_references_there_is_nothing() -> None:
    calibration = made()
    assert calibration.standing(0.5, 2) is None
    assert calibration.density(2, LEVELS) is None
    assert calibration.band_shares(2) == []


@pytest.mark.parametrize("n", [1, 2, 3])
def test_shares_are_those_of_the_scores_themselves(n: int) -> None:
    """Within the distance of two levels."""
    pictures = some_set(3, (12, 9, 15, 11), spread=2)
    calibration = some_calibration(pictures)
    cosines = pictures.cosines()
    same = same_trials(np.random.default_rng([SEED, n, 0]), pictures.sizes, n)
    different = different_trials(np.random.default_rng([SEED, n, 1]), pictures.sizes, n)
    assert same
    assert different
    for mean in np.linspace(-0.2, 1, 25):
        standing = calibration.standing(mean, n)
        assert standing
        for found, trials in ((standing.same_at_or_above, same), (standing.different_at_or_above, different)):
            assert found == pytest.approx(trials.weight[trials.scores(cosines) >= mean].sum(), abs=0.006)


@pytest.mark.parametrize(
    ("about", "same", "different"),
    [
        ({}, 1 / 1000, 1 / 1000),  # never finer than the page counts
        ({"same_count": 48, "different_count": 528}, 1 / 48, 1 / 528),
        ({"pictures": 48, "styles": 12}, 1 / 48, 1 / 528),  # 48 pictures with 11 other styles each
    ],
)
def test_the_smallest_share_is_that_of_one_score_or_of_one_picture(
    about: dict[str, int], same: float, different: float
) -> None:
    standing = made(**about).standing(0.5, 3)
    assert standing
    assert (standing.same_smallest, standing.different_smallest) == pytest.approx((same, different))


def test_bands_hold_what_their_label_takes() -> None:
    """A number takes the label of its three decimals: 0.7495 is Strong, 0.7494 is Good."""
    pictures = some_set(3, (12, 9, 15, 11), spread=1)
    found = some_calibration(pictures).band_shares(1)
    same = same_trials(np.random.default_rng(0), pictures.sizes, 1)
    assert same
    scores = np.array([rounded(score) for score in same.scores(pictures.cosines())])
    above = 0.0
    for shares in found:
        reached = same.weight[scores >= shares.band.floor].sum()
        assert shares.same == pytest.approx(reached - above, abs=0.01)
        above = reached
    assert [shares.band for shares in found] == list(BANDS)
    assert sum(shares.same for shares in found) == pytest.approx(1)
    assert sum(shares.different for shares in found) == pytest.approx(1)
    assert len({round(shares.same, 2) for shares in found}) > 2


def test_bands_begin_half_a_unit_below_their_floor() -> None:
    """Relatives lie evenly from 0.4 to 0.9.

    (0.9 - 0.7495) / 0.5 of them are Strong, each further band
    takes 0.1 / 0.5, the last one what is left.
    """
    shares = [shares.same for shares in made().band_shares(3)]
    assert shares == pytest.approx([0.301, 0.2, 0.2, 0.2, 0.099])


def test_suggested_floors_are_the_strangers_quantiles() -> None:
    """Strangers lie evenly from 0 to 0.5: 1 in 20 reaches 0.475 and 1 in 5 reaches 0.4."""
    assert made().suggested_floors(3) == pytest.approx([0.4995, 0.495, 0.475, 0.4])


def test_a_small_set_suggests_nothing_that_it_cannot_tell() -> None:
    floors = made(different_count=50).suggested_floors(3)
    assert floors[:2] == [None, None]
    assert floors[2:] == pytest.approx([0.475, 0.4])


@pytest.mark.parametrize("same", [SPREAD, np.full(11, 0.8), np.full(11, 1.0), np.linspace(-1, 1, 11)])
def test_a_density_is_a_density(same: np.ndarray) -> None:
    """It is finite, nowhere negative, and its area from -1 to 1 is 1, even where all scores are the same."""
    points = np.linspace(-1, 1, 20_001)
    curves = made(same).density(3, points)
    assert curves
    for curve in curves:
        assert np.isfinite(curve).all()
        assert (curve >= 0).all()
        assert np.trapezoid(curve, points) == pytest.approx(1, abs=1e-3)


def test_a_density_is_that_of_its_kernels() -> None:
    """Two quantile steps, worked by hand: middles 0.2 and 0.4, deviation 0.1, interquartile range 0.2 / 1.34."""
    levels, quantiles = np.array([0, 0.5, 1]), np.array([0.1, 0.3, 0.5])
    width = 0.9 * 0.1 * 32**-0.2
    expected = np.mean(
        [np.exp(-0.5 * ((0.25 - middle) / width) ** 2) / (width * np.sqrt(2 * np.pi)) for middle in (0.2, 0.4)]
    )
    assert kernel_density(np.array([0.25]), quantiles, levels, 32) == pytest.approx([expected])
