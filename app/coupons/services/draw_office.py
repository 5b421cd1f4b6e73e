"""夺券, headquarters' side: prepare, publish, close, draw, hand out, cancel. What was published is never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.core import audit, ids, publishing
from app.core.clock import say
from app.core.db import changed_rows, db, forget, transaction
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import SYSTEM, Actor
from app.coupons.errors import DrawBusy, DrawOff, DrawUnlawful
from app.coupons.models import CampaignDealer, CampaignSeries, CouponCampaign, Draw, DrawEntry
from app.coupons.queries import draws as queries
from app.coupons.rules import CampaignPhase, CampaignState, ClaimWay, Terms, phase_of, terms_of, validity_end
from app.coupons.rules.disclosing import prize_worth, suggest
from app.coupons.rules.draws import (
    DISCLOSURES,
    MOST_FEE_FEN,
    MOST_PRIZE_FEN,
    SEED_BYTES,
    DrawState,
    EntryState,
    commitment_of,
    legal_problems,
    rank,
    verify,
)
from app.coupons.rules.lawful import most_worth
from app.coupons.services import draw_money
from app.coupons.services.draw import lock_draw
from app.gateways.pay.port import PayGateway

LEAD = timedelta(minutes=10)  # everything stands on the page for so long before the first entry
SETTLING = timedelta(minutes=10)  # between the close and the draw, so that WeChat Pay can say who paid in time
GOING = (CampaignState.PUBLISHED.value, CampaignState.PAUSED.value)


@dataclass(frozen=True, slots=True)
class Plan:
    """What headquarters decides about a draw; empty disclosures are filled with what follows from the campaign."""

    winners: int
    draws_at: datetime
    beacon_source: str
    organiser: str
    disclosures: Mapping[str, str]


def prepare(actor: Actor, slug: str, plan: Plan, now: datetime) -> None:
    """Write down (again) what is to be published. Nobody sees it yet. NotFound, DrawBusy."""
    with transaction() as session:
        campaign = _lock_campaign(slug)
        draw = session.scalar(select(Draw).where(Draw.campaign_id == campaign.id).with_for_update())
        if draw is not None and draw.state != DrawState.DRAFT:
            raise DrawBusy("已经公示的夺券不能修改，只能取消。")
        terms = _terms(campaign)
        own = {name: plan.disclosures.get(name, "").strip()[:300] for name in DISCLOSURES}
        known = _suggested(campaign, terms, plan, now)
        if draw is None:
            seed = ids.token(SEED_BYTES)
            draw = Draw(
                campaign_id=campaign.id, fee_fen=MOST_FEE_FEN, seed=seed, commitment=commitment_of(seed),
                state=DrawState.DRAFT.value, root="", entries=0,
            )  # fmt: skip
        draw.winners, draw.draws_at, draw.beacon_source = plan.winners, plan.draws_at, plan.beacon_source[:200]
        draw.prizes = {
            "prizes": [{"title": terms.title, "worth_fen": prize_worth(terms), "count": plan.winners}],
            "organiser": plan.organiser[:120],
            "own": own,
        }
        draw.disclosures = {name: own[name] or known[name] for name in DISCLOSURES}
        draw.opens_at, draw.closes_at = _opens_at(campaign, now), campaign.claim_until
        session.add(draw)
        session.flush()
        audit.record(actor, "draw_prepared", "draw", draw.id, campaign=slug, winners=plan.winners)


def problems(slug: str, now: datetime) -> list[tuple[str, str]]:
    """(rule, what breaks it): everything that stands against publishing this draw now. NotFound."""
    campaign = db.session.scalar(select(CouponCampaign).where(CouponCampaign.slug == slug))
    draw = db.session.scalar(select(Draw).where(Draw.campaign_id == campaign.id)) if campaign is not None else None
    if campaign is None or draw is None:
        raise NotFound
    return _problems(campaign, draw, now)


def publish(actor: Actor, slug: str, now: datetime, *, enabled: bool) -> None:
    """Put the promise and the seed's digest on the page, for good; entries open some minutes later at the earliest.

    NotFound, DrawOff, DrawBusy, DrawUnlawful.
    """
    if not enabled:
        raise DrawOff
    with transaction() as session:
        campaign = _lock_campaign(slug)
        draw = session.scalar(select(Draw).where(Draw.campaign_id == campaign.id).with_for_update())
        if draw is None:
            raise NotFound
        if draw.state != DrawState.DRAFT:
            raise DrawBusy
        draw.opens_at, draw.closes_at = _opens_at(campaign, now), campaign.claim_until
        # What was not written by hand follows the campaign as it is published.
        own = draw.prizes.get("own", {})
        terms = _terms(campaign)
        plan = Plan(draw.winners, draw.draws_at, draw.beacon_source, draw.prizes.get("organiser", ""), {})
        known = _suggested(campaign, terms, plan, now)
        draw.disclosures = {name: own.get(name) or known[name] for name in DISCLOSURES}
        prize = {"title": terms.title, "worth_fen": prize_worth(terms), "count": draw.winners}
        draw.prizes = {**draw.prizes, "prizes": [prize]}
        found = _problems(campaign, draw, now)
        if found:
            raise DrawUnlawful("；".join(f"{rule}：{text}" for rule, text in found))
        draw.state, draw.opened_at = DrawState.OPEN.value, now
        draw.root = queries.promise_of(draw, campaign.slug).digest
        publishing.bump()
        audit.record(actor, "draw_published", "draw", draw.id, promise=draw.root, commitment=draw.commitment)


def close_due(gateway: PayGateway, now: datetime) -> int:
    """Close every draw whose time is over, once WeChat Pay has said of each open order what became of it.

    Whoever paid in time is in. While nobody can say, the draw waits, but not beyond the time of the draw: then the
    public number may be known, so the list stands as it is and what turns out to be paid goes back.
    """
    due = select(Draw.id, Draw.draws_at).where(Draw.state == DrawState.OPEN.value, Draw.closes_at <= now)
    found = [(row[0], row[1]) for row in db.session.execute(due.order_by(Draw.id))]
    db.session.rollback()
    return sum(
        seal(draw_id, now)
        for draw_id, draws_at in found
        if now >= draws_at or draw_money.settle_open_orders(draw_id, gateway, now)
    )


def seal(draw_id: int, now: datetime) -> bool:
    """From now on no entry is added: the root of the chain stands. False when it was closed before."""
    with transaction():
        draw = lock_draw(draw_id)
        shut = update(Draw).where(Draw.id == draw_id, Draw.state == DrawState.OPEN.value)
        if changed_rows(shut.values(state=DrawState.CLOSED.value, closed_at=now)) != 1:
            return False
        _drop_waiting(draw_id)
        publishing.bump()
        audit.record(SYSTEM, "draw_closed", "draw", draw_id, entries=draw.entries, root=draw.root)
        forget(Draw, draw_id)
        return True


def reveal(actor: Actor, slug: str, beacon: str, now: datetime) -> int:
    """Draw: with the public number that was named before, show the seed and rank the tickets; how many won.

    NotFound, DrawBusy. Nothing of the result can be chosen: the seed was fixed before, the number is public.
    """
    beacon = " ".join(beacon.split())[:200]
    with transaction():
        draw = lock_draw(queries.get_draw_id(slug))
        if draw.state != DrawState.CLOSED:
            raise DrawBusy
        if now < draw.draws_at:
            raise DrawBusy(f"开奖时间是{say(draw.draws_at)}，还没有到。")
        if not beacon:
            raise DrawBusy("请填写公开随机数。")
        campaign = db.session.get_one(CouponCampaign, draw.campaign_id, populate_existing=True)
        until = validity_end(campaign.valid_until, campaign.valid_days, now)
        if until is None or until <= now:
            raise DrawBusy("券的有效期已经过了，中奖的人用不了。请先延长券活动的有效期，或者取消这次夺券。")
        entries = queries.list_entries(draw.id)
        winning = rank(draw.seed, draw.root, beacon, [entry.ticket for entry in entries])[: draw.winners]
        promise = queries.promise_of(draw, slug)
        wrong = verify(promise, entries, root=draw.root, seed=draw.seed, beacon=beacon, winners=winning)
        if wrong:
            raise DrawBusy(f"参与记录核对不一致，不能开奖：{'；'.join(wrong)}。")
        for place, ticket in enumerate(winning, 1):
            one = update(DrawEntry).where(DrawEntry.draw_id == draw.id, DrawEntry.ticket == ticket)
            changed_rows(one.values(rank=place))
        draw.state, draw.beacon, draw.drawn_at = DrawState.DRAWN.value, beacon, now
        publishing.bump()
        audit.record(actor, "draw_drawn", "draw", draw.id, beacon=beacon, entries=len(entries), winners=len(winning))
        return len(winning)


def void(actor: Actor, slug: str, reason: str, now: datetime) -> None:
    """Cancel a draw that is not drawn: everybody's yuan goes back and everybody is told. NotFound, DrawBusy."""
    reason = " ".join(reason.split())[:120]
    if len(reason) < 4:
        raise DrawBusy("请写明取消的原因，至少 4 个字，参与的人会看到。")
    with transaction():
        draw = lock_draw(queries.get_draw_id(slug))
        if draw.state not in (DrawState.OPEN, DrawState.CLOSED):
            raise DrawBusy
        draw.state, draw.void_reason = DrawState.VOID.value, reason
        draw.closed_at = draw.closed_at or now
        _drop_waiting(draw.id)
        # Its coupons go out in no other way, so its campaign is over with it: nobody is led to a cancelled draw.
        running = update(CouponCampaign).where(CouponCampaign.id == draw.campaign_id, CouponCampaign.state.in_(GOING))
        changed_rows(running.values(state=CampaignState.ENDED.value, state_reason=reason))
        publishing.bump()
        audit.record(actor, "draw_void", "draw", draw.id, reason=reason)


def _drop_waiting(draw_id: int) -> None:
    waiting = update(DrawEntry).where(DrawEntry.draw_id == draw_id, DrawEntry.state == EntryState.WAITING.value)
    changed_rows(waiting.values(state=EntryState.VOID.value))


def _problems(campaign: CouponCampaign, draw: Draw, now: datetime) -> list[tuple[str, str]]:
    promise = queries.promise_of(draw, campaign.slug)
    found = legal_problems(promise)
    if campaign.way != ClaimWay.DRAW:
        found.append(("领取方式", "这个券活动的领取方式不是夺券"))
    if phase_of(campaign, now) not in (CampaignPhase.UPCOMING, CampaignPhase.RUNNING):
        found.append(("券活动", "先发布券活动，并且领取时间还没有结束"))
    if campaign.total - campaign.claimed < draw.winners or draw.winners < 1:
        found.append(("奖品数量", f"中奖名额是 {draw.winners} 个，券还有 {campaign.total - campaign.claimed} 张"))
    if campaign.daily_total is not None:
        found.append(("奖品数量", "夺券的奖品一次发出，请去掉每日总量"))
    terms = _terms(campaign)
    if not prize_worth(terms):
        found.append(("奖品公示", "请在券活动写明单张价值（面值或单张成本）"))
    elif prize_worth(terms) <= MOST_PRIZE_FEN < most_worth(terms):  # more than it is said to be worth
        text = f"一张券最多可抵的金额超过 {format_yuan(MOST_PRIZE_FEN)}，或者没有封顶"
        found.append(("反不正当竞争法：最高奖金额", text))
    if draw.closes_at is not None and draw.draws_at < draw.closes_at + SETTLING:
        found.append(("开奖时间", f"开奖至少要在参与结束 {SETTLING.seconds // 60} 分钟以后，付款才来得及核对"))
    if campaign.valid_until is not None and campaign.valid_until < draw.draws_at + timedelta(days=7):
        found.append(("兑奖时间", "券的有效期至少要到开奖后 7 天"))
    return found


def _suggested(campaign: CouponCampaign, terms: Terms, plan: Plan, now: datetime) -> dict[str, str]:
    return suggest(
        terms,
        winners=plan.winners,
        opens_at=_opens_at(campaign, now),
        closes_at=campaign.claim_until,
        draws_at=plan.draws_at,
        valid_until=campaign.valid_until,
        valid_days=campaign.valid_days,
        beacon_source=plan.beacon_source,
        organiser=plan.organiser,
    )


def _opens_at(campaign: CouponCampaign, now: datetime) -> datetime:
    return max(campaign.claim_from, now + LEAD)


def _terms(campaign: CouponCampaign) -> Terms:
    series = db.session.scalars(select(CampaignSeries.series_id).where(CampaignSeries.campaign_id == campaign.id))
    dealers = db.session.scalars(select(CampaignDealer.dealer_id).where(CampaignDealer.campaign_id == campaign.id))
    return terms_of(campaign, list(series), list(dealers))


def _lock_campaign(slug: str) -> CouponCampaign:
    row = db.session.scalar(
        select(CouponCampaign)
        .where(CouponCampaign.slug == slug, CouponCampaign.way == ClaimWay.DRAW.value)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row
