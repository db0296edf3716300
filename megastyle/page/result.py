"""The page's HTML: what the templates need of an outcome. Every value is escaped, and a missing one is an error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from megastyle.calibration import Calibration
from megastyle.comparison import FAR_MARGIN, LOOSE_BELOW, MAX_REFERENCES, Band, Comparison, band_of, shown
from megastyle.page import words
from megastyle.page.outcome import Outcome, Provenance
from megastyle.page.ruler import ruler
from megastyle.pictures import FORMATS_IN_WORDS, MAX_FILE_BYTES, MAX_PIXELS, Thumbnail

FOLDER = Path(__file__).parent
STYLESHEETS = [FOLDER / "result.css", FOLDER / "page.css"]
SPACE_ID = os.environ.get("SPACE_ID") or "olfronar/megastyle-comparison"  # the platform names a fork's own
SPACE = f"https://huggingface.co/spaces/{SPACE_ID}"
STOPS = (0.0, 0.5, 1.0)  # cosines at which the matrix has these colours (sRGB); in between it is linear
COLOURS = ((247, 244, 238), (158, 185, 205), (18, 52, 92))
WHITE_INK_FROM = 0.743  # cosine from which white is read more easily than black on the matrix's colour (WCAG 2.2)


class Paint(NamedTuple):
    """A cell's colours, for a stylesheet."""

    background: str
    ink: str


def paint(cosine: float) -> Paint:
    """The colours of a cosine's cell in the matrix, by one scale for all results, so that two compare by eye."""
    parts = [round(float(np.interp(cosine, STOPS, channel))) for channel in zip(*COLOURS, strict=True)]
    return Paint("#{:02x}{:02x}{:02x}".format(*parts), "#ffffff" if cosine >= WHITE_INK_FROM else "#000000")


ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(["html"]),  # the Markdown file gets constants only, never a visitor's text
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def in_cell(count: str) -> str:
    """A count of `words.of_thousand` for a narrow column."""
    return count.replace("fewer than", "<")


ENVIRONMENT.filters.update(
    in_cell=in_cell, short=words.short, split_extension=words.split_extension, shown=shown, paint=paint
)


def render(template: str, **values: Any) -> Markup:
    """A template of this folder, filled in. Its text is safe to stand in another template."""
    return Markup(ENVIRONMENT.get_template(template).render(values))  # noqa: S704 - the template escaped the values


def script(**constants: Any) -> str:
    """The page's JavaScript as one function for Gradio to run when the page loads, its constants filled in."""
    return f"() => ({(FOLDER / 'page.js').read_text(encoding='utf-8')})({json.dumps(constants)})"


# --------------------------------------------------------------------------------------------------------------- values


class Picture(NamedTuple):
    """A picture of the comparison: its name, whole and short, its thumbnail, the mark that it has everywhere, remarks.

    The mark is T for the test image and the number in upload order for a reference.
    """

    name: str
    short: str
    thumbnail: Thumbnail
    mark: str
    remarks: list[str]

    @property
    def role(self) -> str:
        """The mark in words."""
        return "Test image" if self.mark == "T" else f"Reference {self.mark}"


class Row(NamedTuple):
    """A reference in the list; `score` is its cosine, or without a test image its mean to the other references."""

    picture: Picture
    score: float
    band: Band
    without: float | None
    to_others: float | None
    marks: list[str]


class Column(NamedTuple):
    """A column of numbers in the list of references."""

    title: str
    value: Callable[[Row], float | None]


COLUMNS = (  # those whose value a row does not have are left out
    Column("Cosine to the test image", lambda row: row.score),
    Column("Headline without it", lambda row: row.without),
    Column("Mean to the other references", lambda row: row.to_others),
)
COLUMNS_ALONE = (COLUMNS[2],)


class Attempt(NamedTuple):
    """A test image in the list of those that were tried; `same` and `different` are None without a calibration."""

    picture: Picture
    file: str
    mean: float
    fit: str
    same: str | None
    different: str | None


def pictures_of(outcome: Outcome) -> list[Picture]:
    """The pictures in the matrix's order: T, then the references from 1 on."""
    comparison = outcome.comparison
    marks = [*("T" * comparison.offset), *(str(number + 1) for number in range(len(comparison.reference_names)))]
    remarks = [words.remarks_of(outcome, index) for index in range(len(marks))]
    parts = zip(comparison.names, words.short_all(comparison.names), outcome.thumbnails, marks, remarks, strict=True)
    return [Picture(*values) for values in parts]


def marks_of(comparison: Comparison, index: int) -> list[str]:
    """What is said beside a reference's name: that it agrees least, and which pictures are the same file."""
    marks = ["agrees least"] if index == comparison.odd_one_out else []
    place = index + comparison.offset
    for group in comparison.same_content:
        if place in group:
            others = [
                ("test image" if other < comparison.offset else str(other + 1 - comparison.offset))
                for other in group
                if other != place
            ]
            marks.append(f"same file as {' and '.join(others)}")
    return marks


def rows_of(comparison: Comparison, pictures: list[Picture]) -> list[Row]:
    """The references, best first; a member of the core has its mean to the core, the odd one out to all others."""
    to_others = dict(enumerate(comparison.leave_one_out)) | dict(
        zip(comparison.core, comparison.core_agreement, strict=False)  # a core of one has none
    )
    return [
        Row(
            pictures[index + comparison.offset],
            comparison.scores[index],
            band_of(comparison.scores[index]),
            comparison.means_without[index] if comparison.means_without else None,
            to_others.get(index),
            marks_of(comparison, index),
        )
        for index in comparison.ranking
    ]


def attempts_of(outcome: Outcome) -> list[Attempt]:
    """All that was tried against the same references, best first."""
    attempts = []
    for one, short in zip(outcome.tried, words.short_all([one.name for one in outcome.tried]), strict=True):
        picture = Picture(one.name, short, one.thumbnails[0], "T", words.remarks_of(one, 0))
        same, different = None, None
        if standing := one.standing:
            same = words.of_thousand(standing.same_at_or_below, standing.same_smallest)
            different = words.of_thousand(standing.different_at_or_above, standing.different_smallest)
        fit = words.fit_in_short(one.comparison)
        attempts.append(Attempt(picture, one.made_from[0], one.comparison.core_mean, fit, same, different))
    return attempts


def parts_of(outcome: Outcome) -> dict[str, Any]:
    """What page and report show of an outcome."""
    comparison, pictures, calibration = outcome.comparison, pictures_of(outcome), outcome.calibration
    rows = rows_of(comparison, pictures)
    columns = COLUMNS if comparison.has_test else COLUMNS_ALONE
    own = comparison.digests[0] if comparison.has_test else None
    return {
        "test": pictures[0] if comparison.has_test else None,
        "ruler": ruler(outcome),
        "notes": words.notes(comparison),
        "odd": comparison.odd_one_out,
        "rows": rows,
        "columns": [column for column in columns if column.value(rows[0]) is not None],
        "without_odd": words.without_odd(comparison),
        "pictures": pictures,
        "matrix": comparison.matrix.tolist(),
        "calibration": calibration,
        "known": words.known_rows(calibration, len(comparison.core)) if calibration else [],
        "count": words.counted(len(comparison.core), "reference"),
        "core": words.core_in_words(comparison),
        "attempts": attempts_of(outcome),
        "current": next((n for n, one in enumerate(outcome.tried) if one.comparison.digests[0] == own), None),
    }


# ----------------------------------------------------------------------------------------------------------------- HTML


def overview(outcome: Outcome, text: str | None) -> Markup:
    """What is read at a glance below the verdict; `text` is what "Copy as text" copies."""
    return render("overview.html", text=text, **parts_of(outcome))


def details(outcome: Outcome) -> Markup:
    """Everything behind the verdict: the list of references, the matrix, and what pictures of known styles score."""
    encoder = outcome.provenance.encoder
    warning = "" if outcome.provenance.is_official else f"{words.NOT_MEGASTYLE}. "
    source = f"{warning}Compared with {encoder['checkpoint']}, SHA-256 {encoder['sha256'][:16]}…"
    return render("details.html", provenance=source, **parts_of(outcome))


def tried(outcome: Outcome) -> Markup:
    """The test images that were tried against the same references; nothing for fewer than two."""
    return render("tried.html", **parts_of(outcome))


def intro() -> str:
    """Title and what the page does, in Markdown."""
    return render("intro.md", max_references=MAX_REFERENCES)


def about(provenance: Provenance, calibration: Calibration | None, minutes: int) -> Markup:
    """What the number means and how it was measured; pictures stay for so many minutes at most."""
    return render(
        "about.html",
        bands=words.band_spans(),
        calibrated=calibration is not None,
        facts=words.facts(provenance, calibration),
        far_margin=f"{FAR_MARGIN:.2f}",
        loose_below=f"{LOOSE_BELOW:.2f}",
        formats=FORMATS_IN_WORDS,
        max_references=MAX_REFERENCES,
        megabytes=MAX_FILE_BYTES // 2**20,
        megapixels=MAX_PIXELS // 10**6,
        minutes=minutes,
        space=SPACE,
    )
