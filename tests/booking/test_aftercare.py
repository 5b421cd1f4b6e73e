"""When a booking does not go as planned: absences are answered, numbers kept no longer than needed, no money lost."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.booking import errors
from app.booking.models import BookingCase
from app.booking.queries.board import list_trail
from app.booking.queries.money import get_money
from app.booking.queries.store import get_store_booking
from app.booking.rules.promises import CONTACT_AFTER
from app.booking.services import cases, deadlines, progress, release, settling, store_contact, store_return
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import NotFound
from app.core.security import Actor
from app.gateways.pay.port import RefundStatus, TradeState
from app.members.models import Consent
from app.members.services import withdraw_consent
from app.messages.models import InboxMessage
from app.payments.models import Payment
from app.payments.services import stuck
from app.staff.models import StaffMember
from tests.booking import road
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR
from tests.booking.shop import NOW
from tests.booking.test_balance import REST, record
from tests.booking.test_corners import answer_refunds
from tests.booking.test_views import sign_in

pytestmark = pytest.mark.both_databases
CHIEF = Actor("operator", 1)


# ---- who stayed away ----


def test_nobody_stayed_away_whose_own_request_is_unanswered(app: Flask) -> None:
    one, at = road.paid(), NOW + DAY
    one.ready()
    progress.propose_time(one.clerk, one.no, at, NOW)
    progress.agree_time(one.customer, one.no, NOW)
    progress.ask_time(one.customer, one.no, at + 2 * DAY, at - HOUR)
    away = at + 2 * HOUR
    assert not get_store_booking(one.no, one.shop.west, away).may_no_show
    for moment in (away, at + 3 * DAY):  # nor when the time the customer asked for has passed without a word
        with pytest.raises(errors.AnswerFirst, match="还没有答复"):
            progress.mark_no_show(one.lead, one.no, "约定时间未到", moment)
    assert s.booking(one.no).no_show_at is None
    progress.propose_time(one.clerk, one.no, at + 5 * DAY, at + 3 * DAY)
    assert progress.mark_no_show(one.lead, one.no, "约定时间未到", at + 3 * DAY).first


# ---- name and number ----


def test_a_store_opens_a_number_only_while_it_needs_it(app: Flask) -> None:
    one = road.paid()
    assert store_contact.open_contact(one.clerk, one.no, NOW)[1] == "13900002086"
    with pytest.raises(NotFound):
        store_contact.open_contact(s.clerk(one.shop.east), one.no, NOW)
    one.ready()
    one.hand_over(NOW + HOUR)
    last = NOW + HOUR + CONTACT_AFTER
    assert store_contact.open_contact(one.clerk, one.no, last - timedelta(seconds=1))
    assert not get_store_booking(one.no, one.shop.west, last).may_contact
    with pytest.raises(errors.ContactClosed):
        store_contact.open_contact(one.lead, one.no, last)
    assert db.session.query(AuditEntry).filter_by(action="booking_contact_opened").count() == 2


def test_an_unpaid_or_ended_hold_shows_no_number(app: Flask) -> None:
    shop, customer = s.build(), s.member()
    no, clerk = s.place(shop, customer).no, s.clerk(shop.west)
    for _ in ("held", "cancelled"):
        with pytest.raises(errors.ContactClosed):
            store_contact.open_contact(clerk, no, NOW)
        if s.booking(no).state == "held":
            release.cancel_booking(customer, no, road.Bank(), NOW)


def test_a_consent_taken_back_closes_the_number_of_that_booking(app: Flask) -> None:
    one = road.paid()
    given = db.session.query(Consent).filter_by(purpose="share_with_dealer", reference=one.no).one()
    withdraw_consent(one.customer.id or 0, given.id, NOW)
    with pytest.raises(errors.ContactWithdrawn):
        store_contact.open_contact(one.clerk, one.no, NOW)
    with time_machine.travel(NOW, tick=False):
        client = sign_in(app, one.customer)
        assert client.get(f"/bookings/{one.no}").status_code == 200


# ---- an order for a balance that nobody owes any more ----


def test_a_missed_promise_closes_the_open_order_for_the_balance(app: Flask) -> None:
    one = road.paid(confirm_hours=6)
    late = NOW + 6 * HOUR
    number = one.order_balance(late - HOUR)
    assert deadlines.enforce(one.bank, late) == 1
    assert one.bank.trades[number].state is TradeState.CLOSED
    assert db.session.query(Payment).filter_by(out_trade_no=number).one().state == "closed"
    assert road.refunds(one.no) == [("dealer", 100_000)]


def test_what_was_paid_on_it_meanwhile_goes_back_by_itself(app: Flask) -> None:
    one = road.paid(confirm_hours=6)
    late = NOW + 6 * HOUR
    one.bank.pay(one.order_balance(late - HOUR))  # the notice was lost
    assert deadlines.enforce(one.bank, late) == 1
    assert sorted(road.refunds(one.no)) == [("dealer", 100_000), ("late", REST)]
    road.money_adds_up()


def test_a_refund_waits_for_no_answer_and_the_order_is_closed_later(app: Flask) -> None:
    one = road.paid(confirm_hours=6)
    late = NOW + 6 * HOUR
    number = one.order_balance(late - HOUR)
    one.bank.down = {"query", "close"}
    assert deadlines.enforce(one.bank, late) == 1
    assert s.booking(one.no).state == "refunding"
    one.bank.down = set()
    assert deadlines.enforce(one.bank, late + HOUR / 2) == 0
    assert one.bank.trades[number].state is TradeState.CLOSED


def test_an_order_is_closed_once_the_store_took_the_balance(app: Flask) -> None:
    one = road.paid()
    one.confirm()
    number = one.order_balance()
    record(one, NOW)
    deadlines.enforce(one.bank, NOW)
    assert one.bank.trades[number].state is TradeState.CLOSED
    assert s.booking(one.no).balance_channel == "store"


# ---- a balance that the store gives back ----


def owing() -> road.Road:
    """The store took the balance, and the booking was cancelled."""
    one = road.paid()
    one.confirm()
    record(one, NOW)
    release.cancel_booking(one.customer, one.no, one.bank, NOW)
    answer_refunds(RefundStatus.SUCCESS)
    assert s.booking(one.no).state == "refunding"
    return one


def test_the_store_records_that_it_gave_the_balance_back(app: Flask) -> None:
    one = owing()
    assert get_store_booking(one.no, one.shop.west, NOW).owed_fen == REST
    for refusal, actor, document in [
        (errors.LeadOnly, one.clerk, "TK-0001"),
        (NotFound, s.clerk(one.shop.east, "manager"), "TK-0001"),
        (errors.DocumentWrong, one.lead, ""),
        (errors.DocumentWrong, one.lead, s.booking(one.no).balance_document),
    ]:
        with pytest.raises(refusal):
            store_return.record_return(actor, one.no, document, NOW + HOUR)
    assert store_return.record_return(one.lead, one.no, "TK-0001", NOW + HOUR).first
    assert not store_return.record_return(one.lead, one.no, "TK-0001", NOW + HOUR).first
    with pytest.raises(errors.CaseClosed):
        store_return.record_return(one.lead, one.no, "TK-0002", NOW + HOUR)
    case = db.session.query(BookingCase).one()
    assert (case.state, case.settled_by_kind, case.settled_by) == ("settled", "staff", one.lead.id)
    assert (case.document, case.amount_fen) == ("TK-0001", REST)
    assert s.booking(one.no).state == "refunded"
    confirmer = db.session.get_one(StaffMember, one.clerk.id).name
    assert f"店员 {confirmer}" in [line.actor for line in list_trail(s.booking(one.no).id)]
    entry = db.session.query(AuditEntry).filter_by(action="booking_case_settled").one()
    assert (entry.actor_kind, entry.actor_id, entry.detail["document"]) == ("staff", one.lead.id, "TK-0001")
    with pytest.raises(errors.CaseClosed):
        settling.settle(CHIEF, case.id, settling.Verdict(REST, "门店已退还", "TK-0001"), NOW + DAY)
    line = next(line for line in get_money(s.booking(one.no)).lines if line.what == "门店退余款")
    assert (line.fen, line.text) == (-REST, "门店已退还，退款凭据号 TK-0001")
    bodies = [m.body for m in db.session.query(InboxMessage).filter_by(purpose="store_returned")]
    assert len(bodies) == 1
    assert "TK-0001" in bodies[0]
    road.money_adds_up()


def test_nothing_is_recorded_where_nothing_is_owed(app: Flask) -> None:
    one = road.paid()
    with pytest.raises(errors.CannotNow):
        store_return.record_return(one.lead, one.no, "TK-0001", NOW)
    assert not cases.owes_in_store(s.booking(one.no).id)


# ---- a refund that went another way ----


def test_the_booking_says_how_a_refund_was_settled_by_hand(app: Flask) -> None:
    one = road.paid()
    release.cancel_booking(one.customer, one.no, one.bank, NOW)
    stuck.mark_handled(CHIEF, answer_refunds(RefundStatus.CLOSED), "已转账到您的银行卡，回单号 8801", NOW)
    booking = s.booking(one.no)
    assert booking.events[-1].kind == "refunded_by_hand"
    assert "回单号 8801" in booking.events[-1].note
    assert "微信支付没有退成，已由人工办理：已转账到您的银行卡，回单号 8801" in get_money(booking).lines[-1].text
    with time_machine.travel(NOW + HOUR, tick=False):
        text = sign_in(app, one.customer).get(f"/bookings/{one.no}").text
    assert "回单号 8801" in text
    assert "请在微信支付账单中查看" not in text  # it is not there
    told = db.session.query(InboxMessage).filter_by(purpose="money_handled").one()
    assert "微信支付账单" not in told.body
