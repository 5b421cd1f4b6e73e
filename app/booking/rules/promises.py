"""What was promised after the payment, and when it is broken: by the dealer, or by the customer. Pure."""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from app.booking.rules.states import PICK_UP, BookingState

BALANCE = "balance"  # what the payments room calls the rest of a booking's price
APART = frozenset({"late", "double"})  # reasons of refunds that say nothing about the booking itself
LEADING = frozenset({"supervisor", "manager"})  # who may say that a customer stayed away, and correct a colleague

TIME_AHEAD = timedelta(days=120)
NO_SHOW_AFTER = timedelta(hours=1)  # after the agreed time
READY_PATIENCE = timedelta(days=14)  # a ready car nobody agreed a time for waits this long
NO_SHOW_PATIENCE = timedelta(days=7)  # to agree another time after having stayed away
CONTACT_AFTER = timedelta(days=7)  # a store may still look up name and number this long after a booking ended
REMIND_BALANCE = timedelta(hours=24)  # nobody's booking ends over its balance sooner after the reminder

# An unpaid hold is none of the store's business, and neither is one that came to nothing.
_IN_HAND = frozenset({*PICK_UP, BookingState.REFUNDING})
_ENDED = frozenset({BookingState.HANDED_OVER, BookingState.REFUNDED, BookingState.FORFEITED})

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}", re.ASCII)
_VALUES = {
    c: n for n, group in enumerate(("AJ", "BKS", "CLT", "DMU", "ENV", "FW", "GPX", "HY", "RZ"), 1) for c in group
}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_DOCUMENT = re.compile(r"[0-9A-Za-z\u4e00-\u9fff][0-9A-Za-z\u4e00-\u9fff\-_/.#()（）]{3,59}")


class Window(StrEnum):
    """Where the moment stands to the time in which the balance is paid."""

    EARLY = "early"
    OPEN = "open"
    OVER = "over"


def missed(by: datetime | None, now: datetime) -> bool:
    """Whether a promised moment is over; without one nothing was promised."""
    return by is not None and now >= by


def balance_end(until: datetime | None, reminded_at: datetime | None) -> datetime | None:
    """When the balance can be paid no more: the end of its window, but never sooner than a day after the reminder."""
    if until is None or reminded_at is None:
        return until
    return max(until, reminded_at + REMIND_BALANCE)


def balance_window(
    start: datetime | None, until: datetime | None, reminded_at: datetime | None, now: datetime
) -> Window:
    """Half-open [start, end); a side that was not set has no limit."""
    if start is not None and now < start:
        return Window.EARLY
    end = balance_end(until, reminded_at)
    return Window.OVER if end is not None and now >= end else Window.OPEN


def time_problem(at: datetime, now: datetime) -> str | None:
    """What is wrong with a time to come, as a sentence, or None."""
    if at <= now:
        return "请选择一个还没有过去的时间。"
    return "请选择 120 天以内的时间。" if at - now > TIME_AHEAD else None


def no_show_from(appointment_at: datetime | None, ready_at: datetime | None) -> datetime | None:
    """From when a customer may be said to have stayed away; None while neither a time nor a ready car waits."""
    if appointment_at is not None:
        return appointment_at + NO_SHOW_AFTER
    return ready_at + READY_PATIENCE if ready_at is not None else None


def may_contact(state: str, state_at: datetime, now: datetime) -> bool:
    """Whether the store needs name and number: while the car or the money is on its way, and shortly after."""
    return state in _IN_HAND or (state in _ENDED and now < state_at + CONTACT_AFTER)


def clean_vin(text: str) -> str:
    """A VIN as it is kept, however it was typed."""
    return re.sub(r"[\s\-]", "", text).upper()


def vin_problem(vin: str) -> str | None:
    """What is wrong with a cleaned VIN, as a sentence, or None. GB 16735 puts a check digit into those of China."""
    if len(vin) != 17:
        return f"车架号应为 17 位，现在是 {len(vin)} 位，请核对。"
    if not _VIN.fullmatch(vin):
        return "车架号只含数字和大写字母，且没有 I、O、Q，请核对。"
    if vin[0] == "L" and vin[8] != check_digit(vin):
        return "车架号校验不符，请逐位核对（常见：0 和 D、8 和 B、5 和 S）。"
    return None


def check_digit(vin: str) -> str:
    """The ninth place of a VIN as the other sixteen ask for it."""
    rest = sum(weight * (int(c) if c.isdigit() else _VALUES[c]) for c, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def clean_document(text: str) -> str:
    """The number of a receipt or invoice as it is kept."""
    return re.sub(r"\s", "", text)


def document_problem(document: str) -> str | None:
    """What is wrong with a cleaned number, as a sentence, or None."""
    if not document:
        return "请填写余款的收款单据号（收据或发票上的号码）。"
    return None if _DOCUMENT.fullmatch(document) else "单据号为 4–60 位数字、字母或汉字，请核对。"
