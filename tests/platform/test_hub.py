"""Getting the encoder from the Hub: the official client, through load_encoder(), against a small Hub on loopback.

Each fault ends in one message that says what, why and what to do; what was downloaded is kept, and a damaged file is
never used. What the client does of itself (trying again, waiting, resuming) is its own business.
"""

from __future__ import annotations

import errno
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import close_session, constants
from huggingface_hub.errors import LocalEntryNotFoundError

from hub import COMMIT, Fault, Hub, Status, closed_port, etag
from megastyle import encoder
from megastyle.encoder import BACKBONE_FILES, BACKBONE_REPO, BACKBONE_WEIGHTS, CHECKPOINT_FILE, CHECKPOINT_REPO

CONFIG, PROCESSOR = BACKBONE_FILES
FILES = (CONFIG, PROCESSOR, CHECKPOINT_FILE)  # in the order in which they are asked for


@pytest.fixture
def hub(tiny_encoder: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The tiny encoder on a Hub, under the names of the real one; the client asks it, from an empty cache.

    The client has read its variables on import, so its constants are set here. It does not sleep between two tries.
    """
    backbone, checkpoint = tiny_encoder
    with Hub() as server:
        server.repositories[BACKBONE_REPO] = {name: (backbone / name).read_bytes() for name in BACKBONE_FILES}
        server.repositories[CHECKPOINT_REPO] = {CHECKPOINT_FILE: checkpoint.read_bytes()}
        point_client_to(server.url, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        for name in ("MEGASTYLE_BACKBONE", "MEGASTYLE_CHECKPOINT", "HF_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        close_session()
        yield server


def point_client_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do in this process what `HF_ENDPOINT=url` does at the start of a new one."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def refusal() -> str:
    """The message with which a start ends."""
    with pytest.raises(encoder.EncoderError) as caught:
        encoder.load_encoder()
    return str(caught.value)


def blob_of(hub: Hub, name: str) -> Path:
    """Where the cache keeps the content of a published file."""
    repo = CHECKPOINT_REPO if name == CHECKPOINT_FILE else BACKBONE_REPO
    digest = etag(name, hub.repositories[repo][name])
    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "blobs" / digest


def damage(content: bytes) -> bytes:
    """The same with one byte inverted, in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def test_a_first_start_asks_for_three_files_and_the_next_one_for_none(
    hub: Hub, tiny_encoder: tuple[Path, Path]
) -> None:
    """Never for the backbone's weights; the encoder has the published ones, and knows their commit and digest."""
    loaded = encoder.load_encoder()
    assert [one for one in hub.asked if one[1] in FILES] == [(way, name) for name in FILES for way in ("HEAD", "GET")]
    published = torch.load(tiny_encoder[1], weights_only=True)["model"]
    sums = [
        sorted(value.double().sum().item() for value in one.values()) for one in (published, loaded.model.state_dict())
    ]
    assert sums[0] == sums[1]
    digest = hashlib.sha256(hub.repositories[CHECKPOINT_REPO][CHECKPOINT_FILE]).hexdigest()
    checkpoint = f"{CHECKPOINT_REPO}/{CHECKPOINT_FILE}"
    assert loaded.source == encoder.Source(BACKBONE_REPO, checkpoint, COMMIT, digest, official=True)
    hub.asked.clear()
    assert encoder.load_encoder().source == loaded.source
    assert hub.asked == []


def test_a_partial_checkpoint_is_completed_from_the_hubs_backbone(hub: Hub, tiny_encoder: tuple[Path, Path]) -> None:
    """And never from damaged weights."""
    state = torch.load(tiny_encoder[1], weights_only=True)["model"]
    del state[next(key for key in state if key.endswith("post_layernorm.weight"))]
    torch.save(state, partial := Path(constants.HF_HUB_CACHE).with_name("partial.pth"))
    hub.repositories[CHECKPOINT_REPO][CHECKPOINT_FILE] = partial.read_bytes()
    hub.repositories[BACKBONE_REPO][BACKBONE_WEIGHTS] = (tiny_encoder[0] / BACKBONE_WEIGHTS).read_bytes()
    hub.faults["GET", BACKBONE_WEIGHTS] = damage
    assert f"{BACKBONE_WEIGHTS} is damaged" in refusal()
    blob_of(hub, BACKBONE_WEIGHTS).unlink()
    hub.faults.clear()
    encoder.load_encoder()


HELP = ("make demo", "MEGASTYLE_CHECKPOINT", "MEGASTYLE_BACKBONE", CHECKPOINT_FILE, CHECKPOINT_REPO)
FAULTS: dict[str, tuple[str, Fault, str]] = {
    "no such repository": ("HEAD", Status(401, {"X-Error-Code": "RepoNotFound"}), "a private one set HF_TOKEN."),
    "gated": (
        "HEAD",
        Status(403, {"X-Error-Code": "GatedRepo"}),
        "gated. Accept its terms on the Hub and set HF_TOKEN.",
    ),
    "wrong token": (
        "HEAD",
        Status(401, {"X-Error-Message": "Invalid credentials"}),
        "answered 401 Unauthorized. Check",
    ),
    "forbidden": ("HEAD", Status(403), "the Hub answered 403 Forbidden. Check HF_TOKEN."),
    "no such file": ("HEAD", Status(404, {"X-Error-Code": "EntryNotFound"}), "the repository holds no such file."),
    "broken Hub": ("HEAD", Status(500), "the Hub answered 500 Internal Server Error.\n"),
    "busy storage": ("GET", Status(503), "the Hub answered 503 Service Unavailable.\n"),
    "it stops in the middle": ("GET", lambda content: content[:1000], ""),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_lasting_fault_ends_in_a_message_that_helps_and_the_next_start_goes_on(
    case: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A token is sent and never shown; what was downloaded before is not asked for again."""
    monkeypatch.setenv("HF_TOKEN", "hf_a_secret")
    method, fault, words = FAULTS[case]
    hub.faults[method, CHECKPOINT_FILE] = fault
    message = refusal()
    assert [part for part in (words, hub.url, *HELP) if part not in message] == []
    assert "Bearer hf_a_secret" in hub.tokens
    assert "hf_a_secret" not in message + caplog.text
    hub.faults.clear()
    hub.asked.clear()
    encoder.load_encoder()
    assert {name for _, name in hub.asked} & set(FILES) == {CHECKPOINT_FILE}


def test_a_disk_that_takes_nothing_and_a_hub_that_is_not_there_are_named(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, read_only = OSError(errno.ENOSPC, "No space"), OSError(errno.EROFS, "Read-only file system", "/there")
    (behind := LocalEntryNotFoundError("long words")).__cause__ = full
    assert encoder.explain(behind).startswith(f"no space left in {constants.HF_HUB_CACHE}. Free some, or point HF_HOME")
    assert encoder.explain(read_only) == "/there cannot be written. Point HF_HOME to a folder that can."
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert f"Cannot get {CONFIG} of {BACKBONE_REPO} from {hub.url}: HF_HUB_OFFLINE is set and the file" in refusal()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    endpoint = f"http://127.0.0.1:{closed_port()}"
    point_client_to(endpoint, monkeypatch)
    message = refusal()
    assert f"Cannot get {CONFIG} of {BACKBONE_REPO} from {endpoint}: " in message
    assert "refused" in message


@pytest.mark.parametrize("backbone", ["/no/such/folder", "a/b/c", "../up", "spaces in/name"])
def test_a_backbone_that_is_neither_folder_nor_hub_id_is_refused(backbone: str, hub: Hub) -> None:
    with pytest.raises(encoder.EncoderError) as caught:
        encoder.load_encoder({"MEGASTYLE_BACKBONE": backbone})
    assert backbone in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_file_damaged_on_the_way_is_refused_until_what_the_message_names_is_deleted(name: str, hub: Hub) -> None:
    hub.faults["GET", name] = damage
    refusal()
    hub.faults.clear()
    message = refusal()
    assert f"{name} is damaged" in message
    assert f"Delete {blob_of(hub, name)} and start again." in message
    blob_of(hub, name).unlink()
    encoder.load_encoder()
