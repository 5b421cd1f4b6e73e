"""摇一摇: odds that are said and kept, tries that are counted, a place that is used once."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.core import ids
from app.core.db import db
from app.core.errors import NotFound
from app.core.security import SYSTEM, Actor
from app.coupons import errors
from app.coupons.models import ClaimCode, ClaimTry
from app.coupons.services import codes, shake
from app.coupons.services.shake import Place
from app.visits.models import VisitCredit
from app.visits.rules import Touch
from tests.booking import shop as s
from tests.booking.test_views import fields, sign_in
from tests.client import Shopper
from tests.coupons import campaigns as c
from tests.coupons.test_pages import fragment, get, send
from tests.races.world import at_once, refusals, wins

NOW = c.NOW
OPERATOR = Actor("operator", 1)
pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def roll(who: Actor, key: str, now=NOW, **given: object) -> shake.Shaken:
    return shake.shake(who, "c1", now, key=key, **given)  # pyright: ignore[reportArgumentType]


def test_the_odds_are_those_that_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the thousand rolls once: exactly 250 win at 25 %."""
    c.campaign(way="摇一摇", shake_permille=250, per_person=1000, total=1000)
    rolls = iter(f"{n:03d}" for n in range(0, 1000, 40))
    monkeypatch.setattr(ids, "digits", lambda _length: next(rolls))
    people = [c.member(f"139{n:08d}") for n in range(25)]
    outcomes = Counter(roll(who, "k").won for who in people)
    assert outcomes == {True: 7, False: 18}  # 0, 40 … 240 are below 250
    assert c.counts() == (7, 7)
    assert [shake.wins(f"{n:03d}", 250) for n in range(1000)].count(True) == 250


def test_the_same_shake_sent_again_is_the_same_try() -> None:
    c.campaign(way="摇一摇", shake_permille=1000, per_person=2)
    who = c.member()
    first, again = roll(who, "one"), roll(who, "one")
    assert first.claimed is not None
    assert again.claimed is not None
    assert (first.claimed.code, again.claimed.code, again.tries_left) == (first.claimed.code,) * 2 + (2,)
    assert c.counts() == (1, 1)
    assert c.events(first.claimed.coupon_id) == ["claimed"]
    row = c.coupon(first.claimed.coupon_id)
    assert (row.way, row.channel) == ("摇一摇", "页面")


def test_three_tries_a_day_and_what_is_refused_costs_none() -> None:
    shop = s.build()
    c.campaign(way="摇一摇", shake_permille=1, per_person=5, daily_total=1, near_m=500, dealers=(shop.west,))
    who = c.member()
    here = Place(30.2, 120.1)
    with pytest.raises(errors.PlaceNeeded):
        roll(who, "a")
    with pytest.raises(errors.TooFar, match=r"最近的适用门店是西湖店，约 .*要在 500 米内"):
        roll(who, "a", place=Place(30.3, 120.1))
    assert db.session.query(ClaimTry).count() == 0
    db.session.rollback()
    lost = [roll(who, f"try-{n}", place=here) for n in range(3)]
    assert [one.tries_left for one in lost] == [2, 1, 0]
    with pytest.raises(errors.ShakesUsed):
        roll(who, "fourth", place=here)
    assert db.session.query(ClaimTry).filter_by(kind="shake").count() == 3
    kept = {column.name for column in ClaimTry.__table__.columns}
    assert not kept & {"lat", "lng", "place"}
    db.session.rollback()
    assert (
        shake.tries_left(who.id or 0, db.session.query(ClaimTry.campaign_id).first()[0], NOW + timedelta(days=1)) == 3
    )  # pyright: ignore
    db.session.rollback()
    assert shake.purge_tries(NOW + timedelta(days=3)) == 3


def test_nobody_shakes_for_what_could_not_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "digits", lambda _length: "000")
    c.campaign(way="摇一摇", shake_permille=500, total=1)
    who, other = c.member(), c.member("13900000001")
    assert roll(who, "a").won
    with pytest.raises(errors.AllClaimed):
        roll(other, "a")
    c.change(total=9)
    with pytest.raises(errors.PersonLimit):
        roll(who, "b")
    c.change(state="paused")
    with pytest.raises(errors.CampaignPaused):
        roll(other, "a")
    c.change(state="published", shake_permille=None)
    with pytest.raises(errors.NoChance):
        roll(other, "a")
    c.campaign("c2")
    for slug, kind in (("c2", errors.WrongWay), ("none", NotFound)):
        with pytest.raises(kind):
            shake.shake(other, slug, NOW, key="x")
    with pytest.raises(NotFound):
        shake.shake(SYSTEM, "c1", NOW, key="x")
    with pytest.raises(errors.WrongWay):  # nobody gets round the dice
        c.claim(other)
    assert db.session.query(ClaimTry).count() == 1


def test_a_code_in_the_store_is_a_place() -> None:
    shop = s.build()
    c.campaign(way="摇一摇", shake_permille=1000, near_m=100)
    desk = codes.make_code(OPERATOR, "c1", "前台", NOW, dealer_id=shop.west).code
    poster = codes.make_code(OPERATOR, "c1", "海报", NOW).code
    with pytest.raises(errors.PlaceNeeded):
        roll(c.member(), "a", store_code=poster)
    who, touch = c.member("13900000001"), Touch("A" * 12, "B" * 12, NOW)
    claimed = roll(who, "a", store_code=desk, touch=touch).claimed
    assert claimed is not None
    roll(who, "a", store_code=desk, touch=touch)
    assert db.session.query(ClaimCode.claimed).filter_by(code=desk).scalar() == 1
    credit = db.session.query(VisitCredit).one()
    assert (credit.subject_kind, credit.subject_id, credit.last_ref) == ("claim", claimed.coupon_id, "B" * 12)
    row = c.coupon(claimed.coupon_id)
    assert (row.channel, row.dealer_id) == (f"门店码:{desk}", shop.west)


@pytest.mark.both_databases
@pytest.mark.race
def test_a_crowd_of_fingers_has_three_tries(app: Flask) -> None:
    c.campaign(way="摇一摇", shake_permille=1000, per_person=9)
    who = c.member()
    outcomes = at_once(app, [lambda n=n: roll(who, f"form-{n // 2}") for n in range(10)])  # every form twice
    assert refusals(outcomes) <= {"ShakesUsed"}
    assert len({one.claimed.code for one in wins(outcomes) if one.claimed}) == 3
    assert c.counts() == (3, 3)


# ---- the page ----


def test_the_odds_stand_before_the_button_and_everything_works_without_javascript(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    c.campaign(way="摇一摇", shake_permille=205)
    assert 'href="/coupons/c1/shakes/new"' in Shopper(app).page("/coupons")
    guest = get(app.test_client(), "/coupons/c1/shakes/new")
    assert guest.index("20.5%") < guest.index("登录后摇一摇")
    assert "每次中奖概率" in guest
    assert "不需要分享" in guest
    client = sign_in(app, c.member())
    page = get(client, "/coupons/c1/shakes/new")
    assert "摇一下" in page
    assert "data-shake-motion" in page
    monkeypatch.setattr(ids, "digits", lambda _length: "999")
    where = send(client, "/coupons/c1/shakes", fields(page))
    lost = get(client, where)
    assert "这次没有摇中" in lost
    assert "今天还可以摇" in lost
    monkeypatch.setattr(ids, "digits", lambda _length: "000")
    where = send(client, "/coupons/c1/shakes", fields(lost))
    assert where.startswith("/me/coupons/")
    assert "您已领过这张券" in get(client, "/coupons/c1/shakes/new")
    c.campaign("c2")
    get(client, "/coupons/c2/shakes/new", 404)


def test_in_place_by_htmx(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    s.build()
    c.campaign(way="摇一摇", shake_permille=1000, near_m=300)
    client = sign_in(app, c.member())
    form = fields(fragment(client, "/coupons/c1/shakes/new"))
    assert "要在适用门店 300 米内" in send(client, "/coupons/c1/shakes", form, 422, htmx=True)
    far = {**form, "lat": "31.2", "lng": "121.4", "system": "wgs84"}
    assert "最近的适用门店是" in send(client, "/coupons/c1/shakes", far, 422, htmx=True)
    for bad in ({"lat": "nan", "lng": "1"}, {"lat": "91", "lng": "1"}, {"lat": "x", "lng": "1"}):
        assert "确认我在门店附近" in send(client, "/coupons/c1/shakes", {**form, **bad}, 422, htmx=True)
    near = send(client, "/coupons/c1/shakes", {**form, "lat": "30.2", "lng": "120.1", "system": ""}, 200, htmx=True)
    assert "摇中了" in near
    assert "30.2" not in near  # the place is not sent back
    del monkeypatch
