"""JSAPI orders with wechatpayv3: signatures, limits, repetition, closing, expiry, refunds."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wechatpayv3 import WeChatPay
from wechatpayv3.utils import build_authorization, load_private_key

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import ListeningShop, make_pay

ORDER = "BOOKING20250001"


def told(reply: tuple[int, str | bytes]) -> tuple[int, Any]:
    """Status and the answer's code, or its JSON."""
    status, text = reply
    data = json.loads(text) if text else {}
    return status, data.get("code", data)


def order(pay: WeChatPay, openid: str, number: str = ORDER, **changes: Any) -> tuple[int, Any]:
    values: dict[str, Any] = {
        "description": "一口价订金",
        "out_trade_no": number,
        "amount": {"total": 50000, "currency": "CNY"},
        "payer": {"openid": openid},
        "attach": "a",
    }
    return told(pay.pay(**{**values, **changes}))


def state(pay: WeChatPay, number: str = ORDER) -> dict[str, Any]:
    return told(pay.query(out_trade_no=number))[1]


def pay_order(sandbox: RunningSandbox, number: str = ORDER, **data: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/sim/orders/{number}/pay", json={"notify": "none", **data})


def refund(pay: WeChatPay, number: str, fen: int, total: int = 50000, **more: Any) -> tuple[int, Any]:
    return told(pay.refund(number, {"refund": fen, "total": total, "currency": "CNY"}, out_trade_no=ORDER, **more))


def signed_get(sandbox: RunningSandbox, path: str, authorization: str) -> requests.Response:
    return requests.get(sandbox.url + path, headers={"Authorization": authorization, "Accept": "application/json"})


def authorization(sandbox: RunningSandbox, path: str, **changes: str) -> str:
    env = sandbox.env
    with open(changes.pop("key_path", env["WECHATPAY_PRIVATE_KEY_PATH"])) as file:
        key = load_private_key(file.read())
    values = {"mchid": env["WECHATPAY_MCH_ID"], "serial_no": env["WECHATPAY_CERT_SERIAL"], **changes}
    return build_authorization(path, "GET", private_key=key, **values)


def test_order_query_pay_query(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    status, data = order(pay, openid)
    assert status == 200
    assert data["prepay_id"].startswith("wx")
    assert state(pay)["trade_state"] == "NOTPAY"
    assert "attach" not in state(pay)
    transaction_id = pay_order(sandbox).json()["transaction_id"]
    assert len(transaction_id) == 28
    assert transaction_id.startswith("42000")
    paid = state(pay)
    assert paid["trade_state"] == "SUCCESS"
    assert paid["transaction_id"] == transaction_id
    assert paid["amount"] == {"total": 50000, "payer_total": 50000, "currency": "CNY", "payer_currency": "CNY"}
    assert (paid["payer"], paid["attach"]) == ({"openid": openid}, "a")
    assert told(pay.query(transaction_id=transaction_id))[1] == paid


def test_answers_are_signed_refusals_too(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    order(pay, openid)
    path = f"/v3/pay/transactions/out-trade-no/{ORDER}?mchid={sandbox.env['WECHATPAY_MCH_ID']}"
    missing = path.replace(ORDER, "UNKNOWN0001")
    names = {"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"}
    for each in (path, missing):
        reply = signed_get(sandbox, each, authorization(sandbox, each))
        assert names | {"Wechatpay-Signature-Type", "Request-ID"} <= set(reply.headers)
        assert pay._core._verify_signature(reply.headers, reply.text)  # pyright: ignore[reportPrivateUsage]


def test_wrong_signatures_are_refused(sandbox: RunningSandbox, shop: ListeningShop, openid: str, tmp_path: Any) -> None:
    path = f"/v3/pay/transactions/out-trade-no/{ORDER}?mchid=1900000109"
    stranger = tmp_path / "stranger.pem"
    key = generate_private_key(65537, 2048)
    stranger.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    good = authorization(sandbox, path)
    bad = {
        "another key": authorization(sandbox, path, key_path=str(stranger)),
        "another path": authorization(sandbox, path.replace(ORDER, "OTHER0001")),
        "another serial": authorization(sandbox, path, serial_no="0" * 40),
        "another merchant": authorization(sandbox, path, mchid="1900000999"),
        "another scheme": good.replace("WECHATPAY2-SHA256-RSA2048", "Basic"),
        "a field missing": good.split(",", 1)[0],
        "nothing": "",
    }
    for name, header in bad.items():
        reply = signed_get(sandbox, path, header)
        assert (reply.status_code, reply.json()["code"]) == (401, "SIGN_ERROR"), name
    order_reply = make_pay(sandbox, shop.url + "/n", WECHATPAY_PRIVATE_KEY_PATH=str(stranger))
    assert order(order_reply, openid) == (401, "SIGN_ERROR")


def test_nonce_works_once(sandbox: RunningSandbox) -> None:
    path = "/v3/pay/transactions/id/42?mchid=1900000109"
    header = authorization(sandbox, path)
    assert signed_get(sandbox, path, header).status_code == 404
    again = signed_get(sandbox, path, header)
    assert (again.status_code, again.json()["code"]) == (401, "SIGN_ERROR")


@pytest.mark.parametrize("offset", [301, -301])
def test_clock_skew_beyond_five_minutes_is_refused(sandbox: RunningSandbox, offset: int) -> None:
    path = "/v3/pay/transactions/id/42?mchid=1900000109"
    header = authorization(sandbox, path)
    requests.post(sandbox.url + "/sim/clock", json={"offset": offset + (1 if offset > 0 else -1)})
    assert signed_get(sandbox, path, header).json()["code"] == "SIGN_ERROR"


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"out_trade_no": "CAR01"}, (400, "PARAM_ERROR")),
        ({"out_trade_no": "CAR 0001"}, (400, "PARAM_ERROR")),
        ({"description": "长" * 128}, (400, "PARAM_ERROR")),
        ({"attach": "长" * 129}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 0.5, "currency": "CNY"}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": -1, "currency": "CNY"}}, (400, "PARAM_ERROR")),
        ({"amount": {"total": 1, "currency": "USD"}}, (400, "PARAM_ERROR")),
        ({"payer": {"openid": "nobody"}}, (400, "PARAM_ERROR")),
        ({"notify_url": "http://127.0.0.1/n?a=1"}, (400, "PARAM_ERROR")),
        ({"time_expire": "tomorrow"}, (400, "PARAM_ERROR")),
        ({"time_expire": "2020-01-01T00:00:00+08:00"}, (400, "PARAM_ERROR")),
        ({"appid": "wx0000000000000000"}, (400, "APPID_MCHID_NOT_MATCH")),
        ({"mchid": "1900000999"}, (400, "MCH_NOT_EXISTS")),
    ],
)
def test_order_limits(pay: WeChatPay, openid: str, changes: dict[str, Any], answer: tuple[int, str]) -> None:
    assert order(pay, openid, **changes) == answer
    assert told(pay.query(out_trade_no=ORDER)) == (404, "ORDER_NOT_EXIST")


def test_identical_order_gives_a_fresh_prepay_id_and_another_one_is_refused(pay: WeChatPay, openid: str) -> None:
    first, second = order(pay, openid), order(pay, openid)
    assert first[0] == second[0] == 200
    assert first != second
    assert order(pay, openid, amount={"total": 1, "currency": "CNY"}) == (403, "OUT_TRADE_NO_USED")


def test_paid_order_is_not_ordered_closed_or_paid_again(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    order(pay, openid)
    pay_order(sandbox)
    assert order(pay, openid) == (400, "ORDERPAID")
    assert told(pay.close(ORDER)) == (400, "ORDERPAID")
    again = pay_order(sandbox)
    assert (again.status_code, again.json()["code"]) == (409, "ORDERPAID")


def test_closed_order_is_closed(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    order(pay, openid)
    assert pay.close(ORDER)[0] == 204
    assert state(pay)["trade_state"] == "CLOSED"
    assert told(pay.close(ORDER)) == order(pay, openid) == (400, "ORDER_CLOSED")
    assert pay_order(sandbox).json()["code"] == "ORDER_CLOSED"


def test_late_money_may_be_forced_onto_a_closed_order(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    order(pay, openid)
    pay.close(ORDER)
    pay_order(sandbox, force=True)
    assert state(pay)["trade_state"] == "SUCCESS"


def test_order_closes_itself_at_time_expire(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=120)
    assert order(pay, openid, time_expire=moment.isoformat(timespec="seconds"))[0] == 200
    requests.post(sandbox.url + "/sim/clock", json={"offset": 125})
    assert state(pay)["trade_state"] == "CLOSED"
    assert pay_order(sandbox).status_code == 409


def test_refund_is_accepted_then_successful_and_never_more_than_paid(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    assert refund(pay, "R1", 100) == (400, "INVALID_REQUEST")
    pay_order(sandbox)
    assert refund(pay, "R1", 30000, total=40000) == (400, "INVALID_REQUEST")
    status, first = refund(pay, "R1", 30000, reason="不买了")
    assert (status, first["status"]) == (200, "PROCESSING")
    shop.wait_for(1)
    done = told(pay.query_refund("R1"))[1]
    assert (done["status"], done["amount"]["refund"]) == ("SUCCESS", 30000)
    assert done["success_time"]
    assert refund(pay, "R1", 30000, reason="不买了")[1]["refund_id"] == first["refund_id"]
    assert refund(pay, "R1", 20000) == (400, "INVALID_REQUEST")
    assert refund(pay, "R2", 20001) == (400, "INVALID_REQUEST")
    assert refund(pay, "R2", 20000)[0] == 200
    assert state(pay)["trade_state"] == "REFUND"
    assert told(pay.query_refund("R9")) == (404, "RESOURCE_NOT_EXISTS")


def test_planned_refund_outcomes(pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str) -> None:
    order(pay, openid)
    pay_order(sandbox)
    requests.post(sandbox.url + "/sim/faults", json={"next_refund": "NOT_ENOUGH"})
    assert refund(pay, "R1", 100) == (403, "NOT_ENOUGH")
    requests.post(sandbox.url + "/sim/faults", json={"next_refund": "CLOSED"})
    assert refund(pay, "R1", 50000)[0] == 200
    notice: Any = pay.callback(shop.wait_for(1)[0].headers, shop.notices[0].body)
    assert (notice["event_type"], notice["resource"]["refund_status"]) == ("REFUND.CLOSED", "CLOSED")
    # A closed refund gave nothing back, so the whole sum may be refunded under another number.
    assert refund(pay, "R2", 50000)[0] == 200


def test_public_key_merchant_has_no_certificates(pay: WeChatPay) -> None:
    status, text = pay._core.request("/v3/certificates")  # pyright: ignore[reportPrivateUsage]
    assert told((status, text)) == (404, "RESOURCE_NOT_EXISTS")


def test_wechat_can_be_down(pay: WeChatPay, sandbox: RunningSandbox, openid: str) -> None:
    requests.post(sandbox.url + "/sim/down", json={"on": True, "parts": ["pay"]})
    assert pay.query(out_trade_no=ORDER)[0] == 503
    assert requests.get(sandbox.url + "/sns/auth").json()["errcode"] == 41001
    requests.post(sandbox.url + "/sim/down", json={"on": False})
    assert order(pay, openid)[0] == 200
