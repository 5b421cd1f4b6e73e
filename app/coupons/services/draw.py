"""夺券: entering a draw. Append-only: an entry is a link of the chain, made while the draw is locked."""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from app.core import audit, ids
from app.core.clock import say
from app.core.db import db, execute, forget, retry_deadlock, table_of, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.errors import DrawNotOpen, DrawNotStarted, DrawPaused
from app.coupons.models import Draw, DrawEntry
from app.coupons.queries import draws as queries
from app.coupons.rules.draws import DrawState, Entry, EntryKind, EntryState, link
from app.members.services import hold_member

TICKET = 12
_draws = table_of(Draw)
_AT, _NOW = bindparam("at", type_=_draws.c.draws_at.type), bindparam("now", type_=_draws.c.draws_at.type)
# The verdict: a draw that is closed takes nobody, however late its closing was noticed, and none takes anybody once the
# public number may be known.
_TAKE = (
    update(_draws)
    .where(
        _draws.c.id == bindparam("draw"),
        _draws.c.state == DrawState.OPEN.value,
        _draws.c.opens_at <= _AT,
        _draws.c.closes_at > _AT,
        _draws.c.draws_at > _NOW,
    )
    .values(entries=_draws.c.entries + 1)
    .returning(_draws.c.entries, _draws.c.root)
)
_CHAIN = update(_draws).where(_draws.c.id == bindparam("draw")).values(root=bindparam("latest"))


@retry_deadlock
def enter_free(actor: Actor, slug: str, now: datetime) -> str:
    """Enter without paying: the same chance. The ticket; the same again for who is in already, however they came.

    Who had begun to pay enters all the same, and what arrives after all goes back.
    NotFound, DrawNotOpen, DrawNotStarted, DrawPaused, AccountGone.
    """
    draw_id = _check(actor, slug, now)
    with transaction():
        entry = _own_entry(draw_id, actor.id or 0, EntryKind.FREE, now)
        if entry.state == EntryState.ENTERED:
            return entry.ticket
        entry.kind = EntryKind.FREE.value
        if not take(entry, now, now):
            raise DrawNotOpen
        audit.record(actor, "draw_entered", "draw_entry", entry.id, draw=slug)
        return entry.ticket


@retry_deadlock
def begin_paid(actor: Actor, slug: str, now: datetime) -> int:
    """Keep a place for a fee that is to be paid; the entry's id. In the draw is who paid before the close.

    NotFound, DrawNotOpen, DrawNotStarted, DrawPaused, AccountGone.
    """
    draw_id = _check(actor, slug, now)
    with transaction():
        return _own_entry(draw_id, actor.id or 0, EntryKind.PAID, now).id


def take(entry: DrawEntry, at: datetime, now: datetime) -> bool:
    """Make an entry a link of the chain, if its draw is open and took entries `at` that moment. In the transaction.

    Never from the time of the draw on: who knows the public number must not be able to add to the list.
    """
    taken = execute(_TAKE, {"draw": entry.draw_id, "at": at, "now": now}).first()
    if taken is None:
        return False
    seq, root = int(taken[0]), str(taken[1])
    digest = link(Entry(seq, entry.ticket, now), root)
    execute(_CHAIN, {"draw": entry.draw_id, "latest": digest})
    forget(Draw, entry.draw_id)
    entry.seq, entry.previous, entry.digest = seq, root, digest
    entry.state, entry.entered_at = EntryState.ENTERED.value, now
    db.session.flush()
    return True


def lock_draw(draw_id: int) -> Draw:
    """The draw, locked and read again: entering, closing and drawing come one after the other."""
    return db.session.scalars(
        select(Draw).where(Draw.id == draw_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _check(actor: Actor, slug: str, now: datetime) -> int:
    """What can be said without a lock; the guarded UPDATE decides again."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    page = queries.get_draw_page(slug)
    if page.state is not DrawState.OPEN or now >= page.promise.closes_at:
        raise DrawNotOpen
    if now < page.promise.opens_at:
        raise DrawNotStarted(say(page.promise.opens_at))
    if page.paused:
        raise DrawPaused
    return queries.get_draw_id(slug)


def _own_entry(draw_id: int, member_id: int, kind: EntryKind, now: datetime) -> DrawEntry:
    """The person's one entry, made if it is the first try."""
    hold_member(member_id)
    lock_draw(draw_id)
    mine = select(DrawEntry).where(DrawEntry.draw_id == draw_id, DrawEntry.member_id == member_id)
    entry = db.session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if entry is None:
        entry = DrawEntry(
            draw_id=draw_id, member_id=member_id, kind=kind.value, state=EntryState.WAITING.value,
            ticket=ids.public_code(TICKET), created_at=now,
        )  # fmt: skip
        db.session.add(entry)
    elif entry.state == EntryState.VOID:
        entry.state, entry.kind = EntryState.WAITING.value, kind.value
    elif entry.state == EntryState.WAITING:
        entry.kind = kind.value
    db.session.flush()
    return entry
