"""The form in which a browser sends files, written out."""

from __future__ import annotations

BOUNDARY = "edge"


def part(content: bytes, name: str = "files", filename: str | None = "a.png") -> bytes:
    """One part of a form; without a file name it is a field."""
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
