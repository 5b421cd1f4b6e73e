"""What is settled: ledger totals, coupon states and report are three readings of one thing."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from app.core.db import db
from app.core.errors import DomainError
from app.core.security import SYSTEM
from app.coupons.models import Coupon
from app.coupons.rules import CouponState
from app.coupons.services import state as services
from app.evidence.queries.settlement import Settlement, differences, settle
from app.ledger.models import DailyClose, LedgerEntry
from app.ledger.rules.closes import dealer_part
from tests.booking import shop as s
from tests.coupons import campaigns as c
from tests.ledger.book import close, problems, tamper
from tests.operators import admin_client

NOW, DAY = c.NOW, timedelta(days=1)
TODAY = date(2026, 11, 22)
ACTIONS = ("claim", "redeem", "undo", "revoke", "expire")
step = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5), st.integers(0, 1), st.integers(1, 300_000))


def found(since: date = TODAY, until: date = TODAY) -> Settlement:
    db.session.rollback()
    return settle(since, until)


class World:
    """Two stores, three campaigns that share the cost differently, six people."""

    def __init__(self) -> None:
        shop = s.build()
        self.stores = (shop.west, shop.east)
        self.shares = {"hq": ("总部", 0), "shop": ("门店", 1000), "both": ("共担", 333)}
        for slug, (payer, part) in self.shares.items():
            c.campaign(slug, payer=payer, dealer_permille=part, per_person=9)
        self.people = [s.member(f"1390000000{n}") for n in range(6)]
        self.clerks = [s.clerk(store) for store in self.stores]
        self.coupons: list[tuple[int, str]] = []

    def do(self, action: str, which: int, store: int, fen: int) -> None:
        """One step; a refusal changes nothing and is as good."""
        slug = list(self.shares)[which % 3]
        if action == "claim":
            self.coupons.append((c.claim(self.people[which], slug).coupon_id, slug))
            return
        if not self.coupons:
            return
        coupon_id = self.coupons[which % len(self.coupons)][0]
        try:
            if action == "redeem":
                services.redeem(coupon_id, self.stores[store], fen, self.clerks[store], NOW)
            elif action == "undo":
                services.undo(coupon_id, self.clerks[store], NOW)
            elif action == "revoke":
                services.revoke(coupon_id, "样例", SYSTEM, NOW)
            else:
                services.expire_due(SYSTEM, NOW)
        except DomainError:
            db.session.rollback()

    def clear(self) -> None:
        """As it was built, but for the people: cheaper than another database for each example."""
        self.coupons.clear()
        for table in ("coupons", "ledger_entries", "ledger_heads", "ledger_closes"):
            tamper(f"DELETE FROM {table}")
        tamper("UPDATE coupon_campaigns SET claimed = 0")


def check(world: World) -> None:
    """The three readings."""
    report = found()
    assert report.differences == []
    used = db.session.query(Coupon).filter_by(state=CouponState.REDEEMED.value).all()
    assert report.total.net == len(used)
    for name in ("redeemed", "undone", "fen", "dealer_fen"):
        assert sum(getattr(store, name) for store, _ in report.by_store) == getattr(report.total, name)
    assert [line for _, lines in report.by_store for line in lines] == report.lines
    assert len({store.dealer_id for store, _ in report.by_store}) == len(report.by_store)
    assert report.total.fen == sum(row.redeemed_fen or 0 for row in used)
    share = {slug: part for slug, (_, part) in world.shares.items()}
    of = dict(world.coupons)
    assert report.total.dealer_fen == sum(dealer_part(row.redeemed_fen or 0, share[of[row.id]]) for row in used)
    assert report.total.headquarters_fen + report.total.dealer_fen == report.total.fen
    for line in report.lines:
        mine = [row for row in used if (row.redeemed_dealer_id, of[row.id]) == (line.dealer_id, line.slug)]
        assert (line.net, line.fen) == (len(mine), sum(row.redeemed_fen or 0 for row in mine))
    db.session.rollback()
    assert close(NOW + DAY) == len({row[0] for row in db.session.query(LedgerEntry.chain).distinct()})
    sums = [total for row in db.session.query(DailyClose) for total in row.content["campaigns"].values()]
    assert sum(total["net"] for total in sums) == report.total.net
    assert sum(total["dealer_fen"] for total in sums) == report.total.dealer_fen
    assert sum(total["fen"] for total in sums) == report.total.fen
    assert [problems(chain) for chain in (0, *world.stores)] == [[], [], []]


def test_ledger_coupons_report_and_closes_say_the_same(app: Flask) -> None:
    world = World()

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(step, min_size=4, max_size=18))
    def whatever_happens(steps: list[tuple[str, int, int, int]]) -> None:
        world.clear()
        for one in steps:
            world.do(*one)
        check(world)

    whatever_happens()


def test_an_undone_one_is_subtracted_in_the_period_it_was_undone(app: Flask) -> None:
    world = World()
    coupon_id = c.claim(world.people[0], "both").coupon_id
    services.redeem(coupon_id, world.stores[0], 1001, world.clerks[0], NOW)
    services.undo(coupon_id, world.clerks[0], NOW + DAY)
    (first,), (second,) = found().lines, found(TODAY + DAY, TODAY + DAY).lines
    assert (first.net, first.fen, first.dealer_fen, first.headquarters_fen) == (1, 1001, 333, 668)
    assert (second.net, second.fen, second.dealer_fen) == (-1, -1001, -333)
    assert found(TODAY, TODAY + DAY).total.fen == 0
    assert found(TODAY - DAY, TODAY - DAY).lines == []


def test_whoever_meddles_with_one_side_is_seen(app: Flask) -> None:
    world = World()
    coupon_id = c.claim(world.people[0], "hq").coupon_id
    services.redeem(coupon_id, world.stores[0], 1000, world.clerks[0], NOW)
    tamper("UPDATE coupons SET redeemed_fen = 5")
    assert differences() == ["西湖店 到店试驾礼券（hq）：账本 1 张 ¥10，券 1 张 ¥0.05"]
    tamper("DELETE FROM ledger_entries WHERE event = 'redeemed'")
    assert differences() == ["西湖店 到店试驾礼券（hq）：账本 0 张 ¥0，券 1 张 ¥0.05"]


def test_the_report_as_page_csv_and_excel(app: Flask) -> None:
    world = World()
    for n in range(3):
        coupon_id = c.claim(world.people[n], "both").coupon_id
        services.redeem(coupon_id, world.stores[0], 100_000, world.clerks[0], NOW)
    c.change("both", title="=1+1 共担券")
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        client = admin_client(app)
        days = "since=2026-11-22&until=2026-11-22"
        page = client.get(f"/admin/settlement?{days}").text
        assert "账本的核销与券的状态一致" in page
        assert "¥3,000" in page
        text = client.get(f"/admin/settlement.csv?{days}").data.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["门店"] for row in rows] == ["西湖店", "合计"]
        assert (rows[0]["活动"], rows[0]["净张数"], rows[0]["价值(元)"]) == ("'=1+1 共担券", "3", "3000.00")
        assert (rows[0]["总部承担(元)"], rows[0]["门店承担(元)"]) == ("2001.00", "999.00")
        book: Any = load_workbook(io.BytesIO(client.get(f"/admin/settlement.xlsx?{days}").data))
        cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
        assert cells[2][:3] == ["西湖店", "both", "=1+1 共担券"]
        assert book.active.cell(3, 3).data_type == "s"
        assert cells[3][6:] == [3000, 2001, 999]
        stores = [[cell.value for cell in row] for row in book["按门店"].iter_rows()]
        assert [row[0] for row in stores[2:]] == ["西湖店", "合计"]
        assert stores[2][3:] == [3, 0, 3, 3000, 2001, 999]
        assert client.get("/admin/settlement?since=2026-11-22&until=2026-11-01").status_code == 422
        assert client.get("/admin/settlement").status_code == 200


@pytest.mark.parametrize("since", ["0001-01-01", "1999-12-31", "2026-13-01", "x", ""])
@pytest.mark.parametrize("until", ["9999-12-31", "2200-01-01", "2026-11-22"])
def test_days_beyond_the_calendar_are_refused_in_words(app: Flask, since: str, until: str) -> None:
    client = admin_client(app)
    for both in ((since, until), (until, since), (since, since or "y"), (until, until)):
        if both == ("2026-11-22", "2026-11-22"):
            continue
        for page in ("", ".csv", ".xlsx"):
            answer = client.get(
                f"/admin/settlement{page}", query_string=dict(zip(("since", "until"), both, strict=True))
            )
            assert answer.status_code == 422
            assert "请选择开始和结束日期" in answer.text
