"""A result on the page: one set of numbers everywhere, never mistaken for another one, and taken away as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import FilePayload, expect

from drawn import SCENES, damaged, picture, watercolours
from megastyle.comparison import BANDS
from megastyle.demo import examples
from page import DESKTOP, PHONE, Page, content

NAMES = [str(file["name"]) for file in watercolours(9)]
FORBID_COPYING = """() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""


def shown(page: Page) -> list[Any]:
    """All that a result shows, but for the list of what was tried."""
    return [page.verdict, page.ruler.get_attribute("aria-label"), page.notes, page.references, page.matrix]


def test_verdict_list_matrix_ruler_and_files_have_the_same_numbers(result: Page) -> None:
    report, (head, *rows) = result.report(), result.rows()
    mean = float(np.mean(report["matrix"][0][1:]))
    band = next(band for band in BANDS if round(mean, 3) >= band.floor)
    assert result.verdict.split("\n\n")[:2] == [
        f"{band.emoji} {band.label}",
        f"Mean cosine {mean:.3f} to 8 references.",
    ]
    cosines = {number: f"{one['cosine']:.3f}" for number, one in enumerate(report["references"], start=1)}
    assert {one.number: next(iter(one.columns.values())) for one in result.references} == cosines
    assert [one.name for one in sorted(result.references)] == NAMES[1:] == result.chosen[1]
    assert all(cosine in (result.ruler.get_attribute("aria-label") or "") for cosine in cosines.values())
    assert result.matrix == [[f"{cosine:.3f}" for cosine in row] for row in report["matrix"]]
    assert [row[0] for row in rows[:9]] == head[1:] == report["names"] == NAMES
    assert [[f"{float(number):.3f}" for number in row[1:]] for row in rows[:9]] == result.matrix


def test_every_file_is_made_when_it_is_asked_for(result: Page) -> None:
    """Named after the test image; the picture to post is one of them."""
    stem = Path(NAMES[0]).stem
    for button, ending in {"Save picture": "png", "Download report": "html", "Download JSON": "json"}.items():
        download = result.download(button)
        assert download.suggested_filename == f"{stem}-megastyle.{ending}"
        if ending == "png":
            with Image.open(download.path()) as image:
                assert image.size == (1200, 630)
        else:
            assert NAMES[8] in content(download)


def test_an_example_fills_the_inputs_and_runs_nothing(page: Page) -> None:
    """Its hint stands below until the inputs are others."""
    asked: list[str] = []
    page.tab.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
    for title, hint, _, references in examples.EXAMPLE_SETS:
        asked.clear()
        page.take_example(title)
        expect(page.reference_pictures).to_have_count(len(references))
        expect(page.region("hint")).to_have_text(hint)
        assert len(asked) == 1  # the example's own event
        page.compare()
        assert page.report()["names"][1:] == [f"{name}.jpg" for name in references]
    page.remove_reference(0)
    expect(page.region("hint")).to_have_text("An example fills the two inputs; Compare does the rest.")


# ---------------------------------------------------------------------------------------------------------- never stale


def test_changed_inputs_mark_the_result_as_old_until_they_are_put_back_or_compared(page: Page) -> None:
    test, *references = watercolours(3)
    page.put(test, references).compare()
    page.put_references([picture("low-poly-boat")])
    expect(page.old).to_contain_text("This is the old result")
    page.remove_reference(2)
    expect(page.old).to_have_count(0)
    changes: list[Callable[[], None]] = [
        lambda: page.put_test(picture("watercolour-vase")),
        lambda: page.remove_reference(0),
        lambda: page.take_example("Same style, other motif"),
    ]
    for change in changes:
        expect(page.old).to_have_count(0)
        change()
        expect(page.old).to_be_visible()
        page.compare()
    expect(page.old).to_have_count(0)


def test_a_refused_comparison_leaves_the_result_before_it_whole(page: Page) -> None:
    page.put(watercolours(1)[0], watercolours(3)[1:]).compare()
    before = shown(page)
    page.put_references([damaged("one.png"), damaged("two.png")])
    page.button("Compare").click()
    expect(page.toast).to_contain_text("one.png is damaged or cut short")
    expect(page.toast).to_contain_text("two.png is damaged or cut short")
    assert shown(page) == before
    page.remove_reference(3)
    page.remove_reference(2)
    expect(page.old).to_have_count(0)
    assert "Error" not in page.region("result").inner_text()


# ------------------------------------------------------------------------------------------------------ what was tried

EPOCHS: dict[str, FilePayload] = {
    name: picture(drawn, file_name=name)
    for name, drawn in {
        "a_style_lora_for_water_and_ink_v3-000004_s42.png": "low-poly-boat",
        "a_style_lora_for_water_and_ink_v3-000008_s42.png": "watercolour-tree2",
        "a_style_lora_for_water_and_ink_v3-000012_s42.png": "neon-boat",
    }.items()
}
REFERENCES = [picture(f"watercolour-{scene}") for scene in SCENES[2:5]]


def test_epochs_are_ranked_told_apart_and_shown_again(page: Page) -> None:
    """All of a result, as it was, where the eye is; the page says that it is an earlier one."""
    page.put_references(REFERENCES)
    results = {}
    for name, file in EPOCHS.items():
        page.put_test(file)
        results[name] = shown(page.compare())
    report = page.report()["tried"]
    assert [(one.name, one.mean) for one in page.tried] == [
        (one["name"], f"{one['core_mean']:.3f}") for one in sorted(report, key=lambda one: -one["core_mean"])
    ]
    assert len(set(page.region("tried").get_by_role("button").all_inner_texts())) == len(EPOCHS)
    for name in EPOCHS:
        page.bring_back(name)
        expect(page.region("verdict").locator("h2")).to_be_in_viewport(ratio=1)
        assert shown(page) == results[name]
        assert page.report()["test"]["name"] == name
        expect(page.old).to_have_count(int(name != list(EPOCHS)[-1]))
    page.bring_back(next(iter(EPOCHS)))
    expect(page.old).to_contain_text("This is the result of a_style_lora")


def test_leaving_a_reference_out_of_an_earlier_result_compares_that_picture(page: Page) -> None:
    """Not the one that is in the input by now; the reference goes from the inputs, and the list is counted again."""
    test, other = watercolours(2)
    stranger = picture("neon-boat")
    page.put(test, [*REFERENCES, stranger]).compare()
    page.put_test(other)
    page.compare().bring_back(NAMES[0])
    page.region("overview").get_by_role("button", name="Compare without reference 4").click()
    page.shows(NAMES[1], *(str(file["name"]) for file in REFERENCES))
    expect(page.region("overview").get_by_role("button", name="Compare without")).to_have_count(0)
    assert page.report()["names"] == [NAMES[0], *(file["name"] for file in REFERENCES)]
    assert {one.name for one in page.tried} == {NAMES[0], NAMES[1]}
    expect(page.region("former").locator("summary")).to_be_visible()


# --------------------------------------------------------------------------------------------------------------- names

HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    "<script>alert(1)</script>.png",
    '"><b onmouseover="alert(1)">bold.png',
    "[link](javascript:alert(1)) **bold**.png",
    "right\u202egnp.exe.png",
    "x" * 251 + ".png",
    "=1+1.png",
)
TOUCH = "all => all.forEach(one => one.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))"


def test_hostile_names_are_text_in_inputs_result_messages_and_after_a_reload(page: Page) -> None:
    test, *references = [
        picture(f"watercolour-{scene}", file_name=name) for scene, name in zip(SCENES, HOSTILE, strict=False)
    ]
    page.put(test, references).compare()
    page.drop(page.region("test"), [], address="https://example.org/")
    for reload in (False, True):
        if reload:
            page.tab.reload()
            expect(page.ruler).to_be_visible()
        assert page.tab.locator("main").locator("script, b b, td b, img[onerror], [onmouseover]").count() == 0
        page.region("result").locator("[title]").evaluate_all(TOUCH)  # a dialog would be seen by the fixture
        assert sorted(one.name for one in page.references) == sorted(HOSTILE[1:])
    for size in (DESKTOP, PHONE):
        page.look(size)
        assert page.tab.evaluate("document.documentElement.scrollWidth") <= size["width"]
    pdf: FilePayload = {"name": f"{HOSTILE[0]}.pdf", "mimeType": "application/pdf", "buffer": b"x"}
    page.region("references").locator("input[type=file]").set_input_files([damaged(HOSTILE[0]), pdf])
    expect(page.note).to_contain_text(f"{HOSTILE[0]}.pdf is not a picture")
    page.button("Compare").click()
    expect(page.toast).to_contain_text("onerror=alert(1)>.png is damaged or cut short")
    expect(page.tab.locator(".toast-wrap img, #note img")).to_have_count(0)


def test_the_result_is_read_out_in_two_sentences_and_copied_as_text(page: Page) -> None:
    """Nothing is said of loading. Copied, it is said; without the permission to, the text is shown selected."""
    said = page.tab.locator("[aria-live=polite].unseen")
    expect(said).to_have_text("")
    page.put(watercolours(1)[0], watercolours(4)[1:]).compare()
    words = page.verdict.split("\n\n")
    assert said.inner_text() == " ".join(words[:3])
    assert page.tab.locator(".sr-only[role=status]:visible").count() == 0
    area = page.region("overview").locator("textarea")
    text = area.input_value()
    assert words[2] in text
    expect(area).to_be_hidden()
    page.button("Copy as text").click()
    expect(page.button("Copied")).to_be_visible()
    assert page.tab.evaluate("navigator.clipboard.readText()") == text
    expect(page.button("Copy as text")).to_be_visible()
    page.tab.evaluate(FORBID_COPYING)
    page.button("Copy as text").click()
    expect(area).to_be_focused()
    assert area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == text


def test_links_open_beside_the_page(page: Page) -> None:
    page.tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.tab.context.route("https://**", lambda route: route.fulfill(body="elsewhere"))
    links = page.region("about").locator("a[href]")
    assert links.count() > 4
    for link in links.all():
        with page.tab.context.expect_page() as opened:
            link.click()
        assert opened.value.evaluate("window.opener") is None
        opened.value.close()
    expect(page.button("Compare")).to_be_visible()
