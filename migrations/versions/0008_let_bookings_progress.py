"""Let bookings progress: promised times, appointment, balance, queue, cases, reviews, reminders

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deal_reminders",
        sa.Column("deal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["deal_id"], ["one_price_deals.id"], name=op.f("fk_deal_reminders_deal_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_deal_reminders_member_id")),
        sa.PrimaryKeyConstraint("deal_id", "member_id", name=op.f("pk_deal_reminders")),
    )
    op.create_table(
        "booking_cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("kind IN ('double_return', 'forfeit', 'dispute')", name=op.f("ck_booking_cases_kind_known")),
        sa.CheckConstraint("state IN ('open', 'settled', 'refused')", name=op.f("ck_booking_cases_state_known")),
        sa.CheckConstraint("amount_fen IS NULL OR amount_fen >= 0", name=op.f("ck_booking_cases_amount_not_negative")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_booking_cases_booking_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_cases")),
    )
    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.create_index("ix_booking_cases_state", ["state", "opened_at"], unique=False)
        batch_op.create_index(
            "uq_booking_cases_open",
            ["booking_id", "kind"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "booking_reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("car_stars", sa.Integer(), nullable=False),
        sa.Column("dealer_stars", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "car_stars BETWEEN 1 AND 5 AND dealer_stars BETWEEN 1 AND 5", name=op.f("ck_booking_reviews_stars_in_range")
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_booking_reviews_booking_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_booking_reviews_dealer_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_booking_reviews_member_id")),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_booking_reviews_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_reviews")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_booking_reviews_booking_id")),
    )
    with op.batch_alter_table("booking_reviews", schema=None) as batch_op:
        batch_op.create_index("ix_booking_reviews_dealer", ["dealer_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_reviews_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_reviews_trim_id"), ["trim_id"], unique=False)

    op.create_table(
        "queue_places",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deal_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offer_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lead_dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lead_consent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'booked', 'lapsed', 'left')", name=op.f("ck_queue_places_state_known")
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_queue_places_booking_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["one_price_deals.id"], name=op.f("fk_queue_places_deal_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_queue_places_dealer_id")),
        sa.ForeignKeyConstraint(["lead_dealer_id"], ["dealers.id"], name=op.f("fk_queue_places_lead_dealer_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_queue_places_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_places")),
    )
    with op.batch_alter_table("queue_places", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_queue_places_member_id"), ["member_id"], unique=False)
        batch_op.create_index("ix_queue_places_turn", ["deal_id", "state", "claimed_at", "id"], unique=False)
        batch_op.create_index(
            "uq_queue_places_living",
            ["deal_id", "member_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('waiting', 'offered')"),
            postgresql_where=sa.text("state IN ('waiting', 'offered')"),
        )

    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("colour", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("surcharge_fen", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("owner_name", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("hold_extended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("confirm_by", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ready_by", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("default_kind", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("defaulted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("vin", sa.String(length=17), nullable=True))
        batch_op.add_column(sa.Column("appointment_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("proposed_by", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("no_show_reason", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("balance_from", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("balance_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("balance_paid_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("balance_channel", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("balance_document", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("balance_staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_bookings_confirm_by"), ["confirm_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_bookings_ready_by"), ["ready_by"], unique=False)
        batch_op.create_index("uq_bookings_vin", ["vin"], unique=True)

    with op.batch_alter_table("deal_dealers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("units_total", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("units_left", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(
            "units_within", "units_left IS NULL OR (units_left >= 0 AND units_left <= units_total)"
        )

    with op.batch_alter_table("one_price_deals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("included", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("excluded", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("waiting", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("stock_by_dealer", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("confirm_hours", sa.Integer(), server_default="24", nullable=False))
        batch_op.add_column(sa.Column("ready_days", sa.Integer(), server_default="30", nullable=False))
        batch_op.add_column(sa.Column("balance_starts_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("balance_ends_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("paused_reason", sa.String(length=120), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("one_price_deals", schema=None) as batch_op:
        batch_op.drop_column("paused_reason")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("balance_ends_at")
        batch_op.drop_column("balance_starts_at")
        batch_op.drop_column("ready_days")
        batch_op.drop_column("confirm_hours")
        batch_op.drop_column("stock_by_dealer")
        batch_op.drop_column("waiting")
        batch_op.drop_column("excluded")
        batch_op.drop_column("included")

    with op.batch_alter_table("deal_dealers", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_deal_dealers_units_within"), type_="check")
        batch_op.drop_column("units_left")
        batch_op.drop_column("units_total")

    with op.batch_alter_table("bookings", schema=None) as batch_op:
        batch_op.drop_index("uq_bookings_vin")
        batch_op.drop_index(batch_op.f("ix_bookings_ready_by"))
        batch_op.drop_index(batch_op.f("ix_bookings_confirm_by"))
        batch_op.drop_column("balance_staff_id")
        batch_op.drop_column("balance_document")
        batch_op.drop_column("balance_channel")
        batch_op.drop_column("balance_paid_at")
        batch_op.drop_column("balance_until")
        batch_op.drop_column("balance_from")
        batch_op.drop_column("no_show_reason")
        batch_op.drop_column("no_show_at")
        batch_op.drop_column("proposed_by")
        batch_op.drop_column("proposed_at")
        batch_op.drop_column("appointment_at")
        batch_op.drop_column("vin")
        batch_op.drop_column("defaulted_at")
        batch_op.drop_column("default_kind")
        batch_op.drop_column("ready_at")
        batch_op.drop_column("ready_by")
        batch_op.drop_column("confirmed_at")
        batch_op.drop_column("confirm_by")
        batch_op.drop_column("hold_extended_at")
        batch_op.drop_column("owner_name")
        batch_op.drop_column("surcharge_fen")
        batch_op.drop_column("colour")

    with op.batch_alter_table("queue_places", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_queue_places_living",
            sqlite_where=sa.text("state IN ('waiting', 'offered')"),
            postgresql_where=sa.text("state IN ('waiting', 'offered')"),
        )
        batch_op.drop_index("ix_queue_places_turn")
        batch_op.drop_index(batch_op.f("ix_queue_places_member_id"))

    op.drop_table("queue_places")
    with op.batch_alter_table("booking_reviews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_reviews_trim_id"))
        batch_op.drop_index(batch_op.f("ix_booking_reviews_member_id"))
        batch_op.drop_index("ix_booking_reviews_dealer")

    op.drop_table("booking_reviews")
    with op.batch_alter_table("booking_cases", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_booking_cases_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index("ix_booking_cases_state")

    op.drop_table("booking_cases")
    op.drop_table("deal_reminders")
