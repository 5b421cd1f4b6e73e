"""Tables of the dealers. `slug` is the workbook's 编号."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Dealer(Model):
    """门店. `lat`, `lng` are GCJ-02 degrees; `hours` and `services` keep the workbook's own notation."""

    __tablename__ = "dealers"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90", name="lat_in_range"),
        CheckConstraint("lng BETWEEN -180 AND 180", name="lng_in_range"),
        Index("ix_dealers_lat_lng", "lat", "lng"),
        Index("ix_dealers_city", "city"),
        Index("ix_dealers_kind", "kind_id", "lat", "lng"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    province: Mapped[str] = mapped_column(String(24))
    city: Mapped[str] = mapped_column(String(24))
    district: Mapped[str] = mapped_column(String(24), default="")
    address: Mapped[str] = mapped_column(String(200))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    source_system: Mapped[str] = mapped_column(String(8), default="GCJ-02")
    phone: Mapped[str] = mapped_column(String(24))
    hours: Mapped[str] = mapped_column(Text, default="")
    services: Mapped[str] = mapped_column(String(80), default="")
    intro: Mapped[str] = mapped_column(Text, default="", server_default="")  # 简介, in the store's own words
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    status: Mapped[str] = mapped_column(String(8))
    # A DealerKind, set by triggers alone; none for a store that is not shown.
    kind_id: Mapped[int | None] = mapped_column(BigId)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
