"""许愿: said to headquarters alone, put together, answered; who wished is told and comes first."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import SYSTEM, Actor
from app.coupons import errors
from app.coupons.models import CouponCampaign, Wish
from app.coupons.queries import wishes
from app.coupons.rules.wish import clean, problem_of
from app.coupons.services import personal, wish, wish_groups
from app.coupons.services.wish import Wanted
from app.members import privacy
from app.messages.models import InboxMessage
from tests.booking import shop as s
from tests.booking.test_views import fields, sign_in
from tests.coupons import campaigns as c
from tests.coupons.test_pages import get, send
from tests.operators import admin_client
from tests.races.world import at_once, refusals, wins

NOW = c.NOW
OPERATOR = Actor("operator", 1)
pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def wished(who: Actor, key: str = "k", now=NOW, **given: str) -> int:
    return wish.publish_wish(who, Wanted(**{"kind": "服务券", "text": "希望送充电桩安装", **given}), now, key=key)


def state_of(wish_id: int) -> Wish:
    db.session.rollback()
    return db.session.get_one(Wish, wish_id, populate_existing=True)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("想要", "至少 4 个字"),
        ("长" * 101, "现在是 101 个"),
        ("打我电话 13900001234", "不要写电话"),
        ("１３９００００１２３４ 联系", "不要写电话"),
        ("加微信号 abc 聊", "不要写电话"),
        ("看 https://a.example 这里", "不要写电话"),
    ],
)
def test_what_may_not_be_written_is_said(text: str, wrong: str) -> None:
    assert wrong in (problem_of(clean(text)) or "")
    with pytest.raises(errors.WishRefused, match=wrong):
        wished(c.member(), text=text)


def test_a_wish_is_one_plain_line() -> None:
    made = wished(c.member(), text="  希望\x00\n<b>送</b>　充电桩\u202e ", city=" 杭州 ")
    assert (state_of(made).text, state_of(made).city) == ("希望 <b>送</b> 充电桩", "杭州")


def test_three_wait_at_once_and_five_a_day() -> None:
    who = c.member()
    made = [wished(who, f"k{n}") for n in range(3)]
    assert wished(who, "k0") == made[0]  # the same form sent again
    with pytest.raises(errors.TooManyWishes):
        wished(who, "k3")
    for one in made[:2]:
        wish.withdraw_wish(who, one)
    wished(who, "k4")
    wished(who, "k5")
    wish.withdraw_wish(who, made[2])
    with pytest.raises(errors.WishesOfDay):
        wished(who, "k6")
    wished(who, "k6", now=NOW + timedelta(days=1))
    for bad in ({"kind": "现金"}, {"series": "none"}):
        with pytest.raises(errors.WishRefused):
            wished(c.member("13900000001"), **bad)
    with pytest.raises(NotFound):
        wished(SYSTEM)


def test_a_wish_taken_back_leaves_no_words_and_is_nobody_elses() -> None:
    who, other = c.member(), c.member("13900000001")
    made = wished(who)
    with pytest.raises(NotFound):
        wish.withdraw_wish(other, made)
    wish.withdraw_wish(who, made)
    assert (state_of(made).text, state_of(made).state) == ("", "withdrawn")
    with pytest.raises(errors.WishGone):
        wish.withdraw_wish(who, made)
    assert wishes.list_own_wishes(who.id or 0, NOW) == []
    kept = wished(who, "again")
    copy = privacy.export_all(who.id or 0)["coupons"]
    assert "希望送充电桩安装" in str(copy)
    with transaction():
        personal.erase_own(who.id or 0, NOW)
    assert (state_of(kept).text, state_of(kept).state) == ("", "withdrawn")


def test_who_wished_is_told_first_and_claims_first() -> None:
    one, two, gone, other = (c.member(f"139{n:08d}") for n in range(4))
    made = [wished(who) for who in (one, two, gone)]
    group = wish_groups.group_wishes(OPERATOR, made, NOW, title="充电桩")
    c.campaign("gift", title="充电桩安装券", state="draft")
    wish_groups.answer_group(OPERATOR, group, NOW, campaign_slug="gift", hours=24)
    wish.withdraw_wish(gone, made[2])
    assert wish_groups.tell_due(NOW) == 0  # a draft is promised to nobody
    c.change("gift", state="published")
    assert wish_groups.tell_due(NOW) == 2
    assert wish_groups.tell_due(NOW) == 0
    told = db.session.query(InboxMessage).all()
    assert {row.member_id for row in told} == {one.id, two.id}
    assert "“充电桩安装券”现在先为您开放，11月23日12:00起所有人可领" in told[0].body
    assert told[0].href == "/coupons/gift"
    db.session.rollback()
    assert c.claim(one, "gift").code
    for who in (other, gone):
        with pytest.raises(errors.WishersFirst):
            c.claim(who, "gift")
    assert c.claim(other, "gift", now=NOW + timedelta(hours=24)).code
    assert [row.state for row in db.session.query(Wish).order_by(Wish.id)] == ["answered", "answered", "withdrawn"]


def test_an_answer_that_would_not_be_first_is_refused() -> None:
    who = c.member()
    group = wish_groups.group_wishes(OPERATOR, [wished(who)], NOW, title="优先")
    c.campaign("taken")
    c.claim(c.member("13900000009"), "taken")
    c.campaign("over", claim_until=NOW)
    c.campaign("shake", way="摇一摇", shake_permille=1)
    c.campaign("begun")
    c.campaign("free", claim_from=NOW + timedelta(days=1))
    for slug, hours, why in (
        ("begun", 24, "已经开始领取"),
        ("taken", 24, "已经有人领取"),
        ("over", 24, "已经结束"),
        ("shake", 24, "直接领取"),
        ("free", 0, "1 到 168"),
        ("free", 168, "比活动还长"),
        ("", 24, "请选择一个券活动"),
    ):
        with pytest.raises(errors.NotAnswerable, match=why):
            wish_groups.answer_group(OPERATOR, group, NOW, campaign_slug=slug, hours=hours)
    wish_groups.answer_group(OPERATOR, group, NOW, words="明年一月起提供，感谢建议")
    with pytest.raises(errors.NotAnswerable, match="已经回复过"):
        wish_groups.answer_group(OPERATOR, group, NOW, words="再说一遍")
    assert wish_groups.tell_due(NOW) == 1
    assert wishes.list_own_wishes(who.id or 0, NOW)[0].answer == "明年一月起提供，感谢建议"
    with pytest.raises(errors.NotAnswerable, match="请填写这一组的名称"):
        wish_groups.group_wishes(OPERATOR, [wished(who, "n")], NOW)


def test_a_campaign_for_wishers_alone(app: Flask) -> None:
    """With a group its wishers; without one whoever wishes on its own page."""
    s.build()
    c.campaign("own", way="许愿", title="许愿礼券")
    client = sign_in(app, c.member())
    with pytest.raises(errors.NotWished):
        wish.claim_as_wisher(c.member("13900000001"), "own", NOW, key="k" * 8)
    page = get(client, "/coupons/wishes/new?campaign=own")
    form = {**fields(page), "kind": "代金券", "text": "希望有试驾礼", "series": "s5"}
    assert send(client, "/coupons/wishes", form) == "/coupons/wishes/new?campaign=own"
    page = get(client, "/coupons/wishes/new?campaign=own")
    assert "现在可以领取" in page
    where = send(client, "/coupons/own/wish-claims", fields(page))
    assert where.startswith("/me/coupons/")
    assert "您已领过这张券" in get(client, "/coupons/wishes/new?campaign=own")
    get(client, "/coupons/wishes/new?campaign=nothing", 404)


def test_who_wished_later_is_told_from_when(app: Flask) -> None:
    """The group's wishers come first; a wish written on the campaign's page in the meantime waits with everybody."""
    s.build()
    early, late = c.member(), c.member("13900000001")
    made = wished(early)
    group = wish_groups.group_wishes(OPERATOR, [made], NOW, title="充电桩")
    c.campaign("own", way="许愿", title="许愿礼券")
    wish_groups.answer_group(OPERATOR, group, NOW, campaign_slug="own", hours=24)
    wish_groups.tell_due(NOW)
    first = sign_in(app, early)
    assert 'href="/coupons/wishes/new?campaign=own"' in get(first, "/me/wishes")
    with transaction():
        assert db.session.query(InboxMessage).one().href == "/coupons/wishes/new?campaign=own"
    assert "现在可以领取" in get(first, "/coupons/wishes/new?campaign=own")
    second = sign_in(app, late)
    form = fields(get(second, "/coupons/wishes/new?campaign=own"))
    send(second, "/coupons/wishes", {**form, "kind": "代金券", "text": "希望也有一张"})
    page = get(second, "/coupons/wishes/new?campaign=own")
    assert "11月23日12:00起您可以领取" in page
    assert "wish-claims" not in page
    assert "11月23日12:00起您可以领取" in get(second, "/me/wishes")
    with time_machine.travel(NOW + timedelta(hours=24, minutes=1), tick=False):
        again = sign_in(app, late)
        page = get(again, "/coupons/wishes/new?campaign=own")
        assert "现在可以领取" in page
        assert send(again, "/coupons/own/wish-claims", fields(page)).startswith("/me/coupons/")


@pytest.mark.both_databases
@pytest.mark.race
def test_many_wishes_at_once_are_three(app: Flask) -> None:
    who = c.member()
    outcomes = at_once(app, [lambda n=n: wished(who, f"k{n}") for n in range(8)])
    assert (len(wins(outcomes)), refusals(outcomes)) == (3, {"TooManyWishes"})


# ---- the pages ----


def test_from_the_form_to_the_answer(app: Flask) -> None:
    s.build()
    guest = get(app.test_client(), "/coupons/wishes/new")
    assert "登录后许愿" in guest
    assert "不公开" in guest
    client = sign_in(app, c.member())
    form = fields(get(client, "/coupons/wishes/new"))
    assert "请选择想要哪种优惠" in send(client, "/coupons/wishes", {**form, "text": "希望"}, 422)
    assert "至少 4 个字" in send(client, "/coupons/wishes", {**form, "kind": "服务券", "text": "希望"}, 422)
    where = send(client, "/coupons/wishes", {**form, "kind": "服务券", "series": "s5", "text": "希望 <i>保养</i> 优惠"})
    own = get(client, where)
    assert "已送达总部" in own
    assert "希望 &lt;i&gt;保养&lt;/i&gt; 优惠" in own

    office = admin_client(app)
    board = get(office, "/admin/coupons/wishes")
    assert "服务券 · 岫 S5" in board
    assert "周样例" not in board  # headquarters sees wishes, not people
    wish_id = db.session.query(Wish.id).scalar()
    db.session.rollback()
    token = fields(board)["csrf_token"]
    assert "请填写这一组的名称" in send(
        office, "/admin/coupons/wishes/groups", {"csrf_token": token, "wish": str(wish_id), "do": "group"}, 422
    )
    where = send(
        office,
        "/admin/coupons/wishes/groups",
        {"csrf_token": token, "wish": str(wish_id), "title": "保养", "do": "group"},
    )
    c.campaign("care", title="保养券", state="draft")
    assert "保养券（11月21日12:00起，未发布）" in get(office, where)
    send(office, f"{where}/answer", {"csrf_token": token, "campaign": "care", "hours": "24"})
    assert "许愿的人先领到" in get(office, where)
    assert "已经回复过" in send(office, f"{where}/answer", {"csrf_token": token, "words": "再来一次"}, 422)
    with transaction():
        db.session.query(CouponCampaign).filter_by(slug="care").one().state = "published"
    wish_groups.tell_due(NOW)
    own = get(client, "/me/wishes")
    assert "有回音了" in own
    assert "领取 保养券" in own
    send(client, f"/me/wishes/{wish_id}/withdrawal", fields(own))
    assert "还没有许过愿" in get(client, "/me/wishes")


def test_declined_with_a_reason(app: Flask) -> None:
    made = wished(c.member(), text="希望白送一辆车")
    office = admin_client(app)
    token = fields(get(office, "/admin/coupons/wishes"))["csrf_token"]
    form = {"csrf_token": token, "wish": str(made), "do": "decline"}
    assert "请写明不采纳的原因" in send(office, "/admin/coupons/wishes/groups", form, 422)
    send(office, "/admin/coupons/wishes/groups", {**form, "reason": "暂时做不到，谢谢"})
    assert state_of(made).state == "declined"
    assert "暂时做不到" in db.session.query(InboxMessage).one().body
