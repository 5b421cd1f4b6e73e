"""Orders (JSAPI, H5, Native): the rules of placing, paying, closing, expiring and asking."""

import json
import re
from datetime import datetime
from ipaddress import ip_address
from sqlite3 import Row
from typing import Any
from urllib.parse import urlsplit

from sandbox import constants
from sandbox.signing import PayError
from sandbox.world import CHINA, World, find_person, list_people, rfc3339

OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
MAX_FEN = 100_000_000_00
MAX_LIFETIME_S = 90 * 86400
STATE_TEXT = {"SUCCESS": "支付成功", "REFUND": "订单发生过退款", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭"}


def place_order(here: World, data: dict[str, Any], trade_type: str = "JSAPI") -> str:
    """Create the order, or find it again for identical parameters; answers a fresh prepay_id."""
    _check_order(here, data, trade_type)
    number, now = data["out_trade_no"], here.now()
    # Only the first call sets time_expire, so a repetition with another one is still the same order.
    kept = {k: v for k, v in data.items() if k != "time_expire"} | {"trade_type": trade_type}
    same = json.dumps(kept, sort_keys=True)
    with here.store.transaction():
        order = find_order(here, number)
        if order is None:
            here.store.insert(
                "orders",
                out_trade_no=number,
                request=same,
                description=data["description"],
                total=data["amount"]["total"],
                openid=data.get("payer", {}).get("openid", ""),
                notify_url=data["notify_url"],
                attach=data.get("attach"),
                state="NOTPAY",
                created_at=now,
                expires_at=_expiry(data, now),
            )
        elif order["state"] == "SUCCESS":
            raise PayError(400, "ORDERPAID", "该订单已支付")
        elif order["state"] == "CLOSED":
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
        elif order["request"] != same:
            raise PayError(403, "OUT_TRADE_NO_USED", "商户订单号重复：请求参数与首次下单不一致")
        stamp = datetime.fromtimestamp(now, CHINA).strftime("%Y%m%d%H%M%S")
        prepay_id = f"wx{stamp}{here.hexes('prepay', 20)}"
        here.store.insert("prepays", prepay_id=prepay_id, out_trade_no=number, created_at=now)
    here.store.log("order", out_trade_no=number, total=data["amount"]["total"], again=order is not None)
    return prepay_id


def find_order(here: World, out_trade_no: str) -> Row | None:
    """The order as it stands now: an unpaid one past its time_expire is closed."""
    here.store.execute(
        "UPDATE orders SET state = 'CLOSED' WHERE out_trade_no = ? AND state = 'NOTPAY' AND expires_at <= ?",
        out_trade_no,
        here.now(),
    )
    return here.store.one("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def get_order(here: World, out_trade_no: str) -> Row:
    """The order, or 404."""
    order = find_order(here, out_trade_no)
    if order is None:
        raise PayError(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def get_order_by_transaction(here: World, transaction_id: str) -> Row:
    """The paid order with this WeChat number, or 404."""
    row = here.store.one("SELECT out_trade_no FROM orders WHERE transaction_id = ?", transaction_id)
    return get_order(here, row["out_trade_no"] if row else "")


def list_orders(here: World) -> list[Row]:
    """Every order, newest first."""
    here.store.execute("UPDATE orders SET state = 'CLOSED' WHERE state = 'NOTPAY' AND expires_at <= ?", here.now())
    return here.store.rows("SELECT * FROM orders ORDER BY rowid DESC LIMIT 200")


def close_order(here: World, out_trade_no: str) -> None:
    """Close an unpaid order."""
    with here.store.transaction():
        order = get_order(here, out_trade_no)
        if order["state"] == "SUCCESS":
            raise PayError(400, "ORDERPAID", "该订单已支付")
        if order["state"] == "CLOSED":
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
        here.store.execute("UPDATE orders SET state = 'CLOSED' WHERE out_trade_no = ?", out_trade_no)
    here.store.log("close", out_trade_no=out_trade_no)


def mark_paid(here: World, out_trade_no: str, *, force: bool = False) -> Row:
    """The payer's money arrived; `force` also revives a closed order (money that comes late).

    Who paid an H5 or Native order is only known now: the first sample person.
    """
    with here.store.transaction():
        order = get_order(here, out_trade_no)
        if order["state"] == "SUCCESS":
            raise PayError(400, "ORDERPAID", "该订单已支付")
        if order["state"] == "CLOSED" and not force:
            raise PayError(400, "ORDER_CLOSED", "该订单已关闭")
        day = datetime.fromtimestamp(here.now(), CHINA).strftime("%Y%m%d")
        here.store.execute(
            "UPDATE orders SET state = 'SUCCESS', transaction_id = ?, paid_at = ?, openid = ? WHERE out_trade_no = ?",
            f"4200002{day}{here.store.count('transaction'):013d}",
            here.now(),
            order["openid"] or list_people(here)[0]["openid"],
            out_trade_no,
        )
        here.store.log("paid", out_trade_no=out_trade_no)
        return get_order(here, out_trade_no)


def describe(here: World, order: Row) -> dict[str, Any]:
    """The order as the query API tells it."""
    refunded = here.store.one(
        "SELECT 1 FROM refunds WHERE out_trade_no = ? AND status <> 'CLOSED'", order["out_trade_no"]
    )
    state = "REFUND" if refunded else order["state"]
    data: dict[str, Any] = {
        "appid": constants.APP_ID,
        "mchid": constants.MCH_ID,
        "out_trade_no": order["out_trade_no"],
        "trade_state": state,
        "trade_state_desc": STATE_TEXT[state],
        "promotion_detail": [],
        "amount": {"total": order["total"], "currency": "CNY"},
        "payer": {},
    }
    return data if order["paid_at"] is None else {**data, **_paid_part(order)}


def trade_type_of(order: Row) -> str:
    """JSAPI, MWEB (the name of H5 in queries and bills) or NATIVE."""
    kind = json.loads(order["request"]).get("trade_type", "JSAPI")
    return "MWEB" if kind == "H5" else kind


def transaction_of(here: World, order: Row) -> dict[str, Any]:
    """The order as the payment notice tells it: the state of the moment of payment."""
    return {**describe(here, order), "trade_state": "SUCCESS", "trade_state_desc": STATE_TEXT["SUCCESS"]}


def _paid_part(order: Row) -> dict[str, Any]:
    return {
        "transaction_id": order["transaction_id"],
        "trade_type": trade_type_of(order),
        "bank_type": "OTHERS",
        "attach": order["attach"] or "",
        "success_time": rfc3339(order["paid_at"]),
        "payer": {"openid": order["openid"]},
        "amount": {
            "total": order["total"],
            "payer_total": order["total"],
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }


def wrong(field: str, issue: str) -> PayError:
    """400 PARAM_ERROR naming the field."""
    detail = {"field": f"/{field.replace('.', '/')}", "issue": issue, "location": "body"}
    return PayError(400, "PARAM_ERROR", f"参数错误：{field} {issue}", detail)


def text_field(data: dict[str, Any], name: str, limit: int, *, needed: bool = True) -> str | None:
    """A text of 1 to `limit` characters."""
    value = data.get(name)
    if value is None and not needed:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise wrong(name, f"应为 1 到 {limit} 个字符")
    return value


def check_notify_url(data: dict[str, Any], *, needed: bool) -> None:
    """A full address without a query, at most 255 characters."""
    url = text_field(data, "notify_url", 255, needed=needed)
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise wrong("notify_url", "应为完整的 http(s) 地址，不能带参数")


def fen_field(amount: Any, name: str) -> int:
    """A positive whole number of fen inside `amount`."""
    value = amount.get(name) if isinstance(amount, dict) else None
    if type(value) is not int or not 1 <= value <= MAX_FEN:
        raise wrong(f"amount.{name}", "应为大于 0 的整数（分）")
    return value


def _check_order(here: World, data: dict[str, Any], trade_type: str) -> None:
    appid, mchid = text_field(data, "appid", 32), text_field(data, "mchid", 32)
    if mchid != constants.MCH_ID:
        raise PayError(400, "MCH_NOT_EXISTS", "商户号不存在")
    if appid != constants.APP_ID:
        raise PayError(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    text_field(data, "description", 127)
    text_field(data, "attach", 128, needed=False)
    number = data.get("out_trade_no")
    if not isinstance(number, str) or not OUT_TRADE_NO.fullmatch(number):
        raise wrong("out_trade_no", "应为 6 到 32 个数字、字母或 _-|*")
    check_notify_url(data, needed=True)
    fen_field(data.get("amount"), "total")
    if data["amount"].get("currency", "CNY") != "CNY":
        raise wrong("amount.currency", "只支持 CNY")
    if trade_type == "H5":
        _check_scene(data.get("scene_info"))
    if trade_type != "JSAPI":
        return
    payer = data.get("payer")
    if not isinstance(payer, dict) or not isinstance(payer.get("openid"), str):
        raise wrong("payer.openid", "缺失")
    if find_person(here, payer["openid"]) is None:
        raise PayError(400, "PARAM_ERROR", "无效的openid：appid和openid不匹配", {"field": "/payer/openid"})


def _check_scene(scene: Any) -> None:
    if not isinstance(scene, dict) or not _is_address(scene.get("payer_client_ip")):
        raise wrong("scene_info.payer_client_ip", "应为用户的客户端 IP")
    h5 = scene.get("h5_info")
    if not isinstance(h5, dict) or h5.get("type") not in {"Wap", "iOS", "Android"}:
        raise wrong("scene_info.h5_info.type", "应为 Wap、iOS 或 Android")


def _is_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


def _expiry(data: dict[str, Any], now: float) -> float:
    text = data.get("time_expire")
    if text is None:
        return now + constants.ORDER_LIFETIME_S
    if not isinstance(text, str) or not RFC3339.fullmatch(text):
        raise wrong("time_expire", "应为 RFC 3339 格式，如 2025-01-01T12:30:00+08:00")
    try:
        moment = datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise wrong("time_expire", "不是有效的时间") from error
    # One minute by the rule; two seconds are left for the way here.
    if not 58 <= moment - now <= MAX_LIFETIME_S:
        raise wrong("time_expire", "应在 1 分钟以后、90 天以内")
    return moment
