"""`flask doctor` against a real sandbox and a real shop: well when all is well, and each single defect is named."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from sqlalchemy import create_engine, text

from app.core import clock, heartbeats, jobs, outbox
from app.core.db import db, transaction
from app.factory import create_app
from app.gateways.pay.keys import load_private_key
from app.operations import doctor, doctor_house, doctor_keys
from app.operations.doctor import Level, Line
from sandbox.server import RunningSandbox, start_in_thread
from tests.conftest import make_settings

OTHER_SERIAL = "A" * 40


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@dataclass
class Deployment:
    """A shop that serves on loopback, and what its settings are."""

    app: Flask
    values: dict[str, Any]
    database_url: str
    folder: Path

    def examine(self, *, same_app: bool = False, **changes: Any) -> list[Line]:
        """The doctor's lines for these settings with some changed; the shop that serves stays well."""
        settings = make_settings(self.database_url, self.folder, **{**self.values, **changes})
        app = self.app if same_app else create_app(settings)
        with app.app_context():
            for name in jobs.listed(app):
                heartbeats.beat(name)
            try:
                return list(doctor.examine(app, settings))
            finally:
                db.session.remove()
                if app is not self.app:
                    db.engine.dispose()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = start_in_thread(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


@pytest.fixture
def deployment(sandbox: RunningSandbox, database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    requests.post(sandbox.url + "/sim/reset", timeout=5)
    # The address must be known before the shop is built.
    server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=Quiet)
    values: dict[str, Any] = {name.lower(): value for name, value in sandbox.env.items()}
    values["public_base_url"] = f"http://127.0.0.1:{server.server_port}"
    app = create_app(make_settings(database_url, tmp_path, **values))
    server.set_app(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield Deployment(app, values, database_url, tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def failures(lines: list[Line]) -> dict[str, str]:
    return {line.subject: line.found for line in lines if line.level is Level.FAILED}


@pytest.mark.both_databases
def test_a_well_deployment_has_no_failures(deployment: Deployment) -> None:
    lines = deployment.examine()
    assert failures(lines) == {}
    assert {line.subject for line in lines} == {subject for subject, _ in doctor.CHECKS}
    said = "\n".join(line.found for line in lines)
    for proof in ("回答的签名验证通过", "短信密钥正确", "jsapi_ticket 可用", "没有签名的通知被拒绝", "安全模式"):
        assert proof in said


@pytest.mark.both_databases
def test_what_the_database_lacks_for_places_is_named(app: Flask) -> None:
    with db.engine.connect() as connection:
        assert list(doctor_house.places(connection)) == []
        if connection.dialect.name == "postgresql":
            connection.execute(text("DROP INDEX ix_dealers_place"))
            assert "没有索引" in next(doctor_house.places(connection))[1]
            connection.execute(text("DROP EXTENSION cube CASCADE"))
            assert "没有扩展 cube" in next(doctor_house.places(connection))[1]
            connection.rollback()
            return
    bare = create_engine("sqlite://")
    with bare.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.create_function("cos", 1, lambda _: 1 / 0)
        connection.execute(text("CREATE TABLE pragma_module_list (name TEXT)"))
        said = [found for _, found, _ in doctor_house.places(connection)]
    bare.dispose()
    assert said == ["SQLite 没有 R*Tree", "SQLite 没有数学函数（cos、radians）"]


DEFECTS: list[tuple[dict[str, Any], str, str]] = [
    ({"wechat_app_secret": "0" * 32}, "公众号接口", "40125"),
    ({"wechat_app_id": "wx0000000000000000"}, "公众号接口", "40013"),
    ({"wechat_app_secret": "short"}, "公众号设置", "32 个字符"),
    ({"wechat_token": "otherToken"}, "消息推送", "echostr"),
    ({"wechat_aes_key": "A" * 42}, "公众号设置", "43 个字符"),
    ({"wechatpay_api_v3_key": "short"}, "商户密钥", "32 字节"),
    ({"wechatpay_cert_serial": OTHER_SERIAL}, "微信支付接口", "SIGN_ERROR"),
    ({"wechatpay_cert_serial": "12"}, "商户密钥", "40 位"),
    ({"wechatpay_mch_id": "1900000999"}, "微信支付接口", "SIGN_ERROR"),
    ({"wechatpay_private_key_path": "/nowhere/apiclient_key.pem"}, "商户密钥", "读不到"),
    ({"wechatpay_public_key_id": "PUBKEY1"}, "微信支付公钥", "PUB_KEY_ID_"),
    ({"wechatpay_public_key_id": "PUB_KEY_ID_0110000000012026112200000000000001"}, "微信支付接口", "INVALID_REQUEST"),
    ({"wechatpay_base_url": "http://127.0.0.1:9"}, "微信支付接口", "没有回应"),
    ({"sms_secret_key": "wrong"}, "短信接口", "AuthFailure"),
    ({"sms_secret_id": ""}, "短信设置", "SMS_SECRET_ID"),
    ({"sms_sdk_app_id": "14"}, "短信设置", "10 位"),
    ({"public_base_url": "http://127.0.0.1:9"}, "本站地址", "没有回应"),
    ({"zhanting_env": "production"}, "设置", "sandbox value"),
]


@pytest.mark.parametrize(("changes", "subject", "found"), DEFECTS)
def test_each_wrong_setting_is_named(deployment: Deployment, changes: dict[str, Any], subject: str, found: str) -> None:
    lines = deployment.examine(**changes)
    said = [line for line in lines if line.subject == subject and line.level is Level.FAILED]
    assert any(found in line.found for line in said), lines
    assert all(line.advice for line in said)


def test_plain_pushes_are_warned_of(deployment: Deployment) -> None:
    lines = deployment.examine(wechat_push_mode="compatible")
    (line,) = [line for line in lines if line.subject == "消息推送" and line.level is Level.WARNING]
    assert "兼容模式" in line.found
    assert "WECHAT_PUSH_MODE" in line.advice


def test_a_key_file_of_the_wrong_kind_is_named(deployment: Deployment, tmp_path: Path) -> None:
    own = load_private_key(Path(deployment.values["wechatpay_private_key_path"])).public_key()
    other = generate_private_key(65537, 2048).public_key()
    for key, subject, found in ((own, "微信支付公钥", "商户自己的公钥"), (other, "微信支付接口", "验不过")):
        path = tmp_path / "pub_key.pem"
        path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        assert found in failures(deployment.examine(wechatpay_public_key_path=path))[subject]


def test_two_public_keys_while_a_rotation_lasts_are_right(deployment: Deployment, tmp_path: Path) -> None:
    now, then = deployment.values["wechatpay_public_key_id"], "PUB_KEY_ID_THENEXTONE00000000000000002"
    path = tmp_path / "next.pem"
    public = generate_private_key(65537, 2048).public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    paths = f"{deployment.values['wechatpay_public_key_path']},{path}"
    failed = failures(deployment.examine(wechatpay_public_key_id=f"{now},{then}", wechatpay_public_key_path=paths))
    assert not {"微信支付公钥", "微信支付接口"} & failed.keys()


def test_one_bad_file_is_one_sentence_in_the_operators_words(deployment: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "apiclient_key.pem"
    path.write_text("no key")
    failed = failures(deployment.examine(wechatpay_private_key_path=path))
    assert f"WECHATPAY_PRIVATE_KEY_PATH：{path} 不是商户私钥" in failed["商户密钥"]
    for subject in ("微信支付公钥", "微信支付接口"):
        assert "检查没有完成" in failed[subject]
    gone = failures(deployment.examine(wechatpay_private_key_path=tmp_path / "none.pem"))["商户密钥"]
    assert "读不到" in gone


def test_the_refusals_of_the_keys_are_all_known_to_the_doctor() -> None:
    """Whatever `gateways/pay/keys.py` says about a file has words and advice here."""
    source = (Path(__file__).resolve().parents[2] / "app/gateways/pay/keys.py").read_text("utf-8")
    said = re.findall(r'f"(\{setting\}: [^"]+)"', source)
    assert len(said) >= 7
    for sentence in said:
        example = re.sub(r"\{[^}]+\}", "X1", sentence).replace("X1:", "SETTING:", 1)
        assert doctor_keys.explain(example)[0] != example, sentence


def _certificate(key: RSAPrivateKey, serial: int) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "1900000109")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), serial, day, day + timedelta(days=365))
    return built.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_certificate_and_key_must_be_one_pair(deployment: Deployment, tmp_path: Path) -> None:
    source = Path(deployment.values["wechatpay_private_key_path"])
    path = tmp_path / "apiclient_key.pem"
    path.write_bytes(source.read_bytes())
    path.chmod(0o600)
    serial, beside = int(deployment.values["wechatpay_cert_serial"], 16), tmp_path / "apiclient_cert.pem"
    beside.write_bytes(_certificate(load_private_key(source), serial))
    assert failures(deployment.examine(wechatpay_private_key_path=path)) == {}
    beside.write_bytes(_certificate(load_private_key(source), serial + 1))
    assert "序列号" in failures(deployment.examine(wechatpay_private_key_path=path))["商户密钥"]
    beside.write_bytes(_certificate(generate_private_key(65537, 2048), serial))
    assert "不是一对" in failures(deployment.examine(wechatpay_private_key_path=path))["商户密钥"]


def test_an_address_that_is_not_on_the_list_is_told(deployment: Deployment, sandbox: RunningSandbox) -> None:
    plan = {"api": [{"path": "/cgi-bin/stable_token", "do": "ip", "times": 1}]}
    requests.post(sandbox.url + "/sim/faults", json=plan, timeout=5)
    lines = deployment.examine()
    line = next(line for line in lines if line.subject == "公众号接口" and line.level is Level.FAILED)
    assert "40164" in line.found
    assert "IP白名单" in line.advice


def test_a_clock_that_is_wrong_is_named(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    monkeypatch.setattr("app.core.clock.now", lambda: now + timedelta(seconds=400))
    found = [line for line in deployment.examine() if "时钟与微信" in line.found]
    assert {line.level for line in found} == {Level.FAILED}


def test_a_clock_off_against_wechats_is_named(deployment: Deployment, sandbox: RunningSandbox) -> None:
    requests.post(sandbox.url + "/sim/clock", json={"offset": -400}, timeout=5)
    try:
        lines = deployment.examine()
    finally:
        requests.post(sandbox.url + "/sim/clock", json={"offset": 0}, timeout=5)
    failed = {(line.subject, line.found[:8]) for line in lines if line.level is Level.FAILED}
    assert {("公众号接口", "本机时钟与微信相"), ("微信支付接口", "本机时钟与微信支")} <= failed


def test_wechat_being_down_is_named(deployment: Deployment, sandbox: RunningSandbox) -> None:
    requests.post(sandbox.url + "/sim/down", json={"on": True}, timeout=5)
    failed = failures(deployment.examine())
    assert {"公众号接口", "微信支付接口", "短信接口"} <= set(failed)


def test_old_tables_are_named(deployment: Deployment) -> None:
    with deployment.app.app_context(), transaction():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'old'"))
    assert "表结构" in failures(deployment.examine())["数据库"]


def test_a_dead_worker_and_its_backlog_are_named(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    with deployment.app.app_context():
        with transaction():
            outbox.add("nowhere", "k1", {})
        outbox.deliver_due()
    later = clock.now() + timedelta(hours=3)
    monkeypatch.setattr("app.core.clock.now", lambda: later)
    monkeypatch.setattr(heartbeats, "beat", lambda job: None)
    failed = failures(deployment.examine())
    assert "没有按时运行" in failed["后台任务"]
    assert "待发" in failed["发件箱"]


def test_a_failing_job_is_named(deployment: Deployment) -> None:
    def fail() -> int:
        raise LookupError

    jobs.register(deployment.app, jobs.DELIVER, 5, fail)
    with pytest.raises(LookupError):
        jobs.run(deployment.app, jobs.DELIVER)
    with deployment.app.app_context():
        pulses = list(doctor.examine(deployment.app, deployment.app.config["SETTINGS"]))
    assert "LookupError" in failures(pulses)["后台任务"]


def test_folders_and_redis_are_looked_at(deployment: Deployment, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    assert "不能写入" in failures(deployment.examine(media_path=blocked / "media"))["图片"]
    for setting, path in (("JOBS_PATH", blocked / "jobs.db"), ("METRICS_PATH", blocked / "metrics")):
        lines = deployment.examine(same_app=True, **{setting.lower(): path})
        assert [line for line in lines if line.subject == "磁盘" and setting in line.advice], setting
    failed = failures(deployment.examine(same_app=True, redis_url="redis://127.0.0.1:9/0"))
    assert "REDIS_URL 不能用" in failed["Redis"] or "Redis 没有回应" in failed["Redis"]  # without and with its package


def test_the_command_says_it_all_and_leaves_with_a_code(deployment: Deployment) -> None:
    with deployment.app.app_context():
        for name in jobs.listed(deployment.app):
            heartbeats.beat(name)
    with deployment.app.app_context():
        done = deployment.app.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 0, done.output
    assert "正常" in done.output
    assert "失败 0" in done.output
    secrets = ("wechat_app_secret", "wechatpay_api_v3_key", "sms_secret_key", "wechat_token", "wechat_aes_key")
    assert not [name for name in secrets if deployment.values[name] in done.output]
    with deployment.app.app_context(), transaction():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'old'"))
    with deployment.app.app_context():
        broken = deployment.app.test_cli_runner().invoke(args=["doctor"])
    assert broken.exit_code == 1
    assert "→ 运行 flask db upgrade" in broken.output
