"""The page where the Hub shows it: in the sandboxed frame of another site, made as tall as its content."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import FrameLocator, expect
from playwright.sync_api import TimeoutError as UnheardError

from drawn import damaged, watercolours
from loopback import Answering, Quiet
from page import DESKTOP, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab

ALLOWED = "forms modals popups popups-to-escape-sandbox same-origin scripts downloads"
SANDBOX = " ".join(f"allow-{what}" for what in ALLOWED.split())
# The script speaks with the half of iframe-resizer that Gradio's page has in it, as the Hub's half (4.3.9) does.
HUB = """<!doctype html><meta name="viewport" content="width=device-width, initial-scale=1">
<body style="margin: 0"><header style="height: 60px">The Hub</header>
<iframe style="width: 100%; border: 0; height: 400px" src="{url}"
    sandbox="{sandbox}" allow="clipboard-read; clipboard-write"></iframe>
<script>
    const frame = document.querySelector("iframe");
    const settings = ["frame", 0, false, false, 32, true, true, null, "bodyOffset", null,
        null, 0, false, "parent", "scroll"];
    frame.onload = () => frame.contentWindow.postMessage(`[iFrameSizer]${{settings.join(":")}}:false`, "*");
    addEventListener("message", ({{data}}) => {{
        const [id, height] = String(data).split("]")[1]?.split(":") ?? [];
        if (String(data).startsWith("[iFrameSizer]") && id === "frame" && Number(height))
            setTimeout(() => {{ frame.style.height = height + "px"; }}, 100);
    }});
</script>"""
COUNT_PRESSES = """
    globalThis.presses = 0;
    addEventListener("click", event => { presses += event.isTrusted; }, true);
"""
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": DESKTOP},
    "desktop, calm": {"viewport": DESKTOP, "reduced_motion": "reduce"},
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
    "phone, calm": {"viewport": PHONE, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"},
}


class OtherSite(Answering):
    """A site of one page.

    A real server's, for Chromium lets no page whose network it does not know show one of loopback.
    """

    def __init__(self, page: str) -> None:
        self.page = page.encode()
        super().__init__(_Handler)


class _Handler(Quiet):
    """Answers with the page."""

    owner: OtherSite

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Whatever is asked for."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.owner.page)


@pytest.fixture(scope="module")
def other_site(server: str) -> Iterator[str]:
    """URL of a page of another site that shows the app."""
    with OtherSite(HUB.format(sandbox=SANDBOX, url=server)) as site:
        yield site.url.replace("127.0.0.1", "localhost")


@pytest.fixture(params=SIZES)
def hub(request: pytest.FixtureRequest, browser: Browser, other_site: str) -> Iterator[Tab]:
    """A visitor who has opened it."""
    with browser.new_context(**SIZES[request.param]) as context:
        context.add_init_script(COUNT_PRESSES)
        tab = context.new_page()
        tab.goto(other_site)
        expect(tab.frame_locator("iframe").locator("#chosen")).to_be_attached()
        yield tab


def press(target: Locator) -> None:
    """With a finger where there is one; once more where the frame moved away under it, as a visitor does."""
    space = target.page.frames[1]
    for _ in range(3):
        before = space.evaluate("presses")
        if target.page.evaluate("navigator.maxTouchPoints"):
            target.tap()
        else:
            target.click()
        with contextlib.suppress(UnheardError):
            space.wait_for_function("before => presses > before", arg=before, timeout=5000, polling=50)
            return
    raise AssertionError("no press arrives")


def put(space: FrameLocator, tests: list[Any], references: list[Any]) -> None:
    """Choose pictures."""
    for slot, files in (("test", tests), ("references", references)):
        space.locator(f"#{slot} input[type=file]").set_input_files(files)
        expect(space.locator(f"#{slot} :is(.image-frame, .thumbnail-item) img")).to_have_count(len(files))
    expect(space.locator("body.uploading")).to_have_count(0)


def scroll_up_to(head: Locator) -> None:
    """As a visitor does: once more, if the page has scrolled to its result meanwhile."""
    for _ in range(5):
        head.page.mouse.wheel(0, -9999)
        with contextlib.suppress(AssertionError):
            expect(head).to_be_in_viewport(ratio=1, timeout=3000)
            return
    raise AssertionError("the head is out of reach")


def test_a_visit_in_the_frame(hub: Tab) -> None:
    """The headline comes into view, the head can be reached; messages and a large picture are where one looks."""
    space = hub.frame_locator("iframe")
    press(space.locator("#compare"))
    expect(space.locator("#note")).to_be_in_viewport(ratio=0.95)
    put(space, watercolours(1), watercolours(4)[1:])

    press(space.locator("#compare"))
    expect(space.locator("#verdict h2")).to_contain_text("style match")
    expect(space.locator("#verdict h2")).to_be_in_viewport(ratio=1)
    expect(space.locator("svg.ruler")).to_be_in_viewport(ratio=1)
    for button in ("Save picture", "Download report"):
        with hub.expect_download() as download:
            press(space.get_by_role("button", name=button))
        assert download.value.failure() is None

    space.locator("#references input[type=file]").set_input_files(damaged("notes.png"))
    expect(space.locator("#chosen")).to_contain_text("4 references chosen")
    press(space.locator("#compare"))
    expect(space.get_by_test_id("toast-body")).to_be_visible()
    expect(space.get_by_test_id("toast-body")).to_be_in_viewport(ratio=1)
    press(space.get_by_test_id("toast-close"))
    press(space.locator("#references .thumbnail-item").nth(1))
    expect(space.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    press(space.get_by_role("dialog").get_by_role("button", name="Close"))

    hub.frames[1].evaluate("() => { location.reload(); }")
    expect(space.locator("svg.ruler")).to_be_visible()
    expect(space.locator("#references .thumbnail-item")).to_have_count(4)
    scroll_up_to(space.locator("#intro h1"))
    press(space.get_by_role("button", name="Clear all"))
    expect(space.locator("#references .thumbnail-item")).to_have_count(0)
