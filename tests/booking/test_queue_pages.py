"""The queue on screen, without JavaScript: join in one tap, my place, the offer, leave; the hold's extension."""

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.booking.models import OnePriceDeal, QueuePlace
from app.booking.services import release
from app.core.db import db, transaction
from app.core.security import Actor
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check
from tests.payments.wechat_pay import Bank


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(app: Flask) -> s.Shop:
    app.extensions["pay"] = Bank()
    return s.build(units=1, queue_when_sold_out=True)


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    check(answer.text, whole=True)
    return answer.text


def send(client: FlaskClient, path: str, html: str, **data: str) -> str:
    """Post what the page's form holds and follow to where it leads."""
    answer = client.post(path, data={"csrf_token": fields(html)["csrf_token"], **data})
    assert answer.status_code == 303, answer.text
    return page(client, answer.headers["Location"])


def test_any_store_of_any_city_can_be_asked_to_call(app: Flask, shop: s.Shop) -> None:
    with transaction():
        for n in range(70):
            db.session.add(s._dealer(f"many-{n}", f"北京店 {n:02}", "北京市"))
        db.session.execute(update(OnePriceDeal).values(all_dealers=True))
    s.place(shop, s.member())
    client, here = sign_in(app, s.member("13900000001")), f"/deals/{shop.deal}/queue"
    first = send(client, here, page(client, here))
    assert "北京店 69" in first  # the city with the most
    assert "西湖店" not in first
    assert "西湖店" in page(client, f"{here}?city=杭州市")
    client.set_cookie("city", quote("杭州市"))
    assert "西湖店" in page(client, here)  # what this device chose before


def test_from_sold_out_to_an_offer(app: Flask, shop: s.Shop) -> None:
    holder, person = s.member(), s.member("13900000001")
    no = s.place(shop, holder).no
    public, client, here = app.test_client(), sign_in(app, person), f"/deals/{shop.deal}/queue"
    deal = page(public, f"/deals/{shop.deal}")
    assert "已订完（候补 0 人）" in deal
    assert f'href="{here}"' in deal
    assert "加入候补" in deal
    assert "/wechat/login" in public.get(here).headers["Location"]
    first = page(client, here)
    assert "加入候补" in first
    assert 'type="checkbox"' not in first  # the consent is a wish of its own, later
    mine = send(client, here, first)
    assert "您排在第" in mine
    assert "退出候补" in mine
    assert " checked" not in mine
    assert "（候补 1 人）" in page(public, f"/deals/{shop.deal}")
    assert "第 1 位" in page(client, "/me/bookings")

    release.cancel_booking(holder, no, app.extensions["pay"], NOW)
    offer = page(client, here)
    assert "为您保留了 1 台" in offer
    assert "11月23日12:00" in offer
    assert f"/deals/{shop.deal}/bookings/new" in offer
    assert "已订完（候补 0 人）" in page(public, f"/deals/{shop.deal}")
    booked = client.post(f"/deals/{shop.deal}/bookings", data=_form(client, shop))
    assert booked.status_code == 303, booked.text
    assert db.session.query(QueuePlace).one().state == "booked"


def _form(client: FlaskClient, shop: s.Shop) -> dict[str, str]:
    html = page(client, f"/deals/{shop.deal}/bookings/new")
    return {**fields(html), "dealer": str(shop.west), "terms": "y", "share": "y"}


def test_the_personal_part_is_nothing_for_a_visitor(app: Flask, shop: s.Shop) -> None:
    s.place(shop, s.member())
    person, here = s.member("13900000001"), f"/deals/{shop.deal}/queue"
    visitor, client = app.test_client(), sign_in(app, person)
    answer = visitor.get(f"{here}/own", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (204, "")
    assert "Set-Cookie" not in answer.headers
    assert client.get(f"{here}/own").status_code == 204
    send(client, here, page(client, here))
    mine = client.get(f"{here}/own", headers={"HX-Request": "true"})
    assert "您排在第" in mine.text
    assert mine.headers["Cache-Control"] == "no-store"
    check(mine.text, whole=False)
    assert page(visitor, f"/deals/{shop.deal}") == page(client, f"/deals/{shop.deal}")  # the same for everyone


HTMX = {"HX-Request": "true"}


def test_the_bar_says_where_one_stands_and_what_is_kept(app: Flask, shop: s.Shop) -> None:
    holder, person = s.member(), s.member("13900000001")
    no, client, here = s.place(shop, holder).no, sign_in(app, person), f"/deals/{shop.deal}/queue"
    send(client, here, page(client, here))
    mine = client.get(f"{here}/own", headers=HTMX).text
    assert '<div id="deal_action" class="grow" hx-swap-oob="true">' in mine
    assert "您在候补第 1 位" in mine
    again = _again(mine)
    assert client.get(again, headers=HTMX).status_code == 204  # nothing is new
    release.cancel_booking(holder, no, app.extensions["pay"], NOW)
    offered = client.get(again, headers=HTMX).text
    check(offered, whole=False)
    assert "为您保留到 11月23日12:00，去预订" in offered
    assert f'href="/deals/{shop.deal}/bookings/new"' in offered
    send(client, f"{here}/leave", page(client, here))
    gone = client.get(_again(offered), headers=HTMX).text
    assert 'id="own_place"' not in gone
    assert 'hx-swap-oob="true"' in gone  # the bar is everybody's again


def _again(html: str) -> str:
    found = re.search(r'id="own_place" hx-get="([^"]+)"', html)
    assert found, html
    return found[1].replace("&amp;", "&")


def test_the_stock_leaves_the_bar_alone_while_the_phase_lasts(app: Flask, shop: s.Shop) -> None:
    no, visitor = s.place(shop, s.member()).no, app.test_client()
    asks = re.search(r'hx-get="(/deals/\w+/stock[^"]*)"', page(visitor, f"/deals/{shop.deal}"))
    assert asks is not None
    assert asks[1].endswith("?seen=sold_out")
    assert "deal_action" not in visitor.get(asks[1], headers=HTMX).text
    assert "deal_action" in visitor.get(f"/deals/{shop.deal}/stock", headers=HTMX).text
    release.cancel_booking(s.Actor("member", s.booking(no).member_id), no, app.extensions["pay"], NOW)
    turned = visitor.get(asks[1], headers=HTMX).text
    assert "立即预订" in turned
    assert 'hx-swap-oob="true"' in turned


def test_the_queue_page_turns_when_a_unit_is_offered(app: Flask, shop: s.Shop) -> None:
    holder, ahead, person = s.member(), s.member("13900000001"), s.member("13900000002")
    no, here = s.place(shop, holder).no, f"/deals/{shop.deal}/queue"
    first, second = sign_in(app, ahead), sign_in(app, person)
    before = page(second, here)
    polls = re.search(r'hx-get="([^"]+/queue/state[^"]+)"', before)
    assert polls is not None
    send(first, here, page(first, here))
    joinable = second.get(polls[1], headers=HTMX)
    assert joinable.headers["HX-Retarget"] == "#queue"
    assert "（候补 1 人）" in joinable.text
    mine = send(second, here, page(second, here))
    assert "您排在第" in mine
    ask = _again(mine)
    assert 'data-watch="300"' in mine  # asks while it is seen, five minutes at most
    assert second.get(ask, headers=HTMX).status_code == 204
    release.cancel_booking(holder, no, app.extensions["pay"], NOW)  # the first is offered the unit
    moved = second.get(ask, headers=HTMX)
    assert "HX-Retarget" not in moved.headers  # the number alone: what is typed below stays
    assert '<span class="num">1</span> 位' in moved.text
    ask = _again(moved.text)
    send(first, f"{here}/leave", page(first, here))
    turned = second.get(ask, headers=HTMX)
    assert turned.headers["HX-Retarget"] == "#queue"
    assert "为您保留了 1 台" in turned.text
    check(turned.text, whole=False)
    assert second.get(ask).headers["Location"] == here  # without scripts it is the page


def test_leaving_and_the_wish_to_be_called(app: Flask, shop: s.Shop) -> None:
    s.place(shop, s.member())
    client, here = sign_in(app, s.member("13900000001")), f"/deals/{shop.deal}/queue"
    mine = send(client, here, page(client, here))
    refused = client.post(here, data={"csrf_token": fields(mine)["csrf_token"], "dealer": str(shop.west)})
    assert refused.status_code == 422
    assert "请勾选同意" in refused.text
    assert db.session.query(QueuePlace).one().lead_consent is False
    agreed = send(client, here, mine, dealer=str(shop.west), lead="y")
    assert "已同意门店在候补期间联系您" in agreed
    store = sign_in(app, Actor("member", _member_of(s.clerk(shop.west))))
    masked = page(store, "/staff/queue")
    assert "139****0001" in masked
    assert "13900000001" not in masked
    number = re.search(r"/staff/queue/(\d+)/contact", masked)
    assert number is not None
    opened = store.post(number[0], data={"csrf_token": fields(masked)["csrf_token"]})
    assert "tel:13900000001" in opened.text
    gone = send(client, f"{here}/leave", agreed)
    assert "加入候补" in gone
    assert "已退出候补" in gone


def _member_of(clerk: Actor) -> int:
    return db.session.get_one(StaffMember, clerk.id).member_id


@pytest.mark.parametrize(("days", "words"), [(-2, "还没有开始"), (6, "活动已结束")])
def test_a_queue_that_is_none_says_why(app: Flask, shop: s.Shop, days: int, words: str) -> None:
    actor = s.member("13900000001")
    with time_machine.travel(NOW + timedelta(days=days), tick=False):
        assert words in page(sign_in(app, actor), f"/deals/{shop.deal}/queue")
    client = sign_in(app, actor)
    assert "现在还有名额" in page(client, f"/deals/{shop.deal}/queue")
    assert client.get("/deals/nothing/queue").status_code == 404


def test_a_hold_is_extended_from_the_cashier(app: Flask, shop: s.Shop) -> None:
    actor: Actor = s.member()
    no, client = s.place(shop, actor).no, sign_in(app, actor)
    cashier = page(client, f"/bookings/{no}/payment")
    assert "再保留 10 分钟" in cashier
    after = send(client, f"/bookings/{no}/extension", cashier)
    assert "12:25" in after
    assert "再保留 10 分钟" not in after
    again = client.post(f"/bookings/{no}/extension", data={"csrf_token": fields(after)["csrf_token"]})
    assert again.status_code == 303
    assert s.booking(no).hold_until == NOW + timedelta(minutes=25)
