"""A coupon as a subject of the counter: judged and valued by its own terms, never by the campaign of today."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from app.booking import queries as bookings
from app.core.clock import say
from app.core.db import db
from app.core.errors import DomainError
from app.core.money import format_yuan, typed_yuan
from app.core.security import Actor
from app.coupons.models import Coupon
from app.coupons.rules import CouponKind, CouponState, Terms, Usage
from app.coupons.rules.plain import last_day
from app.coupons.services import state
from app.redemption import queries
from app.redemption.errors import (
    AlreadyUsed,
    BelowThreshold,
    BillMissing,
    CouponExpired,
    CouponHeld,
    CouponNotYet,
    CouponOfNobody,
    CouponOnlineOnly,
    CouponRevoked,
    NotUsable,
    Refused,
    WrongStoreCoupon,
)
from app.redemption.queries.coupons import SeenCoupon, find_coupon, list_coupons_by_tail
from app.redemption.rules import Kind
from app.redemption.services.subjects import Done, Filled, Shown

MOST_BILL = 10**10  # 一亿元: beyond is a slip of the finger


def asks_bill(terms: Terms) -> bool:
    """Whether its worth, or whether it applies at all, depends on what the customer pays."""
    return terms.kind == CouponKind.DISCOUNT or (terms.lowers_price and terms.threshold_fen > 0)


def worth_of(terms: Terms, bill: str) -> tuple[int, int | None]:
    """(what this coupon is worth now, the bill in fen where one is asked for). BillMissing, BelowThreshold."""
    if not asks_bill(terms):
        return (terms.face_fen or 0) if terms.lowers_price else terms.worth_fen, None
    try:
        bill_fen = typed_yuan(bill[:40])
    except ValueError:
        raise BillMissing from None
    if not 0 < bill_fen <= MOST_BILL:
        raise BillMissing
    if bill_fen < terms.threshold_fen:
        raise BelowThreshold(terms.threshold_fen, bill_fen)
    return terms.takes_off(bill_fen), bill_fen


class CouponSubject:
    """用券."""

    kind = "coupon"
    letter = "C"
    number_kind = Kind.COUPON

    def find(self, reference: str) -> SeenCoupon | None:
        return find_coupon(reference)

    def reference(self, found: SeenCoupon) -> str:
        return found.code

    def tail(self, found: SeenCoupon) -> str:
        return found.tail

    def list_by_tail(self, tail: str, dealer_id: int, now: datetime) -> Iterable[SeenCoupon]:
        return list_coupons_by_tail(tail, now)

    def check(self, found: SeenCoupon, dealer_id: int, now: datetime) -> None:
        """The refusals in the order a clerk thinks: used? alive? here? now?"""
        if found.state == CouponState.REDEEMED:
            raise self.already(found)
        if found.state == CouponState.REVOKED:
            raise CouponRevoked(found.revoked_reason)
        if found.erased:
            raise CouponOfNobody
        if found.state == CouponState.EXPIRED or (found.state == CouponState.ISSUED and now >= found.valid_until):
            raise CouponExpired(last_day(found.valid_until))
        dealers = found.terms.dealers
        if dealers is not None and dealer_id not in dealers:
            raise WrongStoreCoupon(state.store_names(dealers))
        if found.state == CouponState.HELD:
            raise CouponHeld(self._booking_no(found))
        if now < found.valid_from:
            raise CouponNotYet(say(found.valid_from))
        if found.terms.usage == Usage.ONLINE:
            raise CouponOnlineOnly

    def already(self, found: SeenCoupon) -> Refused:
        standing = queries.find_standing(self.kind, found.id)
        if standing is not None:
            return AlreadyUsed(standing.when, standing.where, standing.who, standing)
        return AlreadyUsed(say(found.redeemed_at) if found.redeemed_at else "此前", "线上", "预订")

    def explain(self, found: SeenCoupon, refusal: DomainError, dealer_id: int, now: datetime) -> DomainError:
        if refusal.field:  # something to fill in
            return refusal
        try:
            self.check(found, dealer_id, now)
        except Refused as told:
            return told
        return NotUsable(refusal.message)

    def show(self, found: SeenCoupon, now: datetime) -> Shown:
        terms, asks = found.terms, asks_bill(found.terms)
        conditions = [(True, "本店可用"), (True, f"有效期到{last_day(found.valid_until)}"), (True, "尚未使用")]
        if terms.threshold_fen and terms.lowers_price:
            conditions.append((True, f"消费满 {format_yuan(terms.threshold_fen)} 可用，请填写消费金额"))
        if terms.most_fen is not None:
            conditions.append((True, f"最多优惠 {format_yuan(terms.most_fen)}"))
        rows = [("类型", terms.kind), ("券号", queries.spaced(found.code))]
        return Shown(
            who=found.who,
            phone=found.phone,
            what=terms.title,
            button="确认核销",
            busy="核销中…",
            conditions=conditions,
            rows=[*rows, ("说明", terms.text)] if terms.text else rows,
            due_fen=terms.face_fen or 0 if terms.kind == CouponKind.CASH else 0,
            due_label=terms.kind,
            due_words=terms.value_words(),
            asks="bill" if asks else "",
            asks_hint="按小票填写，系统据此计算优惠" if asks else "",
        )

    def words(self, found: SeenCoupon) -> queries.Words:
        return found.words

    def redeem(self, found: SeenCoupon, filled: Filled, actor: Actor, now: datetime) -> Done:
        worth, bill_fen = worth_of(found.terms, filled.bill)
        # Its guarded UPDATE decides who is first, whatever was read before.
        promise = state.Promise(found.campaign, found.terms_id, found.terms)
        state.redeem(found.id, actor.dealer_id or 0, worth, actor, now, promise)
        return Done(found.id, CouponState.ISSUED, worth, bill_fen)

    def lock(self, subject_id: int) -> None:
        db.session.execute(select(Coupon.id).where(Coupon.id == subject_id).with_for_update())

    def take_back(self, subject_id: int, before: str, actor: Actor, now: datetime) -> None:
        state.undo(subject_id, actor, now)

    def _booking_no(self, found: SeenCoupon) -> str:
        booking = bookings.find_booking_by_id(found.held_by) if found.held_by else None
        return booking.no if booking else ""
