"""Many people at once: threads with their own sessions, let go at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from flask import Flask

from app.core.db import db

T = TypeVar("T")


def at_once(app: Flask, works: list[Callable[[], T]]) -> list[T | Exception]:
    """Run all of them side by side; an exception is an outcome like any other."""
    gate = threading.Barrier(len(works))

    def one(work: Callable[[], T]) -> T | Exception:
        with app.app_context():
            gate.wait(timeout=30)
            try:
                return work()
            except Exception as exc:
                return exc
            finally:
                db.session.remove()

    db.session.remove()
    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def wins(outcomes: list[T | Exception]) -> list[T]:
    """The outcomes that are no refusals."""
    return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


def refusals(outcomes: list[T | Exception]) -> set[str]:
    """The kinds of refusals that came."""
    return {type(outcome).__name__ for outcome in outcomes if isinstance(outcome, Exception)}
