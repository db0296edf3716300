"""The machine: what it is, what room it has, and what a process takes of it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

SAMPLING_SECONDS = 0.005


class RoomError(RuntimeError):
    """Too little memory or disk; the message says how much is needed."""


def available_memory() -> int:
    """Bytes that processes can still have; what the kernel keeps of files counts, for it gives that up."""
    return kilobytes(Path("/proc/meminfo"), "MemAvailable")


def kilobytes(path: Path, field: str) -> int:
    """Bytes of a field that a file of /proc gives in kB; 0 if the process has gone."""
    found = re.search(rf"^{field}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def free_disk(folder: Path) -> int:
    """Free bytes where `folder` is, or would be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_room(folder: Path, disk: int, memory: int) -> None:
    """Refuse to go on without room; nothing is written.

    Raises:
        RoomError: `folder` lacks the bytes of disk, or the machine those of memory.
    """
    needs = ((f"of disk space in {folder}", disk, free_disk(folder)), ("of memory", memory, available_memory()))
    if lacking := [
        f"{need / 1e9:.1f} GB {what}, {have / 1e9:.1f} GB are free" for what, need, have in needs if have < need
    ]:
        raise RoomError(
            f"The benchmark needs {'; and '.join(lacking)}. Nothing was written. "
            "MEGASTYLE_BENCH_DIR names another folder."
        )


def describe() -> str:
    """The machine in words."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = kilobytes(Path("/proc/meminfo"), "MemTotal") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "gradio"))
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores of {model[1] if model else platform.machine()}, {memory:.0f} GB, "
        f"Python {platform.python_version()}, {libraries}"
    )


class PeakAnonymous:
    """The most anonymous memory (RssAnon) that a process had while the block ran, sampled from outside it every 5 ms.

    Pages of mapped files do not count: the kernel can drop them, and processes share them.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Watch `process`."""
        self.status = Path(f"/proc/{process.pid}/status")
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLING_SECONDS):
            try:
                self.bytes = max(self.bytes, kilobytes(self.status, "RssAnon"))
            except (FileNotFoundError, ProcessLookupError):
                return
