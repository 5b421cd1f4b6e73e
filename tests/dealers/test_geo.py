"""Coordinates agree with published vectors and independent libraries."""

from pathlib import Path

import openpyxl
import pytest

from app.dealers import geo
from tests.gateways.vectors import cases

CONVERT = {
    ("wgs84", "gcj02"): geo.wgs84_to_gcj02,
    ("gcj02", "wgs84"): geo.gcj02_to_wgs84,
    ("gcj02", "bd09"): geo.gcj02_to_bd09,
    ("bd09", "gcj02"): geo.bd09_to_gcj02,
}


@pytest.mark.parametrize("case", cases("coordinates"))
def test_conversion_agrees_with_the_published_vector(case):
    route = (case["from"], case["to"])
    if route in CONVERT:
        got = CONVERT[route](*case["in"])
    else:
        middle = CONVERT[case["from"], "gcj02"](*case["in"])
        got = CONVERT["gcj02", case["to"]](*middle)
    tolerance = max(case["tol_deg"], 1e-12)
    assert got == pytest.approx(case["out"], abs=tolerance, rel=0)


@pytest.mark.parametrize("case", cases("distance"))
def test_distance_agrees_with_the_published_vector(case):
    assert geo.haversine_m(*case["a"], *case["b"]) == pytest.approx(case["metres"], abs=case["tol_m"])


def test_way_back_is_iterated_to_less_than_a_centimetre():
    for lng, lat in ((116.404, 39.915), (121.527, 31.177), (87.6, 43.8), (108.3, 22.8)):
        back = geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(lng, lat))
        assert geo.haversine_m(lng, lat, *back) < 0.01


@pytest.mark.parametrize(
    ("place", "lng", "lat"),
    [
        ("漠河", 122.54, 52.97), ("黑河", 127.53, 50.25), ("抚远", 134.31, 48.36), ("绥芬河", 131.15, 44.41),
        ("珲春", 130.37, 42.86), ("丹东", 124.39, 40.13), ("喀什", 75.99, 39.47), ("霍尔果斯", 80.42, 44.21),
        ("塔城", 82.98, 46.75), ("阿勒泰", 88.14, 47.85), ("二连浩特", 111.98, 43.65), ("满洲里", 117.46, 49.59),
        ("额尔古纳", 120.18, 50.24), ("错那", 91.96, 27.99), ("墨脱", 95.33, 29.33), ("普兰", 81.18, 30.29),
        ("瑞丽", 97.85, 24.01), ("勐腊", 101.56, 21.46), ("河口", 103.96, 22.53), ("东兴", 107.97, 21.55),
        ("三亚", 109.51, 18.25), ("三沙", 112.33, 16.83), ("香港", 114.17, 22.28), ("澳门", 113.55, 22.19),
        ("台北", 121.56, 25.04), ("呼玛", 126.65, 51.73), ("逊克", 128.47, 49.58), ("额济纳", 101.07, 41.96),
    ],
)  # fmt: skip
def test_places_at_the_border_are_inside(place, lng, lat):
    assert geo.in_china(lng, lat)


@pytest.mark.parametrize(
    ("place", "lng", "lat"),
    [
        ("东京", 139.69, 35.69), ("首尔", 126.98, 37.57), ("河内", 105.85, 21.03), ("曼谷", 100.5, 13.75),
        ("德里", 77.2, 28.61), ("乌兰巴托", 106.92, 47.92), ("海参崴", 131.89, 43.12), ("马尼拉", 120.98, 14.6),
        ("巴黎", 2.35, 48.86), ("新加坡", 103.82, 1.35), ("原点", 0.0, 0.0), ("阿拉木图", 76.9, 43.24),
        ("仰光", 96.16, 16.8), ("胡志明市", 106.66, 10.76),
    ],
)  # fmt: skip
def test_cities_abroad_are_outside(place, lng, lat):
    assert not geo.in_china(lng, lat)


def test_every_dealer_of_the_demo_is_inside():
    book = openpyxl.load_workbook(Path(__file__).parents[2] / "demo" / "yunxiu.xlsx", read_only=True)
    rows = list(book["门店"].iter_rows(min_row=2, min_col=7, max_col=8, values_only=True))
    book.close()
    assert len(rows) == 320
    assert all(geo.in_china(*row) for row in rows)
