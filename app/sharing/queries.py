"""What the rooms below tell the outside: addresses with their dates, facts for posters."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.booking.models import OnePriceDeal
from app.booking.queries import car_name
from app.catalog.models import Brand, Picture, Series, Trim
from app.catalog.queries import SHOWN as SHOWN_SERIES
from app.catalog.queries import find_brand
from app.catalog.rules import SaleStatus
from app.core.clock import say
from app.core.db import db
from app.core.money import format_yuan
from app.core.outside import Address, PosterFacts
from app.dealers.models import Dealer
from app.dealers.rules import SHOWN as SHOWN_DEALERS

ROOTS = ("/", "/series", "/deals", "/dealers")


def list_addresses(now: datetime) -> Iterator[Address]:
    """The roots, every series that is shown, deals that are not over, stores; three statements."""
    yield from (Address(path) for path in ROOTS)
    shown = select(Series.slug, Series.updated_at).where(Series.status.in_(SHOWN_SERIES)).order_by(Series.position)
    for slug, changed_at in db.session.execute(shown):
        yield Address(f"/series/{slug}", changed_at)
    live = OnePriceDeal.withdrawn.is_(False), OnePriceDeal.ends_at > now
    for slug in db.session.scalars(select(OnePriceDeal.slug).where(*live).order_by(OnePriceDeal.ends_at)):
        yield Address(f"/deals/{slug}")
    stores = select(Dealer.slug, Dealer.updated_at).where(Dealer.status.in_(SHOWN_DEALERS)).order_by(Dealer.slug)
    for slug, changed_at in db.session.execute(stores):
        yield Address(f"/dealers/{slug}", changed_at)


def brand_name() -> str:
    """The brand's name, for what has no page around it."""
    brand: Brand | None = find_brand()
    return brand.name if brand else "展厅"


def find_series_poster(slug: str, _now: datetime) -> PosterFacts | None:
    """A series: its guide price, or that it is announced."""
    series = db.session.scalars(
        select(Series).where(Series.slug == slug, Series.status.in_(SHOWN_SERIES)).options(joinedload(Series.cover))
    ).one_or_none()
    if series is None:
        return None
    low, high = db.session.execute(
        select(func.min(Trim.msrp_fen), func.max(Trim.msrp_fen)).where(
            Trim.series_id == series.id, Trim.status == SaleStatus.ON_SALE
        )
    ).one()
    return PosterFacts(
        path=f"/series/{series.slug}",
        title=series.name,
        subtitle=f"{series.body_class} · {series.energy}",
        digest=series.cover.digest if series.cover else None,
        widths=series.cover.widths if series.cover else "",
        price_label="厂商指导价",
        price_fen=low,
        price_to_fen=high,
        note="价格与配置以上市公告为准" if series.status == SaleStatus.UPCOMING else "实际成交价以门店为准",
    )


def find_deal_poster(slug: str, now: datetime) -> PosterFacts | None:
    """A one-price deal until it ends: the price, the kind of earnest money by its own word, the end."""
    deal = db.session.scalars(
        select(OnePriceDeal)
        .where(OnePriceDeal.slug == slug, OnePriceDeal.withdrawn.is_(False), OnePriceDeal.ends_at > now)
        .options(joinedload(OnePriceDeal.trim).joinedload(Trim.series).joinedload(Series.cover))
    ).one_or_none()
    if deal is None:
        return None
    cover = deal.trim.series.cover
    return PosterFacts(
        path=f"/deals/{deal.slug}",
        title=car_name(deal.trim),
        subtitle=deal.title,
        digest=cover.digest if cover else None,
        widths=cover.widths if cover else "",
        price_label="一口价",
        price_fen=deal.price_fen,
        note=f"{deal.earnest_kind} {format_yuan(deal.earnest_fen)}，限 {deal.units_total} 台，{say(deal.ends_at)} 结束",
    )


def find_dealer_poster(slug: str, _now: datetime) -> PosterFacts | None:
    """A store: name and address, its photo when there is one."""
    dealer = db.session.scalars(
        select(Dealer).where(Dealer.slug == slug, Dealer.status.in_(SHOWN_DEALERS))
    ).one_or_none()
    if dealer is None:
        return None
    photo = db.session.get(Picture, dealer.photo_id) if dealer.photo_id else None
    town = "" if dealer.city == dealer.province else dealer.city
    return PosterFacts(
        path=f"/dealers/{dealer.slug}",
        title=dealer.name,
        subtitle=f"{dealer.province}{town}{dealer.district}{dealer.address}",
        digest=photo.digest if photo else None,
        widths=photo.widths if photo else "",
        note=f"电话 {dealer.phone}",
    )
