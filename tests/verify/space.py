"""A Space as the Hub sees it: its stage, its commit, its hardware."""

from __future__ import annotations

import time

from huggingface_hub import HfApi, SpaceInfo, SpaceRuntime, constants
from huggingface_hub.errors import RepositoryNotFoundError

from verify import ProblemError
from verify.report import Say

RUNNING = "RUNNING"
ON_THE_WAY = ("BUILDING", "RUNNING_BUILDING", "APP_STARTING", "RUNNING_APP_STARTING")


def ask(api: HfApi, name: str) -> tuple[SpaceInfo, SpaceRuntime]:
    """What the Hub says of a Space and of what it runs.

    Raises:
        ProblemError: it says nothing.
    """
    try:
        return api.space_info(name), api.get_space_runtime(name)
    except RepositoryNotFoundError as error:
        remedy = "Check the name; for a private one: hf auth login."
        raise ProblemError(f"There is no Space {name}, or it is private. {remedy}") from error
    except Exception as error:  # the client's own errors, the HTTP library's, OSError: they share no base
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProblemError(f"The Hub at {constants.ENDPOINT} cannot be asked about {name}: {reason}") from error


def is_settled(info: SpaceInfo, runtime: SpaceRuntime) -> bool:
    """Whether waiting changes nothing: after a push the Hub says for a while that the commit before is running."""
    is_older = runtime.stage == RUNNING and runtime.raw.get("sha") not in (None, info.sha)
    return runtime.stage not in ON_THE_WAY and not is_older


def wait(api: HfApi, name: str, timeout: float, pause: float) -> tuple[SpaceInfo, SpaceRuntime]:
    """Ask until the Space runs the newest commit of its repository; `timeout` in minutes, `pause` in seconds.

    Raises:
        ProblemError: it does not run.
    """
    for _ in range(max(1, round(60 * timeout / pause))):
        info, runtime = ask(api, name)
        if is_settled(info, runtime):
            break
        time.sleep(pause)
    if runtime.stage == RUNNING:
        return info, runtime  # where it is of an older commit, its line says so
    reason = " ".join(str(runtime.raw.get("errorMessage") or "").split())
    remedy = f"Read `hf spaces logs {name} --build`, without --build for the app's own; `hf spaces restart {name}`."
    raise ProblemError(f"The Space is {runtime.stage}. {reason} {remedy}")


def tell(info: SpaceInfo, runtime: SpaceRuntime, commit: str, hardware: str, say: Say) -> str:
    """Hold a running Space against the commit that is checked out here and the hardware that it should have.

    Returns the address of its page, which huggingface.co only shows in a frame.
    """
    running = runtime.raw.get("sha") or info.sha
    pushed = "" if commit in (running, info.sha) else ", and was not pushed"
    say("commit", running == commit, f"{running} runs, {commit} is checked out here{pushed}")
    say("hardware", runtime.hardware == hardware, f"{runtime.hardware}, expected {hardware}")
    say("visibility", not info.private, "private: no visitor can open it" if info.private else "public")
    return (info.host or f"https://{info.subdomain}.hf.space").rstrip("/")
