"""What a stranger tries against the page: nothing runs, reads a file, reaches another address or stops the server."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from corpus import noise
from loopback import ROOT
from visitor import COMPARE, PREFIX, REFERENCES, TEST_IMAGE, RefusedError, Visitor

API = PREFIX
FILE_DATA = {"_type": "gradio.FileData"}
USED_BY_THE_PAGE = {  # of Gradio's routes; those of a new release fail here until someone has looked at them
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/config/"),
    ("GET", "/theme.css"),
    ("GET", "/favicon.ico"),
    ("GET", "/manifest.json"),
    ("GET", "/robots.txt"),
    ("GET", "/static/{path}"),
    ("GET", "/assets/{path}"),
    ("GET", "/svelte/{path}"),
    ("GET", f"{API}/info"),
    ("GET", f"{API}/info/"),
    ("GET", f"{API}/startup-events"),
    ("GET", f"{API}/upload_progress"),
    ("GET", f"{API}/queue/data"),
    ("GET", f"{API}/app_id"),
    ("GET", f"{API}/app_id/"),
    ("GET", f"{API}/heartbeat/{{session_hash}}"),
    ("GET", f"{API}/file={{path_or_url}}"),
    ("POST", f"{API}/upload"),
    ("POST", f"{API}/queue/join"),
    ("POST", f"{API}/cancel"),
    ("POST", f"{API}/reset"),
    ("POST", f"{API}/reset/"),
}


@pytest.fixture
def visitor(server: str) -> Iterator[Visitor]:
    """Somebody with the page open."""
    with Visitor(server) as visitor:
        yield visitor


@pytest.fixture
def own(visitor: Visitor) -> str:
    """Path of a picture that the visitor has uploaded."""
    return visitor.upload([("own.png", noise(1))])[0]["path"]


# -------------------------------------------------------------------------------------------- files that are no uploads


def entry(path: str | None, **more: Any) -> dict[str, Any]:
    """A file as the page's client would name it."""
    return {"path": path, "meta": FILE_DATA, **more}


ATTACKS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {  # of a picture outside the uploads, and their folder
    "a picture elsewhere": lambda secret, _: entry(str(secret)),
    "a picture elsewhere, without meta": lambda secret, _: {"path": str(secret)},
    "a picture elsewhere, called a stream": lambda secret, _: entry(str(secret), is_stream=True),
    "a picture elsewhere, by way of the uploads": lambda secret, uploads: entry(
        f"{uploads}/{'0' * 64}/../../../{secret.name}"
    ),
    "the folder of an upload": lambda _, uploads: entry(str(next(uploads.glob("*/*.png")).parent)),
    "an address": lambda _, __: entry("http://127.0.0.1:9/a.png"),
    "an address alone": lambda _, __: {"path": None, "url": "http://127.0.0.1:9/a.png"},
    "an address that Gradio trusts": lambda _, __: entry("https://huggingface.co/front/assets/huggingface_logo.png"),
    "a picture spelled out": lambda _, __: {"path": None, "url": "data:image/png;base64,AAAA", "meta": FILE_DATA},
}


def uploads_of(path: str) -> Path:
    """The folder that holds all uploads, by the path of one."""
    return Path(path).parents[1]


def backend_events(visitor: Visitor) -> list[dict[str, Any]]:
    """The page's events that run a function and take a picture."""
    inputs = {visitor.component(TEST_IMAGE), visitor.component(REFERENCES)}
    return [event for event in visitor.config["dependencies"] if event["backend_fn"] and inputs & set(event["inputs"])]


@pytest.mark.parametrize("slot", [TEST_IMAGE, REFERENCES])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_file_that_was_not_uploaded_is_refused_by_every_event(
    visitor: Visitor, own: str, attack: Callable[[Path, Path], dict[str, Any]], slot: str
) -> None:
    """With a good picture in the other slot, so that a comparison would run."""
    secret = uploads_of(own).parent / "secret.png"
    secret.write_bytes(noise(3))
    named = attack(secret, uploads_of(own))
    visitor.values[visitor.component(TEST_IMAGE)] = named if slot == TEST_IMAGE else entry(own)
    visitor.values[visitor.component(REFERENCES)] = [
        {"image": named if slot == REFERENCES else entry(own), "caption": None}
    ]
    for event in backend_events(visitor):
        with pytest.raises(RefusedError, match="HTTP 400"):
            list(visitor.messages(event, visitor.component(COMPARE)))


def test_the_same_request_with_an_upload_is_answered(visitor: Visitor, own: str) -> None:
    """So that the refusals above are about the file that they name."""
    visitor.values[visitor.component(TEST_IMAGE)] = entry(own)
    visitor.values[visitor.component(REFERENCES)] = [{"image": entry(own), "caption": None}]
    assert "1.000" in visitor.click(COMPARE).text


# ---------------------------------------------------------------------------------------------- another visitor's files


def test_nothing_that_the_page_tells_a_visitor_names_another_visitors_file(
    server: str, visitor: Visitor, own: str
) -> None:
    """Neither the page, nor its settings, nor a folder's listing, nor a comparison."""
    folder = Path(own).parent.name
    with Visitor(server) as other:
        answer = other.compare(("a.png", noise(4)), [("b.png", noise(5))])
        told = [json.dumps(other.config), json.dumps(answer.messages), other.http.get("/").text]
    listings = [
        visitor.http.get(f"{API}/file={path}") for path in (uploads_of(own), f"{uploads_of(own)}/", Path(own).parent)
    ]
    assert all(listing.status_code == httpx.codes.FORBIDDEN for listing in listings)
    assert not any(folder in text for text in told)


# -------------------------------------------------------------------------------------------------------- closed routes


def gradio_routes() -> list[tuple[str, str]]:
    """Method and path of every route of the installed Gradio, as its own schema lists them."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Button().click(lambda: None)
    paths = gr.routes.App.create_app(blocks).openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_of_gradio_that_the_page_does_not_use_is_closed(server: str) -> None:
    """An upgrade that brings new ones cannot open them."""
    closed = sorted(
        (method, path)
        for method, path in set(gradio_routes())
        if (method.replace("HEAD", "GET"), path) not in USED_BY_THE_PAGE
    )
    assert len(closed) > 40, "the list of routes was not read"
    with httpx.Client(base_url=server, timeout=10) as stranger:
        for method, path in closed:
            address = re.sub(r"\{[^}]*\}", "0", path)
            assert stranger.request(method, address, json={"data": []}).status_code == httpx.codes.NOT_FOUND, (
                f"{method} {address}"
            )


@pytest.mark.parametrize(
    "route",
    [
        "/openapi.json",
        "/docs",
        "/redoc",
        "/run-history",
        "/run-history/runs",
        f"{API}/run-history/runs",
        f"{API}/runs",
        f"{API}/openapi.json",
        f"{API}/mcp/",
        f"{API}/mcp/sse",
        "/monitoring",
        "/monitoring/x",
    ],
)
def test_a_route_beside_the_schema_is_closed(server: str, route: str) -> None:
    """Those that are mounted or hidden."""
    assert httpx.get(server + route).status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize("route", ["run", "api", "call", "call/v2", "run/", "//call"])
def test_no_function_can_be_called_by_its_name(visitor: Visitor, own: str, route: str) -> None:
    """Every event's name is tried, past the queue and into it."""
    picture = entry(own)
    for event in visitor.config["dependencies"]:
        body = {
            "data": [picture, [{"image": picture, "caption": None}]],
            "session_hash": visitor.session,
            "fn_index": event["id"],
        }
        answer = visitor.http.post(f"{API}/{route}/{event['api_name']}", json=body)
        assert answer.status_code == httpx.codes.NOT_FOUND, answer.text


def test_the_list_of_endpoints_is_empty(server: str) -> None:
    """Those that Gradio calls undocumented included."""
    for query in ("", "?all_endpoints=true", "?page="):
        assert httpx.get(f"{server}{API}/info{query}").json() == {"named_endpoints": {}, "unnamed_endpoints": {}}


@pytest.mark.parametrize(
    "address",
    [
        "/etc/passwd",
        "//etc/passwd",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "{app}",
        "app.py",
        ".git/config",
        "{uploads}/../secret.png",
        "{uploads}/%2e%2e/secret.png",
        "{uploads}",
        "file:///etc/passwd",
        "http://127.0.0.1:9/a.png",
        "http:%2f%2f127.0.0.1:9/a.png",
        "https://huggingface.co/front/assets/huggingface_logo.png",
    ],
)
def test_the_file_route_gives_nothing_but_uploads(server: str, own: str, address: str) -> None:
    """No other file, and no other server's."""
    (uploads_of(own).parent / "secret.png").write_bytes(noise(3))
    target = address.format(app=ROOT / "app.py", uploads=uploads_of(own))
    answer = raw_get(server, f"{API}/file={target}")
    assert answer.split()[1] in (b"403", b"404"), answer


@pytest.mark.parametrize(
    "route",
    ["/static/..%2f..%2f..%2f..%2fetc/passwd", "/assets/../../../../etc/passwd", "/svelte/%2e%2e/%2e%2e/__init__.py"],
)
def test_the_routes_of_the_pages_own_files_do_not_leave_their_folder(server: str, route: str) -> None:
    """Sent as they stand, for a client would tidy them."""
    assert raw_get(server, route).split()[1] in (b"403", b"404")


def raw_get(server: str, target: str) -> bytes:
    """What the server answers to a request whose target is sent as it stands."""
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


# ------------------------------------------------------------------------------------------------ requests out of shape


def test_an_event_of_a_former_deployment_is_told_so(visitor: Visitor) -> None:
    """The page's own client shows the sentence; what else the page does not send is tried on the door by itself."""
    body = {"data": [], "fn_index": 999, "trigger_id": None, "session_hash": visitor.session}
    answer = visitor.http.post(f"{API}/queue/join", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (409, "The page was updated; reload it.")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": f"multipart/form-data; boundary={'x' * 300}"},
    ],
)
def test_an_upload_that_is_no_form_is_refused(server: str, headers: dict[str, str]) -> None:
    """With the words of a refusal, not with a fault of the server."""
    answer = httpx.post(f"{server}{API}/upload", content=b"nothing of the kind", headers=headers)
    assert answer.status_code == httpx.codes.BAD_REQUEST, answer.text


# ---------------------------------------------------------------------------------------------------- names with markup


def test_a_name_that_only_a_script_can_send_is_text_too(visitor: Visitor) -> None:
    """The page's client strips some characters from names; a hand-made event keeps them."""
    test, reference = visitor.upload([("a.png", noise(30)), ("b.png", noise(31))])
    name = "</td></table><script>window.pwned=1</script>/..\\\n.png"
    visitor.values[visitor.component(TEST_IMAGE)] = test | {"orig_name": name}
    visitor.values[visitor.component(REFERENCES)] = [{"image": reference | {"orig_name": name}, "caption": None}]
    assert "<script" not in visitor.click(COMPARE).text
