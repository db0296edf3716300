"""The real app under the real `spaces` client in ZeroGPU mode: what it asks of a quota, and what bad luck leaves.

Each comparison reads its pictures in the reading process, whose children are no workers of the platform.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

import reference
from corpus import noise
from loopback import ROOT
from visitor import RefusedError, Visitor
from zerogpu import START_SECONDS, DeviceAPI, Fault, Orders, Refusal, Space, kill, run_out_of_memory

MOST_SECONDS_NINE, MOST_SECONDS_ONE = 15, 10  # of the visitor's quota, for nine new pictures and for one
TOKEN = f"x.{base64.urlsafe_b64encode(b'{}').decode()}.x"  # a web token without claims
ROUNDING_SECONDS = 1  # the client rounds the duration after multiplying it by the GPU's factor
SIDE_BY_SIDE = 3
COST = re.compile(
    r"embed: pictures (\d+), device cpu, asked \d+ s, (cold|warm) worker(?:, fork to call \d+\.\d\d s)?, "
    r"moving \d+\.\d\d s, forward \d+\.\d\d s"
)
seeds = itertools.count()


def draw(count: int) -> list[tuple[str, bytes]]:
    """Pictures that no test has used before: 16 x 16 noise, as PNG files."""
    return [(f"{seed}.png", noise(seed)) for seed in itertools.islice(seeds, count)]


def matrix(visitor: Visitor, pictures: list[tuple[str, bytes]]) -> Any:
    """What a comparison of the first picture with the others says: every picture's cosine to every other."""
    return visitor.compare(pictures[0], pictures[1:]).report["matrix"]


@pytest.fixture(scope="module")
def running(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """The app with the tiny encoder on an emulated ZeroGPU, one process for all tests of this file."""
    with DeviceAPI() as api, Space(api, tmp_path_factory.mktemp("space"), tiny_environment) as space:
        yield space


@pytest.fixture
def platform(running: Space) -> Iterator[DeviceAPI]:
    """The device API, its records empty; whatever a test plans must have happened at its end."""
    running.api.forget()
    yield running.api
    assert not [*running.api.answers, *running.api.faults], "planned, but the app never came to it"


@pytest.fixture
def visitor(running: Space) -> Iterator[Visitor]:
    """A visitor with the page open."""
    with Visitor(running.url) as visitor:
        yield visitor


def test_at_the_start_nothing_is_on_the_gpu_although_cuda_seems_available(running: Space) -> None:
    """One function is registered for the GPU, and `spaces` comes before whatever imports torch."""
    found = running.api.inspection
    assert (found["cuda_available"], found["accelerator"]) == (True, "cuda")
    assert (found["devices"], found["cuda_tensors"], found["decorated"]) == (["cpu"], [], ["embed"])
    assert running.api.startup_reports == 1
    imports = re.findall(r"^(?:import|from) (?!__future__)(\w+)", (ROOT / "app.py").read_text(), re.MULTILINE)
    assert imports[0] == "spaces"


def test_only_new_pictures_cost_a_visitor_quota(running: Space, platform: DeviceAPI, visitor: Visitor) -> None:
    """In whatever role, under whatever name and whoever gave them before; the platform learns whose quota it is."""
    pictures, (new,) = draw(9), draw(1)
    first = matrix(visitor, pictures)
    assert matrix(visitor, pictures) == first
    matrix(visitor, [(f"renamed-{name}", content) for name, content in reversed(pictures)])
    with Visitor(running.url, token=TOKEN) as other:
        assert matrix(other, pictures) == first
        matrix(other, [new, *pictures[1:], new])
    nine, one = platform.seconds
    assert (0 < nine <= MOST_SECONDS_NINE, 0 < one <= MOST_SECONDS_ONE, one < nine) == (True, True, True)
    assert (platform.forwards, platform.tokens) == ([9, 1], [None, TOKEN])


def test_several_visitors_compute_side_by_side_and_get_the_encoders_own_cosines(
    running: Space, platform: DeviceAPI, tiny_encoder: tuple[Path, Path]
) -> None:
    everybody_in = threading.Barrier(SIDE_BY_SIDE)

    def meet(worker: int) -> Orders:
        everybody_in.wait(START_SECONDS)  # breaks, and the test with it, unless all are inside at once
        return {}

    def visit(pictures: list[tuple[str, bytes]]) -> Any:
        with Visitor(running.url) as visitor:
            return matrix(visitor, pictures)

    config = json.loads((tiny_encoder[0] / "config.json").read_text())
    tower = reference.vision_tower(
        {key: config[key] for key in reference.RECIPE}, torch.load(tiny_encoder[1], weights_only=True)["model"]
    )
    platform.faults.extend([meet] * SIDE_BY_SIDE)
    sets = [draw(3) for _ in range(SIDE_BY_SIDE)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for pictures, found in zip(sets, pool.map(visit, sets), strict=True):
            images = [Image.open(io.BytesIO(content)) for _, content in pictures]
            pixels = [reference.pixel_values(image, config["image_size"]) for image in images]
            expected = reference.cosines([reference.embedding(tower, values) for values in pixels])
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_worker_killed_in_the_middle_is_replaced_by_one_with_twice_the_time(
    running: Space, platform: DeviceAPI, visitor: Visitor
) -> None:
    """The log says what the cold worker cost, and the warm one after it."""
    before = len(COST.findall(running.log.read_text()))
    platform.faults.append(kill)
    pictures = draw(4)
    matrix(visitor, pictures)
    first, second = platform.seconds
    assert second == pytest.approx(2 * first, abs=ROUNDING_SECONDS)
    matrix(visitor, [*draw(2), *pictures])
    assert COST.findall(running.log.read_text())[before:] == [("4", "cold"), ("2", "warm")]


class BadLuck(NamedTuple):
    """What the platform answers and does, and what the visitor then reads."""

    answers: list[Refusal | None]
    faults: list[Fault]
    factors: list[int]  # how many times the first duration each request asks for
    text: str  # a pattern for all of the message; SECONDS stands for the duration first asked for
    token: str | None = None


SPENT = Refusal(429, {"left": 3, "wait": 1200})
OWN_WORDS = r".*Nothing is lost.*[Pp]ress Compare (once more|again).*"
QUOTA = r"You have exceeded your ZeroGPU quota \(SECONDSs requested vs\. 3s left\)\. Try again in 0:20:00\. "
STRANGER = r"Space app has reached its GPU limit\. Try re-running outside of examples if it happened after clicking one"
BAD_LUCK = {
    "a worker killed twice": BadLuck([], [kill, kill], [1, 2], OWN_WORDS),
    "a full GPU": BadLuck([], [run_out_of_memory], [1], OWN_WORDS),
    "a spent quota": BadLuck([SPENT], [], [1], QUOTA, TOKEN),
    "a quota spent by the first try": BadLuck([None, SPENT], [kill], [1, 2], STRANGER),
    "no GPU free": BadLuck([Refusal(503)], [], [1], r"No GPU was available.*"),
    "a platform out of order": BadLuck([Refusal(500)], [], [1], OWN_WORDS),
}


@pytest.mark.parametrize("luck", BAD_LUCK.values(), ids=BAD_LUCK.keys())
def test_bad_luck_is_told_and_costs_nothing_that_was_there(running: Space, platform: DeviceAPI, luck: BadLuck) -> None:
    """After it the page answers, what was cached is still there, and the comparison that failed works."""
    known, (new,) = draw(4), draw(1)
    with Visitor(running.url, token=luck.token) as visitor:
        before = matrix(visitor, known)
        platform.forget()
        platform.answers.extend(luck.answers)
        platform.faults.extend(luck.faults)
        with pytest.raises(RefusedError) as refused:
            matrix(visitor, [new, *known[1:]])
        first, text = platform.seconds[0], refused.value.text
        assert platform.seconds == [pytest.approx(factor * first, abs=ROUNDING_SECONDS) for factor in luck.factors]
        assert re.fullmatch(luck.text.replace("SECONDS", str(first)), text, re.DOTALL), text
        assert not re.search(r"\w+Error|aborted", text), "words for a programmer"
        platform.forget()
        assert matrix(visitor, known) == before
        matrix(visitor, [new, *known[1:]])
        assert platform.forwards == [1]
