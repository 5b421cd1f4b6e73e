"""Everybody but the customer is taken out of the words that people wrote in a pack."""

from sqlalchemy import String, cast, func, literal, select

from app.booking.models import Booking
from app.core.db import db
from app.evidence.rules import Pack, Person, Table, clerk, scrub
from app.members.models import Member
from app.staff.models import StaffMember

_WRITTEN = ("timeline", "scans", "cases")


def without_others(pack: Pack, member_id: int, person: Person) -> Pack:
    """Take everybody else out of words that people wrote: staff become numbers, other customers 其他客户."""
    words = "\n".join(cell for table in pack.tables if table.name in _WRITTEN for row in table.rows for cell in row)
    words += "\n".join(text for _, text in pack.facts)
    replace = _staff_in(words) | _members_in(words, member_id, person)
    if not person.shown and person.name:
        replace[person.name] = person.say_name()
    own = {person.phone} if person.shown else set[str]()

    def clean(text: str) -> str:
        return scrub(text, replace, own)

    tables = [
        Table(t.name, t.title, t.columns, [tuple(clean(cell) for cell in row) for row in t.rows], t.empty)
        if t.name in _WRITTEN
        else t
        for t in pack.tables
    ]
    facts = [(term, clean(text) if term == "作废原因" else text) for term, text in pack.facts]
    return Pack(pack.kind, pack.number, pack.reader, pack.made, facts, pack.terms, tables)


def _staff_in(words: str) -> dict[str, str]:
    rows = db.session.execute(
        select(StaffMember.name, StaffMember.id).where(
            StaffMember.name != "", literal(words).contains(StaffMember.name)
        )
    )
    return {row[0]: clerk(row[1]) for row in rows}


def _members_in(words: str, member_id: int, person: Person) -> dict[str, str]:
    """Names of other customers, as they registered or booked. One letter is no name."""
    found: dict[str, str] = {}
    for name, owner in ((Member.name, Member.id), (Booking.contact_name, Booking.member_id)):
        long = func.length(cast(name, String)) > 1
        rows = db.session.scalars(
            select(name).where(owner != member_id, long, literal(words).contains(name)).distinct()
        )
        found |= {other: "其他客户" for other in rows if other != person.name}
    return found
