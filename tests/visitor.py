"""A visitor without a browser: uploads, clicks and reads the answers over HTTP, as the page's own client does.

The page is read from `/config` as a browser reads it, so nothing here knows the app's functions: a component is found
by its label, a button by its text, and a click runs what the page says it runs, follow-up events included. Each
`Visitor` is one browser tab and belongs to one thread; open as many as needed.

    with Visitor(url) as visitor:
        answer = visitor.compare("test.png", ["a.png", "b.png"])
        answer.report["mean_cosine"], answer.text
"""

from __future__ import annotations

import base64
import json
import mimetypes
import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from typing_extensions import Self

PREFIX = "/gradio_api"
PATIENCE_SECONDS = 120.0  # for one answer; a limit for a hang, not a measure
TEST_IMAGE, REFERENCES, COMPARE, DOWNLOAD_JSON = "Test image", "References", "Compare", "Download JSON"

Message = dict[str, Any]  # one message of the queue's event stream, as it came
Listener = Callable[[Message], None]
Picture = str | Path | tuple[str, bytes]  # a file, or the name and content of one


def ignore(message: Message) -> None:
    """Listen to nothing."""


@dataclass
class Answer:
    """What one click brought: messages on the way, and the new values of what it changed.

    Values are by component id.
    """

    messages: list[Message] = field(default_factory=list)
    values: dict[int, Any] = field(default_factory=dict)
    report: Any = None  # the file behind "Download JSON", parsed; only `compare` takes it

    @property
    def text(self) -> str:
        """All text that the click put on the page (Markdown and HTML, as sent), in the order of the outputs."""
        return "\n".join(value for value in self.values.values() if isinstance(value, str))


class RefusedError(Exception):
    """The page answered with an error message: its title, its text (HTML, as sent) and what had come before it."""

    def __init__(self, title: str, text: str, answer: Answer) -> None:
        """Keep the three."""
        super().__init__(f"{title}: {text}")
        self.title, self.text, self.answer = title, text, answer


class Visitor:
    """One browser tab on the page at `url`.

    With `token`, one that Hugging Face's proxy has recognised (`X-IP-Token`).
    """

    def __init__(self, url: str, *, token: str | None = None, patience: float = PATIENCE_SECONDS) -> None:
        """Open the page; `patience` is how many seconds an answer may take."""
        self.patience = patience
        headers = {"x-gradio-user": "app"} | ({"x-ip-token": token} if token else {})
        self.http = httpx.Client(base_url=url, headers=headers, timeout=patience)
        self.session = secrets.token_hex(6)
        self.config = self.http.get("/config").raise_for_status().json()
        self.values = {part["id"]: part["props"].get("value") for part in self.config["components"]}

    def __enter__(self) -> Self:
        """Nothing to do: the page is open."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the tab."""
        self.http.close()

    # --------------------------------------------------------------------------------------------------------- the page

    def component(self, label: str) -> int:
        """The id of the component with this label, or of the button with this text.

        Raises:
            LookupError: the page has none, or more than one.
        """
        parts = self.config["components"]
        found = [part["id"] for part in parts if label in (part["props"].get("label"), button_text(part))]
        if len(found) != 1:
            raise LookupError(f"{len(found)} components are called {label!r}")
        return found[0]

    def upload(self, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
        """Upload files as the page does; what the page would put into a component's value for each."""
        files = [named(picture) for picture in pictures]
        form = [("files", (name, content, mime_type(name))) for name, content in files]
        paths = self.http.post(f"{PREFIX}/upload", files=form).raise_for_status().json() if form else []
        return [file_data(path, name, len(content)) for path, (name, content) in zip(paths, files, strict=True)]

    def put(self, test: Picture | None, references: Sequence[Picture]) -> None:
        """Fill the two inputs."""
        self.values[self.component(TEST_IMAGE)] = None if test is None else self.upload([test])[0]
        uploads = self.upload(references)
        self.values[self.component(REFERENCES)] = [{"image": file, "caption": None} for file in uploads] or None

    def compare(self, test: Picture | None, references: Sequence[Picture], *, on_message: Listener = ignore) -> Answer:
        """Fill the two inputs, press Compare, and wait for the answer, its report included.

        Raises:
            RefusedError: the page answered with an error message.
        """
        self.put(test, references)
        answer = self.click(COMPARE, on_message=on_message)
        answer.report = json.loads(self.take(DOWNLOAD_JSON))
        return answer

    def click(self, button: str, *, on_message: Listener = ignore) -> Answer:
        """Press a button and run all that the page says it runs, `on_message` called with each message as it comes.

        An exception from `on_message` closes the tab in the middle of the work, and goes on to the caller.

        Raises:
            RefusedError: the page answered with an error message; the follow-up events have run all the same.
        """
        answer, trigger = Answer(), self.component(button)
        for event in self.config["dependencies"]:
            if [trigger, "click"] in event["targets"]:
                self._run(event, trigger, answer, on_message)
        return answer

    def take(self, button: str) -> bytes:
        """The content of the file that a button offers, made from the pictures in the inputs.

        Raises:
            RefusedError: the page answered with an error message.
        """
        (taken,) = self.click(button).values.values()
        return base64.b64decode(taken["base64"])

    # -------------------------------------------------------------------------------------------------------- the queue

    def messages(self, event: Mapping[str, Any], trigger: int, data: Any = None) -> Generator[Message, None, None]:
        """Join the queue for one event and yield its messages up to the end.

        Closing the iterator early is closing the tab.

        Raises:
            RefusedError: the queue takes no more visitors.
            TimeoutError: the end does not come; heartbeats alone are no answer.
        """
        body = {
            "data": [self.values.get(part) for part in event["inputs"]],
            "fn_index": event["id"],
            "session_hash": self.session,
            "trigger_id": trigger,
            "event_data": data,
        }
        deadline = time.monotonic() + self.patience
        joined = self.http.post(f"{PREFIX}/queue/join", json=body)
        if joined.is_error:
            raise RefusedError(f"HTTP {joined.status_code}", str(joined.json()["detail"]), Answer())
        with self.http.stream("GET", f"{PREFIX}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no answer within {self.patience} s")
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def _run(
        self, event: Mapping[str, Any], trigger: int, answer: Answer, on_message: Listener, data: Any = None
    ) -> None:
        """Run one event and then those that wait for it; an error is raised when all are through."""
        refusal = None
        try:
            if event["backend_fn"]:
                self._follow(event, trigger, answer, on_message, data)
        except RefusedError as error:
            refusal = error
        for later in self.config["dependencies"]:
            unwanted = "trigger_only_on_success" if refusal else "trigger_only_on_failure"
            if later["trigger_after"] == event["id"] and not later[unwanted]:
                self._run(later, trigger, answer, on_message)
        if refusal:
            raise refusal

    def _follow(self, event: Mapping[str, Any], trigger: int, answer: Answer, on_message: Listener, data: Any) -> None:
        """Read one event's messages into `answer` and the page's values.

        Raises:
            RefusedError: the event ended in an error message, or the stream without a result.
        """
        last: Message = {"msg": "connection_lost", "message": "The stream ended without a result"}
        with closing(self.messages(event, trigger, data)) as messages:
            for message in messages:
                answer.messages.append(message)
                on_message(message)
                last = message if message["msg"] in ("process_completed", "unexpected_error") else last
        if last["msg"] != "process_completed":
            raise RefusedError(last["msg"], last["message"], answer)
        if not last["success"]:
            raise RefusedError(str(last["output"].get("title")), str(last["output"]["error"]), answer)
        self._show(event["outputs"], last["output"]["data"], answer)

    def _show(self, outputs: Sequence[int], data: Sequence[Any], answer: Answer) -> None:
        """Put an event's results into the page; an update without a value leaves the value alone."""
        for part, result in zip(outputs, data, strict=True):
            is_update = isinstance(result, dict) and result.get("__type__") == "update"
            if is_update and "value" not in result:
                continue
            self.values[part] = answer.values[part] = result["value"] if is_update else result


def button_text(part: Mapping[str, Any]) -> str | None:
    """What stands on a button; None for a component of another kind."""
    return part["props"].get("value") if part["type"] == "button" else None


def named(picture: Picture) -> tuple[str, bytes]:
    """Name and content of a picture."""
    return picture if isinstance(picture, tuple) else (Path(picture).name, Path(picture).read_bytes())


def mime_type(name: str) -> str:
    """What a browser says of a file with this name."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def file_data(path: str, name: str, size: int) -> dict[str, Any]:
    """Describe an uploaded file to the server as the page's client does."""
    meta = {"_type": "gradio.FileData"}
    return {"path": path, "orig_name": name, "size": size, "mime_type": mime_type(name), "meta": meta}
