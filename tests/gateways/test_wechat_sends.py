"""What the account sends: messages, QR codes, the menu; and what each refusal means for sending again."""

import json
from typing import Any

import pytest
import requests
import responses

from app.core.errors import GatewayError
from app.gateways.wechat.client import WeChatAccount
from app.gateways.wechat.pictures import PictureHost
from app.gateways.wechat.port import NotDelivered, Refused
from tests.gateways.stub import StubServer, body_of, hold, reply
from tests.gateways.test_wechat_account import API, TOKEN_URL, MemoryTokens, make_account

BIZSEND = f"{API}/cgi-bin/message/subscribe/bizsend"
CUSTOM = f"{API}/cgi-bin/message/custom/send"
TEMPLATE = f"{API}/cgi-bin/message/template/send"
QRCODE = f"{API}/cgi-bin/qrcode/create"


@pytest.fixture
def account() -> WeChatAccount:
    return make_account(MemoryTokens())


@pytest.fixture
def upstream() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(TOKEN_URL, json={"access_token": "T1", "expires_in": 7200})
        yield mock


def notice(account: WeChatAccount) -> str:
    return account.send_subscription("oA", "TPL", "https://h5.example.com/x", {"thing1": "岫 S5"})


def test_a_subscription_notice_carries_what_wechat_wants(account: WeChatAccount, upstream: Any) -> None:
    upstream.post(BIZSEND, json={"errcode": 0, "errmsg": "ok", "msgid": 12})
    assert notice(account) == "12"
    call = upstream.calls[-1].request
    assert "access_token=T1" in str(call.url)
    sent = json.loads(body_of(call))
    assert sent == {
        "touser": "oA",
        "template_id": "TPL",
        "page": "https://h5.example.com/x",
        "data": {"thing1": {"value": "岫 S5"}},
    }


@pytest.mark.parametrize("code", [43101, 43004, 40003, 40037, 47003, 48001, 45015, 45047, 99999])
def test_a_refusal_is_final(account: WeChatAccount, upstream: Any, code: int) -> None:
    upstream.post(BIZSEND, json={"errcode": code, "errmsg": "no rid: 1-2-3"})
    with pytest.raises(Refused) as caught:
        notice(account)
    assert (caught.value.code, caught.value.retryable) == (str(code), False)


@pytest.mark.parametrize("code", [-1, 45009, 45011, 40164])
def test_a_busy_wechat_is_asked_again_later(account: WeChatAccount, upstream: Any, code: int) -> None:
    upstream.post(BIZSEND, json={"errcode": code, "errmsg": "later"})
    with pytest.raises(NotDelivered) as caught:
        notice(account)
    assert caught.value.retryable


@pytest.mark.parametrize("stale", [40001, 40014, 42001])
def test_a_stale_token_heals_with_exactly_one_retry(account: WeChatAccount, upstream: Any, stale: int) -> None:
    upstream.post(BIZSEND, json={"errcode": stale, "errmsg": "stale"})
    with pytest.raises(NotDelivered):
        notice(account)
    assert sum("bizsend" in str(call.request.url) for call in upstream.calls) == 2
    upstream.replace(responses.POST, TOKEN_URL, json={"access_token": "T2", "expires_in": 7200})
    upstream.remove(responses.POST, BIZSEND)
    upstream.post(BIZSEND, json={"errcode": stale, "errmsg": "stale"})
    upstream.post(BIZSEND, json={"errcode": 0, "errmsg": "ok"})
    assert notice(account) == ""


@pytest.mark.parametrize("body", ["", "<html>502</html>", "[]", '"x"'])
def test_an_answer_that_is_none_leaves_the_outcome_open(account: WeChatAccount, upstream: Any, body: str) -> None:
    upstream.post(BIZSEND, body=body)
    with pytest.raises(GatewayError) as caught:
        notice(account)
    assert type(caught.value) is GatewayError
    assert caught.value.code == "bad_answer"


def test_a_new_field_does_not_disturb(account: WeChatAccount, upstream: Any) -> None:
    upstream.post(BIZSEND, json={"errcode": 0, "errmsg": "ok", "news": {"a": 1}, "msgid": "77"})
    assert notice(account) == "77"


def test_a_silence_after_sending_leaves_the_outcome_open() -> None:
    def answer(path: str) -> bytes | None:
        if "stable_token" in path:
            return reply(200, b'{"access_token":"T","expires_in":7200}')
        return hold(path)

    with StubServer(answer) as server:
        account = make_account(MemoryTokens(), server.url, timeout=(0.5, 0.3))
        with pytest.raises(GatewayError) as caught:
            notice(account)
    assert type(caught.value) is GatewayError
    assert caught.value.code == "timeout"


def test_no_token_means_nothing_was_sent(account: WeChatAccount, upstream: Any) -> None:
    upstream.replace(responses.POST, TOKEN_URL, body="<html>")
    upstream.post(BIZSEND, json={"errcode": 0})
    with pytest.raises(NotDelivered):
        notice(account)
    assert not any("bizsend" in str(call.request.url) for call in upstream.calls)


def test_a_wechat_that_cannot_be_reached_got_nothing(account: WeChatAccount, upstream: Any) -> None:
    with StubServer(hold) as server:
        address = server.url
    tokens = MemoryTokens()
    upstream.stop()
    with pytest.raises(NotDelivered) as caught:
        make_account(tokens, address, timeout=(0.5, 0.5)).send_customer_text("oA", "x")
    upstream.start()
    assert caught.value.code == "unreachable"
    assert "oA" not in str(caught.value)


def test_a_broken_connection_leaves_the_outcome_open(account: WeChatAccount, upstream: Any) -> None:
    upstream.post(CUSTOM, body=requests.ConnectionError("reset by peer"))
    with pytest.raises(GatewayError) as caught:
        account.send_customer_text("oA", "x")
    assert (type(caught.value), caught.value.code) == (GatewayError, "cut_off")


def test_customer_and_template_messages(account: WeChatAccount, upstream: Any) -> None:
    upstream.post(CUSTOM, json={"errcode": 0, "errmsg": "ok"})
    upstream.post(TEMPLATE, json={"errcode": 0, "errmsg": "ok", "msgid": 5})
    account.send_customer_text("oA", "您好")
    assert json.loads(body_of(upstream.calls[-1].request))["text"] == {"content": "您好"}
    assert account.send_template("oA", "TPL", "https://x", {"a": "b"}, key="k" * 32) == "5"
    assert json.loads(body_of(upstream.calls[-1].request))["client_msg_id"] == "k" * 32


def test_scene_codes_always_say_how_long(account: WeChatAccount, upstream: Any) -> None:
    upstream.post(QRCODE, json={"ticket": "TK", "expire_seconds": 600, "url": "http://weixin.qq.com/q/x"})
    code = account.create_scene_qr("store_88", seconds=600)
    assert (code.ticket, code.url, code.expires_in) == ("TK", "http://weixin.qq.com/q/x", 600)
    assert json.loads(body_of(upstream.calls[-1].request)) == {
        "expire_seconds": 600,
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": "store_88"}},
    }
    upstream.replace(responses.POST, QRCODE, json={"ticket": "TK", "url": "u"})
    assert account.create_scene_qr("store_88", seconds=None).expires_in is None
    assert json.loads(body_of(upstream.calls[-1].request))["action_name"] == "QR_LIMIT_STR_SCENE"


@pytest.mark.parametrize(("scene", "seconds"), [("", 60), ("a" * 65, 60), ("店", 60), ("a", 0), ("a", 2592001)])
def test_a_scene_that_wechat_refuses_never_leaves(account: WeChatAccount, scene: str, seconds: int) -> None:
    with pytest.raises(ValueError, match=r"scene|seconds"):
        account.create_scene_qr(scene, seconds=seconds)


def test_followers_and_the_menu(account: WeChatAccount, upstream: Any) -> None:
    upstream.get(f"{API}/cgi-bin/user/info", json={"subscribe": 1, "openid": "oA"})
    upstream.get(f"{API}/cgi-bin/menu/get", json={"errcode": 46003, "errmsg": "menu no exist"})
    upstream.post(f"{API}/cgi-bin/menu/create", json={"errcode": 0, "errmsg": "ok"})
    assert account.is_following("oA")
    assert account.fetch_menu() == {}
    account.push_menu({"button": []})


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://thirdwx.qlogo.cn/mmopen/x/132", True),
        ("http://wx.qlogo.cn/mmopen/x/132", True),
        ("https://api.weixin.qq.com/a.png", True),
        ("https://evil.example/a.png", False),
        ("https://qlogo.cn.evil.example/a", False),
        ("https://evilqlogo.cn/a", False),
        ("https://wx.qlogo.cn@127.0.0.1/", False),
        ("http://wx.qlogo.cn:8080/", False),
        ("file:///etc/passwd", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_pictures_come_from_wechats_hosts_only(url: str, good: bool) -> None:
    assert PictureHost(("api.weixin.qq.com",), (1, 1)).allows(url) is good


def test_a_picture_is_bounded(account: WeChatAccount, upstream: Any) -> None:
    upstream.get("https://thirdwx.qlogo.cn/a", body=b"x" * 1000)
    upstream.get("https://thirdwx.qlogo.cn/b", body=b"x" * (513 * 1024))
    assert account.fetch_avatar("http://thirdwx.qlogo.cn/a") == b"x" * 1000
    with pytest.raises(GatewayError, match="picture_too_big"):
        account.fetch_avatar("https://thirdwx.qlogo.cn/b")
    with pytest.raises(GatewayError, match="foreign_picture"):
        account.fetch_avatar("http://169.254.169.254/")
