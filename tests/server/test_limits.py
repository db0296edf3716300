"""Every limit at its edge: the last that is let in, the first that is refused, and the words of the refusal."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import ModuleType

import httpx
import pytest
from PIL import Image

from corpus import noise
from forms import BOUNDARY, END, FORM, part, upload
from loopback import eventually, memory_of
from megastyle import guard
from megastyle.comparison import MAX_REFERENCES
from megastyle.demo import examples
from megastyle.pictures import MAX_FILE_BYTES
from megastyle.reading import PLACES_EACH
from visitor import COMPARE, PREFIX, RefusedError, Visitor

MB = 2**20
MAY_GROW = 64 * MB  # bytes of memory that a refused request may cost, far below what it sends


# ------------------------------------------------------------------------------------------------------------- one file


def test_a_file_of_the_most_bytes_is_taken_and_one_byte_more_is_not(server: str) -> None:
    """The browser says the same before it sends anything: see the page's test."""
    limit = MAX_FILE_BYTES
    taken = upload(server, part(bytes(limit)) + END)
    assert taken.is_success, taken.text
    refused = upload(server, part(bytes(limit + 1)) + END)
    assert (refused.status_code, refused.text) == (413, f"File size exceeded maximum allowed size of {limit} bytes.")
    Path(taken.json()[0]).unlink()


def slow_jpeg(shade: int) -> bytes:
    """A flat picture whose last scan is said a thousand times, each of which visits all blocks."""
    file = io.BytesIO()
    Image.new("RGB", (4000, 4000), (shade, 0, 0)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 1000 + content[-2:]


def test_pictures_that_are_slow_to_read_hold_up_nobody_else(server: str) -> None:
    """Somebody else has his answer before they are given up, of which the first ends the comparison."""
    slow = [(f"slow-{shade}.jpg", slow_jpeg(shade)) for shade in range(1, MAX_REFERENCES + 2)]
    began = Event()

    def compare_slow() -> None:
        with Visitor(server) as visitor, pytest.raises(RefusedError, match="takes too long") as refused:
            visitor.compare(slow[0], slow[1:], on_message=lambda _: began.set())
        assert refused.value.text.count("takes too long") <= 2 * PLACES_EACH

    with ThreadPoolExecutor(1) as pool, Visitor(server) as visitor:
        others = pool.submit(compare_slow)
        assert began.wait(60)
        assert visitor.compare(("new.png", noise(60)), [("also new.png", noise(61))]).report
        assert not others.done()
        others.result(timeout=120)


# ------------------------------------------------------------------------------------------------------- one comparison


def drawn(style: str, scene: str) -> tuple[str, bytes]:
    """A picture of the size of a small photograph."""
    file = io.BytesIO()
    examples.draw(style, scene, seed=1, size=512).save(file, "JPEG")
    return f"{style}-{scene}.jpg", file.getvalue()


def test_a_comparison_of_nine_sends_at_most_160_kb_to_the_browser(server: str) -> None:
    """Pictures of six styles, some of which compress badly; progress, result, and the thumbnails in it."""
    pictures = [drawn(style, scene) for scene in ("boat", "vase") for style in examples.STYLES][: MAX_REFERENCES + 1]
    responses: list[httpx.Response] = []
    with Visitor(server) as visitor:
        visitor.put(pictures[0], pictures[1:])
        visitor.http.event_hooks = {"response": [responses.append]}
        answer = visitor.click(COMPARE)
    sent = sum(response.num_bytes_downloaded for response in responses)
    assert len(answer.text) < sent <= 160 * 2**10


# ---------------------------------------------------------------------------------------------------------- one request


def test_the_most_files_are_taken_at_once_and_one_more_is_not(server: str, app: ModuleType) -> None:
    """Nothing of a refused upload stays on the disk."""
    limit = app.LIMITS.upload_files
    taken = upload(server, b"".join(part(b"%d" % number) for number in range(limit)) + END)
    folder = Path(taken.json()[0]).parents[1]
    before = sorted(folder.rglob("*"))
    refused = upload(server, b"".join(part(b"more %d" % number) for number in range(limit + 1)) + END)
    assert len(taken.json()) == limit
    assert (refused.status_code, refused.text) == (400, f"Too many files at once: choose at most {limit}.")
    assert sorted(folder.rglob("*")) == before


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_sent(server: str) -> None:
    """A whole comparison of the largest files is let in: the server asks for the body."""
    limit = (MAX_REFERENCES + 1) * MAX_FILE_BYTES
    with connected(server) as connection:
        begin_upload(connection, limit + 1, "Expect: 100-continue")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert f"maximum allowed size of {limit // MB} MB together. Choose fewer or smaller ones.".encode() in answer
    with connected(server) as connection:
        begin_upload(connection, limit, "Expect: 100-continue")
        assert b" 100 " in connection.recv(65536).split(b"\r\n")[0]


def begin_upload(connection: socket.socket, size: int, *more: str) -> None:
    """Announce an upload of so many bytes."""
    content = (f"Content-Type: {FORM['content-type']}", f"Content-Length: {size}")
    head = (f"POST {PREFIX}/upload HTTP/1.1", "Host: x", "Connection: close", *content, *more)
    connection.sendall("\r\n".join((*head, "\r\n")).encode())


@contextmanager
def connected(server: str) -> Iterator[socket.socket]:
    """A connection on which anything can be said."""
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        yield connection


def test_an_event_of_the_most_bytes_is_read_and_one_byte_more_is_not(server: str, app: ModuleType) -> None:
    """The largest is refused for what it says, the larger one for its size."""
    limit = guard.EVENT_BYTES
    for size, status, words in (
        (limit, 400, "not what the page sends"),
        (limit + 1, 413, f"exceeds {limit // 1024} KB"),
    ):
        answer = httpx.post(f"{server}{PREFIX}/queue/join", content=b" " * size)
        assert answer.status_code == status
        assert words in answer.json()["detail"]


def test_an_event_with_all_files_of_one_upload_has_room(server: str, app: ModuleType) -> None:
    """Even with the longest names."""
    with Visitor(server) as visitor:
        name = "\N{SNOWMAN}" * 251 + ".png"
        visitor.put(("test.png", noise(60)), [(name, noise(60)) for _ in range(app.LIMITS.upload_files)])
        assert len(visitor.click(COMPARE).values)


# ----------------------------------------------------------------------------------- bodies that never end, broken ones


def endless(first: bytes) -> Iterator[bytes]:
    """A body that begins like this and goes on for a gigabyte."""
    yield first
    for _ in range(1024):
        yield bytes(MB)


@pytest.mark.parametrize(
    "first",
    [
        part(b"")[:-2],
        part(b"", filename=None)[:-2],
        part(b"", name="other")[:-2],
        b"--" + BOUNDARY.encode() + b"\r\nX: ",
        part(b"a") + END,
        b"",
        b"no form at all",
    ],
    ids=["file", "field", "file of another field", "header", "epilogue", "preamble", "no form"],
)
def test_an_endless_upload_is_ended(server: str, first: bytes) -> None:
    """Wherever it goes on, without filling the memory or the disk."""
    before, folder = memory_of(server), temporary_folder(server)
    held = disk(folder)
    answer = until_answered(server, f"{PREFIX}/upload", FORM["content-type"], endless(first))
    assert answer in (400, 413)
    assert memory_of(server) - before < MAY_GROW
    assert disk(folder) <= held


@pytest.mark.parametrize("route", ["queue/join", "cancel", "reset"])
def test_an_endless_event_is_ended(server: str, route: str) -> None:
    """Every route that takes a body."""
    before = memory_of(server)
    assert until_answered(server, f"{PREFIX}/{route}", "application/json", endless(b'{"data": ["')) == 413
    assert memory_of(server) - before < MAY_GROW


def until_answered(server: str, route: str, content_type: str, body: Iterator[bytes]) -> int:
    """Send a body in chunks until the server answers; the status of its answer."""
    with connected(server) as connection:
        headers = f"Content-Type: {content_type}\r\nTransfer-Encoding: chunked"
        connection.sendall(f"POST {route} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        for piece in body:
            try:
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
                connection.settimeout(0)
                answer = connection.recv(65536)
            except BlockingIOError:
                connection.settimeout(30)
                continue
            return int(answer.split()[1])
    pytest.fail("The server took all of it")


def test_an_upload_that_breaks_off_leaves_nothing(server: str) -> None:
    """The visitor closes the page, or the network fails."""
    folder = temporary_folder(server)
    before = disk(folder)
    with connected(server) as connection:
        begin_upload(connection, 4 * MB)
        connection.sendall(part(bytes(2 * MB)))
        eventually(lambda: disk(folder) > before)
    eventually(lambda: disk(folder) <= before)


def temporary_folder(server: str) -> Path:
    """Where the server keeps uploads."""
    return Path(upload(server, part(b"probe") + END).json()[0]).parents[1]


def disk(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
