"""The counter: preview, confirm, retry, refuse, undo."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.booking import queries as bookings
from app.booking.models import Booking
from app.booking.services import pay, release
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor, living_code
from app.payments.services import settlement
from app.redemption import queries, services
from app.redemption.errors import (
    AlreadyHandedOver,
    CannotUndo,
    JustDone,
    NotRedeemable,
    OldCode,
    ReasonMissing,
    TicketStale,
    TooManyTries,
    UnknownCode,
    Unreadable,
    WrongStoreScan,
)
from app.redemption.rules import TYPED_TRIES, read_scan
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

pytestmark = pytest.mark.both_databases
SECRET = "secret"
LATER = NOW + timedelta(minutes=5)


def paid(now=NOW) -> tuple[s.Shop, Actor, str]:
    shop, actor, bank = s.build(), s.member(), Bank()
    no = s.place(shop, actor, now).no
    pay.open_booking_payment(actor, no, bank, now, app_id=APP_ID, mch_id=MCH_ID)
    number = bank.only_order()
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, now), now)
    return shop, actor, no


def token(no: str, now=LATER) -> str:
    return living_code(SECRET, "B", no, now).token


def look(clerk: Actor, code: str, tail: str = "", now=LATER) -> services.Preview:
    return services.preview(clerk, read_scan(code, tail), now, secret=SECRET)


def confirm(clerk: Actor, seen: services.Preview, now=LATER) -> int:
    return services.redeem(clerk, seen.ticket, seen.nonce, now, secret=SECRET, document=f"SJ-{seen.no}").id


def test_scan_preview_confirm(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    seen = look(clerk, f"https://shop.example/r/{token(no)}")
    shown = seen.shown
    assert (shown.who, shown.phone, shown.what) == ("周*", "139****2086", "岫 S5 2026款 长续航版")
    assert (shown.due_fen, shown.asks) == (8_780_000, "document")
    assert {("全款", "¥88,800"), ("已付订金", "¥1,000"), ("余款", "¥87,800 待收")} <= set(shown.rows)
    assert s.booking(no).state == "deposit_paid"  # looking changes nothing
    receipt = queries.get_receipt(confirm(clerk, seen), clerk, LATER)
    assert (receipt.no, receipt.staff_name, receipt.may_undo) == (no, "王样例", True)
    assert s.booking(no).state == "handed_over"
    assert s.events(no)[-1] == "handed_over"
    assert s.units_left(shop) == 9


def test_a_retry_shows_the_same_success(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    seen = look(clerk, token(no))
    first = confirm(clerk, seen)
    assert confirm(clerk, seen, LATER + timedelta(hours=1)) == first


def test_a_second_scan_says_when_where_and_who(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    seen, other = look(clerk, token(no)), look(clerk, token(no))
    confirm(clerk, seen)
    with pytest.raises(JustDone):
        look(clerk, token(no))
    for again in (lambda: look(s.clerk(shop.west), token(no)), lambda: confirm(clerk, other)):
        with pytest.raises(AlreadyHandedOver) as refusal:
            again()
        assert refusal.value.message.startswith("已于11月22日12:05在西湖店由王*办理交车")


def test_typed_digits_and_number_need_the_phone_tail(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    digits = living_code(SECRET, "B", no, LATER).digits
    assert look(clerk, f"{digits[:3]} {digits[3:]}", "2086").no == no
    assert look(clerk, no.lower(), "2086").no == no
    for code, tail in ((digits, "2087"), (no, "2087"), ("000000", "2086")):
        with pytest.raises(UnknownCode):
            look(clerk, code, tail)
    for code, tail in ((digits, ""), (no, ""), ("", ""), ("hello", "2086")):
        with pytest.raises(Unreadable):
            look(clerk, code, tail)


def test_many_finished_bookings_with_this_tail_hide_nobody(app: Flask) -> None:
    shop, actor = s.build(units=60, per_person=60), s.member()
    clerk, nos = s.clerk(shop.west), [s.place(shop, actor).no for _ in range(53)]
    waiting, fresh, *old = nos
    with transaction():
        change = update(Booking).values(state="handed_over", state_at=LATER - timedelta(days=2))
        db.session.execute(change.where(Booking.no.in_(old)))
        db.session.execute(update(Booking).where(Booking.no == waiting).values(state="deposit_paid"))
        db.session.execute(update(Booking).where(Booking.no == fresh).values(state="handed_over", state_at=NOW))
    assert look(clerk, living_code(SECRET, "B", waiting, LATER).digits, "2086").no == waiting
    assert [b.no for b in bookings.list_by_phone_tail("2086", LATER)] == [fresh, waiting]


def test_an_old_code_is_refused(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    made = LATER.replace(second=0)
    code = token(no, made)
    assert look(clerk, code, now=made + timedelta(seconds=89)).no == no
    with pytest.raises(OldCode):
        look(clerk, code, now=made + timedelta(seconds=90))
    with pytest.raises(UnknownCode):
        look(clerk, code, now=made + timedelta(hours=49))
    with pytest.raises(UnknownCode):
        look(clerk, code[:-2] + "AA")


def test_another_store_is_named(app: Flask) -> None:
    shop, _, no = paid()
    stranger = s.clerk(shop.east)
    with pytest.raises(WrongStoreScan) as refusal:
        look(stranger, token(no))
    assert "西湖店" in refusal.value.message
    seen = look(s.clerk(shop.west), token(no))
    with pytest.raises(TicketStale):  # a ticket is the clerk's own
        confirm(stranger, seen)


def test_unpaid_and_cancelled_bookings_are_refused_with_their_state(app: Flask) -> None:
    shop, actor, no = paid()
    clerk = s.clerk(shop.west)
    release.cancel_booking(actor, no, Bank(), LATER)
    with pytest.raises(NotRedeemable) as refusal:
        look(clerk, token(no))
    assert "退款中" in refusal.value.message


def test_a_cancellation_between_looking_and_confirming_wins(app: Flask) -> None:
    shop, actor, no = paid()
    clerk = s.clerk(shop.west)
    seen = look(clerk, token(no))
    release.cancel_booking(actor, no, Bank(), LATER)
    with pytest.raises(NotRedeemable):
        confirm(clerk, seen)


def test_a_ticket_lives_five_minutes_and_cannot_be_made_up(app: Flask) -> None:
    shop, _, no = paid()
    clerk = s.clerk(shop.west)
    seen = look(clerk, token(no))
    with pytest.raises(TicketStale):
        confirm(clerk, seen, LATER + timedelta(minutes=6))
    for ticket in ("", "x", f"{no}.99999999999.{'0' * 32}", "一.二.三"):
        with pytest.raises(TicketStale):
            services.redeem(clerk, ticket, "nonce", LATER, secret=SECRET)


def test_only_staff_may_look(app: Flask) -> None:
    _, actor, no = paid()
    with pytest.raises(NotAllowed):
        look(actor, token(no))


def test_typed_tries_are_limited(app: Flask) -> None:
    shop, _, no = paid()
    clerk, colleague = s.clerk(shop.west), s.clerk(shop.west)
    for _ in range(TYPED_TRIES):
        with pytest.raises(UnknownCode):
            look(clerk, "000000", "2086")
    with pytest.raises(TooManyTries):
        look(clerk, no, "2086")
    assert look(clerk, token(no)).no == no  # scanning goes on
    assert look(colleague, no, "2086").no == no
    assert look(clerk, no, "2086", now=LATER + timedelta(minutes=11)).no == no


def test_undo_by_clerk_and_supervisor(app: Flask) -> None:
    shop, _, no = paid()
    clerk, boss, stranger = s.clerk(shop.west), s.clerk(shop.west, "supervisor"), s.clerk(shop.east, "supervisor")
    first = confirm(clerk, look(clerk, token(no)))
    with pytest.raises(CannotUndo):
        services.undo(clerk, first, "", LATER + timedelta(seconds=31))
    with pytest.raises(NotFound):
        services.undo(stranger, first, "x", LATER)
    services.undo(clerk, first, "", LATER + timedelta(seconds=30))
    assert s.booking(no).state == "deposit_paid"
    with pytest.raises(CannotUndo):
        services.undo(clerk, first, "", LATER + timedelta(seconds=30))
    second = confirm(clerk, look(clerk, token(no)))
    assert second != first
    with pytest.raises(ReasonMissing):
        services.undo(boss, second, " ", LATER + timedelta(minutes=10))
    with pytest.raises(CannotUndo):
        services.undo(boss, second, "手滑", LATER + timedelta(minutes=10, seconds=1))
    with pytest.raises(CannotUndo):  # a car that was handed over is nothing to take back from a desk far away
        services.undo_late(Actor("operator", 1), second, "客户来电核实", LATER)
    services.undo(boss, second, "手滑", LATER + timedelta(minutes=10))
    today = queries.list_today(boss, LATER)
    assert [(r.id, r.undone) for r in today] == [(second, True), (first, True)]
    assert queries.count_today(shop.west, LATER) == 0
    assert s.units_left(shop) == 9
