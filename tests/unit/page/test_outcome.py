"""An outcome: what stands beside it, and where its scores come from."""

from __future__ import annotations

import re
from dataclasses import replace

from loopback import ROOT
from megastyle.page.outcome import Outcome, now, provenance_of
from outcomes import epochs, outcome
from sets import evenly, of_matrix


def order(one: Outcome) -> list[str]:
    """The content of the test images in the list."""
    return [attempt.comparison.digests[0] for attempt in one.tried]


def test_each_test_image_stands_once_in_the_list_and_holds_no_list_of_its_own() -> None:
    """By content, whatever its name; what is shown is in it. Of references alone nothing is added."""
    first, second = (outcome(one) for one in epochs(0.5, 0.9))
    renamed = replace(first, comparison=replace(first.comparison, names=("again.png", *first.comparison.names[1:])))
    found = renamed.with_tried([first, second.with_tried([first]), first])
    assert order(found) == ["t2", "t1"]
    assert found.tried[1].name == "again.png"
    assert [one.tried for one in found.tried] == [(), ()]
    alone = outcome(of_matrix(evenly(3, 0.7), has_test=False))
    assert order(alone.with_tried([first, second])) == ["t2", "t1"]


def test_a_score_says_where_it_comes_from() -> None:
    """Versions, the size of the squares, when; a folder that is no repository has no commit."""
    provenance = provenance_of({"official": False}, 224, ROOT / "tests")
    assert set(provenance.versions) == {"torch", "transformers", "pillow"}
    assert "224 x 224" in provenance.method
    assert (provenance.page, provenance.is_official) == (None, False)
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z", now())
