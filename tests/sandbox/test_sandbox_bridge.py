"""The JS side in a phone-sized Chromium: the original SDK on our bridge, under a shop's strict page policy."""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Browser, FrameLocator, Page
from wechatpayv3 import SignType, WeChatPay

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import ListeningShop
from tests.sandbox.test_sandbox_account import stable, ticket
from tests.sandbox.test_sandbox_pay import ORDER, order, state

pytestmark = pytest.mark.browser
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; V2307A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0"
    " Mobile Safari/537.36 XWEB/1160117 MicroMessenger/8.0.48.2580(0x28003052) WeChat/arm64 NetType/WIFI"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 14_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
    " MicroMessenger/8.0.7(0x18000722) NetType/WIFI Language/zh_CN"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
CALL = """([name, options]) => new Promise(done => {
  const answer = kind => result => done([kind, result]);
  wx[name]({ ...options, success: answer("success"), cancel: answer("cancel"), fail: answer("fail") });
})"""
CONFIG = """config => new Promise(done => {
  let failed = null;
  wx.error(result => { failed = result.errMsg; });
  wx.ready(() => done(failed));
  wx.config(config);
})"""
APIS = ["chooseWXPay", "getLocation", "scanQRCode", "updateAppMessageShareData", "openLocation"]


@pytest.fixture
def page(browser: Browser, sandbox: RunningSandbox, shop: ListeningShop, request: Any) -> Iterator[Page]:
    """A shop's page that allows the sandbox as script, frame and connection, and nothing inline."""
    shop.page = f"""<!doctype html><html lang="zh-CN"><head><title>商城</title>
        <script src="{sandbox.url}/jssdk/jweixin-1.6.0.js{getattr(request, "query", "")}"></script></head>
        <body><h1>商城</h1></body></html>"""
    shop.headers = {
        "Content-Security-Policy": f"default-src 'self'; script-src {sandbox.url}; frame-src {sandbox.url};"
        f" connect-src {sandbox.url}; style-src 'self'"
    }
    agent = request.param if hasattr(request, "param") else ANDROID
    context = browser.new_context(user_agent=agent, viewport={"width": 390, "height": 844}, locale="zh-CN")
    opened = context.new_page()
    outside: list[str] = []
    opened.on("request", lambda each: outside.append(each.url) if "127.0.0.1" not in each.url else None)
    opened.goto(shop.url + "/cars?from=singlemessage#top")
    yield opened
    context.close()
    assert outside == []


def config(page: Page, sandbox: RunningSandbox, apis: list[str] | None = None, **changes: Any) -> str | None:
    """wx.config with a proper signature; None when ready, else the error."""
    value = ticket(sandbox, stable(sandbox)["access_token"])["ticket"]
    url = page.evaluate("location.href.split('#')[0]")
    data = {"jsapi_ticket": value, "noncestr": "Wm3WZYTPz0wzccnW", "timestamp": str(int(time.time())), "url": url}
    signature = hashlib.sha1("&".join(f"{name}={text}" for name, text in data.items()).encode()).hexdigest()
    options = {
        "appId": sandbox.env["WECHAT_APP_ID"],
        "timestamp": data["timestamp"],
        "nonceStr": data["noncestr"],
        "signature": signature,
        "jsApiList": APIS if apis is None else apis,
    }
    return page.evaluate(CONFIG, {**options, **changes})


def cashier_options(pay: WeChatPay, sandbox: RunningSandbox, prepay_id: str) -> dict[str, str]:
    stamp, package = str(int(time.time())), f"prepay_id={prepay_id}"
    sign = pay.sign([sandbox.env["WECHAT_APP_ID"], stamp, "abc", package], SignType.RSA_SHA256)
    return {"timestamp": stamp, "nonceStr": "abc", "package": package, "signType": "RSA", "paySign": sign}


def start(page: Page, name: str, options: dict[str, Any]) -> FrameLocator:
    """Begin a call that opens a dialog; its result is kept in `window.result`."""
    page.evaluate(f"arguments => {{ window.result = ({CALL})(arguments); }}", [name, options])
    return page.frame_locator("iframe[data-wechat-sandbox=dialog]")


def result(page: Page) -> tuple[str, dict[str, Any]]:
    kind, data = page.evaluate("window.result")
    assert page.locator("iframe").count() == 0
    return kind, data


@pytest.mark.parametrize("page", [ANDROID, IPHONE, DESKTOP], indirect=True)
def test_config_is_verified_and_pay_goes_through_on_every_client(
    page: Page, sandbox: RunningSandbox, pay: WeChatPay, shop: ListeningShop, openid: str
) -> None:
    prepay_id = order(pay, openid)[1]["prepay_id"]
    assert config(page, sandbox) is None
    dialog = start(page, "chooseWXPay", cashier_options(pay, sandbox, prepay_id))
    assert dialog.locator(".amount").inner_text() == "¥500.00"
    dialog.get_by_role("button", name="支付", exact=True).click()
    assert result(page) == ("success", {"errMsg": "chooseWXPay:ok"})
    notice: Any = pay.callback(shop.wait_for(1)[0].headers, shop.notices[0].body)
    assert notice["resource"]["out_trade_no"] == ORDER
    assert state(pay)["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    ("button", "answer", "paid", "notices"),
    [
        ("取消", ("cancel", {"errMsg": "chooseWXPay:cancel"}), "NOTPAY", 0),
        ("支付失败", ("fail", {"errMsg": "chooseWXPay:fail"}), "NOTPAY", 0),
        ("没付款却返回成功", ("success", {"errMsg": "chooseWXPay:ok"}), "NOTPAY", 0),
        ("已付款但不通知", ("success", {"errMsg": "chooseWXPay:ok"}), "SUCCESS", 0),
        ("先通知后返回", ("success", {"errMsg": "chooseWXPay:ok"}), "SUCCESS", 1),
    ],
)
def test_each_button_of_the_cashier(
    page: Page,
    sandbox: RunningSandbox,
    pay: WeChatPay,
    shop: ListeningShop,
    openid: str,
    button: str,
    answer: tuple[str, dict[str, str]],
    paid: str,
    notices: int,
) -> None:
    prepay_id = order(pay, openid)[1]["prepay_id"]
    config(page, sandbox)
    dialog = start(page, "chooseWXPay", cashier_options(pay, sandbox, prepay_id))
    dialog.get_by_role("button", name=button, exact=True).click()
    assert result(page) == answer
    assert (state(pay)["trade_state"], len(shop.notices)) == (paid, notices)


def test_cashier_is_reached_on_the_bridge_itself_too(
    page: Page, sandbox: RunningSandbox, pay: WeChatPay, openid: str
) -> None:
    options = cashier_options(pay, sandbox, order(pay, openid)[1]["prepay_id"])
    options |= {"appId": sandbox.env["WECHAT_APP_ID"], "timeStamp": options["timestamp"]}
    page.wait_for_function("window.WeixinJSBridge")
    page.evaluate(
        "options => { window.result = new Promise(done =>"
        " WeixinJSBridge.invoke('getBrandWCPayRequest', options, answer => done(['', answer]))); }",
        options,
    )
    page.frame_locator("iframe").get_by_role("button", name="取消").click()
    assert result(page)[1] == {"err_msg": "get_brand_wcpay_request:cancel"}


@pytest.mark.parametrize(
    "change", [{"paySign": "AAAA"}, {"signType": "MD5"}, {"package": "prepay_id=wx0"}, {"timestamp": "1"}]
)
def test_cashier_does_not_open_for_a_wrong_call(
    page: Page, sandbox: RunningSandbox, pay: WeChatPay, openid: str, change: dict[str, str]
) -> None:
    prepay_id = order(pay, openid)[1]["prepay_id"]
    config(page, sandbox)
    kind, data = page.evaluate(CALL, ["chooseWXPay", {**cashier_options(pay, sandbox, prepay_id), **change}])
    assert (kind, data["errMsg"]) == ("fail", "chooseWXPay:fail")


def test_wrong_config_signature_and_unlisted_calls_are_denied(page: Page, sandbox: RunningSandbox) -> None:
    assert config(page, sandbox, signature="0" * 40) == "config:invalid signature"
    denied = ["fail", {"errMsg": "getLocation:permission denied"}]
    assert page.evaluate(CALL, ["getLocation", {}]) == denied


def test_only_listed_apis_are_allowed(page: Page, sandbox: RunningSandbox) -> None:
    assert config(page, sandbox, ["scanQRCode"]) is None
    assert page.evaluate(CALL, ["getLocation", {}]) == ["fail", {"errMsg": "getLocation:permission denied"}]
    kind, data = page.evaluate(CALL, ["checkJsApi", {"jsApiList": ["scanQRCode", "getLocation"]}])
    assert (kind, data["checkResult"]) == ("success", {"scanQRCode": True, "getLocation": False})


def test_foreign_app_id_is_an_invalid_domain(page: Page, sandbox: RunningSandbox) -> None:
    assert config(page, sandbox, appId="wx0000000000000000") == "config:invalid url domain"


def test_location_comes_in_the_wanted_system_as_texts(page: Page, sandbox: RunningSandbox) -> None:
    config(page, sandbox)
    found: dict[str, Any] = {}
    for kind in ("wgs84", "gcj02"):
        start(page, "getLocation", {"type": kind}).get_by_role("button", name="上海 人民广场").click()
        found[kind] = result(page)[1]
    assert isinstance(found["gcj02"]["latitude"], str)
    shift = float(found["gcj02"]["longitude"]) - float(found["wgs84"]["longitude"])
    assert 0.004 < shift < 0.005
    start(page, "getLocation", {}).get_by_role("button", name="拒绝").click()
    assert result(page) == ("cancel", {"errMsg": "getLocation:cancel"})


@pytest.mark.parametrize("page", [ANDROID, IPHONE, DESKTOP], indirect=True)
def test_scanned_text_reaches_the_page(page: Page, sandbox: RunningSandbox) -> None:
    config(page, sandbox)
    dialog = start(page, "scanQRCode", {"needResult": 1})
    dialog.get_by_label("二维码内容").fill("http://127.0.0.1/q/A1?x=1")
    dialog.get_by_role("button", name="扫到了").click()
    assert result(page) == ("success", {"errMsg": "scanQRCode:ok", "resultStr": "http://127.0.0.1/q/A1?x=1"})


def test_bridge_may_be_ready_before_the_sdk(page: Page, sandbox: RunningSandbox, shop: ListeningShop) -> None:
    shop.page = shop.page.replace("jweixin-1.6.0.js", "jweixin-1.6.0.js?ready=early")
    page.goto(shop.url + "/early")
    assert config(page, sandbox) is None
    assert page.evaluate(CALL, ["updateAppMessageShareData", {"title": "a", "link": shop.url}])[0] == "success"


def test_ios_signs_the_landing_page_and_android_the_present_one(
    browser: Browser, sandbox: RunningSandbox, shop: ListeningShop, page: Page
) -> None:
    page.evaluate("history.pushState({}, '', '/elsewhere')")
    assert config(page, sandbox) is None
    other = browser.new_context(user_agent=IPHONE)
    phone = other.new_page()
    phone.goto(shop.url + "/landing")
    phone.evaluate("history.pushState({}, '', '/elsewhere')")
    assert config(phone, sandbox) == "config:invalid signature"
    other.close()


def test_person_is_chosen_on_the_page_and_the_callback_may_come_twice(
    page: Page, sandbox: RunningSandbox, shop: ListeningShop
) -> None:
    back = quote(f"{shop.url}/callback", safe="")
    query = (
        f"appid={sandbox.env['WECHAT_APP_ID']}&redirect_uri={back}&response_type=code&scope=snsapi_userinfo&state=s1"
    )
    page.goto(f"{sandbox.url}/connect/oauth2/authorize?{query}#wechat_redirect")
    page.get_by_label("示例顾客乙").check()
    page.get_by_text("高级").click()
    page.get_by_label("回调被请求两次").check()
    page.get_by_role("button", name="允许").click()
    page.wait_for_url("**/callback?code=*")
    calls = [visit for visit in shop.visits if visit.startswith("/callback")]
    assert len(calls) == 2
    assert calls[0] == calls[1]


def test_dialogs_open_for_registered_hosts_only(sandbox: RunningSandbox) -> None:
    address = f"{sandbox.url}/sim/dialog/scan?ticket=1&origin="
    assert requests.get(address + "https://evil.example.com").status_code == 403
    assert requests.get(address + "http://127.0.0.1:8000").status_code == 200
    call = json.dumps({"params": {"verifyAppId": sandbox.env["WECHAT_APP_ID"]}, "url": "https://evil.example.com/"})
    reply = requests.post(sandbox.url + "/sim/bridge/verify", data=call)
    assert reply.json() == {"err_msg": "preVerifyJSAPI:fail_invalid url domain"}
