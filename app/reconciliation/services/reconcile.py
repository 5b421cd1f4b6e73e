"""A day from its bills to its report. Run again, it says the same; nothing a person said is lost."""

from dataclasses import dataclass
from datetime import date, datetime

import structlog
from sqlalchemy import select

from app.core import audit, clock
from app.core.db import db, transaction
from app.core.errors import GatewayError, NotAllowed
from app.core.security import SYSTEM, Actor
from app.gateways.pay.port import BillNotReady, OrderNotFound, PayGateway
from app.payments.services import refunds, settlement, sweep
from app.reconciliation import queries
from app.reconciliation.errors import DayNotReconcilable, NothingToHandle, ReasonMissing
from app.reconciliation.models import ReconciledDay, ReconciledLine
from app.reconciliation.rules import RETRY, Figures, Side, Verdict, Work, may_reconcile, nightly_days, ready_at
from app.reconciliation.services import compare

log = structlog.get_logger(__name__)
MIN_REASON, MAX_REASON = 4, 200
LOOKS = 3
MAX_HEALED = 500  # of one run; the next goes on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    day: date
    done: bool
    note: str
    open_lines: int = 0


def reconcile(day: date, gateway: PayGateway, now: datetime) -> Outcome:
    """Fetch both bills of a day, compare, heal, keep the report. Waiting is an outcome, told in `note`.

    DayNotReconcilable; BillDamaged and other GatewayErrors come as a waiting outcome: nothing was compared.
    """
    if not may_reconcile(day, clock.local(now).date()):
        raise DayNotReconcilable
    if now < ready_at(day):
        return _wait(day, "账单每天 10 点后生成", ready_at(day), now)
    try:
        return _fetch_and_compare(day, gateway, now)
    except BillNotReady:
        db.session.rollback()
        if not queries.has_business(day):
            compare.settle_neighbours(day)
            return _finish(day, Figures(), ("", ""), "当日没有交易，微信支付没有账单", now)
        return _wait(day, "微信支付还没有这一天的账单", now + RETRY, now)
    except GatewayError as exc:
        log.warning("bill_not_fetched", day=day.isoformat(), provider_error=exc.code, detail=exc.detail)
        return _wait(day, f"账单没有取到（{exc.code[:32]}），稍后自动重试", now + RETRY, now)


def nightly(gateway: PayGateway, now: datetime) -> int:
    """Reconcile the days whose bills should be there and that are not done; how many were finished."""
    due: list[date] = []
    for day in nightly_days(now):
        row = queries.find_day(day)
        if row is None or (row.state != "done" and (row.next_try_at is None or row.next_try_at <= now)):
            due.append(day)
    db.session.rollback()
    return sum(reconcile(day, gateway, now).done for day in due)


def mark_handled(actor: Actor, line_id: int, reason: str, now: datetime) -> date:
    """Say that a difference was looked into, and why it is all right; answers its day. Audited.

    NotAllowed, ReasonMissing, NothingToHandle.
    """
    if actor.kind != "operator":
        raise NotAllowed
    reason = reason.strip()[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReasonMissing
    with transaction():
        line = db.session.scalar(select(ReconciledLine).where(ReconciledLine.id == line_id).with_for_update())
        if line is None or line.work != Work.OPEN:
            raise NothingToHandle
        line.work, line.handled_at, line.handled_by, line.handled_reason = Work.HANDLED, now, actor.id, reason
        audit.record(actor, "difference_handled", "reconciled_line", line.id, verdict=line.verdict, reason=reason)
        return line.day


def _fetch_and_compare(day: date, gateway: PayGateway, now: datetime) -> Outcome:
    figures = Figures()
    with gateway.fund_flow_bill(day) as fund, gateway.trade_bill(day) as trade:
        compare.add_up_funds(fund.file, figures)
        compare.add_up_trades(trade.file, figures)
        compare.compare_trades(day, trade.file, trade.sha1)
        digests = trade.sha1, fund.sha1
    _heal(day, gateway, now)
    figures.ours_paid, figures.ours_refunded, figures.ours_count = queries.sums_of(day)
    _weigh(figures)
    compare.compare_funds(day, figures)
    return _finish(day, figures, digests, "", now)


def _weigh(figures: Figures) -> None:
    """The balance of the whole house. Money that arrives between two of its sums must not look like a difference."""
    for _ in range(LOOKS):
        figures.ever_in, figures.ever_out, figures.ever_held = queries.balance()
        db.session.rollback()
        if figures.balanced:
            return


def _heal(day: date, gateway: PayGateway, now: datetime) -> None:
    """Ask WeChat Pay about what differs in state, by the same path as a notice, and look at the line again."""
    lines = list(
        db.session.scalars(
            select(ReconciledLine.id)
            .where(
                ReconciledLine.day == day,
                ReconciledLine.work == Work.OPEN,
                ReconciledLine.verdict == Verdict.STATE,
                ReconciledLine.side.in_((Side.PAYMENT, Side.REFUND)),
            )
            .order_by(ReconciledLine.id)
            .limit(MAX_HEALED)
        )
    )
    db.session.rollback()
    sweep.each("heal_differences", lines, lambda line_id: _heal_line(line_id, gateway, now), lambda _line_id: None)


def _heal_line(line_id: int, gateway: PayGateway, now: datetime) -> bool:
    line = db.session.get_one(ReconciledLine, line_id, populate_existing=True)
    side, number = line.side, line.number
    db.session.rollback()
    try:
        if side == Side.PAYMENT:
            settlement.settle_from_query(gateway.query(number), now)
        else:
            refunds.ask_refund(number, gateway, now)
    except OrderNotFound:
        return False
    with transaction():
        line = db.session.get_one(ReconciledLine, line_id, populate_existing=True, with_for_update=True)
        if line.work != Work.OPEN:
            return False  # another run or a person was faster
        ours = queries.find_payments([number]) if side == Side.PAYMENT else queries.find_refunds([number])
        if number in ours:
            line.ours_fen, line.ours_state = ours[number].fen, ours[number].state
        compare.judge(line)
        healed = line.work == Work.HEALED
        if healed:
            audit.record(SYSTEM, "difference_healed", "reconciled_line", line.id, verdict=line.verdict)
    return healed


@compare.beside_others
def _wait(day: date, note: str, until: datetime, now: datetime) -> Outcome:
    with transaction():
        row = _row(day)
        if row.state != "done":  # a day that was finished stays finished, whatever becomes of a later run
            row.note, row.next_try_at = note, until
        row.tries += 1
    return Outcome(day, False, note)


@compare.beside_others
def _finish(day: date, figures: Figures, digests: tuple[str, str], note: str, now: datetime) -> Outcome:
    with transaction():
        row = _row(day)
        row.state, row.note, row.finished_at, row.next_try_at = "done", note, now, None
        row.tries += 1
        row.trade_sha1, row.fund_sha1 = digests
        row.figures = figures.as_json()
        audit.record(SYSTEM, "day_reconciled", "reconciled_day", row.id, day=day.isoformat())
    waiting = queries.count_open().get(day, 0)
    db.session.rollback()
    log.info("day_reconciled", day=day.isoformat(), open_lines=waiting, balanced=figures.balanced)
    return Outcome(day, True, note, waiting)


def _row(day: date) -> ReconciledDay:
    row = queries.find_day(day)
    if row is None:
        row = ReconciledDay(day=day, state="waiting", note="", tries=0, trade_sha1="", fund_sha1="", figures={})
        db.session.add(row)
        db.session.flush()
    return row
