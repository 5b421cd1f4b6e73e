"""One turn of a sweep: every row gets its chance, whatever becomes of the others."""

from collections.abc import Callable, Iterable

import structlog

from app.core.db import db
from app.core.errors import ConfigError, GatewayError

log = structlog.get_logger(__name__)


def each(name: str, ids: Iterable[int], act: Callable[[int], bool], later: Callable[[int], object]) -> int:
    """How many rows `act` moved. A row that fails is put off with `later` and stops nobody.

    A provider that cannot be reached ends the turn: the rest would only wait for the same silence, one by one.
    """
    moved = 0
    for row_id in ids:
        try:
            moved += act(row_id)
        except GatewayError as exc:
            log.warning("sweep_row_unanswered", sweep=name, row_id=row_id, provider_error=exc.code)
            _put_off(name, row_id, later)
            if exc.retryable:
                break
        except ConfigError:
            raise
        except Exception:
            log.exception("sweep_row_failed", sweep=name, row_id=row_id)
            _put_off(name, row_id, later)
    return moved


def _put_off(name: str, row_id: int, later: Callable[[int], object]) -> None:
    db.session.rollback()
    try:
        later(row_id)
    except Exception:
        db.session.rollback()
        log.exception("sweep_row_not_put_off", sweep=name, row_id=row_id)
