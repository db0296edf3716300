"""The benchmark's program for a GPU, on a machine that has none."""

from __future__ import annotations

import subprocess
import sys

from loopback import ROOT


def test_without_a_gpu_its_program_says_so_in_one_line() -> None:
    command = [sys.executable, str(ROOT / "bench" / "gpu.py")]
    finished = subprocess.run(command, env={"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("No GPU can be used here")
    assert finished.stderr.count("\n") == 1
