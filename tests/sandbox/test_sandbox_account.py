"""access_token, stable_token and jsapi_ticket with wechatpy, and their rotation."""

from typing import Any

import pytest
import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from sandbox.server import RunningSandbox


def stable(sandbox: RunningSandbox, **more: Any) -> dict[str, Any]:
    env = sandbox.env
    body = {"grant_type": "client_credential", "appid": env["WECHAT_APP_ID"], "secret": env["WECHAT_APP_SECRET"]}
    return requests.post(sandbox.url + "/cgi-bin/stable_token", json={**body, **more}).json()


def ticket(sandbox: RunningSandbox, token: str) -> dict[str, Any]:
    return requests.get(sandbox.url + "/cgi-bin/ticket/getticket", {"access_token": token, "type": "jsapi"}).json()


def test_wechatpy_gets_token_and_ticket(account: WeChatClient, sandbox: RunningSandbox) -> None:
    requests.post(sandbox.url + "/sim/tokens/expire")
    assert len(str(account.access_token)) > 100
    assert account.jsapi.get_ticket()["expires_in"] == 7200


def test_each_plain_token_replaces_the_former_after_five_minutes(
    account: WeChatClient, sandbox: RunningSandbox
) -> None:
    first, second = account.fetch_access_token()["access_token"], account.fetch_access_token()["access_token"]
    assert first != second
    assert ticket(sandbox, first)["errcode"] == ticket(sandbox, second)["errcode"] == 0
    requests.post(sandbox.url + "/sim/clock", json={"offset": 301})
    assert ticket(sandbox, first)["errcode"] == 40001
    assert ticket(sandbox, second)["errcode"] == 0


def test_stable_token_stays_until_five_minutes_before_its_end(account: WeChatClient, sandbox: RunningSandbox) -> None:
    requests.post(sandbox.url + "/sim/tokens/expire")
    first = stable(sandbox)["access_token"]
    account.fetch_access_token()
    assert stable(sandbox)["access_token"] == first
    requests.post(sandbox.url + "/sim/clock", json={"offset": 6901})
    assert stable(sandbox)["access_token"] != first
    assert ticket(sandbox, first)["errcode"] == 0


def test_forced_refresh_is_limited(sandbox: RunningSandbox) -> None:
    first = stable(sandbox, force_refresh=True)["access_token"]
    assert stable(sandbox, force_refresh=True)["errcode"] == 45011
    assert stable(sandbox)["access_token"] == first


def test_expired_and_unknown_tokens_are_told_apart(account: WeChatClient, sandbox: RunningSandbox) -> None:
    token = str(account.access_token)
    requests.post(sandbox.url + "/sim/tokens/expire")
    assert ticket(sandbox, token)["errcode"] == 42001
    assert ticket(sandbox, "nonsense")["errcode"] == 40001
    assert ticket(sandbox, "")["errcode"] == 41001
    # The library heals itself: it fetches a new token and repeats the call.
    assert account.jsapi.get_ticket()["errcode"] == 0


def test_reset_leaves_the_shops_token_good(account: WeChatClient, sandbox: RunningSandbox) -> None:
    token = str(account.access_token)
    requests.post(sandbox.url + "/sim/reset")
    assert ticket(sandbox, token)["errcode"] == 0


def test_wrong_secret_is_refused(sandbox: RunningSandbox, account: WeChatClient) -> None:
    account.secret = "0" * 32
    with pytest.raises(WeChatClientException) as caught:
        account.fetch_access_token()
    assert caught.value.errcode == 40125
    assert stable(sandbox, secret="0" * 32)["errcode"] == 40125
    assert stable(sandbox, appid="wx0000000000000000")["errcode"] == 40013
    assert stable(sandbox, grant_type="other")["errcode"] == 40002
