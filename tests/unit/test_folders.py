"""What the commands share: what is taken of a folder, the store of embeddings, and files never half written."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import stat
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from commands import picture, pictures
from megastyle import folders
from megastyle.encoder import Encoder
from megastyle.folders import FolderError, Known, Picture, Remarks, Store
from megastyle.pictures import MAX_FILE_BYTES

SIZE = 6
DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]
VECTORS = np.random.default_rng(0).standard_normal((5, SIZE))
ROWS = (VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)).astype(np.float32)
KNOWN = {digest: Known(row, b"webp", ("transparent",)) for digest, row in zip(DIGESTS, ROWS, strict=True)}


# --------------------------------------------------------------------------------------------------------------- looks


def looked(folder: Path) -> tuple[list[Picture], list[str]]:
    """What is taken of a folder, and what is said of the rest."""
    remarks = Remarks()
    files, _ = folders.inside(folder, remarks)
    return folders.look(files, remarks), remarks.lines()


def test_pictures_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    found, lines = looked(pictures(tmp_path, oil=3) / "oil")
    assert [one.name for one in found] == ["000.png", "001.png", "002.png"]
    assert [one.sha256 for one in found] == [hashlib.sha256(one.path.read_bytes()).hexdigest() for one in found]
    assert lines == []


def test_companions_are_counted_by_kind_in_one_line(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    for name in ("a.txt", "b.TXT", "a.json", "a.npz", "lora.safetensors", ".DS_Store", ".hidden.png"):
        (tmp_path / name).write_text("no picture")
    found, lines = looked(tmp_path)
    assert len(found) == 1
    assert lines == ["Passed over, as no pictures: 1 .json, 1 .npz, 1 .safetensors, 2 .txt, 2 hidden."]


def test_what_is_no_readable_file_is_named_by_kind_and_nothing_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "a.png", 1)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "broken.png").symlink_to("nowhere")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    locked = picture(tmp_path / "locked.png", 2)
    opened = os.open

    def refusing(path: Path, flags: int) -> int:  # permissions do not bind root
        if path == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, flags)

    monkeypatch.setattr(os, "open", refusing)
    found, lines = looked(tmp_path)
    assert [one.name for one in found] == ["a.png"]
    place = tmp_path.name
    assert sorted(lines) == sorted(
        [
            f"Left out (2): {place}/device.png, {place}/pipe.png. Each is a pipe, a device or a socket.",
            f"Left out (2): {place}/broken.png, {place}/loop.png. Each is a link to nothing.",
            f"Left out (1): {place}/empty.png. It is empty.",
            f"Left out (1): {place}/large.png. It is larger than 32 MB. Save a smaller copy.",
            f"Left out (1): {place}/locked.png. It cannot be read: Permission denied.",
        ]
    )


def test_of_many_names_five_are_said(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"{number}.png").touch()
    (line,) = looked(tmp_path)[1]
    assert line.startswith("Left out (8): ")
    assert line.endswith("4.png and 3 more. Each is empty.")


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


def test_reading_ahead_keeps_the_order_and_begins_no_more_than_its_window() -> None:
    begun: list[int] = []
    results = []
    for item, future in folders.ahead(begun.append, range(50), window=5):
        future.result()
        results.append(item)
        assert len(begun) <= item + 6
    assert results == list(range(50))


# --------------------------------------------------------------------------------------------------------------- store


def opened(folder: Path, checkpoint: str = "c") -> Store:
    """The store of an encoder."""
    return Store(folder, {"checkpoint": checkpoint}, SIZE)


def filled(folder: Path) -> Path:
    """The file of a store that holds KNOWN."""
    with opened(folder) as store:
        store.put(KNOWN)
    return store.path


def kept(folder: Path) -> list[int]:
    """Which of KNOWN are kept; each is the one that was put, to the bit."""
    with opened(folder) as store:
        found = [index for index, digest in enumerate(DIGESTS) if store.get(digest)]
        for index in found:
            known = store.get(DIGESTS[index])
            assert known
            assert known.embedding.dtype == np.float32
            assert (known.embedding == ROWS[index]).all()
            assert known[1:] == (b"webp", ("transparent",))
    return found


def test_what_was_put_is_on_the_disk_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put(KNOWN)
        assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_two_runs_use_it_together(tmp_path: Path) -> None:
    with opened(tmp_path) as first, opened(tmp_path) as second:
        for digest in DIGESTS:
            first.put({digest: KNOWN[digest]})
            second.put({digest: KNOWN[digest]})
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_a_run_that_never_lets_go_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "STORE_SECONDS", 0.1)
    other = sqlite3.connect(filled(tmp_path), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        opened(tmp_path)
    other.close()
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_another_encoder_finds_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    with opened(tmp_path, "d") as other, Store(tmp_path, {"checkpoint": "c"}, SIZE + 1) as wider:
        assert not other.get(DIGESTS[0])
        assert not wider.get(DIGESTS[0])


def torn(path: Path) -> None:
    """The second half is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scratched(path: Path) -> None:
    """A page is overwritten."""
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)


def foreign(path: Path) -> None:
    """Another program's database."""
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE pictures (name TEXT)")
    database.close()


def pipe(path: Path) -> None:
    """It would block whoever opens it."""
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    """A folder."""
    path.unlink()
    (path / "inside").mkdir(parents=True)


@pytest.mark.parametrize("harm", [lambda path: path.write_text("text"), torn, scratched, foreign, pipe, folder])
def test_what_is_no_store_is_set_aside_and_a_new_one_begun(tmp_path: Path, harm: object) -> None:
    path = filled(tmp_path)
    harm(path)  # type: ignore[operator]
    with opened(tmp_path) as store:
        assert store.path == path
        assert str(path.with_suffix(".damaged")) in store.remark
        assert "\n" not in store.remark
        store.put(KNOWN)
    assert os.path.lexists(path.with_suffix(".damaged"))
    assert kept(tmp_path) == [0, 1, 2, 3, 4]


def test_a_row_that_cannot_be_an_embedding_is_made_anew(tmp_path: Path) -> None:
    database = sqlite3.connect(filled(tmp_path))
    damaged = [bytes(4 * SIZE), b"\xff" * 4 * SIZE, b"short", "a" * 4 * SIZE]
    database.executemany("UPDATE pictures SET embedding = ? WHERE sha256 = ?", zip(damaged, DIGESTS, strict=False))
    database.commit()
    database.close()
    assert kept(tmp_path) == [4]


@pytest.mark.parametrize("place", ["/dev/null", "/dev/full", "/proc/1/nothing", "file"])
def test_a_place_that_is_no_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=place):
        opened(tmp_path / place / "megastyle")


def test_a_full_disk_is_named_and_what_was_kept_stays(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put({DIGESTS[0]: KNOWN[DIGESTS[0]]})
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count = {pages}")  # sqlite's own word for a disk without room
        with pytest.raises(sqlite3.OperationalError, match="full"):
            store.put({digest: Known(ROWS[1], bytes(10_000), ()) for digest in DIGESTS[1:]})
    assert kept(tmp_path) == [0]


def test_the_stores_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folders.cache_folder() == tmp_path / "megastyle"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folders.cache_folder() == Path.home() / ".cache" / "megastyle"


# ---------------------------------------------------------------------------------------------------------- embeddings


def test_an_accelerator_gets_batches_and_a_cpu_single_pictures(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = looked(pictures(tmp_path, oil=7) / "oil")
    embed = Mock(side_effect=folders.embed)
    monkeypatch.setattr(folders, "embed", embed)
    rows = []
    for size in (1, 3):
        monkeypatch.setattr(folders, "batch_size", lambda size=size: size)
        with Store(tmp_path / str(size), {}, 64) as store:
            embedded = folders.embed_all(found, encoder, store, Remarks())
        assert list(embedded) == [one.sha256 for one in found]
        rows.append(np.stack(list(embedded.values())))
    assert [len(call.args[1]) for call in embed.call_args_list] == [1] * 7 + [3, 3, 1]
    assert rows[1] == pytest.approx(rows[0], abs=1e-6)


def test_pictures_that_cannot_be_decoded_or_have_changed_are_left_out(encoder: Encoder, tmp_path: Path) -> None:
    pictures(tmp_path, oil=4)
    damaged, changed = tmp_path / "oil" / "001.png", tmp_path / "oil" / "002.png"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    found, _ = looked(tmp_path / "oil")
    picture(changed, 99)
    remarks = Remarks()
    with Store(tmp_path, {}, 64) as store:
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
    with Store(tmp_path, {}, 64) as store:
        with pytest.raises(ValueError, match=r"oil/000.png: the embedding is not finite"):
            folders.embed_all(found, encoder, store, Remarks())
        assert not store.get(found[0].sha256)


# --------------------------------------------------------------------------------------------------------------- files


def test_files_are_written_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.json", tmp_path / "a.html"
    folders.write_together({first: "old\r\n", second: "old"})
    assert first.read_bytes() == b"old\r\n"
    assert stat.S_IMODE(first.stat().st_mode) == 0o644
    full = Mock(side_effect=[None, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FolderError, match=r"a.html cannot be written: No space left"):
        folders.write_together({first: "new", second: "new"})
    assert (first.read_text(), second.read_text()) == ("old\n", "old")
    assert sorted(tmp_path.iterdir()) == [second, first]


def test_places_that_are_no_files_are_refused_before_anything_is_computed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/null", "/dev/full", tmp_path / "pipe", tmp_path):
        with pytest.raises(FolderError, match="it is no regular file"):
            folders.require_places([Path(place)])
    with pytest.raises(FolderError, match="cannot be written: No such file"):
        folders.require_places([tmp_path / "nowhere" / "a.json"])


@pytest.mark.parametrize(
    "error", [FolderError("two\nlines"), OSError(28, "No space"), MemoryError(), sqlite3.OperationalError("locked")]
)
def test_whatever_ends_a_command_is_one_line(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    assert folders.command(Mock(side_effect=error), "Not done") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Not done: ")
