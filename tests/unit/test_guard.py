"""The door by itself: what it lets in, what it refuses and in which words, what it logs, and what it deletes."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from megastyle import guard
from megastyle.guard import Door, Limits, Schema, Store, address_of, is_upload, sweep

LIMITS = Limits(upload_bytes=1000, upload_files=3, tried=2, stored_bytes=2**20, waiting=2)
FOLDER = Path("/uploads")
PATH = f"{FOLDER}/{'0' * 64}/a.png"
SESSION, EVENT = "abc123def45", "0" * 32
TEST, REFERENCES, TRIED, BUTTON = 1, 2, 3, 4
CONFIG = {
    "components": [
        {"id": TEST, "type": "image"},
        {"id": REFERENCES, "type": "gallery"},
        {"id": TRIED, "type": "json"},
        {"id": BUTTON, "type": "button"},
    ],
    "dependencies": [
        {"id": 0, "inputs": [TEST, REFERENCES, TRIED], "targets": [[BUTTON, "click"]], "backend_fn": True},
        {"id": 1, "inputs": [], "targets": [[BUTTON, "click"]], "backend_fn": True},
        {"id": 2, "inputs": [TEST], "targets": [[TEST, "change"]], "backend_fn": False},
    ],
}
SCHEMA = Schema(CONFIG, FOLDER, LIMITS)
JOIN = "/gradio_api/queue/join"


def file(**more: Any) -> dict[str, Any]:
    """An upload as the page names it."""
    return {"path": PATH, "meta": {"_type": "gradio.FileData"}, **more}


def tile(**more: Any) -> dict[str, Any]:
    """A reference as the page names it."""
    return {"image": file(), "caption": None, **more}


def event(*data: Any, **more: Any) -> dict[str, Any]:
    """An event as the page sends it."""
    return {"data": list(data), "fn_index": 0, "trigger_id": BUTTON, "session_hash": SESSION, **more}


def status(body: Any, path: str = JOIN) -> int:
    """What the door says to a body; 200 lets it in."""
    try:
        SCHEMA.read(path, body if isinstance(body, bytes) else json.dumps(body).encode())
    except HTTPException as refusal:
        return refusal.status_code if re.fullmatch(r"[A-Z][^<>\n]+\.", refusal.detail) else 0
    return 200


# ------------------------------------------------------------------------------------------------------------ the body


@pytest.mark.parametrize(
    "body",
    [
        event(None, None, None),
        event(None, [], []),
        event(file(), [tile()] * 3, [file()] * 2),
        event(file(url="http://x/y.png", orig_name="n" * 255, size=1, mime_type="image/png"), None, None),
        event(file(is_stream=False, url=None, orig_name=None, size=None, mime_type=None), None, None),
        event(None, None, None, event_data=None),
        event(None, None, None, trigger_id=None),
        {"data": [], "fn_index": 1, "session_hash": SESSION},
    ],
)
def test_what_the_page_sends_is_let_in(body: dict[str, Any]) -> None:
    assert status(body) == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * 1000, 400),
        (b'{"data":[null,null,' + b"[" * 900 + b"]" * 900 + b'],"fn_index":0,"session_hash":"abcdefghi"}', 400),
        ([], 400),
        ({}, 400),
        (event(None, None, None, more=1), 400),
        (event(None, None, None, session_hash=""), 400),
        (event(None, None, None, session_hash="<gradio-sep>"), 400),
        (event(None, None, None, session_hash="a" * 17), 400),
        (event(None, None, None, session_hash=SESSION + "\n"), 400),
        (event(None, None, None, session_hash=None), 400),
        (event(None, None, None, event_data={"index": 0}), 400),
        (event("/etc/passwd", None, None), 400),
        (event(file(path="/etc/passwd"), None, None), 400),
        (event(file(is_stream=True), None, None), 400),
        (event(file(more=1), None, None), 400),
        (event(file(meta={"_type": "x"}), None, None), 400),
        (event({"path": PATH}, None, None), 400),
        (event(file(orig_name="n" * 256), None, None), 400),
        (event(file(size="1"), None, None), 400),
        (event(None, [tile(caption="c")], None), 400),
        (event(None, [{"video": file()}], None), 400),
        (event(None, [file()], None), 400),
        (event(None, tile(), None), 400),
        (event(None, [tile()] * 4, None), 413),
        (event(None, None, [file()] * 3), 413),
        (event(file(**{f"k{number}": 1 for number in range(guard.EVENT_COLONS)}), None, None), 413),
        (event(None, None), 409),
        (event(None, None, None, None), 409),
        (event(None, None, None, fn_index=2), 409),
        (event(None, None, None, fn_index=99), 409),
        (event(None, None, None, fn_index=-1), 409),
        (event(None, None, None, trigger_id=99), 409),
    ],
)
def test_what_the_page_does_not_send_is_refused(body: Any, code: int) -> None:
    """409 is what a page that was loaded before an update is told; the others are no page of ours."""
    assert status(body) == code


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("cancel", {"event_id": EVENT, "session_hash": SESSION, "fn_index": 0}, 200),
        ("cancel", {"event_id": "x" * 32, "session_hash": SESSION, "fn_index": 0}, 400),
        ("cancel", {"event_id": EVENT, "session_hash": SESSION, "fn_index": "0"}, 400),
        ("cancel", {"event_id": EVENT, "session_hash": SESSION + "<gradio-sep>", "fn_index": 0}, 400),
        ("reset", {"event_id": EVENT}, 200),
        ("reset/", {"event_id": EVENT}, 200),
        ("reset", {"event_id": EVENT, "more": 0}, 400),
    ],
)
def test_an_event_is_ended_by_its_name_alone(path: str, body: dict[str, Any], code: int) -> None:
    assert status(body, f"/gradio_api/{path}") == code


def test_an_address_is_not_handed_on() -> None:
    """The server must never follow it."""
    understood, paths = SCHEMA.read(JOIN, json.dumps(event(file(url="http://127.0.0.1/x"), None, [file()])).encode())
    assert b"127.0.0.1" not in understood
    assert paths == [PATH, PATH]


def test_an_input_of_an_unknown_kind_ends_the_start() -> None:
    """So that nobody adds one without saying here what the page may send for it."""
    with pytest.raises(KeyError):
        Schema({**CONFIG, "components": [{"id": part, "type": "video"} for part in range(5)]}, FOLDER, LIMITS)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(PATH),
    lambda parts: (
        st.lists(parts) | st.dictionaries(st.sampled_from(["path", "meta", "image", "url"]) | st.text(), parts)
    ),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {
        "data": st.lists(st.sampled_from([None, file(), [tile()], [file()]]) | ODD, max_size=4),
        "fn_index": st.sampled_from([0, 0, 0, 1, 2]) | ODD,
        "session_hash": st.just(SESSION) | ODD,
    },
    optional={"trigger_id": st.just(BUTTON) | ODD, "event_data": st.none() | ODD, "more": ODD},
)


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary() | EVENTS.map(json.dumps).map(str.encode) | ODD.map(json.dumps).map(str.encode))
def test_a_body_is_refused_or_is_what_the_page_sends(body: bytes) -> None:
    """And what is handed on says the same as what came, in the keys that the page sends."""
    if status(body) == 200:
        read = json.loads(SCHEMA.read(JOIN, body)[0])
        assert read.keys() <= {"data", "fn_index", "trigger_id", "session_hash", "event_data"}
        assert all(path == PATH for path in re.findall(r'"path": ?"([^"]*)"', json.dumps(read)))
    else:
        assert status(body) in (400, 409, 413)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH, True),
        (f"{FOLDER}/{'0' * 64}/..png", True),
        (f"{FOLDER}/{'0' * 64}/..", False),
        (f"{FOLDER}/{'0' * 64}/.", False),
        (f"{FOLDER}/{'0' * 64}/", False),
        (f"{FOLDER}/{'0' * 64}", False),
        (f"{FOLDER}/{'0' * 63}/a.png", False),
        (f"{FOLDER}/{'0' * 64}/../{'0' * 64}/a.png", False),
        (f"{FOLDER}//{'0' * 64}/a.png", False),
        (f"{FOLDER}/{'0' * 64}/a\0.png", False),
        (f"uploads/{'0' * 64}/a.png", False),
        ("/etc/passwd", False),
        ("", False),
    ],
)
def test_only_places_of_uploads_are_uploads(path: str, *, expected: bool) -> None:
    assert is_upload(path, FOLDER) is expected


# -------------------------------------------------------------------------------------------------------- the visitors


@pytest.mark.parametrize(
    ("hops", "address"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("1.1.1.1, 8.8.8.8, 10.0.0.7", "8.8.8.8"),
        ("1.1.1.1, nonsense,, 192.168.0.1", "1.1.1.1"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_the_last_public_address_is_the_visitors(hops: str, address: str | None) -> None:
    """What stands before it, the visitor can write there."""
    assert address_of(Headers({"x-forwarded-for": hops})) == address


# ------------------------------------------------------------------------------------------------------- the requests


async def page(scope: Any, receive: Any, send: Any) -> None:
    """An app that tells which headers arrive, in a page with a script."""
    assert scope["type"] == "http"
    names = " ".join(name.decode() for name, _ in scope["headers"])
    told = f"<head><meta property='x'/></head><body class='b'><script>{names}</script></body>".encode()
    headers = [(b"content-type", b"text/html"), (b"access-control-allow-origin", b"*"), (b"x-own", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


@functools.cache
def door(tmp_path: Path = FOLDER) -> Door:
    """A door in front of that app."""
    with gr.Blocks(title="T & U", analytics_enabled=False) as blocks:
        gr.Button().click(list, None, None)
    blocks.queue()
    made = Door(behind_proxy=False)
    made.guard(blocks, Store(tmp_path, LIMITS, 60), description='"D"', sweep_every=60)
    made.app = page
    return made


def run(work: Callable[[], Any]) -> Any:
    """Run a coroutine; the browser's own event loop may run in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def asked(method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What the door answers: status, headers, body."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b""}
    run(lambda: door()(scope, receive, send))  # type: ignore[arg-type]
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(message.get("body", b"") for message in sent[1:])


OWN = {"host": "page.example:7860"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "code"),
    [
        ("GET", "/", {}, 200),
        ("GET", "/config", {"sec_fetch_site": "same-origin", "origin": "https://other.example"}, 200),
        ("GET", "/config", {"sec_fetch_site": "none"}, 200),
        ("GET", "/", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),
        ("HEAD", "/", {"sec_fetch_site": "same-site", "sec_fetch_mode": "navigate"}, 200),
        ("GET", "/config", {"origin": "https://page.example:7860"}, 200),
        ("GET", "/config", {"origin": "https://front.example", "x_forwarded_host": "front.example, inner"}, 200),
        ("GET", "/config", {"origin": "https://huggingface.co", "sec_fetch_site": "cross-site"}, 200),
        ("POST", JOIN, {"origin": "https://huggingface.co", "sec_fetch_site": "cross-site"}, 403),
        ("POST", "/", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 403),
        ("GET", "/config", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 403),
        ("GET", "/", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"}, 403),
        ("GET", "/", {"sec_fetch_site": "cross-site"}, 403),
        ("POST", JOIN, {"sec_fetch_site": "same-site"}, 403),
        ("POST", JOIN, {"origin": "https://page.example.evil.example"}, 403),
        ("POST", JOIN, {"origin": "null"}, 403),
        ("OPTIONS", "/", {"origin": "https://evil.example", "access_control_request_method": "POST"}, 403),
        ("OPTIONS", "/", {}, 404),
        ("PUT", "/", {}, 404),
    ],
)
def test_other_sites_may_show_the_page_and_nothing_else(
    method: str, path: str, headers: dict[str, str], code: int
) -> None:
    """A browser says which site asks; an old one says the Origin."""
    assert asked(method, path, **OWN, **headers)[0] == code


def test_only_known_headers_go_in_and_out() -> None:
    """A range's answer would repeat all request headers, those of the platform's proxy included."""
    _, out, body = asked("GET", "/", range="bytes=0-9", origin="http://x", host="x", x_ip_token="t")  # noqa: S106
    assert b"<script>host x-ip-token</script>" in body
    assert out.keys() == {
        *("content-type", "content-length", "x-content-type-options", "referrer-policy"),
        "content-security-policy",
    }


def test_the_page_has_its_own_preview_and_a_policy_that_knows_its_scripts() -> None:
    """The names are escaped, the line for who has no scripts stands first, the length is right."""
    _, headers, body = asked("GET", "/")
    text = body.decode()
    assert '<meta property="og:title" content="T &amp; U"/>' in text
    assert '<meta name="description" content="&#34;D&#34;"/>' in text
    assert "<body class='b'><noscript><h1>T &amp; U</h1>" in text
    assert int(headers["content-length"]) == len(body)
    assert asked("GET", "/config")[1]["content-security-policy"] == guard.OTHER_POLICY, "all else may run nothing"
    assert "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='" in headers["content-security-policy"]  # of nothing


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [("/x/config", "/x", "/config"), ("/config", "/x", "/config"), ("/xconfig", "/x", "/xconfig"), ("/x", "", "/x")],
)
def test_a_prefix_is_no_part_of_the_path(path: str, root: str, expected: str) -> None:
    """Some proxies leave it in, some take it away."""
    assert guard.path_of({"path": path, "root_path": root}) == expected


# ------------------------------------------------------------------------------------------------------------- the log


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/gradio_api/unknown", "/gradio_api/unknown"),
        ("/gradio_api/file=/uploads/aa11/holiday file=2.png", "/gradio_api/file="),
        ("/gradio_api/heartbeat/aa11", "/gradio_api/heartbeat/"),
        ("/" + "x" * 10_000, "/" + "x" * (guard.PATH_LOGGED - 1)),
        *((f"/x{end}INFO forged", None) for end in ("\n", "\r", "\x0b", "\x85", "\u2028", "\x1b[2K", "\0")),
    ],
)
def test_a_refused_request_is_one_line_of_the_log(
    path: str, logged: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """With method and path, so that a route which the platform asks for can be seen; no file, no visitor."""
    with caplog.at_level(logging.INFO, "megastyle.guard"):
        assert asked("POST", path)[0] == 404
    (line,) = caplog.messages
    assert line.isascii()
    assert line.isprintable()
    assert line == f"Refused POST '{logged}': 404" or logged is None


# ------------------------------------------------------------------------------------------------------------ the broom


def test_old_files_and_empty_folders_go_whatever_they_are(tmp_path: Path) -> None:
    """What Gradio knows nothing of included: half an upload, a folder in a file's place, a link."""
    folder, outside = tmp_path / "uploads", tmp_path / "outside.png"
    (folder / "a" / "b").mkdir(parents=True)
    outside.write_bytes(b"kept")
    for name in ("tmpabcdef", "a/one.png", "a/b/two.png", "a/.hidden"):
        (folder / name).write_bytes(b"old")
    (folder / "link").symlink_to(outside)
    (folder / "folder link").symlink_to(tmp_path)
    (folder / "broken").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe")
    for _ in range(2):
        assert sweep(folder, age=-1, budget=0) == 0  # older than a moment that is still to come: everything
    assert list(folder.iterdir()) == []
    assert outside.read_bytes() == b"kept"


def test_the_files_unused_for_longest_go_first(tmp_path: Path) -> None:
    """A file counts at least what its folder and its entry cost."""
    files = [tmp_path / name for name in "abcd"]
    for path in files:
        path.write_bytes(bytes(10))
    Store(tmp_path, LIMITS, 60).use(str(files[0]), str(tmp_path / "gone"))
    assert sweep(tmp_path, age=3600, budget=2 * guard.FILE_COST) == 2 * guard.FILE_COST
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "d"]
    assert sweep(tmp_path / "none", age=0, budget=0) == 0, "before the first upload"


def test_the_deleting_goes_on_after_it_failed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Gradio's own ends for good."""
    ours, failed = door(tmp_path), asyncio.Semaphore(0)

    async def fail() -> None:
        failed.release()
        raise PermissionError("not now")

    async def work() -> None:
        async with ours.lifespan(ours.page.app):
            for _ in range(3):
                await asyncio.wait_for(failed.acquire(), 60)

    ours.sweep_every = 0
    monkeypatch.setattr(ours.store, "sweep", fail)
    run(work)
    assert "What is over was not all let go" in caplog.text


# ----------------------------------------------------------------------------------------------------------- the queue


def test_the_queue_is_started_again_and_the_process_ends_if_that_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault that no event of ours has; the running comparisons are not cancelled by it."""
    queue = door(Path("/other")).queue
    assert queue is not None
    ended: list[int] = []

    def fail() -> None:
        raise KeyError("unforeseen")

    def end(code: int) -> None:
        ended.append(code)
        queue.close()

    monkeypatch.setattr(queue, "get_events", fail)
    monkeypatch.setattr(type(queue), "__len__", lambda _: 1)
    monkeypatch.setattr(os, "_exit", end)
    queue.active_jobs = [None]
    run(queue.start_processing)
    assert ended == [1]
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3 + ["CRITICAL"]
