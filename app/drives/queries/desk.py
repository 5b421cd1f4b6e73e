"""The store's test drives on the dealer's phone: a day's list, and one drive with its steps."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select

from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.drives.models import AgreementText, DemoCar, DriveAnswer, DriveCell, DriveSignature, TestDrive
from app.drives.queries.cars import car_name, get_desk, lent_now, thanks_title
from app.drives.queries.own import find_photo, find_signature, list_steps, mark_of, signed_text, staff_name
from app.drives.queries.slots import lends, list_closures
from app.drives.rules import OPEN, DriveState, cells_of, state_word
from app.drives.rules.slots import moment
from app.drives.rules.states import LATE, PLANS, routes_of
from app.members.models import Consent
from app.members.rules import mask_name, mask_phone
from app.visits.queries import find_consultant

CONTACT_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DeskRow:
    no: str
    time: str
    who: str
    car: str
    word: str
    state: str
    moved: int
    late: bool


@dataclass(frozen=True, slots=True)
class DeskPage:
    """One drive as the desk works on it."""

    drive: TestDrive
    word: str
    who: str
    phone: str
    plate_tail: str
    consultant: str
    brought_by: str
    steps: list[dict[str, str]]
    mark: str
    signature: DriveSignature | None
    agreement: AgreementText | None
    photo: str  # "", kept, or gone
    routes: list[str]
    thanks: str
    answer: DriveAnswer | None
    plan: str
    may_contact: bool
    may_no_show: bool


@dataclass(frozen=True, slots=True)
class FreeCar:
    id: int
    name: str
    plate_tail: str
    problem: str
    until: datetime


def list_day(dealer_id: int, on: date, now: datetime) -> list[DeskRow]:
    """The drives of a day in their order; on today also what is still being driven."""
    start = moment(on, 0)
    within_day = (TestDrive.starts_at >= start) & (TestDrive.starts_at < start + timedelta(days=1))
    rows = db.session.scalars(
        select(TestDrive)
        .where(TestDrive.dealer_id == dealer_id, TestDrive.state != DriveState.CANCELLED)
        .where(or_(within_day, TestDrive.state == DriveState.DRIVING) if on == clock.local(now).date() else within_day)
        .order_by(TestDrive.starts_at, TestDrive.id)
    )
    return [_row(drive, now) for drive in rows]


def _row(drive: TestDrive, now: datetime) -> DeskRow:
    return DeskRow(
        drive.no,
        f"{clock.local(drive.starts_at):%H:%M}",
        mask_name(drive.contact_name),
        drive.car_name,
        state_word(drive.state, drive.displaced_at),
        drive.state,
        drive.moved,
        drive.state == DriveState.BOOKED and now > drive.starts_at + LATE,
    )


def count_today(dealer_id: int, now: datetime) -> tuple[int, int]:
    """Drives of today that are still to come, and those that are done."""
    rows = list_day(dealer_id, clock.local(now).date(), now)
    return sum(row.state in OPEN for row in rows), sum(row.state == DriveState.FINISHED for row in rows)


def find_of_store(no: str, dealer_id: int) -> TestDrive | None:
    return db.session.scalar(select(TestDrive).where(TestDrive.no == no, TestDrive.dealer_id == dealer_id))


def get_of_store(no: str, dealer_id: int) -> TestDrive:
    """A drive of this store; NotFound for another's."""
    drive = find_of_store(no, dealer_id)
    if drive is None:
        raise NotFound
    return drive


def get_desk_page(no: str, dealer_id: int, now: datetime) -> DeskPage:
    """One drive of the store. NotFound."""
    drive = get_of_store(no, dealer_id)
    signature, photo = find_signature(drive.id), find_photo(drive.id)
    answer = db.session.get(DriveAnswer, drive.id)
    kept = photo is not None and photo.content is not None
    return DeskPage(
        drive=drive,
        word=state_word(drive.state, drive.displaced_at),
        who=mask_name(drive.contact_name),
        phone=mask_phone(drive.contact_phone) if drive.contact_phone else "",
        plate_tail=drive.car.plate_tail,
        consultant=staff_name(drive.staff_id),
        brought_by=staff_name(find_consultant("drive", drive.id, dealer_id)),
        steps=list_steps(drive),
        mark=mark_of(drive, photo),
        signature=signature,
        agreement=signed_text(signature) if signature else None,
        photo="kept" if kept else "gone" if photo else "",
        routes=routes_of(get_desk(dealer_id).routes),
        thanks=thanks_title(drive.thanks_slug),
        answer=answer,
        plan=PLANS[answer.plan] if answer else "",
        may_contact=may_contact(drive, now),
        may_no_show=drive.state == DriveState.BOOKED and now > drive.starts_at + LATE,
    )


def may_contact(drive: TestDrive, now: datetime) -> bool:
    """Whether the store needs name and number, and the person still lets it have them."""
    fresh = drive.state in OPEN or now < drive.state_at + CONTACT_AFTER
    return fresh and bool(drive.contact_name) and not took_back_sharing(drive)


def took_back_sharing(drive: TestDrive) -> bool:
    """Whether the person took back that this store may have name and number for this drive."""
    if drive.member_id is None:
        return False
    given = select(Consent.id).where(
        Consent.member_id == drive.member_id,
        Consent.purpose == "share_with_dealer",
        Consent.subject == drive.dealer.slug,
        Consent.reference == drive.no,
    )
    standing, ever = given.where(Consent.withdrawn_at.is_(None)), given.where(Consent.withdrawn_at.is_not(None))
    return db.session.scalar(standing.limit(1)) is None and db.session.scalar(ever.limit(1)) is not None


def list_free_cars(dealer_id: int, now: datetime) -> list[FreeCar]:
    """The store's cars for somebody who stands there now: free for a whole drive, or why not."""
    today, desk = clock.local(now).date(), get_desk(dealer_id)
    closures = list_closures(dealer_id, today)
    cars = db.session.scalars(
        select(DemoCar).where(DemoCar.dealer_id == dealer_id, *lent_now(today)).order_by(DemoCar.id)
    )
    found: list[FreeCar] = []
    for car in cars:
        until = now + timedelta(minutes=car.minutes or desk.minutes)
        taken = select(DriveCell.at).where(DriveCell.car_id == car.id, DriveCell.at.in_(cells_of(now, until)))
        first = db.session.scalar(taken.order_by(DriveCell.at).limit(1))
        problem = "今天停驾" if not lends(car, today, closures) else ""
        if not problem and first is not None:
            problem = f"{clock.local(first):%H:%M} 有预约" if first > now else "正在使用"
        found.append(FreeCar(car.id, car_name(car), car.plate_tail, problem, until))
    return found
