"""Tables of the dealers: `dealer` the store itself, `submissions` what a store hands in and what is published of it."""

from app.dealers.models.dealer import Dealer

__all__ = ["Dealer"]
