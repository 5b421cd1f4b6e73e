"""Turn the cells of a source into rows, and find everything that is wrong with them at once."""

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from openpyxl.utils import get_column_letter

from app.dealers import geo
from app.workbook import rules
from app.workbook.layout import LAYOUT, Column, Sheet
from app.workbook.reading import Source, Table, Unreadable, is_error, is_formula
from app.workbook.rules import Content, Problem, Spec
from app.workbook.values import READERS, plain, text_of

_MISSING: Final = object()


class Findings:
    """The problems found so far, and where a field of a row stands in its sheet."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        # Rows that could not be read: a reference to one of them is not reported as well.
        self.spoiled: dict[str, set[str]] = defaultdict(set)
        self.first_spec: dict[str, str] = {}
        self._letters: dict[tuple[str, str], str] = {}

    def add(self, sheet: str, cell: str, message: str) -> None:
        row = int("".join(c for c in cell if c.isdigit()) or 0)
        self.problems.append(Problem(sheet, row, cell, message))

    def place(self, sheet: str, field: str, index: int) -> None:
        self._letters[sheet, field] = get_column_letter(index + 1)

    def at(self, sheet: str, row: int, field: str, message: str) -> None:
        """A problem at a row's field; a row that is only in the database is shown by the sheet's first cell."""
        self.add(sheet, f"{self._letters.get((sheet, field), 'A')}{row or 1}", message)

    def sorted(self) -> list[Problem]:
        order = {name: index for index, name in enumerate(rules.SHEETS)}
        return sorted(self.problems, key=lambda p: (order.get(p.sheet, -1), p.sheet, p.row, p.cell))


def read_content(source: Source, found: Findings) -> Content:
    """Every sheet of a source as rows; what cannot be read is a finding and leaves its row out."""
    content = Content()
    for table in source.tables:
        if table.name not in LAYOUT:
            found.add(table.name, "A1", f"不认识的工作表，应为 {'、'.join(rules.SHEETS)}，或改名为“说明”")
            continue
        if table.name in content.sheets:
            found.add(table.name, "A1", "工作表重复，应只有一个")
            continue
        content.sheets.add(table.name)
        try:
            _read_table(table, content, found)
        except Unreadable as error:
            found.add(table.name, error.cell, str(error))
    return content


def _read_table(table: Table, content: Content, found: Findings) -> None:
    sheet = LAYOUT[table.name]
    lines = iter(table.lines())
    number, cells = next(lines, (0, ()))
    if number != 1:
        found.add(table.name, "A1", "第 1 行应为表头")
        return
    header = [plain(cell).strip("*") for cell in cells]
    while header and not header[-1]:
        header.pop()
    if sheet.name == rules.SPECS:
        wide = header[:3] == ["分组", "项目", "单位"]
        specs = _wide_specs(header, cells, lines, found) if wide else _long_specs(sheet, header, lines, found)
        content.specs = _collected_specs(specs, found)
        return
    columns = _columns(sheet, header, found)
    content.unsaid[sheet.name] = _unsaid(sheet, columns)
    content.rows[sheet.name] = {}
    counts: dict[str, int] = defaultdict(int)
    rows = content.rows[sheet.name]
    for number, cells in lines:
        values, good = _read_cells(sheet, columns, (number, cells), found)
        if not good:
            found.spoiled[sheet.name].add(str(values.get("slug")))
            continue
        row = _finished(sheet, values, number, counts, found)
        if row.key in rows:
            found.at(sheet.name, number, "slug", f"“{row.key}”与第 {rows[row.key].at} 行重复，应只有一行")
        else:
            rows[row.key] = row


def _columns(sheet: Sheet, header: Sequence[str], found: Findings) -> list[Column | None]:
    """What each column of the file is; unknown, doubled and missing ones are findings."""
    known = {title: column for column in sheet.columns for title in (column.title, *column.aliases)}
    placed: list[Column | None] = []
    for index, title in enumerate(header):
        cell = f"{get_column_letter(index + 1)}1"
        column = known.get(title)
        if column is None:
            near = difflib.get_close_matches(title, known, n=1, cutoff=0.5)
            hint = f"是否应为“{near[0]}”" if near else f"应为 {'、'.join(c.title for c in sheet.columns)}"
            found.add(sheet.name, cell, f"不认识的列“{title}”，{hint}" if title else f"没有表头的列，{hint}")
        elif column in placed:
            found.add(sheet.name, cell, f"列“{title}”重复，应只有一列")
            column = None
        else:
            found.place(sheet.name, column.field, index)
        placed.append(column)
    for column in sheet.columns:
        if column.required and column not in placed:
            found.add(sheet.name, "A1", f"缺少列“{column.title}”，这一列必填")
    return placed


def _unsaid(sheet: Sheet, columns: Sequence[Column | None]) -> set[str]:
    """The fields that the file says nothing about."""
    absent = {column.field for column in sheet.columns if not column.required and column not in columns}
    if sheet.name == rules.DEALS and "dealer_units" not in absent:
        absent.discard("dealers")  # who has units takes part
    return absent


def _read_cells(
    sheet: Sheet, columns: Sequence[Column | None], line: tuple[int, Sequence[Any]], found: Findings
) -> tuple[dict[str, Any], bool]:
    """The fields of one line with their defaults, and whether all could be read."""
    number, cells = line
    values: dict[str, Any] = {column.field: column.default for column in sheet.columns}
    good = all(column in columns for column in sheet.columns if column.required)
    for index, column in enumerate(columns):
        if column is None:
            continue
        raw = cells[index] if index < len(cells) else None
        value = read_cell(raw, column, sheet.name, f"{get_column_letter(index + 1)}{number}", found)
        if value is _MISSING:
            good = False
            values[column.field] = None
        else:
            values[column.field] = value
    for index in range(len(columns), len(cells)):
        if text_of(cells[index]):
            found.add(sheet.name, f"{get_column_letter(index + 1)}{number}", "这一列没有表头，应删除或补上表头")
    return values, good


def read_cell(raw: Any, column: Column, sheet: str, cell: str, found: Findings) -> Any:
    """The value of a cell, its default when empty, or _MISSING with a finding."""
    if is_formula(raw):
        found.add(sheet, cell, "是公式，应为值（复制后选择性粘贴为“值”）")
        return _MISSING
    if is_error(raw):
        found.add(sheet, cell, f"是公式错误 {raw}，应为值")
        return _MISSING
    if not text_of(raw):
        if column.required:
            found.add(sheet, cell, f"“{column.title}”没有填，这一列必填")
            return _MISSING
        return column.default
    try:
        return READERS[column.kind](raw, column)
    except ValueError as error:
        found.add(sheet, cell, str(error))
        return _MISSING


def _finished(sheet: Sheet, values: dict[str, Any], number: int, counts: dict[str, int], found: Findings) -> Any:
    """A row from its fields: positions that were not said follow the order of the rows."""
    group = str(values.get("series") or "") if sheet.name == rules.COLOURS else ""
    counts[group] += 1
    if sheet.name == rules.COLOURS:
        values["position"] = counts[group]
    elif "position" in values and values["position"] is None:
        values["position"] = counts[group] * 10
    if sheet.name == rules.DEALERS:
        _place_dealer(values, number, found)
    if sheet.name == rules.DEALS and values["dealer_units"] and values["dealers"] is None:
        values["dealers"] = tuple(slug for slug, _ in values["dealer_units"])  # who has units takes part
    return sheet.row(**values, at=number)


def _place_dealer(values: dict[str, Any], number: int, found: Findings) -> None:
    """Check a shop's coordinates and say them in GCJ-02."""
    lng, lat = values["lng"], values["lat"]
    if not geo.in_china(lng, lat):
        if geo.in_china(lat, lng):
            found.at(rules.DEALERS, number, "lng", f"经度 {lng} 和纬度 {lat} 填反了，应互换")
        else:
            found.at(rules.DEALERS, number, "lng", f"坐标 {lng}, {lat} 不在中国境内，应为经度 73–135、纬度 3–54")
        return
    convert = {"WGS-84": geo.wgs84_to_gcj02, "BD-09": geo.bd09_to_gcj02}.get(values["system"])
    if convert:
        point = convert(lng, lat)
        values["lng"], values["lat"] = point.lng, point.lat
    # Seven decimals are a centimetre.
    values["lng"], values["lat"] = round(values["lng"], 7), round(values["lat"], 7)


def _long_specs(
    sheet: Sheet, header: Sequence[str], lines: Iterator[tuple[int, Sequence[Any]]], found: Findings
) -> Iterator[tuple[str, str, Spec]]:
    """(trim, cell, value) of every row of the long form."""
    columns = _columns(sheet, header, found)
    order = {column.field: index for index, column in enumerate(columns) if column is not None}
    places = [order.get(column.field, len(columns)) for column in sheet.columns]
    # The same words come again hundreds of thousands of times: what was read once is not read again.
    good: list[dict[Any, str]] = [{} for _ in sheet.columns]
    for number, cells in lines:
        said: list[str] = []
        if len(cells) <= len(columns):
            for index, known in zip(places, good, strict=True):
                raw = cells[index] if index < len(cells) else None
                if (text := known.get((type(raw), raw))) is None:
                    break
                said.append(text)
        if len(said) < len(places):
            values, whole = _read_cells(sheet, columns, (number, cells), found)
            if not whole:
                continue
            said = [values[column.field] for column in sheet.columns]
            for index, known, text in zip(places, good, said, strict=True):
                raw = cells[index] if index < len(cells) else None
                known[type(raw), raw] = text
        yield said[0], f"A{number}", (said[1], said[2], said[3], said[4])


def _wide_specs(
    header: Sequence[str], titles: Sequence[Any], lines: Iterator[tuple[int, Sequence[Any]]], found: Findings
) -> Iterator[tuple[str, str, Spec]]:
    """The same from the wide form: one column per trim; an empty cell says nothing."""
    sheet = LAYOUT[rules.SPECS]
    trims: dict[int, str] = {}
    for index in range(3, len(header)):
        slug = read_cell(titles[index], sheet.column("trim"), sheet.name, f"{get_column_letter(index + 1)}1", found)
        if slug is not _MISSING and slug in trims.values():
            found.add(sheet.name, f"{get_column_letter(index + 1)}1", f"列“{slug}”重复，应只有一列")
        elif slug is not _MISSING:
            trims[index] = slug
    for number, cells in lines:
        padded = [*cells, None, None, None]
        heads = [
            read_cell(padded[index], sheet.column(field), sheet.name, f"{'ABC'[index]}{number}", found)
            for index, field in enumerate(("group", "name", "unit"))
        ]
        if _MISSING in heads:
            continue
        for index in range(3, len(cells)):
            raw = cells[index]
            if raw is None or raw == "":
                continue
            cell = f"{get_column_letter(index + 1)}{number}"
            if index not in trims:
                if index >= len(header):
                    found.add(sheet.name, cell, "这一列没有表头，应删除或补上表头")
                continue
            value = read_cell(raw, sheet.column("value"), sheet.name, cell, found)
            if value is not _MISSING:
                yield trims[index], cell, (heads[0], heads[1], value, heads[2])


def _collected_specs(specs: Iterator[tuple[str, str, Spec]], found: Findings) -> dict[str, list[Spec]]:
    """Values per trim; words are kept once, since a few thousand of them make up hundreds of thousands of cells."""
    words: dict[str, str] = {}
    collected: dict[str, list[Spec]] = {}
    seen: dict[str, set[int]] = {}
    heads: dict[tuple[str, str], int] = {}
    for trim, cell, (group, name, value, unit) in specs:
        head = heads.setdefault((group, name), len(heads))
        if head in seen.setdefault(trim, set()):
            found.add(rules.SPECS, cell, f"“{trim} {group} {name}”重复，应只有一行")
            continue
        seen[trim].add(head)
        found.first_spec.setdefault(trim, cell)
        kept = words.setdefault
        collected.setdefault(trim, []).append(
            (kept(group, group), kept(name, name), kept(value, value), kept(unit, unit))
        )
    return collected
