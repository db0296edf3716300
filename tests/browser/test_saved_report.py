"""The downloaded report, opened from the disk in a Chromium without a network: on a screen, on paper, by a program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import ViewportSize

from drawn import SCENES, picture
from page import DESKTOP, PHONE, Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = (
    "</script><script>window.pwned=1</script>.png",
    "<!--.png",
    "]]>.png",
    "<img src=x onerror=window.pwned=1>.png",
    '"><b onmouseover="window.pwned=1">.png',
    "right\u202egnp.exe.png",
    "x" * 245 + ".png",
    "🟢 emoji.png",
    "-->.png",
)
PAPER_PIXELS = 703  # between the margins of 12 mm on A4
MOST_PAGES = 2


class Report(NamedTuple):
    """A saved report, open; and all that the browser asked for or said since."""

    tab: Tab
    path: Path
    data: Any  # the file behind Download JSON of the same result
    asked: list[str]
    said: list[str]


@pytest.fixture(scope="module")
def report(browser: Browser, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Nine pictures under hostile names, of which two were tried as test images."""
    test, *references = [
        picture(f"watercolour-{scene}", file_name=name) for scene, name in zip(SCENES[:9], HOSTILE, strict=True)
    ]
    page = Page(browser.new_context().new_page(), server).open()
    page.put(picture("low-poly-boat", file_name=f"first-{HOSTILE[0]}"), references).compare()
    page.put_test(test)
    page.compare()
    path = tmp_path_factory.mktemp("saved") / "report.html"
    page.download("Download report").save_as(path)
    data = page.report()
    with browser.new_context(offline=True) as context:
        tab, asked, said = context.new_page(), list[str](), list[str]()
        context.on("request", lambda one: asked.append(one.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        tab.goto(path.as_uri())
        yield Report(tab, path, data, asked, said)


def test_it_opens_without_a_request_and_without_a_word_on_the_console(report: Report) -> None:
    """All its pictures are seen, no file name has done anything, and a program reads the result from it."""
    pictures = report.tab.locator("img")
    assert pictures.count() == 1 + 8 + 2 + 2 * 9  # test image, list, what was tried, both edges of the matrix
    assert pictures.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")
    assert [url for url in report.asked if not url.startswith("data:")] == [report.path.as_uri()]
    assert report.said == []
    assert report.tab.evaluate("window.pwned") is None
    (script,) = report.tab.locator("script").all()
    assert script.get_attribute("type") == "application/json"
    assert timeless(script.text_content() or "") == timeless(json.dumps(report.data))
    assert len(report.data["tried"]) == 2


def timeless(record: str) -> Any:
    """A record without the moments at which it was made."""
    return json.loads(record, object_hook=lambda one: {key: one[key] for key in one if key != "made"})


def test_on_paper_it_is_dark_ink_on_two_white_pages(report: Report) -> None:
    """Counted in the bytes of the PDF; whatever the screen is."""
    pdf = report.tab.pdf(prefer_css_page_size=True, print_background=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) <= MOST_PAGES
    for media in ("screen", "print"):
        report.tab.emulate_media(media=media, color_scheme="dark")  # type: ignore[arg-type]
        colours = report.tab.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
        )
        assert colours == ["rgb(255, 255, 255)", "rgb(28, 28, 34)"]


@pytest.mark.parametrize(
    ("media", "size"),
    [("screen", DESKTOP), ("screen", PHONE), ("print", ViewportSize(width=PAPER_PIXELS, height=1000))],
    ids=["desktop", "phone", "paper"],
)
def test_nothing_is_wider_than_what_it_is_read_on(report: Report, media: Any, size: ViewportSize) -> None:
    report.tab.set_viewport_size(size)
    report.tab.emulate_media(media=media)
    assert report.tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    if media == "print":
        assert report.tab.evaluate(
            "[...document.querySelectorAll('table')].every(one => one.scrollWidth <= innerWidth)"
        )
