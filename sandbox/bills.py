"""Bills made from the simulated trades: backticks, BOM, gzip, SHA-1, ready at the simulated 10:00 and not before."""

import gzip
import hashlib
import hmac
import json
from datetime import date, datetime, timedelta
from sqlite3 import Row
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import constants, orders
from sandbox.signing import PayError, check_request
from sandbox.world import CHINA, World, world

blueprint = Blueprint("bills", __name__)
READY_HOUR = 10
URL_LIFETIME_S = 300
MONTHS_DAYS = 92
FEE_PER_MILLE = 6
DIFFERENCES = ("missing", "extra", "amount", "state")
TRADE_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
TRADE_TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FUND_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),"
    "账户结余(元),资金变更提交申请人,备注,业务凭证号"
)
FUND_TOTALS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


@blueprint.get("/v3/billdownload/file")
def download() -> Response:
    """The bill itself: the request is signed like any other, the answer is not."""
    here = world()
    try:
        check_request(here, request)
        kind, day, until = request.args.get("kind", ""), request.args.get("day", ""), request.args.get("until", "0")
        if not hmac.compare_digest(_token(here, kind, day, until), request.args.get("token", "")):
            raise PayError(403, "NO_AUTH", "下载地址无效")
        if here.now() > int(until):
            raise PayError(400, "INVALID_REQUEST", "下载地址已过期，请重新申请账单")
        packed = gzip.compress(_text(here, kind, date.fromisoformat(day)).encode("utf-8-sig"), mtime=0)
    except PayError as error:
        return Response(
            json.dumps({"code": error.code, "message": error.message}, ensure_ascii=False),
            error.status,
            content_type="application/json; charset=utf-8",
        )
    return Response(packed, content_type="application/x-gzip")


@blueprint.post("/sim/pay/differences")
def plan_differences() -> tuple[Response, int] | Response:
    """Let a day's trade bill differ: {"day": "2025-01-01", "differences": [{"kind", "number", "fen"}]}.

    missing: the row of this number is left out · extra: a payment nobody made · amount: another amount ·
    state: the payment is REVOKED, the refund ABNORMAL.
    """
    here, data = world(), request.get_json(force=True)
    plan = data.get("differences", [])
    if not isinstance(plan, list) or any(one.get("kind") not in DIFFERENCES or not one.get("number") for one in plan):
        return jsonify(error=f"kind is one of {', '.join(DIFFERENCES)}; number names the row"), 400
    date.fromisoformat(data["day"])
    here.store.set_meta(f"bill:{data['day']}", plan)
    return jsonify(day=data["day"], differences=plan)


def announce(here: World, kind: str, asked: dict[str, str]) -> dict[str, str]:
    """The download address and digest, or why there is none."""
    try:
        day = date.fromisoformat(asked.get("bill_date", ""))
    except ValueError as error:
        raise PayError(400, "PARAM_ERROR", "bill_date 格式应为 YYYY-MM-DD") from error
    if asked.get("tar_type", "GZIP") != "GZIP" or asked.get("bill_type", "ALL") != "ALL":
        raise PayError(400, "PARAM_ERROR", "沙箱只提供 GZIP 压缩的 ALL 账单")
    if asked.get("account_type", "BASIC") != "BASIC":
        raise PayError(400, "PARAM_ERROR", "沙箱只有基本账户")
    now = datetime.fromtimestamp(here.now(), CHINA)
    if day >= now.date() or (now.date() - day).days > MONTHS_DAYS:
        raise PayError(400, "PARAM_ERROR", "只能下载三个月内、今天以前的账单")
    ready = datetime.combine(day + timedelta(days=1), datetime.min.time(), CHINA) + timedelta(hours=READY_HOUR)
    if now < ready:
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    text = _text(here, kind, day)
    if text.count("\n") <= 3:  # a header, the totals and nothing between
        raise PayError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    until = str(int(here.now()) + URL_LIFETIME_S)
    token = _token(here, kind, day.isoformat(), until)
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(text.encode("utf-8-sig")).hexdigest(),
        "download_url": (
            f"{here.settings.public_url}/v3/billdownload/file?kind={kind}&day={day}&until={until}&token={token}"
        ),
    }


def table(here: World, kind: str, day: date) -> dict[str, Any]:
    """A day's bill to look at: columns, rows and totals, as the file says them."""
    lines = [line.removeprefix("`").split(",`") for line in _text(here, kind, day).splitlines()]
    columns, names = (text.split(",") for text in _heads(kind))
    return {"columns": columns, "rows": lines[1:-2], "totals": list(zip(names, lines[-1], strict=True))}


def _heads(kind: str) -> tuple[str, str]:
    return (TRADE_COLUMNS, TRADE_TOTALS) if kind == "trade" else (FUND_COLUMNS, FUND_TOTALS)


def _token(here: World, kind: str, day: str, until: str) -> str:
    return hmac.digest(here.seed.encode(), f"{kind}:{day}:{until}".encode(), "sha256").hex()


def _text(here: World, kind: str, day: date) -> str:
    rows = _differing(_trades(here, day), here.store.get_meta(f"bill:{day}", []), day)
    return _trade_text(rows) if kind == "trade" else _fund_text(_trades(here, day))


def _between(day: date) -> tuple[float, float]:
    begin = datetime.combine(day, datetime.min.time(), CHINA)
    return begin.timestamp(), (begin + timedelta(days=1)).timestamp()


def _trades(here: World, day: date) -> list[dict[str, Any]]:
    """Payments and refunds of the day in the order they happened."""
    begin, end = _between(day)
    paid = here.store.rows("SELECT * FROM orders WHERE paid_at >= ? AND paid_at < ?", begin, end)
    back = here.store.rows(
        "SELECT r.*, o.transaction_id, o.openid, o.description, o.total, o.request AS order_request FROM refunds r "
        "JOIN orders o ON o.out_trade_no = r.out_trade_no WHERE r.created_at >= ? AND r.created_at < ?",
        begin,
        end,
    )
    rows = [_payment(row) for row in paid] + [_refund(row) for row in back]
    return sorted(rows, key=lambda row: row["at"])


def _fee(fen: int) -> int:
    return (fen * FEE_PER_MILLE + 500) // 1000


def _payment(row: Row) -> dict[str, Any]:
    return {
        "at": row["paid_at"], "transaction": row["transaction_id"], "number": row["out_trade_no"],
        "openid": row["openid"], "type": orders.trade_type_of(row), "state": "SUCCESS", "order": row["total"],
        "refund_id": "0", "refund_number": "0", "refund": 0, "refund_state": "", "refund_type": "",
        "name": row["description"], "attach": row["attach"] or "", "fee": _fee(row["total"]),
    }  # fmt: skip


def _refund(row: Row) -> dict[str, Any]:
    state = {"CLOSED": "FAIL"}.get(row["status"], row["status"])
    kind = json.loads(row["order_request"]).get("trade_type", "JSAPI")
    return {
        "at": row["created_at"], "transaction": row["transaction_id"], "number": row["out_trade_no"],
        "openid": row["openid"], "type": "MWEB" if kind == "H5" else kind, "state": "REFUND", "order": 0,
        "refund_id": row["refund_id"], "refund_number": row["out_refund_no"], "refund": row["refund"],
        "refund_state": state, "refund_type": "ORIGINAL", "name": row["description"], "attach": "",
        "fee": -_fee(row["refund"]),
    }  # fmt: skip


def _differing(rows: list[dict[str, Any]], plan: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    for one in plan:
        number, kind = one["number"], one["kind"]
        if kind == "extra":
            fen = int(one.get("fen", 100))
            rows.append(
                {
                    **_nobody(day),
                    "number": number,
                    "order": fen,
                    "fee": _fee(fen),
                }
            )
            continue
        mine = [row for row in rows if number == (row["refund_number"] if row["refund"] else row["number"])]
        if kind == "missing":
            rows = [row for row in rows if row not in mine]
        for row in mine:
            if kind == "amount":
                row["refund" if row["refund"] else "order"] = int(one.get("fen", 1))
            if kind == "state" and row["refund"]:
                row["refund_state"] = "ABNORMAL"
            elif kind == "state":
                row["state"] = "REVOKED"
    return rows


def _nobody(day: date) -> dict[str, Any]:
    return {
        "at": _between(day)[0] + 43_200, "transaction": "4200009999" + day.strftime("%Y%m%d") + "0000000001",
        "openid": "o" + "0" * 27, "type": "JSAPI", "state": "SUCCESS", "refund_id": "0", "refund_number": "0",
        "refund": 0, "refund_state": "", "refund_type": "", "name": "样例,`多出的一笔", "attach": "",
    }  # fmt: skip


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _line(*values: object) -> str:
    return ",".join(f"`{value}" for value in values)


def _wall(at: float) -> str:
    return datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _trade_text(rows: list[dict[str, Any]]) -> str:
    lines = [TRADE_COLUMNS]
    for row in rows:
        lines.append(
            _line(
                _wall(row["at"]),
                constants.APP_ID,
                constants.MCH_ID,
                "0",
                "",
                row["transaction"],
                row["number"],
                row["openid"],
                row["type"],
                row["state"],
                "OTHERS",
                "CNY",
                _yuan(row["order"]),
                "0.00",
                row["refund_id"],
                row["refund_number"],
                _yuan(row["refund"]),
                "0.00",
                row["refund_type"],
                row["refund_state"],
                row["name"],
                row["attach"],
                f"{_yuan(row['fee'])}000",
                "0.60%",
                _yuan(row["order"]),
                _yuan(row["refund"]),
                "",
            )
        )
    order, refund = sum(row["order"] for row in rows), sum(row["refund"] for row in rows)
    fee = sum(row["fee"] for row in rows)
    totals = (f"{len(rows)}.0", _yuan(order), _yuan(refund), "0.0", _yuan(fee), _yuan(order), _yuan(refund))
    return "\n".join([*lines, TRADE_TOTALS, _line(*totals), ""])


def _fund_text(rows: list[dict[str, Any]]) -> str:
    """Three kinds of movement: a payment, its fee, a refund less the fee that comes back."""
    lines, balance = [FUND_COLUMNS], 10_000_000
    ins: list[int] = []
    outs: list[int] = []

    def move(row: dict[str, Any], kind: str, fen: int, note: str) -> None:
        nonlocal balance
        balance += fen
        (ins if fen > 0 else outs).append(abs(fen))
        number = row["refund_number"] if row["refund"] else row["number"]
        theirs = row["refund_id"] if row["refund"] else row["transaction"]
        lines.append(
            _line(
                _wall(row["at"]),
                theirs,
                f"100000{len(lines):022d}",
                kind,
                kind,
                "收入" if fen > 0 else "支出",
                _yuan(abs(fen)),
                _yuan(balance),
                "system",
                note,
                number,
            )
        )

    for row in rows:
        if row["refund"]:
            if row["refund_state"] != "FAIL":
                note = f"退款总金额{_yuan(row['refund'])}元;含手续费{_yuan(-row['fee'])}元"
                move(row, "退款", -(row["refund"] + row["fee"]), note)
            continue
        move(row, "交易", row["order"], "结算总金额 " + _yuan(row["order"]))
        if row["fee"]:
            move(row, "扣除交易手续费", -row["fee"], "")
    totals = (f"{len(ins) + len(outs)}.0", f"{len(ins)}.0", _yuan(sum(ins)), f"{len(outs)}.0", _yuan(sum(outs)))
    return "\n".join([*lines, FUND_TOTALS, _line(*totals), ""])
