"""The result as one picture to post: what a chat's preview shows."""

from __future__ import annotations

import base64
import io
import textwrap
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

from megastyle.page import words
from megastyle.page.outcome import Outcome
from megastyle.page.ruler import dots_of, scale_of, stretches

SIZE = (1200, 630)  # px: what chats and social networks show uncut
MARGIN = 40
SIDE = 320  # of the test image's square
LARGEST, GAP = 140, 8  # of a reference's square, and between two
INK, QUIET, PAPER, FRAME = "#1c1c22", "#605d57", "#ffffff", "#f3f1ed"
WARNING_PAPER, WARNING_INK = "#fff3d6", "#3d2f08"
RULER_TOP = 500
LETTER = 13  # px of a letter of the sentence, generously
NAME_LENGTH = 30  # characters of the test image's name
MISSING = "\U0010fffe"  # a letter that no font has: what has its shape would be drawn as a box


font = lru_cache(maxsize=8)(ImageFont.load_default)  # Pillow's own: letters of ASCII and a few more, and no emoji


def drawable(text: str) -> str:
    """The text, shortened by three dots, or nothing where the font lacks one of its letters."""
    text, box = words.short(text, NAME_LENGTH).replace("…", "..."), bytes(font(20).getmask(MISSING))
    return text if text.isprintable() and all(bytes(font(20).getmask(letter)) != box for letter in text) else ""


def paste_in(canvas: Image.Image, address: str, box: tuple[int, int], side: int) -> None:
    """A thumbnail's data address as a picture in a square whose upper left corner is `box`."""
    content = base64.b64decode(address.partition(",")[2])
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as opened:
        canvas.paste(ImageOps.pad(opened.convert("RGB"), (side, side), Image.Resampling.LANCZOS, FRAME), box)


def draw_ruler(draw: ImageDraw.ImageDraw, outcome: Outcome) -> None:
    """Bands with a mark for each reference, and their mean; without a test image, their means to one another."""
    comparison, scale = outcome.comparison, scale_of(outcome)
    base = RULER_TOP + 44

    def across(place: float) -> float:
        return MARGIN + place / 100 * (SIZE[0] - 2 * MARGIN)

    for stretch in stretches(scale):
        left, right = across(stretch.left), across(stretch.right)
        draw.rectangle((left, base - 1.4 * stretch.height, right - 2, base), fill=stretch.band.colour)
        draw.text(((left + right) / 2, base + 16), stretch.band.name, QUIET, font(19), "mm")
        if stretch.left:
            draw.text((left, base + 36), f"{stretch.band.floor:.2f}", QUIET, font(15), "mm")
    for cosine in comparison.cosines if comparison.has_test else dots_of(comparison):
        x = across(scale.place(cosine))
        draw.line((x, base - 30, x, base + 4), INK, 3)
    if comparison.has_test:
        x = across(scale.place(comparison.mean_cosine))
        draw.polygon([(x - 10, base - 46), (x + 10, base - 46), (x, base - 30)], fill=INK)


def draw_words(draw: ImageDraw.ImageDraw, outcome: Outcome, left: int, top: int) -> None:
    """Label with a disc of its colour, the headline's number, and as much of what follows as there is room for."""
    comparison = outcome.comparison
    head, headline, sentence, *_ = (words.plain(part) for part in words.verdict(outcome).split("\n\n"))
    width = SIZE[0] - left - MARGIN
    if comparison.has_test:
        draw.ellipse((left, top + 6, left + 44, top + 50), fill=comparison.band.colour)
    title = head.split(" ", 1)[1]  # the font has no emoji
    draw.text((left + (60 if comparison.has_test else 0), top), title, INK, font(48), stroke_width=1)
    mean, _, more = headline.partition(". ")
    draw.text((left, top + 70), f"{mean.removesuffix('.')}.", INK, font(32))
    for number, line in enumerate(textwrap.wrap(f"{more} {sentence}".strip(), width // LETTER)[:5]):
        draw.text((left, top + 122 + 33 * number), line, INK, font(25))


def png(outcome: Outcome) -> bytes:
    """The picture: test image, references, headline, the sentence on the fit, and the ruler; 1200 x 630, RGB."""
    comparison, thumbnails = outcome.comparison, outcome.thumbnails
    canvas = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(canvas)
    top, left = 32, MARGIN
    if not outcome.provenance.is_official:
        draw.rectangle((0, 0, SIZE[0], 40), fill=WARNING_PAPER)
        draw.text((SIZE[0] / 2, 20), f"{words.NOT_MEGASTYLE}.", WARNING_INK, font(24), "mm", stroke_width=1)
        top = 56
    if comparison.has_test:
        paste_in(canvas, thumbnails[0].large, (MARGIN, top), SIDE)
        name = drawable(outcome.name) or "Test image"
        draw.text((MARGIN + SIDE / 2, top + SIDE + 14), name, QUIET, font(18), "mm")
        left = MARGIN + SIDE + 32
    draw_words(draw, outcome, left, top)
    count = len(comparison.reference_names)
    side = min(LARGEST, (SIZE[0] - MARGIN - left + GAP) // count - GAP)
    for index in range(count):
        box = (left + index * (side + GAP), RULER_TOP - 34 - side)
        paste_in(canvas, thumbnails[index + comparison.offset].medium, box, side)
        draw.text((box[0] + 6, box[1] + 4), str(index + 1), INK, font(18), stroke_width=3, stroke_fill=PAPER)
        if index == comparison.odd_one_out:
            draw.rectangle((box[0], box[1] + side - 20, box[0] + side, box[1] + side), fill=WARNING_PAPER)
            draw.text((box[0] + side / 2, box[1] + side - 10), "agrees least", WARNING_INK, font(14), "mm")
    draw_ruler(draw, outcome)
    encoder = outcome.provenance.encoder["checkpoint"]
    footer = f"MegaStyle Comparison · {outcome.made[:10]} · {drawable(encoder) or 'another encoder'}"
    draw.text((SIZE[0] - MARGIN, SIZE[1] - 14), footer, QUIET, font(15), "rm")
    key = "A line is one reference's cosine to the test image, the triangle their mean."
    alone = "A line is one reference's mean cosine to the others."
    draw.text((MARGIN, SIZE[1] - 14), key if comparison.has_test else alone, QUIET, font(15), "lm")
    content = io.BytesIO()
    canvas.save(content, "PNG", optimize=True)
    return content.getvalue()
