"""The report of a calibration: well-formed, escaped, loads nothing, and says the calibration's figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from labelled_sets import clustered, some_calibration, some_set
from megastyle.measuring.measurement import labelled
from megastyle.page.calibration_report import report, summary

VOID = {"meta", "br", "line", "polyline", "path"}  # the last three close themselves in SVG
HOSTILE = ("</style><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b")


class Tags(HTMLParser):
    """Every tag, once it is known that each was closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102 - HTMLParser's
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102 - the same
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:  # noqa: D102 - the same
        assert self.open.pop() == tag


def hostile_report() -> str:
    """The report of a set whose styles and remarks are markup."""
    rows = dict(zip(HOSTILE, clustered(1, (4, 5, 3), spread=3).values(), strict=True))
    return report(some_calibration(labelled(rows)), [f"Left out (1): {HOSTILE[0]}"])


def text_of(html: str) -> str:
    """What is read, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("</style>")[2]).split())


@pytest.mark.parametrize("html", [report(some_calibration(), []), hostile_report()])
def test_it_is_well_formed_and_loads_nothing(html: str) -> None:
    tags = Tags(html).seen
    names = {tag for tag, _ in tags}
    assert not names & {"script", "img", "link", "iframe", "object", "base", "form"}
    for tag, attributes in tags:
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "style")}
        assert ("href" in attributes) == (tag == "a")
    policy = next(attributes["content"] for _, attributes in tags if attributes.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in html
    assert "@import" not in html


def test_names_are_text() -> None:
    html = hostile_report()
    assert "alert(1)" in html
    for name in HOSTILE:
        assert name not in html
    assert "<bdi>a&amp;b</bdi>" in html


def test_every_number_of_references_has_a_chart_and_words_for_it() -> None:
    calibration = some_calibration()
    charts = [
        attributes for tag, attributes in Tags(report(calibration, [])).seen if tag == "svg" and "role" in attributes
    ]
    assert len(charts) == len(calibration.rows) == 5
    assert all(
        re.fullmatch(r"Relatives around -?\d\.\d{3}, strangers around -?\d\.\d{3}\.", c["aria-label"] or "")
        for c in charts
    )


def test_the_curves_stay_inside_of_their_charts() -> None:
    html = report(some_calibration(some_set(1, (9, 9, 9))), [])
    curves = [attributes["points"] or "" for tag, attributes in Tags(html).seen if tag == "polyline"]
    assert len(curves) == 16
    for curve in curves:
        places = [tuple(map(float, place.split(","))) for place in curve.split()]
        assert all(0 <= x <= 300 and 0 <= y <= 90 for x, y in places)
        assert min(y for _, y in places) == 0  # it reaches the top


def test_it_says_the_figures() -> None:
    calibration = some_calibration(some_set(2, (6, 7, 5), spread=8))
    words = text_of(report(calibration, []))
    row = calibration.rows[2]
    low, high = row.auc_interval
    assert f"2 {row.auc:.3f} ({low:.3f} to {high:.3f}) {row.same_count:,} {row.different_count:,}" in words
    style, gap = min(calibration.gaps["pairs"].items(), key=lambda item: item[1].gap)
    assert gap.gap < 0
    assert f"{style} {gap.gap:.3f} {gap.confused_with}" in words
    assert " ".join(f"{value:.3f}" for value in calibration.retrieval.values()) in words
    assert "18 pictures in 3 styles" in words


def test_the_text_says_the_same_figures() -> None:
    calibration = some_calibration(some_set(2, (6, 7, 5), spread=8))
    words = summary(calibration)
    for n, row in calibration.rows.items():
        assert f"  {n}: {row.auc:.3f} ({row.auc_interval[0]:.3f} to {row.auc_interval[1]:.3f})" in words
    failing = {style: gap for style, gap in calibration.gaps["aggregated"].items() if gap.gap < 0}
    assert failing
    assert f"aggregated: negative for {len(failing)} of 3 styles" in words
    assert all(f"{style}: {gap.gap:.3f}, confused with {gap.confused_with}" in words for style, gap in failing.items())


def test_a_small_set_says_that_it_is_too_small() -> None:
    assert "1: set too small" in summary(some_calibration())
    assert "set too small" in text_of(report(some_calibration(), []))
