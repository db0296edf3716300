"""Seen is scored: the browser turns pictures, and shows their colours, as the corpus says; the reader goes by that."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

import corpus

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KINDS = {"jpg": "jpeg"}  # in place of a file's ending
SHOWN = """async address => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const drawing = canvas.getContext("2d");
    drawing.drawImage(image, 0, 0);
    return [canvas.height, canvas.width, [...drawing.getImageData(0, 0, canvas.width, canvas.height).data]];
}"""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def shown(tab: Page, name: str, data: bytes) -> np.ndarray:
    """What an <img> of a file shows, (height, width, 3)."""
    ending = name.rsplit(".", 1)[1]
    address = f"data:image/{KINDS.get(ending, ending)};base64,{base64.b64encode(data).decode()}"
    height, width, values = tab.evaluate(SHOWN, address)
    return np.array(values, np.int16).reshape(height, width, 4)[..., :3]


@pytest.mark.parametrize("name", corpus.turned())
def test_chromium_turns_a_picture_as_the_corpus_says(name: str, tab: Page) -> None:
    data, orientation = corpus.turned()[name]
    upright = corpus.upright(corpus.quarters(), orientation).astype(np.int16)
    found = shown(tab, name, data)
    assert found.shape == upright.shape
    assert np.abs(found - upright).max() < 10


@pytest.mark.parametrize("name", corpus.colour_chunks())
def test_chromium_shows_colours_as_the_corpus_says(name: str, tab: Page) -> None:
    before, otherwise = corpus.colour_chunks()[name]
    plain = np.full((8, 8, 3), corpus.COLOUR, np.uint8)
    difference = np.abs(shown(tab, "a.png", corpus.png(plain, 8, 2, before)) - plain).max()
    assert (difference > 10) == otherwise
