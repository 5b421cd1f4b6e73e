"""The ways to get a coupon that demand a proof: 口令, 新会员, 扫码. Each proves it and then claims."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update

from app.core.db import changed_rows, db, insert_new, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.security import Actor, constant_time_equal, fingerprint
from app.coupons.errors import CodeStopped, NewcomerBefore, NotNewcomer, PassphraseWrong, TooManyTries
from app.coupons.models import ClaimCode, ClaimTry, CouponCampaign
from app.coupons.queries.claims import Claimed, look_before
from app.coupons.rules import CampaignPhase, Channel, ClaimWay, phase_of
from app.coupons.rules.plain import NEWCOMER_DAYS
from app.coupons.services.claim import claim_coupon, scoped
from app.members import queries as members
from app.members.models import Member
from app.members.services import lock_member
from app.visits.rules import Touch

PASSPHRASE, NEWCOMER = "passphrase", "newcomer"
WINDOW = timedelta(minutes=10)
MEMBER_TRIES, ADDRESS_TRIES, ALL_TRIES = 5, 40, 400
TRIES_KEPT = timedelta(days=2)


# ---- 口令 ----


def claim_by_passphrase(
    actor: Actor,
    passphrase: str,
    now: datetime,
    *,
    key: str,
    address_digest: str | None = None,
    touch: Touch | None = None,
) -> Claimed:
    """Claim with a passphrase. Whatever is wrong with it is refused in the same words; wrong ones are limited.

    Tries are counted in the database before anything is compared: five wrong ones of a member, forty of an address and
    four hundred of everybody within ten minutes. PassphraseWrong, TooManyTries, and the refusals of a claim.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    try_id = _count_try(actor.id, address_digest, now)
    campaign = _find_by_passphrase(passphrase, now)
    if campaign is None:
        raise PassphraseWrong
    with transaction():
        changed_rows(update(ClaimTry).where(ClaimTry.id == try_id).values(won=True, campaign_id=campaign.id))
    return claim_coupon(actor, campaign.slug, now, key=key, way=ClaimWay.PASSPHRASE, channel=Channel.PAGE, touch=touch)


def plain_passphrase(text: str) -> str:
    """However it was typed: full width or half, large or small, with spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())[:40]


def _count_try(member_id: int, address_digest: str | None, now: datetime) -> int:
    """Write the try down, then judge: nobody tries more often by trying at the same moment."""
    with transaction(durable=True) as session:
        lock_member(member_id)
        row = ClaimTry(kind=PASSPHRASE, member_id=member_id, address_digest=address_digest, at=now)
        session.add(row)
        session.flush()
        wrong = (ClaimTry.kind == PASSPHRASE, ClaimTry.won.is_(False), ClaimTry.at > now - WINDOW)
        counts = [(MEMBER_TRIES, ClaimTry.member_id == member_id), (ALL_TRIES, ClaimTry.id <= row.id)]
        if address_digest is not None:
            counts.append((ADDRESS_TRIES, ClaimTry.address_digest == address_digest))
        tried = [(most, session.scalar(select(func.count()).where(*wrong, whose)) or 0) for most, whose in counts]
        try_id, beyond = row.id, any(count > most for most, count in tried)
        if beyond:
            session.delete(row)  # who waits gets in again, however often was tried meanwhile
    if beyond:
        raise TooManyTries
    return try_id


def _find_by_passphrase(passphrase: str, now: datetime) -> CouponCampaign | None:
    """Every campaign that has one is compared, each in the same time."""
    given = plain_passphrase(passphrase)
    rows = db.session.scalars(
        select(CouponCampaign).where(CouponCampaign.way == ClaimWay.PASSPHRASE.value, CouponCampaign.claim_until > now)
    )
    fitting = [
        row
        for row in rows
        if constant_time_equal(plain_passphrase(row.passphrase), given)
        and given
        and phase_of(row, now) in (CampaignPhase.RUNNING, CampaignPhase.EXHAUSTED)
    ]
    # The same words for two campaigns: the one that still has some.
    return min(fitting, key=lambda row: (row.claimed >= row.total, row.claim_until), default=None)


def purge_tries(now: datetime) -> int:
    """Forget wrong tries that count no more; what says that somebody was a newcomer once stays."""
    with transaction():
        return changed_rows(
            delete(ClaimTry).where(ClaimTry.kind == PASSPHRASE, ClaimTry.key.is_(None), ClaimTry.at < now - TRIES_KEPT)
        )


# ---- 新会员 ----


@retry_deadlock
def claim_as_newcomer(
    actor: Actor, slug: str, now: datetime, *, key: str, secret: str, touch: Touch | None = None
) -> Claimed:
    """Claim within the first days of a membership, once for each person: also after a merge, or erased and come back.

    What is kept for that is a keyed digest of the WeChat identity and of the proved number, for this campaign alone.
    NotNewcomer, NewcomerBefore, and the refusals of a claim.
    """
    member_id = actor.id
    if actor.kind != "member" or member_id is None:
        raise NotFound
    before = look_before(slug, member_id, scoped(slug, key))
    if before is None:
        raise NotFound
    if before.same is not None:
        return before.same
    if not is_newcomer(member_id, now):
        raise NotNewcomer(NEWCOMER_DAYS)
    try:
        with transaction():
            for digest in _who(member_id, slug, secret):
                row = {"kind": NEWCOMER, "campaign_id": before.campaign.id, "member_id": member_id, "key": digest}
                if insert_new(ClaimTry, "key", row | {"won": True, "at": now}) is None:
                    raise NewcomerBefore
            return claim_coupon(actor, slug, now, key=key, way=ClaimWay.NEW_MEMBER, channel=Channel.PAGE, touch=touch)
    except NewcomerBefore:
        again = look_before(slug, member_id, scoped(slug, key))
        if again is None or again.same is None:
            raise
        return again.same  # the other tap of a double tap was faster


def is_newcomer(member_id: int, now: datetime) -> bool:
    """Whether the person came within the last days; of joined accounts the oldest counts."""
    accounts = select(func.min(Member.created_at)).where(
        or_(Member.id == member_id, Member.merged_into_id == member_id)
    )
    since = db.session.scalar(accounts)
    return since is not None and since > now - timedelta(days=NEWCOMER_DAYS)


def _who(member_id: int, slug: str, secret: str) -> Iterable[str]:
    member = members.get_member(member_id)
    names = [f"openid:{openid}" for openid in members.list_openids(member_id)]
    if member.phone and member.phone_verified_at:
        names.append(f"phone:{member.phone}")
    return sorted(fingerprint(secret, f"newcomer:{slug}", name) for name in names or [f"member:{member_id}"])


# ---- 扫码 ----


@retry_deadlock
def claim_by_code(
    actor: Actor, slug: str, code: str, now: datetime, *, key: str, touch: Touch | None = None
) -> Claimed:
    """Claim with the code of a poster, a leaflet or a store; counted by code. A stopped or foreign one is refused.

    A campaign one may claim by a tap counts its codes, too. CodeStopped, and the refusals of a claim.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    before = look_before(slug, actor.id, scoped(slug, key))
    if before is None:
        raise NotFound
    if before.same is not None:
        return before.same
    found = find_code(slug, code)
    if found is None:
        raise CodeStopped
    kind = Channel.CODE if found.dealer_id is None else Channel.STORE_CODE
    code_id, channel, dealer_id = found.id, f"{kind}:{found.code}", found.dealer_id
    one = update(ClaimCode).where(ClaimCode.id == code_id, ClaimCode.stopped_at.is_(None))
    with transaction():
        # The code before the campaign, as everybody does who holds both.
        if changed_rows(one.values(claimed=ClaimCode.claimed + 1)) != 1:
            raise CodeStopped
        way = before.campaign.way
        claimed = claim_coupon(
            actor,
            slug,
            now,
            key=key,
            way=way if way in (ClaimWay.DIRECT, ClaimWay.SCAN) else ClaimWay.SCAN,
            channel=channel,
            dealer_id=dealer_id,
            touch=touch,
        )
        if claimed.again:
            changed_rows(one.values(claimed=ClaimCode.claimed - 1))
        return claimed


def find_code(slug: str, code: str) -> ClaimCode | None:
    """The code if it belongs to this campaign and is not stopped."""
    wanted = select(ClaimCode).join(CouponCampaign, CouponCampaign.id == ClaimCode.campaign_id)
    mine = (ClaimCode.code == code.strip().upper()[:16], CouponCampaign.slug == slug, ClaimCode.stopped_at.is_(None))
    return db.session.scalar(wanted.where(*mine))
