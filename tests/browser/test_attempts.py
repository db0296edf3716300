"""What was tried with the same references: the best of four epochs, found without a computation twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FilePayload, expect

from drawn import SCENES, picture, watercolours
from page import Page, content

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EPOCHS: dict[str, FilePayload] = {
    name: picture(drawn, file_name=name)
    for name, drawn in {
        "a_style_lora_for_water_and_ink_v3-000004_s42.png": "low-poly-boat",
        "a_style_lora_for_water_and_ink_v3-000008_s42.png": "watercolour-abstract",
        "a_style_lora_for_water_and_ink_v3-000012_s42.png": "neon-boat",
        "a_style_lora_for_water_and_ink_v3-000016_s42.png": "watercolour-boat",
    }.items()
}
FIRST, _, THIRD, LAST = EPOCHS
REFERENCES = [picture(f"watercolour-{scene}") for scene in SCENES[2:5]]
SEE_PROGRESS = """() => {
    window.progressed = [];
    const seen = () => document.querySelectorAll("[role=progressbar]")
        .forEach(one => window.progressed.push(one.getAttribute("aria-label")));
    new MutationObserver(seen).observe(document.body, {attributes: true, childList: true, subtree: true});
}"""


def try_all(page: Page) -> dict[str, list[object]]:
    """Compare each epoch with the references, one after the other; what each result shows."""
    page.put_references(REFERENCES)
    results: dict[str, list[object]] = {}
    for name, file in EPOCHS.items():
        page.put_test(file)
        page.compare()
        results[name] = shown(page)
    return results


def shown(page: Page) -> list[object]:
    """What a result shows, but for the list of what was tried."""
    ruler = page.ruler.get_attribute("aria-label")
    return [page.verdict, ruler, page.notes, page.references, page.matrix, page.tab.locator("figure.test").inner_text()]


@pytest.fixture(scope="module")
def visit(browser: Browser, server: str) -> Iterator[tuple[Page, dict[str, list[object]]]]:
    """A visit that has tried four epochs, and what each result showed."""
    with browser.new_context() as context:
        page = Page(context.new_page(), server).open()
        yield page, try_all(page)
        assert page.console == []


def test_four_epochs_are_ranked_best_first_and_told_apart(visit: tuple[Page, dict[str, list[object]]]) -> None:
    """Each by name, mean and position; the last one is the one that is shown."""
    page, _ = visit
    tried = page.report()["tried"]
    assert {attempt["name"] for attempt in tried} == set(EPOCHS)
    means = [attempt["mean_cosine"] for attempt in tried]
    assert means == sorted(means, reverse=True)
    assert [(row.name, row.mean, row.position) for row in page.tried] == [
        (attempt["name"], f"{attempt['mean_cosine']:.3f}", attempt["position"]) for attempt in tried
    ]
    assert [row.name for row in page.tried if row.current] == [LAST]
    assert len(set(page.region("tried").get_by_role("button").all_inner_texts())) == len(EPOCHS)


def test_a_press_brings_an_earlier_result_back_without_a_computation(
    visit: tuple[Page, dict[str, list[object]]],
) -> None:
    """All of it, as it was; the page says that it is an earlier one, and the latest one says nothing."""
    page, results = visit
    page.tab.evaluate(SEE_PROGRESS)
    for name in (FIRST, THIRD, LAST):
        page.bring_back(name)
        assert shown(page) == results[name]
        assert [row.name for row in page.tried if row.current] == [name]
        assert page.report()["test"]["name"] == name
        is_latest = name == LAST
        expect(page.old).to_have_count(0 if is_latest else 1)
        if not is_latest:
            expect(page.old).to_contain_text("An earlier result, of a_style_lora")
    assert page.tab.evaluate("window.progressed") == []


def test_every_download_and_the_copied_text_name_what_was_tried(visit: tuple[Page, dict[str, list[object]]]) -> None:
    page, _ = visit
    files = [content(page.download(f"Download {kind}")) for kind in ("report", "JSON", "CSV")]
    copied = page.region("overview").locator("textarea").input_value()
    for epoch in ("0004", "0008", "0012", "0016"):
        assert all(f"{epoch}_s42.png" in text for text in (*files, copied))


def test_two_visitors_never_see_each_others(
    visit: tuple[Page, dict[str, list[object]]], browser: Browser, server: str
) -> None:
    """The same references, and the very same test image."""
    page, _ = visit
    with browser.new_context() as context:
        other = Page(context.new_page(), server).open()
        other.put(EPOCHS[FIRST], REFERENCES).compare()
        assert other.tried == []
        assert [attempt["name"] for attempt in other.report()["tried"]] == [FIRST]
    assert len(page.tried) == len(EPOCHS)


def test_the_list_ends_with_other_references_and_with_clear_all(page: Page) -> None:
    test, other = list(EPOCHS.values())[:2]
    page.put(test, REFERENCES).compare()
    page.put_test(other)
    page.compare()
    assert [row.name for row in page.tried] == [other["name"], test["name"]]

    page.put_references(watercolours(1))
    page.compare()
    assert page.tried == []
    page.put_test(test)
    page.compare()
    assert len(page.tried) == 2

    page.clear()
    expect(page.region("tried")).to_be_hidden()
    page.put(other, [*REFERENCES, *watercolours(1)]).compare()
    assert page.tried == []
    assert [attempt["name"] for attempt in page.report()["tried"]] == [other["name"]]


def test_a_press_drops_the_odd_one_out_and_keeps_the_list(page: Page) -> None:
    """The reference goes from the inputs, whatever its number; what was tried is counted again, its results too."""
    test, other = watercolours(2)
    stranger = picture("neon-boat")
    page.put(test, [*REFERENCES[:1], stranger, *REFERENCES[1:]]).compare()
    page.put_test(other)
    page.compare()
    with page.answered():
        page.region("overview").get_by_role("button", name="Compare without reference 2").click()

    expect(page.reference_pictures).to_have_count(len(REFERENCES))
    assert page.report()["names"] == [other["name"], *(reference["name"] for reference in REFERENCES)]
    assert sorted(row.name for row in page.tried) == sorted([test["name"], other["name"]])
    expect(page.old).to_have_count(0)
    counted_again = {row.name: row.mean for row in page.tried}
    page.bring_back(test["name"])
    earlier = shown(page)
    expect(page.region("overview").get_by_role("button", name="Compare without")).to_have_count(0)
    page.put_test(test)
    page.compare()
    assert shown(page) == earlier
    assert {row.name: row.mean for row in page.tried} == counted_again
