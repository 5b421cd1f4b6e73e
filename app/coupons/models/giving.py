"""Tables of the ways by which coupons reach people: codes on paper, a clerk's gift, a list of headquarters."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class ClaimCode(Model):
    """领券码: a QR code on a poster, a leaflet or in a store. `code` is unguessable and stands in its address."""

    __tablename__ = "claim_codes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), index=True)
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))
    label: Mapped[str] = mapped_column(String(40))  # 海报 西湖店前台, for the counts
    claimed: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(32))  # operator:3, staff:12
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GiftTicket(Model):
    """店员发放: one coupon for whoever scans the clerk's screen first, within minutes. Only a digest is kept."""

    __tablename__ = "gift_tickets"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    staff_id: Mapped[int] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))


class GivingRun(Model):
    """定向发放: a list that headquarters imported, worked off piece by piece."""

    __tablename__ = "giving_runs"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), index=True)
    reason: Mapped[str] = mapped_column(String(120))
    operator_id: Mapped[int] = mapped_column(BigId)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GivingTarget(Model):
    """One person of a list: given, or the reason why not. Holds a member, never a phone number."""

    __tablename__ = "giving_targets"
    __table_args__ = (
        UniqueConstraint("run_id", "member_id"),
        CheckConstraint("state IN ('waiting', 'given', 'refused')", name="state_known"),
        Index("ix_giving_targets_state", "run_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("giving_runs.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    state: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(32), default="")  # the refusal's code
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupons.id"))
