"""A paid booking on its way to the hand-over: made once for many tests."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.booking.services import balance, pay, progress
from app.core.security import Actor, living_code
from app.payments import payables, queries
from app.payments.models import Payment
from app.payments.services import settlement
from app.reconciliation.queries import balance as balance_of_money
from app.redemption import services
from app.redemption.rules import read_scan
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

VIN, OTHER_VIN = "LSVAA49J132047371", "1M8GDM9AXKP042788"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Road:
    """One customer, one booking, the people of its store."""

    shop: s.Shop
    customer: Actor
    no: str
    bank: Bank
    clerk: Actor
    lead: Actor

    def confirm(self, now: datetime = NOW) -> None:
        progress.confirm(self.clerk, self.no, now)

    def ready(self, now: datetime = NOW, vin: str = VIN) -> None:
        self.confirm(now)
        progress.assign_car(self.clerk, self.no, vin, now)
        progress.mark_ready(self.clerk, self.no, now)

    def order_balance(self, now: datetime = NOW) -> str:
        """Opens the cashier for the balance; the number of the order."""
        balance.open_balance_payment(self.customer, self.no, self.bank, now, app_id=APP_ID, mch_id=MCH_ID)
        return list(self.bank.orders)[-1]

    def settle(self, number: str, now: datetime = NOW) -> str:
        """The payer pays and the notice arrives."""
        self.bank.pay(number)
        return settlement.accept_notice(self.bank.notice(number, now), now)

    def hand_over(self, now: datetime = NOW, document: str = "SJ-0001", by: Actor | None = None) -> int:
        clerk = by or self.clerk
        seen = services.preview(clerk, read_scan(living_code("k", "B", self.no, now).token), now, secret="k")
        return services.redeem(clerk, seen.ticket, seen.nonce, now, secret="k", document=document).id


def paid(now: datetime = NOW, *, kind: str = "订金", **deal: object) -> Road:
    """The earnest money is here; the store has not said anything yet."""
    shop, customer, bank = s.build(kind=kind, **deal), s.member(), Bank()
    no = s.place(shop, customer, now).no
    pay.open_booking_payment(customer, no, bank, now, app_id=APP_ID, mch_id=MCH_ID)
    road = Road(shop, customer, no, bank, s.clerk(shop.west), s.clerk(shop.west, "supervisor", "赵样例"))
    assert road.settle(bank.only_order(), now) == "paid"
    return road


def refunds(no: str) -> list[tuple[str, int]]:
    """(reason, fen) of all money on its way back, earnest money and balance."""
    booking_id = s.booking(no).id
    rows = [r for kind in ("booking", "balance") for r in queries.list_refunds(kind, booking_id)]
    return [(r.reason_code, r.amount_fen) for r in rows]


def money_adds_up() -> None:
    """What came in is what went back and what is held, to the fen."""
    came, went, held = balance_of_money()
    assert came == went + held, (came, went, held)


def payment_of(number: str) -> Payment:
    row = queries.find_by_number(number)
    assert row is not None
    return row


def due(no: str, now: datetime) -> int:
    """What the payments room is told to take for the balance."""
    return payables.of("balance").amount_due(s.booking(no).id, now)
