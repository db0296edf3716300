"""The measurements behind the benchmark's table.

Each drives the app as its users do and times what they would have instead.
Where two things are compared they take turns, so that whatever else the machine does meets both.
A figure that was taken more than once is the best: on a shared machine only the disturbance varies.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from PIL import Image

import weights
from hub import Hub
from machine import PeakAnonymous
from megastyle.encoder import BACKBONE_REPO, BACKBONE_WEIGHTS, CHECKPOINT_FILE, CHECKPOINT_REPO
from pictures import variant
from visitor import COMPARE, Answer, Message, Visitor

if TYPE_CHECKING:
    from typing_extensions import Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROUNDS = 3  # of what takes some seconds
SHORT_ROUNDS = 5  # of what takes about one
PICTURE_TERAFLOP = 0.667  # one picture's forward pass
SIDE = 384  # pixels
PATIENCE_SECONDS = 3600.0  # for one answer, on a slow machine
POLL_SECONDS = 0.02  # between two attempts to reach a starting app
PAIR_PROCESSES = 2  # a process for each of 8 pairs would be 8; they are alike
GROWTH = (1, 2, 4)  # numbers of references besides the first comparison's
REFERENCES = 8
CALIBRATION_SECONDS, CALIBRATION_BYTES = 30.0, 1_500_000_000  # what a calibration's statistics may take


class Row(NamedTuple):
    """One line of the table; `goal` bounds the ratio, from above unless `at_least`."""

    what: str
    ours: str
    against: str
    ratio: float
    goal: float
    at_least: bool = False
    met: bool = True  # whatever else the goal asks

    @property
    def reached(self) -> bool:
        """Whether the goal is."""
        return self.met and (self.ratio >= self.goal if self.at_least else self.ratio <= self.goal)


@dataclass
class Bench:
    """Where everything lies, and what one measurement leaves for the next."""

    weights: Path
    scratch: Path
    pictures: Sequence[Path]
    photographs: Sequence[Path]
    remarks: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(
        default_factory=lambda: iter(range(time.time_ns(), 2**63))
    )  # of the pictures' variants

    @property
    def plain(self) -> tuple[str, str]:
        """Backbone folder and checkpoint, the plain recipe's arguments."""
        return str(weights.backbone_folder(self.weights)), str(weights.checkpoint_path(self.weights))

    @property
    def environment(self) -> dict[str, str]:
        """In which the app finds the files under their published names, and writes only below `scratch`."""
        own = {
            "HF_HOME": str(weights.hub_home(self.weights)),
            "HF_HUB_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        return {
            **without_settings(),
            **own,
            "TMPDIR": str(self.scratch),
            "GRADIO_TEMP_DIR": str(self.scratch / "gradio"),
        }

    def fresh(self, paths: Sequence[Path]) -> list[tuple[str, bytes]]:
        """The pictures as files that no cache knows."""
        return [variant(path, next(self.numbers)) for path in paths]


def without_settings() -> dict[str, str]:
    """The environment without what would name another encoder or port."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEGASTYLE_", "GRADIO_", "HF_", "SPACES_"))
    }


# ------------------------------------------------------------------------------------------------ processes and servers


def probe_command(name: str, *arguments: str) -> list[str]:
    """The command line of a probe."""
    return [sys.executable, str(HERE / "probes.py"), name, *arguments]


class Probed(NamedTuple):
    """What a probe found, how long its whole process took (s), and the most anonymous memory that it had (bytes)."""

    found: dict[str, Any]
    seconds: float
    memory: int


def probe(environment: dict[str, str], name: str, *arguments: str) -> Probed:
    """Run a probe in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed; what it said stands in the error.
    """
    began = time.perf_counter()
    with subprocess.Popen(
        probe_command(name, *arguments), env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        with PeakAnonymous(process) as peak:
            output, log = process.communicate()
        seconds = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, name, output, log)
    return Probed(json.loads(output.splitlines()[-1]), seconds, peak.bytes)


class Multiplier:
    """A process that multiplies matrices of the model's shapes when it is asked to."""

    def __init__(self) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            probe_command("multiply"), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        """Warm up."""
        self.pass_()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the process."""
        self.process.communicate()

    def pass_(self) -> Products:
        """One pass."""
        assert self.process.stdin  # noqa: S101 - for the type checker
        assert self.process.stdout  # noqa: S101
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Products(**json.loads(self.process.stdout.readline()))


class Products(NamedTuple):
    """Matrix products: how long they took, s, and their floating-point operations."""

    seconds: float
    operations: int


def rate(passes: Sequence[Products]) -> float:
    """Floating-point operations a second."""
    return sum(products.operations for products in passes) / sum(products.seconds for products in passes)


class Server(NamedTuple):
    """A started app: its address, its first process, and how long it took from the command to the first answer."""

    url: str
    process: int
    start_seconds: float


def run_command() -> tuple[str, ...]:
    """`make run` where its set-up is done, as it is under `make bench`, else what it runs."""
    question = ["make", "--question", ".venv/.app"]
    ready = subprocess.run(question, cwd=ROOT, capture_output=True, check=False).returncode == 0
    return ("make", "--silent", "run") if ready else (sys.executable, "app.py")


@contextmanager
def serving(environment: dict[str, str], command: Sequence[str]) -> Iterator[Server]:
    """The app, started by `command`, from its first answer until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {**environment, "GRADIO_SERVER_PORT": str(port)}
    began = time.perf_counter()
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=log, text=True) as process,
    ):
        try:
            wait_until_up(f"http://127.0.0.1:{port}", process, log)
            yield Server(f"http://127.0.0.1:{port}", process.pid, time.perf_counter() - began)
        finally:
            if process.poll() is None:
                signal_all(process.pid, signal.SIGTERM)


def signal_all(process: int, number: signal.Signals) -> None:
    """Send a signal to a process and its descendants.

    A session of their own would be simpler, but the kernel shares processors between sessions.
    """
    with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            signal_all(int(child), number)
        os.kill(process, number)


def wait_until_up(url: str, process: subprocess.Popen[str], log: Any) -> None:
    """Return with the first answer.

    Raises:
        RuntimeError: the app ended instead; its log stands in the error.
    """
    while process.poll() is None:
        try:
            httpx.get(url, timeout=PATIENCE_SECONDS).raise_for_status()
        except httpx.TransportError:
            time.sleep(POLL_SECONDS)
        else:
            return
    log.seek(0)
    raise RuntimeError(f"The app did not start:\n{log.read()}")


# ----------------------------------------------------------------------------------------------------- start and memory


def cold_start(bench: Bench) -> list[Row]:
    """Load by the app's own code from an empty cache and a Hub on loopback, and weigh the cache."""
    backbone, checkpoint = map(Path, bench.plain)
    with (
        Hub() as hub,
        tempfile.TemporaryDirectory(dir=bench.scratch) as home,
        mapped(backbone / BACKBONE_WEIGHTS) as donor,
    ):
        hub.add(CHECKPOINT_REPO, {CHECKPOINT_FILE: checkpoint.read_bytes()})
        hub.add(BACKBONE_REPO, {path.name: path.read_bytes() for path in backbone.glob("*.json")})
        hub.add(BACKBONE_REPO, {BACKBONE_WEIGHTS: donor})
        probe({**without_settings(), "HF_HOME": home, "HF_ENDPOINT": hub.url}, "load-app")
        fetched = sum(blob.stat().st_size for blob in Path(home).glob("hub/models--*/blobs/*"))
    plain = (backbone / BACKBONE_WEIGHTS).stat().st_size + checkpoint.stat().st_size
    return [
        Row(
            "bytes a cold start needs from the Hub",
            gigabytes(fetched),
            f"the plain recipe: {gigabytes(plain)}",
            fetched / plain,
            0.20,
        )
    ]


@contextmanager
def mapped(path: Path) -> Iterator[Any]:
    """A file as bytes that are read only where they are looked at."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def loading(bench: Bench) -> list[Row]:
    """Load by the app's code and by the plain recipe, and do the two parts that no loading can do without, in turns."""
    ours, plain, parts = [], [], []
    for _ in range(ROUNDS):
        ours.append(probe(bench.environment, "load-app"))
        plain.append(probe(bench.environment, "load-plain", *bench.plain))
        parts.append(probe(bench.environment, "load-parts").found)
    seconds, plain_seconds = (min(run.found["seconds"] for run in side) for side in (ours, plain))
    memory, plain_memory = (max(run.memory for run in side) for side in (ours, plain))
    digest, cast = (min(part[name] for part in parts) for name in ("digest", "float32"))
    floor = cast + digest / len(os.sched_getaffinity(0))
    bench.remarks.append(
        f"Of loading, the checkpoint's SHA-256 takes {digest:.2f} s of one core and turning its numbers into float32 "
        f"{cast:.2f} s of all; the plain recipe, which checks nothing, takes {plain_seconds:.2f} s."
    )
    against = f"its floor, SHA-256 and float32 shared among the cores: {floor:.2f} s"
    return [
        Row("loading the encoder, files warm", f"{seconds:.2f} s", against, seconds / floor, 1.35),
        Row(
            "peak anonymous memory while loading (`RssAnon`), at most 2.3 GB",
            gigabytes(memory),
            f"the plain recipe: {gigabytes(plain_memory)}",
            memory / plain_memory,
            0.80,
            met=memory <= 2.3e9,
        ),
    ]


def starting(bench: Bench) -> list[Row]:
    """Start the app, and do in a bare process what no start can do without, in turns."""
    command = run_command()
    started, floors = [], []
    for _ in range(ROUNDS):
        with serving(bench.environment, command) as server:
            started.append(server.start_seconds)
        floors.append(probe(bench.environment, "start").seconds)
    what = f"`{'make run' if 'make' in command else 'python app.py'}` to the first answered request, everything cached"
    against = f"its imports and the loading alone: {min(floors):.1f} s"
    return [Row(what, f"{min(started):.1f} s", against, min(started) / min(floors), 1.15)]


def timed(act: Callable[[], object]) -> float:
    """How long it takes, s."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# -------------------------------------------------------------------------------------- everything but the forward pass


def everything_else(bench: Bench) -> list[Row]:
    """Compare nine photographs with the forward pass replaced, and read and resize the nine alone, in turns."""
    ours, alone = [], []
    with serving(bench.environment, (sys.executable, str(HERE / "stub.py"))) as server, Visitor(server.url) as visitor:
        for _ in range(SHORT_ROUNDS):
            test, *references = bench.fresh(bench.photographs)
            visitor.put(test, references)
            ours.append(timed(lambda: visitor.click(COMPARE)))
            alone.append(timed(lambda: read_alone(bench.photographs)))
    what = "everything but the forward pass, nine 12-megapixel JPEGs, from the click to the finished result"
    against = f"reading and resizing the nine in two threads: {min(alone):.2f} s"
    return [Row(what, f"{min(ours):.2f} s", against, min(ours) / min(alone), 1.6)]


def read_alone(paths: Sequence[Path]) -> None:
    """Read and resize the pictures in two threads, as little as that takes."""
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(lambda path: Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC), paths)
        )


# ---------------------------------------------------------------------------------------------------- whole comparisons


class Compared(NamedTuple):
    """A comparison at full size: its time without the pauses, the pauses' products, what it sent and what it said."""

    seconds: float
    passes: list[Products]
    sent: int
    answer: Answer

    @property
    def share(self) -> float:
        """How much of the machine's multiplication rate the forward passes reach.

        Everything else is counted as if it were one.
        """
        pictures = self.answer.report["matrix"]
        return len(pictures) * PICTURE_TERAFLOP * 1e12 / self.seconds / rate(self.passes)


def pressed(visitor: Visitor, server: Server, multiplier: Multiplier) -> Compared:
    """Press Compare, with a pass of matrix products beside each picture.

    Before each picture but the first the app is held (SIGSTOP) for such a pass, whose time is taken off.
    """
    responses: list[httpx.Response] = []
    passes, pauses, done = [multiplier.pass_()], [0.0], {0}

    def hold(message: Message) -> None:
        steps = {unit["index"] for unit in message.get("progress_data") or () if unit["index"]}
        if not steps - done:
            return
        done.update(steps)
        began = time.perf_counter()
        signal_all(server.process, signal.SIGSTOP)
        passes.append(multiplier.pass_())
        signal_all(server.process, signal.SIGCONT)
        pauses.append(time.perf_counter() - began)

    visitor.http.event_hooks = {"response": [responses.append]}
    began = time.perf_counter()
    answer = visitor.click(COMPARE, on_message=hold)
    seconds = time.perf_counter() - began - sum(pauses)
    for path in sorted(set(re.findall(r"/gradio_api/file=[^\"'<>\s)]+", answer.text))):
        visitor.http.get(path)
    visitor.http.event_hooks = {}
    answer.report = json.loads(visitor.take("Download JSON"))
    return Compared(seconds, passes, sum(response.num_bytes_downloaded for response in responses), answer)


def comparisons(bench: Bench) -> list[Row]:
    """One visitor's hour.

    It is a first comparison of 1 with 8, another test image and the same again; then 1 with 1, 2 and 4.
    """
    nine = [bench.pictures[number % len(bench.pictures)] for number in range(REFERENCES + 1)]
    with (
        Multiplier() as multiplier,
        serving(bench.environment, run_command()) as server,
        Visitor(server.url, patience=PATIENCE_SECONDS) as visitor,
    ):
        arrived = time.perf_counter()
        test, *references = bench.fresh(nine)
        visitor.put(test, references)
        uploaded = time.perf_counter() - arrived
        first = pressed(visitor, server, multiplier)
        visitor.put(bench.fresh(nine[:1])[0], references)
        new_test = pressed(visitor, server, multiplier)
        again = min(timed(lambda: visitor.click(COMPARE)) for _ in range(SHORT_ROUNDS))
        grown = {REFERENCES: first}
        for number in GROWTH:
            test, *references = bench.fresh(nine[: number + 1])
            visitor.put(test, references)
            grown[number] = pressed(visitor, server, multiplier)
    whole = server.start_seconds + uploaded + first.seconds
    return [*first_rows(first, new_test, again), pair_row(bench, nine, first, whole), growth_row(grown)]


def first_rows(first: Compared, new_test: Compared, again: float) -> list[Row]:
    """The rows of the visitor's first three clicks."""
    machine = rate(first.passes)
    per_picture = f"{first.seconds / (REFERENCES + 1):.1f} s a picture"
    against = (
        f"the matrix-multiply rate, {machine / 1e9:.0f} GFLOP/s: {PICTURE_TERAFLOP * 1e12 / machine:.1f} s a picture"
    )
    whole = f"first comparison: {first.seconds:.1f} s"
    return [
        Row("first comparison of 1 with 8, CPU", per_picture, against, first.share, 0.90, at_least=True),
        Row(
            "new test image, same references",
            f"{new_test.seconds:.2f} s",
            whole,
            new_test.seconds / first.seconds,
            0.15,
        ),
        Row("same comparison again", f"{again:.3f} s", whole, again / first.seconds, 0.01),
        Row(
            "size of what a comparison sends to the browser",
            f"{first.sent / 1000:.0f} KB",
            "300 KB",
            first.sent / 300e3,
            1.0,
        ),
    ]


def pair_row(bench: Bench, nine: Sequence[Path], first: Compared, whole: float) -> Row:
    """A process for each pair, as a command-line scorer does; its cosines are the app's."""
    test, *references = map(str, nine)
    runs = [
        probe(bench.environment, "score", *bench.plain, test, reference) for reference in references[:PAIR_PROCESSES]
    ]
    pairs = sum(run.seconds for run in runs) * REFERENCES / PAIR_PROCESSES
    shown = [reference["cosine"] for reference in first.answer.report["references"]]
    off = max(abs(run.found["cosine"] - cosine) for run, cosine in zip(runs, shown, strict=False))
    forward = first.seconds / (REFERENCES + 1)
    bench.remarks.append(
        f"The app's cosines and the {PAIR_PROCESSES} processes' (batches of two) differ by at most {off:.1e}."
    )
    pictures = REFERENCES + 1
    once, each = whole - first.seconds, max(1e-9, pairs - 2 * REFERENCES * forward)
    bench.remarks.append(
        f"1 against {REFERENCES} by one run of the app took {whole:.0f} s; "
        f"a process for each pair, measured {PAIR_PROCESSES} times and counted {REFERENCES} times, {pairs:.0f} s: "
        f"{whole / pairs:.2f}. The app embeds {pictures} pictures and the processes {2 * REFERENCES}, "
        f"so where forward passes take all the time it is {pictures / (2 * REFERENCES):.2f}."
    )
    against = f"in a process for each of {REFERENCES} pairs: {each:.0f} s"
    return Row(
        f"everything but the forward passes, 1 against {REFERENCES} by one run",
        f"{once:.0f} s",
        against,
        once / each,
        0.20,
    )


def growth_row(grown: dict[int, Compared]) -> Row:
    """Seconds a picture, each set in relation to the matrix products that took turns with it.

    Other work on the machine slows both.
    """
    steps = sorted(grown)
    per_picture = ", ".join(f"{grown[number].seconds / (number + 1):.1f}" for number in steps)
    shares = ", ".join(f"{1 / grown[number].share:.2f}" for number in steps)
    few = [grown[number] for number in steps if number != REFERENCES]
    dearer = multiple([grown[REFERENCES]]) / multiple(few)
    what = f"how it grows: seconds a picture with {', '.join(map(str, steps))} references"
    against = f"with {REFERENCES} against the others together, each as a multiple of the products beside it: {shares}"
    return Row(what, f"{per_picture} s", against, dearer, 1.10)


def multiple(compared: Sequence[Compared]) -> float:
    """Seconds of comparisons, as a multiple of the matrix products of their pictures.

    The products are counted at the rate measured beside the comparisons.
    """
    pictures = sum(len(one.answer.report["matrix"]) for one in compared)
    floor = pictures * PICTURE_TERAFLOP * 1e12 / rate([products for one in compared for products in one.passes])
    return sum(one.seconds for one in compared) / floor


# ------------------------------------------------------------------------------------------------------------- identity


def identity(bench: Bench) -> list[Row]:
    """No precision is given up.

    The app's weights, pixel values and embedding are set against the plain recipe's, in one process.
    """
    found = probe(bench.environment, "identity", *bench.plain, *map(str, bench.pictures)).found
    bench.remarks.append(
        f"Largest difference from the plain recipe, float32: {found['weights']:g} in {found['tensors']} tensors, "
        f"{found['pixel_values']:g} in the pixel values of {found['pictures']} pictures, "
        f"{found['embedding']:g} in an embedding."
    )
    return []


# ---------------------------------------------------------------------------------------------------------- calibration


def calibration(bench: Bench) -> list[Row]:
    """Measure what a score is worth in a large set whose embeddings are given: no forward pass is part of it."""
    done = probe(bench.environment, "calibration")
    pictures, styles, seconds = (done.found[name] for name in ("pictures", "styles", "seconds"))
    what = f"a calibration's statistics, {pictures:,} pictures in {styles} styles, embeddings given"
    return [
        Row(
            f"{what}: seconds",
            f"{seconds:.1f} s",
            f"{CALIBRATION_SECONDS:.0f} s",
            seconds / CALIBRATION_SECONDS,
            1.0,
        ),
        Row(
            f"{what}: peak anonymous memory (`RssAnon`)",
            gigabytes(done.memory),
            gigabytes(CALIBRATION_BYTES),
            done.memory / CALIBRATION_BYTES,
            1.0,
        ),
    ]


def gigabytes(size: float) -> str:
    """A size in words."""
    return f"{size / 1e9:.2f} GB"


MEASUREMENTS: dict[str, Callable[[Bench], list[Row]]] = {
    "bytes": cold_start,
    "loading": loading,
    "start": starting,
    "else": everything_else,
    "comparisons": comparisons,
    "identity": identity,
    "calibration": calibration,
}
