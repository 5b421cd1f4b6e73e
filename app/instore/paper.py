"""打印: windscreen card A5, table tent A4 to fold, poster A3, sticker sheet A4, as PDF with its font in it.

The same panel at four sizes: store, what the code does in words, what it stands on, the code with its twelve letters.
Text is made smaller, then broken, then cut, so that the longest name stays on the paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import segno

from app.core.typeface import FONT, SYSTEM_FONTS, covered

if TYPE_CHECKING:  # every process would load it and its fonts' tools at the start, for what few print
    from fpdf import FPDF

INK, INK2, TEAL, PAPER = (20, 24, 26), (75, 83, 87), (11, 93, 87), (225, 238, 235)
OWN, RARE = "own", "rare"
POINT: Final = 25.4 / 72
QUIET: Final = 4
NAME = 6  # a part of a name up to this long is not broken
STICKER = (99.1, 57.0)  # ten on a sheet of A4: 2 by 5


class Sheet(StrEnum):
    """What can be printed."""

    CARD = "card"
    TENT = "tent"
    POSTER = "poster"
    STICKERS = "stickers"


SHEET_WORDS = {
    Sheet.CARD: "挡风玻璃卡 A5",
    Sheet.TENT: "桌面立牌 A4 对折",
    Sheet.POSTER: "海报 A3",
    Sheet.STICKERS: "不干胶 A4（10 枚）",
}


@dataclass(frozen=True, slots=True)
class Printed:
    """What stands on the paper of one code. `follow_url` is WeChat's scene code; empty: none is printed."""

    store: str
    promise: str
    detail: str
    about: str
    place: str
    code: str
    url: str
    free: str
    follow_url: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A place on the paper, in millimetres."""

    x: float
    y: float
    w: float
    h: float


def draw(sheet: Sheet, items: Sequence[Printed]) -> bytes:
    """The PDF: one item a page, stickers ten a page."""
    wide = {
        Sheet.CARD: (210.0, 148.0), Sheet.TENT: (210.0, 297.0), Sheet.POSTER: (297.0, 420.0),
        Sheet.STICKERS: (210.0, 297.0),
    }  # fmt: skip
    size = wide[sheet]
    pdf = _new(items, size)
    if sheet is Sheet.STICKERS:
        _stickers(pdf, items)
    for item in items if sheet is not Sheet.STICKERS else ():
        pdf.add_page(format=size)
        whole = Box(0, 0, *size)
        if sheet is Sheet.CARD:
            _side_by_side(pdf, whole, item)
        elif sheet is Sheet.POSTER:
            _poster(pdf, whole, item)
        else:
            lower = Box(0, 148.5, 210, 148.5)
            with pdf.rotation(180, 105, 74.25):
                _side_by_side(pdf, Box(0, 0, 210, 148.5), item)
            _side_by_side(pdf, lower, item)
            pdf.set_draw_color(*INK2)
            pdf.set_line_width(0.2)
            pdf.set_dash_pattern(dash=2, gap=2)
            pdf.line(0, 148.5, 210, 148.5)
            pdf.set_dash_pattern()
    return bytes(pdf.output())


def _new(items: Sequence[Printed], size: tuple[float, float]) -> FPDF:
    from fpdf import FPDF

    pdf = FPDF(unit="mm", format=size)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.add_font(OWN, fname=FONT)
    words = "".join(f"{i.store}{i.promise}{i.detail}{i.about}{i.place}" for i in items)
    system = next((p for p in SYSTEM_FONTS if p.is_file()), None)
    if not covered(words) and system is not None:
        pdf.add_font(RARE, fname=system)
        pdf.set_fallback_fonts([RARE], exact_match=False)
    pdf.set_title(f"{items[0].store} 店内码" if items else "店内码")
    pdf.set_lang("zh-CN")
    return pdf


def _side_by_side(pdf: FPDF, box: Box, item: Printed) -> None:
    """Words at the left, the code at the right: card and tent."""
    edge = 12.0
    side = 82.0
    _band(pdf, Box(box.x, box.y, box.w, 20), item.store)
    left = Box(box.x + edge, box.y + 28, box.w - side - 3 * edge, box.h - 40)
    y = _write(pdf, left, item.promise, 40, lines=2, bold=True)
    y = (
        _write(pdf, Box(left.x, y + 4, left.w, 36), item.about, 24, lines=3, colour=TEAL, bold=True)
        if item.about
        else y
    )
    y = _write(pdf, Box(left.x, y + 4, left.w, 36), item.detail, 18, lines=3, colour=INK2)
    foot = Box(left.x, box.y + box.h - 26, left.w, 18)
    below = _write(pdf, foot, item.free, 12, lines=2, bold=True)
    _write(pdf, Box(left.x, below + 1, left.w, 10), item.place, 10, lines=1, colour=INK2)
    right = box.x + box.w - edge - side
    _qr(pdf, Box(right, box.y + 26, side, side), item.url)
    _code_line(pdf, Box(right, box.y + 26 + side, side, 8), item.code, 13)
    if item.follow_url:
        small = 22.0
        _qr(pdf, Box(right, box.y + box.h - small - 6, small, small), item.follow_url)
        words = Box(right + small + 2, box.y + box.h - small, side - small - 2, small)
        _write(pdf, words, "关注公众号（可选，不关注也能用上面的码）", 9, lines=3, colour=INK2)


def _poster(pdf: FPDF, box: Box, item: Printed) -> None:
    edge = 24.0
    _band(pdf, Box(0, 0, box.w, 44), item.store)
    inside = box.w - 2 * edge
    y = _write(pdf, Box(edge, 62, inside, 60), item.promise, 92, lines=2, bold=True, centre=True)
    if item.about:
        y = _write(pdf, Box(edge, y + 8, inside, 44), item.about, 44, lines=3, colour=TEAL, bold=True, centre=True)
    y = _write(pdf, Box(edge, y + 8, inside, 30), item.detail, 26, lines=2, colour=INK2, centre=True)
    side = min(190.0, box.h - 70 - y)
    _qr(pdf, Box((box.w - side) / 2, y + 6, side, side), item.url)
    y += 6 + side
    _code_line(pdf, Box(edge, y, inside, 12), item.code, 24)
    _write(pdf, Box(edge, box.h - 42, inside, 14), item.free, 24, lines=1, bold=True, centre=True)
    _write(pdf, Box(edge, box.h - 26, inside, 10), item.place, 14, lines=1, colour=INK2, centre=True)
    if item.follow_url:
        _qr(pdf, Box(box.w - 52, box.h - 62, 34, 34), item.follow_url)
        _write(pdf, Box(box.w - 60, box.h - 28, 50, 12), "关注公众号（可选）", 11, lines=1, colour=INK2, centre=True)


def _stickers(pdf: FPDF, items: Sequence[Printed]) -> None:
    w, h = STICKER
    for number, item in enumerate(items):
        place = number % 10
        if place == 0:
            pdf.add_page(format=(210.0, 297.0))
        box = Box((210 - 2 * w) / 2 + (place % 2) * w, (297 - 5 * h) / 2 + (place // 2) * h, w, h)
        side = h - 13
        _qr(pdf, Box(box.x + 3, box.y + 3, side, side), item.url)
        _code_line(pdf, Box(box.x + 3, box.y + 3 + side, side, 5), item.code, 8)
        words = Box(box.x + side + 6, box.y + 6, w - side - 10, h - 10)
        y = _write(pdf, words, item.promise, 17, lines=2, bold=True)
        y = _write(
            pdf, Box(words.x, y + 1.5, words.w, 14), item.about or item.place, 10.5, lines=3, colour=TEAL, bold=True
        )
        y = _write(pdf, Box(words.x, y + 1.5, words.w, 14), item.store, 9.5, lines=3, colour=INK2)
        _write(pdf, Box(words.x, y + 1.5, words.w, 8), item.free, 7.5, lines=2, colour=INK2)


def _band(pdf: FPDF, box: Box, store: str) -> None:
    pdf.set_fill_color(*TEAL)
    pdf.rect(box.x, box.y, box.w, box.h, style="F")
    edge = box.h * 0.6
    room = box.w - 2 * edge
    one = box.h * 1.35
    # One line as large as it may be, else two that fit the band together.
    size, lines = (one, 1) if len(_fit(pdf, store, room, one, 1)[1][0]) == len(store) else (box.h * 0.98, 2)
    points, rows = _fit(pdf, store, room, size, lines)
    top = box.y + (box.h - len(rows) * points * POINT * 1.25) / 2
    _write(pdf, Box(box.x + edge, top, room, box.h), store, size, lines=lines, colour=(255, 255, 255), bold=True)


def _code_line(pdf: FPDF, box: Box, code: str, size: float) -> None:
    _write(pdf, box, " ".join(code[i : i + 4] for i in range(0, len(code), 4)), size, lines=1, centre=True)


def _write(
    pdf: FPDF, box: Box, text: str, size: float, *, lines: int, colour: tuple[int, int, int] = INK, bold: bool = False,
    centre: bool = False,
) -> float:  # fmt: skip
    """Write at most so many lines; the y below them."""
    points, rows = _fit(pdf, text, box.w, size, lines)
    step = points * POINT * 1.25
    pdf.set_text_color(*colour)
    pdf.set_draw_color(*colour)
    pdf.set_font(OWN, size=points)
    pdf.set_line_width(points * 0.008)
    y = box.y
    from fpdf.enums import TextMode

    with pdf.local_context(text_mode=TextMode.FILL_STROKE if bold else TextMode.FILL):
        for row in rows:
            pdf.set_xy(box.x, y)
            pdf.cell(box.w, step, row, align="C" if centre else "L")
            y += step
    return y


def _fit(pdf: FPDF, text: str, room: float, size: float, lines: int) -> tuple[float, list[str]]:
    """The largest size from `size` down to half of it at which the text fits; then it is cut with an ellipsis."""
    points = size
    while True:
        pdf.set_font(OWN, size=points)
        rows = list(_wrap(pdf, text, room - 1))
        if len(rows) <= lines:
            return points, rows
        if points <= size * 0.5:
            last = rows[lines - 1]
            while last and pdf.get_string_width(last + "…") > room - 1:
                last = last[:-1]
            return points, [*rows[: lines - 1], last + "…"]
        points -= size * 0.05


def _wrap(pdf: FPDF, text: str, room: float) -> Iterator[str]:
    """Chinese breaks anywhere; a word of letters and figures, and a mark with what it follows, do not."""
    first, _, rest = text.partition("\n")
    if rest:
        yield from _wrap(pdf, first, room)
        yield from _wrap(pdf, rest, room)
        return
    line = ""
    for word in _words(text):
        if line and pdf.get_string_width(line + word) > room:
            yield line.rstrip()
            line = word.lstrip()
        else:
            line += word
        while pdf.get_string_width(line) > room and len(line) > 1:
            cut = next((n for n in range(len(line) - 1, 0, -1) if pdf.get_string_width(line[:n]) <= room), 1)
            yield line[:cut]
            line = line[cut:]
    yield line


def _words(text: str) -> Iterator[str]:
    """What stays on one line: short names between spaces (舒享版), words of letters, a mark with what it follows."""
    for part in re.findall(r" +|[^ ]+", text):
        if len(part) <= NAME:
            yield part
            continue
        word = ""
        for sign in part:
            if word and ((sign.isascii() and word[-1].isascii()) or sign in "，。、；：）”"):
                word += sign
            else:
                if word:
                    yield word
                word = sign
        yield word


def _qr(pdf: FPDF, box: Box, text: str) -> None:
    """Error correction Q: paper gets scratched. Black on white with its quiet zone, drawn, not a picture."""
    matrix = [bytes(row) for row in segno.make(text, error="q", micro=False, boost_error=False).matrix]
    count = len(matrix) + 2 * QUIET
    unit = box.w / count
    pdf.set_fill_color(255, 255, 255)
    pdf.rect(box.x, box.y, box.w, box.w, style="F")
    pdf.set_fill_color(0, 0, 0)
    for y, row in enumerate(matrix):
        for x, length in _runs(row):
            pdf.rect(box.x + (x + QUIET) * unit, box.y + (y + QUIET) * unit, length * unit, unit * 1.01, style="F")


def _runs(row: bytes) -> Iterator[tuple[int, int]]:
    """Where dark modules begin and how many follow."""
    start = None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None


def named(kind: Sheet, code: str) -> str:
    """The file's name, safe everywhere."""
    return f"zhanting-{kind.value}-{code}.pdf"
