"""The test images that a visitor has tried against one set of references, within one visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from megastyle.page.outcome import Outcome

TRIED_KEPT = 50  # outcomes a visit; the oldest one goes


def references_of(outcome: Outcome) -> tuple[str, ...]:
    """What makes two sets of references the same: their files' content, in order, for the order is their numbers."""
    return outcome.comparison.digests[outcome.comparison.offset :]


def places(chosen: Sequence[str], former: Sequence[str]) -> list[int] | None:
    """Where the chosen ones stand among the former ones, in the same order; None if one of them does not.

    >>> places("ac", "abc"), places("ca", "abc")
    ([0, 2], None)
    """
    found: list[int] = []
    for one in chosen:
        start = found[-1] + 1 if found else 0
        if one not in former[start:]:
            return None
        found.append(former.index(one, start))
    return found


def against(outcome: Outcome, other: Outcome) -> Outcome | None:
    """A former outcome against the references of another one, computed from what is known of it; None if not all is."""
    if references_of(outcome) == references_of(other):
        return outcome
    if (kept := places(references_of(other), references_of(outcome))) is None:
        return None
    comparison = replace(outcome.comparison.restricted(kept), ignored=other.comparison.ignored)
    thumbnails = (outcome.thumbnails[0], *(outcome.thumbnails[index + 1] for index in kept))
    made_from = (outcome.made_from[0], *other.made_from[other.comparison.offset :])
    return replace(outcome, comparison=comparison, thumbnails=thumbnails, made_from=made_from)


def ranked(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Best first, by the mean without the odd one out, which must not decide; of equal ones the one tried first."""
    return tuple(sorted(outcomes, key=lambda outcome: -outcome.comparison.core_mean))


def with_outcome(tried: tuple[Outcome, ...], outcome: Outcome) -> tuple[Outcome, ...]:
    """The outcomes so far, in the order in which they were made, and the new one.

    All are of the new one's references: where some were left out, the former outcomes are restricted to the others, for
    whoever drops the odd one out wants to see who is best now. With any other change the list begins anew. The same
    test image a second time replaces its first outcome; without a test image there is nothing to add.
    """
    kept = [restricted for one in tried if (restricted := against(one, outcome))]
    if not outcome.comparison.has_test:
        return tuple(kept)
    kept = [one for one in kept if one.comparison.digests[0] != outcome.comparison.digests[0]]
    return (*kept, outcome)[-TRIED_KEPT:]


def among(outcome: Outcome, tried: tuple[Outcome, ...]) -> Outcome:
    """The outcome with the list that page and files show beside it."""
    return replace(outcome, tried=ranked(tried))
