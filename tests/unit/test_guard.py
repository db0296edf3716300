"""What the guard logs of a request that it refuses: enough to see an unknown one, nothing of a visitor's files."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from megastyle.form import Limits
from megastyle.guard import PATH_LOGGED, Guard

LIMITS = Limits(upload_bytes=1000, upload_files=3, event_bytes=100)


async def never(*_: object) -> None:
    """An app that must not be reached."""
    raise AssertionError("let in")


def refused(method: str, path: str, caplog: pytest.LogCaptureFixture) -> str:
    """Send a request that is refused; the one line that is logged of it."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    guard = Guard(never, Path("/uploads"), LIMITS)
    with caplog.at_level(logging.INFO, "megastyle.guard"), ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, guard(scope, never, send)).result()  # type: ignore[arg-type]
    assert sent[0]["status"] == 404
    (line,) = caplog.messages
    return line


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_refused_request_is_logged_with_method_and_path(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """So that a route which the platform asks for and nobody knows of can be seen."""
    line = refused(method, "/gradio_api/unknown", caplog)
    assert line == f"Refused {method} '/gradio_api/unknown': 404 There is nothing here."


def test_what_follows_the_file_of_a_path_is_hidden(caplog: pytest.LogCaptureFixture) -> None:
    """It holds the name that the visitor gave the file."""
    line = refused("POST", "/gradio_api/file=/uploads/aa11/holiday file=2.png", caplog)
    assert line == "Refused POST '/gradio_api/file=': 404 There is nothing here."


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\x1b[2K", "\0"])
def test_no_path_forges_a_line_of_the_log(end: str, caplog: pytest.LogCaptureFixture) -> None:
    """It stays one line, and its characters are those that a terminal shows as they are."""
    line = refused("GET", f"/x{end}2026-01-01 00:00:00,000 INFO forged", caplog)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert line.isprintable()


def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    assert len(refused("GET", "/" + "x" * 10_000, caplog)) < PATH_LOGGED + 60
