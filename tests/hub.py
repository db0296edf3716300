"""A small Hugging Face Hub on loopback: serves files as the real one does, and fails on demand.

Point a process at it with `HF_ENDPOINT=hub.url`. It answers `HEAD` and `GET /{repo}/resolve/{revision}/{file}` with the
headers that the official client needs, and records what it was asked. `hub.faults[method, file]` is what goes wrong: a
`Status` is the answer, a function makes the bytes that arrive of those that were promised. `hub.spaces` are the Spaces
that it knows, and what each is doing.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from loopback import Answering, Quiet

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # what the branch `main` of every repository points at
LARGE_SUFFIXES = (".pth", ".safetensors")  # kept in LFS on the Hub: their ETag is a SHA-256, not git's SHA-1
SPACES = re.compile(r"/api/spaces/(?P<name>[^/]+/[^/]+)(?P<runtime>/runtime)?")
RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/[^/]+/(?P<name>.+)")


@dataclass(frozen=True)
class Status:
    """An answer without the file."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)


Fault = Status | Callable[[bytes], bytes]


@cache  # of a file of full size it takes seconds, and the client waits no longer than ten
def etag(name: str, content: bytes) -> str:
    """The name by which the Hub knows this content: SHA-256 for large files, git's blob SHA-1 for the others."""
    if name.endswith(LARGE_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's own format


@dataclass
class Space:
    """What the Hub knows of a Space; each question takes the next stage, the last one stays."""

    head: str  # commit of the repository
    host: str = "http://127.0.0.1:9"
    stages: list[str] = field(default_factory=lambda: ["RUNNING"])
    running: str | None = None  # commit that runs; None: the same
    hardware: str = "zero-a10g"

    def answer(self, name: str, *, runtime: bool) -> dict[str, Any]:
        """What the Hub says of it."""
        if not runtime:
            return {"id": name, "sha": self.head, "private": False, "host": self.host, "subdomain": name, "tags": []}
        stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
        hardware = {"current": self.hardware, "requested": self.hardware}
        return {
            "stage": stage,
            "hardware": hardware,
            "sha": self.running or self.head,
            "errorMessage": "Exit\ncode: 1.",
        }


class Hub(Answering):
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.spaces: dict[str, Space] = {}
        self.faults: dict[tuple[str, str], Fault] = {}
        self.asked: list[tuple[str, str]] = []  # method and file, in order
        self.tokens: set[str | None] = set()  # the Authorization headers that came
        super().__init__(_Handler)


class _Handler(Quiet):
    """Answers one request, whose connection ends with the answer."""

    owner: Hub

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer with the file, from the first byte that the Range header asks for; a HEAD with its headers alone."""
        if space := SPACES.fullmatch(self.path.split("?")[0]):
            self.send_space(space["name"], runtime=bool(space["runtime"]))
            return
        match = RESOLVE.fullmatch(self.path)
        name = match["name"] if match else self.path
        content = self.owner.repositories[match["repo"]].get(name) if match else None
        self.owner.asked.append((self.command, name))
        self.owner.tokens.add(self.headers.get("Authorization"))
        fault = self.owner.faults.get((self.command, name))
        if content is None or isinstance(fault, Status):
            fault = fault if isinstance(fault, Status) else Status(404, {"X-Error-Code": "EntryNotFound"})
            self.send_answer(fault.code, {**fault.headers, "Content-Length": "0"})
            return
        start = int(re.sub(r"\D", "", self.headers.get("Range", "")) or 0)
        ranges = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        length = {"Content-Length": str(len(content) - start)}
        self.send_answer(206 if start else 200, {"ETag": f'"{etag(name, content)}"', **length, **ranges})
        if self.command == "GET":
            self.wfile.write((fault(content) if fault else content)[start:])

    def send_space(self, name: str, *, runtime: bool) -> None:
        """Say what a Space is, or what it does."""
        known = self.owner.spaces.get(name)
        body = json.dumps(known.answer(name, runtime=runtime) if known else {"error": "Repository not found"}).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self.send_answer(200 if known else 401, headers | ({} if known else {"X-Error-Code": "RepoNotFound"}))
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def send_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Send all but the body."""
        self.send_response(status)
        for name, value in {"X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def closed_port() -> int:
    """A port of loopback on which nothing listens: a connection to it is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
