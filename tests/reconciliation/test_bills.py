"""Reading the bills: the published sample, what damages one, and a hundred thousand rows in little memory."""

import base64
import gzip
import hashlib
import tracemalloc
from collections.abc import Iterator
from io import BytesIO, RawIOBase
from typing import Any

import pytest

from app.gateways.pay.bills import read_fund_flow_bill, read_trade_bill, yuan_to_fen
from app.gateways.pay.port import BillDamaged
from tests.gateways.vectors import cases
from tests.reconciliation.bills import as_bill, fund_bill, payment, refund, trade_bill

ROWS = [payment("P1", 100_000, "2026-11-22 12:00:00"), refund("R1", "P1", 100, "2026-11-22 13:00:00")]


@pytest.mark.parametrize("case", cases("yuan_to_fen"))
def test_yuan_vector(case: dict[str, Any]) -> None:
    if case["fen"] is None:
        with pytest.raises(ValueError):
            yuan_to_fen(case["yuan"])
    else:
        assert yuan_to_fen(case["yuan"]) == case["fen"]


@pytest.mark.parametrize("case", cases("trade_bill"))
def test_trade_bill_vector(case: dict[str, Any]) -> None:
    plain = gzip.decompress(base64.b64decode(case["gzip_base64"]))
    assert hashlib.sha1(plain).hexdigest() == case["sha1"]
    rows = list(read_trade_bill(BytesIO(plain)))
    assert len(rows) == case["row_count"]
    assert sum(row.order_fen for row in rows) == case["sums_fen"]["订单金额"]
    assert sum(row.refund_asked_fen for row in rows) == case["sums_fen"]["申请退款金额"]
    assert sum(row.fee_fen for row in rows) == case["sums_fen"]["手续费"]
    assert rows[0].out_trade_no == case["rows"][0]["商户订单号"]
    assert (rows[2].trade_type, rows[2].order_fen) == ("NATIVE", 29)
    assert (rows[3].is_refund, rows[3].out_refund_no, rows[3].refund_fen) == (True, "RF20250101000001", 99_900)
    assert "oUpF8uMu" not in repr(rows)


def text_of(lines: Iterator[str]) -> str:
    return as_bill(lines).file.read().decode("utf-8-sig")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1000.00", "999.99"),  # the rows no longer add up to the totals
        ("`2.0", "`3.0"),
        ("交易时间", "时间"),
        ("`JSAPI,", ""),
        ("1000.00", "1000.001"),
        ("1000.00", "一千"),
        ("2026-11-22 12:00:00", "昨天"),
        ("总交易单数", "`总交易单数"),
        ("\n`2.0", "\n2.0"),
    ],
)
def test_a_damaged_bill_is_refused(old: str, new: str) -> None:
    text = text_of(trade_bill(ROWS))
    assert old in text
    with pytest.raises(BillDamaged):
        list(read_trade_bill(BytesIO(text.replace(old, new, 1).encode())))


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", b"\xff\xfe\x00", b"\xef\xbb\xbf"])
def test_what_is_no_bill_is_refused(content: bytes) -> None:
    for read in (read_trade_bill, read_fund_flow_bill):
        with pytest.raises(BillDamaged):
            list(read(BytesIO(content)))


def test_a_new_column_is_no_reason_to_stop() -> None:
    lines = text_of(trade_bill(ROWS)).split("\n")
    lines = [lines[0] + ",新列", *(line + ",`x" for line in lines[1:3]), *lines[3:]]
    assert [row.order_fen for row in read_trade_bill(BytesIO("\n".join(lines).encode()))] == [100_000, 0]


def test_fund_flow_directions() -> None:
    rows = list(read_fund_flow_bill(as_bill(fund_bill(ROWS, [("提现", -500)])).file))
    assert [(row.kind, row.incoming, row.fen) for row in rows] == [
        ("交易", True, 100_000), ("扣除交易手续费", False, 600), ("退款", False, 100), ("提现", False, 500),
    ]  # fmt: skip


class Stream(RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._rest = lines, b"\xef\xbb\xbf"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            line = next(self._lines, None)
            if line is None:
                return 0
            self._rest = line.encode() + b"\n"
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def test_a_long_bill_takes_no_more_memory_than_a_short_one() -> None:
    rows = (payment(f"P{n:010d}", 100 + n % 7, "2026-11-22 12:00:00") for n in range(4_000))
    file: Any = Stream(trade_bill(rows))
    tracemalloc.start()
    count = sum(1 for _ in read_trade_bill(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4_000
    assert peak < 400_000  # the rows as a list would take ten times as much
