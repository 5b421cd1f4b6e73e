"""定向发放: a list of headquarters, checked first, then worked off by the worker, once for each person.

Only members who agreed to be told about offers get anything; of everybody else only the number is kept, never a name,
a phone or a row. A list holds members, so it is worked off whatever becomes of phones.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import DomainError, NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.errors import (
    AllClaimedToday,
    CampaignNotStarted,
    CampaignPaused,
    CampaignStep,
    DayLimit,
    NobodyToGive,
    NoOffersConsent,
)
from app.coupons.models import CampaignTerms, Coupon, CouponCampaign, GivingRun, GivingTarget
from app.coupons.queries.giving import Person, find_people
from app.coupons.rules import Channel, Terms
from app.coupons.rules.plain import last_day
from app.coupons.services.claim import claim_coupon
from app.members import queries as members
from app.members.rules import OFFERS
from app.members.services.heirs import hold_heir
from app.messages.services import notify

BATCH, AT_ONCE = 50, 200
WAITING, GIVEN, REFUSED = "waiting", "given", "refused"
# These pass by themselves: the person stays on the list.
LATER = (AllClaimedToday, CampaignNotStarted, CampaignPaused, DayLimit)
UNREADABLE, UNKNOWN, TWICE, NO_CONSENT = "unreadable", "unknown", "twice", "no_consent"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a list comes to: how many lines, how many people get one, how many not and why. Names nobody."""

    rows: int
    people: tuple[int, ...]
    skipped: dict[str, int] = field(default_factory=dict[str, int])


class _Settled(Exception):
    """Another worker has said what becomes of this line; what was done here is undone."""


class _Open(NamedTuple):
    """A run that is being worked off."""

    id: int
    operator_id: int
    slug: str
    way: str


def check_list(entries: Iterable[str]) -> Checked:
    """Who of a list may be given something; changes nothing."""
    lines = [entry.strip() for entry in entries if entry.strip()]
    found = find_people(lines)
    skipped: Counter[str] = Counter()
    people: dict[int, None] = {}
    for line in lines:
        person = found.get(line, Person(None, UNREADABLE))
        if person.member_id is None:
            skipped[person.problem] += 1
        elif person.member_id in people:
            skipped[TWICE] += 1
        else:
            people[person.member_id] = None
    agreed = members.list_consenting(list(people), OFFERS)
    skipped[NO_CONSENT] = len(people) - len(agreed)
    willing = tuple(one for one in people if one in agreed)
    return Checked(len(lines), willing, {reason: many for reason, many in skipped.items() if many})


def prepare_run(actor: Actor, campaign_id: int, entries: Iterable[str], reason: str, now: datetime) -> int:
    """Keep who of the list may get a coupon; nothing is given before `start_run`. NobodyToGive, NotFound."""
    operator_id = _operator(actor)
    checked = check_list(entries)
    db.session.rollback()
    if not checked.people:
        raise NobodyToGive(_nobody(checked))
    with transaction() as session:
        if session.get(CouponCampaign, campaign_id) is None:
            raise NotFound
        run = GivingRun(
            campaign_id=campaign_id,
            reason=reason.strip()[:120],
            operator_id=operator_id,
            created_at=now,
            stopped_at=now,
        )
        session.add(run)
        session.flush()
        rows = [{"run_id": run.id, "member_id": one, "state": WAITING, "reason": ""} for one in checked.people]
        session.execute(insert(GivingTarget), rows)
        audit.record(
            actor, "giving_prepared", "giving_run", run.id, campaign=campaign_id, rows=checked.rows,
            people=len(checked.people), skipped=checked.skipped,
        )  # fmt: skip
        return run.id


def start_run(actor: Actor, run_id: int, now: datetime) -> None:
    """Begin or go on; twice is as good as once. CampaignStep for one that is through."""
    _operator(actor)
    _turn(actor, run_id, "giving_started", GivingRun.finished_at.is_(None), stopped_at=None)


def stop_run(actor: Actor, run_id: int, now: datetime) -> None:
    """Give nothing further until it is started again; what was given stays."""
    _operator(actor)
    _turn(actor, run_id, "giving_stopped", GivingRun.finished_at.is_(None), stopped_at=now)


def drop_run(actor: Actor, run_id: int, now: datetime) -> None:
    """Forget the people who are still waiting, for good."""
    _operator(actor)
    with transaction():
        _turn(actor, run_id, "giving_dropped", GivingRun.finished_at.is_(None), stopped_at=now, finished_at=now)
        changed_rows(delete(GivingTarget).where(GivingTarget.run_id == run_id, GivingTarget.state == WAITING))


def _turn(actor: Actor, run_id: int, action: str, condition: Any, **values: Any) -> None:
    with transaction():
        if changed_rows(update(GivingRun).where(GivingRun.id == run_id, condition).values(**values)) != 1:
            if db.session.get(GivingRun, run_id) is None:
                raise NotFound
            raise CampaignStep("这个发放任务已经完成，请刷新查看结果。")
        audit.record(actor, action, "giving_run", run_id)


# ---- the worker ----


def work_off(now: datetime) -> int:
    """Give what open lists wait for, a bounded number at a time; how many people were settled.

    Killed in the middle, it goes on where it stood: each person is one transaction, and the key of a claim is the
    list's, so nobody gets a second one.
    """
    return sum(_work(run, now) for run in _list_open())


def _list_open() -> list[_Open]:
    wanted = (
        select(GivingRun.id, GivingRun.operator_id, CouponCampaign.slug, CouponCampaign.way)
        .join(CouponCampaign, CouponCampaign.id == GivingRun.campaign_id)
        .where(GivingRun.finished_at.is_(None), GivingRun.stopped_at.is_(None))
        .order_by(GivingRun.id)
    )
    found = [_Open(*row) for row in db.session.execute(wanted)]
    db.session.rollback()
    return found


def _work(run: _Open, now: datetime) -> int:
    settled = 0
    passed: set[int] = set()
    while settled < AT_ONCE:
        rows = _next(run.id, passed)
        if not rows:
            if not passed:
                _finish(run.id, now)
            return settled
        for target_id, member_id in rows:
            try:
                _give(run, target_id, member_id, now)
                settled += 1
            except _Settled:
                continue
            except DayLimit:
                passed.add(target_id)  # this person had one today, others may get theirs
            except LATER:
                return settled
            except DomainError as refusal:
                settled += _refuse(target_id, refusal.code)
    return settled


def _next(run_id: int, passed: set[int]) -> list[tuple[int, int]]:
    """Who is to be given to next, unless the list was stopped meanwhile."""
    wanted = (
        select(GivingTarget.id, GivingTarget.member_id)
        .join(GivingRun, GivingRun.id == GivingTarget.run_id)
        .where(GivingTarget.run_id == run_id, GivingTarget.state == WAITING, GivingRun.stopped_at.is_(None))
        .where(GivingTarget.id > max(passed, default=0))
        .order_by(GivingTarget.id)
        .limit(BATCH)
    )
    found = [(row[0], row[1]) for row in db.session.execute(wanted)]
    db.session.rollback()
    return found


@retry_deadlock
def _give(run: _Open, target_id: int, member_id: int, now: datetime) -> None:
    """One person's coupon, its line of the list and the notice, all or nothing."""
    with transaction():
        holder_id = hold_heir(member_id)
        if not members.has_consent(holder_id, OFFERS):
            raise NoOffersConsent
        claimed = claim_coupon(
            Actor("operator", run.operator_id),
            run.slug,
            now,
            key=f"list:{run.id}",
            way=run.way,
            channel=Channel.LIST,
            given=True,
            member_id=holder_id,
        )
        mine = update(GivingTarget).where(GivingTarget.id == target_id, GivingTarget.state == WAITING)
        if changed_rows(mine.values(state=GIVEN, coupon_id=claimed.coupon_id)) != 1 and not claimed.again:
            raise _Settled
        notify(
            holder_id,
            "coupon_given",
            f"coupon_given:{claimed.coupon_id}",
            {"car": _title(claimed.coupon_id), "note": f"已放入卡券，有效期到{last_day(claimed.valid_until)}"},
            now,
            href=f"/me/coupons/{claimed.code}",
        )


def _title(coupon_id: int) -> str:
    rules = db.session.scalar(
        select(CampaignTerms.rules).join(Coupon, Coupon.terms_id == CampaignTerms.id).where(Coupon.id == coupon_id)
    )
    terms = Terms.from_json(rules or {})
    return f"{terms.title} {terms.value_words()}"


def _refuse(target_id: int, reason: str) -> int:
    with transaction():
        mine = update(GivingTarget).where(GivingTarget.id == target_id, GivingTarget.state == WAITING)
        return changed_rows(mine.values(state=REFUSED, reason=reason[:32]))


def _finish(run_id: int, now: datetime) -> None:
    with transaction():
        waiting = select(GivingTarget.id).where(GivingTarget.run_id == run_id, GivingTarget.state == WAITING).exists()
        through = update(GivingRun).where(
            GivingRun.id == run_id, GivingRun.finished_at.is_(None), GivingRun.stopped_at.is_(None), ~waiting
        )
        changed_rows(through.values(finished_at=now))


def _operator(actor: Actor) -> int:
    if actor.kind != "operator" or actor.id is None:
        raise NotAllowed
    return actor.id


def _nobody(checked: Checked) -> str:
    return f"名单 {checked.rows} 行，没有一位可以发放的会员，没有建立任务。请核对手机号和会员是否同意接收优惠通知。"
