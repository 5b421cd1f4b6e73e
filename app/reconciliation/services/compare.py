"""One day's bills against our rows, piece by piece: memory does not grow with the bill."""

import functools
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import BinaryIO, ParamSpec, TypeVar

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.gateways.pay.bills import TradeRow, read_fund_flow_bill, read_trade_bill
from app.reconciliation import queries
from app.reconciliation.models import ReconciledLine
from app.reconciliation.queries import Ours
from app.reconciliation.rules import (
    NOT_MOVED,
    TRADING_KINDS,
    Figures,
    Half,
    Side,
    Verdict,
    Work,
    is_border,
    payment_verdict,
    refund_verdict,
)

PIECE = 500
NEIGHBOURS = timedelta(days=3)
T = TypeVar("T")
P = ParamSpec("P")
OTHER_RUNS = 5


def beside_others(write: Callable[P, T]) -> Callable[P, T]:
    """Several runs of one day meet (nightly, a command, a button): what another wrote a moment ago is found anew."""

    @functools.wraps(write)
    def written(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(OTHER_RUNS):
            try:
                return write(*args, **kwargs)
            except IntegrityError:
                db.session.rollback()
        return write(*args, **kwargs)

    return retry_deadlock(written)


def add_up_trades(file: BinaryIO, figures: Figures) -> None:
    """Read the whole trade bill once: its sums, and BillDamaged before a single line was compared."""
    for row in read_trade_bill(file):
        figures.theirs_count += 1
        figures.theirs_paid += row.order_fen
        figures.theirs_settled += row.settled_fen
        if row.refund_state in NOT_MOVED:  # on the bill with its amount and fee, yet no money went
            continue
        figures.theirs_refunded += row.refund_fen
        figures.fees += row.fee_fen
    file.seek(0)


def add_up_funds(file: BinaryIO, figures: Figures) -> None:
    """The movements of the account: those of trading, and others (withdrawals, deposits) apart."""
    for row in read_fund_flow_bill(file):
        name = ("fund_" if row.kind in TRADING_KINDS else "fund_other_") + ("in" if row.incoming else "out")
        setattr(figures, name, getattr(figures, name) + row.fen)


def compare_trades(day: date, file: BinaryIO, sha1: str) -> None:
    """Write a line for everything on the bill, then for everything of ours that is not on it.

    A bill of the day that differs from the one before, told by its `sha1`, takes that one's place.
    """
    _write_bill(day, file, sha1)
    if taken := _take_back_theirs(day, sha1):
        while taken:
            taken = _take_back_theirs(day, sha1)
        # What a run beside this one wrote meanwhile by another bill was taken back with the rest: both may have it.
        file.seek(0)
        _write_bill(day, file, sha1)
    for side, pieces in ((Side.PAYMENT, queries.each_payment(day)), (Side.REFUND, queries.each_refund(day))):
        for ours in pieces:
            _write_only_ours(day, side, ours)
    settle_neighbours(day)


def _write_bill(day: date, file: BinaryIO, sha1: str) -> None:
    for piece in _pieces(read_trade_bill(file), PIECE):
        for side in (Side.PAYMENT, Side.REFUND):
            _write_theirs(day, side, [row for row in piece if row.is_refund == (side is Side.REFUND)], sha1)


def compare_funds(day: date, figures: Figures) -> None:
    """The account must have got what the trade bill says, and money in must be money out plus money held."""
    _write_sum(day, "资金账单净额", figures.theirs_net, figures.fund_net)
    _write_sum(day, "收入=支出+留存", figures.ever_in, figures.ever_out + figures.ever_held)


@beside_others
def _write_theirs(day: date, side: Side, rows: list[TradeRow], sha1: str) -> None:
    numbers = [_number(row) for row in rows]
    if not rows:
        return
    with transaction():
        ours = queries.find_payments(numbers) if side is Side.PAYMENT else queries.find_refunds(numbers)
        known = queries.lines_of(day, side, numbers)
        for row in rows:
            line = known.get(_number(row))
            if line is None:
                line = known[_number(row)] = _new(day, side, _number(row))
            line.bill_sha1 = sha1
            _fill(line, ours.get(line.number), row)
    db.session.expunge_all()


@beside_others
def _take_back_theirs(day: date, sha1: str) -> int:
    """What an earlier bill of this day had and this one has not is theirs no longer; how many such lines this took."""
    with transaction():
        stale = queries.lines_of_other_bills(day, sha1, PIECE)
        for line in stale:
            line.theirs_fen, line.theirs_state, line.fee_fen, line.bill_sha1 = None, "", 0, ""
            if line.ours_fen is not None:
                judge(line)
            elif line.work == Work.OPEN:  # neither side knows it any more
                line.work = Work.HEALED
    db.session.expunge_all()
    return len(stale)


@beside_others
def _write_only_ours(day: date, side: Side, ours: list[Ours]) -> None:
    numbers = [one.number for one in ours]
    with transaction():
        known = queries.lines_of(day, side, numbers)
        missing = [one for one in ours if one.number not in known or known[one.number].theirs_fen is None]
        elsewhere = queries.matched_elsewhere(side, [one.number for one in missing], day)
        for one in missing:
            line = known.get(one.number)
            if one.number in elsewhere:  # the bill of a neighbouring day has it
                if line is not None and line.work == Work.OPEN:
                    line.work = Work.HEALED
                continue
            line = line or _new(day, side, one.number)
            _fill(line, one, None)
    db.session.expunge_all()


def _new(day: date, side: Side, number: str) -> ReconciledLine:
    line = ReconciledLine(
        day=day, side=side, number=number[:64], verdict=Verdict.MATCHED, work=Work.NONE, fee_fen=0,
        trade_number="", provider_number="", ours_state="", theirs_state="",
    )  # fmt: skip
    db.session.add(line)
    return line


def _fill(line: ReconciledLine, ours: Ours | None, theirs: TradeRow | None) -> None:
    """Both sides of a line as they stand now; what a person said about it stays."""
    if ours is not None:
        line.ours_fen, line.ours_state, line.at = ours.fen, ours.state, ours.at
        line.trade_number, line.provider_number = ours.trade_number, ours.provider_number
    if theirs is not None:
        line.theirs_fen = theirs.refund_asked_fen if theirs.is_refund else theirs.order_fen
        line.theirs_state = theirs.refund_state if theirs.is_refund else theirs.state
        line.fee_fen, line.at, line.trade_number = theirs.fee_fen, theirs.at, theirs.out_trade_no[:32]
        line.provider_number = (theirs.refund_id if theirs.is_refund else theirs.transaction_id)[:40]
    judge(line)


def judge(line: ReconciledLine) -> None:
    """What the two sides of this line come to, and whether it is work. Healed and handled lines keep their story."""
    ours = None if line.ours_fen is None else Half(line.ours_fen, line.ours_state)
    theirs = None if line.theirs_fen is None else Half(line.theirs_fen, line.theirs_state)
    verdict = refund_verdict(ours, theirs) if line.side == Side.REFUND else payment_verdict(ours, theirs)
    if verdict is Verdict.ONLY_OURS and is_border(line.at, line.day) and line.work == Work.NONE:
        line.verdict = Verdict.BORDER
        return
    if verdict is Verdict.MATCHED:
        if line.work == Work.OPEN:
            line.work = Work.HEALED
        elif line.work == Work.NONE:
            line.verdict = verdict
        return
    if line.verdict != verdict or line.work != Work.HANDLED:
        line.verdict, line.work = verdict, Work.OPEN


@beside_others
def settle_neighbours(day: date) -> None:
    """Lines of the days around that waited for this day's bill: found in it, or missing for good."""
    here = (
        select(ReconciledLine.side + ":" + ReconciledLine.number)
        .where(ReconciledLine.day == day, ReconciledLine.theirs_fen.is_not(None))
        .scalar_subquery()
    )
    missing = (
        ReconciledLine.day != day,
        ReconciledLine.day >= day - NEIGHBOURS,
        ReconciledLine.day <= day + NEIGHBOURS,
        ReconciledLine.theirs_fen.is_(None),
        ReconciledLine.side.in_((Side.PAYMENT, Side.REFUND)),
    )
    name = ReconciledLine.side + ":" + ReconciledLine.number
    with transaction():
        changed_rows(
            update(ReconciledLine)
            .where(*missing, ReconciledLine.work != Work.HANDLED, name.in_(here))
            .values(work=Work.HEALED)
            .execution_options(synchronize_session=False)
        )
        changed_rows(
            update(ReconciledLine)
            .where(
                ReconciledLine.day == day - timedelta(days=1),
                ReconciledLine.verdict == Verdict.BORDER,
                ReconciledLine.work == Work.NONE,
            )
            .values(verdict=Verdict.ONLY_OURS, work=Work.OPEN)
            .execution_options(synchronize_session=False)
        )
    db.session.expunge_all()


@beside_others
def _write_sum(day: date, name: str, ours: int, theirs: int) -> None:
    with transaction():
        line = queries.lines_of(day, Side.FUND, [name]).get(name)
        if line is None and ours == theirs:
            return
        line = line or _new(day, Side.FUND, name)
        line.ours_fen, line.theirs_fen = ours, theirs
        if ours != theirs:
            if line.work != Work.HANDLED or line.verdict != Verdict.FUND:
                line.verdict, line.work = Verdict.FUND, Work.OPEN
        elif line.work == Work.OPEN:
            line.work = Work.HEALED


def _number(row: TradeRow) -> str:
    return row.out_refund_no if row.is_refund else row.out_trade_no


def _pieces(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(rows)
    while piece := list(islice(source, size)):
        yield piece
