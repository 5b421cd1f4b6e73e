"""Find the bookings of one phone and of one address by indexes of their own.

The deal stood first in both: with new rows and old figures the planner read all bookings of the deal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_HELD = sa.text("address_digest IS NOT NULL")


def upgrade():
    op.create_index("ix_bookings_phone", "bookings", ["contact_phone"])
    op.create_index("ix_bookings_address", "bookings", ["address_digest"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.drop_index("ix_bookings_deal_phone", table_name="bookings")
    op.drop_index("ix_bookings_deal_address", table_name="bookings")


def downgrade():
    op.create_index("ix_bookings_deal_phone", "bookings", ["deal_id", "contact_phone"])
    op.create_index(
        "ix_bookings_deal_address",
        "bookings",
        ["deal_id", "address_digest"],
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
    op.drop_index("ix_bookings_address", table_name="bookings")
    op.drop_index("ix_bookings_phone", table_name="bookings")
