"""The whole booking in any order: units, money and states add up after every single step.

Four people, two units, two stores with a clerk and a manager each, headquarters, a WeChat Pay that may be down, a
worker that may be dead, a clock that jumps. What a rule refuses is an outcome; only the invariants judge.
"""

import itertools
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select, text, update

from app.booking.models import Booking, BookingCase, DealDealer, OnePriceDeal, QueuePlace
from app.booking.queries.sellable import sellable
from app.booking.rules import HOLDS_MONEY, KEEPS_UNIT, TRANSITIONS, BookingAction, DealPhase, phase_of
from app.booking.rules.altering import ChangeKind, Wanted
from app.booking.services import (
    alter,
    balance,
    cases,
    deadlines,
    extension,
    pause,
    pay,
    progress,
    queue,
    release,
    settling,
    store_return,
    units,
)
from app.booking.services.settling import Verdict
from app.catalog.models import Colour, Trim
from app.core import outbox
from app.core.db import db, transaction
from app.core.errors import DomainError, GatewayError
from app.core.security import Actor, living_code
from app.factory import create_app
from app.gateways.pay.port import RefundStatus, TradeState
from app.members.models import MemberMerge
from app.members.services import merge_members, undo_merge
from app.payments.models import Payment, Refund
from app.payments.services import follow_up, refunds, settlement
from app.reconciliation.queries import balance as books
from app.redemption import services
from app.redemption.models import Redemption
from app.redemption.rules import read_scan
from tests.booking import shop as s
from tests.conftest import make_settings
from tests.payments.wechat_pay import APP_ID, MCH_ID, Bank

# The suite walks the same bounded way each time; MACHINE_EXAMPLES=400 is a long walk, another one every night, that has
# to take every step of the table.
LONG = int(os.environ.get("MACHINE_EXAMPLES", "0"))
EXAMPLES, STEPS_EACH = LONG or 12, 40 if LONG else 20
VISITED: Counter[tuple[str, str]] = Counter()  # steps of the table that were taken, over all examples
PEOPLE, DATA, UNITS = st.integers(0, 3), st.data(), 2
HQ = Actor("operator", 1)
KEPT = str(tuple(str(state) for state in sorted(KEEPS_UNIT)))
HELD = str(tuple(str(state) for state in sorted(HOLDS_MONEY)))
_SPOT = {"app_id": APP_ID, "mch_id": MCH_ID}
_vins = itertools.count(1)
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items()}
UNDONE = {("handed_over", state) for state in ("deposit_paid", "confirmed", "car_ready")}
# No state goes back, but for a hand-over that is undone and for another dealer, who has to confirm anew.
RANK = {
    "held": 0, "expired": 1, "deposit_paid": 2, "confirmed": 3, "car_ready": 4, "handed_over": 5, "cancelled": 5,
    "refunding": 5, "forfeited": 5, "refunded": 6,
}  # fmt: skip
BACK = {(b, a) for (b, action), a in TRANSITIONS.items() if action == BookingAction.REASSIGN} | UNDONE


Deed = Callable[..., None]
HAPPENINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {}  # what can happen, with what it is drawn from
OFTEN: list[str] = []  # the same by weight


def happens(weight: int, **drawn: st.SearchStrategy[Any]) -> Callable[[Deed], Deed]:
    """One of the things that happen at a step. Not rules of their own: of those every example leaves out half."""

    def note(deed: Deed) -> Deed:
        HAPPENINGS[deed.__name__] = drawn
        OFTEN.extend([deed.__name__] * weight)
        return deed

    return note


def stage(kind: str, by_dealer: bool) -> None:
    """A shop with its people, made once and copied for every example."""
    shop = s.build(units=UNITS, kind=kind, queue_when_sold_out=True, stock_by_dealer=by_dealer)
    with transaction():
        series = db.session.query(Trim).one().series_id
        for name, fen in (("雪山白", 0), ("朱砂红", 300_000)):
            db.session.add(Colour(series_id=series, name=name, hex="#AA3322", side="外观", surcharge_fen=fen))
        if by_dealer:
            for dealer_id, units in ((shop.west, 1), (shop.east, 1), (shop.closed, 0)):
                own = db.session.query(DealDealer).filter_by(dealer_id=dealer_id)
                own.update({"units_total": units, "units_left": units})
    for n in range(4):
        s.member(f"1390000000{n}", f"样例{n}")
    for dealer_id in (shop.west, shop.east):
        s.clerk(dealer_id)
        s.clerk(dealer_id, "manager")


class Market(RuleBasedStateMachine):
    """See the module."""

    app: Flask
    stages: dict[tuple[str, bool], Path]
    database: Path

    @initialize(
        kind=st.sampled_from(["订金", "定金"]),
        by_dealer=st.booleans(),
        come_far=st.tuples(st.sampled_from([4, 3, 2, 5, 1, 0]), st.sampled_from([3, 4, 2, 1, 0])),
        waits=st.booleans(),
        days=st.sampled_from([60, 60, 5]),
    )
    def open_shop(self, kind: str, by_dealer: bool, come_far: tuple[int, int], waits: bool, days: int) -> None:
        """Two people have come some way already, somebody may wait: the far end of the road is where it is narrow."""
        load(self.database, self.stages[kind, by_dealer])
        self.bank = self.app.extensions["pay"] = Bank()
        with transaction():
            deal = db.session.query(OnePriceDeal).one()
            deal.ends_at = s.NOW + timedelta(days=days)
        dealers = {d.slug: d.id for d in db.session.query(s.Dealer)}
        self.deal_id, self.terms = deal.id, s.terms_of(deal).version
        self.shop = s.Shop(deal.slug, deal.id, dealers["west"], dealers["east"], dealers["shut"], self.terms)
        self.people = [Actor("member", m.id) for m in db.session.query(s.Member).filter(s.Member.phone.is_not(None))]
        staff = list(db.session.query(s.StaffMember).order_by(s.StaffMember.id))
        self.clerks = {p.dealer_id: Actor("staff", p.id, p.role, p.dealer_id) for p in staff if p.role == "clerk"}
        self.leads = {p.dealer_id: Actor("staff", p.id, p.role, p.dealer_id) for p in staff if p.role == "manager"}
        self.now, self.read, self.known = s.NOW, 0, dict[int, str]()
        db.session.rollback()
        for who, steps in enumerate(come_far):
            for _ in range(steps):
                self.next_step(who)
        if waits:
            self.stand_in_the_queue(2, leaves=False)

    @rule(data=DATA)
    def something_happens(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(OFTEN), "what")
        getattr(self, name)(**{key: data.draw(drawn, key) for key, drawn in HAPPENINGS[name].items()})

    # ---- what the steps are made of

    def newest(self, who: int) -> tuple[Actor, str, str, int] | None:
        """(person, number, state, dealer) of the latest booking."""
        actor = self.people[who]
        latest = text("SELECT no, state, dealer_id FROM bookings WHERE member_id = :member ORDER BY id DESC LIMIT 1")
        row = db.session.execute(latest, {"member": actor.id}).first()
        db.session.rollback()
        return (actor, row.no, row.state, row.dealer_id) if row else None

    def attempt(self, work: Callable[[], Any]) -> None:
        """A refusal or a failing provider is an outcome; anything else is a fault."""
        try:
            work()
        except (DomainError, GatewayError):
            db.session.rollback()

    def with_booking(self, who: int, work: Callable[[Actor, str, Actor, Actor], Any]) -> None:
        """Something done to the latest booking of this person, with the clerk and the manager of its store."""
        if found := self.newest(who):
            actor, no, _, dealer_id = found
            self.attempt(lambda: work(actor, no, self.clerks[dealer_id], self.leads[dealer_id]))

    def trades(self, state: TradeState) -> list[str]:
        return sorted(number for number, trade in self.bank.trades.items() if trade.state is state)

    def take_to_the_bank(self, *, told: bool) -> None:
        for number in self.trades(TradeState.NOTPAY):
            self.bank.pay(number)
            if told:
                settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    # ---- the customer

    def place(self, who: int, east: bool, red: bool) -> None:
        chosen = {"colour": "朱砂红", "seen_surcharge_fen": 300_000} if red else {}
        dealer = self.shop.east if east else self.shop.west
        phone = f"1390000000{who}"
        self.attempt(lambda: s.place(self.shop, self.people[who], self.now, dealer_id=dealer, phone=phone, **chosen))

    def extend(self, who: int) -> None:
        self.with_booking(who, lambda actor, no, *_: extension.extend_hold(actor, no, self.now))

    def tap_pay(self, who: int) -> None:
        self.with_booking(who, lambda actor, no, *_: pay.open_booking_payment(actor, no, self.bank, self.now, **_SPOT))

    def tap_balance(self, who: int) -> None:
        self.with_booking(
            who, lambda actor, no, *_: balance.open_balance_payment(actor, no, self.bank, self.now, **_SPOT)
        )

    @happens(3, data=DATA, event=st.sampled_from(["paid", "paid unseen", "paid late", "told late"]))
    def money_comes(self, data: st.DataObject, event: str) -> None:
        """Somebody pays an order, though it may be closed; the notice comes, comes again, or does not come."""
        states = {"paid late": TradeState.CLOSED, "told late": TradeState.SUCCESS}
        if orders := self.trades(states.get(event, TradeState.NOTPAY)):
            number = data.draw(st.sampled_from(orders))
            if event == "paid late":
                self.bank.pay_although_closed(number)
            elif event != "told late":
                self.bank.pay(number)
            if event != "paid unseen":
                settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    def cancel(self, who: int) -> None:
        self.with_booking(who, lambda actor, no, *_: release.cancel_booking(actor, no, self.bank, self.now))

    def talk_about_time(self, who: int, hours: int, ask: bool) -> None:
        at = self.now + timedelta(hours=hours)

        def talk(actor: Actor, no: str, clerk: Actor, _: Actor) -> None:
            (progress.ask_time if ask else progress.propose_time)(actor if ask else clerk, no, at, self.now)
            progress.agree_time(clerk if ask else actor, no, self.now)

        self.with_booking(who, talk)

    def change(self, who: int, kind: str, stale: int) -> None:
        if kind == "dealer":
            found = self.newest(who)
            elsewhere = self.shop.east if found and found[3] == self.shop.west else self.shop.west
            wanted = Wanted(ChangeKind.DEALER, dealer_id=elsewhere, share=True)
        elif kind == "owner":
            wanted = Wanted(ChangeKind.OWNER, owner=f"车主{stale}")
        else:
            wanted = Wanted(ChangeKind.COLOUR, colour=kind)

        def read_and_confirm(actor: Actor, no: str, *_: Actor) -> None:
            seen = alter.quote(actor, no, wanted, self.now).token
            alter.apply(actor, no, wanted, seen if stale else "another", self.now)

        self.with_booking(who, read_and_confirm)

    def dispute(self, who: int) -> None:
        self.with_booking(who, lambda actor, no, *_: cases.dispute(actor, no, "请总部核实款项", self.now))

    def stand_in_the_queue(self, who: int, leaves: bool) -> None:
        act = queue.leave if leaves else queue.join
        self.attempt(lambda: act(self.people[who], self.shop.deal, self.now))

    # ---- the store

    def confirm(self, who: int) -> None:
        self.with_booking(who, lambda _a, no, clerk, _l: progress.confirm(clerk, no, self.now))

    def prepare(self, who: int) -> None:
        def work(_: Actor, no: str, clerk: Actor, lead: Actor) -> None:
            progress.assign_car(lead, no, f"WVWZZZ1KZAW{next(_vins):06d}", self.now)
            progress.mark_ready(clerk, no, self.now)

        self.with_booking(who, work)

    def no_show(self, who: int) -> None:
        self.with_booking(who, lambda _a, no, _c, lead: progress.mark_no_show(lead, no, "约定时间没有来", self.now))

    def balance_in_store(self, who: int, takes_back: bool) -> None:
        def work(_: Actor, no: str, clerk: Actor, lead: Actor) -> None:
            if takes_back:
                balance.correct(lead, no, "", "登记到了别人的单子上", self.now)
            else:
                balance.record_in_store(clerk, no, f"SJ-{no}", self.now)

        self.with_booking(who, work)

    def store_gives_back(self, who: int) -> None:
        self.with_booking(who, lambda _a, no, _c, lead: store_return.record_return(lead, no, f"TK-{no}", self.now))

    def hand_over(self, who: int) -> None:
        def work(_: Actor, no: str, clerk: Actor, _lead: Actor) -> None:
            scan = read_scan(living_code("k", "B", no, self.now).token)
            seen = services.preview(clerk, scan, self.now, secret="k")
            services.redeem(clerk, seen.ticket, seen.nonce, self.now, secret="k", document=f"SJ-{no}")

        self.with_booking(who, work)

    def undo(self, _who: int) -> None:
        row = db.session.query(Redemption).order_by(Redemption.id.desc()).first()
        found = (row.id, row.dealer_id) if row else None
        db.session.rollback()
        if found:
            self.attempt(lambda: services.undo(self.leads[found[1]], found[0], "点错了一笔", self.now))

    def next_step(self, who: int) -> None:
        """What most people do next, so that the far end of the road is reached often."""
        found = self.newest(who)
        match found[2] if found else "":
            case "held":
                self.tap_pay(who)
                self.take_to_the_bank(told=True)
            case "deposit_paid":
                self.confirm(who)
            case "confirmed":
                self.prepare(who)
            case "car_ready":
                self.hand_over(who)
            case _:
                self.place(who, east=bool(who % 2), red=False)

    def pay_balance(self, who: int) -> None:
        self.tap_balance(who)
        self.take_to_the_bank(told=True)

    def go_elsewhere(self, who: int) -> None:
        self.change(who, "dealer", 1)

    def stay_away(self, who: int) -> None:
        """A time is agreed and nobody comes: the store says so, and after a week the worker."""
        self.talk_about_time(who, 2, ask=False)
        self.now += timedelta(hours=4)
        self.no_show(who)

    def pay_too_late(self, who: int) -> None:
        """The hold ends, its order is closed, and then the money comes all the same."""
        self.tap_pay(who)
        self.now += timedelta(minutes=31)
        self.worker_lives()
        for number in self.trades(TradeState.CLOSED)[-1:]:
            self.bank.pay_although_closed(number)
            settlement.accept_notice(self.bank.notice(number, self.now), self.now)

    def forget(self, _who: int) -> None:
        """Nobody does anything until every promise is over."""
        self.now += timedelta(days=8)
        self.worker_lives()

    def narrow_ways(self) -> dict[str, list[Callable[[int], None]]]:
        """By state: what happens to few bookings and takes more than one step, each a row of the table."""
        return {
            "held": [self.pay_too_late, self.forget],
            "deposit_paid": [self.hand_over, self.cancel, self.go_elsewhere, self.forget],
            "confirmed": [self.stay_away, self.go_elsewhere, self.hand_over, self.cancel, self.forget],
            "car_ready": [self.stay_away, self.hand_over, self.cancel, self.dispute],
            "handed_over": [self.undo],
        }

    def deeds(self) -> dict[str, Callable[[int], None]]:
        """Everything one person and the store of the booking can do."""
        one = "held deposit_paid confirmed car_ready handed_over over"
        table: list[tuple[str, str, Callable[[int], None]]] = [
            ("place", "over", lambda w: self.place(w, east=False, red=False)),
            ("place red in the east", "over", lambda w: self.place(w, east=True, red=True)),
            ("join", "over held", lambda w: self.stand_in_the_queue(w, leaves=False)),
            ("leave", "over", lambda w: self.stand_in_the_queue(w, leaves=True)),
            ("extend", "held", self.extend),
            ("tap pay", "held", self.tap_pay),
            ("tap balance", "deposit_paid confirmed car_ready", self.tap_balance),
            ("pay balance", "deposit_paid confirmed car_ready", self.pay_balance),
            ("cancel", "held deposit_paid confirmed car_ready", self.cancel),
            ("dispute", "deposit_paid confirmed car_ready handed_over over", self.dispute),
            ("ask a time", "deposit_paid confirmed car_ready", lambda w: self.talk_about_time(w, 60, ask=True)),
            ("offer a time", "confirmed car_ready", lambda w: self.talk_about_time(w, 2, ask=False)),
            ("white", "deposit_paid confirmed", lambda w: self.change(w, "雪山白", 1)),
            ("red", "deposit_paid confirmed", lambda w: self.change(w, "朱砂红", 1)),
            ("another price", "deposit_paid confirmed", lambda w: self.change(w, "朱砂红", 0)),
            ("another store", "deposit_paid confirmed", self.go_elsewhere),
            ("owner", "deposit_paid confirmed car_ready", lambda w: self.change(w, "owner", 2)),
            ("confirm", "deposit_paid", self.confirm),
            ("prepare", "confirmed", self.prepare),
            ("no show", "confirmed car_ready", self.no_show),
            ("balance in store", "confirmed car_ready", lambda w: self.balance_in_store(w, takes_back=False)),
            ("balance taken back", "car_ready", lambda w: self.balance_in_store(w, takes_back=True)),
            ("store gives back", "over", self.store_gives_back),
            ("hand over", "deposit_paid confirmed car_ready", self.hand_over),
            ("undo", "handed_over", self.undo),
            ("next", one, self.next_step),
            ("next, too", one, self.next_step),
        ]
        return {f"{name}: {where}": deed for name, where, deed in table}

    def fit(self, who: int, data: st.DataObject) -> None:
        found = self.newest(who)
        state = found[2] if found else "over"
        state = state if state in ("held", "deposit_paid", "confirmed", "car_ready", "handed_over") else "over"
        deeds = self.deeds()
        fitting = [name for name in deeds if state in name.partition(": ")[2].split()]
        deeds[data.draw(st.sampled_from(fitting))](who)

    @happens(10, who=PEOPLE, data=DATA)
    def something_that_fits(self, who: int, data: st.DataObject) -> None:
        self.fit(who, data)

    @happens(2, who=PEOPLE, data=DATA)
    def something_that_need_not_fit(self, who: int, data: st.DataObject) -> None:
        deeds = self.deeds()
        deeds[data.draw(st.sampled_from(sorted(deeds)))](who)

    @happens(7, data=DATA, decided=st.booleans())
    def a_narrow_way(self, data: st.DataObject, decided: bool) -> None:
        """Somebody goes one, where there is one; what headquarters is asked about it may be decided at once."""
        table = self.narrow_ways()
        ways = [(who, way) for who in range(4) if (found := self.newest(who)) for way in table.get(found[2], [])]
        who, way = data.draw(st.sampled_from(ways or [(0, self.next_step)]))
        way(who)
        if decided:
            self.settle("the balance", ends=True, document="PZ-1", newest=True)

    # ---- headquarters

    @happens(
        2,
        amount=st.sampled_from(["nothing", "a little", "the balance", "nearly all", "all"]),
        ends=st.booleans(),
        document=st.sampled_from(["", "PZ-1"]),
        newest=st.booleans(),
    )
    def settle(self, amount: str, ends: bool, document: str, newest: bool) -> None:
        order = BookingCase.id.desc() if newest else BookingCase.id
        row = db.session.query(BookingCase).filter_by(state="open").order_by(order).first()
        found = (row.id, row.kind, row.booking_id) if row else None
        if found:
            case_id, kind, booking_id = found
            booking = db.session.get_one(Booking, booking_id)
            purse = settling.purse_of(booking)
            whole = {"double_return": purse.agreed_earnest_fen, "store_return": purse.store_fen}.get(
                kind, purse.online_fen
            )
            fen = {"nothing": 0, "a little": 1, "the balance": purse.balance_fen, "nearly all": whole - 1}
            verdict = Verdict(fen.get(amount, whole), "按规则核实处理", document, ends)
            db.session.rollback()
            self.attempt(lambda: settling.settle(HQ, case_id, verdict, self.now))

    @happens(1)
    def refuse(self) -> None:
        case_id = db.session.scalar(select(func.max(BookingCase.id)).where(BookingCase.state == "open"))
        db.session.rollback()
        if case_id:
            self.attempt(lambda: settling.refuse(HQ, case_id, "核实后不予支持", self.now))

    @happens(1, resumes=st.sampled_from([True, True, True, False]))
    def pause(self, resumes: bool) -> None:
        if resumes:
            pause.resume_deal(HQ, self.shop.deal, self.now)
        else:
            pause.pause_deal(HQ, self.shop.deal, "样例暂停原因", self.now)

    @happens(1, word=st.sampled_from(["营业", "营业", "暂停"]), east=st.booleans())
    def store_opens_or_closes(self, word: str, east: bool) -> None:
        with transaction():
            number = self.shop.east if east else self.shop.west
            db.session.execute(update(s.Dealer).where(s.Dealer.id == number).values(status=word))

    @happens(1, east=st.booleans())
    def units_move(self, east: bool) -> None:
        """What one store has left goes to the other."""
        one, other = (self.shop.west, self.shop.east) if east else (self.shop.east, self.shop.west)
        left = db.session.scalar(select(DealDealer.units_left).where(DealDealer.dealer_id == one)) or 0
        db.session.rollback()
        self.attempt(lambda: units.move_units(HQ, self.shop.deal, one, other, left, left, "另一家店先卖", self.now))

    @happens(1, undo=st.booleans())
    def accounts_are_joined(self, undo: bool) -> None:
        """The last two people turn out to be one, or not after all."""
        last, before = self.people[3].id or 0, self.people[2].id or 0
        if not undo:
            self.attempt(lambda: merge_members(last, before, HQ, "同一个人", self.now))
            return
        merge = db.session.scalar(select(MemberMerge.id).where(MemberMerge.undone_at.is_(None)))
        db.session.rollback()
        if merge:
            self.attempt(lambda: undo_merge(merge, HQ, "不是同一个人", self.now))

    # ---- time, weather, the worker

    @happens(3, hours=st.sampled_from([0.02, 0.25, 0.4, 3, 25, 24 * 8]))
    def time_passes(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @happens(1, down=st.sampled_from([set(), {"query"}, {"close"}, {"create"}, {"refund"}]))
    def weather(self, down: set[str]) -> None:
        self.bank.down = down

    @happens(1)
    def worker_lives(self) -> None:
        """One round of the worker; where this rule is not drawn, it is dead."""
        follow_up.follow_up_payments(self.bank, self.now)
        release.expire_holds(self.bank, self.now)
        queue.lapse_due(self.now)
        deadlines.enforce(self.bank, self.now)
        refunds.follow_up_refunds(self.bank, self.now)

    @happens(2, abnormal=st.booleans())
    def refunds_move(self, abnormal: bool) -> None:
        for number, state in list(self.bank.refunds.items()):
            if state.status is RefundStatus.PROCESSING and abnormal:
                abnormal = False  # one of them is refused by the bank; it still ends well
                self.bank.refunds[number] = replace(state, status=RefundStatus.ABNORMAL)
                refunds.record_refund(self.bank.refunds[number], self.now)
            elif state.status is not RefundStatus.SUCCESS:
                refunds.accept_refund_notice(self.bank.finish(number, self.now), self.now)

    @happens(3)
    def quiet_evening(self) -> None:
        """Fine weather, and the worker has run: everybody has a booking, an offer, a place or their money."""
        self.bank.down = set()
        self.now += timedelta(minutes=30)
        for _ in range(2):
            self.worker_lives()
            outbox.deliver_due()
            self.refunds_move(abnormal=False)
        assert db.session.query(Booking).filter_by(state="held").count() == 0
        assert db.session.query(Payment).filter(Payment.state.in_(["created", "pending"])).count() == self.in_time()
        paid = set(self.trades(TradeState.SUCCESS))
        assert {p.out_trade_no for p in db.session.query(Payment).filter_by(state="succeeded")} == paid
        assert {r.state for r in db.session.query(Refund)} <= {"succeeded"}
        assert len(self.bank.refunds) == db.session.query(Refund).count()
        came, went, held = books()
        assert came == went + held
        self.everybody_has_what_is_theirs()
        db.session.rollback()

    def in_time(self) -> int:
        """Orders for a balance that can still be paid."""
        living = Payment.expires_at > self.now, Payment.state.in_(["created", "pending"])
        return db.session.query(Payment).filter(*living, Payment.payable_kind == "balance").count()

    def everybody_has_what_is_theirs(self) -> None:
        for actor in self.people:
            ours = db.session.query(Payment).filter_by(member_id=actor.id, state="succeeded").all()
            back = db.session.query(Refund).filter(Refund.payment_id.in_([p.id for p in ours])).all()
            held = db.session.query(Booking).filter(Booking.member_id == actor.id, Booking.state.in_(HOLDS_MONEY)).all()
            kept = sum(b.earnest_fen + (b.balance_fen if b.balance_channel == "online" else 0) for b in held)
            decided = db.session.query(func.coalesce(func.sum(BookingCase.amount_fen), 0)).filter(
                BookingCase.booking_id.in_([b.id for b in held]), BookingCase.kind.in_(["dispute", "forfeit"])
            )
            assert sum(p.amount_fen for p in ours) - sum(r.amount_fen for r in back) == kept - decided.scalar()
            for booking in db.session.query(Booking).filter_by(member_id=actor.id, state="refunding"):
                assert cases.owes_in_store(booking.id), "refunding, and nobody owes anything"
        deal = db.session.query(OnePriceDeal).one()
        if phase_of(deal, self.now) in (DealPhase.RUNNING, DealPhase.SOLD_OUT):
            free = db.session.scalar(select(sellable(OnePriceDeal)))
            assert free == 0 or deal.waiting == 0, "a unit is free and somebody waits"
            over = QueuePlace.state == "offered", QueuePlace.offer_until <= self.now
            assert db.session.query(QueuePlace).filter(*over).count() == 0

    # ---- what holds after every step

    @invariant()
    def no_unit_is_lost_or_sold_twice(self) -> None:
        if not hasattr(self, "bank"):
            return
        left, waiting, by_dealer = self.row("SELECT units_left, waiting, stock_by_dealer FROM one_price_deals")
        kept, offered, waits = self.row(
            f"SELECT (SELECT count(*) FROM bookings WHERE state IN {KEPT}),"
            " (SELECT count(*) FROM queue_places WHERE state = 'offered'),"
            " (SELECT count(*) FROM queue_places WHERE state = 'waiting')"
        )
        assert left + kept + offered == UNITS
        assert waiting == waits
        if by_dealer:
            assert not self.row(
                "SELECT count(*) FROM deal_dealers d WHERE units_left"
                f" + (SELECT count(*) FROM bookings b WHERE b.dealer_id = d.dealer_id AND b.state IN {KEPT})"
                " + (SELECT count(*) FROM queue_places q WHERE q.dealer_id = d.dealer_id AND q.state = 'offered')"
                " != units_total"
            )[0]

    @invariant()
    def money_in_is_money_out_plus_money_held(self) -> None:
        if not hasattr(self, "bank"):
            return
        came, went, held, decided = self.row(
            "SELECT (SELECT coalesce(sum(amount_fen), 0) FROM payments WHERE state = 'succeeded'),"
            " (SELECT coalesce(sum(amount_fen), 0) FROM refunds WHERE state != 'closed'),"
            " (SELECT coalesce(sum(CASE balance_channel WHEN 'online' THEN price_fen + surcharge_fen"
            f" ELSE earnest_fen END), 0) FROM bookings WHERE state IN {HELD}),"
            " (SELECT coalesce(sum(amount_fen), 0) FROM booking_cases WHERE kind IN ('dispute', 'forfeit')"
            f" AND booking_id IN (SELECT id FROM bookings WHERE state IN {HELD}))"
        )
        assert came == went + held - decided

    @invariant()
    def every_state_came_by_the_table(self) -> None:
        """The trail of every booking is a path of the table: from held, without a gap, to where it stands."""
        if not hasattr(self, "bank"):
            return
        trail = text(
            "SELECT id, subject_id, detail FROM audit_entries WHERE id > :read AND subject_kind = 'booking' ORDER BY id"
        )
        for entry_id, booking_id, detail in db.session.execute(trail, {"read": self.read}).all():
            facts = json.loads(detail)
            before, after = facts.get("before"), facts.get("after")
            if before in RANK and after in RANK:
                assert (before, after) in STEPS | UNDONE
                assert (before, after) in BACK or RANK[after] > RANK[before]
                assert before == self.known.get(booking_id, "held")
                self.known[booking_id] = after
                VISITED[before, after] += 1
            self.read = entry_id
        rows = db.session.execute(text("SELECT id, state, slot, price_fen + surcharge_fen - earnest_fen FROM bookings"))
        for booking_id, state, slot, balance_fen in rows.all():
            assert state == self.known.get(booking_id, "held")
            assert (slot is not None) is (state in KEEPS_UNIT)
            assert balance_fen >= 0
        db.session.rollback()

    def row(self, statement: str) -> Any:
        """Plain SQL: after every step the same few numbers are asked for."""
        found = db.session.execute(text(statement)).one()
        db.session.rollback()
        return found


def load(database: Path, stage_: Path) -> None:
    """The database as it was before anything happened."""
    db.session.remove()
    db.engine.dispose()
    for end in ("-wal", "-shm"):
        Path(f"{database}{end}").unlink(missing_ok=True)
    shutil.copy(stage_, database)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_units_money_and_states_add_up_in_any_order(sqlite_template: Path) -> None:
    # Memory instead of a disk where there is one: what is tested is the order of things, thousands of times.
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="zhanting-machine-", dir=room))
    Market.database = folder / "shop.db"
    Market.app = create_app(make_settings(f"sqlite:///{Market.database}", folder))
    Market.stages = {}
    try:
        with Market.app.app_context():
            for kind, by_dealer in itertools.product(("订金", "定金"), (False, True)):
                load(Market.database, sqlite_template)
                stage(kind, by_dealer)
                db.session.remove()
                db.engine.dispose()
                Market.stages[kind, by_dealer] = folder / f"{len(Market.stages)}.db"
                shutil.copy(Market.database, Market.stages[kind, by_dealer])
            run_state_machine_as_test(
                Market,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS_EACH,
                    deadline=None,
                    derandomize=not LONG,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        missed = STEPS - VISITED.keys()
        print(f"steps of the table taken: {len(STEPS) - len(missed)} of {len(STEPS)}", dict(VISITED.most_common()))
        assert not LONG or not missed, f"a long walk that never took {missed}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
