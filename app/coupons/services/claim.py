"""领取: the one place where a coupon comes into being, whatever the way."""

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.core import clock, ids, publishing
from app.core.db import execute, in_transaction, line_up, locks_rows, retry_deadlock, table_of, transaction
from app.core.errors import DomainError, NotFound
from app.core.security import Actor
from app.coupons.errors import (
    AllClaimed,
    AllClaimedToday,
    CampaignNotRunning,
    CampaignNotStarted,
    CampaignPaused,
    DayLimit,
    PersonLimit,
    WishersFirst,
    WrongChannel,
    WrongWay,
)
from app.coupons.models import CampaignDay, Coupon, CouponCampaign, Wish
from app.coupons.queries.claims import OFFERED, Claimed, Offered, Standing, list_standing, look_before, read_again
from app.coupons.rules import CampaignPhase, CampaignState, ClaimWay, CouponState, phase_of, validity_end
from app.coupons.rules.claiming import HasPhase, channel_allowed, free_slot
from app.coupons.rules.terms import dealer_share
from app.coupons.services.terms import find_terms, keep_terms
from app.ledger.rules import LedgerEvent
from app.ledger.services import append
from app.members import services as member_services
from app.visits.rules import Touch
from app.visits.services import credit

KEY_LENGTH = 64
_campaigns, _days, _wishes = table_of(CouponCampaign), table_of(CampaignDay).c, table_of(Wish).c
_c = _campaigns.c
_NOW, _MEMBER = bindparam("now", type_=_c.claim_from.type), bindparam("member", type_=Integer)
# Whether it is handed out beside the campaign's own way, or owed: a prize of a draw whose result stands.
GIVEN, PRIZE = 1, 2
_GIVEN = bindparam("given", type_=Integer)
_WISHED = (
    select(_wishes.id)
    .where(_wishes.group_id == _c.wish_group_id, _wishes.member_id == _MEMBER, _wishes.state != "withdrawn")
    .exists()
)
_ONE = update(_campaigns).where(_c.id == bindparam("campaign"))
_TAKE = (
    _ONE.where(
        _c.claimed < _c.total,
        or_(
            _GIVEN == PRIZE,
            and_(
                _c.state == CampaignState.PUBLISHED.value,
                _c.withdrawn.is_(False),
                _c.claim_from <= _NOW,
                _c.claim_until > _NOW,
                or_(_c.head_start_until.is_(None), _c.head_start_until <= _NOW, _GIVEN == GIVEN, _WISHED),
            ),
        ),
    )
    .values(claimed=_c.claimed + 1)
    .returning(*OFFERED)
)
_RETURN = _ONE.values(claimed=_c.claimed - 1)
_DAY = _days.campaign_id == bindparam("campaign"), _days.on == bindparam("day")
_TAKE_DAY = (
    update(table_of(CampaignDay))
    .where(*_DAY, _days.claimed < bindparam("most", type_=Integer))
    .values(claimed=_days.claimed + 1)
)
_DAY_STANDS = select(_days.claimed).where(*_DAY)
_BEGIN_DAY = insert(table_of(CampaignDay))
_ADD = insert(table_of(Coupon)).returning(table_of(Coupon).c.id)


def claim_coupon(
    actor: Actor,
    campaign_slug: str,
    now: datetime,
    *,
    key: str,
    way: str,
    channel: str = "",
    dealer_id: int | None = None,
    staff_id: int | None = None,
    given: bool = False,
    prize: bool = False,
    member_id: int | None = None,
    touch: Touch | None = None,
) -> Claimed:
    """Take one coupon of the campaign for the member who acts (or `member_id`); the same `key` gives the same again.

    What a way demands (a passphrase, a code, a won draw) is proved by the caller. `given`: handed out beside the
    campaign's own way, channels and head start. `prize`: owed to the winner of a draw, also when the window is over or
    the campaign paused; coupons of a draw go out in no other way.
    Joins the caller's transaction; locks member, campaign, ledger head.
    NotFound, CampaignNotRunning, AllClaimed, AllClaimedToday, PersonLimit, DayLimit, WrongWay, WrongChannel,
    WishersFirst, AccountGone.
    """
    holder = member_id if member_id is not None else actor.id if actor.kind == "member" else None
    if holder is None:
        raise NotFound
    key = scoped(campaign_slug, key)
    before = look_before(campaign_slug, holder, key)
    if before is None:
        raise NotFound
    if before.same is not None:
        return before.same
    offered = before.campaign
    level = PRIZE if prize else GIVEN if given else 0
    if (offered.way != way and not level) or (offered.way == ClaimWay.DRAW and not prize):
        raise WrongWay(offered.way)
    if not level and not channel_allowed(offered.channels, channel):
        raise WrongChannel(offered.channels)
    if (refusal := refusal_of(offered, now, prize)) is not None:  # needs no lock; the guarded UPDATE decides again
        raise refusal
    piece = _Piece(actor, holder, key, way, channel, dealer_id, staff_id, level, touch)
    if in_transaction():
        return _take(offered, piece, now)
    with suppress(_Otherwise, IntegrityError):
        return _take_last(offered, piece, now)
    try:
        return _take(offered, piece, now)
    except IntegrityError:
        # The same form's other tap came at this very moment.
        known = look_before(campaign_slug, holder, key)
        if known is None or known.same is None:
            raise
        return known.same


def scoped(campaign_slug: str, key: str) -> str:
    """A key is one of its campaign, and as short as the column."""
    return hashlib.sha256(f"{campaign_slug}:{key}".encode()).hexdigest()[:KEY_LENGTH]


class _Piece:
    """What is known of the coupon before it exists."""

    __slots__ = ("actor", "channel", "dealer_id", "given", "key", "member_id", "staff_id", "touch", "way")

    def __init__(
        self,
        actor: Actor,
        member_id: int,
        key: str,
        way: str,
        channel: str,
        dealer_id: int | None,
        staff_id: int | None,
        given: int,
        touch: Touch | None,
    ) -> None:
        self.actor, self.member_id, self.key, self.way = actor, member_id, key, way
        self.channel, self.dealer_id, self.staff_id, self.given = channel, dealer_id, staff_id, given
        self.touch = touch


def refusal_of(campaign: HasPhase, now: datetime, prize: bool = False) -> DomainError | None:
    """Why nobody gets one of this campaign now, as it was read; None: it runs and has some left."""
    phase = phase_of(campaign, now)
    if phase is CampaignPhase.DRAFT:
        return NotFound()
    if prize:
        return AllClaimed() if campaign.claimed >= campaign.total else None
    if phase is CampaignPhase.UPCOMING:
        return CampaignNotStarted(clock.say(campaign.claim_from))
    if phase is CampaignPhase.PAUSED:
        return CampaignPaused()
    if phase is CampaignPhase.EXHAUSTED:
        return AllClaimed()
    return CampaignNotRunning() if phase is CampaignPhase.ENDED else None


class _Otherwise(Exception):
    """Not for the quick way, or not as it was read: undone, and decided with the campaign locked first."""


@retry_deadlock
def _take_last(offered: Offered, piece: _Piece, now: datetime) -> Claimed:
    """For the crowd, who all wait for one campaign: the coupon is written first, then the campaign locked and counted.

    The pieces are counted by the guard. One person's claims come one after the other: who writes a place and waits for
    the campaign, and who holds the campaign and waits for the place, would wait for each other.
    """
    if offered.daily_total is not None:
        raise _Otherwise
    with transaction():
        member_services.lock_member(piece.member_id)
        number, standing = list_standing(offered.id, piece.member_id)
        if any(row.claim_key == piece.key for row in standing):
            raise _Otherwise
        terms_id = find_terms(offered.id, number)
        if terms_id is None:  # written down with the campaign locked, or two would wait for each other
            raise _Otherwise
        claimed = _write(offered, piece, standing, terms_id, now)
        line_up(CouponCampaign, offered.id)
        taken = execute(_TAKE, _guard(offered, piece, now)).first()
        if taken is None or not _as_seen(offered, Offered(*taken)) or _changed_since(number):
            raise _Otherwise
        _report(offered, piece, claimed, now)
        return claimed


def _changed_since(number: int) -> bool:
    """Who edits the campaign has raised the number by now, or waits: the terms are those of this moment.

    On SQLite nobody else has written since the number was read.
    """
    return locks_rows() and execute(publishing.NUMBER, {}).scalar() != number


def _as_seen(before: Offered, after: Offered) -> bool:
    return before == after._replace(claimed=before.claimed)


@retry_deadlock
def _take(offered: Offered, piece: _Piece, now: datetime) -> Claimed:
    with transaction():
        member_services.lock_member(piece.member_id)
        taken = execute(_TAKE, _guard(offered, piece, now)).first()
        if taken is None:
            raise _why(offered.id, now, piece.given == PRIZE)
        campaign = Offered(*taken)
        number, standing = list_standing(campaign.id, piece.member_id)
        same = next((row for row in standing if row.claim_key == piece.key), None)
        if same is not None:  # the other tap of a double tap was faster
            execute(_RETURN, {"campaign": campaign.id})
            return Claimed(same.id, same.code, same.valid_until, True)
        try:
            claimed = _write(campaign, piece, standing, keep_terms(campaign.id, number, now), now)
        except DomainError:
            execute(_RETURN, {"campaign": campaign.id})  # a caller that goes on within its transaction took nothing
            raise
        _report(campaign, piece, claimed, now)
        return claimed


def _guard(offered: Offered, piece: _Piece, now: datetime) -> dict[str, Any]:
    return {"campaign": offered.id, "now": now, "member": piece.member_id, "given": piece.given}


def _report(campaign: Offered, piece: _Piece, claimed: Claimed, now: datetime) -> None:
    """The visit it is credited to, and its row of the ledger."""
    credit(piece.touch, "claim", claimed.coupon_id, piece.dealer_id, now)
    append(
        piece.actor,
        LedgerEvent.CLAIMED,
        "coupon",
        claimed.coupon_id,
        now,
        dealer_id=piece.dealer_id,
        campaign=campaign.slug,
        dealer_permille=dealer_share(campaign.payer, campaign.dealer_permille),
    )


def _why(campaign_id: int, now: datetime, prize: bool) -> DomainError:
    """Why the guarded UPDATE changed nothing."""
    campaign = read_again(campaign_id)
    refusal = refusal_of(campaign, now, prize)
    if refusal is not None:
        return refusal
    if campaign.head_start_until is not None and now < campaign.head_start_until:
        return WishersFirst(clock.say(campaign.head_start_until))
    return AllClaimed()


def _write(campaign: Offered, piece: _Piece, standing: list[Standing], terms_id: int, now: datetime) -> Claimed:
    today = clock.local(now).date()
    slot = free_slot([row.slot for row in standing if row.slot is not None], campaign.per_person)
    if slot is None:
        raise PersonLimit
    of_today = [row.day_slot for row in standing if row.claimed_on == today and row.day_slot is not None]
    day_slot = free_slot(of_today, campaign.per_day if campaign.per_day is not None else len(of_today) + 1)
    if day_slot is None:
        raise DayLimit
    until = validity_end(campaign.valid_until, campaign.valid_days, now)
    if until is None or until <= now:
        raise CampaignNotRunning
    if campaign.daily_total is not None and piece.given != PRIZE:
        _take_day(campaign.id, campaign.daily_total, now)
    code = ids.public_code(12)
    row = {
        "code": code,
        "campaign_id": campaign.id,
        "terms_id": terms_id,
        "member_id": piece.member_id,
        "slot": slot,
        "claimed_on": today,
        "day_slot": day_slot,
        "claim_key": piece.key,
        "claimed_at": now,
        "way": piece.way,
        "channel": piece.channel[:40],
        "dealer_id": piece.dealer_id,
        "staff_id": piece.staff_id,
        "valid_from": now,
        "valid_until": until,
        "state": CouponState.ISSUED,
        "state_at": now,
    }
    return Claimed(execute(_ADD, row).scalar_one(), code, until)


def _take_day(campaign_id: int, most: int, now: datetime) -> None:
    """One piece of today's share; the campaign is locked, so nobody begins the day beside us."""
    day = {"campaign": campaign_id, "day": clock.local(now).date()}
    if execute(_TAKE_DAY, day | {"most": most}).rowcount == 1:
        return
    if most < 1 or execute(_DAY_STANDS, day).first() is not None:
        raise AllClaimedToday
    execute(_BEGIN_DAY, {"campaign_id": campaign_id, "on": day["day"], "claimed": 1})
