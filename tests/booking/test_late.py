"""Somebody comes too late: told at once by one small read, whoever holds a lock; nobody owed a unit is refused."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, text

from app.booking.models import QueuePlace
from app.core.db import db, transaction
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import open_form, sign_in
from tests.client import check

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def test_too_late_is_said_at_once_and_again_is_no_second_booking(app: Flask) -> None:
    shop = s.build(units=1)
    early, late = sign_in(app, s.member()), sign_in(app, s.member("13900000002"))
    first, second = open_form(early, shop), open_form(late, shop)
    path = f"/deals/{shop.deal}/bookings"
    placed = early.post(path, data=first)
    assert placed.status_code == 303
    answer = late.post(path, data=second)
    assert answer.status_code == 422
    check(answer.text, whole=True)
    assert "刚刚被订完了" in answer.text
    assert "我的预订" in answer.text
    fragment = late.post(path, data=second, headers={"HX-Request": "true"})
    check(fragment.text, whole=False)
    assert 'id="form"' in fragment.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    again = early.post(path, data=first)  # the answer was lost on the way
    assert again.headers["Location"] == placed.headers["Location"]


def test_who_comes_too_late_waits_for_no_lock_and_costs_one_read(app: Flask) -> None:
    shop = s.build(units=1)
    s.place(shop, s.member())
    late = sign_in(app, s.member("13900000002"))
    data = {"idempotency_key": "some-form-key"}
    late.post(f"/deals/{shop.deal}/bookings", data=data)  # the page is made once
    through_session: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: through_session.append(given[2]))
    held, done = threading.Event(), threading.Event()

    def writer() -> None:
        with app.app_context(), transaction():
            db.session.execute(text("UPDATE one_price_deals SET title = title"))
            held.set()
            done.wait(20)

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        assert held.wait(20)
        through_session.clear()
        from app.booking.views import late as view

        with mock.patch.object(view, "look_late", wraps=view.look_late) as look:
            answer = late.post(f"/deals/{shop.deal}/bookings", data=data)
    finally:
        done.set()
        thread.join()
    assert answer.status_code == 422
    assert look.call_count == 1
    assert through_session == []


def test_nobody_who_is_kept_a_unit_is_too_late(app: Flask) -> None:
    shop, actor = s.build(units=1, queue_when_sold_out=True), s.member("13900000002")
    s.place(shop, s.member())
    client = sign_in(app, actor)
    data = open_form(client, shop)
    path = f"/deals/{shop.deal}/bookings"
    assert "去候补" in client.post(path, data=data).text
    with transaction():
        place = QueuePlace(
            deal_id=shop.deal_id, member_id=actor.id, state="offered", claimed_at=NOW, joined_at=NOW, offered_at=NOW,
            offer_until=NOW + timedelta(hours=1),
        )  # fmt: skip
        db.session.add(place)
    assert client.post(path, data=data).status_code == 303
    assert app.test_client().post(path, data=data).status_code in {302, 303, 419}  # a stranger goes the ordinary way
