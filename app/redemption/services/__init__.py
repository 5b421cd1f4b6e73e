"""At the counter: preview says who, what and whether; confirm redeems once; undo takes it back.

What can be redeemed are `subjects`: bookings and coupons behind one protocol.
"""

from app.redemption.services.confirm import Redeemed, redeem
from app.redemption.services.look import Preview, look_again, preview, value_now
from app.redemption.services.take_back import undo, undo_late

__all__ = ["Preview", "Redeemed", "look_again", "preview", "redeem", "undo", "undo_late", "value_now"]
