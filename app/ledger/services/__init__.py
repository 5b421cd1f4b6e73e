"""What the ledger does: add a row, verify chains, close days, take the two sides' word about a day."""

from app.ledger.services.append import append

__all__ = ["append"]
