"""Reading in processes of their own, against reading in the app: nine photographs of two megapixels, two at a time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from megastyle import pictures
from megastyle.reading import PLACES_EACH, Reader

PHOTOGRAPHS, SIZE = 9, (1632, 1224)  # pixels: two megapixels
SQUARE, BICUBIC = (384, 384), 3
ROUNDS = 5  # of each, which take turns; the best counts


class Seconds(NamedTuple):
    """What reading PHOTOGRAPHS takes: by processes, and by threads of this one."""

    processes: float
    threads: float


def photographs() -> list[bytes]:
    """JPEGs with detail in every size, as photographs have it."""
    made = []
    for seed in range(PHOTOGRAPHS):
        rng, values = np.random.default_rng(seed), np.zeros((SIZE[1], SIZE[0], 3), np.float32)
        for cells in (4, 16, 64, 256, 1024):
            coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            values += np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC), np.float32) / 5
        file = io.BytesIO()
        Image.fromarray(values.astype(np.uint8)).save(file, "JPEG", quality=90)
        made.append(file.getvalue())
    return made


def read_in_processes_and_threads() -> Seconds:
    """Both, in turns, once the processes have started."""
    files, reader = photographs(), Reader()

    def seconds(read: Callable[[bytes], object]) -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(PLACES_EACH) as pool:
            list(pool.map(read, files))
        return time.perf_counter() - began

    def in_process(content: bytes) -> object:
        return reader.read(content, SQUARE, BICUBIC, visitor="bench")

    seconds(in_process)
    rounds = [
        (seconds(in_process), seconds(lambda content: pictures.read(content, SQUARE, BICUBIC))) for _ in range(ROUNDS)
    ]
    reader.close()
    return Seconds(*map(min, zip(*rounds, strict=True)))


if __name__ == "__main__":
    found = read_in_processes_and_threads()
    print(
        f"processes {found.processes:.3f} s, threads {found.threads:.3f} s, ratio {found.processes / found.threads:.2f}"
    )
