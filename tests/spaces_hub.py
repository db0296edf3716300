"""A small Hub on loopback that knows Spaces: what they are, which stage they are in, what their logs say.

Point a process at it with `HF_ENDPOINT=hub.url`. Each question about the runtime takes the next stage of `stages`; the
last one stays. Without a token a private Space does not exist, as on the real Hub, and nobody reads a log.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

ROUTE = re.compile(r"/api/spaces/(?P<name>[^/]+/[^/]+)(?P<rest>/runtime|/logs/(build|run))?")
TOKEN = "hf_abcdefghijklmnopqrstuvwxyz"  # noqa: S105 - the only one that it knows
OWNER = "somebody"
NAME = f"{OWNER}/comparison"


@dataclass
class Space:
    """What the Hub knows of one Space."""

    head: str  # commit of the repository
    running: str | None = None  # commit that runs; None: the same
    host: str = "http://127.0.0.1:9"
    stages: list[str] = field(default_factory=lambda: ["RUNNING"])
    hardware: str = "zero-a10g"
    private: bool = False
    error: str | None = None
    log: str = ""

    def runtime(self) -> dict[str, Any]:
        """The answer about the runtime; the stage moves on."""
        stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
        hardware = {"current": self.hardware, "requested": self.hardware}
        answer = {"stage": stage, "hardware": hardware, "gcTimeout": 172800, "sha": self.running or self.head}
        return answer | ({"errorMessage": self.error} if self.error else {})

    def info(self) -> dict[str, Any]:
        """The answer about the repository."""
        names = {"id": NAME, "author": OWNER, "subdomain": NAME.replace("/", "-"), "sdk": "gradio"}
        return {**names, "sha": self.head, "private": self.private, "host": self.host, "tags": []}


class SpacesHub:
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.refusals: list[int] = []  # statuses, one for each of the next questions about a runtime
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The value for `HF_ENDPOINT`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    hub: SpacesHub  # set by the subclass that each hub makes

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer by path."""
        match, token = ROUTE.fullmatch(self.path.split("?")[0]), self.headers.get("Authorization")
        space = self.hub.spaces.get(match["name"]) if match else None
        rest = (match["rest"] or "") if match else ""
        if self.hub.refusals and rest == "/runtime":
            self.reply(self.hub.refusals.pop(0), {"error": "planned"})
        elif token not in (None, f"Bearer {TOKEN}"):
            self.reply(401, {"error": "Invalid username or password."}, "Invalid username or password.")
        elif space is None or (space.private and not token):
            self.reply(401, {"error": "Repository not found"}, "Repository not found", {"X-Error-Code": "RepoNotFound"})
        elif rest.startswith("/logs") and not token:
            self.reply(401, {"error": "Unauthorized"}, "Unauthorized")
        elif rest.startswith("/logs"):
            events = (json.dumps({"data": f"{line}\n"}) for line in space.log.splitlines())
            self.send(200, "text/event-stream", "".join(f"data: {event}\n\n" for event in events))
        else:
            self.reply(200, space.runtime() if rest else space.info())

    def reply(self, status: int, body: Any, message: str = "", headers: dict[str, str] | None = None) -> None:
        """Send JSON."""
        said = {"X-Error-Message": message} if message else {}
        self.send(status, "application/json", json.dumps(body), {**said, **(headers or {})})

    def send(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
