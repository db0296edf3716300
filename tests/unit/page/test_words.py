"""What the page says of a comparison in words: the right numbers, and names as text."""

from __future__ import annotations

import re

import pytest

from markup import parsed, text, texts
from megastyle.bands import BANDS, LOOSE_BELOW
from megastyle.comparison import MAX_REFERENCES, Comparison, compare
from megastyle.page.words import NAME_LENGTH, name_markup, notes, short, verdict
from sets import (
    HOSTILE,
    SETS,
    circle,
    described,
    evenly,
    every_set,
    hostile_names,
    numbered,
    of_matrix,
    scored_set,
    symmetric,
    with_test,
)

# -------------------------------------------------------------------------------------------------------------- verdict


@scored_set
def test_the_verdict_begins_with_emoji_and_label_and_has_the_number_in_bold(comparison: Comparison) -> None:
    """A second-level heading, then the mean with three decimals, then how many references."""
    heading, headline, *_ = verdict(comparison).split("\n\n")
    count = len(comparison.reference_names)
    assert heading == f"## {comparison.band.emoji} {comparison.band.label}"
    assert f"**{comparison.mean_cosine:.3f}**".replace("-0.000", "0.000") in headline
    assert re.search(r"\b1 reference\b" if count == 1 else rf"\b{count} references\b", headline)


@every_set
def test_the_verdict_is_markdown_alone(comparison: Comparison) -> None:
    """No inline HTML and no file name, which could be taken for markup."""
    words = verdict(comparison)
    assert not re.search(r"[<>]|&\w+;", words)
    assert not any(name in words for name in comparison.names)


@hostile_names
def test_hostile_names_do_not_reach_the_verdict(names: list[str]) -> None:
    """It is that of harmless names."""
    harmless = described(numbered(len(names)), ignored=numbered(len(HOSTILE)))
    assert verdict(described(names, ignored=HOSTILE)) == verdict(harmless)


@pytest.mark.parametrize(("mean", "place"), [(0.7, "inside"), (0.9, "above"), (0.2, "below")])
def test_the_verdict_says_where_the_test_image_lies(mean: float, place: str) -> None:
    """Three references with leave-one-out 0.65, 0.7 and 0.75; exactly one of the three places is named."""
    words = verdict(with_test([mean] * 3, symmetric(3, [0.6, 0.7, 0.8])))
    assert "0.700" in words
    assert "0.650 to 0.750" in words
    assert [word for word in ("inside", "above", "below") if f"**{word}**" in words] == [place]


def test_two_references_have_one_number_and_no_range() -> None:
    """They agree at 0.6, shown once; a range of one number would mislead."""
    words = verdict(with_test([0.9, 0.9], evenly(2, 0.6)))
    assert words.count("0.600") == 1
    assert " to 0.600" not in words
    assert not any(f"**{word}**" in words for word in ("inside", "above", "below"))


def test_one_reference_has_no_yardstick() -> None:
    """A pair has one cosine, and it is the only number."""
    assert re.findall(r"\d\.\d+", verdict(with_test([0.9], evenly(1, 1)))) == ["0.900"]


def test_without_a_test_image_there_is_no_label() -> None:
    """Agreement and a hint, no verdict."""
    words = verdict(of_matrix(symmetric(3, [0.6, 0.7, 0.8]), has_test=False))
    assert words.startswith("## ")
    assert "0.700" in words
    assert not any(band.label in words for band in BANDS)
    assert "nan" not in words.lower()


@pytest.mark.parametrize(("among", "loose"), [(0.5494, True), (0.5496, False), (0.8, False)])
def test_a_loose_set_is_called_loose(among: float, loose: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """With and without a test image; the floor that it fails is named."""
    for comparison in (with_test([0.9] * 3, evenly(3, among)), of_matrix(evenly(3, among), has_test=False)):
        assert ("loose" in verdict(comparison).lower()) is loose
        assert bool(re.search(rf"\b{LOOSE_BELOW:.2f}\b", verdict(comparison))) is loose


def test_a_set_with_one_stranger_in_it_is_not_called_loose() -> None:
    """The others are at 0.8 from each other: that is the number that counts."""
    for comparison in (SETS["an odd one"], of_matrix(symmetric(3, [0.8, 0.2, 0.2]), has_test=False)):
        assert "loose" not in verdict(comparison).lower()
        assert "0.800" in verdict(comparison)


# ---------------------------------------------------------------------------------------------------------------- notes


def names_in(note: str) -> list[str]:
    """The file names in a sentence of HTML."""
    return texts(parsed(note).findall(".//bdi"))


def test_notes_say_nothing_where_there_is_nothing_to_say() -> None:
    assert notes(with_test([0.8, 0.8], evenly(2, 0.8))) == []


def test_the_odd_one_out_is_named_with_the_mean_without_it() -> None:
    """Cosines 0.8, 0.8, 0.3: mean 0.633, without the third 0.800."""
    (note,) = notes(SETS["an odd one"])
    assert names_in(note) == ["p3"]
    assert "0.800" in note
    assert "0.633" in note


def test_the_same_file_twice_is_said_with_its_names_and_effect() -> None:
    """References 1 and 3 are one file, which inflates the agreement; test image and reference 2 are one: the mean."""
    names = ["t.png", "a.png", "b.png", "c.png"]
    with_the_test_image, among_references = notes(compare(circle(0, 5, 9, 5), names, digests=["x", "y", "x", "y"]))
    assert names_in(with_the_test_image) == ["t.png", "b.png"]
    assert names_in(among_references) == ["a.png", "c.png"]
    assert "mean" in with_the_test_image
    assert "agreement" in among_references
    assert "mean" not in among_references


def test_the_references_that_were_left_out_are_named() -> None:
    """And how many are compared at most."""
    (note,) = notes(compare(circle(0, 5), ["t", "a"], ignored=["ninth.png", "tenth.png"]))
    assert names_in(note) == ["ninth.png", "tenth.png"]
    assert "not used: ninth.png and tenth.png." in text(parsed(note))
    assert f"at most {MAX_REFERENCES} references" in note


# ---------------------------------------------------------------------------------------------------------------- names


def test_names_are_shortened_in_the_middle() -> None:
    """At most forty characters, the extension among them; a short one is left as it is."""
    (node,) = parsed(name_markup("a" * 100 + "b" * 100 + ".jpeg")).findall("bdi")
    assert len(text(node)) <= NAME_LENGTH == 40
    assert text(node).startswith("aaaaaaaaaa")
    assert text(node).endswith("bbbbb.jpeg")
    assert short("x" * 40) == "x" * 40
    assert len(short("x" * 41)) == 40
