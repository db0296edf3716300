"""Getting the encoder from the Hub: the official client, through load_encoder(), against a small Hub on loopback.

Each fault ends in a loaded encoder or in one message that says what, why and what to do; what was downloaded is kept,
and a damaged file is never used. The client's own waits are recorded instead of slept, and its unit of progress (10 MB)
is made as small as the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from huggingface_hub import close_session, constants, file_download

from hub import (
    COMMIT,
    ENTRY_NOT_FOUND,
    GATED,
    INVALID_TOKEN,
    REPOSITORY_NOT_FOUND,
    Damage,
    Drip,
    Hub,
    Request,
    Stall,
    Status,
    Stop,
    WrongLength,
    closed_port,
    etag,
)
from loopback import ROOT
from megastyle.checkpoint import EncoderError
from megastyle.encoder import (
    BACKBONE_FILES,
    BACKBONE_REPO,
    BACKBONE_WEIGHTS,
    CHECKPOINT_FILE,
    CHECKPOINT_REPO,
    load_encoder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hub import Fault

PROGRESS = 2**15  # bytes; what the client counts as progress, in place of 10 MB
RETRY_AFTER = 77  # s; longer than any wait of the client's own
SILENCE = 0.2  # s; how long the client waits for the next byte, in place of 10 s
CONFIG, PROCESSOR = BACKBONE_FILES
REPOSITORY_OF = {CONFIG: BACKBONE_REPO, PROCESSOR: BACKBONE_REPO, CHECKPOINT_FILE: CHECKPOINT_REPO}


@pytest.fixture
def hub(tiny_encoder: tuple[Path, Path]) -> Iterator[Hub]:
    """Publish the tiny encoder on a Hub, under the names of the real one."""
    backbone, checkpoint = tiny_encoder
    with Hub() as server:
        server.add(BACKBONE_REPO, {name: (backbone / name).read_bytes() for name in BACKBONE_FILES})
        server.add(MISSING, server.repositories[BACKBONE_REPO])
        server.add(CHECKPOINT_REPO, {CHECKPOINT_FILE: checkpoint.read_bytes()})
        yield server


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the seconds that the client (and we) would have slept between two tries."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture(autouse=True)
def cache(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the client an empty cache and `hub` to ask.

    It reads its variables on import, so its constants are set here.
    """
    for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    close_session()
    point_client_to(hub.url, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", PROGRESS)
    return tmp_path / "hub"


@pytest.fixture
def fault(request: pytest.FixtureRequest, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Break the checkpoint's download for good, as REFUSED describes the case; the words that the message must have."""
    trouble, method, words = REFUSED[request.param]
    lose_patience(trouble, monkeypatch)
    hub.always(CHECKPOINT_REPO, CHECKPOINT_FILE, trouble, method)
    return words


def lose_patience(trouble: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the client's timeout where the fault is a silence, and only there.

    A busy machine must not look like one.
    """
    if isinstance(trouble, (Stall, Drip)):
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", SILENCE)


def point_client_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do in this process what `HF_ENDPOINT=url` does at the start of a new one."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def refusal() -> str:
    """Start, and return the message with which the start ends."""
    with pytest.raises(EncoderError) as caught:
        load_encoder()
    return str(caught.value)


def assert_helps(message: str, name: str, endpoint: str) -> None:
    """Check that the message says which file, from where, and the two ways on."""
    for part in (name, REPOSITORY_OF[name], endpoint, "make demo", "MEGASTYLE_CHECKPOINT", "MEGASTYLE_BACKBONE"):
        assert part in message
    assert "Traceback" not in message


def kept(cache: Path) -> dict[str, str]:
    """Every finished file of the cache with its SHA-256; locks and temporary files aside."""
    blobs = [path for path in cache.glob("*/blobs/*") if path.is_file() and path.suffix == ""]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in blobs}


def blob_of(cache: Path, hub: Hub, name: str) -> Path:
    """Where the cache keeps the content of a published file."""
    repo = REPOSITORY_OF[name]
    return cache / f"models--{repo.replace('/', '--')}" / "blobs" / etag(name, hub.repositories[repo][name])


def spoil(path: Path, at: int) -> None:
    """Invert one byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)


# -------------------------------------------------------------------------------------------------------- what is asked


def test_a_first_start_asks_for_the_three_files_and_never_for_the_backbones_weights(hub: Hub) -> None:
    load_encoder()

    files = [request for request in hub.requests if request.repo]
    assert files == [
        Request(method, REPOSITORY_OF[name], name, None)
        for name in (CONFIG, PROCESSOR, CHECKPOINT_FILE)
        for method in ("HEAD", "GET")
    ]


def test_the_encoder_has_the_published_weights_and_knows_their_commit(
    hub: Hub, tiny_encoder: tuple[Path, Path]
) -> None:
    encoder = load_encoder()

    published = torch.load(tiny_encoder[1], weights_only=True)["model"]
    assert fingerprints(encoder.model.state_dict()) == fingerprints(published)
    assert encoder.source.revision == COMMIT
    assert encoder.source.sha256 == hashlib.sha256(hub.repositories[CHECKPOINT_REPO][CHECKPOINT_FILE]).hexdigest()
    assert encoder.source.official


def fingerprints(state: Mapping[str, torch.Tensor]) -> list[tuple[list[int], float]]:
    """Shape and sum of every tensor, whatever its name: transformers 4 and 5 name them differently."""
    return sorted((list(tensor.shape), tensor.double().sum().item()) for tensor in state.values())


def test_a_start_with_everything_cached_asks_the_network_nothing_at_all(hub: Hub) -> None:
    load_encoder()
    hub.requests.clear()

    load_encoder()

    assert hub.requests == []


def test_only_what_the_cache_lacks_is_downloaded(hub: Hub, cache: Path) -> None:
    load_encoder()
    shutil.rmtree(cache / "models--Gaojunyao--MegaStyle")
    hub.requests.clear()

    load_encoder()

    assert {request.name for request in hub.requests if request.repo} == {CHECKPOINT_FILE}


def test_a_file_that_lies_on_a_storage_host_is_found_and_verified(hub: Hub, cache: Path) -> None:
    hub.redirected.add(CHECKPOINT_FILE)
    hub.plan(CHECKPOINT_REPO, CHECKPOINT_FILE, "GET", Stop(PROGRESS))

    load_encoder()

    assert [request.start for request in hub.asked("GET", CHECKPOINT_FILE)] == [None, PROGRESS]
    assert blob_of(cache, hub, CHECKPOINT_FILE).is_file()


@pytest.fixture
def partial(hub: Hub, tiny_encoder: tuple[Path, Path], tmp_path: Path) -> None:
    """Publish a checkpoint that lacks one tensor, and the backbone's own weights beside its settings."""
    backbone, checkpoint = tiny_encoder
    state = torch.load(checkpoint, weights_only=True)["model"]
    state.pop(next(key for key in state if key.endswith("post_layernorm.weight")))
    torch.save(state, tmp_path / "partial.pth")
    hub.add(CHECKPOINT_REPO, {CHECKPOINT_FILE: (tmp_path / "partial.pth").read_bytes()})
    hub.add(BACKBONE_REPO, {BACKBONE_WEIGHTS: (backbone / BACKBONE_WEIGHTS).read_bytes()})


@pytest.mark.usefixtures("partial")
def test_a_partial_checkpoint_is_completed_from_the_hubs_backbone(hub: Hub) -> None:
    load_encoder()

    assert len(hub.asked("GET", BACKBONE_WEIGHTS)) == 1


# --------------------------------------------------------------------------------------------- faults that are survived

SURVIVED: dict[str, tuple[str, tuple[Fault, ...]]] = {
    "500 for the question": ("HEAD", (Status(500),)),
    "503 for the question, twice": ("HEAD", (Status(503), Status(503))),
    "500 for the content": ("GET", (Status(500),)),
    "502 and 503 for the content": ("GET", (Status(502), Status(503))),
    "a connection that ends before the first byte": ("GET", (Stop(0),)),
    "a connection that is reset in the middle": ("GET", (Stop(2 * PROGRESS, reset=True),)),
    "a server that falls silent": ("GET", (Stall(2 * PROGRESS),)),
    "a slow drip": ("GET", (Drip(5, SILENCE / 2),)),
}


@pytest.mark.parametrize("case", SURVIVED)
def test_a_passing_fault_ends_in_a_loaded_encoder(
    case: str, hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, faults = SURVIVED[case]
    lose_patience(faults[0], monkeypatch)
    hub.plan(CHECKPOINT_REPO, CHECKPOINT_FILE, method, *faults)

    load_encoder()

    assert len(kept(cache)) == len(REPOSITORY_OF)
    assert hub.unmet() == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_429_waits_as_long_as_the_hub_asks(method: str, hub: Hub, waits: list[float]) -> None:
    busy = Status(429, {"Retry-After": f"{RETRY_AFTER}"})
    hub.plan(CHECKPOINT_REPO, CHECKPOINT_FILE, method, busy, busy)

    load_encoder()

    assert max(waits) >= RETRY_AFTER


@pytest.mark.parametrize("stops", [1, 3])
def test_a_download_that_stops_in_the_middle_is_resumed_where_it_stopped(stops: int, hub: Hub) -> None:
    hub.plan(CHECKPOINT_REPO, CHECKPOINT_FILE, "GET", *[Stop(2 * PROGRESS)] * stops)

    load_encoder()

    starts = [request.start for request in hub.asked("GET", CHECKPOINT_FILE)]
    assert starts == [None, *(2 * PROGRESS * count for count in range(1, stops + 1))]


# -------------------------------------------------------------------------------------------- faults that end the start

REFUSED: dict[str, tuple[Fault, str, list[str]]] = {
    "unknown or private repository": (REPOSITORY_NOT_FOUND, "HEAD", ["private", "HF_TOKEN"]),
    "unknown repository, as 404": (Status(404, {"X-Error-Code": "RepoNotFound"}), "HEAD", ["no such repository"]),
    "gated repository": (GATED, "HEAD", ["gated", "HF_TOKEN"]),
    "invalid token": (INVALID_TOKEN, "HEAD", ["401", "HF_TOKEN"]),
    "forbidden": (Status(403), "HEAD", ["403"]),
    "no such file": (ENTRY_NOT_FOUND, "HEAD", ["no such file"]),
    "too many requests": (Status(429, {"Retry-After": "1"}), "HEAD", ["429"]),
    "too many requests for the content": (Status(429, {"Retry-After": "1"}), "GET", ["429"]),
    "broken Hub": (Status(500), "HEAD", ["500"]),
    "broken storage": (Status(503), "GET", ["503"]),
    "something else answers": (Status(200), "HEAD", []),
    "stops again and again": (Stop(PROGRESS // 2), "GET", []),
    "resets again and again": (Stop(PROGRESS // 2, reset=True), "GET", ["reset"]),
    "silent again and again": (Stall(PROGRESS // 2), "GET", ["timed out"]),
    "body too short": (WrongLength(-10), "GET", ["size"]),
    "body too long": (WrongLength(10), "GET", ["size"]),
}


@pytest.mark.parametrize("fault", REFUSED, indirect=True)
def test_a_lasting_fault_ends_in_one_message_that_helps(fault: list[str], hub: Hub) -> None:
    message = refusal()

    assert_helps(message, CHECKPOINT_FILE, hub.url)
    for word in fault:
        assert word in message


@pytest.mark.parametrize("fault", REFUSED, indirect=True)
@pytest.mark.usefixtures("fault")
def test_a_failed_start_loses_nothing_and_the_next_one_goes_on_from_there(hub: Hub, cache: Path) -> None:
    refusal()
    before = kept(cache)
    hub.heal()

    load_encoder()

    assert set(before) == {blob_of(cache, hub, name).name for name in BACKBONE_FILES}
    assert before.items() < kept(cache).items()
    assert {request.name for request in hub.requests if request.repo} == {CHECKPOINT_FILE}


def test_a_token_is_sent_to_the_hub_and_never_shown(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_a_secret")
    hub.always(BACKBONE_REPO, CONFIG, INVALID_TOKEN)

    message = refusal()

    assert {request.token for request in hub.asked("HEAD", CONFIG)} == {"Bearer hf_a_secret"}
    assert "hf_a_secret" not in message + caplog.text


@pytest.mark.parametrize("name", REPOSITORY_OF)
def test_the_message_names_the_file_that_failed(name: str, hub: Hub) -> None:
    hub.always(REPOSITORY_OF[name], name, Status(404, {"X-Error-Code": "EntryNotFound"}))

    assert_helps(refusal(), name, hub.url)


def test_a_refused_connection_is_named_with_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = f"http://127.0.0.1:{closed_port()}"
    point_client_to(endpoint, monkeypatch)

    message = refusal()

    assert_helps(message, CONFIG, endpoint)
    assert "refused" in message


def test_a_failure_of_xet_storage_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.xet.add(CHECKPOINT_FILE)
    monkeypatch.setattr(file_download, "xet_get", fail_in_xet)

    message = refusal()

    assert_helps(message, CHECKPOINT_FILE, hub.url)
    assert "CAS Client Error" in message


def fail_in_xet(**_: object) -> None:
    """Fail as hf_xet does when its storage refuses (measured): a plain RuntimeError."""
    raise RuntimeError("Task error: File reconstruction error: CAS Client Error: 401 Unauthorized")


@pytest.mark.parametrize("backbone", ["/no/such/folder", "a/b/c", "../up", "spaces in/name"])
def test_a_backbone_that_is_neither_folder_nor_hub_id_is_refused(
    backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEGASTYLE_BACKBONE", backbone)

    message = refusal()

    assert backbone in message
    assert "MEGASTYLE_BACKBONE" in message


# -------------------------------------------------------------------------------------------------------- damaged files


def positions(name: str, size: int) -> list[int]:
    """Where a byte is inverted: both ends and the middle, and for the checkpoint a few in between."""
    return [0, size // 2, size - 1] if name != CHECKPOINT_FILE else [0, *range(size // 7, size, size // 7), size - 1]


@pytest.mark.parametrize("name", REPOSITORY_OF)
def test_a_file_damaged_on_the_way_is_refused_wherever_the_damage_is(name: str, hub: Hub, cache: Path) -> None:
    content = hub.repositories[REPOSITORY_OF[name]][name]
    for at in positions(name, len(content)):
        shutil.rmtree(cache, ignore_errors=True)
        hub.always(REPOSITORY_OF[name], name, Damage(at), "GET")

        message = refusal()

        assert "damaged" in message
        assert name in message
        assert str(blob_of(cache, hub, name)) in message


@pytest.mark.parametrize("name", REPOSITORY_OF)
def test_deleting_the_file_that_the_message_names_gets_rid_of_the_damage(name: str, hub: Hub, cache: Path) -> None:
    hub.plan(REPOSITORY_OF[name], name, "GET", Damage(5))
    refusal()
    message = refusal()
    named = next(word.strip("'\",.:") for word in message.split() if word.startswith(str(cache)))
    Path(named).unlink()
    hub.requests.clear()

    load_encoder()

    assert [request.name for request in hub.requests if request.method == "GET" and request.repo][:1] == [name]


def test_a_damaged_file_in_a_preloaded_cache_is_refused(hub: Hub, cache: Path) -> None:
    load_encoder()
    spoil(blob_of(cache, hub, PROCESSOR), at=20)

    assert "damaged" in refusal()


@pytest.mark.usefixtures("partial")
def test_damaged_backbone_weights_complete_no_checkpoint(hub: Hub) -> None:
    hub.always(BACKBONE_REPO, BACKBONE_WEIGHTS, Damage(-5), "GET")

    message = refusal()

    assert "damaged" in message
    assert BACKBONE_WEIGHTS in message


def save_as_xet(hub: Hub) -> Callable[..., None]:
    """Stand in for hf_xet's download: put the published checkpoint where the client wants it."""
    content = hub.repositories[CHECKPOINT_REPO][CHECKPOINT_FILE]
    return lambda *, incomplete_path, **_: incomplete_path.write_bytes(content) and None


def test_a_file_from_xet_storage_is_accepted_and_its_damage_is_seen(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client keeps such content under its Xet name, behind a second link.

    Neither that name nor the link may mislead.
    """
    hub.xet.add(CHECKPOINT_FILE)
    monkeypatch.setattr(file_download, "xet_get", save_as_xet(hub))
    load_encoder()
    assert blob_of(cache, hub, CHECKPOINT_FILE).is_symlink()

    load_encoder()
    spoil(blob_of(cache, hub, CHECKPOINT_FILE).resolve(), at=-5000)

    message = refusal()
    assert "damaged" in message
    assert str(blob_of(cache, hub, CHECKPOINT_FILE).resolve()) in message


# ------------------------------------------------------------------------------------------------------ whole processes

START = """
import json, os
from megastyle.checkpoint import EncoderError
from megastyle.encoder import load_encoder
for backbone in {backbones!r}:
    os.environ["MEGASTYLE_BACKBONE"] = backbone
    try:
        print(json.dumps(load_encoder().source.revision))
    except EncoderError as error:
        print(json.dumps(str(error)))
"""
MISSING = "google/siglip-base-patch16-224"  # published by the test's Hub, never in the cache
HANG = 300  # s; a limit for a hang, not a measure
CLIENTS_VARIABLES = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "MEGASTYLE_")
READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"'


def start(
    home: Path, url: str, *arguments: str, prefix: tuple[str, ...] = (), **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in a fresh process whose environment says where the cache and the Hub are."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(CLIENTS_VARIABLES)}
    environment |= {"HF_HOME": str(home), "HF_ENDPOINT": url, **extra}
    return subprocess.run(
        [*prefix, sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def starts(home: Path, url: str, *backbones: str, prefix: tuple[str, ...] = (), **extra: str) -> list[str]:
    """Load the encoder once for each backbone in one fresh process; return the commits or the messages."""
    done = start(home, url, "-c", START.format(backbones=backbones), prefix=prefix, **extra)
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('"')]


def mounted(home: Path, mount: str) -> tuple[str, ...]:
    """A command prefix that runs `mount` (with $1 = `home`) in a mount namespace of its own.

    The test is skipped where that is not allowed.
    """
    for unshare in (("unshare", "--mount"), ("unshare", "--map-root-user", "--mount")):
        prefix = (*unshare, "sh", "-ec", f'{mount}; shift; exec "$@"', "sh", str(home))
        if (
            shutil.which("unshare")
            and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        ):
            return prefix
    pytest.skip("neither root nor unprivileged mount namespaces: no such file system can be made here")


def test_a_start_that_cannot_have_its_weights_prints_the_message_and_exits_with_1(tmp_path: Path, hub: Hub) -> None:
    done = start(tmp_path / "home", hub.url, "app.py", HF_HUB_OFFLINE="1")

    assert done.returncode == 1
    assert_helps(done.stderr, CONFIG, hub.url)
    assert "HF_HUB_OFFLINE" in done.stderr
    assert hub.requests == []


def test_offline_works_with_the_files_and_says_so_without(hub: Hub, cache: Path) -> None:
    load_encoder()
    hub.requests.clear()

    revision, message = starts(cache.parent, hub.url, BACKBONE_REPO, MISSING, HF_HUB_OFFLINE="1")

    assert revision == COMMIT
    assert "HF_HUB_OFFLINE is set and the file is not in the cache" in message
    assert MISSING in message
    assert hub.requests == []


def test_a_read_only_cache_with_everything_in_it_needs_neither_network_nor_writing(hub: Hub, cache: Path) -> None:
    load_encoder()
    before = kept(cache)
    hub.requests.clear()

    assert starts(cache.parent, hub.url, BACKBONE_REPO, prefix=mounted(cache.parent, READ_ONLY)) == [COMMIT]

    assert hub.requests == []
    assert kept(cache) == before


def test_a_read_only_cache_that_lacks_a_file_is_named(hub: Hub, cache: Path) -> None:
    load_encoder()
    before = kept(cache)

    (message,) = starts(cache.parent, hub.url, MISSING, prefix=mounted(cache.parent, READ_ONLY))

    assert "cannot be written" in message
    assert "HF_HOME" in message
    assert str(cache) in message
    assert kept(cache) == before


def test_no_space_left_is_named_with_the_folder(hub: Hub, tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    prefix = mounted(home, 'mount -t tmpfs -o size=128k tmpfs "$1"')

    (message,) = starts(home, hub.url, BACKBONE_REPO, prefix=prefix)

    assert_helps(message, CHECKPOINT_FILE, hub.url)
    assert "no space left" in message
    assert str(home) in message
