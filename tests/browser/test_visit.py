"""A whole visit: what the browser asks for, what it keeps, and what the page says of the visitor's pictures."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from corpus import noise
from page import Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload

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


def test_a_visit_asks_nobody_else_and_leaves_nothing_but_in_its_tab(
    browser: Browser, server: str, app: ModuleType
) -> None:
    """Somebody compares, takes the files, clears, tries an example: no other host is asked or named, nothing is kept.

    What stands in the page itself (data:, blob:) is asked of nobody; hints to connect early are no requests that a
    browser tells of. The page says how long pictures stay, by the constants.
    """
    with browser.new_context() as context:
        requests: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        page = Page(context.new_page(), server).open()
        page.put(chosen("test.png", 1), [chosen("a.png", 2), chosen("b.png", 3)]).compare()
        page.report()
        page.rows()
        page.clear()
        page.region("examples").get_by_role("button").first.click()
        page.reference_pictures.first.wait_for()
        page.compare()
        assert len(requests) > 20, "the requests were not seen"
        named = page.tab.locator(OTHER_HOSTS_NAMED).evaluate_all("all => all.map(one => one.href || one.src)")
        assert named
        assert [url for url in requests + named if not url.startswith((server, "data:", "blob:"))] == []
        assert page.tab.evaluate(KEPT_BY_THE_BROWSER) == OF_THE_TAB
        assert context.cookies() == []
        told = page.region("about").locator("details", has_text="Privacy:")
        told.locator("summary").click()
        assert app.MINUTES_KEPT <= 120, "a short time"
        assert f"stay on this server for {app.MINUTES_KEPT} minutes at most" in told.inner_text()
        assert "kept in no history" in told.inner_text()
