"""Refunds: accepted as PROCESSING, settled shortly after, told by a signed notice."""

import json
import re
from sqlite3 import Row
from typing import Any

from sandbox import constants, orders
from sandbox.signing import PayError, opened
from sandbox.world import World, rfc3339

OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
OUTCOMES = ("SUCCESS", "ABNORMAL", "CLOSED")
MAX_REFUNDS = 50
YEAR_S = 365 * 86400


def request_refund(here: World, data: dict[str, Any]) -> Row:
    """Accept a refund once; the same number with the same parameters is the same refund."""
    _check(data)
    number = data["out_refund_no"]
    same = json.dumps(data, sort_keys=True)
    with here.store.transaction():
        former = find_refund(here, number)
        if former is not None:
            if former["request"] != same:
                raise PayError(400, "INVALID_REQUEST", "退款单号重复：请求参数与首次退款不一致")
            return former
        order = _paid_order(here, data)
        _check_amount(here, data["amount"], order)
        plan = here.store.get_meta("next_refund")
        here.store.set_meta("next_refund", None)
        if plan == "NOT_ENOUGH":
            raise PayError(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
        here.store.insert(
            "refunds",
            out_refund_no=number,
            refund_id=f"5030000{here.store.count('refund'):022d}",
            out_trade_no=order["out_trade_no"],
            request=same,
            refund=data["amount"]["refund"],
            notify_url=data.get("notify_url"),
            status="PROCESSING",
            outcome=plan or "SUCCESS",
            created_at=here.now(),
            settle_at=here.now() + here.settings.refund_seconds / here.settings.time_scale,
        )
    here.store.log("refund", out_refund_no=number, refund=data["amount"]["refund"])
    here.notifier.wake()
    return get_refund(here, number)


def find_refund(here: World, out_refund_no: str) -> Row | None:
    """The refund or None."""
    return here.store.one("SELECT * FROM refunds WHERE out_refund_no = ?", out_refund_no)


def get_refund(here: World, out_refund_no: str) -> Row:
    """The refund, or 404."""
    row = find_refund(here, out_refund_no)
    if row is None:
        raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return row


def list_refunds(here: World) -> list[Row]:
    """Every refund, newest first."""
    return here.store.rows("SELECT * FROM refunds ORDER BY rowid DESC LIMIT 200")


def settle(here: World, out_refund_no: str, outcome: str = "", faults: list[str] | None = None) -> str | None:
    """Bring a refund to its end and queue its notice; answers the notice's id."""
    with here.store.transaction():
        row = get_refund(here, out_refund_no)
        in_the_portal = row["status"] == "ABNORMAL" and outcome in {"SUCCESS", "CLOSED"}  # by the merchant
        if row["status"] != "PROCESSING" and not in_the_portal:
            raise PayError(400, "INVALID_REQUEST", "退款已有结果")
        status = outcome or row["outcome"]
        here.store.execute(
            "UPDATE refunds SET status = ?, success_at = ? WHERE out_refund_no = ?",
            status,
            here.now() if status == "SUCCESS" else None,
            out_refund_no,
        )
        here.store.log("refund", out_refund_no=out_refund_no, status=status)
        if not row["notify_url"]:
            return None
        return here.notifier.enqueue(
            f"REFUND.{status}",
            ref=out_refund_no,
            url=row["notify_url"],
            plaintext=_notice(here, get_refund(here, out_refund_no)),
            faults=faults,
        )


def settle_due(here: World) -> None:
    """Settle what waited long enough."""
    for row in here.store.rows(
        "SELECT out_refund_no FROM refunds WHERE status = 'PROCESSING' AND settle_at <= ?", here.now()
    ):
        try:
            settle(here, row["out_refund_no"])
        except PayError as error:  # settled or forgotten by the control interface in the meantime
            here.store.log("refund", out_refund_no=row["out_refund_no"], skipped=error.message)


def apply_abnormal(here: World, refund_id: str, data: dict[str, Any]) -> Row:
    """Send an ABNORMAL refund to a bank card: PROCESSING again, SUCCESS soon. Account and name must be decryptable."""
    kind = data.get("type")
    if kind not in {"USER_BANK_CARD", "MERCHANT_BANK_CARD"}:
        raise orders.wrong("type", "应为 USER_BANK_CARD 或 MERCHANT_BANK_CARD")
    if kind == "USER_BANK_CARD":
        orders.text_field(data, "bank_type", 32)
        for name in ("bank_account", "real_name"):
            if not opened(here, orders.text_field(data, name, 1024) or ""):
                raise orders.wrong(name, "敏感信息未用微信支付公钥加密")
    with here.store.transaction():
        row = here.store.one("SELECT * FROM refunds WHERE refund_id = ?", refund_id)
        if row is None or row["out_refund_no"] != data.get("out_refund_no"):
            raise PayError(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        if row["status"] == "ABNORMAL":
            here.store.execute(
                "UPDATE refunds SET status = 'PROCESSING', outcome = 'SUCCESS', settle_at = ? WHERE refund_id = ?",
                here.now() + here.settings.refund_seconds / here.settings.time_scale,
                refund_id,
            )
        elif row["status"] != "PROCESSING":
            raise PayError(400, "INVALID_REQUEST", "退款单状态不是退款异常")
    here.store.log("refund", out_refund_no=row["out_refund_no"], applied=kind)
    here.notifier.wake()
    return get_refund(here, row["out_refund_no"])


def describe(here: World, row: Row) -> dict[str, Any]:
    """The refund as the API tells it."""
    order = orders.get_order(here, row["out_trade_no"])
    data: dict[str, Any] = {
        "refund_id": row["refund_id"],
        "out_refund_no": row["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": row["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(row["created_at"]),
        "status": row["status"],
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order["total"],
            "refund": row["refund"],
            "payer_total": order["total"],
            "payer_refund": row["refund"],
            "settlement_total": order["total"],
            "settlement_refund": row["refund"],
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    return {**data, "success_time": rfc3339(row["success_at"])} if row["success_at"] else data


def _notice(here: World, row: Row) -> dict[str, Any]:
    told = describe(here, row)
    amount = {name: told["amount"][name] for name in ("total", "refund", "payer_total", "payer_refund")}
    names = "transaction_id out_trade_no refund_id out_refund_no user_received_account success_time".split()
    data = {name: told[name] for name in names if name in told}
    return {"mchid": constants.MCH_ID, "refund_status": row["status"], "amount": amount, **data}


def _check(data: dict[str, Any]) -> None:
    if bool(data.get("transaction_id")) == bool(data.get("out_trade_no")):
        raise orders.wrong("transaction_id", "与 out_trade_no 必须且只能填一个")
    number = data.get("out_refund_no")
    if not isinstance(number, str) or not OUT_REFUND_NO.fullmatch(number):
        raise orders.wrong("out_refund_no", "应为 1 到 64 个数字、字母或 _-|*@")
    orders.text_field(data, "reason", 80, needed=False)
    orders.check_notify_url(data, needed=False)
    orders.fen_field(data.get("amount"), "refund")
    orders.fen_field(data.get("amount"), "total")
    if data["amount"].get("currency") != "CNY":
        raise orders.wrong("amount.currency", "应为 CNY")


def _paid_order(here: World, data: dict[str, Any]) -> Row:
    if data.get("transaction_id"):
        order = orders.get_order_by_transaction(here, str(data["transaction_id"]))
    else:
        order = orders.get_order(here, str(data["out_trade_no"]))
    if order["state"] != "SUCCESS":
        raise PayError(400, "INVALID_REQUEST", "订单未支付，不能退款")
    if order["paid_at"] + YEAR_S < here.now():
        raise PayError(400, "INVALID_REQUEST", "订单已超过退款期限")
    return order


def _check_amount(here: World, amount: dict[str, Any], order: Row) -> None:
    if amount["total"] != order["total"]:
        raise PayError(400, "INVALID_REQUEST", "订单金额与原订单不一致")
    rows = here.store.rows(
        "SELECT refund FROM refunds WHERE out_trade_no = ? AND status <> 'CLOSED'", order["out_trade_no"]
    )
    if len(rows) >= MAX_REFUNDS:
        raise PayError(403, "RULE_LIMIT", "部分退款次数超过 50 次")
    if sum(row["refund"] for row in rows) + amount["refund"] > order["total"]:
        raise PayError(400, "INVALID_REQUEST", "申请退款金额大于剩余可退金额")
