"""One comparison with all that is said beside it: what page, report and files are made from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from megastyle.calibration import Calibration, Standing
from megastyle.comparison import Comparison
from megastyle.pictures import Thumbnail

METHOD = (
    "Each picture is turned upright as browsers turn it, converted to 8-bit RGB, resized to {side} x {side} pixels by "
    "Pillow (bicubic, aspect ratio not kept), scaled to [-1, 1] (mean 0.5, standard deviation 0.5 for each channel), "
    "and embedded by the vision tower's pooler_output in float32, divided by its L2 norm. Cosine similarity is the dot "
    "product of two embeddings; the mean cosine is its arithmetic mean over the references."
)


@dataclass(frozen=True)
class Provenance:
    """Where a score comes from.

    Attributes:
        encoder: backbone, checkpoint, revision, sha256 and official, as `megastyle.encoder.Source` has them.
        versions: libraries' versions by name.
        page: the commit of this repository; None where it cannot be known.
        method: how pictures become numbers, in words.
    """

    encoder: Mapping[str, Any]
    versions: Mapping[str, str]
    page: str | None
    method: str

    @property
    def is_official(self) -> bool:
        """Whether the scores are MegaStyle scores."""
        return bool(self.encoder["official"])


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out in `folder`, if it is the top of a git repository."""
    command = ["git", "-C", str(folder), "rev-parse", "--show-prefix", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError):
        return None
    prefix, commit = answer.stdout.split("\n")[:2]
    return None if prefix else commit


def provenance_of(encoder: Mapping[str, Any], side: int, folder: Path) -> Provenance:
    """Where the scores of the app in `folder` come from, whose encoder sees pictures of `side` pixels."""
    versions = {name: version(name) for name in ("torch", "transformers", "pillow")}
    return Provenance(encoder, versions, commit_of(folder), METHOD.format(side=side))


def now() -> str:
    """This moment in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Outcome:
    """A comparison, its pictures, and what it was made with.

    Attributes:
        comparison: the numbers.
        thumbnails: one a picture, in the order of `comparison.names`.
        provenance: the encoder and how it was used.
        calibration: what a score of this encoder is worth; None if it was not measured.
        made: when, ISO 8601 in UTC.
        made_from: the chosen files' folders on the server, which Gradio names after their content: that of the test
            image, if there is one, then the references'. page.js compares them with the inputs to know whether a result
            is an old one.
        remarks: what to know of each picture, keys of `words.REMARKS`, in the order of `comparison.names`; empty if
            nothing was looked for.
        tried: the outcomes of all test images of a visit against these references, this one included, best first.
    """

    comparison: Comparison
    thumbnails: tuple[Thumbnail, ...]
    provenance: Provenance
    calibration: Calibration | None
    made: str
    made_from: tuple[str, ...]
    remarks: tuple[tuple[str, ...], ...] = ()
    tried: tuple[Outcome, ...] = ()

    @property
    def name(self) -> str:
        """The test image's file name."""
        return self.comparison.names[0]

    @property
    def standing(self) -> Standing | None:
        """Where the mean to the core stands in the calibration.

        None without a test image, without a calibration, or where that has nothing for so many references.
        """
        if not (self.calibration and self.comparison.has_test):
            return None
        return self.calibration.standing(self.comparison.core_mean, len(self.comparison.core))

    def with_tried(self, outcomes: Iterable[Outcome]) -> Outcome:
        """This outcome with the list that stands beside it: these and itself, by their mean to the core, best first.

        All are of the same references. Of outcomes of the same test image the last one counts, this one above all.
        """
        own = [self] if self.comparison.has_test else []
        by_content = {one.comparison.digests[0]: replace(one, tried=()) for one in (*outcomes, *own)}
        return replace(self, tried=tuple(sorted(by_content.values(), key=lambda one: -one.comparison.core_mean)))
