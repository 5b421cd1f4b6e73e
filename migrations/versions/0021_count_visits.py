"""Count visits

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visit_credits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_kind", sa.String(length=12), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_ref", sa.String(length=12), nullable=False),
        sa.Column("last_ref", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_credits")),
        sa.UniqueConstraint("subject_kind", "subject_id", name=op.f("uq_visit_credits_subject_kind_subject_id")),
    )
    with op.batch_alter_table("visit_credits", schema=None) as batch_op:
        batch_op.create_index("ix_visit_credits_dealer_at", ["dealer_id", "at"], unique=False)
        batch_op.create_index("ix_visit_credits_last_ref", ["last_ref"], unique=False)

    op.create_table(
        "visits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.String(length=12), nullable=False),
        sa.Column("first_ref", sa.String(length=12), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_visits_dealer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sa.UniqueConstraint("ref", name=op.f("uq_visits_ref")),
    )
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.create_index("ix_visits_code_at", ["code_id", "at"], unique=False)
        batch_op.create_index("ix_visits_dealer_at", ["dealer_id", "at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("visits", schema=None) as batch_op:
        batch_op.drop_index("ix_visits_dealer_at")
        batch_op.drop_index("ix_visits_code_at")

    op.drop_table("visits")
    with op.batch_alter_table("visit_credits", schema=None) as batch_op:
        batch_op.drop_index("ix_visit_credits_last_ref")
        batch_op.drop_index("ix_visit_credits_dealer_at")

    op.drop_table("visit_credits")
