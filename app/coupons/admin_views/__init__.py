"""优惠券 in the back office: `campaigns` (list, edit, preview, rehearse, publish, live board), `giving` (lists of
people), `codes` (what is printed), `wishes`, `draws`. Every page's address begins with /admin/coupons."""

from flask import Blueprint, Flask

from app.core import backoffice

blueprint = Blueprint("coupons_admin", __name__, url_prefix="/admin/coupons")


def register(app: Flask) -> None:
    """Called once by the factory; names the pages of the navigation (core.backoffice)."""
    backoffice.register(app, "交易", "优惠券活动", "coupons_admin.list_campaigns", "campaigns")
    backoffice.register(app, "交易", "许愿", "coupons_admin.list_wishes", "wishes")
    backoffice.register(app, "交易", "夺券", "coupons_admin.list_draws", "draws")


# The pages add their routes to the blueprint above.
from app.coupons.admin_views import campaigns, codes, draws, giving, wishes  # noqa: E402, F401
