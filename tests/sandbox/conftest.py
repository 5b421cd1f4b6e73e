"""A sandbox on a free loopback port, a shop that only listens, and the real client libraries."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpy import WeChatClient
from wechatpy.oauth import WeChatOAuth

from sandbox.server import RunningSandbox, start_in_thread

WAIT_S = 5


@dataclass
class Notice:
    """One request that reached the shop."""

    headers: dict[str, str]
    body: bytes
    path: str = ""


@dataclass
class ListeningShop:
    """Keeps every notice and answers with the statuses it was given, then with 204."""

    url: str = ""
    notices: list[Notice] = field(default_factory=list[Notice])
    visits: list[str] = field(default_factory=list[str])
    statuses: list[int] = field(default_factory=list[int])
    page: str = ""
    answer: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int) -> list[Notice]:
        """The notices, once there are `number` of them."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.notices) >= number, WAIT_S), self.notices
            return list(self.notices)


def _handler(shop: ListeningShop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with shop.arrived:
                shop.notices.append(Notice(dict(self.headers.items()), body, self.path))
                status = shop.statuses.pop(0) if shop.statuses else 204
                shop.arrived.notify_all()
            self.send_response(status)
            answer = shop.answer.encode()
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_GET(self) -> None:
            shop.visits.append(self.path)
            content = shop.page.encode()
            self.send_response(200)
            for name, value in shop.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent."""

    return Handler


@pytest.fixture
def shop() -> Iterator[ListeningShop]:
    listening = ListeningShop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(listening))
    listening.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield listening
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    # A minute of the notice schedule passes in 20 ms.
    running = start_in_thread(tmp_path_factory.mktemp("sandbox"), time_scale=3000)
    yield running
    running.stop()


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> RunningSandbox:
    requests.post(shared_sandbox.url + "/sim/reset", timeout=WAIT_S)
    return shared_sandbox


@pytest.fixture
def openid(sandbox: RunningSandbox) -> str:
    """A sample person's openid."""
    return requests.get(sandbox.url + "/sim/people", timeout=WAIT_S).json()["people"][0]["openid"]


@pytest.fixture
def oauth(sandbox: RunningSandbox) -> WeChatOAuth:
    class SandboxOAuth(WeChatOAuth):
        API_BASE_URL = sandbox.url + "/"
        OAUTH_BASE_URL = sandbox.url + "/connect/"

    back = "http://127.0.0.1:8000/wechat/callback"
    return SandboxOAuth(sandbox.env["WECHAT_APP_ID"], sandbox.env["WECHAT_APP_SECRET"], back, "snsapi_userinfo", "s1")


@pytest.fixture
def account(sandbox: RunningSandbox) -> WeChatClient:
    class SandboxClient(WeChatClient):
        API_BASE_URL = sandbox.url + "/cgi-bin/"

        def fetch_access_token(self) -> Any:
            return self._fetch_access_token(
                sandbox.url + "/cgi-bin/token",
                {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret},
            )

    return SandboxClient(sandbox.env["WECHAT_APP_ID"], sandbox.env["WECHAT_APP_SECRET"])


@pytest.fixture
def pay(sandbox: RunningSandbox, shop: ListeningShop) -> WeChatPay:
    return make_pay(sandbox, shop.url + "/notices")


def make_pay(sandbox: RunningSandbox, notify_url: str, **changes: str) -> WeChatPay:
    """wechatpayv3 as it is, but for its server's address."""
    env = {**sandbox.env, **changes}
    client = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=env["WECHATPAY_MCH_ID"],
        private_key=Path(env["WECHATPAY_PRIVATE_KEY_PATH"]).read_text(),
        cert_serial_no=env["WECHATPAY_CERT_SERIAL"],
        apiv3_key=env["WECHATPAY_API_V3_KEY"],
        appid=env["WECHAT_APP_ID"],
        notify_url=notify_url,
        public_key=Path(env["WECHATPAY_PUBLIC_KEY_PATH"]).read_text(),
        public_key_id=env["WECHATPAY_PUBLIC_KEY_ID"],
        timeout=(3, 10),
    )
    client._core._gate_way = sandbox.url  # pyright: ignore[reportPrivateUsage]
    return client
