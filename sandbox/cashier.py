"""The cashier: what the payer does, and the notice that follows."""

from sqlite3 import Row
from typing import Any

from sandbox import constants, orders
from sandbox.signing import PayError, verify
from sandbox.world import World

NOTIFY = ("normal", "none", "before_return")


def pay(
    here: World, out_trade_no: str, *, notify: str = "normal", faults: list[str] | None = None, force: bool = False
) -> dict[str, Any]:
    """The payer pays; the notice goes out now, never, or before the page hears of it."""
    if notify not in NOTIFY:
        raise ValueError(f"notify must be one of {', '.join(NOTIFY)}")
    with here.store.transaction():
        order = orders.mark_paid(here, out_trade_no, force=force)
        notice_id = here.notifier.enqueue(
            "TRANSACTION.SUCCESS",
            ref=out_trade_no,
            url=order["notify_url"],
            plaintext=orders.transaction_of(here, order),
            faults=faults,
            held=notify != "normal",
        )
    answer: dict[str, Any] = {"transaction_id": order["transaction_id"], "notice_id": notice_id}
    if notify == "before_return":
        answer["notice"] = here.notifier.send_now(notice_id)
    return answer


def check_call(here: World, params: dict[str, Any], url: str) -> tuple[Row | None, str]:
    """The order behind a getBrandWCPayRequest, or why the cashier does not open."""
    if not here.settings.allows(url):
        return None, "当前页面的URL未注册"
    if params.get("appId") != constants.APP_ID:
        return None, "appId 与商户号不匹配"
    if params.get("signType") != "RSA":
        return None, "signType 应为 RSA"
    package = str(params.get("package", ""))
    lines = (params["appId"], params.get("timeStamp"), params.get("nonceStr"), package)
    message = "".join(f"{line}\n" for line in lines).encode()
    if not verify(here.keys.merchant_public, message, str(params.get("paySign", ""))):
        return None, "支付验证签名失败"
    return find_payable(here, package.removeprefix("prepay_id="))


def find_payable(here: World, prepay_id: str) -> tuple[Row | None, str]:
    """The unpaid order of a prepay_id that is younger than two hours, or the reason."""
    row = here.store.one("SELECT * FROM prepays WHERE prepay_id = ?", prepay_id)
    if row is None:
        return None, "prepay_id 不存在"
    if row["created_at"] + constants.PREPAY_LIFETIME_S <= here.now():
        return None, "prepay_id 已过期，请重新下单"
    try:
        order = orders.get_order(here, row["out_trade_no"])
    except PayError as error:
        return None, error.message
    if order["state"] != "NOTPAY":
        return None, "该订单已支付" if order["state"] == "SUCCESS" else "该订单已关闭"
    return order, ""
