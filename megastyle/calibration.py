"""What a score is worth: how pictures of one style, and of two, score in a set whose styles are known.

The score is a picture's mean cosine to n references. Its two distributions are S_n, where the references are other
pictures of its own style ("relatives"), and D_n, where they all share one other style ("strangers").

A calibration is read from a file with distrust: whatever the file holds, reading it gives a Calibration that can be
used, or a CalibrationError of one line.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, ValidationError
from typing_extensions import TypedDict

from megastyle.comparison import BANDS, DECIMALS, MAX_REFERENCES, Band, Floats

log = logging.getLogger(__name__)

FORMAT = 2  # of the file; it changes whenever a key does
MAX_FILE_BYTES = 4 * 2**20  # a file of 5,000 styles has about 1 MB
MAX_NAME_LENGTH = 80  # characters of the set's name
NAME_MARKS = " -_.,:+/()'"  # what a name may hold beside letters and digits: no markup of HTML or Markdown
MAX_TEXT_LENGTH = 300  # characters of any other text, and of an error's

TAIL = np.array([0, 1, 2, 5, *range(10, 200, 10)]) / 10_000  # shares: fine where 1 in 1,000 is told from 2
LEVELS = np.concatenate([TAIL, np.arange(200, 9801, 50) / 10_000, 1 - TAIL[::-1]]).round(4)  # of quantiles, 0 to 1

FINEST_SHARE = 1 / 1000  # the page counts in 1,000, and the quantiles are measured to tell that much
SUGGESTED_SHARES = (1 / 1000, 1 / 100, 1 / 20, 1 / 5)  # of strangers, one for each band but the last, best first
HALF_UNIT = 0.5 * 10**-DECIMALS  # a band takes the number that is shown, hence cosines from half a unit below its floor
KERNEL_WIDTH = 0.02  # cosine: how far a drawn curve is smoothed, 9 pixels of a ruler 320 pixels wide


class CalibrationError(ValueError):
    """A calibration cannot be used; the message says what is wrong and why, in one line."""


class Standing(NamedTuple):
    """Where a score stands in both distributions.

    Attributes:
        same_at_or_below: share of S_n that scores this low or lower, in [0, 1].
        different_at_or_above: share of D_n that scores this high or higher, in [0, 1].
        same_smallest: the smallest share of S_n that the set can tell, above 0; a smaller one says "fewer than".
        different_smallest: the same of D_n.
    """

    same_at_or_below: float
    different_at_or_above: float
    same_smallest: float
    different_smallest: float


# ------------------------------------------------------------------------------------------------------------ the file


def require_name(name: str) -> str:
    """The name of a set, if a page may show it.

    Raises:
        CalibrationError: it is empty or too long, or has other characters than letters, digits and NAME_MARKS.
    """
    if not 0 < len(name.strip()) <= len(name) <= MAX_NAME_LENGTH:
        raise CalibrationError(f"expected a name of 1 to {MAX_NAME_LENGTH} characters, got {len(name)}")
    if odd := next((mark for mark in name if not (mark.isalnum() or mark in NAME_MARKS)), None):
        raise CalibrationError(f"expected a name of letters, digits and any of {NAME_MARKS!r}, got {odd!a} in it")
    return name


def require_format(number: int) -> int:
    """The file's format, if it is today's."""
    if number != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {number}; measure again")
    return number


def require_one_line(text: str) -> str:
    """A text without line breaks or characters that cannot be printed."""
    if not text.isprintable():
        raise ValueError("expected a text of one line")
    return text


def require_ascending(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Numbers of which none is below the one before."""
    if any(later < earlier for earlier, later in pairwise(numbers)):
        raise ValueError("expected numbers in ascending order")
    return numbers


Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH), AfterValidator(require_one_line)]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
Several = Annotated[Whole, Field(ge=2)]
Share = Annotated[float, Field(ge=0, le=1)]
Cosine = Annotated[float, Field(ge=-1, le=1)]
AtLevels = Field(min_length=len(LEVELS), max_length=len(LEVELS))
Quantiles = Annotated[tuple[Cosine, ...], AtLevels, FailFast(), AfterValidator(require_ascending)]
Interval = Annotated[tuple[Share, Share], AfterValidator(require_ascending)]


class EncoderOfSet(TypedDict):
    """The encoder that was measured: its checkpoint's name, and the SHA-256 of that file."""

    checkpoint: Text
    sha256: Text


class PositionShares(TypedDict):
    """How often the position rule of `comparison.positions` gives each position, in [0, 1]."""

    fits: Share
    edge: Share
    apart: Share


class Positions(TypedDict):
    """The position rule's counts for pictures that belong to their references, and for pictures that do not."""

    same: PositionShares
    different: PositionShares


Retrieval = TypedDict("Retrieval", {"recall@1": Share, "map@10": Share})


class Part(BaseModel):
    """A part of the file. A key that it does not know is a mistake, since another format would have another number."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Gap(Part):
    """A style's discrimination gap by pairs (arXiv 2605.09030).

    It is negative where another style, `confused_with`, is closer than the style's own pictures.
    """

    gap: Annotated[float, Field(ge=-2, le=2)]
    confused_with: Text


class Row(Part):
    """The distributions for one number of references.

    Attributes:
        same: (q,) quantiles of S_n at LEVELS, non-decreasing cosines in [-1, 1].
        different: (q,) quantiles of D_n.
        auc: probability that a score of S_n is higher than one of D_n, ties counted half, in [0, 1].
        auc_interval: its 95 % interval, by a bootstrap over styles.
        styles: number of styles with pictures enough to be in S_n.
        style_pairs: number of ordered pairs of the styles with pictures enough to be references in D_n.
        positions: how often the position rule gives each position; None for fewer than three references.
    """

    same: Quantiles
    different: Quantiles
    auc: Share
    auc_interval: Interval
    styles: Several
    style_pairs: Several
    positions: Positions | None = None


class Calibration(Part):
    """What a set of pictures with known styles says of one encoder's scores: the file's content.

    Attributes:
        format: FORMAT.
        name: of the set, for people.
        styles: number of styles in it.
        pictures: number of pictures in it.
        digest: SHA-256 over the pictures and their styles.
        seed: of every draw.
        made: when, ISO 8601 in UTC.
        encoder: the encoder that was measured.
        versions: libraries' versions by name.
        rows: the distributions by number of references, "references" in the file; a number for which the set is too
            small is missing.
        gaps: the discrimination gap of each style with two pictures or more.
        retrieval: Recall@1 and mean AP@10, each in [0, 1].
        sha256: of the file that it was read from, in which it does not stand; empty if it was not read.
    """

    format: Annotated[int, AfterValidator(require_format)]
    name: Annotated[Text, AfterValidator(require_name)]
    styles: Several
    pictures: Several
    digest: Text
    seed: Whole
    made: Text
    encoder: EncoderOfSet
    versions: dict[Text, Text]
    rows: dict[Annotated[int, Field(ge=1, le=MAX_REFERENCES)], Row] = Field(alias="references", min_length=1)
    gaps: dict[Text, Gap]
    retrieval: Retrieval
    sha256: str = Field(default="", exclude=True)

    # --------------------------------------------------------------------------------------------------- what it says

    def smallest_shares(self, n: int) -> tuple[float, float]:
        """The smallest shares of S_n and of D_n that this set can tell; `n` has a row.

        Pictures of one style resemble each other, and so do scores of one pair of styles: what counts are the styles
        and the pairs, however many scores were drawn. With one reference a pair and its reverse give the same scores.
        """
        row = self.rows[n]
        pairs = row.style_pairs / 2 if n == 1 else row.style_pairs
        return max(1 / row.styles, FINEST_SHARE), max(1 / pairs, FINEST_SHARE)

    def standing(self, mean: float, n: int) -> Standing | None:
        """Where a mean cosine to n references stands; None where the set has no row for n."""
        if (row := self.rows.get(n)) is None:
            return None
        below = float(np.interp(mean, row.same, LEVELS))  # of equal quantiles, `interp` takes the last
        return Standing(below, share_at_or_above(mean, row.different), *self.smallest_shares(n))

    def band_shares(self, n: int) -> list[tuple[Band, float, float]]:
        """Each band with the shares of S_n and of D_n that it holds, best first; `n` has a row."""
        row = self.rows[n]
        above = [
            [share_at_or_above(band.floor - HALF_UNIT, scores) for band in BANDS]
            for scores in (row.same, row.different)
        ]
        inside = np.diff(above, axis=1, prepend=0).tolist()  # (2, bands)
        return list(zip(BANDS, *inside, strict=True))

    def suggested_floors(self, n: int) -> list[float | None]:
        """The lowest cosines that the SUGGESTED_SHARES of strangers reach; None where the set is too small to tell."""
        smallest = self.smallest_shares(n)[1]
        reached = np.interp([1 - share for share in SUGGESTED_SHARES], LEVELS, self.rows[n].different).tolist()
        return [floor if share >= smallest else None for share, floor in zip(SUGGESTED_SHARES, reached, strict=True)]

    def density(self, n: int, points: Floats) -> tuple[Floats, Floats]:
        """Smooth densities of S_n and D_n at (p,) `points`, per unit of cosine; `n` has a row."""
        row = self.rows[n]
        return smooth_density(points, row.same), smooth_density(points, row.different)


def share_at_or_above(value: float, quantiles: Sequence[float]) -> float:
    """Share of a distribution at or above `value`, interpolated between its quantiles; in [0, 1].

    Both are turned round because `np.interp` takes the last of equal quantiles, and the share at or above a value that
    occurs often must count all its occurrences.
    """
    return float(np.interp(-value, -np.array(quantiles[::-1]), 1 - LEVELS[::-1]))


def smooth_density(points: Floats, quantiles: Sequence[float]) -> Floats:
    """Density at (p,) `points`, per unit of cosine, of a distribution known by its quantiles.

    It integrates to 1 over [-1, 1]: a Gaussian of KERNEL_WIDTH stands on the middle between neighbouring quantiles, and
    what would fall beyond -1 or 1 is reflected.
    """
    middles = (np.array(quantiles[1:]) + quantiles[:-1]) / 2
    centres = np.concatenate([middles, 2 - middles, -2 - middles])
    kernels = np.exp(-0.5 * ((points[:, None] - centres) / KERNEL_WIDTH) ** 2) / (KERNEL_WIDTH * np.sqrt(2 * np.pi))
    return kernels @ np.tile(np.diff(LEVELS), 3)


# ---------------------------------------------------------------------------------------------------- write and read it


def calibration_text(calibration: Calibration) -> str:
    """The file's text; the same calibration gives the same bytes."""
    return calibration.model_dump_json(by_alias=True, exclude_none=True) + "\n"


def first_fault(error: ValidationError) -> str:
    """What is wrong with a file, in one printable line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ascii(".".join(map(str, fault["loc"])))[1:-1]
    words = f"{place}: {fault['msg']}" if place else fault["msg"]
    return words.replace("Value error, ", "")[:MAX_TEXT_LENGTH]


def read_calibration(path: Path) -> Calibration:
    """The calibration in a file, which is not read if it has more than MAX_FILE_BYTES.

    Raises:
        CalibrationError: it is not there, cannot be read, is damaged or no calibration.
    """
    try:
        if not path.is_file():  # a named pipe would block the start for ever
            raise CalibrationError("is no file" if path.exists() else "is not there")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CalibrationError(f"has more than {MAX_FILE_BYTES // 2**20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise CalibrationError(f"cannot be read: {error.strerror}") from error
    try:
        found = Calibration.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise CalibrationError(first_fault(error)) from error
    return found.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})


def find_calibration(default_path: Path, checkpoint_sha256: str) -> Calibration | None:
    """The calibration in the file that MEGASTYLE_CALIBRATION names, else in the default one, if it can be used.

    One of another encoder than that with `checkpoint_sha256` cannot. Nothing here stops the start: the log says in one
    line what is wrong with the file. Only the default file may be absent.
    """
    named = os.environ.get("MEGASTYLE_CALIBRATION")
    path = Path(os.path.expanduser(named)) if named else default_path  # noqa: PTH111 - Path's own raises for a user who is not there
    if not (named or path.exists()):
        log.info("Calibration: none")
        return None
    try:
        calibration = read_calibration(path)
        if (measured := calibration.encoder["sha256"]) != checkpoint_sha256:
            raise CalibrationError(f"is of encoder {measured[:16]!a}, and this one is {checkpoint_sha256[:16]}")
    except CalibrationError as error:
        log.warning("Not calibrated: %a: %s", path.name, error)
        return None
    log.info("Calibration: %a", calibration.name)
    return calibration
