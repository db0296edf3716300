"""A folder with one subfolder a style: what is taken, what is left out and named, what is refused in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from loopback import ROOT
from megastyle.measuring.picture_set import MAX_PICTURES, PictureSet, SetError, files_by_style, find_pictures


def picture(path: Path, colour: int) -> Path:
    """A small picture of one colour; another number is another content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (colour % 256, colour // 256, 0)).save(path, "PNG")
    return path


def styles(folder: Path, **sizes: int) -> Path:
    """A folder with so many pictures of each style."""
    number = 0
    for style, size in sizes.items():
        for index in range(size):
            picture(folder / style / f"{index:03}.png", number := number + 1)
    return folder


def found_in(folder: Path) -> PictureSet:
    """The set in a folder."""
    return find_pictures(folder, files_by_style(folder), lambda _: None)


def sizes_of(found: PictureSet) -> dict[str, int]:
    """How many pictures each style has."""
    return {style: len(pictures) for style, pictures in found.styles.items()}


def test_each_subfolder_is_a_style(tmp_path: Path) -> None:
    found = found_in(styles(tmp_path, oil=3, ink=2))
    assert sizes_of(found) == {"ink": 2, "oil": 3}
    assert [picture.path.name for picture in found.styles["oil"]] == ["000.png", "001.png", "002.png"]
    assert found.remarks == ()


def test_every_file_is_counted_as_it_is_looked_at(tmp_path: Path) -> None:
    seen: list[int] = []
    folder = styles(tmp_path, oil=3, ink=2)
    find_pictures(folder, files_by_style(folder), seen.append)
    assert seen == [1] * 5


def test_a_file_that_is_no_picture_is_named_and_left_out(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=2)
    (tmp_path / "oil" / "notes.txt").write_text("nothing to see")
    (tmp_path / "oil" / "empty.png").touch()
    (tmp_path / "ink" / "vector.jpg").write_text("<svg/>")
    (tmp_path / "oil" / ".DS_Store").write_text("not even looked at")
    os.mkfifo(tmp_path / "oil" / "pipe.png")
    found = found_in(tmp_path)
    assert sizes_of(found) == {"ink": 2, "oil": 3}
    words = "\n".join(found.remarks)
    assert "Left out (2): ink/vector.jpg, oil/notes.txt is not a picture that can be read." in words
    assert "Left out (1): oil/empty.png is empty." in words
    assert "DS_Store" not in words
    assert "pipe" not in words


def test_a_style_of_one_picture_is_named_and_stays_a_stranger(tmp_path: Path) -> None:
    found = found_in(styles(tmp_path, oil=3, ink=1))
    assert sizes_of(found) == {"ink": 1, "oil": 3}
    assert found.remarks == ("Styles of one picture, which has no relatives (1): ink",)


def test_a_copy_in_the_same_style_is_counted_once(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=2)
    shutil.copy(tmp_path / "oil" / "000.png", tmp_path / "oil" / "copy.png")
    found = found_in(tmp_path)
    assert sizes_of(found) == {"ink": 2, "oil": 3}
    assert found.remarks == ("Counted once (1 copies): oil/copy.png",)


def test_the_same_picture_in_two_styles_is_named_and_belongs_to_none(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=3)
    shutil.copy(tmp_path / "oil" / "000.png", tmp_path / "ink" / "stolen.png")
    found = found_in(tmp_path)
    assert sizes_of(found) == {"ink": 3, "oil": 2}
    assert found.remarks == ("Left out (2): the same picture is in two styles: ink/stolen.png, oil/000.png",)


def test_what_lies_elsewhere_is_said(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=2)
    picture(tmp_path / "loose.png", 99)
    picture(tmp_path / "oil" / "more" / "deep.png", 98)
    found = found_in(tmp_path)
    assert sizes_of(found) == {"ink": 2, "oil": 3}
    assert found.remarks == (
        f"Not looked at (1): loose.png in {tmp_path.name} itself, in no style",
        "Folders inside of styles are not looked into: those of oil",
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder.touch(), "holds no folder; expected one subfolder a style"),
        (lambda folder: folder.rmdir(), "is no folder"),
        (lambda folder: (folder / "oil").mkdir(), "holds only empty folders"),
        (lambda folder: picture(folder / "a.png", 1), "holds no folder"),
        (lambda folder: styles(folder, oil=3), "expected two styles or more with pictures that can be read, found 1"),
        (
            lambda folder: styles(folder, oil=1, ink=1),
            "expected a style with two pictures or more; each of the 2 has one",
        ),
        (lambda folder: styles(folder / "train", oil=2, ink=2), "hold folders again; .*, as in .*train"),
    ],
)
def test_what_is_no_set_is_refused_in_one_line(tmp_path: Path, make: object, words: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    make(folder)  # type: ignore[operator]
    with pytest.raises(SetError, match=words) as refusal:
        found_in(folder)
    assert "\n" not in str(refusal.value)


def test_a_style_of_which_nothing_can_be_read_does_not_count(tmp_path: Path) -> None:
    styles(tmp_path, oil=3)
    (tmp_path / "ink").mkdir()
    (tmp_path / "ink" / "a.png").write_text("no picture")
    with pytest.raises(SetError, match=r"found 1 \(Left out \(1\): ink/a.png is not a picture"):
        found_in(tmp_path)
    styles(tmp_path / "more", oil=3, pen=2)
    (tmp_path / "more" / "ink").mkdir()
    assert found_in(tmp_path / "more").remarks == ("Styles without a picture, left out (1): ink",)


def test_too_many_pictures_are_refused_before_they_take_all_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("megastyle.measuring.picture_set.MAX_PICTURES", 4)
    with pytest.raises(SetError, match="expected at most 4 pictures, found 5"):
        found_in(styles(tmp_path, oil=3, ink=2))


def test_the_readme_states_the_limit() -> None:
    assert f"More than {MAX_PICTURES:,} pictures are refused" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_many_names_are_counted_instead(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=2)
    for number in range(8):
        (tmp_path / "oil" / f"n{number}.txt").write_text("no picture")
    assert "Left out (8): oil/n0.txt, oil/n1.txt, oil/n2.txt, oil/n3.txt, oil/n4.txt and 3 more is not" in str(
        found_in(tmp_path).remarks
    )


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines", b"\xe2\x80\xaeturned", b"\x1b[31mred"])
def test_names_become_one_line_that_a_terminal_can_show(tmp_path: Path, name: bytes) -> None:
    styles(tmp_path, oil=3, ink=2)
    (tmp_path / "ink").rename(tmp_path / os.fsdecode(name))
    style = next(style for style in found_in(tmp_path).styles if style != "oil")
    assert style.isprintable()
    style.encode()


def test_names_that_can_only_be_told_apart_by_bytes_are_refused(tmp_path: Path) -> None:
    styles(tmp_path, oil=3, ink=2)
    (tmp_path / "ink").rename(tmp_path / "a\x07")
    (tmp_path / "oil").rename(tmp_path / "a\\x07")
    with pytest.raises(SetError, match="told apart by characters that cannot be printed"):
        found_in(tmp_path)


def test_the_digest_is_that_of_contents_and_styles_alone(tmp_path: Path) -> None:
    first = found_in(styles(tmp_path / "a", oil=3, ink=2)).digest
    styles(tmp_path / "b", oil=3, ink=2)
    (tmp_path / "b" / "oil" / "000.png").rename(tmp_path / "b" / "oil" / "zzz.png")
    assert found_in(tmp_path / "b").digest == first
    (tmp_path / "b" / "ink").rename(tmp_path / "b" / "pen")
    assert found_in(tmp_path / "b").digest != first
    assert found_in(styles(tmp_path / "c", oil=3, ink=3)).digest != first


def test_pictures_that_turn_out_damaged_are_taken_out(tmp_path: Path) -> None:
    found = found_in(styles(tmp_path, oil=3, ink=2))
    left = found.without({found.styles["ink"][0].path: "is damaged."})
    assert sizes_of(left) == {"ink": 1, "oil": 3}
    assert left.remarks == (
        "Left out (1): ink/000.png is damaged.",
        "Styles of one picture, which has no relatives (1): ink",
    )
    with pytest.raises(SetError, match="found 1"):
        found.without({picture.path: "is damaged." for picture in found.styles["ink"]})
