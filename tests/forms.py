"""The form in which a browser sends files, written out."""

from __future__ import annotations

import httpx

from visitor import PREFIX

BOUNDARY = "edge"


def part(content: bytes, name: str = "files", filename: str | None = "a.png") -> bytes:
    """One part of a form; without a file name it is a field."""
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def upload(url: str, body: bytes) -> httpx.Response:
    """Send a form."""
    return httpx.post(f"{url}{PREFIX}/upload", content=body, headers=FORM, timeout=60)
