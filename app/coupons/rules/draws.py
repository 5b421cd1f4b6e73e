"""夺券, provably fair: what is promised before, how entries are chained, and how anybody recomputes who won. Pure.

Before the opening: the prize table, the eleven disclosures and SHA-256 of a secret seed, frozen under one digest, which
is the first link of the chain of entries. After the close a public number, whose source was named before, is mixed in.
Each ticket's score is HMAC-SHA256(seed, "root|beacon|ticket"); the lowest scores win.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from app.core.money import format_yuan

FORMAT = 1
MOST_FEE_FEN = 100  # one yuan
MOST_PRIZE_FEN = 50_000_00  # 反不正当竞争法: the highest prize of a draw
SEED_BYTES = 32


class DrawState(StrEnum):
    """`void`: ended without a result, everything goes back."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    DRAWN = "drawn"
    VOID = "void"


class EntryKind(StrEnum):
    FREE = "free"
    PAID = "paid"


class EntryState(StrEnum):
    """A paid entry waits for its money; only `entered` ones are in the draw."""

    WAITING = "waiting"
    ENTERED = "entered"
    VOID = "void"


# What has to stand on the page before the first entry (规范促销行为暂行规定, articles 13 and 14).
DISCLOSURES: dict[str, str] = {
    "kind": "奖品种类",
    "conditions": "参与条件",
    "method": "参与方式",
    "draw_time": "开奖时间",
    "draw_method": "开奖方式",
    "prize": "奖品名称和价格",
    "quantity": "数量和中奖概率",
    "claim_time": "兑奖时间和条件",
    "delivery": "兑奖方式",
    "forfeiture": "弃奖条件",
    "organiser": "主办方和联系方式",
}


@dataclass(frozen=True, slots=True)
class Prize:
    """So many coupons worth so much each."""

    title: str
    worth_fen: int
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the public list. `ticket` names nobody."""

    seq: int
    ticket: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """What is published before the opening and never changed after."""

    draw: str  # the campaign's slug
    prizes: tuple[Prize, ...]
    fee_fen: int
    opens_at: datetime
    closes_at: datetime
    draws_at: datetime
    beacon_source: str
    commitment: str
    disclosures: Mapping[str, str]

    @property
    def winners(self) -> int:
        return sum(prize.count for prize in self.prizes)

    @property
    def digest(self) -> str:
        """The chain begins here, so that a changed promise breaks every entry."""
        return _hash(
            [
                FORMAT,
                self.draw,
                [[prize.title, prize.worth_fen, prize.count] for prize in self.prizes],
                self.fee_fen,
                moment(self.opens_at),
                moment(self.closes_at),
                moment(self.draws_at),
                self.beacon_source,
                self.commitment,
                [[name, self.disclosures.get(name, "")] for name in DISCLOSURES],
            ]
        )


def commitment_of(seed: str) -> str:
    """What is published of a seed (hex) before it is shown: SHA-256 of its bytes, in hex."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def link(entry: Entry, previous: str) -> str:
    """The digest of an entry, over the one before it."""
    return _hash([FORMAT, entry.seq, entry.ticket, moment(entry.at), previous])


def root_of(promise: Promise, entries: Iterable[Entry]) -> str:
    """The end of the chain; ValueError when the numbers do not run 1, 2, 3 …"""
    digest = promise.digest
    for seq, entry in enumerate(entries, 1):
        if entry.seq != seq:
            raise ValueError(f"entry {entry.seq} stands where {seq} belongs")
        digest = link(entry, digest)
    return digest


def rank(seed: str, root: str, beacon: str, tickets: Sequence[str]) -> list[str]:
    """All tickets, the winning ones first. Anybody with the published values gets the same list."""
    key = bytes.fromhex(seed)

    def score(ticket: str) -> bytes:
        return hmac.new(key, f"{root}|{beacon}|{ticket}".encode(), hashlib.sha256).digest()

    return sorted(tickets, key=score)


def verify(
    promise: Promise, entries: Sequence[Entry], *, root: str, seed: str, beacon: str, winners: Sequence[str]
) -> list[str]:
    """What does not agree, a sentence each; empty: the result is what was promised."""
    problems: list[str] = []
    if commitment_of(seed) != promise.commitment:
        problems.append("种子与开奖前公布的指纹不一致")
    try:
        found = root_of(promise, entries)
    except ValueError:
        found = ""
    if found != root:
        problems.append("参与名单或活动承诺被改动过")
    expected = rank(seed, root, beacon, [entry.ticket for entry in entries])[: promise.winners]
    if list(winners) != expected:
        problems.append("中奖名单与重新计算的结果不一致")
    return problems


def legal_problems(promise: Promise) -> list[tuple[str, str]]:
    """(rule, what breaks it) of a draw that may not be published."""
    problems: list[tuple[str, str]] = []
    fee = promise.fee_fen
    if not 0 < fee <= MOST_FEE_FEN:
        problems.append(("1 元必退", f"参与金只能是 {format_yuan(1)} 到 {format_yuan(MOST_FEE_FEN)}，且一律退回"))
    for prize in promise.prizes:
        if prize.worth_fen > MOST_PRIZE_FEN:
            text = f"“{prize.title}”价值 {format_yuan(prize.worth_fen)}，超过 {format_yuan(MOST_PRIZE_FEN)}"
            problems.append(("反不正当竞争法：最高奖金额", text))
    if not promise.prizes or any(prize.count < 1 or not prize.title for prize in promise.prizes):
        problems.append(("奖品公示", "至少一种奖品，各有名称和数量"))
    missing = [words for name, words in DISCLOSURES.items() if not promise.disclosures.get(name, "").strip()]
    if missing:
        problems.append(("规范促销行为暂行规定：事先公示", f"还缺：{'、'.join(missing)}"))
    if not promise.opens_at < promise.closes_at < promise.draws_at:
        problems.append(("开奖时间", "开奖要在参与结束以后"))
    if not promise.beacon_source.strip():
        problems.append(("可验证开奖", "请写明开奖后采用的公开随机数来源，例如某一期福利彩票的开奖号码"))
    return problems


def moment(at: datetime) -> str:
    """A time as it is hashed: UTC with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _hash(fields: list[Any]) -> str:
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
