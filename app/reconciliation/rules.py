"""What differs between the two sides of a day, and when to fetch its bills. Pure."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from app.core import clock

READY_AT = time(10, 0)  # Asia/Shanghai; the bills are made about nine
OLDEST_DAYS = 90
RETRY = timedelta(minutes=30)
NIGHTLY_DAYS = 3  # how far back the nightly run looks for days it missed
BORDER = timedelta(minutes=10)  # WeChat Pay may book the last minutes of a day on the next


class Side(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"
    FUND = "fund"


class Verdict(StrEnum):
    """What a line came to."""

    MATCHED = "matched"
    ONLY_OURS = "only_ours"
    ONLY_THEIRS = "only_theirs"
    AMOUNT = "amount"
    STATE = "state"
    BORDER = "border"  # ours in the last minutes of the day: the next day's bill has to have it
    FUND = "fund"  # the fund-flow bill and the trade bill do not add up


class Work(StrEnum):
    """What is to do about a line; empty when nothing is."""

    NONE = ""
    OPEN = "open"
    HEALED = "healed"
    HANDLED = "handled"


VERDICT_WORDS = {
    Verdict.MATCHED: "一致",
    Verdict.ONLY_OURS: "仅我方有",
    Verdict.ONLY_THEIRS: "仅微信有",
    Verdict.AMOUNT: "金额不同",
    Verdict.STATE: "状态不同",
    Verdict.BORDER: "跨日待核",
    Verdict.FUND: "资金账单不平",
}
WORK_WORDS = {Work.NONE: "", Work.OPEN: "待处理", Work.HEALED: "已自动更正", Work.HANDLED: "已人工处理"}
# Both sides' states as a bookkeeper reads them; an unknown one is shown as it came.
STATE_WORDS = {
    "created": "未付款",
    "pending": "未付款",
    "succeeded": "成功",
    "closed": "已关闭",
    "requested": "已申请",
    "processing": "处理中",
    "abnormal": "异常",
    "SUCCESS": "成功",
    "REVOKED": "已撤销",
    "PROCESSING": "处理中",
    "ABNORMAL": "异常",
    "CHANGE": "异常",
    "FAIL": "失败",
    "CLOSED": "已关闭",
}
SIDE_WORDS = {Side.PAYMENT: "收款", Side.REFUND: "退款", Side.FUND: "资金"}

# Their states of a refund that did not happen: the account does not know it.
NOT_MOVED = frozenset({"FAIL", "CLOSED"})
# Their state of a refund → ours that agree with it. The bill is a picture of the night; we may know more by now.
_REFUND_AGREES: dict[str, frozenset[str]] = {
    "SUCCESS": frozenset({"succeeded"}),
    "PROCESSING": frozenset({"processing", "succeeded", "abnormal", "closed"}),
    "ABNORMAL": frozenset({"abnormal", "succeeded", "closed"}),
    "CHANGE": frozenset({"abnormal", "succeeded", "closed"}),
    "FAIL": frozenset({"closed"}),
    "CLOSED": frozenset({"closed"}),
}


@dataclass(frozen=True, slots=True)
class Half:
    """One side's view of a payment or refund."""

    fen: int
    state: str


def payment_verdict(ours: Half | None, theirs: Half | None) -> Verdict:
    """Our payment (`succeeded`, …) against their row (SUCCESS, REVOKED)."""
    if theirs is None:
        return Verdict.ONLY_OURS
    if ours is None:
        return Verdict.ONLY_THEIRS
    if ours.fen != theirs.fen:
        return Verdict.AMOUNT
    return Verdict.MATCHED if (ours.state == "succeeded") == (theirs.state == "SUCCESS") else Verdict.STATE


def refund_verdict(ours: Half | None, theirs: Half | None) -> Verdict:
    """Our refund against their row."""
    if theirs is None:
        return Verdict.ONLY_OURS
    if ours is None:
        return Verdict.ONLY_THEIRS
    if ours.fen != theirs.fen:
        return Verdict.AMOUNT
    return Verdict.MATCHED if ours.state in _REFUND_AGREES.get(theirs.state, frozenset()) else Verdict.STATE


@dataclass(slots=True)
class Figures:
    """The sums of a day in fen. `theirs_net`: what stays by the trade bill; `fund_net`: what the account really got."""

    ours_paid: int = 0
    ours_refunded: int = 0
    ours_count: int = 0
    theirs_paid: int = 0
    theirs_refunded: int = 0
    theirs_settled: int = 0
    theirs_count: int = 0
    fees: int = 0
    fund_in: int = 0
    fund_out: int = 0
    fund_other_in: int = 0
    fund_other_out: int = 0
    ever_in: int = 0
    ever_out: int = 0
    ever_held: int = 0

    @property
    def theirs_net(self) -> int:
        return self.theirs_settled - self.theirs_refunded - self.fees

    @property
    def fund_net(self) -> int:
        return self.fund_in - self.fund_out

    @property
    def balanced(self) -> bool:
        """Money in is money out plus money held, to the fen."""
        return self.ever_in == self.ever_out + self.ever_held

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


TRADING_KINDS = frozenset({"交易", "扣除交易手续费", "退款", "退还交易手续费"})


def ready_at(day: date) -> datetime:
    """When the bills of a day may be asked for."""
    return clock.from_local(datetime.combine(day + timedelta(days=1), READY_AT))


def bounds(day: date) -> tuple[datetime, datetime]:
    """A day of WeChat Pay's clock, half-open."""
    return (
        clock.from_local(datetime.combine(day, time.min)),
        clock.from_local(datetime.combine(day + timedelta(days=1), time.min)),
    )


def is_border(at: datetime | None, day: date) -> bool:
    """Whether this happened so late that the next day's bill may have it."""
    return at is not None and at >= bounds(day)[1] - BORDER


def may_reconcile(day: date, today: date) -> bool:
    """Whether WeChat Pay has, or will have, bills of this day."""
    return today - timedelta(days=OLDEST_DAYS) <= day < today


def nightly_days(now: datetime) -> list[date]:
    """The days whose bills should be there by now, the oldest first."""
    today = clock.local(now).date()
    days = [today - timedelta(days=back) for back in range(NIGHTLY_DAYS, 0, -1)]
    return [day for day in days if now >= ready_at(day)]
