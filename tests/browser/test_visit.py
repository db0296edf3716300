"""A whole visit: what the browser asks for, what it keeps, and what the page says of the visitor's pictures."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from corpus import noise
from page import Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FilePayload, Request

OTHER_HOSTS_NAMED = (
    "link:is([rel=preconnect], [rel=dns-prefetch], [rel=preload], [rel=stylesheet]), :is(script, img, iframe)[src]"
)
KEPT_BY_THE_BROWSER = """async () => ({
    local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookies: document.cookie,
    databases: (await indexedDB.databases()).map(one => one.name), caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""
OF_THE_TAB = {"local": [], "session": ["megastyle"], "cookies": "", "databases": [], "caches": [], "workers": 0}


def chosen(name: str, seed: int) -> FilePayload:
    """A picture as a browser's file dialog gives it."""
    return {"name": name, "mimeType": "image/png", "buffer": noise(seed)}


class Visit(NamedTuple):
    """A whole visit: everything that the browser asked for, and the page at its end."""

    requests: list[Request]
    page: Page
    context: BrowserContext


@pytest.fixture(scope="module")
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    """Somebody opens the page, compares, takes the files, tries an example, fails once, clears."""
    context = browser.new_context()
    requests: list[Request] = []
    context.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - it takes no bound method
    page = Page(context.new_page(), server).open()
    page.put(chosen("test.png", 1), [chosen("a.png", 2), chosen("b.png", 3)]).compare()
    page.report()
    page.rows()
    page.clear()
    page.region("examples").get_by_role("button").first.click()
    page.reference_pictures.first.wait_for()
    page.compare()
    yield Visit(requests, page, context)
    context.close()


def test_the_page_asks_no_other_host_for_anything(visit: Visit, server: str) -> None:
    """No font, script, picture or count; what stands in the page itself (data:, blob:) is asked of nobody."""
    hosts = {
        urlsplit(request.url).netloc for request in visit.requests if not request.url.startswith(("data:", "blob:"))
    }
    assert len(visit.requests) > 20, "the requests were not seen"
    assert hosts == {urlsplit(server).netloc}


def test_the_page_names_no_other_host_that_a_browser_would_contact(visit: Visit, server: str) -> None:
    """Hints to connect early are no requests that a browser tells of."""
    addresses = visit.page.tab.locator(OTHER_HOSTS_NAMED).evaluate_all("all => all.map(one => one.href || one.src)")
    assert addresses
    assert [address for address in addresses if not address.startswith((server, "data:", "blob:"))] == []


def test_the_browser_keeps_nothing_of_a_visit_but_in_its_tab(visit: Visit) -> None:
    """No history of runs, no cookie, no database; what the tab remembers ends with it."""
    assert visit.page.tab.evaluate(KEPT_BY_THE_BROWSER) == OF_THE_TAB
    assert visit.context.cookies() == []


def test_the_page_says_how_long_pictures_stay(visit: Visit, app: ModuleType) -> None:
    """The time from the constants, and that no history is kept."""
    minutes = (app.FILES_KEPT_SECONDS + app.SWEEP_SECONDS) // 60
    assert minutes <= 120, "a short time"
    told = visit.page.region("about").locator("details", has_text="Privacy:")
    told.locator("summary").click()
    words = told.inner_text()
    assert f"stay on this server for {minutes} minutes at most" in words
    assert "kept in no history" in words
