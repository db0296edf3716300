"""The JSON report that the page offers, held against what it must be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from verify.table import Line

Report = Mapping[str, Any]
ROUNDING = 1e-6  # of float32, in a cosine of a picture with itself and in a mean
PINNED = re.compile(r"^([A-Za-z]\w+)==([\w.]+)", re.MULTILINE)


def pins(requirements: Path) -> dict[str, str]:
    """The versions that a requirements file pins, by the package's name in lower case."""
    return {name.lower(): version for name, version in PINNED.findall(requirements.read_text(encoding="utf-8"))}


def matrix_of(report: Report) -> npt.NDArray[np.float64]:
    """The report's matrix, (n, n).

    Raises:
        ValueError: it is not square, or has no row for each name.
    """
    matrix = np.array(report["matrix"], np.float64)
    if matrix.shape != (len(report["names"]),) * 2:
        raise ValueError(f"it has the shape {matrix.shape} for {len(report['names'])} names")
    return matrix


def digests_of(report: Report) -> list[str]:
    """SHA-256 of each compared picture, in the matrix's order."""
    test = [report["test"]] if report["test"] else []
    return [picture["sha256"] for picture in (*test, *report["references"])]


def check_encoder(report: Report) -> tuple[bool, str]:
    """The weights are the published ones."""
    encoder = report["encoder"]
    source = f"{encoder['checkpoint']}, commit {encoder['revision']}, SHA-256 {encoder['sha256']}"
    return encoder["official"] is True, source if encoder["official"] is True else f"not official: {source}"


def check_versions(report: Report, pinned: Mapping[str, str]) -> tuple[bool, str]:
    """The libraries are those of requirements.txt; what follows a plus names only how a build was made."""
    found = {name: version.split("+")[0] for name, version in report["versions"].items()}
    wrong = [f"{name} {version}, pinned is {pinned.get(name)}" for name, version in found.items()]
    wrong = [text for text, name in zip(wrong, found, strict=True) if found[name] != pinned.get(name)]
    said = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return bool(found) and not wrong, "; ".join(wrong) or said


def check_matrix(report: Report) -> tuple[bool, str]:
    """Every cosine is a number, the matrix is symmetric, and each picture is like itself."""
    matrix = matrix_of(report)
    if not np.isfinite(matrix).all():
        return False, f"{int((~np.isfinite(matrix)).sum())} of {matrix.size} cosines are not finite"
    skew, diagonal = float(np.abs(matrix - matrix.T).max()), float(np.abs(matrix.diagonal() - 1).max())
    seen = f"{len(matrix)} x {len(matrix)}, finite, off symmetry by {skew:.0e}, diagonal off 1 by {diagonal:.0e}"
    return max(skew, diagonal) <= ROUNDING, seen


def check_mean(report: Report) -> tuple[bool, str]:
    """The headline is the plain mean of the test image's cosines to the references."""
    shown, computed = float(report["mean_cosine"]), float(matrix_of(report)[0, 1:].mean())
    return math.isclose(shown, computed, abs_tol=ROUNDING), f"{shown:.6f}, from the matrix {computed:.6f}"


def checked(what: str, check: Callable[..., tuple[bool, str]], *arguments: Any) -> Line:
    """The line of one check; a report that lacks what is checked fails it."""
    try:
        ok, seen = check(*arguments)
    except KeyError as error:
        ok, seen = False, f"the report has no {error}"
    except (TypeError, ValueError, AttributeError) as error:
        ok, seen = False, f"the report cannot be understood: {error}"
    return Line(what, ok, seen)


def lines(report: Report, pinned: Mapping[str, str], commit: str | None) -> list[Line]:
    """Everything that can be seen from the report alone."""
    found = [
        checked("encoder", check_encoder, report),
        checked("versions", check_versions, report, pinned),
        checked("matrix", check_matrix, report),
        checked("mean", check_mean, report),
    ]
    if page := report.get("page"):
        found.append(Line("commit in the report", page == commit, f"{page}, checked out here is {commit}"))
    return found


def largest_difference(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """Of two matrices of the same shape."""
    return float(np.abs(np.array(one, np.float64) - np.array(other, np.float64)).max())
