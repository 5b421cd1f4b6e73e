"""店员发放: a clerk shows a code for one coupon; whoever scans it first, within minutes, takes it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from app.core import audit, ids
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor, fingerprint
from app.coupons.errors import CannotGive, GiftGone
from app.coupons.models import CampaignDealer, Coupon, CouponCampaign, GiftTicket
from app.coupons.queries.claims import Claimed
from app.coupons.rules import CampaignPhase, CampaignState, Channel, ClaimWay, phase_of
from app.coupons.services.claim import claim_coupon
from app.visits.rules import Touch

LIFE = timedelta(minutes=5)
PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """What the clerk's screen shows: `token` goes into the address `/coupons/gifts/<token>` of its QR code."""

    id: int
    token: str
    title: str
    expires_at: datetime


def list_giveable(dealer_id: int, now: datetime) -> list[CouponCampaign]:
    """What clerks of this store may hand out now."""
    takes_part = select(CampaignDealer.campaign_id).where(CampaignDealer.dealer_id == dealer_id)
    rows = db.session.scalars(
        select(CouponCampaign)
        .where(
            CouponCampaign.way == ClaimWay.STAFF.value,
            CouponCampaign.state == CampaignState.PUBLISHED.value,
            CouponCampaign.claim_until > now,
            or_(CouponCampaign.all_dealers, CouponCampaign.id.in_(takes_part)),
        )
        .order_by(CouponCampaign.claim_until, CouponCampaign.id)
    )
    return [row for row in rows if phase_of(row, now) is CampaignPhase.RUNNING]


def open_ticket(actor: Actor, slug: str, now: datetime, *, secret: str) -> OpenTicket:
    """A clerk begins to give one coupon of a campaign in which the store takes part. NotAllowed, CannotGive."""
    if actor.kind != "staff" or actor.id is None or actor.dealer_id is None:
        raise NotAllowed
    campaign = next((row for row in list_giveable(actor.dealer_id, now) if row.slug == slug), None)
    if campaign is None:
        raise CannotGive
    campaign_id, title, token = campaign.id, campaign.title, ids.token(16)
    with transaction() as session:
        mine = (GiftTicket.staff_id == actor.id, GiftTicket.created_at > now - timedelta(hours=1))
        if session.query(GiftTicket).filter(*mine).count() >= PER_HOUR:
            raise CannotGive("一小时内发放较多，请稍后再发，或请店长协助。")
        # The one before it is on no screen any more.
        changed_rows(update(GiftTicket).where(*mine, GiftTicket.taken_at.is_(None)).values(expires_at=now))
        row = GiftTicket(
            token_digest=_digest(secret, token),
            campaign_id=campaign_id,
            dealer_id=actor.dealer_id,
            staff_id=actor.id,
            created_at=now,
            expires_at=now + LIFE,
        )
        session.add(row)
        session.flush()
        audit.record(actor, "gift_opened", "gift_ticket", row.id, campaign=slug)
        return OpenTicket(row.id, token, title, row.expires_at)


@retry_deadlock
def take_ticket(actor: Actor, token: str, now: datetime, *, secret: str, touch: Touch | None = None) -> Claimed:
    """The first who scans it takes it; the same person again gets the same coupon. NotFound, GiftGone, and the
    refusals of a claim, which leave it to be taken by somebody else."""
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    ticket = find_ticket(token, secret=secret)
    if ticket is None:
        raise GiftGone
    if (known := _taken_by(ticket, actor.id)) is not None:
        return known
    ticket_id, dealer_id, staff_id = ticket.id, ticket.dealer_id, ticket.staff_id
    slug = db.session.scalar(select(CouponCampaign.slug).where(CouponCampaign.id == ticket.campaign_id)) or ""
    mine = update(GiftTicket).where(GiftTicket.id == ticket_id)
    with transaction():
        free = mine.where(GiftTicket.taken_at.is_(None), GiftTicket.expires_at > now)
        if changed_rows(free.values(taken_at=now)) != 1:
            found = db.session.get(GiftTicket, ticket_id, populate_existing=True)
            known = _taken_by(found, actor.id) if found is not None else None
            if known is None:
                raise GiftGone
            return known
        claimed = claim_coupon(
            actor,
            slug,
            now,
            key=f"gift:{ticket_id}",
            way=ClaimWay.STAFF,
            channel=Channel.STAFF,
            dealer_id=dealer_id,
            staff_id=staff_id,
            touch=touch,
        )
        changed_rows(mine.values(coupon_id=claimed.coupon_id))
        return claimed


def find_ticket(token: str, *, secret: str) -> GiftTicket | None:
    """The ticket behind a scanned token, whatever became of it."""
    wanted = select(GiftTicket).where(GiftTicket.token_digest == _digest(secret, token[:64]))
    return db.session.scalar(wanted.execution_options(populate_existing=True))


def ticket_state(ticket_id: int, actor: Actor, now: datetime) -> str:
    """waiting, taken or over, for the screen of the clerk who opened it. NotFound."""
    row = db.session.get(GiftTicket, ticket_id, populate_existing=True)
    if row is None or row.staff_id != actor.id or actor.kind != "staff":
        raise NotFound
    if row.taken_at is not None:
        return "taken"
    return "waiting" if row.expires_at > now else "over"


def _taken_by(ticket: GiftTicket, member_id: int) -> Claimed | None:
    row = db.session.get(Coupon, ticket.coupon_id) if ticket.coupon_id is not None else None
    return Claimed(row.id, row.code, row.valid_until, True) if row is not None and row.member_id == member_id else None


def _digest(secret: str, token: str) -> str:
    return fingerprint(secret, "gift", token)
