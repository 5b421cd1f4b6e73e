"""What the bookings tell the rooms below."""

from flask import Flask

from app.booking import queries
from app.booking.queries.narrowing import narrow_dealers
from app.booking.queries.queue import export_places
from app.booking.rules import KIND
from app.booking.rules.promises import BALANCE
from app.booking.services import personal, queue
from app.booking.services.balance import BalancePayable
from app.booking.services.pay import BookingPayable
from app.dealers import narrowing
from app.members import privacy
from app.payments import payables


def register(_app: Flask) -> None:
    """Called once by the factory: earnest money and balances can be paid; bookings hold a name and a phone number."""
    payables.register(KIND, BookingPayable())
    payables.register(BALANCE, BalancePayable())
    narrowing.register("deal", narrow_dealers)
    privacy.register(
        "booking",
        export=queries.export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        blocks=personal.blocks,
        hold=personal.hold_deals,
        keeps=personal.KEEPS,
    )
    privacy.register("queue", export=export_places, erase=queue.forget_member, reassign=personal.reassign_places)
