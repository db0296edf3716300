"""The result as one HTML file that serves people and programs: it opens offline, asks no host and runs no script."""

from __future__ import annotations

import json

from markupsafe import Markup

from megastyle.page import words
from megastyle.page.measured import facts
from megastyle.page.outcome import Outcome
from megastyle.page.record import record, warning_of
from megastyle.page.rendering import FOLDER, render
from megastyle.page.result import attempts_of, columns_of, current_of, pictures_of, rows_of
from megastyle.page.ruler import ruler

STYLESHEETS = ("result.css", "report.css")


def json_for_html(outcome: Outcome) -> Markup:
    """The JSON report for a script element of type application/json: nothing in it can end that element."""
    text = json.dumps(record(outcome), ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - what could be markup was escaped


def html_report(outcome: Outcome) -> str:
    """The report, with all pictures in it, for reading and for printing."""
    comparison, pictures = outcome.comparison, pictures_of(outcome)
    rows = rows_of(comparison, pictures)
    head, *sentences = (words.plain(part) for part in words.verdict(outcome).split("\n\n"))
    return render(
        "report.html",
        css=Markup("\n".join((FOLDER / name).read_text(encoding="utf-8") for name in STYLESHEETS)),  # noqa: S704
        data=json_for_html(outcome),
        head=head,
        sentences=sentences,
        warning=warning_of(outcome),
        test=pictures[0] if comparison.has_test else None,
        ruler=ruler(outcome),
        notes=words.notes(comparison),
        rows=rows,
        columns=columns_of(comparison, rows),
        pictures=pictures,
        matrix=comparison.matrix.tolist(),
        attempts=attempts_of(outcome),
        current=current_of(outcome),
        made=outcome.made,
        facts=facts(outcome.provenance, outcome.calibration),
    )
