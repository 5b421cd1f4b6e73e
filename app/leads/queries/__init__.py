"""The read side of the leads: `own` for the person, `store` for the staff, `office` for headquarters."""

from app.leads.queries.contact import is_stopped

__all__ = ["is_stopped"]
