"""A store's leads on the phone: what to do next first, the person masked until somebody opens the number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from app.core.db import db
from app.leads.errors import LeadNotFound
from app.leads.models import Enquiry, Lead, LeadEvent, LeadMessage, Quote
from app.leads.queries.contact import Contact, list_contacts
from app.leads.queries.own import list_messages, list_standing_quotes, name_staff
from app.leads.rules import OPEN, STAFF_WORDS, LeadState, alias
from app.members.rules import mask_name, mask_phone
from app.visits.queries import find_consultant

FILTERS = {"todo": "待回复", "open": "跟进中", "done": "已结束"}
MOST = 100


@dataclass(frozen=True, slots=True)
class StoreLine:
    """One lead of the list."""

    lead: Lead
    who: str
    phone: str
    assignee: str
    quoted: bool
    late: bool

    @property
    def words(self) -> str:
        return STAFF_WORDS[self.lead.state]  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, slots=True)
class StoreLead:
    """One lead as the store works on it."""

    lead: Lead
    enquiry: Enquiry
    who: str
    contact: Contact | None
    quote: Quote | None
    messages: Sequence[LeadMessage]
    events: Sequence[LeadEvent]
    staff: dict[int, str]
    brought_by: str

    @property
    def words(self) -> str:
        return STAFF_WORDS[self.lead.state]  # pyright: ignore[reportArgumentType]

    @property
    def mark(self) -> str:
        newest = self.messages[-1].id if self.messages else 0
        return f"{self.lead.state}-{self.lead.version}-{newest}-{'n' if self.contact else ''}"


def list_store(dealer_id: int, now: datetime, shown: str = "", staff_id: int | None = None) -> list[StoreLine]:
    """Leads of a store: those that wait for an answer first, the longest promised on top. `staff_id`: only theirs."""
    wanted = (
        select(Lead)
        .where(Lead.dealer_id == dealer_id, *_filter(shown))
        .options(joinedload(Lead.enquiry))
        .order_by(Lead.answered_at.is_not(None), Lead.asked_at.is_(None), Lead.due_at, Lead.id.desc())
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    if staff_id is not None:
        wanted = wanted.where(Lead.staff_id == staff_id)
    leads = db.session.scalars(wanted).all()
    contacts, quotes = list_contacts(leads, now), list_standing_quotes([lead.id for lead in leads])
    names = name_staff({lead.staff_id for lead in leads if lead.staff_id})
    return [
        StoreLine(
            lead,
            masked(lead, contacts.get(lead.id)),
            mask_phone(contacts[lead.id].phone) if lead.id in contacts else "未提供号码",
            names.get(lead.staff_id or 0, ""),
            lead.id in quotes,
            is_late(lead, now),
        )
        for lead in leads
    ]


def count_store(dealer_id: int) -> dict[str, int]:
    """How many leads each filter shows."""
    return {
        key: db.session.scalar(select(func.count(Lead.id)).where(Lead.dealer_id == dealer_id, *_filter(key))) or 0
        for key in FILTERS
    }


def count_todo(dealer_id: int) -> int:
    """How many wait for this store's answer."""
    return db.session.scalar(select(func.count(Lead.id)).where(Lead.dealer_id == dealer_id, *_filter("todo"))) or 0


def get_store_lead(no: str, dealer_id: int, now: datetime) -> StoreLead:
    """A lead of this store. LeadNotFound for every other one."""
    lead = db.session.scalar(
        select(Lead)
        .where(Lead.no == no, Lead.dealer_id == dealer_id)
        .options(joinedload(Lead.enquiry))
        .execution_options(populate_existing=True)
    )
    if lead is None:
        raise LeadNotFound
    contact = list_contacts([lead], now).get(lead.id)
    messages = list_messages(lead.id)
    events = db.session.scalars(select(LeadEvent).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)).all()
    card = find_consultant("lead", lead.id, dealer_id)
    people = {entry.staff_id for entry in (*messages, *events)} | {lead.staff_id, card}
    names = name_staff({person for person in people if person})
    return StoreLead(
        lead,
        lead.enquiry,
        masked(lead, contact),
        contact,
        list_standing_quotes([lead.id]).get(lead.id),
        messages,
        events,
        names,
        names.get(card or 0, ""),
    )


def masked(lead: Lead, contact: Contact | None) -> str:
    """Whom the store deals with: 周* where the number may be seen, else 客户 7F3K."""
    return mask_name(contact.name) if contact and contact.name else alias(lead.mark)


def is_late(lead: Lead, now: datetime) -> bool:
    """Whether the promised answer is overdue."""
    return lead.state == LeadState.NEW and lead.answered_at is None and lead.due_at < now


def _filter(shown: str) -> tuple[ColumnElement[bool], ...]:
    if shown == "todo":
        return Lead.state.in_(OPEN), or_(Lead.answered_at.is_(None), Lead.asked_at.is_not(None))
    if shown == "open":
        return (Lead.state.in_(OPEN),)
    return (Lead.state.not_in(OPEN),) if shown == "done" else ()
