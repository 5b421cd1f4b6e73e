"""Another colour, another dealer, another person on the papers: priced first, then done as it was priced."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import select

from app.booking import queries
from app.booking.errors import ChangeRefused, ChangeStale, DealerSoldOut, DealerUnavailable, ShareNeeded
from app.booking.models import Booking
from app.booking.queries import altering
from app.booking.rules import (
    KEEPS_UNIT,
    PICK_UP,
    SHARING_TEXT,
    TERMS_VERSION,
    BookingAction,
    BookingState,
)
from app.booking.rules.altering import MAX_OWNER, ChangeKind, Quote, Standing, Wanted, change_problem, token_of
from app.booking.rules.promises import BALANCE
from app.booking.services import coupons, stock
from app.booking.services.change import Change, lock_booking, move, tell
from app.booking.services.tell_store import tell_store
from app.core import audit, publishing
from app.core.clock import say
from app.core.db import db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import Actor
from app.members import queries as members
from app.members import services as member_services
from app.members.rules import mask_name
from app.payments import queries as payments

_SHARING = "share_with_dealer"
STORE = "store"


def quote(actor: Actor, no: str, wanted: Wanted, now: datetime) -> Quote:
    """What the change costs and means, to be read before it is confirmed. Writes nothing.

    NotFound, ChangeRefused (with the reason), DealerUnavailable.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    return _quote(queries.get_booking(no, actor.id), wanted, now)


@retry_deadlock
def apply(actor: Actor, no: str, wanted: Wanted, seen: str, now: datetime) -> bool:
    """Change it as it was quoted; what is so already is left alone (False). The store is told, so is the customer.

    NotFound, ChangeRefused, ChangeStale (something moved since the quote: read it again), ShareNeeded,
    DealerUnavailable, DealerSoldOut.
    """
    if actor.kind != "member" or actor.id is None:
        raise NotFound
    with transaction():
        mine = select(Booking.id).where(Booking.no == no, Booking.member_id == actor.id)
        booking_id = db.session.scalar(mine)
        if booking_id is None:
            raise NotFound
        booking = lock_booking(booking_id)
        if booking.state in PICK_UP and _is_so(booking, wanted):
            return False
        agreed = _quote(booking, wanted, now)
        if agreed.token != seen:
            raise ChangeStale
        match wanted.kind:
            case ChangeKind.COLOUR:
                _paint(booking, wanted, agreed, actor, now)
            case ChangeKind.DEALER:
                _move_dealer(booking, wanted, agreed, actor, now)
            case ChangeKind.OWNER:
                booking.owner_name = _owner(wanted)
                _told(booking, "owner_changed", agreed, actor, now)
        tell_store(booking, booking.dealer_id, f"客户更换了{_what(agreed)}：{_note(agreed)}", now)
        return True


def _quote(booking: Booking, wanted: Wanted, now: datetime) -> Quote:
    """The price and the consequences as they stand now; refusals first."""
    match wanted.kind:
        case ChangeKind.COLOUR:
            paint = altering.find_paint(booking.deal.trim_id, wanted.colour)
            if paint is None:
                raise ChangeRefused("这个颜色现在不能选择，请选择其他颜色。")
            old, new, surcharge = booking.colour or "到店选择", paint.name, paint.surcharge_fen
        case ChangeKind.DEALER:
            dealer = queries.find_participating_dealer(booking.deal, wanted.dealer_id)
            if dealer is None:
                raise DealerUnavailable
            old, new, surcharge = booking.dealer.name, dealer.name, booking.surcharge_fen
        case ChangeKind.OWNER:
            old, new, surcharge = booking.owner_name or booking.contact_name, _owner(wanted), booking.surcharge_fen
    delta = surcharge - booking.surcharge_fen
    problem = change_problem(wanted.kind, _standing(booking), delta, now)
    if problem is None and _is_so(booking, wanted):
        problem = "现在就是这样，不需要更改。"
    if problem is not None:
        raise ChangeRefused(problem)
    if wanted.kind is not ChangeKind.OWNER:
        dealer_id = wanted.dealer_id if wanted.kind is ChangeKind.DEALER else None
        coupons.check_change(booking, now, dealer_id=dealer_id, surcharge_fen=surcharge)
    notes = _notes(booking, wanted, delta, now)
    total, rest = booking.total_fen, booking.balance_fen
    facts = (booking.state, booking.dealer_id, booking.vin, booking.balance_paid_at, old, new, total, delta)
    return Quote(wanted.kind, old, new, total, total + delta, rest, rest + delta, notes, token_of(*facts))


def _standing(booking: Booking) -> Standing:
    return Standing(
        booking.state,
        booking.confirm_by,
        booking.ready_by,
        booking.balance_paid_at is not None,
        booking.balance_channel == STORE,
        payments.find_open_attempt(BALANCE, booking.id) is not None,
        altering.has_open_case(booking.id),
    )


def _is_so(booking: Booking, wanted: Wanted) -> bool:
    match wanted.kind:
        case ChangeKind.COLOUR:
            return booking.colour == wanted.colour
        case ChangeKind.DEALER:
            return booking.dealer_id == wanted.dealer_id
        case ChangeKind.OWNER:
            return (booking.owner_name or booking.contact_name) == _owner(wanted)


def _owner(wanted: Wanted) -> str:
    name = " ".join(wanted.owner.split())
    if not 2 <= len(name) <= MAX_OWNER:
        raise ChangeRefused("请填写登记车主的姓名，与证件一致，2–40 个字。")
    return name


def _notes(booking: Booking, wanted: Wanted, delta_fen: int, now: datetime) -> tuple[str, ...]:
    """What follows besides the price, in sentences."""
    confirmed = booking.state == BookingState.CONFIRMED
    match wanted.kind:
        case ChangeKind.COLOUR:
            lines = [f"{booking.earnest_kind}不变，差价计入余款。"] if delta_fen else ["价格不变。"]
            if confirmed:
                lines.append(f"备车期限重新计算：从确认更改起 {booking.promised_days} 天内备好。")
            if booking.vin:
                lines.append("已分配的车辆会释放，由门店重新分配。")
        case ChangeKind.DEALER:
            lines = ["价格不变。", f"新门店在您确认更改后 {booking.promised_hours} 小时内确认，逾期自动退款。"]
            if confirmed or booking.appointment_at:
                lines.append("原门店的确认和到店时间随之取消。")
            lines.append("原门店不再看到您的姓名和手机号。")
        case ChangeKind.OWNER:
            lines = ["价格不变。", "联系人仍是您本人；提车时请带上登记车主的证件。"]
    return tuple(lines)


def _what(agreed: Quote) -> str:
    words = {ChangeKind.COLOUR: "颜色", ChangeKind.DEALER: "提车门店", ChangeKind.OWNER: "登记车主"}
    return words[agreed.kind]


def _paint(booking: Booking, wanted: Wanted, agreed: Quote, actor: Actor, now: datetime) -> None:
    booking.colour = wanted.colour
    booking.surcharge_fen += agreed.delta_fen
    booking.vin = None
    if booking.state == BookingState.CONFIRMED:
        later = now + timedelta(days=booking.promised_days)
        booking.ready_by = max(later, booking.appointment_at or later)
    _told(booking, "colour_changed", agreed, actor, now)


def _move_dealer(booking: Booking, wanted: Wanted, agreed: Quote, actor: Actor, now: datetime) -> None:
    if not wanted.share:
        raise ShareNeeded
    deal, former, former_slug = booking.deal, booking.dealer_id, booking.dealer.slug
    if not stock.move(deal, former, wanted.dealer_id):
        raise DealerSoldOut
    if deal.stock_by_dealer:
        publishing.bump()  # what each dealer has left is on the deal's page
    tell_store(booking, former, "客户已改到其他门店提车，本店不用再办理", now, leads_to_it=False)
    booking.dealer_id = wanted.dealer_id
    booking.vin = booking.appointment_at = booking.proposed_at = booking.proposed_by = None
    booking.confirmed_at = booking.ready_by = booking.no_show_at = None
    booking.no_show_reason = ""
    booking.confirm_by = now + timedelta(hours=booking.promised_hours)
    db.session.flush()
    if booking.state == BookingState.CONFIRMED:
        step = Change(BookingAction.REASSIGN, "dealer_changed", _note(agreed))
        if not move(booking, step, actor, now):
            raise ChangeStale
        db.session.refresh(booking)
    else:
        _told(booking, "dealer_changed", agreed, actor, now)
    db.session.refresh(booking, ["dealer"])
    member_services.record_consent(
        booking.member_id, _SHARING, TERMS_VERSION, SHARING_TEXT, booking.dealer.slug, reference=booking.no, now=now
    )
    _take_back_consent(booking, former, former_slug, now)


def _take_back_consent(booking: Booking, former: int, former_slug: str, now: datetime) -> None:
    """The former store's consent of this booking alone: what was given for a queue or another booking stands on.

    One from before consents named their booking goes when no other booking of that store needs it.
    """
    mine = (
        {booking.no}
        if altering.counts_elsewhere(booking.member_id, former, KEEPS_UNIT, booking.id)
        else {booking.no, ""}
    )
    text_hash = hashlib.sha256(SHARING_TEXT.encode()).hexdigest()
    for consent in members.list_consents(booking.member_id):
        same = (consent.purpose, consent.subject, consent.text_hash) == (_SHARING, former_slug, text_hash)
        if same and consent.reference in mine and consent.withdrawn_at is None:
            member_services.withdraw_consent(booking.member_id, consent.id, now)


def _note(agreed: Quote) -> str:
    if agreed.kind is ChangeKind.OWNER:  # whoever reads the timeline later need not read a name
        return f"{mask_name(agreed.old)} → {mask_name(agreed.new)}"
    price = f"，差价 {'+' if agreed.delta_fen > 0 else '−'}{format_yuan(abs(agreed.delta_fen))}"
    return f"{agreed.old} → {agreed.new}{price if agreed.delta_fen else ''}"[:120]


def _told(booking: Booking, event: str, agreed: Quote, actor: Actor, now: datetime) -> None:
    db.session.flush()
    tell(booking.id, event, actor, now, _note(agreed))
    audit.record(actor, f"booking_{event}", "booking", booking.id, delta_fen=agreed.delta_fen, at=say(now))
