"""A list as headquarters hand it in: the first column of a CSV or Excel file, bounded before anything is believed."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

from app.coupons.errors import ListUnreadable

MOST_ROWS, MOST_TEXT = 20_000, 40
MOST_UNPACKED = 40 * 1024 * 1024
HEADS = {"手机号", "手机", "电话", "会员号", "phone", "member"}
ZIP = b"PK\x03\x04"
NO_TEXT = re.compile(r"^%PDF|[\x00-\x08\x0b\x0c\x0e-\x1f]")


def read_list(data: bytes) -> list[str]:
    """The lines of the file, without its header. ListUnreadable for what is no list, too long or a trap."""
    rows = _xlsx(data) if data.startswith(ZIP) else _csv(data)
    lines: list[str] = []
    for row in rows:
        cell = next((text for value in row if (text := _text(value))), "")
        if cell:
            lines.append(cell[:MOST_TEXT])
        if len(lines) > MOST_ROWS + 1:
            raise ListUnreadable(f"名单最多 {MOST_ROWS} 行，请分成几份上传。")
    if lines and lines[0].casefold() in HEADS:
        lines = lines[1:]
    if not lines:
        raise ListUnreadable("名单里没有内容，请在第一列写手机号或会员号。")
    return lines


def _csv(data: bytes) -> Iterable[list[Any]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ListUnreadable
    if NO_TEXT.search(text):  # a PDF, a picture: what a list never holds
        raise ListUnreadable
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error:
        raise ListUnreadable from None


def _xlsx(data: bytes) -> Iterable[tuple[Any, ...]]:
    import openpyxl  # loaded only where somebody uploads a workbook

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise ListUnreadable("这个文件解开后太大，请只保留一列手机号或会员号。")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False, data_only=True)
        try:
            yield from book.worksheets[0].iter_rows(values_only=True, max_row=MOST_ROWS + 1000, max_col=20)
        finally:
            book.close()
    except ListUnreadable:
        raise
    except Exception:  # openpyxl raises whatever its parsers raise
        raise ListUnreadable from None


def _text(value: Any) -> str:
    """A phone number may be a number in a cell."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
