"""Drawings: one of SCENES in one of STYLES.

What a picture shows and how it is made are independent, and the same names and seed give the same pixels.

    draw("watercolour", "boat", seed=1, size=512)

Pictures are (s, s, 3) float32 in 0 to 1, red, green and blue; masks and tones are (s, s) float32.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from megastyle.demo.scenes import DARK, LIGHT, SCENES, Floats, Rng, Scene

PAGE_SIZE = 512  # pixels a side of the files of the example sets
SUPERSAMPLING = 2  # shapes are rasterised this many times larger, for smooth edges
GRAIN = 160  # bumps of a paper's grain from top to bottom, whatever the size

# ---------------------------------------------------------------------------------------------------------- operations


def from_image(image: Image.Image) -> Floats:
    """Values 0 to 1 of an 8-bit image."""
    return np.asarray(image, np.float32) / np.float32(255)


def to_image(values: Floats) -> Image.Image:
    """An 8-bit image of values 0 to 1; what lies outside is clipped."""
    return Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))


def blurred(values: Floats, radius: float) -> Floats:
    """Gaussian blur of values in 0 to 1; the radius is in pixels."""
    return from_image(to_image(values).filter(ImageFilter.GaussianBlur(radius)))


def noise(rng: Rng, size: int, cells: float, stretch: float = 1.0) -> Floats:
    """Smooth noise, (size, size) in about -1 to 1, with `cells` bumps from top to bottom, fewer across if stretched."""
    rows, columns = max(2, round(cells)), max(2, round(cells / stretch))
    coarse = Image.fromarray(rng.uniform(-1, 1, (rows, columns)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), np.float32)


def shaded(colours: Floats, tone: Floats) -> Floats:
    """Colours (..., 3) moved towards white where tone (...) is positive, towards a deep shade where it is negative."""
    light, dark = np.clip(tone, 0, 1)[..., None], np.clip(-tone, 0, 1)[..., None]
    return colours + (1 - colours) * light * np.float32(0.75) - colours * dark * np.float32(0.8)


def moved(values: Floats, down: Floats, across: Floats) -> Floats:
    """Values (s, s, ...) fetched from so many pixels further down and across, (s, s) each; the border is repeated."""
    size = values.shape[0]
    rows = np.clip(np.arange(size)[:, None] + np.rint(down), 0, size - 1).astype(np.intp)
    columns = np.clip(np.arange(size)[None, :] + np.rint(across), 0, size - 1).astype(np.intp)
    return values[rows, columns]


def smooth(low: float, high: float, values: Floats) -> Floats:
    """0 below low, 1 above high, an S in between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blend(below: Floats, above: Floats, share: Floats) -> Floats:
    """`above` laid over `below` where share (s, s) is 1."""
    return below + (above - below) * share[..., None]


def luminance(colours: Floats) -> Floats:
    """Perceived brightness (...) of colours (..., 3); weights of Rec. 601."""
    return colours @ np.array((0.299, 0.587, 0.114), np.float32)


# -------------------------------------------------------------------------------------------------------------- raster


def relief(scene: Scene, index: npt.NDArray[np.intp]) -> Floats:
    """The shading within the shapes, (s, s) in tones; index (s, s) numbers the topmost shape."""
    low, high = (np.array([edge(s.points, axis=0) for s in scene], np.float32) for edge in (np.min, np.max))
    place = np.moveaxis((np.indices(index.shape, np.float32) + 0.5) / len(index), 0, -1)[..., ::-1]  # x and y
    across, down = np.moveaxis((2 * place - (low + high)[index]) / (high - low)[index], -1, 0)  # -1 to 1 in the shape
    fall, side, ball = np.array([(s.fall, s.side, s.ball) for s in scene], np.float32).T[:, index]
    bulge = 0.55 - (across + 0.45) ** 2 * 0.5 - (down + 0.45) ** 2 * 0.5
    return 0.5 * fall * down - 0.5 * side * across + ball * bulge


def outlines(numbers: npt.NDArray[np.uint8], size: int, width: float) -> Floats:
    """Where shapes meet, (size, size) in 0 to 1; width in pixels of a picture with 256 a side."""
    edge = np.zeros(numbers.shape, np.uint8)
    edge[:, 1:] |= numbers[:, 1:] != numbers[:, :-1]
    edge[1:] |= numbers[1:] != numbers[:-1]
    image = Image.fromarray(edge * 255)
    for _ in range(round(width * len(numbers) / 512)):
        image = image.filter(ImageFilter.MaxFilter(3))
    return from_image(image.resize((size, size), Image.Resampling.BOX))


def raster(scene: Scene, palette: Floats, size: int, width: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """A scene in pixels, before any style: flat, lit and lines.

    flat is (s, s, 3), one colour of the (10, 3) palette for each shape, and lit has the shading within it. lines is
    (s, s), 1 on outlines of that width and 0 elsewhere.
    """
    large = size * SUPERSAMPLING
    image = Image.new("L", (large, large))
    pen = ImageDraw.Draw(image)
    for number, shape in enumerate(scene):
        pen.polygon((shape.points * large).ravel().tolist(), fill=number)
    index = np.asarray(image.resize((size, size), Image.Resampling.NEAREST)).astype(np.intp)
    lines = outlines(np.asarray(image), size, width)
    colours = shaded(palette[[s.role for s in scene]], np.array([s.tone for s in scene], np.float32))
    image.putpalette((np.clip(colours, 0, 1) * 255).astype(np.uint8).tobytes())
    flat = from_image(image.convert("RGB").reduce(SUPERSAMPLING))
    return flat, np.clip(shaded(flat, relief(scene, index)), 0, 1), lines


# ---------------------------------------------------------------------------------------------------------- techniques


def watercolour(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Washes that run, dry darker at their edges and leave the paper white around them."""
    _, lit, _ = raster(scene, palette, size)
    sway = [size * (0.012 * noise(rng, size, 9) + 0.004 * noise(rng, size, 40)) for _ in range(2)]
    wash = blurred(moved(lit, *sway), size * 0.004)
    edge = np.abs(wash - blurred(wash, size * 0.02)).sum(-1)
    pigment = 0.8 + 0.22 * noise(rng, size, 5) + 0.14 * noise(rng, size, 16) + 0.9 * np.clip(edge, 0, 0.4)
    grain = noise(rng, size, GRAIN)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    border = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) + 0.02 * noise(rng, size, 12)
    pigment = (pigment + 0.07 * grain) * smooth(0.035, 0.055, border)
    paper = np.array((0.985, 0.97, 0.94), np.float32)
    return paper * (1 - (1 - wash) * np.clip(pigment, 0, 1.25)[..., None]) * (1 - 0.025 * grain[..., None])


def engraving(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Lines of ink whose width gives the tone, crossed in the shadows, on cream paper."""
    _, lit, lines = raster(scene, palette, size, 0.8)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    darkness = 1 - luminance(lit)
    bend = 0.012 * noise(rng, size, 5) + 0.03 * luminance(lit)
    ink = np.zeros((size, size), np.float32)
    for angle, start in ((0.35, 0.12), (-0.75, 0.5)):
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * 44 * (y * np.cos(angle) + x * np.sin(angle) + bend))
        share = np.clip((darkness - start) * 1.15, 0, 0.85)
        ink = np.maximum(ink, smooth(-0.12, 0.12, share - wave) * (share > 0.03))
    ink = np.maximum(ink, lines * (0.75 + 0.25 * noise(rng, size, 60)))
    paper = palette[LIGHT] * (1 + 0.03 * noise(rng, size, GRAIN) + 0.02 * noise(rng, size, 6))[..., None]
    return blend(paper, palette[DARK], np.clip(ink, 0, 1))


def pixel_art(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Large square pixels in few colours, dithered, with darker contours."""
    cells, levels = 48, 5
    _, lit, lines = raster(scene, palette, cells, 0)
    bayer = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.float32) / 16 - 0.47
    threshold = np.roll(np.tile(bayer, (cells // 4, cells // 4)), rng.integers(4), axis=1)
    dithered = np.rint(lit * levels + 0.7 * threshold[..., None]) / levels
    contoured = dithered * (1 - 0.4 * (lines > 0.4))[..., None]
    return from_image(to_image(contoured).resize((size, size), Image.Resampling.NEAREST))


def low_poly(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat triangles, each in one colour."""
    cells, large = 26, size * SUPERSAMPLING
    _, lit, _ = raster(scene, palette, max(size // 2, 96))
    grid = np.stack(np.meshgrid(np.arange(cells + 1), np.arange(cells + 1), indexing="ij"), -1) / cells
    grid = np.where((grid > 0) & (grid < 1), grid + rng.uniform(-0.42, 0.42, grid.shape) / cells, grid)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]  # corners of each cell
    triangles = np.concatenate([np.stack(corners, 2).reshape(-1, 3, 2) for corners in ((a, b, c), (a, c, d))])
    at = (triangles.mean(1) * (len(lit) - 1)).astype(np.intp)
    colours = shaded(lit[at[:, 0], at[:, 1]], rng.uniform(-0.14, 0.14, len(at)).astype(np.float32))
    image = Image.new("RGB", (large, large))
    pen, fills = ImageDraw.Draw(image), (np.clip(colours, 0, 1) * 255).astype(int).tolist()
    for triangle, fill in zip((triangles[..., ::-1] * large).reshape(-1, 6).tolist(), fills, strict=True):
        pen.polygon(triangle, fill=tuple(fill))
    return from_image(image.reduce(SUPERSAMPLING))


def woodblock(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Flat printed colour with graded skies, fine dark contours and the grain of the block."""
    flat, lit, lines = raster(scene, palette, size)
    sway = [size * 0.006 * noise(rng, size, 8) for _ in range(2)]
    colour, contours = moved(0.45 * flat + 0.55 * lit, *sway), moved(lines, *sway)
    grain = np.sin(2 * np.pi * (9 * noise(rng, size, 7, 3.5) + 1.5 * noise(rng, size, 30, 12)))
    paper = np.array((0.94, 0.89, 0.77), np.float32)
    printed = blend(colour, paper, 0.1 + 0.09 * smooth(0.2, 1, grain) + 0.05 * noise(rng, size, GRAIN))
    return blend(printed, palette[DARK] * 0.7, contours * 0.9)


def neon(scene: Scene, palette: Floats, size: int, rng: Rng) -> Floats:
    """Glowing tubes in the dark."""
    flat, lit, lines = raster(scene, palette, size)
    wall = 0.1 * lit * (1 + 0.2 * noise(rng, size, GRAIN))[..., None] + palette[DARK] * 0.5
    vivid = flat / np.maximum(flat.max(-1, keepdims=True), 0.2)
    tubes = vivid * lines[..., None]
    halo = 1.5 * blurred(tubes, size * 0.012) + 1.6 * blurred(tubes, size * 0.04)
    return wall + halo + lines[..., None] * (0.25 + 0.75 * vivid)


# ------------------------------------------------------------------------------------------------------------ pictures


def colours(names: str) -> Floats:
    """A palette from ten six-digit hexadecimal colours."""
    return np.array([tuple(bytes.fromhex(name)) for name in names.split()], np.float32) / np.float32(255)


# a painter, and the ten colours that it paints with, (10, 3) in the order of the roles
STYLES: dict[str, tuple[Callable[[Scene, Floats, int, Rng], Floats], Floats]] = {
    "watercolour": (watercolour, colours("9cc4dc f5c75f a5b4cf 7fa66a a7b56b 5d9bbd c77b58 d65a66 4a4a5e f7efdf")),
    "engraving": (engraving, colours("e4e4e4 f8f8f8 b8b8b8 7d7d7d 8f8f8f a0a0a0 6a6a6a 555555 2a211b f1e7d0")),
    "pixel-art": (pixel_art, colours("41a6f6 ffcd75 566c86 38b764 257179 3b5dc9 b13e53 ef7d57 1a1c2c f4f4f4")),
    "low-poly": (low_poly, colours("a7d3e8 ffb36b 8fa9c4 4f9d8c 3d7a6b 5fb0c9 e0705a f2916b 35435e fbeee0")),
    "woodblock": (woodblock, colours("b9cfc6 d9573a 8aa6a8 6f8f72 a59a6a 335f85 9c5b43 c9573d 22314a f1e6cb")),
    "neon": (neon, colours("3a2f8f ffe45c 5a4fe0 2ff0b0 b04fff 2fb8ff ff4fa0 ff6a3a 0d0a26 d8f6ff")),
}


def seeded(seed: int, *names: str) -> Rng:
    """A generator that depends on the seed and the names alone."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])


def draw(style: str, scene: str, seed: int, size: int = PAGE_SIZE) -> Image.Image:
    """Draw a scene in a style, `size` pixels a side; one seed composes a scene alike in every style.

    Raises:
        KeyError: style is none of STYLES or scene none of SCENES.
    """
    paint, palette = STYLES[style]
    return to_image(paint(SCENES[scene](seeded(seed, scene)), palette, size, seeded(seed, style, scene)))
