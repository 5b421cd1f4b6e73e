"""What a dispute pack is made of, and what is taken out of words that people wrote. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.members.rules import mask_name, mask_phone

_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.ASCII)


class Reader(StrEnum):
    """For whom a pack is made: the customer reads everything of theirs, a store the customer masked."""

    OWNER = "本人"
    STORE = "门店"
    HEADQUARTERS = "总部"


@dataclass(frozen=True, slots=True)
class Table:
    """One part of a pack: `name` is its file, the rows are text."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    empty: str = "没有"


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised, word for word where it is kept, and the hash that stands on the booking or coupon."""

    title: str
    digest: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Pack:
    """存证包."""

    kind: str  # booking | coupon
    number: str
    reader: Reader
    made: str
    facts: list[tuple[str, str]]
    terms: list[Terms]
    tables: list[Table] = field(default_factory=list[Table])

    @property
    def title(self) -> str:
        return f"{'预订' if self.kind == 'booking' else '券'} {self.number} 存证包"

    def table(self, name: str) -> Table:
        return next(table for table in self.tables if table.name == name)


@dataclass(frozen=True, slots=True)
class Person:
    """The customer the pack is about. `shown` says whether the reader may read name and number in clear."""

    name: str
    phone: str
    shown: bool

    def say_name(self, name: str = "") -> str:
        name = name or self.name
        return name if self.shown else mask_name(name)

    def say_phone(self, phone: str = "") -> str:
        phone = phone or self.phone
        return phone if self.shown or not phone else mask_phone(phone)


def clerk(staff_id: int | None) -> str:
    """A member of the staff in a pack: a number, never a name."""
    return f"店员 {staff_id}" if staff_id else ""


def who(kind: str, number: int | None, *, own: bool) -> str:
    """Who acted, in words that name nobody."""
    if kind == "staff":
        return clerk(number) or "门店"
    return {"member": "客户" if not own else "本人", "operator": "总部", "system": "系统"}.get(kind, kind)


def scrub(text: str, replace: Mapping[str, str], own_phones: Iterable[str]) -> str:
    """Words that a person wrote without other people: known names give way to what stands for them, numbers are masked.

    Longer names first, so that 王小样 is not left as 店员 3小样.
    """
    for name in sorted(replace, key=len, reverse=True):
        if len(name) > 1:
            text = text.replace(name, replace[name])
    own = set(own_phones)
    return _PHONE.sub(lambda found: found[0] if found[0] in own else mask_phone(found[0]), text)
