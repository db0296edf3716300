"""The check of a deployment from one end to the other: `make verify` on a page that runs, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hub import Hub, Space
from loopback import ROOT
from proxy import Proxy
from verify.__main__ import local_commit

NAME = "somebody/comparison"


def verify(hub: Hub, name: str) -> tuple[int, dict[str, str], str]:
    """Exit code, the mark of each line, and all that was printed."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths, "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "verify", name, "--pause", "0.01", "--patience", "100"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = re.findall(r"^(ok|FAIL) +(.+?)  ", done.stdout, re.MULTILINE)
    return done.returncode, {what: mark for mark, what in lines}, done.stdout


def test_another_commit_hardware_and_encoder_and_a_message_on_the_console_are_seen_and_all_else_is_right(
    server: str,
) -> None:
    broken = b'<script>console.error("broken"); fetch("http://localhost:9/")</script></head>'
    with Hub() as hub, Proxy(server, {"/": lambda page: page.replace(b"</head>", broken, 1)}) as proxy:
        hub.spaces[NAME] = Space("b" * 40, proxy.url, ["BUILDING", "RUNNING"], hardware="cpu-basic")
        code, marks, text = verify(hub, NAME)
    assert code == 1
    failed = ["commit", "hardware", "encoder", "upload: encoder", "console"]
    assert [what for what, mark in marks.items() if mark != "ok"] == failed, text
    assert {"visibility", "example", "versions", "numbers", "upload", "hosts"} < marks.keys()
    assert text.endswith(f"Failed: {', '.join(failed)}.\n")
    assert f"{'b' * 40} runs, {local_commit()} is checked out here, and was not pushed" in text


def test_a_page_that_is_broken_ends_the_check_with_its_status(server: str) -> None:
    with Hub() as hub, Proxy(server, status=500) as proxy:
        code, marks, text = verify(hub, proxy.url)
    assert (code, marks) == (1, {"checked to the end": "FAIL"})
    assert f"{proxy.url} answered 500 instead of the page. Look at its log." in text
