"""Measures what happens on a GPU: to be run once wherever one can be used.

python bench/gpu.py

Forward passes at full size, moving the model, and the worker of the real ZeroGPU client on a device API of our own, cold and warm. The
weights are the benchmark's (see bench/run.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

import weights  # noqa: E402 - the path comes first
from probes import LAYERS, layer_products, multiply_all, operations, timed  # noqa: E402
from run import home, prepare_weights  # noqa: E402

if TYPE_CHECKING:
    import torch
    from transformers import SiglipVisionModel

PICTURES = (1, 9)
ROUNDS = 10
PICTURE_TERAFLOP = 0.667  # one picture's forward pass
SIDE = 384  # pixels


def main() -> None:
    """Measure on the GPU here, or say that there is none."""
    if sys.argv[1:2] == ["worker"]:
        print(json.dumps(worker(at_module_scope="module-scope" in sys.argv)), flush=True)
        return
    import torch

    if not torch.cuda.is_available():
        sys.exit("No GPU can be used here, so nothing was measured. A CUDA GPU with 4 GB and a CUDA build of torch are needed.")
    folder = prepare_weights(home())
    os.environ.update(environment(folder))
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    report_forward(place(loaded(torch.float32)))
    report_moving()
    for placed in ("inside the worker", "at module scope"):
        report_worker(folder, placed)


def environment(folder: Path) -> dict[str, str]:
    """In which the app finds the weights under their published names."""
    return {"HF_HOME": str(weights.hub_home(folder)), "HF_HUB_OFFLINE": "1"}


# ------------------------------------------------------------------------------------------------------- in this process


def loaded(dtype: torch.dtype) -> SiglipVisionModel:
    """The model on the CPU, loaded as the app does but for the number format."""
    from transformers import SiglipVisionModel

    from megastyle.checkpoint import read_state
    from megastyle.encoder import BACKBONE_REPO, find_checkpoint, read_backbone

    (config, _), (path, _) = read_backbone(BACKBONE_REPO), find_checkpoint()
    return SiglipVisionModel.from_pretrained(None, config=config, state_dict=read_state(path), dtype=dtype).eval()


def place(model: SiglipVisionModel) -> SiglipVisionModel:
    """The model, moved to the GPU as it is and cast to float32 there."""
    return model.cuda().float()


def settled(act: Callable[[], object]) -> float:
    """How long it takes until the GPU is done, s."""
    import torch

    def act_and_wait() -> None:
        act()
        torch.cuda.synchronize()

    return timed(act_and_wait)


def best(act: Callable[[], object]) -> float:
    """The shortest of ROUNDS times, s."""
    return min(settled(act) for _ in range(ROUNDS))


def report_forward(model: SiglipVisionModel) -> None:
    """Forward passes in float32, against the matrix products alone."""
    import torch

    for number in PICTURES:
        pixels = torch.rand(number, 3, SIDE, SIDE, device="cuda") * 2 - 1
        with torch.inference_mode():
            forward = best(partial(model, pixel_values=pixels))
        products = [pair for _ in range(LAYERS) for pair in layer_products(number, "cuda")]
        floor = number * PICTURE_TERAFLOP * 1e12 * best(partial(multiply_all, products)) / operations(products)
        print(f"forward pass of {number}: {1000 * forward:.1f} ms; its matrix products alone: {1000 * floor:.1f} ms ({floor / forward:.2f})")


def report_moving() -> None:
    """Moving float32 weights, and 16-bit weights that are cast there; both must be the same to the bit."""
    import torch

    models, seconds = {}, {}
    for dtype in (torch.float32, torch.float16):
        model = loaded(dtype)
        seconds[dtype] = settled(partial(place, model))
        models[dtype] = model
    pixels = torch.rand(PICTURES[-1], 3, SIDE, SIDE, device="cuda") * 2 - 1
    with torch.inference_mode():
        one, other = (model(pixel_values=pixels).pooler_output for model in models.values())
    parameters = zip(*(model.parameters() for model in models.values()), strict=True)
    same = torch.equal(one, other) and all(torch.equal(ours, theirs) for ours, theirs in parameters)
    print(
        f"moving the model: float32 {seconds[torch.float32]:.2f} s; 16 bits, cast there {seconds[torch.float16]:.2f} s; the same to the bit: {same}"
    )


# ------------------------------------------------------------------------------------------------ under the ZeroGPU client


def report_worker(folder: Path, placed: str) -> None:
    """Cold and warm calls of the app's GPU function through the real client, which forks a worker."""
    import torch

    from zerogpu import DeviceAPI

    class OneGPU(DeviceAPI):
        """Lends the GPU that is here."""

        def grant(self) -> dict[str, Any]:
            return {**super().grant(), "nvidiaUUID": f"GPU-{torch.cuda.get_device_properties(0).uuid}"}

    with OneGPU(gpus=1) as api, tempfile.TemporaryDirectory() as scratch:
        settings = {**os.environ, **environment(folder), **platform(api.url, Path(scratch))}
        command = [sys.executable, __file__, "worker", *(["module-scope"] if "module" in placed else [])]
        output = subprocess.run(command, env=settings, text=True, stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(output.splitlines()[-1])
    print(f"model moved {placed}: start {found['start']:.1f} s, " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["calls"]))


def platform(url: str, scratch: Path) -> Mapping[str, str]:
    """The environment of a ZeroGPU Space."""
    (scratch / "cgroup").write_text("0::/space\n")
    return {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": url,
        "ZEROGPU_PROC_SELF_CGROUP_PATH": str(scratch / "cgroup"),
        "ZEROGPU_OFFLOAD_DIR": str(scratch / "tensors"),
        "HOME": str(scratch),
    }


def worker(*, at_module_scope: bool) -> dict[str, Any]:
    """In a process of its own, in ZeroGPU mode: seconds until the app is ready, and of each call of its GPU function."""
    began = time.perf_counter()
    import numpy as np
    import spaces.zero

    import app  # before torch: it imports spaces

    if at_module_scope:
        app.ENCODER.model.to("cuda")
    spaces.zero.startup()  # what `launch` does on the platform: tensors that were placed on the GPU are packed to disk
    start = time.perf_counter() - began
    rng = np.random.default_rng(0)
    calls = []
    for name, number in (("cold worker, 9 pictures", 9), ("warm, 9", 9), ("warm, 1", 1)):
        pixels = rng.uniform(-1, 1, (number, 3, SIDE, SIDE)).astype(np.float32)
        calls.append((name, timed(partial(app.embed, pixels))))
    return {"start": start, "calls": calls}


if __name__ == "__main__":
    main()
