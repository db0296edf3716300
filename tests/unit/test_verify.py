"""The check of a deployment: it reads the JSON report and the Hub's answers, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from huggingface_hub import HfApi

from hub import Hub, Space, closed_port
from loopback import ROOT
from verify import ProblemError, report, space

PINNED, COMMIT = {"torch": "2.13.0", "pillow": "12.3.0"}, "a" * 40
RIGHT: dict[str, Any] = {  # the mean of 0.8 and 0.6 is 0.7
    "mean_cosine": 0.7,
    "names": ["test.png", "a.png", "b.png"],
    "matrix": [[1.0, 0.8, 0.6], [0.8, 1.0, 0.5], [0.6, 0.5, 1.0]],
    "encoder": {"checkpoint": "them/it", "revision": "main", "sha256": "f" * 64, "official": True},
    "versions": {"torch": "2.13.0+cpu", "pillow": "12.3.0"},
    "page": COMMIT,
}


def set_cosine(row: int, column: int, cosine: float | None) -> Callable[[dict[str, Any]], object]:
    """Change one number of the matrix."""
    return lambda made: made["matrix"][row].__setitem__(column, cosine)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], list[str]]] = {
    "nothing": (lambda _: None, []),
    "it knows no commit": (lambda made: made.update(page=None), []),
    "other weights": (lambda made: made["encoder"].update(official=False), ["encoder"]),
    "a word for yes": (lambda made: made["encoder"].update(official="yes"), ["encoder"]),
    "another version": (lambda made: made["versions"].update(torch="2.8.0"), ["versions"]),
    "no versions": (lambda made: made["versions"].clear(), ["versions"]),
    "another commit": (lambda made: made.update(page="b" * 40), ["commit of the report"]),
    "skewed": (set_cosine(2, 1, 0.4), ["numbers"]),
    "unlike itself": (set_cosine(1, 1, 0.9), ["numbers"]),
    "no number": (set_cosine(0, 0, None), ["numbers"]),
    "not square": (lambda made: made["matrix"].pop(), ["numbers"]),
    "another mean": (lambda made: made.update(mean_cosine=0.71), ["numbers"]),
    "no matrix": (lambda made: made.pop("matrix"), ["report"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_in_a_report_is_said_for_itself_alone(case: str) -> None:
    spoil, expected = WRONG[case]
    spoil(made := deepcopy(RIGHT))
    assert [what for what, ok, _ in report.lines(made, PINNED, COMMIT) if not ok] == expected


def test_what_is_no_report_is_said_in_one_line() -> None:
    (line,) = report.lines([], PINNED, COMMIT)  # type: ignore[arg-type]
    assert line[0:2] == ("report", False)
    assert report.pins(ROOT / "requirements.txt").keys() >= {"torch", "transformers", "pillow"}


def test_it_waits_for_a_space_on_its_way_and_for_the_commit_that_was_pushed() -> None:
    """And no longer than asked: 0.002 minutes in steps of 0.01 s are twelve questions."""
    with Hub() as hub:
        api, name = HfApi(hub.url), "somebody/comparison"
        hub.spaces[name] = Space(COMMIT, stages=["BUILDING", "APP_STARTING", "RUNNING"])
        assert space.wait(api, name, 1, 0.01)[1].stage == "RUNNING"
        hub.spaces[name] = Space(COMMIT, running="b" * 40, stages=["RUNNING", "PAUSED"])
        with pytest.raises(
            ProblemError, match=rf"The Space is PAUSED\. Exit code: 1\. Read `hf spaces logs {name} --bu"
        ):
            space.wait(api, name, 1, 0.01)
        hub.spaces[name] = Space(COMMIT, stages=["BUILDING"])
        with pytest.raises(ProblemError, match="The Space is BUILDING"):
            space.wait(api, name, 0.002, 0.01)
        with pytest.raises(ProblemError, match="There is no Space some/other, or it is private"):
            space.wait(api, "some/other", 1, 0.01)
    nowhere = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(ProblemError, match=rf"The Hub at \S+ cannot be asked about {name}: .+"):
        space.wait(HfApi(nowhere), name, 1, 0.01)
