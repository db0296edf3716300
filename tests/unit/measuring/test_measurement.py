"""The measurement as a whole: a set whose calibration is known by arithmetic, balance, determinism, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labelled_sets import circle_set, clustered, some_calibration, some_set
from megastyle.calibration_text import calibration_text
from megastyle.measuring.measurement import LEVELS, labelled


def test_a_set_at_right_angles() -> None:
    """Three pictures at 0 degrees and two at 90: relatives score 1 and strangers 0, for 1 and 2 references."""
    found = some_calibration(circle_set([0, 0, 0], [90, 90]))
    assert (found.styles, found.pictures, set(found.rows)) == (2, 5, {1, 2})
    for n, (same, different) in {1: (3 * 2 + 2 * 1, 3 * 2 + 2 * 3), 2: (3, 3 * 1 + 2 * 3)}.items():
        row = found.rows[n]
        assert (row.same_count, row.different_count) == (same, different)
        assert row.same == pytest.approx(1, abs=1e-6)
        assert row.different == pytest.approx(0, abs=1e-6)
        assert (row.auc, *row.auc_interval) == pytest.approx((1, 1, 1))
    assert [gap.gap for kind in found.gaps.values() for gap in kind.values()] == pytest.approx([1] * 4, abs=1e-6)
    assert found.retrieval == pytest.approx({"map@1": 1, "map@10": 1, "recall@1": 1, "recall@10": 1})


def test_every_style_has_half_however_many_pictures_it_holds() -> None:
    """Ten pictures at 0 degrees and 300 at -60 and 60 by turns.

    Relatives: half of S_1 are the first style's 1. Of the other half, a picture has 149 relatives at cosine 1 and 150
    at cos 120 = -0.5, so 0.5 * 150 / 299 of S_1 lie at -0.5. Strangers: all at 0.5.
    """
    found = some_calibration(circle_set([0] * 10, [-60, 60] * 150))
    row = found.rows[1]
    assert (row.same < 0).mean() == pytest.approx((LEVELS <= 0.5 * 150 / 299).mean(), abs=2 / len(LEVELS))
    low = found.standing(-0.4, 1)
    assert low
    assert low.same_at_or_above == pytest.approx(1 - 0.5 * 150 / 299, abs=0.01)
    assert row.different == pytest.approx(0.5, abs=1e-6)


def test_levels_tell_one_in_a_thousand_from_two_at_both_ends() -> None:
    for share in (0.001, 0.002, 0.01, 0.99, 0.998, 0.999):
        assert share in LEVELS.tolist()
    assert (LEVELS[0], LEVELS[-1]) == (0, 1)
    assert (np.diff(LEVELS) > 0).all()


def test_the_same_set_gives_the_same_text_but_for_the_date() -> None:
    first, second = (some_calibration(some_set(4, (40, 50, 12))) for _ in range(2))
    assert calibration_text(replace(first, made="")) == calibration_text(replace(second, made=""))


def test_the_order_of_the_styles_does_not_matter() -> None:
    rows = clustered(1, (3, 4, 5))
    turned = dict(reversed(rows.items()))
    assert (labelled(rows).embeddings == labelled(turned).embeddings).all()
    assert labelled(turned).styles == tuple(sorted(rows))


def test_cosines_are_clamped_and_a_picture_has_one_with_itself() -> None:
    cosines = some_set(2, (30, 30)).cosines()
    assert np.abs(cosines).max() <= 1
    assert (cosines.diagonal() == 1).all()


@pytest.mark.parametrize("sizes", [(3,), (0, 3), (1, 1, 1)])
def test_too_few_styles_or_pictures_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected two styles or more, one of them with two pictures"):
        labelled(clustered(0, sizes))


def test_what_is_no_unit_vector_is_refused_by_its_styles_name() -> None:
    rows = clustered(0, (2, 2))
    rows["style 01"][1] = rows["style 01"][1] * np.float32(np.nan)
    with pytest.raises(ValueError, match="style 01: the embedding is not finite"):
        labelled(rows)
