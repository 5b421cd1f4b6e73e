"""交易: what headquarters do about deals and bookings. `deals` the live boards, `bookings` search and corrections,
`cases` what no rule decides alone, `reviews` moderation and the dealers' honour."""

from flask import Blueprint, Flask

from app.core import backoffice

blueprint = Blueprint("booking_admin", __name__, url_prefix="/admin")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "交易", "一口价看板", "booking_admin.list_deals", "deals")
    backoffice.register(app, "交易", "预订", "booking_admin.find_bookings", "bookings")
    backoffice.register(app, "交易", "待办", "booking_admin.list_cases", "cases")
    backoffice.register(app, "交易", "评价与守约", "booking_admin.list_reviews", "reviews")


# The pages add their routes to the blueprint above.
from app.booking.admin_views import bookings, cases, deals, reviews  # noqa: E402, F401
