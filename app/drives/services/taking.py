"""A car's quarter hours: taken by one drive, given back when it ends."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.core import clock
from app.core.db import changed_rows, db, execute, locks_rows, table_of
from app.core.security import Actor
from app.dealers.models import Dealer
from app.drives.errors import NoCarHere, SlotGone
from app.drives.models import AgreementText, DemoCar, DriveAnswer, DriveCell, TestDrive
from app.drives.queries.cars import car_name
from app.drives.queries.slots import Plan, Slot, list_lent
from app.drives.rules import OPEN, DriveState, cells_of
from app.drives.services.telling import tell

_CELLS = table_of(DriveCell)
_TAKE = {
    kind: make(_CELLS).on_conflict_do_nothing(index_elements=["car_id", "at"]).returning(_CELLS.c.at)
    for kind, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


def lock_slot(dealer_id: int, series_id: int, at: datetime, now: datetime, *, but: int | None = None) -> Slot:
    """The slot with its free cars, read again after the store's cars of the series are locked. NoCarHere, SlotGone.

    Whoever closes one of these cars locks it too, so what is free here stays free until the transaction ends.
    """
    if not list_lent(dealer_id, series_id, clock.local(now).date(), lock=True):
        raise NoCarHere
    dealer = db.session.get_one(Dealer, dealer_id, populate_existing=True)
    slot = Plan(dealer, series_id, now, but=but).find(at)
    if slot is None or not slot.cars:
        raise SlotGone
    return slot


def take_cells(drive_id: int, car_id: int, starts_at: datetime, ends_at: datetime) -> bool:
    """Every quarter hour of the car for this drive, or none and False: each belongs to one drive."""
    statement = _TAKE["postgresql" if locks_rows() else "sqlite"]
    for cell in cells_of(starts_at, ends_at):
        if execute(statement, {"car_id": car_id, "at": cell, "drive_id": drive_id}).scalar() is None:
            free_cells(drive_id)
            return False
    return True


def free_cells(drive_id: int) -> None:
    """Give back what a drive has taken."""
    changed_rows(delete(DriveCell).where(DriveCell.drive_id == drive_id))


def take_any(drive: TestDrive, cars: tuple[int, ...]) -> None:
    """The first of these cars that is free for the drive's time becomes its car. SlotGone."""
    for car_id in cars:
        if take_cells(drive.id, car_id, drive.starts_at, drive.ends_at):
            drive.car_id = car_id
            drive.car_name = car_name(db.session.get_one(DemoCar, car_id))
            db.session.flush()
            return
    raise SlotGone


def lock_drive(drive_id: int) -> TestDrive:
    """The drive, locked and read again."""
    return db.session.scalars(
        select(TestDrive)
        .where(TestDrive.id == drive_id)
        .with_for_update(of=TestDrive)
        .execution_options(populate_existing=True)
    ).one()


def finish(drive: TestDrive, state: DriveState, kind: str, actor: Actor, now: datetime, note: str = "") -> bool:
    """End a locked drive: quarter hours and place within the limit are free again. False when it had ended."""
    before = drive.state
    if before not in OPEN:
        return False
    values: dict[str, object] = {"state": state, "state_at": now, "slot": None}
    if state == DriveState.FINISHED:
        values["ended_at"] = drive.ended_at or now
    guarded = update(TestDrive).where(TestDrive.id == drive.id, TestDrive.state == before)
    if changed_rows(guarded.values(**values)) != 1:
        return False
    free_cells(drive.id)
    db.session.refresh(drive)
    tell(drive, kind, actor, now, note)
    return True


def first(row: AgreementText | DriveAnswer) -> bool:
    """Insert a row whose key may stand already; False if it does."""
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        return False
    return True
