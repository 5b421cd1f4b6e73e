"""Being forgotten: asked for, thought over, done when nothing runs; what stays is said and names nobody."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.booking.models import Booking
from app.booking.services import pay, release
from app.core import clock
from app.core.db import Base, db, transaction
from app.core.security import Actor
from app.members import privacy, queries
from app.members.models import Member, WeChatIdentity
from app.members.services import erase_all, merge_members, request_erasure, run_erasures, withdraw_erasure
from app.messages.services import notices, notify
from app.payments.models import Payment
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import sign_in as member_client
from tests.client import check
from tests.members.wechat import csrf, sign_in
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

WEEK = timedelta(days=7)
PHONE, NAME = "13900000077", "周示例甲"


def whole_house() -> str:
    """Every value of every row."""
    db.session.rollback()
    values = [tuple(row) for table in Base.metadata.sorted_tables for row in db.session.execute(select(table))]
    db.session.rollback()
    return str(values)


def paid_booking() -> tuple[int, str, Bank]:
    shop, actor, bank = s.build(), s.member(PHONE, NAME), Bank()
    no = s.place(shop, actor, name=NAME, phone=PHONE).no
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, NOW), NOW)
    assert actor.id
    return actor.id, no, bank


@pytest.mark.both_databases
def test_a_running_booking_delays_and_its_end_releases(app: Flask) -> None:
    who, no, bank = paid_booking()
    request_erasure(who, NOW)
    request_erasure(who, NOW)
    assert any(no in line for line in privacy.blocks(who))
    assert run_erasures(NOW + timedelta(days=6)) == 0
    assert run_erasures(NOW + WEEK) == 0
    release.cancel_booking(Actor("member", who), no, bank, NOW)
    with transaction():
        db.session.query(Booking).update({"state": "refunded"})
        from app.payments.models import Refund

        db.session.query(Refund).update({"state": "succeeded"})
    assert privacy.blocks(who) == []
    assert run_erasures(NOW + WEEK) == 1
    assert run_erasures(NOW + WEEK) == 0
    gone = db.session.get_one(Member, who)
    assert (gone.name, gone.phone, gone.erased_at) == ("", None, NOW + WEEK)
    assert db.session.scalars(select(Payment.openid)).all() == [""]
    assert db.session.scalars(select(Booking.contact_phone)).all() == [""]


def test_nothing_that_names_the_person_is_left(app: Flask) -> None:
    who, _no, _bank = paid_booking()
    openid = queries.list_openids(who)[0]
    notices.consent_given("d", "T", NOW)
    notify(who, "account", "k", {"note": f"{NAME} 您好"}, NOW)
    with transaction():
        db.session.query(Booking).update({"state": "handed_over"})
    before = whole_house()
    for secret in (PHONE, NAME, openid):
        assert secret in before
    request_erasure(who, NOW)
    assert run_erasures(NOW + WEEK) == 1
    after = whole_house()
    for secret in (PHONE, NAME, openid):
        assert secret not in after


def test_joined_accounts_go_too(app: Flask) -> None:
    first, second = s.member("13900000001").id, s.member("13900000002").id
    assert first
    assert second
    merge_members(second, first, Actor("operator", 1), "x", NOW)
    request_erasure(first, NOW)
    assert run_erasures(NOW + WEEK) == 1
    rest = whole_house()
    assert "13900000001" not in rest
    assert "13900000002" not in rest
    assert db.session.scalars(select(WeChatIdentity)).all() == []


def test_thinking_it_over_stops_it(app: Flask) -> None:
    who = s.member().id
    assert who
    request_erasure(who, NOW)
    withdraw_erasure(who, NOW)
    withdraw_erasure(who, NOW)
    assert run_erasures(NOW + WEEK) == 0
    assert not erase_all(who, NOW + WEEK)


def test_one_that_fails_does_not_stop_the_others(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = s.member("13900000001").id, s.member("13900000002").id
    assert first
    assert second
    request_erasure(first, NOW)
    request_erasure(second, NOW)

    def fail(member_id: int, _now: Any) -> None:
        if member_id == first:
            raise RuntimeError("a room that cannot")

    monkeypatch.setattr(privacy, "_holders", dict(privacy._holders))
    privacy.register("garage", export=lambda m: {}, erase=fail, reassign=lambda a, b: None)
    assert run_erasures(NOW + WEEK) == 1
    assert queries.find_erasure(first) is not None
    assert queries.find_erasure(second) is None


def test_every_room_says_what_it_does(app: Flask) -> None:
    assert {"members", "messages", "booking", "payments", "staff"} <= privacy.holders().keys()
    assert all(len(line) > 10 for line in privacy.keeps())
    assert len(privacy.keeps()) >= 4


def test_the_person_reads_and_decides(app: Flask) -> None:
    who, no, _bank = paid_booking()
    client = member_client(app, Actor("member", who))
    page = client.get("/me/privacy/erasure").text
    check(page, whole=True)
    for words in (no, "三年", "会保留", "7 天"):
        assert words in page
    token = csrf(client, "/me/privacy/erasure")
    assert client.post("/me/privacy/erasure", data={"csrf_token": token}).status_code == 303
    page = client.get("/me/privacy/erasure").text
    check(page, whole=True)
    assert "撤回申请" in page
    assert "等待注销" in client.get("/me/privacy").text
    assert client.post("/me/privacy/erasure/withdrawal", data={"csrf_token": token}).status_code == 303
    assert "申请注销" in client.get("/me/privacy/erasure").text


def test_a_forgotten_person_comes_back_as_somebody_new(app, client, wechat) -> None:
    sign_in(client, wechat)
    who = db.session.scalars(select(Member.id)).one()
    db.session.rollback()
    request_erasure(who, clock.now())
    with time_machine.travel(clock.now() + WEEK):
        assert run_erasures(clock.now()) == 1
        assert client.get("/me/privacy").status_code == 302
        again = app.test_client()
        sign_in(again, wechat)
        db.session.rollback()
        assert len(db.session.scalars(select(Member.id)).all()) == 2
