"""值班: who is in the store and can be called; said by the person, over by itself."""

from datetime import datetime, timedelta

from sqlalchemy import update

from app.core import audit, clock
from app.core.db import changed_rows, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.staff.models import StaffMember

SHIFTS = (4, 8, 12)  # hours that can be chosen


def clock_in(actor: Actor, hours: int, now: datetime) -> datetime:
    """On duty from now on, for so many hours and never past midnight; until when. Again begins anew. NotFound."""
    midnight = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    until = min(now + timedelta(hours=hours if hours in SHIFTS else SHIFTS[1]), midnight.astimezone(now.tzinfo))
    _set(actor, until)
    return until


def clock_out(actor: Actor) -> None:
    """Off duty; twice is as good as once. NotFound."""
    _set(actor, None)


def _set(actor: Actor, until: datetime | None) -> None:
    if actor.kind != "staff" or actor.id is None:
        raise NotFound
    with transaction():
        own = update(StaffMember).where(StaffMember.id == actor.id, StaffMember.left_at.is_(None))
        if changed_rows(own.values(duty_until=until)) != 1:
            raise NotFound
        audit.record(actor, "duty_begun" if until else "duty_ended", "staff_member", actor.id)
