"""The page's fixed words, with the constants filled in."""

from __future__ import annotations

from itertools import pairwise

from markupsafe import Markup

from megastyle.calibration import Calibration
from megastyle.comparison import BANDS, FAR_MARGIN, LOOSE_BELOW, MAX_REFERENCES, Band
from megastyle.page.frequency import COARSE, FINE, cell
from megastyle.page.measured import facts
from megastyle.page.outcome import Provenance
from megastyle.page.rendering import render
from megastyle.pictures import FORMATS_IN_WORDS, MAX_FILE_BYTES, MAX_PIXELS

BANDS_FOR = 5  # references, for which the bands' table counts: as many as a visitor often has
WAITING = (
    f"## Your result appears here\n\nChoose a test image and 1 to {MAX_REFERENCES} references, or take an example, "
    "and press **Compare**. Two or more references alone show how well they agree. Several test images, compared one "
    "after the other with the same references, are ranked in a list."
)
EXAMPLES_HINT = "An example fills the two inputs; Compare does the rest."
EXAMPLES_LABEL = "<span>No pictures at hand? Try an example:</span>"


def band_spans() -> list[tuple[str, Band]]:
    """Each band with the cosines that it takes, in words, best first."""
    spans = [f"{BANDS[0].floor:.2f} and above"]
    spans += [f"{band.floor:.2f} to {above.floor:.2f}" for above, band in pairwise(BANDS[:-1])]
    spans.append(f"below {BANDS[-2].floor:.2f}")
    return list(zip(spans, BANDS, strict=True))


def intro() -> str:
    """Title and what the page does."""
    return render("intro.md", max_references=MAX_REFERENCES)


def not_megastyle(checkpoint: str) -> str:
    """Said on a page whose encoder is not the published one."""
    return (
        "⚠️ **These are not MegaStyle scores.** This page runs on an encoder of its own, "
        f"a local file (`{checkpoint}`), not on the published one."
    )


def about(provenance: Provenance, calibration: Calibration | None, minutes: int) -> Markup:
    """What the number means and how it was measured; pictures stay for so many minutes at most. HTML."""
    count = min(BANDS_FOR, max(calibration.rows, default=0)) if calibration else 0
    shares = calibration.band_shares(count) if calibration and count else []
    return render(
        "about.html",
        bands=band_spans(),
        shares=[(cell(share.same, COARSE), cell(share.different, FINE)) for share in shares],
        count=count,
        calibration=calibration,
        facts=facts(provenance, calibration),
        far_margin=f"{FAR_MARGIN:.2f}",
        loose_below=f"{LOOSE_BELOW:.2f}",
        formats=FORMATS_IN_WORDS,
        max_references=MAX_REFERENCES,
        megabytes=MAX_FILE_BYTES // 2**20,
        megapixels=MAX_PIXELS // 10**6,
        minutes=minutes,
    )
