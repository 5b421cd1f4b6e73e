"""The counter in a crowd: one coupon is redeemed once, whatever comes at the same moment, and the rest read by whom."""

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import SYSTEM, Actor, living_code
from app.coupons.models import Coupon
from app.coupons.services import state
from app.redemption import services
from app.redemption.errors import AlreadyUsed, JustDone
from app.redemption.models import Redemption
from app.redemption.rules import read_scan
from app.redemption.services import Preview
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.coupons.campaigns import NOW
from tests.races.test_crowd import crowd
from tests.races.world import at_once, refusals, wins

pytestmark = [pytest.mark.both_databases, pytest.mark.race]
SECRET = "k"
SOON = NOW + timedelta(seconds=20)


def handed_out() -> tuple[s.Shop, int, str]:
    shop = s.build()
    c.campaign()
    made = c.claim(c.member())
    return shop, made.coupon_id, made.code


def look(clerk: Actor, code: str) -> Preview:
    return services.preview(clerk, read_scan(living_code(SECRET, "C", code, NOW).token), NOW, secret=SECRET)


def confirm(clerk: Actor, seen: Preview, nonce: str = "") -> int:
    return services.redeem(clerk, seen.ticket, nonce or seen.nonce, NOW, secret=SECRET).id


def stands(coupon_id: int) -> tuple[str, int, int]:
    """The coupon's state, its redemptions, those of them that stand; the ledger says the same."""
    rows = db.session.query(Redemption).filter_by(subject_kind="coupon", subject_id=coupon_id).all()
    found = c.coupon(coupon_id).state, len(rows), sum(row.undone_at is None for row in rows)
    events = Counter(c.events(coupon_id))
    assert (events["redeemed"], events["undone"]) == (found[1], found[1] - found[2])
    return found


def test_without_the_guard_two_phones_redeem_one_coupon(app: Flask) -> None:
    """What shops do: look whether it is used, then write that it is."""
    _, coupon_id, _ = handed_out()
    looked = threading.Barrier(2)

    def careless() -> bool:
        used = db.session.get_one(Coupon, coupon_id).state != "issued"
        db.session.rollback()
        looked.wait(timeout=30)
        if used:
            return False
        with transaction():
            values = {"state": "redeemed", "redeemed_at": NOW}
            db.session.execute(update(Coupon).where(Coupon.id == coupon_id).values(**values))
        return True

    assert at_once(app, [careless, careless]) == [True, True]  # one coupon, given away twice


def test_fifty_phones_one_success_and_the_rest_read_by_whom(app: Flask) -> None:
    shop, coupon_id, code = handed_out()
    clerks = [s.clerk(shop.west, name=f"{name}样例") for name in "王赵钱孙李"]
    seen = [(clerk, look(clerk, code)) for clerk in clerks for _ in range(10)]
    outcomes = at_once(app, [lambda c=clerk, p=one: confirm(c, p) for clerk, one in seen])
    assert len(wins(outcomes)) == 1
    assert refusals(outcomes) == {"AlreadyUsed"}
    winner = db.session.query(Redemption).one().staff_id
    name = next(name for clerk, name in zip(clerks, "王赵钱孙李", strict=True) if clerk.id == winner)
    told = {one.message for one in outcomes if isinstance(one, DomainError)}
    assert all(f"在西湖店由{name}*核销" in message for message in told), told
    assert stands(coupon_id) == ("redeemed", 1, 1)


def try_to_redeem(_shop: s.Shop, coupon_id: int) -> str:
    """One phone in a process of its own; every staff member looks and confirms."""
    coupon = db.session.get_one(Coupon, coupon_id)
    staff = Actor("staff", 1, "clerk", _shop.west)
    try:
        confirm(staff, look(staff, coupon.code))
    except (AlreadyUsed, JustDone):  # by whom: all phones here are one clerk's
        return "told by whom"
    return "redeemed"


def test_phones_of_several_processes_redeem_one_coupon_once(app: Flask, tmp_path: Path) -> None:
    shop, coupon_id, _ = handed_out()
    assert s.clerk(shop.west).id == 1
    assert crowd(app, tmp_path, shop, [coupon_id] * 50, try_to_redeem) == {"redeemed": 1, "told by whom": 49}
    assert stands(coupon_id) == ("redeemed", 1, 1)


def test_one_tap_sent_many_times_is_one_success_for_all(app: Flask) -> None:
    """The answer was lost and the phone asks again and again, some of it at once."""
    shop, coupon_id, code = handed_out()
    clerk = s.clerk(shop.west)
    seen = look(clerk, code)
    outcomes = at_once(app, [lambda: confirm(clerk, seen)] * 12)
    assert len(set(wins(outcomes))) == 1
    assert len(wins(outcomes)) == 12
    assert stands(coupon_id) == ("redeemed", 1, 1)


def test_redeeming_against_undoing_ends_in_one_of_the_two(app: Flask) -> None:
    shop, coupon_id, code = handed_out()
    clerk, lead = s.clerk(shop.west), s.clerk(shop.west, "supervisor")
    first, other = look(clerk, code), look(lead, code)
    done = confirm(clerk, first)
    outcomes = at_once(
        app,
        [
            *[lambda: services.undo(lead, done, "扫错了", SOON)] * 3,
            *[lambda n=n: confirm(lead, other, f"nonce-{n}") for n in range(5)],
        ],
    )
    undone, again = outcomes[:3], wins(outcomes[3:])
    assert len(wins(undone)) == 1
    assert refusals(undone) == {"CannotUndo"}
    assert len(again) <= 1
    assert stands(coupon_id) == (("redeemed", 2, 1) if again else ("issued", 1, 0))


def test_store_and_headquarters_undo_at_once_and_one_does(app: Flask) -> None:
    shop, coupon_id, code = handed_out()
    lead, before = s.clerk(shop.west, "supervisor"), c.coupon(coupon_id).valid_until
    done = confirm(lead, look(lead, code))
    store = [lambda: services.undo(lead, done, "扫错了", SOON) or done] * 4
    office = [lambda: services.undo_late(Actor("operator", 1), done, "客户来电", SOON) or done] * 4
    outcomes = at_once(app, [one for pair in zip(store, office, strict=True) for one in pair])
    assert len(wins(outcomes)) == 1
    assert refusals(outcomes) == {"CannotUndo"}
    assert stands(coupon_id) == ("issued", 1, 0)
    assert c.coupon(coupon_id).valid_until == before + (SOON - NOW), "the time came back once"


def test_without_the_guard_two_take_one_redemption_back(app: Flask) -> None:
    """What shops do: look whether it stands, then write that it was undone and give the time back."""
    shop, coupon_id, code = handed_out()
    lead, before = s.clerk(shop.west, "supervisor"), c.coupon(coupon_id).valid_until
    done = confirm(lead, look(lead, code))
    looked = threading.Barrier(2)

    def careless() -> bool:
        stood = db.session.get_one(Redemption, done).undone_at is None
        db.session.rollback()
        looked.wait(timeout=30)
        if not stood:
            return False
        with transaction():
            db.session.execute(update(Redemption).where(Redemption.id == done).values(undone_at=SOON))
            row = db.session.get_one(Coupon, coupon_id, with_for_update=True, populate_existing=True)
            row.valid_until += SOON - NOW
        return True

    assert at_once(app, [careless, careless]) == [True, True]
    assert c.coupon(coupon_id).valid_until == before + 2 * (SOON - NOW)  # one mistake, the time given back twice


def test_redeeming_against_revoking_has_one_winner(app: Flask) -> None:
    shop, coupon_id, code = handed_out()
    clerk = s.clerk(shop.west)
    seen = [look(clerk, code) for _ in range(4)]
    works = [lambda p=p: confirm(clerk, p) for p in seen]
    revoking = [lambda: state.revoke(coupon_id, "活动取消", SYSTEM, NOW) or 0] * 2
    outcomes = at_once(app, [*works[:2], *revoking, *works[2:]])
    assert len(wins(outcomes)) == 1, outcomes
    found = stands(coupon_id)
    assert found in {("redeemed", 1, 1), ("revoked", 0, 0)}
    assert refusals(outcomes) <= {"AlreadyUsed", "CouponUsed", "CouponRevoked", "CouponRefused", "CouponExpired"}
