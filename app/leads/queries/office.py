"""Headquarters' view of the leads: filtered, counted, traced by a mark. Numbers are masked here, always."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import contains_eager

from app.core import actors
from app.core.clock import from_local
from app.core.db import db
from app.core.outbox import OutboxMessage
from app.dealers.models import Dealer
from app.leads.errors import LeadNotFound
from app.leads.models import Enquiry, Lead, LeadEvent, LeadExport, LeadPromise, Quote
from app.leads.queries.contact import Contact, list_contacts
from app.leads.queries.own import name_staff
from app.leads.rules import KINDS, LeadState
from app.staff.models import StaffMember

FOUND = 200
EXPORTED = 20_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What headquarters ask for; empty means everything."""

    state: str = ""
    kind: str = ""
    source: str = ""
    dealer: str = ""
    late: bool = False
    first: date | None = None
    last: date | None = None

    def plain(self) -> dict[str, str]:
        """As kept with an export and as it stands in an address."""
        given = {
            "state": self.state,
            "kind": self.kind,
            "source": self.source,
            "dealer": self.dealer,
            "late": "1" if self.late else "",
            "first": self.first.isoformat() if self.first else "",
            "last": self.last.isoformat() if self.last else "",
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class OfficeLine:
    lead: Lead
    enquiry: Enquiry
    dealer: Dealer
    contact: Contact | None


@dataclass(frozen=True, slots=True)
class OfficeLead:
    line: OfficeLine
    events: Sequence[LeadEvent]
    quotes: Sequence[Quote]
    staff: dict[int, str]
    others: Sequence[OfficeLine]


def search(filters: Filters, now: datetime, limit: int = FOUND) -> list[OfficeLine]:
    """Leads that fit, the newest first."""
    rows = db.session.execute(_joined().where(*_where(filters, now)).order_by(Lead.id.desc()).limit(limit)).all()
    contacts = list_contacts([row[0] for row in rows], now)
    return [OfficeLine(lead, lead.enquiry, dealer, contacts.get(lead.id)) for lead, dealer in rows]


def search_store(dealer_id: int, now: datetime) -> list[OfficeLine]:
    """Every lead of one store, for its own export."""
    rows = db.session.execute(_joined().where(Lead.dealer_id == dealer_id).order_by(Lead.id.desc()).limit(EXPORTED))
    found = rows.all()
    contacts = list_contacts([row[0] for row in found], now)
    return [OfficeLine(lead, lead.enquiry, dealer, contacts.get(lead.id)) for lead, dealer in found]


def count_late(now: datetime) -> int:
    """Leads that wait for headquarters."""
    late = select(func.count(Lead.id)).where(Lead.state == LeadState.NEW, Lead.level >= 2)
    return db.session.scalar(late) or 0


def get_lead(no: str, now: datetime) -> OfficeLead:
    """One lead with what happened to it, and the same request at other stores. LeadNotFound."""
    row = db.session.execute(_joined().where(Lead.no == no)).first()
    if row is None:
        raise LeadNotFound
    lead, dealer = row
    siblings = db.session.execute(_joined().where(Lead.enquiry_id == lead.enquiry_id, Lead.id != lead.id)).all()
    contacts = list_contacts([lead, *(one[0] for one in siblings)], now)
    events = db.session.scalars(select(LeadEvent).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)).all()
    quotes = db.session.scalars(select(Quote).where(Quote.lead_id == lead.id).order_by(Quote.id)).all()
    people = {event.staff_id for event in events if event.staff_id} | {quote.staff_id for quote in quotes}
    line = OfficeLine(lead, lead.enquiry, dealer, contacts.get(lead.id))
    others = [OfficeLine(one, one.enquiry, store, contacts.get(one.id)) for one, store in siblings]
    return OfficeLead(line, events, quotes, name_staff(people), others)


@dataclass(frozen=True, slots=True)
class Traced:
    """Whose copy carried a mark: a store's view of one lead, or an exported list."""

    dealer: str
    lead: Lead | None
    export: LeadExport | None
    who: str
    looks: Sequence[tuple[str, datetime]]


def trace(mark: str) -> Traced | None:
    """The store behind a mark, who opened the number there and when; or who took a list along."""
    word = mark.strip().upper().replace(" ", "")[:12]
    row = db.session.execute(_joined().where(Lead.mark == word)).first()
    if row is not None:
        lead, dealer = row
        looks = db.session.execute(
            select(StaffMember.name, LeadEvent.at)
            .outerjoin(StaffMember, StaffMember.id == LeadEvent.staff_id)
            .where(LeadEvent.lead_id == lead.id, LeadEvent.kind.in_(("number_opened", "number_exported")))
            .order_by(LeadEvent.id)
        )
        return Traced(dealer.name, lead, None, "", [(name or "总部", at) for name, at in looks])
    export = db.session.scalar(select(LeadExport).where(LeadExport.mark == word))
    if export is None:
        return None
    name = db.session.scalar(select(Dealer.name).where(Dealer.id == export.dealer_id)) or "总部"
    actor = export.actor_kind, export.actor_id
    return Traced(name, None, export, actors.names([actor])[actor], [])


def list_promises(text: str, limit: int = 50) -> list[tuple[Dealer, LeadPromise | None]]:
    """Stores by a part of their name, city or number, with what they promise."""
    wanted = select(Dealer, LeadPromise).outerjoin(LeadPromise, LeadPromise.dealer_id == Dealer.id)
    word = text.strip()[:40]
    if word:
        wanted = wanted.where(
            Dealer.name.contains(word, autoescape=True)
            | Dealer.city.contains(word, autoescape=True)
            | (Dealer.slug == word)
        )
    else:
        wanted = wanted.where(LeadPromise.dealer_id.is_not(None))
    rows = db.session.execute(wanted.order_by(Dealer.city, Dealer.slug).limit(limit))
    return [(dealer, promise) for dealer, promise in rows]


def list_dealers_with_leads() -> list[tuple[str, str]]:
    """(编号, name) of the stores that have any."""
    rows = db.session.execute(
        select(Dealer.slug, Dealer.name).where(Dealer.id.in_(select(Lead.dealer_id))).order_by(Dealer.name)
    )
    return [(slug, name) for slug, name in rows]


def count_kinds(now: datetime) -> list[tuple[str, int]]:
    """New requests of the last thirty days by kind."""
    rows = db.session.execute(
        select(Enquiry.kind, func.count()).where(Enquiry.created_at > now - timedelta(days=30)).group_by(Enquiry.kind)
    )
    found = {row[0]: row[1] for row in rows}
    return [(words, found.get(kind, 0)) for kind, words in KINDS.items()]


def count_pushes(topic: str) -> dict[str, int]:
    """How many events for the maker's lead system wait, left or were given up."""
    rows = db.session.execute(
        select(OutboxMessage.state, func.count()).where(OutboxMessage.topic == topic).group_by(OutboxMessage.state)
    )
    return {row[0]: row[1] for row in rows}


def _joined() -> Select[Lead, Dealer]:
    return (
        select(Lead, Dealer)
        .join(Lead.enquiry)
        .join(Dealer, Dealer.id == Lead.dealer_id)
        .options(contains_eager(Lead.enquiry))
        .execution_options(populate_existing=True)
    )


def _where(filters: Filters, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, value in (
        (Lead.state, filters.state),
        (Enquiry.kind, filters.kind),
        (Enquiry.source, filters.source),
        (Dealer.slug, filters.dealer),
    ):
        if value:
            found.append(column == value)
    if filters.late:
        found += [Lead.state == LeadState.NEW, Lead.answered_at.is_(None), Lead.due_at < now]
    if filters.first:
        found.append(Lead.created_at >= _midnight(filters.first))
    if filters.last:
        found.append(Lead.created_at < _midnight(filters.last + timedelta(days=1)))
    return found


def _midnight(day: date) -> datetime:
    return from_local(datetime(day.year, day.month, day.day))
