"""Every limit at its edge: the last that is let in, the first that is refused, and the words of the refusal."""

from __future__ import annotations

import io
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from PIL import Image

from corpus import noise
from loopback import eventually, serving
from megastyle.comparison import MAX_REFERENCES
from megastyle.drawings import examples
from megastyle.guard import Limits
from megastyle.pictures import MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, PictureError, decode, read_file
from visitor import COMPARE, PREFIX, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SMALL = Limits(upload_bytes=1000, upload_files=3, event_bytes=100)
MB = 2**20
MAY_GROW = 64 * MB  # bytes of memory that a refused request may cost, far below what it sends
BOUNDARY = "edge"


def large_picture(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel: large to decode, small to send."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


def part(content: bytes, name: str = "files", filename: str | None = "a.png") -> bytes:
    """One part of a form; without a file name it is a field."""
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(server: str, body: bytes | Iterator[bytes]) -> httpx.Response:
    """Send a form."""
    return httpx.post(f"{server}{PREFIX}/upload", content=body, headers=FORM, timeout=60)


# ------------------------------------------------------------------------------------------------------------- one file


def test_a_file_of_the_most_bytes_is_taken_and_one_byte_more_is_not(server: str) -> None:
    """The browser says the same before it sends anything: see the page's test."""
    limit = MAX_FILE_BYTES
    taken = upload(server, part(bytes(limit)) + END)
    assert taken.is_success, taken.text
    refused = upload(server, part(bytes(limit + 1)) + END)
    assert (refused.status_code, refused.text) == (413, f"File size exceeded maximum allowed size of {limit} bytes.")
    Path(taken.json()[0]).unlink()


def test_the_reader_keeps_to_the_same_number_of_bytes(tmp_path: Path) -> None:
    """For a file that did not come by way of the upload."""
    file = tmp_path / "a.png"
    file.write_bytes(bytes(MAX_FILE_BYTES))
    assert len(read_file(file)) == MAX_FILE_BYTES
    with file.open("ab") as more:
        more.write(b"\0")
    with pytest.raises(PictureError, match="larger than 32 MB"):
        read_file(file)


@pytest.mark.parametrize(
    ("width", "height"), [(MAX_SIDE, 1), (1, MAX_SIDE), (8192, MAX_PIXELS // 8192)], ids=["wide", "high", "square"]
)
def test_a_picture_of_the_most_pixels_is_read_and_one_row_more_is_not(width: int, height: int) -> None:
    """Refused before it is decoded."""
    assert decode(large_picture(width, height)).size == (width, height)
    with pytest.raises(PictureError, match="has too many pixels; at most 67 megapixels are read"):
        decode(large_picture(width + (width > height), height + (width <= height)))


# ------------------------------------------------------------------------------------------------------- one comparison


def test_the_last_reference_within_the_limit_counts_and_the_next_is_left_out_by_name(server: str) -> None:
    """Eight by the product's rule."""
    with Visitor(server) as visitor:
        references = [(f"{number}.png", noise(number)) for number in range(MAX_REFERENCES + 1)]
        within = visitor.compare(("test.png", noise(50)), references[:-1]).report
        beyond = visitor.compare(("test.png", noise(50)), references).report
    assert (len(within["references"]), within["ignored"]) == (8, [])
    assert (len(beyond["references"]), beyond["ignored"]) == (8, ["8.png"])


def drawn(style: str) -> tuple[str, bytes]:
    """A picture of this style, of the size of a small photograph."""
    file = io.BytesIO()
    examples.draw(style, "boat", seed=1, size=512).save(file, "JPEG")
    return f"{style}.jpg", file.getvalue()


def test_a_comparison_of_nine_sends_at_most_160_kb_to_the_browser(server: str) -> None:
    """Pictures of nine styles, some of which compress badly; progress, result, and the thumbnails in it."""
    pictures = [drawn(style) for style in list(examples.STYLES)[: MAX_REFERENCES + 1]]
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


def test_the_upload_has_room_for_a_whole_comparison_at_the_limits(app: ModuleType) -> None:
    """Nobody who keeps to the other limits is refused by this one."""
    largest = MAX_FILE_BYTES + len(part(b"", filename="x" * 300))
    assert largest * MAX_REFERENCES < app.LIMITS.upload_bytes
    assert app.LIMITS.upload_files > MAX_REFERENCES


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_is_sent(server: str, app: ModuleType) -> None:
    """One byte less, and the server waits for the body."""
    limit = app.LIMITS.upload_bytes
    with connected(server) as connection:
        begin_upload(connection, limit + 1)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert (
        f"exceed the maximum allowed size of {limit // MB} MB together. Choose fewer or smaller ones.".encode()
        in answer
    )
    with connected(server) as connection:
        begin_upload(connection, limit)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(65536)


def begin_upload(connection: socket.socket, size: int) -> None:
    """Announce an upload of so many bytes."""
    headers = f"Connection: close\r\nContent-Type: {FORM['content-type']}\r\nContent-Length: {size}"
    connection.sendall(f"POST {PREFIX}/upload HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())


@contextmanager
def connected(server: str) -> Iterator[socket.socket]:
    """A connection on which anything can be said."""
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        yield connection


def test_an_event_of_the_most_bytes_is_read_and_one_byte_more_is_not(server: str, app: ModuleType) -> None:
    """The largest is refused for what it says, the larger one for its size."""
    limit = app.LIMITS.event_bytes
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
        name = "\N{SNOWMAN}" * 300 + ".png"
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
    process = server_process(server)
    before, folder = memory(process), temporary_folder(server)
    held = disk(folder)
    answer = until_answered(server, f"{PREFIX}/upload", FORM["content-type"], endless(first))
    assert answer in (400, 413)
    assert memory(process) - before < MAY_GROW
    assert disk(folder) <= held


@pytest.mark.parametrize("route", ["queue/join", "cancel", "reset"])
def test_an_endless_event_is_ended(server: str, route: str) -> None:
    """Every route that takes a body."""
    before = memory(server_process(server))
    assert until_answered(server, f"{PREFIX}/{route}", "application/json", endless(b'{"data": ["')) == 413
    assert memory(server_process(server)) - before < MAY_GROW


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
    pytest.skip("The process of the server cannot be found here")


def memory(process: int) -> int:
    """Bytes of memory that belong to the process alone."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def temporary_folder(server: str) -> Path:
    """Where the server keeps uploads."""
    return Path(upload(server, part(b"probe") + END).json()[0]).parents[1]


def disk(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------------------------------------ the queue


GATED_APP = """
import os, app
from megastyle.embedding import Embedder

gate = os.open(os.environ["GATE"], os.O_RDONLY)

class Waiting(Embedder):
    def embed_files(self, *given):
        os.read(gate, 1)
        return super().embed_files(*given)

app.EMBEDDER = Waiting(**vars(app.EMBEDDER))
app.main()
"""


class Gated(NamedTuple):
    """An app each of whose comparisons waits for one byte in a pipe."""

    url: str
    gate: int

    def let_through(self, comparisons: int) -> None:
        """Let so many comparisons go on."""
        os.write(self.gate, bytes(comparisons))


@pytest.fixture
def gated(tiny_environment: dict[str, str], tmp_path: Path) -> Iterator[Gated]:
    """The app, with nothing changed but that wait."""
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    gate = os.open(pipe, os.O_RDWR)
    with serving(tiny_environment | {"GATE": str(pipe)}, tmp_path, (sys.executable, "-c", GATED_APP)) as url:
        yield Gated(url, gate)
    os.close(gate)


def compare_event(visitor: Visitor) -> dict[str, Any]:
    """What a click on Compare runs."""
    return next(
        event for event in visitor.config["dependencies"] if [visitor.component(COMPARE), "click"] in event["targets"]
    )


def join(visitor: Visitor, session: str) -> httpx.Response:
    """Press Compare in another tab, without waiting for the answer."""
    event = compare_event(visitor)
    body = {
        "data": [visitor.values[part] for part in event["inputs"]],
        "fn_index": event["id"],
        "session_hash": session,
    }
    return visitor.http.post(f"{PREFIX}/queue/join", json=body)


def test_the_last_place_in_the_queue_is_given_and_the_next_visitor_is_told_that_it_is_full(
    gated: Gated, app: ModuleType
) -> None:
    """And everyone who got a place is served afterwards."""
    with Visitor(gated.url) as visitor:
        visitor.put(("test.png", noise(70)), [("reference.png", noise(71))])
        first = visitor.messages(compare_event(visitor), visitor.component(COMPARE))
        assert any(message["msg"] == "process_starts" for message in first)
        waiting = [f"waiting{number}" for number in range(app.QUEUE_LENGTH)]
        joined = [join(visitor, session).status_code for session in waiting]
        refused = join(visitor, "late")
        gated.let_through(1 + app.QUEUE_LENGTH)
        assert any(message["msg"] == "process_completed" for message in first)
        served = [
            visitor.http.get(f"{PREFIX}/queue/data", params={"session_hash": session}).text for session in waiting
        ]
    assert joined == [200] * app.QUEUE_LENGTH
    assert (refused.status_code, refused.json()["detail"]) == (
        503,
        f"Queue is full. Max size is {app.QUEUE_LENGTH} and size is {app.QUEUE_LENGTH}.",
    )
    assert all('"success":true' in text for text in served)


# ------------------------------------------------------------------------------------------------------- in the browser


def test_the_page_says_why_files_are_not_taken(browser: Browser, server: str, app: ModuleType, tmp_path: Path) -> None:
    """In words that name the file or the remedy."""
    page = browser.new_page()
    page.goto(server)
    test, references = page.locator("#test input[type=file]"), page.locator("#references input[type=file]")
    references.set_input_files(
        [
            {"name": f"{number}.png", "mimeType": "image/png", "buffer": b"%d" % number}
            for number in range(app.LIMITS.upload_files + 1)
        ]
    )
    page.get_by_text(f"Too many files at once: choose at most {app.LIMITS.upload_files}.").wait_for()
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    test.set_input_files(huge)
    page.get_by_text('File(s) exceed the maximum allowed size of 32.0 Mb: "huge.png"').wait_for()
    page.close()
