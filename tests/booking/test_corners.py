"""Corners of the promises: what two rare things together must not break."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.booking.errors import DealerSoldOut, LimitReached, TimeWrong
from app.booking.models import DealDealer, DealReminder, OnePriceDeal
from app.booking.rules import BookingAction
from app.booking.services import (
    balance,
    cases,
    correct,
    deadlines,
    pause,
    pay,
    progress,
    queue,
    release,
    reminders,
    rescue,
    reviews,
    settling,
)
from app.booking.services.change import Change, lock_booking, move, standing
from app.core.db import db, transaction
from app.core.security import SYSTEM, Actor
from app.dealers.models import Dealer
from app.gateways.pay import port
from app.gateways.pay.port import RefundStatus
from app.members import privacy
from app.members.services import merge_members
from app.messages.models import InboxMessage
from app.payments.models import Payment, Refund
from app.payments.services import refunds, settlement, stuck
from app.reviews.models import Review
from app.reviews.services import answer_review
from tests.booking import road
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

MINUTE = timedelta(minutes=1)
OPERATOR = Actor("operator", 1)
pytestmark = pytest.mark.usefixtures("app")


def answer_refunds(status: RefundStatus) -> int:
    """WeChat Pay says what became of every refund that is open; the id of the last."""
    open_ = select(Refund, Payment).join(Payment, Payment.id == Refund.payment_id).where(Refund.state == "requested")
    rows = [
        (r.id, port.RefundState(f"50{r.id}", r.out_refund_no, p.out_trade_no, "", status, r.amount_fen, p.amount_fen))
        for r, p in db.session.execute(open_)
    ]
    db.session.rollback()
    for _, found in rows:
        refunds.record_refund(found, NOW)
    return rows[-1][0]


def part_back(one: road.Road, fen: int) -> str:
    """Headquarters sends so much back, the booking goes on; the code of the refund."""
    case = cases.dispute(one.customer, one.no, "颜色和说好的不一样", NOW)
    settling.settle(OPERATOR, case, settling.Verdict(fen, "同意退还这一部分"), NOW)
    return f"case-{case}"


def own_units(shop: s.Shop, **units: int) -> None:
    with transaction():
        for name, many in units.items():
            mine = update(DealDealer).where(DealDealer.dealer_id == getattr(shop, name))
            db.session.execute(mine.values(units_total=many, units_left=many))


def waiting_for_one(*people: Actor) -> tuple[s.Shop, str, Actor]:
    """One unit, booked; these people wait for it. The booking and who has it."""
    shop, holder = s.build(units=1, queue_when_sold_out=True), s.member("13900002080")
    no = s.place(shop, holder).no
    for minute, person in enumerate(people, 1):
        queue.join(person, shop.deal, NOW + minute * MINUTE)
    return shop, no, holder


# ---- money ----


def test_what_was_sent_back_by_hand_is_not_sent_again() -> None:
    one = road.paid()
    code = part_back(one, 60_000)
    stuck.mark_handled(OPERATOR, answer_refunds(RefundStatus.CLOSED), "已通过银行转账", NOW)
    road.money_adds_up()
    release.cancel_booking(one.customer, one.no, one.bank, NOW + HOUR)
    assert road.refunds(one.no) == [(code, 60_000), ("cancelled", 40_000)]
    road.money_adds_up()
    answer_refunds(RefundStatus.SUCCESS)
    assert s.booking(one.no).state == "refunded"


def test_a_refund_that_waits_for_a_person_is_not_asked_for_again() -> None:
    """WeChat Pay refused it for good; whoever sends it by hand would send it a second time."""
    one = road.paid()
    code = part_back(one, 60_000)
    refund_id = answer_refunds(RefundStatus.CLOSED)
    release.cancel_booking(one.customer, one.no, one.bank, NOW + HOUR)
    assert road.refunds(one.no) == [(code, 60_000), ("cancelled", 40_000)]
    stuck.mark_handled(OPERATOR, refund_id, "已通过银行转账", NOW + HOUR)
    answer_refunds(RefundStatus.SUCCESS)
    assert s.booking(one.no).state == "refunded"
    road.money_adds_up()


def test_a_refund_settled_by_hand_ends_the_booking() -> None:
    one = road.paid()
    release.cancel_booking(one.customer, one.no, one.bank, NOW)
    refund_id = answer_refunds(RefundStatus.CLOSED)
    assert s.booking(one.no).state == "refunding"
    stuck.mark_handled(OPERATOR, refund_id, "已通过银行转账", NOW)
    assert s.booking(one.no).state == "refunded"
    assert privacy.blocks(one.customer.id or 0) == []
    road.money_adds_up()


def test_a_booking_whose_money_is_back_already_ends_at_once() -> None:
    """No decision sends everything back and leaves the booking; should it have come to that, cancelling ends it."""
    one = road.paid()
    with transaction():
        payment = settlement.lock_payment(db.session.query(Payment.id).scalar())
        refunds.request_refund(payment, 100_000, "by_hand", "全额退回", NOW)
    answer_refunds(RefundStatus.SUCCESS)
    release.cancel_booking(one.customer, one.no, one.bank, NOW + HOUR)
    assert s.booking(one.no).state == "refunded"
    road.money_adds_up()


# ---- what was promised ----


def test_the_times_are_those_that_were_agreed_to() -> None:
    shop, customer, bank = s.build(confirm_hours=24, ready_days=30), s.member(), Bank()
    no = s.place(shop, customer).no
    with transaction():
        db.session.execute(update(OnePriceDeal).values(confirm_hours=72, ready_days=90))
    pay.open_booking_payment(customer, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    one = road.Road(shop, customer, no, bank, s.clerk(shop.west), s.clerk(shop.west, "supervisor"))
    one.settle(bank.only_order())
    assert s.booking(no).confirm_by == NOW + DAY
    one.confirm()
    assert s.booking(no).ready_by == NOW + 30 * DAY


def test_a_wrong_record_of_the_balance_gives_a_whole_day_again() -> None:
    one = road.paid(balance_ends_at=NOW + 3 * DAY)
    one.ready()
    deadlines.enforce(one.bank, NOW + 2 * DAY)
    balance.record_in_store(one.clerk, one.no, "SJ-0001", NOW + 2 * DAY + HOUR)
    balance.correct(one.lead, one.no, "", "登记到了别的订单", NOW + 5 * DAY)
    deadlines.enforce(one.bank, NOW + 6 * DAY - MINUTE)
    assert s.booking(one.no).state == "car_ready"
    deadlines.enforce(one.bank, NOW + 6 * DAY)
    assert s.booking(one.no).state == "refunding"


def test_who_asked_for_another_time_is_not_given_up_before_the_store_answers() -> None:
    one, at = road.paid(), NOW + DAY
    one.ready()
    progress.propose_time(one.clerk, one.no, at, NOW)
    progress.agree_time(one.customer, one.no, NOW)
    progress.mark_no_show(one.lead, one.no, "约定时间未到", at + 2 * HOUR)
    progress.ask_time(one.customer, one.no, at + 10 * DAY, at + 3 * HOUR)
    deadlines.enforce(one.bank, at + 2 * HOUR + 7 * DAY)
    assert s.booking(one.no).state == "car_ready"
    deadlines.enforce(one.bank, at + 10 * DAY)
    assert s.booking(one.no).state == "refunding"


def test_a_time_agreed_with_headquarters_ends_the_wait_for_who_stayed_away() -> None:
    one, at = road.paid(), NOW + DAY
    one.ready()
    progress.propose_time(one.clerk, one.no, at, NOW)
    progress.agree_time(one.customer, one.no, NOW)
    progress.mark_no_show(one.lead, one.no, "约定时间未到", at + 2 * HOUR)
    correct.correct_appointment(OPERATOR, one.no, at + 10 * DAY, at, "客户来电改约", at + 3 * HOUR)
    deadlines.enforce(one.bank, at + 2 * HOUR + 7 * DAY)
    assert s.booking(one.no).state == "car_ready"


def test_a_time_that_passed_is_not_agreed_by_confirming() -> None:
    one = road.paid()
    progress.ask_time(one.customer, one.no, NOW + HOUR, NOW)
    with pytest.raises(TimeWrong):
        progress.confirm(one.clerk, one.no, NOW + 2 * HOUR, appointment_at=NOW + HOUR)
    assert s.booking(one.no).state == "deposit_paid"


def test_what_headquarters_put_right_is_told() -> None:
    one = road.paid()
    one.ready()
    progress.propose_time(one.clerk, one.no, NOW + DAY, NOW)
    progress.agree_time(one.customer, one.no, NOW)
    correct.correct_appointment(OPERATOR, one.no, NOW + 2 * DAY, NOW + DAY, "客户来电改约", NOW)
    told = db.session.query(InboxMessage).filter(InboxMessage.body.contains("到店时间改为11月24日12:00"))
    assert {m.purpose for m in told} == {"changed", "store_news"}


def test_a_reminder_waits_for_the_end_of_a_pause() -> None:
    shop, one = s.build(starts_at=NOW + HOUR), s.member()
    reminders.remind(one, shop.deal, NOW)
    pause.pause_deal(OPERATOR, shop.deal, "核对库存", NOW)
    assert reminders.send_due(NOW + 51 * MINUTE) == 0
    pause.resume_deal(OPERATOR, shop.deal, NOW + 53 * MINUTE)
    assert reminders.send_due(NOW + 54 * MINUTE) == 1


# ---- units, places, limits ----


def test_a_place_beyond_the_limit_counts() -> None:
    shop, one, two = s.build(), s.member(), s.member("13900002099")
    first = s.place(shop, one)
    s.place(shop, two)
    merge_members(two.id or 0, one.id or 0, OPERATOR, "同一个人", NOW)
    release.cancel_booking(one, first.no, Bank(), NOW)
    with pytest.raises(LimitReached):
        s.place(shop, one, phone="13900002077")


def test_late_money_of_an_offered_unit_keeps_the_first_turn() -> None:
    people = [s.member(f"1390000209{n}") for n in range(3)]
    shop, no, holder = waiting_for_one(*people)
    release.cancel_booking(holder, no, Bank(), NOW + HOUR)
    mine = s.place(shop, people[0], NOW + HOUR)
    with transaction():  # the unit goes to the second, the third waits
        move(lock_booking(mine.id), Change(BookingAction.EXPIRE, "expired"), SYSTEM, NOW + 2 * HOUR)
    with transaction():
        lock_booking(mine.id)
        rescue.keep_turn(standing(mine.id), NOW + 2 * HOUR)
    [line] = [e.note for e in s.booking(mine.no).events if e.kind == "queued_first"]
    assert "第 1 位" in line
    assert s.stands(shop) == {"left": 0, "kept": 0, "offered": 1, "waiting": 2}


def test_no_unit_is_offered_at_a_store_that_closed() -> None:
    shop = s.build(units=2, stock_by_dealer=True, queue_when_sold_out=True)
    own_units(shop, west=1, east=1)
    one, two, three = (s.member(f"1390000209{n}") for n in range(3))
    west, east = s.place(shop, one), s.place(shop, two, dealer_id=shop.east)
    queue.join(three, shop.deal, NOW)
    with transaction():
        db.session.execute(update(Dealer).where(Dealer.id == shop.west).values(status="暂停"))
    release.cancel_booking(one, west.no, Bank(), NOW)
    assert s.stands(shop) == {"left": 1, "kept": 1, "offered": 0, "waiting": 1}
    release.cancel_booking(two, east.no, Bank(), NOW)
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 1, "waiting": 0}
    s.place(shop, three, dealer_id=shop.east)


def test_an_offer_outlives_the_change_to_units_of_each_store() -> None:
    person = s.member("13900002099")
    shop, no, holder = waiting_for_one(person)
    release.cancel_booking(holder, no, Bank(), NOW)
    own_units(shop, west=1, east=0)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(stock_by_dealer=True))
    with pytest.raises(DealerSoldOut):
        s.place(shop, person, dealer_id=shop.east)
    s.place(shop, person)
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 0}


def test_an_offer_of_a_deal_that_ended_goes_to_nobody() -> None:
    person = s.member("13900002099")
    shop, no, holder = waiting_for_one(person)
    release.cancel_booking(holder, no, Bank(), NOW)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(withdrawn=True))
    queue.lapse_due(NOW + HOUR)
    bodies = [m.body for m in db.session.query(InboxMessage).filter_by(member_id=person.id, purpose="queue_over")]
    assert bodies == ["岫 S5 2026款 长续航版：活动已结束，为您保留的名额已释放。"]
    assert s.stands(shop)["offered"] == 0


# ---- people ----


def test_reviews_and_reminders_follow_the_person_and_are_forgotten_with_them() -> None:
    one, other = road.paid(), s.member("13900002099")
    one.ready()
    one.hand_over()
    reviews.review(one.customer, one.no, reviews.Opinion(5, 4, "周样例很满意"), NOW)
    answer_review(s.clerk(one.shop.west, "manager"), db.session.query(Review).one().id, "谢谢周先生", NOW)
    with transaction() as session:
        session.add(DealReminder(deal_id=one.shop.deal_id, member_id=one.customer.id, created_at=NOW))
    merge_members(one.customer.id or 0, other.id or 0, OPERATOR, "同一个人", NOW)
    assert db.session.query(Review).one().member_id == other.id
    assert db.session.query(DealReminder).one().member_id == other.id
    copy = str(privacy.export_all(other.id or 0))
    assert all(words in copy for words in ("周样例很满意", road.VIN, "reminder_since"))
    db.session.rollback()
    privacy.holders()["review"].erase(other.id or 0, NOW)
    privacy.holders()["queue"].erase(other.id or 0, NOW)
    left = db.session.query(Review).one()
    assert (left.text, left.answer, left.author, left.car_stars) == ("", "", "*", 5)
    assert db.session.query(DealReminder).count() == 0
