"""用券: the customer's coupons lower what is still to be paid, stay with the booking, and come back if it ends."""

from collections.abc import Collection
from datetime import datetime

from app.booking import queries
from app.booking.errors import ChangeRefused, CouponsStale
from app.booking.models import Booking
from app.booking.queries.price import COUPONS_PART, is_full_payment, price_of, purchase_of, why_not
from app.booking.services.change import lock_booking, tell
from app.booking.services.release import retire
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import Actor
from app.coupons.queries.candidates import list_candidates, list_held
from app.coupons.rules.pricing import own_reasons
from app.coupons.services import hold
from app.gateways.pay.port import PayGateway
from app.payments import queries as payments
from app.payments.errors import PaymentBusy


def use_coupons(
    actor: Actor, no: str, coupon_ids: Collection[int], seen_fen: int, gateway: PayGateway, now: datetime
) -> None:
    """Let the booking hold exactly these coupons, at the price that was seen (`seen_fen`: what the car then costs).

    An order at WeChat Pay over another amount is closed first. NotFound, ChangeRefused (with the reason), CouponsStale
    (the price moved since it was read), CouponRefused, PaidMeanwhile, PaymentOpen; GatewayError changes nothing.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    booking = queries.get_booking(no, actor.id)
    booking_id, part = booking.id, COUPONS_PART[is_full_payment(booking)]
    if (problem := why_not(booking)) is not None:
        raise ChangeRefused(problem)
    db.session.rollback()
    if payments.find_open_attempt(part, booking_id) is not None:
        db.session.rollback()
        retire(part, booking_id, gateway, now)
    _hold(actor, booking_id, part, frozenset(coupon_ids), seen_fen, now)


@retry_deadlock
def _hold(actor: Actor, booking_id: int, part: str, coupon_ids: frozenset[int], seen_fen: int, now: datetime) -> None:
    with transaction():
        hold.lock(booking_id, coupon_ids)
        booking = lock_booking(booking_id)
        if (problem := why_not(booking)) is not None:
            raise ChangeRefused(problem)
        if payments.find_open_attempt(part, booking_id) is not None:
            raise PaymentBusy  # begun after WeChat Pay was asked
        shown = price_of(booking, now, coupon_ids)
        if shown.payable_fen != seen_fen or frozenset(shown.used) != coupon_ids:
            raise CouponsStale
        held = {coupon_id: off for coupon_id, _title, off in list_held(booking_id)}
        offs = {line.coupon_id: -line.amount_fen for line in shown.lines if line.coupon_id is not None}
        if held == offs:
            return
        hold.release(booking_id, booking.dealer_id, actor, now, [key for key in held if offs.get(key) != held[key]])
        new = {key: off for key, off in offs.items() if held.get(key) != off}
        hold.hold(new, booking_id, booking.member_id, booking.dealer_id, actor, now)
        _take_off(booking, shown.off_fen)
        words = f"优惠 {format_yuan(shown.off_fen)}" if offs else "不再使用优惠券"
        tell(booking_id, "coupons_used", actor, now, f"{words}，车价 {format_yuan(shown.payable_fen)}")


def check_change(
    booking: Booking, now: datetime, *, dealer_id: int | None = None, surcharge_fen: int | None = None
) -> None:
    """Refuse a change under which a coupon of the booking would not apply. ChangeRefused."""
    if not booking.coupon_fen:
        return
    changed = purchase_of(booking, now, dealer_id=dealer_id, surcharge_fen=surcharge_fen)
    held = {coupon_id for coupon_id, _title, _off in list_held(booking.id)}
    for each in list_candidates(booking.member_id, booking.id):
        if each.coupon_id in held and (reasons := own_reasons(each, changed)):
            raise ChangeRefused(f"已用的券“{each.terms.title}”{reasons[0].text}，请先在“优惠券”里取消使用，再更改。")


def _take_off(booking: Booking, off_fen: int) -> None:
    """Write what the coupons take off. Where everything is paid at once, what is paid at once is what is lowered."""
    full = is_full_payment(booking)
    booking.coupon_fen = off_fen
    if full:
        booking.earnest_fen = booking.total_fen
    db.session.flush()
