"""A coupon at the counter: every answer a clerk can get, the amounts, the retry and the undo."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import SYSTEM, Actor, living_code
from app.coupons.models import Coupon
from app.coupons.services import state
from app.ledger.models import LedgerEntry
from app.members.models import Member
from app.redemption import queries, services
from app.redemption.errors import (
    AlreadyUsed,
    BelowThreshold,
    BillMissing,
    CannotUndo,
    CouponExpired,
    CouponHeld,
    CouponNotYet,
    CouponOnlineOnly,
    CouponRevoked,
    ForeignCode,
    JustDone,
    OldCode,
    OtherPage,
    PaymentCode,
    ReasonMissing,
    ScannedIntoField,
    UnknownCode,
    Unreadable,
    WeChatCode,
    WrongStoreCoupon,
)
from app.redemption.models import FailedScan, Redemption
from app.redemption.rules import Kind, read_scan
from app.redemption.services import Preview
from app.redemption.services.tries import FAILURES_KEPT, purge_failures
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.coupons.campaigns import NOW

SECRET = "secret"
LATER = NOW + timedelta(minutes=5)


class Counter:
    """A store, a customer with one coupon, a clerk."""

    def __init__(self, *, only: str = "", **campaign: object) -> None:
        self.shop = s.build()
        dealers = (self.shop.east,) if only == "east" else None
        c.campaign(dealers=dealers, **campaign)
        self.customer = c.member()
        made = c.claim(self.customer)
        self.id, self.code = made.coupon_id, made.code
        self.clerk, self.lead = s.clerk(self.shop.west), s.clerk(self.shop.west, "supervisor", "赵样例")

    def token(self, now=LATER) -> str:
        return living_code(SECRET, "C", self.code, now).token

    def look(self, code: str = "", tail: str = "", now=LATER, by: Actor | None = None) -> Preview:
        return services.preview(by or self.clerk, read_scan(code or self.token(now), tail), now, secret=SECRET)

    def confirm(self, seen: Preview, bill: str = "", now=LATER, by: Actor | None = None) -> int:
        return services.redeem(by or self.clerk, seen.ticket, seen.nonce, now, secret=SECRET, bill=bill).id

    @property
    def state(self) -> str:
        return c.coupon(self.id).state


@pytest.mark.both_databases
def test_scan_preview_confirm_and_the_retry_of_a_lost_answer(app: Flask) -> None:
    counter = Counter()
    seen = counter.look(f"https://shop.example/r/{counter.token()}")
    assert (seen.shown.who, seen.shown.phone, seen.shown.what) == ("周*", "139****2086", "到店试驾礼券")
    assert (seen.shown.due_fen, seen.shown.asks, seen.no) == (300_000, "", counter.code)
    assert counter.state == "issued"  # looking changes nothing
    first = counter.confirm(seen)
    assert counter.confirm(seen, now=LATER + timedelta(hours=1)) == first
    assert counter.state == "redeemed"
    receipt = queries.get_receipt(first, counter.clerk, LATER)
    assert (receipt.no.replace(" ", ""), receipt.amount_fen, receipt.staff_name) == (counter.code, 300_000, "王样例")
    assert c.events(counter.id) == ["claimed", "redeemed"]


@pytest.mark.parametrize("terms", [{}, {"threshold_fen": 1_000_000}])
def test_the_receipt_shown_at_once_is_the_one_that_is_written(app: Flask, terms: dict[str, int]) -> None:
    counter = Counter(**terms)
    seen = counter.look()
    done = services.redeem(counter.clerk, seen.ticket, seen.nonce, LATER, secret=SECRET, bill="12000" if terms else "")
    assert done.line is not None
    assert done.words is not None
    at_once = queries.receipt_of(
        done.line, done.words, counter.clerk, LATER, staff="王样例", dealer="西湖店", phone=None
    )
    assert at_once == queries.get_receipt(done.id, counter.clerk, LATER)


@pytest.mark.both_databases
def test_a_used_coupon_says_when_where_and_who(app: Flask) -> None:
    counter = Counter()
    seen, other = counter.look(), counter.look(by=counter.lead)
    counter.confirm(seen)
    for again in (lambda: counter.look(by=counter.lead), lambda: counter.confirm(other, by=counter.lead)):
        with pytest.raises(AlreadyUsed) as refusal:
            again()
        assert refusal.value.message.startswith("已于11月22日12:05在西湖店由王*核销")
        assert refusal.value.screen == "used"


def test_who_scans_again_because_no_answer_came_is_told_that_it_was_their_own(app: Flask) -> None:
    """The network went between the confirmation and its answer: nobody is sent away, and nothing happens twice."""
    counter = Counter()
    done = counter.confirm(counter.look())
    with pytest.raises(JustDone) as told:
        counter.look()
    assert (told.value.receipt, told.value.screen) == (done, "used")
    assert told.value.message == "11月22日12:05 刚由您办理成功，不用再扫一次。"
    assert db.session.query(FailedScan).count() == 0
    with pytest.raises(AlreadyUsed) as refusal:  # the next day it is used like any other
        counter.look(now=LATER + timedelta(hours=12))
    assert refusal.value.message.startswith("已于11月22日12:05")


def test_without_a_phone_number_the_coupons_number_and_the_digits_of_this_minute_do(app: Flask) -> None:
    counter = Counter()
    with transaction() as session:
        session.execute(
            update(Member).where(Member.phone.is_not(None)).values(phone=None, phone_verified_at=None, name="")
        )
    digits = living_code(SECRET, "C", counter.code, LATER).digits
    old = living_code(SECRET, "C", counter.code, LATER - timedelta(minutes=5)).digits
    assert counter.look(counter.code, digits).no == counter.code
    assert counter.look(counter.code.lower(), f"{digits[:3]} {digits[3:]}").shown.who == "会员"
    for code, end in ((counter.code, old), ("23456789ABCD", digits), (counter.code, "2086")):
        with pytest.raises(UnknownCode):
            counter.look(code, end)
    for code, end in ((digits, digits), (counter.code, ""), (counter.code, "12345")):
        with pytest.raises(Unreadable):
            counter.look(code, end)


def test_typed_digits_and_number_need_the_phone_tail(app: Flask) -> None:
    counter = Counter()
    digits = living_code(SECRET, "C", counter.code, LATER).digits
    spaced = f"{counter.code[:4]} {counter.code[4:8]} {counter.code[8:]}".lower()
    assert counter.look(digits, "2086").no == counter.look(spaced, "2086").no == counter.code
    for code, tail in ((digits, "2087"), (counter.code, "2087"), ("000000", "2086"), ("23456789ABCD", "2086")):
        with pytest.raises(UnknownCode):
            counter.look(code, tail)
    for code in (digits, counter.code):  # the number alone never redeems
        with pytest.raises(Unreadable):
            counter.look(code)
    counter.confirm(counter.look())
    with pytest.raises(AlreadyUsed):
        counter.look(digits, "2086", by=counter.lead)


def test_another_store_is_told_where_it_is_valid(app: Flask) -> None:
    counter = Counter(only="east")
    with pytest.raises(WrongStoreCoupon) as refusal:
        counter.look()
    assert refusal.value.message.startswith("此券仅限浦东店使用")
    east = s.clerk(counter.shop.east)
    assert counter.confirm(counter.look(by=east), by=east)


def test_yesterdays_screenshot_is_an_old_code_and_a_forged_one_unknown(app: Flask) -> None:
    counter = Counter()
    with pytest.raises(OldCode):
        counter.look(counter.token(LATER - timedelta(days=1)))
    with pytest.raises(UnknownCode):
        counter.look(counter.token()[:-2] + "AA")
    with pytest.raises(UnknownCode):  # the server's clock alone counts
        counter.look(counter.token(LATER + timedelta(days=1)))


def test_what_ends_a_coupon_is_named(app: Flask) -> None:
    counter = Counter(valid_until=NOW + timedelta(days=1))
    seen = counter.look()
    tomorrow = NOW + timedelta(days=1)
    with pytest.raises(CouponExpired) as refusal:
        counter.look(now=tomorrow)
    assert "11月23日12:00" in refusal.value.message
    state.revoke(counter.id, "活动取消", SYSTEM, LATER)
    for again in (counter.look, lambda: counter.confirm(seen)):  # revoked between looking and confirming, too
        with pytest.raises(CouponRevoked) as gone:
            again()
        assert "活动取消" in gone.value.message


def test_what_a_coupon_needs_is_named(app: Flask) -> None:
    counter = Counter()
    no = s.place(counter.shop, counter.customer).no
    change = {"valid_from": LATER + timedelta(days=1)}
    _write(counter.id, **change)
    with pytest.raises(CouponNotYet) as early:
        counter.look()
    assert "11月23日12:05" in early.value.message
    _write(counter.id, valid_from=NOW, state="held", held_by=s.booking(no).id)
    with pytest.raises(CouponHeld) as held:
        counter.look()
    assert no in held.value.message
    assert (early.value.screen, held.value.screen) == ("needs", "needs")


def test_an_online_coupon_is_not_redeemed_in_a_store(app: Flask) -> None:
    with pytest.raises(CouponOnlineOnly):
        Counter(usage="线上").look()


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("134567890123456789", PaymentCode),
        ("2812345678901234", PaymentCode),
        ("wxp://f2f0abcdefg", PaymentCode),
        ("https://u.wechat.com/abcdef", WeChatCode),
        ("weixin://contacts/profile/x", WeChatCode),
        ("https://other.example/r/" + "C23456789ABCD." + "A" * 16, ForeignCode),
        ("https://evil.example/login?next=/r/x", ForeignCode),
        ("http://[broken/r/x", ForeignCode),
        ("6901234567892", ForeignCode),
        ("https://shop.example/q/ABC123", OtherPage),
        ("https://shop.example/r/short", OtherPage),
        ("javascript:alert(1)", Unreadable),
        ("", Unreadable),
    ],
)
def test_codes_that_are_not_ours_are_named_in_one_sentence(app: Flask, code: str, refusal: type[Exception]) -> None:
    clerk = s.clerk(s.build().west)
    with pytest.raises(refusal) as told:
        services.preview(clerk, read_scan(code, "", "shop.example"), NOW, secret=SECRET)
    assert code == "" or code not in told.value.args[0]
    kept = db.session.query(FailedScan).one()
    assert (kept.reason, kept.step, kept.staff_id) == (told.value.code, "preview", clerk.id)  # pyright: ignore


def test_our_own_address_is_read_and_never_followed(app: Flask) -> None:
    token = "C23456789ABCD." + "A" * 16
    assert read_scan(f"https://shop.example/r/{token}", "", "shop.example").kind is Kind.TOKEN
    assert read_scan(f"HTTPS://SHOP.EXAMPLE/r/{token}?x=1#y", "", "shop.example").value == token


@pytest.mark.parametrize(
    ("campaign", "bill", "worth"),
    [
        ({"kind": "代金券", "face_fen": 30_000, "threshold_fen": 100_000}, "3,280", 30_000),
        ({"kind": "折扣券", "face_fen": None, "discount_permille": 880, "most_fen": 20_000}, "1000.50", 12_006),
        ({"kind": "折扣券", "face_fen": None, "discount_permille": 500, "most_fen": 20_000}, "9999", 20_000),
        ({"kind": "停车券", "face_fen": None, "worth_fen": 1_500}, "", 1_500),
        ({"kind": "提货券", "face_fen": None, "worth_fen": 8_000}, "", 8_000),
    ],
)
def test_what_a_coupon_is_worth(app: Flask, campaign: dict[str, object], bill: str, worth: int) -> None:
    counter = Counter(**campaign)
    seen = counter.look()
    assert seen.shown.asks == ("bill" if bill else "")
    if bill:
        assert services.value_now(counter.clerk, seen.ticket, bill, LATER, secret=SECRET)[0] == worth
    counter.confirm(seen, bill)
    row = db.session.query(Redemption).one()
    assert row.amount_fen == worth
    assert (row.bill_fen is None) == (not bill)
    assert c.coupon(counter.id).redeemed_fen == worth


def test_a_bill_below_the_threshold_says_how_much_is_missing(app: Flask) -> None:
    counter = Counter(face_fen=30_000, threshold_fen=100_000)
    seen = counter.look()
    for bill in ("", "abc", "0", "-1", "1e9", "9999999999999"):
        with pytest.raises(BillMissing):
            counter.confirm(seen, bill)
    with pytest.raises(BelowThreshold) as refusal:
        counter.confirm(seen, "800")
    assert "还差 ¥200" in refusal.value.message
    with pytest.raises(ScannedIntoField):  # the next customer's code, typed by a scanner into this field
        counter.confirm(seen, f"https://shop.example/r/{counter.token()}")
    assert counter.state == "issued"
    assert counter.confirm(seen, "1000")


def test_the_terms_of_the_claim_count_and_not_the_campaign_of_today(app: Flask) -> None:
    counter = Counter()
    c.change(face_fen=1_000, threshold_fen=10**9, usage="线上")
    counter.confirm(counter.look())
    assert db.session.query(Redemption).one().amount_fen == 300_000


@pytest.mark.both_databases
def test_an_undone_redemption_gives_the_coupon_back_once(app: Flask) -> None:
    counter = Counter()
    first = counter.confirm(counter.look())
    with pytest.raises(CannotUndo):
        services.undo(counter.clerk, first, "", LATER + timedelta(seconds=31))
    with pytest.raises(ReasonMissing):
        services.undo(counter.lead, first, " ", LATER + timedelta(minutes=2))
    services.undo(counter.lead, first, "扫错了客户", LATER + timedelta(minutes=2))
    assert counter.state == "issued"
    with pytest.raises(CannotUndo):
        services.undo(counter.lead, first, "再来一次", LATER + timedelta(minutes=2))
    later = LATER + timedelta(minutes=3)
    second = counter.confirm(counter.look(now=later), now=later)
    assert second != first
    assert c.events(counter.id) == ["claimed", "redeemed", "undone", "redeemed"]
    tallies = queries.tally_today(counter.shop.west, later)
    assert (tallies.redeemed, tallies.coupons, tallies.amount_fen) == (1, 1, 300_000)


def test_refusals_are_kept_by_their_reason_and_nothing_else(app: Flask) -> None:
    counter = Counter()
    for code in ("134567890123456789", "https://evil.example/", counter.token(LATER - timedelta(hours=2))):
        with pytest.raises((PaymentCode, ForeignCode, OldCode)):
            counter.look(code)
    seen, other = counter.look(), counter.look()
    counter.confirm(seen)
    with pytest.raises(AlreadyUsed):
        counter.confirm(other)
    kept = [(row.step, row.reason) for row in db.session.query(FailedScan).order_by(FailedScan.id)]
    assert kept == [
        ("preview", "payment_code"), ("preview", "foreign_code"), ("preview", "code_old"), ("confirm", "scan_used")
    ]  # fmt: skip
    assert dict(queries.list_failures_today(counter.shop.west, LATER)) == {
        "付款码": 1, "其他品牌或网站的码": 1, "过期的码或截图": 1, "已使用的券": 1
    }  # fmt: skip
    assert queries.list_failures_today(counter.shop.east, LATER) == []
    assert purge_failures(LATER + FAILURES_KEPT) == 0
    assert purge_failures(LATER + FAILURES_KEPT + timedelta(seconds=1)) == 4


def _write(coupon_id: int, **values: object) -> None:
    from app.core.db import transaction

    with transaction() as session:
        row = session.get_one(Coupon, coupon_id)
        for name, value in values.items():
            setattr(row, name, value)


@pytest.mark.both_databases
def test_headquarters_takes_a_late_mistake_back_and_it_costs_nobody_anything(app: Flask) -> None:
    """The store may not any more; the customer has coupon and time again, each side's books say when and by whom."""
    counter, office = Counter(), Actor("operator", 1)
    first, before = counter.confirm(counter.look()), c.coupon(counter.id).valid_until
    late = LATER + timedelta(days=29)
    with pytest.raises(CannotUndo, match="由总部撤销"):
        services.undo(counter.lead, first, "扫错了客户", late)
    for nobody in (counter.lead, counter.customer, s.clerk(counter.shop.west, "manager")):
        with pytest.raises(NotAllowed):
            services.undo_late(nobody, first, "扫错了客户", late)
    for short in ("", "   ", "错", " 错 了 "):
        with pytest.raises(ReasonMissing):
            services.undo_late(office, first, short, late)
    with pytest.raises(NotFound):
        services.undo_late(office, first + 1, "客户来电核实", late)
    assert counter.state == "redeemed"
    services.undo_late(office, first, " 客户来电，\n核实扫错 ", late)
    assert counter.state == "issued"
    assert c.coupon(counter.id).valid_until == before + timedelta(days=29)
    with pytest.raises(CannotUndo):
        services.undo_late(office, first, "再来一次吧", late)
    assert c.events(counter.id) == ["claimed", "redeemed", "undone"]
    row = db.session.query(LedgerEntry).filter_by(event="undone").one()
    assert (row.chain, row.actor, row.amount_fen) == (counter.shop.west, "operator:1", 300_000)
    receipt = queries.get_receipt(first, counter.clerk, late)
    assert receipt.undo_text.endswith("由总部撤销：客户来电， 核实扫错")
    second = counter.confirm(counter.look(now=late), now=late)
    assert [(one.id, one.may_undo) for one in queries.list_for_office(office, late, counter.code)] == [
        (second, True),
        (first, False),
    ]


def test_after_a_month_a_redemption_stands(app: Flask) -> None:
    counter = Counter()
    first = counter.confirm(counter.look())
    with pytest.raises(CannotUndo):
        services.undo_late(Actor("operator", 1), first, "客户来电核实", LATER + timedelta(days=30, seconds=1))
    assert counter.state == "redeemed"


def test_a_receipt_says_who_of_the_store_took_it_back(app: Flask) -> None:
    counter = Counter()
    first = counter.confirm(counter.look())
    services.undo(counter.lead, first, "扫错了客户", LATER + timedelta(minutes=2))
    told = [queries.get_receipt(first, counter.clerk, LATER), *queries.list_today(counter.clerk, LATER)]
    assert [one.undo_text for one in told] == ["已于11月22日12:07由赵样例撤销：扫错了客户"] * 2


def test_a_receipt_says_who_may_still_take_it_back(app: Flask) -> None:
    counter = Counter()
    first = counter.confirm(counter.look())
    late = LATER + timedelta(minutes=11)
    for reader, when, words in (
        (counter.clerk, LATER, ""), (counter.lead, LATER + timedelta(minutes=9), ""),
        (counter.clerk, late, "之后 30 天内由总部撤销"), (counter.lead, late, "之后 30 天内由总部撤销"),
    ):  # fmt: skip
        hint = queries.get_receipt(first, reader, when).undo_hint
        assert words in hint if words else not hint
    with pytest.raises(CannotUndo, match="已超过 10 分钟，门店不能再撤销"):
        services.undo(counter.lead, first, "扫错了客户", late)
    services.undo(counter.lead, first, "扫错了客户", LATER + timedelta(minutes=2))
    assert not queries.get_receipt(first, counter.lead, late).undo_hint
    with pytest.raises(CannotUndo, match="已经撤销过了"):
        services.undo(counter.lead, first, "扫错了客户", late)
