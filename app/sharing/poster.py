"""海报: one picture to save and send: car, name, price with its day, the page's QR code, the legal line.

The font is ours (core.typeface).
"""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import segno
from PIL import Image, ImageDraw, ImageFont

from app.core.money import format_range
from app.core.outside import PosterFacts
from app.core.typeface import file_for

WIDTH, HEIGHT, EDGE = 750, 1280, 48
STAGE: Final = (EDGE, 132, WIDTH - EDGE, 612)
PAPER, INK, INK2, PRICE, WHITE, LINE = "#F5F4F0", "#14181A", "#4B5357", "#B4381F", "#FFFFFF", "#DAD7CF"
QR_SIZE, QR_QUIET = 232, 4
LAYOUT: Final = "1"  # part of the key: a new drawing is a new picture
KEPT: Final = 48

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Poster:
    """Facts with the day they are true, the address in the code, the brand's name."""

    facts: PosterFacts
    url: str
    brand: str
    day: date

    @property
    def key(self) -> str:
        """Changes when anything on the picture does."""
        return hashlib.sha256(repr((LAYOUT, self.facts, self.url, self.brand, self.day)).encode()).hexdigest()[:24]

    @property
    def price(self) -> str:
        if self.facts.price_fen is None:
            return ""
        return format_range(self.facts.price_fen, self.facts.price_to_fen or self.facts.price_fen)


class PosterStore:
    """The posters of one process; the least recently asked for leave first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, content: bytes) -> None:
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


@cache
def _font(path: Path, size: int) -> Font:
    return ImageFont.truetype(str(path), size)


def font_for(text: str, size: int) -> Font:
    """Our font, or the system's where the text has a character that ours lacks."""
    return _font(file_for(text), size)


def draw(poster: Poster, picture: bytes | None) -> bytes:
    """The poster as a JPEG; `picture` is the car's, with or without transparency."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(sheet)
    _text(pen, (EDGE, 48), poster.brand, 34, INK, WIDTH - 2 * EDGE)
    _stage(sheet, pen, picture, poster.brand)
    facts = poster.facts
    y = _lines(pen, facts.title, 46, INK, 644, most=2)
    y = _lines(pen, facts.subtitle, 28, INK2, y + 10, most=2)
    if poster.price:
        pen.text((EDGE, y + 34), facts.price_label, font=font_for(facts.price_label, 26), fill=INK2)
        left = EDGE + pen.textlength(facts.price_label, font=font_for(facts.price_label, 26)) + 16
        _text(pen, (left, y + 12), f"¥{poster.price}", 52, PRICE, WIDTH - EDGE - left)
    _foot(sheet, pen, poster)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=88, optimize=True, progressive=True)
    return out.getvalue()


def _stage(sheet: Image.Image, pen: ImageDraw.ImageDraw, picture: bytes | None, brand: str) -> None:
    left, top, right, bottom = STAGE
    # The stage's light: from white at the top to the paper's shade at the bottom.
    light = Image.linear_gradient("L").resize((right - left, bottom - top))
    ground = Image.composite(Image.new("RGB", light.size, "#E4E1D9"), Image.new("RGB", light.size, WHITE), light)
    mask = Image.new("L", light.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, light.width - 1, light.height - 1), 28, fill=255)
    if picture:
        with Image.open(io.BytesIO(picture)) as opened:
            car = opened.convert("RGBA")
        car.thumbnail((light.width, light.height), Image.Resampling.LANCZOS)
        ground.paste(car, ((light.width - car.width) // 2, (light.height - car.height) // 2), car)
    sheet.paste(ground, (left, top), mask)
    if not picture:
        middle = ((left + right) // 2, (top + bottom) // 2)
        pen.text(middle, brand, font=font_for(brand, 64), fill="#85898A", anchor="mm")
    else:
        words = "示意图"
        pen.text((right - 20, bottom - 16), words, font=font_for(words, 20), fill=INK2, anchor="rs")


def _foot(sheet: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster) -> None:
    top = HEIGHT - EDGE - QR_SIZE
    pen.line((EDGE, top - 28, WIDTH - EDGE, top - 28), fill=LINE, width=2)
    sheet.paste(_code(poster.url), (WIDTH - EDGE - QR_SIZE, top))
    room = WIDTH - 3 * EDGE - QR_SIZE
    pen.text((EDGE, top + 8), "长按或扫码查看", font=font_for("", 30), fill=INK)
    y = top + 60
    priced = (
        f"价格截至 {poster.day.isoformat()}，以页面当日显示为准" if poster.price else f"{poster.day.isoformat()} 制作"
    )
    for text in (poster.facts.note, priced):
        y = _lines(pen, text, 24, INK2, y, most=3, room=room) + 8


def _code(url: str) -> Image.Image:
    """The page's QR code, error correction M, on white with its quiet zone."""
    rows = [bytes(row) for row in segno.make(url, error="m", micro=False).matrix_iter(border=QR_QUIET)]
    code = Image.new("L", (len(rows[0]), len(rows)))
    code.putdata([0 if dark else 255 for row in rows for dark in row])
    scale = max(QR_SIZE // code.width, 1)
    # Whole modules only; what is left becomes more white around them.
    sharp = code.resize((code.width * scale, code.height * scale), Image.Resampling.NEAREST)
    card = Image.new("RGB", (QR_SIZE, QR_SIZE), WHITE)
    card.paste(sharp.convert("RGB"), ((QR_SIZE - sharp.width) // 2, (QR_SIZE - sharp.height) // 2))
    return card


def _lines(
    pen: ImageDraw.ImageDraw, text: str, size: int, fill: str, y: float, *, most: int, room: int = WIDTH - 2 * EDGE
) -> float:
    """Write a text on at most so many lines; the y below it."""
    font = font_for(text, size)
    for line in wrap(text, font, room, most):
        pen.text((EDGE, y), line, font=font, fill=fill)
        y += round(size * 1.4)
    return y


def wrap(text: str, font: Font, room: float, most: int) -> Sequence[str]:
    """Cut a text into lines that fit; what is too long ends with an ellipsis."""
    lines, line = [], ""
    for sign in text:
        if font.getlength(line + sign) <= room:
            line += sign
            continue
        if len(lines) == most - 1:
            while line and font.getlength(line + "…") > room:
                line = line[:-1]
            return [*lines, line + "…"]
        lines.append(line.rstrip())
        line = sign.lstrip()
    return [*lines, line] if line else lines


def _text(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, fill: str, room: float) -> None:
    """Write one line, smaller when it would not fit."""
    while size > 16 and font_for(text, size).getlength(text) > room:
        size -= 2
    pen.text(place, text, font=font_for(text, size), fill=fill)
