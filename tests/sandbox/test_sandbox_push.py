"""Pushes as the shop receives them, read with wechatpy: signatures, safe mode, repetition, disorder, replies."""

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.utils import check_signature

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import WAIT_S, ListeningShop
from tests.sandbox.test_sandbox_messages import outbox, people, scene, sim


@pytest.fixture
def received(sandbox: RunningSandbox, shop: ListeningShop) -> ListeningShop:
    shop.statuses[:] = [200] * 20
    sim(sandbox, "/push", url=shop.url + "/wechat/events", mode="plain")
    return shop


def query(notice: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(notice.path).query).items()}


def opened(sandbox: RunningSandbox, notice: Any) -> Any:
    """The message behind a push, as the shop's library reads it."""
    asked, env = query(notice), sandbox.env
    if asked.get("encrypt_type") != "aes":
        check_signature(env["WECHAT_TOKEN"], asked["signature"], asked["timestamp"], asked["nonce"])
        return parse_message(notice.body)
    crypto = WeChatCrypto(env["WECHAT_TOKEN"], env["WECHAT_AES_KEY"], env["WECHAT_APP_ID"])
    text = crypto.decrypt_message(notice.body, asked["msg_signature"], asked["timestamp"], asked["nonce"])
    return parse_message(text)


def settled(sandbox: RunningSandbox, push_id: int) -> dict[str, Any]:
    """The push once it is neither waiting nor on its way."""
    for _ in range(100):
        rows = requests.get(sandbox.url + "/sim/pushes", timeout=WAIT_S).json()["pushes"]
        row = next(each for each in rows if each["id"] == push_id)
        if row["state"] in {"done", "failed"}:
            return row
        time.sleep(0.05)
    raise AssertionError(row)


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_scanning_a_store_code_gives_one_scene_to_strangers_and_followers(
    sandbox: RunningSandbox, received: ListeningShop, account: Any, mode: str
) -> None:
    sim(sandbox, "/push", mode=mode)
    code = account.qrcode.create(scene("store_88", expire_seconds=60))
    stranger, follower = people(sandbox)[:2]
    assert sim(sandbox, f"/people/{stranger}/scan", code=code["ticket"])["event"] == "subscribe"
    first = opened(sandbox, received.wait_for(1)[0])
    assert (first.event, first.scene_id, first.ticket) == ("subscribe_scan", "store_88", code["ticket"])
    assert sim(sandbox, f"/people/{follower}/scan", code=code["url"])["event"] == "SCAN"
    second = opened(sandbox, received.wait_for(2)[1])
    assert (second.event, second.scene_id, second.source) == ("scan", "store_88", follower)


def test_a_days_events_are_readable(sandbox: RunningSandbox, received: ListeningShop) -> None:
    who = people(sandbox)[0]
    steps = [
        ("follow", {}, "subscribe"),
        ("say", {"text": "在吗 ]]> 😀"}, "text"),
        ("click", {"key": "stores"}, "click"),
        ("view", {"text": "https://shop.example/"}, "view"),
        ("location", {"latitude": 31.2, "longitude": 121.4}, "location"),
        ("unfollow", {}, "unsubscribe"),
    ]
    for number, (action, data, kind) in enumerate(steps, 1):
        sim(sandbox, f"/people/{who}/{action}", **data)
        message = opened(sandbox, received.wait_for(number)[-1])
        assert kind == (message.event if message.type == "event" else message.type)
        if kind == "text":
            assert message.content == "在吗 ]]> 😀"


def test_the_address_is_verified_by_an_echo(sandbox: RunningSandbox, received: ListeningShop) -> None:
    received.page = "hello"
    assert sim(sandbox, "/push/verify")["ok"] is False
    asked = {name: values[0] for name, values in parse_qs(urlsplit(received.visits[-1]).query).items()}
    check_signature(sandbox.env["WECHAT_TOKEN"], asked["signature"], asked["timestamp"], asked["nonce"])
    assert asked["echostr"].isdigit()


def test_a_push_without_answer_comes_three_times(sandbox: RunningSandbox, received: ListeningShop) -> None:
    received.statuses[:] = [500, 500, 500]
    push_id = sim(sandbox, f"/people/{people(sandbox)[0]}/follow")["push"]
    assert len({notice.body for notice in received.wait_for(3)}) == 1
    row = settled(sandbox, push_id)
    assert (row["state"], row["attempts"], row["last_status"]) == ("failed", 3, 500)
    assert len(received.notices) == 3


@pytest.mark.parametrize(("fault", "times"), [("duplicate", 2), ("drop", 2)])
def test_repeated_pushes_are_the_same(sandbox: RunningSandbox, received: ListeningShop, fault: str, times: int) -> None:
    sim(sandbox, f"/people/{people(sandbox)[1]}/say", text="一次", faults=[fault])
    notices = received.wait_for(times)
    assert len({notice.body for notice in notices}) == 1
    assert opened(sandbox, notices[0]).id > 0


def test_a_late_push_comes_after_the_next(sandbox: RunningSandbox, received: ListeningShop) -> None:
    who = people(sandbox)[0]
    sim(sandbox, "/push", next=[["late"]])
    sim(sandbox, f"/people/{who}/follow")
    sim(sandbox, f"/people/{who}/unfollow")
    assert [opened(sandbox, each).event for each in received.wait_for(2)] == ["unsubscribe", "subscribe"]


def test_bad_pushes_are_recognisably_bad(sandbox: RunningSandbox, received: ListeningShop) -> None:
    who = people(sandbox)[1]
    sim(sandbox, "/push", mode="safe")
    for number, fault in enumerate(("bad_signature", "old_timestamp", "other_app"), 1):
        sim(sandbox, f"/people/{who}/say", text="x", faults=[fault])
        received.wait_for(number)
    forged, old, other = received.notices
    with pytest.raises(InvalidSignatureException):
        opened(sandbox, forged)
    assert int(query(old)["timestamp"]) < time.time() - 3000
    with pytest.raises(Exception, match=r"(?i)appid"):
        opened(sandbox, other)
    sim(sandbox, "/push", mode="plain")
    sim(sandbox, f"/people/{who}/say", text="x", faults=["bomb"])
    assert b"<!ENTITY" in received.wait_for(4)[3].body


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_a_passive_reply_appears_in_the_chat(sandbox: RunningSandbox, received: ListeningShop, mode: str) -> None:
    sim(sandbox, "/push", mode=mode)
    reply = "<xml><MsgType>text</MsgType><Content>您好，欢迎光临</Content></xml>"
    if mode == "safe":
        env = sandbox.env
        crypto = WeChatCrypto(env["WECHAT_TOKEN"], env["WECHAT_AES_KEY"], env["WECHAT_APP_ID"])
        reply = crypto.encrypt_message(reply, "n1", "1700000000")
    received.answer = reply
    push_id = sim(sandbox, f"/people/{people(sandbox)[1]}/say", text="你好")["push"]
    settled(sandbox, push_id)
    assert [row["body"]["content"] for row in outbox(sandbox, "reply")] == ["您好，欢迎光临"]


def test_an_unreadable_reply_shows_as_wechats_apology(sandbox: RunningSandbox, received: ListeningShop) -> None:
    received.answer = "<html>not a reply"
    settled(sandbox, sim(sandbox, f"/people/{people(sandbox)[1]}/say", text="你好")["push"])
    assert "暂时无法提供服务" in outbox(sandbox, "reply")[0]["body"]["content"]


def test_only_followers_can_talk(sandbox: RunningSandbox, received: ListeningShop) -> None:
    who = people(sandbox)[0]
    assert requests.post(f"{sandbox.url}/sim/people/{who}/say", json={"text": "x"}, timeout=WAIT_S).status_code == 400
    assert received.notices == []
