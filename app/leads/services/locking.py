"""A lead as its owner or its store may change it: locked, read afresh, nobody else's."""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.core.db import db
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.dealers.models import Dealer
from app.leads.errors import LeadNotFound
from app.leads.models import Enquiry, Lead
from app.members import services as member_services


def lock_own(actor: Actor, no: str, slug: str) -> tuple[Lead, Dealer]:
    """The person's request at one store. NotAllowed, LeadNotFound."""
    if actor.kind != "member" or actor.id is None:
        raise NotAllowed
    member_services.hold_member(actor.id)
    row = db.session.execute(
        select(Lead, Dealer)
        .join(Enquiry, Enquiry.id == Lead.enquiry_id)
        .join(Dealer, Dealer.id == Lead.dealer_id)
        .where(Enquiry.no == no, Enquiry.member_id == actor.id, Dealer.slug == slug)
        .with_for_update(of=Lead)
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise LeadNotFound
    return row[0], row[1]


def lock_store(actor: Actor, no: str) -> Lead:
    """A lead of the actor's own store. NotAllowed, LeadNotFound."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    lead = db.session.scalar(
        select(Lead)
        .where(Lead.no == no, Lead.dealer_id == actor.dealer_id)
        .with_for_update(of=Lead)
        .execution_options(populate_existing=True)
    )
    if lead is None:
        raise LeadNotFound
    return lead


def lock_any(no: str) -> Lead:
    """A lead for headquarters and sweeps. LeadNotFound."""
    lead = db.session.scalar(
        select(Lead)
        .where(Lead.no == no)
        .options(joinedload(Lead.enquiry, innerjoin=True))
        .with_for_update(of=Lead)
        .execution_options(populate_existing=True)
    )
    if lead is None:
        raise LeadNotFound
    return lead
