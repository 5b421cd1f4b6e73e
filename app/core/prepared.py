"""Statements compiled once and handed to the driver itself: for the few paths that have to be quick.

SQLAlchemy spends some 0.2 ms on each execution beside the database's own work; a payment notice runs ten. Types convert
values both ways as ever, the driver's errors come as SQLAlchemy's, and the transaction is the unit of work's own.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

from app.core import wire

Convert = Callable[[Any], Any]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement did: how many rows it touched, and those it returned."""

    rowcount: int
    rows: list[Row]

    def first(self) -> Row | None:
        return self.rows[0] if self.rows else None

    def one(self) -> Row:
        (row,) = self.rows
        return row

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar(self) -> Any:
        return self.rows[0][0] if self.rows else None


class _Prepared:
    """One statement for one dialect and one set of given names."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, names: tuple[str, ...]) -> None:
        # psycopg rewrites named parameters at every execution; the server's own $1 goes through as it is (core.wire).
        self._raw = dialect.driver == "psycopg"
        compiled = statement.compile(dialect=_numbered(dialect) if self._raw else dialect, column_keys=list(names))
        assert isinstance(compiled, SQLCompiler)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise TypeError("a list of values cannot be prepared")
        self.sql = compiled.string
        self._dialect = dialect
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._fixed = {name: bind.value for name, bind in binds.items() if not bind.required} | _defaults(compiled)
        if wrong := (set(names) - set(binds)) | (set(binds) - set(self._fixed) - set(names)):
            raise TypeError(f"missing or unknown: {', '.join(sorted(wrong))}")
        self._into = [(name, _into(binds[name].type, dialect)) for name in compiled.positiontup or ()]
        columns = compiled._result_columns  # pyright: ignore[reportPrivateUsage] (no public way to the types)
        self._out = [_out(cast("TypeEngine[Any]", column.type), dialect) for column in columns]

    def run_on(self, driver: Any, values: Mapping[str, Any]) -> Outcome:
        """On a connection of the driver; its errors come as they are."""
        filled = {**self._fixed, **values}
        given = [filled[name] if how is None else how(filled[name]) for name, how in self._into]
        if self._raw:
            count, rows = wire.run(driver, self.sql, given)
            return Outcome(count, [self._row(row) for row in rows])
        cursor = driver.cursor()
        try:
            cursor.execute(self.sql, given)
            rows = cursor.fetchall() if self._out else []
            count = cursor.rowcount
        finally:
            cursor.close()
        return Outcome(count, [self._row(row) for row in rows])

    def _row(self, row: Row) -> Row:
        return tuple([value if how is None else how(value) for how, value in zip(self._out, row, strict=True)])

    def told(self, exc: Exception, connection: Connection) -> BaseException:
        """The driver's error as SQLAlchemy tells it, without the values; a connection that is gone is thrown away."""
        base = cast(Any, self._dialect.loaded_dbapi).Error
        gone = self._dialect.is_disconnect(cast(Any, exc), cast(Any, connection.connection), None)
        if gone:
            connection.invalidate(exc)
        told = DBAPIError.instance(
            self.sql, None, exc, base, hide_parameters=True, connection_invalidated=gone, dialect=self._dialect
        )
        return cast(BaseException, told)


def run(connection: Connection, driver: Any, statement: Executable, values: Mapping[str, Any]) -> Outcome:
    """Run a statement that is kept as a constant of its module; `values` fill its parameters or its columns.

    `driver` is the driver's connection beneath this one.
    """
    ready = _prepare(statement, connection.dialect, tuple(values))
    try:
        return ready.run_on(driver, values)
    except cast(Any, connection.dialect.loaded_dbapi).Error as exc:
        raise ready.told(exc, connection) from exc


def ask(driver: Any, dialect: Dialect, statement: Executable, values: Mapping[str, Any]) -> Outcome:
    """The same on a connection of the driver, for reads outside any transaction; the driver's errors as they are."""
    return _prepare(statement, dialect, tuple(values)).run_on(driver, values)


@functools.lru_cache(512)
def _prepare(statement: Executable, dialect: Dialect, names: tuple[str, ...]) -> _Prepared:
    return _Prepared(cast(ClauseElement, statement), dialect, names)


@functools.cache
def _numbered(dialect: Dialect) -> Dialect:
    """The dialect with parameters as PostgreSQL itself has them."""
    return type(dialect)(paramstyle="numeric_dollar")  # pyright: ignore[reportCallIssue]


def _defaults(compiled: SQLCompiler) -> dict[str, Any]:
    """What columns get that are not given."""
    found: dict[str, Any] = {}
    for column in (*compiled.insert_prefetch, *compiled.update_prefetch):
        default: Any = column.default if column in compiled.insert_prefetch else column.onupdate
        if not default.is_scalar:
            raise TypeError(f"the default of {column} cannot be prepared")
        found[column.key] = default.arg
    return found


def _into(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return cast("Convert | None", kind.dialect_impl(dialect).bind_processor(dialect))


def _out(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return cast("Convert | None", kind.dialect_impl(dialect).result_processor(dialect, None))
