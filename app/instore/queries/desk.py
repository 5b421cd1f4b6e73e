"""What a store and headquarters see of their codes and calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select

from app.catalog.models import Colour, Series, Trim
from app.catalog.rules import ColourSide, SaleStatus
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CampaignDealer, CouponCampaign
from app.coupons.rules import CampaignPhase, ClaimWay, phase_of
from app.dealers.models import Dealer
from app.instore.models import FloorCall, StoreCode
from app.instore.rules import CALL_WORDS, OPEN, CallKind, CallState, Kind, state_at
from app.staff.models import StaffMember
from app.visits.models import Visit

RECENT = timedelta(days=30)
LISTED = 400
PRINTED = (ClaimWay.DIRECT, ClaimWay.SCAN, ClaimWay.SHAKE)  # ways that a code on paper leads to and counts


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A code in a list, with how often it was scanned lately."""

    code: StoreCode
    car: str
    scans: int


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call as staff see it, and what the shopper's page says of it."""

    id: int
    ref: str
    kind: CallKind
    state: CallState
    number: int
    place: str
    car: str
    code: str
    dealer_id: int
    wanted: str
    by: str
    created_at: datetime
    answered_at: datetime | None

    @property
    def words(self) -> str:
        return CALL_WORDS[self.kind]


def list_codes(dealer_id: int, now: datetime, *, retired: bool = False) -> list[CodeLine]:
    """A store's codes by kind and name, in use or retired; three joins and one count."""
    counted = (
        select(Visit.code_id, func.count().label("n"))
        .where(Visit.dealer_id == dealer_id, Visit.at > now - RECENT)
        .group_by(Visit.code_id)
        .subquery()
    )
    wanted = (
        select(StoreCode, Series.name, Trim.name, counted.c.n)
        .outerjoin(Trim, Trim.id == StoreCode.trim_id)
        .outerjoin(Series, Series.id == Trim.series_id)
        .outerjoin(counted, counted.c.code_id == StoreCode.id)
        .where(StoreCode.dealer_id == dealer_id)
        .where(StoreCode.retired_at.is_not(None) if retired else StoreCode.retired_at.is_(None))
        .order_by(StoreCode.kind, StoreCode.label, StoreCode.id)
        .limit(LISTED)
    )
    rows = db.session.execute(wanted)
    return [CodeLine(code, " ".join(p for p in (series, trim) if p), n or 0) for code, series, trim, n in rows]


def list_trims() -> list[tuple[str, str]]:
    """Cars a code may stand on, by 编号, in the maker's order."""
    wanted = (
        select(Trim.slug, Series.name, Trim.model_year, Trim.name)
        .join(Series, Series.id == Trim.series_id)
        .where(Trim.status.in_((SaleStatus.ON_SALE, SaleStatus.UPCOMING)))
        .order_by(Series.position, Series.id, Trim.position, Trim.id)
    )
    return [(slug, " ".join(p for p in words if p)) for slug, *words in db.session.execute(wanted)]


def list_colours() -> list[str]:
    """Names of outer colours, for the form's suggestions; whether a car comes in one is checked when it is saved."""
    wanted = select(Colour.name).where(Colour.side == ColourSide.EXTERIOR, Colour.withdrawn.is_(False))
    return list(db.session.scalars(wanted.distinct().order_by(Colour.name).limit(80)))


def list_campaigns(dealer_id: int, now: datetime) -> list[tuple[str, str]]:
    """Campaigns that a poster of this store may lead to: used here, running or to come, got by being there."""
    here = select(CampaignDealer.campaign_id).where(CampaignDealer.dealer_id == dealer_id)
    wanted = select(CouponCampaign).where(
        CouponCampaign.claim_until > now,
        CouponCampaign.way.in_(PRINTED),
        CouponCampaign.all_dealers.is_(True) | CouponCampaign.id.in_(here),
    )
    good = (CampaignPhase.RUNNING, CampaignPhase.UPCOMING)
    rows = db.session.scalars(wanted.order_by(CouponCampaign.claim_until, CouponCampaign.id).limit(100))
    return [(row.slug, row.title) for row in rows if phase_of(row, now) in good]


def list_open_calls(dealer_id: int, now: datetime) -> list[CallLine]:
    """Who waits in this store now, longest first."""
    return [line for line in _calls(FloorCall.dealer_id == dealer_id, now) if line.state in OPEN]


def count_waiting(dealer_id: int, kind: CallKind, now: datetime) -> int:
    """How many of a kind wait to be answered."""
    waiting = select(func.count()).where(
        FloorCall.dealer_id == dealer_id,
        FloorCall.kind == kind,
        FloorCall.state == CallState.WAITING,
        FloorCall.expires_at > now,
    )
    return db.session.scalar(waiting) or 0


def list_recent_calls(dealer_id: int, now: datetime) -> list[CallLine]:
    """The day's calls, newest first."""
    return _calls(FloorCall.dealer_id == dealer_id, now, hours=16)[::-1]


def get_call(ref: str, now: datetime) -> CallLine:
    """What the shopper's page says. NotFound."""
    rows = _calls(FloorCall.ref == ref, now, hours=48) if ref.isascii() and len(ref) == 16 else []
    if not rows:
        raise NotFound
    return rows[0]


def _calls(which: ColumnElement[bool], now: datetime, hours: int = 3) -> list[CallLine]:
    by, wanted_one = StaffMember.__table__.alias("by"), StaffMember.__table__.alias("wanted")
    wanted = (
        select(FloorCall, StoreCode, Series.name, Trim.name, by.c.name, wanted_one.c.name)
        .join(StoreCode, StoreCode.id == FloorCall.code_id)
        .outerjoin(Trim, Trim.id == StoreCode.trim_id)
        .outerjoin(Series, Series.id == Trim.series_id)
        .outerjoin(by, by.c.id == FloorCall.answered_by)
        .outerjoin(wanted_one, wanted_one.c.id == FloorCall.wanted_staff_id)
        .where(which, FloorCall.created_at > now - timedelta(hours=hours))
        .order_by(FloorCall.id)
        .limit(200)
    )
    return [
        CallLine(
            call.id, call.ref, CallKind(call.kind), state_at(call.state, call.expires_at, now), call.number,
            code.label, " ".join(p for p in (series, trim, code.colour) if p), code.code, call.dealer_id,
            wanted_name or "", by_name or "", call.created_at, call.answered_at,
        )
        for call, code, series, trim, by_name, wanted_name in db.session.execute(wanted)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoreSum:
    """One store in headquarters' overview of codes."""

    dealer: Dealer
    codes: dict[str, int]
    retired: int

    @property
    def total(self) -> int:
        return sum(self.codes.values())


def list_stores_with_codes() -> list[StoreSum]:
    """Every store that has codes, most first; kinds in the order of Kind."""
    counted = select(StoreCode.dealer_id, StoreCode.kind, StoreCode.retired_at.is_(None), func.count())
    rows = db.session.execute(counted.group_by(StoreCode.dealer_id, StoreCode.kind, StoreCode.retired_at.is_(None)))
    found: dict[int, dict[str, int]] = {}
    retired: dict[int, int] = {}
    for dealer_id, kind, in_use, n in rows:
        if in_use:
            found.setdefault(dealer_id, {})[kind] = n
        else:
            found.setdefault(dealer_id, {})
            retired[dealer_id] = retired.get(dealer_id, 0) + n
    dealers = db.session.scalars(select(Dealer).where(Dealer.id.in_(list(found))))
    sums = [StoreSum(d, {k: found[d.id][k] for k in Kind if k in found[d.id]}, retired.get(d.id, 0)) for d in dealers]
    return sorted(sums, key=lambda one: (-one.total, one.dealer.slug))
