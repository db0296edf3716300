"""The real app under the real `spaces` client in ZeroGPU mode.

What it asks of a visitor's quota, and what bad luck leaves.
"""

from __future__ import annotations

import ast
import base64
import io
import itertools
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import SiglipVisionConfig, SiglipVisionModel

from corpus import noise
from loopback import ROOT
from visitor import Answer, Message, RefusedError, Visitor
from zerogpu import (
    API_DOWN,
    NO_GPU_FREE,
    START_SECONDS,
    DeviceAPI,
    Fault,
    Orders,
    Queue,
    Refusal,
    Space,
    fail_with,
    kill,
    overrun,
    quota_exceeded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = ROOT / "app.py"
MOST_SECONDS_NINE, MOST_SECONDS_ONE = 15, 10  # of the visitor's quota, for nine new pictures and for one
TOKEN = f"x.{base64.urlsafe_b64encode(b'{}').decode()}.x"  # a web token without claims
ROUNDING_SECONDS = 1  # the client rounds the duration after multiplying it by the GPU's factor
SIDE_BY_SIDE = 3

Drawing = tuple[str, bytes]
seeds = itertools.count()


def draw(count: int) -> list[Drawing]:
    """Pictures that no test has used before: 16 x 16 noise, as PNG files."""
    return [(f"{seed}.png", noise(seed)) for seed in itertools.islice(seeds, count)]


def compare(visitor: Visitor, pictures: list[Drawing], **options: Any) -> Answer:
    """Compare the first picture with the others."""
    return visitor.compare(pictures[0], pictures[1:], **options)


def cosines(pictures: list[Drawing], encoder: tuple[Path, Path]) -> np.ndarray:
    """Every picture's cosine to every other, (n, n), by Pillow, numpy and transformers alone."""
    backbone, checkpoint = encoder
    config = SiglipVisionConfig.from_pretrained(backbone)
    state = torch.load(checkpoint, weights_only=True)["model"]
    model = SiglipVisionModel.from_pretrained(None, config=config, state_dict=state, dtype=torch.float32).eval()
    size: Any = (config.image_size, config.image_size)
    images = [Image.open(io.BytesIO(content)).resize(size, Image.Resampling.BICUBIC) for _, content in pictures]
    pixels = np.stack([np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1 for image in images])
    with torch.inference_mode():
        rows = model(pixel_values=torch.from_numpy(pixels)).pooler_output.numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


@pytest.fixture(scope="module")
def running(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """The app with the tiny encoder on an emulated ZeroGPU, one process for all tests of this file."""
    with DeviceAPI() as api, Space(APP, api, tmp_path_factory.mktemp("space"), tiny_environment) as space:
        yield space


@pytest.fixture
def platform(running: Space) -> Iterator[DeviceAPI]:
    """The device API, its records empty; whatever a test plans must have happened at its end."""
    running.api.forget()
    yield running.api
    unused = [*running.api.answers, *running.api.faults]
    running.api.forget()
    assert not unused, "planned, but the app never came to it"


@pytest.fixture
def visitor(running: Space) -> Iterator[Visitor]:
    """A visitor with the page open."""
    with Visitor(running.url) as visitor:
        yield visitor


# ------------------------------------------------------------------------------------------------------------ the start


def test_spaces_is_the_first_import() -> None:
    """On ZeroGPU it must come before torch, and before whatever imports torch."""
    statements = ast.parse(APP.read_text(encoding="utf-8")).body
    imported = [alias.name for node in statements if isinstance(node, ast.Import) for alias in node.names]
    imported_from = [node for node in statements if isinstance(node, ast.ImportFrom) and node.module != "__future__"]
    (spaces,) = (node for node in statements if isinstance(node, ast.Import) and node.names[0].name == "spaces")
    assert imported[0] == "spaces"
    assert all(node.lineno > spaces.lineno for node in imported_from)


def test_the_start_is_reported_to_the_platform_once(running: Space) -> None:
    assert running.api.startup_reports == 1


def test_exactly_one_function_is_registered_for_the_gpu(running: Space) -> None:
    assert running.api.inspection["decorated"] == ["embed"]


def test_every_parameter_is_on_the_cpu_after_the_start_although_cuda_seems_available(running: Space) -> None:
    found = running.api.inspection
    assert (found["cuda_available"], found["accelerator"]) == (True, "cuda")
    assert found["parameters"] > 0
    assert found["devices"] == ["cpu"]


def test_nothing_touches_cuda_before_the_first_comparison(running: Space) -> None:
    assert running.api.inspection["cuda_tensors"] == []


# ----------------------------------------------------------------------------------------------- what a comparison asks


def test_a_first_comparison_of_nine_asks_for_the_gpu_once(platform: DeviceAPI, visitor: Visitor) -> None:
    compare(visitor, draw(9))
    (seconds,) = platform.seconds
    assert 0 < seconds <= MOST_SECONDS_NINE
    assert platform.forwards == [9], "one batch on the GPU"


def test_the_same_comparison_again_asks_for_no_gpu(platform: DeviceAPI, visitor: Visitor) -> None:
    pictures = draw(9)
    first = compare(visitor, pictures)
    platform.forget()
    assert compare(visitor, pictures).report["matrix"] == first.report["matrix"]
    assert platform.seconds == []


def test_a_new_test_image_with_known_references_asks_for_one_picture(platform: DeviceAPI, visitor: Visitor) -> None:
    pictures = draw(9)
    compare(visitor, pictures)
    compare(visitor, draw(1) + pictures[1:])
    nine, one = platform.seconds
    assert one <= MOST_SECONDS_ONE
    assert one < nine
    assert platform.forwards == [9, 1]


def test_known_pictures_in_new_roles_and_under_new_names_ask_for_no_gpu(platform: DeviceAPI, visitor: Visitor) -> None:
    pictures = draw(4)
    compare(visitor, pictures)
    platform.forget()
    compare(visitor, [(f"renamed-{name}", content) for name, content in reversed(pictures)])
    assert platform.seconds == []


def test_another_visitor_profits_from_known_pictures(running: Space, platform: DeviceAPI, visitor: Visitor) -> None:
    pictures = draw(3)
    first = compare(visitor, pictures)
    platform.forget()
    with Visitor(running.url) as other:
        assert compare(other, pictures).report["matrix"] == first.report["matrix"]
    assert platform.seconds == []


def test_a_picture_given_many_times_is_computed_once(platform: DeviceAPI, visitor: Visitor) -> None:
    (picture,) = draw(1)
    answer = compare(visitor, [picture] * 4)
    assert platform.forwards == [1]
    assert answer.report["mean_cosine"] == pytest.approx(1, abs=1e-6)


def test_the_platform_learns_whose_quota_it_is(running: Space, platform: DeviceAPI) -> None:
    with Visitor(running.url, token=TOKEN) as visitor:
        compare(visitor, draw(2))
    assert [call.token for call in platform.schedules] == [TOKEN]


def test_cosines_from_a_worker_are_the_encoders_own(visitor: Visitor, tiny_encoder: tuple[Path, Path]) -> None:
    pictures = draw(5)
    matrix = np.array(compare(visitor, pictures).report["matrix"])
    np.testing.assert_allclose(matrix, cosines(pictures, tiny_encoder), atol=1e-5)


# ------------------------------------------------------------------------------------------------------- many at a time


def test_several_visitors_compute_side_by_side(
    running: Space, platform: DeviceAPI, tiny_encoder: tuple[Path, Path]
) -> None:
    everybody_in = threading.Barrier(SIDE_BY_SIDE)

    def meet(worker: int) -> Orders:
        everybody_in.wait(START_SECONDS)  # breaks, and the test with it, unless all are inside at once
        return {}

    def visit(pictures: list[Drawing]) -> Any:
        with Visitor(running.url) as visitor:
            return compare(visitor, pictures).report["matrix"]

    platform.faults.extend([meet] * SIDE_BY_SIDE)
    sets = [draw(3) for _ in range(SIDE_BY_SIDE)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for pictures, matrix in zip(sets, pool.map(visit, sets), strict=True):
            np.testing.assert_allclose(matrix, cosines(pictures, tiny_encoder), atol=1e-5)


def test_two_visitors_who_ask_for_the_same_new_pictures_at_once_get_the_same_right_answer(
    running: Space, platform: DeviceAPI, tiny_encoder: tuple[Path, Path]
) -> None:
    pictures, both_started, started = draw(3), threading.Barrier(2), threading.Event()

    def wait(worker: int) -> Orders:
        started.wait(START_SECONDS)
        return {}

    def announce(message: Message) -> None:
        if message["msg"] == "process_starts":
            both_started.wait(START_SECONDS)
            started.set()

    def visit(_: int) -> Any:
        with Visitor(running.url) as visitor:
            return compare(visitor, pictures, on_message=announce).report["matrix"]

    platform.faults.append(wait)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(visit, range(2))
    assert one == other
    np.testing.assert_allclose(one, cosines(pictures, tiny_encoder), atol=1e-5)


# -------------------------------------------------------------------------------------------------------- bad luck once


def overrun_and_compare(visitor: Visitor, platform: DeviceAPI, pictures: list[Drawing], times: int) -> Answer:
    """Compare while the worker overruns `times` times, each ended after the visitor was warned."""
    warned = threading.Semaphore(0)

    def notice(message: Message) -> None:
        if message["msg"] == "log" and message["title"] == "ZeroGPU duration":
            warned.release()

    platform.faults.extend([overrun(warned)] * times)
    return compare(visitor, pictures, on_message=notice)


def test_a_worker_killed_in_the_middle_is_replaced_by_one_with_twice_the_time(
    platform: DeviceAPI, visitor: Visitor, tiny_encoder: tuple[Path, Path]
) -> None:
    pictures = draw(9)
    platform.faults.append(kill)
    matrix = compare(visitor, pictures).report["matrix"]
    first, second = platform.seconds
    assert second == pytest.approx(2 * first, abs=ROUNDING_SECONDS)
    np.testing.assert_allclose(matrix, cosines(pictures, tiny_encoder), atol=1e-5)


def test_a_worker_that_overruns_is_replaced_by_one_with_twice_the_time(platform: DeviceAPI, visitor: Visitor) -> None:
    answer = overrun_and_compare(visitor, platform, draw(2), times=1)
    first, second = platform.seconds
    assert second == pytest.approx(2 * first, abs=ROUNDING_SECONDS)
    assert answer.report["mean_cosine"] is not None


def test_waiting_in_line_for_a_gpu_is_said_and_ends_in_an_answer(platform: DeviceAPI, visitor: Visitor) -> None:
    platform.answers.append(Queue("succeeded"))
    answer = compare(visitor, draw(2))
    assert "Waiting for a GPU to become available" in [toast.text for toast in answer.toasts]
    assert answer.report["mean_cosine"] is not None


def test_a_line_that_breaks_off_is_joined_again(platform: DeviceAPI, visitor: Visitor) -> None:
    platform.answers.append(Queue("lost"))
    assert compare(visitor, draw(2)).report["mean_cosine"] is not None
    assert len(platform.seconds) == 2  # before and after it broke off


class GoneError(Exception):
    """The visitor closes the tab."""


def test_a_visitor_may_leave_the_line(running: Space, platform: DeviceAPI, visitor: Visitor) -> None:
    end = threading.Event()
    line = Queue("succeeded", until=end)
    platform.answers.append(line)

    def leave(message: Message) -> None:
        if message["msg"] == "log":
            raise GoneError

    with pytest.raises(GoneError), Visitor(running.url) as impatient:
        compare(impatient, draw(2), on_message=leave)
    left = line.left.wait(START_SECONDS)
    end.set()
    assert left, "the app waited on for a visitor who was gone"
    assert compare(visitor, draw(2)).report["mean_cosine"] is not None


def test_a_visitor_may_leave_while_the_gpu_computes(running: Space, platform: DeviceAPI, visitor: Visitor) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold(worker: int) -> Orders:
        inside.set()
        go_on.wait(START_SECONDS)
        return {}

    def leave(message: Message) -> None:
        if message["msg"] == "process_starts":
            raise GoneError

    platform.faults.append(hold)
    with pytest.raises(GoneError), Visitor(running.url) as impatient:
        compare(impatient, draw(2), on_message=leave)
    assert inside.wait(START_SECONDS)
    assert compare(visitor, draw(2)).report["mean_cosine"] is not None
    go_on.set()


# -------------------------------------------------------------------------------------------------- bad luck to the end


class BadLuck(NamedTuple):
    """What the platform answers and does, and what the visitor then reads."""

    answers: list[Refusal | Queue | None]
    faults: list[Fault]
    factors: list[int]  # how many times the first duration each request asks for
    title: str
    text: str  # a pattern for all of the message; SECONDS stands for the duration first asked for
    token: str | None = None


OWN_WORDS = r".*[Pp]ress Compare (once more|again).*"  # nothing is lost, and what to do
OWN_TITLE = "Not compared"
STRANGER = r"Space app has reached its GPU limit\. Try re-running outside of examples if it happened after clicking one"
QUOTA = r"You have exceeded your ZeroGPU quota \(SECONDSs requested vs\. 3s left\)\. Try again in 0:20:00\. "
QUOTA_TITLE = "ZeroGPU quota exceeded"
QUEUE_TITLE, QUEUE = "ZeroGPU queue timeout", r"No GPU was available after 60s\. .*free account.*"
OUT_OF_MEMORY = fail_with("OutOfMemoryError")

BAD_LUCK = {
    "a worker killed twice": BadLuck([], [kill, kill], [1, 2], OWN_TITLE, OWN_WORDS),
    "an exception inside the worker": BadLuck([], [OUT_OF_MEMORY], [1], OWN_TITLE, OWN_WORDS),
    "a killed worker, then an exception": BadLuck([], [kill, OUT_OF_MEMORY], [1, 2], OWN_TITLE, OWN_WORDS),
    "a spent quota": BadLuck([quota_exceeded(3, 1200)], [], [1], QUOTA_TITLE, QUOTA, TOKEN),
    "a spent quota of a stranger": BadLuck([quota_exceeded(3, 1200)], [], [1], QUOTA_TITLE, STRANGER),
    "a quota spent by the first try": BadLuck([None, quota_exceeded(3, 1200)], [kill], [1, 2], QUOTA_TITLE, STRANGER),
    "a quota spent in line": BadLuck([Queue("lost"), quota_exceeded(3, 1200)], [], [1, 1], QUOTA_TITLE, STRANGER),
    "no GPU free": BadLuck([NO_GPU_FREE], [], [1], "ZeroGPU client error", r"No GPU was available"),
    "no GPU free after a minute": BadLuck([Queue("failed")], [], [1], QUEUE_TITLE, QUEUE, TOKEN),
    "a platform out of order": BadLuck([API_DOWN], [], [1], OWN_TITLE, OWN_WORDS),
}


@pytest.mark.parametrize("luck", BAD_LUCK.values(), ids=BAD_LUCK.keys())
def test_bad_luck_is_told_and_costs_nothing_that_was_there(running: Space, platform: DeviceAPI, luck: BadLuck) -> None:
    """After it the page answers, what was cached is still there, and the comparison that failed works."""
    known, (new,) = draw(4), draw(1)
    with Visitor(running.url, token=luck.token) as visitor:
        before = compare(visitor, known)
        platform.forget()
        platform.answers.extend(luck.answers)
        platform.faults.extend(luck.faults)
        with pytest.raises(RefusedError) as refused:
            compare(visitor, [new, *known[1:]])
        check_told(refused.value, luck, platform.seconds)
        platform.forget()
        assert compare(visitor, known).report["matrix"] == before.report["matrix"]
        assert platform.seconds == []
        assert compare(visitor, [new, *known[1:]]).report["mean_cosine"] is not None
        assert platform.forwards == [1]


def check_told(error: RefusedError, luck: BadLuck, seconds: list[int]) -> None:
    """The durations that were asked for, and what the visitor read."""
    assert seconds == [pytest.approx(factor * seconds[0], abs=ROUNDING_SECONDS) for factor in luck.factors]
    assert error.title == luck.title
    assert not re.search(r"\w+Error|aborted", error.text), "words for a programmer"
    assert re.fullmatch(luck.text.replace("SECONDS", str(seconds[0])), error.text, re.DOTALL), error.text


def test_a_worker_that_overruns_twice_is_told_and_costs_nothing(platform: DeviceAPI, visitor: Visitor) -> None:
    known, (new,) = draw(3), draw(1)
    compare(visitor, known)
    platform.forget()
    with pytest.raises(RefusedError, match=OWN_WORDS):
        overrun_and_compare(visitor, platform, [new, *known[1:]], times=2)
    first, second = platform.seconds
    assert second == pytest.approx(2 * first, abs=ROUNDING_SECONDS)
    platform.forget()
    compare(visitor, [new, *known[1:]])
    assert platform.forwards == [1]
