"""A small Hugging Face Hub on loopback: serves files as the real one does, and fails on demand.

Point a process at it with `HF_ENDPOINT=hub.url`. It answers `HEAD` and `GET /{repo}/resolve/{revision}/{file}` with the
headers that the official client needs (`ETag`, `X-Repo-Commit`, `Content-Length`, ranges), records every request, and
takes one planned fault off a list for each request, so that "500, then fine" is `hub.plan(repo, file, "GET",
Status(500))`.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # what the branch `main` of every repository points at
LARGE_SUFFIXES = (".pth", ".safetensors")  # kept in LFS on the Hub: their ETag is a SHA-256, not git's SHA-1
RESOLVE = re.compile(r"(?P<storage>/storage)?/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)")


@dataclass(frozen=True)
class Status:
    """Answer with an error status instead of the file."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stop:
    """Close the connection after `after` bytes of the body; with `reset`, as a dropped connection does (TCP RST)."""

    after: int
    reset: bool = False


@dataclass(frozen=True)
class Stall:
    """Send `after` bytes of the body, then nothing more for as long as the hub runs."""

    after: int


@dataclass(frozen=True)
class Drip:
    """Send the body in `pieces` pieces, `pause` seconds apart: slow, but never silent for longer than that."""

    pieces: int
    pause: float


@dataclass(frozen=True)
class WrongLength:
    """Send a complete answer, correct in itself, whose body is `change` bytes longer (or shorter) than the file."""

    change: int


@dataclass(frozen=True)
class Damage:
    """Send the right number of bytes, with the byte at `at` inverted."""

    at: int


Fault = Status | Stop | Stall | Drip | WrongLength | Damage

REPOSITORY_NOT_FOUND = Status(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
ENTRY_NOT_FOUND = Status(404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
GATED = Status(
    401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted. Please log in."}
)
INVALID_TOKEN = Status(401, {"X-Error-Message": "Invalid credentials in Authorization header"})


@dataclass(frozen=True)
class Request:
    """One recorded request: `start` is the first byte asked for by a Range header, None without one.

    What is no file of a repository (the client's telemetry, say) has an empty `repo` and its path as `name`. `token` is
    what came with it.
    """

    method: str
    repo: str
    name: str
    start: int | None
    token: str | None = None


def etag(name: str, content: bytes) -> str:
    """Return the name by which the Hub knows this content: SHA-256 for large files, git's blob SHA-1 for the others."""
    if name.endswith(LARGE_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's own format


def xet_hash(content: bytes) -> str:
    """Return a name for this content in Xet storage: 64 hexadecimal digits that are not its SHA-256."""
    return hashlib.blake2b(content, digest_size=32).hexdigest()


class Hub:
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        """Bind a free port on loopback; nothing is served before `with`."""
        self.repositories: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.xet: set[str] = set()  # names of the files that the Hub says it keeps in Xet storage
        self.redirected: set[str] = set()  # names of the files for which it points to a storage host, as for LFS
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._plans: dict[tuple[str, str, str], list[Fault]] = defaultdict(list)
        self._always: dict[tuple[str, str, str], Fault] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let stalled answers go and give the port back."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The value for `HF_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def storage_url(self) -> str:
        """The same server by another name: to the client another host."""
        return f"http://localhost:{self._server.server_address[1]}/storage"

    def add(self, repo: str, files: Mapping[str, bytes]) -> None:
        """Publish `files` (name to content) in `repo`, next to those already there."""
        self.repositories[repo].update(files)

    def plan(self, repo: str, name: str, method: str, *faults: Fault) -> None:
        """Meet the next requests for this file with `faults`, one each; later ones are answered properly."""
        self._plans[repo, name, method].extend(faults)

    def always(self, repo: str, name: str, fault: Fault, *methods: str) -> None:
        """Meet every request for this file with `fault` (HEAD and GET unless `methods` says otherwise)."""
        self._always.update({(repo, name, method): fault for method in methods or ("HEAD", "GET")})

    def heal(self) -> None:
        """Drop every fault and forget the requests so far."""
        self._plans.clear()
        self._always.clear()
        self.requests.clear()

    def unmet(self) -> list[Fault]:
        """Return the planned faults that no request has met."""
        return [fault for faults in self._plans.values() for fault in faults]

    def asked(self, method: str, name: str) -> list[Request]:
        """Return the recorded requests for one file, in order."""
        return [request for request in self.requests if (request.method, request.name) == (method, name)]

    def take(self, request: Request) -> Fault | None:
        """Record `request` and return the fault planned for it, if any."""
        key = (request.repo, request.name, request.method)
        with self._lock:
            self.requests.append(request)
            return self._plans[key].pop(0) if self._plans[key] else self._always.get(key)


class _Server(ThreadingHTTPServer):
    """One thread a connection; a client that goes away is no error."""

    daemon_threads = True
    hub: Hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the faults served here make clients hang up."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def hub(self) -> Hub:
        """The hub whose requests these are."""
        assert isinstance(self.server, _Server)
        return self.server.hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep the tests' output clean: what was asked is in `Hub.requests`."""

    def do_HEAD(self) -> None:
        """Answer with the headers of the file."""
        self._answer()

    def do_GET(self) -> None:
        """Answer with the file, from the first byte that the Range header asks for."""
        self._answer()

    def _answer(self) -> None:
        match = RESOLVE.fullmatch(unquote(self.path))
        token = self.headers.get("Authorization")
        if match is None:
            self.hub.take(Request(self.command, "", self.path, None, token))
            self._send_status(Status(404))
            return
        ranged = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        request = Request(self.command, match["repo"], match["name"], int(ranged[1]) if ranged else None, token)
        fault = self.hub.take(request) or self._missing(request)
        if isinstance(fault, Status):
            self._send_status(fault)
        elif request.name in self.hub.redirected and not match["storage"]:
            self._send_status(Status(302, self._redirection(request)))
        else:
            self._send_file(request, fault)

    def _redirection(self, request: Request) -> dict[str, str]:
        """Return the headers with which the Hub points to a large file and says what it is."""
        content = self.hub.repositories[request.repo][request.name]
        return {
            "Location": self.hub.storage_url + self.path,
            "X-Linked-Etag": f'"{etag(request.name, content)}"',
            "X-Linked-Size": str(len(content)),
        }

    def _missing(self, request: Request) -> Status | None:
        files = self.hub.repositories.get(request.repo)
        if files is None:
            return REPOSITORY_NOT_FOUND
        return None if request.name in files else ENTRY_NOT_FOUND

    def _send_status(self, status: Status) -> None:
        self.send_response(status.code)
        for name, value in {"X-Repo-Commit": COMMIT, "Content-Length": "0", **status.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_file(self, request: Request, fault: Fault | None) -> None:
        content = self.hub.repositories[request.repo][request.name]
        start = request.start or 0
        body = _spoil(content, fault)[start:]
        self.send_response(200 if request.start is None else 206)
        self.send_header("ETag", f'"{etag(request.name, content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if request.start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if request.name in self.hub.xet:
            self.send_header("X-Xet-Hash", xet_hash(content))
            self.send_header("X-Xet-Refresh-Route", f"{self.hub.url}/api/models/{request.repo}/xet-read-token/{COMMIT}")
        self.end_headers()
        if self.command == "GET":
            self._send_body(body, fault)

    def _send_body(self, body: bytes, fault: Fault | None) -> None:
        for piece in _pieces(body, fault):
            self.wfile.write(piece)
            if isinstance(fault, Drip):
                self.hub.closing.wait(fault.pause)
        if isinstance(fault, Stall):
            self.hub.closing.wait()
        if isinstance(fault, Stop):
            self._hang_up(reset=fault.reset)

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:  # a zero linger time turns close() into a TCP reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _spoil(content: bytes, fault: Fault | None) -> bytes:
    """Return what is sent in place of `content`."""
    if isinstance(fault, Damage):
        damaged = bytearray(content)
        damaged[fault.at] ^= 0xFF
        return bytes(damaged)
    if isinstance(fault, WrongLength):
        return content + bytes(fault.change) if fault.change > 0 else content[: fault.change]
    return content


def _pieces(body: bytes, fault: Fault | None) -> Iterator[bytes]:
    """Cut `body` into what is sent at once, and drop what is not sent at all."""
    if isinstance(fault, (Stop, Stall)):
        body = body[: fault.after]
    size = -(-len(body) // fault.pieces) if isinstance(fault, Drip) else len(body)
    return (body[start : start + size] for start in range(0, len(body), size or 1))


def closed_port() -> int:
    """Return a port of loopback on which nothing listens: a connection to it is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
