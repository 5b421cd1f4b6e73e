"""Mark the leads of a store that closed, once their people were told."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("leads", sa.Column("displaced_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    with op.batch_alter_table("leads") as batch:
        batch.drop_column("displaced_at")
