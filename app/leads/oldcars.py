"""The old cars that people want inspected: a higher hand connects the room that knows them (the factory)."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OldCar:
    """An estimated car in words; of its owner nothing but the number they typed for this very form."""

    name: str
    rows: tuple[tuple[str, str], ...]
    phone: str


class OldCars(Protocol):
    """Where estimates are kept."""

    def find(self, no: str, member_id: int) -> OldCar:
        """The car of an estimate that is this member's or nobody's yet; a NotFound refusal."""
        ...

    def keep(self, no: str, member_id: int, enquiry_no: str) -> None:
        """Say that an inspection was booked with it, in the caller's transaction; NotFound if it is somebody else's."""
        ...


_known: list[OldCars] = []


def use(cars: OldCars) -> None:
    """Set where estimates are kept; replaces an earlier one."""
    _known[:] = [cars]


def known() -> OldCars:
    """Where estimates are kept."""
    return _known[0]
