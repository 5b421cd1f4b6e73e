"""The pages of headquarters' coupons, as an operator clicks through them."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any, cast

import openpyxl
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from wtforms import BooleanField, SelectField

from app.catalog.models import Series
from app.core.db import db
from app.coupons.admin_views.forms import CampaignForm, filled
from app.coupons.admin_views.lists import read_list
from app.coupons.errors import CodeStopped
from app.coupons.models import ClaimCode, GivingRun, GivingTarget
from app.coupons.queries import admin
from app.coupons.rules.editing import Draft
from app.coupons.services import giving_runs
from app.coupons.services.ways import claim_by_code
from tests.booking import shop as s
from tests.client import check
from tests.coupons import campaigns as c
from tests.coupons.campaigns import agree
from tests.operators import admin_client

NOW = c.NOW
FORM = {
    "title": "秋季购车券", "slug": "autumn", "kind": "代金券", "face": "3000", "total": "100", "per_person": "1",
    "way": "直接领取", "claim_from": "2026-11-20T09:00", "claim_until": "2026-12-20T18:00", "valid_on": "2026-12-31",
    "usage": "通用", "scope": "整车", "every_store": "y", "priority": "100", "payer": "总部",
}  # fmt: skip


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text[:400]
    check(answer.text, whole=True)
    return unescape(answer.text)


def post(client: FlaskClient, path: str, data: dict[str, Any] | None = None, status: int = 303) -> str:
    """Send a form with the token of the session; where it leads, or the page that says why not."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/coupons/new").text)
    assert token
    answer = client.post(path, data={"csrf_token": token[1], **(data or {})})
    assert answer.status_code == status, answer.text[:600]
    if status == 303:
        return answer.headers["Location"]
    check(answer.text, whole=answer.text.lstrip().startswith("<!"))
    return unescape(answer.text)


def test_from_the_form_to_the_end(app: Flask) -> None:
    s.build()
    client = admin_client(app)
    assert "还没有活动" in page(client, "/admin/coupons")
    text = post(client, "/admin/coupons/terms", FORM | {"terms": "分享到朋友圈可领"}, 200)
    assert "抵 ¥3,000。" in text
    assert "微信外链规范" in text
    here = post(client, "/admin/coupons", FORM)
    assert "先预演" in page(client, here)
    assert "未发布" in page(client, "/admin/coupons?phase=draft&text=autumn")
    assert "没有符合的活动" in page(client, "/admin/coupons?phase=running")
    assert app.test_client().get("/coupons/autumn").status_code == 404
    text = page(client, here + "/preview")
    path = re.search(r'<iframe class="device" src="([^"]+)"', text)
    assert path
    shown = app.test_client().get(path[1])
    assert (shown.status_code, shown.headers["X-Robots-Tag"]) == (200, "noindex, nofollow")
    assert "这里不能领取" in shown.text
    assert "/claims/new" not in shown.text
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        assert app.test_client().get(path[1]).status_code == 404
    seen = re.search(r'name="seen" value="([^"]+)"', page(client, here + "/edit"))
    assert seen
    assert "请先预演" in post(client, here + "/publication", {"seen": seen[1]}, 422)
    assert "还没有预演过" in page(client, here + "/rehearsal")
    page_of = page(client, post(client, here + "/rehearsal"))
    for words in ("绿灯，可以发布", "最多花费 ¥300,000", "应发 60 张，实发 60 张", "一人最多领到 1 张"):
        assert words in page_of, words
    post(client, here + "/publication", {"seen": seen[1]})
    text = page(client, here)
    assert "可领" in text
    assert "每 5 秒更新" in text
    assert app.test_client().get("/coupons/autumn").status_code == 200
    c.claim(c.member(), "autumn")
    board = client.get(here, headers={"HX-Request": "true"}).text
    check(board, whole=False)
    assert "直接领取 · 页面" not in board  # claimed by the service here, over no channel
    assert re.search(r"领出</dt><dd class=\"num\">1<", board)
    assert "请填写原因" in post(client, here + "/pause", {"reason": " "}, 422)
    post(client, here + "/pause", {"reason": "库存核对"})
    text = page(client, here)
    assert "已暂停：库存核对" in text
    assert "暂停领取" in page(client, "/admin/coupons?phase=paused")
    post(client, here + "/resume")
    post(client, here + "/end", {"reason": "活动结束"})
    text = page(client, here)
    for words in ("新建", "预演", "发布", "暂停", "恢复", "结束"):
        assert words in text, words
    copied = post(client, here + "/copies", {"title": "冬季购车券", "slug": "winter"})
    assert "冬季购车券" in page(client, copied)
    assert "已被另一个券活动使用" in post(client, here + "/copies", {"title": "x", "slug": "autumn"}, 422)


def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(app: Flask) -> None:
    client = admin_client(app)
    wrong = FORM | {"face": "三千", "total": "0", "slug": "秋", "claim_until": "2026-01-01T00:00", "kind": "纸券"}
    text = post(client, "/admin/coupons", wrong, 422)
    for words in ("面值（元）看不懂", "发放总量至少是 1", "编号只用小写字母", "领取结束要晚于领取开始", "请选择类型"):
        assert words in text, words
    assert 'value="三千"' in text
    post(client, "/admin/coupons", FORM)
    assert "已被另一个券活动使用" in post(client, "/admin/coupons", FORM, 422)
    for kind, more in (
        ("折扣券", {"discount": "8.8", "most": "500"}),
        ("提货券", {"worth": "300"}),
        ("停车券", {}),
        ("服务券", {}),
    ):
        made = post(client, "/admin/coupons", FORM | {"kind": kind, "slug": f"k{len(kind)}{ord(kind[0])}", **more})
        assert kind in page(client, made)
    assert "8.8折" in page(client, "/admin/coupons?kind=折扣券")


def test_every_field_of_the_form_comes_back_as_it_was(app: Flask) -> None:
    """What a campaign holds, through the form and back: nothing is lost, nothing moves."""
    shop = s.build()
    full = {
        "per_person": 3, "per_day": 2, "daily_total": 20, "threshold_fen": 5_000_050, "worth_fen": 12_345,
        "channels": "页面；海报码", "usage": "到店", "scope": "精品", "stackable": True, "stack_group": "春",
        "alone": True,
        "priority": 7, "payer": "共担", "dealer_permille": 335, "terms": "另见门店公告\n以店内为准", "valid_days": 30,
        "claim_from": NOW.replace(second=17), "claim_until": NOW + timedelta(days=9, seconds=59),
        "valid_until": NOW + timedelta(days=40, minutes=7),
    }  # fmt: skip
    for n, more in enumerate(
        (
            {"kind": "代金券", "face_fen": 300_050, "way": "口令", "passphrase": "秋天 Open"},
            {"kind": "折扣券", "face_fen": None, "discount_permille": 885, "most_fen": 50_000},
            {"kind": "服务券", "face_fen": None, "way": "摇一摇", "shake_permille": 125, "near_m": 300},
        )
    ):
        series = (db.session.query(Series.id).scalar(),)
        number = c.campaign(f"full-{n}", dealers=(shop.west,), series=series, state="draft", **full | more)
        before = admin.draft_of(number)
        with app.test_request_context():
            sent = _typed(before)
        with app.test_request_context(method="POST", data=sent):
            assert CampaignForm().draft(NOW, before) == before


def _typed(draft: Draft) -> dict[str, Any]:
    """The form as a browser sends it back."""
    form = CampaignForm(formdata=None, **filled(draft))
    sent: dict[str, Any] = {}
    for each in form:
        if isinstance(each, BooleanField):
            sent |= {each.name: "y"} if each.data else {}
        elif isinstance(each, SelectField):
            sent[each.name] = each.data
        else:
            sent[each.name] = "" if each.name == "csrf_token" else str(cast(Any, each)._value())
    return sent


def test_codes_are_made_counted_printed_and_stopped(app: Flask) -> None:
    shop = s.build()
    client = admin_client(app)
    number = c.campaign("scan", way="扫码")
    here = f"/admin/coupons/{number}/codes"
    assert "还没有领券码" in page(client, here)
    post(client, here, {"label": "西湖店前台海报", "dealer": str(shop.west)})
    post(client, here, {"label": "秋季单页", "dealer": ""})
    post(client, here, {"label": " ", "dealer": ""}, 422)
    first, second = db.session.query(ClaimCode).order_by(ClaimCode.id)
    claim_by_code(c.member(), "scan", first.code, NOW, key="k1")
    sheet = page(client, here + "/sheet")
    assert sheet.count('aria-label="领券二维码') == 2
    assert "不需要关注" in sheet
    assert "秋季单页" not in page(client, f"{here}/sheet?code={first.id}")
    stop = f"/admin/coupons/codes/{second.id}/stop"
    post(client, stop)
    text = page(client, here)
    assert "已停用" in text
    assert "海报" in text
    with pytest.raises(CodeStopped):
        claim_by_code(c.member("13900000001"), "scan", second.code, NOW, key="k2")
    assert "门店码 西湖店前台海报" in page(client, f"/admin/coupons/{number}")
    secret = c.campaign("word", way="口令", passphrase="秋天来了")
    assert "不能用领券码" in page(client, f"/admin/coupons/{secret}/codes")
    assert "只有“直接领取”“扫码”和“摇一摇”" in post(
        client, f"/admin/coupons/{secret}/codes", {"label": "x", "dealer": ""}, 422
    )
    shaken = f"/admin/coupons/{c.campaign('shake', way='摇一摇', shake_permille=100, near_m=500)}/codes"
    assert "请选择门店" in post(client, shaken, {"label": "x", "dealer": ""}, 422)
    post(client, shaken, {"label": "西湖店", "dealer": str(shop.west)})
    code = db.session.query(ClaimCode).order_by(ClaimCode.id.desc()).first()
    assert code
    led = app.test_client().get(f"/coupons/shake/claims/new?p={code.code}")
    assert led.headers["Location"] == f"/coupons/shake/shakes/new?p={code.code}"
    assert "摇一摇领这张券" in page(client, shaken + "/sheet")
    drawn = c.campaign("draw", way="夺券")
    assert 'href="/admin/coupons/draws"' in page(client, f"/admin/coupons/{drawn}")
    assert "还要设抽奖" not in page(client, f"/admin/coupons/{number}")
    client.get(f"/admin/coupons/{number}/codes/sheet")


def upload(client: FlaskClient, number: int, data: bytes, status: int = 303, name: str = "list.csv") -> str:
    return post(
        client, f"/admin/coupons/{number}/lists", {"file": (io.BytesIO(data), name), "reason": "试驾后回访"}, status
    )


def test_a_list_is_checked_started_and_worked_off(app: Flask) -> None:
    s.build()
    client = admin_client(app)
    number = c.campaign(total=10)
    yes, no = c.member("13900000001"), c.member("13900000002")
    agree(yes)
    lines = f"手机号\n139 0000 0001\n13900000002\n13900000001\nM{yes.id}\n13900009999\n你好\n"
    upload(client, number, lines.encode("gb18030"))
    text = page(client, f"/admin/coupons/{number}/lists")
    for words in (
        "名单 6 行",
        "可发 1 人",
        "没有同意接收优惠通知 1",
        "名单里重复 2",
        "没有这位会员 1",
        "不是手机号或会员号 1",
    ):
        assert words in text, words
    assert "1390000" not in text
    assert c.counts() == (0, 0)  # nothing is given by the check
    giving_runs.work_off(NOW)
    assert c.counts() == (0, 0)
    run = db.session.query(GivingRun.id).scalar()
    post(client, f"/admin/coupons/lists/{run}/start")
    assert "发放中" in page(client, f"/admin/coupons/{number}/lists")
    giving_runs.work_off(NOW)
    giving_runs.work_off(NOW)
    text = page(client, f"/admin/coupons/{number}/lists")
    assert "已完成" in text
    assert c.counts() == (1, 1)
    assert "已经完成" in post(client, f"/admin/coupons/lists/{run}/stop", status=422)
    for data, words in (
        (b"\xff\xfe\x00\x01", "看不懂这个文件"),
        (b"", "名单里没有内容"),
        (b"%PDF-1.4\n1 0 obj\n", "看不懂这个文件"),
        (b"PK\x03\x04broken", "看不懂这个文件"),
        (b"13900000002\n", "没有一位可以发放的会员"),
        (b"13900000002\n" * 20_002, "名单最多 20000 行"),
    ):
        assert words in upload(client, number, data, 422), words
    book = openpyxl.Workbook()
    book.worksheets[0].append(["会员号"])
    book.worksheets[0].append([13900000001])
    out = io.BytesIO()
    book.save(out)
    assert read_list(out.getvalue()) == ["13900000001"]
    assert no.id not in {row[0] for row in db.session.query(GivingTarget.member_id)}


def test_all_of_it_is_for_operators_alone(app: Flask) -> None:
    number = c.campaign()
    for path in (
        "",
        "/new",
        f"/{number}",
        f"/{number}/edit",
        f"/{number}/rehearsal",
        f"/{number}/lists",
        f"/{number}/codes",
    ):
        assert app.test_client().get("/admin/coupons" + path).status_code == 302
    assert app.test_client().get("/coupons/previews/forged").status_code == 404
