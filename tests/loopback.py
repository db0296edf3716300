"""What a test of a real server needs: a free port, the app behind it, and patience."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 300  # until a started app must answer; a limit for a hang, not a measure
WAIT_SECONDS = 60  # until a condition must hold; a limit for a hang, not a measure


class Quiet(BaseHTTPRequestHandler):
    """Answers one request and says nothing on the terminal."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


class Answering:
    """A server in this process, while it is used as a context manager; its handlers know it as `owner`."""

    def __init__(self, handler: type[Quiet]) -> None:
        """Take a port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"owner": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


def server_process(server: str) -> int:
    """The process that serves the page: the one whose socket listens on its port."""
    port = int(server.rsplit(":", 1)[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    raise AssertionError(f"no process listens on port {port}")


def memory_of(server: str) -> int:
    """Bytes of memory that belong to the process that serves the page."""
    status = Path(f"/proc/{server_process(server)}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))


@contextmanager
def serving(
    environment: dict[str, str], temp: Path, command: tuple[str, ...] = (sys.executable, "app.py")
) -> Iterator[str]:
    """Run the app as its users do, with its files and log below `temp`, until the block ends; gives its URL."""
    port = free_port()
    places = {"GRADIO_TEMP_DIR": str(temp / "gradio"), "TMPDIR": str(temp)}
    settings = {**environment, **places, "GRADIO_SERVER_PORT": str(port)}
    log = temp / "app.log"
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=ROOT, env=settings, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield wait_until_up(f"http://127.0.0.1:{port}", process, log)
        finally:
            process.kill()  # its graceful end waits for streams that are open


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """The URL, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=30).is_success:
                return url
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the app did not start:\n{log.read_text()}")
