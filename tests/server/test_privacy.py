"""What the server tells the page to keep, and what it sends, keeps and writes down itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from corpus import noise
from proxy import Proxy
from visitor import COMPARE, DOWNLOAD_JSON, TEST_IMAGE, RefusedError, Visitor

NAME = "Zaphod Beeblebrox on holiday"  # of a visitor's files; nothing that the server writes down may hold it


def test_the_page_is_told_to_keep_no_history_and_to_count_nothing(server: str) -> None:
    """What the page's client goes by."""
    with Visitor(server) as visitor:
        assert (visitor.config["run_history"], visitor.config["analytics_enabled"]) == (False, False)
        assert {event["api_visibility"] for event in visitor.config["dependencies"]} == {"private"}


def test_the_server_asks_no_other_host_for_anything(server: str, outside: Proxy) -> None:
    """Neither when it starts nor when it compares: no telemetry, no look for a newer version."""
    with Visitor(server) as visitor:
        visitor.compare(("test.png", noise(10)), [("reference.png", noise(11))])
    assert outside.asked == []


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
