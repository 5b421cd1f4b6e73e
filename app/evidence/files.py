"""A pack and a settlement as files: a ZIP of HTML, JSON and CSV; CSV and Excel. No cell is ever a formula."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from flask import Response, render_template

from app.evidence.queries.settlement import Line, Settlement
from app.evidence.rules import Pack

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FIXED = (2020, 1, 1, 0, 0, 0)  # the same pack is the same file
COLUMNS = (
    "门店", "活动编号", "活动", "核销张数", "撤销张数", "净张数", "价值(元)", "总部承担(元)", "门店承担(元)",
)  # fmt: skip
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def zip_of(pack: Pack) -> bytes:
    """One page that opens anywhere, the same as JSON, and each table as CSV."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(name, _FIXED), text.encode(), zipfile.ZIP_DEFLATED)

        put("index.html", render_template("evidence/file.html", pack=pack))
        put("pack.json", json.dumps(asdict(pack), ensure_ascii=False, indent=1))
        for table in pack.tables:
            put(f"{table.name}.csv", csv_of(table.columns, table.rows))
    return file.getvalue()


def csv_of(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """CSV that spreadsheet programs open as UTF-8."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue()


def settlement_csv(found: Settlement) -> str:
    """The lines and what they come to."""
    rows = [[cell if isinstance(cell, str) else _number(cell) for cell in _cells(line)] for line in _all(found)]
    return csv_of(COLUMNS, rows)


def settlement_xlsx(found: Settlement) -> bytes:
    """The same for a bookkeeper's program, amounts as numbers."""
    from openpyxl import Workbook  # loaded only where somebody asks for the file
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    stores = [line for line, _ in found.by_store]
    for title, lines in (("结算依据", _all(found)), ("按门店", [*stores, found.total])):
        sheet: Any = book.create_sheet(title)
        sheet.append([f"{found.since.isoformat()} 至 {found.until.isoformat()}"])
        for difference in found.differences:
            sheet.append([f"账本与券不符：{difference}"])
        sheet.append(COLUMNS)
        for line in lines:
            row: list[Any] = []
            for cell in _cells(line):
                made: Any = WriteOnlyCell(sheet)
                made.value = cell
                if isinstance(cell, str):
                    made.data_type = "s"
                elif isinstance(cell, Decimal):
                    made.number_format = "#,##0.00"
                row.append(made)
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def answer(content: bytes, kind: str, name: str) -> Response:
    """A file to keep; no cache holds it."""
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Cache-Control"] = "no-store"
    return response


def _all(found: Settlement) -> list[Line]:
    return [*found.lines, found.total]


def _cells(line: Line) -> list[str | int | Decimal]:
    money = (line.fen, line.headquarters_fen, line.dealer_fen)
    counts = (line.redeemed, line.undone, line.net)
    return [line.dealer, line.slug, line.title, *counts, *(Decimal(fen) / 100 for fen in money)]


def _number(value: int | Decimal) -> str:
    return f"{value:.2f}" if isinstance(value, Decimal) else str(value)


def _plain(cell: str) -> str:
    """A cell no program takes for a formula; a plain number with its sign stays one."""
    if cell.startswith(_FORMULA) and not cell.removeprefix("-").replace(".", "", 1).isdigit():
        return f"'{cell}"
    return cell
