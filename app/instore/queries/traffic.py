"""客流与转化: how many came by which code, when, and what came of it. Numbers only; no row of a person is read."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import func, select

from app.core import clock
from app.core.db import db
from app.dealers.models import Dealer
from app.instore.models import FloorCall, StoreCode
from app.instore.rules import KIND_WORDS, CallKind, Kind
from app.staff.models import StaffMember
from app.visits.models import Visit, VisitCredit

SPANS = (1, 7, 30, 90)
STEPS = ("check_in", "call", "drive", "lead", "tradein", "claim", "booking")
STEP_WORDS = {
    "check_in": "签到", "call": "叫顾问", "drive": "试驾", "lead": "线索", "tradein": "置换",
    "claim": "领券", "booking": "预订",
}  # fmt: skip
LISTED = 300
_Rows = Iterable[tuple[int, Any, Any]]


@dataclass(slots=True)
class Sum:
    """What one code, or all of them, brought."""

    name: str
    kind: str = ""
    scans: int = 0
    people: int = 0
    steps: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: its words, its value, its height of a hundred."""

    label: str
    value: int
    percent: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """A store's page. `all` sums the codes; a person who used two codes counts once there.

    `consultants`: scans of their cards with what came of them, and the calls they answered.
    """

    days: int
    all: Sum
    codes: list[Sum]
    consultants: list[Sum]
    by_day: list[Bar]
    by_hour: list[Bar]


def days_of(text: str) -> int:
    """The span that was asked for; anything else is a week."""
    return int(text) if text in {str(n) for n in SPANS} else 7


def get_traffic(dealer_id: int, days: int, now: datetime) -> Traffic:
    """The last `days` days with today, in Shanghai's; eight statements."""
    today = clock.local(now).date()
    first = today - timedelta(days=days - 1)
    since = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    names = _names(dealer_id)
    sums: dict[int, Sum] = defaultdict(lambda: Sum("已删除的码"))
    sums.update(names)
    whole, per_day, per_hour = Sum("合计"), Counter[date](), Counter[int]()
    people: set[str] = set()
    by_code: dict[int, set[str]] = defaultdict(set)
    visits = select(Visit.code_id, Visit.first_ref, Visit.at).where(Visit.dealer_id == dealer_id, Visit.at >= since)
    for code_id, person, at in db.session.execute(visits):
        local = clock.local(at)
        sums[code_id].scans += 1
        per_day[local.date()] += 1
        per_hour[local.hour] += 1
        by_code[code_id].add(person)
        people.add(person)
    for code_id, step, n in [*_credits(dealer_id, since), *_calls(dealer_id, since)]:
        sums[code_id].steps[step] += n
        whole.steps[step] += n
    for code_id, persons in by_code.items():
        sums[code_id].people = len(persons)
    whole.scans, whole.people = sum(per_day.values()), len(people)
    used = [one for one in sums.values() if one.scans or one.steps]
    codes = sorted(used, key=lambda one: (-one.scans, one.name))
    each = [first + timedelta(days=n) for n in range(days)]
    return Traffic(
        days,
        whole,
        codes,
        _consultants(dealer_id, since),
        _bars([(f"{day.month}/{day.day}", per_day[day]) for day in each]),
        _bars([(f"{hour}", per_hour[hour]) for hour in range(24)]),
    )


def list_stores(days: int, now: datetime) -> list[tuple[Dealer, Sum]]:
    """Every store that was visited, most first, counted by the database."""
    since = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    sums: dict[int, Sum] = {}
    counted = select(Visit.dealer_id, func.count(), func.count(Visit.first_ref.distinct())).where(Visit.at >= since)
    for dealer_id, scans, people in db.session.execute(counted.group_by(Visit.dealer_id)):
        sums[dealer_id] = Sum("", scans=scans, people=people)
    credited = (
        select(Visit.dealer_id, VisitCredit.subject_kind, func.count())
        .join(VisitCredit, VisitCredit.last_ref == Visit.ref)
        .where(Visit.at >= since)
        .group_by(Visit.dealer_id, VisitCredit.subject_kind)
    )
    asked = select(FloorCall.dealer_id, FloorCall.kind, func.count()).where(FloorCall.created_at >= since)
    for rows in (credited, asked.group_by(FloorCall.dealer_id, FloorCall.kind)):
        for dealer_id, step, n in db.session.execute(rows):
            sums.setdefault(dealer_id, Sum("")).steps[step] += n
    dealers = db.session.scalars(select(Dealer).where(Dealer.id.in_(list(sums))))
    found = [(dealer, sums[dealer.id]) for dealer in dealers]
    return sorted(found, key=lambda pair: (-pair[1].scans, pair[0].slug))[:LISTED]


def _names(dealer_id: int) -> dict[int, Sum]:
    wanted = select(StoreCode.id, StoreCode.label, StoreCode.kind, StoreCode.retired_at)
    return {
        code_id: Sum(label + ("（已停用）" if retired else ""), KIND_WORDS[Kind(kind)])
        for code_id, label, kind, retired in db.session.execute(wanted.where(StoreCode.dealer_id == dealer_id))
    }


def _credits(dealer_id: int, since: datetime) -> list[tuple[int, str, int]]:
    """What the last touch of a scan in this store came to, wherever it was done."""
    wanted = (
        select(Visit.code_id, VisitCredit.subject_kind, func.count())
        .join(VisitCredit, VisitCredit.last_ref == Visit.ref)
        .where(Visit.dealer_id == dealer_id, Visit.at >= since)
        .group_by(Visit.code_id, VisitCredit.subject_kind)
    )
    return [(code_id, kind, n) for code_id, kind, n in db.session.execute(wanted)]


def _calls(dealer_id: int, since: datetime) -> list[tuple[int, str, int]]:
    wanted = (
        select(FloorCall.code_id, FloorCall.kind, func.count())
        .where(FloorCall.dealer_id == dealer_id, FloorCall.created_at >= since)
        .group_by(FloorCall.code_id, FloorCall.kind)
    )
    return [(code_id, CallKind(kind).value, n) for code_id, kind, n in db.session.execute(wanted)]


def _consultants(dealer_id: int, since: datetime) -> list[Sum]:
    """By person, most first; who did nothing of it is not listed."""
    sums: dict[int, Sum] = defaultdict(lambda: Sum(""))
    mine = (Visit.dealer_id == dealer_id, Visit.at >= since, Visit.staff_id.is_not(None))
    scanned = select(Visit.staff_id, func.count(), func.count(Visit.first_ref.distinct())).where(*mine)
    for staff_id, scans, people in cast(_Rows, db.session.execute(scanned.group_by(Visit.staff_id))):
        sums[staff_id].scans, sums[staff_id].people = scans, people
    credited = (
        select(Visit.staff_id, VisitCredit.subject_kind, func.count())
        .join(VisitCredit, VisitCredit.last_ref == Visit.ref)
        .where(*mine)
        .group_by(Visit.staff_id, VisitCredit.subject_kind)
    )
    answered = (
        select(FloorCall.answered_by, FloorCall.kind, func.count())
        .where(FloorCall.dealer_id == dealer_id, FloorCall.created_at >= since, FloorCall.answered_by.is_not(None))
        .group_by(FloorCall.answered_by, FloorCall.kind)
    )
    for rows in (credited, answered):
        for staff_id, step, n in cast(_Rows, db.session.execute(rows)):
            sums[staff_id].steps[step] += n
    named = select(StaffMember.id, StaffMember.name, StaffMember.left_at).where(StaffMember.id.in_(list(sums)))
    for staff_id, name, left_at in db.session.execute(named):
        sums[staff_id].name = name + ("（已离职）" if left_at else "")
    return sorted((one for one in sums.values() if one.name), key=lambda one: (-one.scans, one.name))


def _bars(values: list[tuple[str, int]]) -> list[Bar]:
    most = max((value for _, value in values), default=0) or 1
    return [Bar(label, value, round(value * 100 / most)) for label, value in values]
