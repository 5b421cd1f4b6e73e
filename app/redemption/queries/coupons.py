"""A coupon as the counter reads it: one prepared statement, because a queue waits behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, bindparam, cast, or_, select

from app.core.db import execute, in_transaction, look, phone_tail, table_of
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.rules import CouponState, Terms
from app.members.models import Member
from app.members.rules import mask_name, mask_phone
from app.redemption.queries.words import Words, terms_words

SAID_TWICE = timedelta(days=1)  # how long a typed code of a used coupon is told as used
_c, _m, _t = table_of(Coupon).c, table_of(Member).c, table_of(CampaignTerms).c
_campaigns = table_of(CouponCampaign).c
_COLUMNS = (
    _c.id, _c.code, _c.state, _c.valid_from, _c.valid_until, _c.held_by, _c.redeemed_at, _c.redeemed_dealer_id,
    _c.revoked_reason, _campaigns.slug, _c.terms_id, _c.member_id, cast(_t.rules, String), _m.name, _m.nickname,
    _m.phone, _m.erased_at,
)  # fmt: skip
_JOINED = (
    table_of(Coupon)
    .join(table_of(CampaignTerms), _t.id == _c.terms_id)
    .join(table_of(CouponCampaign), _campaigns.id == _c.campaign_id)
    .join(table_of(Member), _m.id == _c.member_id)
)
_BY_CODE = select(*_COLUMNS).select_from(_JOINED).where(_c.code == bindparam("code"))
_BY_TAIL = (
    select(*_COLUMNS)
    .select_from(_JOINED)
    .where(
        phone_tail(_m.phone) == bindparam("tail", type_=String),
        _m.phone_verified_at.is_not(None),
        or_(
            _c.state == CouponState.ISSUED.value,
            _c.state == CouponState.HELD.value,
            (_c.state == CouponState.REDEEMED.value) & (_c.state_at > bindparam("since", type_=_c.state_at.type)),
        ),
        _c.valid_until > bindparam("since", type_=_c.state_at.type),
    )
    .order_by(_c.valid_until, _c.id)
)


@dataclass(frozen=True, slots=True)
class SeenCoupon:
    """One coupon with the terms it was claimed under. `tail` are the last four of the customer's phone, if any."""

    id: int
    code: str
    state: str
    valid_from: datetime
    valid_until: datetime
    held_by: int | None
    redeemed_at: datetime | None
    redeemed_dealer_id: int | None
    revoked_reason: str
    campaign: str
    terms_id: int
    member_id: int
    terms: Terms
    name: str  # as the customer gave it, or in WeChat
    who: str
    phone: str
    tail: str
    erased: bool

    @property
    def words(self) -> Words:
        """What its receipt says."""
        return terms_words(self.code, self.terms, self.name, self.phone if self.tail else "", self.tail)


def find_coupon(code: str) -> SeenCoupon | None:
    """By its number; inside a transaction as that sees it, else as it is committed now."""
    read = execute if in_transaction() else look
    row = read(_BY_CODE, {"code": code}).first()
    return _seen(row) if row else None


def list_coupons_by_tail(tail: str, now: datetime) -> Sequence[SeenCoupon]:
    """What digits read aloud may belong to: everything usable some day, and what was used or ended of late."""
    return [_seen(row) for row in look(_BY_TAIL, {"tail": tail, "since": now - SAID_TWICE}).rows]


def _seen(row: tuple[Any, ...]) -> SeenCoupon:
    *values, rules, name, nickname, phone, erased_at = row
    return SeenCoupon(
        *values,
        terms=Terms.from_text(rules),
        name=name or nickname or "",
        who=mask_name(name),
        phone=mask_phone(phone) if phone else "未留手机号",
        tail=phone[-4:] if phone else "",
        erased=erased_at is not None,
    )
