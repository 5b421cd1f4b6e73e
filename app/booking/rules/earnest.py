"""What 订金, 意向金 and 定金 mean, and the terms that say so. Pure."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from app.core.money import format_yuan


class EarnestKind(StrEnum):
    """款项类型. The words are never swapped: only 定金 binds."""

    PREPAYMENT = "订金"
    BINDING = "定金"
    INTENTION = "意向金"


BINDING_SHARE_PERCENT = 20  # Civil Code, article 586


def refundable(kind: str) -> bool:
    """Whether the shopper may have it back by cancelling."""
    return kind != EarnestKind.BINDING


def earnest_problem(kind: str, earnest_fen: int, price_fen: int) -> str | None:
    """What forbids this earnest money, as a sentence, or None."""
    if kind not in set(EarnestKind):
        return "款项类型应为订金、定金或意向金"
    if not 0 < earnest_fen <= price_fen:
        return f"{kind}应大于 0 且不超过一口价"
    if kind == EarnestKind.BINDING and earnest_fen * 100 > price_fen * BINDING_SHARE_PERCENT:
        return "定金不得超过一口价的 20%"
    return None


def earnest_rule(kind: str) -> str:
    """What it means for the payer, in one sentence."""
    if kind == EarnestKind.BINDING:
        return "定金具有担保效力：您违约不退还，商家违约双倍返还。"
    return f"{kind}是预付款：交车前可随时取消，全额原路退回。"


TERMS_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Terms:
    """预订条款 as agreed to: the text and its hash go onto the booking."""

    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """Another text is another version, whoever changed it: the deal's kind, amount and notes are all in it."""
        return f"{TERMS_VERSION}-{self.digest[:12]}"


def terms_for(kind: str, earnest_fen: int, price_fen: int, deal_terms: str) -> Terms:
    """The terms of one booking, in sentences."""
    lines = [
        f"一口价 {format_yuan(price_fen)}，{kind} {format_yuan(earnest_fen)}，余款到店支付。",
        earnest_rule(kind),
        "提交后为您保留 15 分钟，付款成功预订生效；超时未付自动释放。",
        "保留结束后才到账的付款会自动原路退回。",
    ]
    if deal_terms.strip():
        lines.append(deal_terms.strip())
    return Terms("\n".join(lines))


# What the separate consent says: who gets what, and what for. Shown and recorded word for word.
SHARING_TEXT = "同意将我的姓名和手机号提供给所选门店，仅用于联系我办理这次预订。"
