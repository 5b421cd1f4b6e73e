"""时段: when a car of a series can be driven at a store, from opening hours, closed days and what is taken."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select

from app.catalog.models import Trim
from app.core import clock
from app.core.db import db
from app.dealers import hours
from app.dealers.hours import DAYS
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.drives.models import DemoCar, DriveCell, DriveClosure
from app.drives.queries.cars import get_desk, lent_now, list_closures
from app.drives.rules import cells_of, starts_on
from app.drives.rules.slots import moment, within


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which some car of the series may be driven; `cars` are those that are free for all of it."""

    starts_at: datetime
    ends_at: datetime
    cars: tuple[int, ...]

    @property
    def left(self) -> int:
        return len(self.cars)

    @property
    def text(self) -> str:
        return f"{clock.local(self.starts_at):%H:%M}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day with how many of its slots are left; `slots` are those that are not over."""

    on: date
    text: str
    left: int
    slots: int

    @property
    def why_not(self) -> str:
        """Why it cannot be chosen: full is said only of what was booked, not of a closed day or an evening."""
        return "" if self.left else "已满" if self.slots else "不可约"


class Plan:
    """What is known of a store's cars of one series: slots of any day within what may be booked.

    `but` is a drive whose own quarter hours do not count against it (it is being moved).
    """

    def __init__(self, dealer: Dealer, series_id: int, now: datetime, *, but: int | None = None) -> None:
        self.now, self.dealer, self.desk = now, dealer, get_desk(dealer.id)
        self.today = clock.local(now).date()
        self.hours = hours.parse(dealer.hours)
        self.cars = list_lent(dealer.id, series_id, self.today) if dealer.status == DealerStatus.OPEN else []
        self.closures = list_closures(dealer.id, self.today)
        self.taken = self._list_taken(but)

    def days(self) -> list[Day]:
        """Today and the days ahead, with how many slots are left on each."""
        ahead = [self.today + timedelta(days=n) for n in range(self.desk.days_ahead + 1)]
        slots = {on: self.slots(on) for on in ahead}
        return [Day(on, day_text(on, self.today), sum(1 for s in of if s.left), len(of)) for on, of in slots.items()]

    def slots(self, on: date) -> list[Slot]:
        """Every slot of a day that is not over, full ones too; none beyond what may be booked."""
        if not 0 <= (on - self.today).days <= self.desk.days_ahead:
            return []
        found: dict[tuple[datetime, datetime], list[int]] = {}
        spans, earliest = self.hours.on(on), self.now + timedelta(minutes=self.desk.lead_minutes)
        for car in self.cars:
            if not lends(car, on, self.closures):
                continue
            length = car.minutes or self.desk.minutes
            for start in starts_on(spans, length):
                at = moment(on, start)
                until = at + timedelta(minutes=length)
                if at < earliest:
                    continue
                free = found.setdefault((at, until), [])
                if not any((car.id, cell) in self.taken for cell in cells_of(at, until)):
                    free.append(car.id)
        return [Slot(at, until, tuple(cars)) for (at, until), cars in sorted(found.items())]

    def find(self, at: datetime) -> Slot | None:
        """The slot that begins at this moment: of several lengths the one with a free car."""
        same = [slot for slot in self.slots(clock.local(at).date()) if slot.starts_at == at]
        return max(same, key=lambda slot: slot.left > 0, default=None)

    def next_free(self) -> Slot | None:
        """The earliest slot that is left."""
        for day in self.days():
            if day.left:
                return next(slot for slot in self.slots(day.on) if slot.left)
        return None

    def _list_taken(self, but: int | None) -> set[tuple[int, datetime]]:
        ids = [car.id for car in self.cars]
        rows = select(DriveCell.car_id, DriveCell.at).where(DriveCell.car_id.in_(ids), DriveCell.at >= self.now)
        if but is not None:
            rows = rows.where(DriveCell.drive_id != but)
        return {(car_id, at) for car_id, at in db.session.execute(rows)}


def list_free_slots(dealer_id: int, series_id: int, on: date, now: datetime) -> list[Slot]:
    """The slots of a day that are left for this series at this store."""
    dealer = db.session.get_one(Dealer, dealer_id)
    return [slot for slot in Plan(dealer, series_id, now).slots(on) if slot.left]


def list_lent(dealer_id: int, series_id: int, today: date, *, lock: bool = False) -> list[DemoCar]:
    """A store's cars of a series that are lent, in the order in which they are locked."""
    rows = (
        select(DemoCar)
        .where(DemoCar.dealer_id == dealer_id, *lent_now(today))
        .where(DemoCar.trim_id.in_(select(Trim.id).where(Trim.series_id == series_id)))
        .order_by(DemoCar.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(rows.with_for_update(of=DemoCar) if lock else rows))


def lends(car: DemoCar, on: date, closures: list[DriveClosure]) -> bool:
    """Whether this car is lent on that day at all."""
    if car.closed_at is not None or on < car.active_from or (car.active_until is not None and on > car.active_until):
        return False
    return not any(c.car_id in (None, car.id) and c.from_on <= on <= c.until_on for c in closures)


def why_not(car: DemoCar, dealer: Dealer, starts_at: datetime, ends_at: datetime, closures: list[DriveClosure]) -> str:
    """Why an appointment no longer stands, in words for the person; empty when it does."""
    if dealer.status != DealerStatus.OPEN:
        return "门店暂停营业"
    on = clock.local(starts_at).date()
    if not lends(car, on, closures):
        closed = next((c for c in closures if c.car_id in (None, car.id) and c.from_on <= on <= c.until_on), None)
        return (closed.reason or "当天停驾") if closed else "这台试驾车已停用"
    return "" if within(hours.parse(dealer.hours).on(on), starts_at, ends_at) else "门店当天营业时间有变"


def day_text(on: date, today: date) -> str:
    """今天, 明天, 周三 11-25."""
    name = ("今天", "明天")[(on - today).days] if 0 <= (on - today).days < 2 else f"周{DAYS[on.weekday()]}"
    return f"{name} {on.month}-{on.day}"
