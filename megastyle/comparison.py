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
FAR_MARGIN = 0.20  # two bands' width: a picture this much further from the others than they are from each other is far
MIN_POSITION_REFERENCES = 3  # in the core; fewer are no yardstick
MIN_ODD_REFERENCES = 4  # with three, the odd one out would leave two, which are no yardstick
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


Position = Literal["fits", "edge", "apart"]
POSITIONS: tuple[Position, ...] = ("fits", "edge", "apart")
Floats = npt.NDArray[np.float64]


class Agreement(NamedTuple):
    """How close references are to each other: mean and range of their leave-one-out means, each in [-1, 1].

    The range is one of means, not of the cosines of pairs.
    """

    mean: float
    min: float
    max: float


def as_shown(cosines: npt.ArrayLike) -> Floats:
    """Cosines, or differences of them, to the three decimals with which all comparisons are made."""
    return np.asarray(cosines, dtype=np.float64).round(DECIMALS)


def means_to_the_others(matrices: npt.NDArray[np.floating]) -> Floats:
    """(..., n) mean of each row of (..., n, n) matrices of cosines without its diagonal; n is 2 or more."""
    own = np.diagonal(matrices, axis1=-2, axis2=-1).astype(np.float64)
    return (matrices.sum(axis=-1, dtype=np.float64) - own) / (matrices.shape[-1] - 1)


def odd_ones_out(among: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """(t,) the odd one out of each of t sets of references, from their (t, n, n) cosines; -1 where there is none.

    The candidate is the reference whose leave-one-out mean is lowest. It is the odd one when that mean, as shown, lies
    at least FAR_MARGIN below the agreement of the others among themselves, and the others are no loose set: where
    nobody agrees, nobody is odd.
    """
    sets, n = among.shape[:2]
    if n < MIN_ODD_REFERENCES:
        return np.full(sets, -1)
    means = means_to_the_others(among)
    candidate = means.argmin(axis=1)
    lowest = means[np.arange(sets), candidate]
    others = as_shown((means.sum(axis=1) - 2 * lowest) / (n - 2))  # its row and its column leave the sum of all pairs
    is_odd = (as_shown(others - as_shown(lowest)) >= FAR_MARGIN) & (others >= LOOSE_BELOW)
    return np.where(is_odd, candidate, -1)


def positions(cosines: npt.NDArray[np.floating], among: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """(t,) indices into POSITIONS of t test images, each against a core of its own of three references or more.

    With t the mean of a test image's cosines, L_i the leave-one-out mean of reference i and A their mean, the image is
    *apart* if t - A <= -FAR_MARGIN, the rule that makes a reference the odd one out. It is at the *edge* if it is not,
    but t is lower than every M_i = ((m - 1) L_i + s_i) / m, the mean cosine of reference i to all other pictures with
    the image among them: the least typical of these m + 1 pictures, as one of any m + 1 always is. Else it *fits*.
    All is compared as shown.

    Args:
        cosines: (t, m) s_i of each test image to its core.
        among: (t, m, m) cosines of each core, with any diagonal.
    """
    m = cosines.shape[1]
    own, mean = means_to_the_others(among), as_shown(cosines.mean(axis=1, dtype=np.float64))
    is_apart = as_shown(mean - as_shown(own.mean(axis=1))) <= -FAR_MARGIN
    is_lowest = (mean[:, None] < as_shown(((m - 1) * own + cosines) / m)).all(axis=1)
    return np.where(is_apart, 2, np.where(is_lowest, 1, 0))


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
        return tuple(means_to_the_others(self.among_references).tolist()) if len(self.reference_names) > 1 else ()

    @cached_property
    def odd_one_out(self) -> int | None:
        """The reference that agrees far less with the others than these do among themselves, or None."""
        odd = int(odd_ones_out(self.among_references[None])[0])
        return None if odd < 0 else odd

    @cached_property
    def core(self) -> tuple[int, ...]:
        """The references without the odd one out, in upload order: all but the headline is said of them."""
        return tuple(index for index in range(len(self.reference_names)) if index != self.odd_one_out)

    @cached_property
    def among_core(self) -> npt.NDArray[np.float32]:
        """(m, m) cosines of the core to each other."""
        return self.among_references[np.ix_(self.core, self.core)]

    @cached_property
    def core_mean(self) -> float:
        """Mean of the test image's cosines to the core: the headline, if no reference is odd. NaN without one."""
        return float(self.cosines[list(self.core)].mean(dtype=np.float64)) if self.has_test else float("nan")

    @cached_property
    def core_agreement(self) -> tuple[float, ...]:
        """(m,) mean cosine of each reference of the core to the others of the core; empty for a core of one."""
        return tuple(means_to_the_others(self.among_core).tolist()) if len(self.core) > 1 else ()

    @cached_property
    def agreement(self) -> Agreement | None:
        """How well the core agrees: mean, minimum and maximum of `core_agreement`; None for one reference."""
        means = self.core_agreement
        return Agreement(float(np.mean(means)), min(means), max(means)) if means else None

    @property
    def gap(self) -> float | None:
        """`core_mean` less the core's agreement, both as shown; None without a test image or for one reference."""
        if not (self.has_test and self.agreement):
            return None
        return rounded(rounded(self.core_mean) - rounded(self.agreement.mean))

    @cached_property
    def typicality(self) -> tuple[float, ...]:
        """(m,) M_i = mean cosine of each reference of the core to all other pictures, the test image among them.

        The test image is at the edge where `core_mean` is below all of them. Empty without a position.
        """
        if self.position is None:
            return ()
        m = len(self.core)
        return tuple((((m - 1) * np.array(self.core_agreement) + self.cosines[list(self.core)]) / m).tolist())

    @property
    def is_yardstick(self) -> bool:
        """Whether the core is large enough to judge a test image by."""
        return len(self.core) >= MIN_POSITION_REFERENCES

    @property
    def is_loose(self) -> bool:
        """Whether the agreement, as shown, is below LOOSE_BELOW: the references share little style."""
        return self.agreement is not None and rounded(self.agreement.mean) < LOOSE_BELOW

    @cached_property
    def position(self) -> Position | None:
        """Where the test image lies by `positions`; None without one or for a core of fewer than three."""
        if not (self.has_test and self.is_yardstick):
            return None
        return POSITIONS[int(positions(self.cosines[None, list(self.core)], self.among_core[None])[0])]

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
        ValueError: too few references, or rows that are not finite unit vectors.
    """
    references = len(names) - int(has_test)
    fewest = 1 if has_test else 2
    if references < fewest:
        raise ValueError(f"expected {fewest} references or more, got {references}")
    require_unit_rows(embeddings, names)
    matrix = np.clip(embeddings @ embeddings.T, -1, 1)  # (k, k); float32 rounding can exceed 1
    np.fill_diagonal(matrix, 1)  # what a unit vector's self-cosine is, short of rounding
    matrix.flags.writeable = False
    digests = tuple(digests) if digests is not None else tuple(f"#{index}" for index in range(len(names)))
    return Comparison(tuple(names), digests, matrix, has_test, tuple(ignored))
