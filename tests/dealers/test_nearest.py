"""The nearest stores equal an exact haversine over all of them, whatever is asked and wherever from."""

import importlib
import random
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update

from app.core import clock
from app.core.db import db, transaction
from app.dealers import hours, queries
from app.dealers.geo import haversine_m
from app.dealers.models import Dealer
from app.dealers.queries import places
from app.dealers.rules import split_services

SEARCH = importlib.import_module("app.dealers.queries.nearest")  # the room's name for it is the function
MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=clock.SHANGHAI)
SERVICES = ("销售；试驾；售后", "销售；充电", "", "售后;充电")
HOURS = ("周一-周日 09:00-20:30", "周一-周日 13:00-20:30", "周二-周日 09:00-18:00", "每天 20:00-02:00", "")
CORNERS = [
    (90.0, 0.0), (-90.0, 33.0), (0.0, 180.0), (0.0, -180.0), (51.0, 179.999), (51.0, -179.999), (89.9, -45.0),
    (0.0, 0.0), (-34.6, -58.4), (-35.0, 149.0), (40.7, -74.0), (25.0, 170.0), (39.9, 116.4), (30.2, 120.1),
]  # fmt: skip


def make(n: int, chance: random.Random) -> dict[str, Any]:
    """Most stores in the country, some at the ends of the earth, a few at the same place."""
    lat, lng = chance.uniform(18, 50), chance.uniform(76, 134)
    if n % 10 == 0:
        lat, lng = chance.uniform(-90, 90), chance.choice((-180.0, 180.0, chance.uniform(-180, 180)))
    elif n % 10 == 1:
        lat, lng = 30.25, 120.125
    status = "关闭" if n % 41 == 0 else "暂停" if n % 37 == 0 else "营业"
    kind = {"services": SERVICES[n % 4], "hours": HOURS[n % 5], "status": status}
    place = {"province": "浙江省", "city": f"样例市{n % 3}", "address": f"样例路 {n} 号", "lat": lat, "lng": lng}
    return {"slug": f"n{n}", "name": f"样例店 {n}", "phone": "057188880000", "updated_at": MONDAY, **place, **kind}


def stock(count: int = 900) -> list[SimpleNamespace]:
    chance = random.Random(7)
    with transaction() as session:
        session.execute(insert(Dealer), [make(n, chance) for n in range(count)])
    return read()


def read() -> list[SimpleNamespace]:
    """Every store that is shown, as plain values."""
    columns = (Dealer.id, Dealer.lat, Dealer.lng, Dealer.services, Dealer.hours, Dealer.status)
    rows = db.session.execute(db.select(*columns).where(Dealer.status.in_(queries.SHOWN)))
    return [SimpleNamespace(**row._mapping) for row in rows]


def exact(stores: list[SimpleNamespace], lat: float, lng: float, fits=lambda store: True) -> list[tuple[float, int]]:
    return sorted((haversine_m(lng, lat, s.lng, s.lat), s.id) for s in stores if fits(s))


def asked(lat: float, lng: float, **wanted: Any) -> list[tuple[float, int]]:
    rows, _ = queries.nearest(lat, lng, MONDAY, **wanted)
    return [(row.distance_m or 0.0, row.dealer.id) for row in rows]


def is_open(store: SimpleNamespace) -> bool:
    return store.status == "营业" and hours.open_state(hours.parse(store.hours), MONDAY).open


@pytest.mark.both_databases
def test_ten_nearest_of_200_places_equal_an_exact_haversine(app):
    stores, chance = stock(), random.Random(11)
    spots = CORNERS + [(chance.uniform(18, 50), chance.uniform(76, 134)) for _ in range(100)]
    spots += [(chance.uniform(-90, 90), chance.uniform(-180, 180)) for _ in range(200 - len(spots))]
    for lat, lng in spots:
        assert asked(lat, lng) == exact(stores, lat, lng)[:10], (lat, lng)


@pytest.mark.both_databases
@pytest.mark.parametrize("few", [0, 1500])
def test_filters_are_as_exact_whichever_way_is_taken(app, few, monkeypatch):
    """Few are measured one by one, for many the index is walked, and those wanted may all be elsewhere."""
    monkeypatch.setattr(SEARCH, "FEW", few)
    stores, some = stock(), frozenset(range(5, 900, 3))
    far = [store.id for store in exact_stores(stores, 30.2, 120.1)[-40:]]
    cases = [
        ({"services": ("充电",)}, lambda s: "充电" in split_services(s.services)),
        ({"services": ("充电", "销售")}, lambda s: {"充电", "销售"} <= split_services(s.services)),
        ({"open_now": True}, is_open),
        ({"services": ("试驾",), "open_now": True}, lambda s: "试驾" in split_services(s.services) and is_open(s)),
        ({"among": some}, lambda s: s.id in some),
        ({"among": far}, lambda s: s.id in far),
        ({"among": some, "services": ("充电",), "open_now": True},
         lambda s: s.id in some and "充电" in split_services(s.services) and is_open(s)),
        ({"among": ()}, lambda s: False),
        ({"services": ("洗车",)}, lambda s: False),
    ]  # fmt: skip
    for patience in (8000, 100):
        monkeypatch.setattr(SEARCH, "PATIENCE", patience)
        for wanted, fits in cases:
            for lat, lng in CORNERS[::3]:
                assert asked(lat, lng, **wanted) == exact(stores, lat, lng, fits)[:10], (wanted, lat, lng)


def exact_stores(stores: list[SimpleNamespace], lat: float, lng: float) -> list[SimpleNamespace]:
    return sorted(stores, key=lambda s: (haversine_m(lng, lat, s.lng, s.lat), s.id))


@pytest.mark.both_databases
def test_pages_fit_together_also_where_ninety_stores_share_a_place(app):
    stores = stock()
    lat, lng = 30.25, 120.125
    found: list[tuple[float, int]] = []
    while True:
        rows, more = queries.nearest(lat, lng, MONDAY, offset=len(found), limit=40)
        found += [(row.distance_m or 0.0, row.dealer.id) for row in rows]
        if not more:
            break
    assert found == exact(stores, lat, lng)


@pytest.mark.both_databases
def test_what_changes_is_found_by_the_next_question(app):
    stock(60)
    with transaction() as session:
        session.execute(insert(Dealer), [make(61, random.Random(1)) | {"slug": "new", "lat": -60.0, "lng": -170.0}])
    first = queries.nearest(-60, -170, MONDAY, limit=1)[0][0].dealer
    assert first.slug == "new"
    dealer_id = first.id
    with transaction() as session:
        session.execute(
            update(Dealer).where(Dealer.id == dealer_id).values(services="洗车", hours="每天 全天", lat=-61.0)
        )
    again = queries.nearest(-61, -170, MONDAY, services=("洗车",), open_now=True)[0]
    assert [(row.dealer.slug, row.distance_m, row.state.text) for row in again] == [("new", 0.0, "24 小时营业")]
    with transaction() as session:
        session.execute(update(Dealer).where(Dealer.id == dealer_id).values(status="关闭"))
    assert queries.nearest(-61, -170, MONDAY, services=("洗车",))[0] == []
    assert queries.nearest(-61, -170, MONDAY, limit=1)[0][0].dealer.slug != "new"
    with transaction() as session:
        session.execute(update(Dealer).where(Dealer.id == dealer_id).values(status="营业"))
    assert queries.nearest(-61, -170, MONDAY, limit=1)[0][0].dealer.slug == "new"
    with transaction() as session:
        session.execute(delete(Dealer).where(Dealer.id == dealer_id))
    assert queries.nearest(-61, -170, MONDAY, limit=1)[0][0].dealer.slug != "new"


@pytest.mark.both_databases
def test_a_store_of_a_new_kind_is_found_beside_known_ones_that_pass(app):
    """The kinds this process knows answer the question; the question says that there is one more."""
    stock(60)
    assert queries.nearest(-60, -170, MONDAY, services=("销售",))[0]
    fresh = {"slug": "new", "lat": -60.0, "lng": -170.0, "services": "销售；洗车", "hours": "每天 全天"}
    with transaction() as session:
        session.execute(insert(Dealer), [make(61, random.Random(1)) | fresh])
    for wanted in ({"services": ("销售",)}, {"services": ("销售",), "open_now": True}):
        found, _ = queries.nearest(-60, -170, MONDAY, limit=1, **wanted)
        assert [row.dealer.slug for row in found] == ["new"], wanted


def test_index_of_sqlite_holds_the_stores_that_are_shown(app):
    """Whatever migrations did to the table of stores, the triggers that keep the index are still there."""
    stores = stock(200)
    assert db.session.scalar(text("SELECT count(*) FROM dealer_places")) == len(stores)
    assert db.session.scalar(text("SELECT rtreecheck('dealer_places')")) == "ok"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_postgresql_without_cube_is_slower_but_as_exact(app):
    stores = stock(300)
    db.session.remove()
    with db.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_dealers_place"))
        connection.execute(text("DROP EXTENSION cube"))
    places._indexed.clear()
    for lat, lng in CORNERS:
        assert asked(lat, lng, services=("销售",)) == exact(stores, lat, lng, lambda s: "销售" in s.services)[:10]


@pytest.mark.both_databases
def test_index_is_what_postgresql_uses(app):
    if db.engine.dialect.name == "sqlite":
        plan = "EXPLAIN QUERY PLAN SELECT data FROM dealer_places_node WHERE nodeno = 7"
        assert "USING INTEGER PRIMARY KEY" in str(db.session.execute(text(plan)).all())
        return
    stock()
    order = places._BY_INDEX.replace("$1, $2, $3", "0.1, 0.2, 0.3").replace(":", "\\:")
    with transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        wanted = f"EXPLAIN SELECT id FROM dealers WHERE kind_id IS NOT NULL ORDER BY {order} LIMIT 24"
        plan = session.execute(text(wanted)).all()
    assert "ix_dealers_place" in str(plan)


def test_a_store_open_past_midnight_passes_the_filter_until_it_closes(app):
    with transaction() as session:
        session.execute(insert(Dealer), [make(3, random.Random(1)) | {"hours": "每天 20:00-02:00", "status": "营业"}])
    late = datetime(2026, 11, 24, 1, 59, tzinfo=clock.SHANGHAI)
    assert len(queries.nearest(30, 120, late, open_now=True)[0]) == 1
    assert queries.nearest(30, 120, late + timedelta(minutes=1), open_now=True)[0] == []
