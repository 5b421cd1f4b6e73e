"""index places

Dealers get the kind they are (status, services, hours) and an index of their places, both kept by the database itself:
an R*Tree of unit vectors on SQLite, GiST over cube on PostgreSQL. Where cube may not be created, places are searched
without an index (docs/operations.md).

Revision: 0027, after 0026
"""

import logging

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHOWN = "('营业', '暂停')"
VECTOR = (
    "cos(radians({0}lat)) * cos(radians({0}lng)), cos(radians({0}lat)) * sin(radians({0}lng)), sin(radians({0}lat))"
)


def upgrade() -> None:
    op.create_table(
        "dealer_kinds",
        sa.Column("id", BigId, nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("services", sa.String(length=80), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealer_kinds")),
    )
    op.add_column("dealers", sa.Column("kind_id", BigId, nullable=True))
    op.create_index("ix_dealers_kind", "dealers", ["kind_id", "lat", "lng"])
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()
    op.execute("UPDATE dealers SET status = status")  # each finds its kind and its place


def _on_sqlite() -> None:
    op.execute("CREATE UNIQUE INDEX uq_dealer_kinds ON dealer_kinds (status, services, hours)")
    op.execute("CREATE VIRTUAL TABLE dealer_places USING rtree (id, x0, x1, y0, y1, z0, z1)")
    x, y, z = VECTOR.format("new.").split(", ")
    place = f"""
        INSERT OR IGNORE INTO dealer_kinds (status, services, hours)
            SELECT new.status, new.services, new.hours WHERE new.status IN {SHOWN};
        UPDATE dealers SET kind_id = (
            SELECT k.id FROM dealer_kinds AS k
            WHERE k.status = new.status AND k.services = new.services AND k.hours = new.hours
        ) WHERE id = new.id;
        INSERT INTO dealer_places SELECT new.id, {x}, {x}, {y}, {y}, {z}, {z} WHERE new.status IN {SHOWN};
    """
    op.execute(f"CREATE TRIGGER dealers_placed AFTER INSERT ON dealers BEGIN {place} END")
    op.execute(
        "CREATE TRIGGER dealers_moved AFTER UPDATE OF id, lat, lng, status, services, hours ON dealers "
        f"BEGIN DELETE FROM dealer_places WHERE id = old.id; {place} END"
    )
    op.execute(
        "CREATE TRIGGER dealers_gone AFTER DELETE ON dealers BEGIN DELETE FROM dealer_places WHERE id = old.id; END"
    )


def _on_postgresql() -> None:
    op.execute("CREATE UNIQUE INDEX uq_dealer_kinds ON dealer_kinds (status, services, md5(hours))")
    op.execute(
        f"""
        CREATE FUNCTION dealers_placed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.kind_id := NULL;
            IF NEW.status IN {SHOWN} THEN
                INSERT INTO dealer_kinds (status, services, hours) VALUES (NEW.status, NEW.services, NEW.hours)
                    ON CONFLICT DO NOTHING;
                SELECT k.id INTO STRICT NEW.kind_id FROM dealer_kinds AS k WHERE k.status = NEW.status
                    AND k.services = NEW.services AND md5(k.hours) = md5(NEW.hours);
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER dealers_placed BEFORE INSERT OR UPDATE OF status, services, hours, kind_id ON dealers "
        "FOR EACH ROW EXECUTE FUNCTION dealers_placed()"
    )
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS cube"))
    except sa.exc.DBAPIError as error:
        warning = f"cube is not to be had, the nearest stores are searched without an index: {error.orig}"
        logging.getLogger("alembic.runtime.migration").warning(warning)
        return
    op.execute(
        f"CREATE INDEX ix_dealers_place ON dealers USING gist (cube(ARRAY[{VECTOR.format('')}])) "
        "WHERE kind_id IS NOT NULL"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_dealers_place")
        op.execute("DROP TRIGGER dealers_placed ON dealers")
        op.execute("DROP FUNCTION dealers_placed()")
    else:
        for name in ("placed", "moved", "gone"):
            op.execute(f"DROP TRIGGER IF EXISTS dealers_{name}")
        op.execute("DROP TABLE dealer_places")
    op.drop_index("ix_dealers_kind", "dealers")
    with op.batch_alter_table("dealers", schema=None) as batch_op:
        batch_op.drop_column("kind_id")
    op.drop_table("dealer_kinds")
