"""Score: every number against an independent count, the files for their readers, exit codes, and bad input."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import shutil
import signal
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from PIL import Image

from commands import Command, in_process, kept_in, picture, pictures, process
from loopback import START_SECONDS, eventually
from megastyle import folders, score
from megastyle.comparison import band_of, compare
from megastyle.demo.drawings import STYLES, draw
from megastyle.demo.scenes import SCENES as DRAWN_SCENES
from megastyle.encoder import Encoder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REFERENCES, EPOCHS, SAMPLES = 5, 3, 4
SCENES = list(DRAWN_SCENES) * 2  # composed in another way the second time
STYLE, OTHER = list(STYLES)[:2]
HOSTILE = [  # names that a file system allows
    "<script>alert(1)<\u2215script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "=cmd|' \u2215C calc'!A0.png",
    "@x.png",
    "#hash, comma.png",
    "two\nlines\r.png",
    "\x1b[31mred\x07.png",
    "photo\u202egnp.png",
    "{{7*7}}.png",
    os.fsdecode(b"caf\xe9.png"),
]


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References of which one is of another style, and epochs of samples that come closer to the set."""
    place = tmp_path_factory.mktemp("lora")
    drawings = [(f"set/{index}.png", STYLE, SCENES[index], index) for index in range(REFERENCES)]
    drawings += [("set/spoiler.png", OTHER, SCENES[0], 50)]
    for epoch, sample in itertools.product(range(EPOCHS), range(SAMPLES)):
        style = STYLE if sample <= epoch else OTHER
        drawings += [(f"samples/epoch {epoch}/{sample}.png", style, SCENES[sample], 100 + 10 * epoch + sample)]
    for name, style, scene, seed in drawings:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        draw(style, scene, seed, 168).save(place / name)
    return place


@pytest.fixture
def command(cache: Path, encoder: Encoder) -> Command:
    """The command with the shared cache, and no calibration."""
    return in_process(score, cache, encoder)


@pytest.fixture(scope="module")
def written(lora: Path, cache: Path, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stem of the files of a run that nothing ended."""
    stem = tmp_path_factory.mktemp("written") / "scores"
    assert in_process(score, cache, encoder)(lora / "samples", "--references", lora / "set", "--out", stem) == 0
    return stem


def read(stem: Path) -> Any:
    """The JSON."""
    return json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))


def undated(stem: Path) -> list[str]:
    """All three files without their date."""
    texts = (stem.with_suffix(ending).read_text(encoding="utf-8") for ending in score.ENDINGS)
    return [re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "", text) for text in texts]


def embedding(path: Path, encoder: Encoder) -> npt.NDArray[np.float32]:
    """By the contract's own steps, with none of this package's."""
    pixels = encoder.processor(images=Image.open(path).convert("RGB"), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        vector = encoder.model(pixel_values=pixels).pooler_output[0].numpy()
    return vector / np.linalg.norm(vector)


# ------------------------------------------------------------------------------------------------------------- numbers


def test_every_number_is_that_of_an_independent_count(lora: Path, written: Path, encoder: Encoder) -> None:
    scores = read(written)
    references = sorted((lora / "set").iterdir())
    set_rows = [embedding(path, encoder) for path in references]
    names = [path.name for path in references]
    assert [one["name"] for one in scores["references"]] == names
    means: dict[str, list[float]] = {}
    for one in scores["pictures"]:
        row = embedding(lora / "samples" / one["group"] / one["name"], encoder)
        cosines = [float(row @ reference) for reference in set_rows]
        alone = compare(np.stack([row, *set_rows]), ["", *names])
        assert one["cosines"] == pytest.approx(cosines, abs=2e-6)
        assert one["mean_cosine"] == pytest.approx(statistics.fmean(cosines), abs=2e-6)
        assert one["core_mean"] == pytest.approx(statistics.fmean(cosines[:-1]), abs=2e-6)
        assert one["label"] == band_of(one["mean_cosine"]).label
        assert one["position"] == alone.position
        assert one["closest"] == names[cosines.index(max(cosines))]
        assert one["furthest"] == names[cosines.index(min(cosines))]
        means.setdefault(one["group"], []).append(one["mean_cosine"])
    ranked = [one["mean_cosine"] for one in scores["pictures"]]
    assert ranked == sorted(ranked, reverse=True)
    assert scores["odd_one_out"] == names.index("spoiler.png")
    own = alone.leave_one_out
    assert [one["leave_one_out"] for one in scores["references"]] == pytest.approx(own, abs=2e-6)
    assert f"spoiler.png, at {own[names.index('spoiler.png')]:.3f} to the others" in scores["set"][0]
    assert scores["reference_agreement"]["mean"] == pytest.approx(alone.agreement and alone.agreement.mean, abs=2e-6)
    assert [group["name"] for group in scores["groups"]] == ["epoch 2", "epoch 1", "epoch 0"]
    for group in scores["groups"]:
        inside = [one for one in scores["pictures"] if one["group"] == group["name"]]
        assert group["pictures"] == len(inside) == SAMPLES
        assert group["mean_cosine"] == pytest.approx(statistics.fmean(means[group["name"]]), abs=1e-7)
        assert group["core_mean"] == pytest.approx(statistics.fmean(one["core_mean"] for one in inside), abs=1e-7)
        for position in ("fits", "edge", "apart"):
            assert group[position] == sum(one["position"] == position for one in inside)
    assert scores["groups"][0]["fits"] > scores["groups"][-1]["fits"]


@pytest.mark.parametrize("count", [2, 8, 1500])
def test_an_interval_is_the_percentile_bootstraps(count: int) -> None:
    values = np.random.default_rng(count).normal(0.6, 0.1, count)
    interval = score.interval_of(values)
    means = [np.random.default_rng(draw).choice(values, count).mean() for draw in range(10_000)]
    expected = [np.quantile(means, share) for share in (0.025, 0.975)]
    assert interval == pytest.approx(expected, abs=0.1 * values.std() / np.sqrt(count) + 1e-9)
    assert interval == score.interval_of(values)
    assert score.interval_of(values[:1]) is None


def test_an_interval_is_the_same_however_many_resamples_are_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(0.6, 0.1, 300)
    interval = score.interval_of(values)
    monkeypatch.setattr(score, "DRAWS_AT_ONCE", score.RESAMPLES * len(values))
    assert interval == score.interval_of(values)


def test_a_calibration_of_this_encoder_says_what_the_mean_to_the_core_is_worth(
    command: Command, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = Mock(same_at_or_below=0.25, different_at_or_above=0.004)
    known = Mock(styles=11, pictures=99, sha256="s", rows={REFERENCES: None}, standing=Mock(return_value=standing))
    known.configure_mock(name="ours", smallest_shares=lambda _: (0.1, 0.005))
    monkeypatch.setattr(score, "find_calibration", lambda *_: known)
    assert command(lora / "samples", "--references", lora / "set", "--out", tmp_path / "s") == 0
    scores = read(tmp_path / "s")
    shares = {"same_smallest": 0.1, "different_smallest": 0.005}
    assert scores["calibration"] == {"name": "ours", "styles": 11, "pictures": 99, "sha256": "s", **shares}
    worth = (one["same_at_or_below"] == 0.25 and one["different_at_or_above"] == 0.004 for one in scores["pictures"])
    assert all(worth)
    asked, counts = zip(*(call.args for call in known.standing.call_args_list), strict=True)
    assert sorted(asked) == pytest.approx(sorted(one["core_mean"] for one in scores["pictures"]), abs=1e-7)
    assert set(counts) == {REFERENCES}
    assert "250 this low, fewer than 5 this high" in (tmp_path / "s.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("count", "said"), [(1, "One reference is no set"), (2, "Two references are too few")])
def test_few_references_give_no_position(command: Command, lora: Path, tmp_path: Path, count: int, said: str) -> None:
    shutil.copytree(lora / "set", tmp_path / "set", ignore=lambda _, names: sorted(names)[count:])
    assert command(lora / "samples", "--references", tmp_path / "set", "--out", tmp_path / "s") == 0
    scores = read(tmp_path / "s")
    assert said in scores["set"][-1]
    assert {one["position"] for one in scores["pictures"]} == {None}
    assert {group["fits"] for group in scores["groups"]} == {None}


# -------------------------------------------------------------------------------------------------------------- groups


def groups_of(command: Command, out: Path, *words: object) -> dict[str, int]:
    """The groups' sizes by their names."""
    assert command(*words, "--out", out) == 0
    return {group["name"]: group["pictures"] for group in read(out)["groups"]}


def test_groups_are_folders_and_what_lies_in_them(command: Command, tmp_path: Path) -> None:
    pictures(tmp_path / "run", a=2, b=3)
    pictures(tmp_path / "other", b=2)
    picture(tmp_path / "run" / "loose.png", 50)
    pictures(tmp_path, set=3)
    words = ("--references", tmp_path / "set")
    out = tmp_path / "s"
    assert groups_of(command, out, tmp_path / "run", *words) == {"run": 1, "a": 2, "b": 3}
    files = sorted((tmp_path / "run" / "b").iterdir())
    assert groups_of(command, out, *files[:2], tmp_path / "run" / "b", tmp_path / "run" / "a", *words) == {
        "a": 2,
        "b": 3,
    }
    both = groups_of(command, out, tmp_path / "run", tmp_path / "other", *words)
    assert both == {"run": 1, "a": 2, "run/b": 3, "other/b": 2}


def test_two_groups_with_the_same_names_are_compared_in_pairs(command: Command, lora: Path, tmp_path: Path) -> None:
    shutil.copytree(lora / "samples" / "epoch 0", tmp_path / "tests" / "ours")
    (tmp_path / "tests" / "theirs").mkdir()
    for name in "013":
        image = Image.open(lora / "samples" / "epoch 2" / f"{name}.png")
        image.save(tmp_path / "tests" / "theirs" / f"{name}.webp", lossless=True)
    assert command(tmp_path / "tests", "--references", lora / "set", "--out", tmp_path / "s") == 0
    scores = read(tmp_path / "s")
    means = {(one["group"], one["name"][0]): one["mean_cosine"] for one in scores["pictures"]}
    differences = np.array([means["ours", name] - means["theirs", name] for name in "013"])
    assert (scores["pairs"]["groups"], scores["pairs"]["pairs"]) == (["ours", "theirs"], 3)
    assert scores["pairs"]["mean_difference"] == pytest.approx(differences.mean(), abs=1e-7)
    assert scores["pairs"]["interval"] == score.interval_of(differences)
    words = "3 pairs of pictures with the same name: ours minus theirs is -"
    assert all(words in text for text in undated(tmp_path / "s")[::2])


# --------------------------------------------------------------------------------------------------------------- files


def test_the_csv_is_read_by_pandas_and_by_pythons_reader(written: Path, lora: Path) -> None:
    scores = read(written)
    names = [one["name"] for one in scores["references"]]
    table = pd.read_csv(written.with_suffix(".csv"), comment="#")
    keys = ["group", "mean_cosine", "label", "position", "closest", "furthest"]
    assert list(table.columns) == ["picture", *keys, *names]
    for (_, row), one in zip(table.iterrows(), scores["pictures"], strict=True):
        assert [row["picture"], *row[keys]] == [one["name"], *(one[key] for key in keys)]
        assert list(row[names]) == one["cosines"]
    rows = list(csv.reader(io.StringIO(written.with_suffix(".csv").read_text(encoding="utf-8-sig"), newline="")))
    assert {len(row) for row in rows} == {len(table.columns)}
    said = {row[0] for row in rows[len(table) + 1 :]}
    assert said == {"# warning", "# group", "# set", "# encoder", "# encoder sha256", "# made"}


def test_the_terminal_says_the_set_then_groups_then_the_best_and_the_worst(
    command: Command, lora: Path, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(lora / "samples", "--references", lora / "set") == 0
    text = capsys.readouterr().out
    assert all("These are not MegaStyle scores" in said for said in (text, *undated(written)))
    parts = ["Agrees least: spoiler.png", "The other 5 agree", "epoch 2", "epoch 1", "epoch 0", "Best:", "Worst:"]
    assert [text.index(part) for part in parts] == sorted(text.index(part) for part in parts)
    best, worst = text[text.index("Best:") :].split("Worst:")
    names = [[one["group"], one["name"]] for one in read(written)["pictures"]]
    assert [re.split(" {2,}", line)[-2:] for line in best.splitlines()[1:6]] == names[:5]
    assert [re.split(" {2,}", line)[-2:] for line in worst.splitlines()[1:6]] == names[-5:]


def test_hostile_names_are_text_everywhere(
    command: Command, tmp_path: Path, lora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("set", "tests/<b>bold"):
        for number, name in enumerate(HOSTILE):
            picture(tmp_path / place / "a.png", number + len(place)).rename(tmp_path / place / name)
    assert command(tmp_path / "tests", "--references", tmp_path / "set", "--out", tmp_path / "s") == 0
    table, data, page = undated(tmp_path / "s")
    rows = list(csv.reader(io.StringIO(table[1:], newline="")))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+", "\t", "\r", "\n"))]
    assert len(rows[1:]) == len(pd.read_csv(tmp_path / "s.csv", comment="#")) + sum(
        row[0].startswith("# ") for row in rows
    )
    for markup in ("<script", "<img src=x", "<b>bold"):
        assert markup not in page
    texts = [capsys.readouterr().out, table.replace("\r\n", "\n"), data, page]
    assert all(line.isprintable() for text in texts for line in text.lstrip("\ufeff").split("\n"))


def test_the_page_stays_below_5_mb_and_shows_the_ends_of_more_than_it_can_hold(written: Path) -> None:
    """Of noise, the worst that a picture can be."""
    file, colours = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (192, 192, 3))
    Image.fromarray(colours.astype(np.uint8)).save(file, "WEBP", quality=72)
    scores = read(written)
    one = scores["pictures"][0] | {"group": scores["groups"][0]["name"]}
    many = [one | {"name": f"{n}.png", "sha256": str(n), "mean_cosine": 0.9 - n / 2000} for n in range(600)]
    store = Mock(get=Mock(return_value=folders.Known(np.zeros(64, np.float32), file.getvalue(), ())))
    page = score.html_text(scores | {"pictures": many, "groups": scores["groups"][:1]}, store)
    assert len(page.encode()) < 5_000_000
    assert page.count("<li><img") == 500 + len(scores["references"])
    names = set(re.findall(r'title="(\d+)\.png"', page))
    assert names == {str(n) for n in [*range(250), *range(350, 600)]}
    assert "100 pictures between them are not shown" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_offline_without_script_and_fits(browser: Browser, written: Path, scheme: Any) -> None:
    scores = read(written)
    for width in (1280, 390):
        context = browser.new_context(offline=True, java_script_enabled=False, color_scheme=scheme)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url.split(":")[0]))
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(written.with_suffix(".html").as_uri())
        images = page.locator("img")
        assert images.count() == len(scores["references"]) + len(scores["pictures"])
        assert set(asked) <= {"file", "data"}
        for index in range(images.count()):
            box = images.nth(index).bounding_box()
            assert box
            assert 50 < box["width"] <= width - box["x"]
        ground = page.screenshot(clip={"x": 0, "y": 0, "width": 1, "height": 1})
        assert (min(Image.open(io.BytesIO(ground)).convert("RGB").getpixel((0, 0))) > 128) is (scheme == "light")  # type: ignore[type-var,arg-type]
        context.close()


# ---------------------------------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_goes_on_and_writes_the_same_files(
    tiny_environment: Mapping[str, str], encoder: Encoder, cache: Path, tmp_path: Path, end: signal.Signals
) -> None:
    pictures(tmp_path, set=3, tests=60)
    words = (tmp_path / "tests", "--references", tmp_path / "set", "--out")
    environment = {**tiny_environment, "MEGASTYLE_CALIBRATION": str(tmp_path / "none")}
    with process("score", environment, tmp_path / "cache", *words, tmp_path / "s") as run:
        eventually(lambda: kept_in(tmp_path / "cache") or run.poll() is not None, START_SECONDS)
        run.send_signal(end)
    assert run.returncode == -end
    assert 0 < kept_in(tmp_path / "cache") < 63
    assert not list(tmp_path.glob("s.*"))
    assert in_process(score, tmp_path / "cache", encoder)(*words, tmp_path / "s") == 0
    assert in_process(score, cache, encoder)(*words, tmp_path / "t") == 0
    assert undated(tmp_path / "s") == undated(tmp_path / "t")


def test_the_exit_code_answers_at_least(
    command: Command, lora: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (lora / "samples", "--references", lora / "set")
    means = [group["mean_cosine"] for group in read(written)["groups"]]
    assert command(*words, "--at-least", round(means[-1], 3)) == 0
    capsys.readouterr()
    assert command(*words, "--at-least", round(means[-1], 3) + 0.001, "--out", tmp_path / "s") == 1
    assert re.search(rf"^epoch 0: its mean {means[-1]:.3f} is below 0", capsys.readouterr().err, re.MULTILINE)
    assert len(list(tmp_path.glob("s.*"))) == 3
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_text("no picture")
    assert command(lora / "samples", tmp_path / "broken", "--references", lora / "set", "--at-least", "-1") == 2
    assert "no picture of broken can be scored" in capsys.readouterr().err


def test_what_is_left_out_is_named(
    command: Command, lora: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(lora / "set", tmp_path / "set")
    shutil.copytree(lora / "samples", tmp_path / "tests")
    shutil.copy(lora / "set" / "0.png", tmp_path / "tests" / "epoch 0" / "known.png")
    shutil.copy(lora / "set" / "0.png", tmp_path / "set" / "copy.png")
    (tmp_path / "tests" / "none").mkdir()
    (tmp_path / "tests" / "none" / "a.png").write_text("no picture")
    (tmp_path / "tests" / "epoch 0" / "a.txt").write_text("a caption")
    picture(tmp_path / "tests" / "epoch 0" / "deeper" / "a.png", 1)
    assert command(tmp_path / "tests", "--references", tmp_path / "set", "--out", tmp_path / "s") == 0
    remarks = read(tmp_path / "s")["remarks"]
    assert sum(group["pictures"] for group in read(tmp_path / "s")["groups"]) == EPOCHS * SAMPLES
    assert [remark for remark in remarks if "is not a picture" not in remark] == [
        "Passed over, as no pictures: 1 .txt.",
        "Left out (1): set/copy.png. It is a copy of another reference.",
        "Left out (1): epoch 0/known.png. It is a reference too.",
        "Folders in epoch 0 are not looked into (1): deeper.",
        "Groups without a picture to score (1): none.",
    ]
    table, _, page = undated(tmp_path / "s")
    for remark in remarks:
        assert all(remark in text for text in (capsys.readouterr().out or remark, page))
        assert remark in table.replace('""', '"')


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--references", "set"], "nowhere is not there"),
        (["tests", "--references", "nowhere"], "nowhere cannot be read: No such file"),
        (["tests", "--references", "set/000.png"], "000.png cannot be read: Not a directory"),
        (["tests", "--references", "pipe"], "pipe cannot be read: Not a directory"),
        (["tests", "--references", "empty"], "there is no reference"),
        (["empty", "--references", "set"], "there is no picture to score"),
        (["set", "--references", "set"], r"no picture to score\. Left out \(3\): .* Each is a reference too"),
        (["pipe", "--references", "set"], "no picture to score.* It is no file, but"),
        (["tests", "--references", "set", "--at-least", "70"], "a cosine from -1 to 1, got 70"),
        (["tests", "--references", "set", "--at-least", "nan"], "a cosine from -1 to 1, got nan"),
        (["tests", "--references", "set", "--out", "set"], "set is a folder"),
        (["tests", "--references", "set", "--out", "nowhere/s"], "s.csv cannot be written: its folder is not there"),
        (["tests", "--references", "set", "--out", "taken"], "taken.json cannot be written: it is no regular file"),
    ],
)
def test_bad_input_gets_one_line_before_anything_is_loaded(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (pictures(here, set=3, tests=2) / "empty").mkdir()
    os.mkfifo(here / "pipe")
    os.mkfifo(here / "taken.json")
    before = sorted(here.rglob("*"))
    assert in_process(score, here / "cache", None)(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(f"Not scored: .*{said}", line)
    assert sorted(here.rglob("*")) == before
