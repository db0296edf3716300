"""The form of an upload, checked while it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.formparsers import MultiPartException

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class Limits(NamedTuple):
    """The most that one request may hold."""

    upload_bytes: int
    upload_files: int
    event_bytes: int


class Form:
    """An upload's form, checked while it arrives by the parser that Gradio uses too, so that both read it alike.

    Gradio itself keeps form fields that are no files in memory without a limit, and files of another field on the disk
    for ever.
    """

    def __init__(self, content_type: str, limits: Limits) -> None:
        """Start to read an upload of this content type, whose boundary the parser needs."""
        self.limits, self.bytes, self.files = limits, 0, 0
        self.headers: list[tuple[bytes, bytes]] = []  # of the part that is being read
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        self.parser = MultipartParser(boundary, self.callbacks()) if boundary else None  # Gradio refuses it then

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self.begin_file,
            "on_header_begin": lambda: self.headers.append((b"", b"")),
            "on_header_field": lambda data, start, end: self.add_header(data[start:end], b""),
            "on_header_value": lambda data, start, end: self.add_header(b"", data[start:end]),
            "on_headers_finished": self.check_headers,
        }

    def add(self, piece: bytes) -> None:
        """Parse the next piece of the body.

        Raises:
            MultiPartException: the upload is refused.
        """
        self.bytes += len(piece)
        if self.bytes > self.limits.upload_bytes:
            raise MultiPartException(too_large(self.limits.upload_bytes))
        if self.parser and piece:
            try:
                self.parser.write(piece)
            except MultipartParseError:
                raise MultiPartException("The upload cannot be read.") from None

    def begin_file(self) -> None:
        """Count a part of the form."""
        self.files += 1
        self.headers = []
        if self.files > self.limits.upload_files:
            raise MultiPartException(f"Too many files at once: choose at most {self.limits.upload_files}.")

    def add_header(self, name: bytes, value: bytes) -> None:
        """A piece of a header's name or of its value."""
        known_name, known_value = self.headers.pop()
        self.headers.append((known_name + name, known_value + value))

    def check_headers(self) -> None:
        """Refuse a part that is no file for the page."""
        disposition = {name.lower(): value for name, value in self.headers}.get(b"content-disposition", b"")
        options = parse_options_header(disposition)[1]
        if options.get(b"name") != b"files" or b"filename" not in options:
            raise MultiPartException("An upload holds files and nothing else.")


def too_large(limit: int) -> str:
    """The words for an upload over `limit` bytes; Gradio answers 413 where it finds "maximum allowed size" in them."""
    return f"The files exceed the maximum allowed size of {limit // 2**20} MB together. Choose fewer or smaller ones."
