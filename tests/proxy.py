"""A server on loopback between browser and app, which changes answers: a page that is not as it should be."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

Change = Callable[[bytes], bytes]
DROPPED = (
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "connection",
)  # they are about the way, not the answer


class Proxy:
    """The server.

    `changes` says by the ending of a path what becomes of the answer's body; `status` answers everything. While the
    line is cut, nothing comes through; it is cut by itself at a path that ends like one of `breaks`.
    """

    def __init__(self, target: str, changes: dict[str, Change] | None = None, status: int | None = None) -> None:
        self.target, self.changes, self.status = target, changes or {}, status
        self.statuses: dict[str, int] = {}  # by the ending of a path, what a front answers there, in HTML
        self.breaks: tuple[str, ...] = ()
        self.asked: list[str] = []  # the paths, or the hosts of a way through
        self.is_cut = False
        self.connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
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

    def cut(self) -> None:
        """End every connection, and let none come through until `is_cut` is false again."""
        self.is_cut = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; the connection ends with the answer, so that no length need be known."""

    proxy: Proxy  # set by the subclass that each proxy makes

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.proxy.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.proxy.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        """Pass on, or refuse."""
        path = self.path.split("?")[0]
        self.proxy.asked.append(path)
        if path.endswith(self.proxy.breaks or "\0"):
            self.proxy.breaks = ()
            self.proxy.cut()
        if self.proxy.is_cut:
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = next((status for end, status in self.proxy.statuses.items() if path.endswith(end)), self.proxy.status)
        if status:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<html><title>{status}</title><h1>{status} of a front</h1></html>".encode())
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
        change = next((act for end, act in self.proxy.changes.items() if path.endswith(end)), None)
        with httpx.stream(
            self.command, self.proxy.target + self.path, headers=headers, content=body, timeout=120
        ) as answer:
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in DROPPED:
                    self.send_header(name, value)
            self.end_headers()
            if change:
                self.wfile.write(change(answer.read()))
                return
            for part in answer.iter_bytes():
                self.wfile.write(part)
                self.wfile.flush()

    do_POST = do_HEAD = do_CONNECT = do_GET  # noqa: N815 - http.server's names
