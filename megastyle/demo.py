"""The app without the real weights: trains a tiny encoder on drawn pictures and starts app.py on it.

    python -m megastyle.demo

Nothing is downloaded. The encoder is a real SigLIP vision tower of about 140,000 parameters; it learns in some seconds to
tell drawn styles apart and is kept in .demo/ for the next start. Its scores are NOT MegaStyle scores: it shows how the
page works, and it knows nothing about pictures other than the drawn ones.

It is trained on TRAINING_STYLES and TRAINING_SCENES only. The page's example sets show other scenes, and some of them other
styles: none of their pictures was seen in training.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from megastyle.drawings import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from PIL import Image
    from transformers import SiglipImageProcessorPil, SiglipVisionModel

StyleClass: TypeAlias = "tuple[str, list[int]]"  # a style's name and the order of its colour channels

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"  # kept for the next start; not under version control
CHECKPOINT_FILE = "megastyle_encoder.pth"

HELD_OUT_STYLES = ("woodblock", "stained-glass")
HELD_OUT_SCENES = ("boat", "skyline", "vase", "portrait", "tree", "lighthouse")
TRAINING_STYLES = tuple(style for style in examples.STYLES if style not in HELD_OUT_STYLES)
TRAINING_SCENES = tuple(scene for scene in examples.SCENES if scene not in HELD_OUT_SCENES)

IMAGE_SIZE, PATCH_SIZE = 112, 14  # pixels
HIDDEN_SIZE, MLP_SIZE, LAYERS, HEADS = 64, 128, 2, 4  # about 140,000 parameters
DRAWN_SIZE = 168  # pixels; drawn larger than the encoder sees them, as real pictures are
SEEDS = dict.fromkeys(TRAINING_SCENES, range(2)) | {
    "shapes": range(14)
}  # abstract compositions above all: content teaches nothing
RECOLOURED_PER_STEP, PICTURES_PER_CLASS = 3, 4  # a batch has these beside every style in its own colours
STEPS = 110
LEARNING_RATE = 2e-3
TEMPERATURE = 0.1  # of the contrastive loss
SEED = 0  # of the first weights and of the order of the pictures


def training_pictures() -> dict[str, list[Image.Image]]:
    """The training pictures by style, all of the same compositions."""
    shots = [(scene, seed) for scene, seeds in SEEDS.items() for seed in seeds]
    return {
        style: [examples.draw(style, scene, seed, DRAWN_SIZE) for scene, seed in shots] for style in TRAINING_STYLES
    }


def style_classes() -> list[StyleClass]:
    """What counts as one style in training: a drawn style with its colour channels in one order, their own order first.

    The other orders are further styles at no cost: they teach the encoder colours that no palette holds.
    """
    return [(style, list(order)) for order in itertools.permutations(range(3)) for style in TRAINING_STYLES]


def shuffled_quarters(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Pictures (PICTURES_PER_CLASS, 3, s, s) whose quarters come from four of `pictures` (n, 3, s, s), each in its place.

    What they show is broken up and their style is not, so the encoder learns the style.
    """
    half = pictures.shape[-1] // 2
    mixed = pictures[:PICTURES_PER_CLASS].clone()
    for top, left in itertools.product((0, half), repeat=2):
        rows, columns = slice(top, top + half), slice(left, left + half)
        picks = rng.choice(len(pictures), PICTURES_PER_CLASS, replace=False)
        mixed[..., rows, columns] = pictures[picks, :, rows, columns]
    return mixed.flip(-1) if rng.random() < 0.5 else mixed


def batch(pixels: dict[str, torch.Tensor], rng: np.random.Generator) -> tuple[list[torch.Tensor], list[int]]:
    """A training batch: every style in its own colours and some recoloured ones; pictures and their class numbers."""
    classes, plain = style_classes(), len(TRAINING_STYLES)
    recoloured = rng.choice(np.arange(plain, len(classes)), RECOLOURED_PER_STEP, replace=False).tolist()
    numbers = [*range(plain), *recoloured]
    pictures = [shuffled_quarters(pixels[style], rng)[:, order] for style, order in map(classes.__getitem__, numbers)]
    return pictures, [number for number in numbers for _ in range(PICTURES_PER_CLASS)]


def contrastive_loss(embeddings: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al., arXiv 2004.11362, L_out) of (b, d) unit rows and (b,) class numbers."""
    own = classes.new_ones(len(classes)).diag().bool()  # a picture says nothing about itself
    similarity = (embeddings @ embeddings.T / TEMPERATURE).masked_fill(own, -1e9)
    log_share = similarity - similarity.logsumexp(1, keepdim=True)
    same = (classes[:, None] == classes) & ~own
    return -((log_share * same).sum(1) / same.sum(1)).mean()


def new_processor() -> SiglipImageProcessorPil:
    """SigLIP's image processor for the tiny encoder: 112 x 112, bicubic, 1/255, mean 0.5, standard deviation 0.5."""
    from transformers import SiglipImageProcessorPil

    side = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    half = [0.5, 0.5, 0.5]
    return SiglipImageProcessorPil(size=side, resample=3, rescale_factor=1 / 255, image_mean=half, image_std=half)


def new_model() -> SiglipVisionModel:
    """An untrained vision tower, its weights drawn from SEED."""
    import torch
    from transformers import SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(SEED)
    config = SiglipVisionConfig(
        hidden_size=HIDDEN_SIZE,
        intermediate_size=MLP_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=IMAGE_SIZE,
        patch_size=PATCH_SIZE,
    )
    return SiglipVisionModel(config)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(model: SiglipVisionModel, pixels: dict[str, torch.Tensor]) -> None:
    """Train in place: STEPS batches, AdamW, one cycle of the learning rate."""
    import torch

    rng = np.random.default_rng(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.15)
    for _ in range(STEPS):
        pictures, classes = batch(pixels, rng)
        embeddings = torch.nn.functional.normalize(model(pixel_values=torch.cat(pictures)).pooler_output)
        optimizer.zero_grad()
        contrastive_loss(embeddings, torch.tensor(classes)).backward()
        optimizer.step()
        schedule.step()


def save(model: SiglipVisionModel, processor: SiglipImageProcessorPil, folder: Path) -> None:
    """Write backbone folder and checkpoint; the checkpoint as the published one: 16 bits, transformers 4's names."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder / "backbone")
    save_file(model.state_dict(), folder / "backbone" / "model.safetensors", metadata={"format": "pt"})
    processor.save_pretrained(folder / "backbone")
    state = {
        f"vision_model.{name.removeprefix('vision_model.')}": value.half() for name, value in model.state_dict().items()
    }
    torch.save({"model": state}, folder / CHECKPOINT_FILE)


def build(folder: Path) -> None:
    """Draw, train and save into `folder`. One thread: the same weights on any number of cores, and no quarrel over them."""
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(training_pictures)  # goes on while torch and transformers are imported
        processor, model = new_processor(), new_model()
        pixels = {
            style: processor(shots, return_tensors="pt")["pixel_values"] for style, shots in drawing.result().items()
        }
    with one_thread():
        train(model.train(), pixels)
    save(model.eval(), processor, folder)


def recipe() -> str:
    """Names what the encoder depends on: this file, the drawings and the versions of the libraries, as 16 hex digits."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(examples.source_code())
    digest.update(" ".join(version(name) for name in ("torch", "transformers", "numpy", "Pillow")).encode())
    return digest.hexdigest()[:16]


def prepare(folder: Path = FOLDER) -> tuple[Path, Path]:
    """Backbone folder and checkpoint of the tiny encoder, trained only if `folder` has none of today's recipe.

    It is built beside its place and renamed, so that nobody ever reads half of it.
    """
    kept = folder / recipe()
    if not kept.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder, ignore_cleanup_errors=True) as unfinished:
            build(made := Path(unfinished) / "encoder")
            put(made, kept)
    return kept / "backbone", kept / CHECKPOINT_FILE


def put(made: Path, kept: Path) -> None:
    """Rename `made` to `kept`, unless another process was first: both hold the same."""
    try:
        made.rename(kept)
    except OSError:
        if not kept.is_dir():
            raise


def main() -> None:
    """Prepare the encoder, say what it is and what not, and become app.py."""
    print("Offline demo: a tiny encoder trained here on drawn pictures, nothing is downloaded.")
    print("Its scores are NOT MegaStyle scores; they only show how the page works.")
    print("Preparing the encoder (some seconds the first time) ...", flush=True)
    backbone, checkpoint = prepare()
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    print(f"Starting the page; open http://127.0.0.1:{port} when it says that it runs. Ctrl+C ends it.", flush=True)
    environment = {**os.environ, "MEGASTYLE_BACKBONE": str(backbone), "MEGASTYLE_CHECKPOINT": str(checkpoint)}
    os.execve(sys.executable, [sys.executable, str(ROOT / "app.py")], environment)


if __name__ == "__main__":
    main()
