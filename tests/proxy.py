"""A server on loopback between browser and app, which changes answers: a page that is not as it should be."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import httpx

from loopback import Answering, Quiet

Change = Callable[[bytes], bytes]
DROPPED = (
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "connection",
)  # they are about the way, not the answer


class Proxy(Answering):
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
        super().__init__(_Handler)

    def cut(self) -> None:
        """End every connection, and let none come through until `is_cut` is false again."""
        self.is_cut = True
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(Quiet):
    """Answers one request; the connection ends with the answer, so that no length need be known."""

    owner: Proxy

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        self.owner.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        self.owner.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Pass on, or refuse."""
        path = self.path.split("?")[0]
        self.owner.asked.append(path)
        if path.endswith(self.owner.breaks or "\0"):
            self.owner.breaks = ()
            self.owner.cut()
        if self.owner.is_cut:
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = next((status for end, status in self.owner.statuses.items() if path.endswith(end)), self.owner.status)
        if status:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<html><title>{status}</title><h1>{status} of a front</h1></html>".encode())
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
        change = next((act for end, act in self.owner.changes.items() if path.endswith(end)), None)
        with httpx.stream(
            self.command, self.owner.target + self.path, headers=headers, content=body, timeout=120
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
