"""The read side of the test drives: `cars`, `slots`, `own`, `desk`, `overview`."""

from app.drives.queries.cars import list_cars_of
from app.drives.queries.own import find_own, get_own, list_own
from app.drives.queries.slots import Slot, list_free_slots

__all__ = ["Slot", "find_own", "get_own", "list_cars_of", "list_free_slots", "list_own"]
