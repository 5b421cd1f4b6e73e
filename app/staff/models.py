"""Tables of the staff."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class StaffMember(Model):
    """店员. One living row for each member: nobody acts for two dealers."""

    __tablename__ = "staff_members"
    __table_args__ = (
        CheckConstraint("role IN ('clerk', 'supervisor', 'manager')", name="role_known"),
        Index(
            "uq_staff_members_active_member",
            "member_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(12))
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pin_hash: Mapped[str | None] = mapped_column(String(120))  # argon2; for the shared phone of the counter
    pin_set_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duty_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # on duty in the store until then


class CounterPhone(Model):
    """公用手机: a phone of the store that several people use, each with an own PIN. Only the token's digest is kept."""

    __tablename__ = "counter_phones"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    registered_by: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PinTry(Model):
    """One PIN that was typed on a shared phone: counted, so that four to six digits cannot be tried out."""

    __tablename__ = "pin_tries"
    __table_args__ = (Index("ix_pin_tries_staff", "staff_id", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    phone_id: Mapped[int] = mapped_column(ForeignKey("counter_phones.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    good: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class StaffInvitation(Model):
    """An invitation link, good once and for three days. Only the token's digest is kept."""

    __tablename__ = "staff_invitations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
