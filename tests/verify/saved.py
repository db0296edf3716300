"""A matrix that an earlier check has kept: the same encoder has to give it again, whatever runs it.

One text file for each encoder, named after the SHA-256 of its checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from verify.report import Report, digests_of, largest_difference
from verify.table import Line

FOLDER = Path(__file__).resolve().parent.parent / "data" / "deployments"
TOLERANCE = 1e-4  # in a cosine, between two machines or two versions of a library
NAME_DIGITS = 16  # of the SHA-256


def path_of(report: Report, folder: Path = FOLDER) -> Path:
    """Where the matrix of the report's encoder is kept."""
    return folder / f"{report['encoder']['sha256'][:NAME_DIGITS]}.json"


def text_of(report: Report) -> str:
    """The file's content, one row of the matrix a line so that a change can be read."""
    head = {
        "encoder": report["encoder"]["sha256"],
        "versions": report["versions"],
        "names": report["names"],
        "pictures": digests_of(report),
    }
    fields = [f' "{name}": {json.dumps(value)}' for name, value in head.items()]
    rows = ",\n".join(f"  {json.dumps(row)}" for row in report["matrix"])
    return "{\n" + ",\n".join([*fields, f' "matrix": [\n{rows}\n ]']) + "\n}\n"


def save(report: Report, folder: Path = FOLDER) -> Line:
    """Keep the report's matrix, in place of an older one."""
    path = path_of(report, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(report), encoding="utf-8")
    return Line("saved", ok=True, seen=f"{path}; commit it")


def compare(report: Report, folder: Path = FOLDER) -> Line:
    """Hold the report against the matrix that was kept for its encoder."""
    what, path = "as saved", path_of(report, folder)
    if not path.is_file():
        return Line(what, None, "nothing was kept for this encoder; --save (make: SAVE=1) keeps it")
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if kept["encoder"] != report["encoder"]["sha256"] or kept["pictures"] != digests_of(report):
        return Line(what, None, f"{path.name} was kept for other pictures; --save (make: SAVE=1) keeps these")
    difference = largest_difference(kept["matrix"], report["matrix"])
    libraries = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    return Line(what, difference <= TOLERANCE, f"off by {difference:.1e}, kept with {libraries}")
