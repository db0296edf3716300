"""The page's fixed words: Markdown files with the constants filled in."""

from __future__ import annotations

from itertools import pairwise

from megastyle.bands import BANDS, LOOSE_BELOW
from megastyle.comparison import FAR_MARGIN, MAX_REFERENCES
from megastyle.page.rendering import render
from megastyle.pictures import FORMATS_IN_WORDS, MAX_FILE_BYTES, MAX_PIXELS

WAITING = (
    f"## Your result appears here\n\nChoose a test image and 1 to {MAX_REFERENCES} references, or take an example, "
    "and press **Compare**. Two or more references alone show how well they agree."
)
EXAMPLES_HINT = "An example fills the two inputs; Compare does the rest."
EXAMPLES_LABEL = "<span>No pictures at hand? Try an example:</span>"


def band_rows() -> list[str]:
    """The bands as rows of a Markdown table, best first."""
    spans = [f"{BANDS[0].floor:.2f} and above"]
    spans += [f"{band.floor:.2f} to {above.floor:.2f}" for above, band in pairwise(BANDS[:-1])]
    spans.append(f"below {BANDS[-2].floor:.2f}")
    return [f"| {span} | {band.emoji} {band.label} |" for span, band in zip(spans, BANDS, strict=True)]


def intro() -> str:
    """Title and what the page does."""
    return render("intro.md", max_references=MAX_REFERENCES)


def not_megastyle(checkpoint: str) -> str:
    """Said on a page whose encoder is not the published one."""
    return (
        "⚠️ **These are not MegaStyle scores.** This page runs on an encoder of its own, "
        f"a local file (`{checkpoint}`), not on the published one."
    )


def meaning() -> str:
    """How to read the number."""
    return render("meaning.md", bands=band_rows(), far_margin=f"{FAR_MARGIN:.2f}", loose_below=f"{LOOSE_BELOW:.2f}")


def limits(minutes: int) -> str:
    """What the score does not tell, what is read, and that pictures stay for so many minutes at most."""
    return render(
        "limits.md",
        formats=FORMATS_IN_WORDS,
        max_references=MAX_REFERENCES,
        megabytes=MAX_FILE_BYTES // 2**20,
        megapixels=MAX_PIXELS // 10**6,
        minutes=minutes,
    )


def sources() -> str:
    """Licences and sources."""
    return render("sources.md")
