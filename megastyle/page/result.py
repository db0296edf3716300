"""The result's HTML: what the templates need of an outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from markupsafe import Markup

from megastyle.comparison import Band, Comparison, band_of
from megastyle.page import words
from megastyle.page.frequency import FINE, frequency
from megastyle.page.names import short_all
from megastyle.page.outcome import Outcome
from megastyle.page.rendering import render
from megastyle.page.ruler import ruler
from megastyle.pictures import Thumbnail


class Picture(NamedTuple):
    """A picture of the comparison: its name, whole and short, its thumbnail, and the mark that it has everywhere.

    The mark is T for the test image and the number in upload order for a reference.
    """

    name: str
    short: str
    thumbnail: Thumbnail
    mark: str

    @property
    def role(self) -> str:
        """The mark in words."""
        return "Test image" if self.mark == "T" else f"Reference {self.mark}"


class Row(NamedTuple):
    """A reference in the list; `score` is its cosine, or without a test image its leave-one-out mean."""

    picture: Picture
    score: float
    band: Band
    without: float | None
    leave_one_out: float | None
    marks: list[str]


class Column(NamedTuple):
    """A column of numbers in the list of references."""

    title: str
    value: Callable[[Row], float | None]


COLUMNS = (  # those whose value a row does not have are left out
    Column("Cosine", lambda row: row.score),
    Column("Mean without it", lambda row: row.without),
    Column("Agrees with the rest", lambda row: row.leave_one_out),
)
COLUMNS_ALONE = (Column("Agrees with the rest", lambda row: row.leave_one_out),)


class Attempt(NamedTuple):
    """A test image in the list of those that were tried; `calibration` is empty without one."""

    picture: Picture
    mean: float
    band: Band
    position: str
    calibration: str


def pictures_of(outcome: Outcome) -> list[Picture]:
    """The pictures in the matrix's order: T, then the references from 1 on."""
    comparison = outcome.comparison
    marks = [*("T" * comparison.offset), *(str(number + 1) for number in range(len(comparison.reference_names)))]
    parts = zip(comparison.names, short_all(comparison.names), outcome.thumbnails, marks, strict=True)
    return [Picture(*values) for values in parts]


def marks_of(comparison: Comparison, index: int) -> list[str]:
    """What is said beside a reference's name: that it is the odd one out, and which pictures are the same file."""
    marks = ["odd one out"] if index == comparison.odd_one_out else []
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
    """The references, best first."""
    return [
        Row(
            pictures[index + comparison.offset],
            comparison.scores[index],
            band_of(comparison.scores[index]),
            comparison.means_without[index] if comparison.means_without else None,
            comparison.leave_one_out[index] if comparison.leave_one_out else None,
            marks_of(comparison, index),
        )
        for index in comparison.ranking
    ]


def columns_of(comparison: Comparison, rows: list[Row]) -> list[Column]:
    """The columns that these rows have."""
    columns = COLUMNS if comparison.has_test else COLUMNS_ALONE
    return [column for column in columns if column.value(rows[0]) is not None]


def attempt(outcome: Outcome, short: str) -> Attempt:
    """An outcome as a row of the list of those that were tried."""
    comparison, standing = outcome.comparison, outcome.standing
    count = frequency(standing.different_at_or_above, standing.different_smallest, FINE) if standing else ""
    picture = Picture(outcome.name, short, outcome.thumbnails[0], "T")
    return Attempt(picture, comparison.mean_cosine, comparison.band, comparison.position or "no range", count)


def attempts_of(outcome: Outcome) -> list[Attempt]:
    """All that was tried against the same references, best first."""
    names = short_all([one.name for one in outcome.tried])
    return [attempt(one, short) for one, short in zip(outcome.tried, names, strict=True)]


def current_of(outcome: Outcome) -> int | None:
    """The outcome's own place in the list of those that were tried; None without a test image."""
    digests = [one.comparison.digests[0] for one in outcome.tried]
    return digests.index(outcome.comparison.digests[0]) if outcome.comparison.has_test and digests else None


def provenance_line(outcome: Outcome) -> str:
    """When and with what the result was made, for a print."""
    encoder = outcome.provenance.encoder
    warning = "" if outcome.provenance.is_official else f"{words.NOT_MEGASTYLE}. "
    return f"{warning}Compared {outcome.made} with {encoder['checkpoint']}, SHA-256 {encoder['sha256'][:16]}…"


def overview(outcome: Outcome, text: str | None, *, recalled: bool = False) -> Markup:
    """What is read at a glance below the verdict; HTML.

    `text` is what "Copy as text" copies; `recalled` says that the result is an earlier one, which was asked for again.
    """
    return render(
        "overview.html",
        made_from=" ".join(outcome.made_from),
        recalled=recalled,
        test=pictures_of(outcome)[0] if outcome.comparison.has_test else None,
        ruler=ruler(outcome),
        notes=words.notes(outcome.comparison),
        odd=outcome.comparison.odd_one_out,
        text=text,
    )


def details(outcome: Outcome) -> Markup:
    """Everything behind the verdict: the list of references and the matrix; HTML."""
    comparison, pictures = outcome.comparison, pictures_of(outcome)
    rows = rows_of(comparison, pictures)
    by_agreement = "References, by how well each agrees with the others"
    return render(
        "details.html",
        order="References, closest first" if comparison.has_test else by_agreement,
        rows=rows,
        columns=columns_of(comparison, rows),
        pictures=pictures,
        matrix=comparison.matrix.tolist(),
        provenance=provenance_line(outcome),
    )


def tried(outcome: Outcome) -> Markup:
    """The test images that were tried against the same references; nothing for fewer than two; HTML."""
    return render("tried.html", attempts=attempts_of(outcome), current=current_of(outcome))
