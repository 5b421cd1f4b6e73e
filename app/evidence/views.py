"""存证包 for the two sides: the customer's own, and a store's with the customer masked."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, url_for

from app.core import clock
from app.core.errors import NotAllowed
from app.core.htmx import render
from app.core.security import access
from app.core.web import actor
from app.evidence import files
from app.evidence.queries.packs import Wanted, booking_pack, coupon_pack
from app.evidence.rules import Pack

blueprint = Blueprint("evidence", __name__)


@blueprint.get("/me/bookings/<no>/dispute-pack")
@access("member")
def show_own_booking(no: str) -> Response:
    pack = booking_pack(no, _mine(), clock.now())
    return _page(pack, "own", url_for("evidence.download_own_booking", no=no), url_for("booking.show_booking", no=no))


@blueprint.get("/me/bookings/<no>/dispute-pack.zip")
@access("member")
def download_own_booking(no: str) -> Response:
    return _zip(booking_pack(no, _mine(), clock.now()))


@blueprint.get("/me/coupons/<code>/dispute-pack")
@access("member")
def show_own_coupon(code: str) -> Response:
    pack = coupon_pack(code, _mine(), clock.now())
    return _page(pack, "own", url_for("evidence.download_own_coupon", code=code), f"/me/coupons/{pack.number}")


@blueprint.get("/me/coupons/<code>/dispute-pack.zip")
@access("member")
def download_own_coupon(code: str) -> Response:
    return _zip(coupon_pack(code, _mine(), clock.now()))


@blueprint.get("/staff/bookings/<no>/dispute-pack")
@access("staff")
def show_store_booking(no: str) -> Response:
    pack = booking_pack(no, _ours(), clock.now())
    back = url_for("booking.show_store_booking", no=no)
    return _page(pack, "staff", url_for("evidence.download_store_booking", no=no), back)


@blueprint.get("/staff/bookings/<no>/dispute-pack.zip")
@access("staff")
def download_store_booking(no: str) -> Response:
    return _zip(booking_pack(no, _ours(), clock.now()))


@blueprint.get("/staff/coupons/<code>/dispute-pack")
@access("staff")
def show_store_coupon(code: str) -> Response:
    pack = coupon_pack(code, _ours(), clock.now())
    return _page(pack, "staff", url_for("evidence.download_store_coupon", code=code), "/staff/redemptions")


@blueprint.get("/staff/coupons/<code>/dispute-pack.zip")
@access("staff")
def download_store_coupon(code: str) -> Response:
    return _zip(coupon_pack(code, _ours(), clock.now()))


def _mine() -> Wanted:
    return Wanted(member_id=g.member.id)


def _ours() -> Wanted:
    """What concerns the actor's own store. Only its manager answers for disputes."""
    who = actor()
    if who.role != "manager" or who.dealer_id is None:
        raise NotAllowed
    return Wanted(dealer_id=who.dealer_id)


def _page(pack: Pack, frame: str, download: str, back: str) -> Any:
    return render(f"evidence/{frame}.html", pack=pack, download=download, back=back)


def _zip(pack: Pack) -> Response:
    return files.answer(files.zip_of(pack), "application/zip", file_name(pack, clock.now()))


def file_name(pack: Pack, now: datetime) -> str:
    """dispute-pack-B261122….zip with the day it was made."""
    return f"dispute-pack-{pack.number}-{clock.local(now):%Y%m%d}.zip"
