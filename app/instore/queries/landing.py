"""What a scanned code shows: one statement for code, store and car, one for the facts, one for the price."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from app.catalog.models import Brand, Colour, Picture, Series, SpecItem, Trim
from app.catalog.pricing import PricePeriod
from app.catalog.queries import prices as ledger
from app.catalog.queries.cards import SeriesCard, list_series
from app.catalog.queries.parts import Shot
from app.catalog.rules import KEY_SPECS, ColourSide, SaleStatus, key_specs
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CouponCampaign
from app.dealers.models import Dealer
from app.dealers.queries.store import StorePrice, promo_price_of
from app.dealers.rules import SHOWN
from app.instore.models import StoreCode
from app.instore.queries.keys import read_code
from app.instore.rules import Kind, Stock
from app.staff.models import StaffMember

SIMILAR = 3
FACT_NAMES = [name for _, names in KEY_SPECS for name in names]
_cover, _paint = aliased(Picture), aliased(Picture)


def _shot(picture: type[Picture]) -> tuple[object, ...]:
    return picture.digest, picture.widths, picture.forms, picture.width, picture.height


_CODE = (
    select(StoreCode, Dealer, Trim, Series, StaffMember.name, StaffMember.left_at, CouponCampaign.slug,
           CouponCampaign.title, Brand.name, *_shot(_cover), *_shot(_paint))
    .join(Dealer, Dealer.id == StoreCode.dealer_id)
    .outerjoin(Trim, Trim.id == StoreCode.trim_id)
    .outerjoin(Series, Series.id == Trim.series_id)
    .outerjoin(Brand, Brand.id == Series.brand_id)
    .outerjoin(_cover, _cover.id == Series.cover_id)
    .outerjoin(
        Colour,
        and_(Colour.series_id == Series.id, Colour.side == ColourSide.EXTERIOR, Colour.name == StoreCode.colour),
    )
    .outerjoin(_paint, _paint.id == Colour.picture_id)
    .outerjoin(StaffMember, StaffMember.id == StoreCode.staff_id)
    .outerjoin(CouponCampaign, CouponCampaign.id == StoreCode.campaign_id)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stand:
    """One code with what it stands on: read for every page and action of it."""

    code: StoreCode
    dealer: Dealer
    trim: Trim | None
    series: Series | None
    consultant: str
    campaign_slug: str
    campaign_title: str
    brand: str
    picture: Shot | None

    @property
    def kind(self) -> Kind:
        return Kind(self.code.kind)

    @property
    def shown(self) -> bool:
        """Whether the store is one that shoppers may go to."""
        return self.dealer.status in SHOWN

    @property
    def retired(self) -> bool:
        return self.code.retired_at is not None

    @property
    def sold(self) -> bool:
        return self.kind is Kind.CAR and self.code.stock == Stock.SOLD

    @property
    def on_sale(self) -> bool:
        return self.trim is not None and self.trim.status == SaleStatus.ON_SALE

    @property
    def car_name(self) -> str:
        """岫 S5 2026款 长续航"""
        if self.trim is None or self.series is None:
            return ""
        return " ".join(part for part in (self.series.name, self.trim.model_year, self.trim.name) if part)


@dataclass(frozen=True, slots=True)
class Landing:
    """The page of a code. `price` is this store's today, None where the guide price is what there is."""

    stand: Stand
    facts: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    price: StorePrice | None = None
    similar: list[SeriesCard] = field(default_factory=list[SeriesCard])
    here: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


@dataclass(frozen=True, slots=True)
class DisplayCar:
    """A car that stands in a store: the code on it, what it is, where it stands, whether it can be had."""

    code: str
    name: str
    colour: str
    place: str
    stock: Stock


def find_stand(text: str) -> Stand | None:
    """The code by what was scanned or typed; the signature is checked before the table is asked."""
    code = read_code(text)
    return _one(StoreCode.code == code) if code is not None else None


def get_stand(text: str) -> Stand:
    """The same. NotFound, whatever is wrong with it."""
    stand = find_stand(text)
    if stand is None:
        raise NotFound
    return stand


def get_stand_of(code_id: int, dealer_id: int | None = None) -> Stand:
    """By its number, of this store if one is said. NotFound."""
    stand = _one(StoreCode.id == code_id)
    if stand is None or dealer_id not in (None, stand.dealer.id):
        raise NotFound
    return stand


def _one(which: ColumnElement[bool]) -> Stand | None:
    row: Any = db.session.execute(_CODE.where(which)).first()
    if row is None:
        return None
    code, dealer, trim, series, name, left_at, slug, title, brand = row[:9]
    cover, painted = row[9:14], row[14:19]
    shot = next((Shot(*columns) for columns in (painted, cover) if columns[0] is not None), None)
    return Stand(
        code, dealer, trim, series, name if name and left_at is None else "", slug or "", title or "", brand or "", shot
    )


def get_landing(text: str, now: datetime) -> Landing:
    """The page of a code: at most four statements with the published number. NotFound."""
    stand = get_stand(text)
    if stand.trim is None or stand.series is None or stand.retired or not stand.shown:
        return Landing(stand)
    if stand.sold:
        return Landing(stand, similar=_similar(stand.series), here=_others_here(stand))
    price = promo_price_of(stand.dealer.id, stand.trim.id, now) if stand.on_sale else None
    return Landing(stand, facts=_facts(stand.trim.id), price=price)


def _facts(trim_id: int) -> list[tuple[str, str, str]]:
    """The first three of the facts a shopper asks for, as (label, value, unit)."""
    wanted = select(SpecItem.name, SpecItem.value, SpecItem.unit).where(
        SpecItem.trim_id == trim_id, SpecItem.name.in_(FACT_NAMES)
    )
    return key_specs({name: (value, unit) for name, value, unit in db.session.execute(wanted)})


def _similar(series: Series) -> list[SeriesCard]:
    """The series itself first, then those of its class, then of its energy; one statement and none when warm."""
    cards = [card for card in list_series() if card.from_fen is not None]
    ranked = sorted(
        cards,
        key=lambda card: (
            card.slug != series.slug,
            card.body_class != series.body_class,
            card.energy != series.energy,
        ),
    )
    return ranked[:SIMILAR]


def _others_here(stand: Stand) -> list[tuple[str, str, str]]:
    """Other cars that stand in this store: code, what it is, where it stands."""
    wanted = _standing(stand.dealer.id).where(StoreCode.id != stand.code.id)
    wanted = wanted.order_by(Series.id != (stand.series.id if stand.series else 0), StoreCode.id).limit(6)
    return [(code, " ".join(p for p in words if p), label) for code, label, _, *words in db.session.execute(wanted)]


def list_display_cars(dealer_id: int) -> list[DisplayCar]:
    """展车 of a store that are not sold, with their codes' pages."""
    rows = db.session.execute(_standing(dealer_id).order_by(Series.position, Series.id, StoreCode.id).limit(30))
    return [
        DisplayCar(code, " ".join(p for p in (series, trim) if p), colour, label, Stock(stock))
        for code, label, stock, series, trim, colour in rows
    ]


def _standing(dealer_id: int) -> Select[str, str, str, str, str, str]:
    return (
        select(StoreCode.code, StoreCode.label, StoreCode.stock, Series.name, Trim.name, StoreCode.colour)
        .join(Trim, Trim.id == StoreCode.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(
            StoreCode.dealer_id == dealer_id,
            StoreCode.kind == Kind.CAR,
            StoreCode.retired_at.is_(None),
            StoreCode.stock != Stock.SOLD,
        )
    )


def count_ready(dealer_ids: Sequence[int]) -> dict[int, int]:
    """How many cars with a code of their own can be bought at once in each of these stores; none: absent."""
    rows = db.session.execute(
        select(StoreCode.dealer_id, func.count())
        .where(
            StoreCode.dealer_id.in_(dealer_ids),
            StoreCode.kind == Kind.CAR,
            StoreCode.retired_at.is_(None),
            StoreCode.stock == Stock.READY,
        )
        .group_by(StoreCode.dealer_id)
    )
    return {row[0]: row[1] for row in rows}


def list_prices(stand: Stand) -> list[PricePeriod]:
    """价格走势 of the car: the guide price and every published offer, newest first."""
    return ledger.price_history(stand.trim.id)[::-1] if stand.trim is not None else []
