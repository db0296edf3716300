"""What the tests share: the tiny encoder, the app in this process, a real server on loopback, a real browser."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import httpx
import pytest

from megastyle import demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 300  # until a started app must answer; a limit for a hang, not a measure
BROWSER_ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def tiny_encoder() -> tuple[Path, Path]:
    """Backbone folder and checkpoint of the demo's encoder, trained once and kept."""
    return demo.prepare()


@pytest.fixture(scope="session")
def tiny_environment(tiny_encoder: tuple[Path, Path]) -> dict[str, str]:
    """The environment that starts app.py on the tiny encoder, without any network."""
    backbone, checkpoint = map(str, tiny_encoder)
    return {
        **os.environ,
        "MEGASTYLE_BACKBONE": backbone,
        "MEGASTYLE_CHECKPOINT": checkpoint,
        "HF_HUB_OFFLINE": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }


@pytest.fixture(scope="session")
def app(tiny_environment: dict[str, str]) -> ModuleType:
    """app.py, imported in this process on the tiny encoder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT"):
            patch.setenv(name, tiny_environment[name])
        return importlib.import_module("app")


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(environment: dict[str, str], temp: Path, command: tuple[str, ...] = (sys.executable, "app.py")) -> Iterator[str]:
    """Run the app as its users do, with its files and log below `temp`, until the block ends; gives its URL."""
    port = free_port()
    settings = {**environment, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(temp / "gradio"), "TMPDIR": str(temp)}
    log = temp / "app.log"
    with log.open("w") as output, subprocess.Popen(command, cwd=ROOT, env=settings, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield wait_until_up(f"http://127.0.0.1:{port}", process, log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """The URL, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=30).is_success:
                return url
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the app on the tiny encoder, shared by tests that leave it as they found it."""
    with serving(tiny_environment, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium: the system's, else Playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
        started = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_ARGS))
        yield started
        started.close()
