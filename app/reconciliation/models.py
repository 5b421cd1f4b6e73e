"""Tables of the reconciliation. All money is integer fen; nothing of the payer is kept."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class ReconciledDay(Model):
    """对账日: one day of WeChat Pay's bills (its clock, UTC+8) against our own rows."""

    __tablename__ = "reconciled_days"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'done')", name="state_known"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Date, unique=True)
    state: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(120), default="")  # why it waits
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    trade_sha1: Mapped[str] = mapped_column(String(40), default="")
    fund_sha1: Mapped[str] = mapped_column(String(40), default="")
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # rules.Figures, by name


class ReconciledLine(Model):
    """One payment or refund of a day, both sides. Lines that differ are the worklist."""

    __tablename__ = "reconciled_lines"
    __table_args__ = (
        UniqueConstraint("day", "side", "number"),
        Index("ix_reconciled_lines_number", "side", "number"),
        Index("ix_reconciled_lines_work", "work", "day"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    side: Mapped[str] = mapped_column(String(8))  # payment | refund | fund
    number: Mapped[str] = mapped_column(String(64))  # out_trade_no, out_refund_no, or the name of a fund-flow total
    trade_number: Mapped[str] = mapped_column(String(32), default="")  # the refund's payment
    provider_number: Mapped[str] = mapped_column(String(40), default="")  # WeChat Pay's
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ours_fen: Mapped[int | None] = mapped_column(BigInteger)
    theirs_fen: Mapped[int | None] = mapped_column(BigInteger)
    fee_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    ours_state: Mapped[str] = mapped_column(String(16), default="")
    theirs_state: Mapped[str] = mapped_column(String(16), default="")
    bill_sha1: Mapped[str] = mapped_column(String(40), default="", server_default="")  # the bill their side is from
    verdict: Mapped[str] = mapped_column(String(16))
    work: Mapped[str] = mapped_column(String(8), default="")  # '' | open | healed | handled
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    handled_by: Mapped[int | None] = mapped_column(BigId)  # the operator
    handled_reason: Mapped[str | None] = mapped_column(String(200))
