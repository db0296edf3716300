"""Drawn pictures as a browser uploads them: the tiny encoder tells their styles apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

from PIL import ImageOps
from playwright.sync_api import FilePayload

from megastyle.demo.drawings import STYLES, draw
from megastyle.demo.scenes import SCENES as DRAWN_SCENES

SCENES = (*DRAWN_SCENES, *(f"{scene}2" for scene in DRAWN_SCENES))  # with a 2: composed in another way
DRAWN = 168  # pixels a side


@cache
def drawn(name: str, seed: int) -> bytes:
    """A PNG of the picture "style-scene" or "negative style-scene"."""
    file = io.BytesIO()
    style, scene = name.removeprefix("negative ").rsplit("-", 1)
    image = draw(style, scene.rstrip("2"), seed + 1000 * scene.endswith("2"), DRAWN)
    (ImageOps.invert(image) if name.startswith("negative ") else image).save(file, "PNG")
    return file.getvalue()


def picture(name: str, seed: int = 1, file_name: str = "") -> FilePayload:
    """A drawn picture as an upload."""
    return {"name": file_name or f"{name}.png", "mimeType": "image/png", "buffer": drawn(name, seed)}


def watercolours(count: int) -> list[FilePayload]:
    """Pictures of one style."""
    return [picture(f"watercolour-{scene}") for scene in SCENES[:count]]


def strangers(count: int) -> list[FilePayload]:
    """Pictures of one scene, no two of one style."""
    return [picture(f"{style}-boat") for style in (*STYLES, *(f"negative {style}" for style in STYLES))[:count]]


def damaged(name: str) -> FilePayload:
    """A file that begins as a PNG does, and is none."""
    return {"name": name, "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nno picture at all"}


def split(files: Sequence[FilePayload]) -> tuple[FilePayload, list[FilePayload]]:
    """Test image and references."""
    return files[0], list(files[1:])
