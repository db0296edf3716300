"""Picture files become embeddings, each content once: what the cache holds is not computed again.

The function that embeds is given by the caller, so nothing here knows where a forward pass runs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from megastyle.pictures import TOO_MUCH, Thumbnail
from megastyle.reading import PLACES_EACH, READER, Picture, PictureError, Reader, VisitorGoneError, digest_of

if TYPE_CHECKING:  # nothing of the page needs torch, which transformers imports
    from transformers import SiglipImageProcessorPil

__all__ = ["Cache", "Embedded", "Embedder", "RefusedError", "VisitorGoneError", "pixel_values", "square_of"]


@dataclass(frozen=True)
class Embedded:
    """What is known of a picture once it was embedded.

    Attributes:
        digest: the SHA-256 of the file's bytes.
        embedding: (d,) float32, a unit row.
        remarks: keys of `megastyle.pictures.REMARKS`.
    """

    digest: str
    embedding: npt.NDArray[np.float32]
    thumbnail: Thumbnail
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, but for what Python itself needs."""
        return self.embedding.nbytes + sum(map(len, self.thumbnail))


class Cache:
    """Embedded pictures by their digest; the least recently used ones make room.

    It lives in the main process and is safe for parallel visitors. Its lock is never held while anything is computed.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        """Keep at most so many pictures, of at most so many bytes together."""
        self._most, self._most_bytes = most, most_bytes
        self._entries: OrderedDict[str, Embedded] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, digest: str) -> Embedded | None:
        """The picture, now the most recently used one; None if it is not kept."""
        with self._lock:
            if digest in self._entries:
                self._entries.move_to_end(digest)
            return self._entries.get(digest)

    def put(self, entry: Embedded) -> None:
        """Keep a picture, unless its embedding is not finite: a GPU's fault must not be remembered."""
        if not np.isfinite(entry.embedding).all():
            return
        with self._lock:
            if former := self._entries.pop(entry.digest, None):
                self._bytes -= former.size
            self._entries[entry.digest] = entry
            self._bytes += entry.size
            while len(self._entries) > self._most or self._bytes > self._most_bytes:
                self._bytes -= self._entries.popitem(last=False)[1].size


class RefusedError(ValueError):
    """Files are refused: `reasons[i]` says why file i is."""

    def __init__(self, reasons: Mapping[int, PictureError]) -> None:
        """At least one reason."""
        super().__init__("; ".join(f"file {index} {reason}" for index, reason in reasons.items()))
        self.reasons = dict(reasons)


def size_of(processor: SiglipImageProcessorPil) -> tuple[int, int]:
    """Width and height that the encoder wants."""
    size: Any = processor.size
    return size["width"], size["height"]


def square_of(image: Image.Image, processor: SiglipImageProcessorPil) -> npt.NDArray[np.uint8]:
    """(height, width, 3) uint8, an RGB picture in memory resized as the encoder wants it: the same as a file's."""
    return np.asarray(image.resize(size_of(processor), resample=processor.resample))


def pixel_values(
    squares: Sequence[npt.NDArray[np.uint8]], processor: SiglipImageProcessorPil
) -> npt.NDArray[np.float32]:
    """(k, 3, height, width) float32 in [-1, 1] of k squares: the processor's own arithmetic, to the bit."""
    scaled = (np.stack(squares).astype(np.float64) * processor.rescale_factor).astype(np.float32)
    mean, deviation = (np.array(values, np.float32) for values in (processor.image_mean, processor.image_std))
    return np.ascontiguousarray(((scaled - mean) / deviation).transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class Embedder:
    """What turns files into embeddings.

    Attributes:
        processor: the encoder's own image processor.
        embed: (k, 3, S, S) float32 pixel values -> (k, d) float32 unit rows.
        batch_size: how many pictures `embed` gets at once, at most.
        cache: asked before anything is read; it gets each new picture as soon as that is embedded, so that what is done
            stays done if a later batch fails.
    """

    processor: SiglipImageProcessorPil
    embed: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
    batch_size: int
    cache: Cache
    reader: Reader = READER

    def recall(self, paths: Sequence[str | Path]) -> list[Embedded | None]:
        """What the cache holds of the files; None where it holds nothing, or the file is gone."""

        def recalled(path: str | Path) -> Embedded | None:
            try:
                return self.cache.get(digest_of(path))
            except PictureError:
                return None

        return [recalled(path) for path in paths]

    def embed_files(
        self,
        paths: Sequence[str | Path],
        *,
        visitor: Hashable,
        report: Callable[[int, int], object],
        gone: Callable[[], bool],
    ) -> list[Embedded]:
        """Each file's embedding, in order; the same content may be given any number of times.

        `visitor` is whose reading places it takes. `report` is called before each batch with how many of how many new
        pictures are embedded. `gone` says whether nobody waits any more. `embed` is called for new content, in this
        thread, or not at all, and whatever it raises goes through.

        Raises:
            RefusedError: one or more files are refused; after one that took too long or too much, no more are read.
            VisitorGoneError: `gone` said so.
        """

        def read(path: str | Path) -> Embedded | Picture:
            if gone():
                raise VisitorGoneError
            if known := self.cache.get(digest_of(path)):
                return known
            size, resample = size_of(self.processor), self.processor.resample
            return self.reader.read(path, size, resample, visitor=visitor, gone=gone)

        with ThreadPoolExecutor(PLACES_EACH, thread_name_prefix="reading") as pool:
            futures = [pool.submit(read, path) for path in paths]
            for future in as_completed(futures):
                if str(future.exception()) == TOO_MUCH:  # nobody else waits for eight more of these
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
        errors = [None if future.cancelled() else future.exception() for future in futures]
        if reasons := {i: error for i, error in enumerate(errors) if isinstance(error, PictureError)}:
            raise RefusedError(reasons)
        found = [future.result() for future in futures]
        embedded = {picture.digest: picture for picture in found if isinstance(picture, Embedded)}
        new = {p.digest: p for p in found if isinstance(p, Picture) and p.digest not in embedded}
        pictures = list(new.values())
        for start in range(0, len(pictures), self.batch_size):
            if gone():
                raise VisitorGoneError
            report(start, len(pictures))
            batch = pictures[start : start + self.batch_size]
            rows = self.embed(pixel_values([picture.square for picture in batch], self.processor))
            for picture, row in zip(batch, rows, strict=True):
                embedded[picture.digest] = Embedded(picture.digest, row, picture.thumbnail, picture.remarks)
                self.cache.put(embedded[picture.digest])
        return [embedded[picture.digest] for picture in found]
