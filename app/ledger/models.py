"""Tables of the ledger. Rows are added, never changed and never deleted."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model, UtcDateTime


class LedgerEntry(Model):
    """One row of one chain; `digest` covers every column but `id` and `previous`' own row (rules.digest)."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("chain", "seq"),
        Index("ix_ledger_entries_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chain: Mapped[int] = mapped_column(BigId)
    seq: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str] = mapped_column(String(32))
    campaign: Mapped[str] = mapped_column(String(64))
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    dealer_permille: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str] = mapped_column(String(32))
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class LedgerHead(Model):
    """The end of each chain (`id` is the chain), locked last of everything."""

    __tablename__ = "ledger_heads"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigId)
    digest: Mapped[str] = mapped_column(String(64))


class DailyClose(Model):
    """日结: what one chain came to on one day (Asia/Shanghai), signed by headquarters and checked by the dealer.

    `content` is what was signed, `digest` the SHA-256 of its canonical text (the next close names it), `signature` the
    Ed25519 signature of that text by `key_id`, base64. The dealer says 核对无误 (`checked_at`, no objection) or
    objects; headquarters answers an objection.
    """

    __tablename__ = "ledger_closes"
    __table_args__ = (
        UniqueConstraint("chain", "on"),
        CheckConstraint("last_seq >= first_seq - 1", name="range_in_order"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chain: Mapped[int] = mapped_column(BigId)
    on: Mapped[date] = mapped_column(Date)
    first_seq: Mapped[int] = mapped_column(BigId)
    last_seq: Mapped[int] = mapped_column(BigId)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    key_id: Mapped[str] = mapped_column(String(16), default="", server_default="")
    signature: Mapped[str] = mapped_column(String(120))
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checked_by: Mapped[int | None] = mapped_column(BigId)  # the staff member
    objection: Mapped[str] = mapped_column(String(300), default="")
    answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[int | None] = mapped_column(BigId)  # the operator


class LedgerKey(Model):
    """A public key that ever signed closes, named by the beginning of its digest. Never changed, never deleted.

    `statement` lists the keys before it and is signed by this one, so that no former key can be slipped in later.
    """

    __tablename__ = "ledger_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    public_key: Mapped[str] = mapped_column(String(64))  # 32 bytes, base64
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    statement: Mapped[dict[str, Any]] = mapped_column(JSON)
    signature: Mapped[str] = mapped_column(String(120))


class LedgerCheck(Model):
    """How far a chain was verified (`id` is the chain), and what was found wrong with it."""

    __tablename__ = "ledger_checks"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigId)
    digest: Mapped[str] = mapped_column(String(64))
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    whole_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problems: Mapped[list[str]] = mapped_column(JSON)


class CloseWord(Model):
    """What was said of a close: `checked` or `objected` by the store, `answered` by headquarters. Only added to."""

    __tablename__ = "ledger_close_words"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    close_id: Mapped[int] = mapped_column(ForeignKey("ledger_closes.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    said: Mapped[str] = mapped_column(String(16))
    by_id: Mapped[int | None] = mapped_column(BigId)  # the staff member, or the operator who answered
    words: Mapped[str] = mapped_column(String(300), default="", server_default="")
