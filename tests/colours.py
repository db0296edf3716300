"""How well a text can be read on its background, by the definitions of WCAG 2.2."""

from __future__ import annotations

from collections.abc import Sequence

READABLE = 4.5  # contrast ratio that level AA asks for


def luminance(colour: Sequence[int]) -> float:
    """Relative luminance of an 8-bit sRGB colour."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (byte / 255 for byte in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(code: str) -> tuple[int, int, int]:
    """`#12345c` as three numbers."""
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue
