"""The measurement of a GPU runs to its end on a stand-in: its names, the real client, the forked worker, its report."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "bench" / "gpu.py"
TIME = r"\d+\.\d+ (ms|s)"
TOLD = [
    r"a CPU as stand-in, where no figure means anything, torch .+",
    rf"forward pass of 1: {TIME}; its matrix products alone: {TIME} \(.+\)",
    rf"forward pass of 2: {TIME}; its matrix products alone: {TIME} \(.+\)",
    r"CPU against GPU: 0\.0e\+00 in an embedding, at most 1e-05: True",
    rf"moving the model: float32 {TIME}; 16 bits, cast there {TIME}; the same to the bit: True",
    rf"model placed inside the worker: start {TIME}, cold worker, 2 pictures {TIME}, warm, 2 {TIME}, warm, 1 {TIME}",
    rf"model placed at module scope: start {TIME}, cold worker, 2 pictures {TIME}, warm, 2 {TIME}, warm, 1 {TIME}",
]


def test_it_runs_to_the_end_on_a_stand_in(tiny_environment: dict[str, str]) -> None:
    environment = {**tiny_environment, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(PROGRAM), "--stand-in"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()
    assert len(found) == len(TOLD)
    assert [bool(re.fullmatch(told, line)) for told, line in zip(TOLD, found, strict=True)] == [True] * len(TOLD), found
    workers = re.findall(r"embed: pictures (\d), device cpu, asked \d s, (cold|warm) worker", done.stderr)
    assert workers == [("2", "cold"), ("2", "warm"), ("1", "warm")] * 2
