"""Claiming: within the window, the stock and the limits, by the terms of the moment; and what becomes of a coupon."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core import publishing
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import SYSTEM, VISITOR, Actor
from app.coupons import errors, queries
from app.coupons.models import CampaignTerms
from app.coupons.rules import Terms
from app.coupons.services import claim, state
from app.ledger.models import LedgerEntry
from tests.booking import shop as s
from tests.coupons import campaigns as c

NOW = c.NOW
pytestmark = pytest.mark.usefixtures("app")


def test_a_claim_is_a_coupon_with_terms_and_a_row_of_the_ledger() -> None:
    shop = s.build()
    c.campaign(dealers=(shop.west,), payer="共担", dealer_permille=300, valid_until=None, valid_days=30)
    claimed = c.claim(c.member())
    row = c.coupon(claimed.coupon_id)
    assert (row.state, row.slot, row.day_slot, row.way) == ("issued", 1, 1, "直接领取")
    assert row.valid_until == datetime(2026, 12, 22, 16, tzinfo=UTC)  # midnight after the thirtieth day
    assert Terms.from_json(row.promise.rules).dealers == (shop.west,)
    entry = db.session.query(LedgerEntry).one()
    assert (entry.chain, entry.event, entry.campaign, entry.dealer_permille) == (0, "claimed", "c1", 300)
    assert c.counts() == (1, 1)


def test_the_same_form_sent_again_gives_the_same_coupon() -> None:
    c.campaign(per_person=5)
    who = c.member()
    first, second = c.claim(who, key="form"), c.claim(who, key="form")
    assert (second.code, second.again, c.counts()) == (first.code, True, (1, 1))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"claim_from": NOW + timedelta(hours=1)}, errors.CampaignNotStarted),
        ({"claim_until": NOW}, errors.CampaignNotRunning),
        ({"valid_until": NOW}, errors.CampaignNotRunning),
        ({"state": "paused"}, errors.CampaignPaused),
        ({"state": "ended"}, errors.CampaignNotRunning),
        ({"state": "draft"}, NotFound),
        ({"withdrawn": True}, errors.CampaignNotRunning),
        ({"way": "口令"}, errors.WrongWay),
        ({"total": 0}, errors.AllClaimed),
        ({"channels": "海报码；门店码"}, errors.WrongChannel),
        ({"head_start_until": NOW + timedelta(days=1)}, errors.WishersFirst),
        ({"daily_total": 0}, errors.AllClaimedToday),
    ],
)
def test_refusals(changes: dict[str, object], refusal: type[Exception]) -> None:
    c.campaign(**changes)  # pyright: ignore[reportArgumentType]
    with pytest.raises(refusal):
        c.claim(c.member())
    assert c.counts() == (0, 0)


def test_limits_of_a_person_and_of_a_day() -> None:
    c.campaign(per_person=2, per_day=1, daily_total=2)
    who, other, third = c.member(), c.member("13900000001"), c.member("13900000002")
    c.claim(who)
    with pytest.raises(errors.DayLimit):
        c.claim(who)
    c.claim(other)
    with pytest.raises(errors.AllClaimedToday):
        c.claim(third)
    tomorrow = NOW + timedelta(days=1)
    c.claim(who, now=tomorrow)
    with pytest.raises(errors.PersonLimit):
        c.claim(who, now=tomorrow + timedelta(days=1))
    assert c.counts() == (3, 3)


def test_a_refusal_within_a_callers_transaction_takes_nothing() -> None:
    c.campaign()
    who = c.member()
    c.claim(who)
    with transaction(), pytest.raises(errors.PersonLimit):
        c.claim(who)
    assert c.counts() == (1, 1)


def test_strangers_and_unknown_campaigns_get_nothing() -> None:
    c.campaign()
    for who, slug in ((VISITOR, "c1"), (Actor("staff", 1), "c1"), (c.member(), "unknown")):
        with pytest.raises(NotFound):
            c.claim(who, slug)


def test_an_edited_campaign_changes_nothing_for_who_claimed_before() -> None:
    c.campaign()
    first = c.claim(c.member())
    with transaction():
        c.change(face_fen=100_000)
        publishing.bump()
    second = c.claim(c.member("13900000001"))
    kept = [Terms.from_json(c.coupon(one.coupon_id).promise.rules).face_fen for one in (first, second)]
    assert kept == [300_000, 100_000]
    c.claim(c.member("13900000002"))
    assert db.session.query(CampaignTerms).count() == 2


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"claim_until": NOW}, errors.CampaignNotRunning),
        ({"state": "paused"}, errors.CampaignPaused),
        ({"total": 0}, errors.AllClaimed),
        ({"head_start_until": NOW + timedelta(days=1)}, errors.WishersFirst),
        ({"daily_total": 0}, errors.AllClaimedToday),
        ({"valid_until": NOW}, errors.CampaignNotRunning),
    ],
)
def test_what_changes_between_looking_and_locking_decides(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], refusal: type[Exception]
) -> None:
    """The coupon is written before the campaign is locked; if that is another one by then, nothing of it stays."""
    c.campaign()
    monkeypatch.setattr(claim, "look_before", _then(lambda: c.change(**changes)))
    with pytest.raises(refusal):
        c.claim(c.member())
    assert c.counts() == (0, 0)
    assert db.session.query(LedgerEntry).count() == 0


def test_terms_edited_between_looking_and_locking_are_the_coupons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    c.campaign()
    c.claim(c.member())
    seen = [(publishing.peek(), [])]
    with transaction():
        c.change(face_fen=100_000)
        publishing.bump()
    real = claim.list_standing
    monkeypatch.setattr(claim, "list_standing", lambda *given: seen.pop() if seen else real(*given))
    claimed = c.claim(c.member("13900000001"))
    assert Terms.from_json(c.coupon(claimed.coupon_id).promise.rules).face_fen == 100_000
    assert (c.counts(), seen) == ((2, 2), [])


def _then(act: Callable[[], object]) -> Callable[..., Any]:
    """The same function, after which somebody else is faster."""
    look = claim.look_before

    def faster(*given: Any) -> Any:
        found = look(*given)
        with transaction():
            act()
        return found

    return faster


def test_given_goes_beside_way_channel_and_head_start() -> None:
    c.campaign(way="口令", channels="海报码", head_start_until=NOW + timedelta(days=1))
    who = c.member()
    claimed = c.claim(Actor("operator", 1), way="店员发放", given=True, member_id=who.id)
    assert c.coupon(claimed.coupon_id).member_id == who.id


# ---- what becomes of it ----


def test_redeemed_once_at_a_store_that_takes_part() -> None:
    shop = s.build()
    c.campaign(dealers=(shop.west,))
    claimed, clerk = c.claim(c.member()), c.clerk(shop.west)
    with pytest.raises(errors.CouponElsewhere, match="西湖店"):
        state.redeem(claimed.coupon_id, shop.east, 300_000, clerk, NOW)
    state.redeem(claimed.coupon_id, shop.west, 300_000, clerk, NOW)
    with pytest.raises(errors.CouponUsed, match="西湖店"):
        state.redeem(claimed.coupon_id, shop.west, 300_000, clerk, NOW)
    assert c.coupon(claimed.coupon_id).redeemed_fen == 300_000
    assert c.events(claimed.coupon_id) == ["claimed", "redeemed"]
    assert db.session.query(LedgerEntry).filter_by(chain=shop.west).one().amount_fen == 300_000


def test_an_undone_redemption_gives_back_the_time_it_was_away() -> None:
    shop = s.build()
    c.campaign(valid_until=NOW + timedelta(minutes=5))
    claimed, clerk = c.claim(c.member()), c.clerk(shop.west)
    state.redeem(claimed.coupon_id, shop.west, 300_000, clerk, NOW + timedelta(minutes=4))
    late = NOW + timedelta(minutes=9)
    state.undo(claimed.coupon_id, clerk, late)
    assert c.coupon(claimed.coupon_id).valid_until == NOW + timedelta(minutes=10)
    state.redeem(claimed.coupon_id, shop.west, 300_000, clerk, late)
    assert c.events(claimed.coupon_id) == ["claimed", "redeemed", "undone", "redeemed"]
    state.undo(claimed.coupon_id, clerk, late)
    with pytest.raises(errors.NotRedeemed):
        state.undo(claimed.coupon_id, clerk, late)


def test_what_is_over_revoked_or_for_online_use_is_not_redeemed() -> None:
    shop = s.build()
    clerk = c.clerk(shop.west)
    c.campaign("over", valid_until=NOW + timedelta(days=1))
    c.campaign("online", usage="线上")
    c.campaign("gone")
    who = c.member()
    over, online, gone = (c.claim(who, slug) for slug in ("over", "online", "gone"))
    with pytest.raises(errors.CouponExpired):
        state.redeem(over.coupon_id, shop.west, 1, clerk, NOW + timedelta(days=1))
    with pytest.raises(errors.CouponOnlineOnly):
        state.redeem(online.coupon_id, shop.west, 1, clerk, NOW)
    state.revoke(gone.coupon_id, "重复发放", Actor("operator", 1), NOW)
    with pytest.raises(errors.CouponRevoked, match="重复发放"):
        state.redeem(gone.coupon_id, shop.west, 1, clerk, NOW)
    with pytest.raises(NotFound):
        state.redeem(10**6, shop.west, 1, clerk, NOW)


def test_a_revoked_coupon_gives_its_place_back_but_no_other_does() -> None:
    shop = s.build()
    c.campaign()
    who = c.member()
    first = c.claim(who)
    state.revoke(first.coupon_id, "重复发放", Actor("operator", 1), NOW)
    second = c.claim(who)
    state.redeem(second.coupon_id, shop.west, 1, c.clerk(shop.west), NOW)
    with pytest.raises(errors.CouponUsed):
        state.revoke(second.coupon_id, "", Actor("operator", 1), NOW)
    with pytest.raises(errors.PersonLimit):
        c.claim(who)


def test_what_is_over_is_marked_once() -> None:
    c.campaign(valid_until=NOW + timedelta(days=1))
    claimed = [c.claim(c.member(f"139{n:08d}")) for n in range(3)]
    assert state.expire_due(SYSTEM, NOW) == 0
    assert state.expire_due(SYSTEM, NOW + timedelta(days=1)) == 3
    assert state.expire_due(SYSTEM, NOW + timedelta(days=1)) == 0
    assert c.events(claimed[0].coupon_id) == ["claimed", "expired"]


def test_the_counter_sees_a_coupon_without_a_whole_name_or_number() -> None:
    shop = s.build()
    c.campaign(dealers=(shop.west,))
    claimed = c.claim(c.member("13900002086", "周样例"))
    seen = queries.find_for_counter(claimed.code.lower())
    assert seen is not None
    assert (seen.who, seen.phone, seen.phone_tail, seen.terms.face_fen) == ("周*", "139****2086", "2086", 300_000)
    assert queries.find_for_counter(claimed.coupon_id) == seen
    assert queries.find_for_counter("ZZZZZZZZZZZZ") is None
    assert [row.id for row in queries.list_by_phone_tail("2086", shop.west, NOW)] == [seen.id]
    assert queries.list_by_phone_tail("2086", shop.east, NOW) == []
    assert queries.list_by_phone_tail("2087", shop.west, NOW) == []
