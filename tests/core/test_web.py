"""What no page can mean is answered with a sentence: NUL, numbers no row has, providers that are down."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from limits.errors import ConfigurationError

from app.core import web
from app.core.errors import ConfigError, GatewayError
from app.core.security import access
from app.factory import create_app
from app.gateways.pay import port as pay
from app.gateways.sms import port as sms
from app.gateways.storage import port as storage
from app.gateways.wechat import port as wechat_port
from tests.conftest import make_settings
from tests.members.wechat import FakeWeChat, csrf, sign_in
from tests.staff.people import dealer, member_of, staff

BIGGEST = 2**63 - 1


@pytest.fixture
def clerk(app: Flask) -> FlaskClient:
    """A browser in which a manager of a store is signed in."""
    wechat = app.extensions["wechat"] = FakeWeChat()
    client = app.test_client()
    sign_in(client, wechat)
    staff(dealer("hz-01", "西湖文三路店"), "manager", member_of("openid-1"))
    return client


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/deals/%00", "/cars/a%00b", "/static/%00"])
def test_nul_in_an_address_is_no_page(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == 404
    assert "没有找到" in answer.text


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/deals?city=%00", "/dealers?%00=1", "/series?price=%00"])
def test_nul_in_a_parameter_is_as_if_it_were_not_there(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 200


@pytest.mark.both_databases
def test_nul_in_a_form_is_refused_by_a_sentence(clerk: FlaskClient) -> None:
    form = {"csrf_token": csrf(clerk, "/me/phone"), "phone": "13900002086", "code": "12\x00456"}
    answer = clerk.post("/me/phone", data=form)
    assert answer.status_code == 422
    assert "无法识别的字符" in answer.text
    several = clerk.post("/me/phone", data=form, content_type="multipart/form-data")
    assert several.status_code == 422


@pytest.mark.both_databases
@pytest.mark.parametrize("number", [str(BIGGEST), str(BIGGEST + 1), "9" * 20, "9" * 5000], ids=len)
def test_a_number_no_row_can_have_is_no_page(clerk: FlaskClient, number: str) -> None:
    for path in (f"/staff/redemptions/{number}", f"/me/privacy/consents/{number}/withdrawal"):
        write = "consents" in path
        answer = clerk.post(path, data={"csrf_token": csrf(clerk, "/me/privacy")}) if write else clerk.get(path)
        assert answer.status_code == 404, path
        assert "没有找到" in answer.text


@pytest.mark.parametrize(("provider", "word"), [("wechatpay", "支付"), ("sms", "短信"), ("wechat", "微信登录")])
def test_a_provider_that_is_down_is_named_in_the_shoppers_words(app: Flask, provider: str, word: str) -> None:
    @app.get("/trouble")
    @access("public")
    def trouble() -> str:  # pyright: ignore[reportUnusedFunction]
        raise GatewayError(provider, "timeout")

    answer = app.test_client().get("/trouble")
    assert answer.status_code == 503
    assert f"{word}暂时不可用" in answer.text


def test_limits_are_kept_where_the_settings_say(app: Flask, tmp_path, monkeypatch) -> None:
    assert app.config["RATELIMIT_STORAGE_URI"] == "memory://"
    asked: list[str] = []

    def storage(uri: str, **_options: object) -> object:
        asked.append(uri)
        raise ConfigurationError("'redis' prerequisite not available")

    monkeypatch.setattr("flask_limiter._extension.storage_from_string", storage)
    with pytest.raises(ConfigError, match=r"^REDIS_URL 不能用：没有安装 Python 包 redis"):
        create_app(make_settings(f"sqlite:///{tmp_path}/shop.db", tmp_path, redis_url="redis://127.0.0.1:6379/0"))
    assert asked == ["redis://127.0.0.1:6379/0"]


@pytest.mark.parametrize("nonsense", ["nonsense", "redis://[bad"])
def test_a_nonsense_redis_address_is_one_sentence_for_the_operator(tmp_path, nonsense: str) -> None:
    with pytest.raises(ConfigError, match=r"^REDIS_URL 不能用：.*redis://主机:6379/0"):
        create_app(make_settings(f"sqlite:///{tmp_path}/shop.db", tmp_path, redis_url=nonsense))


def test_payment_checks_are_limited_and_say_so(clerk: FlaskClient) -> None:
    head = {"X-CSRFToken": csrf(clerk, "/me/phone"), "HX-Request": "true"}
    answers = [clerk.post("/bookings/none/payment/checks", headers=head) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429]
    assert "err" in answers[-1].headers["HX-Trigger"]


def test_providers_are_those_of_the_gateways() -> None:
    assert set(web.PROVIDERS) == {pay.PROVIDER, sms.PROVIDER, storage.PROVIDER, wechat_port.PROVIDER}


@pytest.mark.parametrize(("proxies", "sent"), [(1, "198.51.100.7"), (2, "198.51.100.7, 10.0.0.2")])
def test_behind_counted_proxies_each_shopper_has_an_address_of_their_own(tmp_path, proxies: int, sent: str) -> None:
    app = create_app(make_settings(f"sqlite:///{tmp_path}/shop.db", tmp_path, trusted_proxies=proxies))
    seen: list[tuple[str | None, str]] = []

    @app.get("/seen")
    @access("public")
    def see() -> str:  # pyright: ignore[reportUnusedFunction]
        seen.append((request.remote_addr, request.url))
        return ""

    head = {"X-Forwarded-For": f"203.0.113.9, {sent}", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    app.test_client().get("/seen", headers=head)
    assert seen == [("198.51.100.7", "https://shop.example/seen")]


def test_whoever_reads_the_session_says_so_to_caches(clerk: FlaskClient) -> None:
    words = [word.strip() for word in clerk.get("/me/messages").headers["Vary"].split(",")]
    assert sorted(words) == sorted(set(words))
    assert {"Cookie", "HX-Request"} <= set(words)
    assert "Cookie" not in clerk.get("/credits").headers.get("Vary", "")
