"""Limit what one address or one phone holds of a deal

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    holds = sa.text("address_digest IS NOT NULL")
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address_digest", sa.String(length=64), nullable=True))
        batch_op.create_index(
            "ix_bookings_deal_address",
            ["deal_id", "address_digest"],
            unique=False,
            sqlite_where=holds,
            postgresql_where=holds,
        )
        batch_op.create_index("ix_bookings_deal_phone", ["deal_id", "contact_phone"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_index("ix_bookings_deal_phone")
        batch_op.drop_index("ix_bookings_deal_address")
        batch_op.drop_column("address_digest")
