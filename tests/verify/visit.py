"""A visit to the page in a real browser, by what every version of the page has: labels, buttons, verdict, report."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, FilePayload, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

import chromium
from verify.problem import ProblemError
from verify.report import Report

RECORDER = Path(__file__).with_name("recorder.js")
HUB_HOSTS = ("huggingface.co", "cdn-avatars.huggingface.co")  # Gradio shows a Space's owner and likes above the page
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
ENDED = """count => window.verifyMessages.slice(count).some(
    message => ["process_completed", "unexpected_error"].includes(message.msg) && !message.output?.is_generating)"""
OFFERS = 50  # attempts to get the new report: the page gets it a moment after the stream has ended
PREFIX = "verify-"  # short: Chromium puts a socket below it, whose path may have some 100 characters
OFFER_PAUSE = 200  # ms between two


@dataclass(frozen=True)
class Compared:
    """What one press of Compare brought: the verdict's heading, the report, and what the server said on the way."""

    verdict: str
    report: Report
    messages: list[dict[str, Any]]

    @property
    def progress(self) -> list[str]:
        """The descriptions of the progress bar that name a picture: one for each batch that was embedded."""
        units = (unit for message in self.messages for unit in message.get("progress_data") or ())
        return list(dict.fromkeys(text for unit in units if (text := unit.get("desc") or "").startswith("Picture ")))


@dataclass
class Visit:
    """One tab on the page at `url`."""

    tab: Page
    url: str
    hosts: set[str] = field(default_factory=set)  # that the browser asked
    errors: list[str] = field(default_factory=list)  # of the console and of the page's scripts

    def __post_init__(self) -> None:
        """Watch what the browser asks for and complains of."""
        self.tab.on("request", lambda request: self.note_host(request.url))
        self.tab.on("websocket", lambda socket: self.note_host(socket.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", self.note_console)
        self.tab.add_init_script(path=RECORDER)

    @property
    def host(self) -> str:
        """The page's own."""
        return urlsplit(self.url).netloc

    def note_host(self, url: str) -> None:
        """Remember whom the browser asks; what a page holds itself (data:, blob:) asks nobody."""
        if host := urlsplit(url).netloc:
            self.hosts.add(host)

    def note_console(self, message: ConsoleMessage) -> None:
        """Remember an error of the console, unless the Hub's own host answered badly."""
        if message.type == "error" and urlsplit(message.location.get("url", "")).netloc not in HUB_HOSTS:
            self.errors.append(message.text)

    # ---------------------------------------------------------------------------------------------------- doing

    def open(self) -> None:
        """Open the page.

        Raises:
            ProblemError: nothing answers, or not with the page.
        """
        try:
            answer = self.tab.context.request.get(self.url)  # a browser gives no status of an error without a page
            if not answer.ok:
                raise ProblemError(f"{self.url} answered {answer.status} instead of the page. Look at its log.")
            self.tab.goto(self.url)
        except PlaywrightTimeoutError as error:
            raise ProblemError(f"{self.url} does not answer. Look at its log.") from error
        except Error as error:
            reason = error.message.splitlines()[0].partition(": ")[2]
            remedy = "Start it (make demo, make run), or correct SPACE."
            raise ProblemError(f"Nothing can be opened at {self.url} ({reason}). {remedy}") from error
        self.see(self.button("Compare"), "a button Compare")

    def see(self, thing: Locator, what: str) -> None:
        """Wait until it is there.

        Raises:
            ProblemError: it does not come.
        """
        try:
            thing.first.wait_for()
        except PlaywrightTimeoutError as error:
            raise ProblemError(f"The page at {self.url} does not show {what}. Open it and look.") from error

    def take_example(self) -> str:
        """Press the first example; its title."""
        button = self.tab.locator("#examples").get_by_role("button").first
        self.see(button, "an example")
        button.click()
        for label in ("Test image", "References"):
            self.see(self.part(label).locator("img"), f"the example's pictures under {label!r}")
        return button.inner_text().strip()

    def replace_test(self, picture: FilePayload) -> None:
        """Upload another test image in the place of the one that is there."""
        part = self.part("Test image")
        part.get_by_role("button", name="Remove the test image").click()
        part.locator("img").first.wait_for(state="detached")
        part.locator("input[type=file]").set_input_files(picture)
        self.see(part.locator("img"), "the uploaded picture")

    def compare(self, test: str | None = None) -> Compared:
        """Press Compare, and wait for verdict and report; `test` is the SHA-256 of the test image that it must be of.

        Raises:
            ProblemError: the page refuses, or does not end.
        """
        before = self.tab.evaluate("() => window.verifyMessages.length")
        self.button("Compare").click()
        try:
            self.tab.wait_for_function(ENDED, arg=before)
        except PlaywrightTimeoutError as error:
            raise ProblemError(f"Compare does not end. {self.said() or 'The page says nothing.'}") from error
        messages = self.tab.evaluate("count => window.verifyMessages.slice(count)", before)
        self.tab.evaluate(DRAWN)
        if not messages[-1].get("success", True) or any(one["msg"] == "unexpected_error" for one in messages):
            raise ProblemError(f"Compare was refused. {self.said() or 'The page does not say why.'}")
        report = self.new_report(test)
        heading = self.tab.locator("#verdict").get_by_role("heading")
        self.see(heading.filter(has_text=str(report.get("label") or "")), "a verdict with the report's label")
        return Compared(heading.first.inner_text().strip(), report, messages)

    def new_report(self, test: str | None) -> Report:
        """The file behind "Download JSON", once it is that of the last comparison.

        Raises:
            ProblemError: it is not offered, or is no JSON.
        """
        button = self.button("Download JSON")
        self.see(button, "a button Download JSON")
        for _ in range(OFFERS):
            with self.tab.expect_download() as download:
                button.click()
            text = download.value.path().read_bytes()
            try:
                report = json.loads(text)
            except ValueError as error:
                raise ProblemError(f"The file behind Download JSON is no JSON ({error}).") from error
            if not isinstance(report, dict):
                raise ProblemError(f"The file behind Download JSON holds no object but {type(report).__name__}.")
            if test is None or ((report.get("test") or {}).get("sha256") == test):
                return report
            self.tab.wait_for_timeout(OFFER_PAUSE)
        raise ProblemError("The file behind Download JSON is not about the picture that was uploaded.")

    # ---------------------------------------------------------------------------------------------------- finding

    def button(self, name: str) -> Locator:
        """A button by its text."""
        return self.tab.get_by_role("button", name=name, exact=True)

    def part(self, label: str) -> Locator:
        """An input by its label."""
        return self.tab.locator(".block").filter(has=self.tab.get_by_text(label, exact=True)).last

    def said(self) -> str:
        """The messages that popped up."""
        return " ".join(" ".join(self.tab.get_by_test_id("toast-body").all_inner_texts()).split())

    def pictures(self) -> dict[str, bytes]:
        """The files of the pictures in the inputs, by SHA-256."""
        script = "images => images.map(image => image.src).filter(address => address.includes('/file='))"
        addresses = self.tab.locator(".block img").evaluate_all(script)
        contents = [self.tab.context.request.get(address).body() for address in dict.fromkeys(addresses)]
        return {hashlib.sha256(content).hexdigest(): content for content in contents}

    def endpoints(self) -> list[str]:
        """The endpoints that the page offers to programs."""
        info = self.tab.context.request.get(f"{self.url}/gradio_api/info").json()
        return [name for kind in ("named_endpoints", "unnamed_endpoints") for name in info[kind]]


@contextmanager
def visiting(url: str, patience: float) -> Iterator[Visit]:
    """A visit that waits for nothing longer than `patience` seconds; browser and files are gone when it ends."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder  # of the browser and of what drives it
        try:
            with sync_playwright() as playwright:
                browser = chromium.launch(playwright)
                try:
                    tab = browser.new_page()
                    tab.set_default_timeout(1000 * patience)
                    yield Visit(tab, url)
                finally:
                    browser.close()
        finally:
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
