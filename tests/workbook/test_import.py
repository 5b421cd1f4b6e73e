"""An import makes the shop say what the workbook says, all of it or nothing, as often as one likes."""

from datetime import UTC, date, datetime

import openpyxl
import pytest
from sqlalchemy import delete, func, select, update

from app.booking.models import DealDealer, OnePriceDeal, QueuePlace
from app.catalog.models import Brand, Colour, Picture, Series, SeriesPicture, SpecItem, Trim
from app.catalog.pictures import picture_sources
from app.core import clock
from app.core.audit import AuditEntry
from app.core.db import changed_rows, db, transaction
from app.coupons.models import CampaignDealer, CampaignSeries, CouponCampaign, Draw
from app.coupons.rules.draws import DrawState
from app.dealers.models import Dealer
from app.members.models import Member
from app.workbook import queries, rules, services
from app.workbook.exporting import export_workbook
from tests.client import Shopper
from tests.workbook import book
from tests.workbook.book import media_at, set_cell

TABLES = (Brand, Series, Colour, Trim, SpecItem, Dealer, OnePriceDeal, CouponCampaign, Picture, AuditEntry)


def counts() -> list[int]:
    return [db.session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def deal(slug: str) -> OnePriceDeal:
    db.session.expire_all()
    return db.session.scalars(select(OnePriceDeal).where(OnePriceDeal.slug == slug)).one()


@pytest.mark.both_databases
def test_small_workbook_is_stored_and_second_import_changes_nothing(bring):
    assert bring(book.small()).changes == 6 + 1 + 2 + 2 + 3 + 4 + 2 + 2 + 2
    assert counts() == [1, 2, 2, 3, 4, 2, 2, 2, 6, 1]
    assert bring(book.small()).changes == 0
    assert counts() == [1, 2, 2, 3, 4, 2, 2, 2, 6, 1]


@pytest.mark.both_databases
def test_every_field_of_the_offers_arrives(bring):
    bring(book.small())
    one = deal("p1")
    assert (one.price_fen, one.earnest_fen, one.earnest_kind) == (15_880_000, 100_000, "订金")
    assert (one.units_total, one.units_left, one.per_person) == (50, 50, 1)
    assert one.starts_at == datetime(2026, 11, 10, 2, tzinfo=UTC)
    assert (one.all_dealers, one.queue_when_sold_out) == (True, True)
    assert db.session.scalar(select(func.count()).select_from(DealDealer)) == 2
    first, second = db.session.scalars(select(CouponCampaign).order_by(CouponCampaign.slug)).all()
    assert (first.face_fen, first.valid_until) == (300_000, datetime(2026, 12, 31, 16, tzinfo=UTC))
    assert (second.discount_permille, second.valid_days, second.threshold_fen) == (880, 30, 30_000)
    assert (second.passphrase, second.usage, second.stackable) == ("山色入座", "通用", True)
    assert db.session.scalar(select(func.count()).select_from(CampaignSeries)) == 1
    assert db.session.scalar(select(func.count()).select_from(CampaignDealer)) == 1
    series = db.session.scalars(select(Series).where(Series.slug == "s1")).one()
    assert (series.highlights, series.position, len(series.gallery)) == ("安静；舒展", 10, 5)
    frames = select(func.count()).select_from(SeriesPicture).where(SeriesPicture.kind == "frame")
    assert db.session.scalar(frames) == 3
    assert series.cover is not None
    assert picture_sources(series.cover) == [(320, f"/media/{series.cover.digest}/320.webp")]


def test_dry_run_tells_the_plan_and_changes_nothing(bring, tmp_path):
    assert bring(book.small(), dry_run=True).changes == 24
    assert counts() == [0] * len(TABLES)
    assert not list((tmp_path / "media").rglob("*"))


def test_dry_run_tells_added_changed_and_withdrawn_rows(bring):
    bring(book.small())
    sheets = set_cell(book.small(), "一口价", 2, "一口价元", "15.78万")
    sheets["车款"].append(["t4", "s1", "2026款", "新", 200000, None, None, None])
    del sheets["门店"][2]
    set_cell(sheets, "一口价", 3, "参与门店", "d1")
    plan = bring(sheets, dry_run=True)
    assert [change.key for change in plan.sheets["车款"].added] == ["t4"]
    assert plan.sheets["一口价"].changed[0].fields == {"price_fen": (15_880_000, 15_780_000)}
    assert [change.key for change in plan.sheets["门店"].withdrawn] == ["d2"]
    assert deal("p1").price_fen == 15_880_000


@pytest.mark.both_databases
def test_row_that_disappears_is_withdrawn_and_comes_back(bring):
    bring(book.small())
    sheets = book.small()
    for name in ("车系", "车款", "颜色", "门店", "一口价", "券活动"):
        del sheets[name][-1]
    sheets["券活动"] = sheets["券活动"][:1]
    bring(sheets)
    assert counts()[:-1] == [1, 2, 2, 3, 4, 2, 2, 2, 6]
    db.session.expire_all()
    statuses = {row.slug: row.status for row in db.session.execute(select(Trim.slug, Trim.status))}
    assert statuses == {"t1": "在售", "t2": "在售", "t3": "下架"}
    assert db.session.scalar(select(Series.status).where(Series.slug == "s2")) == "下架"
    assert db.session.scalar(select(Dealer.status).where(Dealer.slug == "d2")) == "下架"
    assert deal("p2").withdrawn
    assert bring(sheets).changes == 0
    bring(book.small())
    assert not deal("p2").withdrawn
    assert db.session.scalar(select(Trim.status).where(Trim.slug == "t3")) == "在售"


@pytest.mark.both_databases
def test_changed_units_move_what_is_left_by_as_much(bring, refusals):
    bring(book.small())
    with transaction():
        changed_rows(update(OnePriceDeal).where(OnePriceDeal.slug == "p2").values(units_left=1))
    bring(set_cell(book.small(), "一口价", 3, "台数", 10))
    assert (deal("p2").units_total, deal("p2").units_left) == (10, 8)
    bring(set_cell(book.small(), "一口价", 3, "台数", 2))
    assert (deal("p2").units_total, deal("p2").units_left) == (2, 0)
    lines = refusals(set_cell(set_cell(book.small(), "一口价", 3, "台数", 1), "品牌", 2, "名称", "改名"))
    assert lines == ["一口价!G3: 台数 1 少于已预订的 2 台，应不少于 2"]
    assert db.session.scalar(select(Brand.name)) == "云岫汽车"


@pytest.mark.both_databases
def test_booking_between_check_and_write_stops_the_import(bring, refusals, monkeypatch):
    bring(book.small())
    with transaction():
        changed_rows(update(OnePriceDeal).where(OnePriceDeal.slug == "p2").values(units_left=0))
        changed_rows(update(CouponCampaign).where(CouponCampaign.slug == "c1").values(claimed=40))
    monkeypatch.setattr(queries, "list_taken", lambda: {"一口价": {}, "券活动": {}})
    assert "又有人预订" in refusals(set_cell(book.small(), "一口价", 3, "台数", 2))[0]
    assert "又有人领取" in refusals(set_cell(book.small(), "券活动", 2, "发放总量", 39))[0]
    assert (deal("p2").units_total, deal("p2").units_left) == (3, 0)


@pytest.mark.both_databases
def test_total_of_a_campaign_never_falls_below_what_was_claimed(bring, refusals):
    bring(book.small())
    with transaction():
        changed_rows(update(CouponCampaign).where(CouponCampaign.slug == "c1").values(claimed=40))
    bring(set_cell(book.small(), "券活动", 2, "发放总量", 40))
    assert refusals(set_cell(book.small(), "券活动", 2, "发放总量", 39))[0].startswith(
        "券活动!G2: 发放总量 39 少于已领取的 40 张"
    )


@pytest.mark.both_databases
def test_nothing_is_taken_from_the_prizes_of_a_published_draw(bring, refusals):
    def drawn(total: int = 500, valid: str = "2026-12-31", way: str = "夺券") -> book.Sheets:
        sheets = set_cell(set_cell(book.small(), "券活动", 2, "发放总量", total), "券活动", 2, "有效期", valid)
        return set_cell(sheets, "券活动", 2, "领取方式", way)

    bring(drawn())
    promise(DrawState.DRAFT)
    bring(drawn(400))  # nobody was promised anything yet
    promise(DrawState.OPEN)
    assert refusals(drawn(399, "2026-12-30", "直接领取")) == [
        "券活动!G2: “c1”的夺券已经公示，发放总量 399 应不少于 400",
        "券活动!I2: “c1”的夺券已经公示，领取方式应仍为“夺券”",
        "券活动!M2: “c1”的夺券已经公示，有效期不能缩短",
    ]
    assert refusals(drawn(400, "领取后30天"), dry_run=True) == ["券活动!M2: “c1”的夺券已经公示，有效期不能缩短"]
    assert bring(drawn(600, "2027-01-31")).changes == 1
    promise(DrawState.VOID)
    assert bring(drawn(400)).changes == 1


def promise(state: DrawState) -> None:
    """A draw of the first campaign, in this state."""
    with transaction() as session:
        session.execute(delete(Draw))
        campaign = session.scalars(select(CouponCampaign).where(CouponCampaign.slug == "c1")).one()
        session.add(
            Draw(
                campaign_id=campaign.id, fee_fen=100, winners=2, prizes={}, disclosures={}, commitment="", seed="",
                beacon_source="", state=state.value, entries=0, root="", draws_at=campaign.claim_until,
            )
        )  # fmt: skip


def test_other_edits_leave_taken_units_alone(bring):
    bring(book.small())
    with transaction():
        changed_rows(update(OnePriceDeal).where(OnePriceDeal.slug == "p1").values(units_left=7))
    bring(set_cell(book.small(), "一口价", 2, "标题", "新标题"))
    assert (deal("p1").title, deal("p1").units_left) == ("新标题", 7)


def test_sheet_that_is_absent_stays_as_it_is(bring):
    bring(book.small())
    plan = bring({"门店": book.small()["门店"]})
    assert (list(plan.sheets), plan.changes) == (["门店"], 0)


def test_absent_sheet_still_protects_what_it_refers_to(bring, refusals):
    bring(book.small())
    trims = book.small()["车款"]
    assert refusals({"车款": [trims[0], trims[2], trims[3]]}) == [
        "车款!A1: 缺少“t1”，一口价“p1”还在引用它，应保留这一行"
    ]
    cheaper = set_cell({"车款": trims}, "车款", 2, "指导价元", 150000)
    assert refusals(cheaper) == ["车款!E2: 指导价 ¥150,000 低于一口价“p1”的 ¥158,800，应先改一口价"]


@pytest.mark.both_databases
def test_changed_specs_are_laid_out_again_and_gone_ones_leave(bring):
    bring(book.small())
    sheets = book.small()
    sheets["参数"][1], sheets["参数"][2] = sheets["参数"][2], ["t1", "基本参数", "宽度", "1,890", "mm"]
    plan = bring(sheets).sheets["参数"]
    assert (len(plan.added), len(plan.withdrawn), plan.unchanged) == (1, 1, 3)
    query = select(SpecItem.name, SpecItem.value).join(Trim).where(Trim.slug == "t1").order_by(SpecItem.position)
    assert [tuple(row) for row in db.session.execute(query)] == [("全景天窗", "○ 4500"), ("宽度", "1,890")]


def test_wide_specs_say_the_same_as_long_ones(bring):
    bring(book.small())
    sheets = book.small()
    sheets["参数"] = [
        ["分组", "项目", "单位", "t1", "t2"],
        ["基本参数", "长度", "mm", "4780", 4780.0],
        ["外部配置", "全景天窗", None, "○ ¥4,500", "●"],
    ]
    assert bring(sheets).changes == 0


def test_replaced_picture_changes_only_the_picture(bring, folder):
    from PIL import Image

    bring(book.small())
    Image.new("RGB", (500, 300), "red").save(folder / "cars/b.png")
    plan = bring(book.small())
    assert [change.key for change in plan.sheets[rules.PICTURES].changed] == ["cars/b.png"]
    assert db.session.scalar(select(Picture.widths).where(Picture.name == "cars/b.png")) == "320,480"
    assert bring(book.small()).changes == 0


def test_moved_dates_keep_times_of_day_and_move_back(bring):
    bring(book.small())
    bring(book.small(), move_days=9)
    assert deal("p1").starts_at == datetime(2026, 11, 19, 2, tzinfo=UTC)
    campaign = db.session.scalars(select(CouponCampaign).where(CouponCampaign.slug == "c1")).one()
    assert campaign.valid_until == datetime(2027, 1, 9, 16, tzinfo=UTC)
    hours = db.session.scalar(select(Dealer.hours).where(Dealer.slug == "d1"))
    assert hours == "周一-周日 09:00-20:30；2026-10-10 休"
    bring(book.small())
    assert deal("p1").starts_at == datetime(2026, 11, 10, 2, tzinfo=UTC)


def test_coordinates_in_other_systems_are_stored_as_gcj02(bring):
    sheets = set_cell(book.small(), "门店", 2, "坐标系", "wgs84")
    set_cell(set_cell(sheets, "门店", 2, "经度", "116.404"), "门店", 2, "纬度", 39.915)
    bring(sheets)
    place = select(Dealer.lng, Dealer.lat, Dealer.source_system).where(Dealer.slug == "d1")
    assert tuple(db.session.execute(place).one()) == (116.4102445, 39.9164043, "WGS-84")
    assert bring(sheets).changes == 0


@pytest.mark.both_databases
def test_export_imports_again_without_a_change(bring, tmp_path):
    sheets = set_cell(book.small(), "门店", 2, "坐标系", "BD-09")
    set_cell(sheets, "券活动", 2, "有效期", "2027-01-05 18:30")
    set_cell(sheets, "一口价", 2, "一口价元", "158,800.50")
    bring(sheets)
    exported = tmp_path / "out.xlsx"
    export_workbook(exported, media_at(tmp_path / "media"))
    assert services.import_workbook(exported, media_at(tmp_path / "media"), dry_run=True).changes == 0


def test_successor_and_launch_date_go_out_are_changed_come_in_and_are_shown(app, bring, tmp_path):
    bring(book.small())
    file, media = tmp_path / "out.xlsx", media_at(tmp_path / "media")
    export_workbook(file, media)
    edited = openpyxl.load_workbook(file)
    titles = {cell.value: cell.column for cell in edited["车系"][1]}
    assert {"后继车系", "上市日期"} <= titles.keys()
    sheet = edited["车系"]
    old = next(row[0].row for row in sheet.iter_rows() if row[titles["编号"] - 1].value == "s2")
    sheet.cell(old, titles["状态"], "停售")
    sheet.cell(old, titles["后继车系"], "s3")
    new = {"编号": "s3", "品牌编号": "b1", "名称": "岫 Q", "级别": "跑车", "能源": "纯电", "状态": "即将上市"}
    new |= {"上市日期": date(2027, 1, 15)}
    for title, value in new.items():
        sheet.cell(sheet.max_row + (title == "编号"), titles[title], value)
    trims = edited["车款"]
    status = next(cell.column for cell in trims[1] if cell.value == "状态")
    trims.cell(next(row[0].row for row in trims.iter_rows() if row[0].value == "t3"), status, "停售")
    edited.save(file)
    services.import_workbook(file, media)
    shopper = Shopper(app)
    gone = shopper.page("/series/s2", status=410)
    assert "岫 R 已停售" in gone
    assert "它的后继车型是 岫 Q" in gone
    upcoming = shopper.page("/series/s3")
    assert "2027 年 1 月 15 日" in upcoming
    assert 'href="/series/s3/launch.ics"' in upcoming
    assert "DTSTART;VALUE=DATE:20270115\r\n" in shopper.http.get("/series/s3/launch.ics").text
    export_workbook(file, media)
    rows = {row[0]: row for row in openpyxl.load_workbook(file)["车系"].iter_rows(values_only=True)}
    assert rows["s2"][titles["后继车系"] - 1] == "s3"
    assert str(rows["s3"][titles["上市日期"] - 1]).startswith("2027-01-15")
    assert services.import_workbook(file, media, dry_run=True).changes == 0


def test_exported_zip_carries_its_pictures_to_an_empty_shop(bring, tmp_path):
    bring(book.small())
    export_workbook(tmp_path / "out.zip", media_at(tmp_path / "media"))
    plan = services.import_workbook(tmp_path / "out.zip", media_at(tmp_path / "elsewhere"), dry_run=True)
    assert [sheet for sheet, part in plan.sheets.items() if part.changes] == [rules.PICTURES]


def test_import_leaves_a_line_in_the_audit_trail(bring):
    bring(book.small())
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.detail["changes"]["一口价"]) == ("workbook_imported", [2, 0, 0])


def test_series_is_touched_when_its_trims_change(bring):
    bring(book.small())
    before = {row.slug: row.updated_at for row in db.session.execute(select(Series.slug, Series.updated_at))}
    bring(set_cell(book.small(), "车款", 2, "指导价元", 170000))
    after = {row.slug: row.updated_at for row in db.session.execute(select(Series.slug, Series.updated_at))}
    assert after["s1"] > before["s1"]
    assert after["s2"] == before["s2"]


UNITS = {
    "门店台数": "w1:2；w2:1",
    "包含": "裸车一台\n充电桩",
    "不包含": "保险",
    "确认时限小时": 12,
    "备车天数": 45,
    "尾款开始": "2027-01-05 10:00",
    "尾款结束": "2027-01-31",
}


def with_promises(**changes: object) -> book.Sheets:
    """The small workbook whose second deal fills every optional column."""
    sheets = book.small()
    table, dealers = sheets["一口价"], [row[0] for row in sheets["门店"][1:3]]
    for title, value in {**UNITS, **changes}.items():
        if title not in table[0]:
            for row in table:
                row.append(None)
            table[0][-1] = title
        text = value.replace("w1", dealers[0]).replace("w2", dealers[1]) if isinstance(value, str) else value
        table[2][table[0].index(title)] = text
    return sheets


def units_of(slug: str) -> list[tuple[int | None, int | None]]:
    db.session.rollback()
    rows = db.session.execute(
        select(DealDealer.units_total, DealDealer.units_left)
        .join(OnePriceDeal, OnePriceDeal.id == DealDealer.deal_id)
        .where(OnePriceDeal.slug == slug)
        .order_by(DealDealer.dealer_id)
    )
    return [tuple(row) for row in rows]


@pytest.mark.both_databases
def test_promises_and_units_of_dealers_come_in_and_go_out(bring, tmp_path):
    bring(with_promises(参与门店="全部"))
    row = deal("p2")
    assert (row.included, row.excluded, row.confirm_hours, row.ready_days) == ("裸车一台；充电桩", "保险", 12, 45)
    assert (row.balance_starts_at, row.balance_ends_at) == (
        datetime(2027, 1, 5, 2, tzinfo=UTC),
        datetime(2027, 1, 31, 16, tzinfo=UTC),
    )
    assert (row.stock_by_dealer, row.all_dealers, units_of("p2")) == (True, False, [(2, 2), (1, 1)])
    assert bring(with_promises(参与门店="全部")).changes == 0
    media = media_at(tmp_path / "media")
    export_workbook(tmp_path / "out.xlsx", media)
    assert services.import_workbook(tmp_path / "out.xlsx", media).changes == 0
    bring(with_promises(参与门店="全部", 门店台数="w1:2；w2:4", 台数=6))
    assert (deal("p2").units_left, units_of("p2")) == (6, [(2, 2), (4, 4)])
    bring(with_promises(参与门店="全部", 门店台数=None, 台数=6))
    assert not deal("p2").stock_by_dealer
    assert all(pair == (None, None) for pair in units_of("p2"))


def test_units_of_a_dealer_never_fall_below_what_is_booked(bring, refusals):
    bring(with_promises(参与门店="全部"))
    with transaction() as session:
        place = session.scalars(select(DealDealer).where(DealDealer.units_total == 2)).one()
        person = Member(created_at=clock.now(), last_login_at=clock.now())
        session.add(person)
        session.flush()
        moment = {"claimed_at": clock.now(), "joined_at": clock.now()}
        session.add_all(
            QueuePlace(deal_id=place.deal_id, member_id=person.id, dealer_id=place.dealer_id, state=state, **moment)
            for state in ("offered", "left")
        )
    [line] = refusals(with_promises(参与门店="全部", 门店台数="w2:3"))
    assert "已预订 1 台，门店台数应不少于 1" in line
    assert units_of("p2") == [(2, 2), (1, 1)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"门店台数": "w1:2；w2:2"}, "门店台数合计 4 台，与台数 3 不符"),
        ({"门店台数": "w1:2；w1:1"}, "写了两次"),
        ({"门店台数": "3 台"}, "应为 编号:台数"),
        ({"门店台数": "w1:2；nowhere:1"}, "“nowhere”不存在"),
        ({"参与门店": "w1"}, "门店台数与参与门店不一致"),
        ({"尾款结束": "2027-01-02"}, "尾款结束不晚于尾款开始"),
        ({"尾款开始": None, "尾款结束": "2026-11-21"}, "尾款结束不晚于活动结束"),
        ({"确认时限小时": 0}, "应为 1 到 240 的整数"),
    ],
)
def test_promises_that_contradict_each_other_are_refused(bring, refusals, changes, words):
    lines = refusals(with_promises(**{"参与门店": "全部", **changes}))
    assert any(words in line for line in lines), lines
