"""Every page as people see it: axe finds nothing, nothing overflows, nothing is reported to the console."""

import contextlib
import re
import sqlite3
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import COLOURS, LAYOUT, LOOKS, end_fades, until, violations
from tests.browser.people import DEAL, Clerk, Shopper
from tests.browser.test_instore import stands

pytestmark = pytest.mark.browser

PAGES = [
    *("/", "/series", "/series/yx-s5", "/deals", f"/deals/{DEAL}", f"/deals/{DEAL}/dealers", "/dealers"),
    *("/dealers/yx-330106-01", "/legal/privacy", "/credits", "/mode", "/wechat/login?next=/me"),
    *("/login/phone?next=/me", "/nothing-here"),
    *("/search", "/compare", "/compare?trims=yx-s5-26-520,yx-e7-26-610,yx-m6-26-152&diff=1"),
    *("/tools/loan?trim=yx-s5-26-605", "/tools/landing-price?trim=yx-h3-26-15t-l", "/share/poster/series/yx-s5"),
    *("/coupons", "/trade-in", "/scan", "/visits", "/test-drives?series=yx-s5"),
    *("/topics/year-end", "/feedback/new", "/cities"),
]
# The same pages with other contents; their colours and sizes are those of the pages above.
STATES = [
    *("/?for=owner", "/series/none", "/series?price=15-20&sort=price", "/series?energy=纯电&class=MPV"),
    "/series#f-price",
    *("/dealers/nearby?lat=30.28&lng=120.15", "/search?q=xs5", "/search?q=zzzz"),
    *("/compare?trims=yx-s5-26-520,yx-e7-26-610&at=1#add", "/tools/loan?price=1", "/tools/landing-price"),
    *("/topics/none", "/cities?q=zzz"),
]
# A page that is complete still fetches its pieces: it is there when nothing is under way and nothing just came.
THERE = """document.readyState === 'complete' && !document.querySelector('.htmx-request') &&
    performance.now() - Math.max(...performance.getEntries().map(e => e.responseEnd || e.loadEventEnd || 0)) > 100"""


def problems(page: Page, rules: list[str] | None = None) -> list[str]:
    """What keeps the open page from what every screen promises; of axe's rules all that count, or these alone."""
    found = violations(page, rules)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{page.url} is {overflow} px too wide"] if overflow > 0 else [])


def in_other_colours(page: Page) -> list[str]:
    """The open page in the dark and in 关怀模式; it is left as it was."""
    page.emulate_media(color_scheme="dark")
    end_fades(page)
    found = problems(page, COLOURS)
    page.emulate_media(color_scheme="light")
    page.evaluate("document.documentElement.dataset.mode = 'care'")
    end_fades(page)
    found += problems(page, LOOKS)
    page.evaluate("delete document.documentElement.dataset.mode")
    return found


def look(page: Page) -> None:
    page.wait_for_load_state("load")
    expect(page.get_by_role("heading", level=1).first).to_be_attached()
    assert not (found := problems(page) + in_other_colours(page)), found


def watch(page: Page) -> list[str]:
    """What the browser complains about, from now on."""
    complaints: list[str] = []
    # A refused form is a 422 and a missing page a 404 by design; the sandbox's cashier is a frame of another origin.
    ours = re.compile("404|422|autofocusing")
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and not ours.search(m.text) else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    return complaints


def test_public_pages(house, phone):
    """Each is looked at in light, dark, 关怀模式, on a desk and at twice the font; its states in light."""
    # Sharper pixels are painted for nobody here, and where motion is unwanted colours need not fade first.
    calm = {"device_scale_factor": 1, "reduced_motion": "reduce"}
    page = phone(user_agent="Mozilla/5.0 (iPhone) AppleWebKit/605.1.15", **calm)
    complaints, found = watch(page), []
    for path in (*STATES, *PAGES, f"/q/{stands(house)[1]['car']}"):
        page.goto(house.url + path)
        until(page, THERE)
        found += problems(page)
        if path in STATES:
            continue
        found += in_other_colours(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1280, "height": 800})
        end_fades(page)
        found += problems(page, LAYOUT)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        until(page, "innerWidth === 390")  # drawn: half way between two sizes, parts cover each other
        found += problems(page, rules=["target-size"])
    assert not found
    assert not complaints


def test_pages_of_a_booking_and_of_the_counter(house, phone):
    shopper = Shopper(phone(), house)
    complaints = watch(shopper.page)
    shopper.open_form()
    look(shopper.page)
    shopper.page.get_by_role("button", name=re.compile("^提交并支付")).click()
    expect(shopper.page.get_by_role("alert").first).to_contain_text("请检查")
    look(shopper.page)
    shopper.page.reload()
    shopper.fill_form()
    shopper.submit()
    look(shopper.page)
    shopper.pay()
    shopper.see("已付订金")
    for path in (
        f"/bookings/{shopper.booking}",
        f"/bookings/{shopper.booking}/change",
        f"/bookings/{shopper.booking}/balance",
        f"/bookings/{shopper.booking}/sheet",
        "/me",
        "/me/bookings",
        "/me/privacy",
        "/me/phone",
        "/me/profile",
        "/me/messages",
        "/me/privacy/erasure",
    ):
        shopper.page.goto(house.url + path)
        look(shopper.page)

    clerk = Clerk(phone(), house)
    clerk.join(role="supervisor")
    for path in (
        *("/staff", "/staff/scan", "/staff/bookings", f"/staff/bookings/{shopper.booking}", "/staff/queue"),
        *("/staff/reviews", "/staff/redemptions", "/staff/team"),
    ):
        clerk.page.goto(house.url + path)
        look(clerk.page)
    shopper.open_booking()
    clerk.look_up(shopper.code(), shopper.phone[-4:])
    hand_over = clerk.page.get_by_role("button", name="收齐余款，确认交车")
    expect(hand_over).to_be_visible()
    look(clerk.page)
    clerk.page.get_by_role("textbox", name="余款单据号").fill("SJ-LOOK-1")
    hand_over.click()
    expect(clerk.page.get_by_text("核销成功").first).to_be_visible()
    look(clerk.page)
    shopper.page.goto(f"{house.url}/bookings/{shopper.booking}/review")
    look(shopper.page)
    assert not complaints


def test_nothing_secret_is_in_the_logs_of_the_journey(house, phone):
    """With every library at DEBUG: no key, token, openid, phone number or Authorization header."""
    shopper = Shopper(phone(), house)
    shopper.book()
    shopper.pay()
    shopper.see("已付订金")
    follower = house.sim("GET", "/sim/people")["people"][1]["openid"]
    house.sim("POST", f"/sim/people/{follower}/say", {"text": "在吗"})
    for _ in range(100):
        if house.sim("GET", f"/sim/pushes?openid={follower}")["pushes"][0]["state"] in {"done", "failed"}:
            break
        time.sleep(0.1)
    logs = "".join((house.folder / f"{name}.log").read_text("utf-8") for name in ("shop", "worker"))
    assert "job_done" in logs  # and so does the shop
    assert "DEBUG" in logs  # the libraries do write
    names = "WECHAT_APP_SECRET WECHAT_TOKEN WECHAT_AES_KEY WECHATPAY_API_V3_KEY SMS_SECRET_ID SMS_SECRET_KEY SECRET_KEY"
    secrets = {name: house.environment[name] for name in names.split()}
    key = Path(house.environment["WECHATPAY_PRIVATE_KEY_PATH"]).read_text().splitlines()
    secrets |= {"private key": key[1], "header": "WECHATPAY2-SHA256-RSA2048 mchid", "sms header": "Credential="}
    with contextlib.closing(sqlite3.connect(house.folder / "sandbox" / "sandbox.sqlite3")) as sandbox:
        for table, column in (
            ("app_tokens", "token"),
            ("user_tokens", "access_token"),
            ("user_tokens", "refresh_token"),
            ("people", "openid"),
            ("people", "unionid"),
            ("codes", "code"),
        ):
            rows = sandbox.execute(f"SELECT {column} FROM {table}").fetchall()
            assert rows, table
            secrets |= {f"{table}.{column} {number}": row[0] for number, row in enumerate(rows)}
        phones = {row[0].removeprefix("+86") for row in sandbox.execute("SELECT phone FROM sms")}
    secrets |= {f"phone {number}": text for number, text in enumerate({*phones, shopper.phone})}
    assert [name for name, secret in secrets.items() if secret in logs] == []
