"""Measures what happens on a GPU, in one call wherever one can be used: `python bench/gpu.py`.

Forward passes at full size against their matrix products, moving the model, and CPU against GPU, with random weights.
With --stand-in it runs to its end on a CPU with few layers, where no figure means anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import torch  # noqa: E402 - the path comes first
from transformers import SiglipVisionConfig, SiglipVisionModel  # noqa: E402

from megastyle.encoder import unit_rows  # noqa: E402
from probes import LAYERS, layer_products, multiply_all, operations, timed  # noqa: E402
from weights import VISION  # noqa: E402

STAND_IN = "--stand-in" in sys.argv
DEVICE, PICTURES, ROUNDS, DEPTH = (
    ("cpu", (1, 2), 1, 1) if STAND_IN else ("cuda", (1, 9), 10, VISION["num_hidden_layers"])
)
PICTURE_TERAFLOP = 0.667  # one picture's forward pass
TOLERANCE = 1e-5  # in an embedding, CPU against GPU
NO_GPU = "No GPU can be used here, so nothing was measured. A CUDA GPU with 4 GB and a CUDA build of torch are needed."


def settled(act: Callable[[], object]) -> float:
    """How long it takes until the GPU is done, s."""

    def act_and_wait() -> None:
        act()
        if not STAND_IN:
            torch.cuda.synchronize()

    return timed(act_and_wait)


def best(act: Callable[[], object]) -> float:
    """The shortest of ROUNDS times after one that warms up, ms."""
    settled(act)
    return 1000 * min(settled(act) for _ in range(ROUNDS))


def main() -> None:
    """Measure on the GPU here, or say that there is none."""
    if not STAND_IN and not torch.cuda.is_available():
        sys.exit(NO_GPU)
    torch.manual_seed(0)
    config = SiglipVisionConfig(**{**VISION, "num_hidden_layers": DEPTH})
    model, side = SiglipVisionModel(config).eval(), VISION["image_size"]
    pixels = torch.rand(PICTURES[-1], 3, side, side) * 2 - 1
    name = "a CPU as stand-in, where no figure means anything" if STAND_IN else torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}")
    here = unit_rows(model, pixels)
    print(f"moving the model in float32: {settled(partial(model.to, DEVICE)):.2f} s")
    there = unit_rows(model, pixels.to(DEVICE)).cpu()
    difference = float((here - there).abs().max())
    print(f"CPU against GPU: {difference:.1e} in an embedding, at most {TOLERANCE:.0e}: {difference <= TOLERANCE}")
    for number in PICTURES:
        forward = best(partial(unit_rows, model, pixels[:number].to(DEVICE)))
        products = [pair for _ in range(1 if STAND_IN else LAYERS) for pair in layer_products(number, DEVICE)]
        floor = number * PICTURE_TERAFLOP * 1e12 * best(partial(multiply_all, products)) / operations(products)
        alone = f"its matrix products alone: {floor:.1f} ms ({floor / forward:.2f})"
        print(f"forward pass of {number}: {forward:.1f} ms; {alone}")


if __name__ == "__main__":
    main()
