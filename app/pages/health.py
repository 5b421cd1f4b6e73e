"""Whether the shop is well enough to serve."""

from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core.config import ROOT
from app.core.db import db


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the shop stands on."""

    name: str
    ok: bool
    detail: str


def check() -> list[Part]:
    """The database answers, and its tables are those of this code."""
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            present = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as exc:
        return [Part("database", False, type(exc).__name__), Part("migrations", False, "unknown")]
    head = ScriptDirectory(str(ROOT / "migrations")).get_current_head()
    return [Part("database", True, db.engine.dialect.name), Part("migrations", present == head, present or "none")]
