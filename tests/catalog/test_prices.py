"""Price honesty: what was in force when, what may be struck through, and a ledger that nobody rewrites."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DatabaseError

from app.catalog import pricing
from app.catalog.errors import PriceRefused, TrimNotFound
from app.catalog.models import PriceEntry, Trim
from app.catalog.pricing import Basis, PriceKind, PriceRow, periods, strike_through_problem
from app.catalog.queries.prices import list_price_rows, lowest_price_last_7_days, price_history
from app.catalog.services.prices import NewPrice, change_guide_price, record_prices
from app.core import publishing
from app.core.audit import AuditEntry
from app.core.db import db, transaction
from app.core.security import Actor
from tests.client import Shopper
from tests.workbook import book
from tests.workbook.book import set_cell
from tests.workbook.conftest import bring, folder, refusals  # noqa: F401

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OPERATOR = Actor("operator", 7)


def guide(fen: int, day: float) -> PriceRow:
    at = NOW + day * DAY
    return PriceRow("guide", "", fen, at, None, at)


def deal(fen: int, start: float, end: float, slug: str = "p", written: float | None = None) -> PriceRow:
    recorded = NOW + (start if written is None else written) * DAY
    return PriceRow("deal", slug, fen, NOW + start * DAY, NOW + end * DAY, recorded)


def in_force(rows: list[PriceRow]) -> list[tuple[int, float, float | None]]:
    day = lambda at: (at - NOW) / DAY  # noqa: E731
    return [(p.fen, day(p.since), None if p.until is None else day(p.until)) for p in periods(rows)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([guide(100, -9), guide(120, -2)], [(100, -9, -2), (120, -2, None)]),
        ([deal(80, -5, 5, written=0)], [(80, -5, 5)]),
        ([deal(80, -5, 5), deal(70, -5, 5, written=-1)], [(80, -5, -1), (70, -1, 5)]),
        ([deal(80, 2, 5, written=-1), deal(80, 3, 6, written=0)], [(80, 3, 6)]),
        ([deal(80, -5, 5), deal(80, -5, -1, written=-1)], [(80, -5, -1)]),
        ([deal(80, 2, 5, written=0), deal(80, 2, 2, written=1)], []),
        ([deal(80, -5, 5, "a"), deal(70, -3, 1, "b")], [(80, -5, 5), (70, -3, 1)]),
    ],
    ids=["raised", "moved_in", "corrected", "postponed", "withdrawn", "withdrawn_before_start", "two_offers"],
)
def test_what_was_in_force_when(rows, expected):
    assert in_force(rows) == expected


@pytest.mark.parametrize(
    ("rows", "lowest"),
    [
        ([], None),
        ([guide(100, -30)], None),
        ([deal(80, -30, -8), deal(90, -20, -10, "q")], 80),
        ([deal(80, -30, -8), deal(90, -9, -6.9, "q")], 90),
        ([deal(80, -30, -7), deal(90, -9, -6, "q")], 90),
        ([deal(80, -3, 3), deal(70, 0, 3, "q")], 80),
        ([deal(80, -3, 3), deal(70, -1, 3, "q")], 70),
    ],
    ids=["never", "guide_is_no_offer", "last_one", "within", "seventh_day_is_out", "the_new_one_is_out", "lowest"],
)
def test_lowest_offer_of_the_seven_days_before(rows, lowest):
    assert pricing.lowest_offer(periods(rows), NOW) == lowest


@pytest.mark.parametrize(
    ("compared", "basis", "rows", "rule"),
    [
        (120, Basis.GUIDE, [guide(120, -30)], None),
        (110, Basis.GUIDE, [guide(110, -30), guide(120, -8)], "第十六条"),
        (120, Basis.GUIDE, [guide(110, -30), guide(120, -3)], "第十七条"),
        (120, Basis.GUIDE, [guide(110, -30), guide(120, -7)], None),
        (120, Basis.GUIDE, [guide(130, -30), guide(120, -3)], None),
        (120, Basis.GUIDE, [guide(120, -30), guide(110, -5), guide(120, -1)], "第十七条"),
        (120, Basis.GUIDE, [], None),
        (90, Basis.UNSAID, [deal(90, -3, 3)], None),
        (91, Basis.UNSAID, [deal(90, -3, 3)], "第十六条"),
        (120, Basis.UNSAID, [guide(120, -30)], "第十六条"),
        # nothing within seven days: the last price it was offered at, to the fen
        (80, Basis.UNSAID, [deal(80, -30, -8)], None),
        (81, Basis.UNSAID, [deal(80, -30, -8)], "第十六条"),
        (90, Basis.UNSAID, [deal(80, -30, -20), deal(90, -15, -8, "q")], None),
        # an offer that ended exactly seven days before counts no more, one a moment later does
        (90, Basis.UNSAID, [deal(80, -30, -7), deal(90, -9, -6, "q")], None),
        (90, Basis.UNSAID, [deal(80, -30, -6.99), deal(90, -9, -6, "q")], "第十六条"),
        # the lowest of several, not the last
        (85, Basis.UNSAID, [deal(80, -6, -5), deal(90, -4, -1, "q")], "第十六条"),
        (80, Basis.UNSAID, [deal(80, -6, -5), deal(90, -4, -1, "q")], None),
    ],
    ids=[
        "guide",
        "guide_not_the_present_one",
        "raised_three_days_before",
        "raised_seven_days_before",
        "lowered",
        "lowered_and_raised_again",
        "new_car",
        "unsaid_at_the_lowest",
        "unsaid_above_the_lowest",
        "unsaid_without_an_offer",
        "unsaid_at_the_last_one",
        "unsaid_above_the_last_one",
        "unsaid_at_the_later_of_two_old_ones",
        "unsaid_seventh_day_is_out",
        "unsaid_seventh_day_not_over",
        "unsaid_above_the_lowest_of_two",
        "unsaid_at_the_lowest_of_two",
    ],
)
def test_which_price_may_be_struck_through(compared, basis, rows, rule):
    problem = strike_through_problem(compared, basis, NOW, periods(rows), 120)
    assert (problem is None) if rule is None else (rule in (problem or ""))


@pytest.mark.parametrize(
    ("rows", "fen", "words"),
    [
        ([guide(120, -30)], 130, None),
        ([guide(120, -30), deal(100, 3, 9, written=-1)], 130, "第十七条"),
        ([guide(120, -30), deal(100, 8, 9, written=-1)], 130, None),
        ([guide(120, -30), deal(100, -1, 9)], 130, None),
        ([guide(120, -30), deal(100, 3, 9, written=-1)], 115, None),
        ([guide(120, -30), deal(100, 3, 9, written=-1)], 99, "低于一口价“p”"),
        ([guide(120, -30), deal(100, -9, -1)], 99, None),
    ],
    ids=["alone", "offer_in_three_days", "offer_in_eight_days", "offer_runs", "lowered", "below_offer", "offer_over"],
)
def test_when_a_guide_price_may_change(rows, fen, words):
    problem = pricing.guide_change_problem(rows, fen, NOW)
    assert (problem is None) if words is None else (words in (problem or ""))


def trim(slug: str = "t1") -> Trim:
    db.session.expire_all()
    return db.session.scalars(select(Trim).where(Trim.slug == slug)).one()


def entries() -> list[tuple[str, str, int, str]]:
    columns = (Trim.slug, PriceEntry.deal_slug, PriceEntry.fen, PriceEntry.source)
    found = db.session.execute(select(*columns).join(Trim, Trim.id == PriceEntry.trim_id).order_by(PriceEntry.id))
    return [(row[0], row[1], row[2], row[3]) for row in found]


@pytest.mark.both_databases
def test_import_writes_every_price_once(bring):  # noqa: F811
    bring(book.small())
    assert entries() == [
        ("t1", "", 16_980_000, "import"),
        ("t2", "", 18_580_000, "import"),
        ("t3", "", 30_000_000, "import"),
        ("t1", "p1", 15_880_000, "import"),
        ("t2", "p2", 17_280_000, "import"),
    ]
    bring(book.small())
    assert len(entries()) == 5
    bring(set_cell(set_cell(book.small(), "一口价", 2, "一口价元", 157800), "车款", 4, "指导价元", 290000))
    assert entries()[5:] == [("t3", "", 29_000_000, "import"), ("t1", "p1", 15_780_000, "import")]


@pytest.mark.both_databases
def test_withdrawn_offer_ends_in_the_ledger(bring):  # noqa: F811
    bring(book.small())
    sheets = book.small()
    del sheets["一口价"][1]
    bring(sheets)
    last = db.session.scalars(select(PriceEntry).order_by(PriceEntry.id.desc()).limit(1)).one()
    assert (last.deal_slug, last.ends_at is not None and last.ends_at <= last.recorded_at) == ("p1", True)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement",
    [update(PriceEntry).values(fen=1), delete(PriceEntry), text("UPDATE price_entries SET fen = 1")],
    ids=["update", "delete", "raw"],
)
def test_database_refuses_to_rewrite_the_ledger(bring, statement):  # noqa: F811
    bring(book.small())
    with pytest.raises(DatabaseError, match="only added"), transaction() as session:
        session.execute(statement)
    assert len(entries()) == 5


@pytest.mark.both_databases
def test_changed_price_is_in_the_ledger_the_audit_and_the_version(bring):  # noqa: F811
    bring(book.small())
    before = publishing.version()
    now = trim().series.updated_at + timedelta(seconds=1)
    assert change_guide_price("t1", 16_500_000, OPERATOR, now) is True
    assert trim().msrp_fen == 16_500_000
    assert publishing.version() == before + 1
    last = db.session.scalars(select(PriceEntry).order_by(PriceEntry.id.desc()).limit(1)).one()
    assert (last.fen, last.source, last.actor_kind, last.actor_id) == (16_500_000, "office", "operator", 7)
    audit = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (audit.action, audit.detail) == ("guide_price_changed", {"before": 16_980_000, "after": 16_500_000})
    assert change_guide_price("t1", 16_500_000, OPERATOR, now) is False
    assert publishing.version() == before + 1
    assert [p.fen for p in price_history(trim().id) if p.kind == "guide"] == [16_980_000, 16_500_000]
    with pytest.raises(TrimNotFound):
        change_guide_price("nothing", 1, OPERATOR, now)


@pytest.mark.both_databases
def test_refused_price_changes_nothing(bring):  # noqa: F811
    bring(book.small())
    with pytest.raises(PriceRefused, match="低于一口价“p1”"), time_machine.travel(NOW, tick=False):
        change_guide_price("t1", 15_000_000, OPERATOR, NOW)
    assert (trim().msrp_fen, len(entries())) == (16_980_000, 5)


def starting(sheets: book.Sheets, day: int) -> book.Sheets:
    return set_cell(sheets, "一口价", 2, "开始时间", datetime(2026, 11, day, 10))


def test_guide_price_raised_for_an_offer_is_refused_in_the_workbook(bring, refusals):  # noqa: F811
    with time_machine.travel(NOW - 10 * DAY, tick=False):
        bring(starting(book.small(), 24))
    with time_machine.travel(NOW, tick=False):
        raised = set_cell(starting(book.small(), 24), "车款", 2, "指导价元", 179800)
        line = refusals(raised)[0]
        assert line.startswith("车款!E2: 一口价“p1”：厂商指导价在活动开始前 7 天内由 ¥169,800 上调到 ¥179,800")
        assert "《明码标价和禁止价格欺诈规定》第十七条" in line
        bring(set_cell(starting(book.small(), 30), "车款", 2, "指导价元", 179800))
        assert refusals(set_cell(starting(book.small(), 28), "车款", 2, "指导价元", 179800))[0].startswith("一口价!I2:")


def test_offer_may_not_follow_a_rise_but_one_that_runs_stays(bring, refusals):  # noqa: F811
    with time_machine.travel(NOW, tick=False):
        bring(book.small())
    with time_machine.travel(NOW + DAY, tick=False):
        raised = set_cell(book.small(), "车款", 2, "指导价元", 179800)
        bring(raised)  # p1 has been running since the 10th
        assert bring(raised).changes == 0
        assert "第十七条" in refusals(set_cell(raised, "一口价", 2, "一口价元", 155800))[0]
    with time_machine.travel(NOW + 9 * DAY, tick=False):
        bring(raised)


@pytest.mark.both_databases
def test_lowest_price_comes_from_the_ledger(bring):  # noqa: F811
    bring(book.small())
    one = trim().id
    assert lowest_price_last_7_days(one, NOW) == 15_880_000
    assert lowest_price_last_7_days(trim("t3").id, NOW) is None
    with transaction():
        promo = NewPrice(one, PriceKind.PROMO, 15_500_000, NOW - DAY, NOW, "d1-promo")
        record_prices([promo], NOW - DAY, source="office", actor=OPERATOR)
    assert lowest_price_last_7_days(one, NOW) == 15_500_000
    assert set(list_price_rows([one, 10**9])) == {one}


@pytest.mark.parametrize("path", ["/series", "/series/s1"])
def test_changed_price_is_on_the_very_next_page(app, bring, path):  # noqa: F811
    bring(book.small())
    shopper = Shopper(app)
    assert "16.98" in shopper.page(path) or "169,800" in shopper.page(path)
    change_guide_price("t1", 16_210_000, OPERATOR, NOW)
    page = shopper.page(path)
    assert "16.21" in page or "162,100" in page
    assert db.session.scalar(select(func.count()).select_from(PriceEntry)) == 6
