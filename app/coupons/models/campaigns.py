"""Tables of the campaigns: the offer with its stock and rules, and every version of what it promised."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.coupons.rules import CampaignState, Payer


class CouponCampaign(Model):
    """券活动. `slug` is the workbook's 编号; windows are half-open [claim_from, claim_until).

    `claimed` counts every coupon that was handed out; `daily_total` and `per_day` (for each person) limit a day of
    Asia/Shanghai. `shake_permille` is the chance of one shake, `near_m` how near a store one must be for it.
    `head_start_until`: until then only the wishers of `wish_group_id` may claim.
    """

    __tablename__ = "coupon_campaigns"
    __table_args__ = (
        CheckConstraint("claimed >= 0 AND claimed <= total", name="claimed_within_total"),
        CheckConstraint("claim_until > claim_from", name="window_has_length"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(8))
    face_fen: Mapped[int | None] = mapped_column(BigInteger)
    discount_permille: Mapped[int | None] = mapped_column(Integer)  # 8.8 折 = 880
    most_fen: Mapped[int | None] = mapped_column(BigInteger)
    threshold_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    worth_fen: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(Integer)
    claimed: Mapped[int] = mapped_column(Integer, default=0)
    per_person: Mapped[int] = mapped_column(Integer, default=1)
    per_day: Mapped[int | None] = mapped_column(Integer)
    daily_total: Mapped[int | None] = mapped_column(Integer)
    way: Mapped[str] = mapped_column(String(8))
    channels: Mapped[str] = mapped_column(String(120), default="", server_default="")  # ；separated; empty: any
    passphrase: Mapped[str] = mapped_column(String(40), default="")
    claim_from: Mapped[datetime] = mapped_column(UtcDateTime)
    claim_until: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    valid_days: Mapped[int | None] = mapped_column(Integer)
    usage: Mapped[str] = mapped_column(String(8), default="通用")
    scope: Mapped[str] = mapped_column(
        String(4), default="", server_default=""
    )  # 整车 lowers bookings; empty: not said
    stackable: Mapped[bool] = mapped_column(Boolean, default=False)
    stack_group: Mapped[str] = mapped_column(String(20), default="", server_default="")
    alone: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    priority: Mapped[int] = mapped_column(Integer, default=100, server_default="100")
    payer: Mapped[str] = mapped_column(String(4), default=Payer.HEADQUARTERS.value, server_default="总部")
    dealer_permille: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    all_dealers: Mapped[bool] = mapped_column(Boolean, default=True)
    terms: Mapped[str] = mapped_column(Text, default="")
    shake_permille: Mapped[int | None] = mapped_column(Integer)
    near_m: Mapped[int | None] = mapped_column(Integer)
    wish_group_id: Mapped[int | None] = mapped_column(BigId)
    head_start_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10), default=CampaignState.PUBLISHED.value, server_default="published")
    state_reason: Mapped[str] = mapped_column(String(120), default="", server_default="")
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)


class CampaignSeries(Model):
    """适用车系. No row: every series."""

    __tablename__ = "campaign_series"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)


class CampaignDealer(Model):
    """适用门店, used when not all."""

    __tablename__ = "campaign_dealers"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), primary_key=True)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), primary_key=True)


class CampaignTerms(Model):
    """One version of what a campaign promises (rules.Terms as JSON). Never changed: coupons point at it."""

    __tablename__ = "campaign_terms"
    __table_args__ = (UniqueConstraint("campaign_id", "digest"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"))
    digest: Mapped[str] = mapped_column(String(64))
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CampaignDay(Model):
    """How many coupons of a campaign were handed out on one day, where a day has a limit."""

    __tablename__ = "campaign_days"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), primary_key=True)
    on: Mapped[date] = mapped_column(Date, primary_key=True)
    claimed: Mapped[int] = mapped_column(Integer, default=0)


class CampaignRehearsal(Model):
    """活动预演: what was found before publishing; `fingerprint` names the rules it was found for."""

    __tablename__ = "campaign_rehearsals"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    green: Mapped[bool] = mapped_column(Boolean)
    findings: Mapped[dict[str, Any]] = mapped_column(JSON)
    rehearsed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    operator_id: Mapped[int | None] = mapped_column(BigId)
