"""Two sample requests at the sample consultant's store: one with a quote, one that waits. `stage_demo` calls it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from app.catalog.queries.lineup import get_lineup
from app.core import clock
from app.core.db import db
from app.core.security import Actor
from app.leads.models import Enquiry, Lead
from app.leads.services import Wish, open_enquiry
from app.leads.services.talk import OfferWish, make_quote
from app.staff.models import StaffMember
from scripts.stage_codes import NAME

NOTE = "样例：想要白色现车，周末提车"


def stage(person: Actor, now: datetime) -> None:
    """Ask once; the second time it is there."""
    clerk = db.session.scalar(select(StaffMember).where(StaffMember.name == NAME).limit(1))
    if clerk is None or db.session.scalar(select(Lead.id).limit(1)) is not None:
        return
    who = Actor("staff", clerk.id, "clerk", clerk.dealer_id)
    for number, trim in enumerate(list(get_lineup().trims.values())[:2]):
        key, fen = f"sample-lead-{number}", trim.msrp_fen
        wish = Wish("price", "series", trim.full_name, (who.dealer_id or 0,), key, trim.id, fen, note=NOTE)
        no = open_enquiry(person, wish, now)
        if number == 0:
            lead_no = db.session.scalars(select(Lead.no).join(Enquiry).where(Enquiry.no == no)).one()
            offer = OfferWish("bare", fen // 100_000 * 98_000, ("gift",), clock.local(now).date() + timedelta(14))
            make_quote(who, lead_no, offer, now)
