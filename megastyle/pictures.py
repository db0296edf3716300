"""A picture file of a visitor: decoded upright into pixel values and thumbnails, or refused in the visitor's words."""

from __future__ import annotations

import base64
import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

if TYPE_CHECKING:  # nothing of the page needs torch, which transformers imports
    from transformers import SiglipImageProcessorPil

log = logging.getLogger(__name__)
warnings.filterwarnings("ignore", module=r"PIL\.")  # for good: `catch_warnings` is not safe in the threads that read

FORMATS = {  # Pillow's name -> the visitor's; decoded in this process. A phone's MPO opens as JPEG
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "GIF": "GIF",
    "TIFF": "TIFF",
    "BMP": "BMP",
    "AVIF": "AVIF",
}
FORMATS_IN_WORDS = " or ".join([", ".join([*FORMATS.values()][:-1]), [*FORMATS.values()][-1]])
MAX_FILE_BYTES = 32 * 2**20  # a high-quality JPEG of MAX_PIXELS has about 30 MB
MAX_PIXELS = 8192 * 8192  # width x height, as large phones make them. Decoding takes at most 1 GB (WebP, measured)
MAX_SIDE = 65_535  # pixels, JPEG's own maximum: each row costs memory, however short it is
RLE_COMPRESSIONS = (1, 2)  # of BMP: Pillow decodes them in Python, 10 s for a file of 33 KB (measured)
TIFF_BITS, TIFF_PHOTOMETRIC, TIFF_PLANAR = 258, 262, 284  # tag numbers, TIFF 6.0
WHITE_IS_ZERO, SEPARATE_PLANES = 0, 2  # values of the latter two
GRAY_LEVELS = np.round(np.arange(2**16) / 257).astype(np.uint8)  # (65536,) 16-bit gray to the nearest of 8 bits
THUMBNAIL_SIDES = (384, 192, 48)  # pixels of the longer side, twice what the page shows for sharp screens
THUMBNAIL_QUALITY = 72  # of WebP: a comparison of nine sends less than 160 KB to the browser

DAMAGE = (  # what Pillow's decoders raise on damaged files; anything else is a fault of this program or of an upgrade
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
)
GONE = "is no longer on the server. Choose it again."
TOO_MANY_PIXELS = (
    f"has too many pixels; at most {MAX_PIXELS // 10**6} megapixels are read, and {MAX_SIDE} on a side. "
    "Save a smaller copy."
)
TOO_MUCH_MEMORY = "takes more memory than there is. Save a smaller copy."
OUR_FAULT = (
    "could not be read, through a fault of this page and not of the picture. Try again later, or save it as a PNG."
)


class PictureError(ValueError):
    """A picture is refused; the message says why and what to do, in words for the visitor, without the file's name."""


class Thumbnail(NamedTuple):
    """One picture in three sizes, as data URIs: for the test image, for the list, for the matrix."""

    large: str
    medium: str
    small: str


@contextmanager
def refusing(reason: str) -> Iterator[None]:
    """Turn what a decoder raises on a damaged file into a PictureError with this reason.

    Whatever else is raised is not the picture's fault: the log gets its traceback, which names no file.
    """
    try:
        yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(TOO_MANY_PIXELS) from error
    except MemoryError as error:
        raise PictureError(TOO_MUCH_MEMORY) from error
    except DAMAGE as error:
        raise PictureError(reason) from error
    except Exception as error:
        log.exception("A picture could not be read, and the fault is not the picture's")
        raise PictureError(OUR_FAULT) from error


def read_file(path: str | Path) -> bytes:
    """A file's content, as it is.

    Raises:
        PictureError: the file is gone, empty or too large.
    """
    with refusing(GONE):
        if not Path(path).is_file():  # a named pipe would block the reader for ever
            raise FileNotFoundError(path)
        size = Path(path).stat().st_size
        if not size:
            raise PictureError("is empty. Choose it again.")
        if size > MAX_FILE_BYTES:
            raise PictureError(f"is larger than {MAX_FILE_BYTES // 2**20} MB. Save a smaller copy.")
        return Path(path).read_bytes()


def open_header(file: io.BytesIO) -> Image.Image:
    """The picture with its header read and no pixel decoded.

    It is opened from a file object, so that no file name decides which decoder is asked.

    Raises:
        PictureError: it is no picture of FORMATS.
    """
    with refusing(f"is not a picture that can be read. Use {FORMATS_IN_WORDS}."):
        return Image.open(file, formats=tuple(FORMATS))


def require_readable(image: Image.Image) -> None:
    """Refuse, before any pixel is decoded, what is too large and what Pillow would read wrongly or very slowly.

    Raises:
        PictureError: the picture is refused.
    """
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise PictureError(TOO_MANY_PIXELS)
    if image.mode in ("I", "F"):
        reason = "stores brightness as 32-bit numbers without saying which number is white."
        raise PictureError(f"{reason} Save it as an 8-bit PNG or JPEG.")
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    bits = tags.get(TIFF_BITS, (8,))
    gray16 = bool(tags) and image.mode.startswith("I;16")
    odd_gray = gray16 and (bits != (16,) or tags.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO)
    if odd_gray or (max(bits) > 8 and tags.get(TIFF_PLANAR) == SEPARATE_PLANES):
        raise PictureError("is a kind of TIFF that would be read wrongly. Save it as an 8-bit PNG or JPEG.")
    if image.format == "BMP" and image.info.get("compression") in RLE_COMPRESSIONS:
        raise PictureError("is a run-length encoded BMP. Save it as PNG.")


def to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB as upstream's `convert("RGB")` gives it; 16-bit gray is scaled where that would clip it to white."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray(GRAY_LEVELS[np.asarray(image)])
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    rgb.info.pop("transparency", None)  # transformers 5.24's processor would paint pixels of that colour white
    return rgb


def decode(content: bytes) -> Image.Image:
    """The picture in a file's content, upright, in 8-bit RGB; of an animation the first frame.

    The EXIF orientation is applied here and nowhere else, so that what is scored is what the visitor sees upright. It
    is the one deliberate difference from upstream.

    Raises:
        PictureError: it is no picture of FORMATS, too large, damaged, or of a kind that would be read wrongly.
    """
    file = io.BytesIO(content)
    image = open_header(file)
    with refusing("is damaged or cut short. Save or download it again."):
        require_readable(image)
        if image.format == "PNG":  # its decoder checks neither all checksums nor the end
            image.verify()
            file.seek(0)
            image = open_header(file)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image)


def pixel_values(image: Image.Image, processor: SiglipImageProcessorPil) -> npt.NDArray[np.float32]:
    """(3, height, width) of `processor.size`, float32 in [-1, 1], of an RGB picture; its aspect ratio is not kept.

    Pillow resizes the picture before the processor sees it, whose own resize then has nothing to do: the same pixels to
    the bit, without the processor's copies of the full picture.

    Raises:
        PictureError: there is not enough memory.
    """
    size: Any = processor.size
    with refusing(TOO_MUCH_MEMORY):
        square = image.resize((size["width"], size["height"]), resample=processor.resample)
        return processor(images=square, return_tensors="np")["pixel_values"][0]


def thumbnail_of(image: Image.Image) -> Thumbnail:
    """An RGB picture in the sizes of THUMBNAIL_SIDES, as WebP in data URIs.

    The picture itself is shrunk, because a second copy of a large one would cost 256 MB.

    Raises:
        PictureError: there is not enough memory.
    """
    uris = []
    with refusing(TOO_MUCH_MEMORY):
        for side in THUMBNAIL_SIDES:
            image.thumbnail((side, side), reducing_gap=2.0)
            file = io.BytesIO()
            image.save(file, "WEBP", quality=THUMBNAIL_QUALITY)
            uris.append("data:image/webp;base64," + base64.b64encode(file.getvalue()).decode())
    return Thumbnail(*uris)
