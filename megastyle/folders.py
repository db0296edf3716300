"""A folder of pictures becomes embeddings: what lies in it, what is left out and why, and the store of what is known.

The commands `calibrate` and `score` share it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm
from transformers import SiglipImageProcessorPil

from megastyle import reading
from megastyle.comparison import require_unit_rows
from megastyle.embedding import pixel_values, size_of
from megastyle.encoder import Encoder, EncoderError, unit_rows
from megastyle.measuring import versions
from megastyle.pictures import MAX_FILE_BYTES, TOO_LARGE, PictureError
from megastyle.reading import READER

Rows = npt.NDArray[np.float32]

READERS = 2  # pictures that are read at the same time; a CPU keeps so many at once
BATCH_SIZE = 16  # pictures at once on an accelerator; a CPU is faster one at a time
MOST_NAMED = 5  # pictures that a remark names; the others are counted
MAX_NAME_LENGTH = 255  # characters of a name; a file system's own limit is 255 bytes
HIDDEN = "hidden"
COMPANIONS = {  # suffixes of what lies beside the pictures of a training folder, and of what the commands write
    ".caption",
    ".ckpt",
    ".csv",
    ".html",
    ".json",
    ".jsonl",
    ".log",
    ".md",
    ".npy",
    ".npz",
    ".pt",
    ".safetensors",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}
STORE_FORMAT = 2  # another number, also of what makes pixel values of a file, keeps old embeddings from being used
STORE_SECONDS = 30  # how long a run waits for another one to finish writing
TABLE = "CREATE TABLE IF NOT EXISTS pictures (sha256 TEXT PRIMARY KEY, embedding BLOB, thumbnail BLOB, remarks TEXT)"
BAD_INPUT, INTERRUPTED = 2, 130  # exit codes: argparse's, and the shell's for Ctrl+C


class FolderError(ValueError):
    """A folder, the store or an output cannot be used; the message says which and why, in one line."""


class Picture(NamedTuple):
    """A picture file and the SHA-256 of its content."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return printable(self.path.name)


class Known(NamedTuple):
    """What the store keeps of a picture.

    Attributes:
        embedding: (d,) float32, a unit row.
        thumbnail: WebP, its longer side at most 192 pixels.
        remarks: what a reader of its score should know, as keys of `megastyle.pictures`.
    """

    embedding: Rows
    thumbnail: bytes
    remarks: tuple[str, ...]


def printable(name: str) -> str:
    """A file's name as one line of text that UTF-8 can carry: every other character is written as its number."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return text[:MAX_NAME_LENGTH]


def place_of(path: Path) -> str:
    """A file's folder and name."""
    return f"{printable(path.parent.name)}/{printable(path.name)}"


def listed(places: Sequence[str]) -> str:
    """Some places by name, and how many more there are."""
    more = len(places) - MOST_NAMED
    return ", ".join(places[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass
class Remarks:
    """What the owner of a folder should know of it, gathered by kind.

    Attributes:
        passed_over: how many files of each kind are no pictures and were not looked at.
        left_out: reason -> the files; a reason continues the sentence "It ...".
        notes: further lines.
    """

    passed_over: Counter[str] = field(default_factory=Counter)
    left_out: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A line for each kind."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
        lines = [f"Passed over, as no pictures: {kinds}."] if kinds else []
        for reason, places in self.left_out.items():
            lines.append(f"Left out ({len(places)}): {listed(places)}. {'Each' if len(places) > 1 else 'It'} {reason}")
        return lines + self.notes


# --------------------------------------------------------------------------------------------------------------- files


def sort_out(paths: Iterable[Path], remarks: Remarks) -> tuple[list[Path], list[Path]]:
    """The files that may be pictures, and the folders; companions and what is hidden are counted."""
    files, deeper = [], []
    for path in paths:
        kind = HIDDEN if path.name.startswith(".") else path.suffix.lower()
        if path.is_dir() and kind != HIDDEN:
            deeper.append(path)
        elif kind == HIDDEN or kind in COMPANIONS:
            remarks.passed_over[kind] += 1
        else:
            files.append(path)
    return files, deeper


def inside(folder: Path, remarks: Remarks) -> tuple[list[Path], list[Path]]:
    """What `sort_out` finds in a folder, by name.

    Raises:
        FolderError: it is no folder or cannot be listed.
    """
    try:
        return sort_out(sorted(folder.iterdir()), remarks)
    except OSError as error:
        raise FolderError(f"{printable(str(folder))} cannot be read: {error.strerror}") from error


def files_in(folder: Path, remarks: Remarks) -> list[Path]:
    """The files of a group, of a style or of the references; folders in it are named.

    Raises:
        FolderError: it is no folder or cannot be listed.
    """
    files, deeper = inside(folder, remarks)
    if deeper:
        names = listed([printable(path.name) for path in deeper])
        remarks.notes.append(f"Folders in {printable(folder.name)} are not looked into ({len(deeper)}): {names}.")
    return files


def read_content(path: Path) -> bytes:
    """A file's content; nothing but a regular file is ever opened, because a pipe would block for ever.

    Raises:
        PictureError: it cannot be read, is empty or too large.
    """
    try:
        if not path.is_file():
            raise PictureError("is no file, but a link to nothing, a pipe, a device or a socket.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PictureError(TOO_LARGE)
        content = path.read_bytes()
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror}.") from error
    if not content:
        raise PictureError("is empty.")
    return content


def progress(what: str, total: int, done: int = 0) -> tqdm:
    """A bar with the time left on standard error; where nobody watches, a line every ten seconds at most."""
    seconds = 0.1 if sys.stderr.isatty() else 10
    return tqdm(total=total, initial=done, desc=what, unit=" pictures", mininterval=seconds)


def look(groups: Mapping[str, Sequence[Path]], remarks: Remarks) -> dict[str, list[Picture]]:
    """The files of each group that can be read, with their SHA-256; nothing is decoded. The others are named."""
    found: dict[str, list[Picture]] = {group: [] for group in groups}
    with progress("Looked at", sum(map(len, groups.values()))) as bar:
        for group, path in ((group, path) for group, paths in groups.items() for path in paths):
            try:
                found[group].append(Picture(path, hashlib.sha256(read_content(path)).hexdigest()))
            except PictureError as error:
                remarks.left_out[str(error)].append(place_of(path))
            bar.update()
    return found


# --------------------------------------------------------------------------------------------------------------- store


def cache_folder() -> Path:
    """Where the stores lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "megastyle"


def made_with(encoder: Encoder) -> dict[str, Any]:
    """All that an embedding depends on beside the picture."""
    return {
        "checkpoint": encoder.source.sha256,
        "backbone": encoder.source.backbone,
        "config": encoder.model.config.to_json_string(),
        "processor": encoder.processor.to_json_string(),
        "versions": versions(),
    }


class Store:
    """The embeddings that one encoder made, in an sqlite3 file of its own, by the SHA-256 of the picture.

    What was put is on the disk at once, so a run that is stopped goes on where it was. Two runs may use it together.

    Args:
        folder: of all stores; it is made if it is not there.
        made_with: whatever the embeddings depend on beside the picture.

    Raises:
        OSError, sqlite3.Error: it cannot be read or written, or is damaged.
    """

    def __init__(self, folder: Path, made_with: Mapping[str, Any]) -> None:
        key = json.dumps({"format": STORE_FORMAT, **made_with}, sort_keys=True)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.sqlite"
        self._database = sqlite3.connect(self.path, timeout=STORE_SECONDS)
        self._database.execute(TABLE)

    def close(self) -> None:
        """Give the file free."""
        self._database.close()

    def put(self, known: Mapping[str, Known]) -> None:
        """Keep pictures by their SHA-256.

        Raises:
            sqlite3.Error: they cannot be written.
        """
        rows = [
            (sha256, one.embedding.astype("<f4").tobytes(), one.thumbnail, " ".join(one.remarks))
            for sha256, one in known.items()
        ]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?)", rows)

    def get(self, sha256: str) -> Known | None:
        """What is known of a picture, if anything is.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        query = "SELECT embedding, thumbnail, remarks FROM pictures WHERE sha256 = ?"
        if (row := self._database.execute(query, (sha256,)).fetchone()) is None:
            return None
        return Known(np.frombuffer(row[0], dtype="<f4").astype(np.float32), row[1], tuple(row[2].split()))


# ---------------------------------------------------------------------------------------------------------- embeddings


def device_of_choice() -> torch.device:
    """The accelerator, if there is one."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def embed(encoder: Encoder, pixels: Rows) -> Rows:
    """Embed k pictures of (k, 3, S, S) float32 in [-1, 1]: (k, d) float32 unit rows."""
    device = device_of_choice()
    encoder.model.to(device)
    parts = torch.from_numpy(pixels).split(BATCH_SIZE if device.type != "cpu" else 1)
    return torch.cat([unit_rows(encoder.model, part.to(device)).cpu() for part in parts]).numpy()


def read(picture: Picture, processor: SiglipImageProcessorPil) -> reading.Picture | PictureError:
    """A picture by the reading process, or why it is refused: also if it is no longer what was looked at."""
    try:
        found = READER.read(read_content(picture.path), size_of(processor), processor.resample)
    except PictureError as error:
        return error
    return found if found.digest == picture.sha256 else PictureError("has changed during the run. Start again.")


def embed_all(pictures: Sequence[Picture], encoder: Encoder, store: Store, remarks: Remarks) -> dict[str, Rows]:
    """SHA-256 -> (d,) unit row of the pictures; the store's, or computed and kept at once. What is refused is named.

    Raises:
        ValueError: an embedding is not a finite unit vector; the message names the picture.
        sqlite3.Error: an embedding cannot be kept.
    """
    distinct = {picture.sha256: picture for picture in pictures}
    rows = {sha256: known.embedding for sha256 in distinct if (known := store.get(sha256))}
    new = [picture for sha256, picture in distinct.items() if sha256 not in rows]
    size = BATCH_SIZE if device_of_choice().type != "cpu" else READERS
    print(f"{len(distinct):,} pictures; {len(rows):,} are embedded already.", flush=True)
    with progress("Embedded", len(distinct), len(rows)) as bar, ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(new), size):
            some = new[start : start + size]
            batch = []
            for picture, found in zip(some, pool.map(lambda one: read(one, encoder.processor), some), strict=True):
                if isinstance(found, PictureError):
                    copies = [place_of(one.path) for one in pictures if one.sha256 == picture.sha256]
                    remarks.left_out[str(found)] += copies
                else:
                    batch.append(found)
            if batch:
                embeddings = embed(encoder, pixel_values([one.square for one in batch], encoder.processor))
                require_unit_rows(embeddings, [place_of(distinct[one.digest].path) for one in batch])
                thumbnails = (base64.b64decode(one.thumbnail.medium.partition(",")[2]) for one in batch)
                parts = zip(batch, embeddings, thumbnails, strict=True)
                made = {one.digest: Known(row, thumbnail, one.remarks) for one, row, thumbnail in parts}
                store.put(made)
                rows |= {sha256: known.embedding for sha256, known in made.items()}
            bar.update(len(some))
    return rows


# ------------------------------------------------------------------------------------------------------------- command


def require_places(paths: Iterable[Path]) -> None:
    """Refuse files that could not be written, before anything is computed for them.

    Raises:
        FolderError: a folder is not there or cannot be written, or something else than a file stands in a place.
    """
    for path in paths:
        if path.exists() and not path.is_file():
            raise FolderError(f"{printable(str(path))} cannot be written: it is no regular file")
        if not os.access(path.parent, os.W_OK):
            raise FolderError(f"{printable(str(path))} cannot be written: its folder is not there or closed to you")


def write_together(texts: Mapping[Path, str]) -> None:
    """Write files beside their places and rename them at the end, so that nobody ever finds half of them.

    Raises:
        FolderError: one cannot be written; then none is.
    """
    unfinished = {path: path.with_name(f".unfinished-{path.name}") for path in texts}
    try:
        for path, made in unfinished.items():
            made.write_bytes(texts[path].encode())
        for path, made in unfinished.items():
            made.replace(path)
    except OSError as error:
        raise FolderError(f"{printable(str(path))} cannot be written: {error.strerror}") from error
    finally:
        for made in unfinished.values():
            made.unlink(missing_ok=True)


def command(act: Callable[[], int], failed: str) -> int:
    """Run a command and give its exit code; whatever ends it early is one line on standard error, after `failed`."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = act()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nStopped. What was embedded is kept: the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except sqlite3.Error as error:
        place = printable(str(cache_folder()))
        said = f"no embedding can be kept in {place}: {error}. XDG_CACHE_HOME may name another place"
    except (ValueError, OSError, MemoryError, EncoderError) as error:
        said = " ".join(str(error).split()) or "not enough memory"
    else:
        return code
    print(f"{failed}: {said}", file=sys.stderr)
    return BAD_INPUT
