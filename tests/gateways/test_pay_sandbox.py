"""The three clients, made from settings, against the sandbox over HTTP: the lines the journey runs on."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.core import clock
from app.core.config import Settings
from app.gateways.pay.client import PAYMENT_NOTICE_PATH, REFUND_NOTICE_PATH, WeChatPayV3
from app.gateways.pay.port import (
    JsapiOrder,
    OrderNotFound,
    OrderPaid,
    PaymentNoticeData,
    RefundNoticeData,
    RefundRequest,
    RefundStatus,
    TradeState,
)
from app.gateways.sms.port import SmsTemplate
from app.gateways.sms.tencent import TencentSms
from app.gateways.wechat.client import WeChatAccount
from app.gateways.wechat.port import CodeInvalid, CodeUsed
from sandbox.server import RunningSandbox, start_in_thread
from tests.gateways.test_wechat_account import MemoryTokens

Notice = tuple[str, dict[str, str], bytes]


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[str, Queue[Notice]]]:
    """A shop that only listens: its address and what was posted to it."""
    heard: Queue[Notice] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def sandbox(shop: tuple[str, Queue[Notice]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = start_in_thread(tmp_path_factory.mktemp("sandbox"), shop_url=shop[0])
    yield running
    running.stop()


@pytest.fixture
def settings(sandbox: RunningSandbox, shop: tuple[str, Queue[Notice]]) -> Settings:
    values: dict[str, Any] = {name.lower(): value for name, value in sandbox.env.items()}
    for name in ("wechatpay_private_key_path", "wechatpay_public_key_path"):
        values[name] = Path(values[name])
    return Settings(**{**values, "public_base_url": shop[0]})


def order(number: str, openid: str = "o-somebody") -> JsapiOrder:
    return JsapiOrder(number, "订金", 199900, openid, clock.now() + timedelta(minutes=20), "booking")


def person(sandbox: RunningSandbox) -> str:
    return requests.get(f"{sandbox.url}/sim/people", timeout=5).json()["people"][0]["openid"]


def play(sandbox: RunningSandbox, path: str, **data: Any) -> dict[str, Any]:
    answer = requests.post(f"{sandbox.url}/sim/{path}", json=data, timeout=5)
    answer.raise_for_status()
    return answer.json()


def test_login_and_signature(sandbox: RunningSandbox, settings: Settings) -> None:
    tokens = MemoryTokens()
    account = WeChatAccount.from_settings(settings, tokens)
    callback = f"{settings.public_base_url}/wechat/callback"
    url = account.authorize_url(callback, "snsapi_userinfo", "a1b2c3")
    answer = requests.post(url, data={"person": person(sandbox), "action": "allow"}, allow_redirects=False, timeout=5)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["state"] == ["a1b2c3"]
    user = account.exchange_code(query["code"][0])
    assert (user.openid, user.is_snapshot) == (person(sandbox), False)
    assert account.fetch_profile(user.access_token, user.openid).nickname
    with pytest.raises(CodeUsed):
        account.exchange_code(query["code"][0])
    with pytest.raises(CodeInvalid):
        account.exchange_code("unknown")
    first, second = (account.js_config(f"{settings.public_base_url}/series") for _ in range(2))
    assert first.signature != second.signature
    assert len(tokens.rows) == 2


def test_pay_notice_query_refund(sandbox: RunningSandbox, settings: Settings, shop: tuple[str, Queue[Notice]]) -> None:
    gateway, heard = WeChatPayV3.from_settings(settings), shop[1]
    number = "CAR20250101000001"
    prepay_id = gateway.create_jsapi(order(number, person(sandbox)))
    assert gateway.cashier_params(prepay_id).pay_sign
    assert gateway.query(number).state is TradeState.NOTPAY

    play(sandbox, f"orders/{number}/pay")
    path, headers, body = heard.get(timeout=10)
    assert path == PAYMENT_NOTICE_PATH
    notice = gateway.parse_notice(headers, body, clock.now())
    assert isinstance(notice, PaymentNoticeData)
    assert notice.transaction == gateway.query(number)
    assert (notice.transaction.state, notice.transaction.total_fen) == (TradeState.SUCCESS, 199900)
    with pytest.raises(OrderPaid):
        gateway.close(number)

    request = RefundRequest(number, "RF20250101000001", 99900, 199900, "客户取消")
    assert gateway.refund(request).status in {RefundStatus.PROCESSING, RefundStatus.SUCCESS}
    path, headers, body = heard.get(timeout=10)
    assert path == REFUND_NOTICE_PATH
    back = gateway.parse_notice(headers, body, clock.now())
    assert isinstance(back, RefundNoticeData)
    assert (back.refund.status, back.refund.refund_fen) == (RefundStatus.SUCCESS, 99900)
    assert gateway.query_refund("RF20250101000001").status is RefundStatus.SUCCESS
    # The same number again is the same refund.
    assert gateway.refund(request).refund_id == back.refund.refund_id
    assert gateway.query(number).state is TradeState.REFUND


def test_close_and_absent_orders(sandbox: RunningSandbox, settings: Settings) -> None:
    gateway = WeChatPayV3.from_settings(settings)
    gateway.create_jsapi(order("CAR20250101000002", person(sandbox)))
    gateway.close("CAR20250101000002")
    gateway.close("CAR20250101000002")
    assert gateway.query("CAR20250101000002").state is TradeState.CLOSED
    with pytest.raises(OrderNotFound):
        gateway.query("CAR20250101000003")
    with pytest.raises(OrderNotFound):
        gateway.query_refund("RF-absent")


def test_a_text_message_arrives(sandbox: RunningSandbox, settings: Settings) -> None:
    message_id = TencentSms.from_settings(settings).send(
        SmsTemplate.VERIFICATION_CODE, "13800138000", ["482913", "5"], key="code-1"
    )
    inbox = requests.get(f"{sandbox.url}/sim/sms", timeout=5).json()
    assert message_id
    assert "482913" in str(inbox)
