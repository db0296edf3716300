"""Many visitors at once on one real server: each gets the right answer, and afterwards all is as it was.

50 visitors press Compare 20 times each, each time with a test image that nobody else has. Some choose a file that is no
picture, some leave in the middle, and a full queue turns some away, who come again. What is right is computed
beforehand, picture by picture, by the contract's second implementation in `reference.py`.
"""

from __future__ import annotations

import io
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reference
from loopback import eventually, server_process, serving
from visitor import Answer, RefusedError, Visitor

VISITORS, COMPARISONS = 50, 20
SHARED_PICTURES, REFERENCES = 12, 2
SIDE = 48  # pixels of the drawn pictures
SPOILED, LEAVING = 0.08, 0.06  # shares of comparisons with a bad file, and of visitors who leave in the middle
PATIENCE = 600.0  # s until a visitor's answer must have come; a limit for a hang
TOLERANCE = 1e-5  # of a cosine
GROWTH = (
    300 * 2**20
)  # bytes that the server may hold more than after its first comparison: the cache, threads and the allocator's slack

# The app as it is, swept when asked: nobody waits an hour.
LAUNCHER = """
import os, pathlib, threading, time
import app
from megastyle.guard import sweep
here = pathlib.Path(os.environ["TMPDIR"])
def sweeper():
    while not (here / "sweep").exists():
        time.sleep(0.2)
    sweep(app.UPLOADS, 0, 0)
    (here / "swept").touch()
threading.Thread(target=sweeper, daemon=True).start()
app.main()
"""


class LeftError(Exception):
    """The visitor has left."""


@dataclass
class Tally:
    """What the visitors saw; safe for threads."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, fault: str | None = None) -> None:
        """Count one comparison, and keep what was wrong with it."""
        with self.lock:
            self.counts[kind] += 1
            if fault:
                self.faults.append(fault)


@dataclass(frozen=True)
class Picture:
    """A file, and its embedding by the reference."""

    name: str
    content: bytes
    embedding: np.ndarray

    @property
    def file(self) -> tuple[str, bytes]:
        """As a visitor chooses it."""
        return self.name, self.content


@dataclass
class Soak:
    """A server with its place on the disk, and what to compare there."""

    url: str
    temp: Path
    pictures: list[Picture]
    own: list[list[Picture]]  # own[visitor][comparison]: test images that nobody else has
    tally: Tally = field(default_factory=Tally)
    resident: dict[str, int] = field(default_factory=dict)  # bytes, at "start", "peak" and "end"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A pytest hook: the figures at the end of the run."""
        megabytes = {when: size // 2**20 for when, size in self.resident.items()}
        terminalreporter.write_line(
            f"Soak: {VISITORS} visitors, {COMPARISONS} comparisons each, {dict(self.tally.counts)}; MB {megabytes}"
        )

    def memory(self) -> int:
        """Bytes of memory that the server holds."""
        status = Path(f"/proc/{server_process(self.url)}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def files(self) -> list[Path]:
        """What lies in the upload folder."""
        return [path for path in (self.temp / "gradio").rglob("*") if path.is_file()]


def drawn(seed: int, name: str, model: object, side: int) -> Picture:
    """A picture of coloured patches, another one for each seed, and its embedding by the reference."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    file = io.BytesIO()
    image.save(file, "PNG")
    return Picture(name, file.getvalue(), reference.embedding(model, reference.pixel_values(image, side)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def soak(
    tiny_encoder: tuple[Path, Path],
    tiny_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Iterator[Soak]:
    """A server after the visit of all."""
    model, side = reference_model(*tiny_encoder)
    pictures = [drawn(number, f"shared-{number}.png", model, side) for number in range(SHARED_PICTURES)]
    own = [
        [drawn(1000 + 100 * who + turn, f"own-{who}-{turn}.png", model, side) for turn in range(COMPARISONS)]
        for who in range(VISITORS)
    ]
    temp = tmp_path_factory.mktemp("soak")
    with serving({**tiny_environment, "TMPDIR": str(temp)}, temp, (sys.executable, "-c", LAUNCHER)) as url:
        soak = Soak(url, temp, pictures, own)
        pytestconfig.pluginmanager.register(soak)
        with Visitor(url) as visitor:
            visitor.compare(pictures[0].file, [pictures[1].file])
        soak.resident["start"] = soak.resident["peak"] = soak.memory()
        visit_all(soak)
        (temp / "sweep").touch()
        eventually((temp / "swept").exists)
        soak.resident["end"] = soak.memory()
        yield soak


def reference_model(backbone: Path, checkpoint: Path) -> tuple[object, int]:
    """The tiny encoder by the reference, and the side of its pictures in pixels."""
    import torch
    from transformers import SiglipVisionConfig

    config = SiglipVisionConfig.from_pretrained(backbone).to_dict()
    return reference.vision_tower(config, torch.load(checkpoint, weights_only=True)["model"]), config["image_size"]


def visit_all(soak: Soak) -> None:
    """All visitors at once; the server's memory is watched meanwhile."""
    with ThreadPoolExecutor(VISITORS) as pool:
        visits = [pool.submit(visit, soak, who) for who in range(VISITORS)]
        while not all(visit.done() for visit in visits):
            soak.resident["peak"] = max(soak.resident["peak"], soak.memory())
            time.sleep(0.2)
    for visit_ in visits:
        visit_.result()


def visit(soak: Soak, who: int) -> None:
    """One visitor's comparisons, one after the other."""
    rng = random.Random(who)
    with Visitor(soak.url, patience=PATIENCE) as visitor:
        for turn in range(COMPARISONS):
            chosen = rng.sample(soak.pictures, REFERENCES)
            fate = rng.random()
            if fate < SPOILED:
                spoiled(soak, visitor, who, turn)
            elif fate < SPOILED + LEAVING:
                leaving(soak, soak.own[who][turn], chosen)
            else:
                right(soak, visitor, soak.own[who][turn], chosen)


def pressed(soak: Soak, visitor: Visitor, test: tuple[str, bytes], references: list[tuple[str, bytes]]) -> Answer:
    """The answer to Compare, however often the full queue turns the visitor away."""
    while True:
        try:
            return visitor.compare(test, references)
        except RefusedError as error:
            if "503" not in error.title:
                raise
            soak.tally.add("turned away", None if "full" in error.text.lower() else f"impolite: {error}")
            time.sleep(0.5)


def right(soak: Soak, visitor: Visitor, test: Picture, chosen: list[Picture]) -> None:
    """A comparison must give the reference's numbers for these very files."""
    report = pressed(soak, visitor, test.file, [picture.file for picture in chosen]).report
    names = [picture.name for picture in (test, *chosen)]
    if report["names"] != names:
        soak.tally.add("mixed up", f"{report['names']} for {names}")
        return
    unit = np.stack([picture.embedding for picture in (test, *chosen)])
    distance = np.abs(np.array(report["matrix"]) - unit @ unit.T).max()
    soak.tally.add(
        "wrong" if distance > TOLERANCE else "right", f"{distance} off for {names}" if distance > TOLERANCE else None
    )


def spoiled(soak: Soak, visitor: Visitor, who: int, turn: int) -> None:
    """A file that is no picture must be refused by its name, and by no other."""
    name = f"spoiled-{who}-{turn}.png"
    try:
        pressed(soak, visitor, (name, b"no picture"), [soak.pictures[0].file])
    except RefusedError as error:
        mine = name in error.text and error.text.count(".png") == 1
        soak.tally.add("refused" if mine else "mixed up", None if mine else f"{error} for {name}")
    else:
        soak.tally.add("wrong", f"{name} was scored")


def leaving(soak: Soak, test: Picture, chosen: list[Picture]) -> None:
    """A visitor closes the tab as soon as the work begins, or as the queue turns them away."""

    def leave(_: object) -> None:
        raise LeftError

    with Visitor(soak.url, patience=PATIENCE) as visitor:
        try:
            visitor.compare(test.file, [picture.file for picture in chosen], on_message=leave)
        except (LeftError, RefusedError):
            soak.tally.add("left")


def test_every_answer_is_the_right_one_for_its_own_pictures(soak: Soak) -> None:
    counts = soak.tally.counts
    assert soak.tally.faults == []
    assert counts["right"] + counts["refused"] + counts["left"] == VISITORS * COMPARISONS
    assert min(counts["right"], counts["refused"], counts["left"]) > 0


def test_a_full_queue_turned_visitors_away_politely(soak: Soak) -> None:
    assert soak.tally.counts["turned away"] > 0  # 50 visitors, 40 places: else the limit was not tried


def test_memory_is_near_where_it_began(soak: Soak) -> None:
    assert soak.resident["end"] - soak.resident["start"] < GROWTH


def test_no_file_of_a_visitor_is_left(soak: Soak) -> None:
    assert soak.files() == []


def test_a_fresh_visitor_is_answered(soak: Soak) -> None:
    with Visitor(soak.url) as visitor:
        right(soak, visitor, soak.own[0][0], soak.pictures[:REFERENCES])
    assert soak.tally.faults == []


def test_the_log_names_no_file_of_a_visitor(soak: Soak) -> None:
    log = (soak.temp / "app.log").read_text()
    assert "Compared 3 pictures" in log
    assert not [line for line in log.splitlines() if "own-" in line or "spoiled-" in line or "shared-" in line]
