"""The list of what was tried: one set of references at a time, ranked, each test image once, no more than it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from megastyle.comparison import Comparison, compare
from megastyle.page.outcome import Outcome
from megastyle.page.tried import TRIED_KEPT, among, ranked, with_outcome
from megastyle.pictures import Thumbnail
from outcomes import outcome
from sets import evenly, of_matrix, symmetric, with_test

REFERENCES = ("r1", "r2", "r3")


def trial(test: str, mean: float, references: tuple[str, ...] = REFERENCES) -> Outcome:
    """A test image by its content, at `mean` to references by theirs."""
    comparison = with_test([mean] * len(references), evenly(len(references), 0.7))
    return outcome(replace(comparison, digests=(test, *references)))


def alone(references: tuple[str, ...] = REFERENCES) -> Outcome:
    """The references without a test image."""
    comparison: Comparison = of_matrix(evenly(len(references), 0.7), has_test=False)
    return outcome(replace(comparison, digests=references))


def after(*outcomes: Outcome) -> tuple[Outcome, ...]:
    """The list after these, one after the other."""
    tried: tuple[Outcome, ...] = ()
    for one in outcomes:
        tried = with_outcome(tried, one)
    return tried


def order(outcomes: tuple[Outcome, ...]) -> list[str]:
    """Their test images, in order."""
    return [one.comparison.digests[0] for one in outcomes]


def test_each_test_image_stays_in_the_order_of_trying() -> None:
    assert order(after(trial("a", 0.5), trial("b", 0.9), trial("c", 0.7))) == ["a", "b", "c"]


def test_the_list_is_ranked_best_first_and_ties_by_who_came_first() -> None:
    outcomes = after(trial("a", 0.5), trial("b", 0.9), trial("c", 0.7), trial("d", 0.9))
    assert order(ranked(outcomes)) == ["b", "d", "c", "a"]
    shown = among(outcomes[0], outcomes)
    assert order(shown.tried) == ["b", "d", "c", "a"]
    assert shown.comparison is outcomes[0].comparison


def test_the_odd_one_out_does_not_decide_who_is_best() -> None:
    """At 0.8 from three that agree and 0 from the stranger: 0.6 in all. At 0.7 and 0.9: 0.75 in all, and yet second."""
    among = symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])
    near, swayed = with_test([0.8, 0.8, 0.8, 0.0], among), with_test([0.7, 0.7, 0.7, 0.9], among)
    references = ("r1", "r2", "r3", "r4")
    outcomes = after(
        outcome(replace(swayed, digests=("swayed", *references))), outcome(replace(near, digests=("near", *references)))
    )
    assert order(ranked(outcomes)) == ["near", "swayed"]


def test_the_same_test_image_again_replaces_its_first_outcome() -> None:
    """By content, whatever its name."""
    again = trial("a", 0.6)
    outcomes = after(trial("a", 0.5), trial("b", 0.9), again)
    assert order(outcomes) == ["b", "a"]
    assert outcomes[1] is again


def test_the_list_begins_anew_with_other_references() -> None:
    """One more, another one, or another order: the order is their numbers."""
    first = trial("a", 0.5)
    for references in ((*REFERENCES, "r4"), ("r1", "r2", "r4"), ("r2", "r1", "r3"), ("r2", "r1")):
        assert order(after(first, trial("b", 0.9, references))) == ["b"]
    assert order(after(first, trial("b", 0.9, ("r1", "r2")), trial("c", 0.7))) == ["c"], (
        "the first list is not found again"
    )


def full(test: str, vectors: npt.NDArray[np.float32], kept: Sequence[int]) -> Outcome:
    """Row 0 as the test image against the kept rows from 1 on, with their thumbnails and folders."""
    places = [0, *kept]
    names = [f"{test}.png", *(f"r{place}.png" for place in kept)]
    digests = [test, *(f"r{place}" for place in kept)]
    made = outcome(compare(vectors[places], names, digests=digests))
    thumbnails = tuple(Thumbnail(*(f"{digest}-{side}" for side in Thumbnail._fields)) for digest in digests)
    return replace(made, thumbnails=thumbnails, made_from=tuple(f"folder of {digest}" for digest in digests))


@pytest.mark.parametrize("kept", [(1, 3, 4), (2,), (1, 2, 3)], ids=["without 2", "one alone", "without the last"])
def test_where_references_are_left_out_the_list_is_that_of_the_others(kept: tuple[int, ...]) -> None:
    """The former outcomes are what comparing without them gives: numbers, names, thumbnails, folders."""
    vectors = np.random.default_rng(4).normal(size=(5, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    other = np.roll(vectors, 1, axis=1)
    former, new = full("a", vectors, (1, 2, 3, 4)), full("b", other, kept)
    restricted, last = after(former, new)
    expected = full("a", vectors, kept)
    assert last is new
    assert restricted.comparison.names == expected.comparison.names
    assert restricted.comparison.digests == expected.comparison.digests
    assert np.allclose(restricted.comparison.matrix, expected.comparison.matrix, atol=1e-6, rtol=0)
    assert not restricted.comparison.matrix.flags.writeable
    assert restricted.thumbnails == expected.thumbnails
    assert restricted.made_from == expected.made_from


def test_a_reference_is_dropped_and_the_list_is_ranked_anew() -> None:
    """r3 raised `swayed`, at 0.9 to it; without it `near` is first."""
    near = with_test([0.8, 0.8, 0.0], symmetric(3, [0.8, 0.7, 0.7]))
    swayed = with_test([0.5, 0.5, 0.9], symmetric(3, [0.8, 0.7, 0.7]))
    outcomes = after(
        outcome(replace(near, digests=("near", *REFERENCES))),
        outcome(replace(swayed, digests=("swayed", *REFERENCES))),
    )
    assert order(ranked(outcomes)) == ["swayed", "near"]
    dropped = with_outcome(outcomes, trial("swayed", 0.5, ("r1", "r2")))
    assert order(ranked(dropped)) == ["near", "swayed"]
    assert [one.comparison.mean_cosine for one in ranked(dropped)] == pytest.approx([0.8, 0.5], abs=1e-6)


def test_references_without_a_test_image_add_nothing_and_end_nothing() -> None:
    """Of the same references, or some of them, the list is kept; of others it ends."""
    first = trial("a", 0.5)
    assert order(after(first, alone())) == ["a"]
    assert order(after(first, alone(("r1", "r2")))) == ["a"]
    assert after(first, alone(("r1", "r4"))) == ()
    assert after(alone()) == ()


def test_a_test_image_that_is_also_a_reference_is_tried_as_any_other() -> None:
    assert order(after(trial("r1", 0.9), trial("a", 0.5))) == ["r1", "a"]


def test_fifty_are_kept_and_the_oldest_goes() -> None:
    """What is tried again is not the oldest any more."""
    outcomes = after(*(trial(f"t{number}", 0.5) for number in range(TRIED_KEPT)), trial("t0", 0.5), trial("new", 0.5))
    assert TRIED_KEPT == 50
    assert order(outcomes) == [*(f"t{number}" for number in range(2, TRIED_KEPT)), "t0", "new"]


def test_an_outcome_in_the_list_holds_no_list_of_its_own() -> None:
    """Else each would hold all before it, and so on."""
    outcomes = after(*(trial(f"t{number}", 0.5) for number in range(3)))
    assert [one.tried for one in outcomes] == [(), (), ()]
