"""What a visitor takes away: each file is one entry of EXPORTS; the text to copy is `plain_text`."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from megastyle.calibration import Calibration
from megastyle.comparison import Comparison, band_of, shown
from megastyle.page import words
from megastyle.page.outcome import Outcome
from megastyle.page.picture import png
from megastyle.page.result import FOLDER, SPACE, attempts_of, parts_of, render

DECIMALS = 8  # of every number in a file; a float32 has about seven significant digits
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet runs them (OWASP)
BYTE_ORDER_MARK = "\ufeff"  # by which Excel knows UTF-8
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: they could break a line, turn it round, or hide

Cell = str | float | None  # of a CSV


def precise(value: float | None) -> float | None:
    """A number for the files; what cannot be had stays None."""
    return None if value is None else round(float(value), DECIMALS)


# ----------------------------------------------------------------------------------------------------------------- JSON


def reference_record(comparison: Comparison, index: int) -> dict[str, Any]:
    """One reference; what cannot be had for so few pictures is null."""
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


def shares(outcome: Outcome) -> dict[str, float | None]:
    """Where the mean to the core stands in the calibration; null where it cannot be told."""
    keys = ("same_at_or_below", "different_at_or_above")
    return {key: precise(getattr(outcome.standing, key)) if outcome.standing else None for key in keys}


def score(outcome: Outcome) -> dict[str, Any]:
    """The numbers of a test image; null without one."""
    comparison, scored = outcome.comparison, outcome.comparison.has_test
    return {
        "mean_cosine": precise(comparison.mean_cosine) if scored else None,
        "label": comparison.band.label if scored else None,
        "core_mean": precise(comparison.core_mean) if scored else None,
        "gap": precise(comparison.gap),
        "position": comparison.position,
    }


def agreement_record(comparison: Comparison) -> dict[str, float | None] | None:
    """Mean and range of the agreement; None for one reference."""
    agreement = comparison.agreement
    return agreement and {key: precise(value) for key, value in agreement._asdict().items()}


def calibration_named(calibration: Calibration) -> dict[str, Any]:
    """Which calibration it is."""
    return {key: getattr(calibration, key) for key in ("name", "styles", "pictures", "sha256")}


def attempt_record(outcome: Outcome) -> dict[str, Any]:
    """A test image that was tried against the same references."""
    file = {"name": outcome.name, "sha256": outcome.comparison.digests[0]}
    return file | score(outcome) | shares(outcome)


def record(outcome: Outcome) -> dict[str, Any]:
    """The whole result as data; `reference_agreement`, `core_mean`, `gap`, `position` leave the odd one out."""
    comparison, provenance, calibration = outcome.comparison, outcome.provenance, outcome.calibration
    return {
        **score(outcome),
        "warning": words.warning(outcome.provenance) or None,
        "test": {"name": comparison.names[0], "sha256": comparison.digests[0]} if comparison.has_test else None,
        "references": [reference_record(comparison, index) for index in range(len(comparison.reference_names))],
        "reference_agreement": agreement_record(comparison),
        "odd_one_out": comparison.odd_one_out,
        "loose": comparison.is_loose,
        "ignored": list(comparison.ignored),
        "names": list(comparison.names),
        "matrix": [[precise(cosine) for cosine in row] for row in comparison.matrix],
        "calibration": calibration and calibration_named(calibration) | shares(outcome),
        "tried": [attempt_record(one) for one in outcome.tried],
        "encoder": dict(provenance.encoder),
        "versions": dict(provenance.versions),
        "method": provenance.method,
        "page": provenance.page,
        "made": outcome.made,
    }


def json_record(outcome: Outcome) -> str:
    """The result as JSON text."""
    return json.dumps(record(outcome), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


# ------------------------------------------------------------------------------------------------------------------ CSV


def inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and that every CSV reader can read: some end at NUL."""
    name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{name}" if name.startswith((*FORMULA_STARTS, "#")) else name


def on_one_line(name: str) -> str:
    """An inert name without line breaks: what follows one would be no comment any more."""
    return " ".join(inert(name).splitlines())


def facts(outcome: Outcome) -> list[tuple[Cell, ...]]:
    """What the CSV says below the matrix: rows whose first cell begins with `#`."""
    comparison, agreement, encoder = outcome.comparison, outcome.comparison.agreement, outcome.provenance.encoder
    rows: list[tuple[Cell, ...]] = []
    if comparison.has_test:
        rows += [("# mean cosine", precise(comparison.mean_cosine), comparison.band.label)]
    if warning := words.warning(outcome.provenance):
        rows += [("# warning", warning)]
    if agreement:
        rows += [("# agreement", precise(agreement.mean))]
    if agreement and comparison.is_yardstick:
        rows += [("# agreement from and to", precise(agreement.min), precise(agreement.max))]
    if comparison.position:
        rows += [("# position", comparison.position, precise(comparison.gap))]
    named = zip(comparison.scores, map(on_one_line, comparison.reference_names), strict=True)
    what = "cosine to" if comparison.has_test else "agreement of"
    rows += [(f"# {what} reference {number}", precise(value), name) for number, (value, name) in enumerate(named, 1)]
    rows += [("# note", on_one_line(note.striptags())) for note in words.notes(comparison)]
    tried = f"# tried{words.without_odd(comparison)}"
    rows += [(tried, precise(one.comparison.core_mean), on_one_line(one.name)) for one in outcome.tried]
    return [
        *rows,
        ("# encoder", encoder["checkpoint"]),
        ("# encoder sha256", encoder["sha256"]),
        ("# made", outcome.made),
    ]


def csv_text(table: Sequence[Sequence[Cell]], said: Iterable[Sequence[Cell]]) -> str:
    """A table as CSV (RFC 4180), its head first. Below it, rows that begin with `#` say what it is.

    A spreadsheet shows them, and pandas leaves them out with `read_csv(file, comment="#")`.
    """
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(table)  # a quoted `#` in a name is no comment
    notes = csv.writer(text)  # quotes no `# ...`, or pandas would not take the row for a comment
    notes.writerows([*row, *[""] * (len(table[0]) - len(row))] for row in said)
    return BYTE_ORDER_MARK + text.getvalue()


def csv_matrix(outcome: Outcome) -> str:
    """The matrix as CSV, names in the first row and column, in the matrix's order, and what it is."""
    names, matrix = [*map(inert, outcome.comparison.names)], outcome.comparison.matrix
    rows = [[name, *map(precise, row)] for name, row in zip(names, matrix, strict=True)]
    return csv_text([["", *names], *rows], facts(outcome))


# --------------------------------------------------------------------------------------------------------------- report


def html_report(outcome: Outcome) -> str:
    """The report as one HTML file, with all pictures in it, for reading and for printing."""
    head, *sentences = (words.plain(part) for part in words.verdict(outcome).split("\n\n"))
    styles = [(FOLDER / name).read_text(encoding="utf-8") for name in ("result.css", "report.css")]
    return render(
        "report.html",
        css=Markup("\n".join(styles)),  # noqa: S704 - this package's own
        data=record(outcome),
        head=head,
        sentences=sentences,
        warning=words.warning(outcome.provenance),
        made=outcome.made,
        facts=words.facts(outcome.provenance, outcome.calibration),
        **parts_of(outcome),
    ).lstrip()


# ----------------------------------------------------------------------------------------------------------------- text


def harmless(name: str) -> str:
    """A name that stays on its line and in its code block."""
    kept = ("?" if unicodedata.category(letter) in INVISIBLE else letter for letter in name)
    return "".join(kept).replace("`", "'")


def table(rows: list[tuple[str, ...]], cosines: int) -> list[str]:
    """Rows as lines, their columns aligned; the one that holds `cosines` at the right, for the sake of a minus."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    columns[cosines] = [cell.rjust(widths[cosines]) for cell in columns[cosines]]
    lines = zip(*columns, strict=True)
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def reference_lines(comparison: Comparison) -> list[str]:
    """Number, name, cosine and label of each reference, closest first."""
    names = words.short_all([harmless(name) for name in comparison.reference_names])
    rows: list[tuple[str, ...]] = []
    for index in comparison.ranking:
        score, mark = comparison.scores[index], ", agrees least" if index == comparison.odd_one_out else ""
        rows.append((str(index + 1), names[index], shown(score), f"{band_of(score).name}{mark}"))
    return table(rows, cosines=2)


def tried_lines(outcome: Outcome) -> list[str]:
    """Name, mean to the core, position and frequencies of each test image that was tried, best first."""
    names = words.short_all([harmless(one.name) for one in outcome.tried])
    rows: list[tuple[str, ...]] = []
    for name, one in zip(names, attempts_of(outcome), strict=True):
        counts = f"same style this low: {one.same}, another this high: {one.different}" if one.same else ""
        rows.append((name, shown(one.mean), one.fit, counts))
    return table(rows, cosines=1)


def plain_text(outcome: Outcome) -> str:
    """The result as text that reads well in a chat or an issue: a few aligned lines in a Markdown code block."""
    comparison, encoder, calibration = outcome.comparison, outcome.provenance.encoder, outcome.calibration
    official = outcome.provenance.is_official
    head, *sentences = (words.plain(part) for part in words.verdict(outcome).split("\n\n"))
    lines = [] if official else [f"{words.NOT_MEGASTYLE}.", ""]
    lines += [head, *([f"Test image: {words.short(harmless(outcome.name))}"] if comparison.has_test else [])]
    lines += [*sentences, *(harmless(note.striptags()) for note in words.notes(comparison))]
    lines += ["", *reference_lines(comparison)]
    if len(outcome.tried) > 1:
        of = " (of 1,000 pictures)" if calibration else ""
        lines += ["", f"Tried, by the mean to {words.core_in_words(comparison)}{of}:", *tried_lines(outcome)]
    if calibration:
        lines += ["", f"Calibration: {harmless(words.calibration_in_words(calibration))}"]
    lines += ["", f"Encoder: {harmless(encoder['checkpoint'])}, SHA-256 {encoder['sha256'][:16]}"]
    lines += [f"{outcome.made}  {SPACE}" if official else outcome.made]
    return "\n".join(["```", *lines, "```"])


# ------------------------------------------------------------------------------------------------------------ the files


@dataclass(frozen=True)
class Export:
    """A file that the page offers: its button's text, its name's ending, its media type, what writes its content."""

    button: str
    ending: str
    mime: str
    write: Callable[[Outcome], str | bytes]


EXPORTS = (  # in the order of the buttons
    Export("Save picture", ".png", "image/png", png),
    Export("Download report", ".html", "text/html", html_report),
    Export("Download JSON", ".json", "application/json", json_record),
    Export("Download CSV", ".csv", "text/csv", csv_matrix),
)


def file_stem(name: str) -> str:
    """The test image's name as the beginning of a download's name: letters, digits and `-_.` only, 60 at most.

    >>> file_stem("../epoch 4 (best).png"), file_stem("")
    ('epoch-4-best', 'comparison')
    """
    stem = PurePath(name.replace("\\", "/")).stem
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem)
    return "-".join(part for part in kept.split("-") if part)[:60].strip("-_.") or "comparison"


def file_name(outcome: Outcome, export: Export) -> str:
    """What a download is called: by the test image, so that those of several results do not collide."""
    stem = file_stem(outcome.name) if outcome.comparison.has_test else "references"
    return f"{stem}-megastyle{export.ending}"
