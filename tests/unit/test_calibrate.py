"""The command: what it writes, that it goes on after any end, and that bad input costs no forward pass."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from loopback import ROOT
from megastyle import calibrate
from megastyle.calibration import Calibration, read_calibration
from megastyle.encoder import Encoder, load_encoder, unit_rows
from megastyle.measuring import bulk
from megastyle.measuring.labelling import calibrate_pictures
from megastyle.measuring.picture_set import Picture
from megastyle.measuring.store import DIGEST_BYTES

STYLES, PICTURES = 4, 12  # of each style
DATE = re.compile(r'"made": "[^"]*"')


def drawn(seed: int) -> Image.Image:
    """A picture that is noise of one colour cast by style."""
    rng = np.random.default_rng(seed)
    cast = 40 * (seed % STYLES)
    return Image.fromarray((rng.integers(0, 100, (30, 40, 3)) + cast).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of STYLES times PICTURES."""
    place = tmp_path_factory.mktemp("sets") / "Four casts"
    for seed in range(STYLES * PICTURES):
        (place / f"style {seed % STYLES}").mkdir(parents=True, exist_ok=True)
        drawn(seed).save(place / f"style {seed % STYLES}" / f"{seed:03}.png")
    return place


@pytest.fixture(scope="module")
def encoder(tiny_environment: Mapping[str, str]) -> Iterator[Encoder]:
    """The tiny encoder, loaded by the command's own code."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT"):
            patch.setenv(name, tiny_environment[name])
        yield load_encoder()


def run_of(words: list[object], cache: Path, encoder: Encoder) -> int:
    """The command in this process, with a cache of its own; gives the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setattr(calibrate, "load_encoder", lambda: encoder)
        return calibrate.main([str(word) for word in words])


@pytest.fixture
def command(tmp_path: Path, encoder: Encoder) -> Any:
    """The command, with a cache in `tmp_path`."""
    return lambda *words: run_of([*words], tmp_path / "cache", encoder)


def process(environment: Mapping[str, str], cache: Path, *words: object) -> subprocess.Popen[str]:
    """The command as a person runs it."""
    settings = {**environment, "XDG_CACHE_HOME": str(cache)}
    line = [sys.executable, "-m", "megastyle.calibrate", *map(str, words)]
    return subprocess.Popen(line, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def undated(path: Path) -> str:
    """The file's text without its date."""
    text, count = DATE.subn("", path.read_text(encoding="utf-8"))
    assert count == 1
    return text


def kept_in(cache: Path, size: int = 64) -> int:
    """How many embeddings a cache holds, whole ones only."""
    content = next((cache / "megastyle").iterdir()).read_bytes()
    return (len(content) - content.index(b"\n") - 1) // (DIGEST_BYTES + 4 * size + 4)


@pytest.fixture(scope="module")
def undisturbed(encoder: Encoder, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run that nothing ended."""
    place = tmp_path_factory.mktemp("undisturbed")
    assert run_of([folder, "--out", place / "c.json"], place / "cache", encoder) == 0
    return place / "c.json"


def test_the_page_can_read_what_is_written(undisturbed: Path, encoder: Encoder) -> None:
    found = read_calibration(undisturbed)
    assert (found.name, found.styles, found.pictures, set(found.rows)) == ("Four casts", 4, 48, set(range(1, 9)))
    assert found.encoder == {"checkpoint": encoder.source.checkpoint, "sha256": encoder.source.sha256}
    assert set(found.versions) == {"torch", "transformers", "pillow", "numpy"}
    assert undisturbed.with_suffix(".html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert undisturbed.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in undisturbed.parent.iterdir()} == {"c.json", "c.html", "cache"}


def test_a_run_that_was_killed_goes_on_and_writes_the_same_file(
    command: Any, tiny_environment: Mapping[str, str], folder: Path, tmp_path: Path, undisturbed: Path
) -> None:
    """The store is only appended to: with one record a picture at the end, none was embedded twice."""
    out = tmp_path / "c.json"
    with process(tiny_environment, tmp_path / "cache", folder, "--out", out) as run:
        assert run.stderr
        while not run.stderr.readline().startswith("Embedded: "):
            assert run.poll() is None
        run.kill()
    assert run.returncode == -signal.SIGKILL
    done = kept_in(tmp_path / "cache")
    assert 0 < done < STYLES * PICTURES
    assert not out.exists()
    assert command(folder, "--out", out) == 0
    assert kept_in(tmp_path / "cache") == STYLES * PICTURES
    assert undated(out) == undated(undisturbed)


def test_ctrl_c_says_in_one_line_how_to_go_on(
    command: Any, folder: Path, tmp_path: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, embed, done = tmp_path / "c.json", bulk.embed, iter(range(48))

    def interrupted(encoder: Encoder, pixels: Any) -> Any:
        if next(done) == 7:
            signal.raise_signal(signal.SIGINT)
        return embed(encoder, pixels)

    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bulk, "embed", interrupted)
            assert command(folder, "--out", out) == 130
    finally:
        signal.signal(signal.SIGINT, inherited)
    log = [line for line in capsys.readouterr().err.splitlines() if ": " not in line or line.startswith("Stopped")]
    assert log == ["", "Stopped. What was embedded is kept: the same command goes on from there."]
    assert kept_in(tmp_path / "cache") == 7
    assert command(folder, "--out", out) == 0
    assert "48 pictures in 4 styles; 7 are embedded already." in capsys.readouterr().out
    assert undated(out) == undated(undisturbed)


def test_one_more_style_embeds_only_that(
    command: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "growing"
    (place).mkdir()
    for style in ("style 0", "style 1"):
        (place / style).symlink_to(folder / style)
    assert command(place, "--out", tmp_path / "c.json") == 0
    (place / "style 2").symlink_to(folder / "style 2")
    seen: list[int] = []
    embed = bulk.embed
    monkeypatch.setattr(bulk, "embed", lambda encoder, pixels: seen.append(len(pixels)) or embed(encoder, pixels))
    assert command(place, "--out", tmp_path / "c.json") == 0
    assert sum(seen) == PICTURES
    assert "36 pictures in 3 styles; 24 are embedded already." in capsys.readouterr().out


def test_an_embedding_is_the_pages(command: Any, folder: Path, tmp_path: Path, app: Any, undisturbed: Path) -> None:
    """By the app's own reader and function: the page would give the same cosines."""
    files = sorted(folder.glob("*/*.png"))
    found = app.EMBEDDER.embed_files(files, visitor="", report=lambda *_: None, gone=lambda: False)
    rows = np.stack([picture.embedding for picture in found])
    cosines = np.clip(rows @ rows.T, -1, 1)
    style = np.array([path.parent.name for path in files])
    same, other = style[:, None] == style, style[:, None] != style
    np.fill_diagonal(same, val=False)
    found = read_calibration(undisturbed)
    for scores, among in ((found.rows[1].same, same), (found.rows[1].different, other)):
        expected = np.quantile(cosines[among], found.levels, method="inverted_cdf")
        assert scores == pytest.approx(expected, abs=0.002)  # drawn from them
        assert set(np.round(scores, 5)) <= set(np.round(cosines[among].astype(float), 5))


def test_pictures_in_memory_give_the_same_figures(encoder: Encoder, undisturbed: Path) -> None:
    pictures = {f"style {style}": [drawn(style + STYLES * n) for n in range(PICTURES)] for style in range(STYLES)}
    found = Calibration.model_validate_json(calibrate_pictures(pictures, encoder, "In memory"))
    expected = read_calibration(undisturbed)
    assert found.name == "In memory"
    assert found.retrieval == expected.retrieval
    for n, row in expected.rows.items():
        assert found.rows[n] == row


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing"], "missing is no folder"),
        (["empty"], "empty holds no folder"),
        (["flat"], "flat holds no folder"),
        (["lonely"], "found 1"),
        (["set", "--out", "nowhere/c.json"], "nowhere/c.json cannot be written: No such file or directory"),
        (["set", "--out", "set"], "set is a folder"),
        (["set", "--out", "c.html"], "overwritten by the report"),
        (["set", "--name", "<b>"], "expected a name of"),
        (["set", "--name", ""], "expected a name of"),
    ],
)
def test_bad_input_gets_one_line_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(calibrate, "load_encoder", lambda: pytest.fail("loaded"))
    (tmp_path / "empty").mkdir()
    for seed, name in enumerate(["flat/a.png", "lonely/one/a.png", "set/one/a.png", "set/one/b.png", "set/two/a.png"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        drawn(seed).save(tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    assert calibrate.main(["--out", "c.json", *words]) == 2
    log = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Looked at: ")]
    assert len(log) == 1
    assert log[0].startswith("Not calibrated: ")
    assert said in log[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_command_line_without_a_folder_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        calibrate.main([])
    assert refusal.value.code == 2
    assert "folder" in capsys.readouterr().err


def test_a_picture_that_is_damaged_further_on_is_named_and_left_out(
    command: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its header is whole, so that it is found only when it is decoded."""
    place = tmp_path / "damaged"
    for style in ("style 0", "style 1"):
        (place / style).mkdir(parents=True)
        for path in sorted((folder / style).iterdir())[:4]:
            (place / style / path.name).write_bytes(path.read_bytes())
    victim = place / "style 1" / "001.png"
    victim.write_bytes(victim.read_bytes()[:-200])
    assert command(place, "--out", tmp_path / "c.json") == 0
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["pictures"] == 7
    words = "Left out (1): style 1/001.png is damaged or cut short. Save or download it again."
    assert words in capsys.readouterr().out
    assert words in (tmp_path / "c.html").read_text(encoding="utf-8")


def test_an_embedding_that_is_not_finite_ends_the_run_and_is_not_kept(
    command: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "embed", lambda _, pixels: np.full((len(pixels), 64), np.nan, np.float32))
    assert command(folder, "--out", tmp_path / "c.json") == 1
    assert "style 0/000.png: the embedding is not finite" in capsys.readouterr().err
    assert kept_in(tmp_path / "cache") == 0
    assert not (tmp_path / "c.json").exists()


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        calibrate.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------------------------------------------------- reading


def test_reading_ahead_keeps_the_order_and_stays_within_its_window() -> None:
    """Item 0 is handed out when the window behind it has been begun, and nothing beyond it is begun."""
    begun: list[int] = []
    lock = threading.Lock()

    def note(item: int) -> int:
        with lock:
            begun.append(item)
        return item * item

    results = []
    for item, future in bulk.ahead(note, range(50), window=5):
        results.append((item, future.result()))
        assert max(begun) <= item + 5
    assert results == [(item, item * item) for item in range(50)]


def test_what_is_read_ahead_is_given_up_when_nobody_wants_it() -> None:
    begun: list[int] = []
    reading = bulk.ahead(begun.append, range(1000), window=3)
    next(reading)
    reading.close()
    assert len(begun) <= 4


def test_an_accelerator_gets_batches_and_a_cpu_single_pictures(
    encoder: Encoder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    from megastyle.measuring.store import Store

    paths = sorted((folder / "style 0").iterdir())[:7]
    pictures = [Picture(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]
    seen: list[int] = []
    embed = bulk.embed
    monkeypatch.setattr(bulk, "embed", lambda encoder, pixels: seen.append(len(pixels)) or embed(encoder, pixels))
    stored = {}
    for size in (1, 3):
        monkeypatch.setattr(bulk, "batch_size", lambda size=size: size)
        advanced: list[int] = []
        with Store(tmp_path / str(size), {}, 64) as store:
            assert bulk.embed_into(store, pictures, encoder, advanced.append) == {}
            stored[size] = np.stack([store.get(picture.sha256) for picture in pictures])
        assert sum(advanced) == 7
    assert seen == [1] * 7 + [3, 3, 1]
    assert stored[3] == pytest.approx(stored[1], abs=1e-6)


def test_a_picture_that_changes_during_the_run_is_left_out(encoder: Encoder, folder: Path, tmp_path: Path) -> None:
    from megastyle.measuring.store import Store

    path = next((folder / "style 0").iterdir())
    with Store(tmp_path, {}, 64) as store:
        refused = bulk.embed_into(store, [Picture(path, "0" * 64)], encoder, lambda _: None)
    assert refused == {path: "has changed during the run. Start again."}


def test_an_embedding_is_that_of_the_contract(encoder: Encoder) -> None:
    import torch

    pixels = np.random.default_rng(0).uniform(-1, 1, (2, 3, 112, 112)).astype(np.float32)
    expected = unit_rows(encoder.model, torch.from_numpy(pixels)).numpy()
    assert bulk.embed(encoder, list(pixels)) == pytest.approx(expected, abs=1e-6)
