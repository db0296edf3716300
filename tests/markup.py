"""The result's HTML as its tests read it: it is well-formed XML, so the standard library's parser takes it apart."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

WORDS = ("title", "alt", "aria-label")  # attributes that hold words rather than structure


def parsed(html: str) -> ET.Element:
    """An element that holds all of the HTML; an element that is not closed, or an attribute given twice, is an error.

    XML has no NUL; a browser shows U+FFFD in its place, and so does this.
    """
    return ET.fromstring(f"<html>{html}</html>".replace("\0", "\ufffd"))  # noqa: S314 - the page's own


def text(element: ET.Element) -> str:
    """All text below, with single spaces."""
    return " ".join("".join(element.itertext()).split())


def texts(elements: list[ET.Element]) -> list[str]:
    """The text of each."""
    return [text(element) for element in elements]


def in_xml(name: str) -> str:
    """A name as an attribute gives it back: XML makes one space of each line break and tab, and has no NUL."""
    return re.sub(r"\r\n|[\r\n\t]", " ", name).replace("\0", "\ufffd")


def visible(html: str) -> str:
    """Whatever of the HTML a person sees, hears or can call up."""
    root = parsed(html)
    return " ".join([*root.itertext(), *(element.get(name, "") for element in root.iter() for name in WORDS)])


def skeleton(html: str) -> list[tuple[str, dict[str, str]]]:
    """Every element with its attributes; the values of those that hold words are left out."""
    return [
        (element.tag, {name: "" if name in WORDS else value for name, value in element.items()})
        for element in parsed(html).iter()
    ]
