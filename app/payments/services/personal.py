"""What a person may ask of their payments: to be forgotten as a payer, or to follow them to another account."""

from datetime import datetime

from sqlalchemy import select, update

from app.core.clock import local
from app.core.db import changed_rows, db, transaction
from app.core.money import format_yuan
from app.payments.models import Payment, Refund
from app.payments.rules import OPEN, REFUND_OPEN, REFUND_STUCK

KEEPS = (
    "支付和退款记录（单号、金额和时间，不含微信身份）保留到交易完成后三年，"
    "账务凭证按会计档案的年限保存，用于对账、退款和税务检查。"
)


def blocks(member_id: int) -> list[str]:
    """Money under way must arrive somewhere first; what WeChat Pay gave up on, headquarters must have seen to."""
    waiting = db.session.scalars(
        select(Payment.out_trade_no).where(Payment.member_id == member_id, Payment.state.in_(OPEN))
    )
    returning = db.session.execute(
        select(Refund.out_refund_no, Refund.amount_fen)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.member_id == member_id,
            Refund.state.in_(REFUND_OPEN) | (Refund.state.in_(REFUND_STUCK) & Refund.handled_at.is_(None)),
        )
    )
    return [
        *(f"支付单 {number} 还没有结果。" for number in waiting),
        *(f"退款 {number}（{format_yuan(fen)}）还没有到账。" for number, fen in returning),
    ]


def export_own(member_id: int) -> dict[str, object]:
    """The person's own copy of payments and refunds."""
    payments = list(db.session.scalars(select(Payment).where(Payment.member_id == member_id).order_by(Payment.id)))
    refunds = db.session.scalars(select(Refund).where(Refund.payment_id.in_([p.id for p in payments])))
    return {
        "payments": [
            {
                "number": p.out_trade_no,
                "what": p.description,
                "amount_fen": p.amount_fen,
                "state": p.state,
                "openid": p.openid,
                "created_at": local(p.created_at).isoformat(),
                "succeeded_at": local(p.succeeded_at).isoformat() if p.succeeded_at else None,
            }
            for p in payments
        ],
        "refunds": [
            {"number": r.out_refund_no, "amount_fen": r.amount_fen, "state": r.state, "reason": r.reason}
            for r in refunds
        ],
    }


def erase_own(member_id: int, _now: datetime) -> None:
    """Take the payer's WeChat identity off every payment that is over; number and amount stay in the books."""
    with transaction():
        over = update(Payment).where(Payment.member_id == member_id, Payment.state.not_in(OPEN))
        changed_rows(over.values(openid=""))


def reassign_own(from_id: int, to_id: int) -> None:
    """Give the payments of one member to another."""
    with transaction():
        changed_rows(update(Payment).where(Payment.member_id == from_id).values(member_id=to_id))
