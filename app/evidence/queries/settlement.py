"""结算依据: what each store redeemed of each campaign in a period, and who bears it; the ledger alone says it."""

from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby

from sqlalchemy import ColumnElement, case, func, select

from app.core import clock
from app.core.db import db
from app.core.money import format_yuan
from app.coupons.models import Coupon, CouponCampaign
from app.coupons.queries.campaigns import titles_of
from app.coupons.rules import CouponState
from app.ledger.models import LedgerEntry
from app.ledger.queries import dealer_names, name_of
from app.ledger.rules import LedgerEvent
from app.ledger.rules.closes import day_end

E = LedgerEntry
_SIGN = case((E.event == LedgerEvent.REDEEMED.value, 1), else_=-1)


@dataclass(frozen=True, slots=True)
class Line:
    """One store and one campaign: redeemed less undone. Amounts are fen."""

    dealer_id: int
    dealer: str
    slug: str
    title: str
    redeemed: int
    undone: int
    fen: int
    dealer_fen: int

    @property
    def net(self) -> int:
        return self.redeemed - self.undone

    @property
    def headquarters_fen(self) -> int:
        return self.fen - self.dealer_fen


@dataclass(frozen=True, slots=True)
class Settlement:
    """The lines of a period and what they come to; `differences`: where coupons and ledger do not say the same."""

    since: date
    until: date
    lines: list[Line]
    differences: list[str]

    @property
    def total(self) -> Line:
        return _add_up(self.lines, 0, "合计")

    @property
    def by_store(self) -> list[tuple[Line, list[Line]]]:
        """What is settled with each store, and of which campaigns it is made."""
        stores = [(dealer_id, list(lines)) for dealer_id, lines in groupby(self.lines, lambda line: line.dealer_id)]
        return [(_add_up(lines, dealer_id, lines[0].dealer), lines) for dealer_id, lines in stores]


def _add_up(lines: list[Line], dealer_id: int, words: str) -> Line:
    def add(name: str) -> int:
        return sum(getattr(line, name) for line in lines)

    return Line(dealer_id, words, "", "", add("redeemed"), add("undone"), add("fen"), add("dealer_fen"))


def settle(since: date, until: date) -> Settlement:
    """What is to be settled for these days (both included, Asia/Shanghai)."""
    begin = clock.from_local(datetime.combine(since, time.min))
    return Settlement(since, until, _lines(begin, day_end(until)), differences())


def _lines(begin: datetime, end: datetime) -> list[Line]:
    part = E.amount_fen * E.dealer_permille // 1000
    rows = db.session.execute(
        select(
            E.chain,
            E.campaign,
            func.sum(case((E.event == LedgerEvent.REDEEMED.value, 1), else_=0)),
            func.sum(case((E.event == LedgerEvent.UNDONE.value, 1), else_=0)),
            func.sum(_SIGN * E.amount_fen),
            func.sum(_SIGN * part),
        )
        .where(*_counts(), E.at >= begin, E.at < end)
        .group_by(E.chain, E.campaign)
        .order_by(E.chain, E.campaign)
    ).all()
    names = dealer_names()
    titles = titles_of({row[1] for row in rows})
    return [
        Line(row[0], name_of(row[0], names), row[1], titles.get(row[1], ""), *(int(value or 0) for value in row[2:]))
        for row in rows
    ]


def _counts() -> tuple[ColumnElement[bool], ...]:
    events = (LedgerEvent.REDEEMED.value, LedgerEvent.UNDONE.value)
    return E.event.in_(events), E.campaign != "", E.subject.like("coupon:%")


def differences() -> list[str]:
    """Where the coupons that stand as used and the ledger of all times differ; nothing, or somebody meddled."""
    ledger = {
        (row[0], row[1]): (int(row[2] or 0), int(row[3] or 0))
        for row in db.session.execute(
            select(E.chain, E.campaign, func.sum(_SIGN), func.sum(_SIGN * E.amount_fen))
            .where(*_counts())
            .group_by(E.chain, E.campaign)
        )
    }
    coupons = {
        (row[0] or 0, row[1]): (int(row[2] or 0), int(row[3] or 0))
        for row in db.session.execute(
            select(
                Coupon.redeemed_dealer_id,
                CouponCampaign.slug,
                func.count(),
                func.coalesce(func.sum(Coupon.redeemed_fen), 0),
            )
            .join(CouponCampaign, CouponCampaign.id == Coupon.campaign_id)
            .where(Coupon.state == CouponState.REDEEMED.value)
            .group_by(Coupon.redeemed_dealer_id, CouponCampaign.slug)
        )
    }
    nothing = (0, 0)
    differ = {
        key: (booked, stands)
        for key in sorted(ledger.keys() | coupons.keys())
        if (booked := ledger.get(key, nothing)) != (stands := coupons.get(key, nothing))
    }
    names, titles = dealer_names(), titles_of({slug for _, slug in differ})
    return [
        f"{name_of(chain, names)} {titles.get(slug, '')}（{slug}）：账本 {booked[0]} 张 {format_yuan(booked[1])}，"
        f"券 {stands[0]} 张 {format_yuan(stands[1])}"
        for (chain, slug), (booked, stands) in differ.items()
    ]
