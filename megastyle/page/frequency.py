"""A share in words that need no statistics: counts of 100 or of 1,000, never a percentage."""

from __future__ import annotations

import math

COARSE, FINE = 100, 1000  # what a share is counted in; the finer one where the coarser would say none or all
ROUNDING = 1e-9  # of floating point: what differs by less is the same


def round_down(number: float) -> int:
    """A number of 1 or more with its first digit only, because a set's size is no measurement.

    >>> round_down(528), round_down(1000), round_down(47.9)
    (500, 1000, 40)
    """
    unit = 10 ** math.floor(math.log10(number) + ROUNDING)
    return math.floor(number / unit + ROUNDING) * unit


def times(count: int) -> str:
    """`1 time`, `4 times`."""
    return f"{count} time{'' if count == 1 else 's'}"


def frequency(share: float, smallest: float, per: int) -> str:
    """How often something happens, as a phrase that ends a sentence.

    >>> frequency(0.83, 0.001, 100), frequency(0.004, 0.001, 1000)
    ('83 times in 100', '4 times in 1,000')
    >>> frequency(0.0, 0.001, 1000), frequency(0.9991, 0.001, 100)
    ('fewer than 1 time in 1,000', 'more than 99 times in 100')

    Args:
        share: in [0, 1].
        smallest: the smallest share that can be told from none, above 0; as little can be told from all.
        per: COARSE or FINE. A share that COARSE would round to none or to all is counted in FINE.
    """
    smallest = max(smallest, 1 / FINE)
    if share < smallest:
        return f"fewer than 1 time in {round_down(1 / smallest):,}"
    if share > 1 - smallest:
        return f"more than {math.floor(per * (1 - smallest) + ROUNDING)} times in {per:,}"
    if not 0 < round(share * per) < per:
        per = FINE
    return f"{times(round(share * per))} in {per:,}"


def cell(share: float, per: int) -> str:
    """A share as a count of `per` for a table, where 0 and `per` are said of none and of all only.

    >>> cell(0.0, 1000), cell(0.0004, 1000), cell(0.0352, 1000), cell(0.996, 100)
    ('none', 'fewer than 1', '35', 'more than 99')
    """
    if min(share, 1 - share) < ROUNDING:
        return "none" if share < ROUNDING else "all"
    count = round(share * per)
    return "fewer than 1" if not count else f"more than {per - 1}" if count == per else str(count)
