"""The reason why a deployment cannot be checked, with what to do about it."""

from __future__ import annotations


class ProblemError(Exception):
    """Ends the check; `reason` is one line that says what is wrong and what to do, `log` what the Space itself said."""

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.reason, self.log = reason, log
