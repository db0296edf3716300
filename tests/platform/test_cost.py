"""The Space's log says what each call of the GPU function cost, under the real `spaces` client in ZeroGPU mode."""

from __future__ import annotations

import io
import itertools
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from megastyle.cost import Meter
from visitor import RefusedError, Visitor
from zerogpu import DeviceAPI, Space, fail_with, kill

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app.py"
LINE = re.compile(
    r"embed: pictures (?P<pictures>\d+), device (?P<device>.+), asked (?P<asked>\d+ s|for no GPU), "
    r"(?P<worker>no worker|warm worker|cold worker, fork to call \d+\.\d\d s), moving \d+\.\d\d s, forward \d+\.\d\d s"
)
seeds = itertools.count(10**6)


def draw(count: int) -> list[tuple[str, bytes]]:
    """Pictures that no test has used before: 16 x 16 noise, as PNG files."""
    pictures = []
    for seed in itertools.islice(seeds, count):
        file, noise = io.BytesIO(), np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file, "PNG")
        pictures.append((f"{seed}.png", file.getvalue()))
    return pictures


@pytest.fixture(scope="module")
def running(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """The app with the tiny encoder on an emulated ZeroGPU with one GPU, so that a worker is met again."""
    with DeviceAPI(gpus=1) as api, Space(APP, api, tmp_path_factory.mktemp("space"), tiny_environment) as space:
        yield space


def compare(space: Space, count: int) -> None:
    """Compare new pictures."""
    test, *references = draw(count)
    with Visitor(space.url) as visitor:
        visitor.compare(test, references)


def calls(space: Space) -> list[dict[str, str]]:
    """What the log says of each call, in order."""
    return [line.groupdict() for line in LINE.finditer(space.log.read_text(encoding="utf-8"))]


def test_a_cold_and_a_warm_worker_say_what_they_cost(running: Space) -> None:
    compare(running, 9)
    compare(running, 2)
    cold, warm = calls(running)[-2:]
    assert (cold["pictures"], cold["asked"], cold["device"]) == ("9", "10 s", "cpu")
    assert cold["worker"].startswith("cold worker, fork to call ")
    assert (warm["pictures"], warm["asked"], warm["worker"]) == ("2", "7 s", "warm worker")


def test_the_try_after_a_death_is_a_cold_worker_that_asked_for_twice_the_seconds(running: Space) -> None:
    running.api.faults.append(kill)
    before = len(calls(running))
    compare(running, 2)
    (call,) = calls(running)[before:]
    assert call["asked"] == "14 s"
    assert call["worker"].startswith("cold worker")


def test_a_call_that_fails_claims_no_cost(running: Space) -> None:
    before = len(calls(running))
    running.api.faults.append(fail_with("OutOfMemoryError"))
    with pytest.raises(RefusedError):
        compare(running, 2)
    assert len(calls(running)) == before


def test_off_zerogpu_nobody_is_asked_and_there_is_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    meter = Meter()
    with caplog.at_level(logging.INFO, "megastyle.cost"):
        for _ in range(2):
            with meter.call(1, None) as call:
                call.moved(torch.device("cpu"))
    found = [LINE.fullmatch(message) for message in caplog.messages]
    assert [match and match.groupdict() for match in found] == [
        {"pictures": "1", "device": "cpu", "asked": "for no GPU", "worker": "no worker"}
    ] * 2


def test_the_fork_is_noted_in_the_child_alone() -> None:
    program = (
        "import os; from megastyle.cost import Meter; meter = Meter(); meter.call(1, None)\n"
        "if child := os.fork(): os.waitpid(child, 0); print(meter.forked is None, meter.calls)\n"
        "else: print(meter.forked is not None, meter.calls, flush=True); os._exit(0)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split("\n") == ["True 0", "True 1", ""]
