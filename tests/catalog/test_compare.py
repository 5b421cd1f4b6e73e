"""The comparison: two to four trims by their 编号, differences, better values, and a way on from any address."""

import re

import pytest

from app.catalog.comparing import better, cheaper, read_pick, table
from app.catalog.models import Series, SpecItem, Trim
from app.core import clock, publishing
from app.core.db import db, transaction
from tests.booking import shop
from tests.catalog.test_pages import statements
from tests.client import Shopper

SHEETS = {
    "a": [("基本参数", "CLTC 纯电续航", "520", "km"), ("车身", "长", "4631", "mm"), ("座椅", "前排座椅加热", "●", "")],
    "b": [
        ("基本参数", "CLTC 纯电续航", "605", "km"),
        ("车身", "长", "4631", "mm"),
        ("座椅", "前排座椅加热", "○ 1200", ""),
    ],
    "c": [("基本参数", "WLTC 综合油耗", "5.9", "L/100km"), ("座椅", "前排座椅加热", "-", "")],
    "d": [("车身", "长", "4631", "mm")],
    "e": [("车身", "长", "4631", "mm")],
}


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    with transaction() as session:
        brand_id = db.session.query(Series).one().brand_id
        series = Series(slug="cmp", brand_id=brand_id, name="岫 C", position=9, status="在售", updated_at=clock.now())
        series.energy, series.body_class = "纯电", "中型车"
        session.add(series)
        session.flush()
        for place, (slug, sheet) in enumerate(SHEETS.items()):
            trim = Trim(slug=slug, series_id=series.id, model_year="2026款", name=f"{slug.upper()} 版", position=place)
            trim.msrp_fen, trim.status = 15_000_000 + place * 1_000_000, "在售"
            session.add(trim)
            session.flush()
            for n, (group, name, value, unit) in enumerate(sheet):
                row = SpecItem(trim_id=trim.id, group_name=group, name=name, value=value, unit=unit, position=n)
                session.add(row)
        publishing.bump()
    return Shopper(app)


def heads(page: str) -> list[str]:
    return re.findall(r'data-car="([^"]+)"', page)


def line(page: str, name: str) -> list[str]:
    row = re.search(rf'<th scope="row">{name}.*?</tr>', page, re.S)
    assert row, name
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row[0], re.S)]


def test_two_side_by_side(shopper):
    page = shopper.page("/compare?trims=a,b")
    assert heads(page) == ["a", "b"]
    assert line(page, "CLTC 纯电续航") == ["520", "605 ▲ 更长"]
    assert line(page, "长") == ["4631", "4631"]
    assert line(page, "前排座椅加热") == ["●标配", "○ 1200选配 ¥1,200"]
    assert "▲ 更低" in line(page, "厂商指导价")[0]
    assert 'scope="rowgroup"' in page


def test_only_differences(shopper):
    page = shopper.page("/compare?trims=a,b&diff=1")
    assert "CLTC 纯电续航" in page
    assert '<th scope="row">长' not in page
    assert 'href="/compare?trims=a,b"' in page
    assert "共 3 项，其中 2 项有差异" in page
    assert "没有差异，只有价格不同" in shopper.page("/compare?trims=d,e&diff=1")


def test_what_a_car_does_not_list_is_a_dash_and_spoken(shopper):
    page = shopper.page("/compare?trims=a,c")
    assert line(page, "WLTC 综合油耗") == ["–无", "5.9"]


@pytest.mark.parametrize(
    ("query", "found", "says"),
    [
        ("", [], "还没有要对比的车款"),
        ("trims=", [], "还没有要对比的车款"),
        ("trims=a", ["a"], "再选一个车款"),
        ("trims=a,a,a", ["a"], "再选一个车款"),
        ("trims=a,b,c,d,e", ["a", "b", "c", "d"], "已保留前 4 款"),
        ("trims=a,none,b", ["a", "b"], "有 1 款没有找到或已停售"),
        ("trims=none", [], "有 1 款没有找到或已停售"),
        ("trims=a&trims=b", ["a", "b"], "车款对比"),
        ("trims=%20b%20,a,", ["b", "a"], "车款对比"),
        ("trims=a,b&diff=yes&at=9", ["a", "b"], "车款对比"),
        ("trims=<script>alert(1)</script>,a", ["a"], "再选一个车款"),
        ("trims=" + "a,b," * 5000, ["a", "b"], "车款对比"),
        ("trims=🚗,%00".replace("%00", "x"), [], "有 1 款没有找到"),
        ("trims=';DROP TABLE trims;--", [], "还没有要对比的车款"),
    ],
)
def test_any_address_gives_a_page_that_goes_on(shopper, query, found, says):
    page = shopper.page(f"/compare?{query}")
    assert heads(page) == found
    assert says in page
    assert 'id="add"' in page
    assert "<script>alert" not in page


def test_links_add_replace_and_take_away_without_javascript(shopper):
    page = shopper.page("/compare?trims=a,b&diff=1")
    assert 'href="/compare?trims=a,b,c&amp;diff=1"' in page
    assert 'href="/compare?trims=b&amp;diff=1"' in page
    assert 'href="/compare?trims=a,b&amp;diff=1&amp;at=2#add"' in page
    assert 'href="/compare?trims=a,c&amp;diff=1"' in shopper.page("/compare?trims=a,b&diff=1&at=2")
    full = shopper.page("/compare?trims=a,b,c,d")
    assert "请先去掉一款" in full
    assert 'href="/compare?trims=e,b,c,d"' in shopper.page("/compare?trims=a,b,c,d&at=1")


def test_a_trim_taken_off_sale_leaves_with_a_word(app, shopper):
    assert heads(shopper.page("/compare?trims=a,b")) == ["a", "b"]
    with transaction():
        db.session.query(Trim).filter_by(slug="b").one().status = "停售"
        publishing.bump()
    page = shopper.page("/compare?trims=a,b")
    assert heads(page) == ["a"]
    assert "没有找到或已停售" in page


@pytest.mark.both_databases
def test_five_statements_no_write(app, shopper):
    with transaction():
        publishing.bump()
    with statements(app) as seen:
        shopper.page("/compare?trims=a,b,c,d")
    assert len(seen) + 1 <= 5, seen
    assert all(s.lstrip().upper().startswith("SELECT") for s in seen)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("CLTC 纯电续航", ["520", "605", "605"], ("", "更长", "更长")),
        ("官方 0–100 km/h 加速", ["8.2", "6.9"], ("", "更快")),
        ("WLTC 综合油耗", ["5.9", "", "4.3"], ("", "", "更省")),
        ("行李厢容积", ["482-1468", "390-1215"], ("更大", "")),
        ("前排座椅加热", ["●", "-"], ("", "")),
        ("长", ["4631", "4368"], ("", "")),
        ("轴距", ["2760", "2760"], ("", "")),
        ("轴距", ["2760", "-"], ("", "")),
    ],
)
def test_better_is_said_only_where_there_is_a_better(name, values, words):
    assert better(name, values) == words


def test_cheaper_is_marked_for_every_equal_lowest():
    assert cheaper([100, 90, 90]) == ("", "更低", "更低")
    assert cheaper([100]) == ("",)


def test_no_word_is_a_superlative(shopper):
    page = shopper.page("/compare?trims=a,b,c,d")
    assert not re.search("最[高低长短大小快省多优佳]|第一", "".join(re.findall(r'class="best">([^<]*)', page)))


def test_items_keep_the_order_of_first_appearance():
    groups = table([[("B", "x", "1", ""), ("A", "y", "2", "")], [("C", "z", "3", ""), ("B", "w", "4", "km")]])
    assert [(g.name, [r.name for r in g.rows]) for g in groups] == [("B", ["x", "w"]), ("A", ["y"]), ("C", ["z"])]


def test_pick_writes_the_address_it_reads():
    pick = read_pick(["a,b", "c"], "1", "2")
    assert pick.address() == "/compare?trims=a,b,c&diff=1"
    assert pick.with_trim("x") == "/compare?trims=a,x,c&diff=1"
    assert read_pick([], "", "").address(at=1) == "/compare?at=1"
