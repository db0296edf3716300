"""The test images that a visitor has tried against one set of references, within one visit."""

from __future__ import annotations

from dataclasses import replace

from megastyle.page.outcome import Outcome

TRIED_KEPT = 50  # outcomes a visit; the oldest one goes


def references_of(outcome: Outcome) -> tuple[str, ...]:
    """What makes two sets of references the same: their files' content, in order, for the order is their numbers."""
    return outcome.comparison.digests[outcome.comparison.offset :]


def ranked(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Best first, by the mean without the odd one out, which must not decide; of equal ones the one tried first."""
    return tuple(sorted(outcomes, key=lambda outcome: -outcome.comparison.core_mean))


def with_outcome(tried: tuple[Outcome, ...], outcome: Outcome) -> tuple[Outcome, ...]:
    """The outcomes so far, in the order in which they were made, and the new one.

    The list begins anew with other references. The same test image a second time replaces its first outcome; without a
    test image there is nothing to add.
    """
    kept = [one for one in tried if references_of(one) == references_of(outcome)]
    if not outcome.comparison.has_test:
        return tuple(kept)
    kept = [one for one in kept if one.comparison.digests[0] != outcome.comparison.digests[0]]
    return (*kept, outcome)[-TRIED_KEPT:]


def among(outcome: Outcome, tried: tuple[Outcome, ...]) -> Outcome:
    """The outcome with the list that page and files show beside it."""
    return replace(outcome, tried=ranked(tried))
