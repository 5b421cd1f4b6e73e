"""Order, pay, cancel, expire, notices and queries in any order and number, the process killed at any line.

However it went: once the weather is fine and the sweeps have run, money that was paid stands for exactly one thing, a
booking or a refund; refunds never exceed what was paid; no state ever went back.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.booking.models import Booking
from app.booking.rules import HOLDS_MONEY
from app.booking.services import pay, release
from app.core import outbox
from app.core.db import db
from app.core.errors import DomainError, GatewayError
from app.core.security import Actor
from app.factory import create_app
from app.gateways.pay.port import Method, RefundStatus, TradeState
from app.payments.models import Payment, Refund
from app.payments.services import follow_up, refunds, settlement
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.payments.killing import run_until_line
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

LINE = st.one_of(st.none(), st.integers(1, 40), st.integers(1, 400))
METHOD = st.sampled_from(list(Method))
PAYMENT_RANK = {"created": 0, "pending": 1, "closed": 2, "succeeded": 3}
REFUND_RANK = {"requested": 0, "processing": 1, "abnormal": 2, "closed": 3, "succeeded": 3}
BOOKING_RANK = {"held": 0, "deposit_paid": 1, "refunding": 2, "refunded": 3, "cancelled": 3, "expired": 3}


class Fate(RuleBasedStateMachine):
    """Two people, one unit, three ways to pay, a WeChat Pay that may be down."""

    template: Path

    @initialize()
    def open_shop(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zhanting-fate-"))
        shutil.copy(self.template, self.folder / "shop.db")
        self.app = create_app(make_settings(f"sqlite:///{self.folder / 'shop.db'}", self.folder))
        self.context = self.app.app_context()
        self.context.push()
        self.bank = self.app.extensions["pay"] = Bank()
        self.shop = s.build(units=1)
        self.people = [s.member(f"1390000000{n}") for n in range(2)]
        self.now = s.NOW
        self.ranks: dict[tuple[str, int], int] = {}

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.fine_evening()
            db.session.remove()
            db.engine.dispose()
            self.context.pop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def act(self, line: int | None, work: Callable[[], Any]) -> None:
        """A refusal or a failing provider is an outcome, so is death; anything else is a fault."""
        try:
            if line is None:
                work()
            else:
                run_until_line(line, work)
        except (DomainError, GatewayError):
            pass
        finally:
            db.session.rollback()
            db.session.remove()

    def newest(self, who: int) -> tuple[Actor, str] | None:
        actor = self.people[who]
        row = db.session.query(Booking).filter_by(member_id=actor.id).order_by(Booking.id.desc()).first()
        no = row.no if row else None
        db.session.rollback()
        return (actor, no) if no else None

    def trades(self, *states: TradeState) -> list[str]:
        return sorted(n for n, t in self.bank.trades.items() if t.state in states)

    def tell(self, number: str) -> None:
        settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    @rule(who=st.integers(0, 1), line=LINE)
    def place(self, who: int, line: int | None) -> None:
        self.act(line, lambda: s.place(self.shop, self.people[who], self.now))

    @rule(who=st.integers(0, 1), method=METHOD, line=LINE)
    def order(self, who: int, method: Method, line: int | None) -> None:
        if found := self.newest(who):
            values: dict[str, Any] = {"app_id": APP_ID, "mch_id": MCH_ID, "method": method, "client_ip": "192.0.2.7"}
            self.act(line, lambda: pay.open_booking_payment(*found, self.bank, self.now, **values))

    @rule(data=st.data(), told=st.booleans(), line=LINE)
    def pays(self, data: st.DataObject, told: bool, line: int | None) -> None:
        if payable := self.trades(TradeState.NOTPAY):
            number = data.draw(st.sampled_from(payable))
            self.bank.pay(number)
            if told:
                self.act(line, lambda: self.tell(number))

    @rule(data=st.data(), told=st.booleans(), line=LINE)
    def money_after_closing(self, data: st.DataObject, told: bool, line: int | None) -> None:
        if closed := self.trades(TradeState.CLOSED):
            number = data.draw(st.sampled_from(closed))
            self.bank.pay_although_closed(number)
            if told:
                self.act(line, lambda: self.tell(number))

    @rule(data=st.data(), line=LINE)
    def notice_again(self, data: st.DataObject, line: int | None) -> None:
        if paid := self.trades(TradeState.SUCCESS):
            number = data.draw(st.sampled_from(paid))
            self.act(line, lambda: self.tell(number))

    @rule(who=st.integers(0, 1), line=LINE)
    def cancel(self, who: int, line: int | None) -> None:
        if found := self.newest(who):
            self.act(line, lambda: release.cancel_booking(*found, self.bank, self.now))

    @rule(who=st.integers(0, 1), line=LINE)
    def query(self, who: int, line: int | None) -> None:
        if found := self.newest(who):
            self.act(line, lambda: pay.check_payment(*found, self.bank, self.now))

    @rule(line=LINE)
    def expire(self, line: int | None) -> None:
        self.act(line, lambda: release.expire_holds(self.bank, self.now))

    @rule(line=LINE)
    def follow_up(self, line: int | None) -> None:
        self.act(line, lambda: follow_up.follow_up_payments(self.bank, self.now))

    @rule(line=LINE)
    def send_refunds(self, line: int | None) -> None:
        self.act(line, outbox.deliver_due)
        self.act(line, lambda: refunds.follow_up_refunds(self.bank, self.now))

    @rule(data=st.data(), status=st.sampled_from([RefundStatus.SUCCESS, RefundStatus.ABNORMAL]), line=LINE)
    def refund_notice(self, data: st.DataObject, status: RefundStatus, line: int | None) -> None:
        numbers = sorted(n for n, r in self.bank.refunds.items() if r.status is not RefundStatus.SUCCESS)
        if numbers:
            number = data.draw(st.sampled_from(numbers))
            notice = self.bank.finish(number, self.now)
            self.bank.refunds[number] = replace(self.bank.refunds[number], status=status)
            notice = replace(notice, refund=self.bank.refunds[number])
            self.act(line, lambda: refunds.accept_refund_notice(notice, self.now))

    @rule(minutes=st.sampled_from([1, 14, 20, 120]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(down=st.sampled_from([set(), {"query"}, {"close"}, {"create"}, {"refund", "query_refund"}]))
    def weather(self, down: set[str]) -> None:
        self.bank.down = down

    @invariant()
    def nothing_goes_back_and_nothing_is_refunded_twice(self) -> None:
        if not hasattr(self, "context"):
            return
        kinds: list[tuple[str, Any, dict[str, int]]] = [
            ("payment", Payment, PAYMENT_RANK), ("refund", Refund, REFUND_RANK), ("booking", Booking, BOOKING_RANK),
        ]  # fmt: skip
        for kind, model, rank in kinds:
            for row in db.session.query(model):
                now, before = rank[row.state], self.ranks.get((kind, row.id), 0)
                assert now >= before, f"{kind} {row.id} went back to {row.state}"
                self.ranks[kind, row.id] = now
        for payment in db.session.query(Payment):
            back = db.session.query(Refund).filter_by(payment_id=payment.id).filter(Refund.state != "closed")
            assert sum(refund.amount_fen for refund in back) <= payment.amount_fen
        db.session.rollback()

    def fine_evening(self) -> None:
        """The sweeps run as they do every few seconds, for two days, in good weather."""
        self.bank.down = set()
        for pause in (20, 20, 60, 60, 25 * 60, 60):
            self.now += timedelta(minutes=pause)
            for work in (
                lambda: follow_up.follow_up_payments(self.bank, self.now),
                lambda: release.expire_holds(self.bank, self.now),
                lambda: refunds.follow_up_refunds(self.bank, self.now),
            ):
                self.act(None, work)
            for number in self.bank.refunds:
                self.bank.finish(number, self.now)
        self.nothing_goes_back_and_nothing_is_refunded_twice()
        paid = {row.out_trade_no: row for row in db.session.query(Payment).filter_by(state="succeeded")}
        assert set(paid) == set(self.trades(TradeState.SUCCESS))
        for payment in paid.values():
            booking = db.session.get_one(Booking, payment.payable_id)
            back = db.session.query(Refund).filter_by(payment_id=payment.id).all()
            refunded = sum(refund.amount_fen for refund in back) == payment.amount_fen
            assert refunded != (booking.state in HOLDS_MONEY and not back), (booking.state, len(back))
            assert {refund.state for refund in back} <= {"succeeded"}
        held = {row.payable_id for row in paid.values()}
        assert not [b for b in db.session.query(Booking) if b.state in HOLDS_MONEY and b.id not in held]
        db.session.rollback()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_paid_money_is_a_booking_or_a_refund(sqlite_template: Path) -> None:
    Fate.template = sqlite_template
    run_state_machine_as_test(
        Fate,
        settings=settings(
            max_examples=30, stateful_step_count=22, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
