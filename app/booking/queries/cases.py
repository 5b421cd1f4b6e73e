"""What waits for headquarters, and what it decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.booking.models import Booking, BookingCase
from app.booking.queries.money import Money, get_money
from app.booking.rules.cases import CaseState
from app.core.db import db
from app.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class CasePage:
    """One case with its booking and where the money of that is."""

    case: BookingCase
    booking: Booking
    money: Money
    others: list[BookingCase]  # of the same booking


def list_cases(*, open_: bool, kind: str = "", limit: int = 100) -> Sequence[BookingCase]:
    """Cases that wait, the longest waiting first; or those decided, the latest first."""
    wanted = (
        select(BookingCase)
        .options(joinedload(BookingCase.booking).joinedload(Booking.dealer))
        .where(BookingCase.state == CaseState.OPEN if open_ else BookingCase.state != CaseState.OPEN)
    )
    if kind:
        wanted = wanted.where(BookingCase.kind == kind)
    order = BookingCase.opened_at if open_ else BookingCase.settled_at.desc()
    return db.session.scalars(wanted.order_by(order, BookingCase.id).limit(limit)).all()


def count_open() -> dict[str, int]:
    """How many of each kind wait."""
    rows = db.session.execute(
        select(BookingCase.kind, func.count()).where(BookingCase.state == CaseState.OPEN).group_by(BookingCase.kind)
    )
    return dict(iter(rows))


def get_case(case_id: int) -> CasePage:
    """One case, read afresh. NotFound."""
    case = db.session.get(BookingCase, case_id, populate_existing=True)
    if case is None:
        raise NotFound
    mine = select(BookingCase).where(BookingCase.booking_id == case.booking_id, BookingCase.id != case_id)
    others = list(db.session.scalars(mine.order_by(BookingCase.id)))
    return CasePage(case, case.booking, get_money(case.booking), others)
