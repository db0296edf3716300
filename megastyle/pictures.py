"""What a picture file shows: an upright square of pixels, thumbnails and remarks, or a refusal in the visitor's words.

Decoders written in C meet files of strangers here. Therefore this runs in processes of its own: an interpreter that
never sees a picture forks a child for each one, and the child ends with it. `reading.py` is the app's side of it.
It needs Pillow and the standard library alone.
"""

from __future__ import annotations

import copy  # noqa: F401 - imported by decoders, as all below that is not used here: a child may open no file
import errno
import io
import os
import re
import select
import signal
import socket
import struct
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401 - for EXIF
    WebPImagePlugin,  # noqa: F401
)

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

FORMATS = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "GIF": "GIF", "BMP": "BMP", "AVIF": "AVIF"}  # Pillow's: ours
FORMATS_IN_WORDS = " or ".join([", ".join([*FORMATS.values()][:-1]), [*FORMATS.values()][-1]])
MAX_FILE_BYTES = 32 * 2**20  # a high-quality JPEG of MAX_PIXELS has about 30 MB
MAX_PIXELS = 8192 * 8192  # width x height, as large phones make them
MAX_SIDE = 65_535  # pixels, JPEG's own maximum: each row costs memory, however short it is
THUMBNAIL_SIDES = (384, 192, 48)  # pixels of the longer side, twice what the page shows for sharp screens
THUMBNAIL_QUALITY = 72  # of WebP: a comparison of nine sends less than 160 KB to the browser
GRAY_LEVELS = [(level + 128) // 257 for level in range(2**16)]  # 16-bit gray to the nearest of 8 bits

TRANSPARENT, WIDE_GAMUT, SQUASHED, TINY = "transparent", "wide-gamut", "squashed", "tiny"
REMARKS = (TRANSPARENT, WIDE_GAMUT, SQUASHED, TINY)
SQUASHED_ABOVE = 2.0  # longer by shorter side; in the encoder's square circles become ellipses of this ratio
TINY_BELOW = 128  # pixels of the shorter side: of the encoder's 384, two thirds and more are interpolated
SRGB_NUMBERS = (45455, 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)  # of a PNG's gAMA and cHRM
SRGB_PRIMARIES, SRGB_TRANSFERS = (1, 2, 5, 6), (1, 2, 6, 13, 14, 15)  # ITU-T H.273: sRGB, unknown, or close to sRGB
COLOURS = ((192, 64, 64), (64, 192, 64), (64, 64, 192), (128, 128, 128))  # that a profile is tried on
FAR = 10  # of 255 levels, in which a profile's colour and sRGB's differ visibly
PROFILE_BYTES = 4 * 2**20  # of an unpacked profile; browsers take no more either

SLOW_SECONDS = 2  # after which a child takes only what others leave of the processors
WALL_SECONDS = 30  # for a child that gets no processor, or waits for nothing
LOOK_SECONDS = 5  # how often an idle process looks whether the app still lives

EMPTY = "is empty. Choose it again."
GONE = "is no longer on the server. Choose it again."
TOO_LARGE = f"is larger than {MAX_FILE_BYTES // 2**20} MB. Save a smaller copy."
TOO_MANY_PIXELS = (
    f"has too many pixels; at most {MAX_PIXELS // 10**6} megapixels are read, and {MAX_SIDE} on a side. "
    "Save a smaller copy."
)
TOO_MUCH = "takes too long or too much memory to read. Save it as a new PNG or JPEG."
DAMAGED = "is damaged or cut short. Save or download it again."
NO_PICTURE = f"is not a picture that can be read. Use {FORMATS_IN_WORDS}."
HEIC = (
    "is a HEIC picture, which is not read here. On an iPhone choose Settings > Camera > Formats > Most Compatible, or "
    "share it as JPEG."
)
PNG_PAYLOADS = (b"eXIf", b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM")
TURNS = {  # EXIF's orientations
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
KINDS = (  # what a file that no decoder opens begins with, and what is said of it; the first that matches counts
    (rb"II[*+]\0|MM\0[*+]", "is a TIFF, which is not read here. Save it as PNG."),
    (rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|GIF8|BM....\0{4}|.{4}ftyp.{0,40}avi[fs]", DAMAGED),
    (rb".{4}ftyp(he|mif1|msf1)", HEIC),
    (rb".{4}ftyp|\x1aE\xdf\xa3", "is a film. Save one frame of it as PNG."),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "is a JPEG XL, which is not read here. Save it as PNG or JPEG."),
    (rb"%PDF", "is a PDF. Save the picture in it as PNG."),
    (rb"8BPS", "is a Photoshop document. Export it as PNG."),
    (rb"(\xef\xbb\xbf)?\s*<(!doctype\s+)?html", "is a web page. Save the picture itself and choose that."),
    (rb"(\xef\xbb\xbf)?\s*<([?!].*<)?svg", "is an SVG, a drawing without pixels. Export it as PNG."),
)


class Limits(NamedTuple):
    """What reading one picture may take."""

    address_space: int  # bytes
    cpu_seconds: int


LIMITS = Limits(
    address_space=1300 * 2**20,  # pictures of MAX_PIXELS take 500 to 700 MB, as WebP 1,200 (measured)
    cpu_seconds=5,  # the slowest good picture took 2.9 s (measured)
)


class PictureError(ValueError):
    """A picture is refused; the message says why and what to do, in words for the visitor, without the file's name."""


class Thumbnail(NamedTuple):
    """One picture in three sizes, as data URIs: for the test image, for the list, for the matrix."""

    large: str
    medium: str
    small: str


# ------------------------------------------------------------------------------------------------------------- refusals


@contextmanager
def refusing(reason: str, probe_bytes: int = 0) -> Iterator[None]:
    """Turn what Pillow raises on a damaged file into a PictureError with this reason.

    The decoders of WebP and AVIF fail in one way for damage and for want of memory. It was want of memory if
    `probe_bytes` cannot be had either. Any other exception is not the picture's fault and goes through.
    """
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:
        raise PictureError(TOO_MUCH) from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        LookupError,
        ArithmeticError,
        RuntimeError,
        struct.error,
    ) as error:
        if getattr(error, "errno", None) not in (None, errno.ENOMEM):  # of the system; Pillow's own have no number
            raise
        try:
            bytearray(probe_bytes)
        except MemoryError:
            raise PictureError(TOO_MUCH) from error
        raise PictureError(reason) from error


def reason_of(content: bytes) -> str:
    """Why a file that no decoder opens is refused."""
    matches = (reason for start, reason in KINDS if re.match(start, content[:1024], re.DOTALL | re.IGNORECASE))
    return next(matches, NO_PICTURE)


def require_size(width: int, height: int) -> None:
    """Refuse a picture that is too large, before any pixel is decoded.

    Raises:
        PictureError: it has more than MAX_PIXELS, or a side longer than MAX_SIDE.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(TOO_MANY_PIXELS)


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height by the header of a WebP; its decoder takes memory for the pixels before Pillow knows them."""
    if content[12:16] == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    at, more = (21, 1) if content[12:16] == b"VP8L" else (26, 0)
    shift = 14 if more else 16
    bits = int.from_bytes(content[at : at + 4], "little")
    return (bits & 0x3FFF) + more, (bits >> shift & 0x3FFF) + more


# ------------------------------------------------------------------------------------------------------ what files say


def essential_png(content: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """A PNG without what its pixels do not need, and the payloads of the other chunks that stand before the pixels.

    Pillow refuses profiles and texts that are large or damaged; browsers pass over them. A chunk that is cut stays, so
    that Pillow refuses the file.
    """
    kept, payloads, place, kind = [content[:8]], dict[bytes, bytes](), 8, b""
    while place + 8 <= len(content) and kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, place)
        chunk = content[place : place + length + 12]
        place += length + 12
        if not kind[0] & 32 or kind == b"tRNS" or place > len(content):  # a small first letter says: not essential
            kept.append(chunk)
        elif kind in PNG_PAYLOADS and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big"):
            payloads.setdefault(kind, b"" if b"IDAT" in payloads else chunk[8:-4])
        if kind == b"IDAT":
            payloads[kind] = b""
    return b"".join(kept), payloads


def orientation_in(exif: bytes) -> int:
    """The orientation that an EXIF block holds, as Chromium wants it: one SHORT in the first directory; else 1."""
    with suppress(struct.error, KeyError):
        order = {b"II*\0": "<", b"MM\0*": ">"}[bytes(exif[6:10])]
        start = 6 + struct.unpack_from(order + "I", exif, 10)[0]
        for entry in range(struct.unpack_from(order + "H", exif, start)[0]):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, start + 2 + 12 * entry)
            if (tag, kind, count) == (0x0112, 3, 1) and 1 <= value <= 8:
                return value
    return 1


def is_far_from_srgb(profile: bytes) -> bool:
    """Whether a colour profile shows some colour of COLOURS visibly otherwise than sRGB does; False if it is broken."""
    colours = Image.new("RGB", (len(COLOURS), 1))
    colours.putdata(COLOURS)
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(colours, opened, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):  # also if it is no profile of RGB
        return False
    pairs = zip(colours.tobytes(), shown.tobytes() if shown else b"", strict=True)
    return max(abs(value - other) for value, other in pairs) > FAR


def is_shown_otherwise(image: Image.Image, content: bytes, payloads: Mapping[bytes, bytes]) -> bool:
    """Whether a file says that its numbers are not sRGB, in the order in which Chromium asks (seen in Chromium 156)."""
    profile = image.info.get("icc_profile", b"")
    if packed := payloads.get(b"iCCP"):
        with suppress(zlib.error):
            profile = zlib.decompressobj().decompress(packed[packed.find(b"\0") + 2 :], PROFILE_BYTES)
    at = content.find(b"colrnclx", 0, 2**16) + 8 if image.format == "AVIF" and not profile else len(content)
    points = payloads.get(b"cICP", b"")[:2] or content[at + 1 : at + 4 : 2]  # primaries and transfer, ITU-T H.273
    if len(points) == 2:
        return points[0] not in SRGB_PRIMARIES or points[1] not in SRGB_TRANSFERS
    if profile:
        return is_far_from_srgb(profile)
    numbers = payloads.get(b"gAMA", b"") + payloads.get(b"cHRM", b"")  # the latter alone says nothing
    if b"sRGB" in payloads or len(numbers) not in (4, 36) or b"gAMA" not in payloads:
        return False
    said = struct.unpack(f">{len(numbers) // 4}I", numbers)
    return any(abs(number - srgb) > srgb // 20 for number, srgb in zip(said, SRGB_NUMBERS, strict=False))


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel of a decoded picture is not opaque."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in ("LA", "PA", "RGBA") else image.convert("RGBA")
    return alpha.getchannel("A").getextrema() != (255, 255)


# -------------------------------------------------------------------------------------------------------------- reading


def decode(content: bytes) -> tuple[Image.Image, list[str]]:
    """The picture in a file's content, upright, in 8-bit RGB, with its remarks; of an animation the first frame.

    It is upstream's `convert("RGB")` with two differences. 16-bit gray is scaled, which that would clip to white. And
    what is scored is what the visitor sees upright, as Chromium turns it. Seen in Chromium 156, for each format:

        JPEG   EXIF, wherever the segment stands; not XMP
        PNG    an eXIf chunk before the pixels; neither XMP nor EXIF as text
        AVIF   the properties irot and imir; neither EXIF nor XMP
        WebP   neither EXIF nor XMP
        GIF, BMP   nothing

    Raises:
        PictureError: it is no picture of FORMATS, too large, damaged, or takes too much memory.
    """
    if not content:
        raise PictureError(EMPTY)
    payloads: dict[bytes, bytes] = {}
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        content, payloads = essential_png(content)
    if re.match(rb"RIFF....WEBP", content, re.DOTALL):
        require_size(*webp_size(content))
    file = io.BytesIO(content)  # not a name, which would decide which decoder is asked
    with refusing(reason_of(content)):
        image: Image.Image = Image.open(file, formats=tuple(FORMATS))
    require_size(*image.size)
    with refusing(DAMAGED, 8 * image.width * image.height):
        if image.format == "PNG":  # its decoder checks neither all checksums nor the end
            image.verify()
            image = Image.open(file, formats=("PNG",))
        image.load()
        exif = b"Exif\0\0" + payloads.get(b"eXIf", b"") if image.format == "PNG" else image.info.get("exif", b"")
        turn = TURNS.get(orientation_in(exif)) if image.format in ("JPEG", "PNG", "AVIF") else None
        sides = sorted(image.size)
        found = {
            TRANSPARENT: is_transparent(image),
            WIDE_GAMUT: is_shown_otherwise(image, content, payloads),
            SQUASHED: sides[1] > SQUASHED_ABOVE * sides[0],
            TINY: sides[0] < TINY_BELOW,
        }
        if image.mode.startswith("I;16"):
            image = image.convert("I").point(GRAY_LEVELS, "L")
        if image.mode != "RGB":
            image = image.convert("RGB")
        if turn is not None:
            image = image.transpose(turn)
    return image, [remark for remark in REMARKS if found[remark]]


def read(content: bytes, size: tuple[int, int], resample: int) -> list[bytes]:
    """What a file shows, in bytes: its remarks, the square of `size` (height x width x 3), and three thumbnails (WebP).

    The picture itself is shrunk to the thumbnails, because a second copy of a large one would cost 256 MB.

    Raises:
        PictureError: the file is refused.
    """
    image, remarks = decode(content)
    parts = [" ".join(remarks).encode()]
    with refusing(TOO_MUCH):
        parts.append(image.resize(size, Image.Resampling(resample)).tobytes())
        for side in THUMBNAIL_SIDES:
            image.thumbnail((side, side), reducing_gap=2.0)
            file = io.BytesIO()
            image.save(file, "WEBP", quality=THUMBNAIL_QUALITY)
            parts.append(file.getvalue())
    return parts


# ------------------------------------------------------------------------------------------------------- in the process

REQUEST = struct.Struct(">IIII")  # width and height of the square, resample, bytes of the content, which follows
LENGTH = struct.Struct(">I")  # of an answer and of each of its parts
ENDED = b"\xff\xff\xff\xff"  # in place of a length: the child has ended
READ, REFUSED, FAULT = b"read", b"refused", b"fault"  # the first part of an answer


def prepare_pillow() -> None:
    """Let Pillow read pixels and nothing else, and open no file any more.

    An index of several pictures (MP) and the resolution in EXIF are not needed; reading them refuses good files, or
    takes memory without a bound. AVIF's threads would count as processes.
    """
    Image._initialized = 2  # noqa: SLF001 - all plugins are here
    Image.MAX_IMAGE_PIXELS = None  # `require_size` says it in the visitor's words
    for name in ("_getmp", "_read_dpi_from_exif"):
        setattr(JpegImagePlugin.JpegImageFile, name, lambda _: None)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def limit_resources(limits: Limits) -> None:
    """Bound this process for good, as far as the system can; it may have no file, child or core at all."""
    bounds = {"AS": limits.address_space, "CPU": limits.cpu_seconds, "FSIZE": 0, "NPROC": 0, "CORE": 0, "NOFILE": 0}
    for name, most in bounds.items():
        with suppress(AttributeError, ValueError, OSError):  # macOS lacks some
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def exactly(count: int, receive: Callable[[memoryview], int]) -> bytes:
    """So many bytes of a connection; no end of it is waited for, which a forked process of the app may keep away.

    Raises:
        ConnectionError: it has ended.
    """
    data = bytearray(count)
    rest = memoryview(data)
    while rest:
        if not (got := receive(rest)):
            raise ConnectionError("the other side has ended")
        rest = rest[got:]
    return bytes(data)


def framed(parts: Sequence[bytes]) -> bytes:
    """An answer of several parts, as `parts_of` takes it apart."""
    body = b"".join(LENGTH.pack(len(part)) + part for part in parts)
    return LENGTH.pack(len(body)) + body


def parts_of(body: bytes) -> list[bytes]:
    """The parts of an answer; of anything else parts that say nothing."""
    parts, place = [], 0
    while place < len(body):
        start = place + LENGTH.size
        place = start + int.from_bytes(body[place:start], "big")
        parts.append(body[start:place])
    return parts


def answer(channel: socket.socket, limits: Limits) -> None:
    """Read the one picture that is asked for, and tell what became of it."""
    channel.settimeout(None)
    *size, resample, length = REQUEST.unpack(exactly(REQUEST.size, channel.recv_into))
    content = exactly(length, channel.recv_into)
    limit_resources(limits)
    try:
        parts = [READ, *read(content, (size[0], size[1]), resample)]
    except PictureError as error:
        parts = [REFUSED, str(error).encode()]
    except MemoryError:
        parts = [REFUSED, TOO_MUCH.encode()]
    except Exception:  # noqa: BLE001 - the app's log gets it
        parts = [FAULT, traceback.format_exc(limit=-8)[-4000:].encode()]
    channel.sendall(framed(parts))


def answer_in_child(channel: socket.socket, limits: Limits) -> bool:
    """`answer` in a child, which is gone afterwards: it has ended, or its time was over, or nobody waits any more."""
    ended, held = os.pipe()  # the child alone holds the second one
    if not (child := os.fork()):
        try:
            os.dup2(1, 2)  # decoders' own words are nobody's
            with suppress(OSError):  # if the machine runs out of memory, this process goes and not the app
                Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
            answer(channel, limits)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(held)
    watch = select.poll()
    watch.register(ended, select.POLLIN)
    watch.register(channel, 0)  # tells only that the app has shut it down
    if not watch.poll(SLOW_SECONDS * 1000):
        os.setpriority(os.PRIO_PROCESS, child, 19)
        watch.poll(WALL_SECONDS * 1000)
    os.kill(child, signal.SIGKILL)
    os.close(ended)
    return os.waitpid(child, 0)[1] == 0


def serve(channel: socket.socket, limits: Limits) -> None:
    """Answer one request after the other, each in a child; where the system cannot fork, answer one."""
    if not hasattr(os, "fork"):
        answer(channel, limits)
        channel.sendall(ENDED)
        return
    app = os.getppid()
    while os.getppid() == app:
        channel.settimeout(LOOK_SECONDS)
        try:
            if not channel.recv(1, socket.MSG_PEEK):  # of a request's numbers; the content is left to the child
                return
        except TimeoutError:
            continue
        whole = answer_in_child(channel, limits)
        channel.sendall(ENDED)
        if not whole:  # a part of its request may be left in the connection
            return


def main() -> None:
    """Serve the app through standard input, which is a socket."""
    prepare_pillow()
    if sys.platform == "win32":
        channel = socket.fromshare(sys.stdin.buffer.read())
    else:
        channel = socket.socket(fileno=0)
    with suppress(OSError):  # the app has ended
        serve(channel, Limits(*map(int, sys.argv[-2:])))
