"""Checks a deployed page and prints a table: `python -m verify owner/name`, or the address of a page.

It exits with 0 if nothing failed, else with 1; with 130 after Ctrl+C.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import secrets
import signal
import sys
from pathlib import Path

import numpy as np
from huggingface_hub import HfApi
from PIL import Image
from playwright.sync_api import Error, FilePayload

from verify import local, report, saved, space
from verify.problem import ProblemError
from verify.table import Line, Table, show
from verify.visit import HUB_HOSTS, Compared, Visit, visiting

ROOT = Path(__file__).resolve().parents[2]
SIDE = 96  # pixels of the picture that is uploaded


def arguments() -> argparse.Namespace:
    """The command line; times in minutes and seconds as people say them."""
    parser = argparse.ArgumentParser(prog="verify", description="Check that what runs there is what stands here.")
    parser.add_argument("space", help="owner/name of a Space, or the address of a page (http://127.0.0.1:7860)")
    parser.add_argument("--save", action="store_true", help="keep the example's matrix for the next check")
    parser.add_argument("--saved", type=Path, default=saved.FOLDER, help="folder of the kept matrices")
    parser.add_argument("--hardware", default="zero-a10g", help="what the Space must run on (zero-a10g)")
    parser.add_argument("--timeout", type=float, default=30, help="minutes to wait for the Space (30)")
    parser.add_argument("--pause", type=float, default=5, help="seconds between two questions to the Hub (5)")
    parser.add_argument("--patience", type=float, default=300, help="seconds for anything on the page (300)")
    return parser.parse_args()


def new_picture() -> FilePayload:
    """A picture that no page has seen before, so that it must be embedded."""
    noise = np.frombuffer(secrets.token_bytes(SIDE * SIDE * 3), np.uint8).reshape(SIDE, SIDE, 3)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return FilePayload(name="verify.png", mimeType="image/png", buffer=file.getvalue())


def find_page(asked: argparse.Namespace, table: Table, commit: str | None) -> str:
    """The address of the page: a Space's once it runs and its lines are in the table, or what was given.

    Raises:
        ProblemError: the Space does not run.
    """
    if "://" in asked.space:
        return str(asked.space).rstrip("/")
    api = HfApi()
    found = space.find(api, asked.space)
    runtime = space.wait(api, found, space.Patience(60 * asked.timeout, asked.pause), table.say)
    table.add(*space.lines(space.find(api, asked.space), runtime, commit, asked.hardware))
    return space.address_of(found)


def check_gpu(first: Compared, again: Compared) -> Line:
    """The same comparison again embeds nothing, so it asks for no GPU.

    ZeroGPU tells nobody outside whether it was asked. But the app reports each batch before it embeds it, and embeds
    nowhere else: without such a report nothing was asked for. That the new picture has one shows that it can be seen.
    """
    seen = f"new picture: {', '.join(first.progress) or 'nothing'}; again: {', '.join(again.progress) or 'nothing'}"
    same = first.report.get("matrix") == again.report.get("matrix")
    return Line("again without a GPU", bool(first.progress) and not again.progress and same, f"{seen} embedded")


def check_page(visit: Visit, *, on_the_hub: bool) -> list[Line]:
    """What the browser met in the whole visit."""
    endpoints, allowed = visit.endpoints(), {visit.host, *(HUB_HOSTS if on_the_hub else ())}
    return [
        Line("no endpoint", not endpoints, ", ".join(endpoints) or "none is offered"),
        Line("hosts", visit.hosts <= allowed, f"asked {', '.join(sorted(visit.hosts))}"),
        Line("console", not visit.errors, "; ".join(visit.errors) or "no error"),
    ]


def check(visit: Visit, asked: argparse.Namespace, table: Table, commit: str | None) -> None:
    """The visit: an example, a picture of our own, the same again.

    Raises:
        ProblemError: it cannot go on.
    """
    visit.open()
    table.add(Line("page", ok=True, seen=f"opened {visit.url}"))
    title = visit.take_example()
    pictures = visit.pictures()
    example = visit.compare()
    table.add(Line("example", ok=True, seen=f"{title}: {example.verdict}"))
    table.add(*report.lines(example.report, report.pins(ROOT / "requirements.txt"), commit))
    table.add(report.checked("pictures", check_pictures, example, pictures))
    picture = new_picture()
    visit.replace_test(picture)
    upload = visit.compare(digest := hashlib.sha256(picture["buffer"]).hexdigest())
    table.add(
        Line("upload", ok=True, seen=upload.verdict),
        report.checked("upload's matrix", report.check_matrix, upload.report),
    )
    table.add(check_gpu(upload, visit.compare(digest)), *check_page(visit, on_the_hub="://" not in asked.space))
    if any(line.what == "matrix" for line in table.failed):
        return  # a broken report cannot be held against anything
    table.add(local.compare(example.report, pictures))
    table.add(saved.save(example.report, asked.saved) if asked.save else saved.compare(example.report, asked.saved))


def check_pictures(example: Compared, pictures: dict[str, bytes]) -> tuple[bool, str]:
    """The report is about the files that the page shows."""
    digests = report.digests_of(example.report)
    found = sum(digest in pictures for digest in digests)
    return found == len(digests), f"{found} of {len(digests)} of the report's files are those on the page"


def run(asked: argparse.Namespace, table: Table) -> None:
    """All checks.

    Raises:
        ProblemError: they cannot be made to the end.
    """
    commit = space.local_commit(ROOT)
    address = find_page(asked, table, commit)
    try:
        with visiting(address, asked.patience) as visit:
            check(visit, asked, table, commit)
    except Error as error:
        raise ProblemError(f"The browser failed: {error.message.splitlines()[0]}") from error


def mute() -> None:
    """Nothing more of what the browser's driver complains of while it is stopped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class Interruption:
    """Ctrl+C, once: everything is cleaned up.

    Python drops an exception that a signal raises while a finaliser runs. So the next line of the table raises again.
    """

    came = False

    def __call__(self, *_: object) -> None:
        """The handler of SIGINT.

        Raises:
            KeyboardInterrupt: the first time.
        """
        if not self.came:
            self.came = True
            mute()
            raise KeyboardInterrupt

    def say(self, text: str) -> None:
        """Print a line.

        Raises:
            KeyboardInterrupt: it came, and was lost.
        """
        if self.came:
            raise KeyboardInterrupt
        show(text)


def main() -> int:
    """Check, say what was found, and give the exit code."""
    interruption = Interruption()
    signal.signal(signal.SIGINT, interruption)
    table = Table(say=interruption.say)
    try:
        run(arguments(), table)
    except ProblemError as problem:
        table.add(Line("checked to the end", ok=False, seen=problem.reason))
        if problem.log:
            show("".join(f"      | {line}\n" for line in problem.log.splitlines()))
    except KeyboardInterrupt:
        show("Stopped.")
        return 130
    failed = table.failed
    show(
        f"\n{len(failed)} of {len(table.lines)} lines failed: {', '.join(line.what for line in failed)}."
        if failed
        else "\nAll is well."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
