"""The same pictures embedded on this machine's CPU, by the code that is checked out here."""

from __future__ import annotations

import os
from collections.abc import Mapping

from huggingface_hub import try_to_load_from_cache

from verify.report import Report, digests_of, largest_difference
from verify.table import Line

TOLERANCE = 1e-4  # in a cosine, between a GPU and a CPU
WHAT = "as computed here"


def is_cached() -> bool:
    """Whether the Hub's cache on this machine holds the published encoder."""
    from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, CHECKPOINT_FILE, CHECKPOINT_REPO

    files = [(CHECKPOINT_REPO, CHECKPOINT_FILE), *((BACKBONE_REPO, name) for name in BACKBONE_FILES)]
    return all(isinstance(try_to_load_from_cache(repo, name), str) for repo, name in files)


def compare(report: Report, pictures: Mapping[str, bytes]) -> Line:
    """Hold the report against the cosines of this machine; `pictures` has the content of each by its SHA-256."""
    if report["encoder"]["official"] is not True:
        return Line(WHAT, None, "left out: it is not the published encoder")
    if not is_cached():
        return Line(WHAT, None, "left out: the weights are not in the Hub's cache here (make run downloads them)")
    digests = digests_of(report)
    if missing := [digest for digest in digests if digest not in pictures]:
        return Line(
            WHAT, ok=False, seen=f"{len(missing)} of {len(digests)} pictures of the report are not those on the page"
        )
    for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT"):
        os.environ.pop(name, None)  # they would name another encoder
    import numpy as np
    import torch

    from megastyle.embedding import pixel_values, size_of
    from megastyle.encoder import load_encoder, unit_rows
    from megastyle.reading import READER

    encoder = load_encoder()
    if encoder.source.sha256 != report["encoder"]["sha256"]:
        return Line(WHAT, None, f"left out: the checkpoint here is {encoder.source.sha256}")
    how = size_of(encoder.processor), encoder.processor.resample
    values = [pixel_values([READER.read(pictures[digest], *how).square], encoder.processor) for digest in digests]
    rows = np.concatenate([unit_rows(encoder.model, torch.from_numpy(one)).numpy() for one in values])
    difference = largest_difference(rows @ rows.T, report["matrix"])
    return Line(WHAT, difference <= TOLERANCE, f"off by {difference:.1e}, at most {TOLERANCE:.0e}")
