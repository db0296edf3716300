"""The page in a real Chromium, on the tiny encoder: what a visitor does and reads, by mouse, touch and keyboard."""

from __future__ import annotations

import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from struct import pack
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import FilePayload, Locator, expect

from colours import READABLE, contrast
from drawn import DRAWN, SCENES, picture, split, strangers, text_file, watercolours
from loopback import serving
from megastyle.comparison import BANDS
from megastyle.demo import examples
from megastyle.page.words import short
from megastyle.pictures import MAX_FILE_BYTES
from page import DESKTOP, PHONE, PUT_INTO_CLIPBOARD, SCHEMES, Page, Reference, content

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CALM, BUSY = "Your result appears here", '[role=progressbar][aria-label="{}"]'
THREE_DECIMALS = re.compile(r"-?[01]\.\d{3}")


# ------------------------------------------------------------------------------------------------------------- fixtures


def flat_png(side: int) -> bytes:
    """A black PNG of `side` x `side` pixels, small as a file."""
    chunks = [
        (b"IHDR", pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes((side + 7) // 8 + 1) * side, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


GATED_APP = """
import pathlib, sys, time, app
gate, embed = pathlib.Path(sys.argv[1]), app.embed

def wait_and_embed(*arguments):
    while not (tickets := list(gate.glob("ticket-*"))):
        time.sleep(0.01)
    tickets[0].unlink()
    return embed(*arguments)

app.embed = wait_and_embed
app.main()
"""


class Gate:
    """Lets an app embed its pictures one by one."""

    def __init__(self, folder: Path) -> None:
        """Closed."""
        self.folder, self.tickets = folder, 0
        folder.mkdir()

    def let(self, pictures: int) -> None:
        """Let so many pictures pass."""
        for _ in range(pictures):
            self.tickets += 1
            (self.folder / f"ticket-{self.tickets}").touch()


@pytest.fixture(scope="module")
def gated(
    browser: Browser, tiny_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, Gate]]:
    """A tab on an app that embeds no picture until it is let."""
    temp = tmp_path_factory.mktemp("gated")
    gate = Gate(temp / "gate")
    with serving(tiny_environment, temp, (sys.executable, "-c", GATED_APP, str(gate.folder))) as url:
        context = browser.new_context()
        yield Page(context.new_page(), url), gate
        context.close()


@pytest.fixture
def slow(gated: tuple[Page, Gate]) -> Iterator[tuple[Page, Gate]]:
    """A fresh visit to that app, and its gate."""
    page, gate = gated
    page.open()
    yield page, gate
    assert page.console == []
    assert list(gate.folder.iterdir()) == []


new_seed = iter(range(10**6, 10**7)).__next__  # pictures that no cache holds


def start(page: Page, pictures: int) -> None:
    """Press Compare, and wait until the first of so many pictures is being worked on."""
    page.button("Compare").click()
    expect(progress(page, 1, pictures)).to_be_visible()


def progress(page: Page, number: int, pictures: int) -> Locator:
    """The progress display at a picture."""
    return page.region("verdict").locator(BUSY.format(f"Picture {number} of {pictures}"))


# --------------------------------------------------------------------------------------------------- upload and compare


def test_upload_compare_and_read_the_verdict(result: Page) -> None:
    report = result.report()
    mean = float(np.mean(report["matrix"][0][1:]))
    band = next(band for band in BANDS if round(mean, 3) >= band.floor)

    head, sentence = result.verdict.split("\n\n")[:2]

    assert head == f"{band.emoji} {band.label}"
    assert sentence == f"Mean cosine {mean:.3f} to 8 references."
    assert report["mean_cosine"] == pytest.approx(mean, abs=1e-6)
    assert result.region("verdict").locator("h2").inner_text() == head


def test_list_ranks_the_references_by_the_reports_numbers(result: Page) -> None:
    references = result.report()["references"]
    ranked = sorted(enumerate(references, start=1), key=lambda numbered: -numbered[1]["cosine"])

    assert result.references == [
        Reference(
            number,
            reference["name"],
            f"{emoji_of(reference['label'])} {reference['label']}",
            {
                "Cosine": f"{reference['cosine']:.3f}",
                "Mean without it": f"{reference['mean_without']:.3f}",
                "Agrees with the rest": f"{reference['leave_one_out']:.3f}",
            },
            [],
        )
        for number, reference in ranked
    ]
    pictures = result.region("details").locator("table.references tbody img")
    assert pictures.count() == len(references)
    assert pictures.evaluate_all("images => images.every(image => image.naturalWidth > 0)")


def emoji_of(label: str) -> str:
    """A label's emoji."""
    return next(band.emoji for band in BANDS if band.label == label)


def test_clear_empties_inputs_and_result(page: Page) -> None:
    page.put(*split(watercolours(3))).compare()

    page.clear()

    expect(page.region("verdict")).to_contain_text(CALM)
    for gone in (page.ruler, page.region("overview"), page.region("details"), page.region("downloads"), page.old):
        expect(gone).to_be_hidden()
    page.button("Compare").click()
    expect(page.toast).to_contain_text("Choose a test image and 1 to 8 references")


OUTCOMES: dict[str, tuple[str, str]] = {  # what each example promises: words of the verdict, and of the notes
    "Same style, other motif": ("Strong style match", ""),
    "Same motif, other style": ("Minimal style match", ""),
    "The odd one out": ("4 references", "pixel-art-vase.jpg, agrees least with the others"),
    "Just two pictures": ("A pair: there is no set to fit into", ""),
}


def test_every_example_is_tested(page: Page) -> None:
    assert page.region("examples").get_by_role("button").all_inner_texts() == list(OUTCOMES)


@pytest.mark.parametrize("example", examples.EXAMPLE_SETS, ids=lambda example: example[0])
def test_example_fills_the_inputs_runs_nothing_and_keeps_its_promise(
    page: Page, example: tuple[str, str, str, tuple[str, ...]]
) -> None:
    title, hint, _, references = example
    asked: list[str] = []
    page.tab.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)

    page.take_example(title)

    expect(page.reference_pictures).to_have_count(len(references))
    expect(page.region("hint")).to_have_text(hint)
    expect(page.region("verdict")).to_contain_text(CALM)
    assert len(asked) == 1  # the example's own event
    page.compare()
    verdict, note = OUTCOMES[title]
    assert verdict in page.verdict
    assert note in "\n".join(page.notes)
    assert page.report()["names"][1:] == [f"{name}.jpg" for name in references]


def test_pasted_pictures_are_compared(page: Page) -> None:
    for name in ("test", "references"):
        page.tab.evaluate(PUT_INTO_CLIPBOARD, "teal" if name == "test" else "olive")
        page.region(name).get_by_role("button", name="Paste from clipboard").click()
        expect(page.region(name).locator("img")).to_have_count(1)

    page.compare()

    assert "to 1 reference" in page.verdict
    expect(page.old).to_be_hidden()
    page.put_references(watercolours(1))
    expect(page.old).to_be_visible()
    page.compare()
    expect(page.old).to_be_hidden()


# ------------------------------------------------------------------------------------------------------------ bad input


def jpeg() -> bytes:
    """A whole JPEG."""
    file = io.BytesIO()
    examples.draw("low-poly", "vase", seed=1, size=DRAWN).save(file, "JPEG")
    return file.getvalue()


REFUSED: dict[str, tuple[FilePayload, str]] = {
    "no picture": (text_file("notes.png"), "is not a picture that can be read. Use JPEG, PNG,"),
    "truncated": ({"name": "half.jpg", "mimeType": "image/jpeg", "buffer": jpeg()[:4000]}, "Save or download it again"),
    "vector graphics": (
        {
            "name": "logo.svg",
            "mimeType": "image/svg+xml",
            "buffer": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        },
        "Use JPEG, PNG,",
    ),
    "too large": ({"name": "huge.png", "mimeType": "image/png", "buffer": flat_png(9000)}, "Save a smaller copy"),
    "empty": ({"name": "empty.png", "mimeType": "image/png", "buffer": b""}, "Choose it again"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_file_is_named_with_the_remedy_in_either_input(page: Page, case: str) -> None:
    bad, remedy = REFUSED[case]
    twin: FilePayload = {**bad, "name": f"twin-{bad['name']}"}

    page.put(bad, [*watercolours(1), twin])
    page.button("Compare").click()

    expect(page.toast).to_be_visible()
    lines = page.toast.get_by_test_id("toast-text").inner_text().split("\n")
    named = {tuple(line.split(" ")[:3]): line for line in lines}
    assert named.keys() == {("Test", "image:", bad["name"]), ("Reference", "2:", twin["name"])}
    assert all(remedy in reason for reason in named.values())
    expect(page.region("verdict")).to_contain_text(CALM)
    expect(page.ruler).to_have_count(0)
    expect(page.test_pictures).to_have_count(1)
    expect(page.reference_pictures).to_have_count(2)


TOO_FEW = {
    "nothing": (0, 0, "Choose a test image and 1 to 8 references, or try an example."),
    "no reference": (1, 0, "Add at least one picture to compare the test image with."),
    "one picture": (0, 1, "Choose a test image, or add a second reference."),
}


@pytest.mark.parametrize("case", TOO_FEW)
def test_too_few_pictures_are_answered_with_the_remedy(page: Page, case: str) -> None:
    tests, references, remedy = TOO_FEW[case]
    page.put(watercolours(1)[0] if tests else None, watercolours(references))

    page.button("Compare").click()

    expect(page.toast).to_contain_text(remedy)
    expect(page.region("verdict")).to_contain_text(CALM)
    expect(page.test_pictures).to_have_count(tests)
    expect(page.reference_pictures).to_have_count(references)


def test_files_that_are_never_sent_are_answered_with_the_remedy(page: Page, app: ModuleType, tmp_path: Path) -> None:
    many = [text_file(f"{number}.png") for number in range(app.LIMITS.upload_files + 1)]
    page.region("references").locator("input[type=file]").set_input_files(many)
    expect(page.tab.get_by_text(f"Too many files at once: choose at most {app.LIMITS.upload_files}.")).to_be_visible()

    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    page.region("test").locator("input[type=file]").set_input_files(tmp_path / "huge.png")
    expect(page.tab.get_by_text('File(s) exceed the maximum allowed size of 32.0 Mb: "huge.png"')).to_be_visible()
    page.console.clear()  # the browser counts a refused upload as an error of its own


def test_two_bad_files_are_both_named_and_the_result_before_them_stays_whole(page: Page) -> None:
    page.put(*split(watercolours(3))).compare()
    before = shown_result(page)
    page.put_references([text_file("one.png"), text_file("two.png")])

    page.button("Compare").click()

    expect(page.toast).to_contain_text("one.png is not a picture")
    expect(page.toast).to_contain_text("two.png is not a picture")
    assert shown_result(page) == before
    expect(page.old).to_be_visible()  # for the inputs have changed
    expect(page.reference_pictures).to_have_count(4)


def shown_result(page: Page) -> list[Any]:
    """All that a result shows."""
    return [page.verdict, page.ruler.get_attribute("aria-label"), page.notes, page.references, page.matrix]


def test_error_stays_until_it_is_closed_and_the_next_comparison_works(browser: Browser, server: str) -> None:
    with browser.new_context() as context:  # for its clock is never right again
        page = Page(context.new_page(), server)
        page.tab.clock.install()
        page.open().put(text_file("broken.png"), watercolours(2))
        page.button("Compare").click()
        expect(page.toast).to_contain_text("broken.png")

        page.tab.clock.fast_forward(600_000)

        expect(page.toast).to_be_visible()
        page.toast.get_by_test_id("toast-close").click()
        expect(page.toast).to_have_count(0)
        page.put_test(watercolours(1)[0])
        page.compare()
        assert page.verdict.startswith("🟢 Strong style match")
        assert "Error" not in page.region("result").inner_text()


def test_error_leaves_no_mark_on_a_result_that_is_valid_again(page: Page) -> None:
    page.put(*split(watercolours(3))).compare()
    before = page.verdict
    page.put_references([text_file("one.png")])
    page.button("Compare").click()
    expect(page.toast).to_be_visible()

    page.remove_reference(2)

    expect(page.old).to_be_hidden()
    assert page.verdict == before


# ----------------------------------------------------------------------------------- ruler, agreement, notes and matrix

SETS: dict[
    str, tuple[Callable[[], list[FilePayload]], str]
] = {  # test image and references; what the page says of their agreement
    "one reference": (lambda: watercolours(2), r"A pair: there is no set to fit into\."),
    "two references": (
        lambda: watercolours(3),
        r"No range: the two references are too few .*\n\nYour references agree with each other at {mean}\.$",
    ),
    "three references": (
        lambda: watercolours(4),
        r"(Fits|Lies apart): .*\n\nYour references agree with each other at {mean} \({min} to {max}\)\.$",
    ),
    "loose set": (
        lambda: [watercolours(1)[0], *strangers(7)],
        r"Loose set: .*; but below 0\.55 they hardly share a style themselves",
    ),
}


@pytest.mark.parametrize("case", SETS)
def test_agreement_is_told_in_words_and_on_the_ruler(page: Page, case: str) -> None:
    files, words = SETS[case]

    page.put(*split(files())).compare()

    report = page.report()
    agreement = {key: f"{value:.3f}" for key, value in (report["reference_agreement"] or {}).items()}
    expected = words.format(**{key: re.escape(value) for key, value in agreement.items()})
    assert re.search(expected, page.verdict, re.MULTILINE)
    assert ("loose set" in page.verdict.lower()) == (case == "loose set")
    check_ruler(page, report)


def check_ruler(page: Page, report: dict[str, Any]) -> None:
    """Marks, bracket, words, and letters that lie on the page and not on each other, on a desktop and on a phone."""
    cosines = [reference["cosine"] for reference in report["references"]]
    assert page.ruler.get_attribute("role") == "img"
    words = page.ruler.get_attribute("aria-label") or ""
    assert f"Mean {report['mean_cosine']:.3f}" in words
    assert all(f"{cosine:.3f}" in words for cosine in cosines)
    assert page.ruler.locator(".mark").count() == len(cosines)
    assert (page.ruler.locator(".bracket-dot").count() == 1) == (len(cosines) > 1) == ("agree with each other" in words)
    assert (page.ruler.locator(".bracket").count() > 0) == (len(cosines) > 2)
    for size in (DESKTOP, PHONE):
        page.look(size)
        boxes = page.ruler.locator("text").evaluate_all(BOXES)
        assert [box for box in boxes if box["left"] < 0 or box["right"] > size["width"]] == []
        assert [
            pair
            for number, box in enumerate(boxes)
            for pair in ((box, other) for other in boxes[number + 1 :])
            if overlap(*pair)
        ] == []


BOXES = """texts => texts.map(text => {
    const {left, right, top, bottom} = text.getBoundingClientRect();
    return {left, right, top, bottom, text: text.textContent};
})"""


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two boxes share more than their line spacing."""
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return across > 0 and down > 4


def test_ruler_marks_stand_where_their_cosines_are(result: Page) -> None:
    report = result.report()
    scale = result.ruler.bounding_box()
    assert scale
    expected = sorted(
        scale["x"] + scale["width"] * (reference["cosine"] - 0.3) / 0.7 for reference in report["references"]
    )

    marks = sorted(
        result.ruler.locator(".mark").evaluate_all(
            "marks => marks.map(mark => mark.getBoundingClientRect()).map(box => box.x + box.width / 2)"
        )
    )

    assert marks == pytest.approx(expected, abs=1.5)
    check_ruler(result, report)


def test_odd_one_out_is_marked_in_the_list_and_explained(page: Page) -> None:
    page.take_example("The odd one out")
    page.compare()

    report = page.report()
    (marked,) = (reference for reference in page.references if reference.marks)
    assert (marked.name, marked.marks) == ("pixel-art-vase.jpg", ["odd one out"])
    assert report["odd_one_out"] == marked.number - 1
    odd = report["references"][report["odd_one_out"]]
    assert f"Without the odd one out (reference {marked.number}), the other four agree with each other" in page.verdict
    (note,) = page.notes
    assert f"Odd one out: reference {marked.number}, {marked.name}, agrees least" in note
    assert f"without it the mean would be {odd['mean_without']:.3f} instead of {report['mean_cosine']:.3f}" in note


def test_nothing_is_odd_and_nothing_loose_in_a_set_that_agrees(result: Page) -> None:
    assert result.notes == []
    expect(result.region("details").locator(".odd")).to_have_count(0)
    assert "loose" not in result.verdict


def test_same_file_twice_is_said(page: Page) -> None:
    copies = [picture("watercolour-boat", file_name=name) for name in ("first.png", "second.png", "third.png")]

    page.put(copies[0], [copies[1], *watercolours(1)]).compare()
    assert page.notes == [
        "Same file twice: the test image and reference 1 hold the same picture, which raises the mean."
    ]
    assert page.references[0].columns["Cosine"] == "1.000"
    assert page.references[0].marks == ["same file as test image"]

    page.put_test(picture("watercolour-vase"))
    page.put_references([copies[2]])
    page.compare()
    assert page.notes == [
        "Same file twice: reference 1 and reference 3 hold the same picture, which raises the references' agreement."
    ]


def test_matrix_is_a_table_with_headings_and_three_decimals(result: Page) -> None:
    report = result.report()
    table = result.region("details").locator("table.matrix")

    assert result.matrix == [[f"{cosine:.3f}" for cosine in row] for row in report["matrix"]]
    for scope, heads in (("col", table.locator("thead th")), ("row", table.locator("tbody th"))):
        assert heads.evaluate_all("heads => heads.map(head => head.scope)") == [scope] * 9
        assert all(name in head for name, head in zip(report["names"], heads.all_text_contents(), strict=True))
    expect(table.locator("caption")).to_have_text("Cosine similarity of every picture to every other")


@pytest.mark.parametrize("files", [watercolours, strangers], ids=["alike", "unlike"])
def test_matrix_can_be_read_on_its_colours(page: Page, files: Callable[[int], list[FilePayload]]) -> None:
    page.put(*split(files(9))).compare()

    for scheme in SCHEMES:
        page.look(DESKTOP, scheme)
        colours = page.region("details").locator("table.matrix td[style], p.key .scale span").evaluate_all(COLOURS)
        assert len(colours) == 9 * 9 + 5
        assert min(contrast(*map(channels, pair)) for pair in colours) >= READABLE


COLOURS = "cells => cells.map(cell => getComputedStyle(cell)).map(style => [style.color, style.backgroundColor])"


def channels(colour: str) -> tuple[int, ...]:
    """A computed colour, `rgb(18, 52, 92)`, as numbers."""
    return tuple(map(int, re.findall(r"\d+", colour)[:3]))


def test_phone_scrolls_wide_tables_inside_themselves(result: Page) -> None:
    result.look(PHONE)

    assert result.tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    result.region("details").get_by_text("Every picture against every other", exact=True).click()
    matrix = result.region("details").locator(".scroll", has=result.tab.locator("table.matrix"))
    assert matrix.evaluate("part => part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX === 'auto'")
    assert matrix.evaluate("part => { part.scrollLeft = 9999; return part.scrollLeft }") > 0
    box = matrix.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_references_alone_show_agreement_and_matrix_and_no_verdict(page: Page) -> None:
    page.put(None, watercolours(4)).compare()

    report = page.report()
    assert page.verdict.startswith("🔗 How 4 references agree")
    assert "add one and compare again" in page.verdict
    assert f"agree with each other at {report['reference_agreement']['mean']:.3f}" in page.verdict
    assert "style match" not in page.verdict
    assert page.matrix == [[f"{cosine:.3f}" for cosine in row] for row in report["matrix"]]
    scores = sorted((f"{r['leave_one_out']:.3f}" for r in report["references"]), reverse=True)
    assert [reference.columns for reference in page.references] == [{"Agrees with the rest": one} for one in scores]
    expect(page.ruler.locator(".mark")).to_have_count(0)
    expect(page.ruler.locator(".bracket")).to_have_count(3)
    assert (report["mean_cosine"], report["label"], report["test"]) == (None, None, None)


# ------------------------------------------------------------------------------------------------------------ downloads


def test_downloads_have_clean_names_and_the_pages_numbers(result: Page) -> None:
    stem = Path(str(watercolours(1)[0]["name"])).stem
    for kind, ending in {"report": "html", "JSON": "json", "CSV": "csv"}.items():
        assert result.download(f"Download {kind}").suggested_filename == f"{stem}-megastyle.{ending}"
    report, (head, *table) = result.report(), result.rows()
    rows, notes = table[: len(report["names"])], table[len(report["names"]) :]
    assert all(row[0].startswith("# ") for row in notes)
    assert head == ["", *report["names"]]
    assert [row[0] for row in rows] == report["names"]
    numbers = [[float(number) for number in row[1:]] for row in rows]
    assert np.array(numbers) == pytest.approx(np.array(report["matrix"]), abs=1e-6)
    assert [[f"{number:.3f}" for number in row] for row in numbers] == result.matrix


# ---------------------------------------------------------------------------------------------------------- never stale


def test_changed_inputs_mark_the_result_as_old_until_the_next_comparison(page: Page) -> None:
    page.put(*split(watercolours(3))).compare()
    changes: list[Callable[[], None]] = [
        lambda: page.put_test(picture("watercolour-vase")),
        lambda: page.put_references([picture("low-poly-boat")]),
        lambda: page.remove_reference(0),
        lambda: page.take_example("Same style, other motif"),
        lambda: page.remove_reference(4),
    ]
    for change in changes:
        expect(page.old).to_be_hidden()
        change()
        expect(page.old).to_contain_text("This is the old result")
        page.compare()
    expect(page.old).to_be_hidden()


def test_inputs_that_are_put_back_make_the_result_current_again(page: Page) -> None:
    test, *references = watercolours(3)
    page.put(test, references).compare()

    page.put_references([picture("low-poly-boat")])
    expect(page.old).to_be_visible()
    page.remove_reference(2)
    expect(page.old).to_be_hidden()


def test_result_of_inputs_that_changed_while_it_was_computed_is_marked_as_old(slow: tuple[Page, Gate]) -> None:
    page, gate = slow
    files: list[FilePayload] = [picture("low-poly-boat", new_seed()) for _ in range(3)]
    page.put(*split(files))
    start(page, 3)

    page.remove_reference(0)
    gate.let(3)

    expect(page.ruler).to_be_visible()
    expect(page.old).to_be_visible()
    assert len(page.references) == 2
    page.compare()
    expect(page.old).to_be_hidden()
    assert len(page.references) == 1


def test_clear_while_it_is_computed_leaves_no_late_result(slow: tuple[Page, Gate]) -> None:
    page, gate = slow
    page.put(*split([picture("low-poly-boat", new_seed()) for _ in range(2)]))
    start(page, 2)

    page.clear()
    expect(progress(page, 1, 2)).to_be_hidden()
    gate.let(2)

    again: list[FilePayload] = [picture("low-poly-vase", new_seed()) for _ in range(3)]
    page.put(*split(again))  # the app does one comparison after the other, so the first is done when this one starts
    start(page, 3)
    expect(page.region("verdict")).to_contain_text(CALM)
    expect(page.ruler).to_have_count(0)
    expect(page.toast).to_have_count(0)
    gate.let(3)
    expect(page.ruler).to_be_visible()
    assert page.report()["names"][0] == "low-poly-vase.png"


# -------------------------------------------------------------------------------------------------------------- waiting


def test_progress_tells_which_picture_of_how_many_and_nothing_jumps(slow: tuple[Page, Gate]) -> None:
    page, gate = slow
    page.put(*split([picture("neon-boat", new_seed()) for _ in range(3)]))
    places = [place(page)]

    start(page, 3)
    for number in (1, 2, 3):
        expect(progress(page, number, 3)).to_be_visible()
        assert "%" not in page.tab.locator("body").inner_text()
        places.append(place(page))
        gate.let(1)
    expect(page.ruler).to_be_visible()
    places.append(place(page))

    assert max(places) - min(places) <= 2
    assert page.tab.evaluate("scrollY") == 0
    expect(page.region("verdict").get_by_role("progressbar")).to_be_hidden()


def place(page: Page) -> float:
    """Where the result begins, in pixels from the window's top."""
    box = page.region("result").bounding_box()
    assert box
    return box["y"]


def test_phone_scrolls_to_the_result(page: Page) -> None:
    page.look(PHONE)
    page.put(*split(watercolours(3)))
    page.button("Compare").scroll_into_view_if_needed()

    page.compare()

    page.tab.wait_for_function("Math.abs(document.getElementById('result').getBoundingClientRect().top) < 24")
    expect(page.region("verdict").locator("h2")).to_be_in_viewport(ratio=1)
    expect(page.ruler).to_be_in_viewport(ratio=1)


# ---------------------------------------------------------------------------------------------------------- first sight


def test_inputs_examples_and_compare_are_seen_without_scrolling(page: Page) -> None:
    for part in (
        page.region("test"),
        page.region("references"),
        page.button("Compare"),
        page.button("Clear all"),
        *map(page.button, OUTCOMES),
    ):
        expect(part).to_be_in_viewport(ratio=1)
    test, references = page.region("test").bounding_box(), page.region("references").bounding_box()
    assert test
    assert references
    assert test["y"] == references["y"]
    page.look(PHONE)
    test, references = page.region("test").bounding_box(), page.region("references").bounding_box()
    assert test
    assert references
    assert test["y"] + test["height"] <= references["y"]
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_verdict_and_ruler_come_before_everything_else(result: Page) -> None:
    parts = [
        result.region("verdict").locator("h2"),
        result.ruler,
        result.region("details").locator("h3").first,
        result.region("downloads"),
    ]

    tops = [box["y"] for box in (part.bounding_box() for part in parts) if box]

    assert len(tops) == len(parts)
    assert tops == sorted(tops)
    first_words = result.region("result").inner_text().lstrip().split("\n")[0]
    assert first_words.endswith("style match")


def test_title_words_and_numbers_of_the_page(result: Page, server: str) -> None:
    assert result.tab.title() == "MegaStyle Comparison"
    text = result.tab.locator("body").inner_text()
    assert "%" not in text
    assert "These are not MegaStyle scores" in text
    for band in BANDS:
        assert f"{band.emoji} {band.label}" in result.region("about").inner_text()
    assert all(THREE_DECIMALS.fullmatch(number) for row in result.matrix for number in row)
    endpoints = httpx.get(f"{server}/gradio_api/info").json()
    assert endpoints == {"named_endpoints": {}, "unnamed_endpoints": {}}


# -------------------------------------------------------------------------------------------------------- hostile names

HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    "<script>alert(1)</script>.png",
    '"><b onmouseover="alert(1)">bold.png',
    "a'b&amp;c|d`e.png",
    "[link](javascript:alert(1)) **bold**.png",
    "' onmouseover='alert(1)' '.png",
    "right\u202egnp.exe.png",
    "x" * 296 + ".png",
    "=1+1.png",
)


TOUCH = "all => all.forEach(one => one.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))"


def test_hostile_names_are_shown_as_text_in_result_and_files(page: Page) -> None:
    test, *references = [
        picture(f"watercolour-{scene}", file_name=name) for scene, name in zip(SCENES, HOSTILE, strict=False)
    ]

    page.put(test, references).compare()

    names = page.report()["names"]
    assert len(names) == len(HOSTILE)
    assert sorted(reference.name for reference in page.references) == sorted(names[1:])
    assert page.region("result").locator("script, b b, td b, img[onerror], [onmouseover], a").count() == 0
    page.region("result").locator("[title]").evaluate_all(TOUCH)  # a dialog that opens is seen by the page's fixture
    shown = page.region("details").locator("table.references bdi.name").all_inner_texts()
    assert sorted(shown) == sorted(map(short, names[1:]))
    rows = page.rows()[1 : len(names) + 1]
    assert [row[0] for row in rows] == [f"'{name}" if name.startswith("=") else name for name in names]
    check_layout(page)


def check_layout(page: Page) -> None:
    """No name widens the page."""
    for size in (DESKTOP, PHONE):
        page.look(size)
        assert page.tab.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_hostile_name_in_an_error_is_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>.png"
    page.put(text_file(name), watercolours(1))

    page.button("Compare").click()

    expect(page.toast).to_contain_text("<img src=x onerror=alert(1)>.png is not a picture")
    expect(page.toast.locator("img")).to_have_count(0)


def test_same_name_twice_is_two_references(page: Page) -> None:
    twins = [picture(f"watercolour-{scene}", file_name="twin.png") for scene in ("boat", "vase")]

    page.put(watercolours(1)[0], twins).compare()

    assert [reference.name for reference in page.references] == ["twin.png", "twin.png"]
    assert {reference.number for reference in page.references} == {1, 2}
    assert page.notes == []
    assert len({reference.columns["Cosine"] for reference in page.references}) == 2


# --------------------------------------------------------------------------------------------------------------- access


def test_keyboard_alone_does_everything(page: Page) -> None:
    tab_to(page, page.button("Same style, other motif"))
    page.tab.keyboard.press("Enter")
    expect(page.reference_pictures).to_have_count(5)
    tab_to(page, page.button("Compare"), back=True)
    with page.answered():
        page.tab.keyboard.press("Space")
    assert "Strong style match" in page.verdict
    for number in page.references:
        tab_to(page, page.tab.get_by_role("img", name=f"Reference {number.number}, ").first)
    tab_to(page, page.tab.get_by_role("region", name="Every picture against every other"))
    tab_to(page, page.button("Download JSON"))
    with page.tab.expect_download() as download:
        page.tab.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith("-megastyle.json")
    tab_to(page, page.button("Download CSV"))
    tab_to(page, page.region("references").get_by_role("button", name="Remove reference 1"), back=True)
    page.tab.keyboard.press("Enter")
    expect(page.reference_pictures).to_have_count(4)
    tab_to(page, page.button("Clear all"))
    page.tab.keyboard.press("Enter")
    expect(page.region("verdict")).to_contain_text(CALM)


def test_keyboard_alone_leads_from_the_upload_to_the_report(page: Page) -> None:
    test, *references = watercolours(3)
    for name, files, count in (("test", test, 1), ("references", references, 2)):
        upload = page.region(name).locator("button", has=page.tab.locator("input[type=file]"))
        tab_to(page, upload)
        with page.tab.expect_file_chooser() as chooser:
            page.tab.keyboard.press("Enter")
        chooser.value.set_files(files)
        expect(page.region(name).locator(".image-frame img, .thumbnail-item img")).to_have_count(count)
    tab_to(page, page.button("Compare"))
    with page.answered():
        page.tab.keyboard.press("Enter")
    tab_to(page, page.button("Download report"))
    with page.tab.expect_download() as download:
        page.tab.keyboard.press("Enter")
    assert download.value.suggested_filename == f"{Path(str(test['name'])).stem}-megastyle.html"
    assert references[1]["name"] in content(download.value)


def tab_to(page: Page, target: Locator, *, back: bool = False) -> None:
    """Press Tab until the target has the focus; from the end of the page it goes on at its beginning."""
    target = target.first
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => element.matches(':focus-visible')")
            return
        page.tab.keyboard.press("Shift+Tab" if back else "Tab")
    pytest.fail(f"Tab does not reach {target}")


def test_headings_are_in_order(result: Page) -> None:
    levels = result.tab.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "heads => heads.map(head => Number(head.tagName[1]))"
    )

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))


def test_every_picture_has_an_alternative_text_or_is_beside_its_name(result: Page) -> None:
    images = (
        result.region("result").locator("img").evaluate_all("images => images.map(image => image.getAttribute('alt'))")
    )

    assert len(images) == 1 + 8 + 2 * 9  # test image, list, both edges of the matrix
    assert None not in images


# What axe finds serious in Gradio's own components and cannot be mended from outside; all else counts as ours.
GRADIOS_OWN = {
    "nested-interactive": 'button[aria-label="Click to Upload"]',  # of a filled gallery: a button in a button
}


def odd_one_out(page: Page) -> None:
    """A result with an odd one out."""
    page.take_example("The odd one out")
    page.compare()


def loose_and_old(page: Page) -> None:
    """A loose set, of which a reference has been taken away since."""
    page.put(*split(strangers(9))).compare()
    page.remove_reference(0)
    expect(page.old).to_be_visible()


def tried_with_everything_open(page: Page) -> None:
    """Two test images, the first of them shown again, all that folds away open, the text to copy shown."""
    first, second, *references = watercolours(5)
    page.put(first, references).compare()
    page.put_test(second)
    page.compare()
    page.bring_back(str(first["name"]))
    page.tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.region("overview").locator("textarea").evaluate("area => { area.hidden = false; }")


STATES: dict[str, Callable[[Page], None]] = {
    "before": lambda _: None,
    "odd one out": odd_one_out,
    "loose and old": loose_and_old,
    "tried": tried_with_everything_open,
}


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious_in_what_is_ours(page: Page, state: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    STATES[state](page)
    for scheme in SCHEMES:
        page.look(DESKTOP, scheme)
        found = Axe().run(page.tab).response["violations"]
        assert [finding for violation in found for finding in serious(violation)] == []


def serious(violation: dict[str, Any]) -> list[str]:
    """The places of a serious violation that are not Gradio's own."""
    if violation["impact"] not in ("serious", "critical"):
        return []
    own = GRADIOS_OWN.get(violation["id"])
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for node in violation["nodes"]
        if own is None or own not in node["target"]
    ]
