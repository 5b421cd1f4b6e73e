"""What the maker's lead system is told of a lead, read when it leaves: a consent taken back meanwhile counts."""

from datetime import datetime
from typing import Any

from app.catalog.models import Trim
from app.core.clock import local
from app.core.db import db
from app.dealers.models import Dealer
from app.leads.models import Lead
from app.leads.queries.contact import find_contact
from app.leads.queries.own import list_standing_quotes


def event_body(lead_id: int, kind: str, version: int, now: datetime) -> dict[str, Any] | None:
    """The event as plain values; None for a lead that is gone. `sequence` puts a lead's events in order."""
    lead = db.session.get(Lead, lead_id, populate_existing=True)
    if lead is None:
        return None
    enquiry, dealer = lead.enquiry, db.session.get_one(Dealer, lead.dealer_id)
    contact = find_contact(lead, now)
    quote = list_standing_quotes([lead.id]).get(lead.id)
    trim = db.session.get(Trim, enquiry.trim_id) if enquiry.trim_id else None
    return {
        "event": f"lead.{kind}",
        "event_id": f"{lead.no}-{version}",
        "sequence": version,
        "lead": {
            "no": lead.no,
            "enquiry_no": enquiry.no,
            "kind": enquiry.kind,
            "source": enquiry.source,
            "state": lead.state,
            "state_at": local(lead.state_at).isoformat(),
            "created_at": local(lead.created_at).isoformat(),
            "answer_by": local(lead.due_at).isoformat(),
            "answered_at": local(lead.answered_at).isoformat() if lead.answered_at else None,
            "wanted_at": local(lead.wanted_at).isoformat() if lead.wanted_at else None,
            "escalation": lead.level,
            "dispatch_reason": lead.reason,
            "do_not_contact": lead.state == "stopped",
            "dealer": {"code": dealer.slug, "name": dealer.name},
            "car": {"trim": trim.slug if trim else None, "name": enquiry.subject},
            "old_car": enquiry.facts or None,
        },
        "quote": {
            "kind": quote.kind,
            "price_fen": quote.price_fen,
            "included": quote.included,
            "valid_until": quote.valid_until.isoformat(),
        }
        if quote
        else None,
        "contact": {
            "name": contact.name,
            "phone": contact.phone,
            "consent": {
                "given_at": local(contact.given_at).isoformat(),
                "text_version": contact.text_version,
                "text_sha256": contact.text_hash,
            },
        }
        if contact
        else None,
    }
