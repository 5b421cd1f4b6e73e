"""The ways to get a coupon: passphrases that cannot be guessed, once for a newcomer, codes on paper, a clerk's gift."""

from datetime import timedelta

import pytest
from flask import Flask

from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import SYSTEM, VISITOR, Actor
from app.coupons import errors
from app.coupons.models import ClaimCode, ClaimTry, Coupon
from app.coupons.services import codes, giving, personal, reminders, ways
from app.members import privacy
from app.members.models import Member
from app.members.services import merge_members
from app.messages.models import InboxMessage
from app.visits.models import VisitCredit
from app.visits.rules import Touch
from tests.booking import shop as s
from tests.coupons import campaigns as c

NOW = c.NOW
OPERATOR = Actor("operator", 1)
pytestmark = pytest.mark.usefixtures("app")


def say(who: Actor, words: str, **given: object) -> str:
    """The code of the coupon, or the refusal's."""
    values: dict[str, object] = {"key": f"say-{words}-{next(c._keys)}", **given}  # pyright: ignore[reportPrivateUsage]
    now = values.pop("now", NOW)
    try:
        return ways.claim_by_passphrase(who, words, now, **values).code  # pyright: ignore[reportArgumentType]
    except (errors.PassphraseWrong, errors.TooManyTries, errors.AllClaimed, errors.PersonLimit) as refusal:
        return f"{refusal.code}: {refusal.message}"


# ---- 口令 ----


def test_a_passphrase_however_it_is_typed() -> None:
    c.campaign(way="口令", passphrase="山色 入座2026")
    assert len(say(c.member(), " 山色入座２０２６ ")) == 12
    assert say(c.member("13900000001"), "山色入座2026").isalnum()


def test_whatever_is_wrong_is_refused_in_the_same_words() -> None:
    c.campaign("over", way="口令", passphrase="over", claim_until=NOW)
    c.campaign("draft", way="口令", passphrase="draft", state="draft")
    c.campaign("other", passphrase="direct")
    c.campaign("empty", way="口令", passphrase="")
    told = {
        say(c.member(f"139{n:08d}"), words) for n, words in enumerate(("over", "draft", "direct", "no", "", "x" * 99))
    }
    assert told == {f"passphrase_wrong: {errors.PassphraseWrong.message}"}


def test_ten_thousand_tries_get_nowhere() -> None:
    """Right after the fifth wrong one even the right one is not listened to; who waits is."""
    c.campaign(way="口令", passphrase="9999")
    who = c.member()
    told = [say(who, f"{n:04d}") for n in range(300)] + [say(who, "9999")]
    assert [t.split(":")[0] for t in told[:5]] == ["passphrase_wrong"] * 5
    assert {t.split(":")[0] for t in told[5:]} == {"too_many_claim_tries"}
    assert db.session.query(ClaimTry).count() == 5  # tries beyond the limit leave nothing behind
    db.session.rollback()
    # Other people behind the same address, in all the pocketfuls of accounts there may be.
    many = [c.member(f"138{n:08d}") for n in range(12)]
    told = [say(one, "0000", address_digest="a" * 64).split(":")[0] for one in many for _ in range(5)]
    assert told.count("passphrase_wrong") == ways.ADDRESS_TRIES
    assert say(c.member("13700000000"), "9999", address_digest="b" * 64).isalnum()  # somebody else elsewhere
    assert say(who, "9999", now=NOW + ways.WINDOW + timedelta(seconds=1)).isalnum()
    assert ways.purge_tries(NOW + timedelta(days=3)) == 5 + ways.ADDRESS_TRIES + 2


def test_a_right_one_is_told_what_is_wrong_besides() -> None:
    c.campaign(way="口令", passphrase="yes", total=1)
    who = c.member()
    assert say(who, "yes").isalnum()
    assert say(c.member("13900000001"), "yes").startswith("all_claimed")
    c.campaign("c2", way="口令", passphrase="two")
    say(who, "two")
    assert say(who, "two").startswith("person_limit")
    with pytest.raises(NotFound):
        ways.claim_by_passphrase(VISITOR, "yes", NOW, key="k")


# ---- 新会员 ----


def as_newcomer(who: Actor, key: str = "k", now: object = NOW) -> str:
    return ways.claim_as_newcomer(who, "c1", now, key=key, secret=c.SECRET).code  # pyright: ignore[reportArgumentType]


def test_a_newcomer_gets_one_within_the_first_days() -> None:
    c.campaign(way="新会员", claim_until=NOW + timedelta(days=60), per_person=5)
    who, late = c.member(), c.member("13900000001")
    assert as_newcomer(who) == as_newcomer(who)
    with pytest.raises(errors.NewcomerBefore):
        as_newcomer(who, "other-form")
    with pytest.raises(errors.NotNewcomer):
        as_newcomer(late, now=NOW + timedelta(days=8))


def test_once_for_a_person_also_after_an_erasure_and_a_merge(app: Flask) -> None:
    c.campaign(way="新会员", per_person=5)
    first = c.member()
    as_newcomer(first)
    with transaction():  # the person is forgotten, comes back with the same phone and another WeChat
        personal.erase_own(first.id or 0, NOW)
        db.session.get_one(Member, first.id).phone = None
    again = c.member()
    with pytest.raises(errors.NewcomerBefore):
        as_newcomer(again, "another")
    # An old account behind the new one makes no newcomer.
    old, new = c.member("13900000007"), c.member("13900000008")
    with transaction():
        db.session.get_one(Member, old.id).created_at = NOW - timedelta(days=100)
    merge_members(old.id or 0, new.id or 0, OPERATOR, "同一个人", NOW)
    with pytest.raises(errors.NotNewcomer):
        as_newcomer(new)


# ---- 扫码 ----


def test_codes_of_posters_and_stores_are_counted_and_stopped() -> None:
    shop = s.build()
    c.campaign(way="扫码", channels="海报码；门店码")
    c.campaign("c2", way="扫码")
    poster, desk = (
        codes.make_code(OPERATOR, "c1", "海报", NOW),
        codes.make_code(OPERATOR, "c1", "前台", NOW, dealer_id=shop.west),
    )
    poster_code, poster_id, desk_code = poster.code, poster.id, desk.code
    who, other, third = (c.member(f"139{n:08d}") for n in range(3))
    made = ways.claim_by_code(who, "c1", poster_code.lower(), NOW, key="k")
    assert ways.claim_by_code(who, "c1", poster_code, NOW, key="k").code == made.code
    in_store = ways.claim_by_code(other, "c1", desk_code, NOW, key="k")
    assert c.coupon(made.coupon_id).channel == f"海报码:{poster_code}"
    assert c.coupon(in_store.coupon_id).dealer_id == shop.west
    assert [row.claimed for row in db.session.query(ClaimCode).order_by(ClaimCode.id)] == [1, 1]
    db.session.rollback()
    codes.stop_code(OPERATOR, poster_id, NOW)
    codes.stop_code(OPERATOR, poster_id, NOW)
    for slug, code in (("c1", poster_code), ("c2", desk_code), ("c1", "NOSUCHCODE")):
        with pytest.raises(errors.CodeStopped):
            ways.claim_by_code(third, slug, code, NOW, key="k")
    with pytest.raises(errors.WrongWay):
        c.claim(third, way="直接领取")
    with pytest.raises(errors.PersonLimit):
        ways.claim_by_code(who, "c1", desk_code, NOW, key="other")
    assert [row.claimed for row in db.session.query(ClaimCode).order_by(ClaimCode.id)] == [1, 1]


# ---- 店员发放 ----


def test_the_first_who_scans_a_clerks_code_takes_the_coupon() -> None:
    shop = s.build()
    c.campaign(way="店员发放", dealers=(shop.west,))
    clerk, elsewhere = c.clerk(shop.west), c.clerk(shop.east)
    with pytest.raises(errors.CannotGive):
        giving.open_ticket(elsewhere, "c1", NOW, secret=c.SECRET)
    with pytest.raises(NotAllowed):
        giving.open_ticket(c.member("13900000009"), "c1", NOW, secret=c.SECRET)
    first = giving.open_ticket(clerk, "c1", NOW, secret=c.SECRET)
    ticket = giving.open_ticket(clerk, "c1", NOW, secret=c.SECRET)
    who, other = c.member(), c.member("13900000001")
    assert giving.ticket_state(ticket.id, clerk, NOW) == "waiting"
    touch = Touch("A" * 12, "B" * 12, NOW)
    made = giving.take_ticket(who, ticket.token, NOW, secret=c.SECRET, touch=touch)
    assert db.session.query(VisitCredit.subject_id).scalar() == made.coupon_id
    assert giving.take_ticket(who, ticket.token, NOW, secret=c.SECRET).code == made.code
    for token, at in ((ticket.token, NOW), (first.token, NOW), ("0" * 32, NOW), (first.token, NOW + giving.LIFE)):
        with pytest.raises(errors.GiftGone):
            giving.take_ticket(other, token, at, secret=c.SECRET)
    row = c.coupon(made.coupon_id)
    assert (row.way, row.dealer_id, row.staff_id, row.channel) == ("店员发放", shop.west, clerk.id, "店员")
    assert giving.ticket_state(ticket.id, clerk, NOW) == "taken"
    assert giving.ticket_state(first.id, clerk, NOW) == "over"
    with pytest.raises(NotFound):
        giving.ticket_state(ticket.id, elsewhere, NOW)


def test_a_refused_person_leaves_the_gift_to_the_next() -> None:
    shop = s.build()
    c.campaign(way="店员发放")
    clerk, who = c.clerk(shop.west), c.member()
    giving.take_ticket(who, giving.open_ticket(clerk, "c1", NOW, secret=c.SECRET).token, NOW, secret=c.SECRET)
    token = giving.open_ticket(clerk, "c1", NOW, secret=c.SECRET).token
    with pytest.raises(errors.PersonLimit):
        giving.take_ticket(who, token, NOW, secret=c.SECRET)
    assert giving.take_ticket(c.member("13900000001"), token, NOW, secret=c.SECRET).code


# ---- reminders, personal data ----


def test_everybody_is_told_once_before_the_end() -> None:
    c.campaign(valid_until=NOW + timedelta(days=4))
    who = c.member()
    made = c.claim(who)
    assert reminders.remind_due(NOW) == 0  # four days are long
    in_two = NOW + timedelta(days=2)
    assert reminders.remind_due(in_two + timedelta(hours=12)) == 0  # it is midnight
    assert reminders.remind_due(in_two) == 1
    assert reminders.remind_due(in_two) == 0
    message = db.session.query(InboxMessage).one()
    assert (message.title, message.href) == ("优惠券快到期", f"/me/coupons/{made.code}")
    assert "2 天后到期" in message.body


def test_a_persons_copy_and_what_goes_with_them() -> None:
    c.campaign()
    c.campaign("c2")
    who = c.member()
    used, unused = c.claim(who), c.claim(who, "c2")
    shop = s.build()
    from app.coupons.services import state

    state.redeem(used.coupon_id, shop.west, 300_000, c.clerk(shop.west), NOW)
    copy = privacy.export_all(who.id or 0)["coupons"]
    assert [row["state"] for row in copy["coupons"]] == ["已使用", "待使用"]  # pyright: ignore
    with transaction():
        personal.erase_own(who.id or 0, NOW)
    assert c.coupon(used.coupon_id).state == "redeemed"
    gone = c.coupon(unused.coupon_id)
    assert (gone.state, gone.revoked_reason) == ("revoked", "账号已注销")
    with pytest.raises(errors.CouponRevoked):
        state.redeem(unused.coupon_id, shop.west, 1, c.clerk(shop.west), NOW)
    assert state.expire_due(SYSTEM, NOW + timedelta(days=99)) == 0


def test_two_accounts_joined_keep_their_coupons_and_gain_no_place() -> None:
    c.campaign(per_person=1)
    one, two = c.member(), c.member("13900000001")
    c.claim(one, key="same")
    c.claim(two, key="same")
    merge_members(one.id or 0, two.id or 0, OPERATOR, "同一个人", NOW)
    rows = db.session.query(Coupon).order_by(Coupon.id).all()
    assert {row.member_id for row in rows} == {two.id}
    assert sorted(row.slot or 0 for row in rows) == [1, 2]
    db.session.rollback()
    with pytest.raises(errors.PersonLimit):
        c.claim(two)
