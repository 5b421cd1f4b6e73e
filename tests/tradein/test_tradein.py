"""The used-car estimate: a formula kept as data, one question per screen, answers kept, then an inspection."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask import session as flask_session
from flask.testing import FlaskClient

from app.core.db import db, transaction
from app.dealers.models import Dealer
from app.leads.models import Enquiry, Lead
from app.leads.queries.contact import find_contact
from app.members.models import Member
from app.members.session import mark_typed, was_typed_here
from app.members.session import sign_in as start_session
from app.tradein import inspecting, queries, rules, services
from app.tradein.errors import EstimateNotFound
from app.tradein.models import TradeInEstimate
from app.tradein.rules import Facts, TableWrong
from app.visits.models import VisitCredit
from app.visits.rules import Touch
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import check

TABLE = rules.load(rules.DATA)[0]
DAY = date(2026, 11, 22)


def facts(**changes: object) -> Facts:
    car = TABLE.find("其他品牌", "紧凑型 SUV", 2020)
    values: dict[str, object] = {
        "car": car, "registered_on": date(2020, 8, 1), "mileage_km": 68_000, "condition": TABLE.condition("fair"),
        "transfers": 1, "city": "杭州市", **changes,
    }  # fmt: skip
    return Facts(**values)  # pyright: ignore[reportArgumentType]


def test_the_range_is_the_stated_formula_to_the_fen():
    found = rules.estimate(facts(), TABLE, DAY)
    # 75 months: 4850 after six years, 4250 after seven, a quarter of the way is 4700. Little driven: at most +5 %.
    assert [step.bp for step in found.steps] == [4700, 10500, 9500, 9700, 10000]
    exact = 129_800 * 0.47 * 1.05 * 0.95 * 0.97
    for fen, by in ((found.low_fen, 0.92), (found.fair_fen, 1), (found.high_fen, 1.08)):
        assert fen == round(exact * by / 100) * 10_000
    assert found.valid_until == DAY + timedelta(days=7)
    assert [one.fen for one in found.subsidies] == [500_000]
    assert rules.estimate(facts(), TABLE, date(2027, 1, 1)).subsidies == ()


def test_worse_is_never_worth_more():
    base = rules.estimate(facts(), TABLE, DAY).fair_fen
    for worse in (
        {"mileage_km": 200_000}, {"condition": TABLE.condition("worn")}, {"transfers": 9},
        {"registered_on": date(2015, 1, 1)}, {"registered_on": date(1990, 1, 1)},
    ):  # fmt: skip
        found = rules.estimate(facts(**worse), TABLE, DAY)
        assert 0 < found.low_fen <= found.fair_fen <= found.high_fen
        assert found.fair_fen < base
    assert rules.age_months(date(2026, 12, 1), DAY) == 0


@pytest.mark.parametrize(("text", "km"), [
    ("5.2", 52_000), ("５．２万公里", 52_000), ("0", 0), ("12", 120_000), ("0.0001", 1), ("abc", None), ("-1", None),
    ("1e3", None), ("NaN", None), ("5.", None), ("", None), ("1234", None),
])  # fmt: skip
def test_mileage_as_typed(text: str, km: int | None):
    assert rules.km_of(text) == km


@pytest.mark.parametrize(("text", "month"), [
    ("2021-06", date(2021, 6, 1)), ("2021/6", date(2021, 6, 1)), ("2021年6月", date(2021, 6, 1)), ("2021-13", None),
    ("0-0", None), ("", None), ("2021", None),
])  # fmt: skip
def test_month_as_typed(text: str, month: date | None):
    assert rules.month_of(text) == month


def test_a_table_that_cannot_be_right_is_refused_and_the_day_chooses(tmp_path: Path):
    content = json.loads(rules.DATA.read_text("utf-8"))
    later = json.loads(json.dumps(content["tables"][0])) | {"version": "B", "from": "2026-12-01"}
    content["tables"].append(later)
    path = tmp_path / "b.json"
    path.write_text(json.dumps(content), "utf-8")
    tables = rules.load(path)
    assert [rules.in_force(tables, day).version for day in (DAY, date(2026, 12, 1))] == ["SAMPLE-2026-11", "B"]  # pyright: ignore[reportOptionalMemberAccess]
    assert rules.in_force(tables, date(2020, 1, 1)) is None
    later["residual_bp"]["燃油"][3] = 9999  # rises again
    bad = tmp_path / "c.json"
    bad.write_text(json.dumps(content), "utf-8")
    with pytest.raises(TableWrong):
        rules.load(bad)
    with pytest.raises(TableWrong):
        queries.use_file(tmp_path / "none.json")
    queries.use_file(None)


def post(client: FlaskClient, path: str, html: str, **data: str):
    return client.post(path, data={"csrf_token": fields(html)["csrf_token"], **data})


def walk(client: FlaskClient, path: str, **data: str) -> str:
    """Answer the question at this address; where it leads."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    check(page.text, whole=True)
    answer = post(client, path, page.text, **data)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_from_the_brand_to_the_inspection_without_scripts(app: Flask):
    with time_machine.travel(NOW, tick=False):
        shop = s.build()
        with transaction():
            db.session.get_one(Dealer, shop.west).hours = "周一-周日 09:00-18:00"
        client = app.test_client()
        start = client.get("/trade-in?series=s5")
        assert "第 1 步，共 6 步" in start.text
        assert post(client, "/trade-in", start.text, brand="没有").status_code == 422
        here = walk(client, "/trade-in?series=s5", brand="其他品牌", buying="s5")
        no = here.split("/")[2]
        assert client.get(f"/trade-in/{no}/mileage").headers["Location"].endswith("/series")  # no question is skipped
        here = walk(client, here, series="紧凑型 SUV")
        here = walk(client, here, year="2020")
        refused = post(client, here, client.get(here).text, month="2031-01", city="杭州")
        assert refused.status_code == 422
        assert "不能晚于本月" in refused.text
        walk(client, here, month="2020-08", city="<script>'--")
        assert "&lt;script&gt;&#39;--" in client.get(here).text
        here = walk(client, here, month="2020-08", city="杭州")
        here = walk(client, here, mileage="6.8")
        here = walk(client, here, condition="fair")
        here = walk(client, here, transfers="1")
        assert 'value="fair" checked' in client.get(f"/trade-in/{no}/condition").text  # back keeps the answer
        here = walk(client, here, phone="139 0000 2086")
        result = client.get(here)
        check(result.text, whole=True)
        assert "¥59,000" in result.text
        assert "× 47%" in result.text
        assert "SAMPLE" in result.text
        assert "5,000" in result.text
        assert "13900002086" not in result.text
        assert result.headers["Cache-Control"] == "no-store"
        assert "/wechat/login" in client.get(f"/enquiries/inspection/new?estimate={no}").headers["Location"]

        person = s.member()
        client = sign_in(app, person)
        form_path = f"/enquiries/inspection/new?estimate={no}&city=杭州市"
        page = client.get(form_path)
        check(page.text, whole=True)
        assert " checked" not in page.text
        given = {name: fields(page.text)[name] for name in ("idempotency_key", "estimate", "dealer", "city")}
        given |= {"name": "周样例", "source": "trade-in"}
        for data in ({"wanted": "2026-11-23T10:00"}, {"share": "y"}, {"share": "y", "wanted": "2026-11-23T22:00"}):
            assert post(client, "/enquiries/inspection/new", page.text, **given, **data).status_code == 422
        done = post(client, "/enquiries/inspection/new", page.text, **given, share="y", wanted="2026-11-23T10:00")
        assert done.status_code == 303, done.text
        lead = db.session.query(Lead).one()
        enquiry = db.session.query(Enquiry).one()
        assert (enquiry.kind, enquiry.source) == ("inspection", "trade-in")
        assert find_contact(lead, NOW).phone == "13900002086"  # pyright: ignore[reportOptionalMemberAccess]
        row = db.session.query(TradeInEstimate).one()
        assert (row.member_id, row.enquiry_no, row.phone) == (person.id, enquiry.no, "")
        assert re.search(r"紧凑型 SUV 2020 款", client.get(done.headers["Location"]).text)
    later = NOW + timedelta(days=9)
    with time_machine.travel(later, tick=False):
        assert "已过期" in client.get(f"/trade-in/{no}").text
    assert services.purge(NOW + timedelta(days=500)) == 1
    assert client.get(f"/trade-in/{no}").status_code == 404


ANSWERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("series", {"series": "紧凑型 SUV"}), ("year", {"year": "2020"}),
    ("registration", {"month": "2020-08", "city": "杭州"}), ("mileage", {"mileage": "6.8"}),
    ("condition", {"condition": "fair"}), ("transfers", {"transfers": "1"}), ("phone", {"phone": "13900002086"}),
)  # fmt: skip


def finish(no: str, touch: Touch | None = None) -> None:
    for step, given in ANSWERS:
        services.answer(no, step, given, NOW, touch=touch)


@pytest.mark.both_databases
def test_another_brand_after_the_estimate_is_credited_once(app: Flask):
    touch = Touch("AAAA2345", "BBBB2345", NOW)
    no = services.begin("其他品牌", "", NOW)
    finish(no, touch)
    other = next(name for name in TABLE.brands() if name != "其他品牌")
    services.answer(no, "brand", {"brand": other}, NOW, touch=touch)
    assert queries.get_estimate(no, None).fair_fen is None
    services.answer(no, "brand", {"brand": "其他品牌"}, NOW, touch=touch)
    finish(no, touch)
    assert queries.get_estimate(no, None).fair_fen
    assert db.session.query(VisitCredit).count() == 1


@pytest.mark.both_databases
def test_an_estimate_that_was_booked_with_is_its_members_alone(app: Flask):
    no = services.begin("其他品牌", "", NOW)
    finish(no)
    owner, other = s.member(), s.member("13900001111")
    inspecting.keep_enquiry(no, owner.id or 0, "Q1")
    inspecting.keep_enquiry(no, owner.id or 0, "Q2")
    with pytest.raises(EstimateNotFound):
        inspecting.keep_enquiry(no, other.id or 0, "Q3")
    assert queries.get_estimate(no, owner.id).enquiry_no == "Q2"
    with time_machine.travel(NOW, tick=False):
        for client, status in ((sign_in(app, owner), 200), (sign_in(app, other), 404), (app.test_client(), 404)):
            for path in (f"/trade-in/{no}", f"/trade-in/{no}/brand"):
                assert client.get(path).status_code == status, path
        mine = sign_in(app, other)
        assert mine.get(f"/enquiries/inspection/new?estimate={no}").status_code == 404
        start = mine.get("/trade-in").text
        assert post(mine, f"/trade-in/{no}/brand", start, brand="其他品牌").status_code == 404


def test_a_number_is_filled_in_only_where_it_was_typed(app: Flask):
    with time_machine.travel(NOW, tick=False):
        s.build()
        no = services.begin("其他品牌", "", NOW)
        finish(no)
        with transaction():
            db.session.query(TradeInEstimate).update({"phone_asked": None, "phone": ""})
        typing = app.test_client()
        walk(typing, f"/trade-in/{no}/phone", phone="139 0000 2086")
        for client, filled in ((typing, True), (app.test_client(), False)):
            assert ("139****2086" in client.get(f"/trade-in/{no}/phone").text) is filled
            with transaction():
                member = Member(name="", created_at=NOW, last_login_at=NOW)
                db.session.add(member)
                db.session.flush()
                member_id = member.id
            with client.session_transaction() as session:
                session["_user_id"], session["seen"] = f"m:{member_id}:1", int(NOW.timestamp())
            assert client.get(f"/enquiries/inspection/new?estimate={no}&city=杭州市").status_code == 200
            assert ("13900002086" in client.get("/me/phone").text) is filled
    with app.test_request_context("/"):  # a login keeps the mark and nothing else
        mark_typed(no, "13900002086")
        flask_session["other"] = 1
        start_session(db.session.get_one(Member, member_id))
        assert was_typed_here(no, "13900002086")
        assert not was_typed_here(no, "13900002087")
        assert "other" not in flask_session
