"""What a customer agreed to is agreed to for one thing: taking it back there leaves every other standing."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.queries.queue import list_leads
from app.booking.rules.altering import ChangeKind, Wanted
from app.booking.services import alter, queue
from app.core.db import db
from app.members.models import Consent
from app.members.services import withdraw_consent
from tests.booking import road
from tests.booking import shop as s
from tests.booking.shop import NOW

pytestmark = pytest.mark.both_databases
LATER = NOW + timedelta(minutes=5)


def standing() -> set[tuple[str, str]]:
    """(store, for what) of every consent to be named to a store."""
    db.session.rollback()
    rows = db.session.query(Consent).filter_by(purpose="share_with_dealer", withdrawn_at=None)
    return {(row.subject, row.reference) for row in rows}


def move_to(one: road.Road, dealer_id: int) -> None:
    wanted = Wanted(ChangeKind.DEALER, dealer_id=dealer_id, share=True)
    alter.apply(one.customer, one.no, wanted, alter.quote(one.customer, one.no, wanted, LATER).token, LATER)


def test_another_dealer_for_one_booking_takes_back_no_other_consent(app: Flask) -> None:
    """A second booking at the same store, and a place in the queue of another deal with a word to that store."""
    one = road.paid(per_person=2)
    second = s.place(one.shop, one.customer)
    other = s.another(one.shop, units=1, slug="d2", queue_when_sold_out=True)
    s.place(other, s.member("13900004002"))
    queue.join(one.customer, other.deal, NOW, dealer_id=one.shop.west, lead_consent=True)
    place = list_leads(one.shop.west)[0].place_id
    move_to(one, one.shop.east)
    assert standing() >= {("west", second.no), ("east", one.no), ("west", f"queue:{place}")}
    assert ("west", one.no) not in standing()
    assert [lead.place_id for lead in list_leads(one.shop.west)] == [place]


def test_a_lead_ends_with_its_own_consent_alone(app: Flask) -> None:
    """The booking's consent at the same store does not name somebody who took back the word for the queue."""
    one = road.paid()
    other = s.another(one.shop, units=1, slug="d2", queue_when_sold_out=True)
    s.place(other, s.member("13900004002"))
    queue.join(one.customer, other.deal, NOW, dealer_id=one.shop.west, lead_consent=True)
    given = db.session.query(Consent).filter(Consent.reference.startswith("queue:")).one()
    withdraw_consent(one.customer.id or 0, given.id, LATER)
    assert list_leads(one.shop.west) == []
    assert ("west", one.no) in standing()
