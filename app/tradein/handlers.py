"""What the trade-in tells the rooms below: whose table counts, and what it keeps about a person."""

from typing import cast

from flask import Flask

from app.core.config import Settings
from app.core.errors import ConfigError
from app.members import privacy
from app.tradein import queries, services
from app.tradein.rules import TableWrong


def register(app: Flask) -> None:
    """Called once by the factory."""
    try:
        queries.use_file(cast(Settings, app.config["SETTINGS"]).tradein_table_path)
    except TableWrong as exc:
        raise ConfigError(f"TRADEIN_TABLE_PATH: {exc}") from None
    privacy.register("tradein", export=queries.export_own, erase=services.erase_own, reassign=services.reassign_own)
