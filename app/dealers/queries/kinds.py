"""The kinds of stores there are, and which of them pass a filter.

Kinds are only ever added (models.DealerKind), so what this process has read stays right while their number stands; a
kind that a new or changed store brings is seen with the next question.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select

from app.core import clock
from app.core.db import db, look
from app.dealers import hours
from app.dealers.hours import OpenState
from app.dealers.models import DealerKind
from app.dealers.queries import places
from app.dealers.rules import DealerStatus, split_services

_COUNT = select(func.count()).select_from(DealerKind)
_ALL = select(DealerKind.id, DealerKind.status, DealerKind.services, DealerKind.hours)
ANSWERS_KEPT = 64
T = TypeVar("T")


class Kind(NamedTuple):
    """What filters ask of a store."""

    status: str
    services: frozenset[str]
    hours: str


@dataclass(slots=True)
class _Known:
    count: int
    kinds: dict[int, Kind]
    passing: OrderedDict[object, frozenset[int]]
    few: OrderedDict[object, bool]


_known: WeakKeyDictionary[Engine, _Known] = WeakKeyDictionary()
_lock = Lock()


def passing(services: Collection[str], open_now: bool, now: datetime, *, known_before: bool = False) -> frozenset[int]:
    """The kinds that offer every one of these services and, if asked, are open at this moment.

    `known_before`: of those this process knows already; whoever asks so has the number told and compares (`number`).
    """
    known = (_known.get(db.engine) if known_before else None) or _read()
    wanted = frozenset(services)
    moment = clock.local(now).replace(second=0, microsecond=0) if open_now else None
    asked = (wanted, moment)
    found = known.passing.get(asked)
    if found is None:
        chosen = (i for i, kind in known.kinds.items() if wanted <= kind.services)
        found = frozenset(i for i in chosen if moment is None or is_open(known.kinds[i], moment))
        _keep(known.passing, asked, found)
    return found


def number() -> int | None:
    """How many kinds this process knows; their set is right while that is how many there are."""
    known = _known.get(db.engine)
    return known.count if known else None


def are_few(passing: frozenset[int], most: int) -> bool:
    """Whether the stores of these kinds are about so many: a hint for the way to search, no truth of this moment."""
    known = _known.get(db.engine) or _read()  # read a moment ago, for `passing`
    few = known.few.get(passing)
    if few is None:
        few = places.count(passing, most + 1) <= most
        _keep(known.few, passing, few)
    return few


def _keep(kept: OrderedDict[object, T], asked: object, answer: T) -> None:
    with _lock:
        kept[asked] = answer
        while len(kept) > ANSWERS_KEPT:
            kept.popitem(last=False)


def all_kinds() -> dict[int, Kind]:
    """Every kind by its id."""
    return _read().kinds


def is_open(kind: Kind, moment: datetime) -> bool:
    """Whether a store of this kind is open at a Shanghai wall time."""
    return state_of(kind.status, kind.hours, moment).open


def state_of(status: str, text: str, moment: datetime) -> OpenState:
    """营业中至 20:30, 明日 09:00 开门; a store that paused is not open, whatever its hours."""
    return _state_at(status, text, moment.replace(second=0, microsecond=0))


@lru_cache(maxsize=1024)
def _state_at(status: str, text: str, moment: datetime) -> OpenState:
    if status != DealerStatus.OPEN:
        return OpenState(False, "暂停营业")
    return hours.open_state(hours.parse(text), moment)


def _read() -> _Known:
    engine = db.engine
    known = _known.get(engine)
    count = cast(int, look(_COUNT, {}).scalar())
    if known is None or known.count != count:
        rows = look(_ALL, {}).rows
        kinds = {row[0]: Kind(row[1], split_services(row[2]), row[3]) for row in rows}
        known = _known[engine] = _Known(len(rows), kinds, OrderedDict(), OrderedDict())
    return known
