"""Store codes for tests; SAMPLE data."""

from typing import Any

from app.core.security import Actor
from app.instore.models import StoreCode
from app.instore.rules import CodeDraft, Kind
from app.instore.services import codes
from app.staff.services import clock_in
from tests.booking import shop as s

NOW = s.NOW


def manager(dealer_id: int) -> Actor:
    return s.clerk(dealer_id, "manager", "李样例")


def code(who: Actor, kind: Kind = Kind.CAR, **given: Any) -> StoreCode:
    """A code of the store of `who`; a car is the shop's one trim."""
    values: dict[str, Any] = {"label": "展厅 1 号车位", "trim_slug": "s5-a", **given}
    assert who.dealer_id is not None
    return codes.make_code(who, who.dealer_id, CodeDraft(kind=kind, **values), NOW)


def on_duty(dealer_id: int, name: str = "王样例", now: Any = NOW) -> Actor:
    """Somebody who is in the store now."""
    who = s.clerk(dealer_id, "clerk", name)
    clock_in(who, 8, now)
    return who
