"""The database's own index of places, read nearest first: R*Tree on SQLite, GiST over cube on PostgreSQL.

Both hold unit vectors, so the poles and the 180th meridian are places like any other, and the straight line between two
of them orders as the way over ground does. Nothing is kept in this process: what a transaction wrote is found by the
next question of any worker.
"""

import heapq
import json
import math
from collections.abc import Collection, Iterator
from contextlib import closing
from struct import Struct
from typing import Any, NamedTuple, cast
from weakref import WeakSet

from sqlalchemy import Connection, Engine

from app.core import wire
from app.core.db import db
from app.dealers.geo import EARTH_RADIUS_M, haversine_m

FIRST, FIRST_NARROWED, MOST = 24, 64, 512
_CELL = Struct(">q6f")  # a cell of a node of SQLite's R*Tree: what it leads to, then lower and upper bound of x, y, z
_FAR = 1.0  # from 60 degrees on (the square of the straight line), boxes alone say too little
_VECTOR = "cos(radians(lat)) * cos(radians(lng)), cos(radians(lat)) * sin(radians(lng)), sin(radians(lat))"
_BY_INDEX = f"cube(ARRAY[{_VECTOR}]) <-> cube(ARRAY[$1, $2, $3]::float8[])"
# The haversine without its last step; it orders as the distance does, down to the millimetre.
_HALF = repr(math.pi / 360)
_BY_MEASURE = (
    f"pow(sin((lat - {{0}}1) * {_HALF}), 2) + {{0}}3 * cos(lat * 2 * {_HALF}) * pow(sin((lng - {{0}}2) * {_HALF}), 2)"
)
_SIGN = {"sqlite": "?", "postgresql": "$"}  # before the number of a value
_ONE_OF = {"sqlite": "IN (SELECT value FROM json_each(?{0}))", "postgresql": "= ANY(${0}::bigint[])"}


class Place(NamedTuple):
    """A store as the index knows it."""

    metres: float
    id: int


class Found(NamedTuple):
    """Places, some of them told before, how many were new, and how far out: others are at least `reach_m` away.

    `kinds` is how many kinds of stores there were at that moment, where it was asked along (`tells_kinds`).
    """

    places: list[Place]
    seen: int
    reach_m: float
    kinds: int | None = None


def walk(lat: float, lng: float, kinds: Collection[int] | None, likely: int = 0) -> Iterator[Found]:
    """Every shown store of these kinds (None: any), in pieces that grow, each farther out than the one before.

    So many will `likely` be read: where a piece costs a question of its own, the first one holds them.
    """
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        return _walk_rtree(connection, lat, lng, kinds)
    if not _has_index(connection):
        return scan(lat, lng, kinds, None, likely)
    return _in_order(connection, lat, lng, _BY_INDEX, _vector(lat, lng), kinds, None, likely)


def scan(
    lat: float, lng: float, kinds: Collection[int] | None, among: Collection[int] | None, likely: int = 0
) -> Iterator[Found]:
    """The same without the index of places: the database measures each store of these kinds and of these ids."""
    connection = db.session.connection()
    given, order = (lat, lng, math.cos(math.radians(lat))), _BY_MEASURE.format(_SIGN[connection.dialect.name])
    return _in_order(connection, lat, lng, order, given, kinds, among, likely)


def tells_kinds() -> bool:
    """Whether a question narrowed to kinds says how many there are: where each costs a way to the server and back."""
    return db.engine.dialect.name != "sqlite"


def count(kinds: Collection[int], most: int) -> int:
    """How many shown stores are of these kinds, counted up to `most`."""
    connection = db.session.connection()
    one_of = _ONE_OF[connection.dialect.name].format(1)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM dealers WHERE kind_id {one_of} LIMIT {most}) AS counted"  # noqa: S608
    return cast(int, _ask(connection, sql, [_list(connection, kinds)])[0][0])


def _in_order(
    connection: Connection,
    lat: float,
    lng: float,
    order: str,
    fixed: tuple[float, float, float],
    kinds: Collection[int] | None,
    among: Collection[int] | None,
    likely: int,
) -> Iterator[Found]:
    """The database gives places in true order; each piece is asked for anew with more of them, and repeats the former.

    Stores at one place come in any order, so no piece can be told where the one before it ended.
    """
    where, given = "kind_id IS NOT NULL", list[Any](fixed)
    for column, ids in (("kind_id", kinds), ("id", among)):
        if ids is not None:
            given.append(_list(connection, ids))
            where += f" AND {column} " + _ONE_OF[connection.dialect.name].format(len(given))
    telling = kinds is not None and tells_kinds()
    along = ", (SELECT count(*) FROM dealer_kinds)" if telling else ""
    sql = f"SELECT id, lat, lng{along} FROM dealers WHERE {where} ORDER BY {order} LIMIT {{}}"  # noqa: S608 (constants)
    size, seen = max(FIRST, likely), 0
    while True:
        # The limit is part of the text: not knowing it PostgreSQL reckons with a tenth of the table, and sorts that.
        rows = _ask(connection, sql.format(size), given)
        places = [Place(haversine_m(lng, lat, row[2], row[1]), row[0]) for row in rows]
        # What follows may lie as near as the last one, to the last bit that a distance has.
        reach = math.inf if len(rows) < size else places[-1].metres * (1 - 1e-9) - 1e-3
        yield Found(places, len(rows) - seen, reach, rows[0][3] if telling and rows else None)
        if len(rows) < size:
            return
        size, seen = size * 8, len(rows)


def _list(connection: Connection, ids: Collection[int]) -> Any:
    """What `_ONE_OF` takes: written at once, where the driver would convert number by number."""
    text = json.dumps(list(ids))
    return text if connection.dialect.name == "sqlite" else f"{{{text[1:-1]}}}"


def _ask(connection: Connection, sql: str, given: list[Any]) -> list[tuple[Any, ...]]:
    """Rows straight from the driver, in the session's own transaction: a node is read in a few microseconds."""
    driver = cast(Any, connection.connection.dbapi_connection)
    if connection.dialect.name != "sqlite":
        return wire.run(driver, sql, given)[1]
    with closing(driver.cursor()) as cursor:
        cursor.execute(sql, given)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())


def _vector(lat: float, lng: float) -> tuple[float, float, float]:
    north, east = math.radians(lat), math.radians(lng)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


_indexed: WeakSet[Engine] = WeakSet()


def _has_index(connection: Connection) -> bool:
    """Whether cube could be had when the tables were made; one that is missing is looked for each time."""
    if connection.engine not in _indexed:
        if not _ask(connection, "SELECT to_regclass('ix_dealers_place') IS NOT NULL", [])[0][0]:
            return False
        _indexed.add(connection.engine)
    return True


# ---- SQLite ----


def _walk_rtree(connection: Connection, lat: float, lng: float, kinds: Collection[int] | None) -> Iterator[Found]:
    """Best first: of all nodes and places known, the one whose lower bound is nearest is opened next.

    SQLite answers boxes only, which from far away hold everything or nothing; so the nodes of its tree are read
    themselves (table dealer_places_node; their form is part of the file format and told in SQLite's ext/rtree/rtree.c).
    """
    cursor = cast(Any, connection.connection.dbapi_connection).cursor()
    sql = "SELECT id, lat, lng, kind_id FROM dealers WHERE id IN (SELECT value FROM json_each(?))"
    vector = _vector(lat, lng)
    root = _node(cursor, 1)
    heap: list[tuple[float, int, int]] = [(0.0, int.from_bytes(root[:2], "big"), 1)]
    size = FIRST if kinds is None else FIRST_NARROWED
    with closing(cursor):
        while heap:
            ids: list[int] = []
            while heap and len(ids) < size:
                _bound, level, number = heapq.heappop(heap)
                if level < 0:
                    ids.append(number)
                else:
                    _open(heap, _node(cursor, number), level, vector)
            rows = cursor.execute(sql, (json.dumps(ids),)).fetchall()
            chosen = [row for row in rows if kinds is None or row[3] in kinds]
            reach = 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(heap[0][0]) / 2)) if heap else math.inf
            yield Found([Place(haversine_m(lng, lat, row[2], row[1]), row[0]) for row in chosen], len(ids), reach)
            size = min(size * 2, MOST)


def _node(cursor: Any, number: int) -> bytes:
    return cast(bytes, cursor.execute("SELECT data FROM dealer_places_node WHERE nodeno = ?", (number,)).fetchone()[0])


def _open(heap: list[tuple[float, int, int]], node: bytes, level: int, vector: tuple[float, float, float]) -> None:
    """Put what a node holds on the heap, under the least square of a straight line to anything in its box."""
    x, y, z = vector
    below = level - 1
    for number, x0, x1, y0, y1, z0, z1 in _CELL.iter_unpack(
        node[4 : 4 + _CELL.size * int.from_bytes(node[2:4], "big")]
    ):
        dx = x0 - x if x < x0 else (x - x1 if x > x1 else 0.0)
        dy = y0 - y if y < y0 else (y - y1 if y > y1 else 0.0)
        dz = z0 - z if z < z0 else (z - z1 if z > z1 else 0.0)
        bound = dx * dx + dy * dy + dz * dz
        if bound > _FAR and level:
            bound = max(bound, _cap(vector, (x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2, x1 - x0, y1 - y0, z1 - z0))
        heapq.heappush(heap, (bound, below, number))


def _cap(
    vector: tuple[float, float, float], x: float, y: float, z: float, width: float, depth: float, height: float
) -> float:
    """The same bound from the cap of the sphere around a box: on the far side angles say what straight lines do not."""
    middle = math.sqrt(x * x + y * y + z * z)
    half = math.sqrt(width * width + depth * depth + height * height) / 2
    if half >= middle:
        return 0.0
    turn = math.acos(max(-1.0, min(1.0, (vector[0] * x + vector[1] * y + vector[2] * z) / middle)))
    return 2 - 2 * math.cos(max(0.0, turn - math.asin(half / middle) - 1e-6))
