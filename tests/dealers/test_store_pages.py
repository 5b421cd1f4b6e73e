"""A store's page, its manager's forms and headquarters' review, through the browser's eyes without scripts."""

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from PIL import Image
from sqlalchemy import select

from app.core import clock, publishing
from app.core.db import db, transaction
from app.core.security import Actor
from app.dealers.models import Dealer, DealerActivity, PromoPrice, Submission
from app.dealers.services import reviewing
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.shop import NOW
from tests.booking.test_views import fields, sign_in
from tests.client import Shopper, check
from tests.operators import admin_client

DAY = timedelta(days=1)
SCRIPT = "<script>alert(1)</script>"
LONG_NAME = "样例汽车销售服务有限公司" * 5


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shop(app) -> s.Shop:
    return s.build()


@pytest.fixture
def desk(app, shop):
    """The manager of the first store on the phone."""
    actor = s.clerk(shop.west, "manager")
    return sign_in(app, Actor("member", db.session.get_one(StaffMember, actor.id).member_id))


@pytest.fixture
def chief(app, shop):
    return admin_client(app)


def wall(moment) -> str:
    return clock.local(moment).strftime("%Y-%m-%dT%H:%M")


def page(client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:300]
    check(answer.text, whole=True)
    return answer.text


def send(client, form_at: str, to: str, status: int = 303, **data):
    """Fill in the form of a page and send it."""
    given = {**fields(page(client, form_at)), **data}
    answer = client.post(to, data=given, content_type="multipart/form-data")
    assert answer.status_code == status, answer.text[:400]
    if status != 303:
        check(answer.text, whole=True)
    return answer


def promo(desk, **data):
    values = {
        "trim": "s5-a", "price": "9.98万", "starts_at": wall(NOW), "ends_at": wall(NOW + 9 * DAY),
        "conditions": "限现车", "reason": "年末让利", **data,
    }  # fmt: skip
    return send(desk, "/staff/store/prices/new", "/staff/store/prices", **values)


def one(statement):
    """The one row or value as it is committed now."""
    db.session.rollback()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one()


def decide(chief, what: str = "approval", status: int = 303, **data):
    no = one(select(Submission.no).order_by(Submission.id.desc()).limit(1))
    return send(chief, f"/admin/submissions/{no}", f"/admin/submissions/{no}/{what}", status, **data)


def test_a_price_goes_from_the_manager_over_headquarters_to_the_page(app, desk, chief) -> None:
    shopper = Shopper(app)
    assert "本店今日价" not in shopper.page("/dealers/west")
    sent = promo(desk)
    assert "等待总部审核" in page(desk, sent.location)
    assert "本店今日价" not in shopper.page("/dealers/west")
    assert "西湖店" in page(chief, "/admin/submissions")
    assert "¥99,800" in decide(chief, "return", 422, reason="短").text
    decide(chief)
    shown = shopper.page("/dealers/west")
    assert all(words in shown for words in ("本店今日价", "99,800", "厂商指导价 <s>10.58万</s>", "条件：限现车", "省 "))
    home = page(desk, "/staff/store")
    assert "已发布" in home
    assert "申请提前结束" in home
    number = str(one(select(PromoPrice.id)))
    desk.post("/staff/store/endings", data={**fields(home), "kind": "promo", "id": number})
    decide(chief)
    assert "本店今日价" not in shopper.page("/dealers/west")


def test_a_refused_form_keeps_what_was_typed_and_names_the_rule(desk) -> None:
    answer = send(
        desk, "/staff/store/prices/new", "/staff/store/prices", 422, trim="s5-a", price="110000", starts_at=wall(NOW),
        ends_at=wall(NOW + DAY), conditions="限现车", reason="年末让利",
    )  # fmt: skip
    assert "《汽车销售管理办法》第十条" in answer.text
    assert 'value="110000"' in answer.text
    empty = send(desk, "/staff/store/prices/new", "/staff/store/prices", 422, trim="s5-a", starts_at="9999-99-99")
    assert "请填写本店价" in empty.text
    assert "请填写结束时间" in empty.text


def test_hours_are_typed_day_by_day_and_shown_as_a_table(app, desk, chief) -> None:
    week = {f"day{n}": "09:00-20:30" for n in range(6)} | {"day6": "休息"}
    special = {"special_from": ["2026-11-24", "", "2026-12-01"], "special_until": ["2026-11-25", "", ""]}
    texts = {"special_text": ["休息", "", "10:00-16:00"]}
    send(desk, "/staff/store/facts", "/staff/store/facts", **week, **special, **texts, intro="两层展厅\r\n可充电")
    decide(chief)
    dealer = one(select(Dealer).where(Dealer.slug == "west"))
    assert dealer.hours == "周一-周六 09:00-20:30；周日 休；2026-11-24至2026-11-25 休；2026-12-01 10:00-16:00"
    assert (dealer.intro, dealer.phone) == ("两层展厅\n可充电", "057188880000")
    shown = Shopper(app).page("/dealers/west")
    for words in ("周一至周六", "11月24日至11月25日", "特殊日期", "10:00-16:00", "两层展厅", "今天"):
        assert words in shown
    again = page(desk, "/staff/store/facts")
    assert 'value="2026-11-24"' in again
    assert "没有任何改动" in send(desk, "/staff/store/facts", "/staff/store/facts", 422, **_typed(again)).text
    bad = send(desk, "/staff/store/facts", "/staff/store/facts", 422, **{**week, "day0": "九点到五点"}, phone="abc")
    assert "看不懂" in bad.text
    bad = send(
        desk, "/staff/store/facts", "/staff/store/facts", 422, **week, special_from="nonsense", special_text="休"
    )
    assert "应选择一个日期" in bad.text


def _typed(html: str) -> dict[str, list[str]]:
    """The rows of special days as the page shows them; `fields` keeps one value for each name."""
    import re

    return {
        f"special_{name}": re.findall(rf'name="special_{name}" value="([^"]*)"', html)
        for name in ("from", "until", "text")
    } | {"intro": "两层展厅\r\n可充电"}


def test_an_activity_has_a_picture_and_every_field_is_escaped(app, desk, chief) -> None:
    content = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(content, "JPEG")
    values = {"starts_at": wall(NOW), "ends_at": wall(NOW + DAY), "title": SCRIPT[:40], "text": SCRIPT, "note": SCRIPT}
    content.seek(0)
    sent = send(
        desk, "/staff/store/activities/new", "/staff/store/activities", photo=(content, f"{SCRIPT}.jpg"), **values
    )
    for client, path in ((desk, sent.location), (chief, "/admin/submissions"), (desk, "/staff/store")):
        assert "<script>alert" not in page(client, path)
    decide(chief)
    shown = Shopper(app).page("/dealers/west")
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown
    activity = one(select(DealerActivity))
    assert activity.picture is not None
    assert "<script" not in activity.picture.name
    answer = decide(chief, "removal", reason="照片不清楚")
    assert answer.status_code == 303
    assert "&lt;script&gt;alert" not in Shopper(app).page("/dealers/west")


BAD_FILES = [(b"", "请重新选择"), (b"GIF89a no picture", "不是图片或已损坏"), (bytes(30_000_000), "20 MB")]


def test_a_file_that_is_no_picture_is_refused_in_a_sentence(desk) -> None:
    values = {"starts_at": wall(NOW), "ends_at": wall(NOW + DAY), "title": "试驾日", "text": ""}
    given = {**fields(page(desk, "/staff/store/activities/new")), **values}
    part = "--b\r\nContent-Disposition: form-data; name="
    parts = [f'{part}"{name}"\r\n\r\n{value}\r\n' for name, value in given.items() if name != "photo"]
    head = ("".join(parts) + f'{part}"photo"; filename="a.jpg"\r\n\r\n').encode()
    for content, words in BAD_FILES:
        body = head + content + b"\r\n--b--\r\n"
        answer = desk.post("/staff/store/activities", data=body, content_type="multipart/form-data; boundary=b")
        assert answer.status_code in (413, 422)
        assert words in answer.text
    assert db.session.scalar(select(Submission.id)) is None


def test_two_who_fill_in_the_facts_at_once_are_told_and_lose_nothing(app, desk, chief) -> None:
    first, second = fields(page(desk, "/staff/store/facts")), fields(page(desk, "/staff/store/facts"))
    hours = {f"day{n}": "" for n in range(7)}
    given = {**first, **hours, "phone": "0571-66660000", "intro": ""}
    assert desk.post("/staff/store/facts", data=given).status_code == 303
    decide(chief)
    late = desk.post("/staff/store/facts", data={**second, **hours, "intro": "欢迎到店"})
    assert late.status_code == 422
    assert "门店资料已经更新" in late.text
    assert "欢迎到店" in late.text
    rest = {**fields(late.text), **hours, "phone": "0571-66660000", "intro": "欢迎到店"}
    assert desk.post("/staff/store/facts", data=rest).status_code == 303
    decide(chief)
    dealer = one(select(Dealer).where(Dealer.slug == "west"))
    assert (dealer.phone, dealer.intro) == ("0571-66660000", "欢迎到店")


def test_what_came_back_is_filled_in_again_and_a_second_decision_is_told(desk, chief) -> None:
    promo(desk)
    no = one(select(Submission.no))
    decide(chief, "return", reason="条件请写清楚")
    assert "刚刚已经处理过" in decide(chief, "approval", 422, seen="x").text
    home = page(desk, "/staff/store")
    assert "退回原因：条件请写清楚" in home
    assert "修改后重新提交" in page(desk, f"/staff/store/submissions/{no}")
    again = page(desk, f"/staff/store/prices/new?from={no}")
    assert 'value="99800"' in again
    assert "限现车" in again
    promo(desk, price="99000")
    waiting = one(select(Submission).where(Submission.state == "waiting"))
    here = f"/staff/store/submissions/{waiting.no}"
    answer = desk.post(f"{here}/withdrawal", data=fields(page(desk, here)))
    assert answer.status_code == 303
    assert page(chief, "/admin/submissions?state=withdrawn").count("西湖店") == 1


def test_strangers_hand_in_nothing(app, shop, desk, chief) -> None:
    promo(desk)
    no = one(select(Submission.no))
    clerk = sign_in(app, Actor("member", db.session.get_one(StaffMember, s.clerk(shop.west).id).member_id))
    other = sign_in(app, Actor("member", db.session.get_one(StaffMember, s.clerk(shop.east, "manager").id).member_id))
    assert clerk.get("/staff/store").status_code == 403
    assert other.get(f"/staff/store/submissions/{no}").status_code == 404
    assert other.get("/staff/store/prices/new?of=1").status_code == 404
    assert app.test_client().get("/admin/submissions").status_code in (302, 303)
    for path in ("of=x", "of=99999999999999999999"):
        assert desk.get(f"/staff/store/prices/new?{path}").status_code == 404
    assert desk.get("/admin/submissions").status_code in (302, 303, 403)
    assert chief.get("/admin/submissions?state=nonsense&page=0&q=%27%3B--").status_code == 200


def test_the_page_is_everybodys_and_changes_with_time_alone(app, shop, desk, chief) -> None:
    promo(desk, ends_at=wall(NOW + timedelta(hours=1)))
    decide(chief)
    client = app.test_client()
    answer = client.get("/dealers/west")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"].startswith("public")
    again = client.get("/dealers/west", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    for block in ("on-duty", "demo-cars", "reviews"):
        assert f'hx-get="/dealers/west/{block}"' in answer.text
        assert client.get(f"/dealers/west/{block}", headers={"HX-Request": "true"}).status_code == 200
    deals = client.get("/deals/for-dealer/west", headers={"HX-Request": "true"}).text
    assert "8.88万" in deals
    assert "可在本店预订的一口价" in page(client, "/deals/for-dealer/west")
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert "本店今日价" not in client.get("/dealers/west").text


def test_a_store_that_pauses_or_closed_answers_in_words(app, shop) -> None:
    cases = (("暂停", 200, "暂停营业"), ("关闭", 410, "这家门店已经关闭"), ("下架", 410, "这家门店已经下架"))
    for status, code, words in cases:
        with transaction():
            row = db.session.get_one(Dealer, shop.west)
            row.status, row.name = status, LONG_NAME
            publishing.bump()
        shown = Shopper(app).page("/dealers/west", code)
        assert words in shown
        assert "本店今日价" not in shown
        assert ("离它最近的门店" in shown) == (code == 410)
    assert "没有找到" in Shopper(app).page("/dealers/nothing", 404)


def test_facts_wait_for_their_time(app, shop, desk, chief) -> None:
    send(
        desk, "/staff/store/facts", "/staff/store/facts", intro="春节照常", publish_at=wall(NOW + DAY),
        **{f"day{n}": "" for n in range(7)},
    )  # fmt: skip
    assert "11月23日12:00 发布" in page(chief, f"/admin/submissions/{one(select(Submission.no))}")
    decide(chief)
    assert "春节照常" not in Shopper(app).page("/dealers/west")
    assert app.extensions["jobs"]["publish_store_facts"].work() == 0
    assert reviewing.publish_due(NOW + DAY) == 1
    assert "春节照常" in Shopper(app).page("/dealers/west")
