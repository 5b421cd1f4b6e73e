"""What becomes of a lead: recorded by its store, ended by the person, and 勿扰 by either, for good."""

from datetime import datetime

from sqlalchemy import or_, select

from app.core import audit
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.dealers.models import Dealer
from app.leads import rules
from app.leads.errors import EndingMissing, LeadEnded, StepWrong
from app.leads.models import ContactStop, Enquiry, Lead
from app.leads.queries.contact import is_stopped
from app.leads.rules import LeadState
from app.leads.services.locking import lock_own, lock_store
from app.leads.services.number import withdraw_all
from app.leads.services.talk import take_back_quotes
from app.leads.services.telling import announce, note, tell_store
from app.members.models import Consent
from app.members.services import withdraw_consent

# What a consent may be given for that a store could still call about. A booking or a test drive is the person's own
# appointment: it is cancelled, not silenced.
CALLABLE = ("lead:", "queue:")


@retry_deadlock
def record_step(actor: Actor, no: str, step: str, words: str, now: datetime) -> None:
    """The store records how far it got. LeadNotFound, LeadEnded, StepWrong, EndingMissing."""
    with transaction():
        lead = lock_store(actor, no)
        if lead.state not in rules.OPEN:
            raise LeadEnded
        if step not in rules.STAFF_WORDS or not rules.can_go(lead.state, step):
            raise StepWrong
        if step == LeadState.CLOSED and words not in rules.ENDINGS:
            raise EndingMissing
        before = lead.state
        lead.state, lead.state_at, lead.asked_at = step, now, None
        lead.answered_at = lead.answered_at or now
        lead.staff_id = lead.staff_id or actor.id
        if step == LeadState.CLOSED:
            lead.ended_note = words
            take_back_quotes([lead.id], now)
            withdraw_all(lead, actor, now)
        note(lead, step, now, staff_id=actor.id, words=words)
        audit.record(actor, "lead_step", "lead", lead.id, before=before, after=step)
        announce(lead, "state")


def take(actor: Actor, no: str, now: datetime) -> None:
    """Work on it oneself; a colleague's lead is taken over, which its events show. LeadNotFound, LeadEnded."""
    with transaction():
        lead = lock_store(actor, no)
        if lead.state not in rules.OPEN:
            raise LeadEnded
        if lead.staff_id != actor.id:
            lead.staff_id = actor.id
            note(lead, "taken", now, staff_id=actor.id)
            audit.record(actor, "lead_taken", "lead", lead.id)


@retry_deadlock
def end_own(actor: Actor, no: str, slug: str, now: datetime) -> None:
    """The person needs nothing more of this store; it may not see the number any more. Twice is as good as once."""
    with transaction():
        lead, _ = lock_own(actor, no, slug)
        if lead.state not in rules.OPEN:
            return
        withdraw_all(lead, actor, now)
        _end(lead, LeadState.CLOSED, "客户结束", now, None)
        tell_store(lead, "客户已结束本次询价", now)


@retry_deadlock
def stop_own(actor: Actor, no: str, slug: str, now: datetime) -> None:
    """停止联系: this store does not contact this person any more, about anything it could call about. Final."""
    with transaction():
        lead, _ = lock_own(actor, no, slug)
        stop_everywhere(lead, actor, now, by_staff=False)


@retry_deadlock
def stop_by_store(actor: Actor, no: str, now: datetime) -> None:
    """The same, said to the store on the phone. Nobody at the store can undo it."""
    if actor.kind != "staff":
        raise NotAllowed
    with transaction():
        lead = lock_store(actor, no)
        stop_everywhere(lead, actor, now, by_staff=True)


def stop_everywhere(lead: Lead, actor: Actor, now: datetime, *, by_staff: bool) -> None:
    """Close every lead of this person at this store and end every consent it could call by."""
    member_id, dealer_id = lead.enquiry.member_id, lead.dealer_id
    theirs = (
        select(Lead)
        .join(Enquiry, Enquiry.id == Lead.enquiry_id)
        .where(Enquiry.member_id == member_id, Lead.dealer_id == dealer_id)
        .order_by(Lead.id)
        .with_for_update(of=Lead)
    )
    leads = db.session.scalars(theirs).all()
    if not is_stopped(member_id, dealer_id):  # said twice at once, the second waits for the leads and finds it said
        db.session.add(ContactStop(member_id=member_id, dealer_id=dealer_id, by_staff=by_staff, at=now))
    for one in leads:
        withdraw_all(one, actor, now)
        if one.state in (*rules.OPEN, LeadState.CLOSED):
            _end(one, LeadState.STOPPED, "", now, actor.id if actor.kind == "staff" else None)
    _end_callable(member_id, dealer_id, actor, now)
    tell_store(lead, "客户要求停止联系，请不要再拨打或发消息", now)
    audit.record(actor, "contact_stopped", "lead", lead.id, dealer_id=dealer_id)


def _end_callable(member_id: int, dealer_id: int, actor: Actor, now: datetime) -> None:
    slug = db.session.scalar(select(Dealer.slug).where(Dealer.id == dealer_id))
    standing = select(Consent.id).where(
        Consent.member_id == member_id,
        Consent.purpose == "share_with_dealer",
        Consent.subject == slug,
        Consent.withdrawn_at.is_(None),
        or_(*(Consent.reference.startswith(word) for word in CALLABLE)),
    )
    for consent_id in db.session.scalars(standing).all():
        withdraw_consent(member_id, consent_id, now, by=actor)


def _end(lead: Lead, state: LeadState, words: str, now: datetime, staff_id: int | None) -> None:
    lead.state, lead.state_at, lead.asked_at, lead.ended_note = state, now, None, words
    take_back_quotes([lead.id], now)
    note(lead, state, now, staff_id=staff_id, words=words)
    announce(lead, "state")
