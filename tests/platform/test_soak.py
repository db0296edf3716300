"""Many visitors at once on one real server, and an attacker among them: each gets the right answer, and all comes back.

Each presses Compare a few times, with a test image that nobody else has. Some choose a file that is no picture, some
leave in the middle. What is right is computed beforehand, picture by picture, by the contract's second implementation
in `reference.py`. SOAK_VISITORS asks for more than the 10 of the suite.
"""

from __future__ import annotations

import io
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import reference
from attacker import attacking
from corpus import noise
from loopback import eventually, memory_of, serving
from visitor import COMPARE, RefusedError, Visitor

log = logging.getLogger(__name__)
VISITORS, COMPARISONS = int(os.environ.get("SOAK_VISITORS", "10")), 4
SHARED_PICTURES, REFERENCES = 12, 2
FATES = ("right", "right", "right", "right", "right", "right", "refused", "left")  # of a comparison, drawn at random
PATIENCE = 600.0  # s until a visitor's answer must have come; a limit for a hang
TOLERANCE = 1e-5  # of a cosine
MAY_GROW = 100 * 2**20  # bytes that the server may hold more than after its first comparison

# The app behind a proxy, for which an hour is over when asked.
LAUNCHER = """
import os, pathlib
import app
from megastyle import guard
usual, over = guard.sweep, pathlib.Path(os.environ["TMPDIR"], "over")
guard.sweep = lambda folder, age, budget: usual(folder, -1 if over.exists() else age, budget)
app.SWEEP_SECONDS = 0.2
app.DOOR.behind_proxy = True
app.main()
"""


class LeftError(Exception):
    """The visitor has left."""


class Picture(NamedTuple):
    """A file as a visitor chooses it, and its embedding by the reference."""

    file: tuple[str, bytes]
    embedding: np.ndarray


class Soak(NamedTuple):
    """A server with its place on the disk, after the visit of all; bytes of memory before and after."""

    url: str
    temp: Path
    ends: Counter[str]
    before: int
    after: int


def drawn(seed: int, name: str, model: Any, side: int) -> Picture:
    """A picture of noise, another one for each seed, and its embedding by the reference."""
    content = noise(seed)
    pixels = reference.pixel_values(Image.open(io.BytesIO(content)), side)
    return Picture((name, content), reference.embedding(model, pixels))


@pytest.fixture(scope="module")
def soak(
    tiny_encoder: tuple[Path, Path], tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Soak]:
    """A server after the visit of all."""
    import torch
    from transformers import SiglipVisionConfig

    backbone, checkpoint = tiny_encoder
    config = SiglipVisionConfig.from_pretrained(backbone).to_dict()
    model = reference.vision_tower(config, torch.load(checkpoint, weights_only=True)["model"])
    shared = [drawn(n, f"shared-{n}.png", model, config["image_size"]) for n in range(SHARED_PICTURES)]
    own = [
        [drawn(1000 + 100 * who + n, f"own-{who}-{n}.png", model, config["image_size"]) for n in range(COMPARISONS)]
        for who in range(VISITORS)
    ]
    temp = tmp_path_factory.mktemp("soak")
    with serving(tiny_environment, temp, (sys.executable, "-c", LAUNCHER)) as url:
        with Visitor(url) as visitor:
            visitor.compare(shared[0].file, [shared[1].file])
        before = memory_of(url)
        with attacking(url) as attacker, ThreadPoolExecutor(VISITORS) as pool:
            visits = [pool.submit(visit, url, who, shared, own[who]) for who in range(VISITORS)]
            ends = Counter(end for each in visits for end in each.result())
        (temp / "over").touch()
        eventually(lambda: not list((temp / "gradio").iterdir()))
        after = memory_of(url)
        log.info("%d visitors: %s; the attacker was answered %s", VISITORS, dict(ends), dict(attacker.answers))
        log.info("Memory %d to %d MB", before // 2**20, after // 2**20)
        yield Soak(url, temp, ends, before, after)


def visit(url: str, who: int, shared: list[Picture], own: list[Picture]) -> list[str]:
    """One visitor's comparisons, one after the other: how each of them ended."""
    rng = random.Random(who)
    ends = []
    for number, test in enumerate(own):
        with Visitor(url, patience=PATIENCE) as visitor:
            visitor.http.headers["x-forwarded-for"] = f"9.9.{who}.9"
            ends.append(end_of(visitor, rng.choice(FATES), number, test, rng.sample(shared, REFERENCES)))
    return ends


def end_of(visitor: Visitor, fate: str, number: int, test: Picture, chosen: list[Picture]) -> str:
    """How a comparison ends: as its fate has it, or in words what is wrong."""

    def leave(_: object) -> None:
        raise LeftError

    spoiled = (f"spoiled-{number}.png", b"no picture")
    references = [picture.file for picture in chosen]
    try:
        if fate == "left":
            visitor.compare(test.file, references, on_message=leave)
        report = visitor.compare(spoiled if fate == "refused" else test.file, references).report
    except LeftError:
        return fate
    except RefusedError as error:
        return fate if fate == "refused" and spoiled[0] in error.text and error.text.count(".png") == 1 else repr(error)
    unit = np.stack([picture.embedding for picture in (test, *chosen)])
    is_mine = report["names"] == [name for name, _ in (test.file, *references)]
    is_close = is_mine and np.abs(np.array(report["matrix"]) - unit @ unit.T).max() < TOLERANCE
    return "right" if is_close else f"{report['names']} for {test.file[0]}"


def test_every_answer_is_the_right_one_for_its_own_pictures_and_all_comes_back(soak: Soak) -> None:
    """Memory is near where it began; of the files not even a folder is left, which is awaited."""
    assert soak.ends.keys() == set(FATES)
    assert soak.ends.total() == VISITORS * COMPARISONS
    assert soak.after - soak.before < MAY_GROW


def test_the_log_names_no_file_of_a_visitor_and_holds_no_traceback(soak: Soak) -> None:
    written = (soak.temp / "app.log").read_text()
    assert "Compared 3 pictures" in written
    assert not [line for line in written.splitlines() if any(name in line for name in ("own-", "spoiled-", "shared-"))]
    assert "Traceback" not in written


def test_who_asks_for_a_deleted_picture_is_told_what_to_do(soak: Soak) -> None:
    with Visitor(soak.url) as visitor:
        visitor.put(("test.png", b"gone"), [("reference.png", b"gone")])
        eventually(lambda: not list((soak.temp / "gradio").iterdir()))
        with pytest.raises(RefusedError, match="is no longer on the server"):
            visitor.click(COMPARE)
