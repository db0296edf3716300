"""The reading process seen from the app: whose turn it is, how long it may take, and what a dead one means.

`pictures.py` runs in it. Whatever a file does to its decoder, the app gets a picture or a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import PIL

from megastyle import pictures
from megastyle.pictures import MAX_FILE_BYTES, PictureError, Thumbnail

__all__ = ["READER", "Picture", "PictureError", "Reader", "VisitorGoneError", "digest_of"]

log = logging.getLogger(__name__)

Result = TypeVar("Result")

PLACES = 4  # pictures that are read at once, for all visitors together: each may take 1.3 GB
PLACES_EACH = 2  # of one visitor
PLACES_KEPT = 1  # for a visitor who has none
KEPT_SECONDS = 0.5  # after which a picture there gives way to the next visitor who has none, and begins anew elsewhere
LOOK_SECONDS = 0.1  # how often it is asked whether a visitor is gone
PATIENCE_SECONDS = pictures.WALL_SECONDS + 5  # after which the process itself is taken to hang
MOST_ANSWERED = 2**20  # bytes of an answer beside the square
FORKS = hasattr(os, "fork")  # else a process reads one picture
PROGRAM = "import sys; sys.path += sys.argv[1:3]; from megastyle.pictures import main; main()"
FOLDERS = (str(Path(__file__).parents[1]), str(Path(PIL.__file__).parents[1]))  # of this package and of Pillow
ENVIRONMENT = {
    name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ
}  # Windows has no sockets without
OUR_FAULT = (
    "could not be read, through a fault of this page and not of the picture. Try again later, or save it as a PNG."
)


class VisitorGoneError(Exception):
    """Nobody waits for the result any more."""


class OvertakenError(Exception):
    """A slow picture holds the place that is kept for a visitor who has none, and such a one waits."""


@dataclass(frozen=True)
class Picture:
    """A file that was read.

    Attributes:
        digest: the SHA-256 of its bytes.
        square: (height, width, 3) uint8, upright RGB, resized as the encoder wants it.
        remarks: keys of `pictures.REMARKS`.
    """

    digest: str
    square: npt.NDArray[np.uint8]
    thumbnail: Thumbnail
    remarks: tuple[str, ...]


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file that may be read.

    Raises:
        PictureError: it is gone or too large.
    """
    try:
        if not Path(path).is_file():  # a named pipe would block for ever
            raise FileNotFoundError(path)
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise PictureError(pictures.TOO_LARGE)
            yield file
    except PictureError:
        raise
    except (OSError, ValueError) as error:
        raise PictureError(pictures.GONE) from error


def digest_of(path: str | Path) -> str:
    """SHA-256 of a file's content, of which little is in memory at a time.

    Raises:
        PictureError: the file is gone or too large.
    """
    digest = hashlib.sha256()
    with opened(path) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


# -------------------------------------------------------------------------------------------------------------- process


class Process:
    """An interpreter that reads pictures, each in a child of its own; where the system cannot fork, it reads one."""

    def __init__(self, limits: pictures.Limits) -> None:
        """Start it, with nothing of this process but a connection."""
        self.channel, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", PROGRAM, *FOLDERS, *map(str, limits)]
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves
                command,
                stdin=subprocess.PIPE if sys.platform == "win32" else theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl+C is for the app
            )
            if sys.platform == "win32":
                self.process.communicate(theirs.share(self.process.pid), timeout=PATIENCE_SECONDS)
        self.channel.settimeout(LOOK_SECONDS)

    def ask(self, request: bytes, content: bytes, most: int, look: Callable[[], None]) -> list[bytes] | None:
        """The parts of the answer, of at most `most` bytes; None if the child has died, or answered nonsense.

        Raises:
            OSError: the process itself has died.
            Exception: what `look`, which is called every LOOK_SECONDS, raises.
        """

        def patiently(act: Callable[[], Result]) -> Result:
            while True:
                look()
                with suppress(TimeoutError):
                    return act()

        def receive(count: int) -> bytes:
            return pictures.exactly(count, lambda rest: patiently(partial(self.channel.recv_into, rest)))

        for data in (request, content):
            rest = memoryview(data)
            while rest:
                rest = rest[patiently(partial(self.channel.send, rest)) :]
        length = pictures.LENGTH.unpack(receive(pictures.LENGTH.size))[0]
        if length > most:  # as ENDED is, too
            return None
        parts = pictures.parts_of(receive(length))
        return parts if receive(pictures.LENGTH.size) == pictures.ENDED else None

    def end(self) -> None:
        """End it and its child; it is gone when this returns."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)  # unlike closing it, this is seen if a forked process holds it too
        self.channel.close()
        try:
            self.process.wait(1 if FORKS else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# --------------------------------------------------------------------------------------------------------------- reader


def stays() -> bool:
    """Whether nobody waits any more: never, for an owner's own programs."""
    return False


class Reader:
    """Reads pictures for everybody; few at once, fairly, and no two in one process.

    It is safe for parallel visitors. Processes are started when they are needed, as many as there are places.
    """

    def __init__(self, limits: pictures.Limits = pictures.LIMITS) -> None:
        """Read each picture within the limits."""
        self._limits = limits
        self._line: dict[object, tuple[Hashable, bool]] = {}  # of waiting pictures: whose, and whether it begins anew
        self._held: Counter[Hashable] = Counter()  # the places that each visitor has
        self._changed = threading.Condition()  # the line or a place; its lock guards all of these
        self._idle: list[Process] = []

    def read(
        self,
        source: str | Path | bytes,
        size: tuple[int, int],
        resample: int,
        *,
        visitor: Hashable = None,
        gone: Callable[[], bool] = stays,
    ) -> Picture:
        """Read a file, or its content, into a square of `size` (width, height), resized by Pillow's filter `resample`.

        `visitor` is whose places it takes; None takes any. `gone` is asked again and again whether nobody waits any
        more; the picture is left at once then.

        Raises:
            PictureError: the file is refused.
            VisitorGoneError: `gone` says so.
        """
        visitor, anew = object() if visitor is None else visitor, False
        while True:
            with self._place(visitor, gone, anew=anew) as is_kept, suppress(OvertakenError):
                if isinstance(source, bytes):
                    content = source
                else:
                    with opened(source) as file:
                        content = file.read(MAX_FILE_BYTES)
                parts = self._ask(content, size, resample, gone, is_kept=is_kept)
                return picture_of(parts, size, hashlib.sha256(content).hexdigest())
            anew = True

    def close(self) -> None:
        """End the processes that wait."""
        while self._idle:
            self._idle.pop().end()

    @contextmanager
    def _place(self, visitor: Hashable, gone: Callable[[], bool], *, anew: bool = False) -> Iterator[bool]:
        """Wait for a place and hold it; gives whether it is the one that is kept for who has none."""
        turn = object()
        with self._changed:
            self._line[turn] = visitor, anew
            try:
                while next((turn for turn, one in self._line.items() if self._may_have(*one)), None) is not turn:
                    if gone():
                        raise VisitorGoneError
                    self._changed.wait(LOOK_SECONDS)
                self._held[visitor] += 1
                is_kept = self._held.total() > PLACES - PLACES_KEPT
            finally:
                del self._line[turn]
                self._changed.notify_all()
        try:
            yield is_kept
        finally:
            with self._changed:
                self._held -= Counter([visitor])  # forgets who has none
                self._changed.notify_all()

    def _may_have(self, visitor: Hashable, anew: bool) -> bool:  # noqa: FBT001 - an entry of the line
        """Whether a visitor may have one more place now."""
        free, own = PLACES - self._held.total(), self._held[visitor]
        return free > (PLACES_KEPT if own or anew else 0) and own < PLACES_EACH

    def _is_wanted(self) -> bool:
        """Whether somebody waits for the place that is kept."""
        with self._changed:
            return any(not (anew or self._held[visitor]) for visitor, anew in self._line.values())

    def _ask(
        self, content: bytes, size: tuple[int, int], resample: int, gone: Callable[[], bool], *, is_kept: bool
    ) -> list[bytes] | None:
        """The parts of a process's answer; None if the child that read the picture has died.

        Raises:
            PictureError: it took too long, or no process can be had.
            OvertakenError: it is slow, and somebody else needs the place that is kept.
        """
        began = time.monotonic()

        def look() -> None:
            seconds = time.monotonic() - began
            if gone():
                raise VisitorGoneError
            if seconds > PATIENCE_SECONDS:
                raise PictureError(pictures.TOO_MUCH)
            if is_kept and seconds > KEPT_SECONDS and self._is_wanted():
                raise OvertakenError

        request = pictures.REQUEST.pack(*size, resample, len(content))
        parts = None
        try:
            process = self._process()
            try:
                parts = process.ask(request, content, size[0] * size[1] * 3 + MOST_ANSWERED, look)
            finally:
                if parts and FORKS:
                    self._idle.append(process)
                else:
                    process.end()
        except OSError as error:
            log.exception("The reading process has failed")
            raise PictureError(OUR_FAULT) from error
        return parts

    def _process(self) -> Process:
        """A process that waits, or else a new one."""
        with suppress(IndexError):
            while process := self._idle.pop():
                if process.process.poll() is None:
                    return process
                process.end()
        return Process(self._limits)


def picture_of(parts: list[bytes] | None, size: tuple[int, int], digest: str) -> Picture:
    """The picture that an answer holds; a child that its picture has taken over might say anything.

    Raises:
        PictureError: it holds a refusal, or nothing of use.
    """
    kind, *rest = parts or [b""]
    text = b"".join(rest[:1]).decode(errors="replace")
    if kind == pictures.FAULT:
        log.error("A picture could not be read, through no fault of its own:\n%s", text)
        raise PictureError(OUR_FAULT)
    if kind == pictures.REFUSED:
        raise PictureError(text)
    try:
        _remarks, square, *thumbnails = rest
        pixels = np.frombuffer(square, np.uint8).reshape(size[1], size[0], 3)
        thumbnail = Thumbnail(*("data:image/webp;base64," + base64.b64encode(webp).decode() for webp in thumbnails))
    except (TypeError, ValueError) as error:
        raise PictureError(pictures.TOO_MUCH) from error
    return Picture(digest, pixels, thumbnail, tuple(key for key in pictures.REMARKS if key in text.split()))


READER = Reader()
