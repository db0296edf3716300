"""The result as text that reads well in a chat or an issue: a few aligned lines in a code block."""

from __future__ import annotations

import unicodedata

from megastyle.comparison import band_of, shown
from megastyle.page import words
from megastyle.page.names import short_all
from megastyle.page.outcome import Outcome

SPACE = "https://huggingface.co/spaces/olfronar/megastyle-comparison"
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode categories: they could break a line, turn it round, or hide


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


def reference_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Number, name, cosine and label of each reference, closest first."""
    comparison = outcome.comparison
    names = short_all([harmless(name) for name in comparison.reference_names])
    return [
        (
            str(index + 1),
            names[index],
            shown(comparison.scores[index]),
            band_of(comparison.scores[index]).name + (", odd one out" if index == comparison.odd_one_out else ""),
        )
        for index in comparison.ranking
    ]


def tried_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Name, mean and position of each test image that was tried, best first."""
    names = short_all([harmless(one.name) for one in outcome.tried])
    rows = zip(names, (one.comparison for one in outcome.tried), strict=True)
    return [(name, shown(one.mean_cosine), one.band.name, one.position or "no range") for name, one in rows]


def plain_text(outcome: Outcome) -> str:
    """The result in a Markdown code block."""
    comparison, encoder = outcome.comparison, outcome.provenance.encoder
    official = outcome.provenance.is_official
    head, *sentences = (words.plain(part) for part in words.verdict(outcome).split("\n\n"))
    lines = [] if official else [f"{words.NOT_MEGASTYLE}.", ""]
    lines += [head, *([f"Test image: {short_all([harmless(outcome.name)])[0]}"] if comparison.has_test else [])]
    lines += [*sentences, *(harmless(note.striptags()) for note in words.notes(comparison))]
    lines += ["", *table(reference_rows(outcome), cosines=2)]
    if len(outcome.tried) > 1:
        lines += ["", "Tried against these references:", *table(tried_rows(outcome), cosines=1)]
    if outcome.calibration:
        calibration = outcome.calibration
        about = f"{calibration.styles} styles, {calibration.pictures} pictures, SHA-256 {calibration.sha256[:16]}"
        lines += ["", f"Calibration: {harmless(calibration.name)} ({about})"]
    lines += ["", f"Encoder: {harmless(encoder['checkpoint'])}, SHA-256 {encoder['sha256'][:16]}"]
    lines += [f"{outcome.made}  {SPACE}" if official else outcome.made]
    return "\n".join(["```", *lines, "```"])
