"""What the tests share: the tiny encoder, the app in this process, a real server on loopback, a real browser."""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest
from filelock import FileLock

import chromium
from loopback import serving
from megastyle.demo.__main__ import prepare
from proxy import Proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from megastyle.encoder import Encoder

# Two workers of pytest and what they start share the cores; it is read when torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: F401 - before transformers, through whose lazy modules its own pickling would look for a name

# What a closed tab leaves undone is told of whenever it is collected, and would stand in any other test's log.
logging.getLogger("asyncio").propagate = False


@pytest.fixture(scope="session")
def tiny_encoder() -> tuple[Path, Path]:
    """Backbone folder and checkpoint of the demo's encoder, trained once by the first worker and kept."""
    with FileLock(Path(tempfile.gettempdir()) / "megastyle-tests.lock"):
        prepared = prepare()
    return Path(prepared["MEGASTYLE_BACKBONE"]), Path(prepared["MEGASTYLE_CHECKPOINT"])


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
def encoder(tiny_environment: dict[str, str]) -> Encoder:
    """The tiny encoder, loaded in this process."""
    from megastyle.encoder import load_encoder

    return load_encoder(tiny_environment)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands keep embeddings that any test of a file may use."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, for commands that show no progress on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("megastyle.folders.tqdm", MagicMock())
    return tmp_path


@pytest.fixture(scope="session")
def app(tiny_environment: dict[str, str]) -> ModuleType:
    """app.py, imported in this process on the tiny encoder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT"):
            patch.setenv(name, tiny_environment[name])
        return importlib.import_module("app")


@pytest.fixture(scope="session")
def outside() -> Iterator[Proxy]:
    """Stands where the server's way to other hosts begins; what it is asked for is in `asked`, and gets no answer."""
    with Proxy("") as proxy:
        proxy.is_cut = True
        yield proxy


@pytest.fixture(scope="session")
def server(tiny_environment: dict[str, str], outside: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the app on the tiny encoder, shared by a worker's tests, which leave it as they found it.

    It runs without the variables that would turn off what it must turn off itself.
    """
    left_out = ("HF_HUB_OFFLINE", "GRADIO_ANALYTICS_ENABLED")
    environment = {name: value for name, value in tiny_environment.items() if name not in left_out}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment |= {name: outside.url, name.upper(): outside.url}
    environment |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    with serving(environment, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium: the system's, else Playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = chromium.launch(playwright)
        yield started
        started.close()
