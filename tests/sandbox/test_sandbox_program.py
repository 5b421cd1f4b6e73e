"""`python -m sandbox` as a program, and the developer's pages."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from wechatpayv3 import WeChatPay

from app.core.config import SANDBOX_VALUES
from sandbox import constants
from sandbox.__main__ import main
from sandbox.server import RunningSandbox
from tests.sandbox.conftest import ListeningShop
from tests.sandbox.test_sandbox_pay import ORDER, order, state

ROOT = Path(__file__).resolve().parents[2]


def environment(directory: Path) -> dict[str, str]:
    lines = (directory / "shop.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_init_twice_keeps_keys_and_follows_the_address(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert main(["init", "--dir", str(folder), "--public-url", "http://127.0.0.1:8101"]) == 0
    first = environment(folder)
    assert main(["init", "--dir", str(folder), "--public-url", "http://192.0.2.1:8101/"]) == 0
    second = environment(folder)
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {
        "WECHAT_API_BASE_URL",
        "WECHAT_OPEN_BASE_URL",
        "WECHAT_JSSDK_URL",
        "WECHATPAY_BASE_URL",
        "SMS_API_BASE_URL",
        "LEADS_WEBHOOK_URL",
    }
    assert second["WECHAT_JSSDK_URL"] == "http://192.0.2.1:8101/jssdk/jweixin-1.6.0.js"
    assert len(second["WECHATPAY_API_V3_KEY"]) == 32
    assert len(second["WECHATPAY_CERT_SERIAL"]) == 40
    assert len(second["WECHAT_AES_KEY"]) == 43
    assert stat.S_IMODE((folder / "merchant_key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "shop.env").stat().st_mode) == 0o600


def test_shop_refuses_the_sandbox_identifiers_in_production() -> None:
    known = {constants.APP_ID, constants.MCH_ID, constants.PUBLIC_KEY_ID, constants.SMS_SDK_APP_ID}
    assert known <= SANDBOX_VALUES


def test_it_does_not_start_in_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHANTING_ENV", "production")
    assert main(["init", "--dir", str(tmp_path / "sandbox")]) == 1
    assert "仅供开发" in capsys.readouterr().err
    assert not (tmp_path / "sandbox").exists()


def test_taken_port_is_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["--dir", str(tmp_path), "--port", str(other.getsockname()[1])]) == 1
    assert "已被占用" in capsys.readouterr().err


def test_unwritable_directory_is_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", "--dir", str(tmp_path / "file" / "sandbox")]) == 1
    assert "无法写入" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_serves_until_it_is_told_to_stop(tmp_path: Path, number: int) -> None:
    port = str(free_port())
    command = [sys.executable, "-m", "sandbox", "--dir", str(tmp_path), "--port", port]
    clean = {"PATH": os.defpath}
    with subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}/" in process.stdout.readline()
        assert "仅供开发" in requests.get(f"http://127.0.0.1:{port}/").text
        process.send_signal(number)
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()  # started where SIGINT is ignored, it would be waited for without end


def test_developer_page_pays_and_resends(
    pay: WeChatPay, sandbox: RunningSandbox, shop: ListeningShop, openid: str
) -> None:
    order(pay, openid)
    home = requests.get(sandbox.url + "/").text
    assert "微信沙箱 · 仅供开发" in home
    assert "一口价订金" in home
    done = requests.post(f"{sandbox.url}/play/orders/{ORDER}/pay", {"notify": "none"})
    assert "已支付。" in done.text
    assert state(pay)["trade_state"] == "SUCCESS"
    notice = requests.get(sandbox.url + "/sim/notices").json()["notices"][0]["id"]
    assert "商城回答 204" in requests.post(f"{sandbox.url}/play/notices/{notice}/resend").text
    assert "该订单已支付" in requests.post(f"{sandbox.url}/play/orders/{ORDER}/pay").text
    assert len(shop.notices) == 1


def test_weather_button_switches_wechat_off_and_on(sandbox: RunningSandbox) -> None:
    assert "已停用" in requests.post(sandbox.url + "/play/down").text
    assert requests.get(sandbox.url + "/cgi-bin/token").status_code == 503
    assert requests.post(sandbox.url + "/").status_code == 503
    assert "已恢复" in requests.post(sandbox.url + "/play/down").text
    assert requests.get(sandbox.url + "/cgi-bin/token").status_code == 200


def test_outage_ends_by_itself(sandbox: RunningSandbox) -> None:
    requests.post(sandbox.url + "/sim/down", json={"seconds": 60})
    assert requests.get(sandbox.url + "/sns/auth").status_code == 503
    requests.post(sandbox.url + "/sim/down", json={"seconds": 0})
    assert requests.get(sandbox.url + "/sns/auth").status_code == 200


def test_same_seed_gives_the_same_ids(sandbox: RunningSandbox) -> None:
    def people() -> list[str]:
        requests.post(sandbox.url + "/sim/reset", json={"seed": "fixed"})
        requests.post(sandbox.url + "/sim/people", json={"nickname": "新人"})
        return [person["openid"] for person in requests.get(sandbox.url + "/sim/people").json()["people"]]

    assert people() == people()
    assert len(people()[-1]) == 28


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sim/people", "[]"),
        ("/sim/people", "{}"),
        ("/sim/people", "nonsense"),
        ("/sim/faults", '{"next_notice": "drop"}'),
        ("/sim/faults", '{"next_refund": "LOST"}'),
        ("/sim/down", '{"on": true, "parts": ["moon"]}'),
        (f"/sim/orders/{ORDER}/pay", '{"notify": "later"}'),
    ],
)
def test_senseless_control_calls_are_refused(sandbox: RunningSandbox, path: str, body: str) -> None:
    reply = requests.post(sandbox.url + path, data=body)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_unknown_order_is_not_found(sandbox: RunningSandbox) -> None:
    for action in ("pay", "cancel", "fail"):
        assert requests.post(f"{sandbox.url}/sim/orders/UNKNOWN/{action}").status_code == 404
