"""What the page says of a comparison in words."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from megastyle.bands import LOOSE_BELOW, shown
from megastyle.comparison import MAX_REFERENCES, Comparison

NAME_LENGTH = 40  # characters of a file name on the page; the whole name is its title


def short(name: str) -> str:
    """A name of at most NAME_LENGTH characters: the middle goes, the extension stays."""
    if len(name) <= NAME_LENGTH:
        return name
    tail = NAME_LENGTH // 3
    return f"{name[: NAME_LENGTH - tail - 1]}…{name[-tail:]}"


def name_markup(name: str) -> Markup:
    """A file name as HTML: text only, shortened, the whole name at hand, its writing direction kept to itself."""
    return Markup('<bdi class="name" title="{}">{}</bdi>').format(name, short(name))


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def listed_names(names: Sequence[str]) -> Markup:
    """Names as HTML, in one phrase."""
    return Markup(listed([escape(name_markup(name)) for name in names]))  # noqa: S704 - each name was escaped


def counted(number: int, noun: str) -> str:
    """`1 reference`, `8 references`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def agreement_sentence(comparison: Comparison) -> str:
    """How well the references agree with each other, and where the test image lies; Markdown without file names."""
    agreement = comparison.agreement
    if agreement is None:
        return (
            "One reference: a comparison of a pair. With three or more, their own agreement shows what this number is "
            "worth."
        )
    if not comparison.has_range:
        return f"Your two references agree with each other at **{shown(agreement.mean)}**."
    span = f"({shown(agreement.min)} to {shown(agreement.max)})"
    sentence = f"Your references agree with each other at **{shown(agreement.mean)}** {span}"
    if comparison.position is None:
        return f"{sentence}."
    meanings = {  # not said of a loose set: in a range that wide, almost everything lies inside
        "inside": "as close to them as they are to one another",
        "above": "closer to them than they are to one another",
        "below": "further from them than any of them is from the rest",
    }
    meaning = "" if comparison.is_loose else f", {meanings[comparison.position]}"
    return f"{sentence}; the test image lies **{comparison.position}** that range{meaning}."


def loose_sentence(comparison: Comparison) -> str:
    """The warning of a loose set, or nothing."""
    if not comparison.is_loose:
        return ""
    if (odd := comparison.odd_one_out) is not None:
        rest = shown(comparison.agreement_without(odd))
        return f"⚠️ **A loose set because of one reference.** Without the odd one out the others agree at {rest}."
    verdict = "so a mean over them says little" if comparison.has_test else "so a mean over them would say little"
    return f"⚠️ **A loose set.** Below {LOOSE_BELOW:.2f} the references hardly share a style, {verdict}."


def verdict(comparison: Comparison) -> str:
    """The result in Markdown, its band's emoji first; no inline HTML, no percentage, no file names."""
    count = len(comparison.reference_names)
    if comparison.has_test:
        head = (
            f"## {comparison.band.emoji} {comparison.band.label}\n\n"
            f"Mean cosine **{shown(comparison.mean_cosine)}** to {counted(count, 'reference')}"
        )
    else:
        advice = "No test image: add one and compare again to see how close it is to this set"
        head = f"## 🔗 How {count} references agree\n\n{advice}"
    parts = (f"{head}.", loose_sentence(comparison), agreement_sentence(comparison))
    return "\n\n".join(part for part in parts if part)


def same_content_sentence(comparison: Comparison, group: Sequence[int]) -> Markup:
    """Which files are one and the same, and what that does to the numbers; HTML."""
    has_test = comparison.has_test and 0 in group
    names = [
        name_markup(comparison.names[index]) + (" (test image)" if has_test and index == 0 else "") for index in group
    ]
    effect = Markup("the mean") if has_test else Markup("the references' agreement")
    text = Markup("<b>Same file twice:</b> {} hold the same picture, which inflates {}.")
    return text.format(Markup(listed(names)), effect)  # noqa: S704 - each name was escaped


def odd_sentence(comparison: Comparison, odd: int) -> Markup:
    """Which reference is the odd one out, and what the headline would be without it; HTML."""
    name = name_markup(comparison.reference_names[odd])
    sentence = Markup("<b>Odd one out:</b> {} is far from the other references").format(name)
    if not comparison.has_test:
        return sentence + "."
    without, mean = shown(comparison.means_without[odd]), shown(comparison.mean_cosine)
    return sentence + f"; without it the mean would be {without} instead of {mean}."


def ignored_sentence(ignored: Sequence[str]) -> Markup:
    """Which references were left out; HTML."""
    text = Markup("<b>Left out:</b> at most {} references are compared; not used: {}.")
    return text.format(MAX_REFERENCES, listed_names(ignored))


def notes(comparison: Comparison) -> list[Markup]:
    """What a reader must know before trusting the number, each a sentence of HTML."""
    sentences = [same_content_sentence(comparison, group) for group in comparison.same_content]
    if comparison.odd_one_out is not None:
        sentences.append(odd_sentence(comparison, comparison.odd_one_out))
    if comparison.ignored:
        sentences.append(ignored_sentence(comparison.ignored))
    return sentences
