"""Visitors' file names as they are shown: as text, short, and still told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from os.path import commonprefix
from pathlib import PurePath

NAME_LENGTH = 36  # characters of a file name on the page; the whole name is its title
SHARED_KEPT = 2  # characters of a common beginning that stay before the first difference
HEAD_KEPT = 8  # characters of a common beginning that stay where it is cut, so that the file can still be recognised
LONGEST_EXTENSION = 5  # characters after the dot; what is longer is part of the name
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")  # 0 to MAX_REFERENCES


def short(name: str, length: int = NAME_LENGTH) -> str:
    """A name of at most `length` characters: the middle goes, the end with the extension stays."""
    if len(name) <= length:
        return name
    tail = length // 2
    return f"{name[: length - tail - 1]}…{name[-tail:]}"


def short_apart(name: str, clashing: Sequence[str], length: int) -> str:
    """A name whose short form is that of all the clashing ones, itself among them: their common beginning is cut."""
    if len(set(clashing)) == 1:
        return short(name, length)
    shared = len(commonprefix(clashing))  # noqa: RUF071 - characters are meant
    begin = max(shared - SHARED_KEPT, HEAD_KEPT)
    return f"{name[:HEAD_KEPT]}…{short(name[begin:], length - HEAD_KEPT - 1)}"


def short_all(names: Sequence[str], length: int = NAME_LENGTH) -> list[str]:
    """Names of at most `length` characters each; different names stay different where that can be had.

    Where cutting the middle makes some of them equal, their common beginning is cut instead.

    >>> short_all(["a" * 60 + "-04" + "z" * 60 + ".png", "a" * 60 + "-08" + "z" * 60 + ".png"], 20)
    ['aaaaaaaa…-04zz…z.png', 'aaaaaaaa…-08zz…z.png']
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[short(name, length)].append(name)
    return [short_apart(name, groups[short(name, length)], length) for name in names]


def sendable(name: str) -> str:
    """A name that UTF-8 can carry: half a surrogate pair, which only JSON can hold, becomes a question mark."""
    return name.encode(errors="replace").decode()


def in_words(number: int) -> str:
    """A small number in words."""
    return WORDS[number] if number < len(WORDS) else str(number)


def counted(number: int, noun: str) -> str:
    """`1 reference`, `8 references`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def file_stem(name: str) -> str:
    """The test image's name as the beginning of a download's name: letters, digits and `-_.` only, 60 at most.

    >>> file_stem("../epoch 4 (best).png"), file_stem("")
    ('epoch-4-best', 'comparison')
    """
    stem = PurePath(name.replace("\\", "/")).stem
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem)
    return "-".join(part for part in kept.split("-") if part)[:60].strip("-_.") or "comparison"


def split_extension(name: str) -> tuple[str, str]:
    """A name before and from its extension on, which no line may break; without one the second part is empty.

    >>> split_extension("boat.v2.jpg"), split_extension("boat")
    (('boat.v2', '.jpg'), ('boat', ''))
    """
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem and 0 < len(extension) <= LONGEST_EXTENSION else (name, "")
