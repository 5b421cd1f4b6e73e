"""Say what coupons are for

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("coupon_campaigns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scope", sa.String(length=4), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("coupon_campaigns", schema=None) as batch_op:
        batch_op.drop_column("scope")
