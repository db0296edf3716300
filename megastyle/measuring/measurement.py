"""The measurement: labelled embeddings become a Calibration. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from megastyle.calibration import Calibration, Row
from megastyle.comparison import MAX_REFERENCES, require_unit_rows
from megastyle.measuring.discrimination import Cosines, auc_with_interval, pair_gaps, pool_gaps, retrieval
from megastyle.measuring.trials import Floats, Integers, Trials, different_trials, same_trials, weighted_quantiles

SEED = 0  # of every draw, unless another is given
SAME, DIFFERENT, RESAMPLING = range(3)  # each has a stream of random numbers of its own, for each n


def even(low: int, high: int, step: int) -> list[int]:
    """Whole ten-thousandths from `low` to below `high`."""
    return list(range(low, high, step))


TAIL = [0, 1, 2, 5, *even(10, 200, 10)]  # ten-thousandths: fine where 1 in 1,000 is told from 2
LEVELS = np.array([*TAIL, *even(200, 9801, 50), *(10_000 - level for level in reversed(TAIL))]) / 10_000  # (240,) or so


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

    def cosines(self) -> Cosines:
        """(N, N) cosine similarities, as `compare` computes them; 4 N^2 bytes."""
        matrix = self.embeddings @ self.embeddings.T
        np.clip(matrix, -1, 1, out=matrix)  # float32 rounding can exceed 1
        np.fill_diagonal(matrix, 1)
        return matrix


class Provenance(NamedTuple):
    """What a calibration says of its origin.

    Attributes:
        name: of the set, for people; `require_name` says which it may have.
        digest: SHA-256 over the pictures and their styles.
        encoder: `checkpoint` and `sha256` of the encoder.
        versions: libraries' versions by name.
    """

    name: str
    digest: str
    encoder: Mapping[str, str]
    versions: Mapping[str, str]


def labelled(embeddings: Mapping[str, Sequence[npt.NDArray[np.float32]]]) -> Labelled:
    """The set of (d,) float32 unit rows by style; its styles are put in the order of their names.

    Raises:
        ValueError: fewer than two styles, a style without pictures, none with two, or rows that are not finite unit
            vectors.
    """
    styles = tuple(sorted(embeddings))
    sizes = np.array([len(embeddings[style]) for style in styles], dtype=np.int64)
    if len(styles) < 2 or not sizes.all() or sizes.max() < 2:
        raise ValueError(f"expected two styles or more, one of them with two pictures, got sizes {sizes.tolist()}")
    rows = np.stack([row for style in styles for row in embeddings[style]])
    require_unit_rows(rows, [style for style in styles for _ in embeddings[style]])
    return Labelled(rows, styles, sizes)


def row_for(n: int, cosines: Cosines, sizes: Integers, seed: int) -> Row | None:
    """The distributions for n references; None if no style has n + 1 pictures."""
    same = same_trials(np.random.default_rng([seed, n, SAME]), sizes, n)
    different = different_trials(np.random.default_rng([seed, n, DIFFERENT]), sizes, n)
    if same is None or different is None:
        return None
    rng = np.random.default_rng([seed, n, RESAMPLING])
    return Row(
        quantiles_of(same, cosines),
        quantiles_of(different, cosines),
        len(same.weight),
        len(different.weight),
        *auc_with_interval(rng, same, different, cosines, len(sizes)),
    )


def quantiles_of(trials: Trials, cosines: Cosines) -> Floats:
    """The quantiles of their scores at LEVELS."""
    return weighted_quantiles(trials.scores(cosines), trials.weight, LEVELS)


def now() -> str:
    """The date and time, ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def measure(pictures: Labelled, about: Provenance, seed: int = SEED) -> Calibration:
    """What a set says of an encoder's scores; the same set and seed give the same figures."""
    cosines = pictures.cosines()
    rows = {n: row_for(n, cosines, pictures.sizes, seed) for n in range(1, MAX_REFERENCES + 1)}
    return Calibration(
        name=about.name,
        styles=len(pictures.styles),
        pictures=len(pictures.embeddings),
        digest=about.digest,
        seed=seed,
        made=now(),
        encoder=about.encoder,
        versions=about.versions,
        levels=LEVELS,
        rows={n: row for n, row in rows.items() if row},
        gaps={
            "pairs": pair_gaps(cosines, pictures.sizes, pictures.styles),
            "aggregated": pool_gaps(cosines, pictures.sizes, pictures.styles),
        },
        retrieval=retrieval(cosines, pictures.sizes),
    )
