"""Tables of the dealers: `dealer` the store itself, `submissions` what a store hands in and what is published of it."""

from app.dealers.models.dealer import Dealer
from app.dealers.models.kinds import DealerKind
from app.dealers.models.submissions import DealerActivity, PromoPrice, Submission

__all__ = ["Dealer", "DealerActivity", "DealerKind", "PromoPrice", "Submission"]
