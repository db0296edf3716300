"""The report of a calibration, for people: an HTML file, and the main figures as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from megastyle.calibration import SUGGESTED_SHARES, Calibration, Floats, Gap, Row
from megastyle.comparison import BANDS, shown
from megastyle.page.frequency import COARSE, FINE, cell
from megastyle.page.rendering import render

WIDTH, HEIGHT = 300, 90  # of a chart, in units that grow with the page
LABEL_WIDTH = 26  # of a tick's text
POINTS = 151  # of a curve
CHART_TAIL = 0.005  # share of the lowest scores that may lie outside of the charts
LOWEST_GAPS = 20  # styles that a table of gaps names
TITLES = {"pairs": "by pairs", "aggregated": "aggregated"}


class Chart(NamedTuple):
    """The two curves for one number of references, as points of SVG polylines, and what stands below them."""

    n: int
    relatives: str
    strangers: str
    words: str
    bands: list[tuple[str, str, str]]


class GapTable(NamedTuple):
    """The lowest discrimination gaps: how many of how many are negative, their median, and the styles."""

    title: str
    failing: int
    total: int
    median: float
    lowest: list[tuple[str, Gap]]


def median(scores: Floats, calibration: Calibration) -> float:
    """The middle of a distribution."""
    return float(np.interp(0.5, calibration.levels, scores))


def chart_start(calibration: Calibration) -> float:
    """The cosine at the charts' left edge, a tenth; nearly all scores lie above it."""
    rows = calibration.rows.values()
    lowest = min(
        np.interp(CHART_TAIL, calibration.levels, scores) for row in rows for scores in (row.same, row.different)
    )
    return max(math.floor(lowest * 10) / 10, -1.0)


def polyline(densities: Floats) -> str:
    """A curve from the chart's left edge to its right one, as high as the chart."""
    across, up = np.linspace(0, WIDTH, len(densities)), HEIGHT * (1 - densities / densities.max())
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))


def band_cells(calibration: Calibration, n: int) -> list[tuple[str, str, str]]:
    """Each band's name, its strangers of FINE and its relatives of COARSE."""
    return [
        (f"{shares.band.emoji} {shares.band.name}", cell(shares.different, FINE), cell(shares.same, COARSE))
        for shares in calibration.band_shares(n)
    ]


def chart(calibration: Calibration, n: int, start: float) -> Chart:
    """What is drawn for one number of references."""
    curves = calibration.density(n, np.linspace(start, 1, POINTS))
    row = calibration.rows[n]
    middles = (shown(median(scores, calibration)) for scores in (row.same, row.different))
    words = "Relatives around {}, strangers around {}.".format(*middles)
    relatives, strangers = (polyline(curve) for curve in curves or ())
    return Chart(n, relatives, strangers, words, band_cells(calibration, n))


def ticks(start: float) -> list[tuple[float, str, bool]]:
    """Place, text and kind (is it a band's floor?) of the charts' lines; of texts too close one is left out."""
    marks = [(start, f"{start:.1f}", False), (1.0, "1.0", False)]
    marks += [(band.floor, f"{band.floor:.2f}", True) for band in BANDS if band.floor > start]
    placed: list[tuple[float, str, bool]] = []
    for cosine, text, is_floor in marks:
        x = WIDTH * (cosine - start) / (1 - start)
        crowded = any(abs(x - other) < LABEL_WIDTH and shown_text for other, shown_text, _ in placed)
        placed.append((x, "" if crowded else text, is_floor))
    return placed


def gap_table(kind: str, gaps: Mapping[str, Gap]) -> GapTable:
    """The lowest gaps of one kind."""
    order = sorted(gaps.items(), key=lambda item: item[1].gap)
    values = [found.gap for found in gaps.values()]
    failing = sum(value < 0 for value in values)
    return GapTable(TITLES[kind], failing, len(values), float(np.median(values)), order[: max(LOWEST_GAPS, failing)])


def auc_text(row: Row) -> str:
    """AUC and interval."""
    low, high = row.auc_interval
    return f"{shown(row.auc)} ({shown(low)} to {shown(high)})"


def suggestion_texts(calibration: Calibration, n: int) -> list[str]:
    """The suggested floors, best band first."""
    return ["set too small" if floor is None else shown(floor) for floor in calibration.suggested_floors(n)]


def report_values(calibration: Calibration, remarks: Sequence[str]) -> dict[str, Any]:
    """What `calibration.html` shows."""
    start = chart_start(calibration)
    return {
        "calibration": calibration,
        "remarks": remarks,
        "width": WIDTH,
        "height": HEIGHT,
        "ticks": ticks(start),
        "charts": [chart(calibration, n, start) for n in calibration.rows],
        "aucs": [(n, auc_text(row), row.same_count, row.different_count) for n, row in calibration.rows.items()],
        "gap_tables": [gap_table(kind, gaps) for kind, gaps in calibration.gaps.items()],
        "one_in": [round(1 / share) for share in SUGGESTED_SHARES],
        "floors": [band.floor for band in BANDS[:-1]],
        "suggestions": [(n, suggestion_texts(calibration, n)) for n in calibration.rows],
    }


def report(calibration: Calibration, remarks: Sequence[str]) -> str:
    """The report as one HTML file that loads nothing; `remarks` say what was left out of the set."""
    return str(render("calibration.html", **report_values(calibration, remarks))) + "\n"


# ---------------------------------------------------------------------------------------------------------------- text


def summary(calibration: Calibration) -> str:
    """The main figures as plain text."""
    lines = [f"\n{calibration.name}: {calibration.pictures:,} pictures in {calibration.styles:,} styles"]
    lines += ["", "AUC with its 95 % interval, by number of references"]
    lines += [f"  {n}: {auc_text(row)}" for n, row in calibration.rows.items()]
    for kind, gaps in calibration.gaps.items():
        table = gap_table(kind, gaps)
        lines += ["", f"Discrimination gap {table.title}: negative for {table.failing} of {table.total} styles"]
        lines += [f"  {style}: {shown(gap)}, confused with {other}" for style, (gap, other) in table.lowest if gap < 0]
    lines += ["", "  ".join(f"{key} {shown(value)}" for key, value in calibration.retrieval.items())]
    lines += ["", "Bands with one reference: strangers of 1,000, relatives of 100"]
    lines += [f"  {band}: {strangers}, {relatives}" for band, strangers, relatives in band_cells(calibration, 1)]
    lines += ["", "Lowest cosine that 1 stranger reaches in " + ", ".join(f"{1 / s:,.0f}" for s in SUGGESTED_SHARES)]
    lines += [f"  {n}: {', '.join(suggestion_texts(calibration, n))}" for n in calibration.rows]
    return "\n".join(lines)
