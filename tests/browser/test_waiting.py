"""While a comparison is under way: what is seen of it, and what a change, Clear all or a reload does to it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FilePayload, expect

from drawn import picture
from loopback import serving
from page import Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

GATED_APP = """
import pathlib, sys, time, app
gate, embed = pathlib.Path(sys.argv[1]), app.embed

def wait_and_embed(*arguments):
    while not (tickets := list(gate.glob("ticket-*"))):
        time.sleep(0.01)
    tickets[0].unlink()
    return embed(*arguments)

app.embed = wait_and_embed
app.main()
"""


class Gate:
    """Lets an app embed its pictures one by one."""

    def __init__(self, folder: Path) -> None:
        """Closed."""
        self.folder, self.tickets = folder, itertools.count()
        folder.mkdir()

    def let(self, pictures: int) -> None:
        """Let so many pictures pass."""
        for _ in range(pictures):
            (self.folder / f"ticket-{next(self.tickets)}").touch()


@pytest.fixture(scope="module")
def gated(tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Gate]]:
    """An app that embeds no picture until it is let."""
    temp = tmp_path_factory.mktemp("gated")
    gate = Gate(temp / "gate")
    with serving(tiny_environment, temp, (sys.executable, "-c", GATED_APP, str(gate.folder))) as url:
        yield url, gate


@pytest.fixture
def slow(browser: Browser, gated: tuple[str, Gate]) -> Iterator[tuple[Page, Gate]]:
    """A fresh visit to that app, and its gate."""
    url, gate = gated
    with browser.new_context() as context:
        page = Page(context.new_page(), url).open()
        yield page, gate
        assert page.console == []
        assert list(gate.folder.iterdir()) == []


new_seed = itertools.count(10**6).__next__  # pictures that no cache holds


def new(count: int) -> list[FilePayload]:
    """Pictures that nobody has compared."""
    return [picture("low-poly-boat", new_seed(), f"{number}.png") for number in range(count)]


def start(page: Page, files: list[FilePayload]) -> None:
    """Compare the first with the others, and wait until a picture is being worked on."""
    page.put(files[0], files[1:])
    page.button("Compare").click()
    expect(progress(page, 1, len(files))).to_be_visible()


def progress(page: Page, number: int, pictures: int) -> Locator:
    """The progress display at a picture."""
    return page.region("verdict").locator(f'[role=progressbar][aria-label="Picture {number} of {pictures}"]')


def place(page: Page) -> float:
    """Where the result begins, in pixels from the window's top."""
    box = page.region("result").bounding_box()
    assert box
    return box["y"]


def test_progress_tells_which_picture_of_how_many_and_nothing_jumps(slow: tuple[Page, Gate]) -> None:
    page, gate = slow
    start(page, new(3))
    places = []
    for number in (1, 2, 3):
        expect(progress(page, number, 3)).to_be_visible()
        assert "%" not in page.region("result").inner_text()
        places.append(place(page))
        gate.let(1)
    expect(page.ruler).to_be_visible()
    assert max(places) - min(places) <= 2


def test_a_reload_in_the_middle_comes_to_the_result_by_itself(slow: tuple[Page, Gate]) -> None:
    """Without a press, and without a picture embedded twice."""
    page, gate = slow
    start(page, new(3))
    gate.let(1)
    expect(progress(page, 2, 3)).to_be_visible()
    page.tab.reload()
    expect(page.region("stale")).to_contain_text("Its result will appear here by itself")
    expect(page.region("verdict")).to_contain_text("1 of 3 pictures are measured")
    gate.let(2)
    expect(page.ruler).to_be_visible()
    expect(page.old).to_have_count(0)
    page.shows("0.png", "1.png", "2.png")
    page.console.clear()  # Gradio's client complains of the stream that the reload ended


def test_a_result_of_inputs_that_changed_meanwhile_is_an_old_one(slow: tuple[Page, Gate]) -> None:
    page, gate = slow
    start(page, new(3))
    page.remove_reference(0)
    gate.let(3)
    expect(page.ruler).to_be_visible()
    expect(page.old).to_be_visible()
    assert len(page.references) == 2
    page.compare()
    expect(page.old).to_have_count(0)
    assert len(page.references) == 1


def test_clear_all_leaves_no_late_result(slow: tuple[Page, Gate]) -> None:
    """It stops after the picture in hand, and the next comparison begins."""
    page, gate = slow
    start(page, new(3))
    page.clear()
    expect(progress(page, 1, 3)).to_be_hidden()
    gate.let(1)
    start(page, new(2))
    expect(page.region("verdict")).to_contain_text("Your result appears here")
    expect(page.ruler).to_have_count(0)
    gate.let(2)
    expect(page.ruler).to_be_visible()
    expect(page.toast).to_have_count(0)
