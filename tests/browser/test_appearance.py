"""How the result looks: on a wide window, a tablet and a phone, light and dark, on paper, and to a screen reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, ViewportSize, expect

from colours import READABLE, contrast
from drawn import SCENES, picture, watercolours
from page import DESKTOP, PHONE, SCHEMES, SETTLED, Page

TABLET = ViewportSize(width=768, height=1024)
TALLEST = 3600  # pixels of the page on a phone, with eight references
UNPRINTED = "inputs actions examples hint chosen note downloads stale former about larger"
PAPER = ViewportSize(width=718, height=1000)  # A4 with the browser's own margins
LEAVING = """parts => parts.filter(part => {
    const card = document.getElementById("result").getBoundingClientRect(), box = part.getBoundingClientRect();
    return part.checkVisibility() && box.width && (box.left < card.left || box.right > card.right);
}).map(part => part.outerHTML.slice(0, 150))"""
CUT = """parts => parts.filter(part => part.checkVisibility() && !part.closest(".unseen")
    && getComputedStyle(part).display !== "inline" && (part.scrollWidth > part.clientWidth + 1
        || part.scrollHeight > part.clientHeight + 1)).map(part => part.outerHTML.slice(0, 150))"""
SMALL = """() => [...document.querySelectorAll("button, summary, [role=button], #inputs a")].filter(part => {
    const {width, height} = part.getBoundingClientRect();
    return part.checkVisibility() && !part.closest("footer, td, th") && (width < 24 || height < 24);
}).map(part => part.outerHTML.slice(0, 150))"""  # links and names in running text need not be large (WCAG 2.5.8)
FOCUSED = """() => {
    const part = document.activeElement;
    return part.getAttribute("aria-label") || part.textContent.trim();
}"""
LONG = [
    *(f"a_style_lora_for_water_and_ink_v3-{epoch:06}_s42_cfg7_euler_a_30_steps.png" for epoch in (4, 8, 12)),
    "x" * 246 + ".png",
    "no extension at all and many words in it so that it is long",
    "水彩" * 40 + ".jpeg",
    "the same file.png",
    "stranger.png",
]


@pytest.fixture(scope="module")
def crowded(browser: Browser, server: str) -> Iterator[Page]:
    """A result with all that needs room: long names, an odd one out, the same file twice, one left out, two tried."""
    page = Page(browser.new_context().new_page(), server).open()
    drawn = [*(f"watercolour-{scene}" for scene in SCENES[1:7]), "watercolour-vase", "pixel-art-boat"]
    references = [picture(one, file_name=name) for one, name in zip(drawn, LONG, strict=True)]
    page.put(picture("low-poly-boat", file_name=f"t{LONG[0]}"), [*references, *watercolours(1)]).compare()
    page.put_test(picture("watercolour-vase", file_name=f"t{LONG[1]}"))
    page.compare()
    assert len(page.notes) == 3
    assert len(page.tried) == 2
    yield page
    assert page.console == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, TABLET, PHONE], ids=["wide", "tablet", "phone"])
def test_no_text_is_cut_and_none_leaves_its_card(crowded: Page, size: ViewportSize, scheme: Any) -> None:
    """Labels of the ruler, names, cells; the matrix scrolls inside itself where it is wider. No ending is broken."""
    crowded.look(size, scheme)
    result = crowded.region("result")
    cells = result.locator("table:is(.references, .tried) :is(th, td), .badge, .odd, bdi.name")
    assert crowded.ruler.locator("text").count() > 8
    assert cells.count() > 8 * 5
    for parts in (crowded.ruler.locator("text"), cells, result.locator("p, li, h2, h3, figcaption, button")):
        assert parts.evaluate_all(LEAVING) == []
    assert result.locator("th, td, .badge, .odd, p, li, figcaption, button").evaluate_all(CUT) == []
    assert crowded.tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    names = result.locator("table.references bdi.name").all_inner_texts()
    assert len(set(names)) == len(LONG)
    endings = result.locator("bdi .extension")
    assert endings.evaluate_all("all => all.every(one => one.getClientRects().length <= 1)"), "on one line"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["wide", "phone"])
def test_axe_has_nothing_to_complain_of(crowded: Page, size: ViewportSize, scheme: Any) -> None:
    """Nor is anything that is pressed smaller than a finger needs."""
    crowded.look(size, scheme)
    found = Axe().run(crowded.tab, options={"rules": {"image-redundant-alt": {"enabled": False}}})  # Gradio's footer
    assert found.violations_count == 0, found.generate_report()
    assert crowded.tab.evaluate(SMALL) == []


def test_a_visit_by_the_keyboard_alone(page: Page) -> None:
    """Pictures are chosen, compared, one is replaced, the result is copied; each stop has a name."""

    def go_to(name: str) -> None:
        for _ in range(60):
            page.tab.keyboard.press("Tab")
            assert page.tab.evaluate(FOCUSED), page.tab.evaluate("document.activeElement.outerHTML")
            if page.tab.evaluate(FOCUSED) == name:
                return
        raise AssertionError(f"Tab does not reach {name}")

    def choose(name: str, *files: Any) -> None:
        go_to(name)
        with page.tab.expect_file_chooser() as chooser:
            page.tab.keyboard.press("Enter")
        chooser.value.set_files(list(files))

    test, *references = watercolours(4)
    choose("Choose the test image", test)
    page.shows(test["name"])
    choose("Choose references", *references[:2])
    page.shows(test["name"], *(file["name"] for file in references[:2]))
    go_to("Reference 2: look at it large, or replace it")
    page.tab.keyboard.press("Enter")
    choose("Replace…", references[2])
    page.shows(test["name"], references[0]["name"], references[2]["name"])
    go_to("Compare")
    page.tab.keyboard.press("Enter")
    expect(page.ruler).to_be_visible()
    go_to("Copy as text")
    page.tab.keyboard.press("Enter")
    expect(page.button("Copied")).to_be_visible()


def test_a_phone_shows_the_verdict_on_one_screen_and_the_page_is_no_scroll(page: Page) -> None:
    """Verdict, sentence, test picture and ruler fit into what gets sent; the matrix is folded."""
    page.look(PHONE)
    test, *references = watercolours(9)
    page.put(test, references).compare()

    page.tab.wait_for_function("Math.abs(document.getElementById('result').getBoundingClientRect().top) < 24")

    seen = page.region("verdict").locator("h2, p").all()
    assert len(seen) >= 3
    for part in (*seen, page.tab.locator("figure.test img"), page.tab.locator("figure.test bdi"), page.ruler):
        expect(part).to_be_in_viewport(ratio=1)
    expect(page.region("details").locator("table.matrix")).to_be_hidden()
    assert page.tab.evaluate("document.documentElement.scrollHeight") <= TALLEST
    smallest = page.region("details").locator("table.references .frame").first.bounding_box()
    assert smallest
    assert smallest["width"] >= 56


def test_a_picture_has_one_number_everywhere(result: Page) -> None:
    """On the tile that was chosen, in the list, along the matrix beside it, and in the ruler's words."""
    listed, beside = (
        result.region("details").locator(f"table.{kind}").bounding_box() for kind in ("references", "matrix")
    )
    assert listed
    assert beside
    assert beside["x"] >= listed["x"] + listed["width"]
    assert abs(beside["y"] - listed["y"]) < 60
    tiles = result.reference_pictures.evaluate_all("images => images.map(image => image.alt)")
    by_number = dict(enumerate(tiles, start=1))
    assert (
        result.region("references")
        .locator(".gallery-item")
        .evaluate_all(
            "tiles => tiles.every(tile => getComputedStyle(tile).counterIncrement === 'reference 1'"
            " && getComputedStyle(tile, '::before').content === 'counter(reference)')"
        )
    )
    assert {reference.number: reference.name for reference in result.references} == by_number
    heads = result.region("details").locator("table.matrix th")
    for mark, title in heads.evaluate_all(
        "all => all.map(one => [one.dataset.picture, one.querySelector('img').title])"
    ):
        assert title == (by_number[int(mark)] if mark != "T" else result.report()["names"][0])
    words = (result.ruler.get_attribute("aria-label") or "").partition("Mean cosine of each")[0]
    said = {int(number): cosine for cosine, number in re.findall(r"(\d\.\d{3}) \(number (\d)\)", words)}
    assert said == {reference.number: reference.columns["Cosine to the test image"] for reference in result.references}


def lit(page: Page) -> tuple[set[str], int, int]:
    """What is marked: pictures of the list, headings of the matrix, cells."""
    details = page.region("details")
    rows = details.locator("table.references tr.lit").evaluate_all("all => all.map(one => one.dataset.picture)")
    return set(rows), details.locator("table.matrix th.lit").count(), details.locator("table.matrix td.lit").count()


def test_a_picture_in_the_list_marks_its_row_and_column_and_a_cell_its_two_pictures(result: Page) -> None:
    """By mouse and by keyboard; nothing stays marked."""
    details = result.region("details")
    first = result.references[0].number
    row = details.locator(f"table.references tr[data-picture='{first}']")

    row.locator("bdi").hover()
    assert lit(result) == ({str(first)}, 2, 17)  # row and column of nine, which cross in one cell

    details.locator("table.matrix td[data-row='2'][data-column='5']").hover()
    assert lit(result) == ({"2", "5"}, 4, 0)
    details.locator("table.matrix td[data-row='T'][data-column='3']").hover()
    assert lit(result) == ({"3"}, 4, 0)

    result.tab.mouse.move(1, 1)  # where the page has nothing, however far it is scrolled
    expect(result.tab.locator(".lit")).to_have_count(0)

    row.locator(".frame").focus()
    assert lit(result) == ({str(first)}, 2, 17)
    result.button("Download JSON").focus()
    assert lit(result) == (set(), 0, 0)


# ---------------------------------------------------------------------------------------------------------------- paper


def colours_of(parts: Locator) -> list[tuple[int, ...]]:
    """The colours of the letters that are seen, each once."""
    found = parts.evaluate_all(
        "parts => [...new Set(parts.filter(part => part.checkVisibility()).map(part => part.tagName === 'text'"
        " ? getComputedStyle(part).fill : getComputedStyle(part).color))]"
    )
    return [tuple(map(int, re.findall(r"\d+", colour)[:3])) for colour in found]


def test_a_dark_page_prints_dark_on_white_without_anything_to_press(crowded: Page) -> None:
    """No button, no hint, no input, no footer; no row is cut, and nothing is wider than the paper."""
    crowded.look(PAPER, "dark")
    crowded.tab.emulate_media(media="print", color_scheme="dark")
    crowded.tab.evaluate(SETTLED)
    try:
        for part in ("body", ".gradio-container", "#result"):
            assert (
                crowded.tab.locator(part).evaluate("part => getComputedStyle(part).backgroundColor")
                == "rgb(255, 255, 255)"
            )
        words = crowded.region("result").locator("h2, h3, p, li, th, bdi, .number, .badge, figcaption, svg.ruler text")
        inks = colours_of(words)
        assert inks
        assert min(contrast(ink, (255, 255, 255)) for ink in inks) >= READABLE
        for gone in ("footer", *(f"#{part}" for part in UNPRINTED.split())):
            expect(crowded.tab.locator(gone).first).to_be_hidden()
        rows = crowded.region("result").locator("tr")
        assert rows.evaluate_all("rows => rows.every(row => getComputedStyle(row).breakInside === 'avoid')")
        assert crowded.tab.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
        expect(crowded.tab.locator(".provenance")).to_contain_text("Compared with ")
    finally:
        crowded.tab.emulate_media(media="screen")
