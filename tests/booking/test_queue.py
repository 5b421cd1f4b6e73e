"""候补: first come, first offered; nobody is skipped, no unit is offered twice; late money keeps its turn."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.booking import queries
from app.booking.errors import (
    AlreadyExtended,
    DealerSoldOut,
    DealNotRunning,
    DealPaused,
    HoldOver,
    LimitReached,
    NoQueue,
    NotSoldOut,
    OfferElsewhere,
    PhoneLimitReached,
    PhoneNotProved,
    SoldOut,
    SoldOutQueue,
    TooManyHolds,
)
from app.booking.models import Booking, DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries.queue import export_places, get_queue_page, list_leads, list_own_places
from app.booking.rules import EXTENSION, HOLDS_PER_ADDRESS, OFFER
from app.booking.services import extension, pause, pay, queue, release
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import VISITOR, Actor
from app.members.errors import MergeRefused
from app.members.models import Consent, Member
from app.members.services import erase_all, merge_members, request_erasure, withdraw_consent
from app.messages.models import InboxMessage
from app.payments.errors import HoldTooShort, NothingDue
from app.payments.models import Payment, Refund
from app.payments.services import settlement
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases
BOSS = Actor("operator", 1)
SOON, AFTER = NOW + timedelta(minutes=1), NOW + timedelta(minutes=16)
DAY = timedelta(days=1)


@pytest.fixture
def bank(app: Flask) -> Bank:
    app.extensions["pay"] = bank = Bank()
    return bank


def people(count: int) -> list[Actor]:
    return [s.member(f"1390000{n:04d}") for n in range(count)]


def sold_out(units: int = 1, **deal: object) -> tuple[s.Shop, list[tuple[Actor, str]]]:
    """A deal whose units are all held, by people of their own."""
    shop = s.build(units=units, queue_when_sold_out=True, **deal)
    held: list[tuple[Actor, str]] = []
    for n in range(units):
        actor = s.member(f"1380000{n:04d}")
        held.append((actor, s.place(shop, actor).no))
    return shop, held


def states(shop: s.Shop) -> list[str]:
    """The places in the order of their turn."""
    db.session.rollback()
    rows = db.session.query(QueuePlace).filter_by(deal_id=shop.deal_id).order_by(QueuePlace.claimed_at, QueuePlace.id)
    return [row.state for row in rows]


def told(actor: Actor) -> list[str]:
    db.session.rollback()
    return [m.purpose for m in db.session.query(InboxMessage).filter_by(member_id=actor.id).order_by(InboxMessage.id)]


def pay_late(bank: Bank, actor: Actor, no: str, now: datetime = AFTER) -> str:
    """The hold ends and is released; then the money arrives all the same."""
    pay.open_booking_payment(actor, no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    number = list(bank.orders)[-1]
    release.expire_holds(bank, AFTER)
    assert s.booking(no).state == "expired"
    return number


def money_arrives(bank: Bank, number: str, now: datetime = AFTER) -> None:
    bank.pay_although_closed(number)
    settlement.accept_notice(bank.notice(number, now), now)


# ---- joining and leaving ----


def test_who_comes_first_stands_first(app: Flask) -> None:
    shop, _ = sold_out()
    first, second, third = people(3)
    assert [queue.join(who, shop.deal, NOW) for who in (first, second, third)] == [1, 2, 3]
    assert queue.join(second, shop.deal, SOON) == 2  # once more changes nothing
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 3}
    assert queue.leave(first, shop.deal, SOON)
    assert not queue.leave(first, shop.deal, SOON)
    assert queue.join(second, shop.deal, SOON) == 1
    assert queue.join(first, shop.deal, SOON) == 3  # who comes back stands at the end
    assert third.id
    (place,) = list_own_places(third.id, SOON)
    assert (place.position, place.offered) == (2, False)
    assert get_queue_page(shop.deal, third.id, SOON).waiting == 3


def test_who_may_not_join(app: Flask) -> None:
    shop, ((holder, _no),) = sold_out()
    (someone,) = people(1)
    with pytest.raises(LimitReached):
        queue.join(holder, shop.deal, NOW)
    with pytest.raises(NotFound):
        queue.join(VISITOR, shop.deal, NOW)
    with pytest.raises(NotFound):
        queue.join(someone, "nothing", NOW)
    with pytest.raises(DealNotRunning):
        queue.join(someone, shop.deal, NOW + 6 * DAY)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(queue_when_sold_out=False))
    with pytest.raises(NoQueue):
        queue.join(someone, shop.deal, NOW)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(queue_when_sold_out=True, units_left=1, units_total=2))
    with pytest.raises(NotSoldOut):
        queue.join(someone, shop.deal, NOW)
    pause.pause_deal(BOSS, shop.deal, "样例暂停原因", NOW)
    with pytest.raises(DealPaused):
        queue.join(someone, shop.deal, NOW)


# ---- offers ----


def test_a_released_unit_is_offered_in_order_and_kept_for_a_day(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    first, second, other = people(3)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, SOON)
    assert states(shop) == ["offered", "waiting"]
    assert s.stands(shop) == {"left": 0, "kept": 0, "offered": 1, "waiting": 1}
    assert told(first) == ["offer"]
    for who in (second, other):  # nobody passes the queue
        with pytest.raises(SoldOutQueue):
            s.place(shop, who, SOON)
    placed = s.place(shop, first, SOON + OFFER - timedelta(seconds=1))
    assert s.booking(placed.no).state == "held"
    assert states(shop) == ["booked", "waiting"]
    assert db.session.query(QueuePlace).filter_by(state="booked").one().booking_id == placed.id
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 1}


def test_an_offer_that_ends_goes_to_the_next_and_both_are_told(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    first, second = people(2)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    assert queue.warn_ending(NOW + OFFER - timedelta(hours=3)) == 0
    assert queue.warn_ending(NOW + OFFER - timedelta(hours=1)) == 1
    assert queue.warn_ending(NOW + OFFER - timedelta(minutes=30)) == 0  # once
    end = NOW + OFFER
    with pytest.raises(SoldOut):  # judged by time, also while the worker is dead
        s.place(shop, first, end)
    assert queue.lapse_due(end - timedelta(seconds=1)) == 0
    assert queue.lapse_due(end) == 1
    assert states(shop) == ["lapsed", "offered"]
    assert told(first) == ["offer", "offer_ending", "offer_lapsed"]
    assert told(second) == ["offer"]
    assert queue.lapse_due(end + OFFER) == 1
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 0, "waiting": 0}
    s.place(shop, s.member("13700000001"), end + OFFER)  # nobody waits: anybody may take it


def test_an_offer_over_by_time_gives_way_though_the_worker_is_dead(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    first, second, third = people(3)
    for who in (first, second):
        queue.join(who, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    later = NOW + OFFER + timedelta(hours=1)
    assert queue.join(third, shop.deal, later) == 1  # the first one's time was over, the second has the offer
    assert states(shop) == ["lapsed", "offered", "waiting"]
    assert queue.join(first, shop.deal, later) == 2


def test_leaving_gives_an_offered_unit_to_the_next(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    first, second = people(2)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    queue.leave(first, shop.deal, SOON)
    assert states(shop) == ["left", "offered"]
    queue.leave(second, shop.deal, SOON)
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 0, "waiting": 0}


def test_an_offer_never_lasts_longer_than_the_deal_and_its_end_ends_the_queue(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out(ends_at=NOW + timedelta(hours=3))
    first, second = people(2)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    assert first.id
    (place,) = list_own_places(first.id, NOW)
    assert place.offer_until == NOW + timedelta(hours=3)
    assert queue.lapse_due(NOW + timedelta(hours=3)) == 2
    assert states(shop) == ["lapsed", "lapsed"]
    assert told(second) == ["queue_over"]
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 0, "waiting": 0}


def test_more_units_serve_the_queue_before_anybody_else(app: Flask) -> None:
    shop, _ = sold_out()
    first, second, other = people(3)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    with transaction():  # what an import does
        db.session.execute(update(OnePriceDeal).values(units_left=3, units_total=4))
    with pytest.raises(SoldOut):
        s.place(shop, other, NOW)
    assert queue.lapse_due(NOW) == 1
    assert states(shop) == ["offered", "offered"]
    s.place(shop, other, NOW)  # two are kept, the third is free
    assert s.stands(shop) == {"left": 0, "kept": 2, "offered": 2, "waiting": 0}


def test_a_queue_switched_off_keeps_its_people(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    (first,) = people(1)
    queue.join(first, shop.deal, NOW)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(queue_when_sold_out=False))
    release.cancel_booking(holder, no, bank, NOW)
    assert states(shop) == ["offered"]


def test_a_pause_keeps_everything_and_gives_its_time_back(app: Flask, bank: Bank) -> None:
    shop, ((holder, no), (other, other_no)) = sold_out(units=2)
    first, second = people(2)
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    pause.pause_deal(BOSS, shop.deal, "样例暂停原因", NOW + timedelta(hours=23))
    with pytest.raises(DealPaused):
        s.place(shop, first, NOW + timedelta(hours=23))
    release.cancel_booking(other, other_no, bank, NOW + timedelta(hours=23))
    assert states(shop) == ["offered", "waiting"]  # nothing is offered meanwhile
    assert queue.lapse_due(NOW + 2 * DAY) == 0  # and nothing lapses
    assert s.stands(shop) == {"left": 1, "kept": 0, "offered": 1, "waiting": 1}
    assert first.id
    assert list_own_places(first.id, NOW + 2 * DAY)[0].paused
    pause.resume_deal(BOSS, shop.deal, NOW + 2 * DAY)
    assert states(shop) == ["offered", "offered"]
    (place,) = list_own_places(first.id, NOW + 2 * DAY)
    assert place.offer_until == NOW + 2 * DAY + timedelta(hours=1)
    s.place(shop, first, NOW + 2 * DAY)
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 1, "waiting": 0}


# ---- stock of each dealer ----


def by_dealer(west: int, east: int) -> s.Shop:
    shop = s.build(units=west + east, queue_when_sold_out=True, stock_by_dealer=True)
    with transaction():
        for dealer, units in ((shop.west, west), (shop.east, east), (shop.closed, 0)):
            own = update(DealDealer).where(DealDealer.dealer_id == dealer)
            db.session.execute(own.values(units_total=units, units_left=units))
    return shop


def test_each_dealer_sells_its_own_units(app: Flask, bank: Bank) -> None:
    shop, (first, second, third, fourth) = by_dealer(1, 1), people(4)
    no = s.place(shop, first).no
    with pytest.raises(DealerSoldOut):
        s.place(shop, second)
    assert s.stands(shop)["left"] == 1  # the refused one took nothing
    s.place(shop, second, dealer_id=shop.east)
    queue.join(third, shop.deal, NOW)
    queue.join(fourth, shop.deal, NOW)
    release.cancel_booking(first, no, bank, NOW)
    with pytest.raises(OfferElsewhere):
        s.place(shop, third, dealer_id=shop.east)
    s.place(shop, third, dealer_id=shop.west)
    assert s.stands(shop) == {"left": 0, "kept": 2, "offered": 0, "waiting": 1}


def test_an_offered_unit_that_lapses_returns_to_its_dealer(app: Flask, bank: Bank) -> None:
    shop, (first, second) = by_dealer(0, 1), people(2)
    no = s.place(shop, first, dealer_id=shop.east).no
    queue.join(second, shop.deal, NOW)
    release.cancel_booking(first, no, bank, NOW)
    queue.leave(second, shop.deal, NOW)
    assert s.stands(shop)["left"] == 1
    s.place(shop, first, dealer_id=shop.east)


# ---- late money ----


def test_late_money_gets_the_unit_that_is_left(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(units=1, queue_when_sold_out=True), s.member()
    no = s.place(shop, actor).no
    number = pay_late(bank, actor, no)
    assert s.units_left(shop) == 1
    money_arrives(bank, number)
    row = s.booking(no)
    assert (row.state, row.slot) == ("deposit_paid", 1)
    assert row.confirm_by == AFTER + timedelta(hours=24)
    assert s.events(no) == ["held", "expired", "rescued"]
    assert told(actor)[-1] == "rescued"
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 0}
    assert db.session.query(Refund).count() == 0
    with pytest.raises((LimitReached, SoldOut)):
        s.place(shop, actor, AFTER)


def test_late_money_without_a_unit_goes_back_and_keeps_the_head_of_the_queue(app: Flask, bank: Bank) -> None:
    shop, ((actor, no),) = sold_out()
    number = pay_late(bank, actor, no)
    holder, waiting = people(2)
    other = s.place(shop, holder, AFTER).no
    queue.join(waiting, shop.deal, AFTER)
    money_arrives(bank, number)
    assert s.events(no) == ["held", "expired", "late_payment", "queued_first"]
    assert told(actor)[-2:] == ["late_money", "queued_first"]
    assert actor.id
    assert list_own_places(actor.id, AFTER)[0].position == 1
    assert [r.amount_fen for r in db.session.query(Refund)] == [100_000]
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 2}
    release.cancel_booking(holder, other, bank, AFTER)
    assert list_own_places(actor.id, AFTER)[0].offered
    s.place(shop, actor, AFTER)


def test_late_money_of_somebody_who_waits_moves_to_the_head(app: Flask, bank: Bank) -> None:
    shop, ((actor, no),) = sold_out()
    number = pay_late(bank, actor, no)
    holder, waiting = people(2)
    s.place(shop, holder, AFTER)
    queue.join(waiting, shop.deal, AFTER)
    queue.join(actor, shop.deal, AFTER)
    money_arrives(bank, number)
    assert queue.join(actor, shop.deal, AFTER) == 1
    assert s.stands(shop)["waiting"] == 2


def test_late_money_uses_the_unit_offered_to_the_payer(app: Flask, bank: Bank) -> None:
    shop, ((actor, no),) = sold_out()
    number = pay_late(bank, actor, no)
    holder = s.member("13700000001")
    other = s.place(shop, holder, AFTER).no
    queue.join(actor, shop.deal, AFTER)
    release.cancel_booking(holder, other, bank, AFTER)
    money_arrives(bank, number)
    assert s.booking(no).state == "deposit_paid"
    assert states(shop) == ["booked"]
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 0, "waiting": 0}


def test_late_money_of_somebody_who_booked_again_only_goes_back(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(units=2, queue_when_sold_out=True), s.member()
    no = s.place(shop, actor).no
    number = pay_late(bank, actor, no)
    s.place(shop, actor, AFTER)
    money_arrives(bank, number)
    assert s.events(no) == ["held", "expired", "late_payment"]
    assert s.stands(shop) == {"left": 1, "kept": 1, "offered": 0, "waiting": 0}


@pytest.mark.parametrize("why", ["paused", "ended", "withdrawn", "dealer_left"])
def test_late_money_where_nobody_could_book_goes_back(app: Flask, bank: Bank, why: str) -> None:
    shop, actor = s.build(units=1, queue_when_sold_out=True), s.member()
    no = s.place(shop, actor).no
    number = pay_late(bank, actor, no)
    change = {"paused": {"paused_at": AFTER}, "ended": {"ends_at": AFTER}, "withdrawn": {"withdrawn": True}}
    with transaction():
        if why == "dealer_left":
            db.session.query(DealDealer).filter_by(dealer_id=shop.west).delete()
        else:
            db.session.execute(update(OnePriceDeal).values(**change[why]))
    money_arrives(bank, number)
    row = s.booking(no)
    assert (row.state, row.slot) == ("expired", None)
    assert db.session.query(Refund).one().reason_code == "late"
    # A paused deal keeps the turn; one whose dealer left offers its unit; one that is over keeps none.
    queued = {"paused": ["waiting"], "dealer_left": ["offered"]}.get(why, [])
    assert states(shop) == queued
    s.stands(shop)


# ---- extension ----


def test_a_hold_is_extended_once_before_it_ends(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor)
    pay.open_booking_payment(actor, placed.no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    order = bank.orders[bank.only_order()]
    assert order.expires_at == placed.hold_until + EXTENSION  # told to WeChat Pay before anybody asks for it
    until = extension.extend_hold(actor, placed.no, NOW + timedelta(minutes=14))
    assert until == NOW + timedelta(minutes=25)
    with pytest.raises(AlreadyExtended):
        extension.extend_hold(actor, placed.no, NOW + timedelta(minutes=15))
    assert release.expire_holds(bank, AFTER) == 0
    again = pay.open_booking_payment(actor, placed.no, bank, AFTER, app_id=APP_ID, mch_id=MCH_ID)
    assert list(bank.orders) == [order.out_trade_no]
    assert again.until == until
    assert s.events(placed.no) == ["held", "extended"]
    assert release.expire_holds(bank, until + timedelta(seconds=5)) == 1
    with pytest.raises(HoldOver):
        extension.extend_hold(actor, placed.no, until)


def test_a_hold_past_its_time_or_paid_or_of_somebody_else_is_not_extended(app: Flask, bank: Bank) -> None:
    shop, actor, other = s.build(), s.member(), s.member("13900000001")
    placed = s.place(shop, actor)
    with pytest.raises(NotFound):
        extension.extend_hold(other, placed.no, SOON)
    with pytest.raises(HoldOver):  # nobody released it yet: time at use decides
        extension.extend_hold(actor, placed.no, placed.hold_until)
    pay.open_booking_payment(actor, placed.no, bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    bank.pay(bank.only_order())
    settlement.accept_notice(bank.notice(bank.only_order(), SOON), SOON)
    with pytest.raises(HoldOver):
        extension.extend_hold(actor, placed.no, SOON)


def test_an_order_made_in_an_extended_hold_ends_with_it(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor)
    until = extension.extend_hold(actor, placed.no, SOON)
    with pytest.raises(HoldTooShort):
        pay.open_booking_payment(actor, placed.no, bank, until - timedelta(seconds=59), app_id=APP_ID, mch_id=MCH_ID)
    with pytest.raises(NothingDue):
        pay.open_booking_payment(actor, placed.no, bank, until, app_id=APP_ID, mch_id=MCH_ID)
    pay.open_booking_payment(actor, placed.no, bank, until - timedelta(seconds=60), app_id=APP_ID, mch_id=MCH_ID)
    assert bank.orders[bank.only_order()].expires_at == until


# ---- limits against a bot ----


def test_two_hundred_bookings_from_one_address_hold_a_bounded_number(app: Flask) -> None:
    shop = s.build(units=250)
    placed, refused = 0, 0
    for n in range(200):
        try:
            s.place(shop, s.member(f"1380000{n:04d}"), address_digest="one-address")
            placed += 1
        except TooManyHolds:
            refused += 1
        if refused == 3:
            break
    assert placed == HOLDS_PER_ADDRESS
    assert refused
    s.place(shop, s.member("13700000001"), address_digest="another-address")
    # What was paid or has ended counts no more, and the digest is gone.
    with transaction():
        db.session.execute(update(Booking).values(hold_until=NOW))
    s.place(shop, s.member("13700000002"), address_digest="one-address")


def test_one_phone_counts_like_one_person(app: Flask, bank: Bank) -> None:
    shop = s.build(units=200)
    accounts = [s.member("13800000000") for _ in range(4)]
    first = s.place(shop, accounts[0])
    for account in accounts[1:]:
        with pytest.raises(PhoneLimitReached):
            s.place(shop, account)
    assert s.units_left(shop) == 199
    release.cancel_booking(accounts[0], first.no, bank, NOW)
    s.place(shop, accounts[1])


def test_the_address_is_forgotten_when_the_hold_ends(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    placed = s.place(shop, actor, address_digest="one-address")
    assert s.booking(placed.no).address_digest == "one-address"
    release.expire_holds(bank, AFTER)
    assert s.booking(placed.no).address_digest is None


def test_a_replayed_form_is_the_old_booking_also_when_that_is_over(app: Flask, bank: Bank) -> None:
    shop, actor = s.build(), s.member()
    form = s.wish(shop, phone="13900002086")
    first = s.place_booking(actor, form, NOW)
    release.cancel_booking(actor, first.no, bank, SOON)
    assert s.place_booking(actor, form, SOON) == first
    assert s.booking(first.no).state == "cancelled"
    assert s.units_left(shop) == 10


# ---- people ----


def test_the_lead_goes_to_a_dealer_only_with_consent(app: Flask) -> None:
    shop, _ = sold_out()
    first, second = people(2)
    queue.join(first, shop.deal, NOW)
    assert list_leads(shop.west) == []
    queue.join(first, shop.deal, NOW, dealer_id=shop.west, lead_consent=True)
    (lead,) = list_leads(shop.west)
    assert (lead.phone, lead.name) == ("13900000000", "周样例")
    assert list_leads(shop.east) == []
    consent = db.session.query(Consent).filter_by(member_id=first.id, purpose="share_with_dealer").one()
    assert consent.subject == "west"
    opened = queue.open_lead(s.clerk(shop.west), lead.place_id)
    assert opened.phone == "13900000000"
    assert db.session.query(AuditEntry).filter_by(action="lead_opened", subject_id=lead.place_id).count() == 1
    for stranger, error in ((s.clerk(shop.east), NotFound), (first, NotAllowed)):
        with pytest.raises(error):
            queue.open_lead(stranger, lead.place_id)
    withdraw_consent(first.id or 0, consent.id, SOON)
    assert list_leads(shop.west) == []
    queue.join(second, shop.deal, NOW, dealer_id=shop.west, lead_consent=True)
    queue.leave(second, shop.deal, NOW)
    assert list_leads(shop.west) == []  # who left is no lead
    third = s.member("13900000009")
    with transaction():
        db.session.execute(update(Member).where(Member.id == third.id).values(phone=None, phone_verified_at=None))
    with pytest.raises(PhoneNotProved):
        queue.join(third, shop.deal, NOW, dealer_id=shop.west, lead_consent=True)


def test_a_place_follows_the_person_into_another_account(app: Flask) -> None:
    shop, _ = sold_out()
    loser, winner, other = people(3)
    for who in (other, loser):
        queue.join(who, shop.deal, NOW)
    merge_members(loser.id or 0, winner.id or 0, BOSS, "同一个人", NOW)
    assert queue.join(winner, shop.deal, SOON) == 2
    assert len(export_places(winner.id or 0)) == 1
    with pytest.raises(MergeRefused):
        merge_members(other.id or 0, winner.id or 0, BOSS, "同一个人", NOW)


def test_a_forgotten_person_stands_in_no_queue(app: Flask, bank: Bank) -> None:
    shop, ((holder, no),) = sold_out()
    first, second = people(2)
    for who in (first, second):
        queue.join(who, shop.deal, NOW)
    release.cancel_booking(holder, no, bank, NOW)
    request_erasure(first.id or 0, NOW)
    assert erase_all(first.id or 0, NOW + 8 * DAY)
    assert states(shop)[0] == "left"
    s.stands(shop)


def test_a_deal_in_the_list_says_how_many_wait(app: Flask) -> None:
    shop, _ = sold_out()
    (first,) = people(1)
    before = queries.find_stock(shop.deal)
    queue.join(first, shop.deal, NOW)
    card = queries.get_deal_card(shop.deal, NOW)
    assert (card.waiting, card.units_left, card.phase) == (1, 0, "sold_out")
    assert queries.find_stock(shop.deal) == card.stock_mark != before
    assert db.session.query(Payment).count() == 0
