"""H5, Native, bills, certificates and abnormal refunds: the production client against the sandbox over HTTP."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import time_machine

from app.core import clock
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.pay.bills import read_fund_flow_bill, read_trade_bill
from app.gateways.pay.client import WeChatPayV3
from app.gateways.pay.port import (
    BankCard,
    BillDamaged,
    BillNotReady,
    H5Order,
    JsapiOrder,
    NativeOrder,
    NoticeRejected,
    RefundRequest,
    RefundStatus,
)
from sandbox.server import RunningSandbox, start_in_thread

SHOP = "http://127.0.0.1:9"  # nobody listens: notices are asked for, not received
PHONE = {"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    made = start_in_thread(tmp_path_factory.mktemp("sandbox"), shop_url=SHOP)
    yield made
    made.stop()


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    requests.post(f"{running.url}/sim/reset", json={}, timeout=5)
    return running


def settings_of(sandbox: RunningSandbox, **changes: Any) -> Settings:
    values: dict[str, Any] = {name.lower(): value for name, value in sandbox.env.items()}
    return Settings(_env_file=None, **{**values, "public_base_url": SHOP, **changes})  # pyright: ignore


@pytest.fixture
def client(sandbox: RunningSandbox) -> WeChatPayV3:
    return WeChatPayV3.from_settings(settings_of(sandbox))


def play(sandbox: RunningSandbox, path: str, **data: Any) -> dict[str, Any]:
    answer = requests.post(f"{sandbox.url}/sim/{path}", json=data, timeout=5)
    assert answer.status_code < 300, answer.text
    return answer.json()


def soon() -> datetime:
    return clock.now() + timedelta(minutes=20)


def native(number: str) -> NativeOrder:
    return NativeOrder(number, "订金,岫 S5", 100_000, soon())


def test_native_is_paid_by_scanning(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    code = client.create_native(native("NATIVE00001"))
    assert code.startswith("weixin://wxpay/bizpayurl?pr=")
    play(sandbox, "pay/scan", code_url=code, notify="none")
    assert client.query("NATIVE00001").total_fen == 100_000
    with pytest.raises(GatewayError, match="NO_USED"):  # a number belongs to one way of paying
        client.create_h5(H5Order("NATIVE00002", "x", 1, "192.0.2.7", soon()))
        client.create_native(native("NATIVE00002"))


def test_h5_wants_a_referer_and_leads_back(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    order = H5Order("H500000001", "订金", 100_000, "192.0.2.7", soon())
    url, again = client.create_h5(order), client.create_h5(order)
    assert url != again
    back = f"{SHOP}/bookings/B1/payment?returned=1"
    page = requests.get(url, {"redirect_url": back}, headers=PHONE | {"Referer": f"{SHOP}/"}, timeout=5)
    assert "¥1,000.00" in page.text
    assert requests.get(url, headers=PHONE, timeout=5).status_code == 403
    inside = PHONE | {"User-Agent": "iPhone MicroMessenger/8.0.49", "Referer": f"{SHOP}/"}
    assert "请在微信外打开订单" in requests.get(url, headers=inside, timeout=5).text
    prepay_id = url.split("prepay_id=")[1].split("&")[0]
    form = {"prepay_id": prepay_id, "redirect_url": back, "do": "silent"}
    answer = requests.post(f"{sandbox.url}/h5pay", data=form, allow_redirects=False, timeout=5)
    assert answer.headers["Location"] == back
    assert client.query("H500000001").transaction_id is not None


def test_bills_come_at_ten_and_say_what_happened(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    play(sandbox, "pay/scan", code_url=client.create_native(native("BILL000001")), notify="none")
    client.refund(RefundRequest("BILL000001", "RBILL0001", 30_000, 100_000, "部分退款"))
    day = clock.today()
    with pytest.raises(BillNotReady):
        client.trade_bill(day - timedelta(days=2)).__enter__()  # nothing happened on that day
    tomorrow = clock.from_local(datetime.combine(day + timedelta(days=1), datetime.min.time()))
    for hours, ready in ((9.9, False), (10.1, True)):
        with time_machine.travel(tomorrow + timedelta(hours=hours), tick=True):
            if not ready:
                with pytest.raises(BillNotReady):
                    client.trade_bill(day).__enter__()
                continue
            with client.trade_bill(day) as bill:
                rows = list(read_trade_bill(bill.file))
            with client.fund_flow_bill(day) as bill:
                moves = list(read_fund_flow_bill(bill.file))
            check_expired_address(sandbox, client)
    assert [(row.out_trade_no, row.trade_type, row.order_fen, row.refund_asked_fen, row.fee_fen) for row in rows] == [
        ("BILL000001", "NATIVE", 100_000, 0, 600),
        ("BILL000001", "NATIVE", 0, 30_000, -180),
    ]
    assert sum(move.fen if move.incoming else -move.fen for move in moves) == 100_000 - 30_000 - 600 + 180


def check_expired_address(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    """The download is signed like any request, and its answer is not signed."""
    path = f"/v3/bill/tradebill?bill_date={clock.today() - timedelta(days=1)}&bill_type=ALL&tar_type=GZIP"
    headers = client._headers(path)  # pyright: ignore[reportPrivateUsage]
    said = requests.get(sandbox.url + path, headers=headers, timeout=5).json()
    assert requests.get(said["download_url"], timeout=5).status_code == 401
    own = said["download_url"].removeprefix(sandbox.url)
    answer = requests.get(said["download_url"], headers=client._headers(own), timeout=5)  # pyright: ignore
    assert answer.status_code == 200
    assert "Wechatpay-Signature" not in answer.headers


def test_planned_differences_are_on_the_bill(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    for number in ("DIFF000001", "DIFF000002", "DIFF000003"):
        play(sandbox, "pay/scan", code_url=client.create_native(native(number)), notify="none")
    day = clock.today()
    plan = [
        {"kind": "missing", "number": "DIFF000001"},
        {"kind": "amount", "number": "DIFF000002", "fen": 7},
        {"kind": "state", "number": "DIFF000003"},
        {"kind": "extra", "number": "EXTRA00001", "fen": 5},
    ]
    play(sandbox, "pay/differences", day=day.isoformat(), differences=plan)
    ready = clock.from_local(datetime.combine(day + timedelta(days=1), datetime.min.time())) + timedelta(hours=11)
    with time_machine.travel(ready, tick=True), client.trade_bill(day) as bill:
        rows = {row.out_trade_no: (row.order_fen, row.state) for row in read_trade_bill(bill.file)}
    assert rows == {"DIFF000002": (7, "SUCCESS"), "DIFF000003": (100_000, "REVOKED"), "EXTRA00001": (5, "SUCCESS")}


def test_an_abnormal_refund_goes_to_a_card_encrypted(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    play(sandbox, "pay/scan", code_url=client.create_native(native("CARD000001")), notify="none")
    play(sandbox, "faults", next_refund="ABNORMAL")
    client.refund(RefundRequest("CARD000001", "RCARD0001", 100_000, 100_000, "取消"))
    for _ in range(100):
        found = client.query_refund("RCARD0001")
        if found.status is not RefundStatus.PROCESSING:
            break
        time.sleep(0.05)
    assert found.status is RefundStatus.ABNORMAL
    card = BankCard("ICBC_DEBIT", "6222020200112233", "周样例")
    assert client.refund_to_card(found.refund_id, "RCARD0001", card).status is RefundStatus.PROCESSING
    assert card.account not in json.dumps(requests.get(f"{sandbox.url}/sim/log", timeout=5).json())


def test_an_abnormal_refund_is_finished_in_the_portal(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    """Days later, by the merchant's own hands, without any call of ours; an ended one has ended."""
    play(sandbox, "pay/scan", code_url=client.create_native(native("PORTAL0001")), notify="none")
    play(sandbox, "faults", next_refund="ABNORMAL")
    client.refund(RefundRequest("PORTAL0001", "RPORTAL001", 100_000, 100_000, "取消"))
    for _ in range(100):
        if client.query_refund("RPORTAL001").status is RefundStatus.ABNORMAL:
            break
        time.sleep(0.05)
    play(sandbox, "refunds/RPORTAL001/settle", status="SUCCESS")
    assert client.query_refund("RPORTAL001").status is RefundStatus.SUCCESS
    with pytest.raises(AssertionError, match="INVALID_REQUEST"):
        play(sandbox, "refunds/RPORTAL001/settle", status="CLOSED")


def test_public_keys_rotate_side_by_side(sandbox: RunningSandbox, client: WeChatPayV3, tmp_path: Path) -> None:
    chosen = play(sandbox, "pay/signer", mode="public_key", number=2)
    (tmp_path / "new.pem").write_text(chosen["public_key"])
    client_of_yesterday = client
    with pytest.raises(GatewayError, match="unverified_answer"):
        client_of_yesterday.create_native(native("ROTATE0001"))
    env = sandbox.env
    both = settings_of(
        sandbox,
        wechatpay_public_key_id=f"{chosen['serial']},{env['WECHATPAY_PUBLIC_KEY_ID']}",
        wechatpay_public_key_path=f"{tmp_path / 'new.pem'},{env['WECHATPAY_PUBLIC_KEY_PATH']}",
    )
    rotated = WeChatPayV3.from_settings(both)
    assert rotated.create_native(native("ROTATE0001"))  # repeated with its number
    play(sandbox, "pay/signer", mode="public_key", number=1)
    assert rotated.query("ROTATE0001").total_fen == 100_000
    assert not rotated.uses_certificates
    assert rotated.download_certificates() == []  # 404 for a merchant who only has the public key
    play(sandbox, "pay/signer", mode="public_key", number=1)


def test_certificates_are_downloaded_and_renewed(sandbox: RunningSandbox, tmp_path: Path) -> None:
    first = play(sandbox, "pay/signer", mode="certificate", number=1)
    stored: dict[str, str] = {}
    certificate = Path(sandbox.world.settings.directory) / "wechatpay_certificate_1.pem"
    own = settings_of(sandbox, wechatpay_public_key_id=first["serial"], wechatpay_public_key_path=certificate)
    client, other_process = (WeChatPayV3.from_settings(own, stored=lambda: stored) for _ in range(2))
    assert client.uses_certificates
    assert client.create_native(native("CERT000001"))
    second = play(sandbox, "pay/signer", mode="certificate", number=1, announced=2)
    fresh = client.download_certificates()
    assert next(one.serial for one in fresh) == second["serial"] == first["serial"]
    assert len(fresh) == 2
    play(sandbox, "pay/signer", mode="certificate", number=2, announced=2)
    assert client.query("CERT000001").total_fen == 100_000  # trusted since the download
    with pytest.raises(GatewayError):
        other_process.query("CERT000001")
    stored.update({one.serial: one.pem for one in fresh})
    with time_machine.travel(clock.now() + timedelta(seconds=11), tick=True):  # it looks again after ten seconds
        assert other_process.query("CERT000001").total_fen == 100_000
    play(sandbox, "pay/signer", mode="public_key", number=1)


def test_an_unknown_serial_is_never_a_call(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    before = len(requests.get(f"{sandbox.url}/sim/log", timeout=5).json()["log"])
    headers = {f"Wechatpay-{name}": "1" for name in ("Nonce", "Signature")} | {
        "Wechatpay-Timestamp": str(int(clock.now().timestamp())),
        "Wechatpay-Serial": "5B1A6C5D0E7F4A3B2C1D0E9F8A7B6C5D4E3F2A1B",
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    with pytest.raises(NoticeRejected, match="serial"):
        client.parse_notice(headers, b"{}", clock.now())
    assert len(requests.get(f"{sandbox.url}/sim/log", timeout=5).json()["log"]) == before


@pytest.mark.parametrize("fault", ["html", "empty", "broken", "list", "429", "503", "cut"])
def test_bad_weather_is_an_error_and_the_same_number_works_after(
    sandbox: RunningSandbox, client: WeChatPayV3, fault: str
) -> None:
    play(sandbox, "faults", api=[{"path": "/v3/pay/transactions", "do": fault}])
    with pytest.raises(GatewayError):
        client.create_native(native("WEATHER001"))
    assert client.create_native(native("WEATHER001"))


def test_a_new_field_is_no_reason_to_stop(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    play(sandbox, "faults", api=[{"path": "/v3/pay/transactions", "do": "new_field"}])
    assert client.create_native(native("FIELD00001"))


def test_a_refund_whose_answer_was_lost_is_one_refund(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    play(sandbox, "pay/scan", code_url=client.create_native(native("LOST000001")), notify="none")
    request = RefundRequest("LOST000001", "RLOST0001", 100_000, 100_000, "取消")
    play(sandbox, "faults", api=[{"path": "/v3/refund", "do": "503", "when": "after"}])
    with pytest.raises(GatewayError) as caught:
        client.refund(request)
    assert caught.value.retryable
    assert client.refund(request).refund_id == client.query_refund("RLOST0001").refund_id
    assert len(requests.get(f"{sandbox.url}/sim/refunds", timeout=5).json()["refunds"]) == 1


def test_a_clock_five_minutes_off_is_refused_by_name(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    play(sandbox, "clock", offset=360)
    with pytest.raises(GatewayError, match="SIGN_ERROR"):
        client.create_native(native("CLOCK00001"))
    play(sandbox, "clock", offset=0)


@pytest.mark.parametrize("change", [{"hash_value": "0" * 40}, {"download_url": "https://elsewhere.example/x"}])
def test_a_bill_that_is_not_what_was_announced_is_refused(
    sandbox: RunningSandbox, client: WeChatPayV3, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    from sandbox import bills

    play(sandbox, "pay/scan", code_url=client.create_native(native("HASH000001")), notify="none")
    day, real = clock.today(), bills.announce
    monkeypatch.setattr(bills, "announce", lambda *values: {**real(*values), **change})
    ready = clock.from_local(datetime.combine(day + timedelta(days=1), datetime.min.time())) + timedelta(hours=11)
    with time_machine.travel(ready, tick=True), pytest.raises(GatewayError) as caught:
        client.trade_bill(day).__enter__()
    assert isinstance(caught.value, BillDamaged) == ("hash_value" in change)


def test_the_ordinary_way_still_works(sandbox: RunningSandbox, client: WeChatPayV3) -> None:
    openid = requests.get(f"{sandbox.url}/sim/people", timeout=5).json()["people"][0]["openid"]
    assert client.create_jsapi(JsapiOrder("JSAPI00001", "订金", 1, openid, soon()))
