"""The check of a deployed page: what a person would look at after a push."""

from __future__ import annotations


class ProblemError(Exception):
    """Ends the check; the message is one line that says what is wrong and what to do."""
