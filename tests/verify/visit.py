"""Two visits to the page in a real browser, by what every version of it has: labels, buttons, verdict, report."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Error, FilePayload, Page, sync_playwright

import chromium
from verify import ProblemError
from verify.report import Say

HUB_HOSTS = {"huggingface.co", "cdn-avatars.huggingface.co"}  # Gradio shows a Space's owner and likes above the page
SIDE = 96  # pixels of the pictures that are uploaded


def new_picture(name: str) -> FilePayload:
    """A picture that no page has seen before, so that it must be embedded."""
    file = io.BytesIO()
    Image.frombytes("RGB", (SIDE, SIDE), secrets.token_bytes(SIDE * SIDE * 3)).save(file, "PNG")
    return FilePayload(name=name, mimeType="image/png", buffer=file.getvalue())


class Visitor:
    """Somebody who opens the page at `url`, and remembers whom the browser asked and what it complained of."""

    def __init__(self, browser: Browser, url: str, patience: float) -> None:
        self.browser, self.url, self.patience = browser, url, 1000 * patience
        self.hosts: set[str] = set()
        self.complaints: list[str] = []

    def open(self) -> Page:
        """The page in a browser of its own.

        Raises:
            ProblemError: nothing answers, or not with the page.
        """
        context = self.browser.new_context()
        context.set_default_timeout(self.patience)
        context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self.note)
        tab = context.new_page()
        try:
            answer = tab.goto(self.url)
        except Error as error:
            remedy = "Start it (make demo, make run), or correct SPACE."
            raise ProblemError(f"{self.url} cannot be opened: {error.message.splitlines()[0]}. {remedy}") from error
        if answer and not answer.ok:
            raise ProblemError(f"{self.url} answered {answer.status} instead of the page. Look at its log.")
        return tab

    def note(self, message: ConsoleMessage) -> None:
        """Remember an error of the console, unless the Hub's own host answered badly."""
        if message.type == "error" and urlsplit(message.location.get("url", "")).netloc not in HUB_HOSTS:
            self.complaints.append(message.text)

    def compare_example(self) -> tuple[str, Any]:
        """Press the first example and Compare; what the verdict says, and the report."""
        tab = self.open()
        tab.locator("#examples button").first.click()
        tab.locator("#references img").first.wait_for()
        return self.compare(tab)

    def compare_upload(self) -> tuple[str, str, Any]:
        """Upload three new pictures; SHA-256 of the test image, what the verdict says, and the report."""
        tab, test = self.open(), new_picture("verify.png")
        tab.locator("#test input[type=file]").set_input_files(test)
        tab.locator("#references input[type=file]").set_input_files([new_picture("one.png"), new_picture("two.png")])
        tab.locator("#test img").wait_for()
        tab.locator("#references img").nth(1).wait_for()
        return hashlib.sha256(test["buffer"]).hexdigest(), *self.compare(tab)

    def compare(self, tab: Page) -> tuple[str, Any]:
        """Press Compare and Download JSON; what the verdict says, and the report.

        Raises:
            ProblemError: the page answers with a message, or the file is no report.
        """
        tab.get_by_role("button", name="Compare", exact=True).click()
        verdict, toast = tab.locator("#verdict", has_text="Mean cosine"), tab.get_by_test_id("toast-body")
        verdict.or_(toast).first.wait_for()
        if toast.count():
            raise ProblemError(f"The page says: {' '.join(toast.first.inner_text().split())}")
        with tab.expect_download() as download:
            tab.get_by_role("button", name="Download JSON", exact=True).click()
        try:
            report = json.loads(Path(download.value.path()).read_bytes())
        except ValueError as error:
            raise ProblemError(f"The file behind Download JSON is no JSON ({error}).") from error
        return " ".join(verdict.inner_text().split("\n\n")[0].split()), report


@contextmanager
def browsing(url: str, patience: float, say: Say, *, on_the_hub: bool) -> Iterator[Visitor]:
    """A visitor who waits for nothing longer than `patience` seconds; at the end it is told what the browser met.

    Raises:
        ProblemError: the page does not show what a visit needs.
    """
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        visitor = Visitor(browser, url, patience)
        try:
            yield visitor
        except Error as error:
            raise ProblemError(f"The visit stopped: {' '.join(error.message.split())[:300]}") from error
        finally:
            browser.close()
    strangers = visitor.hosts - {"", urlsplit(url).netloc} - (HUB_HOSTS if on_the_hub else set())
    say("hosts", not strangers, f"the browser asked {', '.join(sorted(strangers)) or 'nobody else'}")
    say("console", not visitor.complaints, "; ".join(visitor.complaints) or "no error")
