"""What the commands share: what is taken of a folder, the store of embeddings, and files never half written."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from commands import picture, pictures
from megastyle import folders
from megastyle.encoder import Encoder
from megastyle.folders import FolderError, Known, Picture, Remarks, Store
from megastyle.pictures import MAX_FILE_BYTES

ENCODER = {"checkpoint": "c"}
SIZE = 6
DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]
VECTORS = np.random.default_rng(0).standard_normal((5, SIZE))
ROWS = (VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)).astype(np.float32)
KNOWN = {digest: Known(row, b"webp", ("transparent",)) for digest, row in zip(DIGESTS, ROWS, strict=True)}


# --------------------------------------------------------------------------------------------------------------- looks


def looked(folder: Path) -> tuple[list[Picture], list[str]]:
    """What is taken of a folder, and what is said of the rest."""
    remarks = Remarks()
    found = folders.look({"": folders.files_in(folder, remarks)}, remarks)[""]
    return found, remarks.lines()


def test_companions_are_counted_by_kind_and_folders_named_in_one_line(tmp_path: Path) -> None:
    content = picture(tmp_path / "a.png", 1).read_bytes()
    for name in ("a.txt", "b.TXT", "a.json", "a.npz", "lora.safetensors", ".DS_Store", ".hidden.png"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "deeper").mkdir()
    found, lines = looked(tmp_path)
    assert found == [Picture(tmp_path / "a.png", hashlib.sha256(content).hexdigest())]
    assert lines == [
        "Passed over, as no pictures: 1 .json, 1 .npz, 1 .safetensors, 2 .txt, 2 hidden.",
        f"Folders in {tmp_path.name} are not looked into (1): deeper.",
    ]


def test_what_is_no_readable_file_is_named_by_kind_and_nothing_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "a.png", 1)
    os.mkfifo(tmp_path / "pipe.png")
    links = {
        "broken": "nowhere",
        "device": "/dev/zero",
        "loop": "loop.png",
        "nothing": "/dev/null",
        "other": "pipe.png",
    }
    for name, target in links.items():
        (tmp_path / f"{name}.png").symlink_to(target)
    (tmp_path / "empty.png").touch()
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    locked, read_bytes = picture(tmp_path / "locked.png", 2), Path.read_bytes

    def refusing(path: Path) -> bytes:  # permissions do not bind root
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    found, lines = looked(tmp_path)
    assert [one.name for one in found] == ["a.png"]
    no_file = ", ".join(f"{tmp_path.name}/{name}.png" for name in links)
    assert lines == [
        f"Left out (6): {no_file} and 1 more. Each is no file, but a link to nothing, a pipe, a device or a socket.",
        f"Left out (1): {tmp_path.name}/empty.png. It is empty.",
        f"Left out (1): {tmp_path.name}/large.png. It is larger than 32 MB. Save a smaller copy.",
        f"Left out (1): {tmp_path.name}/locked.png. It cannot be read: Permission denied.",
    ]


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines", b"\xe2\x80\xaeturned", b"\x1b[31mred", b"a" * 251])
def test_names_become_one_line_that_a_terminal_can_show(tmp_path: Path, name: bytes) -> None:
    picture(tmp_path / "a.png", 1).rename(tmp_path / os.fsdecode(name + b".png"))
    (tmp_path / os.fsdecode(name)).touch()
    found, lines = looked(tmp_path)
    for text in (*lines, found[0].name):
        assert text.isprintable()
        text.encode()


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    for name, reason in (("nowhere", "No such file"), (picture(tmp_path / "a.png", 1).name, "Not a directory")):
        with pytest.raises(FolderError, match=f"{name} cannot be read: {reason}"):
            folders.inside(tmp_path / name, Remarks())


# --------------------------------------------------------------------------------------------------------------- store


def kept(folder: Path) -> list[int]:
    """Which of KNOWN are kept; each is the one that was put, to the bit."""
    with closing(Store(folder, ENCODER)) as store:
        known = {index: store.get(digest) for index, digest in enumerate(DIGESTS)}
    found = {index: one for index, one in known.items() if one}
    assert all((one.embedding == ROWS[index]).all() for index, one in found.items())
    assert {one[1:] for one in found.values()} <= {(b"webp", ("transparent",))}
    return list(found)


def test_two_runs_use_it_together_and_what_was_put_is_on_the_disk_at_once(tmp_path: Path) -> None:
    with closing(Store(tmp_path, ENCODER)) as first, closing(Store(tmp_path, ENCODER)) as second:
        for digest in DIGESTS:
            first.put({digest: KNOWN[digest]})
            second.put({digest: KNOWN[digest]})
        assert kept(tmp_path) == [0, 1, 2, 3, 4]
    with closing(Store(tmp_path, {"checkpoint": "d"})) as other:
        assert not other.get(DIGESTS[0])


def test_a_run_that_never_lets_go_is_told_and_spoils_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "STORE_SECONDS", 0.1)
    with closing(Store(tmp_path, ENCODER)) as store, closing(sqlite3.connect(store.path)) as other:
        store.put({DIGESTS[0]: KNOWN[DIGESTS[0]]})
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            store.put(KNOWN)
    assert kept(tmp_path) == [0]


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    path = Store(tmp_path, ENCODER).path
    path.write_text("text")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        Store(tmp_path, ENCODER)
    with pytest.raises(OSError, match="Not a directory"):
        Store(path / "megastyle", ENCODER)


def test_the_stores_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/else")
    assert folders.cache_folder() == Path("/else/megastyle")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folders.cache_folder() == Path.home() / ".cache" / "megastyle"


# ---------------------------------------------------------------------------------------------------------- embeddings


def test_pictures_are_embedded_in_batches_and_each_but_once(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = looked(pictures(tmp_path, oil=7) / "oil")
    embed = Mock(side_effect=folders.embed)
    monkeypatch.setattr(folders, "embed", embed)
    rows = []
    for size in (1, 3):
        monkeypatch.setattr(folders, "READERS", size)
        with closing(Store(tmp_path / str(size), {})) as store:
            for _ in range(2):
                embedded = folders.embed_all(found, encoder, store, Remarks())
        assert list(embedded) == [one.sha256 for one in found]
        rows.append(np.stack(list(embedded.values())))
    assert [len(call.args[1]) for call in embed.call_args_list] == [1] * 7 + [3, 3, 1]
    assert (rows[1] == rows[0]).all()


def test_pictures_that_cannot_be_decoded_or_have_changed_are_left_out(encoder: Encoder, tmp_path: Path) -> None:
    pictures(tmp_path, oil=4)
    damaged, changed = tmp_path / "oil" / "001.png", tmp_path / "oil" / "002.png"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    found, _ = looked(tmp_path / "oil")
    picture(changed, 99)
    remarks = Remarks()
    with closing(Store(tmp_path, {})) as store:
        assert list(folders.embed_all(found, encoder, store, remarks)) == [found[0].sha256, found[3].sha256]
    assert remarks.lines() == [
        "Left out (1): oil/001.png. It is damaged or cut short. Save or download it again.",
        "Left out (1): oil/002.png. It has changed during the run. Start again.",
    ]


def test_an_embedding_that_is_not_finite_ends_the_run_and_is_not_kept(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = looked(pictures(tmp_path, oil=1) / "oil")
    monkeypatch.setattr(folders, "embed", lambda _, pixels: np.full((len(pixels), 64), np.nan, np.float32))
    with closing(Store(tmp_path, {})) as store:
        with pytest.raises(ValueError, match=r"oil/000.png: the embedding is not finite"):
            folders.embed_all(found, encoder, store, Remarks())
        assert not store.get(found[0].sha256)


# --------------------------------------------------------------------------------------------------------------- files


def test_files_are_written_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.html"
    folders.write_together({first: "old\r\n", second: "old"})
    assert first.read_bytes() == b"old\r\n"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(Path, "write_bytes", Mock(side_effect=[None, full]))
    with pytest.raises(FolderError, match=r"b.html cannot be written: No space left"):
        folders.write_together({first: "new", second: "new"})
    assert (first.read_text(), second.read_text()) == ("old\n", "old")
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_places_that_are_no_files_are_refused_before_anything_is_computed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/null", "/dev/full", tmp_path / "pipe", tmp_path):
        with pytest.raises(FolderError, match="it is no regular file"):
            folders.require_places([Path(place)])
    with pytest.raises(FolderError, match="its folder is not there"):
        folders.require_places([tmp_path / "nowhere" / "a.json"])


@pytest.mark.parametrize(
    "error", [FolderError("two\nlines"), OSError(28, "No space"), MemoryError(), sqlite3.OperationalError("locked")]
)
def test_whatever_ends_a_command_is_one_line(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert folders.command(Mock(side_effect=error), "Not done") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Not done: ")
