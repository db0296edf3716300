"""Picture files of every kind that a visitor may upload, each with what must become of it.

Every file is written here, by Pillow where it can write the kind, else byte by byte. A case that is to be scored
carries its oracle: the picture that the file shows, upright, as (height, width, 3) uint8. Where the format is lossless
the oracle is what was put in; where it is not (JPEG, lossy WebP, AVIF) it is what Pillow decodes, turned upright by
`upright` below. A case that is to be refused carries a pattern of the message.
"""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Pixels = npt.NDArray[np.uint8]
Order = Literal["<", ">"]  # of a TIFF's bytes: little or big endian

ORDERS: tuple[tuple[Order, str], ...] = (("<", "little"), (">", "big"))
WIDTH, HEIGHT = 64, 48  # neither square nor symmetric, so that a wrong turn shows
ORIENTATION = 0x0112  # EXIF
TEN_PLACES = range(5, 100, 10)  # percent of the file that is left

NO_PICTURE = "is not a picture that can be read"
DAMAGED = "is damaged or cut short"
CUT = f"{DAMAGED}|{NO_PICTURE}"  # the latter where not even the header is whole
EMPTY = "is empty"
TOO_LARGE = "pixels"
DEEP = "32-bit numbers"
RARE_TIFF = "kind of TIFF"
RUN_LENGTHS = "run-length"


class Case(NamedTuple):
    """One file of the corpus: scored as `picture` says, or refused with a message that matches `refusal`."""

    name: str
    data: bytes
    picture: Pixels | None
    refusal: str | None


def scored(name: str, data: bytes, picture: npt.NDArray[Any]) -> Case:
    """A file that shows `picture`, (height, width) gray or (height, width, 3) RGB."""
    rgb = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)
    return Case(name, data, rgb.astype(np.uint8), None)


def refused(name: str, data: bytes, refusal: str) -> Case:
    """A file that must be refused with a message that matches the pattern `refusal`."""
    return Case(name, data, None, refusal)


# ------------------------------------------------------------------------------------------------------------- pictures


def draw() -> Pixels:
    """The picture in most of the files: two gradients and a noise, (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH))
    return np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), noise], axis=-1).astype(np.uint8)


RGB = draw()
GRAY = RGB[..., 2]
ALPHA = RGB[..., 0]
BITMAP = GRAY > 127
DEEP_RGB = np.random.default_rng(1).integers(0, 2**16, (HEIGHT, WIDTH, 3), dtype=np.uint16)
DEEP_GRAY = DEEP_RGB[..., 0]
DEEP_GRAY_IN_8_BITS = ((DEEP_GRAY.astype(int) + 128) // 257).astype(
    np.uint8
)  # 65535 = 257 * 255: to the nearest of 256 levels
DEEP_RGB_IN_8_BITS = (DEEP_RGB >> 8).astype(np.uint8)  # what Pillow, and so upstream, makes of 16-bit colours
PALETTE = np.random.default_rng(2).integers(0, 256, (256, 3), dtype=np.uint8)


def upright(picture: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """What a picture with that EXIF orientation shows: the tag's table, in rotations and mirrorings of numpy."""
    mirrored = orientation in (2, 4, 5, 7)
    quarter_turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}[orientation]
    return np.rot90(picture[:, ::-1] if mirrored else picture, quarter_turns)


def lying(picture: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """How `picture` must be stored for `upright` to show it; a mirroring and a half turn undo themselves."""
    return np.ascontiguousarray(upright(picture, {6: 8, 8: 6}.get(orientation, orientation)))


# -------------------------------------------------------------------------------------------------------------- writers


def saved(picture: npt.NDArray[Any] | Image.Image, kind: str, **options: Any) -> bytes:
    """A file of that kind, as Pillow writes it."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Pixels:
    """The first picture of a lossy file as Pillow decodes it, as it lies: upstream's two calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


@cache
def noise(seed: int) -> bytes:
    """A PNG of noise, 16 x 16: the smallest picture that is like no other."""
    values = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    return saved(values, "PNG")


def flat_webp(side: int) -> bytes:
    """A lossless WebP of one colour, `side` x `side`: 38 bytes, of which four hold the size."""
    small = saved(Image.new("RGB", (64, 64), (200, 30, 60)), "WEBP", lossless=True, method=0)
    bits = int.from_bytes(small[21:25], "little") >> 28 << 28 | (side - 1) << 14 | side - 1
    return small[:21] + bits.to_bytes(4, "little") + small[25:]


def exif(orientation: int) -> bytes:
    """An EXIF block that holds nothing but the orientation."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


def exif_entry(kind: int, count: int, value: bytes) -> bytes:
    """An EXIF block with one orientation entry of any type, count and value."""
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHI4sI", 1, ORIENTATION, kind, count, value, 0)


def segment(jpeg: bytes, payload: bytes) -> bytes:
    """A JPEG with an APP1 segment put in behind its first marker."""
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A chunk of a PNG, checksum included."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png_of(header: Sequence[int], lines: bytes, before: bytes = b"", interlaced: int = 0, level: int = -1) -> bytes:
    """A PNG with `header` (width, height, bits, colour type) and the given filtered lines, whatever they hold."""
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + start + before + chunk(b"IDAT", zlib.compress(lines, level)) + chunk(b"IEND", b"")


def unfiltered(rows: npt.NDArray[Any]) -> bytes:
    """Lines of a PNG with filter 0, of bytes or of 16-bit samples."""
    return b"".join(b"\0" + row.astype(">u2" if row.itemsize == 2 else "u1").tobytes() for row in rows)


def png(rows: npt.NDArray[Any], bits: int, colour: int, before: bytes = b"", *, interlaced: bool = False) -> bytes:
    """A PNG of (height, width[, channels]) samples, packed where they have fewer than 8 bits."""
    height, width = rows.shape[:2]
    passes = [rows] if not interlaced else [rows[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    lines = b"".join(unfiltered(pack(part, bits)) for part in passes)
    return png_of((width, height, bits, colour), lines, before, int(interlaced))


ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # x, y, dx, dy


def pack(rows: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Samples of 1, 2 or 4 bits packed into bytes, high bits first; wider samples as they are."""
    if bits >= 8:
        return rows
    unpacked = np.unpackbits(rows.astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    return np.packbits(unpacked.reshape(len(rows), -1), axis=-1)


def tiff(strips: Sequence[bytes], size: tuple[int, int], bits: Sequence[int], order: Order = "<", **tags: Any) -> bytes:
    """A TIFF of one page: `strips` as they are, `bits` one for each sample; further tags by name.

    `photometric` 0 white is zero, 1 black is zero, 2 RGB, 5 CMYK, 8 LAB; `compression` 1 none, 8 deflate; `planar` 2
    one plane each.
    """
    width, height = size
    starts = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    numbers = {
        "photometric": 262,
        "compression": 259,
        "planar": 284,
        "orientation": ORIENTATION,
        "sample_format": 339,
        "extra": 338,
    }
    shorts = {258: bits, 277: [len(bits)]} | {
        numbers[name]: value if isinstance(value, list) else [value] for name, value in tags.items()
    }
    longs = {256: [width], 257: [height], 273: starts, 278: [height], 279: list(map(len, strips))}
    body = b"".join(strips)
    body += bytes(len(body) % 2)
    directory, tail = 8 + len(body), b""
    entries = struct.pack(order + "H", len(shorts) + len(longs))
    for tag, values in sorted((shorts | longs).items()):
        letter, kind = ("H", 3) if tag in shorts else ("I", 4)
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        offset = directory + 2 + 12 * (len(shorts) + len(longs)) + 4 + len(tail)
        entries += struct.pack(order + "HHI", tag, kind, len(values))
        entries += packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", offset)
        tail += packed if len(packed) > 4 else b""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", directory) + body + entries + bytes(4) + tail


def samples_tiff(samples: npt.NDArray[Any], photometric: int, order: Order = "<", **tags: Any) -> bytes:
    """A TIFF of (height, width[, channels]) samples; a plane of its own for each channel where `planar` is 2."""
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    planes = np.moveaxis(samples, -1, 0) if tags.get("planar") == 2 else [samples]
    raw = [np.ascontiguousarray(plane).astype(plane.dtype.newbyteorder(order)).tobytes() for plane in planes]
    strips = [zlib.compress(strip) for strip in raw] if tags.get("compression") == 8 else raw
    bits = [samples.itemsize * 8] * channels
    return tiff(strips, (width, height), bits, order, **{"photometric": photometric, "compression": 1} | tags)


def bmp(size: tuple[int, int], bits: int, rows: bytes, table: bytes = b"", compression: int = 0) -> bytes:
    """A Windows bitmap; `table` its palette or bit masks.

    A negative height says that the first row is the topmost one.
    """
    colours, start = (len(table) // 4 if bits <= 8 else 0), 54 + len(table)
    file = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    return (
        file + struct.pack("<IiiHHIIiiII", 40, *size, 1, bits, compression, len(rows), 0, 0, colours, 0) + table + rows
    )


def bmp_rows(rows: npt.NDArray[Any]) -> bytes:
    """Rows of bytes from the bottom up, each filled up to a multiple of four bytes."""
    return b"".join(row.tobytes() + bytes(-row.nbytes % 4) for row in rows[::-1])


def frames(kind: str, **options: Any) -> bytes:
    """An animation of that kind whose first frame is RGB and whose second is its negative."""
    return saved(RGB, kind, save_all=True, append_images=[Image.fromarray(~RGB)], **options)


def cuts(name: str, data: bytes, percents: Sequence[int] = TEN_PLACES) -> Iterator[Case]:
    """The file cut short, with `percents` of it left."""
    stem, suffix = name.rsplit(".", 1)
    for percent in percents:
        yield refused(f"{stem} cut at {percent} percent.{suffix}", data[: len(data) * percent // 100], CUT)
    yield refused(f"{stem} without its last 30 bytes.{suffix}", data[:-30], CUT)


# ---------------------------------------------------------------------------------------------------------------- cases


def jpeg_cases() -> Iterator[Case]:
    """JPEG: sampling, colour models, EXIF of all kinds, MPO, truncations."""
    plain, progressive = saved(RGB, "JPEG", quality=90), saved(RGB, "JPEG", quality=90, progressive=True)
    kinds = {
        "baseline": plain,
        "progressive": progressive,
        "full chroma": saved(RGB, "JPEG", subsampling=0),
        "half chroma": saved(RGB, "JPEG", subsampling=1),
        "not YCbCr": saved(RGB, "JPEG", keep_rgb=True),
        "gray": saved(GRAY, "JPEG"),
        "CMYK of Adobe": saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=95),
        "lowest quality": saved(RGB, "JPEG", quality=1),
        "restart markers": saved(RGB, "JPEG", restart_marker_blocks=2),
        "damaged colour profile": saved(RGB, "JPEG", icc_profile=b"no profile"),
        "bytes behind the end": plain + b"#" * 1000,
        "two pictures as a phone writes them": saved(RGB, "MPO", save_all=True, append_images=[Image.fromarray(~RGB)]),
        "index of two pictures damaged": segment(plain, b"MPF\0II*\0\x08\0\0\0\xff\xff").replace(
            b"\xff\xe1", b"\xff\xe2", 1
        ),
    }
    yield from (scored(f"{name}.jpg", data, decoded(data)) for name, data in kinds.items())
    for orientation in range(1, 9):
        data = saved(lying(RGB, orientation), "JPEG", subsampling=0, exif=exif(orientation))
        yield scored(f"orientation {orientation}.jpg", data, upright(decoded(data), orientation))
    untagged = {
        "orientation 0": exif_entry(3, 1, b"\0\0"),
        "orientation 9": exif_entry(3, 1, b"\0\x09"),
        "orientation in letters": exif_entry(2, 2, b"6\0"),
        "orientation of no value": exif_entry(3, 0, b""),
        "orientation of a type that is none": exif_entry(99, 1, b"\0\x06"),
        "EXIF garbage": b"Exif\0\0garbage",
        "EXIF cut": exif(6)[:20],
        "EXIF of 65535 entries": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    }
    yield from (scored(f"{name}.jpg", segment(plain, block), decoded(plain)) for name, block in untagged.items())
    yield from cuts("baseline.jpg", plain)
    yield from cuts("progressive.jpg", progressive)
    frame = plain.index(b"\xff\xc0")
    huge = plain[: frame + 5] + struct.pack(">HH", 65500, 65500) + plain[frame + 9 :]
    yield refused("65500 x 65500 by its header.jpg", huge, TOO_LARGE)
    yield refused("no height.jpg", plain[: frame + 5] + bytes(2) + plain[frame + 7 :], CUT)
    yield refused("12 bits by its header.jpg", plain[: frame + 4] + b"\x0c" + plain[frame + 5 :], CUT)
    yield refused("two bytes.jpg", b"\xff\xd8", NO_PICTURE)
    yield refused("end marker missing.jpg", plain[:-2], DAMAGED)


def png_cases() -> Iterator[Case]:
    """PNG that must be scored: depths, colour types, palettes, interlacing, animation, odd shapes."""
    for bits in (1, 2, 4):
        levels = GRAY >> (8 - bits)
        yield scored(f"gray of {bits} bits.png", png(levels, bits, 0), levels * (255 // (2**bits - 1)))
        colours = chunk(b"PLTE", PALETTE[: 2**bits].tobytes())
        yield scored(f"palette of {bits} bits.png", png(levels, bits, 3, colours), PALETTE[levels])
    colours = chunk(b"PLTE", PALETTE.tobytes())
    yield scored("gray.png", png(GRAY, 8, 0), GRAY)
    yield scored("gray of 16 bits.png", png(DEEP_GRAY, 16, 0), DEEP_GRAY_IN_8_BITS)
    yield scored("gray of 16 bits, interlaced.png", png(DEEP_GRAY, 16, 0, interlaced=True), DEEP_GRAY_IN_8_BITS)
    yield scored("gray of 16 bits, dark.png", png(DEEP_GRAY >> 8, 16, 0), (DEEP_GRAY >> 8) > 128)
    yield scored(
        "gray of 16 bits on its side.png",
        png(lying(DEEP_GRAY, 6), 16, 0, chunk(b"eXIf", exif(6)[6:])),
        DEEP_GRAY_IN_8_BITS,
    )
    yield scored("gray with a transparent level.png", png(GRAY, 8, 0, chunk(b"tRNS", b"\0\x80")), GRAY)
    yield scored("gray with alpha.png", png(np.stack([GRAY, ALPHA], -1), 8, 4), GRAY)
    yield scored("gray with alpha of 16 bits.png", png(np.stack([DEEP_GRAY, DEEP_GRAY], -1), 16, 4), DEEP_GRAY >> 8)
    yield scored("RGB.png", png(RGB, 8, 2), RGB)
    yield scored("RGB of 16 bits.png", png(DEEP_RGB, 16, 2), DEEP_RGB_IN_8_BITS)
    yield scored("RGB with a transparent colour.png", png(RGB, 8, 2, chunk(b"tRNS", bytes(6))), RGB)
    yield scored("RGBA.png", png(np.dstack([RGB, ALPHA]), 8, 6), RGB)
    yield scored("RGBA, all of it transparent.png", png(np.dstack([RGB, 0 * ALPHA]), 8, 6), RGB)
    yield scored("RGBA of 16 bits.png", png(np.dstack([DEEP_RGB, DEEP_GRAY]), 16, 6), DEEP_RGB_IN_8_BITS)
    yield scored("palette.png", png(GRAY, 8, 3, colours), PALETTE[GRAY])
    yield scored(
        "palette with a transparent colour.png", png(GRAY, 8, 3, colours + chunk(b"tRNS", b"\xff\0\xff")), PALETTE[GRAY]
    )
    yield scored(
        "palette with 256 alphas.png", png(GRAY, 8, 3, colours + chunk(b"tRNS", bytes(range(256)))), PALETTE[GRAY]
    )
    yield scored("interlaced.png", png(RGB, 8, 2, interlaced=True), RGB)
    few = chunk(b"PLTE", PALETTE[:16].tobytes())
    yield scored("interlaced palette of 4 bits.png", png(GRAY >> 4, 4, 3, few, interlaced=True), PALETTE[GRAY >> 4])
    yield scored("animated.png", frames("PNG"), RGB)
    yield scored("animated with a still of its own.png", frames("PNG", default_image=True), RGB)
    yield scored("on its side.png", png(lying(RGB, 6), 8, 2, chunk(b"eXIf", exif(6)[6:])), RGB)
    yield scored("filters of all kinds.png", saved(RGB, "PNG", optimize=True), RGB)
    yield scored(
        "3 MB of text, as drawing programs leave it.png",
        png(RGB, 8, 2, chunk(b"tEXt", b"prompt\0" + b"a" * 3_000_000)),
        RGB,
    )
    yield scored("colour profile garbage.png", png(RGB, 8, 2, chunk(b"iCCP", b"name\0\0garbage")), RGB)
    yield scored("bytes behind the end.png", png(RGB, 8, 2) + b"#" * 1000, RGB)
    lines = unfiltered(RGB.reshape(HEIGHT, -1))
    yield scored("50 MB too much in the stream.png", png_of((WIDTH, HEIGHT, 8, 2), lines + bytes(50_000_000)), RGB)
    shapes = {
        "1 x 1": RGB[:1, :1],
        "2 x 3": RGB[:3, :2],
        "1 x 20000": np.resize(RGB, (20000, 1, 3)),
        "20000 x 1": np.resize(RGB, (1, 20000, 3)),
    }
    yield from (scored(f"{name}.png", png(picture, 8, 2), picture) for name, picture in shapes.items())


def bad_png_cases() -> Iterator[Case]:
    """PNG that must be refused: cut, damaged, with wrong checksums, bombs."""
    good = png(RGB, 8, 2, chunk(b"gAMA", struct.pack(">I", 45455)))
    yield from cuts("RGB.png", good)
    yield from cuts("interlaced.png", png(RGB, 8, 2, interlaced=True), (50,))
    yield refused("end chunk missing.png", good[:-12], DAMAGED)
    for kind, message in ((b"IHDR", NO_PICTURE), (b"gAMA", NO_PICTURE), (b"IDAT", DAMAGED)):
        start = good.index(kind)
        place = start + 4 + int.from_bytes(good[start - 4 : start], "big")
        yield refused(f"checksum of {kind.decode()} wrong.png", altered(good, place), message)
    stored = png_of((WIDTH, HEIGHT, 8, 2), unfiltered(RGB.reshape(HEIGHT, -1)), level=0)
    yield refused("one pixel altered.png", altered(stored, len(stored) // 2), DAMAGED)
    yield refused("filter that does not exist.png", png_of((4, 1, 8, 0), b"\x07abcd"), DAMAGED)
    yield refused("bit depth that does not exist.png", png_of((4, 1, 3, 0), bytes(5)), NO_PICTURE)
    yield refused("0 x 0.png", png_of((0, 0, 8, 2), b""), NO_PICTURE)
    for size in ((60000, 60000), (20000, 5000), (2**16, 1), (1, 2**16), (2**31 - 1, 1)):
        yield refused(f"{size[0]} x {size[1]} by its header.png", png_of((*size, 8, 2), b""), TOO_LARGE)
    bomb = zlib.compress(bytes(50_000_000))
    for kind, payload in ((b"zTXt", b"a\0\0" + bomb), (b"iTXt", b"a\0\1\0\0\0" + bomb), (b"iCCP", b"a\0\0" + bomb)):
        yield refused(f"bomb in {kind.decode()}.png", png(RGB, 8, 2, chunk(kind, payload)), NO_PICTURE)


def altered(data: bytes, place: int) -> bytes:
    """The same bytes with one of them inverted."""
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def webp_cases() -> Iterator[Case]:
    """WebP: lossy and lossless, alpha, animation, orientation, truncations."""
    lossy, lossless = saved(RGB, "WEBP", quality=80), saved(RGB, "WEBP", lossless=True)
    yield scored("lossy.webp", lossy, decoded(lossy))
    yield scored("lossless.webp", lossless, RGB)
    yield scored("lossless with alpha.webp", saved(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True), RGB)
    yield scored("animated.webp", frames("WEBP", lossless=True), RGB)
    yield scored("on its side.webp", saved(lying(RGB, 8), "WEBP", lossless=True, exif=exif(8)), RGB)
    yield from cuts("lossy.webp", lossy, (10, 50, 90))
    yield from cuts("lossless.webp", lossless, (10, 50, 90))


def gif_cases() -> Iterator[Case]:
    """GIF: palettes, transparency, animation, frames of another size than the canvas."""
    image = Image.fromarray(GRAY)
    image.putpalette(PALETTE.tobytes())
    plain = saved(image, "GIF", interlace=0)
    yield scored("plain.gif", plain, PALETTE[GRAY])
    yield scored("interlaced.gif", saved(image, "GIF", interlace=1), PALETTE[GRAY])
    yield scored("transparent.gif", saved(image, "GIF", transparency=7), PALETTE[GRAY])
    yield scored(
        "animated.gif", saved(image, "GIF", save_all=True, append_images=[Image.fromarray(~GRAY)] * 3), PALETTE[GRAY]
    )
    yield scored("gray.gif", saved(GRAY, "GIF"), GRAY)
    yield scored("trailer missing.gif", plain[:-1], PALETTE[GRAY])
    yield from cuts("plain.gif", plain, (10, 50, 90))
    yield refused("0 x 0.gif", b"GIF89a" + bytes(7) + b";", NO_PICTURE)
    yield refused("no frame.gif", b"GIF89a\4\0\4\0" + bytes(3) + b";", NO_PICTURE)
    yield refused(
        "60000 x 60000 by its header.gif", plain[:6] + struct.pack("<HH", 60000, 60000) + plain[10:], TOO_LARGE
    )


def tiff_cases() -> Iterator[Case]:
    """TIFF that must be scored: compressions, byte orders, depths, planes, pages, orientation."""
    for compression in ("raw", "tiff_adobe_deflate", "tiff_lzw", "packbits", "zstd"):
        yield scored(f"RGB {compression}.tif", saved(RGB, "TIFF", compression=compression), RGB)
    in_jpeg = saved(RGB, "TIFF", compression="jpeg")
    yield scored("RGB in JPEG.tif", in_jpeg, decoded(in_jpeg))
    yield scored("fax.tif", saved(BITMAP, "TIFF", compression="group4"), BITMAP * 255)
    yield scored("predictor.tif", saved(RGB, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}), RGB)
    yield scored("big offsets.tif", saved(RGB, "TIFF", big_tiff=True), RGB)
    for order, endian in ORDERS:
        for compression in (1, 8):
            kind = f"{endian} endian, compression {compression}.tif"
            options = {"order": order, "compression": compression}
            yield scored(f"gray of 16 bits, {kind}", samples_tiff(DEEP_GRAY, 1, **options), DEEP_GRAY_IN_8_BITS)
            yield scored(f"RGB of 16 bits, {kind}", samples_tiff(DEEP_RGB, 2, **options), DEEP_RGB_IN_8_BITS)
            yield scored(f"planes, {kind}", samples_tiff(RGB, 2, planar=2, **options), RGB)
    yield scored("white is zero.tif", samples_tiff(GRAY, 0), 255 - GRAY)
    yield scored("RGBA.tif", samples_tiff(np.dstack([RGB, ALPHA]), 2, extra=2), RGB)
    yield scored("RGBA of 16 bits.tif", samples_tiff(np.dstack([DEEP_RGB, DEEP_GRAY]), 2, extra=2), DEEP_RGB_IN_8_BITS)
    for mode in ("CMYK", "LAB"):
        image = Image.fromarray(RGB).convert(mode)
        yield scored(f"{mode}.tif", saved(image, "TIFF"), np.asarray(image.convert("RGB")))
    image = Image.fromarray(GRAY)
    image.putpalette(PALETTE.tobytes())
    yield scored("palette.tif", saved(image, "TIFF"), PALETTE[GRAY])
    for orientation in (3, 6, 7):
        yield scored(
            f"orientation {orientation}.tif", samples_tiff(lying(RGB, orientation), 2, orientation=orientation), RGB
        )
    yield scored("orientation 6, deflated.tif", samples_tiff(lying(RGB, 6), 2, orientation=6, compression=8), RGB)
    yield scored(
        "gray of 16 bits on its side.tif", samples_tiff(lying(DEEP_GRAY, 6), 1, orientation=6), DEEP_GRAY_IN_8_BITS
    )
    yield scored("pages.tif", saved(RGB, "TIFF", save_all=True, append_images=[Image.fromarray(~RGB[:20, :10])]), RGB)


def bad_tiff_cases() -> Iterator[Case]:
    """TIFF that must be refused: what Pillow clips, inverts or misreads in silence, and what is damaged."""
    yield refused("gray of 16 bits, white is zero.tif", samples_tiff(DEEP_GRAY, 0), RARE_TIFF)
    yield refused("gray of 16 bits, white is zero, deflated.tif", samples_tiff(DEEP_GRAY, 0, compression=8), RARE_TIFF)
    twelve = pack_twelve(DEEP_GRAY >> 4)
    yield refused("gray of 12 bits.tif", tiff([twelve], (WIDTH, HEIGHT), [12], photometric=1, compression=1), RARE_TIFF)
    for order, endian in ORDERS:
        for compression in (1, 8):
            data = samples_tiff(DEEP_RGB, 2, order, planar=2, compression=compression)
            yield refused(f"planes of 16 bits, {endian} endian, compression {compression}.tif", data, RARE_TIFF)
    yield refused("signed 16 bits.tif", samples_tiff(DEEP_GRAY.astype(np.int16), 1, sample_format=2), DEEP)
    yield refused("32 bits.tif", samples_tiff(DEEP_GRAY.astype(np.uint32), 1), DEEP)
    yield refused("float.tif", samples_tiff(DEEP_GRAY.astype(np.float32), 1, sample_format=3), DEEP)
    yield refused("RGB float.tif", samples_tiff(DEEP_RGB.astype(np.float32), 2, sample_format=[3, 3, 3]), NO_PICTURE)
    yield refused(
        "gray with alpha of 16 bits.tif", samples_tiff(np.stack([DEEP_GRAY, DEEP_GRAY], -1), 1, extra=2), NO_PICTURE
    )
    yield refused("compression that does not exist.tif", samples_tiff(RGB, 2, compression=4711), CUT)
    yield refused(
        "30000 x 30000 by its header.tif",
        tiff([b""], (30000, 30000), [8, 8, 8], photometric=2, compression=1),
        TOO_LARGE,
    )
    for compression in ("raw", "tiff_adobe_deflate", "tiff_lzw", "jpeg"):
        yield from cuts(f"RGB {compression}.tif", saved(RGB, "TIFF", compression=compression), (10, 50, 90))


def pack_twelve(samples: npt.NDArray[Any]) -> bytes:
    """12-bit samples, two in three bytes."""
    pairs = samples.astype(int).reshape(-1, 2)
    return (
        np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], -1)
        .astype(np.uint8)
        .tobytes()
    )


def bmp_cases() -> Iterator[Case]:
    """BMP: depths, palettes, direction, bit fields; run lengths are refused."""
    size = (WIDTH, HEIGHT)
    bgr = RGB[..., ::-1]
    for bits in (1, 4, 8):
        levels = GRAY >> (8 - bits)
        palette = np.column_stack([PALETTE[: 2**bits, ::-1], np.zeros(2**bits, np.uint8)]).tobytes()
        yield scored(
            f"palette of {bits} bits.bmp", bmp(size, bits, bmp_rows(pack(levels, bits)), palette), PALETTE[levels]
        )
    yield scored("24 bits.bmp", bmp(size, 24, bmp_rows(bgr)), RGB)
    yield scored("24 bits, odd width.bmp", bmp((63, HEIGHT), 24, bmp_rows(bgr[:, :63])), RGB[:, :63])
    yield scored("24 bits, from the top.bmp", bmp((WIDTH, -HEIGHT), 24, bmp_rows(bgr[::-1])), RGB)
    yield scored("32 bits.bmp", bmp(size, 32, bmp_rows(np.dstack([bgr, ALPHA]))), RGB)
    five = RGB >> 3
    words = (five[..., 0].astype("<u2") << 11) | ((RGB[..., 1] >> 2).astype("<u2") << 5) | five[..., 2]
    six = RGB[..., 1] >> 2
    shown = np.stack(
        [five[..., 0].astype(int) * 255 // 31, six.astype(int) * 255 // 63, five[..., 2].astype(int) * 255 // 31], -1
    )
    yield scored(
        "16 bits in fields of 5, 6, 5.bmp",
        bmp(size, 16, bmp_rows(words), struct.pack("<III", 0xF800, 0x7E0, 0x1F), 3),
        shown,
    )
    yield scored("by Pillow, with alpha.bmp", saved(np.dstack([RGB, ALPHA]), "BMP"), RGB)
    palette = np.column_stack([PALETTE, np.zeros(256, np.uint8)]).tobytes()
    yield refused("run lengths.bmp", bmp(size, 8, b"\x40\x05\0\0" * HEIGHT + b"\0\1", palette, 1), RUN_LENGTHS)
    yield refused(
        "run lengths, 16 GB in a jump.bmp",
        bmp((64_000_000, 1), 8, b"\0\2\xff\xff\0\1", palette, 1),
        f"{RUN_LENGTHS}|{TOO_LARGE}",
    )
    yield refused("a JPEG inside.bmp", bmp(size, 24, saved(RGB, "JPEG"), b"", 4), NO_PICTURE)
    yield refused("60000 x 60000 by its header.bmp", bmp((60000, 60000), 24, b""), TOO_LARGE)
    yield from cuts("24 bits.bmp", bmp(size, 24, bmp_rows(bgr)), (1, 10, 50, 90))


def avif_cases() -> Iterator[Case]:
    """AVIF: chroma, alpha, animation, orientation, truncations."""
    plain = saved(RGB, "AVIF", quality=70, speed=10)
    kinds = {
        "plain": plain,
        "full chroma": saved(RGB, "AVIF", subsampling="4:4:4", speed=10),
        "gray": saved(GRAY, "AVIF", speed=10),
        "with alpha": saved(np.dstack([RGB, ALPHA]), "AVIF", speed=10),
        "animated": frames("AVIF", speed=10),
    }
    yield from (scored(f"{name}.avif", data, decoded(data)) for name, data in kinds.items())
    for orientation in (2, 6):
        data = saved(lying(RGB, orientation), "AVIF", speed=10, exif=exif(orientation))
        yield scored(f"orientation {orientation}.avif", data, upright(decoded(data), orientation))
    yield from cuts("plain.avif", plain, (10, 50, 90))


def other_cases() -> Iterator[Case]:
    """Files that are no picture of an accepted format, under names that may say otherwise."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("picture.png", png(RGB, 8, 2))
    eps = saved(RGB, "EPS")
    preview = struct.pack("<4sIIIIIIH", b"\xc5\xd0\xd3\xc6", 30, len(eps), 0, 0, 0, 0, 0xFFFF)
    files = {
        "one byte.png": b"\x89",
        "text.png": b"This is no picture.\n" * 100,
        "page.jpg": b"<!doctype html><html><body><script>alert(1)</script></body></html>",
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
        "drawing named.png": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "phone.heic": struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"heic", 0, b"mif1", b"heic") + bytes(100),
        "phone.heif": struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"mif1", b"heic") + bytes(100),
        "film.mp4": struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 0, b"isom", b"mp42") + bytes(100),
        "paper.pdf": b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF",
        "page.eps": eps,
        "page of PostScript named.jpg": eps,
        "page with a preview.eps": preview + eps,
        "archive.zip": archive.getvalue(),
        "archive named.png": archive.getvalue(),
        "icon.ico": saved(RGB, "ICO"),
        "picture.jp2": saved(RGB, "JPEG2000"),
        "picture.ppm": saved(RGB, "PPM"),
        "picture.tga": saved(RGB, "TGA"),
        "picture.psd": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, HEIGHT, WIDTH, 8, 3) + bytes(1000),
        "meta.wmf": b"\xd7\xcd\xc6\x9a" + bytes(100),
        "array.fits": b"SIMPLE  =                    T" + b" " * 2850,
        "random.png": np.random.default_rng(3).bytes(5000),
    }
    yield refused("empty.png", b"", EMPTY)
    yield from (refused(name, data, NO_PICTURE) for name, data in files.items())


GROUPS: tuple[Callable[[], Iterator[Case]], ...] = (
    jpeg_cases,
    png_cases,
    bad_png_cases,
    webp_cases,
    gif_cases,
    tiff_cases,
    bad_tiff_cases,
    bmp_cases,
    avif_cases,
    other_cases,
)


@cache
def corpus() -> tuple[Case, ...]:
    """All cases; their names differ, and are the names of the files."""
    return tuple(case for group in GROUPS for case in group())
