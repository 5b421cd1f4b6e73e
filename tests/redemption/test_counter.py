"""The counter's pages with a coupon: one page whose middle changes, small, and the same without scripts."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import brotli
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app.core.db import transaction
from app.core.security import Actor, living_code
from app.core.statics import lean
from app.coupons.models import Coupon
from app.redemption.services.tickets import write_ticket
from app.staff.models import StaffMember
from app.staff.services import dismiss_staff
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import Wechat, fields, sign_in
from tests.client import check
from tests.coupons import campaigns as c
from tests.operators import admin_client
from tests.redemption.test_views import staff_browser

ROOT = Path(__file__).resolve().parents[2]
SECRET = "test-secret-key-of-enough-length-0123456789"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


class Desk:
    """A clerk's browser with the scan page open, a customer with a coupon."""

    def __init__(self, app: Flask, role: str = "clerk", **campaign: object) -> None:
        app.extensions["wechat"] = Wechat()
        self.shop = s.build()
        c.campaign(**campaign)
        self.customer = c.member()
        made = c.claim(self.customer)
        self.id, self.code = made.coupon_id, made.code
        self.clerk = s.clerk(self.shop.west, role)
        self.browser = staff_browser(app, self.clerk)
        self.page = self.browser.get("/staff/scan").text
        self.csrf = fields(self.page)["csrf_token"]

    @property
    def token(self) -> str:
        return living_code(SECRET, "C", self.code, NOW).token

    def post(self, path: str, *, fragment: bool = True, **data: str):
        given = {"csrf_token": self.csrf, **data}
        return self.browser.post(path, data=given, headers=FRAGMENT if fragment else {})

    def look(self, code: str = "", tail: str = ""):
        return self.post("/staff/redemptions/preview", code=code or f"http://127.0.0.1:8000/r/{self.token}", tail=tail)

    @property
    def state(self) -> str:
        return c.coupon(self.id).state


def test_from_scan_to_result_each_step_is_one_answer(app: Flask) -> None:
    desk = Desk(app)
    seen = desk.look()
    assert seen.status_code == 200
    assert "<html" not in seen.text  # the page stays: its scanner is set up, its sound unlocked
    for words in ("周* 139****2086", "到店试驾礼券", "3,000", "确认核销", 'data-screen="staff"'):
        assert words in seen.text
    assert "13900002086" not in seen.text
    confirm = fields(seen.text)
    done = desk.post("/staff/redemptions", **confirm)
    assert done.status_code == 200
    for words in ("核销成功", 'data-screen="result ok"', "撤销（30 秒内）", "3,000"):
        assert words in done.text
    again = desk.post("/staff/redemptions", **confirm)  # the answer was lost: the same success
    assert "核销成功" in again.text
    used = desk.look()
    assert used.status_code == 422
    for words in ("已使用", 'data-screen="result used"', "刚由您办理成功", "看这次核销"):
        assert words in used.text
    undo = re.search(r'action="(/staff/redemptions/\d+/undo)"', done.text)
    assert undo
    assert "已撤销" in desk.post(undo[1]).text
    again = desk.post(undo[1])  # the answer was lost: the same press once more is told the same
    assert (again.status_code, "已撤销" in again.text, "不能再撤销" in again.text) == (200, True, False)
    assert "已超过可撤销的时间" not in again.text
    assert desk.state == "issued"


def test_what_a_service_costs_is_no_sum_at_the_counter(app: Flask) -> None:
    """The face is what the customer holds; what it costs settles the bill between store and headquarters."""
    desk = Desk(app, kind="停车券", title="停车两小时", face_fen=2_000, worth_fen=1_200)
    assert "¥20" in desk.look().text
    done = desk.post("/staff/redemptions", **fields(desk.look().text))
    assert "核销成功" in done.text
    assert "<dt>券面</dt><dd>¥20</dd>" in done.text
    assert "12 元" not in done.text
    today = desk.browser.get("/staff/redemptions").text
    assert "结算 ¥12" in today


@pytest.mark.parametrize("role", ["clerk", "manager"])
def test_nobody_redeems_a_coupon_of_their_own(app: Flask, role: str) -> None:
    """The same WeChat is a customer with a coupon and somebody behind the counter: it takes a colleague."""
    desk = Desk(app, role)
    own = select(StaffMember.member_id).where(StaffMember.id == desk.clerk.id).scalar_subquery()
    with transaction() as session:
        session.execute(update(Coupon).values(member_id=own))
    refused = desk.look()
    assert refused.status_code == 422
    assert "这是您本人的券或预订，不能由自己核销。请让同事核销。" in refused.text
    ticket = write_ticket("C", desk.code, desk.clerk, NOW, SECRET)  # nor by a form that was made otherwise
    confirmed = desk.post("/staff/redemptions", ticket=ticket, nonce="nonce-of-a-form")
    assert "这是您本人的券" in confirmed.text
    assert desk.state == "issued"
    colleague = staff_browser(app, s.clerk(desk.shop.west))
    form = fields(colleague.get("/staff/scan").text) | {"code": f"http://127.0.0.1:8000/r/{desk.token}"}
    seen = colleague.post("/staff/redemptions/preview", data=form, headers=FRAGMENT)
    assert "核销成功" in colleague.post("/staff/redemptions", data=fields(seen.text), headers=FRAGMENT).text


def test_without_scripts_the_same_answers_are_pages(app: Flask) -> None:
    desk = Desk(app)
    seen = desk.post("/staff/redemptions/preview", fragment=False, code=desk.token)
    assert "<html" in seen.text
    done = desk.post("/staff/redemptions", fragment=False, **fields(seen.text))
    assert done.status_code == 303
    assert "核销成功" in desk.browser.get(done.headers["Location"]).text


def test_the_counter_is_ten_kilobytes_in_all(app: Flask) -> None:
    """Everything that is the counter's own: its page, both answers, both scripts, packed as they travel."""
    desk = Desk(app, face_fen=30_000, threshold_fen=100_000)
    seen = desk.look()
    done = desk.post("/staff/redemptions", **fields(seen.text) | {"bill": "3280"})
    assert "核销成功" in done.text
    scripts = [lean(ROOT / "static" / "js" / name) for name in ("scan.js", "result.js")]
    texts = [desk.page.encode(), seen.data, done.data]
    assert (
        sum(len(brotli.compress(text, quality=5)) for text in texts) + sum(map(len, map(brotli.compress, scripts)))
        <= 10_000
    )


def test_a_bill_is_asked_for_and_valued_while_it_is_typed(app: Flask) -> None:
    desk = Desk(app, face_fen=30_000, threshold_fen=100_000)
    form = fields(desk.look().text)
    assert "还差 ¥500" in desk.post("/staff/redemptions/worth", **form | {"bill": "500"}).text
    worth = desk.post("/staff/redemptions/worth", **form | {"bill": "3,280"}).text
    assert "¥300" in worth
    assert "¥2,980" in worth
    low = desk.post("/staff/redemptions", **form | {"bill": "500"})
    assert low.status_code == 422
    assert "还差 ¥500" in low.text
    assert fields(low.text)["nonce"] == form["nonce"]
    assert desk.state == "issued"
    done = desk.post("/staff/redemptions", **form | {"bill": "3280"})
    for words in ("消费金额", "¥3,280", "¥2,980"):
        assert words in done.text


def test_the_customer_scanning_the_own_code_redeems_nothing(app: Flask) -> None:
    desk = Desk(app)
    for browser in (app.test_client(), sign_in(app, desk.customer)):
        page = browser.get(f"/r/{desk.token}")
        assert "请向店员出示此码" in page.text
        assert "/me/coupons" in page.text
    assert desk.state == "issued"
    move = desk.browser.get(f"/r/{desk.token}")
    assert "确认核销" in desk.browser.get(move.headers["Location"]).text
    assert desk.state == "issued"


def test_a_dismissed_clerk_is_out_between_looking_and_confirming(app: Flask) -> None:
    desk = Desk(app)
    form = fields(desk.look().text)
    dismiss_staff(desk.clerk.id or 0, Actor("operator", 1), NOW)
    assert desk.post("/staff/redemptions", **form).status_code == 403
    assert desk.state == "issued"


def test_todays_list_its_segments_and_the_search_without_digits_in_addresses(app: Flask, frozen) -> None:
    desk = Desk(app, role="supervisor")
    desk.look("134567890123456789")
    desk.post("/staff/redemptions", **fields(desk.look().text))
    page = desk.browser.get("/staff/redemptions").text
    for words in ("到店试驾礼券", "已核销", "¥3,000", "未通过 1 次", "付款码", "every 15s"):
        assert words in page
    assert "到店试驾礼券" in desk.browser.get("/staff/redemptions?who=mine&kind=coupon", headers=FRAGMENT).text
    assert "今天还没有核销" in desk.browser.get("/staff/redemptions?kind=booking", headers=FRAGMENT).text
    colleague = staff_browser(app, s.clerk(desk.shop.west))
    others = colleague.get("/staff/redemptions").text
    assert "到店试驾礼券" in others
    assert "未通过" not in others  # for whoever leads
    assert "今天还没有核销" in colleague.get("/staff/redemptions?who=mine", headers=FRAGMENT).text
    frozen.move_to(NOW + timedelta(days=3))
    found = desk.post("/staff/redemptions/search", fragment=False, tail="2086")
    assert found.status_code == 200
    assert "到店试驾礼券" in found.text
    assert "没有找到" in desk.post("/staff/redemptions/search", fragment=False, tail="1234").text
    assert desk.post("/staff/redemptions/search", fragment=False, tail="20a6").status_code == 422
    stranger = staff_browser(app, s.clerk(desk.shop.east))
    data = fields(stranger.get("/staff/redemptions").text) | {"tail": "2086"}
    assert "没有找到" in stranger.post("/staff/redemptions/search", data=data).text


def test_the_file_is_for_managers_masked_and_no_formula(app: Flask) -> None:
    desk = Desk(app, role="manager", title="=cmd|券")
    desk.post("/staff/redemptions", **fields(desk.look().text))
    answer = desk.browser.get("/staff/redemptions/export")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[1][:3] == ["2026-11-22 12:00:00", "券", "'=cmd|券"]
    assert "13900002086" not in answer.text
    month = desk.browser.get("/staff/redemptions/export?from=2026-10-23&to=2026-11-22")
    assert len(list(csv.reader(io.StringIO(month.text)))) == 2
    for days in (
        "from=x&to=2026-11-22", "from=2026-11-22&to=2026-11-21", "from=2026-10-22&to=2026-11-22", "from=&to=",
        "from=0001-01-01", "from=9999-12-31&to=9999-12-31", "from=0001-01-01&to=9999-12-31",
    ):  # fmt: skip
        wrong = desk.browser.get(f"/staff/redemptions/export?{days}")
        assert (wrong.status_code, "请选择开始和结束日期" in wrong.text) == (422, True)
        assert "今日核销" in wrong.text
    assert staff_browser(app, s.clerk(desk.shop.west)).get("/staff/redemptions/export").status_code == 403


@pytest.mark.both_databases
def test_headquarters_finds_a_redemption_and_takes_it_back(app: Flask) -> None:
    desk = Desk(app)
    desk.post("/staff/redemptions", **fields(desk.look().text))
    office, spaced = admin_client(app), f"{desk.code[:4]} {desk.code[4:8]} {desk.code[8:]}"
    latest = office.get("/admin/redemptions").text
    check(latest, whole=True)
    assert spaced in latest
    assert "没有找到核销记录" in office.get("/admin/redemptions?number=NOSUCH").text
    assert "13900002086" not in latest
    with time_machine.travel(NOW + timedelta(days=3), tick=False):
        office = admin_client(app, "second")
        page = office.get("/admin/redemptions", query_string={"number": spaced.lower()}).text
        check(page, whole=True)
        action = re.search(r'action="(/admin/redemptions/\d+/undo)"', page)
        assert action
        form = fields(page) | {"number": desk.code}
        short = office.post(action[1], data=form | {"reason": "错"})
        check(short.text, whole=True)
        assert (short.status_code, "请填写撤销原因，至少 4 个字。" in short.text) == (422, True)
        done = office.post(action[1], data=form | {"reason": "客户来电核实"})
        assert (done.status_code, done.location) == (303, f"/admin/redemptions?number={desk.code}")
        page = office.get(done.location).text
        assert "由总部撤销：客户来电核实" in page
        assert "撤销这次核销" not in page
        assert "不能撤销，" not in page
        again = office.post(action[1], data=form | {"reason": "再来一次吧"})
        assert (again.status_code, again.location) == (303, done.location)
        assert "再来一次吧" not in office.get(again.location).text
    assert c.coupon(desk.id).state == "issued"
    stranger = desk.browser.post(action[1], data={"csrf_token": desk.csrf, "reason": "客户来电核实"})
    assert (stranger.status_code, "/admin/login" in stranger.headers.get("Location", "")) == (303, True)


def test_a_clerk_gives_a_coupon_and_sees_that_it_was_taken(app: Flask) -> None:
    desk = Desk(app)
    c.campaign("gift", way="店员发放", title="到店小礼")
    assert "到店小礼" in desk.browser.get("/staff/gifts").text
    shown = desk.post("/staff/gifts", fragment=False, campaign="gift")
    assert "<svg" in shown.text
    state = re.search(r'hx-get="(/staff/gifts/\d+/state\?campaign=gift)"', shown.text)
    assert state
    assert desk.browser.get(state[1], headers=FRAGMENT).status_code == 204
    from app.core.db import db, transaction
    from app.coupons.models import Coupon, GiftTicket

    with transaction():
        db.session.query(GiftTicket).update({"taken_at": NOW})
    assert "客户已领取" in desk.browser.get(state[1], headers=FRAGMENT).text
    stranger = staff_browser(app, s.clerk(desk.shop.west))
    assert stranger.get(state[1], headers=FRAGMENT).status_code == 404
    assert db.session.query(Coupon).count() == 1
