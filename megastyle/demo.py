"""The app without the real weights: prepares a tiny encoder that learns from drawn pictures, and starts app.py on it.

    python -m megastyle.demo
    python -m megastyle.demo --prepare      prepares the encoder and ends

Nothing is downloaded. The encoder is a real SigLIP vision tower of about 140,000 parameters, trained from nothing in
less than a minute and kept in .demo/ for the next start. Its scores are NOT MegaStyle scores. It knows colours and
textures well enough to show how the page works on any picture, and it has never seen one that was not drawn here.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from megastyle.drawings import examples, lessons

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import SiglipImageProcessorPil, SiglipVisionModel

    from megastyle.training import Progress

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"  # kept for the next start; not under version control
BACKBONE_FOLDER, CHECKPOINT_FILE, CALIBRATION_FILE = "backbone", "megastyle_encoder.pth", "calibration.json"
PACKAGE = Path(__file__).parent
SOURCES = [  # what encoder and calibration depend on beside the drawings
    *(PACKAGE / f"{name}.py" for name in ("demo", "training", "calibration", "comparison")),
    *sorted((PACKAGE / "measuring").glob("*.py")),
]
CALIBRATION_NAME = "drawn pictures in styles and scenes that the demo's encoder never saw"
BAR = 30  # characters


def show_progress(done: int, total: int) -> None:
    """Show how far the training is: a bar that grows on a terminal, a line for each quarter elsewhere."""
    if sys.stdout.isatty():
        bar = "#" * (BAR * done // total)
        print(f"\rLearning style [{bar:<{BAR}}] {done} of {total} steps", end="" if done < total else "\n", flush=True)
    elif 4 * done // total > 4 * (done - 1) // total:
        print(f"Learning style: {done} of {total} steps", flush=True)


def save(model: SiglipVisionModel, processor: SiglipImageProcessorPil, folder: Path) -> None:
    """Write backbone folder and checkpoint; the checkpoint as the published one: 16 bits, transformers 4's names."""
    import torch
    from safetensors.torch import save_file

    backbone = folder / BACKBONE_FOLDER
    backbone.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(backbone)
    save_file(model.state_dict(), backbone / "model.safetensors", metadata={"format": "pt"})
    processor.save_pretrained(backbone)
    names = {name: f"vision_model.{name.removeprefix('vision_model.')}" for name in model.state_dict()}
    state = {names[name]: value.half() for name, value in model.state_dict().items()}
    torch.save({"model": state}, folder / CHECKPOINT_FILE)


def build(folder: Path, progress: Progress) -> None:
    """Draw, train, save and measure into `folder`.

    Drawing begins while torch is imported, and what the encoder is measured on is drawn while it learns.
    """
    with lessons.course() as course, ThreadPoolExecutor(1) as pool:
        from megastyle import training

        held_out = pool.submit(lessons.held_out_pictures)
        model = training.trained(course, progress)
        save(model, training.new_processor(), folder)
        calibrate(folder, held_out.result())


def calibrate(folder: Path, pictures: Mapping[str, Sequence[Image]]) -> None:
    """Measure what a score of the encoder in `folder` is worth, on pictures of styles and scenes that it never saw."""
    from megastyle.encoder import load_encoder
    from megastyle.measuring.labelling import calibrate_pictures

    print("Measuring what a score is worth, on drawn pictures that it never saw", flush=True)
    text = calibrate_pictures(pictures, load_encoder(variables(folder)), CALIBRATION_NAME)
    (folder / CALIBRATION_FILE).write_text(text, encoding="utf-8")


def recipe() -> str:
    """Names what the encoder depends on: the sources and the versions of the libraries, as 16 hexadecimal digits."""
    digest = hashlib.sha256(examples.source_code())
    for source in SOURCES:
        digest.update(source.read_bytes())
    digest.update(" ".join(version(name) for name in ("torch", "transformers", "numpy", "Pillow")).encode())
    return digest.hexdigest()[:16]


def prepare(folder: Path = FOLDER, progress: Progress = show_progress) -> tuple[Path, Path]:
    """Backbone folder and checkpoint of the tiny encoder, trained only if `folder` has none of today's recipe.

    It is built beside its place and renamed, so that nobody ever reads half of it.
    """
    kept = folder / recipe()
    if not kept.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder, ignore_cleanup_errors=True) as unfinished:
            build(made := Path(unfinished) / "encoder", progress)
            put(made, kept)
    return kept / BACKBONE_FOLDER, kept / CHECKPOINT_FILE


def put(made: Path, kept: Path) -> None:
    """Rename `made` to `kept`, unless another process was first: both hold the same."""
    try:
        made.rename(kept)
    except OSError:
        if not kept.is_dir():
            raise


def variables(folder: Path) -> dict[str, str]:
    """The variables that name the encoder in `folder`, and its calibration, to app.py."""
    return {
        "MEGASTYLE_BACKBONE": str(folder / BACKBONE_FOLDER),
        "MEGASTYLE_CHECKPOINT": str(folder / CHECKPOINT_FILE),
        "MEGASTYLE_CALIBRATION": str(folder / CALIBRATION_FILE),
    }


def main(arguments: list[str] | None = None) -> None:
    """Prepare the encoder, say what it is and what not, and become app.py unless only the preparation was asked for."""
    parser = argparse.ArgumentParser(prog="python -m megastyle.demo", description="Start the page on a tiny encoder.")
    parser.add_argument("--prepare", action="store_true", help="prepare the encoder and end")
    only_prepare = parser.parse_args(arguments).prepare
    print("Offline demo: a tiny encoder, trained here in seconds on drawn pictures. Nothing is downloaded.")
    print("Its scores are NOT MegaStyle scores; they only show how the page works.")
    if not (FOLDER / recipe()).is_dir():
        print("Drawing pictures and loading torch; then the encoder learns, less than a minute in all ...", flush=True)
    _, checkpoint = prepare()
    if only_prepare:
        print(f"The encoder is ready in {checkpoint.parent}.")
        return
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    print(f"Starting the page; open http://127.0.0.1:{port} when it says that it runs. Ctrl+C ends it.", flush=True)
    os.execve(sys.executable, [sys.executable, str(ROOT / "app.py")], {**os.environ, **variables(checkpoint.parent)})


if __name__ == "__main__":
    main()
