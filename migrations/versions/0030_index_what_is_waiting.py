"""Index only what waits for something, and drop what no statement asks.

Every index costs each write of its table. A paid attempt, a booking without a deadline and a used coupon are never
looked up by what they waited for; a member's bookings and coupons are found by their unique keys, which begin with
the member; a chain's rows are read by number.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_PARTS = (
    ("ix_payments_next_query_at", "payments", "next_query_at", "next_query_at IS NOT NULL"),
    ("uq_bookings_vin", "bookings", "vin", "vin IS NOT NULL"),
    ("ix_bookings_confirm_by", "bookings", "confirm_by", "confirm_by IS NOT NULL"),
    ("ix_bookings_ready_by", "bookings", "ready_by", "ready_by IS NOT NULL"),
    ("ix_coupons_held_by", "coupons", "held_by", "held_by IS NOT NULL"),
)
_NEW = (
    ("ix_bookings_hold_until", "bookings", "hold_until", "state = 'held'"),
    ("ix_coupons_valid_until", "coupons", "valid_until", "state = 'issued'"),
)
_DROPPED = (
    ("ix_payments_state_expires", "payments", ["state", "expires_at"]),
    ("ix_bookings_state_hold", "bookings", ["state", "hold_until"]),
    ("ix_bookings_member_id", "bookings", ["member_id"]),
    ("ix_coupons_member_state", "coupons", ["member_id", "state", "valid_until"]),
    ("ix_coupons_state_until", "coupons", ["state", "valid_until"]),
    ("ix_ledger_entries_chain_at", "ledger_entries", ["chain", "at"]),
    ("ix_ledger_entries_campaign", "ledger_entries", ["campaign", "event"]),
)


def upgrade():
    for name, table, column, part in _PARTS:
        op.drop_index(name, table_name=table)
        _create_part(name, table, column, part)
    for name, table, column, part in _NEW:
        _create_part(name, table, column, part)
    for name, table, _columns in _DROPPED:
        op.drop_index(name, table_name=table)


def downgrade():
    for name, table, columns in _DROPPED:
        op.create_index(name, table, columns)
    for name, table, _column, _part in _NEW:
        op.drop_index(name, table_name=table)
    for name, table, column, _part in _PARTS:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [column], unique=name.startswith("uq_"))


def _create_part(name, table, column, part):
    where = sa.text(part)
    unique = name.startswith("uq_")
    op.create_index(name, table, [column], unique=unique, sqlite_where=where, postgresql_where=where)
