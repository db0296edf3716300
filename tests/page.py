"""The page as a visitor sees it, in a real browser: what can be done on it and what can be read from it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from playwright.sync_api import Dialog, Download, FilePayload, Locator, ViewportSize, expect
from playwright.sync_api import Page as Tab

DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)  # CSS pixels
PATIENCE = 30_000  # milliseconds for anything to happen; a limit for a hang, not a measure
SETTLED = "() => new Promise(done => setTimeout(done, 50))"  # what was changed is drawn; no transition runs in tests
WATCH_PROGRESS = """() => {
    const verdict = document.getElementById("verdict");
    let busy = false;
    window.answered = false;
    new MutationObserver(() => {
        const idle = verdict.querySelector("[data-testid=status-tracker]").classList.contains("hide");
        window.answered ||= busy && idle;
        busy ||= !idle;
    }).observe(verdict, {attributes: true, childList: true, subtree: true});
}"""  # true when the progress display has come and gone


PUT_INTO_CLIPBOARD = """async colour => {
    const canvas = new OffscreenCanvas(64, 64), pen = canvas.getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 64, 64);
    const blob = await canvas.convertToBlob({type: "image/png"});
    await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]);
}"""  # a picture of one colour
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


class Reference(NamedTuple):
    """A row of the list of references.

    `columns` are its numbers by their headings, `marks` what stands beside the name.
    """

    number: int
    name: str
    label: str
    columns: dict[str, str]
    marks: list[str]


class Attempt(NamedTuple):
    """A row of the list of what was tried; `current` is whether it is the one that is shown."""

    name: str
    mean: str
    fit: str
    current: bool


class Page:
    """One browser tab on the app at `url`."""

    def __init__(self, tab: Tab, url: str) -> None:
        """Take the tab over."""
        self.tab, self.url = tab, url
        self.console: list[str] = []  # errors only
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        tab.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: self.console.append(str(error)))
        tab.on(
            "filechooser", lambda _: None
        )  # no dialog opens from now on; asked for only when one is awaited, it comes too late at times
        tab.on("dialog", self.refuse)

    def refuse(self, dialog: Dialog) -> None:
        """Note a dialog, which the page never opens, and close it."""
        self.console.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    # ------------------------------------------------------------------------------------------------------------ doing

    def open(self) -> Page:
        """A fresh visit on a desktop in light colours."""
        self.console.clear()
        self.look(DESKTOP)
        self.tab.goto(self.url)
        expect(self.button("Compare")).to_be_enabled()
        for slot in ("test", "references"):  # Gradio fetches them one by one, and the page's script names their parts
            expect(self.region(slot).locator("[aria-label^=Choose]").first).to_be_attached()
        return self

    def look(self, size: ViewportSize, scheme: Scheme = "light") -> None:
        """Another window, light or dark; Gradio looks at the scheme when the page loads, so its class is set too."""
        self.tab.set_viewport_size(size)
        self.tab.emulate_media(color_scheme=scheme)
        self.tab.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
        self.tab.evaluate(SETTLED)

    def put(self, test: FilePayload | None, references: Sequence[FilePayload]) -> Page:
        """Choose pictures in both inputs, and wait until they are uploaded."""
        if test:
            self.put_test(test)
        if references:
            self.put_references(references)
        return self

    def put_test(self, file: FilePayload) -> None:
        """Choose the test image, or replace it, by a press on its slot."""
        self.choose("test", [file])
        expect(self.test_pictures).to_have_attribute("alt", f"Test image: {file['name']}")
        self.wait_for_uploads()

    def choose(self, slot: str, files: Sequence[FilePayload]) -> None:
        """Press where a person presses to choose pictures for a slot, and choose."""
        with self.tab.expect_file_chooser() as chooser:
            places = (".image-frame", "button:has(> input):not([inert])", ".icon-button[aria-label^=Choose]")
            self.region(slot).locator(", ".join(f"{place}:visible" for place in places)).first.click()
        chooser.value.set_files(list(files))

    def wait_for_uploads(self) -> None:
        """Go on when every picture is on the server and in its input."""
        expect(self.tab.locator("body.uploading")).to_have_count(0)

    def drop(self, target: Locator, files: Sequence[Path], address: str = "") -> None:
        """Drag files, or the address of a picture, from outside the browser, and let them go over the target."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box
        items = [{"mimeType": "text/uri-list", "data": address}] if address else []
        data = {"items": items, "files": list(map(str, files)), "dragOperationsMask": 1}
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
        browser = self.tab.context.new_cdp_session(self.tab)
        for kind in ("dragEnter", "dragOver", "drop"):
            browser.send("Input.dispatchDragEvent", {"type": kind, **place})
        browser.detach()

    def copy_picture(self, colour: str) -> None:
        """Put a picture of one colour into the clipboard."""
        self.tab.evaluate(PUT_INTO_CLIPBOARD, colour)

    @property
    def chosen(self) -> tuple[list[str], list[str]]:
        """The names of what is in the two inputs, as a screen reader says them."""
        tests, references = (
            pictures.evaluate_all("all => all.map(one => one.alt)")
            for pictures in (self.test_pictures, self.reference_pictures)
        )
        return [name.removeprefix("Test image: ") for name in tests], references

    def shows(self, test: str | None, *references: str) -> None:
        """Wait until these pictures are in the inputs, and nothing is under way."""
        expect(self.test_pictures).to_have_count(int(test is not None))
        if test is not None:
            expect(self.test_pictures).to_have_attribute("alt", f"Test image: {test}")
        expect(self.reference_pictures).to_have_count(len(references))
        for number, name in enumerate(references):
            expect(self.reference_pictures.nth(number)).to_have_attribute("alt", name)
        self.wait_for_uploads()

    def put_references(self, files: Sequence[FilePayload]) -> None:
        """Add references to those that are there."""
        before = self.reference_pictures.count()
        self.region("references").locator("input[type=file]").set_input_files(list(files))
        expect(self.reference_pictures).to_have_count(before + len(files))

    def remove_reference(self, number: int) -> None:
        """Take one reference away, counted from 0."""
        before = self.reference_pictures.count()
        self.region("references").get_by_role("button", name=f"Remove reference {number + 1}", exact=True).click()
        expect(self.reference_pictures).to_have_count(before - 1)

    def take_example(self, title: str) -> None:
        """Press an example's button, and wait until its pictures are there."""
        self.button(title).click()
        expect(self.test_pictures).to_have_count(1)
        expect(self.reference_pictures.first).to_be_visible()

    def compare(self) -> Page:
        """Press Compare, and wait until the server has answered and the page shows it."""
        with self.answered():
            self.button("Compare").click()
        return self

    @contextmanager
    def answered(self) -> Iterator[None]:
        """What is done inside brings an answer of the server; go on when it is shown."""
        self.tab.evaluate(WATCH_PROGRESS)
        yield
        self.tab.wait_for_function("() => window.answered")
        self.tab.evaluate(SETTLED)

    def clear(self) -> None:
        """Press Clear all."""
        self.button("Clear all").click()
        expect(self.test_pictures).to_have_count(0)
        expect(self.reference_pictures).to_have_count(0)

    def bring_back(self, name: str) -> None:
        """Press a row of the list of what was tried, and wait until its result is shown."""
        title = self.tab.locator(f'bdi[title="{name}"]')
        self.region("tried").locator("button", has=title).click()
        expect(self.region("tried").locator("tr.current bdi")).to_have_attribute("title", name)
        self.tab.evaluate(SETTLED)

    def download(self, name: str) -> Download:
        """Press a download button."""
        with self.tab.expect_download() as download:
            self.button(name).click()
        return download.value

    # ---------------------------------------------------------------------------------------------------------- finding

    def button(self, name: str) -> Locator:
        """A button of ours; Gradio's own lie inside the inputs."""
        return self.tab.locator("#actions, #examples, #downloads").get_by_role("button", name=name, exact=True)

    def region(self, name: str) -> Locator:
        """A part of the page by its id: intro, test, references, actions, examples, result, verdict and so on."""
        return self.tab.locator(f"#{name}")

    @property
    def test_pictures(self) -> Locator:
        """The picture in the test image's input, if there is one."""
        return self.region("test").locator("img")

    @property
    def reference_pictures(self) -> Locator:
        """The pictures in the references' input."""
        return self.region("references").locator(".thumbnail-item img")

    @property
    def ruler(self) -> Locator:
        """The scale under the verdict."""
        return self.tab.locator("svg.ruler")

    @property
    def old(self) -> Locator:
        """The words that mark an old result."""
        return self.region("stale").locator("p:not(:empty)")

    @property
    def note(self) -> Locator:
        """What the page says of a gesture, between the inputs and Compare."""
        return self.region("note").locator("p:not(:empty)")

    @property
    def toast(self) -> Locator:
        """The message that popped up."""
        return self.tab.get_by_test_id("toast-body")

    # ---------------------------------------------------------------------------------------------------------- reading

    @property
    def verdict(self) -> str:
        """All text of the verdict."""
        return self.region("verdict").inner_text()

    @property
    def notes(self) -> list[str]:
        """The sentences below the ruler."""
        return self.region("overview").locator("ul.notes li").all_inner_texts()

    @property
    def references(self) -> list[Reference]:
        """The list of references, top to bottom."""
        table = self.region("details").locator("table.references")
        heads = table.locator("thead th.number").all_inner_texts()
        return [reference_of(row, heads) for row in table.locator("tbody tr").all()]

    @property
    def tried(self) -> list[Attempt]:
        """The list of what was tried, top to bottom."""
        attempts = []
        for row in self.region("tried").locator("tbody tr").all():
            mean = row.locator("td.number").first.inner_text()
            name = row.locator("bdi").get_attribute("title") or ""
            fit = row.locator(".badge").inner_text()
            attempts.append(Attempt(name, mean, fit, row.get_attribute("aria-current") == "true"))
        return attempts

    @property
    def matrix(self) -> list[list[str]]:
        """The matrix's numbers, row by row."""
        rows = self.region("details").locator("table.matrix tbody tr").all()
        return [row.locator("td").all_text_contents() for row in rows]

    def plain_html(self, name: str) -> str:
        """A part of the page as HTML, without what its own styles and Svelte's markers say."""
        return re.sub(r"<!--.*?-->|svelte-\w+|\s+|style=\"[^\"]*\"", " ", self.region(name).inner_html())

    def report(self) -> Any:
        """The file behind Download JSON, parsed."""
        return json.loads(content(self.download("Download JSON")))

    def rows(self) -> list[list[str]]:
        """The file behind Download CSV, parsed: the matrix with its names, then what it says of itself."""
        return list(csv.reader(io.StringIO(content(self.download("Download CSV"), "utf-8-sig"), newline="")))


def reference_of(row: Locator, heads: Sequence[str]) -> Reference:
    """A row of the list of references whose numbers stand below these headings."""
    return Reference(
        number=int(row.locator(".mark").inner_text().split()[-1]),
        name=row.locator("bdi").get_attribute("title") or "",
        label=row.locator(".badge").inner_text(),
        columns=dict(zip(heads, row.locator("td.number").all_inner_texts(), strict=True)),
        marks=row.locator(".odd").all_inner_texts(),
    )


def content(download: Download, encoding: str = "utf-8") -> str:
    """The text of a downloaded file."""
    return Path(download.path()).read_text(encoding=encoding)
