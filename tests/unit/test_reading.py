"""The reading process: whatever a file does to its decoder, the app gets a picture or a refusal. Nothing is left."""

from __future__ import annotations

import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corpus
from corpus import app, chunk
from loopback import ROOT, WAIT_SECONDS, eventually
from megastyle import reading
from megastyle.pictures import LIMITS, TOO_MUCH
from megastyle.reading import PictureError, Reader, VisitorGoneError, digest_of

GOOD = corpus.png(corpus.RGB, 8, 2)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="told by /proc")

Start = Callable[..., Reader]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Makes a reader whose processes first run some lines of Python; `p` is `megastyle.pictures` there."""
    with ExitStack() as readers:

        def starting(lines: str = "", **limits: Any) -> Reader:
            program = "import os, sys, time; sys.path += sys.argv[1:3]; from megastyle import pictures as p; "
            monkeypatch.setattr(reading, "PROGRAM", f"{program}exec({lines!r}); p.main()")
            reader = Reader(limits=LIMITS._replace(**limits))
            readers.callback(reader.close)
            return reader

        yield starting


def read(reader: Reader, source: bytes | Path = GOOD, **whose: Any) -> reading.Picture:
    """A picture, small."""
    return reader.read(source, (8, 8), 3, **whose)


def refusal(reader: Reader, source: bytes | Path = GOOD) -> str:
    """Why a picture is refused."""
    with pytest.raises(PictureError) as error:
        read(reader, source)
    return str(error.value)


def children() -> set[int]:
    """The processes that this one has started, and theirs."""
    found, new = set(), {os.getpid()}
    while new:
        paths = [path for pid in new for path in Path(f"/proc/{pid}/task").glob("*/children")]
        new = {int(child) for path in paths for child in path.read_text().split()} - found
        found |= new
    return found


def peak_megabytes() -> int:
    """The most memory that this process has had."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


# -------------------------------------------------------------------------------------------------------- hostile files


def scans(count: int) -> bytes:
    """A progressive JPEG of 67 megapixels in gray, whose scans of 100 bytes are decoded for each of its blocks."""
    start = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64 + b"\xff\xc2\0\x0b\x08\x20\0\x20\0\1\1\x11\0"
    table = b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\xe0"  # its one code: 16,384 blocks and more are empty
    scan = b"\xff\xda\0\x08\1\1\0\1\x3f\0" + b"\x7f\xfe\xff\0" * 22 + b"\x7f\xfe"
    return start + table + scan * count + b"\xff\xd9"


def sharing() -> bytes:
    """EXIF whose 64,000 tags share their 16 MB."""
    entries = b"".join(struct.pack(">HHII", tag, 7, 16_000_000, 8) for tag in range(64_000))
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", 64_000) + entries + bytes(16_000_000)


def hostile() -> dict[str, bytes]:
    """Files that took seconds, gigabytes, or others' memory when the app itself read them."""
    plain, gif = corpus.good()["baseline.jpg"][0], corpus.good()["plain.gif"][0]
    place, bomb = gif.index(b"\x2c", 13 + 768), zlib.compress(bytes(300_000_000), 1)
    return {
        "1,000 scans": scans(1000),
        "EXIF in 20,000 segments": plain[:2] + app(b"Exif\0\0" + b"a" * 1500) * 20_000 + plain[2:],
        "10 MB of comments": gif[:place] + b"\x21\xfe" + (b"\xff" + b"a" * 255) * 40_000 + b"\0" + gif[place:],
        "20 MB between two markers": plain[:20] + bytes(20_000_000) + plain[20:],
        "1,000,000 chunks": GOOD[:33] + chunk(b"abCd", b"") * 1_000_000 + GOOD[33:],
        "a jump of 16 GB": corpus.bad()["run lengths with a jump of 16 GB.bmp"][0],
        "EXIF in 16 MB that 64,000 tags share": corpus.png(corpus.RGB, 8, 2, chunk(b"eXIf", sharing())),
        "a profile of 300 MB": corpus.png(corpus.RGB, 8, 2, chunk(b"iCCP", b"a\0\0" + bomb)),
        "a strip that is shorter than it says": b"II*\0" + bytes(500),
    }


@LINUX
def test_hostile_files_are_read_or_refused_within_their_limits_and_cost_the_app_nothing(start: Start) -> None:
    """All at once, each by a visitor of its own; whoever comes meanwhile with a good file is read, and nobody stays."""
    files, reader, before = hostile(), start(cpu_seconds=1), children()
    found: dict[str, str] = {}

    def visit(name: str) -> None:
        try:
            found[name] = f"read {read(reader, files[name], visitor=name).remarks}"
        except PictureError as error:
            found[name] = str(error)

    megabytes = peak_megabytes()
    visits = [threading.Thread(target=visit, args=[name]) for name in files]
    for thread in visits:
        thread.start()
    assert read(reader, visitor="somebody else").square.shape == (8, 8, 3)
    for thread in visits:
        thread.join(WAIT_SECONDS)
    assert found.keys() == files.keys()
    assert found["1,000 scans"] == TOO_MUCH
    assert found["EXIF in 16 MB that 64,000 tags share"] == "read ('tiny',)"
    assert found["a profile of 300 MB"] == "read ('tiny',)"
    assert peak_megabytes() - megabytes < 100
    reader.close()
    assert children() == before


def test_the_reason_is_true_where_memory_runs_out(start: Start) -> None:
    """In 120 MB: WebP's and AVIF's decoders call it damage. What is cut is damaged, there too."""
    reader = start(address_space=120 * 2**20)
    for kind, side in {"JPEG": 5500, "PNG": 5500, "AVIF": 4000, "WEBP": 2700}.items():
        large, options = np.zeros((side, side, 3), np.uint8), {"speed": 10} if kind == "AVIF" else {}
        data = corpus.flat_webp(side) if kind == "WEBP" else corpus.saved(large, kind, **options)
        assert refusal(reader, data) == TOO_MUCH, kind
        assert "damaged" in refusal(reader, corpus.saved(large[:300, :300], kind, **options)[:-40]), kind


# ---------------------------------------------------------------------------------------------------------- the process


def test_an_ordinary_user_reads_all_formats_too(start: Start) -> None:
    """Who may start no process gets no thread either, which decoders want; root may always."""
    become = "p.prepare_pillow(); os.getuid() or (os.setgid(65534), os.setuid(65534))"
    reader = start(become)
    for name, (data, _) in corpus.good().items():
        assert read(reader, data).square.shape == (8, 8, 3), name
    lines = "p.read = lambda *_: (_ for _ in ()).throw(p.PictureError('is ' + str(may())))"
    assert refusal(start(f"{become}\n{MAY}\n{lines}")) == "is ['read', 'write', 'start']"


MAY = """
def may():
    barred = []
    for name, act in {
        'read': lambda: open('/etc/hostname').close(),
        'write': lambda: os.write(1, b'x') and os.ftruncate(os.memfd_create('x'), 1),
        'start': lambda: os._exit(0) if os.fork() == 0 else None,
    }.items():
        try:
            act()
        except OSError:
            barred.append(name)
    return barred
""".strip()


def test_the_process_knows_nothing_of_the_apps_environment(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    lines = "p.read = lambda *_: (_ for _ in ()).throw(p.PictureError(f'is {dict(os.environ)} {sorted(sys.modules)}'))"
    said = refusal(start(lines))
    assert "secret" not in said
    assert "numpy" not in said
    assert "PIL" in said


def test_no_two_pictures_are_read_in_one_process(start: Start) -> None:
    lines = "p.read = lambda *_: [b'', bytes(192), b'%d' % os.getpid(), b'%d' % os.getppid(), b'']"
    reader = start(lines)
    found = [read(reader).thumbnail for _ in range(3)]
    assert len({thumbnail.large for thumbnail in found}) == 3
    assert len({thumbnail.medium for thumbnail in found}) == 1, "all of the same clean process"


@pytest.mark.parametrize(
    "lines",
    [
        "p.read = lambda *_: os.kill(os.getpid(), 11)",
        "p.read = lambda *_: os.abort()",
        "p.read = lambda *_: os._exit(0)",
        "p.WALL_SECONDS = 1; p.read = lambda *_: time.sleep(1000)",
        "p.read = lambda *_: bytearray(2**33)",
        "p.read = lambda *_: [b'']",
        "p.read = lambda *_: [b'', bytes(191), b'', b'', b'']",
        "p.read = lambda *_: [b'', bytes(192)]",
        "p.read = lambda *_: [b'', bytes(2**21), b'', b'', b'']",
        "send = p.framed; p.framed = lambda parts: send(parts) + b'more'",
        "p.framed = lambda parts: b'\\0\\0\\0\\2ab'",
    ],
)
def test_a_process_that_dies_hangs_or_answers_nonsense_is_a_refusal(
    lines: str, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged, for it is no fault of ours; the next picture is read."""
    assert refusal(start(lines)) == TOO_MUCH
    assert caplog.records == []
    assert read(start()).remarks == ("tiny",)


@pytest.mark.parametrize("lines", ["p.Image.open = None", "sys.exit('no Pillow')", "del p.main"])
def test_a_fault_of_the_page_is_told_as_such_and_logged(
    lines: str, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an upgrade that took something away: else every picture would read as damaged."""
    (tmp_path / "holiday.png").write_bytes(GOOD)
    assert "a fault of this page and not of the picture" in refusal(start(lines), tmp_path / "holiday.png")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "Traceback" in caplog.text
    assert "holiday" not in caplog.text


def test_a_process_that_ended_while_it_waited_is_replaced(start: Start) -> None:
    reader = start()
    read(reader)
    reader._idle[0].process.kill()
    reader._idle[0].process.wait()
    assert read(reader).remarks == ("tiny",)


def test_it_reads_where_the_system_knows_neither_fork_nor_limits(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: a process for each picture."""
    monkeypatch.setattr(reading, "FORKS", False)
    reader = start("del os.fork; p.resource = None")
    assert [read(reader).remarks for _ in range(3)] == [("tiny",)] * 3
    assert "is a PDF" in refusal(reader, b"%PDF-1.4")


def test_it_ends_though_another_process_holds_its_connection(start: Start) -> None:
    """As the workers of ZeroGPU do, which are forks of the app."""
    reader = start()
    read(reader)
    process = reader._idle[0]
    held = os.dup(process.channel.fileno())
    reader.close()
    assert process.process.returncode == 0
    os.close(held)


@LINUX
def test_nothing_is_left_when_the_app_is_killed_in_the_middle_of_a_picture(tmp_path: Path) -> None:
    """Neither the process that waits nor the child that reads."""
    program = f"""
import sys; sys.path[:0] = [{str(ROOT)!r}]
from megastyle import reading
reading.PROGRAM = reading.PROGRAM.replace('main()', 'read').replace('import main;', 'import main, read;') + (
    "; import time, megastyle.pictures as p; p.read = lambda *_: (print(end=''), time.sleep(1000)); main()")
print("ready", flush=True)
reading.Reader().read({str(tmp_path / "a.png")!r}, (8, 8), 3)
"""
    (tmp_path / "a.png").write_bytes(GOOD)
    before = children()
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        eventually(lambda: len(children() - before) >= 3)
        started = children() - before - {process.pid}
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))


# --------------------------------------------------------------------------------------------------- whose turn it is


def must_wait(reader: Reader, visitor: str) -> bool:
    """Whether a visitor gets no place now."""
    try:
        with reader._place(visitor, gone=lambda: True):
            return False
    except VisitorGoneError:
        return True


def test_a_visitor_has_two_places_and_one_is_kept_for_who_has_none() -> None:
    """Four in all: a takes two, b one; the last is for neither; c takes it; then nobody gets one until a gives one."""
    reader, stays = Reader(), reading.stays
    with ExitStack() as others, reader._place("a", stays):
        with reader._place("a", stays):
            assert must_wait(reader, "a")
            others.enter_context(reader._place("b", stays))
            assert must_wait(reader, "b")
            others.enter_context(reader._place("c", stays))
            assert must_wait(reader, "d")
        assert must_wait(reader, "b")
        assert not must_wait(reader, "d")
    assert not reader._held
    assert not reader._line


def test_a_slow_picture_gives_the_kept_place_to_who_has_none_and_is_read_later(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three places are held by others; a's picture waits for a file, b's does not; then one of the others goes."""
    monkeypatch.setattr(reading, "KEPT_SECONDS", 0)
    go = tmp_path / "go"
    go.touch()
    slow = f"""
held, plain = os.open({str(go)!r}, os.O_RDONLY), p.read
def read(content, *rest):
    while content.endswith(b"slow") and not os.fstat(held).st_size:
        time.sleep(0.01)
    return plain(content, *rest)
p.read = read"""
    reader, found = start(slow), dict[str, reading.Picture]()

    def visit(name: str, content: bytes) -> threading.Thread:
        thread = threading.Thread(target=lambda: found.update({name: read(reader, content, visitor=name)}))
        thread.start()
        return thread

    with ExitStack() as others:
        for other in "xyz":
            others.enter_context(reader._place(other, reading.stays))
        a = visit("a", GOOD + b"slow")
        eventually(lambda: reader._held["a"])
        visit("b", GOOD).join(WAIT_SECONDS)
        assert found.keys() == {"b"}
        assert not must_wait(reader, "c")
    go.write_bytes(b"go")
    a.join(WAIT_SECONDS)
    assert found.keys() == {"a", "b"}


def test_whoever_came_first_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """One place; three visitors come in turn, and are served in turn."""
    monkeypatch.setattr(reading, "PLACES", 1)
    reader, served = Reader(), list[str]()

    def visit(name: str) -> None:
        with reader._place(name, reading.stays):
            served.append(name)

    with reader._place("first", reading.stays):
        for number, name in enumerate("cab", 1):
            threading.Thread(target=visit, args=[name]).start()
            eventually(lambda number=number: len(reader._line) == number)
    eventually(lambda: len(served) == 3)
    assert served == list("cab")


def test_a_visitor_who_leaves_frees_his_place_at_once(start: Start) -> None:
    """In the middle of a picture that would take a thousand seconds; its process is gone."""
    reader, left = start("p.read = lambda *_: time.sleep(1000)"), threading.Event()
    before = children()

    def gone() -> bool:
        if len(children() - before) >= 2:
            left.set()
        return left.is_set()

    with pytest.raises(VisitorGoneError):
        read(reader, visitor="a", gone=gone)
    assert not reader._held
    assert children() == before


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("act", [read, lambda _, path: digest_of(path)])
def test_what_is_no_file_is_refused_at_once(act: Callable[[Reader, Any], Any], start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    names = ["", "pipe", "loop", "missing", "a\0b", "n" * 5000]
    for path in [*(tmp_path / name for name in names), "", "/dev/zero"]:
        with pytest.raises(PictureError, match="is no longer on the server"):
            act(start(), path)
