"""WGS-84 to GCJ-02, so that the simulated phone can answer in either system."""

from math import cos, pi, sin, sqrt

AXIS = 6378245.0
ECCENTRICITY = 0.00669342162296594323


def wgs_to_gcj(lat: float, lng: float) -> tuple[float, float]:
    """The shifted latitude and longitude of a place in mainland China."""
    x, y = lng - 105.0, lat - 35.0
    radians = lat / 180.0 * pi
    magic = 1 - ECCENTRICITY * sin(radians) ** 2
    meridian = AXIS * (1 - ECCENTRICITY) / (magic * sqrt(magic))
    dlat = _lat_shift(x, y) * 180.0 / (meridian * pi)
    dlng = _lng_shift(x, y) * 180.0 / (AXIS / sqrt(magic) * cos(radians) * pi)
    return round(lat + dlat, 6), round(lng + dlng, 6)


def _lat_shift(x: float, y: float) -> float:
    shift = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    shift += (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    shift += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    return shift + (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0


def _lng_shift(x: float, y: float) -> float:
    shift = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    shift += (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    shift += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    return shift + (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
