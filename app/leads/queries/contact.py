"""Who may see whose number now: asked of the consent itself, each time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.db import db
from app.leads.models import ContactStop, Enquiry, Lead, LeadConsent
from app.leads.rules import may_contact
from app.members.models import Consent, Member
from app.members.queries import living


@dataclass(frozen=True, slots=True)
class Contact:
    """Name and number as they stand, with the consent that opens them."""

    consent_id: int
    name: str
    phone: str
    given_at: datetime
    text_version: str
    text_hash: str


def list_contacts(leads: Collection[Lead], now: datetime) -> dict[int, Contact]:
    """By lead: the number a store may see at this moment. Absent where no consent stands or nothing is to be done."""
    wanted = [lead.id for lead in leads if may_contact(lead.state, lead.state_at, now)]
    if not wanted:
        return {}
    rows = db.session.execute(
        select(LeadConsent.lead_id, Consent, Member.phone, Enquiry.contact_name)
        .join(Consent, Consent.id == LeadConsent.consent_id)
        .join(Lead, Lead.id == LeadConsent.lead_id)
        .join(Enquiry, Enquiry.id == Lead.enquiry_id)
        .join(Member, Member.id == Enquiry.member_id)
        .where(
            LeadConsent.lead_id.in_(wanted),
            Consent.withdrawn_at.is_(None),
            Member.phone_verified_at.is_not(None),
            *living(),
        )
        .order_by(LeadConsent.id)
        .execution_options(populate_existing=True)
    )
    return {
        lead_id: Contact(consent.id, name, phone, consent.given_at, consent.text_version, consent.text_hash)
        for lead_id, consent, phone, name in rows
        if phone
    }


def find_contact(lead: Lead, now: datetime) -> Contact | None:
    """The same for one lead."""
    return list_contacts([lead], now).get(lead.id)


def is_stopped(member_id: int, dealer_id: int) -> bool:
    """勿扰: whether this person told this store not to contact them on its own."""
    return dealer_id in list_stopped(member_id)


def list_stopped(member_id: int) -> set[int]:
    """Every store that this person does not want to hear of."""
    return set(db.session.scalars(select(ContactStop.dealer_id).where(ContactStop.member_id == member_id)))
