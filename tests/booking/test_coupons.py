"""Coupons of a booking: they lower what is due, stay with it, and come back exactly once."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import ChangeRefused, CouponsStale, PaidMeanwhile
from app.booking.queries.price import CouponPage, get_coupon_page
from app.booking.rules import BookingState
from app.booking.rules.altering import ChangeKind, Wanted
from app.booking.services import alter, release
from app.booking.services.coupons import use_coupons
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.errors import CouponHeld
from app.coupons.services import state
from app.gateways.pay.port import TradeState
from app.payments.models import Refund
from app.redemption import services as redemption
from tests.booking import road as r
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.coupons import campaigns as c
from tests.payments.wechat_pay import Bank

DAY = timedelta(days=1)


def use(road: r.Road, *coupon_ids: int, seen: int | None = None) -> None:
    page = get_coupon_page(road.no, road.customer.id or 0, NOW, codes(coupon_ids))
    use_coupons(road.customer, road.no, coupon_ids, page.price.payable_fen if seen is None else seen, road.bank, NOW)


def codes(coupon_ids: tuple[int, ...]) -> set[str]:
    return {c.coupon(coupon_id).code for coupon_id in coupon_ids}


def page(road: r.Road) -> CouponPage:
    db.session.rollback()
    return get_coupon_page(road.no, road.customer.id or 0, NOW)


def with_coupon(kind: str = "订金", **terms: object) -> tuple[r.Road, int]:
    road = r.paid(kind=kind)
    c.campaign(scope="整车", **terms)  # pyright: ignore[reportArgumentType]
    return road, c.claim(road.customer).coupon_id


def test_a_coupon_lowers_the_balance_and_is_held(app: Flask) -> None:
    road, coupon_id = with_coupon()
    assert page(road).price.used == (coupon_id,)  # what saves most is proposed
    use(road, coupon_id)
    booking = s.booking(road.no)
    assert (booking.coupon_fen, booking.total_fen, booking.balance_fen) == (300_000, 8_580_000, 8_480_000)
    held = c.coupon(coupon_id)
    assert (held.state, held.held_by, held.held_fen) == ("held", booking.id, 300_000)
    assert c.events(coupon_id) == ["claimed", "held"]
    assert road.bank.orders[road.order_balance()].total_fen == 8_480_000
    assert s.events(road.no)[-1] == "coupons_used"
    with pytest.raises(CouponHeld):
        state.redeem(coupon_id, road.shop.west, 300_000, road.clerk, NOW)


def test_the_same_choice_twice_writes_once(app: Flask) -> None:
    road, coupon_id = with_coupon()
    use(road, coupon_id)
    use(road, coupon_id)
    assert c.events(coupon_id) == ["claimed", "held"]
    assert s.events(road.no).count("coupons_used") == 1


def test_a_choice_taken_back_frees_the_coupon_at_once(app: Flask) -> None:
    road, coupon_id = with_coupon()
    use(road, coupon_id)
    use(road)
    assert c.coupon(coupon_id).state == "issued"
    assert s.booking(road.no).balance_fen == 8_780_000
    assert c.events(coupon_id) == ["claimed", "held", "released"]


def test_a_price_that_was_not_seen_is_asked_again(app: Flask) -> None:
    road, coupon_id = with_coupon()
    with pytest.raises(CouponsStale):
        use(road, coupon_id, seen=8_880_000)
    with pytest.raises(CouponsStale):
        use_coupons(road.customer, road.no, [coupon_id, 4711], 8_580_000, road.bank, NOW)
    assert c.coupon(coupon_id).state == "issued"


def test_an_order_over_the_old_amount_is_closed_first(app: Flask) -> None:
    road, coupon_id = with_coupon()
    number = road.order_balance()
    use(road, coupon_id)
    assert road.bank.trades[number].state is TradeState.CLOSED
    again = road.order_balance()
    road.settle(again)
    assert s.booking(road.no).balance_paid_at is not None
    r.money_adds_up()


def test_a_balance_that_was_paid_meanwhile_keeps_its_price(app: Flask) -> None:
    road, coupon_id = with_coupon()
    road.bank.pay(road.order_balance())
    with pytest.raises(PaidMeanwhile):
        use(road, coupon_id)
    assert c.coupon(coupon_id).state == "issued"


def test_a_cancelled_booking_gives_its_coupons_back_once_with_the_time_they_were_held(app: Flask) -> None:
    road, coupon_id = with_coupon()
    until = c.coupon(coupon_id).valid_until
    use(road, coupon_id)
    release.cancel_booking(road.customer, road.no, road.bank, NOW + 2 * DAY)
    release.cancel_booking(road.customer, road.no, road.bank, NOW + 3 * DAY)
    back = c.coupon(coupon_id)
    assert (back.state, back.held_by, back.valid_until) == ("issued", None, until + 2 * DAY)
    assert c.events(coupon_id) == ["claimed", "held", "released"]
    assert db.session.query(Refund).one().amount_fen == 100_000


def test_a_hand_over_uses_the_coupon_up_and_its_undo_gives_it_back_to_the_booking(app: Flask) -> None:
    road, coupon_id = with_coupon(payer="门店")
    use(road, coupon_id)
    road.ready()
    done = road.hand_over()
    used = c.coupon(coupon_id)
    assert (used.state, used.redeemed_fen, used.redeemed_dealer_id) == ("redeemed", 300_000, road.shop.west)
    redemption.undo(road.clerk, done, "", NOW)
    assert c.coupon(coupon_id).state == "held"
    assert c.events(coupon_id) == ["claimed", "held", "redeemed", "undone"]
    road.hand_over(document="SJ-0001")
    assert c.events(coupon_id)[-1] == "redeemed"


def test_a_full_payment_at_once_is_lowered_itself(app: Flask) -> None:
    shop, customer, bank = s.build(earnest_fen=8_880_000), s.member(), Bank()
    c.campaign(scope="整车")
    coupon_id = c.claim(customer).coupon_id
    no = s.place(shop, customer).no
    road = r.Road(shop, customer, no, bank, s.clerk(shop.west), s.clerk(shop.west, "supervisor"))
    use(road, coupon_id)
    booking = s.booking(no)
    assert (booking.earnest_fen, booking.balance_fen) == (8_580_000, 0)
    use(road)
    assert s.booking(no).earnest_fen == 8_880_000
    use(road, coupon_id)
    release.expire_hold(booking.id, bank, NOW + timedelta(hours=1))
    ended = s.booking(no)
    assert (ended.state, ended.coupon_fen, ended.earnest_fen) == (BookingState.EXPIRED, 0, 8_880_000)
    assert c.coupon(coupon_id).state == "issued"


def test_a_binding_deposit_never_exceeds_its_share_of_the_lower_price(app: Flask) -> None:
    shop, customer, bank = s.build(kind="定金", earnest_fen=1_776_000), s.member(), Bank()  # exactly a fifth
    no = s.place(shop, customer).no
    c.campaign(scope="整车")
    c.claim(customer)
    assert get_coupon_page(no, customer.id or 0, NOW).price.off_fen == 0
    assert bank.orders == {}


def test_coupons_of_somebody_else_cannot_be_used(app: Flask) -> None:
    road, _own = with_coupon()
    other = s.member("13900002087", "吴样例")
    foreign = c.claim(other).coupon_id
    with pytest.raises(CouponsStale):
        use_coupons(road.customer, road.no, [foreign], 8_580_000, road.bank, NOW)
    with pytest.raises(NotFound):
        use_coupons(other, road.no, [foreign], 8_580_000, road.bank, NOW)


def test_an_unpaid_hold_says_when_coupons_can_be_used(app: Flask) -> None:
    shop, customer = s.build(), s.member()
    c.campaign(scope="整车")
    coupon_id = c.claim(customer).coupon_id
    no = s.place(shop, customer).no
    assert get_coupon_page(no, customer.id or 0, NOW).problem == "付订金后，在付余款前选用优惠券。"
    with pytest.raises(ChangeRefused):
        use_coupons(customer, no, [coupon_id], 8_580_000, Bank(), NOW)


def test_a_store_where_the_coupon_does_not_count_is_refused_with_the_way_out(app: Flask) -> None:
    road = r.paid()
    c.campaign(dealers=(road.shop.west,), scope="整车")
    coupon_id = c.claim(road.customer).coupon_id
    use(road, coupon_id)
    with pytest.raises(ChangeRefused, match="请先在“优惠券”里取消使用"):
        alter.quote(road.customer, road.no, Wanted(ChangeKind.DEALER, dealer_id=road.shop.east, share=True), NOW)
    use(road)
    assert alter.quote(road.customer, road.no, Wanted(ChangeKind.DEALER, dealer_id=road.shop.east, share=True), NOW)
