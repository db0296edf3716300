"""The result as text: it reads well in a chat, and no file name leaves its line or the code block."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest

from megastyle.comparison import Comparison, shown
from megastyle.page.names import NAME_LENGTH
from megastyle.page.plain_text import SPACE, harmless, plain_text
from megastyle.page.words import notes, plain, verdict
from outcomes import MADE, UNOFFICIAL, calibrated, outcome, tried
from sets import HOSTILE, described, evenly, every_set, hostile_names, numbered, with_test

FENCE = "```"
AS_CLOSE = "the picture is as close to them as they are to each other"
LEAST = "agrees least with the others, at 0.200"
OTHERS = "the other two agree with each other at 0.800"
BREAKS = ["```", "a\n```\n# heading", "~~~", "a\u2028b\u2029c\x85d\x0be\x0cf", "\u202e", "\ufeff"]


def lines_of(text: str) -> list[str]:
    """The lines within the code block."""
    first, *lines, last = text.split("\n")
    assert (first, last) == (FENCE, FENCE)
    return lines


def rows_below(lines: list[str], first: int) -> list[str]:
    """The lines from there to the next empty one."""
    return lines[first : lines.index("", first)]


def test_the_text_is_what_a_reader_needs() -> None:
    """Verdict, test image, sentence, agreement, references, encoder, when and where; every line of it."""
    comparison = with_test([0.8, 0.8, 0.3], [[1, 0.8, 0.2], [0.8, 1, 0.2], [0.2, 0.2, 1]])
    named = replace(comparison, names=("boat.png", "vase.png", "a longer name.jpeg", "x.png"))
    assert plain_text(outcome(named, provenance=UNOFFICIAL)).split("\n") == [
        "```",
        "These are not MegaStyle scores.",
        "",
        "🟡 Moderate style match",
        "Test image: boat.png",
        "Mean cosine 0.633 to 3 references.",
        f"No range: the other two references are too few for one; {AS_CLOSE}.",
        f"Without the odd one out (reference 3), {OTHERS}; the test image is at 0.800 to them.",
        f"Odd one out: reference 3, x.png, {LEAST}; without it the mean would be 0.800 instead of 0.633.",
        "",
        "1  vase.png            0.800  Strong",
        "2  a longer name.jpeg  0.800  Strong",
        "3  x.png               0.300  Minimal, odd one out",
        "",
        "Encoder: c.pth, SHA-256 dddddddddddddddd",
        MADE,
        "```",
    ]


@every_set
def test_the_text_says_what_the_verdict_says(comparison: Comparison) -> None:
    """Sentence by sentence, calibration included; then each reference with its number, best first."""
    one = outcome(comparison, calibrated())
    lines = lines_of(plain_text(one))
    assert [part for part in plain(verdict(one)).split("\n\n") if part not in lines] == []
    scores = comparison.cosines if comparison.has_test else comparison.leave_one_out
    rows = rows_below(lines, lines.index("") + 1)
    assert [row.split()[:3] for row in rows] == [
        [str(index + 1), comparison.reference_names[index], shown(scores[index])] for index in comparison.ranking
    ]
    assert "Calibration: our set (11 styles, 1000 pictures, SHA-256 9999999999999999)" in lines
    assert [note.striptags() for note in notes(comparison) if note.striptags() not in lines] == []
    assert "These are not MegaStyle scores." not in lines
    assert lines[-1] == f"{MADE}  {SPACE}"


def test_the_text_lists_what_was_tried_in_aligned_columns() -> None:
    """Best first, with mean, label and position; a single one is no list."""
    names = {"t1": "short.png", "t2": "somewhat-longer-name.png", "t3": "a.png"}
    comparisons = [with_test([mean] * 3, evenly(3, 0.7)) for mean in (0.5, 0.7, 0.9)]
    comparisons = [
        replace(one, names=(names[key], *one.names[1:]), digests=(key, *one.digests[1:]))
        for key, one in zip(names, comparisons, strict=True)
    ]
    lines = lines_of(plain_text(tried(*comparisons)))
    assert rows_below(lines, lines.index("Tried against these references:") + 1) == [
        "a.png                     0.900  Strong  above",
        "somewhat-longer-name.png  0.700  Good    inside",
        "short.png                 0.500  Weak    below",
    ]
    assert "Tried" not in plain_text(tried(comparisons[0]))


# ---------------------------------------------------------------------------------------------------------------- names


@hostile_names
def test_hostile_names_stay_on_their_lines_and_in_the_code_block(names: list[str]) -> None:
    """As many lines as with harmless names; one block, opened and closed once; nothing that turns or hides a line."""
    texts = [plain_text(outcome(described(each))) for each in (names, numbered(len(names)))]
    hostile, harmless_lines = map(lines_of, texts)
    assert len(hostile) == len(harmless_lines)
    assert texts[0].count(FENCE) == 2
    assert not any("`" in line for line in hostile)
    assert len(texts[0].splitlines()) == texts[0].count("\n") + 1, "no other line break either"
    categories = {unicodedata.category(letter) for letter in texts[0].replace("\n", "")}
    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert max(map(len, rows_below(hostile, hostile.index("") + 1))) < NAME_LENGTH + 40


@pytest.mark.parametrize("name", [*HOSTILE, *BREAKS])
def test_a_name_does_no_harm_in_any_place(name: str) -> None:
    """As the test image, as a reference and among what was tried: the lines are those of harmless names."""
    texts = []
    for names in ([name, name, "b"], ["a", "a", "b"]):
        one, other = (replace(described(names), digests=(digest, "r1", "r2")) for digest in ("t1", "t2"))
        texts.append(plain_text(tried(one, other)))
    text, without = texts
    assert text.count(FENCE) == 2
    assert len(lines_of(text)) == len(lines_of(without)) == len(text.splitlines()) - 2


def test_a_harmless_name_keeps_its_letters() -> None:
    assert harmless("Böot 水彩 (v2).png") == "Böot 水彩 (v2).png"
    assert harmless("a\u202eb`c\nd\0e") == "a?b'c?d?e"


def test_columns_are_aligned_whatever_the_names_are() -> None:
    """Cosines stand below each other, counted in characters."""
    rows = rows_below(lines := lines_of(plain_text(outcome(described([*HOSTILE[:8], "b"])))), lines.index("") + 1)
    places = {re.search(r" -?[01]\.\d{3}  ", row).start() for row in rows}  # type: ignore[union-attr]
    assert len(places) == 1
