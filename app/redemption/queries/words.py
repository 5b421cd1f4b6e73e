"""What a redeemed thing is called on the store's lists: by kind and id, many at once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Join, select

from app.booking.models import Booking
from app.core.db import db, table_of
from app.core.money import format_yuan
from app.coupons.models import CampaignTerms, Coupon
from app.coupons.rules import Terms
from app.members.models import Member
from app.members.rules import mask_name, mask_phone

_c, _t, _m = table_of(Coupon).c, table_of(CampaignTerms).c, table_of(Member).c
_JOINED = (
    table_of(Coupon).join(table_of(CampaignTerms), _t.id == _c.terms_id).join(table_of(Member), _m.id == _c.member_id)
)
COUPON_COLUMNS = (_c.code, _t.rules, _m.name, _m.nickname, _m.phone)
KINDS = {"booking": "预订交车", "coupon": "券"}


@dataclass(frozen=True, slots=True)
class Words:
    """One thing as the store reads it; `tail` is for finding it by the last four of the phone, never shown whole.

    `takes_off`: what it is worth is what the customer pays less. Of a coupon for a thing or a service it is what the
    thing costs, which settles the bill between headquarters and stores and is no sum for the customer.
    """

    no: str
    who: str
    phone: str
    tail: str
    what: str
    value: str
    price_fen: int | None = None
    takes_off: bool = True


GONE = Words("", "*", "", "", "已删除", "")


def words_of(kind: str, ids: Collection[int]) -> dict[int, Words]:
    """The words of these bookings or coupons."""
    return _READERS[kind](ids) if ids else {}


def find_subjects(number: str) -> list[tuple[str, int]]:
    """What a number on a receipt stands for: (kind, id)."""
    coupon = db.session.scalar(select(Coupon.id).where(Coupon.code == number))
    booking = db.session.scalar(select(Booking.id).where(Booking.no == number))
    return [(kind, one) for kind, one in (("coupon", coupon), ("booking", booking)) if one is not None]


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
    rows = db.session.execute(select(_c.id, *COUPON_COLUMNS).select_from(_JOINED).where(_c.id.in_(ids)))
    return {coupon_id: coupon_words(*rest) for coupon_id, *rest in rows}


def with_coupon(joined: Join, kind: Column[Any], subject_id: Column[Any]) -> Join:
    """The same rows with COUPON_COLUMNS beside them where they are of a coupon."""
    return (
        joined.outerjoin(table_of(Coupon), (_c.id == subject_id) & (kind == "coupon"))
        .outerjoin(table_of(CampaignTerms), _t.id == _c.terms_id)
        .outerjoin(table_of(Member), _m.id == _c.member_id)
    )


def coupon_words(code: str, rules: dict[str, Any], name: str, nickname: str, phone: str | None) -> Words:
    """The words of a coupon from its COUPON_COLUMNS."""
    masked, tail = (mask_phone(phone), phone[-4:]) if phone else ("", "")
    return terms_words(code, Terms.from_json(rules), name or nickname or "", masked, tail)


def terms_words(code: str, terms: Terms, name: str, masked: str, tail: str) -> Words:
    """The words of a coupon of these terms; the phone comes masked already."""
    return Words(
        no=spaced(code),
        who=mask_name(name),
        phone=masked,
        tail=tail,
        what=terms.title,
        value=terms.value_words(),
        takes_off=terms.lowers_price,
    )


def spaced(code: str) -> str:
    """A coupon's number in groups of four."""
    return " ".join(code[n : n + 4] for n in range(0, len(code), 4))


_READERS: dict[str, Callable[[Collection[int]], dict[int, Words]]] = {"booking": _bookings, "coupon": _coupons}
