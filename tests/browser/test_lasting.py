"""What a visitor has done survives a reload, a line that breaks, a server that starts again; and ends with the tab."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from drawn import strangers, watercolours
from loopback import serving
from page import Page
from proxy import Proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = [str(file["name"]) for file in watercolours(5)]
NO_STORAGE = (
    """Object.defineProperty(window, "sessionStorage", {get() { throw new DOMException("", "SecurityError"); }})"""
)


def two_tried(page: Page) -> list[object]:
    """Two test images compared with three references; what is shown then."""
    first, second, *references = watercolours(5)
    page.put(first, references).compare()
    page.put_test(second)
    page.compare()
    return shown(page)


def shown(page: Page) -> list[object]:
    """The result with its list."""
    return [page.verdict, page.references, page.matrix, page.tried]


def test_a_visit_goes_on_after_a_reload_and_after_back(page: Page) -> None:
    """Inputs, result and list are there again, and work; no comparison was asked for. Another tab has nothing of it."""
    before = two_tried(page)
    asked: list[str] = []
    page.tab.on("request", lambda request: asked.append(request.post_data or "") if "/join" in request.url else None)
    ways: list[Callable[[], object]] = [page.tab.reload, lambda: (page.tab.goto("about:blank"), page.tab.go_back())]
    for number, leave in enumerate(ways, start=1):
        leave()
        expect(page.ruler).to_be_visible()
        page.shows(NAMES[1], *NAMES[2:])
        assert shown(page) == before
        assert len(asked) == number
    page.bring_back(NAMES[0])
    assert page.report()["test"]["name"] == NAMES[0]
    page.clear()
    for leave in ways:
        leave()
        page.shows(None)
    other = Page(page.tab.context.new_page(), page.url).open()
    other.shows(None)


def test_a_visit_without_storage_works_and_ends_with_a_reload(browser: Browser, server: str) -> None:
    with browser.new_context() as context:
        context.add_init_script(NO_STORAGE)
        page = Page(context.new_page(), server).open()
        two_tried(page)
        assert page.report()["names"] == NAMES[1:]
        page.tab.reload()
        page.shows(None)
        assert page.console == []


def test_a_line_that_breaks_while_comparing_costs_nothing(browser: Browser, server: str) -> None:
    """The result comes by itself as soon as the server can be reached: it was cut, or a front answered for it."""
    with browser.new_context() as context, Proxy(server) as proxy:
        page = Page(context.new_page(), proxy.url).open()
        page.put(watercolours(1)[0], watercolours(4)[1:])
        for count, breaks, statuses in ((4, ("/queue/data",), {}), (5, (), {"/queue/data": 502, "/app_id": 502})):
            page.put(None, watercolours(5)[4:count])
            proxy.breaks, proxy.statuses = breaks, statuses
            page.button("Compare").click()
            expect(page.toast).to_contain_text("Connection")
            proxy.is_cut, proxy.statuses = False, {}
            expect(page.region("verdict")).to_contain_text(f"to {count - 1} references")
            page.shows(NAMES[0], *NAMES[1:count])
            page.compare()


OTHERS = strangers(3)[1:]


def lose(page: Page) -> None:
    """Delete the files of a visit."""
    kept = json.loads(page.tab.evaluate("sessionStorage.megastyle"))
    for file in (kept["test"], *kept["references"]):
        Path(file["path"]).unlink()


def test_a_server_that_starts_again_is_told_from_one_that_lost_the_files(
    browser: Browser, tiny_environment: dict[str, str], tmp_path: Path
) -> None:
    """With the files the pictures are there, and a press compares them; without, the page names those that are gone."""
    with browser.new_context() as context, Proxy("") as proxy:
        page, losing = (Page(context.new_page(), proxy.url) for _ in range(2))
        with serving(tiny_environment, tmp_path) as proxy.target:
            page.open()
            verdict = two_tried(page)[0]
            losing.open().put(OTHERS[0], OTHERS[1:])
            lose(losing)
        with serving(tiny_environment, tmp_path) as proxy.target:
            losing.tab.reload()
            losing.shows(None)
            expect(losing.note).to_contain_text(
                f"{', '.join(str(file['name']) for file in OTHERS)} are no longer on the server"
            )
            page.tab.reload()
            page.shows(NAMES[1], *NAMES[2:])
            expect(page.region("verdict")).to_contain_text("0 of 4 pictures are measured")
            page.compare()
            assert page.verdict == verdict


FRONT = {413: "more than the server takes", 429: "Wait a minute", **dict.fromkeys((502, 503, 504), "does not answer")}


@pytest.mark.parametrize("path", ["/queue/join", "/upload"])
def test_what_a_front_answers_is_said_in_words(browser: Browser, server: str, path: str) -> None:
    """Nothing that was chosen is lost, and the next try works."""
    with browser.new_context() as context, Proxy(server) as proxy:
        page = Page(context.new_page(), proxy.url).open()
        page.put(watercolours(1)[0], watercolours(2)[1:])
        for status, words in FRONT.items():
            proxy.statuses = {path: status}
            if path == "/upload":
                page.choose("references", watercolours(3)[2:])
                told = page.note
            else:
                page.button("Compare").click()
                told = page.toast
            expect(told).to_contain_text(words)
            expect(told).not_to_contain_text(re.compile("SyntaxError|<h1>"))
            page.shows(NAMES[0], NAMES[1])
            proxy.statuses = {}
            page.compare()
            expect(page.toast).to_have_count(0)


def test_an_event_that_a_new_deployment_does_not_know_asks_for_a_reload_and_keeps_everything(page: Page) -> None:
    def from_another_page(route: Route) -> None:
        route.continue_(post_data=json.dumps({**json.loads(route.request.post_data or ""), "fn_index": 999}))

    page.put(watercolours(1)[0], watercolours(2)[1:])
    page.tab.route("**/queue/join*", from_another_page)
    page.button("Compare").click()
    expect(page.toast).to_contain_text("The page was updated; reload it.")
    page.tab.unroute("**/queue/join*")
    page.tab.reload()
    page.shows(NAMES[0], NAMES[1])
    page.compare()
    page.console.clear()  # the browser counts the refusal as an error of its own


def test_a_download_whose_files_are_gone_says_so(page: Page) -> None:
    page.put(watercolours(1)[0], watercolours(2)[1:]).compare()
    kept = json.loads(page.tab.evaluate("sessionStorage.megastyle"))
    place = Path(kept["test"]["path"])
    content = place.read_bytes()
    place.unlink()
    page.button("Download report").click()
    expect(page.toast).to_contain_text("Not saved")
    place.write_bytes(content)
    assert page.download("Download report").suggested_filename.endswith(".html")
