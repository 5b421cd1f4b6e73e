"""Write what the shop holds as a workbook whose import changes nothing."""

import os
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from app.catalog.pictures import original_key
from app.gateways.storage.port import Storage
from app.workbook import queries, rules
from app.workbook.layout import LAYOUT
from app.workbook.values import written


def export_workbook(target: Path, storage: Storage) -> None:
    """Write an .xlsx, or a .zip of it with its pictures. The file appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
        part = Path(folder) / "workbook.xlsx"
        _write_book(part)
        if target.suffix.lower() == ".zip":
            book, part = part, Path(folder) / "workbook.zip"
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                archive.write(book, f"{target.stem}.xlsx")
                for name, picture in sorted(queries.list_pictures().items()):
                    key = original_key(storage, picture.digest)
                    if key and (content := storage.get(key)):
                        archive.writestr(name, content)
        os.chmod(part, 0o644)
        os.replace(part, target)


def _write_book(target: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    present = queries.list_rows()
    for name in rules.SHEETS:
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        header = [_cell(sheet, column.title) for column in LAYOUT[name].columns]
        for cell, column in zip(header, LAYOUT[name].columns, strict=True):
            cell.font = Font(bold=column.required)
        sheet.append(header)
        if name == rules.SPECS:
            for trim, specs in queries.stream_specs():
                for spec in specs:
                    sheet.append([trim, *(_spec_value(text) for text in spec)])
            continue
        rows = (stored.row for stored in present[name].values() if not stored.withdrawn)
        _write_rows(sheet, name, rows)
    book.save(target)


def _write_rows(sheet: Any, name: str, rows: Iterable[Any]) -> None:
    columns = LAYOUT[name].columns
    for row in rows:
        values = [written(getattr(row, column.field), column) for column in columns]
        if name == rules.DEALERS:
            # What is stored is GCJ-02, whatever it came in.
            values = ["GCJ-02" if c.field == "system" else v for c, v in zip(columns, values, strict=True)]
        sheet.append([_cell(sheet, value) for value in values])


def _spec_value(text: str) -> str | None:
    return text or None


def _cell(sheet: Any, value: Any) -> Any:
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        # Never a formula, whatever the text begins with.
        cell.data_type = "s"
    if isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm:ss"
    return cell
