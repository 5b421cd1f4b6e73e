"""The abilities of the JS side that a storefront uses, under the original SDK, with each client's own shapes."""

import base64
import json
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import WAIT_S, ListeningShop
from tests.sandbox.test_sandbox_bridge import ANDROID, CALL, IPHONE, config, page, result, start  # noqa: F401
from tests.sandbox.test_sandbox_messages import TEMPLATE, people, sim

pytestmark = pytest.mark.browser
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ALL = (
    "updateAppMessageShareData updateTimelineShareData hideMenuItems getLocation chooseImage uploadImage downloadImage"
)
APIS = [*ALL.split(), "getLocalImgData", "previewImage", "openAddress"]


def call(page: Page, name: str, **options: Any) -> tuple[str, dict[str, Any]]:  # noqa: F811
    kind, data = page.evaluate(CALL, [name, options])
    return kind, data


def wait(page: Page, name: str) -> None:  # noqa: F811
    """Until the page has set this variable; its policy forbids the ready-made way."""
    for _ in range(100):
        if page.evaluate(f"!!window.{name}"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(name)


@pytest.mark.parametrize("page", [ANDROID, IPHONE], indirect=True)
def test_pictures_are_chosen_shown_uploaded_and_fetched(page: Page, sandbox: RunningSandbox, account: Any) -> None:  # noqa: F811
    assert config(page, sandbox, APIS) is None
    with page.expect_file_chooser() as opened:
        page.evaluate(f"arguments => {{ window.result = ({CALL})(arguments); }}", ["chooseImage", {"count": 1}])
    opened.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": PIXEL})
    kind, chosen = result(page)
    assert kind == "success"
    local = chosen["localIds"][0]
    kind, shown = call(page, "getLocalImgData", localId=local)
    assert shown["localData"].endswith(base64.b64encode(PIXEL).decode())
    assert shown["localData"].startswith("data:") is ("iPhone" in page.evaluate("navigator.userAgent"))
    kind, sent = call(page, "uploadImage", localId=local)
    assert kind == "success"
    assert account.media.download(sent["serverId"]).content == PIXEL
    assert call(page, "downloadImage", serverId=sent["serverId"])[0] == "success"
    assert call(page, "downloadImage", serverId="none")[0] == "fail"


def test_share_data_need_a_link_of_our_own_and_menus_can_be_hidden(page: Page, sandbox: RunningSandbox) -> None:  # noqa: F811
    assert config(page, sandbox, APIS) is None
    card = {"title": "岫 S5", "desc": "一口价", "imgUrl": "http://127.0.0.1/a.jpg"}
    own = page.evaluate("location.origin + '/series/yx-s5'")
    assert call(page, "updateAppMessageShareData", link=own, **card)[0] == "success"
    assert call(page, "updateTimelineShareData", link="https://elsewhere.example/", **card)[0] == "fail"
    assert call(page, "hideMenuItems", menuList=["menuItem:copyUrl"])[0] == "success"
    state = page.evaluate("({share: window.__wechatSandbox.share, hidden: window.__wechatSandbox.hidden})")
    assert state["share"]["updateAppMessageShareData"]["link"] == own
    assert list(state["share"]) == ["updateAppMessageShareData"]
    assert state["hidden"] == ["menuItem:copyUrl"]


def test_an_api_that_was_not_listed_is_denied(page: Page, sandbox: RunningSandbox) -> None:  # noqa: F811
    assert config(page, sandbox, ["getLocation"]) is None
    kind, data = call(page, "openAddress")
    assert kind == "fail"
    assert "permission denied" in data["errMsg"]


def test_everybody_can_be_put_somewhere(page: Page, sandbox: RunningSandbox) -> None:  # noqa: F811
    assert config(page, sandbox, APIS) is None
    sim(sandbox, "/place", latitude=39.915, longitude=116.404)
    kind, point = call(page, "getLocation", type="gcj02")
    assert (kind, point["latitude"][:9], point["longitude"][:10]) == ("success", "39.916404", "116.410244")
    sim(sandbox, "/place", refuse=True)
    assert call(page, "getLocation")[0] == "cancel"


def test_an_address_and_pictures_open_in_dialogs(page: Page, sandbox: RunningSandbox) -> None:  # noqa: F811
    assert config(page, sandbox, APIS) is None
    dialog = start(page, "openAddress", {})
    dialog.get_by_role("button", name="示例顾客甲").click()
    kind, address = result(page)
    assert (kind, address["provinceName"]) == ("success", "浙江省")
    assert call(page, "previewImage", current="/a.jpg", urls=["/a.jpg"])[0] == "fail"
    assert (
        call(page, "previewImage", current="http://127.0.0.1:9/a.jpg", urls=["http://127.0.0.1:9/a.jpg"])[0]
        == "success"
    )
    page.frame_locator("iframe[data-wechat-sandbox=dialog]").get_by_role("button", name="关闭").click()
    expect(page.locator("iframe")).to_have_count(0)


def test_the_subscription_tag_asks_and_the_shop_hears(page: Page, sandbox: RunningSandbox, shop: ListeningShop) -> None:  # noqa: F811
    shop.statuses[:] = [200]
    sim(sandbox, "/push", url=shop.url + "/wechat/events", mode="plain")
    page.evaluate(
        """template => {
          const tag = document.createElement("wx-open-subscribe");
          tag.setAttribute("template", template);
          tag.innerHTML = '<script type="text/wxtag-template"><button>订阅</button></' + 'script>';
          tag.addEventListener("success", event => { window.agreed = event.detail; });
          document.body.append(tag);
        }""",
        TEMPLATE,
    )
    assert config(page, sandbox, APIS, openTagList=["wx-open-subscribe"]) is None
    page.get_by_role("button", name="订阅").click()
    dialog = page.frame_locator("iframe[data-wechat-sandbox=dialog]")
    who = people(sandbox)[1]
    dialog.locator("#person").select_option(who)
    dialog.get_by_role("button", name="确定").click()
    wait(page, "agreed")
    details = json.loads(page.evaluate("window.agreed.subscribeDetails"))
    assert json.loads(details[TEMPLATE])["status"] == "accept"
    assert "subscribe_msg_popup_event" in shop.wait_for(1)[0].body.decode()
    left = requests.get(f"{sandbox.url}/sim/people/{who}", timeout=WAIT_S).json()["consents"]
    assert left == {TEMPLATE: 1}


def test_a_tag_that_was_not_verified_stays_dead(page: Page, sandbox: RunningSandbox) -> None:  # noqa: F811
    page.evaluate(
        """() => {
          const tag = document.createElement("wx-open-subscribe");
          tag.addEventListener("error", event => { window.failed = event.detail.errMsg; });
          document.body.append(tag);
        }"""
    )
    assert config(page, sandbox, APIS) is None
    wait(page, "failed")
    assert "permission denied" in page.evaluate("window.failed")
