"""The report of a calibration: well-formed, escaped, loads nothing, and says the calibration's figures."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from labelled_sets import clustered, some_calibration, some_set
from markup import parsed
from megastyle.measuring import labelled
from megastyle.page.calibration_report import report, summary

HOSTILE = ("</style><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b")
CALIBRATION = some_calibration(some_set(2, (9, 12, 9), spread=12), trials=2000)


def elements(html: str) -> list[ET.Element]:
    """Every element of the report, which is well-formed XML but for its first line."""
    doctype, _, rest = html.partition("\n")
    assert doctype == "<!doctype html>"
    return list(parsed(rest).iter())


def hostile_report() -> str:
    """The report of a set whose styles and remarks are markup."""
    rows = dict(zip(HOSTILE, clustered(1, (4, 5, 3), spread=3).values(), strict=True))
    return report(some_calibration(labelled(rows), trials=100), [f"Left out (1): {HOSTILE[0]}"])


def words_of(html: str) -> str:
    """What is read, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("</style>")[2]).split())


@pytest.mark.parametrize("html", [report(CALIBRATION, []), hostile_report()], ids=["plain", "hostile"])
def test_it_is_well_formed_and_loads_nothing(html: str) -> None:
    found = elements(html)
    assert not {element.tag for element in found} & {"script", "img", "link", "iframe", "object", "base", "form"}
    for element in found:
        assert not [name for name in element.attrib if name.startswith("on") or name in ("src", "style")]
        assert ("href" in element.attrib) == (element.tag == "a")
    policy = next(element.get("content") for element in found if element.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in html
    assert not [name for name in HOSTILE if name in html]


def test_every_number_of_references_has_curves_that_fill_their_chart() -> None:
    found = elements(report(CALIBRATION, []))
    curves = [element.get("points", "") for element in found if element.tag == "polyline"]
    assert len(curves) == 16
    for curve in curves:
        places = [tuple(map(float, place.split(","))) for place in curve.split()]
        assert all(0 <= x <= 300 and 0 <= y <= 90 for x, y in places)
        assert min(y for _, y in places) == 0  # it reaches the top


def of_1000(share: float, fewest: int) -> str:
    """A count of 1,000, or that it is below one of so many styles or pairs."""
    if share < 1 / fewest:
        return f"fewer than {-(-1000 // fewest)}"
    return "nearly all" if share > 1 - 1 / fewest else f"{1000 * share:.0f}"


def test_it_and_the_text_say_the_figures() -> None:
    words, text = words_of(report(CALIBRATION, ["One picture was left out"])), summary(CALIBRATION)
    for n, row in CALIBRATION.rows.items():
        interval = f"{n} {row.auc:.3f} ({row.auc_interval[0]:.3f} to {row.auc_interval[1]:.3f})"
        assert f"{interval} 3 6 " in words
        kinds = (("same", 3), ("different", 6)) if row.positions else ()
        rates = [[of_1000(share, fewest) for share in row.positions[kind].values()] for kind, fewest in kinds]
        assert f" {n} {' '.join(rate for three in rates for rate in three)} " in words or not rates
        assert "; ".join([f"  {interval.replace(' ', ': ', 1)}", *(three[2] for three in rates)]) in text.splitlines()
    good, *_, minimal = CALIBRATION.band_shares(4)[1:]
    assert f"🟢 Good {of_1000(good[1], 3)} {of_1000(good[2], 6)} too few styles" in words
    assert f"Minimal {of_1000(minimal[1], 3)}" in words
    negative = {style: gap for style, gap in CALIBRATION.gaps.items() if gap.gap < 0}
    assert negative
    assert f"negative for {len(negative)} of 3 styles" in words
    assert f"negative for {len(negative)} of 3 styles" in text
    for style, gap in negative.items():
        assert f"{style} {gap.gap:.3f} {gap.confused_with}" in words
        assert f"{style}: {gap.gap:.3f}, confused with {gap.confused_with}" in text
    recall, precision = f"{CALIBRATION.retrieval['recall@1']:.3f}", f"{CALIBRATION.retrieval['map@10']:.3f}"
    assert f"Recall@1 {recall} is" in words
    assert f"mAP@10 {precision} also" in words
    assert f"Recall@1 {recall}, mAP@10 {precision}" in text
    assert "30 pictures in 3 styles" in words
    assert "What was left out, and what to know One picture was left out" in words
