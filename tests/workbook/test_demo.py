"""The demo comes in without a problem, is alive on any day, and goes out as it came."""

from datetime import date
from pathlib import Path

from sqlalchemy import func, select

from app.booking.models import OnePriceDeal
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.core import clock
from app.core.db import db
from app.coupons.models import CouponCampaign
from app.dealers.models import Dealer
from app.workbook import rules, services
from app.workbook.exporting import export_workbook
from tests.browser.demo import pack_in_haste
from tests.workbook.book import media_at

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo"


def running_deals() -> int:
    now = clock.now()
    running = (OnePriceDeal.starts_at <= now, OnePriceDeal.ends_at > now)
    return db.session.scalar(select(func.count()).select_from(OnePriceDeal).where(*running)) or 0


def test_demo_is_imported_once_and_is_alive_on_a_later_day(app, tmp_path, monkeypatch):
    pack_in_haste(monkeypatch)
    # The browser tests use the same folder: who comes first encodes the 85 pictures, the other finds them there.
    media = media_at(ROOT / ".pytest_cache" / "media")
    day = clock.today()
    days = (day - rules.DEMO_DAY).days
    services.import_workbook(DEMO / "yunxiu.xlsx", media, move_days=days)
    tables = (Brand, Series, Colour, Trim, SpecItem, Dealer, OnePriceDeal, CouponCampaign, Picture)
    counts = [db.session.scalar(select(func.count()).select_from(table)) for table in tables]
    assert counts == [1, 6, 28, 25, 2849, 320, 11, 14, 85]
    frames = select(func.count()).select_from(SeriesPicture).where(SeriesPicture.kind == "frame")
    assert db.session.scalar(frames) == 48
    assert running_deals() >= 5
    assert services.import_workbook(DEMO / "yunxiu.xlsx", media, move_days=days).changes == 0
    export_workbook(tmp_path / "out.xlsx", media)
    assert services.import_workbook(tmp_path / "out.xlsx", media).changes == 0
    plan = services.import_workbook(DEMO / "yunxiu.xlsx", media, move_days=days + 1)
    assert {name: len(sheet.changed) for name, sheet in plan.sheets.items() if sheet.changed} == {
        "门店": 81,
        "一口价": 11,
        "券活动": 14,
    }


def test_demo_day_is_the_day_its_offers_are_arranged_around():
    assert date(2026, 11, 22) == rules.DEMO_DAY


def test_demo_is_small_enough_to_clone():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 8_000_000
