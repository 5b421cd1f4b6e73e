"""What a row of the ledger says and how its hash is made. Pure: both sides of a settlement can recompute it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from json.encoder import encode_basestring as quoted
from typing import Any

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
    UNPAID = "unpaid"
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
    LedgerEvent.UNPAID: "更正收款",
    LedgerEvent.REFUNDED: "退款",
}


TAKES_BACK = (LedgerEvent.RELEASED, LedgerEvent.UNDONE, LedgerEvent.UNPAID, LedgerEvent.REFUNDED)
# A booking that is redeemed is a car that was handed over.
_BOOKING_WORDS = {LedgerEvent.REDEEMED: "交车", LedgerEvent.UNDONE: "撤销交车"}
_KIND_WORDS = {"coupon": "券", "booking": "预订"}


def event_words(kind: str, event: str) -> str:
    """What happened to which kind of thing: 券核销, 交车, 预订收款."""
    words: dict[str, str] = {**EVENT_WORDS}
    if kind == "booking" and event in (LedgerEvent.REDEEMED, LedgerEvent.UNDONE):
        return _BOOKING_WORDS[LedgerEvent(event)]
    return _KIND_WORDS.get(kind, "") + words.get(event, event)


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

    @property
    def signed_fen(self) -> int:
        """The amount as it adds up: less than nothing for what takes back."""
        return -self.amount_fen if self.event in TAKES_BACK else self.amount_fen


def digest(line: Line, previous: str) -> str:
    """SHA-256 over the row's canonical JSON and the hash of the row before (64 hex letters)."""
    return hashlib.sha256(canonical(line, previous)).hexdigest()


def canonical(line: Line, previous: str) -> bytes:
    """The bytes that are hashed: a JSON list without spaces, letters beyond ASCII as they are, UTF-8."""
    return _text(
        line.chain, line.seq, moment(line.at), line.event, line.subject, line.campaign, line.amount_fen,
        line.dealer_permille, line.actor, previous,
    )  # fmt: skip


def _text(
    chain: int,
    seq: int,
    at: str,
    event: str,
    subject: str,
    campaign: str,
    fen: int,
    part: int,
    actor: str,
    previous: str,
) -> bytes:
    """By hand, because a verification does nothing else a million times; what `json` writes, to the byte."""
    return (
        f'[{FORMAT},{chain},{seq},"{at}",{quoted(event)},{quoted(subject)},{quoted(campaign)},{fen},{part},'
        f'{quoted(actor)},"{previous}"]'
    ).encode()


def digest_of_fields(fields: tuple[Any, ...], previous: str) -> str:
    """The same digest from a row's fields as the database holds them: the time may be SQLite's text."""
    chain, seq, at, event, subject, campaign, fen, part, actor = fields
    stamp = f"{at[:10]}T{at[11:]}Z" if isinstance(at, str) else moment(at)
    return hashlib.sha256(_text(chain, seq, stamp, event, subject, campaign, fen, part, actor, previous)).hexdigest()


def moment(at: datetime) -> str:
    """A time as it goes into the hash: UTC with microseconds, the same from every database."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
