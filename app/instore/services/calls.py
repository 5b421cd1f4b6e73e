"""叫顾问 and 签到: asked for without a login, told to those on duty, answered by exactly one of them."""

from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from app.core import audit, clock, ids
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.dealers.models import Dealer
from app.instore import rules
from app.instore.errors import AlreadyAnswered, CallOver, NobodyOnDuty, TooManyCalls
from app.instore.models import FloorCall
from app.instore.queries.desk import count_waiting
from app.instore.queries.landing import Stand
from app.instore.rules import CALL_WORDS, CallKind, CallState
from app.messages.services import notify
from app.staff import queries as staff
from app.staff.queries import OnDuty
from app.visits.rules import Touch


def ask(stand: Stand, kind: CallKind, key: str, now: datetime, *, touch: Touch | None = None) -> FloorCall:
    """Call a consultant or check in; the same `key` gives the same call again.

    Without anybody on duty a call is refused, a check-in is not: the desk sees it.
    NotFound, NobodyOnDuty, TooManyCalls.
    """
    if stand.retired or not stand.shown or not key:
        raise NotFound
    dealer_id, on_duty = stand.dealer.id, staff.list_on_duty(stand.dealer.id, now)
    with transaction() as session:
        # One at a time for each store: numbers follow each other, and the limit is one.
        session.execute(select(Dealer.id).where(Dealer.id == dealer_id).with_for_update(key_share=True))
        known = session.scalar(select(FloorCall).where(FloorCall.key == key[:64]))
        if known is not None:
            return known
        if kind is CallKind.CALL and not on_duty:
            raise NobodyOnDuty
        if count_waiting(dealer_id, kind, now) >= rules.MOST_OPEN[kind]:
            raise TooManyCalls
        wanted = next((one for one in on_duty if one.id == stand.code.staff_id), None)
        row = FloorCall(
            ref=ids.public_code(16),
            key=key[:64],
            kind=kind.value,
            code_id=stand.code.id,
            dealer_id=dealer_id,
            day=clock.local(now).date(),
            number=_next_number(dealer_id, kind, now),
            wanted_staff_id=wanted.id if wanted else None,
            visit_ref=touch.last if touch else "",
            state=CallState.WAITING.value,
            created_at=now,
            expires_at=now + rules.life_of(kind),
        )
        session.add(row)
        session.flush()
        _tell(row, stand, [wanted] if wanted else on_duty, now)
        return row


def answer(actor: Actor, call_id: int, now: datetime) -> None:
    """马上来: the first who says so goes; the same person's second tap is the same. AlreadyAnswered, CallOver."""
    with transaction():
        waiting = update(FloorCall).where(
            FloorCall.id == call_id,
            FloorCall.dealer_id == _store_of(actor),
            FloorCall.state == CallState.WAITING,
            FloorCall.expires_at > now,
        )
        values = {"state": CallState.ANSWERED, "answered_by": actor.id, "answered_at": now}
        if changed_rows(waiting.values(**values, expires_at=now + rules.ANSWERED_LIFE)) == 1:
            audit.record(actor, "call_answered", "floor_call", call_id)
            return
        row = _own(actor, call_id)
        if row.state == CallState.ANSWERED and row.answered_by == actor.id:
            return
        if row.state == CallState.ANSWERED and row.answered_by is not None:
            raise AlreadyAnswered(staff.get_staff(row.answered_by).name)
        raise CallOver


def close(actor: Actor, call_id: int, now: datetime) -> None:
    """已接待: the person is looked after; twice is as good as once. NotFound."""
    with transaction():
        _own(actor, call_id)
        mine = update(FloorCall).where(FloorCall.id == call_id, FloorCall.state.in_(rules.OPEN))
        values = {"state": CallState.DONE, "closed_at": now}
        by = func.coalesce(FloorCall.answered_by, actor.id)
        if changed_rows(mine.values(**values, answered_by=by)) == 1:
            audit.record(actor, "call_closed", "floor_call", call_id)


def withdraw(ref: str, now: datetime) -> None:
    """不用了, said by whoever asked; twice is as good as once."""
    with transaction():
        mine = update(FloorCall).where(FloorCall.ref == ref, FloorCall.state.in_(rules.OPEN))
        changed_rows(mine.values(state=CallState.WITHDRAWN, closed_at=now))


def purge(now: datetime) -> int:
    """After a month a call is told apart from its visit; after the longest span of the traffic page it goes."""
    with transaction():
        old = FloorCall.created_at < now - rules.CALL_LINKED
        linked = or_(FloorCall.visit_ref != "", FloorCall.wanted_staff_id.is_not(None))
        cut = changed_rows(update(FloorCall).where(old, linked).values(visit_ref="", wanted_staff_id=None))
        return cut + changed_rows(delete(FloorCall).where(FloorCall.created_at < now - rules.CALL_KEPT))


def _store_of(actor: Actor) -> int:
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotFound
    return actor.dealer_id


def _own(actor: Actor, call_id: int) -> FloorCall:
    row = db.session.scalar(select(FloorCall).where(FloorCall.id == call_id, FloorCall.dealer_id == _store_of(actor)))
    if row is None:
        raise NotFound
    return row


def _next_number(dealer_id: int, kind: CallKind, now: datetime) -> int:
    last = select(func.max(FloorCall.number)).where(
        FloorCall.dealer_id == dealer_id, FloorCall.kind == kind, FloorCall.day == clock.local(now).date()
    )
    return (db.session.scalar(last) or 0) + 1


def _tell(row: FloorCall, stand: Stand, people: list[OnDuty], now: datetime) -> None:
    place = " ".join(part for part in (stand.code.label, stand.car_name, stand.code.colour) if part)
    words = {"car": CALL_WORDS[CallKind(row.kind)], "note": f"{place}，客户在等"}
    for person in people:
        notify(person.member_id, "store_news", f"floor:{row.id}:{row.ref}:{person.id}", words, now, href="/staff/calls")
