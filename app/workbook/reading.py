"""Open what a brand hands in: an .xlsx workbook, a folder of csv files, or a zip with either and the pictures.

Files come from outside: sizes, ratios and row counts are bounded before anything is believed, nothing is extracted to a
name that the file chose, and no picture leaves the folders it may come from.
"""

import csv
import tempfile
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

import openpyxl
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

from app.catalog.pictures import MAX_BYTES, SUFFIXES
from app.workbook import rules
from app.workbook.streaming import percentage, shows_percent, stream

MAX_EMPTY_ROWS: Final = 1000
MAX_ROWS: Final = 1_000_000
MAX_COLUMNS: Final = 10_000
MAX_WORKBOOK_BYTES: Final = 100 * 1024 * 1024
MAX_UNPACKED: Final = 1024 * 1024 * 1024
MAX_BOOK_UNPACKED: Final = 400 * 1024 * 1024
MAX_RATIO: Final = 200
MAX_FRAMES: Final = 120
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ERRORS: Final = frozenset({"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)
_NOTES: Final = ("说明", "填写说明", "须知", "README")


class Unreadable(ValueError):
    """The file as a whole cannot be used; the message is a Chinese sentence, `cell` where it was noticed."""

    def __init__(self, message: str, cell: str = "A1") -> None:
        super().__init__(message)
        self.cell = cell


class Formula:
    """Stands where a cell holds a formula instead of a value."""


FORMULA: Final = Formula()
Line = tuple[int, Sequence[Any]]


@dataclass(slots=True)
class Table:
    """One sheet: `lines` yields (row number, cells) and skips empty rows; the first one is the header."""

    name: str
    lines: Callable[[], Iterator[Line]]


@dataclass(slots=True)
class PictureBox:
    """Where picture names are looked up: folders on this disk and, for a zip, the archive itself."""

    folders: list[Path] = field(default_factory=list)
    archive: zipfile.ZipFile | None = None
    entries: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    unpacked: Path | None = None

    def find(self, name: str) -> Path | None:
        """The file of a picture name, or None. ValueError for one too large to unpack."""
        if (info := self.entries.get(name)) and self.archive and self.unpacked:
            return self._unpack(info)
        for folder in self.folders:
            path = folder / name
            try:
                if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                    return path
            except OSError:
                # A name that no file can have (too long) is a picture that is not there.
                continue
        return None

    def frames(self, folder: str) -> list[str]:
        """The picture names in a folder of frames, in order."""
        names = {name for name in self.entries if name.rpartition("/")[0] == folder}
        for root in self.folders:
            place = root / folder
            if place.is_dir() and place.resolve().is_relative_to(root.resolve()):
                names |= {f"{folder}/{path.name}" for path in place.iterdir()}
        return sorted(name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES)

    def _unpack(self, info: zipfile.ZipInfo) -> Path:
        if info.file_size > MAX_BYTES:
            raise ValueError(f"有 {info.file_size / 1024 / 1024:.1f} MB，应不超过 20 MB")
        assert self.archive is not None
        assert self.unpacked is not None
        target = self.unpacked / f"{info.header_offset}"
        if not target.exists():
            try:
                target.write_bytes(self.archive.read(info))
            except _BROKEN:
                raise ValueError("在 zip 里已损坏或加了密码") from None
        return target


@dataclass(slots=True)
class Source:
    """What was handed in, open for reading."""

    name: str
    tables: list[Table]
    pictures: PictureBox


@contextmanager
def opened(path: Path, pictures: Path | None = None) -> Generator[Source]:
    """Open a workbook of any of the three forms; Unreadable when it is none or is not safe."""
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")
        box = PictureBox([pictures] if pictures else [])
        if path.is_dir():
            tables = [
                Table(sheet_name(file.stem), _csv_lines(partial(_csv_bytes, file)))
                for file in sorted(path.glob("*.csv"))
            ]
            box.folders += [path, path / "pictures"]
        elif not path.is_file():
            raise Unreadable("没有这个文件，应为 .xlsx 工作簿、csv 文件夹或 zip")
        elif path.suffix.lower() == ".zip":
            tables = _open_zip(path, box, stack)
        else:
            tables = _open_xlsx(path, path.name, stack)
            box.folders += [path.parent, path.parent / "pictures"]
        if not any(table.name in rules.SHEETS for table in tables):
            raise Unreadable(f"没有可导入的工作表，应有 {'、'.join(rules.SHEETS)} 中的至少一个")
        yield Source(path.name, tables, box)


def sheet_name(title: str) -> str:
    return unicodedata.normalize("NFKC", title).strip()


def scanned(lines: Iterable[Line]) -> Iterator[Line]:
    """Only rows that hold something; Unreadable when a thousand empty ones follow each other or rows never end."""
    last = 0
    for number, cells in lines:
        if number - last > MAX_EMPTY_ROWS + 1:
            message = f"第 {last + 1} 行起有 {MAX_EMPTY_ROWS} 个以上的空行，应删除空行后重新保存"
            raise Unreadable(message, f"A{last + 1}")
        if number > MAX_ROWS:
            raise Unreadable(f"超过 {MAX_ROWS} 行，应拆分后导入", f"A{number}")
        if any(cell is not None and cell != "" for cell in cells):
            last = number
            if len(cells) > MAX_COLUMNS and any(c not in (None, "") for c in cells[MAX_COLUMNS:]):
                raise Unreadable(f"超过 {MAX_COLUMNS} 列", f"A{number}")
            yield number, cells


def _open_zip(path: Path, box: PictureBox, stack: ExitStack) -> list[Table]:
    """The workbook inside a zip; picture entries are unpacked one by one when a cell names them."""
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, OSError):
        raise Unreadable("不是 zip 文件或已损坏") from None
    check_archive(archive)
    entries = {_entry_name(info): info for info in archive.infolist() if not info.is_dir()}
    entries = {name: info for name, info in entries.items() if _is_meant(name)}
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbook-")))
    books = [n for n in entries if PurePosixPath(n).suffix.lower() in {".xlsx", ".xlsm", ".xls", ".xlsb"}]
    if len(books) > 1:
        raise Unreadable(f"zip 里有 {len(books)} 个工作簿，应只有一个")
    if books:
        if entries[books[0]].file_size > MAX_WORKBOOK_BYTES:
            raise Unreadable("工作簿超过 100 MB")
        file = folder / f"workbook{PurePosixPath(books[0]).suffix.lower()}"
        file.write_bytes(_contents(archive, entries[books[0]]))
        base = books[0].rpartition("/")[0]
        tables = _open_xlsx(file, PurePosixPath(books[0]).name, stack)
    else:
        sheets = [name for name in entries if name.lower().endswith(".csv")]
        base = sheets[0].rpartition("/")[0] if sheets else ""
        tables = [
            Table(sheet_name(PurePosixPath(name).stem), _csv_lines(lambda info=entries[name]: _contents(archive, info)))
            for name in sheets
            if name.rpartition("/")[0] == base
        ]
    prefix = f"{base}/" if base else ""
    box.archive, box.unpacked = archive, folder
    box.entries = {name.removeprefix(prefix).removeprefix("pictures/"): info for name, info in entries.items()}
    return tables


def _contents(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except _BROKEN:
        raise Unreadable("zip 已损坏或加了密码，应重新打包") from None


def check_archive(archive: zipfile.ZipFile, most: int = MAX_UNPACKED) -> None:
    """Unreadable for a zip bomb, judged by what the entries say they unpack to (reading stops there)."""
    total = sum(info.file_size for info in archive.infolist())
    if total > most:
        raise Unreadable(f"解压后有 {total // 1024 // 1024} MB，应不超过 {most // 1024 // 1024} MB")
    for info in archive.infolist():
        if info.file_size > 1024 * 1024 and info.file_size > MAX_RATIO * max(1, info.compress_size):
            raise Unreadable(f"“{info.filename}”的压缩比异常（疑似压缩炸弹），应使用正常保存的文件")


def _entry_name(info: zipfile.ZipInfo) -> str:
    """An entry's name; archives made on Windows hold GB18030 that zip calls cp437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _is_meant(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith((".", "~$")) or part == "__MACOSX" for part in parts)
    return not hidden and not name.startswith("/")


def _open_xlsx(path: Path, name: str, stack: ExitStack) -> list[Table]:
    """The sheets of a workbook, read as a stream."""
    _check_xlsx(path, name)
    try:
        book = openpyxl.load_workbook(path, read_only=True, keep_links=False)
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise Unreadable(f"打不开这个工作簿（{type(error).__name__}），应重新保存为 .xlsx") from error
    stack.callback(book.close)
    tables: list[Table] = []
    for sheet in book.worksheets:
        table = Table(sheet_name(sheet.title), _xlsx_lines(sheet))
        if table.name in rules.SHEETS or not _is_note(table):
            tables.append(table)
    return tables


def _is_note(table: Table) -> bool:
    """A sheet that may stay: called 说明, or empty."""
    return table.name.startswith(_NOTES) or not any(
        any(cell not in (None, "") for cell in cells) for _, cells in islice(table.lines(), 1)
    )


def _check_xlsx(path: Path, name: str) -> None:
    suffix = Path(name).suffix.lower()
    with path.open("rb") as stream:
        if stream.read(4) == _OLE:
            raise Unreadable("是旧版 .xls 或加了密码的工作簿，应另存为不加密的 .xlsx")
    if not zipfile.is_zipfile(path):
        raise Unreadable("不是 .xlsx 工作簿，应为 .xlsx、csv 文件夹或 zip")
    with zipfile.ZipFile(path) as archive:
        check_archive(archive, MAX_BOOK_UNPACKED)
        names = {info.filename.lower() for info in archive.infolist()}
        macro = any(entry.endswith("vbaproject.bin") for entry in names)
        if "[content_types].xml" in names and not macro:
            macro = b"macroenabled" in _contents(archive, archive.getinfo("[Content_Types].xml")).lower()
        if macro or suffix in {".xlsm", ".xltm", ".xlsb", ".xlam"}:
            raise Unreadable("含有宏，应另存为不含宏的 .xlsx")
        for info in archive.infolist():
            if info.filename.endswith((".xml", ".rels")):
                with archive.open(info) as part:
                    if b"<!DOCTYPE" in part.read(4096):
                        raise Unreadable("含有不允许的 XML 声明，应重新保存为 .xlsx")


def _xlsx_lines(sheet: Any) -> Callable[[], Iterator[Line]]:
    def rows() -> Iterator[Line]:
        # What a file says about its own size is not believed.
        sheet.reset_dimensions()
        if sheet_name(sheet.title) == rules.SPECS:
            yield from stream(sheet)
            return
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, [_cell_value(cell) for cell in cells]

    def lines() -> Iterator[Line]:
        try:
            yield from scanned(rows())
        except Unreadable:
            raise
        except Exception as error:  # openpyxl raises whatever its parsers raise
            raise Unreadable(f"工作表已损坏（{type(error).__name__}），应重新保存为 .xlsx") from error

    return lines


def _cell_value(cell: Any) -> Any:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return FORMULA
    if isinstance(value, int | float):
        return percentage(value) if shows_percent(cell.number_format) else value
    if isinstance(value, datetime) and value.time() == time() and "h" not in cell.number_format.lower():
        return value.date()
    return value


def _csv_lines(read: Callable[[], bytes]) -> Callable[[], Iterator[Line]]:
    def rows() -> Iterator[Line]:
        text = decoded(read())
        try:
            yield from enumerate(csv.reader(text.splitlines(keepends=True), strict=True), start=1)
        except csv.Error as error:
            raise Unreadable(f"不是规范的 csv（{error}），应重新导出") from None

    return lambda: scanned(rows())


def _csv_bytes(file: Path) -> bytes:
    if file.stat().st_size > MAX_WORKBOOK_BYTES:
        raise Unreadable("csv 超过 100 MB")
    return file.read_bytes()


def decoded(content: bytes) -> str:
    """csv text: UTF-8, or else GB18030 (what Excel on a Chinese Windows writes)."""
    if len(content) > MAX_WORKBOOK_BYTES:
        raise Unreadable("csv 超过 100 MB")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Unreadable("文字编码看不懂，应为 UTF-8 或 GB18030")


def is_formula(value: Any) -> bool:
    if isinstance(value, Formula | ArrayFormula | DataTableFormula):
        return True
    return isinstance(value, str) and len(value) > 1 and value[0] == "="


def is_error(value: Any) -> bool:
    return isinstance(value, str) and value in _ERRORS
