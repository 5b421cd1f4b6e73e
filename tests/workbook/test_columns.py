"""Optional columns: what an absent one leaves alone, what an empty cell says, and the fourteen of 券活动."""

from datetime import UTC, datetime

import openpyxl
import pytest
from sqlalchemy import select, update

from app.booking.models import DealDealer, OnePriceDeal
from app.catalog.models import SpecItem
from app.core.db import changed_rows, db, transaction
from app.coupons.models import CouponCampaign
from app.workbook import queries, rules
from app.workbook.exporting import export_workbook
from app.workbook.layout import LAYOUT
from app.workbook.services import import_workbook
from tests.workbook import book
from tests.workbook.book import Sheets, media_at

CAMPAIGN = {
    "最高抵扣元": (None, "most_fen", None),
    "单份成本元": (98.5, "worth_fen", 9850),
    "每人每日限领": ("1张", "per_day", 1),
    "每日总量": ("20", "daily_total", 20),
    "渠道": ("页面；门店码", "channels", "页面；门店码"),
    "适用范围": ("整车", "scope", "整车"),
    "叠加组": ("购车券", "stack_group", "购车券"),
    "不与一口价同享": ("是", "alone", True),
    "优先级": (5, "priority", 5),
    "承担方": ("共担", "payer", "共担"),
    "门店承担比例": ("33.3%", "dealer_permille", 333),
    "摇中概率": (12.5, "shake_permille", 125),
    "距店米": ("300米", "near_m", 300),
    "状态": ("暂停", "state", "paused"),
}
DEAL = {
    "每人限购": (3, "per_person", 3),
    "说明": ("现车", "terms", "现车"),
    "售罄转候补": ("是", "queue_when_sold_out", True),
    "包含": ("裸车", "included", "裸车"),
    "不包含": ("保险", "excluded", "保险"),
    "确认时限小时": (48, "confirm_hours", 48),
    "备车天数": (7, "ready_days", 7),
    "尾款开始": ("2027-01-05 10:00", "balance_starts_at", datetime(2027, 1, 5, 2, tzinfo=UTC)),
    "尾款结束": ("2027-01-31 18:00", "balance_ends_at", datetime(2027, 1, 31, 10, tzinfo=UTC)),
}


def with_columns(sheets: Sheets, sheet: str, row: int, cells: dict[str, object]) -> Sheets:
    """Say these cells in one row; columns that the sheet lacks are added, empty elsewhere."""
    for title, value in cells.items():
        if title not in sheets[sheet][0]:
            for number, line in enumerate(sheets[sheet]):
                line.append(None if number else title)
        book.set_cell(sheets, sheet, row, title, value)
    return sheets


def without_columns(sheets: Sheets, sheet: str, titles: set[str]) -> Sheets:
    keep = [n for n, title in enumerate(sheets[sheet][0]) if title not in titles]
    sheets[sheet] = [[line[n] for n in keep] for line in sheets[sheet]]
    return sheets


def shaken(sheets: Sheets | None = None) -> Sheets:
    """The small workbook; its first campaign is shaken for."""
    return book.set_cell(sheets or book.small(), "券活动", 2, "领取方式", "摇一摇")


def full() -> Sheets:
    sheets = with_columns(shaken(), "券活动", 2, {title: said for title, (said, _, _) in CAMPAIGN.items()})
    with_columns(sheets, "券活动", 3, {"最高抵扣元": 500})
    if "未售罄转候补" in sheets["一口价"][0]:
        without_columns(sheets, "一口价", {"未售罄转候补"})
    return with_columns(sheets, "一口价", 2, {title: said for title, (said, _, _) in DEAL.items()})


def stored(model, slug: str):
    db.session.expire_all()
    return db.session.scalars(select(model).where(model.slug == slug)).one()


def held() -> list[object]:
    """What the shop holds in the optional columns of both sheets."""
    one, two, deal = stored(CouponCampaign, "c1"), stored(CouponCampaign, "c2"), stored(OnePriceDeal, "p1")
    return [
        *(getattr(one, field) for _, field, _ in CAMPAIGN.values()),
        two.most_fen,
        *(getattr(deal, field) for _, field, _ in DEAL.values()),
    ]


FULL = [*(value for _, _, value in CAMPAIGN.values()), 50_000, *(value for _, _, value in DEAL.values())]


@pytest.mark.both_databases
def test_every_optional_column_comes_in_and_goes_out(bring, tmp_path):
    bring(full())
    assert held() == FULL
    assert bring(full()).changes == 0
    export_workbook(tmp_path / "out.xlsx", media_at(tmp_path / "media"))
    assert import_workbook(tmp_path / "out.xlsx", media_at(tmp_path / "media")).changes == 0


def test_absent_columns_keep_what_they_hold(bring):
    bring(full())
    plan = bring(shaken(without_columns(book.small(), "一口价", {*DEAL, "未售罄转候补"})))
    assert plan.changes == 0
    assert held() == FULL


def test_every_absent_column_alone_is_kept(bring):
    """Column by column, of every sheet: whatever is optional may be left out and changes nothing."""
    bring(full())
    for sheet in LAYOUT.values():
        if sheet.name == rules.SPECS:
            continue
        for column in sheet.columns:
            titles = {column.title, *column.aliases}
            if column.required or not titles & set(full()[sheet.name][0]):
                continue
            assert bring(without_columns(full(), sheet.name, titles), dry_run=True).changes == 0, column.title


def test_empty_cells_of_columns_that_are_there_say_the_default(bring):
    bring(full())
    sheets = full()
    for title in CAMPAIGN:
        book.set_cell(sheets, "券活动", 2, title, None)
    for title in DEAL:
        book.set_cell(sheets, "一口价", 2, title, None)
    bring(sheets)
    row = next(s.row for key, s in queries.list_rows()[rules.CAMPAIGNS].items() if key == "c1")
    assert [getattr(row, field) for _, field, _ in CAMPAIGN.values()] == [
        LAYOUT["券活动"].column(field).default for _, field, _ in CAMPAIGN.values()
    ]
    deal = stored(OnePriceDeal, "p1")
    assert (deal.per_person, deal.queue_when_sold_out, deal.confirm_hours, deal.balance_ends_at) == (1, False, 24, None)


def test_new_rows_of_a_file_without_a_column_get_the_default(bring):
    bring(book.small())
    one = stored(CouponCampaign, "c1")
    assert (one.state, one.priority, one.payer, one.published_at is not None) == ("published", 100, "总部", True)


def test_what_is_kept_is_not_moved_with_the_dates(bring):
    """The demo moves its windows every day; a date that the file does not say stays where the shop has it."""
    bring(full(), move_days=1)
    before = stored(OnePriceDeal, "p1").balance_ends_at
    assert bring(shaken(without_columns(book.small(), "一口价", {*DEAL, "未售罄转候补"})), move_days=2).changes
    assert stored(OnePriceDeal, "p1").balance_ends_at == before


def test_units_by_dealer_are_kept_with_their_dealers(bring):
    sheets = with_columns(book.small(), "一口价", 2, {"门店台数": "d1:20；d2:30"})
    bring(book.set_cell(sheets, "一口价", 2, "参与门店", None))
    bring(without_columns(book.small(), "一口价", {"参与门店"}))
    units = select(DealDealer.units_total).join(OnePriceDeal).where(OnePriceDeal.slug == "p1").order_by("units_total")
    assert list(db.session.scalars(units)) == [20, 30]


def test_a_pause_of_the_office_is_kept_with_its_reason(bring):
    bring(book.small())
    with transaction():
        paused = update(CouponCampaign).where(CouponCampaign.slug == "c1")
        changed_rows(paused.values(state="paused", state_reason="门店缺货"))
    assert bring(book.small()).changes == 0
    assert (stored(CouponCampaign, "c1").state, stored(CouponCampaign, "c1").state_reason) == ("paused", "门店缺货")
    bring(with_columns(book.small(), "券活动", 2, {"状态": "发布"}))
    assert (stored(CouponCampaign, "c1").state, stored(CouponCampaign, "c1").state_reason) == ("published", "")


@pytest.mark.parametrize(
    ("row", "cells", "words"),
    [
        (3, {"折扣": None}, "折扣券没有折扣，应填如 8.8"),
        (2, {"最高抵扣元": 100}, "代金券不按折扣抵扣，最高抵扣元应留空，只有折扣券可填"),
        (3, {"最高抵扣元": 0}, "金额为 0，应大于 0 元"),
        (2, {"每人每日限领": 2}, "每人每日限领 2 张多于每人限领 1 张，应不多于每人限领"),
        (2, {"每日总量": 501}, "每日总量 501 张多于发放总量 500 张，应不多于发放总量"),
        (2, {"渠道": "页面；电台"}, "“电台”不是渠道，应为 页面、海报码、门店码、店员、名单"),
        (2, {"适用范围": "轮胎"}, "“轮胎”不可用，应为 整车、精品、售后 之一"),
        (2, {"优先级": -1}, "优先级应为 0 到 9999 的整数，数小的先用"),
        (2, {"优先级": "高"}, "“高”不是优先级，应为整数"),
        (2, {"承担方": "厂家"}, "“厂家”不可用，应为 总部、门店、共担 之一"),
        (2, {"承担方": "共担"}, "承担方是共担，门店承担比例应大于 0、小于 100"),
        (2, {"承担方": "共担", "门店承担比例": 100}, "承担方是共担，门店承担比例应大于 0、小于 100"),
        (2, {"承担方": "门店", "门店承担比例": 30}, "承担方是门店，门店承担比例应留空"),
        (2, {"门店承担比例": 30}, "承担方是总部，门店承担比例应留空"),
        (2, {"门店承担比例": 33.33}, "“33.33”不是门店承担比例，应为 0 到 100 的百分数，最多一位小数，如 30"),
        (2, {"领取方式": "摇一摇", "摇中概率": 0}, "摇中概率为 0，应大于 0、不超过 100"),
        (
            2,
            {"领取方式": "摇一摇", "摇中概率": 101},
            "“101”不是摇中概率，应为 0 到 100 的百分数，最多一位小数，如 30",
        ),
        (2, {"摇中概率": 30}, "领取方式不是摇一摇，摇中概率应留空"),
        (2, {"距店米": 300}, "领取方式不是摇一摇，距店米应留空"),
        (2, {"状态": "上线"}, "“上线”不可用，应为 草稿、发布、暂停、结束 之一"),
    ],
)
def test_each_contradiction_of_a_campaign_is_one_line(refusals, row, cells, words):
    lines = refusals(with_columns(book.small(), "券活动", row, cells))
    assert [line.split(": ", 1)[1] for line in lines] == [words]


@pytest.mark.parametrize(
    ("value", "shown_as", "permille"),
    [(30, "General", 300), (0.3, "0%", 300), (0.333, "0.00%", 333), (30, '0"%"', 300), (30, "0\\%", 300)],
)
def test_a_percentage_is_what_the_cell_shows(app, folder, tmp_path, value, shown_as, permille):
    sheets = with_columns(book.small(), "券活动", 2, {"承担方": "共担", "门店承担比例": value})
    specs = sheets["参数"]
    specs.append(["t2", "基本参数", "快充到", value, None])
    path = book.save_xlsx(sheets, folder / "book.xlsx")
    written = openpyxl.load_workbook(path)
    share = sheets["券活动"][0].index("门店承担比例") + 1
    written["券活动"].cell(2, share).number_format = shown_as
    written["参数"].cell(len(specs), 4).number_format = shown_as
    written.save(path)
    import_workbook(path, media_at(tmp_path / "media"))
    assert stored(CouponCampaign, sheets["券活动"][1][0]).dealer_permille == permille
    shown = f"{permille / 10:g}%" if value < 1 else "30"
    assert db.session.scalar(select(SpecItem.value).where(SpecItem.name == "快充到")) == shown
