"""Booking and payment in any order: money in equals money out plus money held, no unit is sold twice or lost."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.booking.models import Booking
from app.booking.rules import KEEPS_UNIT
from app.booking.services import pay, release
from app.core import outbox
from app.core.db import db
from app.core.errors import DomainError, GatewayError
from app.core.security import Actor, living_code
from app.factory import create_app
from app.gateways.pay.port import RefundStatus, TradeState
from app.payments.models import Payment, Refund
from app.payments.services import follow_up, refunds, settlement
from app.redemption import services
from app.redemption.models import Redemption
from app.redemption.rules import read_scan
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

PEOPLE = st.integers(0, 2)
UNITS = 2


class Market(RuleBasedStateMachine):
    """Three people, two units, a WeChat Pay that may be down, a clock that jumps."""

    template: Path

    @initialize()
    def open_shop(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zhanting-machine-"))
        shutil.copy(self.template, self.folder / "shop.db")
        self.app = create_app(make_settings(f"sqlite:///{self.folder / 'shop.db'}", self.folder))
        self.context = self.app.app_context()
        self.context.push()
        self.bank = self.app.extensions["pay"] = Bank()
        self.shop = s.build(units=UNITS)
        self.people = [s.member(f"1390000000{n}") for n in range(3)]
        self.clerk = s.clerk(self.shop.west)
        self.now = s.NOW

    def teardown(self) -> None:
        if hasattr(self, "context"):
            db.session.remove()
            db.engine.dispose()
            self.context.pop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def newest(self, who: int) -> tuple[Actor, str] | None:
        actor = self.people[who]
        row = db.session.query(Booking).filter_by(member_id=actor.id).order_by(Booking.id.desc()).first()
        no = row.no if row else None
        db.session.rollback()
        return (actor, no) if no else None

    def attempt(self, work) -> None:
        """A refusal or a failing provider is an outcome; anything else is a fault."""
        try:
            work()
        except (DomainError, GatewayError):
            db.session.rollback()

    @rule(who=PEOPLE)
    def place(self, who: int) -> None:
        self.attempt(lambda: s.place(self.shop, self.people[who], self.now))

    @rule(who=PEOPLE)
    def tap_pay(self, who: int) -> None:
        if found := self.newest(who):
            self.attempt(lambda: pay.open_booking_payment(*found, self.bank, self.now, app_id=APP_ID, mch_id=MCH_ID))

    @rule(data=st.data(), told=st.booleans())
    def pays(self, data: st.DataObject, told: bool) -> None:
        payable = sorted(n for n, t in self.bank.trades.items() if t.state is TradeState.NOTPAY)
        if payable:
            number = data.draw(st.sampled_from(payable))
            self.bank.pay(number)
            if told:
                settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    @rule(data=st.data())
    def late_money(self, data: st.DataObject) -> None:
        closed = sorted(n for n, t in self.bank.trades.items() if t.state is TradeState.CLOSED)
        if closed:
            number = data.draw(st.sampled_from(closed))
            self.bank.pay_although_closed(number)
            settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    @rule(data=st.data())
    def late_notice(self, data: st.DataObject) -> None:
        paid = sorted(n for n, t in self.bank.trades.items() if t.state is TradeState.SUCCESS)
        if paid:
            number = data.draw(st.sampled_from(paid))
            settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    @rule(who=PEOPLE)
    def cancel(self, who: int) -> None:
        if found := self.newest(who):
            self.attempt(lambda: release.cancel_booking(*found, self.bank, self.now))

    @rule(who=PEOPLE)
    def hand_over(self, who: int) -> None:
        if found := self.newest(who):
            scan = read_scan(living_code("k", "B", found[1], self.now).token)

            def at_the_counter() -> None:
                seen = services.preview(self.clerk, scan, self.now, secret="k")
                services.redeem(self.clerk, seen.ticket, seen.nonce, self.now, secret="k", document=f"SJ-{seen.no}")

            self.attempt(at_the_counter)

    @rule()
    def undo(self) -> None:
        row = db.session.query(Redemption).order_by(Redemption.id.desc()).first()
        number = row.id if row else None
        db.session.rollback()
        if number:
            self.attempt(lambda: services.undo(self.clerk, number, "", self.now))

    @rule(minutes=st.sampled_from([1, 14, 20]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(down=st.sampled_from([set(), {"query"}, {"close"}, {"create"}, {"refund"}]))
    def weather(self, down: set[str]) -> None:
        self.bank.down = down

    @rule()
    def sweeps(self) -> None:
        follow_up.follow_up_payments(self.bank, self.now)
        release.expire_holds(self.bank, self.now)
        refunds.follow_up_refunds(self.bank, self.now)

    @rule()
    def refunds_finish(self) -> None:
        for number, state in list(self.bank.refunds.items()):
            if state.status is RefundStatus.PROCESSING:
                refunds.accept_refund_notice(self.bank.finish(number, self.now), self.now)

    @invariant()
    def no_unit_is_lost_or_sold_twice(self) -> None:
        if not hasattr(self, "context"):
            return
        kept = db.session.query(Booking).filter(Booking.state.in_(KEEPS_UNIT)).count()
        assert s.units_left(self.shop) == UNITS - kept

    @invariant()
    def money_in_is_money_out_plus_money_held(self) -> None:
        if not hasattr(self, "context"):
            return
        paid = db.session.query(Payment).filter_by(state="succeeded").all()
        back = db.session.query(Refund).filter(Refund.state != "closed").all()
        holding = db.session.query(Booking).filter(
            Booking.state.in_(["deposit_paid", "confirmed", "car_ready", "handed_over"])
        )
        money_in = sum(p.amount_fen for p in paid)
        assert money_in == sum(r.amount_fen for r in back) + sum(b.earnest_fen for b in holding)
        db.session.rollback()
        # and what we believe is what WeChat Pay has: never more
        at_the_bank = {n for n, t in self.bank.trades.items() if t.state is TradeState.SUCCESS}
        assert {p.out_trade_no for p in db.session.query(Payment).filter_by(state="succeeded")} <= at_the_bank
        db.session.rollback()

    @rule()
    def quiet_evening(self) -> None:
        """Where the weather is fine and the sweeps have run, everybody has an order or their money."""
        self.bank.down = set()
        self.now += timedelta(minutes=30)
        follow_up.follow_up_payments(self.bank, self.now)
        release.expire_holds(self.bank, self.now)
        refunds.follow_up_refunds(self.bank, self.now)
        outbox.deliver_due()
        assert db.session.query(Booking).filter_by(state="held").count() == 0
        assert db.session.query(Payment).filter(Payment.state.in_(["created", "pending"])).count() == 0
        paid = {n for n, t in self.bank.trades.items() if t.state is TradeState.SUCCESS}
        assert {p.out_trade_no for p in db.session.query(Payment).filter_by(state="succeeded")} == paid
        assert len(self.bank.refunds) == db.session.query(Refund).count()
        db.session.rollback()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_money_in_is_money_out_plus_money_held(sqlite_template: Path) -> None:
    Market.template = sqlite_template
    run_state_machine_as_test(
        Market,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
