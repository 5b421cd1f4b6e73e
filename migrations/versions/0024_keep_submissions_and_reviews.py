"""Keep what stores submit, and reviews of more than bookings

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dealer_submissions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("no", sa.String(length=24), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("idempotency_key", sa.String(length=40), nullable=False),
        sa.Column("submitted_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_dealer_submissions_dealer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealer_submissions")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_dealer_submissions_idempotency_key")),
        sa.UniqueConstraint("no", name=op.f("uq_dealer_submissions_no")),
    )
    with op.batch_alter_table("dealer_submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dealer_submissions_dealer_id"), ["dealer_id"], unique=False)
        batch_op.create_index("ix_dealer_submissions_state", ["state", "id"], unique=False)

    op.create_table(
        "dealer_activities",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("picture_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_dealer_activities_starts_before_it_ends")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_dealer_activities_dealer_id")),
        sa.ForeignKeyConstraint(["picture_id"], ["pictures.id"], name=op.f("fk_dealer_activities_picture_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["dealer_submissions.id"], name=op.f("fk_dealer_activities_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dealer_activities")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_dealer_activities_submission_id")),
    )
    with op.batch_alter_table("dealer_activities", schema=None) as batch_op:
        batch_op.create_index("ix_dealer_activities_dealer", ["dealer_id", "ends_at"], unique=False)

    op.create_table(
        "promo_prices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conditions", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.CheckConstraint("fen > 0", name=op.f("ck_promo_prices_fen_positive")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_promo_prices_starts_before_it_ends")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_promo_prices_dealer_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["dealer_submissions.id"], name=op.f("fk_promo_prices_submission_id")
        ),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_promo_prices_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promo_prices")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_promo_prices_submission_id")),
    )
    with op.batch_alter_table("promo_prices", schema=None) as batch_op:
        batch_op.create_index("ix_promo_prices_dealer_trim", ["dealer_id", "trim_id", "ends_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_promo_prices_trim_id"), ["trim_id"], unique=False)

    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject_no", sa.String(length=40), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("author", sa.String(length=12), nullable=False),
        sa.Column("about", sa.String(length=160), nullable=False),
        sa.Column("dealer_stars", sa.Integer(), nullable=False),
        sa.Column("car_stars", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("car_stars BETWEEN 1 AND 5", name=op.f("ck_reviews_car_stars_in_range")),
        sa.CheckConstraint("dealer_stars BETWEEN 1 AND 5", name=op.f("ck_reviews_stars_in_range")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_reviews_dealer_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_reviews_member_id")),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_reviews_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("subject_kind", "subject_id", name=op.f("uq_reviews_subject_kind_subject_id")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index("ix_reviews_dealer", ["dealer_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_reviews_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reviews_trim_id"), ["trim_id"], unique=False)

    with op.batch_alter_table("dealers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("intro", sa.Text(), server_default="", nullable=False))
    _move_reviews()


def _move_reviews() -> None:
    """Reviews of bookings become reviews like others, with their numbers: the audit trail speaks of them by these.

    `booking_reviews` stays, empty, for a process of the release before that still runs.
    """
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT r.id, r.booking_id, b.no, r.member_id, r.dealer_id, r.trim_id, b.contact_name, b.car_name, "
            "r.dealer_stars, r.car_stars, r.text, r.created_at, r.hidden_at, r.answer, r.answered_at "
            "FROM booking_reviews r JOIN bookings b ON b.id = r.booking_id"
        )
    ).all()
    names = (
        "id subject_id subject_no member_id dealer_id trim_id author about dealer_stars car_stars text created_at "
        "hidden_at answer answered_at"
    ).split()
    columns = ", ".join(["subject_kind", *names])
    marks = ", ".join(["'booking'", *(f":{name}" for name in names)])
    for row in rows:
        values = dict(zip(names, row, strict=True))
        values["author"] = f"{values['author'][:1]}*"
        connection.execute(sa.text(f"INSERT INTO reviews ({columns}) VALUES ({marks})"), values)
    if rows and connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('reviews', 'id'), (SELECT max(id) FROM reviews))")
        )
    connection.execute(sa.text("DELETE FROM booking_reviews"))


def _move_back() -> None:
    """Reviews of bookings go where they came from; the release before knows no others."""
    names = "member_id, dealer_id, trim_id, dealer_stars, car_stars, text, created_at, hidden_at, answer, answered_at"
    op.execute(
        f"INSERT INTO booking_reviews (id, booking_id, {names}) SELECT id, subject_id, {names} FROM reviews "
        "WHERE subject_kind = 'booking'"
    )


def downgrade() -> None:
    _move_back()
    with op.batch_alter_table("dealers", schema=None) as batch_op:
        batch_op.drop_column("intro")

    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reviews_trim_id"))
        batch_op.drop_index(batch_op.f("ix_reviews_member_id"))
        batch_op.drop_index("ix_reviews_dealer")

    op.drop_table("reviews")
    with op.batch_alter_table("promo_prices", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_promo_prices_trim_id"))
        batch_op.drop_index("ix_promo_prices_dealer_trim")

    op.drop_table("promo_prices")
    with op.batch_alter_table("dealer_activities", schema=None) as batch_op:
        batch_op.drop_index("ix_dealer_activities_dealer")

    op.drop_table("dealer_activities")
    with op.batch_alter_table("dealer_submissions", schema=None) as batch_op:
        batch_op.drop_index("ix_dealer_submissions_state")
        batch_op.drop_index(batch_op.f("ix_dealer_submissions_dealer_id"))

    op.drop_table("dealer_submissions")
