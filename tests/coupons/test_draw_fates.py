"""夺券, when things go otherwise: accounts joined, prizes refused, money that stays away, news that comes too late."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.security import Actor
from app.coupons import errors
from app.coupons.models import Coupon, CouponCampaign, Draw, DrawEntry, GivingTarget
from app.coupons.services import draw, draw_money, draw_office, draw_prizes, giving_runs, personal
from app.gateways.pay.port import Method, RefundStatus
from app.gateways.pay.port import RefundState as Told
from app.members.errors import AccountGone
from app.members.models import Member
from app.members.services import heirs, merge_members
from app.messages.models import InboxMessage
from app.payments.models import Refund
from app.payments.services import refunds, settlement
from tests.booking.test_views import sign_in
from tests.coupons import campaigns as c
from tests.coupons.test_draw import (
    CLOSES,
    DRAWS,
    NOW,
    OPEN,
    OPERATOR,
    PLAN,
    arrives,
    check_money,
    drawn,
    entry_of,
    pay,
    prepared,
    published,
    state,
)
from tests.coupons.test_pages import get
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

FAR = NOW + timedelta(days=120)
pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(OPEN, tick=False):
        yield


def join(loser: Actor, winner: Actor) -> None:
    merge_members(loser.id or 0, winner.id or 0, OPERATOR, "同一个人", DRAWS)


def owners() -> set[int]:
    db.session.rollback()
    return {row.member_id for row in db.session.query(Coupon)}


# ---- whose prize it is ----


def test_a_prize_follows_the_person_through_every_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    who, second, third = drawn(2), c.member("13900000008"), c.member("13900000009")
    entry = entry_of(who[0]).id
    join(who[0], second)
    join(second, third)
    with transaction():  # as if it had stayed with the first account
        db.session.get_one(DrawEntry, entry).member_id = who[0].id or 0
    real, last = heirs.lock_member, c.member("13900000007")

    def joined_just_now(member_id: int) -> None:
        monkeypatch.setattr(heirs, "lock_member", real)
        if member_id == third.id:
            join(third, last)
        real(member_id)

    monkeypatch.setattr(heirs, "lock_member", joined_just_now)
    with transaction():
        assert heirs.hold_heir(who[0].id or 0) == last.id
    assert draw_prizes.hand_out(DRAWS) == 2
    assert owners() == {last.id, who[1].id}
    with transaction():
        db.session.get_one(Member, last.id).erased_at = DRAWS
    assert heirs.living_account(who[0].id or 0) is None
    with pytest.raises(AccountGone), transaction():
        heirs.hold_heir(second.id or 0)


def test_who_lost_is_told_at_the_account_that_is_left() -> None:
    who, second, third = drawn(3), c.member("13900000008"), c.member("13900000009")
    loser = next(one for one in who if entry_of(one).rank is None)
    entry = entry_of(loser).id
    join(loser, second)
    join(second, third)
    with transaction():
        db.session.get_one(DrawEntry, entry).member_id = loser.id or 0
    assert draw_prizes.tell_results(DRAWS) == 1
    assert [row.member_id for row in db.session.query(InboxMessage)] == [third.id]


def test_a_list_is_given_to_the_account_that_is_left() -> None:
    c.campaign("list")
    first, second, third = (c.member(f"1390000001{n}") for n in range(3))
    c.agree(first)
    campaign = db.session.query(CouponCampaign).filter_by(slug="list").one().id
    run = giving_runs.prepare_run(OPERATOR, campaign, ["13900000010"], "回访", NOW)
    giving_runs.start_run(OPERATOR, run, NOW)
    join(first, second)
    join(second, third)
    with transaction():
        db.session.query(GivingTarget).one().member_id = first.id or 0
    assert giving_runs.work_off(NOW) == 1
    assert owners() == {third.id}


# ---- a prize that is refused ----


def test_a_refused_prize_stays_due_until_it_can_be_given() -> None:
    drawn(3)
    c.change(claimed=2)  # somebody cut the campaign down
    assert draw_prizes.hand_out(DRAWS) == 0
    assert draw_prizes.hand_out(DRAWS) == 0
    said = db.session.query(AuditEntry).filter_by(action="draw_prize_waits").all()
    assert [row.detail["reason"] for row in said] == [errors.AllClaimed.code] * 2  # once for each prize
    db.session.rollback()
    c.change(claimed=0)
    assert draw_prizes.hand_out(DRAWS) == 2
    assert c.counts() == (2, 2)


def test_who_has_as_many_as_one_may_have_reads_it(app: Flask) -> None:
    who = drawn(2)
    join(who[0], who[1])  # both won, one each
    assert draw_prizes.hand_out(DRAWS) == 1
    assert draw_prizes.hand_out(DRAWS) == 0
    assert owners() == {who[1].id}
    assert entry_of(who[1]).coupon_id is None
    bodies = [row.body for row in db.session.query(InboxMessage).filter_by(purpose="draw_result")]
    assert len(bodies) == 2
    assert any("不再另发" in body for body in bodies)
    db.session.rollback()
    page = get(sign_in(app, who[1]), "/coupons/c1/draw/entries/new")
    assert "每人可领的张数" in page
    assert "正在放进" not in page


def test_nothing_is_drawn_that_nobody_could_use() -> None:
    published()
    draw.enter_free(c.member(), "c1", OPEN)
    draw_office.close_due(Bank(), CLOSES)
    c.change(valid_until=DRAWS)
    with pytest.raises(errors.DrawBusy, match="延长券活动的有效期"):
        draw_office.reveal(OPERATOR, "c1", "03 09 12", DRAWS)
    c.change(valid_until=DRAWS + timedelta(days=1))
    assert draw_office.reveal(OPERATOR, "c1", "03 09 12", DRAWS) == 1


def test_a_prize_is_judged_by_the_most_it_can_take_off() -> None:
    prepared(face_fen=None, kind="折扣券", discount_permille=900, worth_fen=100_00, most_fen=60_000_00)
    assert [rule for rule, _ in draw_office.problems("c1", NOW)] == ["反不正当竞争法：最高奖金额"]
    c.change(most_fen=50_000_00)
    assert draw_office.problems("c1", NOW) == []
    with transaction():
        db.session.query(Draw).one().draws_at = CLOSES + timedelta(minutes=9)
    assert [rule for rule, _ in draw_office.problems("c1", NOW)] == ["开奖时间"]


# ---- the list and the public number ----


def test_from_the_time_of_the_draw_on_nothing_is_added() -> None:
    """Paid in time, but the news came when the public number may be known: it goes back."""
    published()
    bank, who = Bank(), c.member()
    number = pay(bank, who)
    bank.pay(number)
    bank.down.add("query")
    before = DRAWS - timedelta(seconds=1)
    assert draw_office.close_due(bank, before) == 0
    settlement.accept_notice(bank.notice(number, DRAWS, success_at=OPEN), DRAWS)
    assert (entry_of(who).state, state()) == ("void", "open")
    assert [row.reason_code for row in db.session.query(Refund)] == ["late"]
    db.session.rollback()
    assert draw_office.close_due(bank, DRAWS) == 1  # whatever WeChat Pay cannot say
    assert state() == "closed"
    check_money(bank)


# ---- the yuan ----


def pay_by(bank: Bank, who: Actor, method: Method) -> str:
    before = set(bank.orders)
    draw_money.open_fee_payment(who, "c1", bank, OPEN, app_id=APP_ID, mch_id=MCH_ID, method=method, client_ip="1.1.1.1")
    return next(iter(set(bank.orders) - before))


def test_what_wechat_pay_refused_for_good_is_not_asked_back_a_second_time() -> None:
    published()
    bank, who = Bank(), c.member()
    first = pay(bank, who)
    arrives(bank, pay_by(bank, who, Method.NATIVE))
    bank.pay_although_closed(first)
    settlement.accept_notice(bank.notice(first, OPEN, success_at=OPEN), OPEN)
    double = db.session.query(Refund).one()
    closed = Told("rf", double.out_refund_no, first, "t", RefundStatus.CLOSED, 100, 100)
    refunds.record_refund(closed, OPEN)
    draw_office.close_due(bank, CLOSES)
    assert draw_money.return_fees(CLOSES) == 1
    rows = db.session.query(Refund).order_by(Refund.id).all()
    assert [(row.reason_code, row.state) for row in rows] == [("double", "closed"), ("draw_fee", "requested")]
    assert rows[0].payment_id != rows[1].payment_id  # the first waits on the list of stuck ones, for a person


def test_nobody_is_forgotten_while_the_yuan_is_here() -> None:
    published()
    bank, who = Bank(), c.member()
    arrives(bank, pay(bank, who))
    assert "参与金还没有退回" in personal.blocks(who.id or 0)[0]
    draw_office.close_due(bank, CLOSES)
    draw_money.return_fees(CLOSES)
    assert personal.blocks(who.id or 0) == []


def test_an_order_lives_no_longer_than_wechat_pay_lets_it_and_is_made_again() -> None:
    c.campaign(
        way="夺券",
        total=2,
        claim_until=FAR,
        valid_until=FAR + timedelta(days=60),  # pyright: ignore
    )
    draw_office.prepare(OPERATOR, "c1", replace(PLAN, draws_at=FAR + timedelta(days=1)), NOW)
    draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
    bank, who = Bank(), c.member()
    first = pay(bank, who)
    assert bank.orders[first].expires_at == OPEN + draw_money.ORDER_LIFE
    later = OPEN + draw_money.ORDER_LIFE
    with time_machine.travel(later, tick=False):
        second = pay(bank, who, later)
        assert bank.trades[first].state.value == "CLOSED"
        arrives(bank, second, later)
    assert entry_of(who).state == "entered"
