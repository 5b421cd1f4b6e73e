"""The read side of the counter: what was redeemed, by whom, and what may still be undone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, bindparam, or_, select
from sqlalchemy.orm import aliased

from app.booking.queries import day_start
from app.core.clock import say
from app.core.db import db, look, table_of
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import Actor
from app.dealers.models import Dealer
from app.members.rules import mask_name
from app.redemption.models import Redemption
from app.redemption.queries.words import (
    COUPON_COLUMNS,
    GONE,
    KINDS,
    Words,
    coupon_words,
    find_subjects,
    with_coupon,
    words_of,
)
from app.redemption.rules import CLERK_UNDO, FOUND_DAYS, SUPERVISOR_UNDO, may_undo, may_undo_late, needs_reason
from app.staff.models import CounterPhone, StaffMember

MOST, LATEST = 200, 50
_r = table_of(Redemption).c
_s, _d, _p = table_of(StaffMember).c, table_of(Dealer).c, table_of(CounterPhone).c
_taker, _Taker = table_of(StaffMember).alias("taker"), aliased(StaffMember)
_KNOWN = (
    _r.id, _r.subject_kind, _r.subject_id, _r.staff_id, _r.redeemed_at, _r.undone_at, _r.undo_reason, _r.amount_fen,
    _r.bill_fen,
)  # fmt: skip
_ONE = (
    select(*_KNOWN, _s.name, _d.name, _p.name, _taker.c.name, *COUPON_COLUMNS)
    .select_from(
        with_coupon(
            table_of(Redemption)
            .join(table_of(StaffMember), _s.id == _r.staff_id)
            .join(table_of(Dealer), _d.id == _r.dealer_id)
            .outerjoin(table_of(CounterPhone), _p.id == _r.phone_id)
            .outerjoin(_taker, _taker.c.id == _r.undone_by),
            _r.subject_kind,
            _r.subject_id,
        )
    )
    .where(_r.id == bindparam("redemption"), _r.dealer_id == bindparam("dealer"))
)
_STANDING = (
    select(_r.redeemed_at, _d.name, _s.name, _r.id, _r.staff_id)
    .select_from(
        table_of(Redemption)
        .join(table_of(StaffMember), _s.id == _r.staff_id)
        .join(table_of(Dealer), _d.id == _r.dealer_id)
    )
    .where(_r.subject_kind == bindparam("kind"), _r.subject_id == bindparam("subject"), _r.undone_at.is_(None))
)
_BY_NONCE = select(_r.id).where(_r.staff_id == bindparam("staff"), _r.nonce == bindparam("nonce"))


@dataclass(frozen=True, slots=True)
class Receipt:
    """One redemption as the store reads it. `amount_fen` is what a coupon was worth, the price of a car; `takes_off`
    as in Words."""

    id: int
    kind: str
    kind_words: str
    no: str
    who: str
    phone: str
    what: str
    value: str
    amount_fen: int | None
    takes_off: bool
    bill_fen: int | None
    redeemed_at: datetime
    when: str
    staff_name: str
    phone_name: str
    dealer_name: str
    undone: bool
    undo_text: str
    may_undo: bool
    undo_needs_reason: bool
    undo_until: datetime

    @property
    def undo_hint(self) -> str:
        """Who may still take it back when the reader may not."""
        if self.undone or self.may_undo or self.kind != "coupon":
            return ""
        return "如有差错：10 分钟内由店长撤销，之后 30 天内由总部撤销。"

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What stands under the large word."""
        coupon = self.kind == "coupon"
        lines = [("客户", f"{self.who} {self.phone}".strip())]
        if not self.takes_off:
            lines.append(("券面", self.value))
        if coupon and self.bill_fen is not None:
            lines.append(("消费金额", format_yuan(self.bill_fen)))
            if not self.undone:
                lines.append(("优惠后", format_yuan(self.bill_fen - (self.amount_fen or 0))))
        lines += [("券号" if coupon else "订单号", self.no), ("时间", self.when), ("门店", self.dealer_name)]
        return [*lines, ("经办", self.staff_name + (f"（{self.phone_name}）" if self.phone_name else ""))]


@dataclass(frozen=True, slots=True)
class Standing:
    """Who redeemed something, when and where, in the words of a refusal; and which redemption it is."""

    when: str
    where: str
    who: str
    id: int
    staff_id: int
    at: datetime


def find_standing(kind: str, subject_id: int) -> Standing | None:
    """The redemption of this thing that stands, with the names of the store and the (masked) clerk."""
    row = look(_STANDING, {"kind": kind, "subject": subject_id}).first()
    return Standing(say(row[0]), row[1], mask_name(row[2]), row[3], row[4], row[0]) if row else None


def is_undone(redemption_id: int) -> bool:
    """Whether this redemption was taken back."""
    undone = select(Redemption.id).where(Redemption.id == redemption_id, Redemption.undone_at.is_not(None))
    return db.session.scalar(undone) is not None


def find_by_nonce(staff_id: int, nonce: str) -> int | None:
    """The redemption that this clerk's very confirmation made before."""
    return look(_BY_NONCE, {"staff": staff_id, "nonce": nonce}).scalar()


class Line(NamedTuple):
    """What a receipt needs of the row itself."""

    id: int
    subject_kind: str
    subject_id: int
    staff_id: int
    redeemed_at: datetime
    undone_at: datetime | None
    undo_reason: str
    amount_fen: int
    bill_fen: int | None


def get_receipt(redemption_id: int, actor: Actor, now: datetime) -> Receipt:
    """A redemption of the actor's own store, read past the session: every confirmation ends with it. NotFound."""
    found = look(_ONE, {"redemption": redemption_id, "dealer": actor.dealer_id}).first()
    if found is None:
        raise NotFound
    line = Line._make(found[: len(_KNOWN)])
    staff_name, dealer_name, phone_name, undone_by, code, *rest = found[len(_KNOWN) :]
    words = coupon_words(code, *rest) if code else words_of(line.subject_kind, [line.subject_id]).get(line.subject_id)
    return _receipt(actor, now, words or GONE, line, staff_name, dealer_name, phone_name, undone_by)


def receipt_of(
    line: Line, words: Words, actor: Actor, now: datetime, *, staff: str, dealer: str, phone: str | None
) -> Receipt:
    """The receipt of what the actor has redeemed at this very moment, from what the request knows already."""
    return _receipt(actor, now, words, line, staff, dealer, phone, None)


def list_today(actor: Actor, now: datetime, *, mine: bool = False, kind: str = "") -> list[Receipt]:
    """Today's redemptions of the actor's store, newest first, undone ones included; one's own or one kind only."""
    wanted = [_own(actor), Redemption.redeemed_at >= day_start(now)]
    if mine:
        wanted.append(Redemption.staff_id == actor.id)
    if kind in KINDS:
        wanted.append(Redemption.subject_kind == kind)
    return _receipts(actor, now, wanted)


def list_by_tail(actor: Actor, tail: str, now: datetime) -> list[Receipt]:
    """The store's redemptions of the last 30 days for customers whose phone ends like this."""
    since = Redemption.redeemed_at >= now - timedelta(days=FOUND_DAYS)
    ends = _receipts(actor, now, [_own(actor), since], tail=tail)
    return ends[:MOST]


def list_between(actor: Actor, start: datetime, end: datetime, now: datetime) -> list[Receipt]:
    """For a file: everything of the store between two moments, oldest first."""
    wanted = [_own(actor), Redemption.redeemed_at >= start, Redemption.redeemed_at < end]
    return _receipts(actor, now, wanted, most=10_000)[::-1]


def list_for_office(operator: Actor, now: datetime, number: str = "") -> list[Receipt]:
    """For headquarters: the latest redemptions of all stores, or those of one coupon or booking by its number."""
    if not number:
        return _receipts(operator, now, [], most=LATEST)
    found = [
        (Redemption.subject_kind == kind) & (Redemption.subject_id == subject_id)
        for kind, subject_id in find_subjects(number)
    ]
    return _receipts(operator, now, [or_(*found)]) if found else []


def _own(actor: Actor) -> ColumnElement[bool]:
    return Redemption.dealer_id == actor.dealer_id


def _receipts(
    actor: Actor, now: datetime, conditions: Iterable[ColumnElement[bool]], *, most: int = MOST, tail: str = ""
) -> list[Receipt]:
    statement = (
        select(Redemption, StaffMember.name, Dealer.name, CounterPhone.name, _Taker.name)
        .join(StaffMember, StaffMember.id == Redemption.staff_id)
        .join(Dealer, Dealer.id == Redemption.dealer_id)
        .outerjoin(CounterPhone, CounterPhone.id == Redemption.phone_id)
        .outerjoin(_Taker, _Taker.id == Redemption.undone_by)
        .where(*conditions)
        .order_by(Redemption.id.desc())
        .execution_options(populate_existing=True)
    )
    rows = db.session.execute(statement if tail else statement.limit(most)).all()
    words = _words(rows)
    told = [(row, words.get((row[0].subject_kind, row[0].subject_id), GONE)) for row in rows]
    return [_receipt(actor, now, word, *row) for row, word in told if not tail or word.tail == tail]


def _words(rows: Iterable[Row[Redemption, str, str, str, str]]) -> dict[tuple[str, int], Words]:
    ids: dict[str, set[int]] = {}
    for row in rows:
        ids.setdefault(row[0].subject_kind, set()).add(row[0].subject_id)
    return {(kind, one): words for kind, some in ids.items() for one, words in words_of(kind, some).items()}


def _receipt(
    actor: Actor,
    now: datetime,
    words: Words,
    row: Redemption | Line,
    staff_name: str,
    dealer_name: str,
    phone_name: str | None,
    undone_by: str | None,
) -> Receipt:
    own = actor.kind == "staff" and row.staff_id == actor.id
    undone = row.undone_at is not None
    why = f"：{row.undo_reason}" if row.undo_reason else ""
    allowed = (
        may_undo_late(kind=row.subject_kind, redeemed_at=row.redeemed_at, undone=undone, now=now)
        if actor.kind == "operator"
        else may_undo(role=actor.role, own=own, same_dealer=True, redeemed_at=row.redeemed_at, undone=undone, now=now)
    )
    return Receipt(
        id=row.id,
        kind=row.subject_kind,
        kind_words=KINDS.get(row.subject_kind, ""),
        no=words.no,
        who=words.who,
        phone=words.phone,
        what=words.what,
        value=words.value,
        amount_fen=words.price_fen if words.price_fen is not None else row.amount_fen,
        takes_off=words.takes_off,
        bill_fen=row.bill_fen,
        redeemed_at=row.redeemed_at,
        when=say(row.redeemed_at),
        staff_name=staff_name,
        phone_name=phone_name or "",
        dealer_name=dealer_name,
        undone=undone,
        undo_text=f"已于{say(row.undone_at)}由{undone_by or '总部'}撤销{why}" if row.undone_at else "",
        may_undo=allowed,
        undo_needs_reason=needs_reason(own=own, redeemed_at=row.redeemed_at, now=now),
        undo_until=row.redeemed_at + (SUPERVISOR_UNDO if actor.role != "clerk" else CLERK_UNDO),
    )
