"""What headquarters decides, within which limits. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from app.booking.rules.earnest import LAWS
from app.booking.rules.states import HOLDS_MONEY, PICK_UP, BookingState
from app.core.money import format_yuan

MIN_WORDS, MAX_WORDS = 4, 300
DISPUTES_PER_BOOKING = 3
MAX_DOCUMENT = 60


class CaseKind(StrEnum):
    """待办的种类"""

    DOUBLE_RETURN = "double_return"
    FORFEIT = "forfeit"
    DISPUTE = "dispute"
    STORE_RETURN = "store_return"


# What these send back goes through WeChat Pay and comes out of the booking's own money.
SENT_BY_CASE = (CaseKind.FORFEIT, CaseKind.DISPUTE)


class CaseState(StrEnum):
    OPEN = "open"
    SETTLED = "settled"
    REFUSED = "refused"


class Deed(StrEnum):
    """What settling does to the booking."""

    PAY_OUT = "pay_out"  # money of another pocket, recorded with its document
    REFUND = "refund"  # a part goes back, the booking goes on
    END = "end"  # everything goes back, the booking is over
    FORFEIT = "forfeit"  # the booking is over, a part or all of the 定金 is kept


CASE_WORDS: dict[str, str] = {
    CaseKind.DOUBLE_RETURN: "双倍返还",
    CaseKind.FORFEIT: "定金处理",
    CaseKind.DISPUTE: "客户申请",
    CaseKind.STORE_RETURN: "门店退余款",
}
CASE_STATE_WORDS: dict[str, str] = {CaseState.OPEN: "待处理", CaseState.SETTLED: "已处理", CaseState.REFUSED: "已驳回"}
# What the customer reads while it is open.
CASE_WAITING: dict[str, str] = {
    CaseKind.DOUBLE_RETURN: "门店未按承诺办理，另一倍定金由总部核实后支付给您。",
    CaseKind.FORFEIT: "未按约付清余款或提车，定金由总部审核，您可以说明情况。",
    CaseKind.DISPUTE: "您的申请已提交，总部会在 3 个工作日内答复。",
    CaseKind.STORE_RETURN: "到店支付的余款由门店退还，办好后显示单据号。",
}


@dataclass(frozen=True, slots=True)
class Purse:
    """The money of a booking as a decision sees it; `earnest_fen` and `balance_fen` came in online and are here."""

    kind: str
    state: str
    agreed_earnest_fen: int
    earnest_fen: int
    balance_fen: int
    store_fen: int

    @property
    def online_fen(self) -> int:
        return self.earnest_fen + self.balance_fen

    @property
    def binding(self) -> bool:
        return LAWS[self.kind].binding


def judge(case: str, purse: Purse, amount_fen: int, *, ends: bool, document: str) -> tuple[Deed | None, str]:
    """What settling this case with this amount does, or None and what is wrong with it, as a sentence."""
    if CaseKind(case) in (CaseKind.FORFEIT, CaseKind.DISPUTE) and not 0 <= amount_fen <= purse.online_fen:
        return None, f"退款不能超过还没有退的 {format_yuan(purse.online_fen)}。"
    match CaseKind(case):
        case CaseKind.DOUBLE_RETURN:
            return _pay_out(purse.agreed_earnest_fen, amount_fen, document, exact=False)
        case CaseKind.STORE_RETURN:
            return _pay_out(purse.store_fen, amount_fen, document, exact=True)
        case CaseKind.FORFEIT:
            if not purse.binding or purse.state not in PICK_UP:
                return None, "这笔预订现在不能按定金不退处理，请核对状态。"
            return _end(purse, amount_fen)
        case CaseKind.DISPUTE:
            return _end(purse, amount_fen) if ends else _part(purse, amount_fen)


def _pay_out(most_fen: int, amount_fen: int, document: str, *, exact: bool) -> tuple[Deed | None, str]:
    if not document:
        return None, "请填写付款单据号：这笔钱不经微信支付退回，要有凭据。"
    if exact and amount_fen != most_fen:
        return None, f"退还金额应为 {format_yuan(most_fen)}。"
    if not 0 < amount_fen <= most_fen:
        return None, f"金额应大于 0 且不超过 {format_yuan(most_fen)}。"
    return Deed.PAY_OUT, ""


def _part(purse: Purse, amount_fen: int) -> tuple[Deed | None, str]:
    if amount_fen <= 0:
        return None, "请填写退款金额；不退款请用驳回并写明答复。"
    if purse.state not in HOLDS_MONEY:
        return None, "这笔预订的款项已在退回或已退回，没有可以再退的。"
    if purse.state in PICK_UP and amount_fen >= purse.online_fen:
        # Or the car would be handed over as paid with nothing left of what was paid.
        return None, "全部退回请选择结束预订；不结束预订只能退一部分。"
    return Deed.REFUND, ""


def _end(purse: Purse, amount_fen: int) -> tuple[Deed | None, str]:
    """End the booking and give so much back; the balance always goes back, of the earnest money only 定金 is kept."""
    if purse.state not in PICK_UP:
        return None, "这笔预订已经结束，不能再次结束。可以不结束预订，只退一部分。"
    if amount_fen == purse.online_fen:
        return Deed.END, ""
    if not purse.binding:
        return None, f"{purse.kind}是预付款，结束预订须全额退回 {format_yuan(purse.online_fen)}。"
    if purse.state == BookingState.DEPOSIT_PAID:
        return None, f"门店还没有确认，结束预订须全额退回 {format_yuan(purse.online_fen)}。"
    if amount_fen < purse.balance_fen:
        return None, f"余款 {format_yuan(purse.balance_fen)} 必须全部退回，只有定金可以不退。"
    return Deed.FORFEIT, ""
