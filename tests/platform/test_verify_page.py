"""The check of a deployment, from the page on: what it says of right and wrong pages, in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hub import COMMIT as REVISION
from hub import Hub
from loopback import serving
from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, CHECKPOINT_FILE, CHECKPOINT_REPO
from proxy import Proxy
from spaces_hub import NAME, Space, SpacesHub
from verify.space import local_commit

ROOT = Path(__file__).resolve().parents[2]
OTHER = "b" * 40  # a commit
LINE = re.compile(r"(ok|FAIL|-) +(.+?)(?:  +(.+))?$")
PATIENCE = "300"  # seconds; a limit for a hang, not a measure


class Page(NamedTuple):
    """An app that runs: its address, and the Hub's cache from which it was loaded."""

    url: str
    home: Path


class Found(NamedTuple):
    """What the check printed: its lines by what was checked, each with mark and what was seen; and its exit code."""

    code: int
    lines: dict[str, tuple[str, str]]
    text: str

    @property
    def failed(self) -> list[str]:
        """What failed."""
        return [what for what, (mark, _) in self.lines.items() if mark == "FAIL"]


@pytest.fixture(scope="module")
def official(
    tiny_encoder: tuple[Path, Path], tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """The app on an encoder that a Hub publishes under the official names, so that the app takes it for that."""
    (backbone, checkpoint), home = tiny_encoder, tmp_path_factory.mktemp("home")
    unnamed = {name: value for name, value in tiny_environment.items() if not name.startswith(("MEGASTYLE_", "HF_"))}
    with Hub() as hub:
        hub.add(CHECKPOINT_REPO, {CHECKPOINT_FILE: checkpoint.read_bytes()})
        hub.add(BACKBONE_REPO, {name: (backbone / name).read_bytes() for name in BACKBONE_FILES})
        settings = {**unnamed, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        with serving(settings, tmp_path_factory.mktemp("official")) as url:
            yield Page(url, home)


def command(page: Page, space: str, folder: Path, *options: str, **settings: str) -> tuple[list[str], dict[str, str]]:
    """The command line of a check, and its environment."""
    cleared = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MEGASTYLE_"))}
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    arguments = ["-m", "verify", space, "--patience", PATIENCE, "--saved", str(folder / "saved"), *options]
    return [sys.executable, *arguments], {**cleared, "PYTHONPATH": paths, "HF_HOME": str(page.home), **settings}


def verify(page: Page, space: str, folder: Path, *options: str, **settings: str) -> Found:
    """Run the check as `make verify` does."""
    arguments, environment = command(page, space, folder, *options, **settings)
    done = subprocess.run(arguments, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    matches = [match for line in done.stdout.splitlines() if (match := LINE.match(line))]
    return Found(
        done.returncode, {what: (mark, seen) for mark, what, seen in (match.groups() for match in matches)}, done.stdout
    )


# ------------------------------------------------------------------------------------------------- pages that are right


def test_the_demos_page_fails_for_its_encoder_alone(server: str, tmp_path: Path) -> None:
    found = verify(Page(server, tmp_path), server, tmp_path)
    assert (found.code, found.failed) == (1, ["encoder"])
    assert found.lines["encoder"][1].startswith("not official: megastyle_encoder.pth")
    assert found.lines["as computed here"] == ("-", "left out: it is not the published encoder")


def test_a_space_with_this_commit_and_the_published_encoder_passes(official: Page, tmp_path: Path) -> None:
    with SpacesHub() as hub:
        hub.spaces[NAME] = Space(str(local_commit(ROOT)), host=official.url, stages=["BUILDING", "RUNNING"])
        found = verify(official, NAME, tmp_path, "--pause", "0.01", HF_ENDPOINT=hub.url)
    assert (found.code, found.failed) == (0, []), found.text
    assert found.lines["commit"][0] == found.lines["hardware"][0] == found.lines["visibility"][0] == "ok"
    assert found.lines["encoder"][1].startswith(f"{CHECKPOINT_REPO}/{CHECKPOINT_FILE}, commit {REVISION}")
    assert found.lines["again without a GPU"] == ("ok", "new picture: Picture 1 of 1; again: nothing embedded")
    assert found.lines["as computed here"][0] == "ok"
    assert found.text.endswith("All is well.\n")


def test_another_commit_and_other_hardware_fail_for_themselves_alone(official: Page, tmp_path: Path) -> None:
    with SpacesHub() as hub:
        hub.spaces[NAME] = Space(OTHER, host=official.url, hardware="cpu-basic")
        found = verify(official, NAME, tmp_path, HF_ENDPOINT=hub.url)
    assert (found.code, found.failed) == (1, ["commit", "hardware"])
    here = local_commit(ROOT)
    assert found.lines["commit"][1] == f"{OTHER} runs, {here} is checked out here, and was not pushed"
    assert found.lines["hardware"][1] == "cpu-basic, expected zero-a10g"


def test_a_kept_matrix_holds_the_next_deployment(official: Page, tmp_path: Path) -> None:
    assert verify(official, official.url, tmp_path, "--save").lines["saved"][0] == "ok"
    (kept,) = (tmp_path / "saved").iterdir()
    content = json.loads(kept.read_text())
    content["matrix"][0][1] += 2e-4
    kept.write_text(json.dumps(content))
    changed = verify(official, official.url, tmp_path)
    assert (changed.code, changed.failed) == (1, ["as saved"])
    assert changed.lines["as saved"][1].startswith("off by 2.0e-04, kept with torch ")


# ------------------------------------------------------------------------------------------------- pages that are wrong


def with_report(change: Callable[[dict[str, Any]], object]) -> dict[str, Callable[[bytes], bytes]]:
    """What becomes of the JSON report on its way to the browser."""

    def changed(content: bytes) -> bytes:
        report = json.loads(content)
        change(report)
        return json.dumps(report).encode()

    return {".json": changed}


def spoil(report: dict[str, Any]) -> None:
    """Make all of a report wrong that can be seen from itself."""
    report["matrix"][2][1], report["mean_cosine"], report["page"] = 0.5, 0.1, OTHER
    report["versions"]["torch"] = "2.8.0"


def test_a_wrong_report_fails_for_what_is_wrong(official: Page, tmp_path: Path) -> None:
    with Proxy(official.url, with_report(spoil)) as proxy:
        found = verify(official, proxy.url, tmp_path)
    assert (found.code, found.failed) == (1, ["versions", "matrix", "mean", "commit in the report", "upload's matrix"])
    assert found.lines["versions"][1] == "torch 2.8.0, pinned is 2.13.0"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "The file behind Download JSON is no JSON ("),
        (b"[]", "The file behind Download JSON holds no object but list."),
    ],
)
def test_a_report_that_is_none_ends_the_check(official: Page, tmp_path: Path, content: bytes, reason: str) -> None:
    with Proxy(official.url, {".json": lambda _: content}) as proxy:
        found = verify(official, proxy.url, tmp_path)
    assert (found.code, found.failed) == (1, ["checked to the end"])
    assert found.lines["checked to the end"][1].startswith(reason)


def test_a_page_that_is_broken_says_so_with_its_status(official: Page, tmp_path: Path) -> None:
    with Proxy(official.url, status=500) as proxy:
        found = verify(official, proxy.url, tmp_path)
        assert (found.code, found.failed) == (1, ["checked to the end"])
        reason = f"{proxy.url} answered 500 instead of the page. Look at its log."
        assert found.lines == {"checked to the end": ("FAIL", reason)}


def test_strange_hosts_errors_and_endpoints_are_seen(official: Page, server: str, tmp_path: Path) -> None:
    stranger = server.replace("127.0.0.1", "localhost")  # another host to a browser
    script = f'<script>console.error("broken"); fetch("{stranger}/config", {{mode: "no-cors"}})</script></head>'
    info: dict[str, dict[str, Any]] = {"named_endpoints": {"/compare": {}}, "unnamed_endpoints": {}}
    changes = {
        "/gradio_api/info": lambda _: json.dumps(info).encode(),
        "/": lambda page: page.replace(b"</head>", script.encode(), 1),
    }
    with Proxy(official.url, changes) as proxy:
        found = verify(official, proxy.url, tmp_path)
    assert (found.code, found.failed) == (1, ["no endpoint", "hosts", "console"]), found.text
    assert found.lines["no endpoint"][1] == "/compare"
    assert stranger.removeprefix("http://") in found.lines["hosts"][1]
    assert found.lines["console"][1] == "broken"


@contextmanager
def forgetful(environment: dict[str, str], folder: Path) -> Iterator[str]:
    """The app without its cache: it embeds everything each time."""
    program = "import app; app.EMBEDDER.cache._most = 0; app.main()"
    with serving(environment, folder, (sys.executable, "-c", program)) as url:
        yield url


def test_an_app_that_asks_for_a_gpu_again_is_seen(tiny_environment: dict[str, str], tmp_path: Path) -> None:
    with forgetful(tiny_environment, tmp_path) as url:
        found = verify(Page(url, tmp_path), url, tmp_path)
    assert (found.code, found.failed) == (1, ["encoder", "again without a GPU"]), found.text


# --------------------------------------------------------------------------------------------------------------- Ctrl+C


@pytest.mark.parametrize("everybody", [True, False], ids=["the whole group", "the command alone"])
def test_ctrl_c_leaves_nothing_behind(official: Page, tmp_path: Path, *, everybody: bool) -> None:
    """A terminal sends SIGINT to the browser and its driver too."""
    with tempfile.TemporaryDirectory() as temporary:
        arguments, environment = command(official, official.url, tmp_path, TMPDIR=temporary)
        with subprocess.Popen(
            arguments,
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("ok    page")
            (os.killpg if everybody else os.kill)(process.pid, signal.SIGINT)
            said, errors = process.communicate()
        assert (process.returncode, said.splitlines()[-1], errors) == (130, "Stopped.", "")
        assert list(Path(temporary).iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)  # nobody of its session is there
