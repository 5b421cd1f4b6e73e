"""The one module that knows everyone: settings, extensions, gateways, blueprints, handlers, error pages, commands."""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from flask import Flask
from flask_migrate import Migrate

from app.core import logs, web
from app.core.config import ROOT, Settings, load_settings
from app.core.db import db

ROOMS = [
    "catalog",
    "dealers",
    "members",
    "staff",
    "coupons",
    "payments",
    "booking",
    "redemption",
    "pages",
    "workbook",
    "admin",
]


def create_app(settings: Settings | None = None, *, gateways: Mapping[str, Any] | None = None) -> Flask:
    """Build the shop. `gateways` replaces concrete clients in tests of services; production never passes it."""
    settings = settings or load_settings()
    logs.configure(settings.production)
    app = Flask("app", root_path=str(ROOT), template_folder="templates", static_folder="static")
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
    for room in ROOMS:
        _register(app, room)
    return app


def engine_options(url: str) -> dict[str, Any]:
    """Pool settings: as many connections as the server has threads."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 15}, "pool_size": 16, "max_overflow": 8}
    return {"pool_size": 8, "max_overflow": 8, "pool_pre_ping": True}


def import_models() -> None:
    """Let the metadata know every table."""
    from app.core import audit, outbox, shared_tokens  # noqa: F401

    for room in ROOMS:
        if importlib.util.find_spec(f"app.{room}.models"):
            importlib.import_module(f"app.{room}.models")


def _register(app: Flask, room: str) -> None:
    for part in ("views", "admin_views", "cli"):
        if importlib.util.find_spec(f"app.{room}.{part}"):
            module = cast(Any, importlib.import_module(f"app.{room}.{part}"))
            if hasattr(module, "blueprint"):
                app.register_blueprint(module.blueprint)
