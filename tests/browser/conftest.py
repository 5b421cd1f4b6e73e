"""The whole house for browser tests: sandbox, shop and worker as real processes on loopback."""

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.core import clock
from app.core.config import Settings
from app.core.db import db
from app.core.security import SYSTEM
from app.factory import create_app
from app.staff import queries as staff_queries
from app.staff import services as staff_services
from tests.postgres import free_port

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WECHAT_UA = (
    "Mozilla/5.0 (Linux; Android 14; V2307A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 "
    "Mobile Safari/537.36 XWEB/1160117 MMWEBSDK/20240301 MicroMessenger/8.0.48.2580(0x28003052) WeChat/arm64 "
    "Weixin NetType/WIFI Language/zh_CN ABI/arm64"
)

# Pages that follow something ask every five seconds; an expectation waits for three such questions, not for one.
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)


@dataclass
class House:
    """Addresses of the running programs, and what a test needs of the sandbox's control API."""

    url: str
    sandbox: str
    environment: dict[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def sim(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the sandbox's control API."""
        host = self.sandbox.removeprefix("http://")
        payload = json.dumps(body) if body is not None else None
        with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text, status = answer.read().decode(), answer.status
        assert status < 400, f"{method} {path}: {status} {text[:300]}"
        return json.loads(text) if text else None

    def flask(self, *arguments: str) -> str:
        """Run a flask command of the shop; its output."""
        command = [str(BIN / "flask"), "--app", "wsgi", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @cached_property
    def app(self) -> Flask:
        """The shop in this process, on the house's database: its services without another start of the program."""
        names = {name.lower(): value for name, value in self.environment.items()}
        known = {name: value for name, value in names.items() if name in Settings.model_fields}
        return create_app(Settings(_env_file=None, **known))  # pyright: ignore[reportArgumentType, reportCallIssue]

    @contextlib.contextmanager
    def inside(self) -> Iterator[Flask]:
        """The shop's services at hand; no connection stays open."""
        with self.app.app_context():
            yield self.app
            db.session.remove()
            db.engine.dispose()

    def invite(self, dealer: str, name: str, role: str) -> str:
        """The link that makes its opener staff of a store."""
        with self.inside():
            dealer_id = staff_queries.find_dealer_id(dealer)
            assert dealer_id is not None, dealer
            _, token = staff_services.invite_staff(dealer_id, name, role, SYSTEM, clock.now())
        return f"{self.url}/staff/invitations/{token}"

    def sql(self, statement: str, *values: str) -> None:
        """Change the shop's database from outside, to let time pass for one row."""
        with contextlib.closing(sqlite3.connect(self.folder / "shop.db", timeout=15)) as connection, connection:
            connection.execute(statement, values)

    def read(self, statement: str, *values: Any, file: str = "shop.db") -> list[tuple[Any, ...]]:
        """What the shop's database holds, or another one of this house."""
        with contextlib.closing(sqlite3.connect(self.folder / file, timeout=15)) as connection:
            return connection.execute(statement, values).fetchall()

    def start(self, name: str) -> None:
        """Start one of the programs (again)."""
        host, port = "127.0.0.1", self.url.rpartition(":")[2]
        sandbox_port = self.sandbox.rpartition(":")[2]
        commands = {
            "sandbox": [sys.executable, "-m", "sandbox", "--host", host, "--port", sandbox_port]
            + ["--public-url", self.sandbox, "--dir", str(self.folder / "sandbox")],
            "shop": [str(BIN / "gunicorn"), "wsgi:app", "--bind", f"{host}:{port}", "--workers", "1"]
            + ["--worker-class", "gthread", "--threads", "8", "--no-control-socket", "--log-level", "warning"],
            "worker": [str(BIN / "flask"), "--app", "wsgi", "worker"],
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                commands[name], cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, name: str, sig: int = signal.SIGTERM) -> None:
        """Stop one of the programs, with its children; SIGKILL is a crash."""
        process = self.processes.pop(name)
        os.killpg(process.pid, sig)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def wait(self, url: str) -> None:
        """Until an address answers 200."""
        host, _, path = url.removeprefix("http://").partition("/")
        for _ in range(400):
            with (
                contextlib.suppress(OSError),
                contextlib.closing(http.client.HTTPConnection(host, timeout=5)) as connection,
            ):
                connection.request("GET", "/" + path)
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{url} did not answer; see {self.folder}")


def build_house(folder: Path) -> House:
    """Keys, settings, tables and demo data in a folder of its own; nothing is started yet."""
    url, sandbox = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WECHAT", "SMS_", "FLASK", "DATABASE_URL"))}
    init = [sys.executable, "-m", "sandbox", "init", "--dir", str(folder / "sandbox"), "--public-url", sandbox]
    subprocess.run([*init, "--shop-url", url], cwd=ROOT, env=clean, check=True, capture_output=True)
    lines = (folder / "sandbox" / "shop.env").read_text("utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    environment = {
        **clean,
        **settings,
        "PUBLIC_BASE_URL": url,
        "PYTHONPATH": str(Path(__file__).parent / "loud"),
        "SECRET_KEY": "browser-tests-" + "0" * 32,
        "DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        # Derived pictures are named by the digest of their originals: a later run finds them there.
        "MEDIA_PATH": str(ROOT / ".pytest_cache" / "media"),
        "JOBS_PATH": str(folder / "jobs.db"),
        "METRICS_PATH": str(folder / "metrics"),
    }
    house = House(url, sandbox, environment, folder)
    shutil.copy(_demo_database(environment), folder / "shop.db")
    return house


def _demo_database(environment: dict[str, str]) -> Path:
    """The demo data imported, once for all processes of a run: it says nothing of the house it is for."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    cache = ROOT / ".pytest_cache"
    cache.mkdir(exist_ok=True)
    made = cache / f"demo-{run}.db"
    with (cache / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in (*cache.glob("demo-*.db"), *cache.glob("draft-*")):
                old.unlink()
            draft = cache / f"draft-{run}.db"
            command = [sys.executable, "-m", "tests.browser.demo", str(ROOT / "demo")]
            settings = {**environment, "DATABASE_URL": f"sqlite:///{draft}"}
            done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            with contextlib.closing(sqlite3.connect(draft)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            draft.rename(made)
    return made


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house with the demo data."""
    house = build_house(tmp_path_factory.mktemp("house"))
    for name in ("sandbox", "shop", "worker"):
        house.start(name)
    house.wait(house.url + "/readyz")
    house.wait(house.sandbox + "/")
    yield house
    for name in list(house.processes):
        house.stop(name)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Hand out phones: each call is another person's, 390×844, inside WeChat."""
    contexts: list[BrowserContext] = []

    def hand_out(**options: Any) -> Page:
        context = browser.new_context(
            **{
                "viewport": {"width": 390, "height": 844},
                "device_scale_factor": 2,
                "is_mobile": True,
                "has_touch": True,
                "locale": "zh-CN",
                "timezone_id": "Asia/Shanghai",
                "user_agent": WECHAT_UA,
                **options,
            }
        )
        # The SDK reports its timings to WeChat; nothing of a test leaves this machine.
        context.route("**://open.weixin.qq.com/**", lambda route: route.abort())
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return context.new_page()

    yield hand_out
    for context in contexts:
        context.close()
