"""What is measured in a process of its own.

python bench/probes.py NAME [ARGUMENT ...]

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
    from transformers import SiglipImageProcessorPil, SiglipVisionModel

LAYERS = (
    9  # of the model's 27: 0.55 GB of weights, so that none is still in a processor's cache when its turn comes again
)
STYLES, STYLE_PICTURES = 200, 50  # of the set that is calibrated: 10,000 pictures
STYLE_SPREAD = 1.5  # of pictures around their style, whose own length is 1: cosines of about 0.31 inside of it
TOKENS, WIDTH, MLP_WIDTH, HEADS, HEAD_WIDTH = 729, 1152, 4304, 16, 72  # of the model

Json = dict[str, Any]
Products = list[tuple["torch.Tensor", "torch.Tensor"]]  # left and right factors


def timed(act: Callable[[], object]) -> float:
    """How long it takes, s."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def load_app() -> Json:
    """Seconds that the app's own loading takes, finding and checking the files included, importing not."""
    from megastyle.encoder import load_encoder

    return {"seconds": timed(load_encoder)}


def load_parts() -> Json:
    """Seconds of what loading cannot do without.

    That is the checkpoint's SHA-256 on one core, and its numbers in float32 on all.
    """
    from megastyle.encoder import find_checkpoint, read_state, verify

    path, _ = find_checkpoint()
    digest = timed(lambda: verify(path))
    state = read_state(path)
    return {"digest": digest, "float32": timed(lambda: [value.float() for value in state.values()])}


def start() -> Json:
    """What a start cannot do without: importing the libraries and the model's class, and loading the encoder."""
    import gradio  # noqa: F401 - the import is what is measured
    import spaces  # noqa: F401
    import torch  # noqa: F401

    from megastyle.encoder import load_encoder

    load_encoder()
    return {}


def plain_model(backbone: str, checkpoint: str) -> SiglipVisionModel:
    """The plain recipe: the backbone with its own weights, and the checkpoint's over them.

    The key names are mended so that they match.
    """
    import torch
    from transformers import SiglipVisionModel

    model = SiglipVisionModel.from_pretrained(backbone)
    state = torch.load(checkpoint, map_location="cpu")["model"]
    model.load_state_dict({name.removeprefix("vision_model."): value for name, value in state.items()})
    return model.eval()


def load_plain(backbone: str, checkpoint: str) -> Json:
    """Seconds that the plain recipe takes, importing not included."""
    from transformers import SiglipVisionModel  # noqa: F401 - the import is not measured

    return {"seconds": timed(lambda: plain_model(backbone, checkpoint))}


def plain_processor(backbone: str) -> SiglipImageProcessorPil:
    """The image processor that the contract asks for."""
    from transformers import SiglipImageProcessorPil

    return SiglipImageProcessorPil.from_pretrained(backbone)


def plain_pixel_values(processor: SiglipImageProcessorPil, paths: tuple[str, ...]) -> torch.Tensor:
    """(k, 3, 384, 384) float32 of the pictures."""
    from PIL import Image

    return processor([Image.open(path).convert("RGB") for path in paths], return_tensors="pt")["pixel_values"]


def plain_embeddings(model: SiglipVisionModel, pixel_values: torch.Tensor) -> torch.Tensor:
    """(k, d) unit rows."""
    import torch

    with torch.inference_mode():
        features = model(pixel_values=pixel_values).pooler_output
    return features / features.norm(dim=-1, keepdim=True)


def score(backbone: str, checkpoint: str, test: str, reference: str) -> Json:
    """What a command-line scorer does for one pair.

    It loads everything, embeds both pictures in one batch and gives their cosine.
    """
    model = plain_model(backbone, checkpoint)
    embeddings = plain_embeddings(model, plain_pixel_values(plain_processor(backbone), (test, reference)))
    return {"cosine": float(embeddings[0] @ embeddings[1])}


def identity(backbone: str, checkpoint: str, *pictures: str) -> Json:
    """The largest differences between app and plain recipe.

    They are those of all weights, of all pixel values and of the first picture's embedding.
    """
    import numpy as np

    import app  # before torch: it imports spaces
    from megastyle.embedding import pixel_values, size_of
    from megastyle.reading import READER

    model, processor = plain_model(backbone, checkpoint), plain_processor(backbone)
    own = app.ENCODER.model.state_dict()
    pairs = [(value, own[name]) for name, value in model.state_dict().items()]
    how = size_of(app.ENCODER.processor), app.ENCODER.processor.resample
    ours = pixel_values([READER.read(picture, *how).square for picture in pictures], app.ENCODER.processor)
    plain = plain_pixel_values(processor, pictures)
    embedding = app.embed(ours[:1]) - plain_embeddings(model, plain[:1]).numpy()
    return {
        "weights": max(float((theirs - mine).abs().max()) for theirs, mine in pairs),
        "tensors": len(pairs),
        "pixel_values": float(np.abs(ours - plain.numpy()).max()),
        "pictures": len(pictures),
        "embedding": float(np.abs(embedding).max()),
    }


def calibration() -> Json:
    """Seconds of a calibration's statistics for random embeddings around a direction of their style."""
    import numpy as np

    from megastyle.calibration import calibration_text
    from megastyle.measuring import Labelled, Provenance, measure

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((STYLES, 1, WIDTH), np.float32)
    rows = rows + STYLE_SPREAD * rng.standard_normal((STYLES, STYLE_PICTURES, WIDTH), np.float32)
    rows = rows.reshape(-1, WIDTH)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = tuple(f"style {number:03}" for number in range(STYLES))
    pictures = Labelled(rows, names, np.full(STYLES, STYLE_PICTURES))
    about = Provenance("Random", "", {"checkpoint": "", "sha256": ""}, {})
    seconds = timed(lambda: calibration_text(measure(pictures, about)))
    return {"seconds": seconds, "pictures": len(rows), "styles": STYLES}


def multiply() -> Json:
    """Seconds and floating-point operations of a third of a picture's matrix products, once for each line of the input.

    The products of LAYERS layers at the model's shapes, each with weights of its own: query, key, value and output, the
    attention's two, the MLP's two.
    """
    products = [pair for _ in range(LAYERS) for pair in layer_products()]
    for _ in sys.stdin:
        print(
            json.dumps({"seconds": timed(lambda: multiply_all(products)), "operations": operations(products)}),
            flush=True,
        )
    return {}


def layer_products(pictures: int = 1, device: str = "cpu") -> Products:
    """A layer's matrix products; weights lie as `torch.nn.Linear` keeps them."""
    import torch

    with torch.device(device):
        weights = [
            torch.randn(rows, columns)
            for rows, columns in [(WIDTH, WIDTH)] * 4 + [(MLP_WIDTH, WIDTH), (WIDTH, MLP_WIDTH)]
        ]
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


PROBES: dict[str, Callable[..., Json]] = {
    "load-app": load_app,
    "load-parts": load_parts,
    "start": start,
    "load-plain": load_plain,
    "score": score,
    "identity": identity,
    "multiply": multiply,
    "calibration": calibration,
}

if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])), flush=True)
