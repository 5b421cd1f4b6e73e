"""Tables of the test drives."""

from datetime import date, datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.catalog.models import Trim
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.dealers.models import Dealer
from app.drives.rules import DEFAULT_LENGTH


class DemoCar(Model):
    """试驾车 of one store. It is lent from `active_from` to `active_until` (both included), not after `closed_at`."""

    __tablename__ = "demo_cars"
    __table_args__ = (
        CheckConstraint("minutes IS NULL OR minutes IN (30, 45, 60)", name="minutes_known"),
        Index("ix_demo_cars_dealer_id", "dealer_id", "trim_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    trim_id: Mapped[int] = mapped_column(ForeignKey("trims.id"), index=True)
    colour: Mapped[str] = mapped_column(String(40))
    plate_tail: Mapped[str] = mapped_column(String(8))
    minutes: Mapped[int | None] = mapped_column(Integer)  # none: the store's length
    active_from: Mapped[date] = mapped_column(Date)
    active_until: Mapped[date | None] = mapped_column(Date)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    dealer: Mapped[Dealer] = relationship()
    trim: Mapped[Trim] = relationship()


class DriveClosure(Model):
    """停驾日: a store lends no car, or not this one, on these days (both included)."""

    __tablename__ = "drive_closures"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), index=True)
    car_id: Mapped[int | None] = mapped_column(ForeignKey("demo_cars.id"))
    from_on: Mapped[date] = mapped_column(Date)
    until_on: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(String(60), default="")


class DriveDesk(Model):
    """试驾台: how a store lends its cars. The row without a store is headquarters' word on the thank-you coupon."""

    __tablename__ = "drive_desks"
    __table_args__ = (CheckConstraint("minutes IN (30, 45, 60)", name="minutes_known"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"), unique=True)
    minutes: Mapped[int] = mapped_column(Integer, default=DEFAULT_LENGTH)
    lead_minutes: Mapped[int] = mapped_column(Integer, default=120)
    days_ahead: Mapped[int] = mapped_column(Integer, default=14)
    licence_photos: Mapped[bool] = mapped_column(Boolean, default=False)
    thanks_slug: Mapped[str] = mapped_column(String(64), default="")
    routes: Mapped[str] = mapped_column(Text, default="")


class TestDrive(Model):
    """试驾. `slot` is the place within a person's limit while it is open; the car's quarter hours are DriveCells.

    Without a member it was begun at the desk. `displaced_at`: the slot no longer stands and the person was told.
    """

    __test__ = False
    __tablename__ = "test_drives"
    __table_args__ = (
        UniqueConstraint("member_id", "slot"),
        UniqueConstraint("member_id", "idempotency_key"),
        CheckConstraint("ends_at > starts_at", name="has_length"),
        Index("ix_test_drives_dealer_starts", "dealer_id", "starts_at"),
        Index("ix_test_drives_state_starts", "state", "starts_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    car_id: Mapped[int] = mapped_column(ForeignKey("demo_cars.id"), index=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("members.id"))
    slot: Mapped[int | None] = mapped_column(Integer)
    idempotency_key: Mapped[str | None] = mapped_column(String(40))
    car_name: Mapped[str] = mapped_column(String(160))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10))
    state_at: Mapped[datetime] = mapped_column(UtcDateTime)
    walk_in: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    contact_name: Mapped[str] = mapped_column(String(40), default="")
    contact_phone: Mapped[str] = mapped_column(String(11), default="")
    thanks_slug: Mapped[str] = mapped_column(String(64), default="")  # the coupon that was promised
    coupon_code: Mapped[str] = mapped_column(String(16), default="")
    coupon_note: Mapped[str] = mapped_column(String(120), default="")  # why there is none
    moved: Mapped[int] = mapped_column(Integer, default=0)
    displaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    displaced_reason: Mapped[str] = mapped_column(String(60), default="")
    reminded_day: Mapped[bool] = mapped_column(Boolean, default=False)
    reminded_soon: Mapped[bool] = mapped_column(Boolean, default=False)
    staff_id: Mapped[int | None] = mapped_column(BigId)  # who received the customer
    arrived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    licence_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    route: Mapped[str] = mapped_column(String(60), default="")
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    dealer: Mapped[Dealer] = relationship()
    car: Mapped[DemoCar] = relationship()
    events: Mapped[list["DriveEvent"]] = relationship(order_by="DriveEvent.id")


class DriveCell(Model):
    """One quarter hour of one car, taken by one drive."""

    __tablename__ = "drive_cells"

    car_id: Mapped[int] = mapped_column(ForeignKey("demo_cars.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    drive_id: Mapped[int] = mapped_column(ForeignKey("test_drives.id"), index=True)


class DriveEvent(Model):
    """One line of a drive's timeline; no personal data."""

    __tablename__ = "drive_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    drive_id: Mapped[int] = mapped_column(ForeignKey("test_drives.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(160), default="")


class AgreementText(Model):
    """The words of a version of the agreement, kept once: what was signed can be read for as long as it counts."""

    __tablename__ = "drive_agreements"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(24))
    text: Mapped[str] = mapped_column(Text)


class DriveSignature(Model):
    """协议签署: drawn (lines of a signature pad) or typed, for exactly these words."""

    __tablename__ = "drive_signatures"

    drive_id: Mapped[int] = mapped_column(ForeignKey("test_drives.id"), primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(ForeignKey("drive_agreements.digest"))
    typed_name: Mapped[str] = mapped_column(String(40), default="")
    drawing: Mapped[str] = mapped_column(Text, default="")
    by_kind: Mapped[str] = mapped_column(String(16))  # on whose phone: the member's or the store's
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LicencePhoto(Model):
    """驾驶证照片, encrypted. After `delete_at` the content is gone; the row says that it was there and went."""

    __tablename__ = "licence_photos"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    drive_id: Mapped[int] = mapped_column(ForeignKey("test_drives.id"), unique=True)
    consent_id: Mapped[int | None] = mapped_column(BigId)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delete_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DriveAnswer(Model):
    """三个问题: the car, the store, and what comes next; once for each drive."""

    __tablename__ = "drive_answers"
    __table_args__ = (
        CheckConstraint("car_stars BETWEEN 1 AND 5 AND dealer_stars BETWEEN 1 AND 5", name="stars_in_range"),
        Index("ix_drive_answers_dealer_id", "dealer_id", "answered_at"),
    )

    drive_id: Mapped[int] = mapped_column(ForeignKey("test_drives.id"), primary_key=True, autoincrement=False)
    dealer_id: Mapped[int] = mapped_column(BigId)
    car_stars: Mapped[int] = mapped_column(Integer)
    dealer_stars: Mapped[int] = mapped_column(Integer)
    plan: Mapped[str] = mapped_column(String(10))
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime)
