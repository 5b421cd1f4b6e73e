"""The live board of a campaign: what went out, what is held, used and over, by channel, store and day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from app.core import clock
from app.core.db import db
from app.coupons.models import CampaignTerms, ClaimCode, Coupon, CouponCampaign
from app.coupons.rules import CouponState, Terms
from app.dealers.models import Dealer

DAYS = 14


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a channel or a store."""

    name: str
    issued: int
    redeemed: int
    fen: int = 0
    dealer_fen: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    issued: int
    redeemed: int


@dataclass(frozen=True, slots=True)
class Board:
    """`issued` is everything that went out; the states below add up to it. `adds_up`: the campaign counted the same."""

    total: int
    issued: int
    open: int
    held: int
    redeemed: int
    expired: int
    revoked: int
    today: int
    redeemed_fen: int
    dealer_fen: int
    adds_up: bool
    channels: list[Row]
    dealers: list[Row]
    days: list[Day]

    @property
    def left(self) -> int:
        return max(0, self.total - self.issued)

    @property
    def headquarters_fen(self) -> int:
        return self.redeemed_fen - self.dealer_fen


_used = case((Coupon.state == CouponState.REDEEMED.value, 1), else_=0)


def get_board(campaign_id: int, now: datetime) -> Board:
    """As it stands; a handful of statements, however many coupons there are."""
    mine = Coupon.campaign_id == campaign_id
    counted = db.session.execute(
        select(CouponCampaign.total, CouponCampaign.claimed).where(CouponCampaign.id == campaign_id)
    ).one()
    states = _states(mine, now)
    dealers, fen, dealer_fen = _dealers(mine)
    issued, today = sum(states.values()), clock.local(now).date()
    days = _days(mine, today)
    return Board(
        total=counted[0],
        issued=issued,
        open=states.get(CouponState.ISSUED, 0),
        held=states.get(CouponState.HELD, 0),
        redeemed=states.get(CouponState.REDEEMED, 0),
        expired=states.get(CouponState.EXPIRED, 0),
        revoked=states.get(CouponState.REVOKED, 0),
        today=next((day.issued for day in days if day.on == today), 0),
        redeemed_fen=fen,
        dealer_fen=dealer_fen,
        adds_up=counted[1] == issued,
        channels=_channels(mine),
        dealers=dealers,
        days=days,
    )


def _states(mine: ColumnElement[bool], now: datetime) -> dict[str, int]:
    """A coupon whose time is over counts as expired, also before the sweep has marked it."""
    over = (Coupon.state == CouponState.ISSUED.value) & (Coupon.valid_until <= now)
    state = case((over, CouponState.EXPIRED.value), else_=Coupon.state)
    return {row[0]: row[1] for row in db.session.execute(select(state, func.count()).where(mine).group_by(state))}


def _channels(mine: ColumnElement[bool]) -> list[Row]:
    wanted = select(Coupon.way, Coupon.channel, func.count(), func.sum(_used)).where(mine)
    rows = db.session.execute(wanted.group_by(Coupon.way, Coupon.channel).order_by(func.count().desc()))
    found = [(str(row[0]), str(row[1]), int(row[2]), int(row[3] or 0)) for row in rows]
    codes = [channel.partition(":")[2] for _way, channel, _n, _r in found if ":" in channel]
    named = db.session.execute(select(ClaimCode.code, ClaimCode.label).where(ClaimCode.code.in_(codes)))
    labels = {row[0]: row[1] for row in named}
    return [Row(_named(way, channel, labels), issued, used) for way, channel, issued, used in found]


def _named(way: str, channel: str, labels: dict[str, str]) -> str:
    kind, _, code = channel.partition(":")
    where = f"{kind} {labels.get(code, code)}".strip() if code else kind
    return f"{way} · {where}" if where else way


def _dealers(mine: ColumnElement[bool]) -> tuple[list[Row], int, int]:
    """By store: handed out there, redeemed there, what that came to and what the store bears of it."""
    given = dict[int, int]()
    wanted = select(Coupon.dealer_id, func.count()).where(mine, Coupon.dealer_id.is_not(None))
    for row in db.session.execute(wanted.group_by(Coupon.dealer_id)):
        given[row[0] or 0] = row[1]
    used: dict[int, list[int]] = {}
    worth = (Coupon.redeemed_dealer_id, Coupon.terms_id, Coupon.redeemed_fen)
    rows = db.session.execute(
        select(*worth, func.count()).where(mine, Coupon.state == CouponState.REDEEMED.value).group_by(*worth)
    )
    found: list[tuple[Any, ...]] = [tuple(row) for row in rows]
    shares = _shares([row[1] for row in found])
    for dealer_id, terms_id, fen, many in found:
        line = used.setdefault(dealer_id or 0, [0, 0, 0])
        each = int(fen or 0)
        # The store's part of each coupon is rounded by itself, as the ledger has it.
        for n, more in enumerate((many, many * each, many * (each * shares[terms_id] // 1000))):
            line[n] += more
    ids = {one for one in (*given, *used) if one}
    names = {row[0]: row[1] for row in db.session.execute(select(Dealer.id, Dealer.name).where(Dealer.id.in_(ids)))}
    lines = [
        Row(names.get(one, "线上"), given.get(one, 0), *used.get(one, (0, 0, 0)))
        for one in sorted({*given, *used}, key=lambda one: (-used.get(one, [0])[0], -given.get(one, 0), one))
    ]
    return lines, sum(line.fen for line in lines), sum(line.dealer_fen for line in lines)


def _shares(terms_ids: list[int]) -> dict[int, int]:
    rows = db.session.execute(select(CampaignTerms.id, CampaignTerms.rules).where(CampaignTerms.id.in_(terms_ids)))
    return {row[0]: Terms.from_json(row[1]).share_permille for row in rows}


def _days(mine: ColumnElement[bool], today: date) -> list[Day]:
    """The last days on which something happened, the latest first."""
    since = today - timedelta(days=DAYS - 1)
    out = db.session.execute(
        select(Coupon.claimed_on, func.count()).where(mine, Coupon.claimed_on >= since).group_by(Coupon.claimed_on)
    )
    issued: dict[date, int] = {row[0]: row[1] for row in out}
    begin = clock.from_local(datetime.combine(since, datetime.min.time()))
    used: dict[date, int] = {}
    moments = select(Coupon.redeemed_at).where(
        mine, Coupon.state == CouponState.REDEEMED.value, Coupon.redeemed_at >= begin
    )
    for moment in db.session.scalars(moments):
        if moment is not None:
            on = clock.local(moment).date()
            used[on] = used.get(on, 0) + 1
    return [Day(on, issued.get(on, 0), used.get(on, 0)) for on in sorted({*issued, *used}, reverse=True)]
