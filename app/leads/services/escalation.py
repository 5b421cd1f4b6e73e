"""Unanswered leads: the store's leading people hear of them, then headquarters, then another store gets them."""

from datetime import datetime

import structlog
from sqlalchemy import select

from app.core import audit, clock
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed
from app.core.security import SYSTEM, Actor
from app.dealers.hours import open_state, parse
from app.dealers.models import Dealer
from app.leads import rules
from app.leads.errors import LeadEnded, NowhereToMove, OwnChoice, PromiseWrong, ReasonMissing
from app.leads.models import Lead, LeadPromise
from app.leads.queries import dispatching
from app.leads.queries.contact import list_stopped
from app.leads.rules import LeadState
from app.leads.services.asking import open_lead
from app.leads.services.locking import lock_any
from app.leads.services.number import withdraw_all
from app.leads.services.talk import take_back_quotes
from app.leads.services.telling import announce, note, tell_member, tell_store

log = structlog.get_logger(__name__)
BATCH = 200


def escalate_due(now: datetime) -> int:
    """Move every overdue lead on by what is due; a failure stops nobody else. How many moved."""
    overdue = list(
        db.session.scalars(
            select(Lead.no)
            .where(Lead.state == LeadState.NEW, Lead.answered_at.is_(None), Lead.due_at <= now)
            .order_by(Lead.due_at)
            .limit(BATCH)
        )
    )
    db.session.rollback()
    done = 0
    for no in overdue:
        try:
            done += escalate(no, now)
        except Exception:
            log.exception("escalation_failed", lead=no)
            db.session.rollback()
    return done


@retry_deadlock
def escalate(no: str, now: datetime) -> bool:
    """One overdue lead: to the leading people at once, to headquarters after one more promise, to another store after
    `MOVE_AFTER` of them. False when nothing was due. What a closed store leaves is moved by its person alone."""
    with transaction():
        lead = lock_any(no)
        if lead.state != LeadState.NEW or lead.answered_at is not None or lead.due_at > now:
            return False
        dealer = db.session.get_one(Dealer, lead.dealer_id)
        promise = dispatching.list_promises([dealer.id])[dealer.id][0]
        hours, due = parse(dealer.hours), clock.local(lead.due_at)
        if lead.level < 1:
            lead.level = 1
            note(lead, "escalated", now, words=rules.LEVEL_WORDS[1])
            tell_store(lead, "超过承诺时间还没有回复，请马上处理", now, leading=True)
            announce(lead, "escalated")
            return True
        if lead.level < 2 and rules.answer_by(hours, due, promise) <= now:
            lead.level = 2
            note(lead, "escalated", now, words=rules.LEVEL_WORDS[2])
            announce(lead, "escalated")
            return True
        left_alone = lead.displaced_at is None and rules.answer_by(hours, due, promise * rules.MOVE_AFTER) <= now
        if lead.level == 2 and left_alone:
            choices = _elsewhere(lead, dealer, now)
            if not choices:
                return False
            move_to(lead, dealer, choices[0], SYSTEM, "超时未回复，自动转派", now)
            return True
        return False


@retry_deadlock
def move(actor: Actor, no: str, slug: str, reason: str, now: datetime) -> str:
    """Headquarters give a lead to another store, which sees no number until the person says so; the new number.

    An empty slug lets the dispatch choose. NotAllowed, LeadNotFound, LeadEnded, OwnChoice, ReasonMissing,
    NowhereToMove.
    """
    if actor.kind != "operator":
        raise NotAllowed
    if not reason.strip():
        raise ReasonMissing
    with transaction():
        lead = lock_any(no)
        if lead.state not in (LeadState.NEW, LeadState.CALLED):
            raise LeadEnded
        if lead.displaced_at is not None:
            raise OwnChoice
        dealer = db.session.get_one(Dealer, lead.dealer_id)
        choices = [one for one in _elsewhere(lead, dealer, now) if slug in ("", one.dealer.slug)]
        if not choices:
            raise NowhereToMove
        return move_to(lead, dealer, choices[0], actor, reason.strip(), now).no


def list_elsewhere(lead: Lead, now: datetime) -> list[dispatching.StoreChoice]:
    """The stores a lead could go to, the best first."""
    return _elsewhere(lead, db.session.get_one(Dealer, lead.dealer_id), now)


def set_promise(actor: Actor, dealer_id: int, hours: int, takes: bool, now: datetime) -> None:
    """What a store promises from now on; leads that are there keep theirs. NotAllowed, PromiseWrong."""
    if actor.kind != "operator":
        raise NotAllowed
    if not 1 <= hours <= rules.MOST_PROMISE_HOURS:
        raise PromiseWrong
    with transaction() as session:
        row = session.get(LeadPromise, dealer_id)
        if row is None:
            session.add(LeadPromise(dealer_id=dealer_id, hours=hours, takes=takes, updated_at=now))
        else:
            row.hours, row.takes, row.updated_at = hours, takes, now
        audit.record(actor, "lead_promise_set", "dealer", dealer_id, hours=hours, takes=takes)


def _elsewhere(lead: Lead, dealer: Dealer, now: datetime) -> list[dispatching.StoreChoice]:
    """Never a store that was asked already, nor one that must not contact this person."""
    asked = set(db.session.scalars(select(Lead.dealer_id).where(Lead.enquiry_id == lead.enquiry_id)))
    return dispatching.list_near_store(dealer, now, asked | list_stopped(lead.enquiry.member_id))


def move_to(lead: Lead, dealer: Dealer, to: dispatching.StoreChoice, actor: Actor, reason: str, now: datetime) -> Lead:
    """End it here and begin it there, without any number; a time that was wanted stands where the store is open then.

    In the caller's transaction, with the lead locked.
    """
    withdraw_all(lead, actor, now)
    take_back_quotes([lead.id], now)
    lead.state, lead.state_at, lead.asked_at, lead.ended_note = LeadState.MOVED, now, None, reason[:120]
    note(lead, LeadState.MOVED, now, words=reason)
    announce(lead, "state")
    tell_store(lead, "已转给其他门店，请不要再联系这位客户", now)
    why, wanted = f"{reason[:40]}；{to.choice.record}", _still_wanted(lead.wanted_at, to.dealer, now)
    moved = open_lead(lead.enquiry, to.dealer, why, now, wanted_at=wanted, moved_from=lead)
    announce(moved, "created")
    sender = "客户" if actor.kind == "member" else "总部"
    tell_store(moved, f"{sender}转来的{rules.KINDS[lead.enquiry.kind]}，请在{clock.say(moved.due_at)}前回复", now)
    if actor.kind != "member":
        words = f"{dealer.name}没有按时回复，已改请{to.dealer.name}；它看不到您的号码，需要时由您点开"
        tell_member(moved, "lead_moved", words, now, to.dealer.slug)
    audit.record(actor, "lead_moved", "lead", lead.id, to=moved.id, reason=reason)
    return moved


def _still_wanted(at: datetime | None, dealer: Dealer, now: datetime) -> datetime | None:
    hours = parse(dealer.hours)
    if at is None or at <= now or (hours.known and not open_state(hours, clock.local(at)).open):
        return None
    return at
