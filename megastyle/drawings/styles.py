"""Styles: a painter with a palette each, which make a picture of any scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from megastyle.drawings.geometry import Floats, Rng
from megastyle.drawings.pixels import (
    blend,
    blurred,
    discs,
    from_image,
    luminance,
    moved,
    noise,
    shaded,
    smooth,
    to_image,
)
from megastyle.drawings.raster import SUPERSAMPLING, outlines, raster
from megastyle.drawings.scenes import DARK, LIGHT, Scene

GRAIN = 160  # bumps of a paper's grain from top to bottom, whatever the size


def cut_paper(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Sheets of coloured paper, each with its shadow on the ones below."""
    picture, grain = raster(scene, palette, size), noise(rng, size, GRAIN)
    shadow = np.zeros((size, size), np.float32)
    for reach, weight in ((0.008, 0.6), (0.018, 0.4)):
        above = moved(picture.index, np.full((1, 1), -reach * size), np.full((1, 1), -reach * size))
        shadow += weight * blurred((above > picture.index).astype(np.float32), reach * size * 0.6)
    below = moved(picture.index, np.full((1, 1), -0.004 * size), np.full((1, 1), -0.004 * size))
    rim = (below < picture.index).astype(np.float32)
    sheets = picture.flat * (1 - 0.55 * shadow[..., None]) + 0.1 * rim[..., None]
    return sheets * (1 + 0.045 * grain + 0.03 * noise(rng, size, 14))[..., None]


def watercolour(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Washes that run, dry darker at their edges and leave the paper white around them."""
    picture = raster(scene, palette, size)
    sway = [size * (0.012 * noise(rng, size, 9) + 0.004 * noise(rng, size, 40)) for _ in range(2)]
    wash = blurred(moved(picture.lit, *sway), size * 0.004)
    edge = np.abs(wash - blurred(wash, size * 0.02)).sum(-1)
    pigment = 0.8 + 0.22 * noise(rng, size, 5) + 0.14 * noise(rng, size, 16) + 0.9 * np.clip(edge, 0, 0.4)
    grain = noise(rng, size, GRAIN)
    pigment = pigment + 0.07 * grain
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    border = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + 0.02 * noise(rng, size, 12)
    pigment = pigment * smooth(0.035, 0.055, border)
    paper = np.array((0.985, 0.97, 0.94), np.float32)
    return paper * (1 - (1 - wash) * np.clip(pigment, 0, 1.25)[..., None]) * (1 - 0.025 * grain[..., None])


def engraving(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Lines of ink whose width gives the tone, crossed in the shadows, on cream paper."""
    picture = raster(scene, palette, size, 0.8)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    darkness = 1 - luminance(picture.lit)
    bend = 0.012 * noise(rng, size, 5) + 0.03 * luminance(picture.lit)
    ink = np.zeros((size, size), np.float32)
    for angle, start in ((0.35, 0.12), (-0.75, 0.5)):
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * 44 * (y * np.cos(angle) + x * np.sin(angle) + bend))
        share = np.clip((darkness - start) * 1.15, 0, 0.85)
        ink = np.maximum(ink, smooth(-0.12, 0.12, share - wave) * (share > 0.03))
    ink = np.maximum(ink, picture.lines * (0.75 + 0.25 * noise(rng, size, 60)))
    paper = palette[LIGHT] * (1 + 0.03 * noise(rng, size, GRAIN) + 0.02 * noise(rng, size, 6))[..., None]
    return blend(paper, palette[DARK], np.clip(ink, 0, 1))


def pixel_art(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Large square pixels in few colours, dithered, with darker contours."""
    cells, levels = 48, 5
    picture = raster(scene, palette, cells, 0)
    bayer = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.float32) / 16 - 0.47
    threshold = np.roll(np.tile(bayer, (cells // 4, cells // 4)), rng.integers(4), axis=1)
    dithered = np.rint(picture.lit * levels + 0.7 * threshold[..., None]) / levels
    contoured = dithered * (1 - 0.4 * (picture.lines > 0.4))[..., None]
    return from_image(to_image(contoured).resize((size, size), Image.Resampling.NEAREST))


def oil(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Thick strokes that follow swirls, lit from the side."""
    picture = raster(scene, palette, size)
    field = noise(rng, size, 4) + 0.5 * noise(rng, size, 8) + 1.2 * blurred(luminance(picture.lit), size * 0.02)
    slope_y, slope_x = np.gradient(field)
    length = np.hypot(slope_y, slope_x) + 1e-6
    flow_y, flow_x = slope_x / length, -slope_y / length
    bristles = noise(rng, size, GRAIN)
    colour = np.clip(picture.lit * 1.05 + 0.2 * noise(rng, size, 40)[..., None] * rng.uniform(0.5, 1, 3), 0, 1).astype(
        np.float32
    )
    strokes, paint, steps = np.zeros_like(bristles), np.zeros_like(colour), np.linspace(-1, 1, 7)
    for step in steps * size * 0.022:
        strokes += moved(bristles, flow_y * step, flow_x * step) / len(steps)
        paint += moved(colour, flow_y * step, flow_x * step) / len(steps)
    height_y, height_x = np.gradient(strokes)
    lit = np.clip((height_x + height_y) * size / 100, -0.35, 0.35)
    return paint * (1 + 0.5 * strokes)[..., None] + 0.45 * lit[..., None]


def stained_glass(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Pieces of bright glass held by dark lead."""
    half = size // 2
    picture = raster(scene, palette, size, 2.2)
    number, _, _ = discs(rng, half, 9, 1.5)
    cells = Image.fromarray((number % 251).astype(np.uint8))
    lead = np.maximum(outlines(cells, size, 1.6), picture.lines)
    tint = rng.uniform(-0.22, 0.22, number.max() + 1).astype(np.float32)[number]
    tint = (
        from_image(
            Image.fromarray(((tint + 0.5) * 255).astype(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
        )
        - 0.5
    )
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    shine = 1.2 - 0.5 * np.hypot(x - 0.5, y - 0.4) + 0.12 * noise(rng, size, 30)
    vivid = picture.flat + 0.45 * (picture.flat - luminance(picture.flat)[..., None])
    glass = shaded(np.clip(vivid, 0, 1), tint) * shine[..., None]
    return blend(glass, np.array((0.07, 0.07, 0.09), np.float32), smooth(0.15, 0.6, blurred(lead, size * 0.003)))


def low_poly(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat triangles, each in one colour."""
    cells, large = 26, size * SUPERSAMPLING
    picture = raster(scene, palette, max(size // 2, 96))
    grid = np.stack(np.meshgrid(np.arange(cells + 1), np.arange(cells + 1), indexing="ij"), -1) / cells
    grid = np.where((grid > 0) & (grid < 1), grid + rng.uniform(-0.42, 0.42, grid.shape) / cells, grid)
    corners = [grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]]
    triangles = np.concatenate(
        [np.stack([corners[k] for k in pick], 2).reshape(-1, 3, 2) for pick in ((0, 1, 2), (0, 2, 3))]
    )
    at = (triangles.mean(1) * (picture.lit.shape[0] - 1)).astype(np.intp)
    colours = shaded(picture.lit[at[:, 0], at[:, 1]], rng.uniform(-0.14, 0.14, len(at)).astype(np.float32))
    image = Image.new("RGB", (large, large))
    pen = ImageDraw.Draw(image)
    for triangle, colour in zip(
        (triangles[..., ::-1] * large).reshape(-1, 6).tolist(), (np.clip(colours, 0, 1) * 255).astype(int), strict=True
    ):
        pen.polygon(triangle, fill=tuple(colour))
    return from_image(image.reduce(SUPERSAMPLING))


def woodblock(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat printed colour with graded skies, fine dark contours and the grain of the block."""
    picture = raster(scene, palette, size, 1.0)
    sway = [size * 0.006 * noise(rng, size, 8) for _ in range(2)]
    colour, lines = moved(0.45 * picture.flat + 0.55 * picture.lit, *sway), moved(picture.lines, *sway)
    grain = np.sin(2 * np.pi * (9 * noise(rng, size, 7, 3.5) + 1.5 * noise(rng, size, 30, 12)))
    paper = np.array((0.94, 0.89, 0.77), np.float32)
    printed = blend(colour, paper, 0.1 + 0.09 * smooth(0.2, 1, grain) + 0.05 * noise(rng, size, GRAIN))
    return blend(printed, palette[DARK] * 0.7, lines * 0.9)


def neon(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Glowing tubes in the dark."""
    picture = raster(scene, palette, size, 1.0)
    wall = 0.1 * picture.lit * (1 + 0.2 * noise(rng, size, GRAIN))[..., None] + palette[DARK] * 0.5
    vivid = picture.flat / np.maximum(picture.flat.max(-1, keepdims=True), 0.2)
    tubes = vivid * picture.lines[..., None]
    halo = 1.5 * blurred(tubes, size * 0.012) + 1.6 * blurred(tubes, size * 0.04)
    core = picture.lines[..., None] * (0.25 + 0.75 * vivid)
    return wall + halo + core


@dataclass(frozen=True)
class Style:
    """A painter and the ten colours it paints with, as (10, 3) float32 in 0 to 1, in the order of the roles."""

    paint: Callable[[Scene, Floats, int, Rng], Floats]
    palette: Floats


def colours(names: str) -> Floats:
    """A palette from ten six-digit hexadecimal colours."""
    return np.array([tuple(bytes.fromhex(name)) for name in names.split()], np.float32) / np.float32(255)


STYLES: dict[str, Style] = {
    "cut-paper": Style(cut_paper, colours("f2d7b6 f2a541 a9c5a0 5b8e7d 2f5d62 7fb7be c8553d e2725b 2b2d42 fff4e0")),
    "watercolour": Style(watercolour, colours("9cc4dc f5c75f a5b4cf 7fa66a a7b56b 5d9bbd c77b58 d65a66 4a4a5e f7efdf")),
    "engraving": Style(engraving, colours("e4e4e4 f8f8f8 b8b8b8 7d7d7d 8f8f8f a0a0a0 6a6a6a 555555 2a211b f1e7d0")),
    "pixel-art": Style(pixel_art, colours("41a6f6 ffcd75 566c86 38b764 257179 3b5dc9 b13e53 ef7d57 1a1c2c f4f4f4")),
    "oil": Style(oil, colours("2f5ea8 f6c431 4a78b5 3f7d54 b08d2f 24538f c2622d d98a2b 17203f f3e6b0")),
    "stained-glass": Style(
        stained_glass, colours("2f7fd0 ffcf3a 7a4fb0 2f9e5a 8fbf3a 1f5fb8 d0402f e0563a 4a2f63 f6ecc9")
    ),
    "low-poly": Style(low_poly, colours("a7d3e8 ffb36b 8fa9c4 4f9d8c 3d7a6b 5fb0c9 e0705a f2916b 35435e fbeee0")),
    "woodblock": Style(woodblock, colours("b9cfc6 d9573a 8aa6a8 6f8f72 a59a6a 335f85 9c5b43 c9573d 22314a f1e6cb")),
    "neon": Style(neon, colours("3a2f8f ffe45c 5a4fe0 2ff0b0 b04fff 2fb8ff ff4fa0 ff6a3a 0d0a26 d8f6ff")),
}
