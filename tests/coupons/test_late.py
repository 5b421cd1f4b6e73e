"""Somebody comes when all is claimed: told at once by one small read; who has a coupon of it goes the ordinary way."""

from unittest import mock

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event

from app.core.db import db
from app.coupons.views import late as view
from tests.booking.test_views import fields, sign_in
from tests.client import check
from tests.coupons import campaigns as c
from tests.coupons.test_pages import HTMX

pytestmark = pytest.mark.both_databases
PATH = "/coupons/c1/claims"


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(c.NOW, tick=False):
        yield


def test_that_all_are_claimed_costs_one_read_and_again_is_no_second_coupon(app: Flask) -> None:
    c.campaign("c1", total=1)
    first, late = sign_in(app, c.member()), sign_in(app, c.member("13900000002"))
    form, other = fields(first.get(f"{PATH}/new").text), fields(late.get(f"{PATH}/new").text)
    claimed = first.post(PATH, data=form)
    assert claimed.status_code == 303
    page, part = late.post(PATH, data=other), late.post(PATH, data=other, headers=HTMX)
    for answer, whole in ((page, True), (part, False)):
        assert answer.status_code == 422
        check(answer.text, whole=whole)
        assert "刚刚被领完了" in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
        assert other["csrf_token"] not in answer.text
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with mock.patch.object(view, "look_late", wraps=view.look_late) as look:
        again = late.post(PATH, data=other), late.post(PATH, data=other, headers=HTMX)
    assert [answer.data for answer in again] == [page.data, part.data]
    assert look.call_count == 2
    assert asked == []  # through the session: nothing
    same = first.post(PATH, data=form)  # the answer was lost on the way
    assert same.headers["Location"] == claimed.headers["Location"]


def test_one_that_comes_free_again_is_got(app: Flask) -> None:
    c.campaign("c1", total=0)
    client = sign_in(app, c.member())
    form = fields(client.get("/coupons/claims/new").text)
    assert client.post(PATH, data=form).status_code == 422
    c.change(total=1)
    assert client.post(PATH, data=form).status_code == 303


@pytest.mark.parametrize("state", ["paused", "ended"])
def test_another_reason_is_told_as_what_it_is(app: Flask, state: str) -> None:
    c.campaign("c1", total=0)
    client = sign_in(app, c.member())
    form = fields(client.get("/coupons/claims/new").text)
    c.change(state=state)
    answer = client.post(PATH, data=form)
    assert answer.status_code == 422
    assert "领完" not in answer.text


def test_a_way_that_asks_for_more_judges_that_first(app: Flask) -> None:
    """A campaign with a passphrase says nothing to who does not know it."""
    c.campaign("c1", total=0, way="口令")
    client = sign_in(app, c.member())
    form = fields(client.get("/coupons/claims/new").text)
    answer = client.post(PATH, data=form | {"passphrase": "wrong"})
    assert answer.status_code == 422
    assert "领完" not in answer.text.split("<form")[-1]
    assert app.test_client().post(PATH, data=form).status_code in {302, 303, 419}  # a stranger goes the ordinary way
