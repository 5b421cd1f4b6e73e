"""Who is to be thanked for a visit: for the pages of the store alone."""

from sqlalchemy import select

from app.core.db import db
from app.visits.models import Visit, VisitCredit
from app.visits.rules import Subject


def find_consultant(subject_kind: Subject, subject_id: int, dealer_id: int) -> int | None:
    """Of this store, the consultant whose card was the last touch before it; None: it was no card, or elsewhere's."""
    wanted = (
        select(Visit.staff_id)
        .join(VisitCredit, VisitCredit.last_ref == Visit.ref)
        .where(
            VisitCredit.subject_kind == subject_kind,
            VisitCredit.subject_id == subject_id,
            Visit.dealer_id == dealer_id,
        )
    )
    return db.session.scalar(wanted)
