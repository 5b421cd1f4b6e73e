"""One head; the tables equal the models, up and down, on both databases."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import Connection, Engine, MetaData, insert, inspect
from sqlalchemy.exc import DatabaseError


def test_there_is_one_head():
    from alembic.script import ScriptDirectory

    from app.core.config import ROOT

    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


@pytest.mark.both_databases
@pytest.mark.filterwarnings("ignore:.*expression-based index")  # the next test sees to them
def test_models_equal_migrations(app):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.core.db import db
    from app.core.tables import include_name

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": include_name})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.both_databases
def test_no_index_over_an_expression_is_lost(app):
    """SQLite's are not reflected, so a migration that copies a table (batch) drops them without a word."""
    from app.core.db import db

    catalogue = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'"}
    sql = catalogue.get(db.engine.dialect.name, "SELECT indexname FROM pg_indexes")
    with db.engine.connect() as connection:
        assert {"ix_members_phone_tail", "ix_bookings_phone_tail"} <= set(connection.exec_driver_sql(sql).scalars())


@pytest.mark.both_databases
def test_down_and_up_again(app):
    from app.core.db import db

    db.session.remove()
    downgrade(revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    assert "bookings" in inspect(db.engine).get_table_names()


# ---- 0005 and later on a shop that has rows ----

MOMENT = datetime(2026, 5, 1, 2, 0, tzinfo=UTC)
PLAIN = {str: "", int: 0, bool: False, float: 0.0, datetime: MOMENT, date: MOMENT.date(), object: {}}


def add(connection: Connection, tables: MetaData, of: str, /, **values: object) -> int:
    """A row of a table as it is at this revision: what must not be empty and is not said gets the plainest value."""
    table = tables.tables[of]
    needed = (c for c in table.columns if not c.nullable and c.server_default is None and not c.primary_key)
    row = {c.name: PLAIN[c.type.python_type] for c in needed} | values
    key = connection.execute(insert(table).values(row)).inserted_primary_key
    return key[0] if key else 0


def move_in(engine: Engine) -> None:
    """A shop of the time before the ledger: three cars, an offer that runs and one that was withdrawn."""
    with engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection, only=["brands", "series", "trims", "dealers", "one_price_deals", "deal_dealers"])
        brand = add(connection, tables, "brands", slug="b", name="云岫")
        series = add(connection, tables, "series", slug="s", brand_id=brand, name="岫 S5", status="在售")
        trims = [
            add(connection, tables, "trims", slug=slug, series_id=series, msrp_fen=fen, status=status)
            for slug, fen, status in (("a", 16_980_000, "在售"), ("b", 18_580_000, "在售"), ("c", 9_000_000, "停售"))
        ]
        store = add(connection, tables, "dealers", slug="west", name="西湖店")
        window = {"starts_at": MOMENT, "ends_at": MOMENT + timedelta(days=30), "units_total": 5, "units_left": 5}
        for slug, trim, fen, withdrawn in (("d", trims[1], 17_280_000, False), ("gone", trims[0], 1_000_000, True)):
            own = {"trim_id": trim, "price_fen": fen, "earnest_fen": 100_000, "withdrawn": withdrawn}
            deal = add(connection, tables, "one_price_deals", slug=slug, **own, **window)
            add(connection, tables, "deal_dealers", deal_id=deal, dealer_id=store)


@pytest.mark.both_databases
def test_price_ledger_begins_with_what_a_running_shop_had_published(app):
    from app.catalog.queries.prices import list_price_rows
    from app.core.db import db

    db.session.remove()
    downgrade(revision="0004")
    move_in(db.engine)
    began = datetime.now(UTC)
    upgrade()
    written = list_price_rows([1, 2, 3])
    assert [(r.kind, r.deal_slug, r.fen, r.ends_at) for r in written[1]] == [("guide", "", 16_980_000, None)]
    assert [(r.kind, r.fen) for r in written[3]] == [("guide", 9_000_000)]
    guide, deal = written[2]
    assert (guide.kind, guide.fen) == ("guide", 18_580_000)
    assert (deal.kind, deal.deal_slug, deal.fen) == ("deal", "d", 17_280_000)
    assert (deal.starts_at, deal.ends_at) == (MOMENT, MOMENT + timedelta(days=30))
    assert all(row.recorded_at >= began for rows in written.values() for row in rows)
    with db.engine.begin() as connection:
        kept = connection.exec_driver_sql("SELECT slug FROM one_price_deals ORDER BY slug").scalars().all()
        assert kept == ["d", "gone"]
        assert connection.exec_driver_sql("SELECT count(*) FROM deal_dealers").scalar() == 2
        assert connection.exec_driver_sql("SELECT DISTINCT source FROM price_entries").scalars().all() == ["before"]
    with pytest.raises(DatabaseError, match="rows are only added"), db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM price_entries")


def test_foreign_keys_are_enforced_again_after_migrating(app):
    from app.core.db import db

    db.session.remove()
    upgrade()
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.both_databases
def test_reviews_of_bookings_become_reviews_with_their_numbers_and_go_back(app):
    from app.core.db import db

    db.session.remove()
    downgrade(revision="0023")
    with db.engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection, only=["booking_reviews", "members"])
        brand = add(connection, tables, "brands", slug="b", name="云岫")
        series = add(connection, tables, "series", slug="s", brand_id=brand, name="岫 S5", status="在售")
        trim = add(connection, tables, "trims", slug="a", series_id=series, msrp_fen=1, status="在售")
        store = add(connection, tables, "dealers", slug="west", name="西湖店")
        window = {"starts_at": MOMENT, "ends_at": MOMENT + timedelta(days=30), "units_total": 5, "units_left": 5}
        deal = add(connection, tables, "one_price_deals", slug="d", trim_id=trim, price_fen=1, earnest_fen=1, **window)
        of = {"dealer_id": store, "trim_id": trim}
        for number, stars in ((7, 5), (9, 2)):
            member = add(connection, tables, "members")
            booked = {"deal_id": deal, "dealer_id": store, "member_id": member, "idempotency_key": str(number)}
            named = {
                "no": f"B{number}",
                "contact_name": "周样例",
                "car_name": "岫 S5",
                "earnest_kind": "订金",
                "earnest_fen": 1,
            }
            named |= {"msrp_fen": 1, "price_fen": 1, "state": "handed_over"}
            booking = add(connection, tables, "bookings", **booked, **named)
            said = {
                "id": number,
                "booking_id": booking,
                "member_id": member,
                "dealer_stars": stars,
                "car_stars": 4,
                **of,
            }
            add(connection, tables, "booking_reviews", text=f"第 {number} 条", answer="谢谢", **said)
    upgrade()
    kept = "SELECT id, subject_no, author, about, dealer_stars, text, answer FROM reviews ORDER BY id"
    with db.engine.begin() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(kept)]
        assert rows == [(n, f"B{n}", "周*", "岫 S5", stars, f"第 {n} 条", "谢谢") for n, stars in ((7, 5), (9, 2))]
        assert connection.exec_driver_sql("SELECT count(*) FROM booking_reviews").scalar() == 0
    downgrade(revision="0023")
    with db.engine.connect() as connection:
        back = connection.exec_driver_sql("SELECT id, dealer_stars FROM booking_reviews ORDER BY id")
        assert [tuple(row) for row in back] == [(7, 5), (9, 2)]


@pytest.mark.both_databases
def test_what_was_said_of_a_close_before_is_kept(app):
    from app.core.db import db
    from app.ledger.queries import list_words

    db.session.remove()
    downgrade(revision="0032")
    later = MOMENT + timedelta(hours=3)
    said = [
        {},
        {"checked_at": MOMENT, "checked_by": 3},
        {"checked_at": MOMENT, "checked_by": 3, "objection": "少一笔", "answered_at": later, "answered_by": 1}
        | {"answer": "在次日"},
    ]
    with db.engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection, only=["ledger_closes"])
        plain = {"first_seq": 1, "last_seq": 1}
        closes = [
            add(connection, tables, "ledger_closes", **{"chain": n, **plain, **words}) for n, words in enumerate(said)
        ]
    upgrade()
    kept = [[(word.said, word.at, word.by_id, word.words) for word in list_words(close)] for close in closes]
    assert kept == [
        [],
        [("checked", MOMENT, 3, "")],
        [("objected", MOMENT, 3, "少一笔"), ("answered", later, 1, "在次日")],
    ]
