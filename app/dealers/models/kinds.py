"""What filters ask of a store, once for all stores that are alike."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.audit import BigId
from app.core.db import Model


class DealerKind(Model):
    """One combination of status, services and hours among the stores that are shown.

    Triggers of the database write it and point `Dealer.kind_id` at it; a row is never changed and never goes.
    """

    __tablename__ = "dealer_kinds"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    status: Mapped[str] = mapped_column(String(8))
    services: Mapped[str] = mapped_column(String(80))
    hours: Mapped[str] = mapped_column(Text)
