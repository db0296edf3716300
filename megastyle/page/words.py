"""What the page says of an outcome, in sentences that follow from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from megastyle.comparison import LOOSE_BELOW, MAX_REFERENCES, Comparison, rounded, shown
from megastyle.page.frequency import COARSE, FINE, frequency
from megastyle.page.names import counted, in_words, listed, short, split_extension
from megastyle.page.outcome import Outcome

NOT_MEGASTYLE = "These are not MegaStyle scores"
MOST = 0.5  # of the pictures of another style
RULE_OF_THUMB = "The label is a rule of thumb for any set; this is your set."


def name_markup(name: str) -> Markup:
    """A file name as HTML: text only, shortened, the whole name at hand, its writing direction kept to itself."""
    text = Markup('<bdi class="name" title="{}">{}<span class="extension">{}</span></bdi>')
    return text.format(name, *split_extension(short(name)))


def odd_mark(comparison: Comparison) -> str:
    """The odd one out by its number, or nothing."""
    return "" if comparison.odd_one_out is None else f"reference {comparison.odd_one_out + 1}"


def core_in_words(comparison: Comparison) -> str:
    """The references that the test image is measured by: `the five`, or `the other seven` without the odd one out."""
    other = "other " if comparison.odd_one_out is not None else ""
    return f"the {other}{in_words(len(comparison.core))}"


def fit(comparison: Comparison) -> tuple[str, str]:
    """Whether the test image fits the set, as a lead in a word or two and the rest of the sentence.

    From three references on it is measured by the set itself. For fewer it says only what can be said.
    """
    core = core_in_words(comparison)
    if comparison.agreement is None:
        return (
            "A pair",
            "there is no set to fit into. With three or more references, their own agreement is a yardstick",
        )
    if not comparison.has_range:
        mean, own = rounded(comparison.core_mean), rounded(comparison.agreement.mean)  # as shown
        how = "as close to them as" if mean == own else f"{'closer to' if mean > own else 'further from'} them than"
        return "No range", f"{core} references are too few for one; the picture is {how} they are to each other"
    loose = ""
    if comparison.is_loose:
        loose = f"; but below {LOOSE_BELOW:.2f} they hardly share a style themselves, so a mean over them says little"
    fits = "Loose set" if comparison.is_loose else "Fits"
    distance = shown(abs(comparison.gap or 0))
    return {
        "fits": (fits, f"as close to {core} as they are to one another{loose}"),
        "edge": ("At the edge", f"the least typical of these pictures, by {distance}{loose}"),
        "apart": ("Lies apart", f"{distance} further from {core} than they are from one another{loose}"),
    }[comparison.position or "fits"]


def contradicts(comparison: Comparison) -> bool:
    """Whether label and fit seem to disagree: a low label for a picture that fits, a high one for one that does not."""
    if not comparison.has_range:
        return False
    is_low = comparison.band.floor < LOOSE_BELOW
    return is_low is not (comparison.position == "apart")


def fit_sentence(comparison: Comparison) -> str:
    """The sentence right under the headline, in Markdown."""
    lead, rest = fit(comparison)
    return f"**{lead}:** {rest}.{f' {RULE_OF_THUMB}' if contradicts(comparison) else ''}"


def agreement_sentence(comparison: Comparison) -> str:
    """How well the references agree with each other, and how close the test image is to them, in numbers."""
    agreement = comparison.agreement
    if agreement is None:
        return ""
    spread = f" ({shown(agreement.min)} to {shown(agreement.max)})" if comparison.has_range else ""
    numbers = f"agree with each other at **{shown(agreement.mean)}**{spread}"
    if comparison.odd_one_out is None:
        return f"Your references {numbers}."
    mean = f"; the test image is at **{shown(comparison.core_mean)}** to them" if comparison.has_test else ""
    return (
        f"Without the odd one out ({odd_mark(comparison)}), the other {in_words(len(comparison.core))} {numbers}{mean}."
    )


def loose_sentence(comparison: Comparison) -> str:
    """The warning of a loose set, or nothing where the sentence on the fit says it already."""
    if not comparison.is_loose or comparison.position:
        return ""
    return (
        f"⚠️ **A loose set:** below {LOOSE_BELOW:.2f} references hardly share a style, and a mean over them says little."
    )


def calibration_sentence(outcome: Outcome) -> str:
    """What a score this high is worth in the calibration, in natural frequencies; nothing without one."""
    calibration, count = outcome.calibration, len(outcome.comparison.reference_names)
    if calibration is None or not outcome.comparison.has_test:
        return ""
    if (standing := outcome.standing) is None:
        return f"The calibration set is too small to say what a mean over {counted(count, 'reference')} is worth."
    same = frequency(standing.same_at_or_above, standing.same_smallest, COARSE)
    different = frequency(standing.different_at_or_above, standing.different_smallest, FINE)
    no_sign = " Most of another style reach it, so it is no sign of a shared style."
    return (
        f"A picture of the same style scores this high {same}, one of another style {different}."
        f"{no_sign if standing.different_at_or_above > MOST else ''}"
    )


def verdict(outcome: Outcome) -> str:
    """The result in Markdown, its band's emoji first; no inline HTML, no percentage, no file names."""
    comparison = outcome.comparison
    count = len(comparison.reference_names)
    if comparison.has_test:
        parts = [
            f"## {comparison.band.emoji} {comparison.band.label}",
            f"Mean cosine **{shown(comparison.mean_cosine)}** to {counted(count, 'reference')}.",
            fit_sentence(comparison),
        ]
    else:
        advice = "No test image: add one and compare again to see how close it is to this set."
        parts = [f"## 🔗 How {count} references agree", advice]
    parts += [agreement_sentence(comparison), loose_sentence(comparison), calibration_sentence(outcome)]
    return "\n\n".join(part for part in parts if part)


def plain(markdown: str) -> str:
    """Markdown of this module without its marks, for a text that is read as it is."""
    return markdown.replace("**", "").replace("## ", "")


def same_content_sentence(comparison: Comparison, group: Sequence[int]) -> Markup:
    """Which files are one and the same, and what that does to the numbers; HTML."""
    has_test = comparison.has_test and 0 in group
    marks = [
        "the test image" if has_test and index == 0 else f"reference {index + 1 - comparison.offset}" for index in group
    ]
    effect = "the mean" if has_test else "the references' agreement"
    text = Markup("<b>Same file twice:</b> {} hold the same picture, which raises {}.")
    return text.format(listed(marks), effect)


def odd_sentence(comparison: Comparison, odd: int) -> Markup:
    """Which reference is the odd one out, how little it agrees, and what the headline would be without it; HTML."""
    text = Markup("<b>Odd one out:</b> reference {}, {}, agrees least with the others, at {}")
    name = name_markup(comparison.reference_names[odd])
    sentence = text.format(odd + 1, name, shown(comparison.leave_one_out[odd]))
    if not comparison.has_test:
        return sentence + "."
    without, mean = shown(comparison.means_without[odd]), shown(comparison.mean_cosine)
    return sentence + f"; without it the mean would be {without} instead of {mean}."


def ignored_sentence(ignored: Sequence[str]) -> Markup:
    """Which references were left out; HTML."""
    text = Markup("<b>Left out:</b> at most {} references are compared; not used: ").format(MAX_REFERENCES)
    return text + Markup(", ").join(name_markup(name) for name in ignored) + "."


def notes(comparison: Comparison) -> list[Markup]:
    """What a reader must know before trusting the number, each a sentence of HTML."""
    sentences = [same_content_sentence(comparison, group) for group in comparison.same_content]
    if comparison.odd_one_out is not None:
        sentences.append(odd_sentence(comparison, comparison.odd_one_out))
    if comparison.ignored:
        sentences.append(ignored_sentence(comparison.ignored))
    return sentences


def too_few(tests: int, references: int) -> str:
    """What to do where there are too few pictures to compare; empty where there are enough."""
    if references > 1 or (tests and references):
        return ""
    if tests:
        return "No reference yet. Add at least one picture to compare the test image with."
    if references:
        return "One picture alone cannot be compared. Choose a test image, or add a second reference."
    return f"Choose a test image and 1 to {MAX_REFERENCES} references, or try an example."


def refusal(reasons: Mapping[int, tuple[str, str]], pictures: int, *, has_test: bool) -> Markup:
    """What is said of refused files, each by its place among so many pictures: which one, its name, and why; HTML.

    Where only references are refused and enough pictures are left, it offers to compare without them. page.js reads
    their numbers, counted from 0, from the button's classes: Gradio lets no other attribute through.
    """
    numbers = [index - has_test for index in reasons]
    roles = ["Test image" if number < 0 else f"Reference {number + 1}" for number in numbers]
    lines = [
        Markup("{}: <b>{}</b> {}").format(role, short(name), reason)
        for role, (name, reason) in zip(roles, reasons.values(), strict=True)
    ]
    if min(numbers) >= 0 and pictures - len(numbers) > 1:
        what = "this reference" if len(numbers) == 1 else "these references"
        button = Markup('<button class="without {}">Compare without {}</button>')
        lines.append(button.format(" ".join(map(str, numbers)), what))
    return Markup("<br>").join(lines)
