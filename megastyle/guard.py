"""The door of the public page: it lets in what the page itself sends, and bounds what visitors make the server hold.

Gradio leaves open what a page with private endpoints does not need: routes by which a script calls a handler by its
name or has the server fetch an address, events that name any file of the server, bodies, sessions and uploads without
a bound, requests of other web sites, and a queue that one event can end for everybody. `Door` closes these: it is the
outermost ASGI layer, it holds the queue, and it sweeps what visitors leave.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ipaddress
import itertools
import logging
import os
import random
import re
import shutil
import stat
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

import gradio as gr
from gradio import route_utils, routes
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import LRUCache
from markupsafe import Markup
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import PydanticCustomError
from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

# Gradio internal: its routes; after an upgrade look at what the page, the launch and the platform ask for
UPLOAD_ROUTE = "/gradio_api/upload"
TOKEN = re.compile(r"[0-9a-z]{6,16}")  # its client names sessions and uploads by 9 to 12 of these
TOKENS = {"session_hash", "upload_id"}
STREAMS = re.compile(rf"/gradio_api/(queue/data|heartbeat/(?P<session>{TOKEN.pattern}))")
FILES = re.compile(r"/gradio_api/file=(?P<path>.+)", re.DOTALL)
READ_ROUTES = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static|svelte)/.{1,200}"
    rf"|/gradio_api/(info/?|app_id/?|startup-events|upload_progress)|{STREAMS.pattern}|{FILES.pattern}",
    re.DOTALL,
)
WRITE_ROUTES = re.compile(r"/gradio_api/(upload|queue/join|cancel|reset/?)")
FOLDER_OF_UPLOAD = re.compile(r"[0-9a-f]{64}")  # Gradio internal: an upload is <folder>/<salted SHA-256>/<name>
HUB = "https://huggingface.co"  # its pages may ask for what can be read, though not read it

EVENT_BYTES = 128 * 2**10  # the largest event that the page sends takes about half
NAME_LENGTH = 255  # characters of a file's name: what file systems allow
EVENT_COLONS = 4000  # in an event: one a key, of which a file has 8; thousands of unknown keys would take time
PATH_LOGGED = 100  # characters of a refused path; longer ones are no request of the page or the platform
FILE_COST = 2**18  # bytes that a file counts at least, so that tiny files are bounded in number
SESSIONS = 1000  # tabs that are remembered at once; a tab holds about 100 KB
SESSIONS_OF_VISITOR = 100  # of one address: a school's
UPLOADS_AT_ONCE, UPLOADS_OF_VISITOR = 200, 40  # that are under way: a slow one holds two descriptors
SILENT_SECONDS = 20.0  # after which an upload of which nothing arrives is broken off
STREAMS_OF_SESSION = 4  # the page keeps two connections open
EVENTS_OF_SESSION = 4  # that wait, run, or whose answer has not been fetched
EVENTS_OF_VISITOR = 8  # that wait; beyond these, only a tab's first is let in
EVENTS_AT_ONCE = 4  # of one visitor that run, in the line of the comparisons and among all others
GONE_SECONDS = 30.0  # without a connection: then nobody waits at the other end
AWAY_SECONDS = 5.0  # the same, while somebody else waits for the place
TICK_SECONDS = 2.0  # how often it is looked who has gone

STRANGE = "The request is not what the page sends. Reload the page."
OUTDATED = "The page was updated; reload it."
NOT_UPLOADED = "Only pictures that were uploaded here can be compared. Choose the file again."
TOO_MANY = "These are too many pictures at once. Take some of them away."
FOREIGN = "Other sites cannot use this page. Open it itself."
BUSY = "You have several comparisons under way. Wait until they are done."
QUEUE_FULL = "Too many visitors are waiting at the moment. Try again in a minute."
CROWDED = "Too many visitors are here at the moment. Try again in a minute."
FILES_ONLY = "An upload holds files and nothing else."
INCOMPLETE = "The upload was broken off. Choose the files again."
NO_ROOM = "There is no room for more pictures at the moment. Try again in a few minutes."


class Limits(NamedTuple):
    """The most that the door lets in."""

    upload_bytes: int  # in one upload
    upload_files: int  # in one upload, and references in one event
    tried: int  # test images that an event may name beside its own
    stored_bytes: int  # of all uploads; half of what the disk has for them is never exceeded
    waiting: int  # comparisons


# ------------------------------------------------------------------------------------------------- what the page sends


class Sent(BaseModel):
    """A part of what the page sends; nothing else may stand in it."""

    model_config = ConfigDict(strict=True, extra="forbid")


Text = Annotated[str, Field(max_length=NAME_LENGTH)]
Session = Annotated[str, Field(pattern=f"^{TOKEN.pattern}$")]
EventId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Kind(Sent):
    """What Gradio's client says of each file."""

    type: Literal["gradio.FileData"] = Field(alias="_type")


class File(Sent):
    """An upload, by its place on the server."""

    path: Annotated[str, Field(max_length=4096)]
    url: Annotated[str, Field(max_length=8192)] | None = Field(None, exclude=True)  # the server never follows it
    orig_name: Text | None = None
    size: int | None = None
    mime_type: Text | None = None
    is_stream: Literal[False] = False
    meta: Kind

    @field_validator("path")
    @classmethod
    def check_path(cls, path: str, info: ValidationInfo) -> str:
        """Refuse any other file of the server; the context is the folder of the uploads, and the paths found so far.

        Raises:
            PydanticCustomError: the path is not one that an upload can have.
        """
        folder, paths = cast("tuple[Path, list[str]]", info.context)
        if not is_upload(path, folder):
            raise PydanticCustomError("not_uploaded", NOT_UPLOADED)
        paths.append(path)
        return path


class GalleryPicture(Sent):
    """A tile of the gallery."""

    image: File
    caption: None = None


class Envelope(BaseModel):
    """What tells which event a body is for."""

    fn_index: int
    trigger_id: int | None = None
    data: list[Any]


class Join(Sent):
    """An event; `data` is added for each event of the page by itself."""

    fn_index: int
    trigger_id: int | None = None
    session_hash: Session
    event_data: None = None


class Cancel(Sent):
    """The end of an event that the visitor does not wait for."""

    session_hash: Session
    fn_index: int
    event_id: EventId


class Reset(Sent):
    """Like `Cancel`; Gradio does nothing with it."""

    event_id: EventId


def is_upload(path: str, folder: Path) -> bool:
    """Whether a path is one where Gradio puts uploads; the file may be gone."""
    place, _, name = path.rpartition(os.sep)
    upper, _, own = place.rpartition(os.sep)
    return (
        upper == str(folder)
        and bool(FOLDER_OF_UPLOAD.fullmatch(own))
        and name not in ("", ".", "..")
        and "\0" not in name
    )


class Schema:
    """The events of a page, and what each of them may hold."""

    def __init__(self, config: Mapping[str, Any], folder: Path, limits: Limits) -> None:
        """Take the events from the page's own configuration.

        Raises:
            KeyError: an event has an input of a kind that is not known here.
        """
        self.folder = folder
        kinds: dict[str, Any] = {
            "image": File | None,
            "gallery": Annotated[list[GalleryPicture], Field(max_length=limits.upload_files, fail_fast=True)] | None,
            "json": Annotated[list[File], Field(max_length=limits.tried, fail_fast=True)] | None,
        }
        parts = {part["id"]: part["type"] for part in config["components"]}
        self.triggers = {target for event in config["dependencies"] for target, _ in event["targets"]} | {None}
        self.inputs = {event["id"]: len(event["inputs"]) for event in config["dependencies"] if event["backend_fn"]}
        self.models: dict[int, type[Join]] = {}
        for event in config["dependencies"]:
            if event["backend_fn"]:
                data: Any = tuple[tuple(kinds[parts[part]] for part in event["inputs"]) or ()]  # type: ignore[misc]
                self.models[event["id"]] = create_model("Event", __base__=Join, data=(data, ...))

    def read(self, path: str, body: bytes) -> tuple[bytes, list[str]]:
        """The body of a POST request, as far as the page sends it there, and the paths of the files that it names.

        Raises:
            HTTPException: it is not what the page sends; 409 where an older page would send it.
        """
        if body.count(b":") > EVENT_COLONS:
            raise HTTPException(413, TOO_MANY)
        paths: list[str] = []
        try:
            event = self.model_of(path, body).model_validate_json(body, context=(self.folder, paths))
            return event.model_dump_json(by_alias=True).encode(), paths
        except ValidationError as error:
            kinds = {fault["type"] for fault in error.errors(include_url=False, include_input=False)}
        if "too_long" in kinds:
            raise HTTPException(413, TOO_MANY)
        raise HTTPException(400, NOT_UPLOADED if "not_uploaded" in kinds else STRANGE)

    def model_of(self, path: str, body: bytes) -> type[BaseModel]:
        """What the body of this path must be.

        Raises:
            ValidationError: the body is no event.
            HTTPException: the page has no such event.
        """
        if path == "/gradio_api/cancel":
            return Cancel
        if path != "/gradio_api/queue/join":
            return Reset
        event = Envelope.model_validate_json(body)
        known = self.inputs.get(event.fn_index) == len(event.data) and event.trigger_id in self.triggers
        if not known:
            raise HTTPException(409, OUTDATED)
        return self.models[event.fn_index]


# ------------------------------------------------------------------------------------------------------------- uploads


class Store:
    """The folder of the uploads, bounded in bytes and in time; a file's change time says when it was last used."""

    def __init__(self, folder: Path, limits: Limits, age: float) -> None:
        """Keep files that were used less than `age` seconds ago."""
        self.folder, self.limits, self.age = folder, limits, age
        self.held = limits.stored_bytes  # bytes, an upper bound: uploads add theirs, a sweep counts anew
        self.lock = asyncio.Lock()

    @property
    def budget(self) -> int:
        """Bytes that may be held: the limit, or half of what the disk has for them."""
        place = next(place for place in (self.folder, *self.folder.parents) if place.exists())
        return min(self.limits.stored_bytes, (self.held + shutil.disk_usage(place).free) // 2)

    def use(self, *paths: str) -> None:
        """Note that files were used."""
        for path in paths:
            with contextlib.suppress(OSError):
                os.utime(path)

    async def take(self, size: int) -> None:
        """Note that so many bytes arrive; once the budget is reached, delete the files unused for longest.

        Raises:
            MultiPartException: that did not help, for what is there is still arriving.
        """
        self.held += size
        async with self.lock:
            if self.held > self.budget:
                await self.sweep(share=0.75)
        if self.held > self.budget:
            raise MultiPartException(NO_ROOM)

    async def sweep(self, share: float = 1) -> None:
        """Delete what was not used for long, then the oldest until a share of the budget is left."""
        before = self.held
        left = await asyncio.to_thread(sweep, self.folder, self.age, int(self.budget * share))
        self.held += left - before  # what arrived meanwhile is counted again


def sweep(folder: Path, age: float, budget: int) -> int:
    """Delete files and empty folders unused for `age` seconds, then the oldest until `budget` bytes are left.

    Gradio's own `delete_cache` is not used: one request that names a folder ends it for ever, and it leaves folders.
    Gives the bytes that are left.
    """
    oldest, kept = time.time() - age, []
    for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds comes before the folder
        with contextlib.suppress(OSError):  # gone already, or a folder that is not empty
            state = path.lstat()
            is_folder = stat.S_ISDIR(state.st_mode)
            if state.st_ctime < oldest:
                path.rmdir() if is_folder else path.unlink()
            elif not is_folder:
                kept.append((state.st_ctime, path, max(state.st_size, FILE_COST)))
    held = sum(size for _, _, size in kept)
    for _, path, size in sorted(kept):
        if held <= budget:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            held -= size
    return held


class UploadForm(route_utils.GradioMultiPartParser):  # type: ignore[misc]
    """Gradio's reader of an upload, which leaves nothing behind when it fails.

    Gradio's own keeps form fields in memory without a limit, files of another field and files of a broken upload on the
    disk, and counts a thousand files.
    """

    # Gradio internal: `GradioMultiPartParser` as `upload_fn` calls it; look at its callbacks and at what it deletes

    def __init__(self, store: Store, headers: Headers, stream: AsyncIterator[bytes], **options: Any) -> None:
        """Read the upload into `store`."""
        super().__init__(headers, self.counted(stream), **options)
        self.store, self.files = store, self._files_to_close_on_error

    async def counted(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces, as long as they are not too many and there is room.

        Raises:
            MultiPartException: they are too many, or there is none.
        """
        arrived = 0
        async for piece in stream:
            arrived += len(piece)
            if arrived > self.store.limits.upload_bytes:
                raise MultiPartException(too_large(self.store.limits.upload_bytes))
            await self.store.take(len(piece))
            yield piece

    def on_headers_finished(self) -> None:
        """Begin a file.

        Raises:
            MultiPartException: it is no file of the page, or one too many.
        """
        super().on_headers_finished()
        part, most = self._current_part, self.store.limits.upload_files
        if part.file is None or part.field_name != "files":
            raise MultiPartException(FILES_ONLY)
        if len(self.files) > most:
            raise MultiPartException(f"Too many files at once: choose at most {most}.")
        if route_utils.client_utils.strip_invalid_filename_characters(Path(part.file.filename).name) == "..":
            part.file.filename = ""  # Gradio gives it a name, instead of refusing all files and keeping some
        self.store.held += FILE_COST

    async def parse(self) -> Any:
        """The form.

        Raises:
            MultiPartException: it cannot be read, or is not complete.
        """
        try:
            form = await super().parse()
            if len(form.getlist("files")) != len(self.files):
                raise MultiPartException(INCOMPLETE)
        except BaseException as error:
            for file in self.files:
                file.close()
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file.name)  # noqa: PTH108 - the linter finds pathlib too slow in a coroutine
            for kind, words in ((ClientDisconnect, INCOMPLETE), (OSError, NO_ROOM), (FormParserError, FILES_ONLY)):
                if isinstance(error, kind):
                    raise MultiPartException(words) from None
            raise
        return form


@dataclass(eq=False)
class Sending:
    """An upload that is under way."""

    visitor: str
    heard: float = field(default_factory=time.monotonic)  # s, when something of it last arrived
    arriving: asyncio.Future[Message] | None = None
    is_over: bool = False

    def end(self) -> None:
        """Wait for no more of it."""
        self.is_over = True
        if self.arriving:
            self.arriving.cancel()

    async def receive(self, receive: Receive) -> Message:
        """The next piece.

        Raises:
            HTTPException: it was ended.
        """
        self.arriving = asyncio.ensure_future(receive())
        if self.is_over:
            self.arriving.cancel()
        try:
            message = await self.arriving
        except asyncio.CancelledError:
            if self.is_over:
                raise HTTPException(408, INCOMPLETE) from None
            raise
        self.heard = time.monotonic()
        return message


# ----------------------------------------------------------------------------------------------------------- the queue


@dataclass
class Tab:
    """One visitor's open page, which Gradio calls a session."""

    visitor: str
    connections: int = 0  # that are open
    seen: float = field(default_factory=time.monotonic)  # s, when the last one was

    @property
    def away(self) -> float:
        """Seconds since somebody listened."""
        return 0 if self.connections else time.monotonic() - self.seen

    @property
    def is_gone(self) -> bool:
        """Whether nobody has listened for a while."""
        return self.away > GONE_SECONDS


class SteadyQueue(Queue):  # type: ignore[misc]
    """Gradio's queue, which does not end, and in which visitors take turns.

    Each line of events (the comparisons, an example's button) serves the visitor who was served longest ago.
    """

    # Gradio internal: look at `send_message`, `push`, `get_events`, `start_processing`, the fields named here

    def take_over(self, door: Door) -> None:
        """Begin, in the place of Gradio's own."""
        self.door, self.max_size, self.is_closed = door, None, False
        self.turns: dict[tuple[str, str], int] = LRUCache(SESSIONS)  # when a visitor was last served in a line
        self.turn = itertools.count()
        self.ANALYTICS_MAX_EVENTS = 0  # of each event it would keep the session, and a table of all is made after each

    def visitor(self, event: Event) -> str:
        """Whose event it is."""
        tab = self.door.tabs.get(event.session_hash)
        return tab.visitor if tab else str(event.session_hash)

    def precedence(self, line: str, event: Event) -> tuple[bool, int]:
        """Whether nobody listens for an event, and when its visitor was last served in the line; -1 is never."""
        return not self.door.is_listening(event.session_hash), self.turns.get((line, self.visitor(event)), -1)

    def waiting(self) -> list[Event]:
        """The events that wait, in all lines."""
        return [event for line in list(self.event_queue_per_concurrency_id.values()) for event in list(line.queue)]

    def is_waited_for(self) -> bool:
        """Whether somebody who listens waits."""
        return any(self.door.is_listening(event.session_hash) for event in self.waiting())

    def send_message(self, event: Event, event_message: Any) -> None:
        """Tell a visitor something; who is not there any more is told nothing, instead of ending the queue."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)
        else:
            event.alive = False

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Let an event wait.

        Raises:
            HTTPException: its visitor has too many, or the line is full.
        """
        session, ids = body.session_hash, self.pending_event_ids_session
        tab = self.door.tab_of(session, request.headers)
        if session not in self.pending_messages_per_session and session in ids:  # what was said to nobody is over
            living = {name: self.event_ids_to_events.get(name) for name in ids[session]}
            ids[session] = {name for name, event in living.items() if event and event.alive}
        mine = len(ids.get(session, ()))
        visitors = sum(self.visitor(event) == tab.visitor for event in self.waiting())
        if mine >= EVENTS_OF_SESSION or (mine and visitors >= EVENTS_OF_VISITOR):
            raise HTTPException(429, BUSY)
        line = self.event_queue_per_concurrency_id.get(self.blocks.fns[body.fn_index].concurrency_id)
        if line and len(line.queue) >= self.door.limits.waiting:
            self.make_place(line.queue, tab.visitor)
        return await super().push(body, request, username)

    def make_place(self, line: list[Event], visitor: str) -> None:
        """Send the oldest event away that nobody listens for, else the last one of who has most of a full line.

        Raises:
            HTTPException: the visitor who asks would have as many.
        """
        last = next((event for event in line if not self.door.is_listening(event.session_hash)), None)
        if last is None:
            shares = Counter(map(self.visitor, line))
            greediest, most = shares.most_common(1)[0]
            if most <= shares[visitor] + 1:
                raise HTTPException(503, QUEUE_FULL)
            last = next(event for event in reversed(line) if self.visitor(event) == greediest)
        line.remove(last)
        self.event_ids_to_events.pop(last._id, None)  # noqa: SLF001 - Gradio has no other name for it
        refusal = {"error": QUEUE_FULL, "title": "Not compared", "visible": True, "duration": None}
        self.send_message(last, ProcessCompletedMessage(output=refusal, success=False))

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The event that is next; Gradio's own would take the oldest of a line.

        Who listens goes first, then who was served longest ago. What nobody listens for may be a comparison whose line
        broke, and which its visitor will look for.
        """
        lines = list(self.event_queue_per_concurrency_id.items())
        quick = {name for name, line in lines if line.concurrency_limit is None}
        active = [event for job in self.active_jobs for event in job or ()]
        running = Counter((event.concurrency_id in quick, self.visitor(event)) for event in active)
        random.shuffle(lines)
        for name, line in lines:
            if name not in quick and line.current_concurrency >= line.concurrency_limit:
                continue
            ready = [event for event in line.queue if running[name in quick, self.visitor(event)] < EVENTS_AT_ONCE]
            if ready:
                event = min(ready, key=partial(self.precedence, name))
                self.turns[name, self.visitor(event)] = next(self.turn)
                line.queue.remove(event)
                return [event], False, name
        return None

    async def start_processing(self) -> None:
        """Serve the events, and begin again when that ends by a fault; end the process if it ends at once each time."""
        ends: deque[float] = deque(maxlen=3)
        while not self.is_closed:
            try:
                await super().start_processing()
            except Exception:
                log.exception("The queue's task ended; it is started again")
                ends.append(time.monotonic())
                if len(ends) == ends.maxlen and ends[-1] - ends[0] < 1:
                    log.critical("The queue cannot be started again; the process ends")
                    os._exit(1)
            self.stopped = self.is_closed

    def close(self) -> None:
        """End with the app."""
        self.is_closed = True
        super().close()

    def _cancel_asyncio_tasks(self) -> None:
        """Let the comparisons that are under way come to their end, unless the app ends."""
        if self.is_closed:
            super()._cancel_asyncio_tasks()


# ------------------------------------------------------------------------------------------------------------ the page

DROPPED_HEADERS = {b"range", b"origin"}  # a range's answer repeats all request headers; without Origin no CORS
SENT_HEADERS = {
    *(b"content-type", b"content-length", b"content-disposition", b"content-encoding"),
    *(b"cache-control", b"etag", b"last-modified", b"location", b"vary"),
}
FIXED_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'self'; form-action 'none'; manifest-src 'self'"
)  # Gradio's client compiles the scripts of events; no `frame-ancestors`, for a Space stands in frames
OTHER_POLICY = "default-src 'none'; sandbox"
INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
PREVIEW = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>')  # Gradio's own, which name Gradio
HEAD = Markup(
    '<meta name="description" content="{description}"/><meta property="og:type" content="website"/>'
    '<meta property="og:title" content="{title}"/><meta property="og:description" content="{description}"/>'
    '<meta name="twitter:card" content="summary"/><meta name="twitter:title" content="{title}"/>'
    '<meta name="twitter:description" content="{description}"/></head>'
)
NOSCRIPT = Markup("<noscript><h1>{title}</h1><p>{description}</p><p>The page needs JavaScript.</p></noscript>")


def introduced(page: bytes, title: str, description: str) -> bytes:
    """The page with a preview of its own for links to it, and a line for who has no scripts."""
    head, end, body = page.partition(b"</head>")
    words = {"title": title, "description": description}
    head = PREVIEW.sub(b"", head) + (HEAD.format(**words).encode() if end else b"")
    return head + re.sub(rb"<body[^>]*>", lambda tag: tag[0] + NOSCRIPT.format(**words).encode(), body, count=1)


def policy_of(page: bytes) -> bytes:
    """The content security policy under which the page works: its own files, and the scripts that stand in it."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in INLINE_SCRIPT.findall(page)]
    return PAGE_POLICY.format(scripts=" ".join(f"'sha256-{digest}'" for digest in digests)).encode()


def address_of(headers: Headers) -> str | None:
    """The address that the platform's proxy tells of a visitor: the last public one, for what comes before is his."""
    for hop in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(hop.strip())
            if address.is_global:
                return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))
    return None


def refuse_foreign(request: Request, path: str) -> None:
    """Refuse what a page of another site asks for; it may show this one in a frame, or link to it.

    Raises:
        HTTPException: another site asks.
    """
    headers, reads = request.headers, request.method in ("GET", "HEAD")
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    hosts = {headers.get("x-forwarded-host", "").split(",")[0].strip(), headers.get("host", "")} - {""}
    if site in ("same-origin", "none") or (reads and origin == HUB):
        return
    if site and not (reads and path == "/" and headers.get("sec-fetch-mode") == "navigate"):
        raise HTTPException(403, FOREIGN)
    if origin and urlsplit(origin).netloc not in hosts:
        raise HTTPException(403, FOREIGN)


# ------------------------------------------------------------------------------------------------------------ the door


class Door:
    """The outermost layer of the app, and what it knows of the visitors."""

    def __init__(self, *, behind_proxy: bool) -> None:
        """Know nobody; `behind_proxy` is whether a proxy tells the visitors' addresses."""
        self.behind_proxy = behind_proxy
        self.tabs: dict[str, Tab] = {}
        self.uploads: set[Sending] = set()
        self.app: ASGIApp
        self.queue: SteadyQueue | None = None

    # Gradio internal: `page._queue`; `route_utils.upload_fn` takes its parser from the module
    def guard(self, page: gr.Blocks, store: Store, *, description: str, sweep_every: float) -> None:
        """Guard a page that is about to be launched, and whose `queue` was called."""
        self.page, self.store, self.limits, self.sweep_every = page, store, store.limits, sweep_every
        self.title, self.description = page.title, description
        self.schema = Schema(page.config, store.folder, store.limits)
        page._queue.__class__ = SteadyQueue  # noqa: SLF001
        self.queue = page._queue  # noqa: SLF001
        self.queue.take_over(self)
        route_utils.GradioMultiPartParser = partial(UploadForm, store)

    # ------------------------------------------------------------------------------------------------------- visitors

    def visitor_of(self, request: gr.Request) -> str:
        """Who asks: the address on the Space, else the tab."""
        return self.name_of(str(request.session_hash), request.headers)

    def name_of(self, session: str, headers: Headers) -> str:
        """The visitor to whom a session belongs."""
        return (self.behind_proxy and address_of(headers)) or session

    def is_gone(self, session_hash: str | None, event_id: str | None) -> bool:
        """Whether nobody waits for an event: it was cancelled, or its tab has been away for a while."""
        if self.queue is None or event_id is None:
            return False
        tab = self.tabs.get(session_hash or "")
        if event_id not in self.queue.event_ids_to_events or tab is None or tab.is_gone:
            return True
        return tab.away > AWAY_SECONDS and self.queue.is_waited_for()

    def is_listening(self, session: str) -> bool:
        """Whether a tab is there to be told something."""
        return session in self.tabs and self.tabs[session].connections > 0

    def tab_of(self, session: str, headers: Headers) -> Tab:
        """The tab of a session.

        Raises:
            HTTPException: there are too many others.
        """
        if session in self.tabs:
            self.tabs[session].seen = time.monotonic()
            return self.tabs[session]
        visitor = self.name_of(session, headers)
        of_visitor = [name for name, tab in self.tabs.items() if tab.visitor == visitor]
        for names, most, code in ((of_visitor, SESSIONS_OF_VISITOR, 429), (list(self.tabs), SESSIONS, 503)):
            if len(names) >= most:
                idle = [name for name in names if not self.is_listening(name)]
                if not idle:
                    raise HTTPException(code, CROWDED)
                self.forget(min(idle, key=lambda name: self.tabs[name].seen))
        return self.tabs.setdefault(session, Tab(visitor))

    def forget(self, session: str) -> None:
        """Let go of all that is held for a tab that has gone."""
        # Gradio internal: what it keeps by session; look for `session_hash` in routes.py, queueing.py, state_holder.py
        del self.tabs[session]
        queue, state = self.page._queue, self.page.state_holder  # noqa: SLF001
        for kept in (queue.pending_messages_per_session, queue.pending_event_ids_session):
            kept.pop(session, None)
        for kept in (state.session_data, state.time_last_used):
            kept.pop(session, None)
        for line in queue.event_queue_per_concurrency_id.values():
            for event in [event for event in line.queue if event.session_hash == session]:
                line.queue.remove(event)
                queue.event_ids_to_events.pop(event._id, None)  # noqa: SLF001

    @contextlib.contextmanager
    def listening(self, session: str, headers: Headers) -> Iterator[None]:
        """A connection through which a tab is told something.

        Raises:
            HTTPException: it has too many, or there are too many tabs.
        """
        tab = self.tab_of(session, headers)
        if tab.connections >= STREAMS_OF_SESSION:
            raise HTTPException(429, CROWDED)
        tab.connections += 1
        try:
            yield
        finally:
            tab.connections -= 1
            tab.seen = time.monotonic()

    @contextlib.contextmanager
    def uploading(self, headers: Headers) -> Iterator[Sending]:
        """An upload that is under way; of too many, the one that has been silent for longest is broken off.

        Raises:
            HTTPException: the visitor has too many.
        """
        sending = Sending(self.name_of("", headers))
        own = sum(other.visitor == sending.visitor for other in self.uploads)
        if sending.visitor and own >= UPLOADS_OF_VISITOR:
            raise HTTPException(429, CROWDED)
        if len(self.uploads) >= UPLOADS_AT_ONCE:
            min(self.uploads, key=lambda other: other.heard).end()
        self.uploads.add(sending)
        try:
            yield sending
        finally:
            self.uploads.discard(sending)

    # ------------------------------------------------------------------------------------------------------- requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it; there are no websockets."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            path = path_of(scope)
            send = self.sealing(scope, path, send)
            try:
                await self.admit(Request(scope, receive), path, send)
            except HTTPException as refusal:
                await answer(refusal, path)(scope, receive, send)
            except ClientDisconnect:
                log.info("A visitor left in the middle of a request")
            except Exception:
                if not STREAMS.fullmatch(path):
                    raise
                # Gradio internal: `sse_stream` raises when its session is not known, or has a second stream
                log.info("A stream broke off")
                with contextlib.suppress(RuntimeError):
                    await send({"type": "http.response.body", "body": b""})

    async def admit(self, request: Request, path: str, send: Send) -> None:
        """Hand a request on to Gradio.

        Raises:
            HTTPException: the request is refused.
            ClientDisconnect: it was broken off.
        """
        refuse_foreign(request, path)
        self.refuse_unknown(request, path)
        headers = [pair for pair in request.headers.raw if pair[0] not in DROPPED_HEADERS]
        scope: Scope = {**request.scope, "headers": headers}
        receive = request.receive
        if path == "/":
            scope["query_string"] = b""  # Gradio would look for a saved state that it names
        if request.method == "POST" and path != UPLOAD_ROUTE:
            receive = await self.admit_event(request, path)
        stream = STREAMS.fullmatch(path)
        session = stream and (stream["session"] or request.query_params.get("session_hash", ""))
        with contextlib.ExitStack() as held:
            if session:
                held.enter_context(self.listening(session, request.headers))
            if path == UPLOAD_ROUTE:
                receive = partial(held.enter_context(self.uploading(request.headers)).receive, receive)
            await self.app(scope, receive, send)

    def refuse_unknown(self, request: Request, path: str) -> None:
        """Refuse what the page does not ask for.

        Raises:
            HTTPException: so it is.
        """
        file, names = FILES.fullmatch(path), TOKENS & request.query_params.keys()
        known = {"GET": READ_ROUTES, "HEAD": READ_ROUTES, "POST": WRITE_ROUTES}.get(request.method)
        if not (known and known.fullmatch(path)):
            raise HTTPException(404, "There is nothing here.")
        if not all(TOKEN.fullmatch(request.query_params[name]) for name in names):
            raise HTTPException(400, STRANGE)
        if file and not is_upload(file["path"], self.store.folder):
            raise HTTPException(403, NOT_UPLOADED)
        if path == UPLOAD_ROUTE and int(request.headers.get("content-length", 0)) > self.limits.upload_bytes:
            raise HTTPException(413, too_large(self.limits.upload_bytes))
        if file:
            self.store.use(file["path"])

    async def admit_event(self, request: Request, path: str) -> Receive:
        """How the app receives an event: only what was understood of it.

        Raises:
            HTTPException: the event is refused.
        """
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > EVENT_BYTES:
                raise HTTPException(413, f"The request exceeds {EVENT_BYTES // 1024} KB. {TOO_MANY}")
        understood, paths = self.schema.read(path, bytes(body))
        self.store.use(*paths)
        messages = iter([{"type": "http.request", "body": understood, "more_body": False}])

        async def receive() -> Message:
            return next(messages, None) or await request.receive()

        return receive

    def sealing(self, scope: Scope, path: str, send: Send) -> Send:
        """A `send` that lets only known headers out, and rewrites the page itself."""
        begin: Message = {}
        page = bytearray()

        async def send_sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] >= 400:
                    log.info("Refused %s: %d", described(scope), message["status"])
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() in SENT_HEADERS]
                is_page = path == "/" and message["status"] == 200
                message = {**message, "headers": [*kept, *FIXED_HEADERS]}
                if is_page:
                    begin.update(message)
                    return
                message["headers"].append((b"content-security-policy", OTHER_POLICY.encode()))
            elif begin:
                page.extend(message.get("body", b""))
                if message.get("more_body"):
                    return
                whole = introduced(bytes(page), self.title, self.description)
                kept = [pair for pair in begin["headers"] if pair[0].lower() != b"content-length"]
                own = [(b"content-length", b"%d" % len(whole)), (b"content-security-policy", policy_of(whole))]
                await send({**begin, "headers": [*kept, *own]})
                message = {"type": "http.response.body", "body": whole}
            await send(message)

        return send_sealed

    # ----------------------------------------------------------------------------------------------------------- time

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Stand in front of the app, CORS and compression included, and let go of what is over while it runs."""
        self.app, app.middleware_stack = app.middleware_stack, self  # Gradio internal: the stack is made before this
        task = asyncio.create_task(self.let_go_forever())
        try:
            yield
        finally:
            task.cancel()

    async def let_go_forever(self) -> None:
        """Sweep at once and then every so often; in between, let go of the tabs that have gone."""
        swept = -float("inf")
        while True:
            try:
                if time.monotonic() - swept >= self.sweep_every:
                    swept = time.monotonic()
                    await self.store.sweep()
                    self.let_go_of_uploads()
                for session in [name for name, tab in self.tabs.items() if tab.is_gone]:
                    self.forget(session)
                for sending in self.uploads:
                    if time.monotonic() - sending.heard > SILENT_SECONDS:
                        sending.end()
            except Exception:
                log.exception("What is over was not all let go")
            await asyncio.sleep(min(TICK_SECONDS, self.sweep_every))

    def let_go_of_uploads(self) -> None:
        """Forget which files came, and how far uploads are."""
        # Gradio internal: `upload_file_set` in blocks.py, `file_upload_statuses` in routes.py; both grow for ever
        self.page.upload_file_set.clear()
        progress = routes.file_upload_statuses
        for kept in (progress._statuses, progress._signals):  # noqa: SLF001
            kept.clear()


def path_of(scope: Scope) -> str:
    """The path without the prefix under which the app stands, which some proxies leave in it."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path


def too_large(limit: int) -> str:
    """The words for an upload over `limit` bytes; Gradio answers 413 where it finds "maximum allowed size" in them."""
    return f"The files exceed the maximum allowed size of {limit // 2**20} MB together. Choose fewer or smaller ones."


def answer(refusal: HTTPException, path: str) -> JSONResponse | PlainTextResponse:
    """The refusal as the page's client shows it: an upload's text as it is, everything else's from `detail`."""
    if path == UPLOAD_ROUTE:
        return PlainTextResponse(refusal.detail, refusal.status_code)
    return JSONResponse({"detail": refusal.detail}, refusal.status_code)


def described(scope: Scope) -> str:
    """A request's method and path for the log, so that an unknown request of the platform is seen.

    What follows `file=` holds visitors' file names, what follows `heartbeat/` names a session; both are left out. A
    hostile path is cut, and `ascii` keeps it on one line.
    """
    path, separator, _ = re.split("(file=|heartbeat/|$)", scope["path"], maxsplit=1)
    return f"{scope['method']} {path[:PATH_LOGGED] + separator!a}"
