"""Draws: the promise as it was published, the public record, what one person sees, what headquarters sees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import Coupon, CouponCampaign, Draw, DrawEntry
from app.coupons.rules import CampaignState, ClaimWay
from app.coupons.rules.draws import DISCLOSURES, DrawState, Entry, EntryKind, EntryState, Prize, Promise, moment

SHOWN = tuple(state.value for state in DrawState if state is not DrawState.DRAFT)
DRAW_WORDS = {
    DrawState.DRAFT: "未公示",
    DrawState.OPEN: "参与中",
    DrawState.CLOSED: "参与结束，等待开奖",
    DrawState.DRAWN: "已开奖",
    DrawState.VOID: "已取消",
}


@dataclass(frozen=True, slots=True)
class DrawPage:
    """One draw as everybody sees it."""

    slug: str
    state: DrawState
    promise: Promise
    digest: str
    entries: int
    root: str
    seed: str
    beacon: str
    void_reason: str
    paused: bool

    def words(self, now: datetime) -> str:
        """Where it stands, as people say it."""
        if self.state is DrawState.OPEN and now < self.promise.opens_at:
            return "已公示，还没有开始"
        if self.state is DrawState.OPEN and now >= self.promise.closes_at:
            return "参与结束，正在核对付款"
        return DRAW_WORDS[self.state]

    def takes_entries(self, now: datetime) -> bool:
        """Whether somebody may enter at this moment."""
        running = self.promise.opens_at <= now < self.promise.closes_at
        return self.state is DrawState.OPEN and running and not self.paused

    @property
    def disclosed(self) -> list[tuple[str, str]]:
        return [(words, self.promise.disclosures.get(name, "")) for name, words in DISCLOSURES.items()]


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """What one person has in a draw."""

    id: int
    kind: str
    state: str
    ticket: str
    seq: int | None
    rank: int | None
    coupon_code: str
    refund: str  # nothing, "asked" or "back"
    kept: bool  # it won, and no coupon comes of it: the person has as many as one may have


def get_draw_page(slug: str) -> DrawPage:
    """NotFound for a draw that was not published, and for nothing."""
    campaign = db.session.scalar(
        select(CouponCampaign).where(CouponCampaign.slug == slug).execution_options(populate_existing=True)
    )
    draw = _published(campaign.id) if campaign is not None else None
    if campaign is None or draw is None:
        raise NotFound
    promise = promise_of(draw, campaign.slug)
    drawn = draw.state == DrawState.DRAWN
    return DrawPage(
        slug=campaign.slug,
        state=DrawState(draw.state),
        promise=promise,
        digest=promise.digest,
        entries=draw.entries,
        root=draw.root,
        seed=draw.seed if drawn else "",
        beacon=(draw.beacon or "") if drawn else "",
        void_reason=draw.void_reason,
        paused=campaign.state != CampaignState.PUBLISHED or campaign.withdrawn,
    )


def is_published(slug: str) -> bool:
    """Whether anything of the draw of this campaign may be seen."""
    mark = find_mark(slug)
    return mark is not None and mark[0] != DrawState.DRAFT


def find_mark(slug: str) -> tuple[str, str, int, str] | None:
    """What the public page changes with."""
    row = db.session.execute(
        select(Draw.state, CouponCampaign.state, Draw.entries, Draw.root)
        .join(CouponCampaign, CouponCampaign.id == Draw.campaign_id)
        .where(CouponCampaign.slug == slug)
    ).first()
    return (row[0], row[1], row[2], row[3]) if row is not None else None


def promise_of(draw: Draw, slug: str) -> Promise:
    """The promise as the row keeps it."""
    return Promise(
        draw=slug,
        prizes=tuple(Prize(one["title"], one["worth_fen"], one["count"]) for one in draw.prizes.get("prizes", [])),
        fee_fen=draw.fee_fen,
        opens_at=draw.opens_at or draw.draws_at,
        closes_at=draw.closes_at or draw.draws_at,
        draws_at=draw.draws_at,
        beacon_source=draw.beacon_source,
        commitment=draw.commitment,
        disclosures=draw.disclosures,
    )


def list_entries(draw_id: int) -> list[Entry]:
    """The public list, in order."""
    rows = db.session.execute(
        select(DrawEntry.seq, DrawEntry.ticket, DrawEntry.entered_at)
        .where(DrawEntry.draw_id == draw_id, DrawEntry.state == EntryState.ENTERED.value)
        .order_by(DrawEntry.seq)
    )
    return [Entry(seq, ticket, at) for seq, ticket, at in rows if seq is not None and at is not None]


def list_winning(draw_id: int) -> list[str]:
    """The tickets that won, the first prize first."""
    return list(
        db.session.scalars(
            select(DrawEntry.ticket)
            .where(DrawEntry.draw_id == draw_id, DrawEntry.rank.is_not(None))
            .order_by(DrawEntry.rank)
        )
    )


def get_record(slug: str) -> dict[str, Any]:
    """Everything that is needed to recompute a draw, as it is published; the seed only once it is drawn. NotFound."""
    page, draw_id = get_draw_page(slug), get_draw_id(slug)
    promise = page.promise
    return {
        "promise": [
            1,
            promise.draw,
            [[prize.title, prize.worth_fen, prize.count] for prize in promise.prizes],
            promise.fee_fen,
            moment(promise.opens_at),
            moment(promise.closes_at),
            moment(promise.draws_at),
            promise.beacon_source,
            promise.commitment,
            [[name, promise.disclosures.get(name, "")] for name in DISCLOSURES],
        ],
        "digest": page.digest,
        "entries": [[entry.seq, entry.ticket, moment(entry.at)] for entry in list_entries(draw_id)],
        "root": page.root,
        "commitment": promise.commitment,
        "seed": page.seed,
        "beacon": page.beacon,
        "winners": list_winning(draw_id),
        "count": promise.winners,
    }


def get_draw_id(slug: str) -> int:
    """NotFound for a draw that was not published."""
    found = db.session.scalar(
        select(Draw.id)
        .join(CouponCampaign, CouponCampaign.id == Draw.campaign_id)
        .where(CouponCampaign.slug == slug, Draw.state.in_(SHOWN))
    )
    if found is None:
        raise NotFound
    return found


def find_own(slug: str, member_id: int) -> OwnEntry | None:
    """What the person has in this draw."""
    row = db.session.execute(
        select(DrawEntry, Coupon.code)
        .join(Draw, Draw.id == DrawEntry.draw_id)
        .join(CouponCampaign, CouponCampaign.id == Draw.campaign_id)
        .outerjoin(Coupon, Coupon.id == DrawEntry.coupon_id)
        .where(CouponCampaign.slug == slug, DrawEntry.member_id == member_id)
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        return None
    entry: DrawEntry = row[0]
    refund = "back" if entry.returned_at else "asked" if entry.refund_at else ""
    kept = entry.rank is not None and entry.coupon_id is None and entry.told_at is not None
    return OwnEntry(
        entry.id, entry.kind, entry.state, entry.ticket, entry.seq, entry.rank, row[1] or "", refund, kept
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfficeDraw:
    """A campaign of the kind 夺券 with its draw, as headquarters sees it. `owed` counts fees not yet asked back."""

    campaign: CouponCampaign
    draw: Draw | None
    paid: int
    owed: int
    waiting: int
    delivered: int

    @property
    def words(self) -> str:
        return DRAW_WORDS[DrawState(self.draw.state)] if self.draw is not None else "未准备"


def list_promised() -> set[str]:
    """The slugs of campaigns whose coupons are the prizes of a published draw."""
    owes = (DrawState.OPEN.value, DrawState.CLOSED.value, DrawState.DRAWN.value)
    promised = select(CouponCampaign.slug).join(Draw, Draw.campaign_id == CouponCampaign.id).where(Draw.state.in_(owes))
    return set(db.session.scalars(promised))


def list_office() -> list[OfficeDraw]:
    """All campaigns that are got by a draw, the newest first."""
    rows = db.session.execute(
        select(CouponCampaign, Draw)
        .outerjoin(Draw, Draw.campaign_id == CouponCampaign.id)
        .where(CouponCampaign.way == ClaimWay.DRAW.value, CouponCampaign.withdrawn.is_(False))
        .order_by(CouponCampaign.claim_until.desc(), CouponCampaign.id.desc())
        .limit(100)
        .execution_options(populate_existing=True)
    )
    return [_office(campaign, draw) for campaign, draw in rows]


def get_office(slug: str) -> OfficeDraw:
    """One of them. NotFound."""
    found = next((row for row in list_office() if row.campaign.slug == slug), None)
    if found is None:
        raise NotFound
    return found


def _office(campaign: CouponCampaign, draw: Draw | None) -> OfficeDraw:
    if draw is None:
        return OfficeDraw(campaign, None, 0, 0, 0, 0)
    mine = select(func.count()).where(DrawEntry.draw_id == draw.id)
    paid = mine.where(DrawEntry.kind == EntryKind.PAID.value, DrawEntry.state == EntryState.ENTERED.value)

    def count(wanted: Any) -> int:
        return db.session.scalar(wanted) or 0

    return OfficeDraw(
        campaign,
        draw,
        count(paid),
        count(paid.where(DrawEntry.refund_at.is_(None))),
        count(mine.where(DrawEntry.state == EntryState.WAITING.value)),
        count(mine.where(DrawEntry.coupon_id.is_not(None))),
    )


def _published(campaign_id: int) -> Draw | None:
    mine = select(Draw).where(Draw.campaign_id == campaign_id, Draw.state.in_(SHOWN))
    return db.session.scalar(mine.execution_options(populate_existing=True))
