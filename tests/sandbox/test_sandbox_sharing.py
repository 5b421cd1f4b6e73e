"""Profit sharing with wechatpayv3: receivers, the ceiling, results by receiver, unfreezing, returns."""

import json
from typing import Any

import requests
from wechatpayv3 import WeChatPay

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import ListeningShop, make_pay

MERCHANT = {"type": "MERCHANT_ID", "account": "1900000777", "amount": 10_000, "description": "门店分成"}


def told(reply: tuple[int, Any]) -> tuple[int, Any]:
    status, text = reply
    data = json.loads(text) if text else {}
    return status, data.get("code", data)


def paid(sandbox: RunningSandbox, pay: WeChatPay, openid: str, number: str, *, sharing: bool = True) -> str:
    settle = {"profit_sharing": sharing}
    order = pay.pay(
        description="订金", out_trade_no=number, amount={"total": 100_000, "currency": "CNY"},
        payer={"openid": openid}, settle_info=settle,
    )  # fmt: skip
    assert order[0] == 200, order
    answer = requests.post(f"{sandbox.url}/sim/orders/{number}/pay", json={"notify": "none"}, timeout=5).json()
    return answer["transaction_id"]


def test_sharing_from_receiver_to_return(sandbox: RunningSandbox, shop: ListeningShop, openid: str) -> None:
    pay = make_pay(sandbox, f"{shop.url}/notices")
    transaction = paid(sandbox, pay, openid, "SHARE000001")
    assert told(pay.profitsharing_order(transaction, "S1", [MERCHANT], False))[1] == "INVALID_REQUEST"  # too early
    with sandbox.world.store.transaction():
        sandbox.world.store.execute("UPDATE orders SET paid_at = paid_at - 61")
    added = pay.profitsharing_add_receiver("MERCHANT_ID", "1900000777", "STORE", name="样例门店")
    assert added[0] == 200, added
    too_much = [{**MERCHANT, "amount": 30_001}]
    assert told(pay.profitsharing_order(transaction, "S1", too_much, False)) == (403, "RULE_LIMIT")
    stranger = {"type": "PERSONAL_OPENID", "account": openid, "amount": 100, "description": "x"}
    status, done = told(pay.profitsharing_order(transaction, "S1", [MERCHANT, stranger], False))
    assert (status, done["state"]) == (200, "FINISHED")
    assert [one["result"] for one in done["receivers"]] == ["SUCCESS", "CLOSED"]
    assert told(pay.profitsharing_order_query(transaction, "S1"))[1]["order_id"] == done["order_id"]
    assert told(pay.profitsharing_amount_query(transaction))[1]["unsplit_amount"] == 90_000
    status, back = told(pay.profitsharing_return("R1", "1900000777", 4_000, "退货", out_order_no="S1"))
    assert (status, back["result"]) == (200, "SUCCESS")
    assert told(pay.profitsharing_return("R2", "1900000777", 6_001, "退货", out_order_no="S1")) == (
        400,
        "INVALID_REQUEST",
    )
    assert told(pay.profitsharing_unfreeze(transaction, "S2", "解冻"))[0] == 200
    assert told(pay.profitsharing_amount_query(transaction))[1]["unsplit_amount"] == 0
    assert told(pay.profitsharing_delete_receiver("MERCHANT_ID", "1900000777"))[0] == 200


def test_an_ordinary_payment_is_not_shared(sandbox: RunningSandbox, shop: ListeningShop, openid: str) -> None:
    pay = make_pay(sandbox, f"{shop.url}/notices")
    transaction = paid(sandbox, pay, openid, "SHARE000002", sharing=False)
    assert told(pay.profitsharing_order(transaction, "S3", [MERCHANT], False)) == (403, "NO_AUTH")
