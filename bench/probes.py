"""What is measured in a process of its own: `python bench/probes.py NAME [ARGUMENT ...]`.

The last line that a probe prints is JSON. `multiply` prints one for each line that it is given.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    import torch

LAYERS = 9  # of the model's 27: 0.55 GB of weights, too much for a processor's cache to keep from turn to turn
TOKENS, WIDTH, MLP_WIDTH, HEADS, HEAD_WIDTH = 729, 1152, 4304, 16, 72  # of the model

Products = list[tuple["torch.Tensor", "torch.Tensor"]]  # left and right factors


def timed(act: Callable[[], object]) -> float:
    """How long it takes, s."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def load_app() -> Any:
    """Seconds that the app's own loading takes, finding and checking the files included, importing not."""
    from megastyle.encoder import load_encoder

    return timed(load_encoder)


def load_parts() -> Any:
    """Seconds of what loading cannot do without: the checkpoint's SHA-256, and its numbers in float32."""
    from megastyle.encoder import find_checkpoint, read_state, verify

    path, _ = find_checkpoint()
    state = read_state(path)
    return timed(lambda: verify(path)), timed(lambda: [value.float() for value in state.values()])


def load_plain(backbone: str, checkpoint: str) -> Any:
    """Seconds of the plain recipe: the backbone with its own weights, the checkpoint's over them, key names mended."""
    import torch
    from transformers import SiglipVisionModel

    def load() -> None:
        model = SiglipVisionModel.from_pretrained(backbone)
        state = torch.load(checkpoint, map_location="cpu")["model"]
        model.load_state_dict({name.removeprefix("vision_model."): value for name, value in state.items()})

    return timed(load)


def start() -> Any:
    """What a start cannot do without: importing the libraries and the model's class, and loading the encoder."""
    import gradio  # noqa: F401 - the import is what is measured
    import spaces  # noqa: F401
    import torch  # noqa: F401

    from megastyle.encoder import load_encoder

    load_encoder()


def layer_products(pictures: int = 1, device: str = "cpu") -> Products:
    """A layer's matrix products (query, key, value, output, the MLP's two, the attention's two).

    Weights lie as `torch.nn.Linear` keeps them.
    """
    import torch

    shapes = [(WIDTH, WIDTH)] * 4 + [(MLP_WIDTH, WIDTH), (WIDTH, MLP_WIDTH)]
    with torch.device(device):
        weights = [torch.randn(rows, columns) for rows, columns in shapes]
        linear = [(torch.randn(pictures * TOKENS, weight.shape[1]), weight.T) for weight in weights]
        query, key = torch.randn(2, pictures * HEADS, TOKENS, HEAD_WIDTH)
        return [*linear, (query, key.transpose(1, 2)), (torch.rand(pictures * HEADS, TOKENS, TOKENS), key)]


def multiply_all(products: Products) -> None:
    """Compute the products, each thrown away before the next."""
    import torch

    with torch.inference_mode():
        for left, right in products:
            torch.matmul(left, right)


def operations(products: Products) -> int:
    """Floating-point operations of matrix products."""
    return sum(2 * left.numel() * right.shape[-1] for left, right in products)


def multiply() -> Any:
    """Floating-point operations a second, at the model's shapes, once for each line of the input."""
    products = [pair for _ in range(LAYERS) for pair in layer_products()]
    multiply_all(products)
    for _ in sys.stdin:
        print(operations(products) / timed(lambda: multiply_all(products)), flush=True)


PROBES: dict[str, Callable[..., Any]] = {
    "load-app": load_app,
    "load-parts": load_parts,
    "load-plain": load_plain,
    "start": start,
    "multiply": multiply,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])), flush=True)
