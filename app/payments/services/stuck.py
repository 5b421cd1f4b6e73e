"""Refunds that WeChat Pay gave up on: another way back for the money, and a person's word that it is settled."""

import re
from datetime import datetime

from sqlalchemy import select, update

from app.core import audit
from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.gateways.pay.port import BankCard, PayGateway
from app.payments import payables
from app.payments.errors import CardWrong, NotStuck, ReasonMissing
from app.payments.models import Payment, Refund
from app.payments.rules import REFUND_STUCK, RefundState, next_query
from app.payments.services.refunds import record_refund
from app.payments.services.settlement import lock_payment

MIN_REASON, MAX_REASON = 4, 200
_ACCOUNT = re.compile(r"\d{8,30}", re.ASCII)
_BANK = re.compile(r"[A-Z0-9_]{2,32}", re.ASCII)


@retry_deadlock
def mark_handled(actor: Actor, refund_id: int, reason: str, now: datetime) -> None:
    """Say that a stuck refund was seen to, and how: what waited for the money is over. Once.

    What the bank says later still counts; an abnormal refund that then arrives after all is shown to headquarters.

    NotAllowed, ReasonMissing, NotStuck.
    """
    _only_headquarters(actor)
    reason = reason.strip()[:MAX_REASON]
    if len(reason) < MIN_REASON:
        raise ReasonMissing
    with transaction():
        payment = _lock_payment_of(refund_id)
        marked = changed_rows(
            update(Refund)
            .where(Refund.id == refund_id, Refund.state.in_(REFUND_STUCK), Refund.handled_at.is_(None))
            .values(handled_at=now, handled_by=actor.id, handled_reason=reason)
        )
        if marked != 1:
            raise NotStuck
        audit.record(actor, "refund_handled", "refund", refund_id, reason=reason)
        refund = db.session.get_one(Refund, refund_id, populate_existing=True)
        payables.of(payment.payable_kind).on_refund_handled(payment, refund, now)


def send_to_card(actor: Actor, refund_id: int, card: BankCard, gateway: PayGateway, now: datetime) -> None:
    """Ask WeChat Pay to send an abnormal refund to the payer's bank card. The card is sent, never kept.

    NotAllowed, CardWrong, NotStuck, GatewayError (nothing changed; the same call may be made again).
    """
    _only_headquarters(actor)
    if not _ACCOUNT.fullmatch(card.account) or not _BANK.fullmatch(card.bank_type) or not card.name.strip():
        raise CardWrong
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if refund is None:
        raise NotFound
    state, number, theirs, asked = refund.state, refund.out_refund_no, refund.refund_id, refund.requested_at
    db.session.rollback()
    if state != RefundState.ABNORMAL or not theirs:
        raise NotStuck
    found = gateway.refund_to_card(theirs, number, card)
    with transaction():
        changed_rows(
            update(Refund)
            .where(Refund.id == refund_id, Refund.state == RefundState.ABNORMAL)
            .values(reapplied_at=now, next_query_at=next_query(now, asked))
        )
        audit.record(actor, "refund_sent_to_card", "refund", refund_id, bank=card.bank_type)
    record_refund(found, now)


def _lock_payment_of(refund_id: int) -> Payment:
    payment_id = db.session.scalar(select(Refund.payment_id).where(Refund.id == refund_id))
    if payment_id is None:
        raise NotStuck
    return lock_payment(payment_id)


def _only_headquarters(actor: Actor) -> None:
    if actor.kind != "operator":
        raise NotAllowed
