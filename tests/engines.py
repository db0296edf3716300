"""One visit to the page in Firefox and in Safari's engine (WebKitGTK): `python -m engines`, or with a page's address.

It exits with 0 if an engine was found and no visit failed, else with 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from drawn import watercolours
from loopback import WAIT_SECONDS, free_port, serving
from megastyle.demo.__main__ import prepare

IMAGES = "[...document.querySelectorAll('#test img, #references .thumbnail-item img')]"
READY = "Boolean(window.megastyle && document.querySelector('#test input') && document.querySelector('#verdict h2'))"
CHOSEN = (
    f"{IMAGES}.length === 4 && {IMAGES}.every(image => image.naturalWidth) && !document.querySelector('.uploading')"
)
VERDICT = "document.querySelector('#verdict').innerText"
RESULT = f"document.querySelector('#overview svg.ruler') && {VERDICT}"
CLEAR = "[...document.querySelectorAll('#actions button')].find(button => button.innerText === 'Clear all').click()"
LISTEN = """(() => {
    const note = text => { sessionStorage.told = `${sessionStorage.told ?? ""}${text}; `; };
    console.error = (...parts) => note(parts.join(" "));
    window.addEventListener("error", event => note(event.message));
    window.addEventListener("unhandledrejection", event => note(event.reason));
})()"""  # neither protocol tells what stands on the console; the page's own script runs after this
PATHS = {  # WebDriver's, by the names of Marionette
    "SetWindowRect": "/window/rect",
    "Navigate": "/url",
    "Refresh": "/refresh",
    "ExecuteScript": "/execute/sync",
    "FindElement": "/element",
    "ElementSendKeys": "/element/{id}/value",
}
Ask = Callable[..., Any]  # a command and its parameters, which are WebDriver's in both protocols


def until(what: str, ask: Callable[[], Any]) -> Any:
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.1)
    return answer


def start(stack: ExitStack, home: Path, *command: str, **variables: str) -> Path:
    """Run a program, with its home in an empty folder, until the stack is left; gives the file of what it prints."""
    log = home / f"{Path(command[0]).name}.log"
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), **variables}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    stack.callback(process.wait, WAIT_SECONDS)
    stack.callback(process.kill)
    return log


def firefox(stack: ExitStack, home: Path, program: str) -> Ask:
    """Firefox in the protocol of Marionette, its own server, to which geckodriver too translates WebDriver."""
    (home / "user.js").write_text('user_pref("marionette.port", 0);\n')
    start(stack, home, program, "--headless", "--no-remote", "--marionette", "--profile", str(home))
    port = until("Firefox", lambda: "".join(file.read_text() for file in home.glob("MarionetteActivePort")))
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", int(port)), WAIT_SECONDS))
    stream = stack.enter_context(connection.makefile("rb"))

    def read() -> Any:
        length = b"".join(iter(lambda: stream.read(1).strip(b":"), b""))
        return json.loads(stream.read(int(length)))

    def ask(command: str, **params: Any) -> Any:
        message = json.dumps([0, 1, f"WebDriver:{command}", params])
        connection.sendall(f"{len(message)}:{message}".encode())
        _, _, error, result = read()
        assert not error, error["message"]
        return result.get("value", result)

    read()  # it introduces itself
    ask("NewSession")
    return ask


def webkit(stack: ExitStack, home: Path, driver: str, screen: str) -> Ask:
    """WebKitGTK's MiniBrowser, on a screen that nobody sees, in WebDriver."""
    log, port = start(stack, home, screen, "-displayfd", "1", "-screen", "0", "1400x1000x24"), free_port()
    display = until("a screen", lambda: re.match(r"\d+\n", log.read_text()))[0].strip()
    start(stack, home, driver, f"--port={port}", DISPLAY=f":{display}", GDK_BACKEND="x11")
    http = stack.enter_context(httpx.Client(timeout=WAIT_SECONDS, transport=httpx.HTTPTransport(retries=6)))
    address = f"http://127.0.0.1:{port}/session"

    def post(path: str, params: dict[str, Any]) -> Any:
        answer = http.post(address + path, json=params).json()["value"]
        assert not isinstance(answer, dict) or "error" not in answer, answer
        return answer

    address += "/" + post("", {"capabilities": {}})["sessionId"]
    stack.callback(http.delete, address)
    return lambda command, **params: post(PATHS[command].format(**params), params)


def visit(ask: Ask, url: str, home: Path) -> Iterator[str]:
    """Go through the page, and say what was seen; an `AssertionError` says what was not."""
    files = [home / str(file["name"]) for file in watercolours(4)]
    for path, file in zip(files, watercolours(4), strict=True):
        path.write_bytes(file["buffer"])

    def load(command: str, **params: str) -> None:
        ask(command, **params)
        run(LISTEN)
        until("the page", lambda: run(READY))

    def run(script: str) -> Any:
        return ask("ExecuteScript", script=f"return {script}", args=[])

    def send(slot: str, *paths: Path) -> None:
        (element,) = ask("FindElement", using="css selector", value=f"#{slot} input[type=file]").values()
        ask("ElementSendKeys", id=element, text="\n".join(map(str, paths)))

    def compare() -> str:
        send("test", files[0])
        send("references", *files[1:])
        until("what was chosen", lambda: run(CHOSEN))
        run("document.querySelector('#compare').click()")
        return until("a result", lambda: run(RESULT))

    ask("SetWindowRect", width=1280, height=900)
    load("Navigate", url=url)
    empty = run(VERDICT)
    yield f"{run('navigator.userAgent')}: {empty.splitlines()[0]}"
    result = compare()
    yield f"Compare: {' '.join(result.split()[:9])}"
    load("Refresh")
    until("the pictures after a reload", lambda: run(CHOSEN))
    until("the result after a reload", lambda: run(RESULT) == result)
    yield "a reload: pictures and result are there again"
    run("document.querySelector('#take-json').click()")
    name = f"{files[0].stem}-megastyle.json"
    saved = until(name, lambda: [path for path in home.rglob(name) if path.stat().st_size])
    yield f"Download JSON: {name} names {len(json.loads(saved[0].read_bytes())['names'])} pictures"
    run(CLEAR)
    until("the start after Clear all", lambda: not run(f"{IMAGES}.length") and run(VERDICT) == empty)
    assert compare() == result, "the same pictures gave another result"
    yield "Clear all: the start, and then the same result from the same pictures"
    told = run("sessionStorage.told")
    assert not told, f"the console: {told}"
    yield "the console: no error"


def passes(name: str, engine: Callable[..., Ask], programs: list[str | None], url: str) -> bool:
    """Whether a visit in this engine comes to its end; says what was seen."""
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, ExitStack() as stack:
            for seen in visit(engine(stack, Path(home), *programs), url, Path(home)):
                print(f"{'ok':<6}{name:<11}{seen}", flush=True)  # noqa: T201 - a program that prints
    except (AssertionError, LookupError, ValueError, OSError, httpx.HTTPError) as error:
        print(f"{'FAIL':<6}{name:<11}{error or type(error).__name__}", flush=True)  # noqa: T201
        return False
    return True


ENGINES: dict[str, tuple[Callable[..., Ask], list[str | None], str]] = {
    "Firefox": (firefox, [shutil.which("firefox-esr") or shutil.which("firefox")], "firefox-esr"),
    "WebKitGTK": (webkit, [shutil.which("WebKitWebDriver"), shutil.which("Xvfb")], "webkit2gtk-driver xvfb"),
}


def main() -> int:
    """Visit in each engine that is here, and give the exit code."""
    found = []
    for name, (engine, programs, packages) in ENGINES.items():
        if all(programs):
            found.append((name, engine, programs))
        else:
            print(f"{name} is missing; on Debian: apt-get install {packages}", flush=True)  # noqa: T201
    with ExitStack() as stack:
        url = "".join(sys.argv[1:])
        if found and not url:
            temp = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            environment = {**os.environ, **prepare(), "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
            url = stack.enter_context(serving(environment, Path(temp)))
        passed = [passes(*engine, url) for engine in found]
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
