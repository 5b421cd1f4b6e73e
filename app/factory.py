"""The one module that knows everyone: settings, extensions, gateways, blueprints, handlers, error pages, commands."""

import functools
import importlib
import importlib.util
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask_migrate import Migrate

from app.core import jobs, logs, web
from app.core.config import ROOT, Settings, load_settings
from app.core.connecting import keep_alive_only
from app.core.db import db
from app.core.errors import ConfigError
from app.core.shared_tokens import DatabaseTokenStore
from app.core.web import Shop
from app.gateways.leadsystem.client import LeadWebhook
from app.gateways.pay.client import WeChatPayV3
from app.gateways.sms.tencent import TencentSms
from app.gateways.storage.objects import ObjectStorage
from app.gateways.wechat.client import WeChatAccount
from app.leads import oldcars
from app.payments.services.certificates import stored as stored_certificates
from app.tradein import inspecting

ROOMS = [
    "catalog",
    "dealers",
    "reviews",
    "costs",
    "members",
    "visits",
    "messages",
    "ledger",
    "staff",
    "payments",
    "reconciliation",
    "coupons",
    "drives",
    "leads",
    "tradein",
    "booking",
    "redemption",
    "instore",
    "feedback",
    "pages",
    "search",
    "sharing",
    "topics",
    "operations",
    "workbook",
    "evidence",
    "admin",
]


def create_app(settings: Settings | None = None, *, gateways: Mapping[str, Any] | None = None) -> Flask:
    """Build the shop. `gateways` replaces concrete clients in tests of services; production never passes it."""
    settings = settings or load_settings()
    logs.configure(settings.production)
    app = Shop("app", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
    )
    if settings.database_url.startswith("sqlite:///"):
        Path(settings.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    import_models()
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    web.init_app(app, settings)
    _connect_gateways(app, settings, gateways or {})
    jobs.init_app(app, settings.jobs_path)
    for room in ROOMS:
        _register(app, room)
    oldcars.use(_OldCars())
    return app


class _OnFirstUse:
    """A concrete client that is built when it is first needed, so that commands run without a merchant's keys.

    What is missing then comes as a ConfigError that names the settings.
    """

    def __init__(self, build: Callable[[], object]) -> None:
        self._build, self._lock, self._client = build, threading.Lock(), None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._build()
        return getattr(self._client, name)


def _connect_gateways(app: Flask, settings: Settings, given: Mapping[str, Any]) -> None:
    """`extensions["pay"]`, `["wechat"]`, `["sms"]`, `["storage"]`: the production clients, as the settings say."""
    clients: dict[str, Callable[[], object]] = {
        "pay": lambda: WeChatPayV3.from_settings(
            _with(settings, "wechatpay_mch_id", "wechatpay_api_v3_key"), stored=stored_certificates
        ),
        "wechat": lambda: WeChatAccount.from_settings(
            _with(settings, "wechat_app_id", "wechat_app_secret"), DatabaseTokenStore()
        ),
        "sms": lambda: TencentSms.from_settings(settings),
        "storage": lambda: ObjectStorage.from_settings(settings),
        "leads": lambda: LeadWebhook.from_settings(_with(settings, "leads_webhook_url", "leads_webhook_secret")),
    }
    for name, build in clients.items():
        app.extensions[name] = given[name] if name in given else _OnFirstUse(build)


class _OldCars:
    """The trade-in's estimates, where the leads look for the car of an inspection."""

    def find(self, no: str, member_id: int) -> oldcars.OldCar:
        return oldcars.OldCar(*inspecting.find_facts(no, member_id))

    def keep(self, no: str, member_id: int, enquiry_no: str) -> None:
        inspecting.keep_enquiry(no, member_id, enquiry_no)


def _with(settings: Settings, *names: str) -> Settings:
    empty = [name.upper() for name in names if not str(getattr(settings, name))]
    if empty:
        raise ConfigError(f"{', '.join(empty)}: missing; `make run` sets them for the sandbox")
    return settings


def engine_options(url: str) -> dict[str, Any]:
    """Pool settings: as many connections as the server has threads. Errors never quote names and phones.

    On SQLite the connection used last goes first: what it has read of the file is the likeliest to be still true.
    """
    if url.startswith("sqlite"):
        options = {"connect_args": {"timeout": 15}, "pool_size": 16, "max_overflow": 8, "hide_parameters": True}
        return {**options, "pool_use_lifo": True}
    living = [(keep_alive_only, "checkout")]
    options = {"connect_args": {"prepare_threshold": None}, "pool_size": 8, "max_overflow": 8, "hide_parameters": True}
    return {**options, "pool_events": living}


def import_models() -> None:
    """Let the metadata know every table."""
    from app.core import audit, heartbeats, outbox, publishing, shared_tokens  # noqa: F401

    for room in ROOMS:
        if _has(room, "models"):
            importlib.import_module(f"app.{room}.models")


@functools.cache
def _has(room: str, part: str) -> bool:
    return importlib.util.find_spec(f"app.{room}.{part}") is not None


def _register(app: Flask, room: str) -> None:
    """A room's `blueprint`s join the app; a module that has more to set up says it in `register(app)`."""
    for part in ("session", "views", "admin_views", "cli", "handlers", "jobs"):
        if _has(room, part):
            module = cast(Any, importlib.import_module(f"app.{room}.{part}"))
            if hasattr(module, "blueprint"):
                app.register_blueprint(module.blueprint)
            if hasattr(module, "register"):
                module.register(app)
