"""Files from the Hugging Face Hub: taken from the cache first, verified, and explained when they cannot be had."""

from __future__ import annotations

import errno
import logging
import time
from http import HTTPStatus
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils.sha import git_hash, sha_fileobj

log = logging.getLogger(__name__)

DOWNLOAD_PAUSES = (
    1,
    4,
)  # s before asking again: the client itself gives up on a 5xx or a reset in the middle of a file
SHA256_DIGITS = 64  # hexadecimal; git's SHA-1 has 40


class HubError(RuntimeError):
    """A file cannot be had or is damaged; the message says which, from where, and why."""


def explain(error: Exception) -> str:
    """Why the Hub's client gave up, in one line, with the remedy where there is a special one."""
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error
    match cause:
        case OfflineModeIsEnabled():
            reason = "HF_HUB_OFFLINE is set and the file is not in the cache. Unset it to download the file once."
        case GatedRepoError():
            reason = "the repository is gated. Accept its terms on the Hub and set HF_TOKEN."
        case RepositoryNotFoundError():
            reason = "no such repository, or a private one. Check the name; for a private one set HF_TOKEN."
        case RemoteEntryNotFoundError():
            reason = "the repository holds no such file."
        case HfHubHTTPError() if cause.response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            reason = f"the Hub answered {cause.response.status_code} {cause.response.reason_phrase}. Check HF_TOKEN."
        case HfHubHTTPError():
            reason = f"the Hub answered {cause.response.status_code} {cause.response.reason_phrase}."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            reason = f"no space left in {constants.HF_HUB_CACHE}. Free some, or point HF_HOME to a larger disk."
        case OSError(errno=errno.EROFS | errno.EACCES | errno.EPERM):
            place = cause.filename or constants.HF_HUB_CACHE
            reason = f"{place} cannot be written. Point HF_HOME to a folder that can."
        case _:
            reason = " ".join(str(cause).split()) or type(cause).__name__
    return reason


def is_temporary(error: Exception) -> bool:
    """Whether asking again may help where the client itself does not: a 5xx, or a connection reset in mid-file."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    cause: BaseException = error
    while cause.__cause__:
        cause = cause.__cause__
    return isinstance(cause, ConnectionResetError)


def cached_or_downloaded(repo: str, name: str) -> str:
    """Path of a Hub file; a file that the cache holds is used without asking the network."""
    if isinstance(cached := try_to_load_from_cache(repo, name), str):
        return cached
    log.info("Not in the cache, asking the Hub: %s of %s", name, repo)
    for pause in DOWNLOAD_PAUSES:
        try:
            return hf_hub_download(repo, name)
        except Exception as error:
            if not is_temporary(error):
                raise
            log.warning("%s of %s: %s Trying again in %d s.", name, repo, explain(error), pause)
            time.sleep(pause)
    return hf_hub_download(repo, name)


def find_in_hub(repo: str, name: str) -> Path:
    """Path of a Hub file: from the cache if it is there, else downloaded.

    Raises:
        HubError: neither has it.
    """
    try:
        return Path(cached_or_downloaded(repo, name))
    except Exception as error:  # OSError, ValueError, RuntimeError, the HTTP library's own: they share no base
        raise HubError(f"Cannot get {name} of {repo} from {constants.ENDPOINT}: {explain(error)}") from error


def published_digest(path: Path) -> str | None:
    """The digest under which the Hub's cache keeps a file (its ETag); None for a file elsewhere.

    It is the SHA-256 of a large file and git's SHA-1 of a small one. Only the first link is followed, because the file
    that it names may itself be a link to a store that names its files differently.
    """
    blob = path.readlink() if path.is_symlink() else path
    return blob.name if blob.parent.name == "blobs" else None


def verify(path: Path) -> str:
    """SHA-256 of a file in hex, once a file of the Hub's cache is known to hold what the Hub published.

    The checkpoint of 857 MB takes half a second. A local file has nothing to be compared with.

    Raises:
        HubError: the content is not what the Hub published.
    """
    with path.open("rb") as file:
        digest = sha_fileobj(file).hex()
    published = published_digest(path)
    found = git_hash(path.read_bytes()) if published and len(published) < SHA256_DIGITS else digest
    if published not in (None, found):
        remedy = f"It is not used. Delete {path.resolve()} and start again."
        raise HubError(f"{path.name} is damaged: its digest is {found}, the Hub's is {published}. {remedy}")
    return digest
