"""Headquarters: live boards, pausing a deal at once, corrections with their reason, moderation, honour."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from app.booking import errors
from app.booking.models import Booking, OnePriceDeal
from app.booking.queries import board, moderation
from app.booking.rules import BookingAction, DealPhase
from app.booking.services import correct, pause, queue
from app.booking.services.change import Change, lock_booking, move
from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.reviews import services
from app.reviews.rules import SubjectKind
from app.reviews.services import NewReview
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields
from tests.client import check
from tests.operators import admin_client

CHIEF = Actor("operator", 1)
VIN = "LSVAA2A14N1234567"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def put(no: str, **values: object) -> None:
    """A booking as the steps before would have left it."""
    with transaction():
        db.session.execute(update(Booking).where(Booking.no == no).values(**values))


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:300]
    check(answer.text, whole=True)
    return unescape(answer.text)


def trail(action: str) -> list[dict[str, object]]:
    db.session.rollback()
    return [row.detail for row in db.session.scalars(select(AuditEntry).where(AuditEntry.action == action))]


# ---- pausing ----


def test_a_paused_deal_refuses_bookings_at_once_and_says_why(app: Flask) -> None:
    shop, shopper = s.build(), app.test_client()
    assert "立即预订" in shopper.get(f"/deals/{shop.deal}").text
    before = publishing.version()
    assert pause.pause_deal(CHIEF, shop.deal, "价格核对中", NOW)
    assert publishing.version() == before + 1
    with pytest.raises(errors.DealPaused):
        s.place(shop, s.member())
    assert s.units_left(shop) == 10
    shown = shopper.get(f"/deals/{shop.deal}/stock", headers={"HX-Request": "true"}).text
    assert "暂停预订" in shown
    assert "原因：价格核对中。" in shown
    assert "bookings/new" not in shown
    assert not pause.pause_deal(CHIEF, shop.deal, "另一个原因", NOW)  # a second tap
    assert [row["reason"] for row in trail("deal_paused")] == ["价格核对中"]
    assert pause.resume_deal(CHIEF, shop.deal, NOW + HOUR)
    assert not pause.resume_deal(CHIEF, shop.deal, NOW + HOUR)
    assert [row["paused_seconds"] for row in trail("deal_resumed")] == [3600]
    assert s.place(shop, s.member("13900000003")).no


def test_a_pause_needs_a_reason_and_an_operator(app: Flask) -> None:
    shop = s.build()
    with pytest.raises(errors.ReasonNeeded):
        pause.pause_deal(CHIEF, shop.deal, " 停 ", NOW)
    for actor in (s.clerk(shop.west, "manager"), s.member()):
        with pytest.raises(NotAllowed):
            pause.pause_deal(actor, shop.deal, "价格核对中", NOW)
        with pytest.raises(NotAllowed):
            pause.resume_deal(actor, shop.deal, NOW)
    assert board.get_board(shop.deal, NOW).line.phase is DealPhase.RUNNING


def test_offers_get_back_the_time_a_pause_took(app: Flask) -> None:
    shop = s.build(units=1, queue_when_sold_out=True)
    placed, waiting = s.place(shop, s.member()), s.member("13900000004")
    assert queue.join(waiting, shop.deal, NOW) == 1
    assert board.get_board(shop.deal, NOW).line.waiting == 1
    with transaction():
        move(lock_booking(placed.id), Change(BookingAction.CANCEL, "cancelled"), CHIEF, NOW)
    line = board.get_board(shop.deal, NOW)
    assert (line.line.offered, line.line.units_left, line.line.adds_up) == (1, 0, True)
    until = line.next_offer_text
    pause.pause_deal(CHIEF, shop.deal, "价格核对中", NOW + HOUR)
    pause.resume_deal(CHIEF, shop.deal, NOW + 3 * HOUR)
    assert board.get_board(shop.deal, NOW).next_offer_text != until


# ---- boards ----


def test_the_board_counts_each_dealer_and_adds_up(app: Flask) -> None:
    shop = s.build(units=10, per_person=4)
    states = ["held", "deposit_paid", "confirmed", "car_ready", "handed_over", "expired", "refunding", "refunded"]
    for n, state in enumerate(states):
        placed = s.place(shop, s.member(f"1390000{n:04d}"), dealer_id=shop.west if n % 2 else shop.east)
        put(placed.no, state=state)
    with transaction():  # three of them gave their unit back
        db.session.execute(update(OnePriceDeal).values(units_left=5))
    found = board.get_board(shop.deal, NOW)
    assert found.totals == (1, 1, 1, 1, 1, 1, 1, 1, 0)
    assert {store.name: sum(store.cells) for store in found.stores} == {"西湖店": 4, "浦东店": 4}
    assert found.line.adds_up
    assert len(found.events) == 8
    own = board.get_board(shop.deal, NOW, dealer_id=shop.west)
    assert [store.name for store in own.stores] == ["西湖店"]
    assert len(own.events) == 4
    with transaction():
        db.session.execute(update(OnePriceDeal).values(units_left=4))
    assert not board.get_board(shop.deal, NOW).line.adds_up


def test_a_board_costs_the_same_however_many_bookings(app: Flask) -> None:
    shop, seen = s.build(units=10), []
    event.listen(db.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    costs = []
    for n in range(4):
        s.place(shop, s.member(f"1390000{n:04d}"))
        seen.clear()
        db.session.expire_all()
        board.get_board(shop.deal, NOW)
        costs.append(len(seen))
    assert costs[1:] == [costs[0]] * 3
    assert costs[0] <= 8


def test_pages_of_the_boards(app: Flask) -> None:
    client = admin_client(app)
    assert "还没有一口价" in page(client, "/admin/deals")
    shop = s.build()
    assert "进行中" in page(client, "/admin/deals")
    path = f"/admin/deals/{shop.deal}"
    whole = page(client, path)
    assert "还没有预订" in whole
    fragment = client.get(path, headers={"HX-Request": "true"}).text
    check(fragment, whole=False)
    assert fragment.count("<h1") == 0
    assert 'hx-trigger="every 5s, refresh"' in fragment
    refused = client.post(f"{path}/pause", data={"csrf_token": token(whole), "reason": ""})
    assert refused.status_code == 422
    assert "请写明暂停原因" in refused.text
    data = {"csrf_token": token(whole), "reason": "价格核对中"}
    assert client.post(f"{path}/pause", data={**data, "csrf_token": "x"}).status_code == 419
    assert client.post(f"{path}/pause", data=data).status_code == 303
    assert client.post(f"{path}/pause", data=data).status_code == 303  # the second tap
    assert "价格核对中" in page(client, path)
    assert client.post(f"{path}/resume", data=data).status_code == 303
    assert "立即暂停" in page(client, path)
    assert client.get("/admin/deals/nothing").status_code == 404
    assert client.post("/admin/deals/nothing/pause", data=data).status_code == 404
    assert app.test_client().get(path).status_code == 302  # nobody is signed in


# ---- search ----


def test_bookings_are_found_by_number_phone_state_and_dealer(app: Flask) -> None:
    shop, client = s.build(), admin_client(app)
    first, second = s.place(shop, s.member()), s.place(shop, s.member("13900000009"), dealer_id=shop.east)
    put(second.no, contact_phone="13900000009")

    def search(**given: object):
        token = fields(client.get("/admin/bookings").text)["csrf_token"]
        return client.post("/admin/bookings", data={"csrf_token": token, **given})

    def found(**given: object) -> set[str]:
        answer = search(**given)
        assert answer.status_code == 303
        assert "0009" not in answer.headers["Location"]  # a part of a phone number stands in no address
        return set(re.findall(r"/admin/bookings/(B\w+)", page(client, answer.headers["Location"])))

    assert found() == {first.no, second.no}
    assert found(no=first.no.lower()) == {first.no}
    assert found(tail="0009") == {second.no}
    assert found(dealer=shop.east) == {second.no}
    assert found(state="held") == {first.no, second.no}
    assert found(state="done") == set()
    assert page(client, f"/admin/bookings?dealer={'9' * 24}")  # no row has such a number
    text = page(client, "/admin/bookings?no=B999")
    assert "没有找到预订" in text
    refused = search(tail="12")
    assert refused.status_code == 422
    assert "请输入手机号的后四位数字" in refused.text
    assert first.no in page(client, "/admin/bookings?tail=0009")  # an old address narrows nothing
    assert "13900002086" not in page(client, "/admin/bookings")


def test_name_and_number_are_shown_for_a_reason_that_is_kept(app: Flask) -> None:
    shop, client = s.build(), admin_client(app)
    no = s.place(shop, s.member()).no
    path = f"/admin/bookings/{no}"
    masked = page(client, path)
    assert "13900002086" not in masked
    assert "周样例" not in masked
    assert client.post(f"{path}/look", data={"csrf_token": token(masked), "reason": ""}).status_code == 422
    shown = client.post(f"{path}/look", data={"csrf_token": token(masked), "reason": "客户来电"})
    assert "13900002086" in shown.text
    assert [row["reason"] for row in trail("booking_looked_at")] == ["客户来电"]
    assert client.get("/admin/bookings/B0").status_code == 404


# ---- corrections ----


@pytest.fixture
def no(app: Flask) -> str:
    """A confirmed booking with a car and an appointment."""
    shop = s.build()
    number = s.place(shop, s.member()).no
    put(
        number, state="confirmed", confirm_by=NOW, confirmed_at=NOW - HOUR, ready_by=NOW + 24 * HOUR, vin=VIN,
        appointment_at=NOW + 2 * HOUR,
    )  # fmt: skip
    return number


def test_a_promised_time_is_corrected_once_with_before_and_after(no: str) -> None:
    seen, at = NOW + 24 * HOUR, NOW + 48 * HOUR
    assert correct.correct_promise(CHIEF, no, "ready", at, seen, "物流延误", NOW)
    assert not correct.correct_promise(CHIEF, no, "ready", at, seen, "物流延误", NOW)  # the form again
    assert s.booking(no).ready_by == at
    (entry,) = trail("booking_corrected")
    assert entry == {"what": "ready_by", "before": seen.isoformat(), "after": at.isoformat(), "reason": "物流延误"}
    assert s.events(no).count("corrected") == 1
    with pytest.raises(errors.ChangedMeanwhile):
        correct.correct_promise(CHIEF, no, "ready", NOW + 72 * HOUR, seen, "物流延误", NOW)
    with pytest.raises(errors.TimeWrong):
        correct.correct_promise(CHIEF, no, "ready", NOW - HOUR, at, "物流延误", NOW)
    with pytest.raises(errors.TimeWrong, match="不能晚于"):  # the terms give the dealer so many days, not more
        days = s.booking(no).promised_days
        correct.correct_promise(CHIEF, no, "ready", NOW + (days * 24 + 1) * HOUR, at, "物流延误", NOW)
    with pytest.raises(errors.CannotNow):  # confirmed already
        correct.correct_promise(CHIEF, no, "confirm", NOW + HOUR, NOW, "物流延误", NOW)
    with pytest.raises(errors.ReasonNeeded):
        correct.correct_promise(CHIEF, no, "ready", NOW + 72 * HOUR, at, "晚", NOW)


def test_an_appointment_is_corrected_or_taken_off(no: str) -> None:
    assert correct.correct_appointment(CHIEF, no, NOW + 5 * HOUR, NOW + 2 * HOUR, "电话改期", NOW)
    assert s.booking(no).appointment_at == NOW + 5 * HOUR
    assert correct.correct_appointment(CHIEF, no, None, NOW + 5 * HOUR, "电话取消", NOW)
    assert s.booking(no).appointment_at is None


def test_a_car_is_corrected_and_stands_on_one_booking(no: str) -> None:
    with pytest.raises(errors.VinWrong):
        correct.correct_vin(CHIEF, no, "LSV", VIN, "录入错误", NOW)
    good = next(v for v in _vins() if v != VIN)
    put(no, vin=None)
    assert correct.correct_vin(CHIEF, no, good.lower(), None, "录入错误", NOW)
    assert s.booking(no).vin == good
    row = s.booking(no)
    shop = s.Shop(row.deal.slug, row.deal_id, row.dealer_id, 0, 0, row.terms_version)
    other = s.place(shop, s.member("13900000005")).no
    put(other, state="confirmed")
    with pytest.raises(errors.VinTaken):
        correct.correct_vin(CHIEF, other, good, None, "录入错误", NOW)


def _vins() -> list[str]:
    """Two numbers with a right check digit."""
    from app.booking.rules.promises import check_digit

    drafts = ["LSVAA2A10N1234567", "LSVAA2A10N1234568"]
    return [draft[:8] + check_digit(draft) + draft[9:] for draft in drafts]


def test_a_receipt_number_is_corrected_but_never_the_payment(no: str) -> None:
    with pytest.raises(errors.NothingToCorrect):
        correct.correct_document(CHIEF, no, "SJ-0002", "", "录入错误", NOW)
    put(no, balance_channel="store", balance_paid_at=NOW, balance_document="SJ-0001")
    assert correct.correct_document(CHIEF, no, "SJ-0002", "SJ-0001", "录入错误", NOW)
    with pytest.raises(errors.DocumentWrong):
        correct.correct_document(CHIEF, no, "", "SJ-0002", "录入错误", NOW)
    row = s.booking(no)
    assert (row.balance_document, row.balance_paid_at) == ("SJ-0002", NOW)


def test_a_no_show_is_taken_back(no: str) -> None:
    assert not correct.take_back_no_show(CHIEF, no, "客户到过店", NOW)
    put(no, no_show_at=NOW, no_show_reason="电话未接")
    assert correct.take_back_no_show(CHIEF, no, "客户到过店", NOW)
    row = s.booking(no)
    assert (row.no_show_at, row.no_show_reason, row.state) == (None, "", "confirmed")


def test_an_excused_default_does_not_count_but_stays(no: str) -> None:
    with pytest.raises(errors.NothingToCorrect):
        correct.excuse_default(CHIEF, no, "台风停运", NOW)
    put(no, default_kind="ready", defaulted_at=NOW, state="refunding")
    assert [(row.missed, row.excused) for row in moderation.list_honour(NOW)] == [(1, 0)]
    assert correct.excuse_default(CHIEF, no, "台风停运", NOW)
    assert not correct.excuse_default(CHIEF, no, "台风停运", NOW)
    row = s.booking(no)
    assert (row.default_kind, row.default_excused_at, row.state) == ("ready", NOW, "refunding")
    assert [(row.missed, row.excused) for row in moderation.list_honour(NOW)] == [(1, 1)]


def test_no_correction_is_a_stores_or_a_customers(no: str) -> None:
    for actor in (s.clerk(s.booking(no).dealer_id, "manager"), Actor("member", s.booking(no).member_id)):
        with pytest.raises(NotAllowed):
            correct.correct_vin(actor, no, _vins()[1], VIN, "录入错误", NOW)
        with pytest.raises(NotAllowed):
            correct.take_back_no_show(actor, no, "客户到过店", NOW)


def test_corrections_from_the_page(app: Flask, no: str) -> None:
    client, path = admin_client(app), f"/admin/bookings/{no}"
    shown = page(client, path)
    for words in ("更正最迟备好车时间", "更正到店时间", "更正车架号"):
        assert words in shown
    assert "撤销未到店记录" not in shown
    data = {
        "csrf_token": token(shown), "what": "ready_by", "value": "2026-11-25T18:00",
        "seen": (NOW + 24 * HOUR).isoformat(), "reason": "物流延误",
    }  # fmt: skip
    assert client.post(f"{path}/correction", data=data).status_code == 303
    assert client.post(f"{path}/correction", data=data).status_code == 303
    after = page(client, path)
    assert "2026-11-25 18:00" in after
    assert "物流延误" in after
    refused = client.post(f"{path}/correction", data={**data, "value": "2026-11-20T18:00"})
    assert refused.status_code == 422
    check(refused.text, whole=True)
    assert "2026-11-20T18:00" in refused.text  # what was typed stays
    assert client.post(f"{path}/correction", data={**data, "value": "bad"}).status_code == 422
    assert client.post(f"{path}/correction", data={**data, "what": "state"}).status_code == 404
    assert len(trail("booking_corrected")) == 1


# ---- reviews ----


def test_a_review_is_hidden_with_a_reason_and_shown_again(app: Flask, no: str) -> None:
    booking, client = s.booking(no), admin_client(app)
    empty = page(client, "/admin/reviews")
    assert "没有评价" in empty
    with transaction():
        said = NewReview(
            SubjectKind.BOOKING, booking.id, no, booking.dealer_id, booking.car_name, "周样例", 2, 5, text="等了很久"
        )
        number = services.write_review(Actor("member", booking.member_id), said, NOW)
    shown = page(client, "/admin/reviews")
    assert "等了很久" in shown
    data = {"csrf_token": token(shown), "reason": ""}
    assert "请写明隐藏原因" in client.post(f"/admin/reviews/{number}/hiding", data=data).text
    data["reason"] = "含他人电话"
    for _ in range(2):
        assert client.post(f"/admin/reviews/{number}/hiding", data=data).status_code == 303
    assert "等了很久" not in page(client, "/admin/reviews")
    assert "含他人电话" in page(client, "/admin/reviews?hidden=1")
    assert len(trail("review_hidden")) == 1
    assert client.post(f"/admin/reviews/{number}/showing", data=data).status_code == 303
    assert not services.show_review(CHIEF, number)
    assert "等了很久" in page(client, "/admin/reviews")
    with pytest.raises(NotAllowed):
        services.hide_review(s.clerk(booking.dealer_id, "manager"), number, "不好看的评价", NOW)
