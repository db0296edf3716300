"""The training of the demo's tiny encoder: a SigLIP vision tower that learns style from drawn pictures alone.

A batch holds pictures in several techniques, and the supervised contrastive loss draws together those in one technique.
Some techniques are endless styles, now and then two that share their colours, so that colours alone do not tell them
apart. Others are hand-made styles, whose pictures are shuffled, so that what they show does not tell them apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeAlias

import numpy as np
import torch
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, SiglipVisionModel

from megastyle.drawings.geometry import Floats, Rng
from megastyle.drawings.lessons import PICTURES, SIZE, Course, Pixels

PATCH_SIZE = 14  # pixels
HIDDEN_SIZE, MLP_SIZE, LAYERS, HEADS = 64, 256, 1, 4  # about 170,000 parameters
COLOUR_FILTERS, WAVES = HIDDEN_SIZE // 4, 7  # filters that start as mean colours; frequencies of the others, a side
ENDLESS, HAND_MADE = 10, 6  # techniques in a batch
PAIRED = 0.35  # share of the lessons of which both techniques are in a batch
RECOLOURED, HAND_MADE_RECOLOURED = 0.7, 0.1  # share of the techniques whose colours are changed
SHUFFLED = 0.7  # share of the hand-made styles whose pictures are shuffled
LIGHT = 0.15  # standard deviation of the light's fall over a picture, which is no part of its style
STEPS = 280
LEARNING_RATE = 6e-3
GRADIENT_NORM = 1.0  # at most
TEMPERATURE = 0.085  # of the contrastive loss
SEED = 0  # of the first weights and of the batches

Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"  # as `batches` describes it
Progress: TypeAlias = Callable[[int, int], None]  # is told the number of steps that are done and of all steps


def new_processor() -> SiglipImageProcessorPil:
    """SigLIP's image processor for the tiny encoder: 112 x 112, bicubic, 1/255, mean 0.5, standard deviation 0.5."""
    side = {"height": SIZE, "width": SIZE}
    half = [0.5, 0.5, 0.5]
    return SiglipImageProcessorPil(size=side, resample=3, rescale_factor=1 / 255, image_mean=half, image_std=half)


def first_filters(rng: Rng) -> Floats:
    """Filters for patches, (HIDDEN_SIZE, 3, PATCH_SIZE, PATCH_SIZE): mean colours, then waves, one in four coloured.

    The waves are those of the discrete cosine transform, and four times as strong, since details are weak.
    """
    steps = np.pi / PATCH_SIZE * np.outer(np.arange(WAVES), np.arange(PATCH_SIZE) + 0.5)
    planes = np.einsum("dy,ax->dayx", np.cos(steps), np.cos(steps)).reshape(-1, PATCH_SIZE, PATCH_SIZE)
    colours = rng.normal(0, 1, (HIDDEN_SIZE, 3))
    grey = np.arange(HIDDEN_SIZE) % 4 > 0
    grey[:COLOUR_FILTERS] = False
    colours[grey] = rng.choice((-1, 1), (grey.sum(), 1))
    picks = rng.integers(1, len(planes), HIDDEN_SIZE)
    picks[:COLOUR_FILTERS] = 0  # the plane without a wave
    strength = np.where(picks == 0, 1, 4) / PATCH_SIZE / np.linalg.norm(planes[picks], axis=(1, 2))
    colours *= (strength / np.linalg.norm(colours, axis=1))[:, None]
    return np.einsum("hc,hyx->hcyx", colours, planes[picks]).astype(np.float32)


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


def colour_table(rng: Rng, change: bool) -> tuple[list[int], Floats]:  # noqa: FBT001 - the caller draws it
    """An order of the colour channels and, for each 8-bit value, the pixel value that it becomes, (256,) in -1 to 1.

    Changed, the order is any, and the values may be inverted and bent: a further style at no cost.
    """
    values = np.arange(256) / 255
    if not change:
        return [0, 1, 2], (2 * values - 1).astype(np.float32)
    if rng.random() < 0.5:
        values = values ** np.exp(rng.normal(0, 0.25))
    if rng.random() < 0.3:
        values = 1 - values
    return rng.permutation(3).tolist(), (2 * values - 1).astype(np.float32)


def lit(rng: Rng, values: Floats) -> Floats:
    """Pixel values (n, s, s, 3) in -1 to 1, each picture under its own light: brighter or darker, falling to a side."""
    side = np.linspace(-0.5, 0.5, values.shape[1], dtype=np.float32)
    down, across, whole = rng.normal(0, LIGHT, (3, len(values), 1, 1)).astype(np.float32)
    light = 1 + down * side[:, None] + across * side + np.float32(0.4) * whole
    return np.clip((values + 1) * light[..., None] - 1, -1, 1)


def mirrored(rng: Rng, pictures: Pixels) -> Pixels:
    """Pictures (n, s, s, 3), all mirrored alike or not."""
    down, across = (-1 if flip else 1 for flip in rng.random(2) < 0.5)
    return pictures[:, ::down, ::across]


def shuffled_quarters(rng: Rng, pictures: Pixels) -> Pixels:
    """PICTURES pictures (s, s, 3) whose quarters come from four of `pictures` (n, s, s, 3), each in its place.

    What they show is broken up and their style is not.
    """
    half = pictures.shape[1] // 2
    mixed = pictures[:PICTURES].copy()
    for top, left in itertools.product((0, half), repeat=2):
        at = slice(top, top + half), slice(left, left + half)
        picks = rng.choice(len(pictures), PICTURES, replace=False)
        mixed[:, at[0], at[1]] = pictures[picks, at[0], at[1]]
    return mixed


def some(rng: Rng, pictures: Pixels) -> Pixels:
    """PICTURES of the pictures (n, s, s, 3) in a hand-made style, shuffled or as they are."""
    if rng.random() < SHUFFLED:
        return shuffled_quarters(rng, pictures)
    return pictures[rng.choice(len(pictures), PICTURES, replace=False)]


def endless_groups(course: Course, rng: Rng) -> Iterator[list[Pixels]]:
    """Endless styles to be recoloured together, one or two at a time: the lessons in turn, then again in any order."""
    order = list(range(len(course.lessons)))
    while True:
        for number in order:
            lesson = course.lessons[number].result()
            yield list(lesson) if rng.random() < PAIRED else [lesson[rng.integers(2)]]
        order = rng.permutation(len(course.lessons)).tolist()


def batches(course: Course, rng: Rng) -> Iterator[Batch]:
    """Training batches without end: pixel values (b, 3, s, s) in -1 to 1, and the number of their technique, (b,)."""
    hand_made, endless = [pictures.result() for pictures in course.hand_made], endless_groups(course, rng)
    while True:
        styles = rng.permutation(len(hand_made))[:HAND_MADE]
        groups = [([some(rng, hand_made[style])], HAND_MADE_RECOLOURED) for style in styles]
        while sum(len(group) for group, _ in groups) < HAND_MADE + ENDLESS:
            groups.append((next(endless), RECOLOURED))
        values = [one for group, chance in groups for one in recoloured(rng, group, chance)]
        numbers = torch.arange(len(values)).repeat_interleave(PICTURES)
        yield torch.from_numpy(np.concatenate(values).transpose(0, 3, 1, 2).copy()), numbers


def recoloured(rng: Rng, group: Sequence[Pixels], chance: float) -> Iterator[Floats]:
    """The pixel values (n, s, s, 3) of each technique's pictures, with one change of colours for all or none."""
    order, table = colour_table(rng, rng.random() < chance)
    for pictures in group:
        yield lit(rng, table[mirrored(rng, pictures)[..., order]])


def ahead(batches: Iterator[Batch]) -> Generator[Batch]:
    """The same endless batches, each made in a thread of its own while the one before is learned."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches)
        while True:
            batch, coming = coming.result(), pool.submit(next, batches)
            yield batch


def contrastive_loss(embeddings: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss of (b, d) unit rows and (b,) class numbers (L_out of arXiv 2004.11362)."""
    own = classes.new_ones(len(classes)).diag().bool()  # a picture says nothing about itself
    similarity = (embeddings @ embeddings.T / TEMPERATURE).masked_fill(own, -1e9)
    log_share = similarity - similarity.logsumexp(1, keepdim=True)
    same = (classes[:, None] == classes) & ~own
    return -((log_share * same).sum(1) / same.sum(1)).mean()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread: the same weights on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(model: SiglipVisionModel, course: Course, progress: Progress) -> None:
    """Train in place: STEPS batches, AdamW, one cycle of the learning rate."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.15)
    model.train()
    with closing(ahead(batches(course, np.random.default_rng(SEED)))) as supply:
        for step, (values, classes) in enumerate(itertools.islice(supply, STEPS)):
            embeddings = torch.nn.functional.normalize(model(pixel_values=values).pooler_output)
            optimizer.zero_grad()
            contrastive_loss(embeddings, classes).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            schedule.step()
            progress(step + 1, STEPS)
    model.eval()


def trained(course: Course, progress: Progress) -> SiglipVisionModel:
    """The tiny encoder, trained from nothing on a course."""
    model = new_model()
    with one_thread():
        train(model, course, progress)
    return model
