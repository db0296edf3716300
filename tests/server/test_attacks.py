"""Attacks on the running page, from outside: it goes on, others are served, memory and disk come back."""

from __future__ import annotations

import logging
import os
import socket
import statistics
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Semaphore
from types import ModuleType
from typing import NamedTuple

import httpx
import pytest

from attacker import ADDRESS, Attacker, attacking
from corpus import noise
from forms import END, FORM, part, upload
from loopback import eventually, memory_of, serving
from megastyle import guard
from visitor import COMPARE, PREFIX, Message, RefusedError, Visitor

log = logging.getLogger(__name__)
MB = 2**20
BUDGET = 32 * MB  # of uploads, in these tests
MAY_GROW = 100 * MB  # of memory
VISITORS_ADDRESS = {"x-forwarded-for": "9.9.9.9"}
APP = f"""
import logging, os, pathlib, select, app
from megastyle import guard
from megastyle.embedding import Embedder, VisitorGoneError

guard.GONE_SECONDS = 5
guard.UPLOADS_AT_ONCE = 60
app.DOOR.behind_proxy = True
app.COMPARISONS_AT_ONCE = 1
app.LIMITS = app.LIMITS._replace(stored_bytes={BUDGET})
here = pathlib.Path(os.environ["TMPDIR"])
gate = os.open(here / "gate", os.O_RDONLY)

class Waiting(Embedder):
    def embed_files(self, *given, gone, **more):
        if not (here / "closed").exists():
            return super().embed_files(*given, gone=gone, **more)
        logging.info("At the gate")
        while not select.select([gate], [], [], 0.05)[0]:
            if gone():
                logging.info("Nobody waits")
                raise VisitorGoneError
        os.read(gate, 1)
        logging.info("Let through")
        return super().embed_files(*given, gone=gone, **more)

app.EMBEDDER = Waiting(**vars(app.EMBEDDER))
app.main()
"""


class Place(NamedTuple):
    """A server and where its files and its log lie."""

    url: str
    temp: Path

    def disk(self) -> int:
        """Bytes of the uploads."""
        return sum(path.stat().st_size for path in (self.temp / "gradio").rglob("*") if path.is_file())

    def logged(self, words: str) -> int:
        """How often the log says something."""
        return (self.temp / "app.log").read_text().count(words)

    def visitor(self) -> Visitor:
        """Somebody who means no harm, at another address than the attacker."""
        visitor = Visitor(self.url)
        visitor.http.headers.update(VISITORS_ADDRESS)
        return visitor

    def let_through(self, comparisons: int) -> None:
        """Let so many comparisons go on."""
        with (self.temp / "gate").open("wb", buffering=0) as gate:
            gate.write(bytes(comparisons))


@pytest.fixture(scope="module")
def place(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The app behind a proxy, with a small disk, and a short patience with tabs that have gone."""
    temp = tmp_path_factory.mktemp("attacked")
    os.mkfifo(temp / "gate")
    keep = os.open(temp / "gate", os.O_RDWR)
    with serving(tiny_environment, temp, (sys.executable, "-c", APP)) as url:
        yield Place(url, temp)
    os.close(keep)


@pytest.fixture
def gated(place: Place) -> Iterator[Place]:
    """The same, where each comparison waits for one byte in a pipe; whatever stood there has gone on or away."""
    (place.temp / "closed").touch()
    yield place
    (place.temp / "closed").unlink()
    eventually(lambda: place.logged("At the gate") == place.logged("Nobody waits") + place.logged("Let through"))


def compared(place: Place, seed: int) -> float:
    """Compare two pictures that are new to the server; the seconds that it took."""
    began = time.monotonic()
    with place.visitor() as visitor:
        assert visitor.compare((f"{seed}.png", noise(seed)), [(f"{seed + 1}.png", noise(seed + 1))]).report
    return time.monotonic() - began


# ------------------------------------------------------------------------------------------------------------ the queue


def messages(visitor: Visitor) -> Generator[Message, None, None]:
    """Press Compare, and follow what is said."""
    visitor.put(("test.png", noise(70)), [("reference.png", noise(71))])
    button = visitor.component(COMPARE)
    event = next(event for event in visitor.config["dependencies"] if [button, "click"] in event["targets"])
    return visitor.messages(event, button)


def stream_of(visitor: Visitor, session: str, heard: Semaphore) -> str:
    """All that a tab is told, to the end; `heard` is released when it begins to be told something."""
    with visitor.http.stream("GET", f"{PREFIX}/queue/data", params={"session_hash": session}) as stream:
        lines = stream.iter_lines()
        told = [next(lines)]
        heard.release()
        return "\n".join([*told, *lines])


def test_who_has_few_waiting_is_served_before_who_has_many(gated: Place) -> None:
    """The comparison under way, then the newcomer's, though forty of other sessions came before and nobody listens."""
    attacker = Attacker(gated.url)
    with ExitStack() as tabs:
        for _ in range(3):
            tab = tabs.enter_context(Visitor(gated.url))
            tab.http.headers["x-forwarded-for"] = ADDRESS
            next(tabs.enter_context(closing(messages(tab))))
        attacker.fill_the_queue()
        assert attacker.answers.keys() == {200, 429}
        with gated.visitor() as newcomer:
            mine = messages(newcomer)
            next(mine)
            gated.let_through(2)
            assert any(message["msg"] == "process_completed" and message["success"] for message in mine)


def test_the_last_place_in_the_line_is_given_and_the_next_visitor_is_told_that_it_is_full(
    gated: Place, app: ModuleType
) -> None:
    """Who asks for little is let in all the same; and everyone who got a place is served afterwards."""
    attacker, heard = Attacker(gated.url), Semaphore(0)
    nothing = {"headers": {"x-forwarded-for": ""}}
    with gated.visitor() as visitor, ThreadPoolExecutor(app.QUEUE_LENGTH) as pool:
        first = messages(visitor)
        assert any(message["msg"] == "process_starts" for message in first)
        pictures = [visitor.values[part] for part in attacker.comparing["inputs"]]
        sessions = [f"waiting{number}" for number in range(app.QUEUE_LENGTH)]
        joined = [attacker.join(attacker.comparing, pictures, session, **nothing) for session in sessions]
        listening = [pool.submit(stream_of, visitor, session, heard) for session in sessions]
        assert all(heard.acquire(timeout=60) for _ in sessions)
        refused = attacker.join(attacker.comparing, pictures, "toolate", **nothing)
        quick = attacker.join(attacker.example, [], "examples", **nothing)
        gated.let_through(1 + app.QUEUE_LENGTH)
        list(first)
        streams = [stream.result() for stream in listening]
    assert [answer.status_code for answer in joined] == [200] * app.QUEUE_LENGTH
    assert (refused.status_code, refused.json()["detail"]) == (503, guard.QUEUE_FULL)
    assert quick.is_success
    assert all('"success":true' in text for text in streams)


def test_nobody_waits_for_a_tab_that_has_gone(gated: Place) -> None:
    """Its comparison gives the place to the next; a tab that listens is waited for."""
    before = gated.logged("Nobody waits")
    with gated.visitor() as leaving, closing(messages(leaving)) as left:
        assert any(message["msg"] == "process_starts" for message in left)
    with gated.visitor() as staying:
        mine = messages(staying)
        next(mine)
        eventually(lambda: gated.logged("Nobody waits") > before)
        gated.let_through(1)
        assert any(message["msg"] == "process_completed" and message["success"] for message in mine)
    assert gated.logged("Nobody waits") == before + 1


def test_a_cancelled_comparison_is_not_waited_for(gated: Place) -> None:
    """Though the tab is still there."""
    with gated.visitor() as visitor:
        mine = messages(visitor)
        before, begun = gated.logged("Nobody waits"), gated.logged("At the gate")
        event = next(message for message in mine if message["msg"] == "process_starts")["event_id"]
        eventually(lambda: gated.logged("At the gate") > begun)  # cancelled earlier, it would never come there
        (button,) = [one for one in visitor.config["dependencies"] if one["cancels"]]
        for name in button["cancels"]:
            body = {"event_id": event, "session_hash": visitor.session, "fn_index": name}
            visitor.http.post(f"{PREFIX}/cancel", json=body).raise_for_status()
        eventually(lambda: gated.logged("Nobody waits") > before)


def test_a_tab_has_few_events_under_way(place: Place) -> None:
    """The next one is told to wait, in words; another tab at the same address is let in."""
    attacker = Attacker(place.url)
    codes = [attacker.join(attacker.example, [], "abcdefghi") for _ in range(guard.EVENTS_OF_SESSION + 1)]
    assert [code.status_code for code in codes] == [200] * guard.EVENTS_OF_SESSION + [429]
    assert codes[-1].json()["detail"] == guard.BUSY
    assert attacker.join(attacker.example, []).is_success


# ------------------------------------------------------------------------------------------------------------ the disk


def test_the_uploads_unused_for_longest_make_room(place: Place) -> None:
    """What an event names was used; who asks for a picture that went is told what to do."""
    with place.visitor() as visitor:
        visitor.put(("kept.png", noise(80)), [("also kept.png", noise(81))])
        gone = visitor.upload([("gone.png", noise(82))])[0]
        for number in range(12):
            assert upload(place.url, part(os.urandom(3 * MB)) + END).is_success
            assert "Mean cosine" in visitor.click(COMPARE).text, number
        assert place.disk() <= BUDGET
        visitor.values[visitor.component("Test image")] = gone
        with pytest.raises(RefusedError, match="is no longer on the server"):
            visitor.click(COMPARE)


@pytest.mark.parametrize("form", [part(b"x"), part(b"x") + part(b"y", name="other") + END, part(b"x", filename="..")])
def test_an_upload_that_fails_leaves_nothing(place: Place, form: bytes) -> None:
    """Neither the file that was broken off, nor those before it."""
    before = sorted((place.temp / "gradio").rglob("*"))
    answer = upload(place.url, form)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert sorted((place.temp / "gradio").rglob("*")) == before


# ----------------------------------------------------------------------------------------------------------- the reader


def test_slow_uploads_are_few(place: Place) -> None:
    """Each holds descriptors; whoever has too many under way is told, and others upload."""
    lines = [f"POST {PREFIX}/upload HTTP/1.1", "Host: x", f"Content-Type: {FORM['content-type']}"]
    lines += ["Content-Length: 1000", "X-Forwarded-For: {address}", "", ""]
    port = int(place.url.rsplit(":", 1)[1])

    def answer() -> int:
        headers = {**FORM, "x-forwarded-for": ADDRESS}
        sent = httpx.post(f"{place.url}{PREFIX}/upload", headers=headers, content=part(b"x") + END, timeout=30)
        return sent.status_code

    with ExitStack() as held:

        def begin(address: str) -> socket.socket:
            slow = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            slow.sendall("\r\n".join(lines).format(address=address).encode() + part(b"x")[:20])
            return slow

        first, *_ = (begin(ADDRESS) for _ in range(guard.UPLOADS_OF_VISITOR))
        eventually(lambda: answer() == httpx.codes.TOO_MANY_REQUESTS)
        assert compared(place, 4000)
        for number in range(30):
            begin(f"8.8.4.{number}")  # with these there are as many as there may be
        assert compared(place, 4002)
        assert b" 408 " in first.recv(100), "the one that is silent for longest gives way"
    eventually(lambda: answer() == httpx.codes.OK)


def test_a_range_of_a_file_does_not_repeat_the_request(place: Place) -> None:
    """Gradio's answer would hold all request headers, those of the platform's proxy included."""
    path = upload(place.url, part(noise(90)) + END).json()[0]
    headers = {"range": "bytes=0-9", "x-ip-token": "secret", "cookie": "a=secret"}
    answer = httpx.get(f"{place.url}{PREFIX}/file={path}", headers=headers)
    assert answer.status_code == httpx.codes.OK
    assert answer.content == noise(90)
    assert "secret" not in str(answer.headers)


# ----------------------------------------------------------------------------------------------------- all at once


def test_others_are_served_while_somebody_attacks_and_all_comes_back(place: Place) -> None:
    """After each alone, so that one does not hide another; then everything at once, again and again.

    `-o log_cli_level=INFO` shows the figures. Before they are taken, what is made once has been made.
    """
    for number, attack in enumerate(Attacker(place.url).attacks):
        attack()
        assert compared(place, 3000 + 2 * number)
    quiet = max(compared(place, 2 * seed) for seed in range(1000, 1003))
    before = memory_of(place.url)
    with attacking(place.url) as attacker:
        waited = [compared(place, 2 * seed) for seed in range(2000, 2006)]
    log.info("Waited %.1f s, %.1f when quiet; answers %s", max(waited), quiet, dict(attacker.answers))
    log.info("Memory %d to %d MB; disk %d MB", before // MB, memory_of(place.url) // MB, place.disk() // MB)
    assert statistics.median(waited) <= 2 * quiet + 2
    assert max(waited) <= 2 * quiet + 10  # for one of them may wait for a core that another test has
    assert memory_of(place.url) - before <= MAY_GROW
    assert place.disk() <= BUDGET
    assert attacker.answers.keys() <= {200, 400, 404, 409, 413, 429, 503, 599}
    assert place.logged("Traceback") == 0
