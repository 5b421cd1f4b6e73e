"""Let a receipt of a store settle one booking

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    has_receipt = sa.text("balance_document <> ''")
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.create_index(
            "uq_bookings_receipt",
            ["dealer_id", "balance_document"],
            unique=True,
            sqlite_where=has_receipt,
            postgresql_where=has_receipt,
        )


def downgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_index("uq_bookings_receipt")
