"""The model contract a second time: plain Pillow, numpy and transformers, nothing of the app.

RGB -> bicubic to a square -> / 255 -> (x - 0.5) / 0.5 -> vision tower's pooler_output -> / its length -> dot products

It also holds the recipe of a small vision tower and of pictures that are the same with every version of every library:
weights from numpy's frozen RandomState, pictures from whole numbers. Run under transformers 4, it writes what that
version makes of them:

    python -m venv old && old/bin/pip install transformers==4.57.6 torch==2.13.0 Pillow==12.3.0 numpy
    old/bin/python tests/reference.py
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import PIL
import torch
import transformers
from PIL import Image
from transformers import SiglipVisionConfig, SiglipVisionModel

Floats = npt.NDArray[np.float32]
State = dict[str, torch.Tensor]

DATA = Path(__file__).parent / "data" / "transformers-4.57.6.json"
SIDE = 384  # pixels, the contract's
SAMPLED = (0, 1, 200, 12345, 147455, 200000, 294912, 442367)  # indices into the flattened pixel values of a picture
RECIPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": 14,
}
PREPROCESSOR: dict[str, Any] = {  # the published backbone's preprocessor_config.json
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "SiglipProcessor",
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": SIDE, "width": SIDE},
}

# ------------------------------------------------------------------------------------------------------------- contract


def pixel_values(image: Image.Image, side: int = SIDE) -> Floats:
    """(3, side, side) float32 in [-1, 1] of a picture of any size and mode."""
    square = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))
    scaled = (square.astype(np.float64) / 255).astype(np.float32)
    return ((scaled - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1)


def vision_tower(config: dict[str, Any], state: State) -> SiglipVisionModel:
    """The model with these weights, whichever of the two namings they have; every key must fit.

    This version of transformers may use the other naming.
    """
    model = SiglipVisionModel(SiglipVisionConfig(**config)).float().eval()
    own = {bare(name): name for name in model.state_dict()}
    model.load_state_dict({own[bare(name)]: value.float() for name, value in state.items()}, strict=True)
    return model


def bare(name: str) -> str:
    """A tensor's name without transformers 4's prefix."""
    return name.removeprefix("vision_model.")


def embedding(model: SiglipVisionModel, pixels: Floats) -> Floats:
    """(d,) float32 unit vector of one picture's pixel values."""
    with torch.no_grad():
        features = model(pixel_values=torch.from_numpy(pixels[None].copy())).pooler_output[0].numpy()
    return features / np.linalg.norm(features)


def cosines(embeddings: Sequence[Floats]) -> list[list[float]]:
    """The cosine of each to each, summed in double precision."""
    return [
        [math.fsum(float(a) * float(b) for a, b in zip(one, other, strict=True)) for other in embeddings]
        for one in embeddings
    ]


# --------------------------------------------------------------------------------------------------------------- recipe


def drawn_tensor(name: str, shape: Sequence[int]) -> torch.Tensor:
    """A tensor that depends on its bare name alone, in 16 bits.

    Normal, wider for fewer inputs; a norm's weights lie around 1.
    """
    values = np.random.RandomState(crc32(name.encode())).standard_normal(
        tuple(shape)
    )  # the one stream that numpy never changes
    if "norm" in name and name.endswith("weight"):
        values = 1 + 0.1 * values
    elif len(shape) == 1:
        values = 0.1 * values
    else:
        values = 1.5 * values / math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float16))


def drawn_state(config: dict[str, Any]) -> State:
    """The recipe's weights for a vision tower of this configuration, by bare name."""
    with torch.device("meta"):
        shapes = {
            bare(name): value.shape
            for name, value in SiglipVisionModel(SiglipVisionConfig(**config)).state_dict().items()
        }
    return {name: drawn_tensor(name, shape) for name, shape in sorted(shapes.items())}


def drawn_pictures() -> dict[str, Image.Image]:
    """Pictures of several sizes and modes, from whole numbers, so that no rounding of any library shows."""
    y, x = np.mgrid[0:300, 0:420]
    rings = (
        (((x - 200) ** 2 + (y - 140) ** 2) // np.array([37, 53, 91])[:, None, None] % 256)
        .transpose(1, 2, 0)
        .astype(np.uint8)
    )
    stripes = np.stack([(x * 7 + y * 3) % 256, (x * 2 + y * 11) % 256, (x * y) % 256], -1).astype(np.uint8)
    tiles = np.where(
        ((x // 24 + y // 24) % 2)[..., None] == 1, np.array([230, 60, 40]), np.array([20, 90, 160])
    ).astype(np.uint8)
    noise = np.random.RandomState(5).randint(0, 256, (97, 61, 3), np.uint8)
    return {
        "rings": Image.fromarray(rings),
        "stripes": Image.fromarray(stripes),
        "tiles": Image.fromarray(tiles[:250, :120]),
        "noise": Image.fromarray(noise),
        "gray": Image.fromarray(rings[..., 0]),
        "square": Image.fromarray(np.ascontiguousarray(np.tile(stripes, (2, 1, 1))[:SIDE, :SIDE])),
        "transparent": Image.fromarray(np.dstack([tiles, (x % 256).astype(np.uint8)])),
        "palette": Image.fromarray(stripes[..., 0] // 64 * 64).convert("P"),
    }


def digest(values: Floats) -> str:
    """SHA-256 of the little-endian bytes of an array."""
    return hashlib.sha256(np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()


def measured() -> dict[str, Any]:
    """What this version's own slow image processor and upstream's way of loading make of the recipe."""
    processor = transformers.SiglipImageProcessor(
        **{key: value for key, value in PREPROCESSOR.items() if not key.endswith(("type", "class"))}
    )
    model = vision_tower(RECIPE, drawn_state(RECIPE))
    pixels = {
        name: processor(images=image.convert("RGB"), return_tensors="np")["pixel_values"][0]
        for name, image in drawn_pictures().items()
    }
    embeddings = {name: embedding(model, values) for name, values in pixels.items()}
    return {
        "how": "Written by tests/reference.py under the versions below: the recipe's pictures through the slow "
        "SiglipImageProcessor and the recipe's weights in SiglipVisionModel. Weights: normal, "
        "RandomState(crc32(name)), 16 bits. Pictures: whole numbers. Samples: at the indices SAMPLED.",
        "versions": {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "pillow": PIL.__version__,
            "numpy": np.__version__,
        },
        "keys": sorted(model.state_dict()),
        "pixel_values_sha256": {name: digest(values) for name, values in pixels.items()},
        "pixel_values_sample": {
            name: [round(float(values.flat[index]), 8) for index in SAMPLED] for name, values in pixels.items()
        },
        "embedding_start": {
            name: [round(float(value), 8) for value in values[:6]] for name, values in embeddings.items()
        },
        "cosines": [[round(value, 8) for value in row] for row in cosines(list(embeddings.values()))],
    }


def main() -> None:
    """Write what transformers 4 makes of the recipe."""
    if not transformers.__version__.startswith("4."):
        raise SystemExit(f"needs transformers 4, this is {transformers.__version__}; see the docstring")
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
