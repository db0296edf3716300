"""Comparisons made for tests: of vectors in the plane, of exact cosines, of anything."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from hypothesis import strategies as st

from megastyle.comparison import MAX_REFERENCES, Comparison, compare

Rows = npt.NDArray[np.float32]
Square = Sequence[Sequence[float]]

steady = partial(settings, derandomize=True, database=None, deadline=None)  # the same examples each time, however slow the machine


def rows(*vectors: Sequence[float]) -> Rows:
    """(k, d) float32 embeddings."""
    return np.array(vectors, np.float32)


def circle(*degrees: float) -> Rows:
    """(k, 2) unit vectors at these angles: the cosine of two is that of the angle between them."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], 1).astype(np.float32)


def random_rows(seed: int, count: int, size: int = 96) -> Rows:
    """(count, size) unit rows around a common direction, with cosines all over the bands."""
    generator = np.random.default_rng(seed)
    spread = generator.uniform(0.2, 1.6)
    vectors = generator.standard_normal(size) + spread * generator.standard_normal((count, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def numbered(count: int) -> tuple[str, ...]:
    """Names p0, p1, ..."""
    return tuple(f"p{index}" for index in range(count))


def compared(embeddings: Rows, *, has_test: bool = True) -> Comparison:
    """A comparison of numbered pictures."""
    return compare(embeddings, numbered(len(embeddings)), has_test=has_test)


def of_matrix(values: Square, *, has_test: bool) -> Comparison:
    """A comparison with exactly these cosines, which no vectors need to have."""
    names = numbered(len(values))
    return Comparison(names, names, np.array(values, np.float32), has_test, ())


def with_test(test: Sequence[float], among: Square) -> Comparison:
    """A test image with these cosines to references with those among each other."""
    return of_matrix([[1.0, *test], *([cosine, *row] for cosine, row in zip(test, among, strict=True))], has_test=True)


def evenly(count: int, cosine: float) -> Square:
    """The cosines of `count` references that all lie at `cosine` from each other."""
    return [[1.0 if i == j else cosine for j in range(count)] for i in range(count)]


def symmetric(count: int, pairs: Sequence[float]) -> list[list[float]]:
    """A matrix with ones on the diagonal, and `pairs` above and below it."""
    matrix = np.eye(count)
    for (i, j), value in zip(itertools.combinations(range(count), 2), pairs, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix.tolist()


@st.composite
def comparisons(draw: st.DrawFn, low: float = -1.0, high: float = 1.0, fewest: int = 1) -> Comparison:
    """Any cosines: those among the references in [low, high], those of the test image, if there is one, anywhere."""
    has_test = draw(st.booleans())
    count = draw(st.integers(max(fewest, 2 - has_test), MAX_REFERENCES))
    pairs = count * (count - 1) // 2
    among = symmetric(count, draw(st.lists(st.floats(low, high), min_size=pairs, max_size=pairs)))
    if not has_test:
        return of_matrix(among, has_test=False)
    return with_test(draw(st.lists(st.floats(-1, 1), min_size=count, max_size=count)), among)
