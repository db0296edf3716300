"""What the page says: every sentence and fixed word, those that follow from an outcome's numbers among them.

Sentences that hold a file name are HTML (`Markup`), the verdict is Markdown without names, all else is plain text.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from os.path import commonprefix

from markupsafe import Markup

from megastyle.calibration import Calibration, Standing
from megastyle.comparison import (
    BANDS,
    FAR_MARGIN,
    LOOSE_BELOW,
    MAX_REFERENCES,
    Band,
    Comparison,
    Position,
    band_of,
    shown,
)
from megastyle.page.outcome import Outcome, Provenance

NOT_MEGASTYLE = "These are not MegaStyle scores"
WAITING = (
    f"## Your result appears here\n\nChoose a test image and 1 to {MAX_REFERENCES} references, or take an example, "
    "and press **Compare**. Two or more references alone show how alike they are. Several test images, compared one "
    "after the other with the same references, are ranked in a list."
)
EXAMPLES_HINT = "An example fills the two inputs; Compare does the rest."
EXAMPLES_LABEL = "<span>No pictures at hand? Try an example:</span>"
POSITIONS: dict[Position, str] = {"fits": "Fits", "edge": "At the edge", "apart": "Lies apart"}
LINE = '<p role="status"></p>'  # page.js writes into it, and it is read out when it changes
FORMER = "<details hidden><summary>Against the former references</summary><div></div></details>"  # page.js fills it
NOT_SAVED = (
    "The file could not be made: the server no longer has these pictures, or what it measured of them. "
    "Choose the pictures again and press Compare; nothing was saved."
)

REMARKS = {  # what `Outcome.remarks` says of a picture, beside that picture
    "transparent": "Transparent: compared with the colours that lie hidden beneath.",
    "wide-gamut": "Wide-gamut colours: compared as if they were sRGB, a little duller than you see them.",
    "squashed": "Very wide or tall: squashed to a square.",
    "tiny": "Very small: enlarged, so there is little to go by.",
}
OWN_SET = "Go by this line rather than by {}: it is measured on your own references."
COUNTS_OVER_LABEL = "Go by these counts rather than by the label: its scale is the same for any number of references."
POINTS = {True: "points to the same style", False: "points to another style", None: "points neither way"}
CLEARLY = 2  # times as many pictures of one kind reach a score as of the other, where it points to that kind
TOO_FEW_STYLES = "too few styles to tell"
CITATION = (
    "Gao et al., MegaStyle: Constructing Diverse and Scalable Style Dataset via Consistent Text-to-Image Style "
    "Mapping, arXiv 2604.08364, 2026."
)
BANDS_FROM = (
    "The labels' bands are a heuristic of this page's owner and no part of the model; the raw cosine is the source of "
    f"truth. The {FAR_MARGIN:.2f} by which a picture lies apart is two bands' width, a rule of thumb as well."
)

# ---------------------------------------------------------------------------------------------------------- small words

NAME_LENGTH = 36  # characters of a file name on the page; the whole name is its title
SHARED_KEPT = 2  # characters of a common beginning that stay before the first difference
HEAD_KEPT = 8  # characters of a common beginning that stay where it is cut, so that the file can still be recognised
LONGEST_EXTENSION = 5  # characters after the dot; what is longer is part of the name
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def short(name: str, length: int = NAME_LENGTH) -> str:
    """A name of at most `length` characters: the middle goes, the end with the extension stays."""
    if len(name) <= length:
        return name
    tail = length // 2
    return f"{name[: length - tail - 1]}…{name[-tail:]}"


def short_all(names: Sequence[str], length: int = NAME_LENGTH) -> list[str]:
    """Names of at most `length` characters each; different names stay different where that can be had.

    Where cutting the middle makes some of them equal, their common beginning is cut instead.

    >>> short_all(["a" * 60 + "-04" + "z" * 60 + ".png", "a" * 60 + "-08" + "z" * 60 + ".png"], 20)
    ['aaaaaaaa…-04zz…z.png', 'aaaaaaaa…-08zz…z.png']
    """
    alike: dict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[short(name, length)].add(name)

    def apart(name: str) -> str:
        clashing = sorted(alike[short(name, length)])
        if len(clashing) == 1:
            return short(name, length)
        shared = len(commonprefix(clashing))  # noqa: RUF071 - characters are meant
        rest = name[max(shared - SHARED_KEPT, HEAD_KEPT) :]
        return f"{name[:HEAD_KEPT]}…{short(rest, length - HEAD_KEPT - 1)}"

    return [apart(name) for name in names]


def sendable(name: str) -> str:
    """A name that UTF-8 can carry: half a surrogate pair, which only JSON can hold, becomes a question mark."""
    return name.encode(errors="replace").decode()


def split_extension(name: str) -> tuple[str, str]:
    """A name before and from its extension on, which no line may break; without one the second part is empty.

    >>> split_extension("boat.v2.jpg"), split_extension("boat")
    (('boat.v2', '.jpg'), ('boat', ''))
    """
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem and 0 < len(extension) <= LONGEST_EXTENSION else (name, "")


def name_markup(name: str) -> Markup:
    """A file name as HTML: text only, shortened, the whole name at hand, its writing direction kept to itself."""
    text = Markup('<bdi class="name" title="{}">{}<span class="extension">{}</span></bdi>')
    return text.format(name, *split_extension(short(name)))


def in_words(number: int) -> str:
    """A small number in words."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def counted(number: int, noun: str) -> str:
    """`1 reference`, `8 references`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def of_thousand(share: float, smallest: float) -> str:
    """A share of pictures as a count of 1,000, or as what a set can tell that tells no share below `smallest`.

    >>> of_thousand(0.121, 0.001), of_thousand(0.002, 1 / 120), of_thousand(1.0, 0.001)
    ('121', 'fewer than 9', 'nearly all')
    """
    if smallest > 0.5:  # a share that is neither rare nor common
        return TOO_FEW_STYLES
    if share < smallest:
        return f"fewer than {math.ceil(1000 * smallest - 1e-6)}"
    return "nearly all" if share > 1 - smallest else str(round(1000 * share))


# ---------------------------------------------------------------------------------------------------- whether it fits


def core_in_words(comparison: Comparison) -> str:
    """The references that the test image is measured by: `the five`, or `the other seven` without the odd one out."""
    other = "other " if comparison.odd_one_out is not None else ""
    return f"the {other}{in_words(len(comparison.core))}"


def without_odd(comparison: Comparison) -> str:
    """`, without reference 3`, where all but the headline leaves that one out; else nothing."""
    return "" if comparison.odd_one_out is None else f", without reference {comparison.odd_one_out + 1}"


def distance(comparison: Comparison) -> str:
    """How close the test image is to the core, against how close that is to itself, with both numbers."""
    gap, core = comparison.gap or 0.0, core_in_words(comparison)
    how = f"as close to {core} as they are to"
    if gap:
        how = f"{shown(abs(gap))} " + (
            f"closer to {core} than they are to" if gap > 0 else f"further from {core} than they are from"
        )
    numbers = f"{shown(comparison.core_mean)} against {shown(comparison.agreement.mean if comparison.agreement else 1)}"
    return f"{how} one another ({numbers}{without_odd(comparison)})"


def typical(comparison: Comparison) -> str:
    """Why a test image fits though it is further from the core than that is from itself: a reference is as well."""
    least, own = shown(min(comparison.typicality)), shown(comparison.core_mean)
    number = comparison.core[comparison.typicality.index(min(comparison.typicality))] + 1
    how = "lies as far out" if least == own else "lies further out"
    means = f"its mean to the other pictures is {least}, the test image's {own}"
    return f"reference {number} {how}; {means}{without_odd(comparison)}"


def loose(comparison: Comparison) -> str:
    """What a set is worth that hardly shares a style."""
    mean = shown(comparison.agreement.mean if comparison.agreement else 1)
    so = f"below {LOOSE_BELOW:.2f} they hardly share a style"
    return f"your references are at {mean} to one another{without_odd(comparison)}; {so}"


def fit(comparison: Comparison) -> tuple[str, str]:
    """How the test image stands to the set, as a lead in a word or two and the rest of the sentence.

    A loose set leads, whatever the position. For fewer than three references it says only what can be said.
    """
    gap, later = comparison.gap, "With three references or more the page says whether the picture fits them"
    if gap is None:
        return "One reference", f"too little to say what style is meant. {later}"
    if comparison.is_loose:
        how = (
            f"{shown(abs(gap))} {'closer to' if gap > 0 else 'further from'} them than that" if gap else "just as close"
        )
        end = (
            " and lies apart even from them"
            if comparison.position == "apart"
            else "; against so mixed a set that says little"
        )
        return "Loose set", f"{loose(comparison)}. The picture is {how}{end}"
    if comparison.position is None:
        return "Two references", f"the picture is {distance(comparison)}. {later}"
    end = ""
    if comparison.position == "edge":
        pictures = in_words(len(comparison.core) + 1)
        end = f": the least typical of these {pictures}. It may belong or not, whatever the label: look at it"
    elif comparison.position == "fits" and gap < 0:
        return POSITIONS["fits"], typical(comparison)
    return POSITIONS[comparison.position], distance(comparison) + end


def contradicts(comparison: Comparison) -> bool:
    """Whether label and position seem to disagree: a low label for a picture that fits, a high one for one apart."""
    if comparison.position in (None, "edge") or comparison.is_loose:
        return False
    return (comparison.band.floor < LOOSE_BELOW) is not (comparison.position == "apart")


def fit_in_short(comparison: Comparison) -> str:
    """Position and gap for a table; a loose set and two references have the gap alone, one reference nothing."""
    gap = "" if comparison.gap is None else f"{comparison.gap:+.3f}"
    is_said = comparison.position and not comparison.is_loose
    return f"{POSITIONS[comparison.position].lower()}, {gap}" if comparison.position and is_said else gap


# ---------------------------------------------------------------------------------------------------------- calibration


def tail(share: float, smallest: float, kind: str, how: str) -> str:
    """`4 in 1,000 of the same style score 0.671 or lower`."""
    count = of_thousand(share, smallest)
    if count == TOO_FEW_STYLES:
        return f"{count} how many of {kind} style score {how}"
    many = count if count == "nearly all" else f"{count} in 1,000"
    return f"{many} of {kind} style {'scores' if count == '1' else 'score'} {how}"


def points_to_same(standing: Standing) -> bool | None:
    """Whether a score is more usual for the same style, by how many reach it from above and from below; None: neither.

    A share that the set cannot tell counts as the smallest that it can.
    """
    same = max(standing.same_at_or_below, standing.same_smallest)
    different = max(standing.different_at_or_above, standing.different_smallest)
    return None if max(same, different) < CLEARLY * min(same, different) else same > different


def frequencies(outcome: Outcome) -> str:
    """How few of the same style score so low, and of another so high, and what it says; none without a calibration."""
    if outcome.calibration is None or not outcome.comparison.has_test:
        return ""
    if (standing := outcome.standing) is None:
        measured = counted(len(outcome.comparison.core), "reference")
        return f"The calibration set is too small to say how common such a score is for {measured}."
    mean = shown(outcome.comparison.core_mean)
    same = tail(standing.same_at_or_below, standing.same_smallest, "the same", f"{mean} or lower")
    different = tail(standing.different_at_or_above, standing.different_smallest, "another", f"{mean} or higher")
    return f"Among pictures of known styles {mean} {POINTS[points_to_same(standing)]}: {same}; {different}."


def explanations(outcome: Outcome) -> tuple[str, str]:
    """What reconciles lines that seem to deny each other: an end of the line on the fit, or of that on the counts."""
    comparison, standing = outcome.comparison, outcome.standing
    points = points_to_same(standing) if standing else None
    if comparison.is_loose:
        return "", ""
    if comparison.position is None:
        is_denied = points is not None and points is not (comparison.band.floor >= LOOSE_BELOW)
        return "", f" {COUNTS_OVER_LABEL}" if is_denied else ""
    are_denied = {"fits": points is False, "edge": False, "apart": points is True}[comparison.position]
    others = ["the label"] * contradicts(comparison) + ["the counts"] * are_denied
    return f" {OWN_SET.format(listed(others))}" if others else "", ""


def known_rows(calibration: Calibration, n: int) -> list[list[tuple[str, str, str]]]:
    """Two groups of rows: each label, then each position, with the counts of the same and of another style.

    Counted are mean cosines to `n` references, of 1,000 each; empty where the set has nothing for so many.
    """
    if (standing := calibration.standing(0, n)) is None:
        return []
    groups = [[(f"{band.emoji} {band.label}", same, different) for band, same, different in calibration.band_shares(n)]]
    if positions := calibration.rows[n].positions:
        same, different = positions["same"], positions["different"]
        groups.append([(words, same[key], different[key]) for key, words in POSITIONS.items()])
    return [
        [
            (words, of_thousand(same, standing.same_smallest), of_thousand(different, standing.different_smallest))
            for words, same, different in group
        ]
        for group in groups
    ]


def calibration_in_words(calibration: Calibration) -> str:
    """What was counted, in one line."""
    return (
        f"{calibration.name}: {calibration.pictures:,} pictures of {calibration.styles:,} known styles, measured "
        f"{calibration.made[:10]}, SHA-256 of the file {calibration.sha256}."
    )


# -------------------------------------------------------------------------------------------------------------- verdict


def verdict(outcome: Outcome) -> str:
    """The result in Markdown, its band's emoji first; no inline HTML, no percentage, no file names."""
    comparison = outcome.comparison
    count = len(comparison.reference_names)
    if comparison.has_test:
        head = f"{comparison.band.emoji} {comparison.band.label}"
        headline = f"Mean cosine **{shown(comparison.mean_cosine)}** to {counted(count, 'reference')}."
        if (odd := comparison.odd_one_out) is not None:
            core = band_of(comparison.core_mean)
            other = "" if core is comparison.band else f", a {core.label.lower()}"
            headline += f" Without reference {odd + 1}, which agrees least with the others, "
            headline += f"it is {shown(comparison.core_mean)}{other}."
        lead, rest = fit(comparison)
        of_fit, of_counts = explanations(outcome)
        parts = [headline, f"**{lead}:** {rest}.{of_fit}", f"{frequencies(outcome)}{of_counts}"]
    else:
        mean = shown(comparison.agreement.mean if comparison.agreement else 1)
        how = f"On average, {core_in_words(comparison)} are at **{mean}** to one another{without_odd(comparison)}."
        head, parts = f"🔗 How alike {count} references are", [how]
        if comparison.is_loose:
            parts = [f"⚠️ **Loose set:** {loose(comparison)}."]
        parts.append("Add a test image and compare again to see how close it is to them.")
    return "\n\n".join(part for part in (f"## {head}", *parts) if part)


def plain(markdown: str) -> str:
    """Markdown of this module without its marks, for a text that is read as it is."""
    return markdown.replace("**", "").replace("## ", "")


# ---------------------------------------------------------------------------------------------------------------- notes


def same_content_sentence(comparison: Comparison, group: Sequence[int]) -> Markup:
    """Which files are one and the same, and what that does to the numbers; HTML."""
    has_test = comparison.has_test and 0 in group
    marks = [
        "the test image" if has_test and index == 0 else f"reference {index + 1 - comparison.offset}" for index in group
    ]
    effect = "raises the mean" if has_test else "makes your references look more alike than they are"
    return Markup("<b>Same file twice:</b> {} hold the same picture, which {}.").format(listed(marks), effect)


def odd_sentence(comparison: Comparison, odd: int) -> Markup:
    """Which reference is the odd one out, by how much, and which numbers leave it out; HTML."""
    text = Markup("<b>Agrees least:</b> reference {}, {}, is at {} to {}, which are at {} to one another.")
    own, others = comparison.leave_one_out[odd], comparison.agreement.mean if comparison.agreement else 1
    name = name_markup(comparison.reference_names[odd])
    end = " The label and the mean cosine at the top count it, nothing else does." if comparison.has_test else ""
    sentence = text.format(odd + 1, name, shown(own), core_in_words(comparison), shown(others)) + end
    return sentence + " Keep it if you know that it belongs; else compare without it."


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


def remarks_of(outcome: Outcome, index: int) -> list[str]:
    """What stands beside the picture with this index in `comparison.names`."""
    return [REMARKS[key] for key in outcome.remarks[index]] if outcome.remarks else []


# ------------------------------------------------------------------------------------------------- beside a comparison


def too_few(tests: int, references: int) -> str:
    """What to do where there are too few pictures to compare; empty where there are enough."""
    if references > 1 or (tests and references):
        return ""
    if tests:
        return "No reference yet. Add at least one picture to compare the test image with."
    if references:
        return "One picture alone cannot be compared. Choose a test image, or add a second reference."
    return f"Choose a test image and 1 to {MAX_REFERENCES} references, or try an example."


def larger_jobs(space: str, quota: tuple[int, int] | None) -> str:
    """What to do with many pictures, and how many new ones a day's free GPU time is enough for; Markdown.

    `quota` is that number without an account and with a free one; None where nobody is asked for a GPU.
    """
    folders = f"Many pictures? `python -m megastyle.score` scores [whole folders]({space}/blob/main/README.md) for you."
    if quota is None:
        return folders
    without, free = quota
    return (
        f"{folders} On this page a day's free GPU time is enough for about {without} new test images without an "
        f"account, {free} with a free one; pictures that were compared before cost none."
    )


def not_all_measured(known: int, pictures: int) -> str:
    """Said in a result's place, after a reload, while not all of its pictures are measured; Markdown."""
    return (
        f"## {known} of {pictures} pictures are measured\n\nYour pictures are still here. "
        "Press **Compare** for the result; what was measured is not measured again."
    )


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


def warning(provenance: Provenance) -> str:
    """What a reader must not overlook; empty for the published encoder."""
    return "" if provenance.is_official else f"{NOT_MEGASTYLE}: the encoder is not the published one."


def not_megastyle(checkpoint: str) -> str:
    """Said on a page whose encoder is not the published one, in Markdown."""
    return (
        f"⚠️ **{NOT_MEGASTYLE}.** This page runs on an encoder of its own, "
        f"a local file (`{checkpoint}`), not on the published one."
    )


def band_spans() -> list[tuple[str, Band]]:
    """Each band with the cosines that it takes, in words, best first."""
    spans = [f"{BANDS[0].floor:.2f} and above"]
    spans += [f"{band.floor:.2f} to {above.floor:.2f}" for above, band in pairwise(BANDS[:-1])]
    spans.append(f"below {BANDS[-2].floor:.2f}")
    return list(zip(spans, BANDS, strict=True))


def facts(provenance: Provenance, calibration: Calibration | None) -> list[tuple[str, str]]:
    """How a score was measured, for the appendix of a paper: titles and texts, in the order in which they are read."""
    encoder = provenance.encoder
    commit = f" (commit {encoder['revision']})" if encoder["revision"] else ""
    caution = "" if provenance.is_official else f" {NOT_MEGASTYLE}."
    page = f"; this page's commit {provenance.page}" if provenance.page else ""
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    weights = f"weights {encoder['checkpoint']}{commit}, SHA-256 {encoder['sha256']}"
    none = "None: this encoder is not calibrated, so the labels are rules of thumb."
    return [
        ("Encoder", f"{weights}; built as {encoder['backbone']}.{caution}"),
        ("Method", provenance.method),
        ("Versions", f"{versions}{page}."),
        ("Calibration", calibration_in_words(calibration) if calibration else none),
        ("Labels", BANDS_FROM),
        ("Cite", CITATION),
    ]
