"""A change is one place: a sixth band is one line in one file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from loopback import ROOT

SIXTH = '    Band(0.85, "Perfect", "🔵", "#123456"),\n'
BANDS_BEGIN = "BANDS = (  # best first; the last one takes everything down to -1\n"
SHOW = """
import json
from megastyle.comparison import compare
from megastyle.page import exports, result, words
from megastyle.page.outcome import Outcome, Provenance
from megastyle.pictures import Thumbnail
import numpy as np

unit = np.array([[1, 0], [0.96, 0.28], [0.8, 0.6]], np.float32)  # cosines 0.96 and 0.8, mean 0.88
encoder = {"backbone": "b", "checkpoint": "c", "revision": None, "sha256": "d", "official": True}
provenance = Provenance(encoder, {}, None, "m")
thumbnails = (Thumbnail(*"x" * len(Thumbnail._fields)),) * 3
made = Outcome(compare(unit, ["t", "a", "b"]), thumbnails, provenance, None, "2026", "")
print(json.dumps({
    "verdict": words.verdict(made),
    "overview": result.overview(made, None),
    "details": result.details(made),
    "about": result.about(provenance, None, 1),
    "record": exports.json_record(made),
}))
"""


@pytest.fixture(scope="module")
def six_bands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a copy of the package with one more line says of cosines 0.96 and 0.8, mean 0.88."""
    folder = tmp_path_factory.mktemp("six")
    shutil.copytree(ROOT / "megastyle", folder / "megastyle", ignore=shutil.ignore_patterns("demo", "__pycache__"))
    file = folder / "megastyle" / "comparison.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(BANDS_BEGIN) == 1
    file.write_text(text.replace(BANDS_BEGIN, BANDS_BEGIN + SIXTH), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("verdict", "## 🔵 Perfect style match"),
        ("overview", "Scale of cosines with 6 bands. Mean 0.880, perfect style match."),
        ("overview", "fill:#123456"),
        ("overview", ">0.85</text>"),
        ("overview", ">Perfect</text>"),
        ("details", "🔵"),
        ("details", "Perfect"),
        ("about", "<tr><td>0.85 and above</td><td>🔵 Perfect style match</td></tr>"),
        ("about", "<tr><td>0.75 to 0.85</td><td>🟢 Strong style match</td></tr>"),
        ("record", '"label": "Perfect style match"'),
        ("record", '"label": "Strong style match"'),
    ],
)
def test_a_sixth_band_is_one_line_in_one_file(six_bands: dict[str, str], part: str, wanted: str) -> None:
    """It has its place on the ruler and in the page's table, and its label wherever a cosine is labelled."""
    assert wanted in six_bands[part]
