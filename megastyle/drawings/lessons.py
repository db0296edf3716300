"""The pictures that the demo's tiny encoder learns from, beside those that are held out from it.

Training sees TRAINING_STYLES and endless styles, both with TRAINING_SCENES. It sees no picture with one of
HELD_OUT_SCENES and none in one of HELD_OUT_STYLES; the endless styles of `held_out_pictures` have a seed of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from megastyle.drawings.drawing import draw, seeded
from megastyle.drawings.endless import new_technique, paint, siblings
from megastyle.drawings.scenes import SCENES
from megastyle.drawings.studio import Studio, new_studio
from megastyle.drawings.styles import STYLES

Pixels: TypeAlias = npt.NDArray[np.uint8]  # (..., s, s, 3) in 0 to 255

HELD_OUT_STYLES = ("stained-glass",)
HELD_OUT_SCENES = ("boat", "skyline", "vase", "portrait", "tree", "lighthouse")
TRAINING_STYLES = tuple(style for style in STYLES if style not in HELD_OUT_STYLES)
TRAINING_SCENES = tuple(scene for scene in SCENES if scene not in HELD_OUT_SCENES)

SIZE = 112  # pixels a side of the pictures that training sees
DRAWN_SIZE = (
    168  # pixels; hand-made and held-out pictures are drawn larger than the encoder sees them, as real ones are
)
PICTURES = 4  # in one endless style
LESSONS = 320  # each in two endless styles that share their colours
COMPOSITIONS = dict.fromkeys(TRAINING_SCENES, 3) | {
    "shapes": 14
}  # pictures in one hand-made style, abstract ones above all
SEED = 0  # of the endless styles that training sees
HELD_OUT_TECHNIQUES, HELD_OUT_PICTURES = 39, 12  # endless styles that are held out, and pictures in each held-out style
HELD_OUT_SEED = 501  # the first seed of the held-out compositions


@dataclass(frozen=True)
class Course:
    """The training pictures, which become ready in this order: hand-made styles, then lessons in endless styles.

    hand_made: for each of TRAINING_STYLES, (n, SIZE, SIZE, 3). lessons: (2, PICTURES, SIZE, SIZE, 3) each.
    """

    hand_made: Sequence[Future[Pixels]]
    lessons: Sequence[Future[Pixels]]


@contextmanager
def course() -> Iterator[Course]:
    """Draw the training pictures in a thread of their own, while torch is imported and the training goes on."""
    pool = ThreadPoolExecutor(1)
    try:
        hand_made = [pool.submit(style_pictures, style) for style in TRAINING_STYLES]
        studio = pool.submit(training_studio)  # is done before the first lesson begins: there is one thread
        lessons = [pool.submit(lambda number: lesson(studio.result(), number), number) for number in range(LESSONS)]
        yield Course(hand_made, lessons)
    finally:
        pool.shutdown(cancel_futures=True)


def style_pictures(style: str) -> Pixels:
    """The training pictures in a hand-made style, (n, SIZE, SIZE, 3); all styles show the same compositions."""
    shots = [(scene, seed) for scene, count in COMPOSITIONS.items() for seed in range(count)]
    drawn = (draw(style, *shot, DRAWN_SIZE).resize((SIZE, SIZE), Image.Resampling.BICUBIC) for shot in shots)
    return np.stack([np.asarray(picture) for picture in drawn])


def training_studio() -> Studio:
    """The material of the endless styles that training sees."""
    return new_studio(seeded(SEED, "studio"), [SCENES[scene] for scene in TRAINING_SCENES])


def lesson(studio: Studio, number: int) -> Pixels:
    """Pictures in two endless styles that share their colours, (2, PICTURES, SIZE, SIZE, 3)."""
    return siblings(studio, seeded(SEED, f"lesson {number}"), PICTURES, SIZE)


def held_out_pictures() -> dict[str, list[Image.Image]]:
    """HELD_OUT_PICTURES pictures in each of 40 styles, with styles and scenes that training never saw.

    The styles are HELD_OUT_STYLES and "endless-00" to "endless-38"; the scenes are HELD_OUT_SCENES.
    """
    per_scene = HELD_OUT_PICTURES // len(HELD_OUT_SCENES)
    shots = [(scene, HELD_OUT_SEED + k) for scene in HELD_OUT_SCENES for k in range(per_scene)]
    pictures = {style: [draw(style, *shot, DRAWN_SIZE) for shot in shots] for style in HELD_OUT_STYLES}
    scenes = [SCENES[scene] for scene in HELD_OUT_SCENES]
    studio = new_studio(seeded(HELD_OUT_SEED, "studio"), scenes, cloud_grounds=0)
    for number in range(HELD_OUT_TECHNIQUES):
        pictures[f"endless-{number:02}"] = held_out_technique(studio, number)
    return pictures


def held_out_technique(studio: Studio, number: int) -> list[Image.Image]:
    """Pictures in one endless style, each of another ground."""
    rng = seeded(HELD_OUT_SEED, f"technique {number}")
    technique = new_technique(rng)
    grounds = rng.choice(len(studio.grounds), HELD_OUT_PICTURES, replace=False)
    return [Image.fromarray(paint(technique, studio.grounds[k], studio, rng, DRAWN_SIZE)) for k in grounds]
