"""Prepared statements handed to libpq in one call: what psycopg does with a cursor, for statements asked all the time.

psycopg sends, waits and receives by turns, and lets go of the interpreter at each; where eight threads want it, that
costs as much as the statement. libpq's own call lets go once. Values and rows are converted by psycopg as ever, its
errors are raised. The engine has psycopg prepare nothing itself (factory.engine_options): after a rollback it would
throw away all that the server holds prepared, also what is from here.
"""

import itertools
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus

Driver = psycopg.Connection[Any]

TWICE = 5  # so many times it is told whole, as psycopg does: what is asked once is not kept by the server
_numbers = itertools.count()


class _Kept:
    """What is kept with a connection as long as it lives: psycopg's way to read and write, and the statements.

    How each type is written and each column read is looked up once, as in a cursor that is used again and again.
    """

    def __init__(self, driver: Driver) -> None:
        self.adapt = Transformer(driver)
        self.statements: dict[str, int | bytes] = {}


def _kept_with(driver: Any) -> _Kept:
    try:
        return driver.kept_by_wire
    except AttributeError:
        driver.kept_by_wire = _Kept(driver)
        return driver.kept_by_wire


def run(driver: Driver, sql: str, values: list[Any]) -> tuple[int, list[tuple[Any, ...]]]:
    """How many rows a statement with `$1` touched, and those it returned. The server finds out the values' types."""
    kept = _kept_with(driver)
    adapt, known = kept.adapt, kept.statements
    given: Any = adapt.dump_sequence(values, [PyFormat.TEXT] * len(values)) if values else None
    wire = driver.pgconn
    if wire.status != ConnStatus.OK:
        raise psycopg.OperationalError("the connection is lost")
    try:
        name = known.get(sql, 0)
        if name == TWICE:
            name = known[sql] = _prepare(driver, sql)
        if isinstance(name, bytes):
            result = wire.exec_prepared(name, given)
        else:
            known[sql] = name + 1
            result = wire.exec_params(sql.encode(), given)
    except MemoryError as exc:  # so psycopg says that libpq had no answer at all
        raise psycopg.OperationalError("the connection is lost") from exc
    if result.status == ExecStatus.TUPLES_OK:
        adapt.set_pgresult(result)
        return result.ntuples, adapt.load_rows(0, result.ntuples, tuple)
    if result.status != ExecStatus.COMMAND_OK:
        raise _error(driver, result)
    touched = result.command_tuples
    return (-1 if touched is None else touched), []


def _prepare(driver: Driver, sql: str) -> bytes:
    name = f"zt{next(_numbers)}".encode()
    result = driver.pgconn.prepare(name, sql.encode())
    if result.status != ExecStatus.COMMAND_OK:
        raise _error(driver, result)
    return name


def _error(driver: Driver, result: Any) -> psycopg.Error:
    if driver.pgconn.status != ConnStatus.OK:
        return psycopg.OperationalError(result.get_error_message(driver.info.encoding))
    return psycopg.errors.error_from_result(result, driver.info.encoding)
