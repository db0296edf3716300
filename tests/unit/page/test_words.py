"""What the page says of an outcome in words: the right numbers, the right conclusions, and names as text."""

from __future__ import annotations

import re

import pytest

from markup import parsed, text, texts
from megastyle.comparison import BANDS, LOOSE_BELOW, MAX_REFERENCES, Comparison, compare
from megastyle.page.words import (
    RULE_OF_THUMB,
    calibration_sentence,
    contradicts,
    fit,
    fit_sentence,
    name_markup,
    notes,
    plain,
    refusal,
    too_few,
    verdict,
)
from outcomes import calibrated, outcome, row
from sets import (
    HOSTILE,
    SETS,
    Square,
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

SPREAD = symmetric(3, [0.6, 0.7, 0.8])  # leave-one-out 0.65, 0.7 and 0.75


def verdict_of(comparison: Comparison) -> str:
    """The verdict of a comparison without a calibration."""
    return verdict(outcome(comparison))


# -------------------------------------------------------------------------------------------------------------- verdict


@scored_set
def test_the_verdict_begins_with_emoji_and_label_and_has_the_number_in_bold(comparison: Comparison) -> None:
    """A second-level heading, then the mean with three decimals, then how many references."""
    heading, headline, *_ = verdict_of(comparison).split("\n\n")
    count = len(comparison.reference_names)
    assert heading == f"## {comparison.band.emoji} {comparison.band.label}"
    assert f"**{comparison.mean_cosine:.3f}**".replace("-0.000", "0.000") in headline
    assert re.search(r"\b1 reference\b" if count == 1 else rf"\b{count} references\b", headline)


@pytest.mark.parametrize(
    ("comparison", "beginnings"),
    [
        (
            with_test([0.6] * 3, evenly(3, 0.5)),
            [
                "## 🟡 Moderate style match",
                "Mean cosine **0.600** to 3 references.",
                "**Loose set:**",
                "Your references agree with each other at **0.500** (0.500 to 0.500).",
                "A picture of the same style scores this high",
            ],
        ),
        (
            with_test([0.6] * 2, evenly(2, 0.5)),
            [
                "## 🟡 Moderate style match",
                "Mean cosine **0.600** to 2 references.",
                "**No range:**",
                "Your references agree with each other at **0.500**.",
                "⚠️ **A loose set:**",
                "A picture of the same style scores this high",
            ],
        ),
    ],
    ids=["with a range", "without one"],
)
def test_the_verdict_comes_in_one_order(comparison: Comparison, beginnings: list[str]) -> None:
    """Heading, mean, the sentence on the set, its agreement, the calibration.

    A loose set is said in the sentence where that measures by it, else in a warning of its own.
    """
    parts = verdict(outcome(comparison, calibrated())).split("\n\n")
    assert len(parts) == len(beginnings)
    assert [part[: len(beginning)] for part, beginning in zip(parts, beginnings, strict=True)] == beginnings


@every_set
def test_the_verdict_is_markdown_alone(comparison: Comparison) -> None:
    """No inline HTML and no file name, which could be taken for markup."""
    words = verdict(outcome(comparison, calibrated()))
    assert not re.search(r"[<>]|&\w+;", words)
    assert not any(name in words for name in comparison.names)


@hostile_names
def test_hostile_names_do_not_reach_the_verdict(names: list[str]) -> None:
    """It is that of harmless names."""
    harmless = described(numbered(len(names)), ignored=numbered(len(HOSTILE)))
    assert verdict_of(described(names, ignored=HOSTILE)) == verdict_of(harmless)


@pytest.mark.parametrize(
    ("mean", "lead", "how"),
    [
        (0.7, "Fits", "as close to the three as they are to one another"),
        (0.9, "Fits", "closer to the three than they are to one another"),
        (0.2, "Lies apart", "further from the three than any of them is from the rest"),
    ],
)
def test_the_verdict_says_where_the_test_image_lies(mean: float, lead: str, how: str) -> None:
    """Three references with leave-one-out 0.65, 0.7 and 0.75; exactly one of the three places is named."""
    words = verdict_of(with_test([mean] * 3, SPREAD))
    assert "0.700" in words
    assert "0.650 to 0.750" in words
    assert f"**{lead}:** {how}." in words
    assert len(re.findall(r"\*\*(Fits|Lies apart)", words)) == 1


def test_two_references_have_one_number_and_no_range() -> None:
    """They agree at 0.6, shown once; a range of one number would mislead."""
    words = verdict_of(with_test([0.9, 0.9], evenly(2, 0.6)))
    assert words.count("0.600") == 1
    assert " to 0.600" not in words
    assert not re.search(r"\*\*(Fits|Lies apart)", words)


def test_one_reference_has_no_yardstick() -> None:
    """A pair has one cosine, and it is the only number."""
    assert re.findall(r"\d\.\d+", verdict_of(with_test([0.9], evenly(1, 1)))) == ["0.900"]


def test_without_a_test_image_there_is_no_label() -> None:
    """Agreement and a hint, no verdict; a calibration has nothing to say of it."""
    words = verdict(outcome(of_matrix(SPREAD, has_test=False), calibrated()))
    assert words.startswith("## ")
    assert "0.700" in words
    assert not any(band.label in words for band in BANDS)
    assert "nan" not in words.lower()
    assert "A picture of the same style" not in words


@pytest.mark.parametrize(("among", "loose"), [(0.5494, True), (0.5496, False), (0.8, False)])
def test_a_loose_set_is_called_loose(among: float, loose: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """With and without a test image; the floor that it fails is named."""
    for comparison in (with_test([0.9] * 3, evenly(3, among)), of_matrix(evenly(3, among), has_test=False)):
        assert ("loose" in verdict_of(comparison).lower()) is loose
        assert bool(re.search(rf"\b{LOOSE_BELOW:.2f}\b", verdict_of(comparison))) is loose


def test_a_set_with_one_stranger_in_it_is_not_called_loose() -> None:
    """The others are at 0.8 from each other: that is the number that counts; the stranger is named by its number."""
    for comparison in (SETS["an odd one"], of_matrix(symmetric(3, [0.8, 0.2, 0.2]), has_test=False)):
        words = verdict_of(comparison)
        assert "loose" not in words.lower()
        assert "Without the odd one out (reference 3), the other two agree with each other at **0.800**" in words


def test_the_mean_that_is_measured_is_said_where_it_is_not_the_headline() -> None:
    """Three references at 0.8 and a stranger at 0.1: headline 2.5 / 4 = 0.625, measured is the 0.8 of the three."""
    words = verdict_of(with_test([0.8, 0.8, 0.8, 0.1], symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])))
    assert "Mean cosine **0.625** to 4 references." in words
    assert "**Fits:** as close to the other three as they are to one another." in words
    assert (
        "the other three agree with each other at **0.800** (0.800 to 0.800); the test image is at **0.800**" in words
    )


def test_a_plain_verdict_has_no_marks_of_markdown() -> None:
    assert not re.search(r"[*#]", plain(verdict(outcome(SETS["an odd one"], calibrated()))))


# ------------------------------------------------------------------------------------------- whether it fits, and why

ODD = symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])  # three at 0.8 from each other, the fourth at 0.1 from all
TOO_FEW = "references are too few for one; the picture is {} them than they are to each other"
HARDLY = "; but below 0.55 they hardly share a style themselves, so a mean over them says little"
FITS: dict[str, tuple[list[float], Square, str, str]] = {
    "one reference": (
        [0.9],
        evenly(1, 1),
        "A pair",
        "there is no set to fit into. With three or more references, their own agreement is a yardstick",
    ),
    "two, closer": ([0.9, 0.8], evenly(2, 0.6), "No range", f"the two {TOO_FEW.format('closer to')}"),
    "two, further": ([0.5, 0.5], evenly(2, 0.6), "No range", f"the two {TOO_FEW.format('further from')}"),
    "inside": ([0.7] * 3, SPREAD, "Fits", "as close to the three as they are to one another"),
    "above": ([0.76] * 3, SPREAD, "Fits", "closer to the three than they are to one another"),
    "below": ([0.64] * 3, SPREAD, "Lies apart", "further from the three than any of them is from the rest"),
    "eight": ([0.7] * 8, evenly(8, 0.7), "Fits", "as close to the eight as they are to one another"),
    "loose, inside": (
        [0.4] * 3,
        evenly(3, 0.4),
        "Loose set",
        f"as close to the three as they are to one another{HARDLY}",
    ),
    "loose, above": (
        [0.5] * 3,
        evenly(3, 0.4),
        "Loose set",
        f"closer to the three than they are to one another{HARDLY}",
    ),
    "loose, below": (
        [0.3] * 3,
        evenly(3, 0.4),
        "Lies apart",
        f"further from the three than any of them is from the rest{HARDLY}",
    ),
    "odd one out, two others": (
        [0.9, 0.9, 0.1],
        symmetric(3, [0.8, 0.2, 0.2]),
        "No range",
        f"the other two {TOO_FEW.format('closer to')}",
    ),
    "odd one out, inside": (
        [0.8, 0.8, 0.8, 0.1],
        ODD,
        "Fits",
        "as close to the other three as they are to one another",
    ),
    "odd one out, above": (
        [0.9, 0.9, 0.9, 0.1],
        ODD,
        "Fits",
        "closer to the other three than they are to one another",
    ),
    "odd one out, below": (
        [0.7, 0.7, 0.7, 0.9],
        ODD,
        "Lies apart",
        "further from the other three than any of them is from the rest",
    ),
}


@pytest.mark.parametrize(("test", "among", "lead", "rest"), FITS.values(), ids=FITS)
def test_whether_the_test_image_fits_is_measured_by_the_set(
    test: list[float], among: Square, lead: str, rest: str
) -> None:
    """A lead in a word or two, and how it was measured."""
    assert fit(with_test(test, among)) == (lead, rest)


def test_two_numbers_that_are_shown_alike_are_called_alike() -> None:
    """Two references at 0.6; the mean 0.6004 is shown as 0.600 as well."""
    lead, rest = fit(with_test([0.6004, 0.6004], evenly(2, 0.6)))
    assert lead == "No range"
    assert rest == "the two references are too few for one; the picture is as close to them as they are to each other"


CONTRADICTIONS: dict[str, tuple[list[float], Square, bool]] = {
    "weak, and fits": ([0.541] * 3, symmetric(3, [0.54, 0.53, 0.55]), True),  # inside 0.535 to 0.545
    "weak, and closer than they are": ([0.541] * 3, evenly(3, 0.5), True),
    "moderate, and lies apart": ([0.6] * 3, SPREAD, True),
    "good, and fits": ([0.7] * 3, SPREAD, False),
    "strong, and closer than they are": ([0.9] * 3, SPREAD, False),
    "weak, and lies apart": ([0.5] * 3, SPREAD, False),
    "minimal by the stranger, and fits the others": (
        [0.56, 0.56, 0.56, 0.0],
        symmetric(4, [0.56, 0.56, 0, 0.56, 0, 0]),
        True,
    ),
    "good with the stranger, and lies apart": ([0.7, 0.7, 0.7, 0.9], ODD, True),
    "moderate with the stranger, and fits the others": ([0.8, 0.8, 0.8, 0.1], ODD, False),
    "weak, and no range": ([0.5, 0.5], evenly(2, 0.4), False),
    "strong, and a pair": ([0.9], evenly(1, 1), False),
}


@pytest.mark.parametrize(("test", "among", "disagree"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_where_label_and_fit_disagree_the_sentence_says_why(test: list[float], among: Square, disagree: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """A label of 0.55 and more for a picture that lies apart, or a lower one for a picture that fits."""
    comparison = with_test(test, among)
    lead, rest = fit(comparison)
    assert contradicts(comparison) is disagree
    assert fit_sentence(comparison) == f"**{lead}:** {rest}.{f' {RULE_OF_THUMB}' if disagree else ''}"


# ---------------------------------------------------------------------------------------------------------- calibration


def score(mean: float, references: int = 2) -> Comparison:
    """A test image at `mean` to so many references."""
    return with_test([mean] * references, evenly(references, 0.6))


@pytest.mark.parametrize(
    ("mean", "same", "different"),
    [
        (0.9, "25 times in 100", "fewer than 1 time in 1,000"),
        (0.8, "50 times in 100", "fewer than 1 time in 1,000"),
        (0.696, "76 times in 100", "4 times in 1,000"),
        (0.45, "more than 99 times in 100", "250 times in 1,000"),
        (-0.5, "more than 99 times in 100", "more than 999 times in 1,000"),
    ],
)
def test_the_calibration_says_how_often_a_score_this_high_occurs(mean: float, same: str, different: str) -> None:
    """Half of the same style scores 0.6 to 0.8, half 0.8 to 1; half of another 0 to 0.2, half 0.2 to 0.7.

    At or above 0.696 are (0.8 - 0.696) / 0.2 / 2 + 1/2 = 0.76 of the one, (0.7 - 0.696) / 0.5 / 2 = 0.004 of the other.
    """
    expected = f"A picture of the same style scores this high {same}, one of another style {different}."
    no_sign = " Most of another style reach it, so it is no sign of a shared style." if mean < 0 else ""
    assert calibration_sentence(outcome(score(mean), calibrated())) == f"{expected}{no_sign}"


@pytest.mark.parametrize(("mean", "reach"), [(0.21, False), (0.19, True)])
def test_a_score_that_most_strangers_reach_is_said_to_be_no_sign(mean: float, reach: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Half of another style scores 0 to 0.2; "99 times in 100" alone would read as praise."""
    sentence = calibration_sentence(outcome(score(mean), calibrated()))
    assert sentence.endswith("Most of another style reach it, so it is no sign of a shared style.") is reach


def test_a_small_calibration_set_does_not_tell_rare_from_never() -> None:
    """Two styles of 40 pictures in all: 40 of them against one other style; 1 in 40 is the least that can be told."""
    sentence = calibration_sentence(outcome(score(0.9), calibrated(styles=2, pictures=40)))
    assert sentence.endswith("one of another style fewer than 1 time in 40.")


def test_a_number_of_references_that_was_not_measured_is_said() -> None:
    """The set is measured for one reference only."""
    calibration = calibrated({1: row((0.6, 0.8, 1.0), (0.0, 0.2, 0.7))})
    assert calibration_sentence(outcome(score(0.9, 1), calibration)).startswith("A picture of the same style")
    expected = "The calibration set is too small to say what a mean over 2 references is worth."
    assert calibration_sentence(outcome(score(0.9, 2), calibration)) == expected


def test_without_a_calibration_or_a_test_image_nothing_is_said_of_it() -> None:
    assert calibration_sentence(outcome(score(0.9))) == ""
    assert calibration_sentence(outcome(SETS["3 alone"], calibrated())) == ""


# ---------------------------------------------------------------------------------------------------------------- notes


def names_in(note: str) -> list[str]:
    """The file names in a sentence of HTML."""
    return texts(parsed(note).findall(".//bdi"))


def test_notes_say_nothing_where_there_is_nothing_to_say() -> None:
    assert notes(with_test([0.8, 0.8], evenly(2, 0.8))) == []


def test_the_odd_one_out_is_named_with_its_agreement_and_the_mean_without_it() -> None:
    """Cosines 0.8, 0.8, 0.3: mean 0.633, without the third 0.800; the third agrees with the others at 0.2."""
    (note,) = notes(SETS["an odd one"])
    assert names_in(note) == ["p3"]
    assert text(parsed(note)) == (
        "Odd one out: reference 3, p3, agrees least with the others, at 0.200; "
        "without it the mean would be 0.800 instead of 0.633."
    )


def test_the_odd_one_out_of_references_alone_has_no_mean() -> None:
    (note,) = notes(of_matrix(symmetric(3, [0.8, 0.2, 0.2]), has_test=False))
    assert text(parsed(note)) == "Odd one out: reference 3, p2, agrees least with the others, at 0.200."


def test_the_same_file_twice_is_said_with_its_numbers_and_effect() -> None:
    """References 1 and 3 are one file, which raises the agreement; test image and reference 2 are one: the mean."""
    names = ["t.png", "a.png", "b.png", "c.png"]
    found = notes(compare(circle(0, 5, 9, 5), names, digests=["x", "y", "x", "y"]))
    assert [text(parsed(note)) for note in found] == [
        "Same file twice: the test image and reference 2 hold the same picture, which raises the mean.",
        "Same file twice: reference 1 and reference 3 hold the same picture, which raises the references' agreement.",
    ]


def test_the_references_that_were_left_out_are_named() -> None:
    """And how many are compared at most."""
    (note,) = notes(compare(circle(0, 5), ["t", "a"], ignored=["ninth.png", "tenth.png"]))
    assert names_in(note) == ["ninth.png", "tenth.png"]
    assert "not used: ninth.png, tenth.png." in text(parsed(note))
    assert f"at most {MAX_REFERENCES} references" in note


def test_a_name_in_a_note_is_at_hand_in_full_and_never_breaks_in_its_ending() -> None:
    name = "a" * 100 + "b" * 100 + ".jpeg"
    (node,) = parsed(name_markup(name)).findall("bdi")
    assert node.attrib["title"] == name
    assert text(node).startswith("aaaaaaaaaa")
    assert texts(node.findall("span[@class='extension']")) == [".jpeg"]


# ------------------------------------------------------------------------------------------------------------- refusals

WRONG = "is not a picture."


@pytest.mark.parametrize(
    ("refused", "pictures", "has_test", "offer"),
    [
        ([2], 4, True, ("without 1", "Compare without this reference")),
        ([1, 3], 4, True, ("without 0 2", "Compare without these references")),
        ([0], 3, False, ("without 0", "Compare without this reference")),
        ([0], 4, True, None),
        ([0, 2], 4, True, None),
        ([1], 2, True, None),
        ([1, 2], 3, True, None),
        ([1], 2, False, None),
    ],
    ids=[
        "one of three",
        "two of three",
        "of references alone",
        "the test image",
        "the test image too",
        "the only one",
        "all",
        "one would be left",
    ],
)
def test_a_refusal_offers_to_compare_without_unreadable_references(
    refused: list[int],
    pictures: int,
    has_test: bool,  # noqa: FBT001 - a parameter of the table
    offer: tuple[str, str] | None,
) -> None:
    """Where enough are left; the button's classes hold their numbers, counted from 0."""
    reasons = {index: (f"{index}.png", WRONG) for index in refused}
    message = parsed(refusal(reasons, pictures, has_test=has_test).replace("<br>", "<br/>"))
    assert texts(message.findall("b")) == [f"{index}.png" for index in refused]
    roles = ["Test image", "Reference 1", "Reference 2", "Reference 3"][0 if has_test else 1 :]
    assert all(f"{roles[index]}: {index}.png {WRONG}" in text(message) for index in refused)
    buttons = [(button.get("class"), text(button)) for button in message.findall("button")]
    assert buttons == ([offer] if offer else [])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_file_is_named_as_text(name: str) -> None:
    """The message is rendered as HTML."""
    message = parsed(refusal({0: (name, WRONG)}, 2, has_test=False))
    assert [node.tag for node in message.iter()] == ["html", "b"]


def test_too_few_pictures_are_told_the_way_on() -> None:
    """Enough are a test image with a reference, or two references."""
    enough = {(tests, references) for tests in (0, 1) for references in range(4) if not too_few(tests, references)}
    assert enough == {(1, 1), (1, 2), (1, 3), (0, 2), (0, 3)}
