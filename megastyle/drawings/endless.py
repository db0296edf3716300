"""Endless styles: techniques drawn at random, each of which makes a picture of any ground.

Pictures in one technique have their making in common (colours, light, texture, line) and their content not. An encoder
that learns to tell techniques apart learns style as such.

Amplitudes are in units of brightness from 0 to 1 and lengths in pixels, unless they say otherwise.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from PIL import ImageFilter

from megastyle.drawings.geometry import Floats, Rng
from megastyle.drawings.pixels import Integers, luminance, shaded, to_image
from megastyle.drawings.studio import CLOUDS, ROLES, STROKES, Ground, Studio, crop, part

LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)  # the values of an 8-bit channel


@dataclass(frozen=True)
class Colours:
    """The half of a technique that says which colours there are."""

    palette: Floats  # (10, 3), one colour a role
    blending: (
        float | None
    )  # tones run through the palette by lightness, mixed with the tone by this share; None: they do not
    tint: Floats  # (3,) shift of the colour along a cloud
    line: Floats  # (3,) colour of outlines and hatching
    paper: Floats  # (3,) colour of what shines through
    matrix: Floats  # (3, 3) mixes the channels and sets the contrast
    lift: float  # added brightness
    gamma: float  # exponent of the tone curve


@dataclass(frozen=True)
class Handling:
    """The half of a technique that says how colours are put down; an amplitude of 0 leaves its part out."""

    modelling: float  # how much of the ground's tone is seen
    mottle: float  # clouds in the tones
    cloud: int  # number of the cloud in the studio
    stroke: int  # number of the strokes in the studio
    push: float  # pixels by which strokes move the colours
    relief: float  # strokes in the brightness
    grain: float  # noise of single pixels
    chroma: float  # how much of the grain differs between the channels
    outline: float  # opacity of the outlines
    hatching: float  # opacity of the hatching
    hatches: tuple[float, float]  # periods of the hatching across and down a picture
    translucency: float  # share of the paper that shines through between strokes
    blur: float  # radius
    steps: int  # of brightness; 0: all


@dataclass(frozen=True)
class Technique:
    """One style drawn at random."""

    colours: Colours
    handling: Handling


# --- Techniques -------------------------------------------------------------------------------------------------------


def perhaps(rng: Rng, chance: float, low: float, high: float) -> float:
    """0, or with this chance a value between low and high, small ones more often than large ones."""
    value = np.exp(rng.uniform(np.log(low), np.log(high)))
    return float(value) if rng.random() < chance else 0.0


def new_palette(rng: Rng) -> Floats:
    """Ten colours around one hue or two, from dull to vivid, over a narrow or a wide range of lightness."""
    hue, spread = rng.uniform(), rng.choice((0.03, 0.08, 0.15, 0.5))
    other, share = hue + rng.choice((0.0, 0.5, 0.33, rng.uniform())), rng.choice((0.0, 0.2, 0.4))
    hues = np.where(rng.random(ROLES) < share, other, hue) + rng.uniform(-spread, spread, ROLES)
    low, high = np.sort(rng.uniform(0, 1, 2))
    lightness = np.linspace(0.8 * low, min(1.0, high + 0.25), ROLES) + rng.normal(0, 0.06, ROLES)
    lightness = rng.permutation(lightness) if rng.random() < 0.5 else lightness
    saturation = rng.beta(1.3, 1.6) + rng.normal(0, rng.uniform(0.05, 0.3), ROLES)
    parts = zip(hues % 1, np.clip(lightness, 0.02, 0.98), np.clip(saturation, 0, 1), strict=True)
    palette = np.array([colorsys.hls_to_rgb(*part) for part in parts], np.float32)
    return palette[rng.integers(0, rng.integers(3, ROLES + 1), ROLES)] if rng.random() < 0.4 else palette


def new_colours(rng: Rng) -> Colours:
    """Draw the colours of a technique."""
    mixing = np.eye(3) + rng.normal(0, 1, (3, 3)) * perhaps(rng, 0.5, 0.03, 0.25)
    dark_lines = rng.random() < 0.75
    return Colours(
        palette=new_palette(rng),
        blending=rng.uniform(0, 0.5) if rng.random() < 0.35 else None,
        tint=(rng.normal(0, 1, 3) * perhaps(rng, 0.6, 0.03, 0.15)).astype(np.float32),
        line=(rng.uniform(0, 0.25, 3) if dark_lines else rng.uniform(0.6, 1, 3)).astype(np.float32),
        paper=(1 - rng.uniform(0, 0.25, 3)).astype(np.float32),
        matrix=(mixing * np.exp(rng.normal(0, 0.25))).astype(np.float32),
        lift=rng.normal(0, 0.06),
        gamma=float(np.exp(rng.normal(0, 0.3))),
    )


def new_handling(rng: Rng) -> Handling:
    """Draw the handling of a technique."""
    angle, periods = rng.uniform(0, np.pi), rng.uniform(6, 34)
    return Handling(
        modelling=rng.uniform(0.3, 1.2) if rng.random() < 0.75 else 0.0,
        mottle=perhaps(rng, 0.7, 0.1, 0.6),
        cloud=int(rng.integers(CLOUDS)),
        stroke=int(rng.integers(STROKES)),
        push=perhaps(rng, 0.5, 0.7, 6),
        relief=perhaps(rng, 0.6, 0.02, 0.3),
        grain=perhaps(rng, 0.6, 0.01, 0.18),
        chroma=perhaps(rng, 0.4, 0.2, 1),
        outline=perhaps(rng, 0.4, 0.3, 1),
        hatching=perhaps(rng, 0.25, 0.15, 0.7),
        hatches=(float(periods * np.cos(angle)), float(periods * np.sin(angle))),
        translucency=perhaps(rng, 0.25, 0.15, 0.8),
        blur=perhaps(rng, 0.45, 0.4, 3),
        steps=int(rng.integers(3, 8)) if rng.random() < 0.12 else 0,
    )


def new_technique(rng: Rng) -> Technique:
    """Draw a technique."""
    return Technique(new_colours(rng), new_handling(rng))


# --- Pictures ---------------------------------------------------------------------------------------------------------


def pushed(ground: Ground, down: Floats, across: Floats) -> Ground:
    """A ground whose pixels are fetched from so many pixels further down and across, (s, s) each."""
    last = len(down) - 1
    rows = np.clip(np.arange(last + 1)[:, None] + np.rint(down).astype(np.intp), 0, last)
    columns = np.clip(np.arange(last + 1)[None] + np.rint(across).astype(np.intp), 0, last)
    at = rows * (last + 1) + columns
    return Ground(*(getattr(ground, field.name).ravel()[at] for field in fields(ground)))


def coloured(colours: Colours, role: Integers, tone: Floats) -> Floats:
    """The colours (s, s, 3) of roles in tones, before light and texture."""
    if colours.blending is None:
        return shaded(colours.palette[role], np.clip(tone, -1, 1))
    ramp = colours.palette[np.argsort(luminance(colours.palette))]
    place = role * np.float32((1 - colours.blending) / (ROLES - 1)) + np.float32(colours.blending / 2) * (1 + tone)
    place = np.clip(place, 0, 1) * np.float32(ROLES - 1.001)
    below = place.astype(np.intp)
    return ramp[below] + (ramp[below + 1] - ramp[below]) * (place - below).astype(np.float32)[..., None]


def laid_over(below: Floats, colour: Floats, share: Floats) -> Floats:
    """One colour (3,) laid over (s, s, 3) where share (s, s) is 1."""
    return below + (colour - below) * share[..., None]


def hatched(rng: Rng, technique: Technique, picture: Floats, bend: Floats) -> Floats:
    """A picture with lines that are the broader the darker it is."""
    across, down = technique.handling.hatches
    unit = np.linspace(0, 2 * np.pi, len(bend), dtype=np.float32)
    wave = np.cos(across * unit[None] + down * unit[:, None] + np.float32(rng.uniform(0, 2 * np.pi)) + bend / 2)
    ink = np.clip(3 * (wave + 0.8 - 2 * np.clip(luminance(picture), 0, 1)), 0, 1)
    return laid_over(picture, technique.colours.line, np.float32(technique.handling.hatching) * ink)


def developed(technique: Technique, picture: Floats) -> Floats:
    """A picture after colour matrix, tone curve, steps and blur, (s, s, 3) float32 in 0 to 1."""
    colours, handling = technique.colours, technique.handling
    mixed = (picture - np.float32(0.5)) @ colours.matrix.T + np.float32(0.5 + colours.lift)
    curve: Floats = LEVELS ** np.float32(colours.gamma)
    if handling.steps:
        curve = (np.rint(curve * handling.steps) / handling.steps).astype(np.float32)
    image = to_image(curve[(np.clip(mixed, 0, 1) * 255).astype(np.uint8)])
    if handling.blur:
        image = image.filter(ImageFilter.GaussianBlur(handling.blur))
    return np.asarray(image, np.float32) / np.float32(255)


def paint(technique: Technique, ground: Ground, studio: Studio, rng: Rng, size: int) -> npt.NDArray[np.uint8]:
    """A picture of a random part of `ground` in a technique, (size, size, 3) in 0 to 255.

    size: pixels a side, at most GROUND_SIZE; grounds and textures keep their scale whatever the size.
    """
    colours, handling = technique.colours, technique.handling
    stroke, shift = (crop(rng, studio.strokes[handling.stroke], size) for _ in range(2))
    mottle, drift = (crop(rng, studio.clouds[handling.cloud], size) for _ in range(2))
    seen = part(rng, ground, size)
    if handling.push:
        seen = pushed(seen, handling.push * stroke, handling.push * shift)
    picture = coloured(colours, seen.role, seen.tone * handling.modelling + handling.mottle * mottle)
    picture = picture + drift[..., None] * colours.tint
    if handling.translucency:
        picture = laid_over(picture, colours.paper, handling.translucency * np.clip(0.5 + shift, 0, 1))
    if handling.hatching:
        picture = hatched(rng, technique, picture, stroke)
    if handling.outline:
        picture = laid_over(picture, colours.line, handling.outline * seen.lines)
    picture = developed(technique, picture + (handling.relief * stroke)[..., None])
    if handling.grain:
        grain = crop(rng, studio.grain, size)
        picture = picture + np.float32(handling.grain) * (grain[..., :1] + np.float32(handling.chroma) * grain)
    return np.asarray(to_image(picture))


def siblings(studio: Studio, rng: Rng, count: int, size: int) -> npt.NDArray[np.uint8]:
    """`count` pictures each in two techniques that share their colours, (2, count, size, size, 3).

    Only handling tells the two apart. The pictures of one technique show two grounds or as many as there are pictures.
    """
    first = new_technique(rng)
    pictures = []
    for technique in (first, replace(first, handling=new_handling(rng))):
        variety = count if rng.random() < 0.5 else max(1, count // 2)
        picks = rng.choice(len(studio.grounds), variety, replace=False)
        pictures.append([paint(technique, studio.grounds[picks[k % variety]], studio, rng, size) for k in range(count)])
    return np.array(pictures)
