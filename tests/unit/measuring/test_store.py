"""The store of embeddings: kept at once, found again, and what a crash leaves of the last record is dropped."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from megastyle.measuring.store import CRC_BYTES, DIGEST_BYTES, Store, StoreError, cache_folder

SIZE = 6
RECORD = DIGEST_BYTES + 4 * SIZE + CRC_BYTES
MADE_WITH = {"checkpoint": "c" * 64}
DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]
ROWS = np.random.default_rng(0).standard_normal((5, SIZE)).astype(np.float32)


def opened(folder: Path, **made_with: str) -> Store:
    """The store of this encoder."""
    return Store(folder, MADE_WITH | made_with, SIZE)


def filled(folder: Path, count: int = 5) -> Path:
    """The file of a store with so many embeddings."""
    with opened(folder) as store:
        store.put(DIGESTS[:2], ROWS[:2])
        for index in range(2, count):
            store.put(DIGESTS[index : index + 1], ROWS[index : index + 1])
    return store.path


def kept(folder: Path) -> list[int]:
    """Which embeddings are kept; each is the one that was put."""
    with opened(folder) as store:
        indices = [index for index, digest in enumerate(DIGESTS) if digest in store]
        for index in indices:
            row = store.get(DIGESTS[index])
            assert row.dtype == np.float32
            assert (row == ROWS[index]).all()
    return indices


def test_what_was_put_is_there_after_reopening_to_the_bit(tmp_path: Path) -> None:
    filled(tmp_path)
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_what_was_put_is_there_at_once(tmp_path: Path) -> None:
    """On the disk, before the store is closed: whatever ends the process takes nothing with it."""
    with opened(tmp_path) as store:
        store.put(DIGESTS[:1], ROWS[:1])
        assert (store.get(DIGESTS[0]) == ROWS[0]).all()
        assert store.path.read_bytes().endswith(ROWS[0].tobytes() + store.path.read_bytes()[-CRC_BYTES:])


@pytest.mark.parametrize("cut", [1, CRC_BYTES, RECORD // 2, RECORD - 1])
def test_a_torn_last_record_is_dropped_and_the_next_run_goes_on(tmp_path: Path, cut: int) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert kept(tmp_path) == [0, 1, 2, 3]
    with opened(tmp_path) as store:
        store.put(DIGESTS[4:], ROWS[4:])
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("damage", [bytes(RECORD), b"\xff" * RECORD])
def test_a_record_that_never_reached_the_disk_is_dropped(tmp_path: Path, damage: bytes) -> None:
    """A power cut may leave the file's length without its content."""
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-RECORD] + damage)
    assert kept(tmp_path) == [0, 1, 2, 3]


def test_a_damaged_record_takes_no_other_with_it(tmp_path: Path) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[-2 * RECORD - 10] ^= 1  # in record 2
    path.write_bytes(content)
    assert kept(tmp_path) == [0, 1, 3, 4]


@pytest.mark.parametrize("length", [0, 1, 20])
def test_a_torn_first_line_begins_anew(tmp_path: Path, length: int) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert kept(tmp_path) == []
    filled(tmp_path)
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_another_encoder_finds_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    with opened(tmp_path, checkpoint="d" * 64) as other:
        assert DIGESTS[0] not in other
    with Store(tmp_path, MADE_WITH, SIZE + 1) as wider:
        assert DIGESTS[0] not in wider
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreError, match="another run writes"):
        opened(tmp_path)
    assert kept(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        opened(tmp_path / "file" / "folder")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(tmp_path) as store:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            store.put(DIGESTS[:1], ROWS[:1])
        assert DIGESTS[0] not in store


def test_the_caches_place_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "megastyle"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "megastyle"
