"""README, requirements and commands agree with the code, and the repository can be pushed to the Hub as it is."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import yaml

from loopback import ROOT
from megastyle.comparison import BANDS, FAR_MARGIN, LOOSE_BELOW, MAX_REFERENCES
from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, CHECKPOINT_FILE, CHECKPOINT_REPO
from megastyle.page.words import band_spans
from megastyle.pictures import MAX_FILE_BYTES, MAX_PIXELS

README = (ROOT / "README.md").read_text(encoding="utf-8")
SUPPORTED_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0", "2.12.1", "2.13.0")  # ZeroGPU's documentation, 2026


SETTINGS: dict[str, Any] = yaml.safe_load(README.split("---")[1])


def requirements() -> dict[str, str]:
    """Package name -> version specifier, empty for none."""
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {match[1].lower(): match[2] for match in (re.fullmatch(r"([\w-]+)(.*)", line) for line in lines) if match}


def test_the_frontmatter_configures_a_gradio_space_for_zerogpu() -> None:
    fixed = {"sdk": "gradio", "python_version": "3.10", "app_file": "app.py", "license": "mit"}
    assert fixed.items() <= SETTINGS.items()
    assert tuple(map(int, SETTINGS["sdk_version"].split("."))) >= (5, 50, 0), "older ones have no ZeroGPU"
    assert len(SETTINGS["short_description"]) <= 60  # the Hub's limit
    assert not {"hardware", "suggested_hardware"} & SETTINGS.keys()


def test_the_build_preloads_exactly_the_files_that_a_start_needs() -> None:
    preloaded = dict(entry.split() for entry in SETTINGS["preload_from_hub"])
    assert preloaded == {CHECKPOINT_REPO: CHECKPOINT_FILE, BACKBONE_REPO: ",".join(BACKBONE_FILES)}
    assert set(SETTINGS["models"]) == set(preloaded)


def test_requirements_leave_to_the_platform_what_is_the_platforms() -> None:
    pinned = requirements()
    others_bring = {"jinja2", "numpy", "safetensors", "tqdm"}
    assert set(pinned) == {"spaces", "huggingface_hub", "torch", "transformers", "pillow", *others_bring}
    assert not any(pinned[name] for name in others_bring)
    assert not pinned["spaces"]
    assert not pinned["huggingface_hub"]
    assert pinned["torch"].removeprefix("==") in SUPPORTED_TORCH


def test_the_readme_has_the_bands_and_limits_of_the_code() -> None:
    rows = [f"| {span} | {band.emoji} {band.label} |" for span, band in band_spans()]
    assert len(rows) == len(BANDS)
    for row in rows:
        assert row in README
    assert f"up to {MAX_REFERENCES} references" in README
    assert f"up to {MAX_FILE_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} megapixels" in README
    assert f"at least {FAR_MARGIN:.2f} below" in README
    assert f"Below {LOOSE_BELOW:.2f} the set is loose" in README


def test_the_readme_states_the_quota_that_the_app_asks_for(app: Any) -> None:
    import numpy as np

    first, one = (app.gpu_seconds(np.zeros((count, 1), np.float32)) for count in (9, 1))
    assert f"nine pictures asks for {first} seconds, one new picture\nfor {one};" in README
    minutes = (app.FILES_KEPT_SECONDS + app.SWEEP_SECONDS) // 60
    assert f"{minutes} minutes at most" in README


def test_the_repository_holds_text_only() -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in (ROOT / name for name in names.split("\0") if name):
        if path.is_file():  # else it is deleted, and not yet for git
            assert "\0" not in path.read_bytes().decode(), path
