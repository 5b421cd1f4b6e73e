"""What the coupons tell the rooms below."""

from flask import Flask

from app.coupons.queries.campaigns import titles_of
from app.coupons.queries.narrowing import narrow_dealers
from app.coupons.services import draw_money, personal
from app.dealers import narrowing
from app.ledger import shown
from app.members import privacy
from app.payments import payables


def register(_app: Flask) -> None:
    """Called once by the factory: coupons follow a person, and go with them; the yuan of a draw can be paid."""
    payables.register(draw_money.KIND, draw_money.DrawPayable())
    narrowing.register("coupon", narrow_dealers)
    shown.register_titles(titles_of)
    privacy.register(
        "coupons",
        export=personal.export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        hold=personal.hold_own,
        blocks=personal.blocks,
        keeps=personal.KEEPS,
    )
