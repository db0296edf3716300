"""The app starts on macOS and Windows as far as its own code goes: without what only Linux, or only Unix, has."""

from __future__ import annotations

import subprocess
import sys

from loopback import ROOT

ELSEWHERE = """
import builtins, os, sys
import spaces, gradio, torch, PIL.Image, httpx  # what libraries use of a system is their own business
from transformers import SiglipImageProcessorPil, SiglipVisionModel

ABSENT = {"fcntl", "resource", "pwd", "grp", "termios"}  # modules that Windows lacks
whole = builtins.__import__

def importing(name, globals=None, *rest, **named):
    file = str((globals or {}).get("__file__", ""))
    if name in ABSENT and file.startswith(sys.argv[1]) and "site-packages" not in file:
        raise ModuleNotFoundError(name)
    return whole(name, globals, *rest, **named)

builtins.__import__ = importing
for name in ("getuid", "geteuid", "fork", "register_at_fork", "sched_getaffinity", "setsid", "killpg", "mkfifo"):
    delattr(os, name)
import app
print("components", len(app.build_page().blocks))
"""


def test_the_app_starts_where_a_system_has_no_users_no_forks_and_no_limits(tiny_environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", ELSEWHERE, str(ROOT)]
    done = subprocess.run(command, cwd=ROOT, env=tiny_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 20
