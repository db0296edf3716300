"""The benchmark refuses to begin without room, judges its rows as their goals say, and its GPU program runs to the end.

Nothing here depends on a time.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from loopback import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import run


def test_without_room_it_says_how_much_it_needs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEGASTYLE_BENCH_DIR", str(tmp_path / "bench"))
    monkeypatch.setattr(run, "MEMORY_BYTES", 10**18)
    with pytest.raises(SystemExit, match=r"needs 6\.50 GB of disk in \S+bench and .+ GB of memory\. Nothing was writt"):
        run.prepared()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ratio", "at_least", "met"),
    [(0.8, False, "yes"), (0.81, False, "**no**"), (0.8, True, "yes"), (0.79, True, "**no**")],
)
def test_a_goal_bounds_the_ratio_from_its_side(ratio: float, met: str, *, at_least: bool) -> None:
    assert str(run.Row("what", "ours", "theirs", ratio, 0.8, at_least)).endswith(f" 0.80 | {met} |")


def test_the_gpu_program_runs_to_its_end_on_a_stand_in_and_says_where_there_is_no_gpu() -> None:
    program = [sys.executable, str(ROOT / "bench" / "gpu.py")]
    done = subprocess.run([*program, "--stand-in"], capture_output=True, text=True, check=True)
    assert re.findall(r"CPU against GPU: 0\.0e\+00 in an embedding, at most 1e-05: True", done.stdout)
    assert len(re.findall(r"^forward pass of \d: \S+ ms; its matrix products alone", done.stdout, re.MULTILINE)) == 2
    environment = {"CUDA_VISIBLE_DEVICES": ""}
    refused = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.startswith("No GPU can be used here")) == (1, True)
