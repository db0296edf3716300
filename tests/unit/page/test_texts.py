"""The page's fixed words: what the specification wants said, with the numbers of the constants."""

from __future__ import annotations

import re

import pytest

from megastyle.bands import BANDS, LOOSE_BELOW
from megastyle.comparison import FAR_MARGIN, MAX_REFERENCES
from megastyle.page import texts
from megastyle.pictures import MAX_FILE_BYTES, MAX_PIXELS

PAGE = "\n".join(
    [
        texts.intro(),
        texts.WAITING,
        texts.EXAMPLES_HINT,
        texts.meaning(),
        texts.limits(70),
        texts.sources(),
        texts.not_megastyle("x.pth"),
    ]
)


def test_the_page_has_no_percentage() -> None:
    """Addresses left out."""
    assert not re.search(r"[%‰٪﹪％]|per ?cent", re.sub(r"https?://\S+", "", PAGE), re.IGNORECASE)


def test_the_page_shows_the_bands() -> None:
    """A table in Markdown, best first: each floor with the label and emoji of its band."""
    found = re.findall(r"^\| (\S.*?) \| (\S+) (.*?) \|$", texts.meaning(), re.MULTILINE)
    assert [(emoji, label) for _, emoji, label in found] == [(band.emoji, band.label) for band in BANDS]
    assert [span for span, *_ in found] == [
        "0.75 and above",
        "0.65 to 0.75",
        "0.55 to 0.65",
        "0.45 to 0.55",
        "below 0.45",
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        f"at least {FAR_MARGIN:.2f} below",
        f"at {LOOSE_BELOW:.2f} or better",
        f"up to {MAX_REFERENCES} references",
        f"Of more than {MAX_REFERENCES} references the first {MAX_REFERENCES} are compared",
        f"up to {MAX_FILE_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels",
        "JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF",
        "for 70 minutes at most",
    ],
)
def test_the_page_says_the_limits(wanted: str) -> None:
    assert wanted in PAGE


def test_the_page_writes_no_constant_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other constants, other words: no number stands in the texts themselves."""
    other = {"FAR_MARGIN": 0.37, "LOOSE_BELOW": 0.41, "MAX_REFERENCES": 23, "FORMATS_IN_WORDS": "Xpeg"}
    for name, value in {**other, "MAX_FILE_BYTES": 123 * 2**20, "MAX_PIXELS": 456 * 10**6}.items():
        monkeypatch.setattr(texts, name, value)
    words = texts.intro() + texts.meaning() + texts.limits(789)
    for wanted in ("0.37", "0.41", "up to 23 references", "Xpeg", "123 MB", "456 megapixels", "789 minutes"):
        assert wanted in words
    for gone in (f"{FAR_MARGIN:.2f} below", f"at {LOOSE_BELOW:.2f}", f"{MAX_REFERENCES} references", "JPEG", "70 min"):
        assert gone not in words


@pytest.mark.parametrize(
    "wanted",
    [
        "Higher is closer",
        "no absolute meaning",
        "rules of thumb",
        "authorship",
        "copying",
        "squashed to a square",
        "Apache-2.0",
        "MIT",
        "2604.08364",
    ],
)
def test_the_page_says_what_the_score_is_and_is_not(wanted: str) -> None:
    """Direction and limits of the number, as the specification wants them said."""
    assert wanted in PAGE
