"""What the server tells the page to keep, and what it sends, keeps and writes down itself."""

from __future__ import annotations

import json
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from corpus import noise
from loopback import eventually, serving
from visitor import COMPARE, DOWNLOAD_JSON, TEST_IMAGE, RefusedError, Visitor

NAME = "Zaphod Beeblebrox on holiday"  # of a visitor's files; nothing that the server writes down may hold it


def test_the_page_is_told_to_keep_no_history_and_to_count_nothing(server: str) -> None:
    """What the page's client goes by."""
    with Visitor(server) as visitor:
        assert (visitor.config["run_history"], visitor.config["analytics_enabled"]) == (False, False)
        assert {event["api_visibility"] for event in visitor.config["dependencies"]} == {"private"}


class Proxy(socketserver.ThreadingTCPServer):
    """Stands where the way to other hosts begins, and keeps what it was asked for; it lets nobody through."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), self.Ask)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    class Ask(socketserver.StreamRequestHandler):
        """One connection."""

        def handle(self) -> None:
            """Remember the request's first line and hang up."""
            self.server.asked.append(self.rfile.readline(4096).decode("latin-1"))  # type: ignore[attr-defined]


class Brief(NamedTuple):
    """An app that keeps files for a moment only, and the proxy through which it would reach other hosts."""

    url: str
    folder: Path
    proxy: Proxy


@pytest.fixture(scope="module")
def brief(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brief]:
    """The app as a Space runs it: without the variables that would turn off what it must turn off itself."""
    folder = tmp_path_factory.mktemp("brief")
    with Proxy() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        left_out = ("HF_HUB_OFFLINE", "GRADIO_ANALYTICS_ENABLED")
        environment = {name: value for name, value in tiny_environment.items() if name not in left_out}
        environment |= dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), proxy.url
        )
        environment |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        short = "import app; app.FILES_KEPT_SECONDS = 0.5; app.SWEEP_SECONDS = 0.2; app.main()"
        with serving(environment, folder, (sys.executable, "-c", short)) as url:
            yield Brief(url, folder, proxy)
        proxy.shutdown()


def test_pictures_and_results_are_deleted_and_the_page_says_so_when_asked(brief: Brief) -> None:
    """Not even empty folders stay; who asks for a deleted picture is told what to do, and a new one is compared."""
    uploads = brief.folder / "gradio"
    with Visitor(brief.url) as visitor:
        visitor.put(("test.png", noise(10)), [("reference.png", noise(11))])
        eventually(lambda: not list(uploads.iterdir()))
        with pytest.raises(RefusedError, match="is no longer on the server"):
            visitor.click(COMPARE)
        assert try_until_in_time(visitor)
        eventually(lambda: not list(uploads.iterdir()))


def try_until_in_time(visitor: Visitor) -> bool:
    """Compare until it is done before the pictures are deleted, which on a slow machine may take a few times."""
    for _ in range(20):
        visitor.put(("test.png", noise(10)), [("reference.png", noise(11))])
        try:
            return bool(visitor.click(COMPARE).text)
        except RefusedError:
            continue
    return False


def test_the_server_asks_no_other_host_for_anything(brief: Brief) -> None:
    """Neither when it starts nor when it compares: no telemetry, no look for a newer version."""
    with Visitor(brief.url) as visitor:
        try_until_in_time(visitor)
    assert brief.proxy.asked == []


def test_no_result_is_written_to_the_disk(server: str) -> None:
    """What a visitor takes away is made when it is asked for, and goes to nobody else."""
    with Visitor(server) as visitor:
        visitor.put(("test.png", noise(12)), [("reference.png", noise(13))])
        folder = Path(visitor.values[visitor.component(TEST_IMAGE)]["path"]).parents[1]
        before = sorted(folder.rglob("*"))
        visitor.click(COMPARE)
        assert json.loads(visitor.take(DOWNLOAD_JSON))["names"] == ["test.png", "reference.png"]
    assert sorted(folder.rglob("*")) == before


def test_the_log_says_what_happened_and_nothing_of_the_visitors_files(server: str) -> None:
    """A comparison, a refused picture, a refused event and a refused upload; no name, no content, no path."""
    with Visitor(server) as visitor:
        uploaded = visitor.upload([(f"{NAME}.png", noise(15))])[0]
        log = Path(uploaded["path"]).parents[2] / "app.log"
        before = log.stat().st_size
        visitor.compare((f"{NAME}.png", noise(15)), [(f"{NAME} 2.png", noise(16))])
        with pytest.raises(RefusedError):
            visitor.compare((f"{NAME}.png", f"{NAME}, no picture".encode()), [(f"{NAME} 2.png", noise(16))])
        visitor.values = {part: {"path": f"/{NAME}.png"} for part in visitor.values}
        with pytest.raises(RefusedError):
            visitor.click(COMPARE)
        assert visitor.http.post("/gradio_api/upload", files=[(NAME, (NAME, b""))]).is_error
        assert visitor.http.post(f"/gradio_api/file=/{NAME}").is_error
    written = log.read_bytes()[before:].decode()
    assert len(re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO ", written, re.MULTILINE)) >= 5, written
    assert "Compared 2 pictures" in written
    for secret in (NAME, NAME.replace(" ", "%20"), Path(uploaded["path"]).parent.name, visitor.session, "Traceback"):
        assert secret not in written
