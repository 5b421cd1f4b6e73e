"""Create messages, merges and erasures

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ended_sessions")),
    )
    with op.batch_alter_table("ended_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ended_sessions_ended_at"), ["ended_at"], unique=False)

    op.create_table(
        "notice_consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("openid_digest", sa.String(length=64), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.String(length=96), nullable=True),
        sa.CheckConstraint("state IN ('open', 'used', 'withdrawn')", name=op.f("ck_notice_consents_state_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_consents")),
        sa.UniqueConstraint("used_by", name=op.f("uq_notice_consents_used_by")),
    )
    with op.batch_alter_table("notice_consents", schema=None) as batch_op:
        batch_op.create_index("ix_notice_consents_open", ["openid_digest", "template_id", "state"], unique=False)

    op.create_table(
        "notice_templates",
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_notice_templates")),
    )
    op.create_table(
        "push_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("scene", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_events")),
        sa.UniqueConstraint("digest", name=op.f("uq_push_events_digest")),
    )
    with op.batch_alter_table("push_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_push_events_received_at"), ["received_at"], unique=False)

    op.create_table(
        "reply_rules",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("keyword", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.String(length=600), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('text', 'click', 'follow')", name=op.f("ck_reply_rules_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reply_rules")),
        sa.UniqueConstraint("kind", "keyword", name=op.f("uq_reply_rules_kind_keyword")),
    )
    op.create_table(
        "token_claims",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_token_claims")),
    )
    op.create_table(
        "wechat_contacts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("openid_digest", sa.String(length=64), nullable=False),
        sa.Column("following", sa.Boolean(), nullable=False),
        sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scene", sa.String(length=64), nullable=False),
        sa.Column("wrote_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrote_left", sa.Integer(), nullable=False),
        sa.Column("tapped_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tapped_left", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_contacts")),
        sa.UniqueConstraint("openid_digest", name=op.f("uq_wechat_contacts_openid_digest")),
    )
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_erasure_requests_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_requests")),
    )
    with op.batch_alter_table("erasure_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasure_requests_done_at"), ["done_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_erasure_requests_member_id"), ["member_id"], unique=False)

    op.create_table(
        "inbox_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("body", sa.String(length=300), nullable=False),
        sa.Column("href", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_inbox_messages_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_inbox_messages_key")),
    )
    with op.batch_alter_table("inbox_messages", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_messages_unread", ["member_id", "read_at"], unique=False)

    op.create_table(
        "member_avatars",
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_avatars_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_avatars")),
    )
    op.create_table(
        "member_merges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_reason", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["members.id"], name=op.f("fk_member_merges_from_id")),
        sa.ForeignKeyConstraint(["into_id"], ["members.id"], name=op.f("fk_member_merges_into_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_merges")),
    )
    with op.batch_alter_table("member_merges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_merges_from_id"), ["from_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_member_merges_into_id"), ["into_id"], unique=False)

    op.create_table(
        "message_deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("template_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("result", sa.String(length=64), nullable=False),
        sa.Column("provider_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'arrived', 'refused', 'unknown')",
            name=op.f("ck_message_deliveries_state_known"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_message_deliveries_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_deliveries")),
        sa.UniqueConstraint("channel", "key", name=op.f("uq_message_deliveries_channel_key")),
    )
    with op.batch_alter_table("message_deliveries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_deliveries_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_deliveries_member_id"), ["member_id"], unique=False)
        batch_op.create_index("ix_message_deliveries_provider", ["provider_id"], unique=False)

    op.create_table(
        "merged_rows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merge_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("table", sa.String(length=64), nullable=False),
        sa.Column("key", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["merge_id"], ["member_merges.id"], name=op.f("fk_merged_rows_merge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merged_rows")),
    )
    with op.batch_alter_table("merged_rows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merged_rows_merge_id"), ["merge_id"], unique=False)

    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_members_merged_into_id"), ["merged_into_id"], unique=False)

    with op.batch_alter_table("phone_codes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device_digest", sa.String(length=64), nullable=True))
        batch_op.alter_column("member_id", existing_type=sa.INTEGER(), nullable=True)
        batch_op.create_index(batch_op.f("ix_phone_codes_device_digest"), ["device_digest"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("phone_codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_phone_codes_device_digest"))
        batch_op.alter_column("member_id", existing_type=sa.INTEGER(), nullable=False)
        batch_op.drop_column("device_digest")

    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_members_merged_into_id"))
        batch_op.drop_column("erased_at")
        batch_op.drop_column("merged_into_id")

    with op.batch_alter_table("merged_rows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_merged_rows_merge_id"))

    op.drop_table("merged_rows")
    with op.batch_alter_table("message_deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_message_deliveries_provider")
        batch_op.drop_index(batch_op.f("ix_message_deliveries_member_id"))
        batch_op.drop_index(batch_op.f("ix_message_deliveries_created_at"))

    op.drop_table("message_deliveries")
    with op.batch_alter_table("member_merges", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_merges_into_id"))
        batch_op.drop_index(batch_op.f("ix_member_merges_from_id"))

    op.drop_table("member_merges")
    op.drop_table("member_avatars")
    with op.batch_alter_table("inbox_messages", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_messages_unread")

    op.drop_table("inbox_messages")
    with op.batch_alter_table("erasure_requests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erasure_requests_member_id"))
        batch_op.drop_index(batch_op.f("ix_erasure_requests_done_at"))

    op.drop_table("erasure_requests")
    op.drop_table("wechat_contacts")
    op.drop_table("token_claims")
    op.drop_table("reply_rules")
    with op.batch_alter_table("push_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_push_events_received_at"))

    op.drop_table("push_events")
    op.drop_table("notice_templates")
    with op.batch_alter_table("notice_consents", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_consents_open")

    op.drop_table("notice_consents")
    with op.batch_alter_table("ended_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ended_sessions_ended_at"))

    op.drop_table("ended_sessions")
