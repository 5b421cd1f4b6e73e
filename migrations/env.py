"""Alembic's environment: the app's own engine and metadata, on SQLite and PostgreSQL."""

from alembic import context
from flask import current_app

extension = current_app.extensions["migrate"]
engine = extension.db.engine
metadata = extension.db.metadata


def include_name(name, kind, _parents):
    """Leave alone what other libraries keep in the same database."""
    return not (kind == "table" and name is not None and name.startswith(("huey_", "kv", "task", "schedule")))


def render_item(kind, item, _autogen):
    """Write our own column type as what it is in SQL, so that a migration imports nothing of the app."""
    return "sa.DateTime(timezone=True)" if kind == "type" and type(item).__name__ == "UtcDateTime" else False


with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        render_item=render_item,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
