"""Recording visits and crediting them."""

from datetime import datetime

from sqlalchemy import delete, select

from app.core import ids
from app.core.db import changed_rows, db, insert_new, transaction
from app.visits.models import Visit, VisitCredit
from app.visits.rules import KEPT, REF_LENGTH, SAME_VISIT, SUBJECTS, Subject, Touch

KEY = ("subject_kind", "subject_id")


def record_visit(
    touch: Touch | None, code_id: int, dealer_id: int, now: datetime, *, staff_id: int | None = None
) -> Touch:
    """Write down that a browser opened a code's page; the touch it carries from now on.

    The same code again within half an hour is the same visit, and writes nothing.
    """
    if touch is not None and now - touch.at < SAME_VISIT and _is_of(touch.last, code_id):
        return touch
    ref = ids.public_code(REF_LENGTH)
    first = touch.first if touch else ref
    with transaction() as session:
        session.add(Visit(ref=ref, first_ref=first, dealer_id=dealer_id, code_id=code_id, staff_id=staff_id, at=now))
    return Touch(first, ref, now)


def credit(touch: Touch | None, subject_kind: Subject, subject_id: int, dealer_id: int | None, now: datetime) -> None:
    """Say what came of the last touch, in the caller's transaction and once for each subject.

    What stands is left: an estimate may be worked out a second time. Without a touch nothing is asked or written.
    """
    if touch is None:
        return
    if subject_kind not in SUBJECTS:
        raise ValueError(subject_kind)
    row = {"subject_kind": subject_kind, "subject_id": subject_id, "dealer_id": dealer_id, "at": now}
    insert_new(VisitCredit, KEY, row | {"first_ref": touch.first, "last_ref": touch.last})


def purge(now: datetime) -> int:
    """Forget visits and credits that are older than a year and a month, enough to compare with last year."""
    with transaction():
        gone = changed_rows(delete(VisitCredit).where(VisitCredit.at < now - KEPT))
        return gone + changed_rows(delete(Visit).where(Visit.at < now - KEPT))


def _is_of(ref: str, code_id: int) -> bool:
    return db.session.scalar(select(Visit.code_id).where(Visit.ref == ref)) == code_id
