"""Many pictures embedded by the page's own steps, while threads read the next ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from transformers import SiglipImageProcessorPil

from megastyle.comparison import require_unit_rows
from megastyle.embedding import pixel_values, size_of
from megastyle.encoder import Encoder, unit_rows
from megastyle.measuring.picture_set import READERS, Picture, place_of
from megastyle.measuring.store import Store
from megastyle.reading import READER, PictureError

Item = TypeVar("Item")
Result = TypeVar("Result")
Pixels = npt.NDArray[np.float32]

BATCH_SIZE = 16  # pictures at once on an accelerator; a CPU is faster one at a time


def device_of_choice() -> torch.device:
    """The accelerator, if there is one."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def batch_size() -> int:
    """How many pictures are embedded at once."""
    return BATCH_SIZE if device_of_choice().type != "cpu" else 1


def embed(encoder: Encoder, pixels: Sequence[Pixels]) -> npt.NDArray[np.float32]:
    """Embed k pictures of (3, S, S) float32 in [-1, 1]: (k, d) float32 unit rows."""
    device = device_of_choice()
    encoder.model.to(device)
    return unit_rows(encoder.model, torch.from_numpy(np.stack(pixels)).to(device)).cpu().numpy()


def read(picture: Picture, processor: SiglipImageProcessorPil) -> Pixels:
    """The picture's pixel values.

    Raises:
        PictureError: it is refused, or its content is no longer what was looked at.
    """
    found = READER.read(picture.path, size_of(processor), processor.resample)
    if found.digest != picture.sha256:
        raise PictureError("has changed during the run. Start again.")
    return pixel_values([found.square], processor)[0]


def ahead(act: Callable[[Item], Result], items: Iterable[Item], window: int) -> Iterator[tuple[Item, Future[Result]]]:
    """Each item with its result, in order; threads work on the next `window` items while one is used."""
    pool = ThreadPoolExecutor(READERS)
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(act, item)))
            if len(waiting) > window:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        pool.shutdown(cancel_futures=True)


def batches(items: Iterable[tuple[Picture, Pixels]], size: int) -> Iterator[list[tuple[Picture, Pixels]]]:
    """The items, so many at a time."""
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def embed_into(
    store: Store, pictures: Sequence[Picture], encoder: Encoder, advance: Callable[[int], object]
) -> dict[Path, str]:
    """Embed pictures and keep each batch at once; what cannot be read is given with the reason.

    `advance` is called with the number of pictures that are done since the last call.

    Raises:
        ValueError: an embedding is not a finite unit vector; the message names the picture.
        StoreError: an embedding cannot be kept.
    """
    refused: dict[Path, str] = {}
    size = batch_size()

    def readable() -> Iterator[tuple[Picture, Pixels]]:
        for picture, future in ahead(lambda item: read(item, encoder.processor), pictures, READERS + size):
            try:
                yield picture, future.result()
            except PictureError as error:
                refused[picture.path] = str(error)
                advance(1)

    for batch in batches(readable(), size):
        found, pixels = zip(*batch, strict=True)
        rows = embed(encoder, pixels)
        require_unit_rows(rows, [place_of(picture.path) for picture in found])
        store.put([picture.sha256 for picture in found], rows)
        advance(len(batch))
    return refused
