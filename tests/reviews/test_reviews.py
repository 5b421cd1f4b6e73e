"""A review hangs off a real visit: once, masked, answered once; the store's page counts them all."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from app.booking.models import Booking, BookingReview
from app.booking.services.reviews import adopt_left_over
from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.models import Coupon
from app.redemption.models import Redemption
from app.reviews import queries, services, subjects
from app.reviews.errors import (
    AlreadyReviewed,
    AnswerMissing,
    LeadersAnswer,
    NotReviewable,
    ReviewAnswered,
    StarsMissing,
)
from app.reviews.models import Review
from app.reviews.rules import SubjectKind
from app.reviews.services import NewReview
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check
from tests.coupons import campaigns

LATER = NOW + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(LATER, tick=False):
        yield


def drive(shop: s.Shop, number: int = 7, stars: int = 4, **other) -> NewReview:
    values = {"name": "欧阳样例", "text": "讲解\x00清楚\n\n\n\n路线好", **other}
    return NewReview(SubjectKind.DRIVE, number, f"T{number}", shop.west, "岫 S5", dealer_stars=stars, **values)


@pytest.mark.both_databases
def test_a_test_drive_is_reviewed_once_masked_and_answered_once(app) -> None:
    shop, person = s.build(), s.member()
    number = services.write_review(person, drive(shop), NOW)
    with pytest.raises(AlreadyReviewed):
        services.write_review(person, drive(shop, stars=1), NOW)
    for said in (drive(shop, 8, 0), drive(shop, 8, 6), drive(shop, 8, car_stars=9)):
        with pytest.raises(StarsMissing):
            services.write_review(person, said, NOW)
    with pytest.raises(NotFound):
        services.write_review(s.clerk(shop.west), drive(shop, 9), NOW)
    [line] = queries.list_dealer_reviews(shop.west)
    assert (line.name, line.visit, line.text, line.car_stars) == ("欧*", "试驾 · 岫 S5", "讲解清楚\n\n路线好", None)
    assert queries.rate_series("s5") is None
    services.write_review(person, drive(shop, 8, 2), NOW)
    rating = queries.rate_dealers([shop.west, shop.east])
    assert {dealer: (r.mean, r.count) for dealer, r in rating.items()} == {shop.west: (3.0, 2)}
    with pytest.raises(NotFound):
        services.answer_review(s.clerk(shop.east, "manager"), number, "谢谢", NOW)
    with pytest.raises(NotAllowed):
        services.answer_review(person, number, "谢谢", NOW)
    clerk, lead = s.clerk(shop.west), s.clerk(shop.west, "supervisor", "李样例")
    with pytest.raises(LeadersAnswer):
        services.answer_review(clerk, number, "谢谢", NOW)
    own = Actor("member", db.session.get_one(StaffMember, clerk.id).member_id)
    assert "由店长或经销商管理员" in sign_in(app, own).get("/staff/reviews").text
    with pytest.raises(AnswerMissing):
        services.answer_review(lead, number, " \n", NOW)
    services.answer_review(lead, number, "谢谢", NOW)
    with pytest.raises(ReviewAnswered):
        services.answer_review(lead, number, "再谢", NOW)
    page = app.test_client().get("/dealers/west/reviews").text
    check(page, whole=True)
    assert all(words in page for words in ("2 位到店客户", "门店回复：谢谢", "试驾 · 岫 S5"))


def test_a_redeemed_coupon_is_reviewed_when_nobody_can_undo_it_any_more(app) -> None:
    shop, person = s.build(), s.member()
    campaigns.campaign("gift", title="到店礼 保温杯")
    code = campaigns.claim(person, "gift").code
    clerk = s.clerk(shop.west)
    with transaction() as session:
        coupon = session.scalars(select(Coupon).where(Coupon.code == code)).one()
        used = Redemption(
            subject_kind="coupon", subject_id=coupon.id, dealer_id=shop.west, staff_id=clerk.id, nonce="n",
            previous_state="issued", redeemed_at=NOW,
        )  # fmt: skip
        session.add(used)
    with pytest.raises(NotReviewable):
        subjects.get_visit("redemption", code, person.id or 0, LATER - timedelta(seconds=1))
    client, here = sign_in(app, person), f"/me/reviews/new?of=redemption&no={code}"
    page = client.get(here).text
    check(page, whole=True)
    assert "到店礼 保温杯" in page
    empty = client.post("/me/reviews", data=fields(page))
    assert (empty.status_code, "请选择 1 到 5 星" in empty.text) == (422, True)
    sent = client.post("/me/reviews", data={**fields(page), "stars": "5", "text": "<script>alert(1)</script>"})
    assert sent.status_code == 303
    said = client.get(sent.location).text
    check(said, whole=True)
    assert "感谢您的评价" in said
    assert "&lt;script&gt;" in app.test_client().get("/dealers/west/reviews").text
    assert client.post("/me/reviews", data={**fields(page), "stars": "1"}).status_code == 422
    stranger = sign_in(app, s.member("13900002099"))
    for path in (here, "/me/reviews/new?of=booking&no=x", "/me/reviews/new?of=%27%3B--&no=1", "/me/reviews/new"):
        assert stranger.get(path).status_code == 404
    with transaction():
        db.session.execute(update(Redemption).values(undone_at=LATER))
    assert client.get(here).status_code == 404


def test_what_the_release_before_wrote_during_an_upgrade_is_adopted(app) -> None:
    shop, person = s.build(), s.member()
    no = s.place(shop, person).no
    with transaction() as session:
        booking = session.scalars(select(Booking).where(Booking.no == no)).one()
        old = BookingReview(
            booking_id=booking.id, member_id=person.id, dealer_id=shop.west, trim_id=booking.deal.trim_id, car_stars=5,
            dealer_stars=4, text="好", created_at=NOW,
        )  # fmt: skip
        session.add(old)
    assert [adopt_left_over(), adopt_left_over()] == [1, 0]
    row = db.session.scalars(select(Review)).one()
    assert (row.subject_no, row.car_stars, row.dealer_stars, row.created_at) == (no, 5, 4, NOW)
    assert db.session.scalar(select(BookingReview.id)) is None


def test_hiding_needs_headquarters(app) -> None:
    shop, person = s.build(), s.member()
    number = services.write_review(person, drive(shop), NOW)
    with pytest.raises(NotAllowed):
        services.hide_review(s.clerk(shop.west, "manager"), number, "不好看的评价", NOW)
    assert services.hide_review(Actor("operator", 1), number, "含他人电话", NOW)
    assert queries.rate_dealers([shop.west]) == {}
    [row] = queries.list_for_office(hidden=True)
    assert (row.kind, row.reason) == ("drive", "含他人电话")
