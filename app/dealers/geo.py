"""Coordinate systems used in China and distance between two points. Pure; every function takes (longitude, latitude).

GCJ-02 is what AMap, Tencent and WeChat speak, BD-09 is Baidu's, WGS-84 comes from a GPS. The forward shift is the
published approximation; the way back from GCJ-02 is iterated, because one step is a metre or two off.
"""

import math
from typing import Final, NamedTuple

EARTH_RADIUS_M: Final = 6_371_008.8
_AXIS: Final = 6_378_245.0
_ECCENTRICITY: Final = 0.006_693_421_622_965_943
_BD_TURN: Final = math.pi * 3000.0 / 180.0


class Point(NamedTuple):
    """Degrees; longitude first."""

    lng: float
    lat: float


class Box(NamedTuple):
    west: float
    south: float
    east: float
    north: float

    def holds(self, lng: float, lat: float) -> bool:
        return self.west <= lng <= self.east and self.south <= lat <= self.north


# The box in which the shift is defined; it also covers parts of neighbouring countries.
_SHIFTED: Final = Box(72.004, 0.8293, 137.8347, 55.8271)

# A coarse outline: it lets a few border strips of neighbours pass, and no place of the country fall out.
_INSIDE: Final = (
    Box(79.4462, 42.8899, 96.33, 49.2204),
    Box(109.6872, 39.3742, 135.1, 54.1415),
    Box(73.1246, 29.5297, 124.1433, 42.8899),
    Box(82.9684, 26.7186, 97.0352, 29.5297),
    Box(97.0253, 20.4141, 124.3674, 29.5297),
    Box(107.9758, 17.8715, 111.7441, 20.4141),
    Box(108.0, 3.8, 118.0, 17.8715),
)
_OUTSIDE: Final = (
    Box(101.8652, 20.0988, 106.665, 22.284),
    Box(106.4525, 20.4878, 107.95, 21.5),
    Box(109.0323, 50.3257, 119.127, 55.8175),
    Box(127.4568, 50.5, 137.0227, 55.8175),
    Box(129.8, 49.2, 137.0227, 55.8175),
    Box(131.2662, 42.5692, 137.0227, 44.8922),
    Box(108.0, 3.8, 110.0, 17.0),
)


def in_china(lng: float, lat: float) -> bool:
    """Whether a point lies in China by a coarse outline that never refuses a real place."""
    return any(box.holds(lng, lat) for box in _INSIDE) and not any(box.holds(lng, lat) for box in _OUTSIDE)


def wgs84_to_gcj02(lng: float, lat: float) -> Point:
    """Shift a GPS position; a point outside the shifted box stays where it is."""
    if not _SHIFTED.holds(lng, lat):
        return Point(lng, lat)
    east, north = _shift(lng, lat)
    return Point(lng + east, lat + north)


def gcj02_to_wgs84(lng: float, lat: float) -> Point:
    """Undo the shift by iteration, to less than a centimetre."""
    x, y = lng, lat
    for _ in range(20):
        shifted = wgs84_to_gcj02(x, y)
        dx, dy = shifted.lng - lng, shifted.lat - lat
        x, y = x - dx, y - dy
        if abs(dx) < 1e-10 and abs(dy) < 1e-10:
            break
    return Point(x, y)


def gcj02_to_bd09(lng: float, lat: float) -> Point:
    """Baidu's further turn."""
    radius = math.hypot(lng, lat) + 0.00002 * math.sin(lat * _BD_TURN)
    angle = math.atan2(lat, lng) + 0.000003 * math.cos(lng * _BD_TURN)
    return Point(radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006)


def bd09_to_gcj02(lng: float, lat: float) -> Point:
    """Undo Baidu's turn, to about 0.1 m."""
    x, y = lng - 0.0065, lat - 0.006
    radius = math.hypot(x, y) - 0.00002 * math.sin(y * _BD_TURN)
    angle = math.atan2(y, x) - 0.000003 * math.cos(x * _BD_TURN)
    return Point(radius * math.cos(angle), radius * math.sin(angle))


def haversine_m(lng_a: float, lat_a: float, lng_b: float, lat_b: float) -> float:
    """Great-circle distance in metres; both points in the same system."""
    north_a, north_b = math.radians(lat_a), math.radians(lat_b)
    half = (
        math.sin((north_b - north_a) / 2) ** 2
        + math.cos(north_a) * math.cos(north_b) * math.sin(math.radians(lng_b - lng_a) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def bearing(lng_a: float, lat_a: float, lng_b: float, lat_b: float) -> float:
    """The way from a to b as it sets out, in degrees from north, clockwise: 0 to 360."""
    north_a, north_b, east = math.radians(lat_a), math.radians(lat_b), math.radians(lng_b - lng_a)
    across = math.sin(east) * math.cos(north_b)
    along = math.cos(north_a) * math.sin(north_b) - math.sin(north_a) * math.cos(north_b) * math.cos(east)
    return math.degrees(math.atan2(across, along)) % 360


def _shift(lng: float, lat: float) -> tuple[float, float]:
    x, y = lng - 105.0, lat - 35.0
    waves = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    root = math.sqrt(abs(x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    phi = math.radians(lat)
    magic = 1 - _ECCENTRICITY * math.sin(phi) ** 2
    north = north * 180.0 / (_AXIS * (1 - _ECCENTRICITY) / (magic * math.sqrt(magic)) * math.pi)
    east = east * 180.0 / (_AXIS / math.sqrt(magic) * math.cos(phi) * math.pi)
    return east, north
