"""Keep what store and headquarters said of a day's close; the close itself holds where it stands."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "ledger_close_words",
        sa.Column("id", ID, primary_key=True),
        sa.Column("close_id", ID, sa.ForeignKey("ledger_closes.id"), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.String(16), nullable=False),
        sa.Column("by_id", ID, nullable=True),
        sa.Column("words", sa.String(300), nullable=False, server_default=""),
    )
    # What stands now is the last that was said; what it replaced was not kept.
    op.execute(
        "INSERT INTO ledger_close_words (close_id, at, said, by_id, words) "
        "SELECT id, checked_at, CASE WHEN objection = '' THEN 'checked' ELSE 'objected' END, checked_by, objection "
        "FROM ledger_closes WHERE checked_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO ledger_close_words (close_id, at, said, by_id, words) "
        "SELECT id, answered_at, 'answered', answered_by, answer FROM ledger_closes WHERE answered_at IS NOT NULL"
    )


def downgrade():
    op.drop_table("ledger_close_words")
