"""夺券: promised before, chained while it runs, recomputable after; the yuan always comes back."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.core.db import db, transaction
from app.core.security import Actor
from app.coupons import errors, queries
from app.coupons.models import Coupon, Draw, DrawEntry
from app.coupons.queries import draws
from app.coupons.rules.draws import MOST_PRIZE_FEN, commitment_of, verify
from app.coupons.services import draw, draw_money, draw_office, draw_prizes
from app.coupons.services.draw_office import Plan
from app.ledger.models import LedgerEntry
from app.members.services import merge_members
from app.messages.models import InboxMessage
from app.payments import payables
from app.payments import queries as payments
from app.payments.models import Payment, Refund
from app.payments.services import refunds, settlement
from app.reconciliation import queries as reconciliation
from tests.booking import shop as s
from tests.booking.test_views import IN_WECHAT, Wechat, fields, sign_in
from tests.client import Shopper
from tests.coupons import campaigns as c
from tests.coupons.test_pages import get, send
from tests.operators import admin_client
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

NOW = c.NOW
OPERATOR = Actor("operator", 1)
CLOSES, DRAWS = NOW + timedelta(days=5), NOW + timedelta(days=6)
OPEN = NOW + draw_office.LEAD
pytestmark = pytest.mark.usefixtures("app")
PLAN = Plan(2, DRAWS, "双色球 2026140 期红球号码", "展厅（样例）客服 057188880000", {})


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(OPEN, tick=False):
        yield


def prepared(**given: object) -> None:
    c.campaign(**{"way": "夺券", "total": 2, "valid_until": DRAWS + timedelta(days=30), **given})  # pyright: ignore
    draw_office.prepare(OPERATOR, "c1", PLAN, NOW)


def published(**given: object) -> None:
    prepared(**given)
    draw_office.publish(OPERATOR, "c1", NOW, enabled=True)


def pay(bank: Bank, who: Actor, now: datetime = OPEN) -> str:
    """Begin to pay; the order's number."""
    before = set(bank.orders)
    draw_money.open_fee_payment(who, "c1", bank, now, app_id=APP_ID, mch_id=MCH_ID)
    return next(iter(set(bank.orders) - before))


def arrives(bank: Bank, number: str, now: datetime = OPEN) -> None:
    bank.pay(number)
    settlement.accept_notice(bank.notice(number, now, success_at=now), now)


def entry_of(who: Actor) -> DrawEntry:
    db.session.rollback()
    return db.session.query(DrawEntry).filter_by(member_id=who.id).populate_existing().one()


def state() -> str:
    db.session.rollback()
    return db.session.query(Draw.state).scalar() or ""


def check_money(bank: Bank) -> None:
    """Whatever came in is held for an entry that counts, or is on its way back; and the ledger knows."""
    money_in, money_out, held = reconciliation.balance()
    assert money_in - money_out == held, (money_in, money_out, held)
    rows = db.session.query(LedgerEntry.event, func.sum(LedgerEntry.amount_fen)).group_by(LedgerEntry.event)
    booked = {row[0]: row[1] for row in rows}
    assert booked.get("paid", 0) == money_in
    db.session.rollback()
    del bank


# ---- before the opening ----


def test_off_until_somebody_says_so_and_nothing_unlawful_is_published() -> None:
    prepared()
    assert draw_office.problems("c1", NOW) == []
    with pytest.raises(errors.DrawOff):
        draw_office.publish(OPERATOR, "c1", NOW, enabled=False)
    for change, rule in (
        ({"face_fen": MOST_PRIZE_FEN + 1}, "最高奖金额"),
        ({"total": 1}, "中奖名额是 2 个"),
        ({"daily_total": 1}, "每日总量"),
        ({"valid_until": DRAWS + timedelta(days=1)}, "开奖后 7 天"),
        ({"claim_until": DRAWS + timedelta(days=1)}, "开奖要在参与结束以后"),
        ({"state": "draft"}, "先发布券活动"),
        ({"face_fen": None, "kind": "提货券"}, "单张价值"),
    ):
        with transaction():
            before = db.session.query(draw_office.CouponCampaign).one()
            kept = {name: getattr(before, name) for name in change}
        c.change(**change)
        with pytest.raises(errors.DrawUnlawful, match=rule):
            draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
        c.change(**kept)
    draw_office.prepare(OPERATOR, "c1", Plan(2, DRAWS, "", "", {}), NOW)
    with pytest.raises(errors.DrawUnlawful, match="公开随机数来源"):
        draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
    with pytest.raises(errors.DrawUnlawful, match="主办方和联系方式"):
        draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
    assert state() == "draft"


def test_what_was_published_is_never_changed() -> None:
    published()
    page = draws.get_draw_page("c1")
    row = db.session.query(Draw).one()
    assert commitment_of(row.seed) == page.promise.commitment
    assert page.root == page.digest
    assert page.seed == ""  # not before it is drawn
    assert all(text for _, text in page.disclosed)
    assert len(page.disclosed) == 11
    db.session.rollback()
    with pytest.raises(errors.DrawBusy):
        draw_office.prepare(OPERATOR, "c1", PLAN, NOW)
    with pytest.raises(errors.DrawBusy):
        draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
    c.change(claim_until=NOW + timedelta(days=50), title="别的")  # the campaign may change, the promise does not
    assert draws.get_draw_page("c1").digest == page.digest
    assert draws.get_draw_page("c1").promise.closes_at == CLOSES
    with pytest.raises(errors.DrawNotStarted):
        draw.enter_free(c.member(), "c1", NOW)


# ---- entering ----


def test_one_entry_for_each_person_whichever_way() -> None:
    published()
    bank, who, other = Bank(), c.member(), c.member("13900000001")
    ticket = draw.enter_free(who, "c1", OPEN)
    assert draw.enter_free(who, "c1", OPEN) == ticket
    assert ticket not in (entry_of(who).digest or "")
    arrives(bank, pay(bank, other))
    assert draw.enter_free(other, "c1", OPEN) == entry_of(other).ticket
    assert [(row.seq, row.kind) for row in db.session.query(DrawEntry).order_by(DrawEntry.seq)] == [
        (1, "free"), (2, "paid"),
    ]  # fmt: skip
    db.session.rollback()
    check_money(bank)
    assert payables.held_fen() == 100
    c.change(state="paused")
    with pytest.raises(errors.DrawPaused):
        draw.enter_free(c.member("13900000002"), "c1", OPEN)
    with pytest.raises(errors.DrawNotOpen):
        draw.enter_free(c.member("13900000003"), "c1", CLOSES)
    with pytest.raises(errors.WrongWay):  # coupons of a draw go out by it alone, also not by a list
        c.claim(who, given=True)


def test_who_had_begun_to_pay_and_enters_free_gets_late_money_back() -> None:
    published()
    bank, who = Bank(), c.member()
    number = pay(bank, who)
    draw.enter_free(who, "c1", OPEN)
    arrives(bank, number)
    refund = db.session.query(Refund).one()
    assert (refund.amount_fen, refund.reason_code) == (100, "double")
    assert entry_of(who).kind == "free"
    check_money(bank)


# ---- the end ----


def test_whoever_paid_in_time_is_in_although_the_news_came_late() -> None:
    published()
    bank, early, never = Bank(), c.member(), c.member("13900000001")
    paid, unpaid = pay(bank, early), pay(bank, never)
    bank.pay(paid)
    bank.trades[paid] = bank.trades[paid].__class__(
        **{**{f: getattr(bank.trades[paid], f) for f in bank.trades[paid].__dataclass_fields__}, "success_at": OPEN}
    )
    bank.down.add("query")
    assert draw_office.close_due(bank, CLOSES) == 0  # nobody can say: the draw waits
    assert state() == "open"
    bank.down.clear()
    with pytest.raises(errors.DrawNotOpen):
        draw.enter_free(c.member("13900000002"), "c1", CLOSES)
    assert draw_office.close_due(bank, CLOSES + timedelta(minutes=5)) == 1
    assert (entry_of(early).state, entry_of(never).state) == ("entered", "void")
    assert draw_office.close_due(bank, CLOSES + timedelta(minutes=6)) == 0
    bank.pay_although_closed(unpaid)  # and all the same
    settlement.accept_notice(bank.notice(unpaid, CLOSES, success_at=CLOSES), CLOSES + timedelta(minutes=9))
    assert [row.reason_code for row in db.session.query(Refund)] == ["late"]
    db.session.rollback()
    check_money(bank)


def test_every_yuan_comes_back_once_with_one_number() -> None:
    published()
    bank, people = Bank(finish_refunds=True), [c.member(f"139{n:08d}") for n in range(3)]
    for who in people[:2]:
        arrives(bank, pay(bank, who))
    draw.enter_free(people[2], "c1", OPEN)
    assert draw_money.return_fees(OPEN) == 0
    draw_office.close_due(bank, CLOSES)
    assert draw_money.return_fees(CLOSES) == 2
    assert draw_money.return_fees(CLOSES) == 0
    check_money(bank)
    numbers = {row.out_refund_no for row in db.session.query(Refund)}
    db.session.rollback()
    for refund_id in [row.id for row in db.session.query(Refund)]:
        refunds.send_refund(refund_id, bank, CLOSES)
        refunds.send_refund(refund_id, bank, CLOSES)
    assert set(bank.refunds) == numbers
    assert all(entry_of(who).returned_at == CLOSES for who in people[:2])
    paid, back = (db.session.query(func.sum(table.amount_fen)).scalar() for table in (Payment, Refund))
    assert paid == back == 200
    check_money(bank)


def test_a_cancelled_draw_gives_everything_back_and_tells_everybody() -> None:
    published()
    bank, payer, free, half = Bank(), c.member(), c.member("13900000001"), c.member("13900000002")
    arrives(bank, pay(bank, payer))
    draw.enter_free(free, "c1", OPEN)
    open_order = pay(bank, half)
    with pytest.raises(errors.DrawBusy, match="至少 4 个字"):
        draw_office.void(OPERATOR, "c1", "x", OPEN)
    draw_office.void(OPERATOR, "c1", "奖品供应有变", OPEN)
    assert draw_money.return_fees(OPEN) == 1
    assert draw_money.close_idle_orders(bank, OPEN) == 1
    assert bank.trades[open_order].state.value == "CLOSED"
    assert draw_prizes.tell_results(OPEN) == 2
    assert draw_prizes.tell_results(OPEN) == 0
    told = db.session.query(InboxMessage).filter_by(purpose="draw_result").all()
    assert {row.member_id for row in told} == {payer.id, free.id}
    assert "已取消：奖品供应有变" in told[0].body
    db.session.rollback()
    card = queries.get_card("c1", OPEN)
    assert (card.words, card.when, card.claimable) == ("已结束", "", False)  # nobody is led to it any more
    with pytest.raises(errors.DrawBusy):
        draw_office.void(OPERATOR, "c1", "再取消一次", OPEN)
    with pytest.raises(errors.DrawNotOpen):
        draw.enter_free(c.member("13900000003"), "c1", OPEN)
    check_money(bank)


def drawn(people: int = 5) -> list[Actor]:
    published()
    who = [c.member(f"138{n:08d}") for n in range(people)]
    for one in who:
        draw.enter_free(one, "c1", OPEN)
    draw_office.close_due(Bank(), CLOSES)
    with pytest.raises(errors.DrawBusy, match="还没有到"):
        draw_office.reveal(OPERATOR, "c1", "01 02 03", CLOSES)
    assert draw_office.reveal(OPERATOR, "c1", " 03 09  12 ", DRAWS) == min(2, people)
    return who


def test_prizes_are_real_coupons_after_the_window() -> None:
    who = drawn()
    c.change(state="ended")  # what was won is owed, whatever becomes of the campaign
    assert draw_prizes.hand_out(DRAWS) == 2
    assert draw_prizes.hand_out(DRAWS) == 0
    assert draw_prizes.tell_results(DRAWS) == 3
    rows = db.session.query(DrawEntry).filter(DrawEntry.rank.is_not(None)).order_by(DrawEntry.rank).all()
    assert [row.rank for row in rows] == [1, 2]
    won = [(row.coupon_id, row.member_id) for row in rows]
    for coupon_id, member_id in won:
        row = c.coupon(coupon_id or 0)
        assert (row.member_id, row.way, row.state) == (member_id, "夺券", "issued")
        assert c.events(row.id) == ["claimed"]
    assert c.counts() == (2, 2)
    assert db.session.query(InboxMessage).filter_by(purpose="draw_result").count() == len(who)
    db.session.rollback()
    with pytest.raises(errors.DrawBusy):
        draw_office.reveal(OPERATOR, "c1", "99", DRAWS)


def test_a_winner_whose_account_was_joined_or_forgotten() -> None:
    who = drawn(2)
    heir = c.member("13900000009")
    merge_members(who[0].id or 0, heir.id or 0, OPERATOR, "同一个人", DRAWS)
    with transaction():
        from app.members.models import Member

        db.session.get_one(Member, who[1].id).erased_at = DRAWS
    assert draw_prizes.hand_out(DRAWS) == 1
    assert draw_prizes.hand_out(DRAWS) == 0
    assert [row.member_id for row in db.session.query(Coupon)] == [heir.id]


def test_whatever_is_changed_afterwards_is_found() -> None:
    drawn()
    draw_id, page = draws.get_draw_id("c1"), draws.get_draw_page("c1")
    given = {"root": page.root, "seed": page.seed, "beacon": page.beacon, "winners": draws.list_winning(draw_id)}
    assert verify(page.promise, draws.list_entries(draw_id), **given) == []  # pyright: ignore[reportArgumentType]
    with transaction():
        db.session.query(DrawEntry).filter_by(seq=3).update({"ticket": "ZZZZZZZZZZZZ"})
    found = verify(page.promise, draws.list_entries(draw_id), **given)  # pyright: ignore[reportArgumentType]
    assert "参与名单或活动承诺被改动过" in found


def test_another_program_comes_to_the_same(app: Flask) -> None:
    """The program printed in docs/draws.md, run on what the page publishes."""
    drawn(7)
    text = (Path(__file__).parents[2] / "docs" / "draws.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    exec(program, names)
    record = app.test_client().get("/coupons/c1/draw/record").get_json()
    recompute = names["recompute"]
    assert callable(recompute)
    assert recompute(record) == record["winners"]
    record["entries"][0][1] = "AAAAAAAAAAAA"
    with pytest.raises(AssertionError):
        recompute(record)


# ---- the pages ----


def test_the_public_page_before_while_and_after(app: Flask) -> None:
    s.build()
    prepared()
    assert "还没有公示" in Shopper(app).page("/coupons/c1/draw")
    Shopper(app).page("/coupons/c1/draw/record", 404)
    c.campaign("tap")
    Shopper(app).page("/coupons/tap/draw", 404)
    assert "夺券" not in Shopper(app).page("/coupons")
    draw_office.publish(OPERATOR, "c1", NOW, enabled=True)
    with time_machine.travel(NOW, tick=False):
        assert "11月22日12:10 开始参与" in Shopper(app).page("/coupons/c1/draw")
    shopper = Shopper(app)
    assert 'href="/coupons/c1/draw"' in shopper.page("/coupons")
    page = shopper.page("/coupons/c1/draw")
    assert "免费参与" in page
    for words in ("奖品种类", "参与条件", "开奖方式", "主办方和联系方式", "双色球 2026140 期"):
        assert words in page
    seed = db.session.query(Draw.seed).scalar() or ""
    db.session.rollback()
    record = app.test_client().get("/coupons/c1/draw/record")
    assert seed not in page + record.text
    assert "Set-Cookie" not in record.headers
    ticket = draw.enter_free(c.member(), "c1", OPEN)
    assert "已有 1 人参与" in shopper.page("/coupons/c1/draw")  # at once, without publishing
    draw_office.close_due(Bank(), CLOSES)
    with time_machine.travel(DRAWS, tick=False):
        draw_office.reveal(OPERATOR, "c1", "03 09 12", DRAWS)
        page = shopper.page("/coupons/c1/draw")
    assert seed in page
    assert f"{ticket[:4]} {ticket[4:8]} {ticket[8:]}" in page
    assert "data-verify" in page


def test_entering_and_paying_by_page(app: Flask) -> None:
    published()
    bank = app.extensions["pay"] = Bank()
    app.extensions["wechat"] = Wechat()
    assert "登录后参与" in get(app.test_client(), "/coupons/c1/draw/entries/new")
    free, payer = sign_in(app, c.member()), sign_in(app, c.member("13900000001"))
    page = get(free, "/coupons/c1/draw/entries/new")
    assert page.index("免费参与") < page.index("付 ¥1 参与，之后退回")
    assert "机会完全相同" in page
    token = fields(page)["csrf_token"]
    where = send(free, "/coupons/c1/draw/entries", {"csrf_token": token, "kind": "free"})
    assert "名单第 1 位" in get(free, where)
    token = fields(get(payer, "/coupons/c1/draw/entries/new"))["csrf_token"]
    where = send(payer, "/coupons/c1/draw/entries", {"csrf_token": token, "kind": "paid"})
    cashier = get(payer, where)
    assert "一律原路退回" in cashier
    payer.environ_base["HTTP_USER_AGENT"] = IN_WECHAT
    send(payer, "/coupons/c1/draw/payment", {"csrf_token": token, "method": "jsapi"})
    assert "微信支付 ¥1" in get(payer, "/coupons/c1/draw/payment")
    for method in ("native", "h5"):
        send(payer, "/coupons/c1/draw/payment", {"csrf_token": token, "method": method})
        get(payer, f"/coupons/c1/draw/payment?method={method}")
    assert payer.get("/coupons/c1/draw/payment/status").status_code == 200
    number = payments.list_payments()[0][0].out_trade_no
    arrives(bank, number)
    assert send(payer, "/coupons/c1/draw/payment/checks", {"csrf_token": token}) == "/coupons/c1/draw/entries/new"
    assert "参与结束后原路退回，无需申请" in get(payer, "/coupons/c1/draw/entries/new")
    assert payer.get("/coupons/c1/draw/payment").status_code == 303
    late = sign_in(app, c.member("13900000002"))
    token = fields(get(late, "/coupons/c1/draw/entries/new"))["csrf_token"]
    with time_machine.travel(CLOSES, tick=False):
        assert "现在不能参与" in get(late, "/coupons/c1/draw/entries/new")
        assert "现在不能参与" in send(late, "/coupons/c1/draw/entries", {"csrf_token": token, "kind": "free"}, 422)
        send(late, "/coupons/c1/draw/payment", {"csrf_token": token}, 422)


def test_headquarters_from_plan_to_result(app: Flask) -> None:
    c.campaign(way="夺券", total=2, valid_until=DRAWS + timedelta(days=30))
    office = admin_client(app)
    page = get(office, "/admin/coupons/draws")
    assert "夺券默认关闭" in page
    page = get(office, "/admin/coupons/draws/c1")
    form = {
        **fields(page),
        "winners": "2",
        "beacon_source": "双色球 2026140 期",
        "organiser": "展厅（样例）",
        "draws_at": "",
    }
    assert "请填写开奖日期" in send(office, "/admin/coupons/draws/c1", form, 422)
    wall = (DRAWS + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
    send(office, "/admin/coupons/draws/c1", {**form, "draws_at": wall})
    assert "没有开启" in get(office, "/admin/coupons/draws/c1")
    token = {"csrf_token": form["csrf_token"]}
    assert "DRAWS_ENABLED" in send(office, "/admin/coupons/draws/c1/publication", token, 422)
    app.config["SETTINGS"] = app.config["SETTINGS"].model_copy(update={"draws_enabled": True})
    send(office, "/admin/coupons/draws/c1/publication", token)
    assert state() == "open"
    draw.enter_free(c.member(), "c1", OPEN + draw_office.LEAD)
    draw_office.close_due(Bank(), CLOSES)
    with time_machine.travel(DRAWS, tick=False):
        office = admin_client(app, "second")
        token = {"csrf_token": fields(get(office, "/admin/coupons/draws/c1"))["csrf_token"]}
        result = "/admin/coupons/draws/c1/result"
        assert "两次填写" in send(office, result, {**token, "beacon": "1 2", "again": "1 3"}, 422)
        send(office, result, {**token, "beacon": "1  2", "again": "1 2"})
        assert "已开奖" in get(office, "/admin/coupons/draws")
        draw_prizes.hand_out(DRAWS)
        assert "1 / 2" in get(office, "/admin/coupons/draws/c1")
        assert "状态已经变化" in send(
            office, "/admin/coupons/draws/c1/cancellation", {**token, "reason": "不想发了"}, 422
        )
    assert db.session.scalar(select(Draw.beacon)) == "1 2"
