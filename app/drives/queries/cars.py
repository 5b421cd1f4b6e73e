"""Which cars may be driven where."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import contains_eager

from app.catalog.models import Brand, Colour, Series, Trim
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CouponCampaign
from app.coupons.services.giving import list_giveable
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.drives.models import DemoCar, DriveClosure, DriveDesk
from app.drives.rules import DEFAULT_LENGTH

WITHDRAWN = "下架"


@dataclass(frozen=True, slots=True)
class CarLine:
    """One demonstration car as everybody sees it."""

    id: int
    series_slug: str
    series_name: str
    name: str
    colour: str
    plate_tail: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Store:
    """A store where a series can be driven."""

    dealer: Dealer
    cars: list[str]


def lent_now(today: date) -> tuple[ColumnElement[bool], ...]:
    """For a WHERE: cars that are lent today or later."""
    over = or_(DemoCar.active_until.is_(None), DemoCar.active_until >= today)
    return DemoCar.closed_at.is_(None), over


def car_name(car: DemoCar) -> str:
    """岫 S5 2026款 605 长续航版 · 雪山白."""
    trim = car.trim
    return f"{trim.series.name} {trim.model_year} {trim.name} · {car.colour}"


def list_cars_of(dealer_id: int, now: datetime) -> list[CarLine]:
    """The cars that can be seen and driven at a store."""
    rows = db.session.scalars(
        select(DemoCar)
        .join(DemoCar.trim)
        .join(Trim.series)
        .options(contains_eager(DemoCar.trim).contains_eager(Trim.series))
        .where(DemoCar.dealer_id == dealer_id, *lent_now(clock.local(now).date()), Series.status != WITHDRAWN)
        .order_by(Series.position, Trim.position, DemoCar.id)
    )
    length = get_desk(dealer_id).minutes
    return [
        CarLine(
            car.id,
            car.trim.series.slug,
            car.trim.series.name,
            f"{car.trim.model_year} {car.trim.name}",
            car.colour,
            car.plate_tail,
            car.minutes or length,
        )
        for car in rows
    ]


def list_all_cars(dealer_id: int) -> list[DemoCar]:
    """Every car of a store that was not closed for good, for who looks after them."""
    rows = select(DemoCar).where(DemoCar.dealer_id == dealer_id, DemoCar.closed_at.is_(None))
    return list(db.session.scalars(rows.order_by(DemoCar.id)))


def list_closures(dealer_id: int, today: date) -> list[DriveClosure]:
    """Closed days that are not over."""
    rows = select(DriveClosure).where(DriveClosure.dealer_id == dealer_id, DriveClosure.until_on >= today)
    return list(db.session.scalars(rows.order_by(DriveClosure.from_on, DriveClosure.id)))


def get_desk(dealer_id: int) -> DriveDesk:
    """How a store lends its cars; the house's way where it said nothing."""
    row = db.session.scalar(select(DriveDesk).where(DriveDesk.dealer_id == dealer_id))
    if row is not None:
        return row
    return DriveDesk(
        dealer_id=dealer_id,
        minutes=DEFAULT_LENGTH,
        lead_minutes=120,
        days_ahead=14,
        licence_photos=False,
        thanks_slug="",
        routes="",
    )


def find_headquarters() -> DriveDesk | None:
    """Headquarters' word on the thank-you coupon."""
    return db.session.scalar(select(DriveDesk).where(DriveDesk.dealer_id.is_(None)).limit(1))


def thanks_of(dealer_id: int, now: datetime) -> tuple[str, str]:
    """(slug, title) of the coupon that a drive at this store is thanked with; empty when none can be promised."""
    headquarters = find_headquarters()
    wanted = [get_desk(dealer_id).thanks_slug, headquarters.thanks_slug if headquarters else ""]
    if not any(wanted):
        return "", ""
    giveable = {row.slug: row.title for row in list_giveable(dealer_id, now)}
    slug = next((slug for slug in wanted if slug in giveable), "")
    return slug, giveable.get(slug, "")


def thanks_title(slug: str) -> str:
    """What a promised coupon is called."""
    if not slug:
        return ""
    return db.session.scalar(select(CouponCampaign.title).where(CouponCampaign.slug == slug)) or ""


def get_series(slug: str) -> Series:
    """A car that is on show. NotFound."""
    row = db.session.scalar(select(Series).where(Series.slug == slug, Series.status != WITHDRAWN))
    if row is None:
        raise NotFound
    return row


def list_series(dealer_id: int | None, now: datetime) -> list[Series]:
    """Cars that can be driven somewhere, or at this store."""
    lent = select(Trim.series_id).join(DemoCar, DemoCar.trim_id == Trim.id).join(Dealer, Dealer.id == DemoCar.dealer_id)
    lent = lent.where(*lent_now(clock.local(now).date()), Dealer.status == DealerStatus.OPEN)
    if dealer_id is not None:
        lent = lent.where(DemoCar.dealer_id == dealer_id)
    rows = select(Series).where(Series.id.in_(lent), Series.status != WITHDRAWN)
    return list(db.session.scalars(rows.order_by(Series.position, Series.id)))


def list_store_ids(series_id: int | None, now: datetime) -> list[int]:
    """The open stores where this car, or any, can be driven."""
    rows = select(DemoCar.dealer_id).join(Dealer).where(*lent_now(clock.local(now).date()))
    rows = rows.where(Dealer.status == DealerStatus.OPEN)
    if series_id is not None:
        rows = rows.join(Trim, Trim.id == DemoCar.trim_id).where(Trim.series_id == series_id)
    return list(db.session.scalars(rows.distinct()))


def count_cities(ids: list[int]) -> list[tuple[str, int]]:
    """Cities of these stores, most first."""
    rows = select(Dealer.city, func.count()).where(Dealer.id.in_(ids)).group_by(Dealer.city)
    return [(city, n) for city, n in db.session.execute(rows.order_by(func.count().desc(), Dealer.city))]


def list_stores(ids: list[int], series_id: int, city: str) -> list[Store]:
    """These stores in one city with their cars of this series."""
    dealers = db.session.scalars(select(Dealer).where(Dealer.id.in_(ids), Dealer.city == city).order_by(Dealer.slug))
    known = {dealer.id: Store(dealer, []) for dealer in dealers}
    rows = db.session.execute(
        select(DemoCar.dealer_id, Trim.name, DemoCar.colour)
        .join(Trim)
        .where(DemoCar.dealer_id.in_(known), Trim.series_id == series_id, DemoCar.closed_at.is_(None))
        .order_by(DemoCar.id)
    )
    for dealer_id, trim, colour in rows:
        known[dealer_id].cars.append(f"{trim} {colour}")
    return list(known.values())


def list_trims() -> list[tuple[str, str]]:
    """(id, name) of every trim that a store may have, for a choice."""
    rows = db.session.execute(
        select(Trim.id, Brand.name, Series.name, Trim.model_year, Trim.name)
        .join(Series, Series.id == Trim.series_id)
        .join(Brand)
        .where(Series.status != WITHDRAWN, Trim.status != WITHDRAWN)
        .order_by(Series.position, Trim.position)
    )
    return [(str(i), f"{series} {year} {name}") for i, _brand, series, year, name in rows]


def list_colours() -> list[str]:
    """Names of the outside colours there are, to be proposed while typing."""
    rows = db.session.scalars(select(Colour.name).where(Colour.side == "外观", Colour.withdrawn.is_(False)).distinct())
    return sorted(rows)
