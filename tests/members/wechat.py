"""A WeChat account for tests of the members: codes work once, and the test sees how often it was asked."""

import re
import threading
from urllib.parse import parse_qs, urlsplit

from app.core.errors import GatewayError
from app.gateways.wechat.port import CodeInvalid, CodeUsed, WeChatProfile, WeChatUser

ANDROID = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126 Mobile Safari/537.36 MicroMessenger/8.0.50"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126 Safari/537.36"


class FakeWeChat:
    """`people` maps a code to the person behind it."""

    def __init__(self) -> None:
        self.people: dict[str, WeChatUser] = {}
        self.used: set[str] = set()
        self.exchanges = 0
        self.profile_fails = self.down = False
        self.gate = threading.Event()
        self.gate.set()

    def person(self, code: str, openid: str, *, snapshot: bool = False) -> None:
        self.people[code] = WeChatUser(openid, f"u-{openid}", "snsapi_userinfo", snapshot, "token")

    def authorize_url(self, redirect_uri: str, scope: str, state: str, *, force_popup: bool = False) -> str:
        return f"https://open.example/authorize?redirect_uri={redirect_uri}&scope={scope}&state={state}"

    def exchange_code(self, code: str) -> WeChatUser:
        self.exchanges += 1
        assert self.gate.wait(10)
        if self.down:
            raise GatewayError("wechat", "timeout", retryable=True)
        if code in self.used:
            raise CodeUsed("wechat", "40163")
        if code not in self.people:
            raise CodeInvalid("wechat", "40029")
        self.used.add(code)
        return self.people[code]

    def fetch_profile(self, access_token: str, openid: str) -> WeChatProfile:
        if self.profile_fails:
            raise GatewayError("wechat", "timeout")
        return WeChatProfile(openid, None, "示例\n顾客甲 🚗", "")


def start(client, next_path: str = "/me/privacy", back: str = "/deals") -> str:
    """Tap on something that needs a login; the state WeChat gets to see."""
    answer = client.get("/wechat/login", query_string={"next": next_path, "back": back, "go": "1"})
    assert answer.status_code == 302, answer.status_code
    return parse_qs(urlsplit(answer.location).query)["state"][0]


def come_back(client, state: str, code: str | None):
    query = {"state": state} if code is None else {"state": state, "code": code}
    return client.get("/wechat/callback", query_string=query)


def sign_in(client, wechat: FakeWeChat, openid: str = "openid-1") -> None:
    """A whole login."""
    code = f"code-{openid}-{len(wechat.people)}"
    wechat.person(code, openid)
    assert come_back(client, start(client), code).status_code == 302


def csrf(client, path: str) -> str:
    """The token of a form on this page."""
    page = client.get(path)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, f"{path} {page.status_code}: no form"
    return found[1]
