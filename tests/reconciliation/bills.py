"""Bills as WeChat Pay writes them, made from a few values; written against the document alone."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO
from typing import Any

from app.core.errors import GatewayError
from app.gateways.pay.port import Bill, BillNotReady
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
TRADE_FOOT = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_HEAD = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
FUND_FOOT = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def payment(number: str, fen: int, at: str, state: str = "SUCCESS", name: str = "订金 岫 S5") -> dict[str, Any]:
    return {
        "number": number, "order": fen, "refund": 0, "at": at, "state": state, "name": name, "theirs": f"42{number}",
        "refund_number": "0", "refund_state": "", "fee": fen * 6 // 1000,
    }  # fmt: skip


def refund(number: str, of: str, fen: int, at: str, state: str = "SUCCESS") -> dict[str, Any]:
    return payment(of, 0, at, "REFUND") | {
        "refund_number": number, "refund": fen, "refund_state": state, "fee": -(fen * 6 // 1000),
    }  # fmt: skip


def trade_bill(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield TRADE_HEAD
    count = order = back = fee = 0
    for r in rows:
        count, order, back, fee = count + 1, order + r["order"], back + r["refund"], fee + r["fee"]
        values = (
            r["at"], APP_ID, MCH_ID, "0", "", r["theirs"], r["number"], OPENID, "JSAPI", r["state"], "OTHERS", "CNY",
            yuan(r["order"]), "0.00", f"50{r['refund_number']}", r["refund_number"], yuan(r["refund"]), "0.00", "",
            r["refund_state"], r["name"], "", yuan(r["fee"]) + "000", "0.60%", yuan(r["order"]), yuan(r["refund"]), "",
        )  # fmt: skip
        yield ",".join(f"`{value}" for value in values)
    yield TRADE_FOOT
    totals = (f"{count}.0", yuan(order), yuan(back), "0.0", yuan(fee), yuan(order), yuan(back))
    yield ",".join(f"`{value}" for value in totals)


def fund_bill(rows: Iterable[dict[str, Any]], extra: Iterable[tuple[str, int]] = ()) -> Iterator[str]:
    moves: list[tuple[str, int]] = []
    for r in rows:
        if r["refund_state"] == "FAIL":
            continue
        if r["refund"]:
            moves.append(("退款", -(r["refund"] + r["fee"])))
        else:
            moves += [("交易", r["order"]), ("扣除交易手续费", -r["fee"])]
    moves = [*(move for move in moves if move[1]), *extra]
    yield FUND_HEAD
    for number, (kind, fen) in enumerate(moves):
        way = "收入" if fen > 0 else "支出"
        yield f"`2026-11-22 12:00:00,`1,`{number},`{kind},`{kind},`{way},`{yuan(abs(fen))},`0.00,`system,`,`x"
    into, out = [f for _, f in moves if f > 0], [-f for _, f in moves if f < 0]
    yield FUND_FOOT
    yield f"`{len(moves)}.0,`{len(into)}.0,`{yuan(sum(into))},`{len(out)}.0,`{yuan(sum(out))}"


def as_bill(lines: Iterable[str]) -> Bill:
    content = b"\xef\xbb\xbf" + ("\n".join(lines) + "\n").encode()
    return Bill(BytesIO(content), hashlib.sha1(content).hexdigest())


class BillingBank(Bank):
    """A bank that also has bills: rows by day; a day without rows has none."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[date, list[dict[str, Any]]] = {}
        self.moves: dict[date, list[tuple[str, int]]] = {}
        self.bill_error: GatewayError | None = None

    @contextmanager
    def trade_bill(self, day: date) -> Iterator[Bill]:
        self._may_have(day)
        yield as_bill(trade_bill(self.rows[day]))

    @contextmanager
    def fund_flow_bill(self, day: date) -> Iterator[Bill]:
        self._may_have(day)
        yield as_bill(fund_bill(self.rows[day], self.moves.get(day, [])))

    def _may_have(self, day: date) -> None:
        if self.bill_error is not None:
            raise self.bill_error
        if not self.rows.get(day):
            raise BillNotReady("wechatpay", "NO_STATEMENT_EXIST")


def stamp(moment: datetime) -> str:
    from app.core import clock

    return clock.local(moment).strftime("%Y-%m-%d %H:%M:%S")
