"""A store that is closed sells nothing: its own units wait for it, or for headquarters, and nobody is led astray."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from app.booking import errors, queries
from app.booking.models import DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries import board
from app.booking.queries.queue import get_queue_page
from app.booking.rules import DealPhase
from app.booking.services import queue, units
from app.booking.services.release import cancel_booking
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.dealers.models import Dealer
from app.members.errors import MergeRefused
from app.members.services import merge_members, undo_merge
from app.messages.models import InboxMessage
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_corners import own_units
from tests.booking.test_headquarters import page, token
from tests.operators import admin_client
from tests.payments.wechat_pay import Bank

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("app")]
CHIEF, MINUTE = Actor("operator", 1), timedelta(minutes=1)
WHY = "西湖店装修，先由浦东店卖"


def status(dealer_id: int, word: str) -> None:
    with transaction():
        db.session.execute(update(Dealer).where(Dealer.id == dealer_id).values(status=word))


def opened(west: int, east: int) -> s.Shop:
    shop = s.build(units=west + east, stock_by_dealer=True, queue_when_sold_out=True)
    own_units(shop, west=west, east=east, closed=0)
    return shop


def own(shop: s.Shop) -> dict[int, tuple[int | None, int | None]]:
    db.session.rollback()
    rows = db.session.query(DealDealer).filter_by(deal_id=shop.deal_id)
    return {row.dealer_id: (row.units_left, row.units_total) for row in rows}


def state_of(actor: Actor) -> tuple[str, int | None]:
    db.session.rollback()
    place = db.session.query(QueuePlace).filter_by(member_id=actor.id).order_by(QueuePlace.id.desc()).first()
    assert place
    return place.state, place.dealer_id


def told(actor: Actor) -> list[str]:
    db.session.rollback()
    rows = db.session.query(InboxMessage).filter_by(member_id=actor.id).order_by(InboxMessage.id)
    return [row.body for row in rows]


def test_units_of_a_closed_store_are_not_left_and_the_queue_is_open() -> None:
    """Before, the deal ran with a unit that nobody could book, and nobody could wait for it either."""
    shop, one, two = opened(west=1, east=1), s.member("13900003001"), s.member("13900003002")
    s.place(shop, one, dealer_id=shop.east)
    status(shop.west, "暂停")
    card = queries.get_deal_card(shop.deal, NOW)
    assert (card.phase, card.units_left, card.units_total) == (DealPhase.SOLD_OUT, 0, 1)
    assert not queries.list_running_deals(NOW)
    assert get_queue_page(shop.deal, two.id or 0, NOW).joinable
    for dealer in (shop.west, shop.east):
        with pytest.raises(errors.SoldOutQueue):
            s.place(shop, two, dealer_id=dealer)
    assert queue.join(two, shop.deal, NOW) == 1
    assert s.stands(shop) == {"left": 1, "kept": 1, "offered": 0, "waiting": 1}
    status(shop.west, "营业")
    assert queue.lapse_due(NOW + MINUTE) == 1
    assert state_of(two) == ("offered", shop.west)
    s.place(shop, two, NOW + MINUTE, dealer_id=shop.west)
    assert s.stands(shop) == {"left": 0, "kept": 2, "offered": 0, "waiting": 0}


def test_an_offer_of_a_store_that_closes_waits_on_with_its_turn() -> None:
    shop = opened(west=1, east=1)
    holders = [s.member(f"139000031{n:02}") for n in range(2)]
    kept = [s.place(shop, holders[0], dealer_id=shop.west).no, s.place(shop, holders[1], dealer_id=shop.east).no]
    first, second = s.member("13900003108"), s.member("13900003109")
    queue.join(first, shop.deal, NOW)
    queue.join(second, shop.deal, NOW + MINUTE)
    cancel_booking(holders[0], kept[0], Bank(), NOW + 2 * MINUTE)
    assert state_of(first) == ("offered", shop.west)
    status(shop.west, "暂停")
    assert queue.lapse_due(NOW + 3 * MINUTE) == 1
    assert (state_of(first), state_of(second)) == (("waiting", None), ("waiting", None))
    assert "候补顺序不变" in told(first)[-1]
    assert s.stands(shop) == {"left": 1, "kept": 1, "offered": 0, "waiting": 2}
    cancel_booking(holders[1], kept[1], Bank(), NOW + 4 * MINUTE)
    assert (state_of(first), state_of(second)) == (("offered", shop.east), ("waiting", None))
    assert queue.lapse_due(NOW + 5 * MINUTE) == 0


def test_headquarters_moves_units_to_a_store_that_sells_once_and_says_why() -> None:
    shop, holder, waits = opened(west=3, east=1), s.member("13900003201"), s.member("13900003202")
    s.place(shop, holder, dealer_id=shop.east)
    status(shop.west, "暂停")
    queue.join(waits, shop.deal, NOW)
    seen = board.get_board(shop.deal, NOW)
    assert (seen.line.units_shut, seen.line.units_left, seen.line.phase) == (3, 3, DealPhase.SOLD_OUT)
    assert seen.line.adds_up
    assert {store.name: (store.closed, store.units_left) for store in seen.stores if store.units_total} == {
        "西湖店": (True, 3), "浦东店": (False, 0),
    }  # fmt: skip

    def move(actor: Actor = CHIEF, to: int = shop.east, many: int = 2, seen: int = 3, why: str = WHY) -> int:
        return units.move_units(actor, shop.deal, shop.west, to, many, seen, why, NOW)

    for refusal, changes in [
        (NotAllowed, {"actor": s.clerk(shop.west, "manager")}),
        (errors.ReasonNeeded, {"why": "嗯"}),
        (errors.UnitsWrong, {"many": 4}),
        (errors.UnitsWrong, {"many": 0}),
        (errors.DealerUnavailable, {"to": shop.west}),
        (errors.DealerUnavailable, {"to": shop.closed}),
        (errors.ChangedMeanwhile, {"seen": 2}),
    ]:
        with pytest.raises(refusal):
            move(**changes)  # pyright: ignore[reportArgumentType]
    assert move() == 1
    with pytest.raises(errors.ChangedMeanwhile):
        move()  # the same form again
    assert own(shop)[shop.west] == (1, 1)
    assert own(shop)[shop.east] == (1, 3)
    assert state_of(waits) == ("offered", shop.east)
    assert s.stands(shop) == {"left": 2, "kept": 1, "offered": 1, "waiting": 0}
    card = queries.get_deal_card(shop.deal, NOW)
    assert (card.phase, card.units_left) == (DealPhase.RUNNING, 1)
    entry = db.session.query(AuditEntry).filter_by(action="units_moved").one()
    assert (entry.subject_id, entry.detail["many"], entry.detail["reason"]) == (shop.deal_id, 2, WHY)


def test_the_board_shows_what_cannot_be_sold_and_moves_it(app: Flask) -> None:
    with time_machine.travel(NOW, tick=False):
        shop, chief = opened(west=2, east=1), admin_client(app)
        status(shop.west, "暂停")
        text = page(chief, f"/admin/deals/{shop.deal}")
        assert "有 2 台在暂停营业的门店，顾客订不了" in text
        assert "从西湖店调出台数（暂停营业，余 2 台订不了）" in text
        form = {"from": shop.west, "to": shop.east, "units": "2", "seen": "2", "csrf_token": token(text)}
        refused = chief.post(f"/admin/deals/{shop.deal}/units", data={**form, "reason": ""})
        assert refused.status_code == 422
        assert "请写明调整原因" in refused.text
        assert chief.post(f"/admin/deals/{shop.deal}/units", data={**form, "reason": WHY}).status_code == 303
        assert own(shop)[shop.east] == (3, 3)
        assert "顾客订不了" not in page(chief, f"/admin/deals/{shop.deal}")


# ---- offers nobody could use ----


def test_who_came_to_the_limit_while_waiting_is_told_and_the_next_is_served() -> None:
    """Headquarters lowered the limit: the first could not book, and the second would wait a day for nothing."""
    shop = s.build(units=2, per_person=2, queue_when_sold_out=True)
    greedy, holder, next_ = (s.member(f"1390000330{n}") for n in range(3))
    s.place(shop, greedy)
    no = s.place(shop, holder).no
    queue.join(greedy, shop.deal, NOW)
    queue.join(next_, shop.deal, NOW + MINUTE)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(per_person=1))
    cancel_booking(holder, no, Bank(), NOW + 2 * MINUTE)
    assert (state_of(greedy)[0], state_of(next_)[0]) == ("left", "offered")
    assert "已达到每人限订台数" in told(greedy)[-1]
    assert s.stands(shop) == {"left": 0, "kept": 1, "offered": 1, "waiting": 0}


def test_an_offer_that_cannot_be_used_any_more_goes_to_the_next() -> None:
    shop = s.build(units=2, per_person=2, queue_when_sold_out=True)
    greedy, holder, next_ = (s.member(f"1390000340{n}") for n in range(3))
    s.place(shop, greedy)
    no = s.place(shop, holder).no
    queue.join(greedy, shop.deal, NOW)
    queue.join(next_, shop.deal, NOW + MINUTE)
    cancel_booking(holder, no, Bank(), NOW + 2 * MINUTE)
    assert state_of(greedy)[0] == "offered"
    with transaction():
        db.session.execute(update(OnePriceDeal).values(per_person=1))
    assert queue.lapse_due(NOW + 3 * MINUTE) == 1
    assert (state_of(greedy)[0], state_of(next_)[0]) == ("left", "offered")
    assert queue.lapse_due(NOW + 3 * MINUTE) == 0


@pytest.mark.parametrize("waits_first", [True, False])
def test_accounts_whose_bookings_fill_the_limit_leave_the_queue_before_they_are_joined(waits_first: bool) -> None:
    shop = s.build(units=1, queue_when_sold_out=True)
    owner, waits, behind = (s.member(f"1390000350{n}") for n in range(3))
    no = s.place(shop, owner).no
    queue.join(waits, shop.deal, NOW)
    queue.join(behind, shop.deal, NOW + MINUTE)
    pair = (waits.id or 0, owner.id or 0) if waits_first else (owner.id or 0, waits.id or 0)
    with pytest.raises(MergeRefused, match="限订台数"):
        merge_members(*pair, CHIEF, "同一个人", NOW)
    queue.leave(waits, shop.deal, NOW)
    merge = merge_members(*pair, CHIEF, "同一个人", NOW)
    cancel_booking(Actor("member", pair[1]), no, Bank(), NOW + 2 * MINUTE)
    assert state_of(behind)[0] == "offered"
    undo_merge(merge, CHIEF, "合并错了", NOW + 3 * MINUTE)
    assert s.stands(shop) == {"left": 0, "kept": 0, "offered": 1, "waiting": 0}
