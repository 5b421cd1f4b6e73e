"""优惠券 in the back office: `campaigns` (list, edit, preview, rehearse, publish, live board), `giving` (lists of people),
`codes` (what is printed). Every page's address begins with /admin/coupons."""

from flask import Blueprint, Flask

blueprint = Blueprint("coupons_admin", __name__, url_prefix="/admin/coupons")


def register(app: Flask) -> None:
    """Called once by the factory; names the pages of the navigation (core.backoffice)."""
