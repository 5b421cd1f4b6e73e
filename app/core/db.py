"""The database: one place begins, one place commits, one place rolls back.

SQLite begins writes IMMEDIATE (a deferred read that turns into a write fails at once under load), runs WAL with
synchronous=FULL (what was confirmed survives a power cut) and foreign keys on. PostgreSQL takes row locks.
"""

import functools
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as ShopSession
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Delete,
    Dialect,
    Engine,
    Executable,
    Integer,
    MetaData,
    Table,
    Transaction,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
)
from sqlalchemy import select as sql_select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.util import identity_key
from sqlalchemy.types import TypeDecorator

from app.core import prepared
from app.core.connecting import reading, turn_of, writing
from app.core.prepared import Outcome

P = ParamSpec("P")
R = TypeVar("R")

UNDONE = "the transaction was undone in its middle by somebody's rollback"


@dataclass(slots=True)
class _Unit:
    """The unit of work that is open: its connection, what is to be written last, what is to be called afterwards.

    `sessions` are those that may hold something for it: the one that stood here before, and any that was made since.
    """

    connection: Connection
    begun: Transaction
    driver: Any  # the driver's connection beneath
    sessions: list[Session]
    last: dict[tuple[int, Any], list[Any]] = field(default_factory=dict[tuple[int, Any], list[Any]])
    after_commit: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


_open: ContextVar[_Unit | None] = ContextVar("open_transaction", default=None)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class _JoiningSession(ShopSession):
    """Joins the transaction that is open here, when it is first used in it: what has to be quick never needs it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (unit := _open.get()) is not None:
            unit.sessions.append(self)

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        unit = _open.get()
        return unit.connection if unit is not None else reading(cast(Engine, super().get_bind(*args, **kwargs)))


db = SQLAlchemy(model_class=Base, session_options={"class_": _JoiningSession})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def _sqlite_text(value: datetime | None) -> str | None:
    """A moment as SQLAlchemy writes it into SQLite, in a quarter of the time: every write has some."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("naive datetime given to the database")
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:-6]


def _in_utc(value: datetime | None) -> datetime | None:
    """A moment as psycopg reads it, in the server's zone."""
    return None if value is None else value.astimezone(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment on every database (SQLite stores none, so it is added on the way out)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to the database")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Any) -> Any:
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        return _in_utc if dialect.name == "postgresql" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _by_place(item: tuple[tuple[int, Any], Any]) -> int:
    return item[0][0]


class _Joined:
    """A block within the unit of work that is open: it neither begins nor ends anything."""

    def __enter__(self) -> Session:
        return cast(Session, db.session)

    def __exit__(self, *_exc: object) -> None:
        pass


_JOINED = _Joined()


def transaction(durable: bool = False) -> AbstractContextManager[Session]:
    """One unit of work: commits at the outermost exit, undoes everything when an exception leaves.

    Re-entrant: an inner block joins the outer one. `durable=True` insists on being outermost, for work that must be
    saved before a network call follows. A read begun earlier by the same session is ended first.
    """
    if _open.get() is None:
        return _unit_of_work()
    if durable:
        raise RuntimeError("durable transaction inside another one")
    return _JOINED


@contextmanager
def _unit_of_work() -> Generator[Session]:
    if (session := _session()) is not None:
        if session.new or session.dirty or session.deleted:
            raise RuntimeError("rows were changed outside a transaction")
        if session.in_transaction():
            session.rollback()
    engine = db.engine
    with turn_of(engine), writing(engine).connect() as connection, connection.begin() as begun:
        sessions = [session] if session is not None else []
        unit = _Unit(connection, begun, connection.connection.dbapi_connection, sessions)
        former = _open.set(unit)
        try:
            yield cast(Session, db.session)
            for (_place, write), rows in sorted(unit.last.items(), key=_by_place):
                write(rows)
            for session in sessions:
                if session.in_transaction():
                    session.commit()
            if not begun.is_active:
                raise RuntimeError(UNDONE)
        except BaseException:
            for session in sessions:
                session.rollback()
            raise
        finally:
            _open.reset(former)
    for callback in unit.after_commit:
        callback()


def _session() -> Session | None:
    """The session of this request or command, if anything has needed one."""
    return db.session() if db.session.registry.has() else None


def changed_rows(statement: Update | Delete) -> int:
    """Execute a guarded UPDATE or DELETE in the present transaction; how many rows it changed is the verdict."""
    if not in_transaction():
        raise RuntimeError("a write outside a transaction")
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount


def execute(statement: Executable, values: Mapping[str, Any]) -> Outcome:
    """Run a prepared statement in the present transaction, past the session: for the paths that have to be quick.

    The statement is a constant of its module (core.prepared). What the session still holds is written first; rows it
    has loaded do not hear of it (`forget`).
    """
    unit = _open.get()
    if unit is None:
        raise RuntimeError("a write outside a transaction")
    for session in unit.sessions:
        session.flush()
    if not unit.begun.is_active:  # the driver itself would save each statement alone
        raise RuntimeError(UNDONE)
    return prepared.run(unit.connection, unit.driver, statement, values)


def peek(statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
    """The first value of the first row that is committed now, or None: what every request asks."""
    return look(statement, values or {}).scalar()


def look(statement: Executable, values: Mapping[str, Any]) -> Outcome:
    """The rows that are committed now, read past session and pool events and without any lock.

    For what a crowd asks before one of them writes. The statement is a constant of its module, as for `execute`.
    """
    engine = db.engine
    try:
        connection = engine.raw_connection()
        try:
            return prepared.ask(connection.dbapi_connection, engine.dialect, statement, values)
        finally:
            connection.close()
    except cast(Any, engine.dialect.loaded_dbapi).Error:
        # What the driver could not answer is asked again with all that SQLAlchemy knows of lost connections.
        rows = [tuple(row) for row in db.session.execute(statement, values)]
        return Outcome(len(rows), rows)


def stream(statement: Executable, size: int) -> Generator[Any]:
    """The rows of a long answer, so many of them in memory at a time. To be read to its end, or closed.

    PostgreSQL keeps such an answer for as long as a transaction: the one that is open here, or else one of its own.
    """
    asked = {"yield_per": size}
    if in_transaction():
        with db.session.execute(statement, execution_options=asked) as rows:
            yield from chain.from_iterable(rows.partitions())
        return
    with db.engine.connect() as connection, connection.execute(statement, execution_options=asked) as rows:
        yield from chain.from_iterable(rows.partitions())


def phone_tail(column: Any) -> ColumnElement[str]:
    """The last four digits of a phone number, written as the indexes of tails have it: no value is a parameter."""
    return func.substr(column, literal_column("8"), literal_column("4"))


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for prepared statements."""
    return cast(Table, model.__table__)


def insert_new(model: type[Base], key: str | tuple[str, ...], values: Mapping[str, Any]) -> int | None:
    """Insert a row and return its id; None if its unique `key` stands already, also when that comes at this moment."""
    return execute(_insert_new(table_of(model), key, None, _dialect().name), values).scalar()


def insert_new_and_ask(
    model: type[Base], key: str, values: Mapping[str, Any], question: ColumnElement[Any]
) -> tuple[int, Any] | None:
    """The same, and the answer to a question (a constant of its module) that would be the next statement."""
    row = execute(_insert_new(table_of(model), key, question, _dialect().name), values).first()
    return (row[0], row[1]) if row is not None else None


@functools.cache
def _insert_new(
    table: Table, key: str | tuple[str, ...], question: ColumnElement[Any] | None, dialect: str
) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    columns = [key] if isinstance(key, str) else key
    asked = () if question is None else (question,)
    return insert(table).on_conflict_do_nothing(index_elements=columns).returning(table.c.id, *asked)


def insert_rows(
    model: type[Base], rows: Sequence[Mapping[str, Any]], returning: tuple[str, ...] = ()
) -> list[prepared.Row]:
    """Insert rows that name the same columns, all that need a value, by one statement.

    What it returns comes in no promised order.
    """
    names = tuple(rows[0])
    statement = _insert_rows(table_of(model), names, len(rows), returning)
    return execute(statement, {f"{name}_{n}": row[name] for n, row in enumerate(rows) for name in names}).rows


@functools.lru_cache(256)
def _insert_rows(table: Table, names: tuple[str, ...], count: int, returning: tuple[str, ...]) -> Executable:
    rows = [{name: bindparam(f"{name}_{n}", type_=table.c[name].type) for name in names} for n in range(count)]
    statement = insert(table).values(rows)
    return statement.returning(*(table.c[name] for name in returning)) if returning else statement


FIRST_OF_LAST, LAST = 0, 1


def write_last(write: Callable[[list[Any]], None], row: Any, place: int = FIRST_OF_LAST) -> None:
    """Have `write(rows)` called once with all rows of the present transaction, just before it is saved.

    For what the transaction itself never reads: what many services say of one change goes out as one statement.
    `LAST` is for what others wait for once it is locked.
    """
    unit = _open.get()
    if unit is None:
        raise RuntimeError("a write outside a transaction")
    unit.last.setdefault((place, write), []).append(row)


def forget(model: type[Base], row_id: int) -> None:
    """If the session holds this row, it is read again when next needed."""
    session = _session()
    held = session.identity_map.get(identity_key(model, row_id)) if session and len(session.identity_map) else None
    if session and held is not None:
        session.expire(held)


_LINE_UP = sql_select(func.pg_advisory_xact_lock(bindparam("table", type_=Integer), bindparam("row", type_=Integer)))


def line_up(model: type[Base], row_id: int) -> None:
    """Wait one's turn to write a row that a crowd writes, until the transaction ends. To be asked right before the row.

    Who waits for the row itself is woken by PostgreSQL for every new version of it and waits again; in a line each is
    woken once. SQLite's writers stand in line anyway.
    """
    if locks_rows():
        execute(_LINE_UP, {"table": zlib.crc32(model.__tablename__.encode()) >> 1, "row": row_id & 0x7FFFFFFF})


def locks_rows() -> bool:
    """Whether rows are locked one by one (PostgreSQL); on SQLite a write holds the whole file from its beginning."""
    return _dialect().name != "sqlite"


def _dialect() -> Dialect:
    unit = _open.get()
    return (unit.connection if unit is not None else db.engine).dialect


def in_transaction() -> bool:
    """Whether a unit of work is open here."""
    return _open.get() is not None


def after_commit(callback: Callable[[], None]) -> None:
    """Run `callback` once the present transaction is saved; never if it is undone."""
    unit = _open.get()
    if unit is None:
        raise RuntimeError("after_commit outside a transaction")
    if callback not in unit.after_commit:
        unit.after_commit.append(callback)


def retry_deadlock(function: Callable[P, R]) -> Callable[P, R]:
    """Run a service once more when the database chose it as the victim of a deadlock.

    Only for functions that open their own transaction and make no network call.
    """

    @functools.wraps(function)
    def retried(*args: P.args, **kwargs: P.kwargs) -> R:
        if in_transaction():
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) not in {"40P01", "40001"}:
                raise
            return function(*args, **kwargs)

    return retried
