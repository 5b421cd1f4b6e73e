"""The pages: the centre for everybody, claiming in place and without JavaScript, the wallet and the living code."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.core import publishing
from app.core.db import db, transaction
from app.core.security import Actor, check_living_digits, check_living_token, living_code
from app.coupons.models import Coupon
from app.coupons.queries import campaigns
from app.coupons.queries.wallet import UNDO
from app.coupons.rules import plain
from app.coupons.services import codes, giving, state
from app.redemption.rules import SUPERVISOR_UNDO
from tests.booking import shop as s
from tests.booking.test_views import fields, sign_in
from tests.client import Shopper, check
from tests.coupons import campaigns as c

NOW = c.NOW
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/coupons"}


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def get(client: FlaskClient, path: str, status: int = 200, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status, (path, answer.status_code)
    if answer.text:
        check(answer.text, whole="HX_Request" not in headers and not headers)
    return answer.text


def fragment(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path, headers=HTMX)
    assert answer.status_code == status, (path, answer.status_code)
    check(answer.text, whole=False)
    return answer.text


def send(client: FlaskClient, path: str, form: dict[str, str], status: int = 303, *, htmx: bool = False) -> str:
    answer = client.post(path, data=form, headers=HTMX if htmx else {})
    assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
    if status == 422 or htmx:
        check(answer.text, whole=not htmx)
    return answer.headers.get("Location", "") or answer.text


# ---- the centre ----


def test_the_centre_shows_what_anybody_may_get_and_sets_no_cookie(app: Flask) -> None:
    shop = s.build()
    c.campaign("direct", title="试驾礼券", dealers=(shop.west,), total=10)
    c.campaign("scan", title="海报券", way="扫码")
    for slug, way in (
        ("secret", "口令"),
        ("staff", "店员发放"),
        ("draw", "夺券"),  # nothing of it was published
    ):
        c.campaign(slug, title=f"不列{slug}", way=way)
    c.campaign("draft", title="不列draft", state="draft")
    c.campaign("over", title="不列over", claim_until=NOW)
    page = Shopper(app).page("/coupons")
    assert "试驾礼券" in page
    assert "西湖店" in page
    assert "余 10 张" in page
    assert "扫海报、单页或门店里的领券码领取" in page
    assert "不列" not in page
    answer = app.test_client().get("/coupons")
    assert "Set-Cookie" not in answer.headers
    assert "csrf" not in answer.text
    assert 'href="/coupons/direct/claims/new?tap=1"' in page


def test_what_is_gone_is_said_within_a_second_without_publishing(app: Flask) -> None:
    c.campaign(total=1)
    shopper = Shopper(app)
    assert "余 1 张" in shopper.page("/coupons")
    number = publishing.version()
    c.claim(c.member())
    for path in ("/coupons", "/coupons/c1"):
        assert "已抢光" in shopper.page(path)
    assert publishing.version() == number


def test_for_you_goes_by_what_this_browser_did_alone(app: Flask) -> None:
    shop = s.build()
    from app.catalog.models import Series

    series_id = db.session.query(Series.id).scalar()
    db.session.rollback()
    c.campaign("car", title="车系券", series=(series_id,))
    c.campaign("store", title="门店券", dealers=(shop.west,))
    c.campaign("all", title="通用券")
    client = app.test_client()
    fragment(client, "/coupons/for-you?seen=", 204)
    assert "车系券" in (text := fragment(client, "/coupons/for-you?seen=s5,<x>"))
    assert "门店券" not in text
    client.set_cookie("shop", "west")
    assert "门店券" in (text := fragment(client, "/coupons/for-you?seen="))
    assert "通用券" not in text
    assert "门店券" in fragment(client, "/coupons/for-dealer/west?row=1")
    page = Shopper(app).page("/coupons/for-series/s5")
    assert page.index("车系券") < page.index("通用券")
    assert "3 张" not in page
    assert "门店券" in Shopper(app).page("/coupons/for-dealer/west")
    assert "门店券" not in Shopper(app).page("/coupons/for-dealer/east")
    Shopper(app).page("/coupons/for-dealer/nowhere", 404)


def test_the_terms_are_said_in_plain_words(app: Flask) -> None:
    shop = s.build()
    c.campaign(
        dealers=(shop.west, shop.east), threshold_fen=5_000_000, usage="到店", valid_until=None, valid_days=30,
        per_person=2, per_day=1, daily_total=5,
    )  # fmt: skip
    page = Shopper(app).page("/coupons/c1")
    for line in (
        "满 ¥50,000 可用，抵 ¥3,000。",
        "不限车系。",
        "到店出示给店员使用：西湖店、浦东店。",
        "领取后 30 天内有效。",
        "共 100 张，每天 5 张，每人限领 2 张，每人每天 1 张。",
        "单独使用，不与其他优惠券叠加。",
    ):
        assert line in page, line
    Shopper(app).page("/coupons/nothing", 404)


@pytest.mark.parametrize(
    ("given", "said", "unsaid"),
    [
        ({"scope": "整车"}, ("用于购买整车。", "在线预订或到店都可以用"), ("不与一口价同享",)),
        (
            {"scope": "整车", "alone": True, "stackable": True},
            ("不与一口价同享。", "可与其他可叠加的券"),
            ("单独使用",),
        ),
        ({"scope": "精品"}, ("用于购买精品，不抵车款。", "到店出示给店员使用"), ("在线预订",)),
        ({"scope": "售后"}, ("用于售后服务，不抵车款。",), ("在线预订",)),
        ({}, ("预订时不抵车款，到店由店员核对。", "到店出示给店员使用"), ("在线预订",)),
    ],
)
def test_the_terms_say_off_what_and_whether_with_a_one_price(app: Flask, given, said, unsaid) -> None:
    s.build()
    c.campaign(usage="通用", **given)
    page = Shopper(app).page("/coupons/c1")
    for words in said:
        assert words in page, words
    for words in unsaid:
        assert words not in page, words


# ---- claiming ----


def test_claiming_in_place(app: Flask) -> None:
    c.campaign()
    client = sign_in(app, c.member())
    form = fragment(client, "/coupons/c1/claims/new?tap=1")
    assert 'hx-trigger="load, submit"' in form
    done = send(client, "/coupons/c1/claims", fields(form), 200, htmx=True)
    code = db.session.query(Coupon.code).scalar()
    assert "已领" in done
    assert f"/me/coupons/{code}" in done
    assert f"/me/coupons/{code}" in fragment(client, "/coupons/c1/claims/new?tap=1")  # once more: one's own


def test_claiming_without_javascript(app: Flask) -> None:
    c.campaign()
    client = sign_in(app, c.member())
    where = send(client, "/coupons/c1/claims", fields(get(client, "/coupons/c1/claims/new")))
    assert "待使用" in get(client, where)
    assert "您已领过这张券" in get(client, "/coupons/c1/claims/new")


def test_a_guest_is_sent_to_the_login_by_a_tap_alone(app: Flask) -> None:
    c.campaign()
    client = app.test_client()
    assert "登录并领取" in get(client, "/coupons/c1/claims/new")
    answer = client.get("/coupons/c1/claims/new?tap=1")
    assert answer.status_code == 302
    assert "/wechat/login?next=" in answer.headers["Location"]
    answer = client.get("/coupons/c1/claims/new?tap=1", headers=HTMX)
    assert answer.headers["HX-Redirect"].startswith("/wechat/login?next=/coupons")
    assert client.get("/coupons/c1/claims/new?tap=1&again=1", headers=HTMX).status_code == 204
    assert c.counts() == (0, 0)


def test_a_session_that_ended_brings_the_code_back_from_the_login(app: Flask) -> None:
    c.campaign()
    form = {"key": "key-of-the-form", "p": "abc123", "csrf_token": "of a session that is over"}
    for headers in ({}, HTMX):
        answer = app.test_client().post("/coupons/c1/claims", data=form, headers=headers)
        where = unquote(answer.headers.get("HX-Redirect") or answer.headers["Location"])
        assert "next=/coupons/c1/claims/new?p=ABC123" in where
    assert c.counts() == (0, 0)
    wrong = sign_in(app, c.member()).post("/coupons/c1/claims", data=form)
    assert wrong.status_code == 419


def test_a_refusal_says_what_happened_in_both_shapes(app: Flask) -> None:
    c.campaign(total=1)
    client = sign_in(app, c.member())
    form = fields(get(client, "/coupons/c1/claims/new"))
    c.claim(c.member("13900000001"))
    assert "刚刚被领完了" in send(client, "/coupons/c1/claims", form, 422)
    assert "刚刚被领完了" in send(client, "/coupons/c1/claims", form, 422, htmx=True)
    assert "已抢光" in get(client, "/coupons/c1/claims/new")


def test_a_passphrase_by_form(app: Flask) -> None:
    c.campaign(way="口令", passphrase="山色")
    client = sign_in(app, c.member())
    page = get(client, "/coupons/claims/new")
    assert "口令不对" in send(client, "/coupons/claims", fields(page) | {"passphrase": "x"}, 422)
    assert "口令不对" in send(client, "/coupons/c1/claims", fields(page) | {"passphrase": "x"}, 422, htmx=True)
    assert send(client, "/coupons/claims", fields(page) | {"passphrase": "山 色"}).startswith("/me/coupons/")
    assert "您已领过这张券" in get(client, "/coupons/c1/claims/new")


def test_a_poster_leads_to_a_claim_and_a_stopped_one_says_so(app: Flask) -> None:
    c.campaign(way="扫码")
    made = codes.make_code(Actor("operator", 1), "c1", "海报", NOW)
    code, code_id = made.code, made.id
    db.session.rollback()
    client = sign_in(app, c.member())
    page = get(client, f"/coupons/c1/claims/new?p={code.lower()}")
    assert send(client, "/coupons/c1/claims", fields(page)).startswith("/me/coupons/")
    assert db.session.query(Coupon.channel).scalar() == f"海报码:{code}"
    db.session.rollback()
    assert "领取方式：扫海报" in get(sign_in(app, c.member("13900000001")), "/coupons/c1/claims/new")
    codes.stop_code(Actor("operator", 1), code_id, NOW)
    assert "领券码已停用" in get(app.test_client(), f"/coupons/c1/claims/new?p={code}")


def test_a_campaign_that_is_got_elsewhere_says_where_and_has_no_dead_button(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slug, way in (("a", "夺券"), ("b", "摇一摇"), ("c", "许愿"), ("d", "店员发放")):
        c.campaign(slug, way=way)
    client = sign_in(app, c.member())
    monkeypatch.setattr(plain, "WAY_PAGES", {})
    monkeypatch.setattr(campaigns, "WAY_PAGES", {})
    for slug, words in (("a", "尚未公布"), ("b", "摇一摇领取"), ("c", "许愿后领取"), ("d", "到店由店员发放")):
        code = "" if slug == "b" else "?p=ABCD234567"  # a shake takes its code along to its own page
        for page in (get(client, f"/coupons/{slug}"), get(client, f"/coupons/{slug}/claims/new{code}")):
            assert words in page
            assert "data-claim" not in page
    monkeypatch.setattr(campaigns, "WAY_PAGES", {"摇一摇": "/coupons/{slug}/shake"})
    with transaction():
        publishing.bump()  # the page was kept
    for page in (get(client, "/coupons/b"), get(client, "/coupons/b/claims/new")):
        assert 'href="/coupons/b/shake"' in page
        assert "data-claim" not in page


def test_a_clerks_gift_by_page(app: Flask) -> None:
    shop = s.build()
    c.campaign(way="店员发放")
    secret = app.config["SECRET_KEY"]
    ticket = giving.open_ticket(c.clerk(shop.west), "c1", NOW, secret=secret)
    path = f"/coupons/gifts/{ticket.token}"
    assert "登录并领取" in get(app.test_client(), path)
    client = sign_in(app, c.member())
    assert send(client, f"{path}/claims", fields(get(client, path))).startswith("/me/coupons/")
    assert "已经在您的卡券里" in get(client, path)
    assert "已被领取或已过期" in get(app.test_client(), path)
    assert "已被领取或已过期" in get(app.test_client(), "/coupons/gifts/nothing")


# ---- the wallet ----


def test_the_wallet_has_the_soonest_first_and_counts(app: Flask) -> None:
    shop = s.build()
    who = c.member()
    for slug, days in (("late", 30), ("soon", 2), ("used", 9), ("over", 1)):
        c.campaign(slug, title=f"券{slug}", valid_until=NOW + timedelta(days=days))
    made = {slug: c.claim(who, slug) for slug in ("late", "soon", "used", "over")}
    state.redeem(made["used"].coupon_id, shop.west, 300_000, c.clerk(shop.west), NOW)
    client = sign_in(app, who)
    with time_machine.travel(NOW + timedelta(days=1, hours=1), tick=False):
        page = get(client, "/me/coupons")
        assert page.index("券soon") < page.index("券late")
        assert "明天到期" in page
        assert "待使用 2" in page
        assert "券over" not in page
        assert "已核销" not in page
        assert "券used" in (used := get(client, "/me/coupons?tab=used"))
        assert "西湖店" in used
        assert "券over" in get(client, "/me/coupons?tab=over")
        assert "2 张待使用" in get(client, "/me")
        assert "您有 2 张券可用" in fragment(client, "/coupons/mine?series=s5&dealer=west")
    fragment(app.test_client(), "/coupons/mine", 204)


def test_the_living_code_turns_into_redeemed(app: Flask) -> None:
    shop = s.build()
    c.campaign(dealers=(shop.west,))
    who = c.member()
    made = c.claim(who)
    client, secret = sign_in(app, who), app.config["SECRET_KEY"]
    page = get(client, f"/me/coupons/{made.code}")
    digits = re.search(r'class="qr-code">.*?(\d{3}) (\d{3})<', page)
    assert digits is not None
    assert check_living_digits(secret, "C", made.code, digits[1] + digits[2], NOW)
    assert "西湖店" in page
    assert "浦东店" not in page
    ask = re.search(r'hx-get="(/me/coupons/\w+/state[^"]+)"', page)
    assert ask is not None
    address = ask[1].replace("&amp;", "&")
    fragment(client, address, 204)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        assert "data-wake" in fragment(client, address)  # a new minute, a new code
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False):
        assert "继续出示" in (text := fragment(client, address))
        assert "data-poll" not in text
    state.redeem(made.coupon_id, shop.west, 300_000, c.clerk(shop.west), NOW)
    text = fragment(client, address)
    assert "已核销" in text
    assert "12:00 · 西湖店" in text
    # It asks on, more seldom, as long as the store may take it back, and says so by itself.
    (again,) = re.findall(r'data-poll hx-get="(/me/coupons/\w+/state[^"]+)" hx-trigger="every 10s"', text)
    fragment(client, again, 204)
    with time_machine.travel(NOW + timedelta(minutes=9), tick=False):
        fragment(client, again, 204)
    with time_machine.travel(NOW + UNDO, tick=False):
        last = fragment(client, again)
        assert "/me/reviews/new" in last
        assert "data-poll" not in last
    # A review is asked for once nobody can undo the visit: before, its address leads nowhere.
    assert "10 分钟后可以在这里评价这次到店" in text
    assert "/me/reviews/new" not in text
    assert UNDO == SUPERVISOR_UNDO
    with time_machine.travel(NOW + UNDO, tick=False):
        assert f"/me/reviews/new?of=redemption&amp;no={made.code}" in get(client, f"/me/coupons/{made.code}")
    get(sign_in(app, c.member("13900000001")), f"/me/coupons/{made.code}", 404)
    with time_machine.travel(NOW + timedelta(minutes=8), tick=False):  # longer than a code is shown at one go
        state.undo(made.coupon_id, c.clerk(shop.west), NOW + timedelta(minutes=8))
        back = fragment(client, again)
        assert "data-wake" in back
        assert "every 2s" in back


def test_an_old_token_is_nothing_after_its_grace() -> None:
    secret = c.SECRET
    token = living_code(secret, "C", "7F3K9Q2M4TWX", NOW).token
    assert check_living_token(secret, token, NOW + timedelta(seconds=80)) == ("C", "7F3K9Q2M4TWX")
    assert check_living_token(secret, token, NOW + timedelta(seconds=95)) is None


def test_where_it_can_be_used_nearest_first(app: Flask) -> None:
    shop = s.build()
    c.campaign(dealers=(shop.west, shop.east))
    who = c.member()
    made = c.claim(who)
    client = sign_in(app, who)
    with transaction():
        from app.dealers.models import Dealer

        db.session.get_one(Dealer, shop.east).lat = 31.2
    text = fragment(client, f"/me/coupons/{made.code}/stores?lat=31.2&lng=120.1")
    assert text.index("浦东店") < text.index("西湖店")
    assert "西湖店" in fragment(client, f"/me/coupons/{made.code}/stores?lat=x&lng=nan")


def test_home_and_store_pages_lead_to_the_campaigns(app: Flask) -> None:
    s.build()
    c.campaign(title="到店礼")
    shopper = Shopper(app)
    assert "/coupons/for-dealer/west?row=1" in shopper.page("/dealers/west")
    assert "/coupons" in shopper.page("/deals")
