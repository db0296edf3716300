"""A Space as the Hub sees it: its stage, its commit, its hardware, and who may look at it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, SpaceInfo, SpaceRuntime, constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from verify.problem import ProblemError
from verify.table import Line

LOG_LINES = 20  # of the end of a log
RUNNING = "RUNNING"
ON_THE_WAY = ("BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING")
NO_ANSWER = "no answer from the Hub"  # stands for a stage while we wait
HOPELESS = {  # stages that end the wait -> what they mean, what to do, and which log tells more
    "BUILD_ERROR": ("The build failed.", "Mend what its log says and push again.", "build"),
    "CONFIG_ERROR": ("The head of README.md is not accepted.", "Correct it and push again.", "build"),
    "NO_APP_FILE": ("The Space holds no app.py.", "Push this repository to it.", None),
    "RUNTIME_ERROR": (
        "The app ended.",
        "Mend what its log says, then push again or `hf spaces restart {name}`.",
        "run",
    ),
    "SLEEPING": ("The Space sleeps.", "Open {page} or run `hf spaces restart {name}`, then check again.", None),
    "PAUSED": ("The Space is paused.", "Its owner can `hf spaces restart {name}`; then check again.", None),
    "STOPPED": ("The Space is stopped.", "Its owner can `hf spaces restart {name}`; then check again.", None),
    "DELETING": ("The Space is being deleted.", "Nothing can be checked any more.", None),
}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a Space, and how long between two questions, s."""

    timeout: float
    pause: float

    @property
    def questions(self) -> int:
        """How often the Hub is asked, at most."""
        return max(1, round(self.timeout / self.pause))


def local_commit(folder: Path) -> str | None:
    """The commit that is checked out in `folder`; None where git knows none."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]  # found on the path, as every developer's tool is
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def explain(error: Exception, name: str) -> str:
    """Why the Hub cannot be asked about the Space `name`, and what to do, in one line."""
    match error:
        case HFValidationError():
            return f"{name!r} is no name of a Space. Give it as owner/name, or give the address of a page."
        case OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE is set, so the Hub cannot be asked. Unset it."
        case RepositoryNotFoundError():
            return f"There is no Space {name}, or it is private. Check the name; for a private one: hf auth login."
        case HfHubHTTPError() if error.response.status_code in (401, 403):
            return f"The Hub refused the token ({error.response.status_code}). Check HF_TOKEN, or: hf auth login."
        case HfHubHTTPError():
            return f"The Hub at {constants.ENDPOINT} answered {error.response.status_code}. Try again later."
        case _:
            reason = " ".join(str(error).split()) or type(error).__name__
            return f"The Hub at {constants.ENDPOINT} cannot be reached ({reason}). Check the network."


def find(api: HfApi, name: str) -> SpaceInfo:
    """What the Hub says of a Space.

    Raises:
        ProblemError: it says nothing, or the Space is private.
    """
    try:
        info = api.space_info(name)
    except Exception as error:  # the client's own errors, the HTTP library's, OSError: they share no base
        raise ProblemError(explain(error, name)) from error
    if info.private:
        remedy = f"Make it public: hf repos settings {name} --type space --public"
        raise ProblemError(f"{name} is private, so no visitor can open it. {remedy}")
    return info


def end_of_log(api: HfApi, name: str, kind: str | None) -> str:
    """The last lines of the build's or the app's log, or why it cannot be read."""
    if kind is None:
        return ""
    try:
        text = "".join(f"{line.rstrip()}\n" for line in api.fetch_space_logs(name, build=kind == "build"))
    except Exception as error:  # noqa: BLE001 - the log is an extra, and the client's errors share no base
        return f"Its log cannot be read ({type(error).__name__}). It is for its owner: hf auth login"
    return "\n".join(text.splitlines()[-LOG_LINES:])


def ask(api: HfApi, name: str) -> SpaceRuntime | None:
    """What the Space does now; None while the Hub does not answer, which a long wait has to survive."""
    try:
        return api.get_space_runtime(name)
    except RepositoryNotFoundError as error:
        raise ProblemError(explain(error, name)) from error
    except Exception:  # noqa: BLE001 - the client's errors share no base
        return None


def is_settled(runtime: SpaceRuntime, head: str | None) -> bool:
    """Whether waiting changes nothing: after a push the Hub says for a while that the commit before is running."""
    outdated = runtime.stage == RUNNING and head and runtime.raw.get("sha") not in (None, head)
    return runtime.stage not in ON_THE_WAY and not outdated


def wait(api: HfApi, info: SpaceInfo, patience: Patience, say: Callable[[str], Any]) -> SpaceRuntime:
    """Ask until the Space runs the newest commit of its repository, and say what it does meanwhile.

    Raises:
        ProblemError: it cannot come up, or does not in time.
    """
    said, runtime, page = "", None, f"{constants.ENDPOINT}/spaces/{info.id}"
    for question in range(patience.questions):
        runtime = ask(api, info.id) or runtime
        stage = str(runtime.stage) if runtime else NO_ANSWER
        if runtime and is_settled(runtime, info.sha):
            if runtime.stage == RUNNING:
                return runtime
            meaning, remedy, kind = HOPELESS.get(stage, (f"The Space is {stage}.", "See {page}", "run"))
            detail = str(runtime.raw.get("errorMessage") or "")
            reason = " ".join([meaning, *detail.split(), remedy.format(name=info.id, page=page)])
            raise ProblemError(reason, end_of_log(api, info.id, kind))
        if stage != said:
            left = round(patience.timeout - question * patience.pause)
            say(f"      {stage}, {left // 60}:{left % 60:02} left")
            said = stage
        time.sleep(patience.pause)
    if runtime and runtime.stage == RUNNING:
        return runtime  # of an older commit, which its line says
    minutes = f"{patience.timeout / 60:g} minutes"
    remedy = f"Look at {page} and its log, or wait longer: --timeout MINUTES"
    raise ProblemError(f"The Space does not run after {minutes}: {said}. {remedy}", end_of_log(api, info.id, "run"))


def address_of(info: SpaceInfo) -> str:
    """The page itself; huggingface.co only shows it in a frame."""
    return (info.host or f"https://{info.subdomain}.hf.space").rstrip("/")


def lines(info: SpaceInfo, runtime: SpaceRuntime, commit: str | None, hardware: str) -> list[Line]:
    """What the Hub says, held against what is expected."""
    running = runtime.raw.get("sha")
    commits = f"{running} runs, {commit} is checked out here"
    if commit not in (running, info.sha):
        commits += ", and was not pushed"
    asked = (
        "" if runtime.requested_hardware in (None, runtime.hardware) else f", asked for {runtime.requested_hardware}"
    )
    return [
        Line("stage", runtime.stage == RUNNING, str(runtime.stage)),
        Line("commit", running == commit if running and commit else None, commits),
        Line("hardware", runtime.hardware == hardware, f"{runtime.hardware}{asked}, expected {hardware}"),
        Line("visibility", info.private is False, "private" if info.private else "public"),
    ]
