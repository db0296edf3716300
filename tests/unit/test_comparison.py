"""The comparison: each rule on vectors worked by hand, at its edges, and against plain loops over random unit vectors.

The hand-worked pictures live in the plane: (1, 0), (0.8, 0.6), (0.6, 0.8), (0, 1) are unit vectors whose cosines are
read off.
"""

from __future__ import annotations

import dataclasses
import doctest
import itertools
import math
from collections.abc import Iterable, Sequence
from types import ModuleType

import numpy as np
import pytest

from megastyle import comparison
from megastyle.comparison import BANDS, FAR_MARGIN, LOOSE_BELOW, MAX_REFERENCES, Comparison, compare, shown
from megastyle.page import words
from sets import circle, compared, evenly, random_rows, rows, symmetric, with_test

NEAR = 1e-6  # float32 rounding of a product of unit vectors
STRONG, GOOD, MODERATE, WEAK, MINIMAL = (band.label for band in BANDS)


# ---------------------------------------------------------------------------------------------------------- hand-worked


def test_three_references_have_a_position() -> None:
    """Test image (1, 0); references (0.96, 0.28), (0.8, 0.6), (0.6, 0.8).

    Cosines 0.96, 0.8, 0.6; mean 2.36 / 3 = 0.786667. Without each: (0.8 + 0.6) / 2 = 0.7, (0.96 + 0.6) / 2 = 0.78,
    (0.96 + 0.8) / 2 = 0.88. Pairs: 1-2 0.768 + 0.168 = 0.936, 1-3 0.576 + 0.224 = 0.8, 2-3 0.48 + 0.48 = 0.96.
    Leave-one-out: (0.936 + 0.8) / 2 = 0.868, (0.936 + 0.96) / 2 = 0.948, (0.8 + 0.96) / 2 = 0.88. Agreement
    (0.868 + 0.948 + 0.88) / 3 = 0.898667, from 0.868 to 0.948: the gap is 0.787 - 0.899 = -0.112. To all other
    pictures, the test image among them: (2 * 0.868 + 0.96) / 3 = 0.898667, (2 * 0.948 + 0.8) / 3 = 0.898667,
    (2 * 0.88 + 0.6) / 3 = 0.786667. That last one is no closer than the test image, which therefore fits.
    """
    result = compared(rows((1, 0), (0.96, 0.28), (0.8, 0.6), (0.6, 0.8)))
    assert result.mean_cosine == pytest.approx(2.36 / 3, abs=NEAR)
    assert result.band.label == STRONG
    assert result.means_without == pytest.approx((0.7, 0.78, 0.88), abs=NEAR)
    assert result.leave_one_out == pytest.approx((0.868, 0.948, 0.88), abs=NEAR)
    assert list(result.agreement or ()) == pytest.approx([2.696 / 3, 0.868, 0.948], abs=NEAR)
    assert result.typicality == pytest.approx((0.898667, 0.898667, 0.786667), abs=NEAR)
    assert (result.is_loose, result.gap, result.position) == (False, -0.112, "fits")


def test_without_a_test_image_there_is_agreement_and_no_headline() -> None:
    """(0.96, 0.28), (0.8, 0.6), (0.6, 0.8): pairs 0.936, 0.8, 0.96; leave-one-out 0.868, 0.948, 0.88.

    Ranked by them: second, third, first.
    """
    result = compared(rows((0.96, 0.28), (0.8, 0.6), (0.6, 0.8)), has_test=False)
    assert result.reference_names == ("p0", "p1", "p2")
    assert result.leave_one_out == pytest.approx((0.868, 0.948, 0.88), abs=NEAR)
    assert list(result.agreement or ()) == pytest.approx([2.696 / 3, 0.868, 0.948], abs=NEAR)
    assert result.ranking == (1, 2, 0)
    assert math.isnan(result.mean_cosine)
    assert result.cosines.shape == (0,)
    assert (result.means_without, result.position) == ((), None)
    with pytest.raises(ValueError, match="expected a cosine"):
        _ = result.band


def test_a_picture_against_itself_is_exactly_one() -> None:
    """float32 rounding puts the product of a unit row with itself above or below 1; shown is 1.000, kept is 1."""
    generator = np.random.default_rng(7)
    vectors = generator.standard_normal((200, 1152)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (np.diagonal(vectors @ vectors.T) > 1).any()  # what the naive way gives
    for vector in vectors:
        result = compared(rows(vector, vector))
        assert result.matrix.max() <= 1
        assert result.matrix[0, 0] == result.matrix[1, 1] == 1
        assert shown(result.mean_cosine) == "1.000"


# --------------------------------------------------------------------------------------------------- order and position


def test_ties_keep_the_order_of_upload() -> None:
    """Cosines 0.6, 0.8, 0.6, 0.8, 0.6: the two 0.8 in upload order, then the three 0.6 in theirs."""
    assert with_test([0.6, 0.8, 0.6, 0.8, 0.6], evenly(5, 0.8)).ranking == (1, 3, 0, 2, 4)


# three references at 0.8 from one another: A = 0.8, and M_i = (2 * 0.8 + s_i) / 3
@pytest.mark.parametrize(
    ("test", "gap", "position"),
    [
        ((0.9, 0.9, 0.9), 0.1, "fits"),  # every M_i is 0.833
        ((0.8, 0.8, 0.8), 0.0, "fits"),
        ((0.799, 0.799, 0.799), -0.001, "edge"),  # every M_i is 0.800 as shown
        ((0.7, 0.7, 0.7), -0.1, "edge"),  # every M_i is 0.767
        ((0.6006, 0.6006, 0.6006), -0.199, "edge"),
        ((0.6004, 0.6004, 0.6004), -0.2, "apart"),  # shown as 0.600
        ((0.6, 0.6, 0.6), -0.2, "apart"),
        ((-0.2, -0.2, -0.2), -1.0, "apart"),
        ((0.9, 0.9, 0.3), -0.1, "fits"),  # t 0.7, M_3 0.633: the third is further out
        ((0.8, 0.8, 0.5), -0.1, "fits"),  # t 0.7, M_3 0.7: no closer
        ((0.8, 0.8, 0.503), -0.099, "fits"),  # t 0.701, M_3 0.701
    ],
)
def test_the_position_follows_the_shown_numbers(test: Sequence[float], gap: float, position: str) -> None:
    """Apart from the margin on, at the edge below every M_i, all as shown; the largest and the lowest do not decide."""
    result = with_test(test, evenly(3, 0.8))
    assert (result.gap, result.position) == (gap, position)


@pytest.mark.parametrize(
    ("among", "loose"), [(0.56, False), (0.55, False), (0.5496, False), (0.5494, True), (0.2, True), (-0.4, True)]
)
def test_a_set_is_loose_below_the_moderate_band_as_shown(among: float, loose: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """0.5496 is shown as 0.550, which is moderate; 0.5494 is shown as 0.549, which is not."""
    assert with_test([0.9, 0.9, 0.9], evenly(3, among)).is_loose is loose


# ---------------------------------------------------------------------------------------------------------- odd one out


def with_stranger(distance: float, test: Sequence[float] = (0.8, 0.8, 0.8, 0.3), among: float = 0.8) -> Comparison:
    """References a, b, c at `among` from one another, and d at `among - distance` from all three."""
    return with_test(test, symmetric(4, stranger_pairs(among, among - distance)))


def stranger_pairs(among: float, to_stranger: float) -> list[float]:
    """The pairs ab, ac, ad, bc, bd, cd."""
    return [among, among, to_stranger, among, to_stranger, to_stranger]


@pytest.mark.parametrize(
    ("distance", "odd"),
    [
        (0.6, 3),
        (FAR_MARGIN + 0.001, 3),
        (FAR_MARGIN, 3),
        (FAR_MARGIN - 0.0004, 3),  # shown as the margin
        (FAR_MARGIN - 0.001, None),
        (FAR_MARGIN / 2, None),
        (0, None),
        (-0.1, None),
    ],
)
def test_the_odd_one_out_lies_a_margin_below_the_others(distance: float, odd: int | None) -> None:
    """Reference d is marked when its mean cosine to the others lies the margin below theirs to one another, 0.8."""
    assert with_stranger(distance).odd_one_out == odd


def test_the_test_image_is_measured_by_the_set_without_the_odd_one_out() -> None:
    """Pairs ab 0.8, ac 0.7, bc 0.75; d at 0.1 from all three; the test image at 0.76, 0.76, 0.76 and 0.1.

    The headline is over all four: 2.38 / 4 = 0.595. Without d: 0.76. Leave-one-out without d: a (0.8 + 0.7) / 2 = 0.75,
    b (0.8 + 0.75) / 2 = 0.775, c (0.7 + 0.75) / 2 = 0.725: agreement 0.75, gap 0.01.
    With d: a (0.8 + 0.7 + 0.1) / 3 = 0.533333, and d's own is 0.1.
    """
    result = with_test([0.76, 0.76, 0.76, 0.1], symmetric(4, [0.8, 0.7, 0.1, 0.75, 0.1, 0.1]))
    assert (result.odd_one_out, result.core) == (3, (0, 1, 2))
    assert result.mean_cosine == pytest.approx(0.595, abs=NEAR)
    assert result.core_mean == pytest.approx(0.76, abs=NEAR)
    assert list(result.agreement or ()) == pytest.approx([0.75, 0.725, 0.775], abs=NEAR)
    assert (result.is_loose, result.gap, result.position) == (False, 0.01, "fits")
    assert result.typicality == pytest.approx(((1.5 + 0.76) / 3, (1.55 + 0.76) / 3, (1.45 + 0.76) / 3), abs=NEAR)
    assert result.leave_one_out[0] == pytest.approx(1.6 / 3, abs=NEAR)
    assert result.leave_one_out[3] == pytest.approx(0.1, abs=NEAR)


def test_nobody_is_odd_in_a_set_whose_others_are_strangers_to_each_other() -> None:
    """Three at 0.54 from one another, shown below the moderate band, and the fourth at 0.14.

    There is no style from which it could depart.
    """
    assert with_stranger(0.4, among=0.54).odd_one_out is None
    assert with_stranger(0.4, among=0.56).odd_one_out == 3


# --------------------------------------------------------------------------------------------------------- same content


def test_files_of_the_same_content_are_grouped_in_order() -> None:
    """Digests x y x z y x: x at 0, 2 and 5, y at 1 and 4; z stands alone."""
    result = compare(circle(*range(6)), "abcdef", digests=["x", "y", "x", "z", "y", "x"])
    assert result.same_content == ((0, 2, 5), (1, 4))


# ---------------------------------------------------------------------------------------------------------- plain loops


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """Dot product in double precision, exactly summed."""
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def mean(values: Iterable[float]) -> float:
    """Their mean, exactly summed."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


class Oracle:
    """Every derived number by the definitions of the specification, in plain loops over double-precision rows."""

    def __init__(self, vectors: Sequence[Sequence[float]], *, has_test: bool) -> None:
        self.matrix = [[1.0 if i == j else dot(a, b) for j, b in enumerate(vectors)] for i, a in enumerate(vectors)]
        self.references = range(int(has_test), len(vectors))
        self.cosines = [self.matrix[0][i] for i in self.references] if has_test else []
        self.mean = mean(self.cosines) if has_test else math.nan
        self.leave_one_out = self.means_to_the_others(self.references)
        without = [self.cosines[:index] + self.cosines[index + 1 :] for index in range(len(self.cosines))]
        self.means_without = [mean(others) for others in without if others]
        scores = self.cosines or self.leave_one_out
        self.ranking = sorted(range(len(scores)), key=lambda index: -scores[index])
        self.odd = self.odd_one_out()
        core = [i for i in self.references if i - has_test != self.odd]
        means = self.means_to_the_others(core)
        self.agreement = [mean(means), min(means), max(means)] if means else None
        self.core_mean = mean(self.matrix[0][i] for i in core) if has_test else math.nan
        self.position = self.position_of(core) if has_test and len(core) >= 3 else None

    def means_to_the_others(self, indices: Sequence[int]) -> list[float]:
        """The mean cosine of each picture to the others."""
        others = [[j for j in indices if j != i] for i in indices]
        return [mean(self.matrix[i][j] for j in rest) for i, rest in zip(indices, others, strict=True) if rest]

    def position_of(self, core: Sequence[int]) -> str:
        """Apart by the margin; else at the edge if its mean to the core is below everybody's to all other pictures."""
        own, pictures = f"{self.core_mean:.3f}", [0, *core]
        gap = float(own) - float(f"{mean(self.means_to_the_others(core)):.3f}")
        lowest = min(float(f"{one:.3f}") for one in self.means_to_the_others(pictures)[1:])
        return "apart" if gap < -FAR_MARGIN + 1e-9 else "edge" if float(own) < lowest else "fits"

    def odd_one_out(self) -> int | None:
        """The reference that agrees least, if that is far less than the others do, and these share a style."""
        if len(self.references) < 4:
            return None
        least = self.leave_one_out.index(min(self.leave_one_out))
        others = [i for i in self.references if i - self.references[0] != least]
        agreement = mean(self.matrix[i][j] for i, j in itertools.combinations(others, 2))
        short = round(round(agreement, 3) - round(self.leave_one_out[least], 3), 3)
        is_odd = short >= FAR_MARGIN and round(agreement, 3) >= LOOSE_BELOW
        return least if is_odd else None


@pytest.mark.parametrize(
    ("references", "has_test"),
    [
        *((count, True) for count in range(1, MAX_REFERENCES + 1)),
        *((count, False) for count in range(2, MAX_REFERENCES + 1)),
    ],
)
def test_every_number_equals_that_of_plain_loops(references: int, has_test: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Twelve random sets for each number of references, with and without a test image, in six a stranger."""
    for seed in range(12):
        vectors = random_rows(100 * references + seed, references + has_test)
        if seed < 6:
            vectors[-1 if seed % 2 else 0] *= -1
        result = compared(vectors, has_test=has_test)
        expected = Oracle(vectors.tolist(), has_test=has_test)
        assert np.abs(result.matrix - np.array(expected.matrix)).max() < NEAR
        assert result.mean_cosine == pytest.approx(expected.mean, abs=NEAR, nan_ok=True)
        assert list(result.leave_one_out) == pytest.approx(expected.leave_one_out, abs=NEAR)
        assert list(result.means_without) == pytest.approx(expected.means_without, abs=NEAR)
        assert (result.agreement and list(result.agreement)) == (
            expected.agreement and pytest.approx(expected.agreement, abs=NEAR)
        )
        assert list(result.ranking) == expected.ranking
        assert result.odd_one_out == expected.odd
        assert result.position == expected.position
        assert result.core_mean == pytest.approx(expected.core_mean, abs=NEAR, nan_ok=True)


@pytest.mark.parametrize("has_test", [True, False])
def test_the_matrix_is_one_symmetric_array_that_nobody_can_change(has_test: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Everything else is a slice of it: float32, symmetric to the bit, ones on the diagonal, closed to writing."""
    result = compared(random_rows(3, 9 if has_test else 8), has_test=has_test)
    assert result.matrix.dtype == np.float32
    assert (result.matrix == result.matrix.T).all()
    assert (np.diagonal(result.matrix) == 1).all()
    assert np.shares_memory(result.cosines, result.matrix) or not has_test
    assert np.shares_memory(result.among_references, result.matrix)
    for array in (result.matrix, result.cosines, result.among_references):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.names = ()  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("count", "has_test", "message"),
    [
        (0, True, "expected 1 references or more, got -1"),
        (1, True, "expected 1 references or more, got 0"),
        (0, False, "expected 2 references or more, got 0"),
        (1, False, "expected 2 references or more, got 1"),
    ],
)
def test_too_few_references_are_refused(count: int, has_test: bool, message: str) -> None:  # noqa: FBT001 - a parameter of the table
    """One or more with a test image, two or more without one."""
    with pytest.raises(ValueError, match=message):
        compared(circle(*range(count)) if count else np.zeros((0, 2), np.float32), has_test=has_test)


@pytest.mark.parametrize(
    ("value", "message"), [(math.nan, "not finite"), (math.inf, "not finite"), (-math.inf, "not finite")]
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_what_is_not_finite_is_refused_by_name(position: int, value: float, message: str) -> None:
    """One NaN in one picture: the message names that picture."""
    vectors = circle(0, 1, 2)
    vectors[position, 1] = value
    with pytest.raises(ValueError, match=f"^p{position}: the embedding is {message}$"):
        compared(vectors)


@pytest.mark.parametrize(("factor", "length"), [(0.0, "0.000000"), (0.99, "0.990000"), (1.01, "1.010000")])
def test_what_is_no_unit_vector_is_refused_by_name(factor: float, length: str) -> None:
    """A zero vector has no direction, and one of another length no cosine by the dot product alone."""
    vectors = rows((1, 0), (0.6 * factor, 0.8 * factor))
    with pytest.raises(ValueError, match=f"^p1: expected an embedding of length 1, got {length}$"):
        compared(vectors)


def test_embeddings_of_another_shape_or_type_are_refused() -> None:
    """Expected and got are both in the message."""
    with pytest.raises(ValueError, match=r"expected embeddings of shape \(2, d\), got \(3, 2\)"):
        compare(circle(0, 1, 2), ["a", "b"])
    with pytest.raises(ValueError, match=r"expected embeddings of shape \(2, d\), got \(2,\)"):
        compare(np.ones(2, np.float32), ["a", "b"])
    with pytest.raises(ValueError, match="expected float32 embeddings, got float64"):
        compare(circle(0, 1).astype(np.float64), ["a", "b"])  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [comparison, words])
def test_the_worked_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.failed, found.attempted >= 3) == (0, True)
