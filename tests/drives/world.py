"""Two stores that lend cars, some people; SAMPLE data made for tests. It is Sunday 2026-11-22, noon in Shanghai."""

import itertools
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.catalog.models import Series, Trim
from app.core.db import db, transaction
from app.core.security import Actor
from app.dealers.models import Dealer
from app.drives.models import DemoCar, DriveCell, DriveDesk, DriveEvent, TestDrive
from app.drives.services import book, cars
from tests.booking import shop as s

NOW = s.NOW
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 22)
AT = datetime.fromisoformat("2026-11-23T10:00:00+08:00")  # Monday, a slot
_keys = itertools.count(1)
KEY = "k" * 43 + "="


@dataclass(frozen=True)
class World:
    west: int
    east: int
    series: int
    trim: int
    car: int
    manager: Actor
    clerk: Actor


def build(cars: int = 1, **desk: object) -> World:
    """The western store lends `cars` cars from nine to half past five, 30 minutes each but on Tuesday (闭店)."""
    shop = s.build()
    with transaction():
        for dealer_id in (shop.west, shop.east):
            dealer = db.session.get_one(Dealer, dealer_id)
            dealer.hours = "周一-周日 09:00-17:30；2026-11-24 休；2026-11-25 10:00-12:00"
        series, trim = db.session.query(Series).one(), db.session.query(Trim).one()
        found = [add_car(shop.west, trim.id) for _ in range(cars)]
        add_car(shop.east, trim.id)
        db.session.add(DriveDesk(dealer_id=shop.west, **{"minutes": 30, **desk}))
        db.session.flush()
        car, series_id, trim_id = found[0].id if found else 0, series.id, trim.id
    return World(
        shop.west,
        shop.east,
        series_id,
        trim_id,
        car,
        s.clerk(shop.west, "manager", "管样例"),
        s.clerk(shop.west, "clerk", "店样例"),
    )


def add_car(dealer_id: int, trim_id: int, **given: object) -> DemoCar:
    values: dict[str, object] = {
        "colour": "雪山白",
        "plate_tail": "086",
        "active_from": TODAY,
        "updated_at": NOW,
        **given,
    }
    car = DemoCar(dealer_id=dealer_id, trim_id=trim_id, **values)
    db.session.add(car)
    db.session.flush()
    return car


def wish(w: World, at: datetime = AT, **given: object) -> book.Wish:
    values: dict[str, object] = {
        "dealer_id": w.west, "series_id": w.series, "at": at, "name": "周样例", "phone": "13900002086",
        "idempotency_key": f"key-{next(_keys):06d}", **given,
    }  # fmt: skip
    return book.Wish(**values)  # pyright: ignore[reportArgumentType]


def booked(w: World, who: Actor | None = None, at: datetime = AT, now: datetime = NOW, **given: object) -> str:
    return book.book(who or s.member(), wish(w, at, **given), now)


def drive(no: str) -> TestDrive:
    """The drive as it stands in the database now."""
    db.session.rollback()
    return db.session.query(TestDrive).filter_by(no=no).populate_existing().one()


def events(no: str) -> list[str]:
    return [
        event.kind for event in db.session.query(DriveEvent).filter_by(drive_id=drive(no).id).order_by(DriveEvent.id)
    ]


def cells(no: str) -> int:
    return db.session.query(DriveCell).filter_by(drive_id=drive(no).id).count()


def close(w: World, now: datetime = NOW) -> None:
    cars.close_car(w.manager, w.car, now)
