"""The check of a deployment, up to the page: what the Hub reports of a Space, by the real client on a loopback Hub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import closed_port
from spaces_hub import NAME, TOKEN, Space, SpacesHub

ROOT = Path(__file__).resolve().parents[2]
COMMIT, OTHER = "a" * 40, "b" * 40
QUICK = ("--pause", "0.01", "--timeout", "0.002")  # minutes: twelve questions
LOG = "".join(f"line {number}\n" for number in range(100))


@pytest.fixture
def hub() -> Iterator[SpacesHub]:
    """A Hub without any Space."""
    with SpacesHub() as hub:
        yield hub


def verify(home: Path, name: str, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the check as `make verify` does; the client finds no token but HF_TOKEN."""
    cleared = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    environment = {**cleared, "PYTHONPATH": paths, "HF_HOME": str(home), **settings}
    command = [sys.executable, "-m", "verify", name, *QUICK, *options]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def told(found: subprocess.CompletedProcess[str]) -> str:
    """The one line that says why it could not be checked."""
    assert (found.returncode, found.stderr) == (1, "")
    (line,) = (line for line in found.stdout.splitlines() if line.startswith("FAIL  checked to the end"))
    return line.removeprefix("FAIL  checked to the end").strip()


STAGES = {
    "BUILD_ERROR": "The build failed. DETAIL Mend what its log says and push again.",
    "CONFIG_ERROR": "The head of README.md is not accepted. DETAIL Correct it and push again.",
    "NO_APP_FILE": "The Space holds no app.py. DETAIL Push this repository to it.",
    "RUNTIME_ERROR": "The app ended. DETAIL Mend what its log says, then push again or RESTART.",
    "SLEEPING": "The Space sleeps. DETAIL Open PAGE or run RESTART, then check again.",
    "PAUSED": "The Space is paused. DETAIL Its owner can RESTART; then check again.",
    "STOPPED": "The Space is stopped. DETAIL Its owner can RESTART; then check again.",
    "DELETING": "The Space is being deleted. DETAIL Nothing can be checked any more.",
    "A_NEW_ONE": "The Space is A_NEW_ONE. DETAIL See PAGE",
}
LOGGED = ("BUILD_ERROR", "CONFIG_ERROR", "RUNTIME_ERROR", "A_NEW_ONE")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_leads_nowhere_is_told_with_what_to_do(hub: SpacesHub, tmp_path: Path, stage: str) -> None:
    stages = ["BUILDING", "APP_STARTING", stage]
    hub.spaces[NAME] = Space(COMMIT, stages=stages, error="Exit code:\n1.", log=LOG)
    found = verify(tmp_path, NAME, HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN)
    words = {"DETAIL": "Exit code: 1.", "PAGE": f"{hub.url}/spaces/{NAME}", "RESTART": f"`hf spaces restart {NAME}`"}
    assert told(found) == re.sub("|".join(words), lambda match: words[match[0]], STAGES[stage])
    waited = [line.split()[0].rstrip(",") for line in found.stdout.splitlines() if line.endswith(" left")]
    assert waited == ["BUILDING", "APP_STARTING"]
    shown = [line.strip().removeprefix("| ") for line in found.stdout.splitlines() if line.startswith("      |")]
    assert shown == ([f"line {number}" for number in range(80, 100)] if stage in LOGGED else [])


def test_without_a_token_it_says_why_the_log_is_not_shown(hub: SpacesHub, tmp_path: Path) -> None:
    hub.spaces[NAME] = Space(COMMIT, stages=["BUILD_ERROR"], log=LOG)
    found = verify(tmp_path, NAME, HF_ENDPOINT=hub.url)
    assert told(found) == "The build failed. Mend what its log says and push again."
    assert "Its log cannot be read (HfHubHTTPError). It is for its owner: hf auth login" in found.stdout


@pytest.mark.parametrize("stage", ["BUILDING", "APP_STARTING", "RUNNING_BUILDING", "RUNNING_APP_STARTING"])
def test_a_space_that_never_comes_up_is_waited_for_no_longer_than_asked(
    hub: SpacesHub, tmp_path: Path, stage: str
) -> None:
    hub.spaces[NAME] = Space(COMMIT, stages=[stage])
    found = verify(tmp_path, NAME, HF_ENDPOINT=hub.url)
    reason = f"The Space does not run after 0.002 minutes: {stage}."
    assert told(found) == f"{reason} Look at {hub.url}/spaces/{NAME} and its log, or wait longer: --timeout MINUTES"


def test_the_hub_may_fail_for_a_moment_while_we_wait(hub: SpacesHub, tmp_path: Path) -> None:
    hub.spaces[NAME] = Space(COMMIT, stages=["BUILDING", "PAUSED"])
    hub.refusals.extend([500, 503])
    found = verify(tmp_path, NAME, HF_ENDPOINT=hub.url)
    assert told(found).startswith("The Space is paused.")
    assert "no answer from the Hub, 0:00 left" in found.stdout
    assert hub.refusals == []


def test_a_private_space_is_refused_before_anything_is_opened(hub: SpacesHub, tmp_path: Path) -> None:
    hub.spaces[NAME] = Space(COMMIT, private=True)
    owner, stranger = (verify(tmp_path, NAME, HF_ENDPOINT=hub.url, **token) for token in ({"HF_TOKEN": TOKEN}, {}))
    remedy = f"hf repos settings {NAME} --type space --public"
    assert told(owner) == f"{NAME} is private, so no visitor can open it. Make it public: {remedy}"
    missing = f"There is no Space {NAME}, or it is private."
    assert told(stranger) == f"{missing} Check the name; for a private one: hf auth login."


def test_what_cannot_be_asked_is_told_in_one_line(hub: SpacesHub, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}"
    answers = {
        "a wrong name": verify(tmp_path, "no/such/name", HF_ENDPOINT=hub.url),
        "a wrong token": verify(tmp_path, NAME, HF_ENDPOINT=hub.url, HF_TOKEN="hf_wrong"),  # noqa: S106
        "no network": verify(tmp_path, NAME, HF_ENDPOINT=nowhere),
        "a client told to stay offline": verify(tmp_path, NAME, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1"),
        "nothing at an address": verify(tmp_path, nowhere),
    }
    said = {what: told(found) for what, found in answers.items()}
    form = "Give it as owner/name, or give the address of a page."
    assert said["a wrong name"] == f"'no/such/name' is no name of a Space. {form}"
    assert said["a wrong token"] == "The Hub refused the token (401). Check HF_TOKEN, or: hf auth login."
    assert said["no network"].startswith(f"The Hub at {nowhere} cannot be reached (")
    assert said["no network"].endswith("Check the network.")
    assert said["a client told to stay offline"] == "HF_HUB_OFFLINE is set, so the Hub cannot be asked. Unset it."
    start = "Start it (make demo, make run), or correct SPACE."
    assert (
        said["nothing at an address"]
        == f"Nothing can be opened at {nowhere} (connect ECONNREFUSED {nowhere.removeprefix('http://')}). {start}"
    )


def test_after_a_push_it_waits_until_the_new_commit_runs(hub: SpacesHub, tmp_path: Path) -> None:
    hub.spaces[NAME] = Space(COMMIT, running=OTHER, stages=["RUNNING", "RUNNING", "PAUSED"])
    found = verify(tmp_path, NAME, HF_ENDPOINT=hub.url)
    assert told(found).startswith("The Space is paused.")
    assert "      RUNNING, 0:00 left" in found.stdout
