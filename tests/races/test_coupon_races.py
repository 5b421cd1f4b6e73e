"""Coupons in a crowd: no more than there are, nobody beyond the limit, each redeemed once, by whatever came first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app.core import publishing
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import SYSTEM, Actor
from app.coupons.models import Coupon, CouponCampaign
from app.coupons.services import state
from app.coupons.services.claim import claim_coupon
from app.ledger.models import LedgerEntry
from app.members.services import hold_member
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.races.test_crowd import crowd
from tests.races.test_crowd import many as people
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
NOW = c.NOW
OPERATOR = Actor("operator", 1)


def test_without_the_guard_more_coupons_go_out_than_there_are(app: Flask) -> None:
    """What shops do: look how many went out, write one more."""
    c.campaign(total=1)
    looked = threading.Barrier(2)

    def careless() -> bool:
        claimed = db.session.scalar(select(CouponCampaign.claimed))
        db.session.rollback()
        looked.wait(timeout=30)
        if claimed:
            return False
        with transaction():
            db.session.execute(update(CouponCampaign).values(claimed=1))
        return True

    assert at_once(app, [careless, careless]) == [True, True]  # one coupon, two holders


def test_without_the_key_a_person_gets_more_than_the_limit(app: Flask) -> None:
    """The same with a limit that is counted first: both requests count none."""
    c.campaign(per_person=1)
    who = c.member()
    made = c.claim(who)
    counted = threading.Barrier(2)

    def careless(n: int) -> bool:
        mine = select(func.count()).where(Coupon.member_id == who.id, Coupon.code != made.code)
        count = db.session.scalar(mine)
        db.session.rollback()
        counted.wait(timeout=30)
        if count:
            return False
        with transaction() as session:
            row = {col.name: getattr(session.get_one(Coupon, made.coupon_id), col.name) for col in Coupon.__table__.c}
            session.add(
                Coupon(
                    **row | {"id": None, "code": f"CARELESS{n}", "claim_key": f"k{n}", "slot": None, "day_slot": None}
                )
            )
        return True

    assert at_once(app, [lambda: careless(1), lambda: careless(2)]) == [True, True]


def test_without_the_guard_a_coupon_is_redeemed_twice(app: Flask) -> None:
    c.campaign()
    made = c.claim(c.member())
    looked = threading.Barrier(2)

    def careless() -> bool:
        found = db.session.scalar(select(Coupon.state).where(Coupon.id == made.coupon_id))
        db.session.rollback()
        looked.wait(timeout=30)
        if found != "issued":
            return False
        with transaction():
            db.session.execute(update(Coupon).values(state="redeemed", redeemed_at=NOW))
        return True

    assert at_once(app, [careless, careless]) == [True, True]


def test_sixty_four_people_tapping_four_times_at_the_last_ten(app: Flask) -> None:
    c.campaign(total=10)
    who = people(64)

    def taps(n: int) -> list[str]:
        told: list[str] = []
        for turn in range(4):
            member = who[(n + 16 * turn) % 64]  # each person's four taps come from four threads
            try:
                told.append(c.claim(Actor("member", member), key=f"form-{member}").code)
            except DomainError as refusal:
                told.append(type(refusal).__name__)
        return told

    outcomes = at_once(app, [lambda n=n: taps(n) for n in range(64)])
    codes = {told for outcome in wins(outcomes) for told in outcome} - {"AllClaimed"}
    assert len(wins(outcomes)) == 64
    assert c.counts() == (10, 10)
    assert len(codes) == 10
    assert db.session.query(Coupon.member_id).distinct().count() == 10
    assert [row.seq for row in db.session.query(LedgerEntry).order_by(LedgerEntry.seq)] == list(range(1, 11))


def try_to_claim(_shop: s.Shop, member_id: int) -> str:
    try:
        claim_coupon(Actor("member", member_id), "c1", NOW, key=f"form-{member_id}", way="直接领取")
    except DomainError as refusal:
        return type(refusal).__name__
    return "claimed"


def test_a_crowd_of_several_processes_at_the_last_ten(app: Flask, tmp_path: Path) -> None:
    c.campaign(total=10)
    told = crowd(app, tmp_path, s.build(), people(32), try_to_claim)
    assert told == {"claimed": 10, "AllClaimed": 22}
    assert c.counts() == (10, 10)


def test_one_person_with_many_forms_gets_no_more_than_the_limit(app: Flask) -> None:
    c.campaign(per_person=2)
    who = c.member()
    outcomes = at_once(app, [lambda: c.claim(who) for _ in range(8)])
    assert len(wins(outcomes)) == 2
    assert refusals(outcomes) == {"PersonLimit"}
    assert c.counts() == (2, 2)


def test_a_claim_waits_for_its_person_before_anything_is_locked(app: Flask) -> None:
    """Without it two claims of one person deadlock: place then campaign, campaign then place."""
    c.campaign(per_person=2)
    who = c.member()

    def claims() -> int:
        with app.app_context():
            return c.claim(who).coupon_id

    with ThreadPoolExecutor(1) as pool:
        with transaction():
            hold_member(who.id or 0)
            claim = pool.submit(claims)
            with pytest.raises(TimeoutError):
                claim.result(timeout=0.5)
        assert claim.result(timeout=30)


def test_limits_of_a_day_hold_in_a_crowd(app: Flask) -> None:
    c.campaign("a", daily_total=3)
    c.campaign("b", per_person=9, per_day=1)
    crowd_of = [Actor("member", member) for member in people(8)]
    a = at_once(app, [lambda who=who: c.claim(who, "a") for who in crowd_of])
    b = at_once(app, [lambda: c.claim(crowd_of[0], "b") for _ in range(6)])
    assert (len(wins(a)), refusals(a)) == (3, {"AllClaimedToday"})
    assert (len(wins(b)), refusals(b)) == (1, {"DayLimit"})
    assert (c.counts("a"), c.counts("b")) == ((3, 3), (1, 1))


def test_fifty_phones_redeem_one_coupon_and_one_succeeds(app: Flask) -> None:
    shop = s.build()
    c.campaign()
    made, clerk = c.claim(c.member()), c.clerk(shop.west)
    outcomes = at_once(app, [lambda: state.redeem(made.coupon_id, shop.west, 300_000, clerk, NOW) for _ in range(50)])
    assert len(wins(outcomes)) == 1
    assert {str(o) for o in outcomes if o} == {"coupon_used: 这张券已于11月22日12:00在西湖店核销，如有疑问请联系门店。"}
    assert c.events(made.coupon_id) == ["claimed", "redeemed"]


@pytest.mark.parametrize("other", ["revoke", "expire", "undo"])
def test_redeeming_against_whatever_ends_a_coupon_has_one_winner(app: Flask, other: str) -> None:
    shop = s.build()
    c.campaign(per_person=9, valid_until=NOW + timedelta(hours=1))
    who, clerk = c.member(), c.clerk(shop.west)
    late = NOW + timedelta(hours=2)
    for _ in range(4):
        made = c.claim(who)
        ends = {
            "revoke": lambda made=made: state.revoke(made.coupon_id, "重复发放", OPERATOR, NOW),
            "expire": lambda: state.expire_due(SYSTEM, late),
            "undo": lambda made=made: state.undo(made.coupon_id, clerk, NOW),
        }[other]
        at_once(app, [lambda made=made: state.redeem(made.coupon_id, shop.west, 1, clerk, NOW), ends])
        told, row = c.events(made.coupon_id), c.coupon(made.coupon_id)
        expected = {
            "revoke": [["claimed", "redeemed"], ["claimed", "revoked"]],
            "expire": [["claimed", "redeemed"], ["claimed", "expired"]],
            "undo": [["claimed", "redeemed"], ["claimed", "redeemed", "undone"]],
        }[other]
        assert told in expected
        assert row.state == {"undone": "issued"}.get(told[-1], told[-1])


def test_a_pause_stops_the_crowd_and_an_edit_divides_it(app: Flask) -> None:
    c.campaign("a")
    c.campaign("b")
    crowd_of = [Actor("member", member) for member in people(12)]

    def edit() -> None:
        with transaction():
            c.change("b", face_fen=100_000)
            publishing.bump()

    works = [lambda who=who: c.claim(who, "a") for who in crowd_of]
    paused = at_once(app, [*works, lambda: c.change("a", state="paused")])  # pyright: ignore[reportArgumentType]
    assert refusals(paused) <= {"CampaignPaused"}
    assert c.counts("a") == (len(wins(paused)) - 1,) * 2
    works = [lambda who=who: c.claim(who, "b") for who in crowd_of]
    assert len(wins(at_once(app, [*works, edit]))) == 13  # pyright: ignore[reportArgumentType]
    db.session.rollback()
    told = [
        row.promise.rules["face_fen"]
        for row in db.session.query(Coupon).join(CouponCampaign).filter_by(slug="b").order_by(Coupon.id)
    ]
    assert told == sorted(told, reverse=True)  # nobody who comes after the edit gets what it was before
    with pytest.raises(DomainError):
        c.claim(crowd_of[0], "a")
