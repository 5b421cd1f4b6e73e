"""What a coupon promises, frozen when it is claimed: a campaign that is edited later changes nothing for its holder."""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from app.core.money import format_yuan
from app.coupons.rules.words import CouponKind, Payer, Scope, Usage


def dealer_share(payer: str, dealer_permille: int) -> int:
    """What part of a redemption the dealer bears, in permille."""
    return {Payer.HEADQUARTERS: 0, Payer.DEALER: 1000}.get(Payer(payer), dealer_permille)


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules of one coupon. `series` and `dealers` are ids; None means all. Money is fen.

    `discount_permille` 880 is 8.8 折; `most_fen` caps what such a coupon takes off. `worth_fen` is what one piece of
    another kind costs whoever pays for it. `stackable`: together with other stackable ones; otherwise with none.
    `group`: of the coupons of one group only one is used. `alone`: not on top of a one-price deal. Lower `priority` is
    applied first. `usage`: where; `scope`: off what.
    `payer`, `dealer_permille`: who bears it, and the dealer's part where both do.
    """

    kind: str
    title: str
    face_fen: int | None = None
    discount_permille: int | None = None
    most_fen: int | None = None
    threshold_fen: int = 0
    worth_fen: int = 0
    usage: str = Usage.ANYWHERE
    scope: str = Scope.UNSAID
    series: tuple[int, ...] | None = None
    dealers: tuple[int, ...] | None = None
    stackable: bool = False
    group: str = ""
    alone: bool = False
    priority: int = 100
    payer: str = Payer.HEADQUARTERS
    dealer_permille: int = 0
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def payer_words(self) -> str:
        """Who bears it, in a few words."""
        if self.payer == Payer.SHARED:
            return f"总部与门店共担（门店 {self.dealer_permille / 10:g}%）"
        return f"{self.payer}承担"

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` wrote, also of a version that knew fewer fields."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in content.items() if name in known}
        for name in ("series", "dealers"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        return cls(**values)

    @staticmethod
    @functools.lru_cache(1024)
    def from_text(content: str) -> "Terms":
        """The same from the text of that JSON. A shop has few, none changes: what was read once is not read again."""
        return Terms.from_json(json.loads(content))

    @property
    def digest(self) -> str:
        """Names these terms: SHA-256 of their canonical JSON (64 hex letters)."""
        content = json.dumps(self.as_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def lowers_price(self) -> bool:
        """Whether it takes money off something; the others are handed out."""
        return self.kind in (CouponKind.CASH, CouponKind.DISCOUNT)

    @property
    def share_permille(self) -> int:
        """What part of a redemption the dealer bears."""
        return dealer_share(self.payer, self.dealer_permille)

    def value_words(self) -> str:
        """What stands large on the ticket: ¥3,000 · 8.8折 · 一次."""
        if self.kind == CouponKind.DISCOUNT and self.discount_permille is not None:
            return f"{self.discount_permille / 100:g}折"
        if self.face_fen is not None:
            return format_yuan(self.face_fen)
        return "一次"

    def takes_off(self, base_fen: int) -> int:
        """What it takes off an amount it applies to: never more than the amount, never below 0."""
        if self.kind == CouponKind.CASH:
            off = self.face_fen or 0
        elif self.kind == CouponKind.DISCOUNT:
            # The customer pays the part, rounded down to a fen.
            off = base_fen - base_fen * (self.discount_permille or 1000) // 1000
            if self.most_fen is not None:
                off = min(off, self.most_fen)
        else:
            off = 0
        return max(0, min(off, base_fen))
