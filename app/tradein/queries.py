"""The read side of the trade-in."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from app.core.clock import local
from app.core.db import db
from app.members.rules import mask_phone
from app.tradein import rules
from app.tradein.errors import EstimateNotFound, NoTable
from app.tradein.models import TradeInEstimate
from app.tradein.rules import Table

_file: list[Path] = [rules.DATA]


def use_file(path: Path | None) -> None:
    """Whose table counts (setting TRADEIN_TABLE_PATH); the sample where none is given. TableWrong at once."""
    _file[:] = [path or rules.DATA]
    rules.load(_file[0])


def table_on(day: date) -> Table:
    """The table of a day. NoTable."""
    table = rules.in_force(rules.load(_file[0]), day)
    if table is None:
        raise NoTable
    return table


def find_table(version: str) -> Table | None:
    """The very table an estimate was worked out by, as long as the file keeps it."""
    return next((table for table in rules.load(_file[0]) if table.version == version), None)


def get_estimate(no: str, member_id: int | None) -> TradeInEstimate:
    """A draft or an estimate by its number; the number is all that opens it, until it is a member's: then it is theirs.

    EstimateNotFound.
    """
    free = TradeInEstimate.member_id.is_(None)
    theirs = free if member_id is None else or_(free, TradeInEstimate.member_id == member_id)
    row = db.session.scalar(
        select(TradeInEstimate).where(TradeInEstimate.no == no, theirs).execution_options(populate_existing=True)
    )
    if row is None:
        raise EstimateNotFound
    return row


def first_open(row: TradeInEstimate) -> str:
    """The first question without an answer; empty when all are answered."""
    answers: dict[str, Any] = {
        "brand": row.brand,
        "series": row.series,
        "year": row.model_year,
        "registration": row.registered_on and row.city,
        "mileage": row.mileage_km is not None,
        "condition": row.condition,
        "transfers": row.transfers is not None,
        "phone": row.phone_asked,
    }
    return next((step for step in rules.STEPS if not answers[step]), "")


def is_expired(row: TradeInEstimate, now: datetime) -> bool:
    """Whether its last day has passed."""
    return row.valid_until is not None and row.valid_until < local(now).date()


def car_name(row: TradeInEstimate) -> str:
    return f"{row.brand} {row.series} {row.model_year} 款"


def list_facts(row: TradeInEstimate, table: Table | None) -> list[tuple[str, str]]:
    """The answers in words: for the person, and for a store that inspects the car. Nothing about the person."""
    condition = table.condition(row.condition) if table else None
    found = [
        ("旧车", car_name(row)),
        ("上牌", f"{row.registered_on:%Y年%m月} {row.city}" if row.registered_on else ""),
        ("里程", f"{(row.mileage_km or 0) / 10_000:.2f} 万公里"),
        ("车况", condition.words if condition else row.condition),
        ("过户", f"{row.transfers} 次"),
    ]
    if row.low_fen and row.high_fen:
        low, high = row.low_fen // 100, row.high_fen // 100
        found.append(("估价", f"¥{low:,} – ¥{high:,}（{row.table_version}）"))
    return found


def export_own(member_id: int) -> list[dict[str, object]]:
    """The person's own copy: estimates they booked an inspection with."""
    rows = db.session.scalars(
        select(TradeInEstimate).where(TradeInEstimate.member_id == member_id).order_by(TradeInEstimate.id)
    )
    return [
        {
            "no": row.no,
            "car": car_name(row),
            "registered": row.registered_on.isoformat() if row.registered_on else None,
            "city": row.city,
            "mileage_km": row.mileage_km,
            "condition": row.condition,
            "transfers": row.transfers,
            "phone": mask_phone(row.phone) if row.phone else None,
            "range_fen": [row.low_fen, row.fair_fen, row.high_fen],
            "table": row.table_version,
            "created_at": local(row.created_at).isoformat(),
        }
        for row in rows
    ]
