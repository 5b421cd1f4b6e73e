"""夺券: the yuan. It is taken by WeChat Pay and always goes back, each time with one number that stays the same."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from app.core.db import changed_rows, db, retry_deadlock, transaction
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.core.security import SYSTEM, Actor
from app.coupons.models import CouponCampaign, Draw, DrawEntry
from app.coupons.queries import draws as queries
from app.coupons.rules.draws import DrawState, EntryKind, EntryState
from app.coupons.services.draw import begin_paid, lock_draw, take
from app.gateways.pay.port import Method, PayGateway
from app.ledger.rules import LedgerEvent
from app.ledger.services import append
from app.members.services.heirs import living_account
from app.messages.services import notify
from app.payments import queries as payments
from app.payments.errors import NothingDue
from app.payments.models import Payment, Refund
from app.payments.payables import Attempt
from app.payments.rules import OPEN
from app.payments.services import attempts, follow_up, refunds, sweep
from app.payments.services.attempts import PayRequest
from app.payments.services.cashier import Cashier, cashier_of, open_cashier, openid_for
from app.payments.services.settlement import lock_payment

KIND = "draw"
RETURN = "draw_fee"  # the one reason for which a fee that counted goes back
# WeChat Pay takes an order for 90 days at most, and a draw may be open for longer: who still wants to pay by then gets
# a new one.
ORDER_LIFE = timedelta(days=7)
OVER = (DrawState.CLOSED.value, DrawState.DRAWN.value, DrawState.VOID.value)
BATCH = 200


class DrawPayable:
    """How the payments room asks about entries; every method runs inside its transaction."""

    def lock(self, payable_id: int) -> None:
        """The draw, then the entry."""
        draw_id = db.session.scalar(select(DrawEntry.draw_id).where(DrawEntry.id == payable_id))
        if draw_id is not None:
            lock_draw(draw_id)
            _entry(payable_id)

    def amount_due(self, payable_id: int, now: datetime) -> int:
        entry = _entry(payable_id)
        draw = db.session.get_one(Draw, entry.draw_id)
        closes = draw.closes_at
        waits = (entry.state, entry.kind) == (EntryState.WAITING, EntryKind.PAID)
        if not waits or draw.state != DrawState.OPEN or closes is None or now >= closes:
            raise NothingDue
        return draw.fee_fen

    def on_paid(self, payment: Attempt, now: datetime) -> None:
        """Whoever paid before the close is in, also when the news comes later, but never from the time of the draw on.

        All other money goes back at once.
        """
        entry, row = _entry(payment.payable_id), db.session.get_one(Payment, payment.id, populate_existing=True)
        wants = entry.state in (EntryState.WAITING, EntryState.VOID)
        if not (wants and _take_paid(entry, row.paid_at or now, now)):
            late = wants
            code, reason = ("late", "夺券参与结束后到账") if late else ("double", "夺券重复付款")
            refunds.request_refund(row, payment.amount_fen, code, reason, now)
            words = {"car": reason, "note": f"{format_yuan(payment.amount_fen)} 将原路退回"}
            _tell(entry, f"draw_money:{payment.id}", words, now)
        _book(LedgerEvent.PAID, entry, payment.amount_fen, now)

    def on_refunded(self, payment: Payment, refund: Refund, now: datetime) -> None:
        self._returned(payment, refund, "已原路退回", now)

    def on_refund_handled(self, payment: Payment, refund: Refund, now: datetime) -> None:
        self._returned(payment, refund, "已由人工退还", now)

    def on_refund_stuck(self, payment: Payment, refund: Refund, now: datetime) -> None:
        entry = _entry(payment.payable_id)
        words = {"car": "夺券参与金", "note": f"{format_yuan(refund.amount_fen)} 退款需要人工办理，无需您操作"}
        _tell(entry, f"draw_stuck:{refund.id}", words, now)

    def held_fen(self) -> int:
        """Fees of entries that count and were not asked back yet."""
        held = (
            select(func.coalesce(func.sum(Draw.fee_fen), 0))
            .join(DrawEntry, DrawEntry.draw_id == Draw.id)
            .where(
                DrawEntry.kind == EntryKind.PAID.value,
                DrawEntry.state == EntryState.ENTERED.value,
                DrawEntry.refund_at.is_(None),
            )
        )
        return int(db.session.scalar(held) or 0)

    def _returned(self, payment: Payment, refund: Refund, words: str, now: datetime) -> None:
        entry = _entry(payment.payable_id)
        if refund.reason_code == RETURN:
            entry.returned_at = now
        told = {"car": "夺券参与金", "note": f"{format_yuan(refund.amount_fen)} {words}"}
        _tell(entry, f"draw_back:{refund.id}", told, now)
        _book(LedgerEvent.REFUNDED, entry, refund.amount_fen, now)


def open_fee_payment(
    actor: Actor,
    slug: str,
    gateway: PayGateway,
    now: datetime,
    *,
    app_id: str,
    mch_id: str,
    method: Method = Method.JSAPI,
    client_ip: str = "",
) -> Cashier:
    """What the cashier needs to take the fee; a second tap gets the same order number.

    NotFound, DrawNotOpen, DrawPaused, NeedsWeChatLogin, NothingDue, HoldTooShort, AlreadyPaid, PaymentBusy,
    GatewayError (nothing changed).
    """
    page = queries.get_draw_page(slug)
    openid = openid_for(actor.id or 0, app_id, method)
    entry_id, closes = begin_paid(actor, slug, now), page.promise.closes_at
    former = payments.find_open_attempt(KIND, entry_id)
    if former is not None and former.expires_at <= now:
        follow_up.ask(former.id, gateway, now)  # its time is over: closed, or paid after all
    request = PayRequest(
        payable_kind=KIND,
        payable_id=entry_id,
        member_id=actor.id or 0,
        openid=openid,
        app_id=app_id,
        mch_id=mch_id,
        description="夺券参与金（参与结束后退回）",
        expires_at=min(closes, now + ORDER_LIFE),
        kept_until=closes,
        method=method,
        client_ip=client_ip if method is Method.H5 else "",
    )
    return open_cashier(request, closes, gateway, now)


def present_fee_cashier(
    slug: str, member_id: int, gateway: PayGateway, now: datetime, method: Method = Method.JSAPI
) -> Cashier | None:
    """The cashier of the attempt that is open already, or None; neither writes nor calls out."""
    own, page = queries.find_own(slug, member_id), queries.get_draw_page(slug)
    if own is None or own.state != EntryState.WAITING or not page.takes_entries(now):
        return None
    payment = payments.find_open_attempt(KIND, own.id)
    if payment is None or payment.channel != method or payment.expires_at <= now:
        return None
    ticket, until = attempts.living_ticket(payment, now), min(page.promise.closes_at, payment.expires_at)
    return cashier_of(method, ticket, payment.prepay_at or now, until, gateway) if ticket else None


def check_fee_payment(actor: Actor, slug: str, gateway: PayGateway, now: datetime) -> bool:
    """Ask WeChat Pay whether the open attempt was paid, because the person says so. True when nothing is open."""
    own = queries.find_own(slug, actor.id or 0) if actor.kind == "member" else None
    if own is None:
        raise NotFound
    payment = payments.find_open_attempt(KIND, own.id)
    return payment is None or follow_up.ask(payment.id, gateway, now) is not follow_up.Fate.OPEN


def close_idle_orders(gateway: PayGateway, now: datetime) -> int:
    """Close every order for a draw that is over, or of who is in without it. WeChat Pay is asked first."""
    idle = (Draw.state != DrawState.OPEN.value) | (DrawEntry.state != EntryState.WAITING.value)
    return _retire(idle, gateway, now)


def settle_open_orders(draw_id: int, gateway: PayGateway, now: datetime) -> bool:
    """Before a draw is closed: ask about every order that is still open and close it. True: none is left."""
    _retire(Draw.id == draw_id, gateway, now)
    left = select(Payment.id).join(DrawEntry, DrawEntry.id == Payment.payable_id)
    open_ = left.where(Payment.payable_kind == KIND, Payment.state.in_(OPEN), DrawEntry.draw_id == draw_id)
    none = db.session.scalar(open_.limit(1)) is None
    db.session.rollback()
    return none


@retry_deadlock
def return_fees(now: datetime) -> int:
    """Ask back the fee of every entry whose draw takes no more entries; each once. A piece at a time."""
    due = (
        select(DrawEntry.id)
        .join(Draw, Draw.id == DrawEntry.draw_id)
        .where(
            Draw.state.in_(OVER),
            DrawEntry.kind == EntryKind.PAID.value,
            DrawEntry.state == EntryState.ENTERED.value,
            DrawEntry.refund_at.is_(None),
        )
        .order_by(DrawEntry.id)
        .limit(BATCH)
    )
    asked = 0
    while found := list(db.session.scalars(due)):
        db.session.rollback()
        for entry_id in found:
            _return(entry_id, now)
            asked += 1
    db.session.rollback()
    return asked


def _return(entry_id: int, now: datetime) -> None:
    with transaction():
        DrawPayable().lock(entry_id)
        paid = payments.list_succeeded(KIND, entry_id)
        # What was asked back for another reason is on its way, or on the list of stuck ones.
        for payment_id, fen in [(row.id, payments.unclaimed_fen(row.id)) for row in paid]:
            if fen > 0:
                refunds.request_refund(lock_payment(payment_id), fen, RETURN, "夺券参与金退回", now)
        mine = update(DrawEntry).where(DrawEntry.id == entry_id, DrawEntry.refund_at.is_(None))
        changed_rows(mine.values(refund_at=now))


def _take_paid(entry: DrawEntry, paid_at: datetime, now: datetime) -> bool:
    """An entry that had been given up is taken up again by its money."""
    if entry.state == EntryState.VOID:
        entry.state = EntryState.WAITING.value
    entry.kind = EntryKind.PAID.value
    if take(entry, paid_at, now):
        return True
    entry.state = EntryState.VOID.value
    return False


def _retire(which: object, gateway: PayGateway, now: datetime) -> int:
    open_ = (
        select(Payment.id)
        .join(DrawEntry, DrawEntry.id == Payment.payable_id)
        .join(Draw, Draw.id == DrawEntry.draw_id)
        .where(Payment.payable_kind == KIND, Payment.state.in_(OPEN), which)  # pyright: ignore[reportArgumentType]
        .order_by(Payment.next_query_at, Payment.id)
        .limit(BATCH)
    )
    found = list(db.session.scalars(open_))
    db.session.rollback()
    return sweep.each(
        "close_draw_orders",
        found,
        lambda payment_id: follow_up.retire(payment_id, gateway, now) is not follow_up.Fate.OPEN,
        lambda payment_id: follow_up.put_off(payment_id, now),
    )


def _entry(entry_id: int) -> DrawEntry:
    return db.session.scalars(
        select(DrawEntry).where(DrawEntry.id == entry_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _tell(entry: DrawEntry, key: str, words: dict[str, str], now: datetime) -> None:
    """Tell whoever has the account now; of a person who was erased nobody is left to be told."""
    member_id = living_account(entry.member_id)
    if member_id is not None:
        notify(member_id, "draw_money", key, words, now, href=_href(entry))


def _href(entry: DrawEntry) -> str:
    return f"/coupons/{_slug(entry.draw_id)}/draw/entries/new"


def _slug(draw_id: int) -> str:
    of = select(CouponCampaign.slug).join(Draw, Draw.campaign_id == CouponCampaign.id).where(Draw.id == draw_id)
    return db.session.scalar(of) or ""


def _book(event: LedgerEvent, entry: DrawEntry, fen: int, now: datetime) -> None:
    db.session.flush()
    append(SYSTEM, event, KIND, entry.id, now, amount_fen=fen)
