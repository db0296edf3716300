"""The deletion of what visitors leave behind: uploads, broken uploads, results, and the folders that held them.

Gradio's own `delete_cache` is not used: one request that names a folder ends it for ever, and it leaves folders behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def sweep(folder: Path, age: float) -> None:
    """Delete files and empty folders in `folder` that were last changed more than `age` seconds ago."""
    newest = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds comes before the folder
        with contextlib.suppress(OSError):  # gone already, or a folder that is not empty
            if path.lstat().st_ctime < newest:
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


async def sweep_forever(folder: Path, age: float, every: float) -> None:
    """Sweep at once and then every so many seconds, until the task is cancelled."""
    while True:
        try:
            await asyncio.to_thread(sweep, folder, age)
        except OSError:  # a folder vanished while it was listed; the next sweep sees what is left
            log.exception("Old files were not all deleted")
        await asyncio.sleep(every)


def sweeping(folder: Path, age: float, every: float) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The lifespan of an app that sweeps `folder` when it starts and then every so many seconds."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(sweep_forever(folder, age, every))
        try:
            yield
        finally:
            task.cancel()

    return lifespan
