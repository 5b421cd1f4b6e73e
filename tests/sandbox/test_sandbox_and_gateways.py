"""The shop's production gateways against the sandbox, joined by nothing but the settings of `shop.env`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.core import clock
from app.core.config import Settings
from app.core.errors import GatewayError
from app.gateways.pay.client import WeChatPayV3
from app.gateways.pay.port import (
    JsapiOrder,
    NoticeRejected,
    OrderClosed,
    OrderNotFound,
    OrderPaid,
    PaymentNoticeData,
    PrepayId,
    RefundNoticeData,
    RefundRequest,
    RefundStatus,
    TradeState,
)
from app.gateways.sms.port import SmsTemplate
from app.gateways.sms.tencent import TencentSms
from app.gateways.wechat.client import WeChatAccount
from app.gateways.wechat.port import CodeInvalid, CodeUsed, Scope
from sandbox.server import RunningSandbox
from tests.sandbox.conftest import ListeningShop

ORDER = JsapiOrder("BOOKING20250001", "一口价订金", 50000, "", datetime(2000, 1, 1, tzinfo=UTC), "a")


class Tokens:
    """A TokenStore for one test."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, datetime]] = {}

    def get(self, key: str) -> tuple[str, datetime] | None:
        return self.kept.get(key)

    def replace(self, key: str, old: str | None, new: str, expires_at: datetime) -> bool:
        if (self.kept[key][0] if key in self.kept else None) != old:
            return False
        self.kept[key] = (new, expires_at)
        return True

    def claim(self, key: str, now: datetime, until: datetime) -> bool:
        return True

    def release(self, key: str, until: datetime) -> None:
        return None


@pytest.fixture
def settings(sandbox: RunningSandbox, shop: ListeningShop) -> Settings:
    lines = Path(sandbox.world.settings.directory / "shop.env").read_text("utf-8").splitlines()
    values = {name.lower(): value for name, value in (line.split("=", 1) for line in lines)}
    return Settings(_env_file=None, public_base_url=shop.url, **values)  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.fixture
def pay(settings: Settings) -> WeChatPayV3:
    return WeChatPayV3.from_settings(settings)


@pytest.fixture
def order(openid: str) -> JsapiOrder:
    expires_at = clock.now() + timedelta(minutes=15)
    return JsapiOrder(ORDER.out_trade_no, ORDER.description, ORDER.total_fen, openid, expires_at, ORDER.attach)


def play(sandbox: RunningSandbox, order: JsapiOrder, **data: Any) -> None:
    requests.post(f"{sandbox.url}/sim/orders/{order.out_trade_no}/pay", json=data).raise_for_status()


def test_login(settings: Settings, openid: str) -> None:
    account = WeChatAccount.from_settings(settings, Tokens())
    address = account.authorize_url("http://127.0.0.1:8000/wechat/callback", Scope.USERINFO, "abc")
    reply = requests.post(address.split("#")[0], data={"action": "allow", "person": openid}, allow_redirects=False)
    code = parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]
    user = account.exchange_code(code)
    assert (user.openid, user.is_snapshot) == (openid, False)
    profile = account.fetch_profile(user.access_token, user.openid)
    assert profile.nickname == "示例顾客甲"
    assert requests.get(profile.avatar_url).headers["Content-Type"].startswith("image/svg")
    with pytest.raises(CodeUsed):
        account.exchange_code(code)
    with pytest.raises(CodeInvalid):
        account.exchange_code("unknown")


def test_page_signature_holds_after_all_tokens_expired(settings: Settings, sandbox: RunningSandbox) -> None:
    account = WeChatAccount.from_settings(settings, Tokens())
    for _ in range(2):
        page = f"{settings.public_base_url}/series/a?from=x"
        signed = account.js_config(page)
        params = {
            "verifyAppId": signed.app_id,
            "verifyTimestamp": str(signed.timestamp),
            "verifyNonceStr": signed.nonce_str,
            "verifySignature": signed.signature,
        }
        reply = requests.post(sandbox.url + "/sim/bridge/verify", json={"params": params, "url": page})
        assert reply.json() == {"err_msg": "preVerifyJSAPI:ok"}
        requests.post(sandbox.url + "/sim/tokens/expire")
        account = WeChatAccount.from_settings(settings, Tokens())


def test_order_paid_and_told(
    pay: WeChatPayV3, settings: Settings, sandbox: RunningSandbox, shop: ListeningShop, order: JsapiOrder
) -> None:
    with pytest.raises(OrderNotFound):
        pay.query(order.out_trade_no)
    prepay_id: PrepayId = pay.create_jsapi(order)
    call = pay.cashier_params(prepay_id)
    params = {
        "appId": call.app_id,
        "timeStamp": call.time_stamp,
        "nonceStr": call.nonce_str,
        "package": call.package,
        "signType": call.sign_type,
        "paySign": call.pay_sign,
    }
    reply = requests.post(sandbox.url + "/sim/bridge/pay", json={"params": params, "url": settings.public_base_url})
    assert reply.json() == {"err_msg": "get_brand_wcpay_request:open", "prepay_id": prepay_id}
    play(sandbox, order)
    (notice,) = shop.wait_for(1)
    told = pay.parse_notice(notice.headers, notice.body, clock.now())
    assert isinstance(told, PaymentNoticeData)
    found = pay.query(order.out_trade_no)
    assert told.transaction == found
    assert (found.state, found.total_fen, found.openid) == (TradeState.SUCCESS, 50000, order.openid)
    for call_again in (lambda: pay.create_jsapi(order), lambda: pay.close(order.out_trade_no)):
        with pytest.raises(OrderPaid):
            call_again()


@pytest.mark.parametrize(
    ("fault", "code"),
    [("busy", "SYSTEM_ERROR"), ("quota", "FREQUENCY_LIMITED"), ("ip", "SIGN_ERROR"), ("unknown", "BRAND_NEW_TROUBLE")],
)
def test_planned_trouble_of_wechat_pay_is_said_in_its_own_words(
    pay: WeChatPayV3, sandbox: RunningSandbox, order: JsapiOrder, fault: str, code: str
) -> None:
    """A status with code and message, not the account platform's errcode."""
    plan = {"api": [{"path": "/v3/pay/transactions/jsapi", "do": fault, "times": 1}]}
    requests.post(sandbox.url + "/sim/faults", json=plan).raise_for_status()
    with pytest.raises(GatewayError) as refused:
        pay.create_jsapi(order)
    assert refused.value.code == code
    assert pay.create_jsapi(order)


@pytest.mark.parametrize("fault", ["bad_signature", "old_timestamp"])
def test_faulty_notice_is_rejected(
    pay: WeChatPayV3, sandbox: RunningSandbox, shop: ListeningShop, order: JsapiOrder, fault: str
) -> None:
    pay.create_jsapi(order)
    play(sandbox, order, faults=[fault])
    (notice, *_) = shop.wait_for(1)
    with pytest.raises(NoticeRejected):
        pay.parse_notice(notice.headers, notice.body, clock.now())


def test_close_twice_is_fine_and_the_order_stays_closed(pay: WeChatPayV3, order: JsapiOrder) -> None:
    pay.create_jsapi(order)
    pay.close(order.out_trade_no)
    pay.close(order.out_trade_no)
    assert pay.query(order.out_trade_no).state is TradeState.CLOSED
    with pytest.raises(OrderClosed):
        pay.create_jsapi(order)


def test_refund_and_its_notice(
    pay: WeChatPayV3, sandbox: RunningSandbox, shop: ListeningShop, order: JsapiOrder
) -> None:
    pay.create_jsapi(order)
    play(sandbox, order, notify="none")
    request = RefundRequest(order.out_trade_no, "R20250001", 50000, 50000, "晚到的付款")
    assert pay.refund(request).status is RefundStatus.PROCESSING
    (notice,) = shop.wait_for(1)
    told = pay.parse_notice(notice.headers, notice.body, clock.now())
    assert isinstance(told, RefundNoticeData)
    found = pay.query_refund(request.out_refund_no)
    assert (found.status, found.refund_fen) == (RefundStatus.SUCCESS, 50000)
    assert pay.refund(request) == found


def test_text_message(settings: Settings, sandbox: RunningSandbox) -> None:
    number = TencentSms.from_settings(settings).send(
        SmsTemplate.VERIFICATION_CODE, "13800138000", ["135790", "5"], key="k1"
    )
    (message,) = requests.get(sandbox.url + "/sim/sms", {"phone": "13800138000"}).json()["messages"]
    assert (message["id"], message["code"]) == (number, "135790")
