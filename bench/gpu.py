"""Measures what happens on a GPU: to be run once wherever one can be used.

python bench/gpu.py
python bench/gpu.py --stand-in    to the end on a CPU: that the program runs, and no figure that means anything

Forward passes at full size, moving the model, CPU against GPU, and the worker of the real ZeroGPU client on a device
API of our own, cold and warm. The weights are the benchmark's (see bench/run.py); the stand-in takes those that
MEGASTYLE_BACKBONE and MEGASTYLE_CHECKPOINT name.
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

STAND_IN = "--stand-in" in sys.argv
DEVICE = "cpu" if STAND_IN else "cuda"
PICTURES = (1, 2) if STAND_IN else (1, 9)
ROUNDS, PRODUCT_LAYERS = (1, 1) if STAND_IN else (10, LAYERS)
PICTURE_TERAFLOP = 0.667  # one picture's forward pass
TOLERANCE = 1e-5  # in an embedding, CPU against GPU
NO_GPU = "No GPU can be used here, so nothing was measured. A CUDA GPU with 4 GB and a CUDA build of torch are needed."


def main() -> None:
    """Measure on the GPU here, or say that there is none."""
    if "worker" in sys.argv:
        print(json.dumps(worker(at_module_scope="module-scope" in sys.argv)), flush=True)
        return
    import torch

    if not STAND_IN:
        if not torch.cuda.is_available():
            sys.exit(NO_GPU)
        os.environ.update(HF_HOME=str(weights.hub_home(prepare_weights(home()))), HF_HUB_OFFLINE="1")
    name = "a CPU as stand-in, where no figure means anything" if STAND_IN else torch.cuda.get_device_name()
    print(f"{name}, torch {torch.__version__}")
    report_forward(place(loaded(torch.float32)))
    report_agreement()
    report_moving()
    for placed in ("inside the worker", "at module scope"):
        report_worker(placed)


# ------------------------------------------------------------------------------------------------- in this process


def loaded(dtype: torch.dtype) -> SiglipVisionModel:
    """The model on the CPU, loaded as the app does but for the number format."""
    from transformers import SiglipVisionModel

    from megastyle.encoder import BACKBONE_REPO, find_checkpoint, read_backbone, read_state

    config, _ = read_backbone(os.environ.get("MEGASTYLE_BACKBONE") or BACKBONE_REPO)
    path, _ = find_checkpoint()
    return SiglipVisionModel.from_pretrained(None, config=config, state_dict=read_state(path), dtype=dtype).eval()


def place(model: SiglipVisionModel) -> SiglipVisionModel:
    """The model, moved to the GPU as it is and cast to float32 there."""
    return model.to(DEVICE).float()


def random_pixels(model: SiglipVisionModel, number: int, device: str = DEVICE) -> torch.Tensor:
    """Pixel values, (number, 3, S, S) in [-1, 1]."""
    import torch

    return torch.rand(number, 3, model.config.image_size, model.config.image_size, device=device) * 2 - 1


def settled(act: Callable[[], object]) -> float:
    """How long it takes until the GPU is done, s."""
    import torch

    def act_and_wait() -> None:
        act()
        if not STAND_IN:
            torch.cuda.synchronize()

    return timed(act_and_wait)


def best(act: Callable[[], object]) -> float:
    """The shortest of ROUNDS times after one that warms up, s."""
    settled(act)
    return min(settled(act) for _ in range(ROUNDS))


def milliseconds(seconds: float) -> str:
    """A time in words."""
    return f"{1000 * seconds:.1f} ms"


def report_forward(model: SiglipVisionModel) -> None:
    """Forward passes in float32, against the matrix products alone."""
    import torch

    for number in PICTURES:
        pixels = random_pixels(model, number)
        with torch.inference_mode():
            forward = best(partial(model, pixel_values=pixels))
        products = [pair for _ in range(PRODUCT_LAYERS) for pair in layer_products(number, DEVICE)]
        floor = number * PICTURE_TERAFLOP * 1e12 * best(partial(multiply_all, products)) / operations(products)
        alone = f"its matrix products alone: {milliseconds(floor)} ({floor / forward:.2f})"
        print(f"forward pass of {number}: {milliseconds(forward)}; {alone}")


def report_agreement() -> None:
    """The same pictures embedded on CPU and GPU, by the app's own function."""
    import torch

    from megastyle.encoder import unit_rows

    model = loaded(torch.float32)
    pixels = random_pixels(model, PICTURES[-1], "cpu")
    here = unit_rows(model, pixels)
    there = unit_rows(place(model), pixels.to(DEVICE)).cpu()
    difference = float((here - there).abs().max())
    print(f"CPU against GPU: {difference:.1e} in an embedding, at most {TOLERANCE:.0e}: {difference <= TOLERANCE}")


def report_moving() -> None:
    """Moving float32 weights, and 16-bit weights that are cast there; both must be the same to the bit."""
    import torch

    models, seconds = {}, {}
    for dtype in (torch.float32, torch.float16):
        model = loaded(dtype)
        seconds[dtype] = settled(partial(place, model))
        models[dtype] = model
    pixels = random_pixels(models[torch.float32], PICTURES[-1])
    with torch.inference_mode():
        one, other = (model(pixel_values=pixels).pooler_output for model in models.values())
    parameters = zip(*(model.parameters() for model in models.values()), strict=True)
    same = torch.equal(one, other) and all(torch.equal(ours, theirs) for ours, theirs in parameters)
    full, half = (f"{seconds[dtype]:.2f} s" for dtype in (torch.float32, torch.float16))
    print(f"moving the model: float32 {full}; 16 bits, cast there {half}; the same to the bit: {same}")


# ----------------------------------------------------------------------------------------- under the ZeroGPU client


def report_worker(placed: str) -> None:
    """Cold and warm calls of the app's GPU function through the real client, which forks a worker."""
    import torch

    from zerogpu import DeviceAPI

    class OneGPU(DeviceAPI):
        """Lends the GPU that is here."""

        def grant(self) -> dict[str, Any]:
            lent = super().grant()
            return lent if STAND_IN else {**lent, "nvidiaUUID": f"GPU-{torch.cuda.get_device_properties(0).uuid}"}

    command = [sys.executable, __file__, "worker", *(["module-scope"] if "module" in placed else [])]
    command += ["--stand-in"] if STAND_IN else []
    with OneGPU(gpus=1) as api, tempfile.TemporaryDirectory() as scratch:
        settings = {**os.environ, **platform(api.url, Path(scratch))}
        output = subprocess.run(command, env=settings, text=True, stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(output.splitlines()[-1])
    calls = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found["calls"])
    print(f"model placed {placed}: start {found['start']:.1f} s, {calls}")


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
    """In a process of its own, in ZeroGPU mode: seconds until the app is ready, and of each call of `embed`."""
    began = time.perf_counter()
    if STAND_IN:
        import zerogpu

        zerogpu.pass_for_cuda()
    import spaces.zero  # before torch

    if STAND_IN:
        zerogpu.emulate()
    import numpy as np

    import app

    if at_module_scope and not STAND_IN:  # the stand-in cannot bring a model back that it has not really placed
        app.ENCODER.model.to("cuda")
    spaces.zero.startup()  # what `launch` does on the platform: tensors that were placed on the GPU are packed to disk
    start = time.perf_counter() - began
    rng, side = np.random.default_rng(0), app.ENCODER.model.config.image_size
    few, many = PICTURES
    calls = []
    for name, number in ((f"cold worker, {many} pictures", many), (f"warm, {many}", many), (f"warm, {few}", few)):
        pixels = rng.uniform(-1, 1, (number, 3, side, side)).astype(np.float32)
        calls.append((name, timed(partial(app.embed, pixels))))
    return {"start": start, "calls": calls}


if __name__ == "__main__":
    main()
