"""The demo's tiny encoder: the styles that it learns to tell apart, its training, its files, what its scores are worth.

It is a SigLIP vision tower that learns from pictures which are drawn here and varied at random. Pictures in one style
have their colours, their technique and their texture in common and their content not: an encoder that learns to tell
styles apart learns style as such. Training sees abstract compositions alone; what the encoder is measured on shows
other scenes, in other styles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter
from tqdm import tqdm
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

from megastyle.calibration import calibration_text
from megastyle.demo.drawings import STYLES, draw, from_image, noise, seeded
from megastyle.demo.scenes import SCENES, Floats, Rng
from megastyle.embedding import pixel_values
from megastyle.encoder import load_encoder, unit_rows
from megastyle.measuring import labelled, measure

SIZE, PATCH_SIZE = 112, 14  # pixels a side
HIDDEN_SIZE, MLP_SIZE, LAYERS, HEADS = 64, 256, 1, 4  # about 140,000 parameters
COLOUR_FILTERS, WAVES = HIDDEN_SIZE // 4, 7  # filters that start as mean colours; frequencies of the others, a side
DRAWN_SIZE = 168  # pixels a side of the drawings that styles are varied from
TRAINING_SCENE, HELD_OUT_SCENES = "abstract", tuple(scene for scene in SCENES if scene != "abstract")
DRAWINGS = 14  # of the training scene, in each technique
LEARNED_STYLES, PICTURES = 320, 4  # styles varied at random, and pictures in each
PAIRED = 0.35  # share of the styles that are followed by another in the same colours
LIGHT = 0.15  # standard deviation of the light's fall over a picture, which is no part of its style
STEPS, BATCH = 160, 12  # BATCH: varied styles
LEARNING_RATE = 6e-3
GRADIENT_NORM = 1.0  # at most
TEMPERATURE = 0.085  # of the contrastive loss
SEED, HELD_OUT_SEED = 0, 501
HELD_OUT_STYLES, HELD_OUT_PICTURES = 40, 12  # styles varied at random, and pictures in each; fewer than drawings
TRIALS = 20_000  # of one kind for one number of references: 40 styles can tell no more
CALIBRATION_NAME = "drawn pictures in styles and scenes that the demo's encoder never saw"

Pixels = npt.NDArray[np.uint8]  # (..., SIZE, SIZE, 3) in 0 to 255

# -------------------------------------------------------------------------------------------------------------- styles


def between(rng: Rng, low: float, high: float) -> float:
    """A value between low and high, small ones more often than large ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def new_colouring(rng: Rng) -> Callable[[Floats, Floats], Floats]:
    """The half of a style that says which colours there are: a colour matrix and a tone curve drawn at random.

    Any hues, from dull to vivid, now and then a negative. It takes what a handling gives and returns values in 0 to 1,
    (SIZE, SIZE, 3).
    """
    matrix = np.eye(3)[rng.permutation(3)] + rng.normal(0, 0.5, (3, 3)) * rng.random()
    dullness = max(0.0, rng.uniform(-1, 1))
    matrix = ((1 - dullness) * matrix + dullness * matrix.mean(axis=0)) * rng.choice((1, 1, 1, -1))
    matrix, lift = (matrix * np.exp(rng.normal(0, 0.3))).astype(np.float32), rng.normal(0.5, 0.12, 3)
    gamma = np.exp(rng.normal(0, 0.35))
    return lambda seen, texture: np.clip((seen - np.float32(0.5)) @ matrix.T + lift + texture, 0, 1) ** gamma


def new_handling(rng: Rng) -> tuple[str, Callable[[Image.Image, Rng], tuple[Floats, Floats]]]:
    """The half of a style that says how colours are put down: one of STYLES, and a crop, a blur, a texture at random.

    It takes a drawing and returns values in 0 to 1 and the texture to be added to them, both (SIZE, SIZE, 3). The
    texture's bumps are `stretch` times as long as they are high.
    """
    side, radius = round(between(rng, 0.45, 1) * DRAWN_SIZE), between(rng, 0.4, 2.5) * (rng.random() < 0.4)
    bumps, stretch = between(rng, 3, SIZE), between(rng, 1 / 6, 6)
    grey, tint = (between(rng, 0.02, 0.35) * (rng.random() < chance) for chance in (0.8, 0.4))
    strength = (grey + tint * rng.normal(0, 0.6, 3)).astype(np.float32)  # in each channel

    def handled(drawing: Image.Image, rng: Rng) -> tuple[Floats, Floats]:
        left, top = rng.uniform(0, DRAWN_SIZE - side, 2)
        part = drawing.resize((SIZE, SIZE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
        seen = from_image(part.filter(ImageFilter.GaussianBlur(radius)))[:, :: rng.choice((-1, 1))]
        return seen, noise(rng, SIZE, bumps, stretch)[..., None] * strength

    return str(rng.choice(list(STYLES))), handled


def drawings(scenes: Sequence[str], seeds: Sequence[int]) -> dict[str, list[Image.Image]]:
    """A drawing of each scene from each seed, by style of STYLES."""
    shots = [(scene, seed) for scene in scenes for seed in seeds]
    return {style: [draw(style, *shot, DRAWN_SIZE) for shot in shots] for style in STYLES}


def varied_styles(rng: Rng, drawn: Mapping[str, Sequence[Image.Image]], styles: int, pictures: int) -> Pixels:
    """(styles, pictures, SIZE, SIZE, 3): pictures in each of so many styles drawn at random.

    PAIRED of the styles have the colours of the style before, so that colours alone do not tell styles apart. The
    pictures of a style are made of as many drawings, or of two.
    """
    made, coloured = np.empty((styles, pictures, SIZE, SIZE, 3), np.uint8), new_colouring(rng)
    for style in made:
        coloured = coloured if rng.random() < PAIRED else new_colouring(rng)
        technique, handled = new_handling(rng)
        picks = rng.choice(len(drawn[technique]), pictures if rng.random() < 0.5 else 2, replace=False)
        for number in range(pictures):
            drawing = drawn[technique][picks[number % len(picks)]]
            style[number] = coloured(*handled(drawing, rng)) * 255
    return made


# ------------------------------------------------------------------------------------------------------------ training


def first_filters(rng: Rng) -> Floats:
    """Filters for patches, (HIDDEN_SIZE, 3, PATCH_SIZE, PATCH_SIZE): mean colours, then waves, one in four coloured.

    The waves are those of the discrete cosine transform, and four times as strong, since details are weak.
    """
    steps = np.pi / PATCH_SIZE * np.outer(np.arange(WAVES), np.arange(PATCH_SIZE) + 0.5)
    planes = np.einsum("dy,ax->dayx", np.cos(steps), np.cos(steps)).reshape(-1, PATCH_SIZE, PATCH_SIZE)
    picks = np.append(np.zeros(COLOUR_FILTERS, int), rng.integers(1, len(planes), HIDDEN_SIZE - COLOUR_FILTERS))
    colours = rng.normal(0, 1, (HIDDEN_SIZE, 3))
    colours[(picks > 0) & (np.arange(HIDDEN_SIZE) % 4 > 0)] = 1
    filters = np.einsum("hc,hyx->hcyx", colours, planes[picks])
    strength = np.where(picks == 0, 1, 4) / PATCH_SIZE / np.linalg.norm(filters.reshape(HIDDEN_SIZE, -1), axis=1)
    return (filters * strength[:, None, None, None]).astype(np.float32)


def new_model() -> SiglipVisionModel:
    """An untrained vision tower, its weights drawn from SEED.

    It sees colours and waves from the start, and all places alike, since style is everywhere. From SigLIP's own first
    weights, which are noise, the same training gets markedly less far.
    """
    torch.manual_seed(SEED)
    config = SiglipVisionConfig(
        hidden_size=HIDDEN_SIZE,
        intermediate_size=MLP_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=SIZE,
        patch_size=PATCH_SIZE,
    )
    model, rng = SiglipVisionModel(config), np.random.default_rng(SEED)
    weights = {name.removeprefix("vision_model."): weight for name, weight in model.named_parameters()}
    with torch.no_grad():
        weights["embeddings.patch_embedding.weight"].copy_(torch.from_numpy(first_filters(rng)))
        weights["embeddings.position_embedding.weight"].copy_(torch.from_numpy(rng.normal(0, 0.3, (1, HIDDEN_SIZE))))
    return model


def lit(rng: Rng, pictures: Pixels) -> torch.Tensor:
    """Pixel values (n, 3, s, s) in -1 to 1, each picture under its own light: brighter or darker, falling to a side."""
    side = np.linspace(-0.5, 0.5, SIZE, dtype=np.float32)
    down, across, whole = rng.normal(0, LIGHT, (3, len(pictures), 1, 1)).astype(np.float32)
    light = 1 + down * side[:, None] + across * side + np.float32(0.4) * whole
    values = np.clip(pictures * light[..., None] / np.float32(127.5) - 1, -1, 1)
    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy())


def contrastive_loss(embeddings: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss of (b, d) unit rows and (b,) class numbers (L_out of arXiv 2004.11362)."""
    own = classes.new_ones(len(classes)).diag().bool()  # a picture says nothing about itself
    similarity = (embeddings @ embeddings.T / TEMPERATURE).masked_fill(own, -1e9)
    same = (classes[:, None] == classes) & ~own
    return -((similarity.log_softmax(1) * same).sum(1) / same.sum(1)).mean()


def train(model: SiglipVisionModel, plain: Pixels, varied: Pixels) -> None:
    """Train in place: STEPS batches, AdamW, one cycle of the learning rate.

    A batch holds the same drawings in each of the plain styles, (styles, drawings, SIZE, SIZE, 3), and BATCH of the
    varied styles, (styles, PICTURES, SIZE, SIZE, 3).
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.15)
    rng, classes = np.random.default_rng(SEED), torch.arange(len(plain) + BATCH).repeat_interleave(PICTURES)
    for _ in tqdm(range(STEPS), desc="Learning style", disable=None):  # silent where no terminal shows it
        picks = rng.choice(plain.shape[1], PICTURES, replace=False), rng.choice(len(varied), BATCH, replace=False)
        batch = np.concatenate((plain[:, picks[0]], varied[picks[1]])).reshape(-1, SIZE, SIZE, 3)
        embeddings = torch.nn.functional.normalize(model(pixel_values=lit(rng, batch)).pooler_output)
        optimizer.zero_grad()
        contrastive_loss(embeddings, classes).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        schedule.step()


# --------------------------------------------------------------------------------------------------------------- files


def save(model: SiglipVisionModel, backbone: Path, checkpoint: Path) -> None:
    """Write backbone folder and checkpoint; the checkpoint as the published one: 16 bits, transformers 4's names.

    The image processor is SigLIP's but for its size: bicubic (3), pixel values in -1 to 1.
    """
    backbone.mkdir(parents=True)
    model.save_pretrained(backbone)
    side, half = {"height": SIZE, "width": SIZE}, [0.5, 0.5, 0.5]
    processor = SiglipImageProcessorPil(size=side, resample=3, rescale_factor=1 / 255, image_mean=half, image_std=half)
    processor.save_pretrained(backbone)
    state = {f"vision_model.{name.removeprefix('vision_model.')}": v.half() for name, v in model.state_dict().items()}
    torch.save({"model": state}, checkpoint)


def calibrate(environment: Mapping[str, str]) -> str:
    """The text of a calibration: what a score of the encoder that the environment names is worth.

    It is measured on styles and scenes that training never saw.
    """
    drawn = drawings(HELD_OUT_SCENES, range(HELD_OUT_SEED, HELD_OUT_SEED + 3))
    made = varied_styles(seeded(HELD_OUT_SEED), drawn, HELD_OUT_STYLES, HELD_OUT_PICTURES)
    model, processor, source = load_encoder(environment)
    rows = [unit_rows(model, torch.from_numpy(pixel_values(list(own), processor))).numpy() for own in made]
    pictures = labelled({f"style {number:02}": list(own) for number, own in enumerate(rows)})
    digest = hashlib.sha256(made.tobytes()).hexdigest()
    return calibration_text(measure(pictures, CALIBRATION_NAME, digest, source, trials=TRIALS))


def build(environment: Mapping[str, str]) -> None:
    """Train and measure the encoder, and write the three files that the environment names.

    Torch computes in one thread, which gives the same weights on any number of cores.
    """
    torch.set_num_threads(1)
    drawn = drawings([TRAINING_SCENE], range(DRAWINGS))
    plain = np.stack([[np.asarray(drawing.resize((SIZE, SIZE))) for drawing in own] for own in drawn.values()])
    train(model := new_model(), plain, varied_styles(seeded(SEED), drawn, LEARNED_STYLES, PICTURES))
    save(model, Path(environment["MEGASTYLE_BACKBONE"]), Path(environment["MEGASTYLE_CHECKPOINT"]))
    Path(environment["MEGASTYLE_CALIBRATION"]).write_text(calibrate(environment), encoding="utf-8")
