"""Codes on the store's phones: who may, what is refused, what is printed, what WeChat is told."""

import re
from datetime import timedelta

import pytest
import time_machine

from app.core.db import db, transaction
from app.core.errors import NotAllowed, NotFound
from app.core.security import Actor
from app.coupons.models import ClaimCode
from app.gateways.wechat.port import SceneQr
from app.instore import paper, rules
from app.instore.errors import CampaignMissing, CarMissing, CodeRetired, ColourUnknown, ConsultantMissing, VinUnreadable
from app.instore.models import StoreCode
from app.instore.paper import Printed, Sheet
from app.instore.queries import landing, traffic
from app.instore.rules import CallKind, CodeDraft, Kind, Stock
from app.instore.services import calls, codes, scenes
from app.messages.scenes import Scan, find
from app.staff.models import StaffMember
from app.visits import services as visits
from app.visits.queries import find_consultant
from tests.booking import shop as s
from tests.booking.test_views import Wechat, fields, sign_in
from tests.client import Shopper
from tests.coupons import campaigns
from tests.instore import codes as c

NOW = s.NOW


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(app):
    app.extensions["wechat"] = Wechat()
    return s.build()


@pytest.fixture
def lead(shop):
    return c.manager(shop.west)


def phone(app, who: Actor) -> Shopper:
    shopper = Shopper(app)
    shopper.http = sign_in(app, Actor("member", db.session.get_one(StaffMember, who.id).member_id))
    return shopper


def test_only_those_who_lead_the_store_make_and_retire_codes(app, shop, lead):
    made = c.code(lead)
    clerk, other = s.clerk(shop.west), c.manager(shop.east)
    with pytest.raises(NotAllowed):
        c.code(clerk)
    with pytest.raises(NotAllowed):
        codes.retire_code(clerk, made.id, "x", NOW)
    for act in (
        lambda: codes.retire_code(other, made.id, "x", NOW),
        lambda: codes.set_stock(other, made.id, Stock.SOLD, NOW),
        lambda: codes.make_code(other, shop.west, CodeDraft(Kind.DESK, "x"), NOW),
    ):
        with pytest.raises(NotFound):
            act()
    codes.set_stock(clerk, made.id, Stock.SOLD, NOW)
    codes.retire_code(Actor("operator", 1), made.id, "总部停用", NOW)
    with pytest.raises(CodeRetired):
        codes.set_stock(clerk, made.id, Stock.READY, NOW)
    with pytest.raises(CodeRetired):
        codes.change_code(lead, made.id, CodeDraft(Kind.CAR, "x", trim_slug="s5-a"), NOW)


@pytest.mark.parametrize(
    ("kind", "given", "refusal"),
    [
        (Kind.CAR, {"trim_slug": "nothing"}, CarMissing),
        (Kind.CAR, {"colour": "彩虹色"}, ColourUnknown),
        (Kind.CAR, {"vin_tail": "20 86"}, VinUnreadable),
        (Kind.CAR, {"vin_tail": "'; --"}, VinUnreadable),
        (Kind.CARD, {"staff_id": 99}, ConsultantMissing),
        (Kind.POSTER, {"campaign_slug": "nothing"}, CampaignMissing),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(app, lead, kind, given, refusal):
    with pytest.raises(refusal) as said:
        c.code(lead, kind, **given)
    assert said.value.field
    assert db.session.query(StoreCode).count() == 0


def test_poster_brings_its_own_claim_code_which_stops_with_it(app, shop, lead):
    campaigns.campaign("c1")
    campaigns.campaign("elsewhere", dealers=(shop.east,))
    with pytest.raises(CampaignMissing):
        c.code(lead, Kind.POSTER, campaign_slug="elsewhere")
    for way in ("口令", "新会员", "夺券", "店员发放", "许愿"):
        campaigns.campaign(way, way=way)
        with pytest.raises(CampaignMissing):
            c.code(lead, Kind.POSTER, campaign_slug=way)
    made = c.code(lead, Kind.POSTER, campaign_slug="c1", label="门口")
    claim = db.session.query(ClaimCode).one()
    assert (made.claim_code, claim.dealer_id, claim.label) == (claim.code, shop.west, "海报 门口")
    assert f"/coupons/c1/claims/new?p={claim.code}" in Shopper(app).page(f"/q/{made.code}")
    codes.change_code(lead, made.id, CodeDraft(Kind.POSTER, "大门口", campaign_slug="c1"), NOW)
    assert db.session.query(ClaimCode).count() == 1
    codes.retire_code(lead, made.id, "活动结束", NOW)
    assert db.session.query(ClaimCode).one().stopped_at == NOW


def test_store_makes_reassigns_prints_and_retires_on_the_phone(app, shop, lead):
    me = phone(app, lead)
    assert "还没有店内码" in me.page("/staff/codes")
    assert "展车" in me.page("/staff/codes/new")
    form = fields(me.page("/staff/codes/new?kind=car"))
    bad = me.http.post("/staff/codes", data=form | {"label": "", "trim": ""})
    assert bad.status_code == 422
    assert "请写明这个码放在哪里" in bad.text
    script = "<script>alert(1)</script>"
    data = form | {"label": script, "trim": "s5-a", "vin_tail": "2086", "stock": "ready"}
    place = me.http.post("/staff/codes", data=data).headers["Location"]
    text = me.page(place)
    assert "2086" in text
    assert script not in text
    changed = fields(me.page(f"{place}/change")) | {"label": "2 号车位", "trim": "s5-a", "stock": "booked"}
    assert me.http.post(f"{place}/change", data=changed).status_code == 303
    assert "现在标为已售出" not in me.page(f"{place}/change")
    me.http.post(f"{place}/stock", data=fields(me.page(place)) | {"stock": "sold"})
    assert "换上新车时，请把库存状态一并改过来" in me.page(f"{place}/change")
    for sheet in Sheet:
        answer = me.http.get(f"{place}/sheets/{sheet}.pdf")
        assert answer.mimetype == "application/pdf"
        assert answer.data.startswith(b"%PDF-")
    assert me.http.get(f"{place}/sheets/flyer.pdf").status_code == 404
    assert me.http.get("/staff/codes/sheets/stickers.pdf").status_code == 200
    stranger = phone(app, c.manager(shop.east))
    assert stranger.http.get(place).status_code == 404
    assert stranger.http.get(f"{place}/sheets/card.pdf").status_code == 404
    retire = fields(text) | {"reason": "车已交付"}
    assert me.http.post(f"{place}/retirement", data=retire).status_code == 303
    assert "车已交付" in me.page("/staff/codes?retired=1") or "车已交付" in me.page(place)
    assert me.http.get(f"{place}/sheets/card.pdf").status_code == 409


@pytest.mark.parametrize("sheet", list(Sheet))
def test_sheet_of_a_store_with_sixty_characters_embeds_its_font(sheet):
    store = "云岫汽车" * 15
    item = Printed(
        store, *rules.PROMISES[Kind.CAR], about="岫 S5 2026款\n雪山白", place="1 号车位", code="ABCD2345WXYZ",
        url="https://example.com/q/ABCD2345WXYZ", free=rules.FREE_WORDS,
    )  # fmt: skip
    content = paper.draw(sheet, [item])
    fonts = set(re.findall(rb"/BaseFont /(\S+)", content))
    assert fonts == {b"MPDFAA+NotoSansSCMedium"}
    assert content.count(b"/FontFile2") == 1
    assert len(content) < 60 * 1024


@pytest.mark.parametrize(("room", "size", "lines"), [(186, 19.6, 2), (244, 43, 2), (44, 9.5, 3)])
def test_name_of_sixty_characters_fits_each_sheet(room, size, lines):
    store = "云岫汽车" * 15
    pdf = paper._new([], (210, 148))  # pyright: ignore[reportPrivateUsage]
    points, rows = paper._fit(pdf, store, room, size, lines)  # pyright: ignore[reportPrivateUsage]
    pdf.set_font(paper.OWN, size=points)
    assert "".join(rows).removesuffix("…") in store
    assert len(rows) <= lines
    assert all(pdf.get_string_width(row) <= room for row in rows)


def test_the_name_of_a_trim_is_not_torn_apart():
    pdf = paper._new([], (210, 148))  # pyright: ignore[reportPrivateUsage]
    pdf.set_font(paper.OWN, size=20)
    room = pdf.get_string_width("岫 S5 2026款 520 舒享")
    rows = list(paper._wrap(pdf, "岫 S5 2026款 520 舒享版\n雪山白", room))  # pyright: ignore[reportPrivateUsage]
    assert rows == ["岫 S5 2026款 520", "舒享版", "雪山白"]


class Account:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int | None]] = []

    def create_scene_qr(self, scene: str, *, seconds: int | None) -> SceneQr:
        self.asked.append((scene, seconds))
        return SceneQr("ticket", "http://weixin.qq.com/q/02sample", None)


def test_scene_code_is_asked_for_once_and_the_push_answers_with_the_page(app, lead):
    made, account = c.code(lead, Kind.DESK, label="前台"), Account()
    for _ in range(2):
        scenes.make_scene(lead, made.id, account, NOW)
    assert account.asked == [(f"q:{made.code}", None)]
    handler = find(f"q:{made.code}")
    assert handler is not None
    answer = handler(Scan(f"q:{made.code}", None, True, NOW))
    assert answer is not None
    assert answer.endswith(f"/q/{made.code}")
    assert handler(Scan("q:ABCDEFGHJKMN", None, False, NOW)) is None


def test_a_card_says_whom_to_thank_to_the_store_alone(app, shop, lead):
    seller, colleague = c.on_duty(shop.west, "王样例"), c.on_duty(shop.west, "赵样例")
    card = c.code(lead, Kind.CARD, label="名片", staff_id=seller.id)
    touch = visits.record_visit(None, card.id, shop.west, NOW, staff_id=seller.id)
    with transaction():
        visits.credit(touch, "drive", 7, shop.west, NOW)
        visits.credit(touch, "lead", 8, shop.east, NOW)
    assert find_consultant("drive", 7, shop.west) == seller.id
    assert find_consultant("lead", 8, shop.east) is None
    made = calls.ask(landing.get_stand(card.code), CallKind.CALL, "k", NOW)
    calls.answer(colleague, made.id, NOW)
    week = traffic.get_traffic(shop.west, 7, NOW)
    seen = [(one.name, one.scans, dict(one.steps)) for one in week.consultants]
    assert seen == [("王样例", 1, {"drive": 1, "lead": 1}), ("赵样例", 0, {"call": 1})]
    text = phone(app, lead).page("/staff/traffic")
    assert "按顾问" in text
    assert "应答叫顾问" in text


@pytest.mark.both_databases
def test_traffic_counts_scans_people_and_what_came_of_them(app, shop, lead):
    car, front = c.code(lead), c.code(lead, Kind.DESK, label="前台")
    one = visits.record_visit(None, car.id, shop.west, NOW)
    one = visits.record_visit(one, front.id, shop.west, NOW + timedelta(minutes=1))
    visits.record_visit(None, car.id, shop.west, NOW - timedelta(days=2, hours=3))
    visits.record_visit(None, car.id, shop.west, NOW - timedelta(days=20))
    with transaction():
        visits.credit(one, "drive", 7, shop.west, NOW)
    calls.ask(landing.get_stand(front.code), CallKind.CHECK_IN, "k", NOW)
    week = traffic.get_traffic(shop.west, 7, NOW)
    assert (week.all.scans, week.all.people) == (3, 2)
    assert {one.name: (one.scans, one.people) for one in week.codes} == {"展厅 1 号车位": (2, 2), "前台": (1, 1)}
    desk = next(one for one in week.codes if one.name == "前台")
    assert (desk.steps["drive"], desk.steps["check_in"]) == (1, 1)
    assert sum(bar.value for bar in week.by_hour) == sum(bar.value for bar in week.by_day) == 3
    assert [bar.value for bar in week.by_day] == [0, 0, 0, 0, 1, 0, 2]
    me = phone(app, lead)
    text = me.page("/staff/traffic?days=30")
    assert "4 次" in text
    assert 'role="img"' in text
    assert me.page("/staff/traffic?days=abc")
    rows = traffic.list_stores(30, NOW)
    assert [(dealer.id, one.scans, one.people, one.steps["drive"]) for dealer, one in rows] == [(shop.west, 4, 3, 1)]


def test_scanner_opens_our_codes_and_names_all_others(app, lead):
    made = c.code(lead)
    me = Shopper(app)
    base = app.config["SETTINGS"].public_base_url
    assert "扫一扫" in me.page("/scan")
    for text in (made.code, made.code.lower(), f"{base}/q/{made.code}", rules.groups(made.code)):
        answer = me.http.get("/scan", query_string={"code": text})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/q/{made.code}"), text
    assert me.http.get("/scan", query_string={"code": f"{base}/series/s5"}).headers["Location"] == "/series/s5"
    for text, words in [
        ("https://evil.example/q/" + made.code, "evil.example"),
        (f"{base}.evil.example/q/{made.code}", "evil.example"),
        (f"{base}@evil.example/", "evil.example"),
        (f"{base}//evil.example/", "本站的其他页面"),
        (f"{base}/logout", "本站的其他页面"),
        (f"{base}/q/ABCDEFGHJKMN", "认不出来的店内码"),
        ("javascript:alert(1)", "一段文字"),
        ("wxp://f2f0abcdef", "付款"),
        ("ABCDEFGHJKMN", "认不出来的码"),
        ("http://[", "看不懂"),
        ("<script>alert(1)</script>", "一段文字"),
    ]:
        page = me.page(f"/scan?code={__import__('urllib.parse').parse.quote(text)}")
        assert words in page, text
        assert "<script>alert" not in page
        assert f'href="{text}' not in page
