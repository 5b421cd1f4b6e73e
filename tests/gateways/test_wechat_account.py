"""Web login and JS-SDK credentials against recorded and broken answers of WeChat."""

import json
import logging
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
import time_machine

from app.core.errors import GatewayError
from app.gateways.wechat.client import WeChatAccount
from app.gateways.wechat.jssdk import js_signature
from app.gateways.wechat.port import CodeInvalid, CodeUsed, NotSignable, WeChatGateway
from tests.gateways.stub import StubServer, body_of, hold, reply
from tests.gateways.vectors import cases, constant

API = "https://api.weixin.qq.com"
CODE_URL = f"{API}/sns/oauth2/access_token"
PROFILE_URL = f"{API}/sns/userinfo"
TOKEN_URL = f"{API}/cgi-bin/stable_token"
TICKET_URL = f"{API}/cgi-bin/ticket/getticket"
SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2025, 1, 1, 4, 0, tzinfo=UTC)
USER = {"access_token": "user-token", "expires_in": 7200, "refresh_token": "r", "openid": "oA", "scope": "snsapi_base"}


class MemoryTokens:
    """A TokenStore in memory; `before_replace` lets a test be the other worker."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, datetime]] = {}
        self.claims: dict[str, datetime] = {}
        self.before_replace: Any = None

    def get(self, key: str) -> tuple[str, datetime] | None:
        return self.rows.get(key)

    def replace(self, key: str, old: str | None, new: str, expires_at: datetime) -> bool:
        if self.before_replace:
            act, self.before_replace = self.before_replace, None
            act()
        if (self.rows[key][0] if key in self.rows else None) != old:
            return False
        self.rows[key] = (new, expires_at)
        return True

    def claim(self, key: str, now: datetime, until: datetime) -> bool:
        if self.claims.get(key, now) > now:
            return False
        self.claims[key] = until
        return True

    def release(self, key: str, until: datetime) -> None:
        if self.claims.get(key) == until:
            del self.claims[key]


@pytest.fixture
def tokens() -> MemoryTokens:
    return MemoryTokens()


@pytest.fixture
def account(tokens: MemoryTokens) -> WeChatAccount:
    return make_account(tokens)


def make_account(tokens: MemoryTokens, api: str = API, timeout: tuple[float, float] = (3, 5)) -> WeChatAccount:
    return WeChatAccount(
        app_id=constant("appid"),
        app_secret=SECRET,
        api_base_url=api,
        open_base_url="https://open.weixin.qq.com",
        store=tokens,
        hosts={"h5.example.com"},
        timeout=timeout,
    )


@pytest.fixture
def upstream() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_the_account_satisfies_the_port(account: WeChatAccount) -> None:
    gateway: WeChatGateway = account
    assert gateway


# ---- login


@pytest.mark.parametrize("case", cases("oauth_authorize_url"))
def test_authorize_url_has_the_checked_order(account: WeChatAccount, case: dict[str, Any]) -> None:
    popup = case.get("extra") == {"forcePopup": "true"}
    url = account.authorize_url(case["redirect_uri"], case["scope"], case["state"], force_popup=popup)
    assert url == case["url"]


@pytest.mark.parametrize("state", ["", "a" * 129, "a&scope=snsapi_userinfo", "状态", "a b", "a#", "x\n"])
def test_a_state_that_wechat_refuses_is_refused_here(account: WeChatAccount, state: str) -> None:
    with pytest.raises(ValueError, match="state"):
        account.authorize_url("https://h5.example.com/cb", "snsapi_base", state)


def test_an_unknown_scope_is_refused(account: WeChatAccount) -> None:
    with pytest.raises(ValueError, match="snsapi"):
        account.authorize_url("https://h5.example.com/cb", "snsapi_login", "a1")


def test_a_code_gives_the_person(account: WeChatAccount, upstream: responses.RequestsMock) -> None:
    upstream.get(CODE_URL, json={**USER, "unionid": "uA"})
    user = account.exchange_code("C0de")
    assert (user.openid, user.unionid, user.scope, user.is_snapshot) == ("oA", "uA", "snsapi_base", False)
    query = parse_qs(urlsplit(str(upstream.calls[0].request.url)).query)
    assert query["code"] == ["C0de"]
    assert query["grant_type"] == ["authorization_code"]
    assert "user-token" not in repr(user)


@pytest.mark.parametrize("mark", [1, "1", True])
def test_a_snapshot_user_is_told_apart(account: WeChatAccount, upstream: responses.RequestsMock, mark: object) -> None:
    upstream.get(CODE_URL, json={**USER, "is_snapshotuser": mark})
    user = account.exchange_code("C")
    assert user.is_snapshot
    assert user.unionid is None


@pytest.mark.parametrize(
    ("errcode", "kind"), [(40029, CodeInvalid), (41008, CodeInvalid), (40163, CodeUsed), (40125, GatewayError)]
)
def test_code_errors_have_types(
    account: WeChatAccount, upstream: responses.RequestsMock, errcode: int, kind: type[GatewayError]
) -> None:
    upstream.get(CODE_URL, json={"errcode": errcode, "errmsg": "no, rid: 1-2-3"})
    with pytest.raises(GatewayError) as caught:
        account.exchange_code("C")
    assert type(caught.value) is kind
    assert (caught.value.provider, caught.value.code, caught.value.retryable) == ("wechat", str(errcode), False)


@pytest.mark.parametrize("code", ["", "a" * 513, "码", "a\r\nb"])
def test_a_malformed_code_never_leaves_the_house(account: WeChatAccount, code: str) -> None:
    with pytest.raises(CodeInvalid):
        account.exchange_code(code)


def test_chinese_and_emoji_survive_text_plain_without_charset(
    account: WeChatAccount, upstream: responses.RequestsMock
) -> None:
    body = json.dumps(
        {"openid": "oA", "nickname": "小王🚗", "headimgurl": "https://x/y", "privilege": []}, ensure_ascii=False
    )
    upstream.get(PROFILE_URL, body=body.encode(), content_type="text/plain")
    profile = account.fetch_profile("user-token", "oA")
    assert (profile.nickname, profile.avatar_url, profile.unionid) == ("小王🚗", "https://x/y", None)


def test_a_profile_of_somebody_else_is_refused(account: WeChatAccount, upstream: responses.RequestsMock) -> None:
    upstream.get(PROFILE_URL, json={"openid": "oB", "nickname": "x"})
    with pytest.raises(GatewayError, match="bad_answer"):
        account.fetch_profile("user-token", "oA")


BROKEN = {
    "html": (200, b"<html>busy</html>", "bad_answer"),
    "empty": (200, b"", "bad_answer"),
    "garbage": (200, b"\xff\xfe\x00{", "bad_answer"),
    "list": (200, b"[]", "bad_answer"),
    "list with errcode": (200, b'["errcode"]', "bad_answer"),
    "number": (200, b"7", "bad_answer"),
    "null": (200, b"null", "bad_answer"),
    "nothing in it": (200, b"{}", "bad_answer"),
    "wrong types": (200, b'{"access_token":1,"openid":[],"refresh_token":"r","expires_in":{}}', "bad_answer"),
    "error without text": (200, b'{"errcode":-1}', "bad_answer"),
    "odd error": (200, b'{"errcode":"x","errmsg":null}', "x"),
    "busy": (200, b'{"errcode":-1,"errmsg":"system error"}', "-1"),
    "429": (429, b"slow down", "http_429"),
    "502": (502, b"<html>", "http_502"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_login_answers_are_gateway_errors(
    account: WeChatAccount, upstream: responses.RequestsMock, name: str
) -> None:
    status, body, code = BROKEN[name]
    upstream.get(CODE_URL, status=status, body=body)
    with pytest.raises(GatewayError) as caught:
        account.exchange_code("C")
    assert caught.value.code == code
    assert caught.value.retryable is (name not in {"odd error"})


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_token_answers_are_gateway_errors(
    account: WeChatAccount, upstream: responses.RequestsMock, name: str
) -> None:
    status, body, _ = BROKEN[name]
    upstream.post(TOKEN_URL, status=status, body=body)
    with pytest.raises(GatewayError):
        account.js_config("https://h5.example.com/")


def test_a_redirect_is_not_followed(account: WeChatAccount, upstream: responses.RequestsMock) -> None:
    upstream.get(CODE_URL, status=302, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(GatewayError, match="TooManyRedirects"):
        account.exchange_code("C")
    assert len(upstream.calls) == 1


def test_a_silent_upstream_ends_in_a_timeout(tokens: MemoryTokens) -> None:
    with StubServer(hold) as server:
        account = make_account(tokens, server.url, timeout=(0.2, 0.2))
        for call in (lambda: account.exchange_code("C"), lambda: account.js_config("https://h5.example.com/")):
            with pytest.raises(GatewayError) as caught:
                call()
            assert (caught.value.code, caught.value.retryable) == ("timeout", True)


def test_no_secret_in_errors_tracebacks_or_logs(tokens: MemoryTokens, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code = "".join(("priv", "ate-c0de"))  # put together here, so that no printed source line contains it
    with StubServer(lambda _: reply(500, b"oops")) as server:
        for api in (server.url, "http://127.0.0.1:9"):
            with pytest.raises(GatewayError) as caught:
                make_account(tokens, api).exchange_code(code)
            told = "".join(traceback.format_exception(caught.value)) + caplog.text
            assert SECRET not in told
            assert code not in told


# ---- JS-SDK


def serve_credentials(
    upstream: responses.RequestsMock, token: str = "T1", ticket: str = "J1", lives: int = 7200
) -> None:
    upstream.post(TOKEN_URL, json={"access_token": token, "expires_in": lives})
    upstream.get(TICKET_URL, json={"errcode": 0, "errmsg": "ok", "ticket": ticket, "expires_in": lives})


@time_machine.travel(NOW, tick=False)
def test_js_config_signs_the_page_and_fetches_credentials_once(
    account: WeChatAccount, upstream: responses.RequestsMock, tokens: MemoryTokens
) -> None:
    serve_credentials(upstream)
    config = account.js_config("https://h5.example.com/cars?a=1#top")
    assert config.timestamp == int(NOW.timestamp())
    assert config.signature == js_signature("J1", config.nonce_str, config.timestamp, "https://h5.example.com/cars?a=1")
    again = make_account(tokens).js_config("https://h5.example.com/cars?a=1")
    assert again.nonce_str != config.nonce_str
    assert len(upstream.calls) == 2
    body = json.loads(body_of(upstream.calls[0].request))
    assert body == {"grant_type": "client_credential", "appid": constant("appid"), "secret": SECRET}
    assert str(upstream.calls[0].request.url) == TOKEN_URL
    assert tokens.rows[f"{constant('appid')}:access_token"] == ("T1", NOW + timedelta(seconds=6900))


def test_credentials_are_fetched_again_after_their_time(
    account: WeChatAccount, upstream: responses.RequestsMock
) -> None:
    serve_credentials(upstream)
    with time_machine.travel(NOW, tick=False) as clock:
        account.js_config("https://h5.example.com/")
        clock.shift(6899)
        account.js_config("https://h5.example.com/")
        assert len(upstream.calls) == 2
        clock.shift(1)
        account.js_config("https://h5.example.com/")
    assert len(upstream.calls) == 4


@time_machine.travel(NOW, tick=False)
def test_a_token_near_its_end_is_still_used(account: WeChatAccount, upstream: responses.RequestsMock) -> None:
    serve_credentials(upstream, lives=310)
    account.js_config("https://h5.example.com/")
    account.js_config("https://h5.example.com/")
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001])
@time_machine.travel(NOW, tick=False)
def test_a_refused_token_heals_with_one_retry(
    account: WeChatAccount, upstream: responses.RequestsMock, tokens: MemoryTokens, code: int
) -> None:
    key = f"{constant('appid')}:access_token"
    tokens.rows[key] = ("T0", NOW + timedelta(hours=1))
    upstream.get(TICKET_URL, json={"errcode": code, "errmsg": "stale"})
    upstream.get(TICKET_URL, json={"errcode": 0, "ticket": "J1", "expires_in": 7200})
    upstream.post(TOKEN_URL, json={"access_token": "T1", "expires_in": 7200})
    account.js_config("https://h5.example.com/")
    assert [parse_qs(urlsplit(str(c.request.url)).query).get("access_token") for c in upstream.calls] == [
        ["T0"],
        None,
        ["T1"],
    ]
    assert tokens.rows[key][0] == "T1"


@time_machine.travel(NOW, tick=False)
def test_an_upstream_that_always_refuses_is_asked_twice_and_no_more(
    account: WeChatAccount, upstream: responses.RequestsMock
) -> None:
    upstream.post(TOKEN_URL, json={"access_token": "T1", "expires_in": 7200})
    upstream.get(TICKET_URL, json={"errcode": 42001, "errmsg": "expired"})
    with pytest.raises(GatewayError, match="42001"):
        account.js_config("https://h5.example.com/")
    asked = [json.loads(body_of(c.request)) for c in upstream.calls if "stable_token" in str(c.request.url)]
    # Once at first, once again, and forced only because the same token came back.
    assert [body.get("force_refresh") for body in asked] == [None, None, True]
    assert len(upstream.calls) == 5


@time_machine.travel(NOW, tick=False)
def test_a_token_renewed_by_another_worker_is_taken_over(
    account: WeChatAccount, upstream: responses.RequestsMock, tokens: MemoryTokens
) -> None:
    key = f"{constant('appid')}:access_token"
    tokens.rows[key] = ("T0", NOW + timedelta(hours=1))

    def refuse(_: object) -> tuple[int, dict[str, str], str]:
        tokens.rows[key] = ("T-other", NOW + timedelta(hours=2))
        return 200, {}, '{"errcode":40001,"errmsg":"stale"}'

    upstream.add_callback(responses.GET, TICKET_URL, callback=refuse)
    upstream.get(TICKET_URL, json={"errcode": 0, "ticket": "J1", "expires_in": 7200})
    account.js_config("https://h5.example.com/")
    assert "access_token=T-other" in str(upstream.calls[1].request.url)
    assert len(upstream.calls) == 2


@time_machine.travel(NOW, tick=False)
def test_the_slower_worker_uses_the_value_that_was_stored(
    account: WeChatAccount, upstream: responses.RequestsMock, tokens: MemoryTokens
) -> None:
    key = f"{constant('appid')}:access_token"
    serve_credentials(upstream, token="T-mine")
    tokens.before_replace = lambda: tokens.rows.update({key: ("T-theirs", NOW + timedelta(hours=2))})
    account.js_config("https://h5.example.com/")
    assert "access_token=T-theirs" in str(upstream.calls[1].request.url)
    assert tokens.rows[key][0] == "T-theirs"


def test_threads_that_start_together_fetch_once(tokens: MemoryTokens) -> None:
    asked: list[str] = []

    def answer(path: str) -> bytes:
        asked.append(path.split("?")[0])
        body = {"access_token": "T1", "ticket": "J1", "expires_in": 7200, "errcode": 0}
        return reply(200, json.dumps(body).encode())

    with StubServer(answer) as server:
        account = make_account(tokens, server.url)
        threads = [threading.Thread(target=account.js_config, args=("https://h5.example.com/",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(asked) == ["/cgi-bin/stable_token", "/cgi-bin/ticket/getticket"]


def test_foreign_pages_get_no_signature(account: WeChatAccount, upstream: responses.RequestsMock) -> None:
    with pytest.raises(NotSignable):
        account.js_config("https://evil.example/?h5.example.com")
    assert len(upstream.calls) == 0
