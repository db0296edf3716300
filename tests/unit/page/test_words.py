"""What the page says of an outcome in words: the right numbers, the right conclusions, and names as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markup import parsed, text, texts
from megastyle.comparison import BANDS, LOOSE_BELOW, MAX_REFERENCES, Comparison, compare
from megastyle.page.words import (
    COUNTS_OVER_LABEL,
    NAME_LENGTH,
    OWN_SET,
    contradicts,
    counted,
    fit_in_short,
    frequencies,
    in_words,
    known_rows,
    listed,
    name_markup,
    notes,
    of_thousand,
    plain,
    refusal,
    sendable,
    short,
    short_all,
    split_extension,
    verdict,
)
from outcomes import known, outcome
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
    steady,
    symmetric,
    with_test,
)

ODD = symmetric(4, [0.8, 0.8, 0.1, 0.8, 0.1, 0.1])  # three at 0.8 from one another, the fourth at 0.1 from all
NONE_LATER = "With three references or more the page says whether the picture fits them."


# -------------------------------------------------------------------------------------------------------------- verdict


@scored_set
def test_the_verdict_begins_with_emoji_and_label_and_has_the_number_in_bold(comparison: Comparison) -> None:
    """A second-level heading, then the mean with three decimals, then how many references."""
    heading, headline, *_ = verdict(outcome(comparison)).split("\n\n")
    count = len(comparison.reference_names)
    assert heading == f"## {comparison.band.emoji} {comparison.band.label}"
    assert f"**{comparison.mean_cosine:.3f}**".replace("-0.000", "0.000") in headline
    assert re.search(r"\b1 reference\b" if count == 1 else rf"\b{count} references\b", headline)


@every_set
def test_the_verdict_is_markdown_alone(comparison: Comparison) -> None:
    """No inline HTML, no percentage, no file name, which could be taken for markup; without its marks it is plain."""
    words = verdict(outcome(comparison, known()))
    assert not re.search(r"[<>%]|&\w+;|nan", words)
    assert not any(name in words for name in comparison.names)
    assert not re.search(r"[*#]", plain(words))


@hostile_names
def test_hostile_names_do_not_reach_the_verdict(names: list[str]) -> None:
    """It is that of harmless names."""
    harmless = described(numbered(len(names)), ignored=numbered(len(HOSTILE)))
    assert verdict(outcome(described(names, ignored=HOSTILE))) == verdict(outcome(harmless))


def test_without_a_test_image_there_is_no_label() -> None:
    """How alike they are, without the odd one out, and what to do; a calibration has nothing to say of it."""
    assert verdict(outcome(of_matrix(evenly(3, 0.7), has_test=False), known())).split("\n\n") == [
        "## 🔗 How alike 3 references are",
        "On average, the three are at **0.700** to one another.",
        "Add a test image and compare again to see how close it is to them.",
    ]
    words = verdict(outcome(of_matrix(ODD, has_test=False)))
    assert "On average, the other three are at **0.800** to one another, without reference 4." in words


# ------------------------------------------------------------------------------------------------------ whether it fits

FITS: dict[str, tuple[list[float], Square, str, str]] = {
    "one reference": (
        [0.9],
        evenly(1, 1),
        f"**One reference:** too little to say what style is meant. {NONE_LATER}",
        "",
    ),
    "two": (
        [0.9, 0.8],
        evenly(2, 0.6),
        (
            "**Two references:** the picture is 0.250 closer to the two than they are to one another "
            f"(0.850 against 0.600). {NONE_LATER}"
        ),
        "+0.250",
    ),
    "fits, closer": (
        [0.9] * 8,
        evenly(8, 0.7),
        "**Fits:** 0.200 closer to the eight than they are to one another (0.900 against 0.700).",
        "fits, +0.200",
    ),
    "fits, shown alike": (
        [0.7004] * 3,
        evenly(3, 0.7),
        "**Fits:** as close to the three as they are to one another (0.700 against 0.700).",
        "fits, +0.000",
    ),
    "fits, further": (  # t = 0.7; M_2 = (2 * 0.8 + 0.5) / 3 = 0.7
        [0.8, 0.5, 0.8],
        evenly(3, 0.8),
        ("**Fits:** reference 2 lies as far out; its mean to the other pictures is 0.700, the test image's 0.700."),
        "fits, -0.100",
    ),
    "edge": (
        [0.75] * 3,
        evenly(3, 0.8),
        (
            "**At the edge:** 0.050 further from the three than they are from one another (0.750 against 0.800): "
            "the least typical of these four. It may belong or not, whatever the label: look at it."
        ),
        "at the edge, -0.050",
    ),
    "apart": (
        [0.4] * 3,
        evenly(3, 0.8),
        "**Lies apart:** 0.400 further from the three than they are from one another (0.400 against 0.800).",
        "lies apart, -0.400",
    ),
    "odd one out": (
        [0.9, 0.9, 0.9, 0.1],
        ODD,
        (
            "**Fits:** 0.100 closer to the other three than they are to one another "
            "(0.900 against 0.800, without reference 4)."
        ),
        "fits, +0.100",
    ),
    "label low, and fits": (  # 0.52 is weak; t = 0.52, M_1 = (2 * 0.6 + 0.3) / 3 = 0.5
        [0.3, 0.63, 0.63],
        evenly(3, 0.6),
        (
            "**Fits:** reference 1 lies further out; its mean to the other pictures is 0.500, "
            f"the test image's 0.520. {OWN_SET.format('the label')}"
        ),
        "fits, -0.080",
    ),
    "label high, and apart": (
        [0.76] * 3,
        evenly(3, 0.98),
        "**Lies apart:** 0.220 further from the three than they are from one another (0.760 against 0.980). "
        + OWN_SET.format("the label"),
        "lies apart, -0.220",
    ),
    "loose, closer": (
        [0.5] * 3,
        evenly(3, 0.4),
        (
            "**Loose set:** your references are at 0.400 to one another; below 0.55 they hardly share a style. "
            "The picture is 0.100 closer to them than that; against so mixed a set that says little."
        ),
        "+0.100",
    ),
    "loose, as close": (
        [0.4] * 2,
        evenly(2, 0.4),
        (
            "**Loose set:** your references are at 0.400 to one another; below 0.55 they hardly share a style. "
            "The picture is just as close; against so mixed a set that says little."
        ),
        "+0.000",
    ),
    "loose, apart": (
        [0.1] * 3,
        evenly(3, 0.4),
        (
            "**Loose set:** your references are at 0.400 to one another; below 0.55 they hardly share a style. "
            "The picture is 0.300 further from them than that and lies apart even from them."
        ),
        "-0.300",
    ),
}


@pytest.mark.parametrize(("test", "among", "sentence", "in_short"), FITS.values(), ids=FITS)
def test_how_the_test_image_stands_to_the_set(test: list[float], among: Square, sentence: str, in_short: str) -> None:
    """One sentence with its lead, and a few words for tables."""
    comparison = with_test(test, among)
    assert verdict(outcome(comparison)).split("\n\n")[2] == sentence
    assert fit_in_short(comparison) == in_short


@pytest.mark.parametrize(
    ("test", "among", "disagree"),
    [
        ([0.54] * 3, evenly(3, 0.54), False),  # weak, fits, and the set is loose
        ([0.5] * 3, evenly(3, 0.6), False),  # weak, at the edge
        ([0.6] * 3, evenly(3, 0.7), False),  # moderate, at the edge
        ([0.3] * 3, evenly(3, 0.6), False),  # minimal, lies apart
        ([0.7] * 3, evenly(3, 0.7), False),
        ([0.6] * 3, evenly(3, 0.9), True),
        ([0.56, 0.56, 0.56, 0.0], symmetric(4, [0.56, 0.56, 0, 0.56, 0, 0]), True),  # minimal by the fourth, and fits
        ([0.5, 0.5], evenly(2, 0.6), False),
        ([0.9], evenly(1, 1), False),
    ],
)
def test_label_and_position_that_seem_to_disagree_are_explained(
    test: list[float],
    among: Square,
    disagree: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """A low label for a picture that fits, a moderate one or better for one apart; never for a loose set."""
    assert contradicts(with_test(test, among)) is disagree


@pytest.mark.parametrize(("among", "is_loose"), [(0.5494, True), (0.5496, False)])
def test_a_loose_set_leads_with_and_without_a_test_image(among: float, is_loose: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The floor that it fails is named."""
    for comparison in (with_test([0.9] * 3, evenly(3, among)), of_matrix(evenly(3, among), has_test=False)):
        assert ("**Loose set:**" in verdict(outcome(comparison))) is is_loose
        assert (f"below {LOOSE_BELOW:.2f}" in verdict(outcome(comparison))) is is_loose


# ---------------------------------------------------------------------------------------------------------- calibration


@pytest.mark.parametrize(
    ("share", "smallest", "words"),
    [
        (0.121, 0.001, "121"),
        (0.001, 0.001, "1"),
        (0.0009, 0.001, "fewer than 1"),
        (0.0, 1 / 10, "fewer than 100"),
        (0.09, 1 / 90, "90"),
        (0.011, 1 / 90, "fewer than 12"),
        (0.9995, 0.001, "nearly all"),
        (0.95, 1 / 10, "nearly all"),
        (0.5, 0.5, "500"),
        (0.5, 1.0, "too few styles to tell"),
    ],
)
def test_a_share_is_a_count_of_a_thousand_as_far_as_the_set_can_tell(share: float, smallest: float, words: str) -> None:
    assert of_thousand(share, smallest) == words


@pytest.mark.parametrize(
    ("mean", "points", "same", "different"),
    [
        (0.7, "to the same style", "250 in 1,000 of the same style score", "fewer than 1 in 1,000"),
        (0.4, "to another style", "fewer than 9 in 1,000 of the same style score", "200 in 1,000"),
        (0.4958, "neither way", "fewer than 9 in 1,000 of the same style score", "8 in 1,000"),
        (-0.5, "to another style", "fewer than 9 in 1,000 of the same style score", "nearly all"),
    ],
)
def test_both_tails_are_counted_and_what_they_say_is_said(mean: float, points: str, same: str, different: str) -> None:
    """The same style spreads evenly from 0.6 to 1, another one from 0 to 0.5."""
    one, number = outcome(with_test([mean] * 2, evenly(2, 0.6)), known()), f"{mean:.3f}"
    assert frequencies(one) == (
        f"Among pictures of known styles {number} points {points}: "
        f"{same} {number} or lower; {different} of another style score {number} or higher."
    )
    assert frequencies(one) in verdict(one)


@pytest.mark.parametrize(
    ("test", "among", "said"),
    [
        ([0.7] * 3, evenly(3, 0.6), []),
        ([0.3, 0.63, 0.63], evenly(3, 0.6), [OWN_SET.format("the label")]),  # weak, and fits
        (
            [0.0, 0.65, 0.7],
            evenly(3, 0.6),
            [OWN_SET.format("the label and the counts")],
        ),  # so do 0.45, and 100 of 1,000
        ([0.61] * 3, evenly(3, 0.9), [OWN_SET.format("the label and the counts")]),  # moderate, apart
        ([0.52] * 3, evenly(3, 0.9), [OWN_SET.format("the counts")]),  # weak, apart
        ([0.3] * 3, evenly(3, 0.8), []),  # minimal, apart: all agree
        ([0.61] * 3, evenly(3, 0.8), []),  # moderate, at the edge, which says that it may be either
        ([0.61] * 2, evenly(2, 0.8), []),
        ([0.52] * 2, evenly(2, 0.8), [COUNTS_OVER_LABEL]),  # weak, though no strangers score so high
        ([0.2] * 3, evenly(3, 0.3), []),  # a loose set: nothing is promised of it
    ],
)
def test_lines_that_seem_to_deny_each_other_are_reconciled_once(
    test: list[float], among: Square, said: list[str]
) -> None:
    """By the set itself where there is one, else by what was counted."""
    words = verdict(outcome(with_test(test, among), known()))
    assert re.findall(r"Go by th[^\n]+\.", words) == said


def test_the_tails_are_those_of_the_mean_to_the_core_and_of_its_number() -> None:
    """0.9 to three of four: a quarter of the same style lies above it, three quarters at or below."""
    one = outcome(with_test([0.9, 0.9, 0.9, 0.1], ODD), known([3]))
    assert "750 in 1,000 of the same style score 0.900 or lower" in frequencies(one)


def test_a_number_of_references_that_was_not_measured_is_said() -> None:
    one = outcome(with_test([0.9] * 2, evenly(2, 0.6)), known([1]))
    expected = "The calibration set is too small to say how common such a score is for 2 references."
    assert frequencies(one) == expected
    assert known_rows(known([1]), 2) == []


def test_without_a_calibration_or_a_test_image_nothing_is_said_of_it() -> None:
    assert frequencies(outcome(SETS["1 to 3"])) == ""
    assert frequencies(outcome(SETS["3 alone"], known())) == ""


def test_labels_and_positions_are_counted_for_pictures_of_known_styles() -> None:
    """Of the same style, evenly from 0.6 to 1, (1 - 0.7495) / 0.4 = 0.626 are strong; then the rule's own rates."""
    labels, positions = known_rows(known(), 3)
    assert [words for words, *_ in labels] == [f"{band.emoji} {band.label}" for band in BANDS]
    rare, rarest = "fewer than 9", "fewer than 1"
    assert [same for _, same, _ in labels] == ["626", "250", "124", rare, rare]
    assert [different for *_, different in labels] == [rarest, rarest, rarest, "101", "899"]
    assert positions == [("Fits", "900", "10"), ("At the edge", "97", "78"), ("Lies apart", rare, "912")]


# ---------------------------------------------------------------------------------------------------------------- notes


def notes_of(comparison: Comparison) -> list[str]:
    """The notes as text."""
    return [text(parsed(note)) for note in notes(comparison)]


def test_notes_say_nothing_where_there_is_nothing_to_say() -> None:
    assert notes(with_test([0.8, 0.8], evenly(2, 0.8))) == []


def test_the_reference_that_agrees_least_is_named_with_what_leaves_it_out() -> None:
    """Cosines 0.8, 0.8, 0.8, 0.3: mean 0.675, without the fourth 0.800; the fourth is at 0.1 to the others."""
    least = "Agrees least: reference 4, {}, is at 0.100 to the other three, which are at 0.800 to one another."
    headline, advice = (
        "The label and the mean cosine at the top count it, nothing else does.",
        "Keep it if you know that it belongs; else compare without it.",
    )
    comparison = with_test([0.8, 0.8, 0.8, 0.3], ODD)
    assert notes_of(comparison) == [f"{least.format('p4')} {headline} {advice}"]
    assert notes_of(of_matrix(ODD, has_test=False)) == [f"{least.format('p3')} {advice}"]
    both = (
        "to 4 references. Without reference 4, which agrees least with the others, it is 0.800, a strong style match."
    )
    assert both in verdict(outcome(comparison))


def test_the_same_file_twice_is_said_with_its_numbers_and_effect() -> None:
    """References 1 and 3 are one file; test image and reference 2 are another one."""
    names = ["t.png", "a.png", "b.png", "c.png"]
    assert notes_of(compare(circle(0, 5, 9, 5), names, digests=["x", "y", "x", "y"])) == [
        "Same file twice: the test image and reference 2 hold the same picture, which raises the mean.",
        (
            "Same file twice: reference 1 and reference 3 hold the same picture, "
            "which makes your references look more alike than they are."
        ),
    ]


def test_the_references_that_were_left_out_are_named() -> None:
    (note,) = notes_of(compare(circle(0, 5), ["t", "a"], ignored=["ninth.png", "tenth.png"]))
    expected = f"at most {MAX_REFERENCES} references are compared; not used: ninth.png, tenth.png."
    assert note == f"Left out: {expected}"


# ------------------------------------------------------------------------------------------------------------- refusals

WRONG = "is not a picture."


@pytest.mark.parametrize(
    ("refused", "pictures", "has_test", "offer"),
    [
        ([2], 4, True, ("without 1", "Compare without this reference")),
        ([1, 3], 4, True, ("without 0 2", "Compare without these references")),
        ([0], 3, False, ("without 0", "Compare without this reference")),
        ([0], 4, True, None),  # the test image
        ([0, 2], 4, True, None),
        ([1], 2, True, None),  # the only one
        ([1], 2, False, None),  # one would be left
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


# ---------------------------------------------------------------------------------------------------------------- names

EPOCHS = [f"my_favourite_style_lora_sdxl_v3-{epoch:06}_s42_cfg7_euler.png" for epoch in (4, 8, 12, 16)]


def test_names_are_shortened_in_the_middle() -> None:
    """At most thirty-six characters, the extension among them; a short one is left as it is."""
    name = short("a" * 100 + "b" * 100 + ".jpeg")
    assert len(name) == NAME_LENGTH == 36
    assert re.fullmatch(r"a{17}…b{13}\.jpeg", name)
    assert short("x" * 36) == "x" * 36


def test_names_of_epochs_stay_apart() -> None:
    """Their difference lies in the middle, which is what goes first; others are left alone."""
    assert len({short(name) for name in EPOCHS}) == 1, "cut one by one they would be the same"
    long = "z" * 60 + ".png"
    cut = short_all([*EPOCHS, long, long, "a.png"])
    assert all(f"{epoch:04}" in name for epoch, name in zip((4, 8, 12, 16), cut, strict=False))
    assert all(name.startswith("my_favou") and name.endswith(".png") for name in cut[:4])
    assert cut[4:] == [short(long), short(long), "a.png"]


@steady(max_examples=200)
@given(st.lists(st.text(max_size=60), max_size=9), st.text(min_size=30, max_size=60))
def test_no_name_is_longer_than_its_length(names: list[str], beginning: str) -> None:
    """One in, one out, in their order, whatever they hold."""
    names += [*(beginning + name for name in names), *HOSTILE]
    cut = short_all(names)
    assert len(cut) == len(names)
    assert all(len(name) <= NAME_LENGTH for name in cut)
    assert len(set(cut[-len(HOSTILE) :])) == len(set(HOSTILE))


@pytest.mark.parametrize("name", [*HOSTILE, "boat.v2.jpeg", ".gitignore", "boat.", "boat.jpeg2000"])
def test_a_name_is_text_at_hand_in_full_and_never_breaks_in_its_ending(name: str) -> None:
    """An ending has five characters at most."""
    stem, extension = split_extension(name)
    assert stem + extension == name
    assert re.fullmatch(r"(\..{1,5})?", extension, re.DOTALL)
    assert [node.tag for node in parsed(name_markup(name)).iter()] == ["html", "bdi", "span"]


def test_numbers_and_lists_in_words() -> None:
    assert [counted(number, "reference") for number in (0, 1, 8)] == ["0 references", "1 reference", "8 references"]
    assert [in_words(number) for number in (1, 9, 10)] == ["one", "nine", "10"]
    assert [listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [sendable(name) for name in ("lone\ud800.png", "whole🟢.png")] == ["lone?.png", "whole🟢.png"]
