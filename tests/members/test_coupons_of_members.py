"""Two accounts that both hold coupons become one, and two again; a person with coupons is forgotten."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.db import db, transaction
from app.coupons.models import ClaimTry, Coupon, Draw, DrawEntry, GivingRun, GivingTarget, Wish
from app.coupons.services.state import revoke
from app.members import privacy
from app.members.models import Member
from app.members.services import merge_members, request_erasure, run_erasures, undo_merge
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.coupons.campaigns import campaign, claim
from tests.members.test_merge import BOSS, everything

WEEK = timedelta(days=7)
ADDRESS = "digest-of-an-address"


def draw_of(campaign_id: int) -> int:
    row = Draw(
        campaign_id=campaign_id, winners=1, prizes={}, disclosures={}, commitment="c", seed="s", beacon_source="-",
        state="open", root="r", draws_at=NOW + WEEK,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row.id


def run_of(campaign_id: int) -> int:
    row = GivingRun(campaign_id=campaign_id, reason="示例名单", operator_id=1, created_at=NOW)
    db.session.add(row)
    db.session.flush()
    return row.id


def traces(member_id: int, draw_id: int, run_ids: list[int]) -> None:
    """A passphrase tried, a wish, a ticket in the draw, a place on each list."""
    given: dict[str, object] = {"member_id": member_id}
    db.session.add_all(
        [
            ClaimTry(kind="口令", address_digest=ADDRESS, at=NOW, **given),
            Wish(kind="车系", text=f"想要的券 {member_id}", key=f"w{member_id}", state="open", created_at=NOW, **given),
            DrawEntry(draw_id=draw_id, kind="free", state="waiting", ticket=f"T{member_id}", created_at=NOW, **given),
            *(GivingTarget(run_id=run_id, state="waiting", **given) for run_id in run_ids),
        ]
    )


@pytest.fixture
def couple(app: Flask) -> tuple[int, int]:
    """Both claimed the same coupon with the same key, both tried, wished, entered the draw and stand on one list."""
    one, other = s.member("13900000001"), s.member("13900000002")
    assert one.id
    assert other.id
    both, alone = campaign("c1", per_day=1), campaign("c2")
    claim(one, "c1", key="same")
    claim(other, "c1", key="same")
    claim(other, "c2")
    with transaction():
        draw_id, shared, own = draw_of(alone), run_of(both), run_of(alone)
        traces(one.id, draw_id, [shared])
        traces(other.id, draw_id, [shared, own])
    return one.id, other.id


def owners(table: type) -> list[int]:
    found = [row.member_id for row in db.session.scalars(select(table).order_by(table.id))]
    db.session.rollback()
    return found


@pytest.mark.both_databases
def test_coupons_follow_the_person_and_come_back(couple: tuple[int, int]) -> None:
    first, second = couple
    before = everything()
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    assert owners(Coupon) == [first] * 3
    places = db.session.execute(select(Coupon.slot, Coupon.day_slot).order_by(Coupon.id)).all()
    assert [tuple(place) for place in places[:2]] == [(1, 1), (2, 2)]  # beyond the limit: nothing lost, nothing won
    db.session.rollback()
    assert owners(ClaimTry) == owners(Wish) == [first, first]
    assert owners(DrawEntry) == [first, second]  # one entry for each person: the other ticket stays what it was
    assert owners(GivingTarget) == [first, second, first]
    undo_merge(merge, BOSS, "不是同一个人", NOW)
    assert everything() == before


def test_a_coupon_voided_while_joined_stays_void_when_it_comes_back(couple: tuple[int, int]) -> None:
    first, second = couple
    merge = merge_members(second, first, BOSS, "同一个人", NOW)
    moved = db.session.scalars(select(Coupon.id).order_by(Coupon.id)).all()[1]
    db.session.rollback()
    with transaction():
        revoke(moved, "活动终止", BOSS, NOW)
    undo_merge(merge, BOSS, "不是同一个人", NOW)
    row = db.session.get_one(Coupon, moved, populate_existing=True)
    assert (row.member_id, row.state, row.slot) == (second, "revoked", None)


@pytest.mark.both_databases
def test_a_person_with_coupons_is_forgotten(couple: tuple[int, int]) -> None:
    first, second = couple
    held = db.session.scalars(select(Coupon.id).where(Coupon.member_id == second).order_by(Coupon.id)).first()
    db.session.rollback()
    with transaction() as session:
        session.get_one(Coupon, held).held_by = 1
        session.get_one(Coupon, held).state = "held"
    request_erasure(second, NOW)
    assert any("券" in line for line in privacy.blocks(second))
    db.session.rollback()
    assert run_erasures(NOW + WEEK) == 0
    with transaction() as session:
        row = session.get_one(Coupon, held)
        row.state, row.held_by = "issued", None
    assert run_erasures(NOW + WEEK) == 1
    assert db.session.get_one(Member, second).erased_at is not None
    states = {row.member_id: row.state for row in db.session.scalars(select(Coupon).order_by(Coupon.id))}
    assert states == {first: "issued", second: "revoked"}
    wishes = {row.member_id: (row.text, row.state) for row in db.session.scalars(select(Wish))}
    assert wishes == {first: (f"想要的券 {first}", "open"), second: ("", "withdrawn")}
    assert {row.member_id: row.address_digest for row in db.session.scalars(select(ClaimTry))} == {
        first: ADDRESS,
        second: None,
    }
