"""One table: every row of docs/bookings.md is the code's, and every row is walked here with money and units whole."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.booking.models import Booking
from app.booking.rules import KEEPS_UNIT, TRANSITIONS
from app.booking.rules.altering import ChangeKind, Wanted
from app.booking.services import alter, cases, change, deadlines, release, settling
from app.booking.services import pay as paying
from app.booking.services.settling import Verdict
from app.core.security import Actor
from app.gateways.pay.port import RefundStatus
from app.payments.services import settlement
from tests.booking import road
from tests.booking import shop as s
from tests.booking.road import DAY, HOUR, Road, paid
from tests.booking.shop import NOW
from tests.booking.test_corners import answer_refunds
from tests.payments.wechat_pay import Bank

pytestmark = pytest.mark.usefixtures("app")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "bookings.md"
HQ = Actor("operator", 1)
Row = tuple[str, str, str]


def table() -> list[Row]:
    """(from, action, to) of every row of the page."""
    rows = re.findall(r"^\| (\w+) \| (\w+) \| [^|]+ \| (\w+) \|$", DOCS.read_text("utf-8"), re.M)
    return [(before, action, after) for before, action, after in rows if before != "from"]


def to_east(one: Road) -> None:
    wanted = Wanted(ChangeKind.DEALER, dealer_id=one.shop.east, share=True)
    alter.apply(one.customer, one.no, wanted, alter.quote(one.customer, one.no, wanted, NOW).token, NOW)


def held() -> Road:
    shop, customer = s.build(), s.member()
    no = s.place(shop, customer).no
    return Road(shop, customer, no, Bank(), s.clerk(shop.west), s.clerk(shop.west, "supervisor"))


def pay(one: Road) -> str:
    paying.open_booking_payment(one.customer, one.no, one.bank, NOW, app_id=road.APP_ID, mch_id=road.MCH_ID)
    return one.bank.only_order()


def cancel(one: Road) -> None:
    release.cancel_booking(one.customer, one.no, one.bank, NOW)


def give_back(one: Road) -> None:
    """Headquarters ends it at the customer's wish."""
    case = cases.dispute(one.customer, one.no, "家里有急事，无法购车", NOW)
    settling.settle(HQ, case, Verdict(100_000, "同意退订", ends=True), NOW)


def forfeit(one: Road) -> None:
    case = cases.dispute(one.customer, one.no, "家里有急事，无法购车", NOW)
    settling.settle(HQ, case, Verdict(0, "未按约提车，定金不退", ends=True), NOW)


def confirmed(**deal: object) -> Road:
    one = paid(**deal)  # pyright: ignore[reportArgumentType]
    one.confirm()
    return one


def ready(**deal: object) -> Road:
    one = paid(**deal)  # pyright: ignore[reportArgumentType]
    one.ready()
    return one


def expired() -> Road:
    one = held()
    number = pay(one)
    release.expire_hold(s.booking(one.no).id, one.bank, NOW + HOUR)
    one.bank.pay_although_closed(number)
    return one


def refunding() -> Road:
    one = paid()
    cancel(one)
    return one


def end_by_dealer(one: Road, moment: datetime) -> None:
    assert deadlines.enforce(one.bank, moment) == 1


def money_comes_late(one: Road) -> None:
    settlement.accept_notice(one.bank.notice(one.bank.only_order(), NOW + HOUR), NOW + HOUR)


# How each row comes about: who stands there, and what is done.
WALKS: dict[tuple[str, str], tuple[Callable[[], Road], Callable[[Road], object]]] = {
    ("held", "pay"): (held, lambda one: one.settle(pay(one))),
    ("held", "expire"): (held, lambda one: release.expire_holds(one.bank, NOW + HOUR)),
    ("held", "cancel"): (held, cancel),
    ("deposit_paid", "confirm"): (paid, lambda one: one.confirm()),
    ("deposit_paid", "cancel"): (paid, cancel),
    ("deposit_paid", "hand_over"): (paid, lambda one: one.hand_over()),
    ("deposit_paid", "give_back"): (lambda: paid(confirm_hours=6), lambda one: end_by_dealer(one, NOW + 6 * HOUR)),
    ("confirmed", "prepare"): (confirmed, lambda one: one.ready()),
    ("confirmed", "cancel"): (confirmed, cancel),
    ("confirmed", "hand_over"): (confirmed, lambda one: one.hand_over()),
    ("confirmed", "give_back"): (lambda: confirmed(ready_days=3), lambda one: end_by_dealer(one, NOW + 3 * DAY)),
    ("confirmed", "forfeit"): (lambda: confirmed(kind="定金"), forfeit),
    ("confirmed", "reassign"): (confirmed, to_east),
    ("car_ready", "cancel"): (ready, cancel),
    ("car_ready", "hand_over"): (ready, lambda one: one.hand_over()),
    ("car_ready", "give_back"): (ready, give_back),
    ("car_ready", "forfeit"): (lambda: ready(kind="定金"), forfeit),
    ("refunding", "refund"): (refunding, lambda one: answer_refunds(RefundStatus.SUCCESS)),
    ("expired", "rescue"): (expired, money_comes_late),
}


def whole(one: Road) -> Booking:
    """Units, places within the limit and money add up; the booking as it stands."""
    s.stands(one.shop)
    road.money_adds_up()
    row = s.booking(one.no)
    assert (row.slot is not None) is (row.state in KEEPS_UNIT)
    return row


def test_the_page_is_the_codes_table() -> None:
    rows = table()
    assert len(rows) == len(set(rows)) == len(TRANSITIONS)
    assert set(rows) == {(str(before), str(action), str(after)) for (before, action), after in TRANSITIONS.items()}


@pytest.mark.parametrize(("before", "action", "after"), table())
def test_every_row_is_walked(monkeypatch: pytest.MonkeyPatch, before: str, action: str, after: str) -> None:
    """A row without a walk fails, and so does a walk that does not take its row."""
    assert (before, action) in WALKS, "nobody walks this row: write down how it comes about"
    come, deed = WALKS[before, action]
    one, taken, real = come(), list[Row](), change._set_state  # pyright: ignore[reportPrivateUsage]
    assert whole(one).state == before

    def step(booking: Any, target: str, what: change.Change, *rest: Any, **how: Any) -> bool:
        came_from = str(booking.state)
        done = real(booking, target, what, *rest, **how)  # pyright: ignore[reportArgumentType]
        if done:
            taken.append((came_from, str(what.action), str(target)))
        return done

    monkeypatch.setattr(change, "_set_state", step)
    deed(one)
    assert taken[0] == (before, action, after)
    assert whole(one).state == after


def test_no_walk_leads_past_the_table() -> None:
    assert set(WALKS) == {(before, action) for before, action, _ in table()}
