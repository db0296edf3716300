"""The report: one file for people and programs, which asks no host, runs no script, and no file name can break."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from PIL import Image

from markup import WORDS, in_xml, parsed, text, texts
from megastyle.comparison import Comparison, shown
from megastyle.drawings import examples
from megastyle.page.outcome import Outcome
from megastyle.page.record import json_record
from megastyle.page.report import html_report
from megastyle.page.words import plain, verdict
from megastyle.pictures import Thumbnail
from megastyle.reading import READER
from outcomes import UNOFFICIAL, calibrated, outcome, tried
from sets import (
    HOSTILE,
    SETS,
    compared,
    described,
    evenly,
    every_set,
    hostile_names,
    numbered,
    random_rows,
    thumbnails,
    with_test,
)

MOST_BYTES = 500_000  # of a report on nine pictures
BREAKERS = [  # each would end or begin something in another language than a file name's
    "</script><script>alert(1)</script>",
    "<!--",
    "<!--<script>",
    "-->",
    "]]>",
    "<![CDATA[",
    "</style><style>*{display:none}",
    "</title><title>x",
    "\u2028alert(1)\u2029",
    "&lt;/script&gt;",
]


def root_of(one: Outcome) -> Element:
    """The whole document; that it is well-formed is what the parser demands."""
    doctype, _, document = html_report(one).strip().partition("\n")
    assert doctype == "<!DOCTYPE html>"
    return parsed(document)


class Reader(HTMLParser):
    """The elements of a document as a browser sees them, and the text in its scripts."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.scripts: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        """Keep a script's text."""
        if self.elements and self.elements[-1][0] == "script":
            self.scripts[-1] += data

    def handle_comment(self, data: str) -> None:
        """Note the comment."""
        self.comments.append(data)


def skeleton(document: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every element with its attributes; the values of those that hold words are left out."""
    return [
        (tag, {key: "" if key in WORDS else value for key, value in attributes.items()})
        for tag, attributes in Reader(document).elements
    ]


def data_of(document: str) -> Any:
    """What a program reads from the report."""
    (script,) = Reader(document).scripts
    return json.loads(script)


# -------------------------------------------------------------------------------------------------------------- content


@every_set
def test_the_report_says_what_the_page_says(comparison: Comparison) -> None:
    """Verdict, each reference with its numbers, and every cosine of the matrix."""
    one = outcome(comparison, calibrated())
    root = root_of(one)
    head, *sentences = plain(verdict(one)).split("\n\n")
    assert texts(root.findall(".//h1")) == [head]
    assert texts(root.findall(".//div[@class='verdict']/p")) == sentences
    rows = root.findall(".//table[@class='references']/tbody/tr")
    assert [row.get("data-picture") for row in rows] == [str(index + 1) for index in comparison.ranking]
    scores = comparison.cosines if comparison.has_test else comparison.leave_one_out
    first = [text(row.findall("td[@class='number']")[0]) for row in rows]
    assert first == [shown(scores[index]) for index in comparison.ranking]
    cells = [texts(row.findall("td")) for row in root.findall(".//table[@class='matrix']/tbody/tr")]
    matrix = [[shown(cosine) for cosine in row] for row in comparison.matrix]
    assert cells == (matrix if len(comparison.names) > 2 else [])
    assert len(root.findall(".//svg[@class='ruler']")) == 1


@every_set
def test_the_report_holds_its_pictures(comparison: Comparison) -> None:
    """The test image large, each reference, and both edges of the matrix."""
    root = root_of(outcome(comparison))
    count, offset = len(comparison.names), comparison.offset
    pictures = thumbnails(count)
    sources = [image.get("src") for image in root.iter("img")]
    edges = [picture.small for picture in pictures] * 2 if count > 2 else []
    listed = [pictures[index + offset].medium for index in comparison.ranking]
    assert sources == [*([pictures[0].large] if offset else []), *listed, *edges]
    assert "This file holds the pictures" in text(root)


def test_the_report_has_the_appendix_and_what_was_tried() -> None:
    comparisons = [with_test([mean] * 3, evenly(3, 0.7)) for mean in (0.6, 0.8)]
    comparisons = [replace(one, digests=(f"t{n}", *one.digests[1:])) for n, one in enumerate(comparisons)]
    root = root_of(tried(*comparisons))
    facts = root.findall(".//dl")[0]
    assert texts(facts.findall("dt")) == ["Encoder", "Method", "Versions", "Calibration", "Bands", "Cite"]
    assert [text(row.findall("td")[1]) for row in root.findall(".//table[@class='tried']/tbody/tr")] == [
        "0.800",
        "0.600",
    ]
    assert list(root.iter("button")) == [], "nothing in a file can be pressed"
    assert root_of(outcome(comparisons[0])).findall(".//table[@class='tried']") == []


def test_the_report_of_another_encoder_warns_before_anything_else() -> None:
    main = root_of(outcome(SETS["1 to 2"], provenance=UNOFFICIAL)).findall(".//main")[0]
    assert text(main[0]).startswith("These are not MegaStyle scores")
    assert root_of(outcome(SETS["1 to 2"])).findall(".//p[@class='warning']") == []


@every_set
def test_programs_read_the_json_report_from_it(comparison: Comparison) -> None:
    """The same as the file that the page offers."""
    one = outcome(comparison, calibrated(), UNOFFICIAL)
    assert data_of(html_report(one)) == json.loads(json_record(one))


# ----------------------------------------------------------------------------------------------------- nothing is asked


@every_set
def test_the_report_asks_no_host(comparison: Comparison) -> None:
    """No address of anything but data, in no element and in no stylesheet; no link, no form, no frame."""
    root = root_of(outcome(comparison, calibrated(), UNOFFICIAL))
    attributes = [(name, value) for element in root.iter() for name, value in element.items()]
    addresses = [value for name, value in attributes if name in ("src", "href", "srcset", "poster", "action", "data")]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not any("://" in value for _, value in attributes)
    css = " ".join(element.text or "" for element in root.iter("style"))
    css += " ".join(value for name, value in attributes if name == "style")
    assert not re.search(r"url\(|@import|expression\(", css)
    assert not {element.tag for element in root.iter()} & {"a", "link", "base", "form", "iframe", "object", "embed"}


def test_the_report_runs_no_script() -> None:
    """Its one script element is data; no element has a handler; the policy forbids both, and any address."""
    root = root_of(outcome(SETS["1 to 3"]))
    assert [script.get("type") for script in root.iter("script")] == ["application/json"]
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    (policy,) = [
        meta.get("content") for meta in root.iter("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_policy_stands_before_all_that_it_governs() -> None:
    """A browser heeds it from there on."""
    head = root_of(outcome(SETS["1 to 3"])).findall(".//head")[0]
    assert [element.tag for element in head][:2] == ["meta", "meta"]
    assert head[0].get("charset") == "utf-8"
    assert head[1].get("http-equiv") == "Content-Security-Policy"


# -------------------------------------------------------------------------------------------------------- hostile names


@pytest.mark.parametrize("name", [*HOSTILE, *BREAKERS])
def test_a_hostile_name_changes_nothing_but_texts(name: str) -> None:
    """As a browser reads it: the elements of a report on harmless names, one script, no comment; the JSON is whole."""
    documents = []
    for names in ([name, name, f"a{name}.png"], numbered(3)):
        one, other = (replace(described(names, ignored=[name]), digests=(digest, "r1", "r2")) for digest in ("a", "b"))
        found = tried(one, other)
        documents.append(html_report(found))
        assert data_of(documents[-1]) == json.loads(json_record(found))
    assert skeleton(documents[0]) == skeleton(documents[1])
    assert Reader(documents[0]).comments == []
    (script,) = Reader(documents[0]).scripts
    assert not re.search(r"[<>&\u2028\u2029]", script)


@hostile_names
def test_a_report_on_hostile_names_is_well_formed_and_shows_them_in_full(names: list[str]) -> None:
    """As the titles of their short forms, and as the title of the document."""
    comparison = described(names, ignored=HOSTILE)
    root = root_of(outcome(comparison))
    titles = [element.get("title") for element in root.iter()]
    assert [name for name in (*names, *HOSTILE) if in_xml(name) not in titles] == []
    title = f"Style comparison: {names[0]}".replace("\0", "\ufffd")
    assert text(root.findall(".//title")[0]) == " ".join(title.split())


# ----------------------------------------------------------------------------------------------------------------- size


def thumbnail_of(image: Image.Image) -> Thumbnail:
    """A picture's thumbnails, as the page has them."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return READER.read(file.getvalue(), (1, 1), 0).thumbnail


def noise(seed: int) -> Thumbnail:
    """The picture that no format makes small."""
    pixels = np.random.default_rng(seed).integers(0, 256, (500, 500, 3), np.uint8)
    return thumbnail_of(Image.fromarray(pixels))


def detailed(seed: int) -> Thumbnail:
    """A drawn picture, each of another style."""
    return thumbnail_of(examples.draw(list(examples.STYLES)[seed], "boat", seed, 512))


@pytest.mark.parametrize("picture", [detailed, noise])
def test_a_report_on_nine_detailed_pictures_can_be_mailed(picture: Any) -> None:
    one = replace(outcome(compared(random_rows(1, 9)), calibrated()), thumbnails=tuple(map(picture, range(9))))
    assert len(html_report(one).encode()) <= MOST_BYTES
