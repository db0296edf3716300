"""What the tests in a browser share: a fresh visit for each, and one visit that has compared nine pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from drawn import watercolours
from megastyle.comparison import MAX_REFERENCES
from page import DESKTOP, Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh visit on a desktop; whatever happens in it, the browser has nothing to complain of."""
    with browser.new_context(permissions=CLIPBOARD) as context:
        page = Page(context.new_page(), server).open()
        yield page
        assert page.console == []


@pytest.fixture(scope="session")
def visits() -> dict[int, Page]:
    """The visits of `compared` by the number of tests that had failed when they were made."""
    return {}


@pytest.fixture
def compared(request: pytest.FixtureRequest, browser: Browser, server: str, visits: dict[int, Page]) -> Iterator[Page]:
    """A visit that has compared one watercolour with eight others; for tests that only look.

    It is made anew after each failure, so that a tab that stands still fails one test alone.
    """
    failures = request.session.testsfailed
    if failures not in visits:
        test, *references = watercolours(1 + MAX_REFERENCES)
        visits[failures] = Page(browser.new_context().new_page(), server).open().put(test, references).compare()
    yield visits[failures]
    assert visits[failures].console == []


@pytest.fixture
def result(compared: Page) -> Page:
    """The same, on a desktop in light colours, with the matrix that is open there."""
    compared.look(DESKTOP)
    compared.region("details").locator("details").evaluate("matrix => { matrix.open = true; }")
    return compared
