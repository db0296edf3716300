"""Checks a deployed page and prints a line for each thing: `python -m verify owner/name`, or the address of a page.

It exits with 0 if nothing failed, else with 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from huggingface_hub import HfApi

from verify import ProblemError, report, space, visit

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="verify", description="Check that what runs there is what stands here.")
    parser.add_argument("space", help="owner/name of a Space, or the address of a page (http://127.0.0.1:7860)")
    parser.add_argument("--hardware", default="zero-a10g", help="what the Space must run on (zero-a10g)")
    parser.add_argument("--timeout", type=float, default=30, help="minutes to wait for the Space (30)")
    parser.add_argument("--pause", type=float, default=5, help="seconds between two questions to the Hub (5)")
    parser.add_argument("--patience", type=float, default=300, help="seconds for anything on the page (300)")
    return parser.parse_args()


def local_commit() -> str:
    """The commit that is checked out here; empty where git knows none."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def check(asked: argparse.Namespace, say: report.Say) -> None:
    """All checks: of a Space first what the Hub says of it, then the page in a browser.

    Raises:
        ProblemError: they cannot be made to the end.
    """
    commit, address = local_commit(), asked.space.rstrip("/")
    if on_the_hub := "://" not in address:
        info, runtime = space.wait(HfApi(), address, asked.timeout, asked.pause)
        address = space.tell(info, runtime, commit, asked.hardware, say)
    pinned = report.pins(ROOT / "requirements.txt")
    with visit.browsing(address, asked.patience, say, on_the_hub=on_the_hub) as visitor:
        verdict, found = visitor.compare_example()
        say("example", ok=True, seen=verdict)
        for line in report.lines(found, pinned, commit):
            say(*line)
        digest, verdict, found = visitor.compare_upload()
        same = (found.get("test") or {}).get("sha256") == digest
        say("upload", ok=same, seen=verdict if same else "the file behind Download JSON is about another picture")
        for what, ok, seen in report.lines(found, pinned, commit):
            if not ok:
                say(f"upload: {what}", ok, seen)


def main() -> int:
    """Check, say what was found, and give the exit code."""
    failed: list[str] = []

    def say(what: str, ok: bool, seen: str) -> None:  # noqa: FBT001 - a line of the table
        print(f"{'ok' if ok else 'FAIL':<6}{what:<24}{seen}", flush=True)  # noqa: T201 - a program that prints
        if not ok:
            failed.append(what)

    try:
        check(arguments(), say)
    except ProblemError as problem:
        say("checked to the end", ok=False, seen=str(problem))
    except KeyboardInterrupt:
        return 130
    print(f"\nFailed: {', '.join(failed)}." if failed else "\nAll is well.")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
