"""日结: what one chain comes to on one day, as text that is signed. Pure: both sides can work it out again."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core import clock
from app.ledger.rules.lines import LedgerEvent, Line, moment

PURPOSE = b"zhanting ledger close v1"
# A request that began before midnight may still be writing its row.
SETTLED_AFTER = timedelta(minutes=10)
_SIGN = {LedgerEvent.REDEEMED: 1, LedgerEvent.UNDONE: -1}


@dataclass(slots=True)
class Sum:
    """How many rows, and their amounts."""

    count: int = 0
    fen: int = 0


@dataclass(slots=True)
class CampaignSum:
    """What one campaign's coupons come to: redeemed less undone. `fen` is borne by the two others together."""

    redeemed: int = 0
    undone: int = 0
    fen: int = 0
    headquarters_fen: int = 0
    dealer_fen: int = 0

    @property
    def net(self) -> int:
        return self.redeemed - self.undone


@dataclass(slots=True)
class Totals:
    """Rows added up: by kind of subject and event (`coupon:redeemed`), and by campaign."""

    rows: int = 0
    events: dict[str, Sum] = field(default_factory=dict[str, Sum])
    campaigns: dict[str, CampaignSum] = field(default_factory=dict[str, CampaignSum])

    def add(self, line: Line) -> None:
        self.rows += 1
        total = self.events.setdefault(f"{line.subject.partition(':')[0]}:{line.event}", Sum())
        total.count, total.fen = total.count + 1, total.fen + line.amount_fen
        sign = _SIGN.get(LedgerEvent(line.event))
        if sign is not None and line.campaign:
            self._settle(self.campaigns.setdefault(line.campaign, CampaignSum()), line, sign)

    @property
    def said(self) -> dict[str, Any]:
        """As they are signed."""
        return {
            "rows": self.rows,
            "events": {name: asdict(total) for name, total in self.events.items()},
            "campaigns": {name: asdict(total) | {"net": total.net} for name, total in self.campaigns.items()},
        }

    def _settle(self, campaign: CampaignSum, line: Line, sign: int) -> None:
        dealer = dealer_part(line.amount_fen, line.dealer_permille)
        campaign.redeemed += sign > 0
        campaign.undone += sign < 0
        campaign.fen += sign * line.amount_fen
        campaign.dealer_fen += sign * dealer
        campaign.headquarters_fen += sign * (line.amount_fen - dealer)


def dealer_part(amount_fen: int, dealer_permille: int) -> int:
    """What the dealer bears of one redemption, rounded down to a fen; headquarters bears the rest."""
    return amount_fen * dealer_permille // 1000


def add_up(lines: Iterable[Line]) -> Totals:
    """What these rows come to."""
    totals = Totals()
    for line in lines:
        totals.add(line)
    return totals


@dataclass(frozen=True, slots=True)
class Range:
    """The rows of one chain that a close covers, and the hash of the last of them."""

    chain: int
    dealer: str  # its 编号; empty for headquarters
    day: date
    first_seq: int
    last_seq: int
    head: str
    previous: str  # the digest of the close before


def content_of(rows: Range, totals: Totals, key: str, closed_at: datetime) -> dict[str, Any]:
    """What is signed."""
    return {
        "format": 1,
        "chain": rows.chain,
        "dealer": rows.dealer,
        "day": rows.day.isoformat(),
        "first_seq": rows.first_seq,
        "last_seq": rows.last_seq,
        "head": rows.head,
        **totals.said,
        "previous": rows.previous,
        "key": key,
        "closed_at": moment(closed_at),
    }


def text_of(content: dict[str, Any]) -> str:
    """The one way to write a content down: keys in order, no spaces."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_of(text: str) -> str:
    """By what the next close names this one."""
    return hashlib.sha256(text.encode()).hexdigest()


class Signer:
    """Headquarters' key, derived from SECRET_KEY: whoever has the database alone cannot sign."""

    def __init__(self, secret: str) -> None:
        seed = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret.encode())
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes_raw()
        self.public_key = base64.b64encode(raw).decode()
        self.key_id = key_id(self.public_key)

    def sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode())).decode()


def key_id(public_key: str) -> str:
    """The name of a public key: 16 hex letters of its SHA-256."""
    return hashlib.sha256(base64.b64decode(public_key)).hexdigest()[:16]


def signed_by(public_key: str, text: str, signature: str) -> bool:
    """Whether this key signed this text."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def day_end(day: date) -> datetime:
    """The first moment after a day of Asia/Shanghai."""
    return clock.from_local(datetime.combine(day + timedelta(days=1), time.min))


def closable_until(now: datetime) -> date:
    """The last day that is over for good."""
    return clock.local(now - SETTLED_AFTER).date() - timedelta(days=1)
