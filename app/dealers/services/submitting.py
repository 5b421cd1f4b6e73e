"""What a store's manager hands in. Nothing of it is public before headquarters approve it; nothing is ever lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.catalog.models import Picture
from app.catalog.services.pictures import keep_picture
from app.core import audit, ids
from app.core.db import changed_rows, db, transaction
from app.core.security import Actor
from app.dealers.errors import (
    AlreadyDecided,
    FactsChangedMeanwhile,
    NothingChanged,
    NotManager,
    StoreShut,
    SubmissionNotFound,
    SubmissionUnfit,
    TooManyWaiting,
)
from app.dealers.facts import FACTS, Kind, State, clean_line, clean_text, fact_problems
from app.dealers.models import Dealer, Submission
from app.dealers.promoting import MAX_CONDITIONS, MAX_REASON, MAX_TEXT, MAX_TITLE
from app.dealers.queries import submissions as read
from app.dealers.queries.submissions import count_waiting
from app.dealers.rules import SHOWN
from app.gateways.storage.port import Storage

MOST_WAITING = 30
PUBLISH_AHEAD = timedelta(days=184)
Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hand:
    """What every submission carries: when to publish it (None: at once), a word to headquarters, the form's key."""

    key: str
    publish_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ActivityWish:
    title: str
    text: str
    starts_at: datetime
    ends_at: datetime
    picture_id: int | None = None
    target_id: int | None = None


@dataclass(frozen=True, slots=True)
class PromoWish:
    trim_slug: str
    fen: int
    starts_at: datetime
    ends_at: datetime
    conditions: str
    reason: str
    target_id: int | None = None


def submit_facts(actor: Actor, wish: Content, seen: str, hand: Hand, now: datetime) -> str:
    """Hand in changed facts (hours, phone, intro, photo_id; what is absent stays) and give the submission's number.

    `seen` is the mark of the facts that the form showed. NothingChanged, SubmissionUnfit; FactsChangedMeanwhile when
    they are others by now, so that nobody undoes unknowingly what was published in between.
    """
    dealer = _store_of(actor)
    if "intro" in wish:
        wish = {**wish, "intro": clean_text(wish["intro"])}
    present = read.facts_of(dealer)
    changed = {name: wish[name] for name in FACTS if name in wish and wish[name] != present[name]}
    if not changed:
        raise NothingChanged
    problems = fact_problems(changed) + _time_problems(hand, now)
    if problems:
        raise SubmissionUnfit(problems)
    if seen != read.edition_of(dealer):
        raise FactsChangedMeanwhile
    return _keep(actor, dealer, Kind.FACTS, changed, {name: present[name] for name in changed}, None, hand, now)


def submit_activity(actor: Actor, wish: ActivityWish, hand: Hand, now: datetime) -> str:
    """Hand in an activity, new or in place of one that is published. SubmissionUnfit, SubmissionNotFound."""
    dealer = _store_of(actor)
    content: Content = {
        "title": clean_line(wish.title),
        "text": clean_text(wish.text),
        "picture_id": wish.picture_id,
        "starts_at": wish.starts_at.isoformat(),
        "ends_at": wish.ends_at.isoformat(),
    }
    problems = _too_long(content, title=MAX_TITLE, text=MAX_TEXT) + _time_problems(hand, now)
    if not content["title"]:
        problems.append(("title", "请填写活动标题。"))
    problems += [("", str(breach)) for breach in read.activity_problems(content, now)]
    if problems:
        raise SubmissionUnfit(problems)
    before = _before(dealer, Kind.ACTIVITY, wish.target_id)
    return _keep(actor, dealer, Kind.ACTIVITY, content, before, wish.target_id, hand, now)


def submit_promo(actor: Actor, wish: PromoWish, hand: Hand, now: datetime) -> str:
    """Hand in a price of one car, new or in place of one that is published.

    SubmissionUnfit names every rule on prices that it breaks. SubmissionNotFound.
    """
    dealer = _store_of(actor)
    trim = read.find_choice(wish.trim_slug)
    if trim is None:
        raise SubmissionUnfit([("trim", "请选择一款在售的车。")])
    content: Content = {
        "trim_id": trim.id,
        "fen": wish.fen,
        "conditions": clean_line(wish.conditions),
        "reason": clean_line(wish.reason),
        "starts_at": wish.starts_at.isoformat(),
        "ends_at": wish.ends_at.isoformat(),
    }
    problems = _too_long(content, conditions=MAX_CONDITIONS, reason=MAX_REASON)
    problems += [("", str(breach)) for breach in read.promo_problems(dealer.id, content, wish.target_id, now)]
    if problems:
        raise SubmissionUnfit(problems)
    before = _before(dealer, Kind.PROMO, wish.target_id)
    if before and before["trim_id"] != trim.id:
        raise SubmissionUnfit([("trim", "修改本店价时不能换车款，请另外提交一个。")])
    return _keep(actor, dealer, Kind.PROMO, content, before, wish.target_id, hand, now)


def submit_end(actor: Actor, kind: Kind, target_id: int, hand: Hand, now: datetime) -> str:
    """Ask headquarters to end a published activity or price before its time. SubmissionNotFound."""
    dealer = _store_of(actor)
    return _keep(actor, dealer, kind, {"end": True}, _before(dealer, kind, target_id), target_id, hand, now)


def withdraw(actor: Actor, no: str, now: datetime) -> None:
    """Take back what still waits. SubmissionNotFound, AlreadyDecided."""
    dealer = _store_of(actor)
    mine = Submission.no == no, Submission.dealer_id == dealer.id
    with transaction():
        number = db.session.scalar(select(Submission.id).where(*mine))
        if number is None:
            raise SubmissionNotFound
        waiting = update(Submission).where(*mine, Submission.state == State.WAITING)
        if changed_rows(waiting.values(state=State.WITHDRAWN, decided_at=now)) != 1:
            raise AlreadyDecided
        audit.record(actor, "submission_withdrawn", "submission", number)


def keep_store_picture(actor: Actor, file_name: str, content: bytes, storage: Storage) -> Picture:
    """Keep a picture for a submission; nobody sees it before that is approved. PictureRefused."""
    return keep_picture(f"dealers/{_store_of(actor).slug}", file_name, content, storage)


def _store_of(actor: Actor) -> Dealer:
    if actor.kind != "staff" or actor.role != "manager" or actor.dealer_id is None:
        raise NotManager
    dealer = db.session.get(Dealer, actor.dealer_id, populate_existing=True)
    if dealer is None or dealer.status not in SHOWN:
        raise StoreShut
    return dealer


def _before(dealer: Dealer, kind: Kind, target_id: int | None) -> Content:
    if target_id is None:
        return {}
    target = read.find_target(kind, target_id, dealer.id)
    if target is None:
        raise SubmissionNotFound
    return read.content_of(target)


def _too_long(content: Content, **limits: int) -> list[tuple[str, str]]:
    return [
        (name, f"最多 {most} 个字，现在有 {len(content[name])} 个。")
        for name, most in limits.items()
        if len(content[name]) > most
    ]


def _time_problems(hand: Hand, now: datetime) -> list[tuple[str, str]]:
    if hand.publish_at is not None and hand.publish_at > now + PUBLISH_AHEAD:
        return [("publish_at", "发布时间最多提前半年。")]
    return []


def _keep(
    actor: Actor, dealer: Dealer, kind: Kind, content: Content, before: Content, target_id: int | None, hand: Hand,
    now: datetime,
) -> str:  # fmt: skip
    """Write the row; the same form sent twice is one submission."""
    if count_waiting(dealer.id) >= MOST_WAITING:
        raise TooManyWaiting
    row = Submission(
        no=ids.number("D", now), dealer_id=dealer.id, kind=kind, target_id=target_id, content=content, before=before,
        publish_at=hand.publish_at, note=clean_line(hand.note)[:200], state=State.WAITING, idempotency_key=hand.key,
        submitted_by=actor.id, submitted_at=now,
    )  # fmt: skip
    try:
        with transaction() as session:
            session.add(row)
            session.flush()
            audit.record(actor, "submission_handed_in", "submission", row.id, kind=kind.value, dealer_id=row.dealer_id)
            return row.no
    except IntegrityError:
        first = db.session.scalar(select(Submission.no).where(Submission.idempotency_key == hand.key))
        if first is None:
            raise
        return first
