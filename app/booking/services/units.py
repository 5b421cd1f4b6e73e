"""Moving units between stores: headquarters gives what one store cannot sell to another, with a reason that is kept."""

from datetime import datetime

from sqlalchemy import select, update

from app.booking import queries
from app.booking.errors import ChangedMeanwhile, DealerUnavailable, ReasonNeeded, UnitsWrong
from app.booking.models import DealDealer, OnePriceDeal
from app.booking.services import stock
from app.booking.services.change import lock_deal
from app.core import audit, publishing
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor

MIN_REASON, MAX_REASON = 4, 120


@retry_deadlock
def move_units(
    actor: Actor, slug: str, from_id: int, to_id: int, many: int, seen_left: int, reason: str, now: datetime
) -> int:
    """Give so many free units of one store of the deal to another that is open; who waits is offered them at once.

    `seen_left` is what the page said was left of the first: another number by now is told, so a form sent twice moves
    once. Returns how many were offered. NotAllowed, NotFound, ReasonNeeded, UnitsWrong, DealerUnavailable,
    ChangedMeanwhile.
    """
    reason = " ".join(reason.split())[:MAX_REASON]
    if actor.kind != "operator":
        raise NotAllowed
    if len(reason) < MIN_REASON:
        raise ReasonNeeded("请写明调整原因，至少 4 个字。")
    with transaction():
        deal_id = db.session.scalar(select(OnePriceDeal.id).where(OnePriceDeal.slug == slug))
        if deal_id is None:
            raise NotFound("没有找到这个一口价。")
        deal = lock_deal(deal_id)
        own = _left(deal_id)
        if not deal.stock_by_dealer or from_id not in own:
            raise UnitsWrong("这个一口价没有按门店分配台数，不需要调整。")
        if to_id not in own or to_id == from_id or queries.find_participating_dealer(deal, to_id) is None:
            raise DealerUnavailable("请选择另一家正在营业的参与门店。")
        left = own[from_id]
        if left != seen_left:
            raise ChangedMeanwhile
        if not 1 <= many <= left:
            raise UnitsWrong(f"台数应为 1–{left}。" if left else "这家门店没有可以调出的台数。")
        _shift(deal_id, from_id, -many)
        _shift(deal_id, to_id, many)
        audit.record(actor, "units_moved", "deal", deal_id, many=many, reason=reason, **{"from": from_id, "to": to_id})
        publishing.bump()  # what each store has left is on the deal's page
        return stock.serve(deal_id, now)


def _left(deal_id: int) -> dict[int, int]:
    """What each store of the deal has left."""
    rows = db.session.execute(
        select(DealDealer.dealer_id, DealDealer.units_left).where(
            DealDealer.deal_id == deal_id, DealDealer.units_left.is_not(None)
        )
    )
    return {dealer_id: left or 0 for dealer_id, left in rows}


def _shift(deal_id: int, dealer_id: int, many: int) -> None:
    mine = update(DealDealer).where(
        DealDealer.deal_id == deal_id, DealDealer.dealer_id == dealer_id, DealDealer.units_left + many >= 0
    )
    moved = {"units_left": DealDealer.units_left + many, "units_total": DealDealer.units_total + many}
    if changed_rows(mine.values(moved)) != 1:
        raise ChangedMeanwhile
