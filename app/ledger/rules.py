"""What a row of the ledger says and how its hash is made. Pure: both sides of a settlement can recompute it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

HEADQUARTERS = 0  # the chain of what happens at no dealer
GENESIS = "0" * 64
FORMAT = 1


class LedgerEvent(StrEnum):
    """What happened to a coupon, a booking or a payment."""

    CLAIMED = "claimed"
    HELD = "held"
    RELEASED = "released"
    REDEEMED = "redeemed"
    UNDONE = "undone"
    REVOKED = "revoked"
    EXPIRED = "expired"
    PAID = "paid"
    REFUNDED = "refunded"


EVENT_WORDS = {
    LedgerEvent.CLAIMED: "领取",
    LedgerEvent.HELD: "占用",
    LedgerEvent.RELEASED: "退还",
    LedgerEvent.REDEEMED: "核销",
    LedgerEvent.UNDONE: "撤销核销",
    LedgerEvent.REVOKED: "作废",
    LedgerEvent.EXPIRED: "过期",
    LedgerEvent.PAID: "收款",
    LedgerEvent.REFUNDED: "退款",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it is hashed. Opaque ids only, so that nothing personal can be in a chain that is never rewritten.

    `subject` is `coupon:12`, `booking:7`; `campaign` its 编号 or empty; `amount_fen` what it is worth for the
    settlement (0 where nothing is); `dealer_permille` how much of that the dealer bears; `actor` `staff:3`.
    """

    chain: int
    seq: int
    at: datetime
    event: str
    subject: str
    campaign: str
    amount_fen: int
    dealer_permille: int
    actor: str


def digest(line: Line, previous: str) -> str:
    """SHA-256 over the row's canonical JSON and the hash of the row before (64 hex letters)."""
    fields = [
        FORMAT,
        line.chain,
        line.seq,
        moment(line.at),
        line.event,
        line.subject,
        line.campaign,
        line.amount_fen,
        line.dealer_permille,
        line.actor,
        previous,
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def moment(at: datetime) -> str:
    """A time as it goes into the hash: UTC with microseconds, the same from every database."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
