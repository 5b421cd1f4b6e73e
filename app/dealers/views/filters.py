"""What a list of stores is narrowed to, as its address says it: ?service=试驾&open=1&deal=…&coupon=…"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from app.dealers import narrowing
from app.dealers.narrowing import Narrowed
from app.dealers.queries import Counted
from app.dealers.rules import SERVICES

NAMES = ("service", "open", "deal", "coupon")


@dataclass(frozen=True, slots=True)
class Filters:
    """Services in the order of the workbook, open now, and offers that take part by (kind, slug)."""

    services: tuple[str, ...] = ()
    open_now: bool = False
    offers: tuple[tuple[str, str], ...] = ()

    def pairs(self) -> list[tuple[str, str]]:
        """For an address."""
        own = [("service", service) for service in self.services] + [("open", "1")] * self.open_now
        return own + list(self.offers)

    @property
    def any(self) -> bool:
        return bool(self.services or self.open_now or self.offers)

    def switched(self, service: str) -> "Filters":
        """With this service if it was not asked for, without it if it was."""
        chosen = set(self.services) ^ {service}
        return replace(self, services=tuple(word for word in SERVICES if word in chosen))


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter: switched by its address. `left` is how many stores stay with it, None where nobody counted."""

    text: str
    href: str
    on: bool
    left: int | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Offers:
    """The offers of an address: their names, the stores of all of them together, and those nobody knows."""

    found: list[tuple[str, Narrowed]] = field(default_factory=list[tuple[str, Narrowed]])
    among: frozenset[int] | None = None
    unknown: bool = False


def read(args: MultiDict[str, str]) -> Filters:
    """The filters of a request; words that mean nothing are left out."""
    given = set(args.getlist("service"))
    offers = tuple((kind, args[kind][:64]) for kind in narrowing.kinds() if args.get(kind))
    return Filters(tuple(word for word in SERVICES if word in given), args.get("open") == "1", offers)


def take_part(filters: Filters, now: datetime) -> Offers:
    """Ask the rooms that own the offers."""
    found: list[tuple[str, Narrowed]] = []
    among: frozenset[int] | None = None
    for kind, slug in filters.offers:
        offer = narrowing.find(kind, slug, now)
        if offer is None:
            continue
        found.append((kind, offer))
        if offer.ids is not None:
            among = offer.ids if among is None else among & offer.ids
    return Offers(found, among, len(found) < len(filters.offers))


def chips(
    path: str, fixed: list[tuple[str, str]], filters: Filters, offers: Offers, counted: Counted | None
) -> list[Chip]:
    """Every filter with the address that switches it; `fixed` stays in all of them."""

    def chip(text: str, wanted: Filters, on: bool, **more: Any) -> Chip:
        left = None if counted is None or on else counted.of(wanted.services, wanted.open_now)
        return Chip(text, address(path, fixed, wanted), on, left, **more)

    shown = [chip("营业中", replace(filters, open_now=not filters.open_now), filters.open_now)]
    shown += [chip(word, filters.switched(word), word in filters.services) for word in SERVICES]
    for kind, offer in offers.found:
        rest = replace(filters, offers=tuple(one for one in filters.offers if one[0] != kind))
        shown.append(chip(f"参与：{offer.name}", rest, True, label=f"不再只看参与“{offer.name}”的门店"))
    return shown


def address(path: str, fixed: list[tuple[str, str]], filters: Filters) -> str:
    query = urlencode(fixed + filters.pairs())
    return f"{path}?{query}" if query else path
