"""What the leads tell the outside and the rooms below: signed events, and what they keep about a person."""

import json
from typing import cast

from flask import Flask, current_app

from app.core import clock, outbox
from app.core.config import Settings
from app.core.db import db
from app.gateways.leadsystem.port import LeadSystem
from app.leads.queries import own
from app.leads.queries.payload import event_body
from app.leads.services import personal, telling
from app.members import privacy


def send_event(_key: str, payload: outbox.Payload) -> None:
    """One event to the maker's lead system. A failure raises, so the outbox tries again with the same id."""
    body = event_body(int(payload["lead_id"]), str(payload["kind"]), int(payload["version"]), clock.now())
    db.session.rollback()  # ends the read: a call follows
    if body is not None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        cast(LeadSystem, current_app.extensions["leads"]).tell(str(body["event_id"]), content)


def register(app: Flask) -> None:
    """Called once by the factory."""
    settings = cast(Settings, app.config["SETTINGS"])
    telling.use_lead_system(bool(settings.leads_webhook_url))
    outbox.register(telling.TOPIC, send_event)
    privacy.register(
        "leads",
        export=own.export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        hold=personal.hold_leads,
        keeps=personal.KEEPS,
    )
