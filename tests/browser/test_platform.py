"""The platform layer with real processes: pushes, consents, notices, ways to pay, places, and the nightly bill."""

import contextlib
import csv
import io
import json
import re
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from app.admin.rules import one_time_code
from app.booking.models import DealDealer, OnePriceDeal
from app.booking.services import pay
from app.core import clock
from app.core.db import db
from app.dealers.models import Dealer
from app.gateways.pay.port import Method
from app.payments.models import Payment
from tests.booking import shop as s
from tests.browser.axe import LOOKS
from tests.browser.conftest import House
from tests.browser.people import DEAL, Clerk, Shopper
from tests.browser.test_pages import look, problems

pytestmark = pytest.mark.browser
PHONE_UA = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile "
    "Safari/537.36"
)
DESKTOP_UA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"
DIALOG = "iframe[data-wechat-sandbox=dialog]"
DAY = 86400
TEMPLATE = "TEMPLATE-deposit-paid"


def until(check: Any, seconds: float = 20) -> Any:
    """Ask again until the answer is something."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found


def call(house: House, path: str, body: Any = None) -> dict[str, Any]:
    """One of the account's APIs, as somebody with its AppSecret may call it."""
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(house.sandbox + path, data), timeout=15) as answer:
        return json.load(answer)


def openid_of(house: House, nickname: str) -> str:
    people = house.sim("GET", "/sim/people")["people"]
    return next(person["openid"] for person in people if person["nickname"] == nickname)


@pytest.fixture(scope="module")
def chief(house: House, browser: Browser) -> Iterator[Page]:
    """Somebody at the headquarters, signed in with password and one-time code."""
    output = house.flask("create-operator", "platform-chief", "--generate")
    password = re.search(r"密码: (\S+)", output)
    uri = re.search(r"otpauth://\S+", output)
    assert password
    assert uri
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN", user_agent=DESKTOP_UA)
    page = context.new_page()
    page.goto(house.url + "/admin/login")
    page.locator("[name=login]").fill("platform-chief")
    page.locator("[name=password]").fill(password[1])
    secret = parse_qs(urlsplit(uri[0]).query)["secret"][0]
    page.locator("[name=code]").fill(one_time_code(secret, int(time.time()) // 30))
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/admin")
    yield page
    context.close()


@pytest.mark.parametrize("mode", ["plain", "safe"])
def test_pushes_become_rows_and_are_answered(house, mode):
    """A stranger scans a store's code and follows, scans again, writes, agrees to a notice."""
    env = house.environment
    token = call(
        house,
        f"/cgi-bin/token?grant_type=client_credential&appid={env['WECHAT_APP_ID']}&secret={env['WECHAT_APP_SECRET']}",
    )["access_token"]
    scene = f"store_{mode}"
    wanted = {"expire_seconds": 600, "action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
    ticket = call(house, f"/cgi-bin/qrcode/create?access_token={token}", wanted)["ticket"]
    openid = house.sim("POST", "/sim/people", {"nickname": f"示例关注者 {mode}"})["openid"]
    before = house.read("SELECT coalesce(max(id), 0) FROM push_events")[0][0]
    house.sim("POST", "/sim/push", {"mode": mode})
    try:
        for action, data in (
            ("scan", {"code": ticket}),
            ("scan", {"code": ticket}),
            ("say", {"text": "在吗"}),
            ("popup", {"choices": {"TEMPLATE-of-pushes": "accept"}, "faults": ["duplicate"]}),
        ):
            house.sim("POST", f"/sim/people/{openid}/{action}", data)
        until(lambda: all(p["state"] == "done" for p in house.sim("GET", f"/sim/pushes?openid={openid}")["pushes"]))
    finally:
        house.sim("POST", "/sim/push", {"mode": "safe"})
    kinds = "SELECT kind, scene FROM push_events WHERE id > ? AND processed_at IS NOT NULL ORDER BY id"
    rows = until(lambda: len(found := house.read(kinds, before)) == 4 and found)
    assert sorted(rows) == sorted(
        [("subscribe", scene), ("SCAN", scene), ("text", ""), ("subscribe_msg_popup_event", "")]
    )
    assert house.read("SELECT following FROM wechat_contacts WHERE scene = ?", scene) == [(1,)]
    given = "SELECT count(*) FROM notice_consents WHERE template_id = 'TEMPLATE-of-pushes' GROUP BY openid_digest"
    assert set(house.read(given)) == {(1,)}


def test_a_consented_notice_goes_out_once_and_the_journey_is_in_ones_own_list(house, phone, chief):
    """WeChat's own button on the booking, one tap, one notice; the headquarters sees what became of it."""
    chief.goto(house.url + "/admin/messages/templates")
    card = chief.locator("form", has=chief.get_by_role("heading", name="已收到付款"))
    card.get_by_label("模板编号").fill(TEMPLATE)
    card.get_by_label("“车款”对应的键").fill("thing1")
    card.get_by_label("“说明”对应的键").fill("thing2")
    card.get_by_role("button").click()
    expect(chief.get_by_role("heading", level=1)).to_have_text("通知模板")

    shopper = Shopper(phone(), house)
    shopper.book()
    shopper.open_booking()
    page = shopper.page
    page.locator("wx-open-subscribe").click()
    dialog = page.frame_locator(DIALOG)
    expect(dialog.locator("#person option:checked")).to_have_text(shopper.person)
    dialog.get_by_role("button", name="确定").click()
    expect(page.get_by_text("已收到您的选择")).to_be_visible()
    consents = "SELECT state FROM notice_consents WHERE template_id = ?"
    until(lambda: house.read(consents, TEMPLATE) == [("open",)])

    page.goto(f"{house.url}/bookings/{shopper.booking}/payment")
    shopper.pay()
    shopper.see("已付订金")
    openid = openid_of(house, shopper.person)
    outbox = f"/sim/outbox?openid={openid}&kind=notice"
    (sent,) = until(lambda: house.sim("GET", outbox)["messages"])
    assert sent["template_id"] == TEMPLATE
    assert shopper.booking in json.dumps(sent)
    (told, *_) = house.sim("GET", "/sim/orders")["orders"][0]["notices"]
    house.sim("POST", f"/sim/notices/{told['id']}/resend", {})  # told again: nothing is sent again
    assert house.read(consents, TEMPLATE) == [("used",)]

    page.goto(house.url + "/me/messages")
    expect(page.get_by_role("heading", name="已收到付款")).to_be_visible()
    expect(page.locator("#main, main").get_by_text(re.compile("岫 S5"))).to_be_visible()
    chief.goto(house.url + "/admin/messages")
    expect(chief.locator(".cell", has_text="订阅通知 · 已收到付款")).to_have_count(1)
    expect(chief.locator(".cell", has_text="订阅通知 · 已收到付款")).to_contain_text(re.compile("已发出|已送达"))
    assert len(house.sim("GET", outbox)["messages"]) == 1


def open_gallery(page: Page) -> None:
    """Tap the first picture, once its script has come."""
    page.locator("#gallery").scroll_into_view_if_needed()
    page.locator("#gallery .slides a[data-sheet]").first.click()


def wait_for_card(page: Page) -> Any:
    """What WeChat was told to share; None if nothing. The policy forbids the eval of wait_for_function."""
    for _ in range(100):
        if page.evaluate("!!window.__wechatSandbox && !!window.__wechatSandbox.share.updateTimelineShareData"):
            break
        page.wait_for_timeout(100)
    return page.evaluate("window.__wechatSandbox.share.updateAppMessageShareData")


def test_the_store_opens_in_wechats_map_and_pictures_in_its_viewer(house, phone):
    page = phone()

    def late(route: Any) -> None:  # the SDK is there long before the page is signed
        page.wait_for_timeout(700)
        route.continue_()

    page.route("**/share/config?**", late)
    page.goto(house.url + "/dealers/yx-330106-01")
    page.get_by_role("button", name="用微信地图打开").click()
    shown = page.frame_locator(DIALOG)
    expect(shown.get_by_role("heading", level=1)).to_contain_text("西湖文三路店")
    box = page.locator("[data-place]")
    expect(shown.get_by_text(f"纬度 {box.get_attribute('data-lat')}")).to_be_visible()

    page.goto(house.url + "/series/yx-s5")
    wait_for_card(page)
    open_gallery(page)
    expect(page.frame_locator(DIALOG).get_by_role("heading", level=1)).to_contain_text("看图")


def test_pictures_open_in_our_own_viewer_where_wechats_is_refused(house, phone):
    """The bridge is there, the signature is not: the tap must not do nothing."""
    page = phone()
    page.route("**/share/config?**", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(house.url + "/series/yx-s5", wait_until="networkidle")
    open_gallery(page)
    expect(page.locator("#viewer")).to_be_visible()


def test_a_refused_place_leads_to_the_cities(house, phone):
    """Refused once, not asked again: the picker beside it works, and finds by name, pinyin and initials."""
    page = phone()
    house.sim("POST", "/sim/place", {"refuse": True})
    try:
        page.goto(house.url + "/dealers")
        wait_for_card(page)
        page.locator("[data-locate]").click()
        expect(page.get_by_text("没有定位也可以：请选择所在城市")).to_be_visible()
        page.get_by_label("城市").select_option("上海市")
        page.get_by_role("button", name="查看").click()
        expect(page.locator("#count")).to_contain_text("上海市")
        expect(page.locator("#dealers > article").last).to_be_visible()  # none of them is hidden
        page.goto(house.url + "/cities")
        page.get_by_role("link", name=re.compile("^杭州")).or_(
            page.get_by_role("button", name=re.compile("^杭州"))
        ).first.click()
        page.goto(house.url + "/")
        expect(page.get_by_text("杭州").first).to_be_visible()
    finally:
        house.sim("POST", "/sim/place", {})


PAGES = ("/", "/series", "/series/yx-s5", "/deals", f"/deals/{DEAL}", "/dealers", "/dealers/yx-330106-01")


def test_every_public_page_gives_its_canonical_card(house, phone):
    """What WeChat shares is the address without the tracks of whoever shared it."""
    page = phone()
    for path in PAGES:
        page.goto(f"{house.url}{path}?from=singlemessage&isappinstalled=0")
        card = wait_for_card(page)
        assert card, path
        assert card["link"] == house.url + path
        assert card["title"], path


def sign_in_by_phone(shopper: Shopper) -> None:
    """手机号登录 outside WeChat, on the way to the form."""
    page = shopper.page
    page.goto(f"{shopper.house.url}/login/phone?next=/deals/{DEAL}/bookings/new")
    page.get_by_role("textbox", name="手机号").fill(shopper.phone)
    page.get_by_role("button", name=re.compile("验证码")).click()
    expect(page.get_by_text(re.compile("秒后可重发"))).to_be_visible()
    page.locator("[name=code]").fill(shopper.read_code())
    page.get_by_role("button", name="登录").click()
    shopper.fill_form()
    shopper.submit()


def prepare(page: Page, words: str) -> None:
    """Where the cashier is not open yet, open it."""
    button = page.get_by_role("button", name=re.compile(f"^{words}"))
    if button.count():
        button.click()


def test_h5_payment_in_a_phones_own_browser(house, phone):
    shopper = Shopper(phone(user_agent=PHONE_UA), house)
    sign_in_by_phone(shopper)
    prepare(shopper.page, "去支付")
    expect(shopper.page.get_by_role("link", name=re.compile("^打开微信支付"))).to_be_visible()
    look(shopper.page)
    shopper.page.get_by_role("link", name=re.compile("^打开微信支付")).click()
    expect(shopper.page.get_by_text("微信支付 · 沙箱")).to_be_visible()
    shopper.page.get_by_role("button", name="支付", exact=True).click()
    shopper.page.wait_for_url(f"{house.url}/bookings/**")
    shopper.see("已付订金")
    assert house.read("SELECT channel FROM payments ORDER BY id DESC LIMIT 1") == [("h5",)]


def test_native_code_on_a_desktop_is_scanned_by_a_phone(house, phone):
    desk = phone(user_agent=DESKTOP_UA, is_mobile=False, has_touch=False, viewport={"width": 1280, "height": 900})
    shopper = Shopper(desk, house)
    sign_in_by_phone(shopper)
    prepare(desk, "生成付款码")
    expect(desk.get_by_role("img", name="微信支付二维码")).to_be_visible()
    look(desk)
    ((url, channel),) = house.read("SELECT pay_url, channel FROM payments ORDER BY id DESC LIMIT 1")
    assert channel == "native"
    house.sim("POST", "/sim/pay/scan", {"code_url": url})
    shopper.see("已付订金")  # by itself


def book(house: House, count: int) -> list[str]:
    """So many bookings at the cashier, by the shop's own services and clients: their payment numbers.

    How people book with their phones is seen above; here it would cost half a minute.
    """
    env = house.environment
    numbers: list[str] = []
    with house.inside() as app:
        deal = db.session.query(OnePriceDeal).filter_by(slug=DEAL).one()
        stores = db.session.query(DealDealer.dealer_id).filter_by(deal_id=deal.id)
        store = (stores.first() or db.session.query(Dealer.id).filter_by(status="营业").first() or [0])[0]
        at = s.Shop(deal.slug, deal.id, store, store, store, s.terms_of(deal).version)
        price = deal.price_fen
        for n in range(count):
            actor, now = s.member(f"1390002{n:04d}"), clock.now()
            no = s.place(at, actor, now, seen_price_fen=price).no
            own = {"app_id": env["WECHAT_APP_ID"], "mch_id": env["WECHATPAY_MCH_ID"], "method": Method.NATIVE}
            pay.open_booking_payment(actor, no, app.extensions["pay"], now, **own)
            numbers.append(db.session.query(Payment.out_trade_no).order_by(Payment.id.desc()).limit(1).scalar())
    return numbers


def pay_two_days_ago(house: House, number: str, *, told: bool = True) -> None:
    """The money came two days ago, by both sides' clocks."""
    house.sim("POST", f"/sim/orders/{number}/pay", {"notify": "normal" if told else "none"})
    if told:
        until(lambda: house.read("SELECT 1 FROM payments WHERE out_trade_no = ? AND state = 'succeeded'", number))
        ((paid_at,),) = house.read("SELECT paid_at FROM payments WHERE out_trade_no = ?", number)
        earlier = (datetime.fromisoformat(paid_at) - timedelta(days=2)).isoformat(" ", "microseconds")
        house.sql("UPDATE payments SET paid_at = ? WHERE out_trade_no = ?", earlier, number)
    with contextlib.closing(sqlite3.connect(house.folder / "sandbox" / "sandbox.sqlite3", timeout=15)) as file, file:
        file.execute("UPDATE orders SET paid_at = paid_at - ? WHERE out_trade_no = ?", (2 * DAY, number))


def test_a_day_is_reconciled_with_the_bill(house, chief):
    """Every kind of difference is found, a lost notice is healed by asking, and the books balance to the fen."""
    day = clock.local(clock.now() - timedelta(days=2)).date().isoformat()
    missing, amount, state, good, unheard = numbers = book(house, 5)
    house.stop("worker")  # nobody asks about the payment that nobody told us of
    try:
        for number in numbers:
            pay_two_days_ago(house, number, told=number != unheard)
        differences = [
            {"kind": "missing", "number": missing},
            {"kind": "amount", "number": amount, "fen": 1},
            {"kind": "state", "number": state},
            {"kind": "extra", "number": "P990101NOBODYS", "fen": 500},
        ]
        house.sim("POST", "/sim/pay/differences", {"day": day, "differences": differences})
        chief.goto(house.url + "/admin/reconciliation")
        for _ in range(2):  # again: the same
            chief.goto(house.url + "/admin/reconciliation")
            chief.locator("[name=day]").fill(day)
            chief.locator("[name=day]").locator("xpath=ancestor::form").get_by_role("button").click()
            chief.wait_for_url(f"**/admin/reconciliation/{day}")
            rows = house.read(
                "SELECT number, verdict, work FROM reconciled_lines WHERE day = ? AND side != 'fund'", day
            )
            found = {row[0]: row[1:] for row in rows}
            assert found == {
                missing: ("only_ours", "open"),
                amount: ("amount", "open"),
                state: ("state", "open"),
                "P990101NOBODYS": ("only_theirs", "open"),
                good: ("matched", ""),
                unheard: ("state", "healed"),
            }
        assert house.read("SELECT state FROM payments WHERE out_trade_no = ?", unheard) == [("succeeded",)]
        ((text,),) = house.read("SELECT figures FROM reconciled_days WHERE day = ?", day)
        figures = json.loads(text)
        assert figures["ever_in"] == figures["ever_out"] + figures["ever_held"] > 0

        raw = chief.request.get(f"{house.url}/admin/reconciliation/{day}/report.csv").body()
        assert raw.startswith("\ufeff时间,类别,商户单号".encode())
        table = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
        by_number = {row["商户单号"].strip(): row for row in table}
        assert by_number[missing]["结论"] == "仅我方有"
        assert float(by_number[good]["我方金额(元)"]) == float(by_number[good]["微信金额(元)"]) > 0
        sheet = load_workbook(
            io.BytesIO(chief.request.get(f"{house.url}/admin/reconciliation/{day}/report.xlsx").body())
        )["明细"]
        heads = [cell.value for cell in sheet[1]]
        money = sheet.iter_rows(
            min_row=2, min_col=heads.index("我方金额(元)") + 1, max_col=heads.index("手续费(元)") + 1
        )
        values = [cell.value for row in money for cell in row if cell.value is not None]
        assert values
        assert all(isinstance(value, int | float) for value in values)
    finally:
        house.start("worker")


def test_what_a_store_hands_in_comes_back_once_and_is_on_its_page_then(house, phone, chief):
    """An activity from the manager's phone: headquarters see what is new, send it back with a reason, approve it."""
    manager, store, title = Clerk(phone(), house), "yx-330106-01", "周日亲子试驾（样例）"
    manager.join(store, "manager")
    desk, now = manager.page, clock.local(clock.now())
    desk.goto(f"{house.url}/staff/store/activities/new")
    desk.get_by_label("标题").fill(title)
    desk.get_by_label("内容").fill("带孩子来试驾，有儿童座椅。")
    desk.locator("[name=starts_at]").fill(f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M}")
    desk.locator("[name=ends_at]").fill(f"{now + timedelta(days=6):%Y-%m-%dT%H:%M}")
    desk.get_by_role("button", name="提交审核").click()
    expect(desk.get_by_text("等待总部审核")).to_be_visible()
    chief.goto(house.url + "/admin/submissions")
    chief.get_by_role("link", name=re.compile(re.escape(title))).click()
    expect(chief.get_by_role("heading", name="顾客将看到")).to_be_visible()
    found = problems(chief)
    chief.get_by_label(re.compile("退回原因")).fill("请写明名额和报名方式。")
    chief.get_by_role("button", name="退回门店").click()
    expect(chief.get_by_text("退回原因：请写明名额")).to_be_visible()
    desk.reload()
    expect(desk.get_by_text("请写明名额和报名方式。")).to_be_visible()
    found += problems(desk)
    desk.get_by_role("link", name="修改后重新提交").click()
    desk.get_by_label("内容").fill("带孩子来试驾，有儿童座椅。限 10 组，到店报名。")
    desk.get_by_role("button", name="提交审核").click()
    expect(desk.get_by_text("等待总部审核")).to_be_visible()
    chief.goto(house.url + "/admin/submissions")
    chief.get_by_role("link", name=re.compile(re.escape(title))).click()
    chief.get_by_role("button", name=re.compile("^通过")).click()
    expect(chief.get_by_text("正在展示")).to_be_visible()
    desk.goto(f"{house.url}/dealers/{store}")
    expect(desk.get_by_text("限 10 组，到店报名。")).to_be_visible()
    assert not found


OFFICE_PAGES = (
    *("/admin/reconciliation", "/admin/refunds", "/admin/messages", "/admin/messages/templates", "/admin/cases"),
    *("/admin/deals", f"/admin/deals/{DEAL}", "/admin/bookings", "/admin/reviews"),
)


def test_the_pages_of_the_office_read_well(house, chief):
    """axe finds nothing and nothing overflows, on a phone, in the dark, in large type and on a desk; with a day's
    report and a booking if there is one."""
    known = [f"/admin/reconciliation/{row[0]}" for row in house.read("SELECT day FROM reconciled_days LIMIT 1")]
    known += [f"/admin/bookings/{row[0]}" for row in house.read("SELECT no FROM bookings LIMIT 1")]
    for path in (*OFFICE_PAGES, *known):
        chief.set_viewport_size({"width": 390, "height": 844})
        chief.goto(house.url + path)
        look(chief)
        for width, times in ((390, "2"), (1280, "1")):
            chief.set_viewport_size({"width": width, "height": 844})
            chief.evaluate("times => document.documentElement.style.fontSize = `${times * 100}%`", times)
            assert not (found := problems(chief, LOOKS)), found
