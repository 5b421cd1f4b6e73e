"""Keep failed scans

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "failed_scans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_failed_scans_dealer_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_failed_scans_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_scans")),
    )
    with op.batch_alter_table("failed_scans", schema=None) as batch_op:
        batch_op.create_index("ix_failed_scans_dealer_at", ["dealer_id", "at"], unique=False)

    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bill_fen", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.drop_column("bill_fen")

    with op.batch_alter_table("failed_scans", schema=None) as batch_op:
        batch_op.drop_index("ix_failed_scans_dealer_at")

    op.drop_table("failed_scans")
