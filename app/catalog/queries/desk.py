"""What the back office sees of the catalog: withdrawn rows too."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app.catalog.errors import SeriesNotFound, TrimNotFound
from app.catalog.models import Colour, Picture, Series, SeriesPicture, Trim
from app.core.db import db


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """A series in the back office's list."""

    series: Series
    trims: int
    pictures: int


@dataclass(frozen=True, slots=True)
class SeriesDesk:
    """A series with all that is edited on its page."""

    series: Series
    trims: list[Trim]
    colours: list[Colour]
    gallery: list[SeriesPicture]


def list_desk() -> list[SeriesLine]:
    """Every series in the maker's order, with how many trims and gallery pictures it has."""
    trims = select(Trim.series_id, func.count().label("n")).group_by(Trim.series_id).subquery()
    views = (
        select(SeriesPicture.series_id, func.count().label("n"))
        .where(SeriesPicture.kind == "gallery")
        .group_by(SeriesPicture.series_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Series, trims.c.n, views.c.n)
        .outerjoin(trims, trims.c.series_id == Series.id)
        .outerjoin(views, views.c.series_id == Series.id)
        .order_by(Series.position, Series.id)
        .options(joinedload(Series.cover))
    )
    return [SeriesLine(series, trims or 0, views or 0) for series, trims, views in rows]


def get_desk(slug: str) -> SeriesDesk:
    """SeriesNotFound when there is none; a withdrawn one is found."""
    series = db.session.scalars(
        select(Series)
        .where(Series.slug == slug)
        .options(
            joinedload(Series.cover),
            selectinload(Series.trims),
            selectinload(Series.colours).joinedload(Colour.picture),
            selectinload(Series.gallery).joinedload(SeriesPicture.picture),
        )
    ).one_or_none()
    if series is None:
        raise SeriesNotFound
    return SeriesDesk(
        series=series,
        trims=list(series.trims),
        colours=[colour for colour in series.colours if not colour.withdrawn],
        gallery=[view for view in series.gallery if view.kind == "gallery"],
    )


def get_trim(slug: str) -> Trim:
    """A trim with its series; TrimNotFound."""
    wanted = select(Trim).where(Trim.slug == slug).options(joinedload(Trim.series))
    trim = db.session.scalars(wanted).one_or_none()
    if trim is None:
        raise TrimNotFound
    return trim


def list_pictures(text: str, offset: int, limit: int) -> list[Picture]:
    """Stored pictures whose name contains the text, by name."""
    wanted = select(Picture).order_by(Picture.name).offset(offset).limit(limit)
    if text:
        wanted = wanted.where(Picture.name.contains(text, autoescape=True))
    return list(db.session.scalars(wanted))
