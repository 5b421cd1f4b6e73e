"""Name bookings in consents, and who settled a case

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reference", sa.String(length=40), server_default="", nullable=False))

    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("settled_by_kind", sa.String(length=16), server_default="operator", nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.drop_column("settled_by_kind")

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_column("reference")
