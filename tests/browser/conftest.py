"""What the tests in a browser share: one tab for all visits, and one visit that has compared nine pictures."""

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


@pytest.fixture(scope="session")
def shared_tab(browser: Browser, server: str) -> Iterator[Page]:
    """One tab for all visits: a fresh one costs more than a fresh visit."""
    context = browser.new_context(permissions=CLIPBOARD)
    yield Page(context.new_page(), server)
    context.close()


@pytest.fixture
def page(shared_tab: Page) -> Iterator[Page]:
    """A fresh visit on a desktop; whatever happens in it, the browser has nothing to complain of."""
    yield shared_tab.open()
    assert shared_tab.console == []


@pytest.fixture(scope="session")
def compared(browser: Browser, server: str) -> Iterator[Page]:
    """A visit that has compared one watercolour with eight others; for tests that only look."""
    context = browser.new_context()
    page = Page(context.new_page(), server).open()
    test, *references = watercolours(1 + MAX_REFERENCES)
    yield page.put(test, references).compare()
    assert page.console == []
    context.close()


@pytest.fixture
def result(compared: Page) -> Page:
    """The same, on a desktop in light colours, with the matrix that is open there."""
    compared.look(DESKTOP)
    compared.region("details").locator("details").evaluate("matrix => { matrix.open = true; }")
    return compared
