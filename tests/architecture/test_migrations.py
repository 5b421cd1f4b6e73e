"""One head; the tables equal the models, up and down, on both databases."""

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect


def test_there_is_one_head():
    from alembic.script import ScriptDirectory

    from app.core.config import ROOT

    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


@pytest.mark.both_databases
def test_models_equal_migrations(app):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.core.db import db

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.both_databases
def test_down_and_up_again(app):
    from app.core.db import db

    db.session.remove()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    assert "bookings" in inspect(db.engine).get_table_names()
