"""The page's fixed words: what the specification wants said, with the numbers of the constants."""

from __future__ import annotations

import re

import pytest

from markup import parsed, text
from markup import texts as texts_of
from megastyle.comparison import BANDS, FAR_MARGIN, LOOSE_BELOW, MAX_REFERENCES
from megastyle.page import texts
from megastyle.page.words import NOT_MEGASTYLE
from megastyle.pictures import MAX_FILE_BYTES, MAX_PIXELS
from outcomes import PROVENANCE, UNOFFICIAL, calibrated

ABOUT = texts.about(PROVENANCE, None, 70)
CALIBRATED = texts.about(PROVENANCE, calibrated(), 70)
PAGE = "\n".join([texts.intro(), texts.WAITING, texts.EXAMPLES_HINT, ABOUT, CALIBRATED, texts.not_megastyle("x.pth")])
WORDS = text(parsed(PAGE))


def test_the_page_has_no_percentage() -> None:
    """Addresses left out."""
    assert not re.search(r"[%‰٪﹪％]|per ?cent", re.sub(r"https?://\S+", "", PAGE), re.IGNORECASE)


SPANS = ["0.75 and above", "0.65 to 0.75", "0.55 to 0.65", "0.45 to 0.55", "below 0.45"]


def bands_of(about: str) -> list[list[str]]:
    """The bands' table, its head first."""
    return [texts_of(list(row)) for row in parsed(about).findall(".//table[@class='bands']//tr")]


def test_the_page_shows_the_bands() -> None:
    """A table, best first: each floor with the label and emoji of its band; what was not measured has no column."""
    labels = [f"{band.emoji} {band.label}" for band in BANDS]
    assert bands_of(ABOUT) == [["Cosine", "Label"], *map(list, zip(SPANS, labels, strict=True))]
    assert "This encoder is not calibrated" in text(parsed(ABOUT))


def test_a_calibrated_page_says_what_each_band_holds() -> None:
    """Of the same style half lie between 0.6 and 0.8, evenly, and half between 0.8 and 1.

    Above 0.7495 lie 0.5 + 0.5 * 0.0505 / 0.2 = 0.626, above 0.6495 0.876, all above 0.6. Of another style half lie
    between 0.2 and 0.7: none above 0.7495, 0.5 * 0.0505 / 0.5 = 0.051 above 0.6495, 0.1505 above 0.5495, 0.2505
    above 0.4495.
    """
    head, *rows = bands_of(CALIBRATED)
    assert head == ["Cosine", "Label", "Same style, of 100", "Another style, of 1,000"]
    assert [row[2:] for row in rows] == [
        ["63", "none"],
        ["25", "50"],
        ["12", "100"],
        ["none", "100"],
        ["none", "750"],
    ]
    words = text(parsed(CALIBRATED))
    assert "against 5 references, counted in the calibration set our set." in words
    assert "1000 pictures of 11 known styles" in words
    assert "not calibrated" not in words


def test_the_pages_appendix_is_what_a_paper_needs() -> None:
    """Checkpoint, commit, SHA-256, size, interpolation, normalisation, precision, formula, versions, citation."""
    facts = parsed(CALIBRATED).findall(".//dl")[0]
    assert texts_of(facts.findall("dt")) == ["Encoder", "Method", "Versions", "Calibration", "Bands", "Cite"]
    appendix = text(facts)
    for wanted in (
        "c.pth, commit abc, on b.",
        "d" * 64,
        "384 x 384",
        "bicubic",
        "mean 0.5, standard deviation 0.5",
        "float32",
        "L2 norm",
        "dot product",
        "arithmetic mean",
        "torch 1, transformers 2, pillow 3",
        "f" * 40,
        "our set: 1000 pictures of 11 styles, measured 2026-01-01",
        "9" * 64,
        "heuristic",
        f"{FAR_MARGIN:.2f}",
        "arXiv 2604.08364, 2026",
    ):
        assert wanted in appendix
    assert NOT_MEGASTYLE not in appendix
    assert NOT_MEGASTYLE in texts.about(UNOFFICIAL, None, 70)


def test_everything_but_the_bands_is_folded_away() -> None:
    """In the browser's own way; closed, with a title each."""
    folded = parsed(CALIBRATED).findall(".//details")
    assert len(folded) == 6
    assert not any("open" in part.attrib for part in folded)
    assert all(text(part.findall("summary")[0]) for part in folded)


@pytest.mark.parametrize(
    "wanted",
    [
        f"at least {FAR_MARGIN:.2f} less",
        f"at {LOOSE_BELOW:.2f} or better",
        f"up to {MAX_REFERENCES} references",
        f"Of more than {MAX_REFERENCES} references the first {MAX_REFERENCES} are compared",
        f"up to {MAX_FILE_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels",
        "JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF",
        "for 70 minutes at most",
    ],
)
def test_the_page_says_the_limits(wanted: str) -> None:
    assert wanted in WORDS


def test_the_page_writes_no_constant_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other constants, other words: no number stands in the texts themselves."""
    other = {"FAR_MARGIN": 0.37, "LOOSE_BELOW": 0.41, "MAX_REFERENCES": 23, "FORMATS_IN_WORDS": "Xpeg"}
    for name, value in {**other, "MAX_FILE_BYTES": 123 * 2**20, "MAX_PIXELS": 456 * 10**6}.items():
        monkeypatch.setattr(texts, name, value)
    words = text(parsed(texts.intro() + texts.about(PROVENANCE, None, 789)))
    for wanted in ("0.37", "0.41", "up to 23 references", "Xpeg", "123 MB", "456 megapixels", "789 minutes"):
        assert wanted in words
    for gone in (f"{FAR_MARGIN:.2f} less", f"at {LOOSE_BELOW:.2f}", f"{MAX_REFERENCES} references", "JPEG", "70 min"):
        assert gone not in words


@pytest.mark.parametrize(
    "wanted",
    [
        "higher is closer",
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
    assert wanted in WORDS
