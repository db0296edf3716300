"""What a call of the GPU function cost, told in the log by the process that ran it.

ZeroGPU runs the function in a worker that is forked from the app. Nothing that a worker changes in memory comes back,
but its standard error is the app's own, so its lines stand in the Space's log.
"""

from __future__ import annotations

import logging
import os
import time
from types import TracebackType
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger(__name__)


def device_name(device: torch.device) -> str:
    """What the log calls a device: a GPU by its model, because that decides what a second is worth."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


class Meter:
    """Times the calls that are made in one process, and knows whether that process is a forked worker.

    Attributes:
        forked: when this process was forked, in seconds of `time.monotonic`; None in the one that made the meter.
        calls: how many calls were made here since then.
    """

    def __init__(self) -> None:
        """Begin to watch for forks."""
        self.forked: float | None = None
        self.calls = 0
        os.register_at_fork(after_in_child=self.note_fork)

    def note_fork(self) -> None:
        """This process is a new worker."""
        self.forked, self.calls = time.monotonic(), 0

    def call(self, pictures: int, seconds_asked: int | None) -> Call:
        """A call that begins now; `seconds_asked` is None where nobody is asked for a GPU."""
        self.calls += 1
        return Call(self, pictures, seconds_asked)


class Call:
    """One call of the GPU function: a context, around moving the model and the forward pass."""

    def __init__(self, meter: Meter, pictures: int, seconds_asked: int | None) -> None:
        self._meter, self._pictures, self._seconds_asked = meter, pictures, seconds_asked
        self._began = self._moved = time.monotonic()
        self._device = "an unknown device"

    def __enter__(self) -> Self:
        """The call has begun when it was made."""
        return self

    def moved(self, device: torch.device) -> None:
        """The model is on `device` now; what follows is the forward pass, with the rows' way back."""
        self._moved, self._device = time.monotonic(), device_name(device)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log one line, unless the call failed: the app logs that."""
        if kind:
            return
        now, asked = time.monotonic(), self._seconds_asked
        log.info(
            "embed: pictures %d, device %s, asked %s, %s, moving %.2f s, forward %.2f s",
            self._pictures,
            self._device,
            "for no GPU" if asked is None else f"{asked} s",
            self._worker(),
            self._moved - self._began,
            now - self._moved,
        )

    def _worker(self) -> str:
        """Where the call ran; a cold worker has just been forked, and has spent time before the call began."""
        if self._meter.forked is None:
            return "no worker"
        if self._meter.calls > 1:
            return "warm worker"
        return f"cold worker, fork to call {self._began - self._meter.forked:.2f} s"
