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

from app.core.db import db
from app.dealers.geo import EARTH_RADIUS_M, haversine_m

FIRST = 24
_CELL = Struct(">q6f")  # a cell of a node of SQLite's R*Tree: what it leads to, then lower and upper bound of x, y, z
_FAR = 1.0  # from 60 degrees on (the square of the straight line), boxes alone say too little
_VECTOR = "cos(radians(lat)) * cos(radians(lng)), cos(radians(lat)) * sin(radians(lng)), sin(radians(lat))"
_KNN = (
    f"SELECT id, lat, lng FROM dealers WHERE kind_id IS NOT NULL{{0}} "  # noqa: S608 (constants of this module)
    f"ORDER BY cube(ARRAY[{_VECTOR}]) <-> cube(ARRAY[%(x)s, %(y)s, %(z)s]::float8[]) LIMIT {{1}}"
)
_SCAN = _KNN.replace(
    f"cube(ARRAY[{_VECTOR}]) <-> cube(ARRAY[%(x)s, %(y)s, %(z)s]::float8[])",
    "-({} * %(x)s + {} * %(y)s + {} * %(z)s)".format(*_VECTOR.split(", ")),
)


class Place(NamedTuple):
    """A store as the index knows it."""

    metres: float
    id: int


class Found(NamedTuple):
    """Some places, and how far the index has been read: every other place is at least `reach_m` away."""

    places: list[Place]
    reach_m: float


def walk(lat: float, lng: float, kinds: Collection[int] | None) -> Iterator[Found]:
    """Every shown store of these kinds (None: any), in pieces that grow, each farther out than the one before."""
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        return _walk_rtree(connection, lat, lng, kinds)
    return _walk_gist(connection, lat, lng, kinds)


def few(
    lat: float, lng: float, kinds: Collection[int] | None, among: Collection[int] | None, most: int
) -> list[Place] | None:
    """All stores of these kinds, or of these ids, if they are no more than `most`; else None."""
    connection = db.session.connection()
    where: list[str] = ["kind_id IS NOT NULL"]
    given: list[Any] = []
    for column, ids in (("kind_id", kinds), ("id", among)):
        if ids is not None:
            where.append(_IN[connection.dialect.name].format(column))
            given.append(_list(connection, ids))
    sql = f"SELECT id, lat, lng FROM dealers WHERE {' AND '.join(where)} LIMIT {most + 1}"  # noqa: S608
    rows = _ask(connection, sql, given)
    return None if len(rows) > most else [Place(haversine_m(lng, lat, row[2], row[1]), row[0]) for row in rows]


_IN = {
    "sqlite": "{} IN (SELECT value FROM json_each(?))",
    "postgresql": "{} = ANY(%s::bigint[])",
}


def _list(connection: Connection, ids: Collection[int]) -> Any:
    return json.dumps(list(ids)) if connection.dialect.name == "sqlite" else list(ids)


def _ask(connection: Connection, sql: str, given: Any) -> list[tuple[Any, ...]]:
    """Rows straight from the driver, in the session's own transaction: a node is read in a few microseconds."""
    with closing(cast(Any, connection.connection.dbapi_connection).cursor()) as cursor:
        cursor.execute(sql, given)
        return cast("list[tuple[Any, ...]]", cursor.fetchall())


def _vector(lat: float, lng: float) -> tuple[float, float, float]:
    north, east = math.radians(lat), math.radians(lng)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


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
    size = FIRST
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
            yield Found([Place(haversine_m(lng, lat, row[2], row[1]), row[0]) for row in chosen], reach)
            size = min(size * 2, 512)


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


# ---- PostgreSQL ----


def _walk_gist(connection: Connection, lat: float, lng: float, kinds: Collection[int] | None) -> Iterator[Found]:
    """The index gives places in true order; each piece is asked for anew with more of them."""
    x, y, z = _vector(lat, lng)
    given: dict[str, Any] = {"x": x, "y": y, "z": z}
    narrowed = ""
    if kinds is not None:
        narrowed, given["kinds"] = " AND kind_id = ANY(%(kinds)s::bigint[])", list(kinds)
    sql = _KNN if _has_index(connection) else _SCAN
    size, seen = FIRST, 0
    while True:
        # A limit in the text: for one it does not know the planner reckons with a tenth of the table, and sorts it.
        rows = _ask(connection, sql.format(narrowed, size), given)
        places = [Place(haversine_m(lng, lat, row[2], row[1]), row[0]) for row in rows]
        # What follows may lie as far as the last one, to the last bit that a distance has.
        reach = math.inf if len(rows) < size else places[-1].metres * (1 - 1e-9) - 1e-3
        yield Found(places[seen:], reach)
        if len(rows) < size:
            return
        size, seen = size * 8, len(rows)


_indexed: WeakSet[Engine] = WeakSet()


def _has_index(connection: Connection) -> bool:
    """Whether cube could be had when the tables were made; one that is missing is looked for each time."""
    if connection.engine not in _indexed:
        if not _ask(connection, "SELECT to_regclass('ix_dealers_place') IS NOT NULL", ())[0][0]:
            return False
        _indexed.add(connection.engine)
    return True
