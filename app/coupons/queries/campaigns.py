"""Campaigns as people read them: the centre, one campaign, those of a model or a store."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from app.catalog.models import Series
from app.core import clock
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CampaignDay, CampaignDealer, CampaignSeries, CouponCampaign, Draw
from app.coupons.rules import (
    CAMPAIGN_PHASE_WORDS,
    SHOWN_PHASES,
    CampaignPhase,
    CampaignState,
    ClaimWay,
    Terms,
    phase_of,
    terms_of,
)
from app.coupons.rules.draws import DrawState
from app.coupons.rules.plain import WAY_HELP, WAY_PAGES, plain_terms
from app.dealers.models import Dealer

MOST = 100
OPEN_DRAWS = (DrawState.OPEN.value, DrawState.CLOSED.value)
_PUBLISHED_DRAW = (Draw.campaign_id == CouponCampaign.id, Draw.state.in_(OPEN_DRAWS))
# Nothing to tap, but a place to go to; what must be known or be given is told to whom it concerns.
NOT_LISTED = frozenset({ClaimWay.PASSPHRASE, ClaimWay.STAFF})
LISTED = frozenset(ClaimWay) - NOT_LISTED
FEW_LEFT = 20


@dataclass(frozen=True, slots=True)
class CampaignCard:
    """One campaign with its stock at this moment, in words. `series` and `dealers` are (slug, name); empty: all."""

    id: int
    slug: str
    title: str
    kind: str
    terms: Terms
    phase: CampaignPhase
    way: str
    channels: str
    claim_from: datetime
    claim_until: datetime
    valid_until: datetime | None
    total: int
    claimed: int
    per_person: int
    today_left: int | None
    head_start_until: datetime | None
    series: list[tuple[str, str]]
    dealers: list[tuple[str, str]]
    plain: list[str]
    notes: str
    draw: str = ""  # where the draw stands whose prize it is; empty: none was announced

    @property
    def left(self) -> int:
        return max(0, self.total - self.claimed)

    @property
    def amount(self) -> int | None:
        """What stands large on the ticket, where it is an amount."""
        return None if self.kind == "折扣券" else self.terms.face_fen

    @property
    def words(self) -> str:
        if self.way == ClaimWay.DRAW and self.phase is CampaignPhase.RUNNING and self.draw not in OPEN_DRAWS:
            return "已开奖" if self.draw == DrawState.DRAWN else "尚未公布"
        return CAMPAIGN_PHASE_WORDS[self.phase]

    @property
    def way_help(self) -> str:
        return WAY_HELP[ClaimWay(self.way)]

    @property
    def claimable(self) -> bool:
        """Whether a tap may get one now, or leads to where one may be won."""
        drawable = self.way != ClaimWay.DRAW or self.draw in OPEN_DRAWS
        return self.phase is CampaignPhase.RUNNING and self.today_left != 0 and drawable

    @property
    def address(self) -> str:
        """Where a tap leads to; empty for what one gets elsewhere."""
        return WAY_PAGES.get(self.way, "").format(slug=self.slug)

    @property
    def meta(self) -> str:
        """One line below the title."""
        parts = [f"满 {self.terms.threshold_fen // 100:,} 元可用"] if self.terms.threshold_fen else []
        parts.append("、".join(name for _, name in self.series[:2]) + ("等" if len(self.series) > 2 else ""))
        parts.append("、".join(name for _, name in self.dealers[:1]) + ("等" if len(self.dealers) > 1 else ""))
        return " · ".join(part for part in parts if part)

    @property
    def when(self) -> str:
        """The line that says until when; empty where nobody can claim any more."""
        if self.phase is CampaignPhase.UPCOMING:
            return f"{clock.say(self.claim_from)} 开始领取"
        return f"{clock.say(self.claim_until)} 前领取" if self.phase is CampaignPhase.RUNNING else ""

    @property
    def stock_words(self) -> str:
        """Real numbers, where they help to decide."""
        if self.phase is not CampaignPhase.RUNNING:
            return ""
        if self.today_left == 0:
            return "今日已领完，明天 0 点再来"
        if self.today_left is not None and self.today_left <= FEW_LEFT:
            return f"今日余 {self.today_left} 张"
        return f"余 {self.left} 张" if self.left <= FEW_LEFT or self.left * 5 <= self.total else ""


def list_centre(now: datetime) -> list[CampaignCard]:
    """What anybody may get, running ones first, the soonest to end first."""
    order = [CampaignPhase.RUNNING, CampaignPhase.UPCOMING, CampaignPhase.PAUSED, CampaignPhase.EXHAUSTED]
    cards = _cards(_shown(now), now)
    return sorted(cards, key=lambda c: (order.index(c.phase), not c.claimable, c.claim_until, c.id))


def get_card(slug: str, now: datetime) -> CampaignCard:
    """One campaign, also when it is over; NotFound for a draft and for nothing."""
    rows = _rows(CouponCampaign.slug == slug)
    if not rows or phase_of(rows[0], now) is CampaignPhase.DRAFT:
        raise NotFound
    return _cards(rows, now)[0]


def find_card(campaign_id: int, now: datetime) -> CampaignCard | None:
    """The same by id."""
    rows = _rows(CouponCampaign.id == campaign_id)
    return _cards(rows, now)[0] if rows else None


def list_for_series(series_id: int, now: datetime) -> list[CampaignCard]:
    """What can be claimed for this model: campaigns that name it, then those for every model."""
    cards = [c for c in list_centre(now) if c.terms.series is None or series_id in c.terms.series]
    return sorted(cards, key=lambda c: c.terms.series is None)


def list_for_dealer(dealer_id: int, now: datetime) -> list[CampaignCard]:
    """What can be claimed for this store: campaigns that name it, then those of every store."""
    cards = [c for c in list_centre(now) if c.terms.dealers is None or dealer_id in c.terms.dealers]
    return sorted(cards, key=lambda c: c.terms.dealers is None)


def list_for_you(seen: Collection[str], shop: str, now: datetime) -> list[CampaignCard]:
    """Those that name a car this browser opened or the store it chose."""
    return [
        card
        for card in list_centre(now)
        if card.claimable
        and (any(slug in seen for slug, _ in card.series) or (shop and any(slug == shop for slug, _ in card.dealers)))
    ]


def list_stock(now: datetime) -> tuple[tuple[int, int], ...]:
    """How many went out of every campaign that is listed: what a list says changes with it."""
    found = select(CouponCampaign.id, CouponCampaign.claimed).where(*_listed(now)).order_by(CouponCampaign.id)
    return tuple((row[0], row[1]) for row in db.session.execute(found))


def find_stock(slug: str) -> int | None:
    """How many went out of one campaign."""
    return db.session.scalar(select(CouponCampaign.claimed).where(CouponCampaign.slug == slug))


def next_change(cards: Iterable[CampaignCard], now: datetime) -> datetime:
    """When time alone makes one of these begin or end, or a new day begins."""
    midnight = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    ends = [m for c in cards for m in (c.claim_from, c.claim_until, c.valid_until, c.head_start_until) if m]
    return min([midnight, *(moment for moment in ends if moment > now)])


def find_series_id(slug: str) -> tuple[int, str]:
    """Id and name of a model; NotFound."""
    return _named(Series, slug)


def find_dealer_id(slug: str) -> tuple[int, str]:
    """Id and name of a store; NotFound."""
    return _named(Dealer, slug)


def _named(table: type[Series] | type[Dealer], slug: str) -> tuple[int, str]:
    row = db.session.execute(select(table.id, table.name).where(table.slug == slug)).first()
    if row is None:
        raise NotFound
    return row[0], row[1]


def _listed(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        CouponCampaign.withdrawn.is_(False),
        CouponCampaign.state.in_((CampaignState.PUBLISHED.value, CampaignState.PAUSED.value)),
        CouponCampaign.claim_until > now,
        CouponCampaign.way.in_([way.value for way in LISTED if way in WAY_PAGES or way is ClaimWay.SCAN]),
        # A draw is nothing to show before everything about it is published.
        or_(CouponCampaign.way != ClaimWay.DRAW.value, select(Draw.id).where(*_PUBLISHED_DRAW).exists()),
    )


def _shown(now: datetime) -> list[CouponCampaign]:
    rows = _rows(*_listed(now))
    return [row for row in rows if phase_of(row, now) in SHOWN_PHASES]


def _rows(*conditions: ColumnElement[bool]) -> list[CouponCampaign]:
    wanted = select(CouponCampaign).where(*conditions).order_by(CouponCampaign.claim_until, CouponCampaign.id)
    return list(db.session.scalars(wanted.limit(MOST).execution_options(populate_existing=True)))


def _cards(rows: list[CouponCampaign], now: datetime) -> list[CampaignCard]:
    """At most three more statements, however many there are; one more where some are prizes of draws."""
    ids = [row.id for row in rows]
    series: dict[int, list[Any]] = {}
    dealers: dict[int, list[Any]] = {}
    for found, link, column, table in (
        (series, CampaignSeries, CampaignSeries.series_id, Series),
        (dealers, CampaignDealer, CampaignDealer.dealer_id, Dealer),
    ):
        named = select(link.campaign_id, table.id, table.slug, table.name).join(table, table.id == column)
        for campaign_id, *one in db.session.execute(named.where(link.campaign_id.in_(ids)).order_by(table.id)):
            found.setdefault(campaign_id, []).append(one)
    today = select(CampaignDay.campaign_id, CampaignDay.claimed).where(
        CampaignDay.campaign_id.in_(ids), CampaignDay.on == clock.local(now).date()
    )
    gone = {row[0]: row[1] for row in db.session.execute(today)}
    draws: dict[int, str] = {}
    if prizes := [row.id for row in rows if row.way == ClaimWay.DRAW]:
        stand = select(Draw.campaign_id, Draw.state).where(Draw.campaign_id.in_(prizes))
        draws = {row[0]: row[1] for row in db.session.execute(stand)}
    return [
        _card(row, series.get(row.id, []), dealers.get(row.id, []), gone.get(row.id, 0), draws.get(row.id, ""), now)
        for row in rows
    ]


def _card(
    row: CouponCampaign, series: list[Any], dealers: list[Any], gone_today: int, draw: str, now: datetime
) -> CampaignCard:
    terms = terms_of(row, [one[0] for one in series], [one[0] for one in dealers])
    own = [] if row.all_dealers else dealers
    return CampaignCard(
        id=row.id,
        slug=row.slug,
        title=row.title,
        kind=row.kind,
        terms=terms,
        phase=phase_of(row, now),
        way=row.way,
        channels=row.channels,
        claim_from=row.claim_from,
        claim_until=row.claim_until,
        valid_until=row.valid_until,
        total=row.total,
        claimed=row.claimed,
        per_person=row.per_person,
        today_left=None if row.daily_total is None else max(0, row.daily_total - gone_today),
        head_start_until=row.head_start_until if row.head_start_until and row.head_start_until > now else None,
        series=[(one[1], one[2]) for one in series],
        dealers=[(one[1], one[2]) for one in own],
        plain=plain_terms(terms, row, series=[one[2] for one in series], dealers=[one[2] for one in own]),
        notes=row.terms,
        draw=draw,
    )


def titles_of(slugs: Collection[str]) -> dict[str, str]:
    """编号 → what the campaign is called; whatever is not one is left out."""
    found = select(CouponCampaign.slug, CouponCampaign.title).where(CouponCampaign.slug.in_(slugs))
    return {row.slug: row.title for row in db.session.execute(found)}
