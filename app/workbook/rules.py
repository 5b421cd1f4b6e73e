"""What a workbook says, row by row, and how two states of it differ. Pure.

A row is the same whether it was read from a file or from the database. It refers to others by their 编号 and to
pictures by their name. `at` is the line in the file (0: from the database) and takes no part in comparison.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from app.core.money import Fen
from app.coupons.rules import CampaignState, Payer

BRANDS, SERIES, COLOURS, TRIMS = "品牌", "车系", "颜色", "车款"
SPECS, DEALERS, DEALS, CAMPAIGNS = "参数", "门店", "一口价", "券活动"
PICTURES: Final = "图片"
SHEETS: Final = (BRANDS, SERIES, COLOURS, TRIMS, SPECS, DEALERS, DEALS, CAMPAIGNS)

# The demo's offers are arranged around this day (Asia/Shanghai).
DEMO_DAY: Final = date(2026, 11, 22)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One line for the person who made the workbook."""

    sheet: str
    row: int
    cell: str
    message: str

    def __str__(self) -> str:
        return f"{self.sheet}!{self.cell}: {self.message}"


@dataclass(frozen=True, slots=True)
class BrandRow:
    slug: str
    name: str
    english_name: str
    logo: str
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


@dataclass(frozen=True, slots=True)
class SeriesRow:
    slug: str
    brand: str
    name: str
    english_name: str
    body_class: str
    energy: str
    seats: int | None
    highlights: str
    intro: str
    cover: str
    gallery: tuple[str, ...]
    turntable: str
    position: int
    status: str
    successor: str = ""
    on_sale_on: date | None = None
    frames: tuple[str, ...] = ()
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


@dataclass(frozen=True, slots=True)
class ColourRow:
    series: str
    name: str
    hex: str
    side: str
    surcharge_fen: Fen
    picture: str
    position: int
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return f"{self.series} {self.side} {self.name}"


@dataclass(frozen=True, slots=True)
class TrimRow:
    slug: str
    series: str
    model_year: str
    name: str
    msrp_fen: Fen
    purchase_tax: str
    status: str
    position: int
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


@dataclass(frozen=True, slots=True)
class DealerRow:
    """`lng`, `lat` are GCJ-02; `system` is what they came in and changes only together with them."""

    slug: str
    name: str
    province: str
    city: str
    district: str
    address: str
    lng: float
    lat: float
    phone: str
    hours: str
    services: str
    photo: str
    status: str
    system: str = field(default="GCJ-02", compare=False)
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


@dataclass(frozen=True, slots=True)
class DealRow:
    """`dealers` is None when every dealer takes part; `dealer_units` is empty when they share the units."""

    slug: str
    trim: str
    title: str
    price_fen: Fen
    earnest_kind: str
    earnest_fen: Fen
    units_total: int
    per_person: int
    starts_at: datetime
    ends_at: datetime
    dealers: tuple[str, ...] | None
    terms: str
    queue_when_sold_out: bool
    included: str = ""
    excluded: str = ""
    confirm_hours: int = 24
    ready_days: int = 30
    balance_starts_at: datetime | None = None
    balance_ends_at: datetime | None = None
    dealer_units: tuple[tuple[str, int], ...] = ()
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


@dataclass(frozen=True, slots=True)
class Validity:
    """有效期: until a moment, or some days from claiming; neither when the campaign does not say."""

    until: datetime | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """`series` and `dealers` are None when all are meant; `state` is what headquarters says, windows come besides."""

    slug: str
    title: str
    kind: str
    face_fen: Fen | None
    discount_permille: int | None
    threshold_fen: Fen
    total: int
    per_person: int
    way: str
    passphrase: str
    claim_from: datetime
    claim_until: datetime
    valid: Validity
    series: tuple[str, ...] | None
    dealers: tuple[str, ...] | None
    usage: str
    stackable: bool
    terms: str
    most_fen: Fen | None = None
    worth_fen: Fen | None = None
    per_day: int | None = None
    daily_total: int | None = None
    channels: str = ""
    scope: str = ""
    stack_group: str = ""
    alone: bool = False
    priority: int = 100
    payer: str = Payer.HEADQUARTERS.value
    dealer_permille: int = 0
    shake_permille: int | None = None
    near_m: int | None = None
    state: str = CampaignState.PUBLISHED.value
    at: int = field(default=0, compare=False)

    @property
    def key(self) -> str:
        return self.slug


Row: TypeAlias = BrandRow | SeriesRow | ColourRow | TrimRow | DealerRow | DealRow | CampaignRow

# One value of one trim: (分组, 项目, 值, 单位). A plain tuple, because there may be hundreds of thousands.
Spec: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture that came with the workbook: where it lies on this disk until it is stored."""

    name: str
    path: str
    digest: str
    frame: bool


@dataclass(slots=True)
class Content:
    """Everything a workbook says. A sheet that is not in `sheets` was absent, and what it would hold stays as it is.

    `unsaid` names the fields of each sheet whose columns were absent: rows that exist keep what they hold there.
    """

    sheets: set[str] = field(default_factory=set[str])
    unsaid: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    rows: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    specs: dict[str, list[Spec]] = field(default_factory=dict[str, list[Spec]])
    pictures: dict[str, PictureFile] = field(default_factory=dict[str, PictureFile])


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as the database holds it."""

    id: int
    row: Any
    withdrawn: bool


@dataclass(slots=True)
class Change:
    """One row that will differ: `fields` maps a field to (before, after); empty for an added or withdrawn one."""

    key: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict[str, tuple[Any, Any]])


@dataclass(slots=True)
class SheetPlan:
    added: list[Change] = field(default_factory=list[Change])
    changed: list[Change] = field(default_factory=list[Change])
    withdrawn: list[Change] = field(default_factory=list[Change])
    unchanged: int = 0

    @property
    def changes(self) -> int:
        return len(self.added) + len(self.changed) + len(self.withdrawn)


@dataclass(slots=True)
class Plan:
    """What an import would do, sheet by sheet."""

    sheets: dict[str, SheetPlan] = field(default_factory=dict[str, SheetPlan])

    @property
    def changes(self) -> int:
        return sum(sheet.changes for sheet in self.sheets.values())


def differences(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    """The compared fields in which two rows of one kind differ."""
    return {
        f.name: (getattr(before, f.name), getattr(after, f.name))
        for f in fields(before)
        if f.compare and getattr(before, f.name) != getattr(after, f.name)
    }


def plan_sheet(wanted: Mapping[str, Any], present: Mapping[str, Stored]) -> SheetPlan:
    """Compare by key: a row that is gone is withdrawn, a withdrawn one that is back counts as changed."""
    plan = SheetPlan()
    for key, row in wanted.items():
        stored = present.get(key)
        if stored is None:
            plan.added.append(Change(key))
            continue
        changed = differences(stored.row, row)
        if stored.withdrawn:
            changed["withdrawn"] = (True, False)
        if changed:
            plan.changed.append(Change(key, changed))
        else:
            plan.unchanged += 1
    for key, stored in present.items():
        if key not in wanted and not stored.withdrawn:
            plan.withdrawn.append(Change(key))
    return plan


def plan_specs(trim: str, wanted: Iterable[Spec], present: Iterable[Spec], plan: SheetPlan) -> bool:
    """Add the differences of one trim's values to the plan; whether there are any, the order included."""
    after, before = list(wanted), list(present)
    if after == before:
        plan.unchanged += len(after)
        return False
    old = {(group, name): (value, unit) for group, name, value, unit in before}
    for group, name, value, unit in after:
        known = old.pop((group, name), None)
        key = f"{trim} {group} {name}"
        if known is None:
            plan.added.append(Change(key))
        elif known != (value, unit):
            plan.changed.append(Change(key, {"value": (" ".join(known).strip(), f"{value} {unit}".strip())}))
        else:
            plan.unchanged += 1
    plan.withdrawn.extend(Change(f"{trim} {group} {name}") for group, name in old)
    return True


def keep_unsaid(content: Content, present: Mapping[str, Mapping[str, Stored]]) -> None:
    """Fill the fields of absent columns with what the shop holds; an empty cell in a column that is there says so."""
    for sheet, names in content.unsaid.items():
        rows = content.rows[sheet]
        for key, row in rows.items():
            if before := present[sheet].get(key):
                rows[key] = replace(row, **{name: getattr(before.row, name) for name in names})


def moved(row: Any, days: int) -> Any:
    """A deal or campaign with its windows moved by whole days; times of day stay."""
    step = timedelta(days=days)
    if isinstance(row, DealRow):
        balance = {
            "balance_starts_at": row.balance_starts_at + step if row.balance_starts_at else None,
            "balance_ends_at": row.balance_ends_at + step if row.balance_ends_at else None,
        }
        return replace(row, starts_at=row.starts_at + step, ends_at=row.ends_at + step, **balance)
    if isinstance(row, CampaignRow):
        valid = replace(row.valid, until=row.valid.until + step) if row.valid.until else row.valid
        return replace(row, claim_from=row.claim_from + step, claim_until=row.claim_until + step, valid=valid)
    return row
