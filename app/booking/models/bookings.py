"""Tables of the bookings. Amounts, words and promised times are copied onto the booking when it is placed."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.booking.models.deals import OnePriceDeal
from app.core.audit import BigId
from app.core.db import Model, UtcDateTime
from app.dealers.models import Dealer

_HOLDS = text("address_digest IS NOT NULL")
_HAS_RECEIPT = text("balance_document <> ''")
_HELD = text("state = 'held'")
_HAS_VIN = text("vin IS NOT NULL")
_TO_CONFIRM = text("confirm_by IS NOT NULL")
_TO_BE_READY = text("ready_by IS NOT NULL")
_SEEN_AT_COUNTERS = text("state IN ('deposit_paid', 'confirmed', 'car_ready', 'handed_over')")


class Booking(Model):
    """预订单: one unit for one member at one dealer.

    `slot` numbers the member's places within the deal's per-person limit while the booking counts, and is NULL once it
    gave its unit back: the unique key makes the limit hold under parallel requests. `vin` is NULL then, too: one car
    stands on one booking. `address_digest` says from where an unpaid hold was placed; it goes when the hold ends.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        UniqueConstraint("deal_id", "member_id", "slot"),
        UniqueConstraint("member_id", "idempotency_key"),
        CheckConstraint("price_fen > 0 AND earnest_fen > 0", name="amounts_positive"),
        CheckConstraint("surcharge_fen >= 0", name="surcharge_not_negative"),
        CheckConstraint("coupon_fen >= 0 AND coupon_fen <= price_fen + surcharge_fen", name="coupons_within_price"),
        Index("uq_bookings_vin", "vin", unique=True, sqlite_where=_HAS_VIN, postgresql_where=_HAS_VIN),
        Index(
            "uq_bookings_receipt",
            "dealer_id",
            "balance_document",
            unique=True,
            sqlite_where=_HAS_RECEIPT,
            postgresql_where=_HAS_RECEIPT,
        ),
        Index("ix_bookings_hold_until", "hold_until", sqlite_where=_HELD, postgresql_where=_HELD),
        Index("ix_bookings_confirm_by", "confirm_by", sqlite_where=_TO_CONFIRM, postgresql_where=_TO_CONFIRM),
        Index("ix_bookings_ready_by", "ready_by", sqlite_where=_TO_BE_READY, postgresql_where=_TO_BE_READY),
        Index("ix_bookings_dealer_state", "dealer_id", "state"),
        Index("ix_bookings_phone", "contact_phone"),
        Index(
            "ix_bookings_phone_tail",
            text("substr(contact_phone, 8, 4)"),
            sqlite_where=_SEEN_AT_COUNTERS,
            postgresql_where=_SEEN_AT_COUNTERS,
        ),
        Index("ix_bookings_address", "address_digest", sqlite_where=_HOLDS, postgresql_where=_HOLDS),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    deal_id: Mapped[int] = mapped_column(ForeignKey("one_price_deals.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))  # found by the key of (member, idempotency key)
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    slot: Mapped[int | None] = mapped_column(Integer)
    idempotency_key: Mapped[str] = mapped_column(String(40))
    car_name: Mapped[str] = mapped_column(String(160))
    colour: Mapped[str] = mapped_column(String(40), default="", server_default="")  # empty: chosen in the store
    surcharge_fen: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    coupon_fen: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")  # what its coupons take off
    msrp_fen: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    earnest_kind: Mapped[str] = mapped_column(String(8))
    earnest_fen: Mapped[int] = mapped_column(BigInteger)
    contact_name: Mapped[str] = mapped_column(String(40))
    contact_phone: Mapped[str] = mapped_column(String(11))
    address_digest: Mapped[str | None] = mapped_column(String(64))
    owner_name: Mapped[str] = mapped_column(String(40), default="", server_default="")  # on the papers; empty: contact
    terms_version: Mapped[str] = mapped_column(String(24))
    terms_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    hold_until: Mapped[datetime] = mapped_column(UtcDateTime)
    hold_extended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state_at: Mapped[datetime] = mapped_column(UtcDateTime)

    # What the dealer promised and when it was kept or broken (`default_kind`: confirm or ready).
    # The hours and days are those of the terms that were agreed to; without (older bookings), those of the deal.
    confirm_hours: Mapped[int | None] = mapped_column(Integer)
    ready_days: Mapped[int | None] = mapped_column(Integer)
    confirm_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ready_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    default_kind: Mapped[str | None] = mapped_column(String(8))
    defaulted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    default_excused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # headquarters: it does not count
    vin: Mapped[str | None] = mapped_column(String(17))

    # The agreed time to come, and one that waits for the other side's answer (`proposed_by`: dealer or member).
    appointment_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proposed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    proposed_by: Mapped[str | None] = mapped_column(String(8))
    no_show_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    no_show_reason: Mapped[str] = mapped_column(String(120), default="", server_default="")

    # The rest of the price. `balance_channel`: store (with the number of its document) or online.
    balance_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    balance_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    balance_paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    balance_channel: Mapped[str | None] = mapped_column(String(8))
    balance_document: Mapped[str] = mapped_column(String(60), default="", server_default="")
    balance_staff_id: Mapped[int | None] = mapped_column(BigId)

    deal: Mapped[OnePriceDeal] = relationship()
    dealer: Mapped[Dealer] = relationship()
    events: Mapped[list["BookingEvent"]] = relationship(order_by="BookingEvent.id")

    @property
    def promised_hours(self) -> int:
        """How long the dealer has to confirm."""
        return self.deal.confirm_hours if self.confirm_hours is None else self.confirm_hours

    @property
    def promised_days(self) -> int:
        """How long the dealer has to make the car ready."""
        return self.deal.ready_days if self.ready_days is None else self.ready_days

    @property
    def total_fen(self) -> int:
        """What the car costs with its colour, after its coupons."""
        return self.price_fen + self.surcharge_fen - self.coupon_fen

    @property
    def balance_fen(self) -> int:
        """What is paid after the earnest money; 0 when that was the whole price."""
        return self.total_fen - self.earnest_fen

    @property
    def balance_open(self) -> bool:
        """Whether something of the price is still to be paid."""
        return self.balance_fen > 0 and self.balance_paid_at is None


class BookingEvent(Model):
    """One line of the timeline the customer reads."""

    __tablename__ = "booking_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    booking_id: Mapped[int] = mapped_column(ForeignKey("bookings.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(120), default="")
