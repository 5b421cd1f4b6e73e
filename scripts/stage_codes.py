"""Stand sample codes in one store of the demo, one of each kind, and put somebody on duty; `stage_demo` calls it."""

from datetime import datetime

from sqlalchemy import select

from app.catalog.models import Colour, Trim
from app.catalog.rules import ColourSide, SaleStatus
from app.core.db import db, transaction
from app.core.errors import DomainError
from app.core.security import SYSTEM, Actor
from app.dealers.models import Dealer
from app.dealers.rules import DealerStatus
from app.instore.models import StoreCode
from app.instore.queries.desk import list_campaigns
from app.instore.rules import CodeDraft, Kind, Stock
from app.instore.services import codes
from app.members.models import Member
from app.staff.models import StaffMember
from app.staff.services import clock_in

NAME, DUTY = "示例顾问", 8
STOCKS = (Stock.READY, Stock.DISPLAY, Stock.SOLD)
PLACES = {
    Kind.DESK: "前台接待",
    Kind.DRIVE: "试驾接待台",
    Kind.SERVICE: "3 号工位",
    Kind.PARKING: "地面停车场入口",
}


def stage(now: datetime) -> None:
    """Codes are made once; duty begins again each time."""
    dealer = db.session.scalar(select(Dealer).where(Dealer.status == DealerStatus.OPEN).order_by(Dealer.id).limit(1))
    if dealer is None:
        return
    dealer_id = dealer.id
    staff_id = _consultant(dealer_id, now)
    clock_in(Actor("staff", staff_id, "clerk", dealer_id), DUTY, now)
    if db.session.scalar(select(StoreCode.id).where(StoreCode.dealer_id == dealer_id).limit(1)) is not None:
        return
    cars = db.session.execute(
        select(Trim.slug, Trim.series_id).where(Trim.status == SaleStatus.ON_SALE).order_by(Trim.series_id, Trim.id)
    )
    shown = {series: slug for slug, series in cars}
    drafts = [
        CodeDraft(Kind.CAR, f"展厅 {n} 号车位", slug, _colour(series), f"20{86 + n}", stock)
        for n, ((series, slug), stock) in enumerate(zip(shown.items(), STOCKS, strict=False), 1)
    ]
    drafts += [CodeDraft(kind, place) for kind, place in PLACES.items() if kind is not Kind.DESK]
    drafts.append(CodeDraft(Kind.DESK, PLACES[Kind.DESK], wifi_name="zhanting-guest", wifi_password="88888888"))
    drafts.append(CodeDraft(Kind.CARD, f"{NAME}的名片", staff_id=staff_id))
    drafts += [
        CodeDraft(Kind.POSTER, "门口易拉宝", campaign_slug=slug) for slug, _ in list_campaigns(dealer_id, now)[:1]
    ]
    for draft in drafts:
        try:
            codes.make_code(SYSTEM, dealer_id, draft, now)
        except DomainError as refusal:
            print(f"  demo: {refusal.message}")


def _colour(series_id: int) -> str:
    wanted = select(Colour.name).where(Colour.series_id == series_id, Colour.side == ColourSide.EXTERIOR)
    return db.session.scalar(wanted.where(Colour.withdrawn.is_(False)).order_by(Colour.position).limit(1)) or ""


def _consultant(dealer_id: int, now: datetime) -> int:
    known = db.session.scalar(
        select(StaffMember.id).where(
            StaffMember.dealer_id == dealer_id, StaffMember.name == NAME, StaffMember.left_at.is_(None)
        )
    )
    if known is not None:
        return known
    with transaction() as session:
        person = Member(name=NAME, created_at=now, last_login_at=now)
        session.add(person)
        session.flush()
        row = StaffMember(dealer_id=dealer_id, member_id=person.id, name=NAME, role="clerk", joined_at=now)
        session.add(row)
        session.flush()
        return row.id
