"""How well an encoder tells styles apart, in the figures that papers report: AUC, discrimination gap, retrieval.

Pictures are numbers, and those of a style follow each other: style k holds `sizes[k]` of them. `cosines` is (N, N)
float32 in [-1, 1], symmetric; its diagonal, a picture with itself, is in no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from megastyle.calibration import Gap
from megastyle.measuring.trials import Floats, Integers, Trials, members_of, starts_of

Cosines = npt.NDArray[np.float32]

RESAMPLES = 1000  # of the bootstrap: the 25th lowest and highest bound a 95 % interval
STRANGERS_AT_ONCE = 20_000  # scores; their pairs of styles take at most 160 MB for all resamples
INTERVAL = (0.025, 0.975)  # 95 %
DEPTHS = (1, 10)  # K of Recall@K and mAP@K, as in Table 2 of arXiv 2604.08364
QUERIES_AT_ONCE = 256  # their cosines to 10,000 pictures take 10 MB
NEVER = -2.0  # a cosine below all others, of a picture with itself

# ------------------------------------------------------------------------------------------------------------------ AUC


class Relatives(NamedTuple):
    """The scores of S_n that belong to one style: (m,) in ascending order, and the weight of them all."""

    style: int
    weight: float
    scores: Floats

    def wins(self, scores: Floats) -> Floats:
        """(t,) share of the style's scores that are higher than each of ascending `scores`, ties counted half."""
        beaten, not_lost = (np.searchsorted(scores, self.scores, side) for side in ("left", "right"))
        length = len(scores) + 1
        at_most = np.cumsum(np.bincount(beaten, minlength=length) + np.bincount(not_lost, minlength=length))[:-1]
        return 1 - at_most / (2 * len(self.scores))


def relatives_by_style(same: Trials, cosines: Cosines) -> list[Relatives]:
    """S_n by style; all scores of a style weigh the same."""
    scores = same.scores(cosines)
    order = np.lexsort((scores, same.own))
    styles, firsts = np.unique(same.own[order], return_index=True)
    weights = np.bincount(same.own, same.weight)
    found = zip(styles.tolist(), np.split(scores[order], firsts[1:]), strict=True)
    return [Relatives(style, float(weights[style]), own) for style, own in found]


def aucs(same: Trials, different: Trials, cosines: Cosines, times: Floats) -> Floats:
    """(b,) probability that a score of S_n is higher than one of D_n, ties counted half, in [0, 1].

    It is the weighted Mann-Whitney statistic. `times` is (K, b): how often each style counts in each of b sets of
    styles. A score counts as often as its style, one between two styles as often as the product of both. NaN where no
    score of a kind is left.
    """
    relatives = relatives_by_style(same, cosines)
    scores = different.scores(cosines)
    pairs_of_all = different.own * len(times) + different.other
    by_pair = np.argsort(pairs_of_all, kind="stable")
    won, compared = np.zeros(times.shape[1]), np.zeros(times.shape[1])
    for some in np.split(by_pair, range(STRANGERS_AT_ONCE, len(by_pair), STRANGERS_AT_ONCE)):
        part = some[np.argsort(scores[some], kind="stable")]
        pairs, pair = np.unique(pairs_of_all[part], return_inverse=True)
        weight = different.weight[part]
        wins = np.zeros((len(pairs), len(times)))
        for style in relatives:
            wins[:, style.style] = style.weight * np.bincount(pair, weight * style.wins(scores[part]), len(pairs))
        together = times[pairs // len(times)] * times[pairs % len(times)]  # (pairs, b)
        won += np.einsum("pb,pb->b", wins @ times, together)
        compared += np.bincount(pair, weight, len(pairs)) @ together
    weights = np.zeros(len(times))
    weights[[style.style for style in relatives]] = [style.weight for style in relatives]
    with np.errstate(invalid="ignore"):
        return np.clip(won / (compared * (weights @ times)), 0, 1)  # rounding can exceed 1


def auc_with_interval(
    rng: np.random.Generator, same: Trials, different: Trials, cosines: Cosines, styles: int
) -> tuple[float, tuple[float, float]]:
    """AUC of S_n against D_n, and its 95 % interval by a bootstrap over styles.

    It is a percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Styles are
    drawn anew, not pictures: those of a style resemble each other. A style is no stranger to itself, so a resample of
    one style alone has no AUC and is passed over. With few styles such an interval is too narrow.
    """
    drawn = rng.multinomial(styles, np.full(styles, 1 / styles), RESAMPLES)
    times = np.vstack([np.ones(styles), drawn]).T  # (K, 1 + resamples), the set itself first
    found = aucs(same, different, cosines, np.ascontiguousarray(times))
    low, high = np.nanquantile(found[1:], INTERVAL)
    return float(found[0]), (float(low), float(high))


# ------------------------------------------------------------------------------------------------- discrimination gap


def medians_to_styles(rows: Cosines, sizes: Integers) -> Floats:
    """(K,) median of (m, N) `rows` over the pictures of each style; styles of one size are taken at once."""
    medians = np.empty(len(sizes))
    starts = starts_of(sizes)
    for size in np.unique(sizes):
        styles = np.flatnonzero(sizes == size)
        columns = starts[styles][:, None] + np.arange(size)  # (styles, size)
        medians[styles] = np.median(rows[:, columns].swapaxes(0, 1).reshape(len(styles), -1), axis=1)
    return medians


def gap_to_closest(inside: float, to_others: Floats, own: int, styles: Sequence[str]) -> Gap:
    """What lies between a style's own value and the largest of (K,) values of the other styles."""
    to_others = to_others.copy()
    to_others[own] = NEVER
    closest = int(np.argmax(to_others))
    return Gap(float(inside - to_others[closest]), styles[closest])


def pair_gaps(cosines: Cosines, sizes: Integers, styles: Sequence[str]) -> dict[str, Gap]:
    """Discrimination gap by pairs (arXiv 2605.09030), of each style with two pictures or more.

    Of style k: the median cosine inside k minus the largest, over other styles j, median cosine between k and j.
    """
    gaps = {}
    for own, pictures in enumerate(members_of(sizes)):
        if len(pictures) > 1:
            rows = cosines[pictures.start : pictures.stop]
            inside = rows[:, pictures.start : pictures.stop][np.triu_indices(len(pictures), k=1)]
            gaps[styles[own]] = gap_to_closest(float(np.median(inside)), medians_to_styles(rows, sizes), own, styles)
    return gaps


def pool_gaps(cosines: Cosines, sizes: Integers, styles: Sequence[str]) -> dict[str, Gap]:
    """Aggregated discrimination gap (arXiv 2605.09030), of each style with two pictures or more.

    s(x, A) is the mean cosine of x to the pictures A_k of a style. Of style k: the median, over x in k, of
    s(x, A_k without x) minus the largest, over other styles j, median over x in j of s(x, A_k).
    """
    members = members_of(sizes)
    sums = np.stack([cosines[x.start : x.stop].sum(axis=0, dtype=np.float64) for x in members], axis=1)  # (N, K)
    medians = np.stack([np.median(sums[x.start : x.stop] / sizes, axis=0) for x in members])  # [j][k] of s(x, A_k)
    gaps = {}
    for own, pictures in enumerate(members):
        if len(pictures) > 1:
            without_itself = sums[pictures.start : pictures.stop, own] - cosines.diagonal()[pictures]
            inside = float(np.median(without_itself / (len(pictures) - 1)))
            gaps[styles[own]] = gap_to_closest(inside, medians[:, own], own, styles)
    return gaps


# ------------------------------------------------------------------------------------------------------------ retrieval


def nearest(cosines: Cosines, queries: Integers, depth: int) -> Integers:
    """(q, depth) numbers of the pictures nearest to each query, nearest first, itself left out."""
    rows = cosines[queries]  # a copy
    rows[np.arange(len(queries)), queries] = NEVER
    found = np.argpartition(rows, -depth, axis=1)[:, -depth:]
    found.sort(axis=1)  # equal cosines in the order of the pictures
    closeness = np.take_along_axis(rows, found, axis=1)
    return np.take_along_axis(found, np.argsort(-closeness, axis=1, kind="stable"), axis=1)


def retrieval(cosines: Cosines, sizes: Integers) -> dict[str, float]:
    """Mean AP@K and Recall@K over all pictures as queries against all others, each in [0, 1].

    Recall@K is the share of queries with a picture of their style among the K nearest; AP@K is normalised by min(K,
    other pictures of the style). The measures are those of Table 2 of arXiv 2604.08364. A picture that is alone in its
    style is no query, for there is nothing to be found; the others may find it.
    """
    style = np.repeat(np.arange(len(sizes)), sizes)
    queries = np.flatnonzero(sizes[style] > 1)
    depth = min(max(DEPTHS), len(style) - 1)
    chunks = [
        nearest(cosines, chunk, depth)
        for chunk in np.split(queries, range(QUERIES_AT_ONCE, len(queries), QUERIES_AT_ONCE))
    ]
    hits = style[np.concatenate(chunks)] == style[queries][:, None]  # (q, depth)
    precision = np.cumsum(hits, axis=1) / np.arange(1, depth + 1)
    figures = {}
    for k in DEPTHS:
        findable = np.minimum(k, sizes[style[queries]] - 1)
        figures[f"map@{k}"] = float(((precision * hits)[:, :k].sum(axis=1) / findable).mean())
    return figures | {f"recall@{k}": float(hits[:, :k].any(axis=1).mean()) for k in DEPTHS}
