"""上架版本: one number that grows whenever something that everyone sees changes.

A cached page is good as long as the number it was made under. Bumping is part of the transaction that changes the
content, so that nobody is shown the old page once the change is committed.
"""

from sqlalchemy import Integer, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model, db

ONLY = 1


class PublishedVersion(Model):
    """One row, made by the migration."""

    __tablename__ = "published_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer)


def bump() -> None:
    """Say that public content changes with the present transaction: prices, pictures, texts, deals, stores."""
    db.session.execute(
        update(PublishedVersion).where(PublishedVersion.id == ONLY).values(number=PublishedVersion.number + 1)
    )


def version() -> int:
    """The present number; one statement."""
    return db.session.scalars(select(PublishedVersion.number).where(PublishedVersion.id == ONLY)).one()
