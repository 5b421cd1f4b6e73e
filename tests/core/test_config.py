"""Production refuses to start with what belongs to development, and says all of it at once."""

import subprocess
import sys

import pytest

from app.core.config import ROOT, Settings, production_problems
from sandbox import constants


def test_production_with_nothing_set_lists_everything(monkeypatch):
    problems = production_problems(Settings(_env_file=None, zhanting_env="production"))
    named = {line.split(":")[0] for line in problems}
    assert {"SECRET_KEY", "WECHAT_APP_ID", "WECHATPAY_MCH_ID", "WECHATPAY_PRIVATE_KEY_PATH", "PUBLIC_BASE_URL"} <= named
    assert len(problems) >= 15


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wechat_app_id", constants.APP_ID),
        ("wechatpay_mch_id", constants.MCH_ID),
        ("wechatpay_public_key_id", constants.PUBLIC_KEY_ID),
        ("sms_sdk_app_id", constants.SMS_SDK_APP_ID),
        ("wechatpay_private_key_path", "/srv/sandbox/key.pem"),
        ("wechatpay_base_url", "http://127.0.0.1:8001"),
        ("wechat_api_base_url", "https://localhost:8001"),
        ("secret_key", "short"),
        ("trusted_proxies", 0),
    ],
)
def test_production_refuses_sandbox_values(name, value):
    problems = production_problems(Settings(_env_file=None, zhanting_env="production", **{name: value}))
    assert any(line.startswith(name.upper()) and "missing" not in line for line in problems)


def test_a_shop_behind_its_proxy_may_start():
    problems = production_problems(Settings(_env_file=None, zhanting_env="production", trusted_proxies=1))
    assert not any("TRUSTED_PROXIES" in line for line in problems)


@pytest.mark.parametrize(
    ("url", "secret", "wrong"),
    [
        ("", "", []),
        ("https://leads.example.com/in", "s" * 32, []),
        ("http://leads.example.com/in", "s" * 32, ["LEADS_WEBHOOK_URL"]),
        ("https://127.0.0.1/in", "s" * 31, ["LEADS_WEBHOOK_URL", "LEADS_WEBHOOK_SECRET"]),
        ("https://leads.example.com/in", "", ["LEADS_WEBHOOK_SECRET"]),
        ("", "s" * 32, ["LEADS_WEBHOOK_URL"]),
    ],
)
def test_the_way_to_the_lead_system_is_whole_and_sealed_or_there_is_none(url, secret, wrong):
    given = {"leads_webhook_url": url, "leads_webhook_secret": secret}
    problems = production_problems(Settings(_env_file=None, zhanting_env="production", **given))
    assert [line.split(":")[0] for line in problems if line.startswith("LEADS")] == wrong


def test_start_in_production_with_sandbox_values_is_one_message_and_no_traceback():
    environment = {"PATH": "/usr/bin:/bin", "ZHANTING_ENV": "production", "WECHAT_APP_ID": constants.APP_ID}
    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3  # at which gunicorn stops instead of starting the same worker again and again
    assert done.stderr.startswith("展厅不能启动（退出码 3）：")
    assert "Traceback" not in done.stderr
    assert "WECHAT_APP_ID: a sandbox value" in done.stderr
    assert "SECRET_KEY" in done.stderr


def test_the_server_does_not_start_with_a_key_that_is_not_there(tmp_path):
    start = "import runpy; runpy.run_path('gunicorn.conf.py')['on_starting'](None)"
    given = {"SECRET_KEY": "s" * 32, "WECHATPAY_PRIVATE_KEY_PATH": str(tmp_path / "apiclient_key.pem")}
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "WECHATPAY_PRIVATE_KEY_PATH: cannot read" in done.stderr
    assert "Traceback" not in done.stderr


def test_secrets_do_not_print():
    text = repr(Settings(_env_file=None, secret_key="visible", wechatpay_api_v3_key="also"))
    assert "visible" not in text
    assert "also" not in text
