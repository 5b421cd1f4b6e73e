"""Keep leads and estimates

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lead_tries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_lead_tries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_tries")),
    )
    with op.batch_alter_table("lead_tries", schema=None) as batch_op:
        batch_op.create_index("ix_lead_tries_address", ["address_digest", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_lead_tries_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_lead_tries_member_id"), ["member_id"], unique=False)

    op.create_table(
        "trade_in_estimates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("no", sa.String(length=24), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("buying", sa.String(length=64), nullable=False),
        sa.Column("brand", sa.String(length=40), nullable=False),
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("model_year", sa.Integer(), nullable=True),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("city", sa.String(length=24), nullable=False),
        sa.Column("mileage_km", sa.Integer(), nullable=True),
        sa.Column("condition", sa.String(length=12), nullable=False),
        sa.Column("transfers", sa.Integer(), nullable=True),
        sa.Column("phone", sa.String(length=11), nullable=False),
        sa.Column("phone_asked", sa.Boolean(), nullable=True),
        sa.Column("table_version", sa.String(length=40), nullable=False),
        sa.Column("low_fen", sa.BigInteger(), nullable=True),
        sa.Column("fair_fen", sa.BigInteger(), nullable=True),
        sa.Column("high_fen", sa.BigInteger(), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("subsidies", sa.JSON(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("enquiry_no", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_trade_in_estimates_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade_in_estimates")),
        sa.UniqueConstraint("no", name=op.f("uq_trade_in_estimates_no")),
    )
    with op.batch_alter_table("trade_in_estimates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_in_estimates_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_trade_in_estimates_member_id"), ["member_id"], unique=False)

    op.create_table(
        "lead_contact_stops",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by_staff", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_lead_contact_stops_dealer_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_lead_contact_stops_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_contact_stops")),
        sa.UniqueConstraint("member_id", "dealer_id", name=op.f("uq_lead_contact_stops_member_id_dealer_id")),
    )
    op.create_table(
        "lead_exports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mark", sa.String(length=12), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_lead_exports_dealer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_exports")),
        sa.UniqueConstraint("mark", name=op.f("uq_lead_exports_mark")),
    )
    op.create_table(
        "lead_promises",
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("takes", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_lead_promises_dealer_id")),
        sa.PrimaryKeyConstraint("dealer_id", name=op.f("pk_lead_promises")),
    )
    op.create_table(
        "enquiries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("no", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("trim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("msrp_fen", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("contact_name", sa.String(length=40), nullable=False),
        sa.Column("city", sa.String(length=24), nullable=False),
        sa.Column("idempotency_key", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('price', 'call', 'inspection')", name=op.f("ck_enquiries_kind_known")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_enquiries_member_id")),
        sa.ForeignKeyConstraint(["trim_id"], ["trims.id"], name=op.f("fk_enquiries_trim_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiries")),
        sa.UniqueConstraint("member_id", "idempotency_key", name=op.f("uq_enquiries_member_id_idempotency_key")),
        sa.UniqueConstraint("no", name=op.f("uq_enquiries_no")),
    )
    with op.batch_alter_table("enquiries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enquiries_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_enquiries_member_id"), ["member_id"], unique=False)

    op.create_table(
        "leads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("no", sa.String(length=24), nullable=False),
        sa.Column("enquiry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mark", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_note", sa.String(length=120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('new', 'called', 'visiting', 'test_drive', 'ordered', 'closed', 'stopped', 'moved')",
            name=op.f("ck_leads_state_known"),
        ),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_leads_dealer_id")),
        sa.ForeignKeyConstraint(["enquiry_id"], ["enquiries.id"], name=op.f("fk_leads_enquiry_id")),
        sa.ForeignKeyConstraint(["moved_from_id"], ["leads.id"], name=op.f("fk_leads_moved_from_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_leads_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
        sa.UniqueConstraint("enquiry_id", "dealer_id", name=op.f("uq_leads_enquiry_id_dealer_id")),
        sa.UniqueConstraint("mark", name=op.f("uq_leads_mark")),
        sa.UniqueConstraint("no", name=op.f("uq_leads_no")),
    )
    with op.batch_alter_table("leads", schema=None) as batch_op:
        batch_op.create_index("ix_leads_dealer_state", ["dealer_id", "state", "due_at"], unique=False)
        batch_op.create_index("ix_leads_due", ["state", "answered_at", "due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_leads_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "lead_consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("consent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_lead_consents_consent_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_consents_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_consents")),
        sa.UniqueConstraint("consent_id", name=op.f("uq_lead_consents_consent_id")),
    )
    with op.batch_alter_table("lead_consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_consents_lead_id"), ["lead_id"], unique=False)

    op.create_table(
        "lead_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_events_lead_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_lead_events_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_events")),
    )
    with op.batch_alter_table("lead_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_events_lead_id"), ["lead_id"], unique=False)

    op.create_table(
        "lead_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("body", sa.String(length=500), nullable=False),
        sa.Column("nonce", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("side IN ('member', 'store')", name=op.f("ck_lead_messages_side_known")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_messages_lead_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_lead_messages_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_messages")),
        sa.UniqueConstraint("lead_id", "nonce", name=op.f("uq_lead_messages_lead_id_nonce")),
    )
    with op.batch_alter_table("lead_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_messages_lead_id"), ["lead_id"], unique=False)

    op.create_table(
        "lead_quotes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lead_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("included", sa.JSON(), nullable=False),
        sa.Column("conditions", sa.String(length=200), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('bare', 'landing')", name=op.f("ck_lead_quotes_kind_known")),
        sa.CheckConstraint("price_fen > 0", name=op.f("ck_lead_quotes_price_positive")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_lead_quotes_lead_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_lead_quotes_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_quotes")),
    )
    with op.batch_alter_table("lead_quotes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lead_quotes_lead_id"), ["lead_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("lead_quotes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_quotes_lead_id"))

    op.drop_table("lead_quotes")
    with op.batch_alter_table("lead_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_messages_lead_id"))

    op.drop_table("lead_messages")
    with op.batch_alter_table("lead_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_events_lead_id"))

    op.drop_table("lead_events")
    with op.batch_alter_table("lead_consents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_consents_lead_id"))

    op.drop_table("lead_consents")
    with op.batch_alter_table("leads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leads_staff_id"))
        batch_op.drop_index("ix_leads_due")
        batch_op.drop_index("ix_leads_dealer_state")

    op.drop_table("leads")
    with op.batch_alter_table("enquiries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enquiries_member_id"))
        batch_op.drop_index(batch_op.f("ix_enquiries_created_at"))

    op.drop_table("enquiries")
    op.drop_table("lead_promises")
    op.drop_table("lead_exports")
    op.drop_table("lead_contact_stops")
    with op.batch_alter_table("trade_in_estimates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trade_in_estimates_member_id"))
        batch_op.drop_index(batch_op.f("ix_trade_in_estimates_created_at"))

    op.drop_table("trade_in_estimates")
    with op.batch_alter_table("lead_tries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lead_tries_member_id"))
        batch_op.drop_index(batch_op.f("ix_lead_tries_at"))
        batch_op.drop_index("ix_lead_tries_address")

    op.drop_table("lead_tries")
