"""Shared fixtures: an app on its own copy of a migrated database, on SQLite and on PostgreSQL."""

import contextvars
import functools
import gc
import itertools
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from app.core.config import Settings
from tests import postgres
from tests.once import SharedMap, share_statements, share_templates

_counter = itertools.count()
Flask.url_map_class = SharedMap
CHROMIUM_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync "
    # The shell knows no network and would fetch lazy pictures from 3,000 px away; phones on 4G do from 1,250. The
    # settings before it are Playwright's own, which this flag replaces.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4,"
    "lazyLoadingImageMarginPxUnknown=1250"
).split()


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Sockets are closed but for loopback: a test that reaches out fails."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1", "localhost")):
            raise OSError(f"tests do not leave this machine: {address}")
        real(self, address)  # pyright: ignore[reportArgumentType]

    socket.socket.connect = connect  # pyright: ignore[reportAttributeAccessIssue]
    yield
    socket.socket.connect = real


@pytest.fixture(autouse=True, scope="session")
def light_passwords() -> Iterator[None]:
    """Operators' passwords are hashed lightly here; what production uses has a test of its own."""
    from app.admin import services

    real = services._hasher  # pyright: ignore[reportPrivateUsage]
    services._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)  # pyright: ignore[reportPrivateUsage]
    yield
    services._hasher = real  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless; one for all tests of a process, since Playwright allows no second loop.

    The shell alone where it is there: the same engine without the desktop's furniture takes a third less time.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip(
            "Chromium is not installed; `make test` does it where it may, with Debian's chromium-headless-shell"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres_of_its_own() -> Iterator[tuple[str, postgres.Restart]]:
    """A throw-away PostgreSQL server of this process: its address, and what takes it down and up."""
    if postgres.find_bin() is None:
        pytest.skip("PostgreSQL is not installed; `make test` does it where it may, with Debian's postgresql")
    with postgres.restartable() as both:
        yield both


@pytest.fixture(scope="session")
def postgres_server(postgres_of_its_own: tuple[str, postgres.Restart]) -> str:
    """The address of that server."""
    return postgres_of_its_own[0]


USUAL: dict[str, object] = {
    # One folder for all tests: each process keeps its files open.
    "metrics_path": Path(__file__).resolve().parents[1] / ".pytest_cache" / "metrics",
    "secret_key": "test-secret-key-of-enough-length-0123456789",
    "wechat_app_id": "wxsandbox0000000001",
    "wechat_app_secret": "0" * 32,
    "wechat_token": "token",
    "wechat_aes_key": "A" * 43,
    "wechatpay_mch_id": "1900000109",
    "wechatpay_api_v3_key": "0" * 32,
    "wechatpay_cert_serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    "wechatpay_public_key_id": "PUB_KEY_ID_SANDBOX0000000000000001",
}


def make_settings(url: str, folder: Path, **overrides: object) -> Settings:
    """Settings of a test shop; no environment is read but what a test gives."""
    places = {"database_url": url, "media_path": folder / "media", "jobs_path": folder / "jobs.db"}
    if not overrides:  # reading every setting's type takes as long as building the shop
        return _usual_settings().model_copy(update=places)
    return Settings(_env_file=None, **USUAL | places | overrides)  # pyright: ignore[reportArgumentType]


@functools.cache
def _usual_settings() -> Settings:
    return Settings(_env_file=None, **USUAL)  # pyright: ignore[reportArgumentType]


def migrate(url: str, folder: Path) -> None:
    from flask_migrate import upgrade

    from app.factory import create_app

    with create_app(make_settings(url, folder)).app_context():
        upgrade()
        from app.core.db import db

        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    migrate(f"sqlite:///{folder / 'shop.db'}", folder)
    return folder / "shop.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    import psycopg

    name = f"template_{os.getpid()}"
    with psycopg.connect(postgres_server + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
    migrate(postgres_server + name, tmp_path_factory.mktemp("pg"))
    return name


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh migrated database: SQLite, or PostgreSQL where the test is parametrised to it."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "shop.db")
        yield f"sqlite:///{tmp_path / 'shop.db'}"
        return
    import psycopg

    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("postgres_template")
    name = f"shop_{os.getpid()}_{next(_counter)}"
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        # Copied as files where the server knows how: the other way writes every page to the log as well.
        how = " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{how}")  # pyright: ignore
    yield server + name
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # pyright: ignore


def pytest_collection_finish() -> None:
    """Modules stay to the end: the collector need not walk them again and again for the shops of every test."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked `both_databases` run on SQLite and on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("database_url", ["sqlite", "postgres"], indirect=True)


class Browser(FlaskClient):
    """Each request gets an application context of its own, as under a server: nobody stays signed in through `g`."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """What one test asked for does not count against the next."""
    from app.core.web import limiter

    yield
    if limiter.initialized:
        limiter.reset()


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """A shop on its own database, with an application context open."""
    from app.core.db import db
    from app.factory import create_app

    application = create_app(make_settings(database_url, tmp_path))
    application.testing = True
    share_templates(application)
    application.test_client_class = Browser
    with application.app_context():
        share_statements(db.engine)
        yield application
        db.session.remove()
        db.engine.dispose()
