"""What a person may ask of their requests: to be forgotten, or to follow them to another account."""

from datetime import datetime

from sqlalchemy import delete, select, update

from app.core.db import changed_rows, db, transaction
from app.core.security import SYSTEM
from app.leads import rules
from app.leads.models import ContactStop, Enquiry, Lead, LeadEvent, LeadMessage, LeadTry
from app.leads.rules import LeadState
from app.leads.services.number import withdraw_all
from app.leads.services.talk import take_back_quotes
from app.leads.services.telling import announce, note

KEEPS = (
    "询价与线索的车款、门店、进度和时间会保留，用于统计，不含姓名、手机号和留言；停止联系的要求会保留，门店不再看到您。"
)


def erase_own(member_id: int, now: datetime) -> None:
    """Name, words and lines go, the number's consents end, what still runs is closed."""
    with transaction():
        mine = select(Lead).join(Enquiry, Enquiry.id == Lead.enquiry_id).where(Enquiry.member_id == member_id)
        for lead in db.session.scalars(mine.order_by(Lead.id).with_for_update(of=Lead)).all():
            withdraw_all(lead, SYSTEM, now)
            take_back_quotes([lead.id], now)
            if lead.state in rules.OPEN:
                lead.state, lead.state_at, lead.asked_at, lead.ended_note = LeadState.CLOSED, now, None, "客户注销"
                note(lead, LeadState.CLOSED, now, words="客户注销")
            announce(lead, "erased")
        ids = select(Lead.id).join(Enquiry, Enquiry.id == Lead.enquiry_id).where(Enquiry.member_id == member_id)
        changed_rows(delete(LeadMessage).where(LeadMessage.lead_id.in_(ids)))
        changed_rows(delete(LeadTry).where(LeadTry.member_id == member_id))
        written = update(LeadEvent).where(LeadEvent.lead_id.in_(ids), LeadEvent.kind == "remark")
        changed_rows(written.values(note=""))
        gone = update(Enquiry).where(Enquiry.member_id == member_id)
        changed_rows(gone.values(contact_name="", note="", facts={}, city=""))


def hold_leads(from_id: int, to_id: int) -> None:
    """Lock the leads of both, so that nobody opens a number or moves one while they are joined."""
    mine = select(Lead.id).join(Enquiry, Enquiry.id == Lead.enquiry_id).where(Enquiry.member_id.in_((from_id, to_id)))
    db.session.execute(mine.order_by(Lead.id).with_for_update(of=Lead))


def reassign_own(from_id: int, to_id: int) -> None:
    """Requests and what must not be contacted follow the person; a key that both used gets another word."""
    with transaction():
        keys = set(db.session.scalars(select(Enquiry.idempotency_key).where(Enquiry.member_id == to_id)))
        for row in db.session.scalars(select(Enquiry).where(Enquiry.member_id == from_id)).all():
            row.member_id = to_id
            if row.idempotency_key in keys:
                row.idempotency_key = f"merged-{row.id}"
        stopped = select(ContactStop.dealer_id).where(ContactStop.member_id == to_id)
        mine = ContactStop.member_id == from_id
        changed_rows(delete(ContactStop).where(mine, ContactStop.dealer_id.in_(stopped.scalar_subquery())))
        changed_rows(update(ContactStop).where(mine).values(member_id=to_id))
        changed_rows(update(LeadTry).where(LeadTry.member_id == from_id).values(member_id=to_id))
        db.session.flush()
