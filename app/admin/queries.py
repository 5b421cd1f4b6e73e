"""What the dashboard counts and where it looks for stores."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.admin.models import Operator
from app.booking.models import Booking
from app.booking.rules import KIND
from app.core import actors
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.outbox import OutboxMessage
from app.dealers.models import Dealer
from app.payments.models import Payment, Refund
from app.payments.rules import REFUND_STUCK

FOUND = 30


@dataclass(frozen=True, slots=True)
class StuckRefund:
    """Money that did not go back by itself."""

    number: str
    booking_no: str
    amount_fen: int
    state: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Counts by state, and what needs a person's eye."""

    bookings: dict[str, int]
    payments: dict[str, int]
    refunds: list[StuckRefund]
    dead: list[OutboxMessage]
    audit: list[AuditEntry]
    who: dict[actors.Named, str]


def find_operator(operator_id: int) -> Operator | None:
    return db.session.get(Operator, operator_id)


def names_of(operator_ids: Collection[int]) -> dict[int, str]:
    """What these operators sign in as."""
    wanted = select(Operator.id, Operator.login).where(Operator.id.in_(operator_ids))
    return {row[0]: row[1] for row in db.session.execute(wanted)}


def _count_by(column: InstrumentedAttribute[str]) -> dict[str, int]:
    rows = db.session.execute(select(column, func.count()).group_by(column).order_by(column))
    return {row[0]: row[1] for row in rows}


def list_stuck_refunds() -> list[StuckRefund]:
    """Refunds that need a person, the oldest first."""
    rows = db.session.execute(
        select(Refund, Booking.no)
        .join(Payment, Payment.id == Refund.payment_id)
        .outerjoin(Booking, and_(Payment.payable_kind == KIND, Booking.id == Payment.payable_id))
        .where(Refund.state.in_(REFUND_STUCK), Refund.handled_at.is_(None))
        .order_by(Refund.requested_at, Refund.id)
    )
    return [StuckRefund(r.out_refund_no, no or "", r.amount_fen, r.state, r.reason, r.requested_at) for r, no in rows]


def read_dashboard() -> Dashboard:
    trail = list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(20)))
    dead = select(OutboxMessage).where(OutboxMessage.state == "dead").order_by(OutboxMessage.id.desc()).limit(20)
    return Dashboard(
        bookings=_count_by(Booking.state),
        payments=_count_by(Payment.state),
        refunds=list_stuck_refunds(),
        dead=list(db.session.scalars(dead)),
        audit=trail,
        who=actors.names((row.actor_kind, row.actor_id) for row in trail),
    )


def search_dealers(text: str) -> list[Dealer]:
    """Stores whose name, city or 编号 contains the text, at most thirty."""
    word = text.strip()
    found = select(Dealer).order_by(Dealer.city, Dealer.name).limit(FOUND)
    if word:
        found = found.where(
            Dealer.name.contains(word, autoescape=True)
            | Dealer.city.contains(word, autoescape=True)
            | (Dealer.slug == word)
        )
    return list(db.session.scalars(found))


def find_dealer(slug: str) -> Dealer | None:
    return db.session.scalar(select(Dealer).where(Dealer.slug == slug))
