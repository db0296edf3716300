"""Where the time from `python app.py` to the first answered request goes, step by step, in one process.

python bench/budget.py

Wall-clock and processor seconds of each step: on a busy machine only the latter can be compared. The encoder is what
the environment names, as for app.py itself; the steps are taken in the order in which app.py takes them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

LIBRARIES = ("spaces", "gradio", "torch", "transformers")
CLASSES = (
    "SiglipVisionModel",
    "SiglipImageProcessorPil",
)  # transformers imports a model's code when its class is named
OURS = ("encoder", "embedding", "guard", "page.theme", "drawings.examples")  # import all other modules but app.py


class Budget:
    """Seconds by step, wall-clock and processor."""

    def __init__(self) -> None:
        self.steps: dict[str, tuple[float, float]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.steps[name] = (time.perf_counter() - wall, time.process_time() - processor)

    def timed(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """`act`, whose calls are a step."""

        def act_in_time(*arguments: Any, **options: Any) -> Any:
            with self.step(name):
                return act(*arguments, **options)

        return act_in_time

    def table(self) -> str:
        """The steps and their sum in Markdown."""
        total = tuple(map(sum, zip(*self.steps.values(), strict=True)))
        rows = [*self.steps.items(), ("all of it", total)]
        lines = [f"| {name} | {wall:.2f} s | {processor:.2f} s |" for name, (wall, processor) in rows]
        return "\n".join(["| step | wall clock | processors |", "|---|---|---|", *lines])


def main() -> None:
    """Take the steps and print them."""
    budget = Budget()
    for name in LIBRARIES:
        with budget.step(f"import {name}"):
            import_module(name)
    with budget.step(f"import {' and '.join(CLASSES)}"):
        for name in CLASSES:
            getattr(sys.modules["transformers"], name)
    with budget.step("import our own modules"):
        for name in OURS:
            import_module(f"megastyle.{name}")
    encoder: Any = sys.modules["megastyle.encoder"]
    encoder.load_encoder = budget.timed("load the encoder", encoder.load_encoder)
    with budget.step("app.py beside that"):
        app: Any = import_module("app")
    beside, load = budget.steps.pop("app.py beside that"), budget.steps["load the encoder"]
    budget.steps["app.py beside that"] = (beside[0] - load[0], beside[1] - load[1])
    app.build_page = budget.timed("draw the examples and build the page", app.build_page)
    serve(app, budget)


def serve(app: Any, budget: Budget) -> None:
    """Launch, ask for the page once, print the table, and end."""
    import httpx
    from gradio import Blocks

    began = time.perf_counter(), time.process_time()

    def finish(page: Any) -> None:
        httpx.get(page.local_url, timeout=60).raise_for_status()
        page_wall, page_processor = budget.steps["draw the examples and build the page"]
        wall, processor = time.perf_counter() - began[0], time.process_time() - began[1]
        budget.steps["launch and answer"] = (wall - page_wall, processor - page_processor)
        print(budget.table(), flush=True)
        os._exit(0)  # nothing is left to clean up, and the server's threads would go on

    Blocks.block_thread = finish
    app.main()


if __name__ == "__main__":
    main()
