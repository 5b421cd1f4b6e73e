"""发送: what the worker does with a queued message. Sent at most once; who does not know whether it was sent stops."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from app.core import clock, outbox
from app.core.db import changed_rows, db, transaction
from app.core.errors import GatewayError
from app.gateways.wechat.port import NotDelivered, Refused
from app.messages.models import Delivery

log = structlog.get_logger(__name__)
# A worker that was killed while sending leaves its row behind; nobody knows what became of the message.
ABANDONED = timedelta(minutes=10)


def attempt(delivery_id: int, send: Callable[[], str]) -> None:
    """Send once. Not taken for sure: raises, so that the outbox tries again. Anything else settles the row for good."""
    if not _take(delivery_id):
        return
    try:
        number = send()
    except NotDelivered as error:
        settle(delivery_id, "waiting", error.code)
        raise
    except Refused as error:
        settle(delivery_id, "refused", error.code)
    except GatewayError as error:
        # Whether it went out is not known, and asking again could deliver it twice.
        log.warning("message_outcome_unknown", delivery_id=delivery_id, provider_error=error.code)
        settle(delivery_id, "unknown", error.code)
    else:
        settle(delivery_id, "sent", "", number)


def _take(delivery_id: int) -> bool:
    """Become the one that sends; a row found `sending` was begun by a worker that died, and stays unsent for ever."""
    step = update(Delivery).where(Delivery.id == delivery_id)
    with transaction(durable=True):
        if changed_rows(step.where(Delivery.state == "waiting").values(state="sending")) == 1:
            return True
        died = step.where(Delivery.state == "sending")
        changed_rows(died.values(state="unknown", result="interrupted", settled_at=clock.now()))
        return False


def settle(delivery_id: int, state: str, result: str, provider_id: str = "") -> None:
    """Keep what became of a message."""
    values: dict[str, object] = {"state": state, "result": result[:64], "provider_id": provider_id[:64]}
    if state != "waiting":
        values["settled_at"] = clock.now()
    with transaction():
        changed_rows(update(Delivery).where(Delivery.id == delivery_id).values(**values))


def reported(provider_id: str, good: bool, result: str, now: datetime) -> None:
    """WeChat says later what became of a message that it took."""
    if not provider_id:
        return
    row = update(Delivery).where(Delivery.provider_id == provider_id, Delivery.state.in_(("sent", "arrived")))
    with transaction():
        changed_rows(row.values(state="arrived" if good else "refused", result=result[:64], settled_at=now))


def close_abandoned(now: datetime) -> int:
    """Settle what no outbox row will come back to: given up after the last try, or interrupted."""
    keys = select(Delivery.id, Delivery.channel).where(
        Delivery.state.in_(("waiting", "sending")), Delivery.created_at < now - ABANDONED
    )
    rows = list(db.session.execute(keys))
    db.session.rollback()
    closed = 0
    for delivery_id, channel in rows:
        if outbox_state(channel, delivery_id) in {"pending", None}:
            continue
        step = update(Delivery).where(Delivery.id == delivery_id, Delivery.state.in_(("waiting", "sending")))
        with transaction():
            closed += changed_rows(step.values(state="refused", settled_at=now))
    return closed


TOPICS = {"subscribe": "notice", "sms": "notice_sms", "customer": "customer_message"}


def outbox_state(channel: str, delivery_id: int) -> str | None:
    """Where the delivery's outbox row stands."""
    row = outbox.OutboxMessage
    return db.session.scalar(select(row.state).where(row.key == f"{TOPICS[channel]}:{delivery_id}"))
