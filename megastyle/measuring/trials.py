"""Trials: scores that a set of pictures with known styles could have given on the page, as samples of S_n and D_n.

A trial is a picture and n references. In a trial of S_n the references are other pictures of its own style, in one of
D_n they all share one other style, as a visitor's references do. Pictures are numbers, and those of a style follow each
other: style k holds `sizes[k]` of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_TRIALS = 100_000  # of one kind for one n; more would not move a share of 1 in 1,000 (100 trials) noticeably


class Trials(NamedTuple):
    """A weighted sample of S_n or D_n.

    Attributes:
        picture: (t,) number of the picture that is scored.
        references: (t, n) numbers of its references.
        own: (t,) number of the picture's style.
        other: (t,) number of the references' style; `own` in S_n.
        weight: (t,) its share of the distribution, adding up to 1.
    """

    picture: Integers
    references: Integers
    own: Integers
    other: Integers
    weight: Floats

    def scores(self, cosines: npt.NDArray[np.float32]) -> Floats:
        """(t,) mean cosine of each picture to its references, from the (N, N) cosines of all pictures."""
        return cosines[self.picture[:, None], self.references].mean(axis=1, dtype=np.float64)


def starts_of(sizes: Integers) -> Integers:
    """(K,) number of the first picture of each style."""
    return np.cumsum(sizes) - sizes


def members_of(sizes: Integers) -> list[range]:
    """The pictures of each style."""
    return [range(start, start + size) for start, size in zip(starts_of(sizes).tolist(), sizes.tolist(), strict=True)]


def subsets(rng: np.random.Generator, sizes: Integers, n: int) -> Integers:
    """(t, n) numbers: row i is drawn from the n-element subsets of 0 to sizes[i] - 1, each as likely as any other.

    Floyd's algorithm: Bentley and Floyd, Programming Pearls: a sample of brilliance, CACM 30 (1987), 754-757.
    """
    chosen = np.empty((len(sizes), n), np.int64)
    for column in range(n):
        last = sizes - n + column
        drawn = rng.integers(0, last + 1)
        taken = (chosen[:, :column] == drawn[:, None]).any(axis=1)
        chosen[:, column] = np.where(taken, last, drawn)
    return chosen


# ----------------------------------------------------------------------------------------------------------------- S_n


def every_same(sizes: Integers, n: int) -> Iterator[tuple[int, int, list[tuple[int, ...]]]]:
    """Each style with all its trials, a trial being the picture and then its references."""
    for style, pictures in enumerate(members_of(sizes)):
        found = [
            (picture, *chosen)
            for picture in pictures
            for chosen in itertools.combinations([other for other in pictures if other != picture], n)
        ]
        if found:
            yield style, style, found


def drawn_same(rng: np.random.Generator, sizes: Integers, n: int, count: int) -> Trials:
    """A sample of S_n, as many trials of each style as of any other (one more at most)."""
    styles = np.flatnonzero(sizes > n)
    own = styles[np.arange(count) * len(styles) // count]
    inside = rng.integers(0, sizes[own])
    references = subsets(rng, sizes[own] - 1, n)
    references += references >= inside[:, None]  # the picture itself is passed over
    start = starts_of(sizes)[own]
    return Trials(start + inside, start[:, None] + references, own, own, np.full(count, 1 / count))


def same_trials(rng: np.random.Generator, sizes: Integers, n: int, most: int = MOST_TRIALS) -> Trials | None:
    """S_n: all trials if they are `most` at the most, else that many drawn; None if no style has n + 1 pictures.

    Every style weighs the same, however many pictures it holds.
    """
    total = sum(size * math.comb(size - 1, n) for size in sizes.tolist())
    if total > most:
        return drawn_same(rng, sizes, n, most)
    return weighted(list(every_same(sizes, n)))


# ----------------------------------------------------------------------------------------------------------------- D_n


def every_different(sizes: Integers, n: int) -> Iterator[tuple[int, int, list[tuple[int, ...]]]]:
    """Each pair of a picture's style and another one with all its trials."""
    members = members_of(sizes)
    for (own, pictures), (other, pool) in itertools.permutations(enumerate(members), 2):
        if len(pool) >= n:
            combinations = list(itertools.combinations(pool, n))
            yield own, other, [(picture, *chosen) for picture in pictures for chosen in combinations]


def drawn_different(rng: np.random.Generator, sizes: Integers, n: int, count: int) -> Trials:
    """A sample of D_n: as many trials of each picture's style as of any other, and in it of each other style.

    Where a style has fewer trials than there are other styles, evenly spaced ones from a random start have their turn.
    """
    pools = np.flatnonzero(sizes >= n)
    others = len(pools) - np.isin(np.arange(len(sizes)), pools)  # (K,) how many other styles can be references
    styles = np.flatnonzero(others)
    turn = np.arange(count) * len(styles) // count  # sorted
    share = np.bincount(turn, minlength=len(styles))  # trials of each style
    place = np.arange(count) - starts_of(share)[turn] + rng.random(len(styles))[turn]
    own = styles[turn]
    choice = np.minimum((place * others[own] / share[turn]).astype(np.int64), others[own] - 1)
    choice += (pools[np.minimum(choice, len(pools) - 1)] >= own) & np.isin(own, pools)  # its own style is passed over
    other = pools[choice]
    starts = starts_of(sizes)
    references = starts[other][:, None] + subsets(rng, sizes[other], n)
    return Trials(starts[own] + rng.integers(0, sizes[own]), references, own, other, np.full(count, 1 / count))


def different_trials(rng: np.random.Generator, sizes: Integers, n: int, most: int = MOST_TRIALS) -> Trials | None:
    """D_n: all trials if they are `most` at the most, else that many drawn; None if no other style has n pictures.

    Every style of a picture weighs the same, and for each of them so does every other style.
    """
    choices = [math.comb(size, n) for size in sizes.tolist()]
    total = sum(size * (sum(choices) - own) for size, own in zip(sizes.tolist(), choices, strict=True))
    if total > most:
        return drawn_different(rng, sizes, n, most)
    return weighted(list(every_different(sizes, n)))


# ---------------------------------------------------------------------------------------------------------------- both


def weighted(strata: list[tuple[int, int, list[tuple[int, ...]]]]) -> Trials | None:
    """All trials by a picture's style and its references'; every `own` weighs the same, and in it every `other`."""
    if not strata:
        return None
    counts = np.array([len(found) for _, _, found in strata])
    own, other = (np.array(column) for column in list(zip(*strata, strict=True))[:2])
    others = np.bincount(own)[own]  # how many strata share a stratum's own style
    weight = np.repeat(1 / (counts * others * len(np.unique(own))), counts)
    trials = np.array(list(itertools.chain.from_iterable(found for _, _, found in strata)), dtype=np.int64)
    return Trials(trials[:, 0], trials[:, 1:], np.repeat(own, counts), np.repeat(other, counts), weight)


def weighted_quantiles(values: Floats, weights: Floats, levels: Floats) -> Floats:
    """(q,) for each level p the smallest value of which a share of p is not above: the inverse of the weighted CDF.

    The definition is number 1 of Hyndman and Fan, Sample quantiles in statistical packages (1996).
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    rounding = 1e-9  # of the sum, in which a level that is just reached may be missed
    index = np.searchsorted(reached / reached[-1], levels - rounding)
    return values[order][np.minimum(index, len(values) - 1)]
