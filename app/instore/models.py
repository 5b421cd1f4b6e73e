"""Tables of the store codes and of the calls they make possible."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class CodeKey(Model):
    """What codes are signed with, made with the first one. It is no setting: paper outlives a change of SECRET_KEY."""

    __tablename__ = "store_code_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    secret: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StoreCode(Model):
    """店内码: what stands in one store. Empty columns are those that its kind does not have."""

    __tablename__ = "store_codes"
    __table_args__ = (
        CheckConstraint("kind IN ('car', 'desk', 'poster', 'drive', 'service', 'parking', 'card')", name="kind_known"),
        Index("ix_store_codes_dealer", "dealer_id", "kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(12), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    label: Mapped[str] = mapped_column(String(40))
    trim_id: Mapped[int | None] = mapped_column(ForeignKey("trims.id"))
    colour: Mapped[str] = mapped_column(String(40), default="")
    vin_tail: Mapped[str] = mapped_column(String(6), default="")
    stock: Mapped[str] = mapped_column(String(8), default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_campaigns.id"))
    claim_code: Mapped[str] = mapped_column(String(16), default="")
    wifi_name: Mapped[str] = mapped_column(String(63), default="")
    wifi_password: Mapped[str] = mapped_column(String(63), default="")
    note: Mapped[str] = mapped_column(String(120), default="")
    scene_url: Mapped[str] = mapped_column(String(200), default="")  # what WeChat's scene code holds
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(24))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_reason: Mapped[str] = mapped_column(String(80), default="")


class FloorCall(Model):
    """叫顾问 or 签到: somebody in the store asks for a person. `ref` is all the shopper's browser holds of it."""

    __tablename__ = "floor_calls"
    __table_args__ = (
        CheckConstraint("kind IN ('call', 'check_in')", name="kind_known"),
        UniqueConstraint("dealer_id", "day", "kind", "number"),
        Index("ix_floor_calls_dealer_at", "dealer_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ref: Mapped[str] = mapped_column(String(16), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    code_id: Mapped[int] = mapped_column(ForeignKey("store_codes.id"))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    day: Mapped[date] = mapped_column(Date)
    number: Mapped[int] = mapped_column(Integer)  # the how-manieth of its kind on this day
    wanted_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    visit_ref: Mapped[str] = mapped_column(String(12), default="")
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
