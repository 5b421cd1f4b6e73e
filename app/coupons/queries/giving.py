"""Lists of headquarters: who is behind a line, and how far a list is. Nobody is named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.core.audit import AuditEntry
from app.core.db import db
from app.core.errors import NotFound
from app.coupons.models import GivingRun, GivingTarget
from app.members import queries as members
from app.members.models import Member
from app.members.rules import normalise_phone

CHUNK = 500
REASON_WORDS: dict[str, str] = {
    "unreadable": "不是手机号或会员号", "unknown": "没有这位会员", "twice": "名单里重复",
    "no_consent": "没有同意接收优惠通知",
    "person_limit": "已领满", "all_claimed": "活动已领完", "campaign_not_running": "活动不在领取时间",
    "account_gone": "账号已注销", "not_found": "活动已撤下",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Who a line of a list is, or why nobody."""

    member_id: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One list with what came of it; `skipped` and `refused` by reason."""

    id: int
    reason: str
    created_at: datetime
    finished_at: datetime | None
    stopped_at: datetime | None
    rows: int
    people: int
    given: int
    waiting: int
    skipped: list[tuple[str, int]]
    refused: list[tuple[str, int]]

    @property
    def word(self) -> str:
        if self.finished_at is not None:
            return "已完成" if self.stopped_at is None else "已作废"
        if self.stopped_at is None:
            return "发放中"
        return "已停止" if self.given or self.refused else "待开始"


def find_people(lines: Iterable[str]) -> dict[str, Person]:
    """Each line (a phone number or M123) with its member: who proved that number, and where an account went."""
    phones: dict[str, str] = {}
    numbers: dict[str, int] = {}
    found: dict[str, Person] = {}
    for line in lines:
        bare = line.strip().upper()
        if bare.startswith("M") and bare[1:].isascii() and bare[1:].isdecimal() and len(bare) < 19:
            numbers[line] = int(bare[1:])
        elif (phone := normalise_phone(line.removesuffix(".0"))) is not None:
            phones[line] = phone
        else:
            found[line] = Person(None, "unreadable")
    by_phone = _by_phone(list(set(phones.values())))
    by_number = _by_number(list(set(numbers.values())))
    found |= {line: by_phone.get(phone, Person(None, "unknown")) for line, phone in phones.items()}
    found |= {line: by_number.get(number, Person(None, "unknown")) for line, number in numbers.items()}
    return found


def _by_phone(phones: Sequence[str]) -> dict[str, Person]:
    """A number that several accounts proved belongs to who proved it last."""
    held: dict[str, tuple[datetime, int]] = {}
    for start in range(0, len(phones), CHUNK):
        wanted = select(Member.phone, Member.phone_verified_at, Member.id).where(
            Member.phone.in_(phones[start : start + CHUNK]), Member.phone_verified_at.is_not(None), *members.living()
        )
        for phone, at, number in db.session.execute(wanted):
            if phone is not None and at is not None:
                held[phone] = max(held.get(phone, (at, number)), (at, number))
    return {phone: Person(number) for phone, (_at, number) in held.items()}


def _by_number(numbers: Sequence[int]) -> dict[int, Person]:
    found: dict[int, Person] = {}
    for start in range(0, len(numbers), CHUNK):
        wanted = select(Member.id, Member.merged_into_id, Member.erased_at).where(
            Member.id.in_(numbers[start : start + CHUNK])
        )
        for number, merged, erased in db.session.execute(wanted):
            if erased is None:
                found[number] = Person(merged or number)
    return found


def list_runs(campaign_id: int) -> list[Run]:
    """The lists of a campaign, the latest first."""
    runs = list(
        db.session.scalars(
            select(GivingRun)
            .where(GivingRun.campaign_id == campaign_id)
            .order_by(GivingRun.id.desc())
            .execution_options(populate_existing=True)
        )
    )
    ids = [row.id for row in runs]
    details, counts = _details(ids), _counts(ids)
    return [_run(row, details.get(row.id, {}), counts.get(row.id, {})) for row in runs]


def campaign_of(run_id: int) -> int:
    """The campaign of a list. NotFound."""
    found = db.session.scalar(select(GivingRun.campaign_id).where(GivingRun.id == run_id))
    if found is None:
        raise NotFound
    return found


def _details(ids: list[int]) -> dict[int, dict[str, Any]]:
    """What the check of each list said; the audit trail keeps it."""
    wanted = select(AuditEntry.subject_id, AuditEntry.detail).where(
        AuditEntry.subject_kind == "giving_run", AuditEntry.subject_id.in_(ids), AuditEntry.action == "giving_prepared"
    )
    return {row[0] or 0: row[1] for row in db.session.execute(wanted)}


def _counts(ids: list[int]) -> dict[int, dict[tuple[str, str], int]]:
    wanted = select(GivingTarget.run_id, GivingTarget.state, GivingTarget.reason, func.count()).where(
        GivingTarget.run_id.in_(ids)
    )
    found: dict[int, dict[tuple[str, str], int]] = {}
    for run, state, reason, many in db.session.execute(
        wanted.group_by(GivingTarget.run_id, GivingTarget.state, GivingTarget.reason)
    ):
        found.setdefault(run, {})[(state, reason)] = many
    return found


def _run(row: GivingRun, detail: dict[str, Any], mine: dict[tuple[str, str], int]) -> Run:
    skipped: dict[str, int] = detail.get("skipped", {})
    return Run(
        id=row.id,
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
        stopped_at=row.stopped_at,
        rows=int(detail.get("rows", 0)),
        people=int(detail.get("people", 0)),
        given=mine.get(("given", ""), 0),
        waiting=mine.get(("waiting", ""), 0),
        skipped=[(REASON_WORDS.get(name, name), many) for name, many in skipped.items()],
        refused=[(REASON_WORDS.get(name, name), many) for (state, name), many in mine.items() if state == "refused"],
    )
