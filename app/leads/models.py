"""Tables of the leads. No number is copied into them: it stays with the member, and a consent opens it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class Enquiry(Model):
    """What one person asked for once: a price of up to three stores, a call back, an inspection of the old car."""

    __tablename__ = "enquiries"
    __table_args__ = (
        CheckConstraint("kind IN ('price', 'call', 'inspection')", name="kind_known"),
        UniqueConstraint("member_id", "idempotency_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    source: Mapped[str] = mapped_column(String(24))
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    trim_id: Mapped[int | None] = mapped_column(ForeignKey("trims.id"))
    subject: Mapped[str] = mapped_column(String(160))  # the car in words, as it was when asked
    msrp_fen: Mapped[int | None] = mapped_column(BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # of the old car; nothing about the person
    note: Mapped[str] = mapped_column(String(300), default="")
    contact_name: Mapped[str] = mapped_column(String(40), default="")  # how to address them, for whom they let see it
    city: Mapped[str] = mapped_column(String(24), default="")
    idempotency_key: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    leads: Mapped[list["Lead"]] = relationship(back_populates="enquiry", order_by="Lead.id")


class Lead(Model):
    """线索: one enquiry at one store. A store to which it is given later gets a row of its own."""

    __tablename__ = "leads"
    __table_args__ = (
        CheckConstraint(
            "state IN ('new', 'called', 'visiting', 'test_drive', 'ordered', 'closed', 'stopped', 'moved')",
            name="state_known",
        ),
        UniqueConstraint("enquiry_id", "dealer_id"),
        Index("ix_leads_dealer_state", "dealer_id", "state", "due_at"),
        Index("ix_leads_due", "state", "answered_at", "due_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    no: Mapped[str] = mapped_column(String(24), unique=True)
    enquiry_id: Mapped[int] = mapped_column(ForeignKey("enquiries.id"))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    mark: Mapped[str] = mapped_column(String(12), unique=True)  # 水印: on everything this store sees of the person
    state: Mapped[str] = mapped_column(String(12))
    state_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(120))  # why this store
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    level: Mapped[int] = mapped_column(Integer, default=0)  # 0 the store, 1 its leading people, 2 headquarters
    wanted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when they want to be called or to come
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the person's last word; None once answered
    moved_from_id: Mapped[int | None] = mapped_column(ForeignKey("leads.id"))
    ended_note: Mapped[str] = mapped_column(String(120), default="")
    displaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the store closed, and the person was told
    version: Mapped[int] = mapped_column(Integer, default=1)

    enquiry: Mapped[Enquiry] = relationship(back_populates="leads")
    quotes: Mapped[list["Quote"]] = relationship(order_by="Quote.id")
    messages: Mapped[list["LeadMessage"]] = relationship(order_by="LeadMessage.id")


class LeadConsent(Model):
    """号码同意: a store may see the number, by this consent (members.consents), until it is taken back."""

    __tablename__ = "lead_consents"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    consent_id: Mapped[int] = mapped_column(ForeignKey("consents.id"), unique=True)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when the store heard that it was taken back


class Quote(Model):
    """报价: what a store offers, until when; a later one replaces it, none is changed."""

    __tablename__ = "lead_quotes"
    __table_args__ = (
        CheckConstraint("kind IN ('bare', 'landing')", name="kind_known"),
        CheckConstraint("price_fen > 0", name="price_positive"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    kind: Mapped[str] = mapped_column(String(8))
    price_fen: Mapped[int] = mapped_column(BigInteger)
    included: Mapped[list[str]] = mapped_column(JSON, default=list)
    conditions: Mapped[str] = mapped_column(String(200), default="")
    valid_until: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LeadMessage(Model):
    """A line of the conversation, plain text."""

    __tablename__ = "lead_messages"
    __table_args__ = (
        CheckConstraint("side IN ('member', 'store')", name="side_known"),
        UniqueConstraint("lead_id", "nonce"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    side: Mapped[str] = mapped_column(String(8))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    body: Mapped[str] = mapped_column(String(500))
    nonce: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LeadEvent(Model):
    """What happened to a lead, in order: progress, numbers opened, escalations. No personal data."""

    __tablename__ = "lead_events"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ContactStop(Model):
    """勿扰: this store does not contact this person on its own again. Never removed; the person may ask anew."""

    __tablename__ = "lead_contact_stops"
    __table_args__ = (UniqueConstraint("member_id", "dealer_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"))
    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"))
    by_staff: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # said on the phone
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class LeadPromise(Model):
    """承诺: within how many hours of its opening time a store answers, and whether it takes leads at all."""

    __tablename__ = "lead_promises"

    dealer_id: Mapped[int] = mapped_column(ForeignKey("dealers.id"), primary_key=True)
    hours: Mapped[int] = mapped_column(Integer)
    takes: Mapped[bool] = mapped_column(Boolean)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LeadExport(Model):
    """导出: who took which list along, under a mark that stands on every row of it."""

    __tablename__ = "lead_exports"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mark: Mapped[str] = mapped_column(String(12), unique=True)
    dealer_id: Mapped[int | None] = mapped_column(ForeignKey("dealers.id"))  # None: headquarters
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int] = mapped_column(BigId)
    reason: Mapped[str] = mapped_column(String(120), default="")
    filters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    rows: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class LeadTry(Model):
    """One enquiry that was sent, for the limits only: forgotten after two days. The address is a keyed digest."""

    __tablename__ = "lead_tries"
    __table_args__ = (Index("ix_lead_tries_address", "address_digest", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("members.id"), index=True)
    address_digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
