"""The door of the public page: only the routes that it uses, only bodies within its limits, only files that it got.

Gradio leaves open what a page with private endpoints does not need: routes by which a script calls a handler by its
name or has the server fetch an address, bodies without a limit, and events that name any file of the server (an image
without `meta` passes unchecked). `Guard`, ASGI middleware, stands in front of Gradio and refuses all three.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse

from megastyle.form import Form, Limits, too_large

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("megastyle.guard")

READ_ROUTES = re.compile(  # what the page's client, a health check and the launch itself ask for
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static|svelte)/.+"
    r"|/gradio_api/(info/?|app_id/?|startup-events|upload_progress|queue/data|heartbeat/[^/]+|file=(?!https?:).+)"
)
UPLOAD_ROUTE = "/gradio_api/upload"
WRITE_ROUTES = re.compile(UPLOAD_ROUTE + r"|/gradio_api/(queue/join|cancel|reset/?)")
ROUTES = {"GET": READ_ROUTES, "HEAD": READ_ROUTES, "POST": WRITE_ROUTES}
PATH_LOGGED = 100  # characters of a refused path; longer ones are no request of the page or the platform
UPLOAD_FOLDER_NAME = re.compile(
    r"[0-9a-f]{64}"
)  # Gradio keeps an upload as <folder>/<salted SHA-256 of its content>/<name>


class Guard:
    """ASGI middleware in front of Gradio."""

    def __init__(self, app: ASGIApp, folder: Path, limits: Limits) -> None:
        """Guard `app`, whose uploads lie in `folder`."""
        self.app, self.folder, self.limits = app, folder, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it; there are no websockets."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                admitted = await self.admit(Request(scope, receive))
            except HTTPException as refusal:
                log.info("Refused %s: %d %s", described(scope), refusal.status_code, refusal.detail)
                await answer(refusal, scope["path"])(scope, receive, send)
            except ClientDisconnect:
                log.info("A visitor left in the middle of a request")
            else:
                await self.app(scope, admitted, noted(scope, send))

    async def admit(self, request: Request) -> Receive:
        """How the app receives the request's body.

        Raises:
            HTTPException: the request is refused.
        """
        route = ROUTES.get(request.method)
        if not (route and route.fullmatch(request.scope["path"])):
            raise HTTPException(404, "There is nothing here.")
        if request.method != "POST":
            return request.receive
        if request.scope["path"] == UPLOAD_ROUTE:
            return self.admit_upload(request)
        body = await read_body(request, self.limits.event_bytes)
        check_files(body, self.folder)
        return replay(body, request.receive)

    def admit_upload(self, request: Request) -> Receive:
        """The upload, checked as it comes in; Gradio's parser deletes what it has stored when this raises.

        Raises:
            HTTPException: the upload says beforehand that it is too large.
        """
        if int(request.headers.get("content-length", 0)) > self.limits.upload_bytes:
            raise HTTPException(413, too_large(self.limits.upload_bytes))
        form = Form(request.headers.get("content-type", ""), self.limits)

        async def receive() -> Message:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was broken off.")
            try:
                form.add(message.get("body", b""))
            except MultiPartException as refusal:
                log.info("Refused an upload: %s", refusal.message)
                raise
            return message

        return receive


def answer(refusal: HTTPException, path: str) -> JSONResponse | PlainTextResponse:
    """The refusal as the page's client shows it: an upload's text as it is, everything else's from `detail`."""
    if path == UPLOAD_ROUTE:
        return PlainTextResponse(refusal.detail, refusal.status_code)
    return JSONResponse({"detail": refusal.detail}, refusal.status_code)


def described(scope: Scope) -> str:
    """A request's method and path for the log, so that an unknown request of the platform is seen.

    What follows `file=` holds visitors' file names and is left out. A hostile path is cut, and `ascii` keeps it on one
    line.
    """
    path, separator, _ = scope["path"].partition("file=")
    return f"{scope['method']} {path[:PATH_LOGGED] + separator!a}"


def noted(scope: Scope, send: Send) -> Send:
    """A `send` that logs what Gradio itself refuses: a file that is too large, a full queue."""
    if scope["method"] != "POST":
        return send

    async def send_noted(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            log.info("Answered %d to %s", message["status"], scope["path"])
        await send(message)

    return send_noted


async def read_body(request: Request, limit: int) -> bytes:
    """A request's body.

    Raises:
        HTTPException: it has more than `limit` bytes.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"The request exceeds {limit // 1024} KB.")
    return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body which was already read, then whatever comes after it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        return next(messages, None) or await receive()

    return receive_again


def check_files(body: bytes, folder: Path) -> None:
    """Refuse an event that names a file which is no upload in `folder`.

    Raises:
        HTTPException: it does, or it is no JSON.
    """
    try:
        strangers = [entry for entry in file_entries(json.loads(body)) if not is_upload(entry, folder)]
    except (ValueError, RecursionError):
        raise HTTPException(400, "The request is not what the page sends.") from None
    if strangers:
        raise HTTPException(400, "Only pictures that were uploaded here can be compared. Choose the file again.")


def file_entries(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON value that names a file or an address, however deep."""
    if isinstance(value, dict):
        if "path" in value or "url" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from file_entries(part)


def is_upload(entry: Mapping[str, Any], folder: Path) -> bool:
    """Whether an entry names a place in `folder` where Gradio puts uploads.

    What Gradio would fetch from an address, take as a stream, or read from the entry itself is no upload.
    """
    path, url = entry.get("path"), entry.get("url")
    if not isinstance(path, str) or entry.get("is_stream") or (isinstance(url, str) and url.startswith("data:")):
        return False
    place = Path(path)
    return (
        place.parent.parent == folder and bool(UPLOAD_FOLDER_NAME.fullmatch(place.parent.name)) and place.name != ".."
    )
