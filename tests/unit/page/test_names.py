"""Visitors' file names: short, still told apart, and the beginning of a download's name."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megastyle.page import names as module
from megastyle.page.names import (
    NAME_LENGTH,
    counted,
    file_stem,
    in_words,
    listed,
    sendable,
    short,
    short_all,
    split_extension,
)
from sets import HOSTILE, steady

EPOCHS = [f"my_favourite_style_lora_sdxl_v3-{epoch:06}_s42_cfg7_euler.png" for epoch in (4, 8, 12, 16)]


def test_the_worked_examples_in_the_docstrings_are_true() -> None:
    outcome = doctest.testmod(module)
    assert outcome.failed == 0
    assert outcome.attempted >= 3


# ---------------------------------------------------------------------------------------------------------------- short


def test_names_are_shortened_in_the_middle() -> None:
    """At most thirty-six characters, the extension among them; a short one is left as it is."""
    name = short("a" * 100 + "b" * 100 + ".jpeg")
    assert len(name) == NAME_LENGTH == 36
    assert name.startswith("aaaaaaaaaa")
    assert name.endswith("bbbbb.jpeg")
    assert short("x" * 36) == "x" * 36
    assert len(short("x" * 37)) == 36


def test_names_of_epochs_stay_apart() -> None:
    """Their difference lies in the middle, which is what goes first."""
    assert len({short(name) for name in EPOCHS}) == 1, "cut one by one they would be the same"
    cut = short_all(EPOCHS)
    assert len(set(cut)) == 4
    assert max(map(len, cut)) <= NAME_LENGTH
    assert all(f"{epoch:04}" in name for epoch, name in zip((4, 8, 12, 16), cut, strict=True))
    assert all(name.startswith("my_favou") and name.endswith(".png") for name in cut)


def test_names_that_differ_early_are_cut_in_the_middle() -> None:
    assert short_all(["a" + "z" * 60 + ".png", "b" + "z" * 60 + ".png"]) == [
        short("a" + "z" * 60 + ".png"),
        short("b" + "z" * 60 + ".png"),
    ]


def test_equal_names_stay_equal_and_short_ones_stay_whole() -> None:
    """Two files by one name are one name twice."""
    long = "z" * 60 + ".png"
    assert short_all([long, long, "a.png"]) == [short(long), short(long), "a.png"]
    assert short_all([]) == []


def test_two_sets_of_epochs_stay_apart_at_once() -> None:
    """Each set has a beginning of its own, and both together have none."""
    both = [*EPOCHS, *(f"another_{name}" for name in EPOCHS)]
    cut = short_all(both)
    assert len(set(cut)) == 8
    assert max(map(len, cut)) <= NAME_LENGTH


def test_a_clash_leaves_the_other_names_alone() -> None:
    cut = short_all([*EPOCHS[:2], "other.png", "y" * 60 + ".png"])
    assert cut[2:] == ["other.png", short("y" * 60 + ".png")]
    assert len(set(cut)) == 4


@pytest.mark.parametrize("length", [20, 36])
def test_hostile_names_are_cut_and_stay_apart(length: int) -> None:
    """Whatever they hold: at most so many characters, and different ones stay different."""
    cut = short_all(HOSTILE, length)
    assert max(map(len, cut)) <= length
    assert len(set(cut)) == len(set(HOSTILE))


@steady(max_examples=200)
@given(st.lists(st.text(max_size=60), max_size=9), st.text(min_size=30, max_size=60))
def test_no_name_is_longer_than_its_length(names: list[str], beginning: str) -> None:
    """One in, one out, in their order."""
    names += [beginning + name for name in names]
    cut = short_all(names)
    assert len(cut) == len(names)
    assert all(len(name) <= NAME_LENGTH for name in cut)
    assert all(name == whole for name, whole in zip(cut, names, strict=True) if len(whole) <= 8)


# ------------------------------------------------------------------------------------------------------------ extension


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("boat.jpg", ("boat", ".jpg")),
        ("boat.v2.jpeg", ("boat.v2", ".jpeg")),
        ("boat", ("boat", "")),
        ("boat.", ("boat.", "")),
        (".gitignore", (".gitignore", "")),
        ("boat.jpeg2000", ("boat.jpeg2000", "")),
        ("see. it", ("see", ". it")),
        ("", ("", "")),
        ("n" * 296 + ".png", ("n" * 296, ".png")),
        ("🟢🟢.png", ("🟢🟢", ".png")),
    ],
)
def test_a_name_is_split_before_its_extension(name: str, parts: tuple[str, str]) -> None:
    assert split_extension(name) == parts


@pytest.mark.parametrize("name", HOSTILE)
def test_a_split_name_is_whole_again(name: str) -> None:
    assert "".join(split_extension(name)) == name


# ------------------------------------------------------------------------------------------------------ download's name


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("boat.png", "boat"),
        ("my_lora-000004.png", "my_lora-000004"),
        ("epoch 4 (best).final.png", "epoch-4-best-.final"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot"),
        ("C:\\pictures\\boat.png", "boat"),
        ("/", "comparison"),
        ("..", "comparison"),
        ("", "comparison"),
        ("***.png", "comparison"),
        ("-rf.png", "rf"),
        (".htaccess", "htaccess"),
        ("🟢 style.png", "style"),
        ("🟢.png", "comparison"),
        ("photo\u202egnp.exe", "photo-gnp"),
        ("\u200f\u2067abc\u2066.png", "abc"),
        ("水彩.png", "水彩"),
        ("nul\0name.png", "nul-name"),
        ("new\nline\r\n.png", "new-line"),
        ("<script>alert(1)</script>.png", "script"),
        ('a"b;c=d.png', "a-b-c-d"),
    ],
)
def test_a_download_is_named_after_the_test_image(name: str, stem: str) -> None:
    """Letters, digits and `-_.` of the name itself, never a folder; a name that leaves nothing gets a plain one."""
    assert file_stem(name) == stem


@pytest.mark.parametrize("letter", ["n", "水", "𠀀"])
def test_a_download_of_a_long_name_can_be_stored(letter: str) -> None:
    """At most 255 bytes with what is added to it, which is what file systems take."""
    stem = file_stem(letter * 300 + ".png")
    assert stem == letter * 60
    assert len(f"{stem}-megastyle.html".encode()) <= 255


@pytest.mark.parametrize("name", HOSTILE)
def test_a_downloads_name_is_harmless(name: str) -> None:
    """Not empty, no separator, nothing that hides it, no option of a command."""
    stem = file_stem(name)
    assert all(letter.isalnum() or letter in "-_." for letter in stem)
    assert 0 < len(stem) <= 60
    assert stem[0] not in "-."


# ---------------------------------------------------------------------------------------------------------- small words


def test_numbers_and_lists_in_words() -> None:
    assert [counted(number, "reference") for number in (0, 1, 8)] == ["0 references", "1 reference", "8 references"]
    assert [in_words(number) for number in (1, 8, 9)] == ["one", "eight", "9"]
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert sendable("lone\ud800.png") == "lone?.png"
    assert sendable("whole🟢.png") == "whole🟢.png"
