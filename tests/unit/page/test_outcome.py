"""An outcome: what stands beside it, and where its scores come from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from loopback import ROOT
from megastyle.page.outcome import Outcome, now, provenance_of
from outcomes import epochs, known, outcome
from sets import evenly, of_matrix, symmetric, with_test


def order(one: Outcome) -> list[str]:
    """The content of the test images in the list."""
    return [attempt.comparison.digests[0] for attempt in one.tried]


def test_the_list_is_ordered_by_the_mean_to_the_core_and_ties_by_who_came_first() -> None:
    outcomes = [outcome(one) for one in epochs(0.5, 0.9, 0.7, 0.9)]
    assert order(outcomes[0].with_tried(outcomes)) == ["t2", "t4", "t3", "t1"]
    assert outcomes[0].with_tried(outcomes).comparison is outcomes[0].comparison
    among = symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])
    near, swayed = with_test([0.8, 0.8, 0.8, 0.0], among), with_test([0.7, 0.7, 0.7, 0.9], among)
    near, swayed = (replace(one, digests=(key, *one.digests[1:])) for key, one in (("near", near), ("swayed", swayed)))
    assert near.mean_cosine < swayed.mean_cosine
    assert order(outcome(swayed).with_tried([outcome(near)])) == ["near", "swayed"]


def test_each_test_image_stands_once_in_the_list_and_holds_no_list_of_its_own() -> None:
    """By content, whatever its name; what is shown is in it. Of references alone nothing is added."""
    first, second = (outcome(one) for one in epochs(0.5, 0.9))
    renamed = replace(first, comparison=replace(first.comparison, names=("again.png", *first.comparison.names[1:])))
    found = renamed.with_tried([first, second.with_tried([first]), first])
    assert order(found) == ["t2", "t1"]
    assert found.tried[1].name == "again.png"
    assert [one.tried for one in found.tried] == [(), ()]
    alone = outcome(of_matrix(evenly(3, 0.7), has_test=False))
    assert order(alone.with_tried([first, second])) == ["t2", "t1"]


def test_the_standing_is_that_of_the_mean_to_the_core() -> None:
    """0.9 to three of four references, of which the fourth is odd: a quarter of the same style lies above it."""
    comparison = with_test([0.9, 0.9, 0.9, 0.0], symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1]))
    standing = outcome(comparison, known([3])).standing
    assert standing
    assert standing.same_at_or_below == pytest.approx(0.75, abs=1e-6)
    assert outcome(comparison, known([4])).standing is None


def test_a_score_says_where_it_comes_from() -> None:
    """Versions, the size of the squares, when; a folder that is no repository has no commit."""
    provenance = provenance_of({"official": False}, 224, ROOT / "tests")
    assert set(provenance.versions) == {"torch", "transformers", "pillow"}
    assert "224 x 224" in provenance.method
    assert (provenance.page, provenance.is_official) == (None, False)
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z", now())
