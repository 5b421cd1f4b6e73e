"""Tables of the catalog. `slug` is the workbook's 编号 and is part of printed addresses."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Picture(Model):
    """One picture (`name` is the workbook's file name) with what was derived from it, see `catalog.pictures`.

    `widths` is "320,480,640" and `forms` "avif,webp,jpg,share"; together they say which files there are.
    """

    __tablename__ = "pictures"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    widths: Mapped[str] = mapped_column(String(80))
    forms: Mapped[str] = mapped_column(String(40), server_default="webp")
    bytes: Mapped[int] = mapped_column(Integer)


class Brand(Model):
    __tablename__ = "brands"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    english_name: Mapped[str] = mapped_column(String(60), default="")
    logo_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)

    logo: Mapped[Picture | None] = relationship()


class Series(Model):
    """车系: what a shopper calls a car; owns the model page."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    brand_id: Mapped[int] = mapped_column(ForeignKey("brands.id"))
    name: Mapped[str] = mapped_column(String(60))
    english_name: Mapped[str] = mapped_column(String(60), default="")
    body_class: Mapped[str] = mapped_column(String(16))
    energy: Mapped[str] = mapped_column(String(16))
    seats: Mapped[int | None] = mapped_column(Integer)
    highlights: Mapped[str] = mapped_column(Text, default="")
    intro: Mapped[str] = mapped_column(Text, default="")
    cover_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    turntable: Mapped[str] = mapped_column(String(200), default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[str] = mapped_column(String(8))
    successor_slug: Mapped[str] = mapped_column(String(64), default="", server_default="")  # 后继车系
    on_sale_on: Mapped[date | None] = mapped_column(Date)  # 上市日期
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    brand: Mapped[Brand] = relationship()
    cover: Mapped[Picture | None] = relationship()
    trims: Mapped[list["Trim"]] = relationship(back_populates="series", order_by="Trim.position")
    colours: Mapped[list["Colour"]] = relationship(order_by="Colour.position")
    gallery: Mapped[list["SeriesPicture"]] = relationship(order_by="SeriesPicture.position")


class SeriesPicture(Model):
    """图集: a further view of a series; `frame` rows are the turntable's frames in order."""

    __tablename__ = "series_pictures"
    __table_args__ = (UniqueConstraint("series_id", "kind", "position"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    picture_id: Mapped[int] = mapped_column(ForeignKey("pictures.id"))
    kind: Mapped[str] = mapped_column(String(8))  # gallery | frame
    position: Mapped[int] = mapped_column(Integer)

    picture: Mapped[Picture] = relationship()


class Colour(Model):
    __tablename__ = "colours"
    __table_args__ = (
        UniqueConstraint("series_id", "side", "name"),
        CheckConstraint("surcharge_fen >= 0", name="surcharge_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    name: Mapped[str] = mapped_column(String(40))
    hex: Mapped[str] = mapped_column(String(7))
    side: Mapped[str] = mapped_column(String(8))
    surcharge_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"))
    position: Mapped[int] = mapped_column(Integer, default=0)
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)

    picture: Mapped[Picture | None] = relationship()


class Trim(Model):
    """车款: what is bought; carries the guide price 厂商指导价 (MSRP)."""

    __tablename__ = "trims"
    __table_args__ = (
        CheckConstraint("msrp_fen > 0", name="msrp_positive"),
        Index("ix_trims_series_position", "series_id", "position"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    model_year: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    msrp_fen: Mapped[int] = mapped_column(BigInteger)
    purchase_tax: Mapped[str] = mapped_column(String(8), default="")
    status: Mapped[str] = mapped_column(String(8))
    position: Mapped[int] = mapped_column(Integer, default=0)

    series: Mapped[Series] = relationship(back_populates="trims")


class SpecItem(Model):
    """参数配置: one value of one trim."""

    __tablename__ = "spec_items"
    __table_args__ = (UniqueConstraint("trim_id", "group_name", "name"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"))
    group_name: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    value: Mapped[str] = mapped_column(String(200), default="")
    unit: Mapped[str] = mapped_column(String(24), default="")
    position: Mapped[int] = mapped_column(Integer)


class PriceEntry(Model):
    """价格台账: one price that was published. Written once; the database refuses to change or delete a row.

    A row speaks from `recorded_at` until the next one of the same trim, kind and offer; `starts_at` and `ends_at` are
    the window it announces. `deal_slug` names the offer and is empty for the guide price.
    """

    __tablename__ = "price_entries"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen_positive"),
        Index("ix_price_entries_trim", "trim_id", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"))
    kind: Mapped[str] = mapped_column(String(8))  # guide | deal | promo
    deal_slug: Mapped[str] = mapped_column(String(64), default="")
    fen: Mapped[int] = mapped_column(BigInteger)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(String(8))  # before | import | office
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int | None] = mapped_column(BigId)
