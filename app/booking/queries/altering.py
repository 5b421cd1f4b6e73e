"""What a booking can be changed to: colours with their picture and price, dealers; and what was changed of late."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.booking.models import Booking, BookingCase, BookingEvent
from app.booking.rules.cases import CaseState
from app.catalog.models import Colour, Picture, Trim
from app.catalog.rules import ColourSide
from app.core.db import db

CHANGED = {"colour_changed": "已换颜色", "dealer_changed": "从其他门店转来", "owner_changed": "已换车主"}
MARKED_FOR = timedelta(days=3)  # how long the store's list says that something was changed


@dataclass(frozen=True, slots=True)
class Paint:
    """A colour to choose: what it costs and how the car looks in it."""

    name: str
    hex: str
    surcharge_fen: int
    picture: Picture | None


def list_paints(trim_id: int) -> list[Paint]:
    """The outside colours this car is sold in, in their order."""
    wanted = (
        select(Colour)
        .join(Trim, Trim.series_id == Colour.series_id)
        .options(joinedload(Colour.picture))
        .where(Trim.id == trim_id, Colour.side == ColourSide.EXTERIOR, Colour.withdrawn.is_(False))
        .order_by(Colour.position, Colour.id)
    )
    return [Paint(c.name, c.hex, c.surcharge_fen, c.picture) for c in db.session.scalars(wanted)]


def find_paint(trim_id: int, name: str) -> Paint | None:
    """The colour of this name, if the car is still sold in it."""
    return next((paint for paint in list_paints(trim_id) if paint.name == name), None)


def has_open_case(booking_id: int) -> bool:
    """Whether headquarters looks at this booking."""
    wanted = select(BookingCase.id).where(BookingCase.booking_id == booking_id, BookingCase.state == CaseState.OPEN)
    return db.session.scalar(wanted.limit(1)) is not None


def list_change_tags(booking_ids: Collection[int], now: datetime) -> dict[int, list[str]]:
    """What the customer changed on these bookings in the last days, for the store's list: a word or two each."""
    wanted = (
        select(BookingEvent.booking_id, BookingEvent.kind)
        .where(
            BookingEvent.booking_id.in_(booking_ids), BookingEvent.kind.in_(CHANGED), BookingEvent.at > now - MARKED_FOR
        )
        .order_by(BookingEvent.id.desc())
    )
    tags: dict[int, list[str]] = {}
    for booking_id, kind in db.session.execute(wanted):
        mine = tags.setdefault(booking_id, [])
        if CHANGED[kind] not in mine:
            mine.append(CHANGED[kind])
    return tags


def counts_elsewhere(member_id: int, dealer_id: int, states: Collection[str], but: int) -> int:
    """How many other bookings of this person at this dealer are in these states."""
    wanted = select(func.count()).where(
        Booking.member_id == member_id,
        Booking.dealer_id == dealer_id,
        Booking.state.in_(states),
        Booking.id != but,
    )
    return db.session.scalar(wanted) or 0
