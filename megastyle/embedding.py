"""Picture files become embeddings, each content once: what the cache holds is not computed again.

The function that embeds is given by the caller, so nothing here knows where a forward pass runs.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from megastyle.pictures import PictureError, Thumbnail, decode, pixel_values, read_file, thumbnail_of

if TYPE_CHECKING:
    from transformers import SiglipImageProcessorPil

READERS = 2  # threads that decode pictures, for all visitors together: one picture at the limits may take 1 GB
READER_POOL = ThreadPoolExecutor(READERS, thread_name_prefix="reader")


@dataclass(frozen=True)
class Embedded:
    """What is known of a picture once it was embedded: a (d,) float32 unit row and its thumbnail."""

    embedding: npt.NDArray[np.float32]
    thumbnail: Thumbnail


class Cache:
    """Embedded pictures by the SHA-256 of their file; the least recently used one makes room.

    It lives in the main process and is safe for parallel visitors. Its lock is never held while anything is computed.
    """

    def __init__(self, size: int) -> None:
        """Keep at most `size` pictures."""
        self._size = size
        self._entries: OrderedDict[str, Embedded] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Embedded | None:
        """The picture, now the most recently used one; None if it is not kept."""
        with self._lock:
            if digest in self._entries:
                self._entries.move_to_end(digest)
            return self._entries.get(digest)

    def put(self, digest: str, entry: Embedded) -> None:
        """Keep a picture, unless its embedding is not finite: a GPU's fault must not be remembered."""
        if not np.isfinite(entry.embedding).all():
            return
        with self._lock:
            self._entries[digest] = entry
            self._entries.move_to_end(digest)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)


class Prepared(NamedTuple):
    """A picture that waits for its embedding: (3, S, S) float32 pixel values and its thumbnail."""

    pixel_values: npt.NDArray[np.float32]
    thumbnail: Thumbnail


class Reading(NamedTuple):
    """A file that was read: the SHA-256 of its bytes, and either what the cache holds of it or what to embed."""

    digest: str
    kept: Embedded | None
    prepared: Prepared | None


class RefusedError(ValueError):
    """Files are refused: `reasons[i]` says why file i is."""

    def __init__(self, reasons: Mapping[int, PictureError]) -> None:
        """At least one reason."""
        super().__init__("; ".join(f"file {index} {reason}" for index, reason in reasons.items()))
        self.reasons = dict(reasons)


@dataclass(frozen=True)
class Embedder:
    """What turns files into embeddings.

    Attributes:
        processor: the encoder's own image processor.
        embed: (k, 3, S, S) float32 pixel values -> (k, d) float32 unit rows.
        batch_size: how many pictures `embed` gets at once, at most.
        cache: consulted before anything is decoded; it gets each new picture as soon as that is embedded, so that what
            is done stays done if a later batch fails.
    """

    processor: SiglipImageProcessorPil
    embed: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
    batch_size: int
    cache: Cache

    def read(self, path: str) -> Reading:
        """Read one file; it is decoded only if the cache does not hold its content.

        Raises:
            PictureError: the file is refused.
        """
        content = read_file(path)
        digest = hashlib.sha256(content).hexdigest()
        if kept := self.cache.get(digest):
            return Reading(digest, kept, None)
        image = decode(content)
        return Reading(digest, None, Prepared(pixel_values(image, self.processor), thumbnail_of(image)))

    def read_all(self, paths: Sequence[str]) -> list[Reading]:
        """Read the files in the threads that all visitors share.

        Raises:
            RefusedError: one or more files are refused; every one of them has its reason.
        """
        futures = [READER_POOL.submit(self.read, path) for path in paths]
        errors = [future.exception() for future in futures]
        if reasons := {index: error for index, error in enumerate(errors) if isinstance(error, PictureError)}:
            raise RefusedError(reasons)
        return [future.result() for future in futures]

    def embed_files(self, paths: Sequence[str], report: Callable[[int, int], object]) -> list[tuple[str, Embedded]]:
        """SHA-256 and embedding of each file, in order; the same content may be given any number of times.

        `report` is called before each batch with how many of how many new pictures are embedded. `embed` is called for
        new content, or not at all, and whatever it raises goes through.

        Raises:
            RefusedError: one or more files are refused.
        """
        readings = self.read_all(paths)
        embedded = {reading.digest: reading.kept for reading in readings if reading.kept}
        new = {r.digest: r.prepared for r in readings if r.prepared and r.digest not in embedded}
        digests = list(new)
        for start in range(0, len(digests), self.batch_size):
            report(start, len(digests))
            batch = digests[start : start + self.batch_size]
            rows = self.embed(np.stack([new[digest].pixel_values for digest in batch]))
            for digest, row in zip(batch, rows, strict=True):
                embedded[digest] = Embedded(row, new[digest].thumbnail)
                self.cache.put(digest, embedded[digest])
        return [(reading.digest, embedded[reading.digest]) for reading in readings]
