"""The tools as pages: the address is the state, every absurd value is a sentence, nothing is written."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from app.catalog.models import SpecItem, Trim
from app.catalog.pricing import PriceKind
from app.catalog.rules import SaleStatus
from app.catalog.services.prices import NewPrice, change_guide_price, record_prices
from app.core.db import db, transaction
from app.core.security import SYSTEM
from app.costs import queries
from app.costs.rules.loan import said_fen
from tests.booking import shop
from tests.catalog.test_pages import statements
from tests.client import Shopper

LOAN, LANDING = "/tools/loan", "/tools/landing-price"


@pytest.fixture
def shopper(app) -> Shopper:
    shop.build()
    return Shopper(app)


@pytest.fixture
def trim(shopper) -> Trim:
    return db.session.scalars(select(Trim).order_by(Trim.id)).first()


def test_loan_of_a_trim_and_its_address(shopper, trim):
    with transaction():
        trim.msrp_fen = 10_000_000
    text = shopper.page(f"{LOAN}?trim={trim.slug}&down=50&months=12&rate=4.35&method=equal")
    # 50,000 at 4.35 % over 12 months: 4,265.50
    assert "¥4,265.50" in text.replace('<span class="yen">¥</span>', "¥")
    assert f"{LOAN}?trim={trim.slug}&amp;down=50&amp;months=12&amp;rate=4.35&amp;method=equal" in text
    assert "以金融机构审批为准" in text
    assert text.count('<th scope="row">') == 12


def test_the_fragment_is_the_result_alone(shopper, trim):
    text = shopper.fragment(f"{LOAN}?trim={trim.slug}&method=interest&months=36&rate=3")
    assert text.lstrip().startswith("<section")
    assert 'id="monthly" hx-swap-oob="true"' in text
    assert "连本带息" in text


def test_a_price_alone_is_enough_for_a_loan(shopper):
    assert "还款计划表" in shopper.page(f"{LOAN}?price=16.98万")


def test_the_first_visit_offers_cars_and_blames_nobody(shopper, trim):
    text = shopper.page(LOAN)
    assert "请检查" not in text
    assert f'href="{LOAN}?trim={trim.slug}"' in text
    assert f'href="{LANDING}?trim={trim.slug}"' in shopper.page(LANDING)
    assert "请填写车价" in shopper.page(f"{LOAN}?down=30")


@pytest.mark.parametrize(
    ("moment", "day", "words"),
    [
        # 169,800 ÷ 1.13 × 10 % = 15,026.55: exempt until the last second of 2025 in Shanghai, half of it from the next
        ("2025-12-31T15:59:59+00:00", "2025-12-31", "免征，应缴 ¥0"),
        ("2025-12-31T16:00:00+00:00", "2026-01-01", "减半征收，应缴 ¥7,513.27"),
        ("2027-12-31T15:59:59+00:00", "2027-12-31", "减半征收，应缴 ¥7,513.27"),
        ("2027-12-31T16:00:00+00:00", "2028-01-01", "全额征收，应缴 ¥15,026.55"),
    ],
)
def test_the_law_of_the_day_begins_at_midnight_in_shanghai(shopper, trim, moment, day, words):
    with transaction():
        trim.msrp_fen, trim.purchase_tax, trim.series.energy = 16_980_000, "减半", "纯电"
    with time_machine.travel(datetime.fromisoformat(moment), tick=False):
        text = shopper.page(f"{LANDING}?trim={trim.slug}")
    assert f"（{day} 开票）" in text
    assert words in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("price=abc", "车价请填"),
        ("price=-5", "车价请填"),
        ("price=1", "车价请填"),
        ("price=99999999999999", "车价请填"),
        ("price=" + "9" * 2000, "车价请填"),
        ("price=%F0%9F%9A%97", "车价请填"),
        ("price=169800&down=19.99", "首付比例请填"),
        ("price=169800&down=81", "首付比例请填"),
        ("price=169800&down=nan", "首付比例请填"),
        ("price=169800&down=", "首付比例请填"),
        ("price=169800&rate=-1", "年利率请填"),
        ("price=169800&rate=36.01", "年利率请填"),
        ("price=169800&rate=1e1", "年利率请填"),
        ("price=169800&rate=Infinity", "年利率请填"),
        ("price=169800&months=13", "贷款期限请在"),
        ("price=169800&months=60.0", "贷款期限请在"),
        ("price=169800&method=x", "还款方式请选择"),
        ("price=169800&fee=x", "手续费请填"),
        ("price=169800&fee=160000", "手续费应少于"),
        ("trim=nothing&price=169800", "没有找到这款车"),
        ("trim=" + "x" * 3000, "没有找到这款车"),
    ],
)
def test_absurd_loans_are_sentences_and_the_page_stays(shopper, query, words):
    text = shopper.page(f"{LOAN}?{query}")
    assert words in text
    assert "<title>错误：" in text
    assert "还款计划表" not in text
    assert words in shopper.fragment(f"{LOAN}?{query}")


def test_landing_price_lines_and_choices(shopper, trim):
    with transaction():
        trim.msrp_fen, trim.purchase_tax = 22_600_000, "减半"
    full = shopper.page(f"{LANDING}?trim={trim.slug}&on=2026-11-22")
    assert "¥10,000" in full
    assert "减半征收" in full
    assert "估算" in full
    assert "没有算进去的" in full
    bare = shopper.page(f"{LANDING}?trim={trim.slug}&on=2026-11-22&set=1&third=0")
    assert "车辆损失险</label>" in bare.replace("\n", "")
    assert "<h3>商业保险</h3>" not in bare
    assert "上牌工本费</span>" not in bare.replace("\n", "")
    assert "¥10,000" in shopper.page(f"{LANDING}?trim={trim.slug}&price=113000&on=2028-02-01")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("on=2004-01-01", "请选择 2024-01-01 至 2028-12-31"),
        ("on=2029-01-01", "请选择 2024-01-01 至 2028-12-31"),
        ("on=9999-12-31", "请选择 2024-01-01 至 2028-12-31"),
        ("on=2026-02-30", "日期请按"),
        ("on=tomorrow", "日期请按"),
        ("on=", "日期请按"),
        ("third=150", "第三者责任险请选择"),
        ("price=0", "车价请填"),
    ],
)
def test_absurd_landing_prices_are_sentences(shopper, trim, query, words):
    text = shopper.page(f"{LANDING}?trim={trim.slug}&{query}")
    assert words in text
    assert "没有算进去的" not in text


def test_landing_price_without_a_car_leads_to_the_cars(shopper, trim):
    assert "请先选择一款车" in shopper.page(LANDING)
    assert "没有找到这款车" in shopper.page(f"{LANDING}?trim=none")
    with transaction():
        trim.status = SaleStatus.STOPPED
    assert "没有找到这款车" in shopper.page(f"{LANDING}?trim={trim.slug}")


def test_displacement_is_read_from_the_specification(shopper, trim):
    with transaction():
        trim.series.energy = "汽油"
        db.session.add(
            SpecItem(trim_id=trim.id, group_name="发动机", name="排量", value="1,498", unit="mL", position=900)
        )
    assert queries.find_car(trim.slug).facts.displacement_ml == 1498
    with transaction():
        item = db.session.scalars(select(SpecItem).where(SpecItem.name == "排量")).one()
        item.value, item.unit = "2.0", "L"
    assert queries.find_car(trim.slug).facts.displacement_ml == 2000
    assert "360–660" in shopper.page(f"{LANDING}?trim={trim.slug}&on={date(2026, 11, 2)}")


@pytest.mark.parametrize("path", [LOAN, LANDING])
def test_tools_take_few_statements_and_write_nothing(app, shopper, trim, path):
    shopper.page(f"{path}?trim={trim.slug}")
    with statements(app) as seen:
        answer = shopper.http.get(f"{path}?trim={trim.slug}")
    assert len(seen) <= 5, seen
    assert all(statement.lstrip().upper().startswith("SELECT") for statement in seen)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"].startswith("public")


def test_hint_says_down_payment_and_instalment_of_the_cheapest_trim(shopper, trim):
    with transaction():
        for each in db.session.scalars(select(Trim)):
            each.msrp_fen = 20_000_000
        trim.msrp_fen = 10_000_000
    text = shopper.fragment(f"/tools/hint/{trim.series.slug}")
    said = re.sub(r"<[^>]*>", "", text)
    # 80,000 at 4 % over 60 months are 1,473.32 each
    assert "首付 2.00万起，月供 1,474元起" in said
    assert "¥1,473.32" in said
    assert shopper.http.get("/tools/hint/none").status_code == 204


@pytest.mark.parametrize(
    ("fen", "said"),
    [(0, 0), (1, 100), (250_170, 250_200), (999_901, 1_000_000), (1_000_000, 1_000_000), (1_000_001, 1_010_000)]
    + [(3_396_000, 3_400_000), (3_400_000, 3_400_000), (3_400_001, 3_410_000)],
)
def test_a_hint_rounds_up_to_what_it_can_say(fen, said):
    assert said_fen(fen) == said >= fen


def test_a_changed_guide_price_is_told_with_its_days(shopper, trim):
    first, then = datetime(2026, 10, 1, 1, tzinfo=UTC), datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
    guide = [NewPrice(trim.id, PriceKind.GUIDE, 17_980_000, first)]
    with transaction():
        record_prices(guide, first, source="import", actor=SYSTEM)
    change_guide_price(trim.slug, 17_480_000, SYSTEM, then)
    change_guide_price(trim.slug, 16_980_000, SYSTEM, then + timedelta(hours=3))
    text = shopper.page(f"{LANDING}?trim={trim.slug}")
    part = text.split("厂商指导价的变化")[1].split('</div>\n<div class="row')[0]
    # newest first, by the day in Shanghai, which was the next one already
    assert re.findall(r"<dt>(\S+) 起</dt><dd>(¥[\d,]+)</dd>", part) == [
        ("2026-11-21", "¥169,800"),
        ("2026-10-01", "¥179,800"),
    ]
    assert '<polyline points="0.0,4.0 300.0,36.0 "' in part


def test_price_history_comes_from_the_ledger(shopper, trim):
    history = queries.price_history(trim.id)
    assert all(step.fen > 0 for step in history)
