"""What shoppers read and send: a crowd on a deal, a reminder, the time to come, the calendar, the sheet, a review."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, update

from app.booking import queries
from app.booking.calendar import pick_up_calendar
from app.booking.errors import AlreadyStarted, ColourGone, PriceChanged, ReviewClosed
from app.booking.models import Booking, DealDealer, OnePriceDeal
from app.booking.rules import BookingState, path
from app.booking.services import progress, reminders, reviews
from app.booking.services.reviews import Opinion
from app.catalog.models import Colour, Series
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import privacy
from app.messages import queries as inbox
from app.reviews import queries as said
from app.reviews.errors import ReviewAnswered
from app.reviews.queries import export_own
from app.reviews.services import answer_review, hide_review
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check

SOON = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def paid(state: str = "deposit_paid", **values: object) -> tuple[Actor, s.Shop, str]:
    """A booking of a member, put into a state."""
    actor, shop = s.member(), s.build()
    placed = s.place(shop, actor)
    given = {"state": state, "state_at": NOW, "confirm_by": NOW + timedelta(hours=24), **values}
    with transaction():
        db.session.execute(update(Booking).where(Booking.no == placed.no).values(**given))
    return actor, shop, placed.no


def statements(app: Flask, ask: int, path: str) -> int:
    """How many connections a crowd's requests take from the pool."""
    taken: list[int] = []

    def listen(*_: object) -> None:
        taken.append(1)

    event.listen(db.engine, "checkout", listen)
    texts = {app.test_client().get(path).text for _ in range(ask)}
    event.remove(db.engine, "checkout", listen)
    assert len(texts) == 1
    return len(taken)


def test_a_crowd_on_the_countdown_costs_the_database_nothing(app: Flask) -> None:
    shop = s.build(starts_at=SOON)
    app.test_client().get(f"/deals/{shop.deal}")
    few, many = (statements(app, asked, f"/deals/{shop.deal}") for asked in (10, 200))
    assert many == 0
    assert few <= 10
    with time_machine.travel(SOON - timedelta(seconds=1), tick=False):
        assert "即将开始" in app.test_client().get(f"/deals/{shop.deal}").text
        for _ in range(9):
            app.test_client().get(f"/deals/{shop.deal}")
    with time_machine.travel(SOON, tick=False):
        assert "立即预订" in app.test_client().get(f"/deals/{shop.deal}").text


def test_stock_in_a_crowd_is_a_second_old_at_most(app: Flask) -> None:
    shop, url = s.build(units=3), "/deals/d1/stock"
    for _ in range(10):
        assert '余 <span class="num">3</span> 台' in app.test_client().get(url).text
    s.place(shop, s.member())
    assert app.test_client().get(url).headers["Cache-Control"].endswith("s-maxage=1")
    with time_machine.travel(NOW + timedelta(seconds=1), tick=False):
        assert '余 <span class="num">2</span> 台' in app.test_client().get(url).text


class SharedCache:
    """A cache before the shop, as old as its answers allow it to be."""

    def __init__(self, app: Flask, path: str) -> None:
        self.app, self.path, self.text, self.until = app, path, "", NOW

    def get(self, now: datetime) -> str:
        if now >= self.until:
            answer = self.app.test_client().get(self.path)
            age = re.search(r"s-maxage=(\d+)$", answer.headers["Cache-Control"])  # and nothing stale after it
            assert age is not None
            self.text, self.until = answer.text, now + timedelta(seconds=int(age[1]))
        return self.text


@pytest.mark.parametrize("by_dealer", [False, True])
@pytest.mark.parametrize("path", ["/deals", "/deals/d1", "/deals/d1/stock", "/deals/d1/stock?seen=running"])
def test_stock_shown_to_a_crowd_was_true_within_two_seconds(app: Flask, path: str, by_dealer: bool) -> None:
    """Through the kept pages of the process and a shared cache before it; every tenth of a second is looked at."""
    total, cache = 500, SharedCache(app, path)
    shop = s.build(units=total, stock_by_dealer=by_dealer)
    truth: list[tuple[datetime, int]] = [(NOW, total)]
    own = update(DealDealer).where(DealDealer.dealer_id == shop.west)
    with transaction():
        db.session.execute(own.values(units_total=total, units_left=total))
    with time_machine.travel(NOW, tick=False) as clock:
        for step in range(60):
            now = NOW + timedelta(milliseconds=100 * step)
            clock.move_to(now)
            if step % 7 in (2, 3):  # somebody took units: now one, now many, within and across the seconds
                left = truth[-1][1] - 1 - step % 5
                with transaction():
                    db.session.execute(update(OnePriceDeal).values(units_left=left))
                    db.session.execute(own.values(units_left=left))
                truth.append((now, left))
            for _ in range(0 if step % 4 else 8):  # a crowd and a few: both ways of keeping are used
                app.test_client().get(path)
            direct, shared = app.test_client().get(path).text, cache.get(now)
            for text, old in ((direct, 1), (shared, 2)):
                found = re.search(r'余 <span class="num">(\d+)</span> 台', text)
                assert found, text[:2000]
                ended = [at for at, _ in truth[1:]] + [now + timedelta(days=1)]
                true = [until for (_, units), until in zip(truth, ended, strict=True) if units == int(found[1])]
                assert true, (step, found[1])
                assert now - true[-1] < timedelta(seconds=old), (step, found[1], truth[-3:])


def test_a_deal_says_its_promises(app: Flask) -> None:
    start, end = NOW + timedelta(days=20), NOW + timedelta(days=30)
    s.build(
        included="裸车一台；充电桩", excluded="保险", confirm_hours=12, ready_days=9, queue_when_sold_out=True,
        balance_starts_at=start, balance_ends_at=end,
    )  # fmt: skip
    page = app.test_client().get("/deals/d1").text
    for words in (
        "裸车一台",
        "保险",
        "付款后 12 小时内",
        "确认后 9 天内",
        "预售怎么付",
        "12月12日12:00",
        "1 台",
        "西湖店",
    ):
        assert words in page, words
    assert "停业店" not in page
    with transaction():
        db.session.execute(update(OnePriceDeal).values(units_left=3, waiting=2))
    sold_out = app.test_client().get("/deals/d1").text
    assert "加入候补" in sold_out  # three units left, owed to those who wait
    assert "立即预订" not in sold_out
    with transaction():
        db.session.execute(update(OnePriceDeal).values(paused_at=NOW, waiting=0, units_left=2))
    with time_machine.travel(NOW + timedelta(seconds=1), tick=False):
        assert "暂停了新的预订" in app.test_client().get("/deals/d1/stock").text


def test_a_reminder_is_sent_once_ten_minutes_before(app: Flask) -> None:
    shop, actor = s.build(starts_at=SOON), s.member()
    client = sign_in(app, actor)
    page = client.get("/deals/d1/reminder").text
    for _ in range(2):
        assert client.post("/deals/d1/reminder", data=fields(page)).status_code == 303
    assert "已设置" in client.get("/deals/d1/reminder").text
    assert reminders.send_due(SOON - timedelta(minutes=11)) == 0
    assert reminders.send_due(SOON - timedelta(minutes=10)) == 1
    assert reminders.send_due(SOON - timedelta(minutes=9)) == 0
    [message] = inbox.list_inbox(actor.id or 0)
    assert (message.title, message.href) == ("一口价即将开始", "/deals/d1")
    assert "11月22日14:00开始，共 10 台" in message.body
    late = s.member("13900002087")
    with pytest.raises(AlreadyStarted):
        reminders.remind(late, "d1", SOON)
    assert not reminders.is_set(shop.deal, late.id or 0)


def test_a_reminder_of_a_paused_deal_or_after_half_an_hour_is_not_sent(app: Flask) -> None:
    s.build(starts_at=SOON)
    people = [s.member(f"1390000209{n}") for n in range(2)]
    reminders.remind(people[0], "d1", NOW)
    assert reminders.send_due(SOON + timedelta(minutes=31)) == 0
    reminders.remind(people[1], "d1", NOW)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(paused_at=NOW))
    assert reminders.send_due(SOON) == 0
    assert not [m for p in people for m in inbox.list_inbox(p.id or 0)]


def test_both_sides_agree_a_time_and_the_calendar_has_it(app: Flask) -> None:
    actor, shop, no = paid()
    client, at = sign_in(app, actor), NOW + timedelta(days=3)
    page = client.get(f"/bookings/{no}").text
    assert "11月23日12:00前" in page  # the promised hour
    assert client.get(f"/bookings/{no}/calendar.ics").status_code == 404
    form = {"csrf_token": fields(page)["csrf_token"], "at": "2026-11-24T10:30"}
    assert client.post(f"/bookings/{no}/appointment", data=form).status_code == 303
    assert "11月24日10:30 到店，等待门店答复" in client.get(f"/bookings/{no}").text
    assert client.post(f"/bookings/{no}/appointment", data=form | {"at": "2026-01-01T10:30"}).status_code == 422
    progress.propose_time(s.clerk(shop.west), no, at, NOW)
    agree = fields(client.get(f"/bookings/{no}").text)
    assert client.post(f"/bookings/{no}/appointment/agreement", data=agree).status_code == 303
    assert s.booking(no).appointment_at == at
    answer = client.get(f"/bookings/{no}/calendar.ics")
    assert answer.mimetype == "text/calendar"
    assert "DTSTART;TZID=Asia/Shanghai:20261125T120000\r\n" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_calendar_file_keeps_to_the_format(app: Flask) -> None:
    _, _, no = paid(car_name="岫 S5, 2026款; 长续航\\版")
    booking = s.booking(no)
    booking.dealer.address = "样例路 1 号；很长的地址" * 6
    text = pick_up_calendar(
        booking, datetime(2026, 12, 31, 16, 30, tzinfo=UTC), f"https://shop.example/bookings/{no}", NOW
    )
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    whole = text.replace("\r\n ", "")
    assert "SUMMARY:到店提车 岫 S5\\, 2026款\\; 长续航\\\\版" in whole
    assert "DTSTART;TZID=Asia/Shanghai:20270101T003000" in whole  # the new year begins in Shanghai
    assert whole.count("BEGIN:") == whole.count("END:") == 5
    db.session.rollback()


def test_the_sheet_has_the_number_and_no_code(app: Flask) -> None:
    actor, _, no = paid()
    page = sign_in(app, actor).get(f"/bookings/{no}/sheet").text
    assert no in page
    assert "qr" not in page.replace("qr-code", "")
    row = s.booking(no)
    for shown in (page, sign_in(app, actor).get(f"/bookings/{no}").text):
        assert row.terms_hash in shown
        assert "您同意的条款" in shown
        assert f"版本 {row.terms_version}" in shown
        assert "一口价 ¥88,800，订金 ¥1,000" in shown  # the words themselves
    assert sign_in(app, s.member("13900002089")).get(f"/bookings/{no}/sheet").status_code == 404


@pytest.mark.parametrize("state", list(BookingState))
@pytest.mark.parametrize("kind", ["订金", "定金"])
def test_every_state_says_what_comes_next_and_what_if_not(app: Flask, state: BookingState, kind: str) -> None:
    facts = path.Facts(
        state, kind, 100_000, 8_780_000, 24, 30, NOW, NOW, NOW, None, SOON, None, None, None, reviewed=False
    )  # fmt: skip
    assert path.next_sentence(facts)
    for step in path.ahead(facts):
        assert step.when.startswith(("您", "门店", "平台"))
        assert step.text
    words = "".join(step.text for step in path.ahead(facts))
    if state in (BookingState.HELD, BookingState.DEPOSIT_PAID):
        assert ("另一倍由总部核实后支付" in words) == (kind == "定金")
        assert ("全额退回" in words) == (kind == "订金")


def test_a_review_is_written_once_after_the_hand_over_and_answered_once(app: Flask) -> None:
    actor, shop, no = paid()
    with pytest.raises(ReviewClosed):
        reviews.review(actor, no, Opinion(5, 4, "好"), NOW)
    with transaction():
        db.session.execute(update(Booking).values(state="handed_over"))
    client = sign_in(app, actor)
    form = fields(client.get(f"/bookings/{no}/review").text)
    assert client.post(f"/bookings/{no}/review", data=form | {"car_stars": "9"}).status_code == 422
    good = form | {"car_stars": "5", "dealer_stars": "3", "text": "<b>不错</b>"}
    assert client.post(f"/bookings/{no}/review", data=good).status_code == 303
    with pytest.raises(ReviewClosed):
        reviews.review(actor, no, Opinion(1, 1), NOW)
    [line] = said.list_series_reviews("s5")
    assert (line.name, line.car_stars, line.dealer_stars) == ("周*", 5, 3)
    assert "&lt;b&gt;不错" in client.get("/deals/d1").text
    rating = said.rate_dealers([shop.west])[shop.west]
    assert (rating.mean, rating.count) == (3.0, 1)
    clerk = s.clerk(shop.west, "supervisor")
    with pytest.raises(NotFound):
        answer_review(s.clerk(shop.east, "supervisor"), line.id, "谢谢", NOW)
    answer_review(clerk, line.id, "谢谢", NOW)
    with pytest.raises(ReviewAnswered):
        answer_review(clerk, line.id, "再谢", NOW)
    assert said.list_dealer_reviews(shop.west)[0].answer == "谢谢"


def test_what_people_say_stands_on_the_pages_of_the_car_and_the_store(app: Flask) -> None:
    actor, shop, no = paid()
    visitor, part = app.test_client(), {"HX-Request": "true"}
    places = [("/series/s5/reviews", "车主口碑"), ("/dealers/west/reviews", "到店客户评价")]
    for here, _ in places:
        assert visitor.get(here, headers=part).text.strip() == ""  # no block at all
        assert "还没有评价" in visitor.get(here).text
    with transaction():
        db.session.execute(update(Booking).values(state="handed_over"))
    reviews.review(actor, no, Opinion(5, 4, "<b>不错</b>"), NOW)
    [line] = said.list_series_reviews("s5")
    answer_review(s.clerk(shop.west, "manager"), line.id, "谢谢您", NOW)
    for (here, title), stars in zip(places, ("5.0", "4.0"), strict=True):
        quotes, whole = visitor.get(here, headers=part), visitor.get(here)
        check(quotes.text, whole=False)
        check(whole.text, whole=True)
        for page in (quotes, whole):
            for words in (title, "周*", "&lt;b&gt;不错", "门店回复：谢谢您", f">{stars}</b>"):
                assert words in page.text, words
            assert page.headers["Cache-Control"].startswith("public")
            assert "Set-Cookie" not in page.headers
    assert visitor.get("/dealers/east/reviews", headers=part).text.strip() == ""
    hide_review(Actor("operator", 1), line.id, "含他人电话", NOW)
    for here, _ in places:
        assert visitor.get(here, headers=part).text.strip() == ""
        assert "不错" not in visitor.get(here).text
    assert visitor.get("/series/none/reviews").status_code == 404
    assert visitor.get("/dealers/none/reviews").status_code == 404
    assert 'hx-get="/dealers/west/reviews"' in visitor.get("/dealers/west").text


def test_three_quotes_and_the_way_to_all(app: Flask) -> None:
    shop = s.build(units=10, per_person=9)
    for number in range(5):
        actor = s.member(f"1390000400{number}")
        no = s.place(shop, actor).no
        with transaction():
            db.session.execute(update(Booking).where(Booking.no == no).values(state="handed_over"))
        reviews.review(actor, no, Opinion(4, 4, f"第{number}位"), NOW)
    part = app.test_client().get("/series/s5/reviews", headers={"HX-Request": "true"}).text
    assert part.count("<article") == 3
    assert '<a href="/series/s5/reviews">全部 5 条</a>' in part
    assert app.test_client().get("/series/s5/reviews").text.count("<article") == 5


def test_who_got_a_car_is_asked_once_for_a_review(app: Flask) -> None:
    actor, _, _ = paid("handed_over")
    day = timedelta(days=1)
    assert [reminders.ask_reviews(NOW + day * n) for n in (0, 1, 2, 5)] == [0, 1, 0, 0]
    assert [m.title for m in inbox.list_inbox(actor.id or 0)] == ["用车还满意吗"]


def test_a_colour_costs_what_was_shown(app: Flask) -> None:
    shop, actor = s.build(), s.member()
    with transaction() as session:
        series = session.query(Series).one()
        session.add(Colour(series_id=series.id, name="绯云红", hex="#7A1722", side="外观", surcharge_fen=200_000))
    assert "绯云红" in sign_in(app, actor).get("/deals/d1/bookings/new").text
    for wish, refusal in (({"colour": "绯云红"}, PriceChanged), ({"colour": "黑"}, ColourGone)):
        with pytest.raises(refusal):
            s.place(shop, actor, NOW, **wish)
    assert s.units_left(shop) == 10
    placed = s.place(shop, actor, colour="绯云红", seen_surcharge_fen=200_000)
    row = s.booking(placed.no)
    assert (row.colour, row.surcharge_fen, row.balance_fen) == ("绯云红", 200_000, 8_980_000)


def test_honour_counts_kept_and_broken_promises(app: Flask) -> None:
    shop = s.build(units=10, per_person=10)
    actor = s.member()
    numbers = [s.place(shop, actor).no for _ in range(6)]
    by = NOW + timedelta(hours=24)
    kept = {"confirm_by": by, "confirmed_at": NOW, "ready_by": by, "ready_at": NOW}
    with transaction():
        for no, values in zip(
            numbers, [kept, kept, kept, {"confirm_by": by, "default_kind": "confirm"}, {}, {}], strict=True
        ):
            if values:
                db.session.execute(update(Booking).where(Booking.no == no).values(**values))
    rate = queries.list_rates([shop.west, shop.east], NOW)
    assert {k: (r.kept, r.due, r.percent) for k, r in rate.items()} == {shop.west: (6, 7, 85)}
    assert "按时守约 85%（近半年 7 次）" in app.test_client().get("/deals/d1/dealers").text


def test_reviews_and_reminders_follow_the_person_and_go_with_them(app: Flask) -> None:
    actor, _, no = paid("handed_over")
    other = s.member("13900002088")
    reviews.review(actor, no, Opinion(5, 5, "好"), NOW)
    with transaction():
        db.session.execute(update(OnePriceDeal).values(starts_at=SOON))
    for person in (actor, other):
        reminders.remind(person, "d1", NOW)
    assert actor.id is not None
    assert other.id is not None
    for room in ("review", "queue"):
        privacy.holders()[room].reassign(actor.id, other.id)
    assert (reminders.is_set("d1", actor.id), reminders.is_set("d1", other.id)) == (False, True)
    assert [row["text"] for row in export_own(other.id)] == ["好"]
    for room in ("review", "queue"):
        privacy.holders()[room].erase(other.id, NOW)
    assert not reminders.is_set("d1", other.id)
    assert [row["text"] for row in export_own(other.id)] == [""]
