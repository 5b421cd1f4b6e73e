"""A close in the words of a page or a file: the same figures for the store and for headquarters."""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice

from flask import Response, abort, current_app

from app.core import actors, clock
from app.core.money import format_yuan
from app.ledger import queries
from app.ledger.models import DailyClose
from app.ledger.rules import LedgerEvent, Line, event_words
from app.ledger.rules.closes import Signer, dealer_part
from app.ledger.rules.lines import TAKES_BACK

COLUMNS = (
    "行号", "时间", "事项", "券号或订单号", "活动", "金额(元)", "总部承担(元)", "门店承担(元)", "经手",
    "对象", "活动编号", "门店承担(‰)", "经手编号", "摘要", "前一行摘要",
)  # fmt: skip
SAID = {"checked": "门店核对无误", "objected": "门店有异议", "answered": "总部答复"}
_SUBJECT = re.compile(r"\b(?:coupon|booking):[0-9]+")
_ROW = re.compile(r"^第 ([0-9]+) 行")
PAGE = 50
PIECE = 500
Numbers = Callable[[Collection[int]], Mapping[int, str]]
Titles = Callable[[Collection[str]], Mapping[str, str]]
_numbers: dict[str, Numbers] = {}
_titles: list[Titles] = []


def register_numbers(kind: str, read: Numbers) -> None:
    """Let a room above say under which numbers people know its things: the ledger itself holds opaque ids."""
    _numbers[kind] = read


def register_titles(read: Titles) -> None:
    """Let the room of the campaigns say how people call them: the ledger holds their 编号."""
    _titles[:] = [read]


def titles_of(slugs: Collection[str]) -> dict[str, str]:
    """编号 → what the campaign is called."""
    return {slug: title for read in _titles for slug, title in read(slugs).items()} if slugs else {}


def numbers_of(subjects: Iterable[str]) -> dict[str, str]:
    """`coupon:1` → the number on its receipt, for those whose room says it; one question for each kind."""
    ids: dict[str, set[int]] = {}
    for subject in subjects:
        kind, _, number = subject.partition(":")
        if kind in _numbers and number.isdecimal():
            ids.setdefault(kind, set()).add(int(number))
    return {f"{kind}:{one}": no for kind, some in ids.items() for one, no in _numbers[kind](some).items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """One close as it is read."""

    close: DailyClose
    name: str
    events: list[tuple[str, str]]
    campaigns: list[tuple[str, str, dict[str, int]]]  # 编号, what it is called, its sums
    lines: list[tuple[Line, str, str, str, str]]  # with what it is in words, its subject's number, campaign, amount
    number: int
    last: int
    said: list[tuple[str, str, str]]  # when, what (门店有异议), in which words
    problems: list[str]  # what no longer agrees with what was signed

    @property
    def named(self) -> set[int]:
        """The rows that the problems name."""
        return {int(seq) for problem in self.problems for seq in _ROW.findall(problem)}

    @property
    def word(self) -> str:
        return word_of(self.close)


def word_of(close: DailyClose) -> str:
    """Where the store's word about a day stands."""
    if close.checked_at is None:
        return "待核对"
    if not close.objection:
        return "核对无误"
    return "已答复" if close.answered_at else "有异议"


def show(close: DailyClose, number: int, problems: Iterable[str]) -> Shown:
    """A close with one page of its rows, and what its verification has just found."""
    last = max(-(-(close.last_seq - close.first_seq + 1) // PAGE), 1)
    number = min(max(number, 1), last)
    lines = queries.page_of_entries(close, number, PAGE)
    numbers = numbers_of(line.subject for line in lines)
    campaigns = close.content["campaigns"]
    titles = titles_of({*campaigns, *(line.campaign for line in lines if line.campaign)})
    return Shown(
        close=close,
        name=queries.name_of(close.chain),
        events=[(words_of(name), _sum(name, total)) for name, total in close.content["events"].items()],
        campaigns=[(slug, titles.get(slug, ""), total) for slug, total in campaigns.items()],
        lines=[
            (
                line,
                words_of(f"{kind}:{line.event}"),
                numbers.get(line.subject, number_in_kind),
                titles.get(line.campaign, line.campaign),
                signed(line.signed_fen) if line.amount_fen else "",
            )
            for line in lines
            for kind, _, number_in_kind in [line.subject.partition(":")]
        ],
        number=number,
        last=last,
        said=[(clock.say(word.at), SAID[word.said], word.words) for word in queries.list_words(close.id)],
        problems=[in_words(problem) for problem in problems],
    )


def words_of(name: str) -> str:
    """`coupon:redeemed` as a person says it."""
    kind, _, event = name.partition(":")
    return event_words(kind, event)


def in_words(problem: str) -> str:
    """What a verification found, with the numbers by which people know the things (the ledger has opaque ids)."""
    numbers = numbers_of(_SUBJECT.findall(problem))
    return _SUBJECT.sub(lambda found: numbers.get(found[0], found[0]), problem)


def signer() -> Signer:
    """Headquarters' key of this deployment."""
    return Signer(str(current_app.config["SECRET_KEY"]))


def write_csv(close: DailyClose) -> Iterator[str]:
    """The rows of a close as CSV that spreadsheet programs open as UTF-8, piece by piece."""
    yield "\ufeff" + _csv_line(COLUMNS)
    titles = titles_of(close.content["campaigns"])
    entries = queries.each_entry(close.chain, close.first_seq, close.last_seq)
    while piece := list(islice(entries, PIECE)):
        lines = [entry.line for entry in piece]
        numbers = numbers_of(line.subject for line in lines)
        who = actors.names(_actor(line) for line in lines)
        titles |= titles_of({line.campaign for line in lines} - titles.keys() - {""})
        for entry in piece:
            line = entry.line
            told = numbers.get(line.subject, ""), titles.get(line.campaign, line.campaign), who[_actor(line)]
            yield _csv_row(entry, *told)


def _actor(line: Line) -> tuple[str, int | None]:
    kind, _, number = line.actor.partition(":")
    return kind, int(number) if number.isdecimal() else None


def _csv_row(entry: queries.Entry, number: str, title: str, who: str) -> str:
    line = entry.line
    borne = ["", ""]
    if line.campaign and line.event in (LedgerEvent.REDEEMED, LedgerEvent.UNDONE):
        store = dealer_part(line.amount_fen, line.dealer_permille)
        sign = -1 if line.signed_fen < 0 else 1
        borne = [_yuan(sign * (line.amount_fen - store)), _yuan(sign * store)]
    return _csv_line(
        (
            line.seq, f"{clock.local(line.at):%Y-%m-%d %H:%M:%S}",
            event_words(line.subject.partition(":")[0], line.event), number, _plain(title), _yuan(line.signed_fen),
            *borne, _plain(who), line.subject, _plain(line.campaign), line.dealer_permille, line.actor, entry.digest,
            entry.previous,
        )
    )  # fmt: skip


def _yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def send_file(text: str, row: DailyClose, name: str, ending: str) -> Response:
    """A part of a close for one's own folder."""
    kind = "application/json" if ending == "json" else "text/csv; charset=utf-8"
    response = Response(text, content_type=kind)
    file = f"{name}-{row.content['dealer'] or 'headquarters'}-{row.on.isoformat()}.{ending}"
    response.headers["Content-Disposition"] = f"attachment; filename={file}"
    response.headers["Cache-Control"] = "no-store"
    return response


def parse_day(day: str) -> date:
    """The day an address names; anything else is no page."""
    try:
        return clock.read_day(day)
    except ValueError:
        abort(404)


def _sum(name: str, total: dict[str, int]) -> str:
    count, sign = f"{total['count']} 笔", -1 if name.partition(":")[2] in TAKES_BACK else 1
    return f"{count} · {signed(sign * total['fen'])}" if total["fen"] else count


def signed(fen: int) -> str:
    """An amount with a true minus, which no line breaks off: −¥800."""
    return format_yuan(fen).replace("-", "−")


def _csv_line(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
