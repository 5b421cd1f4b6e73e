"""What a store has on today: its own prices and its activities, judged by the time at reading."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import joinedload

from app.catalog.models import Picture, Series, Trim
from app.catalog.rules import SaleStatus
from app.core.clock import say
from app.core.db import db
from app.dealers.errors import DealerNotFound
from app.dealers.models import Dealer, DealerActivity, PromoPrice
from app.dealers.rules import DealerStatus


@dataclass(frozen=True, slots=True)
class StorePrice:
    """本店今日价: the price of one trim at one store, beside the 厂商指导价 in force now, alone struck through.

    `conditions` and `reason` are part of the price: whoever shows `fen` shows them too.
    """

    id: int
    trim_id: int
    trim_slug: str
    series_slug: str
    car_name: str
    fen: int
    guide_fen: int
    starts_at: datetime
    ends_at: datetime
    conditions: str
    reason: str
    cover: Picture | None

    @property
    def saving_fen(self) -> int:
        return self.guide_fen - self.fen

    @property
    def until(self) -> str:
        """至12月31日18:00"""
        return f"至{say(self.ends_at)}"


@dataclass(frozen=True, slots=True)
class Activity:
    """门店活动 as everybody reads it."""

    id: int
    title: str
    text: str
    picture: Picture | None
    starts_at: datetime
    ends_at: datetime
    running: bool

    @property
    def window(self) -> str:
        return f"{say(self.starts_at)} – {say(self.ends_at)}"


def promo_price_of(dealer_id: int, trim_id: int, now: datetime) -> StorePrice | None:
    """This store's price of a trim today; None when it has none, pauses or closed, or the car is not on sale."""
    return next(iter(_prices(now, PromoPrice.dealer_id == dealer_id, PromoPrice.trim_id == trim_id)), None)


def list_promo_prices(dealer_id: int, now: datetime) -> list[StorePrice]:
    """Every price of this store that runs now, in the maker's order of the cars."""
    return _prices(now, PromoPrice.dealer_id == dealer_id)


def list_activities(dealer_id: int, now: datetime) -> list[Activity]:
    """What is on at this store or announced, the next to end first; nothing of a store that pauses or closed."""
    wanted = (
        select(DealerActivity)
        .join(Dealer, Dealer.id == DealerActivity.dealer_id)
        .where(
            DealerActivity.dealer_id == dealer_id,
            Dealer.status == DealerStatus.OPEN,
            DealerActivity.shown_from <= now,
            DealerActivity.ends_at > now,
            or_(DealerActivity.ended_at.is_(None), DealerActivity.ended_at > now),
        )
        .options(joinedload(DealerActivity.picture))
        .order_by(DealerActivity.ends_at, DealerActivity.id)
    )
    return [
        Activity(a.id, a.title, a.text, a.picture, a.starts_at, a.ends_at, a.starts_at <= now)
        for a in db.session.scalars(wanted)
    ]


def next_change(dealer_id: int, now: datetime) -> datetime | None:
    """When what the two lists above say changes by itself: a page that shows them is good until then."""
    promo = (PromoPrice.starts_at, PromoPrice.ends_at, PromoPrice.ended_at)
    activity = (
        DealerActivity.shown_from, DealerActivity.starts_at, DealerActivity.ends_at, DealerActivity.ended_at,
    )  # fmt: skip
    moments = [
        *_moments(select(*promo).where(PromoPrice.dealer_id == dealer_id, PromoPrice.ends_at > now)),
        *_moments(select(*activity).where(DealerActivity.dealer_id == dealer_id, DealerActivity.ends_at > now)),
    ]
    return min((moment for moment in moments if moment > now), default=None)


def _moments(statement: Select[*tuple[datetime | None, ...]]) -> Iterable[datetime]:
    return (moment for row in db.session.execute(statement) for moment in row if moment is not None)


def _prices(now: datetime, *which: ColumnElement[bool]) -> list[StorePrice]:
    wanted = (
        select(PromoPrice)
        .join(Dealer, Dealer.id == PromoPrice.dealer_id)
        .join(Trim, Trim.id == PromoPrice.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .where(
            *which,
            Dealer.status == DealerStatus.OPEN,
            Trim.status == SaleStatus.ON_SALE,
            PromoPrice.starts_at <= now,
            PromoPrice.ends_at > now,
            or_(PromoPrice.ended_at.is_(None), PromoPrice.ended_at > now),
        )
        .options(joinedload(PromoPrice.trim).joinedload(Trim.series).joinedload(Series.cover))
        .order_by(Series.position, Series.id, Trim.position, Trim.id)
    )
    return [
        StorePrice(
            p.id, p.trim_id, p.trim.slug, p.trim.series.slug, car_name(p.trim), p.fen, p.trim.msrp_fen, p.starts_at,
            p.ends_at, p.conditions, p.reason, p.trim.series.cover,
        )
        for p in db.session.scalars(wanted)
    ]  # fmt: skip


def car_name(trim: Trim) -> str:
    """岫 S5 2026款 长续航"""
    return " ".join(part for part in (trim.series.name, trim.model_year, trim.name) if part)


def get_any(slug: str) -> Dealer:
    """A store by its address, also one that closed or was taken down: what is printed stays. DealerNotFound."""
    dealer = db.session.scalar(select(Dealer).where(Dealer.slug == slug))
    if dealer is None:
        raise DealerNotFound
    return dealer
