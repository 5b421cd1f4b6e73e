"""Tables of the trade-in: one draft that becomes an estimate.

Whoever knows its number may open it, until a member books an inspection with it: then it is theirs alone.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class TradeInEstimate(Model):
    """估价: answers as they come, then the range with the version of the table it was worked out by."""

    __tablename__ = "trade_in_estimates"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"), index=True)
    buying: Mapped[str] = mapped_column(String(64), default="")  # the series they look at, by 编号
    brand: Mapped[str] = mapped_column(String(40))
    series: Mapped[str] = mapped_column(String(40), default="")
    model_year: Mapped[int | None] = mapped_column(Integer)
    registered_on: Mapped[date | None] = mapped_column(Date)  # the first of the month
    city: Mapped[str] = mapped_column(String(24), default="")
    mileage_km: Mapped[int | None] = mapped_column(Integer)
    condition: Mapped[str] = mapped_column(String(12), default="")
    transfers: Mapped[int | None] = mapped_column(Integer)
    phone: Mapped[str] = mapped_column(String(11), default="")
    phone_asked: Mapped[bool | None] = mapped_column(default=None)  # the last question was answered, if only by 跳过
    table_version: Mapped[str] = mapped_column(String(40), default="")
    low_fen: Mapped[int | None] = mapped_column(BigInteger)
    fair_fen: Mapped[int | None] = mapped_column(BigInteger)
    high_fen: Mapped[int | None] = mapped_column(BigInteger)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    subsidies: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    valid_until: Mapped[date | None] = mapped_column(Date)
    enquiry_no: Mapped[str] = mapped_column(String(24), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
