"""What reading pictures does to a process: it starts no program, warns of nothing, and keeps within its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import corpus
from loopback import ROOT
from megastyle.pictures import MAX_PIXELS

SCORED = [case for case in corpus.corpus() if case.picture is not None]
MEMORY_AT_THE_LIMITS = 1200  # MB above what the process had; 16 bytes a pixel for WebP, 1.0 GB, and a margin

WITNESS = """
import json, os, sys, warnings
from pathlib import Path
from PIL import Image
from transformers import SiglipImageProcessorPil
from megastyle.pictures import PictureError
from pixels import pixels_of

size, half = {"height": 384, "width": 384}, [0.5] * 3
processor = SiglipImageProcessorPil(size=size, resample=3, image_mean=half, image_std=half)
programs, said = [], []
launches = "subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty pty.spawn".split()
sys.addaudithook(lambda event, arguments: programs.append(event) if event in launches else None)
warnings.showwarning = lambda message, *rest: said.append(str(message))

def read(path):
    try:
        pixels_of(path, processor)
    except PictureError:
        return False
    return True

def peak():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024  # MB; getrusage would begin with the peak of the process that forked this one

folder = Path(sys.argv[1])
report = {"read": sum(read(path) for path in sorted(folder.iterdir())), "programs": programs[:], "said": said[:]}
before = peak()
report["read largest"] = read(sys.argv[2])
report["megabytes"] = peak() - before

try:
    Image.open(folder / "page.eps").load()
except OSError:
    pass
report["programs of plain Pillow"] = programs
with warnings.catch_warnings():
    warnings.simplefilter("always")
    Image.open(folder / "index of two pictures damaged.jpg")
report["said by plain Pillow"] = said
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own saw while it read the whole corpus, then the costliest picture within the limits."""
    files, largest = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("largest") / "largest.webp"
    for case in corpus.corpus():
        (files / case.name).write_bytes(case.data)
    largest.write_bytes(corpus.flat_webp(int(MAX_PIXELS**0.5)))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
        "PYTHONWARNINGS": "default",
    }
    run = subprocess.run(
        [sys.executable, "-c", WITNESS, files, largest], check=False, capture_output=True, text=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_no_picture_starts_a_program_while_plain_pillow_starts_one(witness: dict[str, Any]) -> None:
    assert witness["programs"] == []
    assert "subprocess.Popen" in witness["programs of plain Pillow"], "the hook sees Ghostscript asked for"


def test_no_picture_makes_a_warning_while_plain_pillow_warns(witness: dict[str, Any]) -> None:
    assert witness["read"] == len(SCORED)
    assert witness["said"] == []
    assert witness["said by plain Pillow"]


def test_the_costliest_picture_within_the_limits_is_read_in_bounded_memory(witness: dict[str, Any]) -> None:
    assert witness["read largest"]
    assert 256 <= witness["megabytes"] <= MEMORY_AT_THE_LIMITS
