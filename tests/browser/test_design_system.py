"""The macros, seen in a phone-sized Chromium: nothing overflows, axe finds nothing, sheets and payment behave."""

import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import pytest
from flask import Flask, Response, render_template
from jinja2 import FileSystemLoader
from playwright.sync_api import Page
from werkzeug.serving import make_server

from app.core.assets import init_assets
from app.core.statics import lean
from tests.browser.axe import COLOURS, LOOKS, end_fades, violations

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser

IMG = {"src": "/static/img/icon.svg", "width": 1280, "height": 720, "alt": ""}


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    """Pages made of every macro, served under the shop's content security policy; yields the address."""
    app = Flask("gallery", static_folder=str(ROOT / "static"), static_url_path="/static")
    app.jinja_env.loader = FileSystemLoader([Path(__file__).parent / "gallery", ROOT / "templates"])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    init_assets(app)
    counts = {"slow": 0}

    def page(name: str) -> str:
        kind = name.partition("-")[2]
        return render_template(f"{name.partition('-')[0]}.html", img=IMG, kind=kind, pay=PAY)

    def error(name: str) -> str:
        return render_template(f"errors/{name}.html", request_id="9f2c71d0")

    def slow() -> str:
        counts["slow"] += 1
        return f"<!doctype html><title>ok</title><p id=n>{counts['slow']}</p>"

    def toast() -> Response:
        return Response("", 204, {"HX-Trigger": '{"toast": {"text": "\\u5df2\\u4fdd\\u5b58", "kind": "ok"}}'})

    def refuse() -> Response:
        return Response("", 409, {"HX-Trigger": '{"toast": {"text": "\\u5df2\\u8ba2\\u5b8c", "kind": "err"}}'})

    def finish(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'self'; img-src 'self' data:"
        return response

    app.add_url_rule("/<name>", "page", page)
    app.add_url_rule("/errors/<name>", "error", error)
    app.add_url_rule("/slow", "slow", slow, methods=["POST"])
    app.add_url_rule("/toast", "toast", toast, methods=["POST"])
    app.add_url_rule("/refuse", "refuse", refuse, methods=["POST"])
    app.add_url_rule("/broken", "broken", lambda: ("", 500), methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: "ok")  # the countdown asks it for the time
    app.add_url_rule("/paid", "paid", lambda: "<!doctype html><title>paid</title>")
    app.after_request(finish)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


Phone = Callable[..., Page]
PAGES = ["model", "pay", "talk", "result-ok", "result-used", "result-needs", "result-invalid"]
ERRORS = ["403", "404", "419", "422", "429", "500", "503", "outside_wechat"]


@cache
def _packed(file: Path) -> int:
    return len(brotli.compress(lean(file)))


def brotli_size(*files: Path) -> int:
    return sum(_packed(file) for file in files)


def test_style_sheet_and_scripts_stay_within_the_budget() -> None:
    assert brotli_size(ROOT / "static/css/app.css") <= 14 * 1024
    shared = [*(ROOT / "static/vendor").glob("htmx*/*.js"), ROOT / "static/js/app.js", ROOT / "static/js/mode.js"]
    # app.js fetches share.js inside WeChat on every page, the model page countdown.js on a deal's last day.
    shared += [ROOT / "static/js/share.js", ROOT / "static/js/countdown.js"]
    for template in (ROOT / "templates").rglob("*.html"):
        named = set(re.findall(r"<script src=\"{{ asset\('(js/[a-z-]+\.js)'\)", template.read_text("utf-8")))
        own = [path for path in (ROOT / "static" / name for name in named) if path not in shared]
        assert brotli_size(*shared, *own) <= 25 * 1024, template


def test_all_scripts_a_model_page_can_ever_load_stay_within_the_budget() -> None:
    """Turntable, gallery, stores, a deal's last day and the share card: each comes when it is needed, all may come."""
    text = "".join((ROOT / "templates" / name).read_text("utf-8") for name in ("layout.html", "components/head.html"))
    text += "".join(
        file.read_text("utf-8")
        for kind in ("catalog/series", "catalog/_*")
        for file in (ROOT / "templates").glob(f"{kind}.html")
    )
    names = set(re.findall(r"asset\('(js/[a-z-]+\.js)'\)", text))
    assert {"js/turntable.js", "js/gallery.js", "js/near.js", "js/countdown.js", "js/share.js"} <= names
    scripts = [ROOT / "static" / name for name in sorted(names)]
    assert brotli_size(*(ROOT / "static/vendor").glob("htmx*/*.js"), *scripts) <= 25 * 1024


def test_no_component_carries_an_inline_style_script_or_handler() -> None:
    pattern = re.compile(r"<[^>{%]*\s(style|on[a-z]+)\s*=|<style|<script(?![^>]*\ssrc=)|hx-on|javascript:", re.I)
    # The dispute pack is a file that people keep, opened from a disk: it brings its own style sheet.
    files = [
        file for file in (ROOT / "templates").rglob("*.html") if file.parent.name + file.name != "evidencefile.html"
    ]
    assert [file.name for file in files if pattern.search(file.read_text("utf-8"))] == []


def test_style_sheet_names_the_font_by_its_content() -> None:
    app = Flask("assets", static_folder=str(ROOT / "static"))
    address = init_assets(app).url("fonts/num-caps-manrope.woff2")
    assert address.removeprefix("/static/fonts/") in (ROOT / "static/css/app.css").read_text("utf-8")


def test_axe_finds_nothing(gallery: str, phone: Phone) -> None:
    """Each page is opened once and looked at in light, dark, 关怀模式 and on a desk."""
    options: dict[str, Any] = {"device_scale_factor": 1, "reduced_motion": "reduce"}
    page = phone(**options, bypass_csp=True)  # axe is evaluated as a string
    found: list[str] = []
    for path in [*PAGES, *(f"errors/{name}" for name in ERRORS), "model#stores"]:
        page.goto(f"{gallery}/{path}")
        found += violations(page)
        page.set_viewport_size({"width": 1280, "height": 860})
        end_fades(page)
        found += violations(page)
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        end_fades(page)
        found += violations(page, COLOURS)
        page.emulate_media(color_scheme="light")
        page.evaluate("document.documentElement.dataset.mode = 'care'")
        end_fades(page)
        found += violations(page, LOOKS)
    assert found == []


SCREENS = [(320, "100%"), (390, "100%"), (390, "200%"), (768, "100%"), (1280, "100%")]


def test_nothing_is_wider_than_the_screen(gallery: str, phone: Phone) -> None:
    page = phone(is_mobile=False, device_scale_factor=1)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in PAGES:
        page.goto(f"{gallery}/{path}")
        for width, font in SCREENS:
            page.set_viewport_size({"width": width, "height": 844})
            page.evaluate("font => { document.documentElement.style.fontSize = font }", font)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width, font)
    assert complaints == []


def test_touch_targets_are_44_px_and_60_in_care_mode(gallery: str, phone: Phone) -> None:
    page = phone()
    small = """least => [...document.querySelectorAll('a[class], button')]
      .filter(e => e.checkVisibility() && !e.matches('.skip'))
      .filter(e => e.offsetHeight + 2 * Math.abs(parseFloat(getComputedStyle(e, '::after').top) || 0) < least)
      .map(e => e.className + ' ' + e.textContent.trim())"""
    page.goto(f"{gallery}/model")
    assert page.evaluate(small, 44) == []
    page.context.add_cookies([{"name": "mode", "value": "care", "url": gallery}])
    page.reload()
    assert page.evaluate(small, 60) == []


def test_care_mode_is_switched_in_the_footer_and_kept(gallery: str, phone: Phone) -> None:
    page = phone()
    page.goto(f"{gallery}/model")
    page.get_by_role("link", name="关怀模式", exact=True).click()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    page.reload()
    assert page.locator(".countdown .care-text").is_visible()
    page.get_by_role("link", name="退出关怀模式").click()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "16px"


@pytest.mark.parametrize("way", ["escape", "back", "button", "scrim"])
def test_sheet_closes_every_way_and_gives_the_focus_back(gallery: str, phone: Phone, way: str) -> None:
    page = phone()
    page.goto(f"{gallery}/model")
    opener = page.get_by_role("link", name="换门店")
    opener.click()
    sheet = page.get_by_role("dialog", name="选择门店")
    sheet.wait_for()
    assert page.url.endswith("#stores")
    assert page.evaluate("document.activeElement.textContent") == "选择门店"
    if way == "escape":
        page.keyboard.press("Escape")
    elif way == "back":
        page.go_back()
    elif way == "button":
        sheet.get_by_role("link", name="关闭").click()
    else:
        page.mouse.click(100, 20)
    sheet.wait_for(state="hidden")
    assert page.url.endswith("/model")
    assert page.evaluate("document.activeElement.textContent") == "换门店"


def test_countdown_shows_boxes_and_ends_once(gallery: str, phone: Phone) -> None:
    page = phone()
    page.add_init_script("const real = Date.now; Date.now = () => real() + 86400000")  # this phone is a day ahead
    page.goto(f"{gallery}/model")
    page.locator(".countdown em").nth(3).wait_for()
    left = page.evaluate(
        """() => { const box = document.querySelector('.countdown');
        box.dataset.end = Date.now() - 86400000 + 7200000; dispatchEvent(new Event('pageshow'));
        return box.innerText }"""
    )
    assert re.sub(r"\s", "", left).startswith(("01:59:", "02:00:"))
    page.evaluate(
        """() => { window.ends = 0; const box = document.querySelector('.countdown');
        box.addEventListener('ended', () => window.ends++); box.dataset.end = Date.now() - 86400000 }"""
    )
    page.wait_for_timeout(2500)
    assert page.evaluate("window.ends") == 1


BRIDGE = """window.calls = []; window.WeixinJSBridge = {invoke(name, params, answer) {
  window.calls.push([name, params]); setTimeout(() => answer({err_msg: 'get_brand_wcpay_request:' + %r}), 30) }}"""


PAY = {"appId": "wx1", "timeStamp": "17", "nonceStr": "n", "package": "prepay_id=1", "signType": "RSA", "paySign": "s"}


@pytest.mark.parametrize(("answer", "words"), [("cancel", "已取消，可重新支付"), ("fail", "支付没有完成，请重试")])
def test_payment_that_did_not_happen_can_be_tried_again(gallery: str, phone: Phone, answer: str, words: str) -> None:
    page = phone()
    page.add_init_script(BRIDGE % answer)
    page.goto(f"{gallery}/pay")
    button = page.get_by_role("button", name="支付订金 ¥1,000")
    button.click()
    page.get_by_text(words).wait_for()
    assert button.is_enabled()
    assert page.evaluate("window.calls") == [["getBrandWCPayRequest", PAY]]


def test_payment_said_ok_only_leads_to_the_page_that_asks(gallery: str, phone: Phone) -> None:
    page = phone()
    page.add_init_script(BRIDGE % "ok")
    page.goto(f"{gallery}/pay")
    page.get_by_role("button", name="支付订金 ¥1,000").dblclick()
    page.wait_for_url("**/paid")


def test_without_the_bridge_the_way_into_wechat_is_shown(gallery: str, phone: Phone) -> None:
    page = phone()
    page.goto(f"{gallery}/pay")
    page.locator("[data-outside]").wait_for()
    assert page.get_by_role("button", name="支付订金").is_hidden()


def test_answers_speak_as_toast_or_as_a_banner_that_stays(gallery: str, phone: Phone) -> None:
    page = phone()
    page.goto(f"{gallery}/talk")
    page.get_by_role("button", name="提示").click()
    page.locator(".toast", has_text="已保存").wait_for()
    page.get_by_role("button", name="拒绝").click()
    page.get_by_role("alert").get_by_text("已订完").wait_for()
    page.get_by_role("button", name="知道了").click()
    page.get_by_role("button", name="出错").click()
    page.get_by_role("alert").get_by_text("刚才没有成功").wait_for()


def test_double_tap_sends_a_plain_form_once(gallery: str, phone: Phone) -> None:
    page = phone()
    page.goto(f"{gallery}/talk")
    page.get_by_role("button", name="提交").dblclick()
    page.locator("#n").wait_for()
    assert page.locator("#n").inner_text() == "1"


def test_sheet_opens_by_its_address_without_javascript(gallery: str, phone: Phone) -> None:
    page = phone(java_script_enabled=False)
    page.goto(f"{gallery}/model#stores")
    assert page.locator("#stores").is_visible()
    assert page.locator(".countdown").get_by_text("12 月 31 日 18:00 结束").first.is_visible()
