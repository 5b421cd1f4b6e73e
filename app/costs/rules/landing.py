"""落地价: what a car costs until it may be driven home, line by line, by the rules of a day.

Who decides about the purchase tax: the trim's 购置税 column says whether the maker has the car in the catalogue of
relieved new-energy cars (全免 or 减半: yes; 全额: no; empty: taken from its energy and marked as an estimate). How much
is relieved is decided by the date alone, since a column typed in one year must not promise that year's law for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from app.catalog.rules import Energy, PurchaseTax
from app.core.money import FEN_PER_YUAN, format_yuan
from app.costs.rules.book import Rule, RuleBook
from app.costs.rules.loan import half_up

NEW_ENERGY = frozenset({Energy.ELECTRIC, Energy.PLUG_IN, Energy.RANGE_EXTENDED})
DEFAULT_SEATS = 5
Group = Literal["must", "insurance"]


@dataclass(frozen=True, slots=True)
class CarFacts:
    """What the rules ask about a car; None where the catalog does not say."""

    energy: str
    purchase_tax: str
    seats: int | None
    displacement_ml: int | None

    @property
    def new_energy(self) -> bool:
        return self.energy in NEW_ENERGY


@dataclass(frozen=True, slots=True)
class Choice:
    """What the shopper ticked: third-party cover in 万 (0: none), damage, seats, plates."""

    third_party: int = 200
    damage: bool = True
    seats: bool = True
    plate: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One amount with its reason. `fen` None: cannot be said, and is not in the total."""

    name: str
    fen: int | None
    group: Group
    estimate: bool
    explain: str
    source: str
    valid: str


@dataclass(frozen=True, slots=True)
class Landing:
    """The whole list; `total_fen` is the price and every line that has an amount."""

    price_fen: int
    lines: tuple[Line, ...]

    @property
    def total_fen(self) -> int:
        return self.price_fen + sum(line.fen or 0 for line in self.lines)

    @property
    def missing(self) -> list[str]:
        return [line.name for line in self.lines if line.fen is None]

    def group(self, group: Group) -> list[Line]:
        return [line for line in self.lines if line.group == group]

    def group_fen(self, group: Group) -> int:
        return sum(line.fen or 0 for line in self.group(group))


def landing_price(car: CarFacts, price_fen: int, on: date, choice: Choice, book: RuleBook) -> Landing:
    """Every line for a car invoiced on a day. NoRule when the day is outside the rules."""
    book.check(on)
    seats = car.seats or DEFAULT_SEATS
    lines = [
        purchase_tax(car, price_fen, on, book),
        _compulsory(car, seats, book.on("compulsory_insurance", on)),
        _vehicle_tax(car, on, book.on("vehicle_tax", on)),
    ]
    if choice.plate:
        lines.append(_plate(book.on("plate", on)))
    rule = book.on("commercial_insurance", on)
    lines += _commercial(car, price_fen, seats, choice, rule)
    return Landing(price_fen, tuple(lines))


def purchase_tax(car: CarFacts, price_fen: int, on: date, book: RuleBook) -> Line:
    """车辆购置税: price ÷ 1.13 × 10 %, less the relief of that day; rounded once, to the fen."""
    rule = book.on("purchase_tax", on)
    base = Fraction(price_fen * 10_000, 10_000 + rule.number("vat_bp"))
    full = base * rule.number("rate_bp") / 10_000
    percent = rule.number("rate_bp") // 100
    basis = (
        f"{format_yuan(price_fen)} ÷ {1 + rule.number('vat_bp') / 10_000:g} × {percent}% = {format_yuan(half_up(full))}"
    )
    if not car.new_energy:
        said = car.purchase_tax and car.purchase_tax != PurchaseTax.FULL
        extra = f"车款资料标注“{car.purchase_tax}”，但当日没有适用于{car.energy}车的减免，按全额计算。" if said else ""
        return Line("车辆购置税", half_up(full), "must", False, f"{basis}。{extra}", rule.source, rule.valid)
    if car.purchase_tax == PurchaseTax.FULL:
        text = f"{basis}。厂家标注“全额”，即未列入减免目录，不享受新能源减免。"
        return Line("车辆购置税", half_up(full), "must", False, text, rule.source, rule.valid)
    return _relieved(car, full, basis, book.on("new_energy_relief", on))


def _relieved(car: CarFacts, full: Fraction, basis: str, relief: Rule) -> Line:
    cap = Fraction(relief.number("cap_yuan") * FEN_PER_YUAN)
    wanted = full * relief.number("share_bp") / 10_000
    due = half_up(full - min(wanted, cap))
    text = f"{basis}；{relief.words('words')}，应缴 {format_yuan(due)}。"
    if wanted > cap:
        text += f"减免已到每辆 {format_yuan(int(cap))} 的上限。"
    listed = bool(car.purchase_tax)
    if listed and car.purchase_tax != _word(relief):
        text += f"车款资料标注“{car.purchase_tax}”，金额以开票当日的政策为准。"
    if not listed:
        text += "车款资料未标注减免，这里假定已列入目录。"
    if relief.words("condition"):
        text += relief.words("condition") + "。"
    estimate = relief.kind == "estimate" or not listed
    return Line("车辆购置税", due, "must", estimate, text, relief.source, relief.valid)


def _word(relief: Rule) -> str:
    return {10_000: PurchaseTax.EXEMPT, 5_000: PurchaseTax.HALVED}.get(relief.number("share_bp"), PurchaseTax.FULL)


def _compulsory(car: CarFacts, seats: int, rule: Rule) -> Line:
    large = seats >= rule.number("large_seats")
    yuan = rule.number("large_yuan" if large else "small_yuan")
    text = f"{seats} 座，家庭自用，首年。" if car.seats else f"未注明座位数，按 {seats} 座估算，首年。"
    return Line("交强险", yuan * FEN_PER_YUAN, "must", car.seats is None, text, rule.source, rule.valid)


def _vehicle_tax(car: CarFacts, on: date, rule: Rule) -> Line:
    if car.new_energy:
        text = f"{car.energy}车，不需缴纳。"
        return Line("车船税", 0, "must", False, text, rule.words("exempt_source"), rule.valid)
    if not car.displacement_ml:
        return Line("车船税", None, "must", True, "车款资料没有排量，无法估算，未计入合计。", rule.source, rule.valid)
    low, high = _band(car.displacement_ml, rule.table("bands"))
    months = 13 - on.month
    fen = half_up(Fraction(high * FEN_PER_YUAN * months, 12))
    text = f"排量 {car.displacement_ml:,} mL，每年 {low}–{high} 元；"
    text += f"{on.year} 年从 {on.month} 月起 {months} 个月，{high} × {months} ÷ 12。"
    return Line("车船税", fen, "must", True, text, rule.source, rule.valid)


def _band(displacement_ml: int, bands: Sequence[Sequence[int]]) -> tuple[int, int]:
    low, high = next((low, high) for limit, low, high in bands if not limit or displacement_ml <= limit)
    return low, high


def _plate(rule: Rule) -> Line:
    items = rule.table("items")
    text = "、".join(f"{name} {yuan} 元" for name, yuan in items) + "；不含代办服务费和指标竞价。"
    fen = sum(int(yuan) for _, yuan in items) * FEN_PER_YUAN
    return Line("上牌工本费", fen, "must", rule.kind == "estimate", text, rule.source, rule.valid)


def _commercial(car: CarFacts, price_fen: int, seats: int, choice: Choice, rule: Rule) -> list[Line]:
    lines: list[Line] = []

    def add(name: str, fen: int, text: str) -> None:
        lines.append(Line(name, fen, "insurance", True, text, rule.source, rule.valid))

    if choice.third_party:
        covers = rule.values["third_party"]
        yuan = int(covers[str(choice.third_party)])
        add("第三者责任险", yuan * FEN_PER_YUAN, f"保额 {choice.third_party} 万元，首年估算 {yuan:,} 元。")
    if choice.damage:
        base = rule.number("damage_base_yuan")
        rate = rule.number("damage_new_energy_rate_bp" if car.new_energy else "damage_rate_bp")
        fen = base * FEN_PER_YUAN + half_up(Fraction(price_fen * rate, 10_000))
        add("车辆损失险", fen, f"{base} 元 + 车价 × {rate / 100:g}%。")
    if choice.seats:
        cover = rule.number("seat_cover_yuan")
        driver, each = rule.number("driver_bp_of_cover"), rule.number("passenger_bp_of_cover")
        fen = half_up(Fraction(cover * FEN_PER_YUAN * (driver + each * (seats - 1)), 10_000))
        text = f"每座保额 {cover // 10_000} 万元：司机 {driver / 100:g}%，乘客 {seats - 1} 座各 {each / 100:g}%。"
        add("车上人员责任险", fen, text)
    return lines
