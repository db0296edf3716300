"""The result's HTML: what the templates need of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from markupsafe import Markup

from megastyle.bands import Band, band_of
from megastyle.comparison import Comparison
from megastyle.page import words
from megastyle.page.rendering import render
from megastyle.page.ruler import ruler
from megastyle.pictures import Thumbnail


class Picture(NamedTuple):
    """A picture of the comparison: its name, its thumbnail, and the mark under which the matrix shows it."""

    name: str
    thumbnail: Thumbnail
    mark: str

    @property
    def role(self) -> str:
        """The mark in words."""
        return "Test image" if self.mark == "T" else f"Reference {self.mark}"


class Row(NamedTuple):
    """A reference in the ranking; `score` is its cosine, or without a test image its leave-one-out mean."""

    rank: int
    picture: Picture
    score: float
    band: Band
    without: float | None
    odd: bool


def pictures_of(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> list[Picture]:
    """The pictures in the matrix's order, in which `thumbnails` are too: T, then the references from 1 on."""
    marks = [*("T" * comparison.offset), *(str(number + 1) for number in range(len(comparison.reference_names)))]
    return [Picture(*parts) for parts in zip(comparison.names, thumbnails, marks, strict=True)]


def ranked(comparison: Comparison, pictures: Sequence[Picture]) -> list[Row]:
    """The references, best first."""
    scores = comparison.cosines if comparison.has_test else comparison.leave_one_out
    return [
        Row(
            rank,
            pictures[index + comparison.offset],
            float(scores[index]),
            band_of(scores[index]),
            comparison.means_without[index] if comparison.means_without else None,
            index == comparison.odd_one_out,
        )
        for rank, index in enumerate(comparison.ranking, start=1)
    ]


def overview(comparison: Comparison, paths: Sequence[str]) -> Markup:
    """What is read at a glance below the verdict: the ruler, and what to know before trusting the number; HTML.

    `paths` are those of all chosen files: their folders' names, which are hashes of their content, tell page.js what
    the result was made from.
    """
    made_from = " ".join(PurePath(path).parent.name for path in paths)
    return render("overview.html", made_from=made_from, ruler=ruler(comparison), notes=words.notes(comparison))


def details(comparison: Comparison, thumbnails: Sequence[Thumbnail]) -> Markup:
    """Everything behind the verdict: the ranked pictures, the table and the matrix; HTML.

    `thumbnails` are in the order of `comparison.names`.
    """
    pictures = pictures_of(comparison, thumbnails)
    by_agreement = "References, by how well each agrees with the others"
    return render(
        "details.html",
        order="References, closest first" if comparison.has_test else by_agreement,
        scored=comparison.has_test,
        ranked=ranked(comparison, pictures),
        pictures=pictures,
        matrix=comparison.matrix.tolist(),
    )
