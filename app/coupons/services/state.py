"""核销, 撤销, 作废, 过期: what becomes of a coupon. Each change is one guarded UPDATE and one row of the ledger."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, literal, select, update

from app.core.clock import say
from app.core.db import changed_rows, db, execute, forget, look, retry_deadlock, table_of, transaction
from app.core.errors import NotFound
from app.core.security import Actor
from app.coupons.errors import (
    CouponElsewhere,
    CouponExpired,
    CouponHeld,
    CouponOnlineOnly,
    CouponRefused,
    CouponRevoked,
    CouponTooEarly,
    CouponUsed,
    NotRedeemed,
)
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.rules import CouponState, Terms, Usage
from app.dealers.models import Dealer
from app.ledger.rules import LedgerEvent
from app.ledger.services import append

BATCH = 200
_coupons, _campaigns = table_of(Coupon), table_of(CouponCampaign)
_terms, _dealers = table_of(CampaignTerms), table_of(Dealer)
_c = _coupons.c
_ID, _NOW = bindparam("coupon", type_=_c.id.type), bindparam("now", type_=_c.state_at.type)
_READ = (
    select(
        _c.id, _campaigns.c.slug, _c.state, _c.valid_from, _c.valid_until, _c.dealer_id, _c.redeemed_at,
        _c.redeemed_dealer_id, _c.redeemed_fen, _c.revoked_reason, _c.terms_id, _terms.c.rules,
        select(_dealers.c.name).where(_dealers.c.id == _c.redeemed_dealer_id).scalar_subquery(),
    )
    .join(_campaigns, _campaigns.c.id == _c.campaign_id)
    .join(_terms, _terms.c.id == _c.terms_id)
    .where(_c.id == _ID)
)  # fmt: skip
_REDEEM = (
    update(_coupons)
    .where(
        _c.id == _ID,
        _c.terms_id == bindparam("terms", type_=_c.id.type),
        _c.state == CouponState.ISSUED.value,
        _c.valid_from <= _NOW,
        _c.valid_until > _NOW,
    )
    .values(
        state=CouponState.REDEEMED.value,
        state_at=_NOW,
        redeemed_at=_NOW,
        redeemed_dealer_id=bindparam("store", type_=_c.id.type),
        redeemed_fen=bindparam("worth", type_=_c.redeemed_fen.type),
    )
)


class Standing(NamedTuple):
    """A coupon as it was read, with what it promises."""

    id: int
    campaign: str
    state: str
    valid_from: datetime
    valid_until: datetime
    dealer_id: int | None
    redeemed_at: datetime | None
    redeemed_dealer_id: int | None
    redeemed_fen: int | None
    revoked_reason: str
    terms_id: int
    terms: Terms
    redeemed_where: str


class Promise(NamedTuple):
    """What never changes of a coupon, so that whoever has read it need not read it again to redeem."""

    campaign: str
    terms_id: int
    terms: Terms

    def holds_at(self, dealer_id: int) -> bool:
        """Whether it is for this store, as far as its terms say."""
        return self.terms.usage != Usage.ONLINE and (self.terms.dealers is None or dealer_id in self.terms.dealers)


def refusal_of(coupon: Standing, dealer_id: int, now: datetime) -> CouponRefused | None:
    """Why this coupon cannot be redeemed at this dealer now; None: it can. Judged by its own terms."""
    if coupon.state == CouponState.REDEEMED and coupon.redeemed_at is not None:
        return CouponUsed(say(coupon.redeemed_at), coupon.redeemed_where or "门店")
    if coupon.state == CouponState.REVOKED:
        return CouponRevoked(coupon.revoked_reason)
    if coupon.state == CouponState.HELD:
        return CouponHeld()
    if coupon.state == CouponState.EXPIRED or now >= coupon.valid_until:
        return CouponExpired(say(coupon.valid_until))
    if now < coupon.valid_from:
        return CouponTooEarly(say(coupon.valid_from))
    if coupon.terms.usage == Usage.ONLINE:
        return CouponOnlineOnly()
    if coupon.terms.dealers is not None and dealer_id not in coupon.terms.dealers:
        return CouponElsewhere(store_names(coupon.terms.dealers))
    return None


def store_names(dealer_ids: tuple[int, ...]) -> str:
    """西湖店、滨江店等 5 家门店: some names of where it can be used."""
    named = select(Dealer.name).where(Dealer.id.in_(dealer_ids[:50])).order_by(Dealer.id).limit(3)
    names = "、".join(db.session.scalars(named))
    if len(dealer_ids) > 3:
        return f"{names}等 {len(dealer_ids)} 家门店"
    return names or "指定门店"


def read(coupon_id: int) -> Standing:
    """The coupon as it is committed now, without a lock. NotFound."""
    return _standing(look(_READ, {"coupon": coupon_id}).first())


def redeem(
    coupon_id: int, dealer_id: int, amount_fen: int, actor: Actor, now: datetime, promise: Promise | None = None
) -> None:
    """issued → redeemed at this dealer, once: of any number at the same moment one succeeds.

    Validity and dealer are judged inside, by the coupon's own terms; one that a booking holds cannot. `amount_fen` is
    what the redemption is worth, `promise` what the caller has read before. Joins the caller's transaction; locks
    coupon, ledger head.
    NotFound, CouponUsed, CouponHeld, CouponRevoked, CouponExpired, CouponTooEarly, CouponElsewhere, CouponOnlineOnly.
    """
    with transaction():
        promise = promise or _promise(_standing(execute(_READ, {"coupon": coupon_id}).first()))
        done = {"coupon": coupon_id, "terms": promise.terms_id, "now": now, "store": dealer_id, "worth": amount_fen}
        if not promise.holds_at(dealer_id) or execute(_REDEEM, done).rowcount != 1:
            coupon = _standing(execute(_READ, {"coupon": coupon_id}).first())
            raise refusal_of(coupon, dealer_id, now) or CouponRefused
        forget(Coupon, coupon_id)
        _enter(actor, LedgerEvent.REDEEMED, coupon_id, promise, now, dealer_id, amount_fen)


def undo(coupon_id: int, actor: Actor, now: datetime) -> None:
    """redeemed → issued: the redemption never was, and the coupon is good for as long as it was then.

    The time it was away is given back, so that a mistake at the counter costs the customer nothing. Who may undo is
    the caller's to know. NotFound, NotRedeemed.
    """
    with transaction():
        coupon = _standing(execute(_READ, {"coupon": coupon_id}).first())
        if coupon.state != CouponState.REDEEMED or coupon.redeemed_at is None:
            raise NotRedeemed
        back = update(Coupon).where(
            Coupon.id == coupon_id,
            Coupon.state == CouponState.REDEEMED.value,
            Coupon.redeemed_at == coupon.redeemed_at,
        )
        values = {
            "state": CouponState.ISSUED.value,
            "state_at": now,
            "redeemed_at": None,
            "redeemed_dealer_id": None,
            "redeemed_fen": None,
            "valid_until": coupon.valid_until + max(now - coupon.redeemed_at, timedelta()),
        }
        if changed_rows(back.values(**values)) != 1:
            raise NotRedeemed
        forget(Coupon, coupon_id)
        store, worth = coupon.redeemed_dealer_id, coupon.redeemed_fen or 0
        _enter(actor, LedgerEvent.UNDONE, coupon_id, _promise(coupon), now, store, worth)


def revoke(coupon_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """issued → revoked, with the reason the customer reads; the person may claim another. A held or used one cannot.

    NotFound, CouponRefused.
    """
    with transaction():
        coupon = _standing(execute(_READ, {"coupon": coupon_id}).first())
        if coupon.state != CouponState.ISSUED:
            raise _not_issued(coupon)
        gone = update(Coupon).where(Coupon.id == coupon_id, Coupon.state == CouponState.ISSUED.value)
        values = {"state": CouponState.REVOKED.value, "state_at": now, "revoked_reason": reason[:120], "slot": None}
        if changed_rows(gone.values(**values)) != 1:
            raise _not_issued(_standing(execute(_READ, {"coupon": coupon_id}).first()))
        forget(Coupon, coupon_id)
        _enter(actor, LedgerEvent.REVOKED, coupon_id, _promise(coupon), now, coupon.dealer_id)


@retry_deadlock
def expire_due(actor: Actor, now: datetime) -> int:
    """Mark what nobody can use any more; a piece at a time. What a booking holds waits for the booking."""
    # The state as a constant: the index holds these alone, and a planner has to see it.
    issued = Coupon.state == literal(CouponState.ISSUED.value, literal_execute=True)
    due = select(Coupon.id).where(issued, Coupon.valid_until <= now).order_by(Coupon.id).limit(BATCH)
    moved = 0
    while found := list(db.session.scalars(due)):
        moved += (marked := _expire(found, actor, now))
        if not marked:
            break
    db.session.rollback()
    return moved


def _expire(coupon_ids: list[int], actor: Actor, now: datetime) -> int:
    with transaction():
        gone: list[Standing] = []
        for coupon_id in coupon_ids:  # all coupons first, then the ledger, chain by chain
            over = update(Coupon).where(
                Coupon.id == coupon_id, Coupon.state == CouponState.ISSUED.value, Coupon.valid_until <= now
            )
            if changed_rows(over.values(state=CouponState.EXPIRED.value, state_at=now)) == 1:
                gone.append(_standing(execute(_READ, {"coupon": coupon_id}).first()))
                forget(Coupon, coupon_id)
        for coupon in sorted(gone, key=lambda row: (row.dealer_id or 0, row.id)):
            _enter(actor, LedgerEvent.EXPIRED, coupon.id, _promise(coupon), now, coupon.dealer_id)
    return len(gone)


def _not_issued(coupon: Standing) -> CouponRefused:
    if coupon.state == CouponState.HELD:
        return CouponHeld()
    if coupon.state == CouponState.REDEEMED and coupon.redeemed_at is not None:
        return CouponUsed(say(coupon.redeemed_at), coupon.redeemed_where or "门店")
    return CouponExpired(say(coupon.valid_until)) if coupon.state == CouponState.EXPIRED else CouponRefused()


def _promise(coupon: Standing) -> Promise:
    return Promise(coupon.campaign, coupon.terms_id, coupon.terms)


def _enter(
    actor: Actor,
    event: LedgerEvent,
    coupon_id: int,
    promise: Promise,
    now: datetime,
    dealer_id: int | None,
    amount_fen: int = 0,
) -> None:
    append(
        actor,
        event,
        "coupon",
        coupon_id,
        now,
        dealer_id=dealer_id,
        campaign=promise.campaign,
        amount_fen=amount_fen,
        dealer_permille=promise.terms.share_permille,
    )


def _standing(row: tuple[Any, ...] | None) -> Standing:
    if row is None:
        raise NotFound
    *values, rules, where = row
    return Standing._make((*values, Terms.from_json(rules), where or ""))
