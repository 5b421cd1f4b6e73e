"""What lists show of a series."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.catalog.models import Brand, Picture, Series, Trim
from app.catalog.rules import SaleStatus
from app.core import publishing
from app.core.db import db

SHOWN = (SaleStatus.ON_SALE, SaleStatus.UPCOMING)


@dataclass(frozen=True, slots=True)
class SeriesCard:
    """A series in a list: its cover, what it is, the price it starts at (None: not announced)."""

    slug: str
    name: str
    energy: str
    body_class: str
    seats: int | None
    status: str
    cover: Picture | None
    from_fen: int | None
    trim_count: int

    @property
    def tags(self) -> list[str]:
        """What stands on the card in a few words; a car that cannot be had yet says so first."""
        return [*([self.status] if self.status == SaleStatus.UPCOMING else []), self.energy, self.body_class]


def find_brand() -> Brand | None:
    """The brand this shop belongs to."""
    return db.session.scalars(
        select(Brand).where(Brand.withdrawn.is_(False)).order_by(Brand.id).limit(1).options(joinedload(Brand.logo))
    ).first()


def list_series(energy: str | None = None, body_class: str | None = None) -> list[SeriesCard]:
    """Series that are or will be on sale, in the maker's order; read once per published number."""
    cards = publishing.remembered("series_cards", _load)
    return [c for c in cards if energy in (None, "", c.energy) and body_class in (None, "", c.body_class)]


def _load() -> list[SeriesCard]:
    lowest = (
        select(Trim.series_id, func.min(Trim.msrp_fen).label("fen"), func.count().label("trims"))
        .where(Trim.status == SaleStatus.ON_SALE)
        .group_by(Trim.series_id)
        .subquery()
    )
    wanted = (
        select(Series, lowest.c.fen, lowest.c.trims)
        .outerjoin(lowest, lowest.c.series_id == Series.id)
        .where(Series.status.in_(SHOWN))
        .order_by(Series.position, Series.id)
        .options(joinedload(Series.cover))
    )
    cards = [_card(series, fen, trims or 0) for series, fen, trims in db.session.execute(wanted)]
    # Two series may share a picture; out of the session it keeps what was read.
    for cover in {id(card.cover): card.cover for card in cards if card.cover}.values():
        db.session.expunge(cover)
    return cards


def _card(series: Series, fen: int | None, trims: int) -> SeriesCard:
    return SeriesCard(
        slug=series.slug,
        name=series.name,
        energy=series.energy,
        body_class=series.body_class,
        seats=series.seats,
        status=series.status,
        cover=series.cover,
        from_fen=fen,
        trim_count=trims,
    )
