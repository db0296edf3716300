"""How a score was measured: what the appendix of a paper needs, as pairs of a title and a text."""

from __future__ import annotations

from megastyle.calibration import Calibration
from megastyle.comparison import FAR_MARGIN
from megastyle.page.outcome import Provenance
from megastyle.page.words import NOT_MEGASTYLE

CITATION = (
    "Gao et al., MegaStyle: Constructing Diverse and Scalable Style Dataset via Consistent Text-to-Image Style "
    "Mapping, arXiv 2604.08364, 2026."
)
BANDS_FROM = (
    "The bands are a heuristic of this page's owner and no part of the model; the raw cosine is the source of truth. "
    f"The {FAR_MARGIN:.2f} by which an odd one out must fall short is two bands' width, a rule of thumb as well."
)


def calibration_fact(calibration: Calibration | None) -> str:
    """The calibration in words, or that there is none."""
    if calibration is None:
        return "None: this encoder is not calibrated, so the bands are rules of thumb."
    return (
        f"{calibration.name}: {calibration.pictures} pictures of {calibration.styles} styles, measured "
        f"{calibration.made[:10]}, SHA-256 of the file {calibration.sha256}."
    )


def facts(provenance: Provenance, calibration: Calibration | None) -> list[tuple[str, str]]:
    """Titles and texts, in the order in which they are read."""
    encoder = provenance.encoder
    commit = f", commit {encoder['revision']}" if encoder["revision"] else ""
    warning = "" if provenance.is_official else f" {NOT_MEGASTYLE}."
    page = f"; this page's commit {provenance.page}" if provenance.page else ""
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
    return [
        (
            "Encoder",
            f"{encoder['checkpoint']}{commit}, on {encoder['backbone']}. SHA-256 {encoder['sha256']}.{warning}",
        ),
        ("Method", provenance.method),
        ("Versions", f"{versions}{page}."),
        ("Calibration", calibration_fact(calibration)),
        ("Bands", BANDS_FROM),
        ("Cite", CITATION),
    ]
