"""The landing price by the rules of a day."""

import tomllib
from datetime import date

import pytest

from app.costs.rules.book import FILE, NoRule, read, rule_book
from app.costs.rules.landing import CarFacts, Choice, landing_price, purchase_tax

BOOK = rule_book()
ELECTRIC = CarFacts("纯电", "减半", 5, None)
PETROL = CarFacts("汽油", "全额", 5, 1498)


def tax(car: CarFacts, yuan: int, on: date) -> int | None:
    return purchase_tax(car, yuan * 100, on, BOOK).fen


@pytest.mark.parametrize(
    ("car", "yuan", "on", "fen"),
    [
        # 113,000 ÷ 1.13 × 10 % = 10,000
        (PETROL, 113_000, date(2026, 11, 22), 1_000_000),
        (PETROL, 105_800, date(2026, 11, 22), 936_283),
        # exempt until the end of 2025, at most 30,000: 452,000 ÷ 1.13 × 10 % = 40,000
        (ELECTRIC, 339_000, date(2025, 12, 31), 0),
        (ELECTRIC, 452_000, date(2025, 12, 31), 1_000_000),
        # halved from 2026, the reduction at most 15,000
        (ELECTRIC, 226_000, date(2026, 1, 1), 1_000_000),
        (ELECTRIC, 339_000, date(2026, 1, 1), 1_500_000),
        (ELECTRIC, 452_000, date(2027, 12, 31), 2_500_000),
        # nothing announced after
        (ELECTRIC, 226_000, date(2028, 1, 1), 2_000_000),
        # 169,800 ÷ 1.13 × 10 % ÷ 2 = 7,513.274…
        (ELECTRIC, 169_800, date(2026, 11, 22), 751_327),
        # plug-in and range extended as electric; a hybrid without a plug as petrol
        (CarFacts("插电混动", "减半", 7, 1498), 226_000, date(2026, 11, 22), 1_000_000),
        (CarFacts("增程", "减半", 5, 1498), 226_000, date(2026, 11, 22), 1_000_000),
        (CarFacts("油电混合", "全额", 5, 1993), 226_000, date(2026, 11, 22), 2_000_000),
    ],
)
def test_purchase_tax_to_the_fen(car, yuan, on, fen):
    assert tax(car, yuan, on) == fen


def test_the_column_says_whether_and_the_date_says_how_much():
    said_exempt = purchase_tax(CarFacts("纯电", "全免", 5, None), 22_600_000, date(2026, 11, 22), BOOK)
    assert said_exempt.fen == 1_000_000
    assert "标注“全免”" in said_exempt.explain
    not_listed = purchase_tax(CarFacts("纯电", "全额", 5, None), 22_600_000, date(2026, 11, 22), BOOK)
    assert not_listed.fen == 2_000_000
    assert "不享受" in not_listed.explain
    unknown = purchase_tax(CarFacts("纯电", "", 5, None), 22_600_000, date(2026, 11, 22), BOOK)
    assert unknown.fen == 1_000_000
    assert unknown.estimate
    petrol = purchase_tax(CarFacts("汽油", "减半", 5, 1498), 22_600_000, date(2026, 11, 22), BOOK)
    assert petrol.fen == 2_000_000
    assert "没有适用" in petrol.explain


def test_the_whole_list_of_a_petrol_car():
    result = landing_price(PETROL, 10_580_000, date(2026, 11, 22), Choice(), BOOK)
    assert {line.name: line.fen for line in result.lines} == {
        "车辆购置税": 936_283,
        "交强险": 95_000,
        "车船税": 9_000,  # 540 × 2 ÷ 12
        "上牌工本费": 12_500,
        "第三者责任险": 145_000,
        "车辆损失险": 176_960,  # 500 + 105,800 × 1.2 %
        "车上人员责任险": 14_500,
    }
    assert result.total_fen == 10_580_000 + 936_283 + 95_000 + 9_000 + 12_500 + 145_000 + 176_960 + 14_500
    assert {line.name for line in result.lines if not line.estimate} == {"车辆购置税", "交强险"}
    assert all(line.explain and line.source and line.valid for line in result.lines)


def test_nothing_chosen_leaves_what_must_be_paid():
    result = landing_price(PETROL, 10_580_000, date(2026, 1, 1), Choice(0, False, False, False), BOOK)
    assert [line.name for line in result.lines] == ["车辆购置税", "交强险", "车船税"]
    assert result.lines[2].fen == 54_000


@pytest.mark.parametrize(
    ("ml", "yuan"),
    [(1000, 360), (1001, 540), (1600, 540), (1601, 660), (2000, 660), (2500, 1200), (3000, 2400), (5000, 5400)],
)
def test_vehicle_tax_bands(ml, yuan):
    lines = landing_price(CarFacts("汽油", "全额", 5, ml), 10_000_000, date(2026, 1, 5), Choice(), BOOK).lines
    assert next(line.fen for line in lines if line.name == "车船税") == yuan * 100


def test_six_seats_pay_more_and_no_displacement_is_said():
    result = landing_price(CarFacts("汽油", "全额", 6, None), 10_000_000, date(2026, 1, 5), Choice(), BOOK)
    assert next(line.fen for line in result.lines if line.name == "交强险") == 110_000
    assert result.missing == ["车船税"]


@pytest.mark.parametrize("on", [date(2004, 1, 1), date(2007, 1, 1)])
def test_a_day_outside_the_rules_is_a_sentence(on):
    with pytest.raises(NoRule, match="请选择 2024-01-01 至 2028-12-31"):
        landing_price(ELECTRIC, 10_000_000, on, Choice(), BOOK)


@pytest.mark.parametrize("on", [date(2023, 12, 31), date(2019, 8, 1)])
def test_new_energy_relief_before_the_file_begins_is_not_guessed(on):
    with pytest.raises(NoRule):
        purchase_tax(ELECTRIC, 10_000_000, on, BOOK)


@pytest.mark.parametrize("field", ["issued", "reference", "checked"])
def test_an_official_rule_without_its_document_or_its_check_is_refused(field):
    content = tomllib.loads(FILE.read_text("utf-8"))
    assert all(rule["issued"] <= rule["checked"] for rule in content["new_energy_relief"] if rule["kind"] == "official")
    del content["new_energy_relief"][0][field]
    with pytest.raises(ValueError, match="when it was checked"):
        read(content)


def test_the_file_has_no_gap_and_a_gap_is_refused():
    content = tomllib.loads(FILE.read_text("utf-8"))
    assert read(content).first == date(2024, 1, 1)
    content["new_energy_relief"][1]["from"] = date(2026, 1, 2)
    with pytest.raises(ValueError, match="do not meet"):
        read(content)
    content["new_energy_relief"] = content["new_energy_relief"][1:]
    with pytest.raises(ValueError, match="does not cover"):
        read(content)
