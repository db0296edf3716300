"""What a score is worth: how pictures of one style, and of two, score in a set whose styles are known.

The score is a picture's mean cosine to n references. Its two distributions are S_n, where the references are other
pictures of its own style ("relatives"), and D_n, where they all share one other style ("strangers").

>>> import numpy as np
>>> levels = np.array([0, 0.5, 1])
>>> row = Row(np.array([0.6, 0.7, 0.8]), np.array([0.1, 0.2, 0.7]), 2000, 2000, 0.99, (0.98, 1.0))
>>> made = Calibration("ours", 40, 400, "", 0, "", {}, {}, levels, {1: row}, {}, {})
>>> standing = made.standing(0.7, 1)
>>> round(standing.same_at_or_above, 3), round(standing.different_at_or_above, 3)  # 0.7 is the strangers' highest
(0.5, 0.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from megastyle.comparison import BANDS, DECIMALS, Band

Floats = npt.NDArray[np.float64]

FINEST_SHARE = 1 / 1000  # the page counts in 1,000 at most, and the quantiles are measured to tell that much
SUGGESTED_SHARES = (1 / 1000, 1 / 100, 1 / 20, 1 / 5)  # of strangers, one for each band but the last, best first
HALF_UNIT = 0.5 * 10**-DECIMALS  # a band takes the number that is shown, hence cosines from half a unit below its floor
SILVERMAN = 0.9  # of the rule of thumb for a kernel's width: Silverman, Density Estimation (1986), equation 3.31
NORMAL_IQR = 1.34  # interquartile range of a normal distribution in standard deviations, of the same equation
NARROWEST = 0.006  # cosine: a kernel's least width, 2 pixels of a ruler 320 pixels wide


class CalibrationError(ValueError):
    """A calibration cannot be used; the message says what is wrong and why, in one line."""


class Standing(NamedTuple):
    """Where a score stands in both distributions.

    Attributes:
        same_at_or_above: share of S_n that scores this high or higher, in [0, 1].
        different_at_or_above: the same of D_n.
        same_smallest: the smallest share that the set can tell from none, above 0; a smaller one says "fewer than".
        different_smallest: the same of D_n.
    """

    same_at_or_above: float
    different_at_or_above: float
    same_smallest: float
    different_smallest: float


class BandShares(NamedTuple):
    """What a band holds: shares of S_n and of D_n, each in [0, 1]; over all bands each adds up to 1."""

    band: Band
    same: float
    different: float


class Gap(NamedTuple):
    """A style's discrimination gap, in [-2, 2]; negative where another style is closer than the style's own pictures.

    `confused_with` is that closest other style.
    """

    gap: float
    confused_with: str


@dataclass(frozen=True, eq=False)
class Row:
    """The distributions for one number of references.

    Attributes:
        same: (q,) quantiles of S_n at the calibration's levels, non-decreasing cosines in [-1, 1].
        different: (q,) quantiles of D_n.
        same_count: number of scores behind `same`.
        different_count: number of scores behind `different`.
        auc: probability that a score of S_n is higher than one of D_n, ties counted half, in [0, 1].
        auc_interval: its 95 % interval, by a bootstrap over styles.
    """

    same: Floats
    different: Floats
    same_count: int
    different_count: int
    auc: float
    auc_interval: tuple[float, float]


def share_at_or_above(value: float, quantiles: Floats, levels: Floats) -> float:
    """Share of a distribution at or above `value`, interpolated between its quantiles; in [0, 1].

    Both arrays are turned round because `np.interp` takes the last of equal quantiles, and the share at or above a
    value that occurs often must count all its occurrences.
    """
    return float(np.interp(-value, -quantiles[::-1], 1 - levels[::-1]))


def kernel_density(points: Floats, quantiles: Floats, levels: Floats, count: int) -> Floats:
    """Density at (p,) `points`, per unit of cosine, of a distribution known by its quantiles.

    It integrates to 1 over [-1, 1]. A Gaussian kernel stands on the middle between neighbouring quantiles, its width
    is by Silverman's rule for `count` observations, and what would fall beyond -1 or 1 is reflected.
    """
    shares, middles = np.diff(levels), (quantiles[1:] + quantiles[:-1]) / 2
    deviation = np.sqrt(shares @ (middles - shares @ middles) ** 2)
    quarters = np.interp([0.25, 0.75], levels, quantiles)
    spread = min(deviation, (quarters[1] - quarters[0]) / NORMAL_IQR) or deviation
    width = max(SILVERMAN * spread * count**-0.2, NARROWEST)
    centres = np.concatenate([middles, 2 - middles, -2 - middles])
    kernels = np.exp(-0.5 * ((points[:, None] - centres) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return kernels @ np.tile(shares, 3)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a set of pictures with known styles says of one encoder's scores.

    Attributes:
        name: of the set, for people.
        styles: number of styles in it, 2 or more.
        pictures: number of pictures in it.
        digest: SHA-256 over the pictures and their styles.
        seed: of every draw.
        made: when, ISO 8601 in UTC.
        encoder: `checkpoint` and `sha256` of the encoder.
        versions: libraries' versions by name.
        levels: (q,) the shares at which the quantiles stand, increasing from 0 to 1.
        rows: the distributions by number of references; a number for which the set is too small is missing.
        gaps: "pairs" and "aggregated" -> style -> its discrimination gap.
        retrieval: "map@1", "map@10", "recall@1", "recall@10", each in [0, 1].
        sha256: of the file that it was read from; empty if it was not read.
    """

    name: str
    styles: int
    pictures: int
    digest: str
    seed: int
    made: str
    encoder: Mapping[str, str]
    versions: Mapping[str, str]
    levels: Floats
    rows: Mapping[int, Row]
    gaps: Mapping[str, Mapping[str, Gap]]
    retrieval: Mapping[str, float]
    sha256: str = ""

    def smallest_shares(self, n: int) -> tuple[float, float]:
        """The smallest shares of S_n and of D_n that this set can tell from none; `n` has a row.

        Scores of one picture against many choices of the same references are hardly new evidence. So what counts is the
        number of pictures for S_n, and of pictures times other styles for D_n, where it is below the number of scores.
        """
        row = self.rows[n]
        same = min(row.same_count, self.pictures)
        different = min(row.different_count, self.pictures * (self.styles - 1))
        return max(1 / same, FINEST_SHARE), max(1 / different, FINEST_SHARE)

    def standing(self, mean: float, n: int) -> Standing | None:
        """Where a mean cosine to n references stands; None where the set has no row for n."""
        if (row := self.rows.get(n)) is None:
            return None
        same, different = (share_at_or_above(mean, scores, self.levels) for scores in (row.same, row.different))
        return Standing(same, different, *self.smallest_shares(n))

    def band_shares(self, n: int) -> list[BandShares]:
        """What each band holds of S_n and D_n, in the order of BANDS; empty where the set has no row for n."""
        if (row := self.rows.get(n)) is None:
            return []
        floors = [band.floor - HALF_UNIT for band in BANDS]
        above = [
            [share_at_or_above(floor, scores, self.levels) for floor in floors] for scores in (row.same, row.different)
        ]
        inside = np.diff(above, axis=1, prepend=0)  # (2, bands)
        return [BandShares(band, *map(float, shares)) for band, shares in zip(BANDS, inside.T, strict=True)]

    def suggested_floors(self, n: int) -> list[float | None]:
        """The lowest cosines that the SUGGESTED_SHARES of strangers reach; None where the set is too small to tell.

        Raises:
            KeyError: the set has no row for n.
        """
        smallest = self.smallest_shares(n)[1]
        reached = np.interp([1 - share for share in SUGGESTED_SHARES], self.levels, self.rows[n].different)
        return [
            float(floor) if share >= smallest else None for share, floor in zip(SUGGESTED_SHARES, reached, strict=True)
        ]

    def density(self, n: int, points: Floats) -> tuple[Floats, Floats] | None:
        """Smooth densities of S_n and D_n at (p,) `points`, per unit of cosine; None where the set has no row for n."""
        if (row := self.rows.get(n)) is None:
            return None
        same = kernel_density(points, row.same, self.levels, min(row.same_count, self.pictures))
        return same, kernel_density(points, row.different, self.levels, min(row.different_count, self.pictures))
