"""门店台数: the units of each dealer of a deal, moved by what the workbook says and never below what is taken."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.booking.models import Booking, DealDealer, OnePriceDeal, QueuePlace
from app.booking.rules import KEEPS_UNIT
from app.core.db import changed_rows
from app.workbook import rules
from app.workbook.checks import Findings
from app.workbook.rules import DealRow


def lay_out(session: Session, deal_id: int, row: DealRow, dealers: Mapping[str, int], found: Findings) -> None:
    """Write who takes part in a deal, with units of their own or without. The deal stays locked to the end."""
    session.execute(select(OnePriceDeal.id).where(OnePriceDeal.id == deal_id).with_for_update(key_share=True))
    rows = session.execute(select(DealDealer.dealer_id).where(DealDealer.deal_id == deal_id))
    before = set(rows.scalars())
    units = {dealers[slug]: count for slug, count in row.dealer_units}
    wanted = {dealers[slug] for slug in row.dealers or ()}
    taken = _taken(session, deal_id) if units else {}
    names = {number: slug for slug, number in dealers.items()}
    for dealer_id, gone in taken.items():
        if gone > units.get(dealer_id, 0):
            message = f"门店“{names[dealer_id]}”已预订 {gone} 台，门店台数应不少于 {gone}"
            found.at(rules.DEALS, row.at, "dealer_units", message)
    if found.problems:
        return
    session.execute(delete(DealDealer).where(DealDealer.deal_id == deal_id, DealDealer.dealer_id.in_(before - wanted)))
    for dealer_id in sorted(wanted):
        total = units.get(dealer_id)
        left = None if total is None else total - taken.get(dealer_id, 0)
        values: dict[str, Any] = {"units_total": total, "units_left": left}
        mine = update(DealDealer).where(DealDealer.deal_id == deal_id, DealDealer.dealer_id == dealer_id)
        if changed_rows(mine.values(**values)) == 0:
            session.execute(insert(DealDealer).values(deal_id=deal_id, dealer_id=dealer_id, **values))


def _taken(session: Session, deal_id: int) -> dict[int, int]:
    """Units of each dealer that a booking keeps or that are offered to somebody in the queue."""
    kept = (
        select(Booking.dealer_id, func.count())
        .where(Booking.deal_id == deal_id, Booking.state.in_(KEEPS_UNIT))
        .group_by(Booking.dealer_id)
    )
    offered = (
        select(QueuePlace.dealer_id, func.count())
        .where(QueuePlace.deal_id == deal_id, QueuePlace.state == "offered", QueuePlace.dealer_id.is_not(None))
        .group_by(QueuePlace.dealer_id)
    )
    taken: dict[int, int] = {}
    for statement in (kept, offered):
        for dealer_id, count in session.execute(statement):
            taken[dealer_id] = taken.get(dealer_id, 0) + count
    return taken
