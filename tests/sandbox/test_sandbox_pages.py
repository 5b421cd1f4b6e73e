"""The developer's pages: be somebody, look at a chat, scan a store's code, watch what happens."""

import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import WAIT_S, ListeningShop
from tests.sandbox.test_sandbox_messages import TEMPLATE, people, scene, sim

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def listening(sandbox: RunningSandbox, shop: ListeningShop) -> None:
    shop.statuses[:] = [200] * 50
    sim(sandbox, "/push", url=shop.url + "/wechat/events", mode="plain")


def test_being_somebody_opens_the_shop_and_the_login_asks_nobody(sandbox: RunningSandbox) -> None:
    who = people(sandbox)[1]
    answer = requests.post(f"{sandbox.url}/play/be/{who}", allow_redirects=False, timeout=WAIT_S)
    assert answer.headers["Location"].startswith("http://127.0.0.1:8000/")
    assert who in answer.headers["Set-Cookie"]
    assert "没有这个人" in requests.post(f"{sandbox.url}/play/be/nobody", timeout=WAIT_S).text


def test_a_chat_shows_messages_and_the_menu(sandbox: RunningSandbox, account, shop: ListeningShop) -> None:
    who = people(sandbox)[1]
    account.menu.create({"button": [{"type": "click", "name": "附近门店", "key": "stores"}]})
    account.message.send_template(who, TEMPLATE, {"a": {"value": "预订成功"}}, url="https://shop.example/")
    page = requests.post(f"{sandbox.url}/play/people/{who}", {"action": "say", "text": "在吗"}, timeout=WAIT_S).text
    for text in ("预订成功", "在吗", "附近门店", "取消关注"):
        assert text in page
    requests.post(f"{sandbox.url}/play/people/{who}", {"action": "click", "text": "stores"}, timeout=WAIT_S)
    assert any("stores" in notice.body.decode() for notice in shop.wait_for(3))
    other = people(sandbox)[0]
    refused = requests.post(f"{sandbox.url}/play/people/{other}", {"action": "say", "text": "x"}, timeout=WAIT_S)
    assert "做不到" in refused.text
    assert requests.get(f"{sandbox.url}/people/nobody", timeout=WAIT_S).status_code == 404


def test_scanning_a_code_from_the_page_makes_a_follower(sandbox: RunningSandbox, account, shop: ListeningShop) -> None:
    code = account.qrcode.create(scene("store_88", expire_seconds=60))
    assert "store_88" in requests.get(sandbox.url + "/", timeout=WAIT_S).text
    who = people(sandbox)[0]
    page = requests.post(f"{sandbox.url}/play/scan", {"person": who, "code": code["ticket"]}, timeout=WAIT_S).text
    assert "已关注公众号" in page
    assert "qrscene_store_88" in shop.wait_for(1)[0].body.decode()


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_home_fits_and_its_log_writes_itself(browser: Browser, sandbox: RunningSandbox, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.goto(sandbox.url + "/")
    sim(sandbox, f"/people/{people(sandbox)[0]}/follow")
    expect(page.locator("#log li").filter(has_text="follow").first).to_be_visible(timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert said == []
    context.close()


def test_every_control_route_is_in_the_one_page_of_documentation(sandbox: RunningSandbox) -> None:
    from sandbox.server import create_app
    from sandbox.settings import Settings

    text = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    app = create_app(Settings(sandbox.world.settings.directory, sandbox.url))
    internal = ("/sim/bridge", "/sim/cashier", "/sim/dialog", "/sim/avatar")
    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/sim/") and not rule.rule.startswith(internal)
    }
    app.extensions["sandbox"].store.close()
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in text] == []


def test_login_modes_can_be_planned(sandbox: RunningSandbox) -> None:
    query = "appid=wxsandbox0000000001&redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2F&response_type=code"
    address = f"{sandbox.url}/connect/oauth2/authorize?{query}&scope=snsapi_base&state=s1"
    choice = {"action": "allow", "person": people(sandbox)[0]}
    sim(sandbox, "/oauth", next="double")
    assert "两次" in requests.post(address, choice, timeout=WAIT_S).text
    assert requests.post(address, choice, allow_redirects=False, timeout=WAIT_S).status_code == 302
    sim(sandbox, "/oauth", scope_denied=True)
    assert "10005" in requests.get(address, timeout=WAIT_S).text


def test_a_snapshot_visitor_is_one_without_asking(sandbox: RunningSandbox, oauth) -> None:
    from tests.sandbox.test_sandbox_oauth import new_code

    data = oauth.fetch_access_token(new_code(oauth, people(sandbox)[4]))
    assert data["is_snapshotuser"] == 1
    assert data["openid"] not in people(sandbox)


def test_the_desk_plans_the_weather_the_place_and_the_bill(sandbox: RunningSandbox) -> None:
    def press(button: str, **form: str) -> str:
        return requests.post(sandbox.url + button, form, timeout=WAIT_S).text

    assert "故障已安排" in press("/play/faults", path="/cgi-bin/", do="busy", times="2", when="before")
    assert "还有 2 次" in requests.get(sandbox.url + "/", timeout=WAIT_S).text
    assert requests.get(f"{sandbox.url}/cgi-bin/token", timeout=WAIT_S).json()["errcode"] == -1
    assert "做不到" in press("/play/faults", path="/", do="earthquake")
    assert "做不到" in press("/play/faults", path="/", do="slow", times="many")
    press("/play/faults", clear="1")
    assert sim(sandbox, "/faults")["api"] == []
    press("/play/next-refund", outcome="CLOSED")
    assert sim(sandbox, "/faults")["next_refund"] == "CLOSED"
    assert "没有这种结果" in press("/play/next-refund", outcome="LOST")
    press("/play/next-refund", outcome="")
    press("/play/place", place="杭州 武林广场")
    assert requests.get(f"{sandbox.url}/sim/place", timeout=WAIT_S).json()["place"] == [30.272778, 120.162222]
    press("/play/place", place="")
    assert requests.get(f"{sandbox.url}/sim/place", timeout=WAIT_S).json()["place"] is None
    assert "42001" in press("/play/tokens")
    page = press("/play/differences", day="2026-01-31", kind="extra", number="PNOBODY01", fen="500")
    assert page.count("PNOBODY01") == 2  # in the bill, and in the plan
    assert "5.00" in page
    assert "PNOBODY01" not in press("/play/differences", day="2026-01-31", clear="1")
    assert requests.get(f"{sandbox.url}/bills?day=soon", timeout=WAIT_S).status_code == 400
