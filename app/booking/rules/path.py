"""What is still ahead of a booking: each step with who does it, by when, and what follows when nobody does. Pure."""

from dataclasses import dataclass
from datetime import datetime

from app.booking.rules.earnest import LAWS, Follows
from app.booking.rules.states import BookingState
from app.core.clock import say
from app.core.money import format_yuan

_S = BookingState
DEALER, CUSTOMER, HOUSE = "门店", "您", "平台"
WHO = {"member": CUSTOMER, "staff": DEALER, "operator": "总部", "system": HOUSE}


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a booking its path depends on."""

    state: str
    kind: str
    earnest_fen: int
    balance_fen: int  # what is still open of the price
    confirm_hours: int
    ready_days: int
    hold_until: datetime
    confirm_by: datetime | None
    ready_by: datetime | None
    balance_from: datetime | None
    balance_until: datetime | None
    appointment_at: datetime | None
    proposed_at: datetime | None
    proposed_by: str | None
    reviewed: bool
    no_show: bool = False
    hold_over: bool = False  # its time is up, whatever the worker has got round to

    @property
    def dealer_breaks(self) -> str:
        """What happens when the dealer does not do it in time."""
        if LAWS[self.kind].dealer_breaks is Follows.DOUBLED:
            return "逾期定金自动退回，另一倍由总部核实后支付，无需申请。"
        return "逾期自动全额原路退款，无需申请。"

    @property
    def customer_breaks(self) -> str:
        """What happens when the customer does not."""
        if LAWS[self.kind].customer_breaks is Follows.KEPT:
            return "逾期由总部审核，定金可能不予退还。"
        return f"提醒后仍未办理的，预订取消，{self.kind}全额退回。"


@dataclass(frozen=True, slots=True)
class Ahead:
    """A step to come."""

    title: str
    when: str
    text: str


def ahead(f: Facts) -> list[Ahead]:
    """The steps that are left, the next one first."""
    state = BookingState(f.state)
    if state is _S.HELD and f.hold_over:
        return []
    if state is _S.HELD:
        return [_pay(f), _confirm(f), *_rest(f, f"确认后 {f.ready_days} 天内")]
    if state is _S.DEPOSIT_PAID:
        return [_confirm(f), *_rest(f, f"确认后 {f.ready_days} 天内")]
    if state is _S.CONFIRMED:
        return _rest(f, f"{say(f.ready_by)}前" if f.ready_by else "")
    if state is _S.CAR_READY:
        return [*_balance(f), _visit(f)]
    if state is _S.HANDED_OVER and not f.reviewed:
        return [Ahead("评价车和门店", CUSTOMER, "选填，只评一次；不评价不影响任何权益。")]
    if state is _S.REFUNDING:
        return [Ahead("退款到账", f"{HOUSE} · 通常 1–3 个工作日", "遇到问题会显示在这里，由我们人工处理。")]
    return []


def _pay(f: Facts) -> Ahead:
    when = f"{CUSTOMER} · {say(f.hold_until)}前"
    return Ahead(f"支付{f.kind} {format_yuan(f.earnest_fen)}", when, "超时未付，名额自动释放，不产生费用。")


def _confirm(f: Facts) -> Ahead:
    by = f"{say(f.confirm_by)}前" if f.confirm_by else f"付款后 {f.confirm_hours} 小时内"
    return Ahead("门店确认", f"{DEALER} · {by}", f"确认后会通知您，并约提车时间。{f.dealer_breaks}")


def _rest(f: Facts, ready: str) -> list[Ahead]:
    car = Ahead("备好车", f"{DEALER} · {ready}", f"为您分配车辆，备好后通知您。{f.dealer_breaks}")
    return [car, *_balance(f), _visit(f)]


def _balance(f: Facts) -> list[Ahead]:
    if f.balance_fen <= 0:
        return []
    start, end = (
        (f"{say(f.balance_from)}起" if f.balance_from else ""),
        (f"{say(f.balance_until)}前" if f.balance_until else ""),
    )
    when = "、".join(part for part in (start, end) if part) or "提车前"
    text = "在线支付，或到店支付由门店登记单据号。" + (f.customer_breaks if f.balance_until else "付清才能提车。")
    return [Ahead(f"支付余款 {format_yuan(f.balance_fen)}", f"{CUSTOMER} · {when}", text)]


def _visit(f: Facts) -> Ahead:
    when = f"{say(f.appointment_at)}" if f.appointment_at else "时间由您和门店约定"
    return Ahead("到店提车", f"{CUSTOMER} · {when}", f"带上证件，出示取车码，店员扫码交车。{f.customer_breaks}")


def next_sentence(f: Facts) -> str:
    """The one sentence above the timeline: what comes now, and what if nobody does anything."""
    match BookingState(f.state):
        case _S.HELD if f.hold_over:
            return "保留时间已过，名额即将释放。如已付款，正在核对：有名额会为您保住预订，没有则自动原路退回。"
        case _S.HELD:
            return f"请在{say(f.hold_until)}前支付{f.kind}，超时名额会自动释放。"
        case _S.DEPOSIT_PAID:
            by = f"在{say(f.confirm_by)}前" if f.confirm_by else ""
            return f"门店会{by}与您联系并确认。{f.dealer_breaks}"
        case _S.CONFIRMED | _S.CAR_READY:
            return _before_the_visit(f)
        case _S.HANDED_OVER:
            return "交车完成，祝您用车愉快。"
        case _S.CANCELLED:
            return "这笔预订已取消，没有产生费用。"
        case _S.EXPIRED:
            return "保留时间已过，名额已释放。如已付款，有名额会为您保住预订，没有则自动原路退回。"
        case _S.REFUNDING:
            return "款项正在原路退回，通常 1–3 个工作日到账。"
        case _S.REFUNDED:
            return "您付的款项已退回，每一笔怎么退的见下方「款项」。"
        case _S.FORFEITED:
            return "因未按约办理，定金已按条款处理，退回和不退的金额见下方「款项」。如有异议可以在下方提出。"


def _before_the_visit(f: Facts) -> str:
    if f.no_show:
        return "门店记录您未按约到店。请在 7 天内另约时间，或在下方提出异议。"
    if f.proposed_at and f.proposed_by == "dealer":
        return f"门店提议{say(f.proposed_at)}到店，请同意或另约时间。"
    money = f"，余款 {format_yuan(f.balance_fen)} 可在线或到店支付" if f.balance_fen > 0 else ""
    if f.appointment_at:
        return f"已约定{say(f.appointment_at)}到店{money}，请出示下方取车码。"
    if f.state == _S.CAR_READY:
        return f"车已备好，请约一个到店时间{money}，到店出示下方取车码。"
    by = f"在{say(f.ready_by)}前" if f.ready_by else ""
    return f"门店已确认，会{by}备好车。{f.dealer_breaks}"
