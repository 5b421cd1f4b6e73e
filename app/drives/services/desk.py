"""At the desk: somebody arrives, shows the licence, drives off and comes back; or did not come."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.core import audit, clock, ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import DomainError, NotAllowed, NotFound
from app.core.security import Actor
from app.drives.errors import (
    AgreementFirst,
    CarBusy,
    CarClosed,
    ContactClosed,
    DriveOver,
    LicenceFirst,
    NotArrived,
    NotDriving,
    NotToday,
    RouteUnknown,
    TooEarly,
)
from app.drives.models import DemoCar, TestDrive
from app.drives.queries.cars import car_name, get_desk, list_closures, thanks_of
from app.drives.queries.desk import find_of_store, get_of_store, may_contact
from app.drives.queries.own import find_signature, get_own
from app.drives.queries.slots import lends
from app.drives.rules import DriveState
from app.drives.rules.states import LATE, routes_of
from app.drives.services.taking import finish, lock_drive, take_cells
from app.drives.services.telling import tell
from app.members.services import hold_member
from app.visits.rules import Touch
from app.visits.services import credit


@retry_deadlock
def arrive(actor: Actor, no: str, now: datetime) -> None:
    """The customer is here, on the day of the appointment; twice is as good as once. NotFound, NotToday, DriveOver."""
    with transaction():
        drive = _lock(actor, no)
        if drive.state == DriveState.ARRIVED:
            return
        if drive.state != DriveState.BOOKED:
            raise DriveOver
        if clock.local(drive.starts_at).date() != clock.local(now).date():
            raise NotToday(f"这是{clock.say(drive.starts_at)}的预约，到那天才能签到；今天试驾请用“现场登记”。")
        _step(drive, DriveState.ARRIVED, "arrived", actor, now, arrived_at=now, staff_id=actor.id, displaced_at=None)


@retry_deadlock
def see_licence(actor: Actor, no: str, now: datetime) -> None:
    """The original was looked at: kept as a tick with a time, nothing that was on it. NotFound, NotArrived."""
    with transaction():
        drive = _lock(actor, no)
        if drive.licence_seen_at is not None:
            return
        if drive.state != DriveState.ARRIVED:
            raise NotArrived
        drive.licence_seen_at = now
        tell(drive, "licence_seen", actor, now)
        audit.record(actor, "drive_licence_seen", "drive", drive.id)


@retry_deadlock
def start(actor: Actor, no: str, route: str, now: datetime) -> None:
    """Off they go: licence seen, agreement signed, route chosen. NotFound, NotArrived, LicenceFirst, AgreementFirst,
    RouteUnknown."""
    with transaction():
        drive = _lock(actor, no)
        if drive.state == DriveState.DRIVING:
            return
        if drive.state != DriveState.ARRIVED:
            raise NotArrived
        if drive.licence_seen_at is None:
            raise LicenceFirst
        if find_signature(drive.id) is None:
            raise AgreementFirst
        if route not in routes_of(get_desk(drive.dealer_id).routes):
            raise RouteUnknown
        facts = {"started_at": now, "route": route, "staff_id": actor.id}
        _step(drive, DriveState.DRIVING, "started", actor, now, note=route, **facts)


@retry_deadlock
def end(actor: Actor, no: str, now: datetime) -> None:
    """Back again: the car is free from now on, and three questions wait. NotFound, NotDriving."""
    with transaction():
        drive = _lock(actor, no)
        if drive.state == DriveState.FINISHED:
            return
        if drive.state != DriveState.DRIVING:
            raise NotDriving
        finish(drive, DriveState.FINISHED, "ended", actor, now, "欢迎回答三个问题，帮后面的客户了解车和门店")
        audit.record(actor, "drive_ended", "drive", drive.id)


@retry_deadlock
def mark_no_show(actor: Actor, no: str, now: datetime) -> None:
    """Nobody came, a quarter of an hour after the time. NotFound, DriveOver, TooEarly."""
    with transaction():
        drive = _lock(actor, no)
        if drive.state == DriveState.NO_SHOW:
            return
        if drive.state != DriveState.BOOKED:
            raise DriveOver
        if now <= drive.starts_at + LATE:
            raise TooEarly
        finish(drive, DriveState.NO_SHOW, "no_show", actor, now, "没有等到您，想试驾可以重新预约")
        audit.record(actor, "drive_no_show", "drive", drive.id)


@retry_deadlock
def walk_in(actor: Actor, car_id: int, name: str, now: datetime) -> str:
    """Somebody who stands there without an appointment, with no more than a name; the drive's number.

    NotAllowed, NotFound, CarClosed, CarBusy.
    """
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    thanks, _ = thanks_of(actor.dealer_id, now)
    with transaction() as session:
        own = select(DemoCar).where(DemoCar.id == car_id, DemoCar.dealer_id == actor.dealer_id)
        car = session.scalar(own.with_for_update(of=DemoCar).execution_options(populate_existing=True))
        if car is None:
            raise NotFound
        today = clock.local(now).date()
        if not lends(car, today, list_closures(car.dealer_id, today)):
            raise CarClosed
        drive = TestDrive(
            no=ids.number("T", now),
            dealer_id=car.dealer_id,
            car_id=car.id,
            series_id=car.trim.series_id,
            car_name=car_name(car),
            starts_at=now,
            ends_at=now + timedelta(minutes=car.minutes or get_desk(car.dealer_id).minutes),
            state=DriveState.ARRIVED,
            state_at=now,
            arrived_at=now,
            staff_id=actor.id,
            walk_in=True,
            contact_name=name.strip()[:40],
            thanks_slug=thanks,
            created_at=now,
        )
        session.add(drive)
        session.flush()
        if not take_cells(drive.id, car.id, drive.starts_at, drive.ends_at):
            raise CarBusy
        tell(drive, "walk_in", actor, now)
        audit.record(actor, "drive_walk_in", "drive", drive.id, car_id=car.id)
        return drive.no


def choose_route(actor: Actor, no: str, route: str, now: datetime) -> None:
    """The customer's own choice, which the desk confirms at the start. NotFound, DriveOver, RouteUnknown."""
    known = get_own(no, actor.id or 0)
    drive_id, routes = known.id, routes_of(get_desk(known.dealer_id).routes)
    if route not in routes:
        raise RouteUnknown
    with transaction():
        mine = update(TestDrive).where(TestDrive.id == drive_id, TestDrive.member_id == actor.id)
        waits = mine.where(TestDrive.state.in_((DriveState.BOOKED, DriveState.ARRIVED)))
        if changed_rows(waits.values(route=route)) != 1:
            raise DriveOver


def join(actor: Actor, no: str, now: datetime, *, touch: Touch | None = None) -> None:
    """A walk-in becomes the drive of whoever scanned the code on the clerk's screen; the first one. NotFound.

    `touch` is credited with it: at the desk nobody's browser was there.
    """
    free = update(TestDrive).where(
        TestDrive.no == no,
        TestDrive.member_id.is_(None),
        TestDrive.walk_in,
        TestDrive.state_at > now - timedelta(days=1),
    )
    with transaction():
        drive = db.session.scalar(select(TestDrive).where(TestDrive.no == no))
        if drive is None or actor.kind != "member" or actor.id is None or drive.member_id not in (None, actor.id):
            raise NotFound
        if drive.member_id == actor.id:
            return
        hold_member(actor.id)
        if changed_rows(free.values(member_id=actor.id)) != 1:
            raise NotFound
        db.session.refresh(drive)
        credit(touch, "drive", drive.id, drive.dealer_id, now)
        tell(drive, "joined", actor, now)
        audit.record(actor, "drive_joined", "drive", drive.id)


def open_contact(actor: Actor, no: str, now: datetime) -> tuple[str, str]:
    """Name and number in full, with an entry in the trail. NotFound, ContactClosed."""
    with transaction():
        drive = _lock(actor, no)
        if not may_contact(drive, now):
            raise ContactClosed
        audit.record(actor, "drive_contact_opened", "drive", drive.id)
        return drive.contact_name, drive.contact_phone


def _lock(actor: Actor, no: str) -> TestDrive:
    """A drive of the actor's own store, locked. NotAllowed, NotFound."""
    if actor.kind != "staff" or actor.dealer_id is None:
        raise NotAllowed
    drive = lock_drive(get_of_store(no, actor.dealer_id).id)
    if drive.dealer_id != actor.dealer_id or find_of_store(no, actor.dealer_id) is None:
        raise NotFound
    return drive


def _step(
    drive: TestDrive, after: DriveState, kind: str, actor: Actor, now: datetime, *, note: str = "", **facts: object
) -> None:
    """One step forward of a locked drive; the guard on the state makes it happen once."""
    before = drive.state
    mine = update(TestDrive).where(TestDrive.id == drive.id, TestDrive.state == before)
    if changed_rows(mine.values(state=after, state_at=now, **facts)) != 1:
        raise DomainError
    db.session.refresh(drive)
    tell(drive, kind, actor, now, note)
    audit.record(actor, f"drive_{kind}", "drive", drive.id)
