"""The number: shown to one store by one tap, taken back by one tap, and every look at it is kept."""

from datetime import datetime

from sqlalchemy import select, update

from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.leads import rules
from app.leads.errors import ContactWithheld, LeadEnded, LeadNotFound, NameMissing, PhoneNotProved, TextChanged
from app.leads.models import Enquiry, Lead, LeadConsent
from app.leads.queries.contact import Contact, find_contact
from app.leads.services.asking import give_number, members_name
from app.leads.services.locking import lock_own, lock_store
from app.leads.services.telling import announce, note, tell_store
from app.members import queries as members
from app.members import services as member_services
from app.members.models import Consent


@retry_deadlock
def reveal(actor: Actor, no: str, slug: str, name: str, seen_text: str, now: datetime) -> None:
    """The tap by which one store may see the number: a consent of its own, to the very text that was read.

    LeadNotFound, LeadEnded, PhoneNotProved, NameMissing, TextChanged.
    """
    with transaction():
        lead, dealer = lock_own(actor, no, slug)
        if lead.state not in rules.OPEN:
            raise LeadEnded
        member = members.get_member(actor.id or 0)
        if member.phone is None or member.phone_verified_at is None:
            raise PhoneNotProved
        text = rules.sharing_text(dealer.name, lead.enquiry.kind)
        if seen_text != text:
            raise TextChanged
        if find_contact(lead, now) is not None:
            return
        lead.enquiry.contact_name = members_name(name) or lead.enquiry.contact_name
        if not lead.enquiry.contact_name:
            raise NameMissing
        give_number(lead, dealer, member.id, text, now)
        announce(lead, "number_given")
        tell_store(lead, "客户同意您联系，可以查看号码", now)


@retry_deadlock
def hide(actor: Actor, no: str, slug: str, now: datetime) -> None:
    """Take the number back from one store: it sees nothing from this moment on. Twice is as good as once."""
    with transaction():
        lead, _ = lock_own(actor, no, slug)
        for consent_id in list_standing(lead.id):
            member_services.withdraw_consent(actor.id or 0, consent_id, now)
        tell_withdrawn(lead, now)


def withdraw_all(lead: Lead, by: Actor, now: datetime) -> None:
    """End every consent of a lead because what it was given for is over. In the caller's transaction."""
    for consent_id in list_standing(lead.id):
        member_services.withdraw_consent(lead.enquiry.member_id, consent_id, now, by=by)
    changed_rows(
        update(LeadConsent).where(LeadConsent.lead_id == lead.id, LeadConsent.told_at.is_(None)).values(told_at=now)
    )


def list_standing(lead_id: int) -> list[int]:
    """The consents of a lead that still stand."""
    rows = db.session.scalars(
        select(Consent.id)
        .join(LeadConsent, LeadConsent.consent_id == Consent.id)
        .where(LeadConsent.lead_id == lead_id, Consent.withdrawn_at.is_(None))
    )
    return list(rows)


def tell_withdrawn(lead: Lead, now: datetime) -> bool:
    """The store and the lead system hear that the number was taken back; once. In the caller's transaction."""
    over = select(Consent.id).where(Consent.withdrawn_at.is_not(None))
    told = update(LeadConsent).where(
        LeadConsent.lead_id == lead.id, LeadConsent.told_at.is_(None), LeadConsent.consent_id.in_(over)
    )
    if changed_rows(told.values(told_at=now)) == 0:
        return False
    note(lead, "number_taken_back", now)
    announce(lead, "number_taken_back")
    if lead.state in rules.OPEN:
        tell_store(lead, "客户已收回号码，请改在页面里留言，不要再拨打", now)
    return True


def tell_withdrawals(now: datetime) -> int:
    """A consent can also be taken back in 隐私与授权: then the store, which sees nothing already, hears of it here."""
    due = list(
        db.session.scalars(
            select(LeadConsent.lead_id)
            .join(Consent, Consent.id == LeadConsent.consent_id)
            .where(LeadConsent.told_at.is_(None), Consent.withdrawn_at.is_not(None))
            .distinct()
            .limit(100)
        )
    )
    db.session.rollback()
    done = 0
    for lead_id in due:
        with transaction():
            lead = db.session.scalar(select(Lead).where(Lead.id == lead_id).with_for_update())
            done += lead is not None and tell_withdrawn(lead, now)
    return done


def open_contact(actor: Actor, no: str, now: datetime) -> Contact:
    """Name and number for somebody of the lead's own store; kept each time, and the person can see it.

    NotAllowed, LeadNotFound, ContactWithheld.
    """
    if actor.kind != "staff":
        raise NotAllowed
    with transaction():
        lead = lock_store(actor, no)
        contact = find_contact(lead, now)
        if contact is None:
            raise ContactWithheld
        note(lead, "number_opened", now, staff_id=actor.id)
        audit.record(actor, "lead_number_opened", "lead", lead.id, consent_id=contact.consent_id)
        return contact


def office_contact(actor: Actor, no: str, reason: str, now: datetime) -> Contact:
    """The same for headquarters, with a reason. NotAllowed, LeadNotFound, ContactWithheld."""
    if actor.kind != "operator":
        raise NotAllowed
    with transaction():
        lead = db.session.scalar(select(Lead).join(Enquiry).where(Lead.no == no).with_for_update(of=Lead))
        if lead is None:
            raise LeadNotFound
        contact = find_contact(lead, now)
        if contact is None:
            raise ContactWithheld
        note(lead, "number_opened", now, words="总部")
        audit.record(actor, "lead_number_opened", "lead", lead.id, consent_id=contact.consent_id, reason=reason)
        return contact
