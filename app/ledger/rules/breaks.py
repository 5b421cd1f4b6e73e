"""Where a chain is broken, in a sentence that names the row."""

from app.core import clock
from app.ledger.rules.lines import EVENT_WORDS, Line


class Broken(Exception):
    """A chain does not hold; the message says which row, and what was done to it."""


def changed(line: Line) -> Broken:
    return Broken(f"第 {line.seq} 行被改过（{say(line)}）")


def missing(seq: int, found: int) -> Broken:
    which = f"第 {seq} 行" if found == seq + 1 else f"第 {seq} 至 {found - 1} 行"
    return Broken(f"{which}被删除")


def deleted_before(line: Line) -> Broken:
    return Broken(f"第 {line.seq} 行前有记录被删除，后面的行被重新编号（现在是 {say(line)}）")


def moved(line: Line) -> Broken:
    return Broken(f"第 {line.seq} 行的顺序被改过（{say(line)}）")


def inserted(seq: int) -> Broken:
    return Broken(f"第 {seq} 行是插入的")


def rewritten(seq: int, day: str) -> Broken:
    return Broken(f"第 {seq} 行不是 {day} 日结签过的那一行：账本被整段改写")


def truncated(last: int, expected: int, witness: str) -> Broken:
    which = f"第 {expected} 行" if expected == last + 1 else f"第 {last + 1} 至 {expected} 行"
    return Broken(f"末尾{which}被删除（{witness}）")


def say(line: Line) -> str:
    """A row in a few words."""
    words: dict[str, str] = {**EVENT_WORDS}
    return f"{words.get(line.event, line.event)} {line.subject}，{clock.local(line.at):%Y-%m-%d %H:%M:%S}"
