"""Calibrate: what it writes, that it goes on after any end, and that bad input costs no forward pass."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from unittest.mock import Mock, patch

import numpy as np
import pytest

from commands import Command, in_process, picture, pictures
from loopback import ROOT
from megastyle import calibrate, folders
from megastyle.calibration import read_calibration
from megastyle.encoder import Encoder

STYLES = ("ink", "oil", "pen", "tempera")
TOTAL = 12 * len(STYLES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of STYLES."""
    return pictures(tmp_path_factory.mktemp("sets") / "Four casts", **dict.fromkeys(STYLES, 12))


@pytest.fixture
def command(cache: Path, encoder: Encoder) -> Command:
    """The command with the shared cache."""
    return in_process(calibrate, cache, encoder)


@pytest.fixture(scope="module")
def undisturbed(encoder: Encoder, folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run that nothing ended."""
    place = tmp_path_factory.mktemp("undisturbed") / "c.json"
    assert in_process(calibrate, cache, encoder)(folder, "--out", place) == 0
    return place


def test_the_page_can_read_what_is_written(undisturbed: Path, encoder: Encoder) -> None:
    found = read_calibration(undisturbed)
    assert (found.name, found.styles, found.pictures, set(found.rows)) == ("Four casts", 4, TOTAL, set(range(1, 9)))
    assert dict(found.encoder) == {"checkpoint": encoder.source.checkpoint, "sha256": encoder.source.sha256}
    assert set(found.versions) == {"torch", "transformers", "pillow", "numpy"}
    assert undisturbed.with_suffix(".html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {path.name for path in undisturbed.parent.iterdir()} == {"c.json", "c.html"}


def test_the_cosines_are_the_pages(folder: Path, app: ModuleType, undisturbed: Path) -> None:
    """By the app's own reader and function."""
    files = sorted(folder.glob("*/*.png"))
    embedded = app.EMBEDDER.embed_files(files, visitor="one", report=lambda *_: None, gone=lambda: False)
    rows = np.stack([one.embedding for one in embedded])
    cosines = np.clip(rows @ rows.T, -1, 1)
    style = np.array([path.parent.name for path in files])
    same = cosines[(style[:, None] == style) & ~np.eye(len(files), dtype=bool)]
    found = read_calibration(undisturbed)
    assert [found.rows[1].same[0], found.rows[1].same[-1]] == pytest.approx([same.min(), same.max()], abs=2e-6)


def test_ctrl_c_says_in_one_line_how_to_go_on(
    encoder: Encoder, folder: Path, tmp_path: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_process(calibrate, tmp_path / "cache", encoder)
    embed = Mock(side_effect=[folders.embed(encoder, np.zeros((2, 3, 112, 112), np.float32))] * 3 + [KeyboardInterrupt])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "embed", embed)
        assert run(folder, "--out", tmp_path / "c.json") == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("Stopped. What was embedded is kept")
    assert run(folder, "--out", tmp_path / "c.json") == 0
    assert f"{TOTAL} pictures; 6 are embedded already." in capsys.readouterr().out
    assert read_calibration(tmp_path / "c.json").digest == read_calibration(undisturbed).digest


# ------------------------------------------------------------------------------------------------------------- the set


def test_what_is_not_measured_is_named(
    command: Command, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "set"
    shutil.copytree(folder, place)
    shutil.copy(place / "oil" / "000.png", place / "oil" / "copy.png")
    shutil.copy(place / "pen" / "000.png", place / "tempera" / "stolen.png")
    (place / "ink" / "000.txt").write_text("a caption")
    (place / "ink" / "notes.png").write_text("no picture")
    (place / "empty").mkdir()
    picture(place / "lonely" / "000.png", 77)
    picture(place / "loose.png", 78)
    picture(place / "oil" / "more" / "deep.png", 79)
    damaged = place / "ink" / "001.png"
    damaged.write_bytes(damaged.read_bytes()[:-200])  # its header is whole
    assert command(place, "--out", tmp_path / "c.json") == 0
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()[1:]
    report = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert all(line in report for line in lines)
    assert read_calibration(tmp_path / "c.json").pictures == TOTAL - 2 + 1
    refusal = next(line for line in lines if "notes.png" in line)
    assert refusal.startswith("Left out (1): ink/notes.png. It is not a picture that can be read.")
    assert sorted(lines) == sorted(
        [
            refusal,
            "Passed over, as no pictures: 1 .txt.",
            "Left out (1): oil/copy.png. It is a copy of another one in its style.",
            "Left out (2): pen/000.png, tempera/stolen.png. Each is in two styles.",
            "Left out (1): ink/001.png. It is damaged or cut short. Save or download it again.",
            "Not looked at (1): loose.png in set itself, in no style.",
            "Folders in oil are not looked into (1): more.",
            "Styles without a picture, left out (1): empty.",
            "Styles of one picture, which has no relatives (1): lonely.",
        ]
    )


def test_the_digest_is_that_of_contents_and_styles_alone(command: Command, tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        assert command(folder, "--out", tmp_path / "c.json", "--name", "a set") == 0
        return read_calibration(tmp_path / "c.json").digest

    first = digest(pictures(tmp_path / "set", oil=3, ink=2))
    (tmp_path / "set" / "oil" / "000.png").rename(tmp_path / "set" / "oil" / "zzz.png")
    assert digest(tmp_path / "set") == first
    (tmp_path / "set" / "ink").rename(tmp_path / "set" / "pen")
    assert digest(tmp_path / "set") != first


# ----------------------------------------------------------------------------------------------------------- bad input


def named_alike(folder: Path) -> None:
    """Two styles whose names are the same on a terminal."""
    pictures(folder, oil=2, ink=2)
    (folder / "ink").rename(folder / "a\x07")
    (folder / "oil").rename(folder / "a\\x07")


def good(folder: Path) -> None:
    """A set that could be measured."""
    pictures(folder, oil=2, ink=2)


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (lambda _: None, [], "set cannot be read: No such file or directory"),
        (lambda folder: folder.touch(), [], "set cannot be read: Not a directory"),
        (lambda folder: picture(folder / "a.png", 1), [], r"found 0 \(Not looked at \(1\): a.png in set itself"),
        (lambda folder: pictures(folder / "train", oil=2), [], r"found 0 \(Folders in train are not .*: oil"),
        (lambda folder: pictures(folder, oil=3, ink=1), [], "expected two subfolders or more, .* found 1"),
        (lambda folder: pictures(folder, oil=4, ink=4), [], "expected at most 7 pictures, found 8"),
        (named_alike, [], "told apart by characters that cannot be printed"),
        (good, ["--out", "nowhere/c.json"], "c.json cannot be written: its folder is not there"),
        (good, ["--out", "set"], "set cannot be written: it is no regular file"),
        (good, ["--out", "c.html"], "overwritten by the report"),
        (good, ["--name", "<b>"], "name"),
    ],
)
@patch.object(calibrate, "MAX_PICTURES", 7)
def test_bad_input_gets_one_line_before_anything_is_loaded(
    here: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object], words: list[str], said: str
) -> None:
    make(here / "set")
    before = sorted(here.rglob("*"))
    assert in_process(calibrate, here / "cache", None)("set", "--out", "c.json", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"Not calibrated: .*{said}", line)
    assert sorted(here.rglob("*")) == before


def test_a_set_that_turns_out_too_small_ends_the_run(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = pictures(tmp_path / "set", oil=3, ink=2)
    (place / "ink" / "000.png").write_text("no picture")
    assert command(place, "--out", tmp_path / "c.json") == 2
    assert "found 1 (Left out (1): ink/000.png." in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()


def test_the_readme_states_the_limit() -> None:
    assert f"More than {calibrate.MAX_PICTURES:,} pictures are refused" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )
