"""Who hears of what happened to a lead: the store, the person, the maker's lead system. In the caller's transaction."""

import hashlib
from datetime import datetime
from typing import Any

from app.core import outbox
from app.core.db import db
from app.leads.models import Lead, LeadEvent
from app.leads.rules import alias
from app.messages.services import notify
from app.staff import queries as staff
from app.staff.rules import leads as is_leading

TOPIC = "lead_event"
_system: dict[str, bool] = {"listens": False}


def use_lead_system(listens: bool) -> None:
    """Whether there is a maker's lead system to tell (settings LEADS_WEBHOOK_URL); said once by the room's register."""
    _system["listens"] = listens


def note(lead: Lead, kind: str, now: datetime, *, staff_id: int | None = None, words: str = "") -> LeadEvent:
    """Keep what happened with the lead."""
    row = LeadEvent(lead_id=lead.id, kind=kind, staff_id=staff_id, note=words[:200], at=now)
    db.session.add(row)
    return row


def announce(lead: Lead, kind: str) -> None:
    """Have the maker's lead system told, once for each version; what it is told is read when it leaves."""
    lead.version += 1
    db.session.flush()
    if _system["listens"]:
        payload: dict[str, Any] = {"lead_id": lead.id, "kind": kind, "version": lead.version}
        outbox.add(TOPIC, f"{TOPIC}:{lead.no}:{lead.version}", payload)


def tell_store(lead: Lead, words: str, now: datetime, *, leading: bool = False) -> int:
    """One line for whoever works on it, else for everybody of the store; `leading`: for its leading people alone.

    Without name and number: those stand on the lead.
    """
    team = staff.list_team(lead.dealer_id)
    if leading:
        people = [one for one in team if is_leading(one.role)]
    else:
        people = [one for one in team if one.id == lead.staff_id] or team
    said = {"car": f"{lead.enquiry.subject} {alias(lead.mark)}", "note": words}
    key = _key("lead", lead, words, now)
    return sum(
        notify(one.member_id, "store_news", f"{key}:{one.id}", said, now, href=f"/staff/leads/{lead.no}")
        for one in people
    )


def tell_member(lead: Lead, purpose: str, words: str, now: datetime, slug: str) -> bool:
    """One line for the person, leading to the conversation."""
    enquiry = lead.enquiry
    key = _key(purpose, lead, words, now)
    href = f"/me/enquiries/{enquiry.no}/stores/{slug}"
    return notify(enquiry.member_id, purpose, key, {"car": enquiry.subject, "note": words}, now, href=href)


def _key(purpose: str, lead: Lead, words: str, now: datetime) -> str:
    """One message for these words at this moment: a retry says nothing twice."""
    said = hashlib.sha256(words.encode()).hexdigest()[:12]
    return f"{purpose}:{lead.id}:{int(now.timestamp() * 1000)}:{said}"
