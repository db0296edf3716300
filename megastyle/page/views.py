"""What the page and the files say of a comparison: `Comparison` in, text out. No view computes a score; all need neither torch nor gradio."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import PurePath
from typing import Any, NamedTuple

from megastyle.comparison import BANDS, FAR_MARGIN, MAX_REFERENCES, MODERATE, Band, Comparison, band_of, shown

NAME_LENGTH = 40  # characters of a file name on the page; the whole name is its title
RULER_START, RULER_END = 0.30, 1.0  # cosines at the ruler's edges; lower ones are pinned to the left edge with an arrow
JSON_DECIMALS = 8  # a float32 has about seven significant digits
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would run such a cell (OWASP, CSV injection)
LIGHT_INK, DARK_INK = (255, 255, 255), (0, 0, 0)  # on the heatmap; a softer black falls below 4.5:1 on the middle of the scale
HEAT = ((0.0, (247, 244, 238)), (0.5, (158, 185, 205)), (1.0, (18, 52, 92)))  # cosine -> sRGB: light to dark, so hue is not needed to read it


class Thumbnail(NamedTuple):
    """One picture in two sizes, as data URIs."""

    large: str
    small: str


# ------------------------------------------------------------------------------------------------------------------ words


def short(name: str) -> str:
    """A name of at most NAME_LENGTH characters: the middle goes, the extension stays."""
    if len(name) <= NAME_LENGTH:
        return name
    tail = NAME_LENGTH // 3
    return f"{name[: NAME_LENGTH - tail - 1]}…{name[-tail:]}"


def named(name: str) -> str:
    """A file name as HTML: text only, shortened, the whole name at hand, its writing direction kept to itself."""
    return f'<bdi class="name" title="{escape(name)}">{escape(short(name))}</bdi>'


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def counted(number: int, noun: str) -> str:
    """`1 reference`, `8 references`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def agreement_sentence(comparison: Comparison) -> str:
    """How well the references agree with each other, and where the test image lies; Markdown without file names."""
    agreement = comparison.agreement
    if agreement is None:
        return "One reference: a comparison of a pair. With three or more, their own agreement shows what this number is worth."
    if not comparison.has_range:
        return f"Your two references agree with each other at **{shown(agreement.mean)}**."
    sentence = f"Your references agree with each other at **{shown(agreement.mean)}** ({shown(agreement.min)} to {shown(agreement.max)})"
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
        return f"⚠️ **A loose set because of one reference.** Without the odd one out the others agree at {shown(comparison.agreement_without(odd))}."
    verdict = "so a mean over them says little" if comparison.has_test else "so a mean over them would say little"
    return f"⚠️ **A loose set.** Below {MODERATE.floor:.2f} the references hardly share a style, {verdict}."


def verdict(comparison: Comparison) -> str:
    """The result in Markdown, its band's emoji first; no inline HTML, no percentage, no file names."""
    count = len(comparison.reference_names)
    if comparison.has_test:
        head = (
            f"## {comparison.band.emoji} {comparison.band.label}\n\nMean cosine **{shown(comparison.mean_cosine)}** to {counted(count, 'reference')}"
        )
    else:
        head = f"## 🔗 How {count} references agree\n\nNo test image: add one and compare again to see how close it is to this set"
    return "\n\n".join(part for part in (f"{head}.", loose_sentence(comparison), agreement_sentence(comparison)) if part)


def same_content_sentence(comparison: Comparison, group: Sequence[int]) -> str:
    """Which files are one and the same, and what that does to the numbers; HTML."""
    names = listed([f"{named(comparison.names[index])}{' (test image)' if comparison.has_test and index == 0 else ''}" for index in group])
    effect = "the mean" if 0 in group and comparison.has_test else "the references' agreement"
    return f"<b>Same file twice:</b> {names} hold the same picture, which inflates {effect}."


def odd_sentence(comparison: Comparison, odd: int) -> str:
    """Which reference is the odd one out, and what the headline would be without it; HTML."""
    sentence = f"<b>Odd one out:</b> {named(comparison.reference_names[odd])} is far from the other references"
    if not comparison.has_test:
        return f"{sentence}."
    return f"{sentence}; without it the mean would be {shown(comparison.means_without[odd])} instead of {shown(comparison.mean_cosine)}."


def ignored_sentence(ignored: Sequence[str]) -> str:
    """Which references were left out; HTML."""
    return f"<b>Left out:</b> at most {MAX_REFERENCES} references are compared; not used: {listed([named(name) for name in ignored])}."


def notes(comparison: Comparison) -> str:
    """What a reader must know before trusting the number, as an HTML list; nothing if there is nothing."""
    sentences = [same_content_sentence(comparison, group) for group in comparison.same_content]
    if comparison.odd_one_out is not None:
        sentences.append(odd_sentence(comparison, comparison.odd_one_out))
    if comparison.ignored:
        sentences.append(ignored_sentence(comparison.ignored))
    return f'<ul class="notes">{"".join(f"<li>{sentence}</li>" for sentence in sentences)}</ul>' if sentences else ""


# ------------------------------------------------------------------------------------------------------------------ ruler


def ruler_position(cosine: float) -> float:
    """Where a cosine stands on the ruler, in hundredths of its width, clamped to its edges."""
    return 100 * min(max((cosine - RULER_START) / (RULER_END - RULER_START), 0), 1)


def anchor(position: float) -> str:
    """The text-anchor that keeps a label at `position` inside the ruler."""
    return "start" if position < 15 else "end" if position > 85 else "middle"


def at(cosine: float, text: str, y: int, kind: str) -> str:
    """A label at a cosine; an arrow says that the cosine lies beyond the ruler's left edge."""
    position = ruler_position(cosine)
    arrow = "◂ " if cosine < RULER_START else ""
    return f'<text class="{kind}" x="{position:.2f}%" y="{y}" text-anchor="{anchor(position)}">{arrow}{text}</text>'


def ruler_bands() -> list[str]:
    """The five bands from left to right, with their labels and the cosines between them."""
    parts = []
    for number, band in enumerate(reversed(BANDS)):
        end = BANDS[len(BANDS) - 2 - number].floor if number < len(BANDS) - 1 else RULER_END
        left, right = ruler_position(band.floor), ruler_position(end)
        parts.append(f'<rect class="band band-{number}" x="{left:.2f}%" y="40" width="{right - left:.2f}%" height="20"/>')
        parts.append(f'<text class="band-label" x="{(left + right) / 2:.2f}%" y="76" text-anchor="middle">{band.label.split()[0]}</text>')
        floor = max(band.floor, RULER_START)
        parts.append(f'<text class="tick" x="{left:.2f}%" y="91" text-anchor="{"middle" if number else "start"}">{floor:.2f}</text>')
    return [*parts, f'<text class="tick" x="100%" y="91" text-anchor="end">{RULER_END:.2f}</text>']


def ruler_marks(comparison: Comparison) -> list[str]:
    """A line for each reference's cosine, a triangle and the number for their mean; nothing without a test image."""
    if not comparison.has_test:
        return []
    marks = [
        f'<line class="mark" x1="{ruler_position(cosine):.2f}%" x2="{ruler_position(cosine):.2f}%" y1="36" y2="64"/>' for cosine in comparison.cosines
    ]
    if comparison.cosines.min() < RULER_START:
        marks.append('<text class="beyond" x="-2" y="54" text-anchor="end">◂</text>')
    mean = comparison.mean_cosine
    triangle = f'<svg x="{ruler_position(mean):.2f}%" y="24" overflow="visible"><path class="mean" d="M-7,0 L7,0 L0,12 Z"/></svg>'
    return [*marks, triangle, at(mean, f"mean {shown(mean)}", 17, "mean-label")]


def ruler_bracket(comparison: Comparison) -> list[str]:
    """A bracket from the lowest to the highest leave-one-out mean, a dot at their mean; nothing for one reference."""
    agreement = comparison.agreement
    if agreement is None:
        return []
    low, high, middle = (ruler_position(value) for value in (agreement.min, agreement.max, agreement.mean))
    lines = [(low, high, 106, 106), (low, low, 100, 112), (high, high, 100, 112)] if comparison.has_range else []
    bracket = [f'<line class="bracket" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y1}" y2="{y2}"/>' for x1, x2, y1, y2 in lines]
    dot = f'<circle class="bracket-dot" cx="{middle:.2f}%" cy="106" r="4"/>'
    return [*bracket, dot, at(agreement.mean, f"references to each other {shown(agreement.mean)}", 130, "bracket-label")]


def ruler_words(comparison: Comparison) -> str:
    """The ruler for those who cannot see it."""
    words = [f"Scale of cosines with {len(BANDS)} bands."]
    if comparison.has_test:
        marks = listed([shown(comparison.cosines[index]) for index in comparison.ranking])
        words.append(f"Mean {shown(comparison.mean_cosine)}, {comparison.band.label.lower()}. References at {marks}.")
    if agreement := comparison.agreement:
        spread = f", from {shown(agreement.min)} to {shown(agreement.max)}" if comparison.has_range else ""
        words.append(f"The references agree with each other at {shown(agreement.mean)}{spread}.")
    return " ".join(words)


def ruler(comparison: Comparison) -> str:
    """The scale of the bands with the references' cosines, their mean and their own agreement, as inline SVG.

    Only horizontal measures are relative, so that its letters keep their size on a phone.
    """
    height = 138 if comparison.agreement else 96
    parts = "".join([*ruler_bands(), *ruler_marks(comparison), *ruler_bracket(comparison)])
    svg = f'<svg class="ruler" width="100%" height="{height}" role="img" aria-label="{escape(ruler_words(comparison))}">{parts}</svg>'
    return svg + ruler_key(comparison)


def ruler_key(comparison: Comparison) -> str:
    """What the ruler's signs mean, for those who see it; only the signs that it has."""
    signs = ["| one reference", "▼ their mean"] if comparison.has_test else []
    signs += ["● the references to each other"] if comparison.agreement else []
    values = [*comparison.cosines, *(comparison.agreement or ())]
    signs += [f"◂ below {RULER_START:.2f}"] if min(values) < RULER_START else []
    return f'<p class="key" aria-hidden="true">{" · ".join(signs)}</p>'


# --------------------------------------------------------------------------------------------------- table, grid and matrix


def picture(source: str, name: str) -> str:
    """A small picture; the name beside it is its text, so the picture itself is silent."""
    return f'<img src="{source}" alt="" aria-hidden="true" title="{escape(name)}">'


def badge(band: Band) -> str:
    """A band's emoji and label."""
    word, rest = band.label.split(maxsplit=1)
    return f'<span class="badge"><span aria-hidden="true">{band.emoji}</span> {word}<span class="rest"> {rest}</span></span>'


def table_row(comparison: Comparison, rank: int, index: int, source: str) -> str:
    """One reference: rank, picture, name, cosine, label, and the mean without it."""
    cosine = comparison.cosines[index]
    odd = ' <span class="odd">odd one out</span>' if index == comparison.odd_one_out else ""
    without = f'<td class="number">{shown(comparison.means_without[index])}</td>' if comparison.means_without else ""
    name = comparison.reference_names[index]
    return (
        f'<tr><td class="number">{rank}</td><td>{picture(source, name)}</td><th scope="row">{named(name)}{odd}</th>'
        f'<td class="number">{shown(cosine)}</td><td>{badge(band_of(cosine))}</td>{without}</tr>'
    )


def table(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> str:
    """The references, best first, as an HTML table; nothing without a test image. `thumbnails` are in the order of `names`."""
    if not comparison.has_test:
        return ""
    rows = [table_row(comparison, rank, index, thumbnails[index + comparison.offset].small) for rank, index in enumerate(comparison.ranking, start=1)]
    heads = ["Rank", "Picture", "Reference", "Cosine", "Label", *(["Mean without it"] if comparison.means_without else [])]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    return f'<div class="scroll" role="region" aria-label="Each reference" tabindex="0"><table class="references"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def grid_cell(comparison: Comparison, rank: int, index: int, source: str) -> str:
    """One reference as a picture with its rank, cosine and band; without a test image its mean cosine to the others."""
    name = comparison.reference_names[index]
    cosine = comparison.cosines[index] if comparison.has_test else comparison.leave_one_out[index]
    band = band_of(cosine)
    caption = f'<b>{rank}. {shown(cosine)}</b></span><span><span aria-hidden="true">{band.emoji}</span> {band.label.split()[0]}'
    image = f'<img src="{source}" alt="{escape(name)}">'
    return f'<li><figure><span class="frame">{image}</span><figcaption><span>{caption}</span>{named(name)}</figcaption></figure></li>'


def grid(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> str:
    """The references as pictures, best first. `thumbnails` are in the order of `names`."""
    cells = [
        grid_cell(comparison, rank, index, thumbnails[index + comparison.offset].large) for rank, index in enumerate(comparison.ranking, start=1)
    ]
    return f'<ol class="grid">{"".join(cells)}</ol>'


def heat_colour(cosine: float) -> tuple[int, int, int]:
    """The heatmap's sRGB colour of a cosine: linear between the stops of HEAT, fixed, so that two results compare; below 0 as 0."""
    value = min(max(cosine, HEAT[0][0]), HEAT[-1][0])
    (low, start), (high, end) = next(pair for pair in pairwise(HEAT) if value <= pair[1][0])
    share = (value - low) / (high - low)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2)."""
    linear = [(part / 255) / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Contrast ratio of two sRGB colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """The text colour that reads better on a colour."""
    return max(LIGHT_INK, DARK_INK, key=lambda ink: contrast(ink, colour))


def css(colour: tuple[int, int, int]) -> str:
    """An sRGB colour for a stylesheet."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def matrix_cell(cosine: float, *, diagonal: bool) -> str:
    """A cosine on its colour; the diagonal is a picture with itself."""
    colour = heat_colour(cosine)
    note = ' class="self" title="A picture with itself"' if diagonal else ""
    return f'<td{note} style="background:{css(colour)};color:{css(ink_on(colour))}">{shown(cosine)}</td>'


def matrix_heading(comparison: Comparison, index: int, source: str, scope: str) -> str:
    """A picture at the matrix's edge: T for the test image, the upload number for a reference."""
    mark = "T" if comparison.has_test and index == 0 else str(index + 1 - comparison.offset)
    name = comparison.names[index]
    role = "Test image" if mark == "T" else f"Reference {mark}"
    return f'<th scope="{scope}">{picture(source, name)}<span aria-hidden="true">{mark}</span><span class="unseen">{role}: {escape(short(name))}</span></th>'


def matrix(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> str:
    """Every picture against every other as a heatmap on an HTML table. `thumbnails` are in the order of `names`."""
    indices = range(len(comparison.names))
    head = "".join(matrix_heading(comparison, index, thumbnails[index].small, "col") for index in indices)
    rows = []
    for row in indices:
        cells = "".join(matrix_cell(float(comparison.matrix[row, column]), diagonal=row == column) for column in indices)
        rows.append(f"<tr>{matrix_heading(comparison, row, thumbnails[row].small, 'row')}{cells}</tr>")
    return (
        '<div class="scroll" role="region" aria-label="Every picture against every other" tabindex="0"><table class="matrix">'
        f'<caption class="unseen">Cosine similarity of every picture to every other</caption>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{matrix_key(comparison)}"
    )


def matrix_key(comparison: Comparison) -> str:
    """Which picture is which, and what the colours mean."""
    first = "T is the test image, the numbers" if comparison.has_test else "The numbers"
    stops = "".join(
        f'<span style="background:{css(heat_colour(step / 4))};color:{css(ink_on(heat_colour(step / 4)))}">{"≤ " * (not step)}{step / 4:.2f}</span>'
        for step in range(5)
    )
    return f'<p class="key"><span class="scale" aria-hidden="true">{stops}</span> {first} are the references in upload order; the diagonal is a picture with itself and in no mean.</p>'


# ------------------------------------------------------------------------------------------------------------------ files


def precise(value: float) -> float:
    """A number for the files."""
    return round(float(value), JSON_DECIMALS)


def reference_report(comparison: Comparison, index: int) -> dict[str, Any]:
    """One reference of the JSON report; what cannot be had for so few pictures is null."""
    scored = comparison.has_test
    return {
        "name": comparison.reference_names[index],
        "sha256": comparison.digests[index + comparison.offset],
        "cosine": precise(comparison.cosines[index]) if scored else None,
        "label": band_of(comparison.cosines[index]).label if scored else None,
        "rank": comparison.ranking.index(index) + 1,
        "mean_without": precise(comparison.means_without[index]) if comparison.means_without else None,
        "leave_one_out": precise(comparison.leave_one_out[index]) if comparison.leave_one_out else None,
    }


def json_report(comparison: Comparison, encoder: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """The whole result as JSON, for people and programs; `encoder` and `versions` are added as they are."""
    scored, agreement = comparison.has_test, comparison.agreement
    report = {
        "mean_cosine": precise(comparison.mean_cosine) if scored else None,
        "label": comparison.band.label if scored else None,
        "test": {"name": comparison.names[0], "sha256": comparison.digests[0]} if scored else None,
        "references": [reference_report(comparison, index) for index in range(len(comparison.reference_names))],
        "reference_agreement": {key: precise(value) for key, value in agreement._asdict().items()} if agreement else None,
        "ignored": list(comparison.ignored),
        "names": list(comparison.names),
        "matrix": [[precise(cosine) for cosine in row] for row in comparison.matrix],
        "encoder": dict(encoder),
        "versions": dict(versions),
    }
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and that every CSV reader can read: some end at NUL."""
    name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{name}" if name.startswith(FORMULA_STARTS) else name


def csv_matrix(comparison: Comparison) -> str:
    """The matrix as CSV (RFC 4180), names in the first row and column, in the matrix's order."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["", *map(inert, comparison.names)])
    writer.writerows(
        [inert(name), *(f"{precise(cosine):.{JSON_DECIMALS}f}" for cosine in row)]
        for name, row in zip(comparison.names, comparison.matrix, strict=True)
    )
    return text.getvalue()


# ------------------------------------------------------------------------------------------------------------------- page


def band_rows() -> list[str]:
    """The bands as rows of a Markdown table, best first."""
    spans = [f"{BANDS[0].floor:.2f} and above"]
    spans += [f"{band.floor:.2f} to {above.floor:.2f}" for above, band in pairwise(BANDS[:-1])]
    spans.append(f"below {BANDS[-2].floor:.2f}")
    return [f"| {span} | {band.emoji} {band.label} |" for span, band in zip(spans, BANDS, strict=True)]


WAITING = f"## Your result appears here\n\nChoose a test image and 1 to {MAX_REFERENCES} references, or take an example, and press **Compare**. Two or more references alone show how well they agree."
EXAMPLES_HINT = "An example fills the two inputs; Compare does the rest."
EXAMPLES_LABEL = "<span>No pictures at hand? Try an example:</span>"
STALE = '<p role="status"><b>This is the old result.</b> The pictures have changed since; press Compare for a new one.</p>'
MARK_STALE = f"""(test, references, overview) => {{
    const made = /data-made-from="([^"]*)"/.exec(overview ?? "")?.[1];
    const chosen = [test, ...(references ?? []).map(item => item.image ?? item.video)].filter(Boolean).map(file => file.path);
    return made && made !== chosen.map(path => path.split("/").at(-2)).join(" ") ? {json.dumps(STALE)} : "";
}}"""
PATHS_ONLY = """(test, references) => {
    document.querySelectorAll(".toast-close").forEach(button => button.click());  // an error that is answered is over
    const bare = file => file && {...file, url: null};  // for an SVG, Gradio's page writes the whole drawing here; the guard rightly refuses it
    const bareItem = item => ({...item, ...(item.image ? {image: bare(item.image)} : {video: bare(item.video)})});
    return [bare(test), references?.map(bareItem) ?? null];
}"""
CLEAR = f"() => (document.querySelectorAll('.toast-close').forEach(button => button.click()), [null, null, {json.dumps(EXAMPLES_HINT)}, '', {json.dumps(WAITING)}, '', '', null, null])"
OWN_PICTURES = f"() => {json.dumps(EXAMPLES_HINT)}"  # once a visitor changes an example, its hint is over
KEEP_PAGE = """() => {
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, event => event.preventDefault());  // a drop that misses opens no file
}"""
SCROLL_TO_RESULT = """() => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (matchMedia("(max-width: 768px)").matches)
        document.getElementById("result").scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
}"""


def intro() -> str:
    """Title and what the page does."""
    return (
        "# MegaStyle Comparison\n\n"
        f"How close are these pictures in **style**? Give one test image and up to {MAX_REFERENCES} references; read one number, and what it is worth."
    )


def not_megastyle(checkpoint: str) -> str:
    """Said on a page whose encoder is not the published one."""
    return f"⚠️ **These are not MegaStyle scores.** This page runs on an encoder of its own, a local file (`{checkpoint}`), not on the published one."


def meaning() -> str:
    """How to read the number; Markdown."""
    bands = "\n".join(["| Cosine | Label |", "|---|---|", *band_rows()])
    return f"""## What the number means

The score is a **cosine similarity** between style embeddings by MegaStyle-Encoder, from -1 to 1. **Higher is closer**; a picture has 1.000 with
itself. The headline is the plain mean of the test image's cosines to the references.

**A raw cosine has no absolute meaning.** What counts is how it compares with the cosines *inside* your set. So read the headline against the
line below it: how well your references agree with each other. For each reference that is its mean cosine to the others (leave-one-out); the mean and the range
of these are shown. A test image inside the range is as close to the set as its own members are.

The labels are **rules of thumb**, not part of the model; the cosine is the source of truth.

{bands}

**Mean without it** is the mean if that one reference were left out. The **odd one out** is the reference whose removal changes the mean most (without a test
image: the one that agrees least with the others), marked only if its mean cosine to the other references lies at least {FAR_MARGIN:.2f} below theirs among themselves, and they agree at {MODERATE.floor:.2f} or better."""


def limits(formats: str, megabytes: int, megapixels: int, minutes: int) -> str:
    """What the score does not tell, what is read, and what happens to the pictures; Markdown."""
    return f"""## What it does not tell you

- Resemblance in style is **not** authorship, copying, or proof that a picture was in anybody's training data.
- With at most {MAX_REFERENCES} references no probability can honestly be given, and none is.
- Pictures are squashed to a square before they are compared: very wide or tall ones lose their proportions.
- Transparency is ignored, and of an animation only the first frame is read. A photograph's orientation tag is heeded.

**Files:** {formats}; up to {megabytes} MB and {megapixels} megapixels each. Of more than {MAX_REFERENCES} references the first {MAX_REFERENCES} are compared, the others named.

**Your pictures** stay on this server for {minutes} minutes at most after you last used them, are shown to nobody else and are kept in no history. Until the
server restarts it may remember a file's numbers and a thumbnail, which only the same file brings back. Nothing is sent to any other site."""


SOURCES = """## Licences and sources

- **This page:** MIT licence, [code](https://huggingface.co/spaces/olfronar/megastyle-comparison/tree/main).
- **MegaStyle-Encoder:** the [checkpoint](https://huggingface.co/Gaojunyao/MegaStyle)'s model card says MIT; the licence file of the
  [MegaStyle repository](https://github.com/Tencent/MegaStyle) limits its software and dataset to research and education. Read both and decide.
- **Backbone:** [SigLIP so400m](https://huggingface.co/google/siglip-so400m-patch14-384), Apache-2.0.
- **Paper:** Gao et al., [MegaStyle: Constructing Diverse and Scalable Style Dataset via Consistent Text-to-Image Style Mapping](https://arxiv.org/abs/2604.08364),
  arXiv 2604.08364, 2026.
- **Why a raw cosine says little:** [arXiv 2605.09030](https://arxiv.org/abs/2605.09030), shown there for CSD, CLIP, SigLIP and DINOv2; MegaStyle-Encoder was not tested."""


def overview(comparison: Comparison, paths: Sequence[str]) -> str:
    """What is read at a glance below the verdict: the ruler, and what to know before trusting the number; HTML.

    `paths` are those of all chosen files: the folders' names, hashes of their content, tell MARK_STALE what the result was made from.
    """
    made_from = " ".join(PurePath(path).parent.name for path in paths)
    return f'<div data-made-from="{escape(made_from)}">{ruler(comparison)}{notes(comparison)}</div>'


def section(title: str, body: str) -> str:
    """A part of the result under its heading; nothing without a body."""
    return f"<section><h3>{title}</h3>{body}</section>" if body else ""


def details(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> str:
    """Everything behind the verdict: the ranked pictures, the table and the matrix; HTML. `thumbnails` are in the order of `names`."""
    order = "References, closest first" if comparison.has_test else "References, by how well each agrees with the others"
    return (
        section(order, grid(comparison, thumbnails))
        + section("Each reference", table(comparison, thumbnails))
        + section("Every picture against every other", matrix(comparison, thumbnails))
    )
