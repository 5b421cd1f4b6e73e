"""合并: two accounts of one person become one; undone, each has again exactly what it had.

The rooms move their own rows (`reassign`). What they changed is found by comparing every row that names either account
before and after, so that no room can forget to say it. Lock order: members first, by id, then what each room holds
(the deals of bookings and queues), so that nothing of it moves between the first look and the last.
"""

import base64
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, LargeBinary, Numeric, Table, and_, delete, insert, or_, select, update

from app.core import audit
from app.core.db import Base, changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.members import privacy, queries
from app.members.errors import MergeRefused
from app.members.models import Consent, Member, MemberMerge, MergedRow, WeChatIdentity

# Traces of single logins and the merges' own books stay where they are.
_NOT_MOVED = frozenset({"member_merges", "merged_rows", "login_attempts", "phone_codes", "member_avatars"})
Key = tuple[Any, ...]
Rows = dict[tuple[str, Key], dict[str, Any]]


@retry_deadlock
def merge_members(from_id: int, into_id: int, actor: Actor, reason: str, now: datetime) -> int:
    """Give everything of the first account to the second; the first is signed out and leads nowhere. MergeRefused."""
    if from_id == into_id:
        raise MergeRefused("这两个是同一个账号。")
    with transaction() as session:
        source, target = _lock(from_id, into_id)
        if not (queries.is_living(source) and queries.is_living(target)):
            raise MergeRefused
        if queries.find_erasure(from_id) or queries.find_erasure(into_id):
            raise MergeRefused("其中一个账号正在注销，撤回注销申请后才能合并。")
        for holder in privacy.holders().values():
            holder.hold(from_id, into_id)
        before = _rows_naming(from_id, into_id)
        for holder in privacy.holders().values():
            holder.reassign(from_id, into_id)
        session.flush()
        session.expire_all()
        merge = MemberMerge(from_id=from_id, into_id=into_id, reason=reason[:120], merged_at=now)
        session.add(merge)
        session.flush()
        moved = _record(merge.id, before, _rows_naming(from_id, into_id))
        _take_phone(source, target, merge.id)
        source.merged_into_id = into_id
        source.session_version += 1
        audit.record(actor, "members_merged", "member", into_id, merge_id=merge.id, from_id=from_id, rows=moved)
        return merge.id


@retry_deadlock
def undo_merge(merge_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Give back exactly what the merge moved; what came later stays. Both sign in anew. NotFound, MergeRefused."""
    with transaction() as session:
        merge = session.get(MemberMerge, merge_id)
        if merge is None:
            raise NotFound
        source, target = _lock(merge.from_id, merge.into_id)
        mark = update(MemberMerge).where(MemberMerge.id == merge_id, MemberMerge.undone_at.is_(None))
        if changed_rows(mark.values(undone_at=now, undo_reason=reason[:120])) != 1:
            raise MergeRefused("这次合并已经撤销过了。")
        if target.merged_into_id is not None:
            raise MergeRefused("合并后的账号又并入了别的账号，请先撤销后一次合并。")
        if source.erased_at or target.erased_at:
            raise MergeRefused("账号已经注销，不能撤销合并。")
        session.flush()
        given_back = _give_back(merge)
        session.expire_all()
        source.merged_into_id = None
        source.session_version += 1
        target.session_version += 1
        audit.record(actor, "merge_undone", "member", merge.into_id, merge_id=merge_id, rows=given_back)


def reassign_own(from_id: int, to_id: int) -> None:
    """Give identities and consents of one member to another: two accounts of one person become one."""
    with transaction():
        for table in (WeChatIdentity, Consent):
            changed_rows(update(table).where(table.member_id == from_id).values(member_id=to_id))


def _lock(first_id: int, second_id: int) -> tuple[Member, Member]:
    """Both accounts, locked in the order of their numbers and read again.

    Their keys are left to others (`key_share`): a row that comes to name one of them, as a message does, never waits
    for a merge that itself waits for the booking told of.
    """
    rows = db.session.scalars(
        select(Member)
        .where(Member.id.in_((first_id, second_id)))
        .order_by(Member.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {row.id: row for row in rows}
    if len(found) != 2:
        raise NotFound
    return found[first_id], found[second_id]


def _take_phone(source: Member, target: Member, merge_id: int) -> None:
    """A proved number follows the person if the other account has none; the record says only that there was none."""
    if target.phone is None and source.phone is not None and source.phone_verified_at is not None:
        none: dict[str, Any] = {"phone": None, "phone_verified_at": None}
        db.session.add(MergedRow(merge_id=merge_id, table="members", key={"id": target.id}, before=none, after=None))
        target.phone, target.phone_verified_at = source.phone, source.phone_verified_at


def _tables() -> list[tuple[Table, list[str]]]:
    """Every table with a column that names a member."""
    found: list[tuple[Table, list[str]]] = []
    for table in Base.metadata.sorted_tables:
        columns = [c.name for c in table.columns if any(f.target_fullname == "members.id" for f in c.foreign_keys)]
        if columns and table.name not in _NOT_MOVED:
            found.append((table, columns))
    return found


def _rows_naming(*member_ids: int) -> Rows:
    rows: Rows = {}
    for table, columns in _tables():
        naming = or_(*(table.c[name].in_(member_ids) for name in columns))
        for row in db.session.execute(select(table).where(naming)).mappings():
            key = tuple(row[column.name] for column in table.primary_key.columns)
            rows[table.name, key] = dict(row)
    return rows


def _record(merge_id: int, before: Rows, after: Rows) -> int:
    """Keep the old values of what changed; a row that is gone keeps all of them, one that came has none."""
    changes: list[MergedRow] = []
    for name, key in sorted(before.keys() | after.keys(), key=str):
        old, new = before.get((name, key)), after.get((name, key))
        if old == new:
            continue
        names = [column for column in (old or new or {}) if not (old and new) or old[column] != new[column]]
        table = Base.metadata.tables[name]
        changes.append(
            MergedRow(
                merge_id=merge_id,
                table=name,
                key=dict(zip((c.name for c in table.primary_key.columns), map(_plain, key), strict=True)),
                before={column: _plain(old[column]) for column in names} if old else {},
                after={column: _plain(new[column]) for column in names} if new else None,
            )
        )
    db.session.add_all(changes)
    db.session.flush()
    return len(changes)


def _give_back(merge: MemberMerge) -> int:
    """Undo the recorded changes: rows that came go, changed ones get their values back, rows that went return."""
    of_merge = select(MergedRow).where(MergedRow.merge_id == merge.id).order_by(MergedRow.id)
    recorded = list(db.session.scalars(of_merge))
    order = {table.name: number for number, table in enumerate(Base.metadata.sorted_tables)}
    rows = [row for row in recorded if row.table != "members"]
    went = [row for row in rows if row.before and row.after is None]
    count = 0
    for row in rows:
        if not row.before:
            count += changed_rows(delete(Base.metadata.tables[row.table]).where(_is(row)))
    for row in rows:
        if row.before and row.after is not None:
            count += _put_back(row, row.after)
    for row in sorted(went, key=lambda row: order[row.table]):
        table = Base.metadata.tables[row.table]
        if db.session.execute(select(*table.primary_key.columns).where(_is(row))).first() is None:
            db.session.execute(insert(table).values(**_values(row)))
            count += 1
    if len(rows) < len(recorded):  # a number came along; one that was proved since is the person's own
        lent = select(Member.phone).where(Member.id == merge.from_id).scalar_subquery()
        back = update(Member).where(Member.id == merge.into_id, Member.phone == lent)
        count += changed_rows(back.values(phone=None, phone_verified_at=None))
    return count


def _put_back(row: MergedRow, after: dict[str, Any]) -> int:
    """The old values, where the row still says what the merge made it say; what happened since is left alone.

    A row that was given on to somebody else stays there.
    """
    table = Base.metadata.tables[row.table]
    found = db.session.execute(select(table).where(_is(row)).with_for_update()).mappings().first()
    if found is None or any(table.c[name].foreign_keys and _plain(found[name]) != after[name] for name in after):
        return 0
    values = {name: value for name, value in _values(row).items() if _plain(found[name]) == after[name]}
    return changed_rows(update(table).where(_is(row)).values(**values)) if values else 0


def _is(row: MergedRow) -> Any:
    table = Base.metadata.tables[row.table]
    return and_(*(table.c[name] == _typed(table.c[name].type, value) for name, value in row.key.items()))


def _values(row: MergedRow) -> dict[str, Any]:
    table = Base.metadata.tables[row.table]
    return {name: _typed(table.c[name].type, value) for name, value in row.before.items()}


def _plain(value: Any) -> Any:
    """A column's value as JSON."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value) if isinstance(value, Decimal) else value


def _typed(kind: Any, value: Any) -> Any:
    """The value that `_plain` made plain, as the column wants it."""
    if value is None or not isinstance(value, str):
        return value
    inner = getattr(kind, "impl", kind)
    if isinstance(inner, DateTime):
        return datetime.fromisoformat(value)
    if inner.__class__.__name__ == "Date":
        return date.fromisoformat(value)
    if isinstance(inner, LargeBinary):
        return base64.b64decode(value)
    return Decimal(value) if isinstance(inner, Numeric) else value
