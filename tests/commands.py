"""The two commands that work on folders, run in this process or as a person runs them, and pictures for them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from loopback import ROOT
from megastyle.encoder import Encoder

Command = Callable[..., int]


def picture(path: Path, seed: int | list[int], cast: int = 0) -> Path:
    """A picture of noise with a colour cast; another seed is another content."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = rng.integers(0, 100, (30, 40, 3)) + np.array([cast, 150 - cast, 60])
    Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).save(path, "PNG")
    return path


def pictures(folder: Path, **sizes: int) -> Path:
    """A folder with so many pictures in each subfolder, each subfolder with a cast of its own."""
    for number, (name, size) in enumerate(sizes.items()):
        for index in range(size):
            picture(folder / name / f"{index:03}.png", [index, *name.encode()], 50 * number)
    return folder


def in_process(module: ModuleType, cache: Path, encoder: Encoder | None) -> Command:
    """A command in this process, with a cache of its own; it gives the exit code. Without an encoder none may load."""

    def run(*words: object) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(cache))
            patch.setattr(module, "load_encoder", lambda: encoder or pytest.fail("loaded"))
            return int(module.main([str(word) for word in words]))

    return run


def process(name: str, environment: Mapping[str, str], cache: Path, *words: object) -> subprocess.Popen[str]:
    """A command as a person runs it."""
    settings = {**environment, "XDG_CACHE_HOME": str(cache)}
    line = [sys.executable, "-m", f"megastyle.{name}", *map(str, words)]
    return subprocess.Popen(line, cwd=ROOT, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kept_in(cache: Path) -> int:
    """How many embeddings a cache holds."""
    path = next((cache / "megastyle").glob("*.sqlite"), None)
    if path is None:
        return 0
    database = sqlite3.connect(path)
    try:
        return int(database.execute("SELECT count(*) FROM pictures").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0
    finally:
        database.close()
