"""What visitors leave behind is deleted in time, whatever it is, and nothing else is."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopback import WAIT_SECONDS
from megastyle.sweep import sweep, sweeping


def test_old_files_and_empty_folders_go_whatever_they_are(tmp_path: Path) -> None:
    """What Gradio knows nothing of included: half an upload, a folder in a file's place, a link."""
    folder, outside = tmp_path / "uploads", tmp_path / "outside.png"
    (folder / "a" / "b").mkdir(parents=True)
    outside.write_bytes(b"kept")
    for name in ("tmpabcdef", "a/one.png", "a/b/two.png", "a/.hidden"):
        (folder / name).write_bytes(b"old")
    (folder / "link").symlink_to(outside)
    (folder / "folder link").symlink_to(tmp_path)
    (folder / "broken").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe")
    sweep(folder, age=-1)  # older than a moment that is still to come: everything
    sweep(folder, age=-1)
    assert list(folder.iterdir()) == []
    assert outside.read_bytes() == b"kept"


def test_a_file_that_is_not_old_stays_and_so_does_its_folder(tmp_path: Path) -> None:
    """An hour is longer than this test."""
    file = tmp_path / "a" / "one.png"
    file.parent.mkdir()
    file.write_bytes(b"new")
    sweep(tmp_path, age=3600)
    assert file.read_bytes() == b"new"


def test_no_folder_yet_is_no_fault(tmp_path: Path) -> None:
    """Before the first upload."""
    sweep(tmp_path / "none", age=0)


def test_the_deleting_goes_on_after_it_failed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Gradio's own ends for good."""
    sweeps = threading.Semaphore(0)

    def fail(*_: object) -> None:
        sweeps.release()
        raise PermissionError("not now")

    async def run() -> None:
        async with sweeping(tmp_path, 0, 0)(None):
            for _ in range(3):
                assert await asyncio.to_thread(sweeps.acquire, timeout=WAIT_SECONDS)

    monkeypatch.setattr("megastyle.sweep.sweep", fail)
    with ThreadPoolExecutor(1) as thread:  # the browser's own event loop may run in this one
        thread.submit(asyncio.run, run()).result()
    assert "Old files were not all deleted" in caplog.text
