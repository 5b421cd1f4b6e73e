"""What headquarters and the stores watch: how each deal stands, in a handful of counting statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from app.booking.models import Booking, BookingEvent, DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries.sellable import OPEN_FOR_BUSINESS, sellable
from app.booking.rules import EVENT_WORDS, KEEPS_UNIT, BookingState, DealPhase, deal_phase
from app.catalog.models import Series, Trim
from app.core import actors
from app.core.audit import AuditEntry
from app.core.clock import say
from app.core.db import db
from app.core.errors import NotFound
from app.core.money import format_yuan
from app.dealers.models import Dealer

LATEST_EVENTS = 12
FOUND = 50
_S = BookingState
# The columns of the board, in the order of a booking's life.
COLUMNS: tuple[tuple[str, tuple[BookingState, ...]], ...] = (
    ("待付款", (_S.HELD,)),
    ("已付款", (_S.DEPOSIT_PAID,)),
    ("已确认", (_S.CONFIRMED,)),
    ("车已备好", (_S.CAR_READY,)),
    ("已交车", (_S.HANDED_OVER,)),
    ("已释放", (_S.EXPIRED, _S.CANCELLED)),
    ("退款中", (_S.REFUNDING,)),
    ("已退款", (_S.REFUNDED,)),
    ("违约", (_S.FORFEITED,)),
)
_SAID = {str(state): words for words, states in COLUMNS for state in states} | {"confirm": "确认", "ready": "备好车"}


@dataclass(frozen=True, slots=True)
class DealLine:
    """A deal in the list of headquarters."""

    slug: str
    title: str
    car_name: str
    phase: DealPhase
    units_total: int
    units_left: int
    kept: int
    waiting: int
    offered: int
    ends_text: str
    paused_reason: str
    units_shut: int = 0  # of stores that are closed: left, and nobody can book them

    @property
    def adds_up(self) -> bool:
        """Free units, bookings that keep one and offered places are all there are."""
        return self.units_left + self.kept + self.offered == self.units_total


@dataclass(frozen=True, slots=True)
class StoreLine:
    """One dealer's part of a deal; `units_left` only where each has units of its own. A closed store sells none."""

    name: str
    cells: tuple[int, ...]
    units_left: int | None
    units_total: int | None
    id: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class EventLine:
    """One of the last things that happened."""

    at: str
    no: str
    words: str
    store: str
    note: str


@dataclass(frozen=True, slots=True)
class Board:
    """A deal at this moment."""

    line: DealLine
    columns: tuple[str, ...]
    totals: tuple[int, ...]
    stores: list[StoreLine]
    events: list[EventLine]
    starts_text: str
    paused_text: str
    has_queue: bool
    next_offer_text: str


@dataclass(frozen=True, slots=True)
class Trail:
    """One entry of the audit trail of a booking, readable."""

    at: datetime
    actor: str
    action: str
    detail: list[tuple[str, str]]


def list_deals(now: datetime, limit: int = 100) -> list[DealLine]:
    """Every deal with its stock and its queue: those that run or wait first, then the latest."""
    return _lines(_deal_rows().order_by(OnePriceDeal.ends_at.desc(), OnePriceDeal.id).limit(limit), now)


def _lines(statement: Select[OnePriceDeal, str, str, str, int], now: datetime) -> list[DealLine]:
    rows = db.session.execute(statement).all()
    ids = [row.OnePriceDeal.id for row in rows]
    kept, offered = _count_kept(ids), _count_offered(ids)
    lines = [_line(row, kept, offered, now) for row in rows]
    order = [DealPhase.PAUSED, DealPhase.RUNNING, DealPhase.SOLD_OUT, DealPhase.UPCOMING, DealPhase.ENDED]
    return sorted(lines, key=lambda line: order.index(line.phase))


def get_board(slug: str, now: datetime, *, dealer_id: int | None = None) -> Board:
    """The live board of one deal, or of one dealer's part in it; seven statements however many bookings. NotFound."""
    row = db.session.execute(_deal_rows().where(OnePriceDeal.slug == slug)).one_or_none()
    if row is None:
        raise NotFound("没有找到这个一口价。")
    deal: OnePriceDeal = row[0]
    stores = _stores(deal, dealer_id)
    return Board(
        line=_line(row, _count_kept([deal.id]), _count_offered([deal.id]), now),
        columns=tuple(words for words, _states in COLUMNS),
        totals=tuple(sum(store.cells[n] for store in stores) for n in range(len(COLUMNS))),
        stores=stores,
        events=_events(deal.id, dealer_id),
        starts_text=say(deal.starts_at),
        paused_text=say(deal.paused_at) if deal.paused_at else "",
        has_queue=deal.queue_when_sold_out,
        next_offer_text=_next_offer(deal.id),
    )


def list_deals_of_dealer(dealer_id: int, now: datetime) -> list[DealLine]:
    """The deals of a store's own board: those it has bookings in, and those to come that it takes part in."""
    return _lines(_deal_rows().where(_of_dealer(dealer_id, now)).order_by(OnePriceDeal.ends_at.desc()), now)


def get_store_board(slug: str, dealer_id: int, now: datetime) -> Board:
    """One store's part of the live board of a deal; NotFound for a deal that is none of its business."""
    mine = select(OnePriceDeal.id).where(OnePriceDeal.slug == slug, _of_dealer(dealer_id, now))
    if db.session.scalar(mine) is None:
        raise NotFound("本店没有参加这个一口价。")
    return get_board(slug, now, dealer_id=dealer_id)


def _of_dealer(dealer_id: int, now: datetime) -> ColumnElement[bool]:
    booked = select(Booking.id).where(Booking.deal_id == OnePriceDeal.id, Booking.dealer_id == dealer_id).exists()
    invited = (
        select(DealDealer.deal_id)
        .where(DealDealer.deal_id == OnePriceDeal.id, DealDealer.dealer_id == dealer_id)
        .exists()
    )
    open_now = select(Dealer.id).where(Dealer.id == dealer_id, Dealer.status == OPEN_FOR_BUSINESS).exists()
    coming = and_(
        OnePriceDeal.withdrawn.is_(False), OnePriceDeal.ends_at > now, open_now, or_(OnePriceDeal.all_dealers, invited)
    )
    return or_(booked, coming)


def search_bookings(
    *, no: str = "", tail: str = "", states: Sequence[str] = (), dealer_id: int | None = None
) -> list[tuple[Booking, str]]:
    """Bookings with their dealer's name, the latest first, at most fifty."""
    found = select(Booking, Dealer.name).join(Dealer, Dealer.id == Booking.dealer_id)
    if no:
        found = found.where(Booking.no.startswith(no, autoescape=True))
    if tail:
        found = found.where(Booking.contact_phone.endswith(tail, autoescape=True))
    if states:
        found = found.where(Booking.state.in_(states))
    if dealer_id is not None:
        found = found.where(Booking.dealer_id == dealer_id)
    rows = db.session.execute(found.order_by(Booking.id.desc()).limit(FOUND))
    return [(booking, name) for booking, name in rows]


def list_dealers_with_bookings() -> list[tuple[int, str]]:
    """For the search: the dealers that ever got one."""
    some = select(Booking.id).where(Booking.dealer_id == Dealer.id).exists()
    return [(row.id, row.name) for row in db.session.execute(select(Dealer.id, Dealer.name).where(some))]


def list_trail(booking_id: int, limit: int = 200) -> list[Trail]:
    """Everything the audit trail says about one booking, the latest first."""
    rows = db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_kind == "booking", AuditEntry.subject_id == booking_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    found = list(rows)
    who = actors.names((row.actor_kind, row.actor_id) for row in found)
    return [Trail(row.at, who[row.actor_kind, row.actor_id], row.action, _detail(row)) for row in found]


def _detail(row: AuditEntry) -> list[tuple[str, str]]:
    """The page says which deal it is; a number of a row says nothing to anybody."""
    return [(str(key), _readable(str(key), value)) for key, value in row.detail.items() if key != "deal_id"]


def _readable(key: str, value: Any) -> str:
    """A state, an amount, a store, a moment as people say it, nothing as 无, anything else as it is."""
    if value in (None, ""):
        return "无"
    text = str(value)
    if text in _SAID:
        return _SAID[text]
    if key.endswith("fen") and isinstance(value, int):
        return format_yuan(value)
    if key == "dealer_id":
        return db.session.scalar(select(Dealer.name).where(Dealer.id == value)) or text
    if len(text) >= 19 and text[10:11] == "T":
        try:
            return say(datetime.fromisoformat(text))
        except ValueError:
            return text
    return text


def _deal_rows() -> Select[OnePriceDeal, str, str, str, int]:
    return (
        select(
            OnePriceDeal,
            Series.name.label("series"),
            Trim.model_year.label("year"),
            Trim.name.label("trim"),
            sellable(OnePriceDeal).label("sellable"),
        )
        .join(Trim, Trim.id == OnePriceDeal.trim_id)
        .join(Series, Series.id == Trim.series_id)
        .execution_options(populate_existing=True)
    )


def _line(row: Any, kept: dict[int, int], offered: dict[int, int], now: datetime) -> DealLine:
    deal: OnePriceDeal = row.OnePriceDeal
    return DealLine(
        slug=deal.slug,
        title=deal.title,
        car_name=f"{row.series} {row.year} {row.trim}",
        phase=deal_phase(
            deal.starts_at,
            deal.ends_at,
            row.sellable,
            deal.withdrawn,
            now,
            paused=deal.paused_at is not None,
            waiting=deal.waiting,
        ),
        units_total=deal.units_total,
        units_left=deal.units_left,
        kept=kept.get(deal.id, 0),
        waiting=deal.waiting,
        offered=offered.get(deal.id, 0),
        ends_text=say(deal.ends_at),
        paused_reason=deal.paused_reason if deal.paused_at else "",
        units_shut=deal.units_left - row.sellable,
    )


def _count_kept(deal_ids: Sequence[int]) -> dict[int, int]:
    rows = db.session.execute(
        select(Booking.deal_id, func.count())
        .where(Booking.deal_id.in_(deal_ids), Booking.state.in_(KEEPS_UNIT))
        .group_by(Booking.deal_id)
    )
    return {int(row[0]): int(row[1]) for row in rows}


def _count_offered(deal_ids: Sequence[int]) -> dict[int, int]:
    rows = db.session.execute(
        select(QueuePlace.deal_id, func.count())
        .where(QueuePlace.deal_id.in_(deal_ids), QueuePlace.state == "offered")
        .group_by(QueuePlace.deal_id)
    )
    return {int(row[0]): int(row[1]) for row in rows}


def _stores(deal: OnePriceDeal, dealer_id: int | None) -> list[StoreLine]:
    """The dealers that have bookings or units of their own, the busiest first."""
    counted = (
        select(Booking.dealer_id, Booking.state, func.count())
        .where(Booking.deal_id == deal.id)
        .group_by(Booking.dealer_id, Booking.state)
    )
    own = select(DealDealer).where(DealDealer.deal_id == deal.id)
    if dealer_id is not None:
        counted, own = counted.where(Booking.dealer_id == dealer_id), own.where(DealDealer.dealer_id == dealer_id)
    counts: dict[int, dict[str, int]] = {}
    for number, state, many in db.session.execute(counted):
        counts.setdefault(number, {})[state] = many
    units = {row.dealer_id: row for row in db.session.scalars(own)} if deal.stock_by_dealer else {}
    wanted = set(counts) | set(units)
    known = db.session.execute(select(Dealer.id, Dealer.name, Dealer.status).where(Dealer.id.in_(wanted)))
    names = {row.id: (row.name, row.status != OPEN_FOR_BUSINESS) for row in known}
    lines = [
        StoreLine(
            name=names.get(number, ("已下线门店", True))[0],
            cells=tuple(sum(counts.get(number, {}).get(s, 0) for s in states) for _words, states in COLUMNS),
            units_left=units[number].units_left if number in units else None,
            units_total=units[number].units_total if number in units else None,
            id=number,
            closed=names.get(number, ("", True))[1],
        )
        for number in wanted
    ]
    return sorted(lines, key=lambda line: (-sum(line.cells), line.name))


def _events(deal_id: int, dealer_id: int | None) -> list[EventLine]:
    latest = (
        select(BookingEvent.at, BookingEvent.kind, BookingEvent.note, Booking.no, Booking.earnest_kind, Dealer.name)
        .join(Booking, Booking.id == BookingEvent.booking_id)
        .join(Dealer, Dealer.id == Booking.dealer_id)
        .where(Booking.deal_id == deal_id)
        .order_by(BookingEvent.id.desc())
        .limit(LATEST_EVENTS)
    )
    if dealer_id is not None:
        latest = latest.where(Booking.dealer_id == dealer_id)
    return [
        EventLine(say(at), no, EVENT_WORDS.get(kind, kind).replace("订金", earnest), name, note)
        for at, kind, note, no, earnest, name in db.session.execute(latest)
    ]


def _next_offer(deal_id: int) -> str:
    until = db.session.scalar(
        select(func.min(QueuePlace.offer_until)).where(QueuePlace.deal_id == deal_id, QueuePlace.state == "offered")
    )
    return say(until) if until else ""
