"""Stand codes in stores

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "store_code_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_code_keys")),
    )
    op.create_table(
        "store_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("trim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("colour", sa.String(length=40), nullable=False),
        sa.Column("vin_tail", sa.String(length=6), nullable=False),
        sa.Column("stock", sa.String(length=8), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("claim_code", sa.String(length=16), nullable=False),
        sa.Column("wifi_name", sa.String(length=63), nullable=False),
        sa.Column("wifi_password", sa.String(length=63), nullable=False),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.Column("scene_url", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=24), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_reason", sa.String(length=80), nullable=False),
        sa.CheckConstraint(
            "kind IN ('car', 'desk', 'poster', 'drive', 'service', 'parking', 'card')",
            name=op.f("ck_store_codes_kind_known"),
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_store_codes_campaign_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_store_codes_dealer_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_store_codes_staff_id")),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_store_codes_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_store_codes_code")),
    )
    with op.batch_alter_table("store_codes", schema=None) as batch_op:
        batch_op.create_index("ix_store_codes_dealer", ["dealer_id", "kind"], unique=False)

    op.create_table(
        "floor_calls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("code_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wanted_staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("visit_ref", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('call', 'check_in')", name=op.f("ck_floor_calls_kind_known")),
        sa.ForeignKeyConstraint(["answered_by"], ["staff_members.id"], name=op.f("fk_floor_calls_answered_by")),
        sa.ForeignKeyConstraint(["code_id"], ["store_codes.id"], name=op.f("fk_floor_calls_code_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_floor_calls_dealer_id")),
        sa.ForeignKeyConstraint(["wanted_staff_id"], ["staff_members.id"], name=op.f("fk_floor_calls_wanted_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floor_calls")),
        sa.UniqueConstraint(
            "dealer_id", "day", "kind", "number", name=op.f("uq_floor_calls_dealer_id_day_kind_number")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_floor_calls_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_floor_calls_ref")),
    )
    with op.batch_alter_table("floor_calls", schema=None) as batch_op:
        batch_op.create_index("ix_floor_calls_dealer_at", ["dealer_id", "created_at"], unique=False)

    with op.batch_alter_table("staff_members", schema=None) as batch_op:
        batch_op.add_column(sa.Column("duty_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("staff_members", schema=None) as batch_op:
        batch_op.drop_column("duty_until")

    with op.batch_alter_table("floor_calls", schema=None) as batch_op:
        batch_op.drop_index("ix_floor_calls_dealer_at")

    op.drop_table("floor_calls")
    with op.batch_alter_table("store_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_store_codes_dealer")

    op.drop_table("store_codes")
    op.drop_table("store_code_keys")
