"""网页授权 with wechatpy: the chooser, the code and everything that can be wrong with it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from wechatpy.exceptions import WeChatOAuthException
from wechatpy.oauth import WeChatOAuth

from sandbox.server import RunningSandbox


def decide(oauth: WeChatOAuth, browser: requests.Session, **form: str) -> requests.Response:
    return browser.post(oauth.authorize_url.split("#")[0], data=form, allow_redirects=False)


def answer_of(response: requests.Response) -> dict[str, list[str]]:
    assert response.status_code == 302
    return parse_qs(urlsplit(response.headers["Location"]).query)


def new_code(oauth: WeChatOAuth, openid: str, mode: str = "normal") -> str:
    return answer_of(decide(oauth, requests.Session(), action="allow", person=openid, mode=mode))["code"][0]


def refusal(oauth: WeChatOAuth, call: Any) -> int:
    with pytest.raises(WeChatOAuthException) as caught:
        call()
    return caught.value.errcode


def test_chooser_offers_labelled_sample_people(oauth: WeChatOAuth, sandbox: RunningSandbox) -> None:
    page = requests.get(oauth.authorize_url.split("#")[0])
    assert page.status_code == 200
    assert page.text.count('class="tag">示例<') == 5
    assert "允许" in page.text
    assert "拒绝" in page.text


def test_allowed_person_comes_back_with_code_state_and_profile(oauth: WeChatOAuth, openid: str) -> None:
    values = answer_of(decide(oauth, requests.Session(), action="allow", person=openid))
    assert values["state"] == ["s1"]
    data = oauth.fetch_access_token(values["code"][0])
    assert data["openid"] == openid
    assert data["unionid"]
    assert "is_snapshotuser" not in data
    profile = oauth.get_user_info()
    assert (profile["nickname"], profile["unionid"]) == ("示例顾客甲", data["unionid"])
    assert oauth.check_access_token() is True
    assert oauth.refresh_access_token(data["refresh_token"])["openid"] == openid


def test_refusal_comes_back_with_state_only(oauth: WeChatOAuth) -> None:
    assert answer_of(decide(oauth, requests.Session(), action="refuse")) == {"state": ["s1"]}


def test_added_person_can_be_chosen(oauth: WeChatOAuth, sandbox: RunningSandbox) -> None:
    browser = requests.Session()
    assert "新来的人" in decide(oauth, browser, action="add", nickname="新来的人").text
    people = requests.get(sandbox.url + "/sim/people").json()["people"]
    added = next(person for person in people if person["nickname"] == "新来的人")
    assert added["sample"] is False
    assert oauth.fetch_access_token(new_code(oauth, added["openid"]))["openid"] == added["openid"]


def test_base_scope_is_silent_only_after_a_choice_in_this_browser(oauth: WeChatOAuth, openid: str) -> None:
    oauth.scope = "snsapi_base"
    browser = requests.Session()
    address = oauth.authorize_url.split("#")[0]
    assert browser.get(address, allow_redirects=False).status_code == 200
    decide(oauth, browser, action="allow", person=openid)
    oauth.fetch_access_token(answer_of(browser.get(address, allow_redirects=False))["code"][0])
    assert oauth.open_id == openid
    assert refusal(oauth, oauth.get_user_info) == 48001


def test_code_works_once(oauth: WeChatOAuth, openid: str) -> None:
    code = new_code(oauth, openid)
    oauth.fetch_access_token(code)
    assert refusal(oauth, lambda: oauth.fetch_access_token(code)) == 40163


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "0" * 32}, 40125),
        ({"code": ""}, 41008),
        ({"code": "x"}, 40029),
    ],
)
def test_exchange_refuses_wrong_values(
    oauth: WeChatOAuth, sandbox: RunningSandbox, openid: str, change: dict[str, str], errcode: int
) -> None:
    values = {"appid": oauth.app_id, "secret": oauth.secret, "code": new_code(oauth, openid)}
    reply = requests.get(
        sandbox.url + "/sns/oauth2/access_token", {**values, "grant_type": "authorization_code", **change}
    )
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.json()["errcode"] == errcode
    assert "rid: " in reply.json()["errmsg"]


def test_code_dies_after_five_minutes(oauth: WeChatOAuth, sandbox: RunningSandbox, openid: str) -> None:
    code = new_code(oauth, openid)
    requests.post(sandbox.url + "/sim/clock", json={"offset": 301})
    assert refusal(oauth, lambda: oauth.fetch_access_token(code)) == 40029
    assert refusal(oauth, lambda: oauth.fetch_access_token(new_code(oauth, openid, "expired"))) == 40029


def test_snapshot_user_is_virtual_and_has_no_profile(oauth: WeChatOAuth, openid: str) -> None:
    data = oauth.fetch_access_token(new_code(oauth, openid, "snapshot"))
    assert data["is_snapshotuser"] == 1
    assert data["openid"] != openid
    assert refusal(oauth, oauth.get_user_info) == 48001


def test_double_mode_asks_the_callback_twice(oauth: WeChatOAuth, openid: str) -> None:
    page = decide(oauth, requests.Session(), action="allow", person=openid, mode="double")
    assert page.status_code == 200
    assert "fetch(url" in page.text
    assert "location.replace(url)" in page.text
    assert "/wechat/callback?code=" in page.text


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("127.0.0.1%3A8000", "shop.example.com", "10003"),
        ("response_type=code&scope=snsapi_userinfo", "scope=snsapi_userinfo&response_type=code", "链接错误"),
        ("response_type=code", "response_type=token", "链接错误"),
        ("snsapi_userinfo", "snsapi_login", "10005"),
        ("appid=wxsandbox0000000001", "appid=wx0000000000000000", "40013"),
        ("state=s1", "state=a-b", "链接错误"),
    ],
)
def test_authorize_link_is_checked(oauth: WeChatOAuth, old: str, new: str, code: str) -> None:
    address = oauth.authorize_url.split("#")[0]
    assert old in address
    page = requests.get(address.replace(old, new))
    assert page.status_code == 400
    assert f"错误码：{code}" in page.text
