"""活动预演: what a campaign may cost, what it meets, and whether a crowd gets exactly what there is. Pure.

Prices come from the same engine that lowers bookings. Red must be mended before publishing, amber is to be known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.core.money import format_yuan
from app.coupons.rules.editing import Draft
from app.coupons.rules.lawful import breaches
from app.coupons.rules.pricing import Candidate, Purchase, price
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import CouponKind, CouponState, Scope, Usage

STORM_TOTAL, STORM_PEOPLE, STORM_MOST = 60, 64, 4
MUCH = 200  # permille of a car's price: so much off in all is worth a second look
# The rules that are gone through, in the words of rules.lawful; what is broken is named by the same words.
CHECKED = (
    "微信外链规范：诱导分享和关注",
    "广告法：绝对化用语",
    "消费者权益保护法：格式条款",
    "明码标价：券面要写明价值",
    "明码标价：门槛要大于面值",
    "规范促销：有效期要事先公示",
    "规范促销：领到就要能用",
    "规范促销：数量要事先公示",
    "规范促销：抽奖要公示概率",
    "反不正当竞争法：抽奖的最高奖金额",
    "领取时间",
    "有效期",
    "数量",
    "适用范围",
    "口令",
    "结算：共担要有比例",
)


class Light(StrEnum):
    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the screen."""

    light: Light
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Car:
    """A model with its dearest and its cheapest price."""

    series_id: int
    name: str
    most_fen: int
    least_fen: int


@dataclass(frozen=True, slots=True)
class Other:
    """A campaign whose coupons people hold or can get; used within [since, until)."""

    id: int
    title: str
    terms: Terms
    passphrase: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Cost:
    """What the coupons that can still be claimed may cost. `worst`: every one used; `likely`: as often as earlier ones.

    None: cannot be known.
    """

    pieces: int
    each_fen: int | None
    worst_fen: int | None
    headquarters_fen: int | None
    dealer_fen: int | None
    likely_fen: int | None
    rate_permille: int | None
    sample: int


@dataclass(frozen=True, slots=True)
class Storm:
    """How the crowd is made: so many people tap so often at so many coupons, with limits that all bite."""

    people: int
    taps: int
    total: int
    daily_total: int | None
    per_person: int
    per_day: int | None

    @property
    def most_of_one(self) -> int:
        return min(self.per_person, self.per_day if self.per_day is not None else self.per_person)

    @property
    def expected(self) -> int:
        """Exactly so many coupons have to come out."""
        there = min(self.total, self.daily_total if self.daily_total is not None else self.total)
        return min(there, self.people * min(self.taps, self.most_of_one))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the crowd got: counted in the coupons, by the campaign's own counter, and in the ledger."""

    given: int
    counted: int
    booked: int
    most_of_one: int
    refused: int
    failed: int
    finished: bool
    milliseconds: int


@dataclass(slots=True)
class Report:
    """One rehearsal, as it is kept and shown."""

    rules: list[Finding] = field(default_factory=list[Finding])
    cost: list[Finding] = field(default_factory=list[Finding])
    conflicts: list[Finding] = field(default_factory=list[Finding])
    storm: list[Finding] = field(default_factory=list[Finding])
    figures: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def green(self) -> bool:
        """Whether nothing has to be mended."""
        parts = (self.rules, self.cost, self.conflicts, self.storm)
        return not any(each.light is Light.RED for part in parts for each in part)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


# ---- the rules ----


def checklist(draft: Draft, now: datetime) -> list[Finding]:
    """Every rule, broken or kept; a broken one says by what."""
    found = breaches(draft.offer, now)
    broken = [Finding(Light.RED, each.rule, each.text) for each in found]
    names = {each.rule for each in found}
    return broken + [Finding(Light.GREEN, rule) for rule in CHECKED if rule not in names]


# ---- what it costs ----


def cost_of(draft: Draft, claimed: int, cars: Sequence[Car], used: int, ended: int) -> tuple[Cost, list[Finding]]:
    """The worst and the likely case of what can still be claimed; `used` of `ended` earlier coupons of this kind."""
    found: list[Finding] = []
    each = _each(draft, cars, found)
    pieces = max(0, draft.total - claimed)
    rate = used * 1000 // ended if ended else None
    if each is None:
        return Cost(pieces, None, None, None, None, None, rate, ended), found
    dealer = each * draft.promise.share_permille // 1000
    worst = each * pieces
    likely = None if rate is None else worst * rate // 1000
    return Cost(pieces, each, worst, (each - dealer) * pieces, dealer * pieces, likely, rate, ended), found


def _each(draft: Draft, cars: Sequence[Car], found: list[Finding]) -> int | None:
    """What one coupon costs at most whoever pays."""
    if draft.kind == CouponKind.CASH:
        cheapest = min((car.least_fen for car in cars), default=None)
        if draft.scope == Scope.CAR and cheapest is not None and (draft.face_fen or 0) >= cheapest:
            found.append(Finding(Light.RED, "面值比车价高", f"最便宜的车款 {format_yuan(cheapest)}，请核对面值"))
        return draft.face_fen or 0
    if draft.kind != CouponKind.DISCOUNT:
        known = draft.worth_fen if draft.worth_fen is not None else draft.face_fen
        if known is None:
            found.append(Finding(Light.AMBER, "没有填单张成本", "填写后才能算出花费和结算金额"))
        return known
    if draft.most_fen is not None:
        return draft.most_fen
    dearest = max(cars, key=lambda car: car.most_fen, default=None)
    if draft.scope != Scope.CAR or dearest is None:
        found.append(Finding(Light.AMBER, "花费没有上限", "折扣券没有填最高抵扣，按消费金额打折"))
        return None
    words = f"没有填最高抵扣，按最贵的{dearest.name} {format_yuan(dearest.most_fen)} 计算"
    found.append(Finding(Light.AMBER, "折扣没有封顶", words))
    return draft.promise.takes_off(dearest.most_fen)


def cost_lines(cost: Cost) -> list[Finding]:
    """The figures in words."""
    if cost.worst_fen is None or cost.each_fen is None:
        return []
    lines = [
        Finding(
            Light.GREEN, f"最多花费 {format_yuan(cost.worst_fen)}",
            f"还可领 {cost.pieces} 张，每张最多 {format_yuan(cost.each_fen)}，全部用掉",
        ),
        Finding(
            Light.GREEN, "由谁承担",
            f"总部 {format_yuan(cost.headquarters_fen or 0)}，门店 {format_yuan(cost.dealer_fen or 0)}",
        ),
    ]  # fmt: skip
    if cost.likely_fen is not None and cost.rate_permille is not None:
        text = f"按一年内同类型 {cost.sample} 张券的核销率 {cost.rate_permille / 10:g}%"
        lines.append(Finding(Light.GREEN, f"预计花费 {format_yuan(cost.likely_fen)}", text))
    else:
        lines.append(Finding(Light.GREEN, "预计花费暂无", "一年内没有同类型的券到期或核销，只有最坏情况"))
    return lines


# ---- what it meets ----


def conflicts(draft: Draft, others: Iterable[Other], cars: Sequence[Car], now: datetime) -> list[Finding]:
    """What happens when somebody also holds a coupon of another campaign, priced by the engine of the bookings."""
    found: list[Finding] = []
    since, until = use_period(draft, now)
    meeting: list[Other] = []
    for other in others:
        if draft.passphrase and other.passphrase == draft.passphrase:
            found.append(
                Finding(Light.AMBER, f"口令与“{other.title}”相同", "会先发还有余量、先结束的那个，建议换一个口令")
            )
        if other.title == draft.title:
            found.append(Finding(Light.AMBER, "标题与另一个活动相同", f"“{other.title}”正在进行，顾客分不清两张券"))
        if _meet(draft.promise, other.terms) and other.since < until and since < other.until:
            meeting.append(other)
    car = _car_for(draft, cars)
    found += [_pair(draft, other, car, since) for other in meeting]
    if car is not None and meeting:
        found.append(_all_together(draft, meeting, car, since))
    return found or [Finding(Light.GREEN, "没有冲突", "使用时间、车系和门店重叠的活动里，没有能一起抵扣的券")]


def use_period(draft: Draft, now: datetime) -> tuple[datetime, datetime]:
    """From the first claim to the end of the last coupon."""
    ends = [draft.valid_until] if draft.valid_until is not None else []
    if draft.valid_days is not None:
        ends.append(draft.claim_until + timedelta(days=draft.valid_days + 1))
    return max(now, draft.claim_from), min(ends, default=draft.claim_until)


def _meet(mine: Terms, other: Terms) -> bool:
    """Whether one purchase could use either."""
    return (
        mine.lowers_price
        and other.lowers_price
        and mine.scope == other.scope
        and (Usage.ANYWHERE in (mine.usage, other.usage) or mine.usage == other.usage)
        and _common(mine.series, other.series)
        and _common(mine.dealers, other.dealers)
    )


def _common(mine: tuple[int, ...] | None, other: tuple[int, ...] | None) -> bool:
    return mine is None or other is None or bool(set(mine) & set(other))


def _car_for(draft: Draft, cars: Sequence[Car]) -> Car | None:
    """The cheapest car it is for: there everything off weighs most."""
    if draft.scope not in (Scope.CAR, Scope.UNSAID):
        return None
    return min(
        (c for c in cars if not draft.series or c.series_id in draft.series), key=lambda c: c.least_fen, default=None
    )


def _pair(draft: Draft, other: Other, car: Car | None, at: datetime) -> Finding:
    name = f"与“{other.title}”"
    if draft.stack_group and draft.stack_group == other.terms.group:
        return Finding(Light.GREEN, f"{name}同组", "一单只用一张，取更省的")
    if not (draft.stackable and other.terms.stackable):
        return Finding(Light.GREEN, f"{name}不叠加", "一单只用其中一张，取更省的")
    if car is None or (other.terms.series is not None and car.series_id not in other.terms.series):
        return Finding(Light.AMBER, f"{name}可以叠加", "同一单两张都能用")
    off = _off(draft, [other], car, at)
    text = f"同一单两张都能用，{car.name} {format_yuan(car.least_fen)} 共减 {format_yuan(off)}"
    return Finding(Light.AMBER, f"{name}可以叠加", text)


def _all_together(draft: Draft, others: list[Other], car: Car, at: datetime) -> Finding:
    off = _off(draft, others, car, at)
    text = f"{car.name} {format_yuan(car.least_fen)}，所有能一起用的券共减 {format_yuan(off)}"
    if off >= car.least_fen:
        return Finding(Light.RED, "叠加后车价为 0", text)
    light = Light.AMBER if off * 1000 > car.least_fen * MUCH else Light.GREEN
    return Finding(light, f"叠加最多减 {off * 100 / car.least_fen:.1f}%", text)


def _off(draft: Draft, others: list[Other], car: Car, at: datetime) -> int:
    day = timedelta(days=1)

    def candidate(number: int, terms: Terms) -> Candidate:
        return Candidate(number, number, terms, CouponState.ISSUED.value, at - day, at + day)

    dealers = [set(terms.dealers) for terms in (draft.promise, *(o.terms for o in others)) if terms.dealers is not None]
    common = set[int].intersection(*dealers) if dealers else set[int]()
    usage = Usage.IN_STORE if draft.usage == Usage.IN_STORE else Usage.ONLINE
    place = min(common, default=min(dealers[0], default=None)) if dealers else None
    bought = Purchase(car.least_fen, car.series_id, place, usage, at, on_deal=not draft.alone, scope=Scope(draft.scope))
    held = [candidate(0, draft.promise), *(candidate(n, other.terms) for n, other in enumerate(others, 1))]
    return price(bought, held).off_fen


# ---- the crowd ----


def storm_of(draft: Draft) -> Storm:
    """As many as the campaign has, at most STORM_TOTAL, and more people and taps than that: every limit is run into."""
    total = min(draft.total, STORM_TOTAL)
    per_person = min(draft.per_person, STORM_MOST)
    per_day = None if draft.per_day is None else min(draft.per_day, per_person)
    daily = None if draft.daily_total is None else min(draft.daily_total, total)
    most = per_person if per_day is None else per_day
    return Storm(STORM_PEOPLE, most + 1, total, daily, per_person, per_day)


def judge_storm(storm: Storm, got: Outcome) -> list[Finding]:
    """Exactly as many as there are, nobody beyond the limit, and counter and ledger agree."""
    seconds = f"{got.milliseconds / 1000:.1f} 秒"
    asked = f"{storm.people} 人各点 {storm.taps} 次，共 {storm.people * storm.taps} 次，用时 {seconds}"
    if not got.finished:
        return [Finding(Light.RED, "领券压力没有跑完", f"{asked}，请稍后再预演")]
    checks = [
        (got.given == storm.expected, f"应发 {storm.expected} 张，实发 {got.given} 张", asked),
        (got.most_of_one <= storm.most_of_one, f"一人最多领到 {got.most_of_one} 张", f"限 {storm.most_of_one} 张"),
        (
            got.counted == got.given == got.booked,
            "计数、券和账本一致",
            f"计数 {got.counted}，券 {got.given}，账本 {got.booked} 行",
        ),
        (got.failed == 0, f"其余 {got.refused} 次都有明确答复", f"出错 {got.failed} 次"),
    ]
    return [Finding(Light.GREEN if good else Light.RED, title, text) for good, title, text in checks]
