"""ZeroGPU without a GPU: the real `spaces` client in its ZeroGPU mode, with its workers, pickling and errors.

The file has two lives. Imported by a test it is the platform: `DeviceAPI` answers on loopback what the real device API
answers, grants GPUs, refuses, and ends workers; `Space` starts an app on it. Run as a script (`python tests/zerogpu.py
app.py`) it is the launcher: it makes a CPU build of torch pass for a CUDA one, lets `spaces` emulate CUDA in the main
process, and runs the app. The app knows nothing of it.

    with DeviceAPI() as api, Space(api, folder, environment) as space:
        api.faults.append(kill)                      # the next worker dies in the middle of its forward pass
        Visitor(space.url).compare(...)
        assert api.seconds == [15, 30]
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from loopback import ROOT, Answering, Quiet, free_port

if TYPE_CHECKING:
    import gradio
    import torch
    from transformers import SiglipVisionModel
    from typing_extensions import Self

START_SECONDS = 120.0  # how long an app may take to start, or a test to let a worker go on
GPU_MODEL = "NVIDIA RTX PRO 6000 Blackwell Server Edition"  # the default; the client asks for 1.5 x the duration

Query = Mapping[str, str]
Orders = dict[str, str]  # what a fault tells the worker to do: nothing, or {"raise": name of an exception class}
Fault = Callable[[int], Orders]  # gets the process id of a worker that stands at the beginning of its forward pass

# --------------------------------------------------------------------------------------------- the platform: device API


@dataclass(frozen=True)
class Refusal:
    """An answer to /schedule other than a GPU."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)


def kill(worker: int) -> Orders:
    """End the worker where it stands, as the platform does with one that overruns."""
    os.kill(worker, signal.SIGKILL)
    return {}


def run_out_of_memory(worker: int) -> Orders:
    """The forward pass raises what torch raises on a full GPU."""
    return {"raise": "OutOfMemoryError"}


class DeviceAPI(Answering):
    """ZeroGPU's device API on loopback: it records what it was asked, and what it answers can be set beforehand."""

    def __init__(self) -> None:
        self.seconds: list[int] = []  # the durations that GPUs were asked for, in order
        self.tokens: list[str | None] = []  # whose quota it was; None: somebody whom the platform does not know
        self.answers: deque[Refusal | None] = deque()  # one for each request; None, or none left: a GPU
        self.faults: deque[Fault] = deque()  # one is taken by each forward pass that begins in a worker
        self.forwards: list[int] = []  # number of pictures in each forward pass that began in a worker
        self.startup_reports = 0
        self.inspection: dict[str, Any] = {}  # what the launcher found in the started app
        self.ready = threading.Event()
        self._free, self._granted = list("3210"), dict[str, str]()  # GPUs, and those lent by their token
        super().__init__(_Handler)

    def forget(self) -> None:
        """Clear the records and whatever answer or fault was not used up."""
        for kept in (self.seconds, self.tokens, self.answers, self.faults, self.forwards):
            kept.clear()

    def startup_report(self, _: Query) -> Refusal:
        """The app is about to launch."""
        self.startup_reports += 1
        return Refusal(200)

    def schedule(self, query: Query) -> Refusal:
        """A GPU is asked for; the one that was freed last is lent first."""
        self.seconds.append(int(query["durationSeconds"]))
        self.tokens.append(query.get("token"))
        if refusal := self.answers.popleft() if self.answers else None:
            return refusal
        gpu, token = self._free.pop(), os.urandom(8).hex()
        self._granted[token] = gpu
        return Refusal(200, {"idle": True, "nvidiaIndex": int(gpu), "nvidiaUUID": f"GPU-{gpu}", "allowToken": token})

    def allow(self, query: Query) -> Refusal:
        """A worker presents itself."""
        return Refusal(200 if query["allowToken"] in self._granted else 404)

    def release(self, query: Query) -> Refusal:
        """A worker is done with its GPU."""
        if gpu := self._granted.pop(query["allowToken"], None):
            self._free.append(gpu)
        return Refusal(200 if gpu else 404)

    def forward(self, query: Query) -> Refusal:
        """A worker's forward pass begins (asked by the launcher, not by the client)."""
        self.forwards.append(int(query["pictures"]))
        return Refusal(200, self.faults.popleft()(int(query["pid"])) if self.faults else {})

    def launched(self, query: Query) -> Refusal:
        """The app has launched (told by the launcher, not by the client)."""
        self.inspection = json.loads(query["found"])
        self.ready.set()
        return Refusal(200)


class _Handler(Quiet):
    """Answers one request of the client or of the launcher; query strings carry the arguments, as in the real API."""

    protocol_version = "HTTP/1.1"
    owner: DeviceAPI

    def handle(self) -> None:
        """Answer the requests of one connection; a worker that was killed leaves without a word."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        """Answer by path."""
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer: Refusal = getattr(self.owner, address.path.strip("/").replace("-", "_"))(query)
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


# -------------------------------------------------------------------------------------------------- the platform: Space


class Space:
    """The app, started by the launcher on a device API; `log` gets its output, `folder` is its home."""

    def __init__(self, api: DeviceAPI, folder: Path, environment: Mapping[str, str]) -> None:
        self.api, self.log, port = api, folder / "app.log", str(free_port())
        self.url = f"http://127.0.0.1:{port}"
        (folder / "cgroup").write_text("0::/space\n")
        self._environment = {
            **environment,
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": api.url,
            "ZEROGPU_PROC_SELF_CGROUP_PATH": str(folder / "cgroup"),
            "GRADIO_SERVER_PORT": port,
            "GRADIO_TEMP_DIR": str(folder / "gradio"),
            "HOME": str(folder),
            "CUDA_VISIBLE_DEVICES": "",
        }

    def __enter__(self) -> Self:
        """Start the app and wait until it serves.

        Raises:
            RuntimeError: it ended, or did not serve in time; the message holds its output.
        """
        command = [sys.executable, __file__, str(ROOT / "app.py")]
        with self.log.open("wb") as log:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.STDOUT}
            self._process = subprocess.Popen(command, env=self._environment, start_new_session=True, **pipes)
        threading.Thread(target=self._watch, daemon=True).start()
        if not self.api.ready.wait(START_SECONDS) or not self.api.inspection:
            self.__exit__()
            raise RuntimeError(f"{command} did not start:\n{self.log.read_text(errors='replace')}")
        return self

    def _watch(self) -> None:
        """End the wait for the start when the process ends before."""
        self._process.wait()
        self.api.ready.set()

    def __exit__(self, *exc_info: object) -> None:
        """End the app and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


# --------------------------------------------------------------------------------------------------------- the launcher


def follow_cuda(check_available: bool = False) -> torch.device | None:  # noqa: FBT001, FBT002 - torch's signature
    """The accelerator of a CUDA build: in the main process there is one by emulation, in a worker only with a GPU."""
    import torch

    return torch.device("cuda") if torch.cuda.is_available() else None


def pass_for_cuda() -> None:
    """Give a CPU build of torch what `spaces` looks for in a CUDA build; before `spaces` is imported."""
    import torch

    torch.version.cuda = torch.version.cuda or "12.8"
    torch.cuda._is_in_bad_fork = bool  # asked in a forked process, so it must be picklable: bool() is False
    if not hasattr(torch._C, "_cuda_init"):
        torch._C._cuda_init = lambda: None
    torch.accelerator.current_accelerator = follow_cuda


def emulate() -> list[str]:
    """Name the GPU and turn moves to it into no-ops; returns the traces of each CUDA tensor to come."""
    import traceback

    import spaces.zero.config
    import spaces.zero.torch
    from spaces.zero.torch import patching

    made: list[str] = []
    make = patching.empty_fake

    def record(tensor: Any) -> Any:
        made.append("".join(traceback.format_stack(limit=12)))
        return make(tensor)

    patching.empty_fake = record
    spaces.zero.config._read_gpu_information = lambda: f"Model: {GPU_MODEL}"  # read from the driver's /proc there
    spaces.zero.config.get_config.cache_clear()
    spaces.zero.torch.init = spaces.zero.torch.move = lambda *_, **__: None
    return made


def let_faults_in(url: str) -> None:
    """Ask the platform at the beginning of each forward pass what shall befall it; refuse one outside a worker."""
    import httpx
    import spaces.zero.wrappers
    from transformers import SiglipVisionModel

    forward = SiglipVisionModel.forward

    def fated(self: SiglipVisionModel, pixel_values: torch.Tensor, **kwargs: Any) -> Any:
        if not spaces.zero.wrappers.forked:
            raise AssertionError("a forward pass outside a ZeroGPU worker")
        question = {"pid": os.getpid(), "pictures": len(pixel_values)}
        orders = httpx.post(f"{url}/forward", params=question, timeout=START_SECONDS).json()
        if "raise" in orders:
            raise type(orders["raise"], (RuntimeError,), {})("injected")
        return forward(self, pixel_values=pixel_values, **kwargs)

    SiglipVisionModel.forward = fated  # pyright: ignore[reportAttributeAccessIssue] - its other arguments stay by name


def inspect_app(made: list[str]) -> dict[str, Any]:
    """Look into the started app: decorated functions, devices of all parameters, CUDA tensors made so far."""
    import gc

    import torch
    from spaces.zero.decorator import decorated_cache

    models = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.nn.Module)]
    parameters = {id(parameter): parameter for model in models for parameter in model.parameters()}
    return {
        "decorated": [function.__name__ for function in set(decorated_cache.values())],
        "devices": sorted({str(parameter.device) for parameter in parameters.values()}),
        "cuda_available": torch.cuda.is_available(),
        "accelerator": str(torch.accelerator.current_accelerator()),
        "cuda_tensors": made,
    }


def end_with_parent() -> None:
    """End the app and its workers when the test's end of standard input closes, however the test ended."""
    os.read(sys.stdin.fileno(), 1)  # not through sys.stdin, whose lock a forked worker would inherit
    os.killpg(os.getpgrp(), signal.SIGKILL)


def launch(app: str) -> None:
    """Run `app` as `python app` would, in ZeroGPU mode, and tell the platform when it serves."""
    import runpy

    threading.Thread(target=end_with_parent, daemon=True).start()
    pass_for_cuda()
    import gradio
    import httpx
    import spaces  # noqa: F401 - its import is what starts the emulation

    url, made, wait = os.environ["SPACES_ZERO_DEVICE_API_URL"], emulate(), gradio.Blocks.block_thread

    def tell_and_wait(self: gradio.Blocks) -> None:
        httpx.post(f"{url}/launched", params={"found": json.dumps(inspect_app(made))})
        wait(self)

    gradio.Blocks.block_thread = tell_and_wait
    let_faults_in(url)
    sys.path[0], sys.argv[:] = str(Path(app).resolve().parent), [app]
    runpy.run_path(app, run_name="__main__")


if __name__ == "__main__":
    launch(sys.argv[1])
