"""A day's report as files for a bookkeeper. Long numbers stay text; nothing a cell says is ever a formula."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from app.core import clock
from app.reconciliation.models import ReconciledDay, ReconciledLine
from app.reconciliation.rules import SIDE_WORDS, STATE_WORDS, VERDICT_WORDS, WORK_WORDS, Side, Verdict, Work

COLUMNS = (
    "时间", "类别", "商户单号", "所属订单号", "微信单号", "我方金额(元)", "微信金额(元)", "手续费(元)",
    "我方状态", "微信状态", "结论", "处理", "处理说明",
)  # fmt: skip
WIDTHS = (20, 8, 22, 22, 32, 14, 14, 12, 10, 10, 14, 14, 40)
FIGURE_WORDS = {
    "ours_count": "我方笔数",
    "theirs_count": "微信笔数",
    "ours_paid": "我方收款",
    "theirs_paid": "微信收款",
    "ours_refunded": "我方退款",
    "theirs_refunded": "微信退款",
    "fees": "手续费",
    "fund_in": "资金账单 交易收入",
    "fund_out": "资金账单 交易支出",
    "fund_other_in": "资金账单 其他收入",
    "fund_other_out": "资金账单 其他支出（提现等）",
    "ever_in": "累计收入",
    "ever_out": "累计支出（含退款途中）",
    "ever_held": "累计留存（已付未退）",
}
_COUNTS = {"ours_count", "theirs_count"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def figure_rows(day: ReconciledDay) -> list[tuple[str, int, bool]]:
    """Name, value, and whether it is money."""
    return [(words, int(day.figures.get(name, 0)), name not in _COUNTS) for name, words in FIGURE_WORDS.items()]


def write_csv(lines: Iterable[ReconciledLine]) -> Iterator[str]:
    """The lines as CSV that spreadsheet programs open as UTF-8, piece by piece."""
    yield "\ufeff"
    yield _csv_line(COLUMNS)
    for line in lines:
        cells = [_plain(cell) for cell in _cells(line)]
        cells[2:5] = [f"{cell}\t" if cell else "" for cell in cells[2:5]]  # a tab keeps 28 digits from being rounded
        yield _csv_line(cells)


def write_xlsx(day: ReconciledDay, lines: Iterable[ReconciledLine]) -> bytes:
    """Two sheets: the sums, and every line."""
    from openpyxl import Workbook  # loaded only where somebody asks for the file
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sums = book.create_sheet("汇总")
    _set_widths(sums, (34, 46))
    sums.append(["对账日", day.day.isoformat()])
    sums.append(["交易账单 SHA-1", day.trade_sha1 or "无"])
    sums.append(["资金账单 SHA-1", day.fund_sha1 or "无"])
    for words, value, is_money in figure_rows(day):
        sums.append([words + ("(元)" if is_money else ""), _money(sums, value) if is_money else value])
    sheet = book.create_sheet("明细")
    _set_widths(sheet, WIDTHS)
    sheet.freeze_panes = "A2"  # the names of the columns stay in sight
    sheet.append(COLUMNS)
    for line in lines:
        row: list[Any] = []
        for cell in _cells(line):
            if isinstance(cell, int):
                row.append(_money(sheet, cell))
            else:
                text = WriteOnlyCell(sheet, value=cell)
                text.data_type = "s"
                row.append(text)
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def file_name(day: date, ending: str) -> str:
    return f"reconciliation-{day.isoformat()}.{ending}"


def _cells(line: ReconciledLine) -> list[str | int | None]:
    """Money as int fen, everything else as text."""
    return [
        clock.local(line.at).strftime("%Y-%m-%d %H:%M:%S") if line.at else "",
        SIDE_WORDS[Side(line.side)],
        line.number,
        line.trade_number,
        line.provider_number,
        line.ours_fen,
        line.theirs_fen,
        line.fee_fen,
        STATE_WORDS.get(line.ours_state, line.ours_state),
        STATE_WORDS.get(line.theirs_state, line.theirs_state),
        VERDICT_WORDS[Verdict(line.verdict)],
        WORK_WORDS[Work(line.work)],
        line.handled_reason or "",
    ]


def _plain(cell: str | int | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        sign = "-" if cell < 0 else ""
        return f"{sign}{abs(cell) // 100}.{abs(cell) % 100:02d}"
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _money(sheet: Any, fen: int) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell: Any = WriteOnlyCell(sheet)
    cell.value = Decimal(fen) / 100
    cell.number_format = "#,##0.00"
    return cell


def _set_widths(sheet: Any, widths: Iterable[int]) -> None:
    """Wide enough that nothing is cut or becomes ####; before the first row is written."""
    for number, width in enumerate(widths):
        sheet.column_dimensions["ABCDEFGHIJKLM"[number]].width = width


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
