"""Choosing pictures as a person does: by a press, a drop, a paste; and what the page says where that cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Response, Route, expect

import corpus
from drawn import damaged, picture, watercolours
from loopback import eventually
from megastyle.comparison import MAX_REFERENCES
from megastyle.pictures import MAX_FILE_BYTES
from page import Page

FORBID_READING = """() => {
    navigator.clipboard.read = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
PASTED = re.compile(r"pasted-\d\d-\d\d-\d\d-\d+\.png$")
NAMES = [str(file["name"]) for file in watercolours(8)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Eight pictures on the disk, by the names in NAMES."""
    paths = []
    for file in watercolours(8):
        paths.append(tmp_path / str(file["name"]))
        paths[-1].write_bytes(file["buffer"])
    return paths


def compared(page: Page) -> None:
    """A test image and two references, compared."""
    page.put(watercolours(1)[0], watercolours(3)[1:]).compare()


def cleared(page: Page) -> None:
    """The same, cleared."""
    compared(page)
    page.clear()


def looked_at(page: Page) -> None:
    """A reference was looked at large, by a press on it, and put away again."""
    page.put_references(watercolours(2))
    page.reference_pictures.nth(1).dblclick(delay=100)
    expect(page.tab.get_by_role("dialog")).to_contain_text(f"Reference 2: {NAMES[1]}")
    expect(page.tab.get_by_role("dialog").locator("img")).to_be_in_viewport(ratio=1)
    page.tab.get_by_role("button", name="Close", exact=True).dblclick(delay=100)
    expect(page.tab.get_by_role("dialog")).to_have_count(0)


def taken_out(page: Page) -> None:
    """Each input was emptied by its own x."""
    page.put(watercolours(1)[0], watercolours(2))
    page.tab.get_by_role("button", name="Remove the test image").click()
    page.tab.get_by_role("button", name="Remove all references").click()
    page.shows(None)


def refused(page: Page) -> None:
    """Compare was answered with an error."""
    page.put(damaged("notes.png"), watercolours(1))
    page.button("Compare").click()
    expect(page.toast).to_contain_text("notes.png")


def reloaded(page: Page) -> None:
    """A result, after a reload."""
    compared(page)
    page.tab.reload()
    expect(page.ruler).to_be_visible()


def reopened(page: Page) -> None:
    """An earlier result, shown again."""
    compared(page)
    page.put_test(picture("low-poly-boat"))
    page.compare().bring_back(NAMES[0])


ACTIONS: dict[str, Callable[[Page], None]] = {
    "at the start": lambda _: None,
    "an example": lambda page: page.take_example("Same style, other motif"),
    "Compare": compared,
    "Clear all": cleared,
    "a look at a reference": looked_at,
    "x": taken_out,
    "an error": refused,
    "a reload": reloaded,
    "an earlier result": reopened,
}


@pytest.mark.parametrize("action", ACTIONS)
def test_after_each_action_both_inputs_take_a_picture_in_every_way(page: Page, files: list[Path], action: str) -> None:
    """By a press, a drop and a paste."""
    ACTIONS[action](page)
    _, references = page.chosen
    ways: list[tuple[str, Callable[[str], None]]] = [
        (NAMES[7], lambda slot: page.choose(slot, watercolours(8)[7:])),
        (NAMES[6], lambda slot: page.drop(page.region(slot), files[6:7])),
        ("", lambda slot: page.region(slot).get_by_role("button", name="Paste").click()),
    ]
    page.copy_picture("teal")
    for name, way in ways:
        way("test")
        expect(page.test_pictures).to_have_attribute("alt", f"Test image: {name}" if name else PASTED)
        way("references")
        expect(page.reference_pictures).to_have_count(len(references) + 1)
        expect(page.reference_pictures.last).to_have_attribute("alt", name or PASTED)
        references = page.chosen[1]
    page.compare()
    assert page.report()["names"][1:] == references[:MAX_REFERENCES]


def test_a_drop_does_what_it_looks_like(page: Page, files: list[Path]) -> None:
    """On each slot, empty and filled; on one reference; beside; of several files and of an address."""
    test, references = page.region("test"), page.region("references")
    for some in (files[:1], files[1:3]):
        page.clear()
        page.drop(test, some)
        page.shows(some[0].name)
        page.drop(test, files[1:3])
        page.shows(NAMES[1])
        expect(page.note).to_contain_text(f"Of several pictures the first is the test image: {NAMES[1]}.")
    page.drop(references, files[2:4])
    page.shows(NAMES[1], *NAMES[2:4])
    expect(page.note).to_have_count(0)
    page.drop(page.reference_pictures.first, files[4:6])
    page.shows(NAMES[1], NAMES[4], NAMES[3], NAMES[5])
    page.drop(test, [Path(__file__)])
    expect(page.note).to_contain_text(f"{Path(__file__).name} is not a picture that can be read")
    expect(page.note).to_contain_text(f"The test image is still {NAMES[1]}.")
    page.drop(page.region("intro"), files[6:7])
    page.shows(NAMES[1], NAMES[4], NAMES[3], NAMES[5], NAMES[6])
    expect(page.note).to_contain_text(f"{NAMES[6]} was added to the references.")
    page.drop(test, [], address="https://example.org/boat.png")
    expect(page.note).to_contain_text("That was only the picture's address. Copy the picture and paste it here")
    page.shows(NAMES[1], NAMES[4], NAMES[3], NAMES[5], NAMES[6])


def test_a_reference_is_replaced_in_its_place(page: Page) -> None:
    """By a control that the keyboard and a finger reach; the list of what was tried stays."""
    first, second, *references = watercolours(5)
    page.put(first, references).compare()
    page.put_test(second)
    page.compare()
    page.region("references").get_by_role("button", name="Reference 2: look at it large, or replace it").press("Enter")
    with page.tab.expect_file_chooser() as chooser:
        page.tab.get_by_role("button", name="Replace…").click()
    chooser.value.set_files([picture("low-poly-boat")])
    page.shows(NAMES[1], NAMES[2], "low-poly-boat.png", NAMES[4])
    assert len(page.tried) == 2
    page.compare()
    assert {attempt.name for attempt in page.tried} == set(NAMES[:2])
    former = page.region("former").locator("details")
    expect(former.locator("summary")).to_have_text("Against the former references")
    former.locator("summary").click()
    former.get_by_role("button", name=NAMES[0]).click()
    expect(page.region("tried").locator("tr.current bdi")).to_have_attribute("title", NAMES[0])


def test_a_paste_anywhere_fills_the_test_image_and_then_the_references(page: Page) -> None:
    for colour, tests, references in (("teal", 1, 0), ("olive", 1, 1), ("maroon", 1, 2)):
        page.copy_picture(colour)
        page.tab.keyboard.press("Control+V")
        expect(page.test_pictures).to_have_count(tests)
        expect(page.reference_pictures).to_have_count(references)
    assert len({*page.chosen[0], *page.chosen[1]}) == 3


def test_a_paste_button_that_the_browser_forbids_says_so(page: Page) -> None:
    page.tab.evaluate(FORBID_READING)
    for slot in ("test", "references"):
        page.region(slot).get_by_role("button", name="Paste").click()
        expect(page.note).to_contain_text("Press Ctrl+V")


def test_a_kind_that_is_not_read_is_named_at_once_whatever_its_name_and_the_others_are_taken(page: Page) -> None:
    """By its first bytes; nothing of it is sent."""
    answers: list[Response] = []
    page.tab.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/upload") else None)
    good = watercolours(1)[0]
    for number, (name, (content, reason)) in enumerate(corpus.bad_kinds().items(), start=1):
        page.region("references").locator("input[type=file]").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": content}, {**good, "name": f"{number}.png"}]
        )
        expect(page.note).to_contain_text(f"{name} is")
        expect(page.note).to_contain_text(re.compile(reason))
        page.shows(None, *(f"{one}.png" for one in range(1, number + 1)))
    assert [len(answer.json()) for answer in answers] == [1] * number


def test_what_is_too_much_is_said_at_once(page: Page, tmp_path: Path) -> None:
    """A file that is too large, and too many of them."""
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    page.region("test").locator("input[type=file]").set_input_files(tmp_path / "huge.png")
    expect(page.note).to_have_text("huge.png is larger than 32 MB. Save a smaller copy.")
    many = [damaged(f"{number}.png") for number in range(65)]
    page.region("references").locator("input[type=file]").set_input_files(many)
    expect(page.note).to_have_text("Too many files at once: choose at most 64.")
    page.shows(None)


def test_too_few_pictures_are_a_hint_that_asks_nothing_of_the_server(page: Page) -> None:
    asked: list[str] = []
    page.tab.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    for references, tests, remedy in (
        (0, 0, "Choose a test image and 1 to 8 references, or try an example."),
        (1, 0, "Choose a test image, or add a second reference."),
        (0, 1, "Add at least one picture to compare the test image with."),
    ):
        page.clear()
        page.put(watercolours(1)[0] if tests else None, watercolours(references))
        page.button("Compare").click()
        expect(page.note).to_contain_text(remedy)
        expect(page.toast).to_have_count(0)
    assert asked == []


def test_uploading_is_seen_and_compare_waits_for_it_and_clear_all_ends_it(page: Page) -> None:
    held: list[Route] = []
    page.put_test(watercolours(1)[0])
    page.tab.route("**/gradio_api/upload", lambda route: held.append(route))  # noqa: PLW0108 - it takes no bound method
    for press in ("Clear all", None):
        page.region("references").locator("input[type=file]").set_input_files(watercolours(3)[1:])
        expect(page.note.get_by_role("progressbar")).to_be_visible()
        page.button("Compare").click()
        expect(page.note).to_contain_text("the comparison begins when all pictures are there")
        if press:
            page.button(press).click()
            expect(page.note).to_have_count(0)
    held[-1].continue_()
    expect(page.ruler).to_have_count(1)
    page.shows(None, *NAMES[1:3])


def test_clear_all_gives_exactly_the_start(page: Page) -> None:
    parts = ("inputs", "chosen", "note", "hint", "result")
    start = [page.plain_html(part) for part in parts]
    expect(page.region("references")).to_contain_text("Drop Pictures Here")
    for action in (compared, looked_at, taken_out):
        action(page)
        page.clear()
        expect(page.region("verdict")).to_contain_text("Your result appears here")
        eventually(lambda: [page.plain_html(part) for part in parts] == start)


def test_references_beyond_the_eighth_are_marked_at_once(page: Page) -> None:
    """Taking one away moves the mark. Nothing is compared for it."""
    tiles = page.region("references").locator(".gallery-item")
    for more, count in ((8, 8), (7, 15)):
        page.put_references(watercolours(more))
        expect(page.region("chosen")).to_contain_text(f"{count} references chosen")
        assert tiles.evaluate_all(MARKED) == [number >= MAX_REFERENCES for number in range(count)]
    page.remove_reference(2)
    expect(page.region("chosen")).to_contain_text(
        "14 references chosen, numbered in the order in which they were added."
    )
    expect(page.region("chosen")).to_contain_text("The first 8 count; numbers above 8 are left out.")
    assert tiles.evaluate_all(MARKED) == [number >= MAX_REFERENCES for number in range(14)]


MARKED = """tiles => tiles.map(tile => getComputedStyle(tile, "::before").content.includes("left out")
    && Number(getComputedStyle(tile.querySelector("img")).opacity) < 0.5)"""


def test_an_unreadable_reference_is_named_and_can_be_left_out(page: Page) -> None:
    """The offer leaves the others where they are and compares them. A test image cannot be left out."""
    test, *references = watercolours(4)
    page.put(test, [references[0], damaged("notes.png"), references[1], damaged("more.png"), references[2]])
    page.button("Compare").click()
    expect(page.toast).to_contain_text("Not compared")
    with page.answered():
        page.toast.get_by_role("button", name="Compare without these references").click()
    expect(page.toast).to_have_count(0)
    page.shows(NAMES[0], *NAMES[1:4])
    assert page.report()["names"] == NAMES[:4]
    page.put_test(damaged("notes.png"))
    page.button("Compare").click()
    expect(page.toast).to_contain_text("notes.png is damaged or cut short")
    expect(page.toast.get_by_role("button", name="Compare without")).to_have_count(0)
