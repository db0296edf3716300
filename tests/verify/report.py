"""The JSON report that the page offers, held against what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Say = Callable[[str, bool, str], None]  # tells what was checked, whether it is right, and what was seen
Line = tuple[str, bool, str]
ROUNDING = 1e-6  # of float32, in a cosine of a picture with itself and in a mean


def pins(requirements: Path) -> dict[str, str]:
    """The versions that a requirements file pins, by the package's name in lower case."""
    text = requirements.read_text(encoding="utf-8")
    return {name.lower(): version for name, version in re.findall(r"^(\w+)==([\w.]+)", text, re.MULTILINE)}


def check_matrix(report: Mapping[str, Any]) -> tuple[bool, str]:
    """Each cosine is a number, the matrix is symmetric, each picture is like itself, and the mean is the plain mean."""
    matrix = np.array(report["matrix"], np.float64)
    if matrix.shape != (len(report["names"]),) * 2 or not np.isfinite(matrix).all():
        return False, f"the matrix of {len(report['names'])} names has the shape {matrix.shape}, or holds no numbers"
    skew, diagonal = np.abs(matrix - matrix.T).max(), np.abs(matrix.diagonal() - 1).max()
    mean = abs(report["mean_cosine"] - matrix[0, 1:].mean())
    seen = f"off symmetry by {skew:.0e}, diagonal off 1 by {diagonal:.0e}, mean off by {mean:.0e}"
    return bool(max(skew, diagonal, mean) <= ROUNDING), seen


def lines(report: Mapping[str, Any], pinned: Mapping[str, str], commit: str) -> list[Line]:
    """What can be seen from a report; one that lacks what is checked fails."""
    try:
        encoder = report["encoder"]
        source = f"{encoder['checkpoint']}, commit {encoder['revision']}, SHA-256 {encoder['sha256']}"
        versions = {
            name: version.split("+")[0] for name, version in report["versions"].items()
        }  # +cpu: how it was built
        page = report.get("page") or commit  # a report need not know its commit
        return [
            ("encoder", encoder["official"] is True, source),
            ("versions", versions == {name: pinned.get(name) for name in versions or pinned}, str(versions)),
            ("commit of the report", page == commit, f"{page}, checked out here is {commit}"),
            ("numbers", *check_matrix(report)),
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [("report", False, f"it cannot be understood: {error!r}")]
