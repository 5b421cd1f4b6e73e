"""The read side of the payments."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from app.core.db import db
from app.payments.models import Payment, PaymentNotice, Refund
from app.payments.rules import HARMLESS, OPEN, REFUND_ASKED, REFUND_COUNTS, REFUND_STUCK, PaymentState, RefundState


def find_by_number(out_trade_no: str) -> Payment | None:
    """The attempt with this number, unlocked."""
    return db.session.scalar(select(Payment).where(Payment.out_trade_no == out_trade_no))


def find_open_attempt(payable_kind: str, payable_id: int) -> Payment | None:
    """The one attempt that could still be paid, if there is one."""
    return db.session.scalar(
        select(Payment).where(
            Payment.payable_kind == payable_kind, Payment.payable_id == payable_id, Payment.state.in_(OPEN)
        )
    )


def list_succeeded(payable_kind: str, payable_id: int) -> Sequence[Payment]:
    """Every payment that arrived for this, oldest first (more than one only when somebody paid twice)."""
    return db.session.scalars(
        select(Payment)
        .where(
            Payment.payable_kind == payable_kind,
            Payment.payable_id == payable_id,
            Payment.state == PaymentState.SUCCEEDED,
        )
        .order_by(Payment.id)
    ).all()


def list_refunds(payable_kind: str, payable_id: int) -> Sequence[Refund]:
    """Money back for this, oldest first."""
    return db.session.scalars(
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.payable_kind == payable_kind, Payment.payable_id == payable_id)
        .order_by(Refund.id)
    ).all()


def refunded_fen(payment_id: int) -> int:
    """What of this payment went back or is on its way back, also by hand after WeChat Pay had finally refused."""
    by_hand = and_(Refund.state == RefundState.CLOSED, Refund.handled_at.is_not(None))
    total = db.session.scalar(
        select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(
            Refund.payment_id == payment_id, Refund.state.in_(REFUND_COUNTS) | by_hand
        )
    )
    return int(total or 0)


def unclaimed_fen(payment_id: int) -> int:
    """What of this payment nobody has asked back yet.

    A refund that WeChat Pay finally refused was asked: it waits for a person on the list of stuck ones, and asking
    WeChat Pay again beside that person would give the money back twice.
    """
    asked = select(func.coalesce(func.sum(Refund.amount_fen), 0)).where(Refund.payment_id == payment_id)
    left = db.session.scalar(select(Payment.amount_fen - asked.scalar_subquery()).where(Payment.id == payment_id))
    return max(int(left or 0), 0)


def list_attempts_to_ask(now: datetime, limit: int = 50) -> list[int]:
    """Attempts whose turn it is to be asked about, open or closed not long ago, the longest waiting first."""
    due = (
        select(Payment.id)
        .where(Payment.state.in_((*OPEN, PaymentState.CLOSED)), Payment.next_query_at <= now)
        .order_by(Payment.next_query_at)
        .limit(limit)
    )
    return list(db.session.scalars(due))


def list_refunds_to_ask(now: datetime, limit: int = 50) -> list[int]:
    """Refunds that WeChat Pay has not finished, whose turn it is."""
    due = (
        select(Refund.id)
        .where(Refund.state.in_(REFUND_ASKED), Refund.next_query_at <= now)
        .order_by(Refund.next_query_at)
        .limit(limit)
    )
    return list(db.session.scalars(due))


def list_stuck() -> Sequence[tuple[Refund, Payment]]:
    """Refunds that need a person, the oldest first."""
    rows = db.session.execute(
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.state.in_(REFUND_STUCK), Refund.handled_at.is_(None))
        .order_by(Refund.requested_at, Refund.id)
    )
    return [(row[0], row[1]) for row in rows]


def list_handled(limit: int = 30) -> Sequence[Refund]:
    """What persons said about refunds that were stuck, the newest first."""
    return db.session.scalars(
        select(Refund).where(Refund.handled_at.is_not(None)).order_by(Refund.handled_at.desc()).limit(limit)
    ).all()


def list_payments(number: str = "", limit: int = 30) -> list[tuple[Payment, list[Refund]]]:
    """Payments with their refunds, the newest first; a number is ours, WeChat Pay's, or that of a refund."""
    wanted = select(Payment).order_by(Payment.id.desc()).limit(limit)
    if number:
        back = select(Refund.payment_id).where(or_(Refund.out_refund_no == number, Refund.refund_id == number))
        ours = or_(Payment.out_trade_no == number, Payment.transaction_id == number, Payment.id.in_(back))
        wanted = wanted.where(ours)
    rows = db.session.scalars(wanted).all()
    refunds: dict[int, list[Refund]] = {row.id: [] for row in rows}
    for refund in db.session.scalars(select(Refund).where(Refund.payment_id.in_(refunds)).order_by(Refund.id)):
        refunds[refund.payment_id].append(refund)
    return [(row, refunds[row.id]) for row in rows]


def list_suspicious_notices(number: str = "", limit: int = 30) -> Sequence[PaymentNotice]:
    """Authentic notices that did not do what they said, the newest first; of one number, if one is given."""
    wanted = select(PaymentNotice).where(PaymentNotice.verdict.not_in(HARMLESS))
    if number:
        wanted = wanted.where(PaymentNotice.number == number)
    return db.session.scalars(wanted.order_by(PaymentNotice.id.desc()).limit(limit)).all()
