"""The report of a calibration, for people: an HTML file, and the main figures as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from megastyle.calibration import LEVELS, SUGGESTED_SHARES, Calibration
from megastyle.comparison import BANDS, POSITIONS, Floats, shown
from megastyle.page.result import render
from megastyle.page.words import of_thousand

WIDTH, HEIGHT = 300, 90  # of a chart, in units that grow with the page
POINTS = 151  # of a curve
LATEST_START = 0.3  # cosine at the charts' left edge; they begin lower where scores lie lower
CHART_TAIL = 0.005  # share of the lowest scores that may lie outside of the charts
LOWEST_GAPS = 20  # styles that the table of gaps names


def chart_start(calibration: Calibration) -> float:
    """The cosine at the charts' left edge, a tenth; nearly all scores lie above it."""
    scores = [scores for row in calibration.rows.values() for scores in (row.same, row.different)]
    lowest = min(np.interp(CHART_TAIL, LEVELS, some) for some in scores)
    return max(min(math.floor(lowest * 10) / 10, LATEST_START), -1.0)


def polyline(densities: Floats) -> str:
    """A curve from the chart's left edge to its right one, as high as the chart."""
    across, up = np.linspace(0, WIDTH, len(densities)), HEIGHT * (1 - densities / densities.max())
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))


def chart(calibration: Calibration, n: int, start: float) -> dict[str, Any]:
    """What is drawn for one number of references: two SVG polylines, what stands below them, and a table of the bands.

    A row of `bands` is the label, its relatives and strangers of 1,000, and the floor that the strangers suggest.
    """
    row = calibration.rows[n]
    relatives, strangers = map(polyline, calibration.density(n, np.linspace(start, 1, POINTS)))
    middles = (shown(np.interp(0.5, LEVELS, scores)) for scores in (row.same, row.different))
    floors = ["too few styles" if floor is None else shown(floor) for floor in calibration.suggested_floors(n)]
    bands = [
        (f"{band.emoji} {band.name}", *map(of_thousand, shares, calibration.smallest_shares(n)), floor)
        for (band, *shares), floor in zip(calibration.band_shares(n), [*floors, ""], strict=True)
    ]
    words = "Relatives around {}, strangers around {}.".format(*middles)
    return {"n": n, "relatives": relatives, "strangers": strangers, "words": words, "bands": bands}


def auc_text(calibration: Calibration, n: int) -> str:
    """AUC and its interval."""
    row = calibration.rows[n]
    return "{} ({} to {})".format(*map(shown, (row.auc, *row.auc_interval)))


def rule_texts(calibration: Calibration, n: int) -> list[str]:
    """How many of 1,000 relatives fit, lie at the edge, lie apart, then of strangers; none below three references."""
    if (positions := calibration.rows[n].positions) is None:
        return []
    both = zip((positions["same"], positions["different"]), calibration.smallest_shares(n), strict=True)
    return [of_thousand(shares[position], smallest) for shares, smallest in both for position in POSITIONS]


def sorted_gaps(calibration: Calibration) -> tuple[int, list[tuple[str, str, str]]]:
    """How many styles have a negative gap; style, gap and closest other style of all, the lowest first."""
    gaps = sorted(calibration.gaps.items(), key=lambda item: item[1].gap)
    rows = [(style, shown(found.gap), found.confused_with) for style, found in gaps]
    return sum(found.gap < 0 for _, found in gaps), rows


def report(calibration: Calibration, remarks: Sequence[str]) -> str:
    """The report as one HTML file that loads nothing; `remarks` say what was left out of the set."""
    start = chart_start(calibration)
    negative, gaps = sorted_gaps(calibration)
    low, *between, high = (band.floor for band in BANDS[-2::-1])
    ticks = {start: f"{start:.1f}", low: f"{low:.2f}", **dict.fromkeys(between, ""), high: f"{high:.2f}", 1.0: "1.0"}
    html = render(
        "calibration.html",
        calibration=calibration,
        remarks=remarks,
        width=WIDTH,
        height=HEIGHT,
        ticks=[(WIDTH * (cosine - start) / (1 - start), text) for cosine, text in ticks.items()],
        charts=[chart(calibration, n, start) for n in calibration.rows],
        one_in=[round(1 / share) for share in SUGGESTED_SHARES],
        aucs=[
            (n, auc_text(calibration, n), f"{row.styles:,}", f"{row.style_pairs:,}")
            for n, row in calibration.rows.items()
        ],
        rule=[(n, *texts) for n in calibration.rows if (texts := rule_texts(calibration, n))],
        negative=negative,
        gaps=len(gaps),
        lowest=gaps[: max(LOWEST_GAPS, negative)],
    )
    return f"{html}\n"


def summary(calibration: Calibration) -> str:
    """The main figures as plain text."""
    negative, gaps = sorted_gaps(calibration)
    lines = [f"\n{calibration.name}: {calibration.pictures:,} pictures in {calibration.styles:,} styles"]
    lines += ["", "References: AUC with its 95 % interval; of 1,000 relatives and strangers so many lie apart"]
    lines += [
        "; ".join([f"  {n}: {auc_text(calibration, n)}", *rule_texts(calibration, n)[2::3]]) for n in calibration.rows
    ]
    lines += ["", f"Discrimination gap by pairs: negative for {negative} of {len(gaps)} styles"]
    lines += [f"  {style}: {gap}, confused with {other}" for style, gap, other in gaps[:negative]]
    found = calibration.retrieval
    lines += ["", f"Recall@1 {shown(found['recall@1'])}, mAP@10 {shown(found['map@10'])}"]
    return "\n".join(lines)
