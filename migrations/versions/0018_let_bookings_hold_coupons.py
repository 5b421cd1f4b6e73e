"""Let bookings hold coupons

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_WITHIN = "coupon_fen >= 0 AND coupon_fen <= price_fen + surcharge_fen"


def upgrade() -> None:
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("coupon_fen", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.create_check_constraint(op.f("ck_bookings_coupons_within_price"), _WITHIN)
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_fen", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint(op.f("ck_coupons_held_by_somebody"), type_="check")
        batch_op.create_check_constraint(op.f("ck_coupons_held_by_somebody"), "state <> 'held' OR held_by IS NOT NULL")
        batch_op.create_check_constraint(
            op.f("ck_coupons_held_only_then"), "held_by IS NULL OR state IN ('held', 'redeemed')"
        )


def downgrade() -> None:
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_coupons_held_only_then"), type_="check")
        batch_op.drop_constraint(op.f("ck_coupons_held_by_somebody"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_coupons_held_by_somebody"), "(state = 'held') = (held_by IS NOT NULL)"
        )
        batch_op.drop_column("held_at")
        batch_op.drop_column("held_fen")
    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_bookings_coupons_within_price"), type_="check")
        batch_op.drop_column("coupon_fen")
