"""活动预演: before anybody sees a campaign, what it costs and meets, what the law says, and a crowd at its coupons.

The crowd claims through the very code that will serve people, in a database of its own (core.scratch).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from app.core import audit
from app.core.db import db, transaction
from app.core.errors import DomainError, NotAllowed
from app.core.scratch import scratch_database
from app.core.security import Actor
from app.coupons.models import CampaignRehearsal, Coupon, CouponCampaign
from app.coupons.queries.admin import draft_of, list_cars, list_others, rate_of_kind
from app.coupons.queries.claims import Claimed
from app.coupons.rules import CampaignState, Channel, ClaimWay
from app.coupons.rules.editing import Draft
from app.coupons.rules.rehearsal import (
    Outcome,
    Report,
    Storm,
    checklist,
    conflicts,
    cost_lines,
    cost_of,
    judge_storm,
    storm_of,
)
from app.coupons.services.claim import claim_coupon
from app.ledger.models import LedgerEntry
from app.ledger.rules import LedgerEvent
from app.members.models import Member

log = structlog.get_logger(__name__)
THREADS, SECONDS = 8, 10.0
Claim = Callable[..., Claimed]


def rehearse(actor: Actor, campaign_id: int, now: datetime, *, claim: Claim = claim_coupon) -> Report:
    """Go through everything and keep what was found with the fingerprint of what it was found for. NotFound."""
    if actor.kind != "operator" or actor.id is None:
        raise NotAllowed
    draft = draft_of(campaign_id)
    claimed = db.session.scalar(select(CouponCampaign.claimed).where(CouponCampaign.id == campaign_id)) or 0
    cars = list_cars(draft.series)
    report = Report(rules=checklist(draft, now))
    cost, notes = cost_of(draft, claimed, cars, *rate_of_kind(draft.kind, now))
    report.cost = [*cost_lines(cost), *notes]
    report.conflicts = conflicts(draft, list_others(campaign_id, now), cars, now)
    db.session.rollback()  # nothing is kept open while the crowd runs
    storm = storm_of(draft)
    report.storm = judge_storm(storm, run_storm(draft, storm, now, claim=claim))
    with transaction() as session:
        row = CampaignRehearsal(
            campaign_id=campaign_id,
            fingerprint=draft.fingerprint,
            green=report.green,
            findings=report.as_json(),
            rehearsed_at=now,
            operator_id=actor.id,
        )
        session.add(row)
        session.flush()
        audit.record(actor, "campaign_rehearsed", "campaign", campaign_id, green=report.green, rehearsal=row.id)
    return report


def run_storm(draft: Draft, storm: Storm, now: datetime, *, claim: Claim = claim_coupon) -> Outcome:
    """People tap at the same moment; what came of it is counted afterwards. Ends after SECONDS whatever happens."""
    began = time.monotonic()
    deadline = began + SECONDS
    answers: Counter[str] = Counter()
    lock = threading.Lock()
    channel = next((part.strip() for part in draft.channels.split("；") if part.strip()), Channel.PAGE.value)
    # Coupons of a draw are prizes and go out in no other way.
    given = {"way": draft.way, "channel": channel, "prize": draft.way == ClaimWay.DRAW}
    with scratch_database(THREADS) as enter:
        with enter():
            people = _people(draft, storm, now)

        def tap(turn: int) -> None:
            if time.monotonic() > deadline:
                answer = "late"
            else:
                who = people[turn // storm.taps]  # each person's taps come at once
                with enter():
                    try:
                        claim(Actor("member", who), draft.slug, now, key=f"tap-{turn}", **given)
                        answer = "given"
                    except DomainError:
                        answer = "refused"
                    except Exception as exc:  # a crowd that meets an error is what the screen must say
                        log.warning("rehearsal_failed", error=type(exc).__name__)
                        answer = "failed"
            with lock:
                answers[answer] += 1

        with ThreadPoolExecutor(THREADS) as crowd:
            list(crowd.map(tap, range(storm.people * storm.taps)))
        with enter():
            return _count(answers, began)


def _people(draft: Draft, storm: Storm, now: datetime) -> list[int]:
    """The campaign with the storm's numbers, open now, and members who are nobody."""
    day = timedelta(days=1)
    values = draft.columns() | {
        "total": storm.total, "daily_total": storm.daily_total, "per_person": storm.per_person,
        "per_day": storm.per_day, "claim_from": now - day, "claim_until": now + day, "valid_until": now + 30 * day,
        "valid_days": None, "all_dealers": True, "state": CampaignState.PUBLISHED.value,
    }  # fmt: skip
    with transaction() as session:
        session.add(CouponCampaign(**values))
        members = [Member(created_at=now, last_login_at=now) for _ in range(storm.people)]
        session.add_all(members)
        session.flush()
        return [member.id for member in members]


def _count(answers: Counter[str], began: float) -> Outcome:
    each = select(func.count().label("many")).select_from(Coupon).group_by(Coupon.member_id).subquery()
    return Outcome(
        given=db.session.scalar(select(func.count()).select_from(Coupon)) or 0,
        counted=db.session.scalar(select(CouponCampaign.claimed)) or 0,
        booked=db.session.scalar(select(func.count()).where(LedgerEntry.event == LedgerEvent.CLAIMED.value)) or 0,
        most_of_one=db.session.scalar(select(func.max(each.c.many))) or 0,
        refused=answers["refused"],
        failed=answers["failed"],
        finished=not answers["late"],
        milliseconds=int((time.monotonic() - began) * 1000),
    )
