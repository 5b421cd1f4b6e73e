"""The rules in force on a day, each with its source and the days it is valid for.

The file (`app/costs/data/rules.toml`) is part of the program, not of a deployment's data: a law changes by a reviewed
commit with its test, and what was in force before stays beside it.
"""

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

FILE: Final = Path(__file__).resolve().parents[1] / "data" / "rules.toml"
KINDS: Final = ("purchase_tax", "new_energy_relief", "compulsory_insurance", "vehicle_tax", "plate")
ESTIMATES: Final = ("commercial_insurance", "loan")
Kind = Literal["official", "estimate"]


class NoRule(LookupError):
    """No rule on that day; the message is the sentence for the field."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the file: valid on [from, until), official or our estimate, and its own values."""

    from_on: date
    until_on: date | None
    kind: Kind
    source: str
    values: Mapping[str, Any]

    def number(self, name: str) -> int:
        return int(self.values[name])

    def words(self, name: str) -> str:
        return str(self.values[name])

    def table(self, name: str) -> Sequence[Sequence[Any]]:
        return cast(Sequence[Sequence[Any]], self.values[name])

    @property
    def valid(self) -> str:
        """2026-01-01 至 2027-12-31, or 自 2019-07-01 起"""
        if self.until_on is None:
            return f"自 {self.from_on} 起"
        return f"{self.from_on} 至 {self.until_on - timedelta(days=1)}"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules; `first` and `last` are the days for which every kind has one."""

    first: date
    last: date
    rules: Mapping[str, Sequence[Rule]]

    def on(self, kind: str, day: date) -> Rule:
        """The rule of a kind on a day. NoRule outside every rule's range."""
        for rule in self.rules[kind]:
            if rule.from_on <= day and (rule.until_on is None or day < rule.until_on):
                return rule
        raise self._none(day)

    def check(self, day: date) -> None:
        """NoRule when not every kind has a rule on that day."""
        if not self.first <= day <= self.last:
            raise self._none(day)

    def _none(self, day: date) -> NoRule:
        return NoRule(f"{day} 没有可用的费用规则，请选择 {self.first} 至 {self.last} 之间的日期。")


@cache
def rule_book() -> RuleBook:
    """The file, read once."""
    return read(tomllib.loads(FILE.read_text("utf-8")))


def read(content: Mapping[str, Any]) -> RuleBook:
    """Check and order what the file says. ValueError for a gap, an overlap or a rule without a source."""
    window = content["window"]
    book = RuleBook(
        window["from"],
        window["until"] - timedelta(days=1),
        {name: [_rule(entry) for entry in content[name]] for name in (*KINDS, *ESTIMATES)},
    )
    for name, rules in book.rules.items():
        if rules[0].from_on > book.first or (rules[-1].until_on or date.max) <= book.last:
            raise ValueError(f"{name}: does not cover {book.first} to {book.last}")
        for earlier, later in itertools.pairwise(rules):
            if earlier.until_on != later.from_on:
                raise ValueError(f"{name}: {earlier.until_on} and {later.from_on} do not meet")
    return book


def _rule(entry: Mapping[str, Any]) -> Rule:
    if entry["kind"] not in ("official", "estimate") or not entry["source"]:
        raise ValueError(f"a rule says its kind and its source: {entry}")
    if entry["kind"] == "official" and not (entry.get("reference") and entry.get("issued") and entry.get("checked")):
        raise ValueError(f"an official rule says its document, that document's day, and when it was checked: {entry}")
    return Rule(entry["from"], entry.get("until"), entry["kind"], entry["source"], entry)
