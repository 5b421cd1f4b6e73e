"""Scene codes, messages, followers, menu, media and quotas, with wechatpy where it speaks them."""

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from sandbox.server import RunningSandbox
from tests.sandbox.conftest import WAIT_S, ListeningShop

TEMPLATE = "ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY"
DATA = {"first": {"value": "预约成功"}}


@pytest.fixture(autouse=True)
def listening(sandbox: RunningSandbox, shop: ListeningShop) -> None:
    shop.statuses[:] = [200] * 50
    sim(sandbox, "/push", url=shop.url + "/wechat/events", mode="plain")


def sim(sandbox: RunningSandbox, path: str, **data: Any) -> dict[str, Any]:
    reply = requests.post(f"{sandbox.url}/sim{path}", json=data, timeout=WAIT_S)
    assert reply.status_code == 200, reply.text
    return reply.json()


def people(sandbox: RunningSandbox) -> list[str]:
    return [row["openid"] for row in requests.get(sandbox.url + "/sim/people", timeout=WAIT_S).json()["people"]]


@pytest.fixture
def stranger(sandbox: RunningSandbox) -> str:
    return people(sandbox)[0]


@pytest.fixture
def follower(sandbox: RunningSandbox) -> str:
    return people(sandbox)[1]


def outbox(sandbox: RunningSandbox, kind: str) -> list[dict[str, Any]]:
    return requests.get(f"{sandbox.url}/sim/outbox?kind={kind}", timeout=WAIT_S).json()["messages"]


def refused(call: Any, *arguments: Any, **options: Any) -> int:
    with pytest.raises(WeChatClientException) as caught:
        call(*arguments, **options)
    return caught.value.errcode


def scene(text: object, action: str = "QR_STR_SCENE", **more: Any) -> dict[str, Any]:
    kind = "scene_str" if "STR" in action else "scene_id"
    return {"action_name": action, "action_info": {"scene": {kind: text}}, **more}


def test_a_scene_code_has_ticket_address_and_picture(account: WeChatClient, sandbox: RunningSandbox) -> None:
    made = account.qrcode.create(scene("store_88", expire_seconds=604800))
    assert made["expire_seconds"] == 604800
    picture = requests.get(f"{sandbox.url}/cgi-bin/showqrcode?ticket={quote(made['ticket'])}", timeout=WAIT_S)
    assert picture.content.startswith(b"\xff\xd8")
    assert requests.get(f"{sandbox.url}/cgi-bin/showqrcode?ticket=x", timeout=WAIT_S).status_code == 404
    assert "store_88" in requests.get(made["url"], timeout=WAIT_S).text


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (scene("a" * 65), 40053),
        (scene(""), 40053),
        (scene(0, "QR_SCENE"), 40053),
        (scene(100_001, "QR_LIMIT_SCENE"), 40053),
        (scene("a", expire_seconds=2_592_001), 40097),
        ({"action_name": "QR_STR_SCENE"}, 40053),
        (scene("a", "QR_OTHER"), 40053),
    ],
)
def test_scene_codes_keep_their_limits(account: WeChatClient, body: dict[str, Any], errcode: int) -> None:
    assert refused(account.qrcode.create, body) == errcode


def test_a_permanent_code_stays_the_same_and_a_forgotten_lifetime_is_a_minute(
    account: WeChatClient, sandbox: RunningSandbox, follower: str
) -> None:
    first, again = (account.qrcode.create(scene("store_1", "QR_LIMIT_STR_SCENE")) for _ in range(2))
    assert first["ticket"] == again["ticket"]
    assert "expire_seconds" not in first
    short = account.qrcode.create(scene("store_2"))
    assert short["expire_seconds"] == 60
    sim(sandbox, "/clock", offset=61)
    reply = requests.post(f"{sandbox.url}/sim/people/{follower}/scan", json={"code": short["ticket"]}, timeout=WAIT_S)
    assert reply.status_code == 400


def test_template_messages_reach_followers_once(
    account: WeChatClient, sandbox: RunningSandbox, shop: ListeningShop, stranger: str, follower: str
) -> None:
    assert refused(account.message.send_template, stranger, TEMPLATE, DATA) == 43004
    assert refused(account.message.send_template, "o-nobody", TEMPLATE, DATA) == 40003
    assert refused(account.message.send_template, follower, "short", DATA) == 40037
    assert refused(account.message.send_template, follower, TEMPLATE, {}) == 47003
    body = {"touser": follower, "template_id": TEMPLATE, "data": DATA, "client_msg_id": "b-1"}
    first, second = (account.post("message/template/send", data=body) for _ in range(2))
    assert first["msgid"] == second["msgid"]
    assert len(outbox(sandbox, "template")) == 1
    pushed = shop.wait_for(1)[0].body.decode()
    assert "TEMPLATESENDJOBFINISH" in pushed
    assert f"<MsgID>{first['msgid']}</MsgID>" in pushed
    assert "<![CDATA[success]]>" in pushed
    sim(sandbox, f"/people/{follower}/block")
    account.message.send_template(follower, TEMPLATE, DATA)
    assert "failed:user block" in shop.wait_for(2)[1].body.decode()


def test_a_template_that_was_taken_away_is_refused(account: WeChatClient, sandbox: RunningSandbox, follower: str):
    sim(sandbox, "/templates", gone=[TEMPLATE])
    assert refused(account.message.send_template, follower, TEMPLATE, DATA) == 40037


def test_one_consent_is_one_notice(
    account: WeChatClient, sandbox: RunningSandbox, shop: ListeningShop, stranger: str
) -> None:
    assert refused(account.message.send_subscribe_message, stranger, TEMPLATE, DATA) == 43101
    state = sim(sandbox, f"/people/{stranger}/popup", choices={TEMPLATE: "accept"})
    assert state["consents"] == {TEMPLATE: 1}
    assert "<SubscribeStatusString><![CDATA[accept]]>" in shop.wait_for(1)[0].body.decode()
    account.message.send_subscribe_message(stranger, TEMPLATE, DATA)
    assert "subscribe_msg_sent_event" in shop.wait_for(2)[1].body.decode()
    assert refused(account.message.send_subscribe_message, stranger, TEMPLATE, DATA) == 43101
    sim(sandbox, f"/people/{stranger}/popup", choices={TEMPLATE: "accept"})
    sim(sandbox, f"/people/{stranger}/withdraw", template_id=TEMPLATE)
    assert refused(account.message.send_subscribe_message, stranger, TEMPLATE, DATA) == 43101


def test_customer_messages_need_an_open_window(account: WeChatClient, sandbox: RunningSandbox, follower: str) -> None:
    send = account.message.send_text
    assert refused(send, follower, "您好") == 45015
    sim(sandbox, f"/people/{follower}/click", key="stores")
    for _ in range(3):
        send(follower, "您好")
    assert refused(send, follower, "您好") == 45047
    sim(sandbox, f"/people/{follower}/say", text="在吗")
    for _ in range(5):
        send(follower, "在的")
    assert refused(send, follower, "在的") == 45047
    sim(sandbox, "/clock", offset=48 * 3600 + 1)
    assert refused(send, follower, "您好") == 45015
    assert len(outbox(sandbox, "custom")) == 8


def test_user_info_tells_followers_and_their_scene(account: WeChatClient, sandbox: RunningSandbox) -> None:
    code = account.qrcode.create(scene("store_88", expire_seconds=60))
    stranger, follower = people(sandbox)[:2]
    assert account.user.get(stranger)["subscribe"] == 0
    assert account.user.get(follower)["subscribe_scene"] == "ADD_SCENE_SEARCH"
    sim(sandbox, f"/people/{stranger}/scan", code=code["ticket"])
    known = account.user.get(stranger)
    assert (known["subscribe"], known["qr_scene_str"], known["nickname"]) == (1, "store_88", "")
    assert refused(account.user.get, "o-nobody") == 40003


def test_the_menu_is_checked_kept_and_deleted(account: WeChatClient) -> None:
    assert account.menu.get() is None  # wechatpy's reading of 46003
    button = {"type": "view", "name": "看车", "url": "https://shop.example/series"}
    account.menu.create({"button": [button, {"name": "服务", "sub_button": [button]}]})
    assert account.menu.get()["menu"]["button"][0]["name"] == "看车"
    assert refused(account.menu.create, {"button": [button] * 4}) == 40016
    assert refused(account.menu.create, {"button": [{**button, "name": ""}]}) == 40018
    assert refused(account.menu.create, {"button": [{**button, "type": "other"}]}) == 40017
    account.menu.delete()
    assert account.menu.get() is None


def test_uploaded_pictures_can_be_fetched_for_three_days(account: WeChatClient, sandbox: RunningSandbox) -> None:
    media_id = requests.post(
        f"{sandbox.url}/sim/bridge/upload", "data:image/jpeg;base64,/9j/4AAQ", timeout=WAIT_S
    ).json()["serverId"]
    assert account.media.download(media_id).content == b"\xff\xd8\xff\xe0\x00\x10"
    sim(sandbox, "/clock", offset=3 * 86400 + 1)
    token = account.fetch_access_token()["access_token"]
    asked = {"access_token": token, "media_id": media_id}
    answer = requests.get(f"{sandbox.url}/cgi-bin/media/get", asked, timeout=WAIT_S)
    assert json.loads(answer.text)["errcode"] == 40007


def test_daily_quotas_end_and_can_be_cleared_ten_times(account: WeChatClient, sandbox: RunningSandbox, follower: str):
    sim(sandbox, "/quotas", **{"/cgi-bin/message/template/send": 1})
    account.message.send_template(follower, TEMPLATE, DATA)
    assert refused(account.message.send_template, follower, TEMPLATE, DATA) == 45009
    clear = {"appid": account.appid}
    account.post("clear_quota", data=clear)
    account.message.send_template(follower, TEMPLATE, DATA)
    for _ in range(9):
        account.post("clear_quota", data=clear)
    assert refused(account.post, "clear_quota", data=clear) == 48006


@pytest.mark.parametrize(
    ("fault", "errcode"), [("busy", -1), ("quota", 45009), ("minute", 45011), ("ip", 40164), ("unknown", 99999)]
)
def test_planned_errors_come_as_often_as_planned(
    account: WeChatClient, sandbox: RunningSandbox, follower: str, fault: str, errcode: int
) -> None:
    account.fetch_access_token()
    sim(sandbox, "/faults", api=[{"path": "/cgi-bin/user/info", "do": fault}])
    assert refused(account.user.get, follower) == errcode
    assert account.user.get(follower)["subscribe"] == 1


def test_a_stale_token_heals_with_one_more_call(account: WeChatClient, sandbox: RunningSandbox, follower: str) -> None:
    sim(sandbox, "/faults", api=[{"path": "/cgi-bin/user/info", "do": "stale"}])
    assert account.user.get(follower)["subscribe"] == 1


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [("html", 200, "<html>"), ("empty", 200, ""), ("429", 429, "Too"), ("list", 200, "[]")],
)
def test_planned_answers_that_are_none(sandbox: RunningSandbox, fault: str, status: int, start: str) -> None:
    sim(sandbox, "/faults", api=[{"path": "/cgi-bin/token", "do": fault}])
    answer = requests.get(sandbox.url + "/cgi-bin/token", timeout=WAIT_S)
    assert (answer.status_code, answer.text[: len(start)]) == (status, start)
    assert requests.get(sandbox.url + "/cgi-bin/token", timeout=WAIT_S).json()["errcode"] == 40002


def test_an_answer_can_be_lost_after_the_work_was_done(sandbox: RunningSandbox, account: WeChatClient, follower: str):
    body = {"touser": follower, "template_id": TEMPLATE, "data": DATA}
    token = account.access_token
    sim(sandbox, "/faults", api=[{"path": "/cgi-bin/message", "do": "cut", "when": "after"}])
    with pytest.raises(requests.RequestException):
        requests.post(f"{sandbox.url}/cgi-bin/message/template/send?access_token={token}", json=body, timeout=WAIT_S)
    assert len(outbox(sandbox, "template")) == 1


def test_a_new_field_is_only_more(sandbox: RunningSandbox, account: WeChatClient, follower: str) -> None:
    account.fetch_access_token()
    sim(sandbox, "/faults", api=[{"path": "/cgi-bin/user/info", "do": "new_field"}])
    assert "brand_new" in account.user.get(follower)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"api": [{"path": "/x", "do": "rain"}]}),
        ("/faults", {"api": [{"do": "slow"}]}),
        ("/push", {"mode": "loud"}),
        ("/push", {"next": [["rain"]]}),
        ("/oauth", {"next": "rain"}),
        ("/people/o-nobody/follow", {}),
    ],
)
def test_senseless_plans_are_refused(sandbox: RunningSandbox, path: str, body: dict[str, Any]) -> None:
    assert requests.post(f"{sandbox.url}/sim{path}", json=body, timeout=WAIT_S).status_code == 400
