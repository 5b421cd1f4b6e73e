"""The conversation: lines of both sides and the store's quotes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update

from app.core import audit, clock
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.money import format_yuan
from app.core.security import Actor
from app.dealers.models import Dealer
from app.leads import rules
from app.leads.errors import (
    ContentsMissing,
    DateWrong,
    LeadEnded,
    NumberInText,
    PriceUnlikely,
    PriceWrong,
    TextMissing,
)
from app.leads.models import Lead, LeadMessage, Quote
from app.leads.rules import LeadState
from app.leads.services.limits import check_words
from app.leads.services.locking import lock_own, lock_store
from app.leads.services.telling import announce, note, tell_member, tell_store


@dataclass(frozen=True, slots=True)
class OfferWish:
    """A quote as the store types it."""

    kind: str
    price_fen: int
    included: tuple[str, ...]
    valid_until: date
    conditions: str = ""


@retry_deadlock
def say_own(actor: Actor, no: str, slug: str, body: str, nonce: str, now: datetime) -> None:
    """A line of the person. LeadNotFound, LeadEnded, TextMissing, NumberInText, TooManyMessages."""
    text = _text(body)
    if rules.holds_number(text):
        raise NumberInText
    with transaction():
        lead, _ = lock_own(actor, no, slug)
        if not _append(lead, "member", text, nonce, now, None):
            return
        if lead.asked_at is None:
            lead.asked_at = now
            tell_store(lead, "客户有新留言", now)


@retry_deadlock
def say_store(actor: Actor, no: str, body: str, nonce: str, now: datetime) -> None:
    """A line of the store; it answers the request. LeadNotFound, LeadEnded, TextMissing, WaitForCustomer."""
    text = _text(body)
    with transaction():
        lead = lock_store(actor, no)
        if not _append(lead, "store", text, nonce, now, actor.id):
            return
        answered(lead, actor, now)
        dealer = db.session.get_one(Dealer, lead.dealer_id)
        tell_member(lead, "lead_answered", f"{dealer.name}有新留言", now, dealer.slug)


@retry_deadlock
def make_quote(actor: Actor, no: str, wish: OfferWish, now: datetime) -> None:
    """A quote; the one before it counts no more. LeadNotFound, LeadEnded, PriceWrong, PriceUnlikely, ContentsMissing,
    DateWrong, NumberInText."""
    with transaction():
        lead = lock_store(actor, no)
        if lead.state not in rules.OPEN:
            raise LeadEnded
        check_quote(wish, lead.enquiry.msrp_fen, clock.local(now).date())
        take_back_quotes([lead.id], now)
        quote = Quote(
            lead_id=lead.id, staff_id=actor.id, kind=wish.kind, price_fen=wish.price_fen,
            included=[key for key in rules.INCLUDED if key in wish.included],
            conditions=rules.clean(wish.conditions, rules.CONDITIONS_LENGTH), valid_until=wish.valid_until,
            created_at=now,
        )  # fmt: skip
        db.session.add(quote)
        db.session.flush()
        answered(lead, actor, now)
        note(lead, "quoted", now, staff_id=actor.id)
        audit.record(actor, "lead_quoted", "lead", lead.id, quote_id=quote.id, kind=wish.kind, fen=wish.price_fen)
        announce(lead, "quoted")
        dealer = db.session.get_one(Dealer, lead.dealer_id)
        words = f"{dealer.name}报价：{rules.QUOTE_WORDS[wish.kind]} {format_yuan(wish.price_fen)}"
        tell_member(lead, "lead_answered", words, now, dealer.slug)


def withdraw_quote(actor: Actor, no: str, now: datetime) -> None:
    """Take back the standing quote; it stays to be read as taken back. Twice is as good as once."""
    with transaction():
        lead = lock_store(actor, no)
        if take_back_quotes([lead.id], now):
            note(lead, "quote_taken_back", now, staff_id=actor.id)
            audit.record(actor, "lead_quote_taken_back", "lead", lead.id)
            announce(lead, "quote_taken_back")


def check_quote(wish: OfferWish, msrp_fen: int | None, today: date) -> None:
    """Refuses what cannot be meant, or would mislead."""
    if wish.kind not in rules.QUOTE_WORDS or wish.price_fen <= 0:
        raise PriceWrong
    if msrp_fen and not msrp_fen * 0.4 <= wish.price_fen <= msrp_fen * 1.6:
        raise PriceUnlikely
    if rules.missing_for_landing(wish.kind, wish.included):
        raise ContentsMissing
    if not today <= wish.valid_until <= today + timedelta(days=rules.QUOTE_DAYS):
        raise DateWrong


def take_back_quotes(lead_ids: Iterable[int], now: datetime) -> int:
    """No quote of these leads stands any more. In the caller's transaction."""
    standing = update(Quote).where(Quote.lead_id.in_(list(lead_ids)), Quote.withdrawn_at.is_(None))
    return changed_rows(standing.values(withdrawn_at=now))


def answered(lead: Lead, actor: Actor, now: datetime) -> None:
    """The store has answered: the promise is kept, and whoever did it works on it from now on."""
    lead.asked_at = None
    if lead.staff_id is None:
        lead.staff_id = actor.id
    if lead.answered_at is None:
        lead.answered_at = now
    if lead.state == LeadState.NEW:
        lead.state, lead.state_at = LeadState.CALLED, now
        note(lead, LeadState.CALLED, now, staff_id=actor.id)
        announce(lead, "state")


def _append(lead: Lead, side: str, text: str, nonce: str, now: datetime, staff_id: int | None) -> bool:
    """False when this very line stands already (a second tap)."""
    if db.session.scalar(select(LeadMessage.id).where(LeadMessage.lead_id == lead.id, LeadMessage.nonce == nonce)):
        return False
    if lead.state not in rules.OPEN:
        raise LeadEnded
    check_words(lead, side, now)
    db.session.add(
        LeadMessage(lead_id=lead.id, side=side, staff_id=staff_id, body=text, nonce=nonce[:40], created_at=now)
    )
    db.session.flush()
    return True


def _text(body: str) -> str:
    text = rules.clean(body, rules.BODY_LENGTH)
    if not text:
        raise TextMissing
    return text
