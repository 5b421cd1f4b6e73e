"""券活动: the offer with its stock and rules. `slug` is the workbook's 编号."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class CouponCampaign(Model):
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
    threshold_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(Integer)
    claimed: Mapped[int] = mapped_column(Integer, default=0)
    per_person: Mapped[int] = mapped_column(Integer, default=1)
    way: Mapped[str] = mapped_column(String(8))
    passphrase: Mapped[str] = mapped_column(String(40), default="")
    claim_from: Mapped[datetime] = mapped_column(UtcDateTime)
    claim_until: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    valid_days: Mapped[int | None] = mapped_column(Integer)
    usage: Mapped[str] = mapped_column(String(8), default="通用")
    stackable: Mapped[bool] = mapped_column(Boolean, default=False)
    all_dealers: Mapped[bool] = mapped_column(Boolean, default=True)
    terms: Mapped[str] = mapped_column(Text, default="")
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
