"""The benchmark refuses to begin without room, and judges its rows as their goals say.

Nothing here depends on a time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import machine  # noqa: E402 - the path comes first
import measures  # noqa: E402
import run  # noqa: E402
import weights  # noqa: E402


@pytest.mark.parametrize(
    ("disk", "memory", "words"),
    [
        (10**9, 10**12, "6.5 GB of disk space in {folder}, 1.0 GB are free"),
        (10**12, 10**9, "8.0 GB of memory, 1.0 GB are free"),
        (0, 0, "6.5 GB of disk space in {folder}, 0.0 GB are free; and 8.0 GB of memory, 0.0 GB are free"),
    ],
)
def test_without_room_it_says_how_much_it_needs_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: int, memory: int, words: str
) -> None:
    monkeypatch.setattr(machine, "free_disk", lambda _: disk)
    monkeypatch.setattr(machine, "available_memory", lambda: memory)
    with pytest.raises(SystemExit) as refusal:
        run.prepare_weights(tmp_path / "bench")
    assert words.format(folder=tmp_path / "bench") in str(refusal.value)
    assert "Nothing was written" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_there_are_neither_made_again_nor_counted_as_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_disk", lambda _: run.SCRATCH_BYTES)
    monkeypatch.setattr(machine, "available_memory", lambda: run.MEMORY_BYTES)
    monkeypatch.setattr(weights, "make", lambda _: pytest.fail("made again"))
    made = tmp_path / f"weights-{weights.VERSION}"
    made.mkdir()
    assert run.prepare_weights(tmp_path) == made


@pytest.mark.parametrize(
    ("ratio", "goal", "at_least", "met", "reached"),
    [
        (0.80, 0.80, False, True, True),
        (0.81, 0.80, False, True, False),
        (0.90, 0.90, True, True, True),
        (0.89, 0.90, True, True, False),
        (0.10, 0.80, False, False, False),
    ],
)
def test_a_goal_bounds_the_ratio_from_its_side(
    *, ratio: float, goal: float, at_least: bool, met: bool, reached: bool
) -> None:
    assert measures.Row("what", "ours", "theirs", ratio, goal, at_least=at_least, met=met).reached is reached


@pytest.mark.parametrize("anonymous", [False, True])
def test_anonymous_memory_is_seen_and_mapped_files_are_not(tmp_path: Path, *, anonymous: bool) -> None:
    size = 64 * 2**20
    (tmp_path / "file").write_bytes(bytes(size))
    touch = (
        f"b = bytearray(b'x') * {size}"
        if anonymous
        else "m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ); sum(m[::4096])"
    )
    program = f"import mmap, sys; f = open(sys.argv[1], 'rb'); {touch}; print(flush=True); input()"
    command = [sys.executable, "-c", program, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        with machine.PeakAnonymous(process) as peak:
            while not peak.bytes:
                assert process.poll() is None
        process.communicate("\n")
    assert (peak.bytes > size) is anonymous
