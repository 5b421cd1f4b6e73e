"""The read side of the reconciliation: our rows of a day, the report, the worklist."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, func, select

from app.core.db import db
from app.payments import payables
from app.payments.models import Payment, Refund
from app.payments.rules import REFUND_COUNTS, PaymentState, RefundState
from app.reconciliation.models import ReconciledDay, ReconciledLine
from app.reconciliation.rules import Side, Work, bounds

PAGE = 50
PIECE = 500


@dataclass(frozen=True, slots=True)
class Ours:
    """Our side of a line."""

    number: str
    fen: int
    state: str
    at: datetime | None
    trade_number: str = ""
    provider_number: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a day's lines."""

    lines: Sequence[ReconciledLine]
    total: int
    number: int

    @property
    def last(self) -> int:
        return max((self.total + PAGE - 1) // PAGE, 1)


def find_payments(numbers: list[str]) -> dict[str, Ours]:
    """Our payments with these numbers, whatever their day."""
    rows = db.session.scalars(select(Payment).where(Payment.out_trade_no.in_(numbers)))
    return {row.out_trade_no: _payment(row) for row in rows}


def find_refunds(numbers: list[str]) -> dict[str, Ours]:
    """Our refunds with these numbers, whatever their day."""
    rows = db.session.execute(
        select(Refund, Payment.out_trade_no)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.out_refund_no.in_(numbers))
    )
    return {refund.out_refund_no: _refund(refund, number) for refund, number in rows}


def each_payment(day: date) -> Iterator[list[Ours]]:
    """Payments WeChat Pay took on this day, in pieces."""
    begin, end = bounds(day)
    at = func.coalesce(Payment.paid_at, Payment.succeeded_at)
    last = 0
    while True:
        rows = db.session.scalars(
            select(Payment)
            .where(Payment.id > last, Payment.state == PaymentState.SUCCEEDED, at >= begin, at < end)
            .order_by(Payment.id)
            .limit(PIECE)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        piece = [_payment(row) for row in rows]
        db.session.expunge_all()
        yield piece


def each_refund(day: date) -> Iterator[list[Ours]]:
    """Refunds WeChat Pay accepted on this day, in pieces."""
    begin, end = bounds(day)
    last = 0
    while True:
        rows = db.session.execute(
            select(Refund, Payment.out_trade_no)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Refund.id > last, Refund.accepted_at >= begin, Refund.accepted_at < end)
            .order_by(Refund.id)
            .limit(PIECE)
        ).all()
        if not rows:
            return
        last = rows[-1][0].id
        piece = [_refund(row, number) for row, number in rows]
        db.session.expunge_all()
        yield piece


def has_business(day: date) -> bool:
    """Whether anything of ours happened on this day, so that a bill must exist."""
    begin, end = bounds(day)
    at = func.coalesce(Payment.paid_at, Payment.succeeded_at)
    paid = select(Payment.id).where(Payment.state == PaymentState.SUCCEEDED, at >= begin, at < end).limit(1)
    back = select(Refund.id).where(Refund.accepted_at >= begin, Refund.accepted_at < end).limit(1)
    return db.session.scalar(paid) is not None or db.session.scalar(back) is not None


def balance() -> tuple[int, int, int]:
    """Money that ever came in, went back or is on its way back, and what the things paid for hold now."""
    money_in = db.session.scalar(
        select(func.coalesce(func.sum(Payment.amount_fen), 0)).where(Payment.state == PaymentState.SUCCEEDED)
    )
    money_out = db.session.scalar(
        select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(Refund.state.in_(REFUND_COUNTS))
    )
    sent, waiting = _closed_refunds()
    return int(money_in or 0), int(money_out or 0) + sent, payables.held_fen() + waiting


def _closed_refunds() -> tuple[int, int]:
    """What persons sent back another way after WeChat Pay closed the refund, and what waits with us for that.

    Of one payment no more than is left of it: money that another refund took along is counted there.
    """
    closed = Refund.state == RefundState.CLOSED
    rows = db.session.execute(
        select(
            Payment.amount_fen,
            func.sum(case((Refund.state.in_(REFUND_COUNTS), Refund.amount_fen), else_=0)),
            func.sum(case((and_(closed, Refund.handled_at.is_not(None)), Refund.amount_fen), else_=0)),
            func.sum(case((and_(closed, Refund.handled_at.is_(None)), Refund.amount_fen), else_=0)),
        )
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Payment.id.in_(select(Refund.payment_id).where(closed)))
        .group_by(Payment.id, Payment.amount_fen)
    )
    sent = waiting = 0
    for amount, counted, by_hand, unsent in rows:
        left = max(int(amount) - int(counted), 0)
        by_hand = min(int(by_hand), left)
        sent, waiting = sent + by_hand, waiting + min(int(unsent), left - by_hand)
    return sent, waiting


def sums_of(day: date) -> tuple[int, int, int]:
    """Our own day: fen paid, fen refunded, how many of both."""
    begin, end = bounds(day)
    at = func.coalesce(Payment.paid_at, Payment.succeeded_at)
    paid = db.session.execute(
        select(func.coalesce(func.sum(Payment.amount_fen), 0), func.count()).where(
            Payment.state == PaymentState.SUCCEEDED, at >= begin, at < end
        )
    ).one()
    back = db.session.execute(
        select(func.coalesce(func.sum(Refund.amount_fen), 0), func.count()).where(
            Refund.state.in_(REFUND_COUNTS), Refund.accepted_at >= begin, Refund.accepted_at < end
        )
    ).one()
    return int(paid[0]), int(back[0]), paid[1] + back[1]


def lines_of(day: date, side: Side, numbers: list[str]) -> dict[str, ReconciledLine]:
    """The lines of a day that exist already."""
    rows = db.session.scalars(
        select(ReconciledLine).where(
            ReconciledLine.day == day, ReconciledLine.side == side, ReconciledLine.number.in_(numbers)
        )
    )
    return {row.number: row for row in rows}


def lines_of_other_bills(day: date, sha1: str, limit: int) -> Sequence[ReconciledLine]:
    """Lines of a day whose side of WeChat Pay comes from another bill than this one."""
    return db.session.scalars(
        select(ReconciledLine)
        .where(
            ReconciledLine.day == day,
            ReconciledLine.side.in_((Side.PAYMENT, Side.REFUND)),
            ReconciledLine.theirs_fen.is_not(None),
            ReconciledLine.bill_sha1 != sha1,
        )
        .order_by(ReconciledLine.id)
        .limit(limit)
    ).all()


def matched_elsewhere(side: Side, numbers: list[str], day: date) -> set[str]:
    """Which of these another day's bill has."""
    rows = db.session.scalars(
        select(ReconciledLine.number).where(
            ReconciledLine.side == side,
            ReconciledLine.number.in_(numbers),
            ReconciledLine.day != day,
            ReconciledLine.theirs_fen.is_not(None),
        )
    )
    return set(rows)


def find_day(day: date) -> ReconciledDay | None:
    return db.session.scalar(select(ReconciledDay).where(ReconciledDay.day == day))


def list_days(limit: int = 62) -> Sequence[ReconciledDay]:
    """The newest days."""
    return db.session.scalars(select(ReconciledDay).order_by(ReconciledDay.day.desc()).limit(limit)).all()


def count_open() -> dict[date, int]:
    """How many lines of each day wait for a person."""
    rows = db.session.execute(
        select(ReconciledLine.day, func.count()).where(ReconciledLine.work == Work.OPEN).group_by(ReconciledLine.day)
    )
    return {row[0]: row[1] for row in rows}


def page_of_lines(day: date, number: int, *, only_work: bool) -> Page:
    """One page of a day, what needs work first."""
    wanted: ColumnElement[bool] = ReconciledLine.day == day
    if only_work:
        wanted = and_(wanted, ReconciledLine.work != Work.NONE)
    total = db.session.scalar(select(func.count()).select_from(ReconciledLine).where(wanted)) or 0
    lines = db.session.scalars(
        select(ReconciledLine)
        .where(wanted)
        .order_by((ReconciledLine.work == Work.OPEN).desc(), ReconciledLine.at, ReconciledLine.id)
        .limit(PAGE)
        .offset((number - 1) * PAGE)
    ).all()
    return Page(lines, total, number)


def list_open_lines(limit: int = 100) -> Sequence[ReconciledLine]:
    """The worklist over all days, the oldest first."""
    return db.session.scalars(
        select(ReconciledLine)
        .where(ReconciledLine.work == Work.OPEN)
        .order_by(ReconciledLine.day, ReconciledLine.id)
        .limit(limit)
    ).all()


def each_line(day: date) -> Iterator[ReconciledLine]:
    """Every line of a day in the order of time, a few at once."""
    last: int = 0
    while True:
        rows = db.session.scalars(
            select(ReconciledLine)
            .where(ReconciledLine.day == day, ReconciledLine.id > last)
            .order_by(ReconciledLine.id)
            .limit(PIECE)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        yield from rows
        db.session.expunge_all()


def _payment(row: Payment) -> Ours:
    return Ours(
        number=row.out_trade_no,
        fen=row.amount_fen,
        state=row.state,
        at=row.paid_at or row.succeeded_at,
        trade_number=row.out_trade_no,
        provider_number=row.transaction_id or "",
    )


def _refund(row: Refund, trade_number: str) -> Ours:
    return Ours(
        number=row.out_refund_no,
        fen=row.amount_fen,
        state=row.state,
        at=row.accepted_at,
        trade_number=trade_number,
        provider_number=row.refund_id or "",
    )
