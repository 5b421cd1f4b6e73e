"""The read side of deals and bookings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, Select, bindparam, func, select
from sqlalchemy.orm import joinedload, selectinload

from app.booking.models import Booking, DealDealer, OnePriceDeal
from app.booking.rules import (
    AHEAD,
    BAD_EVENTS,
    EVENT_WORDS,
    NEXT_STEPS,
    PICK_UP,
    REFUND_TROUBLE,
    REFUND_TROUBLE_WORDS,
    BookingState,
    DealPhase,
    Terms,
    deal_phase,
    earnest_rule,
    refundable,
    state_words,
    terms_for,
)
from app.catalog.models import Picture, Series, Trim
from app.catalog.pictures import picture_srcsets, share_path
from app.core import publishing
from app.core.clock import SHANGHAI, local, say
from app.core.db import db
from app.core.errors import NotFound
from app.dealers.models import Dealer

OPEN_FOR_BUSINESS = "营业"
SAID_TWICE = timedelta(days=1)  # how long a typed code still finds that the car was handed over
RECENT_DAYS = 7
STILL_CHANGING = (BookingState.HELD, *PICK_UP, BookingState.REFUNDING)
NEWS_FOR = timedelta(minutes=10)  # late money or an undone hand-over may follow soon after the end


@dataclass(frozen=True, slots=True)
class DealPicture:
    """What the picture macro wants: a stored picture, and `share`, the square for share cards."""

    digest: str
    widths: str
    forms: str
    width: int
    height: int
    alt: str
    share: str | None = None

    @property
    def src(self) -> str:
        """The address that every reader understands."""
        return picture_srcsets(self)[1]


@dataclass(frozen=True, slots=True)
class DealCard:
    """A deal in a list: plain values, safe to keep."""

    slug: str
    title: str
    series_slug: str
    series_name: str
    car_name: str
    price_fen: int
    msrp_fen: int
    units_total: int
    units_left: int
    starts_at: datetime
    ends_at: datetime
    phase: DealPhase
    picture: DealPicture | None
    earnest_kind: str
    earnest_fen: int
    trim_slug: str = ""

    @property
    def saving_fen(self) -> int:
        return max(self.msrp_fen - self.price_fen, 0)

    @property
    def ends_text(self) -> str:
        return f"{say(self.ends_at)} 结束"

    @property
    def starts_text(self) -> str:
        return f"{say(self.starts_at)} 开始"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a timeline: `state` is done, now, todo or bad."""

    title: str
    state: str
    time: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class BookingPage:
    """Everything a booking's own page says."""

    booking: Booking
    words: str
    steps: list[Step]
    next_step: str
    rule: str
    rest_fen: int
    has_code: bool
    may_cancel: bool
    payable: bool
    changing: bool


@dataclass(frozen=True, slots=True)
class DealPage:
    """Everything the page of a deal says, except its stock."""

    card: DealCard
    per_person: int
    notes: str
    rule: str
    terms: Terms
    dealer_count: int
    cities: list[tuple[str, int]]


def car_name(trim: Trim) -> str:
    """岫 S5 2026款 长续航版"""
    return f"{trim.series.name} {trim.model_year} {trim.name}"


def list_running_deals(now: datetime, limit: int = 20) -> list[DealCard]:
    """Deals that can be booked now, the one that ends first in front."""
    return _cards(_RUNNING, now, limit=limit)


def list_deals(now: datetime, limit: int = 50) -> list[DealCard]:
    """Running first, then upcoming, then what was sold out or ended in the last week."""
    order = [DealPhase.RUNNING, DealPhase.UPCOMING, DealPhase.SOLD_OUT, DealPhase.ENDED]
    cards = _cards(_LATEST, now, limit=limit * 2)
    recent = [c for c in cards if c.phase is not DealPhase.ENDED or (now - c.ends_at).days < RECENT_DAYS]
    return sorted(recent, key=lambda c: (order.index(c.phase), c.ends_at, c.slug))[:limit]


def list_deals_of_series(series_slug: str, now: datetime) -> list[DealCard]:
    """Running and upcoming deals on cars of this series."""
    return _cards(_OF_SERIES, now, slug=series_slug)


def list_stock() -> tuple[tuple[str, int], ...]:
    """Units left of every deal that is listed: what a list of deals says changes with it."""
    return tuple((slug, left) for slug, left in db.session.execute(_STOCK))


def find_stock(slug: str) -> int | None:
    """Units left of one deal."""
    return db.session.scalar(_STOCK_OF, {"slug": slug})


def next_change(cards: Iterable[DealCard], now: datetime) -> datetime | None:
    """When time alone makes one of these deals begin, end or leave the list."""
    moments = [m for c in cards for m in (c.starts_at, c.ends_at, c.ends_at + timedelta(days=RECENT_DAYS))]
    return min((moment for moment in moments if moment > now), default=None)


def find_deal(slug: str) -> OnePriceDeal | None:
    """The row with its car, for the write side."""
    return db.session.scalar(_with_car().where(OnePriceDeal.slug == slug).execution_options(populate_existing=True))


def get_deal_card(slug: str, now: datetime) -> DealCard:
    """The deal with its stock at this moment; NotFound."""
    return _card(_get_row(slug), now)


def get_deal_page(slug: str, now: datetime) -> DealPage:
    """What `/deals/<slug>` says; NotFound."""
    row = _get_row(slug)
    cities = publishing.remembered_one("deal_cities", row.id, lambda: list_cities(row), 64)
    return DealPage(
        card=_card(row, now),
        per_person=row.per_person,
        notes=row.terms,
        rule=earnest_rule(row.earnest_kind),
        terms=terms_for(row.earnest_kind, row.earnest_fen, row.price_fen, row.terms),
        dealer_count=sum(count for _, count in cities),
        cities=cities,
    )


def _get_row(slug: str) -> Any:
    row = db.session.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    if row is None:
        raise NotFound("没有找到这个一口价，请看看其他正在进行的一口价。")
    return row


def list_cities(deal: "OnePriceDeal | Any") -> list[tuple[str, int]]:
    """Cities with participating dealers and how many each, the largest first."""
    counted = (
        _participating(deal)
        .with_only_columns(Dealer.city, func.count())
        .group_by(Dealer.city)
        .order_by(func.count().desc(), Dealer.city)
    )
    return [(city, count) for city, count in db.session.execute(counted)]


def list_participating_dealers(deal: OnePriceDeal, city: str | None = None, limit: int = 60) -> list[Dealer]:
    """Dealers that take part and are open for business, of one city or of all, by city and name."""
    wanted = _participating(deal)
    if city:
        wanted = wanted.where(Dealer.city == city)
    return list(db.session.scalars(wanted.order_by(Dealer.city, Dealer.name).limit(limit)))


def find_participating_dealer(deal: OnePriceDeal, dealer_id: int) -> Dealer | None:
    """The dealer if it takes part in this deal and is open for business."""
    return db.session.scalar(_participating(deal).where(Dealer.id == dealer_id))


def find_dealer_city(dealer_id: int) -> str | None:
    """Where a dealer is."""
    return db.session.scalar(select(Dealer.city).where(Dealer.id == dealer_id))


def list_bookings(member_id: int, limit: int = 50) -> Sequence[Booking]:
    """A member's bookings, newest first."""
    return db.session.scalars(
        select(Booking)
        .options(joinedload(Booking.dealer))
        .where(Booking.member_id == member_id)
        .order_by(Booking.id.desc())
        .limit(limit)
    ).all()


def get_booking(no: str, member_id: int) -> Booking:
    """A member's own booking, read afresh; somebody else's is NotFound."""
    booking = db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer), selectinload(Booking.events))
        .where(Booking.no == no, Booking.member_id == member_id)
        .execution_options(populate_existing=True)
    )
    if booking is None:
        raise NotFound
    return booking


def export_own(member_id: int) -> list[dict[str, object]]:
    """What this room keeps about a person, as plain values for the person's own copy."""
    return [
        {
            "no": b.no,
            "car": b.car_name,
            "dealer": b.dealer.name,
            "name": b.contact_name,
            "phone": b.contact_phone,
            "price_fen": b.price_fen,
            "earnest_kind": b.earnest_kind,
            "earnest_fen": b.earnest_fen,
            "state": b.state,
            "created_at": local(b.created_at).isoformat(),
        }
        for b in list_bookings(member_id, limit=1000)
    ]


def get_booking_page(no: str, member_id: int, now: datetime) -> BookingPage:
    """What `/bookings/<no>` says to its owner; NotFound for everybody else."""
    booking = get_booking(no, member_id)
    kind, state = booking.earnest_kind, BookingState(booking.state)
    held = state is BookingState.HELD
    return BookingPage(
        booking=booking,
        words=state_words(state, kind),
        steps=_steps(booking),
        next_step=_next_step(booking),
        rule=earnest_rule(kind),
        rest_fen=booking.price_fen - booking.earnest_fen,
        has_code=state in PICK_UP,
        may_cancel=held or (state in PICK_UP and refundable(kind)),
        payable=held and now < booking.hold_until,
        changing=state in STILL_CHANGING or now - booking.state_at < NEWS_FOR,
    )


def find_booking_by_no(no: str) -> Booking | None:
    """A booking of anybody, for staff rooms."""
    return db.session.scalar(
        select(Booking)
        .options(joinedload(Booking.dealer))
        .where(Booking.no == no)
        .execution_options(populate_existing=True)
    )


def find_booking_by_id(booking_id: int) -> Booking | None:
    """The same by its inner id."""
    return db.session.get(Booking, booking_id, populate_existing=True)


def list_by_phone_tail(tail: str, now: datetime) -> Sequence[Booking]:
    """Bookings that a code read aloud may belong to: all that wait for their car, and what was handed over of late."""
    just_now = (Booking.state == BookingState.HANDED_OVER) & (Booking.state_at >= now - SAID_TWICE)
    return db.session.scalars(
        select(Booking)
        .where(Booking.state.in_(PICK_UP) | just_now, Booking.contact_phone.like(f"%{tail}"))
        .options(joinedload(Booking.dealer))
        .order_by(Booking.id.desc())
    ).all()


def list_dealer_bookings(dealer_id: int, since: datetime, limit: int = 100) -> Sequence[Booking]:
    """Paid bookings of a dealer: those waiting for the customer, and what changed since the given moment."""
    return db.session.scalars(
        select(Booking)
        .where(
            Booking.dealer_id == dealer_id,
            Booking.state.in_(PICK_UP)
            | (Booking.state.in_((BookingState.HANDED_OVER, BookingState.REFUNDING)) & (Booking.state_at >= since)),
        )
        .order_by(Booking.state_at.desc())
        .limit(limit)
    ).all()


def day_start(now: datetime) -> datetime:
    """Midnight in Shanghai before this moment."""
    return now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _with_car() -> Select[OnePriceDeal]:
    return select(OnePriceDeal).options(joinedload(OnePriceDeal.trim).joinedload(Trim.series).joinedload(Series.cover))


def _participating(deal: "OnePriceDeal | Any") -> Select[Dealer]:
    wanted = select(Dealer).where(Dealer.status == OPEN_FOR_BUSINESS)
    if not deal.all_dealers:
        wanted = wanted.join(DealDealer, DealDealer.dealer_id == Dealer.id).where(DealDealer.deal_id == deal.id)
    return wanted


# Made once: putting a statement together costs as much as running it.
_ROWS = (
    select(
        OnePriceDeal.id,
        OnePriceDeal.slug,
        OnePriceDeal.title,
        OnePriceDeal.price_fen,
        OnePriceDeal.units_total,
        OnePriceDeal.units_left,
        OnePriceDeal.starts_at,
        OnePriceDeal.ends_at,
        OnePriceDeal.withdrawn,
        OnePriceDeal.earnest_kind,
        OnePriceDeal.earnest_fen,
        OnePriceDeal.per_person,
        OnePriceDeal.terms,
        OnePriceDeal.all_dealers,
        Trim.slug.label("trim_slug"),
        Trim.model_year,
        Trim.name.label("trim_name"),
        Trim.msrp_fen,
        Series.slug.label("series_slug"),
        Series.name.label("series_name"),
        Picture.digest,
        Picture.widths,
        Picture.forms,
        Picture.width,
        Picture.height,
    )
    .join(Trim, Trim.id == OnePriceDeal.trim_id)
    .join(Series, Series.id == Trim.series_id)
    .outerjoin(Picture, Picture.id == Series.cover_id)
)
_OFFERED = _ROWS.where(OnePriceDeal.withdrawn.is_(False))
_BY_SLUG = _ROWS.where(OnePriceDeal.slug == bindparam("slug"))
_RUNNING = (
    _OFFERED.where(
        OnePriceDeal.starts_at <= bindparam("now"), OnePriceDeal.ends_at > bindparam("now"), OnePriceDeal.units_left > 0
    )
    .order_by(OnePriceDeal.ends_at, OnePriceDeal.id)
    .limit(bindparam("limit"))
)
_LATEST = _OFFERED.order_by(OnePriceDeal.ends_at.desc()).limit(bindparam("limit"))
_OF_SERIES = _OFFERED.where(Series.slug == bindparam("slug"), OnePriceDeal.ends_at > bindparam("now")).order_by(
    OnePriceDeal.starts_at, OnePriceDeal.id
)
_STOCK = (
    select(OnePriceDeal.slug, OnePriceDeal.units_left)
    .where(OnePriceDeal.withdrawn.is_(False))
    .order_by(OnePriceDeal.ends_at.desc(), OnePriceDeal.id)
    .limit(100)
)
_STOCK_OF = select(OnePriceDeal.units_left).where(OnePriceDeal.slug == bindparam("slug"))


def _cards(statement: Executable, now: datetime, **given: Any) -> list[DealCard]:
    return [_card(row, now) for row in db.session.execute(statement, {"now": now, **given})]


def _card(row: Any, now: datetime) -> DealCard:
    return DealCard(
        slug=row.slug,
        title=row.title,
        series_slug=row.series_slug,
        series_name=row.series_name,
        car_name=f"{row.series_name} {row.model_year} {row.trim_name}",
        price_fen=row.price_fen,
        msrp_fen=row.msrp_fen,
        units_total=row.units_total,
        units_left=row.units_left,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        phase=deal_phase(row.starts_at, row.ends_at, row.units_left, row.withdrawn, now),
        picture=_picture(row),
        earnest_kind=row.earnest_kind,
        earnest_fen=row.earnest_fen,
        trim_slug=row.trim_slug,
    )


def _next_step(booking: Booking) -> str:
    """The one sentence above the timeline."""
    if booking.events and booking.events[-1].kind == REFUND_TROUBLE:
        return f"{REFUND_TROUBLE_WORDS}，进展会显示在这里。"
    words = NEXT_STEPS[BookingState(booking.state)]
    return words.replace("订金", booking.earnest_kind).replace("{until}", say(booking.hold_until))


def _steps(booking: Booking) -> list[Step]:
    """What happened, with its time, then what comes next."""
    kind = booking.earnest_kind
    done = [
        Step(
            EVENT_WORDS.get(event.kind, event.kind).replace("订金", kind),
            "bad" if event.kind in BAD_EVENTS else "done",
            say(event.at),
            event.note,
        )
        for event in booking.events
    ]
    ahead = [Step(title.replace("订金", kind), "todo") for title in AHEAD[BookingState(booking.state)]]
    if ahead:
        ahead[0] = replace(ahead[0], state="now")
    return done + ahead


def _picture(row: Any) -> DealPicture | None:
    if row.digest is None:
        return None
    return DealPicture(row.digest, row.widths, row.forms, row.width, row.height, row.series_name, share_path(row))
