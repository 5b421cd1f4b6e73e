"""What a booking costs with coupons: the lines, and for each coupon of the wallet why it does or does not apply."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from app.booking.models import Booking
from app.booking.queries.bookings import get_booking
from app.booking.rules import KIND, PICK_UP, BookingState, EarnestKind
from app.booking.rules.earnest import BINDING_SHARE_PERCENT
from app.booking.rules.promises import BALANCE
from app.coupons.queries.candidates import codes_of, list_candidates, list_held
from app.coupons.rules import Scope, Usage
from app.coupons.rules.pricing import Candidate, Price, Purchase, Reason, Why, price

LEAST_PAID_FEN = 1  # WeChat Pay takes no order over nothing
INSTEAD = (Why.NOT_CHOSEN, Why.GROUP, Why.NOT_STACKABLE, Why.OTHER_NOT_STACKABLE)
COUPONS_PART = {True: KIND, False: BALANCE}  # whose open order is over another amount then


@dataclass(frozen=True, slots=True)
class Choice:
    """One coupon of the wallet beside this booking. `off_fen` is 0 when it does not apply, `reasons` say why."""

    code: str
    candidate: Candidate
    off_fen: int
    reasons: tuple[Reason, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be chosen, perhaps instead of others."""
        return all(reason.why in INSTEAD for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class CouponPage:
    """The price of a booking with the coupons that are chosen; `problem`: why nothing can be chosen any more."""

    booking: Booking
    price: Price
    choices: list[Choice]
    problem: str
    full: bool

    @property
    def rest_fen(self) -> int:
        """What is paid after the earnest money."""
        return 0 if self.full else self.price.payable_fen - self.booking.earnest_fen


def get_coupon_page(no: str, member_id: int, now: datetime, chosen: Collection[str] | None = None) -> CouponPage:
    """What the chosen codes make of it; without a choice what is held now, or else what would save most. NotFound."""
    booking = get_booking(no, member_id)
    found = list_candidates(member_id, booking.id)
    codes = codes_of([each.coupon_id for each in found])
    ids = None if chosen is None else {key for key, code in codes.items() if code in chosen}
    if chosen is None and booking.coupon_fen:
        ids = {coupon_id for coupon_id, _title, _off in list_held(booking.id)}
    shown = price_of(booking, now, ids, found)
    reasons = {each.candidate.coupon_id: each.reasons for each in shown.unused}
    offs = {line.coupon_id: -line.amount_fen for line in shown.lines}
    choices = [
        Choice(codes[each.coupon_id], each, offs.get(each.coupon_id, 0), reasons.get(each.coupon_id, ()))
        for each in sorted(found, key=lambda each: (each.coupon_id not in offs, bool(reasons.get(each.coupon_id))))
    ]
    return CouponPage(booking, shown, choices, why_not(booking) or "", is_full_payment(booking))


def price_of(
    booking: Booking, now: datetime, chosen: Collection[int] | None = None, found: list[Candidate] | None = None
) -> Price:
    """The price with these coupons (ids), or with those that save most."""
    candidates = list_candidates(booking.member_id, booking.id) if found is None else found
    return price(purchase_of(booking, now), candidates, chosen, "一口价")


def purchase_of(
    booking: Booking, now: datetime, *, dealer_id: int | None = None, surcharge_fen: int | None = None
) -> Purchase:
    """The booking as something that coupons may lower: never below what is paid already, nor 定金 above its share."""
    surcharge = booking.surcharge_fen if surcharge_fen is None else surcharge_fen
    return Purchase(
        base_fen=booking.price_fen + surcharge,
        series_id=booking.deal.trim.series_id,
        dealer_id=dealer_id or booking.dealer_id,
        usage=Usage.ONLINE,
        at=now,
        on_deal=True,
        scope=Scope.CAR,
        least_fen=LEAST_PAID_FEN if is_full_payment(booking) else _least(booking),
    )


def is_full_payment(booking: Booking) -> bool:
    """Whether everything is paid at once, and is not paid yet."""
    return booking.state == BookingState.HELD and booking.balance_fen == 0


def why_not(booking: Booking) -> str | None:
    """Why coupons cannot be chosen now; None: they can."""
    if is_full_payment(booking):
        return None
    if booking.state == BookingState.HELD:
        return f"付{booking.earnest_kind}后，在付余款前选用优惠券。"
    if booking.state not in PICK_UP:
        return "这笔预订现在不能使用优惠券。"
    if not booking.balance_open:
        return "余款已付清，优惠券不能再更改。"
    return None


def _least(booking: Booking) -> int:
    if booking.earnest_kind == EarnestKind.BINDING:
        return -(-booking.earnest_fen * 100 // BINDING_SHARE_PERCENT)
    return booking.earnest_fen
