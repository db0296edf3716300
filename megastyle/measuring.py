"""The measurement: embeddings whose styles are known become a Calibration. Pure numpy.

Pictures are numbers, and those of a style follow each other: style k holds `sizes[k]` of them. Scores are samples: for
each number of references, TRIALS pictures against references of their own style, and as many against references that
all share one other style, as a visitor's do. Every style weighs the same, however many pictures it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from megastyle.calibration import (
    FORMAT,
    LEVELS,
    Calibration,
    EncoderOfSet,
    Gap,
    PositionShares,
    Retrieval,
    Row,
)
from megastyle.comparison import (
    MAX_REFERENCES,
    MIN_POSITION_REFERENCES,
    POSITIONS,
    Floats,
    odd_ones_out,
    positions,
    require_unit_rows,
)

if TYPE_CHECKING:  # the encoder brings torch, which nothing here needs
    from megastyle.encoder import Source

Integers = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float32]  # (N, N) in [-1, 1], symmetric; its diagonal, a picture with itself, is in no figure

SEED = 0  # of every draw
TRIALS = 100_000  # of one kind for one n; more would not move a share of 1 in 1,000 (100 trials) noticeably
LIBRARIES = ("torch", "transformers", "pillow", "numpy")  # that the figures depend on
FILE_DECIMALS = 6  # of a number in the file: float32 has about seven significant digits

RESAMPLES = 1000  # of the bootstrap: the 25th lowest and highest bound a 95 % interval
INTERVAL = (0.025, 0.975)  # 95 %
RESAMPLED_EVERY = 5  # of the trials one is resampled: the interval comes from the styles, and 20,000 are enough for it
DEPTH = 10  # of a query's nearest pictures: K of mAP@K


@dataclass(frozen=True, eq=False)
class Labelled:
    """Embedded pictures whose styles are known.

    Attributes:
        embeddings: (N, d) float32, unit rows; the pictures of a style follow each other.
        styles: K names, two or more, in the order of the pictures.
        sizes: (K,) number of pictures of each style, at least 1.
    """

    embeddings: npt.NDArray[np.float32]
    styles: tuple[str, ...]
    sizes: Integers

    @property
    def starts(self) -> Integers:
        """(K,) number of the first picture of each style."""
        return np.cumsum(self.sizes) - self.sizes

    def cosines(self) -> Cosines:
        """(N, N) cosine similarities, as `compare` computes them; 4 N^2 bytes."""
        matrix = self.embeddings @ self.embeddings.T
        np.clip(matrix, -1, 1, out=matrix)  # float32 rounding can exceed 1
        np.fill_diagonal(matrix, 1)
        return matrix


def versions() -> dict[str, str]:
    """The versions of LIBRARIES."""
    return {name: version(name) for name in LIBRARIES}


def labelled(embeddings: Mapping[str, Sequence[npt.NDArray[np.float32]]]) -> Labelled:
    """The set of (d,) float32 unit rows by style; its styles are put in the order of their names.

    Raises:
        ValueError: fewer than two styles with two pictures, a style without pictures, or rows that are not finite unit
            vectors.
    """
    styles = tuple(sorted(embeddings))
    sizes = np.array([len(embeddings[style]) for style in styles], dtype=np.int64)
    if (sizes > 1).sum() < 2 or not sizes.all():
        raise ValueError(f"expected two styles or more with two pictures or more, got sizes {sizes.tolist()}")
    rows = np.stack([row for style in styles for row in embeddings[style]])
    require_unit_rows(rows, [style for style in styles for _ in embeddings[style]])
    return Labelled(rows, styles, sizes)


# -------------------------------------------------------------------------------------------------------------- trials


class Trials(NamedTuple):
    """A sample of S_n or D_n.

    Attributes:
        own: (t,) number of the picture's style.
        other: (t,) number of the references' style; `own` in S_n.
        picture: (t,) number of the picture that is scored.
        references: (t, n) numbers of its references.
    """

    own: Integers
    other: Integers
    picture: Integers
    references: Integers

    def scores(self, cosines: Cosines) -> Floats:
        """(t,) mean cosine of each picture to its references."""
        return cosines[self.picture[:, None], self.references].mean(axis=1, dtype=np.float64)


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


def evenly(styles: Integers, count: int) -> Integers:
    """(count,) styles, each as often as any other (once more at most)."""
    return styles[np.arange(count) * len(styles) // count]


def draw_same(rng: np.random.Generator, pictures: Labelled, n: int, count: int) -> Trials:
    """A sample of S_n; two styles or more have n + 1 pictures, and the others are not in it."""
    own = evenly(np.flatnonzero(pictures.sizes > n), count)
    sizes, starts = pictures.sizes[own], pictures.starts[own]
    place = rng.integers(0, sizes)
    references = subsets(rng, sizes - 1, n)
    references += references >= place[:, None]  # the picture itself is passed over
    return Trials(own, own, starts + place, starts[:, None] + references)


def draw_different(rng: np.random.Generator, pictures: Labelled, n: int, count: int) -> Trials:
    """A sample of D_n; two styles or more have n pictures, and the others are no references.

    Every style of a picture weighs the same, and for each of them so does every other style.
    """
    pools = np.flatnonzero(pictures.sizes >= n)
    own = evenly(np.arange(len(pictures.sizes)), count)
    is_pool = np.isin(own, pools)
    choice = rng.integers(0, len(pools) - is_pool)
    other = pools[choice + (is_pool & (choice >= np.searchsorted(pools, own)))]  # its own style is passed over
    picture = pictures.starts[own] + rng.integers(0, pictures.sizes[own])
    return Trials(own, other, picture, pictures.starts[other][:, None] + subsets(rng, pictures.sizes[other], n))


# ---------------------------------------------------------------------------------------------------- one row's figures


def position_shares(trials: Trials, cosines: Cosines) -> PositionShares:
    """How often the page calls the test image of a trial of three references or more what, by the page's own code."""
    scores = cosines[trials.picture[:, None], trials.references]  # (t, n)
    among = cosines[trials.references[:, :, None], trials.references[:, None]]  # (t, n, n)
    odd, n = odd_ones_out(among), scores.shape[1]
    whole, others = odd < 0, np.array([np.delete(np.arange(n), index) for index in range(n)])[odd[odd >= 0]]
    cores = among[~whole][np.arange(len(others))[:, None, None], others[:, :, None], others[:, None]]
    found = np.concatenate(
        [
            positions(scores[whole], among[whole]),
            positions(np.take_along_axis(scores[~whole], others, axis=1), cores) if len(others) else [],
        ]
    ).astype(np.int64)
    shares = np.bincount(found, minlength=len(POSITIONS)) / len(found)
    fits, edge, apart = map(in_file, shares)
    return {"fits": fits, "edge": edge, "apart": apart}


def aucs(same: Trials, different: Trials, cosines: Cosines, times: Floats) -> Floats:
    """(b,) probability that a score of S_n is higher than one of D_n, ties counted half, in [0, 1].

    It is the weighted Mann-Whitney statistic. `times` is (b, K): how often each style counts in each of b sets of
    styles. A score counts as often as its style, one between two styles as often as the product of both. NaN where no
    score of a kind is left.
    """
    scores = different.scores(cosines)
    order = np.argsort(scores)
    own, other, relatives = different.own[order], different.other[order], same.scores(cosines)
    beaten, not_lost = (np.searchsorted(scores[order], relatives, side) for side in ("left", "right"))
    found = np.full(len(times), np.nan)
    for index, often in enumerate(times):
        weight, below = often[same.own], np.concatenate([[0], np.cumsum(often[own] * often[other])])
        if total := below[-1] * weight.sum():
            found[index] = ((below[beaten] + below[not_lost]) * weight).sum() / 2 / total
    return found.clip(0, 1)  # rounding can exceed 1


def auc_interval(
    rng: np.random.Generator, same: Trials, different: Trials, cosines: Cosines, styles: int
) -> tuple[float, float]:
    """95 % interval of AUC by a percentile bootstrap over styles.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Styles are drawn anew, not pictures:
    those of a style resemble each other. A style is no stranger to itself, so a resample of one style alone has no AUC
    and is passed over. With few styles such an interval is too narrow.
    """
    same, different = (Trials(*(part[::RESAMPLED_EVERY] for part in trials)) for trials in (same, different))
    times = rng.multinomial(styles, np.full(styles, 1 / styles), RESAMPLES).astype(np.float64)
    low, high = np.nanquantile(aucs(same, different, cosines, times), INTERVAL)
    return in_file(low), in_file(high)


def in_file(number: float) -> float:
    """A number as the file has it, never -0."""
    return round(float(number), FILE_DECIMALS) + 0.0


def quantiles(scores: Floats) -> tuple[float, ...]:
    """The scores at LEVELS: each the smallest of which a share is not above."""
    return tuple(map(in_file, np.quantile(scores, LEVELS, method="inverted_cdf")))


def row_for(n: int, pictures: Labelled, cosines: Cosines, trials: int) -> Row | None:
    """The distributions for n references; None if fewer than two styles have n + 1 pictures."""
    styles, pools = int((pictures.sizes > n).sum()), int((pictures.sizes >= n).sum())
    if styles < 2:
        return None
    rng = np.random.default_rng([SEED, n])
    same, different = draw_same(rng, pictures, n, trials), draw_different(rng, pictures, n, trials)
    every_style = np.ones((1, len(pictures.sizes)))
    return Row(
        same=quantiles(same.scores(cosines)),
        different=quantiles(different.scores(cosines)),
        auc=in_file(aucs(same, different, cosines, every_style)[0]),
        auc_interval=auc_interval(rng, same, different, cosines, len(pictures.sizes)),
        styles=styles,
        style_pairs=pools * (pools - 1),
        positions={"same": position_shares(same, cosines), "different": position_shares(different, cosines)}
        if n >= MIN_POSITION_REFERENCES
        else None,
    )


# ---------------------------------------------------------------------------------------------- the whole set's figures


def medians_to_styles(rows: Cosines, pictures: Labelled) -> Floats:
    """(K,) median of (m, N) `rows` over the pictures of each style; styles of one size are taken at once.

    One by one, 1,000 styles of ten pictures take 90 s instead of 2.
    """
    medians = np.empty(len(pictures.sizes))
    for size in np.unique(pictures.sizes):
        styles = np.flatnonzero(pictures.sizes == size)
        columns = pictures.starts[styles][:, None] + np.arange(size)  # (styles, size)
        medians[styles] = np.median(rows[:, columns], axis=(0, 2))
    return medians


def discrimination_gaps(pictures: Labelled, cosines: Cosines) -> dict[str, Gap]:
    """Discrimination gaps by pairs (arXiv 2605.09030) of the styles with two pictures or more.

    Of style k: the median cosine inside k minus the largest, over other styles j, median cosine between k and j.
    """
    gaps = {}
    for k in np.flatnonzero(pictures.sizes > 1):
        own = slice(pictures.starts[k], pictures.starts[k] + pictures.sizes[k])
        between = medians_to_styles(cosines[own], pictures)
        between[k] = -np.inf
        closest = int(between.argmax())
        inside = np.median(cosines[own, own][np.triu_indices(pictures.sizes[k], k=1)])
        gap = in_file(float(inside) - between[closest])
        gaps[pictures.styles[k]] = Gap(gap=gap, confused_with=pictures.styles[closest])
    return gaps


def retrieval(pictures: Labelled, cosines: Cosines) -> Retrieval:
    """Recall@1 and mean AP@10 over all pictures as queries against all others (Table 2 of arXiv 2604.08364).

    Recall@1 is the share of queries whose nearest picture is of their style; AP@10 is normalised by min(10, other
    pictures of the style). A picture that is alone in its style is no query, for there is nothing to be found;
    the others may find it.
    """
    style = np.repeat(np.arange(len(pictures.sizes)), pictures.sizes)
    queries = np.flatnonzero(pictures.sizes[style] > 1)
    depth = min(DEPTH, len(style) - 1)
    hits = np.empty((len(queries), depth), bool)
    for own, query in zip(hits, queries, strict=True):
        distances = -cosines[query]
        distances[query] = np.inf  # itself comes last
        near = np.argpartition(distances, depth - 1)[:depth]
        own[:] = style[near[distances[near].argsort()]] == style[query]
    precision = hits * np.cumsum(hits, axis=1) / np.arange(1, depth + 1)
    at_most = np.minimum(DEPTH, pictures.sizes[style[queries]] - 1)
    return {
        "recall@1": in_file(hits[:, 0].mean()),
        "map@10": in_file((precision.sum(axis=1) / at_most).mean()),
    }


def measure(pictures: Labelled, name: str, digest: str, source: Source, trials: int = TRIALS) -> Calibration:
    """What a set says of an encoder's scores; the same set gives the same figures.

    Args:
        pictures: embedded by the encoder.
        name: of the set, for people; `calibration.require_name` says which it may have.
        digest: SHA-256 over the pictures and their styles.
        source: where the encoder came from.
        trials: scores of one kind for one number of references.
    """
    cosines = pictures.cosines()
    rows = {n: row_for(n, pictures, cosines, trials) for n in range(1, MAX_REFERENCES + 1)}
    return Calibration(
        format=FORMAT,
        name=name,
        styles=len(pictures.styles),
        pictures=len(pictures.embeddings),
        digest=digest,
        seed=SEED,
        made=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        encoder=EncoderOfSet(checkpoint=source.checkpoint, sha256=source.sha256),
        versions=versions(),
        references={n: row for n, row in rows.items() if row},
        gaps=discrimination_gaps(pictures, cosines),
        retrieval=retrieval(pictures, cosines),
    )
