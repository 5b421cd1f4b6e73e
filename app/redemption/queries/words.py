"""What a redeemed thing is called on the store's lists: by kind and id, many at once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import select

from app.booking.models import Booking
from app.booking.rules import mask_name
from app.core.db import db
from app.core.money import format_yuan
from app.coupons.models import CampaignTerms, Coupon
from app.coupons.rules import Terms
from app.members.models import Member
from app.members.rules import mask_phone

KINDS = {"booking": "预订交车", "coupon": "券"}


@dataclass(frozen=True, slots=True)
class Words:
    """One thing as the store reads it; `tail` is for finding it by the last four of the phone, never shown whole."""

    no: str
    who: str
    phone: str
    tail: str
    what: str
    value: str
    price_fen: int | None = None


GONE = Words("", "*", "", "", "已删除", "")


def words_of(kind: str, ids: Collection[int]) -> dict[int, Words]:
    """The words of these bookings or coupons."""
    return _READERS[kind](ids) if ids else {}


def _bookings(ids: Collection[int]) -> dict[int, Words]:
    rows = db.session.scalars(select(Booking).where(Booking.id.in_(ids)).execution_options(populate_existing=True))
    return {
        row.id: Words(
            no=row.no,
            who=mask_name(row.contact_name),
            phone=mask_phone(row.contact_phone),
            tail=row.contact_phone[-4:],
            what=row.car_name,
            value=format_yuan(row.total_fen),
            price_fen=row.total_fen,
        )
        for row in rows
    }


def _coupons(ids: Collection[int]) -> dict[int, Words]:
    rows = db.session.execute(
        select(Coupon.id, Coupon.code, CampaignTerms.rules, Member.name, Member.nickname, Member.phone)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .join(Member, Member.id == Coupon.member_id)
        .where(Coupon.id.in_(ids))
    )
    found: dict[int, Words] = {}
    for coupon_id, code, rules, name, nickname, phone in rows:
        terms = Terms.from_json(rules)
        found[coupon_id] = Words(
            no=spaced(code),
            who=mask_name(name or nickname or ""),
            phone=mask_phone(phone) if phone else "",
            tail=phone[-4:] if phone else "",
            what=terms.title,
            value=terms.value_words(),
        )
    return found


def spaced(code: str) -> str:
    """A coupon's number in groups of four."""
    return " ".join(code[n : n + 4] for n in range(0, len(code), 4))


_READERS: dict[str, Callable[[Collection[int]], dict[int, Words]]] = {"booking": _bookings, "coupon": _coupons}
