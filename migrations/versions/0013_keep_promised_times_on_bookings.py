"""Keep promised times on bookings

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("confirm_hours", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("ready_days", sa.Integer(), nullable=True))
    for name in ("confirm_hours", "ready_days"):
        deal = f"SELECT d.{name} FROM one_price_deals d WHERE d.id = bookings.deal_id"
        op.execute(sa.text(f"UPDATE bookings SET {name} = ({deal})"))


def downgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_column("ready_days")
        batch_op.drop_column("confirm_hours")
