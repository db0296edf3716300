"""The app without the real weights: trains a tiny encoder on drawn pictures and starts app.py on it.

    python demo.py

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
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import examples

if TYPE_CHECKING:
    import torch
    from transformers import SiglipImageProcessorPil, SiglipVisionModel

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".demo"  # kept for the next start; not under version control
CHECKPOINT_FILE = "megastyle_encoder.pth"

HELD_OUT_STYLES = ("woodblock", "stained-glass", "pastel")
HELD_OUT_SCENES = ("hills", "boat", "skyline", "vase", "portrait", "tree", "lighthouse")
TRAINING_STYLES = tuple(style for style in examples.STYLES if style not in HELD_OUT_STYLES)
TRAINING_SCENES = tuple(scene for scene in examples.SCENES if scene not in HELD_OUT_SCENES)

IMAGE_SIZE, PATCH_SIZE = 112, 14  # pixels
HIDDEN_SIZE, MLP_SIZE, LAYERS, HEADS = 64, 128, 2, 4  # about 140,000 parameters
DRAWN_SIZE = 168  # pixels; drawn larger than the encoder sees them, as real pictures are
SEEDS_PER_SCENE = 4
CLASSES_PER_STEP, PICTURES_PER_CLASS = 14, 4  # a batch
STEPS = 120
LEARNING_RATE = 2e-3
TEMPERATURE = 0.1  # of the contrastive loss
SEED = 0


def training_pixels(processor: SiglipImageProcessorPil) -> dict[str, torch.Tensor]:
    """Pixel values of the training pictures by style, each (scenes x seeds, 3, IMAGE_SIZE, IMAGE_SIZE) float32."""
    shots = list(itertools.product(TRAINING_SCENES, range(SEEDS_PER_SCENE)))
    return {
        style: processor([examples.draw(style, *shot, size=DRAWN_SIZE) for shot in shots], return_tensors="pt")[
            "pixel_values"
        ]
        for style in TRAINING_STYLES
    }


def style_classes() -> list[tuple[str, tuple[int, ...]]]:
    """What counts as one style in training: a drawn style with its colour channels in one order.

    The other orders are further styles at no cost: they teach the encoder to look at colours that no palette holds.
    """
    return [(style, order) for order in itertools.permutations(range(3)) for style in TRAINING_STYLES]


def batch(pixels: dict[str, torch.Tensor], rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """A training batch: (b, 3, IMAGE_SIZE, IMAGE_SIZE) pixel values and (b,) class numbers, half the classes mirrored."""
    classes = style_classes()
    plain, others = len(TRAINING_STYLES), CLASSES_PER_STEP - len(TRAINING_STYLES)
    chosen = [*range(plain), *rng.choice(np.arange(plain, len(classes)), others, replace=False)]
    pictures = []
    for number in chosen:
        style, order = classes[number]
        picks = rng.choice(len(pixels[style]), PICTURES_PER_CLASS, replace=False)
        picked = pixels[style][picks][:, list(order)]
        pictures.append(picked.flip(-1) if rng.random() < 0.5 else picked)
    return pictures[0].new_tensor(np.concatenate([p.numpy() for p in pictures])), np.repeat(chosen, PICTURES_PER_CLASS)


def contrastive_loss(embeddings: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Supervised contrastive loss (Khosla et al., arXiv 2004.11362, L_out) of (b, d) unit rows and (b,) class numbers."""
    own = classes.new_ones(len(classes)).diag().bool()
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


def train(model: SiglipVisionModel, pixels: dict[str, torch.Tensor]) -> None:
    """Train in place: STEPS batches, AdamW, one cycle of the learning rate."""
    import torch

    rng = np.random.default_rng(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.15)
    for _ in range(STEPS):
        pictures, classes = batch(pixels, rng)
        embeddings = torch.nn.functional.normalize(model(pixel_values=pictures).pooler_output)
        optimizer.zero_grad()
        contrastive_loss(embeddings, torch.from_numpy(classes)).backward()
        optimizer.step()
        schedule.step()


def save(model: SiglipVisionModel, processor: SiglipImageProcessorPil, folder: Path) -> None:
    """Write backbone folder and checkpoint; the checkpoint as the published one: 16 bits, transformers 4's names."""
    import torch

    model.save_pretrained(folder / "backbone")
    processor.save_pretrained(folder / "backbone")
    state = {
        f"vision_model.{name.removeprefix('vision_model.')}": value.half() for name, value in model.state_dict().items()
    }
    torch.save({"model": state}, folder / CHECKPOINT_FILE)


def build(folder: Path) -> None:
    """Draw, train and save into `folder`."""
    processor, model = new_processor(), new_model()
    train(model.train(), training_pixels(processor))
    save(model.eval(), processor, folder)


def recipe() -> str:
    """Names what the encoder depends on: this file, examples.py and the versions of the libraries, as 16 hex digits."""
    digest = hashlib.sha256()
    for source in (Path(__file__), Path(examples.__file__)):
        digest.update(source.read_bytes())
    digest.update(" ".join(version(name) for name in ("torch", "transformers", "numpy", "Pillow")).encode())
    return digest.hexdigest()[:16]


def prepare(folder: Path = FOLDER) -> tuple[Path, Path]:
    """Backbone folder and checkpoint of the tiny encoder, trained only if `folder` has none of today's recipe.

    It is built beside its place and renamed, so that nobody ever reads half of it; encoders of older recipes are removed.
    """
    kept = folder / recipe()
    if not kept.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder))
        try:
            build(unfinished)
            unfinished.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return kept / "backbone", kept / CHECKPOINT_FILE


def main() -> None:
    """Prepare the encoder, say what it is and what not, and become app.py."""
    print("Offline demo: a tiny encoder trained here on drawn pictures, nothing is downloaded.")
    print("Its scores are NOT MegaStyle scores; they only show how the page works.")
    print("Preparing the encoder (some seconds the first time) ...", flush=True)
    backbone, checkpoint = prepare()
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    print(f"Starting the page; open http://127.0.0.1:{port} when it says that it runs. Ctrl+C ends it.", flush=True)
    environment = {**os.environ, "MEGASTYLE_BACKBONE": str(backbone), "MEGASTYLE_CHECKPOINT": str(checkpoint)}
    os.execve(sys.executable, [sys.executable, str(HERE / "app.py")], environment)


if __name__ == "__main__":
    main()
