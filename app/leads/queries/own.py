"""A person's own requests: what each store answered, and what may honestly be said of it beside the others."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app.core.clock import local
from app.core.db import db
from app.dealers.models import Dealer
from app.leads.errors import LeadNotFound
from app.leads.models import ContactStop, Enquiry, Lead, LeadConsent, LeadEvent, LeadMessage, Quote
from app.leads.queries.contact import Contact, is_stopped, list_contacts
from app.leads.rules import MEMBER_WORDS, OPEN, Offer, Verdict, compare
from app.members.models import Consent
from app.staff.models import StaffMember

LINES = 200


@dataclass(frozen=True, slots=True)
class StoreRow:
    """One store of a request."""

    lead: Lead
    dealer: Dealer
    quote: Quote | None
    verdict: Verdict | None
    last: LeadMessage | None
    contact: Contact | None

    @property
    def words(self) -> str:
        return MEMBER_WORDS[self.lead.state]  # pyright: ignore[reportArgumentType]

    @property
    def open(self) -> bool:
        return self.lead.state in OPEN

    @property
    def closed(self) -> bool:
        """Whether the store closed before it was done: the person may take the request elsewhere."""
        return self.open and self.lead.displaced_at is not None


@dataclass(frozen=True, slots=True)
class Thread:
    """The conversation with one store."""

    row: StoreRow
    enquiry: Enquiry
    messages: Sequence[LeadMessage]
    staff: dict[int, str]
    looks: Sequence[LeadEvent]
    quotes: Sequence[Quote]
    given: Sequence[Consent]
    stopped: bool

    @property
    def mark(self) -> str:
        """Another one says that the page is to be read anew."""
        lead = self.row.lead
        newest = self.messages[-1].id if self.messages else 0
        signs = ("n" if self.row.contact else "") + ("c" if self.row.closed else "")
        return f"{lead.state}-{lead.version}-{newest}-{len(self.looks)}-{signs}"


@dataclass(frozen=True, slots=True)
class EnquiryLine:
    enquiry: Enquiry
    quotes: int
    stores: int
    state: str


def find_enquiry(no: str, member_id: int) -> Enquiry:
    """A request of this person. LeadNotFound for nobody's and for somebody else's."""
    row = db.session.scalar(
        select(Enquiry)
        .where(Enquiry.no == no, Enquiry.member_id == member_id)
        .options(selectinload(Enquiry.leads))
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise LeadNotFound
    return row


def list_rows(enquiry: Enquiry, now: datetime) -> list[StoreRow]:
    """Its stores in the order they were asked, those it was taken from last."""
    leads = list(enquiry.leads)
    dealers = {
        row.id: row for row in db.session.scalars(select(Dealer).where(Dealer.id.in_([x.dealer_id for x in leads])))
    }
    quotes = list_standing_quotes([lead.id for lead in leads])
    living = [lead.id for lead in leads if lead.id in quotes and lead.state in OPEN]
    verdicts = compare([_offer(lead_id, quotes[lead_id]) for lead_id in living], local(now).date())
    contacts, lasts = list_contacts(leads, now), _last_messages([lead.id for lead in leads])
    rows = [
        StoreRow(x, dealers[x.dealer_id], quotes.get(x.id), verdicts.get(x.id), lasts.get(x.id), contacts.get(x.id))
        for x in leads
    ]
    return sorted(rows, key=lambda row: (row.lead.state == "moved", row.lead.id))


def list_standing_quotes(lead_ids: Collection[int]) -> dict[int, Quote]:
    """The newest quote of each lead that was not taken back."""
    rows = db.session.scalars(
        select(Quote).where(Quote.lead_id.in_(lead_ids), Quote.withdrawn_at.is_(None)).order_by(Quote.id)
    )
    return {row.lead_id: row for row in rows}


def get_thread(no: str, slug: str, member_id: int, now: datetime) -> Thread:
    """The conversation with one store of a request. LeadNotFound."""
    enquiry = find_enquiry(no, member_id)
    row = next((row for row in list_rows(enquiry, now) if row.dealer.slug == slug), None)
    if row is None:
        raise LeadNotFound
    messages = list_messages(row.lead.id)
    looks = db.session.scalars(
        select(LeadEvent)
        .where(LeadEvent.lead_id == row.lead.id, LeadEvent.kind.in_(("number_opened", "number_exported")))
        .order_by(LeadEvent.id.desc())
    ).all()
    quotes = db.session.scalars(select(Quote).where(Quote.lead_id == row.lead.id).order_by(Quote.id.desc())).all()
    given = db.session.scalars(
        select(Consent)
        .join(LeadConsent, LeadConsent.consent_id == Consent.id)
        .where(LeadConsent.lead_id == row.lead.id)
        .order_by(Consent.id.desc())
    ).all()
    people = {entry.staff_id for entry in (*messages, *looks, *quotes) if entry.staff_id}
    stopped = is_stopped(member_id, row.lead.dealer_id)
    return Thread(row, enquiry, messages, name_staff(people), looks, quotes, given, stopped)


def list_messages(lead_id: int) -> list[LeadMessage]:
    """The newest lines, oldest first."""
    rows = db.session.scalars(
        select(LeadMessage).where(LeadMessage.lead_id == lead_id).order_by(LeadMessage.id.desc()).limit(LINES)
    )
    return list(rows)[::-1]


def name_staff(staff_ids: Collection[int]) -> dict[int, str]:
    """How those people of a store are called: 王顾问 of 王样例."""
    rows = db.session.execute(select(StaffMember.id, StaffMember.name).where(StaffMember.id.in_(staff_ids)))
    return {staff_id: f"{name[:1]}顾问" for staff_id, name in rows}


def list_enquiries(member_id: int, limit: int = 50) -> list[EnquiryLine]:
    """Every request of this person, the newest first."""
    rows = db.session.scalars(
        select(Enquiry)
        .where(Enquiry.member_id == member_id)
        .order_by(Enquiry.id.desc())
        .limit(limit)
        .options(selectinload(Enquiry.leads))
        .execution_options(populate_existing=True)
    ).all()
    quoted = list_standing_quotes([lead.id for row in rows for lead in row.leads])
    return [
        EnquiryLine(
            row,
            sum(lead.id in quoted for lead in row.leads),
            sum(lead.state != "moved" for lead in row.leads),
            _furthest([lead.state for lead in row.leads if lead.state != "moved"]),
        )
        for row in rows
    ]


def count_open(member_id: int) -> int:
    """Requests of this person at stores that still work on them."""
    return (
        db.session.scalar(
            select(func.count(Lead.id.distinct()))
            .join(Enquiry, Enquiry.id == Lead.enquiry_id)
            .where(Enquiry.member_id == member_id, Lead.state.in_(OPEN))
        )
        or 0
    )


def count_own(member_id: int) -> int:
    """For the cell in 我的: how many stores answered and are not closed."""
    return (
        db.session.scalar(
            select(func.count(Lead.id))
            .join(Enquiry, Enquiry.id == Lead.enquiry_id)
            .where(Enquiry.member_id == member_id, Lead.state.in_(OPEN), Lead.answered_at.is_not(None))
        )
        or 0
    )


def export_own(member_id: int) -> dict[str, object]:
    """The person's own copy of what this room keeps."""
    names: dict[int, str] = {row.id: row.name for row in db.session.execute(select(Dealer.id, Dealer.name))}
    events: dict[int, list[dict[str, str]]] = defaultdict(list)
    rows = db.session.scalars(
        select(Enquiry).where(Enquiry.member_id == member_id).order_by(Enquiry.id).options(selectinload(Enquiry.leads))
    ).all()
    ids = [lead.id for row in rows for lead in row.leads]
    for event in db.session.scalars(select(LeadEvent).where(LeadEvent.lead_id.in_(ids)).order_by(LeadEvent.id)):
        events[event.lead_id].append({"what": event.kind, "at": local(event.at).isoformat()})
    stops = db.session.scalars(select(ContactStop).where(ContactStop.member_id == member_id))
    return {
        "enquiries": [
            {
                "no": row.no,
                "kind": row.kind,
                "source": row.source,
                "subject": row.subject,
                "note": row.note,
                "name": row.contact_name,
                "facts": row.facts,
                "city": row.city,
                "created_at": local(row.created_at).isoformat(),
                "stores": [
                    {
                        "dealer": names[lead.dealer_id],
                        "state": lead.state,
                        "reason": lead.reason,
                        "messages": [
                            {"side": m.side, "body": m.body, "at": local(m.created_at).isoformat()}
                            for m in list_messages(lead.id)
                        ],
                        "events": events[lead.id],
                    }
                    for lead in row.leads
                ],
            }
            for row in rows
        ],
        "not_to_be_contacted_by": [{"dealer": names[s.dealer_id], "since": local(s.at).isoformat()} for s in stops],
    }


def _offer(lead_id: int, quote: Quote) -> Offer:
    return Offer(lead_id, quote.kind, quote.price_fen, frozenset(quote.included), quote.valid_until)


def _last_messages(lead_ids: Collection[int]) -> dict[int, LeadMessage]:
    newest = select(func.max(LeadMessage.id)).where(LeadMessage.lead_id.in_(lead_ids)).group_by(LeadMessage.lead_id)
    return {row.lead_id: row for row in db.session.scalars(select(LeadMessage).where(LeadMessage.id.in_(newest)))}


def _furthest(states: list[str]) -> str:
    order = ("ordered", "test_drive", "visiting", "called", "new", "closed", "stopped", "moved")
    return min(states, key=order.index, default="moved")


def is_expired(quote: Quote, today: date) -> bool:
    """Whether its last day has passed."""
    return quote.valid_until < today
