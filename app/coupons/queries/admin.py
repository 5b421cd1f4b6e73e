"""Campaigns as headquarters see them: the list, one with its history, what can be chosen in its form."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from app.catalog.models import Series, Trim
from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CampaignDealer, CampaignRehearsal, CampaignSeries, Coupon, CouponCampaign
from app.coupons.rules import CampaignPhase, CampaignState, CouponState, Terms, phase_of
from app.coupons.rules.editing import Draft
from app.coupons.rules.lawful import Breach, breaches
from app.coupons.rules.plain import plain_terms
from app.coupons.rules.rehearsal import Car, Other, use_period
from app.dealers.models import Dealer

SHOWN, HISTORY, MEETING = 200, 30, 60
# What needs an eye first.
ORDER = {phase: n for n, phase in enumerate(("paused", "running", "exhausted", "upcoming", "draft", "ended"))}
_REHEARSALS = (CampaignRehearsal.id, CampaignRehearsal.fingerprint, CampaignRehearsal.green)


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """One line of the list."""

    id: int
    slug: str
    title: str
    kind: str
    way: str
    worth: str
    phase: CampaignPhase
    claimed: int
    total: int
    redeemed: int
    claim_from: datetime
    claim_until: datetime


@dataclass(frozen=True, slots=True)
class AdminCampaign:
    """One campaign with what may be done about it. `breaches` stand against publishing it now."""

    id: int
    draft: Draft
    phase: CampaignPhase
    state: str
    state_reason: str
    claimed: int
    published_at: datetime | None
    withdrawn: bool
    terms: Terms
    plain: list[str]
    breaches: list[Breach]
    rehearsed: bool  # as it is now, and green

    @property
    def slug(self) -> str:
        return self.draft.slug

    @property
    def title(self) -> str:
        return self.draft.title


def list_campaigns(
    now: datetime, *, phase: str = "", kind: str = "", way: str = "", text: str = ""
) -> list[CampaignLine]:
    """Those that fit, what needs an eye first; at most SHOWN."""
    wanted = select(CouponCampaign).order_by(CouponCampaign.claim_until.desc(), CouponCampaign.id.desc())
    for column, value in ((CouponCampaign.kind, kind), (CouponCampaign.way, way)):
        if value:
            wanted = wanted.where(column == value)
    if text:
        named = CouponCampaign.title.icontains(text, autoescape=True)
        wanted = wanted.where(or_(named, CouponCampaign.slug.icontains(text, autoescape=True)))
    rows = [(row, phase_of(row, now)) for row in db.session.scalars(wanted)]
    rows = sorted(((row, at) for row, at in rows if not phase or at == phase), key=lambda pair: ORDER[pair[1]])[:SHOWN]
    redeemed = _redeemed([row.id for row, _ in rows])
    return [_line(row, at, redeemed.get(row.id, 0)) for row, at in rows]


def _line(row: CouponCampaign, phase: CampaignPhase, redeemed: int) -> CampaignLine:
    worth = Terms(row.kind, row.title, row.face_fen, row.discount_permille).value_words()
    return CampaignLine(
        row.id, row.slug, row.title, row.kind, row.way, worth, phase, row.claimed, row.total, redeemed,
        row.claim_from, row.claim_until,
    )  # fmt: skip


def _redeemed(ids: list[int]) -> dict[int, int]:
    used = (Coupon.campaign_id.in_(ids), Coupon.state == CouponState.REDEEMED.value)
    rows = db.session.execute(select(Coupon.campaign_id, func.count()).where(*used).group_by(Coupon.campaign_id))
    return {row[0]: row[1] for row in rows}


def get_campaign(campaign_id: int, now: datetime) -> AdminCampaign:
    """NotFound."""
    row = _row(campaign_id)
    draft = _draft(row)
    latest = db.session.execute(
        select(*_REHEARSALS)
        .where(CampaignRehearsal.campaign_id == row.id)
        .order_by(CampaignRehearsal.id.desc())
        .limit(1)
    ).first()
    return AdminCampaign(
        id=row.id,
        draft=draft,
        phase=phase_of(row, now),
        state=row.state,
        state_reason=row.state_reason,
        claimed=row.claimed,
        published_at=row.published_at,
        withdrawn=row.withdrawn,
        terms=draft.promise,
        plain=plain_of_draft(draft),
        breaches=breaches(draft.offer, now),
        rehearsed=bool(latest and latest.green and latest.fingerprint == draft.fingerprint),
    )


def draft_of(campaign_id: int) -> Draft:
    """Everything it says, also within the present transaction. NotFound."""
    return _draft(_row(campaign_id))


def _row(campaign_id: int) -> CouponCampaign:
    row = db.session.get(CouponCampaign, campaign_id, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def _draft(row: CouponCampaign) -> Draft:
    series = select(CampaignSeries.series_id).where(CampaignSeries.campaign_id == row.id)
    dealers = select(CampaignDealer.dealer_id).where(CampaignDealer.campaign_id == row.id)
    return Draft.of(row, db.session.scalars(series), db.session.scalars(dealers))


def plain_of_draft(draft: Draft) -> list[str]:
    """Its terms in the words people read."""
    series = _names(Series, draft.series)
    return plain_terms(draft.promise, draft, series=series, dealers=_names(Dealer, draft.dealers or ()))


def _names(table: type[Series] | type[Dealer], ids: tuple[int, ...]) -> list[str]:
    return list(db.session.scalars(select(table.name).where(table.id.in_(ids)).order_by(table.id))) if ids else []


def list_choices() -> dict[str, list[tuple[int, str]]]:
    """(id, name) of the cars and stores a campaign can be for."""
    cars = select(Series.id, Series.name).order_by(Series.position, Series.id)
    stores = select(Dealer.id, Dealer.name).where(Dealer.status != "关闭").order_by(Dealer.city, Dealer.id)
    return {
        "series": [(row[0], row[1]) for row in db.session.execute(cars)],
        "dealers": [(row[0], row[1]) for row in db.session.execute(stores)],
    }


def list_history(campaign_id: int) -> list[AuditEntry]:
    """Who did what to it, the latest first."""
    mine = (AuditEntry.subject_kind == "campaign", AuditEntry.subject_id == campaign_id)
    return list(db.session.scalars(select(AuditEntry).where(*mine).order_by(AuditEntry.id.desc()).limit(HISTORY)))


def find_rehearsal(campaign_id: int) -> CampaignRehearsal | None:
    """The latest one."""
    mine = select(CampaignRehearsal).where(CampaignRehearsal.campaign_id == campaign_id)
    return db.session.scalar(mine.order_by(CampaignRehearsal.id.desc()).limit(1))


# ---- what a rehearsal looks at ----


def list_cars(series_ids: tuple[int, ...]) -> list[Car]:
    """The models it is for (no id: all) with the dearest and the cheapest guide price of what is sold."""
    wanted = (
        select(Series.id, Series.name, func.max(Trim.msrp_fen), func.min(Trim.msrp_fen))
        .join(Trim, Trim.series_id == Series.id)
        .where(Trim.status == "在售")
        .group_by(Series.id, Series.name)
        .order_by(Series.id)
    )
    if series_ids:
        wanted = wanted.where(Series.id.in_(series_ids))
    return [Car(row[0], row[1], row[2], row[3]) for row in db.session.execute(wanted)]


def list_others(campaign_id: int, now: datetime) -> list[Other]:
    """Campaigns whose coupons can be got or are in wallets, the latest first."""
    wanted = (
        select(CouponCampaign)
        .where(CouponCampaign.id != campaign_id, CouponCampaign.state != CampaignState.DRAFT.value)
        .order_by(CouponCampaign.claim_until.desc(), CouponCampaign.id)
        .limit(MEETING)
    )
    rows = list(db.session.scalars(wanted))
    drafts = [(row, _draft(row)) for row in rows]
    periods = [(row, draft, use_period(draft, now)[1]) for row, draft in drafts]
    return [
        Other(row.id, row.title, draft.promise, row.passphrase, row.claim_from, until)
        for row, draft, until in periods
        if until > now and (phase_of(row, now) is not CampaignPhase.ENDED or row.claimed)
    ]


def rate_of_kind(kind: str, now: datetime) -> tuple[int, int]:
    """How many coupons of this kind were used, of all whose life ended within a year."""
    year = now - timedelta(days=365)
    over = [CouponState.REDEEMED.value, CouponState.EXPIRED.value]
    rows = db.session.execute(
        select(Coupon.state, func.count())
        .join(CouponCampaign, CouponCampaign.id == Coupon.campaign_id)
        .where(CouponCampaign.kind == kind, Coupon.state.in_(over), Coupon.state_at > year)
        .group_by(Coupon.state)
    )
    counts = {row[0]: row[1] for row in rows}
    return counts.get(CouponState.REDEEMED.value, 0), sum(counts.values())
