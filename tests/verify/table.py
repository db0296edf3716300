"""The table that the check prints: one line for each thing that was checked, as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WHAT_WIDTH = 30  # characters


@dataclass(frozen=True)
class Line:
    """What was checked and what was seen; `ok` is None where it could not be checked, which `seen` explains."""

    what: str
    ok: bool | None
    seen: str

    def __str__(self) -> str:
        """The line as it is printed."""
        mark = {True: "ok", False: "FAIL", None: "-"}[self.ok]
        return f"{mark:<6}{self.what:<{WHAT_WIDTH}}{' '.join(self.seen.split())}"


def show(text: str) -> None:
    """Print at once, so that whoever waits sees how far it is."""
    print(text, flush=True)  # noqa: T201 - a program that prints


@dataclass
class Table:
    """The lines so far."""

    lines: list[Line] = field(default_factory=list)
    say: Callable[[str], Any] = show

    def add(self, *lines: Line) -> None:
        """Keep lines, and show them."""
        for line in lines:
            self.lines.append(line)
            self.say(str(line))

    @property
    def failed(self) -> list[Line]:
        """The lines that say FAIL."""
        return [line for line in self.lines if line.ok is False]
