"""Shared phones of the counter: registered by who leads, revoked at once."""

from datetime import datetime

from sqlalchemy import update

from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.staff import queries, rules
from app.staff.errors import NotYourTeam, PhoneLinkInvalid, PhoneNameMissing
from app.staff.models import CounterPhone


def register_phone(dealer_id: int, name: str, actor: Actor, now: datetime) -> tuple[CounterPhone, str]:
    """A link's token, good once and for ten minutes, that makes the browser which opens it a phone of the store.

    Only this answer ever holds it. NotYourTeam, PhoneNameMissing.
    """
    name = name.strip()
    if not name or len(name) > 40:
        raise PhoneNameMissing
    if actor.kind != "staff" or actor.dealer_id != dealer_id or not rules.leads(actor.role):
        raise NotYourTeam
    raw_token = ids.token(16)
    with transaction() as session:
        phone = CounterPhone(
            token_digest=_waiting(raw_token), dealer_id=dealer_id, name=name, registered_by=actor.id, registered_at=now
        )
        session.add(phone)
        session.flush()
        audit.record(actor, "phone_link_made", "counter_phone", phone.id, dealer_id=dealer_id)
    return phone, raw_token


def open_phone(raw_token: str, now: datetime) -> str:
    """Make this browser the phone of the link; returns the token it keeps. The first one to come. PhoneLinkInvalid."""
    own_token = ids.token(32)
    with transaction():
        first = update(CounterPhone).where(
            CounterPhone.token_digest == _waiting(raw_token),
            CounterPhone.revoked_at.is_(None),
            CounterPhone.registered_at > now - rules.PHONE_LINK_LIFE,
        )
        if changed_rows(first.values(token_digest=queries.token_digest(own_token))) != 1:
            raise PhoneLinkInvalid
        phone = queries.find_opened(own_token)
        audit.record(Actor("system"), "phone_registered", "counter_phone", phone.id, dealer_id=phone.dealer_id)
    return own_token


def revoke_phone(phone_id: int, actor: Actor, now: datetime) -> None:
    """Nobody acts on this phone any more, from now on. Twice is as good as once. NotYourTeam, NotFound."""
    with transaction():
        phone = db.session.get(CounterPhone, phone_id)
        if phone is None or (actor.kind == "staff" and phone.dealer_id != actor.dealer_id):
            raise NotFound
        if actor.kind == "staff" and not rules.leads(actor.role):
            raise NotYourTeam
        gone = update(CounterPhone).where(CounterPhone.id == phone_id, CounterPhone.revoked_at.is_(None))
        if changed_rows(gone.values(revoked_at=now)) == 1:
            audit.record(actor, "phone_revoked", "counter_phone", phone_id, dealer_id=phone.dealer_id)


def _waiting(raw_token: str) -> str:
    return (queries.WAITING + queries.token_digest(raw_token))[:64]
