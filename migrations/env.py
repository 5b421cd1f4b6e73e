"""Alembic's environment: the app's own engine and metadata, on SQLite and PostgreSQL."""

from alembic import context
from flask import current_app

from app.core.tables import include_name

extension = current_app.extensions["migrate"]
engine = extension.db.engine
metadata = extension.db.metadata


def render_item(kind, item, _autogen):
    """Write our own column type as what it is in SQL, so that a migration imports nothing of the app."""
    return "sa.DateTime(timezone=True)" if kind == "type" and type(item).__name__ == "UtcDateTime" else False


def enforce(connection, on):
    """SQLite changes a table by making it anew; dropping the old one must not count as deleting what others point at.

    The pragma is without effect inside a transaction, so it goes to the driver before SQLAlchemy begins one.
    """
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def check(connection):
    """What was not enforced on the way holds at the end, or nothing is kept."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"rows point at nothing after the migration: {broken[:5]}")


with engine.connect() as connection:
    enforce(connection, False)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        render_item=render_item,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
        check(connection)
        connection.commit()
    finally:
        connection.rollback()
        enforce(connection, True)
