"""Notices verified and decrypted by wechatpayv3: faults, repetition, and the state after a restart."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from wechatpayv3 import WeChatPay

from sandbox.constants import RETRY_INTERVALS_S
from sandbox.server import RunningSandbox, start_in_thread
from tests.sandbox.conftest import ListeningShop, Notice, make_pay
from tests.sandbox.test_sandbox_pay import ORDER, order, refund, state


def play(sandbox: RunningSandbox, **data: Any) -> dict[str, Any]:
    return requests.post(f"{sandbox.url}/sim/orders/{ORDER}/pay", json=data).json()


def read(pay: WeChatPay, notice: Notice) -> Any:
    return pay.callback(notice.headers, notice.body)


def notices_of(sandbox: RunningSandbox) -> list[dict[str, Any]]:
    return requests.get(f"{sandbox.url}/sim/orders/{ORDER}").json()["notices"]


def test_payment_notice_is_signed_and_encrypted(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    transaction_id = play(sandbox)["transaction_id"]
    (notice,) = shop.wait_for(1)
    assert openid.encode() not in notice.body
    data = read(pay, notice)
    assert (data["event_type"], data["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    resource = data["resource"]
    assert resource["transaction_id"] == transaction_id
    assert resource["out_trade_no"] == ORDER
    assert (resource["mchid"], resource["appid"]) == (sandbox.env["WECHATPAY_MCH_ID"], sandbox.env["WECHAT_APP_ID"])
    assert (resource["trade_state"], resource["amount"]["total"]) == ("SUCCESS", 50000)


def test_refund_notice(pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str) -> None:
    order(pay, openid)
    play(sandbox, notify="none")
    refund(pay, "R1", 20000)
    data = read(pay, shop.wait_for(1)[0])
    assert data["event_type"] == "REFUND.SUCCESS"
    assert data["resource"]["refund_status"] == "SUCCESS"
    assert data["resource"]["amount"] == {"total": 50000, "refund": 20000, "payer_total": 50000, "payer_refund": 20000}
    assert "status" not in data["resource"]
    assert data["resource"]["out_refund_no"] == "R1"


def test_unacknowledged_notice_is_repeated_until_acknowledged(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    shop.statuses = [500, 404, 302, 200]
    order(pay, openid)
    play(sandbox)
    ids = {json.loads(notice.body)["id"] for notice in shop.wait_for(4)}
    assert len(ids) == 1
    assert read(pay, shop.notices[3])


def test_schedule_has_fifteen_repetitions() -> None:
    assert len(RETRY_INTERVALS_S) == 15
    assert sum(RETRY_INTERVALS_S) == 86640


def test_notice_can_be_withheld_and_sent_by_hand(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    notice_id = play(sandbox, notify="none")["notice_id"]
    assert state(pay)["trade_state"] == "SUCCESS"
    assert shop.notices == []
    assert notices_of(sandbox)[0]["state"] == "held"
    answer = requests.post(f"{sandbox.url}/sim/notices/{notice_id}/resend").json()
    assert answer["status"] == 204
    assert len(shop.notices) == 1
    assert notices_of(sandbox)[0]["state"] == "done"


def test_notice_before_return_has_arrived_when_the_page_hears_of_it(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    assert play(sandbox, notify="before_return")["notice"]["status"] == 204
    assert len(shop.notices) == 1


@pytest.mark.parametrize(
    ("fault", "path", "value"),
    [("wrong_amount", ("amount", "total"), 1), ("other_mchid", ("mchid",), "1900000999")],
)
def test_wrong_content_is_correctly_signed(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str, fault: str, path: tuple[str], value: Any
) -> None:
    order(pay, openid)
    notice_id = play(sandbox, faults=[fault])["notice_id"]
    found = read(pay, shop.wait_for(1)[0])["resource"]
    for key in path:
        found = found[key]
    assert found == value
    requests.post(f"{sandbox.url}/sim/notices/{notice_id}/resend")
    right = read(pay, shop.wait_for(2)[1])["resource"]
    assert (right["amount"]["total"], right["mchid"]) == (50000, sandbox.env["WECHATPAY_MCH_ID"])


def test_bad_signature_does_not_verify(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    play(sandbox, faults=["bad_signature"])
    assert read(pay, shop.wait_for(1)[0]) is None


def test_old_timestamp_is_correctly_signed_but_old(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    play(sandbox, faults=["old_timestamp"])
    (notice,) = shop.wait_for(1)
    assert read(pay, notice)
    assert sandbox.world.now() - int(notice.headers["Wechatpay-Timestamp"]) >= 3600


def test_signature_probe_comes_before_the_notice(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    shop.statuses = [401]
    order(pay, openid)
    play(sandbox, faults=["signtest"])
    probe, notice = shop.wait_for(2)
    assert probe.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert read(pay, notice)


def test_duplicate_lost_and_late_notices(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    play(sandbox, faults=["duplicate", "drop", "delay"])
    first, second = shop.wait_for(2)
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
    assert read(pay, second)


def test_faults_can_be_planned_for_the_next_notice(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    requests.post(sandbox.url + "/sim/faults", json={"next_notice": ["bad_signature"]})
    order(pay, openid)
    play(sandbox)
    assert read(pay, shop.wait_for(1)[0]) is None
    assert requests.post(sandbox.url + "/sim/faults", json={"next_notice": ["nonsense"]}).status_code == 400


def test_restart_keeps_people_orders_and_notices(tmp_path: Path, shop: ListeningShop) -> None:
    first = start_in_thread(tmp_path)
    person = requests.get(first.url + "/sim/people").json()["people"][0]["openid"]
    pay = make_pay(first, shop.url + "/notices")
    order(pay, person)
    shop.statuses = [500]
    play(first)
    shop.wait_for(1)
    first.stop()
    second = start_in_thread(tmp_path)
    try:
        again = make_pay(second, shop.url + "/notices")
        assert state(again)["trade_state"] == "SUCCESS"
        (notice,) = notices_of(second)
        assert (notice["attempts"], notice["state"], notice["last_status"]) == (1, "pending", 500)
        assert requests.get(second.url + "/sim/people").json()["people"][0]["openid"] == person
    finally:
        second.stop()
