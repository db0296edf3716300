"""A store of embeddings on disk, by the SHA-256 of the picture: what was computed once is never computed again.

A file holds a line of JSON, which says what the embeddings were made with, and records of one length: SHA-256 of the
picture, embedding, CRC-32 of both. It is only ever appended to, so whatever ends a run harms the last record at most.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Self

FORMAT = 1  # another number, also of what makes pixel values of a file, keeps old embeddings from being used
DIGEST_BYTES, CRC_BYTES = 32, 4


class StoreError(RuntimeError):
    """The store cannot be used; the message says why, in one line."""


def cache_folder() -> Path:
    """Where the stores lie by default."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "megastyle"


class Store:
    """The embeddings that one encoder made, for one process at a time.

    Args:
        folder: of all stores; it is made if it is not there.
        made_with: whatever the embeddings depend on beside the picture; every other one has a file of its own.
        size: of an embedding.

    Raises:
        StoreError: another process has it, or the folder cannot be written.
    """

    def __init__(self, folder: Path, made_with: Mapping[str, Any], size: int) -> None:
        """Open the file, or begin it."""
        text = json.dumps({"format": FORMAT, "size": size, **made_with}, sort_keys=True)
        self._header = text.encode() + b"\n"
        self._row_bytes = 4 * size
        self._record_bytes = DIGEST_BYTES + self._row_bytes + CRC_BYTES
        self.path = folder / f"{hashlib.sha256(self._header).hexdigest()[:32]}.embeddings"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise StoreError(f"another run writes to {self.path}; wait for its end") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error
        self._offsets = self._find_records()

    def _find_records(self) -> dict[str, int]:
        """Where each whole record lies; what follows the last one is cut off."""
        self._file.seek(0)
        if self._file.read(len(self._header)) != self._header:
            self._file.truncate(0)
            self._write(self._header)
            return {}
        offsets, offset = {}, len(self._header)
        while len(record := self._file.read(self._record_bytes)) == self._record_bytes:
            if self._is_whole(record):
                offsets[record[:DIGEST_BYTES].hex()] = offset
            offset += self._record_bytes
        self._file.truncate(offset)
        return offsets

    @staticmethod
    def _is_whole(record: bytes) -> bool:
        """Whether a record is as it was written; one of zeros, as a power cut may leave it, is not."""
        return zlib.crc32(record[:-CRC_BYTES]) == int.from_bytes(record[-CRC_BYTES:], "little")

    def _write(self, content: bytes) -> None:
        """Append, and return once it is on the disk."""
        self._file.seek(0, os.SEEK_END)
        while content:
            content = content[self._file.write(content) :]
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._offsets

    def put(self, digests: Sequence[str], rows: npt.NDArray[np.float32]) -> None:
        """Keep (k, size) float32 embeddings of pictures with these SHA-256.

        Raises:
            StoreError: they cannot be written.
        """
        records = b""
        offset = self._file.seek(0, os.SEEK_END)
        for digest, row in zip(digests, rows, strict=True):
            record = bytes.fromhex(digest) + row.astype("<f4").tobytes()
            records += record + zlib.crc32(record).to_bytes(CRC_BYTES, "little")
        try:
            self._write(records)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error
        self._offsets |= {digest: offset + index * self._record_bytes for index, digest in enumerate(digests)}

    def get(self, sha256: str) -> npt.NDArray[np.float32]:
        """(size,) float32 embedding of a picture.

        Raises:
            KeyError: it is not kept.
        """
        self._file.seek(self._offsets[sha256] + DIGEST_BYTES)
        return np.frombuffer(self._file.read(self._row_bytes), dtype="<f4").astype(np.float32)
