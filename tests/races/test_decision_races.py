"""Changing one's mind against the store's word, and headquarters against itself: one winner, and the money follows."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.booking.models import BookingCase
from app.booking.rules.altering import ChangeKind, Wanted
from app.booking.services import alter, cases, progress, release, settling
from app.booking.services.settling import Verdict
from app.core.db import changed_rows, db, transaction
from app.payments.models import Refund
from tests.booking import shop as s
from tests.booking.test_cases import HQ, SOON, Deal, balanced
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


def test_without_the_lock_a_case_is_decided_twice(app: Flask) -> None:
    """The race as it is without the guard: both read an open case, both write their decision."""
    deal = Deal(app)
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON)
    read = [db.session.get_one(BookingCase, case).state for _ in range(2)]
    db.session.rollback()
    decided = 0
    for state in read:
        if state == "open":  # looked before, not under the lock
            with transaction():
                decided += changed_rows(update(BookingCase).where(BookingCase.id == case).values(state="settled"))
    assert decided == 2


def test_a_case_settled_from_six_screens_sends_one_refund(app: Flask) -> None:
    deal = Deal(app)
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON)
    works = [lambda fen=fen: settling.settle(HQ, case, Verdict(fen, "补偿差价"), SOON) for fen in (30_000, 40_000) * 3]
    outcomes = at_once(app, works)
    assert len(wins(outcomes)) == 3, outcomes  # the same decision again is no other one
    assert refusals(outcomes) == {"CaseClosed"}
    assert len(deal.back) == 1
    assert deal.back[0] in (30_000, 40_000)
    balanced()


def test_settling_and_refusing_have_one_winner(app: Flask) -> None:
    deal = Deal(app)
    case = cases.dispute(deal.buyer, deal.no, "门店少装了一项配置", SOON)
    outcomes = at_once(
        app,
        [
            lambda: settling.settle(HQ, case, Verdict(100_000, "同意退订", ends=True), SOON),
            lambda: settling.refuse(HQ, case, "按条款不退", SOON),
        ],
    )
    assert len(wins(outcomes)) == 1, outcomes
    row = db.session.get_one(BookingCase, case, populate_existing=True)
    assert (row.state, deal.row.state, len(deal.back)) in {("settled", "refunding", 1), ("refused", "deposit_paid", 0)}
    balanced()


def test_cancelling_and_confirming_have_one_order(app: Flask) -> None:
    """Both may pass, one after the other; the money goes back once and the unit is free once."""
    deal = Deal(app, "订金")
    at_once(
        app,
        [
            lambda: release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON),
            lambda: progress.confirm(deal.lead, deal.no, SOON),
            lambda: release.cancel_booking(deal.buyer, deal.no, deal.bank, SOON),
        ],
    )
    assert (deal.row.state, deal.back, s.units_left(deal.shop)) == ("refunding", [100_000], 10)
    assert s.events(deal.no).count("refunding") == 1
    balanced()


def test_another_dealer_and_the_former_ones_word_have_one_winner(app: Flask) -> None:
    deal = Deal(app, "订金")
    wanted = Wanted(ChangeKind.DEALER, dealer_id=deal.shop.east, share=True)
    seen = alter.quote(deal.buyer, deal.no, wanted, SOON).token
    outcomes = at_once(
        app,
        [
            lambda: alter.apply(deal.buyer, deal.no, wanted, seen, SOON),
            lambda: progress.confirm(deal.lead, deal.no, SOON),
        ],
    )
    assert len(wins(outcomes)) == 1, outcomes
    row = deal.row
    assert (row.dealer_id, row.state) in {(deal.shop.east, "deposit_paid"), (deal.shop.west, "confirmed")}
    assert refusals(outcomes) <= {"ChangeStale", "NotFound"}
    assert db.session.query(Refund).count() == 0


def test_a_change_sent_twice_at_once_is_one(app: Flask) -> None:
    deal = Deal(app, "订金")
    wanted = Wanted(ChangeKind.DEALER, dealer_id=deal.shop.east, share=True)
    seen = alter.quote(deal.buyer, deal.no, wanted, SOON).token
    outcomes = at_once(app, [lambda: alter.apply(deal.buyer, deal.no, wanted, seen, SOON) for _ in range(6)])
    assert sorted(wins(outcomes)) == [False] * 5 + [True], outcomes
    assert s.events(deal.no).count("dealer_changed") == 1
