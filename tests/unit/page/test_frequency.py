"""Shares in words: no percentage, no "0 times", no "100 times in 100" unless all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megastyle.page.frequency import COARSE, FINE, cell, frequency
from sets import steady


@pytest.mark.parametrize(
    ("share", "smallest", "per", "words"),
    [
        (0.83, 0.001, COARSE, "83 times in 100"),
        (0.01, 0.001, COARSE, "1 time in 100"),
        (0.004, 0.001, FINE, "4 times in 1,000"),
        (0.001, 0.001, FINE, "1 time in 1,000"),
        (0.5, 0.001, FINE, "500 times in 1,000"),
        (0.004, 0.001, COARSE, "4 times in 1,000"),  # of 100 it would be none
        (0.996, 0.001, COARSE, "996 times in 1,000"),  # of 100 it would be all
        (0.0, 0.001, FINE, "fewer than 1 time in 1,000"),
        (0.0009, 0.001, FINE, "fewer than 1 time in 1,000"),
        (0.0, 1 / 528, FINE, "fewer than 1 time in 500"),
        (0.0, 1 / 48, COARSE, "fewer than 1 time in 40"),
        (1.0, 0.001, COARSE, "more than 99 times in 100"),
        (1.0, 0.001, FINE, "more than 999 times in 1,000"),
        (1.0, 1 / 48, COARSE, "more than 97 times in 100"),  # 47 of 48 are 97.9 of 100
        (0.0, 1e-9, FINE, "fewer than 1 time in 1,000"),  # nothing is counted finer than that
    ],
)
def test_a_share_in_words(share: float, smallest: float, per: int, words: str) -> None:
    assert frequency(share, smallest, per) == words


@steady(max_examples=2000)
@given(st.floats(0, 1), st.floats(1e-5, 0.5), st.sampled_from([COARSE, FINE]))
def test_no_share_is_said_to_be_none_or_all(share: float, smallest: float, per: int) -> None:
    words = frequency(share, smallest, per)
    found = re.fullmatch(r"(?:(fewer|more) than )?(\d+) times? in ([\d,]+)", words)
    assert found, words
    count, out_of = int(found[2]), int(found[3].replace(",", ""))
    assert 0 < count < out_of
    tolerance = 0.5 / out_of + 1e-9
    if found[1] == "fewer":
        assert share < count / out_of + 1e-9
    elif found[1] == "more":
        assert share > count / out_of - 1e-9
    else:
        assert count / out_of == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize(
    ("share", "per", "text"),
    [
        (0, FINE, "none"),
        (1, FINE, "all"),
        (1e-17, FINE, "none"),  # what subtracting two shares leaves
        (-1e-17, FINE, "none"),
        (0.0004, FINE, "fewer than 1"),
        (0.035, FINE, "35"),
        (0.9996, FINE, "more than 999"),
        (0.996, COARSE, "more than 99"),
        (0.97, COARSE, "97"),
    ],
)
def test_a_cell_says_none_and_all_of_nothing_else(share: float, per: int, text: str) -> None:
    assert cell(share, per) == text
