"""What stands in the same database and is no model's: other libraries' tables, and indexes only the database knows."""

from typing import Any

_TABLES = ("huey_", "kv", "task", "schedule", "dealer_places")
_INDEXES = ("ix_dealers_place", "uq_dealer_kinds")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Alembic's question whether a table or an index is to equal the models."""
    if name is None:
        return True
    return not ((kind == "table" and name.startswith(_TABLES)) or (kind == "index" and name in _INDEXES))
