"""The progress of a long step, for whoever started it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from typing_extensions import Self

LINES = 10  # of progress where there is no terminal to draw a bar on


class Progress:
    """How far a step is: a bar with the time left, or some lines where nobody watches.

    Args:
        what: is done.
        total: number of pictures.
        done: how many of them an earlier run has done.
    """

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self._what, self._total, self._first, self._done = what, total, done, done
        self._began = time.monotonic()
        seen = sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, desc=what, unit="picture", smoothing=0.1) if seen else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, count: int) -> None:
        """So many more are done."""
        before, self._done = self._done, self._done + count
        if self._bar is not None:
            self._bar.update(count)
        elif before * LINES // self._total < self._done * LINES // self._total:
            seconds = (time.monotonic() - self._began) / (self._done - self._first) * (self._total - self._done)
            left = f", about {seconds / 60:.0f} minutes left" if seconds > 60 else ""
            print(f"{self._what}: {self._done} of {self._total}{left}", file=sys.stderr, flush=True)
