"""One's own coupons: the wallet and the page of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.catalog.models import Series
from app.core.clock import local, say
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign
from app.coupons.rules import STATE_WORDS, CouponState, Terms, Usage
from app.coupons.rules.plain import last_day, plain_terms, soon_words
from app.dealers.models import Dealer
from app.dealers.queries import SHOWN, NearDealer, open_state

READY, USED, OVER = "ready", "used", "over"
TABS = {READY: "待使用", USED: "已使用", OVER: "已过期"}
MOST = 200
UNDO = timedelta(minutes=10)  # so long a redemption may be undone (redemption.rules.SUPERVISOR_UNDO)


@dataclass(frozen=True, slots=True)
class OwnCoupon:
    """One coupon to its holder, by its own terms."""

    id: int
    code: str
    campaign_slug: str
    terms: Terms
    state: str
    tab: str
    valid_until: datetime
    now: datetime
    claimed_at: datetime
    way: str
    redeemed_at: datetime | None
    redeemed_where: str
    revoked_reason: str
    held_by: int | None

    @property
    def title(self) -> str:
        return self.terms.title

    @property
    def amount(self) -> int | None:
        return None if self.terms.kind == "折扣券" else self.terms.face_fen

    @property
    def groups(self) -> str:
        """7F3K 9Q2M 4TWX, to be read aloud."""
        return " ".join(self.code[i : i + 4] for i in range(0, len(self.code), 4))

    @property
    def over(self) -> bool:
        """Whether its time is over, also before the job has marked it."""
        return self.state == CouponState.EXPIRED or (self.state == CouponState.ISSUED and self.valid_until <= self.now)

    @property
    def usable(self) -> bool:
        return self.state == CouponState.ISSUED and not self.over

    @property
    def shows_code(self) -> bool:
        """Whether it is shown to a clerk; what is used online alone has nothing to show."""
        return self.usable and self.terms.usage != Usage.ONLINE

    @property
    def words(self) -> str:
        return STATE_WORDS[CouponState.EXPIRED if self.over else CouponState(self.state)]

    @property
    def until(self) -> str:
        return last_day(self.valid_until)

    @property
    def soon(self) -> str:
        return soon_words(self.valid_until, self.now) if self.usable else ""

    @property
    def used_words(self) -> str:
        """14:32 · 西湖店; with the day when it was not today."""
        if self.redeemed_at is None:
            return ""
        today = local(self.redeemed_at).date() == local(self.now).date()
        when = f"{local(self.redeemed_at):%H:%M}" if today else say(self.redeemed_at)
        return " · ".join(part for part in (when, self.redeemed_where or "在线预订") if part)

    @property
    def reviewable(self) -> bool:
        """Whether the visit in which it was redeemed may be reviewed: once nobody can undo it any more."""
        return self.redeemed_at is not None and bool(self.redeemed_where) and self.redeemed_at <= self.now - UNDO

    @property
    def may_turn_back(self) -> bool:
        """Whether the store may still undo its redemption, so that an open page goes on asking."""
        return self.state == CouponState.REDEEMED and bool(self.redeemed_where) and not self.reviewable

    @property
    def mark(self) -> str:
        """Changes with whatever the page shows of the state."""
        state = CouponState.EXPIRED if self.over else self.state
        return f"{state}:{int(self.valid_until.timestamp())}:{int(self.reviewable)}"

    @property
    def meta(self) -> str:
        """One line below the title."""
        threshold = f"满 {self.terms.threshold_fen // 100:,} 元可用 · " if self.terms.threshold_fen else ""
        if self.state == CouponState.REDEEMED:
            return self.used_words
        if self.state == CouponState.REVOKED:
            return self.revoked_reason or "由总部作废"
        return f"{threshold}有效期到 {self.until}" if not self.over else f"有效期到 {self.until}"


def tab_of(state: str, valid_until: datetime, now: datetime) -> str:
    """Where in the wallet a coupon is found. What a booking holds is still to be used."""
    if state == CouponState.HELD or (state == CouponState.ISSUED and valid_until > now):
        return READY
    return USED if state == CouponState.REDEEMED else OVER


def list_wallet(member_id: int, now: datetime, tab: str = READY) -> list[OwnCoupon]:
    """One tab of the wallet: to be used with the soonest to end first, the others newest first."""
    order: list[Any] = [Coupon.valid_until, Coupon.id] if tab == READY else [Coupon.state_at.desc(), Coupon.id.desc()]
    return list(_own(now, Coupon.member_id == member_id, _in_tab(tab, now), order=order))


def count_wallet(member_id: int, now: datetime) -> dict[str, int]:
    """How many coupons each tab has; one statement."""
    found = select(*(func.count().filter(_in_tab(tab, now)) for tab in TABS)).where(Coupon.member_id == member_id)
    return dict(zip(TABS, db.session.execute(found).one(), strict=True))


def count_ready(member_id: int, now: datetime) -> int:
    """How many are to be used."""
    found = select(func.count()).where(Coupon.member_id == member_id, _in_tab(READY, now))
    return db.session.scalar(found) or 0


def get_own(code: str, member_id: int, now: datetime) -> OwnCoupon:
    """One's own coupon; NotFound, also for somebody else's."""
    found = next(iter(_own(now, Coupon.code == code, Coupon.member_id == member_id)), None)
    if found is None:
        raise NotFound
    return found


def list_of_campaign(campaign_id: int, member_id: int, now: datetime) -> list[OwnCoupon]:
    """What the person has of a campaign, newest first; revoked ones left out."""
    mine = (Coupon.campaign_id == campaign_id, Coupon.member_id == member_id, Coupon.slot.is_not(None))
    return list(_own(now, *mine, order=[Coupon.id.desc()]))


def plain_of(coupon: OwnCoupon) -> list[str]:
    """Its terms in plain words, with the names of today."""
    return plain_of_terms(coupon.terms, coupon.valid_until)


def plain_of_terms(terms: Terms, valid_until: datetime | None = None) -> list[str]:
    """The same of terms that a coupon keeps."""
    series, dealers = _names(Series, terms.series), _names(Dealer, terms.dealers)
    return plain_terms(terms, series=series, dealers=dealers, valid_until=valid_until)


def _names(table: type[Series] | type[Dealer], ids: tuple[int, ...] | None) -> list[str]:
    return list(db.session.scalars(select(table.name).where(table.id.in_(ids)).order_by(table.id))) if ids else []


def _in_tab(tab: str, now: datetime) -> ColumnElement[bool]:
    issued, over = Coupon.state == CouponState.ISSUED.value, Coupon.valid_until <= now
    if tab == USED:
        return Coupon.state == CouponState.REDEEMED.value
    if tab == OVER:
        # Two years of what is over are enough to look at.
        gone = Coupon.state.in_((CouponState.EXPIRED.value, CouponState.REVOKED.value))
        return or_(gone, issued & over) & (Coupon.valid_until > now - timedelta(days=730))
    return or_(Coupon.state == CouponState.HELD.value, issued & ~over)


def _own(now: datetime, *conditions: ColumnElement[bool], order: list[Any] | None = None) -> Iterable[OwnCoupon]:
    wanted = (
        select(Coupon, CouponCampaign.slug, CampaignTerms.rules, Dealer.name)
        .join(CouponCampaign, CouponCampaign.id == Coupon.campaign_id)
        .join(CampaignTerms, CampaignTerms.id == Coupon.terms_id)
        .outerjoin(Dealer, Dealer.id == Coupon.redeemed_dealer_id)
        .where(*conditions)
        .order_by(*(order or [Coupon.id]))
        .limit(MOST)
        .execution_options(populate_existing=True)
    )
    for row, slug, rules, where in db.session.execute(wanted):
        yield OwnCoupon(
            id=row.id,
            code=row.code,
            campaign_slug=slug,
            terms=Terms.from_json(rules),
            state=row.state,
            tab=tab_of(row.state, row.valid_until, now),
            valid_until=row.valid_until,
            now=now,
            claimed_at=row.claimed_at,
            way=row.way,
            redeemed_at=row.redeemed_at,
            redeemed_where=where or "",
            revoked_reason=row.revoked_reason,
            held_by=row.held_by,
        )


def list_stores(dealer_ids: tuple[int, ...], now: datetime, limit: int = 5) -> tuple[list[NearDealer], bool]:
    """The first stores by city and name, and whether more follow."""
    shown = (Dealer.id.in_(dealer_ids), Dealer.status.in_(SHOWN))
    wanted = select(Dealer).where(*shown).order_by(Dealer.city, Dealer.name).limit(limit + 1)
    rows = [NearDealer(dealer, None, open_state(dealer, now)) for dealer in db.session.scalars(wanted)]
    return rows[:limit], len(rows) > limit
