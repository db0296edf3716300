"""Picture files of every kind that a visitor may upload, and what must become of each.

Every file is written here, by Pillow where it can write the kind, else byte by byte. `good()` has the files that are
read, each with its oracle, the picture that it shows upright, (height, width, 3) uint8: what was put in where the
format is lossless, else what plain Pillow decodes. `bad()` has those that are refused, with a pattern of the reason.
`turned()` has those that say something of an orientation, with the one that Chromium shows.
"""

from __future__ import annotations

import binascii
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 64, 48  # neither square nor symmetric, so that a wrong turn shows
ORIENTATION = 0x0112  # EXIF
TEN_PLACES = range(5, 100, 10)  # percent of the file that is left

DAMAGED, NO_PICTURE, TOO_MANY_PIXELS = "is damaged or cut short", "is not a picture that can be read", "too many pixels"
CUT = f"{DAMAGED}|{NO_PICTURE}"  # the latter where not even the first bytes are whole


# ------------------------------------------------------------------------------------------------------------- pictures


def draw() -> Pixels:
    """The picture in most of the files: two gradients and a noise, (HEIGHT, WIDTH, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH))
    return np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), noise], axis=-1).astype(np.uint8)


RGB = draw()
GRAY = RGB[..., 2]
ALPHA = RGB[..., 0]
DEEP_RGB = np.random.default_rng(1).integers(0, 2**16, (HEIGHT, WIDTH, 3), dtype=np.uint16)
DEEP_GRAY = DEEP_RGB[..., 0]
# 65535 = 257 * 255: to the nearest of 256 levels
DEEP_GRAY_IN_8_BITS = ((DEEP_GRAY.astype(int) + 128) // 257).astype(np.uint8)
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


def cut(name: str, data: bytes, percents: Sequence[int] = (10, 50, 90)) -> dict[str, tuple[bytes, str]]:
    """The file cut short, with `percents` of it left, and without its last bytes."""
    lengths = {f"at {percent} percent": len(data) * percent // 100 for percent in percents}
    return {f"cut {where} {name}": (data[:length], CUT) for where, length in (lengths | {"at the end": -30}).items()}


def altered(data: bytes, place: int) -> bytes:
    """The same bytes with one of them inverted."""
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def app(payload: bytes, marker: int = 0xE1) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def profile(*, wide: bool) -> bytes:
    """A colour profile, LittleCMS's own of sRGB, or the same with the primaries of Display P3."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    p3 = {b"rXYZ": (0.5151, 0.2412, -0.0011), b"gXYZ": (0.2919, 0.6922, 0.0419), b"bXYZ": (0.1572, 0.0666, 0.7841)}
    for entry in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        name, offset = struct.unpack_from(">4sI", data, entry)
        if wide and name in p3:
            struct.pack_into(">3i", data, offset + 8, *(round(value * 2**16) for value in p3[name]))
    return bytes(data)


# ---------------------------------------------------------------------------------------------------------------- cases


def good_jpegs() -> dict[str, tuple[bytes, Pixels]]:
    """Sampling, colour models, several pictures, odd metadata."""
    plain = saved(RGB, "JPEG", quality=90)
    kinds = {
        "baseline": plain,
        "progressive": saved(RGB, "JPEG", quality=90, progressive=True),
        "full chroma": saved(RGB, "JPEG", subsampling=0),
        "half chroma": saved(RGB, "JPEG", subsampling=1),
        "not YCbCr": saved(RGB, "JPEG", keep_rgb=True),
        "gray": saved(GRAY, "JPEG"),
        "CMYK of Adobe": saved(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=95),
        "restart markers": saved(RGB, "JPEG", restart_marker_blocks=2),
        "damaged colour profile": saved(RGB, "JPEG", icc_profile=b"no profile"),
        "bytes behind the end": plain + b"#" * 1000,
        "two pictures as a phone writes them": saved(RGB, "MPO", save_all=True, append_images=[Image.fromarray(~RGB)]),
        "index of two pictures damaged": plain[:2] + app(b"MPF\0II*\0\x08\0\0\0\xff\xff", 0xE2) + plain[2:],
        "EXIF garbage": plain[:2] + app(b"Exif\0\0garbage") + plain[2:],
        "EXIF of 65535 entries": plain[:2] + app(b"Exif\0\0MM\0*\0\0\0\x08\xff\xff") + plain[2:],
        "EXIF tags that share their bytes": plain[:2] + app(sharing_exif()) + plain[2:],
    }
    cases = {f"{name}.jpg": (data, decoded(data)) for name, data in kinds.items()}
    two, shown = cases["two pictures as a phone writes them.jpg"]
    return cases | {
        "index of three pictures lists two.jpg": (two.replace(MP_IMAGES + b"\2", MP_IMAGES + b"\3", 1), shown)
    }


MP_IMAGES = struct.pack("<HHI", 0xB001, 4, 1)  # the entry of an MP index that counts the pictures


def sharing_exif() -> bytes:
    """EXIF whose 4,000 tags share their 15,000 bytes: 60 MB for who unpacks them."""
    entries = b"".join(struct.pack(">HHII", 0x9000 + tag, 7, 15000, 8) for tag in range(4000))
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 4000) + entries


def good_pngs() -> dict[str, tuple[bytes, Pixels]]:
    """Depths, colour types, palettes, interlacing, animation, odd shapes, and metadata that Pillow would refuse."""
    colours, few = chunk(b"PLTE", PALETTE.tobytes()), chunk(b"PLTE", PALETTE[:16].tobytes())
    lines, bomb = unfiltered(RGB.reshape(HEIGHT, -1)), zlib.compress(bytes(50_000_000))
    still = frames("PNG", default_image=True)
    cases = {
        f"palette of {bits} bits": (
            png(GRAY >> (8 - bits), bits, 3, chunk(b"PLTE", PALETTE[: 2**bits].tobytes())),
            PALETTE[GRAY >> (8 - bits)],
        )
        for bits in (1, 2, 4)
    }
    cases |= {
        f"gray of {bits} bits": (png(GRAY >> (8 - bits), bits, 0), (GRAY >> (8 - bits)) * (255 // (2**bits - 1)))
        for bits in (1, 2, 4, 8)
    }
    cases |= {
        "gray of 16 bits": (png(DEEP_GRAY, 16, 0), DEEP_GRAY_IN_8_BITS),
        "gray of 16 bits, interlaced": (png(DEEP_GRAY, 16, 0, interlaced=True), DEEP_GRAY_IN_8_BITS),
        "gray of 16 bits, dark": (png(DEEP_GRAY >> 8, 16, 0), (DEEP_GRAY >> 8) > 128),
        "gray of 16 bits, one transparent": (
            png(DEEP_GRAY, 16, 0, chunk(b"tRNS", DEEP_GRAY[0, 0].tobytes()[::-1])),
            DEEP_GRAY_IN_8_BITS,
        ),
        "gray with a transparent level": (png(GRAY, 8, 0, chunk(b"tRNS", b"\0\x80")), GRAY),
        "gray with alpha": (png(np.stack([GRAY, ALPHA], -1), 8, 4), GRAY),
        "gray with alpha of 16 bits": (png(np.stack([DEEP_GRAY, DEEP_GRAY], -1), 16, 4), DEEP_GRAY >> 8),
        "RGB": (png(RGB, 8, 2), RGB),
        "RGB of 16 bits": (png(DEEP_RGB, 16, 2), DEEP_RGB_IN_8_BITS),
        "RGB with a transparent colour": (png(RGB, 8, 2, chunk(b"tRNS", bytes(6))), RGB),
        "RGBA": (png(np.dstack([RGB, ALPHA]), 8, 6), RGB),
        "RGBA of 16 bits": (png(np.dstack([DEEP_RGB, DEEP_GRAY]), 16, 6), DEEP_RGB_IN_8_BITS),
        "palette": (png(GRAY, 8, 3, colours), PALETTE[GRAY]),
        "palette with 3 alphas": (png(GRAY, 8, 3, colours + chunk(b"tRNS", b"\xff\0\xff")), PALETTE[GRAY]),
        "palette with 256 alphas": (png(GRAY, 8, 3, colours + chunk(b"tRNS", bytes(range(256)))), PALETTE[GRAY]),
        "interlaced": (png(RGB, 8, 2, interlaced=True), RGB),
        "interlaced palette of 4 bits": (png(GRAY >> 4, 4, 3, few, interlaced=True), PALETTE[GRAY >> 4]),
        "animated": (frames("PNG"), RGB),
        "animated with a still of its own": (still, RGB),
        "filters of all kinds": (saved(RGB, "PNG", optimize=True), RGB),
        "3 MB of text": (png(RGB, 8, 2, chunk(b"tEXt", b"prompt\0" + b"a" * 3_000_000)), RGB),
        "colour profile garbage": (png(RGB, 8, 2, chunk(b"iCCP", b"name\0\0garbage")), RGB),
        "50 MB of text, packed": (png(RGB, 8, 2, chunk(b"zTXt", b"a\0\0" + bomb)), RGB),
        "50 MB of international text": (png(RGB, 8, 2, chunk(b"iTXt", b"a\0\1\0\0\0" + bomb)), RGB),
        "colour profile of 50 MB": (png(RGB, 8, 2, chunk(b"iCCP", b"a\0\0" + bomb)), RGB),
        "checksum of gAMA wrong": (png(RGB, 8, 2, chunk(b"gAMA", b"\0\0\1\1")[:-4] + bytes(4)), RGB),
        "gAMA of five bytes": (png(RGB, 8, 2, chunk(b"gAMA", bytes(5))), RGB),
        "cHRM of three bytes": (png(RGB, 8, 2, chunk(b"gAMA", b"\0\0\1\1") + chunk(b"cHRM", bytes(3))), RGB),
        "bytes behind the end": (png(RGB, 8, 2) + b"#" * 1000, RGB),
        "50 MB too much in the stream": (png_of((WIDTH, HEIGHT, 8, 2), lines + bytes(50_000_000)), RGB),
        "1 x 1": (png(RGB[:1, :1], 8, 2), RGB[:1, :1]),
        "1 x 20000": (png(np.resize(RGB, (20000, 1, 3)), 8, 2), np.resize(RGB, (20000, 1, 3))),
        "20000 x 1": (png(np.resize(RGB, (1, 20000, 3)), 8, 2), np.resize(RGB, (1, 20000, 3))),
    }
    return {f"{name}.png": case for name, case in cases.items()}


def good_gifs_and_webps() -> dict[str, tuple[bytes, Pixels]]:
    """Palettes, transparency, animation; lossy and lossless."""
    image, lossy = Image.fromarray(GRAY), saved(RGB, "WEBP", quality=80)
    image.putpalette(PALETTE.tobytes())
    plain, others = saved(image, "GIF", interlace=0), [Image.fromarray(~GRAY)] * 3
    return {
        "plain.gif": (plain, PALETTE[GRAY]),
        "interlaced.gif": (saved(image, "GIF", interlace=1), PALETTE[GRAY]),
        "transparent.gif": (saved(image, "GIF", transparency=7), PALETTE[GRAY]),
        "animated.gif": (saved(image, "GIF", save_all=True, append_images=others), PALETTE[GRAY]),
        "gray.gif": (saved(GRAY, "GIF"), GRAY),
        "trailer missing.gif": (plain[:-1], PALETTE[GRAY]),
        "lossy.webp": (lossy, decoded(lossy)),
        "lossless.webp": (saved(RGB, "WEBP", lossless=True), RGB),
        "with alpha.webp": (saved(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True), RGB),
        "animated.webp": (frames("WEBP", lossless=True), RGB),
    }


def good_bmps() -> dict[str, tuple[bytes, Pixels]]:
    """Depths, palettes, direction, bit fields, run lengths."""
    size, bgr, words = (WIDTH, HEIGHT), RGB[..., ::-1], RGB.astype("<u2")
    fields = words[..., 0] >> 3 << 11 | words[..., 1] >> 2 << 5 | words[..., 2] >> 3
    shown = np.dstack([(words[..., i] >> cut) * 255 // (255 >> cut) for i, cut in enumerate((3, 2, 3))])
    table = np.column_stack([PALETTE[:, ::-1], np.zeros(256, np.uint8)])
    cases = {
        f"palette of {bits} bits": (
            bmp(size, bits, bmp_rows(pack(GRAY >> (8 - bits), bits)), table[: 2**bits].tobytes()),
            PALETTE[GRAY >> (8 - bits)],
        )
        for bits in (1, 4, 8)
    }
    cases |= {
        "24 bits": (bmp(size, 24, bmp_rows(bgr)), RGB),
        "24 bits, odd width": (bmp((63, HEIGHT), 24, bmp_rows(bgr[:, :63])), RGB[:, :63]),
        "24 bits, from the top": (bmp((WIDTH, -HEIGHT), 24, bmp_rows(bgr[::-1])), RGB),
        "32 bits": (bmp(size, 32, bmp_rows(np.dstack([bgr, ALPHA]))), RGB),
        "16 bits in fields of 5, 6, 5": (
            bmp(size, 16, bmp_rows(fields), struct.pack("<III", 0xF800, 0x7E0, 0x1F), 3),
            shown.astype(np.uint8),
        ),
        "by Pillow, with alpha": (saved(np.dstack([RGB, ALPHA]), "BMP"), RGB),
        "run lengths": (
            bmp(size, 8, b"".join(bytes([WIDTH, row, 0, 0]) for row in range(HEIGHT)) + b"\0\1", table.tobytes(), 1),
            np.repeat(PALETTE[HEIGHT - 1 :: -1, np.newaxis], WIDTH, axis=1),
        ),
    }
    return {f"{name}.bmp": case for name, case in cases.items()}


def good_avifs() -> dict[str, tuple[bytes, Pixels]]:
    """Chroma, alpha, animation."""
    kinds = {
        "plain": saved(RGB, "AVIF", quality=70, speed=10),
        "full chroma": saved(RGB, "AVIF", subsampling="4:4:4", speed=10),
        "gray": saved(GRAY, "AVIF", speed=10),
        "with alpha": saved(np.dstack([RGB, ALPHA]), "AVIF", speed=10),
        "animated": frames("AVIF", speed=10),
    }
    return {f"{name}.avif": (data, decoded(data)) for name, data in kinds.items()}


@cache
def good() -> dict[str, tuple[bytes, Pixels]]:
    """All files that are read, by name."""
    cases = good_jpegs() | good_pngs() | good_gifs_and_webps() | good_bmps() | good_avifs()
    rgb = {name: shown if shown.ndim == 3 else np.stack([shown] * 3, -1) for name, (_, shown) in cases.items()}
    return {name: (data, rgb[name].astype(np.uint8)) for name, (data, _) in cases.items()}


def bad_pictures() -> dict[str, tuple[bytes, str]]:
    """Files of the formats that are read, which are cut, damaged, too large, or contradict themselves."""
    plain, checked = good()["baseline.jpg"][0], png(RGB, 8, 2, chunk(b"tRNS", bytes(6)))
    frame, stored = (
        plain.index(b"\xff\xc0"),
        png_of((WIDTH, HEIGHT, 8, 2), unfiltered(RGB.reshape(HEIGHT, -1)), level=0),
    )
    gif, flat = good()["plain.gif"][0], bmp((WIDTH, HEIGHT), 24, bmp_rows(RGB))
    cases = {
        "65500 x 65500 by its header.jpg": (plain[: frame + 5] + b"\xff\xdc" * 2 + plain[frame + 9 :], TOO_MANY_PIXELS),
        "no height.jpg": (plain[: frame + 5] + bytes(2) + plain[frame + 7 :], DAMAGED),
        "12 bits by its header.jpg": (plain[: frame + 4] + b"\x0c" + plain[frame + 5 :], DAMAGED),
        "end marker missing.jpg": (plain[:-2], DAMAGED),
        "two bytes.jpg": (b"\xff\xd8", NO_PICTURE),
        "end chunk missing.png": (checked[:-12], DAMAGED),
        "one pixel altered.png": (altered(stored, len(stored) // 2), DAMAGED),
        "filter that does not exist.png": (png_of((4, 1, 8, 0), b"\x07abcd"), DAMAGED),
        "bit depth that does not exist.png": (png_of((4, 1, 3, 0), bytes(5)), DAMAGED),
        "0 x 0.png": (png_of((0, 0, 8, 2), b""), DAMAGED),
        "0 x 0.gif": (b"GIF89a" + bytes(7) + b";", DAMAGED),
        "no frame.gif": (b"GIF89a\4\0\4\0" + bytes(3) + b";", DAMAGED),
        "60000 x 60000 by its header.gif": (gif[:6] + struct.pack("<HH", 60000, 60000) + gif[10:], TOO_MANY_PIXELS),
        "run lengths with a jump of 16 GB.bmp": (
            bmp((64_000_000, 1), 8, b"\0\2\xff\xff\0\1", bytes(1024), 1),
            f"too much memory|{TOO_MANY_PIXELS}",
        ),
        "a JPEG inside.bmp": (bmp((WIDTH, HEIGHT), 24, plain, b"", 4), DAMAGED),
        "60000 x 60000 by its header.bmp": (bmp((60000, 60000), 24, b""), TOO_MANY_PIXELS),
        "16383 x 16383.webp": (flat_webp(16383), TOO_MANY_PIXELS),
        "16383 x 16383, lossy.webp": (
            good()["lossy.webp"][0][:26] + b"\xff\x3f\xff\x3f" + good()["lossy.webp"][0][30:],
            TOO_MANY_PIXELS,
        ),
    }
    for kind in (b"IHDR", b"tRNS", b"IDAT"):
        start = checked.index(kind)
        place = start + 4 + int.from_bytes(checked[start - 4 : start], "big")
        cases[f"checksum of {kind.decode()} wrong.png"] = (altered(checked, place), DAMAGED)
    for size in ((60000, 60000), (20000, 5000), (2**16, 1), (1, 2**16), (2**31 - 1, 1)):
        cases[f"{size[0]} x {size[1]} by its header.png"] = (png_of((*size, 8, 2), b""), TOO_MANY_PIXELS)
    whole = {
        name: good()[name][0] for name in ("lossy.webp", "lossless.webp", "plain.gif", "plain.avif", "interlaced.png")
    }
    for name, data in (whole | {"24 bits.bmp": flat}).items():
        cases |= cut(name, data)
    for name in ("baseline.jpg", "progressive.jpg", "RGB.png"):
        cases |= cut(name, good()[name][0], TEN_PLACES)
    return cases


def bad_kinds() -> dict[str, tuple[bytes, str]]:
    """Files of other kinds, under names that may say otherwise."""
    archive, eps = BytesIO(), saved(RGB, "EPS")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("picture.png", png(RGB, 8, 2))

    def brands(major: bytes, *compatible: bytes) -> bytes:
        return struct.pack(">I4s4sI", 16 + 4 * len(compatible), b"ftyp", major, 0) + b"".join(compatible) + bytes(100)

    tiff, heic = (
        r"is a TIFF, which is not read here\. Save it as PNG\.",
        "Formats > Most Compatible, or share it as JPEG",
    )
    return {
        "empty.png": (b"", "is empty"),
        "one byte.png": (b"\x89", NO_PICTURE),
        "text.png": (b"This is no picture.\n" * 100, NO_PICTURE),
        "random.png": (np.random.default_rng(3).bytes(5000), NO_PICTURE),
        "scan.tif": (saved(RGB, "TIFF"), tiff),
        "scan named.jpg": (saved(RGB, "TIFF", big_tiff=True), tiff),
        "of a Motorola.tif": (b"MM\0*" + bytes(100), tiff),
        "phone.heic": (brands(b"heic", b"mif1", b"heic"), heic),
        "phone named.jpg": (brands(b"mif1", b"mif1", b"heic"), heic),
        "picture.jxl": (b"\xff\x0a" + bytes(100), "is a JPEG XL"),
        "picture in a box.jxl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "is a JPEG XL"),
        "film.mp4": (brands(b"isom", b"isom", b"mp42"), "is a film"),
        "page.jpg": (b"<!doctype html><html><body><svg/></body></html>", "is a web page"),
        "drawing.svg": (
            b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
            "is an SVG",
        ),
        "drawing named.png": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG"),
        "paper.pdf": (b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF", "is a PDF"),
        "picture.psd": (b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, HEIGHT, WIDTH, 8, 3) + bytes(1000), "Photoshop"),
        "page of PostScript named.jpg": (eps, NO_PICTURE),
        "archive named.png": (archive.getvalue(), NO_PICTURE),
        "icon.ico": (saved(RGB, "ICO"), NO_PICTURE),
        "picture.jp2": (saved(RGB, "JPEG2000"), NO_PICTURE),
        "picture.tga": (saved(RGB, "TGA"), NO_PICTURE),
        "meta.wmf": (b"\xd7\xcd\xc6\x9a" + bytes(100), NO_PICTURE),
    }


@cache
def bad() -> dict[str, tuple[bytes, str]]:
    """All files that are refused, by name, with a pattern of the reason."""
    return bad_pictures() | bad_kinds()


# ---------------------------------------------------------------------------------------------------------- orientation

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
CORNERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}  # as rows are read


def quarters() -> Pixels:
    """A picture of four quarters in the colours of CORNERS."""
    four = np.array(list(CORNERS.values()), np.uint8).reshape(2, 2, 3)
    return four.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)


def turned() -> dict[str, tuple[bytes, int]]:
    """Files whose quarters are stored as they are, and the orientation in which Chromium shows them."""
    picture, six = quarters(), exif(6)
    jpeg = saved(picture, "JPEG", subsampling=0)
    avif: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4", "speed": 10}
    near = Image.Exif()
    near[ORIENTATION + 1] = 6  # renamed below: Pillow itself would move an orientation to irot

    def tagged(*segments: bytes) -> bytes:
        return jpeg[:2] + b"".join(map(app, segments)) + jpeg[2:]

    text = b"\nexif\n%8d\n" % len(six) + binascii.hexlify(six) + b"\n"
    before_scan = jpeg.index(b"\xff\xda")
    cases = {f"EXIF {n}.jpg": (tagged(exif(n)), n if n <= 8 else 1) for n in range(1, 10)}
    cases |= {f"eXIf {n}.png": (png(picture, 8, 2, chunk(b"eXIf", exif(n)[6:])), n) for n in range(1, 9)}
    cases |= {f"irot and imir {n}.avif": (saved(picture, "AVIF", exif=exif(n), **avif), n) for n in range(1, 9)}
    return cases | {
        "EXIF behind XMP.jpg": (tagged(b"http://ns.adobe.com/xap/1.0/\0" + XMP, six), 6),
        "EXIF twice.jpg": (tagged(exif(3), six), 3),
        "EXIF before the scan.jpg": (jpeg[:before_scan] + app(six) + jpeg[before_scan:], 6),
        "XMP.jpg": (tagged(b"http://ns.adobe.com/xap/1.0/\0" + XMP), 1),
        "EXIF, orientation a LONG.jpg": (tagged(exif_entry(4, 1, b"\0\0\0\6")), 1),
        "EXIF, orientation in letters.jpg": (tagged(exif_entry(2, 2, b"6\0")), 1),
        "EXIF, two orientations.jpg": (tagged(exif_entry(3, 2, b"\0\6\0\6")), 1),
        "EXIF, no orientation.jpg": (tagged(exif_entry(3, 0, b"\0\6\0\0")), 1),
        "EXIF cut.jpg": (tagged(six[:20]), 1),
        "eXIf as in a JPEG.png": (png(picture, 8, 2, chunk(b"eXIf", six)), 1),
        "eXIf behind the pixels.png": (png(picture, 8, 2)[:-12] + chunk(b"eXIf", six[6:]) + chunk(b"IEND", b""), 1),
        "eXIf of a wrong checksum.png": (png(picture, 8, 2, chunk(b"eXIf", six[6:])[:-4] + bytes(4)), 1),
        "EXIF as text.png": (png(picture, 8, 2, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))), 1),
        "XMP.png": (png(picture, 8, 2, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)), 1),
        "EXIF.webp": (saved(picture, "WEBP", lossless=True, exif=six), 1),
        "XMP.webp": (saved(picture, "WEBP", lossless=True, xmp=XMP), 1),
        "XMP.avif": (saved(picture, "AVIF", xmp=XMP, **avif), 1),
        "EXIF.avif": (saved(picture, "AVIF", exif=near.tobytes(), **avif).replace(b"\1\x13\0\3", b"\1\x12\0\3"), 1),
    }


# -------------------------------------------------------------------------------------------------------------- colours

COLOUR = (64, 192, 100)  # of which wide gamuts and other gammas make another one


def colour_chunks() -> dict[str, tuple[bytes, bool]]:
    """Chunks of a PNG that say something of its colours, and whether Chromium shows COLOUR otherwise for them."""
    srgb, p3, broken = (
        chunk(b"iCCP", b"name\0\0" + zlib.compress(data))
        for data in (profile(wide=False), profile(wide=True), profile(wide=True)[:300])
    )
    usual, linear = (chunk(b"gAMA", struct.pack(">I", gamma)) for gamma in (45455, 100000))
    corners = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
    return {
        "iCCP of sRGB": (srgb, False),
        "iCCP of P3": (p3, True),
        "iCCP of P3, cut": (broken, False),
        "cICP of P3": (chunk(b"cICP", bytes([12, 13, 0, 1])), True),
        "cICP of PQ, iCCP of sRGB": (chunk(b"cICP", bytes([9, 16, 0, 1])) + srgb, True),
        "cICP of sRGB, iCCP of P3": (chunk(b"cICP", bytes([1, 13, 0, 1])) + p3, False),
        "gAMA of sRGB": (usual, False),
        "gAMA of 1": (linear, True),
        "gAMA of 1, sRGB": (chunk(b"sRGB", b"\0") + linear, False),
        "gAMA of sRGB, cHRM of P3": (usual + corners, True),
        "cHRM of P3": (corners, False),
    }
