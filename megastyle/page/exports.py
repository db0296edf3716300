"""The files that a visitor takes away: each is one entry of EXPORTS."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from megastyle.page import words
from megastyle.page.names import file_stem
from megastyle.page.outcome import Outcome
from megastyle.page.record import json_record, precise, warning_of
from megastyle.page.report import html_report

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet runs them (OWASP)
BYTE_ORDER_MARK = "\ufeff"  # by which Excel knows UTF-8


def inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and that every CSV reader can read: some end at NUL."""
    name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{name}" if name.startswith((*FORMULA_STARTS, "#")) else name


def on_one_line(name: str) -> str:
    """An inert name without line breaks: what follows one would be no comment any more."""
    return " ".join(inert(name).splitlines())


def facts(outcome: Outcome) -> list[tuple[str | float, ...]]:
    """What the CSV says below the matrix: rows whose first cell begins with `#`."""
    comparison, agreement, encoder = outcome.comparison, outcome.comparison.agreement, outcome.provenance.encoder
    rows: list[tuple[str | float, ...]] = []
    if comparison.has_test:
        rows += [("# mean cosine", precise(comparison.mean_cosine), comparison.band.label)]
    if warning := warning_of(outcome):
        rows += [("# warning", warning)]
    if agreement:
        rows += [("# agreement", precise(agreement.mean))]
    if agreement and comparison.has_range:
        rows += [("# agreement from and to", precise(agreement.min), precise(agreement.max))]
    if comparison.position:
        rows += [("# position", comparison.position)]
    named = zip(comparison.scores, map(on_one_line, comparison.reference_names), strict=True)
    what = "cosine to" if comparison.has_test else "agreement of"
    rows += [(f"# {what} reference {number}", precise(score), name) for number, (score, name) in enumerate(named, 1)]
    rows += [("# note", on_one_line(note.striptags())) for note in words.notes(comparison)]
    rows += [("# tried", precise(one.comparison.mean_cosine), on_one_line(one.name)) for one in outcome.tried]
    return [
        *rows,
        ("# encoder", encoder["checkpoint"]),
        ("# encoder sha256", encoder["sha256"]),
        ("# made", outcome.made),
    ]


def csv_matrix(outcome: Outcome) -> str:
    """The matrix as CSV (RFC 4180), names in the first row and column, in the matrix's order.

    Below it, rows that begin with `#` say what it is: a spreadsheet shows them, and pandas leaves them out with
    `read_csv(file, index_col=0, comment="#")`.
    """
    comparison, text = outcome.comparison, io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)  # a quoted `#` in a name is no comment
    writer.writerow(["", *map(inert, comparison.names)])
    for name, row in zip(comparison.names, comparison.matrix, strict=True):
        writer.writerow([inert(name), *map(precise, row)])
    notes = csv.writer(text)  # quotes no `# ...`, or pandas would not take the row for a comment
    for fact in facts(outcome):
        notes.writerow([*fact, *[""] * (len(comparison.names) + 1 - len(fact))])
    return BYTE_ORDER_MARK + text.getvalue()


@dataclass(frozen=True)
class Export:
    """A file that the page offers: its button's text, the file's ending, and the function that writes its content."""

    button: str
    ending: str
    write: Callable[[Outcome], str]


EXPORTS = (  # in the order of the buttons
    Export("Download report", ".html", html_report),
    Export("Download JSON", ".json", json_record),
    Export("Download CSV", ".csv", csv_matrix),
)


def write_exports(outcome: Outcome, folder: Path) -> list[str]:
    """Write every export into the new folder `folder`; their paths, in the order of EXPORTS."""
    folder.mkdir(parents=True)
    stem = file_stem(outcome.name) if outcome.comparison.has_test else "references"
    paths = []
    for export in EXPORTS:
        path = folder / f"{stem}-megastyle{export.ending}"
        path.write_bytes(export.write(outcome).encode())
        paths.append(str(path))
    return paths
