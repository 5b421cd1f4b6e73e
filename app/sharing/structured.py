"""Structured data (schema.org, JSON-LD) of the public pages, built from what their templates have at hand.

Prices are yuan strings in CNY. A car's price is the maker's guide price and is offered by the brand; a deal's price is
an offer with its end. Places are left out: stores are kept in GCJ-02, search engines read WGS-84.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, cast

from flask import current_app
from markupsafe import Markup

from app.booking.queries import DealCard
from app.booking.rules import DealPhase
from app.catalog.models import Picture
from app.catalog.pictures import HasWidths, picture_sources, share_path
from app.catalog.queries import SeriesCard, SeriesPage, list_series
from app.core.clock import local
from app.core.db import db
from app.core.money import format_yuan
from app.dealers.models import Dealer

CONTEXT: Final = "https://schema.org"
IN_STOCK, SOLD_OUT, PRE_ORDER = (f"{CONTEXT}/{word}" for word in ("InStock", "SoldOut", "PreOrder"))
Node = dict[str, Any]


def json_ld(*nodes: Node) -> Markup:
    """The data block of a page. `<`, `>` and `&` are escaped, so that no text can end it."""
    content = {"@context": CONTEXT, **nodes[0]} if len(nodes) == 1 else {"@context": CONTEXT, "@graph": list(nodes)}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(f'<script type="application/ld+json">{text}</script>')  # noqa: S704 (escaped above)


def absolute(path: str) -> str:
    """A path as the outside calls it."""
    base = str(current_app.config["SETTINGS"].public_base_url).rstrip("/")
    return f"{base}{path}"


def yuan_text(fen: int) -> str:
    """169800.00"""
    return f"{fen // 100}.{fen % 100:02d}"


def crumbs(*steps: tuple[str, str]) -> Node:
    """Where a page is: (name, path) from the home page down."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": name, "item": absolute(path)}
            for n, (name, path) in enumerate(steps, 1)
        ],
    }


def items(name: str, rows: Sequence[tuple[str, str]]) -> Node:
    """A list page: (name, path) in the order shown."""
    return {
        "@type": "ItemList",
        "name": name,
        "numberOfItems": len(rows),
        "itemListElement": [
            {"@type": "ListItem", "position": n, "name": text, "url": absolute(path)}
            for n, (text, path) in enumerate(rows, 1)
        ],
    }


def pairs(rows: Iterable[Any], prefix: str, name: str = "name") -> list[tuple[str, str]]:
    """(name, path) of rows that have a slug, for `items`."""
    return [(str(getattr(row, name)), f"{prefix}{row.slug}") for row in rows]


def site(name: str) -> Node:
    """The shop as a whole, for the home page."""
    return {
        "@type": "WebSite",
        "name": name,
        "url": absolute("/"),
        "inLanguage": "zh-CN",
        "publisher": {"@type": "Organization", "name": name, "url": absolute("/")},
        "potentialAction": {
            "@type": "SearchAction",
            "target": absolute("/search?q={q}"),
            "query-input": "required name=q",
        },
    }


def first_cover(cards: Iterable[SeriesCard]) -> Picture | None:
    """The picture that stands for a page of many cars."""
    return next((card.cover for card in cards if card.cover), None)


def house_picture() -> Picture | None:
    """What stands for a page that has no picture of its own: the first car of the house."""
    return first_cover(list_series())


def store_picture(store: Dealer) -> Picture | None:
    """A store's photo, where it has one that can be shared."""
    photo = db.session.get(Picture, store.photo_id) if store.photo_id else None
    return photo if photo and share_path(cast(HasWidths, photo)) else None


def deals_words(cards: Sequence[DealCard]) -> str:
    """What is on offer, in one line for a share card: the first three with their prices."""
    if not cards:
        return "正在进行和即将开始的一口价：价格、台数、结束时间都如实写明。"
    named = "；".join(f"{card.car_name} {format_yuan(card.price_fen)}" for card in cards[:3])
    return f"{named}{f'；共 {len(cards)} 个' if len(cards) > 3 else ''}。台数和结束时间如实写明。"


def series(page: SeriesPage) -> Node:
    """A series as a car that is a product, with the span of its guide prices."""
    car = page.series
    path = f"/series/{car.slug}"
    node: Node = {
        "@type": ["Product", "Car"],
        "@id": absolute(path),
        "sku": car.slug,
        "name": car.name,
        "url": absolute(path),
        "brand": {"@type": "Brand", "name": car.brand.name},
        "manufacturer": {"@type": "Organization", "name": car.brand.name},
        "category": car.body_class,
        "bodyType": car.body_class,
        "fuelType": car.energy,
        "description": car.intro or f"{car.brand.name} {car.name}，{car.body_class}，{car.energy}。",
    }
    if images := _images(page.picture):
        node["image"] = images
    if car.seats:
        node["vehicleSeatingCapacity"] = car.seats
    if page.trims:
        prices = [trim.msrp_fen for trim in page.trims]
        node["offers"] = {
            "@type": "AggregateOffer",
            "url": absolute(path),
            "priceCurrency": "CNY",
            "lowPrice": yuan_text(min(prices)),
            "highPrice": yuan_text(max(prices)),
            "offerCount": len(prices),
            "availability": PRE_ORDER if page.upcoming else IN_STOCK,
        }
    return node


def deal(card: DealCard, brand: str) -> Node:
    """A one-price deal as one offer for one car of a brand."""
    path = f"/deals/{card.slug}"
    availability = {DealPhase.UPCOMING: PRE_ORDER, DealPhase.RUNNING: IN_STOCK}.get(card.phase, SOLD_OUT)
    if card.phase is DealPhase.RUNNING and not card.units_left:
        availability = SOLD_OUT
    node: Node = {
        "@type": ["Product", "Car"],
        "@id": absolute(path),
        "name": card.car_name,
        "url": absolute(path),
        "description": card.title,
        "brand": {"@type": "Brand", "name": brand},
        "sku": card.slug,
        "offers": {
            "@type": "Offer",
            "url": absolute(path),
            "price": yuan_text(card.price_fen),
            "priceCurrency": "CNY",
            "availability": availability,
            "validFrom": _moment(card.starts_at),
            "priceValidUntil": local(card.ends_at).date().isoformat(),
            "itemCondition": f"{CONTEXT}/NewCondition",
        },
    }
    if card.picture:
        node["image"] = [absolute(card.picture.src)]
    return node


def dealer(store: Dealer) -> Node:
    """A store."""
    return {
        "@type": "AutoDealer",
        "@id": absolute(f"/dealers/{store.slug}"),
        "name": store.name,
        "url": absolute(f"/dealers/{store.slug}"),
        "telephone": store.phone,
        "address": {
            "@type": "PostalAddress",
            "addressCountry": "CN",
            "addressRegion": store.province,
            "addressLocality": store.city,
            "streetAddress": f"{store.district}{store.address}",
        },
    }


def _images(stored: HasWidths | None) -> list[str]:
    """A picture in the forms that everybody reads: the square, then the widest JPEG or WebP."""
    if stored is None:
        return []
    wide = picture_sources(stored, "jpg") or picture_sources(stored, "webp")
    paths = [path for path in (share_path(stored), wide[-1][1] if wide else None) if path]
    return [absolute(path) for path in paths]


def _moment(moment: datetime) -> str:
    return local(moment).isoformat(timespec="seconds")
