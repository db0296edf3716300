"""What the cosines of a test image and its references say: pure numpy, one matrix, everything else slices of it.

>>> import numpy as np
>>> unit = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], dtype=np.float32)
>>> result = compare(unit, ["test.png", "a.png", "b.png"])
>>> result.mean_cosine, result.band.label  # (0.8 + 0.6) / 2
(0.7000000178813934, 'Good style match')
>>> [round(mean, 3) for mean in result.means_without]  # without a: 0.6, without b: 0.8
[0.6, 0.8]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

DECIMALS = 3  # of every cosine on the page; the report gives more
MAX_REFERENCES = 8  # locked by the product's owner; further ones are left out and named
FAR_MARGIN = 0.20  # two bands' width: how far below the others' own agreement an odd one out lies
MIN_RANGE_REFERENCES = 3  # fewer have no range of agreement, and none of them can be the odd one out
UNIT_TOLERANCE = 1e-3  # how far from 1 the length of an embedding may be; float32 rounding gives 1e-7


class Band(NamedTuple):
    """A label for the cosines from `floor` up to the next band's floor: a rule of thumb, not part of the model.

    Attributes:
        floor: the lowest cosine of the band, compared with the three decimals that are shown.
        name: the label's first word, where there is room for one word only.
        emoji: stands before the label.
        colour: of the band on the ruler, sRGB.
    """

    floor: float
    name: str
    emoji: str
    colour: str

    @property
    def label(self) -> str:
        """The band in words."""
        return f"{self.name} style match"


BANDS = (  # best first; the last one takes everything down to -1
    Band(0.75, "Strong", "🟢", "#4c8f62"),
    Band(0.65, "Good", "🟢", "#93b873"),
    Band(0.55, "Moderate", "🟡", "#dfba56"),
    Band(0.45, "Weak", "🟠", "#dc9150"),
    Band(-1.0, "Minimal", "🔴", "#c4614c"),
)
LOOSE_BELOW = 0.55  # references that agree less than this share little style; the floor of the moderate band


def rounded(cosine: float) -> float:
    """The cosine as it is shown, to three decimals, never -0.0."""
    return round(float(cosine), DECIMALS) + 0.0


def shown(cosine: float) -> str:
    """The cosine's text on the page: three decimals, never a percentage.

    >>> shown(0.74951), shown(-0.0001)
    ('0.750', '0.000')
    """
    return f"{rounded(cosine):.{DECIMALS}f}"


def band_of(cosine: float) -> Band:
    """The band of the number that is shown, so that number and label can never disagree.

    >>> band_of(0.7496).label, band_of(0.7494).label
    ('Strong style match', 'Good style match')

    Raises:
        ValueError: the cosine is not a finite number in [-1, 1].
    """
    if not -1 <= cosine <= 1:
        raise ValueError(f"expected a cosine in [-1, 1], got {cosine}")
    return next(band for band in BANDS if rounded(cosine) >= band.floor)


class Agreement(NamedTuple):
    """How close references are to each other: mean and range of their leave-one-out means, each in [-1, 1]."""

    mean: float
    min: float
    max: float


def means_to_the_others(matrix: npt.NDArray[np.float32]) -> tuple[float, ...]:
    """(n,) mean of each row of an (n, n) matrix of cosines without its diagonal; empty for fewer than two pictures."""
    others = len(matrix) - 1
    sums = matrix.sum(axis=1, dtype=np.float64) - np.diagonal(matrix)
    return tuple(float(total / others) for total in sums) if others > 0 else ()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every picture against every other; made by `compare`.

    `matrix[i][j]` is the cosine similarity of pictures i and j, float32 in [-1, 1], symmetric, read-only. With a test
    image, index 0 is the test image and reference k is index k + 1; without one, reference k is index k. The diagonal
    is 1, a picture with itself; no mean includes it.
    """

    names: tuple[str, ...]
    digests: tuple[str, ...]
    matrix: npt.NDArray[np.float32]
    has_test: bool
    ignored: tuple[str, ...]

    @property
    def offset(self) -> int:
        """Index of the first reference in `names` and `matrix`."""
        return int(self.has_test)

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Names of the references, in upload order."""
        return self.names[self.offset :]

    @cached_property
    def cosines(self) -> npt.NDArray[np.float32]:
        """(n,) cosine of the test image to each reference; empty without a test image."""
        return self.matrix[0, 1:] if self.has_test else self.matrix[0, :0]

    @cached_property
    def among_references(self) -> npt.NDArray[np.float32]:
        """(n, n) cosines of the references to each other."""
        return self.matrix[self.offset :, self.offset :]

    @cached_property
    def mean_cosine(self) -> float:
        """The headline: mean of `cosines`; NaN without a test image."""
        return float(self.cosines.mean(dtype=np.float64)) if self.has_test else float("nan")

    @property
    def band(self) -> Band:
        """The headline's band."""
        return band_of(self.mean_cosine)

    @cached_property
    def leave_one_out(self) -> tuple[float, ...]:
        """(n,) L_i = mean cosine of reference i to all other references; empty for one reference."""
        return means_to_the_others(self.among_references)

    @cached_property
    def odd_one_out(self) -> int | None:
        """The reference that agrees far less with the others than these do among themselves, or None.

        The candidate is the reference whose leave-one-out mean is lowest. It is the odd one when that mean lies at
        least FAR_MARGIN below the others' mean cosine among themselves, and the others are no loose set: where nobody
        agrees, nobody is odd. Where all cosines among the references lie closer than FAR_MARGIN to each other, none is
        ever odd.
        """
        if len(self.reference_names) < MIN_RANGE_REFERENCES:
            return None
        candidate = int(np.argmin(self.leave_one_out))
        rest = self.agreement_without(candidate)
        is_odd = rest - self.leave_one_out[candidate] >= FAR_MARGIN and rounded(rest) >= LOOSE_BELOW
        return candidate if is_odd else None

    def agreement_without(self, index: int) -> float:
        """Mean cosine of the references other than `index` among themselves; needs three references."""
        rest = np.delete(np.delete(self.among_references, index, axis=0), index, axis=1)
        return float(np.mean(means_to_the_others(rest)))

    @cached_property
    def core(self) -> tuple[int, ...]:
        """The references without the odd one out, in upload order: the set that the test image is measured by."""
        return tuple(index for index in range(len(self.reference_names)) if index != self.odd_one_out)

    @cached_property
    def core_mean(self) -> float:
        """Mean of the test image's cosines to the core: the headline, if no reference is odd. NaN without one."""
        return float(self.cosines[list(self.core)].mean(dtype=np.float64)) if self.has_test else float("nan")

    @cached_property
    def agreement(self) -> Agreement | None:
        """How well the core agrees: mean, minimum and maximum of its leave-one-out means; None for one reference."""
        means = means_to_the_others(self.among_references[np.ix_(self.core, self.core)])
        return Agreement(float(np.mean(means)), min(means), max(means)) if means else None

    @property
    def has_range(self) -> bool:
        """Whether the agreement has a range: from three references on, the odd one out not counted."""
        return len(self.core) >= MIN_RANGE_REFERENCES

    @property
    def is_loose(self) -> bool:
        """Whether the agreement, as shown, is below LOOSE_BELOW: the references share little style."""
        return self.agreement is not None and rounded(self.agreement.mean) < LOOSE_BELOW

    @property
    def position(self) -> Literal["inside", "above", "below"] | None:
        """Where `core_mean` lies in the agreement's range, both as shown; None without a test image or a range."""
        if not (self.has_test and self.has_range and self.agreement):
            return None
        if rounded(self.core_mean) > rounded(self.agreement.max):
            return "above"
        return "below" if rounded(self.core_mean) < rounded(self.agreement.min) else "inside"

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """(n,) what a reference is ranked by: its cosine to the test image, or without one its leave-one-out mean."""
        return tuple(map(float, self.cosines)) if self.has_test else self.leave_one_out

    @cached_property
    def ranking(self) -> tuple[int, ...]:
        """Reference numbers, best first by `scores`; ties keep the upload order."""
        return tuple(sorted(range(len(self.scores)), key=lambda index: -self.scores[index]))

    @cached_property
    def means_without(self) -> tuple[float, ...]:
        """(n,) the headline without reference i; empty for one reference or without a test image."""
        others = len(self.cosines) - 1
        sums = self.cosines.sum(dtype=np.float64) - self.cosines
        return tuple(float(total / others) for total in sums) if others > 0 else ()

    @cached_property
    def same_content(self) -> tuple[tuple[int, ...], ...]:
        """Groups of indices into `names` whose files hold the same bytes."""
        groups: dict[str, list[int]] = defaultdict(list)
        for index, digest in enumerate(self.digests):
            groups[digest].append(index)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)

    def restricted(self, kept: Sequence[int]) -> Comparison:
        """The same pictures with these references alone, in this order: what `compare` gives without the others."""
        places = [*range(self.offset), *(index + self.offset for index in kept)]
        matrix = self.matrix[np.ix_(places, places)]
        matrix.flags.writeable = False
        names, digests = (tuple(values[place] for place in places) for values in (self.names, self.digests))
        return Comparison(names, digests, matrix, self.has_test, ignored=())


def require_unit_rows(embeddings: npt.NDArray[np.float32], names: Sequence[str]) -> None:
    """Refuse what is not a finite unit row for each name.

    Raises:
        ValueError: the shape, the dtype or a row is wrong; the message names the picture.
    """
    if embeddings.ndim != 2 or len(embeddings) != len(names):
        raise ValueError(f"expected embeddings of shape ({len(names)}, d), got {embeddings.shape}")
    if embeddings.dtype != np.float32:
        raise ValueError(f"expected float32 embeddings, got {embeddings.dtype}")
    for row, name in zip(embeddings, names, strict=True):
        if not np.isfinite(row).all():
            raise ValueError(f"{name}: the embedding is not finite")
        if abs(float(np.linalg.norm(row)) - 1) > UNIT_TOLERANCE:
            raise ValueError(f"{name}: expected an embedding of length 1, got {np.linalg.norm(row):.6f}")


def compare(
    embeddings: npt.NDArray[np.float32],
    names: Sequence[str],
    *,
    digests: Sequence[str] | None = None,
    has_test: bool = True,
    ignored: Sequence[str] = (),
) -> Comparison:
    """Compare every picture with every other: cosine similarity = dot product of unit rows, clamped to [-1, 1].

    Args:
        embeddings: (k, d) float32, unit rows; first the test image, if there is one, then the references in upload
            order.
        names: k file names.
        digests: k SHA-256 of the files' bytes, by which the same file is recognised; None if all are different.
        has_test: whether row 0 is a test image.
        ignored: names of the references beyond the eighth.

    Raises:
        ValueError: too few or too many references, or rows that are not finite unit vectors.
    """
    references = len(names) - int(has_test)
    fewest = 1 if has_test else 2
    if not fewest <= references <= MAX_REFERENCES:
        raise ValueError(f"expected {fewest} to {MAX_REFERENCES} references, got {references}")
    require_unit_rows(embeddings, names)
    matrix = np.clip(embeddings @ embeddings.T, -1, 1)  # (k, k); float32 rounding can exceed 1
    np.fill_diagonal(matrix, 1)  # what a unit vector's self-cosine is, short of rounding
    matrix.flags.writeable = False
    digests = tuple(digests) if digests is not None else tuple(f"#{index}" for index in range(len(names)))
    return Comparison(tuple(names), digests, matrix, has_test, tuple(ignored))
