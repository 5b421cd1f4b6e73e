"""create price ledger

Revision: 0005, after 0004
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "price_entries",
        sa.Column("id", BigId, nullable=False),
        sa.Column("trim_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("deal_slug", sa.String(length=64), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", BigId, nullable=True),
        sa.CheckConstraint("fen > 0", name=op.f("ck_price_entries_fen_positive")),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_price_entries_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_entries")),
    )
    op.create_index("ix_price_entries_trim", "price_entries", ["trim_id", "kind", "id"])
    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("forms", sa.String(length=40), server_default="webp", nullable=False))
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.add_column(sa.Column("successor_slug", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("on_sale_on", sa.Date(), nullable=True))
    _record_present_prices()
    _forbid_changes()


def _record_present_prices() -> None:
    """What is published at this moment is where the history begins."""
    trims = sa.table("trims", sa.column("id"), sa.column("msrp_fen"))
    deals = sa.table(
        "one_price_deals",
        *map(sa.column, ("id", "slug", "trim_id", "price_fen", "starts_at", "ends_at", "withdrawn")),
    )
    entries = sa.table(
        "price_entries",
        *map(sa.column, ("trim_id", "kind", "deal_slug", "fen", "starts_at", "ends_at", "recorded_at")),
        *map(sa.column, ("source", "actor_kind")),
    )
    now = sa.literal(datetime.now(UTC), MOMENT)  # noqa: TID251 (a migration stands alone)
    made = (sa.literal("before"), sa.literal("system"))
    guide = sa.select(
        trims.c.id, sa.literal("guide"), sa.literal(""), trims.c.msrp_fen, now, sa.cast(sa.null(), MOMENT), now, *made
    )
    offers = (
        sa.select(
            deals.c.trim_id,
            sa.literal("deal"),
            deals.c.slug,
            deals.c.price_fen,
            deals.c.starts_at,
            deals.c.ends_at,
            now,
            *made,
        )
        .where(deals.c.withdrawn.is_(sa.false()))
        .order_by(deals.c.id)
    )
    names = [column.name for column in entries.c]
    op.execute(sa.insert(entries).from_select(names, guide.order_by(trims.c.id)))
    op.execute(sa.insert(entries).from_select(names, offers))


def _forbid_changes() -> None:
    """The database itself refuses to rewrite the history, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION price_entries_stay() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'price_entries: rows are only added'; END $$"
        )
        op.execute(
            "CREATE TRIGGER price_entries_stay BEFORE UPDATE OR DELETE ON price_entries "
            "FOR EACH ROW EXECUTE FUNCTION price_entries_stay()"
        )
        op.execute(
            "CREATE TRIGGER price_entries_not_emptied BEFORE TRUNCATE ON price_entries "
            "FOR EACH STATEMENT EXECUTE FUNCTION price_entries_stay()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER price_entries_no_{verb.lower()} BEFORE {verb} ON price_entries "
            "BEGIN SELECT RAISE(ABORT, 'price_entries: rows are only added'); END"
        )


def downgrade() -> None:
    op.drop_table("price_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION price_entries_stay()")
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.drop_column("on_sale_on")
        batch_op.drop_column("successor_slug")
    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.drop_column("forms")
