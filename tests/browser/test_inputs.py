"""Choosing pictures: how many count is seen at once, paste works anywhere, and what cannot be read can be left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from drawn import picture, text_file, watercolours
from megastyle.comparison import MAX_REFERENCES
from page import PHONE, PUT_INTO_CLIPBOARD, Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHOSEN = "{} references chosen, numbered in the order in which they were added."
LEFT_OUT = " The first 8 count; numbers above 8 are left out."
FORBID_COPYING = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
MARKED = """tiles => tiles.map(tile => getComputedStyle(tile, "::before").content.includes("left out")
    && Number(getComputedStyle(tile.querySelector("img")).opacity) < 0.5)"""


def test_references_beyond_the_eighth_are_marked_at_once(page: Page) -> None:
    """The ninth, and the fifteenth; taking one away moves the mark. Nothing is compared for it."""
    tiles = page.region("references").locator(".gallery-item")
    for more, count in ((8, 8), (1, 9), (6, 15)):
        page.put_references(watercolours(more))
        expect(page.region("chosen")).to_have_text(CHOSEN.format(count) + (LEFT_OUT if count > MAX_REFERENCES else ""))
        assert tiles.evaluate_all(MARKED) == [number >= MAX_REFERENCES for number in range(count)]
    page.remove_reference(2)
    expect(page.region("chosen")).to_have_text(CHOSEN.format(14) + LEFT_OUT)
    assert tiles.evaluate_all(MARKED) == [number >= MAX_REFERENCES for number in range(14)]


def test_a_paste_anywhere_fills_the_test_image_and_then_the_references(page: Page) -> None:
    """Each by a name of its own, which says that it was pasted."""
    for colour, slot, count in (
        ("teal", page.test_pictures, 1),
        ("olive", page.reference_pictures, 1),
        ("maroon", page.reference_pictures, 2),
    ):
        page.tab.evaluate(PUT_INTO_CLIPBOARD, colour)
        page.tab.keyboard.press("Control+V")
        expect(slot).to_have_count(count)

    page.compare()

    names = page.report()["names"]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"pasted-\d\d-\d\d-\d\d-\d+\.png", name) for name in names)


def test_an_unreadable_reference_is_named_on_its_tile_and_can_be_left_out(page: Page) -> None:
    """The offer leaves the others where they are and compares them."""
    test, *references = watercolours(4)
    page.put(test, [references[0], text_file("notes.png"), references[1], text_file("more.png"), references[2]])
    expect(page.reference_pictures.nth(1)).to_have_attribute("alt", "notes.png")
    expect(page.reference_pictures.nth(3)).to_have_attribute("alt", "more.png")

    page.button("Compare").click()
    offer = page.toast.get_by_role("button", name="Compare without these references")
    with page.answered():
        offer.click()

    expect(page.toast).to_have_count(0)
    expect(page.reference_pictures).to_have_count(3)
    assert page.report()["names"] == [test["name"], *(reference["name"] for reference in references)]
    expect(page.old).to_have_count(0)


def test_an_unreadable_test_image_cannot_be_left_out(page: Page) -> None:
    page.put(text_file("notes.png"), watercolours(2))

    page.button("Compare").click()

    expect(page.toast).to_contain_text("notes.png is not a picture")
    expect(page.toast.get_by_role("button", name="Compare without")).to_have_count(0)


@pytest.mark.parametrize("allowed", [True, False], ids=["with permission", "without permission"])
def test_the_result_is_copied_as_text(page: Page, allowed: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Into the clipboard, and it is said; without the permission to, the text is shown selected."""
    page.put(picture("watercolour-boat"), watercolours(3)[1:]).compare()
    area = page.region("overview").locator("textarea")
    text = area.input_value()
    expect(area).to_be_hidden()
    if not allowed:
        page.tab.evaluate(FORBID_COPYING)

    page.button("Copy as text").click()

    if allowed:
        expect(page.button("Copied")).to_be_visible()
        assert page.tab.evaluate("navigator.clipboard.readText()") == text
    else:
        expect(area).to_be_focused()
        assert area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == text
        expect(page.button("Copied")).to_have_count(0)
    warning = "These are not MegaStyle scores."
    assert text.startswith(f"```\n{warning}\n\n🟢 Strong style match\nTest image: watercolour-boat.png\n")
    assert page.verdict.split("\n\n")[2] in text.splitlines()


def test_touch_alone_does_everything(browser: Browser, server: str) -> None:
    """From an example to the report; a blind tap on a picture takes nothing away, a tap on its x takes that one."""
    with browser.new_context(has_touch=True, viewport=PHONE) as context:
        page = Page(context.new_page(), server).open()
        page.look(PHONE)
        page.button("Same style, other motif").tap()
        expect(page.reference_pictures).to_have_count(5)
        second = page.reference_pictures.nth(1).get_attribute("alt")

        page.reference_pictures.first.tap()
        page.region("references").get_by_role("button", name="Remove reference 1", exact=True).tap()
        expect(page.reference_pictures).to_have_count(4)
        expect(page.reference_pictures.first).to_have_attribute("alt", str(second))

        for more in (0, 1):
            if more:
                page.region("test").get_by_role("button", name="Remove Image").tap()
                expect(page.test_pictures).to_have_count(0)
                page.put_test(watercolours(1)[0])
            with page.answered():
                page.button("Compare").tap()
        earlier = next(row.name for row in page.tried if not row.current)
        page.region("tried").locator("button", has=page.tab.locator(f'bdi[title="{earlier}"]')).tap()
        expect(page.region("tried").locator("tr.current bdi")).to_have_attribute("title", earlier)
        matrix = page.region("details").locator("table.matrix")
        expect(matrix).to_be_hidden()
        page.region("details").get_by_text("Every picture against every other", exact=True).tap()
        expect(matrix).to_be_visible()
        with page.tab.expect_download() as download:
            page.button("Download report").tap()
        assert download.value.suggested_filename.endswith("-megastyle.html")
        page.button("Clear all").tap()
        expect(page.reference_pictures).to_have_count(0)
        assert page.console == []
