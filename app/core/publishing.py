"""上架版本: one number that grows whenever something that everyone sees changes.

A cached page is good as long as the number it was made under. Bumping is part of the transaction that changes the
content, so that nobody is shown the old page once the change is committed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Integer, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, db
from app.core.db import peek as db_peek

T = TypeVar("T")

ONLY = 1
_asked: ContextVar[int | None] = ContextVar("published_version", default=None)
_lock = threading.RLock()
_remembered: WeakKeyDictionary[Engine, dict[str, tuple[int, Any]]] = WeakKeyDictionary()


class PublishedVersion(Model):
    """One row, made by the migration."""

    __tablename__ = "published_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer)


NUMBER = select(PublishedVersion.number).where(PublishedVersion.id == ONLY)  # for a statement that reads more
_PEEK = select(PublishedVersion.number).where(PublishedVersion.id == ONLY)


def bump() -> None:
    """Say that public content changes with the present transaction: prices, pictures, texts, deals, stores."""
    db.session.execute(
        update(PublishedVersion).where(PublishedVersion.id == ONLY).values(number=PublishedVersion.number + 1)
    )


def version() -> int:
    """The present number; one statement."""
    return db.session.scalars(select(PublishedVersion.number).where(PublishedVersion.id == ONLY)).one()


def peek() -> int:
    """The number that is committed now, by one statement on the bare driver: a cached page costs little more.

    Within `as_of` it is the number given there.
    """
    if (asked := _asked.get()) is not None:
        return asked
    return int(db_peek(_PEEK) or version())


@contextmanager
def as_of(number: int) -> Iterator[None]:
    """Within, `remembered` need not ask for the number again; the session must not have read anything before it."""
    token = _asked.set(number)
    try:
        yield
    finally:
        _asked.reset(token)


def remembered(name: str, load: Callable[[], T]) -> T:
    """What `load()` reads, kept in this process while the published number stands; costs at most one statement then.

    The number is asked for before anything is read, so what is kept is at least as new as it. What is loaded must be
    plain: rows that belong to no session.
    """
    kept = _remembered.setdefault(db.engine, {})
    number = _asked.get()
    number = version() if number is None else number
    found = kept.get(name)
    if found is None or found[0] != number:
        with _lock:  # After publishing a crowd asks at once; one thread reads, the others wait for it.
            found = kept.get(name)
            if found is None or found[0] != number:
                found = kept[name] = (number, load())
    return cast(T, found[1])


def remembered_one(name: str, key: Hashable, load: Callable[[], T], most: int) -> T:
    """The same for one of many: those last asked for stay, at most so many, all under one number."""
    kept: OrderedDict[Hashable, Any] = remembered(name, OrderedDict)
    with _lock:
        if key in kept:
            kept.move_to_end(key)
            return cast(T, kept[key])
    made = load()
    with _lock:
        kept[key] = made
        while len(kept) > most:
            kept.popitem(last=False)
    return made
