"""Reading WeChat Pay's bills line by line. Pure: a file in, typed rows out, checked against the bill's own totals.

Every value starts with a backtick, amounts are yuan; the payer's openid and the product's name are not taken over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from typing import BinaryIO

from app.core import clock
from app.gateways.pay.port import PROVIDER, BillDamaged

_YUAN = re.compile(r"-?\d{1,12}(\.\d{1,8})?", re.ASCII)
# Free text stands in these two columns, so only what is left and right of them can be counted on.
_BEFORE_TEXT, _AFTER_TEXT = "商品名称", "商户数据包"


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A payment, or a refund of one, in the trade bill."""

    at: datetime
    app_id: str
    mch_id: str
    transaction_id: str
    out_trade_no: str
    trade_type: str
    state: str  # SUCCESS | REFUND | REVOKED
    order_fen: int
    settled_fen: int
    refund_id: str
    out_refund_no: str
    refund_asked_fen: int
    refund_fen: int
    refund_state: str
    fee_fen: int

    @property
    def is_refund(self) -> bool:
        return self.state == "REFUND"


@dataclass(frozen=True, slots=True)
class FundRow:
    """A movement of the merchant's account."""

    at: datetime
    number: str
    kind: str
    incoming: bool
    fen: int


def yuan_to_fen(text: str) -> int:
    """An amount of yuan as exact fen. ValueError for a fraction of a fen or no number."""
    if not _YUAN.fullmatch(text):
        raise ValueError("not an amount of yuan")
    try:
        fen = Decimal(text) * 100
    except InvalidOperation:
        raise ValueError("not an amount of yuan") from None
    if fen != fen.to_integral_value():
        raise ValueError("a fraction of a fen")
    return int(fen)


def read_trade_bill(file: BinaryIO) -> Iterator[TradeRow]:
    """Every row of a trade bill; after the last one the bill's own totals are checked. BillDamaged."""
    table = _Table(file, "交易时间")
    count = order = settled = refunded = fee = 0
    for row in table.rows():
        found = _trade(row)
        count, order, fee = count + 1, order + found.order_fen, fee + found.fee_fen
        refunded, settled = refunded + found.refund_fen, settled + found.settled_fen
        yield found
    totals = table.totals
    names = ("应结订单总金额", "订单总金额", "退款总金额", "手续费总金额")
    said = (totals.count("总交易单数"), *(totals.fen(name) for name in names))
    if said != (count, settled, order, refunded, fee):
        raise BillDamaged(PROVIDER, "bill_totals", "the rows do not add up to the bill's own totals")


def read_fund_flow_bill(file: BinaryIO) -> Iterator[FundRow]:
    """Every row of a fund-flow bill; after the last one the bill's own totals are checked. BillDamaged."""
    table = _Table(file, "记账时间")
    count = money_in = money_out = 0
    for row in table.rows():
        found = _fund(row)
        count += 1
        money_in += found.fen if found.incoming else 0
        money_out += 0 if found.incoming else found.fen
        yield found
    totals = table.totals
    said = (totals.count("资金流水总笔数"), totals.fen("收入金额"), totals.fen("支出金额"))
    if said != (count, money_in, money_out):
        raise BillDamaged(PROVIDER, "bill_totals", "the rows do not add up to the bill's own totals")


class _Row:
    """One line, its values by the names of the header. BillDamaged for what is missing or no amount."""

    def __init__(self, names: list[str], values: list[str]) -> None:
        extra = len(values) - len(names)
        if extra < 0 or (extra and _BEFORE_TEXT not in names):
            raise _damaged("columns")
        if extra:  # a product name that looks like the separator
            at = names.index(_BEFORE_TEXT)
            values = [*values[:at], "", "", *values[at + 2 + extra :]]
        self._values = dict(zip(names, values, strict=True))

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if value is None or len(value) > 128:
            raise _damaged(name)
        return value

    def fen(self, name: str) -> int:
        try:
            return yuan_to_fen(self.text(name))
        except ValueError:
            raise _damaged(name) from None

    def count(self, name: str) -> int:
        """A number of rows, which the bill may write as 45.0."""
        try:
            number = Decimal(self.text(name))
        except InvalidOperation:
            raise _damaged(name) from None
        if number != number.to_integral_value():
            raise _damaged(name)
        return int(number)

    def moment(self, name: str) -> datetime:
        try:
            return clock.from_local(datetime.strptime(self.text(name), "%Y-%m-%d %H:%M:%S"))
        except ValueError:
            raise _damaged(name) from None


class _Table:
    """The two tables of a bill: rows, then one row of totals under its own header."""

    def __init__(self, file: BinaryIO, first_column: str) -> None:
        self._file, self._first = file, first_column
        self._totals: _Row | None = None

    @property
    def totals(self) -> _Row:
        if self._totals is None:
            raise _damaged("no totals")
        return self._totals

    def rows(self) -> Iterator[_Row]:
        lines = _lines(self._file)
        names = next(lines, "").split(",")
        if names[0] != self._first:
            raise _damaged("header")
        for line in lines:
            if not line.startswith("`"):
                self._totals = _Row(line.split(","), _values(next(lines, "")))
                return
            yield _Row(names, _values(line))


def _lines(file: BinaryIO) -> Iterator[str]:
    # newline="\n": a lone carriage return or line separator inside a product name is no new row.
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="\n")
    try:
        for line in text:
            stripped = line.rstrip("\r\n")
            if stripped:
                yield stripped
    except UnicodeError:
        raise _damaged("not UTF-8") from None
    finally:
        text.detach()


def _values(line: str) -> list[str]:
    if not line.startswith("`"):
        raise _damaged("no backtick")
    return [value.strip() for value in line[1:].split(",`")]


def _trade(row: _Row) -> TradeRow:
    return TradeRow(
        at=row.moment("交易时间"),
        app_id=row.text("公众账号ID"),
        mch_id=row.text("商户号"),
        transaction_id=row.text("微信订单号"),
        out_trade_no=row.text("商户订单号"),
        trade_type=row.text("交易类型"),
        state=row.text("交易状态"),
        order_fen=row.fen("订单金额"),
        settled_fen=row.fen("应结订单金额"),
        refund_id=row.text("微信退款单号"),
        out_refund_no=row.text("商户退款单号"),
        refund_asked_fen=row.fen("申请退款金额"),
        refund_fen=row.fen("退款金额"),
        refund_state=row.text("退款状态"),
        fee_fen=row.fen("手续费"),
    )


def _fund(row: _Row) -> FundRow:
    direction = row.text("收支类型")
    if direction not in {"收入", "支出"}:
        raise _damaged("收支类型")
    return FundRow(
        at=row.moment("记账时间"),
        number=row.text("业务凭证号"),
        kind=row.text("业务类型"),
        incoming=direction == "收入",
        fen=row.fen("收支金额(元)"),
    )


def _damaged(what: str) -> BillDamaged:
    return BillDamaged(PROVIDER, "bill_format", what)
