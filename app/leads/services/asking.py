"""Asking: one request goes to the stores the person chose, without name and number unless they say so for each."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.core import audit, clock, ids
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.dealers.hours import open_state, parse
from app.dealers.models import Dealer
from app.dealers.queries import NearDealer
from app.dealers.queries import open_state as store_state
from app.leads import oldcars, rules
from app.leads.errors import (
    ConsentMissing,
    NameMissing,
    NoStoreChosen,
    NumberInText,
    PhoneNotProved,
    StoreUnavailable,
    TimeWrong,
)
from app.leads.models import Enquiry, Lead, LeadConsent
from app.leads.queries import dispatching
from app.leads.rules import LeadState
from app.leads.services.limits import count_try
from app.leads.services.telling import announce, note, tell_store
from app.members import queries as members
from app.members import services as member_services
from app.visits.rules import Touch
from app.visits.services import credit

CHOSEN = "客户自己选择"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. `dealers` by id, in the order chosen; `share`: the text they ticked, for one store."""

    kind: str
    source: str
    subject: str
    dealers: tuple[int, ...]
    idempotency_key: str
    trim_id: int | None = None
    msrp_fen: int | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    note: str = ""
    name: str = ""
    city: str = ""
    wanted_at: datetime | None = None
    share: str = ""
    reason: str = CHOSEN
    estimate: str = ""  # the number of the old car's estimate


@retry_deadlock
def open_enquiry(
    actor: Actor, wish: Wish, now: datetime, *, address_digest: str = "", touch: Touch | None = None
) -> str:
    """Send the request to its stores; its number. The same key again is the same request.

    A `price` request says nothing about the person. A `call` or an `inspection` goes to one store, which may see the
    number by a consent of its own. NoStoreChosen, StoreUnavailable, NumberInText, NameMissing, ConsentMissing,
    PhoneNotProved, TimeWrong, TooManyEnquiries, TooManyOpen, AddressBusy.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotAllowed
    _check(wish, now)
    with transaction():
        member_services.hold_member(actor.id)
        known = select(Enquiry.no).where(Enquiry.member_id == actor.id, Enquiry.idempotency_key == wish.idempotency_key)
        if (no := db.session.scalar(known)) is not None:
            return no
        stores = _stores(wish, now)
        count_try(actor.id, address_digest, len(stores), now)
        enquiry = _write(actor.id, wish, now)
        for store in stores:
            lead = open_lead(enquiry, store.dealer, wish.reason, now, wanted_at=wish.wanted_at)
            if wish.kind != "price":
                give_number(lead, store.dealer, actor.id, wish.share, now)
            credit(touch, "lead", lead.id, store.dealer.id, now)
            announce(lead, "created")
            tell_store(lead, f"{rules.KINDS[wish.kind]}，请在{clock.say(lead.due_at)}前回复", now)
        if wish.estimate:
            oldcars.known().keep(wish.estimate, actor.id, enquiry.no)
        audit.record(actor, "enquiry_opened", "enquiry", enquiry.id, kind=wish.kind, stores=len(stores))
        return enquiry.no


def open_lead(
    enquiry: Enquiry,
    dealer: Dealer,
    reason: str,
    now: datetime,
    *,
    wanted_at: datetime | None = None,
    moved_from: Lead | None = None,
) -> Lead:
    """A request at one more store, with the promise of this store. In the caller's transaction."""
    promise = dispatching.list_promises([dealer.id])[dealer.id][0]
    lead = Lead(
        no=ids.number("L", now),
        enquiry=enquiry,
        dealer_id=dealer.id,
        mark=ids.public_code(8),
        state=LeadState.NEW,
        state_at=now,
        reason=reason[:120],
        created_at=now,
        due_at=rules.answer_by(parse(dealer.hours), clock.local(now), promise),
        wanted_at=wanted_at,
        moved_from_id=moved_from.id if moved_from else None,
        level=0,
        ended_note="",
        version=0,
    )
    db.session.add(lead)
    db.session.flush()
    note(lead, "opened", now, words=reason)
    return lead


def give_number(lead: Lead, dealer: Dealer, member_id: int, text: str, now: datetime) -> None:
    """Let one store see the number, by a consent that names it and this lead. In the caller's transaction."""
    consent_id = member_services.record_consent(
        member_id, "share_with_dealer", rules.CONSENT_VERSION, text, dealer.slug, reference=f"lead:{lead.no}", now=now
    )
    if db.session.scalar(select(LeadConsent.id).where(LeadConsent.consent_id == consent_id)) is None:
        db.session.add(LeadConsent(lead_id=lead.id, consent_id=consent_id))
        note(lead, "number_given", now)
    db.session.flush()


def _check(wish: Wish, now: datetime) -> None:
    if not wish.dealers or len(wish.dealers) > rules.MOST_STORES or (wish.kind != "price" and len(wish.dealers) > 1):
        raise NoStoreChosen
    if rules.holds_number(wish.note):
        raise NumberInText(field="note")
    if wish.kind != "price" and not wish.share:
        raise ConsentMissing
    if wish.kind != "price" and not wish.name.strip():
        raise NameMissing
    last = now + timedelta(days=rules.WANTED_DAYS)
    if wish.wanted_at is not None and not now < wish.wanted_at <= last:
        raise TimeWrong


def _stores(wish: Wish, now: datetime) -> list[dispatching.StoreChoice]:
    """The chosen stores as they are now, in the order chosen; a store that takes nothing any more is named."""
    found = dispatching.list_by_ids(wish.dealers)
    rows = [NearDealer(found[i], None, store_state(found[i], now)) for i in dict.fromkeys(wish.dealers) if i in found]
    open_ones = {choice.dealer.id: choice for choice in dispatching.judge(rows, now)}
    if any(dealer_id not in open_ones for dealer_id in wish.dealers):
        raise StoreUnavailable
    stores = [open_ones[dealer_id] for dealer_id in dict.fromkeys(wish.dealers)]
    if wish.kind != "price":
        dealer = stores[0].dealer
        hours = parse(dealer.hours)
        if wish.wanted_at is not None and hours.known and not open_state(hours, clock.local(wish.wanted_at)).open:
            raise TimeWrong
        if wish.share != rules.sharing_text(dealer.name, wish.kind):
            raise ConsentMissing
    return stores


def _write(member_id: int, wish: Wish, now: datetime) -> Enquiry:
    if wish.kind != "price":
        member = members.get_member(member_id)
        if member.phone is None or member.phone_verified_at is None:
            raise PhoneNotProved
    row = Enquiry(
        no=ids.number("Q", now),
        kind=wish.kind,
        source=wish.source if wish.source in rules.SOURCES else "enquiry",
        member_id=member_id,
        trim_id=wish.trim_id,
        subject=wish.subject[:160],
        msrp_fen=wish.msrp_fen,
        facts=wish.facts,
        note=rules.clean(wish.note, rules.NOTE_LENGTH),
        contact_name=members_name(wish.name),
        city=wish.city[:24],
        idempotency_key=wish.idempotency_key,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()
    db.session.refresh(row, ["leads"])
    return row


def members_name(name: str) -> str:
    """A name as one line."""
    return rules.clean(name, 40).replace("\n", " ")
