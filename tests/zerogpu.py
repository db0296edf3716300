"""ZeroGPU without a GPU: the real `spaces` client in its ZeroGPU mode, with its workers, pickling and errors.

The file has two lives. Imported by a test it is the platform: `DeviceAPI` answers on loopback what the real device API
answers, grants GPUs, refuses, and ends workers; `Space` starts an app on it. Run as a script (`python tests/zerogpu.py
app.py`) it is the launcher: it makes a CPU build of torch pass for a CUDA one, lets `spaces` emulate CUDA in the main
process, and runs the app. The app knows nothing of it.

    with DeviceAPI() as api, Space(Path("app.py"), api, folder, environment) as space:
        api.faults.append(kill)                      # the next worker dies in the middle of its forward pass
        Visitor(space.url).compare(...)
        assert [call.seconds for call in api.schedules] == [15, 30]
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from loopback import free_port

if TYPE_CHECKING:
    import gradio
    import torch
    from transformers import SiglipVisionModel
    from typing_extensions import Self

START_SECONDS = 120.0  # how long an app may take to start, or a test to let a worker go on
GPU_MODEL = "NVIDIA RTX PRO 6000 Blackwell Server Edition"  # the default; the client asks for 1.5 x the duration
PING_SECONDS = 0.05  # between two signs of life to a visitor in line
ACCELERATED = 0.1  # seconds that a second of the client's clock lasts, so that its warning of an overrun comes soon

# --------------------------------------------------------------------------------------------- the platform: device API


@dataclass(frozen=True)
class Schedule:
    """One request for a GPU: for how many seconds, and for whom (None: a visitor that the platform does not know)."""

    seconds: int
    token: str | None


@dataclass(frozen=True)
class Refusal:
    """An answer to /schedule other than a GPU."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    """The visitor waits in line.

    The end is a GPU ("succeeded"), none within 60 s ("failed"), or a dropped connection ("lost").
    """

    end: str
    until: threading.Event | None = None  # the end waits for it, pings going on meanwhile
    left: threading.Event = field(default_factory=threading.Event)  # set when the client hangs up before the end


NO_GPU_FREE = Refusal(503)
API_DOWN = Refusal(500)


def quota_exceeded(left: int, wait_seconds: int) -> Refusal:
    """The visitor's daily quota does not cover the requested duration."""
    return Refusal(429, {"left": left, "wait": wait_seconds})


Orders = dict[str, str]  # what a fault tells the worker to do: nothing, or {"raise": name of an exception class}
Fault = Callable[[int], Orders]  # gets the process id of a worker that stands at the beginning of its forward pass


def kill(worker: int) -> Orders:
    """End the worker where it stands, as the platform does with one that overruns."""
    os.kill(worker, signal.SIGKILL)
    return {}


def overrun(warned: threading.Semaphore) -> Fault:
    """The worker computes until the visitor has been warned (a release of `warned`), and is ended."""

    def fault(worker: int) -> Orders:
        warned.acquire(timeout=START_SECONDS)
        return kill(worker)

    return fault


def fail_with(name: str) -> Fault:
    """The forward pass raises an exception of a class called `name`."""
    return lambda _: {"raise": name}


class DeviceAPI:
    """ZeroGPU's device API on loopback, with `gpus` GPUs.

    What it was asked is recorded, what it answers can be set beforehand.
    """

    def __init__(self, gpus: int = 4) -> None:
        """Set up the platform; entering the context starts it."""
        self.schedules: list[Schedule] = []
        self.answers: deque[Refusal | Queue | None] = deque()  # one for each request; None, or none left: a GPU
        self.faults: deque[Fault] = deque()  # one is taken by each forward pass that begins in a worker
        self.forwards: list[int] = []  # number of pictures in each forward pass that began in a worker
        self.startup_reports = 0
        self.inspection: dict[str, Any] = {}  # what the launcher found in the started app
        self.ready = threading.Event()
        self._free = deque(range(gpus))
        self._granted: dict[str, int] = {}  # allowToken -> GPU
        self._change = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start answering."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        """Clear the records and whatever answer or fault was not used up."""
        self.schedules.clear()
        self.answers.clear()
        self.faults.clear()
        self.forwards.clear()

    @property
    def seconds(self) -> list[int]:
        """The requested durations, in the order of the requests."""
        return [call.seconds for call in self.schedules]

    def grant(self) -> dict[str, Any]:
        """Lend the next free GPU, waiting for one if need be: the body of a successful /schedule."""
        with self._change:
            self._change.wait_for(lambda: self._free)
            gpu, token = self._free.popleft(), os.urandom(8).hex()
            self._granted[token] = gpu
        return {"idle": True, "nvidiaIndex": gpu, "nvidiaUUID": f"GPU-{gpu}", "allowToken": token}

    def take_back(self, token: str) -> bool:
        """Free the GPU that was lent under `token`, the last one freed being lent first; False if there is none."""
        with self._change:
            if (gpu := self._granted.pop(token, None)) is None:
                return False
            self._free.appendleft(gpu)
            self._change.notify_all()
        return True


class _Handler(BaseHTTPRequestHandler):
    """Answers one request of the client or of the launcher; query strings carry the arguments, as in the real API."""

    protocol_version = "HTTP/1.1"
    api: DeviceAPI  # set by the subclass that each DeviceAPI makes

    def handle(self) -> None:
        """Answer the requests of one connection; a worker that was killed leaves without a word."""
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        """Answer by path."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        getattr(self, "answer_" + urlsplit(self.path).path.strip("/").replace("-", "_"))(query, body)

    def answer_startup_report(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002 - one signature for all
        """The app is about to launch."""
        self.api.startup_reports += 1
        self.reply(200)

    def answer_schedule(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002
        """A GPU is asked for."""
        self.api.schedules.append(Schedule(int(query["durationSeconds"]), query.get("token")))
        answer = self.api.answers.popleft() if self.api.answers else None
        if isinstance(answer, Queue):
            self.stream(answer)
        elif answer:
            self.reply(answer.status, answer.body)
        else:
            self.reply(200, self.api.grant())

    def answer_allow(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002
        """A worker presents itself."""
        self.reply(200 if query["allowToken"] in self.api._granted else 404)

    def answer_release(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002
        """A worker is done with its GPU."""
        self.reply(200 if self.api.take_back(query["allowToken"]) else 404)

    def answer_forward(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002
        """A worker's forward pass begins (asked by the launcher, not by the client)."""
        self.api.forwards.append(int(query["pictures"]))
        fault = self.api.faults.popleft() if self.api.faults else None
        self.reply(200, fault(int(query["pid"])) if fault else {})

    def answer_ready(self, query: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002
        """The app has launched (told by the launcher, not by the client)."""
        self.api.inspection = json.loads(body)
        self.api.ready.set()
        self.reply(200)

    def reply(self, status: int, body: Mapping[str, Any] | None = None) -> None:
        """Send a JSON answer."""
        content = json.dumps(body or {}).encode()
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(content))})
        self.wfile.write(content)

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status and headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def stream(self, queue: Queue) -> None:
        """Send an event stream, one event a chunk: the client reads no more than one event from a chunk."""
        form = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        self.head(200, {**form, "X-Queuing-Reason": "node"})
        try:
            self.chunk("event: ping\n\n")
            while queue.until and not queue.until.wait(PING_SECONDS):
                self.chunk("event: ping\n\n")
        except ConnectionError:
            queue.left.set()
            raise
        if queue.end == "lost":
            self.close_connection = True
            return
        data = f"\ndata: {json.dumps(self.api.grant())}" if queue.end == "succeeded" else ""
        self.chunk(f"event: {queue.end}{data}\n\n")
        self.chunk("")

    def chunk(self, text: str) -> None:
        """Send one chunk; an empty one ends the body."""
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


# -------------------------------------------------------------------------------------------------- the platform: Space


class Space:
    """An app started by the launcher on a device API.

    `log` gets its output, `folder` is its home (caches, temporary files).
    """

    def __init__(self, app: Path, api: DeviceAPI, folder: Path, environment: Mapping[str, str]) -> None:
        """Describe the Space; entering the context starts it."""
        self.api, self.log, self.port = api, folder / "app.log", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, __file__, str(app)]
        self._environment = {**os.environ, **self._platform(folder), **environment}

    def _platform(self, folder: Path) -> dict[str, str]:
        """The environment variables of a ZeroGPU Space, and those that keep it in `folder` and off the network."""
        cgroup, temporary = folder / "cgroup", folder / "tmp"
        cgroup.write_text("0::/space\n")
        temporary.mkdir()
        return {
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": self.api.url,
            "ZEROGPU_PROC_SELF_CGROUP_PATH": str(cgroup),
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(temporary),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }

    def __enter__(self) -> Self:
        """Start the app and wait until it serves.

        Raises:
            RuntimeError: it ended, or did not serve in time; the message holds its output.
        """
        with self.log.open("wb") as log:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": log, "stderr": subprocess.STDOUT}
            self._process = subprocess.Popen(self._command, env=self._environment, start_new_session=True, **pipes)
        threading.Thread(target=self._watch, daemon=True).start()
        if not self.api.ready.wait(START_SECONDS) or not self.api.inspection:
            self.__exit__()
            raise RuntimeError(f"{self._command} did not start:\n{self.log.read_text(errors='replace')}")
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
    """Name the GPU, turn moves to it into no-ops, let the clock run faster; the traces of each CUDA tensor to come."""
    import traceback

    import spaces.zero.config
    import spaces.zero.torch
    import spaces.zero.wrappers
    from spaces.zero.torch import patching

    class Hurried(threading.Event):
        """An event whose time-out passes at the platform's accelerated clock."""

        def wait(self, timeout: float | None = None) -> bool:
            return super().wait(timeout if timeout is None else timeout * ACCELERATED)

    made: list[str] = []
    make = patching.empty_fake

    def record(tensor: Any) -> Any:
        made.append("".join(traceback.format_stack(limit=12)))
        return make(tensor)

    patching.empty_fake = record
    spaces.zero.config._read_gpu_information = lambda: f"Model: {GPU_MODEL}"  # read from the driver's /proc there
    spaces.zero.config.get_config.cache_clear()
    spaces.zero.torch.init = spaces.zero.torch.move = lambda *_, **__: None
    spaces.zero.wrappers.ThreadEvent = Hurried
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
        "parameters": len(parameters),
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
        httpx.post(f"{url}/ready", json=inspect_app(made))
        wait(self)

    gradio.Blocks.block_thread = tell_and_wait
    let_faults_in(url)
    sys.path[0], sys.argv[:] = str(Path(app).resolve().parent), [app]
    runpy.run_path(app, run_name="__main__")


if __name__ == "__main__":
    launch(sys.argv[1])
