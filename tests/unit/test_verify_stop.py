"""Ctrl+C ends the check of a deployment, wherever it comes."""

from __future__ import annotations

import signal

import pytest

from verify import __main__ as command


def test_an_interruption_that_was_lost_comes_again_with_the_next_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finaliser swallows it; another Ctrl+C meanwhile does not break the cleaning up."""
    monkeypatch.setattr(command, "mute", lambda: None)
    interruption = command.Interruption()
    interruption.say("before")
    with pytest.raises(KeyboardInterrupt):
        interruption(signal.SIGINT, None)
    interruption(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interruption.say("after")
    assert capsys.readouterr().out == "before\n"
