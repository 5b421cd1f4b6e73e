"""What the shop says to the outside: addresses for search engines, facts for a poster.

A room registers what it has; the room `sharing` reads all of it and need not know who there is. A source is called
inside a request, with the database at hand.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app


@dataclass(frozen=True, slots=True)
class Address:
    """A public page worth finding: its path and when its content last changed, where that is known."""

    path: str
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PosterFacts:
    """What a poster says: `digest` names a stored picture; no price, no price line."""

    path: str
    title: str
    subtitle: str
    digest: str | None
    widths: str
    price_label: str = ""
    price_fen: int | None = None
    price_to_fen: int | None = None
    note: str = ""


Addresses = Callable[[datetime], Iterable[Address]]
PosterSource = Callable[[str, datetime], PosterFacts | None]


def register_addresses(app: Flask, source: Addresses) -> None:
    """Name pages for the sitemap; called by a room's `register(app)`."""
    app.extensions.setdefault("outside_addresses", []).append(source)


def register_poster(app: Flask, kind: str, source: PosterSource) -> None:
    """Offer posters at `/share/poster/<kind>/<slug>`; the source says None for what is not shown."""
    app.extensions.setdefault("outside_posters", {})[kind] = source


def addresses(now: datetime) -> list[Address]:
    """Every public page, in the order of the rooms."""
    sources: list[Addresses] = current_app.extensions.get("outside_addresses", [])
    return [address for source in sources for address in source(now)]


def poster_facts(kind: str, slug: str, now: datetime) -> PosterFacts | None:
    """The facts of one poster; None for an unknown kind or page."""
    sources: dict[str, PosterSource] = current_app.extensions.get("outside_posters", {})
    source = sources.get(kind)
    return source(slug, now) if source else None
