"""The pages as a browser without scripts sees them: each one keeps the conventions and leads on."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from app.core import jobs
from app.core.db import db, transaction
from app.core.security import Actor
from app.dealers.models import Dealer
from app.drives.joining import join_token
from app.drives.models import LicencePhoto
from app.drives.services import desk
from app.staff.models import StaffMember
from tests.booking import shop as s
from tests.booking.test_views import fields, sign_in
from tests.client import Shopper, check
from tests.drives import world as w
from tests.drives.test_desk import DRAWN, ROUTE, ready
from tests.drives.world import AT, HOUR, NOW
from tests.operators import admin_client


@pytest.fixture(autouse=True)
def frozen() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def staff(app: Flask, who: Actor) -> FlaskClient:
    return sign_in(app, Actor("member", db.session.get_one(StaffMember, who.id).member_id))


def seen(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    check(answer.text, whole=True)
    return answer.text


def token_of(client: FlaskClient) -> str:
    """The token of this browser's session, asked for once."""
    if not hasattr(client, "csrf"):
        client.csrf = fields(client.get("/me/phone").text)["csrf_token"]  # pyright: ignore[reportAttributeAccessIssue]
    return client.csrf  # pyright: ignore[reportAttributeAccessIssue]


def send(client: FlaskClient, path: str, status: int = 303, **data: object):
    """A form sent as a page without scripts sends it; a page that comes back is checked."""
    answer = client.post(path, data={"csrf_token": token_of(client), **data})
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[-600:]}"
    if status in (200, 422):
        check(answer.text, whole=True)
    return answer


def send_big(client: FlaskClient, path: str, size: int) -> str:
    """A photo of so many bytes; the test client would leave its own temporary file open."""
    head = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    token = token_of(client)
    parts = head.format("csrf_token", "") + f"{token}\r\n" + head.format("agree", "") + "y\r\n"
    body = (parts + head.format("photo", '; filename="b.jpg"')).encode() + b"\xff\xd8" + bytes(size) + b"\r\n--x--\r\n"
    answer = client.post(path, data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 422
    return answer.text


def test_the_way_to_a_test_drive_asks_nobody_who_they_are(app: Flask) -> None:
    w.build()
    shopper = Shopper(app)
    assert 'href="/test-drives?series=s5"' in shopper.page("/test-drives")
    assert "西湖店" in shopper.page("/test-drives?series=s5&city=杭州市")
    assert "series=s5&amp;dealer=west" in shopper.page("/test-drives?dealer=west")
    assert "雪山白" in shopper.page("/dealers/west/demo-cars")
    assert "到店可试驾" in shopper.fragment("/dealers/west/demo-cars")
    assert shopper.fragment("/dealers/shut/demo-cars").strip() == ""
    near = shopper.fragment("/test-drives/nearby/s5?lat=30.2&lng=120.1")
    assert "最早 11月22日14:00" in near
    for bad in ("lat=abc&lng=1", "lat=999&lng=1", "lat=NaN&lng=1", "lat=1e400&lng=1", "lat=1'--&lng=1", ""):
        assert "error" in shopper.fragment(f"/test-drives/nearby/s5?{bad}")
    shopper.page("/test-drives?series=none", 404)
    assert "set-cookie" not in {name.lower() for name, _ in shopper.http.get("/test-drives").headers}
    assert shopper.http.get("/test-drives/new?series=s5&dealer=west").status_code == 302  # to the login


def test_the_form_without_scripts(app: Flask) -> None:
    world, who = w.build(), s.member()
    client = sign_in(app, who)
    page = seen(client, "/test-drives/new?series=s5&dealer=west")
    assert page.count('type="checkbox"') == 1
    assert "checked" not in page
    assert "此号码已验证" in page
    assert len(re.findall(r'name="at"', page)) == 7
    key = re.search(r'name="idempotency_key"[^>]*value="([^"]+)"', page)
    assert key
    form: dict[str, object] = {"series": "s5", "dealer": "west", "idempotency_key": key[1], "phone": "139 0000 2086"}
    again = send(client, "/test-drives", 422, **form).text
    for sentence in ("请选择一个试驾时间。", "请填写姓名。", "请勾选同意"):
        assert sentence in again
    form |= {"at": AT.isoformat(), "name": "周<b>样例", "share": "y"}
    where = send(client, "/test-drives", **form).headers["Location"]
    assert send(client, "/test-drives", **form).headers["Location"] == where  # sent twice
    assert "&lt;b&gt;" in seen(client, where)
    other = sign_in(app, s.member("13900000002"))
    gone = send(other, "/test-drives", 422, **(form | {"phone": "13900000002", "idempotency_key": "another-key"})).text
    assert "刚刚约满了" in gone
    assert "约满" in gone
    assert "周&lt;b&gt;样例" in gone  # what was typed is still there
    other.get("/me/phone")
    assert send(other, "/test-drives", 422, **(form | {"at": "x", "idempotency_key": "k" * 9})).status_code == 422
    assert seen(client, "/test-drives/new?series=s5&dealer=west&on=x").count("约满") == 0
    assert seen(client, f"/test-drives/new?series=s5&dealer=west&on={AT.date()}").count("约满") == 1
    assert client.get(f"{where}/calendar.ics").text.count("DTSTART;TZID=Asia/Shanghai:20261123T100000") == 1
    assert other.get(where).status_code == other.get(f"{where}/calendar.ics").status_code == 404
    assert "1 个待进行" in client.get("/me").text
    with transaction():
        db.session.get_one(Dealer, world.west).status = "关闭"
    assert send(client, "/test-drives", 404, **(form | {"idempotency_key": "third-key"}))


def test_moving_cancelling_and_a_store_that_closed(app: Flask) -> None:
    world, who = w.build(), s.member()
    client, no = sign_in(app, who), w.booked(world, who)
    page = seen(client, f"/me/test-drives/{no}/change?on={AT.date()}")
    assert "约满" not in page  # the own time does not count against oneself
    send(client, f"/me/test-drives/{no}/change", 422, at="")
    send(client, f"/me/test-drives/{no}/change", at=(AT + HOUR).isoformat())
    w.close(world)
    assert "原定 11月23日11:00 的试驾不能进行" in seen(client, f"/me/test-drives/{no}")
    page = seen(client, f"/me/test-drives/{no}/change")
    assert "其他门店也能试" in page
    seen(client, f"/me/test-drives/{no}/change?dealer=east&on={AT.date()}")
    at = AT.isoformat().replace("10:00", "09:45")
    assert "请勾选同意" in send(client, f"/me/test-drives/{no}/change", 422, dealer="east", at=at).text
    send(client, f"/me/test-drives/{no}/change", dealer="east", at=at, share="y")
    assert "待到店" in seen(client, "/me/test-drives")
    send(client, f"/me/test-drives/{no}/cancellation")
    assert "已取消" in seen(client, f"/me/test-drives/{no}")
    send(client, f"/me/test-drives/{no}/change", 422, at=at)


def test_at_the_desk_on_two_phones(app: Flask, frozen: Any) -> None:
    world, who = w.build(licence_photos=True), s.member()
    client, counter, no = sign_in(app, who), staff(app, world.clerk), w.booked(world, who)
    frozen.move_to(AT)
    mine, theirs = f"/me/test-drives/{no}", f"/staff/test-drives/{no}"
    assert "周*" in seen(counter, "/staff/test-drives")
    assert "13900002086" not in seen(counter, theirs)
    assert "13900002086" in send(counter, f"{theirs}/contact", 200).text
    send(counter, f"{theirs}/arrival")
    page = seen(client, mine)
    mark = re.search(r"seen=([\w-]+)", page)
    assert mark
    head = {"HX-Request": "true"}
    assert client.get(f"{mine}/status?seen={mark[1]}", headers=head).status_code == 204
    out = io.BytesIO()
    Image.new("RGB", (640, 400)).save(out, "PNG")
    assert (
        "请先勾选同意" in send(client, f"{mine}/licence-photo", 422, photo=(io.BytesIO(out.getvalue()), "a.png")).text
    )
    assert "超过 10 MB" in send_big(client, f"{mine}/licence-photo", 30 * 1024 * 1024)
    wrong = io.BytesIO(b"%PDF-1.7 not a picture")
    assert "不是图片" in send(client, f"{mine}/licence-photo", 422, photo=(wrong, "c.jpg"), agree="y").text
    send(client, f"{mine}/licence-photo", photo=(io.BytesIO(out.getvalue()), "d.png"), agree="y")
    assert client.get(f"{mine}/status?seen={mark[1]}", headers=head).status_code == 200
    shown = send(counter, f"{theirs}/licence/photo", 200)
    assert "data:image/jpeg;base64," in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert "门店查看了驾驶证照片" in seen(client, mine)
    assert client.get(f"{theirs}/licence/photo").status_code in (404, 405)
    assert client.post(f"{theirs}/licence/photo").status_code in (403, 419)
    assert "请先核对驾驶证" in send(counter, f"{theirs}/start", 422, route=ROUTE).text
    send(counter, f"{theirs}/licence")
    send(client, f"{mine}/route", route=ROUTE)
    digest = fields(seen(client, f"{mine}/agreement"))["digest"]
    assert "请阅读协议并勾选" in send(client, f"{mine}/agreement", 422, digest=digest, typed_name="周样例").text
    send(client, f"{mine}/agreement", digest=digest, drawing=DRAWN, read="y")
    assert 'aria-label="手写签名"' in seen(client, f"{mine}/agreement")
    assert "手写" in seen(counter, f"{theirs}/agreement")
    send(counter, f"{theirs}/start", route=ROUTE)
    send(counter, f"{theirs}/end")
    send(client, f"{mine}/answers", 422, car_stars="5")
    send(client, f"{mine}/answers", car_stars="5", dealer_stars="4", plan="compare")
    assert "车 5 星，门店 4 星，还要再比较" in seen(counter, theirs)
    assert "写一条公开评价" in seen(client, mine)
    assert "西湖店" in seen(client, f"/me/reviews/new?of=drive&no={no}")
    send(client, f"{mine}/licence-photo/withdrawal")
    assert db.session.query(LicencePhoto.content).scalar() is None
    assert "已删除" in send(counter, f"{theirs}/licence/photo", 422).text


def test_a_photo_for_somebody_elses_drive_is_turned_away_unread(app: Flask) -> None:
    world = w.build(licence_photos=True)
    client, no = sign_in(app, s.member("13900000009")), w.booked(world)
    path = f"/me/test-drives/{no}/licence-photo"
    big = {"photo": (io.BytesIO(bytes(30 * 1024)), "a.jpg")}
    assert client.post(path, data=big).status_code == 404  # without a token: nothing of it was read
    answers = [client.post("/me/test-drives/none/licence-photo", data={"csrf_token": "x"}) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [404] * 19 + [429]


def test_a_walk_in_signs_by_name_on_the_stores_phone(app: Flask) -> None:
    world, who = w.build(), s.member()
    counter, client = staff(app, world.clerk), sign_in(app, who)
    assert "雪山白" in seen(counter, "/staff/test-drives/walk-in")
    send(counter, "/staff/test-drives/walk-in", 422, car="x", name="")
    theirs = send(counter, "/staff/test-drives/walk-in", car=str(world.car), name="<script>'--").headers["Location"]
    assert "客户扫码" in seen(counter, theirs)
    assert "<script>'" not in seen(counter, theirs) + seen(counter, "/staff/test-drives")
    assert "正在使用" in send(counter, "/staff/test-drives/walk-in", 422, car=str(world.car), name="孙女士").text
    no = theirs.rsplit("/", 1)[1]
    digest = fields(seen(counter, f"{theirs}/agreement"))["digest"]
    send(counter, f"{theirs}/agreement", 422, digest=digest, read="y")
    send(counter, f"{theirs}/agreement", digest=digest, read="y", typed_name="钱样例")
    link = "/test-drives/join/" + join_token(app.config["SECRET_KEY"], no, NOW)
    seen(client, link)
    where = send(client, link).headers["Location"]
    assert "签试驾协议" in seen(client, where)
    seen(client, link + "0", 404)
    send(counter, f"{theirs}/cancellation", reason="车辆<b>故障")
    assert "车辆&lt;b&gt;故障" in seen(client, where)
    assert w.drive(no).contact_phone == ""


def test_the_manager_keeps_cars_and_days_and_nobody_else_does(app: Flask) -> None:
    world = w.build()
    boss, clerk = staff(app, world.manager), staff(app, world.clerk)
    for path in ("/staff/demo-cars", "/staff/demo-cars/new", f"/staff/demo-cars/{world.car}"):
        assert clerk.get(path).status_code == 403
        seen(boss, path)
    facts = {"trim": str(world.trim), "colour": "曜石红", "plate_tail": "123", "minutes": "60"}
    send(boss, "/staff/demo-cars", 422, **facts)
    send(boss, "/staff/demo-cars", 422, **facts, active_from="2026-11-23", active_until="2026-11-01")
    send(boss, "/staff/demo-cars", **facts, active_from="2026-11-23")
    send(boss, f"/staff/demo-cars/{world.car}", **facts, active_from="2026-11-23")
    send(boss, "/staff/demo-cars/closures", 422, car="", from_on="2026-12-02", until_on="2026-12-01")
    send(boss, "/staff/demo-cars/closures", car="", from_on="2026-12-01", until_on="2026-12-02", reason="保养")
    page = seen(boss, "/staff/demo-cars")
    assert "保养" in page
    removal = re.search(r"/staff/demo-cars/closures/(\d+)/removal", page)
    assert removal
    send(boss, removal[0])
    desk_facts = {"minutes": "60", "lead_minutes": "60", "thanks_slug": "", "routes": "湖边路线"}
    send(boss, "/staff/demo-cars/settings", 422, **desk_facts, days_ahead="99")
    send(boss, "/staff/demo-cars/settings", **desk_facts, days_ahead="7")
    send(boss, f"/staff/demo-cars/{world.car}/closing")
    assert send(boss, f"/staff/demo-cars/{world.car}/closing", 404)
    assert "曜石红" in Shopper(app).page("/dealers/west/demo-cars")


def test_headquarters_see_every_store(app: Flask) -> None:
    world, who = w.build(), s.member()
    no = ready(world, who)
    desk.start(world.clerk, no, ROUTE, AT)
    desk.end(world.clerk, no, AT)
    client = admin_client(app)
    page = seen(client, "/admin/test-drives")
    assert "西湖店" in page
    answer = {"csrf_token": fields(page)["csrf_token"], "thanks_slug": ""}
    assert client.post("/admin/test-drives/thanks", data=answer).status_code == 303


def test_sweeps_are_registered_and_find_nothing_in_an_empty_house(app: Flask) -> None:
    names = {"drive_reminders", "drive_no_shows", "drive_slots", "drive_thanks", "licence_photos", "drive_contacts"}
    assert names <= jobs.listed(app).keys()
    assert [jobs.listed(app)[name].work() for name in sorted(names)] == [0] * 6
