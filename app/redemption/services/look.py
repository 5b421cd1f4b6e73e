"""Scan → preview: who, what, how much, or the exact reason why not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.core import ids
from app.core.clock import say
from app.core.security import (
    STEP_SECONDS,
    Actor,
    check_living_digits,
    check_living_token,
    constant_time_equal,
)
from app.redemption.errors import (
    ForeignCode,
    JustDone,
    OldCode,
    OtherPage,
    PaymentCode,
    Refused,
    TicketStale,
    TooManyTries,
    UnknownCode,
    Unreadable,
    Used,
    WeChatCode,
)
from app.redemption.queries.coupons import find_coupon
from app.redemption.rules import JUST_NOW, OLD_CODE_MINUTES, TAIL_DIGITS, Kind, Scan
from app.redemption.services.coupons import CouponSubject, worth_of
from app.redemption.services.registry import BY_LETTER, SUBJECTS
from app.redemption.services.subjects import Shown, Subject, refuse_own
from app.redemption.services.tickets import dealer_of, read_ticket, write_ticket
from app.redemption.services.tries import count_try, keep_failure

NOT_OURS: dict[Kind, type[Refused]] = {
    Kind.UNREADABLE: Unreadable,
    Kind.PAYMENT: PaymentCode,
    Kind.WECHAT: WeChatCode,
    Kind.FOREIGN: ForeignCode,
    Kind.OTHER_PAGE: OtherPage,
}


@dataclass(frozen=True, slots=True)
class Preview:
    """Something that may be redeemed here and now. `ticket` and `nonce` go into the confirm form."""

    kind: str
    no: str
    shown: Shown
    ticket: str
    nonce: str


def preview(
    actor: Actor, scan: Scan, now: datetime, *, secret: str, phone_id: int | None = None, keep: bool = True
) -> Preview:
    """Who, what, how much, or the exact reason why not. A typed try is counted, a scanned code writes nothing.

    What is refused is kept by its reason, unless `keep` is off because a page is only read.
    Unreadable, PaymentCode, WeChatCode, ForeignCode, OtherPage, UnknownCode, OldCode, TooManyTries, and what the
    subject refuses: another store, already used, not in order.
    """
    dealer_id = dealer_of(actor)
    try:
        if scan.kind in NOT_OURS:
            raise NOT_OURS[scan.kind]
        if scan.typed:
            count_try(actor, now)
        subject, found = _find(scan, dealer_id, now, secret)
        refuse_own(found, actor)
        subject.check(found, dealer_id, now)
    except Refused as refusal:
        if isinstance(refusal, Used) and (mine := _just_done(refusal, actor, now)):
            raise mine from None
        if keep and not isinstance(refusal, TooManyTries):
            keep_failure(actor, "preview", refusal.code, now, phone_id)
        raise
    reference = subject.reference(found)
    ticket = write_ticket(subject.letter, reference, actor, now, secret)
    return Preview(subject.kind, reference, subject.show(found, now), ticket, ids.token(16))


def look_again(actor: Actor, ticket: str, nonce: str, now: datetime, *, secret: str) -> Preview:
    """What the confirmation belongs to, as it stands now: same ticket, same nonce. Refuses as `preview` does."""
    dealer_id = dealer_of(actor)
    letter, reference = read_ticket(ticket, actor, now, secret)
    subject = BY_LETTER[letter]
    found = subject.find(reference)
    if found is None:
        raise UnknownCode
    refuse_own(found, actor)
    subject.check(found, dealer_id, now)
    return Preview(subject.kind, reference, subject.show(found, now), ticket, nonce)


def _just_done(used: Used, actor: Actor, now: datetime) -> JustDone | None:
    """For who scans again because no answer came: it was their own, a moment ago."""
    if used.by is None or used.by.staff_id != actor.id or now - used.by.at > JUST_NOW:
        return None
    return JustDone(say(used.by.at), used.by.id)


def _find(scan: Scan, dealer_id: int, now: datetime, secret: str) -> tuple[Subject, Any]:
    if scan.kind is Kind.TOKEN:
        return _by_token(scan.value, now, secret)
    if scan.kind is Kind.DIGITS:
        return _by_digits(scan, dealer_id, now, secret)
    for subject in SUBJECTS:
        found = subject.find(scan.value) if subject.number_kind is scan.kind else None
        # A wrong number and a wrong tail sound the same.
        if found is not None and _proved(subject, found, scan.tail, now, secret):
            return subject, found
    raise UnknownCode


def _proved(subject: Subject, found: Any, end: str, now: datetime, secret: str) -> bool:
    """A number alone redeems nothing: the phone's last four go with it, or the digits of this minute."""
    if len(end) == TAIL_DIGITS:
        return constant_time_equal(subject.tail(found), end)
    return check_living_digits(secret, subject.letter, subject.reference(found), end, now)


def _by_digits(scan: Scan, dealer_id: int, now: datetime, secret: str) -> tuple[Subject, Any]:
    for subject in SUBJECTS:
        for found in subject.list_by_tail(scan.tail, dealer_id, now):
            if check_living_digits(secret, subject.letter, subject.reference(found), scan.value, now):
                return subject, found
    raise UnknownCode


def _by_token(token: str, now: datetime, secret: str) -> tuple[Subject, Any]:
    good = check_living_token(secret, token, now)
    if good is None:
        steps = (now - timedelta(seconds=STEP_SECONDS * n) for n in range(1, OLD_CODE_MINUTES))
        raise OldCode if any(check_living_token(secret, token, then) for then in steps) else UnknownCode
    letter, reference = good
    subject = BY_LETTER.get(letter)
    found = subject.find(reference) if subject else None
    if subject is None or found is None:
        raise UnknownCode
    return subject, found


def value_now(actor: Actor, ticket: str, bill: str, now: datetime, *, secret: str) -> tuple[int, int]:
    """(what the ticket's coupon takes off, the bill after that) in fen. TicketStale, BillMissing, BelowThreshold."""
    dealer_of(actor)
    letter, reference = read_ticket(ticket, actor, now, secret)
    coupon = find_coupon(reference) if letter == CouponSubject.letter else None
    if coupon is None:
        raise TicketStale
    worth, bill_fen = worth_of(coupon.terms, bill)
    return worth, (bill_fen or 0) - worth
