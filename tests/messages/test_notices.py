"""Notices: in one's own list always, through WeChat when a consent pays, at most once in every case."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import outbox
from app.core.db import db, transaction
from app.core.errors import GatewayError
from app.core.security import Actor
from app.gateways.wechat.port import NotDelivered, Refused
from app.messages import queries, rules
from app.messages.models import Delivery, InboxMessage, NoticeConsent
from app.messages.services import deliveries, notices, notify
from app.messages.services.settings import set_template
from tests.messages import account as a
from tests.messages.account import NOW
from tests.races.world import at_once, wins

WORDS = {"car": "岫 S5 2027 款", "note": "已收到订金 ¥1,000"}


def template(purpose: str = "deposit_paid") -> None:
    set_template(purpose, "TPL", {"car": "thing1", "note": "thing2"}, Actor("operator", 1), NOW)


def consent(openid: str = "openid-1") -> None:
    notices.consent_given(a.digest(openid), "TPL", NOW)


def tell(who: int, key: str = "k1", purpose: str = "deposit_paid") -> bool:
    return notify(who, purpose, key, WORDS, NOW, href="/bookings/B1")


def states() -> list[tuple[str, str]]:
    db.session.rollback()
    found = [(row.state, row.result) for row in db.session.scalars(select(Delivery).order_by(Delivery.id))]
    db.session.rollback()
    return found


@pytest.fixture
def account(app: Flask) -> a.Account:
    return a.install(app)


def test_without_wechat_the_list_tells(app: Flask, account: a.Account) -> None:
    who = a.member()
    assert tell(who)
    assert not tell(who)
    rows = queries.list_inbox(who)
    assert [(r.title, r.body, r.href) for r in rows] == [
        ("已收到付款", "岫 S5 2027 款：已收到订金 ¥1,000。门店会在承诺时间内确认，没有确认会自动退款。", "/bookings/B1")
    ]
    assert queries.count_unread(who) == 1
    assert states() == []
    a.deliver()
    assert account.sent == []


def test_one_consent_pays_for_one_message(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    tell(who, "k1")
    tell(who, "k2")
    a.deliver()
    page = "http://127.0.0.1:8000/bookings/B1"
    assert account.sent == [("notice", "openid-1", "TPL", page, "岫 S5 2027 款", "已收到订金 ¥1,000")]
    assert states() == [("sent", "")]
    assert len(queries.list_inbox(who)) == 2
    used = db.session.scalars(select(NoticeConsent)).one()
    assert (used.state, used.used_by) == ("used", "k1")


@pytest.mark.both_databases
@pytest.mark.race
def test_two_messages_at_once_share_no_consent(app: Flask) -> None:
    account, who = a.install(app), a.member()
    template()
    consent()
    assert wins(at_once(app, [lambda n=n: tell(who, f"k{n}") for n in range(6)])) == [True] * 6
    a.deliver()
    assert len(account.sent) == 1
    assert [row.state for row in db.session.scalars(select(NoticeConsent))] == ["used"]


@pytest.mark.both_databases
@pytest.mark.race
def test_one_key_told_in_parallel_is_told_once(app: Flask) -> None:
    account, who = a.install(app), a.member()
    template()
    for _ in range(6):
        consent()
    assert sorted(wins(at_once(app, [lambda: tell(who) for _ in range(6)]))) == [False] * 5 + [True]
    a.deliver()
    assert len(account.sent) == 1
    assert len(queries.list_inbox(who)) == 1
    states_of = [row.state for row in db.session.scalars(select(NoticeConsent))]
    assert sorted(states_of) == ["open"] * 5 + ["used"]


def test_what_is_undone_is_not_told(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    with pytest.raises(RuntimeError, match="undone"), transaction():
        tell(who)
        raise RuntimeError("undone")
    assert queries.list_inbox(who) == []
    a.deliver()
    assert account.sent == []
    assert db.session.scalars(select(NoticeConsent)).one().state == "open"


@pytest.mark.parametrize("code", ["43101", "45015", "47003"])
def test_a_refusal_is_settled_without_another_try(app: Flask, account: a.Account, code: str) -> None:
    who = a.member()
    template()
    consent()
    account.fails = Refused("wechat", code)
    tell(who)
    for _ in range(3):
        a.deliver()
    assert len(account.sent) == 1
    assert states() == [("refused", code)]


def test_an_unknown_outcome_is_never_sent_again(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    account.fails = GatewayError("wechat", "timeout", retryable=True)
    tell(who)
    for _ in range(3):
        a.deliver()
    assert len(account.sent) == 1
    assert states() == [("unknown", "timeout")]


def test_a_busy_wechat_is_tried_again_and_sends_once(app: Flask, account: a.Account) -> None:
    import time_machine

    from app.core import clock

    who = a.member()
    template()
    consent()
    account.fails = NotDelivered("wechat", "45011", retryable=True)
    tell(who)
    a.deliver()
    assert states() == [("waiting", "45011")]
    account.fails = None
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        a.deliver()
        a.deliver()
    assert len(account.sent) == 2
    assert states() == [("sent", "")]


def test_a_worker_killed_while_sending_leaves_it_unsent(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    tell(who)
    row = db.session.scalars(select(Delivery)).one().id
    db.session.rollback()
    with transaction():
        db.session.get_one(Delivery, row).state = "sending"
    a.deliver()
    assert account.sent == []
    assert states() == [("unknown", "interrupted")]


def test_a_person_without_wechat_any_more_is_not_written_to(app: Flask, account: a.Account) -> None:
    from app.members.models import WeChatIdentity

    who = a.member()
    template()
    consent()
    tell(who)
    with transaction() as session:
        session.delete(session.scalars(select(WeChatIdentity)).one())
    a.deliver()
    assert account.sent == []
    assert states() == [("refused", "no_identity")]


def test_wechat_reports_what_arrived(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    tell(who)
    a.deliver()
    deliveries.reported("m1", True, "success", NOW)
    assert states() == [("arrived", "success")]
    deliveries.reported("m1", False, "failed:user block", NOW)
    assert states() == [("refused", "failed:user block")]
    deliveries.reported("", True, "success", NOW)


def test_what_is_said_twice_is_cut_between_clauses_and_ends_once() -> None:
    long = "门店未在承诺时间内确认，¥5,000 将原路退回，无需申请，请留意账单。"
    assert rules.clipped(long, 24) == "门店未在承诺时间内确认，¥5,000 将原路退回"
    assert rules.clipped("一二三四五六七八九十", 5) == "一二三四…"
    assert rules.say("case_settled", {"car": "岫 S5", "note": "另一倍已支付给您。"})[1] == "岫 S5：另一倍已支付给您。"


def test_money_is_also_told_by_text_message_if_there_is_a_template(app: Flask, account: a.Account) -> None:
    class Sms:
        def __init__(self) -> None:
            self.sent: list[tuple[str, list[str]]] = []
            self.fails: Exception | None = None

        def send(self, template: str, phone: str, params: list[str], *, key: str) -> str:
            self.sent.append((phone, params))
            if self.fails:
                raise self.fails
            return "s1"

    sms = app.extensions["sms"] = Sms()
    who = a.member(phone="13900000001")
    tell(who, "k0", "money_returned")
    assert states() == []
    notices.use_text_messages(True)
    try:
        tell(who, "k1", "money_returned")
        tell(who, "k2", "deposit_paid")
        sms.fails = GatewayError("sms", "timeout", retryable=True)
        a.deliver()
        a.deliver()
    finally:
        notices.use_text_messages(False)
    assert sms.sent == [("13900000001", ["退款已完成", "岫 S5 2027 款", "已收到订金 ¥1,000"])]
    assert states() == [("unknown", "timeout")]
    assert "13900000001" not in str([r.payload for r in db.session.scalars(select(outbox.OutboxMessage))])


def test_what_the_outbox_gave_up_is_settled(app: Flask, account: a.Account) -> None:
    who = a.member()
    template()
    consent()
    account.fails = NotDelivered("wechat", "-1", retryable=True)
    tell(who)
    with transaction():
        db.session.scalars(select(outbox.OutboxMessage)).one().attempts = outbox.MAX_ATTEMPTS - 1
    a.deliver()
    assert deliveries.close_abandoned(NOW) == 0
    assert deliveries.close_abandoned(NOW + timedelta(days=3650)) == 1
    assert states() == [("refused", "-1")]


def test_reading_marks_up_to_what_was_seen(app: Flask) -> None:
    who, other = a.member(), a.member("openid-2")
    for number in range(3):
        tell(who, f"k{number}")
    tell(other, "k9")
    seen = queries.list_inbox(who)[1].id
    notices.read_inbox(who, seen, NOW)
    assert queries.count_unread(who) == 1
    assert queries.count_unread(other) == 1


def test_an_unknown_purpose_is_a_programming_error(app: Flask) -> None:
    with pytest.raises(KeyError):
        notify(a.member(), "nothing", "k", {}, NOW)
    assert db.session.scalars(select(InboxMessage)).all() == []
