"""Another colour, dealer or person on the papers: priced first, done as it was priced, told to the store."""

from datetime import timedelta

import pytest
from flask import Flask

from app.booking.errors import ChangeRefused, ChangeStale, DealerSoldOut, DealerUnavailable, ShareNeeded
from app.booking.models import DealDealer, OnePriceDeal
from app.booking.queries import altering, store
from app.booking.rules import PICK_UP, BookingState
from app.booking.rules.altering import ALTERABLE, ChangeKind, Standing, Wanted, change_problem
from app.booking.services import alter, balance, cases, personal, progress
from app.catalog.models import Colour
from app.core.db import db, transaction
from app.core.errors import NotFound
from app.members.models import Consent
from app.messages.models import InboxMessage
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_cases import SOON, Deal
from tests.payments.wechat_pay import APP_ID, MCH_ID

LATER = NOW + timedelta(hours=1)
RED, WHITE = Wanted(ChangeKind.COLOUR, colour="朱砂红"), Wanted(ChangeKind.COLOUR, colour="雪山白")


def paint_shop() -> None:
    """Two colours: white costs nothing, red 3,000 yuan more."""
    with transaction():
        series = db.session.query(OnePriceDeal).one().trim.series_id
        for name, fen in (("雪山白", 0), ("朱砂红", 300_000)):
            db.session.add(Colour(series_id=series, name=name, hex="#AA3322", side="外观", surcharge_fen=fen))


@pytest.fixture
def deal(app: Flask) -> Deal:
    deal = Deal(app, "订金")
    paint_shop()
    return deal


def change(deal: Deal, wanted: Wanted, now=LATER) -> bool:
    return alter.apply(deal.buyer, deal.no, wanted, alter.quote(deal.buyer, deal.no, wanted, now).token, now)


def to(dealer_id: int, share: bool = True) -> Wanted:
    return Wanted(ChangeKind.DEALER, dealer_id=dealer_id, share=share)


STANDING = Standing("confirmed", LATER, LATER, False, False, False, False)


@pytest.mark.parametrize("kind", ChangeKind)
@pytest.mark.parametrize("state", BookingState)
def test_what_may_be_changed_in_which_state(kind: ChangeKind, state: BookingState) -> None:
    standing = Standing(state, LATER, LATER, False, False, False, False)
    assert (change_problem(kind, standing, 0, NOW) is None) is (state in ALTERABLE[kind])
    assert ALTERABLE[kind] <= set(PICK_UP)


@pytest.mark.parametrize(
    ("kind", "changes", "delta", "words"),
    [
        (ChangeKind.COLOUR, {"balance_paid": True}, 1, "同价"),
        (ChangeKind.COLOUR, {"balance_paid": True}, 0, None),
        (ChangeKind.COLOUR, {"balance_in_flight": True}, -1, "正在支付"),
        (ChangeKind.OWNER, {"balance_in_flight": True}, 0, None),
        (ChangeKind.DEALER, {"balance_paid": True, "paid_in_store": True}, 0, "原门店支付"),
        (ChangeKind.DEALER, {"case_open": True}, 0, "总部正在处理"),
        (ChangeKind.DEALER, {"ready_by": NOW}, 0, "没有按时"),
        (ChangeKind.DEALER, {"confirm_by": NOW}, 0, None),  # that promise was kept: it is confirmed
        (ChangeKind.DEALER, {"state": "deposit_paid", "confirm_by": NOW}, 0, "没有按时"),
    ],
)
def test_what_stands_in_the_way(kind: ChangeKind, changes: dict[str, object], delta: int, words: str | None) -> None:
    values = {name: changes.get(name, getattr(STANDING, name)) for name in STANDING.__slots__}
    problem = change_problem(kind, Standing(**values), delta, NOW)  # pyright: ignore[reportArgumentType]
    assert problem is None if words is None else words in (problem or "")


@pytest.mark.both_databases
def test_a_colour_is_priced_before_it_is_confirmed(deal: Deal) -> None:
    seen = alter.quote(deal.buyer, deal.no, RED, LATER)
    assert (seen.old, seen.new, seen.delta_fen) == ("到店选择", "朱砂红", 300_000)
    assert (seen.balance_before_fen, seen.balance_fen) == (8_780_000, 9_080_000)
    assert alter.apply(deal.buyer, deal.no, RED, seen.token, LATER)
    assert not alter.apply(deal.buyer, deal.no, RED, seen.token, LATER)  # the same form again
    row = deal.row
    assert (row.colour, row.surcharge_fen, row.balance_fen, row.earnest_fen) == ("朱砂红", 300_000, 9_080_000, 100_000)
    assert row.events[-1].note == "到店选择 → 朱砂红，差价 +¥3,000"
    assert [e.kind for e in row.events].count("colour_changed") == 1
    back = alter.quote(deal.buyer, deal.no, WHITE, LATER)
    assert (back.delta_fen, back.balance_fen) == (-300_000, 8_780_000)


@pytest.mark.both_databases
def test_what_moved_since_it_was_read_is_asked_again(deal: Deal) -> None:
    seen = alter.quote(deal.buyer, deal.no, RED, LATER).token
    with transaction():
        db.session.query(Colour).filter_by(name="朱砂红").update({"surcharge_fen": 400_000})
    with pytest.raises(ChangeStale):
        alter.apply(deal.buyer, deal.no, RED, seen, LATER)
    seen = alter.quote(deal.buyer, deal.no, to(deal.shop.east), LATER).token
    deal.confirm()  # by the former dealer, a moment ago
    with pytest.raises(ChangeStale):
        alter.apply(deal.buyer, deal.no, to(deal.shop.east), seen, LATER)
    assert (deal.row.dealer_id, deal.row.colour, deal.row.state) == (deal.shop.west, "", "confirmed")


def test_another_colour_frees_the_car_and_begins_the_days_again(deal: Deal) -> None:
    deal.confirm()
    progress.assign_car(deal.lead, deal.no, "WVWZZZ1KZAW000001", SOON)
    assert any("释放" in note for note in alter.quote(deal.buyer, deal.no, WHITE, LATER).notes)
    change(deal, WHITE)
    assert (deal.row.vin, deal.row.ready_by, deal.row.state) == (None, LATER + timedelta(days=30), "confirmed")


@pytest.mark.both_databases
def test_a_balance_that_is_paid_allows_only_free_changes(deal: Deal) -> None:
    deal.pay_balance()
    with pytest.raises(ChangeRefused, match="同价"):
        alter.quote(deal.buyer, deal.no, RED, LATER)
    change(deal, WHITE)
    change(deal, to(deal.shop.east))
    assert (deal.row.dealer_id, deal.row.colour, deal.row.balance_open) == (deal.shop.east, "雪山白", False)


def test_a_balance_in_flight_holds_the_price(deal: Deal) -> None:
    balance.open_balance_payment(deal.buyer, deal.no, deal.bank, NOW, app_id=APP_ID, mch_id=MCH_ID)
    with pytest.raises(ChangeRefused, match="正在支付"):
        alter.quote(deal.buyer, deal.no, RED, LATER)


@pytest.mark.both_databases
def test_another_dealer_confirms_anew_and_the_former_sees_nothing(deal: Deal) -> None:
    newcomer = s.clerk(deal.shop.east)
    deal.confirm()
    with pytest.raises(ShareNeeded):
        change(deal, to(deal.shop.east, share=False))
    assert (deal.row.dealer_id, deal.row.state) == (deal.shop.west, "confirmed")
    assert change(deal, to(deal.shop.east))
    row = deal.row
    assert (row.state, row.confirmed_at, row.ready_by) == ("deposit_paid", None, None)
    assert row.confirm_by == LATER + timedelta(hours=24)
    with pytest.raises(NotFound):
        progress.confirm(deal.lead, deal.no, LATER)
    assert progress.confirm(newcomer, deal.no, LATER).first
    assert deal.row.state == "confirmed"
    living = {c.subject for c in db.session.query(Consent).filter_by(purpose="share_with_dealer", withdrawn_at=None)}
    assert living == {"east"}
    news = [m.body for m in db.session.query(InboxMessage).filter_by(purpose="store_news")]
    assert len(news) == 2  # one person at each store
    assert not any("周样例" in body or "13900002086" in body for body in news)


def test_a_dealer_that_broke_its_promise_is_not_excused_by_a_change(deal: Deal) -> None:
    with pytest.raises(ChangeRefused, match="没有按时"):
        alter.quote(deal.buyer, deal.no, to(deal.shop.east), NOW + timedelta(hours=25))


def test_a_dealer_that_is_closed_or_unknown_is_no_choice(deal: Deal) -> None:
    for dealer_id in (deal.shop.closed, 0):
        with pytest.raises(DealerUnavailable):
            alter.quote(deal.buyer, deal.no, to(dealer_id), LATER)
    with pytest.raises(NotFound):
        alter.quote(s.member("13900002087"), deal.no, to(deal.shop.east), LATER)


@pytest.mark.both_databases
def test_with_stock_for_each_dealer_the_unit_moves_along(app: Flask) -> None:
    deal = Deal(app, "订金", units=3)
    with transaction():  # two units stand in the west, where one is booked, and one in the east
        db.session.query(OnePriceDeal).update({"stock_by_dealer": True})
        for dealer_id, total, left in ((deal.shop.west, 2, 1), (deal.shop.east, 1, 1), (deal.shop.closed, 0, 0)):
            db.session.query(DealDealer).filter_by(dealer_id=dealer_id).update(
                {"units_total": total, "units_left": left}
            )
    change(deal, to(deal.shop.east))
    db.session.rollback()
    left = {row.dealer_id: row.units_left for row in db.session.query(DealDealer)}
    assert (left[deal.shop.west], left[deal.shop.east], s.units_left(deal.shop)) == (2, 0, 2)
    other = s.member("13900002087")
    no = s.place(deal.shop, other, phone="13900002087").no
    with transaction():
        row = s.booking(no)
        row.state, row.confirm_by = "deposit_paid", LATER + timedelta(hours=24)
    wanted = to(deal.shop.east)
    with pytest.raises(DealerSoldOut):
        alter.apply(other, no, wanted, alter.quote(other, no, wanted, LATER).token, LATER)
    assert s.booking(no).dealer_id == deal.shop.west


def test_another_person_on_the_papers(deal: Deal) -> None:
    seen = alter.quote(deal.buyer, deal.no, Wanted(ChangeKind.OWNER, owner=" 李 样例 "), LATER)
    assert (seen.old, seen.new, seen.delta_fen) == ("周样例", "李 样例", 0)
    change(deal, Wanted(ChangeKind.OWNER, owner="李样例"))
    assert (deal.row.owner_name, deal.row.events[-1].note) == ("李样例", "周* → 李*")
    with pytest.raises(ChangeRefused, match="现在就是这样"):
        alter.quote(deal.buyer, deal.no, Wanted(ChangeKind.OWNER, owner="李样例"), LATER)
    with pytest.raises(ChangeRefused, match="登记车主"):
        alter.quote(deal.buyer, deal.no, Wanted(ChangeKind.OWNER, owner="李"), LATER)
    assert altering.list_change_tags([deal.row.id], LATER) == {deal.row.id: ["已换车主"]}
    assert altering.list_change_tags([deal.row.id], LATER + timedelta(days=4)) == {}
    (group,) = [g for g in store.list_store(deal.shop.west, LATER) if g.rows]
    assert "已换车主" in group.rows[0].marks


def test_while_headquarters_decides_nothing_is_changed(deal: Deal) -> None:
    case = cases.dispute(deal.buyer, deal.no, "门店加价，想换一家", LATER)
    assert case
    with pytest.raises(ChangeRefused, match="总部正在处理"):
        alter.quote(deal.buyer, deal.no, to(deal.shop.east), LATER)
    assert personal.blocks(deal.buyer.id or 0)
