"""A draw in a crowd: nobody gets in after the root stands, one person is in once, no yuan is lost."""

import threading

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.core.db import db, transaction
from app.core.security import Actor
from app.coupons.models import Draw, DrawEntry
from app.coupons.queries import draws
from app.coupons.rules.draws import Entry, link, root_of
from app.coupons.services import draw, draw_office
from app.payments.models import Refund
from app.payments.services import settlement
from app.reconciliation import queries as reconciliation
from tests.coupons import campaigns as c
from tests.coupons.test_draw import CLOSES, OPEN, pay, published
from tests.payments.wechat_pay import Bank
from tests.races.test_crowd import many as people
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]


def check_chain() -> int:
    """The list, in order and without a gap, gives the root that stands; how long it is."""
    db.session.rollback()
    row = db.session.query(Draw).populate_existing().one()
    entries = draws.list_entries(row.id)
    assert row.entries == len(entries)
    assert root_of(draws.promise_of(row, "c1"), entries) == row.root
    db.session.rollback()
    return len(entries)


def test_without_the_guard_somebody_gets_in_after_the_root_stands(app: Flask) -> None:
    """What shops do: look whether it is open, then write the entry."""
    published()
    who, looked, shut = c.member(), threading.Event(), threading.Event()

    def careless() -> bool:
        row = db.session.query(Draw).one()
        draw_id, is_open, root = row.id, row.state == "open", row.root
        db.session.rollback()
        looked.set()
        assert shut.wait(timeout=30)
        if not is_open:
            return False
        with transaction() as session:
            digest = link(Entry(1, "CARELESS", OPEN), root)
            session.add(
                DrawEntry(
                    draw_id=draw_id, member_id=who.id, kind="free", state="entered", seq=1, ticket="CARELESS",
                    previous=root, digest=digest, created_at=OPEN, entered_at=OPEN,
                )
            )  # fmt: skip
            session.execute(update(Draw).values(entries=1, root=digest))
        return True

    def close() -> bool:
        assert looked.wait(timeout=30)
        try:
            return draw_office.seal(draws.get_draw_id("c1"), CLOSES)
        finally:
            shut.set()

    assert at_once(app, [careless, close]) == [True, True]
    row = db.session.query(Draw).one()
    assert (row.state, row.entries) == ("closed", 1)  # the root that was published is not the root any more


def test_entering_against_the_close_leaves_one_root(app: Flask) -> None:
    published()
    draw_id = draws.get_draw_id("c1")
    crowd = [Actor("member", member) for member in people(10)]
    works = [lambda who=who: draw.enter_free(who, "c1", OPEN) for who in crowd]
    outcomes = at_once(app, [*works[:5], lambda: draw_office.seal(draw_id, CLOSES), *works[5:]])  # pyright: ignore
    assert refusals(outcomes) <= {"DrawNotOpen"}
    root = db.session.scalar(select(Draw.root))
    assert check_chain() == len(wins(outcomes)) - 1
    assert db.session.scalar(select(Draw.state)) == "closed"
    again = at_once(app, works)
    assert {type(one).__name__ for one in again if isinstance(one, Exception)} <= {"DrawNotOpen"}
    assert db.session.scalar(select(Draw.root)) == root


def test_one_person_with_many_fingers_is_in_once(app: Flask) -> None:
    published()
    bank, who = Bank(), c.member()
    number = pay(bank, who)
    bank.pay(number)
    works = [lambda: draw.enter_free(who, "c1", OPEN) for _ in range(6)]
    notice = [lambda: settlement.accept_notice(bank.notice(number, OPEN, success_at=OPEN), OPEN) for _ in range(2)]
    outcomes = at_once(app, [*works, *notice])  # pyright: ignore[reportArgumentType]
    assert refusals(outcomes) == set()
    assert check_chain() == 1
    money_in, money_out, held = reconciliation.balance()
    assert (money_in, money_in - money_out) == (100, held)  # in by the yuan, or it goes back


def test_money_against_the_close_is_in_or_on_its_way_back(app: Flask) -> None:
    published()
    bank = Bank()
    crowd = [c.member(f"139{n:08d}") for n in range(4)]
    numbers = [pay(bank, who) for who in crowd]
    draw_id = draws.get_draw_id("c1")

    def arrives(number: str) -> str:
        bank.pay(number)
        return settlement.accept_notice(bank.notice(number, OPEN, success_at=OPEN), OPEN)

    works = [lambda number=number: arrives(number) for number in numbers]
    outcomes = at_once(app, [*works, lambda: draw_office.seal(draw_id, CLOSES)])  # pyright: ignore[reportArgumentType]
    assert refusals(outcomes) == set()
    assert check_chain() + db.session.query(Refund).count() == 4
    money_in, money_out, held = reconciliation.balance()
    assert (money_in, money_in - money_out) == (400, held)
