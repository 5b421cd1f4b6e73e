"""The list: counts that respect the other choices, an address that is the state, a sensible page for any of them."""

import gzip
import re

import pytest
from sqlalchemy import event, select

from app.catalog.facets import FacetIndex, read_choice
from app.catalog.models import Brand, Series, SpecItem, Trim
from app.catalog.queries import get_lineup
from app.core import clock, publishing
from app.core.db import db, transaction
from tests.booking import shop
from tests.catalog.test_pages import statements
from tests.client import Shopper

CARS = [  # slug, energy, class, seats, status, [(price in 元, electric range in km)]
    ("a", "纯电", "中型SUV", 5, "在售", [(169_800, 520), (225_800, 605)]),
    ("b", "汽油", "紧凑型车", 5, "在售", [(79_800, None), (99_800, None)]),
    ("c", "纯电", "中大型车", 5, "在售", [(209_800, 610)]),
    ("d", "插电混动", "MPV", 7, "在售", [(199_800, 112)]),
    ("e", "汽油", "跑车", 4, "即将上市", []),
    ("f", "汽油", "跑车", 2, "停售", [(500_000, None)]),
]


def fill(cars: list[tuple]) -> None:
    with transaction() as session:
        brand = Brand(slug="brand", name="云岫汽车")
        session.add(brand)
        session.flush()
        made: list[tuple[Series, list]] = []
        for place, (slug, energy, body_class, seats, status, trims) in enumerate(cars):
            series = Series(slug=slug, brand_id=brand.id, name=f"岫 {slug.upper()}", position=place, status=status)
            series.energy, series.body_class, series.seats, series.updated_at = energy, body_class, seats, clock.now()
            made.append((series, trims))
        session.add_all(series for series, _ in made)
        session.flush()
        ranges: list[tuple[Trim, int | None]] = []
        for series, trims in made:
            for n, (yuan, km) in enumerate(trims):
                name, year = f"{n} 版", f"{2026 - series.position}款"
                trim = Trim(slug=f"{series.slug}-{n}", series_id=series.id, model_year=year, name=name)
                trim.msrp_fen, trim.status, trim.position = yuan * 100, "在售", n
                ranges.append((trim, km))
        session.add_all(trim for trim, _ in ranges)
        session.flush()
        session.add_all(
            SpecItem(trim_id=trim.id, group_name="基本参数", name=item, value=value, unit="km", position=1)
            for trim, km in ranges
            if km
            for item, value in (("WLTC 纯电续航", "90"), ("CLTC 纯电续航", str(km)))
        )
        publishing.bump()


@pytest.fixture
def shopper(app) -> Shopper:
    fill(CARS)
    return Shopper(app)


def names(page: str) -> list[str]:
    return re.findall(r"<h2>岫 (\w)</h2>", page)


def counts(page: str, facet: str) -> dict[str, int]:
    found = re.findall(rf'name="{facet}" value="([^"]*)".*?<span class="num">(\d+)</span>', page)
    return {value: int(count) for value, count in found}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "abcde"),
        ("price=15-20", "ad"),
        ("price=15-20&energy=纯电", "a"),
        ("energy=纯电&energy=汽油", "abce"),
        ("class=MPV&class=跑车", "de"),
        ("seats=5", "abc"),
        ("seats=7", "d"),
        ("range=600-", "ac"),
        ("range=400-600&range=600-", "ac"),
        ("price=0-10", "b"),
        ("sort=price", "badce"),
        ("sort=-price", "cdabe"),
        ("sort=range", "cadbe"),
        ("sort=new", "abcde"),
    ],
)
def test_choices_narrow_and_sort(shopper, query, shown):
    assert names(shopper.page(f"/series?{query}")) == list(shown.upper())


def test_price_and_range_must_meet_in_one_trim(shopper):
    """A costs 169,800 with 520 km and 225,800 with 605 km: no trim of it reaches 600 km below 200,000."""
    assert names(shopper.page("/series?price=15-20&range=600-")) == []
    assert names(shopper.page("/series?price=20-30&range=600-")) == ["A", "C"]


def test_counts_respect_the_other_facets_but_not_their_own(shopper):
    page = shopper.page("/series?energy=纯电")
    assert counts(page, "energy") == {"汽油": 2, "插电混动": 1, "纯电": 2}
    assert counts(page, "price") == {"0-10": 0, "15-20": 1, "20-30": 2}
    assert counts(page, "class")["中型SUV"] == 1
    assert counts(page, "class")["跑车"] == 0
    assert counts(page, "seats") == {"4": 0, "5": 2, "7": 0}


def test_every_count_is_what_choosing_it_shows(app, shopper):
    index = get_lineup().facets
    for query in ({}, {"energy": ["汽油"]}, {"price": ["15-20"], "seats": ["5"]}):
        choice = read_choice(lambda name, given=query: given.get(name, []))
        for facet, rows in index.counts(choice).items():
            for value, _, count, _ in rows:
                alone = {**query, facet: [value]}
                assert index.match(read_choice(lambda n, g=alone: g.get(n, []))).bit_count() == count


def test_chosen_values_are_chips_that_drop_themselves(shopper):
    page = shopper.page("/series?energy=纯电&price=15-20&sort=price")
    assert 'href="/series?energy=%E7%BA%AF%E7%94%B5&amp;sort=price"' in page
    assert 'href="/series?price=15-20&amp;sort=price"' in page
    assert 'href="/series?sort=price"' in page
    assert page.count("checked") == 2
    assert '<input type="hidden" name="sort" value="price">' in page


def test_empty_result_names_the_filter_to_drop(shopper):
    page = shopper.page("/series?energy=纯电&class=MPV")
    assert "没有同时符合这些条件的车型" in page
    assert "去掉“MPV” · 2 款" in page
    assert "去掉“纯电” · 1 款" in page
    assert names(shopper.page("/series?class=MPV")) == ["D"]


def test_empty_result_where_no_single_filter_helps(shopper):
    page = shopper.page("/series?energy=柴油&class=微型车&seats=2")
    assert "清空条件" in page
    assert "去掉一个条件" not in page


def test_upcoming_is_marked_and_has_no_invented_price(shopper):
    page = shopper.page("/series?class=跑车")
    assert "即将上市" in page
    assert "价格待公布" in page
    assert 'href="/compare?trims=' not in page


@pytest.mark.parametrize(
    "query",
    [
        "energy=核动力",
        "energy=" + "x" * 5000,
        "price=-1&price=0-10000000&price=99999999999999999999",
        "seats=5';DROP TABLE series;--&seats[]=4",
        "page=0&sort=random",
        "page=-5",
        "page=99999999999999999999999",
        "page=%EF%BC%95&%F0%9F%9A%97=%F0%9F%9A%97",
        "&".join(f"energy={n}" for n in range(500)),
        "energy=%ff%fe",
    ],
)
def test_hostile_or_absurd_values_are_ignored(shopper, query):
    assert names(shopper.page(f"/series?{query}")) == list("ABCDE")
    shopper.fragment(f"/series?{query}&more=1")


def test_ignored_values_share_one_kept_page(app, shopper):
    for n in range(30):
        shopper.http.get(f"/series?energy=x{n}&utm_source={n}&seats=5")
    assert len(app.extensions["page_store"]) == 1


def test_fragment_brings_the_list_and_the_counts(shopper):
    part = shopper.fragment("/series?energy=纯电")
    assert part.lstrip().startswith('<div id="list" data-address="/series?energy=%E7%BA%AF%E7%94%B5"')
    assert 'id="in-price" hx-swap-oob="innerHTML"' in part
    assert "查看 2 款" in part
    assert "<h1" not in part


@pytest.fixture
def crowded(app) -> Shopper:
    fill([(f"s{n}", "纯电", "中型车", 5, "在售", [(150_000 + n * 100, 500 + n)]) for n in range(75)])
    return Shopper(app)


def shown(page: str) -> list[int]:
    return [int(n) for n in re.findall(r'href="/series/s(\d+)"', page)]


def test_page_n_shows_one_to_n_up_to_five(crowded):
    assert shown(crowded.page("/series")) == list(range(12))
    third = crowded.page("/series?page=3")
    assert shown(third) == list(range(36))
    assert 'href="/series?page=4#p4"' in third
    assert 'id="p3"' in third
    last = crowded.page("/series?page=700")
    assert shown(last) == list(range(60))
    assert "还有 15 款" in last
    assert "加载更多" not in last
    assert shown(crowded.page("/series?price=15-20&page=4&seats=5")) == list(range(48))


def test_load_more_brings_the_next_page_and_its_address(crowded):
    answer = crowded.http.get("/series?page=2&more=1", headers={"HX-Request": "true"})
    assert shown(answer.text) == list(range(12, 24))
    assert answer.headers["HX-Replace-Url"] == "/series?page=2"
    assert "<h1" not in answer.text
    # By hand, without htmx, the same address is a whole page.
    assert shown(crowded.page("/series?page=2&more=1")) == list(range(24))


@pytest.mark.both_databases
def test_five_thousand_trims_cost_no_more_statements(app):
    def spread(n: int) -> list[tuple[int, int]]:
        return [(80_000 + (n * 37 + k * 13) % 400 * 1000, 300 + (n + k * 31) % 500) for k in range(10)]

    fill([(f"s{n}", "纯电", "中型车", 5, "在售", spread(n)) for n in range(500)])
    shopper = Shopper(app)
    lists = ("/series", "/series?price=15-20&range=600-&sort=price&page=5", "/series?seats=7&energy=汽油")
    for path in (*lists, "/series/s250", "/series/s250?trim=s250-9"):
        with statements(app) as seen:
            page = shopper.page(path)
        assert len(gzip.compress(page.encode())) <= 20_000, path
        assert len(seen) + 1 <= 5, seen  # the published number is asked for below SQLAlchemy's events
        assert all(s.lstrip().upper().startswith("SELECT") for s in seen)
    assert len(get_lineup().trims) == 5000


def test_new_price_is_listed_at_once(app, shopper):
    assert "16.98" in shopper.page("/series")
    with transaction():
        db.session.scalars(select(Trim).where(Trim.slug == "a-0")).one().msrp_fen = 11_110_000
        publishing.bump()
    page = shopper.page("/series")
    assert "11.11" in page
    assert counts(page, "price")["10-15"] == 1


def test_lineup_outlives_the_session_that_read_it(app):
    shop.build()
    kept = get_lineup()
    db.session.rollback()
    db.session.remove()
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda c, cur, statement, *_: seen.append(statement))
    assert [(car.cover and car.cover.digest, car.entry and car.entry.full_name) for car in kept.series]
    assert not seen


def test_index_without_cars():
    index = FacetIndex([])
    choice = read_choice(lambda name: ["5"] if name == "seats" else [])
    assert (index.match(choice), index.order(0, "price"), index.ways_out(choice)) == (0, [], [])
