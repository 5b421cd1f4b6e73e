"""Keep documents of cases: what goes back in the store, and the voucher of it

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = "kind IN ('double_return', 'forfeit', 'dispute'{})"


def upgrade() -> None:
    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("document", sa.String(length=60), server_default="", nullable=False))
        batch_op.drop_constraint(batch_op.f("ck_booking_cases_kind_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_booking_cases_kind_known"), KINDS.format(", 'store_return'"))


def downgrade() -> None:
    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_booking_cases_kind_known"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_booking_cases_kind_known"), KINDS.format(""))
        batch_op.drop_column("document")
