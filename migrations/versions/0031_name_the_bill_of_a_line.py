"""Say of each reconciled line which bill its other side comes from: a day may be compared with a second bill."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("reconciled_lines", sa.Column("bill_sha1", sa.String(40), nullable=False, server_default=""))


def downgrade():
    with op.batch_alter_table("reconciled_lines") as batch:
        batch.drop_column("bill_sha1")
