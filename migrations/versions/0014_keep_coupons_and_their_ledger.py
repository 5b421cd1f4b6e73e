"""Keep coupons and their ledger

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_closes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("chain", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("first_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("signature", sa.String(length=120), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("objection", sa.String(length=300), nullable=False),
        sa.CheckConstraint("last_seq >= first_seq - 1", name=op.f("ck_ledger_closes_range_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_closes")),
        sa.UniqueConstraint("chain", "on", name=op.f("uq_ledger_closes_chain_on")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("chain", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("dealer_permille", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("chain", "seq", name=op.f("uq_ledger_entries_chain_seq")),
    )
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entries_campaign", ["campaign", "event"], unique=False)
        batch_op.create_index("ix_ledger_entries_chain_at", ["chain", "at"], unique=False)
        batch_op.create_index("ix_ledger_entries_subject", ["subject"], unique=False)

    op.create_table(
        "ledger_heads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_heads")),
    )
    op.create_table(
        "campaign_days",
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_campaign_days_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "on", name=op.f("pk_campaign_days")),
    )
    op.create_table(
        "campaign_rehearsals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("green", sa.Boolean(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("rehearsed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_campaign_rehearsals_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_rehearsals")),
    )
    with op.batch_alter_table("campaign_rehearsals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_rehearsals_campaign_id"), ["campaign_id"], unique=False)

    op.create_table(
        "campaign_terms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_campaign_terms_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_terms")),
        sa.UniqueConstraint("campaign_id", "digest", name=op.f("uq_campaign_terms_campaign_id_digest")),
    )
    op.create_table(
        "claim_tries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address_digest", sa.String(length=64), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("won", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_claim_tries_campaign_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_claim_tries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_tries")),
        sa.UniqueConstraint("key", name=op.f("uq_claim_tries_key")),
    )
    with op.batch_alter_table("claim_tries", schema=None) as batch_op:
        batch_op.create_index("ix_claim_tries_address", ["kind", "address_digest", "at"], unique=False)
        batch_op.create_index("ix_claim_tries_member", ["kind", "member_id", "at"], unique=False)

    op.create_table(
        "draws",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("winners", sa.Integer(), nullable=False),
        sa.Column("prizes", sa.JSON(), nullable=False),
        sa.Column("disclosures", sa.JSON(), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("beacon_source", sa.String(length=200), nullable=False),
        sa.Column("beacon", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("draws_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'open', 'closed', 'drawn', 'void')", name=op.f("ck_draws_state_known")),
        sa.CheckConstraint("fee_fen > 0", name=op.f("ck_draws_fee_positive")),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_draws_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draws")),
        sa.UniqueConstraint("campaign_id", name=op.f("uq_draws_campaign_id")),
    )
    op.create_table(
        "giving_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("operator_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_giving_runs_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_giving_runs")),
    )
    with op.batch_alter_table("giving_runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_giving_runs_campaign_id"), ["campaign_id"], unique=False)

    op.create_table(
        "wish_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=60), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answer", sa.String(length=300), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_wish_groups_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish_groups")),
    )
    op.create_table(
        "claim_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_claim_codes_campaign_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_claim_codes_dealer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_codes")),
        sa.UniqueConstraint("code", name=op.f("uq_claim_codes_code")),
    )
    with op.batch_alter_table("claim_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claim_codes_campaign_id"), ["campaign_id"], unique=False)

    op.create_table(
        "coupons",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("terms_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("claimed_on", sa.Date(), nullable=False),
        sa.Column("day_slot", sa.Integer(), nullable=True),
        sa.Column("claim_key", sa.String(length=64), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed_dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("redeemed_fen", sa.BigInteger(), nullable=True),
        sa.Column("revoked_reason", sa.String(length=120), server_default="", nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'held') = (held_by IS NOT NULL)", name=op.f("ck_coupons_held_by_somebody")),
        sa.CheckConstraint(
            "(state = 'redeemed') = (redeemed_at IS NOT NULL)", name=op.f("ck_coupons_redeemed_at_some_time")
        ),
        sa.CheckConstraint(
            "state IN ('issued', 'held', 'redeemed', 'revoked', 'expired')", name=op.f("ck_coupons_state_known")
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_coupons_validity_has_length")),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_coupons_campaign_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_coupons_dealer_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_coupons_member_id")),
        sa.ForeignKeyConstraint(["redeemed_dealer_id"], ["dealers.id"], name=op.f("fk_coupons_redeemed_dealer_id")),
        sa.ForeignKeyConstraint(["terms_id"], ["campaign_terms.id"], name=op.f("fk_coupons_terms_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint(
            "campaign_id",
            "member_id",
            "claimed_on",
            "day_slot",
            name=op.f("uq_coupons_campaign_id_member_id_claimed_on_day_slot"),
        ),
        sa.UniqueConstraint("campaign_id", "member_id", "slot", name=op.f("uq_coupons_campaign_id_member_id_slot")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
        sa.UniqueConstraint("member_id", "claim_key", name=op.f("uq_coupons_member_id_claim_key")),
    )
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.create_index("ix_coupons_held_by", ["held_by"], unique=False)
        batch_op.create_index("ix_coupons_member_state", ["member_id", "state", "valid_until"], unique=False)
        batch_op.create_index("ix_coupons_state_until", ["state", "valid_until"], unique=False)

    op.create_table(
        "counter_phones",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("registered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_counter_phones_dealer_id")),
        sa.ForeignKeyConstraint(["registered_by"], ["staff_members.id"], name=op.f("fk_counter_phones_registered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_phones")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_counter_phones_token_digest")),
    )
    with op.batch_alter_table("counter_phones", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counter_phones_dealer_id"), ["dealer_id"], unique=False)

    op.create_table(
        "draw_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("draw_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("ticket", sa.String(length=24), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('free', 'paid')", name=op.f("ck_draw_entries_kind_known")),
        sa.CheckConstraint("state IN ('waiting', 'entered', 'void')", name=op.f("ck_draw_entries_state_known")),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("fk_draw_entries_coupon_id")),
        sa.ForeignKeyConstraint(["draw_id"], ["draws.id"], name=op.f("fk_draw_entries_draw_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_draw_entries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_entries")),
        sa.UniqueConstraint("draw_id", "member_id", name=op.f("uq_draw_entries_draw_id_member_id")),
        sa.UniqueConstraint("draw_id", "seq", name=op.f("uq_draw_entries_draw_id_seq")),
        sa.UniqueConstraint("draw_id", "ticket", name=op.f("uq_draw_entries_draw_id_ticket")),
    )
    with op.batch_alter_table("draw_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draw_entries_member_id"), ["member_id"], unique=False)
        batch_op.create_index("ix_draw_entries_state", ["draw_id", "state"], unique=False)

    op.create_table(
        "gift_tickets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_gift_tickets_campaign_id")),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("fk_gift_tickets_coupon_id")),
        sa.ForeignKeyConstraint(["dealer_id"], ["dealers.id"], name=op.f("fk_gift_tickets_dealer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_tickets")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_gift_tickets_token_digest")),
    )
    op.create_table(
        "giving_targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("coupon_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'given', 'refused')", name=op.f("ck_giving_targets_state_known")),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("fk_giving_targets_coupon_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_giving_targets_member_id")),
        sa.ForeignKeyConstraint(["run_id"], ["giving_runs.id"], name=op.f("fk_giving_targets_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_giving_targets")),
        sa.UniqueConstraint("run_id", "member_id", name=op.f("uq_giving_targets_run_id_member_id")),
    )
    with op.batch_alter_table("giving_targets", schema=None) as batch_op:
        batch_op.create_index("ix_giving_targets_state", ["run_id", "state"], unique=False)

    op.create_table(
        "wishes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("series_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("city", sa.String(length=24), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'grouped', 'answered', 'declined', 'withdrawn')", name=op.f("ck_wishes_state_known")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["coupon_campaigns.id"], name=op.f("fk_wishes_campaign_id")),
        sa.ForeignKeyConstraint(["group_id"], ["wish_groups.id"], name=op.f("fk_wishes_group_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_wishes_member_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_wishes_series_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishes")),
        sa.UniqueConstraint("key", name=op.f("uq_wishes_key")),
    )
    with op.batch_alter_table("wishes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wishes_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_wishes_member_id"), ["member_id"], unique=False)
        batch_op.create_index("ix_wishes_state", ["state", "created_at"], unique=False)

    op.create_table(
        "pin_tries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["phone_id"], ["counter_phones.id"], name=op.f("fk_pin_tries_phone_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_pin_tries_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_tries")),
    )
    with op.batch_alter_table("pin_tries", schema=None) as batch_op:
        batch_op.create_index("ix_pin_tries_staff", ["staff_id", "at"], unique=False)

    with op.batch_alter_table("coupon_campaigns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("most_fen", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("worth_fen", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("per_day", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("daily_total", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("channels", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("stack_group", sa.String(length=20), server_default="", nullable=False))
        batch_op.add_column(sa.Column("alone", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("priority", sa.Integer(), server_default="100", nullable=False))
        batch_op.add_column(sa.Column("payer", sa.String(length=4), server_default="总部", nullable=False))
        batch_op.add_column(sa.Column("dealer_permille", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("shake_permille", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("near_m", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("wish_group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("head_start_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("state", sa.String(length=10), server_default="published", nullable=False))
        batch_op.add_column(sa.Column("state_reason", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amount_fen", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("phone_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))

    with op.batch_alter_table("staff_members", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pin_hash", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("pin_set_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("staff_members", schema=None) as batch_op:
        batch_op.drop_column("pin_set_at")
        batch_op.drop_column("pin_hash")

    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.drop_column("phone_id")
        batch_op.drop_column("amount_fen")

    with op.batch_alter_table("coupon_campaigns", schema=None) as batch_op:
        batch_op.drop_column("published_at")
        batch_op.drop_column("state_reason")
        batch_op.drop_column("state")
        batch_op.drop_column("head_start_until")
        batch_op.drop_column("wish_group_id")
        batch_op.drop_column("near_m")
        batch_op.drop_column("shake_permille")
        batch_op.drop_column("dealer_permille")
        batch_op.drop_column("payer")
        batch_op.drop_column("priority")
        batch_op.drop_column("alone")
        batch_op.drop_column("stack_group")
        batch_op.drop_column("channels")
        batch_op.drop_column("daily_total")
        batch_op.drop_column("per_day")
        batch_op.drop_column("worth_fen")
        batch_op.drop_column("most_fen")

    with op.batch_alter_table("pin_tries", schema=None) as batch_op:
        batch_op.drop_index("ix_pin_tries_staff")

    op.drop_table("pin_tries")
    with op.batch_alter_table("wishes", schema=None) as batch_op:
        batch_op.drop_index("ix_wishes_state")
        batch_op.drop_index(batch_op.f("ix_wishes_member_id"))
        batch_op.drop_index(batch_op.f("ix_wishes_group_id"))

    op.drop_table("wishes")
    with op.batch_alter_table("giving_targets", schema=None) as batch_op:
        batch_op.drop_index("ix_giving_targets_state")

    op.drop_table("giving_targets")
    op.drop_table("gift_tickets")
    with op.batch_alter_table("draw_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_draw_entries_state")
        batch_op.drop_index(batch_op.f("ix_draw_entries_member_id"))

    op.drop_table("draw_entries")
    with op.batch_alter_table("counter_phones", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_counter_phones_dealer_id"))

    op.drop_table("counter_phones")
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_index("ix_coupons_state_until")
        batch_op.drop_index("ix_coupons_member_state")
        batch_op.drop_index("ix_coupons_held_by")

    op.drop_table("coupons")
    with op.batch_alter_table("claim_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claim_codes_campaign_id"))

    op.drop_table("claim_codes")
    op.drop_table("wish_groups")
    with op.batch_alter_table("giving_runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_giving_runs_campaign_id"))

    op.drop_table("giving_runs")
    op.drop_table("draws")
    with op.batch_alter_table("claim_tries", schema=None) as batch_op:
        batch_op.drop_index("ix_claim_tries_member")
        batch_op.drop_index("ix_claim_tries_address")

    op.drop_table("claim_tries")
    op.drop_table("campaign_terms")
    with op.batch_alter_table("campaign_rehearsals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_rehearsals_campaign_id"))

    op.drop_table("campaign_rehearsals")
    op.drop_table("campaign_days")
    op.drop_table("ledger_heads")
    with op.batch_alter_table("ledger_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_entries_subject")
        batch_op.drop_index("ix_ledger_entries_chain_at")
        batch_op.drop_index("ix_ledger_entries_campaign")

    op.drop_table("ledger_entries")
    op.drop_table("ledger_closes")
