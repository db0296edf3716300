"""Comparisons made for tests: of vectors in the plane, of exact cosines, of anything, under any names."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from megastyle.comparison import MAX_REFERENCES, Comparison, compare
from megastyle.pictures import Thumbnail

Rows = npt.NDArray[np.float32]
Square = Sequence[Sequence[float]]

steady = partial(
    settings, derandomize=True, database=None, deadline=None
)  # the same examples each time, however slow the machine


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


def described(names: Sequence[str], *, has_test: bool = True, ignored: Sequence[str] = ()) -> Comparison:
    """Pictures by these names at 0, 4, 9, ... degrees; the last two hold the same file."""
    angles = [index * (index + 7) / 2 for index in range(len(names))]
    digests = [f"{min(index, len(names) - 2):064x}" for index in range(len(names))]
    return compare(circle(*angles), names, digests=digests, has_test=has_test, ignored=ignored)


def thumbnails(count: int) -> list[Thumbnail]:
    """Pictures that can be told apart."""
    return [Thumbnail(*(f"data:{size}-{index}" for size in Thumbnail._fields)) for index in range(count)]


SETS = {
    **{f"1 to {count}": compared(random_rows(count, count + 1)) for count in (1, 2, 3, 8)},
    **{f"{count} alone": compared(random_rows(30 + count, count), has_test=False) for count in (2, 3, 8)},
    "opposites": with_test([-1, 1, 0], symmetric(3, [-1, 0, 0.5])),
    "an odd one": with_test([0.8, 0.8, 0.8, 0.3], symmetric(4, [0.8, 0.8, 0.2, 0.8, 0.2, 0.2])),
}
SCORED = {name: comparison for name, comparison in SETS.items() if comparison.has_test}
every_set = pytest.mark.parametrize("comparison", SETS.values(), ids=SETS)
scored_set = pytest.mark.parametrize("comparison", SCORED.values(), ids=SCORED)

HOSTILE = [  # names of files that try to be something else
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "' onmouseover='alert(1)' x='.jpg",
    "a|b|c.png",
    "**bold** [link](javascript:alert(1)) `code`.png",
    "</bdi></td></table></svg></div>.png",
    "&lt;b&gt;&amp;amp;.png",
    "photo\u202egnp.exe",
    "\u200f\u2067abc\u2066.png",
    "n" * 296 + ".png",
    "<" * 300,
    "no extension",
    "new\nline\r\n.png",
    "tab\tname.png",
    "nul\0name.png",
    "-->]]><!--.png",
    "%3Cscript%3E.png",
    "{{7*7}}${7*7}#{7*7}.png",
    "=cmd|' /C calc'!A0",
    "+1.png",
    "-1.png",
    "@x.png",
    "\t=1+1.png",
    "\n=1+1.png",
    "＝1+1.png",
    "",
    "🟢 Strong style match.png",
]
NAMES = [[*HOSTILE[start : start + 8], HOSTILE[start]] for start in range(0, len(HOSTILE), 8)]  # one of them twice
hostile_names = pytest.mark.parametrize("names", NAMES)
