"""What headquarters write down about a campaign, and what of it may still change once people have read it. Pure.

An edit never touches coupons that were claimed: they keep the terms of their day. For those to come, what was announced
may become better but not worse (规范促销行为暂行规定).
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from app.core.clock import say
from app.coupons.rules.claiming import terms_of
from app.coupons.rules.lawful import Breach, Offer
from app.coupons.rules.terms import Terms
from app.coupons.rules.words import Payer, Scope, Usage

ANNOUNCED = "规范促销：公布以后不作对消费者不利的变更"
LINKS = ("series", "dealers")
SECRET = frozenset({"passphrase"})
LABELS: dict[str, str] = {
    "slug": "编号", "title": "标题", "kind": "类型", "face_fen": "面值", "discount_permille": "折扣",
    "most_fen": "最高抵扣", "threshold_fen": "门槛", "worth_fen": "单张成本", "total": "发放总量",
    "per_person": "每人限领", "per_day": "每人每日限领", "daily_total": "每日总量", "way": "领取方式",
    "channels": "领取渠道", "passphrase": "口令", "claim_from": "领取开始", "claim_until": "领取结束",
    "valid_until": "有效期到", "valid_days": "领取后天数", "usage": "使用场景", "scope": "适用范围",
    "stackable": "可叠加", "stack_group": "叠加组", "alone": "不与一口价同享", "priority": "优先级", "payer": "承担方",
    "dealer_permille": "门店承担比例", "terms": "补充说明", "shake_permille": "摇中概率", "near_m": "距店米数",
    "series": "适用车系", "dealers": "适用门店",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything of a campaign that is typed. `series` empty: all; `dealers` None: all. Money is fen."""

    slug: str
    title: str
    kind: str
    total: int
    way: str
    claim_from: datetime
    claim_until: datetime
    face_fen: int | None = None
    discount_permille: int | None = None
    most_fen: int | None = None
    threshold_fen: int = 0
    worth_fen: int | None = None
    per_person: int = 1
    per_day: int | None = None
    daily_total: int | None = None
    channels: str = ""
    passphrase: str = ""
    valid_until: datetime | None = None
    valid_days: int | None = None
    usage: str = Usage.ANYWHERE.value
    scope: str = Scope.UNSAID.value
    stackable: bool = False
    stack_group: str = ""
    alone: bool = False
    priority: int = 100
    payer: str = Payer.HEADQUARTERS.value
    dealer_permille: int = 0
    terms: str = ""
    shake_permille: int | None = None
    near_m: int | None = None
    series: tuple[int, ...] = ()
    dealers: tuple[int, ...] | None = None

    @classmethod
    def of(cls, row: Any, series: Iterable[int], dealers: Iterable[int]) -> Self:
        """As a campaign stands."""
        values = {field.name: getattr(row, field.name) for field in fields(cls) if field.name not in LINKS}
        named = None if row.all_dealers else tuple(sorted(dealers))
        return cls(**values, series=tuple(sorted(series)), dealers=named)

    def columns(self) -> dict[str, Any]:
        """The values of the campaign's own columns."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in LINKS}
        return values | {"all_dealers": self.all_dealers}

    @property
    def all_dealers(self) -> bool:
        return self.dealers is None

    @property
    def promise(self) -> Terms:
        """What a coupon of it would promise."""
        return terms_of(self, self.series, self.dealers or ())

    @property
    def offer(self) -> Offer:
        """As the law looks at it."""
        own = {field.name: getattr(self, field.name) for field in fields(Offer) if field.name != "terms"}
        return Offer(**own, terms=self.promise)

    @property
    def fingerprint(self) -> str:
        """Names exactly these values (64 hex letters): what an editor saw, what was rehearsed."""
        content = json.dumps(plain_values(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


def plain_values(draft: Draft) -> dict[str, Any]:
    """As JSON has it."""
    return {field.name: _plain(getattr(draft, field.name)) for field in fields(draft)}


def differences(before: Draft, after: Draft) -> dict[str, tuple[Any, Any]]:
    """What an edit changes, field by field, for the audit trail; of a secret only that it changed."""
    old, new = plain_values(before), plain_values(after)
    changed = {name: (old[name], new[name]) for name in old if old[name] != new[name]}
    return {name: ("", "已更换") if name in SECRET else pair for name, pair in changed.items()}


def worsened(before: Draft, after: Draft) -> list[Breach]:
    """What an edit of a published campaign would take from those who read it; empty: it may be saved."""
    found = [*_fixed(before, after), *_worth(before, after), *_numbers(before, after), *_times(before, after)]
    return [Breach(ANNOUNCED, text) for text in [*found, *_reach(before, after)]]


def _fixed(before: Draft, after: Draft) -> list[str]:
    same = ["slug", "kind", "way"] if before.scope == Scope.UNSAID != after.scope else ["slug", "kind", "way", "scope"]
    if before.scope == Scope.UNSAID and after.scope not in (Scope.UNSAID, Scope.CAR):
        same.append("scope")
    names = [LABELS[name] for name in same if getattr(before, name) != getattr(after, name)]
    return [f"{'、'.join(names)}发布后不能改，请复制成新活动"] if names else []


def _worth(before: Draft, after: Draft) -> list[str]:
    rises = (("face_fen", "面值不能降低"), ("most_fen", "最高抵扣不能降低，也不能新增"))
    falls = (("discount_permille", "折扣不能变小"), ("threshold_fen", "门槛不能提高"))
    found = [text for name, text in rises if _less(getattr(before, name), getattr(after, name), name == "most_fen")]
    found += [text for name, text in falls if (getattr(after, name) or 0) > (getattr(before, name) or 0)]
    if before.stackable and not after.stackable:
        found.append("不能改成不可叠加")
    if after.stack_group and after.stack_group != before.stack_group:
        found.append("叠加组不能新增或更换，只能取消")
    if after.alone and not before.alone:
        found.append("不能改成不与一口价同享")
    return found


def _numbers(before: Draft, after: Draft) -> list[str]:
    found = [
        f"{LABELS[name]}不能减少" for name in ("total", "per_person") if getattr(after, name) < getattr(before, name)
    ]
    for name in ("per_day", "daily_total"):
        if _less(getattr(before, name), getattr(after, name), True):
            found.append(f"{LABELS[name]}不能减少，也不能新增")
    if (before.shake_permille or 0) > (after.shake_permille or 0):
        found.append("摇中概率不能降低")
    if _less(before.near_m, after.near_m, True):
        found.append("距店米数不能缩小，也不能新增")
    return found


def _times(before: Draft, after: Draft) -> list[str]:
    found: list[str] = []
    if after.claim_from > before.claim_from:
        found.append(f"领取开始不能推迟，已公布 {say(before.claim_from)}")
    if after.claim_until < before.claim_until:
        found.append(f"领取结束不能提前，已公布 {say(before.claim_until)}；要停止请用“结束”")
    if after.valid_until is not None and (before.valid_until is None or after.valid_until < before.valid_until):
        found.append("有效期不能提前，也不能新增截止日")
    if _less(before.valid_days, after.valid_days, True):
        found.append("领取后天数不能减少，也不能新增")
    return found


def _reach(before: Draft, after: Draft) -> list[str]:
    found: list[str] = []
    if after.usage not in (before.usage, Usage.ANYWHERE):
        found.append("使用场景只能放宽成通用")
    if _narrower(before.series or None, after.series or None):
        found.append("适用车系只能增加")
    if _narrower(before.dealers, after.dealers):
        found.append("适用门店只能增加")
    if _narrower(_parts(before.channels), _parts(after.channels)):
        found.append("领取渠道只能增加")
    return found


def _less(before: int | None, after: int | None, none_is_most: bool) -> bool:
    if none_is_most:
        return after is not None and (before is None or after < before)
    return (after or 0) < (before or 0)


def _narrower(before: Collection[Any] | None, after: Collection[Any] | None) -> bool:
    """None is everything."""
    return after is not None and (before is None or not set(before) <= set(after))


def _parts(channels: str) -> set[str] | None:
    return {part.strip() for part in channels.split("；") if part.strip()} or None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
