"""券活动 as headquarters run them: written, copied, published, paused, ended. Claimed coupons never change."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, publishing
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.errors import (
    CampaignEdited,
    CampaignSlugTaken,
    CampaignStep,
    CampaignUnlawful,
    CampaignWorse,
    NotRehearsed,
    ReasonMissing,
    TotalBelowClaimed,
)
from app.coupons.models import CampaignDealer, CampaignRehearsal, CampaignSeries, CouponCampaign
from app.coupons.queries.admin import draft_of
from app.coupons.rules import CampaignState
from app.coupons.rules.editing import Draft, differences, worsened
from app.coupons.rules.lawful import Breach, breaches

OPEN = (CampaignState.PUBLISHED.value, CampaignState.PAUSED.value)
REASON_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """What an operator had before their eyes: the campaign, and the fingerprint of what it said."""

    campaign_id: int
    fingerprint: str


def create_campaign(actor: Actor, draft: Draft, now: datetime, copy_of: int | None = None) -> int:
    """A new campaign that nobody sees yet; its id. CampaignSlugTaken."""
    _require_operator(actor)
    try:
        with transaction() as session:
            row = CouponCampaign(**draft.columns(), claimed=0, state=CampaignState.DRAFT.value)
            session.add(row)
            session.flush()
            _link(row.id, draft)
            name = "campaign_created" if copy_of is None else "campaign_copied"
            audit.record(actor, name, "campaign", row.id, slug=draft.slug, of=copy_of)
            return row.id
    except IntegrityError:
        if db.session.scalar(select(CouponCampaign.id).where(CouponCampaign.slug == draft.slug)) is None:
            raise
        raise CampaignSlugTaken from None


def copy_campaign(actor: Actor, campaign_id: int, slug: str, title: str, now: datetime) -> int:
    """A new draft that says the same under another number and name. NotFound, CampaignSlugTaken."""
    source = draft_of(campaign_id)
    db.session.rollback()
    return create_campaign(actor, replace(source, slug=slug, title=title), now, campaign_id)


def edit_campaign(actor: Actor, seen: Seen, draft: Draft, now: datetime, reason: str = "") -> None:
    """Make the campaign say this. Who claimed keeps the terms of the claim; who claims from now on gets these.

    One that was published may become better for people, with a reason, and never worse, never below what went out.
    Locks the campaign, so an edit divides a crowd cleanly.
    CampaignEdited, CampaignSlugTaken, CampaignWorse, CampaignUnlawful, ReasonMissing, TotalBelowClaimed, CampaignStep.
    """
    _require_operator(actor)
    reason = reason.strip()[:REASON_LENGTH]
    try:
        with transaction():
            row = _lock(seen.campaign_id)
            before = _read(row, seen)
            if row.state == CampaignState.ENDED:
                raise CampaignStep
            if row.state in OPEN:
                _check_open(before, draft, reason, now)
            if draft.total < row.claimed:
                raise TotalBelowClaimed(row.claimed)
            changed = differences(before, draft)
            if not changed:
                return
            changed_rows(update(CouponCampaign).where(CouponCampaign.id == row.id).values(**draft.columns()))
            _link(row.id, draft)
            # Terms are remembered under the published number: who claims after this reads them anew.
            publishing.bump()
            audit.record(actor, "campaign_edited", "campaign", row.id, reason=reason, changed=changed)
    except IntegrityError:
        raise CampaignSlugTaken from None


def publish_campaign(actor: Actor, seen: Seen, now: datetime) -> None:
    """Let a draft go online; before its window it is announced, within it can be claimed.

    It must be lawful now, and have been rehearsed as it is with everything green.
    CampaignEdited, CampaignUnlawful (names each rule), NotRehearsed, CampaignStep.
    """
    _require_operator(actor)
    with transaction():
        row = _lock(seen.campaign_id)
        draft = _read(row, seen)
        if row.state != CampaignState.DRAFT or row.withdrawn:
            raise CampaignStep
        _check_lawful(draft, now)
        latest = db.session.scalar(
            select(CampaignRehearsal)
            .where(CampaignRehearsal.campaign_id == row.id)
            .order_by(CampaignRehearsal.id.desc())
            .limit(1)
        )
        if latest is None or not latest.green or latest.fingerprint != draft.fingerprint:
            raise NotRehearsed
        _move(row.id, (CampaignState.DRAFT.value,), state=CampaignState.PUBLISHED.value, published_at=now)
        audit.record(actor, "campaign_published", "campaign", row.id, terms=draft.promise.digest)


def pause_campaign(actor: Actor, campaign_id: int, reason: str, now: datetime) -> None:
    """From this moment nobody claims; coupons people hold stay good. ReasonMissing, CampaignStep."""
    _step(actor, campaign_id, "campaign_paused", (CampaignState.PUBLISHED.value,), CampaignState.PAUSED, reason, now)


def resume_campaign(actor: Actor, campaign_id: int, now: datetime) -> None:
    """Claiming goes on where it stopped, if it is still lawful. CampaignUnlawful, CampaignStep."""
    _require_operator(actor)
    with transaction():
        row = _lock(campaign_id)
        if row.state != CampaignState.PAUSED:
            raise CampaignStep
        _check_lawful(draft_of(campaign_id), now)
        _move(campaign_id, (CampaignState.PAUSED.value,), state=CampaignState.PUBLISHED.value, state_reason="")
        audit.record(actor, "campaign_resumed", "campaign", campaign_id)


def end_campaign(actor: Actor, campaign_id: int, reason: str, now: datetime) -> None:
    """Nothing is claimed any more, for good; coupons people hold stay good. ReasonMissing, CampaignStep."""
    states = (*OPEN, CampaignState.DRAFT.value)
    _step(actor, campaign_id, "campaign_ended", states, CampaignState.ENDED, reason, now)


def _step(
    actor: Actor, campaign_id: int, action: str, states: tuple[str, ...], to: CampaignState, reason: str, now: datetime
) -> None:
    _require_operator(actor)
    reason = reason.strip()[:REASON_LENGTH]
    if not reason:
        raise ReasonMissing
    with transaction():
        _lock(campaign_id)
        _move(campaign_id, states, state=to.value, state_reason=reason)
        audit.record(actor, action, "campaign", campaign_id, reason=reason, at=now.isoformat())


def _move(campaign_id: int, states: tuple[str, ...], **values: Any) -> None:
    guarded = update(CouponCampaign).where(CouponCampaign.id == campaign_id, CouponCampaign.state.in_(states))
    if changed_rows(guarded.values(**values)) != 1:
        raise CampaignStep
    publishing.bump()


def _lock(campaign_id: int) -> CouponCampaign:
    wanted = select(CouponCampaign).where(CouponCampaign.id == campaign_id).with_for_update(key_share=True)
    row = db.session.scalar(wanted.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def _read(row: CouponCampaign, seen: Seen) -> Draft:
    """The campaign as it stands, if that is what was seen."""
    draft = draft_of(row.id)
    if draft.fingerprint != seen.fingerprint:
        raise CampaignEdited
    return draft


def _check_open(before: Draft, after: Draft, reason: str, now: datetime) -> None:
    if worse := worsened(before, after):
        raise CampaignWorse(_pairs(worse))
    _check_lawful(after, now)
    if not reason:
        raise ReasonMissing


def _check_lawful(draft: Draft, now: datetime) -> None:
    if found := breaches(draft.offer, now):
        raise CampaignUnlawful(_pairs(found))


def _pairs(found: list[Breach]) -> list[tuple[str, str]]:
    return [(each.rule, each.text) for each in found]


def _link(campaign_id: int, draft: Draft) -> None:
    for table, column, ids in (
        (CampaignSeries, "series_id", draft.series),
        (CampaignDealer, "dealer_id", draft.dealers or ()),
    ):
        changed_rows(delete(table).where(table.campaign_id == campaign_id))
        if ids:
            db.session.execute(insert(table), [{"campaign_id": campaign_id, column: one} for one in ids])


def _require_operator(actor: Actor) -> None:
    if actor.kind != "operator" or actor.id is None:
        raise NotAllowed
