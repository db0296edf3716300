"""The real Chromium that the tests and the check of a deployment drive: the system's, else Playwright's."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-features=MediaRouter,HttpsUpgrades",  # Playwright's own list would take a frame's storage away
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 30_000  # milliseconds for anything to happen in a tab; a limit for a hang, not a measure

# Frames stop coming on a quiet machine while nothing is drawn, and a transition then never ends. A constructed style
# sheet is there before the document has an element, and no content security policy forbids it.
NO_TRANSITIONS = """{
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, *::before, *::after { transition: none !important; }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""


def launch(playwright: Playwright, **options: Any) -> Browser:
    """Start it; CHROMIUM names another one. `options` are Playwright's.

    In no context of it does a wait last for ever or a transition run. `evaluate` alone knows no limit: a tab that
    stands still there is ended by the limit of its test.
    """
    from playwright.sync_api import expect

    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS), **options)
    expect.set_options(timeout=PATIENCE)
    browser.on("context", prepare)
    return browser


def prepare(context: BrowserContext) -> None:
    """Give a new context its limits, and a style that turns transitions off."""
    context.set_default_timeout(PATIENCE)
    context.add_init_script(NO_TRANSITIONS)
