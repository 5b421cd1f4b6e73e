"""A store that closed: its people are told at once, offered others, and moved by the own tap alone."""

from datetime import datetime

from sqlalchemy import select

from app.core import audit, clock
from app.core.db import db, retry_deadlock, transaction
from app.core.security import SYSTEM, Actor
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.leads import rules
from app.leads.errors import NowhereToMove, StepWrong
from app.leads.models import Lead
from app.leads.services.escalation import list_elsewhere, move_to
from app.leads.services.locking import lock_any, lock_own
from app.leads.services.telling import note, tell_member, tell_store

BATCH = 200


def settle(now: datetime) -> int:
    """Compare every open lead with its store; how many changed. Whoever comes second finds it settled."""
    closed, marked = Dealer.status != DealerStatus.OPEN, Lead.displaced_at.is_not(None)
    rows = (
        select(Lead.no)
        .join(Dealer, Dealer.id == Lead.dealer_id)
        .where(Lead.state.in_(rules.OPEN), closed != marked)
        .order_by(Lead.id)
        .limit(BATCH)
    )
    changed = list(db.session.scalars(rows))
    db.session.rollback()
    return sum(_settle(no, now) for no in changed)


@retry_deadlock
def _settle(no: str, now: datetime) -> bool:
    with transaction():
        lead = lock_any(no)
        dealer = db.session.get_one(Dealer, lead.dealer_id, populate_existing=True)
        closed = dealer.status != DealerStatus.OPEN
        if lead.state not in rules.OPEN or closed == (lead.displaced_at is not None):
            return False
        lead.displaced_at = now if closed else None
        words = f"{dealer.name}{rules.CLOSED_WORDS if closed else '恢复营业，您的请求照常处理'}"
        if lead.wanted_at is not None and lead.wanted_at > now:
            words += f"，原约{clock.say(lead.wanted_at)}"
        if closed:
            words += "。请改选门店，不选不会转给别家"
            tell_store(lead, "门店已停止营业，已请客户改选门店", now)
        tell_member(lead, _purpose(lead), words, now, dealer.slug)
        note(lead, "displaced" if closed else "restored", now)
        audit.record(SYSTEM, "lead_displaced" if closed else "lead_restored", "lead", lead.id)
        return True


@retry_deadlock
def move_own(actor: Actor, no: str, slug: str, to_slug: str, now: datetime) -> str:
    """The tap by which a person takes their request from a closed store to another, which sees no number until they
    say so there; its 编号. Twice is as good as once. NotAllowed, LeadNotFound, StepWrong, NowhereToMove."""
    with transaction():
        lead, dealer = lock_own(actor, no, slug)
        if lead.state == rules.LeadState.MOVED:
            there = select(Dealer.slug).join(Lead, Lead.dealer_id == Dealer.id).where(Lead.moved_from_id == lead.id)
            return db.session.scalars(there).one()
        if lead.state not in rules.OPEN or lead.displaced_at is None:
            raise StepWrong
        chosen = next((one for one in list_elsewhere(lead, now) if one.dealer.slug == to_slug), None)
        if chosen is None:
            raise NowhereToMove
        move_to(lead, dealer, chosen, actor, "门店停业，客户自己改选", now)
        return to_slug


def _purpose(lead: Lead) -> str:
    """Somebody with an appointment would stand before a closed door: worth a text message."""
    return "lead_closed_visit" if lead.enquiry.kind == "inspection" and lead.wanted_at else "lead_closed"
