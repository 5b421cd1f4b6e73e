"""Tables of the coupons people hold."""

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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.coupons.models.campaigns import CampaignTerms, CouponCampaign

_ISSUED = text("state = 'issued'")
_HELD = text("held_by IS NOT NULL")


class Coupon(Model):
    """用户券: one issued piece in a wallet. `code` stands in addresses and never redeems alone.

    `slot` numbers the member's coupons within the campaign's per-person limit, `day_slot` within that of the day
    `claimed_on`: the unique keys make the limits hold under parallel requests. A revoked coupon gives `slot` back.
    `way` is how it was got, `channel` over what (the code of a poster, a store's), `dealer_id` who handed it out.
    `redeemed_fen` is what it was worth when it was used.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        UniqueConstraint("campaign_id", "member_id", "slot"),
        UniqueConstraint("campaign_id", "member_id", "claimed_on", "day_slot"),
        UniqueConstraint("member_id", "claim_key"),
        CheckConstraint("state IN ('issued', 'held', 'redeemed', 'revoked', 'expired')", name="state_known"),
        CheckConstraint("state <> 'held' OR held_by IS NOT NULL", name="held_by_somebody"),
        CheckConstraint("held_by IS NULL OR state IN ('held', 'redeemed')", name="held_only_then"),
        CheckConstraint("(state = 'redeemed') = (redeemed_at IS NOT NULL)", name="redeemed_at_some_time"),
        CheckConstraint("valid_until > valid_from", name="validity_has_length"),
        Index("ix_coupons_valid_until", "valid_until", sqlite_where=_ISSUED, postgresql_where=_ISSUED),
        Index("ix_coupons_held_by", "held_by", sqlite_where=_HELD, postgresql_where=_HELD),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("coupon_campaigns.id"))
    terms_id: Mapped[int] = mapped_column(ForeignKey("campaign_terms.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    slot: Mapped[int | None] = mapped_column(Integer)
    claimed_on: Mapped[date] = mapped_column(Date)
    day_slot: Mapped[int | None] = mapped_column(Integer)
    claim_key: Mapped[str] = mapped_column(String(64))
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    way: Mapped[str] = mapped_column(String(8))
    channel: Mapped[str] = mapped_column(String(40), default="")
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))
    staff_id: Mapped[int | None] = mapped_column(BigId)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10))
    state_at: Mapped[datetime] = mapped_column(UtcDateTime)
    held_by: Mapped[int | None] = mapped_column(BigId)  # the booking, also once that used it up
    held_fen: Mapped[int | None] = mapped_column(BigInteger)  # what it takes off there
    held_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    redeemed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    redeemed_dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))
    redeemed_fen: Mapped[int | None] = mapped_column(BigInteger)
    revoked_reason: Mapped[str] = mapped_column(String(120), default="", server_default="")
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    campaign: Mapped[CouponCampaign] = relationship()
    promise: Mapped[CampaignTerms] = relationship()


class ClaimTry(Model):
    """One try at something that is limited: a passphrase typed, a shake. Counts by member and by address."""

    __tablename__ = "claim_tries"
    __table_args__ = (
        Index("ix_claim_tries_member", "kind", "member_id", "at"),
        Index("ix_claim_tries_address", "kind", "address_digest", "at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_campaigns.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    address_digest: Mapped[str | None] = mapped_column(String(64))
    key: Mapped[str | None] = mapped_column(String(64), unique=True)  # the same try sent again is the same try
    won: Mapped[bool] = mapped_column(Boolean, default=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
