"""The store's cars, closed days and its way of lending them, kept by its manager on the phone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select

from app.catalog.models import Trim
from app.core import audit, clock, publishing
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.services.giving import list_giveable
from app.drives.errors import CarWrong, ClosureWrong
from app.drives.models import DemoCar, DriveClosure, DriveDesk
from app.drives.queries.cars import find_headquarters
from app.drives.queries.overview import list_thanks
from app.drives.rules import LENGTHS
from app.drives.services import displaced

LONGEST_CLOSURE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class CarFacts:
    trim_id: int
    colour: str
    plate_tail: str
    minutes: int | None
    active_from: date
    active_until: date | None


@dataclass(frozen=True, slots=True)
class DeskFacts:
    minutes: int
    lead_minutes: int
    days_ahead: int
    licence_photos: bool
    thanks_slug: str
    routes: str


@retry_deadlock
def save_car(actor: Actor, car_id: int | None, facts: CarFacts, now: datetime) -> int:
    """Add a car or change one; appointments that no longer stand are told at once. NotAllowed, NotFound, CarWrong."""
    dealer_id = _store(actor)
    wrong_days = facts.active_until is not None and facts.active_until < facts.active_from
    if wrong_days or not facts.colour.strip() or not facts.plate_tail.strip() or facts.minutes not in (None, *LENGTHS):
        raise CarWrong
    with transaction() as session:
        if session.get(Trim, facts.trim_id) is None:
            raise CarWrong
        car = DemoCar(dealer_id=dealer_id) if car_id is None else _lock_car(car_id, dealer_id)
        car.trim_id, car.colour, car.plate_tail = facts.trim_id, facts.colour.strip()[:40], facts.plate_tail.strip()[:8]
        car.minutes, car.active_from, car.active_until = facts.minutes, facts.active_from, facts.active_until
        car.updated_at = now
        session.add(car)
        session.flush()
        saved = car.id
        audit.record(actor, "demo_car_saved", "demo_car", saved)
        publishing.bump()
    displaced.settle(now, dealer_id)
    return saved


@retry_deadlock
def close_car(actor: Actor, car_id: int, now: datetime) -> None:
    """This car is lent no more; who has an appointment for it is told and offered others. NotAllowed, NotFound."""
    dealer_id = _store(actor)
    with transaction():
        car = _lock_car(car_id, dealer_id)
        car.closed_at = car.closed_at or now
        car.updated_at = now
        audit.record(actor, "demo_car_closed", "demo_car", car_id)
        publishing.bump()
    displaced.settle(now, dealer_id)


@retry_deadlock
def close_days(actor: Actor, car_id: int | None, from_on: date, until_on: date, reason: str, now: datetime) -> None:
    """No drives on these days, of one car or of all. NotAllowed, NotFound, ClosureWrong."""
    dealer_id = _store(actor)
    if until_on < from_on or until_on - from_on > LONGEST_CLOSURE or until_on < clock.local(now).date():
        raise ClosureWrong
    with transaction() as session:
        for car in _lock_all(dealer_id, car_id):
            car.updated_at = now
        row = DriveClosure(
            dealer_id=dealer_id, car_id=car_id, from_on=from_on, until_on=until_on, reason=reason.strip()[:60]
        )
        session.add(row)
        session.flush()
        audit.record(actor, "drive_days_closed", "drive_closure", row.id)
    displaced.settle(now, dealer_id)


def open_days(actor: Actor, closure_id: int, now: datetime) -> None:
    """Lend on these days after all; appointments that wait stand again, and their people hear of it. NotAllowed."""
    dealer_id = _store(actor)
    with transaction():
        own = delete(DriveClosure).where(DriveClosure.id == closure_id, DriveClosure.dealer_id == dealer_id)
        if changed_rows(own) != 1:
            raise NotFound
        audit.record(actor, "drive_days_opened", "drive_closure", closure_id)
    displaced.settle(now, dealer_id)


def save_desk(actor: Actor, facts: DeskFacts, now: datetime, *, photos_allowed: bool) -> None:
    """How the store lends its cars; a coupon only of those its clerks may hand out. NotAllowed, CarWrong."""
    dealer_id = _store(actor)
    giveable = {row.slug for row in list_giveable(dealer_id, now)}
    bounds = facts.minutes in LENGTHS and 0 <= facts.lead_minutes <= 7 * 1440 and 1 <= facts.days_ahead <= 30
    if not bounds or (facts.thanks_slug and facts.thanks_slug not in giveable):
        raise CarWrong("请核对时长（30、45、60 分钟）、提前时间、可约天数（1–30）和谢礼券。")
    with transaction() as session:
        row = session.scalar(select(DriveDesk).where(DriveDesk.dealer_id == dealer_id).with_for_update())
        if row is None:
            row = DriveDesk(dealer_id=dealer_id)
            session.add(row)
        row.minutes, row.lead_minutes, row.days_ahead = facts.minutes, facts.lead_minutes, facts.days_ahead
        row.licence_photos = facts.licence_photos and photos_allowed
        row.thanks_slug, row.routes = facts.thanks_slug, facts.routes.strip()[:400]
        audit.record(actor, "drive_desk_saved", "dealer", dealer_id)
        publishing.bump()


def save_headquarters(actor: Actor, thanks_slug: str, now: datetime) -> None:
    """The coupon for stores that chose none; empty promises none. NotAllowed, CarWrong."""
    if actor.kind != "operator":
        raise NotAllowed
    if thanks_slug and thanks_slug not in dict(list_thanks(now)):
        raise CarWrong("请选择一个正在发放、全部门店可用的店员发放券。")
    with transaction() as session:
        row = find_headquarters()
        if row is None:
            row = DriveDesk(dealer_id=None)
            session.add(row)
        row.thanks_slug = thanks_slug
        audit.record(actor, "drive_thanks_saved", "drive_desk", None, slug=thanks_slug)


def _store(actor: Actor) -> int:
    if actor.kind != "staff" or actor.dealer_id is None or actor.role != "manager":
        raise NotAllowed("试驾车由本店的经销商管理员维护。")
    return actor.dealer_id


def _lock_all(dealer_id: int, car_id: int | None) -> list[DemoCar]:
    if car_id is not None:
        return [_lock_car(car_id, dealer_id)]
    rows = select(DemoCar).where(DemoCar.dealer_id == dealer_id, DemoCar.closed_at.is_(None)).order_by(DemoCar.id)
    return list(db.session.scalars(rows.with_for_update(of=DemoCar)))


def _lock_car(car_id: int, dealer_id: int) -> DemoCar:
    own = select(DemoCar).where(DemoCar.id == car_id, DemoCar.dealer_id == dealer_id)
    car = db.session.scalar(own.with_for_update(of=DemoCar).execution_options(populate_existing=True))
    if car is None:
        raise NotFound
    return car
