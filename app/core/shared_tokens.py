"""One access token for all workers: a row that is replaced only by whoever still holds the old value."""

from datetime import datetime

from sqlalchemy import String, Text, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, UtcDateTime, changed_rows, db, in_transaction, transaction


class SharedToken(Model):
    __tablename__ = "shared_tokens"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TokenClaim(Model):
    """Who fetches a token at this moment; a claim left by a killed process ends by itself."""

    __tablename__ = "token_claims"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)


class DatabaseTokenStore:
    """Tokens and tickets in the database, shared by every process."""

    def get(self, key: str) -> tuple[str, datetime] | None:
        row = db.session.get(SharedToken, key, populate_existing=True)
        found = (row.value, row.expires_at) if row else None
        if not in_transaction():
            db.session.rollback()  # ends the read: a call to WeChat may follow, and it must not hold a connection
        return found

    def replace(self, key: str, old: str | None, new: str, expires_at: datetime) -> bool:
        """Store `new` if the present value is still `old` (None: no row yet); False when somebody was faster."""
        try:
            with transaction():
                if old is None:
                    db.session.add(SharedToken(key=key, value=new, expires_at=expires_at))
                    return True
                swap = (
                    update(SharedToken)
                    .where(SharedToken.key == key, SharedToken.value == old)
                    .values(value=new, expires_at=expires_at)
                )
                return changed_rows(swap) == 1
        except IntegrityError:
            return False

    def claim(self, key: str, now: datetime, until: datetime) -> bool:
        """Become the one process that fetches this token; False while another one is at it."""
        free = update(TokenClaim).where(TokenClaim.key == key, TokenClaim.until <= now).values(until=until)
        try:
            with transaction():
                if changed_rows(free) == 1:
                    return True
                if db.session.get(TokenClaim, key) is not None:
                    return False
                db.session.add(TokenClaim(key=key, until=until))
                return True
        except IntegrityError:
            return False

    def release(self, key: str, until: datetime) -> None:
        """Let the next one fetch, if the claim that ends at `until` still stands."""
        with transaction():
            changed_rows(delete(TokenClaim).where(TokenClaim.key == key, TokenClaim.until == until))
