"""The push route: who may push, what counts once, and that the answer never waits for what follows."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.core.db import db
from app.core.outbox import OutboxMessage
from app.core.security import Actor
from app.gateways.wechat.push import PushKeys, encrypt_reply, parse_push, push_signature
from app.messages import scenes
from app.messages.models import Contact, NoticeConsent, PushEvent
from app.messages.services import customer, events
from app.messages.services.settings import set_reply
from tests.gateways.test_wechat_push import BOMB
from tests.gateways.vectors import cases
from tests.messages import account as a
from tests.races.world import at_once

AT = datetime.fromtimestamp(1762052400, UTC)
KEYS = PushKeys("token", "A" * 43, a.APP_ID)


@pytest.fixture(autouse=True)
def at_that_time():
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def push(app: Flask) -> a.Pusher:
    account = a.install(app)
    client = app.test_client()

    def one(body: str | bytes) -> Any:
        return client.post(a.address(AT), data=body, content_type="text/xml")

    one.account = account  # type: ignore[attr-defined]
    return one


def rows(table: Any) -> list[Any]:
    db.session.rollback()
    found = list(db.session.scalars(select(table)))
    db.session.expunge_all()
    db.session.rollback()
    return found


def contact() -> Contact:
    db.session.rollback()
    return db.session.scalars(select(Contact)).one()


# ---- who may push


@pytest.mark.parametrize("case", cases("push_signature"))
def test_wechat_verifies_the_address(app: Flask, case: dict[str, Any]) -> None:
    from pydantic import SecretStr

    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"wechat_token": SecretStr(case["token"])})
    query = {name: case[name] for name in ("timestamp", "nonce", "signature")} | {"echostr": "4375120948345356249"}
    with time_machine.travel(datetime.fromtimestamp(int(case["timestamp"]), UTC)):
        answer = app.test_client().get("/wechat/events", query_string=query)
    assert answer.status_code == (200 if case["valid"] else 403)
    assert (answer.text == "4375120948345356249") is case["valid"]
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("case", cases("push_decrypt"))
def test_the_route_reaches_the_vectors_verdicts_in_safe_mode(app: Flask, case: dict[str, Any]) -> None:
    from pydantic import SecretStr

    own = {"wechat_app_id": case["appid"], "wechat_token": SecretStr(case["token"])}
    own["wechat_aes_key"] = SecretStr(case["encoding_aes_key"])
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update=own)
    query = {name: case[name] for name in ("timestamp", "nonce", "msg_signature")} | {"encrypt_type": "aes"}
    with time_machine.travel(datetime.fromtimestamp(int(case["timestamp"]), UTC)):
        body = f"<xml><ToUserName>gh</ToUserName><Encrypt>{case['encrypt']}</Encrypt></xml>"
        answer = app.test_client().post("/wechat/events", query_string=query, data=body)
    message = case.get("plain", "").startswith(("<", "{"))
    assert answer.status_code == (200 if case["verdict"] == "accept" and message else 403)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?timestamp=1762052400&nonce=n&signature=" + "0" * 40,
        "?timestamp=1762048800&nonce=n&signature=" + push_signature("token", "1762048800", "n"),
        "?timestamp=1762052400&nonce=n&encrypt_type=aes&signature=" + push_signature("token", "1762052400", "n"),
    ],
)
def test_anybody_else_is_refused(app: Flask, query: str) -> None:
    answer = app.test_client().post(f"/wechat/events{query}", data=a.event("SCAN", EventKey="x"))
    assert answer.status_code == 403
    assert not rows(PushEvent)


def sealed(app: Flask, body: str) -> Any:
    """Post an encrypted push, as safe mode sends it."""
    envelope = parse_push(encrypt_reply(KEYS, body, str(int(AT.timestamp())), "n").encode())
    query = {"timestamp": envelope["TimeStamp"], "nonce": envelope["Nonce"], "encrypt_type": "aes"}
    query["msg_signature"] = envelope["MsgSignature"]
    sent = f"<xml><ToUserName>gh</ToUserName><Encrypt>{envelope['Encrypt']}</Encrypt></xml>"
    return app.test_client().post("/wechat/events", query_string=query, data=sent)


@pytest.mark.parametrize(
    ("env", "mode", "plain"),
    [
        ("development", "", 200),
        ("development", "safe", 403),
        ("production", "", 403),
        ("production", "safe", 403),
        ("production", "compatible", 200),
        ("production", "plain", 200),
    ],
)
def test_in_safe_mode_a_plain_push_is_refused(app: Flask, env: str, mode: str, plain: int) -> None:
    """Its signature covers no body. The encrypted one counts in every mode, and the address is verified as ever."""
    own = {"zhanting_env": env, "wechat_push_mode": mode}
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update=own)
    a.install(app)
    client = app.test_client()
    answer = client.post(a.address(AT), data=a.event("SCAN", EventKey="plain"), content_type="text/xml")
    assert answer.status_code == plain
    assert sealed(app, a.event("SCAN", EventKey="sealed", at=1762052401)).status_code == 200
    assert [row.scene for row in rows(PushEvent)] == (["plain", "sealed"] if plain == 200 else ["sealed"])
    assert client.get(f"{a.address(AT)}&echostr=42").text == "42"


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        b"",
        b"<xml>",
        b"not xml",
        b"<xml>" + b"<a>" * 99,
        b"[1]",
        b'{"a": NaN}',
        b'{"FromUserName": "a", "FromUserName": "b"}',
    ],
)
def test_what_is_no_message_is_refused(push: a.Pusher, body: bytes) -> None:
    assert push(body).status_code == 403
    assert not rows(PushEvent)


def test_a_big_body_is_refused_unread(push: a.Pusher) -> None:
    assert push("<xml>" + "x" * 70000 + "</xml>").status_code == 413
    assert push(b"x" * 3_000_000).status_code == 413


# ---- once, and at once


def test_three_deliveries_count_once(push: a.Pusher) -> None:
    for _ in range(3):
        answer = push(a.event("subscribe", EventKey="qrscene_store_88", Ticket="T"))
        assert (answer.status_code, answer.text) == (200, "success")
    assert [(row.kind, row.scene) for row in rows(PushEvent)] == [("subscribe", "store_88")]
    assert a.deliver() == 1
    assert contact().following


@pytest.mark.both_databases
@pytest.mark.race
def test_a_push_delivered_in_parallel_is_processed_once(app: Flask) -> None:
    a.install(app)
    seen: list[scenes.Scan] = []
    scenes.register("race_", lambda scan: seen.append(scan))
    body = a.event("SCAN", EventKey="race_1")
    client = app.test_client()
    answers = at_once(app, [lambda: client.post(a.address(AT), data=body).status_code for _ in range(6)])
    assert answers == [200] * 6
    payload = dict(db.session.scalars(select(OutboxMessage)).one().payload)
    db.session.rollback()
    at_once(app, [lambda: events.process("k", payload) for _ in range(6)])
    assert [scan.scene for scan in seen] == ["race_1"]
    assert len(rows(PushEvent)) == 1


def test_a_slow_handler_does_not_hold_up_the_answer(push: a.Pusher) -> None:
    scenes.register("slow_", lambda _scan: time.sleep(30))
    assert push(a.event("SCAN", EventKey="slow_1")).text == "success"
    assert len(rows(OutboxMessage)) == 1
    assert rows(PushEvent)[0].processed_at is None


def test_nothing_of_the_person_stays_in_the_outbox(push: a.Pusher) -> None:
    push(a.event("SCAN", EventKey="a"))
    a.deliver()
    assert "openid-1" not in str([(r.key, r.payload, r.last_error) for r in rows(OutboxMessage)])
    assert "openid-1" not in str([(r.digest, r.kind, r.scene) for r in rows(PushEvent)])
    assert contact().openid_digest == a.digest()


def test_a_place_is_not_kept(push: a.Pusher) -> None:
    assert push(a.event("LOCATION", Latitude="30.2", Longitude="120.1", Precision="5")).text == "success"
    assert not rows(PushEvent)
    assert not rows(OutboxMessage)


# ---- what follows


def test_new_and_old_followers_bring_the_same_scene(app: Flask, push: a.Pusher) -> None:
    who, seen = a.member(), list[scenes.Scan]()
    scenes.register("shop_", lambda scan: seen.append(scan))
    push(a.event("subscribe", EventKey="qrscene_shop_8"))
    push(a.event("SCAN", EventKey="shop_8"))
    push(a.event("SCAN", EventKey="unknown"))
    push(a.event("SCAN", openid="stranger", EventKey="shop_8"))
    a.deliver()
    assert [(s.scene, s.member_id, s.new_follower) for s in seen] == [
        ("shop_8", who, True),
        ("shop_8", who, False),
        ("shop_8", None, False),
    ]


def test_the_longest_prefix_answers_and_its_words_are_written_back(push: a.Pusher) -> None:
    scenes.register("w_", lambda _scan: "短")
    scenes.register("w_long_", lambda _scan: "欢迎到店")
    push(a.event("SCAN", EventKey="w_long_1"))
    a.deliver()
    a.deliver()
    assert push.account.sent == [("customer", "openid-1", "欢迎到店")]  # type: ignore[attr-defined]


def test_words_menu_keys_and_followers_are_answered_at_once(app: Flask, push: a.Pusher) -> None:
    boss = Actor("operator", 1)
    set_reply("text", "地址", "西湖文三路 1 号", boss, AT)
    set_reply("click", "MENU_HELP", "请拨打门店电话", boss, AT)
    set_reply("follow", "ignored", "欢迎关注", boss, AT)
    reply = parse_push(push(a.text("地址")).data)
    assert (reply["Content"], reply["ToUserName"], reply["FromUserName"]) == ("西湖文三路 1 号", "openid-1", "gh_1")
    assert parse_push(push(a.event("CLICK", EventKey="MENU_HELP")).data)["Content"] == "请拨打门店电话"
    assert parse_push(push(a.event("subscribe", EventKey="")).data)["Content"] == "欢迎关注"
    assert push(a.text("别的", number=2)).text == "success"
    set_reply("text", "", "稍后有人回复您", boss, AT)
    assert parse_push(push(a.text("别的", number=3)).data)["Content"] == "稍后有人回复您"


def test_a_reply_in_safe_mode_is_sealed(app: Flask) -> None:
    a.install(app)
    set_reply("text", "", "您好", Actor("operator", 1), AT)
    stamp = str(int(AT.timestamp()))
    sealed = parse_push(encrypt_reply(KEYS, a.text("喂"), stamp, "n1").encode())
    query = f"timestamp={stamp}&nonce=n1&encrypt_type=aes&msg_signature={sealed['MsgSignature']}"
    body = f"<xml><Encrypt>{sealed['Encrypt']}</Encrypt></xml>"
    answer = parse_push(app.test_client().post(f"/wechat/events?{query}", data=body).data)
    assert set(answer) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
    assert answer["MsgSignature"] == push_signature("token", answer["TimeStamp"], answer["Nonce"], answer["Encrypt"])


def popup(status: str, at: int = 1762052400) -> str:
    entry = f"<TemplateId>TPL</TemplateId><SubscribeStatusString>{status}</SubscribeStatusString>"
    inner = f"<List>{entry}<PopupScene>1</PopupScene></List>"
    return a.event("subscribe_msg_popup_event", at=at, SubscribeMsgPopupEvent=inner)


def test_a_tap_on_allow_is_one_consent(push: a.Pusher) -> None:
    for body in (popup("accept"), popup("accept"), popup("accept", 1762052401), popup("reject", 1762052402)):
        push(body)
    a.deliver()
    assert [(c.template_id, c.state) for c in rows(NoticeConsent)] == [("TPL", "open")] * 2


def test_json_pushes_are_read_too(push: a.Pusher) -> None:
    push(
        '{"ToUserName":"gh","FromUserName":"openid-1","CreateTime":1762052400,"MsgType":"event","Event":'
        '"subscribe_msg_popup_event","List":[{"TemplateId":"J","SubscribeStatusString":"accept","PopupScene":"1"}]}'
    )
    a.deliver()
    assert [c.template_id for c in rows(NoticeConsent)] == ["J"]


def test_withdrawal_and_leaving_void_what_is_unused(push: a.Pusher) -> None:
    push(popup("accept"))
    a.deliver()
    inner = "<List><TemplateId>TPL</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List>"
    push(a.event("subscribe_msg_change_event", SubscribeMsgChangeEvent=inner))
    a.deliver()
    assert [c.state for c in rows(NoticeConsent)] == ["withdrawn"]
    push(popup("accept", 1762052410))
    push(a.event("subscribe", at=1762052411))
    push(a.event("unsubscribe", at=1762052412))
    a.deliver()
    assert [c.state for c in rows(NoticeConsent)] == ["withdrawn"] * 2
    assert not contact().following
    assert not customer.say("openid-1", "在吗", "k1", AT)


def test_late_news_do_not_undo_what_happened_since(push: a.Pusher) -> None:
    push(a.event("subscribe", at=1762052410))
    push(a.event("unsubscribe", at=1762052400))
    a.deliver()
    assert contact().following


# ---- windows


def test_five_answers_in_two_days_after_a_message(push: a.Pusher) -> None:
    push(a.text("您好"))
    a.deliver()
    said = [customer.say("openid-1", f"第{n}条", f"k{n}", AT) for n in range(6)]
    assert said == [True] * 5 + [False]
    assert not customer.say("openid-1", "第0条", "k0", AT)
    a.deliver()
    assert len(push.account.sent) == 5  # type: ignore[attr-defined]


def test_three_answers_in_a_minute_after_a_tap(push: a.Pusher) -> None:
    push(a.event("CLICK", EventKey="K"))
    a.deliver()
    later = datetime.fromtimestamp(1762052461, UTC)
    assert customer.say("openid-1", "1", "k1", AT)
    assert not customer.say("openid-1", "2", "k2", later)
    assert customer.say("openid-1", "3", "k3", AT)
    assert customer.say("openid-1", "4", "k4", AT)
    assert not customer.say("openid-1", "5", "k5", AT)


def test_a_stranger_is_not_written_to(app: Flask) -> None:
    a.install(app)
    assert not customer.say("nobody", "在吗", "k", AT)


def test_a_push_counts_although_the_rows_before_it_were_purged(push: a.Pusher) -> None:
    """SQLite gives the ids of purged rows out again: what happens now must not be taken for what happened then."""
    from app.core import outbox

    scenes.register("store_", lambda scan: f"欢迎到 {scan.scene}")
    for month in range(3):
        at = AT + timedelta(days=31 * month)
        with time_machine.travel(at, tick=False):
            events.purge_events(at)
            message = {
                "MsgType": "event", "Event": "subscribe", "EventKey": "qrscene_store_1", "FromUserName": "openid-1",
                "CreateTime": str(int(at.timestamp())),
            }  # fmt: skip
            assert events.receive(message, at)
            outbox.deliver_due()  # what follows from the push
            outbox.deliver_due()  # the answer
    assert len([sent for sent in push.account.sent if sent[0] == "customer"]) == 3
    assert contact().scene == "store_1"
